//! How long things took on a recorded day, and how its riders answered: what another course of the same day is made of.
//! Medians, so that one lost phone says nothing of all the others.

use std::collections::BTreeMap;

use super::super::{
    matcher::Seconds,
    recorded_day::{Answer, RecordedDay, Steps},
    rules::DispatchRules as Rules,
};
use crate::{
    ids::{DeliveryId, RiderId},
    time::Timestamp,
    travel::GreatCircle,
};

/// So few measurements say nothing, and what is configured is taken.
const ENOUGH: usize = 8;
/// A ride shorter than this says more of bells and stairs than of wheels, seconds.
const RIDE_MIN_S: f64 = 60.0;
/// A ride that took so much more or less than estimated had another goal in between.
const PLAUSIBLE: std::ops::RangeInclusive<f64> = 0.25..=4.0;

/// A day's own times.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Manners {
    /// From an offer to its answer, seconds.
    pub answer_s: Seconds,
    /// How many of the noes were silence, 0 to 1.
    pub silent: f64,
    /// What a ride took, as a part of what is estimated.
    pub pace: f64,
    /// From the court and the food being ready to having it in hand, and from there to leaving, seconds.
    pub counter_s: [Seconds; 2],
    /// From stopping at the house to handing over, and from there to leaving, seconds.
    pub door_s: [Seconds; 2],
}

impl Manners {
    /// Those of `day`; where it says too little, halves of the `services` and the pace that are configured.
    pub fn of(day: &RecordedDay, estimate: &GreatCircle, services: [Seconds; 2]) -> Self {
        let mut said: Vec<f64> = vec![];
        let (mut noes, mut silences) = (0_u32, 0_u32);
        for answer in day.answers.values() {
            match answer {
                Answer::Yes(after_s) => said.push(*after_s as f64),
                Answer::No(after_s) => {
                    said.push(*after_s as f64);
                    noes += 1;
                }
                Answer::Silence => silences += 1,
            }
        }
        let mut of_rider: BTreeMap<RiderId, Vec<(DeliveryId, &Steps)>> = BTreeMap::new();
        for (id, steps) in &day.steps {
            if let Some(rider_id) = steps.rider_id {
                of_rider.entry(rider_id).or_default().push((*id, steps));
            }
        }
        let vehicles: BTreeMap<RiderId, _> = day.duties.iter().map(|duty| (duty.rider_id, duty.vehicle)).collect();
        let (mut paces, mut counters, mut doors) = (vec![], vec![], vec![]);
        for (id, steps) in &day.steps {
            let Some(order) = day.orders.get(id) else { continue };
            let span = |from: Timestamp, to: Timestamp| (to.as_micros() - from.as_micros()) as f64 / 1e6;
            if let (Some(at_court), Some(picked_up)) = (steps.at_court, steps.picked_up) {
                counters.push(span(at_court.max(order.ready_at), picked_up).max(0.0));
            }
            if let (Some(at_door), Some((_, delivered))) = (steps.at_door, order.delivered) {
                doors.push(span(at_door, delivered).max(0.0));
            }
            if let (Some(picked_up), Some(at_door), Some((rider_id, _))) =
                (steps.picked_up, steps.at_door, order.delivered)
                && let Some(vehicle) = vehicles.get(&rider_id)
                && of_rider.get(&rider_id).is_some_and(|all| rides_alone(*id, picked_up, at_door, all))
            {
                let estimated = estimate.takes(*vehicle, order.pickup, order.dropoff).as_secs_f64();
                let pace = span(picked_up, at_door) / estimated.max(1.0);
                if estimated >= RIDE_MIN_S && PLAUSIBLE.contains(&pace) {
                    paces.push(pace);
                }
            }
        }
        let enough = |values: Vec<f64>| Some(values).filter(|values| values.len() >= ENOUGH).map(median);
        #[expect(clippy::cast_possible_truncation, reason = "seconds of a service")]
        let service = |values, usual: Seconds| match enough(values) {
            // A step is told as it is done: what follows it is part of the ride.
            Some(takes) => [takes.round() as Seconds, 0],
            None => [usual / 2; 2],
        };
        #[expect(clippy::cast_possible_truncation, reason = "an answer takes seconds")]
        let answer_s = enough(said).map_or(Rules::BETTER_ANSWER_S, |takes| takes.round() as Seconds);
        Self {
            answer_s,
            silent: f64::from(silences) / f64::from((silences + noes).max(1)),
            pace: enough(paces).unwrap_or(1.0),
            counter_s: service(counters, services[0]),
            door_s: service(doors, services[1]),
        }
    }
}

/// Whether its rider, with `all` their steps, had nothing else to hand over on the way, nor fetched anything.
fn rides_alone(id: DeliveryId, from: Timestamp, to: Timestamp, all: &[(DeliveryId, &Steps)]) -> bool {
    let within = |at: Option<Timestamp>| at.is_some_and(|at| from <= at && at <= to);
    all.iter().all(|(other, steps)| *other == id || !within(steps.picked_up) && !within(steps.at_door))
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
