//! Counts how promises and expected times came true, from the facts as they pass: what Prometheus reads.

use std::sync::Arc;

use foodcourt_actors::{
    event::Recorded,
    order::{
        calibration::{CameTrue, Expectation},
        event::OrderEvent,
    },
    reactor::Tap,
};
use moka::sync::Cache;
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, histogram::Histogram},
    registry::{Registry, Unit},
};
use uuid::Uuid;

/// Orders followed at once; beyond it the oldest go uncounted.
const ORDERS_MAX: u64 = 100_000;
/// Edges of the histograms, seconds: a minute is nothing, half an hour is a disaster.
const EDGES_S: [f64; 9] = [30.0, 60.0, 120.0, 180.0, 300.0, 480.0, 720.0, 1_200.0, 1_800.0];
/// The kinds that tell something here.
const KINDS: [&str; 5] =
    ["order.accepted", "order.rider_assigned", "order.eta_moved", "order.picked_up", "order.delivered"];

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Kept {
    kept: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Told {
    told_at: &'static str,
}

/// The counts. Cheap to clone.
#[derive(Clone)]
pub struct Calibration {
    promises: Family<Kept, Counter>,
    late: Histogram,
    eta_errors: Family<Told, Histogram>,
    orders: Cache<Uuid, Expectation>,
}

impl Default for Calibration {
    fn default() -> Self {
        Self {
            promises: Family::default(),
            late: Histogram::new(EDGES_S),
            eta_errors: Family::new_with_constructor(|| Histogram::new(EDGES_S)),
            orders: Cache::new(ORDERS_MAX),
        }
    }
}

impl Calibration {
    /// Makes the counts known to `registry`.
    pub fn register(&self, registry: &mut Registry) {
        let promises = "Deliveries, by whether they came within the promised window";
        registry.register("promises", promises, self.promises.clone());
        let late = "How long after the promised instant deliveries came, 0 if before";
        registry.register_with_unit("promise_late", late, Unit::Seconds, self.late.clone());
        let errors = "How far off, either way, the expected time was, by when it was told";
        registry.register_with_unit("eta_error", errors, Unit::Seconds, self.eta_errors.clone());
    }

    fn count(&self, told: CameTrue) {
        let kept = if told.promise_kept { "true" } else { "false" };
        self.promises.get_or_create(&Kept { kept }).inc();
        self.late.observe(told.late_s.max(0) as f64);
        for (told_at, error_s) in [("assignment", told.after_first_eta_s), ("pickup", told.after_pickup_eta_s)] {
            if let Some(error_s) = error_s {
                self.eta_errors.get_or_create(&Told { told_at }).observe(error_s.abs() as f64);
            }
        }
    }
}

impl Tap for Calibration {
    fn facts(&self, facts: &[Arc<Recorded>]) {
        for fact in facts.iter().filter(|fact| KINDS.contains(&&*fact.kind)) {
            let Ok(event) = fact.typed::<OrderEvent>() else { continue };
            let mut expectation = self.orders.get(&fact.stream.id).unwrap_or_default();
            match expectation.follow(&event, fact.at) {
                Some(told) => {
                    self.orders.invalidate(&fact.stream.id);
                    self.count(told);
                }
                None => self.orders.insert(fact.stream.id, expectation),
            }
        }
    }
}
