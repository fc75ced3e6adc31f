//! Cohere's chat, against bytes as they are on the wire: requests to it, answers and streams from it.
#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

#[path = "pieces/mod.rs"]
mod pieces;

use causeway::error::{Error, Kind};
use causeway::ir::*;
use causeway::wire::cohere::*;
use causeway::wire::predictions::Bound;
use causeway::wire::{Abilities, Dialect, Echo, ThinkingStyle, Writer, chat, messages};
use serde_json::{Value, json};
use std::path::Path;

use pieces::folded;

const BUDGET: Abilities = Abilities { thinking: ThinkingStyle::Budget, ..PLAIN };
const PLAIN: Abilities = Abilities {
    thinking: ThinkingStyle::None,
    sampling: true,
    top_k: false,
    sampling_pair: true,
    default_max_tokens: 4_096,
    completion_bound: false,
    developer_role: false,
    replay_thinking: false,
    replay_proofs: false,
    json_schema: true,
    bound: Bound::MaxTokens,
    least_effort: Effort::None,
};

fn echo() -> Echo {
    Echo { model: "asked-model".into(), now: 1, nonce: "nonce".into(), stream_usage: true }
}

/// A request of a chat caller as Cohere gets it, and what was lost.
fn translated(body: &Value, abilities: Abilities) -> Result<(Value, Vec<String>), Error> {
    let mut losses = Losses::default();
    let request = chat::decode_request(body.to_string().as_bytes())?;
    let body = encode_request(&request, false, &abilities, &mut losses)?;
    Ok((serde_json::from_slice(&body).unwrap(), losses.names().to_vec()))
}

/// The same of what is added to a plain question.
fn asked(more: &Value, abilities: Abilities) -> (Value, Vec<String>) {
    let mut body = json!({"model": "command", "messages": [{"role": "user", "content": "Hi"}]});
    for (name, field) in more.as_object().unwrap() {
        body[name] = field.clone();
    }
    let (mut sent, losses) = translated(&body, abilities).unwrap();
    let sent = sent.as_object_mut().unwrap();
    assert_eq!(sent.remove("model").unwrap(), "command");
    assert_eq!(sent.remove("messages").unwrap(), body["messages"]);
    (Value::Object(sent.clone()), losses)
}

fn sent_messages(messages: Value, abilities: Abilities) -> (Value, Vec<String>) {
    let (sent, losses) = translated(&json!({"model": "command", "messages": messages}), abilities).unwrap();
    (sent["messages"].clone(), losses)
}

/// The events of a stream that comes in pieces of this size.
fn read(bytes: &[u8], size: usize, fault: Option<Error>) -> Vec<Event> {
    pieces::read(Dialect::Cohere, &mut StreamReader::default(), bytes, size, fault)
}

/// The same answer in pieces of every kind.
fn gathered(stream: &str) -> Response {
    let all: Vec<Response> = [1, 7, 4_096].map(|size| folded(read(stream.as_bytes(), size, None)).unwrap()).into();
    let shown: Vec<String> = all.iter().map(|response| format!("{response:?}")).collect();
    assert_eq!(shown[0], shown[1]);
    assert_eq!(shown[0], shown[2]);
    all.into_iter().next().unwrap()
}

fn frames(events: &[Value]) -> String {
    events.iter().map(|event| format!("event: {}\ndata: {event}\n\n", event["type"].as_str().unwrap())).collect()
}

fn started() -> Value {
    json!({"id": "a1", "type": "message-start",
        "delta": {"message": {"role": "assistant", "content": [], "tool_plan": "", "tool_calls": [], "citations": []}}})
}

fn content(kind: &str, index: u32, piece: Value) -> Value {
    json!({"type": kind, "index": index, "delta": {"message": {"content": piece}}})
}

fn ended(delta: Value) -> Value {
    json!({"type": "message-end", "delta": delta})
}

fn as_chat(response: &Response) -> Value {
    serde_json::from_slice(&chat::encode_response(response, &echo())).unwrap()
}

#[test]
fn each_role_is_written_as_cohere_knows_it() {
    let (sent, losses) = sent_messages(
        json!([
            {"role": "system", "content": "Be brief."},
            {"role": "developer", "content": [{"type": "text", "text": "Be kind."}, {"type": "text", "text": "Be quick."}]},
            {"role": "user", "content": "Hi", "name": "Ann"},
            {"role": "assistant", "content": "Hello"},
            {"role": "assistant", "content": null, "refusal": "I cannot."},
            {"role": "user", "content": ""},
        ]),
        PLAIN,
    );
    assert_eq!(
        sent,
        json!([
            {"role": "system", "content": "Be brief."},
            {"role": "system", "content": [{"type": "text", "text": "Be kind."}, {"type": "text", "text": "Be quick."}]},
            {"role": "user", "content": "Hi"},
            {"role": "assistant", "content": "Hello"},
            {"role": "assistant", "content": "I cannot."},
            {"role": "user", "content": ""},
        ])
    );
    assert_eq!(losses, ["name"]);
}

#[test]
fn images_go_along_and_text_files_become_text() {
    let (sent, losses) = sent_messages(
        json!([{"role": "user", "content": [
            {"type": "text", "text": "Look"},
            {"type": "image_url", "image_url": {"url": "https://a.example/b.png", "detail": "low"}},
            {"type": "image_url", "image_url": {"url": "data:image/png;base64,QUJD"}},
            {"type": "file", "file": {"filename": "a.txt", "file_data": "data:text/plain;base64,aGVsbG8="}},
        ]}]),
        PLAIN,
    );
    assert_eq!(
        sent,
        json!([{"role": "user", "content": [
            {"type": "text", "text": "Look"},
            {"type": "image_url", "image_url": {"url": "https://a.example/b.png", "detail": "low"}},
            {"type": "image_url", "image_url": {"url": "data:image/png;base64,QUJD"}},
            {"type": "text", "text": "a.txt:\nhello"},
        ]}])
    );
    assert_eq!(losses, [""; 0]);
}

#[test]
fn content_that_cannot_go_is_an_error_that_says_so() {
    let pdf = json!({"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,QUJD"}});
    let table = [
        (json!({"role": "user", "content": [pdf]}), "plain text"),
        (json!({"role": "user", "content": [{"type": "file", "file": {"file_id": "file-1"}}]}), "uploaded file"),
        (json!({"role": "user", "content": [{"type": "input_audio", "input_audio": {"data": "QUJD", "format": "wav"}}]}), "audio"),
        (json!({"role": "system", "content": [{"type": "image_url", "image_url": {"url": "https://a.example"}}]}), "text only"),
    ];
    for (message, words) in table {
        let error = translated(&json!({"model": "command", "messages": [message]}), PLAIN).unwrap_err();
        assert_eq!((error.kind, error.status, error.param.as_deref()), (Kind::Invalid, 400, Some("messages")), "{message}");
        assert!(error.message.contains(words), "{}", error.message);
    }
}

#[test]
fn every_knob_goes_by_cohere_s_name() {
    let (sent, losses) = asked(
        &json!({
            "max_completion_tokens": 100, "temperature": 0.5, "top_p": 0.9, "top_k": 40, "seed": 7, "stop": ["a", "b"],
            "frequency_penalty": 0.25, "presence_penalty": 0.5, "stream": true, "parallel_tool_calls": true, "n": 1,
            "documents": [{"id": "d", "data": {"text": "t"}}], "citation_options": {"mode": "FAST"}, "safety_mode": "STRICT",
        }),
        PLAIN,
    );
    let mut expected = json!({
        "max_tokens": 100, "temperature": 0.5, "p": 0.9, "seed": 7, "stop_sequences": ["a", "b"],
        "frequency_penalty": 0.25, "presence_penalty": 0.5, "stream": true,
        "documents": [{"id": "d", "data": {"text": "t"}}], "citation_options": {"mode": "FAST"}, "safety_mode": "STRICT",
    });
    expected["k"] = json!(40);
    assert_eq!(sent, expected);
    assert_eq!(losses, [""; 0]);
}

#[test]
fn what_is_out_of_range_is_brought_into_it_and_named() {
    let (sent, losses) = asked(
        &json!({"top_p": 1, "top_k": 900, "seed": -1, "stop": ["a", "b", "c", "d", "e", "f"], "frequency_penalty": -1, "presence_penalty": 2}),
        PLAIN,
    );
    let expected =
        json!({"p": 0.99, "k": 500, "stop_sequences": ["a", "b", "c", "d", "e"], "frequency_penalty": 0.0, "presence_penalty": 1.0});
    assert_eq!(sent, expected);
    assert_eq!(losses, ["top_p>0.99", "frequency_penalty<0", "presence_penalty>1", "top_k>500", "seed<0", "stop"]);
}

#[test]
fn what_cohere_lacks_is_named_and_never_sent() {
    let (sent, mut losses) = asked(
        &json!({"user": "u", "parallel_tool_calls": false, "logit_bias": {"1": 1}, "logprobs": true, "store": false,
            "metadata": {"a": "b"}, "service_tier": "auto", "reasoning_effort": "high", "stream_options": {"include_usage": true}, "stream": true}),
        PLAIN,
    );
    assert_eq!(sent, json!({"stream": true}));
    losses.sort();
    assert_eq!(losses, ["logit_bias", "logprobs", "metadata", "parallel_tool_calls", "reasoning_effort", "service_tier", "store", "user"]);
    let error = translated(&json!({"model": "m", "messages": [{"role": "user", "content": "Hi"}], "n": 2}), PLAIN).unwrap_err();
    assert_eq!(error.param.as_deref(), Some("n"));
}

#[test]
fn tools_keep_the_bytes_of_their_schemas() {
    let schema =
        r#"{"type":"object","properties":{"z":{"type":"number","minimum":1.0},"a":{"enum":[12345678901234567890123]}},"required":["z"]}"#;
    let body = format!(
        r#"{{"model":"m","messages":[{{"role":"user","content":"Hi"}}],"tools":[
            {{"type":"function","function":{{"name":"f","description":"d","parameters":{schema},"strict":true}}}}]}}"#
    );
    let request = chat::decode_request(body.as_bytes()).unwrap();
    let sent = String::from_utf8(encode_request(&request, false, &PLAIN, &mut Losses::default()).unwrap()).unwrap();
    let tool =
        format!(r#""tools":[{{"type":"function","function":{{"name":"f","description":"d","parameters":{schema}}}}}],"strict_tools":true"#);
    assert!(sent.contains(&tool), "{sent}");
}

#[test]
fn every_tool_choice_is_said_in_cohere_s_way() {
    let tools = json!([
        {"type": "function", "function": {"name": "f"}},
        {"type": "function", "function": {"name": "g", "parameters": {"type": "object", "properties": {}}}},
    ]);
    let empty = json!({"type": "object", "properties": {}});
    let f = json!({"type": "function", "function": {"name": "f", "parameters": empty}});
    let g = json!({"type": "function", "function": {"name": "g", "parameters": empty}});
    let table = [
        (json!("auto"), json!([f, g]), None),
        (json!("required"), json!([f, g]), Some("REQUIRED")),
        (json!("none"), json!([f, g]), Some("NONE")),
        (json!({"type": "function", "function": {"name": "g"}}), json!([g]), Some("REQUIRED")),
    ];
    for (choice, tools_sent, said) in table {
        let (sent, losses) = asked(&json!({"tools": tools, "tool_choice": choice}), PLAIN);
        assert_eq!(sent["tools"], tools_sent, "{choice}");
        assert_eq!(sent.get("tool_choice").and_then(Value::as_str), said, "{choice}");
        assert_eq!(losses, [""; 0]);
    }
    let unknown = json!({"model": "m", "messages": [{"role": "user", "content": "Hi"}], "tools": tools,
        "tool_choice": {"type": "function", "function": {"name": "h"}}});
    assert_eq!(translated(&unknown, PLAIN).unwrap_err().param.as_deref(), Some("tool_choice"));
}

#[test]
fn tools_are_strict_together_or_not_at_all() {
    let tool = |strict: bool, required: Value| {
        json!({"type": "function", "function": {"name": "f", "strict": strict,
            "parameters": {"type": "object", "properties": {"a": {}}, "required": required}}})
    };
    let table = [
        (json!([tool(true, json!(["a"])), tool(true, json!(["a"]))]), Some(true), vec![]),
        (json!([tool(true, json!(["a"])), tool(false, json!(["a"]))]), None, vec!["tools.strict"]),
        (json!([tool(true, json!([]))]), None, vec!["tools.strict"]),
        (json!([tool(false, json!(["a"]))]), None, vec![]),
    ];
    for (tools, strict, lost) in table {
        let (sent, losses) = asked(&json!({"tools": tools}), PLAIN);
        assert_eq!(sent.get("strict_tools").and_then(Value::as_bool), strict, "{tools}");
        assert_eq!(losses, lost, "{tools}");
    }
}

#[test]
fn a_schema_for_the_answer_is_a_json_object_s() {
    let schema = json!({"type": "object", "properties": {"y": {}, "x": {}}, "required": ["y"]});
    let format = json!({"type": "json_schema", "json_schema": {"name": "n", "strict": true, "schema": schema}});
    let (sent, losses) = asked(&json!({"response_format": format}), PLAIN);
    assert_eq!(sent, json!({"response_format": {"type": "json_object", "json_schema": schema}}));
    assert_eq!(losses, [""; 0]);
    let (sent, losses) = asked(&json!({"response_format": format}), Abilities { json_schema: false, ..PLAIN });
    assert_eq!(sent, json!({"response_format": {"type": "json_object"}}));
    assert_eq!(losses, ["response_format.json_schema"]);
    assert_eq!(asked(&json!({"response_format": {"type": "json_object"}}), PLAIN).0, sent);
    assert_eq!(asked(&json!({"response_format": {"type": "text"}}), PLAIN).0, json!({}));
}

#[test]
fn effort_becomes_a_budget_that_leaves_room_for_the_answer() {
    let table = [
        (json!({"reasoning_effort": "none"}), BUDGET, json!({"thinking": {"type": "disabled"}})),
        (json!({"reasoning_effort": "low"}), BUDGET, json!({"thinking": {"type": "enabled", "token_budget": 1_024}})),
        (
            json!({"reasoning_effort": "high", "max_completion_tokens": 1_000}),
            BUDGET,
            json!({"max_tokens": 1_000, "thinking": {"type": "enabled", "token_budget": 750}}),
        ),
        (
            json!({"reasoning_effort": "low", "max_completion_tokens": 9_000}),
            BUDGET,
            json!({"max_tokens": 9_000, "thinking": {"type": "enabled", "token_budget": 1_024}}),
        ),
        (json!({"reasoning_effort": "none"}), PLAIN, json!({})),
        (json!({}), BUDGET, json!({})),
    ];
    for (more, abilities, expected) in table {
        let (sent, losses) = asked(&more, abilities);
        assert_eq!(sent, expected, "{more}");
        assert_eq!(losses, [""; 0]);
    }
    let body = json!({"model": "m", "max_tokens": 5_000, "messages": [{"role": "user", "content": "Hi"}],
        "thinking": {"type": "enabled", "budget_tokens": 2_000}});
    let request = messages::decode_request(body.to_string().as_bytes()).unwrap();
    let sent: Value = serde_json::from_slice(&encode_request(&request, false, &BUDGET, &mut Losses::default()).unwrap()).unwrap();
    assert_eq!(sent["thinking"], json!({"type": "enabled", "token_budget": 2_000}));
}

#[test]
fn a_tool_loop_of_a_messages_caller_keeps_calls_results_and_their_order() {
    let body = json!({"model": "m", "max_tokens": 100, "system": "Sys", "messages": [
        {"role": "user", "content": "Weather?"},
        {"role": "assistant", "content": [
            {"type": "thinking", "thinking": "I look it up.", "signature": "c2ln"},
            {"type": "tool_use", "id": "t1", "name": "f", "input": {"a": 2, "z": 1}},
            {"type": "tool_use", "id": "t2", "name": "g", "input": {}},
        ]},
        {"role": "user", "content": [
            {"type": "tool_result", "tool_use_id": "t1", "content": [
                {"type": "text", "text": "See"},
                {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "QUJD"}}]},
            {"type": "tool_result", "tool_use_id": "t2", "is_error": true, "content": "no such place"},
            {"type": "text", "text": "Go on"},
        ]},
    ]});
    let request = messages::decode_request(body.to_string().as_bytes()).unwrap();
    let sent = |abilities| -> Value {
        let bytes = encode_request(&request, false, &abilities, &mut Losses::default()).unwrap();
        serde_json::from_slice::<Value>(&bytes).unwrap()["messages"].clone()
    };
    let calls = json!([
        {"id": "t1", "type": "function", "function": {"name": "f", "arguments": "{\"a\":2,\"z\":1}"}},
        {"id": "t2", "type": "function", "function": {"name": "g", "arguments": "{}"}},
    ]);
    let plain = sent(PLAIN);
    assert_eq!(
        plain,
        json!([
            {"role": "system", "content": "Sys"},
            {"role": "user", "content": "Weather?"},
            {"role": "assistant", "tool_plan": "I look it up.", "tool_calls": calls},
            {"role": "tool", "tool_call_id": "t1", "content": "See"},
            {"role": "tool", "tool_call_id": "t2", "content": "Error: no such place"},
            {"role": "user", "content": [
                {"type": "text", "text": "What the tool call t1 gave:"},
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,QUJD"}},
                {"type": "text", "text": "Go on"},
            ]},
        ])
    );
    assert_eq!(
        sent(BUDGET)[2],
        json!({"role": "assistant", "content": [{"type": "thinking", "thinking": "I look it up."}], "tool_calls": calls})
    );
}

#[test]
fn what_a_tool_showed_waits_until_all_results_are_told() {
    let image = json!({"type": "image_url", "image_url": {"url": "https://a.example/b.png"}});
    let (sent, _) = sent_messages(
        json!([
            {"role": "assistant", "content": null, "tool_calls": [
                {"id": "1", "type": "function", "function": {"name": "f", "arguments": ""}},
                {"id": "2", "type": "function", "function": {"name": "f", "arguments": "{}"}}]},
            {"role": "tool", "tool_call_id": "1", "content": [image]},
            {"role": "tool", "tool_call_id": "2", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]},
        ]),
        PLAIN,
    );
    let roles: Vec<&str> = sent.as_array().unwrap().iter().map(|message| message["role"].as_str().unwrap()).collect();
    assert_eq!(roles, ["assistant", "tool", "tool", "user"]);
    assert_eq!(sent[0]["tool_calls"][0]["function"]["arguments"], "{}");
    assert_eq!(sent[1]["content"], "");
    assert_eq!(sent[2]["content"], json!([{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]));
    assert_eq!(sent[3]["content"][1], image);
}

#[test]
fn a_whole_answer_is_read_with_its_thinking_citations_and_counts() {
    let answer = json!({"id": "a1", "message": {"role": "assistant",
        "content": [{"type": "thinking", "thinking": "Hm."}, {"type": "text", "text": "Ünder "}, {"type": "novel"}, {"type": "text", "text": "Ruby is old."}],
        "citations": [
            {"start": 0, "end": 4, "text": "Ruby", "type": "TEXT_CONTENT", "content_index": 3, "sources": [
                {"type": "document", "id": "doc:0", "document": {"id": "doc:0", "title": "Facts", "url": "https://a.example"}},
                {"type": "tool", "id": "t:0", "tool_output": {"content": "Ruby"}}]},
            {"start": 0, "end": 2, "text": "Hm", "type": "THINKING_CONTENT", "content_index": 0, "sources": []},
            {"start": 0.0, "end": 5.0, "text": "Ünder", "content_index": 1},
        ]},
        "finish_reason": "COMPLETE",
        "usage": {"billed_units": {"input_tokens": 67.0, "output_tokens": 66}, "tokens": {"input_tokens": 510.0, "output_tokens": 99, "reasoning_tokens": 29}, "cached_tokens": 144}});
    let response = decode_response(answer.to_string().as_bytes()).unwrap();
    assert_eq!((response.id.as_str(), response.finish.reason, response.finish.raw.as_deref()), ("a1", Reason::Stop, Some("COMPLETE")));
    let expected = Usage { input: 510, output: 99, cache_read: Some(144), reasoning: Some(29), ..Usage::default() };
    assert_eq!(response.usage, Some(expected));
    let [Part::Thinking(thinking), Part::Text(first), Part::Text(second)] = response.parts.as_slice() else {
        panic!("{:?}", response.parts);
    };
    assert_eq!((thinking.text.as_str(), first.text.as_str(), second.text.as_str()), ("Hm.", "Ünder ", "Ruby is old."));
    assert_eq!(first.citations.len(), 1);
    assert_eq!((first.citations[0].range, first.citations[0].quote.as_deref()), (Some((0, 5)), Some("Ünder")));
    let told: Vec<_> = second.citations.iter().map(|cited| (cited.url.as_deref(), cited.title.as_deref(), cited.range)).collect();
    assert_eq!(told, [(Some("https://a.example"), Some("Facts"), Some((6, 10))), (None, Some("t:0"), Some((6, 10)))]);
    let chat = as_chat(&response);
    assert_eq!(chat["choices"][0]["message"]["content"], "Ünder Ruby is old.");
    assert_eq!(chat["choices"][0]["message"]["reasoning_content"], "Hm.");
    assert_eq!(chat["model"], "asked-model");
}

#[test]
fn a_plan_is_thinking_and_calls_follow_it() {
    let answer = json!({"id": "a1", "message": {"role": "assistant", "tool_plan": "I will look.", "tool_calls": [
        {"id": "f_1", "type": "function", "function": {"name": "f", "arguments": "{\"b\":1,\"a\":2}"}},
        {"id": "g_1", "type": "function", "function": {"name": "g", "arguments": {"x": 1}}}]},
        "finish_reason": "TOOL_CALL", "usage": {"billed_units": {"input_tokens": 5, "output_tokens": 6}}});
    let response = decode_response(answer.to_string().as_bytes()).unwrap();
    assert_eq!(response.usage, Some(Usage { input: 5, output: 6, ..Usage::default() }));
    let chat = as_chat(&response);
    let choice = &chat["choices"][0];
    assert_eq!(choice["finish_reason"], "tool_calls");
    assert_eq!(choice["message"]["reasoning_content"], "I will look.");
    assert_eq!(choice["message"]["tool_calls"][0]["function"], json!({"name": "f", "arguments": "{\"b\":1,\"a\":2}"}));
    assert_eq!(choice["message"]["tool_calls"][1]["function"]["arguments"], "{\"x\":1}");
    let native: Value = serde_json::from_slice(&messages::encode_response(&response, &echo())).unwrap();
    assert_eq!(native["stop_reason"], "tool_use");
    assert_eq!(native["content"][1], json!({"type": "tool_use", "id": "f_1", "name": "f", "input": {"b": 1, "a": 2}}));
}

#[test]
fn every_finish_is_told_whole_and_streamed_alike() {
    let table = [
        ("COMPLETE", Ok(Reason::Stop)),
        ("STOP_SEQUENCE", Ok(Reason::Stop)),
        ("MAX_TOKENS", Ok(Reason::Length)),
        ("TOOL_CALL", Ok(Reason::ToolCalls)),
        ("ERROR_TOXIC", Ok(Reason::Filtered)),
        ("ERROR_LIMIT", Ok(Reason::Length)),
        ("NOVEL", Ok(Reason::Stop)),
        ("ERROR", Err(Kind::Failed)),
        ("TIMEOUT", Err(Kind::TimedOut)),
    ];
    for (word, expected) in table {
        let answer =
            json!({"id": "a", "message": {"role": "assistant", "content": [{"type": "text", "text": "Hi"}]}, "finish_reason": word});
        let whole = decode_response(answer.to_string().as_bytes());
        let stream = frames(&[started(), content("content-delta", 0, json!({"text": "Hi"})), ended(json!({"finish_reason": word}))]);
        let streamed = folded(read(stream.as_bytes(), 7, None));
        for told in [whole, streamed] {
            assert_eq!(told.map(|response| response.finish.reason).map_err(|error| error.kind), expected, "{word}");
        }
    }
}

#[test]
fn an_answer_that_is_none_tells_the_provider_s_words() {
    let table = [
        (r#"{"id":"x","message":"internal error"}"#, "internal error"),
        (r#"{"message":null}"#, ""),
        ("[]", "could not be read"),
        ("<html>", "could not be read"),
    ];
    for (body, words) in table {
        let error = decode_response(body.as_bytes()).unwrap_err();
        assert_eq!(error.origin, causeway::error::Origin::Upstream);
        assert!(error.message.contains(words), "{}", error.message);
    }
    for body in [r#"{"message":{}}"#, r#"{"message":{"content":"Hi","tool_calls":null},"usage":null,"finish_reason":null}"#] {
        decode_response(body.as_bytes()).unwrap();
    }
}

#[test]
fn a_stream_tells_what_the_whole_answer_tells() {
    let citation = json!({"start": 0, "end": 4, "text": "Ruby", "type": "TEXT_CONTENT",
        "sources": [{"type": "document", "id": "d", "document": {"title": "T", "url": "https://a.example"}}]});
    let stream = frames(&[
        started(),
        content("content-start", 0, json!({"type": "thinking", "thinking": ""})),
        content("content-delta", 0, json!({"thinking": "H"})),
        content("content-delta", 0, json!({"thinking": "m."})),
        json!({"type": "content-end", "index": 0}),
        content("content-start", 1, json!({"type": "text", "text": ""})),
        content("content-delta", 1, json!({"text": "Ru"})),
        json!({"type": "debug", "prompt": "x"}),
        content("content-delta", 1, json!({"text": "by ü"})),
        json!({"type": "citation-start", "index": 0, "delta": {"message": {"citations": citation}}}),
        json!({"type": "citation-end", "index": 0}),
        content("content-delta", 1, json!({"text": "😀"})),
        json!({"type": "content-end", "index": 1}),
        json!({"type": "citation-start", "index": 1, "delta": {"message": {"citations": {"start": 5, "end": 7, "text": "ü😀"}}}}),
        json!({"type": "citation-end", "index": 1}),
        ended(json!({"finish_reason": "COMPLETE", "usage": {"tokens": {"input_tokens": 3, "output_tokens": 4}, "cached_tokens": 2}})),
    ]) + "data: [DONE]\n\n";
    let response = gathered(&stream);
    let whole = json!({"id": "a1", "message": {"content": [{"type": "thinking", "thinking": "Hm."}, {"type": "text", "text": "Ruby ü😀"}],
        "citations": [citation, {"start": 5, "end": 7, "text": "ü😀"}]},
        "finish_reason": "COMPLETE", "usage": {"tokens": {"input_tokens": 3, "output_tokens": 4}, "cached_tokens": 2}});
    let expected = decode_response(whole.to_string().as_bytes()).unwrap();
    assert_eq!(as_chat(&response), as_chat(&expected));
    let Part::Text(text) = &response.parts[1] else { panic!() };
    assert_eq!(text.citations.iter().map(|cited| cited.range).collect::<Vec<_>>(), [Some((0, 4)), Some((5, 7))]);
    assert_eq!(response.usage, Some(Usage { input: 3, output: 4, cache_read: Some(2), ..Usage::default() }));
}

#[test]
fn parallel_calls_stream_after_their_plan() {
    let start = |index: u32, id: &str| {
        json!({"type": "tool-call-start", "index": index, "delta": {"message": {"tool_calls":
            {"id": id, "type": "function", "function": {"name": "f", "arguments": ""}}}}})
    };
    let grow = |index: u32, text: &str| json!({"type": "tool-call-delta", "index": index, "delta": {"message": {"tool_calls": {"function": {"arguments": text}}}}});
    let stream = frames(&[
        started(),
        json!({"type": "tool-plan-delta", "delta": {"message": {"tool_plan": "I "}}}),
        json!({"type": "tool-plan-delta", "delta": {"message": {"tool_plan": "look."}}}),
        start(0, "f_1"),
        grow(0, "{\n    \""),
        grow(0, "a\": 1}"),
        json!({"type": "tool-call-end", "index": 0}),
        start(1, "f_2"),
        json!({"type": "tool-call-end", "index": 1}),
        ended(json!({"finish_reason": "TOOL_CALL"})),
    ]);
    let response = gathered(&stream);
    let [Part::Thinking(plan), Part::ToolCall(first), Part::ToolCall(second)] = response.parts.as_slice() else {
        panic!("{:?}", response.parts);
    };
    assert_eq!(plan.text, "I look.");
    assert_eq!((first.id.as_str(), first.arguments.as_str()), ("f_1", "{\n    \"a\": 1}"));
    assert_eq!((second.id.as_str(), second.arguments.as_str()), ("f_2", ""));
    let mut writer = chat::StreamWriter::new(echo());
    let mut out = Vec::new();
    read(stream.as_bytes(), 7, None).iter().for_each(|event| writer.push(event, &mut out));
    let out = String::from_utf8(out).unwrap();
    assert!(out.contains(r#""finish_reason":"tool_calls""#) && out.contains(r#""index":1,"id":"f_2""#), "{out}");
}

#[test]
fn a_stream_that_broke_off_or_failed_never_finishes() {
    let said = [started(), content("content-delta", 0, json!({"text": "Hi"}))];
    let table = [
        (frames(&said), None, "ended before"),
        (frames(&said) + "data: [DONE]\n\n", None, "ended before"),
        (frames(&said), Some(Error::upstream(Kind::Unreachable, "reset")), "reset"),
        (frames(&said) + "event: message-end\ndata: {\"type\":\"mess", None, "ended before"),
        (frames(&said) + "data: nonsense\n\n" + &frames(&[ended(json!({"finish_reason": "COMPLETE"}))]), None, "cannot be read"),
        (frames(&said) + &frames(&[ended(json!({"finish_reason": "ERROR", "error": "out of luck"}))]), None, "out of luck"),
        (frames(&said) + "event: error\ndata: {\"message\":\"overloaded\"}\n\n", None, "overloaded"),
        ("data: {\"id\":\"x\",\"message\":\"no such model\"}\n\n".to_owned(), None, "no such model"),
        (String::new(), None, "ended before"),
    ];
    for (stream, fault, words) in table {
        let error = folded(read(stream.as_bytes(), 7, fault)).unwrap_err();
        assert!(error.message.contains(words), "{} for {stream}", error.message);
    }
    let whole = frames(&said) + &frames(&[ended(json!({"finish_reason": "COMPLETE"}))]);
    let complete = whole.trim_end().len();
    for cut in 0..complete {
        assert!(folded(read(&whole.as_bytes()[..cut], 4_096, None)).is_err(), "cut at {cut}");
    }
    assert!(folded(read(&whole.as_bytes()[..complete], 4_096, None)).is_ok());
}

#[test]
fn frames_without_their_event_line_and_of_unknown_kinds_are_no_harm() {
    let events = [
        json!({"type": "novel-kind", "delta": {"message": {"content": {"text": "no"}}}}),
        started(),
        content("content-delta", 0, json!({"text": "Hi"})),
        ended(json!({"finish_reason": "COMPLETE", "usage": null})),
        content("content-delta", 0, json!({"text": "late"})),
    ];
    let stream: String = events.iter().map(|event| format!("data: {event}\r\n\r\n")).collect();
    let response = gathered(&stream);
    assert_eq!(as_chat(&response)["choices"][0]["message"]["content"], "Hi");
}

#[test]
fn recorded_answers_and_streams_are_read_whole() {
    let folder = Path::new("/work/shared/recordings/cohere");
    let Ok(entries) = std::fs::read_dir(folder) else {
        eprintln!("skipped: there are no recordings here");
        return;
    };
    let mut seen = 0;
    for path in entries.map(|entry| entry.unwrap().path()) {
        let Ok(case) = serde_json::from_slice::<Value>(&std::fs::read(&path).unwrap()) else { continue };
        let url = case["request"]["url"].as_str().unwrap_or_default();
        if !url.ends_with("/v2/chat") || case["response"]["status"] != 200 {
            continue;
        }
        seen += 1;
        let response = match case["response"]["sse"].as_str() {
            Some(stream) => gathered(stream),
            None => decode_response(case["response"]["body"].to_string().as_bytes()).unwrap(),
        };
        assert!(!response.parts.is_empty() && response.usage.is_some_and(|usage| usage.total() > 0), "{}", path.display());
        let calls = response.parts.iter().any(|part| matches!(part, Part::ToolCall(_)));
        assert_eq!(calls, response.finish.reason == Reason::ToolCalls, "{}", path.display());
    }
    assert!(seen > 10, "{seen}");
}
