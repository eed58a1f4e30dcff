//! The usual append of a quiet hour: one fact, at most one answer and one contact, nobody beside it. Writes what the
//! batch would write, without taking arrays apart: a fifth of what the database spends on it.

use foodcourt_actors::ports::Append;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use super::statement::{POSITION_LOCK, number};
use crate::postgres::instant::Instant;

/// Lock, gate and rows as in the batch. A stream is not created in the middle; which version it has is for the gate.
pub(super) const ALONE: &str = "
with turn as materialized (
    select pg_advisory_xact_lock($1::bigint) as held
), head as (
    insert into stream_head as h (stream, version, previous, deadline_at)
    select $2::text, $3::bigint + 1, $3::bigint, $4::timestamptz
      from turn
     where $3::bigint = 0
        or exists (select from stream_head s where s.stream = $2::text)
    on conflict (stream) do update
       set version = excluded.version,
           previous = excluded.previous,
           deadline_at = excluded.deadline_at,
           claimed_until = null
     where h.version = excluded.previous
    returning h.stream, h.version
), fact as (
    insert into journal (stream, version, event_id, kind, body, at, cause, correlation)
    select h.stream, h.version, $5::uuid, $6::text, $7::text::json, $8::timestamptz, $9::uuid, $10::uuid
      from head h
    returning position
), answer as (
    insert into idempotency as i (scope, request_sha256, status, headers, body, expires_at)
    select $11::text, $12::bytea, $13::smallint, $14::text::json, $15::bytea, now() + make_interval(secs => $16)
      from head h
     where $11::text is not null
    on conflict (scope) do update
       set request_sha256 = excluded.request_sha256,
           status = excluded.status,
           headers = excluded.headers,
           body = excluded.body,
           expires_at = excluded.expires_at
     where i.expires_at <= now()
), person as (
    insert into contact as c (contact_id, body)
    select $17::uuid, $18::text::json
      from head h
     where $17::uuid is not null
    on conflict (contact_id) do update
       set body = excluded.body
     where c.erased_at is null
)
select 1::bigint, position, position, 1::bigint from fact";

/// The parameters of [`ALONE`].
pub(super) struct Alone<'a> {
    stream: String,
    expected: i64,
    deadline_at: Option<Instant>,
    event_id: Uuid,
    kind: &'a str,
    body: &'a str,
    at: Instant,
    cause: Option<Uuid>,
    correlation: Uuid,
    scope: Option<&'a str>,
    request_sha256: Option<&'a [u8]>,
    status: Option<i16>,
    headers: Option<String>,
    answer_body: Option<&'a [u8]>,
    contact_id: Option<Uuid>,
    contact_body: Option<&'a str>,
}

impl<'a> Alone<'a> {
    /// The only append of a batch, if it is as small as that.
    pub(super) fn of(appends: &[&'a Append]) -> Option<Self> {
        let [append] = appends else { return None };
        let [event] = append.events.as_slice() else { return None };
        if append.answers.len() > 1 || append.contacts.len() > 1 {
            return None;
        }
        let (answer, contact) = (append.answers.first(), append.contacts.first());
        Some(Self {
            stream: append.stream.to_string(),
            expected: number(append.expected),
            deadline_at: append.deadline_at.map(Instant),
            event_id: event.event_id,
            kind: event.kind,
            body: &event.body,
            at: Instant(event.at),
            cause: event.cause,
            correlation: event.correlation,
            scope: answer.map(|answer| answer.scope.as_str()),
            request_sha256: answer.map(|answer| answer.request_sha256.as_slice()),
            status: answer.map(|answer| i16::try_from(answer.status).unwrap_or(500)),
            headers: answer.map(|answer| serde_json::json!(answer.headers).to_string()),
            answer_body: answer.map(|answer| answer.body.as_slice()),
            contact_id: contact.map(|contact| contact.contact_id.0),
            contact_body: contact.map(|contact| contact.body.as_str()),
        })
    }

    pub(super) fn params<'p>(&'p self, answers_kept_s: &'p f64) -> [&'p (dyn ToSql + Sync); 18] {
        [
            &POSITION_LOCK,
            &self.stream,
            &self.expected,
            &self.deadline_at,
            &self.event_id,
            &self.kind,
            &self.body,
            &self.at,
            &self.cause,
            &self.correlation,
            &self.scope,
            &self.request_sha256,
            &self.status,
            &self.headers,
            &self.answer_body,
            answers_kept_s,
            &self.contact_id,
            &self.contact_body,
        ]
    }
}
