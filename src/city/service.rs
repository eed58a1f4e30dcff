//! How well customers were served and what that took of the riders: from the orders' histories and the riders' own
//! books. Pure.

use std::collections::BTreeMap;

use foodcourt_actors::{gini::gini, time::Timestamp};
use serde_json::Value;

use super::{
    log::Shift,
    summary::{Summary, percentile},
    verdict::{HistoryFact, ServerOrder},
};

/// One order that was brought to a door.
#[derive(Clone, Copy, PartialEq, Debug)]
struct Brought {
    placed_at: Timestamp,
    ready_at: Timestamp,
    promised_at: Timestamp,
    delivered_at: Timestamp,
}

fn read(history: &[HistoryFact]) -> Option<Brought> {
    let at = |kind: &str| history.iter().find(|fact| fact.kind == kind);
    let promise = |data: &Value| serde_json::from_value::<Timestamp>(data["promised_at"].clone()).ok();
    Some(Brought {
        placed_at: at("order.placed")?.at?,
        ready_at: at("order.ready_for_pickup")?.at?,
        promised_at: promise(&at("order.accepted")?.data)?,
        delivered_at: at("order.delivered")?.at?,
    })
}

/// Puts what all deliveries and shifts came to into `summary`.
pub fn sum_up(orders: &BTreeMap<String, ServerOrder>, shifts: &[Shift], summary: &mut Summary) {
    let brought: Vec<Brought> = orders.values().filter_map(|order| read(order.history.as_ref()?)).collect();
    let each = |span: &dyn Fn(&Brought) -> f64| brought.iter().map(span).collect::<Vec<f64>>();
    let mut click = each(&|one| one.delivered_at.since(one.placed_at).as_secs_f64());
    let late = each(&|one| one.delivered_at.since(one.promised_at).as_secs_f64());
    summary.click_to_door_s_p50 = percentile(&mut click, 0.5);
    summary.click_to_door_s_p90 = percentile(&mut click, 0.9);
    summary.click_to_door_s_mean = tenth(mean(&click));
    summary.ready_to_door_s_mean = tenth(mean(&each(&|one| one.delivered_at.since(one.ready_at).as_secs_f64())));
    summary.late_s_mean = tenth(mean(&late));
    let too_late = late.iter().filter(|late_s| **late_s > 0.0).count();
    summary.late_pct = tenth(100.0 * too_late as f64 / late.len().max(1) as f64);
    let delivered: u32 = shifts.iter().map(|shift| shift.delivered).sum();
    let ridden_m: f64 = shifts.iter().map(|shift| shift.for_food_m).sum();
    summary.rider_km_per_order = (ridden_m / f64::from(delivered.max(1)) / 10.0).round() / 100.0;
    let first = brought.iter().map(|one| one.placed_at).min();
    let last = brought.iter().map(|one| one.delivered_at).max();
    if let (Some(first), Some(last)) = (first, last) {
        let there_s = last.since(first).as_secs_f64() * shifts.len() as f64;
        let busy_s: f64 = shifts.iter().map(|shift| shift.busy_s).sum();
        summary.rider_idle_pct = tenth(100.0 * (1.0 - busy_s / there_s.max(1.0)).max(0.0));
    }
    summary.rider_deliveries_gini = thousandth(gini(shifts.iter().map(|shift| f64::from(shift.delivered)).collect()));
    summary.rider_busy_gini = thousandth(gini(shifts.iter().map(|shift| shift.busy_s).collect()));
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}

fn thousandth(value: f64) -> f64 {
    (value * 1_000.0).round() / 1_000.0
}

fn tenth(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn histories_and_shifts_tell_how_people_were_served() {
        let noon = Timestamp::from_micros(1_772_366_400_000_000);
        let order = |minutes: [i64; 3]| {
            let fact = |minute, kind: &str, data| HistoryFact {
                seq: 0,
                kind: kind.to_owned(),
                data,
                at: Some(noon.plus_min(minute)),
            };
            let [placed, promised, delivered] = minutes;
            let history = vec![
                fact(placed, "order.placed", Value::Null),
                fact(placed, "order.accepted", json!({ "promised_at": noon.plus_min(promised) })),
                fact(delivered - 10, "order.ready_for_pickup", Value::Null),
                fact(delivered, "order.delivered", Value::Null),
            ];
            ServerOrder { order: None, history: Some(history) }
        };
        let orders = BTreeMap::from([
            ("early".to_owned(), order([0, 30, 20])),
            ("late".to_owned(), order([5, 30, 40])),
            ("not brought".to_owned(), ServerOrder::default()),
        ]);
        let shifts = [
            Shift { for_food_m: 4_000.0, busy_s: 1_200.0, delivered: 2 },
            Shift { for_food_m: 2_000.0, busy_s: 0.0, delivered: 0 },
        ];
        let mut summary = Summary::default();
        sum_up(&orders, &shifts, &mut summary);
        assert_eq!((summary.click_to_door_s_mean, summary.click_to_door_s_p90), (1_650.0, 2_100.0));
        assert_eq!((summary.ready_to_door_s_mean, summary.late_pct, summary.late_s_mean), (600.0, 50.0, 300.0));
        assert_eq!((summary.rider_km_per_order, summary.rider_idle_pct), (3.0, 75.0));
        assert_eq!(summary.rider_deliveries_gini, 0.5);
    }

    #[test]
    fn nobody_brought_anything() {
        let mut summary = Summary::default();
        sum_up(&BTreeMap::new(), &[], &mut summary);
        assert_eq!((summary.late_pct, summary.rider_km_per_order, summary.rider_deliveries_gini), (0.0, 0.0, 0.0));
    }
}
