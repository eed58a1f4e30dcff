//! The README's tour, typed as it stands there against a server that was just started with nothing configured.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so")]

use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
};

const README: &str = include_str!("../README.md");
const ADDRESS: &str = "http://127.0.0.1:5003";

/// The lines between the fences after the mark.
fn tour() -> &'static str {
    let after = README.split("<!-- tour -->\n```sh\n").nth(1).expect("the README has a tour");
    after.split("```").next().unwrap()
}

struct Server {
    child: Child,
    address: String,
    _folder: tempfile::TempDir,
}

impl Server {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut child = Command::new(env!("CARGO_BIN_EXE_foodcourt"))
            .args(["serve", "--port", "0", "--data-dir"])
            .arg(folder.path().join("data"))
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let said = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        let address = said.filter_map(|line| line.strip_prefix("listening on ").map(str::to_owned)).next();
        Self { child, address: address.expect("the server says where it listens"), _folder: folder }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        Command::new("kill").arg("-TERM").arg(self.child.id().to_string()).status().ok();
        self.child.wait().ok();
    }
}

#[test]
fn the_tour_has_ten_lines_and_ends_with_a_completed_order() {
    assert_eq!(tour().lines().count(), 10);
    let server = Server::start();
    assert!(tour().contains(ADDRESS), "the tour names the default address");
    let lines = tour().replace(ADDRESS, &server.address);
    // Typed into an interactive shell, a background job can be named; so can it under `set -m`.
    let shell = Command::new("timeout").args(["60", "bash", "-mc", &lines]).output().unwrap();
    let (said, complained) = (String::from_utf8_lossy(&shell.stdout), String::from_utf8_lossy(&shell.stderr));
    // What had happened before the stream was opened is in its snapshot; what a slow start misses there is no gap.
    for sight in
        ["event: snapshot", "event: order.ready_for_pickup", "event: order.completed", "\"status\": \"completed\""]
    {
        assert!(said.contains(sight), "the tour never said {sight}:\n{said}\n{complained}");
    }
}
