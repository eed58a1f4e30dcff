//! What an order is, folded from its facts. Rules stand in `rules` and `decide`, the fold in `evolve`.

use std::{fmt, sync::Arc};

use serde::{Deserialize, Serialize};

use super::event::{Accepted, EndReason, Fulfilment, Part, Placed, RejectReason, Totals, WaitingFor};
use crate::{
    ids::{DeliveryId, KitchenId, PaymentId, RiderId},
    money::Money,
    time::Timestamp,
};

/// The field words for where an order stands.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum OrderStatus {
    /// Asked for; being paid or waiting for the kitchens.
    Placed,
    /// Every kitchen has answered, at least one cooks.
    Accepted,
    /// The first kitchen has begun.
    InPreparation,
    /// All parts stand at the hand-off point.
    ReadyForPickup,
    /// The rider has it.
    PickedUp,
    /// At the door. Final.
    Delivered,
    /// Handed over at the counter. Final.
    Completed,
    /// Refused, money settled. Final.
    Rejected,
    /// Called off, money settled. Final.
    Cancelled,
    /// Nobody paid in time. Final.
    Expired,
}

impl OrderStatus {
    /// Whether it stays like this for ever.
    #[must_use]
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Delivered | Self::Completed | Self::Rejected | Self::Cancelled | Self::Expired)
    }
    /// Its word on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Placed => "placed",
            Self::Accepted => "accepted",
            Self::InPreparation => "in_preparation",
            Self::ReadyForPickup => "ready_for_pickup",
            Self::PickedUp => "picked_up",
            Self::Delivered => "delivered",
            Self::Completed => "completed",
            Self::Rejected => "rejected",
            Self::Cancelled => "cancelled",
            Self::Expired => "expired",
        }
    }
}

impl fmt::Display for OrderStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// An order, or nothing yet.
#[derive(Clone, Default, Debug, PartialEq, Serialize, Deserialize)]
pub struct OrderState {
    /// `None` before the first fact.
    pub order: Option<Box<Known>>,
}

impl OrderState {
    /// The order, once it exists.
    #[must_use]
    pub fn order(&self) -> Option<&Known> {
        self.order.as_deref()
    }
}

/// An order that exists.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Known {
    /// What was asked for, and at what price.
    pub placed: Arc<Placed>,
    /// Where it stands; keeps its word while it is `ending`.
    pub status: OrderStatus,
    /// The money that is held for it.
    pub paid: Option<PaidFor>,
    /// How each kitchen's part stands, in the order of `placed.parts`.
    pub parts: Vec<PartState>,
    /// What the kitchens' answers came to.
    pub plan: Option<Arc<Accepted>>,
    /// Who brings it.
    pub rider: Option<Rider>,
    /// Somebody was to bring it, now or before.
    #[serde(default)]
    pub had_rider: bool,
    /// It is coming to a bad end; the money is on its way back.
    pub ending: Option<Ending>,
    /// What went back to the customer after it had been captured; set when it has ended badly.
    pub refunded: Option<Money>,
    /// How often a person was called about what it waits for now.
    pub escalations: u32,
    /// When a person was last called.
    pub escalated_at: Option<Timestamp>,
    /// When what happened.
    pub timeline: Timeline,
    /// When it is expected, while a rider brings it.
    #[serde(default)]
    pub eta: Option<Eta>,
    /// The customer was told that the rider is about to come.
    #[serde(default)]
    pub imminent: bool,
}

/// The money held for an order.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct PaidFor {
    /// By which payment.
    pub payment_id: PaymentId,
    /// How much is held.
    pub amount: Money,
    /// The kitchens must have answered by then.
    pub answer_by: Timestamp,
}

/// When an order is expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Eta {
    /// Of whom.
    pub rider_id: RiderId,
    /// When they should be at the court; `None` once they have been.
    pub pickup_at: Option<Timestamp>,
    /// When it should be handed over at the door.
    pub dropoff_at: Timestamp,
    /// When that was estimated.
    pub estimated_at: Timestamp,
}

/// The rider of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rider {
    /// Who.
    pub rider_id: RiderId,
    /// On which delivery.
    pub delivery_id: DeliveryId,
}

/// A bad end under way or reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ending {
    /// `cancelled` or `rejected`.
    pub into: OrderStatus,
    /// Why.
    pub reason: EndReason,
}

/// What a kitchen said to its part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PartAnswer {
    /// Nothing yet.
    Open,
    /// Yes, in so many minutes.
    Accepted {
        /// Minutes of work.
        prep_min: u32,
    },
    /// No.
    Rejected {
        /// Why.
        reason: RejectReason,
    },
}

/// How far a kitchen is with an accepted part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PartStage {
    /// Not begun.
    Waiting,
    /// Being cooked.
    InKitchen,
    /// At the hand-off point.
    ReadyForCollection,
    /// Gone with its rider or eater.
    Collected,
}

/// How one kitchen's part stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartState {
    /// Whose.
    pub kitchen_id: KitchenId,
    /// Yes, no or nothing yet.
    pub answer: PartAnswer,
    /// How far it is.
    pub stage: PartStage,
    /// The number that its kitchen's pass calls out; known once it has said yes.
    #[serde(default)]
    pub number: Option<u64>,
    /// Minutes its kitchen has added before the others had answered.
    #[serde(default)]
    pub delay_min: u32,
    /// When it would be ready by the last of those delays.
    #[serde(default)]
    pub delayed_to: Option<Timestamp>,
}

impl PartState {
    /// A part whose kitchen has said nothing yet.
    #[must_use]
    pub const fn open(kitchen_id: KitchenId) -> Self {
        let (answer, stage) = (PartAnswer::Open, PartStage::Waiting);
        Self { kitchen_id, answer, stage, number: None, delay_min: 0, delayed_to: None }
    }
    /// Whether the kitchen said yes.
    #[must_use]
    pub const fn is_accepted(&self) -> bool {
        matches!(self.answer, PartAnswer::Accepted { .. })
    }
}

/// When what happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Timeline {
    /// Asked for.
    pub placed_at: Timestamp,
    /// Money held.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paid_at: Option<Timestamp>,
    /// Kitchens answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accepted_at: Option<Timestamp>,
    /// First kitchen began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preparation_started_at: Option<Timestamp>,
    /// All parts at the hand-off point.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ready_at: Option<Timestamp>,
    /// With the rider.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub picked_up_at: Option<Timestamp>,
    /// The rider came to the door.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub courier_arrived_at: Option<Timestamp>,
    /// The bad end began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ending_at: Option<Timestamp>,
    /// In its final state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Timestamp>,
}

impl Known {
    /// The part of `kitchen`.
    #[must_use]
    pub fn part(&self, kitchen: KitchenId) -> Option<&PartState> {
        self.parts.iter().find(|part| part.kitchen_id == kitchen)
    }
    /// Parts whose kitchens said yes.
    pub fn accepted_parts(&self) -> impl Iterator<Item = &PartState> {
        self.parts.iter().filter(|part| part.is_accepted())
    }
    /// What was priced for the kitchens that have not said no.
    pub fn live_parts(&self) -> impl Iterator<Item = &Part> {
        let rejected = |part: &PartState| matches!(part.answer, PartAnswer::Rejected { .. });
        self.placed.parts.iter().zip(&self.parts).filter(move |(_, state)| !rejected(state)).map(|(part, _)| part)
    }
    /// Whether every kitchen has answered.
    #[must_use]
    pub fn is_answered(&self) -> bool {
        self.parts.iter().all(|part| part.answer != PartAnswer::Open)
    }
    /// Whether any kitchen has begun to cook.
    #[must_use]
    pub fn has_begun(&self) -> bool {
        self.parts.iter().any(|part| part.stage > PartStage::Waiting)
    }
    /// Whether it is on its way to a bad end, or there.
    #[must_use]
    pub const fn is_ending(&self) -> bool {
        self.ending.is_some()
    }
    /// What is to be paid: as placed, and only for the accepted parts once the kitchens have answered.
    #[must_use]
    pub fn totals(&self) -> Totals {
        match self.plan {
            None => self.placed.totals,
            Some(_) => super::pricing::reprice(&self.placed.totals, self.live_parts().map(|part| part.subtotal)),
        }
    }
    /// When all parts should be ready.
    #[must_use]
    pub fn ready_at(&self) -> Option<Timestamp> {
        self.plan.as_ref().map(|plan| plan.ready_at)
    }
    /// Pickup or delivery.
    #[must_use]
    pub fn fulfilment(&self) -> Fulfilment {
        self.placed.fulfilment
    }
    /// What it waits for that only a person could hasten.
    #[must_use]
    pub fn waiting_for(&self) -> Option<WaitingFor> {
        if self.status.is_final() {
            None
        } else if self.is_ending() {
            Some(WaitingFor::Settlement)
        } else {
            (self.status == OrderStatus::PickedUp).then_some(WaitingFor::Delivery)
        }
    }
}

/// Why an order refuses a wish.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OrderRejection {
    /// There is no such order.
    #[error("there is no such order")]
    Unknown,
    /// An order of this id was placed before, and it is another one.
    #[error("this order was already placed with another content; use a new idempotency key for a new order")]
    AlreadyPlaced,
    /// The order makes no sense.
    #[error("the order cannot be placed: {0}")]
    Malformed(&'static str),
    /// The kitchen cooks: too late for the customer.
    #[error("a kitchen has already begun to cook; only the court's staff can still cancel this order")]
    AlreadyCooking,
    /// The rider has the food: too late for everybody.
    #[error("the rider already has the food; the order can no longer be cancelled, ask the court for a refund")]
    AlreadyPickedUp,
    /// It is over.
    #[error("the order is already {status}; that is final")]
    AlreadyEnded {
        /// How it ended.
        status: OrderStatus,
    },
    /// The kitchen has no part in this order.
    #[error("the kitchen has no part in this order")]
    NotInBasket,
    /// Another amount is held than is owed.
    #[error("the payment holds {held}, the order costs {owed}")]
    WrongAmount {
        /// Held.
        held: Money,
        /// Owed.
        owed: Money,
    },
    /// The order is a pickup order, or the other way round.
    #[error("a {0:?} order is not handed over like this")]
    WrongFulfilment(Fulfilment),
    /// Money went back though the order was not ending.
    #[error("the order is not ending; cancel or reject it first")]
    NotEnding,
}
