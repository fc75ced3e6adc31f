//! # Causeway, the map of the house
//!
//! A call goes through these rooms, in this order:
//!
//! ```text
//! call -> door (path -> dialect) -> caller (keys, headers) -> envelope (a cheap look at the body)
//!   -> target (provider, model, address, key) -> [ relay: edits of the top level | translate: ir ]
//!   -> fetch -> pipe (tap | strain | translate) -> reply
//! afterwards, without holding the caller up: usage -> record
//! ```
//!
//! [`gateway`] reads as that sentence; begin there.
//!
//! Three nouns are kept apart. A *dialect* is a wire format: code, one folder of [`wire`] each. A *provider* is who
//! speaks a dialect, where, and with which credentials: a row of [`providers::table`]. A *quirk* is a field of that
//! row. No code outside `providers/` compares a vendor's name.
//!
//! Dialects meet in [`ir`]: whole answers made of parts, streams made of block events. When the caller's dialect is
//! the target's, nothing is translated: the request is edited at its top level, the answer's bytes pass by
//! themselves, and a tap keeps count.
//!
//! Layers, each of which knows only those to its left (a test checks it):
//! `error -> ir -> wire, http, record, host, catalog, cost -> providers -> caller -> door, target, token, errand -> models, health, predict -> gateway, passage -> edge`.
//!
//! Invariants
//! - Only `edge/` knows Cloudflare. The core has no clock, randomness or globals; it sees the world through
//!   [`host::Host`], which the tests implement too.
//! - Nothing panics: a panic would end every request of the isolate.
//! - What a translation cannot carry is named (`x-causeway-dropped`) if it is a knob, and an error if it is content.
//! - A stream that broke off never looks finished.
//! - The deployment's own credentials go only where the deployment points.

pub mod caller;
pub mod catalog;
pub mod cost;
pub mod door;
#[cfg(target_arch = "wasm32")]
mod edge;
pub mod errand;
pub mod error;
pub mod gateway;
pub mod health;
pub mod host;
pub mod http;
pub mod ir;
pub mod models;
pub mod passage;
pub mod predict;
pub mod providers;
pub mod record;
pub mod target;
pub mod token;
pub mod wire;
