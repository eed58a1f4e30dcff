//! What a plan may do to a delivery: hold it back within its bound, and choose its rider.

use super::{
    Delivery, DeliveryCommand as Command, Phase,
    live::{LivePlan, PlanSettings, Waiting},
    survey::Seen,
    tests::{found, rider, searching},
};
use crate::{decider::Decider, ids::DeliveryId, place::Position, testing::NOON, travel::Vehicle};

#[test]
fn a_planned_delivery_waits_within_its_bound_and_may_be_offered_before() {
    let hold = |round, until_s| Command::HoldBack { round, until: NOON.plus_s(until_s), wait_max_s: 60 };
    let choose = |chosen: u128, round| {
        let Command::NoteCandidates { candidates, .. } = found(&[(1, 90), (2, 400)], round) else { unreachable!() };
        Command::NoteChoice { round, chosen: rider(chosen), candidates, bundle: None }
    };
    let held = || searching().when(hold(1, 30)).then_kinds(&["delivery.held_back"]).when(hold(1, 40)).nothing();
    assert_eq!(Delivery::deadline(&held().state).unwrap().at, NOON.plus_s(30));
    // The plan's rider is asked, though somebody else is nearer, and an older round's answer is not heard.
    let asked = held().when(choose(2, 0)).nothing().when(choose(2, 1)).then_kinds(&["delivery.offered"]);
    assert!(matches!(asked.state.phase, Phase::Asking { rider_id, .. } if rider_id == rider(2)));
    // Nobody came: it looks again, and past the bound it is not held back any more.
    let again = held().when_due().then_kinds(&["delivery.search_started"]);
    let bound = again.state.request.as_ref().unwrap().ready_at.plus_s(60);
    let again = again.when(hold(2, 86_400)).then_kinds(&["delivery.held_back"]);
    assert!(Delivery::deadline(&again.state).unwrap().at <= bound);
    let late = again.at(bound).when_due().then_kinds(&["delivery.search_started"]);
    late.when(hold(3, 86_400)).nothing();
}

#[test]
fn a_plan_follows_a_court_that_is_opened_far_away() {
    // Made on a map of Berlin, where a degree to the east is 68 km; in Lagos it is 111.
    let berlin = Position::new(52.5, 13.4).unwrap();
    let at = |lon: f64| Position::new(6.43, lon).unwrap();
    let waiting = Waiting {
        delivery_id: DeliveryId(uuid::Uuid::from_u128(1)),
        pickup: at(3.42),
        dropoff: at(3.44),
        since: NOON,
        ready_at: NOON.plus_s(600),
        promised_at: NOON.plus_s(1_800),
        not: vec![],
    };
    let seen = Seen { rider_id: rider(1), position: at(3.40), vehicle: Vehicle::Bicycle, capacity: 2, bag: vec![] };
    let (waiting, riders, settings) = ([waiting], [seen], PlanSettings::default());
    let decided = LivePlan::new(settings, berlin).tick(NOON, &waiting, &riders);
    assert_eq!(decided[0].weighed, LivePlan::weigh_alone(settings, NOON, &waiting[0], &riders));
    assert!(decided[0].weighed[0].to_pickup_s > 600, "2.2 km by bicycle: {:?}", decided[0].weighed);
}
