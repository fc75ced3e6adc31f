//! Whole answers and streams, turned into each other; and what cannot be turned without a loss.

use std::borrow::Cow;

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::LONGEST;
use crate::error::{Error, Kind};
use crate::ir::{Block, Delta, Event, Fold, Grammar, Part, Response};
use crate::wire::envelope::Envelope;
use crate::wire::frame::Frames;
use crate::wire::{Dialect, Echo, Glance, Reader, responses};

/// Whether an answer to this body can be told as a stream and as a whole alike, by the way over the one form. One that
/// cannot is only kept and told as a whole.
pub fn turns(dialect: Dialect, body: &Envelope<'_>) -> bool {
    let plain = |name: &str, usual: &[&str]| body.raw(name).is_none_or(|value| usual.contains(&value));
    let lacks = |name: &str, marks: &[&str]| body.raw(name).is_none_or(|value| !marks.iter().any(|mark| value.contains(mark)));
    match dialect {
        // Several choices, sound, how likely tokens were, and calls that are no functions have no place in a fold.
        Dialect::Chat => {
            plain("n", &["1"])
                && plain("logprobs", &["false"])
                && plain("audio", &[])
                && plain("modalities", &["[\"text\"]"])
                && plain("functions", &["[]"])
                && lacks("tools", &["\"custom\""])
        }
        Dialect::Responses => lacks("include", &["logprobs"]) && plain("top_logprobs", &["0"]) && lacks("tools", &["\"custom\""]),
        Dialect::Gemini => ["generationConfig", "generation_config"].into_iter().all(|name| lacks(name, &["ogprobs", "andidate"])),
        Dialect::Messages => true,
        Dialect::Completions | Dialect::Converse | Dialect::Cohere | Dialect::Predictions => false,
    }
}

/// Whether a whole answer says that it is all there.
pub fn is_complete(dialect: Dialect, body: &[u8]) -> bool {
    #[derive(Deserialize)]
    struct Choice {
        #[serde(default)]
        finish_reason: Option<IgnoredAny>,
    }
    #[derive(Deserialize)]
    struct Answer<'a> {
        #[serde(default)]
        choices: Option<Vec<Choice>>,
        #[serde(default)]
        stop_reason: Option<IgnoredAny>,
        #[serde(borrow, default)]
        status: Option<Cow<'a, str>>,
    }
    let Ok(Glance { finished: true, failed: false, usage, produced }) = (dialect.inbound().glance_response)(body) else { return false };
    let said = produced > 0 || usage.is_some_and(|usage| usage.output > 0);
    let Ok(answer) = crate::wire::json::read::<Answer<'_>>(body) else { return false };
    said && match dialect {
        Dialect::Chat | Dialect::Completions => answer.choices.iter().flatten().all(|choice| choice.finish_reason.is_some()),
        Dialect::Messages => answer.stop_reason.is_some(),
        Dialect::Responses => matches!(answer.status.as_deref(), Some("completed" | "incomplete")),
        _ => true,
    }
}

/// A whole answer of the caller's dialect in the one form, if nothing of it is lost there.
pub fn whole_in_parts(dialect: Dialect, body: &[u8]) -> Option<Response> {
    (dialect.outbound().decode_response)(body).ok().filter(folds)
}

/// Whether an answer is the same after a fold, and after a replay.
pub fn folds(response: &Response) -> bool {
    !response.parts.iter().any(|part| matches!(part, Part::Native(_) | Part::Media(_)))
}

/// Gathers a stream on its way, for when it is complete.
pub struct Filling {
    frames: Frames,
    reader: Box<dyn Reader>,
    events: Vec<Event>,
    fold: Fold,
    grammar: Grammar,
    /// Nothing where it has become clear that the answer cannot be kept; else its length so far.
    length: Option<usize>,
    /// The whole answer, where the stream itself tells it in the end.
    told: Option<Vec<u8>>,
    tells: bool,
    into: Dialect,
    echo: Echo,
}

impl Filling {
    pub fn new(from: Dialect, into: Dialect, echo: Echo) -> Self {
        Self {
            frames: from.frames(),
            reader: (from.outbound().reader)(),
            events: Vec::new(),
            fold: Fold::default(),
            grammar: Grammar::default(),
            length: Some(0),
            told: None,
            tells: from == Dialect::Responses && into == from,
            into,
            echo,
        }
    }

    /// A piece of the provider's stream.
    pub fn push(&mut self, piece: &[u8]) {
        if self.length.is_none() {
            return;
        }
        let Self { frames, reader, events, told, tells, .. } = self;
        frames.push(piece, &mut |frame| {
            if *tells {
                *told = responses::whole(&frame).or(told.take());
            }
            reader.push(frame, events);
        });
        if let Some(why) = frames.fault() {
            reader.finish(Some(Error::upstream(Kind::Failed, why)), events);
        }
        self.gather();
    }

    /// The whole answer in the caller's dialect, if the stream has told it.
    pub fn finish(mut self) -> Option<Vec<u8>> {
        let Self { frames, reader, events, .. } = &mut self;
        frames.finish(&mut |frame| reader.push(frame, events));
        reader.finish(None, events);
        self.gather();
        self.length?;
        let response = self.fold.finish().ok()?;
        let encoded = || (self.into.inbound().encode_response)(&response, &self.echo);
        Some(self.told.unwrap_or_else(encoded)).filter(|body| is_complete(self.into, body))
    }

    fn gather(&mut self) {
        for event in std::mem::take(&mut self.events) {
            self.length = self.length.and_then(|length| length.checked_add(added(&event)?).filter(|length| *length <= LONGEST));
            match self.grammar.step(&event) {
                Ok(next) => self.grammar = next,
                Err(_) => self.length = None,
            }
            if self.length.is_none() {
                self.fold = Fold::default();
                return;
            }
            self.fold.push(event);
        }
    }
}

/// What an event adds to the length of an answer; nothing where a fold would not hold all of it.
fn added(event: &Event) -> Option<usize> {
    match event {
        Event::Start { block: Block::Native(_) | Block::Media(_), .. } | Event::Error(_) => None,
        Event::Start { block: Block::Redacted(data), .. } => Some(data.len()),
        Event::Delta(Delta::Text(text) | Delta::Arguments(text) | Delta::Signature(text)) => Some(text.len()),
        _ => Some(0),
    }
}
