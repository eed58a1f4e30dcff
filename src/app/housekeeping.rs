//! Sweeps out what has expired: stored answers, quotes, sessions, silent riders' positions, proofs of hand-overs,
//! days of dispatch's records (and makes the next ones).
//! Nothing depends on it but the size of the database.

use std::{sync::Arc, time::Duration};

use foodcourt_actors::time::Clock;
use tokio::sync::watch;
use tracing::{debug, warn};

use crate::postgres::{
    Database, accounts::PostgresAccounts, answers, positions, proofs::PostgresProofs, quotes::PostgresQuotes,
    records::PostgresRecords,
};

/// How often; each round takes at most a bite, so that no run holds locks for long.
const EVERY: Duration = Duration::from_secs(60);

/// What is swept.
pub struct Housekeeping {
    /// Stored answers.
    pub database: Database,
    /// Quotes.
    pub quotes: Arc<PostgresQuotes>,
    /// Sessions and tickets.
    pub accounts: Arc<PostgresAccounts>,
    /// PINs and photos of hand-overs.
    pub proofs: Arc<PostgresProofs>,
    /// Days of dispatch's records, made ahead and dropped.
    pub records: PostgresRecords,
    /// Days that they are kept.
    pub records_kept_days: u16,
    /// Quotes expire by business time.
    pub clock: Arc<dyn Clock>,
}

impl Housekeeping {
    /// Sweeps until `stop` turns true.
    pub async fn run(self, mut stop: watch::Receiver<bool>) {
        let mut tick = tokio::time::interval(EVERY);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        while !*stop.borrow() {
            tokio::select! { biased; _ = stop.changed() => return, _ = tick.tick() => {} }
            let swept = [
                ("answers", answers::forget_expired(&self.database).await),
                ("quotes", self.quotes.forget_expired(self.clock.now()).await),
                ("sessions", self.accounts.forget_expired().await),
                ("positions", positions::forget_silent(&self.database).await),
                ("proofs", self.proofs.forget_expired().await),
                ("days of dispatch", self.records.tend(self.records_kept_days).await),
            ];
            for (what, swept) in swept {
                match swept {
                    Ok(0) => {}
                    Ok(count) => debug!("{count} expired {what} forgotten"),
                    Err(error) => warn!(%error, "expired {what} cannot be forgotten now"),
                }
            }
        }
    }
}
