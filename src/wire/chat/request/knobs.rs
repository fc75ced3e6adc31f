//! Everything of a request but its messages, from the wire.

use serde_json::value::RawValue;

use super::custom_name;
use crate::error::{Error, Result};
use crate::ir::{Effort, Extras, Format, Reasoning, Request, Tool, ToolChoice, Turn};
use crate::wire::fields::{Fields, is_string, items, plain, wrong};

pub(super) fn decode(mut fields: Fields<'_>, turns: Vec<Turn>) -> Result<Request> {
    let (tools, tool_choice) = tools(&mut fields)?;
    let bound = fields.count("max_tokens")?;
    // One answer is what there is anyway.
    let several = fields.take_raw("n").filter(|raw| raw.get() != "1");
    let mut extras: Extras = several.map(|raw| ("n".to_owned(), raw)).into_iter().collect();
    let mut stream_usage = false;
    if let Some(mut options) = fields.object("stream_options")? {
        stream_usage = options.flag("include_usage")?.unwrap_or(false);
        keep("stream_options", options, &mut extras);
    }
    let mut request = Request {
        model: fields.text("model")?.unwrap_or_default(),
        turns,
        tools,
        tool_choice,
        parallel_tools: fields.flag("parallel_tool_calls")?,
        max_tokens: fields.count("max_completion_tokens")?.or(bound),
        temperature: fields.number("temperature")?,
        top_p: fields.number("top_p")?,
        top_k: fields.count("top_k")?,
        frequency_penalty: fields.number("frequency_penalty")?,
        presence_penalty: fields.number("presence_penalty")?,
        seed: seed(&mut fields)?,
        stop: stop(&mut fields)?,
        format: format(&mut fields)?,
        reasoning: reasoning(&mut fields, &mut extras)?,
        user: fields.text("user")?,
        stream: fields.flag("stream")?.unwrap_or(false),
        stream_usage,
        extras: Extras::new(),
    };
    extras.append(&mut fields.rest());
    request.extras = extras;
    Ok(request)
}

/// Mistral calls it otherwise.
fn seed(fields: &mut Fields<'_>) -> Result<Option<i64>> {
    match fields.plain("seed", "an integer")? {
        Some(seed) => Ok(Some(seed)),
        None => fields.plain("random_seed", "an integer"),
    }
}

/// What is left of an object, each field by its path.
fn keep(name: &str, object: Fields<'_>, extras: &mut Extras) {
    extras.extend(object.rest().into_iter().map(|(field, raw)| (format!("{name}.{field}"), raw)));
}

fn stop(fields: &mut Fields<'_>) -> Result<Vec<String>> {
    match fields.take("stop") {
        None => Ok(Vec::new()),
        Some(raw) if is_string(raw) => Ok(vec![plain(raw, "stop", "a string")?]),
        Some(raw) => plain(raw, "stop", "a string or an array of strings"),
    }
}

fn format(fields: &mut Fields<'_>) -> Result<Format> {
    let Some(mut format) = fields.object("response_format")? else { return Ok(Format::Text) };
    match format.required_text("type")?.as_str() {
        "text" => Ok(Format::Text),
        // Some providers take a schema here, too.
        "json_object" if !format.has("schema") => Ok(Format::JsonObject),
        "json_object" => schema(format),
        "json_schema" => match format.object("json_schema")? {
            Some(inner) => schema(inner),
            None if format.has("schema") => schema(format),
            None => format.required("json_schema", None),
        },
        _ => Err(wrong("response_format.type", "text, json_object or json_schema")),
    }
}

fn schema(mut fields: Fields<'_>) -> Result<Format> {
    let schema = fields.take_raw("schema");
    Ok(Format::JsonSchema {
        name: fields.text("name")?,
        description: fields.text("description")?,
        schema: fields.required("schema", schema)?,
        strict: fields.flag("strict")?,
    })
}

/// The dialect's own word, or the objects in which others ask for thinking.
fn reasoning(fields: &mut Fields<'_>, extras: &mut Extras) -> Result<Option<Reasoning>> {
    if let Some(raw) = fields.take("reasoning_effort") {
        let word: String = plain(raw, "reasoning_effort", "a word such as low or high")?;
        // Some providers have words of their own; only their dialect can carry them.
        return Ok(match Effort::from_word(&word) {
            Some(effort) => Some(Reasoning { effort: Some(effort), budget: None }),
            None => {
                extras.push(("reasoning_effort".to_owned(), raw.to_owned()));
                None
            }
        });
    }
    if let Some(mut asked) = fields.object("reasoning")? {
        let word = asked.text("effort")?;
        let off = asked.flag("enabled")? == Some(false);
        let effort = word.map(|word| effort(&word, "reasoning.effort")).transpose()?.or(off.then_some(Effort::None));
        let budget = asked.count("max_tokens")?;
        keep("reasoning", asked, extras);
        return Ok(Some(Reasoning { effort, budget }));
    }
    let Some(mut thinking) = fields.object("thinking")? else { return Ok(None) };
    let off = thinking.text("type")?.as_deref() == Some("disabled");
    let budget = thinking.count("budget_tokens")?;
    keep("thinking", thinking, extras);
    Ok(Some(Reasoning { effort: off.then_some(Effort::None), budget }))
}

fn effort(word: &str, path: &str) -> Result<Effort> {
    Effort::from_word(word).ok_or_else(|| wrong(path, "none, minimal, low, medium, high, xhigh or max"))
}

fn tools(fields: &mut Fields<'_>) -> Result<(Vec<Tool>, Option<ToolChoice>)> {
    let mut tools = Vec::new();
    for (at, raw) in fields.items("tools")?.unwrap_or_default().into_iter().enumerate() {
        tools.push(tool(raw, format!("tools.{at}"))?);
    }
    // What tools were at first.
    for (at, raw) in fields.items("functions")?.unwrap_or_default().into_iter().enumerate() {
        let mut function = Fields::of(raw, format!("functions.{at}"))?;
        tools.push(function_tool(&mut function)?);
    }
    let choice = match (fields.take("tool_choice"), fields.take("function_call")) {
        (Some(raw), _) => choice(raw, &mut tools)?,
        (None, Some(raw)) if is_string(raw) => choice(raw, &mut tools)?,
        (None, Some(raw)) => Some(ToolChoice::Function(Fields::of(raw, "function_call".to_owned())?.required_text("name")?)),
        (None, None) => None,
    };
    Ok((tools, choice))
}

fn tool(raw: &RawValue, path: String) -> Result<Tool> {
    let mut fields = Fields::of(raw, path)?;
    let kind = fields.text("type")?.unwrap_or_else(|| "function".to_owned());
    if kind != "function" {
        return Ok(Tool::Native { kind, raw: raw.to_owned() });
    }
    let mark = fields.take_raw("cache_control");
    let function = fields.object("function")?;
    let mut tool = function_tool(&mut fields.required("function", function)?)?;
    if let (Tool::Function { cache, .. }, Some(mark)) = (&mut tool, mark) {
        cache.get_or_insert(mark);
    }
    Ok(tool)
}

fn function_tool(function: &mut Fields<'_>) -> Result<Tool> {
    Ok(Tool::Function {
        name: function.required_text("name")?,
        description: function.text("description")?,
        parameters: function.take_raw("parameters"),
        strict: function.flag("strict")?,
        cache: function.take_raw("cache_control"),
    })
}

/// A choice among some tools only takes the others away.
fn choice(raw: &RawValue, tools: &mut Vec<Tool>) -> Result<Option<ToolChoice>> {
    const EXPECTED: &str = "auto, none, required, or an object naming a function";
    let word = |word: &str| match word {
        "auto" => Ok(Some(ToolChoice::Auto)),
        "none" => Ok(Some(ToolChoice::None)),
        "required" | "any" => Ok(Some(ToolChoice::Required)),
        _ => Err(wrong("tool_choice", EXPECTED)),
    };
    if is_string(raw) {
        return word(&plain::<String>(raw, "tool_choice", "a string")?);
    }
    let mut fields = Fields::of(raw, "tool_choice".to_owned()).map_err(|_| wrong("tool_choice", EXPECTED))?;
    match fields.text("type")?.as_deref() {
        Some(kind @ ("function" | "custom")) => Ok(Some(ToolChoice::Function(named(&mut fields, kind)?))),
        None => Ok(Some(ToolChoice::Function(named(&mut fields, "function")?))),
        Some("allowed_tools") => {
            let allowed = fields.object("allowed_tools")?;
            let mut allowed = fields.required("allowed_tools", allowed)?;
            let path = allowed.path_of("tools");
            let listed = allowed.take("tools");
            let listed = items(allowed.required("tools", listed)?, &path)?.into_iter().enumerate();
            let listed = listed.map(|(at, raw)| listed_tool(raw, format!("{path}.{at}"))).collect::<Result<Vec<_>>>()?;
            tools.retain(|tool| listed.iter().any(|(kind, name)| is_tool(tool, kind, name)));
            word(&allowed.text("mode")?.unwrap_or_else(|| "auto".to_owned()))
        }
        Some(other) => Err(Error::invalid(format!("tool_choice: a `{other}` cannot be chosen here")).with_param("tool_choice")),
    }
}

fn named(fields: &mut Fields<'_>, kind: &str) -> Result<String> {
    let inner = fields.object(kind)?;
    fields.required(kind, inner)?.required_text("name")
}

/// The kind and the name of a tool in a list of those allowed.
fn listed_tool(raw: &RawValue, path: String) -> Result<(String, String)> {
    let mut fields = Fields::of(raw, path)?;
    let kind = fields.text("type")?.unwrap_or_else(|| "function".to_owned());
    let name = if fields.has(&kind) { named(&mut fields, &kind)? } else { fields.required_text("name")? };
    Ok((kind, name))
}

fn is_tool(tool: &Tool, kind: &str, name: &str) -> bool {
    match tool {
        Tool::Function { name: known, .. } => kind == "function" && known == name,
        Tool::Native { kind: known, .. } => known == kind && custom_name(tool).is_none_or(|known| known == name),
    }
}
