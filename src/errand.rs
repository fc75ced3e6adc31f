//! Errands: what is asked of a provider that is no conversation. The caller's form is OpenAI's; where the provider's
//! is another, one request may become several, whose answers are joined.

use std::borrow::Cow;

use serde::Deserialize;

use crate::error::{Error, Kind, Result};
use crate::ir::{Losses, Usage};
use crate::providers::service::Serves;
use crate::wire::predictions::{self, Progress};
use crate::wire::{Echo, audio, embeddings, images, moderations, rerank};

/// A request as it is sent.
#[derive(Debug)]
pub struct Letter {
    pub body: Vec<u8>,
    pub content_type: Cow<'static, str>,
    pub accept: &'static str,
}

/// A whole answer of the provider.
pub struct Returned {
    pub content_type: String,
    pub body: Vec<u8>,
}

/// How to read what comes back.
pub enum Reading {
    Embeddings(embeddings::Request),
    Images(images::Shape, images::Request),
    Rerank(rerank::Request),
    Moderations,
    Speech(audio::Shape),
}

/// The caller's body, the model's name in it that of the provider, as the provider takes it. Without a reading, its
/// form is the caller's, and all passes as it is.
pub fn prepare(serves: Serves, model: &str, body: &[u8], nonce: &str, losses: &mut Losses) -> Result<(Vec<Letter>, Option<Reading>)> {
    let (letters, reading) = match serves {
        Serves::Embeddings(shape) if shape != embeddings::Shape::OpenAi => {
            let request = embeddings::decode_request(body)?;
            let bodies = embeddings::encode_requests(&request, shape, shape.most(), losses)?;
            (bodies.into_iter().map(Letter::json).collect(), Reading::Embeddings(request))
        }
        Serves::Images(shape) if shape != images::Shape::OpenAi => {
            let request = images::decode_request(body)?;
            let letter = |turn| {
                let images::Outgoing { body, content_type, accept } = images::encode_request(shape, &request, turn, nonce, losses)?;
                Ok(Letter { body, content_type, accept })
            };
            let letters = (0..images::requests(shape, &request)?).map(letter).collect::<Result<_>>()?;
            (letters, Reading::Images(shape, request))
        }
        Serves::Rerank(shape) if shape != rerank::Shape::Plain => {
            let request = rerank::decode_request(body)?;
            (vec![Letter::json(rerank::encode_request(&request, shape, losses)?)], Reading::Rerank(request))
        }
        Serves::Moderations(moderations::Shape::Mistral) => {
            let request = moderations::decode_request(body)?;
            (vec![Letter::json(moderations::encode_request(&request, losses))], Reading::Moderations)
        }
        Serves::Speech(shape) if shape != audio::Shape::OpenAi => {
            (vec![Letter::json(audio::encode_speech(shape, model, body, losses)?)], Reading::Speech(shape))
        }
        _ => return Ok((vec![Letter::json(body.to_vec())], None)),
    };
    Ok((letters, Some(reading)))
}

/// Whether the provider's answer passes to the caller as it comes, unread.
pub fn passes(serves: Serves) -> bool {
    matches!(serves, Serves::Speech(audio::Shape::OpenAi) | Serves::Images(images::Shape::OpenAi))
}

impl Letter {
    fn json(body: Vec<u8>) -> Self {
        Self { body, content_type: Cow::Borrowed("application/json"), accept: "" }
    }
}

/// The caller's answer: its content type and its bytes.
pub fn answer(reading: &Reading, returned: &[Returned], asked: &[u8], echo: &Echo, losses: &mut Losses) -> Result<(String, Vec<u8>)> {
    let json = |body| Ok(("application/json".to_owned(), body));
    let first = returned.first().ok_or_else(nothing)?;
    match reading {
        Reading::Embeddings(request) => {
            let batches = returned.iter().map(|returned| embeddings::decode_response(&returned.body)).collect::<Result<Vec<_>>>()?;
            json(embeddings::encode_response(&batches, request)?)
        }
        Reading::Images(shape, request) => {
            let mut all: Option<images::Answer<'_>> = None;
            for returned in returned {
                match images::decode_answer(*shape, &returned.content_type, &returned.body)? {
                    Progress::Done(answer) => match &mut all {
                        Some(all) => all.join(answer),
                        None => all = Some(answer),
                    },
                    Progress::Pending(_) => return Err(predictions::unfinished()),
                }
            }
            json(images::encode_answer(&all.ok_or_else(nothing)?, request.format, echo.now, losses))
        }
        Reading::Rerank(request) => json(rerank::encode_response(&rerank::decode_response(&first.body)?, request)?),
        Reading::Moderations => json(moderations::translate_answer(&first.body, echo)?),
        Reading::Speech(shape) => {
            let wanted = serde_json::from_slice::<Spoken>(asked).ok().and_then(|spoken| spoken.response_format);
            let (kind, sound) = audio::decode_speech(*shape, &first.content_type, &first.body, wanted.as_deref())?;
            Ok((kind.into_owned(), sound.into_owned()))
        }
    }
}

#[derive(Deserialize)]
struct Spoken {
    response_format: Option<String>,
}

fn nothing() -> Error {
    Error::upstream(Kind::Failed, "The provider sent no answer.")
}

/// The tokens that an answer in OpenAI's form tells of.
pub fn usage(body: &[u8]) -> Option<Usage> {
    #[derive(Deserialize)]
    struct Told {
        usage: Option<Counts>,
    }
    #[derive(Deserialize)]
    struct Counts {
        #[serde(alias = "input_tokens")]
        prompt_tokens: Option<f64>,
        #[serde(alias = "output_tokens")]
        completion_tokens: Option<f64>,
    }
    let counts = serde_json::from_slice::<Told>(body).ok()?.usage?;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a float cast saturates, and counts are small")]
    let whole = |count: Option<f64>| count.unwrap_or_default() as u64;
    Some(Usage { input: whole(counts.prompt_tokens), output: whole(counts.completion_tokens), ..Usage::default() })
}
