//! Tools and the choice among them.

use super::settings::Settings;
use super::turns::{Conversation, mark};
use crate::error::{Error, Result};
use crate::ir::{Losses, Part, Request, Tool, ToolChoice};
use crate::wire::Abilities;
use crate::wire::json::{Array, Object};

/// Tools that a history names, where the caller declares none any more.
const GONE: &str = "No longer available.";

pub(super) fn write_tools(
    object: &mut Object<'_>,
    request: &Request,
    conversation: &Conversation<'_>,
    settings: &Settings,
    abilities: &Abilities,
    losses: &mut Losses,
) -> Result<()> {
    let forbidden = request.tool_choice == Some(ToolChoice::None);
    if !conversation.calls && (request.tools.is_empty() || forbidden) {
        return Ok(());
    }
    // A history with calls is refused without tools, and no choice forbids them.
    if forbidden && !request.tools.is_empty() {
        losses.drop("tool_choice");
    }
    let mut config = Object::open(object.slot("toolConfig"));
    let mut tools = Array::open(config.slot("tools"));
    for tool in &request.tools {
        write_tool(&mut tools, tool, conversation.caches, abilities, losses)?;
    }
    if request.tools.is_empty() {
        for name in called_names(request) {
            let gone = Tool::Function { name, description: Some(GONE.to_owned()), parameters: None, strict: None, cache: None };
            write_tool(&mut tools, &gone, conversation.caches, abilities, losses)?;
        }
    }
    tools.close();
    if !request.tools.is_empty() && !settings.single_calls {
        write_choice(&mut config, request.tool_choice.as_ref());
    }
    config.close();
    Ok(())
}

fn write_choice(config: &mut Object<'_>, choice: Option<&ToolChoice>) {
    let (word, name) = match choice {
        None | Some(ToolChoice::None) => return,
        Some(ToolChoice::Auto) => ("auto", None),
        Some(ToolChoice::Required) => ("any", None),
        Some(ToolChoice::Function(name)) => ("tool", Some(name)),
    };
    let mut choice = Object::open(config.slot("toolChoice"));
    Object::open(choice.slot(word)).maybe("name", name).close();
    choice.close();
}

fn write_tool(tools: &mut Array<'_>, tool: &Tool, caches: bool, abilities: &Abilities, losses: &mut Losses) -> Result<()> {
    let (name, description, parameters, strict, cache) = match tool {
        Tool::Function { name, description, parameters, strict, cache } => (name, description, parameters, strict, cache),
        Tool::Native { kind, .. } => {
            return Err(Error::invalid(format!("tools: a tool of type \"{kind}\" cannot be sent to this provider")).with_param("tools"));
        }
    };
    let mut entry = Object::open(tools.slot());
    let description = description.as_ref().filter(|text| !text.trim().is_empty());
    let mut spec = Object::open(entry.slot("toolSpec")).with("name", name).maybe("description", description);
    let mut schema = Object::open(spec.slot("inputSchema"));
    match parameters {
        Some(parameters) => schema = schema.with("json", parameters),
        None => schema.slot("json").extend_from_slice(br#"{"type":"object","properties":{}}"#),
    }
    schema.close();
    let strict = strict.filter(|strict| *strict);
    // A model that can be held to a schema for its answer can be for its calls; any other refuses the word.
    if strict.is_some() && !abilities.json_schema {
        losses.drop("strict");
    }
    spec.maybe("strict", strict.filter(|_| abilities.json_schema)).close();
    entry.close();
    mark(tools, cache.as_ref().filter(|_| caches));
    Ok(())
}

/// The tools that were called, and those of whose calls only the results are left.
fn called_names(request: &Request) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for part in request.turns.iter().flat_map(|turn| &turn.parts) {
        if let Part::ToolCall(call) = part
            && !names.contains(&call.name)
        {
            names.push(call.name.clone());
        }
    }
    if names.is_empty() {
        names.push("unknown".to_owned());
    }
    names
}
