//! The district of Weidenhafen, about 2.5 by 2.5 km: what the pages draw and the city's riders ride on.
//! It exists nowhere, so that the demo never sends anybody to a real door.

use std::sync::LazyLock;

use serde_json::{Value, json};

use super::{
    route::{Network, apart},
    streets::{self, Plan, chance, middle_of, river_y},
};
use crate::place::{LocalMap, Position};

/// The district's time zone.
pub const TIME_ZONE: &str = "Europe/Berlin";
/// The district's name.
pub const NAME: &str = "Weidenhafen";

struct District {
    map: LocalMap,
    network: Network,
    blocks: Vec<Vec<[f64; 2]>>,
    river: Vec<[f64; 2]>,
    park: Vec<[f64; 2]>,
}

static DISTRICT: LazyLock<District> = LazyLock::new(|| {
    let Plan { crossings, stretches, blocks, river, park } = streets::plan();
    let map = LocalMap::around(centre());
    District { map, network: Network::new(crossings, stretches), blocks, river, park }
});

/// The middle of the district.
#[must_use]
pub fn centre() -> Position {
    Position::new(52.4905, 13.4712).expect("within ±90 and ±180")
}
/// Hand-off point of the Kranhalle, at the north bank.
#[must_use]
pub fn kranhalle() -> Position {
    on_street([150.0, river_y(150.0) + 90.0])
}
/// Hand-off point of the restaurant at the lock, at the south bank downstream.
#[must_use]
pub fn schleuse() -> Position {
    on_street([-820.0, river_y(-820.0) - 90.0])
}
fn on_street(at: [f64; 2]) -> Position {
    DISTRICT.map.to_position(DISTRICT.network.snap(at).at)
}

/// The nearest point on a street.
#[must_use]
pub fn snap(at: Position) -> Position {
    on_street(DISTRICT.map.to_metres(at))
}

/// The shortest way along the streets, from door to door: begins at `from`, ends at `to`.
#[must_use]
pub fn route(from: Position, to: Position) -> Vec<Position> {
    let District { map, network, .. } = &*DISTRICT;
    let (start, end) = (map.to_metres(from), map.to_metres(to));
    let mut way = vec![start];
    way.extend(network.way(network.snap(start), network.snap(end)));
    way.push(end);
    way.dedup_by(|a, b| apart(*a, *b) < 0.5);
    way.into_iter().map(|at| map.to_position(at)).collect()
}

/// Length of a way in metres.
#[must_use]
pub fn length_m(way: &[Position]) -> f64 {
    way.windows(2).map(|pair| pair[0].distance_m(pair[1])).sum()
}

/// A door in the district.
#[derive(Clone, PartialEq, Debug)]
pub struct Address {
    /// Street and house number.
    pub line: String,
    /// The door.
    pub position: Position,
}

/// The `n`th door: every number has one, neighbours lie far apart, and the same number is the same door.
#[must_use]
pub fn address(n: u64) -> Address {
    let District { map, network, .. } = &*DISTRICT;
    let count = u64::try_from(network.stretches.len()).unwrap_or(1);
    let pick = n.wrapping_mul(0x9E37_79B9_7F4A_7C15) % count;
    let stretch = network.stretches[usize::try_from(pick).unwrap_or(0)];
    let (a, b) = (network.crossings[stretch.from], network.crossings[stretch.to]);
    let (part, side) = (0.15 + 0.7 * chance(n), if n.is_multiple_of(2) { 9.0 } else { -9.0 }); // metres off the middle
    let (dx, dy, length) = (b[0] - a[0], b[1] - a[1], apart(a, b).max(1.0));
    let at = [a[0] + dx * part - dy / length * side, a[1] + dy * part + dx / length * side];
    let number = 1 + (pick * 7 + n % 2 + n / count * 2) % 120;
    Address { line: format!("{} {number}", stretch.name), position: map.to_position(at) }
}

/// The map as GeoJSON (RFC 7946). Each feature has a `kind`: `river`, `park`, `block`, `street` or `court`; streets
/// have a `name` and are `main` or not.
#[must_use]
pub fn geojson() -> Value {
    let District { map, network, blocks, river, park } = &*DISTRICT;
    let point = |at: [f64; 2]| {
        let at = map.to_position(at);
        json!([round(at.lon()), round(at.lat())])
    };
    let ring = |outline: &[[f64; 2]]| outline.iter().chain(outline.first()).map(|at| point(*at)).collect::<Vec<_>>();
    let feature = |kind: &str, name: &str, shape: &str, coordinates: Value, main: bool| {
        let properties = json!({ "kind": kind, "name": name, "main": main });
        json!({ "type": "Feature", "properties": properties, "geometry": { "type": shape, "coordinates": coordinates } })
    };
    let mut features = vec![
        feature("park", "Weidenpark", "Polygon", json!([ring(park)]), false),
        feature("river", "Weide", "Polygon", json!([ring(river)]), false),
    ];
    for (n, outline) in (0_u64..).zip(blocks) {
        let mut rings = vec![ring(&inset(outline, 15.0))];
        if chance(n + 77_000) < 0.65 {
            let mut court = ring(&inset(outline, 40.0));
            court.reverse(); // a hole turns the other way (RFC 7946 §3.1.6)
            rings.push(court);
        }
        features.push(feature("block", "", "Polygon", json!(rings), false));
    }
    // Stretches of one name that follow each other become one line, so that its name can be written along it.
    for line in network.stretches.chunk_by(|a, b| a.to == b.from && a.name == b.name && a.main == b.main) {
        let ends = line.iter().map(|stretch| stretch.to);
        let places: Vec<_> = [line[0].from].into_iter().chain(ends).map(|n| point(network.crossings[n])).collect();
        features.push(feature("street", line[0].name, "LineString", json!(places), line[0].main));
    }
    for court in super::courts() {
        let at = map.to_metres(court.position);
        features.push(feature("court", &court.name, "Point", point(at), false));
    }
    json!({ "type": "FeatureCollection", "name": NAME, "features": features })
}

/// Seven decimals: a centimetre.
fn round(degrees: f64) -> f64 {
    (degrees * 1e7).round() / 1e7
}

/// The outline with each corner moved towards the middle by `by_m`, but never more than half of the way.
fn inset(outline: &[[f64; 2]], by_m: f64) -> Vec<[f64; 2]> {
    let middle = middle_of(outline);
    let inward = |corner: &[f64; 2]| {
        let part = (by_m * std::f64::consts::SQRT_2 / apart(*corner, middle).max(1.0)).min(0.5);
        [corner[0] + (middle[0] - corner[0]) * part, corner[1] + (middle[1] - corner[1]) * part]
    };
    outline.iter().map(inward).collect()
}
