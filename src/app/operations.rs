//! What those who run the server look at: readiness, invariants, facts put aside, metrics.

use std::sync::Arc;

use futures_util::{FutureExt, future::BoxFuture};

use super::{admission::Admission, inspection::Inspection, metrics::Metrics};
use crate::{
    clock::BusinessClock,
    live::hub::Hub,
    ports::{Away, DeadLetterView, InvariantReport, Operations, Promise},
    postgres::{Database, dead_letters::dead_letters, journal::PgJournal},
};

/// Dead letters shown at once.
const DEAD_LETTERS_MAX: u32 = 100;

/// The operator's view of this node.
pub struct NodeOperations {
    /// For readiness.
    pub journal: Arc<PgJournal>,
    /// For invariants.
    pub inspection: Inspection,
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
        let (inspection, metrics) = (self.inspection.clone(), Arc::clone(&self.metrics));
        async move {
            let reports = inspection.reports().await.map_err(|error| Away(error.into()))?;
            let broken = reports.iter().map(|report| report.breaches.len()).sum::<usize>();
            metrics.invariants_broken.set(i64::try_from(broken).unwrap_or(i64::MAX));
            Ok(reports)
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
        let writable = self.journal.is_writable();
        async move {
            admission.open()?;
            if !writable {
                return Err("the database takes no writes from this node".to_owned());
            }
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
