//! The same day under another policy: a recorded day or a benchmark's, policies with their knobs, and how the day went
//! under each. Pure: the clock is the day's own.

mod knobs;
mod manners;
mod planner;
mod riders;
mod town;

use std::collections::BTreeMap;

use serde::Serialize;

pub use self::knobs::Policy;
use self::town::Town;
use super::{
    live::{NEVER_S, PlanSettings},
    matcher::{
        Key, Matcher, Plan, Rules, Seconds, Snapshot, StraightLine, Tuning,
        day::{Breach, Played, Script, Shift, play_out},
        instance::Instance,
        nearest::Nearest,
    },
    record,
    recorded_day::{DayOrder, RecordedDay},
    rules::DispatchRules,
};
use crate::{gini::gini, ids::RiderId, time::Timestamp};

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
    /// What riders are paid.
    pub pay: Pay,
    /// What happens.
    pub course: Course,
}

/// What happens on a day.
#[derive(Clone, PartialEq, Debug)]
pub enum Course {
    /// By the benchmark's rules: everybody goes where they are sent.
    Script {
        /// What happens.
        script: Script,
        /// How long ways take.
        travel: StraightLine,
        /// When each order was placed, and promised at the door.
        times: BTreeMap<Key, (Seconds, Seconds)>,
    },
    /// As it was recorded.
    Record {
        /// The day.
        day: Box<RecordedDay>,
        /// The numbers of a plan where the day's own are not known, and the estimate of ways.
        configured: Box<PlanSettings>,
    },
}

impl Day {
    /// A benchmark's day.
    #[must_use]
    pub fn of_instance(name: String, instance: Instance) -> Self {
        let Instance { mut script, travel, target, pay_per_order, pay_per_hour } = instance;
        script.orders.iter_mut().for_each(|order| order.due = order.placed + target);
        let times = script.orders.iter().map(|order| (order.key, (order.placed, order.due))).collect();
        let pay = Pay { per_order: pay_per_order, per_hour: pay_per_hour };
        Self { name, pay, course: Course::Script { script, travel, times } }
    }

    /// A recorded day; `None` if nothing was to be delivered.
    #[must_use]
    pub fn of_record(name: String, day: RecordedDay, configured: PlanSettings, pay: Pay) -> Option<Self> {
        let (is_empty, configured) = (day.orders.is_empty(), Box::new(configured));
        (!is_empty).then(|| Self { name, pay, course: Course::Record { day: Box::new(day), configured } })
    }

    /// The day under `policy`; `progress` hears again and again how much of the day is over, 0 to 1.
    ///
    /// # Errors
    /// [`Breach`]: a policy has broken a rule, which is a fault of ours.
    pub fn play(&self, policy: &Policy, progress: impl FnMut(f64)) -> Result<DayPlayed, Breach> {
        match &self.course {
            Course::Script { script, travel, times } => self.play_script(script, travel, times, policy, progress),
            Course::Record { day, configured } => Ok(self.play_record(day, **configured, policy, progress)),
        }
    }

    fn play_script(
        &self,
        script: &Script,
        travel: &StraightLine,
        times: &BTreeMap<Key, (Seconds, Seconds)>,
        policy: &Policy,
        mut progress: impl FnMut(f64),
    ) -> Result<DayPlayed, Breach> {
        let (rules, tuning) = policy.of_instance(script.rules, true);
        let script = Script { rules, ..script.clone() };
        let first = script.shifts.iter().map(|shift| shift.on).min().unwrap_or(0);
        let last = script.shifts.iter().map(|shift| shift.off).max().unwrap_or(0);
        let mut planner = Planner::new(policy, rules, tuning);
        #[expect(clippy::cast_precision_loss, reason = "seconds of a day")]
        let played = play_out(&script, travel, |snapshot| {
            progress((snapshot.now - first) as f64 / (last - first).max(1) as f64);
            planner.tick(snapshot, travel)
        })?;
        Ok(self.measured(&script, times, &played))
    }

    #[expect(clippy::cast_precision_loss, reason = "seconds of a day")]
    fn measured(&self, script: &Script, times: &BTreeMap<Key, (Seconds, Seconds)>, played: &Played) -> DayPlayed {
        let handed: BTreeMap<Key, Seconds> = played.served.iter().map(|one| (one.order, one.handed)).collect();
        let orders = times.iter().map(|(key, (placed, promised))| {
            OrderPlayed::of(*placed, *promised, handed.get(key).copied(), script.rules.never)
        });
        let mut delivered: BTreeMap<Key, u32> = BTreeMap::new();
        for one in &played.served {
            *delivered.entry(one.courier).or_default() += 1;
        }
        let hours = |shift: &Shift| (shift.off - shift.on) as f64 / 3_600.0;
        let delivered = |shift: &Shift| delivered.get(&shift.courier).copied().unwrap_or(0);
        let duty_h = script.shifts.iter().map(hours).sum();
        DayPlayed {
            orders: orders.collect(),
            duty_h,
            busy_h: Some(duty_h * played.score.utilization),
            kilometres: Some(played.metres / 1_000.0),
            pay: script.shifts.iter().map(|shift| self.paid(hours(shift), delivered(shift))).sum(),
            offers: None,
            shares: script.shifts.iter().map(|shift| f64::from(delivered(shift))).collect(),
        }
    }

    fn paid(&self, hours: f64, delivered: u32) -> f64 {
        (f64::from(delivered) * self.pay.per_order).max(hours * self.pay.per_hour)
    }

    #[expect(clippy::cast_precision_loss, reason = "seconds of a day")]
    fn play_record(
        &self,
        day: &RecordedDay,
        configured: PlanSettings,
        policy: &Policy,
        progress: impl FnMut(f64),
    ) -> DayPlayed {
        let way = policy.of_record(day, configured);
        let Some(mut town) = Town::new(day, way) else { return DayPlayed::default() };
        town.live(progress);
        let counted = town.lives.values().filter(|live| counts(live.order));
        let orders = counted.map(|live| order_played(live.order, live.handed));
        let hours = |on: Seconds, off: Seconds| (off - on) as f64 / 3_600.0;
        let riders = &town.riders;
        DayPlayed {
            orders: orders.collect(),
            duty_h: riders.iter().map(|rider| hours(rider.on, rider.off)).sum(),
            busy_h: Some(riders.iter().map(|rider| rider.worked as f64 / 3_600.0).sum()),
            kilometres: Some(
                riders.iter().map(|rider| rider.metres).sum::<f64>() * town.ground.estimate.detour / 1_000.0,
            ),
            pay: riders.iter().map(|rider| self.paid(hours(rider.on, rider.off), rider.delivered)).sum(),
            offers: Some(town.offers),
            shares: shares(riders.iter().map(|rider| (rider.id, rider.delivered))),
        }
    }

    /// What really became of a recorded day, as far as its facts tell: nothing of how far riders rode, and how long.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "seconds of a day")]
    pub fn as_it_was(&self) -> Option<DayPlayed> {
        let Course::Record { day, .. } = &self.course else { return None };
        let day = Some(day).filter(|day| day.has_facts())?;
        let counted = day.orders.values().filter(|order| counts(order));
        let orders = counted.map(|order| order_played(order, order.delivered.map(|(_, at)| seconds(at))));
        let mut handed: BTreeMap<RiderId, Vec<Timestamp>> = BTreeMap::new();
        for (rider_id, at) in day.orders.values().filter_map(|order| order.delivered) {
            handed.entry(rider_id).or_default().push(at);
        }
        let brought = |on: Timestamp, off: Timestamp, rider_id| {
            let count = handed.get(&rider_id).into_iter().flatten().filter(|at| (on..=off).contains(*at)).count();
            u32::try_from(count).unwrap_or(u32::MAX)
        };
        let duties = day.duties.iter().map(|duty| {
            let hours = (seconds(duty.off) - seconds(duty.on)).max(0) as f64 / 3_600.0;
            (duty.rider_id, hours, brought(duty.on, duty.off, duty.rider_id))
        });
        let duties: Vec<_> = duties.collect();
        Some(DayPlayed {
            orders: orders.collect(),
            duty_h: duties.iter().map(|(_, hours, _)| hours).sum(),
            busy_h: None,
            kilometres: None,
            pay: duties.iter().map(|(_, hours, delivered)| self.paid(*hours, *delivered)).sum(),
            offers: Some(day.offers),
            shares: shares(duties.iter().map(|(rider, _, delivered)| (*rider, *delivered))),
        })
    }
}

/// Deliveries of each rider, over all stretches of duty.
fn shares(each: impl Iterator<Item = (RiderId, u32)>) -> Vec<f64> {
    let mut shares = BTreeMap::new();
    each.for_each(|(rider, delivered)| *shares.entry(rider).or_insert(0.0) += f64::from(delivered));
    shares.into_values().collect()
}

/// An order that was withdrawn says nothing of dispatch.
fn counts(order: &DayOrder) -> bool {
    order.cancelled_at.is_none() || order.delivered.is_some()
}

fn order_played(order: &DayOrder, handed: Option<Seconds>) -> OrderPlayed {
    let known = seconds(order.known_at);
    let placed = seconds(order.placed_at).max(known - LATER_S).min(known);
    OrderPlayed::of(placed, seconds(order.promised_at), handed, NEVER_S)
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

impl OrderPlayed {
    fn of(placed: Seconds, promised: Seconds, handed: Option<Seconds>, never: Seconds) -> Self {
        let click_to_door = handed.map_or(never, |at| at - placed);
        let late = handed.map_or(never, |at| (at - promised).max(0));
        Self { placed, click_to_door, late, delivered: handed.is_some() }
    }
}

/// A day under one policy; several of them add up.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct DayPlayed {
    /// All orders.
    pub orders: Vec<OrderPlayed>,
    /// Hours on duty of all riders.
    pub duty_h: f64,
    /// Hours of them riding and serving, where that is known.
    pub busy_h: Option<f64>,
    /// Ridden by all for orders, where that is known.
    pub kilometres: Option<f64>,
    /// Paid to all.
    pub pay: f64,
    /// Offers made, where riders are asked.
    pub offers: Option<u32>,
    /// What each rider delivered.
    pub shares: Vec<f64>,
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
    pub idle_share: Option<f64>,
    /// Ridden, kilometres.
    pub kilometres: Option<f64>,
    /// Paid to riders.
    pub pay: f64,
    /// Offers for an order, on average.
    pub offers_per_order: Option<f64>,
    /// How unevenly riders delivered: Gini's coefficient, 0 (all the same) to 1 (one has all).
    pub deliveries_gini: f64,
}

#[expect(clippy::cast_precision_loss, reason = "seconds and orders of some days")]
impl DayPlayed {
    /// Adds another day under the same policy.
    pub fn add(&mut self, other: Self) {
        self.orders.extend(other.orders);
        self.duty_h += other.duty_h;
        if self.shares.is_empty() {
            (self.busy_h, self.kilometres, self.offers) = (other.busy_h, other.kilometres, other.offers);
        } else {
            let sum = |a: Option<f64>, b: Option<f64>| Some(a? + b?);
            (self.busy_h, self.kilometres) = (sum(self.busy_h, other.busy_h), sum(self.kilometres, other.kilometres));
            self.offers = self.offers.zip(other.offers).map(|(a, b)| a + b);
        }
        self.pay += other.pay;
        self.shares.extend(other.shares);
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
            idle_share: self.busy_h.map(|busy_h| (1.0 - busy_h / self.duty_h.max(1e-9)).clamp(0.0, 1.0)),
            kilometres: self.kilometres,
            pay: self.pay,
            offers_per_order: self.offers.map(|offers| f64::from(offers) / self.orders.len().max(1) as f64),
            deliveries_gini: gini(self.shares.clone()),
        }
    }
}

/// How far each round looks, metres.
type Radius = fn(u32) -> f64;

enum Planner {
    Nearest(Box<Nearest<Radius>>),
    Matcher(Box<Matcher>),
}

impl Planner {
    fn new(policy: &Policy, rules: Rules, tuning: Tuning) -> Self {
        match policy.by() {
            record::Policy::Nearest => {
                let rounds_a_tick = u32::try_from(rules.tick / DispatchRules::WIDEN_S).unwrap_or(1);
                let radius_m: Radius = |round| f64::from(DispatchRules::radius_m(round));
                Self::Nearest(Box::new(Nearest::new(rules, policy.lead(), rounds_a_tick, radius_m)))
            }
            record::Policy::Matcher => Self::Matcher(Box::new(Matcher::new(rules, tuning))),
        }
    }
    fn tick(&mut self, snapshot: &Snapshot, travel: &StraightLine) -> Plan {
        match self {
            Self::Nearest(nearest) => nearest.tick(snapshot, travel),
            Self::Matcher(matcher) => matcher.tick(snapshot, travel),
        }
    }
}

const fn seconds(at: Timestamp) -> Seconds {
    at.as_micros().div_euclid(1_000_000)
}
