//! Media as the dialect takes them.

use std::borrow::Cow;

use crate::error::{Error, Result};
use crate::ir::{Media, MediaKind, Source};
use crate::wire::json::Object;

const IMAGES: &[(&str, &str)] =
    &[("image/png", "png"), ("image/jpeg", "jpeg"), ("image/jpg", "jpeg"), ("image/gif", "gif"), ("image/webp", "webp")];
const DOCUMENTS: &[(&str, &str)] = &[
    ("application/pdf", "pdf"),
    ("text/csv", "csv"),
    ("application/msword", "doc"),
    ("application/vnd.openxmlformats-officedocument.wordprocessingml.document", "docx"),
    ("application/vnd.ms-excel", "xls"),
    ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "xlsx"),
    ("text/html", "html"),
    ("text/plain", "txt"),
    ("text/markdown", "md"),
];
const VIDEOS: &[(&str, &str)] = &[
    ("video/mp4", "mp4"),
    ("video/quicktime", "mov"),
    ("video/x-matroska", "mkv"),
    ("video/webm", "webm"),
    ("video/x-flv", "flv"),
    ("video/mpeg", "mpeg"),
    ("video/x-ms-wmv", "wmv"),
    ("video/3gpp", "three_gp"),
];
const SOUNDS: &[(&str, &str)] = &[
    ("audio/mpeg", "mp3"),
    ("audio/mp3", "mp3"),
    ("audio/wav", "wav"),
    ("audio/x-wav", "wav"),
    ("audio/wave", "wav"),
    ("audio/flac", "flac"),
    ("audio/ogg", "ogg"),
    ("audio/webm", "webm"),
    ("audio/mp4", "m4a"),
];

/// Writes a medium; `number` makes its name its own.
pub(super) fn write(out: &mut Vec<u8>, media: &Media, number: usize) -> Result<()> {
    match (&media.source, media.kind) {
        (Source::Text(text), _) => {
            let mut block = Object::open(out);
            let name = name(media, number);
            let mut document = Object::open(block.slot("document")).with("format", "txt").with("name", &name);
            Object::open(document.slot("source")).with("text", text).close();
            document.close();
            block.close();
            Ok(())
        }
        (Source::Inline { media_type, data }, _) => inline(out, media, media_type, data, number),
        (Source::Url(url), _) if url.starts_with("s3://") => located(out, media, url, number),
        (Source::Url(_) | Source::File(_), _) => {
            Err(refused("this provider fetches nothing but `s3://` addresses; send the bytes in base64"))
        }
    }
}

fn inline(out: &mut Vec<u8>, media: &Media, media_type: &str, data: &str, number: usize) -> Result<()> {
    let media_type = media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let (noun, format) = format(media.kind, &media_type)?;
    described(out, media, noun, format, number, |source| source.with("bytes", data));
    Ok(())
}

fn located(out: &mut Vec<u8>, media: &Media, url: &str, number: usize) -> Result<()> {
    let extension = url.rsplit_once('.').map(|(_, extension)| extension.to_ascii_lowercase()).unwrap_or_default();
    let extension = if extension == "jpg" { "jpeg" } else { extension.as_str() };
    let known = |table: &[(&str, &'static str)]| table.iter().find(|(_, format)| *format == extension).map(|(_, format)| *format);
    let found = [("image", IMAGES), ("document", DOCUMENTS), ("video", VIDEOS), ("audio", SOUNDS)]
        .into_iter()
        .find_map(|(noun, table)| known(table).map(|format| (noun, format)));
    let (noun, format) = found.ok_or_else(|| refused(format!("`{url}` must end with a known extension")))?;
    described(out, media, noun, format, number, |mut source| {
        Object::open(source.slot("s3Location")).with("uri", url).close();
        source
    });
    Ok(())
}

fn described(
    out: &mut Vec<u8>,
    media: &Media,
    noun: &str,
    format: &str,
    number: usize,
    source: impl for<'o> FnOnce(Object<'o>) -> Object<'o>,
) {
    let mut block = Object::open(out);
    let mut inner = Object::open(block.slot(noun)).with("format", format);
    if noun == "document" {
        inner = inner.with("name", &name(media, number));
    }
    source(Object::open(inner.slot("source"))).close();
    inner.close();
    block.close();
}

fn format(kind: MediaKind, media_type: &str) -> Result<(&'static str, &'static str)> {
    let tables: [(&'static str, &[(&str, &'static str)]); 4] =
        [("image", IMAGES), ("document", DOCUMENTS), ("video", VIDEOS), ("audio", SOUNDS)];
    let find = |(noun, table): &(&'static str, &[(&str, &'static str)])| {
        table.iter().find(|(known, _)| *known == media_type).map(|(_, format)| (*noun, *format))
    };
    tables.iter().find_map(find).ok_or_else(|| {
        let noun = match kind {
            MediaKind::Image => "image",
            MediaKind::Document => "file",
            MediaKind::Audio => "audio",
        };
        refused(format!("this provider takes no {noun} of type `{media_type}`"))
    })
}

/// Letters, digits, single spaces, hyphens and brackets; no two alike.
fn name(media: &Media, number: usize) -> String {
    let told = media.name.as_deref().unwrap_or("document");
    let stem = told.rsplit_once('.').map_or(told, |(stem, _)| stem);
    let fits = |char: char| char.is_ascii_alphanumeric() || matches!(char, '-' | '(' | ')' | '[' | ']');
    let plain: String = stem.chars().take(100).map(|char| if fits(char) { char } else { ' ' }).collect();
    let words: Cow<'_, str> = plain.split_whitespace().collect::<Vec<_>>().join(" ").into();
    let words = if words.is_empty() { Cow::Borrowed("document") } else { words };
    if number == 0 { words.into_owned() } else { format!("{words} {}", number.saturating_add(1)) }
}

fn refused(words: impl std::fmt::Display) -> Error {
    Error::invalid(format!("messages: {words}")).with_param("messages")
}
