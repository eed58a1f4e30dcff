//! A PostgreSQL of our own in the data folder, for everybody who has configured none: found or fetched, made,
//! started with the server and stopped with it. Linux first; elsewhere it works where the binaries are installed.

mod account;
mod binaries;
mod fetch;
mod folder;
mod leftovers;
mod process;

use std::{
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use tokio::{process::Command, time::sleep};
use tokio_postgres::NoTls;

use self::{binaries::Binaries, folder::Folder, process::Process};
use super::connect::quoted;

/// The role that owns everything.
const ROLE: &str = "foodcourt";
/// The database that is used when none is configured.
const DATABASE: &str = "foodcourtdb";
/// How long crash recovery may take before we give up (after a kill under load it is a matter of seconds).
const START_MAX: Duration = Duration::from_secs(120);

/// Why there is no private PostgreSQL. Each is a sentence for the person who started the server.
#[derive(Debug, thiserror::Error)]
pub enum PrivateError {
    /// Neither installed nor to be fetched.
    #[error(
        "PostgreSQL is not installed and cannot be fetched ({reason}): run `apt-get install postgresql`, or name a database in `database.url`"
    )]
    NotFound {
        /// Why it could not be fetched.
        reason: String,
    },
    /// The folder belongs to another major version.
    #[error(
        "this data folder was made by PostgreSQL {major}, which is not here: install postgresql-{major} or choose another --data-dir"
    )]
    OtherMajor {
        /// The folder's version.
        major: u32,
    },
    /// The folder belongs to a newer build.
    #[error(
        "the data folder {} was made by a newer foodcourt (layout {found}, this one knows {known}): start that one, or choose another --data-dir", folder.display()
    )]
    NewerFolder {
        /// Which folder.
        folder: PathBuf,
        /// Its version.
        found: u32,
        /// Ours.
        known: u32,
    },
    /// A second server.
    #[error(
        "another foodcourt (process {pid}) is running on the data folder {}: stop it, or choose another --data-dir", folder.display()
    )]
    InUse {
        /// Which folder.
        folder: PathBuf,
        /// Who has it.
        pid: String,
    },
    /// The folder cannot be used.
    #[error("cannot use {}", path.display())]
    Folder {
        /// What.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The lock cannot be opened.
    #[error(
        "{} belongs to {owner} and is closed to this user: run foodcourt as {owner}, or choose another --data-dir", path.display()
    )]
    Closed {
        /// What.
        path: PathBuf,
        /// Whose.
        owner: String,
    },
    /// Somebody else's things.
    #[error(
        "the folder {} holds things that are not foodcourt's ({thing}): choose an empty or a new one with --data-dir", folder.display()
    )]
    NotOurs {
        /// Which folder.
        folder: PathBuf,
        /// One of them.
        thing: String,
    },
    /// The folder's owner is somebody else.
    #[error("{} belongs to {}: run as that user, or choose another --data-dir", path.display(), account::who(*uid))]
    Foreign {
        /// What.
        path: PathBuf,
        /// Whose.
        uid: u32,
    },
    /// A program could not be run.
    #[error("cannot run {}", program.display())]
    Run {
        /// Which.
        program: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// `initdb` failed.
    #[error("PostgreSQL could not make its folder: {said}")]
    Init {
        /// What it said last.
        said: String,
    },
    /// The server did not come up.
    #[error("PostgreSQL did not start: {said} (see {})", log.display())]
    Start {
        /// What it said last.
        said: String,
        /// Its log.
        log: PathBuf,
    },
    /// A server from before does not end.
    #[error("PostgreSQL process {pid} from before still holds the data folder and does not end")]
    Stuck {
        /// Which.
        pid: u32,
    },
}

/// How far a server may go for speed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Durability {
    /// What is acknowledged survives power loss.
    Full,
    /// For tests: survives the process only.
    None,
}

/// A running private PostgreSQL. Dropping it asks the server to stop; [`PrivatePostgres::stop`] also waits.
pub struct PrivatePostgres {
    process: Process,
    dsn: String,
    /// Holds the locks on the folder as long as the server runs.
    _folder: Folder,
}

impl PrivatePostgres {
    /// Makes the folder's PostgreSQL if there is none yet, and starts it. `progress` hears a sentence before
    /// anything that takes long.
    ///
    /// # Errors
    /// [`PrivateError`].
    pub async fn start(data_dir: &Path, progress: &(dyn Fn(&str) + Sync)) -> Result<Self, PrivateError> {
        Self::start_with(data_dir, Durability::Full, progress).await
    }

    pub(super) async fn start_with(
        data_dir: &Path,
        durability: Durability,
        progress: &(dyn Fn(&str) + Sync),
    ) -> Result<Self, PrivateError> {
        let folder = Folder::open(data_dir, progress)?;
        let binaries = match Binaries::find(folder.major()?).await? {
            Some(binaries) => binaries,
            None => fetch::fetch(&folder, progress).await?,
        };
        if folder.major()?.is_none() {
            progress("making a database in the data folder (once)");
            init(&binaries, &folder).await?;
        }
        leftovers::clear(&folder, progress).await?;
        let mut process = Process::spawn(&binaries, &folder, durability)?;
        let socket_dir = folder.socket_dir().display().to_string();
        let address = |database: &str| address(&socket_dir, database);
        wait_until_ready(&mut process, &folder, &address("postgres")).await?;
        Ok(Self { process, dsn: address(DATABASE), _folder: folder })
    }

    /// Whether a foodcourt has ever kept its facts in `data_dir`. Makes nothing.
    #[must_use]
    pub fn holds_data(data_dir: &Path) -> bool {
        folder::holds_data(data_dir)
    }

    /// The address of the database of a server that runs on `data_dir`, if it tells us.
    #[must_use]
    pub fn running_in(data_dir: &Path) -> Option<String> {
        folder::running_socket(data_dir).map(|socket_dir| address(&socket_dir, DATABASE))
    }

    /// The address of the database, in `key=value` form.
    #[must_use]
    pub fn dsn(&self) -> String {
        self.dsn.clone()
    }

    /// The server's process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// Stops the server (open transactions are rolled back) and waits until it is gone.
    pub async fn stop(mut self) {
        self.process.ask_to_stop();
        self.process.ended().await;
    }
}

impl PrivatePostgres {
    /// As [`PrivatePostgres::stop`], for places that cannot await.
    pub(super) fn stop_blocking(self) {
        self.process.ask_to_stop();
        self.process.join();
    }
}

impl Drop for PrivatePostgres {
    fn drop(&mut self) {
        self.process.ask_to_stop();
    }
}

fn address(socket_dir: &str, database: &str) -> String {
    format!("host={} port={} user={ROLE} dbname={database}", quoted(socket_dir), folder::PORT)
}

/// `initdb` into a folder beside, which is renamed when it is complete: a half-made one is never taken for real.
async fn init(binaries: &Binaries, folder: &Folder) -> Result<(), PrivateError> {
    let mut said = String::new();
    // C.UTF-8 sorts bytewise and knows letters; the plain C locale is everywhere.
    for locale in ["C.UTF-8", "C"] {
        let fresh = folder.fresh_cluster()?;
        let mut command = Command::new(binaries.initdb());
        command
            .args(["--encoding=UTF8", "--auth=trust", "--no-instructions", "--username", ROLE])
            .arg(format!("--locale={locale}"))
            .arg("--pgdata")
            .arg(&fresh);
        folder.account().apply(command.as_std_mut());
        let run = |source| PrivateError::Run { program: binaries.initdb(), source };
        let output = command.output().await.map_err(run)?;
        if output.status.success() {
            return folder.keep_cluster(&fresh);
        }
        said = last_line(&String::from_utf8_lossy(&output.stderr));
        if !said.contains("locale") {
            break;
        }
    }
    Err(PrivateError::Init { said })
}

async fn wait_until_ready(process: &mut Process, folder: &Folder, dsn: &str) -> Result<(), PrivateError> {
    let said = || last_line(&std::fs::read_to_string(folder.log()).unwrap_or_default());
    let ready = async {
        loop {
            if let Ok((client, connection)) = tokio_postgres::connect(dsn, NoTls).await {
                let driver = tokio::spawn(connection);
                let made = make_database(&client).await;
                drop(client);
                driver.await.ok();
                return made;
            }
            sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::select! {
        made = ready => made.map_err(|error| PrivateError::Start { said: error.to_string(), log: folder.log() }),
        () = process.ended() => Err(PrivateError::Start { said: said(), log: folder.log() }),
        () = sleep(START_MAX) => Err(PrivateError::Start { said: said(), log: folder.log() }),
    }
}

async fn make_database(client: &tokio_postgres::Client) -> Result<(), tokio_postgres::Error> {
    let found = client.query_opt("select 1 from pg_database where datname = $1", &[&DATABASE]).await?;
    if found.is_none() {
        client.batch_execute(&format!("create database {DATABASE}")).await?;
    }
    Ok(())
}

fn last_line(text: &str) -> String {
    text.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("it said nothing").trim().to_owned()
}
