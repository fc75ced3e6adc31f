use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{Format, Shape};
use crate::error::{Error, Kind, Origin, Result};
use crate::ir::{Losses, Usage};
use crate::wire::json::{Array, Object};
use crate::wire::predictions::{Prediction, Progress, Status, strings};
use crate::wire::{base64, family, fault};

/// Images as they came; their base64 is not copied.
#[derive(Debug, Default)]
pub struct Answer<'a> {
    /// Seconds since 1970, where the provider tells.
    pub created: Option<u64>,
    pub images: Vec<Image<'a>>,
    pub usage: Option<Usage>,
}

#[derive(Debug)]
pub struct Image<'a> {
    pub picture: Picture<'a>,
    pub revised_prompt: Option<Cow<'a, str>>,
}

#[derive(Debug, PartialEq, Eq)]
pub enum Picture<'a> {
    Url(Cow<'a, str>),
    Base64(Cow<'a, str>),
}

/// The images of a provider's answer, or where to wait for them.
pub fn decode_answer<'a>(shape: Shape, content_type: &str, body: &'a [u8]) -> Result<Progress<Answer<'a>>> {
    let answer = match shape {
        _ if content_type.trim_start().starts_with("image/") => Answer::of([Image::of(Cow::Owned(base64::encode(body)))]),
        Shape::OpenAi | Shape::Together | Shape::Xai => openai(body)?,
        Shape::Imagen => imagen(body)?,
        Shape::Gemini => gemini(body)?,
        Shape::Titan | Shape::BedrockStability | Shape::Stability | Shape::Fireworks => plain(body)?,
        Shape::WorkersAi => workers_ai(body)?,
        Shape::Replicate => match prediction(body)? {
            Progress::Done(answer) => answer,
            Progress::Pending(pending) => return Ok(Progress::Pending(pending)),
        },
    };
    if answer.images.is_empty() {
        return Err(Error::upstream(Kind::Failed, "The provider's answer has no images."));
    }
    Ok(Progress::Done(answer))
}

/// The answer as OpenAI's clients know it.
pub fn encode_answer(answer: &Answer<'_>, wanted: Option<Format>, now: u64, losses: &mut Losses) -> Vec<u8> {
    let size: usize = answer.images.iter().map(|image| image.text().len()).sum();
    let mut body = Vec::with_capacity(size.saturating_add(512));
    let mut object = Object::open(&mut body).with("created", &answer.created.unwrap_or(now));
    let mut data = Array::open(object.slot("data"));
    for image in &answer.images {
        let (name, format) = match image.picture {
            Picture::Url(_) => ("url", Format::Url),
            Picture::Base64(_) => ("b64_json", Format::Base64),
        };
        if wanted.is_some_and(|wanted| wanted != format) {
            losses.drop("response_format");
        }
        Object::open(data.slot()).with(name, image.text()).maybe("revised_prompt", image.revised_prompt.as_ref()).close();
    }
    data.close();
    if let Some(usage) = &answer.usage {
        let mut told = Object::open(object.slot("usage"))
            .with("input_tokens", &usage.input)
            .with("output_tokens", &usage.output)
            .with("total_tokens", &usage.total());
        // What was asked for was text.
        Object::open(told.slot("input_tokens_details")).with("text_tokens", &usage.input).with("image_tokens", &0).close();
        told.close();
    }
    object.close();
    body
}

impl<'a> Answer<'a> {
    fn of(images: impl IntoIterator<Item = Image<'a>>) -> Self {
        Self { images: images.into_iter().collect(), ..Self::default() }
    }

    /// Takes in the answer to another of the requests that one call became.
    pub fn join(&mut self, other: Answer<'a>) {
        self.images.extend(other.images);
        self.usage = match (self.usage, other.usage) {
            (Some(one), Some(two)) => Some(Usage {
                input: one.input.saturating_add(two.input),
                output: one.output.saturating_add(two.output),
                ..Usage::default()
            }),
            (one, two) => one.or(two),
        };
    }
}

impl<'a> Image<'a> {
    /// A link, a `data:` link, or base64.
    fn of(text: Cow<'a, str>) -> Self {
        let picture = match text {
            Cow::Borrowed(text) => sorted(text),
            Cow::Owned(text) => match sorted(&text) {
                Picture::Url(url) => Picture::Url(Cow::Owned(url.into_owned())),
                Picture::Base64(data) if data.len() == text.len() => Picture::Base64(Cow::Owned(text)),
                Picture::Base64(data) => Picture::Base64(Cow::Owned(data.into_owned())),
            },
        };
        Self { picture, revised_prompt: None }
    }

    fn text(&self) -> &str {
        match &self.picture {
            Picture::Url(text) | Picture::Base64(text) => text,
        }
    }
}

fn sorted(text: &str) -> Picture<'_> {
    match text.split_once(";base64,") {
        Some((head, data)) if head.starts_with("data:") => Picture::Base64(Cow::Borrowed(data)),
        _ if text.starts_with("https://") || text.starts_with("http://") => Picture::Url(Cow::Borrowed(text)),
        _ => Picture::Base64(Cow::Borrowed(text)),
    }
}

fn read<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T> {
    crate::wire::json::read(body)
        .map_err(|_| Error::upstream(Kind::Failed, "The provider's answer is empty, broken, or of another kind than asked for."))
}

fn filtered(why: &str) -> Error {
    Error::new(Origin::Upstream, Kind::Invalid, 400, format!("The provider withheld the image: {why}"))
        .with_code("content_policy_violation")
        .with_param("prompt")
}

fn openai(body: &[u8]) -> Result<Answer<'_>> {
    #[derive(Deserialize)]
    struct Wire<'a> {
        #[serde(default)]
        created: Option<f64>,
        #[serde(borrow, default)]
        data: Option<Vec<Datum<'a>>>,
        #[serde(default)]
        usage: Option<family::Tokens>,
        #[serde(borrow, default)]
        error: Option<&'a RawValue>,
    }
    #[derive(Deserialize)]
    struct Datum<'a> {
        #[serde(borrow, default)]
        url: Option<Cow<'a, str>>,
        #[serde(borrow, default)]
        b64_json: Option<Cow<'a, str>>,
        #[serde(borrow, default)]
        revised_prompt: Option<Cow<'a, str>>,
    }
    let wire: Wire<'_> = read(body)?;
    if let (Some(raw), true) = (wire.error, wire.data.is_none()) {
        return Err(family::fault_of(raw));
    }
    let images = wire.data.unwrap_or_default().into_iter().filter_map(|datum| {
        let image = Image::of(datum.b64_json.or(datum.url).filter(|text| !text.is_empty())?);
        Some(Image { revised_prompt: datum.revised_prompt.filter(|text| !text.is_empty()), ..image })
    });
    let answer = Answer::of(images);
    Ok(Answer { created: wire.created.map(family::whole), usage: wire.usage.map(|tokens| tokens.usage()), ..answer })
}

fn imagen(body: &[u8]) -> Result<Answer<'_>> {
    #[derive(Deserialize)]
    struct Wire<'a> {
        #[serde(borrow, default)]
        predictions: Option<Vec<Drawn<'a>>>,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Drawn<'a> {
        #[serde(borrow, default)]
        bytes_base64_encoded: Option<Cow<'a, str>>,
        #[serde(borrow, default)]
        rai_filtered_reason: Option<Cow<'a, str>>,
        #[serde(borrow, default)]
        prompt: Option<Cow<'a, str>>,
    }
    let wire: Wire<'_> = read(body)?;
    let (mut images, mut why) = (Vec::new(), None);
    for drawn in wire.predictions.unwrap_or_default() {
        images.extend(drawn.bytes_base64_encoded.map(|data| Image { revised_prompt: drawn.prompt, ..Image::of(data) }));
        why = drawn.rai_filtered_reason.or(why);
    }
    match why {
        Some(why) if images.is_empty() => Err(filtered(&why)),
        // Where all are filtered, the answer may also be bare.
        None if images.is_empty() => Err(filtered("no image passed its filter")),
        _ => Ok(Answer::of(images)),
    }
}

fn gemini(body: &[u8]) -> Result<Answer<'_>> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Wire<'a> {
        #[serde(borrow, default)]
        candidates: Option<Vec<Candidate<'a>>>,
        #[serde(borrow, default)]
        prompt_feedback: Option<Feedback<'a>>,
        #[serde(default)]
        usage_metadata: Option<Counts>,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Feedback<'a> {
        #[serde(borrow, default)]
        block_reason: Option<Cow<'a, str>>,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Candidate<'a> {
        #[serde(borrow, default)]
        content: Option<Content<'a>>,
        #[serde(borrow, default)]
        finish_reason: Option<Cow<'a, str>>,
        #[serde(borrow, default)]
        finish_message: Option<Cow<'a, str>>,
    }
    #[derive(Deserialize)]
    struct Content<'a> {
        #[serde(borrow, default)]
        parts: Option<Vec<Part<'a>>>,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Part<'a> {
        #[serde(borrow, default)]
        inline_data: Option<Blob<'a>>,
        /// A draft that it thought with.
        #[serde(default)]
        thought: Option<bool>,
    }
    #[derive(Deserialize)]
    struct Blob<'a> {
        #[serde(borrow, default)]
        data: Option<Cow<'a, str>>,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Counts {
        #[serde(default)]
        prompt_token_count: Option<f64>,
        #[serde(default)]
        candidates_token_count: Option<f64>,
        #[serde(default)]
        thoughts_token_count: Option<f64>,
    }
    let wire: Wire<'_> = read(body)?;
    let (mut images, mut why) = (Vec::new(), wire.prompt_feedback.and_then(|feedback| feedback.block_reason));
    for candidate in wire.candidates.unwrap_or_default() {
        let parts = candidate.content.and_then(|content| content.parts).unwrap_or_default();
        let drawn = parts.into_iter().filter(|part| part.thought != Some(true)).filter_map(|part| part.inline_data?.data);
        images.extend(drawn.map(Image::of));
        let reason = candidate.finish_reason.filter(|reason| reason != "STOP");
        why = candidate.finish_message.or(reason).or(why);
    }
    if let (Some(why), true) = (&why, images.is_empty()) {
        return Err(filtered(why));
    }
    let usage = wire.usage_metadata.map(|counts| Usage {
        input: counts.prompt_token_count.map_or(0, family::whole),
        output: family::whole(counts.candidates_token_count.unwrap_or(0.0) + counts.thoughts_token_count.unwrap_or(0.0)),
        ..Usage::default()
    });
    Ok(Answer { usage, ..Answer::of(images) })
}

/// Base64 under one of a few names, beside why there might be none.
fn plain(body: &[u8]) -> Result<Answer<'_>> {
    #[derive(Deserialize)]
    struct Wire<'a> {
        #[serde(borrow, default, alias = "image", alias = "base64")]
        images: Option<&'a RawValue>,
        #[serde(borrow, default)]
        artifacts: Option<Vec<Artifact<'a>>>,
        #[serde(borrow, default, alias = "finish_reason", alias = "finishReason")]
        finish_reasons: Option<&'a RawValue>,
        #[serde(borrow, default)]
        error: Option<Cow<'a, str>>,
    }
    #[derive(Deserialize)]
    struct Artifact<'a> {
        #[serde(borrow, default)]
        base64: Option<Cow<'a, str>>,
        #[serde(borrow, default, rename = "finishReason")]
        finish_reason: Option<Cow<'a, str>>,
    }
    let wire: Wire<'_> = read(body)?;
    let mut reasons = wire.finish_reasons.map(strings).unwrap_or_default();
    let mut images: Vec<Image<'_>> = wire.images.map(strings).unwrap_or_default().into_iter().map(Image::of).collect();
    for artifact in wire.artifacts.unwrap_or_default() {
        images.extend(artifact.base64.map(Image::of));
        reasons.extend(artifact.finish_reason);
    }
    // What was filtered may be there all the same, blurred.
    let refused = |reason: &&Cow<'_, str>| !matches!(reason.as_ref(), "SUCCESS" | "LENGTH" | "");
    let why = reasons.iter().find(refused).or(wire.error.as_ref().filter(|error| !error.is_empty()));
    why.map_or(Ok(Answer::of(images)), |why| Err(filtered(why)))
}

fn workers_ai(body: &[u8]) -> Result<Answer<'_>> {
    #[derive(Deserialize)]
    struct Wire<'a> {
        #[serde(borrow, default)]
        result: Option<Drawn<'a>>,
        #[serde(default)]
        success: Option<bool>,
    }
    #[derive(Deserialize)]
    struct Drawn<'a> {
        #[serde(borrow, default)]
        image: Option<Cow<'a, str>>,
    }
    let wire: Wire<'_> = read(body)?;
    if wire.success == Some(false) {
        return Err(fault::decode(fault::Head { status: Kind::Failed.status(), ..fault::Head::default() }, body));
    }
    Ok(Answer::of(wire.result.and_then(|drawn| drawn.image).map(Image::of)))
}

fn prediction(body: &[u8]) -> Result<Progress<Answer<'_>>> {
    let prediction = Prediction::decode(body)?;
    let links = prediction.strings();
    let whole = !links.is_empty() && links.iter().all(|link| link.starts_with("https://") || link.starts_with("data:"));
    // What was waited for may be there before the status says so.
    if whole && matches!(prediction.status, Status::Running | Status::Succeeded) {
        return Ok(Progress::Done(Answer::of(links.into_iter().map(Image::of))));
    }
    Ok(match prediction.progress()? {
        Progress::Pending(pending) => Progress::Pending(pending),
        Progress::Done(_) => Progress::Done(Answer::default()),
    })
}
