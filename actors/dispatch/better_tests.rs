//! A better rider before pickup: who is asked, and what comes of it.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Delivery, DeliveryCommand as Command, RiderStep,
    better::{Better, Riding, better},
    desk::{Desk, News},
    event::{Candidate, DeliveryEvent, UnassignReason},
    live::{PlanSettings, Searching},
    projection::{Role, event_for},
    survey::{Carried, Duty, Seen},
    tests::{assign, confirmed, offer, rider, step},
};
use crate::{
    decider::{Deadline, Decider},
    ids::{DeliveryId, RiderId},
    place::{LocalMap, Position},
    testing::{Given, NOON},
    travel::Vehicle,
};

/// `other` is asked instead of `n`.
pub(super) fn ask(n: u128, other: u128) -> Command {
    let near = |n| Candidate { rider_id: rider(n), distance_m: 90, travel_s: None };
    Command::AskBetter { bearer: rider(n), later_s: 240, chosen: rider(other), candidates: vec![near(other), near(n)] }
}
/// The first has it, the second is asked.
fn asked() -> Given<Delivery> {
    confirmed().when(ask(1, 2)).then_kinds(&["delivery.offered"])
}

#[test]
fn a_yes_passes_it_on_in_one_append_and_nothing_stays_on_the_first() {
    let given = asked();
    assert!(given.state.is_brought_by(rider(1)) && given.state.asks(rider(2)));
    let events = Delivery::decide(&given.state, &assign(2, 2), NOON).unwrap();
    let [DeliveryEvent::Unassigned(off), DeliveryEvent::Assigned(on)] = &events[..] else { panic!("{events:?}") };
    assert_eq!((off.rider_id, off.reason, on.rider_id), (rider(1), UnassignReason::Better, rider(2)));
    assert_eq!(off.offer_id, offer(1, 1));
    let passed = asked().when(assign(2, 2)).then_kinds(&["delivery.unassigned", "delivery.assigned"]);
    assert!(passed.state.is_brought_by(rider(2)));
    assert_eq!(passed.state.declined, [], "the first may be asked again");
    // Once, and no third.
    let again = passed.when(ask(2, 3)).nothing().when(ask(2, 1)).nothing();
    let gave_back = Command::Unassign { rider_id: rider(2), reason: UnassignReason::GaveBack };
    again.when(gave_back).then_kinds(&["delivery.unassigned", "delivery.search_started"]);
}

#[test]
fn a_no_or_a_silence_changes_nothing() {
    let due = |given: &Given<Delivery>| {
        let Deadline { at, command } = Delivery::deadline(&given.state).unwrap();
        (at, command)
    };
    let before = due(&confirmed());
    let declined = asked().when(Command::DeclineOffer { offer_id: offer(2, 2) });
    let declined = declined.then_kinds(&["delivery.offer_declined"]);
    let silent = asked().when_due().then_kinds(&["delivery.offer_expired"]);
    for given in [declined, silent] {
        assert!(given.state.is_brought_by(rider(1)) && given.state.offers.is_empty());
        assert_eq!(due(&given), before);
        given.when(assign(2, 2)).then_kinds(&["delivery.assignment_refused"]).when(ask(1, 3)).nothing();
    }
}

#[test]
fn who_reaches_the_court_keeps_it() {
    let arrived = asked().when(step(1, RiderStep::ArrivedAtPickup));
    let arrived = arrived.then_kinds(&["delivery.arrived_at_pickup", "delivery.offer_revoked"]);
    let late = arrived.when(assign(2, 2)).then_kinds(&["delivery.assignment_refused"]);
    assert!(late.state.is_brought_by(rider(1)));
    let at_court = confirmed().when(step(1, RiderStep::ArrivedAtPickup)).then_kinds(&["delivery.arrived_at_pickup"]);
    at_court.when(ask(1, 2)).nothing();
    confirmed().when(ask(3, 2)).nothing().when(ask(1, 1)).nothing();
}

#[test]
fn who_gives_it_back_meanwhile_leaves_it_to_the_one_who_is_asked() {
    let gave_back = Command::Unassign { rider_id: rider(1), reason: UnassignReason::GaveBack };
    let open = asked().when(gave_back).then_kinds(&["delivery.unassigned"]);
    assert!(open.state.asks(rider(2)) && open.state.declined == [rider(1)]);
    open.when(assign(2, 2)).then_kinds(&["delivery.assigned"]);
    let gave_back = Command::Unassign { rider_id: rider(1), reason: UnassignReason::GaveBack };
    let open = asked().when(gave_back).then_kinds(&["delivery.unassigned"]);
    open.when_due().then_kinds(&["delivery.offer_expired", "delivery.search_started"]);
    let ended = asked().when(Command::Cancel { even_with_food: false });
    ended.then_kinds(&["delivery.offer_revoked", "delivery.cancelled"]);
}

#[test]
fn neither_rider_reads_of_the_other() {
    for event in Delivery::decide(&confirmed().state, &ask(1, 2), NOON).unwrap() {
        let seen = |n| event_for(Role::Rider(rider(n)), &event).map(|data| data.to_string());
        assert_eq!(seen(1), None);
        assert!(!seen(2).unwrap().contains(&rider(1).to_string()));
        assert!(event_for(Role::Staff, &event).unwrap()["instead_of"]["later_s"] == 240);
    }
}

fn at(metres: f64) -> Position {
    LocalMap::around(Position::new(52.52, 13.40).unwrap()).to_position([metres, 0.0])
}
fn delivery(n: u128) -> DeliveryId {
    DeliveryId(uuid::Uuid::from_u128(n))
}
fn seen(n: u128, metres: f64, fetches: &[u128]) -> Seen {
    let bag = fetches.iter().map(|n| Carried::to_fetch(delivery(*n), [at(0.0), at(-900.0)]));
    Seen {
        rider_id: rider(n),
        position: at(metres),
        vehicle: Vehicle::Bicycle,
        capacity: 2,
        bag: bag.collect(),
        duty: Duty::default(),
    }
}
/// The exchange found where rider 1 fetches delivery 1 from `metres` away.
fn found(better_s: i64, ready_in_s: i64, bearer: Seen, others: &[Seen], meant: &[RiderId]) -> Vec<Better> {
    found_but(better_s, ready_in_s, bearer, others, meant, &[])
}
fn found_but(
    better_s: i64,
    ready_in_s: i64,
    bearer: Seen,
    others: &[Seen],
    meant: &[RiderId],
    refused: &[RiderId],
) -> Vec<Better> {
    let settings = PlanSettings { better_s, ..PlanSettings::default() };
    let ready_at = NOON.plus_s(ready_in_s);
    let one = Riding { rider_id: rider(1), pickup: at(0.0), dropoff: at(-900.0), ready_at, since: NOON };
    let riding: BTreeMap<_, _> = [(delivery(1), one)].into();
    let riders: Vec<Seen> = others.iter().cloned().chain([bearer]).collect();
    let meant: BTreeSet<RiderId> = meant.iter().copied().collect();
    better(&settings, NOON, &riding, &riders, &meant, &|_, rider_id| refused.contains(&rider_id))
}

#[test]
fn only_who_is_surely_sooner_is_asked_and_no_route_is_torn_apart() {
    let far = || seen(1, 2_000.0, &[1]);
    let free = [seen(2, 900.0, &[]), seen(3, 200.0, &[])];
    let best = found(120, 0, far(), &free, &[]);
    assert_eq!((best.len(), best[0].chosen.rider_id), (1, rider(3)));
    let sooner_s = best[0].sooner_s;
    assert!((400..600).contains(&sooner_s), "1.8 km by bicycle: {sooner_s}");
    assert_eq!(found(120, 0, far(), &free, &[rider(3)])[0].chosen.rider_id, rider(2), "who is meant for something");
    let none =
        |better_s, ready_in_s, bearer, why| assert_eq!(found(better_s, ready_in_s, bearer, &free, &[]), [], "{why}");
    none(sooner_s + 1, 0, far(), "not enough sooner");
    none(120, 900, far(), "the food comes later than both");
    none(20, 0, seen(1, 250.0, &[1]), "nearly there");
    none(120, 0, seen(1, 2_000.0, &[1, 7]), "a route");
    none(120, 0, seen(1, 2_000.0, &[7]), "has it no more");
    let asked = |others: &[Seen], refused: &[RiderId]| {
        let found = found_but(120, 600, seen(1, 6_000.0, &[1]), others, &[], refused);
        found.into_iter().map(|better| better.chosen.rider_id).collect::<Vec<_>>()
    };
    assert_eq!(asked(&free, &[rider(3)]), [rider(2)], "who has said no is not asked again");
    let mut home = free.clone();
    home[1].duty.start(Some(NOON.plus_s(590)), NOON);
    assert_eq!(asked(&home, &[]), [rider(2)], "home before the food is ready");
    let busy = [seen(3, 200.0, &[8])];
    assert_eq!(found(120, 0, far(), &busy, &[]), []);
}

#[test]
fn one_is_asked_whichever_nodes_plan_was_first() {
    let settings = PlanSettings { better_s: 120, ..PlanSettings::default() };
    let riders = [seen(1, 2_000.0, &[1]), seen(2, 200.0, &[])];
    let asked = |news: &[News]| {
        let mut desk = Desk::new(settings, Searching::default(), at(0.0));
        news.iter().for_each(|news| desk.heard(delivery(1), *news, NOON));
        let due = desk.survey(NOON, &[]).deliveries;
        [0, 0].map(|_| desk.tick(NOON, &due, &riders, |_, _| ()).len())
    };
    let one = Riding { rider_id: rider(1), pickup: at(0.0), dropoff: at(-900.0), ready_at: NOON, since: NOON };
    let riding = News::Riding(one);
    assert_eq!(asked(&[riding]), [1, 0]);
    let event = Delivery::decide(&confirmed().state, &ask(1, 2), NOON).unwrap().pop().unwrap();
    let by_another = News::of(&event, NOON).unwrap();
    assert_eq!(asked(&[riding, by_another]), [0, 0]);
    assert_eq!(asked(&[riding, by_another, News::Settled, riding]), [0, 0], "given back, and given to another");
    assert_eq!(asked(&[riding, News::Refused(rider(2))]), [0, 0]);
    assert_eq!(asked(&[riding, News::Over]), [0, 0]);
}
