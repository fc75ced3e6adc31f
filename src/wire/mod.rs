//! Bytes to the one form and back, a folder per dialect. A dialect never knows another.

mod answer;
pub mod audio;
pub mod base64;
pub mod chat;
mod claude;
pub mod cohere;
pub mod completions;
pub mod converse;
pub mod embeddings;
pub mod envelope;
mod family;
pub mod fault;
mod fields;
pub mod frame;
pub mod gate;
pub mod gemini;
mod glance;
pub mod images;
pub(crate) mod json;
pub mod lean;
pub(crate) mod loose;
pub mod messages;
pub mod moderations;
pub mod multipart;
pub mod pipe;
pub mod predictions;
pub mod proof;
pub mod rerank;
pub mod responses;
pub(crate) mod scan;
mod skim;

pub use glance::{Glance, estimate_tokens};

use crate::error::{Error, Result};
use crate::ir::{Effort, Event, Losses, Request, Response};
use frame::{Frames, sse};

/// A wire format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// OpenAI Chat Completions.
    Chat,
    /// OpenAI's legacy text completions; relayed, or answered by conversations.
    Completions,
    /// OpenAI Responses.
    Responses,
    /// Anthropic Messages.
    Messages,
    /// Google's generateContent.
    Gemini,
    /// Amazon Bedrock's Converse; spoken with providers only.
    Converse,
    /// Cohere's chat; spoken with providers only.
    Cohere,
    /// Replicate's predictions; spoken with providers only.
    Predictions,
}

/// What a target's model takes, as far as the encoding of a request depends on it. Filled from the provider's
/// row and the model's name; the default is a current model that takes everything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Abilities {
    pub thinking: ThinkingStyle,
    /// The least that it thinks; `None` when it can be told not to.
    pub least_effort: Effort,
    /// Takes temperature, top_p and top_k.
    pub sampling: bool,
    /// Takes `top_k` though its dialect has it not (chat).
    pub top_k: bool,
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
    /// Wants its proofs back too (chat: as `reasoning_details`).
    pub replay_proofs: bool,
    /// Takes a JSON schema for the answer.
    pub json_schema: bool,
    /// What the answer's bound is called (predictions).
    pub bound: predictions::Bound,
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
    /// By a plain `reasoning_effort`, where the dialect's own way is another.
    Word,
}

impl Default for Abilities {
    fn default() -> Self {
        Self {
            thinking: ThinkingStyle::Effort,
            least_effort: Effort::None,
            sampling: true,
            top_k: false,
            sampling_pair: true,
            default_max_tokens: 4_096,
            completion_bound: true,
            developer_role: true,
            replay_thinking: false,
            replay_proofs: false,
            json_schema: true,
            bound: predictions::Bound::MaxTokens,
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

/// How a dialect is spoken with callers.
pub struct Inbound {
    pub decode_request: fn(&[u8], &mut Losses) -> Result<Request>,
    pub encode_response: fn(&Response, &Echo) -> Vec<u8>,
    pub writer: fn(Echo) -> Box<dyn Writer>,
    /// The error as its clients understand it.
    pub encode_error: fn(&Error, request_id: &str) -> Vec<u8>,
    /// Whether a failed answer is in its own shape, so that it may pass as it is.
    pub is_own_error: fn(&[u8]) -> bool,
    /// Adds what one frame of a passing stream tells.
    pub glance_frame: fn(&sse::Frame<'_>, &mut Glance),
    /// What a whole passing answer tells; an error when it is no answer of this dialect at all.
    pub glance_response: fn(&[u8]) -> Result<Glance>,
}

/// How a dialect is spoken with providers.
pub struct Outbound {
    /// The request as the provider takes it. Knobs that it lacks are named in the losses; the flag says that the
    /// caller speaks the same dialect, which alone can take its extras.
    pub encode_request: fn(&Request, same_dialect: bool, &Abilities, &mut Losses) -> Result<Vec<u8>>,
    pub decode_response: fn(&[u8]) -> Result<Response>,
    pub reader: fn() -> Box<dyn Reader>,
}

impl Dialect {
    pub fn slug(self) -> &'static str {
        match self {
            Dialect::Chat => "chat",
            Dialect::Completions => "completions",
            Dialect::Responses => "responses",
            Dialect::Messages => "messages",
            Dialect::Gemini => "gemini",
            Dialect::Converse => "converse",
            Dialect::Cohere => "cohere",
            Dialect::Predictions => "predictions",
        }
    }

    /// How its streams are cut into frames.
    pub fn frames(self) -> Frames {
        match self {
            Dialect::Converse => Frames::Aws(frame::aws::Parser::default()),
            _ => Frames::Events(sse::Parser::default()),
        }
    }

    pub fn inbound(self) -> &'static Inbound {
        match self {
            Dialect::Chat => &chat::INBOUND,
            Dialect::Messages => &messages::INBOUND,
            Dialect::Completions => &completions::INBOUND,
            Dialect::Gemini => &gemini::INBOUND,
            Dialect::Responses => &responses::INBOUND,
            // No door leads to a dialect of providers only.
            Dialect::Converse | Dialect::Cohere | Dialect::Predictions => &chat::INBOUND,
        }
    }

    pub fn outbound(self) -> &'static Outbound {
        match self {
            Dialect::Chat => &chat::OUTBOUND,
            Dialect::Messages => &messages::OUTBOUND,
            Dialect::Responses => &responses::OUTBOUND,
            Dialect::Converse => &converse::OUTBOUND,
            Dialect::Cohere => &cohere::OUTBOUND,
            Dialect::Predictions => &predictions::OUTBOUND,
            Dialect::Gemini => &gemini::OUTBOUND,
            // It is only relayed.
            Dialect::Completions => &chat::OUTBOUND,
        }
    }
}
