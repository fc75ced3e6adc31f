//! Pictures, sounds and files for a request.

use super::turns::invalid;
use crate::error::Result;
use crate::ir::{Media, MediaKind, Source};
use crate::wire::json::Object;
use std::borrow::Cow;

const EXTENSIONS: [(&str, &str); 30] = [
    ("png", "image/png"),
    ("jpg", "image/jpeg"),
    ("jpeg", "image/jpeg"),
    ("webp", "image/webp"),
    ("gif", "image/gif"),
    ("heic", "image/heic"),
    ("heif", "image/heif"),
    ("bmp", "image/bmp"),
    ("svg", "image/svg+xml"),
    ("pdf", "application/pdf"),
    ("json", "application/json"),
    ("txt", "text/plain"),
    ("md", "text/markdown"),
    ("csv", "text/csv"),
    ("html", "text/html"),
    ("htm", "text/html"),
    ("xml", "text/xml"),
    ("css", "text/css"),
    ("wav", "audio/wav"),
    ("mp3", "audio/mpeg"),
    ("aac", "audio/aac"),
    ("aiff", "audio/aiff"),
    ("flac", "audio/flac"),
    ("ogg", "audio/ogg"),
    ("m4a", "audio/mp4"),
    ("mp4", "video/mp4"),
    ("mov", "video/quicktime"),
    ("webm", "video/webm"),
    ("mpeg", "video/mpeg"),
    ("avi", "video/x-msvideo"),
];

/// The fields of a part that holds media.
pub(super) fn write_media<'o>(mut part: Object<'o>, media: &Media) -> Result<Object<'o>> {
    match &media.source {
        Source::Inline { media_type, data } => {
            Object::open(part.slot("inlineData")).with("mimeType", &clean_type(media_type)).with("data", data).close();
        }
        Source::Url(url) => write_file(&mut part, media.kind, url)?,
        Source::File(id) => write_file(&mut part, media.kind, id)?,
        Source::Text(text) => return Ok(part.with("text", text)),
    }
    Ok(part)
}

fn write_file(part: &mut Object<'_>, kind: MediaKind, place: &str) -> Result<()> {
    let uri = match place.split_once(':') {
        Some(("http" | "https" | "gs", _)) => Cow::Borrowed(place),
        _ if place.starts_with("files/") => Cow::Owned(format!("https://generativelanguage.googleapis.com/v1beta/{place}")),
        _ => {
            let message = format!("messages: this provider does not know the file \"{place}\"; send its bytes, or an address it can read");
            return Err(invalid(message));
        }
    };
    Object::open(part.slot("fileData")).with("mimeType", type_of(kind, place)).with("fileUri", &uri).close();
    Ok(())
}

fn clean_type(media_type: &str) -> Cow<'_, str> {
    let lower = media_type.to_ascii_lowercase();
    match lower.as_str() {
        "image/jpg" => Cow::Borrowed("image/jpeg"),
        "" => Cow::Borrowed("application/octet-stream"),
        _ => Cow::Borrowed(media_type),
    }
}

/// By the name of the file; where it tells nothing, what is most likely.
pub(super) fn type_of(kind: MediaKind, place: &str) -> &'static str {
    let path = place.split(['?', '#']).next().unwrap_or(place);
    let extension = path.rsplit('/').next().and_then(|name| name.rsplit_once('.')).map(|(_, extension)| extension);
    let known = extension.and_then(|extension| EXTENSIONS.iter().find(|(known, _)| known.eq_ignore_ascii_case(extension)));
    known.map_or_else(
        || match kind {
            MediaKind::Image => "image/jpeg",
            MediaKind::Audio => "audio/mpeg",
            MediaKind::Document => "application/pdf",
        },
        |(_, media_type)| media_type,
    )
}

/// Whether a result can hold it within itself.
pub(super) fn nests(media: &Media) -> bool {
    const NESTED: [&str; 5] = ["image/png", "image/jpeg", "image/webp", "application/pdf", "text/plain"];
    matches!(&media.source, Source::Inline { media_type, .. } if NESTED.contains(&&*clean_type(media_type)))
}
