//! What the city's people were told: every acknowledged order and step, every frame of every watched topic, and
//! counters. In memory and bounded; the verdict compares it with the server at the end.

use std::sync::{
    Mutex, MutexGuard,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

use serde_json::Value;
use tokio::time::Instant;

/// One frame of one topic, as it came.
#[derive(Clone, PartialEq, Debug)]
pub enum Entry {
    /// The state at this number.
    Snapshot(u64),
    /// A fact. The body is kept only where it can be compared (orders).
    Fact {
        /// Its number.
        seq: u64,
        /// `order.placed` and the like.
        kind: String,
        /// Its body.
        data: Option<Value>,
    },
    /// A fact hidden from this watcher.
    Redacted(u64),
    /// The server says it never came as far as this watcher has seen.
    Ahead,
}

/// All that one watcher saw of one topic, over all its connections.
#[derive(Clone, Debug)]
pub struct Watch {
    /// `order:{id}` and the like.
    pub topic: String,
    /// The number it asked to continue after, if it did.
    pub after: Option<u64>,
    /// Frames in the order of their coming.
    pub entries: Vec<Entry>,
    /// The watcher stayed until the topic's end, so nothing may be missing at the tail either.
    pub stayed: bool,
}

/// One idempotency key and what came of it.
#[derive(Clone, Debug)]
pub struct Placement {
    /// Who placed it: an index into the city's customers.
    pub customer: u32,
    /// The key.
    pub key: String,
    /// Kitchen, item and quantity of each line, as the customer wanted them.
    pub wanted: Vec<(String, String, u32)>,
    /// The 201 answers, in order: more than one where the key was sent again on purpose.
    pub answers: Vec<Value>,
    /// The text of each of them, which must be the same byte for byte.
    pub bodies: Vec<String>,
}

impl Placement {
    /// The order that the first answer named.
    #[must_use]
    pub fn order_id(&self) -> Option<&str> {
        self.answers.first()?.get("order_id")?.as_str()
    }
}

/// An acknowledged step whose fact must be in the order's history.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Acknowledged {
    /// Of which order.
    pub order_id: String,
    /// The fact that must be there.
    pub kind: &'static str,
}

/// What one rider did from the first fix to the end of the shift.
#[derive(Clone, Copy, Default, PartialEq, Debug)]
pub struct Shift {
    /// Ridden with a delivery, to the court or to the door, metres.
    pub for_food_m: f64,
    /// With at least one delivery, business seconds.
    pub busy_s: f64,
    /// Handed over.
    pub delivered: u32,
}

/// Numbers that only grow.
#[derive(Default, Debug)]
pub struct Counters {
    /// HTTP answers.
    pub answers: AtomicU64,
    /// Calls sent again because of no answer, 429, 503 or the like.
    pub retries: AtomicU64,
    /// Answers of status 500.
    pub server_errors: AtomicU64,
    /// Frames received over sockets and event streams.
    pub frames: AtomicU64,
    /// Positions of riders that customers saw.
    pub positions: AtomicU64,
    /// Fixes pushed by riders and taken by the server.
    pub fixes: AtomicU64,
    /// Connections made anew after a drop.
    pub reconnects: AtomicU64,
    /// Offers seen by riders.
    pub offers: AtomicU64,
    /// Offers declined, acknowledged by the server.
    pub declined_offers: AtomicU64,
    /// Orders placed over more than one kitchen.
    pub multi_kitchen: AtomicU64,
    /// Cancellations the server took.
    pub cancellations: AtomicU64,
    /// Orders placed.
    pub placed: AtomicU64,
    /// Orders that the kitchens have accepted.
    pub cooking: AtomicU64,
    /// Orders that a rider carries.
    pub riding: AtomicU64,
    /// Orders in an end state.
    pub done: AtomicU64,
}

/// Adds one and says so in one word.
pub fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

/// Where a watch stands in the log.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct WatchId(usize);

/// The log of all clients.
pub struct Log {
    /// Counters.
    pub counters: Counters,
    book: Mutex<Book>,
    entries_max: usize,
    full: AtomicBool,
}

#[derive(Default)]
struct Book {
    placements: Vec<Placement>,
    watches: Vec<Watch>,
    acknowledged: Vec<Acknowledged>,
    place_ms: Vec<f64>,
    troubles: Vec<String>,
    shifts: Vec<Shift>,
    entries: usize,
    progress_at: Option<Instant>,
}

/// The log, taken out for the verdict.
#[derive(Clone, Default, Debug)]
pub struct Evidence {
    /// Every key that was answered.
    pub placements: Vec<Placement>,
    /// Every watch.
    pub watches: Vec<Watch>,
    /// Every acknowledged step.
    pub acknowledged: Vec<Acknowledged>,
    /// Milliseconds of each answered `POST /v1/orders`.
    pub place_ms: Vec<f64>,
    /// What went wrong on the city's side, in sentences.
    pub troubles: Vec<String>,
    /// The shifts that have ended.
    pub shifts: Vec<Shift>,
}

impl Log {
    /// An empty log that keeps at most `entries_max` frames.
    #[must_use]
    pub fn new(entries_max: usize) -> Self {
        Self {
            counters: Counters::default(),
            book: Mutex::new(Book::default()),
            entries_max,
            full: AtomicBool::new(false),
        }
    }
    /// A key was answered with an order.
    pub fn placed(&self, placement: Placement, ms: f64) {
        count(&self.counters.placed);
        let mut book = self.book();
        book.place_ms.push(ms);
        book.placements.push(placement);
        book.progress_at = Some(Instant::now());
    }
    /// The same key was sent again and answered.
    pub fn placed_again(&self, key: &str, answer: Value, body: String) {
        if let Some(placement) = self.book().placements.iter_mut().rev().find(|placement| placement.key == key) {
            placement.answers.push(answer);
            placement.bodies.push(body);
        }
    }
    /// A step was acknowledged.
    pub fn acknowledged(&self, order_id: &str, kind: &'static str) {
        self.book().acknowledged.push(Acknowledged { order_id: order_id.to_owned(), kind });
    }
    /// Somebody begins to watch a topic.
    pub fn watch(&self, topic: &str, after: Option<u64>) -> WatchId {
        let mut book = self.book();
        book.watches.push(Watch { topic: topic.to_owned(), after, entries: Vec::new(), stayed: false });
        WatchId(book.watches.len() - 1)
    }
    /// A frame came.
    pub fn frame(&self, watch: WatchId, entry: Entry) {
        count(&self.counters.frames);
        let mut book = self.book();
        if book.entries >= self.entries_max {
            self.full.store(true, Ordering::Relaxed);
            return;
        }
        book.entries += 1;
        book.progress_at = Some(Instant::now());
        if let Some(watch) = book.watches.get_mut(watch.0) {
            watch.entries.push(entry);
        }
    }
    /// The watcher stayed until the topic's end.
    pub fn stayed(&self, watch: WatchId) {
        if let Some(watch) = self.book().watches.get_mut(watch.0) {
            watch.stayed = true;
        }
    }
    /// Something went wrong on the city's side; told once at the end.
    pub fn trouble(&self, sentence: String) {
        const TROUBLES_MAX: usize = 200; // enough to see what is wrong; a broken server would fill the memory
        tracing::warn!("{sentence}");
        let mut book = self.book();
        if book.troubles.len() < TROUBLES_MAX {
            book.troubles.push(sentence);
        }
    }
    /// A rider went home.
    pub fn shift(&self, shift: Shift) {
        self.book().shifts.push(shift);
    }
    /// When an order was last placed or a fact last seen.
    #[must_use]
    pub fn progress_at(&self) -> Option<Instant> {
        self.book().progress_at
    }
    /// Takes the evidence out. A log that was full lost its claim to completeness, so its watches are judged no more.
    pub fn take(&self) -> Evidence {
        let mut book = std::mem::take(&mut *self.book());
        if self.full.load(Ordering::Relaxed) {
            book.watches.clear();
            book.troubles.push(format!("the log was full at {} frames: gaps were not judged", self.entries_max));
        }
        let Book { placements, watches, acknowledged, place_ms, troubles, shifts, .. } = book;
        Evidence { placements, watches, acknowledged, place_ms, troubles, shifts }
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().expect("nobody panics while holding the log")
    }
}
