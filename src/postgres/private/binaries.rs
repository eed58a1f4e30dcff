//! Finds PostgreSQL's programs on this machine.

use std::{
    collections::BTreeSet,
    env, fs,
    path::{Path, PathBuf},
};

use tokio::process::Command;

use super::PrivateError;

/// The oldest major that has what the journal needs (`pg_terminate_backend` that waits).
const OLDEST_MAJOR: u32 = 14;

/// A folder with `postgres` and `initdb` in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Binaries {
    folder: PathBuf,
    major: u32,
}

impl Binaries {
    /// The newest on this machine, or those of `wanted` where the data folder already belongs to a major. `None`:
    /// nothing is installed.
    pub(super) async fn find(wanted: Option<u32>) -> Result<Option<Self>, PrivateError> {
        let mut found = Vec::new();
        for folder in candidates().await {
            if let Some(binaries) = Self::in_folder(&folder).await {
                found.push(binaries);
            }
        }
        found.sort_by_key(|binaries| std::cmp::Reverse(binaries.major));
        match wanted {
            None => Ok(found.into_iter().find(|binaries| binaries.major >= OLDEST_MAJOR)),
            Some(major) => match found.into_iter().find(|binaries| binaries.major == major) {
                None if major != super::fetch::MAJOR => Err(PrivateError::OtherMajor { major }),
                found => Ok(found),
            },
        }
    }

    /// Those in `folder`, if they are there and run.
    pub(super) async fn in_folder(folder: &Path) -> Option<Self> {
        let folder = folder.to_owned();
        if !folder.join("initdb").is_file() {
            return None;
        }
        let output = Command::new(folder.join("postgres")).arg("--version").output().await.ok()?;
        // "postgres (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)"
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let version = text.split_whitespace().nth(2)?;
        let major = version.chars().take_while(char::is_ascii_digit).collect::<String>().parse().ok()?;
        Some(Self { folder, major })
    }

    pub(super) fn initdb(&self) -> PathBuf {
        self.folder.join("initdb")
    }
    pub(super) fn postgres(&self) -> PathBuf {
        self.folder.join("postgres")
    }
}

/// Where programs of PostgreSQL may be: on the path (behind symlinks), where `pg_config` says, where Debian puts them.
async fn candidates() -> BTreeSet<PathBuf> {
    let mut folders = BTreeSet::new();
    for folder in env::split_paths(&env::var_os("PATH").unwrap_or_default()) {
        for program in ["postgres", "pg_ctl"] {
            if let Ok(real) = fs::canonicalize(folder.join(program)) {
                folders.extend(real.parent().map(Path::to_owned));
            }
        }
    }
    if let Ok(output) = Command::new("pg_config").arg("--bindir").output().await {
        let folder = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        folders.extend(fs::canonicalize(folder));
    }
    if let Ok(majors) = fs::read_dir("/usr/lib/postgresql") {
        folders.extend(majors.flatten().filter_map(|major| fs::canonicalize(major.path().join("bin")).ok()));
    }
    folders
}
