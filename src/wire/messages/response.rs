use super::block::{answered, write_thinking};
use super::usage::{Counts, write_usage};
use super::words::{THREAD_UNSUPPORTED, error_type, finish, stop_reason, upstream_error};
use crate::error::{Error, Kind, Result};
use crate::ir::{Citation, Extras, Native, Part, Response, Text, ToolCall};
use crate::wire::answer::{CallIds, write_upstream};
use crate::wire::fields::Fields;
use crate::wire::json::{Array, Object, value};
use crate::wire::lean;
use crate::wire::{Echo, Glance};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;
use std::borrow::Cow;

/// The top-level fields of an answer that clients of this dialect know besides the common ones.
const OWN_EXTRAS: [&str; 4] = ["stop_details", "container", "context_management", "diagnostics"];

pub fn decode_response(body: &[u8]) -> Result<Response> {
    decode(body).map_err(|error| match error.origin {
        crate::error::Origin::Upstream => error,
        _ => Error::upstream(Kind::Failed, format!("The provider's answer could not be read: {}", error.message)),
    })
}

fn decode(body: &[u8]) -> Result<Response> {
    let mut fields = Fields::of_body(body)?;
    let kind = fields.text("type")?;
    if let Some(raw) = fields.take("error").filter(|_| kind.as_deref().is_none_or(|kind| kind == "error")) {
        return Err(upstream_error(raw));
    }
    let content = fields.items("content")?;
    let parts = fields.required("content", content)?.into_iter().filter_map(answered).collect();
    let usage = fields.take("usage").and_then(|raw| lean::from_str::<Counts>(raw.get()).ok());
    fields.take("role");
    let mut word = |name: &str| fields.text(name).ok().flatten();
    let (reason, stop_sequence) = (word("stop_reason"), word("stop_sequence"));
    Ok(Response {
        id: word("id").unwrap_or_default(),
        model: word("model").unwrap_or_default(),
        created: None,
        parts,
        finish: reason.map(|reason| finish(reason, stop_sequence)).unwrap_or_default(),
        others: Vec::new(),
        usage: usage.map(|counts| counts.usage()),
        extras: fields.rest(),
    })
}

pub fn encode_response(response: &Response, echo: &Echo) -> Vec<u8> {
    let mut body = Vec::with_capacity(1_024);
    let mut ids = CallIds::new("toolu", echo);
    let mut object = write_head(&mut body, &response.id, &response.model, echo);
    let mut content = Array::open(object.slot("content"));
    for part in &response.parts {
        write_part(&mut content, part, &mut ids);
    }
    content.close();
    let calls = response.parts.iter().any(|part| matches!(part, Part::ToolCall(_)));
    object = object.with("stop_reason", stop_reason(&response.finish, calls)).with("stop_sequence", &response.finish.stop_sequence);
    object = own_extras(&response.extras).fold(object, |object, (name, raw)| object.with(name, raw));
    write_usage(object.slot("usage"), response.usage.as_ref());
    object.close();
    body
}

/// The fields that open an answer, streamed or whole.
pub(super) fn write_head<'o>(out: &'o mut Vec<u8>, id: &str, model: &str, echo: &Echo) -> Object<'o> {
    let id = if id.is_empty() { Cow::Owned(format!("msg_{}", echo.nonce)) } else { Cow::Borrowed(id) };
    let model = if model.is_empty() { &echo.model } else { model };
    Object::open(out).with("id", &id).with("type", "message").with("role", "assistant").with("model", model)
}

pub(super) fn own_extras(extras: &Extras) -> impl Iterator<Item = (&str, &RawValue)> {
    extras.iter().filter(|(name, _)| OWN_EXTRAS.contains(&name.as_str())).map(|(name, raw)| (name.as_str(), &**raw))
}

fn write_part(content: &mut Array<'_>, part: &Part, ids: &mut CallIds) {
    match part {
        Part::Text(text) => write_text(content.slot(), text),
        Part::Refusal(text) => Object::typed(content.slot(), "text").with("text", text).close(),
        Part::Thinking(thinking) => write_thinking(content.slot(), thinking),
        Part::ToolCall(call) => write_call(content.slot(), call, ids),
        Part::Native(native) if is_own(native) => value(content.slot(), &native.raw),
        Part::Native(_) => {}
        Part::Media(media) => Object::typed(content.slot(), "text").with("text", &media.link()).close(),
        // An answer holds no results.
        Part::ToolResult(_) => {}
    }
}

/// A block that clients of this dialect know; what other dialects call their own means nothing to them.
pub(super) fn is_own(native: &Native) -> bool {
    let kind = native.kind.as_str();
    let Ok(fields) = Fields::of(&native.raw, String::new()) else { return false };
    let known = kind.ends_with("_tool_use") || kind.ends_with("_tool_result") || matches!(kind, "container_upload" | "fallback");
    // OpenAI compacts too; its items have ids.
    fields.has("type") && (known || kind == "compaction" && !fields.has("id"))
}

fn write_text(out: &mut Vec<u8>, text: &Text) {
    let mut block = Object::typed(out, "text").with("text", &text.text);
    if !text.citations.is_empty() {
        let mut citations = Array::open(block.slot("citations"));
        text.citations.iter().for_each(|citation| write_citation(citations.slot(), citation));
        citations.close();
    }
    block.close();
}

fn write_call(out: &mut Vec<u8>, call: &ToolCall, ids: &mut CallIds) {
    let mut block = Object::typed(out, "tool_use").with("id", &ids.unique(&call.id)).with("name", &call.name);
    write_input(block.slot("input"), call.arguments.trim());
    block.close();
}

/// An input is an object; what the model wrote instead is shown in one.
fn write_input(out: &mut Vec<u8>, arguments: &str) {
    match lean::from_str::<&RawValue>(arguments) {
        Ok(raw) if raw.get().starts_with('{') => value(out, raw),
        _ if arguments.is_empty() => out.extend_from_slice(b"{}"),
        _ => Object::open(out).with("INVALID_JSON", arguments).close(),
    }
}

/// A citation of this dialect as it came; any other as a search result, the one kind that holds an address.
pub(super) fn write_citation(out: &mut Vec<u8>, citation: &Citation) {
    #[derive(Deserialize)]
    struct Typed<'a> {
        #[serde(borrow, rename = "type")]
        kind: Cow<'a, str>,
    }
    if let Some(raw) = &citation.raw
        && lean::from_str::<Typed<'_>>(raw.get()).is_ok_and(|typed| typed.kind.ends_with("_location"))
    {
        return value(out, raw);
    }
    Object::typed(out, "web_search_result_location")
        .with("url", citation.url.as_deref().unwrap_or_default())
        .with("title", &citation.title)
        .with("cited_text", citation.quote.as_deref().unwrap_or_default())
        .with("encrypted_index", "")
        .close();
}

pub fn encode_error(error: &Error, request_id: &str) -> Vec<u8> {
    let mut body = Vec::with_capacity(256);
    let mut object = Object::typed(&mut body, "error");
    let mut inner = Object::typed(object.slot("error"), error_type(error)).with("message", &error.message);
    if error.code.as_deref() == Some(THREAD_UNSUPPORTED) {
        let details = Object::open(inner.slot("details")).with("error_code", THREAD_UNSUPPORTED);
        details.with("unsupported", &["thread"]).close();
    }
    write_upstream(&mut inner, error);
    inner.close();
    object.maybe("request_id", (!request_id.is_empty()).then_some(request_id)).close();
    body
}

#[derive(Deserialize)]
struct Answer<'a> {
    #[serde(borrow)]
    content: Option<Vec<Piece<'a>>>,
    stop_reason: Option<IgnoredAny>,
    usage: Option<Counts>,
    #[serde(borrow)]
    error: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Piece<'a> {
    #[serde(borrow, rename = "type")]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    text: Option<Cow<'a, str>>,
    #[serde(borrow)]
    thinking: Option<Cow<'a, str>>,
    #[serde(borrow)]
    input: Option<&'a RawValue>,
}

impl Piece<'_> {
    fn length(&self) -> usize {
        match &*self.kind {
            "text" => self.text.as_ref().map_or(0, |text| text.len()),
            "thinking" => self.thinking.as_ref().map_or(0, |text| text.len()),
            _ => self.input.map_or(0, |raw| raw.get().len()),
        }
    }
}

pub fn glance_response(body: &[u8]) -> Result<Glance> {
    let answer: Answer<'_> = crate::wire::json::read(body)
        .map_err(|error| Error::upstream(Kind::Failed, format!("The provider's answer could not be read: {error}")))?;
    let Some(content) = answer.content else {
        return Err(match answer.error {
            Some(raw) => upstream_error(raw),
            None => Error::upstream(Kind::Failed, "The provider's answer has no content."),
        });
    };
    Ok(Glance {
        usage: answer.usage.map(|counts| counts.usage()),
        produced: content.iter().map(Piece::length).sum(),
        finished: answer.stop_reason.is_some(),
        failed: false,
    })
}

/// Whether a failed answer is in this dialect's own shape, so that it may pass as it is.
pub fn is_own_error(body: &[u8]) -> bool {
    #[derive(Deserialize)]
    struct Whole<'a> {
        #[serde(borrow, rename = "type")]
        kind: Cow<'a, str>,
        #[serde(borrow, rename = "error")]
        _error: Inner<'a>,
    }
    #[derive(Deserialize)]
    struct Inner<'a> {
        #[serde(borrow, rename = "type")]
        _kind: Cow<'a, str>,
        #[serde(borrow, rename = "message")]
        _message: Cow<'a, str>,
    }
    crate::wire::json::read::<Whole<'_>>(body).is_ok_and(|whole| whole.kind == "error")
}
