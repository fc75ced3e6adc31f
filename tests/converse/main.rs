//! The Converse dialect and the event stream that it comes in, against bytes as they are on the wire.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod aws;
mod frames;
