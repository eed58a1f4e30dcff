//! Policies with their knobs: what can be set for a replay, in which bounds, and what it turns.

use super::{
    super::{
        live::{PlanSettings, Searching},
        matcher::{Rules, Seconds, Tuning},
        record::Policy as By,
        recorded_day::RecordedDay,
        rules::DispatchRules,
    },
    town::Way,
};

/// Which policies a knob is of.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Of {
    Nearest,
    Matcher,
    Both,
}

/// On which days it turns something.
#[derive(Clone, Copy, PartialEq, Eq)]
enum On {
    /// Where riders answer and kitchens have taught.
    Recorded,
    Any,
}

/// What a value looks like.
#[derive(Clone, Copy, PartialEq)]
enum Takes {
    Whole(f64, f64),
    Number(f64, f64),
    Switch,
}

struct Knob {
    name: &'static str,
    /// What it is called elsewhere; empty: nothing else.
    also: &'static str,
    of: Of,
    on: On,
    takes: Takes,
}

const fn knob(name: &'static str, also: &'static str, of: Of, on: On, takes: Takes) -> Knob {
    Knob { name, also, of, on, takes }
}

/// Those of `[dispatch]` in `config.toml` first, within the same bounds.
const KNOBS: [Knob; 18] = [
    knob("tick_s", "tick", Of::Matcher, On::Any, Takes::Whole(1.0, 3_600.0)),
    knob("ahead_s", "", Of::Matcher, On::Recorded, Takes::Whole(0.0, 600.0)),
    knob("wait_max_s", "", Of::Matcher, On::Recorded, Takes::Whole(0.0, 900.0)),
    knob("ask_at_once", "", Of::Both, On::Recorded, Takes::Whole(1.0, 5.0)),
    knob("better_s", "", Of::Matcher, On::Recorded, Takes::Whole(0.0, 3_600.0)),
    knob("work_weight", "work_price", Of::Matcher, On::Any, Takes::Number(0.0, 10.0)),
    knob("late_weight", "late_price", Of::Matcher, On::Any, Takes::Number(0.0, 10.0)),
    knob("decline_weight", "no_price", Of::Matcher, On::Recorded, Takes::Number(0.0, 600.0)),
    knob("fairness_weight", "fairness", Of::Matcher, On::Recorded, Takes::Number(0.0, 1.0)),
    knob("turn_price", "", Of::Matcher, On::Recorded, Takes::Number(0.0, 100_000.0)),
    knob("foresight", "", Of::Matcher, On::Recorded, Takes::Switch),
    knob("bundle", "", Of::Matcher, On::Any, Takes::Whole(1.0, 8.0)),
    knob("position", "", Of::Matcher, On::Any, Takes::Switch),
    knob("budget", "", Of::Matcher, On::Any, Takes::Whole(0.0, 1e7)),
    knob("near", "", Of::Matcher, On::Any, Takes::Whole(1.0, 10_000.0)),
    knob("dwell", "", Of::Matcher, On::Any, Takes::Whole(0.0, 86_400.0)),
    knob("seed", "", Of::Matcher, On::Any, Takes::Whole(0.0, 1e15)),
    knob("lead", "", Of::Nearest, On::Any, Takes::Whole(0.0, 7_200.0)),
];

impl Knob {
    fn is_of(&self, by: By) -> bool {
        matches!((self.of, by), (Of::Both, _) | (Of::Nearest, By::Nearest) | (Of::Matcher, By::Matcher))
    }
    fn read(&self, value: &str) -> Result<f64, String> {
        let name = self.name;
        let within = |least: f64, most: f64| value.parse().ok().filter(|number| (least..=most).contains(number));
        match self.takes {
            Takes::Number(least, most) => within(least, most)
                .ok_or_else(|| format!("{name} should be a number from {least} to {most}, not {value:?}")),
            Takes::Whole(least, most) => within(least, most)
                .filter(|number: &f64| number.fract() == 0.0)
                .ok_or_else(|| format!("{name} should be a whole number from {least} to {most}, not {value:?}")),
            Takes::Switch => match value {
                "true" => Ok(1.0),
                "false" => Ok(0.0),
                _ => Err(format!("{name} should be true or false, not {value:?}")),
            },
        }
    }
}

fn names(by: By, fits: impl Fn(&Knob) -> bool) -> String {
    let names = KNOBS.iter().filter(|knob| knob.is_of(by) && fits(knob)).map(|knob| knob.name);
    names.collect::<Vec<_>>().join(", ")
}

/// A policy with the knobs that were turned; all others are the day's own.
#[derive(Clone, PartialEq, Debug)]
pub struct Policy {
    by: By,
    turned: Vec<(&'static str, f64)>,
}

impl Policy {
    /// The nearest free rider, each order for itself, as the live search goes about it.
    #[must_use]
    pub const fn nearest() -> Self {
        Self { by: By::Nearest, turned: vec![] }
    }
    /// One plan over all, as it served the day.
    #[must_use]
    pub const fn matcher() -> Self {
        Self { by: By::Matcher, turned: vec![] }
    }

    /// Which of the two.
    #[must_use]
    pub const fn by(&self) -> By {
        self.by
    }

    /// Turns a knob.
    ///
    /// # Errors
    /// A sentence that names the knobs there are, or what the value should be.
    pub fn set(&mut self, name: &str, value: &str) -> Result<(), String> {
        let mine = |knob: &&Knob| knob.is_of(self.by) && (knob.name == name || (knob.also == name && !name.is_empty()));
        let Some(knob) = KNOBS.iter().find(mine) else {
            let word = self.word();
            return Err(format!("{word} has no knob {name:?}; it has: {}", names(self.by, |_| true)));
        };
        let value = knob.read(value)?;
        self.turned.retain(|(other, _)| *other != knob.name);
        self.turned.push((knob.name, value));
        Ok(())
    }

    const fn word(&self) -> &'static str {
        match self.by {
            By::Nearest => "nearest",
            By::Matcher => "matcher",
        }
    }

    /// Whether all that was turned turns something on a benchmark's day.
    ///
    /// # Errors
    /// A sentence that names the knobs that do.
    pub fn suits_instance(&self) -> Result<(), String> {
        let dead = |(name, _): &&(&str, f64)| KNOBS.iter().any(|knob| knob.name == *name && knob.on == On::Recorded);
        match self.turned.iter().find(dead) {
            None => Ok(()),
            Some((name, _)) => Err(format!(
                "{name} turns nothing on a benchmark's day, where nobody is asked and food is ready when it was said; there \
                 {} has: {}",
                self.word(),
                names(self.by, |knob| knob.on == On::Any)
            )),
        }
    }

    fn turned(&self, name: &str) -> Option<f64> {
        debug_assert!(KNOBS.iter().any(|knob| knob.name == name), "{name} is no knob");
        self.turned.iter().find(|(other, _)| *other == name).map(|(_, value)| *value)
    }
    #[expect(clippy::cast_possible_truncation, reason = "whole, and within the knob's bounds")]
    fn whole(&self, name: &str) -> Option<i64> {
        self.turned(name).map(|value| value as i64)
    }
    fn tuning(&self, usual: Tuning) -> Tuning {
        let count = |name: &str| self.whole(name).map(i64::unsigned_abs);
        Tuning {
            budget: count("budget").unwrap_or(usual.budget),
            near: count("near").and_then(|near| usize::try_from(near).ok()).unwrap_or(usual.near),
            work_price: self.turned("work_weight").unwrap_or(usual.work_price),
            position: self.turned("position").map_or(usual.position, |on| on > 0.0),
            dwell: self.whole("dwell").unwrap_or(usual.dwell),
            seed: count("seed").unwrap_or(usual.seed),
        }
    }

    /// How it searches on a day with these `rules`, where riders are sent about or not.
    pub(super) fn of_instance(&self, rules: Rules, sends: bool) -> (Rules, Tuning) {
        let usual = Tuning { position: sends, ..Tuning::default() };
        if self.by == By::Nearest {
            return (rules, usual);
        }
        let bundle_max = self.whole("bundle").and_then(|most| usize::try_from(most).ok()).unwrap_or(rules.bundle_max);
        let (tick, late_price) =
            (self.whole("tick_s").unwrap_or(rules.tick), self.turned("late_weight").unwrap_or(0.0));
        (Rules { bundle_max, tick, late_price, ..rules }, self.tuning(usual))
    }

    /// Searched from so long before the food is ready, seconds.
    pub(super) fn lead(&self) -> Seconds {
        self.whole("lead").unwrap_or(DispatchRules::LEAD_MIN * 60)
    }

    /// How a recorded day is lived under it.
    pub(super) fn of_record(&self, day: &RecordedDay, configured: PlanSettings) -> Way {
        let usual = day.settings(configured);
        let at_once = self.whole("ask_at_once").and_then(|count| u32::try_from(count).ok());
        let settings = PlanSettings {
            tick_s: self.whole("tick_s").unwrap_or(usual.tick_s),
            ahead_s: self.whole("ahead_s").unwrap_or(usual.ahead_s),
            wait_max_s: self.whole("wait_max_s").unwrap_or(usual.wait_max_s),
            late_price: self.turned("late_weight").unwrap_or(usual.late_price),
            work_price: self.turned("work_weight").unwrap_or(usual.work_price),
            no_price: self.turned("decline_weight").unwrap_or(usual.no_price),
            fairness: self.turned("fairness_weight").unwrap_or(usual.fairness),
            ask_at_once: at_once.unwrap_or(usual.ask_at_once),
            better_s: self.whole("better_s").unwrap_or(usual.better_s),
            ..usual
        };
        let searching = Searching::default();
        let bundle_max = self.whole("bundle").and_then(|most| usize::try_from(most).ok());
        let searching = Searching {
            tuning: self.tuning(searching.tuning),
            bundle_max: bundle_max.unwrap_or(searching.bundle_max),
            turn_price: self.turned("turn_price").unwrap_or(searching.turn_price),
        };
        let foresight = self.turned("foresight").is_none_or(|on| on > 0.0);
        Way { by: self.by, settings, searching, foresight, lead: self.lead() }
    }
}
