//! Identifiers: one type per noun, so that an order's id can never stand where a kitchen's is meant.
//! Ids that follow from other ids are derived here (UUIDv5), so a repeated step names the same thing again.

use std::{
    collections::HashMap,
    fmt,
    hash::{BuildHasherDefault, Hasher},
    str::FromStr,
};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

macro_rules! id {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { self.0.fmt(f) }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { write!(f, concat!(stringify!($name), "({})"), self.0) }
        }
        impl FromStr for $name {
            type Err = uuid::Error;
            fn from_str(text: &str) -> Result<Self, Self::Err> { Uuid::parse_str(text).map(Self) }
        }
    )+};
}

id! {
    /// A person or machine with an account. A rider's and a customer's id is their account's.
    UserId,
    /// A site with kitchens, opening hours and one hand-off point.
    CourtId,
    /// One vendor's kitchen in a court.
    KitchenId,
    /// A dish or drink on a kitchen's menu.
    ItemId,
    /// One option of a menu item ("extra egg").
    ModifierId,
    /// A stored, priced basket that an order may honour for ten minutes.
    QuoteId,
    /// A customer's order, over one or several kitchens of one court.
    OrderId,
    /// One kitchen's part of an order.
    TicketId,
    /// The money of one order.
    PaymentId,
    /// The journey of one order from the hand-off point to the door.
    DeliveryId,
    /// One rider's chance to take one delivery.
    OfferId,
    /// Several offers to one rider that are one route.
    BundleId,
    /// One picture of a hand-over.
    PhotoId,
    /// One message in a person's inbox.
    NotificationId,
    /// Address, phone and notes of an order, kept apart and erasable.
    ContactId,
    /// Makes a command that adds (a tip, a refund, more time) safe to repeat.
    CommandId,
}

/// A rider is a user on a shift.
pub type RiderId = UserId;

/// A map by id where it is looked into at every fix and search. Ids are made by the server and random already, so a
/// multiplication spreads them, at a tenth of what a hash against chosen keys costs.
pub type IdMap<K, V> = HashMap<K, V, BuildHasherDefault<IdHasher>>;

/// Hashes ids for an [`IdMap`].
#[derive(Clone, Copy, Default, Debug)]
pub struct IdHasher(u64);

impl Hasher for IdHasher {
    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.0 = (self.0.rotate_left(23) ^ u64::from_le_bytes(word)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        }
    }
    // An id's length, which is always the same.
    fn write_usize(&mut self, _: usize) {}
    fn finish(&self) -> u64 {
        self.0 ^ (self.0 >> 32)
    }
}

/// Derives an id from another one and a word, the same each time (UUIDv5).
fn derive(from: Uuid, word: &str) -> Uuid {
    Uuid::new_v5(&from, word.as_bytes())
}

impl OrderId {
    /// The order of one idempotent request: the same scope names the same order, also after a crash.
    #[must_use]
    pub fn of_scope(scope: &str) -> Self {
        Self(Uuid::new_v5(&Uuid::NAMESPACE_OID, scope.as_bytes()))
    }
}
impl TicketId {
    /// The ticket of `kitchen` in `order`.
    #[must_use]
    pub fn of(order: OrderId, kitchen: KitchenId) -> Self {
        Self(Uuid::new_v5(&order.0, kitchen.0.as_bytes()))
    }
}
impl PaymentId {
    /// The payment that pays for `order`.
    #[must_use]
    pub fn of(order: OrderId) -> Self {
        Self(derive(order.0, "payment"))
    }
}
impl DeliveryId {
    /// The delivery of `order`.
    #[must_use]
    pub fn of(order: OrderId) -> Self {
        Self(derive(order.0, "delivery"))
    }
}
impl ContactId {
    /// The contact of `order`.
    #[must_use]
    pub fn of(order: OrderId) -> Self {
        Self(derive(order.0, "contact"))
    }
}
impl PhotoId {
    /// The picture with this SHA-256 of `delivery`: sent twice it is one.
    #[must_use]
    pub fn of(delivery: DeliveryId, sha256: [u8; 32]) -> Self {
        Self(Uuid::new_v5(&delivery.0, &sha256))
    }
}
impl OfferId {
    /// The offer of `delivery` to `rider` in search round `round`.
    #[must_use]
    pub fn of(delivery: DeliveryId, rider: RiderId, round: u32) -> Self {
        Self(derive(delivery.0, &format!("{rider}/{round}")))
    }
}
impl BundleId {
    /// The route offered to `rider` that begins with the offer `first`.
    #[must_use]
    pub fn of(first: OfferId) -> Self {
        Self(derive(first.0, "bundle"))
    }
}
impl NotificationId {
    /// What `event` says to `person`: at most once per person and event.
    #[must_use]
    pub fn of(event: Uuid, person: UserId) -> Self {
        Self(Uuid::new_v5(&event, person.0.as_bytes()))
    }
}
impl CommandId {
    /// The command of one idempotent request.
    #[must_use]
    pub fn of_scope(scope: &str) -> Self {
        Self(Uuid::new_v5(&Uuid::NAMESPACE_URL, scope.as_bytes()))
    }
}
