use super::contents::{decode_contents, decode_system};
use super::names::{get, list, object, take, text};
use super::schema::json_schema;
use crate::error::{Error, Result};
use crate::ir::{Effort, Extras, Format, Raw, Reasoning, Request, Tool, ToolChoice};
use crate::wire::fields::{Fields, wrong};
use crate::wire::json::Object;
use serde_json::value::RawValue;

/// The model and whether to stream are left open: the address tells them.
pub fn decode_request(body: &[u8]) -> Result<Request> {
    let mut fields = Fields::of_body(body)?;
    let contents = fields.take("contents");
    let mut turns = decode_contents(fields.required("contents", contents)?, "contents")?;
    if turns.is_empty() {
        return Err(Error::invalid("contents: at least one content is required").with_param("contents"));
    }
    if let Some(raw) = take(&mut fields, "systemInstruction") {
        turns.insert(0, decode_system(raw, "systemInstruction")?);
    }
    let mut request = Request { turns, stream_usage: true, ..Request::default() };
    if let Some(raw) = fields.take("tools") {
        decode_tools(raw, &mut request)?;
    }
    if let Some(config) = object(&mut fields, "toolConfig")? {
        decode_choice(config, &mut request)?;
    }
    if let Some(config) = object(&mut fields, "generationConfig")? {
        decode_config(config, &mut request)?;
    }
    // It stands in the address; some repeat it.
    fields.take("model");
    request.extras.extend(fields.rest());
    Ok(request)
}

fn decode_tools(raw: &RawValue, request: &mut Request) -> Result<()> {
    for (at, raw) in list(raw, "tools")?.into_iter().enumerate() {
        let mut fields = Fields::of(raw, format!("tools.{at}"))?;
        let path = fields.path_of("functionDeclarations");
        let declarations = take(&mut fields, "functionDeclarations").map(|raw| list(raw, &path)).transpose()?;
        for (at, raw) in declarations.unwrap_or_default().into_iter().enumerate() {
            let tool = decode_function(raw, format!("{path}.{at}"), &mut request.extras)?;
            request.tools.push(tool);
        }
        for (kind, raw) in fields.rest() {
            let raw = alone(&kind, raw);
            request.tools.push(Tool::Native { kind, raw });
        }
    }
    Ok(())
}

fn alone(kind: &str, raw: Raw) -> Raw {
    let mut out = Vec::new();
    Object::open(&mut out).with(kind, &raw).close();
    String::from_utf8(out).ok().and_then(|text| RawValue::from_string(text).ok()).unwrap_or(raw)
}

/// `marks` takes what only this dialect lets a function have (`response`), by the function's name.
fn decode_function(raw: &RawValue, path: String, marks: &mut Extras) -> Result<Tool> {
    let mut fields = Fields::of(raw, path)?;
    let name = fields.required_text("name")?;
    let description = fields.text("description")?.filter(|description| !description.is_empty());
    let path = fields.path_of("parameters");
    let own = fields.take("parameters").map(|raw| json_schema(raw, &path)).transpose()?;
    let parameters = take(&mut fields, "parametersJsonSchema").map(ToOwned::to_owned).or(own);
    marks.extend(fields.rest().into_iter().map(|(field, raw)| (format!("tools.{name}.{field}"), raw)));
    Ok(Tool::Function { name, description, parameters, strict: None, cache: None })
}

/// A choice among some functions only takes the others away.
fn decode_choice(mut config: Fields<'_>, request: &mut Request) -> Result<()> {
    if let Some(mut calling) = object(&mut config, "functionCallingConfig")? {
        let mode = calling.take("mode").map_or("", RawValue::get).trim_matches('"').to_ascii_uppercase();
        let names: Vec<String> = get(&mut calling, "allowedFunctionNames", "an array of names")?.unwrap_or_default();
        request.tool_choice = match (mode.as_str(), names.as_slice()) {
            ("" | "MODE_UNSPECIFIED" | "0", _) => None,
            ("AUTO" | "1" | "VALIDATED", _) => Some(ToolChoice::Auto),
            ("NONE" | "3", _) => Some(ToolChoice::None),
            ("ANY" | "2", [only]) => Some(ToolChoice::Function(only.clone())),
            ("ANY" | "2", _) => Some(ToolChoice::Required),
            _ => return Err(wrong(&calling.path_of("mode"), "AUTO, ANY, NONE or VALIDATED")),
        };
        if names.len() > 1 {
            request.tools.retain(|tool| !matches!(tool, Tool::Function { name, .. } if !names.contains(name)));
        }
    }
    request.extras.extend(config.rest().into_iter().map(|(name, raw)| (format!("toolConfig.{name}"), raw)));
    Ok(())
}

fn decode_config(mut config: Fields<'_>, request: &mut Request) -> Result<()> {
    request.max_tokens = get(&mut config, "maxOutputTokens", "a non-negative integer")?;
    request.temperature = config.number("temperature")?;
    request.top_p = get(&mut config, "topP", "a number")?;
    request.top_k = get(&mut config, "topK", "a number")?.map(|top_k| whole(top_k, &config.path_of("topK"))).transpose()?;
    request.frequency_penalty = get(&mut config, "frequencyPenalty", "a number")?;
    request.presence_penalty = get(&mut config, "presencePenalty", "a number")?;
    request.seed = config.plain("seed", "an integer")?;
    request.stop = get(&mut config, "stopSequences", "an array of strings")?.unwrap_or_default();
    if get::<u64>(&mut config, "candidateCount", "a number")?.is_some_and(|count| count > 1) {
        let path = config.path_of("candidateCount");
        let message = format!("{path}: a translated answer is one; send 1 or call several times");
        return Err(Error::invalid(message).with_param(path));
    }
    request.format = decode_format(&mut config)?;
    request.reasoning = object(&mut config, "thinkingConfig")?.map(decode_thinking).transpose()?.flatten();
    request.extras.extend(decode_modalities(&mut config)?);
    request.extras.extend(config.rest().into_iter().map(|(name, raw)| (format!("generationConfig.{name}"), raw)));
    Ok(())
}

/// Google's own clients send it as a float.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked to be a small positive number")]
fn whole(number: f64, path: &str) -> Result<u64> {
    if (0.0..1e9).contains(&number) { Ok(number as u64) } else { Err(wrong(path, "a non-negative number")) }
}

fn decode_format(config: &mut Fields<'_>) -> Result<Format> {
    let mime = text(config, "responseMimeType")?;
    let path = config.path_of("responseSchema");
    let own = take(config, "responseSchema").map(|raw| json_schema(raw, &path)).transpose()?;
    let schema = take(config, "responseJsonSchema").or_else(|| config.take("_responseJsonSchema")).map(ToOwned::to_owned).or(own);
    match (mime.as_deref(), schema) {
        (None | Some("" | "text/plain"), None) => Ok(Format::Text),
        (Some("application/json"), None) => Ok(Format::JsonObject),
        (None | Some("" | "application/json"), Some(schema)) => {
            Ok(Format::JsonSchema { name: None, description: None, schema, strict: None })
        }
        _ => Err(wrong(&config.path_of("responseMimeType"), "text/plain, or application/json with or without a schema")),
    }
}

fn decode_thinking(mut config: Fields<'_>) -> Result<Option<Reasoning>> {
    let budget: Option<i64> = get(&mut config, "thinkingBudget", "an integer")?;
    let level = text(&mut config, "thinkingLevel")?.map(|word| word.to_ascii_lowercase());
    let level = level.filter(|word| word != "thinking_level_unspecified");
    let shown: Option<bool> = get(&mut config, "includeThoughts", "true or false")?;
    let effort = match (level.as_deref(), budget) {
        (Some(word), _) => {
            Some(Effort::from_word(word).ok_or_else(|| wrong(&config.path_of("thinkingLevel"), "minimal, low, medium or high"))?)
        }
        (None, Some(0)) => Some(Effort::None),
        (None, _) => None,
    };
    let reasoning = Reasoning { effort, budget: budget.and_then(|budget| u64::try_from(budget).ok()).filter(|budget| *budget > 0) };
    let asked = effort.is_some() || budget.is_some() || shown == Some(true);
    Ok(asked.then_some(reasoning))
}

/// By the name that callers of other dialects give it.
fn decode_modalities(config: &mut Fields<'_>) -> Result<Option<(String, Raw)>> {
    let words: Option<Vec<String>> = get(config, "responseModalities", "an array of strings")?;
    let words: Vec<String> = words.unwrap_or_default().iter().map(|word| word.to_ascii_lowercase()).collect();
    if words.iter().all(|word| word == "text" || word == "modality_unspecified") {
        return Ok(None);
    }
    Ok(serde_json::value::to_raw_value(&words).ok().map(|raw| ("modalities".to_owned(), raw)))
}
