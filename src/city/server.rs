//! A server of the city's own: the same binary, on a free port and an empty folder, started anew when it falls, and
//! stopped at the end.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
    sync::oneshot,
    task::JoinHandle,
};

use super::DispatchPolicy;

/// The first start may fetch and initialize a PostgreSQL.
const START_MAX: Duration = Duration::from_secs(300);
/// A server drains its sockets and stops its database.
const STOP_MAX: Duration = Duration::from_secs(30);
/// A server that falls this often will not stand.
const RESTARTS_MAX: u32 = 5;

/// Why there is no server.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// The folder or the process could not be made.
    #[error("the city's own server cannot be started: {0}")]
    Io(#[from] std::io::Error),
    /// It ended or stayed silent.
    #[error("the city's own server did not say where it listens; its last words:\n{0}")]
    Silent(String),
}

/// The city's own server.
pub struct Server {
    /// Where it is.
    pub url: String,
    folder: PathBuf,
    stop: oneshot::Sender<()>,
    watcher: JoinHandle<()>,
}

impl Server {
    /// Starts one in a new folder named after `tag`.
    ///
    /// # Errors
    /// [`ServerError`] with its last words.
    pub async fn start(tag: &str, policy: Option<DispatchPolicy>) -> Result<Self, ServerError> {
        let folder = std::env::temp_dir().join(format!("foodcourt-city-{tag}"));
        tokio::fs::create_dir_all(folder.join("data")).await?;
        let (child, url) = launch(&folder, 0, policy).await?;
        let (stop, stopped) = oneshot::channel();
        let watcher = tokio::spawn(watch(child, folder.clone(), url.clone(), policy, stopped));
        Ok(Self { url, folder, stop, watcher })
    }
    /// Stops it. The folder goes too, unless it should be looked at.
    pub async fn stop(self, keep: bool) {
        self.stop.send(()).unwrap_or_else(|()| tracing::warn!("the city's own server was gone already"));
        self.watcher.await.unwrap_or_else(|error| tracing::warn!(%error, "the server's watcher ended badly"));
        if keep {
            eprintln!("the server's folder is kept: {}", self.folder.display());
        } else if let Err(error) = tokio::fs::remove_dir_all(&self.folder).await {
            tracing::warn!(%error, "{} could not be removed", self.folder.display());
        }
    }
}

/// Waits for the end, and starts the server again at the same address when it falls before.
async fn watch(
    mut child: Child,
    folder: PathBuf,
    url: String,
    policy: Option<DispatchPolicy>,
    mut stop: oneshot::Receiver<()>,
) {
    let port = url.rsplit(':').next().and_then(|port| port.parse().ok()).unwrap_or(0);
    let mut restarts = 0;
    loop {
        tokio::select! {
            _ = &mut stop => break,
            status = child.wait() => tracing::warn!(?status, "the city's own server fell; it is started again"),
        }
        restarts += 1;
        if restarts > RESTARTS_MAX {
            return;
        }
        match launch(&folder, port, policy).await {
            Ok((again, _)) => child = again,
            Err(error) => return tracing::error!(%error, "the server could not be started again"),
        }
    }
    let pid = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
    if let Some(pid) = pid {
        kill_process(pid, Signal::TERM).unwrap_or_else(|error| tracing::warn!(%error, "no SIGTERM"));
    }
    if tokio::time::timeout(STOP_MAX, child.wait()).await.is_err() {
        tracing::error!("the server did not stop within {} s and is killed", STOP_MAX.as_secs());
        child.kill().await.unwrap_or_else(|error| tracing::warn!(%error, "no SIGKILL"));
    }
}

async fn launch(folder: &Path, port: u16, policy: Option<DispatchPolicy>) -> Result<(Child, String), ServerError> {
    let log = folder.join("server.log");
    let errors = std::fs::OpenOptions::new().create(true).append(true).open(&log)?;
    let mut command = Command::new(std::env::current_exe()?);
    if let Some(policy) = policy {
        command.env("FOODCOURT_DISPATCH__POLICY", policy.word());
    }
    let mut child = command
        .arg("serve")
        .args(["--port", &port.to_string(), "--data-dir"])
        .arg(folder.join("data"))
        // The whole city signs in from one address.
        .env("FOODCOURT_HTTP__SIGN_INS_PER_MIN", "100000")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(errors)
        .kill_on_drop(true)
        .spawn()?;
    let mut lines = BufReader::new(child.stdout.take().ok_or_else(|| ServerError::Silent(String::new()))?).lines();
    let listening = async {
        while let Ok(Some(line)) = lines.next_line().await {
            if let Some(at) = line.find("listening on http://") {
                let url = line[at + "listening on ".len()..].split_whitespace().next().unwrap_or_default();
                return Some(url.trim_end_matches(['/', '.', ',']).to_owned());
            }
        }
        None
    };
    let Ok(Some(url)) = tokio::time::timeout(START_MAX, listening).await else {
        let words = tokio::fs::read_to_string(&log).await.unwrap_or_default();
        let last: Vec<&str> = words.lines().rev().take(15).collect();
        return Err(ServerError::Silent(last.into_iter().rev().collect::<Vec<_>>().join("\n")));
    };
    // Read on, or a full pipe would stop it.
    tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
    Ok((child, url))
}
