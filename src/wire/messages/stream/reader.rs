use super::super::block::decode_citation;
use super::super::usage::Counts;
use super::super::words::{finish, upstream_error};
use crate::error::{Error, Kind};
use crate::ir::{Block, Delta, Event, Extras, Finish, Native, Raw};
use crate::wire::Reader;
use crate::wire::fields::Fields;
use crate::wire::frame::sse;
use crate::wire::json::Object;
use crate::wire::lean;
use crate::wire::skim::Skim;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::borrow::Cow;

/// Any event of the stream, read in one go. What is not told is empty.
#[derive(Default)]
struct Wire<'a> {
    kind: Cow<'a, str>,
    message: Head<'a>,
    content_block: Option<&'a RawValue>,
    delta: Change<'a>,
    usage: Option<Counts>,
    context_management: Option<&'a RawValue>,
    error: Option<&'a RawValue>,
}

#[derive(Default)]
struct Head<'a> {
    id: Cow<'a, str>,
    model: Cow<'a, str>,
    usage: Option<Counts>,
}

#[derive(Deserialize)]
struct Start<'a> {
    #[serde(borrow, rename = "type")]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    id: Option<Cow<'a, str>>,
    #[serde(borrow)]
    name: Option<Cow<'a, str>>,
    #[serde(borrow)]
    text: Option<Cow<'a, str>>,
    #[serde(borrow)]
    thinking: Option<Cow<'a, str>>,
    #[serde(borrow)]
    signature: Option<Cow<'a, str>>,
    #[serde(borrow)]
    data: Option<Cow<'a, str>>,
    #[serde(borrow)]
    input: Option<&'a RawValue>,
}

#[derive(Default)]
struct Change<'a> {
    kind: Cow<'a, str>,
    text: Cow<'a, str>,
    thinking: Cow<'a, str>,
    partial_json: Cow<'a, str>,
    signature: Cow<'a, str>,
    citation: Option<&'a RawValue>,
    content: Option<&'a RawValue>,
    stop_reason: Cow<'a, str>,
    stop_sequence: Cow<'a, str>,
    stop_details: Option<&'a RawValue>,
    container: Option<&'a RawValue>,
}

impl<'a> Wire<'a> {
    fn of(body: &'a [u8]) -> Option<Self> {
        let mut wire = Self::default();
        Skim::body(body, |skim| {
            if !skim.is_object() {
                return None;
            }
            skim.object(|name, skim| {
                match name {
                    "type" => wire.kind = skim.text()?,
                    "message" => wire.message.take(skim)?,
                    "content_block" => wire.content_block = skim.read()?.flatten(),
                    "delta" => wire.delta.take(skim)?,
                    "usage" => wire.usage = skim.read()?,
                    "context_management" => wire.context_management = skim.read()?.flatten(),
                    "error" => wire.error = skim.read()?.flatten(),
                    _ => skim.pass()?,
                }
                Some(())
            })
        })?;
        Some(wire)
    }
}

impl<'a> Head<'a> {
    fn take(&mut self, skim: &mut Skim<'a>) -> Option<()> {
        skim.object(|name, skim| {
            match name {
                "id" => self.id = skim.text()?,
                "model" => self.model = skim.text()?,
                "usage" => self.usage = skim.read()?,
                _ => skim.pass()?,
            }
            Some(())
        })
    }
}

impl<'a> Change<'a> {
    fn take(&mut self, skim: &mut Skim<'a>) -> Option<()> {
        skim.object(|name, skim| {
            match name {
                "type" => self.kind = skim.text()?,
                "text" => self.text = skim.text()?,
                "thinking" => self.thinking = skim.text()?,
                "partial_json" => self.partial_json = skim.text()?,
                "signature" => self.signature = skim.text()?,
                "citation" => self.citation = skim.read()?.flatten(),
                "content" => self.content = skim.read()?.flatten(),
                "stop_reason" => self.stop_reason = skim.text()?,
                "stop_sequence" => self.stop_sequence = skim.text()?,
                "stop_details" => self.stop_details = skim.read()?.flatten(),
                "container" => self.container = skim.read()?.flatten(),
                _ => skim.pass()?,
            }
            Some(())
        })
    }
}

/// The block that is open.
#[derive(Debug)]
enum Open {
    Text,
    Thinking,
    Redacted,
    /// `whole` is the input that came with the start, until deltas take its place.
    Call {
        whole: Option<String>,
    },
    /// Held back until it is complete.
    Native {
        kind: String,
        raw: Raw,
        input: String,
        content: Option<Raw>,
    },
}

#[derive(Debug, Default)]
pub struct StreamReader {
    begun: bool,
    over: bool,
    /// The last event was no JSON. If no more follow, the connection was cut inside it.
    unreadable: bool,
    next: u32,
    open: Option<Open>,
    counts: Option<Counts>,
    finish: Option<Finish>,
    extras: Extras,
}

impl Reader for StreamReader {
    fn push(&mut self, frame: sse::Frame<'_>, events: &mut Vec<Event>) {
        let data = frame.data.trim_ascii();
        if self.over || data.is_empty() {
            return;
        }
        match Wire::of(data) {
            _ if self.unreadable => {
                self.fail(Error::upstream(Kind::Failed, "The provider's stream holds an event that cannot be read."), events);
            }
            Some(wire) => self.take(wire, frame.event, events),
            None => self.unreadable = true,
        }
    }

    fn finish(&mut self, fault: Option<Error>, events: &mut Vec<Event>) {
        match &self.finish {
            _ if self.over => {}
            Some(_) => self.complete(events),
            None => {
                self.fail(fault.unwrap_or_else(Error::unfinished), events);
            }
        }
    }
}

impl StreamReader {
    fn take(&mut self, wire: Wire<'_>, event: Option<&str>, events: &mut Vec<Event>) {
        let kind = if wire.kind.is_empty() { event.unwrap_or_default() } else { &*wire.kind };
        match kind {
            "ping" => events.push(Event::Ping),
            "error" => {
                let nameless = || Error::upstream(Kind::Failed, "The provider reported an error without a word about it.");
                self.fail(wire.error.map_or_else(nameless, upstream_error), events);
            }
            "message_start" => self.begin(wire.message, events),
            "content_block_start" => self.start(wire.content_block, events),
            "content_block_delta" => self.grow(wire.delta, events),
            "content_block_stop" => self.close(events),
            "message_delta" => {
                self.count(wire.usage);
                self.note("context_management", wire.context_management);
                self.conclude(wire.delta);
            }
            "message_stop" => self.complete(events),
            // The reference promises new kinds and asks to let them pass; an error of a server in between is no event.
            _ => {
                if let Some(raw) = wire.error {
                    self.fail(upstream_error(raw), events);
                }
            }
        }
    }

    fn begin(&mut self, head: Head<'_>, events: &mut Vec<Event>) {
        if std::mem::replace(&mut self.begun, true) {
            return;
        }
        self.count(head.usage);
        let usage = self.counts.map(|counts| counts.usage());
        let (id, model) = (head.id.into_owned(), head.model.into_owned());
        events.push(Event::Begin { id, model, created: None, usage, extras: Extras::new() });
    }

    fn start(&mut self, raw: Option<&RawValue>, events: &mut Vec<Event>) {
        self.close(events);
        let parsed = raw.and_then(|raw| Some((raw, lean::from_str::<Start<'_>>(raw.get()).ok()?)));
        let Some((raw, start)) = parsed else {
            return self.fail(Error::upstream(Kind::Failed, "The provider's stream starts a block that cannot be read."), events);
        };
        let owned = |text: Option<Cow<'_, str>>| text.map(Cow::into_owned).unwrap_or_default();
        match &*start.kind {
            "text" => {
                self.open(Open::Text, Block::Text, events);
                push_some(start.text.unwrap_or_default(), Delta::Text, events);
            }
            "thinking" => {
                self.open(Open::Thinking, Block::Thinking, events);
                push_some(start.thinking.unwrap_or_default(), Delta::Text, events);
                push_some(start.signature.unwrap_or_default(), Delta::Signature, events);
            }
            "redacted_thinking" => self.open(Open::Redacted, Block::Redacted(owned(start.data)), events),
            "tool_use" => {
                let whole = start.input.map(RawValue::get).filter(|input| !is_empty_object(input)).map(str::to_owned);
                self.open(Open::Call { whole }, Block::ToolCall { id: owned(start.id), name: owned(start.name) }, events);
            }
            _ => {
                let kind = start.kind.into_owned();
                self.open = Some(Open::Native { kind, raw: raw.to_owned(), input: String::new(), content: None });
            }
        }
    }

    fn open(&mut self, open: Open, block: Block, events: &mut Vec<Event>) {
        self.open = Some(open);
        self.announce(block, events);
    }

    fn announce(&mut self, block: Block, events: &mut Vec<Event>) {
        self.begin(Head::default(), events);
        events.push(Event::Start { index: self.next, block });
        self.next = self.next.saturating_add(1);
    }

    fn grow(&mut self, change: Change<'_>, events: &mut Vec<Event>) {
        if self.open.is_none() {
            self.open_for(&change.kind, events);
        }
        match (&mut self.open, &*change.kind) {
            (Some(Open::Text), "text_delta") => push_some(change.text, Delta::Text, events),
            (Some(Open::Text), "citations_delta") => {
                let citation = change.citation.and_then(|raw| decode_citation(raw, "citation").ok());
                events.extend(citation.map(|citation| Event::Delta(Delta::Citation(citation))));
            }
            (Some(Open::Thinking), "thinking_delta") => push_some(change.thinking, Delta::Text, events),
            (Some(Open::Thinking), "signature_delta") => push_some(change.signature, Delta::Signature, events),
            (Some(Open::Call { whole }), "input_json_delta") => {
                if !change.partial_json.is_empty() {
                    *whole = None;
                }
                push_some(change.partial_json, Delta::Arguments, events);
            }
            (Some(Open::Native { input, .. }), "input_json_delta") => input.push_str(&change.partial_json),
            (Some(Open::Native { content, .. }), _) => *content = change.content.map(ToOwned::to_owned).or(content.take()),
            _ => {}
        }
    }

    /// Some imitations of this dialect forget to start a block.
    fn open_for(&mut self, delta: &str, events: &mut Vec<Event>) {
        match delta {
            "text_delta" => self.open(Open::Text, Block::Text, events),
            "thinking_delta" => self.open(Open::Thinking, Block::Thinking, events),
            _ => {}
        }
    }

    fn close(&mut self, events: &mut Vec<Event>) {
        match self.open.take() {
            None => return,
            Some(Open::Call { whole: Some(input) }) => events.push(Event::Delta(Delta::Arguments(input))),
            Some(Open::Native { kind, raw, input, content }) => {
                let raw = with_field(raw, "input", Some(input).filter(|input| !input.is_empty()));
                let raw = with_field(raw, "content", content.map(|content| content.get().to_owned()));
                self.announce(Block::Native(Native { kind, raw }), events);
            }
            Some(Open::Text | Open::Thinking | Open::Redacted | Open::Call { whole: None }) => {}
        }
        events.push(Event::End);
    }

    fn conclude(&mut self, change: Change<'_>) {
        self.note("container", change.container);
        self.note("stop_details", change.stop_details);
        if !change.stop_reason.is_empty() {
            let sequence = Some(change.stop_sequence.into_owned()).filter(|sequence| !sequence.is_empty());
            self.finish = Some(finish(change.stop_reason.into_owned(), sequence));
        }
    }

    fn complete(&mut self, events: &mut Vec<Event>) {
        self.begin(Head::default(), events);
        self.close(events);
        self.over = true;
        let usage = self.counts.map(|counts| counts.usage());
        events.push(Event::Finish { finish: self.finish.take().unwrap_or_default(), usage, extras: std::mem::take(&mut self.extras) });
    }

    fn fail(&mut self, error: Error, events: &mut Vec<Event>) {
        self.over = true;
        events.push(Event::Error(error));
    }

    fn count(&mut self, counts: Option<Counts>) {
        if let Some(counts) = counts {
            self.counts.get_or_insert_default().merge(counts);
        }
    }

    fn note(&mut self, name: &str, raw: Option<&RawValue>) {
        self.extras.extend(raw.map(|raw| (name.to_owned(), raw.to_owned())));
    }
}

fn push_some(text: Cow<'_, str>, delta: fn(String) -> Delta, events: &mut Vec<Event>) {
    if !text.is_empty() {
        events.push(Event::Delta(delta(text.into_owned())));
    }
}

fn is_empty_object(text: &str) -> bool {
    text.bytes().filter(|byte| !byte.is_ascii_whitespace()).eq(*b"{}")
}

/// The block with the field that its deltas told, in the place of the empty one that it started with.
fn with_field(block: Raw, name: &str, told: Option<String>) -> Raw {
    let field = told.and_then(|told| RawValue::from_string(told).ok());
    match (field, Fields::of(&block, String::new())) {
        (Some(field), Ok(fields)) => {
            let mut pairs = fields.rest();
            match pairs.iter_mut().find(|(known, _)| known == name) {
                Some((_, raw)) => *raw = field,
                None => pairs.push((name.to_owned(), field)),
            }
            let mut out = Vec::new();
            pairs.iter().fold(Object::open(&mut out), |object, (name, raw)| object.with(name, raw)).close();
            String::from_utf8(out).ok().and_then(|text| RawValue::from_string(text).ok()).unwrap_or(block)
        }
        _ => block,
    }
}
