//! Stored quotes, and the answers of requests that no entity answers.

use foodcourt_actors::{ids::QuoteId, order::Quote, ports::StoredAnswer};
use futures_util::FutureExt as _;
use tokio_postgres::types::Json;

use super::{answers::stored_answer, connect::DatabaseError, contacts::contact, instant::Instant, pool::Database};
use crate::ports::{Answers, Away, Contacts, Promise, Quotes};

/// Quotes, stored answers and contacts in PostgreSQL.
#[derive(Clone)]
pub struct PostgresQuotes {
    database: Database,
    answers_kept_s: f64,
}

impl PostgresQuotes {
    /// Quotes of `database`; answers are kept for `answers_kept_h` hours, as the journal keeps its own.
    #[must_use]
    pub fn new(database: Database, answers_kept_h: u32) -> Self {
        Self { database, answers_kept_s: f64::from(answers_kept_h) * 3_600.0 }
    }

    /// Keeps `answer`, and `quote` with it, unless the scope has an answer already; answers the one that stands.
    async fn keep(&self, quote: Option<Quote>, answer: StoredAnswer) -> Result<StoredAnswer, DatabaseError> {
        const SQL: &str = "
with kept as (
    insert into idempotency as i (scope, request_sha256, status, headers, body, expires_at)
    values ($1, $2, $3, $4, $5, now() + make_interval(secs => $6))
    on conflict (scope) do update
       set request_sha256 = excluded.request_sha256,
           status = excluded.status,
           headers = excluded.headers,
           body = excluded.body,
           expires_at = excluded.expires_at
     where i.expires_at <= now()
    returning scope
), quoted as (
    insert into quote (quote_id, body, expires_at)
    select $7, $8, $9 from kept where $7::uuid is not null
)
select count(*) from kept"; // idempotency_pkey
        let status = i16::try_from(answer.status).unwrap_or(500);
        let quote_id = quote.as_ref().map(|quote| quote.quote_id.0);
        let expires_at = quote.as_ref().map(|quote| Instant(quote.expires_at));
        let quote = quote.map(Json);
        let sha256 = answer.request_sha256.as_slice();
        let headers = Json(&answer.headers);
        let params: super::pool::Params<'_> = &[
            &answer.scope,
            &sha256,
            &status,
            &headers,
            &answer.body,
            &self.answers_kept_s,
            &quote_id,
            &quote,
            &expires_at,
        ];
        let row = self.database.query_opt(SQL, params).await?;
        let kept: i64 = row.map(|row| row.try_get(0)).transpose()?.unwrap_or(0);
        if kept > 0 {
            return Ok(answer);
        }
        Ok(stored_answer(&self.database, &answer.scope).await?.unwrap_or(answer))
    }

    async fn keep_quote(&self, quote: Quote) -> Result<(), DatabaseError> {
        const SQL: &str = "insert into quote (quote_id, body, expires_at) values ($1, $2, $3)";
        let expires_at = Instant(quote.expires_at);
        self.database.execute(SQL, &[&quote.quote_id.0, &Json(&quote), &expires_at]).await?;
        Ok(())
    }

    async fn quote(&self, quote_id: QuoteId) -> Result<Option<Quote>, DatabaseError> {
        let row = self.database.query_opt("select body from quote where quote_id = $1", &[&quote_id.0]).await?; // quote_pkey
        row.map(|row| Ok(row.try_get::<_, Json<Quote>>(0)?.0)).transpose()
    }

    /// Removes quotes that ended more than a day before `now` (business time); answers how many.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn forget_expired(&self, now: foodcourt_actors::time::Timestamp) -> Result<u64, DatabaseError> {
        const SQL: &str = "
delete from quote
 where quote_id in (select quote_id from quote where expires_at < $1 order by expires_at limit 10000)"; // quote_expires_at_idx
        self.database.execute(SQL, &[&Instant(now.plus_s(-86_400))]).await
    }
}

impl Quotes for PostgresQuotes {
    fn keep(&self, quote: Quote, answer: StoredAnswer) -> Promise<StoredAnswer> {
        let this = self.clone();
        async move { Self::keep(&this, Some(quote), answer).await.map_err(away) }.boxed()
    }
    fn keep_alone(&self, quote: Quote) -> Promise<()> {
        let this = self.clone();
        async move { this.keep_quote(quote).await.map_err(away) }.boxed()
    }
    fn find(&self, quote_id: QuoteId) -> Promise<Option<Quote>> {
        let this = self.clone();
        async move { this.quote(quote_id).await.map_err(away) }.boxed()
    }
}

impl Answers for PostgresQuotes {
    fn find(&self, scope: String) -> Promise<Option<StoredAnswer>> {
        let this = self.clone();
        async move {
            let found = stored_answer(&this.database, &scope).await.map_err(away)?;
            // The first time it may have been held back because no standby had it; this node need not know of that.
            if found.is_some() && !this.database.vouches().await.map_err(away)? {
                return Err(Away("no standby confirms what this database commits".into()));
            }
            Ok(found)
        }
        .boxed()
    }
    fn keep(&self, answer: StoredAnswer) -> Promise<StoredAnswer> {
        let this = self.clone();
        async move { Self::keep(&this, None, answer).await.map_err(away) }.boxed()
    }
}

impl Contacts for PostgresQuotes {
    fn find(&self, contact_id: foodcourt_actors::ids::ContactId) -> Promise<Option<String>> {
        let this = self.clone();
        async move { Ok(contact(&this.database, contact_id).await.map_err(away)?.map(|found| found.body)) }.boxed()
    }
}

fn away(error: DatabaseError) -> Away {
    Away(error.into())
}
