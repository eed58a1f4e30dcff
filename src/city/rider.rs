//! One rider's day: on shift, riding about, saying yes, no or nothing to offers, fetching food and bringing it.

use std::{collections::HashSet, sync::Arc, time::Duration};

use foodcourt_actors::{place::Position, time::Timestamp};
use serde_json::json;
use tokio::time::{Instant, MissedTickBehavior};

use super::{
    client::{Call, CallError},
    dice::Dice,
    live::{Fix, Heard, Live},
    log::{Shift, count},
    person::Person,
    ride::Ride,
    wire::{Delivery, Me, Offer},
    world::{World, until_evening},
};

/// How often a rider looks around, on the wall.
const TICK: Duration = Duration::from_millis(250);
/// The phone measures this often, business seconds.
const FIX_EVERY_S: f64 = 5.0;
/// The phone sends this often, on the wall.
const SEND_EVERY: Duration = Duration::from_secs(1);
/// After a pause longer than this a phone does not make up what it would have measured.
const FIXES_MADE_UP_MAX: u32 = 60;
/// A rider with food in the bag waits at most so long at the court for more.
const WAIT_WITH_FOOD_S: i64 = 180;

/// Where a delivery stands for its rider.
#[derive(Clone, Copy, PartialEq)]
enum Leg {
    New,
    ToPickup,
    AtPickup { ask_at: Timestamp },
    ToDropoff { since: Timestamp },
    AtDoor { hand_over_at: Timestamp },
}

struct Job {
    delivery_id: String,
    order_id: String,
    pickup: Position,
    dropoff: Position,
    leg: Leg,
    gives_back_at: Option<Timestamp>,
}

/// What a rider will say to an offer, and when.
struct Reply {
    offer_id: String,
    at: Timestamp,
    accepts: bool,
}

/// One rider.
pub struct Rider {
    world: Arc<World>,
    person: Arc<Person>,
    dice: Dice,
    live: Live,
    ride: Ride,
    speed_mps: f64,
    me: String,
    home: Position,
    jobs: Vec<Job>,
    replies: Vec<Reply>,
    seen_offers: HashSet<String>,
    fix_seq: u64,
    measured_at: Timestamp,
    measured: Vec<Fix>,
    sent_at: Instant,
    rests_until: Timestamp,
    vanished_until: Option<Instant>,
    shift: Shift,
    until: Option<Timestamp>,
}

impl Rider {
    /// Rides from now until the evening.
    pub async fn run(world: Arc<World>, person: Arc<Person>, number: u64, court: Position) {
        let mut dice = Dice::of(world.options.seed, "rider", number);
        let (vehicle, speed_mps, capacity) = match dice.whole(0, 19) {
            0 => ("foot", 1.5, 1),
            1..=12 => ("bicycle", 4.8, dice.whole(1, 2)),
            13..=17 => ("scooter", 7.5, 2),
            _ => ("car", 7.0, 3),
        };
        // Every fifth says when to go home; dice of its own, so that all else stays the same.
        let until = number.is_multiple_of(5).then(|| {
            let minutes = Dice::of(world.options.seed, "shift", number).whole(50, 110);
            world.clock.now().plus_min(i64::from(minutes))
        });
        let start = async {
            let mut wish = json!({"vehicle": vehicle, "capacity": capacity});
            if let Some(until) = until {
                wish["until"] = json!(until);
            }
            let shift = Call::put("/v1/riders/me/shift").body(wish);
            let answer = person.call(&shift).await?;
            if answer.status != 409 {
                answer.done()?; // 409: still on the shift of an earlier day, which is as good
            }
            person.user_id().await
        };
        let rider_id = match start.await {
            Ok(rider_id) => rider_id,
            Err(error) => return world.log.trouble(format!("rider {number} could not start a shift: {error}")),
        };
        let home = world.streets.some_corner(court, 1_000.0, &mut dice);
        let now = world.clock.now();
        let topics = [(format!("rider:{rider_id}"), None)];
        let rider = Self {
            live: Live::open(Arc::clone(&person), Arc::clone(&world.clock), &topics),
            ride: Ride::standing(home),
            speed_mps,
            me: rider_id,
            home: court,
            jobs: Vec::new(),
            replies: Vec::new(),
            seen_offers: HashSet::new(),
            // Business seconds since the epoch: higher than on any earlier day, as fixes come slower than seconds.
            fix_seq: u64::try_from(now.as_micros() / 1_000_000).unwrap_or(0),
            measured_at: now,
            measured: Vec::new(),
            sent_at: Instant::now(),
            rests_until: now,
            vanished_until: None,
            shift: Shift::default(),
            until,
            world,
            person,
            dice,
        };
        rider.day(number).await;
    }

    async fn day(mut self, number: u64) {
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut evening = self.world.evening.clone();
        let stayed = loop {
            tokio::select! {
                heard = self.live.next() => match heard {
                    Some(heard) => self.heard(heard).await,
                    None => {
                        self.world.log.trouble(format!("rider {number} lost the socket"));
                        break false;
                    }
                },
                _ = tick.tick() => {
                    self.look_around().await;
                    if self.until.is_some_and(|until| until <= self.world.clock.now()) && self.jobs.is_empty() {
                        break true; // home, with an empty bag
                    }
                }
                () = until_evening(&mut evening) => break true,
            }
        };
        self.live.close(stayed).await;
        self.world.log.shift(self.shift);
        match self.person.call(&Call::delete("/v1/riders/me/shift")).await {
            Ok(answer) if answer.is_success() || answer.status == 409 || answer.status == 404 => {}
            Ok(answer) => self.world.log.trouble(format!("rider {number} could not end the shift: {}", answer.status)),
            Err(error) => self.world.log.trouble(format!("rider {number} could not end the shift: {error}")),
        }
    }

    async fn heard(&mut self, heard: Heard) {
        match heard {
            // What happened before we watched; afterwards the facts tell.
            Heard::Connected => match self.person.get::<Me>("/v1/riders/me").await {
                Ok(me) => {
                    me.offers.into_iter().for_each(|offer| self.consider(offer));
                    me.deliveries.into_iter().for_each(|delivery| self.take_on(delivery));
                }
                Err(error) => self.world.log.trouble(format!("a rider cannot read who they are: {error}")),
            },
            Heard::Fact { kind, data, .. } => match kind.as_str() {
                "offer.received" => {
                    if let Ok(offer) = serde_json::from_value(data) {
                        self.consider(offer);
                    }
                }
                "offer.lapsed" => self.replies.retain(|reply| data["offer_id"] != reply.offer_id.as_str()),
                "rider.delivery_confirmed" => {
                    if let Ok(delivery) = serde_json::from_value(data) {
                        self.take_on(delivery);
                    }
                }
                "rider.delivery_released" => {
                    self.jobs.retain(|job| data["delivery_id"] != job.delivery_id.as_str());
                }
                _ => {}
            },
            Heard::Snapshot { .. } | Heard::Refused(_) => {}
        }
    }

    /// Makes up one's mind about an offer: mostly yes, some no, some are not even noticed.
    fn consider(&mut self, offer: Offer) {
        // A route is thought about once: the answer to one of its offers is the answer to all.
        let route = offer.bundle.as_ref().map_or(&offer.offer_id, |bundle| &bundle.bundle_id);
        if !self.seen_offers.insert(route.clone()) {
            return;
        }
        count(&self.world.log.counters.offers);
        let now = self.world.clock.now();
        let left_s = offer.expires_at.since(now).as_secs_f64();
        let thinks = Duration::from_secs_f64(self.dice.between(1.0, 8.0).min(left_s * 0.3));
        let mood = self.dice.between(0.0, 1.0);
        if mood >= 0.04 {
            self.replies.push(Reply { offer_id: offer.offer_id, at: now.plus(thinks), accepts: mood >= 0.19 });
        }
    }

    fn take_on(&mut self, delivery: Delivery) {
        let known = self.jobs.iter().any(|job| job.delivery_id == delivery.delivery_id);
        let (Some(leg), Some(dropoff)) = (leg_of(&delivery.state, self.world.clock.now()), delivery.dropoff) else {
            return;
        };
        if known {
            return;
        }
        let now = self.world.clock.now();
        let gives_back_at = self.dice.chance(0.025).then(|| now.plus_s(i64::from(self.dice.whole(20, 120))));
        if self.dice.chance(0.012) {
            // A dead phone: no fixes for longer than dispatch waits, then back as if nothing had been.
            self.vanished_until = Some(Instant::now() + self.world.clock.wall(260.0));
        }
        let Delivery { delivery_id, order_id, pickup, .. } = delivery;
        self.jobs.push(Job { delivery_id, order_id, pickup, dropoff, leg, gives_back_at });
    }

    async fn look_around(&mut self) {
        if let Some(until) = self.vanished_until {
            if Instant::now() < until {
                self.live.drop_for(TICK * 2).await;
                return;
            }
            self.vanished_until = None;
            self.measured_at = self.world.clock.now();
        }
        self.move_on();
        self.answer_offers().await;
        self.work().await;
        self.choose_way();
        // A tunnel about every quarter of an hour of business time.
        let tick_s = TICK.as_secs_f64() * self.world.clock.speed();
        if self.dice.chance(tick_s / 900.0) {
            let offline = self.world.clock.wall(self.dice.between(3.0, 45.0));
            self.live.drop_for(offline).await;
        }
    }

    /// Moves as far as business time went, and hands the phone's fixes over.
    fn move_on(&mut self) {
        let now = self.world.clock.now();
        let step = Duration::from_secs_f64(FIX_EVERY_S);
        if self.measured_at.plus(step * FIXES_MADE_UP_MAX) < now || now < self.measured_at.minus(step) {
            self.measured_at = now.minus(step); // the clock was set, or we slept
        }
        while self.measured_at.plus(step) <= now {
            self.measured_at = self.measured_at.plus(step);
            let speed_mps = self.speed_mps * self.dice.between(0.8, 1.2);
            let ridden_m = self.ride.advance(speed_mps * FIX_EVERY_S);
            if !self.jobs.is_empty() {
                self.shift.for_food_m += ridden_m;
                self.shift.busy_s += FIX_EVERY_S;
            }
            self.fix_seq += 1;
            let fix = self.ride.fix(self.fix_seq, self.measured_at, speed_mps, &self.world.streets, &mut self.dice);
            self.measured.push(fix);
        }
        if !self.measured.is_empty() && self.sent_at.elapsed() >= SEND_EVERY {
            self.sent_at = Instant::now();
            self.live.push(std::mem::take(&mut self.measured));
        }
    }

    async fn answer_offers(&mut self) {
        let now = self.world.clock.now();
        while let Some(due) = self.replies.iter().position(|reply| reply.at <= now) {
            let Reply { offer_id, accepts, .. } = self.replies.swap_remove(due);
            let word = if accepts { "acceptance" } else { "decline" };
            match self.person.call(&Call::post(format!("/v1/offers/{offer_id}/{word}"))).await {
                Ok(answer) if answer.is_success() && !accepts => count(&self.world.log.counters.declined_offers),
                Ok(answer) if answer.status == 200 => match answer.read() {
                    Ok(delivery) => self.take_on(delivery),
                    Err(error) => self.world.log.trouble(format!("an acceptance was answered strangely: {error}")),
                },
                // Settled by a fact, taken, expired or withdrawn meanwhile.
                Ok(answer) if matches!(answer.status, 202 | 404 | 409 | 410) => {}
                Ok(answer) => answer.done().unwrap_or_else(|error| self.world.log.trouble(error.to_string())),
                Err(error) => self.world.log.trouble(format!("a rider could not answer an offer: {error}")),
            }
        }
    }

    /// Does what can be done where the rider stands.
    async fn work(&mut self) {
        let mut index = 0;
        while index < self.jobs.len() {
            match self.progress(index).await {
                Ok(true) => index += 1,
                Ok(false) => {
                    self.jobs.remove(index);
                }
                Err(error) => {
                    self.world.log.trouble(format!("a rider is stuck with a delivery: {error}"));
                    self.jobs.remove(index);
                }
            }
        }
    }

    /// Whether the job goes on.
    async fn progress(&mut self, index: usize) -> Result<bool, CallError> {
        let Job { pickup, dropoff, leg, gives_back_at, .. } = self.jobs[index];
        let now = self.world.clock.now();
        if gives_back_at.is_some_and(|at| at <= now) && matches!(leg, Leg::New | Leg::ToPickup) {
            self.jobs[index].gives_back_at = None;
            return self.step(index, "unassignment", leg).await.map(|_| false);
        }
        match leg {
            Leg::New => self.step(index, "enroute_to_pickup", Leg::ToPickup).await,
            Leg::ToPickup if self.ride.is_at(pickup) => {
                self.step(index, "arrived_at_pickup", Leg::AtPickup { ask_at: now }).await
            }
            Leg::AtPickup { ask_at } if ask_at <= now => {
                let path = format!("/v1/deliveries/{}", self.jobs[index].delivery_id);
                let answer = self.person.call(&Call::get(path)).await?;
                if answer.status == 404 {
                    return Ok(false);
                }
                if !answer.read::<Delivery>()?.ready {
                    let pause = Duration::from_secs(15).max(Duration::from_secs(1).mul_f64(self.world.clock.speed()));
                    self.jobs[index].leg = Leg::AtPickup { ask_at: now.plus(pause) };
                    return Ok(true);
                }
                let since = now;
                Ok(self.step(index, "picked_up", leg).await?
                    && self.step(index, "enroute_to_dropoff", Leg::ToDropoff { since }).await?)
            }
            Leg::ToDropoff { .. } if self.ride.is_at(dropoff) => {
                let hand_over_at = now.plus_s(i64::from(self.dice.whole(15, 60)));
                self.step(index, "arrived_at_dropoff", Leg::AtDoor { hand_over_at }).await
            }
            Leg::AtDoor { hand_over_at } if hand_over_at <= now => {
                self.step(index, "delivered", leg).await.map(|_| false)
            }
            _ => Ok(true),
        }
    }

    /// Tells the server a step. Where it does not fit any more, the server's word decides what the job is now.
    async fn step(&mut self, index: usize, step: &str, then: Leg) -> Result<bool, CallError> {
        let path = format!("/v1/deliveries/{}", self.jobs[index].delivery_id);
        let answer = self.person.call(&Call::post(format!("{path}/{step}"))).await?;
        if answer.is_success() {
            let fact = match step {
                "picked_up" => Some("order.picked_up"),
                "delivered" => {
                    self.shift.delivered += 1;
                    Some("order.delivered")
                }
                _ => None,
            };
            if let Some(fact) = fact {
                self.world.log.acknowledged(&self.jobs[index].order_id, fact);
            }
            self.jobs[index].leg = then;
            return Ok(true);
        }
        if !matches!(answer.status, 404 | 409) {
            answer.done()?;
        }
        let answer = self.person.call(&Call::get(path)).await?;
        if answer.status == 404 {
            return Ok(false);
        }
        let now: Delivery = answer.read()?;
        let mine = now.rider_id.is_none_or(|rider| rider == self.me);
        match leg_of(&now.state, self.world.clock.now()).filter(|_| mine) {
            Some(leg) => {
                self.jobs[index].leg = leg;
                Ok(true)
            }
            None => Ok(false),
        }
    }

    /// Where to ride: to food that waits, to doors that wait for food, or just about.
    fn choose_way(&mut self) {
        let now = self.world.clock.now();
        let fetch = self.jobs.iter().find(|job| matches!(job.leg, Leg::New | Leg::ToPickup | Leg::AtPickup { .. }));
        let carry = self.jobs.iter().find_map(|job| match job.leg {
            Leg::ToDropoff { since } => Some((job, since.plus_s(WAIT_WITH_FOOD_S))),
            Leg::AtDoor { .. } => Some((job, now)),
            _ => None,
        });
        let goal = match (fetch, carry) {
            (Some(fetch), Some((carry, until))) => {
                let waits = now < until && self.ride.at().distance_m(fetch.pickup) < 200.0;
                if waits { fetch.pickup } else { carry.dropoff }
            }
            (Some(fetch), None) => fetch.pickup,
            (None, Some((carry, _))) => carry.dropoff,
            (None, None) => {
                if self.ride.is_under_way() || now < self.rests_until {
                    return;
                }
                self.rests_until = now.plus_s(i64::from(self.dice.whole(60, 400)));
                self.world.streets.some_corner(self.home, 700.0, &mut self.dice)
            }
        };
        self.ride.head_for(goal, &self.world.streets);
    }
}

/// The leg that a delivery's state means; `None` where there is nothing to do for its rider.
fn leg_of(state: &str, now: Timestamp) -> Option<Leg> {
    Some(match state {
        "" | "confirmed" => Leg::New,
        "enroute_to_pickup" => Leg::ToPickup,
        "arrived_at_pickup" => Leg::AtPickup { ask_at: now },
        "picked_up" | "enroute_to_dropoff" => Leg::ToDropoff { since: now },
        "arrived_at_dropoff" => Leg::AtDoor { hand_over_at: now },
        _ => return None,
    })
}
