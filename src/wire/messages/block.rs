//! Content blocks, as far as they are the same in requests and answers.

use crate::error::Result;
use crate::ir::{Citation, Media, MediaKind, Native, Part, Source, Text, Thinking, ToolCall, ToolResult};
use crate::wire::fields::{Fields, is_string, items, plain, wrong};
use crate::wire::json::Object;
use crate::wire::lean;
use serde_json::value::RawValue;

/// Content that is a string or an array of blocks.
pub(super) fn decode_content(raw: &RawValue, path: &str) -> Result<Vec<Part>> {
    if is_string(raw) {
        return Ok(vec![Part::text(plain::<String>(raw, path, "a string")?)]);
    }
    decode_blocks(items(raw, path).map_err(|_| wrong(path, "a string or an array of blocks"))?, path)
}

pub(super) fn decode_blocks(blocks: Vec<&RawValue>, path: &str) -> Result<Vec<Part>> {
    blocks.into_iter().enumerate().map(|(index, raw)| decode_block(raw, format!("{path}.{index}"))).collect()
}

/// A block of an answer, of which some leave something out, or have it in another form.
pub(super) fn answered(raw: &RawValue) -> Option<Part> {
    if let Ok(part) = decode_block(raw, String::new()) {
        return Some(part);
    }
    let mut fields = Fields::of(raw, String::new()).ok()?;
    let input = fields.take("input");
    let mut word = |name: &str| fields.text(name).ok().flatten();
    match word("type").as_deref() {
        Some("text") | None => word("text").map(Part::text),
        Some("thinking") => word("thinking").map(|text| Part::Thinking(Thinking { text, ..Thinking::default() })),
        Some("tool_use") => {
            let (id, name) = (word("id").unwrap_or_default(), word("name").unwrap_or_default());
            let input = input.map(|raw| lean::from_str::<String>(raw.get()).unwrap_or_else(|_| raw.get().to_owned()));
            Some(Part::ToolCall(ToolCall { id, name, arguments: input.unwrap_or_default(), cache: None }))
        }
        Some(kind) => Some(Part::Native(Native { kind: kind.to_owned(), raw: raw.to_owned() })),
    }
}

fn decode_block(raw: &RawValue, path: String) -> Result<Part> {
    let mut fields = Fields::of(raw, path)?;
    let kind = fields.required_text("type")?;
    let part = match kind.as_str() {
        "text" => Some(Part::Text(decode_text(fields)?)),
        "image" => decode_media(fields, MediaKind::Image)?,
        "document" => decode_document(fields)?,
        "thinking" => Some(Part::Thinking(decode_thinking(fields)?)),
        "redacted_thinking" => {
            let redacted = Some(fields.required_text("data")?);
            Some(Part::Thinking(Thinking { redacted, ..Thinking::default() }))
        }
        "tool_use" => Some(Part::ToolCall(decode_call(fields)?)),
        "tool_result" => Some(Part::ToolResult(decode_result(fields)?)),
        _ => None,
    };
    Ok(part.unwrap_or_else(|| Part::Native(Native { kind, raw: raw.to_owned() })))
}

fn decode_text(mut fields: Fields<'_>) -> Result<Text> {
    let text = fields.required_text("text")?;
    let path = fields.path_of("citations");
    let citations = fields.items("citations")?.unwrap_or_default();
    let citations = citations.into_iter().map(|raw| decode_citation(raw, &path)).collect::<Result<_>>()?;
    Ok(Text { text, citations, cache: fields.take_raw("cache_control") })
}

pub(super) fn decode_citation(raw: &RawValue, path: &str) -> Result<Citation> {
    let mut fields = Fields::of(raw, path.to_owned())?;
    let title = fields.text("title")?;
    Ok(Citation {
        url: fields.text("url")?,
        title: match title {
            Some(title) => Some(title),
            None => fields.text("document_title")?,
        },
        quote: fields.text("cited_text")?,
        range: None,
        raw: Some(raw.to_owned()),
    })
}

fn decode_thinking(mut fields: Fields<'_>) -> Result<Thinking> {
    let text = fields.required_text("thinking")?;
    let signature = fields.text("signature")?.filter(|signature| !signature.is_empty());
    Ok(Thinking { text, signature, redacted: None })
}

fn decode_call(mut fields: Fields<'_>) -> Result<ToolCall> {
    let id = fields.required_text("id")?;
    let name = fields.required_text("name")?;
    let path = fields.path_of("input");
    let arguments = match fields.take("input") {
        Some(raw) if raw.get().starts_with('{') => raw.get().to_owned(),
        Some(_) => return Err(wrong(&path, "an object")),
        None => String::new(),
    };
    Ok(ToolCall { id, name, arguments, cache: fields.take_raw("cache_control") })
}

fn decode_result(mut fields: Fields<'_>) -> Result<ToolResult> {
    let call_id = fields.required_text("tool_use_id")?;
    let path = fields.path_of("content");
    let parts = fields.take("content").map(|raw| decode_content(raw, &path)).transpose()?.unwrap_or_default();
    let is_error = fields.flag("is_error")?.unwrap_or(false);
    Ok(ToolResult { call_id, parts, is_error, cache: fields.take_raw("cache_control") })
}

/// A document that asks to be cited, or comes with context, means something only here.
fn decode_document(mut fields: Fields<'_>) -> Result<Option<Part>> {
    let cited = match fields.object("citations")? {
        Some(mut citations) => citations.flag("enabled")?.unwrap_or(false),
        None => false,
    };
    if cited || fields.has("context") {
        return Ok(None);
    }
    decode_media(fields, MediaKind::Document)
}

fn decode_media(mut fields: Fields<'_>, kind: MediaKind) -> Result<Option<Part>> {
    let source = fields.object("source")?;
    let mut source = fields.required("source", source)?;
    let source = match source.required_text("type")?.as_str() {
        "base64" => Source::Inline { media_type: source.required_text("media_type")?, data: source.required_text("data")? },
        "url" => Source::Url(source.required_text("url")?),
        "file" => Source::File(source.required_text("file_id")?),
        "text" => Source::Text(source.required_text("data")?),
        _ => return Ok(None),
    };
    let name = fields.text("title")?;
    Ok(Some(Part::Media(Media { kind, source, name, detail: None, cache: fields.take_raw("cache_control") })))
}

pub(super) fn write_thinking(out: &mut Vec<u8>, thinking: &Thinking) {
    match &thinking.redacted {
        Some(data) => Object::typed(out, "redacted_thinking").with("data", data).close(),
        None => Object::typed(out, "thinking")
            .with("thinking", &thinking.text)
            .with("signature", thinking.signature.as_deref().unwrap_or_default())
            .close(),
    }
}
