//! `timestamptz` on the wire for the domain's [`Timestamp`], exact to the microsecond.

use std::error::Error;

use bytes::{BufMut, BytesMut};
use foodcourt_actors::time::Timestamp;
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type, accepts, to_sql_checked};

/// Microseconds from 1970-01-01 to 2000-01-01, where PostgreSQL counts from.
const POSTGRES_EPOCH_MICROS: i64 = 946_684_800_000_000;

/// A [`Timestamp`] as a parameter or a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Instant(pub Timestamp);

impl ToSql for Instant {
    fn to_sql(&self, _: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        // The ends of i64 are PostgreSQL's infinities; they must not be hit by arithmetic.
        let micros = self.0.as_micros().checked_sub(POSTGRES_EPOCH_MICROS).filter(|micros| *micros != i64::MIN);
        out.put_i64(micros.ok_or("instant out of range")?);
        Ok(IsNull::No)
    }
    accepts!(TIMESTAMPTZ);
    to_sql_checked!();
}

impl<'a> FromSql<'a> for Instant {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        let micros = i64::from_be_bytes(raw.try_into()?);
        Ok(Self(Timestamp::from_micros(micros.saturating_add(POSTGRES_EPOCH_MICROS))))
    }
    accepts!(TIMESTAMPTZ);
}
