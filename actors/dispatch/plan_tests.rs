//! What a plan may do to a delivery: hold it back within its bound, and choose its rider.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Delivery, DeliveryCommand as Command,
    desk::{Deed, Desk},
    event::SearchStarted,
    live::{LivePlan, PlanSettings, Searching, Verdict, Waiting},
    survey::{Duty, Seen},
    tests::{found, rider, searching},
};
use crate::{
    decider::{Decider, Origin},
    ids::{CourtId, DeliveryId},
    place::Position,
    testing::NOON,
    time::Timestamp,
    travel::Vehicle,
};

#[test]
fn a_planned_delivery_waits_within_its_bound_and_may_be_offered_before() {
    let hold = |round, until_s| Command::HoldBack { round, until: NOON.plus_s(until_s), wait_max_s: 60 };
    let choose = |chosen: u128, round| {
        let Command::NoteCandidates { candidates, .. } = found(&[(1, 90), (2, 400)], round) else { unreachable!() };
        Command::NoteChoice { round, chosen: rider(chosen), also: vec![], candidates, bundle: None }
    };
    let held = || searching().when(hold(1, 30)).then_kinds(&["delivery.held_back"]).when(hold(1, 40)).nothing();
    assert_eq!(Delivery::deadline(&held().state).unwrap().at, NOON.plus_s(30));
    // The plan's rider is asked, though somebody else is nearer, and an older round's answer is not heard.
    let asked = held().when(choose(2, 0)).nothing().when(choose(2, 1)).then_kinds(&["delivery.offered"]);
    assert!(asked.state.asks(rider(2)) && !asked.state.asks(rider(1)));
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
        likely: None,
        promised_at: NOON.plus_s(1_800),
        not: vec![],
    };
    let seen = Seen {
        rider_id: rider(1),
        position: at(3.40),
        vehicle: Vehicle::Bicycle,
        capacity: 2,
        bag: vec![],
        duty: Duty::default(),
    };
    let (waiting, riders, settings) = ([waiting], [seen], PlanSettings::default());
    let decided = LivePlan::new(settings, berlin).tick(NOON, &waiting, &riders, &BTreeMap::new());
    assert_eq!(decided[0].weighed, LivePlan::weigh_alone(settings, NOON, &waiting[0], &riders));
    assert!(decided[0].weighed[0].to_pickup_s > 600, "2.2 km by bicycle: {:?}", decided[0].weighed);
}

#[test]
fn a_rider_is_asked_when_the_food_is_likely_to_be_ready_not_when_it_was_promised() {
    let at = |lon: f64| Position::new(52.5, lon).unwrap();
    let waiting = |likely_min: Option<[i64; 4]>| Waiting {
        delivery_id: DeliveryId(uuid::Uuid::from_u128(1)),
        pickup: at(13.40),
        dropoff: at(13.42),
        since: NOON,
        ready_at: NOON.plus_min(10),
        likely: likely_min.map(|likely| likely.map(|minutes| NOON.plus_min(minutes))),
        promised_at: NOON.plus_min(30),
        not: vec![],
    };
    let seen = Seen {
        rider_id: rider(1),
        position: at(13.39),
        vehicle: Vehicle::Bicycle,
        capacity: 2,
        bag: vec![],
        duty: Duty::default(),
    };
    let asked = |likely_min| {
        let one = waiting(likely_min);
        let decided = LivePlan::new(PlanSettings::default(), at(13.4)).tick(
            NOON,
            std::slice::from_ref(&one),
            std::slice::from_ref(&seen),
            &BTreeMap::new(),
        );
        let Verdict::Wait { until, .. } = decided[0].verdict else { panic!("{:?}", decided[0].verdict) };
        until
    };
    let told = asked(None);
    assert_eq!(asked(Some([10; 4])), told, "what is certain is as it was told");
    assert_eq!(asked(Some([16; 4])), told.plus_min(6), "a kitchen that is always six minutes late");
    // By the earliest likely instant: what waits then is the rider, not the food.
    assert_eq!(asked(Some([12, 15, 18, 27])), told.plus_min(2));
}

fn at(lon: f64) -> Position {
    Position::new(52.5, lon).unwrap()
}

/// Food at the court, for a door a kilometre and a half east of it.
fn waiting(n: u128, ready_at: Timestamp) -> Waiting {
    Waiting {
        delivery_id: DeliveryId(uuid::Uuid::from_u128(n)),
        pickup: at(13.40),
        dropoff: at(13.42),
        since: NOON,
        ready_at,
        likely: None,
        promised_at: NOON.plus_min(30),
        not: vec![],
    }
}

/// A rider with an empty bag.
fn seen(n: u128, lon: f64, duty: Duty) -> Seen {
    Seen { rider_id: rider(n), position: at(lon), vehicle: Vehicle::Bicycle, capacity: 2, bag: vec![], duty }
}

#[test]
fn a_crowd_at_one_court_is_asked_for_at_once() {
    let waiting: Vec<Waiting> = (1..=200).map(|n| waiting(n, NOON)).collect();
    let near = |n: u32| {
        let lon = 13.4 - 0.000_02 * f64::from(n);
        Seen { capacity: 1, ..seen(n.into(), lon, Duty::default()) }
    };
    let riders: Vec<Seen> = (1..=250).map(near).collect();
    let mut plan = LivePlan::new(PlanSettings::default(), at(13.4));
    let decided = plan.tick(NOON, &waiting, &riders, &BTreeMap::new());
    let asked: BTreeSet<_> = decided.iter().filter_map(|one| one.verdict.rider()).collect();
    assert_eq!(asked.len(), 200, "each food is ready, and each has a rider within a few hundred metres");
}

#[test]
fn a_crowd_is_planned_in_parts_one_soon_after_the_other_while_riders_are_there() {
    let plan = |riders: u32| {
        let mut desk = Desk::new(PlanSettings::default(), Searching::default(), at(13.4));
        // The later the number, the earlier the food.
        for n in 1..=500_u32 {
            let waiting = waiting(n.into(), NOON.plus_s(-i64::from(n)));
            let search = SearchStarted {
                delivery_id: waiting.delivery_id,
                court_id: CourtId(uuid::Uuid::nil()),
                round: 1,
                radius_m: 3_000,
                pickup: waiting.pickup,
                not: vec![],
                deadline_at: NOON.plus_min(1),
            };
            desk.seek(search, Origin { cause: None, correlation: waiting.delivery_id.0 }, waiting).unwrap();
        }
        let near = |n: u32| {
            let lon = 13.4 - 0.000_02 * f64::from(n);
            Seen { capacity: 1, ..seen(n.into(), lon, Duty::default()) }
        };
        let riders: Vec<Seen> = (1..=riders).map(near).collect();
        let survey = desk.survey(NOON, &[]);
        assert_eq!(survey.pickups, [(at(13.4), 408)]);
        let numbers: BTreeSet<u128> = survey.deliveries.iter().map(|id| id.0.as_u128()).collect();
        assert_eq!(numbers, (117..=500).collect(), "whose food is ready first");
        let deeds = desk.tick(NOON, &survey.deliveries, &riders, |_, _| ());
        let asked = deeds.iter().filter(|deed| matches!(deed, Deed::Ask { .. })).count();
        let then = desk.next_tick_s();
        let rest = desk.survey(NOON.plus_s(then), &[]).deliveries.len();
        (asked, then, rest, desk.next_tick_s())
    };
    // Nobody asks anybody twice, and with the rest the plan has its usual time again.
    assert_eq!(plan(500), (384, 1, 116, 5));
    // Where nobody can be asked all goes to the nearest, who may be further away, and there is no hurry.
    assert_eq!(plan(0), (0, 5, 116, 5));
}

#[test]
fn a_decision_tells_what_having_had_more_is_weighed_with() {
    let waiting = [waiting(1, NOON)];
    let mut busy = Duty::default();
    busy.start(None, NOON.plus_min(-60));
    busy.took(NOON.plus_min(-60));
    busy.released(None, true, NOON);
    let mut idle = Duty::default();
    idle.start(None, NOON.plus_min(-60));
    let riders = [seen(1, 13.399, busy), seen(2, 13.398, idle)];
    let weighed = |fairness| {
        let settings = PlanSettings { fairness, ..PlanSettings::default() };
        let decided = LivePlan::new(settings, at(13.4)).tick(NOON, &waiting, &riders, &BTreeMap::new());
        decided[0].weighed.iter().map(|one| (one.rider_id, one.handicap_s)).collect::<Vec<_>>()
    };
    assert_eq!(weighed(0.0), [(rider(1), 0), (rider(2), 0)]);
    // An hour of work, and a quarter of an hour given: four fifths of 0.15 hours.
    assert_eq!(weighed(0.15), [(rider(2), 0), (rider(1), 432)]);
}

#[test]
fn nobody_is_planned_beyond_the_end_of_their_shift() {
    let waiting = [waiting(1, NOON.plus_min(10))];
    let planned = |near_until_min: i64| {
        let mut duty = Duty::default();
        duty.start(Some(NOON.plus_min(near_until_min)), NOON);
        let riders = [seen(1, 13.399, duty), seen(2, 13.37, Duty::default())];
        let decided = LivePlan::new(PlanSettings::default(), at(13.4)).tick(NOON, &waiting, &riders, &BTreeMap::new());
        match decided[0].verdict {
            Verdict::Ask(rider_id) | Verdict::Wait { rider_id, .. } => rider_id,
            Verdict::Nearest => panic!("nobody is planned"),
        }
    };
    assert_eq!((planned(15), planned(9)), (rider(1), rider(2)));
}

#[test]
fn whoever_is_cheapest_for_a_court_is_told_of_in_a_crowd_too() {
    let courts = [13.40, 13.45];
    let waiting: Vec<Waiting> =
        (0..60_u32).map(|n| Waiting { pickup: at(courts[n as usize % 2]), ..waiting(n.into(), NOON) }).collect();
    let near = |n: u32| seen(u128::from(n) + 1, 13.38 + 0.0004 * f64::from(n), Duty::default());
    let riders: Vec<Seen> = (0..250).map(near).collect();
    let settings = PlanSettings::default();
    let decided = LivePlan::new(settings, at(13.4)).tick(NOON, &waiting, &riders, &BTreeMap::new());
    for (one, decided) in waiting.iter().zip(decided) {
        let planned = decided.verdict.rider().unwrap();
        assert_eq!(decided.weighed[0].rider_id, planned);
        let mut of_all = LivePlan::weigh_alone(settings, NOON, one, &riders);
        of_all.retain(|other| other.rider_id != planned);
        assert_eq!(decided.weighed[1..], of_all[..4]);
    }
}
