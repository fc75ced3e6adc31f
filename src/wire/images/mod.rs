//! Images from text. The caller's form is OpenAI's:
//! <https://platform.openai.com/docs/api-reference/images/create>
//!
//! Surprises
//! - Most providers make one image per request: several are several requests (`requests` says how many).
//! - Many know a shape, not a size: the size becomes the nearest of the ratios they know, and the size is named as
//!   lost if its ratio is not exactly one of them.
//! - Whether an image comes as a link or as base64 is mostly not the caller's choice. What comes is passed on, and
//!   `response_format` is named as lost if it is not what was asked for.
//! - A filter's refusal comes with status 200: in a field, as a list without images, or as a reason beside a blurred
//!   image. It is an error here.
//! - Together says `base64` for `b64_json`; Fireworks and Replicate may send a `data:` link; Workers AI and Fireworks
//!   may answer with the bare bytes of the image.
//! - Knobs that OpenAI does not have are the provider's own and go along as they are, where its form is open.

mod answer;
mod encode;
mod request;
mod size;

pub use answer::{Answer, Image, Picture, decode_answer, encode_answer};
pub use encode::{Outgoing, encode_request, stability_engine};
pub use request::{Format, Request, decode_request, requests};

/// How a provider wants to be asked for images, and answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// OpenAI's own form.
    OpenAi,
    /// OpenAI's with a width and a height for the size.
    Together,
    /// OpenAI's without a size.
    Xai,
    /// Google's `:predict`.
    Imagen,
    /// Google's `:generateContent` with a model that draws.
    Gemini,
    /// Amazon's own models, Titan and Nova Canvas, on Bedrock.
    Titan,
    /// Stability's models on Bedrock.
    BedrockStability,
    /// Stability's own API, a form.
    Stability,
    /// Fireworks' `workflows/{model}/text_to_image`.
    Fireworks,
    /// Replicate's predictions.
    Replicate,
    /// Workers AI's `run`.
    WorkersAi,
}

impl Shape {
    /// The most images that one request makes; none where the provider says so itself.
    fn most(self) -> Option<u64> {
        match self {
            Shape::OpenAi | Shape::Together | Shape::Xai => None,
            Shape::Imagen => Some(4),
            Shape::Titan => Some(5),
            _ => Some(1),
        }
    }
}
