//! A day played through several policies and compared: what is asked for, and how it is told. Where recorded days come
//! from is the composition root's business.

mod args;
mod page;
mod table;

use std::{
    fs,
    io::{IsTerminal as _, Write as _},
    path::{Path, PathBuf},
};

use foodcourt_actors::{
    dispatch::{
        matcher::{
            day::Breach,
            instance::{InstanceError, Tables, read},
        },
        what_if::{Course, Day, DayPlayed, Outcome},
    },
    time::Timestamp,
};
use serde::Serialize;

pub use args::{Named, Policies, ReplayArgs};

/// Why nothing can be compared.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// No data where days should be.
    #[error(
        "the folder {} holds no data of foodcourt: name the data folder with --data-dir, a database with \
         FOODCOURT_DATABASE__URL, or folders of benchmark days", .0.display()
    )]
    NoData(PathBuf),
    /// The database has no ticks.
    #[error("no tick of dispatch is recorded there: days are kept while dispatch.records_kept_days is above 0")]
    NothingRecorded,
    /// Nothing on that day.
    #[error("on {0} no delivery was recorded; without --date the last day that has some is played")]
    EmptyDay(String),
    /// It cannot be reached or read.
    #[error("{0}")]
    Database(String),
    /// A folder without an instance's files.
    #[error("{}: {source}", file.display())]
    File {
        /// Which file.
        file: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A folder whose files are no instance.
    #[error("{}: {source}", folder.display())]
    Instance {
        /// Which folder.
        folder: PathBuf,
        /// Why.
        #[source]
        source: InstanceError,
    },
    /// A knob that turns nothing.
    #[error("{0}")]
    Knob(String),
    /// A policy has broken a rule of the day.
    #[error("a policy has broken a rule of the day, which is a fault of foodcourt's: {0}")]
    Breach(#[from] Breach),
}

/// The benchmark days in `folders`.
///
/// # Errors
/// [`ReplayError::File`] and [`ReplayError::Instance`].
pub fn folders(folders: &[PathBuf]) -> Result<Vec<Day>, ReplayError> {
    folders.iter().map(|folder| instance(folder)).collect()
}

fn instance(folder: &Path) -> Result<Day, ReplayError> {
    let text = |name: &str| {
        let file = folder.join(name);
        fs::read_to_string(&file).map_err(|source| ReplayError::File { file, source })
    };
    let (parameters, restaurants) = (text("instance_parameters.txt")?, text("restaurants.txt")?);
    let (couriers, orders) = (text("couriers.txt")?, text("orders.txt")?);
    let tables = Tables { parameters: &parameters, restaurants: &restaurants, couriers: &couriers, orders: &orders };
    let read = read(&tables, 0).map_err(|source| ReplayError::Instance { folder: folder.to_owned(), source })?;
    let name = folder.file_name().unwrap_or(folder.as_os_str()).to_string_lossy().into_owned();
    Ok(Day::of_instance(name, read))
}

/// What the column of the recorded day itself is called.
const AS_IT_WAS: &str = "as it was";

/// What one policy made of all days.
pub struct Column {
    /// The policy, as it was asked for.
    pub name: String,
    /// All days together.
    pub all: DayPlayed,
    /// Mean click to door of each day, minutes.
    pub means_min: Vec<f64>,
}

/// What is told in JSON.
#[derive(Serialize)]
struct Told<'a> {
    days: Vec<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    as_it_was: Option<Outcome>,
    policies: Vec<ToldPolicy<'a>>,
}

#[derive(Serialize)]
struct ToldPolicy<'a> {
    policy: &'a str,
    #[serde(flatten)]
    outcome: Outcome,
    day_means_min: &'a [f64],
}

/// Plays `days` under every policy, prints the comparison and draws it.
///
/// # Errors
/// [`ReplayError::Breach`], and [`ReplayError::File`] for the page.
pub fn compare(days: &[Day], args: &ReplayArgs) -> Result<(), ReplayError> {
    for policy in &args.policies.0 {
        if days.iter().any(|day| matches!(day.course, Course::Script { .. })) {
            policy.policy.suits_instance().map_err(ReplayError::Knob)?;
        }
    }
    let mut columns = as_it_was(days);
    let was = columns.len();
    for policy in &args.policies.0 {
        columns.push(played(days, policy)?);
    }
    let names: Vec<&str> = days.iter().map(|day| day.name.as_str()).collect();
    if args.json {
        let policies = columns[was..].iter().map(|column| ToldPolicy {
            policy: &column.name,
            outcome: column.all.outcome(),
            day_means_min: &column.means_min,
        });
        let told = Told {
            days: names.clone(),
            as_it_was: columns[..was].first().map(|one| one.all.outcome()),
            policies: policies.collect(),
        };
        println!("{}", serde_json::to_string(&told).expect("figures always serialize"));
    } else {
        print!("{}", table::text(&names, &columns));
    }
    if let Some(file) = &args.html {
        let page = page::html(&names, &columns);
        fs::write(file, page).map_err(|source| ReplayError::File { file: file.clone(), source })?;
        eprintln!("the comparison is drawn in {}", file.display());
    }
    Ok(())
}

/// What really became of the days, if that is known of all.
fn as_it_was(days: &[Day]) -> Vec<Column> {
    let mut column = Column { name: AS_IT_WAS.to_owned(), all: DayPlayed::default(), means_min: Vec::new() };
    for day in days {
        let Some(one) = day.as_it_was() else { return vec![] };
        column.means_min.push(one.outcome().click_to_door_mean_min);
        column.all.add(one);
    }
    vec![column]
}

fn played(days: &[Day], policy: &Named) -> Result<Column, ReplayError> {
    let mut column = Column { name: policy.name.clone(), all: DayPlayed::default(), means_min: Vec::new() };
    for day in days {
        let mut progress = Progress::new(&policy.name, &day.name);
        let one = day.play(&policy.policy, |part| progress.at(part))?;
        progress.end();
        column.means_min.push(one.outcome().click_to_door_mean_min);
        column.all.add(one);
    }
    Ok(column)
}

/// How far a day is, on stderr: a line that moves where somebody looks, one line a day otherwise.
struct Progress {
    what: String,
    told: u32,
    moves: bool,
}

impl Progress {
    fn new(policy: &str, day: &str) -> Self {
        Self { what: format!("{day} under {policy}"), told: u32::MAX, moves: std::io::stderr().is_terminal() }
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 100")]
    fn at(&mut self, part: f64) {
        let percent = (part * 100.0) as u32;
        if self.moves && percent != self.told {
            self.told = percent;
            eprint!("\r{}: {percent} %", self.what);
            // Progress that cannot be shown is no failure.
            std::io::stderr().flush().ok();
        }
    }
    fn end(&self) {
        eprintln!("{}{}: done", if self.moves { "\r" } else { "" }, self.what);
    }
}

/// The day of `at` as people write it, UTC.
#[must_use]
pub fn date(at: Timestamp) -> String {
    at.to_jiff().strftime("%Y-%m-%d").to_string()
}
