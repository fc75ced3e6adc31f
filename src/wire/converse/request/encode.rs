use super::settings::Settings;
use super::turns::{Conversation, mark};
use crate::error::{Error, Result};
use crate::ir::{Format, Losses, Request, Tool, ToolChoice};
use crate::wire::Abilities;
use crate::wire::json::{Array, Object};

/// Stands in for a JSON mode, which this dialect lacks.
const JSON_ONLY: &str = "Answer with one JSON object and nothing else.";
/// Tools that a history names, where the caller declares none any more.
const GONE: &str = "No longer available.";

pub fn encode_request(request: &Request, abilities: &Abilities, losses: &mut Losses) -> Result<Vec<u8>> {
    let conversation = Conversation::of(request, losses)?;
    let settings = Settings::of(request, abilities, losses);
    let mut body = Vec::with_capacity(1_024);
    let mut object = Object::open(&mut body);
    conversation.write_messages(object.slot("messages"))?;
    conversation.write_system(&mut object, matches!(request.format, Format::JsonObject).then_some(JSON_ONLY));
    settings.write(&mut object, &request.stop);
    write_tools(&mut object, request, conversation.calls, losses)?;
    write_format(&mut object, request, abilities, losses);
    name_losses(request, losses)?;
    object.close();
    Ok(body)
}

fn write_tools(object: &mut Object<'_>, request: &Request, called: bool, losses: &mut Losses) -> Result<()> {
    let forbidden = request.tool_choice == Some(ToolChoice::None);
    if forbidden && called && !request.tools.is_empty() {
        losses.drop("tool_choice");
    }
    if !called && (request.tools.is_empty() || forbidden) {
        return Ok(());
    }
    let mut config = Object::open(object.slot("toolConfig"));
    let mut tools = Array::open(config.slot("tools"));
    for tool in &request.tools {
        write_tool(&mut tools, tool)?;
    }
    if request.tools.is_empty() {
        for name in called_names(request) {
            let gone = Tool::Function { name, description: Some(GONE.to_owned()), parameters: None, strict: None, cache: None };
            write_tool(&mut tools, &gone)?;
        }
    }
    tools.close();
    if !request.tools.is_empty() {
        match &request.tool_choice {
            None | Some(ToolChoice::None) => {}
            Some(ToolChoice::Auto) => choose(&mut config, |choice| Object::open(choice.slot("auto")).close()),
            Some(ToolChoice::Required) => choose(&mut config, |choice| Object::open(choice.slot("any")).close()),
            Some(ToolChoice::Function(name)) => choose(&mut config, |choice| Object::open(choice.slot("tool")).with("name", name).close()),
        }
    }
    config.close();
    Ok(())
}

fn choose(config: &mut Object<'_>, write: impl FnOnce(&mut Object<'_>)) {
    let mut choice = Object::open(config.slot("toolChoice"));
    write(&mut choice);
    choice.close();
}

fn write_tool(tools: &mut Array<'_>, tool: &Tool) -> Result<()> {
    let Tool::Function { name, description, parameters, strict, cache } = tool else {
        let kind = if let Tool::Native { kind, .. } = tool { kind } else { "" };
        return Err(Error::invalid(format!("tools: a tool of type \"{kind}\" cannot be sent to this provider")).with_param("tools"));
    };
    let mut entry = Object::open(tools.slot());
    let description = description.as_ref().filter(|text| !text.is_empty());
    let mut spec = Object::open(entry.slot("toolSpec")).with("name", name).maybe("description", description);
    let mut schema = Object::open(spec.slot("inputSchema"));
    match parameters {
        Some(parameters) => schema = schema.with("json", parameters),
        None => schema.slot("json").extend_from_slice(br#"{"type":"object","properties":{}}"#),
    }
    schema.close();
    spec.maybe("strict", strict.filter(|strict| *strict)).close();
    entry.close();
    mark(tools, cache.as_ref());
    Ok(())
}

fn called_names(request: &Request) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for part in request.turns.iter().flat_map(|turn| &turn.parts) {
        if let crate::ir::Part::ToolCall(call) = part
            && !names.contains(&call.name)
        {
            names.push(call.name.clone());
        }
    }
    names
}

fn write_format(object: &mut Object<'_>, request: &Request, abilities: &Abilities, losses: &mut Losses) {
    let Format::JsonSchema { name, description, schema, .. } = &request.format else { return };
    if !abilities.json_schema {
        return losses.drop("response_format");
    }
    let mut config = Object::open(object.slot("outputConfig"));
    let mut format = Object::typed(config.slot("textFormat"), "json_schema");
    let mut structure = Object::open(format.slot("structure"));
    let named = Object::open(structure.slot("jsonSchema")).with("name", name.as_deref().unwrap_or("answer"));
    named.maybe("description", description.as_ref()).with("schema", schema.get()).close();
    structure.close();
    format.close();
    config.close();
}

/// Knobs that the dialect lacks are named; those that change what an answer is are refused.
fn name_losses(request: &Request, losses: &mut Losses) -> Result<()> {
    let knobs = [
        ("frequency_penalty", request.frequency_penalty.is_some()),
        ("presence_penalty", request.presence_penalty.is_some()),
        ("seed", request.seed.is_some()),
        ("user", request.user.is_some()),
        ("parallel_tool_calls", request.parallel_tools == Some(false)),
    ];
    knobs.into_iter().filter(|(_, given)| *given).for_each(|(name, _)| losses.drop(name));
    for (name, raw) in &request.extras {
        match name.as_str() {
            "n" if raw.get() == "1" => {}
            "n" => return Err(Error::invalid("n: this provider gives one answer per request; send n=1 or call it n times").with_param("n")),
            "audio" => return Err(Error::invalid("audio: this provider does not answer with audio; ask for text").with_param("audio")),
            "modalities" if !raw.get().contains("\"audio\"") => {}
            _ => losses.drop(name.as_str()),
        }
    }
    Ok(())
}
