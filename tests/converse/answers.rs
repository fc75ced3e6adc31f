//! Whole answers, and what callers of other dialects see of them.

use super::*;
use causeway::error::Kind;

fn answer(content: Value, stop: &str, usage: Value) -> Response {
    decoded(
        json!({"metrics": {"latencyMs": 1}, "output": {"message": {"role": "assistant", "content": content}}, "stopReason": stop, "usage": usage}),
    )
}

#[test]
fn every_kind_of_block_is_read() {
    let response = answer(
        json!([
            {"reasoningContent": {"reasoningText": {"text": "Hm", "signature": "c2ln"}}},
            {"reasoningContent": {"redactedContent": "ZW5j"}},
            {"text": ""},
            {"text": "So: "},
            {"citationsContent": {"content": [{"text": "it is "}, {"text": "so."}], "citations": [
                {"title": "W", "location": {"web": {"url": "https://e.org/w", "domain": "e.org"}}, "sourceContent": [{"text": "is "}, {"text": "so"}]},
                {"title": "S", "source": "https://e.org/s", "location": {"searchResultLocation": {"searchResultIndex": 0, "start": 0, "end": 1}}},
                {"title": "D", "location": {"documentChar": {"documentIndex": 0, "start": 0, "end": 3}}},
            ]}},
            {"image": {"format": "jpeg", "source": {"bytes": "QUJD"}}},
            {"toolUse": {"toolUseId": "t1", "name": "f", "input": {"z": 1.10, "a": [1]}, "type": "tool_use"}},
            {"toolUse": {"toolUseId": "s1", "name": "nova_grounding", "input": {}, "type": "server_tool_use"}},
            {"toolResult": {"toolUseId": "s1", "content": [{"text": "internal"}]}},
            {"hologram": {"depth": 3}},
            "nonsense",
        ]),
        "tool_use",
        json!({"inputTokens": 5, "outputTokens": 6, "totalTokens": 11}),
    );
    let told: Vec<String> = response
        .parts
        .iter()
        .map(|part| match part {
            Part::Text(text) => format!(
                "{}{:?}",
                text.text,
                text.citations.iter().map(|cited| (&cited.url, &cited.title, &cited.quote)).collect::<Vec<_>>()
            ),
            Part::Thinking(thinking) => format!("{}/{:?}/{:?}", thinking.text, thinking.signature, thinking.redacted),
            Part::ToolCall(call) => format!("{} {} {}", call.id, call.name, call.arguments),
            Part::Media(media) => media.link(),
            other => other.noun().to_owned(),
        })
        .collect();
    let expected = [
        "Hm/Some(\"c2ln\")/None",
        "/None/Some(\"ZW5j\")",
        "So: []",
        "it is so.[(Some(\"https://e.org/w\"), Some(\"W\"), Some(\"is so\")), (Some(\"https://e.org/s\"), Some(\"S\"), None), (None, Some(\"D\"), None)]",
        "![media](data:image/jpeg;base64,QUJD)",
        "t1 f {\"a\":[1],\"z\":1.1}",
    ];
    assert_eq!(told, expected);
    assert_eq!(response.finish.reason, Reason::ToolCalls);
}

#[test]
fn arguments_keep_their_bytes() {
    let body = br#"{"output":{"message":{"content":[{"toolUse":{"toolUseId":"t","name":"f","input":{"z": 1.10, "a": 12345678901234567890123}}}]}},"stopReason":"tool_use"}"#;
    let response = decode_response(body).unwrap();
    let Part::ToolCall(call) = &response.parts[0] else { panic!() };
    assert_eq!(call.arguments, r#"{"z": 1.10, "a": 12345678901234567890123}"#);
}

#[test]
fn every_reason_to_stop_is_translated() {
    let call = json!({"toolUse": {"toolUseId": "t", "name": "f", "input": {}}});
    let text = json!({"text": "x"});
    for (word, block, chat_word, messages_word) in [
        ("end_turn", &text, "stop", "end_turn"),
        ("stop_sequence", &text, "stop", "stop_sequence"),
        ("max_tokens", &text, "length", "max_tokens"),
        ("model_context_window_exceeded", &text, "length", "model_context_window_exceeded"),
        ("guardrail_intervened", &text, "content_filter", "refusal"),
        ("content_filtered", &text, "content_filter", "refusal"),
        ("malformed_model_output", &text, "stop", "end_turn"),
        ("of_the_future", &text, "stop", "end_turn"),
        ("tool_use", &call, "tool_calls", "tool_use"),
        ("end_turn", &call, "tool_calls", "tool_use"),
    ] {
        let response = answer(json!([block]), word, json!({}));
        assert_eq!(chat_answer(&response)["choices"][0]["finish_reason"], chat_word, "{word}");
        assert_eq!(messages_answer(&response)["stop_reason"], messages_word, "{word}");
        let stream = streamed(&[
            ("messageStart", json!({"role": "assistant"})),
            ("contentBlockStart", json!({"contentBlockIndex": 0, "start": if block == &call { json!({"toolUse": {"toolUseId": "t", "name": "f"}}) } else { json!({}) }})),
            ("contentBlockDelta", json!({"contentBlockIndex": 0, "delta": if block == &call { json!({"toolUse": {"input": "{}"}}) } else { text.clone() }})),
            ("contentBlockStop", json!({"contentBlockIndex": 0})),
            ("messageStop", json!({"stopReason": word})),
            ("metadata", json!({"usage": {}})),
        ])
        .unwrap();
        assert_eq!(format!("{stream:?}"), format!("{response:?}"), "{word}");
    }
}

#[test]
fn the_stop_sequence_that_was_met_is_told() {
    for fields in [json!({"stop_sequence": "END"}), json!({"delta": {"stop_sequence": "END"}})] {
        let response = decoded(json!({
            "output": {"message": {"content": [{"text": "x"}]}}, "stopReason": "stop_sequence", "additionalModelResponseFields": fields,
        }));
        let seen = messages_answer(&response);
        assert_eq!((&seen["stop_reason"], &seen["stop_sequence"]), (&json!("stop_sequence"), &json!("END")));
    }
    let silent = decoded(json!({
        "output": {"message": {"content": [{"text": "x"}]}}, "stopReason": "end_turn", "additionalModelResponseFields": {"stop_sequence": null},
    }));
    assert_eq!(silent.finish.stop_sequence, None);
}

#[test]
fn the_input_includes_what_was_cached() {
    let plain = Usage { input: 12, output: 3, ..Usage::default() };
    let table = [
        (json!({"inputTokens": 12, "outputTokens": 3, "totalTokens": 15}), Some(plain)),
        (json!({"inputTokens": 12.0, "outputTokens": 3.0, "serverToolUsage": {}}), Some(plain)),
        (json!({"inputTokens": 12, "outputTokens": 3, "cacheReadInputTokens": null}), Some(plain)),
        (
            json!({"inputTokens": 2, "outputTokens": 3, "cacheReadInputTokens": 10, "cacheWriteInputTokens": 0, "cacheReadInputTokenCount": 10}),
            Some(Usage { cache_read: Some(10), cache_write: Some(0), ..plain }),
        ),
        (
            json!({"inputTokens": 2, "outputTokens": 3, "cacheReadInputTokens": 4, "cacheWriteInputTokens": 6,
                   "cacheDetails": [{"ttl": "5m", "inputTokens": 2}, {"ttl": "1h", "inputTokens": 4}]}),
            Some(Usage { cache_read: Some(4), cache_write: Some(6), cache_write_1h: Some(4), ..plain }),
        ),
        (json!("many"), None),
        (Value::Null, None),
    ];
    for (told, expected) in table {
        assert_eq!(answer(json!([{"text": "x"}]), "end_turn", told.clone()).usage, expected, "{told}");
    }
    let response = answer(json!([{"text": "x"}]), "end_turn", json!({"inputTokens": 2, "outputTokens": 3, "cacheReadInputTokens": 10}));
    let usage = &chat_answer(&response)["usage"];
    assert_eq!((&usage["prompt_tokens"], &usage["prompt_tokens_details"]["cached_tokens"]), (&json!(12), &json!(10)));
    assert_eq!((&usage["completion_tokens"], &usage["total_tokens"]), (&json!(3), &json!(15)));
}

#[test]
fn an_answer_without_a_message_is_an_error_in_its_own_words() {
    let table = [
        (r#"{"message": "The model is gone."}"#, "The model is gone."),
        (r#"{"Message": "Not here."}"#, "Not here."),
        (r#"{"Output": {"__type": "com.amazon.coral.service#UnknownOperationException"}, "Version": "1.0"}"#, "UnknownOperationException"),
        (r#"{"output": {}}"#, "holds no message"),
        ("{}", "holds no message"),
        ("<html>", "could not be read"),
        ("", "could not be read"),
    ];
    for (body, words) in table {
        let error = decode_response(body.as_bytes()).unwrap_err();
        assert_eq!(error.kind, Kind::Failed);
        assert!(error.message.contains(words), "{body}: {}", error.message);
    }
}

#[test]
fn an_answer_goes_back_as_the_next_turn() {
    let response = answer(
        json!([
            {"reasoningContent": {"reasoningText": {"text": "Hm", "signature": "c2ln"}}},
            {"reasoningContent": {"redactedContent": "ZW5j"}},
            {"text": "I look."},
            {"toolUse": {"toolUseId": "t1", "name": "f", "input": {"a": 1}}},
            {"toolUse": {"toolUseId": "t2", "name": "f", "input": {}}},
        ]),
        "tool_use",
        json!({}),
    );
    let seen = messages_answer(&response);
    let result = |id: &str| json!({"type": "tool_result", "tool_use_id": id, "content": "ok"});
    let next = messages_request(json!({
        "tools": [{"name": "f", "input_schema": {"type": "object"}}],
        "messages": [
            {"role": "user", "content": "Hi"},
            {"role": "assistant", "content": seen["content"]},
            {"role": "user", "content": [result("t1"), result("t2")]},
        ],
    }));
    assert_eq!(
        sent(&next)["messages"][1]["content"],
        json!([
            {"reasoningContent": {"reasoningText": {"text": "Hm", "signature": "c2ln"}}},
            {"reasoningContent": {"redactedContent": "ZW5j"}},
            {"text": "I look."},
            {"toolUse": {"toolUseId": "t1", "name": "f", "input": {"a": 1}}},
            {"toolUse": {"toolUseId": "t2", "name": "f", "input": {}}},
        ])
    );
    let said = &chat_answer(&response)["choices"][0]["message"];
    assert_eq!((&said["content"], &said["reasoning_content"]), (&json!("I look."), &json!("Hm")));
    assert_eq!(said["tool_calls"][1]["function"], json!({"name": "f", "arguments": "{}"}));
}

#[test]
fn what_is_null_or_of_another_kind_takes_no_words_with_it() {
    let content = json!([
        {"citationsContent": {"content": [{"text": "a"}], "citations": null}},
        {"citationsContent": {"content": [{"text": "b"}], "citations": [{"title": 7, "sourceContent": null, "location": []}]}},
        {"toolUse": {"toolUseId": null, "name": "f", "input": null}},
        {"text": "c", "image": null},
    ]);
    let body = json!({"output": {"message": {"role": "assistant", "content": content}}, "stopReason": "tool_use", "usage": {"inputTokens": "3", "outputTokens": 1.0}});
    let response = decode_response(body.to_string().as_bytes()).unwrap();
    let text: String =
        response.parts.iter().filter_map(|part| if let Part::Text(text) = part { Some(text.text.as_str()) } else { None }).collect();
    assert_eq!(text, "abc");
    assert!(response.parts.iter().any(|part| matches!(part, Part::ToolCall(call) if call.name == "f" && call.arguments.is_empty())));
    assert_eq!(response.usage.map(|usage| (usage.input, usage.output)), Some((3, 1)));
}
