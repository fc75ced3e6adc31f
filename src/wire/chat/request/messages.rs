//! The conversation as a chat provider takes it.

use super::custom_names;
use crate::error::{Error, Result};
use crate::ir::{Losses, Media, MediaKind, Part, Raw, Request, Role, Source, Text, Thinking, ToolCall, ToolResult, Turn};
use crate::wire::chat::answer::TAG;
use crate::wire::chat::response::write_detail;
use crate::wire::json::{Array, Object, value};
use crate::wire::{Abilities, proof};

/// The kind of a message's sound, which has a field beside the content.
pub(super) const SOUND: &str = "audio";

/// How the parts are to be written, and where what is lost is noted.
struct Scribe<'s> {
    same_dialect: bool,
    custom: Vec<String>,
    abilities: &'s Abilities,
    losses: &'s mut Losses,
}

pub(super) fn write_messages(
    out: &mut Vec<u8>,
    request: &Request,
    same_dialect: bool,
    abilities: &Abilities,
    losses: &mut Losses,
) -> Result<()> {
    let mut scribe = Scribe { same_dialect, custom: custom_names(request), abilities, losses };
    let mut messages = Array::open(out);
    for turn in &request.turns {
        match turn.role {
            Role::System => scribe.plain(&mut messages, "system", turn)?,
            Role::Developer => {
                let role = if abilities.developer_role { "developer" } else { "system" };
                scribe.plain(&mut messages, role, turn)?;
            }
            Role::User => scribe.user(&mut messages, turn)?,
            Role::Assistant => scribe.assistant(&mut messages, turn)?,
        }
    }
    messages.close();
    Ok(())
}

impl Scribe<'_> {
    fn plain(&mut self, messages: &mut Array<'_>, role: &str, turn: &Turn) -> Result<()> {
        let mut message = Object::open(messages.slot()).with("role", role);
        let parts: Vec<&Part> = turn.parts.iter().collect();
        self.content(message.slot("content"), &parts)?;
        message.maybe("name", turn.name.as_ref()).close();
        Ok(())
    }

    /// The results first, each a message of its own; then what else the user said.
    fn user(&mut self, messages: &mut Array<'_>, turn: &Turn) -> Result<()> {
        let mut rest: Vec<Part> = Vec::new();
        for part in &turn.parts {
            match part {
                Part::ToolResult(result) => rest.append(&mut self.result(messages, result)?),
                other => rest.push(other.clone()),
            }
        }
        if rest.is_empty() && turn.parts.iter().any(|part| matches!(part, Part::ToolResult(_))) {
            return Ok(());
        }
        self.plain(messages, "user", &Turn { role: Role::User, parts: rest, name: turn.name.clone() })
    }

    /// Writes a result's text; gives back what cannot ride in a tool's message, to follow in the user's.
    fn result(&mut self, messages: &mut Array<'_>, result: &ToolResult) -> Result<Vec<Part>> {
        if self.same_dialect && !result.is_error {
            let mut message = Object::open(messages.slot()).with("role", "tool").with("tool_call_id", &result.call_id);
            self.content(message.slot("content"), &result.parts.iter().collect::<Vec<_>>())?;
            message.maybe("cache_control", result.cache.as_ref()).close();
            return Ok(Vec::new());
        }
        let mut text = String::new();
        let mut media = Vec::new();
        for part in &result.parts {
            match part {
                Part::Text(part) => text.push_str(&part.text),
                Part::Media(part) => media.push(Part::Media(part.clone())),
                other => return Err(unfit(other.noun())),
            }
        }
        if result.is_error && !text.starts_with("Error") {
            text.insert_str(0, "Error: ");
        }
        let message = Object::open(messages.slot()).with("role", "tool").with("tool_call_id", &result.call_id).with("content", &text);
        message.maybe("cache_control", self.mark(result.cache.as_ref())).close();
        if !media.is_empty() {
            media.insert(0, Part::text(format!("What the tool call {} gave:", result.call_id)));
        }
        Ok(media)
    }

    fn assistant(&mut self, messages: &mut Array<'_>, turn: &Turn) -> Result<()> {
        let mut message = Object::open(messages.slot()).with("role", "assistant");
        let mut content: Vec<&Part> = Vec::new();
        let mut refusal = String::new();
        let mut calls: Vec<&ToolCall> = Vec::new();
        let mut sound: Option<&Raw> = None;
        for part in &turn.parts {
            match part {
                Part::Text(_) | Part::Media(_) | Part::ToolResult(_) => content.push(part),
                Part::Native(native) if native.kind == SOUND && self.same_dialect => sound = Some(&native.raw),
                Part::Native(_) => content.push(part),
                Part::Refusal(words) => refusal.push_str(words),
                Part::ToolCall(call) => calls.push(call),
                Part::Thinking(_) => {}
            }
        }
        // Null says that the answer is elsewhere.
        if content.is_empty() && !(refusal.is_empty() && calls.is_empty() && sound.is_none()) {
            message = message.with("content", &());
        } else {
            self.content(message.slot("content"), &content)?;
        }
        if !refusal.is_empty() {
            message = message.with("refusal", &refusal);
        }
        message = self.thinking(message, turn).maybe("audio", sound);
        if !calls.is_empty() {
            let mut list = Array::open(message.slot("tool_calls"));
            calls.iter().for_each(|call| self.call(list.slot(), call));
            list.close();
        }
        message.maybe("name", turn.name.as_ref()).close();
        Ok(())
    }

    fn call(&self, out: &mut Vec<u8>, call: &ToolCall) {
        let mut object = Object::open(out).with("id", &call.id);
        if self.custom.contains(&call.name) {
            object = object.with("type", "custom");
            Object::open(object.slot("custom")).with("name", &call.name).with("input", &call.arguments).close();
        } else {
            let arguments = if call.arguments.trim().is_empty() { "{}" } else { &call.arguments };
            object = object.with("type", "function");
            Object::open(object.slot("function")).with("name", &call.name).with("arguments", arguments).close();
        }
        object.maybe("cache_control", self.mark(call.cache.as_ref())).close();
    }

    /// What the model thought before: back to those who want it, and not to those who would refuse it.
    fn thinking<'o>(&mut self, mut message: Object<'o>, turn: &Turn) -> Object<'o> {
        let thoughts: Vec<&Thinking> =
            turn.parts.iter().filter_map(|part| if let Part::Thinking(part) = part { Some(part) } else { None }).collect();
        if thoughts.is_empty() {
            return message;
        }
        let proven = thoughts.iter().any(|thinking| self.is_own(thinking) == Some(true));
        if !self.same_dialect && !self.abilities.replay_thinking && !proven {
            if !thoughts.iter().all(|thinking| thinking.is_bare_proof()) {
                self.losses.drop("thinking");
            }
            return message;
        }
        let text: String = thoughts.iter().map(|thinking| thinking.text.as_str()).collect();
        if !text.is_empty() && (self.same_dialect || self.abilities.replay_thinking) {
            message = message.with("reasoning_content", &text);
        }
        if proven {
            let mut details = Array::open(message.slot("reasoning_details"));
            for (index, thinking) in thoughts.into_iter().filter(|thinking| self.is_own(thinking) != Some(false)).enumerate() {
                write_detail(details.slot(), thinking, index);
            }
            details.close();
        }
        message
    }

    /// Whether its proof, if it has one, is of a maker whose proofs the provider hands on.
    fn is_own(&self, thinking: &Thinking) -> Option<bool> {
        let proof = thinking.redacted.as_ref().or(thinking.signature.as_ref())?;
        let known = proof::of(TAG, proof).is_some() || proof::untagged(proof).is_some();
        Some(known && (self.same_dialect || self.abilities.replay_proofs))
    }

    /// One text is a string; anything else a list of parts.
    fn content(&mut self, out: &mut Vec<u8>, parts: &[&Part]) -> Result<()> {
        match parts {
            [] => value(out, ""),
            [Part::Text(text)] if self.mark(text.cache.as_ref()).is_none() => value(out, &text.text),
            _ => {
                let mut list = Array::open(out);
                for part in parts {
                    self.part(list.slot(), part)?;
                }
                list.close();
            }
        }
        Ok(())
    }

    fn part(&mut self, out: &mut Vec<u8>, part: &Part) -> Result<()> {
        match part {
            Part::Text(Text { text, cache, .. }) => {
                Object::typed(out, "text").with("text", text).maybe("cache_control", self.mark(cache.as_ref())).close();
            }
            Part::Refusal(text) => Object::typed(out, "text").with("text", text).close(),
            Part::Media(media) => self.media(out, media)?,
            Part::Native(native) if self.same_dialect => value(out, &native.raw),
            other => return Err(unfit(other.noun())),
        }
        Ok(())
    }

    fn media(&mut self, out: &mut Vec<u8>, media: &Media) -> Result<()> {
        let mark = self.mark(media.cache.as_ref());
        match (media.kind, &media.source) {
            (MediaKind::Image, Source::Url(_) | Source::Inline { .. }) => {
                let url = match &media.source {
                    Source::Inline { media_type, data } => format!("data:{media_type};base64,{data}"),
                    Source::Url(url) | Source::File(url) | Source::Text(url) => url.clone(),
                };
                let mut part = Object::typed(out, "image_url");
                Object::open(part.slot("image_url")).with("url", &url).maybe("detail", media.detail.as_ref()).close();
                part.maybe("cache_control", mark).close();
            }
            (MediaKind::Document, Source::Inline { media_type, data }) => {
                let mut part = Object::typed(out, "file");
                Object::open(part.slot("file"))
                    .with("filename", media.name.as_deref().unwrap_or("document.pdf"))
                    .with("file_data", &format!("data:{media_type};base64,{data}"))
                    .close();
                part.maybe("cache_control", mark).close();
            }
            (MediaKind::Document, Source::File(id)) => {
                let mut part = Object::typed(out, "file");
                Object::open(part.slot("file")).with("file_id", id).close();
                part.maybe("cache_control", mark).close();
            }
            (_, Source::Text(text)) => {
                let titled = media.name.as_ref().map(|name| format!("{name}\n\n{text}"));
                Object::typed(out, "text").with("text", titled.as_ref().unwrap_or(text)).maybe("cache_control", mark).close();
            }
            (MediaKind::Audio, Source::Inline { media_type, data }) => {
                let format = match media_type.as_str() {
                    "audio/wav" | "audio/x-wav" | "audio/wave" => "wav",
                    "audio/mpeg" | "audio/mp3" => "mp3",
                    other => return Err(refused(format!("this provider takes audio as wav or mp3, not {other}"))),
                };
                let mut part = Object::typed(out, "input_audio");
                Object::open(part.slot("input_audio")).with("data", data).with("format", format).close();
                part.maybe("cache_control", mark).close();
            }
            (MediaKind::Document, Source::Url(url)) if self.same_dialect => {
                let mut part = Object::typed(out, "file");
                Object::open(part.slot("file")).maybe("filename", media.name.as_ref()).with("file_data", url).close();
                part.maybe("cache_control", mark).close();
            }
            (MediaKind::Document, Source::Url(_)) => {
                return Err(refused("this provider takes no file by URL; send its bytes in base64"));
            }
            (MediaKind::Image, Source::File(_)) => return Err(refused("this provider takes no image by file id; send its URL or bytes")),
            (MediaKind::Audio, Source::Url(_) | Source::File(_)) => {
                return Err(refused("this provider takes audio as bytes in base64 only"));
            }
        }
        Ok(())
    }

    /// A cache mark means something to its own dialect alone; chat providers cache unasked.
    fn mark<'r>(&self, mark: Option<&'r Raw>) -> Option<&'r Raw> {
        mark.filter(|_| self.same_dialect)
    }
}

fn unfit(noun: &str) -> Error {
    refused(format!("a `{noun}` block cannot be sent to this provider; only the provider it came from understands it"))
}

fn refused(words: impl std::fmt::Display) -> Error {
    Error::invalid(format!("messages: {words}")).with_param("messages")
}
