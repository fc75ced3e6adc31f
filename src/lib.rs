//! # Causeway, the map of the house
//!
//! A call goes through these rooms, in this order:
//!
//! ```text
//! call -> door (path -> dialect) -> caller (keys, headers) -> envelope (a cheap look at the body)
//!   -> target (provider, model, address, key) -> cache? -> [ relay: edits of the top level | translate: ir ]
//!   -> fetch -> pipe (tap | strain | translate) -> reply
//! afterwards, without holding the caller up: cache fill, usage -> cost -> record
//! ```
//!
//! [`gateway`] reads as that sentence; begin there. Its rooms:
//! - what is asked: `talk` (conversations), `count` (their tokens), `errands` (embeddings, images, speech and the like,
//!   whose forms [`errand`] knows), `passage` (what passes unread: files, forms, a provider's own API; with `freight` and
//!   `links`), `feedback` (what callers thought of an answer), `usage` (what was used and what is left), `admin`;
//! - who may: `admission` (keys), `access` (who has signed in), `lease` (what is reserved of limits and budgets; `worst`
//!   is how much);
//! - the way: `config` (whose), `route` (one target after the other; `sight` is what it sees of them), `vaulted` (with
//!   which credential), `shelf` (what was answered before), `attempt` (one try), `preview` (where it would go);
//! - `life`: what is noted on the way; `bounds` (how long it may take), `end` (how it ends).
//!
//! Three nouns are kept apart. A *dialect* is a wire format: code, one folder of [`wire`] each. A *provider* is who
//! speaks a dialect, where, and with which credentials: a row of [`providers::table`]. A *quirk* is a field of that
//! row. No code outside `providers/` compares a vendor's name.
//!
//! Dialects meet in [`ir`]: whole answers made of parts, streams made of block events. When the caller's dialect is
//! the target's, nothing is translated: the request is edited at its top level, the answer's bytes pass by
//! themselves, and a tap keeps count.
//!
//! [`admin`] is the other half: what keys, teams, credentials, configs and prices there are, all of it written by the
//! admin API into one store, from which the meters and the storage that requests read are told. It is pure like the
//! rest; the Worker runs it in a Durable Object of its own.
//!
//! The Worker's entry is `edge/worker.js`, not Rust: what only JavaScript can do at no cost (promises, streams,
//! headers) happens there (`exchange.js` is a request, `meter.js` and `registry.js` are the Durable Objects), and the
//! wasm is entered by a few exports that take and give numbers and bytes (`wasm.js`). Rust futures run on an executor
//! of our own (`edge/task.rs`), woken by `arrive`: a promise awaited from Rust costs some 20 us.
//! Durable Objects are called by their methods, which takes half of what a request with a body does; and a stream that
//! comes fast is taken several pieces at a time (`streams.js`), for each way into the isolate costs more than the wasm.
//!
//! Layers, each of which knows only those to its left (a test checks it):
//! `error, order, spelling, time -> ir -> wire, http, record, host, catalog, cost, cache, lease, section -> providers -> policy, routing -> settings -> caller -> door, target, token, prices, errand -> models, health, predict, admin -> gateway -> edge`.
//!
//! Invariants
//! - Only `edge/` knows Cloudflare. The core has no clock, randomness or globals; it sees the world through
//!   [`host::Host`], which the tests implement too.
//! - Nothing panics: a panic would end every request of the isolate.
//! - What a translation cannot carry is named (`x-causeway-dropped`) if it is a knob, and an error if it is content.
//! - A stream that broke off never looks finished.
//! - The deployment's own credentials go only where the deployment points.

pub mod admin;
pub mod cache;
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
pub mod lease;
pub mod models;
pub mod order;
pub mod policy;
pub mod predict;
pub mod prices;
pub mod providers;
pub mod record;
pub mod routing;
pub mod section;
pub mod settings;
pub mod spelling;
pub mod target;
pub mod time;
pub mod token;
pub mod wire;
