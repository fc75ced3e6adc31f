use serde_json::value::RawValue;

use super::prompt::Prompt;
use super::version;
use crate::error::{Error, Result};
use crate::ir::{Effort, Format, Losses, Part, Request, ToolChoice};
use crate::wire::json::Object;

/// What a model calls the bound of its answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Bound {
    #[default]
    MaxTokens,
    MaxNewTokens,
    MaxCompletionTokens,
    MaxOutputTokens,
}

impl Bound {
    fn name(self) -> &'static str {
        match self {
            Bound::MaxTokens => "max_tokens",
            Bound::MaxNewTokens => "max_new_tokens",
            Bound::MaxCompletionTokens => "max_completion_tokens",
            Bound::MaxOutputTokens => "max_output_tokens",
        }
    }
}

/// Extras that ask for nothing a text could not be: no word about them is needed.
const IDLE: [(&str, &str); 2] = [("n", "1"), ("modalities", "[\"text\"]")];

pub fn encode_request(request: &Request, bound: Bound, losses: &mut Losses) -> Result<Vec<u8>> {
    let prompt = Prompt::render(request, losses)?;
    check_choice(request)?;
    let mut body = Vec::with_capacity(prompt.prompt.len().saturating_add(256));
    let mut object = Object::open(&mut body).maybe("version", version(&request.model));
    let mut input = Object::open(object.slot("input"))
        .with("prompt", &prompt.prompt)
        .maybe("system_prompt", prompt.system.as_ref())
        .maybe(bound.name(), request.max_tokens)
        .maybe("temperature", request.temperature)
        .maybe("top_p", request.top_p)
        .maybe("top_k", request.top_k)
        .maybe("frequency_penalty", request.frequency_penalty)
        .maybe("presence_penalty", request.presence_penalty)
        .maybe("seed", request.seed)
        .maybe("stop_sequences", stop_sequences(request, losses));
    for (name, raw) in own_inputs(request, losses)? {
        input = input.with(name, raw);
    }
    input.close();
    object.maybe("stream", request.stream.then_some(true)).close();
    name_losses(request, losses);
    Ok(body)
}

fn check_choice(request: &Request) -> Result<()> {
    match &request.tool_choice {
        Some(ToolChoice::Required | ToolChoice::Function(_)) => {
            Err(Error::invalid("tool_choice: this model cannot call tools; leave it out").with_param("tool_choice"))
        }
        Some(ToolChoice::Auto | ToolChoice::None) | None => Ok(()),
    }
}

/// One string, its sequences parted by commas: one that holds a comma cannot be told.
fn stop_sequences(request: &Request, losses: &mut Losses) -> Option<String> {
    if request.stop.iter().any(|stop| stop.contains(',')) {
        losses.drop("stop");
    }
    let stops: Vec<&str> = request.stop.iter().map(String::as_str).filter(|stop| !stop.is_empty() && !stop.contains(',')).collect();
    (!stops.is_empty()).then(|| stops.join(","))
}

/// Inputs that go by the same name in the dialects of callers.
fn own_inputs<'r>(request: &'r Request, losses: &mut Losses) -> Result<Vec<(&'r str, &'r RawValue)>> {
    const OURS: [&str; 3] = ["min_tokens", "repetition_penalty", "prompt_template"];
    let mut inputs = Vec::new();
    for (name, raw) in &request.extras {
        match name.as_str() {
            name if OURS.contains(&name) => inputs.push((name, &**raw)),
            name if IDLE.contains(&(name, raw.get())) => {}
            "n" => return Err(refused("n", "this model gives one answer per request; send n=1 or call it n times")),
            "audio" | "modalities" => return Err(refused(name, "this model answers in text only")),
            name => losses.drop(name),
        }
    }
    Ok(inputs)
}

fn refused(param: &str, words: &str) -> Error {
    Error::invalid(format!("{param}: {words}")).with_param(param)
}

fn name_losses(request: &Request, losses: &mut Losses) {
    let parts = || request.turns.iter().flat_map(|turn| &turn.parts);
    let cached = parts().any(|part| matches!(part, Part::Text(text) if text.cache.is_some()));
    let thought = parts().any(|part| matches!(part, Part::Thinking(_)));
    let knobs = [
        ("response_format", !matches!(request.format, Format::Text)),
        ("reasoning_effort", request.reasoning.is_some_and(|reasoning| reasoning.effort != Some(Effort::None))),
        ("user", request.user.is_some()),
        ("cache_control", cached),
        ("reasoning_content", thought),
    ];
    knobs.into_iter().filter(|(_, given)| *given).for_each(|(name, _)| losses.drop(name));
}
