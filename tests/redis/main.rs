//! The Redis side against a real redis-server that is killed, emptied, frozen and overrun: nobody waits for it, and
//! nothing that comes back from it is older than what was known.

#![expect(clippy::unwrap_used, reason = "a failed step of a test is a failed test")]

mod cache;
mod node;
mod positions;
mod process;
mod server;
