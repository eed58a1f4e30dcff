//! A WebSocket client that costs little: text frames of one connection, pings answered.

use std::{io, net::SocketAddr};

use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// Room for what comes in one read while skimming.
const SKIM_BYTES: usize = 8 * 1_024;

/// One socket on `/v1/live`.
pub struct Socket {
    stream: TcpStream,
    inbox: Vec<u8>,
    /// Bytes of `inbox` that have been handed out.
    read: usize,
}

/// What the server says, as far as anybody here cares.
#[derive(Deserialize)]
pub struct Said<'a> {
    #[serde(borrow)]
    pub r#type: std::borrow::Cow<'a, str>,
    #[serde(default, borrow)]
    pub topic: Option<std::borrow::Cow<'a, str>>,
    #[serde(default, borrow)]
    pub data: Option<&'a RawValue>,
}

impl Said<'_> {
    /// The data, read as `T`.
    pub fn data<T: serde::de::DeserializeOwned>(&self) -> Option<T> {
        serde_json::from_str(self.data?.get()).ok()
    }
}

impl Socket {
    /// Connects and upgrades as the bearer of `token`.
    pub async fn open(address: SocketAddr, token: &str) -> io::Result<Self> {
        Self::upgrade(address, "/v1/live", &format!("authorization: Bearer {token}\r\n")).await
    }

    /// Connects as a browser does: the ticket goes into the first frame. The answer is the next text.
    pub async fn hello(address: SocketAddr, ticket: &str) -> io::Result<Self> {
        let mut socket = Self::upgrade(address, "/v1/live", "").await?;
        socket.send(&format!(r#"{{"type":"hello","ticket":"{ticket}"}}"#)).await?;
        Ok(socket)
    }

    /// Connects to a server that asks for no name.
    pub async fn plain(address: SocketAddr, path: &str) -> io::Result<Self> {
        Self::upgrade(address, path, "").await
    }

    async fn upgrade(address: SocketAddr, path: &str, header: &str) -> io::Result<Self> {
        let mut stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let request = format!(
            "GET {path} HTTP/1.1\r\nhost: {address}\r\n{header}connection: upgrade\r\n\
             upgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
             sec-websocket-protocol: foodcourt.v1\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).await?;
        let mut socket = Self { stream, inbox: Vec::new(), read: 0 };
        loop {
            socket.more().await?;
            if let Some(at) = socket.inbox.windows(4).position(|four| four == b"\r\n\r\n") {
                if !socket.inbox.starts_with(b"HTTP/1.1 101") {
                    return Err(io::Error::other(String::from_utf8_lossy(&socket.inbox).into_owned()));
                }
                socket.read = at + 4;
                return Ok(socket);
            }
        }
    }

    /// Sends a text. Masked with zeros: allowed, and free.
    pub async fn send(&mut self, text: &str) -> io::Result<()> {
        self.frame(0x81, text.as_bytes()).await
    }

    async fn frame(&mut self, first: u8, payload: &[u8]) -> io::Result<()> {
        let mut frame = Vec::with_capacity(payload.len() + 8);
        frame.push(first);
        match u16::try_from(payload.len()) {
            Ok(length @ 0..=125) => frame.push(0x80 | length.to_le_bytes()[0]),
            Ok(length) => {
                frame.push(0x80 | 126);
                frame.extend_from_slice(&length.to_be_bytes());
            }
            Err(_) => return Err(io::Error::other("a frame of this size is refused anyway")),
        }
        frame.extend_from_slice(&[0; 4]);
        frame.extend_from_slice(payload);
        self.stream.write_all(&frame).await
    }

    /// The next text. May be dropped and called again.
    pub async fn next(&mut self) -> io::Result<String> {
        loop {
            if let Some((opcode, from, to)) = self.whole() {
                let payload = self.inbox[from..to].to_vec();
                self.read = to;
                match opcode {
                    1 => return String::from_utf8(payload).map_err(io::Error::other),
                    8 => return Err(io::Error::other(String::from_utf8_lossy(&payload).into_owned())),
                    9 => self.frame(0x8A, &payload).await?,
                    _ => {}
                }
                continue;
            }
            self.inbox.drain(..self.read);
            self.read = 0;
            self.more().await?;
        }
    }

    /// Waits until there are texts, and shows each where it lies. May be dropped and called again.
    pub async fn skim(&mut self, mut each: impl FnMut(&[u8])) -> io::Result<()> {
        let mut shown = false;
        while !shown {
            while let Some((opcode, from, to)) = self.whole() {
                self.read = to;
                match opcode {
                    1 => {
                        each(&self.inbox[from..to]);
                        shown = true;
                    }
                    8 => return Err(io::ErrorKind::ConnectionAborted.into()),
                    9 => self.frame(0x8A, &[]).await?,
                    _ => {}
                }
            }
            self.inbox.drain(..self.read);
            self.read = 0;
            if !shown {
                self.inbox.reserve(SKIM_BYTES);
                self.more().await?;
            }
        }
        Ok(())
    }

    /// The next frame if it is here in whole: its opcode, and where its payload lies.
    fn whole(&self) -> Option<(u8, usize, usize)> {
        let frame = &self.inbox[self.read..];
        let short = usize::from(*frame.get(1)? & 0x7F);
        let (head, length) = match short {
            126 => (4, usize::from(u16::from_be_bytes(frame.get(2..4)?.try_into().ok()?))),
            127 => (10, usize::try_from(u64::from_be_bytes(frame.get(2..10)?.try_into().ok()?)).ok()?),
            short => (2, short),
        };
        (frame.len() >= head + length).then_some((frame[0] & 0x0F, self.read + head, self.read + head + length))
    }

    async fn more(&mut self) -> io::Result<()> {
        if self.stream.read_buf(&mut self.inbox).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(())
    }
}
