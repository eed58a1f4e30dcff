//! One rider: says yes, no or nothing to offers, fetches what is nearest in time, brings it, rests near the court.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    rc::Rc,
    time::Duration,
};

use foodcourt_actors::{
    ask::Wish,
    demo::{self, district},
    dispatch::{DeliveryCommand, RiderStep, event::UnassignReason},
    ids::{DeliveryId, RiderId},
    memory::Dice,
    place::Position,
    rider::{RiderCommand, RiderState, event::Vehicle, tracker::Fix},
    time::Timestamp,
};

use uuid::Uuid;

use crate::day::{ORIGIN, Town, between};

/// Seconds between two looks at the phone.
const TICK_S: u64 = 5;
/// Food in the bag waits at most so long at the court for more, seconds.
const WAIT_WITH_FOOD_S: i64 = 180;

/// What a rider has done.
#[derive(Clone, Copy, Default)]
pub struct Book {
    /// With a delivery, metres.
    pub ridden_m: f64,
    /// With a delivery, seconds.
    pub work_s: f64,
}

#[derive(Clone, Copy, PartialEq)]
enum Leg {
    ToPickup,
    AtPickup,
    ToDoor { since: Timestamp },
    AtDoor { until: Timestamp },
}

struct Job {
    id: DeliveryId,
    pickup: Position,
    door: Position,
    leg: Leg,
    gives_back_at: Option<Timestamp>,
}

struct Biker {
    town: Rc<Town>,
    id: RiderId,
    number: usize,
    dice: Dice,
    speed_mps: f64,
    at: Position,
    way: VecDeque<Position>,
    fix_seq: u64,
    jobs: Vec<Job>,
    /// Jobs that are no more, so that an old look does not bring them back.
    done: BTreeSet<DeliveryId>,
    /// By offer, or by route.
    replies: BTreeMap<Uuid, Option<(Timestamp, bool)>>,
    /// Whether this one says no rather often; the same day without such riders knows nothing of it.
    picky: bool,
    rests_until: Timestamp,
    some_are_picky: bool,
}

/// A whole shift.
pub async fn run(town: Rc<Town>, seed: u64, number: u64, some_are_picky: bool) {
    let mut dice = Dice::new(seed.wrapping_mul(1_000_003).wrapping_add(number));
    let (vehicle, speed_mps, capacity) = match dice.below(20) {
        0 => (Vehicle::Foot, 1.5, 1),
        1..=12 => (Vehicle::Bicycle, 4.8, 1 + u32::from(dice.chance(500))),
        13..=17 => (Vehicle::Scooter, 7.5, 2),
        _ => (Vehicle::Car, 7.0, 3),
    };
    let id = demo::user_id(&format!("rider-{number}@rush"));
    let start = RiderCommand::StartShift { rider_id: id, vehicle, capacity, until: None };
    town.riders.ask(id.0, Wish::new(start, ORIGIN)).await.unwrap();
    let mut biker = Biker {
        id,
        number: usize::try_from(number).unwrap(),
        speed_mps,
        at: near_court(&mut dice),
        way: VecDeque::new(),
        fix_seq: 0,
        jobs: vec![],
        done: BTreeSet::new(),
        replies: BTreeMap::new(),
        picky: some_are_picky && Dice::new(seed.wrapping_mul(77).wrapping_add(number)).chance(300),
        rests_until: town.now(),
        some_are_picky,
        dice,
        town,
    };
    loop {
        biker.ride();
        biker.send_fix();
        let seen = biker.town.riders.look(id.0).await.unwrap();
        biker.take_on(&seen.state);
        biker.answer(&seen.state).await;
        biker.work().await;
        biker.choose_way();
        tokio::time::sleep(Duration::from_secs(TICK_S)).await;
    }
}

fn near_court(dice: &mut Dice) -> Position {
    loop {
        let place = district::address(dice.below(100_000)).position;
        if place.distance_m(district::kranhalle()) < 700.0 {
            return place;
        }
    }
}

impl Biker {
    fn ride(&mut self) {
        let mut left_m = self.speed_mps * between(&mut self.dice, 0.8, 1.2) * TICK_S as f64;
        let whole_m = left_m;
        while let Some(next) = self.way.front().copied() {
            let apart_m = self.at.distance_m(next);
            if apart_m > left_m {
                let part = left_m / apart_m;
                let (lat, lon) = (self.at.lat(), self.at.lon());
                self.at = Position::new(lat + (next.lat() - lat) * part, lon + (next.lon() - lon) * part).unwrap();
                left_m = 0.0;
                break;
            }
            left_m -= apart_m;
            self.at = next;
            self.way.pop_front();
        }
        if !self.jobs.is_empty() {
            let book = &mut self.town.books.borrow_mut()[self.number];
            book.ridden_m += whole_m - left_m;
            book.work_s += TICK_S as f64;
        }
    }

    fn send_fix(&mut self) {
        self.fix_seq += 1;
        let (seq, at, position) = (self.fix_seq, self.town.now(), self.at);
        let fix = Fix { seq, at, position, accuracy_m: 6.0, speed_mps: None, heading_deg: None };
        self.town.trackers.take(self.id, vec![fix]);
    }

    /// What has been confirmed is a job; what is held no more is none.
    fn take_on(&mut self, state: &RiderState) {
        self.jobs.retain(|job| state.held.iter().any(|held| held.delivery_id == job.id));
        self.done.retain(|id| state.held.iter().any(|held| held.delivery_id == *id));
        for held in &state.held {
            let known = self.done.contains(&held.delivery_id) || self.jobs.iter().any(|job| job.id == held.delivery_id);
            let Some(job) = held.job.filter(|_| !known) else { continue };
            let after_s = 20 + i64::try_from(self.dice.below(100)).unwrap();
            self.jobs.push(Job {
                id: held.delivery_id,
                pickup: held.pickup,
                door: job.dropoff,
                leg: Leg::ToPickup,
                gives_back_at: self.dice.chance(25).then(|| self.town.now().plus_s(after_s)),
            });
        }
    }

    async fn answer(&mut self, state: &RiderState) {
        let now = self.town.now();
        for offer in &state.offers {
            let (dice, picky, some_are_picky) = (&mut self.dice, self.picky, self.some_are_picky);
            let route = offer.bundle_id().map_or(offer.offer_id.0, |bundle| bundle.0);
            let reply = *self.replies.entry(route).or_insert_with(|| {
                let mood = dice.below(100);
                let at = now.plus(Duration::from_secs_f64(between(dice, 1.0, 8.0)));
                // Taken together about as many say no as where all are alike.
                let nos = match (some_are_picky, picky, offer.distance_m) {
                    (false, ..) => 15,
                    (true, false, _) => 6,
                    (true, true, 0..1_000) => 20,
                    (true, true, _) => 60,
                };
                (mood >= 4).then_some((at, mood >= 4 + nos))
            });
            let Some((_, yes)) = reply.filter(|(at, _)| *at <= now) else { continue };
            let offer_id = offer.offer_id;
            let command =
                if yes { RiderCommand::AcceptOffer { offer_id } } else { RiderCommand::DeclineOffer { offer_id } };
            let _taken_meanwhile = self.town.riders.ask(self.id.0, Wish::new(command, ORIGIN)).await;
        }
    }

    /// Does what can be done where the rider stands.
    async fn work(&mut self) {
        let mut index = 0;
        while index < self.jobs.len() {
            if self.progress(index).await {
                index += 1;
            } else {
                self.done.insert(self.jobs[index].id);
                self.jobs.remove(index);
            }
        }
    }

    fn stands_at(&self, place: Position) -> bool {
        self.way.is_empty() && self.at.distance_m(place) < 15.0
    }

    /// Whether the job goes on.
    async fn progress(&mut self, index: usize) -> bool {
        let now = self.town.now();
        let Job { id, pickup, door, leg, gives_back_at } = self.jobs[index];
        let rider_id = self.id;
        if leg == Leg::ToPickup && gives_back_at.is_some_and(|at| at <= now) {
            let reason = UnassignReason::GaveBack;
            self.town.command(id, DeliveryCommand::Unassign { rider_id, reason }).await;
            return false;
        }
        if leg == Leg::ToPickup && self.stands_at(pickup) && self.step(id, RiderStep::ArrivedAtPickup).await {
            self.jobs[index].leg = Leg::AtPickup;
            return true;
        }
        match leg {
            Leg::AtPickup => {
                let ready = self.town.deliveries.look(id.0).await.unwrap().state.ready;
                if ready && self.step(id, RiderStep::PickedUp).await {
                    self.jobs[index].leg = Leg::ToDoor { since: now };
                }
            }
            Leg::ToDoor { .. } if self.stands_at(door) => {
                self.step(id, RiderStep::ArrivedAtDropoff).await;
                let takes_s = 15 + i64::try_from(self.dice.below(46)).unwrap();
                self.jobs[index].leg = Leg::AtDoor { until: now.plus_s(takes_s) };
            }
            Leg::AtDoor { until } if until <= now => return !self.step(id, RiderStep::Delivered).await,
            _ => {}
        }
        true
    }
    async fn step(&self, id: DeliveryId, step: RiderStep) -> bool {
        self.town.command(id, DeliveryCommand::Step { rider_id: self.id, step }).await
    }

    fn choose_way(&mut self) {
        let now = self.town.now();
        let fetch = self.jobs.iter().find(|job| matches!(job.leg, Leg::ToPickup | Leg::AtPickup));
        let carry = self.jobs.iter().find_map(|job| match job.leg {
            Leg::ToDoor { since } => Some((job, since.plus_s(WAIT_WITH_FOOD_S))),
            Leg::AtDoor { .. } => Some((job, now)),
            _ => None,
        });
        let goal = match (fetch, carry) {
            (Some(fetch), Some((carry, until))) => {
                let waits = now < until && self.at.distance_m(fetch.pickup) < 200.0;
                if waits { fetch.pickup } else { carry.door }
            }
            (Some(fetch), None) => fetch.pickup,
            (None, Some((carry, _))) => carry.door,
            (None, None) => {
                if !self.way.is_empty() || now < self.rests_until {
                    return;
                }
                self.rests_until = now.plus_s(60 + i64::try_from(self.dice.below(340)).unwrap());
                near_court(&mut self.dice)
            }
        };
        let heading = self.way.back().copied().unwrap_or(self.at);
        if heading.distance_m(goal) > 1.0 {
            self.way = district::route(self.at, goal).into();
        }
    }
}
