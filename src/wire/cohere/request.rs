use super::messages::write_messages;
use crate::error::{Error, Result};
use crate::ir::{Effort, Format, Losses, Raw, Request, Tool, ToolChoice};
use crate::wire::family::refuse_or_name;
use crate::wire::json::{Array, Object};
use crate::wire::lean;
use crate::wire::{Abilities, ThinkingStyle};
use serde::Deserialize;
use serde::de::IgnoredAny;

/// The most stop sequences this dialect takes.
const MOST_STOPS: usize = 5;
/// What must be left for the answer itself when the thinking is bounded.
const LEAST_ANSWER: u64 = 256;
/// Fields of this dialect alone, which mean the same whoever sends them.
const OWN_FIELDS: [&str; 5] = ["documents", "citation_options", "safety_mode", "strict_tools", "priority"];

pub fn encode_request(request: &Request, same_dialect: bool, abilities: &Abilities, losses: &mut Losses) -> Result<Vec<u8>> {
    let mut body = Vec::with_capacity(2_048);
    let mut object = Object::open(&mut body).with("model", &request.model);
    write_messages(object.slot("messages"), request, abilities, losses)?;
    object = write_tools(object, request, losses)?;
    object = write_format(object, &request.format, abilities, losses);
    object = write_thinking(object.maybe("max_tokens", request.max_tokens), request, abilities, losses);
    object = write_sampling(object, request, abilities, losses);
    object = write_extras(object, request, same_dialect, losses)?;
    if request.user.is_some() {
        losses.drop("user");
    }
    object.maybe("stream", request.stream.then_some(true)).close();
    Ok(body)
}

fn write_tools<'o>(mut object: Object<'o>, request: &Request, losses: &mut Losses) -> Result<Object<'o>> {
    if request.parallel_tools == Some(false) {
        losses.drop("parallel_tool_calls");
    }
    if request.tools.is_empty() {
        return Ok(object);
    }
    let mut strict = Strictness::default();
    let mut tools = Array::open(object.slot("tools"));
    for tool in &request.tools {
        let Tool::Function { name, description, parameters, strict: wanted, .. } = tool else { return Err(foreign(tool)) };
        strict.count(*wanted, parameters.as_ref());
        if matches!(&request.tool_choice, Some(ToolChoice::Function(chosen)) if chosen != name) {
            continue;
        }
        let mut tool = Object::typed(tools.slot(), "function");
        let mut function = Object::open(tool.slot("function")).with("name", name).maybe("description", description.as_ref());
        match parameters {
            Some(schema) => function = function.with("parameters", schema),
            None => function.slot("parameters").extend_from_slice(br#"{"type":"object","properties":{}}"#),
        }
        function.close();
        tool.close();
    }
    tools.close();
    if !request.extras.iter().any(|(name, _)| name == "strict_tools") {
        object = strict.write(object, losses);
    }
    Ok(match &request.tool_choice {
        Some(ToolChoice::Required) => object.with("tool_choice", "REQUIRED"),
        Some(ToolChoice::None) => object.with("tool_choice", "NONE"),
        Some(ToolChoice::Function(name)) if declared(request, name) => object.with("tool_choice", "REQUIRED"),
        Some(ToolChoice::Function(name)) => {
            let message = format!("tool_choice: there is no tool `{name}` among the tools");
            return Err(Error::invalid(message).with_param("tool_choice"));
        }
        Some(ToolChoice::Auto) | None => object,
    })
}

fn declared(request: &Request, chosen: &str) -> bool {
    request.tools.iter().any(|tool| matches!(tool, Tool::Function { name, .. } if name == chosen))
}

fn foreign(tool: &Tool) -> Error {
    let kind = if let Tool::Native { kind, .. } = tool { kind } else { "function" };
    let message = format!("tools: this provider has no tool of type `{kind}`; declare a function of your own instead");
    Error::invalid(message).with_param("tools")
}

/// Which of the tools are to be strict. It is all or none here, and each must then require a parameter.
#[derive(Default)]
struct Strictness {
    wanted: usize,
    loose: usize,
}

impl Strictness {
    fn count(&mut self, wanted: Option<bool>, schema: Option<&Raw>) {
        #[derive(Deserialize)]
        struct Schema {
            required: Option<Vec<IgnoredAny>>,
        }
        let strict = wanted == Some(true);
        let schema = schema.filter(|_| strict).and_then(|raw| lean::from_str::<Schema>(raw.get()).ok());
        let able = schema.and_then(|schema| schema.required).is_some_and(|required| !required.is_empty());
        self.wanted = self.wanted.saturating_add(usize::from(strict));
        self.loose = self.loose.saturating_add(usize::from(!able));
    }

    fn write<'o>(&self, object: Object<'o>, losses: &mut Losses) -> Object<'o> {
        match (self.wanted, self.loose) {
            (0, _) => object,
            (_, 0) => object.with("strict_tools", &true),
            _ => {
                losses.drop("tools.strict");
                object
            }
        }
    }
}

fn write_format<'o>(mut object: Object<'o>, format: &Format, abilities: &Abilities, losses: &mut Losses) -> Object<'o> {
    let schema = match format {
        Format::Text => return object,
        Format::JsonObject => None,
        Format::JsonSchema { schema, .. } if abilities.json_schema => Some(schema),
        Format::JsonSchema { .. } => {
            losses.drop("response_format.json_schema");
            None
        }
    };
    Object::typed(object.slot("response_format"), "json_object").maybe("json_schema", schema).close();
    object
}

fn write_thinking<'o>(mut object: Object<'o>, request: &Request, abilities: &Abilities, losses: &mut Losses) -> Object<'o> {
    let Some(reasoning) = request.reasoning else { return object };
    let unwanted = reasoning.effort == Some(Effort::None) || reasoning.budget == Some(0);
    match abilities.thinking {
        ThinkingStyle::None if unwanted => {}
        ThinkingStyle::None | ThinkingStyle::Word => losses.drop("reasoning_effort"),
        ThinkingStyle::Budget | ThinkingStyle::Effort if unwanted => Object::typed(object.slot("thinking"), "disabled").close(),
        ThinkingStyle::Budget | ThinkingStyle::Effort => {
            let wanted = reasoning.budget.or(reasoning.effort.map(Effort::budget));
            let budget = wanted.map(|wanted| within(wanted, request.max_tokens));
            Object::typed(object.slot("thinking"), "enabled").maybe("token_budget", budget).close();
        }
    }
    object
}

/// The bound of an answer holds its thinking too; some of it is for the answer.
fn within(wanted: u64, max_tokens: Option<u64>) -> u64 {
    match max_tokens {
        Some(max) if wanted.saturating_add(LEAST_ANSWER) > max => (max - max / 4).clamp(1, wanted.max(1)),
        _ => wanted,
    }
}

fn write_sampling<'o>(mut object: Object<'o>, request: &Request, abilities: &Abilities, losses: &mut Losses) -> Object<'o> {
    let knobs = [
        ("temperature", "temperature", request.temperature, 0.0..=f64::MAX),
        ("top_p", "p", request.top_p, 0.01..=0.99),
        ("frequency_penalty", "frequency_penalty", request.frequency_penalty, 0.0..=1.0),
        ("presence_penalty", "presence_penalty", request.presence_penalty, 0.0..=1.0),
    ];
    for (asked, name, given, range) in knobs {
        let Some(number) = given else { continue };
        if !abilities.sampling {
            losses.drop(asked);
            continue;
        }
        let (least, most) = (*range.start(), *range.end());
        if number > most {
            losses.drop(format!("{asked}>{most}"));
        } else if number < least {
            losses.drop(format!("{asked}<{least}"));
        }
        object = object.with(name, &number.clamp(least, most));
    }
    match request.top_k {
        Some(_) if !abilities.sampling => losses.drop("top_k"),
        Some(k) => {
            if k > 500 {
                losses.drop("top_k>500");
            }
            object = object.with("k", &k.min(500));
        }
        None => {}
    }
    match request.seed {
        Some(seed) if seed < 0 => losses.drop("seed<0"),
        seed => object = object.maybe("seed", seed),
    }
    if request.stop.len() > MOST_STOPS {
        losses.drop("stop");
    }
    let kept: Vec<&String> = request.stop.iter().take(MOST_STOPS).collect();
    object.maybe("stop_sequences", Some(kept).filter(|kept| !kept.is_empty()))
}

/// What belongs to this dialect goes along; what changes what an answer is is refused; the rest is named as lost.
fn write_extras<'o>(mut object: Object<'o>, request: &Request, same_dialect: bool, losses: &mut Losses) -> Result<Object<'o>> {
    for (name, raw) in &request.extras {
        match name.as_str() {
            own if same_dialect || OWN_FIELDS.contains(&own) => object = object.with(own, raw),
            _ => refuse_or_name(name, raw, losses)?,
        }
    }
    Ok(object)
}
