//! The order service.

pub mod event;
