//! Server-sent events: the same facts, order and guarantee as a socket's topic, over plain HTTP. An event's id is the
//! fact's `seq`, so the browser's `Last-Event-ID` resumes by itself.

use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    convert::Infallible,
    future::poll_fn,
    rc::Rc,
    task::{Context, Poll, Waker},
};

use actix_web::{HttpResponse, http::header::CACHE_CONTROL};
use bytes::{Bytes, BytesMut};
use foodcourt_actors::{event::Version, ids::OrderId};
use futures_util::stream;
use serde::Deserialize;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval};

use super::{
    frame::Framed,
    hub::{Hub, Seat},
    source::{Principal, Problem},
    subscription::{self, Membership, Sink, Spot},
    topic::Topic,
    worker::Worker,
};

/// What waits for one event stream. The browser's connection pulls from here.
pub struct Queue {
    /// Who listens.
    pub principal: Principal,
    /// To what.
    pub topic: Topic,
    frames: RefCell<VecDeque<Framed>>,
    bytes: Cell<usize>,
    bytes_max: usize,
    latest: RefCell<Option<Framed>>,
    clock: RefCell<Option<Framed>>,
    behind: Cell<bool>,
    ended: Cell<Option<Option<u64>>>,
    waker: RefCell<Option<Waker>>,
}

impl Queue {
    /// The stream ends; with a hint when to come back, unless access was revoked.
    pub fn end(&self, retry_ms: Option<u64>) {
        self.ended.set(Some(retry_ms));
        self.wake();
    }
    /// Business time runs at another speed; only the latest counts.
    pub fn clock(&self, frame: &Framed) {
        *self.clock.borrow_mut() = Some(frame.clone());
        self.wake();
    }
    fn wake(&self) {
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }
    fn next(&self) -> Option<Framed> {
        if let Some(clock) = self.clock.take() {
            return Some(clock);
        }
        let frame = self.frames.borrow_mut().pop_front().or_else(|| self.latest.take())?;
        self.bytes.set(self.bytes.get().saturating_sub(frame.len()));
        Some(frame)
    }
}

impl Sink for Queue {
    fn offer(&self, frame: &Framed) -> bool {
        let bytes = self.bytes.get();
        if bytes > 0 && bytes + frame.len() > self.bytes_max {
            return false;
        }
        self.bytes.set(bytes + frame.len());
        self.frames.borrow_mut().push_back(frame.clone());
        self.wake();
        true
    }
    fn has_room(&self) -> bool {
        self.bytes.get() <= self.bytes_max / 2
    }
    fn poll_room(&self, cx: &mut Context<'_>) -> Poll<()> {
        if self.has_room() {
            return Poll::Ready(());
        }
        *self.waker.borrow_mut() = Some(cx.waker().clone());
        Poll::Pending
    }
    fn fell_behind(&self) {
        self.behind.set(true);
        self.wake();
    }
    fn position(&self, _: Spot, frame: &Framed) {
        if let Some(before) = self.latest.replace(Some(frame.clone())) {
            self.bytes.set(self.bytes.get().saturating_sub(before.len()));
        }
        self.bytes.set(self.bytes.get() + frame.len());
        self.wake();
    }
}

/// The answer to `GET /v1/orders/{id}/events`. `last_event_id`: from the header of that name.
///
/// # Errors
/// The refusal to answer with: 404 for absent and foreign orders alike, 503 when there is no place.
pub async fn order_events(
    hub: &Hub,
    principal: Principal,
    order: OrderId,
    last_event_id: Option<Version>,
) -> Result<HttpResponse, Problem> {
    let seat = hub.seat().ok_or_else(Problem::unavailable)?;
    let (worker, asked_at) = (Worker::here(hub), Instant::now());
    let queue = Rc::new(Queue {
        principal,
        topic: Topic::Order(order.0),
        frames: RefCell::default(),
        bytes: Cell::new(0),
        bytes_max: worker.limits.backlog_bytes_max,
        latest: RefCell::default(),
        clock: RefCell::default(),
        behind: Cell::new(false),
        ended: Cell::new(None),
        waker: RefCell::default(),
    });
    worker.stream(&queue);
    let mut heartbeat = interval(worker.limits.sse_heartbeat_every);
    heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    heartbeat.reset();
    // Whether it may be watched, and the snapshot, decide the status; facts since a given id come with the body.
    let sink = Rc::clone(&queue) as Rc<dyn Sink>;
    let place = subscription::join(&worker, sink, principal, queue.topic, last_event_id, |_| None).await?;
    if hub.is_draining() || worker.is_revoked(&principal, asked_at) {
        return Err(Problem::unavailable());
    }
    let told = Told { worker, queue, place, heartbeat, over: false, _seat: seat };
    let body = stream::unfold(told, |mut told| async move {
        let chunk = told.next().await?;
        Some((Ok::<_, Infallible>(chunk), told))
    });
    Ok(HttpResponse::Ok()
        .content_type("text/event-stream")
        .insert_header((CACHE_CONTROL, "no-cache, no-transform"))
        .insert_header(("x-accel-buffering", "no"))
        .streaming(Box::pin(body)))
}

struct Told {
    worker: Rc<Worker>,
    queue: Rc<Queue>,
    place: Membership,
    heartbeat: Interval,
    over: bool,
    _seat: Seat,
}

impl Told {
    /// The next chunk, or the end.
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            if self.over {
                return None;
            }
            if let Some(retry_ms) = self.queue.ended.take() {
                self.over = true;
                let retry = retry_ms.map(|millis| format!("retry: {millis}\n")).unwrap_or_default();
                return Some(format!("event: bye\n{retry}data: {{}}\n\n").into());
            }
            if let Some(frame) = self.queue.next() {
                return Some(event(&frame));
            }
            if self.place.subscription.is_behind() {
                // Reads until live or until the queue is full, whichever comes first; then the queue is emptied.
                tokio::select! {
                    () = subscription::catch_up(&self.worker, &self.place.subscription) => {}
                    () = filled(&self.queue, false) => self.place.subscription.pause(),
                }
                continue;
            }
            tokio::select! {
                () = filled(&self.queue, true) => {}
                _ = self.heartbeat.tick() => return Some(Bytes::from_static(b":\n\n")),
            }
        }
    }
}

/// Waits for something to send.
async fn filled(queue: &Queue, positions_too: bool) {
    poll_fn(|cx| {
        let told = !queue.frames.borrow().is_empty() || queue.clock.borrow().is_some();
        let something = told || positions_too && queue.latest.borrow().is_some();
        let ended = queue.ended.take();
        queue.ended.set(ended);
        if something || ended.is_some() || queue.behind.take() {
            return Poll::Ready(());
        }
        *queue.waker.borrow_mut() = Some(cx.waker().clone());
        Poll::Pending
    })
    .await;
}

/// A frame as an event: id and name come from its JSON text.
fn event(frame: &Framed) -> Bytes {
    #[derive(Deserialize)]
    struct Named {
        #[serde(rename = "type")]
        kind: String,
        seq: Option<Version>,
    }
    let text = frame.text();
    let mut chunk = BytesMut::with_capacity(text.len() + 64);
    if let Ok(Named { kind, seq }) = serde_json::from_slice(&text) {
        if let Some(seq) = seq {
            chunk.extend_from_slice(format!("id: {seq}\n").as_bytes());
        }
        chunk.extend_from_slice(format!("event: {kind}\n").as_bytes());
    }
    chunk.extend_from_slice(b"data: ");
    chunk.extend_from_slice(&text);
    chunk.extend_from_slice(b"\n\n");
    chunk.freeze()
}
