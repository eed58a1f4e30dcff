//! What dispatch does outside its entities: ask the zone for riders, and take deliveries off riders gone silent.
//! Both end in a command to the delivery itself. Nothing holds the cursor: a lost answer is repeated by the
//! delivery's deadline, a lost silence by the zone's next sweep.

use std::sync::Arc;

use futures_util::{FutureExt, future::BoxFuture};
use tokio::sync::Semaphore;
use tracing::{debug, warn};

use super::{
    Delivery, DeliveryCommand,
    event::{Candidate, SearchStarted, UnassignReason},
    zone::{Find, Finds, Near, Silences},
};
use crate::{
    ask::{AskError, Wish},
    decider::Origin,
    directory::Directory,
    event::Recorded,
    ids::{DeliveryId, RiderId},
    place::Position,
    ports::Kernel,
    reactor::{Consumer, ReactError},
    travel::{GreatCircle, TravelTimes, Trips, Vehicle},
};

/// Searches at once; beyond that a search is skipped and its delivery repeats it. Each takes a few milliseconds.
const SEARCHES_MAX: usize = 512;
/// Silences told at once; beyond that the zone tells again.
const SILENCES_MAX: usize = 256;

/// Answers every search for a rider.
pub struct SearchEffect {
    kernel: Kernel,
    zone: Arc<dyn Finds>,
    travel: Arc<dyn TravelTimes>,
    deliveries: Directory<Delivery>,
    permits: Arc<Semaphore>,
}

impl SearchEffect {
    /// Answers searches from `zone`, with the usual estimate of travel times.
    #[must_use]
    pub fn new(kernel: Kernel, zone: Arc<dyn Finds>, deliveries: Directory<Delivery>) -> Self {
        let travel = Arc::new(GreatCircle::USUAL);
        Self { kernel, zone, travel, deliveries, permits: Arc::new(Semaphore::new(SEARCHES_MAX)) }
    }
    /// Asks `travel` how long each candidate's way is.
    #[must_use]
    pub fn with_travel(self, travel: Arc<dyn TravelTimes>) -> Self {
        Self { travel, ..self }
    }
}

impl Consumer for SearchEffect {
    fn name(&self) -> &'static str {
        "dispatch.search"
    }
    fn wants(&self, kind: &str) -> bool {
        kind == "delivery.search_started"
    }
    fn react(&self, fact: Arc<Recorded>) -> BoxFuture<'static, Result<(), ReactError>> {
        let outcome = self.begin(&fact);
        async move { outcome }.boxed()
    }
}

impl SearchEffect {
    fn begin(&self, fact: &Recorded) -> Result<(), ReactError> {
        let search =
            serde_json::from_str::<SearchStarted>(&fact.body).map_err(|error| ReactError::Poison(error.to_string()))?;
        if self.kernel.clock.now() >= search.deadline_at {
            return Ok(()); // the delivery has begun another round
        }
        let Ok(permit) = Arc::clone(&self.permits).try_acquire_owned() else {
            warn!(delivery.id = %search.delivery_id, "too many searches at once; this one is repeated later");
            return Ok(());
        };
        let origin = Origin { cause: Some(fact.event_id), correlation: fact.correlation };
        let answered =
            answer(Arc::clone(&self.zone), Arc::clone(&self.travel), self.deliveries.clone(), search, origin);
        actix::spawn(async move {
            answered.await;
            drop(permit);
        });
        Ok(())
    }
}

/// Asks the zone and tells the delivery what was found.
async fn answer(
    zone: Arc<dyn Finds>,
    travel: Arc<dyn TravelTimes>,
    deliveries: Directory<Delivery>,
    search: SearchStarted,
    origin: Origin,
) {
    let SearchStarted { delivery_id, round, radius_m, pickup, not, .. } = search;
    let Some(near) = zone.find(Find { delivery_id, pickup, radius_m, not }).await else {
        warn!(delivery.id = %delivery_id, round, "the zone does not answer; the search is repeated later");
        return;
    };
    let candidates = timed(travel.as_ref(), &near, pickup).await;
    let first = candidates.iter().min_by_key(|one| (one.travel_s.unwrap_or(u32::MAX), one.distance_m, one.rider_id));
    if let (Some(first), Some(nearest)) = (first, near.first())
        && first.rider_id != nearest.rider_id
    {
        zone.prefer(delivery_id, first.rider_id);
    }
    let wish = Wish::new(DeliveryCommand::NoteCandidates { round, candidates }, origin);
    if let Err(error) = deliveries.ask(delivery_id.0, wish).await {
        warn!(delivery.id = %delivery_id, round, %error, "candidates cannot be noted; the search is repeated later");
    }
}

/// How long the way to `pickup` takes each of `near`: one question a vehicle.
async fn timed(travel: &dyn TravelTimes, near: &[Near], pickup: Position) -> Vec<Candidate> {
    let mut candidates = Vec::with_capacity(near.len());
    for vehicle in [Vehicle::Foot, Vehicle::Bicycle, Vehicle::Scooter, Vehicle::Car] {
        let riding: Vec<&Near> = near.iter().filter(|one| one.vehicle == vehicle).collect();
        if riding.is_empty() {
            continue;
        }
        let from = riding.iter().map(|one| one.position).collect();
        let table = travel.table(Trips { vehicle, from, to: vec![pickup] }).await;
        candidates.extend(riding.iter().enumerate().map(|(row, one)| Candidate {
            rider_id: one.rider_id,
            distance_m: one.distance_m,
            travel_s: table.get(row, 0).map(|takes| u32::try_from(takes.as_secs()).unwrap_or(u32::MAX)),
        }));
    }
    candidates
}

/// Takes deliveries that are not picked up yet off riders gone silent.
pub struct SilenceEffect {
    kernel: Kernel,
    deliveries: Directory<Delivery>,
    permits: Arc<Semaphore>,
}

impl SilenceEffect {
    /// Commands `deliveries`.
    #[must_use]
    pub fn new(kernel: Kernel, deliveries: Directory<Delivery>) -> Self {
        Self { kernel, deliveries, permits: Arc::new(Semaphore::new(SILENCES_MAX)) }
    }
}

impl Silences for SilenceEffect {
    fn silent(&self, delivery_id: DeliveryId, rider_id: RiderId) {
        let Ok(permit) = Arc::clone(&self.permits).try_acquire_owned() else { return };
        let origin = Origin { cause: None, correlation: self.kernel.ids.next() };
        let deliveries = self.deliveries.clone();
        actix::spawn(async move {
            let command = DeliveryCommand::Unassign { rider_id, reason: UnassignReason::Silent };
            match deliveries.ask(delivery_id.0, Wish::new(command, origin)).await {
                Ok(_) => {}
                Err(AskError::Rejected(rejection)) => {
                    debug!(delivery.id = %delivery_id, rider.id = %rider_id, "a silent rider keeps it: {rejection}");
                }
                Err(error) => warn!(delivery.id = %delivery_id, %error, "a silent rider cannot be taken off now"),
            }
            drop(permit);
        });
    }
}
