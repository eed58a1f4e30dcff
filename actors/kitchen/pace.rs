//! How long a kitchen really needs, learnt from its own tickets: work from the start to the pass, as a part of what was
//! promised. Folded from the kitchen's facts like all its state, so it is the same on every node and made again from
//! the journal. Estimates only: no rule depends on it.
//!
//! A histogram with logarithmic cells (a relative-error quantile sketch: Masson, Rim & Lee, VLDB 2019), whose weights
//! fade with each new ticket and with time (exponentially decayed counts: Cormode, Korn & Tirthapura, ICDE 2008). Few
//! tickets are pulled towards the whole kitchen's habit, and that towards the promise (shrinkage: Efron & Morris, 1975).
//! Whole numbers throughout, so that a snapshot read back is the same to the bit.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::time::Timestamp;

/// Cells of the histogram; the middle one is "as promised". From a quarter to four times the promise.
const CELLS: usize = 25;
/// One cell's upper edge over its lower: estimates are at most 6 % off for the cells' sake.
const STEP: f64 = 1.12;
/// A ticket's weight when it is new, in thousandths.
const ONE: u32 = 1_000;
/// What is left of a weight, in thousandths, after one more ticket: half after 50, a busy evening.
const PER_TICKET: u32 = 986;
/// What is left of a weight, in thousandths, after one more day: half after two weeks. Cooks and cards change.
const PER_DAY: u32 = 952;
/// After so many days nothing is left.
const DAYS_MAX: u64 = 365;
/// The promise counts as much as so many tickets, and the kitchen's habit as much within each level. A guess: enough
/// that one late ticket moves an estimate by a minute and not by ten.
const PULL: u32 = 8 * ONE;
/// How the promise spreads over the middle cells, in thousandths of its weight: cooks are not clocks.
const PROMISE: [u32; 5] = [111, 222, 334, 222, 111];

/// How busy the kitchen is when a ticket begins.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Load {
    /// One other ticket at most.
    Calm,
    /// Two to four others.
    Busy,
    /// Five or more.
    Packed,
}

impl Load {
    /// With so many others being cooked. The edges are guesses; a wrong one costs only that levels look alike.
    #[must_use]
    pub const fn beside(others: u32) -> Self {
        match others {
            0 | 1 => Self::Calm,
            2..=4 => Self::Busy,
            _ => Self::Packed,
        }
    }
}

/// Weights by cell, in thousandths of a ticket.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
struct Histogram {
    /// Empty, or one weight a cell.
    weights: Vec<u32>,
    /// Up to when days have been taken off.
    aged_at: Timestamp,
}

impl Histogram {
    fn add(&mut self, cell: usize, at: Timestamp) {
        self.age(at);
        if self.weights.is_empty() {
            (self.weights, self.aged_at) = (vec![0; CELLS], at);
        }
        self.weights.iter_mut().for_each(|weight| *weight = *weight * PER_TICKET / 1_000);
        self.weights[cell] += ONE;
    }
    fn age(&mut self, now: Timestamp) {
        let days = now.since(self.aged_at).as_secs() / 86_400;
        for _ in 0..days.min(DAYS_MAX) {
            self.weights.iter_mut().for_each(|weight| *weight = *weight * PER_DAY / 1_000);
        }
        self.aged_at = self.aged_at.plus(Duration::from_secs(days * 86_400));
    }
    fn total(&self) -> u32 {
        self.weights.iter().sum()
    }
}

/// What a kitchen's tickets have taught.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Pace {
    all: Histogram,
    calm: Histogram,
    busy: Histogram,
    packed: Histogram,
}

impl Pace {
    /// A ticket begun under `load` took `work` where `promised` was said, and was ready at `at`.
    pub fn learn(&mut self, load: Load, promised: Duration, work: Duration, at: Timestamp) {
        if promised.is_zero() || work.is_zero() {
            return; // called ready without ever having been begun: says nothing about work
        }
        let exponent = (work.as_secs_f64() / promised.as_secs_f64()).ln() / STEP.ln();
        let middle = (CELLS / 2) as f64;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to the cells")]
        let cell = (exponent.round() + middle).clamp(0.0, (CELLS - 1) as f64) as usize;
        self.all.add(cell, at);
        self.level_mut(load).add(cell, at);
    }

    /// How long a ticket promised in `promised` takes from its start, such that `part` (0 to 1) of them are done by then;
    /// `elapsed` of it has passed already and it is not done.
    #[must_use]
    pub fn work(&self, load: Load, promised: Duration, elapsed: Duration, part: f64, now: Timestamp) -> Duration {
        if promised.is_zero() {
            return elapsed;
        }
        let weights = self.weights(load, now);
        let passed = elapsed.as_secs_f64() / promised.as_secs_f64();
        // Where the elapsed time stands, in cells; a cell reaches half a step to either side of its middle.
        let from = if passed > 0.0 { passed.ln() / STEP.ln() + CELLS as f64 / 2.0 } else { 0.0 };
        let above = |cell: usize, from: f64| weights[cell] * (cell as f64 + 1.0 - from).clamp(0.0, 1.0);
        let rest: f64 = (0..CELLS).map(|cell| above(cell, from)).sum();
        if rest < 1.0 {
            return elapsed.mul_f64(STEP); // later than anything known: a little longer, and again when that is over
        }
        let mut wanted = rest * part.clamp(0.0, 1.0);
        let mut at = CELLS as f64;
        for cell in 0..CELLS {
            let mass = above(cell, from);
            if mass >= wanted && mass > 0.0 {
                let start = from.max(cell as f64);
                at = start + (cell as f64 + 1.0 - start) * wanted / mass;
                break;
            }
            wanted -= mass;
        }
        promised.mul_f64(STEP.powf(at - CELLS as f64 / 2.0)).max(elapsed)
    }

    /// Own experience, pulled towards the kitchen's habit, pulled towards the promise.
    fn weights(&self, load: Load, now: Timestamp) -> Vec<f64> {
        let aged = |histogram: &Histogram| {
            let mut histogram = histogram.clone();
            histogram.age(now);
            histogram
        };
        let (all, level) = (aged(&self.all), aged(self.level(load)));
        let habit = f64::from(PULL.min(all.total())) / f64::from(all.total().max(1));
        (0..CELLS)
            .map(|cell| {
                let of = |histogram: &Histogram| f64::from(histogram.weights.get(cell).copied().unwrap_or(0));
                let first = CELLS / 2 - PROMISE.len() / 2;
                let promise = cell.checked_sub(first).and_then(|place| PROMISE.get(place)).copied().unwrap_or(0);
                f64::from(promise) * f64::from(PULL) / 1_000.0 + of(&all) * habit + of(&level)
            })
            .collect()
    }

    const fn level(&self, load: Load) -> &Histogram {
        match load {
            Load::Calm => &self.calm,
            Load::Busy => &self.busy,
            Load::Packed => &self.packed,
        }
    }
    const fn level_mut(&mut self, load: Load) -> &mut Histogram {
        match load {
            Load::Calm => &mut self.calm,
            Load::Busy => &mut self.busy,
            Load::Packed => &mut self.packed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{memory::Dice, testing::NOON};

    const TEN_MIN: Duration = Duration::from_secs(600);

    /// A kitchen whose work is `factor` times its promise, give or take a fifth; `odd` in a thousand are nonsense.
    fn cook(pace: &mut Pace, dice: &mut Dice, load: Load, factor: f64, odd: u32, tickets: i64, from: Timestamp) {
        for n in 0..tickets {
            let spread = 0.8 + dice.below(401) as f64 / 1_000.0;
            let work = match dice.chance(odd) {
                true => Duration::from_secs(1 + dice.below(20_000)),
                false => TEN_MIN.mul_f64(factor * spread),
            };
            pace.learn(load, TEN_MIN, work, from.plus_min(n * 5));
        }
    }
    fn minutes(pace: &Pace, load: Load, part: f64, now: Timestamp) -> f64 {
        pace.work(load, TEN_MIN, Duration::ZERO, part, now).as_secs_f64() / 60.0
    }

    #[test]
    fn without_experience_the_promise_holds() {
        let pace = Pace::default();
        for load in [Load::Calm, Load::Busy, Load::Packed] {
            assert!((minutes(&pace, load, 0.5, NOON) - 10.0).abs() < 0.1, "{}", minutes(&pace, load, 0.5, NOON));
        }
        assert!((12.0..13.5).contains(&minutes(&pace, Load::Calm, 0.95, NOON)));
    }

    #[test]
    fn converges_on_slow_and_fast_kitchens_for_all_seeds() {
        for seed in 0..50 {
            for factor in [0.5, 0.8, 1.0, 1.5, 2.5] {
                let (mut pace, mut dice) = (Pace::default(), Dice::new(seed));
                cook(&mut pace, &mut dice, Load::Busy, factor, 0, 200, NOON);
                let found = minutes(&pace, Load::Busy, 0.5, NOON.plus_min(1_000)) / 10.0;
                assert!((found / factor - 1.0).abs() < 0.15, "seed {seed}: {found} for {factor}");
                let late = minutes(&pace, Load::Busy, 0.9, NOON.plus_min(1_000)) / 10.0;
                assert!(late > found && late < factor * 1.4 + 0.2, "seed {seed}: nine of ten by {late}");
            }
        }
    }

    #[test]
    fn a_few_outliers_move_nothing_and_one_ticket_little() {
        for seed in 0..50 {
            let (mut pace, mut dice) = (Pace::default(), Dice::new(seed));
            cook(&mut pace, &mut dice, Load::Calm, 1.2, 50, 200, NOON);
            let found = minutes(&pace, Load::Calm, 0.5, NOON.plus_min(1_000));
            assert!((found - 12.0).abs() < 1.5, "seed {seed}: {found}");
        }
        let mut pace = Pace::default();
        pace.learn(Load::Calm, TEN_MIN, Duration::from_secs(9 * 3_600), NOON);
        assert!((minutes(&pace, Load::Calm, 0.5, NOON) - 10.0).abs() < 1.5);
    }

    #[test]
    fn a_quiet_kitchen_falls_back_to_its_promise_and_changes_are_followed() {
        let (mut pace, mut dice) = (Pace::default(), Dice::new(7));
        cook(&mut pace, &mut dice, Load::Calm, 2.0, 0, 100, NOON);
        let soon = NOON.plus_min(600);
        assert!(minutes(&pace, Load::Calm, 0.5, soon) > 17.0);
        let half_a_year = soon.plus_min(180 * 24 * 60);
        assert!((minutes(&pace, Load::Calm, 0.5, half_a_year) - 10.0).abs() < 0.5);
        // A new cook: after a hundred tickets nobody speaks of the old one.
        cook(&mut pace, &mut dice, Load::Calm, 0.7, 0, 100, soon);
        assert!(minutes(&pace, Load::Calm, 0.5, soon.plus_min(600)) < 8.5);
    }

    #[test]
    fn a_level_never_seen_borrows_the_kitchens_habit() {
        let (mut pace, mut dice) = (Pace::default(), Dice::new(3));
        cook(&mut pace, &mut dice, Load::Calm, 2.0, 0, 100, NOON);
        let (seen, unseen) = (minutes(&pace, Load::Calm, 0.5, NOON), minutes(&pace, Load::Packed, 0.5, NOON));
        assert!(seen > unseen && unseen > 12.0, "{seen} {unseen}");
    }

    #[test]
    fn what_has_passed_is_taken_into_account() {
        let pace = Pace::default();
        let mut before = Duration::ZERO;
        for elapsed_s in (0..4_000).step_by(60) {
            let elapsed = Duration::from_secs(elapsed_s);
            let work = pace.work(Load::Calm, TEN_MIN, elapsed, 0.5, NOON);
            assert!(work >= elapsed && work >= before, "{elapsed_s} s: {work:?} after {before:?}");
            before = work;
        }
        let late = pace.work(Load::Calm, TEN_MIN, Duration::from_secs(1_200), 0.5, NOON);
        assert!(late < Duration::from_secs(1_500), "{late:?}");
    }
}
