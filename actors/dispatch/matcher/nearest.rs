//! The policy that asks the nearest free rider, each order for itself, as a dispatcher of a day: what the matcher is
//! compared with. It searches from so long before the food is ready, in a radius that grows, as the live search does;
//! here everybody says yes at once, and nobody takes a second order before the first is handed over.

use std::collections::BTreeMap;

use super::{Assignment, Courier, Key, Place, Plan, Rules, Seconds, Snapshot, Standing, Stop, Travel};

/// The nearest, order by order.
#[derive(Clone, Debug)]
pub struct Nearest<R> {
    rules: Rules,
    lead: Seconds,
    rounds_a_tick: u32,
    radius_m: R,
    /// Rounds of each order's search so far.
    rounds: BTreeMap<Key, u32>,
}

impl<R: Fn(u32) -> f64> Nearest<R> {
    /// Searches from `lead` before the food is ready, `rounds_a_tick` times a tick (at least once), round 1, 2, 3, …
    /// within `radius_m` of it.
    #[must_use]
    pub fn new(rules: Rules, lead: Seconds, rounds_a_tick: u32, radius_m: R) -> Self {
        Self { rules, lead, rounds_a_tick: rounds_a_tick.max(1), radius_m, rounds: BTreeMap::new() }
    }

    /// What to do now.
    pub fn tick<T: Travel>(&mut self, snapshot: &Snapshot, travel: &T) -> Plan {
        let mut plan = Plan::default();
        let mut free: Vec<&Courier> =
            snapshot.couriers.iter().filter(|one| one.standing == Standing::Idle && one.capacity > 0).collect();
        let mut orders: Vec<_> =
            snapshot.orders.iter().filter(|order| snapshot.now >= order.ready - self.lead).collect();
        orders.sort_by_key(|order| (order.ready, order.placed, order.key));
        for order in orders {
            let round = self.rounds.entry(order.key).or_insert(0);
            *round = round.saturating_add(self.rounds_a_tick);
            let (shop, radius_m) = (snapshot.shops[order.shop], (self.radius_m)(*round));
            let within = |courier: &&&Courier| {
                (courier.at.x - shop.x).hypot(courier.at.y - shop.y) <= radius_m
                    && !snapshot.barred.contains(&(order.key, courier.key))
                    && self.pickup(courier, order.shop, shop, order.ready, snapshot.now, travel) <= courier.off
            };
            let way = |courier: &Courier| travel.seconds(courier.at, shop) * courier.pace / 1000;
            let nearest = free.iter().filter(within).min_by_key(|courier| (way(courier), courier.key));
            let Some(courier) = nearest.map(|courier| courier.key) else { continue };
            free.retain(|one| one.key != courier);
            self.rounds.remove(&order.key);
            plan.assignments
                .push(Assignment { courier, route: vec![Stop::Pickup(vec![order.key]), Stop::Dropoff(order.key)] });
        }
        plan
    }

    fn pickup<T: Travel>(
        &self,
        courier: &Courier,
        shop: usize,
        place: Place,
        ready: Seconds,
        now: Seconds,
        travel: &T,
    ) -> Seconds {
        let there = match courier.shop == Some(shop) {
            true => courier.arrived,
            false => now + travel.seconds(courier.at, place) * courier.pace / 1000,
        };
        (there + self.rules.pickup_half).max(now).max(ready)
    }
}
