//! The courts, read once and kept in memory for a while: they change about once a year.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures_util::FutureExt as _;
use tokio::time::Instant;
use tokio_postgres::types::Json;

use super::{connect::DatabaseError, pool::Database};
use crate::ports::{Away, CourtEntry, Courts, Promise};

/// How long the courts are believed: a new one is seen everywhere after that.
const REMEMBERED: Duration = Duration::from_secs(10);

/// The courts, and when they were read.
type Remembered = (Instant, Arc<[CourtEntry]>);

/// Courts in PostgreSQL.
#[derive(Clone)]
pub struct PostgresCourts {
    database: Database,
    remembered: Arc<Mutex<Option<Remembered>>>,
}

impl PostgresCourts {
    /// Courts of `database`.
    #[must_use]
    pub fn new(database: Database) -> Self {
        Self { database, remembered: Arc::default() }
    }

    /// Makes a court, or changes it.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn put(&self, entry: &CourtEntry) -> Result<(), DatabaseError> {
        const SQL: &str = "
insert into court (court_id, body) values ($1, $2)
on conflict (court_id) do update set body = excluded.body"; // court_pkey
        self.database.execute(SQL, &[&entry.court.court_id.0, &Json(entry)]).await?;
        *self.remembered.lock().unwrap_or_else(PoisonError::into_inner) = None;
        Ok(())
    }

    async fn read(&self) -> Result<Arc<[CourtEntry]>, DatabaseError> {
        let rows = self.database.query("select body from court order by body ->> 'name', court_id", &[]).await?;
        rows.iter().map(|row| Ok(row.try_get::<_, Json<CourtEntry>>(0)?.0)).collect()
    }
}

impl Courts for PostgresCourts {
    fn all(&self) -> Promise<Arc<[CourtEntry]>> {
        let this = self.clone();
        async move {
            let known = this.remembered.lock().unwrap_or_else(PoisonError::into_inner).clone();
            if let Some((read_at, courts)) = known
                && read_at.elapsed() < REMEMBERED
            {
                return Ok(courts);
            }
            let courts = this.read().await.map_err(|error| Away(error.into()))?;
            *this.remembered.lock().unwrap_or_else(PoisonError::into_inner) = Some((Instant::now(), courts.clone()));
            Ok(courts)
        }
        .boxed()
    }
}
