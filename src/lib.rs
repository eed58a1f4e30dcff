//! The foodcourt server: adapters for the domain's ports, HTTP, live, settings, and one composition root.

pub mod app;
pub mod check;
pub mod city;
pub mod clock;
pub mod config;
pub mod dispatch;
pub mod http;
pub mod ids;
pub mod live;
pub mod password;
pub mod ports;
pub mod postgres;
pub mod redis;
pub mod replay;
pub mod telemetry;
pub mod token;
pub mod travel;
