//! The conversation: system text apart, roles in alternation, results first, caches marked by blocks of their own.

use std::borrow::Cow;

use serde_json::value::RawValue;

use crate::error::{Error, Result};
use crate::ir::{Losses, Part, Raw, Request, Role, Text, Thinking, ToolCall, ToolResult};
use crate::wire::converse::document;
use crate::wire::json::{Array, Object};
use crate::wire::proof;

pub(super) struct Conversation<'r> {
    system: Vec<&'r Text>,
    messages: Vec<Message<'r>>,
    pub calls: bool,
}

struct Message<'r> {
    assistant: bool,
    parts: Vec<&'r Part>,
}

impl<'r> Conversation<'r> {
    pub fn of(request: &'r Request, losses: &mut Losses) -> Result<Self> {
        let mut conversation = Conversation { system: Vec::new(), messages: Vec::new(), calls: false };
        for turn in &request.turns {
            if turn.name.is_some() {
                losses.drop("name");
            }
            match turn.role {
                Role::System | Role::Developer => conversation.instruct(&turn.parts)?,
                Role::User | Role::Assistant => conversation.say(turn.role == Role::Assistant, &turn.parts, losses)?,
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
            last.parts.sort_by_key(|part| !matches!(part, Part::ToolResult(_)));
        }
        Ok(())
    }

    /// `closing` is one more system text of ours.
    pub fn write_system(&self, object: &mut Object<'_>, closing: Option<&str>) {
        if self.system.is_empty() && closing.is_none() {
            return;
        }
        let mut blocks = Array::open(object.slot("system"));
        for text in &self.system {
            Object::open(blocks.slot()).with("text", &text.text).close();
            mark(&mut blocks, text.cache.as_ref());
        }
        if let Some(text) = closing {
            Object::open(blocks.slot()).with("text", text).close();
        }
        blocks.close();
    }

    pub fn write_messages(&self, out: &mut Vec<u8>) -> Result<()> {
        let mut messages = Array::open(out);
        let mut media = 0;
        for Message { assistant, parts } in &self.messages {
            let mut message = Object::open(messages.slot()).with("role", if *assistant { "assistant" } else { "user" });
            let mut blocks = Array::open(message.slot("content"));
            for part in parts {
                write_part(&mut blocks, part, &mut media)?;
            }
            let texts = parts.iter().any(|part| matches!(part, Part::Text(_)));
            if !texts && parts.iter().any(|part| matches!(part, Part::Media(_))) {
                // A document is refused without a text beside it.
                Object::open(blocks.slot()).with("text", "See the attachment.").close();
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

fn write_part(blocks: &mut Array<'_>, part: &Part, media: &mut usize) -> Result<()> {
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
            document::write(blocks.slot(), medium, *media)?;
            *media = media.saturating_add(1);
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
            write_result(blocks.slot(), result, media)?;
            result.cache.as_ref()
        }
        Part::Native(native) => {
            return Err(invalid(format!("messages: content of type \"{}\" cannot be sent to this provider", native.kind)));
        }
    };
    mark(blocks, cache);
    Ok(())
}

/// What stands before this mark is cached.
pub(super) fn mark(blocks: &mut Array<'_>, cache: Option<&Raw>) {
    let Some(cache) = cache else { return };
    #[derive(serde::Deserialize)]
    struct Mark {
        ttl: Option<String>,
    }
    let ttl = serde_json::from_str::<Mark>(cache.get()).ok().and_then(|mark| mark.ttl);
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
    let input = serde_json::from_str::<&RawValue>(text).ok().filter(|raw| raw.get().starts_with('{'));
    let Some(input) = input else {
        return Err(invalid(format!("messages: the arguments of tool call \"{}\" ({}) are not a JSON object", call.id, call.name)));
    };
    let mut block = Object::open(out);
    Object::open(block.slot("toolUse")).with("toolUseId", &clean_id(&call.id)?).with("name", &call.name).with("input", input).close();
    block.close();
    Ok(())
}

fn write_result(out: &mut Vec<u8>, result: &ToolResult, media: &mut usize) -> Result<()> {
    let mut block = Object::open(out);
    let mut inner = Object::open(block.slot("toolResult")).with("toolUseId", &clean_id(&result.call_id)?);
    let mut content = Array::open(inner.slot("content"));
    let mut said = false;
    for part in &result.parts {
        match part {
            Part::Text(text) if text.text.is_empty() => continue,
            Part::Text(text) => Object::open(content.slot()).with("text", &text.text).close(),
            Part::Media(medium) => {
                document::write(content.slot(), medium, *media)?;
                *media = media.saturating_add(1);
            }
            other => return Err(invalid(format!("messages: a tool result cannot hold a {} at this provider", other.noun()))),
        }
        said = true;
    }
    if !said {
        // An empty list is refused.
        Object::open(content.slot()).with("text", " ").close();
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
