//! Streams. Blocks may overlap there (an empty text is open while the model thinks): those that cannot go on at once
//! wait until the open one has ended.

use std::mem::{Discriminant, discriminant};

use serde::Deserialize;
use serde_json::value::RawValue;

use super::response::{Picture, Quoted, is_own, picture};
use super::words::{exception, finish, stop_sequence, usage};
use crate::error::{Error, Kind};
use crate::ir::{Block, Delta, Event, Extras, Usage};
use crate::wire::Reader;
use crate::wire::frame::sse;
use crate::wire::loose::{self, Str};

#[derive(Debug, Default)]
pub struct StreamReader {
    begun: bool,
    over: bool,
    /// Blocks in the order of their first sign; the first is the one that may go on.
    blocks: Vec<Waiting>,
    next: u32,
    calls: bool,
    /// The format of the picture that is coming.
    format: String,
    /// Blocks of what the provider does by itself.
    muted: Vec<u64>,
    stop: Option<(String, Option<String>)>,
    usage: Option<Usage>,
}

/// A block that has begun over there.
#[derive(Debug)]
struct Waiting {
    index: u64,
    kind: Discriminant<Block>,
    /// Not yet started here.
    block: Option<Block>,
    deltas: Vec<Delta>,
    ended: bool,
}

/// Any event, read in one go.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Payload<'a> {
    #[serde(deserialize_with = "loose::index")]
    content_block_index: Option<u64>,
    #[serde(borrow, deserialize_with = "loose::maybe")]
    start: Option<Start<'a>>,
    #[serde(borrow, deserialize_with = "loose::maybe")]
    delta: Option<Change<'a>>,
    #[serde(deserialize_with = "loose::words")]
    stop_reason: Option<String>,
    #[serde(borrow)]
    additional_model_response_fields: Option<&'a RawValue>,
    #[serde(borrow)]
    usage: Option<&'a RawValue>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Start<'a> {
    #[serde(default, deserialize_with = "loose::maybe")]
    tool_use: Option<Call>,
    #[serde(default, deserialize_with = "loose::maybe")]
    image: Option<Format>,
    #[serde(borrow)]
    tool_result: Option<&'a RawValue>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Call {
    #[serde(default, deserialize_with = "loose::words")]
    tool_use_id: Option<String>,
    #[serde(default, deserialize_with = "loose::words")]
    name: Option<String>,
    #[serde(default, deserialize_with = "loose::words")]
    r#type: Option<String>,
}

#[derive(Deserialize)]
struct Format {
    #[serde(default, deserialize_with = "loose::words")]
    format: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Change<'a> {
    #[serde(borrow, default, deserialize_with = "loose::word")]
    text: Option<Str<'a>>,
    #[serde(borrow, default, deserialize_with = "loose::maybe")]
    tool_use: Option<Piece<'a>>,
    #[serde(default, deserialize_with = "loose::maybe")]
    reasoning_content: Option<Thought>,
    #[serde(default, deserialize_with = "loose::maybe")]
    citation: Option<Quoted>,
    #[serde(default, deserialize_with = "loose::maybe")]
    image: Option<Drawn>,
}

#[derive(Deserialize)]
struct Piece<'a> {
    #[serde(borrow, default, deserialize_with = "loose::word")]
    input: Option<Str<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Thought {
    #[serde(default, deserialize_with = "loose::words")]
    text: Option<String>,
    #[serde(default, deserialize_with = "loose::words")]
    signature: Option<String>,
    #[serde(default, deserialize_with = "loose::words")]
    redacted_content: Option<String>,
}

#[derive(Deserialize)]
struct Drawn {
    #[serde(default, deserialize_with = "loose::maybe")]
    source: Option<Picture>,
}

impl Reader for StreamReader {
    fn push(&mut self, frame: sse::Frame<'_>, events: &mut Vec<Event>) {
        if self.over {
            return;
        }
        let name = frame.event.unwrap_or_default();
        if !is_known(name) {
            if name.ends_with("xception") || name.to_ascii_lowercase().ends_with("error") {
                self.fail(exception(name, frame.data), events);
            }
            return;
        }
        let Ok(payload) = crate::wire::json::read::<Payload<'_>>(frame.data) else {
            return self.fail(Error::upstream(Kind::Failed, "The provider's stream holds an event that cannot be read."), events);
        };
        self.begin(events);
        self.take(name, payload, events);
    }

    /// An answer that said why it ended is whole without its usage, but not if the connection broke before that came.
    fn finish(&mut self, fault: Option<Error>, events: &mut Vec<Event>) {
        match (self.over, fault) {
            (true, _) => {}
            (false, None) if self.stop.is_some() => self.complete(events),
            (false, fault) => self.fail(fault.unwrap_or_else(Error::unfinished), events),
        }
    }
}

fn is_known(name: &str) -> bool {
    matches!(name, "messageStart" | "contentBlockStart" | "contentBlockDelta" | "contentBlockStop" | "messageStop" | "metadata")
}

impl StreamReader {
    fn begin(&mut self, events: &mut Vec<Event>) {
        if !std::mem::replace(&mut self.begun, true) {
            let (id, model) = (String::new(), String::new());
            events.push(Event::Begin { id, model, created: None, usage: None, extras: Extras::new() });
        }
    }

    fn take(&mut self, name: &str, payload: Payload<'_>, events: &mut Vec<Event>) {
        let index = payload.content_block_index.unwrap_or_default();
        match name {
            "contentBlockStart" => {
                if let Some(start) = payload.start {
                    self.start(index, start, events);
                }
            }
            "contentBlockDelta" => {
                if let Some(change) = payload.delta.filter(|_| !self.muted.contains(&index)) {
                    self.grow(index, change, events);
                }
            }
            "contentBlockStop" => {
                self.muted.retain(|muted| *muted != index);
                self.end(|block| block.index == index, events);
            }
            "messageStop" => {
                let told = payload.additional_model_response_fields.and_then(stop_sequence);
                self.stop = Some((payload.stop_reason.unwrap_or_else(|| "end_turn".to_owned()), told));
            }
            "metadata" => {
                self.usage = payload.usage.and_then(usage).or(self.usage);
                if self.stop.is_some() {
                    self.complete(events);
                }
            }
            _ => {}
        }
    }

    fn start(&mut self, index: u64, start: Start<'_>, events: &mut Vec<Event>) {
        if let Some(image) = start.image {
            self.format = image.format.unwrap_or_default();
        }
        let own = start.tool_use.as_ref().is_some_and(|call| is_own(call.r#type.as_deref()));
        if own || start.tool_result.is_some() {
            self.muted.push(index);
        } else if let Some(call) = start.tool_use {
            self.calls = true;
            // One that begins again at the same place is another.
            self.end(|block| block.index == index, events);
            self.say(
                index,
                Block::ToolCall { id: call.tool_use_id.unwrap_or_default(), name: call.name.unwrap_or_default() },
                None,
                events,
            );
        }
    }

    fn grow(&mut self, index: u64, change: Change<'_>, events: &mut Vec<Event>) {
        let told = |text: Str<'_>| Some(text.0.into_owned()).filter(|text| !text.is_empty());
        if let Some(text) = change.text.and_then(told) {
            self.say(index, Block::Text, Some(Delta::Text(text)), events);
        }
        if let Some(citation) = change.citation {
            self.say(index, Block::Text, Some(Delta::Citation(citation.into())), events);
        }
        if let Some(input) = change.tool_use.and_then(|piece| piece.input).and_then(told) {
            self.calls = true;
            let nameless = Block::ToolCall { id: String::new(), name: String::new() };
            self.say(index, nameless, Some(Delta::Arguments(input)), events);
        }
        if let Some(thought) = change.reasoning_content {
            let text = thought.text.filter(|text| !text.is_empty()).map(Delta::Text);
            let signature = thought.signature.filter(|proof| !proof.is_empty()).map(Delta::Signature);
            for delta in text.into_iter().chain(signature) {
                self.say(index, Block::Thinking, Some(delta), events);
            }
            if let Some(data) = thought.redacted_content.filter(|data| !data.is_empty()) {
                self.say(index, Block::Redacted(data), None, events);
            }
        }
        if let Some(data) = change.image.and_then(|image| image.source?.bytes) {
            let media = picture(&self.format, data);
            self.say(index, Block::Media(media), None, events);
        }
    }

    /// Adds to the block of this index and kind, or begins it.
    fn say(&mut self, index: u64, block: Block, delta: Option<Delta>, events: &mut Vec<Event>) {
        let kind = discriminant(&block);
        self.end(|known| known.index == index && (known.kind != kind || delta.is_none()), events);
        let open = self.blocks.iter_mut().find(|known| known.index == index && !known.ended);
        match open {
            Some(known) => known.deltas.extend(delta),
            None => self.blocks.push(Waiting { index, kind, block: Some(block), deltas: delta.into_iter().collect(), ended: false }),
        }
        self.advance(events);
    }

    fn end(&mut self, which: impl Fn(&Waiting) -> bool, events: &mut Vec<Event>) {
        self.blocks.iter_mut().filter(|block| which(block)).for_each(|block| block.ended = true);
        self.advance(events);
    }

    /// Lets the first block go on, and the next when it has ended.
    fn advance(&mut self, events: &mut Vec<Event>) {
        while let Some(first) = self.blocks.first_mut() {
            if let Some(block) = first.block.take() {
                events.push(Event::Start { index: self.next, block });
                self.next = self.next.saturating_add(1);
            }
            events.extend(first.deltas.drain(..).map(Event::Delta));
            if !first.ended {
                return;
            }
            events.push(Event::End);
            self.blocks.remove(0);
        }
    }

    fn complete(&mut self, events: &mut Vec<Event>) {
        self.end(|_| true, events);
        self.over = true;
        let (word, sequence) = self.stop.take().unwrap_or_default();
        events.push(Event::Finish { finish: finish(&word, sequence, self.calls), usage: self.usage, extras: Extras::new() });
    }

    fn fail(&mut self, error: Error, events: &mut Vec<Event>) {
        self.over = true;
        events.push(Event::Error(error));
    }
}
