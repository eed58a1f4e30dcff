//! Facts that a consumer could not digest: kept for a person to look at, while the feed goes on.

use foodcourt_actors::event::Recorded;
use uuid::Uuid;

use super::{connect::DatabaseError, pool::Database};

/// A fact that was put aside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetter {
    /// Its number; grows.
    pub dead_letter_id: i64,
    /// The consumer that could not digest it.
    pub service: String,
    /// Where in the feed.
    pub position: i64,
    /// `category:uuid`.
    pub stream: String,
    /// Number of the fact within the stream.
    pub version: i64,
    /// The fact.
    pub event_id: Uuid,
    /// `order.placed` and the like.
    pub kind: String,
    /// What the consumer said.
    pub reason: String,
}

/// Puts a fact aside; once per consumer and fact, the first reason stays.
///
/// # Errors
/// [`DatabaseError`].
pub async fn put_aside(database: &Database, service: &str, fact: &Recorded, reason: &str) -> Result<(), DatabaseError> {
    const SQL: &str = "
insert into dead_letter (service, position, stream, version, event_id, kind, reason)
values ($1, $2, $3, $4, $5, $6, $7)
on conflict (service, event_id) do nothing";
    let version = i64::try_from(fact.version).unwrap_or(i64::MAX);
    // A NUL in the reason must not make a dead letter undeliverable too.
    let reason = reason.replace('\0', "\u{fffd}");
    let stream = fact.stream.to_string();
    let kind: &str = &fact.kind;
    database.execute(SQL, &[&service, &fact.position, &stream, &version, &fact.event_id, &kind, &reason]).await?;
    Ok(())
}

/// Dead letters after `after` (0: from the first), oldest first.
///
/// # Errors
/// [`DatabaseError`].
pub async fn dead_letters(database: &Database, after: i64, limit: u32) -> Result<Vec<DeadLetter>, DatabaseError> {
    const SQL: &str = "
select dead_letter_id, service, position, stream, version, event_id, kind, reason
  from dead_letter
 where dead_letter_id > $1
 order by dead_letter_id
 limit $2"; // dead_letter_pkey
    let rows = database.query(SQL, &[&after, &i64::from(limit)]).await?;
    let letter = |row: &tokio_postgres::Row| {
        Ok(DeadLetter {
            dead_letter_id: row.try_get(0)?,
            service: row.try_get(1)?,
            position: row.try_get(2)?,
            stream: row.try_get(3)?,
            version: row.try_get(4)?,
            event_id: row.try_get(5)?,
            kind: row.try_get(6)?,
            reason: row.try_get(7)?,
        })
    };
    rows.iter().map(letter).collect()
}
