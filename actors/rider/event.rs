//! What happens to a rider, as anybody may read it: shifts, offers, deliveries held. Positions are no facts and
//! travel in a lane of their own. The stream `rider:{id}` is also what the rider's own app watches.

use serde::{Deserialize, Serialize};

use crate::{
    bundle::Bundle,
    events,
    ids::{BundleId, DeliveryId, OfferId, OrderId, RiderId},
    place::Position,
    rider::duty::Worked,
    time::Timestamp,
};

events! {
    /// Facts of one rider.
    pub enum RiderEvent {
        /// On duty.
        ShiftStarted(ShiftStarted) = "shift.started",
        /// The shift ends at another time than was said, or when the rider says so.
        ShiftEndMoved(ShiftEndMoved) = "shift.end_moved",
        /// Off duty.
        ShiftEnded(ShiftEnded) = "shift.ended",
        /// A delivery is offered.
        OfferReceived(OfferReceived) = "offer.received",
        /// The rider said yes; a place in the bag is held until the delivery answers.
        OfferAccepted(OfferAccepted) = "offer.accepted",
        /// The rider said no.
        OfferDeclined(OfferDeclined) = "offer.declined",
        /// The offer is over without the rider: expired, revoked or taken.
        OfferLapsed(OfferLapsed) = "offer.lapsed",
        /// The delivery is the rider's.
        DeliveryConfirmed(DeliveryConfirmed) = "rider.delivery_confirmed",
        /// The delivery is no longer the rider's; the place in the bag is free again.
        DeliveryReleased(DeliveryReleased) = "rider.delivery_released",
    }
}

/// What the rider rides.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Vehicle {
    /// On foot.
    Foot,
    /// By bicycle.
    #[default]
    Bicycle,
    /// By motor scooter.
    Scooter,
    /// By car.
    Car,
}

/// Body of `shift.started`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct ShiftStarted {
    /// Who.
    pub rider_id: RiderId,
    /// On what.
    pub vehicle: Vehicle,
    /// Deliveries at once, 1 to 5.
    pub capacity: u32,
    /// Until when; absent: until the rider says so. Nothing is offered that could not be picked up before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
}

/// Body of `shift.end_moved`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct ShiftEndMoved {
    /// Who.
    pub rider_id: RiderId,
    /// Until when; absent: until the rider says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
}

/// Body of `shift.ended`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct ShiftEnded {
    /// Who.
    pub rider_id: RiderId,
    /// What it came to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub worked: Option<Worked>,
}

/// Body of `offer.received`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct OfferReceived {
    /// Which offer.
    pub offer_id: OfferId,
    /// Which delivery.
    pub delivery_id: DeliveryId,
    /// To whom.
    pub rider_id: RiderId,
    /// The court's hand-off point.
    pub pickup: Position,
    /// About where it goes.
    pub dropoff_coarse: Position,
    /// How far the pickup is, metres.
    pub distance_m: u32,
    /// When the food should be ready.
    pub ready_at: Timestamp,
    /// Silence until then is a no.
    pub expires_at: Timestamp,
    /// The route it is part of, taken or left as a whole; absent for a delivery offered alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bundle: Option<Bundle>,
}

impl OfferReceived {
    /// The route it is part of.
    #[must_use]
    pub fn bundle_id(&self) -> Option<BundleId> {
        self.bundle.as_ref().map(|bundle| bundle.bundle_id)
    }
}

/// Body of `offer.accepted`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct OfferAccepted {
    /// Which offer.
    pub offer_id: OfferId,
    /// Which delivery.
    pub delivery_id: DeliveryId,
    /// Whose yes.
    pub rider_id: RiderId,
}

/// Body of `offer.declined`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct OfferDeclined {
    /// Which offer.
    pub offer_id: OfferId,
    /// Which delivery.
    pub delivery_id: DeliveryId,
    /// Whose no.
    pub rider_id: RiderId,
}

/// Why an offer is over without the rider.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum LapseReason {
    /// No answer in time.
    Expired,
    /// Taken back.
    Revoked,
    /// Somebody else has it.
    Taken,
}

/// Body of `offer.lapsed`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct OfferLapsed {
    /// Which offer.
    pub offer_id: OfferId,
    /// Which delivery.
    pub delivery_id: DeliveryId,
    /// Who was asked.
    pub rider_id: RiderId,
    /// Why.
    pub reason: LapseReason,
}

/// Body of `rider.delivery_confirmed`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct DeliveryConfirmed {
    /// Which delivery.
    pub delivery_id: DeliveryId,
    /// Of which order.
    pub order_id: OrderId,
    /// Whose.
    pub rider_id: RiderId,
    /// The court's hand-off point.
    pub pickup: Position,
    /// The door.
    pub dropoff: Position,
    /// When the food should be ready.
    pub ready_at: Timestamp,
}

/// Why a place in the bag is free again.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReleaseReason {
    /// Handed over.
    Delivered,
    /// The delivery was cancelled.
    Cancelled,
    /// The delivery went to somebody else or back to the search.
    Unassigned,
    /// The acceptance came too late.
    Refused,
    /// Another rider took it over who will have it at the door sooner.
    Replaced,
    /// The rider gave it back, fell silent or did not come in time.
    Dropped,
}

/// Body of `rider.delivery_released`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct DeliveryReleased {
    /// Which delivery.
    pub delivery_id: DeliveryId,
    /// Whose.
    pub rider_id: RiderId,
    /// Why.
    pub reason: ReleaseReason,
    /// How the offer was over whose acceptance was refused; absent for every other reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<LapseReason>,
}
