//! The payment service: the money of one order, held at its placement, taken once the kitchens have answered, given back
//! when it ends badly. One stream a payment.
//! Reading order: the facts (`event`), the state, the wishes (`command`), the rules (`decide`), the reactions to orders
//! (`policy`), the provider as a port (`provider`), the calls to it (`effect`), a provider to play with (`sandbox`), and
//! the books (`ledger`).

pub mod command;
pub mod decide;
pub mod effect;
pub mod event;
pub mod ledger;
pub mod policy;
pub mod provider;
pub mod sandbox;
pub mod state;

pub use command::PaymentCommand;
pub use decide::{Payment, PaymentRejection};
pub use policy::PaymentPolicy;
pub use state::{PaymentState, PaymentStatus};

#[cfg(test)]
mod tests;
