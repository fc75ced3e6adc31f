//! Amazon Bedrock's Converse: <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html>
//!
//! Spoken with providers only.
//!
//! Surprises
//! - Neither model nor streaming are in the body: the path says both.
//! - Messages alternate and begin with the user; a blank text is refused; system text is a list of its own.
//! - An image has a format (`png`), not a media type, and bytes, not an address. A document's name takes few letters
//!   and must be its own, and a text must stand beside it.
//! - A history with calls needs a tool configuration; there is no choice `none`.
//! - A JSON schema for the answer is a string.
//! - `inputTokens` excludes what was read from and written to the cache.
//! - In a stream, text and thinking begin without a start; blocks may overlap; usage comes after the stop; each
//!   payload has a `p` of random length.
//! - Calls of tools that the provider runs itself stand among the others, told apart by their `type` only.
//! - A failure inside a stream is no event but an exception.
//! - What a model takes beyond the common set goes into `additionalModelRequestFields`, in that model's own words.

mod document;
mod family;
mod request;
mod response;
mod stream;
mod words;

pub use request::encode_request;
pub use response::decode_response;
pub use stream::StreamReader;

use crate::wire::Outbound;

pub const OUTBOUND: Outbound = Outbound {
    encode_request: |request, _, abilities, losses| encode_request(request, abilities, losses),
    decode_response,
    reader: || Box::new(StreamReader::default()),
};
