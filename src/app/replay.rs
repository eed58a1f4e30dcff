//! `foodcourt replay`: days as they were recorded, or benchmark folders, through other policies.

use std::process::ExitCode;

use foodcourt_actors::{
    dispatch::{
        recorded::RecordedDay,
        what_if::{Day, Pay},
    },
    time::Timestamp,
};

use super::{StartError, database};
use crate::{
    config::Config,
    postgres::{
        Database,
        private::{PrivateError, PrivatePostgres},
        records::PostgresRecords,
    },
    replay::{self, ReplayArgs, ReplayError, date},
};

/// Business time read in one go: some megabytes of ticks of a large city.
const CHUNK_S: i64 = 600;
const DAY_S: i64 = 86_400;

/// Plays, compares and prints; exit code 2 and a sentence where that cannot be done.
pub async fn main(config: &Config, args: &ReplayArgs) -> ExitCode {
    let played = async {
        let days = match args.folders.is_empty() {
            true => vec![recorded(config, args).await?],
            false => replay::folders(&args.folders)?,
        };
        replay::compare(&days, args)
    };
    match played.await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("foodcourt replay: {error}");
            ExitCode::from(2)
        }
    }
}

async fn recorded(config: &Config, args: &ReplayArgs) -> Result<Day, ReplayError> {
    let other = |error: &dyn std::error::Error| ReplayError::Database(super::sentence(error));
    let dir = &config.data.dir;
    // A typing error must not make a new, empty database without any day.
    if config.database.url.is_empty() && !PrivatePostgres::holds_data(dir) {
        return Err(ReplayError::NoData(dir.clone()));
    }
    let opened = database::open(config).await.map_err(|error| match error {
        StartError::Private(PrivateError::InUse { folder, pid }) => {
            let address = PrivatePostgres::running_in(&folder).unwrap_or_else(|| "…".to_owned());
            ReplayError::Database(format!(
                "a foodcourt server (process {pid}) is running on the data folder {}: stop it first, or read its database \
                 while it runs: FOODCOURT_DATABASE__URL=\"{address}\" foodcourt replay",
                folder.display()
            ))
        }
        error => other(&error),
    })?;
    let day = read(&opened.database, config, args).await;
    if let Some(private) = opened.private {
        private.stop().await;
    }
    day
}

async fn read(database: &Database, config: &Config, args: &ReplayArgs) -> Result<Day, ReplayError> {
    let other = |error: crate::postgres::DatabaseError| ReplayError::Database(super::sentence(&error));
    let records = PostgresRecords::new(database.clone());
    let from = match args.date {
        Some(day) => day,
        None => {
            let last = records.last_tick_at().await.map_err(other)?.ok_or(ReplayError::NothingRecorded)?;
            Timestamp::from_micros(last.as_micros().div_euclid(DAY_S * 1_000_000) * DAY_S * 1_000_000)
        }
    };
    let (name, to) = (date(from), from.plus_s(DAY_S));
    let mut day = RecordedDay::default();
    let mut at = from;
    while at < to {
        let next = at.plus_s(CHUNK_S);
        for (at, body) in records.ticks(at, next).await.map_err(other)? {
            day.add(at, &body);
        }
        at = next;
    }
    for (delivery_id, placed_at) in records.placed(from.plus_s(-2 * DAY_S), to).await.map_err(other)? {
        if let Some(order) = day.orders.get_mut(&delivery_id) {
            order.placed_at = placed_at;
        }
    }
    let [nearest, matcher] = day.ticks;
    eprintln!(
        "{name}: {} deliveries and {} stretches of duty, from {nearest} searches for the nearest and {matcher} ticks of the \
         plan",
        day.orders.len(),
        day.duties.len()
    );
    let pay = Pay { per_order: args.pay_per_order, per_hour: args.pay_per_hour };
    Day::of_record(name.clone(), &day, config.plan_settings().estimate, pay).ok_or(ReplayError::EmptyDay(name))
}
