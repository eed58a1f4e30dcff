//! A route and what it costs: one shop, some of its orders, their doors in sequence. Routes are small values that are
//! copied freely; nothing here knows of couriers other than the one that rides.

use std::collections::HashSet;

use super::model::{Courier, Key, LIKELY, Order, Place, Rules, Seconds, Travel};

/// Most orders in one route: more do not stay warm, and it keeps a route a value of fixed size.
pub const ROUTE_MAX: usize = 8;

/// Orders of one shop, in the sequence of their doors.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Route {
    orders: [u32; ROUTE_MAX],
    len: u8,
    /// The shop.
    pub shop: u32,
    /// When the last of its orders is ready: equally likely instants, the earliest first.
    pub ready: [Seconds; LIKELY],
    /// Riding, from the shop to the last door.
    pub riding: Seconds,
    /// Riding from the shop to each door, summed over the orders.
    pub riding_sum: Seconds,
    /// Riding from the shop to each door.
    rides: [u32; ROUTE_MAX],
    /// When its orders were placed, summed.
    pub placed_sum: Seconds,
    /// Capacity it takes.
    pub size: u32,
    /// The last door.
    pub end: Place,
}

impl Route {
    /// The orders, by their number in the tick.
    pub fn orders(&self) -> &[u32] {
        &self.orders[..usize::from(self.len)]
    }
    /// How many.
    pub fn count(&self) -> usize {
        usize::from(self.len)
    }
}

/// What a route needs to be measured.
pub struct Measure<'a, T> {
    /// The rules of the day.
    pub rules: &'a Rules,
    /// Now.
    pub now: Seconds,
    /// Where food is cooked.
    pub shops: &'a [Place],
    /// The orders of the tick.
    pub orders: &'a [Order],
    /// Travel times.
    pub travel: &'a T,
    /// What a second of a courier's work is worth, in seconds of a customer's waiting.
    pub work_price: f64,
    /// Orders and couriers that must not meet.
    pub barred: &'a HashSet<(Key, Key)>,
    /// Whether anything costs beside waiting and work: promises, who has what, handicaps.
    pub has_extras: bool,
}

impl<T> Clone for Measure<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Measure<'_, T> {}

/// Where a courier is when its routes so far are done, and what they cost.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Walk {
    /// When it is free.
    pub free: Seconds,
    /// Where.
    pub at: Place,
    /// The shop it waits at, if no route has begun.
    shop: Option<(u32, Seconds)>,
    /// The shop it has set out for, if no route has begun.
    heading: Option<u32>,
    /// Click to door of the orders so far, seconds, with the price of the work.
    pub cost: f64,
}

impl Walk {
    /// The beginning: the courier as it stands.
    pub fn of(courier: &Courier) -> Self {
        let number = |shop| u32::try_from(shop).expect("shops are fewer than 2^32");
        let shop = courier.shop.map(|shop| (number(shop), courier.arrived));
        Self { free: courier.free, at: courier.at, shop, heading: courier.heading.map(number), cost: 0.0 }
    }
}

/// A pickup as it would happen.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Pickup {
    /// When the courier must leave for it at the latest (never before it is free).
    pub leave: Seconds,
    /// How long it is under way.
    pub trip: Seconds,
    /// When the food is in hand, as expected.
    pub at: Seconds,
}

impl<T: Travel> Measure<'_, T> {
    /// A route of these orders, all of one shop, in this sequence; at least one and at most [`ROUTE_MAX`].
    pub fn route(&self, sequence: &[u32]) -> Route {
        let first = &self.orders[sequence[0] as usize];
        let mut at = self.shops[first.shop];
        let mut route = Route {
            orders: [0; ROUTE_MAX],
            len: 0,
            shop: u32::try_from(first.shop).expect("shops are fewer than 2^32"),
            ready: [Seconds::MIN; LIKELY],
            riding: 0,
            riding_sum: 0,
            rides: [0; ROUTE_MAX],
            placed_sum: 0,
            size: 0,
            end: at,
        };
        for number in sequence {
            let order = &self.orders[*number as usize];
            route.orders[usize::from(route.len)] = *number;
            // A kitchen that is slow today is slow with all of them: late together, early together.
            for (ready, late) in route.ready.iter_mut().zip(order.spread) {
                *ready = (*ready).max(order.ready + late);
            }
            route.riding += self.travel.seconds(at, order.door);
            route.rides[usize::from(route.len)] = u32::try_from(route.riding).unwrap_or(u32::MAX);
            route.len += 1;
            route.riding_sum += route.riding;
            route.placed_sum += order.placed;
            route.size += order.size;
            at = order.door;
        }
        route.end = at;
        route
    }

    /// When `courier`, having come as far as `walk`, has the food of `route` in hand.
    pub fn pickup(&self, courier: &Courier, walk: &Walk, route: &Route) -> Pickup {
        let half = self.rules.pickup_half;
        if let Some((shop, arrived)) = walk.shop
            && shop == route.shop
        {
            let at = expected((arrived + half).max(self.now), route);
            return Pickup { leave: at, trip: 0, at };
        }
        let trip = paced(courier, self.travel.seconds(walk.at, self.shops[route.shop as usize]));
        let there = (walk.free + trip + half).max(self.now);
        // There by the earliest likely instant: food that waits costs its customer more than a rider who waits a little.
        Pickup { leave: there.max(route.ready[0]) - half - trip, trip, at: expected(there, route) }
    }

    /// The least that serving `order` alone can cost if `courier` is at its shop at `arrival` or later.
    #[expect(clippy::cast_precision_loss, reason = "spans of a day are far below 2^52 seconds")]
    pub fn least(&self, courier: &Courier, order: &Order, alone: &Route, arrival: Seconds) -> f64 {
        let half = self.rules.pickup_half;
        let leave = expected((arrival + half).max(self.now), alone) + half;
        (leave + paced(courier, alone.riding) + self.rules.dropoff_half - order.placed) as f64
    }

    fn bars(&self, courier: &Courier, route: &Route) -> bool {
        let stays =
            |order: &Order| order.bearer.is_some_and(|has| has.price.is_infinite() && has.courier != courier.key);
        let barred = |number: &u32| {
            let order = &self.orders[*number as usize];
            stays(order) || self.barred.contains(&(order.key, courier.key))
        };
        (self.has_extras || !self.barred.is_empty()) && route.orders().iter().any(barred)
    }

    /// What `route`, picked up at `pickup`, costs beside waiting and work; never below 0.
    #[expect(clippy::cast_precision_loss, reason = "spans of a day are far below 2^52 seconds")]
    fn extras(&self, courier: &Courier, walk: &Walk, route: &Route, pickup: Seconds) -> f64 {
        let turns = walk.heading.is_some_and(|shop| shop != route.shop);
        let mut cost = if turns { self.rules.turn_price } else { 0.0 };
        let mut handed = pickup + self.rules.pickup_half + self.rules.dropoff_half;
        for (number, ride) in route.orders().iter().zip(route.rides) {
            let order = &self.orders[*number as usize];
            cost += match order.bearer {
                Some(has) if has.courier == courier.key => 0.0,
                Some(has) => has.price + courier.handicap,
                None => courier.handicap,
            };
            let late = handed + paced(courier, ride.into()) - order.due;
            cost += self.rules.late_price * late.max(0) as f64;
            handed += 2 * self.rules.dropoff_half;
        }
        cost
    }

    /// The walk after `route`, or nothing if the courier may not take it.
    pub fn step(&self, courier: &Courier, walk: &Walk, route: &Route) -> Option<Walk> {
        if route.size > courier.capacity || self.bars(courier, route) {
            return None;
        }
        let pickup = self.pickup(courier, walk, route);
        if pickup.at > courier.off {
            return None;
        }
        let count = i64::from(route.len);
        let (half_in, half_out) = (self.rules.pickup_half, self.rules.dropoff_half);
        // The i-th handover comes after the pickup's second half, i - 1 whole services and a half.
        let services = count * half_in + count * count * half_out;
        let waiting = count * pickup.at + services + paced(courier, route.riding_sum) - route.placed_sum;
        let free = pickup.at + half_in + paced(courier, route.riding) + 2 * count * half_out;
        let work = free - pickup.leave;
        #[expect(clippy::cast_precision_loss, reason = "spans of a day are far below 2^52 seconds")]
        let mut cost = waiting as f64 + self.work_price * work as f64;
        if self.has_extras {
            cost += self.extras(courier, walk, route, pickup.at);
        }
        Some(Walk { free, at: route.end, shop: None, heading: None, cost: walk.cost + cost })
    }
}

/// When food is in hand whose courier can take it from `there` on: the mean over when it may be ready.
fn expected(there: Seconds, route: &Route) -> Seconds {
    let [first, .., last] = route.ready;
    if there >= last || first == last {
        return there.max(last);
    }
    let likely = Seconds::try_from(LIKELY).unwrap_or(1);
    there + route.ready.iter().map(|ready| (ready - there).max(0)).sum::<Seconds>() / likely
}

/// What a trip takes this courier.
pub fn paced(courier: &Courier, ride: Seconds) -> Seconds {
    if courier.pace == 1000 { ride } else { ride * courier.pace / 1000 }
}
