//! An order watched over an event stream, as a browser's `EventSource` would: after a drop it comes back with
//! `Last-Event-ID` and goes on.

use std::{sync::Arc, time::Duration};

use serde_json::Value;
use tokio::{sync::mpsc, task::JoinHandle, time::Instant};

use super::{
    client::{describe, pause},
    live::Heard,
    log::{Entry, Log, WatchId, count},
    person::Person,
    resume::{Fit, Resume},
};

/// A stream without even a comment for so long is dead: the server sends one every 15 s.
const SILENT_MAX: Duration = Duration::from_secs(45);

/// A watched order.
pub struct Events {
    heard: mpsc::Receiver<Heard>,
    watch: WatchId,
    log: Arc<Log>,
    task: JoinHandle<()>,
    cut: mpsc::Sender<Duration>,
}

impl Events {
    /// Watches an order from its first fact on.
    #[must_use]
    pub fn open(person: Arc<Person>, order_id: &str) -> Self {
        let log = Arc::clone(person.api().log());
        let topic = format!("order:{order_id}");
        let watch = log.watch(&topic, Some(0));
        let (tell, heard) = mpsc::channel(256);
        let (cut, cuts) = mpsc::channel(4);
        let path = format!("/v1/orders/{order_id}/events");
        let reader = Reader { person, path, topic, watch, resume: Resume::after(Some(0)), log: Arc::clone(&log), tell };
        Self { heard, watch, log, task: tokio::spawn(reader.run(cuts)), cut }
    }
    /// The next thing heard; `None` once the stream was given up.
    pub async fn next(&mut self) -> Option<Heard> {
        self.heard.recv().await
    }
    /// Cuts the connection and stays away for `offline`.
    pub async fn drop_for(&self, offline: Duration) {
        self.cut.send(offline).await.unwrap_or_else(|_| tracing::debug!("the event stream is gone already"));
    }
    /// Hangs up, having stayed to the end or not.
    pub fn close(self, stayed: bool) {
        if stayed {
            self.log.stayed(self.watch);
        }
        self.task.abort();
    }
}

struct Reader {
    person: Arc<Person>,
    path: String,
    topic: String,
    watch: WatchId,
    resume: Resume,
    log: Arc<Log>,
    tell: mpsc::Sender<Heard>,
}

impl Reader {
    async fn run(mut self, mut cuts: mpsc::Receiver<Duration>) {
        let (mut attempt, mut last_up) = (0, Instant::now());
        let mut connections = 0_u32;
        loop {
            let wait = match self.open().await {
                Ok(response) => {
                    attempt = 0;
                    connections += 1;
                    if connections > 1 {
                        count(&self.log.counters.reconnects);
                    }
                    let wait = tokio::select! {
                        wait = self.read(response) => wait,
                        cut = cuts.recv() => cut.unwrap_or_default(),
                    };
                    last_up = Instant::now();
                    wait
                }
                Err(error) if last_up.elapsed() > self.person.api().patience() => {
                    self.log.trouble(format!("{} could not be opened for too long: {error}", self.path));
                    return;
                }
                Err(_) => {
                    attempt += 1;
                    pause(&self.path, attempt)
                }
            };
            tokio::time::sleep(wait).await;
        }
    }

    async fn open(&self) -> Result<reqwest::Response, String> {
        let token = self.person.token().await.map_err(|error| error.to_string())?;
        let last = self.resume.last().unwrap_or_default().to_string();
        let headers = [("accept", "text/event-stream".to_owned()), ("last-event-id", last)];
        let api = self.person.api();
        let response = api.stream(&self.path, &token, &headers).await.map_err(|error| describe(&error))?;
        if response.status() == reqwest::StatusCode::UNAUTHORIZED {
            self.person.forget(&token).await;
        }
        response.error_for_status().map_err(|error| describe(&error))
    }

    /// Reads to the end; returns how long to wait before coming back.
    async fn read(&mut self, mut response: reqwest::Response) -> Duration {
        let mut wait = Duration::from_millis(50);
        let mut text = Vec::new();
        while let Ok(Ok(Some(chunk))) = tokio::time::timeout(SILENT_MAX, response.chunk()).await {
            text.extend_from_slice(&chunk);
            while let Some(end) = text.windows(2).position(|two| two == b"\n\n") {
                let block: Vec<u8> = text.drain(..end + 2).collect();
                let block = String::from_utf8_lossy(&block);
                let retry = block.lines().find_map(|line| line.strip_prefix("retry:")?.trim().parse().ok());
                wait = retry.map_or(wait, |ms: u64| Duration::from_millis(ms.min(10_000)));
                self.event(&block).await;
            }
        }
        wait
    }

    async fn event(&mut self, block: &str) {
        let Some((seq, kind, data)) = parse(block) else { return };
        let (fit, entry, heard) = match kind.as_str() {
            "snapshot" => {
                let heard = Heard::Snapshot { topic: self.topic.clone(), data };
                (self.resume.snapshot(seq), Entry::Snapshot(seq), Some(heard))
            }
            "redacted" => (self.resume.fact(seq), Entry::Redacted(seq), None),
            _ => {
                let entry = Entry::Fact { seq, kind: kind.clone(), data: Some(data.clone()) };
                (self.resume.fact(seq), entry, Some(Heard::Fact { topic: self.topic.clone(), kind, data }))
            }
        };
        self.log.frame(self.watch, entry);
        if let Some(heard) = heard.filter(|_| fit != Fit::Again) {
            self.tell.send(heard).await.unwrap_or_else(|_| tracing::trace!("nobody listens any more"));
        }
    }
}

/// One block of an event stream: number, kind, body. Comments, positions and the like have no number.
fn parse(block: &str) -> Option<(u64, String, Value)> {
    let (mut id, mut event, mut data) = (None, None, String::new());
    for line in block.lines() {
        let Some((field, value)) = line.split_once(':') else { continue };
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "id" => id = value.parse().ok(),
            "event" => event = Some(value.to_owned()),
            "data" => data.push_str(value),
            _ => {}
        }
    }
    let mut frame: Value = serde_json::from_str(&data).ok()?;
    let kind = frame["type"].as_str().map(str::to_owned).or(event)?;
    let seq = frame["seq"].as_u64().or(id)?;
    // The data line is either the whole frame, as on a socket, or its body alone.
    let body = if frame.get("seq").is_some() { frame["data"].take() } else { frame };
    Some((seq, kind, body))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn reads_a_whole_frame_and_a_body_alone() {
        let whole = "id: 4\nevent: order.paid\ndata: {\"type\":\"order.paid\",\"seq\":4,\"data\":{\"a\":1}}\n\n";
        let alone = "id: 4\nevent: order.paid\ndata: {\"a\":1}\n\n";
        for block in [whole, alone] {
            assert_eq!(parse(block), Some((4, "order.paid".to_owned(), json!({"a": 1}))));
        }
    }

    #[test]
    fn comments_and_positions_are_no_facts() {
        assert_eq!(parse(": still here\n\n"), None);
        assert_eq!(parse("event: position\ndata: {\"type\":\"position\",\"fix_seq\":3,\"data\":{}}\n\n"), None);
    }
}
