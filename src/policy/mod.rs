//! Who may do what, and how much of it. All pure: time comes in, decisions go out.
//!
//! - `secret`: a caller's key as text, `cw-...`: made, told from typos, hashed.
//! - `holder`: who limits and rights are attached to: a caller's key, a team, a provider's credential.
//! - `rules`: limits and budgets as they are written.
//! - `ask`: what a request asks of the counters of its holders, and what they say.
//! - `meter`: the counters of one holder: what was taken in sliding spans of time (`window`), what was spent (`purse`),
//!   what is reserved (`lease`).
//! - `account`: what a holder used, by the day; `standing`: how it is shown.
//! - `desk`: how a meter is spoken to, and what it keeps (`rows`); `outbox`: whom it alerts.
//! - `roster`: what an isolate has in mind of holders.
//! - `access`: who has signed in with Cloudflare Access.
//! - `vault`: how a credential is sealed.
//!
//! Each holder has a Durable Object, its meter, that knows the holder's definition and counts for it. Nothing else
//! has the last word: what an isolate has in mind, or the storage tells, is asked of with the version it has, and a
//! meter that knows a newer one says so. So a key that is revoked is refused by the next request, anywhere.

pub mod access;
pub mod account;
pub mod ask;
pub mod desk;
pub mod holder;
mod lease;
pub mod meter;
pub mod outbox;
mod purse;
pub mod roster;
pub mod rows;
pub mod rules;
pub mod secret;
pub mod standing;
pub mod vault;
mod window;
