//! The OpenAI Responses dialect: requests, answers and streams, against bytes as they are on the wire.
#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

#[path = "../pieces/mod.rs"]
mod pieces;
mod reading;
mod recorded;
mod requests;
mod writing;

use causeway::error::Error;
use causeway::ir::*;
use causeway::wire::Dialect;
use causeway::wire::frame::sse;
use causeway::wire::responses::*;
use serde_json::Value;

use pieces::folded;

/// The events of a stream that comes in pieces of this size.
fn read(bytes: &[u8], size: usize, fault: Option<Error>) -> Vec<Event> {
    pieces::read(Dialect::Responses, &mut StreamReader::default(), bytes, size, fault)
}

/// A stream of these events, as the provider frames them.
fn stream(events: &[Value]) -> Vec<u8> {
    let frame = |event: &Value| format!("event: {}\ndata: {event}\n\n", event["type"].as_str().unwrap());
    events.iter().map(frame).collect::<String>().into_bytes()
}

/// The answer that a stream of these events makes, the same in whatever pieces it comes.
fn heard(events: &[Value]) -> Result<Response, Error> {
    let bytes = stream(events);
    let whole = folded(read(&bytes, 4_096, None));
    for size in [1, 7] {
        assert_eq!(format!("{:?}", folded(read(&bytes, size, None))), format!("{whole:?}"), "in pieces of {size}");
    }
    whole
}
