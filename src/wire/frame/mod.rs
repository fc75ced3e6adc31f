//! Bytes of a stream to its frames.

pub mod aws;
pub mod sse;
