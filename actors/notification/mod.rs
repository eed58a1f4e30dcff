//! The notification service: one inbox per person, each event told once.

pub mod decide;
pub mod event;
pub mod policy;
pub mod projection;
#[cfg(test)]
mod tests;

pub use decide::{Inbox, InboxCommand, InboxRejection, InboxState, Message};
pub use policy::InboxPolicy;
