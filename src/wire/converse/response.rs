//! Whole answers.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::words::{finish, no_message, stop_sequence, usage};
use crate::error::{Error, Kind, Result};
use crate::ir::{Citation, Media, MediaKind, Part, Response, Source, Text, Thinking, ToolCall};
use crate::wire::lean;
use crate::wire::loose;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer<'a> {
    #[serde(borrow)]
    output: Option<&'a RawValue>,
    #[serde(default, deserialize_with = "loose::words")]
    stop_reason: Option<String>,
    #[serde(borrow)]
    usage: Option<&'a RawValue>,
    #[serde(borrow)]
    additional_model_response_fields: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Output<'a> {
    #[serde(borrow)]
    message: Message<'a>,
}

#[derive(Deserialize)]
struct Message<'a> {
    #[serde(borrow)]
    content: Option<Vec<&'a RawValue>>,
}

pub fn decode_response(body: &[u8]) -> Result<Response> {
    let answer: Answer<'_> = crate::wire::json::read(body)
        .map_err(|error| Error::upstream(Kind::Failed, format!("The provider's answer could not be read: {error}")))?;
    let output = answer.output.and_then(|raw| lean::from_str::<Output<'_>>(raw.get()).ok());
    let message = output.ok_or_else(|| no_message(body))?.message;
    let parts: Vec<Part> = message.content.unwrap_or_default().into_iter().filter_map(part).collect();
    let calls = parts.iter().any(|part| matches!(part, Part::ToolCall(_)));
    let told = answer.additional_model_response_fields.and_then(stop_sequence);
    Ok(Response {
        finish: finish(answer.stop_reason.as_deref().unwrap_or("end_turn"), told, calls),
        usage: answer.usage.and_then(usage),
        parts,
        ..Response::default()
    })
}

/// A block has one field, named for what it is.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Block<'a> {
    #[serde(default, deserialize_with = "loose::words")]
    text: Option<String>,
    #[serde(borrow, default, deserialize_with = "loose::maybe")]
    tool_use: Option<ToolUse<'a>>,
    #[serde(default, deserialize_with = "loose::maybe")]
    reasoning_content: Option<Reasoning>,
    #[serde(default, deserialize_with = "loose::maybe")]
    citations_content: Option<Cited>,
    #[serde(default, deserialize_with = "loose::maybe")]
    image: Option<Image>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ToolUse<'a> {
    #[serde(default, deserialize_with = "loose::words")]
    tool_use_id: Option<String>,
    #[serde(default, deserialize_with = "loose::words")]
    name: Option<String>,
    #[serde(borrow)]
    input: Option<&'a RawValue>,
    #[serde(default, deserialize_with = "loose::words")]
    r#type: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Reasoning {
    #[serde(default, deserialize_with = "loose::maybe")]
    reasoning_text: Option<ReasoningText>,
    #[serde(default, deserialize_with = "loose::words")]
    redacted_content: Option<String>,
}

#[derive(Deserialize)]
struct ReasoningText {
    #[serde(default, deserialize_with = "loose::words")]
    text: Option<String>,
    #[serde(default, deserialize_with = "loose::words")]
    signature: Option<String>,
}

#[derive(Deserialize)]
struct Cited {
    #[serde(default, deserialize_with = "loose::list")]
    content: Vec<Piece>,
    #[serde(default, deserialize_with = "loose::list")]
    citations: Vec<Quoted>,
}

#[derive(Debug, Deserialize)]
struct Piece {
    #[serde(default, deserialize_with = "loose::words")]
    text: Option<String>,
}

fn joined(pieces: Vec<Piece>) -> String {
    pieces.into_iter().filter_map(|piece| piece.text).collect()
}

/// A citation: of a document, of a search result that the caller gave, or of an address.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Quoted {
    #[serde(default, deserialize_with = "loose::words")]
    title: Option<String>,
    #[serde(default, deserialize_with = "loose::words")]
    source: Option<String>,
    #[serde(default, deserialize_with = "loose::list")]
    source_content: Vec<Piece>,
    #[serde(default, deserialize_with = "loose::maybe")]
    location: Option<Location>,
}

#[derive(Debug, Deserialize)]
struct Location {
    #[serde(default, deserialize_with = "loose::maybe")]
    web: Option<Web>,
}

#[derive(Debug, Deserialize)]
struct Web {
    #[serde(default, deserialize_with = "loose::words")]
    url: Option<String>,
}

#[derive(Deserialize)]
struct Image {
    #[serde(default, deserialize_with = "loose::words")]
    format: Option<String>,
    #[serde(default, deserialize_with = "loose::maybe")]
    source: Option<Picture>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Picture {
    #[serde(default, deserialize_with = "loose::words")]
    pub bytes: Option<String>,
}

impl From<Quoted> for Citation {
    fn from(told: Quoted) -> Self {
        let quote = joined(told.source_content);
        let named = told.source.filter(|source| source.contains("://"));
        let url = told.location.and_then(|location| location.web?.url).or(named);
        Citation { url, title: told.title, quote: Some(quote).filter(|quote| !quote.is_empty()), range: None, raw: None }
    }
}

/// Nothing where the block is of a kind that no caller could read, or what the provider did by itself.
fn part(raw: &RawValue) -> Option<Part> {
    let block: Block<'_> = lean::from_str(raw.get()).ok()?;
    if let Some(call) = block.tool_use {
        let arguments = call.input.map(|raw| raw.get()).filter(|input| *input != "null").unwrap_or_default().to_owned();
        let call_of_caller = !is_own(call.r#type.as_deref());
        let (id, name) = (call.tool_use_id.unwrap_or_default(), call.name.unwrap_or_default());
        return call_of_caller.then_some(Part::ToolCall(ToolCall { id, name, arguments, cache: None }));
    }
    if let Some(reasoning) = block.reasoning_content {
        let (text, signature) = reasoning.reasoning_text.map(|told| (told.text.unwrap_or_default(), told.signature)).unwrap_or_default();
        let signature = signature.filter(|proof| !proof.is_empty());
        return Some(Part::Thinking(Thinking { text, signature, redacted: reasoning.redacted_content }));
    }
    if let Some(cited) = block.citations_content {
        let text = joined(cited.content);
        return Some(Part::Text(Text { text, citations: cited.citations.into_iter().map(Into::into).collect(), cache: None }));
    }
    if let Some((format, data)) = block.image.and_then(|image| Some((image.format.unwrap_or_default(), image.source?.bytes?))) {
        return Some(Part::Media(picture(&format, data)));
    }
    block.text.filter(|text| !text.is_empty()).map(Part::text)
}

/// A call that the provider answers itself.
pub(super) fn is_own(kind: Option<&str>) -> bool {
    kind == Some("server_tool_use")
}

pub(super) fn picture(format: &str, data: String) -> Media {
    let source = Source::Inline { media_type: format!("image/{}", if format.is_empty() { "png" } else { format }), data };
    Media { kind: MediaKind::Image, source, name: None, detail: None, cache: None }
}
