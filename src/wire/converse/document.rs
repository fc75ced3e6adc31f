//! Media as the dialect takes them.

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

/// The names that documents of a request have taken: no two may be alike.
#[derive(Default)]
pub(super) struct Names(Vec<String>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Noun {
    Image,
    Document,
    Video,
    Audio,
}

/// What a medium is called, its formats by their media types.
const NOUNS: [(Noun, &str, &[(&str, &str)]); 4] = [
    (Noun::Image, "image", IMAGES),
    (Noun::Document, "document", DOCUMENTS),
    (Noun::Video, "video", VIDEOS),
    (Noun::Audio, "audio", SOUNDS),
];

/// A format, and what is called by it.
#[derive(Clone, Copy)]
struct Form {
    noun: Noun,
    word: &'static str,
    format: &'static str,
}

const PLAIN: Form = Form { noun: Noun::Document, word: "document", format: "txt" };

pub(super) fn write(out: &mut Vec<u8>, media: &Media, names: &mut Names) -> Result<Noun> {
    let form = form(media)?;
    let mut block = Object::open(out);
    let mut inner = Object::open(block.slot(form.word)).with("format", form.format);
    if form.noun == Noun::Document {
        inner = inner.with("name", names.take(media.name.as_deref().unwrap_or_default()));
    }
    let mut source = Object::open(inner.slot("source"));
    match &media.source {
        Source::Text(text) => source = source.with("text", text),
        Source::Inline { data, .. } => source = source.with("bytes", data),
        Source::Url(place) | Source::File(place) => Object::open(source.slot("s3Location")).with("uri", place).close(),
    }
    source.close();
    inner.close();
    block.close();
    Ok(form.noun)
}

fn form(media: &Media) -> Result<Form> {
    match &media.source {
        Source::Text(_) => Ok(PLAIN),
        Source::Inline { media_type, .. } => {
            let essence = media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
            let found =
                by_type(&essence).or_else(|| (essence == "application/octet-stream").then(|| by_extension(media.name.as_deref()?))?);
            let readable = media.kind == MediaKind::Document && (essence.starts_with("text/") || essence == "application/json");
            found.or(readable.then_some(PLAIN)).ok_or_else(|| {
                let noun = match media.kind {
                    MediaKind::Image => "image",
                    MediaKind::Document => "file",
                    MediaKind::Audio => "audio",
                };
                refused(format!("this provider takes no {noun} of type `{essence}`"))
            })
        }
        Source::Url(place) | Source::File(place) if place.starts_with("s3://") => {
            by_extension(place).ok_or_else(|| refused(format!("`{place}` must end with the extension of a known format")))
        }
        Source::Url(_) | Source::File(_) => Err(refused("this provider fetches nothing but `s3://` addresses; send the bytes in base64")),
    }
}

fn by_type(essence: &str) -> Option<Form> {
    NOUNS.iter().find_map(|(noun, word, formats)| {
        let (_, format) = formats.iter().find(|(known, _)| *known == essence)?;
        Some(Form { noun: *noun, word, format })
    })
}

fn by_extension(name: &str) -> Option<Form> {
    let extension = name.rsplit_once('.')?.1.to_ascii_lowercase();
    let extension = match extension.as_str() {
        "jpg" => "jpeg",
        "htm" => "html",
        other => other,
    };
    NOUNS.iter().find_map(|(noun, word, formats)| {
        let (_, format) = formats.iter().find(|(_, format)| *format == extension)?;
        Some(Form { noun: *noun, word, format })
    })
}

impl Names {
    /// A name of letters, digits, single spaces, hyphens and brackets that no other document has.
    fn take(&mut self, told: &str) -> &str {
        let stem = told
            .rsplit_once('.')
            .filter(|(stem, end)| !stem.is_empty() && end.len() <= 5 && !end.contains(' '))
            .map_or(told, |(stem, _)| stem);
        let fits = |char: char| char.is_ascii_alphanumeric() || matches!(char, '-' | '(' | ')' | '[' | ']');
        let plain: String = stem.chars().take(100).map(|char| if fits(char) { char } else { ' ' }).collect();
        let words = plain.split_whitespace().collect::<Vec<_>>().join(" ");
        let words = if words.is_empty() { "document" } else { &words };
        let mut name = words.to_owned();
        let mut number = 1u32;
        while self.0.contains(&name) {
            number = number.saturating_add(1);
            name = format!("{words} {number}");
        }
        self.0.push(name);
        self.0.last().map_or("document", String::as_str)
    }
}

fn refused(words: impl std::fmt::Display) -> Error {
    Error::invalid(format!("messages: {words}")).with_param("messages")
}
