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
    time::{Instant, MissedTickBehavior, interval},
};
use uuid::Uuid;

use super::{
    frame::{Framed, Goodbye},
    hub::{Hub, Inbox, Order, Spotted},
    limits::LiveLimits,
    message,
    recent::{Recent, Told},
    session::{Session, Shut},
    source::Principal,
    sse::Queue,
    subscription::Subscription,
    topic::{Channel, Topic},
    wire::Wire,
};

/// Facts told before the sockets get their turn.
const FACTS_PER_TURN: usize = 64;

/// A session as its worker sees it.
pub struct Entry {
    /// Its socket.
    pub wire: Rc<Wire>,
    /// For control messages.
    pub addr: Addr<Session>,
    /// Who is behind it, once known.
    pub principal: Option<Principal>,
}

struct Pace {
    sent_at: Instant,
    waiting: Option<Spotted>,
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
    inbox: Arc<Inbox>,
    channels: RefCell<HashMap<Channel, Vec<Rc<Subscription>>>>,
    /// The heartbeat wheel: session `id` sits in slot `id % len`, and one slot is looked at each tick.
    wheel: RefCell<Vec<HashMap<u64, Entry>>>,
    next_id: Cell<u64>,
    anonymous: RefCell<VecDeque<(Instant, u64)>>,
    leaving: RefCell<VecDeque<(Instant, u64)>>,
    throttled: RefCell<Vec<Rc<Wire>>>,
    dirty: RefCell<Vec<Rc<Wire>>>,
    streams: RefCell<Vec<Weak<Queue>>>,
    recent: RefCell<Recent>,
    paces: RefCell<HashMap<(Topic, Uuid), Pace>>,
    lag: Cell<u64>,
    turn: Notify,
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
            lag: Cell::new(0),
            turn: Notify::new(),
            limits,
        });
        WORKERS.with_borrow_mut(|workers| workers.push((hub.address(), Rc::downgrade(&worker))));
        actix_rt::spawn(Rc::clone(&worker).run());
        worker
    }
    async fn run(self: Rc<Self>) {
        let mut ticks = interval(self.limits.tick);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        for tick in 0_usize.. {
            let mut ticked = false;
            while !ticked {
                tokio::select! {
                    () = self.inbox.bell.notified() => self.read_post().await,
                    _ = ticks.tick() => ticked = true,
                }
                self.flush();
            }
            self.tick(tick);
            self.flush();
        }
    }
    async fn read_post(&self) {
        let post = self.inbox.take();
        if post.overflowed {
            self.recent.borrow_mut().clear();
            self.lag.set(self.lag.get() + 1);
            for watchers in self.channels.borrow().values() {
                watchers.iter().for_each(|subscription| subscription.fall_behind());
            }
        }
        let source = self.hub.source();
        for facts in post.facts.chunks(FACTS_PER_TURN) {
            for fact in facts {
                let told = Told::new(Arc::clone(fact));
                if let Some(watchers) = self.channels.borrow().get(&Channel::Stream(fact.stream)) {
                    watchers.iter().for_each(|subscription| subscription.hear(source.as_ref(), &told));
                }
                self.recent.borrow_mut().add(told);
            }
            self.flush();
            if facts.len() == FACTS_PER_TURN {
                tokio::task::yield_now().await;
            }
        }
        let now = Instant::now();
        for ((topic, rider), spotted) in post.positions {
            self.spot(topic, rider, spotted, now);
        }
        post.orders.into_iter().for_each(|order| self.obey(order));
    }
    fn spot(&self, topic: Topic, rider: Uuid, spotted: Spotted, now: Instant) {
        let mut paces = self.paces.borrow_mut();
        match paces.get_mut(&(topic, rider)) {
            Some(pace) if now - pace.sent_at < self.limits.position_every => pace.waiting = Some(spotted),
            _ => {
                paces.insert((topic, rider), Pace { sent_at: now, waiting: None });
                self.show(topic, rider, &spotted);
            }
        }
    }
    fn show(&self, topic: Topic, rider: Uuid, spotted: &Spotted) {
        let channel = topic.stream(rider).map_or(Channel::City, Channel::Stream);
        let channels = self.channels.borrow();
        let mut frames: Vec<(Topic, Framed)> = Vec::new();
        for subscription in channels.get(&channel).into_iter().flatten() {
            let spelling = subscription.access.topic;
            let at = frames.iter().position(|(topic, _)| *topic == spelling).unwrap_or_else(|| {
                frames.push((spelling, message::position(spelling, spotted.fix_seq, &spotted.data)));
                frames.len() - 1
            });
            subscription.position(rider, &frames[at].1);
        }
    }
    fn obey(&self, order: Order) {
        let shut = |wanted: &dyn Fn(&Principal) -> bool| {
            for entry in self.wheel.borrow().iter().flat_map(HashMap::values) {
                if entry.principal.as_ref().is_some_and(wanted) {
                    entry.shut(Goodbye::new(4403, "access was revoked"));
                }
            }
            self.streams().filter(|queue| wanted(&queue.principal)).for_each(|queue| queue.end(None));
        };
        match order {
            Order::CloseSession(id) => shut(&|principal| principal.session_id == id),
            Order::CloseUser(id) => shut(&|principal| principal.user_id == id),
            Order::Drain(retry_after) => {
                let millis = u64::try_from(retry_after.as_millis()).unwrap_or(u64::MAX / 2);
                let spread = || millis / 2 + self.hub.ids().below(millis.max(1));
                for entry in self.wheel.borrow().iter().flat_map(HashMap::values) {
                    entry.shut(Goodbye::new(1012, format!("the server restarts; retry_after_ms={}", spread())));
                }
                self.streams().for_each(|queue| queue.end(Some(spread())));
            }
            Order::Cut => self.wheel.borrow().iter().flat_map(HashMap::values).for_each(|entry| entry.wire.kill()),
        }
    }
    fn streams(&self) -> impl Iterator<Item = Rc<Queue>> {
        let mut streams = self.streams.borrow_mut();
        streams.retain(|queue| queue.strong_count() > 0);
        streams.iter().filter_map(Weak::upgrade).collect::<Vec<_>>().into_iter()
    }
    fn tick(&self, tick: usize) {
        let now = Instant::now();
        let wheel = self.wheel.borrow();
        wheel[tick % wheel.len()].values().for_each(|entry| entry.wire.ping());
        self.throttled.take().iter().for_each(|wire| wire.wake());
        let due = |queue: &RefCell<VecDeque<(Instant, u64)>>| -> Vec<u64> {
            let mut queue = queue.borrow_mut();
            let due = queue.partition_point(|(at, _)| *at <= now);
            queue.drain(..due).map(|(_, id)| id).collect()
        };
        let entry = |id: u64| wheel[slot(id, wheel.len())].get(&id);
        for entry in due(&self.anonymous).into_iter().filter_map(entry).filter(|entry| entry.principal.is_none()) {
            entry.shut(Goodbye::new(4401, "no hello in time"));
        }
        due(&self.leaving).into_iter().filter_map(entry).for_each(|entry| entry.wire.kill());
        let mut ready = Vec::new();
        self.paces.borrow_mut().retain(|spot, pace| {
            if now - pace.sent_at < self.limits.position_every {
                return true;
            }
            let waiting = pace.waiting.take();
            pace.sent_at = now;
            let keep = waiting.is_some();
            ready.extend(waiting.map(|spotted| (*spot, spotted)));
            keep
        });
        ready.iter().for_each(|((topic, rider), spotted)| self.show(*topic, *rider, spotted));
        self.turn.notify_waiters();
    }
    fn flush(&self) {
        for wire in self.dirty.take() {
            wire.flush();
        }
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
        self.channels.borrow_mut().entry(channel).or_default().push(Rc::clone(subscription));
    }
    /// A watcher parts.
    pub fn part(&self, subscription: &Rc<Subscription>) {
        let channel = subscription.access.channel();
        let mut channels = self.channels.borrow_mut();
        let Some(watchers) = channels.get_mut(&channel) else { return };
        if let Some(at) = watchers.iter().position(|watcher| Rc::ptr_eq(watcher, subscription)) {
            watchers.swap_remove(at);
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
    /// How long until `bytes` more may be taken.
    pub fn refill(&self, since: Duration) -> i64 {
        let bytes = since.as_secs_f64() * f64::from(self.limits.inbound_bytes_per_s);
        bytes.min(f64::from(u32::MAX)) as i64
    }
}

impl Entry {
    fn shut(&self, goodbye: Goodbye) {
        // A full mailbox means a session that never gets its turn: cut it rather than queue without bound.
        if self.addr.try_send(Shut(goodbye)).is_err() {
            self.wire.kill();
        }
    }
}

fn slot(id: u64, slots: usize) -> usize {
    usize::try_from(id).unwrap_or(0) % slots
}
