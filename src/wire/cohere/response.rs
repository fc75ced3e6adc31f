use super::answer::{Cited, finish, length, usage};
use crate::error::{Error, Kind, Origin, Result};
use crate::ir::{Part, Response, Text, Thinking, ToolCall};
use crate::wire::fault;
use crate::wire::fields::{Fields, is_string};
use crate::wire::lean;
use serde_json::value::RawValue;

pub fn decode_response(body: &[u8]) -> Result<Response> {
    decode(body).map_err(|error| match error.origin {
        Origin::Upstream => error,
        _ => Error::upstream(Kind::Failed, format!("The provider's answer could not be read: {}", error.message)),
    })
}

fn decode(body: &[u8]) -> Result<Response> {
    let mut fields = Fields::of_body(body)?;
    // An answer's message is an object; a text is what went wrong.
    let message = fields.take("message").filter(|raw| !is_string(raw));
    let Some(message) = message else {
        return Err(fault::decode(fault::Head { status: Kind::Failed.status(), ..fault::Head::default() }, body));
    };
    let parts = parts(Fields::of(message, "message".to_owned())?);
    let word = fields.text("finish_reason").ok().flatten();
    let fault = fields.text("error").ok().flatten();
    Ok(Response {
        id: fields.text("id").ok().flatten().unwrap_or_default(),
        parts,
        finish: finish(word.as_deref(), fault.as_deref())?,
        usage: fields.take("usage").and_then(usage),
        ..Response::default()
    })
}

fn parts(mut message: Fields<'_>) -> Vec<Part> {
    let mut blocks = content(message.take("content"));
    cite(&mut blocks, message.items("citations").ok().flatten().unwrap_or_default());
    let mut parts: Vec<Part> = blocks.into_iter().flatten().collect();
    if let Some(plan) = message.text("tool_plan").ok().flatten().filter(|plan| !plan.is_empty()) {
        let spoken = parts.iter().position(|part| !matches!(part, Part::Thinking(_))).unwrap_or(parts.len());
        parts.insert(spoken, thought(plan));
    }
    let calls = message.items("tool_calls").ok().flatten().unwrap_or_default();
    parts.extend(calls.into_iter().filter_map(call).map(Part::ToolCall));
    parts
}

/// The blocks in their places; one of an unknown kind leaves its place empty.
fn content(raw: Option<&RawValue>) -> Vec<Option<Part>> {
    let Some(raw) = raw else { return Vec::new() };
    if is_string(raw) {
        let text: String = lean::from_str(raw.get()).unwrap_or_default();
        return vec![Some(Part::text(text)).filter(|_| raw.get() != "\"\"")];
    }
    let blocks: Vec<&RawValue> = lean::from_str(raw.get()).unwrap_or_default();
    blocks.into_iter().map(block).collect()
}

fn block(raw: &RawValue) -> Option<Part> {
    let mut fields = Fields::of(raw, String::new()).ok()?;
    let mut word = |name: &str| fields.text(name).ok().flatten().filter(|text| !text.is_empty());
    match word("type").as_deref() {
        Some("thinking" | "text") | None => word("thinking").map(thought).or_else(|| word("text").map(Part::text)),
        Some(_) => None,
    }
}

fn thought(text: String) -> Part {
    Part::Thinking(Thinking { text, ..Thinking::default() })
}

/// Each citation to its block; one that names none, or no text, to the last text.
fn cite(blocks: &mut [Option<Part>], citations: Vec<&RawValue>) {
    for cited in citations.into_iter().filter_map(Cited::read) {
        let mut before = 0;
        let mut target: Option<(u64, &mut Text)> = None;
        for (place, block) in (0_u64..).zip(blocks.iter_mut()) {
            let Some(Part::Text(text)) = block else { continue };
            let long = length(&text.text);
            target = Some((before, text));
            if cited.block == Some(place) {
                break;
            }
            before = before.saturating_add(long);
        }
        if let Some((before, text)) = target {
            text.citations.extend(cited.shifted(before));
        }
    }
}

pub(super) fn call(raw: &RawValue) -> Option<ToolCall> {
    let mut fields = Fields::of(raw, String::new()).ok()?;
    let mut function = fields.object("function").ok().flatten()?;
    let arguments = function.take("arguments").map(words).unwrap_or_default();
    Some(ToolCall {
        id: fields.text("id").ok().flatten().unwrap_or_default(),
        name: function.text("name").ok().flatten().unwrap_or_default(),
        arguments,
        cache: None,
    })
}

/// The text of a string; of anything else its JSON (arguments may come as the object itself).
pub(super) fn words(raw: &RawValue) -> String {
    if is_string(raw) { lean::from_str(raw.get()).unwrap_or_default() } else { raw.get().to_owned() }
}
