//! Errands: what is asked of a provider that is no conversation. The caller's form is OpenAI's; where the provider's
//! is another, one request may become several, whose answers are joined.

use std::borrow::Cow;

use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use crate::cost::Tally;
use crate::error::{Error, Kind, Result};
use crate::ir::{Losses, Usage};
use crate::providers::service::{Errand, Serves};
use crate::wire::lean;
use crate::wire::predictions::{self, Progress};
use crate::wire::{Echo, audio, embeddings, images, loose, moderations, rerank};

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

/// Whether what passed as it is was an answer in the caller's form at all, rather than an error or a stump.
pub fn is_answer(body: &[u8]) -> bool {
    #[derive(Deserialize)]
    struct Shape {
        #[serde(default)]
        error: Option<IgnoredAny>,
        #[serde(default, alias = "results")]
        data: Option<Vec<IgnoredAny>>,
    }
    crate::wire::json::read::<Shape>(body).is_ok_and(|shape| shape.error.is_none() && shape.data.is_some_and(|data| !data.is_empty()))
}

/// An answer that was to pass, where it lacks what the caller's form has always: some leave out the usage, or call the
/// list by another name.
pub fn mended(errand: Errand, asked: &[u8], body: &[u8]) -> Option<Vec<u8>> {
    #[derive(Deserialize)]
    struct Lists {
        object: Option<IgnoredAny>,
        model: Option<IgnoredAny>,
        usage: Option<Told>,
        data: Option<Vec<Entry>>,
        results: Option<IgnoredAny>,
    }
    #[derive(Deserialize)]
    struct Told {
        prompt_tokens: Option<IgnoredAny>,
        total_tokens: Option<IgnoredAny>,
    }
    #[derive(Deserialize)]
    struct Entry {
        object: Option<IgnoredAny>,
        index: Option<IgnoredAny>,
    }
    let found: Lists = crate::wire::json::read(body).ok()?;
    let data = found.data.as_ref()?;
    match errand {
        Errand::Embeddings => {
            let counted = found.usage.is_some_and(|usage| usage.prompt_tokens.is_some() && usage.total_tokens.is_some());
            let whole = data.iter().all(|entry| entry.object.is_some() && entry.index.is_some());
            if counted && whole && found.object.is_some() && found.model.is_some() {
                return None;
            }
            embeddings::encode_response(&[embeddings::decode_response(body).ok()?], &embeddings::decode_request(asked).ok()?).ok()
        }
        Errand::Rerank if found.results.is_none() => {
            rerank::encode_response(&rerank::decode_response(body).ok()?, &rerank::decode_request(asked).ok()?).ok()
        }
        _ => None,
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
            let wanted = crate::wire::json::read::<Spoken>(asked).ok().and_then(|spoken| spoken.response_format);
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

/// The tokens that an answer in the caller's form tells of, and what else is paid for it. Of an answer that passes
/// unread there is only what was asked for.
pub fn used(errand: Errand, asked: &[u8], answer: &[u8]) -> (Option<Usage>, Tally) {
    let answer: Answered = crate::wire::json::read(answer).unwrap_or_default();
    let usage = answer.usage();
    let read = || crate::wire::json::read::<Asked<'_>>(asked).unwrap_or_default();
    let mut tally = Tally::default();
    match errand {
        Errand::Images | Errand::ImageEdits | Errand::ImageVariations => {
            let asked = read();
            let given = |word: Option<String>| word.filter(|word| word != "auto");
            tally.units.images = answer.data.map_or(asked.n.unwrap_or(1), |data| u64::try_from(data.len()).unwrap_or(u64::MAX));
            tally.units.input_image_tokens = answer.usage.input_tokens_details.image_tokens.map_or(0, loose::whole);
            // What an image model writes are images, unless it says otherwise.
            let drawn = answer.usage.output_tokens_details.image_tokens.map(loose::whole);
            tally.units.output_image_tokens = drawn.unwrap_or_else(|| usage.map_or(0, |usage| usage.output));
            (tally.size, tally.quality, tally.opaque) = (given(asked.size), given(asked.quality), true);
        }
        Errand::Speech => {
            let characters =
                read().input.and_then(|raw| lean::from_str::<Cow<'_, str>>(raw.get()).ok()).map_or(0, |text| text.chars().count());
            tally.units.characters = u64::try_from(characters).unwrap_or(u64::MAX);
            tally.opaque = true;
        }
        Errand::Rerank => tally.units.queries = answer.meta.billed_units.search_units.map_or(1, loose::whole),
        Errand::Transcription | Errand::Translation => {
            // Only the provider knows how long it sounds.
            let seconds = answer.usage.seconds.or(answer.duration);
            tally.units.input_ms = seconds.map_or(0, |seconds| loose::whole(seconds * 1000.0));
            tally.uncounted = seconds.is_none() && usage.is_none();
            tally.opaque = true;
        }
        Errand::Embeddings | Errand::Moderations => {}
    }
    (usage, tally)
}

/// What of a request has to do with its price.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Asked<'a> {
    n: Option<u64>,
    size: Option<String>,
    quality: Option<String>,
    #[serde(borrow)]
    input: Option<&'a RawValue>,
}

/// What of an answer has to do with its price.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Answered {
    #[serde(deserialize_with = "or_nothing")]
    usage: Counts,
    #[serde(deserialize_with = "or_nothing")]
    meta: Meta,
    data: Option<Vec<IgnoredAny>>,
    #[serde(deserialize_with = "loose::number")]
    duration: Option<f64>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Counts {
    #[serde(alias = "input_tokens")]
    prompt_tokens: Option<f64>,
    #[serde(alias = "output_tokens")]
    completion_tokens: Option<f64>,
    total_tokens: Option<f64>,
    seconds: Option<f64>,
    #[serde(deserialize_with = "or_nothing")]
    input_tokens_details: Details,
    #[serde(deserialize_with = "or_nothing")]
    output_tokens_details: Details,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Details {
    image_tokens: Option<f64>,
}

/// Cohere's place for it.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Meta {
    #[serde(deserialize_with = "or_nothing")]
    tokens: Billed,
    #[serde(deserialize_with = "or_nothing")]
    billed_units: Billed,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Billed {
    input_tokens: Option<f64>,
    output_tokens: Option<f64>,
    search_units: Option<f64>,
}

/// A null tells nothing.
fn or_nothing<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(deserializer: D) -> std::result::Result<T, D::Error> {
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}

impl Answered {
    /// `None` where no token was counted.
    fn usage(&self) -> Option<Usage> {
        let (usage, tokens) = (&self.usage, &self.meta.tokens);
        let output = usage.completion_tokens.or(tokens.output_tokens).unwrap_or_default();
        let of_total = || usage.total_tokens.map(|total| total - output);
        let input = usage.prompt_tokens.or_else(of_total).or(tokens.input_tokens).or(self.meta.billed_units.input_tokens);
        Some(Usage { input: loose::whole(input.unwrap_or_default()), output: loose::whole(output), ..Usage::default() })
            .filter(|usage| usage.total() > 0)
    }
}
