//! The exact cache: an answer that was given is given again to whoever asks the same.
//!
//! What is asked has a locker of its own: its number is where the answer lies in the deployment's storage, and its key
//! seals it. Both are derived from all that makes an answer what it is: who pays (the credential), the provider, the
//! model, the address, the headers that go along, the caller's dialect and namespace, and the body without what changes
//! nothing. Whoever reads the storage alone learns nothing, and nobody can open the locker of a tenant who pays with
//! another key.
//!
//! What lies there is one whole answer in the caller's dialect. Who wants a stream gets it replayed as one; the answer
//! of a stream is put there once it is complete, if nothing of it is lost by folding it. Whatever does not open is not
//! there.

mod deposit;
mod entry;
mod locker;
mod turn;

pub use deposit::Deposit;
pub use entry::Entry;
pub use locker::{Locker, Question};
pub use turn::{Filling, folds, is_complete, turns, whole_in_parts};

use serde::Serialize;

/// The longest answer that is kept, in bytes.
pub const LONGEST: usize = 1 << 20;

/// The storage keeps nothing for a shorter time; how old an answer may be is kept with it.
pub const SHORTEST_STAY_S: u64 = 60;

/// How long the storage may take to tell: as long as it does where it is asked for the first time in a place, which is
/// still soon for a provider. What comes later is asked of the provider.
pub const PATIENCE_MS: u64 = 150;

/// How long a request waits for the same one that came before it, where the config asks for that (`coalesce`). The
/// first may fail, or be long: after this, it asks by itself.
pub const LONGEST_WAIT_MS: u64 = 30_000;

/// What the cache had to do with a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Cached {
    /// Nobody asked for it, or such an answer cannot be kept.
    #[default]
    Disabled,
    Hit,
    Miss,
    /// It was not even looked for, because the caller wants a new one.
    Refresh,
}

impl Cached {
    pub fn word(self) -> &'static str {
        match self {
            Cached::Disabled => "DISABLED",
            Cached::Hit => "HIT",
            Cached::Miss => "MISS",
            Cached::Refresh => "REFRESH",
        }
    }
}
