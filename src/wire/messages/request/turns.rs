//! The conversation as Anthropic takes it: system text apart, roles in alternation, results before anything else.

use super::super::block::write_thinking;
use super::super::media::write_media;
use crate::error::{Error, Result};
use crate::ir::{Losses, Part, Raw, Request, Role, Text, ToolCall, ToolResult};
use crate::order;
use crate::wire::json::{Array, Object, value};
use crate::wire::lean;
use crate::wire::proof;
use serde_json::value::RawValue;
use std::borrow::Cow;

pub(super) struct Conversation<'r> {
    pub system: Vec<&'r Text>,
    pub messages: Vec<Message<'r>>,
}

pub(super) struct Message<'r> {
    pub assistant: bool,
    pub parts: Vec<&'r Part>,
}

pub(super) fn arrange<'r>(request: &'r Request, same_dialect: bool, losses: &mut Losses) -> Result<Conversation<'r>> {
    let mut conversation = Conversation { system: Vec::new(), messages: Vec::new() };
    let thinking = if same_dialect { "thinking" } else { "reasoning_content" };
    for turn in &request.turns {
        if turn.name.is_some() {
            losses.drop("name");
        }
        match turn.role {
            Role::System | Role::Developer => add_system(&mut conversation.system, &turn.parts)?,
            Role::User | Role::Assistant => {
                let says = |part: &Part| !matches!(part, Part::Thinking(thinking) if thinking.is_bare_proof());
                if turn.parts.iter().any(|part| is_unsigned(part) && says(part)) {
                    losses.drop(thinking);
                }
                add_message(&mut conversation.messages, turn.role == Role::Assistant, &turn.parts)?;
            }
        }
    }
    for message in conversation.messages.iter_mut().filter(|message| !message.assistant) {
        order::put_first(&mut message.parts, |part| matches!(part, Part::ToolResult(_)));
    }
    if conversation.messages.is_empty() && !conversation.system.is_empty() {
        // Here instructions alone are no conversation; elsewhere they are answered.
        let instructions = request.turns.iter().flat_map(|turn| &turn.parts).filter(|part| matches!(part, Part::Text(_))).collect();
        conversation.system.clear();
        conversation.messages.push(Message { assistant: false, parts: instructions });
    }
    match conversation.messages.first() {
        None => Err(invalid("messages: at least one message with content is required")),
        Some(first) if first.assistant => Err(invalid("messages: the first message must be from the user")),
        Some(_) => Ok(conversation),
    }
}

fn add_system<'r>(system: &mut Vec<&'r Text>, parts: &'r [Part]) -> Result<()> {
    for part in parts {
        match part {
            Part::Text(text) if is_blank(&text.text) => {}
            Part::Text(text) => system.push(text),
            other => return Err(invalid(format!("messages: a system message takes text only at this provider, not {}", other.noun()))),
        }
    }
    Ok(())
}

fn add_message<'r>(messages: &mut Vec<Message<'r>>, assistant: bool, parts: &'r [Part]) -> Result<()> {
    let mut kept = Vec::with_capacity(parts.len());
    for part in parts {
        match part {
            Part::Text(Text { text, .. }) | Part::Refusal(text) if is_blank(text) => {}
            unsigned if is_unsigned(unsigned) => {}
            Part::ToolCall(_) | Part::Thinking(_) if !assistant => {
                return Err(invalid(format!("messages: a user message cannot hold a {}", part.noun())));
            }
            Part::ToolResult(_) if assistant => return Err(invalid("messages: an assistant message cannot hold a tool result")),
            _ => kept.push(part),
        }
    }
    match messages.last_mut() {
        _ if kept.is_empty() => {}
        Some(last) if last.assistant == assistant => last.parts.append(&mut kept),
        _ => messages.push(Message { assistant, parts: kept }),
    }
    Ok(())
}

/// Thinking that no Claude can prove to be its own is refused.
fn is_unsigned(part: &Part) -> bool {
    let Part::Thinking(thinking) = part else { return false };
    thinking.signature.as_ref().or(thinking.redacted.as_ref()).and_then(|told| proof::untagged(told)).is_none()
}

/// Anthropic refuses a text block without anything to read in it.
fn is_blank(text: &str) -> bool {
    text.trim().is_empty()
}

fn invalid(message: impl Into<String>) -> Error {
    Error::invalid(message).with_param("messages")
}

impl Conversation<'_> {
    /// In a tool loop whose last calls do not begin with signed thinking, a thinking budget is refused.
    pub fn loops_without_thinking(&self) -> bool {
        let [.., calls, results] = self.messages.as_slice() else {
            return false;
        };
        let answered = results.parts.iter().any(|part| matches!(part, Part::ToolResult(_)));
        let called = calls.parts.iter().any(|part| matches!(part, Part::ToolCall(_)));
        answered && called && !matches!(calls.parts.first(), Some(Part::Thinking(_)))
    }

    /// `closing` is one more system text of ours.
    pub fn write_system(&self, out: &mut Vec<u8>, closing: Option<&str>) {
        if let ([only], None) = (self.system.as_slice(), closing)
            && only.cache.is_none()
        {
            return value(out, &only.text);
        }
        let mut blocks = Array::open(out);
        for text in &self.system {
            Object::typed(blocks.slot(), "text").with("text", &text.text).maybe("cache_control", text.cache.as_ref()).close();
        }
        if let Some(text) = closing {
            Object::typed(blocks.slot(), "text").with("text", text).close();
        }
        blocks.close();
    }

    pub fn write_messages(&self, out: &mut Vec<u8>, same_dialect: bool) -> Result<()> {
        let mut messages = Array::open(out);
        for Message { assistant, parts } in &self.messages {
            let mut message = Object::open(messages.slot()).with("role", if *assistant { "assistant" } else { "user" });
            write_content(message.slot("content"), parts.iter().copied(), Place { assistant: *assistant, same_dialect })?;
            message.close();
        }
        messages.close();
        Ok(())
    }
}

#[derive(Clone, Copy)]
struct Place {
    assistant: bool,
    same_dialect: bool,
}

/// One plain text goes as a string, anything else as blocks.
fn write_content<'r>(out: &mut Vec<u8>, mut parts: impl Iterator<Item = &'r Part>, place: Place) -> Result<()> {
    let first = parts.next();
    let second = parts.next();
    if let (Some(Part::Text(Text { text, cache: None, citations })), None) = (first, second)
        && citations.is_empty()
    {
        value(out, text);
        return Ok(());
    }
    let mut blocks = Array::open(out);
    for part in first.into_iter().chain(second).chain(parts) {
        write_block(blocks.slot(), part, place)?;
    }
    blocks.close();
    Ok(())
}

fn write_block(out: &mut Vec<u8>, part: &Part, place: Place) -> Result<()> {
    match part {
        Part::Text(text) => write_text(out, text, place),
        Part::Refusal(text) => Object::typed(out, "text").with("text", text).close(),
        Part::Media(media) => write_media(out, media)?,
        Part::Thinking(thinking) => write_thinking(out, thinking),
        Part::ToolCall(call) => write_call(out, call)?,
        Part::ToolResult(result) => write_result(out, result, place)?,
        Part::Native(native) if place.same_dialect => value(out, &native.raw),
        Part::Native(native) => {
            return Err(invalid(format!("messages: content of type \"{}\" cannot be sent to this provider", native.kind)));
        }
    }
    Ok(())
}

/// Where the model's own earlier statements came from goes back as it came; on a user's text it is refused.
fn write_text(out: &mut Vec<u8>, text: &Text, place: Place) {
    let mut block = Object::typed(out, "text").with("text", &text.text);
    let citations: Vec<&Raw> = text.citations.iter().filter_map(|citation| citation.raw.as_ref()).collect();
    if place.assistant && place.same_dialect && !citations.is_empty() {
        block = block.with("citations", &citations);
    }
    block.maybe("cache_control", text.cache.as_ref()).close();
}

fn write_call(out: &mut Vec<u8>, call: &ToolCall) -> Result<()> {
    let text = if call.arguments.trim().is_empty() { "{}" } else { call.arguments.trim() };
    let input = lean::from_str::<&RawValue>(text).ok().filter(|raw| raw.get().starts_with('{'));
    let Some(input) = input else {
        return Err(invalid(format!("messages: the arguments of tool call \"{}\" ({}) are not a JSON object", call.id, call.name)));
    };
    Object::typed(out, "tool_use")
        .with("id", &clean_id(&call.id)?)
        .with("name", &call.name)
        .with("input", input)
        .maybe("cache_control", call.cache.as_ref())
        .close();
    Ok(())
}

fn write_result(out: &mut Vec<u8>, result: &ToolResult, place: Place) -> Result<()> {
    let mut block = Object::typed(out, "tool_result").with("tool_use_id", &clean_id(&result.call_id)?);
    let single = result.parts.len() == 1;
    let said = |part: &&Part| single || !matches!(part, Part::Text(text) if is_blank(&text.text));
    if result.parts.iter().any(|part| said(&part)) {
        let content = block.slot("content");
        match result.parts.as_slice() {
            [Part::Text(text)] if is_blank(&text.text) => value(content, &text.text),
            parts => write_content(content, parts.iter().filter(said), Place { assistant: false, ..place })?,
        }
    }
    block.maybe("is_error", result.is_error.then_some(true)).maybe("cache_control", result.cache.as_ref()).close();
    Ok(())
}

/// Ids of other providers may hold what `^[a-zA-Z0-9_-]+$` forbids.
fn clean_id(id: &str) -> Result<Cow<'_, str>> {
    let fits = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-');
    match id {
        "" => Err(invalid("messages: a tool call or result has an empty id")),
        id if id.chars().all(fits) => Ok(Cow::Borrowed(id)),
        id => Ok(id.chars().map(|letter| if fits(letter) { letter } else { '_' }).collect()),
    }
}
