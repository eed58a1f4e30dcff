//! A fresh, migrated database for a test: one private PostgreSQL per test process, copied from a cluster that is
//! made once per machine, without fsync. It ends with the last database that uses it, or with the process.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU32, Ordering},
    sync::{Arc, Weak},
};

use rustix::fs::FlockOperation;
use tokio::{process::Command, sync::Mutex};

use super::{
    migrate::migrate,
    pool::{Database, DatabaseSettings},
    private::{Durability, PrivatePostgres},
};

/// The server of this process, shared by the tests that run in it at once.
static SERVER: Mutex<Weak<Server>> = Mutex::const_new(Weak::new());
static DATABASES: AtomicU32 = AtomicU32::new(0);

struct Server {
    postgres: Option<PrivatePostgres>,
    folder: PathBuf,
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(postgres) = self.postgres.take() {
            postgres.stop_blocking();
        }
        fs::remove_dir_all(&self.folder).ok();
    }
}

/// A database of one test.
pub struct TestDatabase {
    settings: DatabaseSettings,
    database: Database,
    _server: Arc<Server>,
}

impl TestDatabase {
    /// A fresh database with this build's schema.
    ///
    /// # Panics
    /// When there is no PostgreSQL: the test cannot say anything then.
    pub async fn fresh() -> Self {
        let test = Self::empty().await;
        migrate(test.settings()).await.expect("a fresh database takes the migrations");
        test
    }

    /// A fresh database without any table.
    ///
    /// # Panics
    /// As [`TestDatabase::fresh`].
    pub async fn empty() -> Self {
        let server = server().await;
        let postgres = server.postgres.as_ref().expect("taken only by drop");
        let name = format!("test_{}", DATABASES.fetch_add(1, Ordering::Relaxed));
        let (client, connection) =
            tokio_postgres::connect(&postgres.dsn(), tokio_postgres::NoTls).await.expect("the test's server answers");
        let driver = tokio::spawn(connection);
        client.batch_execute(&format!("create database {name}")).await.expect("a new database");
        drop(client);
        driver.await.ok();
        let dsn = postgres.dsn().replace("dbname=foodcourtdb", &format!("dbname={name}"));
        let settings = DatabaseSettings::new(dsn);
        let database = Database::new(&settings).expect("our own address is well formed");
        Self { settings, database, _server: server }
    }

    /// How to reach it.
    #[must_use]
    pub fn settings(&self) -> &DatabaseSettings {
        &self.settings
    }
    /// Its address.
    #[must_use]
    pub fn dsn(&self) -> &str {
        &self.settings.dsn
    }
    /// A pool on it.
    #[must_use]
    pub fn database(&self) -> &Database {
        &self.database
    }
}

async fn server() -> Arc<Server> {
    let mut shared = SERVER.lock().await;
    if let Some(server) = shared.upgrade() {
        return server;
    }
    let server = Arc::new(start().await.expect("a private PostgreSQL for tests"));
    *shared = Arc::downgrade(&server);
    server
}

async fn start() -> Result<Server, Box<dyn std::error::Error>> {
    let home = fast_folder().join(format!("foodcourt-tests-{}", rustix::process::geteuid().as_raw()));
    let folder = home.join(format!("run-{}", std::process::id()));
    fs::create_dir_all(&home)?;
    sweep(&home);
    let template = template(&home).await?;
    fs::remove_dir_all(&folder).or_else(|error| match error.kind() {
        io::ErrorKind::NotFound => Ok(()),
        _ => Err(error),
    })?;
    // Keeps owner and modes, which PostgreSQL insists on.
    let copied = Command::new("cp").arg("-a").arg(&template).arg(&folder).status().await?;
    if !copied.success() {
        return Err("cp failed".into());
    }
    let postgres = PrivatePostgres::start_with(&folder, Durability::None, &|_| {}).await?;
    Ok(Server { postgres: Some(postgres), folder })
}

/// In memory where there is room (copying a cluster costs a second on some disks and nothing there).
fn fast_folder() -> PathBuf {
    const ROOM_BYTES: u64 = 4 << 30;
    let memory = PathBuf::from("/dev/shm");
    match rustix::fs::statvfs(&memory) {
        Ok(stats) if stats.f_bavail * stats.f_frsize > ROOM_BYTES => memory,
        _ => std::env::temp_dir(),
    }
}

/// A stopped data folder with a fresh cluster, made by whichever test process comes first.
async fn template(home: &Path) -> Result<PathBuf, Box<dyn std::error::Error>> {
    let template = home.join("template");
    let lock = fs::File::create(home.join("template.lock"))?;
    let waiting = lock.try_clone()?;
    tokio::task::spawn_blocking(move || rustix::fs::flock(&waiting, FlockOperation::LockExclusive)).await??;
    if !template.exists() {
        let fresh = home.join("template.new");
        fs::remove_dir_all(&fresh).ok();
        PrivatePostgres::start_with(&fresh, Durability::None, &|_| {}).await?.stop().await;
        fs::rename(&fresh, &template)?;
    }
    drop(lock);
    Ok(template)
}

/// Removes folders of test processes that were killed.
fn sweep(home: &Path) {
    for entry in fs::read_dir(home).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.strip_prefix("run-").is_some_and(|pid| !Path::new(&format!("/proc/{pid}")).exists()) {
            fs::remove_dir_all(entry.path()).ok();
        }
    }
}
