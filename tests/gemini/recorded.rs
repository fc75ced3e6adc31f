//! Real answers of Google's. They lie beside the repository; where they do not, this says so and passes.

use super::*;
use std::path::{Path, PathBuf};

fn recordings() -> Vec<(String, Value)> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let roots = [here.join("../shared/recordings"), here.join("../../shared/recordings")];
    let Some(root) = roots.iter().find(|root| root.exists()) else {
        println!("skipped: there are no recordings beside the repository");
        return Vec::new();
    };
    let mut found = Vec::new();
    for folder in ["gemini", "vertex-ai"] {
        let mut files: Vec<PathBuf> = std::fs::read_dir(root.join(folder)).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.sort();
        for file in files {
            let all: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
            let url = all["request"]["url"].as_str().unwrap_or_default().to_owned();
            if url.contains("enerateContent") {
                found.push((file.file_stem().unwrap().to_string_lossy().into_owned(), all));
            }
        }
    }
    found
}

/// What the recording itself says, counted without the code under test.
#[derive(Debug, Default, PartialEq)]
struct Told {
    text: String,
    thoughts: String,
    calls: Vec<(String, Value)>,
    signatures: Vec<String>,
    tokens: Option<(u64, u64)>,
}

fn raw(chunks: &[Value]) -> Told {
    let mut told = Told::default();
    for chunk in chunks {
        for part in chunk["candidates"][0]["content"]["parts"].as_array().into_iter().flatten() {
            let text = part["text"].as_str().unwrap_or_default();
            if part["thought"] == json!(true) {
                told.thoughts.push_str(text)
            } else {
                told.text.push_str(text)
            }
            if let Some(name) = part["functionCall"]["name"].as_str() {
                told.calls.push((name.to_owned(), part["functionCall"]["args"].clone()));
            }
            told.signatures.extend(part["thoughtSignature"].as_str().map(|signature| format!("gemini:{signature}")));
        }
        let usage = &chunk["usageMetadata"];
        let count = |name: &str| usage[name].as_u64().unwrap_or(0);
        if usage["promptTokenCount"].is_u64() {
            let input = count("promptTokenCount") + count("toolUsePromptTokenCount");
            told.tokens = Some((input, count("candidatesTokenCount") + count("thoughtsTokenCount")));
        }
    }
    told
}

fn understood(response: &Response) -> Told {
    let mut told = Told { tokens: response.usage.map(|usage| (usage.input, usage.output)), ..Told::default() };
    for part in &response.parts {
        match part {
            Part::Text(text) => told.text.push_str(&text.text),
            Part::Thinking(thinking) => {
                told.thoughts.push_str(&thinking.text);
                told.signatures.extend(thinking.signature.clone());
            }
            Part::ToolCall(call) => {
                let args = if call.arguments.is_empty() { Value::Null } else { serde_json::from_str(&call.arguments).unwrap() };
                told.calls.push((call.name.clone(), args));
            }
            _ => {}
        }
    }
    told
}

#[test]
fn every_recorded_answer_is_read_without_loss() {
    for (name, recording) in recordings() {
        let response = &recording["response"];
        let status = response["status"].as_u64().unwrap();
        if status != 200 {
            continue;
        }
        if let Some(sse) = response["sse"].as_str() {
            let chunks: Vec<Value> = sse.split("data: ").filter_map(|piece| serde_json::from_str(piece.trim()).ok()).collect();
            let answer = streamed(sse.as_bytes()).unwrap_or_else(|error| panic!("{name}: {}", error.message));
            assert_eq!(understood(&answer), raw(&chunks), "{name}");
            assert!(answer.finish.raw.is_some() && !answer.model.is_empty(), "{name}");
        } else {
            let body = &response["body"];
            let chunks = body.as_array().cloned().unwrap_or_else(|| vec![body.clone()]);
            let answer = answered(body);
            assert_eq!(understood(&answer), raw(&chunks), "{name}");
            // As a stream, it is the same.
            assert_eq!(understood(&streamed(&stream(&chunks)).unwrap()), raw(&chunks), "{name}");
        }
    }
}

#[test]
fn a_recorded_stream_cut_anywhere_never_looks_finished() {
    for (name, recording) in recordings() {
        let Some(sse) = recording["response"]["sse"].as_str() else { continue };
        let last = sse.trim_end().rfind("data: ").unwrap();
        for end in (0..last).step_by(97) {
            let Err(error) = folded(read(&sse.as_bytes()[..end], 64, None)) else { panic!("{name} cut at {end}") };
            assert_eq!(error.message, Error::unfinished().message, "{name}");
        }
    }
}

/// The words of a request, in their order, wherever they stand.
fn words(body: &Value) -> Vec<String> {
    let list = |value: &Value| value.as_array().cloned().unwrap_or_else(|| vec![value.clone()]);
    let parts = list(&body["contents"]).into_iter().flat_map(|content| list(&content["parts"]));
    parts.filter_map(|part| part["text"].as_str().filter(|text| !text.is_empty()).map(str::to_owned)).collect()
}

#[test]
fn every_recorded_request_is_understood_and_written_again() {
    for (name, recording) in recordings() {
        let body = &recording["request"]["body"];
        if !body.is_object() || name.contains("n-gt-1") || name.contains("error") {
            continue;
        }
        let request = decode_request(body.to_string().as_bytes()).unwrap_or_else(|error| panic!("{name}: {}", error.message));
        let mut losses = Losses::default();
        let sent = encode_request(&request, true, &budgeted(), &mut losses).unwrap_or_else(|error| panic!("{name}: {}", error.message));
        let sent: Value = serde_json::from_slice(&sent).unwrap();
        assert_eq!(words(&sent), words(body), "{name}");
        assert!(losses.is_empty(), "{name}: {losses:?}");
        let count = |body: &Value, field: &str| body.to_string().to_lowercase().replace('_', "").matches(&format!("\"{field}\":")).count();
        for field in ["functioncall", "functionresponse", "inlinedata", "filedata", "thoughtsignature", "functiondeclarations"] {
            assert_eq!(count(&sent, field), count(body, field), "{name}: {field}");
        }
    }
}
