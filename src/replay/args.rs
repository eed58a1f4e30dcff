//! What `foodcourt replay` can be asked for. A `--set` turns a knob of the `--policy` before it, so the order of the two
//! counts, which a derived parser does not tell.

use std::path::PathBuf;

use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches, error::ErrorKind};
use foodcourt_actors::{dispatch::what_if::Policy, time::Timestamp};

/// Plays a day again under several policies and prints them side by side: a recorded day of the configured database, or
/// folders of the public delivery benchmark.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  foodcourt replay                                     the last recorded day, nearest beside matcher
  foodcourt replay --date 2026-11-20 --html day.html   another day, with charts on a page
  foodcourt replay --policy matcher --policy matcher --set dwell=1200 --set budget=5000
  foodcourt replay instances/0o50t100s1p100 instances/5r50t100s1p100 --json | jq .policies
  FOODCOURT_DATABASE__URL=postgres://foodcourt@db/foodcourtdb foodcourt replay

Knobs: those of [dispatch] in config.toml, by their names there (work_weight, ahead_s, ask_at_once, …), and what the
search has beside them; an unknown one is answered with the list: see docs/dispatch.md. What is not set is as it was on the
recorded day.

In a replay riders answer as they did that day, others as they mostly do; they ride as the estimate says, and kitchens are
ready when they were.")]
pub struct ReplayArgs {
    /// Folders of benchmark days (orders.txt, couriers.txt, …); without any, a recorded day is played.
    #[arg(value_name = "FOLDER")]
    pub folders: Vec<PathBuf>,
    /// Which recorded day, UTC; without it the last one.
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = day, conflicts_with = "folders")]
    pub date: Option<Timestamp>,
    /// The policies to compare.
    #[command(flatten)]
    pub policies: Policies,
    /// What riders get for an order on a recorded day, in any currency; a benchmark's day has its own.
    #[arg(long, value_name = "AMOUNT", default_value_t = 10.0)]
    pub pay_per_order: f64,
    /// What riders get for an hour on duty at least.
    #[arg(long, value_name = "AMOUNT", default_value_t = 15.0)]
    pub pay_per_hour: f64,
    /// Print one JSON object instead of a table.
    #[arg(long)]
    pub json: bool,
    /// Also write a page with the table and two charts; it needs nothing but itself.
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
}

/// A policy under the name that it was asked for.
#[derive(Clone, PartialEq, Debug)]
pub struct Named {
    /// `matcher dwell=1200`.
    pub name: String,
    /// The policy.
    pub policy: Policy,
}

/// The policies in their order.
#[derive(Clone, PartialEq, Debug)]
pub struct Policies(pub Vec<Named>);

impl FromArgMatches for Policies {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let placed = |name: &str| -> Vec<(usize, String)> {
            let texts = matches.get_many::<String>(name).into_iter().flatten().cloned();
            matches.indices_of(name).into_iter().flatten().zip(texts).collect()
        };
        let wrong = |sentence: String| clap::Error::raw(ErrorKind::ValueValidation, format!("{sentence}\n"));
        let mut policies = Vec::new();
        for (place, name) in placed("policy") {
            let policy = if name == "nearest" { Policy::nearest() } else { Policy::matcher() };
            policies.push((place, Named { name, policy }));
        }
        for (place, knob) in placed("set") {
            let (name, value) =
                knob.split_once('=').ok_or_else(|| wrong(format!("--set {knob} should look like --set dwell=1200")))?;
            let before = policies.iter_mut().rev().find(|(policy, _)| *policy < place);
            let (_, named) = before.ok_or_else(|| {
                wrong(format!("--set {knob} turns a knob of the --policy before it, and there is none before it"))
            })?;
            named.policy.set(name, value).map_err(wrong)?;
            named.name = format!("{} {knob}", named.name);
        }
        let mut policies: Vec<Named> = policies.into_iter().map(|(_, named)| named).collect();
        if policies.is_empty() {
            policies = vec![
                Named { name: "nearest".to_owned(), policy: Policy::nearest() },
                Named { name: "matcher".to_owned(), policy: Policy::matcher() },
            ];
        }
        Ok(Self(policies))
    }
    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl Args for Policies {
    fn augment_args(command: Command) -> Command {
        command
            .arg(
                Arg::new("policy")
                    .long("policy")
                    .value_name("POLICY")
                    .value_parser(["nearest", "matcher"])
                    .action(ArgAction::Append)
                    .help("A policy to play, again for each; without any: nearest and matcher"),
            )
            .arg(
                Arg::new("set")
                    .long("set")
                    .value_name("KNOB=VALUE")
                    .action(ArgAction::Append)
                    .help("Turns a knob of the policy before it"),
            )
    }
    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

fn day(text: &str) -> Result<Timestamp, String> {
    let wrong = || format!("{text:?} is no day; it should look like 2026-11-20");
    let date: jiff::civil::Date = text.parse().map_err(|_| wrong())?;
    let begins = date.to_zoned(jiff::tz::TimeZone::UTC).map_err(|_| wrong())?;
    Ok(Timestamp::from_micros(begins.timestamp().as_microsecond()))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Only {
        #[command(flatten)]
        args: ReplayArgs,
    }

    fn parse(line: &str) -> Result<ReplayArgs, String> {
        let words = std::iter::once("replay").chain(line.split_whitespace());
        Only::try_parse_from(words).map(|only| only.args).map_err(|error| error.to_string())
    }
    fn names(line: &str) -> Vec<String> {
        parse(line).unwrap().policies.0.into_iter().map(|named| named.name).collect()
    }

    #[test]
    fn a_knob_belongs_to_the_policy_before_it() {
        assert_eq!(names(""), ["nearest", "matcher"]);
        let line = "--policy matcher --policy matcher --set dwell=1200 --set budget=50 --policy nearest --set lead=60";
        assert_eq!(names(line), ["matcher", "matcher dwell=1200 budget=50", "nearest lead=60"]);
        let policies = parse(line).unwrap().policies.0;
        let mut late = Policy::nearest();
        late.set("lead", "60").unwrap();
        assert_eq!((&policies[0].policy, &policies[2].policy), (&Policy::matcher(), &late));
    }

    #[test]
    fn what_cannot_be_is_said_with_what_could() {
        assert!(parse("--set dwell=1").unwrap_err().contains("there is none before it"));
        assert!(parse("--policy nearest --set dwell=1").unwrap_err().contains("it has: ask_at_once, lead"));
        assert!(parse("--policy matcher --set dwell=x").unwrap_err().contains("whole number from 0 to 86400"));
        assert!(parse("--policy matcher --set dwell").unwrap_err().contains("--set dwell=1200"));
        assert!(parse("--policy best").unwrap_err().contains("nearest, matcher"));
        assert!(parse("--date tomorrow").unwrap_err().contains("2026-11-20"));
        let date = parse("--date 2026-11-20").unwrap().date.unwrap();
        assert_eq!(super::super::date(date), "2026-11-20");
    }
}
