//! How well an order's promise and its expected times came true: a fold over its facts that speaks once, when the food
//! has been handed over. Pure; who counts it stands outside.

use super::{event::OrderEvent, pricing::WINDOW};
use crate::time::Timestamp;

/// What is remembered of a delivery order under way.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Expectation {
    promised_at: Option<Timestamp>,
    assigned: bool,
    at_assignment: Option<Timestamp>,
    latest: Option<Timestamp>,
    at_pickup: Option<Timestamp>,
}

/// How it came true.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CameTrue {
    /// Handed over before the end of the window that the kitchens' acceptance promised (later delays do not mend it).
    pub promise_kept: bool,
    /// Seconds after the promised instant; negative if earlier.
    pub late_s: i64,
    /// Seconds after the first time told with this rider; negative if earlier.
    pub after_first_eta_s: Option<i64>,
    /// Seconds after the time that stood when the rider took the food.
    pub after_pickup_eta_s: Option<i64>,
}

impl Expectation {
    /// Follows one fact of the order, recorded at `at`; speaks when it was the last.
    pub fn follow(&mut self, event: &OrderEvent, at: Timestamp) -> Option<CameTrue> {
        match event {
            OrderEvent::Accepted(accepted) => self.promised_at = Some(accepted.promised_at),
            OrderEvent::RiderAssigned(_) => (self.assigned, self.at_assignment, self.latest) = (true, None, None),
            OrderEvent::EtaMoved(moved) if self.assigned => {
                self.at_assignment.get_or_insert(moved.dropoff_eta_at);
                self.latest = Some(moved.dropoff_eta_at);
            }
            OrderEvent::PickedUp(_) => self.at_pickup = self.latest,
            OrderEvent::Delivered(_) => {
                let promised_at = self.promised_at?;
                return Some(CameTrue {
                    promise_kept: at <= promised_at.plus(WINDOW),
                    late_s: seconds(at, promised_at),
                    after_first_eta_s: self.at_assignment.map(|eta_at| seconds(at, eta_at)),
                    after_pickup_eta_s: self.at_pickup.map(|eta_at| seconds(at, eta_at)),
                });
            }
            _ => {}
        }
        None
    }
}

const fn seconds(at: Timestamp, after: Timestamp) -> i64 {
    (at.as_micros() - after.as_micros()) / 1_000_000
}
