//! What a rider's app and staff see of a rider: shift, offers, bag. Nobody else reads it.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    event::{RiderEvent, Vehicle},
    state::{Held, Outcome, RiderState},
};
use crate::{
    bundle::Bundle,
    event::{Event, Version},
    ids::{DeliveryId, OfferId, OrderId, RiderId},
    place::Position,
    time::Timestamp,
};

/// As whom somebody looks at a rider.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Role {
    /// The rider.
    Themselves,
    /// Staff of the court.
    Staff,
    /// Anybody else: nothing.
    Stranger,
}

/// A running shift.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ShiftView {
    /// On what.
    pub vehicle: Vehicle,
    /// Deliveries at once.
    pub capacity: u32,
    /// Since when.
    pub since: Timestamp,
    /// Until when, if the rider has said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
}

/// Where an offer stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum OfferStatus {
    /// Waits for the rider's answer.
    Offered,
    /// The rider said yes; the delivery has not answered yet.
    Accepted,
    /// The delivery is the rider's.
    Assigned,
    /// The rider said no.
    Declined,
    /// No answer in time.
    Expired,
    /// Taken back.
    Revoked,
    /// Somebody else has it, or the yes came too late.
    Taken,
    /// It was the rider's and no longer is.
    Released,
}

/// An offer as its rider reads it.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct OfferView {
    /// Which offer.
    pub offer_id: OfferId,
    /// Where it stands.
    pub status: OfferStatus,
    /// Of which delivery; not kept once it is over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivery_id: Option<DeliveryId>,
    /// The court's hand-off point.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pickup: Option<Position>,
    /// About where it goes, while it is open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dropoff_coarse: Option<Position>,
    /// How far the pickup is, metres, while it is open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub distance_m: Option<u32>,
    /// When the food should be ready.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ready_at: Option<Timestamp>,
    /// Silence until then is a no.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// The route it is part of, while it is open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bundle: Option<Bundle>,
}

/// A delivery in the bag.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct HeldView {
    /// Which delivery.
    pub delivery_id: DeliveryId,
    /// By which offer.
    pub offer_id: OfferId,
    /// Whether the delivery has said yes.
    pub confirmed: bool,
    /// The court's hand-off point.
    pub pickup: Position,
    /// Since the acceptance.
    pub since: Timestamp,
    /// Of which order, once confirmed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order_id: Option<OrderId>,
    /// The door, once confirmed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dropoff: Option<Position>,
    /// When the food should be ready, once confirmed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ready_at: Option<Timestamp>,
}

/// A rider as their app reads it.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct RiderView {
    /// Who.
    pub rider_id: RiderId,
    /// How many facts there are: the `ETag`, and the sequence number of the last live frame.
    pub version: Version,
    /// The running shift; `null` off duty.
    pub shift: Option<ShiftView>,
    /// Offers that wait for an answer, oldest first.
    pub offers: Vec<OfferView>,
    /// The bag.
    pub deliveries: Vec<HeldView>,
}

/// The rider `rider_id` at `version`; also one who has never been on shift.
#[must_use]
pub fn view(rider_id: RiderId, state: &RiderState, version: Version) -> RiderView {
    RiderView {
        rider_id,
        version,
        shift: state.shift.map(|shift| ShiftView {
            vehicle: shift.vehicle,
            capacity: shift.capacity,
            since: shift.since,
            until: state.duty.until,
        }),
        offers: state.offers.iter().filter_map(|offer| offer_view(state, offer.offer_id)).collect(),
        deliveries: state.held.iter().map(held_view).collect(),
    }
}

/// One offer of the rider, also for hours after it is over; `None` if they were never asked.
#[must_use]
pub fn offer_view(state: &RiderState, offer_id: OfferId) -> Option<OfferView> {
    let bare = |status| OfferView {
        offer_id,
        status,
        delivery_id: None,
        pickup: None,
        dropoff_coarse: None,
        distance_m: None,
        ready_at: None,
        expires_at: None,
        bundle: None,
    };
    if let Some(offer) = state.open(offer_id) {
        return Some(OfferView {
            delivery_id: Some(offer.delivery_id),
            pickup: Some(offer.pickup),
            dropoff_coarse: Some(offer.dropoff_coarse),
            distance_m: Some(offer.distance_m),
            ready_at: Some(offer.ready_at),
            expires_at: Some(offer.expires_at),
            bundle: offer.bundle.clone(),
            ..bare(OfferStatus::Offered)
        });
    }
    if let Some(held) = state.held_by(offer_id) {
        let status = if held.job.is_some() { OfferStatus::Assigned } else { OfferStatus::Accepted };
        let ready_at = held.job.map(|job| job.ready_at);
        return Some(OfferView {
            delivery_id: Some(held.delivery_id),
            pickup: Some(held.pickup),
            ready_at,
            ..bare(status)
        });
    }
    Some(bare(match state.outcome(offer_id)? {
        Outcome::Declined => OfferStatus::Declined,
        Outcome::Expired => OfferStatus::Expired,
        Outcome::Revoked => OfferStatus::Revoked,
        Outcome::Taken => OfferStatus::Taken,
        Outcome::Released => OfferStatus::Released,
    }))
}

fn held_view(held: &Held) -> HeldView {
    HeldView {
        delivery_id: held.delivery_id,
        offer_id: held.offer_id,
        confirmed: held.job.is_some(),
        pickup: held.pickup,
        since: held.since,
        order_id: held.job.map(|job| job.order_id),
        dropoff: held.job.map(|job| job.dropoff),
        ready_at: held.job.map(|job| job.ready_at),
    }
}

/// The data of one fact's live frame as `role` may see it; `None`: redacted, only its number is sent.
#[must_use]
pub fn event_for(role: Role, event: &RiderEvent) -> Option<Value> {
    match role {
        Role::Themselves | Role::Staff => Some(serde_json::from_str(&event.encode()).expect("an event's body is JSON")),
        Role::Stranger => None,
    }
}
