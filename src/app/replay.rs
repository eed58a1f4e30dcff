//! `foodcourt replay`: days as they were recorded, or benchmark folders, through other policies.

use std::process::ExitCode;

use foodcourt_actors::{
    dispatch::{
        event::DeliveryEvent,
        recorded::RecordedDay,
        what_if::{Day, Pay},
    },
    event::Event as _,
    ids::{DeliveryId, UserId},
    stream::{Category, StreamId},
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
/// What is begun before midnight is over by then: so long after its end the facts of a day are read, seconds.
const AFTER_S: i64 = 6 * 3_600;
/// What a replay reads of what became of a delivery.
const OF_DELIVERY: [&str; 13] = [
    "delivery.requested",
    "delivery.ready_noted",
    "delivery.offered",
    "delivery.offer_declined",
    "delivery.offer_expired",
    "delivery.assigned",
    "delivery.unassigned",
    "delivery.arrived_at_pickup",
    "delivery.picked_up",
    "delivery.arrived_at_dropoff",
    "delivery.delivered",
    "delivery.unassignable",
    "delivery.cancelled",
];

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
    let streams =
        |category, ids: Vec<uuid::Uuid>| ids.into_iter().map(|id| StreamId { category, id }).collect::<Vec<_>>();
    let deliveries = streams(Category::Delivery, day.orders.keys().map(|id| id.0).collect());
    for fact in records.facts(&deliveries, &OF_DELIVERY, to.plus_s(AFTER_S)).await.map_err(other)? {
        // A fact of a newer build is not for this one.
        if let Ok(event) = DeliveryEvent::decode(&fact.kind, &fact.body) {
            day.lived(DeliveryId(fact.stream.id), fact.at, &event);
        }
    }
    let mut riders: Vec<uuid::Uuid> = day.duties.iter().map(|duty| duty.rider_id.0).collect();
    riders.sort_unstable();
    riders.dedup();
    let riders = streams(Category::Rider, riders);
    for fact in records.facts(&riders, &["shift.ended"], to.plus_s(AFTER_S)).await.map_err(other)? {
        day.went_home(UserId(fact.stream.id), fact.at);
    }
    let [nearest, matcher] = day.ticks;
    eprintln!(
        "{name}: {} deliveries and {} stretches of duty, from {nearest} searches for the nearest and {matcher} ticks of the \
         plan",
        day.orders.len(),
        day.duties.len()
    );
    let lacks = day.lacks();
    if !lacks.is_empty() {
        eprintln!("{name}: its records lack {}: a replay of it is less like the day", lacks.join("; "));
    }
    let pay = Pay { per_order: args.pay_per_order, per_hour: args.pay_per_hour };
    Day::of_record(name.clone(), day, config.plan_settings(), pay).ok_or(ReplayError::EmptyDay(name))
}
