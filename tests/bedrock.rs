//! Converse, Bedrock's dialect: what is sent, what comes back, whole and in whatever pieces.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::path::{Path, PathBuf};

use causeway::ir::{Event, Fold, Grammar, Losses, Part, Reason, Response};
use causeway::wire::frame::{Frames, aws};
use causeway::wire::{Abilities, Dialect, ThinkingStyle, base64, chat, converse, messages};
use serde_json::{Value, json};

fn encoded(request: &Value, abilities: &Abilities) -> (Value, Losses) {
    let mut losses = Losses::default();
    let request = chat::decode_request(request.to_string().as_bytes()).unwrap();
    let body = converse::encode_request(&request, abilities, &mut losses).unwrap();
    (serde_json::from_slice(&body).unwrap(), losses)
}

fn refused(request: &Value) -> String {
    let request = chat::decode_request(request.to_string().as_bytes()).unwrap();
    converse::encode_request(&request, &Abilities::default(), &mut Losses::default()).unwrap_err().message
}

#[test]
fn a_conversation_is_arranged_as_the_provider_takes_it() {
    let (body, losses) = encoded(
        &json!({"model": "m", "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "developer", "content": "In English."},
            {"role": "user", "content": [
                {"type": "text", "text": "Look"},
                {"type": "image_url", "image_url": {"url": "data:image/jpeg;base64,AAAA"}},
                {"type": "file", "file": {"filename": "a_report: v2.pdf", "file_data": "data:application/pdf;base64,BBBB"}},
            ]},
            {"role": "assistant", "content": "", "tool_calls": [
                {"id": "call.1", "type": "function", "function": {"name": "f", "arguments": "{\"a\":1}"}},
                {"id": "call_2", "type": "function", "function": {"name": "g", "arguments": ""}},
            ]},
            {"role": "tool", "tool_call_id": "call.1", "content": "one"},
            {"role": "tool", "tool_call_id": "call_2", "content": ""},
            {"role": "user", "content": "And?"},
        ], "max_tokens": 9, "temperature": 0.5, "top_p": 0.9, "stop": "END", "seed": 1,
           "tools": [{"type": "function", "function": {"name": "f", "description": "", "parameters": {"type": "object", "properties": {"z": {}, "a": {}}}}}],
           "tool_choice": "required"}),
        &Abilities::default(),
    );
    assert_eq!(
        body,
        json!({
            "messages": [
                {"role": "user", "content": [
                    {"text": "Look"},
                    {"image": {"format": "jpeg", "source": {"bytes": "AAAA"}}},
                    {"document": {"format": "pdf", "name": "a report v2", "source": {"bytes": "BBBB"}}},
                ]},
                {"role": "assistant", "content": [
                    {"toolUse": {"toolUseId": "call_1", "name": "f", "input": {"a": 1}}},
                    {"toolUse": {"toolUseId": "call_2", "name": "g", "input": {}}},
                ]},
                {"role": "user", "content": [
                    {"toolResult": {"toolUseId": "call_1", "content": [{"text": "one"}], "status": "success"}},
                    {"toolResult": {"toolUseId": "call_2", "content": [{"text": ""}], "status": "success"}},
                    {"text": "And?"},
                ]},
            ],
            "system": [{"text": "Be brief."}, {"text": "In English."}],
            "inferenceConfig": {"maxTokens": 9, "temperature": 0.5, "topP": 0.9, "stopSequences": ["END"]},
            "toolConfig": {
                "tools": [{"toolSpec": {"name": "f", "inputSchema": {"json": {"type": "object", "properties": {"z": {}, "a": {}}}}}}],
                "toolChoice": {"any": {}},
            },
        })
    );
    assert_eq!(losses.names(), ["seed"]);
}

#[test]
fn a_history_with_calls_keeps_a_tool_configuration() {
    let history = json!([
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "tool_calls": [{"id": "c", "type": "function", "function": {"name": "gone", "arguments": "{}"}}]},
        {"role": "tool", "tool_call_id": "c", "content": "x"},
    ]);
    let (body, _) = encoded(&json!({"model": "m", "messages": history}), &Abilities::default());
    assert_eq!(body["toolConfig"]["tools"][0]["toolSpec"]["name"], "gone");
    let tools = json!([{"type": "function", "function": {"name": "f"}}]);
    let (body, losses) = encoded(&json!({"model": "m", "messages": history, "tools": tools, "tool_choice": "none"}), &Abilities::default());
    assert_eq!(body["toolConfig"]["toolChoice"], Value::Null);
    assert_eq!(losses.names(), ["tool_choice"]);
    let fresh = json!([{"role": "user", "content": "Hi"}]);
    let (body, losses) = encoded(&json!({"model": "m", "messages": fresh, "tools": tools, "tool_choice": "none"}), &Abilities::default());
    assert_eq!((&body["toolConfig"], losses.is_empty()), (&Value::Null, true));
}

#[test]
fn thinking_goes_in_the_words_of_the_model() {
    let ask = |style: ThinkingStyle, max: Option<u64>| {
        let request = json!({"model": "m", "messages": [{"role": "user", "content": "Hi"}], "reasoning_effort": "high", "max_tokens": max});
        encoded(&request, &Abilities { thinking: style, ..Abilities::default() }).0
    };
    let fields = |body: Value| body["additionalModelRequestFields"].clone();
    assert_eq!(fields(ask(ThinkingStyle::Effort, None)), json!({"thinking": {"type": "adaptive"}, "output_config": {"effort": "high"}}));
    assert_eq!(fields(ask(ThinkingStyle::Word, None)), json!({"reasoning_effort": "high"}));
    assert_eq!(fields(ask(ThinkingStyle::Budget, Some(4_000))), json!({"thinking": {"type": "enabled", "budget_tokens": 3_000}}));
    let free = ask(ThinkingStyle::Budget, None);
    assert_eq!(free["inferenceConfig"]["maxTokens"], 16_384 + 4_096);
    assert_eq!(fields(ask(ThinkingStyle::None, None)), Value::Null);
}

#[test]
fn signed_thinking_and_cache_marks_of_messages_go_along() {
    let body = json!({"model": "m", "max_tokens": 9, "system": [{"type": "text", "text": "S", "cache_control": {"type": "ephemeral", "ttl": "1h"}}],
    "messages": [
        {"role": "user", "content": [{"type": "text", "text": "Hi", "cache_control": {"type": "ephemeral"}}]},
        {"role": "assistant", "content": [
            {"type": "thinking", "thinking": "hm", "signature": "sig"},
            {"type": "redacted_thinking", "data": "zzz"},
            {"type": "thinking", "thinking": "foreign", "signature": "gemini:abc"},
            {"type": "text", "text": "Ho"},
        ]},
        {"role": "user", "content": "So?"},
    ]});
    let request = messages::decode_request(body.to_string().as_bytes()).unwrap();
    let mut losses = Losses::default();
    let body = converse::encode_request(&request, &Abilities::default(), &mut losses).unwrap();
    let body: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(body["system"], json!([{"text": "S"}, {"cachePoint": {"type": "default", "ttl": "1h"}}]));
    assert_eq!(body["messages"][0]["content"], json!([{"text": "Hi"}, {"cachePoint": {"type": "default"}}]));
    assert_eq!(
        body["messages"][1]["content"],
        json!([
            {"reasoningContent": {"reasoningText": {"text": "hm", "signature": "sig"}}},
            {"reasoningContent": {"redactedContent": "zzz"}},
            {"text": "Ho"},
        ])
    );
    assert_eq!(losses.names(), ["reasoning_content"]);
}

#[test]
fn a_schema_is_a_string_and_a_json_mode_an_instruction() {
    let schema = json!({"type": "object", "properties": {"a": {"type": "string"}}});
    let format = json!({"type": "json_schema", "json_schema": {"name": "n", "schema": schema}});
    let ask = |format: &Value| json!({"model": "m", "messages": [{"role": "user", "content": "Hi"}], "response_format": format});
    let (body, _) = encoded(&ask(&format), &Abilities::default());
    let told = &body["outputConfig"]["textFormat"];
    assert_eq!((&told["type"], &told["structure"]["jsonSchema"]["name"]), (&json!("json_schema"), &json!("n")));
    let text = told["structure"]["jsonSchema"]["schema"].as_str().unwrap();
    assert_eq!(serde_json::from_str::<Value>(text).unwrap(), schema);
    let (_, losses) = encoded(&ask(&format), &Abilities { json_schema: false, ..Abilities::default() });
    assert_eq!(losses.names(), ["response_format"]);
    let (body, _) = encoded(&ask(&json!({"type": "json_object"})), &Abilities::default());
    assert!(body["system"][0]["text"].as_str().unwrap().contains("JSON"));
}

#[test]
fn what_cannot_be_carried_is_refused_with_words() {
    let say = |content: Value| json!({"model": "m", "messages": [{"role": "user", "content": content}]});
    for (request, words) in [
        (say(json!([{"type": "image_url", "image_url": {"url": "https://a.example/b.png"}}])), "base64"),
        (say(json!([{"type": "image_url", "image_url": {"url": "data:image/tiff;base64,AA"}}])), "image/tiff"),
        (json!({"model": "m", "messages": [{"role": "assistant", "content": "x"}]}), "from the user"),
        (json!({"model": "m", "messages": [{"role": "user", "content": "x"}], "n": 2}), "n=1"),
        (json!({"model": "m", "messages": [{"role": "user", "content": "x"}], "tools": [{"type": "web_search"}]}), "web_search"),
    ] {
        let message = refused(&request);
        assert!(message.contains(words), "{message}");
    }
    let (body, _) = encoded(&say(json!([{"type": "image_url", "image_url": {"url": "s3://b/c.jpg"}}])), &Abilities::default());
    assert_eq!(body["messages"][0]["content"][0], json!({"image": {"format": "jpeg", "source": {"s3Location": {"uri": "s3://b/c.jpg"}}}}));
}

fn events(stream: &[u8], size: usize) -> Vec<Event> {
    let mut frames = Frames::Aws(aws::Parser::default());
    let mut reader = (Dialect::Converse.outbound().reader)();
    let mut events = Vec::new();
    for piece in stream.chunks(size) {
        frames.push(piece, &mut |frame| reader.push(frame, &mut events));
    }
    assert_eq!(frames.fault(), None);
    reader.finish(None, &mut events);
    let end = events.iter().try_fold(Grammar::default(), |grammar, event| grammar.step(event));
    assert_eq!(end, Ok(Grammar::Over), "{events:?}");
    events
}

fn told(frames: &[(&str, Value)]) -> Vec<Event> {
    let mut reader = (Dialect::Converse.outbound().reader)();
    let mut events = Vec::new();
    for (event, data) in frames {
        let data = data.to_string();
        reader.push(causeway::wire::frame::sse::Frame { event: Some(event), data: data.as_bytes() }, &mut events);
    }
    reader.finish(None, &mut events);
    let end = events.iter().try_fold(Grammar::default(), |grammar, event| grammar.step(event));
    assert_eq!(end, Ok(Grammar::Over), "{events:?}");
    events
}

fn folded(events: Vec<Event>) -> Result<Response, causeway::error::Error> {
    let mut fold = Fold::default();
    events.into_iter().for_each(|event| fold.push(event));
    fold.finish()
}

#[test]
fn blocks_that_overlap_come_one_after_the_other_and_nothing_is_lost() {
    let response = folded(told(&[
        ("messageStart", json!({"role": "assistant", "p": "abc"})),
        ("contentBlockDelta", json!({"contentBlockIndex": 0, "delta": {"text": ""}})),
        ("contentBlockDelta", json!({"contentBlockIndex": 1, "delta": {"reasoningContent": {"text": "hm"}}})),
        ("contentBlockDelta", json!({"contentBlockIndex": 1, "delta": {"reasoningContent": {"signature": "sig"}}})),
        ("contentBlockStop", json!({"contentBlockIndex": 1})),
        ("contentBlockStop", json!({"contentBlockIndex": 0})),
        ("contentBlockDelta", json!({"contentBlockIndex": 2, "delta": {"text": "Hel"}})),
        ("contentBlockStart", json!({"contentBlockIndex": 3, "start": {"toolUse": {"toolUseId": "t", "name": "f"}}})),
        ("contentBlockDelta", json!({"contentBlockIndex": 3, "delta": {"toolUse": {"input": "{\"a\""}}})),
        ("contentBlockDelta", json!({"contentBlockIndex": 2, "delta": {"text": "lo"}})),
        ("contentBlockDelta", json!({"contentBlockIndex": 3, "delta": {"toolUse": {"input": ":1}"}}})),
        ("contentBlockStop", json!({"contentBlockIndex": 2})),
        ("contentBlockStop", json!({"contentBlockIndex": 3})),
        ("messageStop", json!({"stopReason": "tool_use"})),
        ("metadata", json!({"usage": {"inputTokens": 3, "outputTokens": 5, "totalTokens": 12, "cacheReadInputTokens": 4}, "metrics": {"latencyMs": 1}})),
    ]))
    .unwrap();
    let shown: Vec<String> = response
        .parts
        .iter()
        .map(|part| match part {
            Part::Text(text) => text.text.clone(),
            Part::Thinking(thinking) => format!("{} {:?}", thinking.text, thinking.signature),
            Part::ToolCall(call) => format!("{} {} {}", call.id, call.name, call.arguments),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(shown, ["hm Some(\"sig\")", "Hello", "t f {\"a\":1}"]);
    assert_eq!(response.finish.reason, Reason::ToolCalls);
    let usage = response.usage.unwrap();
    assert_eq!((usage.input, usage.output, usage.cache_read), (7, 5, Some(4)));
}

#[test]
fn a_stream_that_broke_off_is_no_answer_and_an_exception_is_its_error() {
    let begin = ("messageStart", json!({"role": "assistant"}));
    let word = ("contentBlockDelta", json!({"contentBlockIndex": 0, "delta": {"text": "Hi"}}));
    assert!(folded(told(&[begin.clone(), word.clone()])).is_err());
    let error = folded(told(&[begin, word, ("throttlingException", json!({"message": "Too many"}))])).unwrap_err();
    assert_eq!((error.status, error.message.as_str()), (429, "Too many"));
}

struct Recording {
    name: String,
    request: Value,
    response: Value,
}

fn recordings(end: &str) -> Vec<Recording> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/recordings/bedrock");
    if !root.exists() {
        println!("skipped: there are no recordings beside the repository");
        return Vec::new();
    }
    let mut files: Vec<PathBuf> = std::fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let read = |file: PathBuf| {
        let all: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
        let fits = all["request"]["url"].as_str().unwrap().ends_with(end) && all["response"]["status"] == 200;
        let name = file.file_stem().unwrap().to_string_lossy().into_owned();
        fits.then(|| Recording { name, request: all["request"]["body"].clone(), response: all["response"].clone() })
    };
    files.into_iter().filter_map(read).collect()
}

#[test]
fn recorded_answers_are_read_without_loss() {
    for recording in recordings("/converse") {
        let body = &recording.response["body"];
        let response = converse::decode_response(body.to_string().as_bytes()).unwrap();
        let blocks = body["output"]["message"]["content"].as_array().unwrap();
        let texts: String = blocks.iter().filter_map(|block| block["text"].as_str()).collect();
        let read: String =
            response.parts.iter().filter_map(|part| if let Part::Text(text) = part { Some(text.text.as_str()) } else { None }).collect();
        assert!(read.contains(&texts), "{}", recording.name);
        let calls = blocks.iter().filter(|block| block.get("toolUse").is_some()).count();
        assert_eq!(response.parts.iter().filter(|part| matches!(part, Part::ToolCall(_))).count(), calls, "{}", recording.name);
        let total = body["usage"]["totalTokens"].as_u64().unwrap();
        assert_eq!(response.usage.unwrap().total(), total, "{}", recording.name);
    }
}

#[test]
fn recorded_streams_are_read_the_same_in_whatever_pieces() {
    for recording in recordings("/converse-stream") {
        let bytes = base64::decode(recording.response["base64"].as_str().unwrap()).unwrap();
        let whole = events(&bytes, 4096);
        for size in [1, 7] {
            assert_eq!(format!("{:?}", events(&bytes, size)), format!("{whole:?}"), "{} in pieces of {size}", recording.name);
        }
        let response = folded(whole).unwrap_or_else(|error| panic!("{}: {error:?}", recording.name));
        assert!(response.usage.is_some_and(|usage| usage.total() > 0), "{}", recording.name);
        assert!(!response.parts.is_empty() || response.finish.reason == Reason::Filtered, "{}", recording.name);
        for call in response.parts.iter().filter_map(|part| if let Part::ToolCall(call) = part { Some(call) } else { None }) {
            serde_json::from_str::<Value>(&call.arguments).unwrap_or_else(|_| panic!("{}: {}", recording.name, call.arguments));
            assert!(!call.id.is_empty() && !call.name.is_empty());
        }
        assert!(recording.request.is_object());
    }
}
