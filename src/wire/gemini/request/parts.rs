use super::media::{nests, write_media};
use super::turns::{Content, Piece, invalid};
use crate::error::Result;
use crate::ir::{Media, Part, ToolCall, ToolResult};
use crate::wire::json::{Array, Object, value};
use crate::wire::lean;
use serde_json::value::RawValue;

#[derive(Clone, Copy)]
pub(super) struct Place {
    pub same_dialect: bool,
    /// Results may hold media.
    pub nested_media: bool,
}

pub(super) fn write_contents(out: &mut Vec<u8>, contents: &[Content<'_>], place: Place) -> Result<()> {
    let mut array = Array::open(out);
    for content in contents {
        let mut object = Object::open(array.slot()).with("role", if content.model { "model" } else { "user" });
        let mut parts = Array::open(object.slot("parts"));
        // What results cannot hold follows after the last of them, as they must stand together.
        let (answers, rest): (Vec<_>, Vec<_>) = content.pieces.iter().copied().partition(|piece| piece.answers.is_some());
        for piece in answers.iter().copied() {
            write_piece(parts.slot(), piece, place)?;
        }
        for media in answers.iter().flat_map(|piece| loose_media(piece.part, place)) {
            write_media(Object::open(parts.slot()), media)?.close();
        }
        for piece in rest {
            write_piece(parts.slot(), piece, place)?;
        }
        parts.close();
        object.close();
    }
    array.close();
    Ok(())
}

fn write_piece(out: &mut Vec<u8>, piece: Piece<'_>, place: Place) -> Result<()> {
    let part = match piece.part {
        Part::Text(text) => Object::open(out).with("text", &text.text),
        Part::Refusal(text) => Object::open(out).with("text", text),
        Part::Media(media) => write_media(Object::open(out), media)?,
        Part::ToolCall(call) => write_call(Object::open(out), call)?,
        Part::ToolResult(result) => {
            let name = piece.answers.map_or("", |(_, name)| name);
            write_result(Object::open(out), result, name, place)?
        }
        Part::Native(native) if place.same_dialect => {
            value(out, &native.raw);
            return Ok(());
        }
        other => return Err(foreign(other)),
    };
    part.maybe("thoughtSignature", piece.proof).close();
    Ok(())
}

fn foreign(part: &Part) -> crate::error::Error {
    invalid(format!("messages: content of type \"{}\" cannot be sent to this provider", part.noun()))
}

fn write_call<'o>(mut part: Object<'o>, call: &ToolCall) -> Result<Object<'o>> {
    let text = if call.arguments.trim().is_empty() { "{}" } else { call.arguments.trim() };
    let args = lean::from_str::<&RawValue>(text).ok().filter(|raw| raw.get().starts_with('{'));
    let Some(args) = args else {
        return Err(invalid(format!("messages: the arguments of tool call \"{}\" ({}) are not a JSON object", call.id, call.name)));
    };
    Object::open(part.slot("functionCall")).with("name", &call.name).with("args", args).close();
    Ok(part)
}

fn write_result<'o>(mut part: Object<'o>, result: &ToolResult, name: &str, place: Place) -> Result<Object<'o>> {
    let mut texts = Vec::new();
    let mut media = Vec::new();
    for part in &result.parts {
        match part {
            Part::Text(text) => texts.push(text.text.as_str()),
            Part::Refusal(text) => texts.push(text),
            Part::Media(one) => media.push(one),
            other => return Err(foreign(other)),
        }
    }
    let mut object = Object::open(part.slot("functionResponse")).with("name", name);
    write_response(object.slot("response"), &texts.join("\n"), result.is_error);
    media.retain(|media| place.nested_media && nests(media));
    if !media.is_empty() {
        let mut parts = Array::open(object.slot("parts"));
        for media in media {
            write_media(Object::open(parts.slot()), media)?.close();
        }
        parts.close();
    }
    object.close();
    Ok(part)
}

/// A response is an object; what is none is put into one.
fn write_response(out: &mut Vec<u8>, text: &str, is_error: bool) {
    let raw = lean::from_str::<&RawValue>(text).ok();
    match raw.filter(|raw| raw.get().starts_with(['{', '['])) {
        Some(raw) if raw.get().starts_with('{') && !is_error => value(out, raw),
        Some(raw) => Object::open(out).with(if is_error { "error" } else { "result" }, raw).close(),
        None => Object::open(out).with(if is_error { "error" } else { "result" }, text).close(),
    }
}

fn loose_media(part: &Part, place: Place) -> impl Iterator<Item = &Media> {
    let parts = if let Part::ToolResult(result) = part { result.parts.as_slice() } else { &[] };
    parts.iter().filter_map(move |part| match part {
        Part::Media(media) if !(place.nested_media && nests(media)) => Some(media),
        _ => None,
    })
}
