//! The rider service: shifts, offers and bags of riders; and where they are.

mod decide;
pub mod event;
pub mod policy;
mod state;

pub use decide::{CAPACITY_MAX, Rider, RiderCommand, RiderRejection};
pub use state::{Closed, Held, Job, Outcome, RiderState, Shift};

#[cfg(test)]
mod tests;
