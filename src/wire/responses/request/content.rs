//! The content of a message or of a call's output, from the wire.

use serde_json::value::RawValue;

use crate::error::Result;
use crate::ir::{Media, MediaKind, Native, Part, Source, Text};
use crate::wire::fields::{Fields, is_string, items, plain, wrong};
use crate::wire::responses::item::citation;

/// A string or a list of parts.
pub(super) fn decode(raw: &RawValue, path: &str) -> Result<Vec<Part>> {
    if is_string(raw) {
        return Ok(vec![Part::text(plain::<String>(raw, path, "a string")?)]);
    }
    let parts = items(raw, path).map_err(|_| wrong(path, "a string or an array of parts"))?;
    parts.into_iter().enumerate().map(|(at, raw)| part(raw, format!("{path}.{at}"))).collect()
}

fn part(raw: &RawValue, path: String) -> Result<Part> {
    let mut fields = Fields::of(raw, path)?;
    let kind = fields.required_text("type")?;
    match kind.as_str() {
        "input_text" | "output_text" | "text" => {
            let sources = fields.items("annotations")?.unwrap_or_default();
            let citations = sources.into_iter().filter_map(citation).collect();
            Ok(Part::Text(Text { text: fields.required_text("text")?, citations, cache: None }))
        }
        "refusal" => Ok(Part::Refusal(fields.required_text("refusal")?)),
        "input_image" => image(&mut fields),
        "input_file" => file(&mut fields),
        "input_audio" => audio(&mut fields),
        _ => Ok(Part::Native(Native { kind, raw: raw.to_owned() })),
    }
}

fn image(fields: &mut Fields<'_>) -> Result<Part> {
    let path = fields.path_of("image_url");
    let source = match (fields.text("image_url")?, fields.text("file_id")?) {
        (Some(url), _) => Source::of_url(url).map_err(|expected| wrong(&path, expected))?,
        (None, Some(id)) => Source::File(id),
        (None, None) => return Err(wrong(&path, "a URL here, or a `file_id` beside it")),
    };
    Ok(Part::Media(Media { kind: MediaKind::Image, source, name: None, detail: fields.text("detail")?, cache: None }))
}

fn file(fields: &mut Fields<'_>) -> Result<Part> {
    let name = fields.text("filename")?;
    let path = fields.path_of("file_data");
    let source = match (fields.text("file_data")?, fields.text("file_url")?, fields.text("file_id")?) {
        (Some(data), _, _) if data.starts_with("data:") => Source::of_url(data).map_err(|expected| wrong(&path, expected))?,
        (Some(data), _, _) => Source::Inline { media_type: "application/pdf".to_owned(), data },
        (None, Some(url), _) => Source::Url(url),
        (None, None, Some(id)) => Source::File(id),
        (None, None, None) => return Err(wrong(&path, "the file's data here, or a `file_url` or `file_id` beside it")),
    };
    let is_image = matches!(&source, Source::Inline { media_type, .. } if media_type.starts_with("image/"));
    let kind = if is_image { MediaKind::Image } else { MediaKind::Document };
    Ok(Part::Media(Media { kind, source, name, detail: None, cache: None }))
}

fn audio(fields: &mut Fields<'_>) -> Result<Part> {
    let inner = fields.object("input_audio")?;
    let mut inner = fields.required("input_audio", inner)?;
    let media_type = match inner.required_text("format")?.as_str() {
        "mp3" => "audio/mpeg".to_owned(),
        format => format!("audio/{format}"),
    };
    let source = Source::Inline { media_type, data: inner.required_text("data")? };
    Ok(Part::Media(Media { kind: MediaKind::Audio, source, name: None, detail: None, cache: None }))
}
