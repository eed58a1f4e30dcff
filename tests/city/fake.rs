//! A server small enough to misbehave on purpose: it hands every HTTP request and every socket to the test.

use std::sync::Arc;

use foodcourt::city::{client::Api, log::Log, person::Person};
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use tokio_tungstenite::{
    WebSocketStream, accept_hdr_async,
    tungstenite::{
        handshake::server::{Request, Response},
        http::HeaderValue,
    },
};

/// One HTTP request as it came.
#[derive(Debug)]
pub struct Asked {
    /// Method and path.
    pub line: String,
    /// All header lines, in small letters.
    pub head: String,
    /// The body.
    pub body: Value,
    stream: TcpStream,
}

/// What arrived.
pub enum Arrived {
    Http(Asked),
    Socket(Box<WebSocketStream<TcpStream>>),
}

pub struct Fake(TcpListener);

impl Fake {
    /// A fake, and a person who talks to it.
    pub async fn with_person() -> (Self, Arc<Person>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("a bound port"));
        let log = Arc::new(Log::new(1_000));
        let api = Arc::new(Api::new(&url, std::time::Duration::from_secs(20), log).expect("a client"));
        (Self(listener), Arc::new(Person::new(api, "a@example.com", "secret words")))
    }
    /// The next thing that is not a sign-in; those are answered with the given access token.
    pub async fn next(&self, token: &str) -> Arrived {
        loop {
            let (mut stream, _) = self.0.accept().await.expect("a connection");
            let mut begin = [0; 12];
            stream.peek(&mut begin).await.expect("a first packet");
            if begin.starts_with(b"GET /v1/live") {
                let protocol = |_: &Request, mut response: Response| {
                    let name = HeaderValue::from_static("foodcourt.v1");
                    response.headers_mut().insert("sec-websocket-protocol", name);
                    Ok(response)
                };
                let socket = accept_hdr_async(stream, protocol).await.expect("a handshake");
                return Arrived::Socket(Box::new(socket));
            }
            let (line, head, body) = read(&mut stream).await;
            let asked = Asked { line, head, body, stream };
            if asked.line.starts_with("POST /v1/auth/") {
                let tokens = format!(
                    r#"{{"access_token":"{token}","token_type":"Bearer","expires_in":300,"refresh_token":"r","user_id":"u","roles":[]}}"#
                );
                asked.answer(200, "", &tokens).await;
                continue;
            }
            return Arrived::Http(asked);
        }
    }
    /// The next request over HTTP.
    pub async fn asked(&self, token: &str) -> Asked {
        match self.next(token).await {
            Arrived::Http(asked) => asked,
            Arrived::Socket(_) => panic!("a socket where a request was expected"),
        }
    }
    /// The next socket.
    pub async fn socket(&self, token: &str) -> WebSocketStream<TcpStream> {
        match self.next(token).await {
            Arrived::Socket(socket) => *socket,
            Arrived::Http(asked) => panic!("{} where a socket was expected", asked.line),
        }
    }
}

impl Asked {
    /// Answers and hangs up.
    pub async fn answer(mut self, status: u16, headers: &str, body: &str) {
        let length = body.len();
        let text =
            format!("HTTP/1.1 {status} X\r\ncontent-length: {length}\r\nconnection: close\r\n{headers}\r\n{body}");
        self.stream.write_all(text.as_bytes()).await.expect("an open connection");
        self.stream.shutdown().await.expect("an open connection");
    }
    /// Hangs up without a word, as a killed server does.
    pub fn hang_up(self) {}
}

async fn read(stream: &mut TcpStream) -> (String, String, Value) {
    let mut bytes = Vec::new();
    loop {
        let mut chunk = [0; 4096];
        let count = stream.read(&mut chunk).await.expect("an open connection");
        bytes.extend_from_slice(&chunk[..count]);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let head = head.to_lowercase();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok()).unwrap_or(0);
        if body.len() >= length {
            let line = text.lines().next().unwrap_or_default().trim_end_matches(" HTTP/1.1").to_owned();
            return (line, head, serde_json::from_str(body).unwrap_or_default());
        }
    }
}
