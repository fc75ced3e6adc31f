//! A streamed answer as block events: `Begin (Start Delta* End)* Finish`, or `Error` at any point; `Ping` anywhere.
//!
//! Blocks never overlap and are numbered from 0 in the order of their start. Nothing follows `Finish` or `Error`.

use super::{Citation, Extras, Finish, Media, Native, Part, Raw, Response, Text, Thinking, ToolCall, Usage};
use crate::error::Error;

#[derive(Clone, Debug)]
pub enum Event {
    Begin {
        id: String,
        model: String,
        created: Option<u64>,
        /// What the provider tells of the input before it answers.
        usage: Option<Usage>,
        extras: Extras,
    },
    Start {
        index: u32,
        block: Block,
    },
    /// Goes to the block that is open.
    Delta(Delta),
    End,
    Ping,
    Finish {
        finish: Finish,
        usage: Option<Usage>,
        extras: Extras,
    },
    Error(Error),
}

#[derive(Clone, Debug)]
pub enum Block {
    Text,
    Thinking,
    /// Thinking that came encrypted, whole.
    Redacted(String),
    ToolCall {
        id: String,
        name: String,
    },
    Refusal,
    /// A picture or a sound that the model made, whole.
    Media(Media),
    /// A block that only its own dialect knows, whole (its deltas folded in by the reader).
    Native(Native),
}

#[derive(Clone, Debug)]
pub enum Delta {
    /// More of a text, thinking or refusal block.
    Text(String),
    /// More of a tool call's JSON arguments.
    Arguments(String),
    /// A thinking block's signature, whole.
    Signature(String),
    Citation(Citation),
    /// How likely the tokens of the text that follows were, as only its own dialect tells it.
    Odds(Raw),
    /// What else the block's own dialect tells of it, by its name among the extras.
    Extra(String, Raw),
}

/// Says whether a sequence of events follows the grammar.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Grammar {
    #[default]
    Fresh,
    Between {
        next: u32,
    },
    Within {
        next: u32,
    },
    Over,
}

impl Grammar {
    /// The state after `event`, or why it may not come now.
    pub fn step(self, event: &Event) -> Result<Self, &'static str> {
        match (self, event) {
            (Grammar::Over, _) => Err("an event after the end"),
            (_, Event::Error(_)) => Ok(Grammar::Over),
            (state, Event::Ping) => Ok(state),
            (Grammar::Fresh, Event::Begin { .. }) => Ok(Grammar::Between { next: 0 }),
            (Grammar::Fresh, _) => Err("an event before Begin"),
            (_, Event::Begin { .. }) => Err("a second Begin"),
            (Grammar::Between { next }, Event::Start { index, .. }) if *index == next => {
                Ok(Grammar::Within { next: next.saturating_add(1) })
            }
            (_, Event::Start { .. }) => Err("a block that overlaps or is out of order"),
            (Grammar::Within { .. }, Event::Delta(_)) => Ok(self),
            (_, Event::Delta(_)) => Err("a delta outside a block"),
            (Grammar::Within { next }, Event::End) => Ok(Grammar::Between { next }),
            (_, Event::End) => Err("an end outside a block"),
            (Grammar::Between { .. }, Event::Finish { .. }) => Ok(Grammar::Over),
            (_, Event::Finish { .. }) => Err("a finish inside a block"),
        }
    }
}

/// Gathers a stream into the whole answer.
#[derive(Debug, Default)]
pub struct Fold {
    response: Response,
    open: Option<Part>,
    outcome: Option<Result<(), Error>>,
}

impl Fold {
    pub fn push(&mut self, event: Event) {
        match event {
            Event::Begin { id, model, created, usage, extras } => {
                self.response = Response { id, model, created, usage, extras, ..Response::default() };
            }
            Event::Start { block, .. } => self.open = Some(opened(block)),
            Event::Delta(Delta::Extra(name, raw)) => self.add(vec![(name, raw)]),
            Event::Delta(delta) => {
                if let Some(part) = &mut self.open {
                    grow(part, delta);
                }
            }
            Event::End => self.response.parts.extend(self.open.take()),
            Event::Ping => {}
            Event::Finish { finish, usage, extras } => {
                self.response.finish = finish;
                self.response.usage = usage.or(self.response.usage);
                self.add(extras);
                self.outcome = Some(Ok(()));
            }
            Event::Error(error) => self.outcome = Some(Err(error)),
        }
    }

    /// Of what is told more than once, the last counts.
    fn add(&mut self, extras: Extras) {
        let all = &mut self.response.extras;
        all.retain(|(name, _)| extras.iter().all(|(later, _)| later != name));
        all.extend(extras);
    }

    /// The whole answer, or why there is none. A stream that never finished is an error too.
    pub fn finish(self) -> Result<Response, Error> {
        match self.outcome {
            Some(Ok(())) => Ok(self.response),
            Some(Err(error)) => Err(error),
            None => Err(Error::unfinished()),
        }
    }
}

fn opened(block: Block) -> Part {
    match block {
        Block::Text => Part::Text(Text::default()),
        Block::Thinking => Part::Thinking(Thinking::default()),
        Block::Redacted(data) => Part::Thinking(Thinking { redacted: Some(data), ..Thinking::default() }),
        Block::ToolCall { id, name } => Part::ToolCall(ToolCall { id, name, arguments: String::new(), cache: None }),
        Block::Refusal => Part::Refusal(String::new()),
        Block::Media(media) => Part::Media(media),
        Block::Native(native) => Part::Native(native),
    }
}

fn grow(part: &mut Part, delta: Delta) {
    match (part, delta) {
        (Part::Text(Text { text, .. }) | Part::Thinking(Thinking { text, .. }) | Part::Refusal(text), Delta::Text(more)) => {
            text.push_str(&more);
        }
        (Part::Text(text), Delta::Citation(citation)) => text.citations.push(citation),
        (Part::Thinking(thinking), Delta::Signature(signature)) => thinking.signature = Some(signature),
        (Part::ToolCall(call), Delta::Arguments(more)) => call.arguments.push_str(&more),
        _ => {}
    }
}
