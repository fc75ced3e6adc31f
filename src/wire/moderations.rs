//! Moderation. The caller's form is OpenAI's: <https://platform.openai.com/docs/api-reference/moderations>
//! Mistral's is the other: <https://docs.mistral.ai/capabilities/guardrailing/>
//!
//! Surprises
//! - A list of strings has a result for each; a list of parts (text and images) has one result for all of them.
//! - Mistral judges by categories of its own and does not say `flagged`: an input is, if any category is. Where
//!   OpenAI has no such category (health, law, pii ...), it keeps its name beside OpenAI's.
//! - OpenAI's clients read every one of its categories: those that nobody judged are false, with a score of 0, and
//!   were applied to nothing.

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::Echo;
use super::fields::{Fields, is_string, items, plain, wrong};
use super::json::{Array, Object, value};
use crate::error::{Error, Kind, Result};
use crate::ir::Losses;
use crate::wire::lean;

/// How a provider wants to be asked, and answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// OpenAI's own form: relayed both ways.
    OpenAi,
    Mistral,
}

/// What is to be judged.
#[derive(Clone, Debug, Default)]
pub struct Request {
    pub model: String,
    /// A result for each.
    pub texts: Vec<String>,
    /// Names of what only OpenAI has.
    rest: Vec<String>,
}

/// The request, for a provider that reads text only.
pub fn decode_request(body: &[u8]) -> Result<Request> {
    let mut fields = Fields::of_body(body)?;
    let model = fields.text("model")?.unwrap_or_default();
    let input = fields.take("input");
    let input = fields.required("input", input)?;
    let texts = if is_string(input) { vec![plain(input, "input", "a string")?] } else { texts(input)? };
    if texts.is_empty() {
        return Err(wrong("input", "at least one text"));
    }
    Ok(Request { model, texts, rest: fields.rest().into_iter().map(|(name, _)| name).collect() })
}

fn texts(input: &RawValue) -> Result<Vec<String>> {
    const EXPECTED: &str = "a string, an array of strings or an array of parts";
    let list = items(input, "input").map_err(|_| wrong("input", EXPECTED))?;
    if list.iter().all(|item| is_string(item)) {
        return plain(input, "input", EXPECTED);
    }
    let parts = list.into_iter().enumerate().map(|(at, raw)| part_text(raw, format!("input.{at}")));
    Ok(vec![parts.collect::<Result<Vec<_>>>()?.join("\n")])
}

fn part_text(raw: &RawValue, path: String) -> Result<String> {
    let mut fields = Fields::of(raw, path.clone())?;
    match fields.required_text("type")?.as_str() {
        "text" => fields.required_text("text"),
        other => Err(Error::invalid(format!("{path}: this model judges text only, not a part of type {other}")).with_param(path)),
    }
}

pub fn encode_request(request: &Request, losses: &mut Losses) -> Vec<u8> {
    request.rest.iter().for_each(|name| losses.drop(name.as_str()));
    let mut body = Vec::with_capacity(256);
    let model = Some(&request.model).filter(|model| !model.is_empty());
    Object::open(&mut body).maybe("model", model).with("input", &request.texts).close();
    body
}

/// OpenAI's categories, and what Mistral calls them where it knows them.
const CATEGORIES: [(&str, &[&str]); 13] = [
    ("harassment", &[]),
    ("harassment/threatening", &[]),
    ("hate", &["hate_and_discrimination"]),
    ("hate/threatening", &[]),
    ("illicit", &["dangerous_and_criminal_content", "dangerous", "criminal"]),
    ("illicit/violent", &[]),
    ("self-harm", &["selfharm", "self_harm"]),
    ("self-harm/instructions", &[]),
    ("self-harm/intent", &[]),
    ("sexual", &["sexual"]),
    ("sexual/minors", &[]),
    ("violence", &["violence_and_threats"]),
    ("violence/graphic", &[]),
];

/// What one category says.
struct Verdict<'a> {
    name: Cow<'a, str>,
    flagged: bool,
    score: f64,
    judged: bool,
}

/// Mistral's answer as OpenAI's.
pub fn translate_answer(body: &[u8], echo: &Echo) -> Result<Vec<u8>> {
    let foreign = || Error::upstream(Kind::Failed, "The provider's answer is empty, broken, or of another kind than asked for.");
    let mut answer = Fields::of_body(body).map_err(|_| foreign())?;
    let text = |raw: Option<&RawValue>| raw.and_then(|raw| lean::from_str::<String>(raw.get()).ok());
    let id = text(answer.take("id")).unwrap_or_else(|| format!("modr-{}", echo.nonce));
    let model = text(answer.take("model")).unwrap_or_else(|| echo.model.clone());
    let results = answer.items("results").ok().flatten().ok_or_else(foreign)?;
    let mut out = Vec::with_capacity(body.len().saturating_mul(2));
    let mut object = Object::open(&mut out).with("id", &id).with("model", &model);
    let mut list = Array::open(object.slot("results"));
    for raw in results {
        write_result(list.slot(), &verdicts(raw).ok_or_else(foreign)?);
    }
    list.close();
    object.close();
    Ok(out)
}

fn verdicts(raw: &RawValue) -> Option<Vec<Verdict<'_>>> {
    let mut result = Fields::of(raw, String::new()).ok()?;
    let mut flags = result.object("categories").ok()??;
    let mut scores = result.object("category_scores").ok().flatten();
    let mut verdict = |flags: &mut Fields<'_>, name: &str| {
        let flagged = flags.take(name).map(|raw| raw.get() == "true");
        let score = scores.as_mut().and_then(|scores| scores.take(name)?.get().parse::<f64>().ok());
        (flagged.is_some() || score.is_some()).then(|| (flagged.unwrap_or(false), score.unwrap_or(0.0)))
    };
    let mut verdicts = Vec::new();
    for (name, theirs) in CATEGORIES {
        let told: Vec<(bool, f64)> = theirs.iter().filter_map(|name| verdict(&mut flags, name)).collect();
        let flagged = told.iter().any(|(flagged, _)| *flagged);
        let score = told.iter().map(|(_, score)| *score).fold(0.0, f64::max);
        verdicts.push(Verdict { name: Cow::Borrowed(name), flagged, score, judged: !told.is_empty() });
    }
    let mut others = scores.map(|scores| scores.rest()).unwrap_or_default();
    for (name, raw) in flags.rest() {
        let place = others.iter().position(|(known, _)| *known == name);
        let score = place.and_then(|place| others.swap_remove(place).1.get().parse::<f64>().ok()).unwrap_or(0.0);
        verdicts.push(Verdict { name: Cow::Owned(name), flagged: raw.get() == "true", score, judged: true });
    }
    Some(verdicts)
}

fn write_result(out: &mut Vec<u8>, verdicts: &[Verdict<'_>]) {
    let mut result = Object::open(out).with("flagged", &verdicts.iter().any(|verdict| verdict.flagged));
    write_each(result.slot("categories"), verdicts, |out, verdict| value(out, &verdict.flagged));
    write_each(result.slot("category_scores"), verdicts, |out, verdict| value(out, &verdict.score));
    write_each(result.slot("category_applied_input_types"), verdicts, |out, verdict| {
        value(out, if verdict.judged { ["text"].as_slice() } else { &[] });
    });
    result.close();
}

fn write_each(out: &mut Vec<u8>, verdicts: &[Verdict<'_>], write: fn(&mut Vec<u8>, &Verdict<'_>)) {
    let mut object = Object::open(out);
    for verdict in verdicts {
        write(object.slot(&verdict.name), verdict);
    }
    object.close();
}
