//! What `foodcourt city` can be asked for on the command line.

use clap::{Args, ValueEnum};
use serde::Serialize;

/// Drives a server as a whole city would: customers order, kitchens cook, riders ride on the district's streets.
/// At the end it compares its own log with what the server says.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  foodcourt city                             a small city on a server of its own
  foodcourt city --orders 200 --riders 40 --seed 7 --speed 20 --json
  foodcourt city --policy nearest --seed 7   the same day, each order asking the nearest rider
  foodcourt city --url http://127.0.0.1:5003 drives the server that runs there

With --url the city shares that server with whoever else uses it: its cooks and riders are the demo's own and serve \
every order there, a visitor's too, and business time that ran ahead with --speed stays ahead of the wall clock for as \
long as that server's data lives (the pages then show \"Demo time\").

The exit code is 1 where an order was stuck, lost or duplicated, or a watcher missed a fact.")]
pub struct CityArgs {
    /// The server to drive; without it the city starts one on a free port and an empty folder, and stops it at the end.
    #[arg(long, value_name = "URL")]
    pub url: Option<String>,
    /// Riders on shift.
    #[arg(long, value_name = "N", default_value_t = 12, value_parser = clap::value_parser!(u32).range(1..=5_000))]
    pub riders: u32,
    /// Orders to place.
    #[arg(long, value_name = "N", default_value_t = 40, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub orders: u32,
    /// Decides who does what; the same seed makes the same people.
    #[arg(long, value_name = "S", default_value_t = 1)]
    pub seed: u64,
    /// How much faster than the wall business time runs (1 to 100; needs a server with the demo on). Without it: 20 on
    /// a server of its own, otherwise as fast as the server runs already.
    #[arg(long, value_name = "X", value_parser = speed)]
    pub speed: Option<f64>,
    /// Seconds of business time between two orders, on average. Without it: what kitchens and riders can just keep up
    /// with. Less makes riders scarce.
    #[arg(long, value_name = "SECONDS", value_parser = every)]
    pub every: Option<f64>,
    /// How the city's own server finds riders (its setting dispatch.policy); a server that runs already has its own.
    #[arg(long, value_name = "POLICY", value_enum, conflicts_with = "url")]
    pub policy: Option<DispatchPolicy>,
    /// Print a summary as one JSON object on the last line.
    #[arg(long)]
    pub json: bool,
}

/// The words of the server's setting `dispatch.policy`.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DispatchPolicy {
    /// One plan over all waiting deliveries and riders.
    Matcher,
    /// The nearest free rider, each delivery for itself.
    Nearest,
}

impl DispatchPolicy {
    /// As the setting has it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Matcher => "matcher",
            Self::Nearest => "nearest",
        }
    }
}

fn every(text: &str) -> Result<f64, String> {
    let seconds: f64 = text.parse().map_err(|_| format!("{text:?} is no number"))?;
    if (0.1..=86_400.0).contains(&seconds) { Ok(seconds) } else { Err("must be within 0.1 and 86400".to_owned()) }
}

fn speed(text: &str) -> Result<f64, String> {
    let speed: f64 = text.parse().map_err(|_| format!("{text:?} is no number"))?;
    if (1.0..=100.0).contains(&speed) { Ok(speed) } else { Err("must be within 1 and 100".to_owned()) }
}

/// What a run needs to know.
#[derive(Clone, Debug)]
pub struct CityOptions {
    /// The server's address; `None` starts one.
    pub url: Option<String>,
    /// Riders on shift.
    pub riders: u32,
    /// Orders to place.
    pub orders: u32,
    /// Decides who does what.
    pub seed: u64,
    /// Speed of business time; `None` leaves the server's (20 on a server of the city's own).
    pub speed: Option<f64>,
    /// Mean business seconds between two orders; `None`: what kitchens and riders can just keep up with.
    pub every_s: Option<f64>,
    /// How the city's own server finds riders; `None`: as it is set.
    pub policy: Option<DispatchPolicy>,
    /// The last line on stdout is the summary as JSON.
    pub json: bool,
}

impl From<CityArgs> for CityOptions {
    fn from(args: CityArgs) -> Self {
        let CityArgs { url, riders, orders, seed, speed, every, policy, json } = args;
        let speed = speed.or(if url.is_none() { Some(20.0) } else { None });
        let url = url.map(|url| url.trim_end_matches('/').to_owned());
        Self { url, riders, orders, seed, speed, every_s: every, policy, json }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn examples_fit_and_paragraphs_are_left_to_the_terminal() {
        // The width that help is wrapped at, where the terminal is wider.
        const WIDTH: usize = 100;
        let help = CityArgs::augment_args(clap::Command::new("city")).get_after_help().unwrap().to_string();
        let (examples, rest) = help.split_once("\n\n").unwrap();
        assert!(examples.lines().all(|line| line.chars().count() <= WIDTH), "{examples}");
        for paragraph in rest.split("\n\n") {
            assert_eq!(paragraph.lines().count(), 1, "wrapped twice: {paragraph}");
        }
    }
}
