//! The streets of the district as a graph: from GeoJSON, with the shortest way between two places.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, HashMap},
};

use foodcourt_actors::place::{LocalMap, Position};
use serde_json::Value;

use super::dice::Dice;

/// Ends of streets nearer than this are one crossing.
const SAME_PLACE_M: f64 = 1.0;
/// Long stretches get corners this often, so that "the nearest corner" is near.
const CORNER_EVERY_M: f64 = 40.0;
/// More stretches than any district has; crossings are searched pairwise.
const STRETCHES_MAX: usize = 20_000;

/// Why a document has no streets in it.
#[derive(Debug, thiserror::Error)]
pub enum StreetsError {
    /// No line that could be a street.
    #[error("the district has no streets: no LineString features were found")]
    NoStreets,
    /// Too much for a client.
    #[error("the district has {0} stretches of street, more than {STRETCHES_MAX}")]
    TooMany(usize),
}

/// A street map.
pub struct Streets {
    map: LocalMap,
    corners: Vec<[f64; 2]>,
    ways: Vec<Vec<(usize, f64)>>,
}

impl Streets {
    /// From a GeoJSON feature collection: every line that is not water, rail, a park or a border.
    ///
    /// # Errors
    /// [`StreetsError`] where there is none.
    pub fn from_geojson(district: &Value) -> Result<Self, StreetsError> {
        let features = district.get("features").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let lines: Vec<Vec<Position>> = features.iter().filter(|feature| is_street(feature)).flat_map(lines).collect();
        let origin = *lines.iter().flatten().next().ok_or(StreetsError::NoStreets)?;
        let map = LocalMap::around(origin);
        let stretches: Vec<[[f64; 2]; 2]> = lines
            .iter()
            .flat_map(|line| line.windows(2))
            .map(|ends| [map.to_metres(ends[0]), map.to_metres(ends[1])])
            .collect();
        if stretches.len() > STRETCHES_MAX {
            return Err(StreetsError::TooMany(stretches.len()));
        }
        Ok(Self::from_stretches(map, &stretches))
    }
    /// A plain grid around a place, for a server that has no district to show.
    #[must_use]
    pub fn grid(around: Position) -> Self {
        const BLOCKS: i32 = 12;
        const BLOCK_M: f64 = 150.0;
        let reach = f64::from(BLOCKS) * BLOCK_M;
        let stretches: Vec<_> = (-BLOCKS..=BLOCKS)
            .map(|street| f64::from(street) * BLOCK_M)
            .flat_map(|at| [[[at, -reach], [at, reach]], [[-reach, at], [reach, at]]])
            .collect();
        Self::from_stretches(LocalMap::around(around), &stretches)
    }
    /// The shortest way, both ends included: the last steps off the street are walked straight.
    #[must_use]
    pub fn way(&self, from: Position, to: Position) -> Vec<Position> {
        let (start, end) = (self.nearest(from), self.nearest(to));
        let mut way = vec![from];
        way.extend(self.shortest(start, end).into_iter().map(|corner| self.map.to_position(self.corners[corner])));
        way.push(to);
        way
    }
    /// A corner at most `radius_m` from a place, or the nearest one.
    #[must_use]
    pub fn some_corner(&self, around: Position, radius_m: f64, dice: &mut Dice) -> Position {
        let centre = self.map.to_metres(around);
        let near: Vec<_> = self.corners.iter().filter(|corner| distance(centre, **corner) <= radius_m).collect();
        let corner = dice.pick(&near).map_or(self.corners[self.nearest(around)], |corner| **corner);
        self.map.to_position(corner)
    }
    /// Somewhere up to `sigma_m` (one standard deviation) beside a place.
    #[must_use]
    pub fn beside(&self, at: Position, sigma_m: f64, dice: &mut Dice) -> Position {
        let [x, y] = self.map.to_metres(at);
        self.map.to_position([x + dice.normal(sigma_m), y + dice.normal(sigma_m)])
    }

    fn from_stretches(map: LocalMap, stretches: &[[[f64; 2]; 2]]) -> Self {
        let mut corners = Corners::default();
        let mut ways: Vec<Vec<(usize, f64)>> = Vec::new();
        for (index, [start, end]) in stretches.iter().enumerate() {
            let length = distance(*start, *end);
            let mut cuts = vec![0.0, 1.0];
            cuts.extend(
                stretches
                    .iter()
                    .enumerate()
                    .filter(|(other, _)| *other != index)
                    .flat_map(|(_, other)| touching(&[*start, *end], other)),
            );
            cuts.sort_by(f64::total_cmp);
            for cut in cuts.windows(2).filter(|cut| cut[1] > cut[0]) {
                let pieces = ((cut[1] - cut[0]) * length / CORNER_EVERY_M).ceil().max(1.0);
                let mut before = corners.at(between(*start, *end, cut[0]));
                let mut piece = 1.0;
                while piece <= pieces {
                    let after = corners.at(between(*start, *end, cut[0] + (cut[1] - cut[0]) * piece / pieces));
                    if after != before {
                        let long = distance(corners.places[before], corners.places[after]);
                        ways.resize(corners.places.len(), Vec::new());
                        ways[before].push((after, long));
                        ways[after].push((before, long));
                    }
                    before = after;
                    piece += 1.0;
                }
            }
        }
        ways.resize(corners.places.len(), Vec::new());
        keep_largest_part(map, corners.places, ways)
    }

    fn nearest(&self, at: Position) -> usize {
        let at = self.map.to_metres(at);
        let mut best = (0, f64::INFINITY);
        for (index, corner) in self.corners.iter().enumerate() {
            let far = distance(at, *corner);
            if far < best.1 {
                best = (index, far);
            }
        }
        best.0
    }

    /// Dijkstra in whole centimetres, so that the heap can order them.
    fn shortest(&self, start: usize, end: usize) -> Vec<usize> {
        let mut known: HashMap<usize, (u64, usize)> = HashMap::from([(start, (0, start))]);
        let mut open = BinaryHeap::from([(Reverse(0_u64), start)]);
        while let Some((Reverse(cost), corner)) = open.pop() {
            if corner == end {
                break;
            }
            if known.get(&corner).is_some_and(|(best, _)| cost > *best) {
                continue;
            }
            for (next, long) in &self.ways[corner] {
                #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "metres of a district")]
                let next_cost = cost + (long * 100.0) as u64;
                if known.get(next).is_none_or(|(best, _)| next_cost < *best) {
                    known.insert(*next, (next_cost, corner));
                    open.push((Reverse(next_cost), *next));
                }
            }
        }
        let mut way = Vec::new();
        let mut at = end;
        while let Some((_, before)) = known.get(&at) {
            way.push(at);
            if at == start {
                break;
            }
            at = *before;
        }
        way.reverse();
        way
    }
}

/// Corners found so far, in cells of [`SAME_PLACE_M`], so that equal ones are found without a search.
#[derive(Default)]
struct Corners {
    places: Vec<[f64; 2]>,
    cells: HashMap<(i64, i64), usize>,
}

impl Corners {
    fn at(&mut self, place: [f64; 2]) -> usize {
        #[expect(clippy::cast_possible_truncation, reason = "metres of a district")]
        let cell = |metres: f64| (metres / SAME_PLACE_M).floor() as i64;
        let (x, y) = (cell(place[0]), cell(place[1]));
        for near in (-1..=1).flat_map(|dx| (-1..=1).map(move |dy| (x + dx, y + dy))) {
            if let Some(corner) = self.cells.get(&near).filter(|at| distance(self.places[**at], place) < SAME_PLACE_M) {
                return *corner;
            }
        }
        self.places.push(place);
        self.cells.insert((x, y), self.places.len() - 1);
        self.places.len() - 1
    }
}

/// Only the largest connected part: a rider never stands in a courtyard that no street leads out of.
fn keep_largest_part(map: LocalMap, corners: Vec<[f64; 2]>, ways: Vec<Vec<(usize, f64)>>) -> Streets {
    let mut part = vec![usize::MAX; corners.len()];
    let mut sizes = Vec::new();
    for seed in 0..corners.len() {
        if part[seed] != usize::MAX {
            continue;
        }
        let (mut open, mut size) = (vec![seed], 0_usize);
        part[seed] = sizes.len();
        while let Some(corner) = open.pop() {
            size += 1;
            for (next, _) in &ways[corner] {
                if part[*next] == usize::MAX {
                    part[*next] = sizes.len();
                    open.push(*next);
                }
            }
        }
        sizes.push(size);
    }
    let largest = sizes.iter().enumerate().max_by_key(|(_, size)| **size).map_or(0, |(part, _)| part);
    let mut renamed = vec![usize::MAX; corners.len()];
    let mut kept = Vec::new();
    for (index, corner) in corners.into_iter().enumerate().filter(|(index, _)| part[*index] == largest) {
        renamed[index] = kept.len();
        kept.push(corner);
    }
    let ways = ways
        .into_iter()
        .enumerate()
        .filter(|(index, _)| renamed[*index] != usize::MAX)
        .map(|(_, ways)| ways.into_iter().map(|(next, long)| (renamed[next], long)).collect())
        .collect();
    Streets { map, corners: kept, ways }
}

fn is_street(feature: &Value) -> bool {
    const NOT: [&str; 9] = ["water", "river", "canal", "stream", "rail", "railway", "park", "boundary", "coastline"];
    let Some(properties) = feature.get("properties").and_then(Value::as_object) else { return true };
    !properties.values().filter_map(Value::as_str).any(|word| NOT.contains(&word))
}

fn lines(feature: &Value) -> Vec<Vec<Position>> {
    let line = |points: &Value| points.as_array().map(|points| points.iter().filter_map(point).collect::<Vec<_>>());
    let Some(geometry) = feature.get("geometry") else { return Vec::new() };
    let coordinates = &geometry["coordinates"];
    match geometry.get("type").and_then(Value::as_str) {
        Some("LineString") => line(coordinates).into_iter().collect(),
        Some("MultiLineString") => {
            coordinates.as_array().map(|all| all.iter().filter_map(line).collect()).unwrap_or_default()
        }
        _ => Vec::new(),
    }
}

/// GeoJSON says longitude first.
fn point(point: &Value) -> Option<Position> {
    Position::new(point.get(1)?.as_f64()?, point.get(0)?.as_f64()?).ok()
}

fn distance(a: [f64; 2], b: [f64; 2]) -> f64 {
    (a[0] - b[0]).hypot(a[1] - b[1])
}

fn between(a: [f64; 2], b: [f64; 2], part: f64) -> [f64; 2] {
    [a[0] + (b[0] - a[0]) * part, a[1] + (b[1] - a[1]) * part]
}

/// Where (0 to 1) the first stretch is met by the other: a crossing, or an end of the other upon it.
fn touching(one: &[[f64; 2]; 2], other: &[[f64; 2]; 2]) -> Option<f64> {
    for axis in 0..2 {
        let low = |s: &[[f64; 2]; 2]| s[0][axis].min(s[1][axis]);
        let high = |s: &[[f64; 2]; 2]| s[0][axis].max(s[1][axis]);
        if high(one) + SAME_PLACE_M < low(other) || high(other) + SAME_PLACE_M < low(one) {
            return None;
        }
    }
    let (d, e) = (minus(one[1], one[0]), minus(other[1], other[0]));
    let gap = minus(other[0], one[0]);
    let cross = d[0] * e[1] - d[1] * e[0];
    let (long, other_long) = (d[0].hypot(d[1]), e[0].hypot(e[1]));
    if long < SAME_PLACE_M || other_long < SAME_PLACE_M {
        return None;
    }
    if cross.abs() < 1e-9 * long * other_long {
        return None; // parallel: shared ends are found as equal corners
    }
    let here = (gap[0] * e[1] - gap[1] * e[0]) / cross;
    let there = (gap[0] * d[1] - gap[1] * d[0]) / cross;
    let (slack, other_slack) = (SAME_PLACE_M / long, SAME_PLACE_M / other_long);
    let inside = |at: f64, slack: f64| (-slack..=1.0 + slack).contains(&at);
    (inside(here, slack) && inside(there, other_slack)).then(|| here.clamp(0.0, 1.0))
}

fn minus(a: [f64; 2], b: [f64; 2]) -> [f64; 2] {
    [a[0] - b[0], a[1] - b[1]]
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn street(points: &[[f64; 2]]) -> Value {
        json!({"type": "Feature", "properties": {"kind": "street"}, "geometry": {"type": "LineString", "coordinates": points}})
    }
    fn length(way: &[Position]) -> f64 {
        way.windows(2).map(|ends| ends[0].distance_m(ends[1])).sum()
    }
    fn at(lat: f64, lon: f64) -> Position {
        Position::new(lat, lon).unwrap()
    }

    /// Two streets that cross in the middle without sharing a point, and one that ends on the first.
    fn crossing() -> Streets {
        let district = json!({"features": [
            street(&[[8.0, 50.0], [8.02, 50.0]]),
            street(&[[8.01, 49.99], [8.01, 50.01]]),
            street(&[[8.005, 50.0], [8.005, 50.004]]),
            {"properties": {"kind": "water"}, "geometry": {"type": "LineString", "coordinates": [[8.0, 50.0], [8.01, 50.01]]}},
            {"properties": {"kind": "park"}, "geometry": {"type": "Polygon", "coordinates": [[[8.0, 50.0]]]}},
            street(&[[9.0, 50.0], [9.001, 50.0]]),
        ]});
        Streets::from_geojson(&district).unwrap()
    }

    #[test]
    fn turns_where_streets_cross_and_never_swims() {
        let way = crossing().way(at(50.0, 8.0), at(50.01, 8.01));
        let around_the_corner = at(50.0, 8.0).distance_m(at(50.0, 8.01)) + at(50.0, 8.01).distance_m(at(50.01, 8.01));
        assert!((length(&way) - around_the_corner).abs() < 3.0, "{} m", length(&way));
    }

    #[test]
    fn a_street_that_ends_on_another_is_joined_to_it() {
        let way = crossing().way(at(50.004, 8.005), at(50.0, 8.0));
        let expected = at(50.004, 8.005).distance_m(at(50.0, 8.005)) + at(50.0, 8.005).distance_m(at(50.0, 8.0));
        assert!((length(&way) - expected).abs() < 3.0, "{} m", length(&way));
    }

    #[test]
    fn a_street_that_leads_nowhere_is_left_out() {
        let streets = crossing();
        assert!(streets.corners.iter().all(|corner| corner[0] < 10_000.0));
    }

    #[test]
    fn a_way_begins_and_ends_where_it_was_asked_to() {
        let (door, counter) = (at(50.0001, 8.0031), at(50.0071, 8.0101));
        let way = crossing().way(door, counter);
        assert_eq!((way[0], way[way.len() - 1]), (door, counter));
        assert_eq!(crossing().way(door, door).last(), Some(&door));
    }

    #[test]
    fn on_a_grid_the_way_is_the_sum_of_both_directions() {
        let centre = at(52.5, 13.4);
        let streets = Streets::grid(centre);
        let map = LocalMap::around(centre);
        let way = streets.way(map.to_position([-300.0, -450.0]), map.to_position([600.0, 300.0]));
        assert!((length(&way) - 1_650.0).abs() < 10.0, "{} m", length(&way));
    }

    #[test]
    fn a_corner_within_reach_is_within_reach() {
        let centre = at(52.5, 13.4);
        let (streets, mut dice) = (Streets::grid(centre), Dice::of(1, "corner", 1));
        for _ in 0..50 {
            assert!(streets.some_corner(centre, 400.0, &mut dice).distance_m(centre) < 405.0);
        }
    }

    #[test]
    fn a_district_without_streets_is_refused() {
        assert!(matches!(Streets::from_geojson(&json!({"features": []})), Err(StreetsError::NoStreets)));
    }
}
