//! What a caller heard, read as its dialect's clients read it, with every breach of the dialect named.

use causeway::wire::Dialect;
use serde_json::{Value, json};

use crate::said::frames;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Heard {
    pub text: String,
    pub thought: String,
    /// Name and arguments.
    pub calls: Vec<(String, Value)>,
    pub ids: Vec<String>,
    /// Why it ended, in the caller's dialect; more than one is a breach.
    pub endings: Vec<String>,
    /// Input, output.
    pub usage: Option<(u64, u64)>,
    pub failed: bool,
    /// What marks a stream's end was sent.
    pub closed: bool,
    pub breaches: Vec<String>,
}

pub fn heard(caller: Dialect, streamed: bool, body: &str) -> Heard {
    let mut heard = Heard::default();
    if parse(body)["error"].is_object() {
        return Heard { failed: true, ..heard };
    }
    match (caller, streamed) {
        (Dialect::Chat, false) => chat(&parse(body), &mut heard),
        (Dialect::Chat, true) => chat_stream(body, &mut heard),
        (Dialect::Messages, false) => messages(&parse(body), &mut heard),
        (Dialect::Messages, true) => messages_stream(body, &mut heard),
        (Dialect::Responses, false) => responses(&parse(body), &mut heard),
        (Dialect::Responses, true) => responses_stream(body, &mut heard),
        (_, false) => gemini(&parse(body), &mut heard),
        (_, true) => gemini_stream(body, &mut heard),
    }
    for (at, id) in heard.ids.iter().enumerate() {
        if id.is_empty() || heard.ids[..at].contains(id) {
            heard.breaches.push(format!("call id {id:?} is empty or repeated"));
        }
    }
    heard
}

fn parse(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| json!({"unparsed": text}))
}

fn words(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

impl Heard {
    fn must(&mut self, holds: bool, what: impl Into<String>) {
        if !holds {
            self.breaches.push(what.into());
        }
    }

    /// Arguments that a bound cut short are no JSON; they are compared as they are.
    fn arguments(&mut self, text: &str) -> Value {
        serde_json::from_str(text).unwrap_or_else(|_| json!(text))
    }

    fn count(&mut self, input: &Value, output: &Value, total: Option<&Value>) {
        let (Some(input), Some(output)) = (input.as_u64(), output.as_u64()) else {
            return self.must(false, "usage has no whole numbers");
        };
        self.must(total.is_none_or(|total| total.as_u64() == Some(input + output)), format!("total is not {input} + {output}: {total:?}"));
        self.usage = Some((input, output));
    }

    fn ended(&mut self, word: &str, known: &[&str]) {
        self.must(known.contains(&word), format!("ending {word:?} is not of the dialect"));
        self.endings.push(word.to_owned());
    }
}

const CHAT_ENDINGS: &[&str] = &["stop", "length", "tool_calls", "content_filter"];

fn chat_usage(usage: &Value, heard: &mut Heard) {
    heard.count(&usage["prompt_tokens"], &usage["completion_tokens"], Some(&usage["total_tokens"]));
    let (input, output) = heard.usage.unwrap_or_default();
    let detail = |pointer: &str| usage.pointer(pointer).and_then(Value::as_u64).unwrap_or(0);
    heard.must(detail("/prompt_tokens_details/cached_tokens") <= input, "more was cached than asked");
    heard.must(detail("/completion_tokens_details/reasoning_tokens") <= output, "more was thought than said");
}

fn chat(value: &Value, heard: &mut Heard) {
    heard.must(value["object"] == "chat.completion", "object");
    heard.must(!words(&value["id"]).is_empty(), "id");
    heard.must(!words(&value["model"]).is_empty(), "model");
    heard.must(value["created"].is_u64(), "created");
    let choice = &value["choices"][0];
    heard.must(choice["index"] == 0, "index of the choice");
    let message = &choice["message"];
    heard.must(message["role"] == "assistant", "role");
    heard.must(message["content"].is_string() || message["content"].is_null(), "content is no string");
    heard.text = words(&message["content"]).to_owned() + words(&message["refusal"]);
    heard.thought = words(&message["reasoning_content"]).to_owned();
    for call in message["tool_calls"].as_array().into_iter().flatten() {
        heard.must(call["type"] == "function", "type of a call");
        heard.must(call["function"]["arguments"].is_string(), "arguments are no string");
        let arguments = heard.arguments(words(&call["function"]["arguments"]));
        heard.calls.push((words(&call["function"]["name"]).to_owned(), arguments));
        heard.ids.push(words(&call["id"]).to_owned());
    }
    heard.ended(words(&choice["finish_reason"]), CHAT_ENDINGS);
    if !value["usage"].is_null() {
        chat_usage(&value["usage"], heard);
    }
}

fn chat_stream(body: &str, heard: &mut Heard) {
    let all = frames(body.as_bytes());
    let done = all.iter().filter(|(_, data)| data.trim() == "[DONE]").count();
    heard.must(done <= 1, "more than one [DONE]");
    heard.closed = done > 0;
    heard.must(done == 0 || all.last().is_some_and(|(_, data)| data.trim() == "[DONE]"), "[DONE] is not last");
    let mut arguments: Vec<(String, String, String)> = Vec::new();
    let mut first: Option<Value> = None;
    for (_, data) in all.iter().filter(|(_, data)| data.trim() != "[DONE]") {
        let value = parse(data);
        if value["error"].is_object() {
            heard.failed = true;
            continue;
        }
        heard.must(!heard.failed, "something comes after an error");
        heard.must(value["object"] == "chat.completion.chunk", format!("object of {data}"));
        heard.must(value["created"].is_u64() && !words(&value["model"]).is_empty(), format!("created or model of {data}"));
        heard.must(!words(&value["id"]).is_empty(), format!("id of {data}"));
        let same = first.get_or_insert_with(|| value.clone())["id"] == value["id"];
        heard.must(same, format!("another id in {data}"));
        if !value["usage"].is_null() {
            heard.must(heard.usage.is_none(), "usage twice");
            heard.must(value["choices"] == json!([]), "usage beside choices");
            chat_usage(&value["usage"], heard);
        }
        for choice in value["choices"].as_array().into_iter().flatten().filter(|choice| choice["index"].as_u64().unwrap_or(0) == 0) {
            heard.must(choice["index"] == 0, format!("index of a choice in {data}"));
            heard.must(heard.endings.is_empty(), format!("a chunk after the finish_reason: {data}"));
            let delta = &choice["delta"];
            heard.must(delta["content"].is_null() || delta["content"].is_string(), "content is no string");
            heard.text += &(words(&delta["content"]).to_owned() + words(&delta["refusal"]));
            heard.thought += words(&delta["reasoning_content"]);
            for call in delta["tool_calls"].as_array().into_iter().flatten() {
                let Some(index) = call["index"].as_u64().and_then(|index| usize::try_from(index).ok()) else {
                    heard.must(false, "a call has no index");
                    continue;
                };
                let function = &call["function"];
                if index == arguments.len() {
                    heard.must(
                        call["type"] == "function" && !words(&function["name"]).is_empty(),
                        format!("a call begins without type or name: {data}"),
                    );
                    arguments.push((words(&function["name"]).to_owned(), words(&call["id"]).to_owned(), String::new()));
                }
                heard.must(index < arguments.len(), format!("index of a call in {data}"));
                if let Some(known) = arguments.get_mut(index) {
                    known.2 += words(&function["arguments"]);
                    let again = words(&call["id"]);
                    let kept = again.is_empty() || again == known.1;
                    heard.must(kept, format!("a call changes its id in {data}"));
                }
            }
            if !choice["finish_reason"].is_null() {
                heard.ended(words(&choice["finish_reason"]), CHAT_ENDINGS);
            }
        }
    }
    let begins = first
        .as_ref()
        .and_then(|value| value["choices"].as_array())
        .is_none_or(|choices| choices.first().is_some_and(|choice| choice["delta"]["role"] == "assistant"));
    heard.must(begins, format!("role is not first: {first:?}"));
    for (name, id, text) in arguments {
        let value = if heard.endings.is_empty() { json!(text) } else { heard.arguments(&text) };
        heard.calls.push((name, value));
        heard.ids.push(id);
    }
}

/// Arguments that are no JSON, as they stand where only an object may.
fn unwrapped(input: &Value) -> Value {
    input.get("INVALID_JSON").unwrap_or(input).clone()
}

const STOP_REASONS: &[&str] =
    &["end_turn", "max_tokens", "stop_sequence", "tool_use", "pause_turn", "refusal", "model_context_window_exceeded"];

fn messages_usage(usage: &Value, heard: &mut Heard) {
    heard.must(usage["input_tokens"].is_u64() && usage["output_tokens"].is_u64(), format!("usage: {usage}"));
    let count = |name: &str| usage[name].as_u64().unwrap_or(0);
    let input = count("input_tokens") + count("cache_read_input_tokens") + count("cache_creation_input_tokens");
    heard.usage = Some((input, count("output_tokens")));
}

fn block(block: &Value, heard: &mut Heard) {
    match words(&block["type"]) {
        "text" => heard.text += words(&block["text"]),
        "thinking" => {
            heard.must(block["signature"].is_string(), "thinking without signature");
            heard.thought += words(&block["thinking"]);
        }
        "tool_use" => {
            heard.calls.push((words(&block["name"]).to_owned(), unwrapped(&block["input"])));
            heard.ids.push(words(&block["id"]).to_owned());
        }
        _ => {}
    }
}

fn messages(value: &Value, heard: &mut Heard) {
    heard.must(value["type"] == "message" && value["role"] == "assistant", "type or role");
    heard.must(!words(&value["id"]).is_empty() && !words(&value["model"]).is_empty(), "id or model");
    heard.must(value["content"].is_array(), "content");
    value["content"].as_array().into_iter().flatten().for_each(|part| block(part, heard));
    heard.ended(words(&value["stop_reason"]), STOP_REASONS);
    messages_usage(&value["usage"], heard);
}

fn messages_stream(body: &str, heard: &mut Heard) {
    let mut blocks: Vec<Value> = Vec::new();
    let mut open = false;
    let mut input = String::new();
    for (at, (event, data)) in frames(body.as_bytes()).into_iter().enumerate() {
        let value = parse(&data);
        let kind = words(&value["type"]);
        heard.must(event == kind, format!("event {event} of {data}"));
        heard.must(!heard.closed, "something comes after the end");
        if kind != "error" && kind != "ping" {
            heard.must((at == 0) == (kind == "message_start"), format!("message_start is not first: {data}"));
        }
        match kind {
            "message_start" => {
                heard.must(value["message"]["content"] == json!([]), "a message starts with content");
                messages_usage(&value["message"]["usage"], heard);
            }
            "content_block_start" => {
                heard.must(!open && value["index"] == blocks.len(), format!("block out of order: {data}"));
                (open, input) = (true, String::new());
                blocks.push(value["content_block"].clone());
            }
            "content_block_delta" => {
                heard.must(
                    open && value["index"].as_u64().is_some_and(|index| index + 1 == blocks.len() as u64),
                    format!("delta out of order: {data}"),
                );
                let (delta, last) = (&value["delta"], blocks.last_mut().unwrap());
                for name in ["text", "thinking", "signature"] {
                    if let Some(more) = delta[name].as_str() {
                        last[name] = json!(words(&last[name]).to_owned() + more);
                    }
                }
                input += words(&delta["partial_json"]);
            }
            "content_block_stop" => {
                heard.must(
                    open && value["index"].as_u64().is_some_and(|index| index + 1 == blocks.len() as u64),
                    format!("stop out of order: {data}"),
                );
                open = false;
                if !input.trim().is_empty() {
                    let parsed = heard.arguments(&input);
                    blocks.last_mut().unwrap()["input"] = parsed;
                }
            }
            "message_delta" => {
                heard.must(!open, "an open block at the end");
                heard.ended(words(&value["delta"]["stop_reason"]), STOP_REASONS);
                let usage = &value["usage"];
                heard.must(usage["output_tokens"].is_u64(), "no output_tokens at the end");
                if usage["input_tokens"].is_u64() {
                    messages_usage(usage, heard);
                } else if let Some(told) = &mut heard.usage {
                    told.1 = usage["output_tokens"].as_u64().unwrap_or(0);
                }
            }
            "message_stop" => heard.closed = true,
            "error" => heard.failed = true,
            "ping" => {}
            other => heard.must(false, format!("unknown event {other}")),
        }
    }
    blocks.iter().for_each(|part| block(part, heard));
}

fn responses(value: &Value, heard: &mut Heard) {
    heard.must(value["object"] == "response", "object");
    for item in value["output"].as_array().into_iter().flatten() {
        match words(&item["type"]) {
            "message" => {
                for part in item["content"].as_array().into_iter().flatten() {
                    heard.text += words(&part["text"]);
                    heard.text += words(&part["refusal"]);
                }
            }
            "reasoning" => {
                let parts = item["summary"].as_array().into_iter().flatten();
                heard.thought += &parts.map(|part| words(&part["text"])).collect::<String>();
            }
            "function_call" => {
                let arguments = heard.arguments(words(&item["arguments"]));
                heard.calls.push((words(&item["name"]).to_owned(), arguments));
                heard.ids.push(words(&item["call_id"]).to_owned());
            }
            _ => {}
        }
    }
    let ending = match words(&value["status"]) {
        "completed" => "stop",
        "incomplete" => words(&value["incomplete_details"]["reason"]),
        "failed" => {
            heard.failed = true;
            return;
        }
        other => other,
    };
    heard.ended(ending, &["stop", "max_output_tokens", "content_filter"]);
    let usage = &value["usage"];
    if !usage.is_null() {
        heard.count(&usage["input_tokens"], &usage["output_tokens"], Some(&usage["total_tokens"]));
    }
}

fn responses_stream(body: &str, heard: &mut Heard) {
    let mut text = String::new();
    for (at, (event, data)) in frames(body.as_bytes()).into_iter().filter(|(_, data)| data.trim() != "[DONE]").enumerate() {
        let value = parse(&data);
        let kind = words(&value["type"]);
        heard.must(event == kind, format!("event {event} of {data}"));
        heard.must(value["sequence_number"].is_u64(), format!("no sequence_number in {data}"));
        heard.must(!heard.closed, "something comes after the end");
        heard.must(at > 0 || matches!(kind, "response.created" | "error"), "response.created is not first");
        match kind {
            "response.output_text.delta" | "response.refusal.delta" => text += words(&value["delta"]),
            "response.completed" | "response.incomplete" | "response.failed" => {
                heard.closed = true;
                responses(&value["response"], heard);
            }
            "error" => heard.failed = true,
            _ => {}
        }
    }
    if heard.endings.is_empty() {
        heard.text = text;
    } else {
        let same = heard.text == text;
        heard.must(same, "the pieces are not the whole");
    }
}

fn gemini(value: &Value, heard: &mut Heard) {
    let candidate = &value["candidates"][0];
    for part in candidate["content"]["parts"].as_array().into_iter().flatten() {
        match part["thought"].as_bool() {
            Some(true) => heard.thought += words(&part["text"]),
            _ => heard.text += words(&part["text"]),
        }
        if let Some(call) = part.get("functionCall") {
            heard.must(call["args"].is_object() || call["args"].is_null(), "args are no object");
            let arguments = if call["args"].is_null() { json!({}) } else { call["args"].clone() };
            heard.calls.push((words(&call["name"]).to_owned(), unwrapped(&arguments)));
        }
    }
    match &candidate["finishReason"] {
        Value::String(word) => heard.endings.push(word.clone()),
        // Words may be asked for as numbers.
        Value::Number(number) if *number == 1.into() => heard.endings.push("STOP".to_owned()),
        Value::Number(_) => heard.endings.push("MAX_TOKENS".to_owned()),
        _ => {}
    }
    let usage = &value["usageMetadata"];
    if !usage.is_null() {
        let count = |name: &str| usage[name].as_u64().unwrap_or(0);
        let input = count("promptTokenCount") + count("toolUsePromptTokenCount");
        heard.usage = Some((input, count("candidatesTokenCount") + count("thoughtsTokenCount")));
    }
}

fn gemini_stream(body: &str, heard: &mut Heard) {
    for (_, data) in frames(body.as_bytes()) {
        let value = parse(&data);
        if value["error"].is_object() {
            heard.failed = true;
            continue;
        }
        gemini(&value, heard);
    }
    heard.closed = !heard.endings.is_empty();
}
