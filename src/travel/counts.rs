//! What is counted about travel times.

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::Registry,
};

/// How a question to the router ended.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Outcome {
    /// `ok`, `timeout`, `unreachable`, `broken`, `refused` or `malformed`.
    outcome: &'static str,
}

/// The counts of one node. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct TravelCounts {
    questions: Family<Outcome, Counter>,
    /// Travel times told from memory.
    pub remembered: Counter,
    /// Travel times estimated because the router gave none.
    pub estimated: Counter,
    /// 1 while the router is left alone.
    pub router_open: Gauge,
}

impl TravelCounts {
    /// Makes the counts known to `registry`.
    pub fn register(&self, registry: &mut Registry) {
        let questions = self.questions.clone();
        registry.register("travel_questions", "Tables asked of the router, by how it ended", questions);
        let remembered = self.remembered.clone();
        registry.register("travel_remembered", "Travel times told from memory", remembered);
        let estimated = self.estimated.clone();
        registry.register("travel_estimated", "Travel times estimated because the router gave none", estimated);
        let open = self.router_open.clone();
        registry.register("travel_router_open", "1 while the router is left alone after failures", open);
    }
    /// A question has ended.
    pub fn asked(&self, outcome: &'static str) {
        self.questions.get_or_create(&Outcome { outcome }).inc();
    }
    /// How many questions ended so.
    #[must_use]
    pub fn asked_with(&self, outcome: &'static str) -> u64 {
        self.questions.get_or_create(&Outcome { outcome }).get()
    }
}
