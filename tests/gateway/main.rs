//! Whole requests against the scripted host.

mod relay;
mod refusals;
mod scripted;
mod translation;
