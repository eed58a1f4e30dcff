//! The matcher: which courier takes which orders, when, in which sequence. Pure and deterministic: the same snapshots
//! in the same order give the same plans. It knows nothing of clocks, sockets, offers or riders' phones.
//!
//! At every tick all open orders stand in a tentative schedule of all couriers ([`search`]); only what cannot wait for
//! the next tick is said aloud ([`commit`]). `docs/dispatch.md` argues each rule from the problem.

mod assign;
mod commit;
pub mod day;
mod demand;
pub mod dice;
pub mod instance;
mod model;
pub(super) mod near;
pub mod nearest;
pub mod protocol;
pub mod route;
mod search;
#[cfg(test)]
mod tests;

use std::collections::HashMap;

pub use model::{
    Assignment, Bearer, Courier, Intent, Key, LIKELY, Move, Order, Place, Plan, Reason, Rules, Seconds, Snapshot,
    Standing, Stop, StraightLine, Timing, Travel,
};

use demand::Demand;
use route::Measure;
use search::Search;

/// How hard to search, and what a courier's time is worth. None of it is of a city or a day.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Tuning {
    /// Chains measured per tick: the time budget, in a unit that is the same on every machine.
    pub budget: u64,
    /// Couriers asked for each shop.
    pub near: usize,
    /// What a second of a courier's work is worth, in seconds of a customer's waiting: 0 serves customers alone.
    pub work_price: f64,
    /// Whether idle couriers are sent where the next order is expected.
    pub position: bool,
    /// How long an idle courier is expected to stand where it is sent, seconds.
    pub dwell: Seconds,
    /// Seed of the search's dice.
    pub seed: u64,
}

impl Default for Tuning {
    fn default() -> Self {
        Self { budget: 20_000, near: 48, work_price: 0.0, position: true, dwell: 2400, seed: 1 }
    }
}

/// Plans tick after tick, and remembers between them what it meant to do and what it learned of the day.
#[derive(Clone, Debug)]
pub struct Matcher {
    rules: Rules,
    tuning: Tuning,
    intents: Vec<Intent>,
    demand: Demand,
    ticks: u64,
}

impl Matcher {
    /// A matcher at the start of a day of which it knows nothing.
    #[must_use]
    pub fn new(rules: Rules, tuning: Tuning) -> Self {
        Self { rules, tuning, intents: Vec::new(), demand: Demand::default(), ticks: 0 }
    }

    /// What to do now.
    pub fn tick<T: Travel>(&mut self, snapshot: &Snapshot, travel: &T) -> Plan {
        self.ticks += 1;
        let now = snapshot.now;
        let mut orders = snapshot.orders.clone();
        orders.sort_by_key(|order| (order.ready, order.placed, order.key));
        let mut couriers: Vec<Courier> = snapshot.couriers.clone();
        couriers.retain(|courier| courier.free <= courier.off && courier.free <= now + self.rules.never / 2);
        couriers.sort_by_key(|courier| courier.key);
        self.demand.learn(&snapshot.shops, &orders, &couriers);
        let near = near::lists(&snapshot.shops, &orders, &couriers, self.tuning.near, travel);
        let has_extras = self.rules.late_price > 0.0
            || couriers.iter().any(|courier| courier.handicap > 0.0 || courier.heading.is_some())
            || orders.iter().any(|order| order.bearer.is_some());
        let measure = Measure {
            rules: &self.rules,
            now,
            shops: &snapshot.shops,
            orders: &orders,
            travel,
            work_price: self.tuning.work_price,
            barred: &snapshot.barred,
            has_extras,
        };
        let mut search = Search::new(measure, &couriers, &near, self.tuning.seed.wrapping_add(self.ticks));
        restore(&mut search, &self.intents);
        search.insert_all();
        search.improve(self.tuning.budget);
        let mut plan = commit::due(&search);
        if self.tuning.position {
            plan.moves.extend(self.demand.positions(&search, &plan, self.tuning.dwell));
        }
        self.intents = plan.intents.clone();
        plan
    }
}

/// The last plan's routes, less what is gone, are the first idea of this one.
fn restore<T: Travel>(search: &mut Search<'_, T>, intents: &[Intent]) {
    let numbers: HashMap<Key, u32> =
        search.measure.orders.iter().zip(0..).map(|(order, number)| (order.key, number)).collect();
    let couriers: HashMap<Key, usize> =
        search.couriers.iter().enumerate().map(|(number, courier)| (courier.key, number)).collect();
    for intent in intents {
        let Some(courier) = couriers.get(&intent.courier) else { continue };
        let routes: Vec<Vec<u32>> = intent
            .routes
            .iter()
            .map(|route| route.iter().filter_map(|key| numbers.get(key).copied()).collect())
            .collect();
        search.restore(*courier, &routes);
    }
}
