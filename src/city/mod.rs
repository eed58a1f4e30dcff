//! `foodcourt city`: a whole city of customers, kitchens and riders as clients of the public API, and nothing else.
//! It knows the server only by its addresses; what it reads back it compares with what it was told.

pub mod args;
pub mod client;
pub mod clock;
pub mod dice;
pub mod live;
pub mod log;
pub mod person;
pub mod resume;
pub mod streets;
pub mod summary;
pub mod verdict;

mod basket;
mod customer;
mod eye;
mod inquest;
mod kitchen;
mod progress;
mod promise;
mod ride;
mod rider;
mod run;
mod server;
mod service;
mod setup;
mod socket;
mod sse;
mod wire;
mod world;

pub use args::{CityArgs, CityOptions, DispatchPolicy};
pub use run::{CityError, run};
pub use summary::Summary;
