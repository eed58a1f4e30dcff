//! What a rider's facts amount to: the shift, the open offers, the bag. Rules stand in `decide`.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{
    duty::Duty,
    event::{LapseReason, OfferReceived, ReleaseReason, RiderEvent, Vehicle},
};
use crate::{
    ids::{BundleId, DeliveryId, OfferId, OrderId, RiderId},
    place::Position,
    time::Timestamp,
};

/// An offer that is over is remembered so long, so that a late tap on it gets a clear answer and an old fact that is
/// read again does nothing. The feed is never behind by that much while anything works.
const CLOSED_KEPT: Duration = Duration::from_secs(6 * 60 * 60);
/// …and at most so many: a busy shift sees about a hundred.
const CLOSED_MAX: usize = 256;

/// On duty.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Shift {
    /// On what.
    pub vehicle: Vehicle,
    /// Deliveries at once.
    pub capacity: u32,
    /// Since when.
    pub since: Timestamp,
}

/// A delivery in the bag, or a place kept for one.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
pub struct Held {
    /// Which delivery.
    pub delivery_id: DeliveryId,
    /// The offer that was accepted.
    pub offer_id: OfferId,
    /// The route that was taken with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bundle_id: Option<BundleId>,
    /// The court's hand-off point.
    pub pickup: Position,
    /// Since the acceptance.
    pub since: Timestamp,
    /// What is known once the delivery has said yes.
    pub job: Option<Job>,
}

/// What an assigned rider knows.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
pub struct Job {
    /// Of which order.
    pub order_id: OrderId,
    /// The door.
    pub dropoff: Position,
    /// When the food should be ready.
    pub ready_at: Timestamp,
}

/// How an offer ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The rider said no.
    Declined,
    /// No answer in time.
    Expired,
    /// Taken back.
    Revoked,
    /// Somebody else has it, or the yes came too late.
    Taken,
    /// It was accepted and the place is free again.
    Released,
}

/// An offer that is over.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Closed {
    /// Which offer.
    pub offer_id: OfferId,
    /// How.
    pub outcome: Outcome,
    /// When.
    pub at: Timestamp,
    /// The route it was part of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bundle_id: Option<BundleId>,
}

/// One rider.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct RiderState {
    /// Who; `None` before the first fact.
    pub rider_id: Option<RiderId>,
    /// On duty, and how.
    pub shift: Option<Shift>,
    /// Offers that wait for an answer, oldest first.
    pub offers: Vec<OfferReceived>,
    /// The bag.
    pub held: Vec<Held>,
    /// Offers that are over, oldest first; forgotten after a while.
    pub closed: Vec<Closed>,
    /// How they answer, and what the shift has come to.
    #[serde(default)]
    pub duty: Duty,
}

impl RiderState {
    /// Deliveries that could be offered now: capacity less what is held and what is being asked.
    #[must_use]
    pub fn places_free(&self) -> usize {
        let capacity = self.shift.map_or(0, |shift| usize::try_from(shift.capacity).unwrap_or(0));
        capacity.saturating_sub(self.held.len() + self.offers.len())
    }
    /// The open offer `offer_id`.
    #[must_use]
    pub fn open(&self, offer_id: OfferId) -> Option<&OfferReceived> {
        self.offers.iter().find(|offer| offer.offer_id == offer_id)
    }
    /// The open offers of the same route as `offer`, itself among them.
    pub fn route_of<'a>(&'a self, offer: &'a OfferReceived) -> impl Iterator<Item = &'a OfferReceived> {
        let (id, route) = (offer.offer_id, offer.bundle_id());
        self.offers.iter().filter(move |one| one.offer_id == id || route.is_some() && one.bundle_id() == route)
    }
    /// Whether the rider has taken the route, `Some(true)`, or left it, while that is remembered.
    #[must_use]
    pub fn took(&self, route: BundleId) -> Option<bool> {
        if self.held.iter().any(|held| held.bundle_id == Some(route)) {
            return Some(true);
        }
        let closed = self.closed.iter().find(|closed| closed.bundle_id == Some(route))?;
        match closed.outcome {
            Outcome::Declined => Some(false),
            Outcome::Taken | Outcome::Released => Some(true),
            Outcome::Expired | Outcome::Revoked => None,
        }
    }
    /// The place held by accepting `offer_id`.
    #[must_use]
    pub fn held_by(&self, offer_id: OfferId) -> Option<&Held> {
        self.held.iter().find(|held| held.offer_id == offer_id)
    }
    /// How `offer_id` ended, while that is remembered.
    #[must_use]
    pub fn outcome(&self, offer_id: OfferId) -> Option<Outcome> {
        self.closed.iter().rev().find(|closed| closed.offer_id == offer_id).map(|closed| closed.outcome)
    }

    pub(super) fn evolve(&mut self, event: &RiderEvent, at: Timestamp) {
        self.closed.retain(|closed| at.since(closed.at) < CLOSED_KEPT);
        match event {
            RiderEvent::ShiftStarted(started) => {
                self.rider_id = Some(started.rider_id);
                self.shift = Some(Shift { vehicle: started.vehicle, capacity: started.capacity, since: at });
                self.duty.start(started.until, at);
            }
            RiderEvent::ShiftEndMoved(moved) => self.duty.until = moved.until,
            RiderEvent::ShiftEnded(_) => self.shift = None,
            RiderEvent::OfferReceived(offer) => {
                self.rider_id = Some(offer.rider_id);
                self.offers.push(offer.clone());
            }
            RiderEvent::OfferAccepted(yes) => {
                if let Some(index) = self.offers.iter().position(|offer| offer.offer_id == yes.offer_id) {
                    let offer = self.offers.remove(index);
                    self.duty.answered(offer.distance_m, true, at);
                    self.duty.took(at);
                    let bundle_id = offer.bundle_id();
                    let OfferReceived { delivery_id, offer_id, pickup, .. } = offer;
                    self.held.push(Held { delivery_id, offer_id, bundle_id, pickup, since: at, job: None });
                }
            }
            RiderEvent::OfferDeclined(no) => {
                self.rider_id = Some(no.rider_id);
                // What was refused before it was shown, for want of room or time, says nothing of the rider.
                if let Some(distance_m) = self.open(no.offer_id).map(|offer| offer.distance_m) {
                    self.duty.answered(distance_m, false, at);
                }
                self.close(no.offer_id, Outcome::Declined, at);
            }
            RiderEvent::OfferLapsed(lapsed) => {
                let open = self.open(lapsed.offer_id).filter(|_| lapsed.reason == LapseReason::Expired);
                if let Some(distance_m) = open.map(|offer| offer.distance_m) {
                    self.duty.answered(distance_m, false, at);
                }
                self.close(lapsed.offer_id, lapsed.reason.into(), at);
            }
            RiderEvent::DeliveryConfirmed(confirmed) => {
                if let Some(held) = self.held.iter_mut().find(|held| held.delivery_id == confirmed.delivery_id) {
                    held.job = Some(Job {
                        order_id: confirmed.order_id,
                        dropoff: confirmed.dropoff,
                        ready_at: confirmed.ready_at,
                    });
                }
            }
            RiderEvent::DeliveryReleased(released) => {
                if let Some(index) = self.held.iter().position(|held| held.delivery_id == released.delivery_id) {
                    let held = self.held.remove(index);
                    let job = held.job.filter(|_| released.reason == ReleaseReason::Delivered);
                    let carried_m = job.map(|job| held.pickup.distance_m(job.dropoff));
                    self.duty.released(carried_m, self.held.is_empty(), at);
                    if released.reason == ReleaseReason::Dropped {
                        self.duty.dropped(at);
                    }
                    // Never the rider's after all: somebody else's, or nobody's.
                    let outcome = match (held.job, released.reason) {
                        (Some(_), _) => Outcome::Released,
                        (None, ReleaseReason::Cancelled) => Outcome::Revoked,
                        (None, _) => released.refused.map_or(Outcome::Taken, Outcome::from),
                    };
                    self.closed_as(Closed { offer_id: held.offer_id, outcome, at, bundle_id: held.bundle_id });
                }
            }
        }
    }

    fn close(&mut self, offer_id: OfferId, outcome: Outcome, at: Timestamp) {
        let bundle_id = self.open(offer_id).and_then(OfferReceived::bundle_id);
        self.offers.retain(|offer| offer.offer_id != offer_id);
        self.closed_as(Closed { offer_id, outcome, at, bundle_id });
    }

    fn closed_as(&mut self, closed: Closed) {
        if self.closed.len() >= CLOSED_MAX {
            self.closed.remove(0);
        }
        self.closed.push(closed);
    }
}

impl From<LapseReason> for Outcome {
    fn from(reason: LapseReason) -> Self {
        match reason {
            LapseReason::Expired => Self::Expired,
            LapseReason::Revoked => Self::Revoked,
            LapseReason::Taken => Self::Taken,
        }
    }
}
