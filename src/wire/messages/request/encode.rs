use std::borrow::Cow;

use super::settings::{Settings, Thinking};
use super::turns::arrange;
use crate::error::{Error, Result};
use crate::ir::{Format, Losses, Raw, Request, Tool, ToolChoice};
use crate::wire::Abilities;
use crate::wire::claude::Sampling;
use crate::wire::family::refuse_or_name;
use crate::wire::json::{Array, Object, value};

/// Stands in for a JSON mode, which this dialect lacks.
const JSON_ONLY: &str = "Answer with one JSON object and nothing else.";

pub fn encode_request(request: &Request, same_dialect: bool, abilities: &Abilities, losses: &mut Losses) -> Result<Vec<u8>> {
    let conversation = arrange(request, same_dialect, losses)?;
    let settings = Settings::of(request, &conversation, same_dialect, abilities, losses);
    let mut body = Vec::with_capacity(1_024);
    let mut object = Object::open(&mut body).with("model", &request.model).with("max_tokens", &settings.max_tokens);
    let closing = closing(request, same_dialect, abilities);
    if closing.is_some() || !conversation.system.is_empty() {
        conversation.write_system(object.slot("system"), closing.as_deref());
    }
    conversation.write_messages(object.slot("messages"), same_dialect)?;
    if !request.tools.is_empty() {
        write_tools(object.slot("tools"), request, same_dialect)?;
        write_choice(&mut object, request);
    }
    write_thinking(&mut object, &settings, request, same_dialect);
    write_output(&mut object, &settings, request, same_dialect, abilities, losses);
    let Sampling { temperature, top_p, top_k } = settings.sampling;
    object = object.maybe("temperature", temperature).maybe("top_p", top_p).maybe("top_k", top_k);
    write_stop(&mut object, request, same_dialect, losses);
    if let Some(user) = &request.user {
        Object::open(object.slot("metadata")).with("user_id", user).close();
    }
    object = object.maybe("stream", request.stream.then_some(true));
    name_foreign_knobs(request, losses);
    if same_dialect {
        object = own_extras(request).fold(object, |object, (name, raw)| object.with(name, raw));
    } else {
        request.extras.iter().try_for_each(|(name, raw)| refuse_or_name(name, raw, losses))?;
    }
    object.close();
    Ok(body)
}

/// One more system text, where the answer's form cannot be told otherwise.
fn closing<'r>(request: &'r Request, same_dialect: bool, abilities: &Abilities) -> Option<Cow<'r, str>> {
    match &request.format {
        Format::JsonSchema { schema, .. } if !abilities.json_schema && !same_dialect => {
            Some(Cow::Owned(format!("{JSON_ONLY} It must be valid by this JSON schema:\n{}", schema.get())))
        }
        Format::JsonObject => Some(Cow::Borrowed(JSON_ONLY)),
        Format::Text | Format::JsonSchema { .. } => None,
    }
}

fn write_tools(out: &mut Vec<u8>, request: &Request, same_dialect: bool) -> Result<()> {
    let mut array = Array::open(out);
    for tool in &request.tools {
        match tool {
            Tool::Function { name, description, parameters, strict, cache } => {
                let mut object = Object::open(array.slot()).with("name", name).maybe("description", description.as_ref());
                match parameters {
                    Some(schema) => object = object.with("input_schema", schema),
                    None => object.slot("input_schema").extend_from_slice(br#"{"type":"object","properties":{}}"#),
                }
                object = object.maybe("strict", *strict).maybe("cache_control", cache.as_ref());
                with_marks(object, request, same_dialect, &format!("tools.{name}.")).close();
            }
            Tool::Native { raw, .. } if same_dialect => value(array.slot(), raw),
            Tool::Native { kind, .. } => {
                let message = format!("tools: a tool of type \"{kind}\" cannot be sent to this provider");
                return Err(Error::invalid(message).with_param("tools"));
            }
        }
    }
    array.close();
    Ok(())
}

fn write_choice(object: &mut Object<'_>, request: &Request) {
    let single = (request.parallel_tools == Some(false)).then_some(true);
    let choice = match (&request.tool_choice, single) {
        (Some(choice), _) => choice,
        (None, Some(_)) => &ToolChoice::Auto,
        (None, None) => return,
    };
    let slot = object.slot("tool_choice");
    let choice = match choice {
        ToolChoice::Auto => Object::typed(slot, "auto"),
        ToolChoice::Required => Object::typed(slot, "any"),
        ToolChoice::None => return Object::typed(slot, "none").close(),
        ToolChoice::Function(name) => Object::typed(slot, "tool").with("name", name),
    };
    choice.maybe("disable_parallel_tool_use", single).close();
}

fn write_thinking(object: &mut Object<'_>, settings: &Settings, request: &Request, same_dialect: bool) {
    let (kind, budget) = match settings.thinking {
        Thinking::Unsaid => return,
        Thinking::Disabled => ("disabled", None),
        Thinking::Adaptive => ("adaptive", None),
        Thinking::Enabled { budget } => ("enabled", Some(budget)),
    };
    let thinking = Object::typed(object.slot("thinking"), kind).maybe("budget_tokens", budget);
    with_marks(thinking, request, same_dialect, "thinking.").close();
}

fn write_output(
    object: &mut Object<'_>,
    settings: &Settings,
    request: &Request,
    same_dialect: bool,
    abilities: &Abilities,
    losses: &mut Losses,
) {
    let schema = match &request.format {
        Format::JsonSchema { schema, .. } if abilities.json_schema => Some(schema),
        Format::JsonSchema { .. } => {
            losses.drop(if same_dialect { "output_config.format" } else { "response_format" });
            None
        }
        Format::Text | Format::JsonObject => None,
    };
    let marked = same_dialect && request.extras.iter().any(|(name, _)| name.starts_with("output_config."));
    if settings.effort.is_none() && schema.is_none() && !marked {
        return;
    }
    let mut output = Object::open(object.slot("output_config")).maybe("effort", settings.effort);
    if let Some(schema) = schema {
        Object::typed(output.slot("format"), "json_schema").with("schema", schema).close();
    }
    with_marks(output, request, same_dialect, "output_config.").close();
}

fn write_stop(object: &mut Object<'_>, request: &Request, same_dialect: bool, losses: &mut Losses) {
    let visible: Vec<&String> = request.stop.iter().filter(|stop| !stop.trim().is_empty()).collect();
    if visible.len() < request.stop.len() {
        losses.drop(if same_dialect { "stop_sequences" } else { "stop" });
    }
    if !visible.is_empty() {
        value(object.slot("stop_sequences"), &visible);
    }
}

/// The object with the extras that belong inside it.
fn with_marks<'o>(object: Object<'o>, request: &Request, same_dialect: bool, prefix: &str) -> Object<'o> {
    let extras = if same_dialect { request.extras.as_slice() } else { &[] };
    let marks = extras.iter().filter_map(|(name, raw)| Some((name.strip_prefix(prefix)?, raw)));
    marks.fold(object, |object, (name, raw)| object.with(name, raw))
}

fn own_extras(request: &Request) -> impl Iterator<Item = (&str, &Raw)> {
    let inner = |name: &str| ["thinking.", "output_config.", "tools."].iter().any(|prefix| name.starts_with(prefix));
    request.extras.iter().filter(move |(name, _)| !inner(name)).map(|(name, raw)| (name.as_str(), raw))
}

fn name_foreign_knobs(request: &Request, losses: &mut Losses) {
    let knobs = [
        ("frequency_penalty", request.frequency_penalty.is_some()),
        ("presence_penalty", request.presence_penalty.is_some()),
        ("seed", request.seed.is_some()),
        ("detail", request.has_detail()),
    ];
    knobs.into_iter().filter(|(_, given)| *given).for_each(|(name, _)| losses.drop(name));
}
