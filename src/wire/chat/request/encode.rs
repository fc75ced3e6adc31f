use super::custom_names;
use super::messages::write_messages;
use crate::error::{Error, Result};
use crate::ir::{Effort, Format, Losses, Reasoning, Request, Tool, ToolChoice};
use crate::wire::family::in_chat;
use crate::wire::json::{Array, Object, value};
use crate::wire::{Abilities, ThinkingStyle};

/// The most stop sequences this dialect takes.
const MOST_STOPS: usize = 4;

pub fn encode_request(request: &Request, same_dialect: bool, abilities: &Abilities, losses: &mut Losses) -> Result<Vec<u8>> {
    let mut body = Vec::with_capacity(2_048);
    let mut object = Object::open(&mut body).with("model", &request.model);
    write_messages(object.slot("messages"), request, same_dialect, abilities, losses)?;
    let mut object = write_tools(object, request, same_dialect)?;
    object = write_sampling(object, request, same_dialect, abilities, losses);
    let bound = if abilities.completion_bound { "max_completion_tokens" } else { "max_tokens" };
    object = object.maybe(bound, request.max_tokens);
    if !request.stop.is_empty() {
        if request.stop.len() > MOST_STOPS {
            losses.drop(if same_dialect { "stop" } else { "stop_sequences" });
        }
        let kept: Vec<&String> = request.stop.iter().take(MOST_STOPS).collect();
        object = object.with("stop", &kept);
    }
    object = write_format(object, &request.format, abilities, losses);
    object = write_reasoning(object, request, same_dialect, abilities, losses);
    object = object.maybe("user", request.user.as_ref());
    if request.stream {
        object = object.with("stream", &true);
        // What a stream used must be known, whether or not the caller wants to see it.
        let options = Object::open(object.slot("stream_options")).with("include_usage", &true);
        with_fields(options, request, "stream_options", same_dialect).close();
    }
    for (name, raw) in &request.extras {
        if !same_dialect {
            match in_chat(name, raw) {
                Some(name) => object = object.with(name, raw),
                None => losses.drop(name),
            }
        } else if !NESTED.iter().any(|object| field_of(name, object).is_some()) {
            object = object.with(name, raw);
        }
    }
    object.close();
    Ok(body)
}

/// Objects of which the form knows some fields; the others are extras by their path.
const NESTED: [&str; 3] = ["stream_options", "reasoning", "thinking"];

fn field_of<'n>(name: &'n str, object: &str) -> Option<&'n str> {
    name.strip_prefix(object)?.strip_prefix('.')
}

fn with_fields<'o>(mut object: Object<'o>, request: &Request, name: &str, same_dialect: bool) -> Object<'o> {
    for (path, raw) in request.extras.iter().filter(|_| same_dialect) {
        if let Some(field) = field_of(path, name) {
            object = object.with(field, raw);
        }
    }
    object
}

fn write_tools<'o>(mut object: Object<'o>, request: &Request, same_dialect: bool) -> Result<Object<'o>> {
    if request.tools.is_empty() {
        return Ok(object);
    }
    let mut tools = Array::open(object.slot("tools"));
    for tool in &request.tools {
        match tool {
            Tool::Function { name, description, parameters, strict, cache } => {
                let mut tool = Object::typed(tools.slot(), "function");
                let function = Object::open(tool.slot("function")).with("name", name).maybe("description", description.as_ref());
                function.maybe("parameters", parameters.as_ref()).maybe("strict", *strict).close();
                tool.maybe("cache_control", cache.as_ref().filter(|_| same_dialect)).close();
            }
            Tool::Native { raw, .. } if same_dialect => value(tools.slot(), raw),
            Tool::Native { kind, .. } => {
                let message = format!("tools: this provider has no tool of type `{kind}`; declare a function of your own instead");
                return Err(Error::invalid(message).with_param("tools"));
            }
        }
    }
    tools.close();
    match &request.tool_choice {
        Some(ToolChoice::Auto) => object = object.with("tool_choice", "auto"),
        Some(ToolChoice::Required) => object = object.with("tool_choice", "required"),
        Some(ToolChoice::None) => object = object.with("tool_choice", "none"),
        Some(ToolChoice::Function(name)) => {
            let kind = if custom_names(request).contains(name) { "custom" } else { "function" };
            let mut choice = Object::typed(object.slot("tool_choice"), kind);
            Object::open(choice.slot(kind)).with("name", name).close();
            choice.close();
        }
        None => {}
    }
    Ok(object.maybe("parallel_tool_calls", request.parallel_tools))
}

fn write_sampling<'o>(
    mut object: Object<'o>,
    request: &Request,
    same_dialect: bool,
    abilities: &Abilities,
    losses: &mut Losses,
) -> Object<'o> {
    let knobs = [
        ("temperature", request.temperature),
        ("top_p", request.top_p),
        ("frequency_penalty", request.frequency_penalty),
        ("presence_penalty", request.presence_penalty),
    ];
    for (name, given) in knobs {
        let Some(number) = given else { continue };
        if abilities.sampling {
            object = object.with(name, &number);
        } else {
            losses.drop(name);
        }
    }
    if let Some(top_k) = request.top_k {
        // The dialect has it not; those of its providers who do take it here.
        if same_dialect || abilities.top_k {
            object = object.with("top_k", &top_k);
        } else {
            losses.drop("top_k");
        }
    }
    object.maybe("seed", request.seed)
}

fn write_format<'o>(mut object: Object<'o>, format: &Format, abilities: &Abilities, losses: &mut Losses) -> Object<'o> {
    match format {
        Format::Text => return object,
        Format::JsonSchema { name, description, schema, strict } if abilities.json_schema => {
            let mut format = Object::typed(object.slot("response_format"), "json_schema");
            Object::open(format.slot("json_schema"))
                .with("name", name.as_deref().unwrap_or("answer"))
                .maybe("description", description.as_ref())
                .with("schema", schema)
                .maybe("strict", *strict)
                .close();
            format.close();
        }
        Format::JsonSchema { .. } | Format::JsonObject => {
            if matches!(format, Format::JsonSchema { .. }) {
                losses.drop("response_format.json_schema");
            }
            Object::typed(object.slot("response_format"), "json_object").close();
        }
    }
    object
}

fn has_fields(request: &Request, object: &str) -> bool {
    request.extras.iter().any(|(name, _)| field_of(name, object).is_some())
}

/// The object in which thinking was asked for, as those providers take it who know its other fields.
fn write_asked<'o>(mut object: Object<'o>, request: &Request, reasoning: Reasoning, name: &str) -> Object<'o> {
    let mut asked = Object::open(object.slot(name));
    if name == "thinking" {
        asked = asked.with("type", if reasoning.effort == Some(Effort::None) { "disabled" } else { "enabled" });
        asked = asked.maybe("budget_tokens", reasoning.budget);
    } else {
        asked = asked.maybe("effort", reasoning.effort.map(Effort::word)).maybe("max_tokens", reasoning.budget);
    }
    with_fields(asked, request, name, true).close();
    object
}

fn write_reasoning<'o>(
    object: Object<'o>,
    request: &Request,
    same_dialect: bool,
    abilities: &Abilities,
    losses: &mut Losses,
) -> Object<'o> {
    let Some(reasoning) = request.reasoning else { return object };
    if let Some(asked) = ["reasoning", "thinking"].into_iter().find(|name| same_dialect && has_fields(request, name)) {
        return write_asked(object, request, reasoning, asked);
    }
    let effort = reasoning.effort.or(reasoning.budget.map(Effort::of_budget));
    match abilities.thinking {
        // Adaptive thinking is what these models do when nothing is said.
        ThinkingStyle::Effort => match effort {
            Some(Effort::Max) if !same_dialect => object.with("reasoning_effort", Effort::XHigh.word()),
            Some(effort) => object.with("reasoning_effort", effort.word()),
            None => object,
        },
        _ if effort == Some(Effort::None) => object,
        _ => {
            losses.drop(if same_dialect { "reasoning_effort" } else { "thinking" });
            object
        }
    }
}
