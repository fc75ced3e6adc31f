//! The conversation as a provider of this dialect takes it.

use std::borrow::Cow;

use super::write_content::{write_content, write_part};
use crate::error::{Error, Result};
use crate::ir::{Losses, Part, Role, Thinking, ToolCall, ToolResult, Turn};
use crate::wire::json::{Array, Object, value};
use crate::wire::responses::item::own_proof;
use crate::wire::responses::write::{arguments, write_reasoning};
use crate::wire::{Abilities, ThinkingStyle};

/// The instructions, if the conversation begins with any, and the turns that are left.
pub(super) fn split(turns: &[Turn]) -> (Option<String>, &[Turn]) {
    let count = turns.iter().take_while(|turn| plain_system(turn).is_some()).count();
    let (leading, rest) = turns.split_at_checked(count).unwrap_or((&[], turns));
    // Without any other turn they are the input itself: one is demanded.
    if leading.is_empty() || rest.is_empty() {
        return (None, turns);
    }
    let texts: Vec<String> = leading.iter().filter_map(plain_system).collect();
    (Some(texts.join("\n\n")), rest)
}

fn plain_system(turn: &Turn) -> Option<String> {
    let text = |part: &Part| if let Part::Text(text) = part { Some(text.text.clone()) } else { None };
    let texts: Option<Vec<String>> = turn.parts.iter().map(text).collect();
    texts.filter(|_| turn.role == Role::System).map(|texts| texts.join("\n\n"))
}

/// How the turns are to be written, and where what is lost is noted.
pub(super) struct Scribe<'s> {
    pub same_dialect: bool,
    pub abilities: &'s Abilities,
    pub losses: &'s mut Losses,
}

pub(super) fn refused(words: impl std::fmt::Display) -> Error {
    Error::invalid(format!("messages: {words}")).with_param("messages")
}

impl Scribe<'_> {
    pub fn write(&mut self, out: &mut Vec<u8>, turns: &[Turn]) -> Result<()> {
        if turns.is_empty() {
            return Err(refused("at least one message with content is required"));
        }
        let mut input = Array::open(out);
        for turn in turns {
            if turn.name.is_some() {
                self.losses.drop("name");
            }
            match turn.role {
                Role::System => self.message(&mut input, "system", turn)?,
                Role::Developer if self.abilities.developer_role => self.message(&mut input, "developer", turn)?,
                Role::Developer => self.message(&mut input, "system", turn)?,
                Role::User => self.message(&mut input, "user", turn)?,
                Role::Assistant => self.assistant(&mut input, turn)?,
            }
        }
        input.close();
        Ok(())
    }

    /// The outputs of calls first, each an item of its own; then what else is said.
    fn message(&mut self, input: &mut Array<'_>, role: &str, turn: &Turn) -> Result<()> {
        let mut said: Vec<&Part> = Vec::new();
        for part in &turn.parts {
            match part {
                Part::ToolResult(result) => self.output(input, result)?,
                Part::Native(native) if self.same_dialect => value(input.slot(), &native.raw),
                other => said.push(other),
            }
        }
        if said.is_empty() && !turn.parts.is_empty() {
            return Ok(());
        }
        let mut message = Object::open(input.slot()).with("role", role);
        write_content(message.slot("content"), &said)?;
        message.close();
        Ok(())
    }

    fn output(&mut self, input: &mut Array<'_>, result: &ToolResult) -> Result<()> {
        let mut output = Object::typed(input.slot(), "function_call_output").with("call_id", &result.call_id);
        let text = |part: &Part| if let Part::Text(text) = part { Some(text.text.clone()) } else { None };
        let texts: Option<Vec<String>> = result.parts.iter().map(text).collect();
        let slot = output.slot("output");
        match texts.map(|texts| texts.concat()) {
            Some(text) if result.is_error && !text.starts_with("Error") => value(slot, &format!("Error: {text}")),
            Some(text) => value(slot, &text),
            None => {
                let mut list = Array::open(slot);
                if result.is_error {
                    Object::typed(list.slot(), "input_text").with("text", "Error:").close();
                }
                for part in &result.parts {
                    write_part(list.slot(), part)?;
                }
                list.close();
            }
        }
        output.close();
        Ok(())
    }

    fn assistant(&mut self, input: &mut Array<'_>, turn: &Turn) -> Result<()> {
        let mut said: Vec<&str> = Vec::new();
        for part in &turn.parts {
            if !matches!(part, Part::Text(_) | Part::Refusal(_)) {
                speak(input, &mut said);
            }
            match part {
                Part::Text(text) => said.push(&text.text),
                Part::Refusal(text) => said.push(text),
                Part::Thinking(thinking) => self.thinking(input, thinking),
                Part::ToolCall(call) => write_call(input.slot(), call),
                Part::Native(native) if self.same_dialect => value(input.slot(), &native.raw),
                other => return Err(unfit(other.noun())),
            }
        }
        speak(input, &mut said);
        Ok(())
    }

    /// What the model thought before goes back where it can prove to be its own.
    fn thinking(&mut self, input: &mut Array<'_>, thinking: &Thinking) {
        let told = thinking.redacted.as_deref().or(thinking.signature.as_deref());
        match told.and_then(own_proof).filter(|_| self.abilities.thinking != ThinkingStyle::None) {
            Some((id, encrypted)) => write_reasoning(input.slot(), id, &thinking.text, Some(encrypted)),
            None if thinking.is_bare_proof() => {}
            None => self.losses.drop("thinking"),
        }
    }
}

/// What the model said in a row is one message.
fn speak(input: &mut Array<'_>, said: &mut Vec<&str>) {
    let text: Cow<'_, str> = match said.as_slice() {
        [only] => Cow::Borrowed(*only),
        texts => Cow::Owned(texts.concat()),
    };
    if !text.is_empty() {
        Object::open(input.slot()).with("role", "assistant").with("content", &text).close();
    }
    said.clear();
}

fn write_call(out: &mut Vec<u8>, call: &ToolCall) {
    Object::typed(out, "function_call")
        .with("call_id", &call.id)
        .with("name", &call.name)
        .with("arguments", arguments(&call.arguments))
        .close();
}

fn unfit(noun: &str) -> Error {
    refused(format!("a `{noun}` in an assistant's message cannot be sent to this provider"))
}
