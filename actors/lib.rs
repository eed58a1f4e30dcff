//! The domain of foodcourt, in reading order: values, the kernel's words, the kernel, the services.
//! Nothing here does IO; what the outside must offer stands in [`ports`].

pub mod bundle;
pub mod gini;
pub mod ids;
pub mod limits;
pub mod money;
pub mod place;
pub mod proof;
pub mod stream;
pub mod time;

pub mod decider;
pub mod event;
pub mod ports;

pub mod travel;

pub mod ask;
pub mod directory;
mod entity;
pub mod reactor;

pub mod order;

pub mod payment;

pub mod kitchen;

pub mod dispatch;

pub mod rider;

pub mod notification;

pub mod invariants;
pub mod memory;

#[cfg(test)]
pub mod testing;
pub mod user;

pub mod demo;
