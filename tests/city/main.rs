//! The city's own honesty: that it finds what it should find, and outlives what it should outlive.

mod client;
mod fake;
mod live;
mod verdict;
