//! Which target is tried for a request, when, and what comes after it fails. All of it is pure: time, chance and what
//! is known of the targets' health come in, decisions go out.

pub mod backoff;
pub mod condition;
pub mod config;
pub mod explain;
pub mod health;
pub mod meeting;
pub mod memory;
mod order;
pub mod pick;
pub mod plan;
mod terms;
