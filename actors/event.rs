//! Facts as the journal keeps them: a kind, a JSON body, and where and when they were recorded.

use std::{fmt, sync::Arc};

use uuid::Uuid;

use crate::{stream::StreamId, time::Timestamp};

/// How many facts a stream holds; the next one gets this plus one. Zero: the stream does not exist.
pub type Version = u64;

/// A typed fact of one service that can be written to and read from the journal.
pub trait Event: Clone + fmt::Debug + Send + Sync + 'static {
    /// The full name on the wire, `noun.past_tense`.
    fn kind(&self) -> &'static str;
    /// The body as JSON text.
    fn encode(&self) -> String;
    /// Reads a body back.
    ///
    /// # Errors
    /// [`DecodeError`] when the kind is unknown or the body does not have its shape.
    fn decode(kind: &str, body: &str) -> Result<Self, DecodeError>;
}

/// Why a recorded fact cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// A kind this build does not know (written by a newer one).
    #[error("unknown event kind {0:?}")]
    UnknownKind(String),
    /// A body that does not have its kind's shape.
    #[error("body of {kind} is malformed")]
    Malformed {
        /// Which kind.
        kind: String,
        /// What serde says.
        #[source]
        source: serde_json::Error,
    },
}

/// A fact as it stands in the journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// Its place among all facts of the database; grows in commit order, with holes.
    pub position: i64,
    /// Whose fact it is.
    pub stream: StreamId,
    /// Its number within the stream: 1, 2, 3, … without a hole.
    pub version: Version,
    /// Its own id.
    pub event_id: Uuid,
    /// `order.placed` and the like.
    pub kind: Arc<str>,
    /// JSON text.
    pub body: Arc<str>,
    /// Business time of the decision.
    pub at: Timestamp,
    /// The event that led to it, if one did.
    pub cause: Option<Uuid>,
    /// Names the chain of facts it belongs to.
    pub correlation: Uuid,
}

impl Recorded {
    /// The typed fact.
    ///
    /// # Errors
    /// As [`Event::decode`].
    pub fn typed<E: Event>(&self) -> Result<E, DecodeError> {
        E::decode(&self.kind, &self.body)
    }
}

/// Declares a service's events: `Variant(Body) = "noun.past_tense"`. The enum, its names and its codec come from
/// one list, so that no kind can be written that cannot be read.
#[macro_export]
macro_rules! events {
    ($(#[$outer:meta])* $vis:vis enum $name:ident { $($(#[$doc:meta])* $variant:ident($body:ty) = $kind:literal),+ $(,)? }) => {
        $(#[$outer])*
        #[derive(Clone, Debug, PartialEq)]
        $vis enum $name { $($(#[$doc])* $variant($body)),+ }

        impl $name {
            /// Every kind of this service, in the order of declaration.
            pub const KINDS: &'static [&'static str] = &[$($kind),+];
        }

        impl $crate::event::Event for $name {
            fn kind(&self) -> &'static str {
                match self { $(Self::$variant(_) => $kind),+ }
            }
            fn encode(&self) -> String {
                match self { $(Self::$variant(body) => serde_json::to_string(body)),+ }
                    .expect("an event body is plain data and always serializes")
            }
            fn decode(kind: &str, body: &str) -> Result<Self, $crate::event::DecodeError> {
                match kind {
                    $($kind => serde_json::from_str(body).map(Self::$variant).map_err(|source| {
                        $crate::event::DecodeError::Malformed { kind: kind.to_owned(), source }
                    }),)+
                    other => Err($crate::event::DecodeError::UnknownKind(other.to_owned())),
                }
            }
        }
    };
}
