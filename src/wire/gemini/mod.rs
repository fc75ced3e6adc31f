//! Google's generateContent: <https://ai.google.dev/api/generate-content>
//!
//! Surprises
//! - The model, and whether to stream, stand in the address, not in the body.
//! - A stream's chunks are answers of the same shape as the whole one, with CRLF line ends, no event names and no
//!   `[DONE]`; asked without `alt=sse`, they come as one JSON array.
//! - `finishReason` is `STOP` although calls were made; a chunk may hold it together with text, or nothing but it.
//! - A blocked prompt has no candidates at all, but `promptFeedback.blockReason`.
//! - Calls mostly have no ids, and their `args` may be missing; results are tied to them by name and order.
//! - All results of a turn stand in one user content, and each is an object.
//! - `candidatesTokenCount` excludes thoughts; `promptTokenCount` includes the cache but not what server tools read.
//!   In a stream the counts are cumulative. `maxOutputTokens` includes thoughts.
//! - `thoughtSignature` is a proof that sits on a call, or on a text, possibly an empty one at the very end. Gemini 3
//!   refuses calls of the current tool loop that come back without it; of parallel calls only the first has one.
//! - Offsets of citations count bytes.
//! - Names come in camelCase and in snake_case, and enums as words or as numbers.
//! - An invalid key is a 400.

mod answer;
mod chunk;
mod citation;
mod request;
mod response;
mod signature;
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
    encode_error: |error, _| encode_error(error),
    is_own_error,
    glance_frame,
    glance_response,
};

pub const OUTBOUND: Outbound = Outbound { encode_request, decode_response, reader: || Box::new(StreamReader::default()) };
