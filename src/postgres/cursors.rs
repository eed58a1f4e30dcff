//! Where the reactors stand, under leases on the database's clock with a fencing token.

use foodcourt_actors::{
    event::Recorded,
    ports::{Cursors, OwnedPartition, ReadError},
};
use futures_util::future::BoxFuture;
use tokio_postgres::Row;
use tracing::warn;
use uuid::Uuid;

use super::{connect::DatabaseError, dead_letters::put_aside, pool::Database};

/// Cursors kept in PostgreSQL.
pub struct PgCursors {
    database: Database,
    /// This run of this node. A restarted node is a new owner: what the old one still does is fenced off.
    owner: Uuid,
}

impl PgCursors {
    /// Cursors held in the name of `owner`, which must be fresh for every start of a process.
    #[must_use]
    pub fn new(database: Database, owner: Uuid) -> Self {
        Self { database, owner }
    }
}

/// Frees every lease at once. Only for a database that nobody else can be on: what a killed server held need not be
/// waited for then.
///
/// # Errors
/// [`DatabaseError`].
pub async fn free_all(database: &Database) -> Result<u64, DatabaseError> {
    database
        .execute("update reactor_cursor set lease_until = clock_timestamp() where lease_until > clock_timestamp()", &[])
        .await
}

/// How far the services are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The newest fact.
    pub end: i64,
    /// How far the slowest service is.
    pub reached: i64,
}

/// How far `services` are, measured by the middle one of each one's partitions: a fact that cannot be acted on now
/// holds its own partition and is no sign that the service has stopped.
///
/// # Errors
/// [`DatabaseError`].
pub async fn standing(database: &Database, services: &[&str]) -> Result<Standing, DatabaseError> {
    const SQL: &str = "
with reached as (
    select percentile_disc(0.5) within group (order by position) as position
      from reactor_cursor
     where service = any($1)
     group by service
), newest as (
    select coalesce(max(position), 0) as position
      from journal
)
select newest.position, coalesce((select min(position) from reached), newest.position)
  from newest"; // reactor_cursor_pkey, journal_pkey backwards
    let row = database.query_opt(SQL, &[&services]).await?;
    row.map_or(Ok(Standing { end: 0, reached: 0 }), |row| {
        Ok(Standing { end: row.try_get(0)?, reached: row.try_get(1)? })
    })
}

async fn lease(
    database: &Database,
    owner: Uuid,
    service: &str,
    count: u32,
    lease_s: u32,
) -> Result<Vec<OwnedPartition>, DatabaseError> {
    // Rows are locked in the order of partitions, here and in `advance`, so that two nodes never wait in a ring.
    const SQL: &str = "
insert into reactor_cursor as c (service, partition, owner, token, lease_until)
select $1, partition, $3, 1, clock_timestamp() + make_interval(secs => $4)
  from generate_series(0, $2::integer - 1) as partition
 order by partition
on conflict (service, partition) do update
   set owner = excluded.owner,
       token = c.token + case when c.owner = excluded.owner then 0 else 1 end,
       lease_until = excluded.lease_until
 where c.owner = excluded.owner
    or c.lease_until <= clock_timestamp()
returning partition, position, token"; // reactor_cursor_pkey
    let count = i32::try_from(count).unwrap_or(i32::MAX);
    let rows = database.query(SQL, &[&service, &count, &owner, &f64::from(lease_s)]).await?;
    rows.iter().map(owned).collect()
}

fn owned(row: &Row) -> Result<OwnedPartition, DatabaseError> {
    let partition: i32 = row.try_get(0)?;
    Ok(OwnedPartition { partition: partition.unsigned_abs(), position: row.try_get(1)?, token: row.try_get(2)? })
}

async fn advance(
    database: &Database,
    owner: Uuid,
    service: &str,
    to: &[(OwnedPartition, i64)],
) -> Result<Vec<u32>, DatabaseError> {
    const SQL: &str = "
with ours as (
    select c.partition, t.position
      from reactor_cursor c
      join unnest($3::integer[], $4::bigint[], $5::bigint[]) as t(partition, token, position)
        on t.partition = c.partition
       and t.token = c.token
     where c.service = $1
       and c.owner = $2
     order by c.partition
       for update of c
)
update reactor_cursor c
   set position = greatest(c.position, ours.position)
  from ours
 where c.service = $1
   and c.partition = ours.partition
returning c.partition"; // reactor_cursor_pkey
    let partitions: Vec<i32> = to.iter().map(|(owned, _)| i32::try_from(owned.partition).unwrap_or(-1)).collect();
    let tokens: Vec<i64> = to.iter().map(|(owned, _)| owned.token).collect();
    let positions: Vec<i64> = to.iter().map(|(_, position)| *position).collect();
    let rows = database.query(SQL, &[&service, &owner, &partitions, &tokens, &positions]).await?;
    rows.iter().map(|row| Ok(row.try_get::<_, i32>(0)?.unsigned_abs())).collect()
}

async fn release(database: &Database, owner: Uuid) -> Result<(), DatabaseError> {
    const SQL: &str = "
with ours as (
    select service, partition
      from reactor_cursor
     where owner = $1
     order by service, partition
       for update
)
update reactor_cursor c
   set owner = null,
       lease_until = '-infinity'
  from ours
 where c.service = ours.service
   and c.partition = ours.partition"; // reactor_cursor_owner_idx
    database.execute(SQL, &[&owner]).await?;
    Ok(())
}

impl Cursors for PgCursors {
    fn lease(
        &self,
        service: &'static str,
        count: u32,
        lease_s: u32,
    ) -> BoxFuture<'static, Result<Vec<OwnedPartition>, ReadError>> {
        let (database, owner) = (self.database.clone(), self.owner);
        Box::pin(async move {
            let mut owned =
                lease(&database, owner, service, count, lease_s).await.map_err(|error| ReadError(Box::new(error)))?;
            owned.sort_unstable_by_key(|owned| owned.partition);
            Ok(owned)
        })
    }

    fn advance(
        &self,
        service: &'static str,
        to: Vec<(OwnedPartition, i64)>,
    ) -> BoxFuture<'static, Result<Vec<u32>, ReadError>> {
        let (database, owner) = (self.database.clone(), self.owner);
        Box::pin(
            async move { advance(&database, owner, service, &to).await.map_err(|error| ReadError(Box::new(error))) },
        )
    }

    fn release(&self) -> BoxFuture<'static, ()> {
        let (database, owner) = (self.database.clone(), self.owner);
        Box::pin(async move {
            if let Err(error) = release(&database, owner).await {
                warn!(
                    error = &error as &dyn std::error::Error,
                    "leases were not given back; they run out by themselves"
                );
            }
        })
    }

    fn bury(&self, service: &'static str, fact: Recorded, reason: String) -> BoxFuture<'static, Result<(), ReadError>> {
        let database = self.database.clone();
        Box::pin(async move {
            put_aside(&database, service, &fact, &reason).await.map_err(|error| ReadError(Box::new(error)))
        })
    }
}
