//! The live side through real sockets, over a source in memory: what a client is told, and what a hostile or slow
//! one may cost. `world` holds the server, the source and the clients.

mod guards;
mod resume;
mod session;
mod slow;
mod sse;
mod world;
