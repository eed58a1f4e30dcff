//! Live updates: `/v1/live` over WebSocket on sockets taken over from HTTP, and server-sent events, in reading order.
//! One guarantee for both: from a snapshot or a `seq` on, every fact of a topic once and in order. No rule of the
//! business lives here; what is needed from the rest of the server stands in [`source`].

pub mod limits;
pub mod source;
pub mod topic;

pub mod frame;
pub mod message;

pub mod hub;
pub mod recent;
pub mod subscription;
pub mod worker;

pub mod inbound;
mod pump;
mod requests;
mod rounds;
pub mod session;
pub mod wire;

pub mod server;
pub mod sse;
pub mod upgrade;

pub use hub::{Hub, LiveStats};
pub use limits::LiveLimits;
pub use server::{ServeLimits, Server, ServerHandle, serve};
pub use source::{Access, Fix, LiveSource, Principal, Problem, ServerTime, Taken, View};
pub use sse::order_events;
pub use topic::Topic;
