use super::write_items::{Scribe, split};
use crate::error::{Error, Result};
use crate::ir::{Effort, Format, Losses, Raw, Request, Tool, ToolChoice};
use crate::wire::family::{in_responses, refuse_or_name};
use crate::wire::json::{Array, Object, value};
use crate::wire::{Abilities, ThinkingStyle};

/// The least bound of an answer that this dialect takes.
const LEAST_BOUND: u64 = 16;

pub fn encode_request(request: &Request, same_dialect: bool, abilities: &Abilities, losses: &mut Losses) -> Result<Vec<u8>> {
    let mut body = Vec::with_capacity(2_048);
    let (instructions, turns) = split(&request.turns);
    let mut object = Object::open(&mut body).with("model", &request.model).maybe("instructions", instructions);
    Scribe { same_dialect, abilities, losses }.write(object.slot("input"), turns)?;
    object = write_tools(object, request, same_dialect)?;
    object = object.maybe("max_output_tokens", request.max_tokens.map(|bound| bound.max(LEAST_BOUND)));
    object = write_sampling(object, request, abilities, losses);
    let kept = Kept::of(request, same_dialect);
    object = write_text(object, &request.format, &kept, abilities, losses);
    object = write_reasoning(object, request, &kept, same_dialect, abilities, losses);
    object = object.maybe("user", request.user.as_ref());
    if !same_dialect {
        object = object.with("store", &false);
        // Nothing is stored, so thinking has to travel with the conversation.
        if abilities.thinking == ThinkingStyle::Effort {
            object = object.with("include", &["reasoning.encrypted_content"]);
        }
    }
    if request.stream {
        object = object.with("stream", &true);
    }
    object = kept.top.iter().fold(object, |object, (name, raw)| object.with(name, raw));
    object.close();
    if !same_dialect {
        let mut foreign = request.extras.iter().filter(|(name, raw)| in_responses(name, raw).is_none());
        foreign.try_for_each(|(name, raw)| refuse_or_name(name, raw, losses))?;
    }
    Ok(body)
}

/// The extras that this dialect takes, by the object they stand in.
#[derive(Default)]
struct Kept<'r> {
    top: Vec<(&'r str, &'r Raw)>,
    text: Vec<(&'r str, &'r Raw)>,
    reasoning: Vec<(&'r str, &'r Raw)>,
}

impl<'r> Kept<'r> {
    fn of(request: &'r Request, same_dialect: bool) -> Self {
        let mut kept = Self::default();
        for (name, raw) in &request.extras {
            let Some(name) = (if same_dialect { Some(name.as_str()) } else { in_responses(name, raw) }) else { continue };
            match name.split_once('.') {
                Some(("text", name)) => kept.text.push((name, raw)),
                Some(("reasoning", name)) => kept.reasoning.push((name, raw)),
                _ => kept.top.push((name, raw)),
            }
        }
        kept
    }
}

fn write_tools<'o>(mut object: Object<'o>, request: &Request, same_dialect: bool) -> Result<Object<'o>> {
    if request.tools.is_empty() {
        return Ok(object);
    }
    let mut tools = Array::open(object.slot("tools"));
    for tool in &request.tools {
        match tool {
            Tool::Function { name, description, parameters, strict, .. } => {
                let mut tool = Object::typed(tools.slot(), "function").with("name", name).maybe("description", description.as_ref());
                match parameters {
                    Some(schema) => tool = tool.with("parameters", schema),
                    None => tool.slot("parameters").extend_from_slice(br#"{"type":"object","properties":{}}"#),
                }
                // Here a function is strict unless it says otherwise; elsewhere it is not.
                let strict = if same_dialect { *strict } else { Some(strict.unwrap_or(false)) };
                tool.with("strict", &strict).close();
            }
            Tool::Native { raw, .. } if same_dialect => value(tools.slot(), raw),
            Tool::Native { kind, .. } => {
                let message = format!("tools: this provider has no tool of type `{kind}`; declare a function of your own instead");
                return Err(Error::invalid(message).with_param("tools"));
            }
        }
    }
    tools.close();
    object = match &request.tool_choice {
        Some(ToolChoice::Auto) => object.with("tool_choice", "auto"),
        Some(ToolChoice::Required) => object.with("tool_choice", "required"),
        Some(ToolChoice::None) => object.with("tool_choice", "none"),
        Some(ToolChoice::Function(name)) => {
            Object::typed(object.slot("tool_choice"), "function").with("name", name).close();
            object
        }
        None => object,
    };
    Ok(object.maybe("parallel_tool_calls", request.parallel_tools))
}

/// Temperature and top_p are all that the dialect has.
fn write_sampling<'o>(mut object: Object<'o>, request: &Request, abilities: &Abilities, losses: &mut Losses) -> Object<'o> {
    let pair = request.temperature.is_some() && !abilities.sampling_pair;
    for (name, given, taken) in [("temperature", request.temperature, true), ("top_p", request.top_p, !pair)] {
        match given {
            Some(number) if taken && abilities.sampling => object = object.with(name, &number),
            Some(_) => losses.drop(name),
            None => {}
        }
    }
    let unknown = [
        ("top_k", request.top_k.is_some()),
        ("frequency_penalty", request.frequency_penalty.is_some()),
        ("presence_penalty", request.presence_penalty.is_some()),
        ("seed", request.seed.is_some()),
        ("stop", !request.stop.is_empty()),
    ];
    unknown.iter().filter(|(_, given)| *given).for_each(|(name, _)| losses.drop(*name));
    object
}

fn write_text<'o>(mut object: Object<'o>, format: &Format, kept: &Kept<'_>, abilities: &Abilities, losses: &mut Losses) -> Object<'o> {
    if matches!(format, Format::Text) && kept.text.is_empty() {
        return object;
    }
    let mut text = Object::open(object.slot("text"));
    match format {
        Format::Text => {}
        Format::JsonSchema { name, description, schema, strict } if abilities.json_schema => {
            Object::typed(text.slot("format"), "json_schema")
                .with("name", name.as_deref().unwrap_or("answer"))
                .maybe("description", description.as_ref())
                .with("schema", schema)
                .maybe("strict", *strict)
                .close();
        }
        Format::JsonSchema { .. } | Format::JsonObject => {
            if matches!(format, Format::JsonSchema { .. }) {
                losses.drop("response_format.json_schema");
            }
            Object::typed(text.slot("format"), "json_object").close();
        }
    }
    kept.text.iter().fold(text, |text, (name, raw)| text.with(name, raw)).close();
    object
}

fn write_reasoning<'o>(
    mut object: Object<'o>,
    request: &Request,
    kept: &Kept<'_>,
    same_dialect: bool,
    abilities: &Abilities,
    losses: &mut Losses,
) -> Object<'o> {
    let effort = request.reasoning.and_then(|reasoning| reasoning.effort.or(reasoning.budget.map(Effort::of_budget)));
    if abilities.thinking != ThinkingStyle::Effort {
        if request.reasoning.is_some() && effort != Some(Effort::None) {
            losses.drop(if same_dialect { "reasoning" } else { "thinking" });
        }
        return object;
    }
    if request.reasoning.is_none() && kept.reasoning.is_empty() {
        return object;
    }
    let effort = if effort == Some(Effort::Max) && !same_dialect { Some(Effort::XHigh) } else { effort };
    let mut reasoning = Object::open(object.slot("reasoning")).maybe("effort", effort.map(Effort::word));
    if request.reasoning.is_some() && effort != Some(Effort::None) {
        reasoning = reasoning.with("summary", "auto");
    }
    kept.reasoning.iter().fold(reasoning, |reasoning, (name, raw)| reasoning.with(name, raw)).close();
    object
}
