//! The matcher against generated days: every instruction is checked by the world, whatever the city looks like.

use std::collections::HashSet;

use proptest::prelude::*;

use super::{
    day::{Breach, Score, Script, Shift, play},
    dice::Dice,
    *,
};

const TRAVEL: StraightLine = StraightLine { metres_per_step: 320.0, step: 60 };

/// A day drawn from a seed: `crowd` orders for every ten courier-hours, in a city `size_m` wide.
fn script(seed: u64, couriers: usize, crowd: usize, size_m: usize, cooking_min: usize) -> Script {
    let mut dice = Dice::new(seed);
    let place = |dice: &mut Dice| Place { x: dice.below(size_m) as f64, y: dice.below(size_m) as f64 };
    let shops: Vec<Place> = (0..2 + dice.below(30)).map(|_| place(&mut dice)).collect();
    let shifts: Vec<Shift> = (0..couriers)
        .map(|number| {
            let on = 60 * dice.below(200) as i64;
            let (at, courier) = (place(&mut dice), number as Key);
            Shift { courier, at, on, off: on + 60 * (30 + dice.below(150) as i64), ..Shift::default() }
        })
        .collect();
    let hours: usize = shifts.iter().map(|shift| usize::try_from(shift.off - shift.on).unwrap()).sum::<usize>() / 3600;
    let orders = (0..(hours * crowd / 10).max(1)).map(|number| {
        let placed = 60 * dice.below(300) as i64;
        let ready = placed + 60 * dice.below(cooking_min + 1) as i64;
        Order {
            key: number as Key,
            shop: dice.below(shops.len()),
            door: place(&mut dice),
            placed,
            ready,
            size: 1,
            ..Order::default()
        }
    });
    let orders = orders.collect();
    let rules = Rules {
        tick: 60,
        pickup_half: 120,
        dropoff_half: 120,
        never: 10_800,
        bundle_max: 8,
        late_price: 0.0,
        turn_price: 0.0,
    };
    Script { shops, shifts, orders, rules }
}

fn lived(script: &Script, tuning: Tuning) -> Result<Score, Breach> {
    let mut matcher = Matcher::new(script.rules, tuning);
    play(script, &TRAVEL, |snapshot| matcher.tick(snapshot, &TRAVEL))
}

fn quick() -> Tuning {
    Tuning { budget: 1_500, ..Tuning::default() }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]
    #[test]
    fn every_instruction_of_every_day_is_allowed(
        seed: u64, couriers in 1_usize..30, crowd in 5_usize..60, size_m in 500_usize..20_000,
        cooking_min in 0_usize..45, tick in 1_i64..6, bundle_max in 1_usize..=8,
    ) {
        let mut script = script(seed, couriers, crowd, size_m, cooking_min);
        script.rules.tick = 60 * tick;
        script.rules.bundle_max = bundle_max;
        let score = lived(&script, quick());
        prop_assert!(score.is_ok(), "{:?}", score);
    }

    #[test]
    fn the_same_day_is_planned_the_same_whatever_the_listing(seed: u64, couriers in 1_usize..20) {
        let script = script(seed, couriers, 25, 8_000, 20);
        let mut first = Matcher::new(script.rules, quick());
        let mut second = first.clone();
        let same = play(&script, &TRAVEL, |snapshot| {
            let mut turned = snapshot.clone();
            turned.orders.reverse();
            turned.couriers.reverse();
            let plan = first.tick(snapshot, &TRAVEL);
            assert_eq!(plan, second.tick(&turned, &TRAVEL));
            plan
        });
        prop_assert!(same.is_ok());
    }
}

/// More chains than one exchange deals at once: those left out keep theirs.
#[test]
fn a_large_fleet_keeps_the_rules() {
    let script = script(11, 900, 28, 20_000, 20);
    let score = lived(&script, Tuning { budget: 4_000, near: 12, ..Tuning::default() });
    assert!(score.is_ok(), "{score:?}");
}

fn courier(key: Key, x: f64) -> Courier {
    Courier {
        key,
        at: Place { x, y: 0.0 },
        free: 0,
        off: 7200,
        standing: Standing::Idle,
        shop: None,
        arrived: 0,
        pace: 1000,
        capacity: 10,
        ..Courier::default()
    }
}

#[test]
fn a_pickup_is_expected_at_the_mean_over_what_is_likely() {
    let orders = [Order { spread: [-240, -60, 60, 240], ..order(7, 20) }, order(8, 20)];
    let rules = Rules {
        tick: 60,
        pickup_half: 0,
        dropoff_half: 0,
        never: 7200,
        bundle_max: 8,
        late_price: 0.0,
        turn_price: 0.0,
    };
    let measure = route::Measure {
        rules: &rules,
        now: 0,
        shops: &[Place { x: 0.0, y: 0.0 }],
        orders: &orders,
        travel: &TRAVEL,
        work_price: 0.0,
        barred: &HashSet::new(),
        has_extras: false,
    };
    let at = |free: i64, route: &[u32]| {
        let courier = Courier { free, ..courier(1, 0.0) };
        let pickup = measure.pickup(&courier, &route::Walk::of(&courier), &measure.route(route));
        (pickup.leave, pickup.at)
    };
    assert_eq!(at(0, &[1]), (1200, 1200), "certain");
    assert_eq!(at(0, &[0]), (960, 1200), "there for the earliest, and away on average with it");
    assert_eq!(at(1200, &[0]), (1200, 1200 + (60 + 240) / 4), "half of the cases are ready by then");
    assert_eq!(at(1500, &[0]), (1500, 1500), "surely ready");
    assert_eq!(at(0, &[0, 1]), (1200, 1200 + (60 + 240) / 4), "the last of a bundle counts");
}

fn order(key: Key, ready_min: i64) -> Order {
    Order {
        key,
        shop: 0,
        door: Place { x: 0.0, y: 3200.0 },
        placed: 0,
        ready: 60 * ready_min,
        size: 1,
        ..Order::default()
    }
}

fn told(couriers: Vec<Courier>, orders: Vec<Order>) -> Plan {
    let rules = Rules {
        tick: 60,
        pickup_half: 120,
        dropoff_half: 120,
        never: 10_800,
        bundle_max: 8,
        late_price: 0.0,
        turn_price: 0.0,
    };
    let shops = vec![Place::default()];
    Matcher::new(rules, Tuning { position: false, ..Tuning::default() })
        .tick(&Snapshot { now: 0, shops, orders, couriers, barred: Default::default() }, &TRAVEL)
}

#[test]
fn nobody_leaves_before_it_is_due() {
    // Ten minutes away, two of service: due eighteen minutes before the food is.
    let far = vec![courier(1, 3200.0)];
    let early = told(far.clone(), vec![order(7, 13)]);
    assert!(early.moves.is_empty() && early.assignments.is_empty(), "{early:?}");
    assert_eq!(early.intents, [Intent { courier: 1, routes: vec![vec![7]] }]);
    let due = told(far, vec![order(7, 12)]);
    assert_eq!(due.moves, [Move { courier: 1, shop: 0, reason: Reason::Due }]);
}

#[test]
fn who_stands_at_the_shop_is_bound_when_the_food_is_there() {
    let waiting = Courier { shop: Some(0), arrived: -600, ..courier(1, 0.0) };
    assert!(told(vec![waiting], vec![order(7, 1)]).assignments.is_empty());
    let bound = told(vec![waiting], vec![order(7, 0)]);
    let route = vec![Stop::Pickup(vec![7]), Stop::Dropoff(7)];
    assert_eq!(bound.assignments, [Assignment { courier: 1, route }]);
}

#[test]
fn no_pickup_after_the_shift() {
    let tired = Courier { off: 11 * 60, ..courier(1, 3200.0) };
    let plan = told(vec![tired], vec![order(7, 0)]);
    assert_eq!((plan.moves.len(), plan.given_up), (0, vec![7]));
}

#[test]
fn capacity_is_kept_even_if_it_costs() {
    let shop = |capacity| Courier { shop: Some(0), arrived: -600, capacity, ..courier(1, 0.0) };
    let orders = vec![order(7, 0), order(8, 0)];
    let both = told(vec![shop(2)], orders.clone());
    assert_eq!(both.assignments[0].route.len(), 3, "one trip with both is sooner for all: {both:?}");
    let one = told(vec![shop(1)], orders);
    assert_eq!(one.assignments[0].route.len(), 2);
    assert_eq!(one.intents[0].routes.len(), 1, "the other goes with the second trip");
}

#[test]
fn a_slower_vehicle_is_asked_later() {
    let slow = Courier { pace: 3000, ..courier(1, 640.0) };
    let quick = courier(2, 960.0);
    let plan = told(vec![slow, quick], vec![order(7, 0)]);
    assert_eq!(plan.moves.iter().map(|sent| sent.courier).collect::<Vec<_>>(), [2]);
}
