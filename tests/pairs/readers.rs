//! Reads what was sent to a provider back into the one form: by the dialect's own decoder where callers speak it too,
//! else by a small reader of the test's.

use causeway::ir::{
    Effort, Format, Losses, Media, MediaKind, Part, Raw, Reasoning, Request, Role, Source, Text, Thinking, Tool, ToolCall, ToolChoice,
    ToolResult, Turn,
};
use causeway::wire::Dialect;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

pub fn read(provider: Dialect, body: &[u8]) -> Request {
    match provider {
        Dialect::Converse => converse(body),
        Dialect::Cohere => cohere(body),
        Dialect::Predictions => prediction(body),
        Dialect::Gemini => gemini(body),
        own => {
            let mut losses = Losses::default();
            let told = (own.inbound().decode_request)(body, &mut losses);
            told.unwrap_or_else(|error| {
                panic!("{} refuses what was sent: {}\n{}", own.slug(), error.message, String::from_utf8_lossy(body))
            })
        }
    }
}

/// Several answers are asked for here in words that callers do not have.
fn gemini(body: &[u8]) -> Request {
    const TWO: &str = "\"candidateCount\":2";
    let body = String::from_utf8(body.to_vec()).unwrap();
    let one = body.replace(TWO, "\"candidateCount\":1");
    let told = (Dialect::Gemini.inbound().decode_request)(one.as_bytes(), &mut Losses::default());
    let mut request = told.unwrap_or_else(|error| panic!("gemini refuses what was sent: {}\n{body}", error.message));
    request.extras.extend(body.contains(TWO).then(|| ("n".to_owned(), RawValue::from_string("2".to_owned()).unwrap())));
    request
}

fn from<'a, T: Deserialize<'a>>(raw: &'a str) -> T {
    serde_json::from_str(raw).unwrap_or_else(|error| panic!("{error}: {raw}"))
}

fn turn(role: &str, parts: Vec<Part>) -> Turn {
    let role = match role {
        "system" => Role::System,
        "assistant" => Role::Assistant,
        "user" | "tool" => Role::User,
        other => panic!("there is no role {other}"),
    };
    Turn { role, parts, name: None }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Converse<'a> {
    #[serde(borrow)]
    messages: Vec<Message<'a>>,
    #[serde(borrow, default)]
    system: Vec<Block<'a>>,
    #[serde(default)]
    inference_config: Inference,
    #[serde(borrow, default)]
    tool_config: Option<ToolConfig<'a>>,
    #[serde(default)]
    output_config: Option<Value>,
    #[serde(default)]
    additional_model_request_fields: Value,
    #[serde(default, rename = "additionalModelResponseFieldPaths")]
    _paths: Vec<String>,
    #[serde(default)]
    service_tier: Option<Value>,
}

#[derive(Deserialize)]
struct Message<'a> {
    role: String,
    #[serde(borrow)]
    content: Vec<Block<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Block<'a> {
    text: Option<String>,
    image: Option<Value>,
    document: Option<Value>,
    audio: Option<Value>,
    #[serde(borrow)]
    tool_use: Option<Use<'a>>,
    #[serde(borrow)]
    tool_result: Option<Outcome<'a>>,
    reasoning_content: Option<Value>,
    cache_point: Option<Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Use<'a> {
    tool_use_id: String,
    name: String,
    #[serde(borrow)]
    input: &'a RawValue,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Outcome<'a> {
    tool_use_id: String,
    #[serde(borrow)]
    content: Vec<Block<'a>>,
    status: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct Inference {
    max_tokens: Option<u64>,
    temperature: Option<f64>,
    top_p: Option<f64>,
    stop_sequences: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ToolConfig<'a> {
    #[serde(borrow)]
    tools: Vec<ToolEntry<'a>>,
    tool_choice: Option<Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ToolEntry<'a> {
    #[serde(borrow)]
    tool_spec: Option<Spec<'a>>,
    #[serde(rename = "cachePoint")]
    _cache_point: Option<Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Spec<'a> {
    name: String,
    description: Option<String>,
    #[serde(borrow)]
    input_schema: Schema<'a>,
    strict: Option<bool>,
}

#[derive(Deserialize)]
struct Schema<'a> {
    #[serde(borrow)]
    json: &'a RawValue,
}

fn converse(body: &[u8]) -> Request {
    let told: Converse<'_> = from(std::str::from_utf8(body).unwrap());
    let own = &told.additional_model_request_fields;
    let mut turns: Vec<Turn> = Vec::new();
    if !told.system.is_empty() {
        turns.push(turn("system", blocks(told.system)));
    }
    turns.extend(told.messages.into_iter().map(|message| turn(&message.role, blocks(message.content))));
    let (tools, mut tool_choice) = told.tool_config.map(tools).unwrap_or_default();
    let single = own["tool_choice"]["disable_parallel_tool_use"] == true;
    if single {
        tool_choice = Some(ToolChoice::Auto);
    }
    let mut extras = Vec::new();
    extras.extend(told.service_tier.map(|tier| ("service_tier".to_owned(), serde_json::value::to_raw_value(&tier["type"]).unwrap())));
    Request {
        turns,
        tools,
        tool_choice,
        parallel_tools: single.then_some(false),
        max_tokens: told.inference_config.max_tokens,
        temperature: told.inference_config.temperature,
        top_p: told.inference_config.top_p,
        top_k: own["top_k"].as_u64(),
        stop: told.inference_config.stop_sequences,
        format: told.output_config.map(converse_format).unwrap_or_default(),
        reasoning: converse_reasoning(own),
        extras,
        ..Request::default()
    }
}

fn converse_reasoning(own: &Value) -> Option<Reasoning> {
    let effort = own["output_config"]["effort"].as_str().and_then(Effort::from_word);
    match own["thinking"]["type"].as_str() {
        Some("disabled") => Some(Reasoning { effort: Some(Effort::None), budget: None }),
        Some("enabled") => Some(Reasoning { effort: None, budget: own["thinking"]["budget_tokens"].as_u64() }),
        Some("adaptive") => Some(Reasoning { effort, budget: None }),
        Some(other) => panic!("there is no thinking of type {other}"),
        None => effort.map(|effort| Reasoning { effort: Some(effort), budget: None }),
    }
}

fn converse_format(config: Value) -> Format {
    let told = &config["textFormat"]["structure"]["jsonSchema"];
    let schema: Raw = RawValue::from_string(told["schema"].as_str().unwrap().to_owned()).unwrap();
    Format::JsonSchema { name: told["name"].as_str().map(str::to_owned), description: None, schema, strict: None }
}

fn tools(config: ToolConfig<'_>) -> (Vec<Tool>, Option<ToolChoice>) {
    let tool = |spec: Spec<'_>| Tool::Function {
        name: spec.name,
        description: spec.description,
        parameters: Some(spec.input_schema.json.to_owned()),
        strict: spec.strict,
        cache: None,
    };
    let tools = config.tools.into_iter().filter_map(|entry| entry.tool_spec).map(tool).collect();
    let choice = config.tool_choice.map(|choice| match choice.as_object().unwrap().keys().next().unwrap().as_str() {
        "auto" => ToolChoice::Auto,
        "any" => ToolChoice::Required,
        "tool" => ToolChoice::Function(choice["tool"]["name"].as_str().unwrap().to_owned()),
        other => panic!("there is no choice {other}"),
    });
    (tools, choice)
}

fn blocks(blocks: Vec<Block<'_>>) -> Vec<Part> {
    let mut parts: Vec<Part> = Vec::new();
    for block in blocks {
        if block.cache_point.is_some() {
            if let Some(Part::Text(text)) = parts.last_mut() {
                text.cache = Some(RawValue::from_string("{}".to_owned()).unwrap());
            }
            continue;
        }
        parts.push(part(block));
    }
    parts
}

fn part(block: Block<'_>) -> Part {
    if let Some(text) = block.text {
        return Part::text(text);
    }
    if let Some(call) = block.tool_use {
        return Part::ToolCall(ToolCall { id: call.tool_use_id, name: call.name, arguments: call.input.get().to_owned(), cache: None });
    }
    if let Some(result) = block.tool_result {
        let is_error = result.status.as_deref() == Some("error");
        return Part::ToolResult(ToolResult { call_id: result.tool_use_id, parts: blocks(result.content), is_error, cache: None });
    }
    if let Some(told) = block.reasoning_content {
        let word = |value: &Value| value.as_str().map(str::to_owned);
        let text = word(&told["reasoningText"]["text"]).unwrap_or_default();
        let (signature, redacted) = (word(&told["reasoningText"]["signature"]), word(&told["redactedContent"]));
        return Part::Thinking(Thinking { text, signature, redacted });
    }
    let known = [
        (MediaKind::Image, "image", block.image),
        (MediaKind::Document, "application", block.document),
        (MediaKind::Audio, "audio", block.audio),
    ];
    let (kind, family, told) = known.into_iter().find_map(|(kind, family, told)| Some((kind, family, told?))).unwrap();
    let format = told["format"].as_str().unwrap();
    let source = match (&told["source"]["bytes"], &told["source"]["text"]) {
        (Value::String(data), _) => Source::Inline { media_type: format!("{family}/{format}"), data: data.clone() },
        (_, Value::String(text)) => Source::Text(text.clone()),
        _ => Source::Url(told["source"]["s3Location"]["uri"].as_str().unwrap().to_owned()),
    };
    Part::Media(Media { kind, source, name: told["name"].as_str().map(str::to_owned), detail: None, cache: None })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Cohere<'a> {
    #[serde(rename = "model")]
    _model: String,
    #[serde(borrow)]
    messages: Vec<CohereMessage<'a>>,
    #[serde(borrow, default)]
    tools: Vec<CohereTool<'a>>,
    tool_choice: Option<String>,
    strict_tools: Option<bool>,
    #[serde(borrow)]
    response_format: Option<CohereFormat<'a>>,
    thinking: Option<Value>,
    max_tokens: Option<u64>,
    temperature: Option<f64>,
    p: Option<f64>,
    k: Option<u64>,
    frequency_penalty: Option<f64>,
    presence_penalty: Option<f64>,
    seed: Option<i64>,
    #[serde(default)]
    stop_sequences: Vec<String>,
    stream: Option<bool>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CohereMessage<'a> {
    role: String,
    #[serde(default)]
    content: Value,
    tool_call_id: Option<String>,
    tool_plan: Option<String>,
    #[serde(borrow, default)]
    tool_calls: Vec<CohereCall<'a>>,
}

#[derive(Deserialize)]
struct CohereCall<'a> {
    id: String,
    #[serde(borrow)]
    function: CohereFunction<'a>,
}

#[derive(Deserialize)]
struct CohereTool<'a> {
    #[serde(borrow)]
    function: CohereFunction<'a>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CohereFunction<'a> {
    name: String,
    description: Option<String>,
    arguments: Option<String>,
    #[serde(borrow)]
    parameters: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct CohereFormat<'a> {
    #[serde(borrow)]
    json_schema: Option<&'a RawValue>,
}

fn cohere(body: &[u8]) -> Request {
    let told: Cohere<'_> = from(std::str::from_utf8(body).unwrap());
    let strict = told.strict_tools;
    let tool = |tool: CohereTool<'_>| Tool::Function {
        name: tool.function.name,
        description: tool.function.description,
        parameters: tool.function.parameters.map(ToOwned::to_owned),
        strict,
        cache: None,
    };
    Request {
        turns: told.messages.into_iter().map(cohere_turn).collect(),
        tools: told.tools.into_iter().map(tool).collect(),
        tool_choice: told.tool_choice.map(|word| match word.as_str() {
            "REQUIRED" => ToolChoice::Required,
            "NONE" => ToolChoice::None,
            other => panic!("there is no choice {other}"),
        }),
        max_tokens: told.max_tokens,
        temperature: told.temperature,
        top_p: told.p,
        top_k: told.k,
        frequency_penalty: told.frequency_penalty,
        presence_penalty: told.presence_penalty,
        seed: told.seed,
        stop: told.stop_sequences,
        format: match told.response_format {
            None => Format::Text,
            Some(CohereFormat { json_schema: None }) => Format::JsonObject,
            Some(CohereFormat { json_schema: Some(schema) }) => {
                Format::JsonSchema { name: None, description: None, schema: schema.to_owned(), strict: None }
            }
        },
        reasoning: told.thinking.map(|thinking| Reasoning {
            effort: (thinking["type"] == "disabled").then_some(Effort::None),
            budget: thinking["token_budget"].as_u64(),
        }),
        stream: told.stream.unwrap_or(false),
        ..Request::default()
    }
}

fn cohere_turn(message: CohereMessage<'_>) -> Turn {
    let mut parts: Vec<Part> = message.tool_plan.into_iter().map(|text| Part::Thinking(Thinking { text, ..Thinking::default() })).collect();
    match message.content {
        Value::Null => {}
        Value::String(text) => parts.push(Part::text(text)),
        Value::Array(list) => parts.extend(list.iter().map(cohere_part)),
        other => panic!("content is {other}"),
    }
    if let Some(call_id) = message.tool_call_id {
        parts = vec![Part::ToolResult(ToolResult { call_id, parts, is_error: false, cache: None })];
    }
    parts.extend(message.tool_calls.into_iter().map(|call| {
        let arguments = call.function.arguments.unwrap();
        Part::ToolCall(ToolCall { id: call.id, name: call.function.name, arguments, cache: None })
    }));
    turn(&message.role, parts)
}

fn cohere_part(part: &Value) -> Part {
    let word = |value: &Value| value.as_str().unwrap().to_owned();
    match part["type"].as_str().unwrap() {
        "text" => Part::Text(Text { text: word(&part["text"]), ..Text::default() }),
        "thinking" => Part::Thinking(Thinking { text: word(&part["thinking"]), ..Thinking::default() }),
        "image_url" => {
            let url = word(&part["image_url"]["url"]);
            let inline = url.strip_prefix("data:").and_then(|rest| rest.split_once(";base64,"));
            let source = match inline {
                Some((media_type, data)) => Source::Inline { media_type: media_type.to_owned(), data: data.to_owned() },
                None => Source::Url(url),
            };
            let detail = part["image_url"]["detail"].as_str().map(str::to_owned);
            Part::Media(Media { kind: MediaKind::Image, source, name: None, detail, cache: None })
        }
        other => panic!("there is no part of type {other}"),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Prediction {
    input: Input,
    stream: Option<bool>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Input {
    prompt: String,
    system_prompt: Option<String>,
    max_tokens: Option<u64>,
    temperature: Option<f64>,
    top_p: Option<f64>,
    top_k: Option<u64>,
    frequency_penalty: Option<f64>,
    presence_penalty: Option<f64>,
    seed: Option<i64>,
    stop_sequences: Option<String>,
}

fn prediction(body: &[u8]) -> Request {
    let Prediction { input, stream } = from(std::str::from_utf8(body).unwrap());
    let mut turns: Vec<Turn> = input.system_prompt.into_iter().map(|text| turn("system", vec![Part::text(text)])).collect();
    turns.extend(prompt(&input.prompt));
    Request {
        turns,
        max_tokens: input.max_tokens,
        temperature: input.temperature,
        top_p: input.top_p,
        top_k: input.top_k,
        frequency_penalty: input.frequency_penalty,
        presence_penalty: input.presence_penalty,
        seed: input.seed,
        stop: input.stop_sequences.iter().flat_map(|all| all.split(',')).map(str::to_owned).collect(),
        stream: stream.unwrap_or(false),
        ..Request::default()
    }
}

/// The turns that a prompt renders: `User: ...`, `Assistant: ...`, or a text alone.
fn prompt(prompt: &str) -> Vec<Turn> {
    let Some(turns) = prompt.strip_suffix("\n\nAssistant:") else { return vec![turn("user", vec![Part::text(prompt)])] };
    let mut spoken: Vec<(&str, String)> = Vec::new();
    for piece in turns.split("\n\n") {
        match (piece.strip_prefix("User: "), piece.strip_prefix("Assistant: "), spoken.last_mut()) {
            (Some(text), ..) => spoken.push(("user", text.to_owned())),
            (_, Some(text), _) => spoken.push(("assistant", text.to_owned())),
            (_, _, Some((_, before))) => *before = format!("{before}\n\n{piece}"),
            (_, _, None) => panic!("nobody says {piece}"),
        }
    }
    spoken.into_iter().map(|(role, text)| turn(role, vec![Part::text(text)])).collect()
}
