//! The conversation as Cohere takes it.

use crate::error::{Error, Result};
use crate::ir::{Losses, Media, MediaKind, Part, Request, Role, Source, Thinking, ToolCall, ToolResult, Turn};
use crate::wire::json::{Array, Object, value};
use crate::wire::{Abilities, ThinkingStyle, base64};

pub(super) fn write_messages(out: &mut Vec<u8>, request: &Request, abilities: &Abilities, losses: &mut Losses) -> Result<()> {
    if request.turns.is_empty() {
        return Err(invalid("messages: at least one message is required"));
    }
    let thinks = abilities.thinking != ThinkingStyle::None || abilities.replay_thinking;
    let mut scribe = Scribe { messages: Array::open(out), shown: Vec::new(), thinks, losses };
    for turn in &request.turns {
        scribe.turn(turn)?;
    }
    scribe.show()?;
    scribe.messages.close();
    Ok(())
}

struct Scribe<'o, 's> {
    messages: Array<'o>,
    /// Media that tools gave. A tool's message has no place for them; they follow in the next one of the user.
    shown: Vec<Part>,
    /// The model takes thinking back as it gave it.
    thinks: bool,
    losses: &'s mut Losses,
}

impl Scribe<'_, '_> {
    fn turn(&mut self, turn: &Turn) -> Result<()> {
        if turn.name.is_some() {
            self.losses.drop("name");
        }
        match turn.role {
            Role::User => self.user(turn),
            Role::System | Role::Developer => {
                self.show()?;
                if let Some(other) = turn.parts.iter().find(|part| !matches!(part, Part::Text(_))) {
                    let noun = other.noun();
                    return Err(invalid(format!("messages: a system message takes text only at this provider, not {noun}")));
                }
                self.plain("system", &turn.parts)
            }
            Role::Assistant => {
                self.show()?;
                self.assistant(turn)
            }
        }
    }

    fn plain(&mut self, role: &str, parts: &[Part]) -> Result<()> {
        let mut message = Object::open(self.messages.slot()).with("role", role);
        write_content(message.slot("content"), parts)?;
        message.close();
        Ok(())
    }

    /// The results first, each a message of its own; then what else the user said.
    fn user(&mut self, turn: &Turn) -> Result<()> {
        let mut rest = Vec::new();
        for part in &turn.parts {
            match part {
                Part::ToolResult(result) => self.result(result)?,
                other => rest.push(other.clone()),
            }
        }
        if rest.is_empty() && !turn.parts.is_empty() {
            return Ok(());
        }
        let mut parts = std::mem::take(&mut self.shown);
        parts.append(&mut rest);
        self.plain("user", &parts)
    }

    /// Writes the message that shows what tools gave besides text.
    fn show(&mut self) -> Result<()> {
        if self.shown.is_empty() {
            return Ok(());
        }
        let parts = std::mem::take(&mut self.shown);
        self.plain("user", &parts)
    }

    fn result(&mut self, result: &ToolResult) -> Result<()> {
        let mut texts = Vec::new();
        let mut media = Vec::new();
        for part in &result.parts {
            match part {
                Part::Text(text) => texts.push(text.text.clone()),
                Part::Media(part) => match plain_document(part)? {
                    Some(text) => texts.push(text),
                    None => media.push(Part::Media(part.clone())),
                },
                other => return Err(unfit(other)),
            }
        }
        if result.is_error && !texts.first().is_some_and(|text| text.starts_with("Error")) {
            match texts.first_mut() {
                Some(first) => first.insert_str(0, "Error: "),
                None => texts.push("Error".to_owned()),
            }
        }
        if !media.is_empty() {
            self.shown.push(Part::text(format!("What the tool call {} gave:", result.call_id)));
            self.shown.append(&mut media);
        }
        let mut message = Object::open(self.messages.slot()).with("role", "tool").with("tool_call_id", &result.call_id);
        write_texts(message.slot("content"), &texts);
        message.close();
        Ok(())
    }

    fn assistant(&mut self, turn: &Turn) -> Result<()> {
        let mut thoughts: Vec<&Thinking> = Vec::new();
        let mut said: Vec<&str> = Vec::new();
        let mut calls: Vec<&ToolCall> = Vec::new();
        for part in &turn.parts {
            match part {
                Part::Text(text) => said.push(&text.text),
                Part::Refusal(text) => said.push(text),
                Part::Thinking(thinking) if thinking.redacted.is_none() => thoughts.push(thinking),
                Part::Thinking(_) => self.losses.drop("reasoning_content"),
                Part::ToolCall(call) => calls.push(call),
                other => return Err(unfit(other)),
            }
        }
        thoughts.retain(|thinking| !thinking.text.is_empty());
        if !calls.is_empty() {
            said.retain(|text| !text.is_empty());
        }
        let mut plan = String::new();
        if !self.thinks && !thoughts.is_empty() {
            if calls.is_empty() {
                self.losses.drop("reasoning_content");
            }
            plan = thoughts.drain(..).map(|thinking| thinking.text.as_str()).collect();
        }
        let mut message = Object::open(self.messages.slot()).with("role", "assistant");
        if !said.is_empty() || !thoughts.is_empty() || calls.is_empty() {
            write_said(message.slot("content"), &thoughts, &said);
        }
        if !calls.is_empty() {
            message = message.maybe("tool_plan", Some(plan).filter(|plan| !plan.is_empty()));
            let mut list = Array::open(message.slot("tool_calls"));
            calls.iter().for_each(|call| write_call(list.slot(), call));
            list.close();
        }
        message.close();
        Ok(())
    }
}

fn write_said(out: &mut Vec<u8>, thoughts: &[&Thinking], said: &[&str]) {
    if thoughts.is_empty() {
        return write_texts(out, said);
    }
    let mut list = Array::open(out);
    for thinking in thoughts {
        Object::typed(list.slot(), "thinking").with("thinking", &thinking.text).close();
    }
    said.iter().for_each(|text| Object::typed(list.slot(), "text").with("text", *text).close());
    list.close();
}

/// One text is a string, several are blocks.
fn write_texts<T: AsRef<str>>(out: &mut Vec<u8>, texts: &[T]) {
    match texts {
        [] => value(out, ""),
        [only] => value(out, only.as_ref()),
        _ => {
            let mut list = Array::open(out);
            texts.iter().for_each(|text| Object::typed(list.slot(), "text").with("text", text.as_ref()).close());
            list.close();
        }
    }
}

fn write_call(out: &mut Vec<u8>, call: &ToolCall) {
    let arguments = if call.arguments.trim().is_empty() { "{}" } else { &call.arguments };
    let mut object = Object::open(out).with("id", &call.id).with("type", "function");
    Object::open(object.slot("function")).with("name", &call.name).with("arguments", arguments).close();
    object.close();
}

fn write_content(out: &mut Vec<u8>, parts: &[Part]) -> Result<()> {
    match parts {
        [] => value(out, ""),
        [Part::Text(text)] => value(out, &text.text),
        _ => {
            let mut list = Array::open(out);
            for part in parts {
                write_part(list.slot(), part)?;
            }
            list.close();
        }
    }
    Ok(())
}

fn write_part(out: &mut Vec<u8>, part: &Part) -> Result<()> {
    match part {
        Part::Text(text) => Object::typed(out, "text").with("text", &text.text).close(),
        Part::Refusal(text) => Object::typed(out, "text").with("text", text).close(),
        Part::Media(media) => match plain_document(media)? {
            Some(text) => Object::typed(out, "text").with("text", &text).close(),
            None => write_image(out, media)?,
        },
        other => return Err(unfit(other)),
    }
    Ok(())
}

fn write_image(out: &mut Vec<u8>, media: &Media) -> Result<()> {
    let url = match &media.source {
        Source::Inline { media_type, data } if media.kind == MediaKind::Image || media_type.starts_with("image/") => {
            format!("data:{media_type};base64,{data}")
        }
        Source::Url(url) if media.kind == MediaKind::Image => url.clone(),
        _ => return Err(unfit(&Part::Media(media.clone()))),
    };
    let mut part = Object::typed(out, "image_url");
    Object::open(part.slot("image_url")).with("url", &url).maybe("detail", media.detail.as_ref()).close();
    part.close();
    Ok(())
}

/// The text of a file that is nothing but text, under its name.
fn plain_document(media: &Media) -> Result<Option<String>> {
    let text = match &media.source {
        Source::Text(text) => text.clone(),
        Source::Inline { media_type, data } if media.kind == MediaKind::Document && is_text(media_type) => base64::decode(data)
            .and_then(|bytes| String::from_utf8(bytes).ok())
            .ok_or_else(|| invalid("messages: a text file is not base64 of UTF-8 text"))?,
        _ => return Ok(None),
    };
    Ok(Some(match &media.name {
        Some(name) => format!("{name}:\n{text}"),
        None => text,
    }))
}

fn is_text(media_type: &str) -> bool {
    let essence = media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence.starts_with("text/") || matches!(essence.as_str(), "application/json" | "application/xml" | "application/yaml")
}

fn unfit(part: &Part) -> Error {
    let what = match part {
        Part::Media(Media { source: Source::File(_), .. }) => "an uploaded file; send its content instead".to_owned(),
        Part::Media(Media { kind: MediaKind::Document, .. }) => "a file that is not plain text; send its text instead".to_owned(),
        other => format!("content of type `{}` here", other.noun()),
    };
    invalid(format!("messages: this provider does not take {what}"))
}

fn invalid(message: impl Into<String>) -> Error {
    Error::invalid(message).with_param("messages")
}
