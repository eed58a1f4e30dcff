//! The same day under another policy: a recorded day or a benchmark's as a script, policies with their knobs, and how the
//! day went under each. Pure: the clock is the day's own.

use std::{collections::BTreeMap, fmt::Display, str::FromStr};

use serde::Serialize;

use super::{
    live::{NEVER_S, PlanSettings},
    matcher::{
        Key, Matcher, Order, Place, Plan, Rules, Seconds, Snapshot, StraightLine, Tuning,
        day::{Breach, Played, Script, Shift, play_out},
        instance::Instance,
        nearest::Nearest,
    },
    recorded::RecordedDay,
    rules::DispatchRules,
};
use crate::{
    place::{LocalMap, Position},
    time::Timestamp,
    travel::{GreatCircle, Vehicle},
};

/// An order placed longer before it became known was wanted later: its customer waits from when it became known.
const LATER_S: i64 = 3 * 3_600;

/// What riders are paid, in the currency of whoever asks.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Pay {
    /// For an order.
    pub per_order: f64,
    /// For an hour on duty, at least.
    pub per_hour: f64,
}

/// A day to play, and by what it is measured.
#[derive(Clone, PartialEq, Debug)]
pub struct Day {
    /// What it is called.
    pub name: String,
    /// What happens.
    pub script: Script,
    /// How long ways take.
    pub travel: StraightLine,
    /// Length of the way over length of the straight line.
    pub detour: f64,
    /// When each order was placed, and promised at the door.
    pub times: BTreeMap<Key, (Seconds, Seconds)>,
    /// What riders are paid.
    pub pay: Pay,
    /// Whether riders can be sent somewhere without an order.
    pub sends: bool,
}

impl Day {
    /// A benchmark's day.
    #[must_use]
    pub fn of_instance(name: String, instance: Instance) -> Self {
        let Instance { script, travel, target, pay_per_order, pay_per_hour } = instance;
        let times = script.orders.iter().map(|order| (order.key, (order.placed, order.placed + target))).collect();
        let pay = Pay { per_order: pay_per_order, per_hour: pay_per_hour };
        Self { name, script, travel, detour: 1.0, times, pay, sends: true }
    }

    /// A recorded day; `None` if nothing was to be delivered.
    #[must_use]
    pub fn of_record(name: String, day: &RecordedDay, estimate: GreatCircle, pay: Pay) -> Option<Self> {
        let map = LocalMap::around(day.orders.values().next()?.pickup);
        let place = |at: Position| {
            let [x, y] = map.to_metres(at);
            Place { x, y }
        };
        let (mut shops, mut numbers, mut times) = (Vec::new(), BTreeMap::new(), BTreeMap::new());
        let mut orders = Vec::new();
        for order in day.orders.values() {
            let at = place(order.pickup);
            let shop = *numbers.entry([at.x.to_bits(), at.y.to_bits()]).or_insert_with(|| {
                shops.push(at);
                shops.len() - 1
            });
            let (key, known) = (order.delivery_id.0.as_u128(), seconds(order.known_at));
            let placed = seconds(order.placed_at).max(known - LATER_S);
            times.insert(key, (placed.min(known), seconds(order.promised_at)));
            let door = place(order.dropoff);
            // Known to dispatch from then on, whenever it was placed.
            orders.push(Order {
                key,
                shop,
                door,
                placed: known,
                ready: seconds(order.ready_at),
                size: 1,
                ..Order::default()
            });
        }
        let mps = |vehicle| estimate.speed_mps(vehicle);
        #[expect(clippy::cast_possible_truncation, reason = "a pace in thousandths: 100 to 100,000")]
        let pace = |vehicle| (mps(Vehicle::Bicycle) / mps(vehicle) * 1000.0).round() as i64;
        let shifts = day.duties.iter().zip(0_u128..).map(|(duty, number)| Shift {
            // A rider who comes back after a break is another courier to the day.
            courier: (duty.rider_id.0.as_u128() & !0xffff) | (number & 0xffff),
            at: place(duty.at),
            on: seconds(duty.on),
            off: seconds(duty.off),
            pace: pace(duty.vehicle),
            capacity: duty.capacity,
        });
        let rules = Rules {
            tick: day.tick_s.max(1),
            pickup_half: PlanSettings::default().counter_s / 2,
            dropoff_half: PlanSettings::default().door_s / 2,
            never: NEVER_S,
            bundle_max: crate::rider::CAPACITY_MAX as usize,
            late_price: 0.0,
            turn_price: 0.0,
        };
        let travel = StraightLine { metres_per_step: estimate.bicycle_mps / estimate.detour, step: 1 };
        let script = Script { shops, shifts: shifts.collect(), orders, rules };
        Some(Self { name, script, travel, detour: estimate.detour, times, pay, sends: false })
    }

    /// The day under `policy`; `progress` hears of each tick how much of the day is over, 0 to 1.
    ///
    /// # Errors
    /// [`Breach`]: a policy has broken a rule, which is a fault of ours.
    pub fn play(&self, policy: &Policy, mut progress: impl FnMut(f64)) -> Result<DayPlayed, Breach> {
        let mut script = self.script.clone();
        script.rules = policy.rules(script.rules);
        let (first, last) = self.span();
        let mut planner = policy.planner(script.rules, self.sends);
        #[expect(clippy::cast_precision_loss, reason = "seconds of a day")]
        let played = play_out(&script, &self.travel, |snapshot| {
            progress((snapshot.now - first) as f64 / (last - first).max(1) as f64);
            planner.tick(snapshot, &self.travel)
        })?;
        Ok(self.measured(&played))
    }

    fn span(&self) -> (Seconds, Seconds) {
        let on = self.script.shifts.iter().map(|shift| shift.on).min().unwrap_or(0);
        (on, self.script.shifts.iter().map(|shift| shift.off).max().unwrap_or(0))
    }

    #[expect(clippy::cast_precision_loss, reason = "seconds of a day")]
    fn measured(&self, played: &Played) -> DayPlayed {
        let handed: BTreeMap<Key, Seconds> = played.served.iter().map(|one| (one.order, one.handed)).collect();
        let orders = self.times.iter().map(|(key, (placed, promised))| {
            let handed = handed.get(key).copied();
            let click_to_door = handed.map_or(self.script.rules.never, |at| at - placed);
            let late = handed.map_or(self.script.rules.never, |at| (at - promised).max(0));
            OrderPlayed { placed: *placed, click_to_door, late, delivered: handed.is_some() }
        });
        let mut delivered: BTreeMap<Key, u32> = BTreeMap::new();
        for one in &played.served {
            *delivered.entry(one.courier).or_default() += 1;
        }
        let hours = |shift: &Shift| (shift.off - shift.on) as f64 / 3_600.0;
        let paid = |shift: &Shift| {
            let orders = f64::from(delivered.get(&shift.courier).copied().unwrap_or(0));
            (orders * self.pay.per_order).max(hours(shift) * self.pay.per_hour)
        };
        DayPlayed {
            orders: orders.collect(),
            duty_h: self.script.shifts.iter().map(hours).sum(),
            busy_h: self.script.shifts.iter().map(hours).sum::<f64>() * played.score.utilization,
            kilometres: played.metres * self.detour / 1_000.0,
            pay: self.script.shifts.iter().map(paid).sum(),
        }
    }
}

/// One order of a day that was played.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct OrderPlayed {
    /// When it was placed.
    pub placed: Seconds,
    /// How long its customer waited; the price of never if it never came.
    pub click_to_door: Seconds,
    /// How much later than promised it came.
    pub late: Seconds,
    /// Whether it came.
    pub delivered: bool,
}

/// A day under one policy; several of them add up.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct DayPlayed {
    /// All orders.
    pub orders: Vec<OrderPlayed>,
    /// Hours on duty of all riders.
    pub duty_h: f64,
    /// Hours of them riding and serving.
    pub busy_h: f64,
    /// Ridden by all.
    pub kilometres: f64,
    /// Paid to all.
    pub pay: f64,
}

/// How it went, in the figures that are compared.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub struct Outcome {
    /// Orders.
    pub orders: usize,
    /// Never delivered; in the next three at the price of never.
    pub undelivered: usize,
    /// Mean of click to door, minutes.
    pub click_to_door_mean_min: f64,
    /// Half of the customers waited no longer, minutes.
    pub click_to_door_p50_min: f64,
    /// Nine of ten waited no longer, minutes.
    pub click_to_door_p90_min: f64,
    /// Share of the orders later than promised, undelivered ones among them.
    pub late_share: f64,
    /// How late those are on average that came late, minutes.
    pub late_mean_min: f64,
    /// Share of the hours on duty without riding or serving.
    pub idle_share: f64,
    /// Ridden, kilometres.
    pub kilometres: f64,
    /// Paid to riders.
    pub pay: f64,
}

#[expect(clippy::cast_precision_loss, reason = "seconds and orders of some days")]
impl DayPlayed {
    /// Adds another day under the same policy.
    pub fn add(&mut self, other: Self) {
        self.orders.extend(other.orders);
        self.duty_h += other.duty_h;
        self.busy_h += other.busy_h;
        self.kilometres += other.kilometres;
        self.pay += other.pay;
    }

    /// Every order's click to door, the shortest first, minutes.
    #[must_use]
    pub fn waits_min(&self) -> Vec<f64> {
        let mut waits: Vec<Seconds> = self.orders.iter().map(|order| order.click_to_door).collect();
        waits.sort_unstable();
        waits.into_iter().map(|wait| wait as f64 / 60.0).collect()
    }

    /// Mean click to door of the orders placed in each hour of the day (UTC), minutes; hours without orders are left out.
    #[must_use]
    pub fn by_hour(&self) -> Vec<(u32, f64)> {
        let mut hours: BTreeMap<u32, (Seconds, u32)> = BTreeMap::new();
        for order in &self.orders {
            let hour = u32::try_from(order.placed.div_euclid(3_600).rem_euclid(24)).unwrap_or(0);
            let (sum, count) = hours.entry(hour).or_default();
            *sum += order.click_to_door;
            *count += 1;
        }
        hours.into_iter().map(|(hour, (sum, count))| (hour, sum as f64 / 60.0 / f64::from(count))).collect()
    }

    /// The figures.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        let waits = self.waits_min();
        let share = |count: usize, of: usize| count as f64 / of.max(1) as f64;
        // The nearest rank: a wait that somebody had.
        let at = |hundredths: usize| waits.get((waits.len() * hundredths).div_ceil(100).max(1) - 1).copied();
        let late: Vec<Seconds> =
            self.orders.iter().filter(|one| one.delivered && one.late > 0).map(|one| one.late).collect();
        let undelivered = self.orders.iter().filter(|one| !one.delivered).count();
        Outcome {
            orders: self.orders.len(),
            undelivered,
            click_to_door_mean_min: waits.iter().sum::<f64>() / waits.len().max(1) as f64,
            click_to_door_p50_min: at(50).unwrap_or(0.0),
            click_to_door_p90_min: at(90).unwrap_or(0.0),
            late_share: share(late.len() + undelivered, self.orders.len()),
            late_mean_min: late.iter().sum::<Seconds>() as f64 / 60.0 / late.len().max(1) as f64,
            idle_share: if self.duty_h > 0.0 { (1.0 - self.busy_h / self.duty_h).max(0.0) } else { 0.0 },
            kilometres: self.kilometres,
            pay: self.pay,
        }
    }
}

/// A policy with its knobs.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Policy {
    /// The nearest free rider, each order for itself.
    Nearest {
        /// Searched from so long before the food is ready, seconds.
        lead: Seconds,
    },
    /// One plan over all.
    Matcher {
        /// How it searches.
        tuning: Tuning,
        /// Whether idle riders are sent where the next order is expected; `None`: where the day allows it.
        position: Option<bool>,
        /// Most orders in a route; `None`: the day's.
        bundle_max: Option<usize>,
        /// Seconds between two plans; `None`: the day's.
        tick: Option<Seconds>,
    },
}

/// How far each round looks, metres.
type Radius = fn(u32) -> f64;

enum Planner {
    Nearest(Box<Nearest<Radius>>),
    Matcher(Box<Matcher>, bool),
}

impl Policy {
    /// The nearest, as the live search goes about it.
    pub const NEAREST: Self = Self::Nearest { lead: DispatchRules::LEAD_MIN * 60 };

    /// The matcher as it is.
    #[must_use]
    pub fn matcher() -> Self {
        Self::Matcher { tuning: Tuning::default(), position: None, bundle_max: None, tick: None }
    }

    /// Turns a knob.
    ///
    /// # Errors
    /// A sentence that names the knobs there are, or what the value should be.
    pub fn set(&mut self, knob: &str, value: &str) -> Result<(), String> {
        fn number<T>(knob: &str, value: &str, least: T, most: T) -> Result<T, String>
        where
            T: FromStr + PartialOrd + Display + Copy,
        {
            let parsed = value.parse().ok().filter(|number| (least..=most).contains(number));
            parsed.ok_or_else(|| format!("{knob} should be a number from {least} to {most}, not {value:?}"))
        }
        match (self, knob) {
            (Self::Nearest { lead }, "lead") => *lead = number(knob, value, 0, 7_200)?,
            (Self::Nearest { .. }, _) => return Err(format!("nearest has no knob {knob:?}; it has: lead")),
            (Self::Matcher { tuning, .. }, "budget") => tuning.budget = number(knob, value, 0, 10_000_000)?,
            (Self::Matcher { tuning, .. }, "near") => tuning.near = number(knob, value, 1, 10_000)?,
            (Self::Matcher { tuning, .. }, "work_price") => tuning.work_price = number(knob, value, 0.0, 100.0)?,
            (Self::Matcher { tuning, .. }, "dwell") => tuning.dwell = number(knob, value, 0, 86_400)?,
            (Self::Matcher { tuning, .. }, "seed") => tuning.seed = number(knob, value, 0, u64::MAX)?,
            (Self::Matcher { bundle_max, .. }, "bundle") => *bundle_max = Some(number(knob, value, 1, 8)?),
            (Self::Matcher { tick, .. }, "tick") => *tick = Some(number(knob, value, 1, 3_600)?),
            (Self::Matcher { position, .. }, "position") => match value {
                "true" => *position = Some(true),
                "false" => *position = Some(false),
                _ => return Err(format!("position should be true or false, not {value:?}")),
            },
            (Self::Matcher { .. }, _) => {
                return Err(format!(
                    "matcher has no knob {knob:?}; it has: budget, near, work_price, dwell, seed, bundle, tick, position"
                ));
            }
        }
        Ok(())
    }

    fn rules(&self, day: Rules) -> Rules {
        match self {
            Self::Nearest { .. } => day,
            Self::Matcher { bundle_max, tick, .. } => {
                Rules { bundle_max: bundle_max.unwrap_or(day.bundle_max), tick: tick.unwrap_or(day.tick), ..day }
            }
        }
    }

    fn planner(&self, rules: Rules, sends: bool) -> Planner {
        match *self {
            Self::Nearest { lead } => {
                let rounds_a_tick = u32::try_from(rules.tick / DispatchRules::WIDEN_S).unwrap_or(1);
                let radius_m: Radius = |round| f64::from(DispatchRules::radius_m(round));
                Planner::Nearest(Box::new(Nearest::new(rules, lead, rounds_a_tick, radius_m)))
            }
            Self::Matcher { tuning, position, .. } => {
                let position = position.unwrap_or(sends);
                Planner::Matcher(Box::new(Matcher::new(rules, Tuning { position, ..tuning })), position)
            }
        }
    }
}

impl Planner {
    fn tick(&mut self, snapshot: &Snapshot, travel: &StraightLine) -> Plan {
        match self {
            Self::Nearest(nearest) => nearest.tick(snapshot, travel),
            // Nobody is sent anywhere and nothing waits: there is nothing to plan.
            Self::Matcher(_, false) if snapshot.orders.is_empty() => Plan::default(),
            Self::Matcher(matcher, _) => matcher.tick(snapshot, travel),
        }
    }
}

const fn seconds(at: Timestamp) -> Seconds {
    at.as_micros().div_euclid(1_000_000)
}
