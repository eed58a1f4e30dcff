//! What a day comes to under a policy: figures that can be reckoned by hand, and a recorded day as a script.

use uuid::Uuid;

use super::{
    live::{Decided, PlanSettings, Verdict, Waiting},
    matcher::{
        Order, Place, Rules, StraightLine,
        day::{Script, Shift},
    },
    record::{self, Sought, Tick},
    recorded::{Packer, RecordedDay},
    survey::{Around, Duty, Seen},
    what_if::{Day, Pay, Policy},
};
use crate::{
    ids::{DeliveryId, UserId},
    place::{LocalMap, Position},
    testing::NOON,
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
    Day {
        name: "by hand".to_owned(),
        script,
        travel: StraightLine { metres_per_step: 1.0, step: 1 },
        detour: 1.5,
        times: [(7, (0, 900)), (8, (3_500, 9_900))].into(),
        pay: Pay { per_order: 10.0, per_hour: 4.0 },
        sends: false,
    }
}

#[test]
fn the_figures_are_those_reckoned_by_hand() {
    let played = day().play(&Policy::NEAREST, |_| ()).unwrap();
    let one = played.outcome();
    assert_eq!((one.orders, one.undelivered), (2, 1));
    // The second courier is there first: 200 s; the food at 600 s, 30 s to leave, 300 s to the door, 30 s to hand over.
    let waits = played.waits_min();
    assert_eq!(waits, [16.0, 120.0]);
    assert_eq!((one.click_to_door_p50_min, one.click_to_door_p90_min), (16.0, 120.0));
    assert_eq!((one.late_share, one.late_mean_min), (1.0, 1.0), "60 s after the promise, and one never");
    assert!((one.kilometres - 0.75).abs() < 1e-9, "500 m straight: {one:?}");
    assert!((one.pay - 14.0).abs() < 1e-9, "an order, and an hour for nothing: {one:?}");
    // 200 + 300 s of riding and four halves of 30 s, of two hours.
    assert!((one.idle_share - (1.0 - 620.0 / 7_200.0)).abs() < 1e-9, "{one:?}");
}

#[test]
fn both_policies_keep_the_rules_and_knobs_change_what_they_say() {
    let mut ticks = 0;
    let matcher = day().play(&Policy::matcher(), |part| ticks += usize::from((0.0..=1.0).contains(&part))).unwrap();
    assert_eq!(ticks, 361, "progress is told at each tick");
    assert_eq!(matcher.waits_min(), [16.0, 120.0]);
    let mut late = Policy::NEAREST;
    late.set("lead", "0").unwrap();
    // Sought only when the food is ready: the way to the shop is waited for.
    assert!((day().play(&late, |_| ()).unwrap().waits_min()[0] - (960.0 + 230.0) / 60.0).abs() < 0.2);
    assert!(Policy::matcher().set("lead", "0").unwrap_err().contains("budget"));
    assert!(Policy::matcher().set("bundle", "9").unwrap_err().contains("1 to 8"));
}

#[test]
fn a_recorded_day_can_be_played() {
    let (mut packer, mut record) = (Packer::default(), RecordedDay::default());
    let at_m = |x: f64, y: f64| LocalMap::around(Position::new(52.52, 13.4).unwrap()).to_position([x, y]);
    let delivery_id = DeliveryId(Uuid::from_u128(7));
    let rider_id = UserId(Uuid::from_u128(9 << 64));
    for s in (0..300).step_by(5) {
        let at = NOON.plus_s(s);
        let waiting = Waiting {
            delivery_id,
            pickup: at_m(0.0, 0.0),
            dropoff: at_m(0.0, 900.0),
            since: NOON,
            ready_at: NOON.plus_min(5),
            likely: None,
            promised_at: NOON.plus_min(30),
            not: vec![],
        };
        let position = at_m(500.0, 0.0);
        let seen =
            Seen { rider_id, position, vehicle: Vehicle::Scooter, capacity: 2, bag: vec![], duty: Duty::default() };
        let tick = Tick {
            at,
            policy: record::Policy::Nearest,
            settings: PlanSettings::default(),
            open: vec![Sought { waiting, round: 1, radius_m: 1_000, deadline_at: at }],
            around: Around { seen: vec![seen], left_out: vec![] },
            decided: vec![Decided {
                delivery_id,
                verdict: Verdict::Ask(rider_id),
                weighed: vec![],
                route: vec![],
                also: vec![],
            }],
        };
        record.add(at, &packer.pack(&tick));
    }
    record.orders.get_mut(&delivery_id).unwrap().placed_at = NOON.plus_min(-7);
    let pay = Pay { per_order: 1.0, per_hour: 0.0 };
    let day = Day::of_record("a day".to_owned(), &record, GreatCircle::USUAL, pay).unwrap();
    for policy in [Policy::NEAREST, Policy::matcher()] {
        let waits = day.play(&policy, |_| ()).unwrap().waits_min();
        // Placed 7 minutes before noon, ready 5 after; then 900 m by scooter with detour, the counter, the door.
        let way_s = 900.0 * GreatCircle::USUAL.detour / GreatCircle::USUAL.scooter_mps;
        let PlanSettings { counter_s, door_s, .. } = PlanSettings::default();
        let expected = 12.0 + (way_s + (counter_s + door_s) as f64 / 2.0) / 60.0;
        assert!((waits[0] - expected).abs() < 0.2, "{waits:?}, expected {expected}");
    }
    assert!(Day::of_record(String::new(), &RecordedDay::default(), GreatCircle::USUAL, pay).is_none());
}
