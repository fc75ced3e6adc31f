//! OpenAI Chat Completions: <https://platform.openai.com/docs/api-reference/chat>
//!
//! Surprises
//! - Vendors who took the dialect over differ in where the usage of a stream sits: a chunk of its own with empty
//!   `choices`, the last chunk with a choice, every chunk, `x_groq`.
//! - A count may be a float, a string or missing, and so may an index, a time, an id.
//! - Thinking has no place in the original; it comes as `reasoning_content`, `reasoning` or `reasoning_details`
//!   (with its signature), in a list of content parts, or not at all.
//! - A finish reason may come twice, on a chunk with content, or be a word that the original does not have; with
//!   tool calls it may still say `stop`.
//! - Tool calls may lack an id or an index, share an index, change their id from piece to piece, be named late, come
//!   whole or with text in between, or have an object for arguments.
//! - Content may be an object where a schema was asked for.
//! - Completion tokens exclude reasoning with some: then the total tells. What was heard may be in the total alone.
//! - An error may come with status 200, in place of an answer or inside a stream: in `error`, in a choice, flat, in an
//!   event of that name, or as a finish reason; and an `error` that is null or empty is none.
//! - Streams may end without `[DONE]`; what follows it counts for nothing. Some never say why they ended, but `[DONE]`.
//! - Several choices (`n`) are relayed, never translated: of them only the first is read.

mod answer;
mod beside;
mod choices;
mod customs;
mod ending;
mod format;
mod glance;
mod order;
mod request;
mod response;
mod stream;

pub use super::family::{encode_error, is_own_error};
pub use choices::{Choices, loosen, narrow};
pub use customs::{Customs, Files, Sounds, Thoughts, adapt};
pub use format::{Asked, format_of, instructed};
pub use glance::{glance_frame, glance_response};
pub use order::{Instructions, Order, arrange};
pub use request::{decode_request, encode_request};
pub use response::{decode_response, encode_response};
pub use stream::{StreamReader, StreamWriter};

use crate::wire::{Inbound, Outbound};

pub const INBOUND: Inbound = Inbound {
    decode_request: |body, _| decode_request(body),
    encode_response,
    writer: |echo| Box::new(StreamWriter::new(echo)),
    encode_error: |error, _| encode_error(error),
    is_own_error,
    glance_frame,
    glance_response,
};

pub const OUTBOUND: Outbound = Outbound { encode_request, decode_response, reader: || Box::new(StreamReader::default()) };
