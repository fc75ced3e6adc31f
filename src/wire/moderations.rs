//! Moderations: <https://platform.openai.com/docs/api-reference/moderations>
//!
//! A caller asks and is answered in OpenAI's form; each provider is asked in its own, which a `Shape` names.
//!
//! Surprises
//! - A list of strings is as many inputs; a list of parts is one.
//! - Mistral has categories of its own and no `flagged`. They are told under OpenAI's names too, where the meaning is
//!   the same; clients insist on all of OpenAI's names.

use super::fault;
use super::fields::{Fields, is_string, items, plain, wrong};
use super::json::{Array, Object};
use crate::error::{Error, Kind, Result};
use crate::ir::{Extras, Losses, Raw};
use serde_json::value::RawValue;

/// What a caller asks for.
#[derive(Clone, Debug)]
pub struct Request {
    pub model: Option<String>,
    pub input: Input,
    pub extras: Extras,
}

#[derive(Clone, Debug)]
pub enum Input {
    Texts(Vec<String>),
    /// One input of texts and pictures.
    Parts(Vec<Raw>),
}

/// The form of a provider's requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    OpenAi,
    Mistral,
}

pub fn decode_request(body: &[u8]) -> Result<Request> {
    const WHAT: &str = "a string, an array of strings, or an array of parts";
    let mut fields = Fields::of_body(body)?;
    let model = fields.text("model")?;
    let input = fields.take("input");
    let raw = fields.required("input", input)?;
    let input = if is_string(raw) {
        Input::Texts(vec![plain(raw, "input", WHAT)?])
    } else {
        let list = items(raw, "input").map_err(|_| wrong("input", WHAT))?;
        match list.first() {
            None => return Err(Error::invalid("input: expected at least one text").with_param("input")),
            Some(first) if first.get().starts_with('{') => Input::Parts(list.into_iter().map(ToOwned::to_owned).collect()),
            Some(_) => Input::Texts(plain(raw, "input", WHAT)?),
        }
    };
    Ok(Request { model, input, extras: fields.rest() })
}

/// The request as a provider of this shape takes it. What it lacks is named in `losses`.
pub fn encode_request(request: &Request, shape: Shape, losses: &mut Losses) -> Result<Vec<u8>> {
    let mut body = Vec::new();
    let mut object = Object::open(&mut body).maybe("model", request.model.as_ref());
    object = match (&request.input, shape) {
        (Input::Texts(texts), _) => match texts.as_slice() {
            [only] => object.with("input", only),
            texts => object.with("input", texts),
        },
        (Input::Parts(parts), Shape::OpenAi) => object.with("input", parts),
        (Input::Parts(parts), Shape::Mistral) => object.with("input", &joined(parts)?),
    };
    for (name, raw) in &request.extras {
        if shape == Shape::OpenAi {
            object = object.with(name, raw);
        } else {
            losses.drop(name);
        }
    }
    object.close();
    Ok(body)
}

/// The texts of one input; a picture among them is an error.
fn joined(parts: &[Raw]) -> Result<String> {
    let mut texts = Vec::with_capacity(parts.len());
    for (place, part) in parts.iter().enumerate() {
        let mut fields = Fields::of(part, format!("input.{place}"))?;
        match fields.required_text("type")?.as_str() {
            "text" => texts.push(fields.required_text("text")?),
            kind => {
                let message = format!("input.{place}: this provider takes text only, not {kind}");
                return Err(Error::invalid(message).with_param(fields.path_of("type")));
            }
        }
    }
    Ok(texts.join("\n"))
}

/// What a provider answered, over its bytes.
#[derive(Debug, Default)]
pub struct Answer<'a> {
    pub id: Option<String>,
    pub model: Option<String>,
    results: Vec<Verdict<'a>>,
}

#[derive(Debug)]
struct Verdict<'a> {
    flagged: Option<bool>,
    categories: Vec<(String, bool)>,
    scores: Extras,
    applied: Option<&'a RawValue>,
}

pub fn decode_response(body: &[u8]) -> Result<Answer<'_>> {
    let unreadable = |error: Error| Error::upstream(Kind::Failed, format!("The provider's answer could not be read: {}", error.message));
    let mut fields = Fields::of_body(body).map_err(unreadable)?;
    let Some(results) = fields.items("results").ok().flatten() else {
        // An answer without results is an error of the provider, in whatever words.
        return Err(fault::decode(fault::Head { status: Kind::Failed.status(), ..fault::Head::default() }, body));
    };
    let results = results.into_iter().map(verdict).collect::<Result<Vec<_>>>().map_err(unreadable)?;
    Ok(Answer { id: fields.text("id").ok().flatten(), model: fields.text("model").ok().flatten(), results })
}

fn verdict(raw: &RawValue) -> Result<Verdict<'_>> {
    let mut fields = Fields::of(raw, "results".to_owned())?;
    let flagged = fields.flag("flagged").ok().flatten();
    let categories = fields.take("categories").map(pairs).unwrap_or_default();
    let scores = fields.take("category_scores").map(pairs).unwrap_or_default();
    let told = |(name, raw): (String, Raw)| (name, raw.get() == "true");
    Ok(Verdict {
        flagged,
        categories: categories.into_iter().map(told).collect(),
        scores,
        applied: fields.take("category_applied_input_types"),
    })
}

fn pairs(raw: &RawValue) -> Extras {
    Fields::of(raw, String::new()).map(Fields::rest).unwrap_or_default()
}

/// OpenAI's categories, each with what others call the same.
const CATEGORIES: [(&str, &str); 13] = [
    ("harassment", ""),
    ("harassment/threatening", ""),
    ("hate", "hate_and_discrimination"),
    ("hate/threatening", ""),
    ("illicit", "dangerous_and_criminal_content"),
    ("illicit/violent", ""),
    ("self-harm", "selfharm"),
    ("self-harm/instructions", ""),
    ("self-harm/intent", ""),
    ("sexual", ""),
    ("sexual/minors", ""),
    ("violence", "violence_and_threats"),
    ("violence/graphic", ""),
];

/// The caller's answer.
pub fn encode_response(answer: &Answer<'_>, request: &Request, nonce: &str) -> Vec<u8> {
    let id = answer.id.clone().unwrap_or_else(|| format!("modr-{nonce}"));
    let model = answer.model.as_ref().or(request.model.as_ref()).map_or("", |model| model);
    let mut body = Vec::new();
    let mut object = Object::open(&mut body).with("id", &id).with("model", model);
    let mut results = Array::open(object.slot("results"));
    answer.results.iter().for_each(|verdict| write_verdict(results.slot(), verdict));
    results.close();
    object.close();
    body
}

fn write_verdict(out: &mut Vec<u8>, verdict: &Verdict<'_>) {
    let flagged = verdict.flagged.unwrap_or_else(|| verdict.categories.iter().any(|(_, flagged)| *flagged));
    let mut object = Object::open(out).with("flagged", &flagged);
    let mut categories = Object::open(object.slot("categories"));
    for (name, alias) in CATEGORIES {
        categories = categories.with(name, told(&verdict.categories, name, alias).unwrap_or(&false));
    }
    others(&verdict.categories).fold(categories, |object, (name, flagged)| object.with(name, flagged)).close();
    let mut scores = Object::open(object.slot("category_scores"));
    for (name, alias) in CATEGORIES {
        scores = match told(&verdict.scores, name, alias) {
            Some(score) => scores.with(name, score),
            None => scores.with(name, &0),
        };
    }
    others(&verdict.scores).fold(scores, |object, (name, score)| object.with(name, score)).close();
    match verdict.applied {
        Some(raw) => object = object.with("category_applied_input_types", raw),
        None => {
            let mut applied = Object::open(object.slot("category_applied_input_types"));
            for (name, alias) in CATEGORIES {
                let kinds: &[&str] = if told(&verdict.categories, name, alias).is_some() { &["text"] } else { &[] };
                applied = applied.with(name, kinds);
            }
            applied.close();
        }
    }
    object.close();
}

fn told<'v, T>(pairs: &'v [(String, T)], name: &str, alias: &str) -> Option<&'v T> {
    pairs.iter().find(|(known, _)| known == name || known == alias).map(|(_, told)| told)
}

/// The categories that OpenAI has no name for.
fn others<T>(pairs: &[(String, T)]) -> impl Iterator<Item = &(String, T)> {
    pairs.iter().filter(|(known, _)| !CATEGORIES.iter().any(|(name, _)| name == known))
}
