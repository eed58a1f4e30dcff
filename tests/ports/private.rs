//! The private PostgreSQL: made, started again, held by one server only, and taken over from the dead.

use std::{
    fs,
    io::{BufRead, BufReader},
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use foodcourt::postgres::{
    Database, DatabaseSettings,
    private::{PrivateError, PrivatePostgres},
};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tokio::time::Instant;

/// A data folder that PostgreSQL's account can reach, as one under a home that is not closed.
fn open_folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    folder
}

async fn start(folder: &Path) -> Result<PrivatePostgres, PrivateError> {
    PrivatePostgres::start(folder, &|_| {}).await
}

fn database(postgres: &PrivatePostgres) -> Database {
    Database::new(&DatabaseSettings::new(postgres.dsn())).unwrap()
}

async fn note(postgres: &PrivatePostgres, word: &str) {
    let database = database(postgres);
    database.execute("create table if not exists note (word text)", &[]).await.unwrap();
    database.execute("insert into note values ($1)", &[&word]).await.unwrap();
}

async fn notes(postgres: &PrivatePostgres) -> Vec<String> {
    let rows = database(postgres).query("select word from note order by word", &[]).await.unwrap();
    rows.iter().map(|row| row.get(0)).collect()
}

/// Whether it still runs; one that is dead but not yet taken note of has no program any more.
fn alive(pid: u32) -> bool {
    fs::read_link(format!("/proc/{pid}/exe")).is_ok_and(|program| program.ends_with("postgres"))
}

fn kill(pid: u32) {
    kill_process(Pid::from_raw(i32::try_from(pid).unwrap()).unwrap(), Signal::KILL).unwrap();
}

#[tokio::test]
async fn a_second_start_is_quick_and_finds_what_was_written() {
    let folder = open_folder();
    let data = folder.path().join("it's my \\ data");
    let first = start(&data).await.unwrap();
    note(&first, "kept").await;
    let settings = "select current_setting('fsync') || current_setting('listen_addresses') || \
                    current_setting('server_encoding') || current_database()";
    let row = database(&first).query_opt(settings, &[]).await.unwrap().unwrap();
    assert_eq!(row.get::<_, String>(0), "onUTF8foodcourtdb");
    let pid = first.pid();
    first.stop().await;
    assert!(!alive(pid));
    let begun = Instant::now();
    let second = start(&data).await.unwrap();
    let took = begun.elapsed();
    assert_eq!(notes(&second).await, ["kept"]);
    println!("second start: {took:?}");
    assert!(took < Duration::from_millis(1_500), "second start took {took:?}");
    second.stop().await;
}

#[tokio::test]
async fn a_second_server_on_the_folder_is_refused() {
    let folder = open_folder();
    let first = start(folder.path()).await.unwrap();
    let Err(refused) = start(folder.path()).await else { panic!("two servers on one folder") };
    let said = refused.to_string();
    assert!(matches!(refused, PrivateError::InUse { .. }) && said.contains(&std::process::id().to_string()), "{said}");
    note(&first, "the first is unharmed").await;
    first.stop().await;
}

#[tokio::test]
async fn folders_of_other_versions_are_refused_with_advice() {
    let folder = open_folder();
    fs::write(folder.path().join("foodcourt.version"), "999\n").unwrap();
    let Err(newer) = start(folder.path()).await else { panic!("a newer folder was taken") };
    assert!(newer.to_string().contains("newer foodcourt"), "{newer}");

    let folder = open_folder();
    fs::create_dir(folder.path().join("postgres")).unwrap();
    fs::write(folder.path().join("postgres/PG_VERSION"), "9\n").unwrap();
    if rustix::process::geteuid().is_root() {
        std::os::unix::fs::chown(folder.path().join("postgres"), Some(65_534), Some(65_534)).unwrap();
    }
    let Err(other) = start(folder.path()).await else { panic!("a folder of PostgreSQL 9 was taken") };
    assert!(other.to_string().contains("install postgresql-9 or choose another --data-dir"), "{other}");
}

#[tokio::test]
async fn a_long_path_has_its_socket_elsewhere() {
    let folder = open_folder();
    let data = folder.path().join("long".repeat(30));
    let postgres = start(&data).await.unwrap();
    assert!(!postgres.dsn().contains("long"), "{}", postgres.dsn());
    note(&postgres, "reached").await;
    let socket_dir = PathBuf::from(postgres.dsn().split('\'').nth(1).unwrap());
    assert_eq!(fs::metadata(&socket_dir).unwrap().mode() & 0o777, 0o700);
    postgres.stop().await;
    fs::remove_dir(socket_dir).unwrap();
}

#[tokio::test]
async fn a_folder_closed_to_other_users_is_no_hindrance() {
    if !rustix::process::geteuid().is_root() {
        return; // only root has to become somebody else
    }
    let closed = tempfile::tempdir().unwrap();
    fs::set_permissions(closed.path(), fs::Permissions::from_mode(0o700)).unwrap();
    let data = closed.path().join("data");
    let said = std::sync::Mutex::new(String::new());
    let postgres = PrivatePostgres::start(&data, &|sentence| said.lock().unwrap().push_str(sentence)).await.unwrap();
    note(&postgres, "kept").await;
    postgres.stop().await;
    let place = PathBuf::from(fs::read_to_string(data.join("postgres.location")).unwrap().trim());
    assert!(said.lock().unwrap().contains(place.to_str().unwrap()), "the person is told where");
    let again = start(&data).await.unwrap();
    assert_eq!(notes(&again).await, ["kept"]);
    again.stop().await;
    fs::remove_dir_all(place).unwrap();
}

#[tokio::test]
async fn a_killed_database_recovers() {
    let folder = open_folder();
    let first = start(folder.path()).await.unwrap();
    note(&first, "acknowledged").await;
    // Its children are left alone in the folder for a moment; a new postmaster must not meet them.
    kill(first.pid());
    drop(first);
    let second = start(folder.path()).await.unwrap();
    assert_eq!(notes(&second).await, ["acknowledged"]);
    second.stop().await;
}

/// A postmaster that nobody ties to a server, as `setpriv` missing or failing would leave it.
fn stray(program: &Path, folder: &Path) -> Child {
    let cluster = folder.join("postgres");
    let owner = fs::metadata(&cluster).unwrap();
    let mut command = Command::new(program);
    command.arg("-D").arg(&cluster).arg("-k").arg(folder.join("run")).args(["-c", "listen_addresses="]);
    command.current_dir("/").stdin(Stdio::null()).stderr(Stdio::piped());
    if rustix::process::geteuid().is_root() {
        use std::os::unix::process::CommandExt;
        command.uid(owner.uid()).gid(owner.gid());
    }
    let mut child = command.spawn().unwrap();
    let mut said = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    while !line.contains("ready to accept connections") {
        line.clear();
        assert!(said.read_line(&mut line).unwrap() > 0, "the stray server did not start");
    }
    std::thread::spawn(move || std::io::copy(&mut said, &mut std::io::sink()));
    child
}

/// A folder in which "kept" was noted, and a stray postmaster on it.
async fn strayed() -> (TempDir, Child) {
    let folder = open_folder();
    let first = start(folder.path()).await.unwrap();
    let program = fs::read_link(format!("/proc/{}/exe", first.pid())).unwrap();
    note(&first, "kept").await;
    first.stop().await;
    let stray = stray(&program, folder.path());
    (folder, stray)
}

#[tokio::test]
async fn a_stray_database_on_the_folder_is_stopped_first() {
    let (folder, mut stray) = strayed().await;
    // Somebody has to take note of its end, or it stays in the process table.
    let reaped = std::thread::spawn(move || stray.wait().unwrap());
    let postgres = start(folder.path()).await.unwrap();
    assert!(reaped.join().unwrap().success(), "stopped, not killed");
    assert_eq!(notes(&postgres).await, ["kept"]);
    postgres.stop().await;
}

#[tokio::test]
async fn a_killed_database_that_nobody_has_waited_for_is_no_hindrance() {
    let (folder, mut stray) = strayed().await;
    // From now on its number is in the process table, as if it lived, and both of its lock files name it.
    kill(stray.id());
    let postgres = start(folder.path()).await.unwrap();
    assert_eq!(notes(&postgres).await, ["kept"]);
    postgres.stop().await;
    stray.wait().unwrap();
}

/// Not a claim of its own: the process that the next test kills.
#[tokio::test]
async fn a_server_to_be_killed() {
    let Ok(folder) = std::env::var("FOODCOURT_TEST_FOLDER") else { return };
    let postgres = start(Path::new(&folder)).await.unwrap();
    note(&postgres, "acknowledged").await;
    println!("ready {}", postgres.pid());
    std::future::pending::<()>().await;
}

/// A server in a process of its own, `through` another program, and its postmaster.
fn server(through: &[&str], folder: &Path) -> (Child, u32) {
    let program = std::env::current_exe().unwrap().display().to_string();
    let words = [through, &[&program, "--exact", "private::a_server_to_be_killed", "--nocapture"]].concat();
    let mut server = Command::new(words[0])
        .args(&words[1..])
        .env("FOODCOURT_TEST_FOLDER", folder)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let said = BufReader::new(server.stdout.take().unwrap()).lines();
    let pid = |line: String| line.split_once("ready ").map(|(_, pid)| pid.trim().parse().unwrap());
    let ready = said.map_while(Result::ok).find_map(pid);
    (server, ready.expect("the server did not start"))
}

#[tokio::test]
async fn a_killed_server_leaves_its_database_to_the_next() {
    let folder = open_folder();
    let (mut server, pid) = server(&[], folder.path());
    assert!(alive(pid));
    server.kill().unwrap();
    server.wait().unwrap();
    let next = start(folder.path()).await.unwrap();
    assert!(next.pid() != pid && !alive(pid));
    assert_eq!(notes(&next).await, ["acknowledged"]);
    next.stop().await;
}

/// Root in most containers may signal another account's processes, and not see where they live.
#[tokio::test]
async fn a_stray_database_is_stopped_also_by_who_may_not_look_into_it() {
    let (folder, mut stray) = strayed().await;
    let reaped = std::thread::spawn(move || stray.wait().unwrap());
    let blind: &[&str] = &["setpriv", "--bounding-set", "-sys_ptrace", "--"];
    let root = rustix::process::geteuid().is_root();
    let begun = Instant::now();
    let (mut server, _) = server(if root { blind } else { &[] }, folder.path());
    assert!(reaped.join().unwrap().success(), "stopped, not killed");
    // A postmaster whose lock files were taken away would have gone by itself, after a minute.
    assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", begun.elapsed());
    server.kill().unwrap();
    server.wait().unwrap();
    let next = start(folder.path()).await.unwrap();
    assert_eq!(notes(&next).await, ["acknowledged", "kept"]);
    next.stop().await;
}
