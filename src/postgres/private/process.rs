//! The running server process, tied to ours: it stops when we say so, and also when we die without a word.

use std::{
    fs::File,
    io,
    os::unix::fs::OpenOptionsExt,
    path::Path,
    process::{Command, Stdio},
    sync::mpsc,
    thread,
    time::Duration,
};

use rustix::process::Signal;
use tokio::sync::watch;
use tracing::{debug, error};

use super::{Durability, PrivateError, binaries::Binaries, folder, folder::Folder, leftovers};

/// A log above this is begun anew at start; it holds warnings only.
const LOG_BYTES_MAX: u64 = 10 * 1024 * 1024;

/// A postmaster.
pub(super) struct Process {
    pid: u32,
    ended: watch::Receiver<bool>,
    /// Tells the waiting thread that the end is wanted.
    wanted: watch::Sender<bool>,
}

impl Process {
    /// Starts the postmaster from a thread that lives as long as it does: the kernel's "parent died" signal fires
    /// when the *thread* ends that made the child, so a runtime's worker must not be that thread.
    pub(super) fn spawn(binaries: &Binaries, folder: &Folder, durability: Durability) -> Result<Self, PrivateError> {
        let mut command = command(binaries, folder, durability)?;
        let (tell_pid, pid) = mpsc::channel::<io::Result<u32>>();
        let (tell_end, ended) = watch::channel(false);
        let (wanted, is_wanted) = watch::channel(false);
        let run = |source| PrivateError::Run { program: binaries.postgres(), source };
        let waiter = move || {
            let mut child = match command.spawn() {
                Ok(child) => child,
                Err(error) => {
                    return tell_pid.send(Err(error)).unwrap_or_else(|_| debug!("nobody waits for the start"));
                }
            };
            tell_pid.send(Ok(child.id())).unwrap_or_else(|_| debug!("nobody waits for the start"));
            let status = child.wait();
            if !*is_wanted.borrow() {
                error!(?status, "PostgreSQL ended by itself");
            }
            tell_end.send_replace(true);
        };
        thread::Builder::new().name("postgres".to_owned()).spawn(waiter).map_err(run)?;
        let pid = pid.recv().unwrap_or_else(|_| Err(io::Error::other("its thread ended"))).map_err(run)?;
        Ok(Self { pid, ended, wanted })
    }

    pub(super) fn pid(&self) -> u32 {
        self.pid
    }

    /// A fast shutdown: open transactions are rolled back, a checkpoint is written.
    pub(super) fn ask_to_stop(&self) {
        self.wanted.send_replace(true);
        if !*self.ended.borrow() {
            leftovers::tell(self.pid, Signal::INT);
        }
    }

    /// As [`Process::ended`], for places that cannot await.
    pub(super) fn join(&self) {
        while !*self.ended.borrow() && self.ended.has_changed().is_ok() {
            thread::park_timeout(Duration::from_millis(5));
        }
    }

    /// Waits until the process is gone.
    pub(super) async fn ended(&mut self) {
        if self.ended.wait_for(|ended| *ended).await.is_err() {
            debug!("the thread that waits for PostgreSQL is gone, and so is PostgreSQL");
        }
    }
}

fn command(binaries: &Binaries, folder: &Folder, durability: Durability) -> Result<Command, PrivateError> {
    // `setpriv` (util-linux) makes the kernel send the signal of a fast stop when we are gone; without it the next
    // start clears up.
    let setpriv = ["/usr/bin/setpriv", "/bin/setpriv"].into_iter().find(|path| Path::new(path).is_file());
    let mut command = match setpriv {
        Some(setpriv) => {
            let mut command = Command::new(setpriv);
            command.args(["--pdeathsig", "INT", "--"]).arg(binaries.postgres());
            command
        }
        None => Command::new(binaries.postgres()),
    };
    command.arg("-D").arg(folder.cluster());
    let socket_dir = folder.socket_dir().display().to_string();
    let port = folder::PORT.to_string();
    let mut settings = vec![
        ("listen_addresses", ""), // the socket's folder is the lock: only we can enter it
        ("port", &port),
        ("unix_socket_permissions", "0700"),
        ("unix_socket_directories", &socket_dir),
        ("max_connections", "100"),
        ("shared_buffers", "128MB"),
        // Checkpoints under load make the next writes log whole pages; what lies between two is replayed after a kill,
        // some 300 MB a second. With this a start behind a flood of orders takes four seconds, and the flood is no slower.
        ("max_wal_size", "1GB"),
        ("jit", "off"), // statements here are short; compiling them costs more than it saves
        ("log_min_messages", "warning"),
        ("log_destination", "stderr"),
        ("logging_collector", "off"),
        ("timezone", "UTC"),
        ("log_timezone", "UTC"),
    ];
    match durability {
        Durability::Full => {
            settings.extend([("fsync", "on"), ("synchronous_commit", "on"), ("full_page_writes", "on")])
        }
        Durability::None => settings.extend([
            ("fsync", "off"),
            ("synchronous_commit", "off"),
            ("full_page_writes", "off"),
            ("autovacuum_naptime", "1h"),
        ]),
    }
    for (name, value) in settings {
        command.arg("-c").arg(format!("{name}={value}"));
    }
    let path = folder.log();
    let long = std::fs::metadata(&path).is_ok_and(|log| log.len() > LOG_BYTES_MAX);
    let mut options = File::options();
    options.create(true).write(true).append(!long).truncate(long).mode(0o600);
    let log = options.open(&path).map_err(folder::of(&path))?;
    let copy = log.try_clone().map_err(folder::of(&path))?;
    command.stdin(Stdio::null()).stdout(copy).stderr(log);
    folder.account().apply(&mut command);
    Ok(command)
}
