//! What those who run the server look at: readiness, invariants, facts put aside, metrics.

use std::sync::Arc;

use foodcourt_actors::{
    invariants::{Checker, INVARIANTS, Report},
    ports::{Journal, ReadError},
    time::{Clock, Timestamp},
};
use futures_util::{FutureExt, future::BoxFuture};

use super::{admission::Admission, metrics::Metrics};
use crate::{
    clock::BusinessClock,
    live::hub::Hub,
    ports::{Away, DeadLetterView, InvariantReport, Operations, Promise},
    postgres::{Database, dead_letters::dead_letters},
};

/// Facts read from the feed in one go.
const PAGE: u32 = 2_000;
/// Dead letters shown at once.
const DEAD_LETTERS_MAX: u32 = 100;

/// Runs the invariants over every fact of `journal`, as of `now` (business time).
///
/// # Errors
/// When the journal cannot be read.
pub async fn check(journal: &dyn Journal, now: Timestamp) -> Result<Report, ReadError> {
    let (mut checker, mut after) = (Checker::new(), 0);
    loop {
        let facts = journal.feed(after, PAGE).await?;
        let Some(last) = facts.last() else { return Ok(checker.finish(now, false)) };
        after = last.position;
        facts.iter().for_each(|fact| checker.take(fact));
    }
}

/// The operator's view of this node.
pub struct NodeOperations {
    /// History.
    pub journal: Arc<dyn Journal>,
    /// For readiness and dead letters.
    pub database: Database,
    /// Business time.
    pub clock: Arc<BusinessClock>,
    /// Counts.
    pub metrics: Arc<Metrics>,
    /// Sockets.
    pub hub: Hub,
    /// The door for new orders.
    pub admission: Arc<Admission>,
}

impl Operations for NodeOperations {
    fn invariants(&self) -> Promise<Vec<InvariantReport>> {
        let (journal, now, metrics) = (Arc::clone(&self.journal), self.clock.now(), Arc::clone(&self.metrics));
        async move {
            let report = check(journal.as_ref(), now).await.map_err(|error| Away(error.into()))?;
            metrics.invariants_broken.set(i64::try_from(report.broken.len()).unwrap_or(i64::MAX));
            let of = |id: &str| {
                let breaches = report.broken.iter().filter(|broken| broken.invariant == id);
                breaches.map(|broken| format!("{} {}", broken.stream, broken.sentence)).collect::<Vec<_>>()
            };
            let reports = INVARIANTS.iter().map(|(id, says)| {
                let breaches = of(id);
                InvariantReport { id: (*id).to_owned(), says: (*says).to_owned(), holds: breaches.is_empty(), breaches }
            });
            Ok(reports.collect())
        }
        .boxed()
    }

    fn dead_letters(&self) -> Promise<Vec<DeadLetterView>> {
        let database = self.database.clone();
        async move {
            let letters = dead_letters(&database, 0, DEAD_LETTERS_MAX).await.map_err(|error| Away(error.into()))?;
            let view = |letter: crate::postgres::dead_letters::DeadLetter| DeadLetterView {
                dead_letter_id: letter.dead_letter_id,
                service: letter.service,
                stream: letter.stream,
                version: letter.version,
                kind: letter.kind,
                reason: letter.reason,
            };
            Ok(letters.into_iter().map(view).collect())
        }
        .boxed()
    }

    fn ready(&self) -> BoxFuture<'static, Result<(), String>> {
        let (database, admission) = (self.database.clone(), Arc::clone(&self.admission));
        async move {
            admission.open()?;
            match database.query("select 1", &[]).await {
                Ok(_) => Ok(()),
                Err(_) => Err("the database cannot be reached".to_owned()),
            }
        }
        .boxed()
    }

    fn takes_orders(&self) -> Result<(), &'static str> {
        self.admission.open()
    }

    fn metrics(&self) -> String {
        self.metrics.orders_refused.set(i64::from(self.admission.open().is_err()));
        self.metrics.live_sockets.set(i64::try_from(self.hub.open()).unwrap_or(i64::MAX));
        self.metrics.business_speed.set(self.clock.speed());
        self.metrics.text()
    }
}
