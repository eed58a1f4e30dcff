//! How often what happened: facts, faults and refusals, over one day or over all. What never happened was not tested,
//! so a zero fails the run, but for what is excused here with a reason.

use std::collections::BTreeMap;

use foodcourt_actors::{
    dispatch::event::DeliveryEvent, kitchen::event::KitchenEvent, notification::event::InboxEvent,
    order::event::OrderEvent, payment::event::PaymentEvent, rider::event::RiderEvent,
};

/// Every fault the outside can do.
pub const FAULTS: [&str; 22] = [
    "actor.killed",
    "broker.delayed",
    "broker.duplicated",
    "broker.lost",
    "cursors.lost",
    "journal.conflict",
    "journal.lagging",
    "journal.lost_answer",
    "journal.lost_request",
    "journal.slow",
    "journal.unavailable",
    "journal.unreadable",
    "live.dropped",
    "night.both_nodes_down",
    "node.both_crashed",
    "node.crashed",
    "node.restarted",
    "provider.charged_without_answer",
    "provider.down",
    "provider.hung",
    "provider.slow",
    "provider.told_twice",
];

/// Refusals that people must run into.
pub const REFUSALS: [&str; 25] = [
    "basket.Closed",
    "basket.SoldOut",
    "delivery.AlreadyPickedUp",
    "delivery.FoodNotReady",
    "delivery.NotYours",
    "delivery.OutOfOrder",
    "inbox.Ahead",
    "kitchen.Expired",
    "kitchen.NoTicket",
    "kitchen.NotOnMenu",
    "kitchen.OutOfRange",
    "kitchen.Voided",
    "kitchen.WaitsForOthers",
    "kitchen.WrongStage",
    "order.AlreadyCooking",
    "order.AlreadyEnded",
    "order.AlreadyPickedUp",
    "order.AlreadyPlaced",
    "order.Malformed",
    "order.Stale",
    "order.Unknown",
    "rider.OfferExpired",
    "rider.OfferOver",
    "rider.StillHolding",
    "rider.UnknownOffer",
];

/// Facts that need not happen, each with why.
const EXCUSED: [(&str, &str); 0] = [];

/// Counts of one day or of many.
#[derive(Clone, Default)]
pub struct Counts {
    /// Facts by kind.
    pub facts: BTreeMap<String, u64>,
    /// Faults that struck.
    pub faults: BTreeMap<String, u64>,
    /// Refusals people met, `service.Name`.
    pub refusals: BTreeMap<String, u64>,
    /// Anything else worth knowing.
    pub other: BTreeMap<String, u64>,
}

fn pour(into: &mut BTreeMap<String, u64>, from: &BTreeMap<String, u64>) {
    for (name, count) in from {
        *into.entry(name.clone()).or_default() += count;
    }
}

impl Counts {
    /// One more of `name`.
    pub fn one(table: &mut BTreeMap<String, u64>, name: &str) {
        match table.get_mut(name) {
            Some(count) => *count += 1,
            None => drop(table.insert(name.to_owned(), 1)),
        }
    }
    /// Adds another day's.
    pub fn add(&mut self, other: &Self) {
        pour(&mut self.facts, &other.facts);
        pour(&mut self.faults, &other.faults);
        pour(&mut self.refusals, &other.refusals);
        pour(&mut self.other, &other.other);
    }
    /// What should have happened and never did.
    pub fn missing(&self) -> Vec<String> {
        let kinds = [
            OrderEvent::KINDS,
            PaymentEvent::KINDS,
            KitchenEvent::KINDS,
            DeliveryEvent::KINDS,
            RiderEvent::KINDS,
            InboxEvent::KINDS,
        ];
        let excused = |name: &str| EXCUSED.iter().any(|(one, _)| *one == name);
        let mut missing = vec![];
        for kind in kinds.into_iter().flatten().filter(|kind| !excused(kind) && !self.facts.contains_key(**kind)) {
            missing.push(format!("fact {kind}"));
        }
        for fault in FAULTS.iter().filter(|fault| !self.faults.contains_key(**fault)) {
            missing.push(format!("fault {fault}"));
        }
        for refusal in REFUSALS.iter().filter(|refusal| !self.refusals.contains_key(**refusal)) {
            missing.push(format!("refusal {refusal}"));
        }
        missing
    }
    /// A table for people.
    pub fn print(&self) {
        for (title, table) in
            [("facts", &self.facts), ("faults", &self.faults), ("refusals", &self.refusals), ("people", &self.other)]
        {
            println!("{title}:");
            for line in table.iter().collect::<Vec<_>>().chunks(3) {
                let cells: Vec<String> = line.iter().map(|(name, count)| format!("{name:<34}{count:>9}")).collect();
                println!("  {}", cells.join("  "));
            }
        }
    }
}
