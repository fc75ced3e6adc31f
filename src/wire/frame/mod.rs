//! Bytes of a stream to its frames.

pub mod sse;
