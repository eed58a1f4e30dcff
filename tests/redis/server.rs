//! A real redis-server for one test: in its own folder, on its own socket, killed at the end whatever happens.

use std::{
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

/// Waits until `condition` holds.
pub async fn until<F: Future<Output = bool>>(what: &str, mut condition: impl FnMut() -> F) {
    let mut tick = tokio::time::interval(Duration::from_millis(10));
    let waiting = async {
        while !condition().await {
            tick.tick().await;
        }
    };
    assert!(tokio::time::timeout(Duration::from_secs(20), waiting).await.is_ok(), "in vain waited 20 s until {what}");
}

/// What `asked` answers, which must not take longer than anybody may wait for Redis.
pub async fn in_time<T>(what: &str, asked: impl Future<Output = T>) -> T {
    let limit = Duration::from_millis(600);
    tokio::time::timeout(limit, asked).await.unwrap_or_else(|_| panic!("{what} took longer than {limit:?}"))
}

pub struct Redis {
    folder: TempDir,
    child: Option<Child>,
}

impl Redis {
    pub fn start() -> Self {
        let mut redis = Self { folder: tempfile::tempdir().unwrap(), child: None };
        redis.restart();
        redis
    }

    fn socket(&self) -> PathBuf {
        self.folder.path().join("redis.sock")
    }

    pub fn url(&self) -> String {
        format!("redis+unix://{}", self.socket().display())
    }

    /// Starts it (again), empty: it keeps nothing on disk.
    pub fn restart(&mut self) {
        self.kill();
        let mut command = Command::new("redis-server");
        command.args(["--port", "0", "--save", "", "--appendonly", "no", "--unixsocket"]).arg(self.socket());
        command.arg("--dir").arg(self.folder.path());
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        self.child = Some(child.unwrap_or_else(|error| {
            panic!("redis-server cannot be started ({error}): install it, on Debian with apt-get install redis-server")
        }));
    }

    /// kill -9.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// Lets it live and answer nothing.
    pub fn freeze(&self) {
        self.signal(Signal::STOP);
    }

    pub fn thaw(&self) {
        self.signal(Signal::CONT);
    }

    fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.child.as_ref().unwrap().id()).unwrap();
        kill_process(Pid::from_raw(pid).unwrap(), signal).unwrap();
    }

    /// A client that knows nothing of the server under test.
    pub async fn raw(&self) -> fred::clients::Client {
        use fred::interfaces::ClientLike;
        let config = fred::types::config::Config::from_url(&self.url()).unwrap();
        let config = fred::types::config::Config { fail_fast: false, ..config };
        let client = fred::types::Builder::from_config(config)
            .set_policy(fred::types::config::ReconnectPolicy::new_constant(0, 20))
            .build()
            .unwrap();
        client.init().await.unwrap();
        client
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        self.kill();
    }
}
