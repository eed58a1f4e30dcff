//! The dispatch service.

pub mod event;
