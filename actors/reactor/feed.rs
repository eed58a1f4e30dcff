//! The feed reader of a node: reads committed facts in order, hands them to taps and consumers; and the sweeper that
//! wakes entities whose deadline passed while nobody had them in memory.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicI64, Ordering},
    },
    time::Duration,
};

use futures_util::future::{BoxFuture, join_all};
use tokio::sync::{Notify, watch};
use tracing::{info, warn};
use uuid::Uuid;

use super::{Consumer, Tap, lanes::Lanes};
use crate::{
    decider::Decider,
    directory::Directory,
    event::Recorded,
    ports::{Cursors, Journal, Kernel},
    stream::Category,
};

/// Pages kept in memory for consumers; one that is further behind reads the journal for itself.
const PAGES_KEPT: usize = 8;
/// The feed is read at least this often even when no bell rings.
const POLL: Duration = Duration::from_secs(1);
/// Pause after a failed read.
const AFTER_FAILURE: Duration = Duration::from_millis(250);
/// How often overdue deadlines are looked for.
const SWEEP_EVERY: Duration = Duration::from_secs(1);
/// Overdue deadlines taken in one sweep.
const SWEEP_MAX: u32 = 500;

/// A stretch of the feed: every fact after `after` up to and including `upto`.
#[derive(Clone)]
pub(super) struct Page {
    pub after: i64,
    pub upto: i64,
    pub facts: Arc<[Arc<Recorded>]>,
}

/// What consumers read: the newest pages from memory, older ones from the journal. Each reads at its own pace, so that
/// one that cannot go on holds up nobody but itself.
pub(super) struct Feed {
    journal: Arc<dyn Journal>,
    page: u32,
    recent: Mutex<VecDeque<Page>>,
    upto: AtomicI64,
    ended: AtomicBool,
    /// One for each consumer, rung in their order (a day of the simulation repeats to the bit).
    bells: Vec<Arc<Notify>>,
}

impl Feed {
    fn new(kernel: &Kernel, consumers: usize) -> Self {
        Self {
            journal: Arc::clone(&kernel.journal),
            page: kernel.limits.feed_page,
            recent: Mutex::default(),
            upto: AtomicI64::new(0),
            ended: AtomicBool::new(false),
            bells: (0..consumers).map(|_| Arc::default()).collect(),
        }
    }

    /// Up to here there is something to read.
    pub fn upto(&self) -> i64 {
        self.upto.load(Ordering::Acquire)
    }

    /// Whether nothing more is to be taken in hand.
    pub fn has_ended(&self) -> bool {
        self.ended.load(Ordering::Acquire)
    }

    fn push(&self, page: Page) {
        let upto = page.upto;
        {
            let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
            if recent.len() == PAGES_KEPT {
                recent.pop_front();
            }
            recent.push_back(page);
        }
        self.reaches(upto);
    }

    fn reaches(&self, upto: i64) {
        self.upto.store(upto, Ordering::Release);
        self.bells.iter().for_each(|bell| bell.notify_one());
    }

    fn end(&self) {
        self.ended.store(true, Ordering::Release);
        self.bells.iter().for_each(|bell| bell.notify_one());
    }

    /// The page that goes on after `at`, if it is in memory.
    pub fn recent(&self, at: i64) -> Option<Page> {
        let recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        recent.iter().find(|page| page.after <= at && at < page.upto).cloned()
    }

    /// The page that goes on after `at`, from the journal; `None` after a pause where that cannot be read now.
    pub fn read(&self, at: i64) -> BoxFuture<'static, Option<Page>> {
        let reading = self.journal.feed(at, self.page);
        Box::pin(async move {
            let facts = reading.await.inspect_err(|error| warn!(%error, "the feed cannot be read now"));
            if let Ok(facts) = facts
                && let Some(upto) = facts.last().map(|fact| fact.position)
            {
                return Some(Page { after: at, upto, facts: facts.into_iter().map(Arc::new).collect() });
            }
            tokio::time::sleep(AFTER_FAILURE).await;
            None
        })
    }
}

/// Tells consumers that nothing more comes, also when the reactor is cut off where it stands.
struct Ends(Arc<Feed>);

impl Drop for Ends {
    fn drop(&mut self) {
        self.0.end();
    }
}

/// A node's reactor, before it runs.
pub struct Reactor {
    kernel: Kernel,
    cursors: Arc<dyn Cursors>,
    consumers: Vec<Arc<dyn Consumer>>,
    taps: Vec<Arc<dyn Tap>>,
    lag: watch::Sender<i64>,
    begun: watch::Sender<bool>,
}

impl Reactor {
    /// A reactor with nothing to feed yet.
    #[must_use]
    pub fn new(kernel: Kernel, cursors: Arc<dyn Cursors>) -> Self {
        Self {
            kernel,
            cursors,
            consumers: Vec::new(),
            taps: Vec::new(),
            lag: watch::Sender::new(0),
            begun: watch::Sender::new(false),
        }
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
    /// Whether taps hear all that is committed from now on. Whoever starts to watch before that may miss a fact between
    /// what they have read and what the taps hear first.
    #[must_use]
    pub fn begun(&self) -> watch::Receiver<bool> {
        self.begun.subscribe()
    }
    /// The names of its consumers' cursors.
    #[must_use]
    pub fn services(&self) -> Vec<&'static str> {
        self.consumers.iter().map(|consumer| consumer.name()).collect()
    }

    /// Runs on the current arbiter until `stop` turns true; what is in hand is finished then.
    pub async fn run(self, mut stop: watch::Receiver<bool>) {
        let feed = Arc::new(Feed::new(&self.kernel, self.consumers.len()));
        let mut running = Vec::new();
        for (consumer, bell) in self.consumers.iter().zip(&feed.bells) {
            let lanes = Lanes::new(Arc::clone(consumer), Arc::clone(&self.cursors), self.kernel.clone());
            running.push(actix::spawn(lanes.run(Arc::clone(&feed), Arc::clone(bell))));
        }
        let ends = Ends(feed);
        self.publish(&ends.0, &mut stop).await;
        drop(ends);
        join_all(running).await;
        self.cursors.release().await;
        info!("the reactor has finished what it had in hand");
    }

    /// Reads the feed's end for taps and consumers until `stop` turns true.
    async fn publish(&self, feed: &Feed, stop: &mut watch::Receiver<bool>) {
        let mut bell = self.kernel.journal.bell();
        // Taps begin at the end of the feed; each consumer begins where its cursor stands.
        let Some(mut after) = self.end(stop).await else { return };
        self.begun.send_replace(true);
        feed.reaches(after);
        while !*stop.borrow() {
            bell.borrow_and_update();
            let facts = match self.kernel.journal.feed(after, self.kernel.limits.feed_page).await {
                Ok(facts) => facts,
                Err(error) => {
                    warn!(%error, "the feed cannot be read now");
                    tokio::time::sleep(AFTER_FAILURE).await;
                    continue;
                }
            };
            let full = facts.len() >= usize::try_from(self.kernel.limits.feed_page).unwrap_or(usize::MAX);
            if let Some(upto) = facts.last().map(|fact| fact.position) {
                let facts: Arc<[_]> = facts.into_iter().map(Arc::new).collect();
                self.taps.iter().for_each(|tap| tap.facts(&facts));
                self.lag.send_replace(upto);
                feed.push(Page { after, upto, facts });
                after = upto;
            }
            // A page that is not full was the end of the feed; what came since has rung.
            if !full {
                tokio::select! {
                    biased;
                    _ = stop.changed() => {}
                    _ = tokio::time::timeout(POLL, bell.changed()) => {}
                }
            }
        }
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
