//! Moving along a way at a speed, and what a phone in the pocket measures of it.

use foodcourt_actors::{place::Position, time::Timestamp};

use super::{dice::Dice, live::Fix, streets::Streets};

/// Standard deviation of the phone's error in each direction, metres: a good receiver between houses.
const NOISE_M: f64 = 4.0;
/// How many fixes in a thousand are nonsense, as reflections between houses make them.
const OUTLIERS: f64 = 0.002;
/// How far nonsense is off, metres.
const OUTLIER_M: f64 = 3_000.0;

/// Somebody on the way.
pub struct Ride {
    at: Position,
    way: Vec<Position>,
    next: usize,
    heading_deg: f64,
    moving: bool,
}

impl Ride {
    /// Somebody who stands.
    #[must_use]
    pub fn standing(at: Position) -> Self {
        Self { at, way: Vec::new(), next: 0, heading_deg: 0.0, moving: false }
    }
    /// Where they really are.
    #[must_use]
    pub const fn at(&self) -> Position {
        self.at
    }
    /// Whether they have stopped at `place`, give or take a doorstep.
    #[must_use]
    pub fn is_at(&self, place: Position) -> bool {
        !self.is_under_way() && self.at.distance_m(place) < 10.0
    }
    /// Whether there is way left.
    #[must_use]
    pub fn is_under_way(&self) -> bool {
        self.next < self.way.len()
    }
    /// Heads for `place` along the streets, unless that is where they are heading or standing.
    pub fn head_for(&mut self, place: Position, streets: &Streets) {
        let heading = if self.is_under_way() { self.way.last().copied() } else { Some(self.at) };
        if heading.is_none_or(|goal| goal.distance_m(place) > 1.0) {
            self.way = streets.way(self.at, place);
            self.next = 0;
        }
    }
    /// Goes on for `metres`, or to the end; how far that was.
    pub fn advance(&mut self, metres: f64) -> f64 {
        let mut left = metres;
        self.moving = false;
        while let Some(corner) = self.way.get(self.next).copied() {
            let far = self.at.distance_m(corner);
            if far > 0.1 {
                self.heading_deg = heading(self.at, corner);
                self.moving = true;
            }
            if far > left {
                let part = left / far;
                let lat = self.at.lat() + (corner.lat() - self.at.lat()) * part;
                let lon = self.at.lon() + (corner.lon() - self.at.lon()) * part;
                self.at = Position::new(lat, lon).unwrap_or(corner);
                return metres;
            }
            left -= far;
            self.at = corner;
            self.next += 1;
        }
        metres - left
    }
    /// What the phone measures at `at`, moving at `speed_mps`.
    #[must_use]
    pub fn fix(&self, seq: u64, at: Timestamp, speed_mps: f64, streets: &Streets, dice: &mut Dice) -> Fix {
        let outlier = dice.chance(OUTLIERS);
        let measured = streets.beside(self.at, if outlier { OUTLIER_M } else { NOISE_M }, dice);
        Fix {
            seq,
            at,
            lat: measured.lat(),
            lon: measured.lon(),
            accuracy_m: (dice.between(4.0, 12.0) * 10.0).round() / 10.0,
            speed_mps: if self.moving { (speed_mps * 10.0).round() / 10.0 } else { 0.0 },
            heading_deg: self.heading_deg.round(),
        }
    }
}

/// Degrees clockwise from north, below 360.
fn heading(from: Position, to: Position) -> f64 {
    let north = to.lat() - from.lat();
    let east = (to.lon() - from.lon()) * from.lat().to_radians().cos();
    let degrees = east.atan2(north).to_degrees().rem_euclid(360.0).round();
    if degrees >= 360.0 { 0.0 } else { degrees }
}

#[cfg(test)]
mod tests {
    use foodcourt_actors::place::LocalMap;

    use super::*;

    #[test]
    fn rides_to_the_door_at_its_speed_and_stops_there() {
        let centre = Position::new(50.0, 8.0).unwrap();
        let streets = Streets::grid(centre);
        let door = LocalMap::around(centre).to_position([600.0, 0.0]);
        let mut ride = Ride::standing(centre);
        ride.head_for(door, &streets);
        for _ in 0..11 {
            ride.advance(50.0);
        }
        assert!(ride.is_under_way() && (ride.at().distance_m(door) - 50.0).abs() < 5.0);
        assert!((ride.advance(70.0) - 50.0).abs() < 5.0, "no further than the door");
        assert!(ride.is_at(door));
    }

    #[test]
    fn noise_stays_near_and_headings_are_degrees() {
        let centre = Position::new(50.0, 8.0).unwrap();
        let (streets, mut dice) = (Streets::grid(centre), Dice::of(3, "ride", 0));
        let ride = Ride::standing(centre);
        let near = (0..1_000_u32).filter(|seq| {
            let fix = ride.fix(u64::from(*seq), Timestamp::default(), 4.0, &streets, &mut dice);
            Position::new(fix.lat, fix.lon).unwrap().distance_m(centre) < 25.0
        });
        assert!(near.count() > 980);
        let north = Position::new(50.1, 8.0).unwrap();
        assert!(heading(centre, north).abs() < 0.5 && (heading(north, centre) - 180.0).abs() < 0.5);
    }
}
