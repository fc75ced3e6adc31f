//! The content of a message or of a call's output, for a provider.

use super::write_items::refused;
use crate::error::Result;
use crate::ir::{Media, MediaKind, Part, Source};
use crate::wire::json::{Array, Object, value};

/// One text is a string; anything else a list of parts.
pub(super) fn write_content(out: &mut Vec<u8>, parts: &[&Part]) -> Result<()> {
    match parts {
        [] => value(out, ""),
        [Part::Text(text)] => value(out, &text.text),
        _ => {
            let mut list = Array::open(out);
            for part in parts {
                write_part(list.slot(), part)?;
            }
            list.close();
        }
    }
    Ok(())
}

pub(super) fn write_part(out: &mut Vec<u8>, part: &Part) -> Result<()> {
    match part {
        Part::Text(text) => write_text(out, &text.text),
        Part::Refusal(text) => write_text(out, text),
        Part::Media(media) => write_media(out, media)?,
        other => {
            let noun = other.noun();
            return Err(refused(format!(
                "a `{noun}` block cannot be sent to this provider; only the provider it came from understands it"
            )));
        }
    }
    Ok(())
}

fn write_text(out: &mut Vec<u8>, text: &str) {
    Object::typed(out, "input_text").with("text", text).close();
}

fn write_media(out: &mut Vec<u8>, media: &Media) -> Result<()> {
    match (media.kind, &media.source) {
        (_, Source::Text(text)) => {
            let titled = media.name.as_ref().map(|name| format!("{name}\n\n{text}"));
            write_text(out, titled.as_ref().unwrap_or(text));
        }
        (MediaKind::Image, source) => {
            let image = Object::typed(out, "input_image").with("detail", media.detail.as_deref().unwrap_or("auto"));
            match source {
                Source::File(id) => image.with("file_id", id).close(),
                source => image.with("image_url", &address(source)).close(),
            }
        }
        (MediaKind::Document, source) => {
            let file = Object::typed(out, "input_file");
            match source {
                Source::File(id) => file.with("file_id", id).close(),
                Source::Url(url) => file.with("file_url", url).close(),
                source => {
                    let name = media.name.as_deref().unwrap_or(default_name(source));
                    file.with("filename", name).with("file_data", &address(source)).close();
                }
            }
        }
        (MediaKind::Audio, _) => {
            return Err(refused("this provider takes no audio in its responses dialect; send a transcript, or choose its chat dialect"));
        }
    }
    Ok(())
}

/// A URL that holds or names the bytes.
fn address(source: &Source) -> String {
    match source {
        Source::Inline { media_type, data } => format!("data:{media_type};base64,{data}"),
        Source::Url(place) | Source::File(place) | Source::Text(place) => place.clone(),
    }
}

/// A file is known by its name's ending.
fn default_name(source: &Source) -> &'static str {
    match source {
        Source::Inline { media_type, .. } => match media_type.as_str() {
            "text/plain" => "document.txt",
            "text/markdown" => "document.md",
            "text/csv" => "document.csv",
            "text/html" => "document.html",
            "application/json" => "document.json",
            _ => "document.pdf",
        },
        _ => "document.pdf",
    }
}
