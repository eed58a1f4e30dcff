//! The data folder: its version, its lock, and where PostgreSQL's own folder, socket and log are.
//!
//! Where PostgreSQL's account cannot come to the data folder (a clone under root's home), its things lie under
//! `/var/lib/foodcourt` instead, and a file in the data folder says where.

use std::{
    fs::{self, DirBuilder, File},
    io::{self, Read, Write},
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt, chown},
    path::{Path, PathBuf},
};

use rustix::fs::FlockOperation;
use sha2::{Digest, Sha256};

use super::{
    PrivateError,
    account::{self, Account},
};

/// The layout this build makes and understands.
const LAYOUT: u32 = 1;
/// Only names the socket: nobody listens on the network.
pub(super) const PORT: u16 = 5432;
/// The kernel's limit for a socket's path is 107 bytes.
const SOCKET_PATH_MAX: usize = 107;
/// Where PostgreSQL's things go if the data folder is closed to its account.
const ELSEWHERE: &str = "/var/lib/foodcourt";

/// An opened, locked data folder.
pub(super) struct Folder {
    base: PathBuf,
    socket_dir: PathBuf,
    account: Account,
    _locks: Vec<File>,
}

impl Folder {
    /// Makes the folder if need be, locks it and looks at its version.
    pub(super) fn open(data_dir: &Path, progress: &(dyn Fn(&str) + Sync)) -> Result<Self, PrivateError> {
        let root = rustix::process::geteuid().is_root();
        check_ours(data_dir)?;
        // Under root, PostgreSQL's account has to pass through; files with secrets protect themselves.
        make(data_dir, if root { 0o711 } else { 0o700 })?;
        let data_dir = fs::canonicalize(data_dir).map_err(of(data_dir))?;
        let mut locks = vec![lock(&data_dir)?];
        check_layout(&data_dir)?;

        let pointer = data_dir.join("postgres.location");
        let base = match fs::read_to_string(&pointer) {
            Ok(place) => PathBuf::from(place.trim()),
            Err(_) if Account::choose(&data_dir.join("postgres")).reaches(&data_dir) => data_dir.clone(),
            Err(_) => {
                let base = elsewhere(&data_dir)?;
                progress(&format!(
                    "{} is closed to other users and PostgreSQL may not run as root: its files go to {}",
                    data_dir.display(),
                    base.display()
                ));
                fs::write(&pointer, format!("{}\n", base.display())).map_err(of(&pointer))?;
                base
            }
        };
        if base != data_dir {
            make(&base, 0o755)?;
            locks.push(lock(&base)?);
        }
        let account = Account::choose(&base.join("postgres"));
        let socket_dir = socket_dir(&base, &account)?;
        let folder = Self { base, socket_dir, account, _locks: locks };
        folder.check_owner()?;
        Ok(folder)
    }

    /// PostgreSQL's own folder.
    pub(super) fn cluster(&self) -> PathBuf {
        self.base.join("postgres")
    }
    pub(super) fn log(&self) -> PathBuf {
        self.base.join("postgres.log")
    }
    pub(super) fn socket_dir(&self) -> &Path {
        &self.socket_dir
    }
    /// Names the process that listens on the socket.
    pub(super) fn socket_lock(&self) -> PathBuf {
        self.socket_dir().join(format!(".s.PGSQL.{PORT}.lock"))
    }
    pub(super) fn account(&self) -> &Account {
        &self.account
    }
    /// Where fetched programs are kept: PostgreSQL's account has to reach them too.
    pub(super) fn cache(&self) -> PathBuf {
        self.base.join("cache")
    }

    /// The major version that made the cluster; `None`: there is no cluster yet.
    pub(super) fn major(&self) -> Result<Option<u32>, PrivateError> {
        let path = self.cluster().join("PG_VERSION");
        match fs::read_to_string(&path) {
            Ok(text) => match text.trim().parse() {
                Ok(major) => Ok(Some(major)),
                Err(_) => Err(of(&path)(io::Error::new(io::ErrorKind::InvalidData, "not a version of PostgreSQL"))),
            },
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(of(&path)(error)),
        }
    }

    /// An empty folder for `initdb`.
    pub(super) fn fresh_cluster(&self) -> Result<PathBuf, PrivateError> {
        let fresh = self.base.join("postgres.new");
        match fs::remove_dir_all(&fresh) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(of(&fresh)(error)),
            _ => {}
        }
        make_owned(&fresh, 0o700, &self.account)?;
        Ok(fresh)
    }

    /// Puts a complete cluster in its place.
    pub(super) fn keep_cluster(&self, fresh: &Path) -> Result<(), PrivateError> {
        fs::rename(fresh, self.cluster()).map_err(of(&self.cluster()))
    }

    fn check_owner(&self) -> Result<(), PrivateError> {
        let cluster = self.cluster();
        match fs::metadata(&cluster) {
            Ok(owner) if owner.uid() != self.account.uid => {
                Err(PrivateError::Foreign { path: cluster, uid: owner.uid() })
            }
            _ => Ok(()),
        }
    }
}

/// Whether a foodcourt has ever kept its facts in `data_dir`. Looks only.
pub(super) fn holds_data(data_dir: &Path) -> bool {
    data_dir.join("foodcourt.version").is_file() && cluster_of(data_dir).join("PG_VERSION").is_file()
}

/// Where the PostgreSQL that runs on `data_dir` has its socket, as its own pid file says (fifth line).
pub(super) fn running_socket(data_dir: &Path) -> Option<String> {
    let said = fs::read_to_string(cluster_of(data_dir).join("postmaster.pid")).ok()?;
    said.lines().nth(4).map(str::trim).filter(|dir| !dir.is_empty()).map(str::to_owned)
}

fn cluster_of(data_dir: &Path) -> PathBuf {
    let base = fs::read_to_string(data_dir.join("postgres.location"));
    base.map_or_else(|_| data_dir.to_owned(), |place| PathBuf::from(place.trim())).join("postgres")
}

/// Makes `path` with `mode` if it is not there. The umask has no say: PostgreSQL's account may have to pass.
pub(super) fn make(path: &Path, mode: u32) -> Result<(), PrivateError> {
    if path.is_dir() {
        return Ok(());
    }
    DirBuilder::new().recursive(true).mode(mode).create(path).map_err(of(path))?;
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).map_err(of(path))
}

fn make_owned(path: &Path, mode: u32, account: &Account) -> Result<(), PrivateError> {
    make(path, mode)?;
    if account.other {
        chown(path, Some(account.uid), Some(account.gid)).map_err(of(path))?;
    }
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).map_err(of(path))
}

pub(super) fn of(path: &Path) -> impl FnOnce(io::Error) -> PrivateError {
    let path = path.to_owned();
    |source| PrivateError::Folder { path, source }
}

/// One server per folder: held until the file is closed, that is until we end, however that happens.
fn lock(folder: &Path) -> Result<File, PrivateError> {
    let path = folder.join("foodcourt.lock");
    let mut options = File::options();
    options.read(true).write(true).create(true).truncate(false).mode(0o600);
    let mut file = options.open(&path).map_err(|source| match source.kind() {
        io::ErrorKind::PermissionDenied => {
            let owner = [path.as_path(), folder].into_iter().find_map(|path| fs::metadata(path).ok());
            PrivateError::Closed { path: path.clone(), owner: account::who(owner.map_or(0, |owner| owner.uid())) }
        }
        _ => PrivateError::Folder { path: path.clone(), source },
    })?;
    match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => {}
        Err(rustix::io::Errno::WOULDBLOCK) => {
            let mut pid = String::new();
            file.read_to_string(&mut pid).map_err(of(&path))?;
            return Err(PrivateError::InUse { folder: folder.to_owned(), pid: pid.trim().to_owned() });
        }
        Err(error) => return Err(of(&path)(error.into())),
    }
    file.set_len(0).and_then(|()| writeln!(file, "{}", std::process::id())).map_err(of(&path))?;
    Ok(file)
}

/// What a foodcourt leaves in its folder; any of them tells it, also where a first start was cut off.
const TRACES: [&str; 6] =
    ["foodcourt.version", "foodcourt.lock", "signing.key", "postgres.location", "postgres", "postgres.new"];
/// What stands in folders that are empty to people: a file system's own.
const NOTHING: &str = "lost+found";

/// Refuses a folder that holds somebody else's things: a typing error must not fill it, nor open it to others.
fn check_ours(data_dir: &Path) -> Result<(), PrivateError> {
    if TRACES.iter().any(|name| data_dir.join(name).exists()) {
        return Ok(());
    }
    // One that is not there, or may not be looked at, is told of by whoever makes or locks it.
    let Ok(mut things) = fs::read_dir(data_dir) else { return Ok(()) };
    match things.find_map(|thing| thing.ok().map(|thing| thing.file_name()).filter(|name| name != NOTHING)) {
        None => Ok(()),
        Some(thing) => {
            Err(PrivateError::NotOurs { folder: data_dir.to_owned(), thing: thing.to_string_lossy().into_owned() })
        }
    }
}

fn check_layout(data_dir: &Path) -> Result<(), PrivateError> {
    let path = data_dir.join("foodcourt.version");
    match fs::read_to_string(&path) {
        Ok(text) => match text.trim().parse() {
            Ok(found) if found > LAYOUT => {
                Err(PrivateError::NewerFolder { folder: data_dir.to_owned(), found, known: LAYOUT })
            }
            Ok(_) => Ok(()),
            Err(_) => Err(of(&path)(io::Error::new(io::ErrorKind::InvalidData, "not a version of a data folder"))),
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            fs::write(&path, format!("{LAYOUT}\n")).map_err(of(&path))
        }
        Err(error) => Err(of(&path)(error)),
    }
}

/// A place named after the data folder. One that is there already belongs to a folder that was at this path before
/// and is gone (ours would have told us by its `postgres.location`), so its facts are not ours.
fn elsewhere(data_dir: &Path) -> Result<PathBuf, PrivateError> {
    make(Path::new(ELSEWHERE), 0o755)?;
    let name = hash(data_dir);
    let mut names = (2..).map(|n| format!("{name}-{n}"));
    let mut base = Path::new(ELSEWHERE).join(&name);
    while base.exists() {
        base = Path::new(ELSEWHERE).join(names.next().unwrap_or_default());
    }
    Ok(base)
}

/// Where the socket is: in the data folder if its path is short enough, else in a private folder that is.
fn socket_dir(base: &Path, account: &Account) -> Result<PathBuf, PrivateError> {
    let near = base.join("run");
    let length = near.as_os_str().len() + format!("/.s.PGSQL.{PORT}").len();
    let dir = if length <= SOCKET_PATH_MAX {
        near
    } else {
        let runtime = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
        let short = runtime.filter(|dir| dir.is_dir() && !account.other && dir.as_os_str().len() < 60);
        short.unwrap_or_else(|| "/tmp".into()).join(format!("foodcourt-{}", hash(base)))
    };
    match fs::symlink_metadata(&dir) {
        // In a folder that all may write to, somebody else may have been first.
        Ok(found) if !found.is_dir() || found.uid() != account.uid => {
            return Err(PrivateError::Foreign { path: dir, uid: found.uid() });
        }
        _ => make_owned(&dir, 0o700, account)?,
    }
    Ok(dir)
}

fn hash(path: &Path) -> String {
    let digest = Sha256::digest(path.as_os_str().as_encoded_bytes());
    digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}
