//! Two real server processes on one database, started, killed and started again on the same ports.

use std::{
    io::{BufRead as _, BufReader},
    process::{Child, Command, Stdio},
    time::Duration,
};

use foodcourt::postgres::testing::TestDatabase;
use tempfile::TempDir;

use crate::outside::{Balancer, Killed};

/// The binary under test.
pub const FOODCOURT: &str = env!("CARGO_BIN_EXE_foodcourt");
/// How long a start, or anything else here, may take on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(60);
/// One key for both nodes, as docs/operations.md asks for: 32 bytes in base64.
const SIGNING_KEY: &str = "q5cyJbPCZkPZzmxXWW1EwYWCEY3gCcBP3xxbN0/+Gdk=";

/// One process.
pub struct Node {
    child: Killed,
    pub port: u16,
}

impl Node {
    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// SIGTERM.
    pub fn terminate(&self) {
        let pid = rustix::process::Pid::from_child(&self.child.0);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    }

    /// Waits for the end; the exit code.
    pub async fn ended(mut self) -> Option<i32> {
        tokio::task::spawn_blocking(move || self.child.0.wait().unwrap().code()).await.unwrap()
    }
}

/// Where nodes run.
pub struct Cluster {
    pub database: TestDatabase,
    settings: Vec<(String, String)>,
    folder: TempDir,
}

impl Cluster {
    /// A database, and settings (`SECTION__NAME`) beside those that every cluster needs.
    pub async fn new(settings: &[(&str, &str)]) -> Self {
        let database = TestDatabase::empty().await;
        let ours = [
            ("DATABASE__URL", database.dsn()),
            ("AUTH__SIGNING_KEY", SIGNING_KEY),
            ("SERVER__PUBLIC_URL", "http://cluster.test"),
            ("SERVER__TRUSTED_PROXIES", r#"["127.0.0.1"]"#),
            ("DEMO__MODE", "on"),
            // A whole city comes from one address.
            ("HTTP__SIGN_INS_PER_MIN", "100000"),
            ("HTTP__REQUESTS_PER_MIN", "100000"),
        ];
        let named = |(name, value): &(&str, &str)| (format!("FOODCOURT_{name}"), (*value).to_owned());
        // The last of a name counts.
        let settings = ours.iter().chain(settings).map(named).collect();
        Self { database, settings, folder: tempfile::tempdir().unwrap() }
    }

    /// With another variable for every process.
    pub fn with_environment(mut self, name: &str, value: &str) -> Self {
        self.settings.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The binary with this cluster's settings.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(FOODCOURT);
        command.args(arguments).envs(self.settings.iter().cloned());
        command
    }

    /// Starts a node on `port` (0: a free one) and waits until it says that it listens.
    pub async fn start(&self, port: u16) -> Node {
        let log = std::fs::OpenOptions::new().create(true).append(true).open(self.folder.path().join("log")).unwrap();
        let mut command = self.command(&["serve", "--port", &port.to_string(), "--data-dir"]);
        command.arg(self.folder.path().join("data")).stdout(Stdio::piped()).stderr(log);
        let mut child = Killed(command.spawn().unwrap());
        let stdout = child.0.stdout.take().unwrap();
        let line = tokio::task::spawn_blocking(move || {
            let mut lines = BufReader::new(stdout).lines();
            lines.find_map(|line| line.ok()?.strip_prefix("listening on http://").map(str::to_owned))
        });
        let address = tokio::time::timeout(PATIENCE, line).await.expect("a node did not start in time").unwrap();
        let address = address.unwrap_or_else(|| panic!("a node did not start: {}", self.log()));
        Node { child, port: address.rsplit(':').next().unwrap().parse().unwrap() }
    }

    /// Two nodes; the first holds every lease.
    pub async fn two(&self) -> [Node; 2] {
        let first = self.start(0).await;
        [first, self.start(0).await]
    }

    /// kill -9, and starts again at once on the same port.
    pub async fn crash_and_restart(&self, node: Node) -> Node {
        let port = node.port;
        drop(node);
        self.start(port).await
    }

    /// What the nodes have logged.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// Waits until the balancer has seen that nodes are ready.
    pub async fn served_by(&self, balancer: &Balancer) {
        let ready = async {
            loop {
                let answer = reqwest::get(format!("{}/readyz", balancer.url)).await;
                if answer.is_ok_and(|answer| answer.status() == 200) {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let came = tokio::time::timeout(PATIENCE, ready).await;
        assert!(came.is_ok(), "the balancer serves nobody: {}\n{}", balancer.log(), self.log());
    }

    /// What `foodcourt check` says of the database: every invariant, from outside.
    pub fn check(&self) {
        let output = self.command(&["check", "--json"]).output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{said}");
    }
}

/// A child process of the test that says something at its end.
pub async fn last_words(child: Child) -> (bool, String) {
    let output = tokio::task::spawn_blocking(move || child.wait_with_output().unwrap()).await.unwrap();
    (output.status.success(), String::from_utf8_lossy(&output.stdout).into_owned())
}
