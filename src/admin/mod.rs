//! The admin API: keys, teams, credentials, configs and prices, the log of who changed them, and what of all this has
//! still to be told elsewhere. All of it is pure: rows of text come and go through a `Store`, time and chance come in.
//!
//! - `request`: what is asked, by whom, and the answer.
//! - `desk`: one request on its way: which route it is, and whether it was there before (`once`).
//! - `resource`: what a kind of thing is made of, as data. `change` and `look` are the routes that all kinds share.
//! - `keys`, `teams`, `credentials`, `configs`, `prices`: a row of data each, and what is special about them.
//! - `usage`: whose meters are to be asked for what was used.
//! - `record`: one thing, as it is stored, shown and published. `mask`: secrets within configs, hidden.
//! - `audit`: who changed what, when, from what to what. Nothing deletes from it.
//! - `outbox`: what has changed and has yet to be told to the meters and to the storage that requests read.
//! - `openapi`: all of this, described for machines.
//! - `store`: where rows are; `chance`: random bytes.
//!
//! Whoever runs this gives each request a transaction of its own, which ends well only if the answer does, and then
//! carries out what is in the outbox before it lets the answer go. What fails stays there and is tried again.
//!
//! Choices: `If-Match` is honoured wherever it is sent and required nowhere; who sends it never overwrites what it has
//! not seen. `PATCH` merges (RFC 7396), but a `config` and a `secret` are one value each and are replaced.

pub mod audit;
pub mod chance;
mod change;
mod configs;
mod credentials;
mod desk;
mod keys;
mod look;
mod mask;
mod once;
pub mod openapi;
pub mod outbox;
mod prices;
mod record;
mod request;
pub mod resource;
pub mod store;
mod teams;
pub mod usage;

pub use crate::door::ADMIN as ROOT;
pub use chance::Chance;
pub use desk::answer;
pub use request::{Actor, Answer, Request, Role};
pub use store::Store;

/// The longest body of a request, in bytes.
pub const LONGEST_BODY: usize = 1 << 20;
