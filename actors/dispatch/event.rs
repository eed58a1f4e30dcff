//! What happens to a delivery, as anybody may read it: the search for a rider, and the way to the door.

use serde::{Deserialize, Serialize};

use crate::{
    bundle::Bundle,
    events,
    ids::{CommandId, CourtId, DeliveryId, OfferId, OrderId, PhotoId, RiderId},
    place::Position,
    proof::ProofRequired,
    time::Timestamp,
};

events! {
    /// Facts of one delivery.
    pub enum DeliveryEvent {
        /// An accepted order needs a rider.
        Requested(Requested) = "delivery.requested",
        /// Riders within a radius are looked at; an intent, with its attempt.
        SearchStarted(SearchStarted) = "delivery.search_started",
        /// Nobody suitable was near; it is tried again, wider.
        NobodyNear(NobodyNear) = "delivery.nobody_near",
        /// A rider is planned for it and need not be asked yet: the search goes on later.
        HeldBack(HeldBack) = "delivery.held_back",
        /// One rider is asked, alone or with others at the same time.
        Offered(Offered) = "delivery.offered",
        /// That rider said no.
        OfferDeclined(OfferDeclined) = "delivery.offer_declined",
        /// That rider said nothing in time.
        OfferExpired(OfferExpired) = "delivery.offer_expired",
        /// The offer was taken back.
        OfferRevoked(OfferRevoked) = "delivery.offer_revoked",
        /// One rider has it: state `confirmed`.
        Assigned(Assigned) = "delivery.assigned",
        /// A rider accepted what was no longer to be had.
        AssignmentRefused(AssignmentRefused) = "delivery.assignment_refused",
        /// The rider cannot bring it; back to `created`.
        Unassigned(Unassigned) = "delivery.unassigned",
        /// The food stands ready.
        ReadyNoted(ReadyNoted) = "delivery.ready_noted",
        /// The rider rides to the court.
        EnrouteToPickup(Step) = "delivery.enroute_to_pickup",
        /// The rider stands at the hand-off point.
        ArrivedAtPickup(Step) = "delivery.arrived_at_pickup",
        /// The rider has the food.
        PickedUp(Step) = "delivery.picked_up",
        /// The expected times have moved by more than a little.
        EtaMoved(EtaMoved) = "delivery.eta_moved",
        /// The rider is about to reach the door; told once.
        CourierImminent(CourierImminent) = "delivery.courier_imminent",
        /// The rider rides to the door.
        EnrouteToDropoff(Step) = "delivery.enroute_to_dropoff",
        /// The rider stands at the door.
        ArrivedAtDropoff(Step) = "delivery.arrived_at_dropoff",
        /// The rider typed a PIN that was not the customer's.
        PinRefused(PinRefused) = "delivery.pin_refused",
        /// The rider took a photo of the food at the door.
        PhotoTaken(PhotoTaken) = "delivery.photo_taken",
        /// Staff vouch for the hand-over: no PIN or photo is needed any more.
        ProofWaived(ProofWaived) = "delivery.proof_waived",
        /// Handed over.
        Delivered(Step) = "delivery.delivered",
        /// The order ended badly before pickup.
        Cancelled(Cancelled) = "delivery.cancelled",
        /// Nobody could be found in time.
        Unassignable(Unassignable) = "delivery.unassignable",
        /// It takes far too long: the rider waits for food that never comes, or has it and never arrives. A person must
        /// look; told again, at growing intervals, until it is settled.
        Overdue(Step) = "delivery.overdue",
    }
}

/// Body of `delivery.requested`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Requested {
    /// Which delivery.
    pub delivery_id: DeliveryId,
    /// Of which order.
    pub order_id: OrderId,
    /// From which court.
    pub court_id: CourtId,
    /// The court's hand-off point.
    pub pickup: Position,
    /// The door.
    pub dropoff: Position,
    /// When the food should be ready.
    pub ready_at: Timestamp,
    /// When it was promised at the door.
    pub promised_at: Timestamp,
    /// No rider until then: unassignable.
    pub assign_by: Timestamp,
    /// What the hand-over must be shown by.
    #[serde(default, skip_serializing_if = "ProofRequired::is_nothing")]
    pub proof: ProofRequired,
}

/// Body of `delivery.search_started`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct SearchStarted {
    /// Which delivery.
    pub delivery_id: DeliveryId,
    /// From which court.
    pub court_id: CourtId,
    /// 1, 2, 3, …
    pub round: u32,
    /// How far to look, metres.
    pub radius_m: u32,
    /// Around where.
    pub pickup: Position,
    /// Who is not asked again for this delivery.
    pub not: Vec<RiderId>,
    /// Unanswered until then, the search starts anew.
    pub deadline_at: Timestamp,
}

/// Body of `delivery.nobody_near`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct NobodyNear {
    /// In which round.
    pub round: u32,
    /// How far was looked, metres.
    pub radius_m: u32,
    /// When the next, wider search starts.
    pub retry_at: Timestamp,
    /// Whether those who said no may be asked again from now on: everyone within the widest radius has.
    #[serde(default)]
    pub asks_again: bool,
}

/// Body of `delivery.held_back`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct HeldBack {
    /// In which round.
    pub round: u32,
    /// When the search starts anew, unless somebody is asked before.
    pub until: Timestamp,
    /// From then on it is not held back any more.
    pub latest_at: Timestamp,
}

/// A free rider near the pickup, as the search found them.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Candidate {
    /// Who.
    pub rider_id: RiderId,
    /// How far from the pickup, metres as the crow flies.
    pub distance_m: u32,
    /// How long their way there takes, seconds; absent where nobody knows a way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub travel_s: Option<u32>,
}

impl Candidate {
    /// Sorts whoever is there first before the others; a rider to whom no way is known comes last.
    #[must_use]
    pub fn first_there(&self) -> (u32, u32, RiderId) {
        (self.travel_s.unwrap_or(u32::MAX), self.distance_m, self.rider_id)
    }
}

/// Body of `delivery.offered`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Offered {
    /// Which delivery.
    pub delivery_id: DeliveryId,
    /// Of which order.
    pub order_id: OrderId,
    /// Which offer.
    pub offer_id: OfferId,
    /// To whom.
    pub rider_id: RiderId,
    /// In which round.
    pub round: u32,
    /// How far the rider is from the pickup, metres.
    pub distance_m: u32,
    /// The court's hand-off point.
    pub pickup: Position,
    /// About where it goes (a coarse cell; the door itself only once assigned).
    pub dropoff_coarse: Position,
    /// When the food should be ready.
    pub ready_at: Timestamp,
    /// Silence until then is a no.
    pub expires_at: Timestamp,
    /// Who else was near, nearest first: why this rider was asked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub considered: Vec<Candidate>,
    /// The route it is part of; absent for a delivery offered alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bundle: Option<Bundle>,
    /// Who has it meanwhile, and keeps it unless the answer is yes; absent where nobody has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instead_of: Option<InsteadOf>,
}

/// A rider on the way to the court, in whose place another one is asked.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct InsteadOf {
    /// Who.
    pub rider_id: RiderId,
    /// So many seconds later they would have it at the door.
    pub later_s: u32,
}

/// Body of `delivery.offer_declined`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct OfferDeclined {
    /// Which offer.
    pub offer_id: OfferId,
    /// Whose no.
    pub rider_id: RiderId,
}

/// Body of `delivery.offer_expired`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct OfferExpired {
    /// Which offer.
    pub offer_id: OfferId,
    /// Whose silence.
    pub rider_id: RiderId,
}

/// Why an offer is taken back.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RevokeReason {
    /// The delivery was cancelled.
    #[default]
    Cancelled,
    /// Another rider who was asked at the same time said yes first.
    Taken,
    /// Asked for a delivery that somebody had, who has reached the court meanwhile.
    Kept,
}

/// Body of `delivery.offer_revoked`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct OfferRevoked {
    /// Which offer.
    pub offer_id: OfferId,
    /// Who was asked.
    pub rider_id: RiderId,
    /// Why.
    #[serde(default)]
    pub reason: RevokeReason,
}

/// Body of `delivery.assigned`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Assigned {
    /// Which delivery.
    pub delivery_id: DeliveryId,
    /// Of which order.
    pub order_id: OrderId,
    /// Whose bag.
    pub rider_id: RiderId,
    /// By which offer.
    pub offer_id: OfferId,
    /// The court's hand-off point.
    pub pickup: Position,
    /// The door.
    pub dropoff: Position,
    /// When the food should be ready.
    pub ready_at: Timestamp,
}

/// Why an acceptance is refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RefuseReason {
    /// Another rider was first, or keeps it.
    #[default]
    Taken,
    /// The time to answer was over.
    Expired,
    /// Nobody is needed for it any more.
    Cancelled,
}

/// Body of `delivery.assignment_refused`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct AssignmentRefused {
    /// Which delivery.
    pub delivery_id: DeliveryId,
    /// Whose acceptance came too late.
    pub rider_id: RiderId,
    /// Of which offer.
    pub offer_id: OfferId,
    /// Too late for what.
    #[serde(default)]
    pub reason: RefuseReason,
}

/// Why a rider does not bring it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum UnassignReason {
    /// No position for too long.
    Silent,
    /// The rider gave it back.
    GaveBack,
    /// The rider did not come to the court in time.
    TooLate,
    /// Staff took it away.
    Staff,
    /// Another rider has taken it over, who will have it at the door sooner. Nothing against this one.
    Better,
}

/// Body of `delivery.unassigned`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Unassigned {
    /// Which delivery.
    pub delivery_id: DeliveryId,
    /// Of which order.
    pub order_id: OrderId,
    /// Who no longer brings it.
    pub rider_id: RiderId,
    /// The offer by which they had it: an old fact read again must not undo a newer assignment to the same rider.
    pub offer_id: OfferId,
    /// Why.
    pub reason: UnassignReason,
}

/// Body of `delivery.ready_noted`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct ReadyNoted {}

/// How a step became known.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum NotedBy {
    /// The rider said so.
    #[default]
    Rider,
    /// The rider's position showed it.
    Position,
}

/// Body of the rider's steps.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Step {
    /// Which delivery.
    pub delivery_id: DeliveryId,
    /// Of which order.
    pub order_id: OrderId,
    /// Whose step.
    pub rider_id: RiderId,
    /// How it became known.
    #[serde(default)]
    pub noted_by: NotedBy,
    /// What showed it, for a hand-over that had to be shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proof: Option<ProofGiven>,
}

/// What showed that food was handed over.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ProofGiven {
    /// The customer's PIN.
    Pin,
    /// A photo.
    Photo {
        /// Which.
        photo_id: PhotoId,
    },
    /// Staff's word.
    Waived,
}

/// Body of `delivery.pin_refused`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct PinRefused {
    /// Which delivery.
    pub delivery_id: DeliveryId,
    /// Of which order.
    pub order_id: OrderId,
    /// Who typed it.
    pub rider_id: RiderId,
    /// Tries that are left.
    pub tries_left: u32,
    /// Makes the try safe to repeat, where it was sent with a key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command_id: Option<CommandId>,
}

/// Body of `delivery.photo_taken`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct PhotoTaken {
    /// Which delivery.
    pub delivery_id: DeliveryId,
    /// Of which order.
    pub order_id: OrderId,
    /// Who took it.
    pub rider_id: RiderId,
    /// Which photo; the picture itself is kept apart and not for ever.
    pub photo_id: PhotoId,
}

/// Body of `delivery.proof_waived`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct ProofWaived {
    /// Which delivery.
    pub delivery_id: DeliveryId,
    /// Of which order.
    pub order_id: OrderId,
}

/// Body of `delivery.eta_moved`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct EtaMoved {
    /// Which delivery.
    pub delivery_id: DeliveryId,
    /// Of which order.
    pub order_id: OrderId,
    /// Who brings it.
    pub rider_id: RiderId,
    /// When they should be at the court; absent once they have been.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pickup_eta_at: Option<Timestamp>,
    /// When it should be handed over at the door.
    pub dropoff_eta_at: Timestamp,
}

/// Body of `delivery.courier_imminent`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct CourierImminent {
    /// Which delivery.
    pub delivery_id: DeliveryId,
    /// Of which order.
    pub order_id: OrderId,
    /// Who brings it.
    pub rider_id: RiderId,
    /// When it should be handed over at the door.
    pub dropoff_eta_at: Timestamp,
}

/// Body of `delivery.cancelled`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Cancelled {
    /// Which delivery.
    pub delivery_id: DeliveryId,
    /// Of which order.
    pub order_id: OrderId,
    /// Who was on the way, if anybody was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rider_id: Option<RiderId>,
}

/// Body of `delivery.unassignable`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Unassignable {
    /// Which delivery.
    pub delivery_id: DeliveryId,
    /// Of which order.
    pub order_id: OrderId,
}
