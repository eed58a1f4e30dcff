//! A recorded tick as it is kept, and a whole day made of them again. What stands still is told once a minute: between
//! two whole ticks only what has changed is kept. Pure.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    live::{Likely, PlanSettings},
    matcher::LIKELY,
    record::{Bar, Policy, Said, Tick},
    survey::Habit,
};
use crate::{
    ids::{DeliveryId, RiderId},
    place::Position,
    time::Timestamp,
    travel::Vehicle,
};

pub use super::recorded_day::{Answer, DayDuty, DayOrder, RecordedDay};

/// A whole tick is kept this often, seconds of business time: so much is lost when a record is.
const WHOLE_EVERY_S: i64 = 60;
/// A rider who has moved less is where they were, metres: twice what GPS errs.
const MOVED_M: f64 = 40.0;

/// Latitude and longitude, to a metre.
pub type Spot = [f64; 2];

/// A tick as it is kept.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct TickBody {
    /// Who decided.
    pub policy: Policy,
    /// Whether it tells everything, or only what has changed since the tick before.
    pub whole: bool,
    /// Seconds between two plans, of asking ahead, and of waiting at most.
    pub settings: [i64; 3],
    /// The other numbers of the plan, in whole ticks; older records have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub numbers: Option<Numbers>,
    /// Deliveries that waited.
    pub open: u32,
    /// Riders who were looked at.
    pub looked: u32,
    /// Deliveries, whole or changed.
    pub deliveries: Vec<DeliveryBody>,
    /// Riders, whole or changed.
    pub riders: Vec<RiderBody>,
    /// What was said, whole or changed.
    pub said: Vec<(DeliveryId, Said)>,
}

/// The numbers of a plan beside those of its time, by the names of the settings.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
pub struct Numbers {
    late_weight: f64,
    work_weight: f64,
    decline_weight: f64,
    fairness_weight: f64,
    counter_s: i64,
    door_s: i64,
    ask_at_once: u32,
    better_s: i64,
}

impl Numbers {
    const fn of(settings: &PlanSettings) -> Self {
        Self {
            late_weight: settings.late_price,
            work_weight: settings.work_price,
            decline_weight: settings.no_price,
            fairness_weight: settings.fairness,
            counter_s: settings.counter_s,
            door_s: settings.door_s,
            ask_at_once: settings.ask_at_once,
            better_s: settings.better_s,
        }
    }
    /// `settings` with these numbers.
    #[must_use]
    pub const fn over(self, settings: PlanSettings) -> PlanSettings {
        PlanSettings {
            late_price: self.late_weight,
            work_price: self.work_weight,
            no_price: self.decline_weight,
            fairness: self.fairness_weight,
            counter_s: self.counter_s,
            door_s: self.door_s,
            ask_at_once: self.ask_at_once,
            better_s: self.better_s,
            ..settings
        }
    }
}

/// A delivery that waited.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct DeliveryBody {
    /// Which.
    pub id: DeliveryId,
    /// The court's hand-off point.
    pub pickup: Spot,
    /// The door.
    pub dropoff: Spot,
    /// Since when it has waited.
    pub since: Timestamp,
    /// When the food was expected.
    pub ready_at: Timestamp,
    /// When it was promised at the door.
    pub promised_at: Timestamp,
    /// How much later than `ready_at` it might as likely be, by what the kitchens had taught, seconds; absent: as told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub likely_s: Option<[i64; LIKELY]>,
    /// Who was not asked any more.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not: Vec<RiderId>,
}

impl DeliveryBody {
    /// When the food might be ready, as the plan was told.
    pub(super) fn likely(&self) -> Option<Likely> {
        self.likely_s.map(|likely_s| likely_s.map(|s| self.ready_at.plus_s(s)))
    }
}

/// A rider who was looked at.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct RiderBody {
    /// Who.
    pub id: RiderId,
    /// Where.
    pub at: Spot,
    /// On what.
    pub vehicle: Vehicle,
    /// Deliveries at once.
    pub capacity: u32,
    /// The doors of what is in the bag, and whether the food is.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub bag: Vec<(Spot, bool)>,
    /// Why nobody could ask them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub out: Option<Bar>,
    /// When the shift began; older records do not tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// When it ends, where the rider has said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// How they answered so far.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub habit: Option<Habit>,
}

/// Makes records of ticks.
#[derive(Debug, Default)]
pub struct Packer {
    whole_at: Option<Timestamp>,
    deliveries: BTreeMap<DeliveryId, DeliveryBody>,
    riders: BTreeMap<RiderId, RiderBody>,
    said: BTreeMap<DeliveryId, (DeliveryId, Said)>,
}

impl Packer {
    /// The record of `tick`, given all before it.
    pub fn pack(&mut self, tick: &Tick) -> TickBody {
        let whole = self.whole_at.is_none_or(|at| tick.at >= at.plus_s(WHOLE_EVERY_S) || tick.at < at);
        if whole {
            *self = Self { whole_at: Some(tick.at), ..Self::default() };
        }
        let deliveries = tick.open.iter().map(|sought| {
            let one = &sought.waiting;
            DeliveryBody {
                id: one.delivery_id,
                pickup: spot(one.pickup),
                dropoff: spot(one.dropoff),
                since: one.since,
                ready_at: one.ready_at,
                promised_at: one.promised_at,
                likely_s: one.likely.map(|likely| likely.map(|at| seconds_from(one.ready_at, at))),
                not: one.not.clone(),
            }
        });
        let riders = tick.looked().map(|(seen, out)| RiderBody {
            id: seen.rider_id,
            at: spot(seen.position),
            vehicle: seen.vehicle,
            capacity: seen.capacity,
            bag: seen.bag.iter().map(|one| (spot(one.errand.dropoff), one.has_food)).collect(),
            out,
            since: Some(seen.duty.since).filter(|since| *since > Timestamp::default()),
            until: seen.duty.until,
            habit: Some(seen.duty.habit).filter(|habit| *habit != Habit::default()),
        });
        let said = tick.decided.iter().map(|decided| (decided.delivery_id, tick.said(decided)));
        TickBody {
            policy: tick.policy,
            whole,
            settings: [tick.settings.tick_s, tick.settings.ahead_s, tick.settings.wait_max_s],
            numbers: whole.then(|| Numbers::of(&tick.settings)),
            open: u32::try_from(tick.open.len()).unwrap_or(u32::MAX),
            looked: u32::try_from(tick.looked().count()).unwrap_or(u32::MAX),
            deliveries: changed(&mut self.deliveries, deliveries.map(|one| (one.id, one)), |a, b| a == b),
            riders: changed(&mut self.riders, riders.map(|one| (one.id, one)), stands_still),
            said: changed(&mut self.said, said.map(|one| (one.0, one)), |a, b| a == b),
        }
    }
}

/// What is not as it was; it is from now on.
fn changed<K: Ord + Copy, V: Clone>(
    known: &mut BTreeMap<K, V>,
    now: impl Iterator<Item = (K, V)>,
    same: impl Fn(&V, &V) -> bool,
) -> Vec<V> {
    let mut news = Vec::new();
    for (key, value) in now {
        if known.get(&key).is_none_or(|before| !same(before, &value)) {
            known.insert(key, value.clone());
            news.push(value);
        }
    }
    news
}

fn stands_still(before: &RiderBody, now: &RiderBody) -> bool {
    let moved_m = match (position(before.at), position(now.at)) {
        (Some(from), Some(to)) => from.distance_m(to),
        _ => f64::INFINITY,
    };
    moved_m < MOVED_M && RiderBody { at: before.at, ..now.clone() } == *before
}

fn spot(at: Position) -> Spot {
    let metre = |degrees: f64| (degrees * 1e5).round() / 1e5;
    [metre(at.lat()), metre(at.lon())]
}

const fn seconds_from(from: Timestamp, to: Timestamp) -> i64 {
    (to.as_micros() - from.as_micros()).div_euclid(1_000_000)
}

pub(super) fn position([lat, lon]: Spot) -> Option<Position> {
    Position::new(lat, lon).ok()
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::{
        super::{
            live::{Decided, PlanSettings, Verdict, Waiting},
            record::Sought,
            survey::{Around, Duty, LeftOut, Seen},
        },
        *,
    };
    use crate::{ids::UserId, place::LocalMap, testing::NOON};

    fn east(metres: f64) -> Position {
        LocalMap::around(Position::new(52.52, 13.4).unwrap()).to_position([metres, 0.0])
    }
    fn rider(n: u128) -> RiderId {
        UserId(Uuid::from_u128(n))
    }
    fn seen(n: u128, metres: f64) -> Seen {
        Seen {
            rider_id: rider(n),
            position: east(metres),
            vehicle: Vehicle::Bicycle,
            capacity: 2,
            bag: vec![],
            duty: Duty::default(),
        }
    }
    /// One delivery, two riders, the second of them silent; the first stands so far east.
    fn tick(at: Timestamp, metres: f64, verdict: Verdict) -> Tick {
        let delivery_id = DeliveryId(Uuid::from_u128(7));
        let waiting = Waiting {
            delivery_id,
            pickup: east(0.0),
            dropoff: east(900.0),
            since: NOON,
            ready_at: NOON.plus_min(8),
            likely: None,
            promised_at: NOON.plus_min(30),
            not: vec![],
        };
        let open = vec![Sought { waiting, round: 1, radius_m: 1_000, deadline_at: NOON.plus_s(15) }];
        let left_out = vec![LeftOut { rider: seen(2, 50.0), why: Bar::Silent }];
        let around = Around { seen: vec![seen(1, metres)], left_out };
        let decided = vec![Decided { delivery_id, verdict, weighed: vec![], route: vec![], also: vec![] }];
        Tick { at, policy: Policy::Matcher, settings: PlanSettings::default(), open, around, decided }
    }

    #[test]
    fn between_two_whole_ticks_only_what_changes_is_kept() {
        let wait = Verdict::Wait { rider_id: rider(1), until: NOON.plus_min(5) };
        let mut packer = Packer::default();
        let first = packer.pack(&tick(NOON, 300.0, wait));
        assert!(first.whole);
        assert_eq!((first.deliveries.len(), first.riders.len(), first.said.len()), (1, 2, 1));
        assert_eq!(first.riders[1].out, Some(Bar::Silent));
        let second = packer.pack(&tick(NOON.plus_s(5), 320.0, wait));
        assert!(!second.whole);
        assert_eq!((second.deliveries.len(), second.riders.len(), second.said.len()), (0, 0, 0), "nothing new");
        let third = packer.pack(&tick(NOON.plus_s(10), 400.0, Verdict::Ask(rider(1))));
        assert_eq!((third.deliveries.len(), third.riders.len(), third.said.len()), (0, 1, 1));
        assert!(packer.pack(&tick(NOON.plus_s(65), 400.0, Verdict::Ask(rider(1)))).whole);
        let text = serde_json::to_string(&first).unwrap();
        assert_eq!(serde_json::from_str::<TickBody>(&text).unwrap(), first);
        assert!(text.len() < 900, "{} bytes: {text}", text.len());
    }

    #[test]
    fn a_day_is_made_of_its_ticks_again() {
        let (mut packer, mut day) = (Packer::default(), RecordedDay::default());
        for (s, metres) in [(0, 300.0), (5, 310.0), (70, 500.0), (7_000, 100.0)] {
            let at = NOON.plus_s(s);
            day.add(at, &packer.pack(&tick(at, metres, Verdict::Ask(rider(1)))));
        }
        assert_eq!(day.ticks, [0, 4]);
        let order = day.orders.values().next().unwrap();
        assert_eq!((order.known_at, order.ready_at), (NOON, NOON.plus_min(8)));
        let first: Vec<_> = day.duties.iter().filter(|duty| duty.rider_id == rider(1)).collect();
        assert_eq!(first.len(), 2, "two hours unseen is a break");
        assert_eq!((first[0].on, first[0].off), (NOON.plus_s(-900), NOON.plus_s(3_670)));
        let at = |duty: &super::DayDuty| duty.rests[0].1;
        assert!(at(first[0]).distance_m(east(300.0)) < 2.0 && at(first[1]).distance_m(east(100.0)) < 2.0);
    }
}
