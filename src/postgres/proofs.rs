//! PINs and photos of hand-overs. In the database rather than in a folder: any node serves them, one backup has them,
//! and a picture of at most some megabytes, read once or twice in its life, is no burden to it.

use foodcourt_actors::{
    ids::{DeliveryId, PhotoId},
    proof::Pin,
};
use futures_util::FutureExt as _;

use super::{connect::DatabaseError, pool::Database};
use crate::ports::{Away, Photo, PhotoType, Promise, Proofs};

/// Rows swept in one go.
const SWEPT_MAX: i64 = 500;

/// Proofs in PostgreSQL.
#[derive(Clone)]
pub struct PostgresProofs {
    database: Database,
    kept_days: i32,
}

impl PostgresProofs {
    /// Proofs of `database`, kept for `kept_days` days.
    #[must_use]
    pub fn new(database: Database, kept_days: u16) -> Self {
        Self { database, kept_days: i32::from(kept_days) }
    }

    async fn keep_pin(&self, delivery_id: DeliveryId, fresh: Pin) -> Result<Option<Pin>, DatabaseError> {
        // Two who ask at once get the same one: the update touches nothing and returns what stands.
        const SQL: &str = "
insert into delivery_pin as known (delivery_id, pin)
values ($1, $2)
on conflict (delivery_id) do update
   set pin = known.pin
returning pin::text"; // delivery_pin_pkey
        let row = self.database.query_opt(SQL, &[&delivery_id.0, &fresh.reveal()]).await?;
        row.map(|row| Ok(Pin::typed(row.try_get(0)?))).transpose().map(Option::flatten)
    }

    async fn insert_photo(
        &self,
        delivery_id: DeliveryId,
        photo_id: PhotoId,
        photo: Photo,
    ) -> Result<(), DatabaseError> {
        const SQL: &str = "
insert into delivery_photo (photo_id, delivery_id, media_type, bytes)
values ($1, $2, $3, $4)
on conflict (photo_id) do nothing"; // delivery_photo_pkey
        let params: super::pool::Params<'_> = &[&photo_id.0, &delivery_id.0, &photo.media_type.as_str(), &photo.bytes];
        self.database.execute(SQL, params).await?;
        Ok(())
    }

    async fn find_photo(&self, photo_id: PhotoId) -> Result<Option<Photo>, DatabaseError> {
        const SQL: &str = "select bytes from delivery_photo where photo_id = $1"; // delivery_photo_pkey
        let Some(row) = self.database.query_opt(SQL, &[&photo_id.0]).await? else { return Ok(None) };
        let bytes: Vec<u8> = row.try_get(0)?;
        Ok(PhotoType::of(&bytes).map(|media_type| Photo { media_type, bytes }))
    }

    /// Forgets a bite of what is older than it may be; answers how many.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub async fn forget_expired(&self) -> Result<u64, DatabaseError> {
        const PINS: &str = "
delete from delivery_pin
 where delivery_id in (select delivery_id from delivery_pin
                        where made_at < now() - make_interval(days => $1)
                        order by made_at
                        limit $2)"; // delivery_pin_made_at_idx
        const PHOTOS: &str = "
delete from delivery_photo
 where photo_id in (select photo_id from delivery_photo
                     where taken_at < now() - make_interval(days => $1)
                     order by taken_at
                     limit $2)"; // delivery_photo_taken_at_idx
        let pins = self.database.execute(PINS, &[&self.kept_days, &SWEPT_MAX]).await?;
        Ok(pins + self.database.execute(PHOTOS, &[&self.kept_days, &SWEPT_MAX]).await?)
    }
}

impl Proofs for PostgresProofs {
    fn pin(&self, delivery_id: DeliveryId, fresh: Pin) -> Promise<Pin> {
        let this = self.clone();
        async move {
            let kept = this.keep_pin(delivery_id, fresh).await.map_err(|error| Away(error.into()))?;
            kept.ok_or_else(|| Away("a stored PIN is none".into()))
        }
        .boxed()
    }
    fn keep_photo(&self, delivery_id: DeliveryId, photo_id: PhotoId, photo: Photo) -> Promise<()> {
        let this = self.clone();
        async move { this.insert_photo(delivery_id, photo_id, photo).await.map_err(|error| Away(error.into())) }.boxed()
    }
    fn photo(&self, photo_id: PhotoId) -> Promise<Option<Photo>> {
        let this = self.clone();
        async move { this.find_photo(photo_id).await.map_err(|error| Away(error.into())) }.boxed()
    }
}
