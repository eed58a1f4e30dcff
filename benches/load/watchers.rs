//! Watchers: sockets that are told things, count them, and look at a few for how long they took.

use std::{
    cell::{Cell, RefCell},
    net::SocketAddr,
    rc::Rc,
    time::{Duration, Instant},
};

use foodcourt_actors::time::{Clock, Timestamp};
use tokio::task::JoinHandle;

use super::{
    http::Calls,
    machine::resident_bytes,
    socket::{Said, Socket},
    world::Wall,
};

/// Sockets that are opened at once.
const AT_ONCE: usize = 64;
/// One socket of so many reads when what it hears was sent; the others only count.
const LOOKS: usize = 25;
/// What is sent carries the moment of sending as an end so far away: it is a pause's end, and those lie in the future.
pub const AHEAD: Duration = Duration::from_secs(30 * 86_400);

/// What all of them have heard.
#[derive(Default)]
pub struct Heard {
    pub texts: Cell<u64>,
    pub bytes: Cell<u64>,
    /// Microseconds from sending to hearing, of a few.
    pub took_us: RefCell<Vec<u32>>,
    pub lost: Cell<u64>,
}

/// Some open sockets.
pub struct Watchers {
    pub heard: Rc<Heard>,
    tasks: Vec<JoinHandle<()>>,
}

impl Drop for Watchers {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

impl Watchers {
    /// Opens `count` sockets on the live side, by a ticket of one person after the other as browsers do; `topic` names
    /// what each watches.
    pub async fn ours(address: SocketAddr, tokens: &[String], count: usize, topic: impl Fn(usize) -> String) -> Self {
        let calls = Calls::new(address, AT_ONCE);
        let open = async |number: usize| {
            let token = &tokens[number % tokens.len()];
            let (status, body) = calls.call("POST", "/v1/live/ticket", token, None, b"").await.unwrap();
            assert_eq!(status, 201, "a ticket: {}", String::from_utf8_lossy(&body));
            let answer: serde_json::Value = serde_json::from_slice(&body).unwrap();
            let mut socket = Socket::hello(address, answer["ticket"].as_str().unwrap()).await.unwrap();
            let subscribe = format!(r#"{{"type":"subscribe","id":1,"topic":"{}"}}"#, topic(number));
            socket.send(&subscribe).await.unwrap();
            for expected in ["welcome", "subscribed", "snapshot"] {
                let text = socket.next().await.unwrap();
                assert_eq!(serde_json::from_str::<Said>(&text).unwrap().r#type, expected, "{text}");
            }
            socket
        };
        Self::all(count, open).await
    }

    /// Opens `count` sockets on the peer.
    pub async fn peers(address: SocketAddr, count: usize, topic: impl Fn(usize) -> String) -> Self {
        let open = async |number: usize| Socket::plain(address, &format!("/?topic={}", topic(number))).await.unwrap();
        Self::all(count, open).await
    }

    async fn all(count: usize, open: impl AsyncFn(usize) -> Socket) -> Self {
        let (heard, mut tasks) = (Rc::<Heard>::default(), Vec::with_capacity(count));
        let numbers: Vec<usize> = (0..count).collect();
        for some in numbers.chunks(AT_ONCE) {
            let opened = futures_util::future::join_all(some.iter().map(|number| open(*number))).await;
            for (number, socket) in some.iter().zip(opened) {
                tasks.push(actix::spawn(listen(socket, Rc::clone(&heard), number % LOOKS == 0)));
            }
        }
        Self { heard, tasks }
    }

    /// Waits until so many texts have been heard, at most for `patience`.
    pub async fn until(&self, texts: u64, patience: Duration) {
        let begun = Instant::now();
        while self.heard.texts.get() < texts && begun.elapsed() < patience {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}

async fn listen(mut socket: Socket, heard: Rc<Heard>, looks: bool) {
    loop {
        let more = socket.skim(|text| {
            heard.texts.set(heard.texts.get() + 1);
            heard.bytes.set(heard.bytes.get() + text.len() as u64);
            if let Some(us) = if looks { took_us(text) } else { None } {
                heard.took_us.borrow_mut().push(us);
            }
        });
        if more.await.is_err() {
            return heard.lost.set(heard.lost.get() + 1);
        }
    }
}

/// How long ago this was sent, as its text says.
fn took_us(text: &[u8]) -> Option<u32> {
    const FIELD: &str = r#""until":"#;
    let text = std::str::from_utf8(text).ok()?;
    let from = text.find(FIELD)? + FIELD.len();
    let length = text[from + 1..].find('"')? + 2;
    let until: Timestamp = serde_json::from_str(&text[from..from + length]).ok()?;
    let sent_at = until.as_micros() - i64::try_from(AHEAD.as_micros()).ok()?;
    u32::try_from(Wall.now().as_micros() - sent_at).ok()
}

/// Kilobytes of a process in memory, once it has had time to give back what it does not need.
pub async fn settled_kb(pid: u32, wait: Duration) -> f64 {
    tokio::time::sleep(wait).await;
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    let bytes = resident_bytes(pid) as f64;
    bytes / 1_000.0
}
