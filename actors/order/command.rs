//! What can be wished of an order. `Place`, `Cancel` and `Reject` come from people; `Note…`, `MarkPaid`, `Deliver` and
//! `Close` from other services' facts; the last five from the order's own deadlines.

use super::event::{CancelledBy, EndReason, Placed, RejectReason};
use crate::{
    ids::{DeliveryId, KitchenId, PaymentId, RiderId},
    money::Money,
    time::Timestamp,
};

/// A wish.
#[derive(Clone, Debug, PartialEq)]
pub enum OrderCommand {
    /// Order this priced basket.
    Place(Box<Placed>),
    /// The money is held.
    MarkPaid {
        /// By which payment.
        payment_id: PaymentId,
        /// How much.
        amount: Money,
    },
    /// A kitchen said yes.
    NoteTicketAccepted {
        /// Which.
        kitchen_id: KitchenId,
        /// In how many minutes.
        prep_min: u32,
        /// The number that its pass calls out.
        number: Option<u64>,
    },
    /// A kitchen said no, or nothing in time.
    NoteTicketRejected {
        /// Which.
        kitchen_id: KitchenId,
        /// Why.
        reason: RejectReason,
    },
    /// A kitchen has begun.
    NotePreparation {
        /// Which.
        kitchen_id: KitchenId,
    },
    /// A kitchen needs longer.
    NoteDelay {
        /// Which.
        kitchen_id: KitchenId,
        /// Minutes more.
        by_min: u32,
        /// When its part should be ready now.
        ready_at: Timestamp,
    },
    /// A kitchen's part stands at the hand-off point.
    NoteReady {
        /// Whose.
        kitchen_id: KitchenId,
    },
    /// A rider is coming.
    NoteRider {
        /// Who.
        rider_id: RiderId,
        /// On which delivery.
        delivery_id: DeliveryId,
    },
    /// The rider is no longer coming.
    NoteRiderGone {
        /// Who.
        rider_id: RiderId,
    },
    /// When it is expected has moved.
    NoteEta {
        /// Of whom.
        rider_id: RiderId,
        /// At the court; `None` once they have been.
        pickup_eta_at: Option<Timestamp>,
        /// At the door.
        dropoff_eta_at: Timestamp,
        /// When that was estimated.
        estimated_at: Timestamp,
    },
    /// The rider is about to reach the door.
    NoteImminent {
        /// Who.
        rider_id: RiderId,
        /// At the door.
        dropoff_eta_at: Timestamp,
    },
    /// The rider stands at the door.
    NoteArrival {
        /// Who.
        rider_id: RiderId,
    },
    /// The rider has the food.
    NotePickup {
        /// Who.
        rider_id: RiderId,
    },
    /// The food is at the door.
    Deliver {
        /// Who brought it.
        rider_id: RiderId,
    },
    /// A kitchen's part was fetched at the counter.
    NoteCollected {
        /// Whose.
        kitchen_id: KitchenId,
    },
    /// It cannot be fulfilled; give the money back.
    Reject {
        /// Why.
        reason: EndReason,
    },
    /// It is no longer wanted; give the money back.
    Cancel {
        /// By whom.
        by: CancelledBy,
        /// Why.
        reason: EndReason,
    },
    /// The money is settled: an ending order is over.
    Close {
        /// What went back after it had been captured; `None`: nothing had been.
        refunded: Option<Money>,
    },
    /// Nobody paid in time.
    Expire,
    /// Kitchens that have not answered in time count as a no.
    CountSilentAsNo,
    /// It should have been ready long ago.
    FailKitchens,
    /// Nobody fetched it, or it never arrived.
    FailHandover,
    /// It waits for longer than it should: call a person.
    Escalate,
}
