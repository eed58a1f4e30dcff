//! Several riders asked at once: one yes, and what becomes of the others.

use std::collections::BTreeMap;

use super::{
    Delivery, DeliveryCommand as Command, DeliveryStatus as Status,
    event::{DeliveryEvent, OfferRevoked, RefuseReason, RevokeReason},
    live::{LivePlan, PlanSettings, Verdict, Waiting},
    rules::DispatchRules as Rules,
    survey::{Duty, Seen},
    tests::{assign, found_for, offer, rider, searching},
};
use crate::{
    decider::Decider,
    event::Event,
    ids::{DeliveryId, RiderId},
    place::{LocalMap, Position},
    testing::{Given, NOON},
    travel::Vehicle,
};

/// Three candidates, the nearest two of them asked.
fn two_asked() -> Given<Delivery> {
    let near = found_for(2, &[(3, 900), (2, 400), (1, 90)], 1);
    let given = searching().when(near).then_kinds(&["delivery.offered", "delivery.offered"]);
    assert!(given.state.asks(rider(1)) && given.state.asks(rider(2)) && !given.state.asks(rider(3)));
    given
}

#[test]
fn the_first_yes_has_it_and_the_others_hear_so_at_once() {
    let taken = two_asked().when(assign(2, 1));
    let taken = taken.then_kinds(&["delivery.assigned", "delivery.offer_revoked"]);
    assert!(taken.state.is_brought_by(rider(2)) && taken.state.offers.is_empty());
    let events = Delivery::decide(&two_asked().state, &assign(2, 1), NOON).unwrap();
    let revoked = OfferRevoked { offer_id: offer(1, 1), rider_id: rider(1), reason: RevokeReason::Taken };
    assert_eq!(events[1], DeliveryEvent::OfferRevoked(revoked));
    taken
        .when(assign(1, 1)) // their yes was on its way
        .then_kinds(&["delivery.assignment_refused"])
        .when(assign(1, 1))
        .nothing()
        .when(Command::DeclineOffer { offer_id: offer(1, 1) })
        .nothing();
}

#[test]
fn a_yes_that_comes_too_late_is_told_for_what() {
    let told = |given: &Given<Delivery>, n: u128, round: u32| {
        let events = Delivery::decide(&given.state, &assign(n, round), NOON).unwrap();
        let [DeliveryEvent::AssignmentRefused(refused)] = &events[..] else { panic!("{events:?}") };
        refused.reason
    };
    let taken = two_asked().when(assign(2, 1)).then_kinds(&["delivery.assigned", "delivery.offer_revoked"]);
    assert_eq!(told(&taken, 1, 1), RefuseReason::Taken);
    let cancel = Command::Cancel { even_with_food: false };
    let cancelled = ["delivery.offer_revoked", "delivery.offer_revoked", "delivery.cancelled"];
    assert_eq!(told(&two_asked().when(cancel.clone()).then_kinds(&cancelled), 1, 1), RefuseReason::Cancelled);
    let expired = ["delivery.offer_expired", "delivery.offer_expired", "delivery.search_started"];
    let silent = two_asked().when_due().then_kinds(&expired);
    assert_eq!(told(&silent, 1, 1), RefuseReason::Expired);
    // That it was another's afterwards, or ended, does not change for what it was too late.
    let next = silent.when(found_for(1, &[(3, 900)], 2)).then_kinds(&["delivery.offered"]);
    let next = next.when(assign(3, 2)).then_kinds(&["delivery.assigned"]);
    assert_eq!(told(&next, 2, 1), RefuseReason::Expired);
    let gone = next.when(cancel).then_kinds(&["delivery.cancelled"]);
    assert_eq!((told(&gone, 2, 1), told(&gone, 9, 9)), (RefuseReason::Expired, RefuseReason::Cancelled));
}

#[test]
fn the_next_are_asked_when_all_have_said_no() {
    let one_no = two_asked().when(Command::DeclineOffer { offer_id: offer(1, 1) });
    let one_no = one_no.then_kinds(&["delivery.offer_declined"]);
    assert_eq!(one_no.state.status(), Some(Status::Created));
    one_no.when(assign(2, 1)).then_kinds(&["delivery.assigned"]);
    let one_no = two_asked().when(Command::DeclineOffer { offer_id: offer(2, 1) });
    let silent = one_no.then_kinds(&["delivery.offer_declined"]).when_due();
    let silent = silent.then_kinds(&["delivery.offer_expired", "delivery.search_started"]);
    assert_eq!(silent.state.declined, [rider(2), rider(1)]);
    let next = silent.when(found_for(2, &[(3, 900), (2, 400), (1, 90)], 2)).then_kinds(&["delivery.offered"]);
    assert!(next.state.asks(rider(3)));
    let all_silent = ["delivery.offer_expired", "delivery.offer_expired", "delivery.search_started"];
    two_asked().when_due().then_kinds(&all_silent);
}

#[test]
fn an_end_takes_all_offers_back() {
    let ended = two_asked().when(Command::Cancel { even_with_food: false });
    ended.then_kinds(&["delivery.offer_revoked", "delivery.offer_revoked", "delivery.cancelled"]);
    // Before several were asked at once there was no other reason.
    let body = format!(r#"{{"offer_id":"{}","rider_id":"{}"}}"#, offer(1, 1), rider(1));
    let DeliveryEvent::OfferRevoked(old) = DeliveryEvent::decode("delivery.offer_revoked", &body).unwrap() else {
        panic!("not what it says")
    };
    assert_eq!(old.reason, RevokeReason::Cancelled);
}

#[test]
fn never_more_are_asked_than_read_their_offers() {
    let near: Vec<(u128, u32)> = (1..=9).map(|n| (n, 100)).collect();
    let given = searching().when(found_for(9, &near, 1)).then_kinds(&["delivery.offered"; Rules::AT_ONCE_MAX]);
    assert_eq!(given.state.offers.len(), Rules::AT_ONCE_MAX);
    searching().when(found_for(0, &near, 1)).then_kinds(&["delivery.offered"]);
}

fn court() -> Position {
    Position::new(52.52, 13.40).unwrap()
}
fn at(metres: f64) -> Position {
    LocalMap::around(court()).to_position([metres, 0.0])
}
fn waiting(n: u128) -> Waiting {
    Waiting {
        delivery_id: DeliveryId(uuid::Uuid::from_u128(n)),
        pickup: court(),
        dropoff: at(-800.0 - 100.0 * n as f64),
        since: NOON,
        ready_at: NOON,
        promised_at: NOON.plus_s(1_800),
        not: vec![],
        likely: None,
    }
}
/// Whom a plan asks for each of `deliveries`, the planned rider first.
fn asked(at_once: u32, deliveries: u128, riders: &[(u128, f64, u32)]) -> Vec<Vec<RiderId>> {
    let settings = PlanSettings { ask_at_once: at_once, ..PlanSettings::default() };
    let seen = |(n, metres, capacity): &(u128, f64, u32)| Seen {
        rider_id: rider(*n),
        position: at(*metres),
        vehicle: Vehicle::Bicycle,
        capacity: *capacity,
        bag: vec![],
        duty: Duty::default(),
    };
    let riders: Vec<Seen> = riders.iter().map(seen).collect();
    let waiting: Vec<Waiting> = (1..=deliveries).map(waiting).collect();
    let decided = LivePlan::new(settings, court()).tick(NOON, &waiting, &riders, &BTreeMap::new());
    let asked = decided.into_iter().map(|one| match one.verdict {
        Verdict::Ask(rider_id) => std::iter::once(rider_id).chain(one.also).collect(),
        _ => vec![],
    });
    asked.collect()
}

#[test]
fn a_plan_asks_the_next_best_too_but_nobody_whom_it_means_for_something_else() {
    let near = [(1, 100.0, 1), (2, 200.0, 1), (3, 300.0, 1), (4, 400.0, 1)];
    assert_eq!(asked(1, 1, &near), [[rider(1)]]);
    assert_eq!(asked(3, 1, &near), [[rider(1), rider(2), rider(3)]]);
    let mut all = asked(3, 2, &near).concat();
    assert!(all.len() > 2, "{all:?}");
    all.sort_unstable();
    let many = all.len();
    all.dedup();
    assert_eq!(all.len(), many, "nobody is asked for two things");
}

#[test]
fn a_route_is_asked_of_one_rider() {
    // Two doors on one way, and the second rider far: one rider takes both.
    let route = asked(3, 2, &[(1, 50.0, 2), (2, 2_500.0, 1), (3, 2_600.0, 1)]);
    assert_eq!(route, [[rider(1)], [rider(1)]]);
}
