//! Riders of a day that is lived again: they ride as the estimate says, wait for food, and bring it door by door. What
//! they are given is somebody else's business; each tells what is to be reported.

use super::{
    super::{
        RiderStep,
        fleet::{Ways, seconds},
        matcher::{Place, Seconds, Travel as _},
        recorded_day::DayDuty,
        survey::{Carried, Duty, Errand},
    },
    town::Ground,
};
use crate::{
    ids::{DeliveryId, OfferId, RiderId},
    place::Position,
    time::Timestamp,
    travel::Vehicle,
};

/// Who has food in the bag waits at most so long at the court for the rest of the route, seconds.
const WAIT_WITH_FOOD_S: Seconds = 180;
/// An idle rider looks so often where they were at this time of the day, seconds, and rides there if it is this far, metres.
const LOOK_S: Seconds = 30;
const FAR_M: f64 = 60.0;

/// What a rider is at.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Doing {
    /// Nothing, or riding about.
    Nothing,
    ToCourt,
    /// Since when there is food in hand, with which others are waited for.
    AtCourt(Option<Seconds>),
    ToDoor(DeliveryId),
    AtDoor(DeliveryId),
    /// Done at a court or a door, and not away yet.
    Leaving,
}

/// A rider.
pub(super) struct Rider {
    pub id: RiderId,
    pub vehicle: Vehicle,
    pub capacity: u32,
    pub on: Seconds,
    pub off: Seconds,
    pub duty: Duty,
    /// What is in the bag or on its way into it.
    pub bag: Vec<Carried>,
    /// Offers that wait for an answer.
    pub offers: Vec<OfferId>,
    pub metres: f64,
    /// Riding for somebody and serving, seconds.
    pub worked: Seconds,
    pub delivered: u32,
    rests: Vec<(Seconds, Place)>,
    sent: Option<Place>,
    pace: i64,
    doing: Doing,
    next: Seconds,
    from: Place,
    to: Place,
    left: Seconds,
}

impl Rider {
    pub fn new(duty: &DayDuty, ground: &Ground) -> Self {
        let rests: Vec<_> = duty.rests.iter().map(|(at, place)| (seconds(*at), ground.place(*place))).collect();
        let at = rests.first().map_or(Place::default(), |(_, place)| *place);
        let on = seconds(duty.on);
        let mut known = Duty::default();
        known.habit = duty.habits[0];
        known.start(duty.until, duty.on);
        // Who has said when to go home goes then, or with the last door; or when they really went, if that was sooner.
        let off = match duty.until.map(seconds) {
            Some(until) if duty.went_home => until.min(seconds(duty.off)),
            Some(until) => until,
            None => seconds(duty.off),
        };
        let off = off.max(on);
        let (vehicle, capacity) = (duty.vehicle, duty.capacity);
        Self {
            id: duty.rider_id,
            vehicle,
            capacity,
            on,
            off,
            duty: known,
            bag: vec![],
            offers: vec![],
            metres: 0.0,
            worked: 0,
            delivered: 0,
            rests,
            sent: None,
            pace: ground.pace(vehicle),
            doing: Doing::Nothing,
            next: on,
            from: at,
            to: at,
            left: on,
        }
    }

    pub fn is_here(&self, now: Seconds) -> bool {
        self.on <= now && (now <= self.off || !self.bag.is_empty())
    }
    pub fn places_free(&self) -> usize {
        (self.capacity as usize).saturating_sub(self.bag.len() + self.offers.len())
    }
    pub fn ride(&self, ways: Ways, from: Place, to: Place) -> Seconds {
        ways.seconds(from, to) * self.pace / 1000
    }
    /// Where they are now.
    #[expect(clippy::cast_precision_loss, reason = "seconds of a ride")]
    pub fn at(&self, now: Seconds, ways: Ways) -> Place {
        let takes = self.ride(ways, self.from, self.to);
        if now >= self.left + takes {
            return self.to;
        }
        let part = (now - self.left).max(0) as f64 / takes as f64;
        Place { x: self.from.x + (self.to.x - self.from.x) * part, y: self.from.y + (self.to.y - self.from.y) * part }
    }
    /// Goes to wait there, if nothing else is to be done.
    pub fn send(&mut self, to: Place) {
        self.sent = Some(to);
    }

    /// Has one more to bring.
    pub fn take(&mut self, delivery_id: DeliveryId, errand: Errand, now: Timestamp) {
        if self.bag.is_empty() {
            self.duty.took(now);
        }
        self.bag.push(Carried { delivery_id, errand, has_food: false });
        if self.doing == Doing::Nothing {
            self.next = seconds(now);
        }
    }
    /// Has one less; `false` if it was not theirs.
    pub fn lose(&mut self, delivery_id: DeliveryId, carried_m: Option<f64>, now: Timestamp) -> bool {
        let before = self.bag.len();
        self.bag.retain(|one| one.delivery_id != delivery_id);
        if self.bag.len() == before {
            return false;
        }
        self.duty.released(carried_m, self.bag.is_empty(), now);
        let is_in_vain = match self.doing {
            Doing::ToCourt => self.bag.iter().all(|one| one.has_food),
            Doing::ToDoor(id) | Doing::AtDoor(id) => id == delivery_id,
            Doing::Nothing | Doing::AtCourt(_) | Doing::Leaving => false,
        };
        if is_in_vain {
            self.turn_round(seconds(now));
        }
        true
    }

    /// Leaves off what they were at: what was not ridden yet is not ridden.
    #[expect(clippy::cast_precision_loss, reason = "seconds of a ride")]
    fn turn_round(&mut self, now: Seconds) {
        let (left, takes) = ((self.next - now).max(0), self.next - self.left);
        if matches!(self.doing, Doing::ToCourt | Doing::ToDoor(_)) && takes > 0 {
            self.worked -= left;
            self.metres -= apart(self.from, self.to) * left as f64 / takes as f64;
        }
        (self.doing, self.next) = (Doing::Nothing, now);
    }

    /// Lives until `now`; `is_ready` tells whose food is, `tell` hears of each step.
    pub fn live(
        &mut self,
        now: Seconds,
        ground: &Ground,
        is_ready: impl Fn(DeliveryId) -> bool,
        mut tell: impl FnMut(DeliveryId, RiderStep),
    ) {
        while self.next <= now {
            match self.doing {
                Doing::Nothing | Doing::Leaving => self.choose(ground, &mut tell),
                Doing::ToCourt => {
                    self.stand(self.to, self.next);
                    self.bag.iter().filter(|one| !one.has_food).for_each(|one| {
                        if ground.place(one.errand.pickup) == self.to {
                            tell(one.delivery_id, RiderStep::ArrivedAtPickup);
                        }
                    });
                    (self.doing, self.next) = (Doing::AtCourt(None), self.next + ground.manners.counter_s[0]);
                }
                Doing::AtCourt(since) => self.fetch(since, ground, &is_ready, &mut tell),
                Doing::ToDoor(id) => {
                    self.stand(self.to, self.next);
                    tell(id, RiderStep::ArrivedAtDropoff);
                    (self.doing, self.next) = (Doing::AtDoor(id), self.next + ground.manners.door_s[0]);
                }
                Doing::AtDoor(id) => {
                    tell(id, RiderStep::Delivered);
                    self.worked += ground.manners.door_s.iter().sum::<Seconds>();
                    self.delivered += 1;
                    let at = Timestamp::from_micros(self.next * 1_000_000);
                    let carried_m = self.bag.iter().find(|one| one.delivery_id == id);
                    let carried_m = carried_m.map(|one| one.errand.pickup.distance_m(one.errand.dropoff));
                    self.lose(id, carried_m, at);
                    (self.doing, self.next) = (Doing::Leaving, self.next + ground.manners.door_s[1]);
                }
            }
        }
    }

    /// Takes what is ready; goes on when nothing more is to come, or has been waited for long enough.
    fn fetch(
        &mut self,
        since: Option<Seconds>,
        ground: &Ground,
        is_ready: &impl Fn(DeliveryId) -> bool,
        tell: &mut impl FnMut(DeliveryId, RiderStep),
    ) {
        let (court, mut waits, mut since) = (self.to, false, since);
        for one in self.bag.iter_mut().filter(|one| !one.has_food && ground.place(one.errand.pickup) == court) {
            if is_ready(one.delivery_id) {
                // Who has joined meanwhile has not arrived yet.
                tell(one.delivery_id, RiderStep::ArrivedAtPickup);
                tell(one.delivery_id, RiderStep::PickedUp);
                one.has_food = true;
                since.get_or_insert(self.next);
            } else {
                waits = true;
            }
        }
        if waits && since.is_none_or(|since| self.next < since + WAIT_WITH_FOOD_S) {
            (self.doing, self.next) = (Doing::AtCourt(since), self.next + 1);
        } else if since.is_some() {
            self.worked += ground.manners.counter_s.iter().sum::<Seconds>();
            (self.doing, self.next) = (Doing::Leaving, self.next + ground.manners.counter_s[1]);
        } else {
            self.doing = Doing::Nothing;
        }
    }

    /// Brings what is in the bag, the nearest door next; then fetches; then waits about.
    fn choose(&mut self, ground: &Ground, tell: &mut impl FnMut(DeliveryId, RiderStep)) {
        let (now, ways) = (self.next, ground.ways);
        let at = self.at(now, ways);
        let doors = self.bag.iter().filter(|one| one.has_food).map(|one| (one, ground.place(one.errand.dropoff)));
        let next = doors.min_by_key(|(one, door)| (self.ride(ways, at, *door), one.delivery_id));
        if let Some((id, door)) = next.map(|(one, door)| (one.delivery_id, door)) {
            tell(id, RiderStep::EnrouteToDropoff);
            self.doing = Doing::ToDoor(id);
            return self.work_to(at, door, now, ground);
        }
        if let Some(first) = self.bag.first() {
            let court = ground.place(first.errand.pickup);
            self.bag.iter().for_each(|one| tell(one.delivery_id, RiderStep::EnrouteToPickup));
            self.doing = Doing::ToCourt;
            return self.work_to(at, court, now, ground);
        }
        let seen = self.rests.partition_point(|(at, _)| *at <= now);
        let rest = self.sent.or_else(|| self.rests.get(seen.checked_sub(1)?).map(|(_, place)| *place));
        (self.doing, self.next) = (Doing::Nothing, now + LOOK_S);
        if let Some(rest) = rest.filter(|rest| *rest != self.to && apart(*rest, at) > FAR_M) {
            self.stand(at, now);
            self.to = rest;
        }
    }

    fn work_to(&mut self, at: Place, to: Place, now: Seconds, ground: &Ground) {
        let takes = self.ride(ground.ways, at, to);
        self.stand(at, now);
        (self.to, self.next, self.sent) = (to, now + takes, None);
        self.worked += takes;
        self.metres += apart(at, to);
    }

    /// Stands at `at`.
    const fn stand(&mut self, at: Place, now: Seconds) {
        (self.from, self.to, self.left) = (at, at, now);
    }

    /// As a position on the globe.
    pub fn position(&self, now: Seconds, ground: &Ground) -> Position {
        let at = self.at(now, ground.ways);
        ground.map.to_position([at.x, at.y])
    }
}

fn apart(from: Place, to: Place) -> f64 {
    (from.x - to.x).hypot(from.y - to.y)
}
