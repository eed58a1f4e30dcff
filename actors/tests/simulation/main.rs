//! The whole of foodcourt on virtual time: the real deciders, policies, effects, directories, reactor, sweeper,
//! tracker and zone on one thread, the outside in memory, people and faults from a seed. One seed is one day.
//!
//! `FOODCOURT_SEEDS=n` sets how many days are run, `FOODCOURT_FIRST=n` the first of them; `FOODCOURT_SEED=n` runs one
//! day and tells it.

#![expect(clippy::unwrap_used, reason = "all of it is test; what fails here fails a day, with its seed")]

mod client;
mod counts;
mod customer;
mod day;
mod faults;
mod kitchen;
mod live;
mod node;
mod planted;
mod rider;
mod verdict;
mod world;

use std::{
    cell::RefCell,
    sync::{
        Mutex, Once,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use counts::Counts;
use planted::Bug;

/// Days in a run of CI.
const SEEDS: u64 = 1_000;
/// Failed days that are told; the rest is only counted.
const FAILURES_TOLD: usize = 5;

fn setting(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name} must be a number, not {text:?}")))
}

thread_local! {
    /// Panics on this thread that nobody ordered. A task takes them to its grave; the verdict must not.
    static PANICS: RefCell<Vec<String>> = const { RefCell::new(vec![]) };
}

/// Actors are killed by the hundred, and their deaths need not be told; any other panic is kept for the verdict.
fn mute_killings() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let tell = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |death| {
            if death.payload().downcast_ref::<&str>() == Some(&"told to die") {
                return;
            }
            PANICS.with_borrow_mut(|panics| panics.push(format!("a panic: {death}")));
            if std::thread::current().name().is_some() {
                tell(death); // a test's own; what happens within a day is told with the day
            }
        }));
    });
}

/// Runs days from `first` on, on every core, until `count` are done or `enough` says so. In the order of their seeds
/// only by chance: each is a world of its own.
fn run_days(first: u64, count: u64, bug: Option<Bug>, told: impl Fn(u64, day::Outcome) -> bool + Sync) {
    mute_killings();
    let (next, stop) = (AtomicU64::new(first), AtomicBool::new(false));
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= first + count {
                        return;
                    }
                    if told(seed, day::run(seed, bug, false)) {
                        stop.store(true, Ordering::Relaxed);
                    }
                }
            });
        }
    });
}

fn tell_failure(seed: u64, wrong: &[String]) -> String {
    let some: Vec<&str> = wrong.iter().take(8).map(String::as_str).collect();
    format!(
        "seed {seed}: {} broken promises\n  {}\n  again: FOODCOURT_SEED={seed} cargo test -p foodcourt-actors --test simulation a_thousand_days -- --nocapture",
        wrong.len(),
        some.join("\n  ")
    )
}

#[test]
fn a_thousand_days_break_no_promise() {
    if let Some(seed) = setting("FOODCOURT_SEED") {
        mute_killings();
        let outcome = day::run(seed, None, true);
        outcome.log.iter().for_each(|line| println!("{line}"));
        outcome.counts.print();
        assert!(outcome.wrong.is_empty(), "{}", tell_failure(seed, &outcome.wrong));
        return;
    }
    let count = setting("FOODCOURT_SEEDS").unwrap_or(SEEDS);
    let (all, failures) = (Mutex::new(Counts::default()), Mutex::new(vec![]));
    let started = tokio::time::Instant::now();
    run_days(setting("FOODCOURT_FIRST").unwrap_or(1), count, None, |seed, outcome| {
        all.lock().unwrap().add(&outcome.counts);
        let mut failures = failures.lock().unwrap();
        if !outcome.wrong.is_empty() {
            failures.push((seed, tell_failure(seed, &outcome.wrong)));
        }
        failures.len() >= 20
    });
    let (wall_s, all) = (started.elapsed().as_secs_f64(), all.into_inner().unwrap());
    all.print();
    println!("{count} days in {wall_s:.1} s: {:.1} a second", count as f64 / wall_s);
    let mut failures = failures.into_inner().unwrap();
    failures.sort();
    let told: Vec<&str> = failures.iter().take(FAILURES_TOLD).map(|(_, told)| told.as_str()).collect();
    assert!(failures.is_empty(), "{} days went wrong\n{}", failures.len(), told.join("\n"));
    // A short run cannot be expected to see everything.
    let missing = if count >= 500 { all.missing() } else { vec![] };
    assert!(missing.is_empty(), "never happened, so never tested: {}", missing.join(", "));
}

#[test]
fn the_same_seed_is_the_same_day() {
    mute_killings();
    for seed in [1, 2, 3, 5, 8, 13] {
        let (one, two) = (day::run(seed, None, false), day::run(seed, None, false));
        assert_eq!(one.hash, two.hash, "seed {seed} is not the same day twice");
        assert!(one.counts.facts.values().sum::<u64>() > 500, "seed {seed} is hardly a day");
    }
}

/// Each planted mistake must be found; how fast is told.
#[test]
fn planted_mistakes_are_found() {
    for bug in Bug::ALL {
        let found = Mutex::new(None::<(u64, String)>);
        let days = AtomicU64::new(0);
        run_days(1, SEEDS, Some(bug), |seed, outcome| {
            days.fetch_add(1, Ordering::Relaxed);
            let Some(wrong) = outcome.wrong.first() else { return false };
            let mut found = found.lock().unwrap();
            found.get_or_insert_with(|| (seed, wrong.clone()));
            true
        });
        let days = days.load(Ordering::Relaxed);
        match found.into_inner().unwrap() {
            Some((seed, wrong)) => println!("{bug:?}: found after {days} days, in the day of seed {seed}: {wrong}"),
            None => panic!("{bug:?} was not found in {days} days"),
        }
    }
}
