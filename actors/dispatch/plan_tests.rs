//! What a plan may do to a delivery: hold it back within its bound, and choose its rider.

use super::{
    Delivery, DeliveryCommand as Command, Phase,
    tests::{found, rider, searching},
};
use crate::{decider::Decider, testing::NOON};

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
