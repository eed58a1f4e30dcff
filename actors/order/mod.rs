//! The order service: the life of an order from its quote to the door. One stream an order; what clients watch.
//! Reading order: the facts (`event`), the state, the wishes (`command`), the rules (`decide`, `rules`, `planning`), the
//! reactions to other services (`policy`), what clients see (`projection`); before an order there is a price (`pricing`, `quote`).

pub mod calibration;
mod command;
pub mod court;
pub mod decide;
pub mod event;
mod evolve;
pub mod planning;
pub mod policy;
pub mod pricing;
pub mod projection;
pub mod quote;
mod reason;
pub mod rules;
pub mod state;

pub use command::OrderCommand;
pub use court::Court;
pub use decide::Order;
pub use policy::OrderPolicy;
pub use quote::Quote;
pub use state::{OrderRejection, OrderState, OrderStatus};

#[cfg(test)]
mod tests;
