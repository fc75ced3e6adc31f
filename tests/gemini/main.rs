//! Google's generateContent dialect, against bytes as they are on the wire.
#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod answers;
mod callers;
#[path = "../pieces/mod.rs"]
mod pieces;
mod recorded;
mod requests;

use causeway::error::Error;
use causeway::ir::*;
use causeway::wire::frame::sse;
use causeway::wire::gemini::*;
use causeway::wire::{Abilities, Dialect, Echo, ThinkingStyle, chat, messages};
use serde_json::{Value, json};

use pieces::folded;

const SIZES: [usize; 4] = [1, 7, 4_096, usize::MAX];

fn echo() -> Echo {
    Echo { model: "asked-model".into(), now: 1, nonce: "nonce".into(), stream_usage: true }
}

/// The events of a stream that comes in pieces of this size.
fn read(bytes: &[u8], size: usize, fault: Option<Error>) -> Vec<Event> {
    pieces::read(Dialect::Gemini, &mut StreamReader::default(), bytes, size, fault)
}

/// A stream of chunks as Google sends it.
fn stream(chunks: &[Value]) -> Vec<u8> {
    chunks.iter().map(|chunk| format!("data: {chunk}\r\n\r\n")).collect::<String>().into_bytes()
}

/// The same answer whatever the pieces it comes in.
fn streamed(bytes: &[u8]) -> Result<Response, Error> {
    let whole = folded(read(bytes, usize::MAX, None));
    for size in SIZES {
        assert_eq!(format!("{:?}", folded(read(bytes, size, None))), format!("{whole:?}"), "in pieces of {size}");
    }
    whole
}

fn answered(body: &Value) -> Response {
    decode_response(body.to_string().as_bytes()).unwrap()
}

fn chunk(parts: Value) -> Value {
    json!({"candidates": [{"content": {"role": "model", "parts": parts}, "index": 0}], "modelVersion": "gemini-x", "responseId": "r1"})
}

fn last(parts: Value, reason: &str) -> Value {
    let mut chunk = chunk(parts);
    chunk["candidates"][0]["finishReason"] = json!(reason);
    chunk
}

/// A part in few words.
fn told(part: &Part) -> String {
    match part {
        Part::Text(text) => format!("text {}", text.text),
        Part::Thinking(thinking) => format!("thinking {}|{}", thinking.text, thinking.signature.as_deref().unwrap_or_default()),
        Part::ToolCall(call) => format!("call {} {} {}", call.id, call.name, call.arguments),
        Part::ToolResult(result) => {
            format!("result {} {} {:?}", result.call_id, result.is_error, result.parts.iter().map(told).collect::<Vec<_>>())
        }
        Part::Media(media) => format!("media {:?} {:?}", media.kind, media.source),
        Part::Refusal(text) => format!("refusal {text}"),
        Part::Native(native) => format!("native {}", native.kind),
    }
}

fn parts(response: &Response) -> Vec<String> {
    response.parts.iter().map(told).collect()
}

fn turn(role: Role, parts: Vec<Part>) -> Turn {
    Turn { role, parts, name: None }
}

fn call(id: &str, name: &str, arguments: &str) -> Part {
    Part::ToolCall(ToolCall { id: id.into(), name: name.into(), arguments: arguments.into(), cache: None })
}

fn result(id: &str, parts: Vec<Part>, is_error: bool) -> Part {
    Part::ToolResult(ToolResult { call_id: id.into(), parts, is_error, cache: None })
}

fn thinking(text: &str, signature: Option<&str>) -> Part {
    Part::Thinking(Thinking { text: text.into(), signature: signature.map(str::to_owned), redacted: None })
}

fn media(kind: MediaKind, source: Source) -> Part {
    Part::Media(Media { kind, source, name: None, detail: None, cache: None })
}

fn inline(media_type: &str, data: &str) -> Source {
    Source::Inline { media_type: media_type.into(), data: data.into() }
}

fn asking(turns: Vec<Turn>) -> Request {
    Request { turns, ..Request::default() }
}

fn budgeted() -> Abilities {
    Abilities { thinking: ThinkingStyle::Budget, ..Abilities::default() }
}

/// The body for a caller of another dialect, and what was lost.
fn translated(request: &Request, abilities: Abilities) -> (Value, Vec<String>) {
    let mut losses = Losses::default();
    let body = encode_request(request, false, &abilities, &mut losses).unwrap();
    (serde_json::from_slice(&body).unwrap(), losses.names().to_vec())
}

fn refused(request: &Request) -> String {
    encode_request(request, false, &Abilities::default(), &mut Losses::default()).unwrap_err().message
}
