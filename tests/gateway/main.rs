//! Whole requests against the scripted host.

mod refusals;
mod relay;
mod scripted;
mod translation;
