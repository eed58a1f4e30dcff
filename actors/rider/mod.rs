//! The rider service: shifts, offers and bags of riders; and where they are.

mod decide;
pub mod duty;
pub mod event;
pub mod policy;
pub mod presence;
pub mod projection;
mod state;
pub mod tracker;
pub mod trackers;

pub use decide::{CAPACITY_MAX, Rider, RiderCommand, RiderRejection, SHIFT_MAX_H};
pub use policy::RiderPolicy;
pub use state::{Closed, Held, Job, Outcome, RiderState, Shift};

#[cfg(test)]
mod tests;
