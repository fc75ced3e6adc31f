//! The conversation: system text apart, roles in alternation, results first, caches marked by blocks of their own.

use std::borrow::Cow;

use serde_json::value::RawValue;

use crate::error::{Error, Result};
use crate::ir::{Losses, Part, Raw, Request, Role, Text, Thinking, ToolCall, ToolResult};
use crate::order;
use crate::wire::converse::document::{self, Names, Noun};
use crate::wire::converse::family::Family;
use crate::wire::json::{Array, Object};
use crate::wire::lean;
use crate::wire::proof;

pub(super) struct Conversation<'r> {
    system: Vec<&'r Text>,
    messages: Vec<Message<'r>>,
    pub calls: bool,
    /// The model lets what is to be cached be marked.
    pub caches: bool,
}

struct Message<'r> {
    assistant: bool,
    parts: Vec<&'r Part>,
}

impl<'r> Conversation<'r> {
    pub fn of(request: &'r Request, losses: &mut Losses) -> Result<Self> {
        let mut conversation =
            Conversation { system: Vec::new(), messages: Vec::new(), calls: false, caches: Family::of(&request.model).caches() };
        for turn in &request.turns {
            if turn.name.is_some() {
                losses.drop("name");
            }
            match turn.role {
                Role::System | Role::Developer => conversation.instruct(&turn.parts)?,
                Role::User | Role::Assistant => conversation.say(turn.role == Role::Assistant, &turn.parts, losses)?,
            }
        }
        if conversation.messages.is_empty() && !conversation.system.is_empty() {
            // Here instructions alone are no conversation; elsewhere they are answered.
            conversation.system.clear();
            let instructions: Vec<&Part> = request.turns.iter().flat_map(|turn| &turn.parts).collect();
            for part in instructions {
                conversation.say(false, std::slice::from_ref(part), losses)?;
            }
        }
        match conversation.messages.first() {
            None => Err(invalid("messages: at least one message with content is required")),
            Some(first) if first.assistant => Err(invalid("messages: the first message must be from the user")),
            Some(_) => Ok(conversation),
        }
    }

    fn instruct(&mut self, parts: &'r [Part]) -> Result<()> {
        for part in parts {
            match part {
                Part::Text(text) if text.text.trim().is_empty() => {}
                Part::Text(text) => self.system.push(text),
                other => return Err(invalid(format!("messages: a system message takes text only at this provider, not {}", other.noun()))),
            }
        }
        Ok(())
    }

    fn say(&mut self, assistant: bool, parts: &'r [Part], losses: &mut Losses) -> Result<()> {
        let mut kept = Vec::with_capacity(parts.len());
        for part in parts {
            match part {
                Part::Text(Text { text, .. }) | Part::Refusal(text) if text.trim().is_empty() => {}
                Part::Thinking(thinking) if !is_proved(thinking) && thinking.is_bare_proof() => {}
                Part::Thinking(thinking) if !is_proved(thinking) => losses.drop("reasoning_content"),
                Part::ToolCall(_) | Part::Thinking(_) if !assistant => {
                    return Err(invalid(format!("messages: a user message cannot hold a {}", part.noun())));
                }
                Part::ToolResult(_) if assistant => return Err(invalid("messages: an assistant message cannot hold a tool result")),
                _ => kept.push(part),
            }
        }
        self.calls |= kept.iter().any(|part| matches!(part, Part::ToolCall(_) | Part::ToolResult(_)));
        match self.messages.last_mut() {
            _ if kept.is_empty() => {}
            Some(last) if last.assistant == assistant => last.parts.append(&mut kept),
            _ => self.messages.push(Message { assistant, parts: kept }),
        }
        if let Some(last) = self.messages.last_mut().filter(|last| !last.assistant) {
            order::put_first(&mut last.parts, |part| matches!(part, Part::ToolResult(_)));
        }
        Ok(())
    }

    /// In a tool loop whose last calls do not begin with signed thinking, a thinking budget is refused.
    pub fn loops_without_thinking(&self) -> bool {
        let [.., calls, results] = self.messages.as_slice() else { return false };
        let answered = results.parts.iter().any(|part| matches!(part, Part::ToolResult(_)));
        let called = calls.parts.iter().any(|part| matches!(part, Part::ToolCall(_)));
        answered && called && !matches!(calls.parts.first(), Some(Part::Thinking(_)))
    }

    /// `closing` is one more system text of ours.
    pub fn write_system(&self, object: &mut Object<'_>, closing: Option<&str>) {
        if self.system.is_empty() && closing.is_none() {
            return;
        }
        let mut blocks = Array::open(object.slot("system"));
        for text in &self.system {
            Object::open(blocks.slot()).with("text", &text.text).close();
            mark(&mut blocks, text.cache.as_ref().filter(|_| self.caches));
        }
        if let Some(text) = closing {
            Object::open(blocks.slot()).with("text", text).close();
        }
        blocks.close();
    }

    pub fn write_messages(&self, out: &mut Vec<u8>) -> Result<()> {
        let mut messages = Array::open(out);
        let mut names = Names::default();
        for Message { assistant, parts } in &self.messages {
            let mut message = Object::open(messages.slot()).with("role", if *assistant { "assistant" } else { "user" });
            let mut blocks = Array::open(message.slot("content"));
            let mut documents = false;
            for part in parts {
                documents |= write_part(&mut blocks, part, self.caches, &mut names)? == Some(Noun::Document);
            }
            let told = parts.iter().any(|part| matches!(part, Part::Text(_) | Part::Refusal(_)));
            if documents && !told {
                // A document is refused without a text beside it.
                Object::open(blocks.slot()).with("text", "See the attached document.").close();
            }
            blocks.close();
            message.close();
        }
        messages.close();
        Ok(())
    }
}

/// Proofs of Anthropic's; others cannot be checked there.
fn is_proved(thinking: &Thinking) -> bool {
    thinking.signature.as_ref().or(thinking.redacted.as_ref()).is_some_and(|told| proof::untagged(told).is_some())
}

/// What medium it was, if any.
fn write_part(blocks: &mut Array<'_>, part: &Part, caches: bool, names: &mut Names) -> Result<Option<Noun>> {
    let mut noun = None;
    let cache = match part {
        Part::Text(text) => {
            Object::open(blocks.slot()).with("text", &text.text).close();
            text.cache.as_ref()
        }
        Part::Refusal(text) => {
            Object::open(blocks.slot()).with("text", text).close();
            None
        }
        Part::Media(medium) => {
            noun = Some(document::write(blocks.slot(), medium, names)?);
            medium.cache.as_ref()
        }
        Part::Thinking(thinking) => {
            write_thinking(blocks.slot(), thinking);
            None
        }
        Part::ToolCall(call) => {
            write_call(blocks.slot(), call)?;
            call.cache.as_ref()
        }
        Part::ToolResult(result) => {
            write_result(blocks.slot(), result, names)?;
            // Inside a result there is no place for a mark.
            result.cache.as_ref().or_else(|| result.parts.iter().filter_map(mark_of).next_back())
        }
        Part::Native(native) => {
            return Err(invalid(format!("messages: content of type \"{}\" cannot be sent to this provider", native.kind)));
        }
    };
    mark(blocks, cache.filter(|_| caches));
    Ok(noun)
}

fn mark_of(part: &Part) -> Option<&Raw> {
    match part {
        Part::Text(text) => text.cache.as_ref(),
        Part::Media(media) => media.cache.as_ref(),
        _ => None,
    }
}

/// What stands before this mark is cached.
pub(super) fn mark(blocks: &mut Array<'_>, cache: Option<&Raw>) {
    let Some(cache) = cache else { return };
    #[derive(serde::Deserialize)]
    struct Mark {
        ttl: Option<String>,
    }
    // Five minutes go without saying; not every model knows the word.
    let ttl = lean::from_str::<Mark>(cache.get()).ok().and_then(|mark| mark.ttl).filter(|ttl| ttl == "1h");
    let mut block = Object::open(blocks.slot());
    Object::typed(block.slot("cachePoint"), "default").maybe("ttl", ttl).close();
    block.close();
}

fn write_thinking(out: &mut Vec<u8>, thinking: &Thinking) {
    let mut block = Object::open(out);
    let mut inner = Object::open(block.slot("reasoningContent"));
    match &thinking.redacted {
        Some(data) => inner = inner.with("redactedContent", data),
        None => {
            let text = Object::open(inner.slot("reasoningText")).with("text", &thinking.text);
            text.maybe("signature", thinking.signature.as_ref()).close();
        }
    }
    inner.close();
    block.close();
}

fn write_call(out: &mut Vec<u8>, call: &ToolCall) -> Result<()> {
    let text = if call.arguments.trim().is_empty() { "{}" } else { call.arguments.trim() };
    let input = lean::from_str::<&RawValue>(text).ok().filter(|raw| raw.get().starts_with('{'));
    let Some(input) = input else {
        return Err(invalid(format!("messages: the arguments of tool call \"{}\" ({}) are not a JSON object", call.id, call.name)));
    };
    let mut block = Object::open(out);
    Object::open(block.slot("toolUse")).with("toolUseId", &clean_id(&call.id)?).with("name", &call.name).with("input", input).close();
    block.close();
    Ok(())
}

fn write_result(out: &mut Vec<u8>, result: &ToolResult, names: &mut Names) -> Result<()> {
    let mut block = Object::open(out);
    let mut inner = Object::open(block.slot("toolResult")).with("toolUseId", &clean_id(&result.call_id)?);
    let mut content = Array::open(inner.slot("content"));
    let blank = |part: &&Part| matches!(part, Part::Text(text) if text.text.trim().is_empty());
    let spoken = result.parts.iter().any(|part| !blank(&part));
    for part in result.parts.iter().filter(|part| !blank(part)) {
        match part {
            Part::Text(text) => Object::open(content.slot()).with("text", &text.text).close(),
            Part::Refusal(text) => Object::open(content.slot()).with("text", text).close(),
            Part::Media(medium) => {
                document::write(content.slot(), medium, names)?;
            }
            other => return Err(invalid(format!("messages: a tool result cannot hold a {} at this provider", other.noun()))),
        }
    }
    if !spoken {
        // Some models refuse an empty list; none refuses a blank text here.
        let said = result.parts.iter().find_map(|part| if let Part::Text(text) = part { Some(text.text.as_str()) } else { None });
        Object::open(content.slot()).with("text", said.unwrap_or_default()).close();
    }
    content.close();
    inner.with("status", if result.is_error { "error" } else { "success" }).close();
    block.close();
    Ok(())
}

/// Ids of other providers may be longer than 64 letters or hold what is forbidden here.
fn clean_id(id: &str) -> Result<Cow<'_, str>> {
    let fits = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-');
    match id {
        "" => Err(invalid("messages: a tool call or result has an empty id")),
        id if id.len() <= 64 && id.chars().all(fits) => Ok(Cow::Borrowed(id)),
        id => {
            let clean = id.chars().map(|letter| if fits(letter) { letter } else { '_' });
            // The end tells ids apart better than the beginning.
            Ok(clean.skip(id.chars().count().saturating_sub(64)).collect())
        }
    }
}

fn invalid(message: impl Into<String>) -> Error {
    Error::invalid(message).with_param("messages")
}
