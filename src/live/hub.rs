//! The hub as the rest of the node sees it: facts and positions go in from any thread, sockets are counted, closed
//! and drained. What is done with them on each worker's own thread stands in [`super::worker`].

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{
            AtomicU64, AtomicUsize,
            Ordering::{Relaxed, SeqCst},
        },
    },
    time::Duration,
};

use foodcourt_actors::{event::Recorded, ids::UserId, ports::Ids, reactor::Tap};
use tokio::sync::{Notify, watch};
use uuid::Uuid;

use super::{frame::Goodbye, limits::LiveLimits, server, source::LiveSource, topic::Topic};

/// Numbers of the live side, for metrics and tests.
#[derive(Debug, Default)]
pub struct LiveStats {
    /// Unsent bytes of sockets that are not writable, all together.
    pub backlog_bytes: AtomicUsize,
    /// The most that one socket ever had.
    pub backlog_bytes_peak: AtomicUsize,
    /// Times a socket's reading was held back for sending too much.
    pub throttled: AtomicUsize,
    /// Times a worker's facts overflowed and its sockets went to the journal.
    pub overflows: AtomicUsize,
    /// Frames taken from clients.
    pub frames_in: AtomicUsize,
}

/// A position on its way: the latest of a rider on a topic wins.
#[derive(Clone, Debug)]
pub struct Spotted {
    /// The device's count.
    pub fix_seq: u64,
    /// What the topic's watchers see.
    pub data: Arc<serde_json::Value>,
}

/// What every worker is told to do.
#[derive(Clone, Copy, Debug)]
pub enum Order {
    /// Close the sockets of a log-in that was revoked.
    CloseSession(Uuid),
    /// Close all sockets of a person.
    CloseUser(UserId),
    /// A person may no longer watch this.
    CloseTopic(UserId, Topic),
    /// Say goodbye to everybody.
    Drain,
    /// Cut whoever is still there.
    Cut,
}

/// What waits for one worker.
#[derive(Default)]
pub struct Post {
    /// In commit order.
    pub facts: Vec<Arc<Recorded>>,
    /// Facts were dropped: nobody may rely on the feed until the journal has been read.
    pub overflowed: bool,
    /// Latest wins.
    pub positions: HashMap<(Topic, Uuid), Spotted>,
    /// Few.
    pub orders: Vec<Order>,
}

/// A worker's letter box.
#[derive(Default)]
pub struct Inbox {
    post: Mutex<Post>,
    /// Rung when there is post, and by the worker's own sockets when they want to be flushed.
    pub bell: Notify,
}

impl Inbox {
    fn post(&self) -> MutexGuard<'_, Post> {
        self.post.lock().unwrap_or_else(PoisonError::into_inner)
    }
    /// Empties the box.
    pub fn take(&self) -> Post {
        std::mem::take(&mut *self.post())
    }
}

struct Shared {
    source: Arc<dyn LiveSource>,
    ids: Arc<dyn Ids>,
    limits: LiveLimits,
    stats: LiveStats,
    open: watch::Sender<usize>,
    /// Watchers of the city, on all workers.
    city: AtomicUsize,
    /// Milliseconds after which clients shall come back; 0: the node is not leaving.
    draining: AtomicU64,
    workers: Mutex<Vec<Weak<Inbox>>>,
}

/// The live side of one node. Cheap to clone, usable from any thread.
#[derive(Clone)]
pub struct Hub(Arc<Shared>);

impl Hub {
    /// A hub over `source`. `ids` names sockets and spreads reconnects.
    #[must_use]
    pub fn new(source: Arc<dyn LiveSource>, ids: Arc<dyn Ids>, limits: LiveLimits) -> Self {
        Self(Arc::new(Shared {
            source,
            ids,
            limits,
            stats: LiveStats::default(),
            open: watch::Sender::new(0),
            city: AtomicUsize::new(0),
            draining: AtomicU64::new(0),
            workers: Mutex::default(),
        }))
    }
    /// Tells every worker the facts that the feed has brought, in commit order. Never blocks on sockets.
    pub fn facts(&self, facts: &[Arc<Recorded>]) {
        self.tell(|post| {
            if post.facts.len() + facts.len() > self.0.limits.inbox_facts_max {
                post.facts.clear();
                if !std::mem::replace(&mut post.overflowed, true) {
                    self.0.stats.overflows.fetch_add(1, Relaxed);
                }
            } else if !post.overflowed {
                post.facts.extend_from_slice(facts);
            }
        });
    }
    /// Tells the watchers of `topic` where `rider` is. Latest wins; nothing waits.
    pub fn position(&self, topic: Topic, rider: Uuid, fix_seq: u64, data: serde_json::Value) {
        let spotted = Spotted { fix_seq, data: Arc::new(data) };
        self.tell(|post| {
            post.positions.insert((topic, rider), spotted.clone());
        });
    }
    /// Whether anybody watches the city: each of thousands of riders would else be told to nobody every second.
    #[must_use]
    pub fn is_city_watched(&self) -> bool {
        self.0.city.load(SeqCst) > 0
    }
    /// A watcher of the city comes (`true`) or goes.
    pub(super) fn count_city(&self, comes: bool) {
        if comes {
            self.0.city.fetch_add(1, SeqCst)
        } else {
            self.0.city.fetch_sub(1, SeqCst)
        };
    }
    /// Closes the sockets of a revoked log-in with 4403.
    pub fn close_session(&self, session_id: Uuid) {
        self.order(Order::CloseSession(session_id));
    }
    /// Closes all sockets of a person with 4403.
    pub fn close_user(&self, user_id: UserId) {
        self.order(Order::CloseUser(user_id));
    }
    /// Ends a person's subscriptions to a topic that they may no longer watch (a delivery given to another rider).
    pub fn close_topic(&self, user_id: UserId, topic: Topic) {
        self.order(Order::CloseTopic(user_id, topic));
    }
    /// Takes no more sockets, closes all with 1012 and a hint when to come back (spread over `retry_after` ± half),
    /// and waits until they are gone, at most `within`; then cuts. Answers how many had to be cut.
    pub async fn drain(&self, retry_after: Duration, within: Duration) -> usize {
        self.0.draining.store(u64::try_from(retry_after.as_millis()).unwrap_or(u64::MAX / 2).max(1), Relaxed);
        self.order(Order::Drain);
        let mut open = self.0.open.subscribe();
        if tokio::time::timeout(within, open.wait_for(|open| *open == 0)).await.is_ok() {
            return 0;
        }
        let left = *open.borrow();
        self.order(Order::Cut);
        left
    }
    /// Open sockets and event streams.
    #[must_use]
    pub fn open(&self) -> usize {
        *self.0.open.borrow()
    }
    /// Whether [`Hub::drain`] has begun.
    #[must_use]
    pub fn is_draining(&self) -> bool {
        self.0.draining.load(Relaxed) > 0
    }
    /// When a client shall come back after a drain, each told something else.
    pub(super) fn retry_ms(&self) -> u64 {
        let millis = self.0.draining.load(Relaxed);
        millis / 2 + self.0.ids.below(millis.max(1))
    }
    /// The goodbye of a drain.
    pub(super) fn farewell(&self) -> Goodbye {
        let millis = self.retry_ms();
        Goodbye::new(1012, format!(r#"{{"reason":"restart, back in {millis} ms","retry_after_ms":{millis}}}"#))
    }
    /// Numbers.
    #[must_use]
    pub fn stats(&self) -> &LiveStats {
        &self.0.stats
    }
    /// The limits.
    #[must_use]
    pub fn limits(&self) -> &LiveLimits {
        &self.0.limits
    }
    /// The rest of the server.
    #[must_use]
    pub fn source(&self) -> Arc<dyn LiveSource> {
        Arc::clone(&self.0.source)
    }
    /// Ids and jitter.
    #[must_use]
    pub fn ids(&self) -> &dyn Ids {
        self.0.ids.as_ref()
    }
    /// Takes one of the places for sockets and streams; `None` when all are taken or the node is leaving.
    #[must_use]
    pub fn seat(&self) -> Option<Seat> {
        let taken = !self.is_draining()
            && self.0.open.send_if_modified(|open| {
                let free = *open < self.0.limits.sockets_max;
                *open += usize::from(free);
                free
            });
        taken.then(|| Seat { hub: self.clone(), _here: server::occupy() })
    }
    /// A stable name of this hub within the process.
    pub(super) fn address(&self) -> usize {
        Arc::as_ptr(&self.0).addr()
    }
    /// Adds a worker.
    pub(super) fn employ(&self) -> Arc<Inbox> {
        let inbox = Arc::new(Inbox::default());
        self.workers().push(Arc::downgrade(&inbox));
        inbox
    }
    fn workers(&self) -> MutexGuard<'_, Vec<Weak<Inbox>>> {
        self.0.workers.lock().unwrap_or_else(PoisonError::into_inner)
    }
    fn order(&self, order: Order) {
        self.tell(|post| post.orders.push(order));
    }
    fn tell(&self, write: impl Fn(&mut Post)) {
        self.workers().retain(|inbox| {
            let Some(inbox) = inbox.upgrade() else { return false };
            write(&mut inbox.post());
            inbox.bell.notify_one();
            true
        });
    }
}

impl Tap for Hub {
    fn facts(&self, facts: &[Arc<Recorded>]) {
        Self::facts(self, facts);
    }
}

/// A place for one socket or stream, free again when dropped.
pub struct Seat {
    hub: Hub,
    /// So that whoever comes next is given to a thread with fewer.
    _here: server::Occupied,
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.hub.0.open.send_modify(|open| *open -= 1);
    }
}
