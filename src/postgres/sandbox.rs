//! The sandbox payment provider's books in PostgreSQL, so that its money survives our crashes as a real provider's would.

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

use super::pool::Database;

/// The books.
pub struct PgSandbox(Database);

impl PgSandbox {
    /// Books in `database`.
    #[must_use]
    pub fn new(database: Database) -> Self {
        Self(database)
    }
}

impl SandboxStore for PgSandbox {
    fn count_try(&self, key: String) -> BoxFuture<'static, Result<u32, BoxError>> {
        const SQL: &str = "
insert into sandbox_try (provider_key, tries) values ($1, 1)
    on conflict (provider_key) do update set tries = sandbox_try.tries + 1
returning tries";
        let database = self.0.clone();
        Box::pin(async move {
            let rows = database.query(SQL, &[&key]).await?;
            let tries: i32 = rows.first().ok_or("no row came back")?.try_get(0)?;
            Ok(tries.unsigned_abs())
        })
    }

    fn lines_of(&self, provider_ref: String) -> BoxFuture<'static, Result<Vec<LedgerLine>, BoxError>> {
        const SQL: &str = "
select provider_key, kind, provider_ref, payment_method, amount, currency, refused
  from sandbox_ledger
 where provider_ref = $1
 order by entry"; // sandbox_ledger_provider_ref_idx
        let database = self.0.clone();
        Box::pin(async move { database.query(SQL, &[&provider_ref]).await?.iter().map(line).collect() })
    }

    fn append(&self, line: LedgerLine) -> BoxFuture<'static, Result<LedgerLine, BoxError>> {
        // The update changes nothing: it makes the row that stands come back, whoever wrote it.
        const SQL: &str = "
insert into sandbox_ledger (provider_key, kind, provider_ref, payment_method, amount, currency, refused)
values ($1, $2, $3, $4, $5, $6, $7)
    on conflict (provider_key) do update set provider_key = excluded.provider_key
returning provider_key, kind, provider_ref, payment_method, amount, currency, refused";
        let database = self.0.clone();
        Box::pin(async move {
            let (kind, currency) = (line.kind.as_str(), line.amount.currency.as_str());
            let amount = line.amount.amount;
            let written = database
                .query(
                    SQL,
                    &[&line.key, &kind, &line.provider_ref, &line.payment_method, &amount, &currency, &line.refused],
                )
                .await?;
            self::line(written.first().ok_or("no row came back")?)
        })
    }
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
