//! How a wish reaches an entity and what comes back: the messages between the outside and the actors.

use std::{convert::Infallible, fmt, sync::Arc};

use tokio::sync::oneshot;

use crate::{
    decider::{Decider, Origin},
    event::Version,
    ports::{Contact, StoredAnswer},
};

/// Runs inside the entity after the decision and before the append: makes the answer that is stored with the facts.
pub type AnswerWriter<D> = Box<dyn Fn(&<D as Decider>::State, Version) -> StoredAnswer + Send>;

/// A command on its way to its entity, with all that rides along.
pub struct Wish<D: Decider> {
    /// What is wished.
    pub command: D::Command,
    /// Where it came from.
    pub origin: Origin,
    /// The version the caller believes in (`If-Match`).
    pub expected: Option<Version>,
    /// Makes the answer that is stored with the facts.
    pub answer: Option<AnswerWriter<D>>,
    /// Personal data that is stored with the facts.
    pub contact: Option<Contact>,
    /// Nobody has asked this entity before, most likely: decided without reading its stream. The journal's gate finds
    /// out where that was wrong, and then it is decided again like any other wish.
    pub begins: bool,
}

impl<D: Decider> Wish<D> {
    /// A plain wish.
    #[must_use]
    pub fn new(command: D::Command, origin: Origin) -> Self {
        Self { command, origin, expected: None, answer: None, contact: None, begins: false }
    }
    /// Refused as stale unless the entity is at this version.
    #[must_use]
    pub fn expecting(mut self, version: Version) -> Self {
        self.expected = Some(version);
        self
    }
    /// Guesses that the entity does not exist yet.
    #[must_use]
    pub fn beginning(mut self) -> Self {
        self.begins = true;
        self
    }
    /// Stores what `writer` makes together with the facts.
    #[must_use]
    pub fn answering(mut self, writer: AnswerWriter<D>) -> Self {
        self.answer = Some(writer);
        self
    }
    /// Stores `contact` together with the facts.
    #[must_use]
    pub fn with_contact(mut self, contact: Contact) -> Self {
        self.contact = Some(contact);
        self
    }
}

impl<D: Decider> fmt::Debug for Wish<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wish").field("command", &self.command).field("origin", &self.origin).finish_non_exhaustive()
    }
}

/// What came of a wish. By the time it is seen, the facts are durable.
pub struct Answer<D: Decider> {
    /// The entity's version afterwards.
    pub version: Version,
    /// The new facts; none: it was already true.
    pub events: Vec<D::Event>,
    /// The answer stored with the facts, where a writer was given and facts were made.
    pub stored: Option<StoredAnswer>,
}

// By hand: a derive would ask the decider itself to be printable.
impl<D: Decider> fmt::Debug for Answer<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer").field("version", &self.version).field("events", &self.events).finish_non_exhaustive()
    }
}

/// Why a wish was not fulfilled.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AskError<R> {
    /// The rules forbid it.
    #[error("refused: {0}")]
    Rejected(R),
    /// The caller's version is an old one.
    #[error("the entity is at version {actual}")]
    Stale {
        /// Where it is now.
        actual: Version,
    },
    /// Too many are waiting; nothing was done, try again later.
    #[error("too many commands are waiting")]
    Busy,
    /// The command broke the actor; nothing was recorded, the actor is back from the journal.
    #[error("the command could not be processed")]
    Crashed,
    /// The entity keeps breaking and rests for a while.
    #[error("the entity is in quarantine")]
    Quarantined,
    /// The journal did not answer, or the outcome could not be settled in time; a repeat with the same key is safe.
    #[error("the journal is not available")]
    Unavailable,
    /// The journal can never store this.
    #[error("the command holds something that cannot be stored")]
    Invalid,
}

impl<R> AskError<R> {
    /// Whether the same wish may succeed later without anything else being changed.
    pub const fn is_retryable(&self) -> bool {
        matches!(self, Self::Busy | Self::Crashed | Self::Quarantined | Self::Unavailable)
    }
}

/// A state as it was committed.
#[derive(Debug)]
pub struct Seen<S> {
    /// Facts folded in; zero: the entity does not exist.
    pub version: Version,
    /// The state.
    pub state: Arc<S>,
}

/// The reply slot of a wish.
pub(crate) type ReplyTo<D> = oneshot::Sender<Result<Answer<D>, AskError<<D as Decider>::Rejection>>>;
/// The reply slot of a look.
pub(crate) type SeenTo<D> = oneshot::Sender<Result<Seen<<D as Decider>::State>, AskError<Infallible>>>;

/// What waits in an entity's queue.
pub(crate) enum Task<D: Decider> {
    /// A wish and who wants to know.
    Ask(Box<Asked<D>>),
    /// Somebody wants to see the committed state.
    Look(SeenTo<D>),
    /// The deadline may have passed.
    Wake,
}

impl<D: Decider> Task<D> {
    /// The stream has been read since it arrived.
    pub fn check(&mut self) {
        if let Self::Ask(asked) = self {
            asked.checked = true;
        }
    }
}

/// A wish being worked on.
pub(crate) struct Asked<D: Decider> {
    pub wish: Wish<D>,
    /// `None` for the entity's own deadline commands.
    pub reply: Option<ReplyTo<D>>,
    /// How often its append met a conflict.
    pub conflicts: u32,
    /// It must be appended alone: a batch with it was invalid.
    pub alone: bool,
    /// The stream was read after it arrived, so that a refusal is no stale one.
    pub checked: bool,
}

impl<D: Decider> Asked<D> {
    pub fn new(wish: Wish<D>, reply: Option<ReplyTo<D>>) -> Self {
        Self { wish, reply, conflicts: 0, alone: false, checked: false }
    }
    /// Answers; a caller who has gone away is nobody's loss.
    pub fn answer(self, result: Result<Answer<D>, AskError<D::Rejection>>) {
        if let Some(reply) = self.reply {
            drop(reply.send(result));
        }
    }
}
