//! Images and documents for a request.

use crate::error::{Error, Result};
use crate::ir::{Media, MediaKind, Source};
use crate::wire::base64;
use crate::wire::json::Object;

const IMAGES: [&str; 4] = ["image/jpeg", "image/png", "image/gif", "image/webp"];

/// A media source as it is told on this wire.
enum Told<'m> {
    Base64 { media_type: &'m str, data: &'m str },
    Plain(std::borrow::Cow<'m, str>),
    Url(&'m str),
    File(&'m str),
}

pub(super) fn write_media(out: &mut Vec<u8>, media: &Media) -> Result<()> {
    if media.kind == MediaKind::Audio {
        return Err(invalid("messages: this provider takes no audio; send a transcript instead"));
    }
    let (block, source) = told(media)?;
    let mut object = Object::typed(out, block);
    let slot = object.slot("source");
    match source {
        Told::Base64 { media_type, data } => Object::typed(slot, "base64").with("media_type", media_type).with("data", data).close(),
        Told::Plain(text) => Object::typed(slot, "text").with("media_type", "text/plain").with("data", &*text).close(),
        Told::Url(url) => Object::typed(slot, "url").with("url", url).close(),
        Told::File(id) => Object::typed(slot, "file").with("file_id", id).close(),
    }
    let title = media.name.as_ref().filter(|_| block == "document");
    object.maybe("title", title).maybe("cache_control", media.cache.as_ref()).close();
    Ok(())
}

/// The block's type and its source. An image sent as a file is an image all the same.
fn told(media: &Media) -> Result<(&'static str, Told<'_>)> {
    let block = if media.kind == MediaKind::Image { "image" } else { "document" };
    match &media.source {
        Source::Url(url) => Ok((block, Told::Url(url))),
        Source::File(id) => Ok((block, Told::File(id))),
        Source::Text(text) => Ok(("document", Told::Plain(text.as_str().into()))),
        Source::Inline { media_type, data } => told_inline(block, media_type, data),
    }
}

fn told_inline<'m>(block: &'static str, media_type: &'m str, data: &'m str) -> Result<(&'static str, Told<'m>)> {
    let (essence, _) = media_type.split_once(';').unwrap_or((media_type, ""));
    let essence = essence.trim();
    if essence.eq_ignore_ascii_case("image/jpg") {
        return Ok(("image", Told::Base64 { media_type: "image/jpeg", data }));
    }
    if let Some(known) = IMAGES.iter().find(|known| known.eq_ignore_ascii_case(essence)) {
        return Ok(("image", Told::Base64 { media_type: known, data }));
    }
    if block == "image" {
        let known = IMAGES.join(", ");
        return Err(invalid(format!("messages: this provider takes images of type {known}, not {essence}")));
    }
    if essence.eq_ignore_ascii_case("application/pdf") {
        return Ok((block, Told::Base64 { media_type: "application/pdf", data }));
    }
    if essence.starts_with("text/") || essence == "application/json" {
        let text = base64::decode(data).and_then(|bytes| String::from_utf8(bytes).ok());
        let text = text.ok_or_else(|| invalid("messages: a text file is not base64 of UTF-8 text"))?;
        return Ok((block, Told::Plain(text.into())));
    }
    Err(invalid(format!("messages: this provider takes PDF and text files, not {essence}")))
}

fn invalid(message: impl Into<String>) -> Error {
    Error::invalid(message).with_param("messages")
}
