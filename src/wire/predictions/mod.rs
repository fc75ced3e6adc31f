//! Replicate's predictions: <https://replicate.com/docs/reference/http>
//!
//! Surprises
//! - There are no messages: a conversation is rendered into one `prompt` (and a `system_prompt`), see `prompt`.
//! - Each model has inputs of its own. Strict ones answer 422 to an input they do not know, so nothing goes along
//!   that was not asked for.
//! - An answer may come before it is done (`starting`, `processing`): then it is to be asked for again at `urls.get`.
//!   With `Prefer: wait` the output may be there while the status still says `processing`.
//! - The output is a string, a list of pieces of one text, or whatever else the model makes of it.
//! - The stream lives at another address (`urls.stream`). Its pieces are bare text, not JSON; `done` says `{}` or why
//!   it was broken off. Comments follow the end.
//! - Models of its users go by a version, whose prediction has no model in its path: `owner/name:version`.
//! - Tokens are counted in `metrics`, by some models only, and never in the stream.

mod prediction;
mod prompt;
mod request;
mod stream;

use crate::error::{Error, Kind, Result};
use crate::ir::Response;
use crate::wire::Outbound;

pub(in crate::wire) use prediction::strings;
pub use prediction::{Pending, Prediction, Progress, Status, decode_response};
pub use request::{Bound, encode_request};
pub use stream::StreamReader;

pub(in crate::wire) const OUTBOUND: Outbound = Outbound {
    encode_request: |request, _, abilities, losses| encode_request(request, abilities.bound, losses),
    decode_response: finished,
    reader: || Box::new(StreamReader::default()),
};

fn finished(body: &[u8]) -> Result<Response> {
    match decode_response(body)? {
        Progress::Done(response) => Ok(response),
        Progress::Pending(_) => Err(unfinished()),
    }
}

/// Of an answer that is still awaited when there is no way to wait any longer.
pub fn unfinished() -> Error {
    Error::upstream(Kind::Failed, "The provider has not finished, and the address it names to ask again is not its own.")
}

/// The version that is named in a model's name, after a colon.
pub(in crate::wire) fn version(model: &str) -> Option<&str> {
    model.split_once(':').map(|(_, version)| version)
}
