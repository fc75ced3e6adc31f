//! What providers tell beside the dialect.

use super::*;

/// An answer with something in each place, and what of it is to be found where.
const WHOLE: &str = r#"{"id":"a","object":"chat.completion","created":1,"model":"m","citations":["https://a.example"],"search_results":[{"title":"A","url":"https://a.example","date":null}],"x_groq":{"id":"req_1"},"provider":"P","choices":[{"index":0,"message":{"role":"assistant","content":"hi","token_id":17,"tool_calls":[{"id":"c0","type":"function","function":{"name":"","arguments":""}},{"id":"c1","type":"function","function":{"name":"f","arguments":"{}"}},{"id":"c2","type":"function","function":{"name":"g","arguments":"{}"},"extra_content":{"google":{"thought_signature":"c2ln"}}}]},"finish_reason":"tool_calls","native_finish_reason":"TOOL","content_filter_results":{"hate":{"filtered":false}}}],"usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3,"cost":0.5,"cost_details":{"a":1}}}"#;

/// The same in chunks.
const STREAM: [&str; 7] = [
    r#"{"id":"","model":"","choices":[],"prompt_filter_results":[{"prompt_index":0}]}"#,
    r#"{"id":"a","created":1,"model":"m","provider":"P","x_groq":{"id":"req_1"},"choices":[{"index":0,"delta":{"role":"assistant","content":""}}]}"#,
    r#"{"id":"a","created":1,"model":"m","provider":"P","choices":[{"index":0,"delta":{"content":"hi"}}]}"#,
    r#"{"id":"a","created":1,"model":"m","provider":"P","choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"c1","type":"function","function":{"name":"f","arguments":"{}"}}]}}]}"#,
    r#"{"id":"a","created":1,"model":"m","provider":"P","choices":[{"index":0,"delta":{"tool_calls":[{"index":1,"id":"c2","type":"function","function":{"name":"g","arguments":"{}"},"extra_content":{"google":{"thought_signature":"c2ln"}}}]}}]}"#,
    r#"{"id":"a","created":1,"model":"m","provider":"P","citations":["https://a.example"],"search_results":[{"title":"A","url":"https://a.example","date":null}],"choices":[{"index":0,"delta":{"token_id":17},"finish_reason":"tool_calls","native_finish_reason":"TOOL","content_filter_results":{"hate":{"filtered":false}}}]}"#,
    r#"{"id":"a","created":1,"model":"m","x_groq":{"id":"req_1","usage":{}},"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3,"cost":0.5,"cost_details":{"a":1}}}"#,
];

fn stream() -> Vec<u8> {
    let events = STREAM.iter().map(|chunk| format!("data: {chunk}\n\n")).collect::<String>();
    (events + "data: [DONE]\n\n").into_bytes()
}

fn chunks(events: &[Event]) -> Vec<Value> {
    let mut writer = StreamWriter::new(echo());
    let mut out = Vec::new();
    events.iter().for_each(|event| writer.push(event, &mut out));
    let text = String::from_utf8(out).unwrap();
    let lines = text.lines().filter_map(|line| line.strip_prefix("data: ")).filter(|line| *line != "[DONE]");
    lines.map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// What is found at these places.
fn found<'v>(answer: &'v Value, places: &[&'v str]) -> Vec<(&'v str, Value)> {
    places.iter().map(|place| (*place, answer.pointer(place).cloned().unwrap_or_else(|| panic!("{place} in {answer}")))).collect()
}

const PLACES: [&str; 8] = [
    "/citations",
    "/search_results",
    "/x_groq/id",
    "/choices/0/native_finish_reason",
    "/choices/0/content_filter_results",
    "/choices/0/message/token_id",
    "/usage/cost",
    "/usage/cost_details",
];

#[test]
fn a_whole_answer_loses_nothing_on_the_way() {
    let written: Value = serde_json::from_slice(&encode_response(&decode_response(WHOLE.as_bytes()).unwrap(), &echo())).unwrap();
    let told: Value = serde_json::from_str(WHOLE).unwrap();
    assert_eq!(found(&written, &PLACES), found(&told, &PLACES));
    assert_eq!(written["provider"], "P");
    let calls = &written["choices"][0]["message"]["tool_calls"];
    assert_eq!(calls[0].get("extra_content"), None);
    assert_eq!(calls[1]["extra_content"], json!({"google": {"thought_signature": "c2ln"}}));
}

#[test]
fn a_stream_tells_in_its_chunks_what_the_providers_told() {
    for size in [1, 7, 4096] {
        let chunks = chunks(&read(&stream(), size, None));
        let (first, last, usage) = (&chunks[0], &chunks[chunks.len() - 2], &chunks[chunks.len() - 1]);
        assert_eq!(first["prompt_filter_results"], json!([{"prompt_index": 0}]));
        assert_eq!((&first["x_groq"]["id"], &last["x_groq"]), (&json!("req_1"), &json!({"id": "req_1", "usage": {}})));
        assert_eq!((&last["citations"], &last["search_results"][0]["title"]), (&json!(["https://a.example"]), &json!("A")));
        assert_eq!((&last["choices"][0]["native_finish_reason"], &last["choices"][0]["delta"]["token_id"]), (&json!("TOOL"), &json!(17)));
        assert_eq!((&usage["usage"]["cost"], &usage["choices"]), (&json!(0.5), &json!([])));
        assert!(chunks.iter().all(|chunk| chunk["provider"] == "P"));
        let call = |chunk: &&Value| chunk.pointer("/choices/0/delta/tool_calls/0/extra_content").is_some();
        let marked: Vec<&Value> = chunks.iter().filter(call).collect();
        let [marked] = marked.as_slice() else { panic!("{marked:?}") };
        assert_eq!(marked["choices"][0]["delta"]["tool_calls"][0]["index"], 1);
    }
}

#[test]
fn a_stream_and_its_whole_answer_turn_into_each_other() {
    let folded = folded(read(&stream(), 4096, None)).unwrap();
    let whole: Value = serde_json::from_slice(&encode_response(&folded, &echo())).unwrap();
    let told: Value = serde_json::from_str(WHOLE).unwrap();
    assert_eq!(found(&whole, &PLACES), found(&told, &PLACES));
    assert_eq!(whole["choices"][0]["message"]["tool_calls"][1]["extra_content"]["google"]["thought_signature"], "c2ln");
    let chunks = chunks(&decode_response(WHOLE.as_bytes()).unwrap().into_events());
    let (first, last, usage) = (&chunks[0], &chunks[chunks.len() - 2], &chunks[chunks.len() - 1]);
    assert_eq!((&first["citations"], &first["choices"][0]["delta"]["token_id"]), (&told["citations"], &json!(17)));
    assert_eq!((&last["choices"][0]["native_finish_reason"], &usage["usage"]["cost"]), (&json!("TOOL"), &json!(0.5)));
    assert!(chunks.iter().any(|chunk| chunk.pointer("/choices/0/delta/tool_calls/0/extra_content").is_some()));
}

#[test]
fn callers_of_other_dialects_are_not_told() {
    for dialect in [Dialect::Responses, Dialect::Messages, Dialect::Gemini, Dialect::Completions] {
        let inbound = dialect.inbound();
        let whole = (inbound.encode_response)(&decode_response(WHOLE.as_bytes()).unwrap(), &echo());
        let mut writer = (inbound.writer)(echo());
        let mut out = Vec::new();
        read(&stream(), 4096, None).iter().for_each(|event| writer.push(event, &mut out));
        for text in [whole, out].map(|bytes| String::from_utf8(bytes).unwrap()) {
            assert!(!text.contains("x_groq") && !text.contains("chat/") && !text.contains("token_id"), "{dialect:?}: {text}");
        }
    }
}

#[test]
fn what_has_no_end_is_not_kept_for_ever() {
    let chunk = |at: usize| format!("data: {{\"id\":\"a\",\"x{at}\":1,\"choices\":[],\"usage\":{{\"prompt_tokens\":1}}}}\n\n");
    let text: String = (0..1_000).map(chunk).collect();
    let end = "data: {\"choices\":[{\"delta\":{\"content\":\"a\"},\"finish_reason\":\"stop\"}]}\n\n";
    let folded = folded(read((text + end).as_bytes(), 4096, None)).unwrap();
    assert!(folded.extras.len() < 200, "{}", folded.extras.len());
}
