//! One batch, one statement, one transaction of its own: its first part takes the lock that makes position order commit
//! order, the second is the gate, and the others write only what the gate let through.

use std::time::Duration;

use foodcourt_actors::ports::Append;
use tokio_postgres::{Client, Row, Statement, error::DbError};
use uuid::Uuid;

use super::alone::{ALONE, Alone};
use crate::postgres::{
    instant::Instant,
    pool::{Params, spoils},
};

/// Names the advisory lock under which positions are drawn ("journal" in ASCII). One per database: advisory locks
/// do not reach across databases.
pub(super) const POSITION_LOCK: i64 = 0x006a_6f75_726e_616c;

/// A position is drawn when a row is written to the journal; that row comes from the gate's, and no row reaches the gate
/// before `turn` has given its own, which is when the lock is held. The snapshot may be older than the lock: the gate
/// compares with the newest version of a head whatever the snapshot shows, and where `found` is behind, the append is
/// called a conflict and decided again.
///
/// `previous` lets one `insert … on conflict` be both "create if absent" and "move if at the expected version".
/// The look at `found` keeps a stream from being created in the middle; being a scalar subquery it is always an
/// index lookup, however the planner guesses the size of the arrays.
const BATCH: &str = "
with turn as materialized (
    select pg_advisory_xact_lock($23::bigint) as held
), wish as materialized (
    select a.*, (select h.version from stream_head h where h.stream = a.stream) as found
      from unnest($1::text[], $2::bigint[], $3::bigint[], $4::timestamptz[])
           with ordinality as a(stream, expected, version, deadline_at, ord)
), head as (
    insert into stream_head as h (stream, version, previous, deadline_at)
    select stream, version, expected, deadline_at
      from turn
     cross join wish
     where coalesce(found, 0) = expected
    on conflict (stream) do update
       set version = excluded.version,
           previous = excluded.previous,
           deadline_at = excluded.deadline_at,
           claimed_until = null
     where h.version = excluded.previous
    returning h.stream
), through as materialized (
    select w.ord, w.stream, w.expected
      from wish w
      join head h on h.stream = w.stream
), fact as (
    insert into journal (stream, version, event_id, kind, body, at, cause, correlation)
    select t.stream, t.expected + e.step, e.event_id, e.kind, e.body::json, e.at, e.cause, e.correlation
      from unnest($5::bigint[], $6::bigint[], $7::uuid[], $8::text[], $9::text[], $10::timestamptz[], $11::uuid[],
                  $12::uuid[]) as e(ord, step, event_id, kind, body, at, cause, correlation)
      join through t on t.ord = e.ord
     order by t.ord, e.step
    returning position
), answer as (
    insert into idempotency as i (scope, request_sha256, status, headers, body, expires_at)
    select a.scope, a.request_sha256, a.status, a.headers::json, a.body, now() + make_interval(secs => $19)
      from unnest($13::bigint[], $14::text[], $15::bytea[], $16::smallint[], $17::text[], $18::bytea[])
           as a(ord, scope, request_sha256, status, headers, body)
      join through t on t.ord = a.ord
    on conflict (scope) do update
       set request_sha256 = excluded.request_sha256,
           status = excluded.status,
           headers = excluded.headers,
           body = excluded.body,
           expires_at = excluded.expires_at
     where i.expires_at <= now()
), person as (
    insert into contact as c (contact_id, body)
    select p.contact_id, p.body::json
      from unnest($20::bigint[], $21::uuid[], $22::text[]) as p(ord, contact_id, body)
      join through t on t.ord = p.ord
    on conflict (contact_id) do update
       set body = excluded.body
     where c.erased_at is null
), span as materialized (
    select min(position) as first, max(position) as last, count(*) as facts from fact
)
select t.ord, s.first, s.last, s.facts
  from through t
 cross join span s";

/// What became of a batch.
pub(super) enum Flight {
    /// Committed. `through[i]`: the gate let the i-th append through; else it was a conflict. `first` is the position of
    /// the first fact, where the others follow it one by one in the order of the appends.
    Landed { through: Vec<bool>, first: Option<i64>, newest: i64 },
    /// Rolled back because something in it cannot be stored.
    Refused { reason: String },
    /// Rolled back, or never begun, for a reason that is not in the batch.
    RolledBack { reason: String, connection_spoilt: bool },
    /// The connection was lost with the batch in it.
    Unclear { reason: String },
}

/// The prepared statements of the writer's connection.
pub(super) struct Batch {
    batch: Statement,
    alone: Statement,
    answers_kept_s: f64,
}

impl Batch {
    pub(super) async fn prepare(client: &Client, answers_kept: Duration) -> Result<Self, tokio_postgres::Error> {
        let batch = client.prepare(BATCH).await?;
        let alone = client.prepare(ALONE).await?;
        Ok(Self { batch, alone, answers_kept_s: answers_kept.as_secs_f64() })
    }

    /// Writes `appends`, at most one per stream, in one statement.
    pub(super) async fn write(&self, client: &Client, appends: &[&Append]) -> Flight {
        if let Some(alone) = Alone::of(appends) {
            return Self::run(client, &self.alone, &alone.params(&self.answers_kept_s), 1).await;
        }
        let columns = Columns::of(appends);
        let params: [&(dyn tokio_postgres::types::ToSql + Sync); 23] = [
            &columns.stream,
            &columns.expected,
            &columns.version,
            &columns.deadline_at,
            &columns.event_ord,
            &columns.event_step,
            &columns.event_id,
            &columns.kind,
            &columns.body,
            &columns.at,
            &columns.cause,
            &columns.correlation,
            &columns.answer_ord,
            &columns.scope,
            &columns.request_sha256,
            &columns.status,
            &columns.headers,
            &columns.answer_body,
            &self.answers_kept_s,
            &columns.contact_ord,
            &columns.contact_id,
            &columns.contact_body,
            &POSITION_LOCK,
        ];
        Self::run(client, &self.batch, &params, appends.len()).await
    }

    async fn run(client: &Client, statement: &Statement, params: Params<'_>, count: usize) -> Flight {
        match client.query(statement, params).await {
            Ok(rows) => landed(&rows, count),
            // An ERROR is a rollback, also one from the commit itself; anything harder, or silence, is not known.
            Err(error) if is_plain_error(&error) || never_sent(&error) => refused(&error),
            Err(error) => Flight::Unclear { reason: reason(&error) },
        }
    }
}

fn landed(rows: &[Row], count: usize) -> Flight {
    let mut through = vec![false; count];
    for row in rows {
        let ord = usize::try_from(row.get::<_, i64>(0)).unwrap_or(0);
        if let Some(passed) = ord.checked_sub(1).and_then(|index| through.get_mut(index)) {
            *passed = true;
        }
    }
    let span = rows.first().map(|row| (row.get::<_, i64>(1), row.get::<_, i64>(2), row.get::<_, i64>(3)));
    let first = span.filter(|(first, last, facts)| last - first + 1 == *facts).map(|(first, ..)| first);
    Flight::Landed { through, first, newest: span.map_or(0, |(_, last, _)| last) }
}

fn rolled_back(error: &tokio_postgres::Error) -> Flight {
    Flight::RolledBack { reason: reason(error), connection_spoilt: spoils(error) }
}

/// The batch statement failed: is it what was in it, or the state of the server?
fn refused(error: &tokio_postgres::Error) -> Flight {
    let code = error.code().map_or("", tokio_postgres::error::SqlState::code);
    // 21, 22, 23: the data; 54: too long or too large; XX000: how oversized values are refused at times.
    let data = matches!(code.get(..2), Some("21" | "22" | "23" | "54")) || code == "XX000";
    if data || never_sent(error) { Flight::Refused { reason: reason(error) } } else { rolled_back(error) }
}

/// The driver could not write down a value. It tells its errors apart only by their sentences.
fn never_sent(error: &tokio_postgres::Error) -> bool {
    let sentence = error.to_string();
    error.as_db_error().is_none()
        && ["error serializing parameter", "error encoding message"].iter().any(|start| sentence.starts_with(start))
}

fn is_plain_error(error: &tokio_postgres::Error) -> bool {
    use tokio_postgres::error::Severity;
    error.as_db_error().and_then(DbError::parsed_severity) == Some(Severity::Error)
}

fn reason(error: &tokio_postgres::Error) -> String {
    match error.as_db_error() {
        // Without the detail: it may quote what was to be stored.
        Some(db) => format!("{} ({})", db.message(), db.code().code()),
        None => error.to_string(),
    }
}

/// The appends, turned into the arrays that the statement unnests.
#[derive(Default)]
struct Columns<'a> {
    stream: Vec<String>,
    expected: Vec<i64>,
    version: Vec<i64>,
    deadline_at: Vec<Option<Instant>>,
    event_ord: Vec<i64>,
    event_step: Vec<i64>,
    event_id: Vec<Uuid>,
    kind: Vec<&'a str>,
    body: Vec<&'a str>,
    at: Vec<Instant>,
    cause: Vec<Option<Uuid>>,
    correlation: Vec<Uuid>,
    answer_ord: Vec<i64>,
    scope: Vec<&'a str>,
    request_sha256: Vec<&'a [u8]>,
    status: Vec<i16>,
    headers: Vec<String>,
    answer_body: Vec<&'a [u8]>,
    contact_ord: Vec<i64>,
    contact_id: Vec<Uuid>,
    contact_body: Vec<&'a str>,
}

impl<'a> Columns<'a> {
    fn of(appends: &[&'a Append]) -> Self {
        let mut columns = Self::default();
        for (append, ord) in appends.iter().zip(1_i64..) {
            let expected = number(append.expected);
            columns.stream.push(append.stream.to_string());
            columns.expected.push(expected);
            columns.version.push(expected.saturating_add(number(append.events.len() as u64)));
            columns.deadline_at.push(append.deadline_at.map(Instant));
            for (event, step) in append.events.iter().zip(1_i64..) {
                columns.event_ord.push(ord);
                columns.event_step.push(step);
                columns.event_id.push(event.event_id);
                columns.kind.push(event.kind);
                columns.body.push(&event.body);
                columns.at.push(Instant(event.at));
                columns.cause.push(event.cause);
                columns.correlation.push(event.correlation);
            }
            for answer in &append.answers {
                columns.answer_ord.push(ord);
                columns.scope.push(&answer.scope);
                columns.request_sha256.push(&answer.request_sha256);
                columns.status.push(i16::try_from(answer.status).unwrap_or(500));
                columns.headers.push(serde_json::json!(answer.headers).to_string());
                columns.answer_body.push(&answer.body);
            }
            for contact in &append.contacts {
                columns.contact_ord.push(ord);
                columns.contact_id.push(contact.contact_id.0);
                columns.contact_body.push(&contact.body);
            }
        }
        columns
    }
}

/// Versions fit an `i64` for longer than the sun will shine.
pub(super) fn number(version: u64) -> i64 {
    i64::try_from(version).unwrap_or(i64::MAX)
}
