//! The kernel's central word: a [`Decider`] is the whole of an entity's rules as pure functions.
//! No clock, no randomness, no IO: time comes in as an argument and facts go out as values.

use std::{fmt, time::Duration};

use serde::{Serialize, de::DeserializeOwned};
use uuid::Uuid;

use crate::{event::Event, stream::Category, time::Timestamp};

/// An entity's rules: what a wish means now, and what a fact makes of the state.
pub trait Decider: Sized + Send + 'static {
    /// The category of its streams.
    const CATEGORY: Category;
    /// What all facts so far amount to. `Default` is the state before the first fact.
    /// Serializable, so that a long stream can carry a snapshot.
    type State: Default + Clone + fmt::Debug + Serialize + DeserializeOwned + Send + Sync + 'static;
    /// A wish, imperative.
    type Command: Clone + fmt::Debug + Send + 'static;
    /// A fact, past tense.
    type Event: Event;
    /// Why a wish is refused.
    type Rejection: std::error::Error + Clone + Send + Sync + 'static;

    /// Whether its committed state is shown to whoever looks, without a turn of its actor: for what is looked at far
    /// more often than it changes. Costs a copy of the state when it changes while somebody still looks at it.
    const SHOWN: bool = false;

    /// What `command` means at `now` (business time). No events and no error: it is already true.
    ///
    /// # Errors
    /// A rejection when the state or the command forbids it; nothing is recorded then.
    fn decide(
        state: &Self::State,
        command: &Self::Command,
        now: Timestamp,
    ) -> Result<Vec<Self::Event>, Self::Rejection>;

    /// Folds one fact into the state. Total: a recorded fact is never refused.
    fn evolve(state: &mut Self::State, event: &Self::Event, at: Timestamp);

    /// The command that the entity gives itself when nobody else has moved it by then. Timers are data.
    fn deadline(state: &Self::State) -> Option<Deadline<Self::Command>>;
}

/// A timer as data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deadline<C> {
    /// When (business time).
    pub at: Timestamp,
    /// What is decided then.
    pub command: C,
}

/// Where a command came from: kept beside every event it makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The event that caused it, if an event did.
    pub cause: Option<Uuid>,
    /// Names the whole chain of facts, from the first request on.
    pub correlation: Uuid,
}

/// How long a caller waits for an entity's answer before it is told to come back later.
pub const ASK_TIMEOUT: Duration = Duration::from_secs(5);
