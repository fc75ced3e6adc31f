use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::queue::Queue;
use crate::error::{Error, Kind};
use crate::ir::{Block, Delta, Event, Extras, Part, Response};
use crate::wire::Reader;
use crate::wire::frame::sse;
use crate::wire::lean;
use crate::wire::responses::answer::{Answer, Made, fault_of, text};
use crate::wire::responses::item::{self, Item, citation};

/// Typed events to block events.
#[derive(Debug, Default)]
pub struct StreamReader {
    begun: bool,
    over: bool,
    items: Vec<Heard>,
    queue: Queue,
    made: Made,
}

/// What has been heard of an item.
#[derive(Debug, Default)]
struct Heard {
    index: Option<u64>,
    id: String,
    open: Option<Open>,
    /// Every piece that was ever open: its `.done` tells nothing new.
    pieces: Vec<Open>,
    /// Arguments or sources have come; the whole item would only repeat them.
    detailed: bool,
    done: bool,
}

/// A piece of an item, by its place in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Open {
    Text(u64),
    Refusal(u64),
    Summary(u64),
    Reasoning(u64),
    Call,
}

#[derive(Deserialize)]
struct Wire<'a> {
    #[serde(borrow, rename = "type", default)]
    kind: Option<&'a RawValue>,
    #[serde(borrow, default)]
    response: Option<&'a RawValue>,
    #[serde(borrow, default)]
    item: Option<&'a RawValue>,
    #[serde(borrow, default)]
    item_id: Option<&'a RawValue>,
    #[serde(default)]
    output_index: Option<u64>,
    #[serde(default)]
    content_index: Option<u64>,
    #[serde(default)]
    summary_index: Option<u64>,
    #[serde(borrow, default)]
    delta: Option<&'a RawValue>,
    #[serde(borrow, default)]
    text: Option<&'a RawValue>,
    #[serde(borrow, default)]
    refusal: Option<&'a RawValue>,
    #[serde(borrow, default)]
    arguments: Option<&'a RawValue>,
    #[serde(borrow, default)]
    annotation: Option<&'a RawValue>,
    #[serde(borrow, default)]
    error: Option<&'a RawValue>,
}

const BROKEN: &str = "The provider sent a broken piece of its answer.";

impl Reader for StreamReader {
    fn push(&mut self, frame: sse::Frame<'_>, events: &mut Vec<Event>) {
        let data = frame.data.trim_ascii();
        if self.over || data.is_empty() || data == b"[DONE]" {
            return;
        }
        match crate::wire::json::read::<Wire<'_>>(data) {
            Ok(wire) => self.take(data, &wire, frame.event.unwrap_or_default(), events),
            Err(_) => self.fail(Error::upstream(Kind::Failed, BROKEN), events),
        }
    }

    fn finish(&mut self, fault: Option<Error>, events: &mut Vec<Event>) {
        if !self.over {
            self.fail(fault.unwrap_or_else(Error::unfinished), events);
        }
    }
}

impl StreamReader {
    fn take(&mut self, data: &[u8], wire: &Wire<'_>, event: &str, events: &mut Vec<Event>) {
        let kind = Some(text(wire.kind)).filter(|kind| !kind.is_empty()).unwrap_or(Cow::Borrowed(event));
        let (part, summary) = (wire.content_index.unwrap_or(0), wire.summary_index.unwrap_or(0));
        match &*kind {
            "response.created" | "response.in_progress" | "response.queued" => self.begin(wire.response, events),
            "response.output_item.added" => self.add(wire, events),
            "response.output_item.done" => self.close(wire, events),
            "response.output_text.delta" => self.say(wire, Open::Text(part), wire.delta, events),
            "response.output_text.done" => self.repeat(wire, Open::Text(part), wire.text, events),
            "response.refusal.delta" => self.say(wire, Open::Refusal(part), wire.delta, events),
            "response.refusal.done" => self.repeat(wire, Open::Refusal(part), wire.refusal, events),
            "response.reasoning_summary_text.delta" => self.say(wire, Open::Summary(summary), wire.delta, events),
            "response.reasoning_summary_text.done" => self.repeat(wire, Open::Summary(summary), wire.text, events),
            "response.reasoning_text.delta" => self.say(wire, Open::Reasoning(part), wire.delta, events),
            "response.reasoning_text.done" => self.repeat(wire, Open::Reasoning(part), wire.text, events),
            "response.function_call_arguments.delta" => self.argue(wire, wire.delta, events),
            "response.function_call_arguments.done" => self.argue_whole(wire, events),
            "response.output_text.annotation.added" => self.cite(wire, events),
            "response.completed" | "response.incomplete" | "response.failed" | "response.cancelled" => self.end(wire.response, events),
            "keepalive" | "ping" => events.push(Event::Ping),
            // Its words stand in an object, or at the top.
            "error" => match wire.error.or_else(|| crate::wire::json::read(data).ok()) {
                Some(raw) => self.fail(fault_of(raw), events),
                None => self.fail(Error::upstream(Kind::Failed, BROKEN), events),
            },
            // The dialect grows new kinds; an error of a server in between is no event.
            _ => {
                if let Some(raw) = wire.error {
                    self.fail(fault_of(raw), events);
                }
            }
        }
    }

    fn begin(&mut self, head: Option<&RawValue>, events: &mut Vec<Event>) {
        if std::mem::replace(&mut self.begun, true) {
            return;
        }
        let head: Answer<'_> = head.and_then(|raw| lean::from_str(raw.get()).ok()).unwrap_or_default();
        events.push(Event::Begin { id: head.id(), model: head.model(), created: head.created(), usage: None, extras: Extras::new() });
    }

    /// Which item an event is about; a new one where none fits.
    fn place(&mut self, wire: &Wire<'_>, events: &mut Vec<Event>) -> usize {
        self.begin(None, events);
        let id = wire.item.map(|raw| Item::of(raw).id()).unwrap_or_else(|| text(wire.item_id));
        let same = |item: &Heard| match (wire.output_index, item.index) {
            (Some(told), Some(known)) => told == known,
            _ => id.is_empty() || item.id == id,
        };
        self.items.iter().rposition(same).unwrap_or_else(|| {
            self.items.push(Heard { index: wire.output_index, id: id.into_owned(), ..Heard::default() });
            self.queue.join()
        })
    }

    fn add(&mut self, wire: &Wire<'_>, events: &mut Vec<Event>) {
        let at = self.place(wire, events);
        let Some(item) = wire.item.map(Item::of).filter(|item| item.kind() == "function_call") else { return };
        let call = item.call();
        // A call without a name waits until it is whole.
        if !call.name.is_empty() {
            self.open(at, Open::Call, Block::ToolCall { id: call.id, name: call.name }, events);
        }
    }

    fn open(&mut self, at: usize, open: Open, block: Block, events: &mut Vec<Event>) {
        self.shut(at, events);
        self.made.calls |= matches!(block, Block::ToolCall { .. });
        self.made.refusal |= matches!(block, Block::Refusal);
        if let Some(item) = self.items.get_mut(at) {
            item.open = Some(open);
            item.pieces.push(open);
        }
        self.queue.push(at, Event::Start { index: 0, block }, events);
    }

    fn say(&mut self, wire: &Wire<'_>, piece: Open, told: Option<&RawValue>, events: &mut Vec<Event>) {
        let told = text(told);
        if told.is_empty() {
            return;
        }
        let at = self.place(wire, events);
        let Some(item) = self.items.get_mut(at).filter(|item| !item.done) else { return };
        match item.open {
            Some(open) if open == piece => {}
            Some(open) if open.thinks() && piece.thinks() => {
                item.open = Some(piece);
                item.pieces.push(piece);
                self.queue.push(at, Event::Delta(Delta::Text("\n\n".to_owned())), events);
            }
            _ => self.open(at, piece, piece.block(), events),
        }
        self.queue.push(at, Event::Delta(Delta::Text(told.into_owned())), events);
    }

    /// The whole of a piece, which tells something only where no delta did.
    fn repeat(&mut self, wire: &Wire<'_>, piece: Open, told: Option<&RawValue>, events: &mut Vec<Event>) {
        let at = self.place(wire, events);
        if self.items.get(at).is_some_and(|item| !item.pieces.contains(&piece)) {
            self.say(wire, piece, told, events);
        }
    }

    fn argue(&mut self, wire: &Wire<'_>, told: Option<&RawValue>, events: &mut Vec<Event>) {
        let at = self.place(wire, events);
        let told = text(told);
        if let Some(item) = self.items.get_mut(at).filter(|item| item.open == Some(Open::Call) && !told.is_empty()) {
            item.detailed = true;
            self.queue.push(at, Event::Delta(Delta::Arguments(told.into_owned())), events);
        }
    }

    fn argue_whole(&mut self, wire: &Wire<'_>, events: &mut Vec<Event>) {
        let at = self.place(wire, events);
        if self.items.get(at).is_some_and(|item| !item.detailed) {
            self.argue(wire, wire.arguments, events);
        }
    }

    fn cite(&mut self, wire: &Wire<'_>, events: &mut Vec<Event>) {
        let at = self.place(wire, events);
        let Some(source) = wire.annotation.and_then(citation) else { return };
        let piece = Open::Text(wire.content_index.unwrap_or(0));
        if self.items.get(at).is_some_and(|item| item.open != Some(piece) && !item.done) {
            self.open(at, piece, Block::Text, events);
        }
        if let Some(item) = self.items.get_mut(at) {
            item.detailed = true;
        }
        self.queue.push(at, Event::Delta(Delta::Citation(source)), events);
    }

    /// The whole item: what of it has not been told yet.
    fn close(&mut self, wire: &Wire<'_>, events: &mut Vec<Event>) {
        let at = self.place(wire, events);
        let Some(heard) = self.items.get_mut(at).filter(|item| !item.done) else { return };
        heard.done = true;
        if let Some(raw) = wire.item {
            let (open, detailed, silent) = (heard.open, heard.detailed, heard.pieces.is_empty());
            let whole = Item::of(raw);
            match open {
                _ if silent => self.tell(at, item::parts(raw), events),
                Some(Open::Call) if !detailed => {
                    let arguments = Some(whole.call().arguments).filter(|told| !told.is_empty());
                    arguments.into_iter().for_each(|told| self.queue.push(at, Event::Delta(Delta::Arguments(told)), events));
                }
                Some(Open::Text(_)) if !detailed => {
                    whole.citations().into_iter().for_each(|told| self.queue.push(at, Event::Delta(Delta::Citation(told)), events));
                }
                Some(open) if open.thinks() => {
                    let proof = whole.thought().and_then(|thought| thought.signature.or(thought.redacted));
                    proof.into_iter().for_each(|proof| self.queue.push(at, Event::Delta(Delta::Signature(proof)), events));
                }
                _ => {}
            }
        }
        self.shut(at, events);
        self.queue.done(at, events);
    }

    /// Parts that came whole.
    fn tell(&mut self, at: usize, parts: Vec<Part>, events: &mut Vec<Event>) {
        parts.iter().for_each(|part| self.made.note(part));
        for event in (Response { parts, ..Response::default() }).into_events() {
            if !matches!(event, Event::Begin { .. } | Event::Finish { .. }) {
                self.queue.push(at, event, events);
            }
        }
    }

    /// Ends the block that is open in an item.
    fn shut(&mut self, at: usize, events: &mut Vec<Event>) {
        if self.items.get_mut(at).and_then(|item| item.open.take()).is_some() {
            self.queue.push(at, Event::End, events);
        }
    }

    fn end(&mut self, last: Option<&RawValue>, events: &mut Vec<Event>) {
        let Some(answer) = last.and_then(|raw| lean::from_str::<Answer<'_>>(raw.get()).ok()) else {
            return self.fail(Error::upstream(Kind::Failed, BROKEN), events);
        };
        if let Some(error) = answer.fault() {
            return self.fail(error, events);
        }
        self.begin(last, events);
        // Some tell everything in the last event only.
        if self.items.is_empty() {
            let at = self.queue.join();
            let parts = answer.output.iter().flatten().flat_map(|raw| item::parts(raw)).collect();
            self.tell(at, parts, events);
        }
        for at in 0..self.items.len() {
            self.shut(at, events);
            self.queue.done(at, events);
        }
        self.over = true;
        events.push(Event::Finish { finish: answer.finish(self.made), usage: answer.counted(), extras: answer.extras() });
    }

    fn fail(&mut self, error: Error, events: &mut Vec<Event>) {
        self.over = true;
        events.push(Event::Error(error));
    }
}

impl Open {
    fn thinks(self) -> bool {
        matches!(self, Open::Summary(_) | Open::Reasoning(_))
    }

    fn block(self) -> Block {
        match self {
            Open::Refusal(_) => Block::Refusal,
            Open::Summary(_) | Open::Reasoning(_) => Block::Thinking,
            Open::Text(_) | Open::Call => Block::Text,
        }
    }
}
