//! How long one tick of the matcher takes, by open orders, by riders and by shops (one: a crowd at a single food court):
//! `cargo bench --bench tick`. A program, not a
//! harness: each row is a city of its own, its first tick (nothing planned yet) and the median of the next ten. Counted
//! is the thread's time on a core, as Linux tells it, so that neighbours do not show.

use std::{fs, time::Duration};

use foodcourt_actors::dispatch::matcher::{
    Matcher, Order, Place, Rules, StraightLine, Tuning,
    day::{Script, Shift, World},
    dice::Dice,
};

/// A city 30 km wide, where a shop has a rider about 200 m away if there are 20,000.
const CITY_M: usize = 30_000;
/// How many shops such a city has.
const SHOPS: usize = 1_000;
const TICKS: usize = 11;

fn city(orders: usize, riders: usize, shops: usize) -> Script {
    let mut dice = Dice::new(1);
    #[expect(clippy::cast_precision_loss, reason = "metres of a city")]
    let place = |dice: &mut Dice| Place { x: dice.below(CITY_M) as f64, y: dice.below(CITY_M) as f64 };
    let minutes = |dice: &mut Dice, most: usize| 60 * i64::try_from(dice.below(most)).expect("a few minutes");
    let shops: Vec<Place> = (0..shops).map(|_| place(&mut dice)).collect();
    let shifts = (0..riders).map(|number| Shift {
        courier: number as u128,
        at: place(&mut dice),
        off: 4 * 3600,
        ..Shift::default()
    });
    let shifts = shifts.collect();
    // All are open at the first tick, and a tenth as many come with each of the next.
    let mut list = Vec::new();
    for number in 0..orders + orders / 10 * TICKS {
        let shop = dice.below(shops.len());
        let (dx, dy) = (dice.below(4_000), dice.below(4_000));
        #[expect(clippy::cast_precision_loss, reason = "metres of a city")]
        let door = Place { x: shops[shop].x + dx as f64 - 2_000.0, y: shops[shop].y + dy as f64 - 2_000.0 };
        let placed = i64::try_from(number.saturating_sub(orders) / (orders / 10).max(1)).expect("a few ticks") * 60;
        let ready = placed + 300 + minutes(&mut dice, 25);
        list.push(Order { key: number as u128, shop, door, placed, ready, size: 1, ..Order::default() });
    }
    let rules = Rules {
        tick: 60,
        pickup_half: 120,
        dropoff_half: 120,
        never: 10_800,
        bundle_max: 8,
        late_price: 0.0,
        turn_price: 0.0,
    };
    Script { shops, shifts, orders: list, rules }
}

/// How long this thread has been on a core.
fn on_core() -> Duration {
    let told = fs::read_to_string("/proc/thread-self/schedstat").expect("Linux tells");
    let nanoseconds = told.split(' ').next().and_then(|first| first.parse().ok()).expect("the first number");
    Duration::from_nanos(nanoseconds)
}

fn measure(orders: usize, riders: usize, shops: usize) -> (Duration, Duration, usize) {
    let script = city(orders, riders, shops);
    let travel = StraightLine { metres_per_step: 320.0, step: 60 };
    let mut world = World::new(&script, &travel);
    let mut matcher = Matcher::new(script.rules, Tuning::default());
    let (mut spent, mut open) = (Vec::new(), 0);
    for tick in 0..TICKS {
        let now = 60 * i64::try_from(tick).expect("a few ticks");
        let snapshot = world.advance(now);
        open = snapshot.orders.len();
        let started = on_core();
        let plan = matcher.tick(&snapshot, &travel);
        spent.push(on_core() - started);
        world.apply(now, &plan).expect("the matcher keeps the rules");
    }
    let first = spent.remove(0);
    spent.sort_unstable();
    (first, spent[spent.len() / 2], open)
}

fn main() {
    println!(
        "| orders open at first | riders | shops | first tick, ms | next ticks, median ms | orders open at last |"
    );
    println!("|---|---|---|---|---|---|");
    let cities = [(100, 20_000), (1_000, 20_000), (5_000, 20_000), (1_000, 2_000), (1_000, 5_000), (1_000, 50_000)];
    let crowds = [(100, 20_000), (500, 20_000), (1_000, 20_000), (5_000, 20_000)];
    let all = cities.map(|(orders, riders)| (orders, riders, SHOPS)).into_iter();
    for (orders, riders, shops) in all.chain(crowds.map(|(orders, riders)| (orders, riders, 1))) {
        let (first, next, open) = measure(orders, riders, shops);
        let ms = |span: Duration| span.as_secs_f64() * 1000.0;
        println!("| {orders} | {riders} | {shops} | {:.0} | {:.0} | {open} |", ms(first), ms(next));
    }
}
