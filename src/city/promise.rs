//! Whether promises were kept and expected times came true, read from the orders' histories at the end. Pure.

use std::collections::BTreeMap;

use foodcourt_actors::time::Timestamp;
use serde_json::Value;

use super::{
    summary::{Summary, percentile},
    verdict::{HistoryFact, ServerOrder},
};

/// A promise's window, as quotes show it (`promised_from`, `promised_to`).
const WINDOW_MIN: i64 = 15;

/// How one delivery came true.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct CameTrue {
    /// Within the window.
    pub kept: bool,
    /// Error of the first time told with the rider who brought it, seconds either way.
    pub at_assignment_s: Option<f64>,
    /// Error of the time that stood when the rider took the food.
    pub at_pickup_s: Option<f64>,
}

/// Reads a history; `None`: nothing was promised, or it was not delivered.
#[must_use]
pub fn read(history: &[HistoryFact]) -> Option<CameTrue> {
    let time = |data: &Value, name: &str| serde_json::from_value::<Timestamp>(data[name].clone()).ok();
    let (mut promised_at, mut first, mut latest, mut at_pickup) = (None, None, None, None);
    for fact in history {
        match fact.kind.as_str() {
            "order.accepted" => promised_at = time(&fact.data, "promised_at"),
            "order.rider_assigned" => (first, latest) = (None, None),
            "order.eta_moved" => {
                latest = time(&fact.data, "dropoff_eta_at");
                first = first.or(latest);
            }
            "order.picked_up" => at_pickup = latest,
            "order.delivered" => {
                let at = fact.at?;
                let error_s = |told: Timestamp| at.since(told).max(told.since(at)).as_secs_f64();
                return Some(CameTrue {
                    kept: at <= promised_at?.plus_min(WINDOW_MIN),
                    at_assignment_s: first.map(error_s),
                    at_pickup_s: at_pickup.map(error_s),
                });
            }
            _ => {}
        }
    }
    None
}

/// Puts what all deliveries came to into `summary`.
pub fn sum_up(orders: &BTreeMap<String, ServerOrder>, summary: &mut Summary) {
    let read: Vec<CameTrue> = orders.values().filter_map(|order| read(order.history.as_ref()?)).collect();
    let kept = read.iter().filter(|one| one.kept).count();
    summary.promise_kept_pct = (kept as f64 * 1_000.0 / read.len().max(1) as f64).round() / 10.0;
    let mut assignment: Vec<f64> = read.iter().filter_map(|one| one.at_assignment_s).collect();
    let mut pickup: Vec<f64> = read.iter().filter_map(|one| one.at_pickup_s).collect();
    summary.eta_error_s_at_assignment_p50 = percentile(&mut assignment, 0.5);
    summary.eta_error_s_at_assignment_p90 = percentile(&mut assignment, 0.9);
    summary.eta_error_s_at_pickup_p50 = percentile(&mut pickup, 0.5);
    summary.eta_error_s_at_pickup_p90 = percentile(&mut pickup, 0.9);
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_history_tells_how_it_came_true() {
        let noon = Timestamp::from_micros(1_772_366_400_000_000);
        let fact = |minute: i64, kind: &str, data: Value| HistoryFact {
            seq: 0,
            kind: kind.to_owned(),
            data,
            at: Some(noon.plus_min(minute)),
        };
        let eta =
            |minute, dropoff| fact(minute, "order.eta_moved", json!({ "dropoff_eta_at": noon.plus_min(dropoff) }));
        let mut history = vec![
            fact(0, "order.accepted", json!({ "promised_at": noon.plus_min(30) })),
            fact(1, "order.rider_assigned", json!({})),
            eta(1, 90),
            fact(2, "order.rider_assigned", json!({})),
            eta(2, 28),
            eta(4, 33),
            fact(9, "order.picked_up", json!({})),
            eta(10, 44),
        ];
        assert_eq!(read(&history), None);
        history.push(fact(38, "order.delivered", json!({})));
        let expected = CameTrue { kept: true, at_assignment_s: Some(600.0), at_pickup_s: Some(300.0) };
        assert_eq!(read(&history), Some(expected));
        history.last_mut().expect("there is one").at = Some(noon.plus_min(46));
        assert!(!read(&history).expect("delivered").kept);
        let orders = BTreeMap::from([("a".to_owned(), ServerOrder { order: None, history: Some(history) })]);
        let mut summary = Summary::default();
        sum_up(&orders, &mut summary);
        assert_eq!((summary.promise_kept_pct, summary.eta_error_s_at_pickup_p50), (0.0, 780.0));
    }
}
