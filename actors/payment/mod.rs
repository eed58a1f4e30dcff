//! The payment service.

pub mod event;
