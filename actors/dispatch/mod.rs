//! The dispatch service: finds a rider for every delivery and follows it to the door.

mod asking;
mod better;
mod decide;
mod desk;
pub mod effect;
pub mod eta;
pub mod event;
mod fleet;
pub mod geofence;
pub mod handover;
pub mod index;
pub mod known;
pub mod live;
pub mod matcher;
pub mod planner;
pub mod policy;
pub mod projection;
pub mod record;
pub mod recorded;
mod recorded_day;
mod ride;
pub mod rules;
mod state;
pub mod survey;
pub mod what_if;
pub mod zone;

pub use decide::{Delivery, DeliveryCommand, DeliveryRejection};
pub use policy::DispatchPolicy;
pub use ride::RiderStep;
pub use state::{Bearer, DeliveryState, DeliveryStatus, EndedOffer, Eta, OpenOffer, Phase};

#[cfg(test)]
mod asking_tests;
#[cfg(test)]
mod better_tests;
#[cfg(test)]
mod plan_tests;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod what_if_tests;
