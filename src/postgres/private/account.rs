//! Who PostgreSQL runs as. It refuses root, so under root it becomes `postgres` or `nobody`, and then its folder must
//! be reachable for that account.

use std::{
    fs,
    os::unix::{fs::MetadataExt, process::CommandExt},
    path::Path,
    process::Command,
};

/// The account of the child.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Account {
    pub(super) uid: u32,
    pub(super) gid: u32,
    /// Whether that is another one than ours.
    pub(super) other: bool,
}

impl Account {
    /// Ours; or, if we are root, the owner of `cluster` where there is one, else `postgres`, else `nobody`.
    pub(super) fn choose(cluster: &Path) -> Self {
        let uid = rustix::process::geteuid().as_raw();
        if uid != 0 {
            return Self { uid, gid: rustix::process::getegid().as_raw(), other: false };
        }
        let owner = fs::metadata(cluster).ok().filter(|owner| owner.uid() != 0).map(|owner| (owner.uid(), owner.gid()));
        let passwd = fs::read_to_string("/etc/passwd").unwrap_or_default();
        let (uid, gid) = owner
            .or_else(|| named(&passwd, "postgres"))
            .or_else(|| named(&passwd, "nobody"))
            .unwrap_or((65_534, 65_534)); // `nobody` by convention of Linux
        Self { uid, gid, other: true }
    }

    /// Whether this account can come to `path` through every folder above it.
    pub(super) fn reaches(&self, path: &Path) -> bool {
        !self.other
            || path.ancestors().filter_map(|folder| fs::metadata(folder).ok()).all(|folder| {
                let enter = match () {
                    () if folder.uid() == self.uid => 0o100,
                    () if folder.gid() == self.gid => 0o010,
                    () => 0o001,
                };
                folder.mode() & enter != 0
            })
    }

    /// Lets a child run as this account, in a place and in a language that are there for everybody. It does not
    /// hear our terminal's Ctrl-C: we say when it stops.
    pub(super) fn apply(&self, command: &mut Command) {
        command.current_dir("/").env("LC_ALL", "C").env("HOME", "/").process_group(0);
        for inherited in ["PGDATA", "PGHOST", "PGPORT", "PGUSER", "PGDATABASE", "PGOPTIONS", "PGSERVICE", "PGSSLMODE"] {
            command.env_remove(inherited);
        }
        if self.other {
            command.uid(self.uid).gid(self.gid);
        }
    }
}

/// An account in words: its name, where it has one, and its number.
pub(super) fn who(uid: u32) -> String {
    let passwd = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let number = uid.to_string();
    let mut accounts = passwd.lines().map(|line| line.split(':').collect::<Vec<_>>());
    match accounts.find(|fields| fields.get(2) == Some(&number.as_str())) {
        Some(fields) => format!("{} (uid {uid})", fields[0]),
        None => format!("uid {uid}"),
    }
}

fn named(passwd: &str, name: &str) -> Option<(u32, u32)> {
    let fields: Vec<&str> = passwd.lines().map(|line| line.split(':').collect()).find(|f: &Vec<&str>| f[0] == name)?;
    Some((fields.get(2)?.parse().ok()?, fields.get(3)?.parse().ok()?))
}
