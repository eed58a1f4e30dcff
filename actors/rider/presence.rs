//! What dispatch may know of a rider: on shift, and what is in the bag. Folded from the same facts as the rider's
//! own state, so that a zone can follow along; besides `event` the only file here that another service reads.

use std::collections::BTreeMap;

use super::{
    RiderState,
    duty::Duty,
    event::{LapseReason, ReleaseReason, RiderEvent, Vehicle},
    state::Held,
};
use crate::{
    event::Version,
    ids::{DeliveryId, OfferId},
    place::Position,
    time::Timestamp,
};

/// What a held delivery asks of its rider.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Errand {
    /// The court's hand-off point.
    pub pickup: Position,
    /// The door.
    pub dropoff: Position,
    /// When the food should be ready.
    pub ready_at: Timestamp,
}

/// A rider as dispatch sees them.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Presence {
    /// Facts folded in.
    pub version: Version,
    /// Deliveries at once; zero off shift.
    pub capacity: usize,
    /// On what, while on shift.
    pub vehicle: Vehicle,
    /// Offers that wait for an answer, and how far each pickup is, metres.
    pub offers: BTreeMap<OfferId, u32>,
    /// How the rider answers, and what the shift has come to.
    pub duty: Duty,
    /// Deliveries in the bag; what they ask, once they are confirmed.
    pub held: BTreeMap<DeliveryId, Option<Errand>>,
}

impl Presence {
    /// The presence of a rider in `state` after `version` facts.
    #[must_use]
    pub fn of(state: &RiderState, version: Version) -> Self {
        Self {
            version,
            capacity: state.shift.map_or(0, |shift| usize::try_from(shift.capacity).unwrap_or(0)),
            vehicle: state.shift.map_or(Vehicle::default(), |shift| shift.vehicle),
            offers: state.offers.iter().map(|offer| (offer.offer_id, offer.distance_m)).collect(),
            duty: state.duty,
            held: state.held.iter().map(|held| (held.delivery_id, errand(held))).collect(),
        }
    }
    /// Places that are neither filled nor being asked for.
    #[must_use]
    pub fn places_free(&self) -> usize {
        self.capacity.saturating_sub(self.offers.len() + self.held.len())
    }
    /// Folds in the fact number `version`, recorded at `at`.
    pub fn follow(&mut self, event: &RiderEvent, version: Version, at: Timestamp) {
        self.version = version;
        match event {
            RiderEvent::ShiftStarted(started) => {
                self.capacity = usize::try_from(started.capacity).unwrap_or(0);
                self.vehicle = started.vehicle;
                self.duty.start(started.until, at);
            }
            RiderEvent::ShiftEndMoved(moved) => self.duty.until = moved.until,
            RiderEvent::ShiftEnded(_) => self.capacity = 0,
            RiderEvent::OfferReceived(offer) => {
                self.offers.insert(offer.offer_id, offer.distance_m);
            }
            RiderEvent::OfferAccepted(yes) => {
                if let Some(distance_m) = self.offers.remove(&yes.offer_id) {
                    self.duty.answered(distance_m, true, at);
                    self.duty.took(at);
                }
                self.held.insert(yes.delivery_id, None);
            }
            RiderEvent::OfferDeclined(no) => {
                if let Some(distance_m) = self.offers.remove(&no.offer_id) {
                    self.duty.answered(distance_m, false, at);
                }
            }
            RiderEvent::OfferLapsed(lapsed) => {
                let open = self.offers.remove(&lapsed.offer_id);
                if let Some(distance_m) = open.filter(|_| lapsed.reason == LapseReason::Expired) {
                    self.duty.answered(distance_m, false, at);
                }
            }
            RiderEvent::DeliveryConfirmed(yes) => {
                let errand = Errand { pickup: yes.pickup, dropoff: yes.dropoff, ready_at: yes.ready_at };
                self.held.insert(yes.delivery_id, Some(errand));
            }
            RiderEvent::DeliveryReleased(released) => {
                if let Some(errand) = self.held.remove(&released.delivery_id) {
                    let errand = errand.filter(|_| released.reason == ReleaseReason::Delivered);
                    let carried_m = errand.map(|errand| errand.pickup.distance_m(errand.dropoff));
                    self.duty.released(carried_m, self.held.is_empty(), at);
                    if released.reason == ReleaseReason::Dropped {
                        self.duty.dropped(at);
                    }
                }
            }
        }
    }
}

fn errand(held: &Held) -> Option<Errand> {
    held.job.map(|job| Errand { pickup: held.pickup, dropoff: job.dropoff, ready_at: job.ready_at })
}
