//! What HTTP and live need besides the directories: small ports, implemented on PostgreSQL and by the composition
//! root. No handler knows what stands behind them, no adapter knows who asks.

use std::sync::Arc;

use foodcourt_actors::{
    dispatch::record::Decision,
    event::Version,
    ids::{ContactId, CourtId, DeliveryId, KitchenId, PhotoId, QuoteId, RiderId, UserId},
    order::{Court, OrderStatus, Quote, projection::OrderView},
    ports::{BoxError, StoredAnswer},
    proof::Pin,
    time::Timestamp,
    user::{Account, Role},
};
use futures_util::future::BoxFuture;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A port cannot answer now.
#[derive(Debug, thiserror::Error)]
#[error("a port cannot answer now")]
pub struct Away(#[source] pub BoxError);

/// What a port answers, sooner or later.
pub type Promise<T> = BoxFuture<'static, Result<T, Away>>;

/// Answers kept for replays.
pub trait Answers: Send + Sync + 'static {
    /// The answer kept for `scope`.
    fn find(&self, scope: String) -> Promise<Option<StoredAnswer>>;
    /// Keeps `answer` unless the scope has one already; answers the one that stands.
    fn keep(&self, answer: StoredAnswer) -> Promise<StoredAnswer>;
}

/// The courts and who cooks in them.
pub trait Courts: Send + Sync + 'static {
    /// All courts, by name. Cheap: courts change about once a year and are kept in memory.
    fn all(&self) -> Promise<Arc<[CourtEntry]>>;
    /// The court as the store has it, with the version of its settings.
    fn find(&self, court_id: CourtId) -> Promise<Option<(CourtEntry, Version)>>;
    /// Opens a court without kitchens; one that is there already stays as it is.
    fn open(&self, court: Court) -> Promise<()>;
    /// Puts `court`'s settings in place of those before, if they are at version `expected` (`None`: any).
    fn change(&self, court: Court, expected: Option<Version>) -> Promise<Changed<(CourtEntry, Version)>>;
    /// Notes that the kitchen cooks in the court; a second time changes nothing.
    fn add_kitchen(&self, court_id: CourtId, kitchen_id: KitchenId) -> Promise<()>;
}

/// What became of a change to something that has a version.
#[derive(Clone, Debug, PartialEq)]
pub enum Changed<T> {
    /// This stands now.
    Done(T),
    /// Somebody else changed it meanwhile.
    Stale {
        /// Its version now.
        actual: Version,
    },
    /// There is nothing to change.
    Absent,
}

/// An account as those who run the court see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountEntry {
    /// Who, with what they may be and where they work.
    pub account: Account,
    /// Grows with every change of roles and kitchens.
    pub version: Version,
}

/// What an account may be from now on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewAccess {
    /// Whose.
    pub user_id: UserId,
    /// All roles.
    pub roles: Vec<Role>,
    /// All kitchens it works in.
    pub kitchens: Vec<KitchenId>,
    /// The version it must have; `None`: any.
    pub expected: Option<Version>,
    /// Wall time.
    pub now: Timestamp,
}

/// Who may do what, changed by those who run the court.
pub trait AccountBook: Send + Sync + 'static {
    /// Accounts whose address begins with `prefix` (lower case), by address, after the address `after`.
    fn list(&self, prefix: String, after: Option<String>, limit: u32) -> Promise<Vec<AccountEntry>>;
    /// One account.
    fn find(&self, user_id: UserId) -> Promise<Option<AccountEntry>>;
    /// Gives and takes roles and kitchens. Where something is taken, the account's sessions end in the same
    /// transaction; they come with the answer.
    fn change(&self, access: NewAccess) -> Promise<Changed<(AccountEntry, Vec<Uuid>)>>;
}

/// A court with its kitchens.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CourtEntry {
    /// The court.
    #[serde(flatten)]
    pub court: Court,
    /// Its kitchens.
    pub kitchens: Vec<KitchenId>,
}

/// Stored quotes.
pub trait Quotes: Send + Sync + 'static {
    /// Keeps a quote and the answer that tells it, both or neither; the answer that stands comes back.
    fn keep(&self, quote: Quote, answer: StoredAnswer) -> Promise<StoredAnswer>;
    /// Keeps a quote that is told inside another answer.
    fn keep_alone(&self, quote: Quote) -> Promise<()>;
    /// The quote, also when it has expired but is still remembered.
    fn find(&self, quote_id: QuoteId) -> Promise<Option<Quote>>;
}

/// Personal data of orders.
pub trait Contacts: Send + Sync + 'static {
    /// JSON text of the contact, unless it was erased.
    fn find(&self, contact_id: ContactId) -> Promise<Option<String>>;
}

/// A picture that is taken here, by its first bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PhotoType {
    /// JPEG.
    Jpeg,
    /// PNG.
    Png,
    /// WebP.
    WebP,
}

impl PhotoType {
    /// What `bytes` are; `None`: no picture that is taken here.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Option<Self> {
        // JFIF and Exif both begin with SOI and a marker; PNG (W3C PNG 5.2); RIFF container of WebP (RFC 9649, 2.4).
        if bytes.starts_with(&[0xFF, 0xD8, 0xFF]) {
            Some(Self::Jpeg)
        } else if bytes.starts_with(b"\x89PNG\r\n\x1A\n") {
            Some(Self::Png)
        } else if bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"WEBP") {
            Some(Self::WebP)
        } else {
            None
        }
    }
    /// Its media type.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Jpeg => "image/jpeg",
            Self::Png => "image/png",
            Self::WebP => "image/webp",
        }
    }
}

/// A picture of a hand-over.
#[derive(Clone, PartialEq, Eq)]
pub struct Photo {
    /// What it is.
    pub media_type: PhotoType,
    /// The picture.
    pub bytes: Vec<u8>,
}

/// What shows hand-overs, kept apart from facts and not for ever.
pub trait Proofs: Send + Sync + 'static {
    /// The delivery's PIN: `fresh`, unless it has one.
    fn pin(&self, delivery_id: DeliveryId, fresh: Pin) -> Promise<Pin>;
    /// Keeps a photo; a second time changes nothing.
    fn keep_photo(&self, delivery_id: DeliveryId, photo_id: PhotoId, photo: Photo) -> Promise<()>;
    /// The photo, unless it is forgotten.
    fn photo(&self, photo_id: PhotoId) -> Promise<Option<Photo>>;
}

/// Where a page of a list begins: after the item with this time and id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct After {
    /// The item's time.
    pub at: Timestamp,
    /// The item's id, for items of one instant.
    pub id: Uuid,
}

/// Which page of a list is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageRequest {
    /// Items at most.
    pub limit: u32,
    /// Where it begins; `None`: at the first item.
    pub after: Option<After>,
}

/// Which orders are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct OrderFilter {
    /// Only this customer's.
    pub customer_id: Option<UserId>,
    /// Only in this state.
    pub status: Option<OrderStatus>,
}

/// Lists that are read from views.
pub trait Views: Send + Sync + 'static {
    /// Orders, newest first, one more than `page.limit` if there is one. Complete views as an admin sees them.
    fn orders(&self, filter: OrderFilter, page: PageRequest) -> Promise<Vec<OrderView>>;
    /// Riders on duty, longest first, at most `limit`.
    fn riders_on_shift(&self, limit: u32) -> Promise<Vec<RiderId>>;
}

/// A decision of dispatch, as it was kept.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredDecision {
    /// Its name; of one instant the later has the greater.
    pub decision_id: Uuid,
    /// When.
    pub at: Timestamp,
    /// What was weighed.
    pub decision: Decision,
}

/// Why deliveries were decided as they were: kept for some days, and perhaps not all of it.
pub trait Decisions: Send + Sync + 'static {
    /// What was decided about a delivery, oldest first, one more than `page.limit` if there is one.
    fn of(&self, delivery_id: DeliveryId, page: PageRequest) -> Promise<Vec<StoredDecision>>;
}

/// Tickets with which a browser opens its socket: 30 seconds, once.
pub trait LiveTickets: Send + Sync + 'static {
    /// Keeps a ticket by its SHA-256.
    fn keep(&self, ticket: [u8; 32], holder: TicketHolder) -> Promise<()>;
    /// Takes it; the second call finds nothing.
    fn redeem(&self, ticket: [u8; 32]) -> Promise<Option<TicketHolder>>;
}

/// Who holds a ticket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TicketHolder {
    /// The account.
    pub user_id: UserId,
    /// The session.
    pub session_id: Uuid,
}

/// One invariant and whether it holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct InvariantReport {
    /// `I1`, `I2`, …
    pub id: String,
    /// What it says.
    pub says: String,
    /// Whether it holds.
    pub holds: bool,
    /// Where it does not.
    pub breaches: Vec<String>,
    /// When the check began (wall time): all of history is folded for it, so it is not made anew for everybody.
    pub checked_at: Timestamp,
}

/// A fact that a service could not take.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct DeadLetterView {
    /// Its number; grows.
    pub dead_letter_id: i64,
    /// Who could not take it.
    pub service: String,
    /// `category:uuid`.
    pub stream: String,
    /// The fact's number within the stream.
    pub version: i64,
    /// `order.placed` and the like.
    pub kind: String,
    /// What the service said.
    pub reason: String,
}

/// What those who run the server look at.
pub trait Operations: Send + Sync + 'static {
    /// Runs the invariants over the database.
    fn invariants(&self) -> Promise<Vec<InvariantReport>>;
    /// Facts put aside, oldest first.
    fn dead_letters(&self) -> Promise<Vec<DeadLetterView>>;
    /// Whether new orders are taken; otherwise why not, in a sentence that clients may read. What was taken before
    /// goes on.
    ///
    /// # Errors
    /// That sentence.
    fn takes_orders(&self) -> Result<(), &'static str> {
        Ok(())
    }
    /// Whether orders can be taken now; otherwise why not.
    fn ready(&self) -> BoxFuture<'static, Result<(), String>>;
    /// Prometheus text.
    fn metrics(&self) -> String;
}

/// Business time of a demo, which may be hurried.
pub trait DemoClock: Send + Sync + 'static {
    /// How many times faster than the wall it runs.
    fn speed(&self) -> f64;
    /// Sets that, 1 to 100, on every node.
    fn set_speed(&self, speed: f64) -> Promise<()>;
}
