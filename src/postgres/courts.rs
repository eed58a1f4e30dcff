//! The courts, read once and kept in memory for a while: they change about once a year.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use foodcourt_actors::{
    event::Version,
    ids::{CourtId, KitchenId},
    order::Court,
};
use futures_util::FutureExt as _;
use tokio::time::Instant;
use tokio_postgres::{Row, types::Json};

use super::{connect::DatabaseError, pool::Database};
use crate::ports::{Away, Changed, CourtEntry, Courts, Promise};

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
        self.forget();
        Ok(())
    }

    /// Makes a court, unless it is there: what its people made of it since is theirs to keep.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn open(&self, entry: &CourtEntry) -> Result<(), DatabaseError> {
        const SQL: &str = "insert into court (court_id, body) values ($1, $2) on conflict (court_id) do nothing";
        self.database.execute(SQL, &[&entry.court.court_id.0, &Json(entry)]).await?;
        self.forget();
        Ok(())
    }

    async fn find(&self, court_id: CourtId) -> Result<Option<(CourtEntry, Version)>, DatabaseError> {
        const SQL: &str = "select body, version from court where court_id = $1"; // court_pkey
        let row = self.database.query_opt(SQL, &[&court_id.0]).await?;
        row.as_ref().map(entry).transpose()
    }

    async fn change(
        &self,
        court: Court,
        expected: Option<Version>,
    ) -> Result<Changed<(CourtEntry, Version)>, DatabaseError> {
        // The list of kitchens is not part of the settings: one that is added meanwhile stays.
        const SQL: &str = "
update court
   set body = body || $2,
       version = version + 1
 where court_id = $1
   and version = coalesce($3, version)
returning body, version"; // court_pkey
        let expected = expected.map(|version| i64::try_from(version).unwrap_or(i64::MAX));
        let row = self.database.query_opt(SQL, &[&court.court_id.0, &Json(&court), &expected]).await?;
        self.forget();
        if let Some(row) = row {
            return Ok(Changed::Done(entry(&row)?));
        }
        let found = self.find(court.court_id).await?;
        Ok(found.map_or(Changed::Absent, |(_, actual)| Changed::Stale { actual }))
    }

    async fn add_kitchen(&self, court_id: CourtId, kitchen_id: KitchenId) -> Result<(), DatabaseError> {
        const SQL: &str = "
update court
   set body = jsonb_set(body, '{kitchens}', (body -> 'kitchens') || to_jsonb($2::text))
 where court_id = $1
   and not (body -> 'kitchens') ? $2"; // court_pkey
        self.database.execute(SQL, &[&court_id.0, &kitchen_id.to_string()]).await?;
        self.forget();
        Ok(())
    }

    fn forget(&self) {
        *self.remembered.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    async fn read(&self) -> Result<Arc<[CourtEntry]>, DatabaseError> {
        let rows = self.database.query("select body from court order by body ->> 'name', court_id", &[]).await?;
        rows.iter().map(|row| Ok(row.try_get::<_, Json<CourtEntry>>(0)?.0)).collect()
    }
}

fn entry(row: &Row) -> Result<(CourtEntry, Version), DatabaseError> {
    let version: i64 = row.try_get(1)?;
    Ok((row.try_get::<_, Json<CourtEntry>>(0)?.0, version.unsigned_abs()))
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

    fn find(&self, court_id: CourtId) -> Promise<Option<(CourtEntry, Version)>> {
        let this = self.clone();
        async move { Self::find(&this, court_id).await.map_err(|error| Away(error.into())) }.boxed()
    }
    fn open(&self, court: Court) -> Promise<()> {
        let this = self.clone();
        let entry = CourtEntry { court, kitchens: vec![] };
        async move { Self::open(&this, &entry).await.map_err(|error| Away(error.into())) }.boxed()
    }
    fn change(&self, court: Court, expected: Option<Version>) -> Promise<Changed<(CourtEntry, Version)>> {
        let this = self.clone();
        async move { Self::change(&this, court, expected).await.map_err(|error| Away(error.into())) }.boxed()
    }
    fn add_kitchen(&self, court_id: CourtId, kitchen_id: KitchenId) -> Promise<()> {
        let this = self.clone();
        async move { Self::add_kitchen(&this, court_id, kitchen_id).await.map_err(|error| Away(error.into())) }.boxed()
    }
}
