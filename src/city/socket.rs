//! The connection of a socket that never ends: it connects, subscribes, and after each drop connects again and resumes
//! every topic after the last number it saw. Fixes that were not acknowledged are sent again.

use std::{collections::VecDeque, ops::ControlFlow, sync::Arc, time::Duration};

use foodcourt_actors::time::Timestamp;
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::{net::TcpStream, sync::mpsc, time::Instant};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{
        Message,
        client::IntoClientRequest,
        http::{HeaderValue, StatusCode, header},
    },
};

use super::{
    client::pause,
    clock::BusinessClock,
    live::{Fix, Heard, Wish},
    log::{Entry, Log, WatchId, count},
    person::Person,
    resume::{Fit, Resume},
};

/// Fixes a rider's phone keeps while it is offline; beyond, the oldest are forgotten.
const FIXES_KEPT_MAX: usize = 1_000;
/// Fixes in one frame; the server takes 100.
const FIXES_PER_FRAME_MAX: usize = 50;
/// A connection that says nothing for so long is dead: the server pings every 25 s.
const SILENT_MAX: Duration = Duration::from_secs(70);
/// Frames of fixes on the way at once.
const BATCHES_MAX: usize = 2;

type Stream = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// One topic of a socket.
pub struct Topic {
    /// `order:{id}` and the like.
    pub name: String,
    /// Where we stand.
    pub resume: Resume,
    /// Where it is logged.
    pub watch: WatchId,
    /// Whether bodies are logged too.
    pub keeps_bodies: bool,
}

/// A socket that connects, and connects again.
pub struct Socket {
    person: Arc<Person>,
    clock: Arc<BusinessClock>,
    topics: Vec<Topic>,
    fixes: VecDeque<Fix>,
    /// Frame id and highest fix of each batch on the way.
    batches: Vec<(u64, u64)>,
    frames: u64,
    wished: mpsc::Receiver<Wish>,
    tell: mpsc::Sender<Heard>,
    log: Arc<Log>,
    connections: u64,
}

/// Why one connection ended.
enum End {
    /// Cut, by us or by the world; stay away for so long.
    Cut(Duration),
    /// Nobody needs the socket any more.
    Bye,
}

impl Socket {
    /// A socket of `person` that has yet to connect.
    pub(super) fn new(
        person: Arc<Person>,
        clock: Arc<BusinessClock>,
        topics: Vec<Topic>,
        wished: mpsc::Receiver<Wish>,
        tell: mpsc::Sender<Heard>,
    ) -> Self {
        let log = Arc::clone(person.api().log());
        let (fixes, batches) = (VecDeque::new(), Vec::new());
        Self { person, clock, topics, fixes, batches, frames: 0, wished, tell, log, connections: 0 }
    }
    /// Goes on until nobody needs it any more, or no server was there for too long.
    pub async fn run(mut self) {
        let started = Instant::now();
        let mut attempt = 0;
        let mut last_up = started;
        let mut stay_away = Duration::ZERO;
        loop {
            if self.stay_away(stay_away).await.is_break() {
                return;
            }
            match self.connect().await {
                ControlFlow::Break(()) => return,
                ControlFlow::Continue(Ok(stream)) => {
                    attempt = 0;
                    self.connections += 1;
                    if self.connections > 1 {
                        count(&self.log.counters.reconnects);
                    }
                    match self.converse(stream).await {
                        End::Cut(offline) => stay_away = offline,
                        End::Bye => return,
                    }
                    last_up = Instant::now();
                }
                ControlFlow::Continue(Err(error)) => {
                    if last_up.elapsed() > self.person.api().patience() {
                        self.log.trouble(format!("a socket could not be opened for too long: {error}"));
                        return;
                    }
                    stay_away = pause(self.topics.first().map_or("", |topic| &topic.name), attempt);
                    attempt += 1;
                }
            }
        }
    }

    /// Waits without a connection; fixes go on being kept.
    async fn stay_away(&mut self, long: Duration) -> ControlFlow<()> {
        let until = Instant::now() + long;
        loop {
            tokio::select! {
                () = tokio::time::sleep_until(until) => return ControlFlow::Continue(()),
                wish = self.wished.recv() => match wish {
                    Some(Wish::Fixes(fixes)) => self.keep(fixes),
                    Some(Wish::Drop(_)) => {}
                    Some(Wish::Bye) | None => return ControlFlow::Break(()),
                }
            }
        }
    }

    /// One attempt, during which fixes go on being kept.
    async fn connect(&mut self) -> ControlFlow<(), Result<Stream, String>> {
        let connecting = connect(Arc::clone(&self.person));
        tokio::pin!(connecting);
        loop {
            tokio::select! {
                connected = &mut connecting => return ControlFlow::Continue(connected),
                wish = self.wished.recv() => match wish {
                    Some(Wish::Fixes(fixes)) => self.keep(fixes),
                    Some(Wish::Drop(_)) => {}
                    Some(Wish::Bye) | None => return ControlFlow::Break(()),
                }
            }
        }
    }

    async fn converse(&mut self, mut stream: Stream) -> End {
        self.batches.clear(); // what was on the way is sent again; the server knows fixes by their number
        for index in 0..self.topics.len() {
            let Topic { name, resume, .. } = &self.topics[index];
            let mut frame = json!({"type": "subscribe", "id": index + 1, "topic": name});
            if let Some(after) = resume.last() {
                frame["after"] = json!(after);
            }
            if stream.send(Message::text(frame.to_string())).await.is_err() {
                return End::Cut(Duration::ZERO);
            }
        }
        self.frames = self.topics.len() as u64;
        self.hear(Heard::Connected).await;
        let mut heard_at = Instant::now();
        loop {
            if let Err(end) = self.send_fixes(&mut stream).await {
                return end;
            }
            tokio::select! {
                frame = tokio::time::timeout_at(heard_at + SILENT_MAX, stream.next()) => match frame {
                    Ok(Some(Ok(Message::Text(text)))) => {
                        heard_at = Instant::now();
                        self.frame(&text).await;
                    }
                    Ok(Some(Ok(Message::Close(close)))) => {
                        let reason = close.map(|close| close.reason.to_string()).unwrap_or_default();
                        return End::Cut(retry_after(&reason));
                    }
                    Ok(Some(Ok(_))) => heard_at = Instant::now(),
                    Ok(Some(Err(_)) | None) | Err(_) => return End::Cut(Duration::from_millis(20)),
                },
                wish = self.wished.recv() => match wish {
                    Some(Wish::Fixes(fixes)) => self.keep(fixes),
                    Some(Wish::Drop(offline)) => return End::Cut(offline),
                    Some(Wish::Bye) | None => {
                        stream.close(None).await.unwrap_or_else(|error| tracing::debug!(%error, "no goodbye"));
                        return End::Bye;
                    }
                }
            }
        }
    }

    async fn send_fixes(&mut self, stream: &mut Stream) -> Result<(), End> {
        while self.batches.len() < BATCHES_MAX {
            let sent = self.batches.last().map_or(0, |(_, seq)| *seq);
            let batch: Vec<Fix> =
                self.fixes.iter().filter(|fix| fix.seq > sent).take(FIXES_PER_FRAME_MAX).copied().collect();
            let Some(last) = batch.last() else { break };
            self.frames += 1;
            self.batches.push((self.frames, last.seq));
            let frame = json!({"type": "fixes", "id": self.frames, "fixes": batch});
            stream.send(Message::text(frame.to_string())).await.map_err(|_| End::Cut(Duration::ZERO))?;
        }
        Ok(())
    }

    async fn frame(&mut self, text: &str) {
        let Ok(mut frame) = serde_json::from_str::<Value>(text) else {
            self.log.trouble(format!("a frame is no JSON: {}", text.chars().take(80).collect::<String>()));
            return;
        };
        if let Some(at) = time(&frame, "at") {
            self.clock.saw(at);
        }
        let kind = frame["type"].as_str().unwrap_or_default().to_owned();
        match kind.as_str() {
            "welcome" | "clock" => {
                if let (Some(now), Some(speed)) = (time(&frame, "server_time"), frame["business_speed"].as_f64()) {
                    self.clock.set(now, speed);
                }
            }
            "subscribed" | "unsubscribed" | "pong" => {}
            "position" => count(&self.log.counters.positions),
            "fixes_taken" => self.fixes_taken(&frame),
            "error" => self.refused(&frame).await,
            _ => self.numbered(kind, &mut frame).await,
        }
    }

    /// A snapshot, a fact or a redacted one.
    async fn numbered(&mut self, kind: String, frame: &mut Value) {
        let name = frame["topic"].as_str().unwrap_or_default();
        let (Some(topic), Some(seq)) = (self.topics.iter_mut().find(|topic| topic.name == name), frame["seq"].as_u64())
        else {
            return; // unknown types are skipped, as the protocol asks
        };
        let data = frame["data"].take();
        let (fit, entry) = match kind.as_str() {
            "snapshot" => (topic.resume.snapshot(seq), Entry::Snapshot(seq)),
            "redacted" => (topic.resume.fact(seq), Entry::Redacted(seq)),
            _ => {
                let body = topic.keeps_bodies.then(|| data.clone());
                (topic.resume.fact(seq), Entry::Fact { seq, kind: kind.clone(), data: body })
            }
        };
        self.log.frame(topic.watch, entry);
        let topic = topic.name.clone();
        match (kind.as_str(), fit) {
            (_, Fit::Again) | ("redacted", _) => {}
            ("snapshot", _) => self.hear(Heard::Snapshot { topic, data }).await,
            _ => self.hear(Heard::Fact { topic, kind, data }).await,
        }
    }

    fn fixes_taken(&mut self, frame: &Value) {
        let id = frame["id"].as_u64().unwrap_or_default();
        let Some(at) = self.batches.iter().position(|(batch, _)| *batch == id) else { return };
        let (_, seq) = self.batches.remove(at);
        let before = self.fixes.len();
        self.fixes.retain(|fix| fix.seq > seq);
        let taken = (before - self.fixes.len()) as u64;
        self.log.counters.fixes.fetch_add(taken, std::sync::atomic::Ordering::Relaxed);
    }

    async fn refused(&mut self, frame: &Value) {
        let id = frame["id"].as_u64().unwrap_or_default();
        let problem = &frame["problem"];
        if let Some(at) = self.batches.iter().position(|(batch, _)| *batch == id) {
            // Fixes are worth nothing once refused: the phone goes on with fresh ones.
            let (_, seq) = self.batches.remove(at);
            self.fixes.retain(|fix| fix.seq > seq);
            if problem["status"] != 503 {
                self.log.trouble(format!("fixes were refused: {problem}"));
            }
            return;
        }
        let Some(topic) = usize::try_from(id).ok().and_then(|id| self.topics.get(id.checked_sub(1)?)) else { return };
        if problem["type"] == "/problems/cursor-ahead" {
            self.log.frame(topic.watch, Entry::Ahead);
        }
        self.log.trouble(format!("{} cannot be watched: {problem}", topic.name));
        let topic = topic.name.clone();
        self.hear(Heard::Refused(topic)).await;
    }

    fn keep(&mut self, fixes: Vec<Fix>) {
        self.fixes.extend(fixes);
        while self.fixes.len() > FIXES_KEPT_MAX {
            self.fixes.pop_front();
        }
    }

    /// Tells the person; a person who has left does not mind.
    async fn hear(&self, heard: Heard) {
        self.tell.send(heard).await.unwrap_or_else(|_| tracing::trace!("nobody listens any more"));
    }
}

/// Connects with the person's token in the header. A token that was refused is forgotten.
async fn connect(person: Arc<Person>) -> Result<Stream, String> {
    use tokio_tungstenite::tungstenite::Error;
    const WITHIN: Duration = Duration::from_secs(15);
    let token = person.token().await.map_err(|error| error.to_string())?;
    let url = format!("{}/v1/live", person.api().base().replacen("http", "ws", 1));
    let mut request = url.into_client_request().map_err(|error| error.to_string())?;
    let bearer = HeaderValue::from_str(&format!("Bearer {token}")).map_err(|error| error.to_string())?;
    request.headers_mut().insert(header::AUTHORIZATION, bearer);
    request.headers_mut().insert(header::SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static("foodcourt.v1"));
    match tokio::time::timeout(WITHIN, connect_async(request)).await {
        Ok(Ok((stream, _))) => Ok(stream),
        Ok(Err(Error::Http(response))) if response.status() == StatusCode::UNAUTHORIZED => {
            person.forget(&token).await;
            Err("the socket was refused with 401".to_owned())
        }
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err("the upgrade was not answered".to_owned()),
    }
}

/// A server that drains says in its goodbye when to come back: `…; retry_after_ms=1200`.
fn retry_after(reason: &str) -> Duration {
    const SOON: Duration = Duration::from_millis(100);
    let Some((_, hint)) = reason.split_once("retry_after_ms=") else { return SOON };
    let digits: String = hint.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().map_or(SOON, |ms: u64| Duration::from_millis(ms.min(10_000)))
}

fn time(frame: &Value, name: &str) -> Option<Timestamp> {
    serde_json::from_value(frame.get(name)?.clone()).ok()
}
