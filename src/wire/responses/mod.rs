//! OpenAI Responses: <https://platform.openai.com/docs/api-reference/responses>
//!
//! Surprises
//! - An answer is a list of items, not one message: thinking, messages and calls stand side by side.
//! - A call has two ids: `id` is the item's, `call_id` is what its output refers to.
//! - Encrypted thinking is bound to the id of its item; the one that `output_item.added` shows is not the one that
//!   `output_item.done` shows, and only the latter is whole.
//! - Items of a stream may be mixed: `output_index` tells them apart.
//! - There is no finish reason: `status`, `incomplete_details` and the items tell.
//! - There is no `[DONE]`; each event has a number, and each `.done` repeats the whole of what was streamed.
//! - Some send a `.done` without a delta before it, or an item without its parts.
//! - `error` in a stream has its words at the top or in an object; a 200 may hold an answer that `failed`.
//! - `max_output_tokens` under 16 is refused; there are no stop sequences, seeds or penalties.
//! - A function is strict unless it says otherwise.

mod answer;
mod glance;
mod item;
mod reply;
mod request;
mod response;
mod stream;
mod write;

pub use super::family::{encode_error, is_own_error};
pub use glance::{glance_frame, glance_response, whole};
pub use reply::encode_response;
pub use request::{decode_request, encode_request};
pub use response::decode_response;
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
