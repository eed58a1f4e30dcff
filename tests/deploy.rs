//! The shipped load balancer configurations, as the programs themselves read them, and what must stand in them.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so")]

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpListener,
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

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

/// A node that says `200` and how many bytes of a body arrived, whatever is asked. Its address.
fn counting_node() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            std::thread::spawn(move || {
                let mut reader = BufReader::new(stream.try_clone().unwrap());
                let mut length = 0;
                for line in reader.by_ref().lines().map_while(Result::ok) {
                    if let Some(told) = line.to_ascii_lowercase().strip_prefix("content-length: ") {
                        length = told.parse().unwrap();
                    }
                    if line.is_empty() {
                        break;
                    }
                }
                let arrived = std::io::copy(&mut reader.take(length), &mut std::io::sink()).unwrap_or(0).to_string();
                let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close", arrived.len());
                write!(&stream, "{head}\r\n\r\n{arrived}").ok();
            });
        }
    });
    address
}

/// A balancer with its shipped configuration, but for addresses: it listens at a socket in a folder of its own.
struct Balancer {
    child: Child,
    socket: PathBuf,
    _folder: tempfile::TempDir,
}

impl Balancer {
    /// `None` where the program is not installed.
    fn start(
        program: &str,
        file: &str,
        arguments: &[&str],
        changed: impl Fn(String, &Path, &str) -> String,
    ) -> Option<Self> {
        judged(program, &["-v"], file)?;
        let folder = tempfile::tempdir().unwrap();
        let (socket, config) = (folder.path().join("balancer.sock"), folder.path().join(file));
        let shipped = std::fs::read_to_string(shipped(file)).unwrap();
        std::fs::write(&config, changed(shipped, folder.path(), &counting_node())).unwrap();
        let path = PathBuf::from(format!("/usr/sbin/{program}"));
        let child = Command::new(if path.exists() { path } else { program.into() })
            .args(arguments)
            .arg(&config)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Some(Self { child, socket, _folder: folder })
    }

    fn connect(&self) -> UnixStream {
        // Twenty seconds of tries.
        for _ in 0..1_000 {
            if let Ok(stream) = UnixStream::connect(&self.socket) {
                return stream;
            }
            std::thread::park_timeout(Duration::from_millis(20));
        }
        panic!("the balancer never listened");
    }

    /// What is answered to a PUT of `bytes` bytes: status and body.
    fn put(&self, path: &str, bytes: usize) -> (u16, String) {
        let stream = self.connect();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let head = format!("PUT {path} HTTP/1.1\r\nHost: eat.example\r\nConnection: close");
        write!(&stream, "{head}\r\nContent-Type: image/jpeg\r\nContent-Length: {bytes}\r\n\r\n").unwrap();
        // Whoever refuses it may not read it to its end.
        (&stream).write_all(&vec![b'x'; bytes]).ok();
        let mut answer = Vec::new();
        (&stream).read_to_end(&mut answer).ok();
        let answer = String::from_utf8_lossy(&answer).into_owned();
        let status = answer.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or(0);
        (status, answer.rsplit("\r\n\r\n").next().unwrap().to_owned())
    }
}

impl Drop for Balancer {
    fn drop(&mut self) {
        Command::new("kill").arg("-TERM").arg(self.child.id().to_string()).status().ok();
        self.child.wait().ok();
    }
}

const PHOTO: &str = "/v1/deliveries/019da5f0-0000-7000-8000-000000000001/photo";

#[test]
fn a_photo_passes_nginx() {
    let here = |config: String, folder: &Path, node: &str| {
        config
            .replace("listen 8080;", &format!("listen unix:{}/balancer.sock;", folder.display()))
            .replace("/tmp/foodcourt-nginx", &format!("{}/nginx", folder.display()))
            .replace("127.0.0.1:5003", node)
            .replace("    server 127.0.0.1:5004 max_fails=1 fail_timeout=2s;\n", "")
    };
    let Some(nginx) = Balancer::start("nginx", "nginx.conf", &["-g", "daemon off;", "-c"], here) else { return };
    assert_eq!(nginx.put(PHOTO, 300_000), (200, "300000".to_owned()));
    assert_eq!(nginx.put(PHOTO, 4_194_304), (200, "4194304".to_owned()), "proof.photo_bytes_max");
    assert_eq!(nginx.put(PHOTO, 4_194_305).0, 413);
    assert_eq!(nginx.put("/v1/riders/me/shift", 65_537).0, 413, "http.body_bytes_max");
}

#[test]
fn a_photo_passes_haproxy() {
    let here = |config: String, folder: &Path, node: &str| {
        config
            .replace("bind :80", &format!("bind unix@{}/balancer.sock", folder.display()))
            .replace("127.0.0.1:5003", node)
            // The usual limit of open files of a test's shell does not reach for so many.
            .replace("maxconn 50000", "maxconn 100")
            .replace("    server node2 127.0.0.1:5004\n", "")
    };
    let Some(haproxy) = Balancer::start("haproxy", "haproxy.cfg", &["-f"], here) else { return };
    assert_eq!(haproxy.put(PHOTO, 300_000), (200, "300000".to_owned()));
    assert_eq!(haproxy.put(PHOTO, 4_194_304), (200, "4194304".to_owned()), "proof.photo_bytes_max");
    assert_eq!(haproxy.put("/metrics", 0).0, 404, "a socket is no address of one's own network");
}
