//! The Converse dialect and the event stream that it comes in, against bytes as they are on the wire.
#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod answers;
mod aws;
mod conversations;
mod frames;
#[path = "../pieces/mod.rs"]
mod pieces;
mod recordings;
mod settings;
mod streams;

use causeway::error::Error;
use causeway::ir::*;
use causeway::wire::converse::{StreamReader, decode_response, encode_request};
use causeway::wire::frame::aws::Parser;
use causeway::wire::{Abilities, Dialect, Echo, Reader, chat, messages};
use serde_json::{Value, json};

use pieces::folded;

const CLAUDE: &str = "us.anthropic.claude-sonnet-4-5-20250929-v1:0";

fn echo() -> Echo {
    Echo { model: "asked-model".into(), now: 1, nonce: "nonce".into(), stream_usage: true }
}

/// A request of a chat caller; model and messages are filled in where they are missing.
fn chat_request(mut body: Value) -> Request {
    let fields = body.as_object_mut().unwrap();
    fields.entry("model").or_insert(json!(CLAUDE));
    fields.entry("messages").or_insert(json!([{"role": "user", "content": "Hi"}]));
    chat::decode_request(body.to_string().as_bytes()).unwrap()
}

fn messages_request(mut body: Value) -> Request {
    let fields = body.as_object_mut().unwrap();
    fields.entry("model").or_insert(json!(CLAUDE));
    fields.entry("max_tokens").or_insert(json!(8_000));
    fields.entry("messages").or_insert(json!([{"role": "user", "content": "Hi"}]));
    messages::decode_request(body.to_string().as_bytes()).unwrap()
}

/// The body for the provider and what was lost.
fn sent_with(request: &Request, abilities: Abilities) -> (Value, Vec<String>) {
    let mut losses = Losses::default();
    let body = encode_request(request, &abilities, &mut losses).unwrap();
    (serde_json::from_slice(&body).unwrap(), losses.names().to_vec())
}

fn sent(request: &Request) -> Value {
    sent_with(request, Abilities::default()).0
}

fn refused(request: &Request) -> String {
    encode_request(request, &Abilities::default(), &mut Losses::default()).unwrap_err().message
}

/// The events of a stream that comes in pieces of this size.
fn read(bytes: &[u8], size: usize, fault: Option<Error>) -> Vec<Event> {
    pieces::read(Dialect::Converse, &mut StreamReader::default(), bytes, size, fault)
}

/// A stream of these events, read in pieces of many sizes.
fn streamed(stream: &[(&str, Value)]) -> Result<Response, Error> {
    let bytes: Vec<u8> = stream.iter().flat_map(|(kind, payload)| aws::event(kind, &payload.to_string())).collect();
    let whole = folded(read(&bytes, bytes.len(), None));
    for size in [1, 7, 4_096] {
        assert_eq!(format!("{:?}", folded(read(&bytes, size, None))), format!("{whole:?}"), "in pieces of {size}");
    }
    whole
}

fn decoded(body: Value) -> Response {
    decode_response(body.to_string().as_bytes()).unwrap()
}

/// As a chat caller sees it.
fn chat_answer(response: &Response) -> Value {
    serde_json::from_slice(&chat::encode_response(response, &echo())).unwrap()
}

fn messages_answer(response: &Response) -> Value {
    serde_json::from_slice(&messages::encode_response(response, &echo())).unwrap()
}
