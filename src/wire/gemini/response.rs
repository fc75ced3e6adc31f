use super::answer::{End, Head, own, write_call, write_media, write_redacted, write_text, write_thought};
use super::chunk::{Chunk, chunks};
use super::stream::StreamReader;
use super::words::status_word;
use crate::error::{Error, Kind, Result};
use crate::ir::{Citation, Fold, Part, Response};
use crate::wire::answer::{CallIds, write_upstream};
use crate::wire::json::{Array, Object, value};
use crate::wire::{Echo, Glance, Reader};
use serde::Deserialize;
use serde::de::IgnoredAny;
use std::borrow::Cow;

/// An answer, or the array of chunks of which a stream without `alt=sse` consists: read as a stream is.
pub fn decode_response(body: &[u8]) -> Result<Response> {
    let chunks = answer(body)?;
    let mut first = read(&chunks, 0)?;
    for number in (1..MOST_CHOICES).take_while(|number| chunks.iter().any(|chunk| chunk.candidate(*number).is_some())) {
        let other = read(&chunks, number)?;
        first.others.push((other.parts, other.finish));
    }
    Ok(first)
}

/// More than Google gives at once.
const MOST_CHOICES: u32 = 128;

fn read(chunks: &[Chunk<'_>], number: u32) -> Result<Response> {
    let mut reader = StreamReader::of(number);
    let mut events = Vec::new();
    chunks.iter().for_each(|chunk| reader.take(chunk, &mut events));
    match chunks {
        [_] => reader.conclude(&mut events),
        _ => reader.finish(None, &mut events),
    }
    let mut fold = Fold::default();
    events.into_iter().for_each(|event| fold.push(event));
    fold.finish()
}

fn answer(body: &[u8]) -> Result<Vec<Chunk<'_>>> {
    let chunks =
        chunks(body).map_err(|error| Error::upstream(Kind::Failed, format!("The provider's answer could not be read: {error}")))?;
    match chunks.iter().find_map(Chunk::fault) {
        Some(error) => Err(error),
        None if chunks.iter().any(Chunk::answers) => Ok(chunks),
        None => Err(Error::upstream(Kind::Failed, "The provider's answer has no candidates.")),
    }
}

pub fn encode_response(response: &Response, echo: &Echo) -> Vec<u8> {
    let mut body = Vec::with_capacity(1_024);
    let mut answer = Object::open(&mut body);
    let mut candidates = Array::open(answer.slot("candidates"));
    let mut candidate = Object::open(candidates.slot());
    let mut content = Object::open(candidate.slot("content"));
    write_parts(content.slot("parts"), &response.parts, echo);
    content.with("role", "model").close();
    let texts = response.parts.iter().filter_map(|part| if let Part::Text(text) = part { Some(text) } else { None });
    let text: String = texts.clone().map(|text| text.text.as_str()).collect();
    let citations: Vec<Citation> = texts.flat_map(|text| text.citations.iter().cloned()).collect();
    let end = End { finish: &response.finish, usage: response.usage.as_ref(), citations: &citations, text: &text };
    end.write(candidate);
    candidates.close();
    end.write_usage(&mut answer);
    Head::new(&response.id, &response.model, echo).write(answer);
    body
}

fn write_parts(out: &mut Vec<u8>, parts: &[Part], echo: &Echo) {
    let mut ids = CallIds::new("call", echo);
    let mut array = Array::open(out);
    // A proof without text sits on the call that follows.
    let mut waiting: Option<&str> = None;
    for (at, part) in parts.iter().enumerate() {
        match part {
            Part::Text(text) if text.text.is_empty() => {}
            Part::Text(text) => write_text(array.slot(), &text.text),
            Part::Refusal(text) => write_text(array.slot(), text),
            Part::Thinking(thinking) => {
                let calls = matches!(parts.get(at.saturating_add(1)), Some(Part::ToolCall(_)));
                match (&thinking.redacted, thinking.signature.as_deref()) {
                    (Some(data), _) => write_redacted(array.slot(), data),
                    (None, Some(proof)) if calls && thinking.text.is_empty() => waiting = Some(proof),
                    (None, proof) => write_thought(array.slot(), &thinking.text, proof),
                }
            }
            Part::ToolCall(call) => write_call(array.slot(), &ids.unique(&call.id), &call.name, &call.arguments, waiting.take()),
            Part::Media(media) => write_media(array.slot(), media),
            Part::Native(native) => {
                if let Some(raw) = own(native) {
                    value(array.slot(), raw);
                }
            }
            // An answer holds no results.
            Part::ToolResult(_) => {}
        }
    }
    array.close();
}

pub fn encode_error(error: &Error) -> Vec<u8> {
    let mut body = Vec::with_capacity(256);
    let mut object = Object::open(&mut body);
    let inner = Object::open(object.slot("error")).with("code", &error.status).with("message", &error.message);
    let mut inner = inner.with("status", status_word(error));
    write_upstream(&mut inner, error);
    inner.close();
    object.close();
    body
}

pub fn glance_response(body: &[u8]) -> Result<Glance> {
    let mut glance = Glance::default();
    answer(body)?.iter().for_each(|chunk| chunk.glance(&mut glance));
    Ok(glance)
}

/// Whether a failed answer is in this dialect's own shape, so that it may pass as it is.
pub fn is_own_error(body: &[u8]) -> bool {
    #[derive(Deserialize)]
    struct Whole<'a> {
        #[serde(borrow, rename = "error")]
        _error: Inner<'a>,
    }
    #[derive(Deserialize)]
    struct Inner<'a> {
        #[serde(rename = "code")]
        _code: u16,
        #[serde(borrow, rename = "message")]
        _message: Cow<'a, str>,
        #[serde(rename = "status")]
        _status: IgnoredAny,
    }
    crate::wire::json::read::<Whole<'_>>(body).is_ok()
}
