//! Everything that knows PostgreSQL: how to reach it, the schema, and the ports kept in it.
//! What the ports mean stands in `foodcourt_actors::ports`; nothing here knows HTTP.

pub mod account_book;
pub mod accounts;
pub mod answers;
pub mod business_clock;
pub mod connect;
pub mod contacts;
pub mod courts;
pub mod cursors;
pub mod dead_letters;
mod gather;
pub mod instant;
pub mod journal;
pub mod live_tickets;
pub mod migrate;
pub mod pool;
pub mod positions;
pub mod private;
pub mod proofs;
pub mod quotes;
pub mod records;
pub mod sandbox;
#[doc(hidden)]
pub mod testing;
pub mod views;

pub use connect::DatabaseError;
pub use pool::{Database, DatabaseSettings};
