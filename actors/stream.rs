//! Streams: one append-only sequence of facts per entity, named `category:uuid`, versioned 1, 2, 3, …

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The kinds of entity that keep a journal.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Category {
    /// `order:{order_id}`
    Order,
    /// `payment:{payment_id}`
    Payment,
    /// `kitchen:{kitchen_id}`
    Kitchen,
    /// `delivery:{delivery_id}`
    Delivery,
    /// `rider:{rider_id}`
    Rider,
    /// `inbox:{user_id}`
    Inbox,
}

impl Category {
    /// Every category, in the order of the saga.
    pub const ALL: [Self; 6] = [Self::Order, Self::Payment, Self::Kitchen, Self::Delivery, Self::Rider, Self::Inbox];

    /// The word before the colon.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Order => "order",
            Self::Payment => "payment",
            Self::Kitchen => "kitchen",
            Self::Delivery => "delivery",
            Self::Rider => "rider",
            Self::Inbox => "inbox",
        }
    }
}

/// Names one stream.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamId {
    /// The kind of entity.
    pub category: Category,
    /// Its id.
    pub id: Uuid,
}

impl StreamId {
    /// The stream of the entity `id` of `category`.
    #[must_use]
    pub const fn new(category: Category, id: Uuid) -> Self {
        Self { category, id }
    }
    /// A stable number below `count`, the same on every node: which partition or shard the stream belongs to.
    #[must_use]
    pub fn partition(self, count: u32) -> u32 {
        let (high, low) = self.id.as_u64_pair();
        // Fibonacci hashing: v7 ids share their high bits, so the halves are folded and spread before the modulo.
        let mixed = (high ^ low).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32;
        u32::try_from(mixed % u64::from(count.max(1))).unwrap_or(0)
    }
}

impl fmt::Display for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.category.as_str(), self.id)
    }
}
impl fmt::Debug for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Why a text names no stream.
#[derive(Debug, thiserror::Error)]
#[error("{0:?} is not a stream name (category:uuid)")]
pub struct NotAStream(String);

impl FromStr for StreamId {
    type Err = NotAStream;
    fn from_str(text: &str) -> Result<Self, NotAStream> {
        let not = || NotAStream(text.to_owned());
        let (word, id) = text.split_once(':').ok_or_else(not)?;
        let category = Category::ALL.into_iter().find(|category| category.as_str() == word).ok_or_else(not)?;
        Ok(Self { category, id: Uuid::parse_str(id).map_err(|_| not())? })
    }
}
