//! Answers to requests, written by the journal together with the facts they speak of, read back for replays.

use foodcourt_actors::ports::StoredAnswer;
use serde_json::Value;

use super::{connect::DatabaseError, pool::Database};

/// The answer kept for `scope`, unless it has expired.
///
/// # Errors
/// [`DatabaseError`].
pub async fn stored_answer(database: &Database, scope: &str) -> Result<Option<StoredAnswer>, DatabaseError> {
    const SQL: &str = "
select request_sha256, status, headers, body
  from idempotency
 where scope = $1
   and expires_at > now()"; // idempotency_pkey
    let Some(row) = database.query_opt(SQL, &[&scope]).await? else { return Ok(None) };
    let request_sha256: &[u8] = row.try_get(0)?;
    let status: i16 = row.try_get(1)?;
    let headers: Value = row.try_get(2)?;
    Ok(Some(StoredAnswer {
        scope: scope.to_owned(),
        request_sha256: request_sha256.try_into().expect("the table checks that it is 32 bytes"),
        status: status.unsigned_abs(),
        headers: serde_json::from_value(headers).expect("written by us as a list of pairs"),
        body: row.try_get(3)?,
    }))
}

/// Removes expired answers; answers how many. To be called now and then.
///
/// # Errors
/// [`DatabaseError`].
pub async fn forget_expired(database: &Database) -> Result<u64, DatabaseError> {
    // In pieces, so that no run holds locks for long: idempotency_expires_at_idx.
    const SQL: &str = "
delete from idempotency
 where scope in (select scope from idempotency where expires_at <= now() order by expires_at limit 10000)";
    database.execute(SQL, &[]).await
}
