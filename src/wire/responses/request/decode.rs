use serde_json::value::RawValue;

use super::items as conversation;
use crate::error::{Error, Result};
use crate::ir::{Effort, Extras, Format, Reasoning, Request, Tool, ToolChoice};
use crate::wire::fields::{Fields, is_string, items, plain, wrong};
use crate::wire::lean;

/// What only the provider that keeps it can resolve, and what to do instead.
const KEPT: [(&str, &str); 3] = [
    ("previous_response_id", "send the whole conversation in `input` instead"),
    ("conversation", "send the whole conversation in `input` instead"),
    ("prompt", "send the prompt's text in `instructions` and `input` instead"),
];

pub fn decode_request(body: &[u8]) -> Result<Request> {
    let mut fields = Fields::of_body(body)?;
    refuse_kept(&mut fields)?;
    let instructions = fields.text("instructions")?;
    let input = fields.take("input");
    let turns = conversation::decode(fields.required("input", input)?, instructions)?;
    let (tools, tool_choice) = tools(&mut fields)?;
    let mut extras = Extras::new();
    let mut request = Request {
        model: fields.text("model")?.unwrap_or_default(),
        turns,
        tools,
        tool_choice,
        parallel_tools: fields.flag("parallel_tool_calls")?,
        max_tokens: fields.count("max_output_tokens")?,
        temperature: fields.number("temperature")?,
        top_p: fields.number("top_p")?,
        format: format(&mut fields, &mut extras)?,
        reasoning: reasoning(&mut fields, &mut extras)?,
        user: fields.text("user")?,
        stream: fields.flag("stream")?.unwrap_or(false),
        stream_usage: true,
        ..Request::default()
    };
    // Padding against eavesdroppers; nothing is lost without it.
    fields.take("stream_options");
    extras.extend(fields.rest().into_iter().filter(|(name, raw)| !is_given_anyway(name, raw)));
    request.extras = extras;
    Ok(request)
}

fn refuse_kept(fields: &mut Fields<'_>) -> Result<()> {
    for (name, instead) in KEPT {
        if fields.has(name) {
            return Err(Error::invalid(format!("{name}: nothing is stored between calls here; {instead}")).with_param(name));
        }
    }
    if fields.flag("background")? == Some(true) {
        let message = "background: answers are not made in the background here; leave it out, and stream if the answer takes long";
        return Err(Error::invalid(message).with_param("background"));
    }
    Ok(())
}

/// What asks for no more than what is done anyway: nothing is stored, and thinking comes with its proof.
fn is_given_anyway(name: &str, raw: &RawValue) -> bool {
    match name {
        "store" => raw.get() == "false",
        "service_tier" => raw.get() == "\"auto\"",
        "truncation" => raw.get() == "\"disabled\"",
        "include" => {
            lean::from_str::<Vec<String>>(raw.get()).is_ok_and(|wanted| wanted.iter().all(|wanted| wanted == "reasoning.encrypted_content"))
        }
        _ => false,
    }
}

/// The fields that nobody took, by the name of the object they stand in.
fn keep_rest(fields: Fields<'_>, object: &str, extras: &mut Extras) {
    extras.extend(fields.rest().into_iter().map(|(name, raw)| (format!("{object}.{name}"), raw)));
}

fn format(fields: &mut Fields<'_>, extras: &mut Extras) -> Result<Format> {
    let Some(mut text) = fields.object("text")? else { return Ok(Format::Text) };
    let format = text.object("format")?;
    keep_rest(text, "text", extras);
    let Some(mut format) = format else { return Ok(Format::Text) };
    match format.required_text("type")?.as_str() {
        "text" => Ok(Format::Text),
        "json_object" => Ok(Format::JsonObject),
        "json_schema" => {
            let schema = format.take_raw("schema");
            Ok(Format::JsonSchema {
                name: format.text("name")?,
                description: format.text("description")?,
                schema: format.required("schema", schema)?,
                strict: format.flag("strict")?,
            })
        }
        _ => Err(wrong("text.format.type", "text, json_object or json_schema")),
    }
}

fn reasoning(fields: &mut Fields<'_>, extras: &mut Extras) -> Result<Option<Reasoning>> {
    let Some(mut asked) = fields.object("reasoning")? else { return Ok(None) };
    let effort = asked.text("effort")?;
    // What thinking a model shows is shown in any case.
    asked.take("summary");
    asked.take("generate_summary");
    keep_rest(asked, "reasoning", extras);
    let Some(word) = effort else { return Ok(None) };
    let effort = Effort::from_word(&word).ok_or_else(|| wrong("reasoning.effort", "none, minimal, low, medium, high, xhigh or max"))?;
    Ok(Some(Reasoning { effort: Some(effort), budget: None }))
}

fn tools(fields: &mut Fields<'_>) -> Result<(Vec<Tool>, Option<ToolChoice>)> {
    let list = fields.items("tools")?.unwrap_or_default();
    let mut tools = list.into_iter().enumerate().map(|(at, raw)| tool(raw, format!("tools.{at}"))).collect::<Result<Vec<_>>>()?;
    let choice = fields.take("tool_choice").map(|raw| choice(raw, &mut tools)).transpose()?;
    Ok((tools, choice))
}

fn tool(raw: &RawValue, path: String) -> Result<Tool> {
    let mut fields = Fields::of(raw, path)?;
    let kind = fields.required_text("type")?;
    if kind != "function" {
        return Ok(Tool::Native { kind, raw: raw.to_owned() });
    }
    Ok(Tool::Function {
        name: fields.required_text("name")?,
        description: fields.text("description")?,
        parameters: fields.take_raw("parameters"),
        strict: fields.flag("strict")?,
        cache: None,
    })
}

/// A choice among some tools only takes the others away.
fn choice(raw: &RawValue, tools: &mut Vec<Tool>) -> Result<ToolChoice> {
    const EXPECTED: &str = "auto, none, required, or an object naming a function";
    let word = |word: &str| match word {
        "auto" => Ok(ToolChoice::Auto),
        "none" => Ok(ToolChoice::None),
        "required" => Ok(ToolChoice::Required),
        _ => Err(wrong("tool_choice", EXPECTED)),
    };
    if is_string(raw) {
        return word(&plain::<String>(raw, "tool_choice", "a string")?);
    }
    let mut fields = Fields::of(raw, "tool_choice".to_owned()).map_err(|_| wrong("tool_choice", EXPECTED))?;
    match fields.required_text("type")?.as_str() {
        "function" => Ok(ToolChoice::Function(fields.required_text("name")?)),
        "allowed_tools" => {
            let path = fields.path_of("tools");
            let named = fields.take("tools");
            let named = items(fields.required("tools", named)?, &path)?;
            // Tools that are no functions have no name to be allowed by.
            let names = named.into_iter().map(|raw| Fields::of(raw, path.clone())?.text("name")).collect::<Result<Vec<_>>>()?;
            tools.retain(|tool| matches!(tool, Tool::Function { name, .. } if names.iter().flatten().any(|allowed| allowed == name)));
            word(&fields.text("mode")?.unwrap_or_else(|| "auto".to_owned()))
        }
        other => Err(Error::invalid(format!("tool_choice: a `{other}` cannot be chosen here")).with_param("tool_choice")),
    }
}
