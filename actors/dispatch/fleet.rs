//! Riders as the plan sees them: where each can set out from and when, and what of their bags is still to be fetched. Pure.
//!
//! Food in the bag is brought first, nearest door first. What is still to be fetched stays with its rider, as orders of
//! the plan that nobody else may have: so one more order of the court may join as long as the rider has not left it.

use std::collections::BTreeMap;

use super::{
    live::{PlanSettings, Waiting},
    matcher::{Bearer, Courier, Key, LIKELY, Order, Place, Seconds, Standing, Travel, near::Nearest},
    survey::{Carried, Seen},
};
use crate::{
    ids::{DeliveryId, RiderId, UserId},
    place::{LocalMap, Position},
    time::Timestamp,
    travel::{GreatCircle, Vehicle},
};

/// When food is ready: equally likely instants, the earliest first.
pub type Likely = [Timestamp; LIKELY];

/// The end of a shift of which the rider has not said when: so far off that it never binds, seconds.
const OFF_S: Seconds = 86_400;
/// Whoever is nearer to the court has not left it, metres: forecourts are as wide, and phones err by twenty.
const AT_COURT_M: f64 = 120.0;

/// The matcher's map: straight lines on the flat map, by bicycle; other vehicles have a pace.
#[derive(Clone, Copy)]
pub(super) struct Ways {
    pub mps: f64,
}

impl Ways {
    pub fn of(estimate: &GreatCircle) -> Self {
        Self { mps: estimate.bicycle_mps / estimate.detour }
    }
}

impl Travel for Ways {
    #[expect(clippy::cast_possible_truncation, reason = "seconds on the Earth")]
    fn seconds(&self, from: Place, to: Place) -> Seconds {
        ((from.x - to.x).hypot(from.y - to.y) / self.mps).ceil() as Seconds
    }
}

/// What is drawn on.
pub(super) struct Fleet<'a> {
    pub map: &'a LocalMap,
    pub estimate: &'a GreatCircle,
    /// Half of what taking food at the counter takes, and half of what a door takes.
    pub halves: [Seconds; 2],
    /// When food that is still to be fetched may be ready.
    pub likely: &'a BTreeMap<DeliveryId, Likely>,
    pub now: Seconds,
}

impl Fleet<'_> {
    pub fn ways(&self) -> Ways {
        Ways::of(self.estimate)
    }
    pub fn place(&self, at: Position) -> Place {
        let [x, y] = self.map.to_metres(at);
        Place { x, y }
    }

    /// A rider, and the orders that nobody else may have; `shop` numbers the courts.
    #[expect(clippy::cast_possible_truncation, reason = "a pace in thousandths: 100 to 100,000")]
    pub fn courier(&self, rider: &Seen, shop: &mut dyn FnMut(Position) -> usize) -> (Courier, Vec<Order>) {
        let mps = |vehicle| self.estimate.speed_mps(vehicle);
        let pace = (mps(Vehicle::Bicycle) / mps(rider.vehicle) * 1000.0).round() as i64;
        let (carried, bound): (Vec<&Carried>, Vec<&Carried>) = rider.bag.iter().partition(|one| one.has_food);
        let key = key(rider.rider_id.0);
        let mut courier = Courier {
            key,
            at: self.place(rider.position),
            free: self.now,
            off: rider.duty.until.map_or(self.now + OFF_S, seconds),
            pace,
            capacity: rider.capacity,
            heading: bound.first().map(|one| shop(one.errand.pickup)),
            ..Courier::default()
        };
        let mut order = |one: &Carried, (ready, spread): (Seconds, [Seconds; LIKELY])| Order {
            key: self::key(one.delivery_id.0),
            shop: shop(one.errand.pickup),
            door: self.place(one.errand.dropoff),
            placed: ready,
            ready,
            spread,
            size: 1,
            due: Seconds::MAX / 2,
            bearer: Some(Bearer { courier: key, price: f64::INFINITY }),
        };
        let ready = |one: &Carried| spread(one.errand.ready_at, self.likely.get(&one.delivery_id).copied());
        let mut orders: Vec<Order> = bound.iter().map(|one| order(one, ready(one))).collect();
        let at_court = bound.first().is_some_and(|one| rider.position.distance_m(one.errand.pickup) < AT_COURT_M);
        if at_court {
            // Who waits at the court with food in the bag takes all of it along.
            orders.extend(carried.iter().map(|one| order(one, (self.now, [0; LIKELY]))));
            courier.shop = courier.heading;
            courier.arrived = self.now - self.halves[0];
        } else if !carried.is_empty() {
            self.bring(&mut courier, carried.iter().map(|one| self.place(one.errand.dropoff)).collect());
        }
        (courier, orders)
    }

    /// Brings what is carried, the nearest next.
    fn bring(&self, courier: &mut Courier, mut doors: Vec<Place>) {
        let ride = |from: Place, to: Place| self.ways().seconds(from, to) * courier.pace / 1000;
        courier.standing = Standing::Busy;
        while let Some(next) = (0..doors.len()).min_by_key(|door| ride(courier.at, doors[*door])) {
            let door = doors.swap_remove(next);
            courier.free += ride(courier.at, door) + 2 * self.halves[1];
            courier.at = door;
        }
    }
}

/// The mean instant of readiness, and how far off each likely one is; as told where nobody has learnt better.
pub(super) fn spread(told: Timestamp, likely: Option<Likely>) -> (Seconds, [Seconds; LIKELY]) {
    let likely = likely.unwrap_or([told; LIKELY]).map(seconds);
    let mean = likely.iter().sum::<Seconds>().div_euclid(Seconds::try_from(LIKELY).unwrap_or(1));
    (mean, likely.map(|one| one - mean))
}

pub(super) const fn key(id: uuid::Uuid) -> Key {
    id.as_u128()
}
pub(super) const fn rider_of(key: Key) -> RiderId {
    UserId(uuid::Uuid::from_u128(key))
}
pub(super) const fn delivery_of(key: Key) -> DeliveryId {
    DeliveryId(uuid::Uuid::from_u128(key))
}
pub(super) const fn seconds(at: Timestamp) -> Seconds {
    at.as_micros().div_euclid(1_000_000)
}

/// What asking each rider costs beside the way: the noes that are likely first, and having had more than others.
pub(super) fn handicap(
    settings: &PlanSettings,
    now: Timestamp,
    waiting: &[Waiting],
    riders: &[Seen],
    couriers: &mut [Courier],
) {
    if settings.no_price <= 0.0 && settings.fairness <= 0.0 {
        return;
    }
    let mut courts: Vec<Position> = waiting.iter().map(|one| one.pickup).collect();
    courts.sort_by(|a, b| a.lat().total_cmp(&b.lat()).then(a.lon().total_cmp(&b.lon())));
    courts.dedup();
    let map = courts.first().map(|court| LocalMap::around(*court));
    let place = |at: Position| map.map_or([0.0; 2], |map| map.to_metres(at));
    let tree = Nearest::of(courts.iter().map(|court| place(*court)).map(|[x, y]| Place { x, y }));
    for (courier, rider) in couriers.iter_mut().zip(riders) {
        let [x, y] = place(rider.position);
        let nearest =
            tree.few(Place { x, y }, 1).first().map(|court| metres(rider.position.distance_m(courts[*court])));
        let yes = rider.duty.habit.yes(nearest.unwrap_or(0), now);
        courier.handicap =
            settings.no_price * (1.0 - yes) / yes + settings.fairness * 3_600.0 * rider.duty.busy_share(now);
    }
    // Only differences count: what all have in common would make an order be given up sooner.
    let least = couriers.iter().map(|courier| courier.handicap).fold(f64::INFINITY, f64::min);
    couriers.iter_mut().for_each(|courier| courier.handicap -= least);
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "metres on the Earth, never negative")]
pub(super) fn metres(distance_m: f64) -> u32 {
    distance_m.round() as u32
}
