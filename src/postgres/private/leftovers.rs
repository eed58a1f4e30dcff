//! What a killed server may have left running on its folder: it is ended before a new one starts. Two postmasters on
//! one folder would be the end of it.

use std::{
    ffi::OsStr,
    fs,
    io::ErrorKind,
    os::unix::ffi::OsStrExt as _,
    path::{Path, PathBuf},
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};
use tokio::time::{Instant, sleep};
use tracing::warn;

use super::{PrivateError, folder::Folder};

/// How long a fast stop may take (it writes a checkpoint) before it becomes an immediate one.
const FAST_STOP_MAX: Duration = Duration::from_secs(20);
/// How long an immediate stop may take.
const IMMEDIATE_STOP_MAX: Duration = Duration::from_secs(10);

/// Ends every process of PostgreSQL that lives in the folder, waits until they are gone, and takes away what would have a
/// new one believe that they are not.
pub(super) async fn clear(folder: &Folder, progress: &(dyn Fn(&str) + Sync)) -> Result<(), PrivateError> {
    let cluster = folder.cluster();
    let pid_file = cluster.join("postmaster.pid");
    end_all(&cluster, named_in(&pid_file), progress).await?;
    forget(&[pid_file, folder.socket_lock()])
}

/// Which process a lock file of PostgreSQL names.
fn named_in(lock_file: &Path) -> Option<u32> {
    fs::read_to_string(lock_file).ok()?.lines().next()?.trim().parse().ok()
}

/// Removes lock files whose process lives on the folder no more, but whose number still stands for one: another process
/// of the account has it by now, or a killed postmaster stays in the process table because nobody has waited for it (the
/// first process of many containers never does). PostgreSQL would take either for a postmaster. A file that names no
/// process at all it removes by itself.
fn forget(lock_files: &[PathBuf]) -> Result<(), PrivateError> {
    for file in lock_files {
        if named_in(file).is_some_and(|pid| Path::new(&format!("/proc/{pid}")).exists()) {
            fs::remove_file(file).map_err(super::folder::of(file))?;
        }
    }
    Ok(())
}

async fn end_all(cluster: &Path, named: Option<u32>, progress: &(dyn Fn(&str) + Sync)) -> Result<(), PrivateError> {
    if inhabitants(cluster).is_empty() {
        return Ok(());
    }
    progress("stopping the database that an earlier run left behind");
    let begun = Instant::now();
    let mut immediate = false;
    let mut told = Vec::new();
    loop {
        let living = inhabitants(cluster);
        let Some(first) = living.first().copied() else { return Ok(()) };
        if begun.elapsed() > FAST_STOP_MAX + IMMEDIATE_STOP_MAX {
            return Err(PrivateError::Stuck { pid: first });
        }
        if !immediate && begun.elapsed() > FAST_STOP_MAX {
            immediate = true;
            told.clear();
        }
        // The postmaster takes its children along; without one they go one by one.
        let postmaster = living.iter().copied().find(|pid| Some(*pid) == named);
        for pid in postmaster.map_or(living, |pid| vec![pid]) {
            if !told.contains(&pid) {
                let signal = match (postmaster, immediate) {
                    (_, true) => Signal::QUIT,
                    (Some(_), false) => Signal::INT,
                    (None, false) => Signal::TERM,
                };
                tell(pid, signal);
                told.push(pid);
            }
        }
        sleep(Duration::from_millis(10)).await;
    }
}

/// Sends a signal; a process that is gone by now is what was wanted.
pub(super) fn tell(pid: u32, signal: Signal) {
    let Some(target) = i32::try_from(pid).ok().and_then(Pid::from_raw) else { return };
    if let Err(error) = kill_process(target, signal)
        && error != rustix::io::Errno::SRCH
    {
        warn!(pid, %error, "cannot signal PostgreSQL");
    }
}

/// Every process whose working directory is the cluster: PostgreSQL's processes all go there at start. (On systems
/// without `/proc`, PostgreSQL's own check of `postmaster.pid` has to do.)
fn inhabitants(cluster: &Path) -> Vec<u32> {
    let Ok(cluster) = fs::canonicalize(cluster) else { return Vec::new() };
    let Ok(processes) = fs::read_dir("/proc") else { return Vec::new() };
    let lives_there = |pid: &u32| -> bool {
        let program = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
        program.trim().starts_with("postgres")
            && match fs::read_link(format!("/proc/{pid}/cwd")) {
                Ok(home) => home == cluster,
                // In most containers even root may not look into another account's processes.
                Err(error) => error.kind() == ErrorKind::PermissionDenied && was_started_on(*pid, &cluster),
            }
    };
    processes.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).filter(lives_there).collect()
}

/// Whether the process is a postmaster of the cluster by its command line, which everybody may read.
fn was_started_on(pid: u32, cluster: &Path) -> bool {
    let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let names = |word: &[u8]| fs::canonicalize(OsStr::from_bytes(word)).is_ok_and(|path| path == cluster);
    line.split(|byte| *byte == 0).any(names)
}
