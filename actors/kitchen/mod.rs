//! The kitchen service.

pub mod event;
pub mod menu;
