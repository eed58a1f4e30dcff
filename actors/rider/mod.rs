//! The rider service.

pub mod event;
