//! What callers send, and what of it reaches a provider of this dialect.

use super::*;
use causeway::error::Kind;

const REQUEST: &[u8] = include_bytes!("../fixtures/chat/request.json");

/// The turns of one request with these messages.
fn turns(messages: &Value) -> Vec<Turn> {
    decoded(&body(json!({"messages": messages}))).turns
}

fn parts(content: &Value) -> Vec<Part> {
    turns(&json!([{"role": "user", "content": content}])).remove(0).parts
}

/// Messages as they are sent to a provider of the same dialect.
fn sent(messages: &Value) -> Value {
    encoded(&decoded(&body(json!({"messages": messages}))), true, Abilities::default()).0["messages"].clone()
}

#[test]
fn a_request_survives_the_way_in_and_out_of_its_own_dialect() {
    let (sent, losses) = encoded(&decode_request(REQUEST).unwrap(), true, Abilities::default());
    let expected: Value = serde_json::from_slice(REQUEST).unwrap();
    for (name, value) in expected.as_object().unwrap() {
        assert_eq!(&sent[name], value, "{name}");
    }
    assert_eq!(sent, expected);
    assert!(losses.is_empty(), "{losses:?}");
}

#[test]
fn schemas_arguments_marks_and_proofs_keep_their_bytes() {
    let body = encode_request(&decode_request(REQUEST).unwrap(), true, &Abilities::default(), &mut Losses::default()).unwrap();
    let body = String::from_utf8(body).unwrap();
    for exact in [
        r#""arguments":"{\"z\": 1.10, \"a\": 12345678901234567890123}""#,
        r#""parameters":{"type":"object","properties":{"z":{"type":"number"},"a":{"minimum":1.0}},"required":["z"]}"#,
        r#""schema":{"type":"object","properties":{"y":{},"x":{}},"additionalProperties":false}"#,
        r#""cache_control":{"type": "ephemeral", "ttl": "1h"}"#,
        r#""signature":"c2lnbmF0dXJl+/==""#,
        r#"{"type": "video_url", "video_url": {"url": "https://example.com/v.mp4"}}"#,
        r#"{"type": "custom", "custom": {"name": "run", "description": "Runs code", "format": {"type": "text"}}}"#,
        r#""field_of_tomorrow":[1.0, 1e2, {"b": 1, "a": 2}]"#,
        r#""logit_bias":{"50256": -100}"#,
    ] {
        assert!(body.contains(exact), "{exact} is not in {body}");
    }
}

#[test]
fn a_request_is_understood() {
    let request = decode_request(REQUEST).unwrap();
    let told: Vec<String> = request
        .turns
        .iter()
        .map(|turn| {
            let nouns: Vec<&str> = turn.parts.iter().map(Part::noun).collect();
            format!("{:?}{}: {}", turn.role, turn.name.as_ref().map(|name| format!(" {name}")).unwrap_or_default(), nouns.join(", "))
        })
        .collect();
    let expected = [
        "Developer house: text",
        "System: text, text",
        "User ann: text, image, image, audio, audio, file, file, file, video_url",
        "Assistant: thinking, thinking, text, tool call, tool call",
        "User: tool result",
        "User: tool result",
        "Assistant: refusal",
        "User: text",
        "Assistant: audio",
        "Assistant: text",
        "User: text",
    ];
    assert_eq!(told, expected);
    assert_eq!((request.max_tokens, request.parallel_tools, request.seed, request.top_k), (Some(3_000), Some(false), Some(-7), Some(40)));
    assert_eq!((request.temperature, request.top_p), (Some(0.5), Some(0.9)));
    assert_eq!((request.frequency_penalty, request.presence_penalty), (Some(-0.5), Some(1.5)));
    assert_eq!(request.tool_choice, Some(ToolChoice::Function("look_up".into())));
    assert_eq!(request.reasoning, Some(Reasoning { effort: Some(Effort::High), budget: None }));
    assert_eq!((request.user.as_deref(), request.stream, request.stream_usage), (Some("u-1"), true, true));
    assert_eq!(request.stop, ["END", "\n"]);
    let extras: Vec<&str> = request.extras.iter().map(|(name, _)| name.as_str()).collect();
    let expected = "n stream_options.include_obfuscation logprobs top_logprobs logit_bias metadata store service_tier verbosity prediction \
                    modalities web_search_options prompt_cache_key safety_identifier field_of_tomorrow";
    assert_eq!(extras.join(" "), expected);
}

#[test]
fn media_are_told_by_their_kind_and_source() {
    let inline = |media_type: &str| Source::Inline { media_type: media_type.into(), data: "AA==".into() };
    use MediaKind::*;
    let table = [
        (json!({"type": "image_url", "image_url": {"url": "data:image/jpeg;base64,AA=="}}), Image, inline("image/jpeg")),
        (json!({"type": "image_url", "image_url": "https://a.org/x.png"}), Image, Source::Url("https://a.org/x.png".into())),
        (json!({"type": "input_audio", "input_audio": {"data": "AA==", "format": "mp3"}}), Audio, inline("audio/mpeg")),
        (json!({"type": "input_audio", "input_audio": {"data": "AA==", "format": "wav"}}), Audio, inline("audio/wav")),
        (json!({"type": "file", "file": {"file_data": "data:text/csv;base64,AA=="}}), Document, inline("text/csv")),
        (json!({"type": "file", "file": {"file_data": "AA==", "filename": "a.pdf"}}), Document, inline("application/pdf")),
        (json!({"type": "file", "file": {"file_data": "data:image/png;base64,AA=="}}), Image, inline("image/png")),
        (json!({"type": "file", "file": {"file_id": "file-1"}}), Document, Source::File("file-1".into())),
        (json!({"type": "file", "file": {"file_data": "https://a.org/x.pdf"}}), Document, Source::Url("https://a.org/x.pdf".into())),
    ];
    for (part, kind, source) in table {
        let [Part::Media(media)] = &parts(&json!([part]))[..] else { panic!("{part}") };
        assert_eq!((media.kind, &media.source), (kind, &source), "{part}");
    }
}

#[test]
fn thinking_of_earlier_turns_is_read_from_every_place() {
    let signed = |text: &str, signature: &str| Thinking { text: text.into(), signature: Some(signature.into()), redacted: None };
    let plain = |text: &str| Thinking { text: text.into(), ..Thinking::default() };
    let sealed = |data: &str| Thinking { redacted: Some(data.into()), ..Thinking::default() };
    let table = [
        (json!({"reasoning_content": "hm"}), vec![plain("hm")]),
        (json!({"reasoning": "hm"}), vec![plain("hm")]),
        (json!({"reasoning_content": "", "reasoning": null}), vec![]),
        (
            json!({"reasoning": "hm", "reasoning_details": [{"type": "reasoning.text", "text": "hm", "signature": "s"}]}),
            vec![signed("hm", "s")],
        ),
        (json!({"reasoning_content": "hm", "reasoning_details": [{"type": "reasoning.text", "signature": "s"}]}), vec![signed("hm", "s")]),
        (
            json!({"reasoning_content": "hm", "reasoning_details": [{"type": "reasoning.encrypted", "data": "d"}]}),
            vec![plain("hm"), sealed("d")],
        ),
        (
            json!({"reasoning_details": [{"type": "reasoning.text", "text": "h"}, {"type": "reasoning.text", "text": "m"},
                {"type": "reasoning.text", "signature": "s"}, {"type": "reasoning.encrypted", "data": "d"}]}),
            vec![signed("hm", "s"), sealed("d")],
        ),
        (
            json!({"reasoning_details": [{"type": "reasoning.encrypted", "data": "d", "format": "openai-responses-v1"}]}),
            vec![sealed("chat:openai-responses-v1:d")],
        ),
        (
            json!({"reasoning_details": [{"type": "reasoning.text", "text": "h", "signature": "s", "format": "anthropic-claude-v1"}]}),
            vec![signed("h", "s")],
        ),
        (
            json!({"thinking_blocks": [{"type": "thinking", "thinking": "hm", "signature": "s"}, {"type": "redacted_thinking", "data": "d"}]}),
            vec![signed("hm", "s"), sealed("d")],
        ),
        (json!({"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}]}), vec![plain("hm")]),
    ];
    for (fields, expected) in table {
        let mut message = json!({"role": "assistant", "content": "x"});
        message.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        let turn = turns(&json!([message])).remove(0);
        let thoughts: Vec<&Thinking> =
            turn.parts.iter().filter_map(|part| if let Part::Thinking(part) = part { Some(part) } else { None }).collect();
        assert_eq!(format!("{thoughts:?}"), format!("{:?}", expected.iter().collect::<Vec<_>>()), "{message}");
    }
}

#[test]
fn functions_of_old_get_ids_of_their_own() {
    let messages = json!([
        {"role": "assistant", "content": null, "function_call": {"name": "f", "arguments": "{\"x\":1}"}},
        {"role": "function", "name": "f", "content": "one"},
        {"role": "assistant", "content": null, "function_call": {"name": "f", "arguments": ""}},
        {"role": "function", "name": "f", "content": "two"},
        {"role": "assistant", "content": null, "function_call": {"name": "g", "arguments": "{}"}},
        {"role": "function", "name": "g", "content": null},
    ]);
    let call = |id: &str, name: &str, arguments: &str| json!({"role": "assistant", "content": null, "tool_calls": [{"id": id, "type": "function", "function": {"name": name, "arguments": arguments}}]});
    let result = |id: &str, content: &str| json!({"role": "tool", "tool_call_id": id, "content": content});
    assert_eq!(
        sent(&messages),
        json!([
            call("f", "f", "{\"x\":1}"),
            result("f", "one"),
            call("f_2", "f", "{}"),
            result("f_2", "two"),
            call("g", "g", "{}"),
            result("g", "")
        ])
    );
}

#[test]
fn messages_take_the_form_that_every_provider_knows() {
    let table = [
        // One text is a string.
        (json!({"role": "user", "content": [{"type": "text", "text": "x"}]}), json!({"role": "user", "content": "x"})),
        (json!({"role": "user", "content": []}), json!({"role": "user", "content": ""})),
        (
            json!({"role": "user", "content": [{"type": "input_text", "text": "a"}, {"type": "output_text", "text": "b"}]}),
            json!({"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}),
        ),
        (
            json!({"role": "tool", "tool_call_id": "c", "name": "f", "content": null}),
            json!({"role": "tool", "tool_call_id": "c", "content": ""}),
        ),
        // A mark on a message is one on its last part.
        (
            json!({"role": "user", "content": "x", "cache_control": {"type": "ephemeral"}}),
            json!({"role": "user", "content": [{"type": "text", "text": "x", "cache_control": {"type": "ephemeral"}}]}),
        ),
        (
            json!({"role": "tool", "tool_call_id": "c", "content": "r", "cache_control": {"type": "ephemeral"}}),
            json!({"role": "tool", "tool_call_id": "c", "content": "r", "cache_control": {"type": "ephemeral"}}),
        ),
        // Refusals leave the list of parts, thinking too; empty sound is none.
        (
            json!({"role": "assistant", "content": [{"type": "text", "text": "I"}, {"type": "refusal", "refusal": "no"}], "audio": {"id": ""}}),
            json!({"role": "assistant", "content": "I", "refusal": "no"}),
        ),
        (json!({"role": "assistant", "tool_calls": [], "refusal": null}), json!({"role": "assistant", "content": ""})),
        (
            json!({"role": "assistant", "content": "", "tool_calls": [{"id": "c", "function": {"name": "f", "arguments": {"a": 1, "b": 2}}}]}),
            json!({"role": "assistant", "content": "", "tool_calls": [{"id": "c", "type": "function", "function": {"name": "f", "arguments": "{\"a\":1,\"b\":2}"}}]}),
        ),
        (
            json!({"role": "assistant", "name": "bob", "content": "x", "tool_calls": null}),
            json!({"role": "assistant", "content": "x", "name": "bob"}),
        ),
    ];
    for (message, expected) in table {
        assert_eq!(sent(&json!([message])), json!([expected]), "{message}");
    }
}

#[test]
fn a_malformed_request_is_told_where_it_is_wrong() {
    let table = [
        ("", ""),
        ("[]", ""),
        ("{\"model\":\"m\"", ""),
        (r#"{"model":"m"}"#, "messages"),
        (r#"{"model":"m","messages":null}"#, "messages"),
        (r#"{"model":"m","messages":[]}"#, "messages"),
        (r#"{"model":"m","messages":"x"}"#, "messages"),
        (r#"{"model":7,"messages":[{"role":"user","content":"x"}]}"#, "model"),
    ];
    let deep = [
        (json!({"messages": ["x"]}), "messages.0"),
        (json!({"messages": [{"content": "x"}]}), "messages.0.role"),
        (json!({"messages": [{"role": "robot", "content": "x"}]}), "messages.0.role"),
        (json!({"messages": [{"role": "user"}]}), "messages.0.content"),
        (json!({"messages": [{"role": "system", "content": null}]}), "messages.0.content"),
        (json!({"messages": [{"role": "user", "content": 7}]}), "messages.0.content"),
        (json!({"messages": [{"role": "user", "content": {"type": "text"}}]}), "messages.0.content"),
        (json!({"messages": [{"role": "user", "content": ["x"]}]}), "messages.0.content.0"),
        (json!({"messages": [{"role": "user", "content": [{"text": "x"}]}]}), "messages.0.content.0.type"),
        (json!({"messages": [{"role": "user", "content": [{"type": "text"}]}]}), "messages.0.content.0.text"),
        (json!({"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}), "messages.0.content.0.image_url"),
        (
            json!({"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {}}]}]}),
            "messages.0.content.0.image_url.url",
        ),
        (
            json!({"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": "data:image/png;base64"}]}]}),
            "messages.0.content.0.image_url",
        ),
        (
            json!({"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": "data:image/svg+xml,<svg/>"}]}]}),
            "messages.0.content.0.image_url",
        ),
        (
            json!({"messages": [{"role": "user", "content": [{"type": "input_audio", "input_audio": {"data": "x"}}]}]}),
            "messages.0.content.0.input_audio.format",
        ),
        (
            json!({"messages": [{"role": "user", "content": [{"type": "file", "file": {"filename": "a"}}]}]}),
            "messages.0.content.0.file.file_data",
        ),
        (json!({"messages": [{"role": "user", "content": "x", "name": 7}]}), "messages.0.name"),
        (json!({"messages": [{"role": "user", "content": "x"}, {"role": "tool", "content": "x"}]}), "messages.1.tool_call_id"),
        (json!({"messages": [{"role": "function", "content": "x"}]}), "messages.0.name"),
        (json!({"messages": [{"role": "assistant", "tool_calls": {}}]}), "messages.0.tool_calls"),
        (json!({"messages": [{"role": "assistant", "tool_calls": [{"function": {"name": "f"}}]}]}), "messages.0.tool_calls.0.id"),
        (json!({"messages": [{"role": "assistant", "tool_calls": [{"id": "c"}]}]}), "messages.0.tool_calls.0.function"),
        (
            json!({"messages": [{"role": "assistant", "tool_calls": [{"id": "c", "function": {}}]}]}),
            "messages.0.tool_calls.0.function.name",
        ),
        (json!({"messages": [{"role": "assistant", "function_call": {}}]}), "messages.0.function_call.name"),
        (json!({"tools": {}}), "tools"),
        (json!({"tools": [{"type": "function"}]}), "tools.0.function"),
        (json!({"tools": [{"type": "function", "function": {}}]}), "tools.0.function.name"),
        (json!({"tools": [{"type": "function", "function": {"name": "f", "strict": "yes"}}]}), "tools.0.function.strict"),
        (json!({"functions": [{}]}), "functions.0.name"),
        (json!({"tool_choice": "sometimes"}), "tool_choice"),
        (json!({"tool_choice": 7}), "tool_choice"),
        (json!({"tool_choice": {"type": "function"}}), "tool_choice.function"),
        (json!({"tool_choice": {"type": "allowed_tools", "allowed_tools": {"mode": "auto"}}}), "tool_choice.allowed_tools.tools"),
        (
            json!({"tool_choice": {"type": "allowed_tools", "allowed_tools": {"tools": [{"type": "function"}]}}}),
            "tool_choice.allowed_tools.tools.0.name",
        ),
        (json!({"temperature": "hot"}), "temperature"),
        (json!({"top_p": true}), "top_p"),
        (json!({"max_tokens": -1}), "max_tokens"),
        (json!({"max_completion_tokens": 1.5}), "max_completion_tokens"),
        (json!({"seed": "x"}), "seed"),
        (json!({"stop": 7}), "stop"),
        (json!({"stop": ["a", 7]}), "stop"),
        (json!({"stream": "yes"}), "stream"),
        (json!({"stream_options": true}), "stream_options"),
        (json!({"stream_options": {"include_usage": 1}}), "stream_options.include_usage"),
        (json!({"parallel_tool_calls": "no"}), "parallel_tool_calls"),
        (json!({"response_format": "json"}), "response_format"),
        (json!({"response_format": {}}), "response_format.type"),
        (json!({"response_format": {"type": "xml"}}), "response_format.type"),
        (json!({"response_format": {"type": "json_schema"}}), "response_format.json_schema"),
        (json!({"response_format": {"type": "json_schema", "json_schema": {"name": "x"}}}), "response_format.json_schema.schema"),
        (json!({"reasoning_effort": 7}), "reasoning_effort"),
        (json!({"reasoning": {"effort": "huge"}}), "reasoning.effort"),
        (json!({"user": {}}), "user"),
    ];
    let table = table.into_iter().map(|(text, param)| (text.to_owned(), param));
    for (text, param) in table.chain(deep.map(|(fields, param)| (body(fields).to_string(), param))) {
        let Err(error) = decode_request(text.as_bytes()) else { panic!("{text} was taken") };
        assert_eq!((error.kind, error.param.as_deref().unwrap_or_default()), (Kind::Invalid, param), "{text}: {}", error.message);
        assert!(error.message.contains(param), "{}", error.message);
    }
}
