//! Compares what the clients were told with what the server says at the end. Pure: evidence in, sentences out.

use std::collections::{BTreeMap, BTreeSet};

use foodcourt_actors::time::Timestamp;
use serde_json::Value;

use super::{
    log::{Entry, Evidence, Placement, Watch},
    resume::{Fit, Resume},
    wire::is_end,
};

/// One fact of an order as the server's history has it.
#[derive(Clone, PartialEq, Debug)]
pub struct HistoryFact {
    /// Its number.
    pub seq: u64,
    /// `order.placed` and the like.
    pub kind: String,
    /// Its body.
    pub data: Value,
    /// When, in business time.
    pub at: Option<Timestamp>,
}

/// One order as the server has it.
#[derive(Clone, Default, Debug)]
pub struct ServerOrder {
    /// `GET /v1/orders/{id}`; `None`: the server has no such order.
    pub order: Option<Value>,
    /// Its history, oldest first; `None` where the server would not tell.
    pub history: Option<Vec<HistoryFact>>,
}

/// What the server says at the end.
#[derive(Clone, Default, Debug)]
pub struct ServerSide {
    /// By order id.
    pub orders: BTreeMap<String, ServerOrder>,
    /// The ids of all orders of this run's customers, as their own lists have them.
    pub listed: BTreeSet<String>,
    /// The ids in the operator's list, if it could be read to its end.
    pub admin_listed: Option<BTreeSet<String>>,
}

/// What was found, one sentence each.
#[derive(Clone, Default, PartialEq, Debug)]
pub struct Verdict {
    /// Acknowledged, but gone or other.
    pub lost: Vec<String>,
    /// One key twice, or one number twice.
    pub duplicated: Vec<String>,
    /// Numbers that never came.
    pub gaps: Vec<String>,
    /// Orders in no end state.
    pub stuck: Vec<String>,
}

/// Judges a run.
#[must_use]
pub fn judge(evidence: &Evidence, server: &ServerSide) -> Verdict {
    let mut verdict = Verdict::default();
    for placement in &evidence.placements {
        judge_placement(placement, server, &mut verdict);
    }
    let known: BTreeSet<&str> = evidence.placements.iter().filter_map(Placement::order_id).collect();
    for order_id in server.listed.iter().filter(|listed| !known.contains(listed.as_str())) {
        verdict.duplicated.push(format!("order {order_id} exists, but no key was answered with it"));
    }
    for acknowledged in &evidence.acknowledged {
        let history = server.orders.get(&acknowledged.order_id).and_then(|order| order.history.as_ref());
        if history.is_some_and(|history| history.iter().all(|fact| fact.kind != acknowledged.kind)) {
            let (kind, order_id) = (acknowledged.kind, &acknowledged.order_id);
            verdict.lost.push(format!("{kind} of order {order_id} was acknowledged and is not in its history"));
        }
    }
    for watch in &evidence.watches {
        judge_watch(watch, server, &mut verdict);
    }
    for (order_id, order) in &server.orders {
        let mut next = 1;
        for fact in order.history.iter().flatten() {
            if fact.seq != next {
                verdict.gaps.push(format!("the history of order {order_id} goes from {} to {}", next - 1, fact.seq));
            }
            next = fact.seq + 1;
        }
    }
    verdict
}

fn judge_placement(placement: &Placement, server: &ServerSide, verdict: &mut Verdict) {
    let (Some(order_id), Some(answer)) = (placement.order_id(), placement.answers.first()) else {
        verdict.lost.push(format!("key {} was answered with 201 and no order", placement.key));
        return;
    };
    let ids: BTreeSet<&str> =
        placement.answers.iter().filter_map(|answer| answer.get("order_id").and_then(Value::as_str)).collect();
    if ids.len() > 1 {
        verdict.duplicated.push(format!("key {} made the orders {ids:?}", placement.key));
    } else if placement.bodies.windows(2).any(|bodies| bodies[0] != bodies[1]) {
        verdict.lost.push(format!("key {} was answered differently the second time", placement.key));
    }
    if wanted(answer) != sorted(placement.wanted.clone()) {
        verdict.lost.push(format!("order {order_id} was placed with other lines than were wanted"));
    }
    let Some(now) = server.orders.get(order_id).and_then(|order| order.order.as_ref()) else {
        verdict.lost.push(format!("order {order_id} was acknowledged and the server does not have it"));
        return;
    };
    if essence(answer) != essence(now) {
        verdict.lost.push(format!("order {order_id} has another content than was acknowledged"));
    }
    let status = now["status"].as_str().unwrap_or_default();
    if !is_end(status) {
        verdict.stuck.push(format!("order {order_id} is {status}"));
    }
    if server.admin_listed.as_ref().is_some_and(|listed| !listed.contains(order_id)) {
        verdict.lost.push(format!("order {order_id} is not in the operator's list"));
    }
}

fn judge_watch(watch: &Watch, server: &ServerSide, verdict: &mut Verdict) {
    let topic = &watch.topic;
    let order = topic.strip_prefix("order:").and_then(|id| server.orders.get(id));
    let history: BTreeMap<u64, &HistoryFact> =
        order.and_then(|order| order.history.as_ref()).into_iter().flatten().map(|fact| (fact.seq, fact)).collect();
    let mut resume = Resume::after(watch.after);
    for entry in &watch.entries {
        let (fit, seq) = match entry {
            Entry::Snapshot(seq) => (resume.snapshot(*seq), *seq),
            Entry::Fact { seq, .. } | Entry::Redacted(seq) => (resume.fact(*seq), *seq),
            Entry::Ahead => {
                let last = resume.last().unwrap_or_default();
                verdict.lost.push(format!("fact {last} of {topic} was shown and the server says it never was"));
                continue;
            }
        };
        match fit {
            Fit::Next => {}
            Fit::Again => verdict.duplicated.push(format!("fact {seq} of {topic} came twice to one watcher")),
            Fit::Gap { missing } => {
                verdict.gaps.push(format!("{missing} facts of {topic} before {seq} never came to a watcher"));
            }
        }
        if let Entry::Fact { seq, kind, data: Some(data) } = entry
            && !history.is_empty()
        {
            match history.get(seq) {
                Some(fact) if fact.kind == *kind && fact.data == *data => {}
                Some(fact) => verdict.lost.push(format!(
                    "fact {seq} of {topic} was shown as {kind} {data} and is {} {} in the history",
                    fact.kind, fact.data
                )),
                None => {
                    verdict.lost.push(format!("fact {seq} of {topic} ({kind}) was shown and is not in the history"))
                }
            }
        }
    }
    let end = history.keys().next_back().copied().unwrap_or_default();
    let seen = resume.last().unwrap_or_default();
    if watch.stayed && end > seen {
        verdict.gaps.push(format!("a watcher of {topic} stayed to the end and saw {seen} of {end} facts"));
    }
}

/// Kitchen, item and quantity of every line in an order.
fn wanted(order: &Value) -> Vec<(String, String, u32)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let parts = order["parts"].as_array().map(Vec::as_slice).unwrap_or_default();
    let lines = parts.iter().flat_map(|part| {
        let lines = part["lines"].as_array().map(Vec::as_slice).unwrap_or_default();
        lines.iter().map(move |line| {
            let quantity = line["quantity"].as_u64().and_then(|quantity| u32::try_from(quantity).ok());
            (text(&part["kitchen_id"]), text(&line["item_id"]), quantity.unwrap_or_default())
        })
    });
    sorted(lines.collect())
}

fn sorted<T: Ord>(mut items: Vec<T>) -> Vec<T> {
    items.sort_unstable();
    items
}

/// What of an order may never change after it was placed.
fn essence(order: &Value) -> Value {
    let some = |from: &Value, names: &[&str]| -> Value {
        names.iter().map(|name| ((*name).to_owned(), from[*name].clone())).collect::<serde_json::Map<_, _>>().into()
    };
    let mut essence = some(order, &["order_id", "court_id", "fulfilment", "placed_at", "totals", "dropoff"]);
    let parts = order["parts"].as_array().map(Vec::as_slice).unwrap_or_default();
    essence["parts"] = parts
        .iter()
        .map(|part| some(part, &["kitchen_id", "ticket_id", "lines", "subtotal"]))
        .collect::<Vec<_>>()
        .into();
    essence
}
