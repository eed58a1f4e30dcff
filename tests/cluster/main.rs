//! A whole cluster as it is run for real: two server processes on one external PostgreSQL and one Redis, behind the
//! shipped HAProxy configuration; killed, starved of Redis, asked the same thing at once, and nothing is lost or doubled.
#![allow(clippy::unwrap_used, missing_docs, reason = "a test")]

mod city;
mod doors;
mod exclusive;
mod nodes;
mod outside;
mod person;
mod positions;
#[path = "../redis/process.rs"]
mod redis;
mod tls;
