//! One zone's live picture: where riders are, who is free, who is already being asked. An actor; nothing durable.
//!
//! It knows riders only by their fixes: the first fix of an unknown rider makes it look up the rider's presence, so
//! after a start it fills itself within seconds ([`Zone::restore`] does it at once). From then on it follows the
//! rider's facts; a missed one shows as a gap in the versions and makes it look again.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use actix::prelude::*;
use futures_util::{FutureExt, future::BoxFuture};
use tracing::{debug, error, warn};

use super::{
    event::DeliveryEvent,
    index::RiderIndex,
    known::{Bag, Bags, Known},
    rules::DispatchRules as Rules,
    survey::{Around, Seen, Survey},
};
use crate::{
    event::Recorded,
    ids::{DeliveryId, RiderId},
    place::Position,
    reactor::Tap,
    rider::{
        event::{RiderEvent, Vehicle},
        tracker::Fix,
        trackers::PositionSink,
    },
    stream::Category,
    time::{Clock, Timestamp},
};

/// Messages that may wait: a second of fixes of 8,000 riders. Beyond that fixes are dropped, facts are looked up
/// again, and searches fail (their delivery repeats them).
const MAILBOX: usize = 8_192;
/// Presences that are looked up at once; the next fix of the others tries again.
const LOOKUPS_MAX: usize = 256;
/// How often silent riders are looked for, seconds of business time.
const SWEEP_S: i64 = 10;
/// …but not more often than this on the wall, however fast business time runs.
const SWEEP_WALL_MIN: Duration = Duration::from_millis(200);
/// Searches must have been elsewhere so long, seconds of business time, before the map follows them: two courts far from
/// each other must not pull it to and fro with each search.
const STAY_S: i64 = 600;
/// A search that the zone does not answer within this (wall time) is given up; the delivery repeats it.
pub(super) const FIND_TIMEOUT: Duration = Duration::from_secs(2);

/// What a zone tells: a rider is silent and may hold a delivery that is not picked up yet. Must return at once.
pub trait Silences: Send + Sync + 'static {
    /// The rider has not been heard of for too long.
    fn silent(&self, delivery_id: DeliveryId, rider_id: RiderId);
}

/// A search for free riders.
#[derive(Clone, Debug, Message)]
#[rtype(result = "Found")]
pub struct Find {
    /// For which delivery: a search repeated for it sees its own reservation as free.
    pub delivery_id: DeliveryId,
    /// Around where.
    pub pickup: Position,
    /// How far, metres.
    pub radius_m: u32,
    /// Who is not asked.
    pub not: Vec<RiderId>,
    /// So many of the nearest are hidden from other searches for a moment: they are about to be asked.
    pub at_once: usize,
    /// So many riders around are told too, free or not: for the records. 0: none.
    pub around: usize,
}

/// What a search found.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Found {
    /// Free riders, nearest first.
    pub near: Vec<Near>,
    /// Who else is there, as far as it was asked for.
    pub around: Around,
}

/// A free rider near a pickup.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Near {
    /// Who.
    pub rider_id: RiderId,
    /// How far from the pickup, metres as the crow flies.
    pub distance_m: u32,
    /// Where they are.
    pub position: Position,
    /// On what.
    pub vehicle: Vehicle,
}

impl Near {
    /// A rider who was seen, as near to `pickup` as they are.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "metres on the Earth, never negative")]
    pub(super) fn of(seen: &Seen, pickup: Position) -> Self {
        let distance_m = seen.position.distance_m(pickup).round() as u32;
        Self { rider_id: seen.rider_id, distance_m, position: seen.position, vehicle: seen.vehicle }
    }
}

/// Finds free riders, wherever the zone lives.
pub trait Finds: Send + Sync + 'static {
    /// Free riders near, nearest first. `None`: no answer.
    fn find(&self, find: Find) -> BoxFuture<'static, Option<Found>>;
    /// Hides `riders` in the place of those that a search has hidden: they will be asked for this delivery, because they are
    /// there first.
    fn prefer(&self, delivery_id: DeliveryId, hidden: Vec<RiderId>, riders: Vec<RiderId>);
}

#[derive(Message)]
#[rtype(result = "()")]
struct Place {
    rider_id: RiderId,
    fix_seq: u64,
    position: Position,
    at: Timestamp,
}

#[derive(Message)]
#[rtype(result = "()")]
struct Prefer {
    delivery_id: DeliveryId,
    hidden: Vec<RiderId>,
    riders: Vec<RiderId>,
}

#[derive(Message)]
#[rtype(result = "()")]
struct Heard(Vec<Arc<Recorded>>);

#[derive(Message)]
#[rtype(result = "()")]
struct Restore(Vec<(RiderId, Bag)>);

/// The actor.
pub struct Zone {
    pub(super) clock: Arc<dyn Clock>,
    bags: Bags,
    silences: Arc<dyn Silences>,
    pub(super) index: RiderIndex,
    /// Ordered, so that a simulated day repeats to the bit.
    pub(super) riders: BTreeMap<RiderId, Known>,
    lookups: usize,
    missed: Arc<AtomicBool>,
    /// Until when the map stays where it is, because it is searched there.
    stays_until: Timestamp,
}

/// A door to a zone, usable from any thread. A zone that has died is opened anew, empty; fixes fill it.
#[derive(Clone)]
pub struct ZoneDoor {
    zone: Arc<Mutex<Addr<Zone>>>,
    open: Arc<dyn Fn() -> Addr<Zone> + Send + Sync>,
    missed: Arc<AtomicBool>,
}

impl Zone {
    /// Starts a zone around `centre` (exact within 50 km of it, or of where it is searched then) on `arbiter`, or beside
    /// its caller, to end with it (simulation).
    pub fn open(
        centre: Position,
        clock: Arc<dyn Clock>,
        bags: Bags,
        silences: Arc<dyn Silences>,
        arbiter: Option<&ArbiterHandle>,
    ) -> ZoneDoor {
        let missed = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&missed);
        let arbiter = arbiter.cloned();
        let open = move || {
            let (clock, bags, silences) = (Arc::clone(&clock), bags.clone(), Arc::clone(&silences));
            let missed = Arc::clone(&flag);
            let make = move |ctx: &mut Context<Self>| {
                ctx.set_mailbox_capacity(MAILBOX);
                let index = RiderIndex::around(centre);
                let (riders, stays_until) = (BTreeMap::new(), Timestamp::default());
                Self { clock, bags, silences, index, riders, lookups: 0, missed, stays_until }
            };
            match &arbiter {
                Some(arbiter) => Self::start_in_arbiter(arbiter, make),
                None => Self::create(make),
            }
        };
        ZoneDoor { zone: Arc::new(Mutex::new(open())), open: Arc::new(open), missed }
    }

    /// Whoever may hold what is not known any more: presences are looked up again with the next fix.
    pub(super) fn forget_if_missed(&mut self) {
        if self.missed.swap(false, Ordering::AcqRel) {
            warn!("the zone has missed facts of riders and looks all of them up again");
            self.riders.values_mut().for_each(Known::forget);
        }
    }

    /// Lets the map follow the searches: a court that is opened far from where the zone began is served as exactly as one
    /// that was there before. Packing the riders anew takes milliseconds.
    pub(super) fn look_from(&mut self, pickup: Position) {
        let now = self.clock.now();
        if !self.index.covers(pickup) {
            if now < self.stays_until {
                return;
            }
            let placed: Vec<_> = self.riders.iter().filter(|(rider_id, _)| self.index.contains(**rider_id)).collect();
            let placed = placed.into_iter().filter_map(|(rider_id, known)| Some((*rider_id, known.position?)));
            self.index = RiderIndex::load(pickup, placed);
        }
        self.stays_until = now.plus_s(STAY_S);
    }

    fn look_up(&mut self, rider_id: RiderId, ctx: &mut Context<Self>) {
        if self.lookups >= LOOKUPS_MAX {
            return;
        }
        let Some(known) = self.riders.get_mut(&rider_id) else { return };
        known.looking = true;
        self.lookups += 1;
        ctx.spawn(self.bags.clone().look(rider_id).into_actor(self).map(move |found, zone, _| {
            zone.lookups -= 1;
            let Some(known) = zone.riders.get_mut(&rider_id) else { return };
            known.looking = false;
            match found {
                Some(bag) => known.learn(bag),
                None => (known.presence, known.outdated) = (None, false), // the next fix looks again
            }
            zone.show(rider_id);
        }));
    }

    /// In the index are exactly the riders on shift who have a position.
    fn show(&mut self, rider_id: RiderId) {
        let Some(known) = self.riders.get(&rider_id) else { return };
        let on_shift = known.presence.as_ref().is_some_and(|presence| presence.capacity() > 0);
        match known.position.filter(|_| on_shift) {
            Some(position) => self.index.place(rider_id, position),
            None => self.index.remove(rider_id),
        }
    }

    fn hear(&mut self, fact: &Recorded) {
        match fact.stream.category {
            Category::Rider => self.hear_rider(crate::ids::UserId(fact.stream.id), fact),
            Category::Delivery if &*fact.kind == "delivery.picked_up" => {
                if let Ok(DeliveryEvent::PickedUp(step)) = fact.typed()
                    && let Some(known) = self.riders.get_mut(&step.rider_id)
                {
                    known.with_food.insert(step.delivery_id);
                }
            }
            _ => {}
        }
    }

    fn hear_rider(&mut self, rider_id: RiderId, fact: &Recorded) {
        let Some(known) = self.riders.get_mut(&rider_id) else { return };
        known.heard_version = known.heard_version.max(fact.version);
        let Some(presence) = &mut known.presence else { return };
        if fact.version <= presence.version() {
            return;
        }
        let Ok(event) = fact.typed::<RiderEvent>() else {
            warn!(kind = %fact.kind, "the zone cannot read a rider's fact");
            return;
        };
        if fact.version > presence.version() + 1 {
            known.presence = None; // a fact is missing: the next fix looks again
            return self.show(rider_id);
        }
        presence.follow(&event, fact.version, fact.at);
        match &event {
            // From here on the rider's own facts say that they are being asked.
            RiderEvent::OfferReceived(offer) => known.reserved.retain(|(id, _)| *id != offer.delivery_id),
            RiderEvent::DeliveryReleased(gone) => drop(known.with_food.remove(&gone.delivery_id)),
            _ => {}
        }
        self.show(rider_id);
    }

    /// Tells of silent riders with something in the bag, forgets those long gone, and arms the next sweep.
    fn sweep(&mut self, ctx: &mut Context<Self>) {
        self.forget_if_missed();
        let now = self.clock.now();
        let (silences, index) = (&self.silences, &mut self.index);
        self.riders.retain(|rider_id, known| {
            known.reserved.retain(|(_, until)| *until > now);
            if now < known.heard_at.plus_s(Rules::SILENT_AFTER_S) {
                return true;
            }
            let due = known.reported_at.is_none_or(|at| now >= at.plus_s(Rules::SILENT_AFTER_S));
            let Some(presence) = &known.presence else {
                index.remove(*rider_id);
                return known.looking;
            };
            if due {
                known.reported_at = Some(now);
                let held = presence.held().into_iter().map(|(id, _)| id);
                for delivery_id in held.filter(|id| !known.with_food.contains(id)) {
                    debug!(rider.id = %rider_id, delivery.id = %delivery_id, "a rider has gone silent");
                    silences.silent(delivery_id, *rider_id);
                }
            }
            let keep = presence.holds_any() || known.looking;
            if !keep {
                index.remove(*rider_id); // the next fix brings them back
            }
            keep
        });
        let pause = self.clock.wall_until(now.plus_s(SWEEP_S)).max(SWEEP_WALL_MIN);
        ctx.run_later(pause, Self::sweep);
    }
}

impl Actor for Zone {
    type Context = Context<Self>;
    fn started(&mut self, ctx: &mut Context<Self>) {
        self.sweep(ctx);
    }
}

impl Handler<Place> for Zone {
    type Result = ();
    fn handle(&mut self, place: Place, ctx: &mut Context<Self>) {
        self.forget_if_missed();
        let known = self.riders.entry(place.rider_id).or_default();
        if place.fix_seq <= known.fix_seq {
            return;
        }
        known.fix_seq = place.fix_seq;
        known.position = Some(place.position);
        known.heard_at = place.at;
        known.reported_at = None;
        if known.presence.is_none() && !known.looking {
            self.look_up(place.rider_id, ctx);
        } else {
            self.show(place.rider_id);
        }
    }
}

impl Handler<Heard> for Zone {
    type Result = ();
    fn handle(&mut self, Heard(facts): Heard, _: &mut Context<Self>) {
        facts.iter().for_each(|fact| self.hear(fact));
    }
}

impl Handler<Restore> for Zone {
    type Result = ();
    fn handle(&mut self, Restore(riders): Restore, _: &mut Context<Self>) {
        let now = self.clock.now();
        for (rider_id, bag) in riders {
            let known = self.riders.entry(rider_id).or_default();
            if known.presence.is_none() && bag.presence.version() >= known.heard_version {
                known.heard_at = known.heard_at.max(now); // silence counts from here
                known.learn(bag);
                self.show(rider_id);
            }
        }
    }
}

impl Handler<Find> for Zone {
    type Result = MessageResult<Find>;
    fn handle(&mut self, find: Find, _: &mut Context<Self>) -> Self::Result {
        self.forget_if_missed();
        self.look_from(find.pickup);
        let now = self.clock.now();
        let look = Survey { pickups: vec![(find.pickup, find.around)], deliveries: [find.delivery_id].into() };
        let around = if find.around > 0 { self.around(&look) } else { Around::default() };
        let riders = &self.riders;
        let near = self.index.nearest(find.pickup, f64::from(find.radius_m), Rules::CANDIDATES, |rider_id| {
            !find.not.contains(&rider_id)
                && riders
                    .get(&rider_id)
                    .is_some_and(|known| known.is_free(find.delivery_id, now) && known.comes_in_time(find.pickup, now))
        });
        // Only the nearest will be asked; the others are there to explain the choice and stay free.
        for nearest in near.iter().take(find.at_once) {
            let Some(known) = self.riders.get_mut(&nearest.rider_id) else { continue };
            known.hide(find.delivery_id, now);
        }
        let riders = &self.riders;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to the radius, which is a u32")]
        let found = |near: super::index::Near| {
            let known = riders.get(&near.rider_id)?;
            Some(Near {
                rider_id: near.rider_id,
                distance_m: near.distance_m.round() as u32,
                position: known.position?,
                vehicle: known.presence.as_ref()?.vehicle(),
            })
        };
        MessageResult(Found { near: near.into_iter().filter_map(found).collect(), around })
    }
}

impl Handler<Prefer> for Zone {
    type Result = ();
    fn handle(&mut self, Prefer { delivery_id, hidden, riders }: Prefer, _: &mut Context<Self>) {
        let now = self.clock.now();
        for rider_id in hidden {
            if let Some(known) = self.riders.get_mut(&rider_id) {
                known.show_again(delivery_id, now);
            }
        }
        for rider_id in riders {
            if let Some(known) = self.riders.get_mut(&rider_id) {
                known.hide(delivery_id, now);
            }
        }
    }
}

impl ZoneDoor {
    pub(super) fn zone(&self) -> Addr<Zone> {
        let mut zone = self.zone.lock().unwrap_or_else(PoisonError::into_inner);
        if !zone.connected() {
            error!("the dispatch zone has died and is opened anew; it fills with the riders' fixes");
            *zone = (self.open)();
        }
        zone.clone()
    }
    /// Makes riders on shift known at once after a start, so that those who stay silent are noticed too.
    pub fn restore(&self, riders: Vec<(RiderId, Bag)>) {
        self.zone()
            .try_send(Restore(riders))
            .unwrap_or_else(|error| warn!(%error, "the zone cannot be restored; it fills with the riders' fixes"));
    }
}

impl PositionSink for ZoneDoor {
    fn moved(&self, rider_id: RiderId, fix_seq: u64, fix: &Fix) {
        let place = Place { rider_id, fix_seq, position: fix.position, at: fix.at };
        self.zone().try_send(place).unwrap_or_else(|error| debug!(%error, "a fix is dropped: the zone is full"));
    }
}

impl Tap for ZoneDoor {
    fn facts(&self, facts: &[Arc<Recorded>]) {
        let concerns =
            |fact: &&Arc<Recorded>| fact.stream.category == Category::Rider || &*fact.kind == "delivery.picked_up";
        let facts: Vec<_> = facts.iter().filter(concerns).map(Arc::clone).collect();
        if !facts.is_empty() && self.zone().try_send(Heard(facts)).is_err() {
            self.missed.store(true, Ordering::Release);
        }
    }
}

impl Finds for ZoneDoor {
    fn find(&self, find: Find) -> BoxFuture<'static, Option<Found>> {
        self.zone().send(find).timeout(FIND_TIMEOUT).map(Result::ok).boxed()
    }
    fn prefer(&self, delivery_id: DeliveryId, hidden: Vec<RiderId>, riders: Vec<RiderId>) {
        // Without it two searches at once may choose the same rider; the second is then answered with a no.
        let told = self.zone().try_send(Prefer { delivery_id, hidden, riders });
        told.unwrap_or_else(|error| debug!(%error, "a preference is dropped: the zone is full"));
    }
}
