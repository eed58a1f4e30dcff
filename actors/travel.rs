//! How long riders need from place to place: the port that is asked, and the pure estimate that answers where no
//! router does. Adapters that ask a router stand in the server (`src/travel/`).

use std::time::Duration;

use futures_util::{FutureExt, future::BoxFuture};

use crate::place::Position;
pub use crate::rider::event::Vehicle;

/// Travel times between places, asked many at once.
pub trait TravelTimes: Send + Sync + 'static {
    /// The time from each origin to each destination. Always answers: what no router knows in time is estimated.
    fn table(&self, asked: Trips) -> BoxFuture<'static, Table>;
}

/// All trips from each of some places to each of some others.
#[derive(Clone, PartialEq, Debug)]
pub struct Trips {
    /// On what.
    pub vehicle: Vehicle,
    /// Origins; rows of the answer.
    pub from: Vec<Position>,
    /// Destinations; columns of the answer.
    pub to: Vec<Position>,
}

/// Travel times, a row an origin, a column a destination. `None`: there is no way.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Table {
    /// The rows.
    pub rows: Vec<Vec<Option<Duration>>>,
}

impl Table {
    /// From origin `from` to destination `to`, by their places in the question.
    #[must_use]
    pub fn get(&self, from: usize, to: usize) -> Option<Duration> {
        self.rows.get(from)?.get(to).copied().flatten()
    }
}

/// The estimate without a router: the great circle, longer by a detour factor, at the vehicle's usual speed.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct GreatCircle {
    /// Length of the way over length of the great circle; at least 1.
    pub detour: f64,
    /// On foot, metres per second.
    pub foot_mps: f64,
    /// By bicycle, metres per second.
    pub bicycle_mps: f64,
    /// By scooter, metres per second.
    pub scooter_mps: f64,
    /// By car, metres per second.
    pub car_mps: f64,
}

impl GreatCircle {
    /// What is assumed where nothing is configured.
    pub const USUAL: Self = Self {
        // Ballou, Rahardja & Sakai (2002, Transportation Research A 36) measured 1.2 to 1.5 for the road networks of
        // Europe and North America; dense grids of towns lie around 1.3.
        detour: 1.3,
        // 5 km/h: comfortable gait of adults is 1.3 to 1.5 m/s (Bohannon 1997, Age and Ageing 26).
        foot_mps: 5.0 / 3.6,
        // 15 km/h, lights included: city cycling surveys find about that (Copenhagen's Bicycle Account: 16 km/h).
        bicycle_mps: 15.0 / 3.6,
        // 22 and 20 km/h: guesses for inner cities, lights and parking included; measure by the error of arrivals.
        scooter_mps: 22.0 / 3.6,
        car_mps: 20.0 / 3.6,
    };

    /// Metres per second on `vehicle`.
    #[must_use]
    pub const fn speed_mps(&self, vehicle: Vehicle) -> f64 {
        match vehicle {
            Vehicle::Foot => self.foot_mps,
            Vehicle::Bicycle => self.bicycle_mps,
            Vehicle::Scooter => self.scooter_mps,
            Vehicle::Car => self.car_mps,
        }
    }
    /// The length of the way, metres.
    #[must_use]
    pub fn way_m(&self, from: Position, to: Position) -> f64 {
        from.distance_m(to) * self.detour
    }
    /// How long the way takes.
    #[must_use]
    pub fn takes(&self, vehicle: Vehicle, from: Position, to: Position) -> Duration {
        let seconds = self.way_m(from, to) / self.speed_mps(vehicle);
        // Half a globe on foot takes a year: far from what a duration holds. Speeds of zero are refused at the start.
        Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)
    }
    /// All trips at once.
    #[must_use]
    pub fn all(&self, trips: &Trips) -> Table {
        let row = |from: &Position| trips.to.iter().map(|to| Some(self.takes(trips.vehicle, *from, *to))).collect();
        Table { rows: trips.from.iter().map(row).collect() }
    }
}

impl Default for GreatCircle {
    fn default() -> Self {
        Self::USUAL
    }
}

impl TravelTimes for GreatCircle {
    fn table(&self, trips: Trips) -> BoxFuture<'static, Table> {
        futures_util::future::ready(self.all(&trips)).boxed()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(lat: f64, lon: f64) -> Position {
        Position::new(lat, lon).unwrap()
    }

    #[test]
    fn a_kilometre_takes_what_its_vehicle_needs() {
        let (court, door) = (at(50.0, 8.0), crate::place::LocalMap::around(at(50.0, 8.0)).to_position([1_000.0, 0.0]));
        let minutes = |vehicle| GreatCircle::USUAL.takes(vehicle, court, door).as_secs_f64() / 60.0;
        let expected = [(Vehicle::Foot, 15.6), (Vehicle::Bicycle, 5.2), (Vehicle::Scooter, 3.5), (Vehicle::Car, 3.9)];
        for (vehicle, minutes_expected) in expected {
            assert!((minutes(vehicle) - minutes_expected).abs() < 0.1, "{vehicle:?}: {}", minutes(vehicle));
        }
        assert_eq!(GreatCircle::USUAL.takes(Vehicle::Car, court, court), Duration::ZERO);
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        /// A table is its trips one by one, the same both ways, and never shorter for a slower vehicle.
        #[test]
        fn a_table_is_its_trips(points in proptest::collection::vec((-60.0..60.0f64, -170.0..170.0f64), 1..5)) {
            let places: Vec<Position> = points.iter().map(|(lat, lon)| at(*lat, *lon)).collect();
            let ask = |vehicle| GreatCircle::USUAL.all(&Trips { vehicle, from: places.clone(), to: places.clone() });
            let (foot, car) = (ask(Vehicle::Foot), ask(Vehicle::Car));
            for (i, from) in places.iter().enumerate() {
                for (j, to) in places.iter().enumerate() {
                    prop_assert_eq!(foot.get(i, j), Some(GreatCircle::USUAL.takes(Vehicle::Foot, *from, *to)));
                    prop_assert!(foot.get(i, j) >= car.get(i, j));
                    let (there, back) = (foot.get(i, j).unwrap(), foot.get(j, i).unwrap());
                    prop_assert!(there.abs_diff(back) < Duration::from_millis(10));
                }
            }
            prop_assert_eq!(foot.get(places.len(), 0), None);
        }
    }
}
