//! The content of a message, from the wire.

use serde_json::value::RawValue;

use crate::error::Result;
use crate::ir::{Media, MediaKind, Native, Part, Raw, Source, Text, Thinking};
use crate::wire::chat::answer;
use crate::wire::fields::{Fields, is_string, items, plain, wrong};

/// What a file is that does not say.
const PDF: &str = "application/pdf";

/// A string or a list of parts; nothing for `null`.
pub(super) fn decode(raw: Option<&RawValue>, path: &str) -> Result<Vec<Part>> {
    match raw {
        None => Ok(Vec::new()),
        Some(raw) if is_string(raw) => Ok(vec![Part::text(plain::<String>(raw, path, "a string")?)]),
        Some(raw) if raw.get().starts_with('[') => {
            let parts = items(raw, path)?;
            parts.into_iter().enumerate().map(|(at, raw)| part(raw, format!("{path}.{at}"))).collect()
        }
        Some(_) => Err(wrong(path, "a string or an array of parts")),
    }
}

fn part(raw: &RawValue, path: String) -> Result<Part> {
    let mut fields = Fields::of(raw, path.clone())?;
    let kind = fields.required_text("type")?;
    let cache = fields.take_raw("cache_control");
    match kind.as_str() {
        "text" | "input_text" | "output_text" => Ok(Part::Text(Text { text: fields.required_text("text")?, citations: Vec::new(), cache })),
        "refusal" => Ok(Part::Refusal(fields.required_text("refusal")?)),
        "image_url" => image(&mut fields, cache),
        "input_audio" => audio(&mut fields, cache),
        "file" => file(&mut fields, cache),
        "document_url" | "file_url" => document(&mut fields, &kind, cache),
        "thinking" => {
            let told = fields.take("thinking");
            let signature = fields.text("signature")?;
            Ok(Part::Thinking(Thinking { text: answer::content(told).text, signature, redacted: None }))
        }
        // A part that some provider of this dialect knows: it may take it, and others say that they cannot.
        _ => Ok(Part::Native(Native { kind, raw: raw.to_owned() })),
    }
}

/// An object of a URL and a detail; some send the URL alone.
fn image(fields: &mut Fields<'_>, cache: Option<Raw>) -> Result<Part> {
    let path = fields.path_of("image_url");
    let raw = fields.take("image_url");
    let raw = fields.required("image_url", raw)?;
    let (url, detail) = if is_string(raw) {
        (plain(raw, &path, "a string")?, None)
    } else {
        let mut inner = Fields::of(raw, path.clone())?;
        (inner.required_text("url")?, inner.text("detail")?)
    };
    let source = address(url, &path)?;
    Ok(Part::Media(Media { kind: MediaKind::Image, source, name: None, detail, cache }))
}

/// A file as Mistral and Perplexity take it: a URL, or an object of one.
fn document(fields: &mut Fields<'_>, kind: &str, cache: Option<Raw>) -> Result<Part> {
    let path = fields.path_of(kind);
    let raw = fields.take(kind);
    let raw = fields.required(kind, raw)?;
    let url = if is_string(raw) { plain(raw, &path, "a string")? } else { Fields::of(raw, path.clone())?.required_text("url")? };
    let name = match fields.text("document_name")? {
        Some(name) => Some(name),
        None => fields.text("file_name")?,
    };
    let source = if url.contains(':') { address(url, &path)? } else { Source::Inline { media_type: PDF.to_owned(), data: url } };
    Ok(Part::Media(Media { kind: MediaKind::Document, source, name, detail: None, cache }))
}

fn address(url: String, path: &str) -> Result<Source> {
    Source::of_url(url).map_err(|expected| wrong(path, expected))
}

fn audio(fields: &mut Fields<'_>, cache: Option<Raw>) -> Result<Part> {
    let inner = fields.object("input_audio")?;
    let mut inner = fields.required("input_audio", inner)?;
    let media_type = match inner.required_text("format")?.as_str() {
        "mp3" => "audio/mpeg".to_owned(),
        format => format!("audio/{format}"),
    };
    let source = Source::Inline { media_type, data: inner.required_text("data")? };
    Ok(Part::Media(Media { kind: MediaKind::Audio, source, name: None, detail: None, cache }))
}

fn file(fields: &mut Fields<'_>, cache: Option<Raw>) -> Result<Part> {
    let inner = fields.object("file")?;
    let mut inner = fields.required("file", inner)?;
    let name = inner.text("filename")?;
    let source = match (inner.text("file_id")?, inner.text("file_data")?) {
        (Some(id), _) => Source::File(id),
        (None, Some(data)) if ["data:", "http:", "https:"].iter().any(|scheme| data.starts_with(scheme)) => {
            address(data, &inner.path_of("file_data"))?
        }
        (None, Some(data)) => Source::Inline { media_type: PDF.to_owned(), data },
        (None, None) => return Err(wrong(&inner.path_of("file_data"), "`file_data` or `file_id`")),
    };
    let is_image = matches!(&source, Source::Inline { media_type, .. } if media_type.starts_with("image/"));
    let kind = if is_image { MediaKind::Image } else { MediaKind::Document };
    Ok(Part::Media(Media { kind, source, name, detail: None, cache }))
}
