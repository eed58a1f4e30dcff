//! When riders will be there, and that they are: follows the positions of those who carry deliveries, estimates their
//! times at court and door, notices arrivals by a circle around each place, and tells the deliveries. Nothing durable:
//! what it says is decided and kept by the delivery, which makes a fact only of what has moved.
//!
//! A rider's positions are followed by the node that their phone talks to; others hear of the facts.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use foodcourt_actors::{
    ask::{AskError, Wish},
    decider::Origin,
    directory::Directory,
    dispatch::{
        Delivery, DeliveryCommand, DeliveryState, DeliveryStatus as Status, Eta, Phase, RiderStep,
        eta::{self, Job, ServiceTimes},
        geofence::{Fence, Watch},
    },
    event::Recorded,
    ids::{DeliveryId, OrderId, RiderId, UserId},
    place::Position,
    ports::Ids,
    reactor::Tap,
    rider::{Rider, RiderState, event::RiderEvent, tracker::Fix, trackers::PositionSink},
    time::{Clock, Timestamp},
    travel::{TravelTimes, Trips},
};
use futures_util::{StreamExt as _, stream};
use tokio::sync::watch;
use tracing::{debug, warn};

use super::foresight::Kitchens;

/// Riders looked at in one round; the others keep their turn. A round of so many takes about a tenth of a second.
const RIDERS_MAX: usize = 1_000;
/// Riders looked at at once: each waits for a few actors, and for the router if there is one.
const AT_ONCE: usize = 32;

/// How arrivals are foreseen and noticed.
#[derive(Clone, Copy, Debug)]
pub struct ArrivalSettings {
    /// Pause between two rounds, on the wall.
    pub every: Duration,
    /// An estimate that has moved by less is not told, seconds.
    pub moved_by_s: u32,
    /// What handing over takes.
    pub service: ServiceTimes,
    /// The customer hears that the rider is about to come when the way to the door takes no longer…
    pub imminent: Duration,
    /// …or is no longer than this, metres as the crow flies.
    pub imminent_m: f64,
    /// The circle around court and door.
    pub fence: Fence,
}

impl From<&crate::config::Arrivals> for ArrivalSettings {
    fn from(config: &crate::config::Arrivals) -> Self {
        Self {
            every: Duration::from_millis(config.look_every_ms),
            moved_by_s: config.moved_by_s,
            service: ServiceTimes {
                counter: Duration::from_secs(config.counter_s),
                door: Duration::from_secs(config.door_s),
            },
            imminent: Duration::from_secs(config.imminent_s),
            imminent_m: f64::from(config.imminent_m),
            fence: Fence {
                enter_m: f64::from(config.enter_m),
                exit_m: f64::from(config.exit_m),
                dwell: Duration::from_secs(config.dwell_s),
            },
        }
    }
}

/// What is asked and told.
pub struct Parts {
    /// How it is done.
    pub settings: ArrivalSettings,
    /// Whose bag holds what.
    pub riders: Directory<Rider>,
    /// What is told.
    pub deliveries: Directory<Delivery>,
    /// What is still to be cooked, and by when.
    pub kitchens: Kitchens,
    /// How long ways take.
    pub travel: Arc<dyn TravelTimes>,
    /// Business time.
    pub clock: Arc<dyn Clock>,
    /// For origins.
    pub ids: Arc<dyn Ids>,
}

/// Follows riders who carry.
pub struct Arrivals {
    parts: Parts,
    book: Mutex<Book>,
}

/// What is remembered between rounds.
#[derive(Default)]
struct Book {
    /// Deliveries of each rider who has any.
    carried: HashMap<RiderId, BTreeSet<DeliveryId>>,
    /// Where those are who have moved since they were last looked at.
    moved: BTreeMap<RiderId, Fix>,
    /// The circles being watched.
    watches: HashMap<(RiderId, DeliveryId, RiderStep), Watch>,
}

/// One delivery as it stands now.
struct Carried {
    delivery_id: DeliveryId,
    state: Arc<DeliveryState>,
    pickup: Position,
    dropoff: Position,
    job: Job,
}

impl Arrivals {
    /// Nothing followed yet.
    #[must_use]
    pub fn new(parts: Parts) -> Arc<Self> {
        Arc::new(Self { parts, book: Mutex::default() })
    }

    /// Makes known what a rider carries, after a start.
    pub fn restore(&self, rider_id: RiderId, state: &RiderState) {
        let held: BTreeSet<_> =
            state.held.iter().filter(|held| held.job.is_some()).map(|held| held.delivery_id).collect();
        if !held.is_empty() {
            self.book().carried.insert(rider_id, held);
        }
    }

    /// Looks at whoever has moved, round after round, until `stop` turns true.
    pub async fn run(self: Arc<Self>, mut stop: watch::Receiver<bool>) {
        let mut tick = tokio::time::interval(self.parts.settings.every);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        while !*stop.borrow() {
            tokio::select! { biased; _ = stop.changed() => return, _ = tick.tick() => {} }
            self.round().await;
        }
    }

    /// One look at everybody who has moved.
    pub async fn round(&self) {
        let moved: Vec<(RiderId, Fix)> = {
            let mut book = self.book();
            let rest = book.moved.keys().nth(RIDERS_MAX).copied();
            let rest = rest.map(|first| book.moved.split_off(&first)).unwrap_or_default();
            std::mem::replace(&mut book.moved, rest).into_iter().collect()
        };
        stream::iter(moved).for_each_concurrent(AT_ONCE, |(rider_id, fix)| self.look_at(rider_id, fix)).await;
    }

    async fn look_at(&self, rider_id: RiderId, fix: Fix) {
        let Ok(rider) = self.parts.riders.look(rider_id.0).await else { return };
        let Some(shift) = rider.state.shift else { return };
        let now = self.parts.clock.now();
        let mut bag = Vec::new();
        // Place 0 is the rider; each delivery brings its court and its door.
        let mut places = vec![fix.position];
        for held in &rider.state.held {
            let Some(job) = held.job else { continue };
            if let Some(carried) = self.carried(rider_id, held.delivery_id, job.order_id, now, &mut places).await {
                bag.push(carried);
            }
        }
        if bag.is_empty() {
            return;
        }
        self.notice_arrivals(rider_id, &fix, &bag).await;
        let trips = Trips { vehicle: shift.vehicle, from: places.clone(), to: places };
        let table = self.parts.travel.table(trips).await;
        let jobs: Vec<Job> = bag.iter().map(|carried| carried.job).collect();
        let expected = eta::expect(now, &jobs, self.parts.settings.service, &|from, to| table.get(from, to));
        for (carried, eta) in bag.iter().zip(expected) {
            if let Some(eta) = eta {
                self.tell(rider_id, &fix, carried, eta, now).await;
            }
        }
    }

    /// A delivery that the rider brings, with its places added to `places`.
    async fn carried(
        &self,
        rider_id: RiderId,
        delivery_id: DeliveryId,
        order_id: OrderId,
        now: Timestamp,
        places: &mut Vec<Position>,
    ) -> Option<Carried> {
        let state = self.parts.deliveries.look(delivery_id.0).await.ok()?.state;
        let asked = state.request.clone()?;
        let Phase::Riding { leg, .. } = state.phase else { return None };
        if !state.is_brought_by(rider_id) {
            return None;
        }
        let waits = !state.ready && !leg.has_food();
        let ready_at = if waits { self.ready_at(order_id, now).await.unwrap_or(asked.ready_at) } else { now };
        let mut place = |at: Position| {
            let known = places.iter().skip(1).position(|known| *known == at).map(|place| place + 1);
            known.unwrap_or_else(|| {
                places.push(at);
                places.len() - 1
            })
        };
        let (pickup, dropoff) = (place(asked.pickup), place(asked.dropoff));
        let since = state.leg_since.unwrap_or(now);
        let job = Job { leg, since, ready_at: ready_at.max(now), pickup, dropoff };
        Some(Carried { delivery_id, pickup: asked.pickup, dropoff: asked.dropoff, job, state })
    }

    /// When the last kitchen should be done, by what each has taught about itself.
    async fn ready_at(&self, order_id: OrderId, now: Timestamp) -> Option<Timestamp> {
        let cooking = self.parts.kitchens.cooking(order_id).await?;
        cooking.iter().filter_map(|(ticket_id, kitchen)| kitchen.ready_estimate(*ticket_id, now)).max()
    }

    async fn notice_arrivals(&self, rider_id: RiderId, fix: &Fix, bag: &[Carried]) {
        for carried in bag {
            let (step, place) = match carried.job.leg {
                Status::Confirmed | Status::EnrouteToPickup => (RiderStep::ArrivedAtPickup, carried.pickup),
                Status::PickedUp | Status::EnrouteToDropoff => (RiderStep::ArrivedAtDropoff, carried.dropoff),
                _ => continue,
            };
            let fence = &self.parts.settings.fence;
            let arrived = {
                let mut book = self.book();
                let watch = book.watches.entry((rider_id, carried.delivery_id, step)).or_default();
                watch.see(fence, fix.position.distance_m(place), fix.accuracy_m, fix.at)
            };
            if arrived && !self.wish(carried.delivery_id, DeliveryCommand::NoticeArrival { rider_id, step }).await {
                // Said again with the next position.
                self.book().watches.remove(&(rider_id, carried.delivery_id, step));
            }
        }
    }

    async fn tell(&self, rider_id: RiderId, fix: &Fix, carried: &Carried, eta: Eta, now: Timestamp) {
        let settings = &self.parts.settings;
        let DeliveryState { eta: known, imminent, .. } = *carried.state;
        // Asked only where it will make a fact: the delivery decides, but need not be bothered with every position.
        if eta.is_news(known, settings.moved_by_s) {
            let command = DeliveryCommand::NoteEta { rider_id, eta, moved_by_s: settings.moved_by_s };
            self.wish(carried.delivery_id, command).await;
        }
        let riding = matches!(carried.job.leg, Status::PickedUp | Status::EnrouteToDropoff);
        if riding && !imminent {
            let way = eta.dropoff_at.since(now).saturating_sub(settings.service.door);
            if way <= settings.imminent || fix.position.distance_m(carried.dropoff) <= settings.imminent_m {
                let dropoff_at = eta.dropoff_at;
                self.wish(carried.delivery_id, DeliveryCommand::NoteImminent { rider_id, dropoff_at }).await;
            }
        }
    }

    /// `false`: it could not be asked now.
    async fn wish(&self, delivery_id: DeliveryId, command: DeliveryCommand) -> bool {
        let origin = Origin { cause: None, correlation: self.parts.ids.next() };
        match self.parts.deliveries.ask(delivery_id.0, Wish::new(command, origin)).await {
            Ok(_) => true,
            Err(AskError::Rejected(rejection)) => {
                debug!(delivery.id = %delivery_id, "a position tells nothing: {rejection}");
                true
            }
            Err(error) => {
                warn!(delivery.id = %delivery_id, %error, "what a position tells cannot be noted now");
                false
            }
        }
    }

    fn follow(&self, fact: &Recorded) {
        let mut book = self.book();
        match fact.typed() {
            Ok(RiderEvent::DeliveryConfirmed(job)) => {
                book.carried.entry(job.rider_id).or_default().insert(job.delivery_id);
            }
            Ok(RiderEvent::DeliveryReleased(gone)) => {
                if let Some(held) = book.carried.get_mut(&gone.rider_id) {
                    held.remove(&gone.delivery_id);
                }
                book.carried.retain(|_, held| !held.is_empty());
                book.watches.retain(|(rider_id, delivery_id, _), _| {
                    (*rider_id, *delivery_id) != (gone.rider_id, gone.delivery_id)
                });
            }
            _ => {}
        }
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl PositionSink for Arrivals {
    fn moved(&self, rider_id: RiderId, _fix_seq: u64, fix: &Fix) {
        let mut book = self.book();
        if book.carried.contains_key(&rider_id) {
            book.moved.insert(rider_id, *fix);
        }
    }
}

impl Tap for Arrivals {
    fn facts(&self, facts: &[Arc<Recorded>]) {
        for fact in facts {
            match &*fact.kind {
                kind if kind.starts_with("rider.delivery_") => self.follow(fact),
                "shift.ended" => drop(self.book().moved.remove(&UserId(fact.stream.id))),
                _ => {}
            }
        }
    }
}
