//! What providers answer piece by piece.

use causeway::error::{Error, Kind};
use causeway::ir::{Event, Fold, Grammar};
use causeway::wire::frame::sse;
use causeway::wire::pipe::{Passed, Pipe, Strain, Tap, Translate};
use causeway::wire::{Dialect, Glance};

use crate::corpus::{framed, seeds};
use crate::dialects::{CALLERS, PROVIDERS, bounded, echo, json, told, words};
use crate::frames::{pieces, whole_frames};
use crate::run::Target;

pub fn targets() -> Vec<Target> {
    let streams = |dialect: Dialect| {
        let bytes = move |input: &[u8]| if dialect == Dialect::Converse { framed(input) } else { input.to_vec() };
        let mut inputs = seeds(dialect.slug(), "stream");
        if dialect == Dialect::Chat {
            inputs.push(long_names());
        }
        Target::new(format!("streams of {}", dialect.slug()), inputs, move |input| stream(dialect, &bytes(input)))
    };
    let passing = |dialect: Dialect| {
        Target::new(format!("passing streams of {}", dialect.slug()), seeds(dialect.slug(), "stream"), move |input| passing(dialect, input))
    };
    PROVIDERS.into_iter().map(streams).chain(CALLERS.into_iter().map(passing)).collect()
}

/// Names that dialects repeat in every chunk.
fn long_names() -> Vec<u8> {
    let name = "n".repeat(20_000);
    let first = format!("data: {{\"id\":\"{name}\",\"model\":\"{name}\",\"system_fingerprint\":\"{name}\",\"choices\":[]}}\n\n");
    let chunks = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"}}]}\n\n".repeat(300);
    [first, chunks, "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n".to_owned()].concat().into_bytes()
}

/// The events of a stream, which keep the grammar.
fn read(dialect: Dialect, input: &[u8], at_once: bool, fault: Option<Error>) -> Vec<Event> {
    let (mut frames, mut reader, mut events) = (dialect.frames(), (dialect.outbound().reader)(), Vec::new());
    let mut take = |piece: &[u8]| {
        frames.push(piece, &mut |frame| reader.push(frame, &mut events));
    };
    if at_once {
        take(input)
    } else {
        pieces(input, take)
    }
    let broken = frames.fault().map(|why| Error::upstream(Kind::Failed, why));
    if fault.is_none() && broken.is_none() {
        frames.finish(&mut |frame| reader.push(frame, &mut events));
    }
    reader.finish(fault.or(broken), &mut events);
    let mut grammar = Grammar::default();
    for event in &events {
        grammar = grammar.step(event).unwrap_or_else(|why| panic!("{why}: {event:?} after {grammar:?}"));
    }
    assert_eq!(grammar, Grammar::Over, "a stream without an end");
    events
}

/// The text that a stream told, or that it failed.
fn said(events: Vec<Event>) -> Result<Option<String>, ()> {
    let mut fold = Fold::default();
    events.into_iter().for_each(|event| fold.push(event));
    Ok(words(&fold.finish().map_err(|_| ())?.parts))
}

fn stream(from: Dialect, input: &[u8]) {
    let events = read(from, input, true, None);
    assert!(events.len() <= 64 + 4 * input.len(), "{} events for {} bytes", events.len(), input.len());
    if let Some(Event::Error(error)) = events.last() {
        told(input, error);
    }
    let shown = format!("{events:?}");
    bounded(input, shown.as_bytes());
    assert_eq!(shown, format!("{:?}", read(from, input, false, None)), "the pieces make a difference");
    read(from, input, true, Some(Error::upstream(Kind::Unreachable, "broken")));
    let said = said(events);
    for to in CALLERS {
        let (out, glance) = piped(&mut Pipe::Translate(Translate::new(from, to, echo())), input, true);
        let (pieced, also) = piped(&mut Pipe::Translate(Translate::new(from, to, echo())), input, false);
        assert!(out == pieced, "the pieces make a difference in {}", to.slug());
        assert_eq!(glance, also);
        assert_eq!((glance.finished, glance.failed), (said.is_ok(), said.is_err()));
        bounded(input, &out);
        check_frames(to, &out);
        if to != Dialect::Completions && said != Ok(None) {
            assert_eq!(self::said(read(to, &out, true, None)), said, "another answer in {}: {}", to.slug(), out.escape_ascii());
        }
    }
}

fn piped(pipe: &mut Pipe, input: &[u8], at_once: bool) -> (Vec<u8>, Glance) {
    let mut out = Vec::new();
    let mut take = |piece: &[u8]| match pipe.push(piece) {
        Passed::Same => out.extend_from_slice(piece),
        Passed::Bytes(bytes) => out.extend(bytes),
    };
    if at_once {
        take(input)
    } else {
        pieces(input, take)
    }
    out.extend(pipe.finish(None));
    (out, pipe.glance().clone())
}

/// A caller's stream is events of JSON, `[DONE]` last.
fn check_frames(dialect: Dialect, out: &[u8]) {
    let mut done = 0;
    let mut look = |frame: sse::Frame<'_>| {
        assert_eq!(done, 0, "something after the end");
        if frame.data == b"[DONE]" {
            done += 1;
        } else {
            json(frame.data);
        }
    };
    let mut parser = sse::Parser::default();
    parser.push(out, &mut look);
    assert!(out.is_empty() || out.ends_with(b"\n\n") || out.ends_with(b"\r\n\r\n"), "an event without an end in {}", dialect.slug());
    parser.finish(&mut look);
}

fn passing(dialect: Dialect, input: &[u8]) {
    let (out, glance) = piped(&mut Pipe::Tap(Tap::new(dialect)), input, true);
    let said = out.strip_prefix(input).expect("the bytes pass as they came");
    let over = glance.finished || glance.failed;
    assert!(said.is_empty() || !over, "what broke off says so, and nothing else");
    let (_, also) = piped(&mut Pipe::Tap(Tap::new(dialect)), input, false);
    assert_eq!(glance, also, "the pieces make a difference");
    assert!(glance.produced <= input.len(), "more than came");
    if matches!(dialect, Dialect::Chat | Dialect::Completions) {
        let (out, glance) = piped(&mut Pipe::Strain(Strain::new(dialect)), input, true);
        let (pieced, also) = piped(&mut Pipe::Strain(Strain::new(dialect)), input, false);
        // One blank line or two: it depends on which of them was held when the stream ended.
        assert!(whole_frames(&out) == whole_frames(&pieced), "the pieces make a difference");
        assert_eq!(glance, also);
        assert!(out.len() <= input.len() + 1_024, "more than came");
    }
}
