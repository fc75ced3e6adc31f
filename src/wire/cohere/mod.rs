//! Cohere's chat, version 2: <https://docs.cohere.com/v2/reference/chat>
//!
//! It is spoken by providers only: requests are encoded, answers and streams decoded.
//!
//! Surprises
//! - Unknown fields are refused: nothing may be sent that the reference does not name.
//! - `top_p` is `p` (0.01 to 0.99), `top_k` is `k` (up to 500), penalties go from 0 to 1 only.
//! - `tool_choice` is `REQUIRED` or `NONE`; for one certain function only that function is sent, and required.
//! - A JSON schema is a field of the `json_object` format; there is no name and no `strict` of its own. What is
//!   strict about tools is one flag for all of them.
//! - Before it calls, a model tells its plan in `tool_plan`, which is no content. It is read as thinking, and sent
//!   back as a plan to models that do not think otherwise.
//! - An answer has neither a model nor a time.
//! - Of the two counts, `tokens` is what was used; `billed_units` is less. `tokens` includes what was cached.
//!   Counts may be written as fractions.
//! - In a stream, `tool_calls` and `citations` are objects, not lists; `message-start` has lists of the same names.
//! - Citations count characters of the block they belong to, and may come before the rest of its text.
//! - A stream may end with `[DONE]` or without; an error may be told by `message-end`.

mod answer;
mod messages;
mod request;
mod response;
mod stream;

pub use request::encode_request;
pub use response::decode_response;
pub use stream::StreamReader;

use crate::wire::Outbound;

pub const OUTBOUND: Outbound = Outbound { encode_request, decode_response, reader: || Box::new(StreamReader::default()) };
