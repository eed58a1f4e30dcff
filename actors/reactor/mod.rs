//! Feeds published events to policies, effects and views. One feed reader per node; each consumer has partitions by
//! stream, owned under leases, with a durable cursor. Within a stream facts go in order; different streams at once.

mod feed;
mod lanes;

use std::sync::Arc;

use futures_util::future::BoxFuture;
use tracing::debug;
use uuid::Uuid;

use crate::{
    ask::{AskError, Wish},
    decider::{Decider, Origin},
    directory::Directory,
    event::{DecodeError, Recorded},
};
pub use feed::{Reactor, Sweep, Wakes};

/// Pure choreography of one service: anybody's facts in, commands to its own entities out.
pub trait Policy: Send + Sync + 'static {
    /// Whose entities it commands.
    type Decider: Decider;
    /// Names its cursor; never changes.
    const NAME: &'static str;
    /// The kinds it reacts to.
    const KINDS: &'static [&'static str];
    /// What `fact` means for this service.
    ///
    /// # Errors
    /// When the fact cannot be read.
    #[allow(clippy::type_complexity, reason = "a list of wishes; a name for it would say less")]
    fn react(fact: &Recorded) -> Result<Vec<(Uuid, <Self::Decider as Decider>::Command)>, DecodeError>;
    /// Whether `command` is the first that its entity hears, unless the fact comes twice. Only a hint: it saves reading
    /// a stream that does not exist yet.
    fn begins(_command: &<Self::Decider as Decider>::Command) -> bool {
        false
    }
}

/// Why a fact could not be acted on.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ReactError {
    /// Something is busy or away; tried again with back-off for as long as it takes.
    #[error("cannot act now: {0}")]
    Retry(String),
    /// It fails for a reason of its own; put aside after [`POISON_TRIES`] tries.
    #[error("cannot act on this fact: {0}")]
    Poison(String),
}

/// How often a poisonous fact is tried before it is put aside.
pub const POISON_TRIES: u32 = 5;

/// Anything fed by the feed under a durable cursor.
pub trait Consumer: Send + Sync + 'static {
    /// Names its cursor; never changes.
    fn name(&self) -> &'static str;
    /// Whether it acts on facts of this kind.
    fn wants(&self, kind: &str) -> bool;
    /// Acts on one fact. May see the same fact again after a crash.
    fn react(&self, fact: Arc<Recorded>) -> BoxFuture<'static, Result<(), ReactError>>;
}

/// Sees every committed fact on this node in commit order, from start-up on. Must not block, keeps no cursor.
pub trait Tap: Send + Sync + 'static {
    /// The next facts.
    fn facts(&self, facts: &[Arc<Recorded>]);
}

impl<D: Decider> Tap for Directory<D> {
    fn facts(&self, facts: &[Arc<Recorded>]) {
        self.published(facts);
    }
}

/// A policy as a consumer: its commands go to its own entities, caused by the fact.
pub struct Choreography<P: Policy> {
    directory: Directory<P::Decider>,
}

impl<P: Policy> Choreography<P> {
    /// The policy `P` over `directory`.
    #[must_use]
    pub fn new(directory: Directory<P::Decider>) -> Self {
        Self { directory }
    }
}

impl<P: Policy> Consumer for Choreography<P> {
    fn name(&self) -> &'static str {
        P::NAME
    }
    fn wants(&self, kind: &str) -> bool {
        P::KINDS.contains(&kind)
    }
    fn react(&self, fact: Arc<Recorded>) -> BoxFuture<'static, Result<(), ReactError>> {
        let directory = self.directory.clone();
        Box::pin(async move {
            let commands = P::react(&fact).map_err(|error| ReactError::Poison(error.to_string()))?;
            let origin = Origin { cause: Some(fact.event_id), correlation: fact.correlation };
            for (id, command) in commands {
                let begins = P::begins(&command);
                match directory.ask(id, Wish { begins, ..Wish::new(command, origin) }).await {
                    Ok(_) => {}
                    Err(AskError::Rejected(rejection)) => {
                        debug!(cause = %fact.event_id, "{} answers {} with a refusal: {rejection}", P::NAME, fact.kind);
                    }
                    // An entity in quarantine rests because of somebody else's message; this one's turn will come.
                    Err(error @ (AskError::Busy | AskError::Unavailable | AskError::Quarantined)) => {
                        return Err(ReactError::Retry(error.to_string()));
                    }
                    Err(error) => return Err(ReactError::Poison(error.to_string())),
                }
            }
            Ok(())
        })
    }
}
