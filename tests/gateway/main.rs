//! Whole requests against the scripted host.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod access;
mod admin;
mod cache;
mod cost;
#[path = "../described/mod.rs"]
mod described;
mod feedback;
mod hosts;
mod keys;
mod lists;
#[path = "../meters/mod.rs"]
mod meters;
mod models;
mod passages;
mod predictions;
mod preview;
mod prices;
mod refusals;
mod relay;
mod routing;
mod sandbox;
mod scripted;
mod translation;
mod usage;
mod vertex;
mod visitors;
