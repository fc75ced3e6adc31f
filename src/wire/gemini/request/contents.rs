//! The conversation of a caller of this dialect.

use super::super::chunk::{media_kind, native};
use super::super::signature::{Received, received};
use super::media::type_of;
use super::names::{get, list, object, take, text};
use crate::error::{Error, Result};
use crate::ir::{Media, MediaKind, Part, Role, Source, Thinking, ToolCall, ToolResult, Turn};
use crate::wire::fields::{Fields, is_string, plain, wrong};
use crate::wire::lean;
use serde_json::value::RawValue;

/// The calls made so far; results are tied to them.
#[derive(Default)]
pub(super) struct Calls(Vec<Known>);

struct Known {
    id: String,
    name: String,
    answered: bool,
}

/// One content, a list of them, or nothing but the parts of one.
pub(super) fn decode_contents(raw: &RawValue, path: &str) -> Result<Vec<Turn>> {
    let mut calls = Calls::default();
    let mut turns: Vec<Turn> = Vec::new();
    // The last turn is made of parts that stand alone.
    let mut loose = false;
    for (at, raw) in list(raw, path)?.into_iter().enumerate() {
        let path = format!("{path}.{at}");
        if is_content(raw) {
            turns.push(decode_content(raw, path, &mut calls)?);
            loose = false;
            continue;
        }
        let mut parts = Vec::new();
        decode_part(raw, path, &mut calls, &mut parts)?;
        let joins = std::mem::replace(&mut loose, true);
        match turns.last_mut().filter(|_| joins) {
            Some(last) => last.parts.append(&mut parts),
            None => turns.push(Turn { role: Role::User, parts, name: None }),
        }
    }
    Ok(turns)
}

/// A string, a part, parts, or a content whose role says nothing.
pub(super) fn decode_system(raw: &RawValue, path: &str) -> Result<Turn> {
    let parts = if is_content(raw) {
        decode_content(raw, path.to_owned(), &mut Calls::default())?.parts
    } else {
        decode_parts(raw, path, &mut Calls::default())?
    };
    Ok(Turn { role: Role::System, parts, name: None })
}

fn is_content(raw: &RawValue) -> bool {
    Fields::of(raw, String::new()).is_ok_and(|fields| fields.has("parts") || fields.has("role"))
}

fn decode_content(raw: &RawValue, path: String, calls: &mut Calls) -> Result<Turn> {
    let mut fields = Fields::of(raw, path)?;
    let role = match fields.text("role")?.as_deref() {
        Some("model") => Role::Assistant,
        Some("system") => Role::System,
        None | Some("" | "user" | "function" | "tool") => Role::User,
        Some(_) => return Err(wrong(&fields.path_of("role"), "\"user\" or \"model\"")),
    };
    let path = fields.path_of("parts");
    let parts = fields.take("parts").map(|raw| decode_parts(raw, &path, calls)).transpose()?.unwrap_or_default();
    Ok(Turn { role, parts, name: None })
}

fn decode_parts(raw: &RawValue, path: &str, calls: &mut Calls) -> Result<Vec<Part>> {
    let mut parts = Vec::new();
    for (at, raw) in list(raw, path)?.into_iter().enumerate() {
        decode_part(raw, format!("{path}.{at}"), calls, &mut parts)?;
    }
    Ok(parts)
}

fn decode_part(raw: &RawValue, path: String, calls: &mut Calls, parts: &mut Vec<Part>) -> Result<()> {
    if is_string(raw) {
        parts.push(Part::text(plain::<String>(raw, &path, "a string")?));
        return Ok(());
    }
    let mut fields = Fields::of(raw, path.clone())?;
    let proof = text(&mut fields, "thoughtSignature")?.map_or(Received::Nothing, |signature| received(&signature));
    let thought = fields.flag("thought")?.unwrap_or(false);
    if let Some(text) = fields.text("text")? {
        if thought {
            push_thinking(parts, text, proof);
            return Ok(());
        }
        if !text.is_empty() {
            parts.push(Part::text(text));
        }
        push_proof(parts, proof);
    } else if let Some(call) = object(&mut fields, "functionCall")? {
        push_proof(parts, proof);
        parts.push(Part::ToolCall(decode_call(call, calls)?));
    } else if let Some(response) = object(&mut fields, "functionResponse")? {
        parts.push(Part::ToolResult(decode_result(response, calls)?));
    } else if let Some(media) = decode_media(&mut fields)? {
        parts.push(Part::Media(media));
        push_proof(parts, proof);
    } else if let Some(native) = native(raw) {
        parts.push(Part::Native(native));
        push_proof(parts, proof);
    } else if matches!(proof, Received::Nothing) {
        return Err(wrong(&path, "a part with `text`, `inlineData`, `fileData`, `functionCall` or `functionResponse`"));
    } else {
        push_proof(parts, proof);
    }
    Ok(())
}

fn push_proof(parts: &mut Vec<Part>, proof: Received) {
    if !matches!(proof, Received::Nothing) {
        push_thinking(parts, String::new(), proof);
    }
}

/// A stream tells a thought in pieces, its proof last; together they are one.
fn push_thinking(parts: &mut Vec<Part>, text: String, proof: Received) {
    let signature = match proof {
        Received::Redacted(data) => {
            parts.push(Part::Thinking(Thinking { redacted: Some(data), ..Thinking::default() }));
            return;
        }
        Received::Proof(proof) => Some(proof),
        Received::Nothing => None,
    };
    match parts.last_mut() {
        Some(Part::Thinking(last)) if last.signature.is_none() && last.redacted.is_none() => {
            last.text.push_str(&text);
            last.signature = signature;
        }
        _ => parts.push(Part::Thinking(Thinking { text, signature, redacted: None })),
    }
}

fn decode_call(mut call: Fields<'_>, calls: &mut Calls) -> Result<ToolCall> {
    let name = call.required_text("name")?;
    let id = calls.made(call.text("id")?, &name);
    let path = call.path_of("args");
    let arguments = match call.take("args") {
        Some(raw) if raw.get().starts_with('{') => raw.get().to_owned(),
        Some(_) => return Err(wrong(&path, "an object")),
        None => String::new(),
    };
    Ok(ToolCall { id, name, arguments, cache: None })
}

fn decode_result(mut response: Fields<'_>, calls: &mut Calls) -> Result<ToolResult> {
    let (id, name) = (response.text("id")?, response.text("name")?.unwrap_or_default());
    let Some(call_id) = calls.answered(id.as_deref(), &name) else {
        let path = response.path_of("name");
        let message = format!("{path}: no call of \"{name}\" before it waits for a result");
        return Err(Error::invalid(message).with_param(path));
    };
    let path = response.path_of("response");
    let (said, is_error) = response.take("response").map(|raw| decode_response(raw, &path)).transpose()?.unwrap_or_default();
    let mut parts = vec![Part::text(said)];
    let path = response.path_of("parts");
    for (at, raw) in response.items("parts")?.unwrap_or_default().into_iter().enumerate() {
        let path = format!("{path}.{at}");
        let media = decode_media(&mut Fields::of(raw, path.clone())?)?;
        parts.push(Part::Media(media.ok_or_else(|| wrong(&path, "a part with `inlineData` or `fileData`"))?));
    }
    Ok(ToolResult { call_id, parts, is_error, cache: None })
}

/// What a result says, and whether it is an error. Text was put into an object only because there must be one.
fn decode_response(raw: &RawValue, path: &str) -> Result<(String, bool)> {
    let fields = Fields::of(raw, path.to_owned())?.rest();
    let [(name, inner)] = fields.as_slice() else { return Ok((raw.get().to_owned(), false)) };
    let is_error = name == "error";
    let wrapped = is_error || matches!(name.as_str(), "output" | "result");
    Ok(match lean::from_str::<String>(inner.get()) {
        Ok(text) if wrapped => (text, is_error),
        _ if is_error => (inner.get().to_owned(), true),
        _ => (raw.get().to_owned(), false),
    })
}

fn decode_media(fields: &mut Fields<'_>) -> Result<Option<Media>> {
    let (media_type, source, name) = if let Some(mut blob) = object(fields, "inlineData")? {
        let media_type = text(&mut blob, "mimeType")?;
        let media_type = blob.required("mimeType", media_type)?;
        let source = Source::Inline { media_type: media_type.clone(), data: standard(blob.required_text("data")?) };
        (media_type, source, text(&mut blob, "displayName")?)
    } else if let Some(mut file) = object(fields, "fileData")? {
        let uri = text(&mut file, "fileUri")?;
        let uri = file.required("fileUri", uri)?;
        let media_type =
            text(&mut file, "mimeType")?.filter(|given| !given.is_empty()).unwrap_or_else(|| type_of(MediaKind::Image, &uri).to_owned());
        (media_type, Source::Url(uri), text(&mut file, "displayName")?)
    } else {
        return Ok(None);
    };
    // How a picture or a film is to be looked at.
    take(fields, "videoMetadata");
    get::<serde_json::Value>(fields, "mediaResolution", "an object")?;
    Ok(Some(Media { kind: media_kind(&media_type), source, name, detail: None, cache: None }))
}

/// Google's own client for Python writes base64 in the alphabet for addresses, which nobody else takes.
fn standard(data: String) -> String {
    if data.contains(['-', '_']) { data.replace('-', "+").replace('_', "/") } else { data }
}

impl Calls {
    /// The id of a new call: its own, or one by its number, which is the same whenever the conversation is sent.
    fn made(&mut self, id: Option<String>, name: &str) -> String {
        let own = id.filter(|id| !id.is_empty());
        let number = self.0.len();
        let id = own.unwrap_or_else(|| {
            let numbered = (number..).map(|number| format!("call_{number}"));
            numbered.into_iter().find(|id| !self.0.iter().any(|known| known.id == *id)).unwrap_or_default()
        });
        self.0.push(Known { id: id.clone(), name: name.to_owned(), answered: false });
        id
    }

    /// The call that a result answers: by its id, or else the first of that name that waits.
    fn answered(&mut self, id: Option<&str>, name: &str) -> Option<String> {
        let by_id = self.0.iter().rposition(|known| Some(known.id.as_str()) == id);
        let place = by_id.or_else(|| self.0.iter().position(|known| !known.answered && known.name == name))?;
        let known = self.0.get_mut(place)?;
        known.answered = true;
        Some(known.id.clone())
    }
}
