//! The rules of a delivery: given facts, when a command, then facts or a refusal.

use proptest::prelude::*;
use uuid::Uuid;

use super::{
    Delivery, DeliveryCommand as Command, DeliveryRejection as Rejection, DeliveryState, DeliveryStatus as Status,
    DispatchPolicy, RiderStep as Step_, event::*, rules::DispatchRules as Rules,
};
use crate::{
    decider::Decider,
    event::{Event, Recorded},
    ids::{CourtId, DeliveryId, OfferId, OrderId, RiderId},
    place::Position,
    reactor::Policy,
    stream::{Category, StreamId},
    testing::{Given, NOON, given},
    time::Timestamp,
};

pub(super) fn rider(n: u128) -> RiderId {
    crate::ids::UserId(Uuid::from_u128(n))
}
fn order_id() -> OrderId {
    OrderId(Uuid::from_u128(7))
}
fn delivery_id() -> DeliveryId {
    DeliveryId::of(order_id())
}
pub(super) fn offer(n: u128, round: u32) -> OfferId {
    OfferId::of(delivery_id(), rider(n), round)
}
fn place(lat: f64, lon: f64) -> Position {
    Position::new(lat, lon).unwrap()
}
fn request(ready_in_min: i64) -> Requested {
    let ready_at = NOON.plus_min(ready_in_min);
    Requested {
        delivery_id: delivery_id(),
        order_id: order_id(),
        court_id: CourtId(Uuid::from_u128(1)),
        pickup: place(52.52, 13.40),
        dropoff: place(52.53, 13.41),
        ready_at,
        promised_at: ready_at.plus_min(20),
        assign_by: Rules::assign_by(ready_at, NOON),
        proof: Default::default(),
    }
}
pub(super) fn found(riders: &[(u128, u32)], round: u32) -> Command {
    found_for(1, riders, round)
}
pub(super) fn found_for(at_once: u32, riders: &[(u128, u32)], round: u32) -> Command {
    let candidates =
        riders.iter().map(|(n, distance_m)| Candidate { rider_id: rider(*n), distance_m: *distance_m, travel_s: None });
    Command::NoteCandidates { round, candidates: candidates.collect(), at_once }
}
pub(super) fn step(n: u128, step: Step_) -> Command {
    Command::Step { rider_id: rider(n), step }
}
pub(super) fn assign(n: u128, round: u32) -> Command {
    Command::Assign { rider_id: rider(n), offer_id: offer(n, round) }
}

/// Requested, with the food ready in ten minutes: the search is due now.
fn requested() -> Given<Delivery> {
    given([]).when(Command::Request(request(10))).then_kinds(&["delivery.requested"])
}
pub(super) fn searching() -> Given<Delivery> {
    requested().when_due().then_kinds(&["delivery.search_started"])
}
fn asking() -> Given<Delivery> {
    searching().when(found(&[(2, 400), (1, 90)], 1)).then_kinds(&["delivery.offered"])
}
pub(super) fn confirmed() -> Given<Delivery> {
    asking().when(assign(1, 1)).then_kinds(&["delivery.assigned"])
}
fn at_pickup() -> Given<Delivery> {
    confirmed().when(step(1, Step_::ArrivedAtPickup)).then_kinds(&["delivery.arrived_at_pickup"])
}
fn picked_up() -> Given<Delivery> {
    at_pickup()
        .when(Command::NoteReady)
        .then_kinds(&["delivery.ready_noted"])
        .when(step(1, Step_::PickedUp))
        .then_kinds(&["delivery.picked_up"])
}
fn delivered() -> Given<Delivery> {
    picked_up()
        .when(step(1, Step_::ArrivedAtDropoff))
        .then_kinds(&["delivery.arrived_at_dropoff"])
        .when(step(1, Step_::Delivered))
        .then_kinds(&["delivery.delivered"])
}

#[test]
fn asks_the_nearest_and_says_who_else_was_near() {
    let given = asking();
    assert!(given.state.asks(rider(1)) && !given.state.asks(rider(2)));
    let events = Delivery::decide(&searching().state, &found(&[(2, 400), (1, 90)], 1), NOON).unwrap();
    let [DeliveryEvent::Offered(offered)] = &events[..] else { panic!("{events:?}") };
    assert_eq!(offered.considered.iter().map(|one| one.rider_id).collect::<Vec<_>>(), [rider(1), rider(2)]);
    assert_eq!(offered.dropoff_coarse, request(10).dropoff.coarse(), "the door is told only once assigned");
}

#[test]
fn looks_ahead_so_that_the_rider_comes_with_the_food() {
    let early = given::<Delivery>([]).when(Command::Request(request(40))).then_kinds(&["delivery.requested"]);
    assert_eq!(Delivery::deadline(&early.state).unwrap().at, NOON.plus_min(30));
    early
        .when(Command::StartSearch)
        .nothing()
        .when(Command::NoteReady) // sooner than thought
        .then_kinds(&["delivery.ready_noted", "delivery.search_started"])
        .when(Command::NoteReady)
        .nothing();
}

#[test]
fn a_request_or_an_end_said_again_changes_nothing() {
    requested().when(Command::Request(request(10))).nothing();
    given::<Delivery>([]).when(Command::Cancel { even_with_food: false }).nothing();
    requested()
        .when(Command::Cancel { even_with_food: false })
        .then_kinds(&["delivery.cancelled"])
        .when(Command::Cancel { even_with_food: false })
        .nothing();
    delivered().when(step(1, Step_::Delivered)).nothing();
}

#[test]
fn the_answer_of_an_older_round_is_ignored() {
    let again = searching().at(NOON.plus_s(Rules::SEARCH_S)).when_due().then_kinds(&["delivery.search_started"]);
    again.when(found(&[(1, 90)], 1)).nothing().when(found(&[(1, 90)], 2)).then_kinds(&["delivery.offered"]);
}

#[test]
fn the_radius_grows_round_by_round_up_to_its_cap() {
    let radii: Vec<u32> = (1..=7).map(Rules::radius_m).collect();
    assert_eq!(radii, [1_000, 1_600, 2_560, 4_096, 6_553, 8_000, 8_000]);
    assert_eq!(Rules::radius_m(u32::MAX), 8_000);
}

#[test]
fn who_declined_or_kept_silent_is_not_asked_again() {
    asking()
        .when(Command::DeclineOffer { offer_id: offer(1, 1) })
        .then_kinds(&["delivery.offer_declined", "delivery.search_started"])
        .when(Command::DeclineOffer { offer_id: offer(1, 1) })
        .nothing()
        .when(found(&[(1, 90), (2, 400)], 2))
        .then_kinds(&["delivery.offered"])
        .when(Command::ExpireOffer) // not yet
        .nothing()
        .when_due()
        .then_kinds(&["delivery.offer_expired", "delivery.search_started"])
        .when(found(&[(1, 90), (2, 400)], 3))
        .then_kinds(&["delivery.nobody_near"]);
}

#[test]
fn after_everyone_said_no_they_are_asked_again() {
    let mut given = asking()
        .when(Command::DeclineOffer { offer_id: offer(1, 1) })
        .then_kinds(&["delivery.offer_declined", "delivery.search_started"]);
    for round in 2..6 {
        given = given.when(found(&[], round)).then_kinds(&["delivery.nobody_near"]);
        assert!(given.state.declined.contains(&rider(1)), "round {round}");
        given = given.when_due().then_kinds(&["delivery.search_started"]);
    }
    let given = given.when(found(&[], 6)).then_kinds(&["delivery.nobody_near"]);
    assert!(given.state.declined.is_empty());
    given
        .when_due()
        .then_kinds(&["delivery.search_started"])
        .when(found(&[(1, 90)], 7))
        .then_kinds(&["delivery.offered"]);
}

#[test]
fn nobody_in_time_is_unassignable() {
    let mut given = requested();
    for _ in 0..1_000 {
        given = given.when_due().then_kinds(&["delivery.search_started"]);
        let round = given.state.round;
        given = given.when(found(&[], round)).then_kinds(&["delivery.nobody_near"]);
        if Delivery::deadline(&given.state).unwrap().at >= given.state.assign_by {
            let given = given.when_due().then_kinds(&["delivery.unassignable"]);
            assert_eq!(given.state.status(), Some(Status::Unassignable));
            assert_eq!(Delivery::deadline(&given.state), None);
            return;
        }
    }
    panic!("the search never ends");
}

#[test]
fn only_the_asked_rider_gets_it_and_everyone_gets_an_answer() {
    asking()
        .when(assign(2, 1))
        .then_kinds(&["delivery.assignment_refused"])
        .when(assign(2, 1)) // read again
        .nothing()
        .when(assign(1, 1))
        .then_kinds(&["delivery.assigned"])
        .when(assign(1, 1))
        .nothing()
        .when(assign(3, 1))
        .then_kinds(&["delivery.assignment_refused"]);
    asking()
        .when(Command::Assign { rider_id: rider(2), offer_id: offer(1, 1) })
        .then_kinds(&["delivery.assignment_refused"]);
    asking()
        .when(Command::Cancel { even_with_food: false })
        .then_kinds(&["delivery.offer_revoked", "delivery.cancelled"])
        .when(assign(1, 1))
        .then_kinds(&["delivery.assignment_refused"]);
}

#[test]
fn a_yes_of_the_last_moment_still_counts() {
    let told = NOON.plus_s(Rules::OFFER_S);
    asking()
        .at(told.plus_s(1))
        .when(Command::ExpireOffer)
        .nothing()
        .when(assign(1, 1))
        .then_kinds(&["delivery.assigned"]);
    asking()
        .when_due()
        .then_kinds(&["delivery.offer_expired", "delivery.search_started"])
        .when(assign(1, 1))
        .then_kinds(&["delivery.assignment_refused"]);
}

#[test]
fn an_unassigned_delivery_searches_again_at_once_without_that_rider() {
    let gave_back = Command::Unassign { rider_id: rider(1), reason: UnassignReason::GaveBack };
    let given = confirmed()
        .at(NOON.plus_min(29))
        .when(gave_back.clone())
        .then_kinds(&["delivery.unassigned", "delivery.search_started"])
        .when(gave_back)
        .nothing();
    assert_eq!(given.state.status(), Some(Status::Created));
    assert_eq!(given.state.assign_by, NOON.plus_min(39), "the search gets time");
    given
        .when(assign(1, 1)) // the old acceptance, read again, has had its answer
        .nothing()
        .when(found(&[(1, 9), (2, 400)], 2))
        .then_kinds(&["delivery.offered"])
        .when(assign(2, 2))
        .then_kinds(&["delivery.assigned"])
        .when(Command::Unassign { rider_id: rider(1), reason: UnassignReason::Silent }) // not theirs any more
        .nothing();
}

#[test]
fn a_rider_who_does_not_come_is_replaced() {
    confirmed().when_due().then_kinds(&["delivery.unassigned", "delivery.search_started"]);
    at_pickup()
        .when(Command::NoteReady)
        .then_kinds(&["delivery.ready_noted"])
        .when_due()
        .then_kinds(&["delivery.unassigned", "delivery.search_started"]);
    let enroute = confirmed().when(step(1, Step_::EnrouteToPickup)).then_kinds(&["delivery.enroute_to_pickup"]);
    assert_eq!(Delivery::deadline(&enroute.state).unwrap().at, Delivery::deadline(&confirmed().state).unwrap().at);
}

#[test]
fn food_that_never_comes_or_never_arrives_is_told_to_staff_again_and_again() {
    let waiting = at_pickup().when_due().then_kinds(&["delivery.overdue"]).when_due().then_kinds(&["delivery.overdue"]);
    waiting.when(Command::NoteOverdue).nothing();
    let lost = picked_up().when_due().then_kinds(&["delivery.overdue"]);
    let first = Delivery::deadline(&lost.state).unwrap().at;
    let lost = lost.when_due().then_kinds(&["delivery.overdue"]);
    let second = Delivery::deadline(&lost.state).unwrap().at;
    assert_eq!(second.since(first).as_secs(), 2 * 60 * Rules::REMIND_MIN.unsigned_abs());
    lost.when(Command::Cancel { even_with_food: true }).then_kinds(&["delivery.cancelled"]);
}

#[test]
fn steps_come_from_the_assigned_rider_and_in_order() {
    requested().when(step(1, Step_::EnrouteToPickup)).refused(Rejection::NotYours);
    confirmed()
        .when(step(2, Step_::EnrouteToPickup))
        .refused(Rejection::NotYours)
        .when(step(1, Step_::PickedUp))
        .refused(Rejection::OutOfOrder { status: Status::Confirmed })
        .when(step(1, Step_::ArrivedAtPickup)) // the way there may be left out
        .then_kinds(&["delivery.arrived_at_pickup"])
        .when(step(1, Step_::EnrouteToPickup)) // …and may be said late
        .nothing()
        .when(step(1, Step_::PickedUp))
        .refused(Rejection::FoodNotReady)
        .when(Command::NoteReady)
        .then_kinds(&["delivery.ready_noted"])
        .when(step(1, Step_::PickedUp))
        .then_kinds(&["delivery.picked_up"])
        .when(step(1, Step_::Delivered))
        .refused(Rejection::OutOfOrder { status: Status::PickedUp })
        .when(step(1, Step_::EnrouteToDropoff))
        .then_kinds(&["delivery.enroute_to_dropoff"])
        .when(step(1, Step_::ArrivedAtDropoff))
        .then_kinds(&["delivery.arrived_at_dropoff"])
        .when(step(1, Step_::Delivered))
        .then_kinds(&["delivery.delivered"])
        .when(step(2, Step_::Delivered))
        .refused(Rejection::Over { status: Status::Delivered });
    given::<Delivery>([]).when(step(1, Step_::Delivered)).refused(Rejection::Unknown);
}

#[test]
fn food_in_the_bag_cannot_be_taken_away_but_by_staff() {
    let off = Command::Unassign { rider_id: rider(1), reason: UnassignReason::Staff };
    picked_up()
        .when(off)
        .refused(Rejection::AlreadyPickedUp)
        .when(Command::Cancel { even_with_food: false })
        .refused(Rejection::AlreadyPickedUp)
        .when(Command::Cancel { even_with_food: true })
        .then_kinds(&["delivery.cancelled"]);
    delivered().when(Command::Cancel { even_with_food: true }).refused(Rejection::Over { status: Status::Delivered });
}

#[test]
fn policy_follows_the_order_and_the_rider() {
    let fact = |category, id, kind: &str, body: serde_json::Value| Recorded {
        position: 1,
        stream: StreamId::new(category, id),
        version: 1,
        event_id: Uuid::from_u128(99),
        kind: kind.into(),
        body: body.to_string().into(),
        at: NOON,
        cause: None,
        correlation: Uuid::from_u128(98),
    };
    let order = |kind, body| DispatchPolicy::react(&fact(Category::Order, order_id().0, kind, body)).unwrap();
    let customer = Uuid::from_u128(5);
    let accepted = |fulfilment: &str| {
        serde_json::json!({
            "fires": [], "total": {"amount": 1, "currency": "EUR"}, "ready_at": NOON.plus_min(10),
            "promised_at": NOON.plus_min(30), "fulfilment": fulfilment, "customer_id": customer,
            "court_id": Uuid::from_u128(1), "handoff": {"lat": 52.52, "lon": 13.40}, "dropoff": {"lat": 52.53, "lon": 13.41},
        })
    };
    assert_eq!(order("order.accepted", accepted("delivery")), [(delivery_id().0, Command::Request(request(10)))]);
    assert_eq!(order("order.accepted", accepted("pickup")), []);
    let rejecting = |reason: &str| serde_json::json!({"reason": reason, "customer_id": customer, "kitchens": []});
    for (reason, even_with_food) in [("kitchens_rejected", false), ("not_handed_over", true)] {
        let expected = [(delivery_id().0, Command::Cancel { even_with_food })];
        assert_eq!(order("order.rejecting", rejecting(reason)), expected);
    }
    let yes = serde_json::json!({"offer_id": offer(1, 1), "delivery_id": delivery_id(), "rider_id": rider(1)});
    let of_rider = |kind| DispatchPolicy::react(&fact(Category::Rider, rider(1).0, kind, yes.clone())).unwrap();
    assert_eq!(of_rider("offer.accepted"), [(delivery_id().0, assign(1, 1))]);
    assert_eq!(of_rider("offer.declined"), [(delivery_id().0, Command::DeclineOffer { offer_id: offer(1, 1) })]);
    assert_eq!(of_rider("rider.delivery_confirmed"), []);
}

fn any_command() -> impl Strategy<Value = Command> {
    let who = 1u128..4;
    let steps = [
        Step_::EnrouteToPickup,
        Step_::ArrivedAtPickup,
        Step_::PickedUp,
        Step_::EnrouteToDropoff,
        Step_::ArrivedAtDropoff,
        Step_::Delivered,
    ];
    prop_oneof![
        Just(Command::StartSearch),
        (who.clone(), who.clone()).prop_map(|(n, other)| super::better_tests::ask(n, other)),
        (1u32..6, proptest::collection::vec((1u128..4, 1u32..3_000), 0..3), 1u32..4)
            .prop_map(|(round, near, at_once)| found_for(at_once, &near, round)),
        (who.clone(), 1u32..6).prop_map(|(n, round)| Command::DeclineOffer { offer_id: offer(n, round) }),
        Just(Command::ExpireOffer),
        (who.clone(), 1u32..6).prop_map(|(n, round)| assign(n, round)),
        who.clone().prop_map(|n| Command::Unassign { rider_id: rider(n), reason: UnassignReason::GaveBack }),
        Just(Command::NoteReady),
        (who, proptest::sample::select(steps.to_vec())).prop_map(|(n, taken)| step(n, taken)),
        Just(Command::NoteOverdue),
        any::<bool>().prop_map(|even_with_food| Command::Cancel { even_with_food }),
    ]
}

fn fold(state: &mut DeliveryState, command: &Command, now: Timestamp) -> Vec<DeliveryEvent> {
    let events = Delivery::decide(state, command, now).unwrap_or_default();
    for event in &events {
        Delivery::evolve(state, event, now);
    }
    events
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever is wished in whatever order: every state but the ends waits for something, what is due moves it, a
    /// wish said twice is one wish, and a rider has it only between an assignment and its end.
    #[test]
    fn is_never_stuck_and_never_doubles(wishes in proptest::collection::vec((any_command(), 0i64..120), 0..60)) {
        let mut now = NOON;
        let mut state = DeliveryState::default();
        let mut bearer = None;
        fold(&mut state, &Command::Request(request(10)), now);
        for (wish, wait_s) in wishes {
            now = now.plus_s(wait_s);
            for event in fold(&mut state, &wish, now) {
                match event {
                    DeliveryEvent::Assigned(assigned) => {
                        prop_assert_eq!(bearer, None, "a second rider");
                        bearer = Some(assigned.rider_id);
                    }
                    DeliveryEvent::Unassigned(_) | DeliveryEvent::Cancelled(_) | DeliveryEvent::Delivered(_) => bearer = None,
                    _ => {}
                }
            }
            if !matches!(wish, Command::StartSearch | Command::ExpireOffer | Command::NoteOverdue) {
                prop_assert_eq!(fold(&mut state, &wish, now), vec![], "said twice");
            }
            match Delivery::deadline(&state) {
                None => prop_assert!(state.status().is_some_and(Status::is_over), "stuck in {:?}", state.phase),
                Some(due) => {
                    let events = Delivery::decide(&state, &due.command, now.max(due.at));
                    prop_assert!(events.is_ok_and(|events| !events.is_empty()), "{:?} moves nothing", due);
                }
            }
        }
    }
}

#[test]
fn every_kind_can_be_read_back() {
    for event in Delivery::decide(&searching().state, &found(&[(1, 90)], 1), NOON).unwrap() {
        assert_eq!(DeliveryEvent::decode(event.kind(), &event.encode()).unwrap(), event);
    }
}

#[test]
fn the_door_is_shown_only_to_who_may_know_it() {
    use super::projection::{Role, event_for, view};
    let (me, other) = (Role::Rider(rider(1)), Role::Rider(rider(2)));
    let door = request(10).dropoff;
    let dropoff = |role, given: &Given<Delivery>| view(role, &given.state, 1).map(|seen| seen.dropoff);
    assert_eq!(dropoff(me, &searching()), None);
    assert_eq!(dropoff(me, &asking()), Some(door.coarse()));
    assert_eq!(dropoff(other, &asking()), None);
    assert_eq!(dropoff(me, &confirmed()), Some(door));
    assert_eq!(dropoff(other, &confirmed()), None);
    assert_eq!(dropoff(me, &delivered()), Some(door.coarse()));
    assert_eq!(dropoff(Role::Customer, &requested()), Some(door));

    // Every fact of a whole delivery, as each role reads it: exact places reach a rider only by their assignment.
    let mut state = DeliveryState::default();
    let mut facts = vec![];
    let commands = [
        Command::Request(request(10)),
        Command::StartSearch,
        found(&[(2, 400), (1, 90)], 1),
        assign(2, 1),
        assign(1, 1),
        step(1, Step_::ArrivedAtPickup),
        Command::NoteReady,
        step(1, Step_::PickedUp),
        step(1, Step_::ArrivedAtDropoff),
        step(1, Step_::Delivered),
    ];
    for command in commands {
        facts.extend(fold(&mut state, &command, NOON));
    }
    let exact = serde_json::to_value(door).unwrap();
    for fact in &facts {
        let seen = |role| event_for(role, fact).map(|data| data.to_string());
        let shows_door = |text: &Option<String>| text.as_ref().is_some_and(|text| text.contains(&exact.to_string()));
        assert_eq!(shows_door(&seen(me)), fact.kind() == "delivery.assigned", "{}", fact.kind());
        assert!(!shows_door(&seen(other)));
        let names = |role, n| seen(role).is_some_and(|text| text.contains(&rider(n).to_string()));
        assert!(!names(me, 2) && !names(Role::Customer, 2), "{} names another rider", fact.kind());
        assert!(seen(Role::Staff).is_some());
    }
    let kinds = |role| facts.iter().filter(|fact| event_for(role, fact).is_some()).map(Event::kind).collect::<Vec<_>>();
    assert_eq!(kinds(other), ["delivery.assignment_refused", "delivery.ready_noted"]);
    assert_eq!(
        kinds(Role::Customer),
        [
            "delivery.requested",
            "delivery.assigned",
            "delivery.arrived_at_pickup",
            "delivery.ready_noted",
            "delivery.picked_up",
            "delivery.arrived_at_dropoff",
            "delivery.delivered",
        ]
    );
}
