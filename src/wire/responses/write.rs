//! The answer and its items, as callers of this dialect expect them.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::item::{FOREIGN_REDACTED, FOREIGN_SIGNED, own_proof};
use crate::error::{Error, Kind};
use crate::ir::{Citation, Extras, Finish, Native, Reason, Usage};
use crate::wire::Echo;
use crate::wire::fields::Fields;
use crate::wire::json::{Object, value};
use crate::wire::lean;

/// Makes the ids of items, of which providers of other dialects have none.
#[derive(Debug)]
pub(super) struct Ids {
    nonce: String,
    made: usize,
}

impl Ids {
    pub fn new(echo: &Echo) -> Self {
        Self { nonce: echo.nonce.clone(), made: 0 }
    }

    pub fn make(&mut self, prefix: &str) -> String {
        self.made = self.made.saturating_add(1);
        format!("{prefix}{}_{}", self.nonce, self.made)
    }
}

/// What an answer begins with and keeps.
#[derive(Debug, Default)]
pub(super) struct Head {
    pub id: String,
    pub model: String,
    pub created: u64,
}

impl Head {
    pub fn new(id: &str, model: &str, created: Option<u64>, echo: &Echo) -> Self {
        let id = match id {
            "" => format!("resp_{}", echo.nonce),
            own if own.starts_with("resp_") => own.to_owned(),
            foreign => format!("resp_{foreign}"),
        };
        let model = if model.is_empty() { &echo.model } else { model };
        Self { id, model: model.to_owned(), created: created.unwrap_or(echo.now) }
    }
}

/// How far an answer has come.
#[derive(Clone, Copy)]
pub(super) enum State<'a> {
    InProgress,
    Ended { reason: Reason, usage: Option<&'a Usage>, extras: &'a Extras },
    Failed(&'a Error),
}

/// Why an answer ended, as this dialect sees it: one that declined without a word was withheld.
pub(super) fn settled(finish: &Finish, refused: bool) -> Reason {
    if finish.reason == Reason::Refusal && !refused { Reason::Filtered } else { finish.reason }
}

/// Why an answer is not complete, where it is not.
pub(super) fn incomplete(reason: Reason) -> Option<&'static str> {
    match reason {
        Reason::Length => Some("max_output_tokens"),
        Reason::Filtered => Some("content_filter"),
        Reason::Stop | Reason::ToolCalls | Reason::Refusal | Reason::Pause => None,
    }
}

/// The word for a whole answer or its last message.
pub(super) fn ending(reason: Reason) -> &'static str {
    if incomplete(reason).is_some() { "incomplete" } else { "completed" }
}

/// The whole answer; `output` has its items, a comma between them.
pub(super) fn write_response(out: &mut Vec<u8>, head: &Head, state: State<'_>, output: &[u8]) {
    let (status, why, usage) = match state {
        State::InProgress => ("in_progress", None, None),
        State::Ended { reason, usage, .. } => (ending(reason), incomplete(reason), usage),
        State::Failed(_) => ("failed", None, None),
    };
    let mut object = Object::open(out).with("id", &head.id).with("object", "response").with("created_at", &head.created);
    object = object.with("status", status).with("background", &false);
    match state {
        State::Failed(error) => {
            Object::open(object.slot("error")).with("code", failure(error)).with("message", &error.message).close();
        }
        _ => object = object.with("error", &()),
    }
    match why {
        Some(why) => Object::open(object.slot("incomplete_details")).with("reason", why).close(),
        None => object = object.with("incomplete_details", &()),
    }
    object = object.with("instructions", &()).with("max_output_tokens", &());
    object.slot("metadata").extend_from_slice(b"{}");
    object = object.with("model", &head.model);
    let list = object.slot("output");
    list.push(b'[');
    list.extend_from_slice(output);
    list.push(b']');
    object = object.with("parallel_tool_calls", &true).with("previous_response_id", &());
    object.slot("reasoning").extend_from_slice(br#"{"effort":null,"summary":null}"#);
    if let State::Ended { extras, .. } = state {
        object = own_extras(extras).fold(object, |object, (name, raw)| object.with(name, raw));
    }
    object = object.with("temperature", &());
    object.slot("text").extend_from_slice(br#"{"format":{"type":"text"}}"#);
    object = object.with("tool_choice", "auto");
    object.slot("tools").extend_from_slice(b"[]");
    object = object.with("top_p", &()).with("truncation", "disabled");
    match usage {
        Some(usage) => write_usage(object.slot("usage"), usage),
        None => object = object.with("usage", &()),
    }
    object.with("user", &()).close();
}

/// The extras that are of this dialect, in its words.
fn own_extras(extras: &Extras) -> impl Iterator<Item = (&str, &RawValue)> {
    const TIERS: [&str; 6] = ["\"auto\"", "\"default\"", "\"flex\"", "\"scale\"", "\"priority\"", "\"fast\""];
    let own = |(name, raw): &&(String, Box<RawValue>)| name == "service_tier" && TIERS.contains(&raw.get());
    extras.iter().filter(own).take(1).map(|(name, raw)| (name.as_str(), &**raw))
}

/// The dialect has few words for why an answer failed.
fn failure(error: &Error) -> &'static str {
    match error.kind {
        Kind::RateLimited | Kind::Exhausted => "rate_limit_exceeded",
        Kind::Invalid | Kind::TooLarge => "invalid_prompt",
        _ => "server_error",
    }
}

fn write_usage(out: &mut Vec<u8>, usage: &Usage) {
    let mut object = Object::open(out).with("input_tokens", &usage.input);
    Object::open(object.slot("input_tokens_details"))
        .with("cached_tokens", &usage.cache_read.unwrap_or(0))
        .with("cache_write_tokens", &usage.cache_write.unwrap_or(0))
        .close();
    object = object.with("output_tokens", &usage.output);
    Object::open(object.slot("output_tokens_details")).with("reasoning_tokens", &usage.reasoning.unwrap_or(0)).close();
    object.with("total_tokens", &usage.total()).close();
}

/// `content` has the message's parts, a comma between them.
pub(super) fn write_message(out: &mut Vec<u8>, id: &str, status: &str, content: &[u8]) {
    let mut object = Object::typed(out, "message").with("id", id).with("status", status).with("role", "assistant");
    let list = object.slot("content");
    list.push(b'[');
    list.extend_from_slice(content);
    list.push(b']');
    object.close();
}

/// `annotations` has the text's sources, a comma between them.
pub(super) fn write_text(out: &mut Vec<u8>, text: &str, annotations: &[u8]) {
    let mut object = Object::typed(out, "output_text").with("text", text);
    let list = object.slot("annotations");
    list.push(b'[');
    list.extend_from_slice(annotations);
    list.push(b']');
    object.slot("logprobs").extend_from_slice(b"[]");
    object.close();
}

pub(super) fn write_refusal(out: &mut Vec<u8>, text: &str) {
    Object::typed(out, "refusal").with("refusal", text).close();
}

pub(super) struct Call<'a> {
    pub id: &'a str,
    pub call_id: &'a str,
    pub name: &'a str,
    pub arguments: &'a str,
    pub status: &'a str,
}

pub(super) fn write_call(out: &mut Vec<u8>, call: &Call<'_>) {
    Object::typed(out, "function_call")
        .with("id", call.id)
        .with("status", call.status)
        .with("arguments", call.arguments)
        .with("call_id", call.call_id)
        .with("name", call.name)
        .close();
}

/// Arguments are always JSON text.
pub(super) fn arguments(told: &str) -> &str {
    if told.trim().is_empty() { "{}" } else { told }
}

pub(super) fn write_reasoning(out: &mut Vec<u8>, id: &str, text: &str, encrypted: Option<&str>) {
    let mut object = Object::typed(out, "reasoning").maybe("id", Some(id).filter(|id| !id.is_empty()));
    let list = object.slot("summary");
    list.push(b'[');
    if !text.is_empty() {
        write_summary(list, text);
    }
    list.push(b']');
    object.maybe("encrypted_content", encrypted).close();
}

pub(super) fn write_summary(out: &mut Vec<u8>, text: &str) {
    Object::typed(out, "summary_text").with("text", text).close();
}

/// Which field of the one form a proof stood in.
#[derive(Clone, Copy)]
pub(super) enum Standing {
    Signature,
    Redacted,
}

impl Standing {
    /// How the made id of an item begins that shows a proof of another provider.
    pub fn prefix(self) -> &'static str {
        match self {
            Standing::Signature => FOREIGN_SIGNED,
            Standing::Redacted => FOREIGN_REDACTED,
        }
    }
}

/// The id and the encrypted content that show a proof, so that it is known again when it comes back.
pub(super) fn shown<'p>(told: &'p str, standing: Standing, ids: &mut Ids) -> (String, &'p str) {
    match own_proof(told).filter(|(id, _)| !id.is_empty()) {
        Some((id, encrypted)) => (id.to_owned(), encrypted),
        None => (ids.make(standing.prefix()), told),
    }
}

/// Writes a source where this dialect has a place for it; says whether it has.
pub(super) fn write_annotation(out: &mut Vec<u8>, citation: &Citation, whole: (u64, u64)) -> bool {
    #[derive(Deserialize)]
    struct Typed<'a> {
        #[serde(borrow, rename = "type")]
        kind: Cow<'a, str>,
    }
    let (start, end) = citation.range.unwrap_or(whole);
    if let Some(url) = &citation.url {
        Object::typed(out, "url_citation")
            .with("start_index", &start)
            .with("end_index", &end)
            .with("title", citation.title.as_deref().unwrap_or_default())
            .with("url", url)
            .close();
        return true;
    }
    let own = |raw: &RawValue| {
        lean::from_str::<Typed<'_>>(raw.get())
            .is_ok_and(|typed| matches!(&*typed.kind, "file_citation" | "container_file_citation" | "file_path"))
    };
    let raw = citation.raw.as_ref().filter(|raw| own(raw));
    if let Some(raw) = raw {
        value(out, raw);
    }
    raw.is_some()
}

/// Whether a block is an item that callers of this dialect know. Items have ids.
pub(super) fn is_own_item(native: &Native) -> bool {
    let kind = native.kind.as_str();
    let known = kind.ends_with("_call") || kind.ends_with("_call_output");
    (known || matches!(kind, "compaction" | "mcp_list_tools" | "mcp_approval_request"))
        && Fields::of(&native.raw, String::new()).is_ok_and(|fields| fields.has("type") && fields.has("id"))
}

/// Length in characters, as ranges count it.
pub(super) fn length(text: &str) -> u64 {
    u64::try_from(text.chars().count()).unwrap_or(u64::MAX)
}

/// A comma between this piece of a list and the one before it.
pub(super) fn separate(list: &mut Vec<u8>) {
    if !list.is_empty() {
        list.push(b',');
    }
}
