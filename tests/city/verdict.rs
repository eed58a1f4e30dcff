//! Planted faults: each must be found, and nothing else.

use foodcourt::city::{
    log::{Acknowledged, Entry, Evidence, Placement, Watch},
    verdict::{HistoryFact, ServerOrder, ServerSide, Verdict, judge},
};
use serde_json::{Value, json};

fn order(status: &str) -> Value {
    json!({"order_id": "o1", "court_id": "c", "status": status, "fulfilment": "pickup", "placed_at": "2026-03-01T12:00:00Z",
        "totals": {"total": {"amount": 900, "currency": "EUR"}}, "dropoff": null, "version": 1,
        "parts": [{"kitchen_id": "k", "ticket_id": "t", "stage": "waiting", "subtotal": 900,
            "lines": [{"item_id": "i", "quantity": 2, "name": "Ramen"}]}]})
}

fn fact(seq: u64, kind: &str) -> HistoryFact {
    HistoryFact { seq, kind: kind.to_owned(), data: json!({"n": seq}), at: None }
}

fn seen(seq: u64, kind: &str) -> Entry {
    Entry::Fact { seq, kind: kind.to_owned(), data: Some(json!({"n": seq})) }
}

fn watch(after: Option<u64>, entries: Vec<Entry>) -> Watch {
    Watch { topic: "order:o1".to_owned(), after, entries, stayed: true }
}

/// A run in which all is well: one order, watched from its first fact to its last.
fn healthy() -> (Evidence, ServerSide) {
    let answer = order("placed");
    let placement = Placement {
        customer: 0,
        key: "key".to_owned(),
        wanted: vec![("k".to_owned(), "i".to_owned(), 2)],
        bodies: vec![answer.to_string()],
        answers: vec![answer],
    };
    let entries = vec![seen(1, "order.placed"), Entry::Redacted(2), seen(3, "order.completed")];
    let evidence = Evidence {
        placements: vec![placement],
        watches: vec![watch(Some(0), entries)],
        acknowledged: vec![Acknowledged { order_id: "o1".to_owned(), kind: "order.completed" }],
        ..Evidence::default()
    };
    let history = vec![fact(1, "order.placed"), fact(2, "order.paid"), fact(3, "order.completed")];
    let known = ServerOrder { order: Some(order("completed")), history: Some(history) };
    let server = ServerSide {
        orders: [("o1".to_owned(), known)].into(),
        listed: ["o1".to_owned()].into(),
        admin_listed: Some(["o1".to_owned(), "somebody else's".to_owned()].into()),
    };
    (evidence, server)
}

/// Lost, duplicated, gaps, stuck.
fn counts(plant: impl FnOnce(&mut Evidence, &mut ServerSide)) -> [usize; 4] {
    let (mut evidence, mut server) = healthy();
    plant(&mut evidence, &mut server);
    let Verdict { lost, duplicated, gaps, stuck } = judge(&evidence, &server);
    [lost.len(), duplicated.len(), gaps.len(), stuck.len()]
}

fn known(server: &mut ServerSide) -> &mut ServerOrder {
    server.orders.get_mut("o1").expect("the healthy run has this order")
}

#[test]
fn a_healthy_run_is_clean() {
    assert_eq!(counts(|_, _| {}), [0, 0, 0, 0]);
}

#[test]
fn finds_an_acknowledged_order_that_is_gone() {
    assert_eq!(counts(|_, server| *known(server) = ServerOrder::default())[0], 1);
}

#[test]
fn finds_an_order_with_another_content() {
    let other = |_: &mut Evidence, server: &mut ServerSide| {
        known(server).order.as_mut().unwrap()["totals"]["total"]["amount"] = json!(901);
    };
    assert_eq!(counts(other), [1, 0, 0, 0]);
}

#[test]
fn finds_an_order_with_lines_nobody_wanted() {
    assert_eq!(counts(|evidence, _| evidence.placements[0].wanted[0].2 = 1), [1, 0, 0, 0]);
}

#[test]
fn finds_an_order_that_the_operator_cannot_see() {
    assert_eq!(counts(|_, server| server.admin_listed = Some([].into())), [1, 0, 0, 0]);
}

#[test]
fn finds_an_acknowledged_step_that_was_forgotten() {
    assert_eq!(counts(|evidence, _| evidence.acknowledged[0].kind = "order.delivered"), [1, 0, 0, 0]);
}

#[test]
fn finds_a_fact_that_was_shown_and_never_was() {
    let forgotten = |_: &mut Evidence, server: &mut ServerSide| known(server).history.as_mut().unwrap().truncate(2);
    // The acknowledged completion is missing too.
    assert_eq!(counts(forgotten), [2, 0, 0, 0]);
}

#[test]
fn finds_a_fact_that_was_shown_differently() {
    let other = |_: &mut Evidence, server: &mut ServerSide| {
        known(server).history.as_mut().unwrap()[2].data = json!({"n": "other"});
    };
    assert_eq!(counts(other), [1, 0, 0, 0]);
}

#[test]
fn finds_a_server_that_forgot_how_far_it_was() {
    assert_eq!(counts(|evidence, _| evidence.watches[0].entries.push(Entry::Ahead)), [1, 0, 0, 0]);
}

#[test]
fn finds_two_orders_of_one_key() {
    let twice = |evidence: &mut Evidence, _: &mut ServerSide| {
        let mut other = order("placed");
        other["order_id"] = json!("o2");
        evidence.placements[0].bodies.push(other.to_string());
        evidence.placements[0].answers.push(other);
    };
    assert_eq!(counts(twice), [0, 1, 0, 0]);
}

#[test]
fn finds_a_replay_with_other_bytes() {
    let replay = |evidence: &mut Evidence, _: &mut ServerSide| {
        evidence.placements[0].answers.push(order("accepted"));
        evidence.placements[0].bodies.push(order("accepted").to_string());
    };
    assert_eq!(counts(replay), [1, 0, 0, 0]);
}

#[test]
fn finds_an_order_that_no_key_was_answered_with() {
    assert_eq!(counts(|_, server| assert!(server.listed.insert("o2".to_owned()))), [0, 1, 0, 0]);
}

#[test]
fn finds_a_fact_that_came_twice() {
    assert_eq!(counts(|evidence, _| evidence.watches[0].entries.insert(1, seen(1, "order.placed"))), [0, 1, 0, 0]);
}

#[test]
fn finds_a_hole_and_a_missing_tail() {
    let hole = |evidence: &mut Evidence, _: &mut ServerSide| drop(evidence.watches[0].entries.remove(1));
    assert_eq!(counts(hole), [0, 0, 1, 0]);
    let tail = |evidence: &mut Evidence, _: &mut ServerSide| drop(evidence.watches[0].entries.pop());
    assert_eq!(counts(tail), [0, 0, 1, 0]);
    let left_early = |evidence: &mut Evidence, _: &mut ServerSide| {
        evidence.watches[0].entries.pop();
        evidence.watches[0].stayed = false;
    };
    assert_eq!(counts(left_early), [0, 0, 0, 0]);
}

#[test]
fn finds_a_start_that_was_missed() {
    let late = |evidence: &mut Evidence, _: &mut ServerSide| drop(evidence.watches[0].entries.remove(0));
    assert_eq!(counts(late), [0, 0, 1, 0]);
    let snapshot = |evidence: &mut Evidence, _: &mut ServerSide| {
        evidence.watches[0] = watch(None, vec![Entry::Snapshot(2), seen(3, "order.completed")]);
    };
    assert_eq!(counts(snapshot), [0, 0, 0, 0]);
}

#[test]
fn finds_a_hole_in_the_history_itself() {
    let hole = |_: &mut Evidence, server: &mut ServerSide| {
        known(server).history.as_mut().unwrap().remove(1);
    };
    assert_eq!(counts(hole), [0, 0, 1, 0]);
}

#[test]
fn finds_an_order_that_never_ended() {
    let stuck = |_: &mut Evidence, server: &mut ServerSide| {
        known(server).order.as_mut().unwrap()["status"] = json!("accepted");
    };
    assert_eq!(counts(stuck), [0, 0, 0, 1]);
}
