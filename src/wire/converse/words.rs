//! The dialect's words for why an answer ended, what went wrong, and how much was used.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::error::{Error, Kind};
use crate::ir::{Finish, Reason, Usage};
use crate::wire::lean;
use crate::wire::loose;

pub(super) fn finish(word: &str, stop_sequence: Option<String>, calls: bool) -> Finish {
    let reason = match word {
        "max_tokens" | "model_context_window_exceeded" => Reason::Length,
        "guardrail_intervened" | "content_filtered" => Reason::Filtered,
        "refusal" => Reason::Refusal,
        "tool_use" => Reason::ToolCalls,
        _ if calls => Reason::ToolCalls,
        _ => Reason::Stop,
    };
    Finish { reason, raw: Some(word.to_owned()), stop_sequence }
}

/// The stop sequence that was met: under its own name in a whole answer, inside the last change in a stream.
pub(super) fn stop_sequence(raw: &RawValue) -> Option<String> {
    #[derive(Deserialize)]
    struct Fields {
        stop_sequence: Option<String>,
        delta: Option<Box<Fields>>,
    }
    let fields: Fields = lean::from_str(raw.get()).ok()?;
    fields.stop_sequence.or_else(|| fields.delta?.stop_sequence)
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Counts {
    #[serde(deserialize_with = "loose::number")]
    input_tokens: Option<f64>,
    #[serde(deserialize_with = "loose::number")]
    output_tokens: Option<f64>,
    #[serde(deserialize_with = "loose::number")]
    cache_read_input_tokens: Option<f64>,
    #[serde(deserialize_with = "loose::number")]
    cache_write_input_tokens: Option<f64>,
    #[serde(deserialize_with = "loose::list")]
    cache_details: Vec<CacheDetail>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct CacheDetail {
    #[serde(deserialize_with = "loose::words")]
    ttl: Option<String>,
    #[serde(deserialize_with = "loose::number")]
    input_tokens: Option<f64>,
}

/// What was used; nothing when it is not told in numbers.
pub(super) fn usage(raw: &RawValue) -> Option<Usage> {
    let counts: Counts = lean::from_str(raw.get()).ok()?;
    let (read, write) = (counts.cache_read_input_tokens.map(whole), counts.cache_write_input_tokens.map(whole));
    let parts = [counts.input_tokens.map(whole), read, write];
    let hour = |detail: &CacheDetail| detail.ttl.as_deref().is_some_and(|ttl| ttl.to_ascii_lowercase().contains("1h"));
    let long_lived = counts.cache_details.into_iter().filter(hour).filter_map(|detail| detail.input_tokens);
    Some(Usage {
        input: parts.into_iter().flatten().fold(0, u64::saturating_add),
        output: counts.output_tokens.map(whole).unwrap_or_default(),
        cache_read: read,
        cache_write: write,
        cache_write_1h: long_lived.map(whole).reduce(u64::saturating_add),
        ..Usage::default()
    })
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a float that does not fit is brought to the nearest that does"
)]
fn whole(tokens: f64) -> u64 {
    tokens as u64
}

/// What an exception or an error inside an answer says.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Told {
    #[serde(alias = "Message")]
    message: Option<String>,
    original_message: Option<String>,
    #[serde(alias = "Output")]
    output: Option<Coral>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Coral {
    __type: Option<String>,
}

/// An exception that comes inside a stream.
pub(super) fn exception(name: &str, payload: &[u8]) -> Error {
    let told: Told = crate::wire::json::read(payload).unwrap_or_default();
    let (kind, status) = match name.to_ascii_lowercase().trim_end_matches("exception") {
        "throttling" => (Kind::RateLimited, 429),
        "validation" => (Kind::Invalid, 400),
        "accessdenied" => (Kind::Forbidden, 403),
        "resourcenotfound" => (Kind::NotFound, 404),
        "servicequotaexceeded" => (Kind::Exhausted, 429),
        "modeltimeout" => (Kind::TimedOut, 408),
        "modelstreamerror" | "modelerror" => (Kind::Failed, 424),
        "modelnotready" => (Kind::Overloaded, 429),
        "serviceunavailable" => (Kind::Overloaded, 503),
        _ => (Kind::Failed, 500),
    };
    let message = [told.message, told.original_message].into_iter().flatten().find(|text| !text.is_empty());
    let message = message.unwrap_or_else(|| format!("The provider's stream broke off: {name}."));
    Error::upstream(kind, message).with_status(status).with_code(name.to_owned())
}

/// An answer that holds no message.
pub(super) fn no_message(body: &[u8]) -> Error {
    let told: Told = crate::wire::json::read(body).unwrap_or_default();
    let word = told.output.and_then(|output| output.__type);
    let message = told.message.or(word).filter(|text| !text.is_empty());
    Error::upstream(Kind::Failed, message.unwrap_or_else(|| "The provider's answer holds no message.".to_owned()))
}
