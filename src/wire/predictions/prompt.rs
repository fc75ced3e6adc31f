//! A conversation as one text.
//!
//! - System texts, joined by blank lines, are the system prompt.
//! - A conversation of one user turn is that turn's text, as it is.
//! - A longer one is written turn by turn as `User: ...` and `Assistant: ...` with blank lines between, and ends
//!   in `Assistant:`, so that the model goes on there. A last turn of the assistant is left open instead.
//! - Thinking and refusals of earlier turns: thinking is left out, a refusal is what the assistant said.
//! - Tools, images and files have no place in a text: they are errors.

use crate::error::{Error, Result};
use crate::ir::{Losses, Part, Request, Role, Turn};

#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Prompt {
    pub system: Option<String>,
    pub prompt: String,
}

impl Prompt {
    pub fn render(request: &Request, losses: &mut Losses) -> Result<Self> {
        if !request.tools.is_empty() {
            return Err(Error::invalid("tools: this model takes a plain prompt and cannot call tools; leave them out").with_param("tools"));
        }
        let mut system: Vec<String> = Vec::new();
        let mut spoken: Vec<(bool, String)> = Vec::new();
        for (at, turn) in request.turns.iter().enumerate() {
            if turn.name.is_some() {
                losses.drop("name");
            }
            let texts = texts_of(turn, at)?;
            match turn.role {
                Role::System | Role::Developer => system.extend(texts.into_iter().filter(|text| !text.is_empty()).map(str::to_owned)),
                Role::User => join(&mut spoken, false, texts.join("\n")),
                // The model's words may come in the pieces that it was heard in.
                Role::Assistant => join(&mut spoken, true, texts.concat()),
            }
        }
        if spoken.is_empty() {
            return Err(Error::invalid("messages: at least one message with content is required").with_param("messages"));
        }
        Ok(Self { system: (!system.is_empty()).then(|| system.join("\n\n")), prompt: written(spoken) })
    }
}

fn join(spoken: &mut Vec<(bool, String)>, assistant: bool, text: String) {
    match spoken.last_mut() {
        _ if text.is_empty() => {}
        Some((last, before)) if *last == assistant => {
            before.push_str("\n\n");
            before.push_str(&text);
        }
        _ => spoken.push((assistant, text)),
    }
}

fn written(spoken: Vec<(bool, String)>) -> String {
    if let [(false, only)] = spoken.as_slice() {
        return only.clone();
    }
    let open = spoken.last().is_some_and(|(assistant, _)| *assistant);
    let speaker = |assistant: bool| if assistant { "Assistant:" } else { "User:" };
    let mut turns: Vec<String> = spoken.into_iter().map(|(assistant, text)| format!("{} {text}", speaker(assistant))).collect();
    if !open {
        turns.push(speaker(true).to_owned());
    }
    turns.join("\n\n")
}

fn texts_of(turn: &Turn, at: usize) -> Result<Vec<&str>> {
    let mut texts: Vec<&str> = Vec::new();
    for (place, part) in turn.parts.iter().enumerate() {
        match part {
            Part::Text(text) => texts.push(&text.text),
            Part::Refusal(words) => texts.push(words),
            Part::Thinking(_) => {}
            other => {
                let path = format!("messages.{at}.content.{place}");
                let words = format!("{path}: this model takes a plain prompt, in which a part of kind {} has no place", other.noun());
                return Err(Error::invalid(words).with_param(path));
            }
        }
    }
    Ok(texts)
}
