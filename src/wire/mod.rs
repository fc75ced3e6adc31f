//! Bytes to the one form and back, a folder per dialect. A dialect never knows another.

mod answer;
pub mod chat;
pub mod envelope;
pub mod fault;
mod fields;
pub mod frame;
mod json;
pub mod messages;
mod openai;
pub mod pipe;
pub mod proof;
pub mod responses;

use crate::error::{Error, Result};
use crate::ir::{Event, Losses, Request, Response, Usage};
use frame::sse;

/// A wire format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// OpenAI Chat Completions.
    Chat,
    /// Anthropic Messages.
    Messages,
}

/// What a target's model takes, as far as the encoding of a request depends on it. Filled from the provider's
/// row and the model's name; the default is a current model that takes everything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Abilities {
    pub thinking: ThinkingStyle,
    /// Takes temperature, top_p and top_k.
    pub sampling: bool,
    /// Takes both temperature and top_p in one request.
    pub sampling_pair: bool,
    /// The answer's bound where the dialect demands one and the caller gave none.
    pub default_max_tokens: u64,
    /// The bound goes by `max_completion_tokens` (chat).
    pub completion_bound: bool,
    /// Knows the `developer` role (chat); else it is sent as `system`.
    pub developer_role: bool,
    /// Wants the thinking of earlier turns back (chat: as `reasoning_content`).
    pub replay_thinking: bool,
    /// Takes a JSON schema for the answer.
    pub json_schema: bool,
}

/// How a model is told to think.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ThinkingStyle {
    /// It cannot, or not on demand.
    None,
    /// By a number of tokens.
    Budget,
    /// By a word (`reasoning_effort`, `output_config.effort`).
    Effort,
}

impl Default for Abilities {
    fn default() -> Self {
        Self {
            thinking: ThinkingStyle::Effort,
            sampling: true,
            sampling_pair: true,
            default_max_tokens: 4_096,
            completion_bound: true,
            developer_role: true,
            replay_thinking: false,
            json_schema: true,
        }
    }
}

/// Turns a provider's stream into events. Frames come in order; `finish` comes once, after the last.
pub trait Reader {
    fn push(&mut self, frame: sse::Frame<'_>, events: &mut Vec<Event>);
    /// The stream has ended, or broke off with `fault`. A stream that broke off before it was complete ends in
    /// `Event::Error`, never in `Event::Finish`.
    fn finish(&mut self, fault: Option<Error>, events: &mut Vec<Event>);
}

/// Turns events into the caller's stream.
pub trait Writer {
    fn push(&mut self, event: &Event, out: &mut Vec<u8>);
}

/// What of a passing answer must be known, however it travels: read from raw bytes, without decoding the rest.
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

/// What the answer's encoding needs to know of the call.
#[derive(Clone, Debug, Default)]
pub struct Echo {
    /// The model the caller asked for; stands in when the provider does not name one.
    pub model: String,
    /// Seconds since 1970.
    pub now: u64,
    /// Makes ids where the provider gave none; unique per request.
    pub nonce: String,
    /// The caller wants to see usage at the end of a stream.
    pub stream_usage: bool,
}

impl Dialect {
    pub fn slug(self) -> &'static str {
        match self {
            Dialect::Chat => "chat",
            Dialect::Messages => "messages",
        }
    }

    pub fn decode_request(self, body: &[u8]) -> Result<Request> {
        match self {
            Dialect::Chat => chat::decode_request(body),
            Dialect::Messages => messages::decode_request(body),
        }
    }

    /// The request as this dialect's provider takes it. Knobs that it lacks are named in `losses`; `from` is the
    /// dialect of the caller, whose extras only the same dialect can take.
    pub fn encode_request(self, request: &Request, from: Dialect, abilities: &Abilities, losses: &mut Losses) -> Result<Vec<u8>> {
        let body = match self {
            Dialect::Chat => chat::encode_request(request, from == self, abilities, losses)?,
            Dialect::Messages => messages::encode_request(request, from == self, abilities, losses)?,
        };
        Ok(body)
    }

    pub fn decode_response(self, body: &[u8]) -> Result<Response> {
        match self {
            Dialect::Chat => chat::decode_response(body),
            Dialect::Messages => messages::decode_response(body),
        }
    }

    pub fn encode_response(self, response: &Response, echo: &Echo) -> Vec<u8> {
        match self {
            Dialect::Chat => chat::encode_response(response, echo),
            Dialect::Messages => messages::encode_response(response, echo),
        }
    }

    pub fn reader(self) -> Box<dyn Reader> {
        match self {
            Dialect::Chat => Box::new(chat::StreamReader::default()),
            Dialect::Messages => Box::new(messages::StreamReader::default()),
        }
    }

    pub fn writer(self, echo: Echo) -> Box<dyn Writer> {
        match self {
            Dialect::Chat => Box::new(chat::StreamWriter::new(echo)),
            Dialect::Messages => Box::new(messages::StreamWriter::new(echo)),
        }
    }

    /// The error as this dialect's clients understand it.
    pub fn encode_error(self, error: &Error, request_id: &str) -> Vec<u8> {
        match self {
            Dialect::Chat => chat::encode_error(error),
            Dialect::Messages => messages::encode_error(error, request_id),
        }
    }

    /// Whether a failed answer is in this dialect's own shape, so that it may pass as it is.
    pub fn is_own_error(self, body: &[u8]) -> bool {
        match self {
            Dialect::Chat => chat::is_own_error(body),
            Dialect::Messages => messages::is_own_error(body),
        }
    }

    /// Adds what one frame of a passing stream tells.
    pub fn glance_frame(self, frame: &sse::Frame<'_>, glance: &mut Glance) {
        match self {
            Dialect::Chat => chat::glance_frame(frame, glance),
            Dialect::Messages => messages::glance_frame(frame, glance),
        }
    }

    /// What a whole passing answer tells; an error when it is no answer of this dialect at all.
    pub fn glance_response(self, body: &[u8]) -> Result<Glance> {
        match self {
            Dialect::Chat => chat::glance_response(body),
            Dialect::Messages => messages::glance_response(body),
        }
    }
}
