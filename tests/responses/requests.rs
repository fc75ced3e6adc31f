//! Requests of callers, and requests to providers.

use super::*;
use causeway::error::Kind;
use causeway::wire::{Abilities, ThinkingStyle, chat, messages};
use serde_json::json;

fn decoded(body: &Value) -> Request {
    decode_request(body.to_string().as_bytes()).unwrap()
}

fn refused(body: &Value) -> Error {
    decode_request(body.to_string().as_bytes()).unwrap_err()
}

fn encoded(request: &Request, same_dialect: bool, abilities: Abilities) -> (Value, Vec<String>) {
    let mut losses = Losses::default();
    let body = encode_request(request, same_dialect, &abilities, &mut losses).unwrap();
    (serde_json::from_slice(&body).unwrap(), losses.names().to_vec())
}

fn from_chat(body: &Value) -> (Value, Vec<String>) {
    encoded(&chat::decode_request(body.to_string().as_bytes()).unwrap(), false, Abilities::default())
}

fn from_messages(body: &Value) -> (Value, Vec<String>) {
    encoded(&messages::decode_request(body.to_string().as_bytes()).unwrap(), false, Abilities::default())
}

fn to_chat(body: &Value) -> Value {
    let abilities = Abilities { replay_thinking: true, ..Abilities::default() };
    serde_json::from_slice(&chat::encode_request(&decoded(body), false, &abilities, &mut Losses::default()).unwrap()).unwrap()
}

fn to_messages(body: &Value) -> Value {
    let abilities = Abilities { thinking: ThinkingStyle::Budget, ..Abilities::default() };
    serde_json::from_slice(&messages::encode_request(&decoded(body), false, &abilities, &mut Losses::default()).unwrap()).unwrap()
}

fn shape(request: &Request) -> Vec<(Role, Vec<&str>)> {
    request.turns.iter().map(|turn| (turn.role, turn.parts.iter().map(Part::noun).collect())).collect()
}

#[test]
fn a_text_alone_is_what_the_user_says() {
    let request = decoded(&json!({"model": "m", "input": "Hi", "instructions": "Be brief.", "stream": true}));
    assert_eq!(shape(&request), [(Role::System, vec!["text"]), (Role::User, vec!["text"])]);
    assert!(request.stream && request.stream_usage);
    assert!(request.extras.is_empty());
}

#[test]
fn items_become_turns() {
    let request = decoded(&json!({"model": "m", "input": [
        {"role": "developer", "content": "Be brief."},
        {"type": "message", "role": "user", "content": [
            {"type": "input_text", "text": "Look"},
            {"type": "input_image", "image_url": "data:image/png;base64,AAAA", "detail": "low"},
            {"type": "input_image", "file_id": "file_1"},
            {"type": "input_file", "filename": "a.pdf", "file_data": "data:application/pdf;base64,BBBB"},
            {"type": "input_file", "file_url": "https://a.example/b.pdf"},
            {"type": "input_audio", "input_audio": {"data": "CCCC", "format": "mp3"}}]},
        {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "hm"}], "encrypted_content": "enc"},
        {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": [
            {"type": "output_text", "text": "Two calls.", "annotations": []}, {"type": "refusal", "refusal": "not three"}]},
        {"type": "function_call", "id": "fc_1", "call_id": "c1", "name": "f", "arguments": "{\"a\": 1.0}", "status": "completed"},
        {"type": "function_call", "call_id": "c2", "name": "g", "arguments": "{}"},
        {"type": "web_search_call", "id": "ws_1", "status": "completed"},
        {"type": "function_call_output", "call_id": "c1", "output": "one"},
        {"type": "function_call_output", "call_id": "c2", "output": [
            {"type": "input_text", "text": "two"}, {"type": "input_image", "image_url": "https://a.example/i.png"}]},
        {"role": "user", "content": "And?"},
        {"type": "reasoning", "id": "rs_2", "summary": []},
        {"role": "assistant", "content": "Done."}
    ]}));
    let expected = [
        (Role::Developer, vec!["text"]),
        (Role::User, vec!["text", "image", "image", "file", "file", "audio"]),
        (Role::Assistant, vec!["thinking", "text", "refusal", "tool call", "tool call", "web_search_call"]),
        (Role::User, vec!["tool result", "tool result"]),
        (Role::User, vec!["text"]),
        (Role::Assistant, vec!["text"]),
    ];
    assert_eq!(shape(&request), expected);
    let Part::Thinking(thinking) = &request.turns[2].parts[0] else { panic!() };
    assert_eq!((thinking.text.as_str(), thinking.signature.as_deref()), ("hm", Some("responses:rs_1:enc")));
    let Part::ToolCall(call) = &request.turns[2].parts[3] else { panic!() };
    assert_eq!((call.id.as_str(), call.arguments.as_str()), ("c1", "{\"a\": 1.0}"));
}

#[test]
fn knobs_are_read() {
    let request = decoded(&json!({
        "model": "m", "input": "x", "max_output_tokens": 50, "temperature": 0.5, "top_p": 0.9, "parallel_tool_calls": false, "user": "u",
        "reasoning": {"effort": "high", "summary": "detailed"}, "store": false, "include": ["reasoning.encrypted_content"],
        "text": {"verbosity": "low", "format": {"type": "json_schema", "name": "s", "schema": {"type": "object"}, "strict": true}},
        "tools": [
            {"type": "function", "name": "f", "description": "d", "parameters": {"z": 1.0, "a": 2}, "strict": false},
            {"type": "function", "name": "g", "parameters": null}, {"type": "web_search"}],
        "tool_choice": {"type": "function", "name": "f"}, "metadata": {"k": "v"}, "background": false, "truncation": "disabled",
        "stream_options": {"include_obfuscation": false}, "previous_response_id": null
    }));
    assert_eq!((request.max_tokens, request.temperature, request.top_p), (Some(50), Some(0.5), Some(0.9)));
    assert_eq!((request.parallel_tools, request.user.as_deref()), (Some(false), Some("u")));
    assert_eq!(request.reasoning, Some(Reasoning { effort: Some(Effort::High), budget: None }));
    assert_eq!(request.tool_choice, Some(ToolChoice::Function("f".into())));
    let Format::JsonSchema { name, strict, .. } = &request.format else { panic!() };
    assert_eq!((name.as_deref(), *strict), (Some("s"), Some(true)));
    assert!(matches!(&request.tools[2], Tool::Native { kind, .. } if kind == "web_search"));
    let extras: Vec<&str> = request.extras.iter().map(|(name, _)| name.as_str()).collect();
    let mut sorted = extras.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, ["metadata", "text.verbosity"]);
}

#[test]
fn schemas_and_arguments_keep_their_bytes() {
    let schema = r#"{"type":"object","properties":{"z":{"minimum":1.0},"a":{}}}"#;
    let body = format!(
        r#"{{"model":"m","input":[{{"type":"function_call","call_id":"c","name":"f","arguments":"{{\"z\": 1.10}}"}}],
        "tools":[{{"type":"function","name":"f","parameters":{schema}}}],
        "text":{{"format":{{"type":"json_schema","name":"s","schema":{schema}}}}}}}"#
    );
    let request = decode_request(body.as_bytes()).unwrap();
    let out = encode_request(&request, false, &Abilities::default(), &mut Losses::default()).unwrap();
    let out = String::from_utf8(out).unwrap();
    for exact in [format!("\"parameters\":{schema}"), format!("\"schema\":{schema}"), r#"{\"z\": 1.10}"#.to_owned()] {
        assert!(out.contains(&exact), "{exact} is not in {out}");
    }
}

#[test]
fn tools_are_chosen_in_every_way() {
    let tools = json!([{"type": "function", "name": "f"}, {"type": "function", "name": "g"}]);
    let only = json!({"type": "allowed_tools", "mode": "required", "tools": [{"type": "function", "name": "g"}]});
    let table = [
        (json!("auto"), Some(ToolChoice::Auto), 2),
        (json!("none"), Some(ToolChoice::None), 2),
        (json!("required"), Some(ToolChoice::Required), 2),
        (json!({"type": "function", "name": "g"}), Some(ToolChoice::Function("g".into())), 2),
        (only, Some(ToolChoice::Required), 1),
        (json!(null), None, 2),
    ];
    for (choice, expected, count) in table {
        let request = decoded(&json!({"model": "m", "input": "x", "tools": tools, "tool_choice": choice}));
        assert_eq!((request.tool_choice, request.tools.len()), (expected, count), "{choice}");
    }
}

#[test]
fn what_cannot_be_served_is_told_with_its_place() {
    let table = [
        (json!([]), ""),
        (json!({"model": "m"}), "input"),
        (json!({"input": 7}), "input"),
        (json!({"input": [7]}), "input.0"),
        (json!({"input": [{"role": "tool", "content": "x"}]}), "input.0.role"),
        (json!({"input": [{"role": "user"}]}), "input.0.content"),
        (json!({"input": [{"role": "user", "content": [{"type": "input_text"}]}]}), "input.0.content.0.text"),
        (json!({"input": [{"role": "user", "content": [{"type": "input_image"}]}]}), "input.0.content.0.image_url"),
        (json!({"input": [{"type": "function_call", "name": "f", "arguments": "{}"}]}), "input.0.call_id"),
        (json!({"input": [{"type": "function_call_output", "call_id": "c"}]}), "input.0.output"),
        (json!({"input": [{"type": "item_reference", "id": "msg_1"}]}), "input.0.id"),
        (json!({"input": "x", "previous_response_id": "resp_1"}), "previous_response_id"),
        (json!({"input": "x", "conversation": "conv_1"}), "conversation"),
        (json!({"input": "x", "prompt": {"id": "pmpt_1"}}), "prompt"),
        (json!({"input": "x", "background": true}), "background"),
        (json!({"input": "x", "max_output_tokens": "many"}), "max_output_tokens"),
        (json!({"input": "x", "reasoning": {"effort": "huge"}}), "reasoning.effort"),
        (json!({"input": "x", "text": {"format": {"type": "xml"}}}), "text.format.type"),
        (json!({"input": "x", "text": {"format": {"type": "json_schema", "name": "s"}}}), "text.format.schema"),
        (json!({"input": "x", "tools": [{"type": "function"}]}), "tools.0.name"),
        (json!({"input": "x", "tool_choice": "maybe"}), "tool_choice"),
        (json!({"input": "x", "tool_choice": {"type": "web_search"}}), "tool_choice"),
    ];
    for (body, param) in table {
        let error = refused(&body);
        assert_eq!((error.kind, error.param.as_deref().unwrap_or_default()), (Kind::Invalid, param), "{body}: {}", error.message);
        assert!(error.message.contains(param));
    }
}

#[test]
fn a_chat_conversation_becomes_items() {
    let (body, losses) = from_chat(&json!({
        "model": "gpt-x", "messages": [
            {"role": "system", "content": "One."}, {"role": "system", "content": [{"type": "text", "text": "Two."}]},
            {"role": "developer", "content": "Three."},
            {"role": "user", "content": [
                {"type": "text", "text": "Look"}, {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA", "detail": "high"}},
                {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,BBBB"}}]},
            {"role": "assistant", "content": "Calling.", "tool_calls": [
                {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{\"a\":1}"}},
                {"id": "c2", "type": "function", "function": {"name": "g", "arguments": ""}}]},
            {"role": "tool", "tool_call_id": "c1", "content": "one"},
            {"role": "tool", "tool_call_id": "c2", "content": [{"type": "text", "text": "two"}]},
            {"role": "system", "content": "Four."},
            {"role": "user", "content": "Go on."}],
        "max_completion_tokens": 5, "temperature": 0.5, "top_p": 0.9, "stop": ["END"], "seed": 7, "frequency_penalty": 1,
        "presence_penalty": 1, "logit_bias": {"5": 1}, "user": "u", "reasoning_effort": "high", "stream": true,
        "tools": [{"type": "function", "function": {"name": "f", "description": "d", "parameters": {"type": "object"}, "strict": true}},
            {"type": "function", "function": {"name": "g"}}],
        "tool_choice": {"type": "function", "function": {"name": "f"}}, "parallel_tool_calls": true,
        "response_format": {"type": "json_schema", "json_schema": {"name": "s", "schema": {"type": "object"}, "strict": true}}
    }));
    let expected = json!({
        "model": "gpt-x", "instructions": "One.\n\nTwo.", "input": [
            {"role": "developer", "content": "Three."},
            {"role": "user", "content": [
                {"type": "input_text", "text": "Look"}, {"type": "input_image", "detail": "high", "image_url": "data:image/png;base64,AAAA"},
                {"type": "input_file", "filename": "a.pdf", "file_data": "data:application/pdf;base64,BBBB"}]},
            {"role": "assistant", "content": "Calling."},
            {"type": "function_call", "call_id": "c1", "name": "f", "arguments": "{\"a\":1}"},
            {"type": "function_call", "call_id": "c2", "name": "g", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "c1", "output": "one"},
            {"type": "function_call_output", "call_id": "c2", "output": "two"},
            {"role": "system", "content": "Four."},
            {"role": "user", "content": "Go on."}],
        "tools": [{"type": "function", "name": "f", "description": "d", "parameters": {"type": "object"}, "strict": true},
            {"type": "function", "name": "g", "parameters": {"type": "object", "properties": {}}, "strict": false}],
        "tool_choice": {"type": "function", "name": "f"}, "parallel_tool_calls": true, "max_output_tokens": 16, "temperature": 0.5,
        "top_p": 0.9, "text": {"format": {"type": "json_schema", "name": "s", "schema": {"type": "object"}, "strict": true}},
        "reasoning": {"effort": "high", "summary": "auto"}, "user": "u", "store": false, "include": ["reasoning.encrypted_content"],
        "stream": true
    });
    assert_eq!(body, expected);
    assert_eq!(losses, ["frequency_penalty", "presence_penalty", "seed", "stop", "logit_bias"]);
}

#[test]
fn a_messages_conversation_becomes_items() {
    let (body, losses) = from_messages(&json!({
        "model": "gpt-x", "max_tokens": 1000, "top_k": 5, "system": "Be brief.",
        "thinking": {"type": "enabled", "budget_tokens": 2048}, "messages": [
            {"role": "user", "content": "Go"},
            {"role": "assistant", "content": [
                {"type": "thinking", "thinking": "hm", "signature": "responses:rs_1:enc"},
                {"type": "redacted_thinking", "data": "responses:rs_2:more"},
                {"type": "thinking", "thinking": "foreign", "signature": "c2ln"},
                {"type": "text", "text": "I call."},
                {"type": "tool_use", "id": "t1", "name": "f", "input": {}}, {"type": "tool_use", "id": "t2", "name": "f", "input": {"a": 1}}]},
            {"role": "user", "content": [
                {"type": "tool_result", "tool_use_id": "t1", "is_error": true, "content": "no such file"},
                {"type": "tool_result", "tool_use_id": "t2", "content": [{"type": "text", "text": "see"},
                    {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}}]},
                {"type": "text", "text": "So?"}]}]
    }));
    let expected = json!([
        {"role": "user", "content": "Go"},
        {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "hm"}], "encrypted_content": "enc"},
        {"type": "reasoning", "id": "rs_2", "summary": [], "encrypted_content": "more"},
        {"role": "assistant", "content": "I call."},
        {"type": "function_call", "call_id": "t1", "name": "f", "arguments": "{}"},
        {"type": "function_call", "call_id": "t2", "name": "f", "arguments": "{\"a\":1}"},
        {"type": "function_call_output", "call_id": "t1", "output": "Error: no such file"},
        {"type": "function_call_output", "call_id": "t2", "output": [
            {"type": "input_text", "text": "see"}, {"type": "input_image", "detail": "auto", "image_url": "data:image/png;base64,AAAA"}]},
        {"role": "user", "content": "So?"}
    ]);
    assert_eq!(body["input"], expected);
    assert_eq!(body["reasoning"], json!({"effort": "medium", "summary": "auto"}));
    assert_eq!(losses, ["thinking", "top_k"]);
}

#[test]
fn what_a_model_cannot_do_is_lost_by_name_and_content_never() {
    let request = decoded(&json!({"model": "m", "input": "x", "temperature": 1, "top_p": 1, "reasoning": {"effort": "low"}}));
    let abilities = Abilities { thinking: ThinkingStyle::None, sampling: false, ..Abilities::default() };
    let (body, losses) = encoded(&request, false, abilities);
    assert_eq!(body, json!({"model": "m", "input": [{"role": "user", "content": "x"}], "store": false}));
    assert_eq!(losses, ["temperature", "top_p", "thinking"]);
    let native =
        json!({"model": "m", "max_tokens": 5, "messages": [{"role": "user", "content": [{"type": "search_result", "source": "x"}]}]});
    let native = messages::decode_request(native.to_string().as_bytes()).unwrap();
    let error = encode_request(&native, false, &Abilities::default(), &mut Losses::default()).unwrap_err();
    assert!(error.message.contains("search_result"), "{}", error.message);
    let audio = json!({"model": "m", "messages": [{"role": "user", "content": [
        {"type": "input_audio", "input_audio": {"data": "CCCC", "format": "wav"}}]}]});
    let audio = chat::decode_request(audio.to_string().as_bytes()).unwrap();
    let error = encode_request(&audio, false, &Abilities::default(), &mut Losses::default()).unwrap_err();
    assert!(error.message.contains("audio"), "{}", error.message);
    let hosted = decoded(&json!({"model": "m", "input": "x", "tools": [{"type": "web_search"}]}));
    let error = encode_request(&hosted, false, &Abilities::default(), &mut Losses::default()).unwrap_err();
    assert!(error.message.contains("web_search"), "{}", error.message);
    assert!(encode_request(&hosted, true, &Abilities::default(), &mut Losses::default()).is_ok());
}

#[test]
fn system_text_alone_is_the_input() {
    let (body, _) = from_chat(&json!({"model": "m", "messages": [{"role": "system", "content": "x"}]}));
    assert_eq!((&body["instructions"], &body["input"]), (&Value::Null, &json!([{"role": "system", "content": "x"}])));
}

#[test]
fn a_request_survives_the_way_in_and_out_of_its_own_dialect() {
    let whole = json!({
        "model": "m", "instructions": "Be brief.", "input": [
            {"role": "user", "content": "x"},
            {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "enc"},
            {"type": "custom_tool_call", "call_id": "c", "name": "n", "input": "free"},
            {"type": "custom_tool_call_output", "call_id": "c", "output": "text"}],
        "tools": [{"type": "custom", "name": "n"}, {"type": "function", "name": "f", "parameters": {"type": "object"}, "strict": null}],
        "tool_choice": "auto", "max_output_tokens": 20, "text": {"format": {"type": "json_object"}, "verbosity": "low"},
        "reasoning": {"effort": "max", "summary": "auto", "context": "all_turns"}, "metadata": {"k": "v"}
    });
    let (body, losses) = encoded(&decoded(&whole), true, Abilities::default());
    assert_eq!(body, whole);
    assert!(losses.is_empty());
}

#[test]
fn a_conversation_of_this_dialect_reaches_the_others() {
    let body = json!({"model": "m", "instructions": "Be brief.", "max_output_tokens": 9000, "reasoning": {"effort": "low"}, "input": [
        {"role": "user", "content": [{"type": "input_text", "text": "Go"}]},
        {"type": "reasoning", "id": "rs_signed_n_1", "summary": [{"type": "summary_text", "text": "hm"}], "encrypted_content": "c2ln"},
        {"type": "reasoning", "id": "rs_redacted_n_2", "summary": [], "encrypted_content": "cmVk"},
        {"type": "function_call", "call_id": "c1", "name": "f", "arguments": "{\"a\":1}"},
        {"type": "function_call", "call_id": "c2", "name": "f", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c1", "output": "one"},
        {"type": "function_call_output", "call_id": "c2", "output": "two"}],
        "tools": [{"type": "function", "name": "f", "parameters": {"type": "object"}}], "tool_choice": "auto"});
    let chat = to_chat(&body);
    assert_eq!(
        chat["messages"],
        json!([
        {"role": "system", "content": "Be brief."}, {"role": "user", "content": "Go"},
        {"role": "assistant", "content": null, "reasoning_content": "hm", "tool_calls": [
            {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{\"a\":1}"}},
            {"id": "c2", "type": "function", "function": {"name": "f", "arguments": "{}"}}]},
        {"role": "tool", "tool_call_id": "c1", "content": "one"}, {"role": "tool", "tool_call_id": "c2", "content": "two"}])
    );
    assert_eq!((&chat["reasoning_effort"], &chat["max_completion_tokens"]), (&json!("low"), &json!(9000)));
    let messages = to_messages(&body);
    assert_eq!(messages["system"], json!("Be brief."));
    assert_eq!(
        messages["messages"][1]["content"],
        json!([
        {"type": "thinking", "thinking": "hm", "signature": "c2ln"}, {"type": "redacted_thinking", "data": "cmVk"},
        {"type": "tool_use", "id": "c1", "name": "f", "input": {"a": 1}}, {"type": "tool_use", "id": "c2", "name": "f", "input": {}}])
    );
    assert_eq!(messages["messages"][2]["content"].as_array().unwrap().len(), 2);
}
