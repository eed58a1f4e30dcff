//! Where the business clock is anchored: one row that every node follows.

use foodcourt_actors::time::Timestamp;

use super::{connect::DatabaseError, instant::Instant, pool::Database};
use crate::clock::Anchor;

/// The anchor, and what the database's clock says now.
///
/// # Errors
/// [`DatabaseError`].
pub async fn anchor(database: &Database) -> Result<(Anchor, Timestamp), DatabaseError> {
    const SQL: &str = "select anchored_at, business_at, speed, clock_timestamp() from business_clock";
    read(&database.query(SQL, &[]).await?)
}

/// Changes the speed from now on. Business time goes on from where it is.
///
/// # Errors
/// [`DatabaseError`].
pub async fn set_speed(database: &Database, speed: f64) -> Result<(Anchor, Timestamp), DatabaseError> {
    const SQL: &str = "
   update business_clock
      set business_at = business_at + (now() - anchored_at) * speed,
          anchored_at = now(),
          speed       = $1
returning anchored_at, business_at, speed, clock_timestamp()";
    read(&database.query(SQL, &[&speed]).await?)
}

fn read(rows: &[tokio_postgres::Row]) -> Result<(Anchor, Timestamp), DatabaseError> {
    let row = rows.first().expect("the migration inserts the one row and nothing deletes it");
    let (Instant(anchored_at), Instant(business_at), Instant(wall)) =
        (row.try_get(0)?, row.try_get(1)?, row.try_get(3)?);
    Ok((Anchor { anchored_at, business_at, speed: row.try_get(2)? }, wall))
}
