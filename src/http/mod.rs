//! REST: one file per noun, over directories, ports and views; never over PostgreSQL or Redis.
//! The table of all operations stands in [`routes`], who may call them in [`authorization`].

pub mod accounts;
pub mod admin;
pub mod auth;
pub mod authorization;
pub mod body;
pub mod client_address;
pub mod court;
pub mod cursor;
pub mod delivery;
pub mod demo;
pub mod district;
pub mod docs;
pub mod etag;
pub mod examples;
pub mod gate;
pub mod health;
pub mod idempotency;
pub mod identity;
pub mod inbox;
pub mod kitchen;
pub mod limits;
pub mod live;
pub mod login;
pub mod me;
pub mod menu;
pub mod offer;
pub mod order;
pub mod placing;
pub mod principal;
pub mod problem;
pub mod proof;
pub mod quote;
pub mod recent;
pub mod rider;
pub mod routes;
pub mod security_headers;
pub mod settings;
pub mod shape;
pub mod state;
pub mod static_files;
pub mod ticket;
pub mod waiter;

pub use routes::configure;
pub use state::Services;
