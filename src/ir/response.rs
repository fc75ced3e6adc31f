use super::{Block, Delta, Event, Extras, Part};

/// A whole answer.
#[derive(Clone, Debug, Default)]
pub struct Response {
    pub id: String,
    pub model: String,
    /// Seconds since 1970, where the provider tells.
    pub created: Option<u64>,
    pub parts: Vec<Part>,
    pub finish: Finish,
    /// Further choices, where several were asked for. Streams have one.
    pub others: Vec<(Vec<Part>, Finish)>,
    pub usage: Option<Usage>,
    /// Top-level fields that only its own dialect has.
    pub extras: Extras,
}

/// Why the answer ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Finish {
    pub reason: Reason,
    /// The provider's own word.
    pub raw: Option<String>,
    /// The stop sequence that was met.
    pub stop_sequence: Option<String>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reason {
    #[default]
    Stop,
    Length,
    ToolCalls,
    /// Withheld by a filter.
    Filtered,
    /// The model declined.
    Refusal,
    /// A long turn was paused and may be continued.
    Pause,
}

/// Tokens. `input` includes what was read from and written to a cache, `output` includes thinking; a detail is
/// `None` where the provider does not tell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    pub input: u64,
    pub output: u64,
    pub cache_read: Option<u64>,
    pub cache_write: Option<u64>,
    /// The part of `cache_write` that lives for an hour.
    pub cache_write_1h: Option<u64>,
    pub reasoning: Option<u64>,
    pub input_audio: Option<u64>,
    pub output_audio: Option<u64>,
    /// Counted by us because the provider did not say.
    pub estimated: bool,
}

impl Usage {
    pub fn total(&self) -> u64 {
        self.input.saturating_add(self.output)
    }
}

impl Response {
    /// The whole answer as the events of a stream.
    pub fn into_events(self) -> Vec<Event> {
        let begin = Event::Begin { id: self.id, model: self.model, created: self.created, usage: self.usage, extras: self.extras };
        let mut events = vec![begin];
        for (index, part) in (0..).zip(self.parts.into_iter().filter_map(pieces)) {
            let (block, deltas) = part;
            events.push(Event::Start { index, block });
            events.extend(deltas.into_iter().map(Event::Delta));
            events.push(Event::End);
        }
        events.push(Event::Finish { finish: self.finish, usage: self.usage, extras: Extras::new() });
        events
    }
}

/// A part as a block and what goes into it. Parts that only requests have are none.
fn pieces(part: Part) -> Option<(Block, Vec<Delta>)> {
    Some(match part {
        Part::Text(text) => {
            let citations = text.citations.into_iter().map(Delta::Citation);
            (Block::Text, std::iter::once(Delta::Text(text.text)).chain(citations).collect())
        }
        Part::Thinking(thinking) => match thinking.redacted {
            Some(data) => (Block::Redacted(data), Vec::new()),
            None => {
                let signature = thinking.signature.map(Delta::Signature);
                (Block::Thinking, std::iter::once(Delta::Text(thinking.text)).chain(signature).collect())
            }
        },
        Part::ToolCall(call) => (Block::ToolCall { id: call.id, name: call.name }, vec![Delta::Arguments(call.arguments)]),
        Part::Refusal(text) => (Block::Refusal, vec![Delta::Text(text)]),
        Part::Native(native) => (Block::Native(native), Vec::new()),
        Part::Media(media) => (Block::Media(media), Vec::new()),
        Part::ToolResult(_) => return None,
    })
}
