//! Real payloads of real providers. They lie beside the repository; where they do not, this says so and passes.

use super::*;
use causeway::wire::Abilities;
use std::path::Path;

fn recordings() -> Vec<(String, Value)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let Some(root) = ["../shared/recordings", "../../shared/recordings"].iter().map(|place| root.join(place)).find(|place| place.exists())
    else {
        println!("skipped: there are no recordings here");
        return Vec::new();
    };
    let folders = ["openai", "azure-openai", "azure-foundry", "xai", "deepseek", "bedrock"];
    let files = folders.iter().filter_map(|folder| std::fs::read_dir(root.join(folder)).ok()).flatten();
    let files = files.map(|file| file.unwrap().path()).filter(|path| path.file_name().unwrap().to_string_lossy().contains("responses-"));
    files.map(|path| (path.display().to_string(), serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap())).collect()
}

/// Text, calls and total of an answer, read with no knowledge of the decoder.
fn plainly(answer: &Value) -> (String, Vec<(String, String)>, u64) {
    let (mut text, mut calls) = (String::new(), Vec::new());
    for item in answer["output"].as_array().unwrap() {
        if item["type"] == "function_call" {
            let word = |name: &str| item[name].as_str().unwrap().to_owned();
            calls.push((word("call_id"), word("arguments")));
        }
        if item["type"] == "message" {
            item["content"].as_array().unwrap().iter().for_each(|part| text.push_str(part["text"].as_str().unwrap_or_default()));
        }
    }
    (text, calls, answer["usage"]["total_tokens"].as_u64().unwrap())
}

fn plain(response: &Response) -> (String, Vec<(String, String)>, u64) {
    let (mut text, mut calls) = (String::new(), Vec::new());
    for part in &response.parts {
        match part {
            Part::Text(part) => text.push_str(&part.text),
            Part::ToolCall(call) => calls.push((call.id.clone(), call.arguments.clone())),
            _ => {}
        }
    }
    (text, calls, response.usage.unwrap().total())
}

#[test]
fn every_recorded_answer_is_read_whole() {
    for (name, recording) in recordings().iter().filter(|(_, recording)| recording["response"]["status"] == 200) {
        let response = &recording["response"];
        if let Some(body) = response.get("body") {
            let decoded = decode_response(body.to_string().as_bytes()).unwrap();
            assert_eq!(plain(&decoded), plainly(body), "{name}");
        }
        let Some(sse) = response["sse"].as_str() else { continue };
        let last: Value = sse
            .lines()
            .filter_map(|line| serde_json::from_str(line.strip_prefix("data: ")?).ok())
            .find(|event: &Value| event["type"] == "response.completed" || event["type"] == "response.incomplete")
            .unwrap();
        let whole = decode_response(last["response"].to_string().as_bytes()).unwrap();
        for size in [1, 7, 4_096] {
            let streamed = folded(read(sse.as_bytes(), size, None)).unwrap();
            assert_eq!(plain(&streamed), plainly(&last["response"]), "{name} in pieces of {size}");
            assert_eq!(streamed.finish, whole.finish, "{name}");
            assert_eq!(streamed.parts.len(), whole.parts.len(), "{name}");
        }
        let cut = sse.find("event: response.completed").unwrap();
        assert!(folded(read(&sse.as_bytes()[..cut], 4_096, None)).is_err(), "{name}");
    }
}

#[test]
fn every_recorded_request_survives_its_own_dialect() {
    for (name, recording) in recordings() {
        let body = &recording["request"]["body"];
        let request = decode_request(body.to_string().as_bytes()).unwrap_or_else(|error| panic!("{name}: {}", error.message));
        let mut losses = Losses::default();
        let out = encode_request(&request, true, &Abilities::default(), &mut losses).unwrap();
        let out: Value = serde_json::from_slice(&out).unwrap();
        assert!(losses.is_empty(), "{name}: {:?}", losses.names());
        for field in ["model", "max_output_tokens", "tool_choice", "text"] {
            assert_eq!(out[field], body[field], "{name}: {field}");
        }
        let count = |body: &Value, kind: &str| body["input"].as_array().into_iter().flatten().filter(|item| item["type"] == kind).count();
        for kind in ["function_call", "function_call_output", "reasoning"] {
            assert_eq!(count(&out, kind), count(body, kind), "{name}: {kind}");
        }
        assert_eq!(out["tools"].as_array().map(Vec::len), body["tools"].as_array().map(Vec::len), "{name}");
    }
}
