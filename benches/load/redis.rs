//! Redis beside the index of riders: GEOADD by redis-benchmark, into a server of its own.

use std::{
    process::Stdio,
    time::{Duration, Instant},
};

use tokio::process::{Child, Command};

use super::{fixes::FixesArgs, machine};

/// A running Redis that keeps nothing on disk.
pub struct Redis {
    child: Child,
    port: u16,
}

impl Redis {
    /// Starts it; `None` where there is none.
    pub async fn start() -> Option<Self> {
        let port = std::net::TcpListener::bind(("127.0.0.1", 0)).and_then(|free| free.local_addr()).ok()?.port();
        let mut command = Command::new("redis-server");
        command.args(["--bind", "127.0.0.1", "--port", &port.to_string(), "--save", "", "--appendonly", "no"]);
        command.stdin(Stdio::null()).stdout(Stdio::null()).kill_on_drop(true);
        let Ok(child) = command.spawn() else {
            println!("(no redis-server is installed: measured without)\n");
            return None;
        };
        let begun = Instant::now();
        while tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_err() {
            if begun.elapsed() > Duration::from_secs(10) {
                println!("(redis-server does not listen: measured without)\n");
                return None;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Some(Self { child, port })
    }

    /// Adds so many positions; how many, in what time, at what CPU.
    pub async fn add(&self, args: &FixesArgs, wanted: f64) -> (f64, f64, Duration) {
        let (riders, burst, at_once) = args.shape();
        let pid = self.child.id().expect("it runs");
        let mut command = Command::new("redis-benchmark");
        command.args(["-h", "127.0.0.1", "-p", &self.port.to_string(), "-q", "-n", &format!("{wanted:.0}")]);
        command.args(["-P", &burst.to_string(), "-c", &at_once.to_string(), "-r", &riders.to_string()]);
        // The random number is twelve digits: degrees that differ a little, and one rider of so many.
        command.args(["GEOADD", "riders", "13.4__rand_int__", "52.5", "rider:__rand_int__"]);
        command.stdin(Stdio::null()).stdout(Stdio::null());
        let (busy, begun) = (machine::busy(pid), Instant::now());
        let ended = command.status().await.expect("redis-benchmark is installed with redis-server");
        assert!(ended.success(), "redis-benchmark");
        (wanted, begun.elapsed().as_secs_f64(), machine::busy(pid).saturating_sub(busy))
    }
}
