//! The index of riders beside plain `rstar`: `cargo bench --bench tree`. A program, not a harness: 100,000 riders in a city
//! 30 km wide are loaded, move, and the nearest ten free ones are looked for, alone and while 50,000 fixes a second
//! arrive, ours and the peer in turn. Counted is the thread's time on a core, as Linux tells it, so that neighbours do
//! not show. `-- --seconds 3600` lives an hour of such fixes instead of ten seconds: what the tree is worth after that.

use std::{fs, hint, time::Duration};

use foodcourt_actors::{
    dispatch::{index::RiderIndex, matcher::dice::Dice},
    ids::{IdMap, RiderId, UserId},
    place::{LocalMap, Position},
};
use rstar::{RTree, primitives::GeomWithData};
use uuid::Uuid;

const RIDERS: usize = 100_000;
const CITY_M: f64 = 30_000.0;
/// Of ten riders, so many are free.
const FREE_IN_TEN: usize = 7;
/// A bicycle's way in the two seconds between two of its fixes.
const STEP_M: f64 = 8.4;
const FIXES_PER_S: usize = 50_000;
const COUNT: usize = 10;
/// As far as a search goes.
const RADIUS_M: f64 = 8_000.0;
const ROUNDS: usize = 5;
const FIGURES: usize = 5;
/// Fixes of so many seconds, without `--seconds`.
const SECONDS: usize = 10;
const QUERIES: usize = 100_000;
/// Fixes come in such portions while searches go on.
const PORTION: Duration = Duration::from_millis(200);

/// A fix of the rider of that number: on the globe, and on the flat map.
type Fix = (usize, Position, [f64; 2]);

/// Riders who ride straight on until the city ends, each in turn.
struct Riders {
    dice: Dice,
    map: LocalMap,
    at: Vec<[f64; 2]>,
    step: Vec<[f64; 2]>,
    next: usize,
}

impl Riders {
    fn new(origin: Position) -> Self {
        let mut dice = Dice::new(1);
        let at = (0..RIDERS).map(|_| somewhere(&mut dice)).collect();
        let step = |_| {
            let (sin, cos) = (share(&mut dice) * std::f64::consts::TAU).sin_cos();
            [STEP_M * cos, STEP_M * sin]
        };
        let step = (0..RIDERS).map(step).collect();
        Self { dice: Dice::new(2), map: LocalMap::around(origin), at, step, next: 0 }
    }
    fn fixes(&mut self, count: usize) -> Vec<Fix> {
        (0..count).map(|_| self.fix()).collect()
    }
    fn fix(&mut self) -> Fix {
        let number = self.next;
        self.next = (self.next + 1) % RIDERS;
        let (at, step) = (&mut self.at[number], &mut self.step[number]);
        for axis in 0..2 {
            if (at[axis] + step[axis]).abs() > CITY_M / 2.0 {
                step[axis] = -step[axis];
            }
            at[axis] += step[axis];
        }
        (number, self.map.to_position(*at), *at)
    }
    fn places(&mut self, count: usize) -> Vec<(Position, [f64; 2])> {
        let mut place = || {
            let at = somewhere(&mut self.dice);
            (self.map.to_position(at), at)
        };
        (0..count).map(|_| place()).collect()
    }
}

#[expect(clippy::cast_precision_loss, reason = "a share of one in millionths")]
fn share(dice: &mut Dice) -> f64 {
    dice.below(1_000_000) as f64 / 1e6
}
fn somewhere(dice: &mut Dice) -> [f64; 2] {
    [0, 1].map(|_| (share(dice) - 0.5) * CITY_M)
}
const fn is_free(number: usize) -> bool {
    number % 10 < FREE_IN_TEN
}
fn rider(number: usize) -> RiderId {
    UserId(Uuid::new_v5(&Uuid::NAMESPACE_OID, &number.to_le_bytes()))
}

/// What both sides can do.
trait Tree {
    fn load(riders: &Riders) -> Self;
    fn place(&mut self, fix: &Fix);
    /// How many were found.
    fn nearest(&self, around: &(Position, [f64; 2])) -> usize;
}

/// Ours, with riders known by their ids, as the zone knows them.
struct Ours {
    index: RiderIndex,
    ids: Vec<RiderId>,
    free: IdMap<RiderId, bool>,
}

impl Tree for Ours {
    fn load(riders: &Riders) -> Self {
        let ids: Vec<RiderId> = (0..RIDERS).map(rider).collect();
        let free = ids.iter().enumerate().map(|(number, id)| (*id, is_free(number))).collect();
        let places = ids.iter().zip(&riders.at).map(|(id, at)| (*id, riders.map.to_position(*at)));
        let index = RiderIndex::load(origin(), places);
        Self { index, ids, free }
    }
    fn place(&mut self, (number, position, _): &Fix) {
        self.index.place(self.ids[*number], *position);
    }
    fn nearest(&self, (around, _): &(Position, [f64; 2])) -> usize {
        let free = &self.free;
        self.index.nearest(*around, RADIUS_M, COUNT, |id| free.get(&id).copied().unwrap_or(false)).len()
    }
}

/// `rstar` with riders known by numbers, and nothing around it.
struct Plain {
    tree: RTree<GeomWithData<[f64; 2], usize>>,
    spots: Vec<[f64; 2]>,
}

impl Tree for Plain {
    fn load(riders: &Riders) -> Self {
        let points = riders.at.iter().enumerate().map(|(number, at)| GeomWithData::new(*at, number));
        Self { tree: RTree::bulk_load(points.collect()), spots: riders.at.clone() }
    }
    fn place(&mut self, (number, _, at): &Fix) {
        self.tree.remove(&GeomWithData::new(self.spots[*number], *number));
        self.spots[*number] = *at;
        self.tree.insert(GeomWithData::new(*at, *number));
    }
    fn nearest(&self, (_, around): &(Position, [f64; 2])) -> usize {
        let near = self.tree.nearest_neighbor_iter_with_distance_2(around);
        let near = near.take_while(|(_, squared)| *squared <= RADIUS_M * RADIUS_M);
        near.filter(|(spot, _)| is_free(spot.data)).take(COUNT).map(|(spot, _)| spot.data).collect::<Vec<_>>().len()
    }
}

/// How long this thread has been on a core.
fn on_core() -> Duration {
    let told = fs::read_to_string("/proc/thread-self/schedstat").expect("Linux tells");
    let nanoseconds = told.split(' ').next().and_then(|first| first.parse().ok()).expect("the first number");
    Duration::from_nanos(nanoseconds)
}

fn spent(work: impl FnOnce()) -> Duration {
    let began = on_core();
    work();
    on_core() - began
}

fn origin() -> Position {
    Position::new(52.52, 13.40).expect("on the globe")
}

/// Microseconds an operation.
#[expect(clippy::cast_precision_loss, reason = "counts of a benchmark")]
fn each(spent: Duration, count: usize) -> f64 {
    spent.as_secs_f64() * 1e6 / count as f64
}

fn search<T: Tree>(tree: &T, places: &[(Position, [f64; 2])]) {
    for place in places {
        assert_eq!(hint::black_box(tree.nearest(place)), COUNT, "there are enough riders");
    }
}

/// One side's figures, µs: a rider loaded, a search then, a fix, a search after them, and one while fixes arrive.
fn measure<T: Tree>(seconds: usize) -> [f64; FIGURES] {
    let mut riders = Riders::new(origin());
    let mut tree = None;
    let loaded = each(spent(|| tree = Some(T::load(&riders))), RIDERS);
    let mut tree = tree.expect("loaded");
    let places = riders.places(QUERIES);
    let packed = each(spent(|| search(&tree, &places)), QUERIES);
    let mut moving = Duration::ZERO;
    for _ in 0..seconds {
        let fixes = riders.fixes(FIXES_PER_S);
        moving += spent(|| fixes.iter().for_each(|fix| tree.place(fix)));
    }
    let moved = each(moving, seconds * FIXES_PER_S);
    let found = each(spent(|| search(&tree, &places)), QUERIES);
    // One thread does both: what fixes leave of each portion of time is for searches.
    let (mut searches, mut both) = (0, Duration::ZERO);
    let share = FIXES_PER_S * usize::try_from(PORTION.as_millis()).expect("a portion") / 1_000;
    for _ in 0..15 {
        let fixes = riders.fixes(share);
        let began = on_core();
        fixes.iter().for_each(|fix| tree.place(fix));
        while on_core() - began < PORTION {
            let some = searches % (QUERIES - 500);
            search(&tree, &places[some..some + 500]);
            searches += 500;
        }
        both += on_core() - began;
    }
    [loaded, packed, moved, found, each(both, searches)]
}

fn median(rounds: &[[f64; FIGURES]], figure: usize) -> f64 {
    let mut all: Vec<f64> = rounds.iter().map(|round| round[figure]).collect();
    all.sort_by(f64::total_cmp);
    all[all.len() / 2]
}

fn main() {
    let mut words = std::env::args().skip_while(|word| word != "--seconds").skip(1);
    let seconds = words.next().map_or(SECONDS, |number| number.parse().expect("--seconds takes a number"));
    let rounds = if seconds > SECONDS { 1 } else { ROUNDS };
    let (mut ours, mut plain) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        ours.push(measure::<Ours>(seconds));
        plain.push(measure::<Plain>(seconds));
    }
    println!("| {seconds} s of fixes; µs on a core | index | rstar | a second, index | a second, rstar |");
    println!("|---|---|---|---|---|");
    let words = [
        "load, a rider",
        "nearest 10 free, just loaded",
        "a fix",
        "nearest 10 free, after the fixes",
        "nearest 10 free, 50,000 fixes a second",
    ];
    for (figure, word) in words.iter().enumerate() {
        let (ours, plain) = (median(&ours, figure), median(&plain, figure));
        println!("| {word} | {ours:.2} | {plain:.2} | {:.0} | {:.0} |", 1e6 / ours, 1e6 / plain);
    }
}
