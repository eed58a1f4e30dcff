//! What a person is told: the facts of one inbox. The stream `inbox:{user}` is also what the person's page watches.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    events,
    ids::{NotificationId, OrderId, UserId},
};

events! {
    /// Facts of one person's inbox.
    pub enum InboxEvent {
        /// A message arrived.
        Posted(Posted) = "inbox.posted",
        /// Messages up to and including this one were read.
        ReadUpTo(ReadUpTo) = "inbox.read",
    }
}

/// What a message is about.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Topic {
    /// The kitchens cook it.
    OrderAccepted,
    /// It was refused; money is back.
    OrderRejected,
    /// It was called off; money is back.
    OrderCancelled,
    /// Nobody paid in time.
    OrderExpired,
    /// It stands at the hand-off point (pickup orders).
    OrderReady,
    /// A rider is on the way to the court.
    RiderAssigned,
    /// The rider is on the way to the door.
    OrderPickedUp,
    /// The rider is about to reach the door.
    CourierImminent,
    /// The rider stands at the door.
    CourierArrived,
    /// It is there.
    OrderDelivered,
    /// It was handed over at the counter.
    OrderCompleted,
    /// A rider is offered a delivery.
    OfferReceived,
    /// Another rider took a delivery over.
    DeliveryReplaced,
}

/// Body of `inbox.posted`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Posted {
    /// Which message: derived from event and person, so that each is told once.
    pub notification_id: NotificationId,
    /// To whom.
    pub user_id: UserId,
    /// What about.
    pub topic: Topic,
    /// One plain sentence.
    pub text: String,
    /// Which order, if it is about one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order_id: Option<OrderId>,
    /// The fact it tells.
    pub about_event: Uuid,
}

/// Body of `inbox.read`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct ReadUpTo {
    /// The version of the newest message that was read.
    pub version: u64,
}
