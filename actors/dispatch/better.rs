//! A better rider before pickup: who, of those free now, would have a delivery at the door so much sooner than the rider
//! on the way to the court that it is worth asking. Pure.
//!
//! Only who fetches nothing else and carries nothing is compared, so that no route is torn apart; who is nearly there keeps
//! it; and whoever the plan means for something else is not asked.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    DeliveryCommand,
    event::Candidate,
    live::PlanSettings,
    matcher::{Place, near::Nearest},
    rules::DispatchRules as Rules,
    survey::Seen,
};
use crate::{
    ids::{DeliveryId, RiderId},
    place::{LocalMap, Position},
    time::Timestamp,
};

/// Free riders compared at a court; who is further from it than so many others is not the better one.
const NEAR: usize = 8;
/// They are found among so many nearest by distance: a car may be there before a bicycle that is nearer.
const NEAR_AS_THE_CROW_FLIES: usize = 32;

/// A delivery whose rider is on the way to the court.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Riding {
    /// Who has it.
    pub rider_id: RiderId,
    /// The court's hand-off point.
    pub pickup: Position,
    /// The door.
    pub dropoff: Position,
    /// When the food is expected.
    pub ready_at: Timestamp,
    /// When it was given to them.
    pub since: Timestamp,
}

/// Somebody better.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Better {
    /// For which delivery.
    pub delivery_id: DeliveryId,
    /// Who has it.
    pub bearer: Seen,
    /// Who would have it at the door sooner.
    pub chosen: Seen,
    /// So many seconds.
    pub sooner_s: i64,
}

impl Better {
    /// The wish to the delivery; `candidates` are both.
    pub fn asks(&self, candidates: Vec<Candidate>) -> DeliveryCommand {
        let later_s = u32::try_from(self.sooner_s).unwrap_or(0);
        let (bearer, chosen) = (self.bearer.rider_id, self.chosen.rider_id);
        DeliveryCommand::AskBetter { bearer, later_s, chosen, candidates }
    }
}

/// The best exchange for each of `riding`; each rider is in one at most, and none of `meant` in any. Whoever has `refused`
/// a delivery is not asked for it again.
pub(super) fn better(
    settings: &PlanSettings,
    now: Timestamp,
    riding: &BTreeMap<DeliveryId, Riding>,
    riders: &[Seen],
    meant: &BTreeSet<RiderId>,
    refused: &dyn Fn(DeliveryId, RiderId) -> bool,
) -> Vec<Better> {
    let way_s = |rider: &Seen, to: Position| whole_s(settings, rider, rider.position, to);
    let fetched =
        |rider: &Seen, one: &Riding, after_s: i64| now.plus_s(after_s + way_s(rider, one.pickup)).max(one.ready_at);
    let handed = |rider: &Seen, one: &Riding, after_s: i64| {
        let brought_s = whole_s(settings, rider, one.pickup, one.dropoff);
        fetched(rider, one, after_s).plus_s(settings.counter_s + brought_s + settings.door_s)
    };
    let may = |rider: &Seen, delivery_id: DeliveryId, one: &Riding| {
        let in_time = |until: Timestamp| fetched(rider, one, Rules::BETTER_ANSWER_S) <= until;
        rider.duty.until.is_none_or(in_time) && !refused(delivery_id, rider.rider_id)
    };
    let by_id: BTreeMap<RiderId, &Seen> = riders.iter().map(|seen| (seen.rider_id, seen)).collect();
    let Some(first) = riding.values().next() else { return vec![] };
    let map = LocalMap::around(first.pickup);
    let place = |at: Position| {
        let [x, y] = map.to_metres(at);
        Place { x, y }
    };
    let free: Vec<&Seen> = riders.iter().filter(|seen| seen.bag.is_empty() && seen.capacity > 0).collect();
    let tree = Nearest::of(free.iter().map(|seen| place(seen.position)));
    let mut near: BTreeMap<[u64; 2], Vec<&Seen>> = BTreeMap::new();
    let (mut meant, mut found) = (meant.clone(), vec![]);
    for (delivery_id, one) in riding {
        let Some(bearer) = by_id.get(&one.rider_id) else { continue };
        let only_this = matches!(&bearer.bag[..], [held] if held.delivery_id == *delivery_id && !held.has_food);
        if !only_this || way_s(bearer, one.pickup) < Rules::BETTER_NOT_WITHIN_S {
            continue;
        }
        let key = [one.pickup.lat().to_bits(), one.pickup.lon().to_bits()];
        let near = near.entry(key).or_insert_with(|| {
            let few = tree.few(place(one.pickup), NEAR_AS_THE_CROW_FLIES);
            let mut few: Vec<&Seen> = few.into_iter().map(|number| free[number]).collect();
            few.sort_by_key(|seen| (way_s(seen, one.pickup), seen.rider_id));
            few.truncate(NEAR);
            few
        });
        let free = near.iter().filter(|seen| !meant.contains(&seen.rider_id) && may(seen, *delivery_id, one));
        let first = free.map(|seen| (handed(seen, one, Rules::BETTER_ANSWER_S), *seen));
        let Some((at_door, chosen)) = first.min_by_key(|(at_door, seen)| (*at_door, seen.rider_id)) else { continue };
        let sooner_s = (handed(bearer, one, 0).as_micros() - at_door.as_micros()) / 1_000_000;
        if sooner_s >= settings.better_s {
            meant.insert(chosen.rider_id);
            let (bearer, chosen) = ((*bearer).clone(), chosen.clone());
            found.push(Better { delivery_id: *delivery_id, bearer, chosen, sooner_s });
        }
    }
    found
}

fn whole_s(settings: &PlanSettings, rider: &Seen, from: Position, to: Position) -> i64 {
    i64::try_from(settings.estimate.takes(rider.vehicle, from, to).as_secs()).unwrap_or(i64::MAX / 4)
}
