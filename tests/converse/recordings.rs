//! Real payloads of the real provider. They lie beside the repository; where they do not, this says so and passes.

use std::path::{Path, PathBuf};

use super::*;
use causeway::wire::base64;

struct Recording {
    name: String,
    request: Value,
    body: Option<Value>,
    stream: Option<Vec<u8>>,
}

fn recordings() -> Vec<Recording> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let roots = ["../shared/recordings/bedrock", "../../shared/recordings/bedrock"].map(|root| here.join(root));
    let Some(root) = roots.iter().find(|root| root.exists()) else {
        println!("skipped: there are no recordings beside the repository");
        return Vec::new();
    };
    let mut files: Vec<PathBuf> = std::fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let read = |file: &PathBuf| {
        let all: Value = serde_json::from_slice(&std::fs::read(file).unwrap()).ok()?;
        let url = all["request"]["url"].as_str()?.to_owned();
        let response = &all["response"];
        let ours = url.ends_with("/converse") || url.ends_with("/converse-stream");
        (ours && response["status"] == 200).then(|| Recording {
            name: file.file_stem().unwrap().to_string_lossy().into_owned(),
            request: all["request"]["body"].clone(),
            body: response.get("body").cloned(),
            stream: response["base64"].as_str().map(|text| base64::decode(text).unwrap()),
        })
    };
    let found: Vec<Recording> = files.iter().filter_map(read).collect();
    assert!(found.len() > 10);
    found
}

/// Everything that the provider said, found without the code under test.
fn said(value: &Value, out: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                match (name.as_str(), value) {
                    ("text" | "signature" | "redactedContent" | "toolUseId" | "name", Value::String(text)) => out.push(text.clone()),
                    ("sourceContent" | "trace", _) => {}
                    _ => said(value, out),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| said(item, out)),
        _ => {}
    }
}

fn heard(response: &Response) -> String {
    let part = |part: &Part| match part {
        Part::Text(text) => text.text.clone(),
        Part::Thinking(thinking) => {
            format!(
                "{}{}{}",
                thinking.text,
                thinking.signature.as_deref().unwrap_or_default(),
                thinking.redacted.as_deref().unwrap_or_default()
            )
        }
        Part::ToolCall(call) => format!("{} {}", call.id, call.name),
        _ => String::new(),
    };
    response.parts.iter().map(part).collect::<Vec<_>>().join("\n")
}

#[test]
fn whole_answers_are_read_without_loss() {
    for recording in recordings() {
        let Some(body) = recording.body.filter(Value::is_object) else { continue };
        let response = decode_response(body.to_string().as_bytes()).unwrap_or_else(|error| panic!("{}: {error:?}", recording.name));
        let heard = heard(&response);
        let mut words = Vec::new();
        said(&body["output"], &mut words);
        for word in words {
            assert!(heard.contains(&word), "{}: {word:?} is not in {heard:?}", recording.name);
        }
        assert_eq!(response.usage.unwrap().total(), body["usage"]["totalTokens"].as_u64().unwrap(), "{}", recording.name);
        assert_eq!(response.finish.raw.as_deref(), body["stopReason"].as_str(), "{}", recording.name);
    }
}

#[test]
fn streams_are_read_without_loss_in_whatever_pieces_they_come() {
    for recording in recordings() {
        let Some(stream) = recording.stream else { continue };
        let mut events: Vec<(String, Value)> = Vec::new();
        Parser::default().push(&stream, &mut |frame| {
            events.push((frame.event.unwrap().to_owned(), serde_json::from_slice(frame.data).unwrap()));
        });
        let whole = folded(read(&stream, stream.len(), None)).unwrap_or_else(|error| panic!("{}: {error:?}", recording.name));
        for size in [1, 7, 4_096] {
            assert_eq!(format!("{:?}", folded(read(&stream, size, None)).unwrap()), format!("{whole:?}"), "{}", recording.name);
        }
        let deltas = |name: &str| -> String {
            let deltas = events.iter().filter(|(kind, _)| kind == "contentBlockDelta").map(|(_, event)| &event["delta"]);
            deltas.filter_map(|delta| if name == "text" { delta["text"].as_str() } else { delta["toolUse"]["input"].as_str() }).collect()
        };
        let texts = whole.parts.iter().filter_map(|part| if let Part::Text(text) = part { Some(text.text.as_str()) } else { None });
        assert_eq!(texts.collect::<String>(), deltas("text"), "{}", recording.name);
        let calls =
            whole.parts.iter().filter_map(|part| if let Part::ToolCall(call) = part { Some(call.arguments.as_str()) } else { None });
        assert_eq!(calls.collect::<String>(), deltas("input"), "{}", recording.name);
        let (_, metadata) = events.iter().find(|(kind, _)| kind == "metadata").unwrap();
        assert_eq!(whole.usage.unwrap().total(), metadata["usage"]["totalTokens"].as_u64().unwrap(), "{}", recording.name);
    }
}

#[test]
fn what_we_send_uses_only_fields_that_real_clients_send() {
    let mut known = std::collections::BTreeSet::new();
    for recording in recordings() {
        known.extend(recording.request.as_object().unwrap().keys().cloned());
    }
    if known.is_empty() {
        return;
    }
    let asked = chat_request(json!({
        "messages": [{"role": "system", "content": "s"}, {"role": "user", "content": "u"}],
        "max_tokens": 9,
        "top_k": 2,
        "tools": [{"type": "function", "function": {"name": "f"}}],
        "response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": {}}},
    }));
    for name in sent(&asked).as_object().unwrap().keys() {
        assert!(known.contains(name), "{name} is not among {known:?}");
    }
}
