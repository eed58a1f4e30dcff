//! Finds or wakes the one actor of a stream on this node. Each arbiter has a shard that owns its actors, watches for
//! their death and makes new ones from the journal; a caller anywhere holds a [`Directory`].

use std::{
    cell::Cell, collections::HashMap, convert::Infallible, panic::AssertUnwindSafe, rc::Rc, sync::Arc, time::Duration,
};

use actix::{dev::channel::channel, prelude::*};
use futures_util::FutureExt;
use tokio::sync::oneshot;
use tracing::{error, warn};
use uuid::Uuid;

use crate::{
    ask::{Answer, AskError, Asked, Seen, Task, Wish},
    decider::{ASK_TIMEOUT, Decider},
    entity::{Entity, Give, Published, Shelf},
    event::{Recorded, Version},
    ports::Kernel,
    stream::StreamId,
};

/// Messages that may wait for a shard; beyond that callers wait briefly and are then told to come back.
const SHARD_MAILBOX: usize = 8_192;
/// How long a caller waits for room in a full shard.
const ROOM_TIMEOUT: Duration = Duration::from_millis(250);

/// A door to all entities of one kind. Cheap to clone, usable from any thread.
pub struct Directory<D: Decider> {
    shards: Arc<[Addr<Shard<D>>]>,
    shelf: Shelf<D>,
}

impl<D: Decider> Clone for Directory<D> {
    fn clone(&self) -> Self {
        Self { shards: Arc::clone(&self.shards), shelf: self.shelf.clone() }
    }
}

impl<D: Decider> Directory<D> {
    /// A directory with one shard on each of `arbiters`; none: one shard on the current arbiter (simulation).
    #[must_use]
    pub fn start(kernel: &Kernel, arbiters: &[ArbiterHandle]) -> Self {
        let shelf = Shelf::default();
        let shards = if arbiters.is_empty() {
            vec![Shard::new(kernel.clone(), shelf.clone()).start()]
        } else {
            arbiters
                .iter()
                .map(|arbiter| {
                    let (kernel, shelf) = (kernel.clone(), shelf.clone());
                    Shard::start_in_arbiter(arbiter, move |_| Shard::new(kernel, shelf))
                })
                .collect()
        };
        Self { shards: shards.into(), shelf }
    }

    fn shard(&self, id: Uuid) -> &Addr<Shard<D>> {
        let count = u32::try_from(self.shards.len()).unwrap_or(1);
        &self.shards[StreamId::new(D::CATEGORY, id).partition(count) as usize]
    }

    /// Asks the entity `id`; the answer comes after the commit.
    ///
    /// # Errors
    /// [`AskError`]; the retryable ones leave it open to repeat the same wish.
    pub async fn ask(&self, id: Uuid, wish: Wish<D>) -> Result<Answer<D>, AskError<D::Rejection>> {
        let (reply, answer) = oneshot::channel();
        self.give(id, Task::Ask(Box::new(Asked::new(wish, Some(reply))))).await.map_err(|Full| AskError::Busy)?;
        match tokio::time::timeout(ASK_TIMEOUT, answer).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_dropped)) => Err(AskError::Crashed),
            Err(_elapsed) => Err(AskError::Unavailable),
        }
    }

    /// The committed state of the entity `id`, as this node knows it; without a word to its actor where it is shown.
    ///
    /// # Errors
    /// The retryable ones of [`AskError`].
    pub async fn look(&self, id: Uuid) -> Result<Seen<D::State>, AskError<Infallible>> {
        if let Some(seen) = self.shelf.seen(id) {
            return Ok(seen);
        }
        let (reply, seen) = oneshot::channel();
        self.give(id, Task::Look(reply)).await.map_err(|Full| AskError::Busy)?;
        match tokio::time::timeout(ASK_TIMEOUT, seen).await {
            Ok(Ok(seen)) => seen,
            Ok(Err(_dropped)) => Err(AskError::Crashed),
            Err(_elapsed) => Err(AskError::Unavailable),
        }
    }

    /// Wakes the entity, so that it sees to a deadline that has passed.
    pub async fn wake(&self, id: Uuid) {
        if self.give(id, Task::Wake).await.is_err() {
            warn!("no room to wake {}; the next sweep will", StreamId::new(D::CATEGORY, id));
        }
    }

    /// Tells the entities in memory what was published about them. Losing it costs a conflict later, not a fact.
    pub fn published(&self, facts: &[Arc<Recorded>]) {
        let mut by_shard: Vec<Vec<Arc<Recorded>>> = vec![Vec::new(); self.shards.len()];
        let count = u32::try_from(self.shards.len()).unwrap_or(1);
        for fact in facts.iter().filter(|fact| fact.stream.category == D::CATEGORY) {
            by_shard[fact.stream.partition(count) as usize].push(Arc::clone(fact));
        }
        for (shard, facts) in self.shards.iter().zip(by_shard) {
            if !facts.is_empty() && shard.try_send(Heard(facts)).is_err() {
                warn!("a shard is too busy to hear what was published; its actors will notice by themselves");
            }
        }
    }

    async fn give(&self, id: Uuid, task: Task<D>) -> Result<(), Full> {
        let shard = self.shard(id);
        match shard.try_send(Route { id, task }) {
            Ok(()) => Ok(()),
            Err(SendError::Closed(_)) => Err(Full),
            Err(SendError::Full(route)) => match tokio::time::timeout(ROOM_TIMEOUT, shard.send(route)).await {
                Ok(Ok(())) => Ok(()),
                _ => Err(Full),
            },
        }
    }

    /// Kills the actor of `id` where it stands, as a panic in its shell would. For tests of supervision.
    #[doc(hidden)]
    pub async fn kill(&self, id: Uuid) {
        let _gone = self.shard(id).send(Kill(id)).await;
    }
}

/// No room even after a short wait.
struct Full;

struct Slot<D: Decider> {
    addr: Addr<Entity<D>>,
    incarnation: u64,
    /// Shared with the actor: what it knows, so that its own facts need not be told to it.
    version: Rc<Cell<Version>>,
    /// Messages given to it so far.
    given: u64,
}

/// Owns the actors of one kind on one arbiter.
pub(crate) struct Shard<D: Decider> {
    kernel: Kernel,
    shelf: Shelf<D>,
    slots: HashMap<Uuid, Slot<D>>,
    incarnations: u64,
}

impl<D: Decider> Shard<D> {
    fn new(kernel: Kernel, shelf: Shelf<D>) -> Self {
        Self { kernel, shelf, slots: HashMap::new(), incarnations: 0 }
    }

    /// The actor of `id`, made anew if there is none.
    fn slot(&mut self, id: Uuid, ctx: &mut Context<Self>) -> &mut Slot<D> {
        if self.slots.get(&id).is_none_or(|slot| !slot.addr.connected()) {
            self.incarnations += 1;
            let (incarnation, version) = (self.incarnations, Rc::new(Cell::new(0)));
            let stream = StreamId::new(D::CATEGORY, id);
            let (kernel, shelf) = (self.kernel.clone(), self.shelf.clone());
            let entity = Entity::new(stream, incarnation, kernel, ctx.address(), shelf, Rc::clone(&version));
            // A mailbox made at its full size: `set_mailbox_capacity` counts only after the first poll, and 16 until then.
            let (sender, receiver) = channel(self.kernel.limits.entity_queue_max);
            let (context, addr) = (Context::with_receiver(receiver), Addr::new(sender));
            // One task is both the actor and the watch over it: a panic ends here instead of closing the address for ever.
            let shard = ctx.address();
            actix::spawn(async move {
                let panicked = AssertUnwindSafe(context.into_future(entity)).catch_unwind().await.is_err();
                if panicked {
                    error!("the actor of {stream} died; the next message makes a new one from the journal");
                }
                drop(shard.try_send(Died { id, incarnation }));
            });
            self.slots.insert(id, Slot { addr, incarnation, version, given: 0 });
        }
        self.slots.get_mut(&id).expect("it was put there just now")
    }
}

impl<D: Decider> Actor for Shard<D> {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(SHARD_MAILBOX);
    }
}

struct Route<D: Decider> {
    id: Uuid,
    task: Task<D>,
}
impl<D: Decider> Message for Route<D> {
    type Result = ();
}

impl<D: Decider> Handler<Route<D>> for Shard<D> {
    type Result = ();

    fn handle(&mut self, Route { id, mut task }: Route<D>, ctx: &mut Self::Context) {
        for _ in 0..2 {
            let slot = self.slot(id, ctx);
            match slot.addr.try_send(Give(task)) {
                Ok(()) => return slot.given += 1,
                Err(SendError::Closed(Give(back))) => {
                    self.slots.remove(&id);
                    task = back;
                }
                Err(SendError::Full(Give(back))) => {
                    match back {
                        Task::Ask(asked) => asked.answer(Err(AskError::Busy)),
                        Task::Look(reply) => drop(reply.send(Err(AskError::Busy))),
                        Task::Wake => {}
                    }
                    return;
                }
            }
        }
    }
}

#[derive(Message)]
#[rtype(result = "()")]
struct Heard(Vec<Arc<Recorded>>);

impl<D: Decider> Handler<Heard> for Shard<D> {
    type Result = ();

    fn handle(&mut self, Heard(facts): Heard, _: &mut Self::Context) {
        for fact in facts {
            if let Some(slot) = self.slots.get(&fact.stream.id).filter(|slot| fact.version > slot.version.get())
                && slot.addr.try_send(Published(fact)).is_err()
            {
                // A full or closed mailbox: the actor will find the fact in the journal.
            }
        }
    }
}

/// An entity that nobody asked for long asks to leave memory.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Passivate {
    pub id: Uuid,
    pub incarnation: u64,
    /// Messages that it has seen: one that is on its way keeps it, or a second one would be made beside it.
    pub given: u64,
}

impl<D: Decider> Handler<Passivate> for Shard<D> {
    type Result = ();

    fn handle(&mut self, leave: Passivate, _: &mut Self::Context) {
        let Passivate { id, incarnation, given } = leave;
        if self.slots.get(&id).is_some_and(|slot| (slot.incarnation, slot.given) == (incarnation, given)) {
            self.slots.remove(&id);
        }
    }
}

#[derive(Message)]
#[rtype(result = "()")]
struct Died {
    id: Uuid,
    incarnation: u64,
}

impl<D: Decider> Handler<Died> for Shard<D> {
    type Result = ();

    fn handle(&mut self, died: Died, _: &mut Self::Context) {
        if self.slots.get(&died.id).is_some_and(|slot| slot.incarnation == died.incarnation) {
            self.slots.remove(&died.id);
        }
    }
}

#[derive(Message)]
#[rtype(result = "()")]
struct Kill(Uuid);

impl<D: Decider> Handler<Kill> for Shard<D> {
    type Result = ();

    fn handle(&mut self, Kill(id): Kill, _: &mut Self::Context) {
        if let Some(slot) = self.slots.get(&id) {
            drop(slot.addr.try_send(crate::entity::Die));
        }
    }
}
