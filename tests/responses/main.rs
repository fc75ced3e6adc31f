//! The OpenAI Responses dialect: requests, answers and streams, against bytes as they are on the wire.
#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod reading;
mod recorded;
mod requests;
mod writing;

use causeway::error::Error;
use causeway::ir::*;
use causeway::wire::Reader;
use causeway::wire::frame::sse;
use causeway::wire::responses::*;
use serde_json::Value;

fn read(bytes: &[u8], size: usize, fault: Option<Error>) -> Vec<Event> {
    let mut parser = sse::Parser::default();
    let mut reader = StreamReader::default();
    let mut events = Vec::new();
    for piece in bytes.chunks(size) {
        parser.push(piece, &mut |frame| reader.push(frame, &mut events));
    }
    parser.finish(&mut |frame| reader.push(frame, &mut events));
    reader.finish(fault, &mut events);
    checked(events)
}

/// Events that follow the grammar to its end.
fn checked(events: Vec<Event>) -> Vec<Event> {
    let mut grammar = Grammar::default();
    for event in &events {
        grammar = grammar.step(event).unwrap_or_else(|why| panic!("{why}: {event:?}"));
    }
    assert_eq!(grammar, Grammar::Over);
    events
}

fn folded(events: Vec<Event>) -> Result<Response, Error> {
    let mut fold = Fold::default();
    events.into_iter().for_each(|event| fold.push(event));
    fold.finish()
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
