//! When each kitchen begins, so that all parts are ready together, and when the food should be there.

use std::time::Duration;

use super::{
    event::{Accepted, FirePlan, Fulfilment, Part},
    pricing,
    state::{Known, PartAnswer},
};
use crate::{
    place::Position,
    time::Timestamp,
    travel::{GreatCircle, Vehicle},
};

/// Finding the door and handing over, minutes.
pub const HANDOVER_MIN: i64 = 3;

/// How long a ride from the hand-off point to the door takes, hand-over included, in whole minutes.
///
/// A promise is part of a fact, so it is made by the usual estimate and not by a router: the same facts must promise the
/// same when they are decided again. What a router knows shows in the arrival times that follow.
#[must_use]
pub fn ride(from: Position, to: Position) -> Duration {
    let minutes = GreatCircle::USUAL.takes(Vehicle::Bicycle, from, to).as_secs().div_ceil(60);
    Duration::from_secs((minutes + HANDOVER_MIN.unsigned_abs()) * 60)
}

/// When the food should be ready and when it should be there, for kitchens that need `prep_min` at most.
///
/// As soon as possible, but not before the customer wants it.
#[must_use]
pub fn promise(
    now: Timestamp,
    prep_min: u32,
    handoff: Position,
    dropoff: Option<Position>,
    wanted_at: Option<Timestamp>,
) -> (Timestamp, Timestamp) {
    let way = dropoff.map_or(Duration::ZERO, |door| ride(handoff, door));
    let soonest = now.plus_min(i64::from(prep_min));
    let ready_at = wanted_at.map_or(soonest, |wanted| soonest.max(wanted.minus(way)));
    (ready_at, ready_at.plus(way))
}

/// What the kitchens' answers come to: called once all have answered and at least one said yes. Who has asked for more
/// time meanwhile gets it.
#[must_use]
pub fn accept(order: &Known, now: Timestamp) -> Accepted {
    let placed = &order.placed;
    let mut cooking: Vec<(&Part, u32)> = vec![];
    for part in &placed.parts {
        let Some(state) = order.part(part.kitchen_id) else { continue };
        if let PartAnswer::Accepted { prep_min } = state.answer {
            cooking.push((part, prep_min.saturating_add(state.delay_min)));
        }
    }
    let longest = cooking.iter().map(|(_, prep_min)| *prep_min).max().unwrap_or(0);
    let dropoff = placed.dropoff.filter(|_| placed.fulfilment == Fulfilment::Delivery);
    let (ready_at, promised_at) = promise(now, longest, placed.handoff, dropoff, placed.wanted_at);
    let fire = |(part, prep_min): &(&Part, u32)| FirePlan {
        kitchen_id: part.kitchen_id,
        ticket_id: part.ticket_id,
        fire_at: ready_at.minus(Duration::from_secs(u64::from(*prep_min) * 60)),
    };
    Accepted {
        fires: cooking.iter().map(fire).collect(),
        total: pricing::reprice(&placed.totals, cooking.iter().map(|(part, _)| part.subtotal)).total,
        ready_at,
        promised_at,
        fulfilment: placed.fulfilment,
        customer_id: placed.customer_id,
        court_id: placed.court_id,
        handoff: placed.handoff,
        dropoff,
        proof: placed.proof,
    }
}
