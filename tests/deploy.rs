//! The shipped load balancer configurations, as the programs themselves read them, and what must stand in them.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so")]

use std::{path::PathBuf, process::Command};

fn shipped(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("deploy").join(name)
}

/// What a program says of a configuration; `None` where it is not installed (./test.sh installs both).
fn judged(program: &str, arguments: &[&str], file: &str) -> Option<(bool, String)> {
    let found = [format!("/usr/sbin/{program}"), program.to_owned()]
        .into_iter()
        .find_map(|name| Command::new(name).args(arguments).arg(shipped(file)).output().ok());
    let Some(output) = found else {
        assert!(std::env::var_os("CI").is_none(), "{program} must be installed where CI is set");
        return None;
    };
    Some((output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned()))
}

#[test]
fn haproxy_takes_its_configuration() {
    let Some((fine, said)) = judged("haproxy", &["-c", "-f"], "haproxy.cfg") else { return };
    assert!(fine, "{said}");
}

#[test]
fn nginx_takes_its_configuration() {
    let Some((fine, said)) = judged("nginx", &["-t", "-c"], "nginx.conf") else { return };
    assert!(fine, "{said}");
}

#[test]
fn both_watch_readiness_and_let_sockets_live() {
    let haproxy = std::fs::read_to_string(shipped("haproxy.cfg")).unwrap();
    let nginx = std::fs::read_to_string(shipped("nginx.conf")).unwrap();
    assert!(haproxy.contains("option httpchk GET /readyz") && haproxy.contains("timeout tunnel"));
    assert!(nginx.contains("proxy_set_header Upgrade") && nginx.contains("location = /v1/live"));
    assert!(nginx.contains("proxy_buffering off"), "event streams would be held back");
}
