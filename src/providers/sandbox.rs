//! A provider that needs no key and no network: for a first try, and for tests. It speaks the chat dialect.
//!
//! `echo` answers with the last user text, `lorem` with as many words as `max_tokens` asks, `status-503` fails so,
//! `slow-2000` waits so many milliseconds, `cut` breaks its stream off after three words. A declared tool is called
//! when the last user text is `call NAME {json}`.

use serde_json::{Map, Value, json};

use crate::error::{Error, Kind};
use crate::host::Script;
use crate::ir::{Event, Finish, Format, Part, Reason, Request, Response, Role, Tool, ToolCall, Usage};
use crate::wire::estimate_tokens;
use crate::wire::lean;
use crate::wire::{Echo, Writer, chat};

pub const SLUG: &str = "sandbox";

pub const MODELS: &[&str] = &["echo", "lorem", "status-503", "slow-2000", "cut"];

/// The longest that `slow-` waits.
const MAX_WAIT_MS: u64 = 60_000;
/// The most words of `lorem`.
const MAX_WORDS: usize = 10_000;

const LOREM: [&str; 19] = [
    "lorem",
    "ipsum",
    "dolor",
    "sit",
    "amet",
    "consectetur",
    "adipiscing",
    "elit",
    "sed",
    "do",
    "eiusmod",
    "tempor",
    "incididunt",
    "ut",
    "labore",
    "et",
    "dolore",
    "magna",
    "aliqua",
];

pub fn answer(body: &[u8], nonce: &str, now: u64) -> Script {
    let request = match chat::decode_request(body) {
        Ok(request) => request,
        Err(error) => return failed(&error),
    };
    let model = request.model.clone();
    let (name, argument) = match model.rsplit('/').next().unwrap_or_default() {
        model if model.starts_with("status-") || model.starts_with("slow-") => model.split_once('-').unwrap_or((model, "")),
        model => (model, ""),
    };
    let number: Option<u64> = argument.parse().ok();
    let (parts, finish) = match (name, number) {
        ("echo" | "cut", _) | ("slow", Some(_)) => echoed(&request, nonce),
        ("lorem", _) => lorem(&request),
        ("status", Some(status @ 400..=599)) => {
            let status = u16::try_from(status).unwrap_or(500);
            let message = format!("The sandbox fails with status {status}, as asked.");
            return failed(&Error::upstream(Kind::of_status(status), message).with_status(status));
        }
        _ => {
            let message = format!("The sandbox has no model `{}`; it has echo, lorem, status-503, slow-2000 and cut.", request.model);
            return failed(&Error::upstream(Kind::NotFound, message).with_code("model_not_found"));
        }
    };
    let usage = Usage { input: estimate_tokens(prompt_bytes(&request)), output: counted(&parts), ..Usage::default() };
    let response = Response {
        id: format!("chatcmpl-{nonce}"),
        model: request.model.clone(),
        created: Some(now),
        parts,
        finish,
        usage: Some(usage),
        ..Response::default()
    };
    let echo = Echo { model: model.clone(), now, nonce: nonce.to_owned(), stream_usage: request.stream_usage };
    let wait_ms = if name == "slow" { number.unwrap_or(0).min(MAX_WAIT_MS) } else { 0 };
    if request.stream {
        let (chunks, cut) = streamed(response, echo, name == "cut");
        return Script { wait_ms, status: 200, content_type: "text/event-stream; charset=utf-8", chunks, cut };
    }
    Script { wait_ms, status: 200, content_type: "application/json", chunks: vec![chat::encode_response(&response, &echo)], cut: false }
}

fn failed(error: &Error) -> Script {
    let body = chat::encode_error(error);
    Script { status: error.status, content_type: "application/json", chunks: vec![body], ..Script::default() }
}

/// The last user text; a call of the tool it names; or, if a schema is asked for and the text does not fit, the
/// least that fits the schema.
fn echoed(request: &Request, nonce: &str) -> (Vec<Part>, Finish) {
    let text = last_user_text(request);
    if let Some(call) = tool_call(request, &text, nonce) {
        return (vec![Part::ToolCall(call)], Finish { reason: Reason::ToolCalls, ..Finish::default() });
    }
    let text = match &request.format {
        Format::Text => text,
        _ if lean::from_str::<Value>(&text).is_ok_and(|value| value.is_object()) => text,
        Format::JsonObject => json!({ "echo": text }).to_string(),
        Format::JsonSchema { schema, .. } => {
            lean::from_str(schema.get()).map(|schema| least(&schema, &schema, 0).to_string()).unwrap_or(text)
        }
    };
    let limit = request.max_tokens.and_then(|tokens| usize::try_from(tokens).ok()).map_or(usize::MAX, |tokens| tokens.saturating_mul(4));
    let end = text.char_indices().map(|(at, _)| at).find(|at| *at >= limit);
    match end.and_then(|end| text.get(..end)) {
        Some(start) => (vec![Part::text(start)], Finish { reason: Reason::Length, ..Finish::default() }),
        None => (vec![Part::text(text)], Finish::default()),
    }
}

fn lorem(request: &Request) -> (Vec<Part>, Finish) {
    let words = request.max_tokens.and_then(|tokens| usize::try_from(tokens).ok()).unwrap_or(16).min(MAX_WORDS);
    let text: Vec<&str> = LOREM.iter().copied().cycle().take(words).collect();
    (vec![Part::text(text.join(" "))], Finish { reason: Reason::Length, ..Finish::default() })
}

fn last_user_text(request: &Request) -> String {
    let turn = request.turns.iter().rev().find(|turn| turn.role == Role::User);
    let mut text = String::new();
    for part in turn.map(|turn| turn.parts.as_slice()).unwrap_or_default() {
        let more = match part {
            Part::Text(part) => part.text.clone(),
            Part::ToolResult(result) => {
                result.parts.iter().filter_map(|part| if let Part::Text(text) = part { Some(text.text.as_str()) } else { None }).collect()
            }
            _ => continue,
        };
        if !text.is_empty() {
            text.push('\n');
        }
        text.push_str(&more);
    }
    text
}

/// `call NAME {json}` as a call, if the tool was declared.
fn tool_call(request: &Request, text: &str, nonce: &str) -> Option<ToolCall> {
    let rest = text.trim().strip_prefix("call ")?.trim_start();
    let (name, arguments) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
    let declared = request.tools.iter().any(|tool| matches!(tool, Tool::Function { name: known, .. } if known == name));
    let arguments = if arguments.trim().is_empty() { "{}" } else { arguments.trim() };
    let fine = declared && lean::from_str::<Map<String, Value>>(arguments).is_ok();
    fine.then(|| ToolCall { id: format!("call_{nonce}"), name: name.to_owned(), arguments: arguments.to_owned(), cache: None })
}

/// The least value that fits a schema.
fn least(schema: &Value, root: &Value, depth: usize) -> Value {
    if depth > 16 {
        return Value::Null;
    }
    let fits = |schema: &Value| least(schema, root, depth + 1);
    if let Some(path) = schema.get("$ref").and_then(Value::as_str) {
        return path.strip_prefix('#').and_then(|pointer| root.pointer(pointer)).map_or(Value::Null, fits);
    }
    if let Some(value) = schema.get("const").or_else(|| schema.get("default")) {
        return value.clone();
    }
    for name in ["enum", "examples"] {
        if let Some(value) = schema.get(name).and_then(Value::as_array).and_then(|values| values.first()) {
            return value.clone();
        }
    }
    for name in ["anyOf", "oneOf", "allOf"] {
        if let Some(one) = schema.get(name).and_then(Value::as_array).and_then(|schemas| schemas.first()) {
            return fits(one);
        }
    }
    let kind = schema.get("type").and_then(|kind| kind.as_str().or_else(|| kind.get(0)?.as_str()));
    match kind.unwrap_or(if schema.get("properties").is_some() { "object" } else { "string" }) {
        "object" => {
            let properties = schema.get("properties").and_then(Value::as_object);
            properties.into_iter().flatten().map(|(name, schema)| (name.clone(), fits(schema))).collect::<Map<_, _>>().into()
        }
        "array" => {
            let wanted = schema.get("minItems").and_then(Value::as_u64).unwrap_or(0).min(16);
            (0..wanted).map(|_| schema.get("items").map_or(Value::Null, fits)).collect()
        }
        "integer" | "number" => schema.get("minimum").cloned().unwrap_or(json!(0)),
        "boolean" => json!(false),
        "null" => Value::Null,
        _ => json!("text"),
    }
}

fn prompt_bytes(request: &Request) -> usize {
    let length = |part: &Part| if let Part::Text(text) = part { text.text.len() } else { 0 };
    request.turns.iter().flat_map(|turn| &turn.parts).map(length).sum()
}

/// A token per word, as the stream has them.
fn counted(parts: &[Part]) -> u64 {
    let words = |part: &Part| match part {
        Part::Text(text) => text.text.split_whitespace().count(),
        Part::ToolCall(call) => call.arguments.split_whitespace().count().saturating_add(1),
        _ => 0,
    };
    parts.iter().map(|part| u64::try_from(words(part)).unwrap_or(u64::MAX)).sum()
}

/// The stream word by word, an event a chunk; cut after three words if so asked.
fn streamed(response: Response, echo: Echo, cut: bool) -> (Vec<Vec<u8>>, bool) {
    let mut writer = chat::StreamWriter::new(echo);
    let mut chunks = Vec::new();
    let mut words = 0;
    for event in response.into_events().into_iter().flat_map(by_word) {
        if matches!(event, Event::Delta(_)) {
            words += 1;
        }
        if cut && (words > 3 || matches!(event, Event::End)) {
            return (chunks, true);
        }
        let mut chunk = Vec::new();
        writer.push(&event, &mut chunk);
        if !chunk.is_empty() {
            chunks.push(chunk);
        }
    }
    (chunks, false)
}

fn by_word(event: Event) -> Vec<Event> {
    use crate::ir::Delta;
    match event {
        Event::Delta(Delta::Text(text)) => text.split_inclusive(' ').map(|word| Event::Delta(Delta::Text(word.to_owned()))).collect(),
        other => vec![other],
    }
}
