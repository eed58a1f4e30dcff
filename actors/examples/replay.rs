//! Replays folders of the public meal delivery instances through the matcher and prints the scores.
//!
//! `cargo run --release -p foodcourt-actors --example replay -- [key=value …] FOLDER…`

#[path = "../tests/mdrp/folder.rs"]
mod folder;

use std::{error::Error, path::Path};

use folder::load;
use foodcourt_actors::dispatch::matcher::{Matcher, Tuning, day::play};
use tokio::time::Instant;

fn main() -> Result<(), Box<dyn Error>> {
    let mut tuning = Tuning::default();
    let mut folders = Vec::new();
    let mut seeds = 1;
    let mut bundle_max = 8;
    for argument in std::env::args().skip(1) {
        match argument.split_once('=') {
            Some(("budget", value)) => tuning.budget = value.parse()?,
            Some(("near", value)) => tuning.near = value.parse()?,
            Some(("work", value)) => tuning.work_price = value.parse()?,
            Some(("position", value)) => tuning.position = value == "1",
            Some(("bundle", value)) => bundle_max = value.parse()?,
            Some(("dwell", value)) => tuning.dwell = value.parse()?,
            Some(("seeds", value)) => seeds = value.parse()?,
            Some((name, _)) => return Err(format!("no knob {name}").into()),
            None => folders.push(argument),
        }
    }
    folders.sort();
    let mut sum = 0.0;
    for folder in &folders {
        let mut line = String::new();
        let mut mean = 0.0;
        for seed in 0..seeds {
            let (mut script, travel) = load(Path::new(folder), seed)?;
            script.rules.bundle_max = bundle_max;
            let mut matcher = Matcher::new(script.rules, tuning);
            let started = Instant::now();
            let mut slowest = 0.0_f64;
            let score = play(&script, &travel, |snapshot| {
                let tick = Instant::now();
                let plan = matcher.tick(snapshot, &travel);
                slowest = slowest.max(tick.elapsed().as_secs_f64());
                plan
            })?;
            mean += score.click_to_door / 60.0 / seeds as f64;
            line = format!(
                "undelivered {} rtp {:.2} bundle {:.3} moves {} util {:.3} {:.1} s, slowest {:.1} ms",
                score.undelivered,
                score.ready_to_pickup / 60.0,
                (score.orders - score.undelivered) as f64 / score.routes as f64,
                score.moves,
                score.utilization,
                started.elapsed().as_secs_f64(),
                slowest * 1000.0
            );
        }
        sum += mean / folders.len() as f64;
        println!("{:18} {mean:.3} {line}", Path::new(folder).file_name().unwrap_or_default().to_string_lossy());
    }
    println!("mean {sum:.3}");
    Ok(())
}
