//! The matcher over live deliveries: riders as couriers, courts as shops, and the plan as one verdict a delivery. Pure.
//!
//! An offer needs an answer, so a rider is asked earlier than a courier of the benchmark is sent: `ahead_s` before they
//! must leave. Travel times are the estimate of the great circle; a router is asked only about those who are offered.

use std::collections::{BTreeMap, HashMap, HashSet};

use serde::{Deserialize, Serialize};

pub use super::fleet::Likely;
use super::{
    fleet::{Fleet, Ways, delivery_of, handicap, key, metres, rider_of, seconds, spread},
    matcher::{
        Courier, Key, Matcher, Order, Place, Plan, Reason, Rules, Seconds, Snapshot, Standing, Stop, Timing, Travel,
        Tuning, near::Nearest,
    },
    rules::DispatchRules,
    survey::Seen,
};
use crate::{
    ids::{DeliveryId, RiderId},
    place::{LocalMap, Position},
    time::Timestamp,
    travel::GreatCircle,
};

/// What a delivery that is never made costs, in seconds of waiting: two hours, twice what anybody waits for a meal.
pub(super) const NEVER_S: Seconds = 7_200;
/// Riders nearest to a court of whom it is told what each would cost; the cheapest few of them are.
const TOLD_OF: usize = 48;
/// Courts that a plan remembers; a zone has fewer, and with more it starts afresh.
const SHOPS_MAX: usize = 10_000;
/// What turning a rider to another court costs who has set out for one, seconds of a customer's waiting: more than most
/// ways, so that it happens only where food would else be given up.
const TURN_S: f64 = 1_200.0;

/// How the live plan is made; seconds of business time.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct PlanSettings {
    /// Between two ticks.
    pub tick_s: i64,
    /// Riders are asked so long before they must leave.
    pub ahead_s: i64,
    /// So long after the food is ready a delivery may wait for its planned rider.
    pub wait_max_s: i64,
    /// What a second after the promised instant costs, in seconds of waiting, beside the waiting itself.
    pub late_price: f64,
    /// What a second of a rider's work is worth, in seconds of a customer's waiting.
    pub work_price: f64,
    /// What a no costs, seconds of a customer's waiting: riders who mostly say no are asked later. 0: all are alike.
    pub no_price: f64,
    /// What a rider's having been busy all of the shift, and another none of it, is worth, in hours of a customer's waiting:
    /// near-ties go to who has had least. 0: all are alike.
    pub fairness: f64,
    /// Taking food at the counter, from stopping to leaving.
    pub counter_s: i64,
    /// Handing it over, from stopping at the house to leaving.
    pub door_s: i64,
    /// So many riders are asked for a delivery at once, 1 to 5.
    pub ask_at_once: u32,
    /// Another rider who would have it at the door so much sooner is asked before pickup; 0: nobody is.
    pub better_s: i64,
    /// Estimate of the ways.
    pub estimate: GreatCircle,
}

impl Default for PlanSettings {
    fn default() -> Self {
        Self {
            tick_s: 5,
            ahead_s: 90,
            wait_max_s: 900,
            late_price: 0.0,
            work_price: 0.1,
            no_price: 0.0,
            fairness: 0.0,
            counter_s: 45,
            door_s: 60,
            ask_at_once: 1,
            better_s: 0,
            estimate: GreatCircle::USUAL,
        }
    }
}

impl PlanSettings {
    const fn halves(&self) -> [Seconds; 2] {
        [self.counter_s / 2, self.door_s / 2]
    }
}

/// How a plan searches: what no setting of a server turns, and a replay may.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Searching {
    /// How hard.
    pub tuning: Tuning,
    /// Most orders in one route.
    pub bundle_max: usize,
    /// What turning a rider to another court costs who has set out for one, seconds of a customer's waiting.
    pub turn_price: f64,
}

impl Default for Searching {
    fn default() -> Self {
        // Riders without an offer stay where they like: nobody is sent to stand somewhere.
        let tuning = Tuning { position: false, ..Tuning::default() };
        Self { tuning, bundle_max: crate::rider::CAPACITY_MAX as usize, turn_price: TURN_S }
    }
}

/// A delivery that waits for a rider.
#[derive(Clone, PartialEq, Debug)]
pub struct Waiting {
    /// Which.
    pub delivery_id: DeliveryId,
    /// The court's hand-off point.
    pub pickup: Position,
    /// The door.
    pub dropoff: Position,
    /// Since when.
    pub since: Timestamp,
    /// When the food is expected, as was told.
    pub ready_at: Timestamp,
    /// When it may be ready, by what its kitchens have taught; `None`: as told, or it is ready.
    pub likely: Option<Likely>,
    /// When it was promised at the door.
    pub promised_at: Timestamp,
    /// Who is not asked.
    pub not: Vec<RiderId>,
}

/// What a rider would cost a delivery if nothing else were to be done, by its parts, seconds.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Weighed {
    /// Who.
    pub rider_id: RiderId,
    /// How far from the pickup, metres as the crow flies.
    pub distance_m: u32,
    /// Until the bag is empty; 0 for a free rider.
    pub busy_s: i64,
    /// From there to the court.
    pub to_pickup_s: i64,
    /// At the court, for the food.
    pub wait_s: i64,
    /// From the food's readiness until it is picked up.
    pub shelf_s: i64,
    /// From the court to the door.
    pub to_dropoff_s: i64,
    /// At the door after the promise.
    pub late_s: i64,
    /// What asking this rider costs beside all that: noes that are likely, and having had more than others. 0 where the
    /// settings weigh neither.
    #[serde(default)]
    pub handicap_s: i64,
    /// Whether they have said no to this delivery, or were silent.
    pub declined: bool,
}

/// What is to be done with a delivery now.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// Ask this rider now.
    Ask(RiderId),
    /// This rider is planned and need not be asked before `until`.
    Wait {
        /// Who, as the plan stands.
        rider_id: RiderId,
        /// When to ask.
        until: Timestamp,
    },
    /// The plan has nobody, or has had its time: look for the nearest.
    Nearest,
}

impl Verdict {
    /// Whom it means.
    #[must_use]
    pub const fn rider(self) -> Option<RiderId> {
        match self {
            Self::Ask(rider_id) | Self::Wait { rider_id, .. } => Some(rider_id),
            Self::Nearest => None,
        }
    }
}

/// A verdict with its reasons.
#[derive(Clone, PartialEq, Debug)]
pub struct Decided {
    /// Which delivery.
    pub delivery_id: DeliveryId,
    /// What to do.
    pub verdict: Verdict,
    /// The cheapest riders, and the planned one.
    pub weighed: Vec<Weighed>,
    /// What the planned rider fetches at once, this delivery among it, in the sequence of the doors; empty: nobody is planned.
    pub route: Vec<DeliveryId>,
    /// Who is asked at the same time as the one whom the verdict means, the cheapest first.
    pub also: Vec<RiderId>,
}

/// Plans tick after tick.
pub struct LivePlan {
    settings: PlanSettings,
    searching: Searching,
    map: LocalMap,
    matcher: Matcher,
    /// Every court seen, so that its number stays.
    shops: Vec<Place>,
    numbers: HashMap<[u64; 2], usize>,
    sent: Vec<(RiderId, Position)>,
}

impl LivePlan {
    /// A plan that knows nothing yet, on a flat map around `centre`.
    #[must_use]
    pub fn new(settings: PlanSettings, centre: Position) -> Self {
        Self::searching(settings, Searching::default(), centre)
    }

    /// The same, that searches otherwise.
    #[must_use]
    pub(super) fn searching(settings: PlanSettings, searching: Searching, centre: Position) -> Self {
        let [pickup_half, dropoff_half] = settings.halves();
        let rules = Rules {
            tick: settings.tick_s + settings.ahead_s,
            pickup_half,
            dropoff_half,
            never: NEVER_S,
            bundle_max: searching.bundle_max,
            late_price: settings.late_price,
            turn_price: searching.turn_price,
        };
        let matcher = Matcher::new(rules, Tuning { work_price: settings.work_price, ..searching.tuning });
        let (map, shops, numbers, sent) = (LocalMap::around(centre), vec![], HashMap::new(), vec![]);
        Self { settings, searching, map, matcher, shops, numbers, sent }
    }

    /// Who should go where to wait for orders, by the last tick; nobody, unless it was told to say so.
    pub(super) fn sent(&self) -> &[(RiderId, Position)] {
        &self.sent
    }

    /// One verdict for each of `waiting`, in their order. `likely` tells when the food may be ready that riders have
    /// still to fetch.
    pub fn tick(
        &mut self,
        now: Timestamp,
        waiting: &[Waiting],
        riders: &[Seen],
        likely: &BTreeMap<DeliveryId, Likely>,
    ) -> Vec<Decided> {
        // The map follows the courts: one opened far from where it was made is planned for on a map of its own.
        let elsewhere = !waiting.iter().any(|one| self.map.covers(one.pickup));
        if let Some(first) = waiting.first().filter(|_| elsewhere || self.shops.len() + waiting.len() > SHOPS_MAX) {
            *self = Self::searching(self.settings, self.searching, first.pickup);
        }
        let now_s = seconds(now);
        let mut orders: Vec<Order> = waiting.iter().map(|one| self.order(one)).collect();
        let open: HashSet<Key> = orders.iter().map(|order| order.key).collect();
        let (map, settings) = (self.map, self.settings);
        let fleet = Fleet { map: &map, estimate: &settings.estimate, halves: settings.halves(), likely, now: now_s };
        let mut couriers = Vec::with_capacity(riders.len());
        for rider in riders {
            let (courier, bound) = fleet.courier(rider, &mut |court| self.shop(court));
            couriers.push(courier);
            orders.extend(bound.into_iter().filter(|order| !open.contains(&order.key)));
        }
        handicap(&settings, now, waiting, riders, &mut couriers);
        let barred: HashSet<(Key, Key)> =
            waiting.iter().flat_map(|one| one.not.iter().map(|rider| (key(one.delivery_id.0), key(rider.0)))).collect();
        let snapshot = Snapshot { now: now_s, shops: self.shops.clone(), orders, couriers, barred };
        let plan = self.matcher.tick(&snapshot, &fleet.ways());
        let covers = plan.moves.iter().filter(|one| one.reason == Reason::Coverage);
        let place = |shop: usize| map.to_position([self.shops[shop].x, self.shops[shop].y]);
        self.sent = covers.map(|one| (rider_of(one.courier), place(one.shop))).collect();
        let timings: BTreeMap<Key, Timing> = plan.timings.iter().map(|timing| (timing.order, *timing)).collect();
        let routes = routes(&plan);
        let seen: HashMap<Key, (&Courier, &Seen)> =
            snapshot.couriers.iter().zip(riders).map(|(courier, rider)| (courier.key, (courier, rider))).collect();
        let who = |number: usize| (&riders[number], &snapshot.couriers[number]);
        // What a court's riders cost is told of those near it: of all of them it would cost deliveries times riders.
        let tree = Nearest::of(snapshot.couriers.iter().map(|courier| courier.at));
        let mut near: HashMap<usize, Vec<(&Seen, &Courier)>> = HashMap::new();
        for order in &snapshot.orders[..waiting.len()] {
            let few = || tree.few(self.shops[order.shop], TOLD_OF).into_iter().map(who).collect();
            near.entry(order.shop).or_insert_with(few);
        }
        let by_order = waiting.iter().zip(&snapshot.orders);
        let mut decided: Vec<Decided> = by_order
            .map(|(one, order)| {
                let timing = timings.get(&order.key);
                let verdict = self.verdict(now, one, order, timing, &seen);
                let planned =
                    timing.and_then(|timing| seen.get(&timing.courier)).map(|(courier, rider)| (*rider, *courier));
                let weighed = self.weigh(one, order, &near[&order.shop], now_s, planned);
                let route = routes.get(&order.key).cloned().unwrap_or_default();
                Decided { delivery_id: one.delivery_id, verdict, weighed, route, also: vec![] }
            })
            .collect();
        also_ask(&mut decided, riders, self.settings.ask_at_once.saturating_sub(1) as usize);
        decided
    }

    /// What each of `riders` would cost `one` alone, in nobody's plan.
    #[must_use]
    pub fn weigh_alone(settings: PlanSettings, now: Timestamp, one: &Waiting, riders: &[Seen]) -> Vec<Weighed> {
        let mut alone = Self::new(settings, one.pickup);
        let (order, now) = (alone.order(one), seconds(now));
        let (map, halves, likely) = (alone.map, settings.halves(), &BTreeMap::new());
        let fleet = Fleet { map: &map, estimate: &settings.estimate, halves, likely, now };
        let mut courier = |rider| fleet.courier(rider, &mut |court| alone.shop(court)).0;
        let couriers: Vec<Courier> = riders.iter().map(&mut courier).collect();
        let near: Vec<_> = riders.iter().zip(&couriers).collect();
        alone.weigh(one, &order, &near, now, None)
    }

    fn verdict(
        &self,
        now: Timestamp,
        one: &Waiting,
        order: &Order,
        timing: Option<&Timing>,
        seen: &HashMap<Key, (&Courier, &Seen)>,
    ) -> Verdict {
        let Some((timing, (courier, rider))) = timing.and_then(|timing| Some((timing, seen.get(&timing.courier)?)))
        else {
            return Verdict::Nearest;
        };
        let (rider_id, ask_at) = (rider_of(timing.courier), timing.leave - self.settings.ahead_s);
        let next = now.plus_s(self.settings.tick_s);
        let has_place = rider.bag.len() < rider.capacity as usize;
        let can_ask = timing.first && has_place && courier.standing != Standing::Busy;
        // Who fetches something of this court already may leave with it at any moment.
        if can_ask && (ask_at < seconds(next) || courier.heading == Some(order.shop)) {
            return Verdict::Ask(rider_id);
        }
        let patience = self.settings.wait_max_s.min(DispatchRules::HOLD_AFTER_READY_MAX_S);
        let latest_at = one.ready_at.plus_s(patience);
        if next >= latest_at {
            return if can_ask { Verdict::Ask(rider_id) } else { Verdict::Nearest };
        }
        let until = Timestamp::from_micros(ask_at.saturating_mul(1_000_000)).max(next).min(latest_at);
        Verdict::Wait { rider_id, until }
    }

    /// The candidates as each would serve this delivery alone: the cheapest of `near`, and the planned one.
    fn weigh(
        &self,
        one: &Waiting,
        order: &Order,
        near: &[(&Seen, &Courier)],
        now: Seconds,
        planned: Option<(&Seen, &Courier)>,
    ) -> Vec<Weighed> {
        let ways = Ways::of(&self.settings.estimate);
        let [counter, door] = self.settings.halves();
        let shop = self.shops[order.shop];
        let planned_id = planned.map(|(rider, _)| rider.rider_id);
        let others = near.iter().filter(|(rider, _)| Some(rider.rider_id) != planned_id);
        let mut weighed: Vec<Weighed> = planned
            .iter()
            .chain(others)
            .map(|(rider, courier)| {
                let paced = |ride: Seconds| ride * courier.pace / 1000;
                let (busy_s, to_pickup_s) = (courier.free - now, paced(ways.seconds(courier.at, shop)));
                let there = courier.free + to_pickup_s + counter;
                let pickup = there.max(order.ready);
                let to_dropoff_s = paced(ways.seconds(shop, order.door));
                let handed = pickup + counter + door + to_dropoff_s;
                Weighed {
                    rider_id: rider.rider_id,
                    distance_m: metres(rider.position.distance_m(one.pickup)),
                    busy_s,
                    to_pickup_s,
                    wait_s: pickup - there,
                    shelf_s: pickup - order.ready,
                    to_dropoff_s,
                    late_s: (handed - seconds(one.promised_at)).max(0),
                    handicap_s: whole(courier.handicap),
                    declined: one.not.contains(&rider.rider_id),
                }
            })
            .collect();
        weighed.sort_by_key(|one| {
            let costs_s = one.shelf_s + one.to_dropoff_s + one.handicap_s;
            (Some(one.rider_id) != planned_id, costs_s, one.busy_s + one.to_pickup_s, one.rider_id)
        });
        weighed.truncate(DispatchRules::CANDIDATES);
        weighed
    }

    fn place(&self, at: Position) -> Place {
        let [x, y] = self.map.to_metres(at);
        Place { x, y }
    }

    fn shop(&mut self, court: Position) -> usize {
        let at = self.place(court);
        *self.numbers.entry([at.x.to_bits(), at.y.to_bits()]).or_insert_with(|| {
            self.shops.push(at);
            self.shops.len() - 1
        })
    }

    fn order(&mut self, one: &Waiting) -> Order {
        let (ready, spread) = spread(one.ready_at, one.likely);
        Order {
            key: key(one.delivery_id.0),
            shop: self.shop(one.pickup),
            door: self.place(one.dropoff),
            placed: seconds(one.since).min(ready),
            ready,
            spread,
            size: 1,
            due: seconds(one.promised_at),
            bearer: None,
        }
    }
}

/// Names up to `others` more riders for each delivery that is asked for now, out of those weighed for it: free, and meant
/// for nothing else. A route is asked of one rider, and so is who would take it along: others would tear apart what
/// makes it cheap.
fn also_ask(decided: &mut [Decided], riders: &[Seen], others: usize) {
    if others == 0 {
        return;
    }
    let is_free: HashMap<RiderId, bool> = riders.iter().map(|seen| (seen.rider_id, seen.bag.is_empty())).collect();
    let (mut meant, mut asked) = (HashSet::new(), HashMap::<RiderId, u32>::new());
    for one in decided.iter() {
        match one.verdict {
            Verdict::Ask(rider_id) => {
                meant.insert(rider_id);
                *asked.entry(rider_id).or_default() += 1;
            }
            Verdict::Wait { rider_id, .. } => drop(meant.insert(rider_id)),
            Verdict::Nearest => {}
        }
    }
    for one in decided {
        let Verdict::Ask(chosen) = one.verdict else { continue };
        if asked[&chosen] > 1 || !is_free.get(&chosen).is_some_and(|free| *free) {
            continue;
        }
        let free = one.weighed.iter().filter(|other| !other.declined && is_free.get(&other.rider_id) == Some(&true));
        let unmeant = free.map(|other| other.rider_id).filter(|rider_id| !meant.contains(rider_id));
        one.also = unmeant.take(others).collect();
        meant.extend(one.also.iter().copied());
    }
}

/// The route of each order, in the sequence of the doors.
fn routes(plan: &Plan) -> HashMap<Key, Vec<DeliveryId>> {
    let bound = plan.assignments.iter().map(|bound| {
        let doors = bound.route.iter().filter_map(|stop| match stop {
            Stop::Dropoff(key) => Some(*key),
            Stop::Pickup(_) => None,
        });
        doors.collect::<Vec<Key>>()
    });
    let meant = plan.intents.iter().flat_map(|intent| intent.routes.iter().cloned());
    let mut routes = HashMap::new();
    for route in bound.chain(meant) {
        let deliveries: Vec<DeliveryId> = route.iter().map(|key| delivery_of(*key)).collect();
        routes.extend(route.iter().map(|key| (*key, deliveries.clone())));
    }
    routes
}

#[expect(clippy::cast_possible_truncation, reason = "an hour or two at the dearest")]
fn whole(seconds: f64) -> i64 {
    seconds.round() as i64
}
