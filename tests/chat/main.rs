//! The OpenAI Chat Completions dialect: requests, answers and streams, against bytes as they are on the wire.
#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod answers;
mod beside;
mod broken;
mod knobs;
#[path = "../pieces/mod.rs"]
mod pieces;
mod requests;
mod told;
mod writers;

use causeway::error::Error;
use causeway::ir::*;
use causeway::wire::chat::*;
use causeway::wire::frame::sse;
use causeway::wire::{Abilities, Dialect, Echo, Glance, Writer};
use serde_json::{Value, json};

use pieces::folded;

fn echo() -> Echo {
    Echo { model: "asked-model".into(), now: 1, nonce: "nonce".into(), stream_usage: true }
}

fn turn(role: Role, parts: Vec<Part>) -> Turn {
    Turn { role, parts, name: None }
}

fn call(id: &str, name: &str, arguments: &str) -> Part {
    Part::ToolCall(ToolCall { id: id.into(), name: name.into(), arguments: arguments.into(), cache: None })
}

/// A request of these fields, and a message and a model where it has none.
fn body(fields: Value) -> Value {
    let mut body = json!({"model": "m", "messages": [{"role": "user", "content": "x"}]});
    body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    body
}

fn decoded(body: &Value) -> Request {
    decode_request(body.to_string().as_bytes()).unwrap_or_else(|error| panic!("{}: {body}", error.message))
}

/// The body as it is sent on, and what was lost.
fn encoded(request: &Request, same_dialect: bool, abilities: Abilities) -> (Value, Vec<String>) {
    let mut losses = Losses::default();
    let body = encode_request(request, same_dialect, &abilities, &mut losses).unwrap_or_else(|error| panic!("{}", error.message));
    (serde_json::from_slice(&body).unwrap(), losses.names().to_vec())
}

/// The events of a stream that comes in pieces of this size.
fn read(bytes: &[u8], size: usize, fault: Option<Error>) -> Vec<Event> {
    pieces::read(Dialect::Chat, &mut StreamReader::default(), bytes, size, fault)
}

fn glanced(bytes: &[u8]) -> Glance {
    let mut glance = Glance::default();
    let mut parser = sse::Parser::default();
    parser.push(bytes, &mut |frame| glance_frame(&frame, &mut glance));
    parser.finish(&mut |frame| glance_frame(&frame, &mut glance));
    glance
}
