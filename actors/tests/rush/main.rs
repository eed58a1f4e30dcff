//! The same dinner rush under both policies, on virtual time: the real deciders, policies, zone and planner; riders with
//! phones who decline, keep silent, give back and ride on the district's streets; kitchens that are late. A seed decides
//! everything that nobody answers to, so both policies face the same day.
//!
//! `FOODCOURT_DAYS=n` runs n seeds of every shape of day and prints the table; `FOODCOURT_TRY="late_price=1 work_price=0.1;…"`
//! prints it for other settings of the plan too, and judges nothing.

#![expect(clippy::unwrap_used, reason = "a failed step of a test is a failed test")]

mod biker;
mod day;
mod oven;
mod score;

use std::{
    collections::BTreeMap,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use day::Shape;
use foodcourt_actors::dispatch::{
    live::PlanSettings,
    what_if::{Day, Outcome, Pay, Policy},
};
use score::Score;

/// Riders, and mean seconds between two deliveries: from riders at leisure to too few of them.
const SHAPES: [Shape; 4] = [
    Shape { word: "at leisure", riders: 40, every_s: 23 },
    Shape { word: "busy", riders: 20, every_s: 30 },
    Shape { word: "scarce", riders: 12, every_s: 37 },
    Shape { word: "too few", riders: 8, every_s: 42 },
];

/// What an order that is never brought counts as from click to door, minutes. Where riders are too few, one offer decides
/// which ones these are, and how many.
const NEVER_MIN: f64 = 120.0;

/// How a day is planned, and what its people are like.
#[derive(Clone, Copy)]
pub struct Way {
    /// The numbers of the plan.
    pub settings: PlanSettings,
    /// Whether the plan looks at what kitchens have taught the day before.
    pub foresight: bool,
    /// Whether some riders say no far more often than others, the more so far away.
    pub picky: bool,
}

impl Default for Way {
    fn default() -> Self {
        Self { settings: PlanSettings::default(), foresight: true, picky: false }
    }
}

/// The default plan with `words` (`name=value …`) set.
fn way(words: &str) -> Way {
    let mut way = Way::default();
    let settings = &mut way.settings;
    for word in words.split_whitespace() {
        let (name, value) = word.split_once('=').expect("name=value");
        let value: f64 = value.parse().expect("a number");
        match name {
            "tick_s" => settings.tick_s = value as i64,
            "ahead_s" => settings.ahead_s = value as i64,
            "wait_max_s" => settings.wait_max_s = value as i64,
            "late_price" => settings.late_price = value,
            "ask_at_once" => settings.ask_at_once = value as u32,
            "better_s" => settings.better_s = value as i64,
            "work_price" => settings.work_price = value,
            "no_price" => settings.no_price = value,
            "fairness" => settings.fairness = value,
            "counter_s" => settings.counter_s = value as i64,
            "door_s" => settings.door_s = value as i64,
            "foresight" => way.foresight = value > 0.0,
            "picky" => way.picky = value > 0.0,
            _ => panic!("no setting is called {name}"),
        }
    }
    way
}

type Means<'a> = BTreeMap<(&'static str, &'a str), Vec<Score>>;

fn run<'a>(days: u64, policies: &[(&'a str, Option<Way>)]) -> Means<'a> {
    let mut jobs = vec![];
    for shape in SHAPES {
        for (word, way) in policies {
            jobs.extend((1..=days).map(|seed| (shape, *word, *way, seed)));
        }
    }
    let (next, means) = (AtomicUsize::new(0), Mutex::new(Means::new()));
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some((shape, word, way, seed)) = jobs.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let (score, _) = day::run(*shape, *way, *seed);
                    means.lock().unwrap().entry((shape.word, word)).or_default().push(score);
                }
            });
        }
    });
    means.into_inner().unwrap()
}

#[test]
fn planned_riders_serve_no_worse_than_the_nearest() {
    let days = std::env::var("FOODCOURT_DAYS").map_or(1, |days| days.parse().expect("FOODCOURT_DAYS is a number"));
    if let Ok(tries) = std::env::var("FOODCOURT_TRY") {
        let tries: Vec<_> = tries.split(';').map(|words| (words.trim(), Some(way(words)))).collect();
        let means = run(days, &tries);
        println!("{}", Score::HEAD);
        for ((shape, words), scores) in &means {
            println!("{shape:<11}          {} {words}", Score::mean(scores));
        }
        return;
    }
    let means = run(days, &[("nearest", None), ("matcher", Some(Way::default()))]);
    println!("{}", Score::HEAD);
    let mean = |shape: &Shape, word| Score::mean(&means[&(shape.word, word)]);
    for shape in &SHAPES {
        for word in ["nearest", "matcher"] {
            println!("{:<11} {word:<8} {}", shape.word, mean(shape, word));
        }
    }
    for shape in &SHAPES {
        let (nearest, planned) = (mean(shape, "nearest"), mean(shape, "matcher"));
        // One day has luck in it; a plan that has broken is minutes off.
        let (slack_s, slack) = if days >= 8 { (15.0, 0.01) } else { (60.0, 0.04) };
        assert!(planned.felt_s <= nearest.felt_s + slack_s, "{}: {planned}\n{nearest}", shape.word);
        assert!(planned.delivered >= nearest.delivered - slack, "{}: {planned}\n{nearest}", shape.word);
    }
}

#[test]
fn a_day_that_is_lived_again_under_its_own_policy_is_like_itself() {
    let days = std::env::var("FOODCOURT_DAYS").map_or(1, |days| days.parse().expect("FOODCOURT_DAYS is a number"));
    let pay = Pay { per_order: 10.0, per_hour: 15.0 };
    for shape in &SHAPES[1..if days > 1 { 4 } else { 2 }] {
        let (mut off, mut worse) = ([vec![], vec![]], 0);
        for seed in 1..=days {
            for (way, own, other) in [
                (None, Policy::nearest(), Policy::matcher()),
                (Some(Way::default()), Policy::matcher(), Policy::nearest()),
            ] {
                let (_, recorded) = day::run(*shape, way, seed);
                assert_eq!(recorded.lacks().len(), usize::from(way.is_none()), "{:?}", recorded.lacks());
                let day = Day::of_record(String::new(), recorded, PlanSettings::default(), pay).unwrap();
                let was = day.as_it_was().unwrap().outcome();
                let [own, other] = [own, other].map(|policy| day.play(&policy, |_| ()).unwrap().outcome());
                let line = |one: &Outcome| {
                    let (mean, p90, late) =
                        (one.click_to_door_mean_min, one.click_to_door_p90_min, one.late_share * 100.0);
                    format!("{mean:.2} min, p90 {p90:.1}, late {late:.1} %, {} not brought", one.undelivered)
                };
                let word = if way.is_some() { "matcher" } else { "nearest" };
                println!("{} {seed} {word}: was {}", shape.word, line(&was));
                println!("    again {}; the other {}", line(&own), line(&other));
                let luck_min = NEVER_MIN * own.undelivered.abs_diff(was.undelivered) as f64 / was.orders as f64;
                let off_min = own.click_to_door_mean_min - was.click_to_door_mean_min;
                off[usize::from(way.is_some())].push((off_min, luck_min));
                worse += usize::from((own.click_to_door_mean_min < other.click_to_door_mean_min) != way.is_some());
            }
        }
        println!("{}: {worse} times the other policy looked better", shape.word);
        for (word, off) in ["nearest", "matcher"].iter().zip(&off) {
            let mean = |of: fn(&(f64, f64)) -> f64| off.iter().map(of).sum::<f64>() / off.len() as f64;
            let (lean, apart, luck) = (mean(|(off, _)| *off), mean(|(off, _)| off.abs()), mean(|(_, luck)| *luck));
            println!("{} {word}: {lean:+.2} min on average, {apart:.2} apart, {luck:.2} of it luck", shape.word);
            assert!(apart <= 1.5 + luck, "{}, {word}: a replay is {apart:.2} min off", shape.word);
        }
        assert_eq!(worse, 0, "{}: the policy that served a day better looks worse in a replay", shape.word);
    }
}
