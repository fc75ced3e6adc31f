//! The admin API over rows in a map: every kind of thing, every route, every actor.

#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod configs;
mod credentials;
#[path = "../described/mod.rs"]
mod described;
mod desk;
mod keys;
mod openapi;
mod outbox;
mod secrets;
mod things;
