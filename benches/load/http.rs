//! A client that costs little: prepared bytes out, status and body in, over kept connections.

use std::{cell::RefCell, io, net::SocketAddr, rc::Rc};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::Semaphore,
};

/// One kept connection.
pub struct Connection {
    stream: TcpStream,
    inbox: Vec<u8>,
}

impl Connection {
    pub async fn open(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, inbox: Vec::with_capacity(16 * 1_024) })
    }

    /// Sends a whole request, waits for the whole answer: its status and its body.
    pub async fn call(&mut self, request: &[u8]) -> io::Result<(u16, &[u8])> {
        self.inbox.clear();
        self.stream.write_all(request).await?;
        let (head, length) = loop {
            self.more().await?;
            if let Some(at) = self.inbox.windows(4).position(|four| four == b"\r\n\r\n") {
                break (at + 4, content_length(&self.inbox[..at]));
            }
        };
        while self.inbox.len() < head + length {
            self.more().await?;
        }
        let status = std::str::from_utf8(&self.inbox[9..12]).ok().and_then(|digits| digits.parse().ok());
        let status = status.ok_or_else(|| io::Error::other("no status line"))?;
        Ok((status, &self.inbox[head..head + length]))
    }

    async fn more(&mut self) -> io::Result<()> {
        if self.stream.read_buf(&mut self.inbox).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(())
    }
}

fn content_length(head: &[u8]) -> usize {
    let head = String::from_utf8_lossy(head);
    let value = head.split("\r\n").find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().ok())?
    });
    value.unwrap_or(0)
}

/// Writes a request into `out`.
pub fn write(out: &mut Vec<u8>, method: &str, path: &str, token: &str, key: Option<&str>, body: &[u8]) {
    out.clear();
    let mut line = |text: &str| out.extend_from_slice(text.as_bytes());
    line(method);
    line(" ");
    line(path);
    line(" HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer ");
    line(token);
    if let Some(key) = key {
        line("\r\nidempotency-key: ");
        line(key);
    }
    if !body.is_empty() {
        line("\r\ncontent-type: application/json");
    }
    line("\r\ncontent-length: ");
    line(&body.len().to_string());
    line("\r\n\r\n");
    out.extend_from_slice(body);
}

/// Some connections, shared by many people.
#[derive(Clone)]
pub struct Calls {
    address: SocketAddr,
    idle: Rc<RefCell<Vec<Connection>>>,
    places: Rc<Semaphore>,
}

impl Calls {
    pub fn new(address: SocketAddr, connections: usize) -> Self {
        Self { address, idle: Rc::default(), places: Rc::new(Semaphore::new(connections)) }
    }

    /// One call; its status and body.
    pub async fn call(
        &self,
        method: &str,
        path: &str,
        token: &str,
        key: Option<&str>,
        body: &[u8],
    ) -> io::Result<(u16, Vec<u8>)> {
        let _place = self.places.acquire().await.map_err(io::Error::other)?;
        let idle = self.idle.borrow_mut().pop();
        let mut connection = match idle {
            Some(connection) => connection,
            None => Connection::open(self.address).await?,
        };
        let mut request = Vec::with_capacity(1_024 + body.len());
        write(&mut request, method, path, token, key, body);
        let (status, body) = connection.call(&request).await?;
        let body = body.to_vec();
        self.idle.borrow_mut().push(connection);
        Ok((status, body))
    }
}
