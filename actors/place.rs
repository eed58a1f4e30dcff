//! Places: positions on the globe, distances between them, and the coarse grid that hides a rider's exact street.

use serde::{Deserialize, Serialize};

/// Mean Earth radius in metres (IUGG R1). Error against the ellipsoid stays under 0.6 %, far below GPS noise.
pub const EARTH_RADIUS_M: f64 = 6_371_008.8;

/// A point in WGS 84 degrees, always on the globe.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(try_from = "RawPosition")]
pub struct Position {
    /// Degrees north, −90 to 90.
    lat: f64,
    /// Degrees east, −180 to 180.
    lon: f64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawPosition {
    lat: f64,
    lon: f64,
}

/// Why two numbers are no position.
#[derive(Debug, thiserror::Error)]
#[error("is off the globe: lat must be -90 to 90 and lon -180 to 180, not lat {lat}, lon {lon}")]
pub struct OffTheGlobe {
    lat: f64,
    lon: f64,
}

impl TryFrom<RawPosition> for Position {
    type Error = OffTheGlobe;
    fn try_from(raw: RawPosition) -> Result<Self, OffTheGlobe> {
        Self::new(raw.lat, raw.lon)
    }
}

impl Position {
    /// A position from degrees north and east.
    ///
    /// # Errors
    /// [`OffTheGlobe`] outside ±90 / ±180 or when a number is not finite.
    pub fn new(lat: f64, lon: f64) -> Result<Self, OffTheGlobe> {
        if (-90.0..=90.0).contains(&lat) && (-180.0..=180.0).contains(&lon) {
            Ok(Self { lat: rounded(lat), lon: rounded(lon) })
        } else {
            Err(OffTheGlobe { lat, lon })
        }
    }
    /// Degrees north.
    #[must_use]
    pub const fn lat(self) -> f64 {
        self.lat
    }
    /// Degrees east.
    #[must_use]
    pub const fn lon(self) -> f64 {
        self.lon
    }
    /// Great-circle distance in metres (haversine; `geo` does the arithmetic on the IUGG mean radius).
    #[must_use]
    pub fn distance_m(self, other: Self) -> f64 {
        use geo::{Distance, Haversine, Point};
        Haversine.distance(Point::new(self.lon, self.lat), Point::new(other.lon, other.lat))
    }
    /// The middle of a grid cell of about 500 m around the position: what a customer may see before pickup.
    #[must_use]
    pub fn coarse(self) -> Self {
        const CELL_DEG: f64 = 0.0045; // 500 m of latitude
        let lat = ((self.lat / CELL_DEG).floor() + 0.5) * CELL_DEG;
        let lon_cell = CELL_DEG / lat.to_radians().cos().max(0.01);
        let lon = ((self.lon / lon_cell).floor() + 0.5) * lon_cell;
        Self { lat: rounded(lat.clamp(-90.0, 90.0)), lon: rounded(lon.clamp(-180.0, 180.0)) }
    }
}

/// To seven decimals (11 mm, a hundredth of what GPS can tell), so that a position is the same number after it has
/// been written as JSON and read back: `serde_json` reads longer ones off by one bit.
fn rounded(degrees: f64) -> f64 {
    (degrees * 1e7).round() / 1e7
}

/// How far from its origin a flat map is exact enough, metres.
const MAP_GOOD_M: f64 = 50_000.0;

/// A flat map around an origin, in metres east and north: exact enough (under 0.1 % within 50 km) and cheap to search.
#[derive(Clone, Copy, Debug)]
pub struct LocalMap {
    origin: Position,
    cos_lat: f64,
}

impl LocalMap {
    /// A map centred on `origin`.
    #[must_use]
    pub fn around(origin: Position) -> Self {
        Self { origin, cos_lat: origin.lat.to_radians().cos() }
    }
    /// Whether the map is exact enough at `at`.
    #[must_use]
    pub fn covers(&self, at: Position) -> bool {
        self.origin.distance_m(at) <= MAP_GOOD_M
    }
    /// Metres east and north of the origin (equirectangular projection).
    #[must_use]
    pub fn to_metres(&self, at: Position) -> [f64; 2] {
        let x = (at.lon - self.origin.lon).to_radians() * self.cos_lat * EARTH_RADIUS_M;
        let y = (at.lat - self.origin.lat).to_radians() * EARTH_RADIUS_M;
        [x, y]
    }
    /// Back to degrees; points beyond a pole or the date line are clamped onto the globe.
    #[must_use]
    pub fn to_position(&self, [x, y]: [f64; 2]) -> Position {
        let lat = self.origin.lat + (y / EARTH_RADIUS_M).to_degrees();
        let lon = self.origin.lon + (x / (EARTH_RADIUS_M * self.cos_lat)).to_degrees();
        Position { lat: rounded(lat.clamp(-90.0, 90.0)), lon: rounded(lon.clamp(-180.0, 180.0)) }
    }
}
