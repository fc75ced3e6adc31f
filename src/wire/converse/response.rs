//! Whole answers.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::words::{Counts, finish};
use crate::error::{Error, Kind, Result};
use crate::ir::{Citation, Media, MediaKind, Native, Part, Response, Source, Text, Thinking, ToolCall};

#[derive(Deserialize)]
struct Answer<'a> {
    #[serde(borrow)]
    output: Option<Output<'a>>,
    #[serde(rename = "stopReason")]
    stop_reason: Option<String>,
    usage: Option<Counts>,
}

#[derive(Deserialize)]
struct Output<'a> {
    #[serde(borrow)]
    message: Option<Message<'a>>,
}

#[derive(Deserialize)]
struct Message<'a> {
    #[serde(borrow, default)]
    content: Vec<&'a RawValue>,
}

pub fn decode_response(body: &[u8]) -> Result<Response> {
    let answer: Answer<'_> =
        serde_json::from_slice(body).map_err(|_| Error::upstream(Kind::Failed, "The provider's answer cannot be read."))?;
    let message = answer.output.and_then(|output| output.message);
    let message = message.ok_or_else(|| Error::upstream(Kind::Failed, "The provider's answer holds no message."))?;
    let parts: Vec<Part> = message.content.into_iter().flat_map(parts).collect();
    let calls = parts.iter().any(|part| matches!(part, Part::ToolCall(_)));
    Ok(Response {
        finish: finish(answer.stop_reason.as_deref().unwrap_or("end_turn"), calls),
        usage: answer.usage.map(Counts::usage),
        parts,
        ..Response::default()
    })
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Block<'a> {
    text: Option<String>,
    #[serde(borrow)]
    tool_use: Option<ToolUse<'a>>,
    reasoning_content: Option<Reasoning>,
    citations_content: Option<Cited>,
    image: Option<Image>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ToolUse<'a> {
    #[serde(default)]
    tool_use_id: String,
    #[serde(default)]
    name: String,
    #[serde(borrow)]
    input: Option<&'a RawValue>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Reasoning {
    reasoning_text: Option<ReasoningText>,
    redacted_content: Option<String>,
}

#[derive(Deserialize)]
struct ReasoningText {
    #[serde(default)]
    text: String,
    signature: Option<String>,
}

#[derive(Deserialize)]
struct Cited {
    #[serde(default)]
    content: Vec<CitedText>,
    #[serde(default)]
    citations: Vec<Source_>,
}

#[derive(Deserialize)]
struct CitedText {
    #[serde(default)]
    text: String,
}

/// A citation: of a document, or of an address.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Source_ {
    title: Option<String>,
    #[serde(default)]
    source_content: Vec<CitedText>,
    location: Option<Location>,
}

#[derive(Deserialize)]
struct Location {
    web: Option<Web>,
}

#[derive(Deserialize)]
struct Web {
    url: Option<String>,
}

#[derive(Deserialize)]
struct Image {
    #[serde(default)]
    format: String,
    source: Option<Bytes>,
}

#[derive(Deserialize)]
struct Bytes {
    bytes: Option<String>,
}

impl From<Source_> for Citation {
    fn from(told: Source_) -> Self {
        let quote: String = told.source_content.into_iter().map(|piece| piece.text).collect();
        let url = told.location.and_then(|location| location.web).and_then(|web| web.url);
        Citation { url, title: told.title, quote: Some(quote).filter(|quote| !quote.is_empty()), range: None, raw: None }
    }
}

fn parts(raw: &RawValue) -> Vec<Part> {
    let Ok(block) = serde_json::from_str::<Block<'_>>(raw.get()) else { return vec![native(raw)] };
    if let Some(text) = block.text {
        return if text.is_empty() { Vec::new() } else { vec![Part::text(text)] };
    }
    if let Some(call) = block.tool_use {
        let arguments = call.input.map(|raw| raw.get().to_owned()).unwrap_or_default();
        return vec![Part::ToolCall(ToolCall { id: call.tool_use_id, name: call.name, arguments, cache: None })];
    }
    if let Some(reasoning) = block.reasoning_content {
        let (text, signature) = reasoning.reasoning_text.map(|told| (told.text, told.signature)).unwrap_or_default();
        return vec![Part::Thinking(Thinking {
            text,
            signature: signature.filter(|proof| !proof.is_empty()),
            redacted: reasoning.redacted_content,
        })];
    }
    if let Some(cited) = block.citations_content {
        let text = cited.content.into_iter().map(|piece| piece.text).collect();
        return vec![Part::Text(Text { text, citations: cited.citations.into_iter().map(Into::into).collect(), cache: None })];
    }
    if let Some((format, data)) = block.image.and_then(|image| Some((image.format, image.source?.bytes?))) {
        let source = Source::Inline { media_type: format!("image/{format}"), data };
        return vec![Part::Media(Media { kind: MediaKind::Image, source, name: None, detail: None, cache: None })];
    }
    vec![native(raw)]
}

fn native(raw: &RawValue) -> Part {
    let kind = raw.get().split('"').nth(1).unwrap_or("unknown").to_owned();
    Part::Native(Native { kind, raw: raw.to_owned() })
}
