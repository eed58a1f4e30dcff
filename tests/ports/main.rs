//! The ports' contracts against the real thing: PostgreSQL for the journal and the cursors, the machine for the
//! private PostgreSQL.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so")]

mod cursors;
mod journal;
mod order_of_commits;
mod outages;
mod private;
mod records;
mod support;
