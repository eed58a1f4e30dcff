//! The peer of the live side: Bun's server, whose sockets are uWebSockets, fetched by npm into a folder that goes with
//! the run. Where it cannot be had the program says so and measures without.

use std::{net::SocketAddr, process::Stdio, time::Duration};

use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
};

use super::{machine, world::local};

/// What is fetched.
pub const VERSION: &str = "1.4.5";
const SCRIPT: &str = include_str!("peer.mjs");

/// Where it was unpacked.
pub struct Program {
    folder: TempDir,
    bun: std::path::PathBuf,
}

impl Program {
    /// Fetches it, or takes the one that `LOADED_BUN` names.
    pub async fn fetch() -> Option<Self> {
        let folder = tempfile::Builder::new().prefix("foodcourt-peer").tempdir().unwrap();
        std::fs::write(folder.path().join("peer.mjs"), SCRIPT).unwrap();
        if let Some(bun) = std::env::var_os("LOADED_BUN") {
            return Some(Self { folder, bun: bun.into() });
        }
        let mut npm = Command::new("npm");
        npm.args(["install", "--no-audit", "--no-fund", "--no-save", &format!("bun@{VERSION}")]);
        npm.current_dir(folder.path()).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let fetched = npm.status().await.is_ok_and(|status| status.success());
        let bun = folder.path().join("node_modules/.bin/bun");
        if !fetched || !bun.exists() {
            println!("(npm cannot fetch bun {VERSION}: measured without a peer)\n");
            return None;
        }
        Some(Self { folder, bun })
    }

    /// Starts a server.
    pub async fn serve(&self) -> Bun {
        let mut command = Command::new(&self.bun);
        command.arg("peer.mjs").current_dir(self.folder.path()).stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = command.kill_on_drop(true).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let line = lines.next_line().await.unwrap().expect("the peer ended instead of listening");
        let port = line.rsplit(' ').next().and_then(|port| port.parse().ok()).unwrap();
        Bun { child, address: local(port) }
    }
}

/// A running peer.
pub struct Bun {
    child: Child,
    pub address: SocketAddr,
}

impl Bun {
    pub fn pid(&self) -> u32 {
        self.child.id().expect("it runs")
    }
    pub fn busy(&self) -> Duration {
        machine::busy(self.pid())
    }
}
