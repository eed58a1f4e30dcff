//! What a cluster leans on beside its databases: an HAProxy of the test's own, killed at the end whatever happens.

use std::{
    net::TcpListener,
    os::fd::AsRawFd as _,
    path::Path,
    process::{Child, Command, Stdio},
};

use tempfile::TempDir;

/// A child that does not outlive the test.
pub struct Killed(pub Child);

impl Drop for Killed {
    fn drop(&mut self) {
        // Gone already is as good.
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

/// HAProxy as shipped, but for its addresses.
pub struct Balancer {
    pub url: String,
    folder: TempDir,
    _listener: TcpListener,
    _child: Killed,
}

impl Balancer {
    /// In front of the nodes that listen on `ports`.
    pub fn before(ports: [u16; 2]) -> Self {
        let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/haproxy.cfg");
        let mut settings = std::fs::read_to_string(shipped).unwrap();
        // An inherited listener: HAProxy cannot say which free port it took, and a port chosen beforehand may be gone.
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        rustix::io::fcntl_setfd(&listener, rustix::io::FdFlags::empty()).unwrap();
        for (shipped, ours) in [
            // As many as a machine's usual limit of open files allows.
            ("maxconn 50000\n", "maxconn 4000\n".to_owned()),
            ("bind :80\n", format!("bind fd@{}\n", listener.as_raw_fd())),
            ("127.0.0.1:5003", format!("127.0.0.1:{}", ports[0])),
            ("127.0.0.1:5004", format!("127.0.0.1:{}", ports[1])),
        ] {
            assert!(settings.contains(shipped), "deploy/haproxy.cfg no longer has {shipped:?}");
            settings = settings.replace(shipped, &ours);
        }
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("haproxy.cfg");
        std::fs::write(&file, settings).unwrap();
        let log = std::fs::File::create(folder.path().join("haproxy.log")).unwrap();
        let program = if Path::new("/usr/sbin/haproxy").exists() { "/usr/sbin/haproxy" } else { "haproxy" };
        let child = Command::new(program)
            .args(["-db", "-f"])
            .arg(&file)
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .expect("HAProxy is installed (apt-get install haproxy)");
        // Only HAProxy was to inherit it.
        rustix::io::fcntl_setfd(&listener, rustix::io::FdFlags::CLOEXEC).unwrap();
        Self { url, folder, _listener: listener, _child: Killed(child) }
    }

    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("haproxy.log")).unwrap_or_default()
    }
}
