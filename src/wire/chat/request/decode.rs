use serde::Deserialize;
use serde_json::value::RawValue;

use super::messages::SOUND;
use super::{content, knobs};
use crate::error::{Error, Result};
use crate::ir::{Native, Part, Raw, Request, Role, Thinking, ToolCall, ToolResult, Turn};
use crate::wire::chat::answer::{Said, text};
use crate::wire::fields::{Fields, wrong};
use crate::wire::lean;
use crate::wire::proof;

pub fn decode_request(body: &[u8]) -> Result<Request> {
    let mut fields = Fields::of_body(body)?;
    let messages = fields.items("messages")?;
    let messages = fields.required("messages", messages)?;
    if messages.is_empty() {
        return Err(wrong("messages", "at least one message"));
    }
    let mut legacy = Legacy::default();
    let turn = |(at, raw)| turn(raw, format!("messages.{at}"), &mut legacy);
    let turns = messages.into_iter().enumerate().map(turn).collect::<Result<_>>()?;
    knobs::decode(fields, turns)
}

/// What tools were before there could be several: calls had no ids, so that their names stand for them.
#[derive(Default)]
struct Legacy(Vec<(String, usize)>);

impl Legacy {
    fn next(&mut self, name: &str) -> String {
        match self.0.iter_mut().find(|(known, _)| known == name) {
            Some((_, count)) => *count = count.saturating_add(1),
            None => self.0.push((name.to_owned(), 1)),
        }
        self.last(name)
    }

    /// The id of the latest call of that name.
    fn last(&self, name: &str) -> String {
        match self.0.iter().find(|(known, _)| known == name) {
            Some((_, count)) if *count > 1 => format!("{name}_{count}"),
            _ => name.to_owned(),
        }
    }
}

fn turn(raw: &RawValue, path: String, legacy: &mut Legacy) -> Result<Turn> {
    let mut fields = Fields::of(raw, path)?;
    let name = fields.text("name")?;
    let path = fields.path_of("content");
    let said = fields.take("content");
    let mark = fields.take_raw("cache_control");
    let role_word = fields.required_text("role")?;
    let (role, mut parts) = match role_word.as_str() {
        "system" => (Role::System, content::decode(Some(fields.required("content", said)?), &path)?),
        "developer" => (Role::Developer, content::decode(Some(fields.required("content", said)?), &path)?),
        "user" => (Role::User, content::decode(Some(fields.required("content", said)?), &path)?),
        "assistant" => (Role::Assistant, spoken(&mut fields, raw, content::decode(said, &path)?, legacy)?),
        "tool" => {
            let call_id = fields.required_text("tool_call_id")?;
            (Role::User, vec![result(call_id, content::decode(said, &path)?)])
        }
        "function" => {
            let call_id = legacy.last(&fields.required("name", name.clone())?);
            (Role::User, vec![result(call_id, content::decode(said, &path)?)])
        }
        other => {
            let path = fields.path_of("role");
            let message = format!("{path}: there is no role `{other}`; it may be system, developer, user, assistant or tool");
            return Err(Error::invalid(message).with_param(path));
        }
    };
    if let (Some(mark), Some(last)) = (mark, parts.last_mut()) {
        put_mark(last, mark);
    }
    let name = name.filter(|_| role_word != "tool" && role_word != "function");
    Ok(Turn { role, parts, name })
}

fn result(call_id: String, parts: Vec<Part>) -> Part {
    Part::ToolResult(ToolResult { call_id, parts, is_error: false, cache: None })
}

/// A cache mark on a message is one on its last part.
fn put_mark(part: &mut Part, mark: Raw) {
    let place = match part {
        Part::Text(text) => &mut text.cache,
        Part::Media(media) => &mut media.cache,
        Part::ToolCall(call) => &mut call.cache,
        Part::ToolResult(result) => &mut result.cache,
        Part::Thinking(_) | Part::Refusal(_) | Part::Native(_) => return,
    };
    place.get_or_insert(mark);
}

/// All that an assistant's message holds, thinking first.
fn spoken(fields: &mut Fields<'_>, raw: &RawValue, mut content: Vec<Part>, legacy: &mut Legacy) -> Result<Vec<Part>> {
    let mut parts = thoughts(fields, raw)?;
    parts.append(&mut content);
    parts.extend(spoken_aloud(fields)?);
    if let Some(refusal) = fields.text("refusal")?.filter(|text| !text.is_empty()) {
        parts.push(Part::Refusal(refusal));
    }
    let told = parts.iter().any(|part| matches!(part, Part::Thinking(thinking) if thinking.signature.is_some()));
    parts.extend(google_proof(raw).filter(|_| !told));
    let list = fields.path_of("tool_calls");
    for (at, raw) in fields.items("tool_calls")?.unwrap_or_default().into_iter().enumerate() {
        parts.extend(google_proof(raw).filter(|_| !told));
        parts.push(Part::ToolCall(call(raw, format!("{list}.{at}"))?));
    }
    if let Some(mut function) = fields.object("function_call")? {
        let name = function.required_text("name")?;
        let arguments = function.text("arguments")?.unwrap_or_default();
        parts.push(Part::ToolCall(ToolCall { id: legacy.next(&name), name, arguments, cache: None }));
    }
    Ok(parts)
}

/// What proves a text or a call to be Gemini's, as Google's own endpoint of this dialect tells it.
fn google_proof(raw: &RawValue) -> Option<Part> {
    #[derive(Deserialize)]
    struct Told {
        extra_content: Vendors,
    }
    #[derive(Deserialize)]
    struct Vendors {
        google: Google,
    }
    #[derive(Deserialize)]
    struct Google {
        thought_signature: String,
    }
    let told: Told = lean::from_str(raw.get()).ok()?;
    let signature = told.extra_content.google.thought_signature;
    let signature = (!signature.is_empty()).then(|| proof::tagged("gemini", &signature));
    signature.map(|signature| Part::Thinking(Thinking { signature: Some(signature), ..Thinking::default() }))
}

/// An answer given as sound, which its provider knows by an id.
fn spoken_aloud(fields: &mut Fields<'_>) -> Result<Option<Part>> {
    let path = fields.path_of("audio");
    let Some(raw) = fields.take_raw("audio") else { return Ok(None) };
    let id = Fields::of(&raw, path)?.text("id")?.unwrap_or_default();
    Ok((!id.is_empty()).then(|| Part::Native(Native { kind: SOUND.to_owned(), raw })))
}

fn call(raw: &RawValue, path: String) -> Result<ToolCall> {
    let mut fields = Fields::of(raw, path)?;
    let id = fields.required_text("id")?;
    let function = match fields.object("function")? {
        Some(function) => Some(function),
        None => fields.object("custom")?,
    };
    let mut function = fields.required("function", function)?;
    let name = function.required_text("name")?;
    let given = function.take("arguments").or_else(|| function.take("input"));
    let arguments = text(given).map(std::borrow::Cow::into_owned).or_else(|| given.map(|raw| raw.get().to_owned())).unwrap_or_default();
    Ok(ToolCall { id, name, arguments, cache: fields.take_raw("cache_control") })
}

/// Thinking of an earlier turn: with its proof in `reasoning_details` or `thinking_blocks`, else as plain text.
fn thoughts(fields: &mut Fields<'_>, raw: &RawValue) -> Result<Vec<Part>> {
    let said: Said<'_> = lean::from_str(raw.get()).unwrap_or_default();
    let mut thoughts = said.reasoning_parts();
    let path = fields.path_of("thinking_blocks");
    for (at, raw) in fields.items("thinking_blocks")?.unwrap_or_default().into_iter().enumerate() {
        let mut block = Fields::of(raw, format!("{path}.{at}"))?;
        let (text, signature) = (block.text("thinking")?.unwrap_or_default(), block.text("signature")?);
        thoughts.push(Thinking { text, signature, redacted: block.text("data")? });
    }
    if thoughts.iter().all(|thought| thought.text.is_empty())
        && let Some(text) = said.reasoning_text()
    {
        // Proofs that came without their text are of this one.
        match thoughts.iter_mut().find(|thought| thought.signature.is_some()) {
            Some(proven) => proven.text = text.into_owned(),
            None => thoughts.insert(0, Thinking { text: text.into_owned(), ..Thinking::default() }),
        }
    }
    Ok(joined(thoughts).into_iter().map(Part::Thinking).collect())
}

/// A client that gathered a stream has a thought's text and its signature apart; they belong together.
fn joined(thoughts: Vec<Thinking>) -> Vec<Thinking> {
    let mut whole: Vec<Thinking> = Vec::new();
    for thought in thoughts {
        match whole.last_mut() {
            Some(last) if last.signature.is_none() && last.redacted.is_none() && thought.redacted.is_none() => {
                last.text.push_str(&thought.text);
                last.signature = thought.signature;
            }
            _ => whole.push(thought),
        }
    }
    whole
}
