//! Embeddings: <https://platform.openai.com/docs/api-reference/embeddings>
//!
//! A caller asks and is answered in OpenAI's form; each provider is asked in its own, which a `Shape` names.
//!
//! Surprises
//! - Some take one text per request, or so many: one call may become several requests, whose answers are joined.
//! - Some demand to know what the vectors are for. OpenAI's form has no word for it; callers may add `input_type`
//!   (or `task_type`, `task`) in the words of any provider.
//! - Clients ask for base64 without telling their users: little-endian 32-bit floats.
//! - Token ids mean something to the models of OpenAI's own form only.
//! - Floats that are asked for as floats keep the very text the provider wrote.

mod answer;
mod request;
mod shape;

pub use answer::{Batch, Vector, decode_response, encode_response};
pub use request::{Encoding, Input, Request, decode_request};
pub use shape::{Shape, encode_requests};
