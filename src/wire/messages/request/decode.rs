use super::super::block::decode_content;
use crate::error::{Error, Result};
use crate::ir::{Effort, Extras, Format, Reasoning, Request, Role, Tool, ToolChoice, Turn};
use crate::wire::fields::{Fields, wrong};
use serde_json::value::RawValue;

pub fn decode_request(body: &[u8]) -> Result<Request> {
    let mut fields = Fields::of_body(body)?;
    let model = fields.required_text("model")?;
    let turns = decode_turns(&mut fields)?;
    let max_tokens = fields.count("max_tokens")?;
    let max_tokens = Some(fields.required("max_tokens", max_tokens)?);
    let (tool_choice, parallel_tools) = decode_choice(&mut fields)?;
    let mut marks = Extras::new();
    let tools = decode_tools(&mut fields, &mut marks)?;
    let (reasoning, format) = decode_thinking_and_output(&mut fields, &mut marks)?;
    let mut request = Request {
        model,
        turns,
        tools,
        tool_choice,
        parallel_tools,
        max_tokens,
        temperature: fields.number("temperature")?,
        top_p: fields.number("top_p")?,
        top_k: fields.count("top_k")?,
        stop: fields.plain("stop_sequences", "an array of strings")?.unwrap_or_default(),
        format,
        reasoning,
        user: decode_user(&mut fields)?,
        stream: fields.flag("stream")?.unwrap_or(false),
        stream_usage: true,
        extras: marks,
        ..Request::default()
    };
    request.extras.extend(fields.rest());
    Ok(request)
}

fn decode_turns(fields: &mut Fields<'_>) -> Result<Vec<Turn>> {
    let mut turns = Vec::new();
    if let Some(raw) = fields.take("system") {
        turns.push(Turn { role: Role::System, parts: decode_content(raw, "system")?, name: None });
    }
    let messages = fields.items("messages")?;
    let messages = fields.required("messages", messages)?;
    if messages.is_empty() {
        return Err(Error::invalid("messages: at least one message is required").with_param("messages"));
    }
    for (index, raw) in messages.into_iter().enumerate() {
        turns.push(decode_turn(raw, format!("messages.{index}"))?);
    }
    Ok(turns)
}

fn decode_turn(raw: &RawValue, path: String) -> Result<Turn> {
    let mut fields = Fields::of(raw, path)?;
    let role = match fields.required_text("role")?.as_str() {
        "user" => Role::User,
        "assistant" => Role::Assistant,
        "system" => Role::System,
        _ => return Err(wrong(&fields.path_of("role"), "\"user\", \"assistant\" or \"system\"")),
    };
    let content = fields.take("content");
    let parts = decode_content(fields.required("content", content)?, &fields.path_of("content"))?;
    Ok(Turn { role, parts, name: None })
}

fn decode_tools(fields: &mut Fields<'_>, marks: &mut Extras) -> Result<Vec<Tool>> {
    let tools = fields.items("tools")?.unwrap_or_default();
    tools.into_iter().enumerate().map(|(index, raw)| decode_tool(raw, format!("tools.{index}"), marks)).collect()
}

/// `marks` takes what only this dialect lets a function have (`defer_loading`), by the tool's name.
fn decode_tool(raw: &RawValue, path: String, marks: &mut Extras) -> Result<Tool> {
    let mut fields = Fields::of(raw, path)?;
    let kind = fields.text("type")?.unwrap_or_else(|| "custom".to_owned());
    if kind != "custom" {
        return Ok(Tool::Native { kind, raw: raw.to_owned() });
    }
    let name = fields.required_text("name")?;
    let description = fields.text("description")?;
    let schema = fields.take_raw("input_schema");
    let parameters = Some(fields.required("input_schema", schema)?);
    let strict = fields.flag("strict")?;
    let cache = fields.take_raw("cache_control");
    marks.extend(fields.rest().into_iter().map(|(field, raw)| (format!("tools.{name}.{field}"), raw)));
    Ok(Tool::Function { name, description, parameters, strict, cache })
}

fn decode_choice(fields: &mut Fields<'_>) -> Result<(Option<ToolChoice>, Option<bool>)> {
    let Some(mut choice) = fields.object("tool_choice")? else {
        return Ok((None, None));
    };
    let chosen = match choice.required_text("type")?.as_str() {
        "auto" => ToolChoice::Auto,
        "any" => ToolChoice::Required,
        "none" => ToolChoice::None,
        "tool" => ToolChoice::Function(choice.required_text("name")?),
        _ => return Err(wrong("tool_choice.type", "\"auto\", \"any\", \"tool\" or \"none\"")),
    };
    Ok((Some(chosen), choice.flag("disable_parallel_tool_use")?.map(|disabled| !disabled)))
}

fn decode_user(fields: &mut Fields<'_>) -> Result<Option<String>> {
    match fields.object("metadata")? {
        Some(mut metadata) => metadata.text("user_id"),
        None => Ok(None),
    }
}

/// `marks` takes what of `thinking` and `output_config` only this dialect has, by its path.
fn decode_thinking_and_output(fields: &mut Fields<'_>, marks: &mut Extras) -> Result<(Option<Reasoning>, Format)> {
    let mut thinking = decode_thinking(fields, marks)?;
    let mut format = fields.take("output_format").map(|raw| decode_format(raw, "output_format")).transpose()?;
    if let Some(mut output) = fields.object("output_config")? {
        if let Some(word) = output.text("effort")? {
            let effort = Effort::from_word(&word).ok_or_else(|| wrong("output_config.effort", "low, medium, high, xhigh or max"))?;
            let known = thinking.get_or_insert_default();
            known.effort = known.effort.or(Some(effort));
        }
        if let Some(raw) = output.take("format") {
            format = Some(decode_format(raw, "output_config.format")?);
        }
        marks.extend(output.rest().into_iter().map(|(name, raw)| (format!("output_config.{name}"), raw)));
    }
    Ok((thinking, format.unwrap_or_default()))
}

fn decode_thinking(fields: &mut Fields<'_>, marks: &mut Extras) -> Result<Option<Reasoning>> {
    let Some(mut thinking) = fields.object("thinking")? else {
        return Ok(None);
    };
    let reasoning = match thinking.required_text("type")?.as_str() {
        "enabled" => {
            let budget = thinking.count("budget_tokens")?;
            Reasoning { effort: None, budget: Some(thinking.required("budget_tokens", budget)?) }
        }
        "adaptive" => Reasoning::default(),
        "disabled" => Reasoning { effort: Some(Effort::None), budget: None },
        _ => return Err(wrong("thinking.type", "\"enabled\", \"adaptive\" or \"disabled\"")),
    };
    marks.extend(thinking.rest().into_iter().map(|(name, raw)| (format!("thinking.{name}"), raw)));
    Ok(Some(reasoning))
}

fn decode_format(raw: &RawValue, path: &str) -> Result<Format> {
    let mut fields = Fields::of(raw, path.to_owned())?;
    if fields.required_text("type")? != "json_schema" {
        return Err(wrong(&fields.path_of("type"), "\"json_schema\""));
    }
    let schema = fields.take_raw("schema");
    let schema = fields.required("schema", schema)?;
    Ok(Format::JsonSchema { name: None, description: None, schema, strict: None })
}
