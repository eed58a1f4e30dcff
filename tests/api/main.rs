//! The API as clients meet it: a real server in this process, on a real PostgreSQL.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so")]

mod arrivals;
mod authorization;
mod bad_input;
mod decisions;
mod document;
mod idempotency;
mod own_court;
mod proof;
mod ride;
mod sessions;
mod world;
