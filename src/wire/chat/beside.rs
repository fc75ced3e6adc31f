//! What providers tell beside the dialect (`citations`, `x_groq`, a `cost` in the usage): it reaches callers of the
//! same dialect in the place where it stood.

use std::fmt;

use serde_json::value::RawValue;

use super::answer::{Call, called};
use crate::ir::Extras;
use crate::wire::fields::{Fields, items};
use crate::wire::json::Object;

/// Where something stood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    Answer,
    Choice,
    /// The message, or what a chunk adds to it.
    Message,
    Usage,
    /// The call of this number.
    Call(usize),
}

impl Place {
    /// What has a place in the one form, or is written anew in any case.
    fn known(self) -> &'static [&'static str] {
        match self {
            Place::Answer => {
                &["id", "object", "created", "model", "choices", "usage", "error", "system_fingerprint", "service_tier", "provider"]
            }
            Place::Choice => &["index", "message", "delta", "finish_reason", "logprobs", "error", "text"],
            Place::Message => &[
                "role",
                "content",
                "refusal",
                "reasoning",
                "reasoning_content",
                "reasoning_details",
                "tool_calls",
                "function_call",
                "annotations",
                "images",
                "audio",
            ],
            Place::Usage => &["prompt_tokens", "completion_tokens", "total_tokens", "prompt_tokens_details", "completion_tokens_details"],
            Place::Call(_) => &[],
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Answer => formatter.write_str("chat/answer/"),
            Place::Choice => formatter.write_str("chat/choice/"),
            Place::Message => formatter.write_str("chat/message/"),
            Place::Usage => formatter.write_str("chat/usage/"),
            Place::Call(number) => write!(formatter, "chat/call{number}/"),
        }
    }
}

/// The name among the extras of something in a place. Other dialects have no such names.
pub fn name(place: Place, field: &str) -> String {
    format!("{place}{field}")
}

/// Whether something of this name stood in this place.
pub fn is_in(name: &str, place: Place) -> bool {
    name.starts_with(&*place.to_string())
}

/// What an answer, or a chunk of one, tells beside the dialect. Of several choices the first counts.
pub fn beside(data: &[u8]) -> Extras {
    let mut found = Extras::new();
    let Ok(mut answer) = Fields::of_body(data) else { return found };
    let choices = answer.take("choices").and_then(|raw| items(raw, "").ok());
    let mut choice = choices.and_then(|choices| Fields::of(choices.first()?, String::new()).ok());
    let said = choice.as_mut().and_then(|choice| choice.take("message").or_else(|| choice.take("delta")));
    let usage = answer.take("usage").and_then(|raw| Fields::of(raw, String::new()).ok());
    collect(Place::Answer, Some(answer), &mut found);
    collect(Place::Choice, choice, &mut found);
    collect(Place::Message, said.and_then(|raw| Fields::of(raw, String::new()).ok()), &mut found);
    collect(Place::Usage, usage, &mut found);
    found
}

fn collect(place: Place, fields: Option<Fields<'_>>, found: &mut Extras) {
    let Some(mut fields) = fields else { return };
    for known in place.known() {
        fields.take(known);
    }
    found.extend(fields.rest().into_iter().map(|(field, raw)| (name(place, &field), raw)));
}

/// What calls have beside their names and arguments: a proof, with some.
pub fn beside_calls(calls: &[Call<'_>]) -> Extras {
    let named = calls.iter().filter(|call| called(call).is_some()).enumerate();
    named.filter_map(|(at, call)| Some((name(Place::Call(at), EXTRA_CONTENT), call.extra_content?.to_owned()))).collect()
}

pub const EXTRA_CONTENT: &str = "extra_content";

/// Writes what stood in this place.
pub fn write<'o>(object: Object<'o>, extras: &Extras, place: Place) -> Object<'o> {
    in_place(extras, place).fold(object, |object, (field, raw)| object.with(field, raw))
}

/// What stood in this place.
pub fn in_place(extras: &Extras, place: Place) -> impl Iterator<Item = (&str, &RawValue)> {
    let start = place.to_string();
    extras.iter().filter_map(move |(name, raw)| Some((name.strip_prefix(&*start)?, &**raw)))
}
