use super::answer::{Cited, finish, length, usage};
use super::response::{call, words};
use crate::error::{Error, Kind};
use crate::ir::{Block, Delta, Event, Extras};
use crate::wire::Reader;
use crate::wire::fault;
use crate::wire::frame::sse;
use crate::wire::lean;
use crate::wire::loose;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::borrow::Cow;

/// Any event of the stream.
#[derive(Deserialize)]
struct Wire<'a> {
    #[serde(borrow, rename = "type", default)]
    kind: Cow<'a, str>,
    #[serde(default, deserialize_with = "loose::words")]
    id: Option<String>,
    #[serde(borrow, default, deserialize_with = "loose::maybe")]
    delta: Option<Change<'a>>,
    /// Where no event of this dialect has one: what went wrong.
    #[serde(borrow)]
    message: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Change<'a> {
    #[serde(borrow, default, deserialize_with = "loose::maybe")]
    message: Option<Said<'a>>,
    #[serde(default, deserialize_with = "loose::words")]
    finish_reason: Option<String>,
    #[serde(borrow)]
    usage: Option<&'a RawValue>,
    #[serde(borrow)]
    error: Option<&'a RawValue>,
}

#[derive(Default, Deserialize)]
struct Said<'a> {
    #[serde(borrow)]
    content: Option<&'a RawValue>,
    #[serde(default, deserialize_with = "loose::words")]
    tool_plan: Option<String>,
    #[serde(borrow)]
    tool_calls: Option<&'a RawValue>,
    #[serde(borrow)]
    citations: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Piece {
    #[serde(default, deserialize_with = "loose::words")]
    text: Option<String>,
    #[serde(default, deserialize_with = "loose::words")]
    thinking: Option<String>,
}

#[derive(Deserialize)]
struct CallPiece<'a> {
    #[serde(borrow)]
    function: Option<FunctionPiece<'a>>,
}

#[derive(Deserialize)]
struct FunctionPiece<'a> {
    #[serde(borrow)]
    arguments: Option<&'a RawValue>,
}

/// The block that is open. It stays open after its end was told: its citations may come later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Open {
    Text,
    Thinking,
    Plan,
    Call,
}

#[derive(Debug, Default)]
pub struct StreamReader {
    begun: bool,
    over: bool,
    /// The last event was no JSON. If no more follow, the connection was cut inside it.
    unreadable: bool,
    next: u32,
    open: Option<Open>,
    /// Characters of text so far, and those of them that stand before the block of now.
    said: u64,
    before: u64,
}

impl Reader for StreamReader {
    fn push(&mut self, frame: sse::Frame<'_>, events: &mut Vec<Event>) {
        let data = frame.data.trim_ascii();
        if self.over || data.is_empty() || data == b"[DONE]" {
            return;
        }
        match crate::wire::json::read::<Wire<'_>>(data) {
            _ if self.unreadable => {
                self.fail(Error::upstream(Kind::Failed, "The provider's stream holds an event that cannot be read."), events);
            }
            Ok(wire) => self.take(wire, frame, events),
            Err(_) => self.unreadable = true,
        }
    }

    fn finish(&mut self, fault: Option<Error>, events: &mut Vec<Event>) {
        if !self.over {
            self.fail(fault.unwrap_or_else(Error::unfinished), events);
        }
    }
}

impl StreamReader {
    fn take(&mut self, wire: Wire<'_>, frame: sse::Frame<'_>, events: &mut Vec<Event>) {
        let kind = if wire.kind.is_empty() { frame.event.unwrap_or_default() } else { &*wire.kind };
        if kind == "message-end" {
            return self.conclude(wire.delta, events);
        }
        let said = wire.delta.and_then(|delta| delta.message).unwrap_or_default();
        match kind {
            "message-start" => self.begin(wire.id, events),
            "content-start" => {
                self.shut(events);
                self.before = self.said;
                self.content(said, events);
            }
            "content-delta" => self.content(said, events),
            "tool-plan-delta" => self.say(Open::Plan, said.tool_plan, events),
            "citation-start" => self.cite(said, events),
            "tool-call-start" => self.call(said, events),
            "tool-call-delta" => self.grow(said, events),
            "tool-call-end" if self.open == Some(Open::Call) => self.shut(events),
            "content-end" | "tool-call-end" | "citation-end" | "debug" => {}
            _ if kind == "error" || wire.message.is_some() => {
                let head = fault::Head { status: Kind::Failed.status(), ..fault::Head::default() };
                self.fail(fault::decode(head, frame.data), events);
            }
            // Kinds that are new are no harm.
            _ => {}
        }
    }

    fn begin(&mut self, id: Option<String>, events: &mut Vec<Event>) {
        if !std::mem::replace(&mut self.begun, true) {
            let id = id.unwrap_or_default();
            events.push(Event::Begin { id, model: String::new(), created: None, usage: None, extras: Extras::new() });
        }
    }

    fn content(&mut self, said: Said<'_>, events: &mut Vec<Event>) {
        let Some(piece) = said.content.and_then(|raw| lean::from_str::<Piece>(raw.get()).ok()) else { return };
        self.say(Open::Thinking, piece.thinking, events);
        self.said = self.said.saturating_add(piece.text.as_deref().map_or(0, length));
        self.say(Open::Text, piece.text, events);
    }

    /// A block begins with the first thing that is in it.
    fn say(&mut self, open: Open, text: Option<String>, events: &mut Vec<Event>) {
        let Some(text) = text.filter(|text| !text.is_empty()) else { return };
        self.enter(open, events);
        events.push(Event::Delta(Delta::Text(text)));
    }

    fn enter(&mut self, open: Open, events: &mut Vec<Event>) {
        if self.open != Some(open) {
            let block = if open == Open::Text { Block::Text } else { Block::Thinking };
            self.start(open, block, events);
        }
    }

    fn start(&mut self, open: Open, block: Block, events: &mut Vec<Event>) {
        self.begin(None, events);
        self.shut(events);
        events.push(Event::Start { index: self.next, block });
        self.next = self.next.saturating_add(1);
        self.open = Some(open);
    }

    fn cite(&mut self, said: Said<'_>, events: &mut Vec<Event>) {
        let Some(cited) = said.citations.and_then(Cited::read) else { return };
        self.enter(Open::Text, events);
        events.extend(cited.shifted(self.before).map(Delta::Citation).map(Event::Delta));
    }

    fn call(&mut self, said: Said<'_>, events: &mut Vec<Event>) {
        let Some(call) = said.tool_calls.and_then(call) else {
            return self.fail(Error::upstream(Kind::Failed, "The provider's stream starts a tool call that cannot be read."), events);
        };
        self.start(Open::Call, Block::ToolCall { id: call.id, name: call.name }, events);
        if !call.arguments.is_empty() {
            events.push(Event::Delta(Delta::Arguments(call.arguments)));
        }
    }

    fn grow(&mut self, said: Said<'_>, events: &mut Vec<Event>) {
        let piece = said.tool_calls.and_then(|raw| lean::from_str::<CallPiece<'_>>(raw.get()).ok());
        let more = piece.and_then(|piece| piece.function).and_then(|function| function.arguments).map(words);
        match more {
            Some(more) if self.open == Some(Open::Call) && !more.is_empty() => events.push(Event::Delta(Delta::Arguments(more))),
            _ => {}
        }
    }

    fn shut(&mut self, events: &mut Vec<Event>) {
        if self.open.take().is_some() {
            events.push(Event::End);
        }
    }

    fn conclude(&mut self, change: Option<Change<'_>>, events: &mut Vec<Event>) {
        let (word, said, usage) = match change {
            Some(change) => (change.finish_reason, change.error.map(words), change.usage.and_then(usage)),
            None => (None, None, None),
        };
        match finish(word.as_deref(), said.as_deref()) {
            Ok(finish) => {
                self.begin(None, events);
                self.shut(events);
                self.over = true;
                events.push(Event::Finish { finish, usage, extras: Extras::new() });
            }
            Err(error) => self.fail(error, events),
        }
    }

    fn fail(&mut self, error: Error, events: &mut Vec<Event>) {
        self.over = true;
        events.push(Event::Error(error));
    }
}
