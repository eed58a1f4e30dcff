//! The hub on one worker's thread: who watches what, whose socket has something to write, one clock for heartbeats
//! and deadlines. Everything here is single-threaded; post comes in through the worker's [`Inbox`].

use std::{
    cell::{Cell, RefCell},
    collections::{HashMap, VecDeque},
    rc::{Rc, Weak},
    sync::{Arc, atomic::Ordering::Relaxed},
    time::Duration,
};

use actix::Addr;
use foodcourt_actors::{event::Version, stream::StreamId};
use tokio::{
    sync::{Notify, Semaphore},
    time::Instant,
};
use uuid::Uuid;

use super::{
    frame::Goodbye,
    hub::{Hub, Inbox, Order, Spotted},
    limits::LiveLimits,
    recent::{Recent, Told},
    session::{Session, Shut},
    source::Principal,
    sse::Queue,
    subscription::Subscription,
    topic::{Channel, Topic},
    wire::Wire,
};

/// Longer than it takes from redeeming a ticket to being known.
pub(super) const REVOKED_REMEMBERED: Duration = Duration::from_secs(30);

/// A session as its worker sees it.
pub struct Entry {
    /// Its socket.
    pub wire: Rc<Wire>,
    /// For control messages.
    pub addr: Addr<Session>,
    /// Who is behind it, once known.
    pub principal: Option<Principal>,
}

/// When a position was last sent, and what has come since.
pub(super) struct Pace {
    pub(super) sent_at: Instant,
    pub(super) waiting: Option<Spotted>,
}

/// The live side of one thread.
pub struct Worker {
    /// The node's hub.
    pub hub: Hub,
    /// Its limits.
    pub limits: LiveLimits,
    /// Every socket reads into this; what is left of a frame moves to its session.
    pub scratch: RefCell<Vec<u8>>,
    /// Bounds the reads of the journal.
    pub reads: Semaphore,
    pub(super) inbox: Arc<Inbox>,
    pub(super) channels: RefCell<HashMap<Channel, Vec<Rc<Subscription>>>>,
    /// The heartbeat wheel: session `id` sits in slot `id % len`, and one slot is looked at each tick.
    pub(super) wheel: RefCell<Vec<HashMap<u64, Entry>>>,
    next_id: Cell<u64>,
    pub(super) anonymous: RefCell<VecDeque<(Instant, u64)>>,
    pub(super) leaving: RefCell<VecDeque<(Instant, u64)>>,
    pub(super) throttled: RefCell<Vec<Rc<Wire>>>,
    pub(super) dirty: RefCell<Vec<Rc<Wire>>>,
    pub(super) streams: RefCell<Vec<Weak<Queue>>>,
    pub(super) recent: RefCell<Recent>,
    pub(super) paces: RefCell<HashMap<(Topic, Uuid), Pace>>,
    pub(super) revoked: RefCell<VecDeque<(Instant, Order)>>,
    pub(super) lag: Cell<u64>,
    /// How fast business time runs, as its sockets were told.
    pub(super) told_speed: Cell<f64>,
    pub(super) turn: Notify,
}

thread_local! {
    static WORKERS: RefCell<Vec<(usize, Weak<Worker>)>> = const { RefCell::new(Vec::new()) };
}

impl Worker {
    /// This thread's worker of `hub`; the first call starts it.
    #[must_use]
    pub fn here(hub: &Hub) -> Rc<Self> {
        let known = WORKERS.with_borrow_mut(|workers| {
            workers.retain(|(_, worker)| worker.strong_count() > 0);
            workers.iter().find(|(address, _)| *address == hub.address()).and_then(|(_, worker)| worker.upgrade())
        });
        known.unwrap_or_else(|| Self::start(hub))
    }
    fn start(hub: &Hub) -> Rc<Self> {
        let limits = hub.limits().clone();
        let slots = (limits.ping_every.as_micros() / limits.tick.as_micros().max(1)).clamp(1, 4_096);
        let worker = Rc::new(Self {
            hub: hub.clone(),
            inbox: hub.employ(),
            scratch: RefCell::new(vec![0; limits.frame_bytes_max + 16 + limits.read_bytes_max]),
            reads: Semaphore::new(limits.reads_in_flight_max),
            channels: RefCell::default(),
            wheel: RefCell::new((0..slots).map(|_| HashMap::new()).collect()),
            next_id: Cell::new(0),
            anonymous: RefCell::default(),
            leaving: RefCell::default(),
            throttled: RefCell::default(),
            dirty: RefCell::default(),
            streams: RefCell::default(),
            recent: RefCell::new(Recent::new(limits.recent_facts_max)),
            paces: RefCell::default(),
            revoked: RefCell::default(),
            lag: Cell::new(0),
            told_speed: Cell::new(hub.source().time().speed),
            turn: Notify::new(),
            limits,
        });
        WORKERS.with_borrow_mut(|workers| workers.push((hub.address(), Rc::downgrade(&worker))));
        actix_rt::spawn(Rc::clone(&worker).supervise());
        worker
    }
    /// Whether this log-in was closed after it was begun to find out who it is: it must not slip through.
    pub fn is_revoked(&self, principal: &Principal, asked_at: Instant) -> bool {
        self.revoked.borrow().iter().any(|(at, order)| *at >= asked_at && concerns(*order, principal))
    }
    /// Has the socket written after the others of this turn have spoken.
    pub fn flush_soon(&self, wire: Rc<Wire>) {
        let mut dirty = self.dirty.borrow_mut();
        if dirty.is_empty() {
            self.inbox.bell.notify_one();
        }
        dirty.push(wire);
    }
    /// Wakes the socket's session at the next tick.
    pub fn throttle(&self, wire: Rc<Wire>) {
        self.hub.stats().throttled.fetch_add(1, Relaxed);
        self.throttled.borrow_mut().push(wire);
    }
    /// The next tick.
    pub async fn next_turn(&self) {
        self.turn.notified().await;
    }
    /// A name for a new session.
    pub fn next_id(&self) -> u64 {
        self.next_id.replace(self.next_id.get() + 1)
    }
    /// A session begins; anonymous ones have until the deadline.
    pub fn enter(&self, id: u64, entry: Entry) {
        if entry.principal.is_none() {
            self.anonymous.borrow_mut().push_back((Instant::now() + self.limits.hello_within, id));
        }
        let mut wheel = self.wheel.borrow_mut();
        let slot = slot(id, wheel.len());
        wheel[slot].insert(id, entry);
    }
    /// The session is known now.
    pub fn introduce(&self, id: u64, principal: Principal) {
        let mut wheel = self.wheel.borrow_mut();
        let slot = slot(id, wheel.len());
        if let Some(entry) = wheel[slot].get_mut(&id) {
            entry.principal = Some(principal);
        }
    }
    /// The session says goodbye and has until the deadline.
    pub fn expect_end(&self, id: u64) {
        self.leaving.borrow_mut().push_back((Instant::now() + self.limits.close_within, id));
    }
    /// The session is over.
    pub fn exit(&self, id: u64) {
        let mut wheel = self.wheel.borrow_mut();
        let slot = slot(id, wheel.len());
        let gone = wheel[slot].remove(&id);
        drop(wheel);
        drop(gone);
    }
    /// An event stream begins.
    pub fn stream(&self, queue: &Rc<Queue>) {
        self.streams.borrow_mut().push(Rc::downgrade(queue));
    }
    /// A watcher joins its channel.
    pub fn join(&self, subscription: &Rc<Subscription>) {
        let channel = subscription.access.channel();
        if channel == Channel::City {
            self.hub.count_city(true);
        }
        self.channels.borrow_mut().entry(channel).or_default().push(Rc::clone(subscription));
    }
    /// A watcher parts.
    pub fn part(&self, subscription: &Rc<Subscription>) {
        let channel = subscription.access.channel();
        let mut channels = self.channels.borrow_mut();
        let Some(watchers) = channels.get_mut(&channel) else { return };
        if let Some(at) = watchers.iter().position(|watcher| Rc::ptr_eq(watcher, subscription)) {
            watchers.swap_remove(at);
            if channel == Channel::City {
                self.hub.count_city(false);
            }
        }
        if watchers.is_empty() {
            channels.remove(&channel);
        }
    }
    /// What memory has after a fact.
    pub fn recent(&self, stream: StreamId, after: Version) -> Option<Vec<Rc<Told>>> {
        self.recent.borrow().after(stream, after)
    }
    /// Counts the holes in what this worker has heard.
    pub fn lag(&self) -> u64 {
        self.lag.get()
    }
}

impl Entry {
    pub(super) fn shut(&self, goodbye: Goodbye) {
        self.tell(Shut(goodbye));
    }
    pub(super) fn tell<M>(&self, message: M)
    where
        M: actix::Message<Result = ()> + Send + 'static,
        Session: actix::Handler<M>,
    {
        // A full mailbox means a session that never gets its turn: cut it rather than queue without bound.
        if self.addr.try_send(message).is_err() {
            self.wire.kill();
        }
    }
}

/// The goodbye of a revoked log-in.
pub fn revoked() -> Goodbye {
    Goodbye::new(4403, "access was revoked")
}

/// Whether a revocation is about this log-in.
pub(super) fn concerns(order: Order, principal: &Principal) -> bool {
    match order {
        Order::CloseSession(id) => principal.session_id == id,
        Order::CloseUser(id) => principal.user_id == id,
        Order::CloseTopic(..) | Order::Drain | Order::Cut => false,
    }
}

/// Where on the wheel a session sits.
pub(super) fn slot(id: u64, slots: usize) -> usize {
    usize::try_from(id).unwrap_or(0) % slots
}
