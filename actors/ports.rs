//! What the outside must offer to the domain. The server implements these on PostgreSQL, Redis and HTTP;
//! `memory/` implements all of them for simulation and tests.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use uuid::Uuid;

use crate::{
    event::{Recorded, Version},
    ids::ContactId,
    stream::{Category, StreamId},
    time::{Clock, Timestamp},
};

/// An error of an adapter, boxed: a port never names what stands behind it.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Makes ids. Injected, so that simulation can repeat a day to the bit.
pub trait Ids: Send + Sync + 'static {
    /// A fresh id, time-ordered (UUIDv7) in production.
    fn next(&self) -> Uuid;
    /// A number in `0..bound` for jitter; never for secrets.
    fn below(&self, bound: u64) -> u64;
}

/// A fact about to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewEvent {
    /// Its id.
    pub event_id: Uuid,
    /// `order.placed` and the like.
    pub kind: &'static str,
    /// JSON text.
    pub body: String,
    /// Business time of the decision.
    pub at: Timestamp,
    /// The event that led to it, if one did.
    pub cause: Option<Uuid>,
    /// Names the chain of facts it belongs to.
    pub correlation: Uuid,
}

/// The answer to a request, kept with its facts and replayed byte for byte.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredAnswer {
    /// Principal, route and key.
    pub scope: String,
    /// SHA-256 of the request's body: the same key with another body is refused.
    pub request_sha256: [u8; 32],
    /// HTTP status.
    pub status: u16,
    /// Headers that belong to the answer (`location`, `etag`, …).
    pub headers: Vec<(String, String)>,
    /// The body's bytes.
    pub body: Vec<u8>,
}

/// Personal data of an order, kept apart from its facts and erasable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contact {
    /// Referenced by `order.placed`.
    pub contact_id: ContactId,
    /// JSON text: name, phone, address, note.
    pub body: String,
}

/// Facts to be written to one stream, all or none.
#[derive(Clone, Debug)]
pub struct Append {
    /// Whose facts.
    pub stream: StreamId,
    /// How many facts the stream must hold now.
    pub expected: Version,
    /// At least one.
    pub events: Vec<NewEvent>,
    /// When the stream must be woken if nobody moves it before (business time).
    pub deadline_at: Option<Timestamp>,
    /// Answers that ride along.
    pub answers: Vec<StoredAnswer>,
    /// Contacts that ride along.
    pub contacts: Vec<Contact>,
}

/// What became of an append.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Appended {
    /// Durable.
    Committed,
    /// Somebody else appended first; nothing was written.
    Conflict,
    /// The journal cannot store it, ever (a NUL in a text, say); nothing was written.
    Invalid {
        /// What the journal said; for the log, not for clients.
        reason: String,
    },
    /// Not written, for certain; try again later.
    Unavailable,
    /// Possibly written. Settled by [`Journal::holds`] before anyone is answered.
    Unknown,
}

/// A state folded up to a version, so that a long stream need not be read from its start.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// Facts folded in.
    pub version: Version,
    /// JSON text of the state.
    pub body: String,
}

/// A stream whose deadline has passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Due {
    /// Which stream.
    pub stream: StreamId,
    /// Since when.
    pub deadline_at: Timestamp,
}

/// Why the journal could not be read.
#[derive(Debug, thiserror::Error)]
#[error("the journal cannot be read now")]
pub struct ReadError(#[source] pub BoxError);

/// The append-only truth.
pub trait Journal: Send + Sync + 'static {
    /// Writes facts, grouped with those of other streams. The answer comes after the commit.
    fn append(&self, append: Append) -> BoxFuture<'static, Appended>;
    /// Facts of `stream` after version `after`, in order, at most `limit`.
    fn read(
        &self,
        stream: StreamId,
        after: Version,
        limit: u32,
    ) -> BoxFuture<'static, Result<Vec<Recorded>, ReadError>>;
    /// Facts of every stream after `position`, in commit order, at most `limit`.
    fn feed(&self, after: i64, limit: u32) -> BoxFuture<'static, Result<Vec<Recorded>, ReadError>>;
    /// The position of the newest committed fact; zero in an empty journal.
    fn end(&self) -> BoxFuture<'static, Result<i64, ReadError>>;
    /// Whether the event was written: settles an [`Appended::Unknown`].
    fn holds(&self, stream: StreamId, event_id: Uuid) -> BoxFuture<'static, Result<bool, ReadError>>;
    /// The newest snapshot of `stream`.
    fn snapshot(&self, stream: StreamId) -> BoxFuture<'static, Result<Option<Snapshot>, ReadError>>;
    /// Keeps a snapshot; best effort, a lost one costs a longer read.
    fn keep_snapshot(&self, stream: StreamId, snapshot: Snapshot) -> BoxFuture<'static, ()>;
    /// Streams of `categories` whose deadline is before `now`, claimed for `lease_s` seconds so that no other node
    /// takes them meanwhile; at most `limit`, oldest first.
    fn claim_due(
        &self,
        categories: Vec<Category>,
        now: Timestamp,
        lease_s: u32,
        limit: u32,
    ) -> BoxFuture<'static, Result<Vec<Due>, ReadError>>;
    /// Rings (with no payload) whenever this database may hold facts that [`Journal::feed`] has not returned yet.
    /// A bell only: losing a ring costs latency, not a fact.
    fn bell(&self) -> tokio::sync::watch::Receiver<u64>;
}

/// Where each service's reactor stands in the feed, owned by one node at a time.
pub trait Cursors: Send + Sync + 'static {
    /// Takes or renews the lease on every free partition of `service` (partitions `0..count`), and answers those
    /// this node now owns. `lease_s` runs on the database's clock.
    fn lease(
        &self,
        service: &'static str,
        count: u32,
        lease_s: u32,
    ) -> BoxFuture<'static, Result<Vec<OwnedPartition>, ReadError>>;
    /// Moves cursors forward. A partition whose token is no longer ours is left alone and not among the answered.
    fn advance(
        &self,
        service: &'static str,
        to: Vec<(OwnedPartition, i64)>,
    ) -> BoxFuture<'static, Result<Vec<u32>, ReadError>>;
    /// Gives every lease of this node back, at a clean stop.
    fn release(&self) -> BoxFuture<'static, ()>;
    /// Puts a fact that `service` cannot take aside, with the reason, so that the rest goes on.
    fn bury(&self, service: &'static str, fact: Recorded, reason: String) -> BoxFuture<'static, Result<(), ReadError>>;
}

/// A partition of the feed held under a lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OwnedPartition {
    /// Which partition.
    pub partition: u32,
    /// Every fact up to here has been acted on.
    pub position: i64,
    /// Fencing token: grows with each change of owner.
    pub token: i64,
}

/// Everything the kernel needs from outside, handed to every shell.
#[derive(Clone)]
pub struct Kernel {
    /// The truth.
    pub journal: Arc<dyn Journal>,
    /// Business time.
    pub clock: Arc<dyn Clock>,
    /// Fresh ids.
    pub ids: Arc<dyn Ids>,
    /// The limits of queues and loops.
    pub limits: crate::limits::Limits,
}
