//! The README's tour, typed as it stands there against a server that was just started with nothing configured.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so")]

use std::{
    io::{BufRead, BufReader, Write as _},
    path::Path,
    process::{Child, Command, Output, Stdio},
};

const README: &str = include_str!("../README.md");
const ADDRESS: &str = "http://127.0.0.1:5003";

/// The lines between the fences after the mark.
fn lines(mark: &str) -> &'static str {
    let after = README.split(&format!("<!-- {mark} -->\n```sh\n")).nth(1).expect("the README has the mark");
    after.split("```").next().unwrap()
}

fn tour() -> &'static str {
    lines("tour")
}

/// `foodcourt admin add` on `folder`, with `password` on stdin.
fn add_admin(folder: &Path, password: &str) -> Output {
    admin(folder, &["--email", "ada@example.org"], password)
}

fn admin(folder: &Path, more: &[&str], password: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_foodcourt"))
        .args(["admin", "add", "--data-dir"])
        .arg(folder)
        .args(more)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // It may have ended before it asked.
    child.stdin.take().unwrap().write_all(format!("{password}\n").as_bytes()).ok();
    child.wait_with_output().unwrap()
}

struct Server {
    child: Child,
    address: String,
    _folder: Option<tempfile::TempDir>,
}

impl Server {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut server = Self::on(&folder.path().join("data"), "auto");
        server._folder = Some(folder);
        server
    }

    fn on(folder: &Path, demo: &str) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_foodcourt"))
            .args(["serve", "--port", "0", "--data-dir"])
            .arg(folder)
            .env("FOODCOURT_DEMO__MODE", demo)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let said = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        let address = said.filter_map(|line| line.strip_prefix("listening on ").map(str::to_owned)).next();
        Self { child, address: address.expect("the server says where it listens"), _folder: None }
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

#[test]
fn a_court_of_ones_own_is_opened_as_the_readme_says() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path().join("data");
    let said = |output: &Output| {
        let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        (output.status.code(), format!("{out}{err}"))
    };
    let (code, text) = said(&add_admin(&folder, "short"));
    assert!(code == Some(2) && text.contains("the password must have at least 8 characters"), "{text}");
    let (code, text) = said(&add_admin(&folder, "correct horse"));
    assert!(code == Some(0) && text.contains("ada@example.org is an admin now"), "{text}");
    let (code, text) = said(&add_admin(&folder, ""));
    assert!(code == Some(0) && text.contains("is an admin already"), "{text}");

    let server = Server::on(&folder, "off");
    let (code, text) = said(&add_admin(&folder, "correct horse"));
    assert!(code == Some(2) && text.contains("stop it"), "{text}");
    let typed = format!("{}{}", lines("password"), lines("own").replace(ADDRESS, &server.address));
    let opened = |password: &str| {
        let mut shell = Command::new("timeout")
            .args(["60", "bash", "-c", &typed])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        shell.stdin.take().unwrap().write_all(format!("{password}\n").as_bytes()).unwrap();
        said(&shell.wait_with_output().unwrap())
    };
    // What fails is said, and nothing goes on with what it did not give.
    let (code, text) = opened("wrong horse");
    assert!(code != Some(0) && text.contains("refused: ") && !text.contains("null"), "{text}");
    let (code, text) = opened("correct horse");
    assert_eq!(code, Some(0), "{text}");
    for sight in [r#""roles":["vendor_staff"],"kitchens":[""#, r#""roles":["rider"]"#, r#""name":"Jollof rice""#] {
        assert!(text.contains(sight), "never said {sight}:\n{text}");
    }
    // Typed again it opens no second court.
    assert_eq!(opened("correct horse").0, Some(0));
    let courts = Command::new("curl").args(["-s", &format!("{}/v1/courts", server.address)]).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&courts.stdout).matches("court_id").count(), 1);

    drop(server);
    // Whoever registered an address has not shown that it is theirs.
    let (code, text) = said(&admin(&folder, &["--email", "rider@example.org"], "another password"));
    assert!(code == Some(2) && text.contains("--existing"), "{text}");
    let (code, text) = said(&admin(&folder, &["--email", "nobody@example.org", "--existing"], ""));
    assert!(code == Some(2) && text.contains("there is no account"), "{text}");
    let (code, text) = said(&admin(&folder, &["--email", "rider@example.org", "--existing"], ""));
    assert!(code == Some(0) && text.contains("is an admin now, with the password of before"), "{text}");
}
