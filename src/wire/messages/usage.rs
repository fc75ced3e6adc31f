//! Token counts as they are on this wire.

use crate::ir::Usage;
use crate::wire::json::Object;
use crate::wire::loose;
use serde::Deserialize;

/// Fields of a `usage` object that were told so far.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
pub(super) struct Counts {
    #[serde(default, deserialize_with = "loose::index")]
    input_tokens: Option<u64>,
    #[serde(default, deserialize_with = "loose::index")]
    cache_creation_input_tokens: Option<u64>,
    #[serde(default, deserialize_with = "loose::index")]
    cache_read_input_tokens: Option<u64>,
    #[serde(default, deserialize_with = "loose::maybe")]
    cache_creation: Option<CacheCreation>,
    #[serde(default, deserialize_with = "loose::index")]
    output_tokens: Option<u64>,
    #[serde(default, deserialize_with = "loose::maybe")]
    output_tokens_details: Option<OutputDetails>,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
struct CacheCreation {
    #[serde(default, deserialize_with = "loose::index")]
    ephemeral_1h_input_tokens: Option<u64>,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
struct OutputDetails {
    #[serde(default, deserialize_with = "loose::index")]
    thinking_tokens: Option<u64>,
}

impl Counts {
    /// What `later` names replaces what was known: its counts are cumulative.
    pub fn merge(&mut self, later: Counts) {
        *self = Counts {
            input_tokens: later.input_tokens.or(self.input_tokens),
            cache_creation_input_tokens: later.cache_creation_input_tokens.or(self.cache_creation_input_tokens),
            cache_read_input_tokens: later.cache_read_input_tokens.or(self.cache_read_input_tokens),
            cache_creation: later.cache_creation.or(self.cache_creation),
            output_tokens: later.output_tokens.or(self.output_tokens),
            output_tokens_details: later.output_tokens_details.or(self.output_tokens_details),
        };
    }

    pub fn usage(&self) -> Usage {
        let read = self.cache_read_input_tokens;
        let write = self.cache_creation_input_tokens;
        let fresh = self.input_tokens.unwrap_or(0);
        Usage {
            input: fresh.saturating_add(read.unwrap_or(0)).saturating_add(write.unwrap_or(0)),
            output: self.output_tokens.unwrap_or(0),
            cache_read: read,
            cache_write: write,
            cache_write_1h: self.cache_creation.and_then(|creation| creation.ephemeral_1h_input_tokens),
            reasoning: self.output_tokens_details.and_then(|details| details.thinking_tokens),
            ..Usage::default()
        }
    }

    pub fn of_usage(usage: &Usage) -> Self {
        let cached = usage.cache_read.unwrap_or(0).saturating_add(usage.cache_write.unwrap_or(0));
        Self {
            input_tokens: Some(usage.input.saturating_sub(cached)),
            cache_creation_input_tokens: usage.cache_write,
            cache_read_input_tokens: usage.cache_read,
            cache_creation: usage.cache_write_1h.map(|tokens| CacheCreation { ephemeral_1h_input_tokens: Some(tokens) }),
            output_tokens: Some(usage.output),
            output_tokens_details: usage.reasoning.map(|tokens| OutputDetails { thinking_tokens: Some(tokens) }),
        }
    }
}

/// The `usage` of an answer; zeros where nothing is known, because clients insist on the two counts.
pub(super) fn write_usage(out: &mut Vec<u8>, usage: Option<&Usage>) {
    let usage = usage.copied().unwrap_or_default();
    let mut object = Object::open(out);
    if let Some(hour) = usage.cache_write_1h {
        let short = usage.cache_write.unwrap_or(0).saturating_sub(hour);
        Object::open(object.slot("cache_creation"))
            .with("ephemeral_5m_input_tokens", &short)
            .with("ephemeral_1h_input_tokens", &hour)
            .close();
    }
    write_counts(object, &usage);
}

/// The `usage` at the end of a stream, which has no place for how long a cache entry lives.
pub(super) fn write_delta_usage(out: &mut Vec<u8>, usage: Option<&Usage>) {
    write_counts(Object::open(out), &usage.copied().unwrap_or_default());
}

fn write_counts(object: Object<'_>, usage: &Usage) {
    let read = usage.cache_read.unwrap_or(0);
    let write = usage.cache_write.unwrap_or(0);
    let mut object = object
        .with("input_tokens", &usage.input.saturating_sub(read).saturating_sub(write))
        .with("cache_creation_input_tokens", &write)
        .with("cache_read_input_tokens", &read)
        .with("output_tokens", &usage.output);
    if let Some(thinking) = usage.reasoning {
        Object::open(object.slot("output_tokens_details")).with("thinking_tokens", &thinking).close();
    }
    object.close();
}
