//! What a provider said, read from its own words with no knowledge of the decoders.

use causeway::wire::Dialect;
use causeway::wire::frame::sse;
use serde_json::{Value, json};

use crate::recording::Recording;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Said {
    pub text: String,
    pub thought: String,
    /// Name and arguments.
    pub calls: Vec<(String, Value)>,
    /// Input with what was cached, output with thinking.
    pub usage: Option<(u64, u64)>,
    /// The native word for why it ended.
    pub ending: String,
    /// It failed although its status is good.
    pub failed: bool,
    /// It has pictures, which callers get as text or not at all.
    pub pictures: bool,
}

#[derive(Default)]
struct Calls(Vec<(Option<u64>, String, String, String)>);

impl Calls {
    /// A piece continues the call of its index, or the last; a name with another id begins one.
    fn push(&mut self, index: Option<u64>, id: &str, name: &str, arguments: &str) {
        let same = |call: &&mut (Option<u64>, String, String, String)| match (index, name.is_empty()) {
            (Some(_), true) => call.0 == index,
            (None, true) => true,
            (_, false) => {
                call.0 == index && index.is_some() && call.1 == id && call.2 == name && serde_json::from_str::<Value>(&call.3).is_err()
            }
        };
        match self.0.iter_mut().rev().find(same) {
            Some(call) => call.3.push_str(arguments),
            None if name.is_empty() => {}
            None => self.0.push((index, id.to_owned(), name.to_owned(), arguments.to_owned())),
        }
    }

    fn whole(self) -> Vec<(String, Value)> {
        let parse = |text: &str| serde_json::from_str(if text.trim().is_empty() { "{}" } else { text }).unwrap_or_else(|_| json!(text));
        self.0.into_iter().map(|(_, _, name, arguments)| (name, parse(&arguments))).collect()
    }
}

/// The data of each frame.
pub fn frames(body: &[u8]) -> Vec<(String, String)> {
    let mut parser = sse::Parser::default();
    let mut all = Vec::new();
    let mut keep = |frame: sse::Frame<'_>| {
        all.push((frame.event.unwrap_or_default().to_owned(), String::from_utf8_lossy(frame.data).into_owned()));
    };
    parser.push(body, &mut keep);
    parser.finish(&mut keep);
    all
}

fn values(recording: &Recording) -> Vec<Value> {
    if !recording.streamed {
        return vec![serde_json::from_slice(&recording.body).unwrap()];
    }
    let parse = |(_, data): (String, String)| serde_json::from_str::<Value>(&data).ok();
    frames(&recording.body).into_iter().filter_map(parse).collect()
}

pub fn said(recording: &Recording) -> Said {
    match recording.dialect {
        Dialect::Chat | Dialect::Completions => chat(&values(recording), recording.streamed),
        Dialect::Messages => messages(&values(recording), recording.streamed),
        Dialect::Gemini => gemini(&values(recording)),
        Dialect::Converse => converse(recording),
        Dialect::Cohere => cohere(&values(recording)),
        Dialect::Responses => responses(&values(recording)),
        Dialect::Predictions => predictions(recording),
    }
}

fn number(value: &Value, pointer: &str) -> u64 {
    value.pointer(pointer).and_then(Value::as_f64).unwrap_or(0.0) as u64
}

fn words(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn chat(values: &[Value], streamed: bool) -> Said {
    let mut said = Said::default();
    let mut calls = Calls::default();
    for value in values {
        said.failed |= tells(&value["error"]) || value["object"] == "error";
        let counts = if tells(&value["usage"]) { &value["usage"] } else { &value["x_groq"]["usage"] };
        if tells(counts) && counts.get("prompt_tokens").is_some() {
            let (input, output) = (number(counts, "/prompt_tokens"), number(counts, "/completion_tokens"));
            let beyond = number(counts, "/total_tokens").saturating_sub(input + output);
            // What is in the total alone was heard or thought.
            let heard = beyond > 0 && number(counts, "/prompt_tokens_details/audio_tokens") == beyond;
            said.usage = Some(if heard { (input + beyond, output) } else { (input, output + beyond) });
        }
        for choice in value["choices"].as_array().into_iter().flatten().filter(|choice| choice["index"].as_u64().unwrap_or(0) == 0) {
            said.failed |= tells(&choice["error"]) || choice["finish_reason"] == "error";
            if let Some(word) = choice["finish_reason"].as_str().filter(|word| !word.is_empty()) {
                said.ending = word.to_owned();
            }
            // Some have both: the whole message beside what is new, or something empty beside the whole message.
            let message = if streamed && choice["delta"].is_object() { &choice["delta"] } else { &choice["message"] };
            chat_message(message, &mut said, &mut calls);
        }
    }
    said.calls = calls.whole();
    said
}

fn tells(value: &Value) -> bool {
    !matches!(value, Value::Null | Value::Bool(false)) && *value != json!({}) && *value != json!("") && *value != json!([])
}

fn chat_message(message: &Value, said: &mut Said, calls: &mut Calls) {
    let thought = said.thought.len();
    let reasoning = [words(&message["reasoning_content"]), words(&message["reasoning"])];
    said.thought.push_str(reasoning.into_iter().find(|text| !text.is_empty()).unwrap_or_default());
    match &message["content"] {
        Value::String(text) => said.text.push_str(text),
        Value::Array(parts) => {
            for part in parts {
                said.text.push_str(part.as_str().unwrap_or(words(&part["text"])));
                for inner in part["thinking"].as_array().into_iter().flatten() {
                    said.thought.push_str(words(&inner["text"]));
                }
            }
        }
        object @ Value::Object(_) => said.text.push_str(&object.to_string()),
        _ => {}
    }
    if said.thought.len() == thought {
        for detail in message["reasoning_details"].as_array().into_iter().flatten() {
            said.thought.push_str(detail["text"].as_str().unwrap_or(words(&detail["summary"])));
        }
    }
    said.pictures |= tells(&message["images"]);
    for call in message["tool_calls"].as_array().into_iter().flatten() {
        let function = &call["function"];
        let arguments = match &function["arguments"] {
            Value::String(text) => text.clone(),
            Value::Null => String::new(),
            other => other.to_string(),
        };
        calls.push(call["index"].as_u64(), words(&call["id"]), words(&function["name"]), &arguments);
    }
}

fn messages(values: &[Value], streamed: bool) -> Said {
    let mut said = Said::default();
    let mut calls = Calls::default();
    let mut counts = json!({});
    let merge = |more: &Value, counts: &mut Value| {
        for (name, value) in more.as_object().into_iter().flatten().filter(|(_, value)| !value.is_null()) {
            counts[name] = value.clone();
        }
    };
    let block = |block: &Value, said: &mut Said, calls: &mut Calls| match words(&block["type"]) {
        "text" => said.text.push_str(words(&block["text"])),
        "thinking" => said.thought.push_str(words(&block["thinking"])),
        "tool_use" => {
            let input = if streamed && block["input"] == json!({}) { String::new() } else { block["input"].to_string() };
            calls.push(Some(calls.0.len() as u64), words(&block["id"]), words(&block["name"]), &input);
        }
        _ => {}
    };
    for value in values {
        match words(&value["type"]) {
            "message" => {
                value["content"].as_array().into_iter().flatten().for_each(|part| block(part, &mut said, &mut calls));
                merge(&value["usage"], &mut counts);
                said.ending = words(&value["stop_reason"]).to_owned();
            }
            "message_start" => merge(&value["message"]["usage"], &mut counts),
            "content_block_start" => block(&value["content_block"], &mut said, &mut calls),
            "content_block_delta" => {
                said.text.push_str(words(&value["delta"]["text"]));
                said.thought.push_str(words(&value["delta"]["thinking"]));
                // Server tools have pieces of input too, which nobody else sees; theirs come before any text.
                if let Some(json) = value["delta"]["partial_json"].as_str()
                    && started(values, &value["index"]) == "tool_use"
                    && let Some(last) = calls.0.last_mut()
                {
                    last.3.push_str(json);
                }
            }
            "message_delta" => {
                merge(&value["usage"], &mut counts);
                said.ending = words(&value["delta"]["stop_reason"]).to_owned();
            }
            "error" => said.failed = true,
            _ => {}
        }
    }
    let input =
        number(&counts, "/input_tokens") + number(&counts, "/cache_read_input_tokens") + number(&counts, "/cache_creation_input_tokens");
    said.usage = Some((input, number(&counts, "/output_tokens")));
    said.calls = calls.whole();
    said
}

fn started<'a>(values: &'a [Value], index: &Value) -> &'a str {
    let own = |value: &&Value| value["type"] == "content_block_start" && value["index"] == *index;
    values.iter().find(own).map_or("", |value| words(&value["content_block"]["type"]))
}

fn gemini(values: &[Value]) -> Said {
    let mut said = Said::default();
    for value in values {
        said.failed |= tells(&value["error"]);
        let counts = &value["usageMetadata"];
        if tells(counts) {
            let (input, output) = (number(counts, "/promptTokenCount"), number(counts, "/candidatesTokenCount"));
            said.usage = Some((input + number(counts, "/toolUsePromptTokenCount"), output + number(counts, "/thoughtsTokenCount")));
        }
        let candidate = &value["candidates"][0];
        if tells(&value["promptFeedback"]["blockReason"]) {
            said.ending = "SAFETY".to_owned();
        }
        match &candidate["finishReason"] {
            Value::String(word) => said.ending.clone_from(word),
            // Words may be asked for as numbers.
            Value::Number(number) => said.ending = if *number == 1.into() { "STOP" } else { "MAX_TOKENS" }.to_owned(),
            _ => {}
        }
        for part in candidate["content"]["parts"].as_array().into_iter().flatten() {
            match part["thought"].as_bool() {
                Some(true) => said.thought.push_str(words(&part["text"])),
                _ => said.text.push_str(words(&part["text"])),
            }
            said.pictures |= part.get("inlineData").is_some();
            if let Some(call) = part.get("functionCall") {
                let arguments = if tells(&call["args"]) { call["args"].clone() } else { json!({}) };
                said.calls.push((words(&call["name"]).to_owned(), arguments));
            }
        }
    }
    said
}

fn converse(recording: &Recording) -> Said {
    let mut said = Said::default();
    let mut counts = Value::Null;
    if recording.streamed {
        let mut calls = Calls::default();
        let mut frames = Dialect::Converse.frames();
        frames.push(&recording.body, &mut |frame| {
            let value: Value = serde_json::from_slice(frame.data).unwrap_or_default();
            let delta = &value["delta"];
            said.text.push_str(words(&delta["text"]));
            said.thought.push_str(words(&delta["reasoningContent"]["text"]));
            let call = &value["start"]["toolUse"];
            if call.is_object() {
                calls.push(value["contentBlockIndex"].as_u64(), words(&call["toolUseId"]), words(&call["name"]), "");
            }
            if let Some(input) = delta["toolUse"]["input"].as_str() {
                calls.push(value["contentBlockIndex"].as_u64(), "", "", input);
            }
            if let Some(word) = value["stopReason"].as_str() {
                said.ending = word.to_owned();
            }
            if tells(&value["usage"]) {
                counts = value["usage"].clone();
            }
        });
        said.calls = calls.whole();
    } else {
        let value: Value = serde_json::from_slice(&recording.body).unwrap();
        for part in value["output"]["message"]["content"].as_array().into_iter().flatten() {
            said.text.push_str(words(&part["text"]));
            said.text.push_str(
                &part["citationsContent"]["content"].as_array().into_iter().flatten().map(|c| words(&c["text"])).collect::<String>(),
            );
            said.thought.push_str(words(&part["reasoningContent"]["reasoningText"]["text"]));
            if part["toolUse"].is_object() {
                said.calls.push((words(&part["toolUse"]["name"]).to_owned(), part["toolUse"]["input"].clone()));
            }
        }
        said.ending = words(&value["stopReason"]).to_owned();
        counts = value["usage"].clone();
    }
    let input = number(&counts, "/inputTokens") + number(&counts, "/cacheReadInputTokens") + number(&counts, "/cacheWriteInputTokens");
    said.usage = tells(&counts).then(|| (input, number(&counts, "/outputTokens")));
    said
}

fn cohere(values: &[Value]) -> Said {
    let mut said = Said::default();
    let mut calls = Calls::default();
    for value in values {
        let message = if value["message"].is_object() { &value["message"] } else { &value["delta"]["message"] };
        said.thought.push_str(words(&message["tool_plan"]));
        match &message["content"] {
            Value::Array(parts) => {
                for part in parts {
                    said.text.push_str(words(&part["text"]));
                    said.thought.push_str(words(&part["thinking"]));
                }
            }
            part => {
                said.text.push_str(words(&part["text"]));
                said.thought.push_str(words(&part["thinking"]));
            }
        }
        for call in
            message["tool_calls"].as_array().into_iter().flatten().chain(message["tool_calls"].is_object().then(|| &message["tool_calls"]))
        {
            let arguments = words(&call["function"]["arguments"]);
            calls.push(value["index"].as_u64(), words(&call["id"]), words(&call["function"]["name"]), arguments);
        }
        for reason in [&value["finish_reason"], &value["delta"]["finish_reason"]] {
            if let Some(word) = reason.as_str() {
                said.ending = word.to_owned();
            }
        }
        for counts in [&value["usage"]["tokens"], &value["delta"]["usage"]["tokens"]] {
            if tells(counts) {
                said.usage = Some((number(counts, "/input_tokens"), number(counts, "/output_tokens")));
            }
        }
    }
    said.calls = calls.whole();
    said
}

fn responses(values: &[Value]) -> Said {
    let mut said = Said::default();
    let last = values.last().unwrap();
    let whole = if last["response"].is_object() { &last["response"] } else { last };
    said.failed = whole["status"] == "failed";
    for item in whole["output"].as_array().into_iter().flatten() {
        for part in item["content"].as_array().into_iter().flatten().filter(|_| item["type"] == "message") {
            said.text.push_str(words(&part["text"]));
        }
        for part in item["summary"].as_array().into_iter().flatten() {
            said.thought.push_str(words(&part["text"]));
        }
        if item["type"] == "function_call" {
            let arguments = words(&item["arguments"]);
            said.calls.push((words(&item["name"]).to_owned(), serde_json::from_str(arguments).unwrap_or_else(|_| json!({}))));
        }
    }
    said.ending = match (words(&whole["status"]), words(&whole["incomplete_details"]["reason"])) {
        ("incomplete", why) => why.to_owned(),
        _ => "stop".to_owned(),
    };
    let counts = &whole["usage"];
    said.usage = tells(counts).then(|| (number(counts, "/input_tokens"), number(counts, "/output_tokens")));
    said
}

fn predictions(recording: &Recording) -> Said {
    let mut said = Said::default();
    if recording.streamed {
        said.text = frames(&recording.body).into_iter().filter(|(event, _)| event == "output").map(|(_, data)| data).collect();
        return said;
    }
    let value = &values(recording)[0];
    said.text = match &value["output"] {
        Value::Array(pieces) => pieces.iter().map(words).collect(),
        Value::String(text) => text.clone(),
        _ => String::new(),
    };
    let counts = &value["metrics"];
    said.usage = counts.get("input_token_count").map(|_| (number(counts, "/input_token_count"), number(counts, "/output_token_count")));
    said.failed = matches!(words(&value["status"]), "failed" | "canceled" | "starting" | "processing");
    said
}
