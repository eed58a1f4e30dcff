//! A recorded tick as it is kept, and a whole day made of them again. What stands still is told once a minute: between
//! two whole ticks only what has changed is kept. Pure.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::record::{Bar, Policy, Said, Tick};
use crate::{
    ids::{DeliveryId, RiderId},
    place::Position,
    time::Timestamp,
    travel::Vehicle,
};

/// A whole tick is kept this often, seconds of business time: so much is lost when a record is.
const WHOLE_EVERY_S: i64 = 60;
/// A rider who has moved less is where they were, metres: twice what GPS errs.
const MOVED_M: f64 = 40.0;
/// A rider is on duty so long before the first look that found them, seconds: looks are made only while deliveries wait.
const BEFORE_SEEN_S: i64 = 900;
/// Not seen for so long, a rider is off duty, seconds; a look may well not need them for a delivery's time.
const GONE_S: i64 = 3_600;

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
    /// Who was not asked any more.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not: Vec<RiderId>,
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
        });
        let said = tick.decided.iter().map(|decided| (decided.delivery_id, tick.said(decided)));
        TickBody {
            policy: tick.policy,
            whole,
            settings: [tick.settings.tick_s, tick.settings.ahead_s, tick.settings.wait_max_s],
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

fn position([lat, lon]: Spot) -> Option<Position> {
    Position::new(lat, lon).ok()
}

/// An order of a recorded day.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct DayOrder {
    /// Its delivery.
    pub delivery_id: DeliveryId,
    /// When it was placed, where that is known; else when its search began.
    pub placed_at: Timestamp,
    /// When dispatch first heard of it.
    pub known_at: Timestamp,
    /// When the food was ready, as dispatch last knew.
    pub ready_at: Timestamp,
    /// When it was promised at the door.
    pub promised_at: Timestamp,
    /// The court's hand-off point.
    pub pickup: Position,
    /// The door.
    pub dropoff: Position,
}

/// A stretch of duty of a recorded day.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct DayDuty {
    /// Who.
    pub rider_id: RiderId,
    /// Where it began.
    pub at: Position,
    /// First and last moment.
    pub on: Timestamp,
    /// As above.
    pub off: Timestamp,
    /// On what.
    pub vehicle: Vehicle,
    /// Deliveries at once.
    pub capacity: u32,
}

/// A day made of its ticks again. Those of several nodes may come mixed, but in the order of time.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct RecordedDay {
    /// What was to be delivered.
    pub orders: BTreeMap<DeliveryId, DayOrder>,
    /// Who was on duty.
    pub duties: Vec<DayDuty>,
    /// Ticks by the policy that made them: nearest, matcher.
    pub ticks: [u64; 2],
    /// Seconds between two plans.
    pub tick_s: i64,
    seen: BTreeMap<RiderId, (usize, Timestamp)>,
}

impl RecordedDay {
    /// Folds in a tick.
    pub fn add(&mut self, at: Timestamp, body: &TickBody) {
        self.ticks[usize::from(body.policy == Policy::Matcher)] += 1;
        self.tick_s = body.settings[0];
        for one in &body.deliveries {
            let (Some(pickup), Some(dropoff)) = (position(one.pickup), position(one.dropoff)) else { continue };
            let since = one.since.min(at);
            let order = self.orders.entry(one.id).or_insert(DayOrder {
                delivery_id: one.id,
                placed_at: since,
                known_at: since,
                ready_at: one.ready_at,
                promised_at: one.promised_at,
                pickup,
                dropoff,
            });
            order.ready_at = one.ready_at;
        }
        for one in &body.riders {
            let Some(position) = position(one.at) else { continue };
            match self.seen.get_mut(&one.id) {
                Some((duty, last)) if at < last.plus_s(GONE_S) => {
                    *last = at;
                    self.duties[*duty].off = at.plus_s(GONE_S);
                }
                _ => {
                    self.seen.insert(one.id, (self.duties.len(), at));
                    self.duties.push(DayDuty {
                        rider_id: one.id,
                        at: position,
                        on: at.plus_s(-BEFORE_SEEN_S),
                        off: at.plus_s(GONE_S),
                        vehicle: one.vehicle,
                        capacity: one.capacity,
                    });
                }
            }
        }
    }
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
        assert!(first[0].at.distance_m(east(300.0)) < 2.0 && first[1].at.distance_m(east(100.0)) < 2.0);
    }
}
