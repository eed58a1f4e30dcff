//! The dispatch service: finds a rider for every delivery and follows it to the door.

mod decide;
pub mod effect;
pub mod event;
pub mod index;
pub mod matcher;
pub mod policy;
pub mod projection;
pub mod rules;
mod state;
pub mod zone;

pub use decide::{Delivery, DeliveryCommand, DeliveryRejection, RiderStep};
pub use policy::DispatchPolicy;
pub use state::{Bearer, DeliveryState, DeliveryStatus, Phase};

#[cfg(test)]
mod tests;
