//! A real server process: started, killed, stopped, started again on the same folder and port.

use std::{
    io::Read as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

/// The binary under test.
pub const FOODCOURT: &str = env!("CARGO_BIN_EXE_foodcourt");

/// How long a start may take on a busy machine.
const START_MAX: Duration = Duration::from_secs(60);

/// A running server.
pub struct Server {
    child: Child,
    pub port: u16,
    folder: PathBuf,
}

impl Server {
    /// Starts on `folder`, on `port` (0: a free one), and waits until it says that it listens.
    pub async fn start(folder: &Path, port: u16) -> Self {
        let log = std::fs::OpenOptions::new().create(true).append(true).open(folder.join("server.log")).unwrap();
        let mut child = Command::new(FOODCOURT)
            .args(["serve", "--port", &port.to_string(), "--data-dir"])
            .arg(folder.join("data"))
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .unwrap();
        let stdout = child.stdout.take().unwrap();
        let line = tokio::task::spawn_blocking(move || {
            let mut lines = std::io::BufRead::lines(std::io::BufReader::new(stdout));
            lines.find_map(|line| line.ok()?.strip_prefix("listening on http://").map(str::to_owned))
        });
        let address = tokio::time::timeout(START_MAX, line).await.expect("the server did not start in time").unwrap();
        let address = address.unwrap_or_else(|| panic!("the server did not start: {}", log_of(folder)));
        let port = address.rsplit(':').next().unwrap().parse().unwrap();
        Self { child, port, folder: folder.to_owned() }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// kill -9, and starts again at once on the same folder and port.
    pub async fn crash_and_restart(mut self) -> Self {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        Self::start(&self.folder, self.port).await
    }

    /// SIGTERM.
    pub fn terminate(&self) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    }

    /// Waits for the end; the exit code.
    pub async fn ended(mut self) -> Option<i32> {
        tokio::task::spawn_blocking(move || self.child.wait().unwrap().code()).await.unwrap()
    }
}

/// What the server has logged so far.
pub fn log_of(folder: &Path) -> String {
    std::fs::read_to_string(folder.join("server.log")).unwrap_or_default()
}

/// Processes whose command line or working directory lies in `folder`.
pub fn processes_in(folder: &Path) -> Vec<String> {
    let folder = folder.display().to_string();
    let entries = std::fs::read_dir("/proc").unwrap().flatten();
    let command = |entry: std::fs::DirEntry| {
        let mut text = String::new();
        std::fs::File::open(entry.path().join("cmdline")).ok()?.read_to_string(&mut text).ok()?;
        text.contains(&folder).then(|| text.replace('\0', " "))
    };
    entries.filter_map(command).collect()
}

/// Runs the binary to its end; exit code, stdout, stderr.
pub fn run(args: &[&str], settings: &[(&str, &str)]) -> (Option<i32>, String, String) {
    let mut command = Command::new(FOODCOURT);
    let output = command.args(args).envs(settings.iter().copied()).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    (output.status.code(), text(output.stdout), text(output.stderr))
}
