//! Anthropic Messages: <https://platform.claude.com/docs/en/api/messages>
//!
//! Surprises
//! - `max_tokens` is required, and bounds thinking too.
//! - The system prompt is not a message but a top-level field.
//! - `input_tokens` excludes what was read from and written to the cache; there is no total.
//! - In a stream, the usage of `message_delta` is cumulative: what it names replaces what `message_start` said,
//!   the input included (server tools add to it).
//! - The data of an event may be followed by spaces; a ping may come anywhere; there is no `[DONE]`.
//! - An error may come inside a 200 stream.
//! - A call without arguments streams as an empty `partial_json` or none at all; its input is `{}`.
//! - Empty text blocks, whitespace-only stop sequences and temperatures over 1 are refused.
//! - Thinking is signed, and in a tool loop must come back first, unchanged.
//! - Server tools answer with blocks of their own (`server_tool_use`, `web_search_tool_result`); they are no tool
//!   calls for the caller to run.
//! - The results of all calls of one turn belong in the one user message that follows, before any text.

mod block;
mod media;
mod request;
mod response;
mod stream;
mod usage;
mod words;

pub use request::{decode_request, encode_request};
pub use response::{decode_response, encode_error, encode_response, glance_response, is_own_error};
pub use stream::{StreamReader, StreamWriter, glance_frame};

use crate::wire::{Inbound, Outbound};

pub const INBOUND: Inbound = Inbound {
    decode_request: |body, _| decode_request(body),
    encode_response,
    writer: |echo| Box::new(StreamWriter::new(echo)),
    encode_error,
    is_own_error,
    glance_frame,
    glance_response,
};

pub const OUTBOUND: Outbound = Outbound { encode_request, decode_response, reader: || Box::new(StreamReader::default()) };
