use super::parts::{Place, write_contents};
use super::settings::{Situation, write_settings};
use super::turns::arrange;
use crate::error::{Error, Result};
use crate::ir::{Losses, Part, Raw, Request, Tool, ToolChoice};
use crate::wire::json::{Array, Object, value};
use crate::wire::{Abilities, ThinkingStyle};

/// The body alone: the model and whether to stream stand in the address.
pub fn encode_request(request: &Request, same_dialect: bool, abilities: &Abilities, losses: &mut Losses) -> Result<Vec<u8>> {
    let conversation = arrange(request, abilities, losses)?;
    let mut body = Vec::with_capacity(1_024);
    let mut object = Object::open(&mut body);
    let place = Place { same_dialect, nested_media: abilities.thinking == ThinkingStyle::Effort };
    write_contents(object.slot("contents"), &conversation.contents, place)?;
    if !conversation.system.is_empty() {
        write_system(object.slot("systemInstruction"), &conversation.system);
    }
    if !request.tools.is_empty() {
        write_tools(object.slot("tools"), request, same_dialect, losses)?;
        write_choice(&mut object, request, same_dialect);
    }
    let mut config = Vec::new();
    write_settings(&mut config, request, &Situation { same_dialect, abilities }, losses)?;
    if config != b"{}" {
        object.slot("generationConfig").append(&mut config);
    }
    name_foreign_knobs(request, losses);
    if same_dialect {
        object = own_extras(request).fold(object, |object, (name, raw)| object.with(name, raw));
    } else {
        check_foreign_extras(request, losses)?;
    }
    object.close();
    Ok(body)
}

fn write_system(out: &mut Vec<u8>, texts: &[&Part]) {
    let mut system = Object::open(out);
    let mut parts = Array::open(system.slot("parts"));
    for part in texts {
        if let Part::Text(text) = part {
            Object::open(parts.slot()).with("text", &text.text).close();
        }
    }
    parts.close();
    system.close();
}

fn write_tools(out: &mut Vec<u8>, request: &Request, same_dialect: bool, losses: &mut Losses) -> Result<()> {
    let mut tools = Array::open(out);
    let mut declared = Vec::new();
    let mut declarations = Array::open(&mut declared);
    for tool in &request.tools {
        match tool {
            Tool::Function { name, description, parameters, strict, .. } => {
                if *strict == Some(true) {
                    losses.drop("strict");
                }
                let schema = parameters.as_ref().filter(|schema| !is_empty_object(schema));
                let declaration = Object::open(declarations.slot()).with("name", name).maybe("description", description.as_ref());
                let declaration = declaration.maybe("parametersJsonSchema", schema);
                with_marks(declaration, request, same_dialect, &format!("tools.{name}.")).close();
            }
            Tool::Native { raw, .. } if same_dialect => value(tools.slot(), raw),
            Tool::Native { kind, .. } => {
                let message = format!("tools: a tool of type \"{kind}\" cannot be sent to this provider");
                return Err(Error::invalid(message).with_param("tools"));
            }
        }
    }
    declarations.close();
    if declared != b"[]" {
        let mut tool = Object::open(tools.slot());
        tool.slot("functionDeclarations").append(&mut declared);
        tool.close();
    }
    tools.close();
    Ok(())
}

fn is_empty_object(schema: &Raw) -> bool {
    schema.get().bytes().filter(|byte| !byte.is_ascii_whitespace()).eq(*b"{}")
}

fn write_choice(object: &mut Object<'_>, request: &Request, same_dialect: bool) {
    let marked = same_dialect && request.extras.iter().any(|(name, _)| name.starts_with("toolConfig."));
    if request.tool_choice.is_none() && !marked {
        return;
    }
    let mut config = Object::open(object.slot("toolConfig"));
    if let Some(choice) = &request.tool_choice {
        let calling = Object::open(config.slot("functionCallingConfig"));
        match choice {
            ToolChoice::Auto => calling.with("mode", "AUTO"),
            ToolChoice::Required => calling.with("mode", "ANY"),
            ToolChoice::None => calling.with("mode", "NONE"),
            ToolChoice::Function(name) => calling.with("mode", "ANY").with("allowedFunctionNames", &[name]),
        }
        .close();
    }
    with_marks(config, request, same_dialect, "toolConfig.").close();
}

/// The object with the extras that belong inside it.
pub(super) fn with_marks<'o>(object: Object<'o>, request: &Request, same_dialect: bool, prefix: &str) -> Object<'o> {
    let extras = if same_dialect { request.extras.as_slice() } else { &[] };
    let marks = extras.iter().filter_map(|(name, raw)| Some((name.strip_prefix(prefix)?, raw)));
    marks.fold(object, |object, (name, raw)| object.with(name, raw))
}

fn own_extras(request: &Request) -> impl Iterator<Item = (&str, &Raw)> {
    let inner =
        |name: &str| name == "modalities" || ["generationConfig.", "toolConfig.", "tools."].iter().any(|prefix| name.starts_with(prefix));
    request.extras.iter().filter(move |(name, _)| !inner(name)).map(|(name, raw)| (name.as_str(), raw))
}

fn name_foreign_knobs(request: &Request, losses: &mut Losses) {
    // That calls may be parallel goes without saying.
    let knobs = [
        ("parallel_tool_calls", request.parallel_tools == Some(false)),
        ("user", request.user.is_some()),
        ("detail", request.has_detail()),
    ];
    knobs.into_iter().filter(|(_, given)| *given).for_each(|(name, _)| losses.drop(name));
}

/// Extras of another dialect: those that change what an answer is are refused, the rest are named.
fn check_foreign_extras(request: &Request, losses: &mut Losses) -> Result<()> {
    for (name, raw) in &request.extras {
        match name.as_str() {
            "n" if !request.stream => {}
            "n" => {
                let message = "n: this provider streams one answer; send n=1, call it n times, or do not stream";
                return Err(Error::invalid(message).with_param("n"));
            }
            "modalities" if raw.get().contains("\"audio\"") => return Err(audio(name)),
            "modalities" => {}
            "audio" => return Err(audio(name)),
            _ => losses.drop(name.as_str()),
        }
    }
    Ok(())
}

fn audio(name: &str) -> Error {
    Error::invalid(format!("{name}: this provider's answers in audio cannot be translated; ask for text")).with_param(name)
}
