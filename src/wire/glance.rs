//! What must be known of an answer, however it travels, and what it used by that.

use crate::http::Ending;
use crate::ir::{Delta, Event, Part, Response, Usage};

/// What of a passing answer must be known: read from raw bytes, without decoding the rest.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Glance {
    pub usage: Option<Usage>,
    /// Length of the text, thinking and arguments seen, in bytes: what an unfinished answer is counted by.
    pub produced: usize,
    /// The answer said why it ended.
    pub finished: bool,
    /// An error was sent inside the stream.
    pub failed: bool,
}

/// Bytes of text that make a token, on average: what an answer is counted by when nobody says.
const BYTES_PER_TOKEN: usize = 4;

/// A count of tokens for text that nobody counted.
pub fn estimate_tokens(bytes: usize) -> u64 {
    u64::try_from(bytes.div_ceil(BYTES_PER_TOKEN)).unwrap_or(u64::MAX)
}

impl Glance {
    /// Takes an event along.
    pub fn note(&mut self, event: &Event) {
        match event {
            Event::Begin { usage, .. } => self.usage = *usage,
            Event::Delta(Delta::Text(text) | Delta::Arguments(text)) => self.produced = self.produced.saturating_add(text.len()),
            Event::Finish { usage, .. } => {
                self.usage = usage.or(self.usage);
                self.finished = true;
            }
            Event::Error(_) => self.failed = true,
            _ => {}
        }
    }

    /// What a whole answer tells.
    pub fn of(response: &Response) -> Self {
        let length = |part: &Part| match part {
            Part::Text(text) => text.text.len(),
            Part::Thinking(thinking) => thinking.text.len(),
            Part::ToolCall(call) => call.arguments.len(),
            Part::Refusal(text) => text.len(),
            _ => 0,
        };
        let produced = response.parts.iter().map(length).sum();
        Self { usage: response.usage, produced, finished: true, failed: false }
    }

    /// What the answer used: as told when it finished, else counted by what was produced.
    pub fn settled(&self, ending: &Ending, prompt_bytes: usize) -> Usage {
        match self.usage {
            Some(usage) if self.finished && *ending != Ending::Abandoned => usage,
            told => {
                let told = told.unwrap_or_default();
                let input = if told.input > 0 { told.input } else { estimate_tokens(prompt_bytes) };
                let output = told.output.max(estimate_tokens(self.produced));
                Usage { input, output, estimated: true, ..told }
            }
        }
    }
}
