//! The one actor shell: it loads, asks `decide`, appends, folds, answers, and keeps one timer. It holds no rule.
//!
//! While an append is in flight, tasks wait in a bounded queue; when it returns, all waiting ones are decided in turn
//! against the evolving state and appended together, each answered for itself. The state is folded ahead of the
//! commit; if the append fails, the actor comes back from the journal.

mod heard;
mod settle;
mod shelf;
mod snapshot;
mod turn;

use std::{cell::Cell, collections::VecDeque, rc::Rc, sync::Arc, time::Duration};

use actix::prelude::*;
use tracing::{debug, error, warn};
use uuid::Uuid;

use crate::{
    ask::{AskError, Asked, Seen, Task, Wish},
    decider::{Decider, Origin},
    directory::{Passivate, Shard},
    event::{Recorded, Version},
    ports::{Append, Appended, Kernel, ReadError, Snapshot},
    stream::StreamId,
    time::Timestamp,
};
pub(crate) use heard::{Die, Published};
use settle::settle;
pub(crate) use shelf::Shelf;
use snapshot::Last;
use turn::{Batch, Turn};

/// A timer is looked at anew at least this often, so that a business clock that is sped up is noticed.
const TIMER_MAX: Duration = Duration::from_secs(30);
/// A deadline that its own command did not move is tried again after this long, so that a rule's mistake cannot spin.
const DEADLINE_BACKOFF: Duration = Duration::from_secs(5);

/// What the entity is doing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Phase {
    /// Nothing is in memory.
    Cold,
    /// The stream is being read, in whole or from the known version on.
    Reading,
    /// Idle, up to date as far as this node knows.
    Ready,
    /// An append is in flight.
    Appending,
}

/// The actor of one stream.
pub(crate) struct Entity<D: Decider> {
    id: StreamId,
    incarnation: u64,
    kernel: Kernel,
    shard: Addr<Shard<D>>,
    shelf: Shelf<D>,
    phase: Phase,
    queue: VecDeque<Task<D>>,
    state: Arc<D::State>,
    version: Rc<Cell<Version>>,
    last_snapshot: Last,
    correlation: Uuid,
    /// How many at the head of the queue were there before the read that is under way began.
    before_read: usize,
    /// The newest fact that was published since the last read began.
    heard: Version,
    timer: Option<SpawnHandle>,
    last_asked: Timestamp,
    /// The deadline that was decided last and when it may be decided again, against spinning.
    fired: Option<Timestamp>,
    panics: VecDeque<Timestamp>,
    quarantined_until: Option<Timestamp>,
    leaving: bool,
    /// Messages that its shard has given it, all in all.
    given: u64,
}

impl<D: Decider> Entity<D> {
    pub(crate) fn new(
        id: StreamId,
        incarnation: u64,
        kernel: Kernel,
        shard: Addr<Shard<D>>,
        shelf: Shelf<D>,
        version: Rc<Cell<Version>>,
    ) -> Self {
        let now = kernel.clock.now();
        Self {
            id,
            incarnation,
            kernel,
            shard,
            shelf,
            phase: Phase::Cold,
            queue: VecDeque::new(),
            state: Arc::default(),
            version,
            last_snapshot: Last::default(),
            correlation: id.id,
            before_read: 0,
            heard: 0,
            timer: None,
            last_asked: now,
            fired: None,
            panics: VecDeque::new(),
            quarantined_until: None,
            leaving: false,
            given: 0,
        }
    }

    /// Moves on from wherever the entity stands; called after every change.
    fn advance(&mut self, ctx: &mut Context<Self>) {
        match self.phase {
            Phase::Cold if !self.queue.is_empty() => self.read(ctx, Duration::ZERO),
            Phase::Ready if !self.queue.is_empty() => self.turn(ctx),
            // Another node has written, and what it wrote could not be folded when it was heard.
            Phase::Ready if self.heard > self.version.get() => self.read(ctx, Duration::ZERO),
            Phase::Ready => {
                self.show();
                self.arm(ctx);
            }
            Phase::Cold | Phase::Reading | Phase::Appending => {}
        }
    }

    /// Decides everything that waits, then appends or, where all was refused, looks at the tail first.
    fn turn(&mut self, ctx: &mut Context<Self>) {
        self.shelf.hide(self.id.id);
        let now = self.kernel.clock.now();
        let batch = match Turn::over(self, now) {
            Turn::Batch(batch) => batch,
            Turn::Doubt if self.kernel.limits.trust_stale_state => {
                self.queue.iter_mut().for_each(Task::check);
                return self.turn(ctx);
            }
            Turn::Doubt => return self.read(ctx, Duration::ZERO),
            Turn::Crashed => return self.restart(ctx, Duration::ZERO),
            Turn::Nothing => return self.advance(ctx),
        };
        let append = Append {
            stream: self.id,
            expected: self.version.get(),
            events: batch.events.clone(),
            deadline_at: D::deadline(&self.state).map(|deadline| deadline.at),
            answers: batch.answers.clone(),
            contacts: batch.contacts.clone(),
        };
        self.phase = Phase::Appending;
        let journal = Arc::clone(&self.kernel.journal);
        let (stream, first) = (self.id, batch.events[0].event_id);
        let outcome = async move {
            match journal.append(append).await {
                Appended::Unknown => settle(journal.as_ref(), stream, first).await,
                known => known,
            }
        };
        ctx.spawn(outcome.into_actor(self).map(move |outcome, entity, ctx| entity.appended(batch, outcome, ctx)));
    }

    fn appended(&mut self, batch: Batch<D>, outcome: Appended, ctx: &mut Context<Self>) {
        match outcome {
            Appended::Committed => {
                self.version.set(self.version.get() + batch.events.len() as Version);
                self.correlation = batch.events.last().map_or(self.correlation, |event| event.correlation);
                batch.events.iter().for_each(|event| self.last_snapshot.fact(&event.body));
                batch.committed(&self.state);
                self.phase = Phase::Ready;
                self.keep_snapshot(ctx);
                return self.advance(ctx);
            }
            Appended::Conflict => {
                debug!(stream = %self.id, "another writer was first on {}; deciding again", self.id);
                let tries = batch.requeue(self, |asked| asked.conflicts += 1);
                let jitter = Duration::from_millis(self.kernel.ids.below(5 * u64::from(tries.min(10)) + 1));
                return self.restart(ctx, jitter);
            }
            Appended::Invalid { reason } if batch.is_single() => {
                warn!(stream = %self.id, "the journal cannot store a command on {}: {reason}", self.id);
                batch.fail_what_wrote(self);
            }
            Appended::Invalid { .. } => drop(batch.requeue(self, |asked| asked.alone = true)),
            Appended::Unavailable => batch.fail(AskError::Unavailable),
            Appended::Unknown => {
                error!(stream = %self.id, "an append to {} could not be settled; callers are asked to repeat", self.id);
                batch.fail(AskError::Unavailable);
            }
        }
        self.restart(ctx, Duration::ZERO);
    }

    /// Forgets what is in memory and comes back from the journal.
    fn restart(&mut self, ctx: &mut Context<Self>, after: Duration) {
        self.forget();
        if self.quarantined_until.is_some() {
            return self.fail_all(&AskError::Quarantined, ctx);
        }
        if self.queue.is_empty() {
            return self.arm(ctx);
        }
        self.read(ctx, after);
    }

    fn forget(&mut self) {
        self.shelf.hide(self.id.id);
        self.state = Arc::default();
        self.version.set(0);
        self.last_snapshot = Last::default();
        self.phase = Phase::Cold;
    }

    /// Reads the stream from the known version on (from the newest snapshot if nothing is known).
    fn read(&mut self, ctx: &mut Context<Self>, after: Duration) {
        self.shelf.hide(self.id.id);
        self.phase = Phase::Reading;
        (self.before_read, self.heard) = (self.queue.len(), 0);
        let (journal, id, known, page) =
            (Arc::clone(&self.kernel.journal), self.id, self.version.get(), self.kernel.limits.read_page);
        let reading = async move {
            if !after.is_zero() {
                tokio::time::sleep(after).await;
            }
            let snapshot = if known == 0 { journal.snapshot(id).await? } else { None };
            let mut from = snapshot.as_ref().map_or(known, |snapshot| snapshot.version);
            let mut facts = Vec::new();
            loop {
                let read = journal.read(id, from, page).await?;
                let full = read.len() as u64 == u64::from(page);
                from = read.last().map_or(from, |fact| fact.version);
                facts.extend(read);
                if !full {
                    return Ok::<_, ReadError>((snapshot, facts));
                }
            }
        };
        ctx.spawn(reading.into_actor(self).map(|read, entity, ctx| match read {
            Ok((snapshot, facts)) => entity.have_read(snapshot, &facts, ctx),
            Err(error) => entity.cannot_read(&error, ctx),
        }));
    }

    fn have_read(&mut self, snapshot: Option<Snapshot>, facts: &[Recorded], ctx: &mut Context<Self>) {
        if let Some(snapshot) = snapshot {
            match snapshot::open(&snapshot.body) {
                Ok(state) => {
                    self.state = Arc::new(state);
                    self.version.set(snapshot.version);
                    self.last_snapshot = Last::of(&snapshot);
                }
                // A snapshot of another build's shape: worth nothing, and never the truth.
                Err(error) => {
                    warn!(stream = %self.id, %error, "the snapshot of {} cannot be read; folding from the start", self.id);
                    return self.fold_from_start(ctx);
                }
            }
        }
        if !self.fold(facts) {
            // What is folded half-way must not be gone on from.
            self.forget();
            return self.fail_all(&AskError::Unavailable, ctx);
        }
        self.phase = Phase::Ready;
        // Who waited when the read began is now decided on a state that is fresh for them. Who came later may know of
        // a fact that another node committed after the page was taken.
        self.queue.iter_mut().take(self.before_read).for_each(Task::check);
        self.advance(ctx);
    }

    /// Reads the whole stream past an unreadable snapshot.
    fn fold_from_start(&mut self, ctx: &mut Context<Self>) {
        let (journal, id, page) = (Arc::clone(&self.kernel.journal), self.id, self.kernel.limits.read_page);
        let reading = async move {
            let mut facts = Vec::new();
            loop {
                let read = journal.read(id, facts.len() as Version, page).await?;
                if read.is_empty() {
                    return Ok::<_, ReadError>(facts);
                }
                facts.extend(read);
            }
        };
        ctx.spawn(reading.into_actor(self).map(|read, entity, ctx| match read {
            Ok(facts) => entity.have_read(None, &facts, ctx),
            Err(error) => entity.cannot_read(&error, ctx),
        }));
    }

    /// Lets others see the state without asking, until something happens.
    fn show(&self) {
        self.shelf.show(self.id.id, self.version.get(), &self.state);
    }

    /// Folds facts that follow the known version; older ones are skipped. False when one cannot be read.
    fn fold(&mut self, facts: &[Recorded]) -> bool {
        for fact in facts {
            if fact.version != self.version.get() + 1 {
                continue;
            }
            let event = match fact.typed::<D::Event>() {
                Ok(event) => event,
                Err(error) => {
                    error!(stream = %self.id, version = fact.version, %error, "{} holds a fact this build cannot read", self.id);
                    return false;
                }
            };
            if !turn::evolve::<D>(&mut self.state, &event, fact.at) {
                error!(stream = %self.id, version = fact.version, "folding {} panicked", self.id);
                return false;
            }
            self.version.set(fact.version);
            self.last_snapshot.fact(&fact.body);
            self.correlation = fact.correlation;
        }
        true
    }

    fn cannot_read(&mut self, error: &ReadError, ctx: &mut Context<Self>) {
        warn!(stream = %self.id, %error, "{} cannot be read now", self.id);
        self.forget();
        self.fail_all(&AskError::Unavailable, ctx);
    }

    fn fail_all(&mut self, why: &AskError<std::convert::Infallible>, ctx: &mut Context<Self>) {
        for task in self.queue.drain(..) {
            match task {
                Task::Ask(asked) => asked.answer(Err(widen(why))),
                Task::Look(reply) => drop(reply.send(Err(why.clone()))),
                Task::Wake => {}
            }
        }
        self.arm(ctx);
    }

    fn keep_snapshot(&mut self, ctx: &mut Context<Self>) {
        let version = self.version.get();
        if !self.last_snapshot.is_past(version, self.kernel.limits.snapshot_every) {
            return;
        }
        match snapshot::seal(&*self.state) {
            Ok(body) => {
                let snapshot = Snapshot { version, body };
                self.last_snapshot = Last::of(&snapshot);
                let kept = self.kernel.journal.keep_snapshot(self.id, snapshot);
                ctx.spawn(kept.into_actor(self));
            }
            Err(error) => {
                self.last_snapshot = Last::tried(version);
                error!(stream = %self.id, %error, "the state of {} does not serialize", self.id);
            }
        }
    }

    /// Notes a panic; too many within the window and the entity rests.
    fn note_panic(&mut self, now: Timestamp) {
        let window = self.kernel.limits.panic_window;
        self.panics.push_back(now);
        while self.panics.front().is_some_and(|first| now.since(*first) > window) {
            self.panics.pop_front();
        }
        if self.panics.len() as u64 >= u64::from(self.kernel.limits.panics_max) {
            error!(stream = %self.id, "{} panicked {} times and rests", self.id, self.panics.len());
            self.quarantined_until = Some(now.plus(window));
            self.panics.clear();
        }
    }

    /// Arms the one timer: the deadline, or else the moment to leave memory.
    fn arm(&mut self, ctx: &mut Context<Self>) {
        if let Some(timer) = self.timer.take() {
            ctx.cancel_future(timer);
        }
        if self.leaving {
            return;
        }
        let idle = self.kernel.limits.idle_after;
        let wait = match D::deadline(&self.state) {
            Some(deadline) if self.phase == Phase::Ready => {
                let wait = self.kernel.clock.wall_until(deadline.at);
                if self.fired == Some(deadline.at) { wait.max(DEADLINE_BACKOFF) } else { wait }
            }
            _ => idle,
        };
        self.timer = Some(ctx.run_later(wait.min(TIMER_MAX).min(idle), |entity, ctx| {
            entity.timer = None;
            entity.ring(ctx);
        }));
    }

    /// The timer rang: decide what is due, or leave memory after a long silence.
    fn ring(&mut self, ctx: &mut Context<Self>) {
        let now = self.kernel.clock.now();
        if self.phase == Phase::Ready && D::deadline(&self.state).is_some_and(|deadline| deadline.at <= now) {
            self.queue.push_back(Task::Wake);
            return self.advance(ctx);
        }
        let quiet = self.queue.is_empty() && matches!(self.phase, Phase::Ready | Phase::Cold);
        if quiet && now.since(self.last_asked) >= self.kernel.limits.idle_after {
            let leave = Passivate { id: self.id.id, incarnation: self.incarnation, given: self.given };
            if self.shard.try_send(leave).is_ok() {
                self.leaving = true;
                return;
            }
        }
        self.arm(ctx);
    }

    /// The command of a deadline that has passed.
    fn due(&mut self, now: Timestamp) -> Option<Asked<D>> {
        let deadline = D::deadline(&self.state).filter(|deadline| deadline.at <= now)?;
        self.fired = Some(deadline.at);
        let origin = Origin { cause: None, correlation: self.correlation };
        Some(Asked::new(Wish::new(deadline.command, origin), None))
    }
}

/// An error without a rejection fits any entity.
fn widen<R>(error: &AskError<std::convert::Infallible>) -> AskError<R> {
    match error {
        AskError::Rejected(never) => match *never {},
        AskError::Stale { actual } => AskError::Stale { actual: *actual },
        AskError::Busy => AskError::Busy,
        AskError::Crashed => AskError::Crashed,
        AskError::Quarantined => AskError::Quarantined,
        AskError::Unavailable => AskError::Unavailable,
        AskError::Invalid => AskError::Invalid,
    }
}

impl<D: Decider> Drop for Entity<D> {
    /// However it ends, also by a panic: nobody may go on seeing what nobody keeps fresh.
    fn drop(&mut self) {
        self.shelf.hide(self.id.id);
    }
}

impl<D: Decider> Actor for Entity<D> {
    type Context = Context<Self>;
}

/// A task for the entity.
pub(crate) struct Give<D: Decider>(pub Task<D>);
impl<D: Decider> Message for Give<D> {
    type Result = ();
}

impl<D: Decider> Handler<Give<D>> for Entity<D> {
    type Result = ();

    fn handle(&mut self, Give(task): Give<D>, ctx: &mut Self::Context) {
        let now = self.kernel.clock.now();
        self.last_asked = now;
        // The shard does not let it go while this is under way.
        (self.given, self.leaving) = (self.given + 1, false);
        if self.quarantined_until.take_if(|until| now >= *until).is_some() {
            warn!(stream = %self.id, "{} leaves quarantine", self.id);
        }
        if self.quarantined_until.is_some() {
            return match task {
                Task::Ask(asked) => asked.answer(Err(AskError::Quarantined)),
                Task::Look(reply) => drop(reply.send(Err(AskError::Quarantined))),
                Task::Wake => {}
            };
        }
        if self.queue.len() >= self.kernel.limits.entity_queue_max {
            return match task {
                Task::Ask(asked) => asked.answer(Err(AskError::Busy)),
                Task::Look(reply) => drop(reply.send(Err(AskError::Busy))),
                Task::Wake => {}
            };
        }
        match task {
            // The usual case of a look needs no turn.
            Task::Look(reply) if self.phase == Phase::Ready && self.queue.is_empty() => {
                self.show();
                drop(reply.send(Ok(Seen { version: self.version.get(), state: Arc::clone(&self.state) })));
            }
            Task::Ask(asked) if asked.wish.begins && self.phase == Phase::Cold && self.queue.is_empty() => {
                // The empty state is right for a stream that does not exist. It is given up within this turn where
                // nothing comes of the wish, and with the append where the stream exists after all.
                self.phase = Phase::Ready;
                self.queue.push_back(Task::Ask(asked));
                self.turn(ctx);
            }
            task => {
                self.queue.push_back(task);
                self.advance(ctx);
            }
        }
    }
}
