//! The pieces of an answer for callers of this dialect, the same whole and streamed.

use super::citation::write_grounding;
use super::signature::{shown, shown_redacted};
use super::usage::write_usage;
use super::words::finish_word;
use crate::ir::{Citation, Finish, Media, Native, Source, Usage};
use crate::wire::Echo;
use crate::wire::fields::Fields;
use crate::wire::json::{Object, value};
use crate::wire::lean;
use serde_json::value::RawValue;

/// Who answers, as every chunk says it.
#[derive(Debug)]
pub(super) struct Head {
    id: String,
    model: String,
}

impl Head {
    pub fn new(id: &str, model: &str, echo: &Echo) -> Self {
        let id = if id.is_empty() { &echo.nonce } else { id };
        let model = if model.is_empty() { &echo.model } else { model };
        Self { id: id.to_owned(), model: model.to_owned() }
    }

    pub fn write(&self, object: Object<'_>) {
        object.with("modelVersion", &self.model).with("responseId", &self.id).close();
    }
}

/// What is known when the answer is over.
pub(super) struct End<'e> {
    pub finish: &'e Finish,
    pub usage: Option<&'e Usage>,
    pub citations: &'e [Citation],
    /// The whole text, which the citations point into.
    pub text: &'e str,
}

impl End<'_> {
    /// The rest of an answer whose candidate has its content.
    pub fn write(&self, mut candidate: Object<'_>) {
        if !self.citations.is_empty() {
            write_grounding(candidate.slot("groundingMetadata"), self.citations, self.text);
        }
        candidate.with("finishReason", finish_word(self.finish)).with("index", &0).close();
    }

    pub fn write_usage(&self, answer: &mut Object<'_>) {
        if let Some(usage) = self.usage {
            write_usage(answer.slot("usageMetadata"), usage);
        }
    }
}

pub(super) fn write_thought(out: &mut Vec<u8>, text: &str, proof: Option<&str>) {
    Object::open(out).with("text", text).with("thought", &true).maybe("thoughtSignature", proof.map(shown)).close();
}

pub(super) fn write_redacted(out: &mut Vec<u8>, data: &str) {
    Object::open(out).with("text", "").with("thought", &true).with("thoughtSignature", &shown_redacted(data)).close();
}

pub(super) fn write_call(out: &mut Vec<u8>, id: &str, name: &str, arguments: &str, proof: Option<&str>) {
    let mut part = Object::open(out);
    let mut call = Object::open(part.slot("functionCall")).with("id", id).with("name", name);
    write_args(call.slot("args"), arguments.trim());
    call.close();
    part.maybe("thoughtSignature", proof.map(shown)).close();
}

/// Arguments are an object; what the model wrote instead is shown in one.
fn write_args(out: &mut Vec<u8>, arguments: &str) {
    match lean::from_str::<&RawValue>(arguments) {
        Ok(raw) if raw.get().starts_with('{') => value(out, raw),
        _ if arguments.is_empty() => out.extend_from_slice(b"{}"),
        _ => Object::open(out).with("INVALID_JSON", arguments).close(),
    }
}

pub(super) fn write_media(out: &mut Vec<u8>, media: &Media) {
    let mut part = Object::open(out);
    match &media.source {
        Source::Inline { media_type, data } => {
            Object::open(part.slot("inlineData")).with("mimeType", media_type).with("data", data).close();
        }
        Source::Url(place) | Source::File(place) => Object::open(part.slot("fileData")).with("fileUri", place).close(),
        Source::Text(text) => return part.with("text", text).close(),
    }
    part.close();
}

/// A part of this dialect; clients do not know those of others.
pub(super) fn own(native: &Native) -> Option<&RawValue> {
    let fields = Fields::of(&native.raw, String::new()).ok()?;
    fields.has(&native.kind).then_some(&native.raw)
}

/// Whatever there is to read in a part that is text.
pub(super) fn write_text(out: &mut Vec<u8>, text: &str) {
    Object::open(out).with("text", text).close();
}
