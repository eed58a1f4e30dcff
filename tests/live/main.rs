//! The live side through real sockets, over a source in memory: what a client is told, and what a hostile or slow
//! one may cost. `world` holds the server, the source and the clients.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod guards;
mod resume;
mod session;
mod slow;
mod sse;
mod world;
