//! What providers answer, and what the caller gets.
//!
//! The vectors sit in `data[].embedding`, `data[]`, `result.data[]`, `embeddings.float[]`, `embeddings[]`,
//! `embeddings[].values`, `predictions[].embeddings.values`, `embedding`, `embedding.values`, or are the whole
//! answer. No two of these can be mistaken for each other, so nobody needs to say which it is.

use super::request::{Encoding, Request};
use crate::error::{Error, Kind, Result};
use crate::wire::fields::Fields;
use crate::wire::json::{Array, Object, value};
use crate::wire::lean;
use crate::wire::{base64, fault};
use serde_json::value::RawValue;

/// The answer to one request, over its bytes.
#[derive(Clone, Debug, Default)]
pub struct Batch<'a> {
    /// In the order of the inputs.
    pub vectors: Vec<Vector<'a>>,
    /// The model, where the provider names it.
    pub model: Option<String>,
    /// Tokens of the inputs, where the provider counts them.
    pub tokens: Option<u64>,
}

#[derive(Clone, Copy, Debug)]
pub enum Vector<'a> {
    /// An array of numbers.
    Floats(&'a RawValue),
    /// A string of base64, with its quotes.
    Base64(&'a RawValue),
}

pub fn decode_response(body: &[u8]) -> Result<Batch<'_>> {
    let whole: &RawValue = crate::wire::json::read(body).map_err(|error| unreadable(error.to_string()))?;
    if whole.get().starts_with('[') {
        return Ok(Batch { vectors: vectors(whole)?, ..Batch::default() });
    }
    let mut fields = Fields::of(whole, String::new()).map_err(|error| unreadable(error.message))?;
    let mut batch = Batch { model: fields.text("model").ok().flatten(), tokens: tokens(&mut fields), ..Batch::default() };
    if let Some(result) = fields.object("result").ok().flatten() {
        fields = result;
    }
    let found = ["data", "embeddings", "predictions", "embedding"].iter().find_map(|name| fields.take(name));
    let Some(found) = found else { return Err(told(body)) };
    match found.get().as_bytes().first() {
        Some(b'{') => {
            let mut inner = Fields::of(found, String::new()).map_err(|error| unreadable(error.message))?;
            match (inner.take("float"), inner.take("values")) {
                (Some(list), _) => batch.vectors = vectors(list)?,
                (None, Some(values)) => batch.vectors = vec![vector(values)?],
                (None, None) => return Err(unreadable("there are no floats in it".to_owned())),
            }
        }
        _ => {
            let (listed, counted) = listed(found)?;
            batch.vectors = listed;
            batch.tokens = batch.tokens.or(counted);
        }
    }
    Ok(batch)
}

/// An answer without vectors is an error of the provider, in whatever words.
fn told(body: &[u8]) -> Error {
    fault::decode(fault::Head { status: Kind::Failed.status(), ..fault::Head::default() }, body)
}

fn unreadable(why: String) -> Error {
    Error::upstream(Kind::Failed, format!("The provider's answer could not be read: {why}"))
}

/// A list of vectors, or one vector alone.
fn vectors(raw: &RawValue) -> Result<Vec<Vector<'_>>> {
    Ok(listed(raw)?.0)
}

/// The vectors of a list in the order of their indices, and the tokens that are counted with each.
fn listed(raw: &RawValue) -> Result<(Vec<Vector<'_>>, Option<u64>)> {
    let items: Vec<&RawValue> = lean::from_str(raw.get()).map_err(|error| unreadable(error.to_string()))?;
    let alone = items.first().is_some_and(|first| first.get().starts_with(|letter: char| letter == '-' || letter.is_ascii_digit()));
    if alone {
        return Ok((vec![vector(raw)?], None));
    }
    let mut counted = None;
    let mut found = Vec::with_capacity(items.len());
    for (place, item) in (0_u64..).zip(items) {
        if !item.get().starts_with('{') {
            found.push((place, vector(item)?));
            continue;
        }
        let (index, vector, tokens) = entry(item)?;
        if let Some(tokens) = tokens {
            counted = Some(tokens.saturating_add(counted.unwrap_or(0)));
        }
        found.push((index.unwrap_or(place), vector));
    }
    found.sort_by_key(|(index, _)| *index);
    Ok((found.into_iter().map(|(_, vector)| vector).collect(), counted))
}

/// An object that holds a vector, itself or one deeper.
fn entry(raw: &RawValue) -> Result<(Option<u64>, Vector<'_>, Option<u64>)> {
    let mut fields = Fields::of(raw, String::new()).map_err(|error| unreadable(error.message))?;
    let index = number(&mut fields, "index");
    let found = ["embedding", "values", "embeddings"].iter().find_map(|name| fields.take(name));
    let found = found.ok_or_else(|| unreadable("an entry has no vector".to_owned()))?;
    if !found.get().starts_with('{') {
        return Ok((index, vector(found)?, None));
    }
    let mut inner = Fields::of(found, String::new()).map_err(|error| unreadable(error.message))?;
    let tokens = inner.object("statistics").ok().flatten().and_then(|mut statistics| number(&mut statistics, "token_count"));
    let values = ["values", "float"].iter().find_map(|name| inner.take(name));
    let values = values.ok_or_else(|| unreadable("an entry has no vector".to_owned()))?;
    Ok((index, vector(values)?, tokens))
}

fn vector(raw: &RawValue) -> Result<Vector<'_>> {
    let text = raw.get();
    let inner = text.strip_prefix('[').map(str::trim_start);
    match inner {
        Some(inner) if inner.starts_with(['[', '{']) => {
            Err(unreadable("the model gives a vector for each token, not one for each text; choose one that pools them".to_owned()))
        }
        Some(_) => Ok(Vector::Floats(raw)),
        None if text.starts_with('"') => Ok(Vector::Base64(raw)),
        None => Err(unreadable("an entry is no vector".to_owned())),
    }
}

fn tokens(fields: &mut Fields<'_>) -> Option<u64> {
    let places: [(&str, &[&str]); 3] = [
        ("usage", &["prompt_tokens", "input_tokens", "total_tokens"]),
        ("usageMetadata", &["promptTokenCount", "totalTokenCount"]),
        ("meta", &["tokens", "billed_units"]),
    ];
    for (place, names) in places {
        let Some(mut object) = fields.object(place).ok().flatten() else { continue };
        let told = names.iter().find_map(|name| match place {
            "meta" => number(&mut object.object(name).ok().flatten()?, "input_tokens"),
            _ => number(&mut object, name),
        });
        if told.is_some() {
            return told;
        }
    }
    number(fields, "inputTextTokenCount").or_else(|| number(fields, "prompt_eval_count"))
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a cast of a float saturates")]
fn number(fields: &mut Fields<'_>, name: &str) -> Option<u64> {
    fields.number(name).ok().flatten().map(|number| number as u64)
}

/// The caller's answer, of the answers to all its requests in their order.
pub fn encode_response(batches: &[Batch<'_>], request: &Request) -> Result<Vec<u8>> {
    let count: usize = batches.iter().map(|batch| batch.vectors.len()).sum();
    if count != request.input.len() {
        let asked = request.input.len();
        return Err(unreadable(format!("it holds {count} vectors for {asked} inputs")));
    }
    let model = batches.iter().find_map(|batch| batch.model.as_deref()).unwrap_or(&request.model);
    let tokens = batches.iter().filter_map(|batch| batch.tokens).fold(0, u64::saturating_add);
    let mut body = Vec::new();
    let mut object = Object::open(&mut body).with("object", "list");
    let mut data = Array::open(object.slot("data"));
    for (index, vector) in (0_u64..).zip(batches.iter().flat_map(|batch| &batch.vectors)) {
        let mut entry = Object::open(data.slot()).with("object", "embedding").with("index", &index);
        write_vector(entry.slot("embedding"), *vector, request.encoding)?;
        entry.close();
    }
    data.close();
    object = object.with("model", model);
    Object::open(object.slot("usage")).with("prompt_tokens", &tokens).with("total_tokens", &tokens).close();
    object.close();
    Ok(body)
}

fn write_vector(out: &mut Vec<u8>, vector: Vector<'_>, encoding: Encoding) -> Result<()> {
    match (vector, encoding) {
        (Vector::Floats(raw), Encoding::Float) | (Vector::Base64(raw), Encoding::Base64) => value(out, raw),
        (Vector::Floats(raw), Encoding::Base64) => {
            let floats: Vec<f32> = lean::from_str(raw.get()).map_err(|error| unreadable(error.to_string()))?;
            let bytes: Vec<u8> = floats.into_iter().flat_map(f32::to_le_bytes).collect();
            value(out, &base64::encode(&bytes));
        }
        (Vector::Base64(raw), Encoding::Float) => {
            let text: String = lean::from_str(raw.get()).map_err(|error| unreadable(error.to_string()))?;
            let bytes = base64::decode(&text).ok_or_else(|| unreadable("a vector is not base64".to_owned()))?;
            let (floats, []) = bytes.as_chunks::<4>() else {
                return Err(unreadable("a vector is not base64 of 32-bit floats".to_owned()));
            };
            let floats: Vec<f32> = floats.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
            value(out, &floats);
        }
    }
    Ok(())
}
