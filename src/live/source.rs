//! The port of the live side: what sockets and event streams need from the rest of the server. The composition
//! root implements it on directory, journal, accounts and trackers; tests implement it in memory.

use std::sync::Arc;

use foodcourt_actors::{
    event::{Recorded, Version},
    ids::UserId,
    place::Position,
    ports::BoxError,
    stream::StreamId,
    time::Timestamp,
};
use futures_util::future::BoxFuture;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::topic::{Channel, Topic};

/// Who is behind a socket or an event stream, as far as the live side cares.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Principal {
    /// The account.
    pub user_id: UserId,
    /// The log-in that can be revoked.
    pub session_id: Uuid,
    /// May send GPS fixes.
    pub rider: bool,
}

/// With whose eyes a topic is seen. Facts are projected once per view, not once per socket.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum View {
    /// The person it is about: the customer of an order, the rider of a shift, the owner of an inbox.
    Owner,
    /// Staff of a kitchen.
    Kitchen,
    /// The rider assigned to an order.
    Rider,
    /// Support, by ticket.
    Support,
    /// The operator.
    Admin,
}

/// Leave to watch one topic.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Access {
    /// As the client names it.
    pub topic: Topic,
    /// The stream behind it; the city has none.
    pub stream: Option<StreamId>,
    /// With whose eyes.
    pub view: View,
}

impl Access {
    /// Who else hears the same.
    #[must_use]
    pub fn channel(&self) -> Channel {
        self.stream.map_or(Channel::City, Channel::Stream)
    }
}

/// A refusal as the client sees it (RFC 9457).
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Problem {
    /// A stable page: `/problems/…`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// For people.
    pub title: &'static str,
    /// HTTP status.
    pub status: u16,
    /// What was wrong this time.
    pub detail: String,
}

impl Problem {
    /// A problem of `kind`.
    #[must_use]
    pub fn new(kind: &'static str, title: &'static str, status: u16, detail: impl Into<String>) -> Self {
        Self { kind, title, status, detail: detail.into() }
    }
    /// The answer for what is absent and for what is somebody else's: the two cannot be told apart.
    #[must_use]
    pub fn not_found() -> Self {
        Self::new("/problems/not-found", "Not found", 404, "there is nothing by this name that you may watch")
    }
    /// The server cannot say now.
    #[must_use]
    pub fn unavailable() -> Self {
        Self::new("/problems/unavailable", "Try again later", 503, "the server cannot answer this now")
    }
}

/// One GPS fix as the device reports it.
#[derive(Clone, Copy, PartialEq, Debug, Deserialize, Serialize)]
pub struct Fix {
    /// The device's own count; late and repeated fixes are told by it.
    pub seq: u64,
    /// Device time.
    pub at: Timestamp,
    /// Where, within the accuracy.
    #[serde(flatten)]
    pub position: Position,
    /// Radius of 68 % confidence, metres.
    pub accuracy_m: f64,
    /// Over ground, metres a second.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub speed_mps: Option<f64>,
    /// Clockwise from north, degrees.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heading_deg: Option<f64>,
}

/// What became of a batch of fixes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize)]
pub struct Taken {
    /// Taken as current or as part of the track.
    pub accepted: u32,
    /// Older than what is known; kept for the track only.
    pub late: u32,
    /// Implausible; without effect.
    pub quarantined: u32,
    /// The highest device count seen so far: the device may forget what is not above it.
    pub fix_seq: u64,
}

/// Business time as `welcome` tells it.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct ServerTime {
    /// Now.
    pub now: Timestamp,
    /// How many times faster than the wall it runs (1 but in the demo).
    pub speed: f64,
}

/// What the live side needs from the rest of the server. All of it may be called from any worker.
pub trait LiveSource: Send + Sync + 'static {
    /// Who presents this single-use ticket. The second call with one ticket answers `None`.
    fn redeem_ticket(&self, ticket: String) -> BoxFuture<'static, Option<Principal>>;
    /// Who presents this access token (native clients, `Authorization: Bearer`).
    fn bearer(&self, token: String) -> BoxFuture<'static, Option<Principal>>;
    /// Whether `principal` may watch `topic`, and how. Somebody else's and absent get the same answer
    /// ([`Problem::not_found`]), and take equally long as far as that is possible.
    fn authorize(&self, principal: Principal, topic: Topic) -> BoxFuture<'static, Result<Access, Problem>>;
    /// What all facts so far amount to for this view, and how many they are. For the city: its riders, at 0.
    fn snapshot(&self, access: Access) -> BoxFuture<'static, Result<(Version, serde_json::Value), Problem>>;
    /// The stream's facts after `after` in order, at most `limit`. Must see every fact that was published before the
    /// call (read the primary, not a replica).
    fn read_after(
        &self,
        stream: StreamId,
        after: Version,
        limit: u32,
    ) -> BoxFuture<'static, Result<Vec<Arc<Recorded>>, BoxError>>;
    /// The fact's body as `view` may see it; `None`: hidden, sent as `redacted` with its number.
    fn project(&self, view: View, fact: &Recorded) -> Option<serde_json::Value>;
    /// A rider's fixes, in the order sent.
    fn take_fixes(&self, principal: Principal, fixes: Vec<Fix>) -> BoxFuture<'static, Result<Taken, Problem>>;
    /// Business time.
    fn time(&self) -> ServerTime;
}
