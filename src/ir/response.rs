use super::{Extras, Part};

/// A whole answer. There is one choice: callers who ask for several are relayed, never translated.
#[derive(Clone, Debug, Default)]
pub struct Response {
    pub id: String,
    pub model: String,
    /// Seconds since 1970, where the provider tells.
    pub created: Option<u64>,
    pub parts: Vec<Part>,
    pub finish: Finish,
    pub usage: Option<Usage>,
    /// Top-level fields that only its own dialect has.
    pub extras: Extras,
}

/// Why the answer ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Finish {
    pub reason: Reason,
    /// The provider's own word.
    pub raw: Option<String>,
    /// The stop sequence that was met.
    pub stop_sequence: Option<String>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reason {
    #[default]
    Stop,
    Length,
    ToolCalls,
    /// Withheld by a filter.
    Filtered,
    /// The model declined.
    Refusal,
    /// A long turn was paused and may be continued.
    Pause,
}

/// Tokens. `input` includes what was read from and written to a cache, `output` includes thinking; a detail is
/// `None` where the provider does not tell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    pub input: u64,
    pub output: u64,
    pub cache_read: Option<u64>,
    pub cache_write: Option<u64>,
    /// The part of `cache_write` that lives for an hour.
    pub cache_write_1h: Option<u64>,
    pub reasoning: Option<u64>,
    pub input_audio: Option<u64>,
    pub output_audio: Option<u64>,
    /// Counted by us because the provider did not say.
    pub estimated: bool,
}

impl Usage {
    pub fn total(&self) -> u64 {
        self.input.saturating_add(self.output)
    }
}
