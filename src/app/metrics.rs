//! What Prometheus reads: counted from the facts themselves, plus what the node holds at the moment of reading.

use std::sync::{
    Arc,
    atomic::{AtomicI64, AtomicU64},
};

use foodcourt_actors::{event::Recorded, reactor::Tap};
use prometheus_client::{
    encoding::{EncodeLabelSet, text::encode},
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::{Registry, Unit},
};

use super::{calibration::Calibration, records::RecordCounts};
use crate::travel::TravelCounts;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Kind {
    kind: String,
}

/// The node's metrics.
pub struct Metrics {
    registry: Registry,
    facts: Family<Kind, Counter>,
    feed_position: Gauge<i64, AtomicI64>,
    /// Sockets and event streams open now; set before each reading.
    pub live_sockets: Gauge<i64, AtomicI64>,
    /// Business seconds in one of the wall; set before each reading.
    pub business_speed: Gauge<f64, AtomicU64>,
    /// How far the services are behind the journal, seconds.
    pub feed_lag: Gauge<f64, AtomicU64>,
    /// 1 while this node refuses new orders; set before each reading.
    pub orders_refused: Gauge<i64, AtomicI64>,
    /// Broken invariants at the last check.
    pub invariants_broken: Gauge<i64, AtomicI64>,
    /// Travel times and who told them.
    pub travel: TravelCounts,
    /// How promises and expected times came true.
    pub calibration: Calibration,
    /// What became of dispatch's records.
    pub records: RecordCounts,
}

impl Metrics {
    /// Metrics of a node that has just started.
    #[must_use]
    pub fn new() -> Arc<Self> {
        let mut registry = Registry::with_prefix("foodcourt");
        let (facts, feed_position) = (Family::<Kind, Counter>::default(), Gauge::default());
        let (live_sockets, business_speed, invariants_broken) = (Gauge::default(), Gauge::default(), Gauge::default());
        registry.register("facts", "Facts published since the node started, by kind", facts.clone());
        registry.register("feed_position", "Position up to which the feed has been read", feed_position.clone());
        registry.register("live_sockets", "Sockets and event streams open now", live_sockets.clone());
        registry.register_with_unit(
            "business_speed",
            "Seconds of business time in one of the wall",
            Unit::Ratios,
            business_speed.clone(),
        );
        let (feed_lag, orders_refused) = (Gauge::<f64, AtomicU64>::default(), Gauge::default());
        registry.register_with_unit(
            "feed_lag",
            "How far the slowest service is behind the journal",
            Unit::Seconds,
            feed_lag.clone(),
        );
        registry.register("orders_refused", "1 while this node refuses new orders", orders_refused.clone());
        registry.register("invariants_broken", "Broken promises found by the last check", invariants_broken.clone());
        let travel = TravelCounts::default();
        travel.register(&mut registry);
        let calibration = Calibration::default();
        calibration.register(&mut registry);
        let records = RecordCounts::default();
        records.register(&mut registry);
        Arc::new(Self {
            registry,
            facts,
            feed_position,
            live_sockets,
            business_speed,
            feed_lag,
            orders_refused,
            invariants_broken,
            travel,
            calibration,
            records,
        })
    }

    /// The text that Prometheus reads.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::new();
        encode(&mut text, &self.registry).expect("a string can always be written to");
        text
    }
}

impl Tap for Metrics {
    fn facts(&self, facts: &[Arc<Recorded>]) {
        for fact in facts {
            self.facts.get_or_create(&Kind { kind: fact.kind.to_string() }).inc();
        }
        if let Some(last) = facts.last() {
            self.feed_position.set(last.position);
        }
    }
}
