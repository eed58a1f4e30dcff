//! When a rider should be at the court and at each door: a walk through what is in the bag, from where the rider is, by
//! travel times, by when the kitchens should be done, and by what handing over takes. Pure.
//!
//! The walk is the one most riders take: food that is carried goes to its doors first, nearest first; a rider who
//! stands at the court waits there for all that is still to come. It is a guess about people and is measured as such
//! (errors of the ETA at assignment and at pickup, in the metrics).

use std::time::Duration;

use super::state::{DeliveryStatus as Status, Eta};
use crate::time::Timestamp;

/// What handing over takes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ServiceTimes {
    /// Taking ready food at the counter.
    pub counter: Duration,
    /// From stopping at the house to the food in somebody's hands.
    pub door: Duration,
}

/// One delivery in the bag, or on its way into it. Places are numbers in the caller's table; 0 is the rider.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Job {
    /// The last step.
    pub leg: Status,
    /// When that was.
    pub since: Timestamp,
    /// When the food should be ready; in the past or now if it is.
    pub ready_at: Timestamp,
    /// The court's place.
    pub pickup: usize,
    /// The door's place.
    pub dropoff: usize,
}

impl Job {
    const fn is_at_court(&self) -> bool {
        matches!(self.leg, Status::ArrivedAtPickup)
    }
    const fn is_carried(&self) -> bool {
        self.leg.has_food()
    }
}

/// Where the walk has come to.
struct Walk<'a> {
    at: usize,
    time: Timestamp,
    way: &'a dyn Fn(usize, usize) -> Option<Duration>,
}

impl Walk<'_> {
    /// Goes to the nearest of `places`; answers which. `None`: no way leads to any.
    fn go_to_nearest(&mut self, places: impl Iterator<Item = usize>) -> Option<usize> {
        let way = |place: usize| if place == self.at { Some(Duration::ZERO) } else { (self.way)(self.at, place) };
        let reachable = places.filter_map(|place| Some((way(place)?, place)));
        let (takes, place) = reachable.min()?;
        (self.at, self.time) = (place, self.time.plus(takes));
        Some(place)
    }
}

/// What to expect of each of `jobs` at `now`, in their order; `None` where no way is known. `way(a, b)` is how long the
/// rider needs between two places.
#[must_use]
pub fn expect(
    now: Timestamp,
    jobs: &[Job],
    service: ServiceTimes,
    way: &dyn Fn(usize, usize) -> Option<Duration>,
) -> Vec<Option<Eta>> {
    let mut expected = vec![None; jobs.len()];
    let mut arrivals = vec![None; jobs.len()];
    let mut walk = Walk { at: 0, time: now, way };
    let stands_at_court = jobs.iter().any(Job::is_at_court);
    let carried: Vec<usize> = (0..jobs.len()).filter(|index| jobs[*index].is_carried()).collect();
    let mut waiting: Vec<usize> = (0..jobs.len()).filter(|index| !jobs[*index].is_carried()).collect();
    if !stands_at_court {
        deliver(&mut walk, jobs, carried.clone(), service, &arrivals, &mut expected);
    }
    let mut fetched = if stands_at_court { carried } else { vec![] };
    // Where the rider stands comes first, then the nearest court.
    waiting.sort_by_key(|index| !jobs[*index].is_at_court());
    while let Some(first) = waiting.first().copied() {
        let court = match jobs[first].is_at_court() {
            true => Some(jobs[first].pickup),
            false => walk.go_to_nearest(waiting.iter().map(|index| jobs[*index].pickup)),
        };
        let Some(court) = court else { break };
        walk.at = court;
        let (here, others): (Vec<usize>, Vec<usize>) = waiting.iter().partition(|index| jobs[**index].pickup == court);
        for index in &here {
            arrivals[*index] = (!jobs[*index].is_at_court()).then_some(walk.time);
        }
        let ready_at = here.iter().map(|index| jobs[*index].ready_at).max().unwrap_or(walk.time);
        walk.time = walk.time.max(ready_at).plus(service.counter);
        fetched.extend(here);
        waiting = others;
        deliver(&mut walk, jobs, std::mem::take(&mut fetched), service, &arrivals, &mut expected);
    }
    deliver(&mut walk, jobs, fetched, service, &arrivals, &mut expected);
    expected
}

/// Brings `carried` to their doors, nearest first.
fn deliver(
    walk: &mut Walk<'_>,
    jobs: &[Job],
    mut carried: Vec<usize>,
    service: ServiceTimes,
    arrivals: &[Option<Timestamp>],
    expected: &mut [Option<Eta>],
) {
    // Whoever stands at a door is in the middle of handing over.
    if let Some(place) = carried.iter().position(|index| jobs[*index].leg == Status::ArrivedAtDropoff) {
        let index = carried.remove(place);
        walk.at = jobs[index].dropoff;
        walk.time = walk.time.max(jobs[index].since.plus(service.door));
        expected[index] = Some(Eta { pickup_at: None, dropoff_at: walk.time });
    }
    while !carried.is_empty() {
        let Some(door) = walk.go_to_nearest(carried.iter().map(|index| jobs[*index].dropoff)) else { return };
        let Some(place) = carried.iter().position(|index| jobs[*index].dropoff == door) else { return };
        let index = carried.remove(place);
        walk.time = walk.time.plus(service.door);
        expected[index] = Some(Eta { pickup_at: arrivals[index], dropoff_at: walk.time });
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::testing::NOON;

    const SERVICE: ServiceTimes = ServiceTimes { counter: Duration::from_secs(60), door: Duration::from_secs(120) };

    fn job(leg: Status, ready_in_min: i64, pickup: usize, dropoff: usize) -> Job {
        Job { leg, since: NOON, ready_at: NOON.plus_min(ready_in_min), pickup, dropoff }
    }
    /// Places stand along a street, a minute apart by their numbers.
    fn street(a: usize, b: usize) -> Option<Duration> {
        Some(Duration::from_secs(60 * a.abs_diff(b) as u64))
    }
    fn minutes(expected: &[Option<Eta>]) -> Vec<(Option<i64>, i64)> {
        let from_noon = |at: Timestamp| i64::try_from(at.since(NOON).as_secs()).unwrap() / 60;
        expected
            .iter()
            .map(|eta| eta.unwrap())
            .map(|eta| (eta.pickup_at.map(from_noon), from_noon(eta.dropoff_at)))
            .collect()
    }

    #[test]
    fn the_rider_waits_for_the_food_or_the_food_for_the_rider() {
        let of = |leg, ready| minutes(&expect(NOON, &[job(leg, ready, 4, 9)], SERVICE, &street));
        assert_eq!(of(Status::Confirmed, 10), [(Some(4), 10 + 1 + 5 + 2)]);
        assert_eq!(of(Status::EnrouteToPickup, 1), [(Some(4), 4 + 1 + 5 + 2)]);
        assert_eq!(of(Status::ArrivedAtPickup, 7), [(None, 7 + 1 + 5 + 2)]);
        assert_eq!(of(Status::PickedUp, 0), [(None, 9 + 2)]);
        assert_eq!(of(Status::ArrivedAtDropoff, 0), [(None, 2)]);
    }

    #[test]
    fn carried_food_goes_first_unless_the_rider_stands_at_the_court() {
        let carried = job(Status::PickedUp, 0, 4, 2);
        let on_the_way = [job(Status::Confirmed, 5, 4, 9), carried];
        assert_eq!(minutes(&expect(NOON, &on_the_way, SERVICE, &street)), [(Some(6), 6 + 1 + 5 + 2), (None, 2 + 2)]);
        let at_court = [job(Status::ArrivedAtPickup, 5, 4, 9), carried];
        assert_eq!(
            minutes(&expect(NOON, &at_court, SERVICE, &street)),
            [(None, 5 + 1 + 2 + 2 + 7 + 2), (None, 5 + 1 + 2 + 2)]
        );
    }

    #[test]
    fn two_of_one_court_are_fetched_together_and_brought_nearest_first() {
        let both = [job(Status::Confirmed, 3, 4, 12), job(Status::Confirmed, 8, 4, 6)];
        assert_eq!(
            minutes(&expect(NOON, &both, SERVICE, &street)),
            [(Some(4), 8 + 1 + 2 + 2 + 6 + 2), (Some(4), 8 + 1 + 2 + 2)]
        );
    }

    #[test]
    fn what_no_way_leads_to_is_not_promised() {
        let island = |a: usize, b: usize| if a == 9 || b == 9 { None } else { street(a, b) };
        let both = [job(Status::Confirmed, 0, 4, 9), job(Status::PickedUp, 0, 4, 5)];
        let expected = expect(NOON, &both, SERVICE, &island);
        assert_eq!((expected[0], expected[1].is_some()), (None, true));
    }

    fn any_job() -> impl Strategy<Value = Job> {
        let legs = [
            Status::Confirmed,
            Status::EnrouteToPickup,
            Status::ArrivedAtPickup,
            Status::PickedUp,
            Status::EnrouteToDropoff,
            Status::ArrivedAtDropoff,
        ];
        (proptest::sample::select(legs.to_vec()), -5i64..30, 1usize..4, 4usize..9)
            .prop_map(|(leg, ready, pickup, dropoff)| job(leg, ready, pickup, dropoff))
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        /// Nobody is forgotten, nothing is expected in the past, no door before its court and its food.
        #[test]
        fn every_bag_is_walked(jobs in proptest::collection::vec(any_job(), 0..6)) {
            let expected = expect(NOON, &jobs, SERVICE, &street);
            for (job, eta) in jobs.iter().zip(&expected) {
                let eta = eta.expect("every place can be reached");
                prop_assert!(eta.dropoff_at >= NOON);
                if !job.is_carried() {
                    prop_assert!(eta.dropoff_at >= job.ready_at.plus(SERVICE.counter));
                    prop_assert_eq!(eta.pickup_at.is_none(), job.is_at_court());
                    prop_assert!(eta.pickup_at.is_none_or(|at| at >= NOON && at < eta.dropoff_at));
                }
            }
        }
    }
}
