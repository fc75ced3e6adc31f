//! The sandbox: the same answers through every door, with no key and no network.

use serde_json::{Value, json};

use crate::scripted::{Scene, Scenery};

/// What a caller says of each dialect, and where.
const DOORS: &[&str] = &["/v1/chat/completions", "/v1/messages", "/v1/responses", "/v1beta/models/sandbox%2FMODEL:"];

fn asked(door: &str, model: &str, text: &str, max: Option<u64>, stream: bool) -> Scenery {
    let turns = json!([{"role": "user", "content": text}]);
    let name = format!("sandbox/{model}");
    let (path, body) = match door {
        "/v1/chat/completions" => (
            door.to_owned(),
            json!({"model": name, "messages": turns, "max_tokens": max, "stream_options": stream.then(|| json!({"include_usage": true}))}),
        ),
        "/v1/messages" => (door.to_owned(), json!({"model": name, "messages": turns, "max_tokens": max.unwrap_or(1_000)})),
        "/v1/responses" => (door.to_owned(), json!({"model": name, "input": text, "max_output_tokens": max})),
        _ => {
            let verb = if stream { "streamGenerateContent?alt=sse" } else { "generateContent" };
            let body = json!({"contents": [{"role": "user", "parts": [{"text": text}]}], "generationConfig": {"maxOutputTokens": max}});
            (door.replace("MODEL", model) + verb, body)
        }
    };
    let mut body: Value = body;
    if stream && !path.starts_with("/v1beta") {
        body["stream"] = json!(true);
    }
    Scene::post(&path, body.to_string()).header("anthropic-version", "2023-06-01").var("SANDBOX", "true").play()
}

/// The pieces of text that an answer brings, and the tokens that it counts.
fn heard(scenery: &Scenery, stream: bool) -> (Vec<String>, u64) {
    let (mut pieces, mut tokens) = (Vec::new(), 0);
    let values: Vec<Value> = match stream {
        true => scenery.body.lines().filter_map(|line| serde_json::from_str(line.strip_prefix("data: ")?).ok()).collect(),
        false => vec![scenery.json()],
    };
    for value in &values {
        let text = ["/choices/0/message/content", "/choices/0/delta/content", "/content/0/text", "/delta/text", "/output/0/content/0/text"];
        let text = text.iter().find_map(|path| value.pointer(path)).or_else(|| value.pointer("/candidates/0/content/parts/0/text"));
        let text = text.or_else(|| value["delta"].is_string().then(|| &value["delta"]));
        pieces.extend(text.and_then(Value::as_str).filter(|text| !text.is_empty()).map(str::to_owned));
        let counts =
            ["/usage/completion_tokens", "/usage/output_tokens", "/response/usage/output_tokens", "/usageMetadata/candidatesTokenCount"];
        tokens = counts.iter().find_map(|path| value.pointer(path)?.as_u64()).unwrap_or(tokens);
    }
    (pieces, tokens)
}

#[test]
fn echo_says_the_last_text_of_the_user_and_counts_it_whole_and_word_by_word() {
    for door in DOORS {
        let whole = asked(door, "echo", "one two three", None, false);
        assert_eq!(whole.status, 200, "{door}: {}", whole.body);
        assert_eq!(heard(&whole, false), (vec!["one two three".to_owned()], 3), "{door}: {}", whole.body);
        let streamed = asked(door, "echo", "one two three", None, true);
        let words = ["one ", "two ", "three"].map(str::to_owned).to_vec();
        assert_eq!(heard(&streamed, true), (words, 3), "{door}: {}", streamed.body);
    }
}

#[test]
fn lorem_says_as_many_words_as_are_asked_for() {
    for door in DOORS {
        for (words, stream) in [(1, false), (7, true), (40, false), (250, true)] {
            let answer = asked(door, "lorem", "go on", Some(words), stream);
            let (pieces, tokens) = heard(&answer, stream);
            assert_eq!(pieces.concat().split(' ').count() as u64, words, "{door}");
            assert_eq!(tokens, words, "{door}: {}", answer.body);
        }
    }
}

#[test]
fn a_declared_tool_is_called_with_what_the_user_says() {
    let tool = json!({"type": "function", "function": {"name": "look_up", "parameters": {"type": "object"}}});
    let body = |text: &str| json!({"model": "sandbox/echo", "messages": [{"role": "user", "content": text}], "tools": [tool]});
    let play = |text: &str| Scene::chat(body(text).to_string()).var("SANDBOX", "true").play().json()["choices"][0].clone();
    let called = play(r#"call look_up {"city": "Paris"}"#);
    assert_eq!(called["finish_reason"], "tool_calls");
    assert_eq!(called["message"]["tool_calls"][0]["function"], json!({"name": "look_up", "arguments": "{\"city\": \"Paris\"}"}));
    for text in ["call other {}", "call look_up {broken", "look_up {}"] {
        let said = play(text);
        assert_eq!((said["message"]["content"].as_str(), said["finish_reason"].as_str()), (Some(text), Some("stop")));
    }
}

#[test]
fn it_fails_with_any_status_in_the_callers_dialect() {
    for door in DOORS {
        for status in [400, 401, 404, 418, 429, 500, 503, 529] {
            for stream in [false, true] {
                let answer = asked(door, &format!("status-{status}"), "hi", None, stream);
                assert_eq!(answer.status, status, "{door}");
                assert!(answer.json()["error"]["message"].as_str().unwrap().contains(&status.to_string()), "{door}: {}", answer.body);
            }
        }
    }
    let unknown = asked("/v1/chat/completions", "nothing", "hi", None, false);
    assert_eq!((unknown.status, unknown.json()["error"]["code"].as_str()), (404, Some("model_not_found")));
}

#[test]
fn it_waits_as_long_as_it_is_told() {
    for stream in [false, true] {
        let answer = asked("/v1/chat/completions", "slow-2000", "hi", None, stream);
        assert_eq!((answer.status, heard(&answer, stream).0.concat().as_str()), (200, "hi"));
        assert_eq!(answer.records[0].attempts[0].ms, 2_000);
    }
}

#[test]
fn its_cut_stream_has_three_words_and_no_end() {
    for (door, end) in DOORS.iter().zip(["finish_reason\":\"", "message_stop", "response.completed", "finishReason"]) {
        let answer = asked(door, "cut", "one two three four five", None, true);
        let (pieces, _) = heard(&answer, true);
        assert_eq!(pieces.concat().trim_end(), "one two three", "{door}: {}", answer.body);
        assert!(!answer.body.contains(end), "{door}: {}", answer.body);
    }
}
