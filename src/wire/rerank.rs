//! Reranking: <https://docs.cohere.com/v2/reference/rerank>, <https://jina.ai/reranker/>
//!
//! A caller asks and is answered in the form that Cohere and Jina share; each provider is asked in its own, which a
//! `Shape` names.
//!
//! Surprises
//! - What is `top_n` to most is `top_k` to some, and unknown to others: then the answer is cut here.
//! - Documents are echoed from the request; so providers are never asked to send them back.
//! - Scores may be logits, out of 0 to 1. They keep the text they came in.
//! - The list sits in `results`, `data`, `rankings`, `result.response`, or is the whole answer.

use super::fault;
use super::fields::{Fields, is_string, plain, wrong};
use super::json::{Array, Object, value};
use super::loose::whole;
use crate::error::{Error, Kind, Result};
use crate::ir::{Extras, Losses, Raw};
use crate::wire::lean;
use serde_json::value::RawValue;

/// What a caller asks for.
#[derive(Clone, Debug)]
pub struct Request {
    pub model: String,
    pub query: String,
    /// At least one; each a text or an object.
    pub documents: Vec<Raw>,
    /// How many of the best are wanted.
    pub top_n: Option<u64>,
    /// Whether the documents are wanted back.
    pub return_documents: bool,
    pub extras: Extras,
}

/// The form of a provider's requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// The caller's own form, whatever it holds.
    Plain,
    Cohere,
    /// Cohere's models on Bedrock, by `invoke`.
    CohereBedrock,
    /// Amazon's, by `invoke`.
    Amazon,
    Voyage,
    Jina,
    Together,
    Nvidia,
    /// Text embeddings inference.
    HuggingFace,
    WorkersAi,
}

/// What is particular about a shape.
struct Manner {
    model: bool,
    documents: &'static str,
    /// Texts are objects with a `text`.
    wrapped: bool,
    /// Documents may be objects.
    objects: bool,
    top: Option<&'static str>,
    /// Sends documents back unless told not to.
    echoes: bool,
    /// Fields that it alone knows and that mean the same whoever sends them.
    own: &'static [&'static str],
}

impl Shape {
    fn manner(self) -> Manner {
        let plain =
            Manner { model: true, documents: "documents", wrapped: false, objects: false, top: Some("top_n"), echoes: false, own: &[] };
        match self {
            Shape::Plain => Manner { objects: true, ..plain },
            Shape::Cohere => Manner { own: &["max_tokens_per_doc", "priority"], ..plain },
            Shape::CohereBedrock => Manner { model: false, own: &["max_tokens_per_doc"], ..plain },
            Shape::Amazon => Manner { model: false, ..plain },
            Shape::Voyage => Manner { top: Some("top_k"), own: &["truncation"], ..plain },
            Shape::Jina => Manner { objects: true, echoes: true, own: &["max_doc_length", "max_query_length", "truncate"], ..plain },
            Shape::Together => Manner { objects: true, own: &["rank_fields"], ..plain },
            Shape::Nvidia => Manner { documents: "passages", wrapped: true, top: None, own: &["truncate"], ..plain },
            Shape::HuggingFace => {
                Manner { model: false, documents: "texts", top: None, own: &["truncate", "truncation_direction", "raw_scores"], ..plain }
            }
            Shape::WorkersAi => Manner { model: false, documents: "contexts", wrapped: true, top: Some("top_k"), ..plain },
        }
    }
}

pub fn decode_request(body: &[u8]) -> Result<Request> {
    let mut fields = Fields::of_body(body)?;
    let model = fields.required_text("model")?;
    let query = fields.required_text("query")?;
    let documents = fields.items("documents")?;
    let documents = fields.required("documents", documents)?;
    if documents.is_empty() {
        return Err(Error::invalid("documents: expected at least one document").with_param("documents"));
    }
    let fits = |raw: &&RawValue| is_string(raw) || raw.get().starts_with('{');
    if let Some(place) = documents.iter().position(|raw| !fits(raw)) {
        return Err(wrong(&format!("documents.{place}"), "a string or an object"));
    }
    let name = if fields.has("top_n") { "top_n" } else { "top_k" };
    let top_n: Option<u64> = fields.plain(name, "a positive integer")?;
    if top_n == Some(0) {
        return Err(wrong(name, "a positive integer"));
    }
    Ok(Request {
        model,
        query,
        documents: documents.into_iter().map(ToOwned::to_owned).collect(),
        top_n,
        return_documents: fields.flag("return_documents")?.unwrap_or(false),
        extras: fields.rest(),
    })
}

/// The request as a provider of this shape takes it. What it lacks is named in `losses`.
pub fn encode_request(request: &Request, shape: Shape, losses: &mut Losses) -> Result<Vec<u8>> {
    let manner = shape.manner();
    let mut body = Vec::new();
    let mut object = Object::open(&mut body).maybe("model", manner.model.then_some(&request.model));
    if shape == Shape::Nvidia {
        Object::open(object.slot("query")).with("text", &request.query).close();
    } else {
        object = object.with("query", &request.query);
    }
    let mut list = Array::open(object.slot(manner.documents));
    for (place, document) in request.documents.iter().enumerate() {
        write_document(list.slot(), document, place, &manner)?;
    }
    list.close();
    if let Some(name) = manner.top {
        object = object.maybe(name, request.top_n);
    }
    object = object.maybe("return_documents", manner.echoes.then_some(false));
    object = object.maybe("api_version", (shape == Shape::CohereBedrock).then_some(2));
    for (name, raw) in &request.extras {
        if shape == Shape::Plain || manner.own.contains(&name.as_str()) {
            object = object.with(name, raw);
        } else {
            losses.drop(name);
        }
    }
    object.close();
    Ok(body)
}

fn write_document(out: &mut Vec<u8>, document: &RawValue, place: usize, manner: &Manner) -> Result<()> {
    if manner.objects || is_string(document) && !manner.wrapped {
        value(out, document);
        return Ok(());
    }
    let path = format!("documents.{place}");
    let text: String = if is_string(document) {
        plain(document, &path, "a string")?
    } else {
        let mut fields = Fields::of(document, path.clone())?;
        let text = fields.text("text")?;
        match text {
            Some(text) if fields.rest().is_empty() => text,
            _ => {
                let message = format!("{path}: this provider takes texts; send a string, or an object of `text` alone");
                return Err(Error::invalid(message).with_param(path));
            }
        }
    };
    match manner.wrapped {
        true => Object::open(out).with("text", &text).close(),
        false => value(out, &text),
    }
    Ok(())
}

/// What a provider answered, over its bytes.
#[derive(Clone, Debug, Default)]
pub struct Answer<'a> {
    pub id: Option<String>,
    pub model: Option<String>,
    pub results: Vec<Ranked<'a>>,
    /// Tokens that were read, where the provider counts them.
    pub tokens: Option<u64>,
    /// Searches that are paid for, where the provider counts those.
    pub searches: Option<u64>,
    usage: Option<&'a RawValue>,
    meta: Option<&'a RawValue>,
}

#[derive(Clone, Copy, Debug)]
pub struct Ranked<'a> {
    pub index: u64,
    /// The score, as a number and as it was written.
    pub score: f64,
    written: &'a RawValue,
}

pub fn decode_response(body: &[u8]) -> Result<Answer<'_>> {
    let whole: &RawValue = crate::wire::json::read(body).map_err(|error| unreadable(error.to_string()))?;
    if whole.get().starts_with('[') {
        return Ok(Answer { results: ranking(whole)?, ..Answer::default() });
    }
    let mut fields = Fields::of(whole, String::new()).map_err(|error| unreadable(error.message))?;
    let mut answer = Answer {
        id: fields.text("id").ok().flatten(),
        model: fields.text("model").ok().flatten(),
        usage: fields.take("usage"),
        meta: fields.take("meta"),
        ..Answer::default()
    };
    answer.tokens = answer.usage.and_then(|raw| counted(raw, &["total_tokens", "prompt_tokens"]));
    let units = answer.meta.and_then(|raw| Fields::of(raw, String::new()).ok()?.take("billed_units"));
    answer.searches = units.and_then(|raw| counted(raw, &["search_units"]));
    if let Some(result) = fields.object("result").ok().flatten() {
        fields = result;
    }
    match ["results", "data", "rankings", "response"].iter().find_map(|name| fields.take(name)) {
        Some(list) => answer.results = ranking(list)?,
        // An answer without a list is an error of the provider, in whatever words.
        None => return Err(fault::decode(fault::Head { status: Kind::Failed.status(), ..fault::Head::default() }, body)),
    }
    Ok(answer)
}

fn unreadable(why: String) -> Error {
    Error::upstream(Kind::Failed, format!("The provider's answer could not be read: {why}"))
}

/// The results, best first.
fn ranking(raw: &RawValue) -> Result<Vec<Ranked<'_>>> {
    let items: Vec<&RawValue> = lean::from_str(raw.get()).map_err(|error| unreadable(error.to_string()))?;
    let mut ranked = items.into_iter().map(rank).collect::<Option<Vec<_>>>();
    if let Some(ranked) = &mut ranked {
        ranked.sort_by(|one, other| other.score.total_cmp(&one.score));
    }
    ranked.ok_or_else(|| unreadable("a result has no index or no score".to_owned()))
}

fn rank(raw: &RawValue) -> Option<Ranked<'_>> {
    let mut fields = Fields::of(raw, String::new()).ok()?;
    let index = ["index", "id"].iter().find_map(|name| fields.number(name).ok().flatten()).map(whole)?;
    let written = ["relevance_score", "score", "logit"].iter().find_map(|name| fields.take(name))?;
    Some(Ranked { index, score: lean::from_str(written.get()).ok()?, written })
}

fn counted(raw: &RawValue, names: &[&str]) -> Option<u64> {
    let mut fields = Fields::of(raw, String::new()).ok()?;
    names.iter().find_map(|name| fields.number(name).ok().flatten()).map(whole)
}

fn place(ranked: &Ranked<'_>) -> Option<usize> {
    usize::try_from(ranked.index).ok()
}

/// The caller's answer.
pub fn encode_response(answer: &Answer<'_>, request: &Request) -> Result<Vec<u8>> {
    let mut body = Vec::new();
    let model = answer.model.as_ref().unwrap_or(&request.model);
    let mut object = Object::open(&mut body).maybe("id", answer.id.as_ref()).with("object", "list").with("model", model);
    let mut results = Array::open(object.slot("results"));
    let wanted = request.top_n.and_then(|top| usize::try_from(top).ok()).unwrap_or(usize::MAX);
    let mut unranked = vec![true; request.documents.len()];
    // A document that is ranked twice would be sent back twice, however long it is.
    let first = |ranked: &&Ranked<'_>| place(ranked).and_then(|place| unranked.get_mut(place)).is_none_or(std::mem::take);
    for ranked in answer.results.iter().filter(first).take(wanted) {
        let Some(document) = place(ranked).and_then(|place| request.documents.get(place)) else {
            return Err(unreadable(format!("it ranks document {}, which was not sent", ranked.index)));
        };
        let mut result = Object::open(results.slot()).with("index", &ranked.index).with("relevance_score", ranked.written);
        if request.return_documents {
            match is_string(document) {
                true => Object::open(result.slot("document")).with("text", document).close(),
                false => result = result.with("document", document),
            }
        }
        result.close();
    }
    results.close();
    object.maybe("usage", answer.usage).maybe("meta", answer.meta).close();
    Ok(body)
}
