//! An answer's head, as providers really send it: whole, and in the first and last events of a stream.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::error::{Error, Kind};
use crate::ir::{Extras, Finish, Part, Reason, Usage};
use crate::wire::fault;
use crate::wire::lean;

#[derive(Default, Deserialize)]
pub(super) struct Answer<'a> {
    #[serde(borrow, default)]
    id: Option<&'a RawValue>,
    #[serde(borrow, default)]
    model: Option<&'a RawValue>,
    #[serde(default)]
    created_at: Option<f64>,
    #[serde(borrow, default)]
    status: Option<&'a RawValue>,
    #[serde(borrow, default)]
    error: Option<&'a RawValue>,
    #[serde(borrow, default)]
    incomplete_details: Option<Incomplete<'a>>,
    #[serde(borrow, default)]
    pub output: Option<Vec<&'a RawValue>>,
    #[serde(default)]
    usage: Option<Counts>,
    #[serde(borrow, default)]
    service_tier: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Incomplete<'a> {
    #[serde(borrow, default)]
    reason: Option<&'a RawValue>,
}

impl Answer<'_> {
    pub fn id(&self) -> String {
        text(self.id).into_owned()
    }

    pub fn model(&self) -> String {
        text(self.model).into_owned()
    }

    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked to be a sensible time")]
    pub fn created(&self) -> Option<u64> {
        self.created_at.filter(|at| (0.0..1e11).contains(at)).map(|at| at as u64)
    }

    pub fn counted(&self) -> Option<Usage> {
        self.usage.as_ref().map(Counts::usage)
    }

    pub fn extras(&self) -> Extras {
        self.service_tier.map(|raw| ("service_tier".to_owned(), raw.to_owned())).into_iter().collect()
    }

    /// Why there is no answer.
    pub fn fault(&self) -> Option<Error> {
        let status = text(self.status);
        match self.error.filter(|raw| raw.get() != "null") {
            Some(raw) => Some(fault_of(raw)),
            None if matches!(&*status, "failed" | "cancelled") => {
                Some(Error::upstream(Kind::Failed, format!("The provider says of its answer that it is {status}, and not why.")))
            }
            None => None,
        }
    }

    /// Whether it has been told to the end; one that a provider makes in the background has not.
    pub fn ended(&self) -> bool {
        !matches!(&*text(self.status), "queued" | "in_progress")
    }

    pub fn finish(&self, made: Made) -> Finish {
        let status = text(self.status);
        let why = text(self.incomplete_details.as_ref().and_then(|details| details.reason));
        let reason = match (&*status, &*why) {
            (_, "content_filter") => Reason::Filtered,
            ("incomplete", _) | (_, "max_output_tokens") => Reason::Length,
            _ if made.calls => Reason::ToolCalls,
            _ if made.refusal => Reason::Refusal,
            _ => Reason::Stop,
        };
        let raw = if why.is_empty() { status } else { why };
        Finish { reason, raw: Some(raw.into_owned()).filter(|word| !word.is_empty()), stop_sequence: None }
    }
}

/// What of an answer its finish depends on.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Made {
    pub calls: bool,
    pub refusal: bool,
}

impl Made {
    pub fn note(&mut self, part: &Part) {
        self.calls |= matches!(part, Part::ToolCall(_));
        self.refusal |= matches!(part, Part::Refusal(_));
    }
}

/// The text of a JSON string; of anything else nothing.
pub(super) fn text(raw: Option<&RawValue>) -> Cow<'_, str> {
    let raw = raw.map_or("", RawValue::get);
    let inner = raw.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or_default();
    if inner.contains('\\') { lean::from_str::<String>(raw).map(Cow::Owned).unwrap_or_default() } else { Cow::Borrowed(inner) }
}

/// An error told inside a 200: its code is a word that stands for a status.
pub(super) fn fault_of(raw: &RawValue) -> Error {
    #[derive(Deserialize)]
    struct Coded<'a> {
        #[serde(borrow, default)]
        code: Option<&'a RawValue>,
        #[serde(borrow, default, rename = "type")]
        kind: Option<&'a RawValue>,
    }
    let coded: Option<Coded<'_>> = lean::from_str(raw.get()).ok();
    let status = coded.and_then(|coded| status_of(coded.code).or_else(|| status_of(coded.kind))).unwrap_or(Kind::Failed.status());
    fault::decode(fault::Head { status, ..fault::Head::default() }, format!("{{\"error\":{}}}", raw.get()).as_bytes())
}

fn status_of(code: Option<&RawValue>) -> Option<u16> {
    if let Some(number) = code.and_then(|raw| raw.get().parse::<u16>().ok()) {
        return Some(number).filter(|number| (400..600).contains(number));
    }
    match &*text(code) {
        "rate_limit_exceeded" | "rate_limit_error" | "insufficient_quota" | "tokens" | "requests" => Some(429),
        "server_error" | "internal_error" => Some(500),
        "server_overloaded" | "overloaded_error" | "service_unavailable" => Some(503),
        "context_length_exceeded" => Some(400),
        word if word.starts_with("invalid_") => Some(400),
        _ => None,
    }
}

/// Tokens as this dialect counts them.
#[derive(Deserialize)]
pub(super) struct Counts {
    #[serde(default)]
    input_tokens: Option<f64>,
    #[serde(default)]
    output_tokens: Option<f64>,
    #[serde(default)]
    total_tokens: Option<f64>,
    #[serde(default)]
    input_tokens_details: Option<Details>,
    #[serde(default)]
    output_tokens_details: Option<Details>,
}

#[derive(Deserialize)]
struct Details {
    #[serde(default)]
    cached_tokens: Option<f64>,
    #[serde(default)]
    cache_write_tokens: Option<f64>,
    #[serde(default)]
    reasoning_tokens: Option<f64>,
    #[serde(default)]
    audio_tokens: Option<f64>,
}

impl Counts {
    pub fn usage(&self) -> Usage {
        let (input, mut output) = (self.input_tokens.map_or(0, whole), self.output_tokens.map_or(0, whole));
        let (read, written) = (self.input_tokens_details.as_ref(), self.output_tokens_details.as_ref());
        let reasoning = written.and_then(|details| details.reasoning_tokens).map(whole);
        // Where the total is only reached with it, the output did not include the reasoning.
        if let (Some(reasoning), Some(total)) = (reasoning, self.total_tokens.map(whole))
            && total == input.saturating_add(output).saturating_add(reasoning)
        {
            output = output.saturating_add(reasoning);
        }
        Usage {
            input,
            output,
            cache_read: read.and_then(|details| details.cached_tokens).map(whole),
            cache_write: read.and_then(|details| details.cache_write_tokens).map(whole),
            cache_write_1h: None,
            reasoning,
            input_audio: read.and_then(|details| details.audio_tokens).map(whole),
            output_audio: written.and_then(|details| details.audio_tokens).map(whole),
            estimated: false,
        }
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a float cast saturates, and counts are small")]
fn whole(count: f64) -> u64 {
    count as u64
}
