//! How a stream travels from the upstream to the caller.
//!
//! - `Tap`: the bytes pass untouched, by themselves; a second look at them keeps count.
//! - `Strain`: the bytes pass untouched but for the usage chunk that only we asked for.
//! - `Translate`: frames are read into events and written anew.
//! - `Listed`: what any of them gives, as one JSON array.

use super::envelope::Envelope;
use super::frame::list::List;
use super::frame::{Frames, sse};
use super::{Dialect, Echo, Glance, Reader, Writer, scan};
use crate::error::{Error, Kind};
use crate::ir::{Event, Grammar};

pub enum Pipe {
    Tap(Tap),
    Strain(Strain),
    Translate(Translate),
    Listed(Listed),
}

/// What is to be sent on for a piece that came.
#[derive(Debug, PartialEq, Eq)]
pub enum Passed {
    /// The piece as it is.
    Same,
    Bytes(Vec<u8>),
}

impl Pipe {
    /// Whether the host may let the bytes pass by themselves and show them later.
    pub fn is_tap(&self) -> bool {
        matches!(self, Pipe::Tap(_))
    }

    /// Whether the answer is written anew, so that the provider's headers are of another.
    pub fn translates(&self) -> bool {
        match self {
            Pipe::Translate(_) => true,
            Pipe::Listed(listed) => listed.pipe.translates(),
            Pipe::Tap(_) | Pipe::Strain(_) => false,
        }
    }

    pub fn push(&mut self, piece: &[u8]) -> Passed {
        match self {
            Pipe::Tap(tap) => {
                tap.push(piece);
                Passed::Same
            }
            Pipe::Strain(strain) => strain.push(piece),
            Pipe::Translate(translate) => Passed::Bytes(translate.push(piece)),
            Pipe::Listed(listed) => Passed::Bytes(listed.push(piece)),
        }
    }

    /// The upstream's stream is over; what is still to be sent.
    pub fn finish(&mut self, fault: Option<Error>) -> Vec<u8> {
        match self {
            Pipe::Tap(tap) => {
                tap.broke = tap.frames.is_within();
                tap.finish();
                // The rest of an event that broke off would be taken for the rest of it.
                if tap.broke { Vec::new() } else { tap.parting(fault) }
            }
            Pipe::Strain(strain) => strain.finish(fault),
            Pipe::Translate(translate) => translate.finish(fault),
            Pipe::Listed(listed) => listed.finish(fault),
        }
    }

    /// After the finish: the bytes that passed end in the middle of an event, and no words can be put after them.
    pub fn broke_within(&self) -> bool {
        matches!(self, Pipe::Tap(tap) if tap.broke && !tap.glance.finished)
    }

    pub fn glance(&self) -> &Glance {
        match self {
            Pipe::Tap(tap) => &tap.glance,
            Pipe::Strain(strain) => &strain.tap.glance,
            Pipe::Translate(translate) => &translate.glance,
            Pipe::Listed(listed) => listed.pipe.glance(),
        }
    }
}

/// A stream as one JSON array.
pub struct Listed {
    pipe: Box<Pipe>,
    list: List,
}

impl Listed {
    pub fn new(pipe: Pipe) -> Self {
        Self { pipe: Box::new(pipe), list: List::default() }
    }

    fn push(&mut self, piece: &[u8]) -> Vec<u8> {
        let passed = self.pipe.push(piece);
        let events = if let Passed::Bytes(bytes) = &passed { bytes } else { piece };
        let mut out = Vec::with_capacity(events.len());
        self.list.push(events, &mut out);
        out
    }

    /// The array ends if the answer did, or the provider said why it did not. What is said here of one that was cut
    /// is its last element, after which the end is missing.
    fn finish(&mut self, fault: Option<Error>) -> Vec<u8> {
        let mut out = Vec::new();
        let failed = self.pipe.glance().failed;
        let rest = match &mut *self.pipe {
            // Whole events have passed, so that there can be words after them.
            Pipe::Tap(tap) => {
                self.list.finish(&mut out);
                tap.finish();
                tap.parting(fault)
            }
            pipe => pipe.finish(fault),
        };
        self.list.push(&rest, &mut out);
        self.list.finish(&mut out);
        let glance = self.pipe.glance();
        if failed || (glance.finished && !glance.failed) {
            self.list.close(&mut out);
        }
        out
    }
}

/// Keeps count of a stream that passes.
pub struct Tap {
    dialect: Dialect,
    frames: sse::Parser,
    glance: Glance,
    /// It ended within an event.
    broke: bool,
}

impl Tap {
    pub fn new(dialect: Dialect) -> Self {
        Self { dialect, frames: sse::Parser::default(), glance: Glance::default(), broke: false }
    }

    fn push(&mut self, piece: &[u8]) {
        let Self { dialect, frames, glance, .. } = self;
        frames.push(piece, &mut |frame| (dialect.inbound().glance_frame)(&frame, glance));
    }

    fn finish(&mut self) {
        let Self { dialect, frames, glance, .. } = self;
        frames.finish(&mut |frame| (dialect.inbound().glance_frame)(&frame, glance));
    }

    /// What a stream that ended before its answer says of it, as the caller's connection will not show it.
    fn parting(&self, fault: Option<Error>) -> Vec<u8> {
        let mut out = Vec::new();
        if !self.glance.finished && !self.glance.failed {
            let error = Event::Error(fault.unwrap_or_else(Error::unfinished));
            (self.dialect.inbound().writer)(Echo::default()).push(&error, &mut out);
        }
        out
    }
}

/// Takes the usage out of a chat stream whose caller did not ask for it: many clients read `choices[0]` of every
/// chunk, and the chunk of the usage has none. All other bytes pass as they came.
pub struct Strain {
    tap: Tap,
    /// An event whose end has not come yet.
    held: Vec<u8>,
    /// How much of it has been searched for its end in vain.
    searched: usize,
}

impl Strain {
    pub fn new(dialect: Dialect) -> Self {
        Self { tap: Tap::new(dialect), held: Vec::new(), searched: 0 }
    }

    fn push(&mut self, piece: &[u8]) -> Passed {
        self.tap.push(piece);
        if self.held.is_empty() && piece.ends_with(b"\n\n") && !may_hold_usage(piece) {
            return Passed::Same;
        }
        self.held.extend_from_slice(piece);
        // What is too long for an event is none that tells usage.
        let blank = self.held.iter().all(|byte| matches!(byte, b'\r' | b'\n'));
        let whole = blank || self.held.len() > sse::MAX_FRAME;
        let end = if whole { self.held.len() } else { last_event_end(&self.held, self.searched) };
        let rest = self.held.split_off(end);
        self.searched = rest.len();
        let whole = std::mem::replace(&mut self.held, rest);
        Passed::Bytes(without_usage(whole))
    }

    /// What is held when a stream breaks off is part of an event: clients would stumble over it.
    fn finish(&mut self, fault: Option<Error>) -> Vec<u8> {
        self.tap.finish();
        let said = self.tap.parting(fault);
        if said.is_empty() { without_usage(std::mem::take(&mut self.held)) } else { said }
    }
}

fn may_hold_usage(bytes: &[u8]) -> bool {
    is_empty(bytes) || counts(bytes)
}

fn is_empty(bytes: &[u8]) -> bool {
    tells(bytes, b"\"choices\":", b"[]")
}

/// Some tell the usage beside the last of what they say.
fn counts(bytes: &[u8]) -> bool {
    tells(bytes, b"\"usage\":", b"{")
}

/// Whether a value that begins so comes after this name.
fn tells(bytes: &[u8], name: &[u8], value: &[u8]) -> bool {
    let mut at = 0;
    while let Some(rest) = bytes.get(at..) {
        at += value.first().map_or(0, |first| scan::find(rest, *first));
        let Some((before, after)) = bytes.split_at_checked(at).filter(|(_, after)| !after.is_empty()) else { break };
        if after.starts_with(value) && before.trim_ascii_end().ends_with(name) {
            return true;
        }
        at += 1;
    }
    false
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}

/// Whether an event ends here, whatever ends lines.
fn ends_event(bytes: &[u8], at: usize) -> bool {
    bytes.get(..at).is_some_and(|head| head.ends_with(b"\n\n") || head.ends_with(b"\n\r\n") || head.ends_with(b"\r\r"))
}

/// Where the last complete event ends, after its blank line; 0 if none ends after so many bytes.
fn last_event_end(bytes: &[u8], searched: usize) -> usize {
    (searched..=bytes.len()).rev().find(|at| ends_event(bytes, *at)).unwrap_or(0)
}

/// Whole events, less those that tell nothing but usage, and less the usage of others.
fn without_usage(bytes: Vec<u8>) -> Vec<u8> {
    if !may_hold_usage(&bytes) {
        return bytes;
    }
    let mut out = Vec::with_capacity(bytes.len());
    let mut rest = bytes.as_slice();
    while !rest.is_empty() {
        let (event, after) = rest.split_at(first_event_end(rest));
        if !(is_empty(event) && find(event, b"\"usage\"").is_some()) {
            out.extend_from_slice(uncounted(event).as_deref().unwrap_or(event));
        }
        rest = after;
    }
    out
}

/// An event without its usage, if it tells any.
fn uncounted(event: &[u8]) -> Option<Vec<u8>> {
    let mut data = None;
    if counts(event) {
        sse::Parser::default().push(event, &mut |frame| data = Some(frame.data.to_vec()));
    }
    let data = data.filter(|data| !data.contains(&b'\n'))?;
    let mut chunk = Envelope::look(&data).ok()?;
    chunk.remove("usage").then(|| [b"data: ", &*chunk.bytes(), b"\n\n"].concat())
}

fn first_event_end(bytes: &[u8]) -> usize {
    (0..=bytes.len()).find(|at| ends_event(bytes, *at)).unwrap_or(bytes.len())
}

/// Reads the provider's frames and writes the caller's.
pub struct Translate {
    frames: Frames,
    reader: Box<dyn Reader>,
    writer: Box<dyn Writer>,
    grammar: Grammar,
    events: Vec<Event>,
    glance: Glance,
}

impl Translate {
    pub fn new(from: Dialect, to: Dialect, mut echo: Echo) -> Self {
        clip(&mut echo.model);
        Self {
            frames: from.frames(),
            reader: (from.outbound().reader)(),
            writer: (to.inbound().writer)(echo),
            grammar: Grammar::default(),
            events: Vec::new(),
            glance: Glance::default(),
        }
    }

    fn push(&mut self, piece: &[u8]) -> Vec<u8> {
        let Self { frames, reader, events, .. } = self;
        frames.push(piece, &mut |frame| reader.push(frame, events));
        if let Some(why) = frames.fault() {
            reader.finish(Some(Error::upstream(Kind::Failed, why)), events);
        }
        self.write()
    }

    fn finish(&mut self, fault: Option<Error>) -> Vec<u8> {
        let Self { frames, reader, events, .. } = self;
        if fault.is_none() {
            frames.finish(&mut |frame| reader.push(frame, events));
        }
        reader.finish(fault, events);
        self.write()
    }

    /// Writes the events that wait. What breaks the grammar is our fault and ends the stream with an error.
    fn write(&mut self) -> Vec<u8> {
        let mut out = Vec::with_capacity(if self.events.is_empty() { 0 } else { CHUNK });
        for mut event in self.events.drain(..) {
            shorten(&mut event);
            if self.grammar == Grammar::Over {
                break;
            }
            match self.grammar.step(&event) {
                Ok(next) => self.grammar = next,
                Err(why) => {
                    debug_assert!(false, "{why}: {event:?} after {:?}", self.grammar);
                    self.grammar = Grammar::Over;
                    self.glance.failed = true;
                    self.writer.push(&Event::Error(Error::gateway("The provider's stream could not be understood.")), &mut out);
                    break;
                }
            }
            self.glance.note(&event);
            self.writer.push(&event, &mut out);
        }
        out
    }
}

/// What a piece of a stream mostly becomes is no longer.
const CHUNK: usize = 1_024;

/// The longest of what dialects repeat in every chunk, so that a stream does not become many times what came.
pub const LONGEST_REPEATED: usize = 1_024;

fn shorten(event: &mut Event) {
    if let Event::Begin { id, model, .. } = event {
        clip(id);
        clip(model);
    }
}

fn clip(name: &mut String) {
    name.truncate(name.floor_char_boundary(LONGEST_REPEATED));
}

#[cfg(test)]
mod tests {
    use super::*;

    const STREAM: &str = concat!(
        "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"}}],\"usage\":null}\n\n",
        ": keep-alive\n\n",
        "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}],\"usage\":null}\n\n",
        "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":1,\"total_tokens\":4}}\n\n",
        "data: [DONE]\n\n",
    );

    fn strained(stream: &str, size: usize) -> String {
        let mut pipe = Pipe::Strain(Strain::new(Dialect::Chat));
        let mut out = Vec::new();
        for piece in stream.as_bytes().chunks(size) {
            match pipe.push(piece) {
                Passed::Same => out.extend_from_slice(piece),
                Passed::Bytes(bytes) => out.extend(bytes),
            }
        }
        out.extend(pipe.finish(None));
        assert_eq!(pipe.glance().usage.map(|usage| (usage.input, usage.output)), Some((3, 1)), "in pieces of {size}");
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn the_usage_chunk_is_taken_out_and_every_other_byte_passes() {
        for stream in [STREAM.to_owned(), STREAM.replace('\n', "\r\n"), STREAM.replace('\n', "\r")] {
            let usage = stream.find("data: {\"choices\":[],").unwrap();
            let done = stream.find("data: [DONE]").unwrap();
            let expected = [stream.split_at(usage).0, stream.split_at(done).1].concat();
            for size in [1, 2, 7, 50, 4096] {
                assert_eq!(strained(&stream, size), expected, "in pieces of {size}");
            }
        }
    }

    #[test]
    fn usage_that_comes_with_the_last_words_is_taken_out_of_them() {
        let (said, usage) = (
            "{\"index\":1,\"delta\":{\"content\":\"\"},\"finish_reason\":\"stop\"}",
            ",\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":1}",
        );
        let stream = |usage: &str| {
            let quoted = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"\\\"usage\\\":{}\"}}]}\n\n";
            format!("{quoted}data: {{\"id\":\"c\",\"choices\":[{said}]{usage},\"p\":\"ab\"}}\n\ndata: [DONE]\n\n")
        };
        for size in [1, 7, 4096] {
            assert_eq!(strained(&stream(usage), size), stream(""), "in pieces of {size}");
        }
    }

    #[test]
    fn a_stream_without_an_end_to_its_event_is_not_held_for_ever() {
        let mut pipe = Pipe::Strain(Strain::new(Dialect::Chat));
        let piece = vec![b'x'; 1 << 20];
        let mut passed = 0;
        for _ in 0..40 {
            let Passed::Bytes(bytes) = pipe.push(&piece) else { panic!() };
            passed += bytes.len();
        }
        assert!(passed > 20 * piece.len(), "{passed}");
    }

    #[test]
    fn what_is_repeated_in_every_chunk_is_clipped() {
        let stream =
            format!("data: {{\"id\":\"{0}\",\"model\":\"{0}\",\"choices\":[{{\"delta\":{{\"content\":\"a\"}}}}]}}\n\n", "ü".repeat(9_999));
        for to in [Dialect::Chat, Dialect::Responses, Dialect::Messages, Dialect::Gemini, Dialect::Completions] {
            let mut pipe = Pipe::Translate(Translate::new(Dialect::Chat, to, Echo::default()));
            let Passed::Bytes(out) = pipe.push(stream.as_bytes()) else { panic!() };
            assert!(!out.is_empty() && out.len() < 10_000, "{to:?}: {}", out.len());
        }
    }

    #[test]
    fn an_event_that_broke_off_gives_way_to_the_error() {
        for size in [1, 7, 4096] {
            let mut pipe = Pipe::Strain(Strain::new(Dialect::Chat));
            let stream = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"}}]}\n\ndata: {\"choi";
            let mut out = Vec::new();
            for piece in stream.as_bytes().chunks(size) {
                if let Passed::Bytes(bytes) = pipe.push(piece) {
                    out.extend(bytes);
                }
            }
            out.extend(pipe.finish(None));
            let text = String::from_utf8(out).unwrap();
            let (told, error) = text.split_at(stream.rfind("data: ").unwrap());
            assert!(stream.starts_with(told) && error.starts_with("data: {\"error\":"), "in pieces of {size}: {text}");
        }
    }

    #[test]
    fn an_empty_choices_chunk_without_usage_passes() {
        let stream = "data: {\"choices\":[],\"prompt_filter_results\":[]}\n\n";
        let mut pipe = Pipe::Strain(Strain::new(Dialect::Chat));
        assert_eq!(pipe.push(stream.as_bytes()), Passed::Bytes(stream.as_bytes().to_vec()));
    }
}
