//! The API as clients meet it: a real server in this process, on a real PostgreSQL.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so")]
#![expect(missing_docs, reason = "tests are named by what they claim")]

mod authorization;
mod bad_input;
mod document;
mod idempotency;
mod ride;
mod sessions;
mod world;
