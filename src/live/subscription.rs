//! One watcher of one topic, on a socket or an event stream alike: from a snapshot or a `seq` on, every fact once and
//! in order. It joins the hub first and reads the journal second; what comes twice is told by its number.

use std::{
    cell::Cell,
    future::poll_fn,
    rc::Rc,
    task::{Context, Poll},
    time::Duration,
};

use foodcourt_actors::event::Version;
use uuid::Uuid;

use super::{
    frame::Framed,
    message::Reply,
    recent::Told,
    source::{Access, LiveSource, Principal, Problem, View},
    topic::Topic,
    worker::Worker,
};

/// Whose position on which topic: one is kept per socket while it cannot be written.
pub type Spot = (Topic, Uuid);

/// Where a watcher's frames go.
pub trait Sink {
    /// Takes a frame if there is room.
    fn offer(&self, frame: &Framed) -> bool;
    /// Whether half of the backlog is free.
    fn has_room(&self) -> bool;
    /// Waits for that.
    fn poll_room(&self, cx: &mut Context<'_>) -> Poll<()>;
    /// A fact was not taken: somebody must call [`catch_up`].
    fn fell_behind(&self);
    /// Takes a position, or the latest of each rider while there is no room.
    fn position(&self, spot: Spot, frame: &Framed);
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// Facts go straight to the sink.
    Live,
    /// Facts are left in the journal until somebody reads it.
    Behind,
    /// Somebody does.
    Reading,
}

/// A watcher of one topic.
pub struct Subscription {
    /// What it may see.
    pub access: Access,
    sink: Rc<dyn Sink>,
    last: Cell<Version>,
    head: Cell<Version>,
    mode: Cell<Mode>,
    opened: Cell<bool>,
}

impl Subscription {
    /// A fact of the feed. Sent on if it is the next; otherwise the journal will tell.
    pub fn hear(&self, source: &dyn LiveSource, told: &Told) {
        let version = told.version();
        self.head.set(self.head.get().max(version));
        if self.mode.get() != Mode::Live || version <= self.last.get() {
            return;
        }
        if version == self.last.get() + 1 && self.sink.offer(&told.frame(source, &self.access)) {
            self.last.set(version);
        } else {
            self.fall_behind();
        }
    }
    /// Stops relying on the feed.
    pub fn fall_behind(&self) {
        if self.mode.get() == Mode::Live && self.access.stream.is_some() {
            self.mode.set(Mode::Behind);
            self.sink.fell_behind();
        }
    }
    /// Whether somebody must call [`catch_up`].
    #[must_use]
    pub fn is_behind(&self) -> bool {
        self.mode.get() == Mode::Behind
    }
    /// Whoever was reading has stopped; somebody must call [`catch_up`] again.
    pub fn pause(&self) {
        if self.mode.get() == Mode::Reading {
            self.mode.set(Mode::Behind);
        }
    }
    /// A rider's position.
    pub fn position(&self, rider: Uuid, frame: &Framed) {
        // Kitchens see orders, not where riders are.
        if self.opened.get() && self.access.view != View::Kitchen {
            self.sink.position((self.access.topic, rider), frame);
        }
    }
    /// Sends the fact if it is the next. `Err`: no room.
    fn tell(&self, source: &dyn LiveSource, told: &Told) -> Result<(), ()> {
        if told.version() <= self.last.get() {
            return Ok(());
        }
        self.sink.offer(&told.frame(source, &self.access)).then(|| self.last.set(told.version())).ok_or(())
    }
    async fn room(&self) {
        poll_fn(|cx| self.sink.poll_room(cx)).await;
    }
}

/// A subscription's place in the hub, given back when dropped.
pub struct Membership {
    /// Whose place.
    pub subscription: Rc<Subscription>,
    worker: Rc<Worker>,
}

impl Drop for Membership {
    fn drop(&mut self) {
        self.worker.part(&self.subscription);
    }
}

/// Joins `topic`: after the fact `after`, or from a snapshot. `begin` frames what precedes the facts. The facts
/// themselves follow with [`catch_up`].
///
/// # Errors
/// The refusal to answer with.
pub async fn join(
    worker: &Rc<Worker>,
    sink: Rc<dyn Sink>,
    principal: Principal,
    topic: Topic,
    after: Option<Version>,
    begin: impl Fn(Version) -> Option<Framed>,
) -> Result<Membership, Problem> {
    let source = worker.hub.source();
    let access = source.authorize(principal, topic).await?;
    let subscription = Rc::new(Subscription {
        access,
        sink,
        last: Cell::new(after.unwrap_or(0)),
        head: Cell::new(0),
        mode: Cell::new(Mode::Reading),
        opened: Cell::new(false),
    });
    // From here on the hub notes what it hears for us, so nothing falls between the journal and the feed.
    worker.join(&subscription);
    let membership = Membership { subscription: Rc::clone(&subscription), worker: Rc::clone(worker) };
    let snapshot = match (after, access.stream) {
        (Some(after), Some(stream)) => {
            // The fact itself must be known: one that is yet to come would be taken for seen when it does.
            if after > 0 && worker.recent(stream, after - 1).is_none_or(|facts| facts.is_empty()) {
                let _permit = worker.reads.acquire().await;
                let known = source.read_after(stream, after - 1, 1).await.map_err(|_| Problem::unavailable())?;
                if known.is_empty() {
                    return Err(Problem::new(
                        "/problems/cursor-ahead",
                        "The topic has not come that far",
                        409,
                        format!("there is no fact {after} on this topic; subscribe without after"),
                    ));
                }
            }
            None
        }
        _ => {
            let _permit = worker.reads.acquire().await;
            let (version, data) = source.snapshot(access).await?;
            subscription.last.set(version);
            Some(Framed::json(&Reply::Snapshot { topic: &topic.to_string(), seq: version, data }))
        }
    };
    for frame in begin(subscription.last.get()).into_iter().chain(snapshot) {
        loop {
            subscription.room().await;
            if subscription.sink.offer(&frame) {
                break;
            }
            worker.next_turn().await; // bigger than what is free: once everything has left it is taken
        }
    }
    subscription.opened.set(true);
    subscription.pause();
    Ok(membership)
}

/// [`join`] and [`catch_up`].
///
/// # Errors
/// As [`join`].
pub async fn open(
    worker: Rc<Worker>,
    sink: Rc<dyn Sink>,
    principal: Principal,
    topic: Topic,
    after: Option<Version>,
    begin: impl Fn(Version) -> Option<Framed>,
) -> Result<Membership, Problem> {
    let membership = join(&worker, sink, principal, topic, after, begin).await?;
    catch_up(&worker, &membership.subscription).await;
    Ok(membership)
}

/// Reads on until the subscription has everything the feed has brought, waiting for room as often as it must.
/// Returns when it is live; the journal being away only makes it take longer.
pub async fn catch_up(worker: &Rc<Worker>, subscription: &Subscription) {
    let Some(stream) = subscription.access.stream else {
        return subscription.mode.set(Mode::Live);
    };
    subscription.mode.set(Mode::Reading);
    let source = worker.hub.source();
    let mut pause = Duration::from_millis(50);
    loop {
        subscription.room().await;
        let lag = worker.lag();
        let (facts, all) = match worker.recent(stream, subscription.last.get()) {
            Some(facts) => (facts, true),
            None => {
                let _permit = worker.reads.acquire().await;
                let page = worker.limits.page;
                match source.read_after(stream, subscription.last.get(), page).await {
                    Ok(facts) => {
                        let all = facts.len() < page as usize;
                        (facts.into_iter().map(Told::new).collect(), all)
                    }
                    Err(error) => {
                        tracing::warn!(%error, "live: the journal cannot be read, {stream} waits");
                        (Vec::new(), false)
                    }
                }
            }
        };
        let idle = facts.is_empty();
        let told = facts.iter().try_for_each(|told| subscription.tell(source.as_ref(), told)).is_ok();
        // No await from here to `Live`: what the hub hears meanwhile would be lost.
        if told && all && subscription.head.get() <= subscription.last.get() && lag == worker.lag() {
            return subscription.mode.set(Mode::Live);
        }
        if idle {
            // The journal is away, or behind its own feed.
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(Duration::from_secs(2));
        } else if !told && subscription.sink.has_room() {
            worker.next_turn().await; // a fact bigger than what is free
        }
    }
}
