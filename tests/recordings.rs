//! Real payloads of real providers: each must be read without loss of text, tool calls or usage, in whatever pieces
//! it comes. They lie beside the repository; where they do not, this says so and passes.

#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::path::{Path, PathBuf};

use causeway::ir::{Event, Fold, Grammar, Part, Response};
use causeway::wire::frame::sse;
use causeway::wire::{Dialect, chat, messages};
use serde_json::Value;

/// Folders whose chat completions are in OpenAI's dialect.
const CHAT: &[&str] = &[
    "openai",
    "azure-openai",
    "azure-foundry",
    "groq",
    "deepseek",
    "mistral",
    "together",
    "perplexity",
    "fireworks",
    "xai",
    "openrouter",
    "ollama",
    "cerebras",
    "sambanova",
    "huggingface",
    "workers-ai",
    "ai21",
    "openai-compatible",
];

struct Recording {
    name: String,
    request: Value,
    status: u64,
    body: Option<Value>,
    sse: Option<String>,
}

fn recordings(folders: &[&str], path: &str) -> Vec<Recording> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/recordings");
    if !root.exists() {
        println!("skipped: there are no recordings beside the repository");
        return Vec::new();
    }
    let mut found = Vec::new();
    for folder in folders {
        let mut files: Vec<PathBuf> = std::fs::read_dir(root.join(folder)).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.sort();
        for file in files {
            let all: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
            let url = all["request"]["url"].as_str().unwrap_or_default().split('?').next().unwrap_or_default();
            if !url.ends_with(path) {
                continue;
            }
            let response = &all["response"];
            found.push(Recording {
                name: file.file_stem().unwrap().to_string_lossy().into_owned(),
                request: all["request"]["body"].clone(),
                status: response["status"].as_u64().unwrap(),
                body: response.get("body").filter(|body| body.is_object()).cloned(),
                sse: response["sse"].as_str().map(str::to_owned),
            });
        }
    }
    found
}

fn events(dialect: Dialect, stream: &[u8], piece: usize) -> Vec<Event> {
    let mut frames = sse::Parser::default();
    let mut reader = (dialect.outbound().reader)();
    let mut events = Vec::new();
    for bytes in stream.chunks(piece) {
        frames.push(bytes, &mut |frame| reader.push(frame, &mut events));
    }
    frames.finish(&mut |frame| reader.push(frame, &mut events));
    reader.finish(None, &mut events);
    let mut grammar = Grammar::default();
    for event in &events {
        grammar = grammar.step(event).unwrap_or_else(|why| panic!("{why}: {event:?}"));
    }
    assert_eq!(grammar, Grammar::Over);
    events
}

fn fold(events: Vec<Event>) -> Result<Response, causeway::error::Error> {
    let mut fold = Fold::default();
    events.into_iter().for_each(|event| fold.push(event));
    fold.finish()
}

fn text(response: &Response) -> String {
    response.parts.iter().filter_map(|part| if let Part::Text(text) = part { Some(text.text.as_str()) } else { None }).collect()
}

fn thinking(response: &Response) -> String {
    response.parts.iter().filter_map(|part| if let Part::Thinking(part) = part { Some(part.text.as_str()) } else { None }).collect()
}

fn calls(response: &Response) -> Vec<(String, String)> {
    let call = |part: &Part| if let Part::ToolCall(call) = part { Some((call.name.clone(), call.arguments.clone())) } else { None };
    response.parts.iter().filter_map(call).collect()
}

/// What a message or a delta says, read with no knowledge of the decoder.
fn said(value: &Value, text: &mut String, thought: &mut String) {
    match &value["content"] {
        Value::String(words) => text.push_str(words),
        Value::Array(parts) => {
            for part in parts {
                text.push_str(part["text"].as_str().unwrap_or_default());
                for inner in part["thinking"].as_array().into_iter().flatten() {
                    thought.push_str(inner["text"].as_str().unwrap_or_default());
                }
            }
        }
        Value::Object(object) => text.push_str(&Value::Object(object.clone()).to_string()),
        _ => {}
    }
    let words = value["reasoning_content"].as_str().or(value["reasoning"].as_str()).unwrap_or_default();
    thought.push_str(words);
}

#[test]
fn every_recorded_chat_answer_is_read_whole() {
    let mut count = 0;
    for recording in recordings(CHAT, "/chat/completions").into_iter().filter(|recording| recording.status == 200) {
        let Some(body) = &recording.body else { continue };
        let choice = &body["choices"][0];
        let response = chat::decode_response(body.to_string().as_bytes()).unwrap_or_else(|error| panic!("{}: {error:?}", recording.name));
        let (mut words, mut thought) = (String::new(), String::new());
        said(&choice["message"], &mut words, &mut thought);
        let same = |left: &str, right: &str| left == right || serde_json::from_str::<Value>(left).ok() == serde_json::from_str(right).ok();
        assert!(same(&text(&response), &words), "{}", recording.name);
        assert_eq!(thinking(&response), thought, "{}", recording.name);
        let expected: Vec<String> = choice["message"]["tool_calls"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|call| call["function"]["name"].as_str().unwrap().to_owned())
            .collect();
        assert_eq!(calls(&response).into_iter().map(|(name, _)| name).collect::<Vec<_>>(), expected, "{}", recording.name);
        for (_, arguments) in calls(&response) {
            let cut = choice["finish_reason"] == "length";
            assert!(cut || serde_json::from_str::<Value>(&arguments).unwrap().is_object(), "{}", recording.name);
        }
        if let Some(prompt) = body["usage"]["prompt_tokens"].as_u64() {
            let usage = response.usage.unwrap();
            // Mistral counts what was heard aside; the total has it in.
            let heard = body["usage"]["total_tokens"].as_u64().filter(|_| body["usage"]["prompt_audio_seconds"].is_u64());
            let prompt = heard.map_or(prompt, |total| total - body["usage"]["completion_tokens"].as_u64().unwrap());
            assert_eq!(usage.input, prompt, "{}", recording.name);
            assert!(usage.output >= body["usage"]["completion_tokens"].as_u64().unwrap(), "{}", recording.name);
        }
        count += 1;
    }
    println!("{count} answers");
}

#[test]
fn every_recorded_chat_stream_is_read_whole_in_any_pieces() {
    let mut count = 0;
    for recording in recordings(CHAT, "/chat/completions").into_iter().filter(|recording| recording.status == 200) {
        let Some(stream) = &recording.sse else { continue };
        let whole = events(Dialect::Chat, stream.as_bytes(), usize::MAX);
        for piece in [1, 7, 4096] {
            assert_eq!(
                format!("{:?}", events(Dialect::Chat, stream.as_bytes(), piece)),
                format!("{whole:?}"),
                "{} in pieces of {piece}",
                recording.name
            );
        }
        let (mut words, mut thought, mut names, mut failed, mut counted) = (String::new(), String::new(), Vec::new(), false, None);
        for line in stream.lines().filter_map(|line| line.trim_end().strip_prefix("data:")) {
            let Ok(chunk) = serde_json::from_str::<Value>(line.trim()) else { continue };
            failed |= chunk["error"].is_object();
            counted = chunk["usage"]["prompt_tokens"].as_u64().or(chunk["x_groq"]["usage"]["prompt_tokens"].as_u64()).or(counted);
            for choice in chunk["choices"].as_array().into_iter().flatten().filter(|choice| choice["index"].as_u64().unwrap_or(0) == 0) {
                said(&choice["delta"], &mut words, &mut thought);
                for call in choice["delta"]["tool_calls"].as_array().into_iter().flatten() {
                    names.extend(call["function"]["name"].as_str().filter(|name| !name.is_empty()).map(str::to_owned));
                }
            }
        }
        let response = match fold(whole) {
            Ok(response) => response,
            Err(error) => {
                assert!(failed || recording.name.contains("midstream") || recording.name.contains("cut"), "{}: {error:?}", recording.name);
                continue;
            }
        };
        assert_eq!(text(&response), words, "{}", recording.name);
        assert_eq!(thinking(&response), thought, "{}", recording.name);
        assert_eq!(calls(&response).into_iter().map(|(name, _)| name).collect::<Vec<_>>(), names, "{}", recording.name);
        assert_eq!(response.usage.map(|usage| usage.input), counted, "{}", recording.name);
        count += 1;
    }
    println!("{count} streams");
}

#[test]
fn every_recorded_chat_request_keeps_its_meaning_through_the_one_form() {
    let mut count = 0;
    for recording in
        recordings(CHAT, "/chat/completions").into_iter().filter(|recording| recording.status == 200 && recording.request.is_object())
    {
        let body = recording.request.to_string();
        let request = chat::decode_request(body.as_bytes()).unwrap_or_else(|error| panic!("{}: {error:?}", recording.name));
        let mut losses = causeway::ir::Losses::default();
        let encoded = chat::encode_request(&request, true, &Default::default(), &mut losses);
        let encoded = encoded.unwrap_or_else(|error| panic!("{}: {error:?}", recording.name));
        assert!(losses.is_empty(), "{}: {losses:?}", recording.name);
        let again = chat::decode_request(&encoded).unwrap();
        let shape = |request: &causeway::ir::Request| {
            let shape = format!("{:?} {:?} {:?} {:?}", request.turns, request.tools, request.tool_choice, request.format);
            // A file has to have a name.
            shape.replace("name: Some(\"document.pdf\")", "name: None")
        };
        assert_eq!(shape(&again), shape(&request), "{}", recording.name);
        count += 1;
    }
    println!("{count} requests");
}

#[test]
fn every_recorded_chat_request_can_be_sent_to_the_other_dialect_or_says_why_not() {
    for recording in
        recordings(CHAT, "/chat/completions").into_iter().filter(|recording| recording.status == 200 && recording.request.is_object())
    {
        let request = chat::decode_request(recording.request.to_string().as_bytes()).unwrap();
        let mut losses = causeway::ir::Losses::default();
        match messages::encode_request(&request, false, &Default::default(), &mut losses) {
            Ok(body) => {
                let again = messages::decode_request(&body).unwrap_or_else(|error| panic!("{}: {error:?}", recording.name));
                assert_eq!(again.tools.len(), request.tools.len(), "{}", recording.name);
            }
            Err(error) => assert_eq!(error.status, 400, "{}: {}", recording.name, error.message),
        }
    }
}

#[test]
fn every_recorded_chat_failure_has_words() {
    for recording in recordings(CHAT, "/chat/completions").into_iter().filter(|recording| recording.status >= 400) {
        let Some(body) = &recording.body else { continue };
        let status = u16::try_from(recording.status).unwrap();
        let error =
            causeway::wire::fault::decode(causeway::wire::fault::Head { status, ..Default::default() }, body.to_string().as_bytes());
        assert!(!error.message.is_empty() && error.status == status, "{}", recording.name);
        let told: Value = serde_json::from_slice(&chat::encode_error(&error)).unwrap();
        for name in ["type", "code", "param"] {
            assert!(told["error"][name].is_string() || told["error"][name].is_null(), "{}", recording.name);
        }
    }
}
