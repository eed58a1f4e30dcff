//! How the district of Weidenhafen was laid out: a bent grid with a river through it, a park, an avenue askew, and
//! streets that end. Deterministic: the same metres on every start. Metres east and north of the centre.

use std::f64::consts::TAU;

/// Crossings along each side of the grid before river and park take theirs.
const SIDE: usize = 18;
/// Metres between crossings before the grid is bent.
const SPACING_M: f64 = 138.0;
/// Half of the river's width, metres.
const RIVER_HALF_M: f64 = 42.0;
/// From the water to the middle of the embankment's street, metres.
const QUAY_M: f64 = 26.0;
/// Columns whose street crosses the river by a bridge.
const BRIDGES: [usize; 5] = [2, 6, 9, 13, 16];
/// Middle and radii of the park, metres.
const PARK: [f64; 4] = [-470.0, 560.0, 330.0, 215.0];

const ROWS: [&str; SIDE] = [
    "Deichweg",
    "Werftstraße",
    "Kohlenstraße",
    "Tauwerkgasse",
    "Hafenstraße",
    "Seilergasse",
    "Lotsenweg",
    "Fährstraße",
    "Speicherstraße",
    "Kranstraße",
    "Marktstraße",
    "Bäckergasse",
    "Schulstraße",
    "Weidenstraße",
    "Gartenstraße",
    "Mühlenweg",
    "Ulmenstraße",
    "Nordring",
];
const COLUMNS: [&str; SIDE] = [
    "Westring",
    "Kirchweg",
    "Alte Brückenstraße",
    "Ankergasse",
    "Fischerstraße",
    "Netzgasse",
    "Bahnhofstraße",
    "Segelmacherweg",
    "Kompassgasse",
    "Kaiserbrückenstraße",
    "Laternengasse",
    "Glockengasse",
    "Rosenstraße",
    "Mittelbrückenstraße",
    "Ahornweg",
    "Ziegelgasse",
    "Ostbrückenstraße",
    "Ostring",
];

/// What part of the town a crossing lies at.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Edge {
    None,
    NorthBank,
    SouthBank,
    Park,
}

/// A stretch of street between two crossings.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stretch {
    pub from: usize,
    pub to: usize,
    pub name: &'static str,
    /// Drawn broad.
    pub main: bool,
}

/// The laid out town, in metres.
#[derive(Debug)]
pub(super) struct Plan {
    pub crossings: Vec<[f64; 2]>,
    pub stretches: Vec<Stretch>,
    /// Outlines of the blocks between the streets.
    pub blocks: Vec<Vec<[f64; 2]>>,
    pub river: Vec<[f64; 2]>,
    pub park: Vec<[f64; 2]>,
}

/// A number in 0..1 that looks random and is not (splitmix64's finalizer, Steele et al. 2014).
pub(super) fn chance(seed: u64) -> f64 {
    let mut z = seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    f64::from(u32::try_from((z ^ (z >> 31)) >> 32).unwrap_or(0)) / f64::from(u32::MAX)
}

/// The middle of the river at `x`.
pub(super) fn river_y(x: f64) -> f64 {
    -300.0 + 150.0 * (x / 520.0 + 0.5).sin() - 0.10 * x
}

fn park_norm([x, y]: [f64; 2]) -> f64 {
    let [px, py, rx, ry] = PARK;
    ((x - px) / rx).hypot((y - py) / ry)
}

fn place(column: usize, row: usize) -> ([f64; 2], Edge) {
    let index = |n: usize| f64::from(u32::try_from(n).unwrap_or(0));
    let seed = u64::try_from(column * SIDE + row).unwrap_or(0);
    let middle = index(SIDE - 1) / 2.0;
    let (x, y) = ((index(column) - middle) * SPACING_M, (index(row) - middle) * SPACING_M);
    let mut at = [
        x + 75.0 * (y / 470.0 + 0.6).sin() + (chance(seed) - 0.5) * 58.0,
        y + 90.0 * (x / 560.0 - 0.4).sin() + (chance(seed + 10_000) - 0.5) * 58.0,
    ];
    let from_river = at[1] - river_y(at[0]);
    if from_river.abs() < RIVER_HALF_M + QUAY_M + 12.0 {
        let side = if from_river < 0.0 { Edge::SouthBank } else { Edge::NorthBank };
        at[1] = river_y(at[0]) + (RIVER_HALF_M + QUAY_M).copysign(from_river);
        return (at, side);
    }
    let norm = park_norm(at);
    if (0.72..1.18).contains(&norm) {
        let [px, py, ..] = PARK;
        return ([px + (at[0] - px) / norm * 1.07, py + (at[1] - py) / norm * 1.07], Edge::Park);
    }
    (at, Edge::None)
}

/// Lays out the town.
pub(super) fn plan() -> Plan {
    let grid: Vec<_> = (0..SIDE * SIDE).map(|n| place(n / SIDE, n % SIDE)).collect();
    let at = |column: usize, row: usize| column * SIDE + row;
    let north = |n: usize| grid[n].0[1] > river_y(grid[n].0[0]);
    let mut stretches = Vec::new();
    let mut lay = |from: usize, to: usize, name, main: bool, bridge: bool, keep: f64| {
        let (a, b) = (grid[from], grid[to]);
        let half = [f64::midpoint(a.0[0], b.0[0]), f64::midpoint(a.0[1], b.0[1])];
        let wet = north(from) != north(to);
        let green = park_norm(a.0).min(park_norm(b.0)).min(park_norm(half) + 0.05) < 1.0;
        let quay = if a.1 == b.1 { a.1 } else { Edge::None };
        let name = match quay {
            Edge::NorthBank => "Kranufer",
            Edge::SouthBank => "Werftufer",
            Edge::Park => "Am Weidenpark",
            Edge::None => name,
        };
        let seed = u64::try_from(from * 1_000 + to).unwrap_or(0);
        let stays = main || quay != Edge::None || (wet && bridge) || chance(seed) < keep;
        if stays && !green && (!wet || bridge) {
            stretches.push(Stretch { from, to, name, main: main || (wet && bridge) });
        }
    };
    for (row, name) in ROWS.into_iter().enumerate() {
        for column in 1..SIDE {
            lay(at(column - 1, row), at(column, row), name, [4, 10, 14].contains(&row), false, 0.86);
        }
    }
    for (column, name) in COLUMNS.into_iter().enumerate() {
        for row in 1..SIDE {
            let main = [6, 13].contains(&column);
            lay(at(column, row - 1), at(column, row), name, main, BRIDGES.contains(&column), 0.86);
        }
    }
    for step in 0..6 {
        lay(at(9 + step, 16 - step), at(10 + step, 15 - step), "Lindenallee", true, false, 1.0);
    }
    let dry = |corners: &[usize]| {
        let middle = middle_of(&corners.iter().map(|n| grid[*n].0).collect::<Vec<_>>());
        let built = |n: usize| north(n) == north(corners[0]) && park_norm(grid[n].0) > 1.0;
        corners.iter().all(|n| built(*n)) && park_norm(middle) > 1.0
    };
    let mut blocks = Vec::new();
    for column in 1..SIDE {
        for row in 1..SIDE {
            let [a, b, c, d] = [at(column - 1, row - 1), at(column, row - 1), at(column, row), at(column - 1, row)];
            let askew = (9..15).contains(&(column - 1)) && row - 1 + column == 25;
            let parts = if askew { vec![vec![a, b, d], vec![b, c, d]] } else { vec![vec![a, b, c, d]] };
            blocks.extend(
                parts.into_iter().filter(|part| dry(part)).map(|part| part.iter().map(|n| grid[*n].0).collect()),
            );
        }
    }
    let (crossings, stretches) = connected(&grid.iter().map(|(at, _)| *at).collect::<Vec<_>>(), stretches);
    let bank =
        |side: f64| (-30..=30).map(move |n| f64::from(n) * 50.0).map(move |x| [x, river_y(x) + side * RIVER_HALF_M]);
    let mut south: Vec<_> = bank(-1.0).collect();
    south.reverse();
    let [px, py, rx, ry] = PARK;
    let park = (0..48).map(|n| f64::from(n) / 48.0 * TAU);
    Plan {
        crossings,
        stretches,
        blocks,
        river: bank(1.0).chain(south).collect(),
        park: park.map(|turn| [px + rx * 0.98 * turn.cos(), py + ry * 0.98 * turn.sin()]).collect(),
    }
}

/// The middle of an outline's corners.
pub(super) fn middle_of(outline: &[[f64; 2]]) -> [f64; 2] {
    let count = f64::from(u32::try_from(outline.len()).unwrap_or(1));
    outline.iter().fold([0.0; 2], |[x, y], corner| [x + corner[0] / count, y + corner[1] / count])
}

/// Keeps the largest connected part, so that every door can be reached from every other.
fn connected(grid: &[[f64; 2]], stretches: Vec<Stretch>) -> (Vec<[f64; 2]>, Vec<Stretch>) {
    let mut part: Vec<usize> = (0..grid.len()).collect();
    fn root(part: &mut [usize], mut n: usize) -> usize {
        while part[n] != n {
            part[n] = part[part[n]];
            n = part[n];
        }
        n
    }
    for stretch in &stretches {
        let (a, b) = (root(&mut part, stretch.from), root(&mut part, stretch.to));
        part[a] = b;
    }
    let mut sizes = vec![0_u32; grid.len()];
    (0..grid.len()).for_each(|n| sizes[root(&mut part, n)] += 1);
    let largest = (0..grid.len()).max_by_key(|n| sizes[*n]).unwrap_or(0);
    let (mut crossings, mut new_index) = (Vec::new(), vec![None; grid.len()]);
    for (n, at) in grid.iter().enumerate() {
        if root(&mut part, n) == largest {
            new_index[n] = Some(crossings.len());
            crossings.push(*at);
        }
    }
    let kept = stretches
        .into_iter()
        .filter_map(|stretch| Some(Stretch { from: new_index[stretch.from]?, to: new_index[stretch.to]?, ..stretch }));
    (crossings, kept.collect())
}
