use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::error::{Error, Kind, Result};
use crate::ir::{Finish, Part, Reason, Response, Usage};
use crate::wire::family;
use crate::wire::lean;

/// How far it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Not yet begun, or in the middle of it.
    Running,
    Succeeded,
    Failed,
    Canceled,
}

/// What is asked of the provider, as it answers.
#[derive(Debug)]
pub struct Prediction<'a> {
    pub id: String,
    pub model: String,
    pub status: Status,
    pub output: Option<&'a RawValue>,
    /// Why it failed, in the model's own words.
    pub error: Option<String>,
    pub usage: Option<Usage>,
    pub pending: Pending,
}

/// Where to go on with a prediction that is not done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pending {
    pub id: String,
    /// Tells its state.
    pub get: Option<String>,
    /// Its output as it comes, where the model streams.
    pub stream: Option<String>,
    /// Ends it, when nobody waits any longer.
    pub cancel: Option<String>,
}

/// An answer, or where to ask for it again.
#[derive(Debug)]
pub enum Progress<T> {
    Done(T),
    Pending(Pending),
}

#[derive(Deserialize)]
struct Wire<'a> {
    #[serde(borrow, default)]
    id: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    model: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    status: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    output: Option<&'a RawValue>,
    #[serde(borrow, default)]
    error: Option<&'a RawValue>,
    #[serde(default)]
    metrics: Option<Metrics>,
    #[serde(borrow, default)]
    urls: Option<Urls<'a>>,
}

#[derive(Deserialize)]
struct Metrics {
    #[serde(default)]
    input_token_count: Option<f64>,
    #[serde(default)]
    output_token_count: Option<f64>,
}

#[derive(Default, Deserialize)]
struct Urls<'a> {
    #[serde(borrow, default)]
    get: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    stream: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    cancel: Option<Cow<'a, str>>,
}

impl<'a> Prediction<'a> {
    pub fn decode(body: &'a [u8]) -> Result<Self> {
        let wire: Wire<'a> = crate::wire::json::read(body).map_err(|_| foreign())?;
        let owned = |text: Option<Cow<'a, str>>| text.map(Cow::into_owned);
        let id = owned(wire.id).unwrap_or_default();
        let urls = wire.urls.unwrap_or_default();
        Ok(Self {
            model: owned(wire.model).unwrap_or_default(),
            status: status(wire.status.as_deref(), wire.output.is_some()),
            output: wire.output,
            error: wire.error.map(words),
            usage: wire.metrics.as_ref().and_then(usage),
            pending: Pending { id: id.clone(), get: owned(urls.get), stream: owned(urls.stream), cancel: owned(urls.cancel) },
            id,
        })
    }

    /// Says whether there is anything to read yet; an error if there never will be.
    pub fn progress(self) -> Result<Progress<Self>> {
        match self.status {
            Status::Succeeded => Ok(Progress::Done(self)),
            Status::Running if self.pending.get.is_some() => Ok(Progress::Pending(self.pending)),
            Status::Running => Err(foreign()),
            Status::Failed => {
                let why = self.error.unwrap_or_else(|| "The prediction failed without a word about it.".to_owned());
                Err(Error::upstream(Kind::Failed, why))
            }
            Status::Canceled => Err(Error::upstream(Kind::Failed, "The prediction was canceled.")),
        }
    }

    /// Every string of the output, in order.
    pub fn strings(&self) -> Vec<Cow<'a, str>> {
        self.output.map(strings).unwrap_or_default()
    }
}

fn foreign() -> Error {
    Error::upstream(Kind::Failed, "The provider's answer is empty, broken, or of another kind than asked for.")
}

fn status(word: Option<&str>, has_output: bool) -> Status {
    match word {
        Some("succeeded" | "successful") => Status::Succeeded,
        Some("failed") => Status::Failed,
        Some("canceled" | "aborted") => Status::Canceled,
        None if has_output => Status::Succeeded,
        _ => Status::Running,
    }
}

fn words(error: &RawValue) -> String {
    lean::from_str(error.get()).unwrap_or_else(|_| error.get().to_owned())
}

fn usage(metrics: &Metrics) -> Option<Usage> {
    let (input, output) = (metrics.input_token_count, metrics.output_token_count);
    (input.is_some() || output.is_some()).then(|| Usage {
        input: input.map_or(0, family::whole),
        output: output.map_or(0, family::whole),
        ..Usage::default()
    })
}

/// A string, or every string of a list.
pub(in crate::wire) fn strings(output: &RawValue) -> Vec<Cow<'_, str>> {
    match lean::from_str::<Vec<&RawValue>>(output.get()) {
        Ok(items) => items.into_iter().filter_map(string).collect(),
        Err(_) => string(output).into_iter().collect(),
    }
}

fn string(raw: &RawValue) -> Option<Cow<'_, str>> {
    #[derive(Deserialize)]
    struct Piece<'a>(#[serde(borrow)] Cow<'a, str>);
    lean::from_str::<Piece<'_>>(raw.get()).ok().map(|piece| piece.0)
}

/// The answer of a language model, or where to wait for it.
pub fn decode_response(body: &[u8]) -> Result<Progress<Response>> {
    match Prediction::decode(body)?.progress()? {
        Progress::Pending(pending) => Ok(Progress::Pending(pending)),
        Progress::Done(prediction) => Ok(Progress::Done(response(prediction))),
    }
}

fn response(prediction: Prediction<'_>) -> Response {
    let pieces = prediction.strings();
    let text = match (prediction.output, pieces.is_empty()) {
        (Some(other), true) if !matches!(other.get(), "null" | "[]") => other.get().to_owned(),
        _ => pieces.concat(),
    };
    Response {
        id: prediction.id,
        model: prediction.model,
        parts: (!text.is_empty()).then(|| Part::text(text)).into_iter().collect(),
        finish: Finish { reason: Reason::Stop, raw: Some("succeeded".to_owned()), stop_sequence: None },
        usage: prediction.usage,
        ..Response::default()
    }
}
