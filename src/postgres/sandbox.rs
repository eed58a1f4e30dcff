//! The sandbox payment provider's books in PostgreSQL, so that its money survives our crashes as a real provider's would.
//! Calls that come at the same time are read together and written together.

use std::{collections::HashMap, time::Duration};

use foodcourt_actors::{
    money::{Currency, Money},
    payment::{
        sandbox::{LedgerLine, SandboxStore},
        state::CallKind,
    },
    ports::BoxError,
};
use futures_util::future::BoxFuture;
use tokio_postgres::Row;

use super::{gather::Gather, pool::Database};

/// Calls that are read or written together at most: what the provider's calls at once leave room for.
const TOGETHER_MAX: usize = 256;

/// The books.
pub struct PgSandbox {
    database: Database,
    readers: Gather<String, Vec<LedgerLine>>,
    writers: Gather<LedgerLine, Option<LedgerLine>>,
}

impl PgSandbox {
    /// Books in `database`. Must be made inside a tokio runtime.
    #[must_use]
    pub fn new(database: Database) -> Self {
        let (to_read, to_write) = (database.clone(), database.clone());
        Self {
            database,
            readers: Gather::start(TOGETHER_MAX, Duration::ZERO, move |refs| read(to_read.clone(), refs)),
            writers: Gather::start(TOGETHER_MAX, Duration::ZERO, move |lines| write(to_write.clone(), lines)),
        }
    }
}

impl SandboxStore for PgSandbox {
    fn count_try(&self, key: String) -> BoxFuture<'static, Result<u32, BoxError>> {
        const SQL: &str = "
insert into sandbox_try (provider_key, tries) values ($1, 1)
    on conflict (provider_key) do update set tries = sandbox_try.tries + 1
returning tries";
        let database = self.database.clone();
        Box::pin(async move {
            let rows = database.query(SQL, &[&key]).await?;
            let tries: i32 = rows.first().ok_or("no row came back")?.try_get(0)?;
            Ok(tries.unsigned_abs())
        })
    }

    fn lines_of(&self, provider_ref: String) -> BoxFuture<'static, Result<Vec<LedgerLine>, BoxError>> {
        let readers = self.readers.clone();
        Box::pin(async move { Ok(readers.ask(provider_ref).await?) })
    }

    fn append(&self, line: LedgerLine) -> BoxFuture<'static, Result<LedgerLine, BoxError>> {
        let writers = self.writers.clone();
        Box::pin(async move { Ok(writers.ask(line).await?.ok_or("no row came back")?) })
    }
}

/// The lines of each of `refs`.
async fn read(database: Database, refs: Vec<String>) -> Result<Vec<Vec<LedgerLine>>, BoxError> {
    const SQL: &str = "
select provider_key, kind, provider_ref, payment_method, amount, currency, refused
  from sandbox_ledger
 where provider_ref = any($1)
 order by entry"; // sandbox_ledger_provider_ref_idx
    let mut by_ref: HashMap<String, Vec<LedgerLine>> = HashMap::new();
    for row in &database.query(SQL, &[&refs]).await? {
        let line = line(row)?;
        by_ref.entry(line.provider_ref.clone()).or_default().push(line);
    }
    // Two may ask for the same.
    Ok(refs.iter().map(|provider_ref| by_ref.get(provider_ref).cloned().unwrap_or_default()).collect())
}

/// Writes lines in their order; answers for each the one that stands under its key.
async fn write(database: Database, lines: Vec<LedgerLine>) -> Result<Vec<Option<LedgerLine>>, BoxError> {
    // The update changes nothing: it makes the row that stands come back, whoever wrote it. In the order of keys, so
    // that two nodes never wait for each other in a ring.
    const SQL: &str = "
insert into sandbox_ledger (provider_key, kind, provider_ref, payment_method, amount, currency, refused)
select *
  from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::text[], $7::text[]) as line(key)
 order by key
    on conflict (provider_key) do update set provider_key = excluded.provider_key
returning provider_key, kind, provider_ref, payment_method, amount, currency, refused";
    let mut first: HashMap<&str, &LedgerLine> = HashMap::new();
    for line in &lines {
        first.entry(&line.key).or_insert(line);
    }
    let first: Vec<&LedgerLine> = first.into_values().collect();
    let keys: Vec<&str> = first.iter().map(|line| line.key.as_str()).collect();
    let kinds: Vec<&str> = first.iter().map(|line| line.kind.as_str()).collect();
    let refs: Vec<&str> = first.iter().map(|line| line.provider_ref.as_str()).collect();
    let methods: Vec<&str> = first.iter().map(|line| line.payment_method.as_str()).collect();
    let amounts: Vec<i64> = first.iter().map(|line| line.amount.amount).collect();
    let currencies: Vec<&str> = first.iter().map(|line| line.amount.currency.as_str()).collect();
    let refusals: Vec<Option<&str>> = first.iter().map(|line| line.refused.as_deref()).collect();
    let rows = database.query(SQL, &[&keys, &kinds, &refs, &methods, &amounts, &currencies, &refusals]).await?;
    let standing = rows.iter().map(|row| line(row).map(|line| (line.key.clone(), line)));
    let standing = standing.collect::<Result<HashMap<String, LedgerLine>, _>>()?;
    Ok(lines.iter().map(|line| standing.get(&line.key).cloned()).collect())
}

fn line(row: &Row) -> Result<LedgerLine, BoxError> {
    let kind: &str = row.try_get(1)?;
    let currency: &str = row.try_get(5)?;
    Ok(LedgerLine {
        key: row.try_get(0)?,
        kind: match kind {
            "authorize" => CallKind::Authorize,
            "capture" => CallKind::Capture,
            "void" => CallKind::Void,
            _ => CallKind::Refund, // sandbox_ledger_kind_check
        },
        provider_ref: row.try_get(2)?,
        payment_method: row.try_get(3)?,
        amount: Money::new(row.try_get(4)?, Currency::try_from(currency.to_owned())?),
        refused: row.try_get(6)?,
    })
}
