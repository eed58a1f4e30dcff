//! A day played against a dispatcher: owns the clock and the world, checks every instruction against the rules, and
//! keeps the score. Stands in for the world in tests and replays; knows nothing of how the instructions were found.

use std::collections::BTreeMap;

use super::model::{
    Assignment, Courier, Key, Move, Order, Place, Plan, Rules, Seconds, Snapshot, Standing, Stop, Travel,
};

/// A courier's shift.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Shift {
    /// Who.
    pub courier: Key,
    /// Where it begins.
    pub at: Place,
    /// First moment on duty.
    pub on: Seconds,
    /// Last moment on duty.
    pub off: Seconds,
    /// Thousandths of the travel model's seconds that a trip takes.
    pub pace: i64,
    /// Orders at once.
    pub capacity: u32,
}

impl Default for Shift {
    fn default() -> Self {
        Self { courier: 0, at: Place::default(), on: 0, off: 0, pace: 1000, capacity: u32::MAX }
    }
}

/// A day as it will turn out: what a dispatcher learns only as it passes.
#[derive(Clone, PartialEq, Debug)]
pub struct Script {
    /// Where food is cooked.
    pub shops: Vec<Place>,
    /// The roster, known in advance.
    pub shifts: Vec<Shift>,
    /// The orders, each unknown before it is placed.
    pub orders: Vec<Order>,
    /// Services, tick and the price of never.
    pub rules: Rules,
}

/// A broken rule; it voids the day.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("at {at} s: {what}")]
pub struct Breach {
    /// When.
    pub at: Seconds,
    /// What was wrong.
    pub what: String,
}

/// How a day went.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Score {
    /// Mean click to door over all orders, with the price of never for the undelivered, seconds.
    pub click_to_door: f64,
    /// Mean of ready to pickup over the delivered, seconds.
    pub ready_to_pickup: f64,
    /// Orders of the day.
    pub orders: usize,
    /// Never delivered.
    pub undelivered: usize,
    /// Routes assigned.
    pub routes: usize,
    /// Moves without orders.
    pub moves: usize,
    /// Share of the shifts spent riding and serving.
    pub utilization: f64,
}

/// An order that was handed over.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Served {
    /// Which.
    pub order: Key,
    /// By whom.
    pub courier: Key,
    /// When its food was in hand.
    pub pickup: Seconds,
    /// When it was handed over.
    pub handed: Seconds,
}

/// A day that is over.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Played {
    /// How it went.
    pub score: Score,
    /// What was handed over, in the order in which it was bound.
    pub served: Vec<Served>,
    /// Ridden by all couriers, metres as the crow flies.
    pub metres: f64,
}

struct Rider {
    shift: Shift,
    at: Place,
    free: Seconds,
    standing: Standing,
    shop: Option<usize>,
    arrived: Seconds,
}

impl Rider {
    fn ride<T: Travel>(&self, travel: &T, from: Place, to: Place) -> Seconds {
        travel.seconds(from, to) * self.shift.pace / 1000
    }
}

/// The world in the middle of a day.
pub struct World<'a, T> {
    script: &'a Script,
    travel: &'a T,
    riders: BTreeMap<Key, Rider>,
    open: BTreeMap<Key, Order>,
    coming: Vec<Order>,
    waited: Seconds,
    shelf: Seconds,
    served: Vec<Served>,
    score: Score,
    worked: Seconds,
    metres: f64,
}

impl<'a, T: Travel> World<'a, T> {
    /// The day before its first tick.
    pub fn new(script: &'a Script, travel: &'a T) -> Self {
        let mut coming = script.orders.clone();
        coming.sort_by_key(|order| std::cmp::Reverse((order.placed, order.key)));
        let begin = |shift: &Shift| Rider {
            shift: *shift,
            at: shift.at,
            free: shift.on,
            standing: Standing::Idle,
            shop: None,
            arrived: 0,
        };
        let riders = script.shifts.iter().map(|shift| (shift.courier, begin(shift))).collect();
        let score = Score { orders: script.orders.len(), ..Score::default() };
        Self {
            script,
            travel,
            riders,
            open: BTreeMap::new(),
            coming,
            waited: 0,
            shelf: 0,
            served: Vec::new(),
            score,
            worked: 0,
            metres: 0.0,
        }
    }

    /// Lets the clock come to `now` and tells what a dispatcher may know then.
    pub fn advance(&mut self, now: Seconds) -> Snapshot {
        while let Some(order) = self.coming.pop_if(|order| order.placed <= now) {
            self.open.insert(order.key, order);
        }
        for rider in self.riders.values_mut().filter(|rider| rider.standing != Standing::Idle && rider.free <= now) {
            if rider.standing == Standing::Busy {
                rider.shop = None;
            }
            rider.standing = Standing::Idle;
        }
        let seen = self.riders.values().filter(|rider| now <= rider.shift.off || rider.standing != Standing::Idle);
        let couriers = seen.map(|rider| Courier {
            key: rider.shift.courier,
            at: rider.at,
            free: rider.free.max(now),
            off: rider.shift.off,
            standing: if now < rider.shift.on { Standing::Later } else { rider.standing },
            shop: rider.shop,
            arrived: rider.arrived,
            pace: rider.shift.pace,
            capacity: rider.shift.capacity,
            ..Courier::default()
        });
        Snapshot {
            now,
            shops: self.script.shops.clone(),
            orders: self.open.values().copied().collect(),
            couriers: couriers.collect(),
            barred: std::collections::HashSet::new(),
        }
    }

    /// Carries out a plan.
    ///
    /// # Errors
    /// [`Breach`] at the first instruction that is not allowed.
    pub fn apply(&mut self, now: Seconds, plan: &Plan) -> Result<(), Breach> {
        let mut told = Vec::new();
        let steps = plan.assignments.iter().map(|one| one.courier).chain(plan.moves.iter().map(|one| one.courier));
        for courier in steps {
            if told.contains(&courier) {
                return Err(Breach { at: now, what: format!("courier {courier} has two instructions") });
            }
            told.push(courier);
        }
        plan.assignments.iter().try_for_each(|one| self.assign(now, one).map_err(|what| Breach { at: now, what }))?;
        plan.moves.iter().try_for_each(|one| self.send(now, one).map_err(|what| Breach { at: now, what }))
    }

    fn rider(&mut self, now: Seconds, key: Key) -> Result<&mut Rider, String> {
        let rider = self.riders.get_mut(&key).ok_or(format!("unknown courier {key}"))?;
        if now < rider.shift.on || now > rider.shift.off || rider.standing == Standing::Busy {
            return Err(format!("courier {key} is off duty or busy"));
        }
        Ok(rider)
    }

    fn send(&mut self, now: Seconds, order: &Move) -> Result<(), String> {
        let (travel, to) = (self.travel, self.script.shops[order.shop]);
        let rider = self.rider(now, order.courier)?;
        if rider.standing == Standing::Moving || rider.shop == Some(order.shop) {
            return Err(format!("courier {} is under way or there", order.courier));
        }
        let (trip, metres) = (rider.ride(travel, rider.at, to), apart(rider.at, to));
        if now + trip > rider.shift.off {
            return Err(format!("courier {} would arrive off duty", order.courier));
        }
        (rider.at, rider.free, rider.shop, rider.arrived) = (to, now + trip, Some(order.shop), now + trip);
        rider.standing = if trip == 0 { Standing::Idle } else { Standing::Moving };
        self.worked += trip;
        self.metres += metres;
        self.score.moves += 1;
        Ok(())
    }

    fn assign(&mut self, now: Seconds, task: &Assignment) -> Result<(), String> {
        let Some((Stop::Pickup(picked), doors)) = task.route.split_first() else {
            return Err("a route begins with a pickup".to_owned());
        };
        let mut orders = Vec::new();
        for key in picked {
            orders.push(self.open.remove(key).ok_or(format!("order {key} is not open"))?);
        }
        let shop = orders.first().ok_or("a pickup of nothing")?.shop;
        if orders.iter().any(|order| order.shop != shop) {
            return Err("one pickup, several shops".to_owned());
        }
        let (rules, travel, place) = (self.script.rules, self.travel, self.script.shops[shop]);
        let rider = self.rider(now, task.courier)?;
        if orders.iter().map(|order| u64::from(order.size)).sum::<u64>() > u64::from(rider.shift.capacity) {
            return Err(format!("courier {} cannot carry that much", task.courier));
        }
        let (mut worked, mut metres) = (0, 0.0);
        let arrival = if rider.shop == Some(shop) {
            rider.arrived
        } else if rider.standing == Standing::Moving {
            return Err(format!("courier {} is under way elsewhere", task.courier));
        } else {
            worked += rider.ride(travel, rider.at, place);
            metres += apart(rider.at, place);
            now + worked
        };
        let ready = orders.iter().map(|order| order.ready).max().unwrap_or(now);
        let pickup = (arrival + rules.pickup_half).max(now).max(ready);
        if pickup > rider.shift.off {
            return Err(format!("courier {} would pick up off duty", task.courier));
        }
        let (mut at, mut clock) = (place, pickup + rules.pickup_half);
        let mut left = orders.clone();
        let (mut waited, mut served) = (0, Vec::new());
        for stop in doors {
            let Stop::Dropoff(key) = stop else { return Err("two pickups".to_owned()) };
            let found = left.iter().position(|order| order.key == *key).ok_or(format!("{key} is not on board"))?;
            let order = left.swap_remove(found);
            clock += rider.ride(travel, at, order.door) + rules.dropoff_half;
            metres += apart(at, order.door);
            waited += clock - order.placed;
            served.push(Served { order: order.key, courier: task.courier, pickup, handed: clock });
            clock += rules.dropoff_half;
            at = order.door;
        }
        if !left.is_empty() {
            return Err("picked up and never dropped off".to_owned());
        }
        (rider.at, rider.free, rider.shop, rider.standing) = (at, clock, None, Standing::Busy);
        self.worked += worked + clock - pickup + rules.pickup_half;
        self.waited += waited;
        self.shelf += orders.iter().map(|order| pickup - order.ready).sum::<Seconds>();
        self.served.extend(served);
        self.metres += metres;
        self.score.routes += 1;
        Ok(())
    }

    /// The score, with whatever was not delivered until now counted as never.
    #[expect(clippy::cast_precision_loss, reason = "spans of a day are far below 2^52 seconds")]
    pub fn score(&self) -> Score {
        let undelivered = self.script.orders.len() - self.served.len();
        let never = i64::try_from(undelivered).unwrap_or(i64::MAX) * self.script.rules.never;
        let duty: Seconds = self.script.shifts.iter().map(|shift| shift.off - shift.on).sum();
        Score {
            click_to_door: (self.waited + never) as f64 / self.script.orders.len().max(1) as f64,
            ready_to_pickup: self.shelf as f64 / self.served.len().max(1) as f64,
            undelivered,
            utilization: self.worked as f64 / duty.max(1) as f64,
            ..self.score
        }
    }
}

/// Plays a whole day: from the first order or shift to the end of the last shift, a tick at a time.
///
/// # Errors
/// [`Breach`] if the dispatcher breaks a rule.
pub fn play<T: Travel>(
    script: &Script,
    travel: &T,
    dispatcher: impl FnMut(&Snapshot) -> Plan,
) -> Result<Score, Breach> {
    Ok(play_out(script, travel, dispatcher)?.score)
}

/// Plays a whole day, and tells it order by order.
///
/// # Errors
/// [`Breach`] if the dispatcher breaks a rule.
pub fn play_out<T: Travel>(
    script: &Script,
    travel: &T,
    mut dispatcher: impl FnMut(&Snapshot) -> Plan,
) -> Result<Played, Breach> {
    let mut world = World::new(script, travel);
    let first = script.shifts.iter().map(|shift| shift.on).chain(script.orders.iter().map(|order| order.placed)).min();
    let last = script.shifts.iter().map(|shift| shift.off).max().unwrap_or_default();
    let mut now = first.unwrap_or_default();
    while now <= last {
        let snapshot = world.advance(now);
        world.apply(now, &dispatcher(&snapshot))?;
        now += script.rules.tick;
    }
    Ok(Played { score: world.score(), served: world.served, metres: world.metres })
}

fn apart(from: Place, to: Place) -> f64 {
    (from.x - to.x).hypot(from.y - to.y)
}
