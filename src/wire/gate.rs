//! The gate of a stream: until its first real event has come, another provider can still answer in its place, and the
//! caller never knows. A ping, a role without content or an error dressed as an answer are no such events.

use super::frame::Frames;
use super::{Dialect, Reader};
use crate::error::{Error, Kind};
use crate::ir::{Block, Delta, Event, Finish, Part, Reason, Response, Usage};

pub struct Gate {
    frames: Frames,
    reader: Box<dyn Reader>,
    events: Vec<Event>,
    seen: usize,
}

/// What is known of a stream by its beginning.
#[derive(Clone, Debug, PartialEq)]
pub enum Opening {
    Unknown,
    /// There is an answer.
    Begun,
    /// There is one, with nothing in it.
    Empty,
    Failed(Error),
}

impl Response {
    /// Whether it holds nothing, and for no reason.
    pub fn is_empty(&self) -> bool {
        let nothing = |part: &Part| matches!(part, Part::Text(text) if text.text.is_empty());
        self.parts.iter().all(nothing) && is_nothing(&self.finish, self.usage)
    }
}

/// Whether an answer without content is none: it was not withheld, nor did thinking use it up.
fn is_nothing(finish: &Finish, usage: Option<Usage>) -> bool {
    finish.reason == Reason::Stop && usage.is_none_or(|usage| usage.output == 0)
}

/// After so many bytes without an event, it is taken for an answer all the same.
const ENOUGH: usize = 256 << 10;

impl Gate {
    pub fn new(dialect: Dialect) -> Self {
        Self { frames: dialect.frames(), reader: (dialect.outbound().reader)(), events: Vec::new(), seen: 0 }
    }

    pub fn push(&mut self, piece: &[u8]) -> Opening {
        let Self { frames, reader, events, seen } = self;
        *seen = seen.saturating_add(piece.len());
        frames.push(piece, &mut |frame| reader.push(frame, events));
        if let Some(why) = frames.fault() {
            return Opening::Failed(Error::upstream(Kind::Failed, why));
        }
        match self.opening() {
            Opening::Unknown if self.seen > ENOUGH => Opening::Begun,
            opening => opening,
        }
    }

    /// There is no more.
    pub fn finish(&mut self) -> Opening {
        let Self { frames, reader, events, .. } = self;
        frames.finish(&mut |frame| reader.push(frame, events));
        reader.finish(None, events);
        match self.opening() {
            Opening::Unknown => Opening::Failed(Error::unfinished()),
            opening => opening,
        }
    }

    fn opening(&mut self) -> Opening {
        let tells = |event: Event| match event {
            Event::Error(error) => Some(Opening::Failed(error)),
            Event::Delta(Delta::Text(text)) if text.is_empty() => None,
            Event::Delta(_) => Some(Opening::Begun),
            Event::Finish { finish, usage, .. } => Some(if is_nothing(&finish, usage) { Opening::Empty } else { Opening::Begun }),
            Event::Start { block: Block::Text | Block::Thinking | Block::Refusal, .. } => None,
            Event::Start { .. } => Some(Opening::Begun),
            _ => None,
        };
        std::mem::take(&mut self.events).into_iter().find_map(tells).unwrap_or(Opening::Unknown)
    }
}
