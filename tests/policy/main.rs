//! Limits and budgets are exact: the meter against a slow, obvious model, and its object in a storage of its own.

#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod desk;
mod interleavings;
mod limits;
#[path = "../meters/mod.rs"]
mod meters;
mod model;
