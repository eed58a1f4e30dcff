//! Reading the journal, and the small writes that are not appends: snapshots and claims.

use foodcourt_actors::{
    event::{Recorded, Version},
    ports::{Due, ReadError, Snapshot},
    stream::{Category, StreamId},
    time::Timestamp,
};
use tokio_postgres::Row;
use uuid::Uuid;

use super::fence::FenceError;
use crate::postgres::{connect::DatabaseError, instant::Instant, pool::Database};

/// The newest position, or 0.
pub(super) async fn newest(database: &Database) -> Result<i64, DatabaseError> {
    // journal_pkey, backwards
    let row = database.query_opt("select coalesce(max(position), 0) from journal", &[]).await?;
    Ok(row.map_or(0, |row| row.get(0)))
}

/// Facts of one stream after `after`.
pub(super) async fn stream(
    database: &Database,
    stream: StreamId,
    after: Version,
    limit: u32,
) -> Result<Vec<Recorded>, ReadError> {
    const SQL: &str = "
select position, stream, version, event_id, kind, body::text, at, cause, correlation
  from journal
 where stream = $1
   and version > $2
 order by version
 limit $3"; // journal_stream_version_key
    let rows = database.query(SQL, &[&stream.to_string(), &signed(after), &i64::from(limit)]).await;
    rows.map_err(unreadable)?.iter().map(recorded).collect()
}

/// Facts of all streams after `after`, in commit order: a late commit cannot have an early position (see `statement`).
pub(super) async fn feed(database: &Database, after: i64, limit: u32) -> Result<Vec<Recorded>, ReadError> {
    const SQL: &str = "
select position, stream, version, event_id, kind, body::text, at, cause, correlation
  from journal
 where position > $1
 order by position
 limit $2"; // journal_pkey
    let rows = database.query(SQL, &[&after, &i64::from(limit)]).await;
    rows.map_err(unreadable)?.iter().map(recorded).collect()
}

/// Whether `stream` holds the event.
pub(super) async fn holds(database: &Database, stream: StreamId, event_id: Uuid) -> Result<bool, ReadError> {
    // journal_stream_version_key; the newest first, for that is where one's own is
    const SQL: &str = "select true from journal where stream = $1 and event_id = $2 order by version desc limit 1";
    let row = database.query_opt(SQL, &[&stream.to_string(), &event_id]).await.map_err(unreadable)?;
    Ok(row.is_some())
}

/// The newest snapshot of `stream`.
pub(super) async fn snapshot(database: &Database, stream: StreamId) -> Result<Option<Snapshot>, ReadError> {
    const SQL: &str = "select version, body from snapshot where stream = $1"; // snapshot_pkey
    let row = database.query_opt(SQL, &[&stream.to_string()]).await.map_err(unreadable)?;
    row.map(|row| {
        let version: i64 = row.try_get(0).map_err(damaged)?;
        Ok(Snapshot { version: version.unsigned_abs(), body: row.try_get(1).map_err(damaged)? })
    })
    .transpose()
}

/// Keeps a snapshot, unless a newer one is there.
pub(super) async fn keep_snapshot(
    database: &Database,
    stream: StreamId,
    snapshot: &Snapshot,
) -> Result<(), DatabaseError> {
    const SQL: &str = "
insert into snapshot as s (stream, version, body)
values ($1, $2, $3)
on conflict (stream) do update
   set version = excluded.version,
       body = excluded.body
 where s.version < excluded.version";
    database.execute(SQL, &[&stream.to_string(), &signed(snapshot.version), &snapshot.body]).await?;
    Ok(())
}

/// Claims overdue streams, oldest first. Another node's rows are stepped over, not waited for.
pub(super) async fn claim_due(
    database: &Database,
    categories: &[Category],
    now: Timestamp,
    lease_s: u32,
    limit: u32,
) -> Result<Vec<Due>, ReadError> {
    const SQL: &str = "
with due as (
    select stream
      from stream_head
     where deadline_at <= $1
       and (claimed_until is null or claimed_until <= clock_timestamp())
       and split_part(stream, ':', 1) = any($2)
     order by deadline_at
     limit $4
       for update skip locked
)
update stream_head h
   set claimed_until = clock_timestamp() + make_interval(secs => $3)
  from due
 where h.stream = due.stream
returning h.stream, h.deadline_at"; // stream_head_deadline_at_idx
    let categories: Vec<&str> = categories.iter().map(|category| category.as_str()).collect();
    let rows = database.query(SQL, &[&Instant(now), &categories, &f64::from(lease_s), &i64::from(limit)]).await;
    let mut due = Vec::new();
    for row in rows.map_err(unreadable)? {
        let Instant(deadline_at) = row.try_get(1).map_err(damaged)?;
        due.push(Due { stream: stream_id(&row, 0)?, deadline_at });
    }
    due.sort_unstable_by_key(|due| (due.deadline_at, due.stream));
    Ok(due)
}

fn recorded(row: &Row) -> Result<Recorded, ReadError> {
    let version: i64 = row.try_get(2).map_err(damaged)?;
    let kind: &str = row.try_get(4).map_err(damaged)?;
    let body: &str = row.try_get(5).map_err(damaged)?;
    let Instant(at) = row.try_get(6).map_err(damaged)?;
    Ok(Recorded {
        position: row.try_get(0).map_err(damaged)?,
        stream: stream_id(row, 1)?,
        version: version.unsigned_abs(),
        event_id: row.try_get(3).map_err(damaged)?,
        kind: kind.into(),
        body: body.into(),
        at,
        cause: row.try_get(7).map_err(damaged)?,
        correlation: row.try_get(8).map_err(damaged)?,
    })
}

fn stream_id(row: &Row, column: usize) -> Result<StreamId, ReadError> {
    let name: &str = row.try_get(column).map_err(damaged)?;
    name.parse().map_err(|error| ReadError(Box::new(error)))
}

fn signed(version: Version) -> i64 {
    i64::try_from(version).unwrap_or(i64::MAX)
}

pub(super) fn unreadable(error: DatabaseError) -> ReadError {
    ReadError(Box::new(error))
}

fn damaged(error: tokio_postgres::Error) -> ReadError {
    ReadError(Box::new(error))
}

impl From<FenceError> for ReadError {
    fn from(error: FenceError) -> Self {
        Self(Box::new(error))
    }
}
