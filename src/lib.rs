//! The server: adapters for the domain's ports, HTTP, and the composition of both.

pub mod password;
pub mod token;
