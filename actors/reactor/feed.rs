//! The feed reader of a node: reads committed facts in order, hands them to taps and consumers; and the sweeper that
//! wakes entities whose deadline passed while nobody had them in memory.

use std::{sync::Arc, time::Duration};

use futures_util::future::{BoxFuture, join_all};
use tokio::sync::{mpsc, watch};
use tracing::{info, warn};
use uuid::Uuid;

use super::{
    Consumer, Tap,
    lanes::{Lanes, Page},
};
use crate::{
    decider::Decider,
    directory::Directory,
    ports::{Cursors, Kernel},
    stream::Category,
};

/// Pages that may wait for one consumer; then the feed waits too (its place is durable, nothing is lost).
const PAGES_WAITING: usize = 4;
/// The feed is read at least this often even when no bell rings.
const POLL: Duration = Duration::from_secs(1);
/// Pause after a failed read.
const AFTER_FAILURE: Duration = Duration::from_millis(250);
/// How often overdue deadlines are looked for.
const SWEEP_EVERY: Duration = Duration::from_secs(1);
/// Overdue deadlines taken in one sweep.
const SWEEP_MAX: u32 = 500;

/// A node's reactor, before it runs.
pub struct Reactor {
    kernel: Kernel,
    cursors: Arc<dyn Cursors>,
    consumers: Vec<Arc<dyn Consumer>>,
    taps: Vec<Arc<dyn Tap>>,
    lag: watch::Sender<i64>,
}

impl Reactor {
    /// A reactor with nothing to feed yet.
    #[must_use]
    pub fn new(kernel: Kernel, cursors: Arc<dyn Cursors>) -> Self {
        Self { kernel, cursors, consumers: Vec::new(), taps: Vec::new(), lag: watch::Sender::new(0) }
    }
    /// Adds a consumer with a cursor.
    #[must_use]
    pub fn consumer(mut self, consumer: impl Consumer) -> Self {
        self.consumers.push(Arc::new(consumer));
        self
    }
    /// Adds a tap without one.
    #[must_use]
    pub fn tap(mut self, tap: Arc<dyn Tap>) -> Self {
        self.taps.push(tap);
        self
    }
    /// The position up to which the feed has been read on this node.
    #[must_use]
    pub fn position(&self) -> watch::Receiver<i64> {
        self.lag.subscribe()
    }

    /// Runs on the current arbiter until `stop` turns true; what is in hand is finished then.
    pub async fn run(self, mut stop: watch::Receiver<bool>) {
        let (rewind, mut rewinds) = mpsc::unbounded_channel();
        let mut pipes = Vec::new();
        let mut running = Vec::new();
        for consumer in &self.consumers {
            let (pipe, pages) = mpsc::channel(PAGES_WAITING);
            pipes.push(pipe);
            let lanes = Lanes::new(Arc::clone(consumer), Arc::clone(&self.cursors), self.kernel.clone());
            running.push(actix::spawn(lanes.run(pages, rewind.clone())));
        }
        let mut bell = self.kernel.journal.bell();
        let Some(end) = self.end(&mut stop).await else { return };
        // Taps begin at the end of the feed; each consumer's first lease rewinds it to its cursor.
        let (mut after, mut tapped) = (end, end);
        while !*stop.borrow() {
            while let Ok(from) = rewinds.try_recv() {
                after = after.min(from);
            }
            bell.borrow_and_update();
            let facts = match self.kernel.journal.feed(after, self.kernel.limits.feed_page).await {
                Ok(facts) => facts,
                Err(error) => {
                    warn!(%error, "the feed cannot be read now");
                    tokio::time::sleep(AFTER_FAILURE).await;
                    continue;
                }
            };
            let Some(upto) = facts.last().map(|fact| fact.position) else {
                tokio::select! {
                    biased;
                    _ = stop.changed() => {}
                    Some(from) = rewinds.recv() => after = after.min(from),
                    _ = tokio::time::timeout(POLL, bell.changed()) => {}
                }
                continue;
            };
            let facts: Arc<[_]> = facts.into_iter().map(Arc::new).collect();
            let fresh = facts.partition_point(|fact| fact.position <= tapped);
            if fresh < facts.len() {
                self.taps.iter().for_each(|tap| tap.facts(&facts[fresh..]));
                tapped = upto;
                self.lag.send_replace(upto);
            }
            let page = Page { after, upto, facts };
            let handed = join_all(pipes.iter().map(|pipe| pipe.send(page.clone())));
            tokio::select! { biased; _ = handed => after = upto, _ = stop.changed() => {} }
        }
        drop(pipes);
        join_all(running).await;
        self.cursors.release().await;
        info!("the reactor has finished what it had in hand");
    }

    /// Where the feed ends now; `None` when told to stop before the journal answers.
    async fn end(&self, stop: &mut watch::Receiver<bool>) -> Option<i64> {
        while !*stop.borrow() {
            match self.kernel.journal.end().await {
                Ok(end) => return Some(end),
                Err(error) => {
                    warn!(%error, "the feed cannot be read now");
                    tokio::time::sleep(AFTER_FAILURE).await;
                }
            }
        }
        None
    }
}

/// Something whose entities can be woken.
pub trait Wakes: Send + Sync + 'static {
    /// Which streams.
    fn category(&self) -> Category;
    /// Wakes one, so that it sees to its deadline.
    fn wake(&self, id: Uuid) -> BoxFuture<'static, ()>;
}

impl<D: Decider> Wakes for Directory<D> {
    fn category(&self) -> Category {
        D::CATEGORY
    }
    fn wake(&self, id: Uuid) -> BoxFuture<'static, ()> {
        let directory = self.clone();
        Box::pin(async move { Self::wake(&directory, id).await })
    }
}

/// Wakes entities whose deadline passed while nobody had them in memory: after a crash, on a dead node's behalf, or
/// once they have left memory.
pub struct Sweep {
    kernel: Kernel,
    sleepers: Vec<Arc<dyn Wakes>>,
}

impl Sweep {
    /// A sweeper over these kinds of entity.
    #[must_use]
    pub fn new(kernel: Kernel, sleepers: Vec<Arc<dyn Wakes>>) -> Self {
        Self { kernel, sleepers }
    }

    /// Sweeps once; the number of entities woken.
    pub async fn once(&self) -> usize {
        let categories = self.sleepers.iter().map(|sleeper| sleeper.category()).collect();
        let now = self.kernel.clock.now();
        let due = match self.kernel.journal.claim_due(categories, now, self.kernel.limits.lease_s, SWEEP_MAX).await {
            Ok(due) => due,
            Err(error) => {
                warn!(%error, "overdue deadlines cannot be looked for now");
                return 0;
            }
        };
        for one in &due {
            if let Some(sleeper) = self.sleepers.iter().find(|sleeper| sleeper.category() == one.stream.category) {
                sleeper.wake(one.stream.id).await;
            }
        }
        due.len()
    }

    /// Sweeps until `stop` turns true.
    pub async fn run(self, mut stop: watch::Receiver<bool>) {
        let mut tick = tokio::time::interval(SWEEP_EVERY);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        while !*stop.borrow() {
            tokio::select! {
                biased;
                _ = stop.changed() => {}
                _ = tick.tick() => {
                    // A full page means there may be more that cannot wait a second.
                    while self.once().await == SWEEP_MAX as usize && !*stop.borrow() {}
                }
            }
        }
    }
}
