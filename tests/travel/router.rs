//! An HTTP server on this machine that says what a test wants a router to say, and remembers what it was asked.

use std::sync::{Arc, Mutex};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

/// What it does with a request.
pub enum Reply {
    /// A status and a JSON body.
    Json(u16, String),
    /// Reads, and never answers.
    Silence,
    /// Closes the connection.
    Hangup,
}

impl Reply {
    pub fn json(status: u16, body: &str) -> Self {
        Self::Json(status, body.to_owned())
    }
}

/// The server; gone when dropped.
pub struct Fake {
    port: u16,
    heard: Arc<Mutex<Vec<String>>>,
    serving: JoinHandle<()>,
}

impl Fake {
    /// A server that answers each request (its first line without the version, and its body) with `reply`.
    pub async fn saying(reply: impl Fn(&str) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (heard, reply) = (Arc::new(Mutex::new(Vec::new())), Arc::new(reply));
        let ears = Arc::clone(&heard);
        let serving = tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                tokio::spawn(converse(socket, Arc::clone(&ears), Arc::clone(&reply)));
            }
        });
        Self { port, heard, serving }
    }
    pub fn address(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
    /// All requests so far: `GET /path?query` or `POST /path {body}`.
    pub fn heard(&self) -> Vec<String> {
        self.heard.lock().unwrap().clone()
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn converse(mut socket: TcpStream, heard: Arc<Mutex<Vec<String>>>, reply: Arc<impl Fn(&str) -> Reply>) {
    let mut bytes = Vec::new();
    while let Some(request) = next(&mut socket, &mut bytes).await {
        heard.lock().unwrap().push(request.clone());
        match reply(&request) {
            Reply::Json(status, body) => {
                let head = format!(
                    "HTTP/1.1 {status} Said\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
                    body.len()
                );
                let said = socket.write_all(format!("{head}{body}").as_bytes()).await;
                if said.is_err() {
                    return; // who asked has gone
                }
            }
            Reply::Silence => std::future::pending().await,
            Reply::Hangup => return,
        }
    }
}

/// The next request on the connection; `None`: it was closed.
async fn next(socket: &mut TcpStream, bytes: &mut Vec<u8>) -> Option<String> {
    loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
            let length = head
                .lines()
                .find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length:").map(str::to_owned));
            let length = length.map_or(0, |length| length.trim().parse::<usize>().unwrap());
            if bytes.len() >= end + 4 + length {
                let body = String::from_utf8_lossy(&bytes[end + 4..end + 4 + length]).into_owned();
                bytes.drain(..end + 4 + length);
                let line = head.lines().next().unwrap().trim_end_matches(" HTTP/1.1").to_owned();
                return Some(if body.is_empty() { line } else { format!("{line} {body}") });
            }
        }
        if socket.read_buf(bytes).await.ok()? == 0 {
            return None;
        }
    }
}
