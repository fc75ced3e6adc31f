//! Streams. Blocks may overlap there (an empty text is open while the model thinks): those that cannot go on at once
//! wait until the open one has ended.

use serde::Deserialize;

use super::response::Source_;
use super::words::{Counts, exception, finish};
use crate::error::{Error, Kind};
use crate::ir::{Block, Delta, Event, Finish, Usage};
use crate::wire::Reader;
use crate::wire::frame::sse;

#[derive(Default)]
pub struct StreamReader {
    begun: bool,
    /// Blocks in the order of their first sign; the first that has not ended is the one that may go on.
    blocks: Vec<Waiting>,
    started: u32,
    stop: Option<String>,
    calls: bool,
    usage: Option<Usage>,
    over: bool,
}

struct Waiting {
    index: u64,
    block: Option<Block>,
    started: bool,
    ended: bool,
    deltas: Vec<Delta>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Payload {
    content_block_index: u64,
    start: Option<Start>,
    delta: Option<Change>,
    stop_reason: Option<String>,
    usage: Option<Counts>,
    message: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Start {
    tool_use: Option<Call>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Call {
    #[serde(default)]
    tool_use_id: String,
    #[serde(default)]
    name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Change {
    text: Option<String>,
    tool_use: Option<Piece>,
    reasoning_content: Option<Thought>,
    citation: Option<Source_>,
}

#[derive(Deserialize)]
struct Piece {
    #[serde(default)]
    input: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Thought {
    text: Option<String>,
    signature: Option<String>,
    redacted_content: Option<String>,
}

impl Reader for StreamReader {
    fn push(&mut self, frame: sse::Frame<'_>, events: &mut Vec<Event>) {
        if self.over {
            return;
        }
        let name = frame.event.unwrap_or_default();
        let known =
            matches!(name, "messageStart" | "contentBlockStart" | "contentBlockDelta" | "contentBlockStop" | "messageStop" | "metadata");
        if !known {
            if name.ends_with("xception") || name.to_ascii_lowercase().ends_with("error") {
                self.fail(exception(name, frame.data), events);
            }
            return;
        }
        let Ok(payload) = serde_json::from_slice::<Payload>(frame.data) else {
            return self.fail(Error::upstream(Kind::Failed, "The provider's stream holds an event that cannot be read."), events);
        };
        self.begin(events);
        self.take(name, payload);
        self.advance(events);
    }

    fn finish(&mut self, fault: Option<Error>, events: &mut Vec<Event>) {
        if self.over {
            return;
        }
        let Some(word) = self.stop.take() else { return self.fail(fault.unwrap_or_else(Error::unfinished), events) };
        for block in &mut self.blocks {
            block.ended = true;
        }
        self.advance(events);
        self.over = true;
        let finish: Finish = finish(&word, self.calls);
        events.push(Event::Finish { finish, usage: self.usage, extras: Vec::new() });
    }
}

impl StreamReader {
    fn begin(&mut self, events: &mut Vec<Event>) {
        if !std::mem::replace(&mut self.begun, true) {
            events.push(Event::Begin { id: String::new(), model: String::new(), created: None, usage: None, extras: Vec::new() });
        }
    }

    fn take(&mut self, name: &str, payload: Payload) {
        let index = payload.content_block_index;
        match name {
            "contentBlockStart" => {
                if let Some(call) = payload.start.and_then(|start| start.tool_use) {
                    self.calls = true;
                    if let Some(block) = self.block(index) {
                        block.block = Some(Block::ToolCall { id: call.tool_use_id, name: call.name });
                    }
                }
            }
            "contentBlockDelta" => {
                if let Some(change) = payload.delta {
                    self.grow(index, change);
                }
            }
            "contentBlockStop" => {
                if let Some(block) = self.block(index) {
                    block.ended = true;
                }
            }
            "messageStop" => self.stop = Some(payload.stop_reason.unwrap_or_else(|| "end_turn".to_owned())),
            "metadata" => self.usage = payload.usage.map(Counts::usage).or(self.usage),
            _ => {}
        }
    }

    fn grow(&mut self, index: u64, change: Change) {
        let Some(block) = self.block(index) else { return };
        if let Some(text) = change.text {
            block.add(|| Block::Text, Delta::Text(text));
        }
        if let Some(piece) = change.tool_use {
            block.add(|| Block::ToolCall { id: String::new(), name: String::new() }, Delta::Arguments(piece.input));
        }
        if let Some(citation) = change.citation {
            block.add(|| Block::Text, Delta::Citation(citation.into()));
        }
        if let Some(thought) = change.reasoning_content {
            if let Some(text) = thought.text {
                block.add(|| Block::Thinking, Delta::Text(text));
            }
            if let Some(signature) = thought.signature {
                block.add(|| Block::Thinking, Delta::Signature(signature));
            }
            if let Some(data) = thought.redacted_content {
                block.block.get_or_insert(Block::Redacted(data));
            }
        }
    }

    /// The block of an index; a new one where the last of it has ended.
    fn block(&mut self, index: u64) -> Option<&mut Waiting> {
        let open = |block: &Waiting| block.index == index && !block.ended;
        if !self.blocks.iter().any(open) {
            self.blocks.push(Waiting { index, block: None, started: false, ended: false, deltas: Vec::new() });
        }
        self.blocks.iter_mut().find(|block| open(block))
    }

    /// Lets the first block go on, and the next when it has ended.
    fn advance(&mut self, events: &mut Vec<Event>) {
        while let Some(block) = self.blocks.first_mut() {
            // A text without a word is no block.
            let said = block.deltas.iter().any(|delta| !matches!(delta, Delta::Text(text) if text.is_empty()));
            if !block.started && (said || !matches!(block.block, None | Some(Block::Text | Block::Thinking))) {
                block.started = true;
                let kind = block.block.take().unwrap_or(Block::Text);
                events.push(Event::Start { index: self.started, block: kind });
                self.started = self.started.saturating_add(1);
            }
            if block.started {
                events.extend(block.deltas.drain(..).map(Event::Delta));
            }
            // One that says nothing must not hold up those behind it.
            let idle = !block.started && self.blocks.len() > 1;
            let Some(block) = self.blocks.first() else { return };
            if !block.ended && !idle {
                return;
            }
            if block.started {
                events.push(Event::End);
            }
            self.blocks.remove(0);
        }
    }

    fn fail(&mut self, error: Error, events: &mut Vec<Event>) {
        self.over = true;
        events.push(Event::Error(error));
    }
}

impl Waiting {
    fn add(&mut self, kind: impl FnOnce() -> Block, delta: Delta) {
        if !self.started {
            self.block.get_or_insert_with(kind);
        }
        self.deltas.push(delta);
    }
}
