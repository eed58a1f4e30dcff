//! What a day comes to under a policy: figures that can be reckoned by hand, and a recorded day as a script.

use uuid::Uuid;

use super::{
    event::{Assigned, Cancelled, DeliveryEvent, ReadyNoted, UnassignReason, Unassigned},
    live::{PlanSettings, Waiting},
    matcher::{
        Order, Place, Rules, StraightLine,
        day::{Script, Shift},
    },
    record::{self, Sought, Tick},
    recorded::{Packer, RecordedDay},
    survey::{Around, Duty, Seen},
    what_if::{Course, Day, DayPlayed, Pay, Policy},
};
use crate::{
    ids::{DeliveryId, OfferId, OrderId, UserId},
    place::{LocalMap, Position},
    testing::NOON,
    time::Timestamp,
    travel::{GreatCircle, Vehicle},
};

/// One shop; two couriers east of it, one of them near and on a slow vehicle; an order to the north, and one that nobody
/// can bring. A metre takes a second.
fn day() -> Day {
    let courier = |courier, x, pace| Shift { courier, at: Place { x, y: 0.0 }, on: 0, off: 3_600, pace, capacity: 1 };
    let order = |key, placed, ready| Order {
        key,
        shop: 0,
        door: Place { x: 0.0, y: 300.0 },
        placed,
        ready,
        size: 1,
        ..Order::default()
    };
    let rules = Rules {
        tick: 10,
        pickup_half: 30,
        dropoff_half: 30,
        never: 7_200,
        bundle_max: 2,
        late_price: 0.0,
        turn_price: 0.0,
    };
    let script = Script {
        shops: vec![Place::default()],
        shifts: vec![courier(1, 100.0, 4_000), courier(2, 200.0, 1_000)],
        orders: vec![order(7, 0, 600), order(8, 3_500, 9_000)],
        rules,
    };
    let travel = StraightLine { metres_per_step: 1.0, step: 1 };
    let times = [(7, (0, 900)), (8, (3_500, 9_900))].into();
    let (name, pay) = ("by hand".to_owned(), Pay { per_order: 10.0, per_hour: 4.0 });
    Day { name, pay, course: Course::Script { script, travel, times } }
}

#[test]
fn the_figures_are_those_reckoned_by_hand() {
    let played = day().play(&Policy::nearest(), |_| ()).unwrap();
    let one = played.outcome();
    assert_eq!((one.orders, one.undelivered), (2, 1));
    // The second courier is there first: 200 s; the food at 600 s, 30 s to leave, 300 s to the door, 30 s to hand over.
    let waits = played.waits_min();
    assert_eq!(waits, [16.0, 120.0]);
    assert_eq!((one.click_to_door_p50_min, one.click_to_door_p90_min), (16.0, 120.0));
    assert_eq!((one.late_share, one.late_mean_min), (1.0, 1.0), "60 s after the promise, and one never");
    assert!((one.kilometres.unwrap() - 0.5).abs() < 1e-9, "500 m straight: {one:?}");
    assert_eq!((one.offers_per_order, one.deliveries_gini), (None, 0.5), "nobody is asked, one of two brings all");
    assert!((one.pay - 14.0).abs() < 1e-9, "an order, and an hour for nothing: {one:?}");
    // 200 + 300 s of riding and four halves of 30 s, of two hours.
    assert!((one.idle_share.unwrap() - (1.0 - 620.0 / 7_200.0)).abs() < 1e-9, "{one:?}");
}

#[test]
fn both_policies_keep_the_rules_and_knobs_change_what_they_say() {
    let mut ticks = 0;
    let stay = policy("position=false");
    let matcher = day().play(&stay, |part| ticks += usize::from((0.0..=1.0).contains(&part))).unwrap();
    assert_eq!(ticks, 361, "progress is told at each tick");
    assert_eq!(matcher.waits_min(), [16.0, 120.0]);
    let mut late = Policy::nearest();
    late.set("lead", "0").unwrap();
    // Sought only when the food is ready: the way to the shop is waited for.
    assert!((day().play(&late, |_| ()).unwrap().waits_min()[0] - (960.0 + 230.0) / 60.0).abs() < 0.2);
    assert!(
        Policy::matcher().set("lead", "0").unwrap_err().contains("it has: tick_s, ahead_s, wait_max_s, ask_at_once")
    );
    assert!(Policy::matcher().set("bundle", "9").unwrap_err().contains("1 to 8"));
    assert!(Policy::matcher().set("better_s", "0.5").unwrap_err().contains("whole number"));
    assert_eq!(policy("late_price=1"), policy("late_weight=1"));
    assert_eq!(policy("late_weight=2 late_weight=1"), policy("late_weight=1"), "the last word counts");
}

#[test]
fn what_turns_nothing_on_a_benchmarks_day_is_said() {
    let said = policy("budget=9 ask_at_once=2").suits_instance().unwrap_err();
    assert!(
        said.contains("ask_at_once turns nothing") && said.contains("there matcher has: tick_s, work_weight"),
        "{said}"
    );
    assert!(policy("late_weight=1 tick=30 position=true").suits_instance().is_ok());
}

fn policy(knobs: &str) -> Policy {
    let mut policy = Policy::matcher();
    for knob in knobs.split_whitespace() {
        let (name, value) = knob.split_once('=').unwrap();
        policy.set(name, value).unwrap();
    }
    policy
}

fn at_m(x: f64, y: f64) -> Position {
    LocalMap::around(Position::new(52.52, 13.4).unwrap()).to_position([x, y])
}

/// From the court at the origin, 900 m north, told ready in so many minutes.
fn waiting(n: u128, ready_min: i64) -> Waiting {
    Waiting {
        delivery_id: DeliveryId(Uuid::from_u128(n)),
        pickup: at_m(0.0, 0.0),
        dropoff: at_m(0.0, 900.0),
        since: NOON,
        ready_at: NOON.plus_min(ready_min),
        likely: None,
        promised_at: NOON.plus_min(30),
        not: vec![],
    }
}

fn seen(n: u128, x: f64, duty: Duty) -> Seen {
    let (rider_id, position) = (UserId(Uuid::from_u128(n << 64)), at_m(x, 0.0));
    Seen { rider_id, position, vehicle: Vehicle::Scooter, capacity: 2, bag: vec![], duty }
}

/// On shift since eleven, after answering so many offers.
fn duty(answers: u32, yes: bool) -> Duty {
    let mut duty = Duty::default();
    (0..answers).for_each(|_| duty.answered(500, yes, NOON.plus_min(-90)));
    duty.start(None, NOON.plus_min(-60));
    duty
}

/// As it is written and read again.
fn recorded(waiting: Vec<Waiting>, seen: Vec<Seen>) -> RecordedDay {
    let mut record = RecordedDay::default();
    ticked(&mut record, NOON, waiting, seen);
    record
}

fn ticked(record: &mut RecordedDay, at: Timestamp, waiting: Vec<Waiting>, seen: Vec<Seen>) {
    let open = waiting.into_iter().map(|waiting| Sought { waiting, round: 1, radius_m: 1_000, deadline_at: NOON });
    let (around, settings) = (Around { seen, left_out: vec![] }, PlanSettings::default());
    let policy = record::Policy::Nearest;
    let tick = Tick { at, policy, settings, open: open.collect(), around, decided: vec![] };
    let body = serde_json::to_string(&Packer::default().pack(&tick)).unwrap();
    record.add(at, &serde_json::from_str(&body).unwrap());
}

/// Withdrawn so many seconds after noon.
fn withdrawn(record: &mut RecordedDay, n: u128, after_s: i64) {
    let (delivery_id, order_id) = (DeliveryId(Uuid::from_u128(n)), OrderId(Uuid::nil()));
    let gone = DeliveryEvent::Cancelled(Cancelled { delivery_id, order_id, rider_id: None });
    record.lived(delivery_id, NOON.plus_s(after_s), &gone);
}

fn lived(record: &RecordedDay, policy: &Policy) -> DayPlayed {
    let pay = Pay { per_order: 1.0, per_hour: 0.0 };
    let day = Day::of_record("a day".to_owned(), record.clone(), PlanSettings::default(), pay).unwrap();
    day.play(policy, |_| ()).unwrap()
}

#[test]
fn a_recorded_day_can_be_played() {
    let mut record = recorded(vec![waiting(7, 5)], vec![seen(9, 500.0, duty(0, true))]);
    record.orders.values_mut().for_each(|order| order.placed_at = NOON.plus_min(-7));
    for policy in [Policy::nearest(), Policy::matcher()] {
        let waits = lived(&record, &policy).waits_min();
        // Placed 7 minutes before noon, ready 5 after; then 900 m by scooter with detour, the counter, the door.
        let way_s = 900.0 * GreatCircle::USUAL.detour / GreatCircle::USUAL.scooter_mps;
        let PlanSettings { counter_s, door_s, .. } = PlanSettings::default();
        let expected = 12.0 + (way_s + (counter_s + door_s) as f64 / 2.0) / 60.0;
        assert!((waits[0] - expected).abs() < 0.2, "{waits:?}, expected {expected}");
    }
    let pay = Pay { per_order: 1.0, per_hour: 0.0 };
    assert!(Day::of_record(String::new(), RecordedDay::default(), PlanSettings::default(), pay).is_none());
}

#[test]
fn what_the_plan_was_told_of_a_late_kitchen_is_used() {
    let mut slow = waiting(1, 5);
    slow.likely = Some([20, 22, 24, 26].map(|min| NOON.plus_min(min)));
    let mut other = waiting(2, 8);
    other.pickup = at_m(2_000.0, 0.0);
    other.dropoff = at_m(2_300.0, 300.0);
    let mut record = recorded(vec![slow, other], vec![seen(9, 0.0, duty(0, true))]);
    let late = DeliveryId(Uuid::from_u128(1));
    record.lived(late, NOON.plus_min(23), &DeliveryEvent::ReadyNoted(ReadyNoted {}));
    let [known, blind] = ["foresight=true", "foresight=false"].map(|knob| lived(&record, &policy(knob)).outcome());
    let (known, blind) = (known.click_to_door_mean_min, blind.click_to_door_mean_min);
    assert!(known + 3.0 < blind, "the rider need not stand at the slow kitchen: {known} and {blind} min");
}

#[test]
fn knobs_of_the_plan_turn_the_day_where_they_should() {
    // Who is nearer mostly says no, and has done little; who is farther says yes.
    let picky = recorded(
        (1..=8).map(|n| waiting(n, 6 * n as i64)).collect(),
        vec![seen(8, 100.0, duty(30, false)), seen(9, 700.0, duty(30, true))],
    );
    let offers = |knobs: &str| lived(&picky, &policy(knobs)).outcome().offers_per_order.unwrap();
    let (usual, choosy) = (offers("bundle=1"), offers("bundle=1 decline_weight=600"));
    assert!(choosy < usual, "who says no is asked later: {choosy} and {usual} offers an order");

    let even = recorded(
        (1..=8).map(|n| waiting(n, 7 * n as i64)).collect(),
        vec![seen(8, 100.0, duty(30, true)), seen(9, -150.0, duty(30, true))],
    );
    let outcome = |knobs: &str| lived(&even, &policy(knobs)).outcome();
    let (usual, fair) = (outcome("bundle=1"), outcome("bundle=1 fairness_weight=1"));
    assert!(fair.deliveries_gini <= usual.deliveries_gini, "{fair:?} {usual:?}");
    let both = outcome("bundle=1 ask_at_once=2");
    assert!(both.offers_per_order > usual.offers_per_order, "two at once are more offers: {both:?} {usual:?}");
}

#[test]
fn who_has_said_when_to_go_home_fetches_nothing_after_it() {
    let mut home = duty(0, true);
    home.start(Some(NOON.plus_min(6)), NOON.plus_min(-60));
    let record = recorded(vec![waiting(1, 2), waiting(2, 12)], vec![seen(9, 100.0, home)]);
    for policy in [Policy::nearest(), Policy::matcher()] {
        assert_eq!(lived(&record, &policy).outcome().undelivered, 1, "{policy:?}");
    }
}

#[test]
fn a_tick_of_an_older_build_is_read_and_what_it_lacks_is_said() {
    let old = r#"{"policy":"matcher","whole":true,"settings":[5,90,900],"open":1,"looked":1,"deliveries":[
        {"id":"00000000-0000-0000-0000-000000000007","pickup":[52.52,13.4],"dropoff":[52.528,13.4],
        "since":"2026-03-01T12:00:00Z","ready_at":"2026-03-01T12:08:00Z","promised_at":"2026-03-01T12:30:00Z"}],
        "riders":[{"id":"00000000-0000-0009-0000-000000000000","at":[52.52,13.401],"vehicle":"bicycle","capacity":2}],
        "said":[["00000000-0000-0000-0000-000000000007",{"do":"ask","rider_id":"00000000-0000-0009-0000-000000000000"}]]}"#;
    let mut record = RecordedDay::default();
    record.add(NOON, &serde_json::from_str(old).unwrap());
    assert_eq!(record.lacks().len(), 4, "{:?}", record.lacks());
    assert_eq!(lived(&record, &Policy::matcher()).outcome().undelivered, 0);
    let new = recorded(vec![waiting(1, 2)], vec![seen(9, 100.0, duty(0, true))]);
    assert_eq!(new.lacks().len(), 2, "no kitchen has taught, no facts are read: {:?}", new.lacks());
}

/// What `metres` take a scooter, seconds.
fn ride_s(metres: f64) -> i64 {
    let (from, to) = (at_m(0.0, 0.0), at_m(metres, 0.0));
    GreatCircle::USUAL.takes(Vehicle::Scooter, from, to).as_secs() as i64
}

#[test]
fn a_ride_that_is_called_off_ends_there_and_nothing_is_handed_over() {
    for policy in [Policy::nearest(), Policy::matcher()] {
        let set_out = || recorded(vec![waiting(7, 1)], vec![seen(9, 2_000.0, duty(0, true))]);
        let mut halfway = set_out();
        withdrawn(&mut halfway, 7, 20 + ride_s(2_000.0) / 2);
        let played = lived(&halfway, &policy);
        let half = GreatCircle::USUAL.detour;
        assert!((played.kilometres.unwrap() - half).abs() < 0.15, "of {half} km: {played:?}");
        let mut at_door = set_out();
        withdrawn(&mut at_door, 7, 20 + ride_s(2_000.0) + 45 + ride_s(450.0));
        let played = lived(&at_door, &policy);
        assert_eq!((played.shares.iter().sum::<f64>(), played.pay), (0.0, 0.0), "{policy:?} {played:?}");
        assert!(played.kilometres.unwrap() > 2.0 * half, "the food was fetched: {played:?}");
    }
}

#[test]
fn a_shift_begun_anew_loses_no_food() {
    let mut far = waiting(1, 2);
    far.dropoff = at_m(0.0, 4_000.0);
    let mut record = recorded(vec![far.clone()], vec![seen(9, 100.0, duty(0, true))]);
    let mut again = duty(0, true);
    again.start(None, NOON.plus_min(4));
    ticked(&mut record, NOON.plus_min(4), vec![far], vec![seen(9, 0.0, again)]);
    assert_eq!(record.duties.len(), 2);
    for policy in [Policy::nearest(), Policy::matcher()] {
        assert_eq!(lived(&record, &policy).outcome().undelivered, 0, "{policy:?}");
    }
}

#[test]
fn who_has_gone_home_sooner_than_said_is_gone() {
    let mut long = duty(0, true);
    long.start(Some(NOON.plus_min(360)), NOON.plus_min(-60));
    let mut record = recorded(vec![waiting(1, 2), waiting(2, 40)], vec![seen(9, 100.0, long)]);
    let id = record.duties[0].rider_id;
    assert_eq!(lived(&record, &Policy::nearest()).outcome().undelivered, 0, "as they said");
    record.went_home(id, NOON.plus_min(-300));
    record.went_home(id, NOON.plus_min(20));
    // The end of another shift, in which nobody looked for them.
    record.went_home(id, NOON.plus_min(90));
    assert_eq!(record.duties[0].off, NOON.plus_min(20));
    for policy in [Policy::nearest(), Policy::matcher()] {
        assert_eq!(lived(&record, &policy).outcome().undelivered, 1, "{policy:?}");
    }
}

#[test]
fn what_was_given_back_is_given_back_again() {
    let two = || recorded(vec![waiting(1, 5)], vec![seen(8, 100.0, duty(0, true)), seen(9, 900.0, duty(0, true))]);
    let mut record = two();
    let (delivery_id, order_id) = (DeliveryId(Uuid::from_u128(1)), OrderId(Uuid::nil()));
    let rider_id = UserId(Uuid::from_u128(8 << 64));
    let offer_id = OfferId::of(delivery_id, rider_id, 1);
    let (pickup, dropoff, ready_at) = (at_m(0.0, 0.0), at_m(0.0, 900.0), NOON.plus_min(5));
    let yes = Assigned { delivery_id, order_id, rider_id, offer_id, pickup, dropoff, ready_at };
    record.lived(delivery_id, NOON.plus_s(10), &DeliveryEvent::Assigned(yes));
    let off = Unassigned { delivery_id, order_id, rider_id, offer_id, reason: UnassignReason::GaveBack };
    record.lived(delivery_id, NOON.plus_s(70), &DeliveryEvent::Unassigned(off));
    for policy in [Policy::nearest(), Policy::matcher()] {
        let [kept, given_back] = [two(), record.clone()].map(|record| lived(&record, &policy));
        assert_eq!((kept.offers, kept.shares.clone()), (Some(1), vec![1.0, 0.0]), "{policy:?}");
        assert_eq!((given_back.offers, given_back.shares.clone()), (Some(2), vec![0.0, 1.0]), "{policy:?}");
    }
}
