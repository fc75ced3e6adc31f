//! The conversation, from the wire: a list of items becomes turns.

use serde_json::value::RawValue;

use super::content;
use crate::error::{Error, Result};
use crate::ir::{Native, Part, Role, Thinking, ToolCall, ToolResult, Turn};
use crate::wire::fields::{Fields, is_string, items, plain, wrong};
use crate::wire::responses::item::thinking;

pub(super) fn decode(raw: &RawValue, instructions: Option<String>) -> Result<Vec<Turn>> {
    let mut turns: Vec<Turn> =
        instructions.filter(|text| !text.is_empty()).map(|text| spoken(Role::System, vec![Part::text(text)])).into_iter().collect();
    if is_string(raw) {
        turns.push(spoken(Role::User, vec![Part::text(plain::<String>(raw, "input", "a string")?)]));
        return Ok(turns);
    }
    let list = items(raw, "input").map_err(|_| wrong("input", "a string or an array of items"))?;
    for (at, raw) in list.into_iter().enumerate() {
        let (said, joins) = item(raw, format!("input.{at}"))?;
        match turns.last_mut() {
            Some(last) if joins && continues(last, said.role) => last.parts.extend(said.parts),
            _ => turns.push(said),
        }
    }
    turns.retain(|turn| !turn.parts.is_empty());
    Ok(turns)
}

fn spoken(role: Role, parts: Vec<Part>) -> Turn {
    Turn { role, parts, name: None }
}

/// What the model said in one go is one turn, and so are the outputs of its calls.
fn continues(last: &Turn, role: Role) -> bool {
    let outputs = || last.parts.iter().all(|part| matches!(part, Part::ToolResult(_) | Part::Native(_)));
    last.role == role && (role == Role::Assistant || outputs())
}

/// An item as a turn, and whether it may join the one before it.
fn item(raw: &RawValue, path: String) -> Result<(Turn, bool)> {
    let mut fields = Fields::of(raw, path)?;
    let kind = fields.text("type")?;
    let part = match kind.as_deref() {
        Some("message") | None => return message(fields),
        Some("function_call") => Part::ToolCall(call(fields)?),
        Some("function_call_output") => return Ok((spoken(Role::User, vec![Part::ToolResult(output(fields)?)]), true)),
        Some("reasoning") => match thought(fields)? {
            Some(thinking) => Part::Thinking(thinking),
            None => return Ok((spoken(Role::Assistant, Vec::new()), true)),
        },
        Some("item_reference") => {
            let path = fields.path_of("id");
            let message = format!(
                "{path}: nothing is stored here that an item_reference could mean; send the whole item (client libraries do when `store` is false)"
            );
            return Err(Error::invalid(message).with_param(path));
        }
        Some(other) => {
            let answers = other.ends_with("_output") || other.ends_with("_response");
            let native = Part::Native(Native { kind: other.to_owned(), raw: raw.to_owned() });
            return Ok((spoken(if answers { Role::User } else { Role::Assistant }, vec![native]), true));
        }
    };
    Ok((spoken(Role::Assistant, vec![part]), true))
}

fn message(mut fields: Fields<'_>) -> Result<(Turn, bool)> {
    let role = match fields.required_text("role")?.as_str() {
        "user" => Role::User,
        "assistant" => Role::Assistant,
        "system" => Role::System,
        "developer" => Role::Developer,
        other => {
            let path = fields.path_of("role");
            let message = format!("{path}: there is no role `{other}`; it may be user, assistant, system or developer");
            return Err(Error::invalid(message).with_param(path));
        }
    };
    let path = fields.path_of("content");
    let said = fields.take("content");
    let parts = content::decode(fields.required("content", said)?, &path)?;
    Ok((spoken(role, parts), role == Role::Assistant))
}

fn call(mut fields: Fields<'_>) -> Result<ToolCall> {
    let id = fields.required_text("call_id")?;
    let name = fields.required_text("name")?;
    Ok(ToolCall { id, name, arguments: fields.required_text("arguments")?, cache: None })
}

fn output(mut fields: Fields<'_>) -> Result<ToolResult> {
    let call_id = fields.required_text("call_id")?;
    let path = fields.path_of("output");
    let told = fields.take("output");
    let parts = content::decode(fields.required("output", told)?, &path)?;
    Ok(ToolResult { call_id, parts, is_error: false, cache: None })
}

/// Thinking with its proof. One without either is kept by its provider, and says nothing to another.
fn thought(mut fields: Fields<'_>) -> Result<Option<Thinking>> {
    let id = fields.text("id")?.unwrap_or_default();
    let mut told = Vec::new();
    for list in ["summary", "content"] {
        let path = fields.path_of(list);
        for (at, raw) in fields.items(list)?.unwrap_or_default().into_iter().enumerate() {
            told.push(Fields::of(raw, format!("{path}.{at}"))?.required_text("text")?);
        }
    }
    let text = told.join("\n\n");
    let encrypted = fields.text("encrypted_content")?.unwrap_or_default();
    let thinking = thinking(&id, &encrypted, text);
    Ok((!thinking.text.is_empty() || thinking.signature.is_some() || thinking.redacted.is_some()).then_some(thinking))
}
