//! Whole requests against the scripted host.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod admin;
mod cache;
mod cost;
mod feedback;
mod keys;
mod lists;
#[path = "../meters/mod.rs"]
mod meters;
mod models;
mod passages;
mod predictions;
mod prices;
mod refusals;
mod relay;
mod routing;
mod scripted;
mod translation;
mod vertex;
