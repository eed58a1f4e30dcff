//! What dispatch may know of a rider: on shift, and what is in the bag. The rider's own state, folded by the rider's own fold,
//! so that a zone can follow along; besides `event` the only file here that another service reads.

use super::{
    RiderState,
    duty::Duty,
    event::{RiderEvent, Vehicle},
};
use crate::{event::Version, ids::DeliveryId, place::Position, time::Timestamp};

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
    version: Version,
    /// Without the offers that are over: a zone holds many riders, and asks nobody about the past.
    state: RiderState,
}

impl Presence {
    /// The presence of a rider in `state` after `version` facts.
    #[must_use]
    pub fn of(state: &RiderState, version: Version) -> Self {
        let RiderState { rider_id, shift, offers, held, closed: _, duty } = state;
        let (offers, held, closed) = (offers.clone(), held.clone(), vec![]);
        let state = RiderState { rider_id: *rider_id, shift: *shift, offers, held, closed, duty: *duty };
        Self { version, state }
    }
    /// Folds in the fact number `version`, recorded at `at`.
    pub fn follow(&mut self, event: &RiderEvent, version: Version, at: Timestamp) {
        self.version = version;
        self.state.evolve(event, at);
        self.state.closed.clear();
    }

    /// Facts folded in.
    #[must_use]
    pub const fn version(&self) -> Version {
        self.version
    }
    /// Deliveries at once; zero off shift.
    #[must_use]
    pub fn capacity(&self) -> u32 {
        self.state.shift.map_or(0, |shift| shift.capacity)
    }
    /// On what, while on shift.
    #[must_use]
    pub fn vehicle(&self) -> Vehicle {
        self.state.shift.map_or(Vehicle::default(), |shift| shift.vehicle)
    }
    /// How the rider answers, and what the shift has come to.
    #[must_use]
    pub const fn duty(&self) -> Duty {
        self.state.duty
    }
    /// Whether an offer waits for an answer.
    #[must_use]
    pub fn is_asked(&self) -> bool {
        !self.state.offers.is_empty()
    }
    /// Places that are neither filled nor being asked for.
    #[must_use]
    pub fn places_free(&self) -> usize {
        self.state.places_free()
    }
    /// Whether anything is in the bag or on its way into it.
    #[must_use]
    pub fn holds_any(&self) -> bool {
        !self.state.held.is_empty()
    }
    /// Whether the delivery is in the bag or on its way into it.
    #[must_use]
    pub fn holds(&self, delivery_id: DeliveryId) -> bool {
        self.state.held.iter().any(|held| held.delivery_id == delivery_id)
    }
    /// Deliveries in the bag, in the order of their ids; what they ask, once they are confirmed.
    #[must_use]
    pub fn held(&self) -> Vec<(DeliveryId, Option<Errand>)> {
        let held = self.state.held.iter().map(|held| {
            let pickup = held.pickup;
            let errand = held.job.map(|job| Errand { pickup, dropoff: job.dropoff, ready_at: job.ready_at });
            (held.delivery_id, errand)
        });
        let mut held: Vec<_> = held.collect();
        held.sort_unstable_by_key(|(id, _)| *id);
        held
    }
}
