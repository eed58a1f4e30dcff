//! The ports' contracts against the real thing: PostgreSQL for the journal and the cursors, the machine for the
//! private PostgreSQL.

mod cursors;
mod journal;
mod order_of_commits;
mod outages;
mod private;
mod support;
