//! The notification service.

pub mod event;
