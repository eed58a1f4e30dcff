//! How long an order waits for whom, and who may call it off when. All times are business time.
//! The numbers are the house's choice, in the range that delivery platforms publish; measure refunds and re-orders to
//! improve them.

use std::time::Duration;

use super::{
    event::{CancelledBy, WaitingFor},
    state::{Known, OrderRejection, OrderStatus},
};
use crate::time::Timestamp;

/// Unpaid for this long, a placed order expires. Longer than all tries to authorise together (150 s), so that it is
/// the payment that says no, and the order that says why.
pub const PAY_WITHIN: Duration = Duration::from_secs(5 * 60);
/// How long the kitchens of a paid order have to answer.
pub const ANSWER_WITHIN: Duration = Duration::from_secs(5 * 60);
/// How long they have at most when it is wanted much later: the money is reserved, and the customer waits for a word.
pub const ANSWER_AHEAD_WITHIN: Duration = Duration::from_secs(60 * 60);
/// Kitchens' own deadlines come first; only a kitchen that is out of order is counted as a no by the order itself.
pub const ANSWER_GRACE: Duration = Duration::from_secs(30);
/// Not ready this long after it should have been: the kitchen has failed.
pub const KITCHEN_LATE: Duration = Duration::from_secs(60 * 60);
/// Ready and fetched by nobody for this long: not handed over.
pub const COLLECT_WITHIN: Duration = Duration::from_secs(3 * 60 * 60);
/// On the way for this long, a person is called; again every time this long.
pub const DELIVER_WITHIN: Duration = Duration::from_secs(60 * 60);
/// On the way for a day: nobody can say that it arrived, so the customer does not pay.
pub const LOST_AFTER: Duration = Duration::from_secs(24 * 60 * 60);
/// The money should be back after this long; then a person is called, each time after twice the wait.
pub const SETTLE_WITHIN: Duration = Duration::from_secs(30 * 60);
/// The longest wait between two calls for a person.
pub const ESCALATE_AT_MOST_EVERY: Duration = Duration::from_secs(24 * 60 * 60);

/// When the kitchens of an order paid at `now` must have answered: what is wanted later leaves them a quarter of the time
/// until then, between [`ANSWER_WITHIN`] and [`ANSWER_AHEAD_WITHIN`].
#[must_use]
pub fn answer_by(now: Timestamp, wanted_at: Option<Timestamp>) -> Timestamp {
    let ahead = wanted_at.map_or(Duration::ZERO, |wanted| wanted.since(now));
    now.plus((ahead / 4).clamp(ANSWER_WITHIN, ANSWER_AHEAD_WITHIN))
}

/// Whether `by` may call the order off now.
///
/// A customer may until the first kitchen begins to cook, staff until the rider has the food; after that only a
/// refund can help, and a parcel that never arrives is settled by [`LOST_AFTER`].
///
/// # Errors
/// The rejection that names the rule.
pub fn may_cancel(order: &Known, by: CancelledBy) -> Result<(), OrderRejection> {
    match (order.status, by) {
        (OrderStatus::PickedUp, _) => Err(OrderRejection::AlreadyPickedUp),
        (status, _) if status.is_final() => Err(OrderRejection::AlreadyEnded { status }),
        (_, CancelledBy::Customer) if order.has_begun() => Err(OrderRejection::AlreadyCooking),
        _ => Ok(()),
    }
}

/// How long an order that waits for `what` waits until a person is called (again), having been called `times`.
#[must_use]
pub fn patience(what: WaitingFor, times: u32) -> Duration {
    match what {
        WaitingFor::Delivery => DELIVER_WITHIN,
        // 30 min, 1 h, 2 h, … then daily.
        WaitingFor::Settlement => (SETTLE_WITHIN * (1 << times.min(6))).min(ESCALATE_AT_MOST_EVERY),
    }
}
