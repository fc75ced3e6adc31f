//! A provider's stream as it is read in pieces of some size: its events, which obey the grammar, and the answer that
//! they make.

use causeway::error::Error;
use causeway::ir::{Event, Fold, Grammar, Response};
use causeway::wire::{Dialect, Reader};

/// The events of a stream that comes in pieces of this size, and ends well or with a fault.
pub fn read(dialect: Dialect, reader: &mut dyn Reader, bytes: &[u8], size: usize, fault: Option<Error>) -> Vec<Event> {
    let mut frames = dialect.frames();
    let mut events = Vec::new();
    for piece in bytes.chunks(size) {
        frames.push(piece, &mut |frame| reader.push(frame, &mut events));
    }
    frames.finish(&mut |frame| reader.push(frame, &mut events));
    assert_eq!(frames.fault(), None);
    reader.finish(fault, &mut events);
    checked(events)
}

/// Events that follow the grammar to its end.
fn checked(events: Vec<Event>) -> Vec<Event> {
    let mut grammar = Grammar::default();
    for event in &events {
        grammar = grammar.step(event).unwrap_or_else(|why| panic!("{why}: {event:?} of {events:#?}"));
    }
    assert_eq!(grammar, Grammar::Over);
    events
}

pub fn folded(events: Vec<Event>) -> Result<Response, Error> {
    let mut fold = Fold::default();
    events.into_iter().for_each(|event| fold.push(event));
    fold.finish()
}
