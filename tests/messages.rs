//! The Anthropic Messages dialect: requests, answers and streams, against bytes as they are on the wire.
#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

#[path = "pieces/mod.rs"]
mod pieces;

use causeway::error::{Error, Kind};
use causeway::ir::*;
use causeway::wire::frame::sse;
use causeway::wire::messages::*;
use causeway::wire::{Abilities, Dialect, Echo, Glance, ThinkingStyle, Writer};
use serde_json::{Value, json};

use pieces::folded;

const REQUEST: &[u8] = include_bytes!("fixtures/messages/request.json");
const ANSWER: &[u8] = include_bytes!("fixtures/messages/answer.json");
const STREAM: &[u8] = include_bytes!("fixtures/messages/answer.sse");

fn echo() -> Echo {
    Echo { model: "asked-model".into(), now: 1, nonce: "nonce".into(), stream_usage: true }
}

fn decoded(body: &Value) -> Request {
    decode_request(body.to_string().as_bytes()).unwrap()
}

fn user(text: &str) -> Turn {
    turn(Role::User, vec![Part::text(text)])
}

fn turn(role: Role, parts: Vec<Part>) -> Turn {
    Turn { role, parts, name: None }
}

fn call(id: &str, arguments: &str) -> Part {
    Part::ToolCall(ToolCall { id: id.into(), name: "f".into(), arguments: arguments.into(), cache: None })
}

fn result(id: &str, text: &str) -> Part {
    Part::ToolResult(ToolResult { call_id: id.into(), parts: vec![Part::text(text)], is_error: false, cache: None })
}

fn function() -> Tool {
    Tool::Function { name: "f".into(), description: None, parameters: None, strict: None, cache: None }
}

fn media(kind: MediaKind, media_type: &str, data: &str) -> Part {
    let source = Source::Inline { media_type: media_type.into(), data: data.into() };
    Part::Media(Media { kind, source, name: Some("a.name".into()), detail: None, cache: None })
}

fn asking(turns: Vec<Turn>) -> Request {
    Request { model: "claude".into(), turns, max_tokens: Some(8_000), ..Request::default() }
}

/// The body for a caller of another dialect, and what was lost.
fn translated(request: &Request, abilities: Abilities) -> (Value, Vec<String>) {
    let mut losses = Losses::default();
    let body = encode_request(request, false, &abilities, &mut losses).unwrap();
    (serde_json::from_slice(&body).unwrap(), losses.names().to_vec())
}

fn refused(request: &Request) -> String {
    encode_request(request, false, &Abilities::default(), &mut Losses::default()).unwrap_err().message
}

/// The events of a stream that comes in pieces of this size.
fn read(bytes: &[u8], size: usize, fault: Option<Error>) -> Vec<Event> {
    pieces::read(Dialect::Messages, &mut StreamReader::default(), bytes, size, fault)
}

fn written(events: &[Event]) -> Vec<u8> {
    let mut writer = StreamWriter::new(echo());
    let mut out = Vec::new();
    events.iter().for_each(|event| writer.push(event, &mut out));
    out
}

fn frames(bytes: &[u8]) -> Vec<(String, Value)> {
    let mut frames = Vec::new();
    let mut sink = |frame: sse::Frame<'_>| {
        frames.push((frame.event.unwrap_or_default().to_owned(), serde_json::from_slice(frame.data).unwrap_or(Value::Null)));
    };
    let mut parser = sse::Parser::default();
    parser.push(bytes, &mut sink);
    parser.finish(&mut sink);
    frames
}

fn glanced(bytes: &[u8]) -> Glance {
    let mut glance = Glance::default();
    let mut parser = sse::Parser::default();
    parser.push(bytes, &mut |frame| glance_frame(&frame, &mut glance));
    parser.finish(&mut |frame| glance_frame(&frame, &mut glance));
    glance
}

#[test]
fn a_request_survives_the_way_in_and_out_of_its_own_dialect() {
    let request = decode_request(REQUEST).unwrap();
    let abilities = Abilities { thinking: ThinkingStyle::Budget, ..Abilities::default() };
    let mut losses = Losses::default();
    let body = encode_request(&request, true, &abilities, &mut losses).unwrap();
    let mut expected: Value = serde_json::from_slice(REQUEST).unwrap();
    expected["stop_sequences"] = json!(["END"]);
    expected.as_object_mut().unwrap().remove("container");
    assert_eq!(serde_json::from_slice::<Value>(&body).unwrap(), expected);
    assert_eq!(losses.names(), ["stop_sequences"]);
}

#[test]
fn schemas_inputs_marks_and_signatures_keep_their_bytes() {
    let request = decode_request(REQUEST).unwrap();
    let body = encode_request(&request, true, &Abilities::default(), &mut Losses::default()).unwrap();
    let body = String::from_utf8(body).unwrap();
    for exact in [
        r#""input":{"z": 1.10, "a": 12345678901234567890123, "b": [1e2]}"#,
        r#""input_schema":{"type":"object","properties":{"z":{"type":"number"},"a":{"minimum":1.0}},"required":["z"]}"#,
        r#""schema":{"type":"object","properties":{"y":{},"x":{}},"additionalProperties":false}"#,
        r#""cache_control":{"type": "ephemeral", "ttl": "1h"}"#,
        r#""signature":"c2lnbmF0dXJl+/==""#,
        r#"{"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {"query": "x"}}"#,
    ] {
        assert!(body.contains(exact), "{exact} is not in {body}");
    }
}

#[test]
fn a_request_is_understood() {
    let request = decode_request(REQUEST).unwrap();
    let roles: Vec<Role> = request.turns.iter().map(|turn| turn.role).collect();
    assert_eq!(roles, [Role::System, Role::User, Role::Assistant, Role::User]);
    let nouns: Vec<&str> = request.turns.iter().flat_map(|turn| &turn.parts).map(Part::noun).collect();
    let expected = "text text text image image file file document thinking thinking text tool call server_tool_use tool result text";
    assert_eq!(nouns.join(" "), expected);
    assert_eq!((request.max_tokens, request.parallel_tools, request.tool_choice), (Some(3_000), Some(false), Some(ToolChoice::Auto)));
    assert_eq!(request.reasoning, Some(Reasoning { effort: None, budget: Some(2_000) }));
    assert_eq!((request.user.as_deref(), request.stream, request.stream_usage), (Some("u-1"), true, true));
    let extras: Vec<&str> = request.extras.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(extras, ["thinking.display", "output_config.task_budget", "service_tier"]);
}

#[test]
fn thinking_and_effort_are_read_together() {
    let table = [
        (json!({"thinking": {"type": "disabled"}, "output_config": {"effort": "high"}}), Some((Some(Effort::None), None))),
        (json!({"thinking": {"type": "adaptive"}}), Some((None, None))),
        (json!({"thinking": {"type": "adaptive"}, "output_config": {"effort": "xhigh"}}), Some((Some(Effort::XHigh), None))),
        (json!({"thinking": {"type": "enabled", "budget_tokens": 2048}}), Some((None, Some(2_048)))),
        (json!({"output_config": {"effort": "low"}}), Some((Some(Effort::Low), None))),
        (json!({"thinking": null}), None),
    ];
    for (mut body, expected) in table {
        body["model"] = json!("m");
        body["max_tokens"] = json!(5);
        body["messages"] = json!([{"role": "user", "content": "x"}]);
        let expected = expected.map(|(effort, budget)| Reasoning { effort, budget });
        assert_eq!(decoded(&body).reasoning, expected, "{body}");
    }
}

#[test]
fn a_malformed_request_is_told_where_it_is_wrong() {
    let table = [
        ("", ""),
        ("[]", ""),
        (r#"{"max_tokens":1,"messages":[{"role":"user","content":"x"}]}"#, "model"),
        (r#"{"model":"m","messages":[{"role":"user","content":"x"}]}"#, "max_tokens"),
        (r#"{"model":"m","max_tokens":-1,"messages":[{"role":"user","content":"x"}]}"#, "max_tokens"),
        (r#"{"model":"m","max_tokens":1}"#, "messages"),
        (r#"{"model":"m","max_tokens":1,"messages":[]}"#, "messages"),
        (r#"{"model":"m","max_tokens":1,"messages":[{"role":"tool","content":"x"}]}"#, "messages.0.role"),
        (r#"{"model":"m","max_tokens":1,"messages":[{"role":"user"}]}"#, "messages.0.content"),
        (r#"{"model":"m","max_tokens":1,"messages":[{"role":"user","content":7}]}"#, "messages.0.content"),
        (r#"{"model":"m","max_tokens":1,"messages":[{"role":"user","content":[{"type":"text","text":7}]}]}"#, "messages.0.content.0.text"),
        (r#"{"model":"m","max_tokens":1,"messages":[{"role":"user","content":[{"text":"x"}]}]}"#, "messages.0.content.0.type"),
        (r#"{"model":"m","max_tokens":1,"messages":[{"role":"user","content":"x"}],"tools":[{"name":"f"}]}"#, "tools.0.input_schema"),
        (r#"{"model":"m","max_tokens":1,"messages":[{"role":"user","content":"x"}],"tool_choice":{"type":"x"}}"#, "tool_choice.type"),
        (r#"{"model":"m","max_tokens":1,"messages":[{"role":"user","content":"x"}],"stop_sequences":"x"}"#, "stop_sequences"),
    ];
    for (body, param) in table {
        let error = decode_request(body.as_bytes()).unwrap_err();
        assert_eq!((error.kind, error.param.as_deref().unwrap_or_default()), (Kind::Invalid, param), "{body}: {}", error.message);
        assert!(error.message.contains(param));
    }
}

#[test]
fn a_foreign_conversation_is_arranged_as_the_provider_wants_it() {
    let request = asking(vec![
        turn(Role::System, vec![Part::text("one")]),
        user("a"),
        user("b"),
        turn(Role::Developer, vec![Part::text("two"), Part::text("  ")]),
        turn(Role::Assistant, vec![Part::text(""), call("call.1", ""), call("call_2", r#"{"x": 1.0}"#)]),
        turn(Role::User, vec![result("call.1", "r1")]),
        turn(Role::User, vec![Part::text("and?"), result("call_2", "")]),
        turn(Role::Assistant, vec![Part::text("")]),
    ]);
    let (body, losses) = translated(&request, Abilities::default());
    assert_eq!(body["system"], json!([{"type": "text", "text": "one"}, {"type": "text", "text": "two"}]));
    assert_eq!(
        body["messages"],
        json!([
            {"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]},
            {"role": "assistant", "content": [
                {"type": "tool_use", "id": "call_1", "name": "f", "input": {}},
                {"type": "tool_use", "id": "call_2", "name": "f", "input": {"x": 1.0}}
            ]},
            {"role": "user", "content": [
                {"type": "tool_result", "tool_use_id": "call_1", "content": "r1"},
                {"type": "tool_result", "tool_use_id": "call_2", "content": ""},
                {"type": "text", "text": "and?"}
            ]}
        ])
    );
    assert!(losses.is_empty(), "{losses:?}");
}

#[test]
fn what_the_provider_cannot_take_is_an_error_that_says_so() {
    let raw = serde_json::value::to_raw_value(&json!(3)).unwrap();
    let native = Native { kind: "strange".into(), raw: raw.clone() };
    let with = |parts| asking(vec![turn(Role::User, parts)]);
    let table = [
        (asking(vec![]), "at least one message"),
        (with(vec![Part::text(" ")]), "at least one message"),
        (asking(vec![turn(Role::Assistant, vec![Part::text("x")])]), "first message must be from the user"),
        (asking(vec![user("x"), turn(Role::Assistant, vec![call("c", "[1]")])]), "arguments of tool call \"c\""),
        (asking(vec![user("x"), turn(Role::Assistant, vec![call("", "{}")])]), "empty id"),
        (asking(vec![turn(Role::System, vec![media(MediaKind::Image, "image/png", "")]), user("x")]), "text only"),
        (with(vec![media(MediaKind::Audio, "audio/wav", "")]), "no audio"),
        (with(vec![media(MediaKind::Image, "image/bmp", "")]), "not image/bmp"),
        (with(vec![media(MediaKind::Document, "application/zip", "")]), "not application/zip"),
        (with(vec![Part::Native(native)]), "\"strange\""),
        (Request { tools: vec![Tool::Native { kind: "odd".into(), raw: raw.clone() }], ..with(vec![Part::text("x")]) }, "\"odd\""),
        (Request { extras: vec![("n".into(), raw)], ..with(vec![Part::text("x")]) }, "n=1"),
    ];
    for (request, said) in table {
        let message = refused(&request);
        assert!(message.contains(said), "{message} does not say {said}");
    }
}

#[test]
fn media_take_the_form_of_their_kind() {
    let table = [
        (
            media(MediaKind::Image, "image/jpg", "AA=="),
            json!({"type": "image", "source": {"type": "base64", "media_type": "image/jpeg", "data": "AA=="}}),
        ),
        (
            media(MediaKind::Document, "application/pdf", "AA=="),
            json!({"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": "AA=="}, "title": "a.name"}),
        ),
        (
            media(MediaKind::Document, "text/markdown; charset=utf-8", "w7w="),
            json!({"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "ü"}, "title": "a.name"}),
        ),
        (
            media(MediaKind::Document, "image/png", "AA=="),
            json!({"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AA=="}}),
        ),
    ];
    for (part, expected) in table {
        let (body, _) = translated(&asking(vec![turn(Role::User, vec![part])]), Abilities::default());
        assert_eq!(body["messages"][0]["content"], json!([expected]));
    }
}

#[test]
fn thinking_is_asked_for_as_the_model_understands_it() {
    let effort = |effort| Some(Reasoning { effort: Some(effort), budget: None });
    let budget = |tokens| Some(Reasoning { effort: None, budget: Some(tokens) });
    let adaptive = json!({"type": "adaptive"});
    let enabled = |tokens: u64| json!({"type": "enabled", "budget_tokens": tokens});
    use ThinkingStyle::{Budget, Effort as Word, None as Never};
    let table = [
        (Word, effort(Effort::None), Some(8_000), json!({"type": "disabled"}), Value::Null, 8_000, false),
        (Word, effort(Effort::Minimal), Some(8_000), adaptive.clone(), json!("low"), 8_000, false),
        (Word, effort(Effort::XHigh), None, adaptive.clone(), json!("xhigh"), 4_096, false),
        (Word, budget(5_000), Some(8_000), adaptive.clone(), json!("medium"), 8_000, false),
        (Word, Some(Reasoning::default()), Some(8_000), adaptive, Value::Null, 8_000, false),
        (Budget, effort(Effort::None), Some(8_000), Value::Null, Value::Null, 8_000, false),
        (Budget, effort(Effort::Low), Some(8_000), enabled(1_024), Value::Null, 8_000, false),
        (Budget, effort(Effort::High), Some(8_000), enabled(6_000), Value::Null, 8_000, false),
        (Budget, effort(Effort::High), None, enabled(16_384), Value::Null, 20_480, false),
        (Budget, budget(10), Some(8_000), enabled(1_024), Value::Null, 8_000, false),
        (Budget, effort(Effort::High), Some(1_000), Value::Null, Value::Null, 1_000, true),
        (Never, effort(Effort::High), Some(8_000), Value::Null, Value::Null, 8_000, true),
    ];
    for (style, reasoning, max_tokens, thinking, word, bound, lost) in table {
        let request = Request { reasoning, max_tokens, ..asking(vec![user("x")]) };
        let (body, losses) = translated(&request, Abilities { thinking: style, ..Abilities::default() });
        let seen = (&body["thinking"], &body["output_config"]["effort"], body["max_tokens"].as_u64(), !losses.is_empty());
        assert_eq!(seen, (&thinking, &word, Some(bound), lost), "{style:?} {reasoning:?} {max_tokens:?}");
    }
}

#[test]
fn a_demanded_call_leaves_a_thinking_word_but_not_thinking_itself() {
    let reasoning = Some(Reasoning { effort: Some(Effort::High), budget: None });
    let request = Request { reasoning, tools: vec![function()], tool_choice: Some(ToolChoice::Required), ..asking(vec![user("x")]) };
    let (body, losses) = translated(&request, Abilities::default());
    assert_eq!((&body["thinking"], &body["output_config"]), (&Value::Null, &json!({"effort": "high"})));
    assert!(losses.is_empty());
}

#[test]
fn unsigned_thinking_stays_behind_and_is_named() {
    let thinking = Part::Thinking(Thinking { text: "hm".into(), ..Thinking::default() });
    let turns = vec![user("x"), turn(Role::Assistant, vec![thinking, Part::text("y")]), user("z")];
    let (body, losses) = translated(&asking(turns), Abilities::default());
    assert_eq!((&body["messages"][1]["content"], losses.join(",")), (&json!("y"), "reasoning_content".to_owned()));
}

#[test]
fn a_thinking_budget_yields_to_a_demanded_call_and_to_an_unsigned_tool_loop() {
    let budget = Abilities { thinking: ThinkingStyle::Budget, ..Abilities::default() };
    let reasoning = Some(Reasoning { effort: Some(Effort::Low), budget: None });
    let looped = vec![user("x"), turn(Role::Assistant, vec![call("c", "{}")]), turn(Role::User, vec![result("c", "r")])];
    let demanded = Request { tools: vec![function()], tool_choice: Some(ToolChoice::Required), ..asking(vec![user("x")]) };
    for request in [demanded, asking(looped)] {
        let (body, losses) = translated(&Request { reasoning, ..request }, budget);
        assert_eq!((&body["thinking"], losses.join(",")), (&Value::Null, "reasoning_effort".to_owned()));
    }
}

#[test]
fn knobs_that_are_lacking_are_named() {
    let raw = || serde_json::value::to_raw_value(&json!(1)).unwrap();
    let request = Request {
        temperature: Some(1.5),
        top_p: Some(0.5),
        top_k: Some(3),
        frequency_penalty: Some(1.0),
        seed: Some(1),
        stop: vec!["\n".into(), "END".into()],
        extras: vec![("n".into(), raw()), ("logit_bias".into(), raw())],
        ..asking(vec![user("x")])
    };
    let (body, losses) = translated(&request, Abilities { sampling_pair: false, ..Abilities::default() });
    assert_eq!(losses, ["temperature>1", "top_p", "stop", "frequency_penalty", "seed", "logit_bias"]);
    assert_eq!((&body["temperature"], &body["stop_sequences"], &body["top_k"]), (&json!(1.0), &json!(["END"]), &json!(3)));
    let (body, losses) = translated(&request, Abilities { sampling: false, ..Abilities::default() });
    assert_eq!(losses[..3], ["temperature", "top_p", "top_k"]);
    assert!(body.get("temperature").is_none());
}

#[test]
fn tools_and_choices_take_their_form() {
    let table = [
        (Some(ToolChoice::Auto), None, json!({"type": "auto"})),
        (Some(ToolChoice::Required), Some(false), json!({"type": "any", "disable_parallel_tool_use": true})),
        (Some(ToolChoice::None), Some(false), json!({"type": "none"})),
        (Some(ToolChoice::Function("f".into())), None, json!({"type": "tool", "name": "f"})),
        (None, Some(false), json!({"type": "auto", "disable_parallel_tool_use": true})),
        (None, Some(true), Value::Null),
    ];
    for (tool_choice, parallel_tools, expected) in table {
        let request = Request { tools: vec![function()], tool_choice, parallel_tools, ..asking(vec![user("x")]) };
        let (body, _) = translated(&request, Abilities::default());
        assert_eq!(body["tool_choice"], expected);
        assert_eq!(body["tools"], json!([{"name": "f", "input_schema": {"type": "object", "properties": {}}}]));
        let (body, _) = translated(&Request { tools: vec![], ..request }, Abilities::default());
        assert!(body.get("tool_choice").is_none() && body.get("tools").is_none());
    }
}

#[test]
fn json_mode_becomes_an_instruction() {
    let (body, losses) = translated(&Request { format: Format::JsonObject, ..asking(vec![user("x")]) }, Abilities::default());
    assert_eq!((body["system"][0]["type"].as_str(), losses.is_empty()), (Some("text"), true));
}

#[test]
fn an_answer_survives_the_way_in_and_out() {
    let response = decode_response(ANSWER).unwrap();
    let usage = response.usage.unwrap();
    assert_eq!((usage.input, usage.output, usage.cache_read, usage.cache_write), (115, 42, Some(100), Some(5)));
    assert_eq!((usage.cache_write_1h, usage.reasoning, response.finish.reason), (Some(2), Some(7), Reason::ToolCalls));
    let mut expected: Value = serde_json::from_slice(ANSWER).unwrap();
    expected.as_object_mut().unwrap().remove("stop_details");
    expected["usage"].as_object_mut().unwrap().remove("service_tier");
    assert_eq!(serde_json::from_slice::<Value>(&encode_response(&response, &echo())).unwrap(), expected);
    let glance = glance_response(ANSWER).unwrap();
    assert_eq!((glance.usage, glance.finished, glance.failed), (response.usage, true, false));
}

#[test]
fn an_answer_of_another_dialect_is_made_whole() {
    let cited = Text { text: "x".into(), citations: vec![Citation { url: Some("https://a".into()), ..Citation::default() }], cache: None };
    let response = Response {
        parts: vec![
            Part::Thinking(Thinking { text: "hm".into(), ..Thinking::default() }),
            Part::Text(cited),
            call("", ""),
            call("c", "not json"),
            call("c", "{}"),
        ],
        finish: Finish { reason: Reason::Stop, raw: Some("stop".into()), stop_sequence: None },
        ..Response::default()
    };
    let body: Value = serde_json::from_slice(&encode_response(&response, &echo())).unwrap();
    assert_eq!((&body["id"], &body["model"], &body["stop_reason"]), (&json!("msg_nonce"), &json!("asked-model"), &json!("tool_use")));
    assert_eq!(
        body["content"],
        json!([
            {"type": "thinking", "thinking": "hm", "signature": ""},
            {"type": "text", "text": "x", "citations": [
                {"type": "web_search_result_location", "url": "https://a", "title": null, "cited_text": "", "encrypted_index": ""}
            ]},
            {"type": "tool_use", "id": "toolu_nonce_0", "name": "f", "input": {}},
            {"type": "tool_use", "id": "c", "name": "f", "input": {"INVALID_JSON": "not json"}},
            {"type": "tool_use", "id": "toolu_nonce_2", "name": "f", "input": {}}
        ])
    );
    assert_eq!((&body["usage"]["input_tokens"], &body["usage"]["output_tokens"]), (&json!(0), &json!(0)));
}

#[test]
fn every_reason_finds_its_word() {
    let table = [
        ("end_turn", Reason::Stop),
        ("stop_sequence", Reason::Stop),
        ("max_tokens", Reason::Length),
        ("model_context_window_exceeded", Reason::Length),
        ("tool_use", Reason::ToolCalls),
        ("refusal", Reason::Refusal),
        ("pause_turn", Reason::Pause),
    ];
    for (word, reason) in table {
        let body = json!({"content": [], "stop_reason": word, "stop_sequence": (word == "stop_sequence").then_some("END")});
        let response = decode_response(body.to_string().as_bytes()).unwrap();
        assert_eq!(response.finish.reason, reason);
        let body: Value = serde_json::from_slice(&encode_response(&response, &echo())).unwrap();
        assert_eq!(body["stop_reason"], word);
    }
    let filtered = Response { finish: Finish { reason: Reason::Filtered, ..Finish::default() }, ..Response::default() };
    let body: Value = serde_json::from_slice(&encode_response(&filtered, &echo())).unwrap();
    assert_eq!(body["stop_reason"], "refusal");
}

#[test]
fn what_is_no_answer_is_an_error_of_the_provider() {
    let overloaded = br#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#;
    let table: &[(&[u8], Kind)] =
        &[(overloaded, Kind::Overloaded), (b"{}", Kind::Failed), (b"<html>", Kind::Failed), (br#"{"content":"x"}"#, Kind::Failed)];
    for (body, kind) in table {
        assert_eq!(decode_response(body).unwrap_err().kind, *kind);
        assert_eq!(glance_response(body).unwrap_err().kind, *kind);
    }
    let error = decode_response(overloaded).unwrap_err();
    assert_eq!((error.message.as_str(), error.status), ("Overloaded", 529));
}

#[test]
fn a_stream_reads_the_same_in_any_pieces() {
    let whole = format!("{:?}", read(STREAM, 4_096, None));
    for size in [1, 7] {
        assert_eq!(format!("{:?}", read(STREAM, size, None)), whole);
    }
    let crlf = String::from_utf8_lossy(STREAM).replace('\n', "\r\n");
    assert_eq!(format!("{:?}", read(crlf.as_bytes(), 1, None)), whole);
}

#[test]
fn a_stream_folds_to_the_answer_it_tells() {
    let response = folded(read(STREAM, 4_096, None)).unwrap();
    let body: Value = serde_json::from_slice(&encode_response(&response, &echo())).unwrap();
    let mut expected: Value = serde_json::from_slice(ANSWER).unwrap();
    expected["content"][2]["text"] = json!("It is ü😀 \"so\".");
    expected["content"][5]["input"] = json!({"whole": true});
    assert_eq!(body["content"], expected["content"]);
    assert_eq!(body["container"], expected["container"]);
    assert_eq!(response.usage, decode_response(ANSWER).unwrap().usage);
}

#[test]
fn a_written_stream_reads_back_as_it_was() {
    let events = read(STREAM, 4_096, None);
    let bytes = written(&events);
    let again = read(&bytes, 4_096, None);
    let [before, after] = [events, again].map(|events| encode_response(&folded(events).unwrap(), &echo()));
    let [before, mut after] = [before, after].map(|body| serde_json::from_slice::<Value>(&body).unwrap());
    after["usage"]["cache_creation"] = before["usage"]["cache_creation"].clone();
    assert_eq!(after, before);
    for (event, data) in frames(&bytes) {
        assert_eq!(data["type"], json!(event));
    }
}

#[test]
fn a_foreign_stream_is_written_with_all_that_clients_insist_on() {
    let events = [
        Event::Begin { id: String::new(), model: String::new(), created: None, usage: None, extras: vec![] },
        Event::Start { index: 0, block: Block::Thinking },
        Event::Delta(Delta::Text("hm".into())),
        Event::End,
        Event::Start { index: 1, block: Block::Refusal },
        Event::Delta(Delta::Text("no".into())),
        Event::End,
        Event::Start { index: 2, block: Block::ToolCall { id: String::new(), name: "f".into() } },
        Event::End,
        Event::Finish { finish: Finish::default(), usage: Some(Usage { input: 3, output: 4, ..Usage::default() }), extras: vec![] },
    ];
    let frames = frames(&written(&events));
    let kinds: Vec<&str> = frames.iter().map(|(event, _)| event.strip_prefix("content_block_").unwrap_or(event)).collect();
    let expected = "message_start start delta delta stop start delta stop start stop message_delta message_stop";
    assert_eq!(kinds.join(" "), expected);
    assert_eq!((&frames[0].1["message"]["id"], &frames[0].1["message"]["model"]), (&json!("msg_nonce"), &json!("asked-model")));
    assert_eq!(frames[3].1["delta"], json!({"type": "signature_delta", "signature": ""}));
    assert_eq!(frames[6].1["delta"], json!({"type": "text_delta", "text": "no"}));
    assert_eq!(frames[8].1["content_block"]["id"], "toolu_nonce_0");
    assert_eq!(frames[10].1["delta"]["stop_reason"], "tool_use");
    assert_eq!((&frames[10].1["usage"]["input_tokens"], &frames[10].1["usage"]["output_tokens"]), (&json!(3), &json!(4)));
}

#[test]
fn a_stream_cut_anywhere_never_looks_complete_unless_it_said_why_it_ended() {
    let said = STREAM.windows(19).position(|window| window == b"event: message_stop").unwrap();
    for cut in (0..STREAM.len()).step_by(11) {
        let bytes = &STREAM[..cut];
        let glance = glanced(bytes);
        match folded(read(bytes, 4_096, None)) {
            Ok(_) => assert!(cut + 19 > said && glance.finished, "cut at {cut} looks complete"),
            Err(error) => assert!(!error.message.is_empty() && !glance.finished),
        }
    }
    let fault = Error::upstream(Kind::TimedOut, "too slow");
    assert_eq!(folded(read(&STREAM[..600], 4_096, Some(fault))).unwrap_err().kind, Kind::TimedOut);
}

#[test]
fn an_error_inside_a_stream_ends_it() {
    let bytes = b"event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"Overloaded\"}}\n\n";
    let stream = [&STREAM[..600], b"\n\n", bytes, STREAM].concat();
    for stream in [bytes.as_slice(), &[b"event: message_stop\n\n".as_slice(), bytes].concat()] {
        let error = folded(read(stream, 7, None)).unwrap_err();
        assert_eq!((error.kind, error.status, error.message.as_str()), (Kind::Overloaded, 529, "Overloaded"));
        assert_eq!(written(&[Event::Error(error)]), bytes);
        assert!(glanced(stream).failed);
    }
    assert!(folded(read(&stream, 4_096, None)).is_err());
}

#[test]
fn an_event_that_is_no_json_is_an_error_once_more_follow() {
    let stream = [b"data: {\"type\":\n\n".as_slice(), STREAM].concat();
    assert!(folded(read(&stream, 4_096, None)).unwrap_err().message.contains("cannot be read"));
}

#[test]
fn a_glance_sees_what_a_reading_sees() {
    let glance = glanced(STREAM);
    assert_eq!(glance.usage, folded(read(STREAM, 4_096, None)).unwrap().usage);
    assert_eq!((glance.finished, glance.failed), (true, false));
    assert!(glance.produced > 30);
}

#[test]
fn errors_take_the_words_of_the_dialect() {
    let table = [
        (Error::invalid("x"), "invalid_request_error"),
        (Error::caller(Kind::Unauthenticated, "x"), "authentication_error"),
        (Error::caller(Kind::Exhausted, "x"), "rate_limit_error"),
        (Error::caller(Kind::Exhausted, "x").with_status(402), "billing_error"),
        (Error::caller(Kind::Forbidden, "x"), "permission_error"),
        (Error::caller(Kind::MethodNotAllowed, "x"), "invalid_request_error"),
        (Error::caller(Kind::TooLarge, "x"), "request_too_large"),
        (Error::upstream(Kind::TimedOut, "x"), "timeout_error"),
        (Error::upstream(Kind::Unreachable, "x"), "api_error"),
    ];
    for (error, word) in table {
        let body: Value = serde_json::from_slice(&encode_error(&error, "req_1")).unwrap();
        assert_eq!(body, json!({"type": "error", "error": {"type": word, "message": "x"}, "request_id": "req_1"}));
    }
    let error = Error { upstream: Some("{\"a\": 1}".into()), ..Error::invalid("x") };
    let body: Value = serde_json::from_slice(&encode_error(&error, "")).unwrap();
    assert_eq!(body["error"]["upstream"], json!({"a": 1}));
}

/// Independent readings of recorded traffic, where it is at hand.
mod recorded {
    use super::*;

    fn recordings() -> Vec<(String, Value)> {
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
        let places = ["../shared/recordings/anthropic", "../../shared/recordings/anthropic"];
        let Some(folder) = places.iter().find_map(|place| std::fs::read_dir(root.join(place)).ok()) else {
            println!("skipped: there are no recordings here");
            return Vec::new();
        };
        let paths = folder.map(|entry| entry.unwrap().path()).filter(|path| path.extension().is_some_and(|end| end == "json"));
        paths
            .map(|path| (path.display().to_string(), serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap()))
            .filter(|(_, recording): &(String, Value)| {
                let url = recording["request"]["url"].as_str().unwrap_or_default();
                url.split('?').next().unwrap_or_default().ends_with("/v1/messages")
            })
            .collect()
    }

    /// Text, calls and the tokens of the input and the output.
    type Told = (String, Vec<(String, Value)>, u64, u64);

    fn told_by(response: &Response) -> Told {
        let mut told = (String::new(), Vec::new(), 0, 0);
        for part in &response.parts {
            match part {
                Part::Text(text) => told.0.push_str(&text.text),
                Part::ToolCall(call) => {
                    let arguments = if call.arguments.is_empty() { "{}" } else { &call.arguments };
                    told.1.push((call.id.clone(), serde_json::from_str(arguments).unwrap()));
                }
                _ => {}
            }
        }
        let usage = response.usage.unwrap();
        (told.0, told.1, usage.input, usage.output)
    }

    fn input_of(usage: &Value) -> u64 {
        let fields = ["input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens"];
        fields.iter().map(|field| usage[field].as_u64().unwrap_or(0)).sum()
    }

    fn told_whole(body: &Value) -> Told {
        let blocks = body["content"].as_array().unwrap();
        let text = blocks.iter().filter_map(|block| block["text"].as_str()).collect();
        let calls = blocks.iter().filter(|block| block["type"] == "tool_use");
        let calls = calls.map(|block| (block["id"].as_str().unwrap().to_owned(), block["input"].clone())).collect();
        (text, calls, input_of(&body["usage"]), body["usage"]["output_tokens"].as_u64().unwrap())
    }

    fn told_streamed(text: &str) -> Told {
        let (mut told, mut calls, mut usage): (Told, Vec<(u64, String, String)>, Value) = (Told::default(), Vec::new(), json!({}));
        for event in text.lines().filter_map(|line| line.strip_prefix("data:")) {
            let event: Value = serde_json::from_str(event).unwrap();
            let index = event["index"].as_u64().unwrap_or(0);
            if event["content_block"]["type"] == "tool_use" {
                calls.push((index, event["content_block"]["id"].as_str().unwrap().to_owned(), String::new()));
            }
            told.0.push_str(event["content_block"]["text"].as_str().unwrap_or_default());
            told.0.push_str(event["delta"]["text"].as_str().unwrap_or_default());
            if let Some((_, _, arguments)) = calls.iter_mut().find(|call| call.0 == index) {
                arguments.push_str(event["delta"]["partial_json"].as_str().unwrap_or_default());
            }
            for part in [&event["message"]["usage"], &event["usage"]] {
                for (name, value) in part.as_object().into_iter().flatten() {
                    usage[name] = value.clone();
                }
            }
        }
        let parsed = |text: &str| serde_json::from_str(if text.is_empty() { "{}" } else { text }).unwrap();
        told.1 = calls.into_iter().map(|(_, id, arguments)| (id, parsed(&arguments))).collect();
        told.2 = input_of(&usage);
        told.3 = usage["output_tokens"].as_u64().unwrap();
        told
    }

    #[test]
    fn answers_are_read_as_they_were_sent() {
        for (name, recording) in recordings() {
            let response = &recording["response"];
            if let Some(stream) = response["sse"].as_str() {
                let events = read(stream.as_bytes(), 4_096, None);
                for size in [1, 7] {
                    assert_eq!(format!("{:?}", read(stream.as_bytes(), size, None)), format!("{events:?}"), "{name}");
                }
                let folded_once = folded(events.clone()).unwrap();
                assert_eq!(told_by(&folded_once), told_streamed(stream), "{name}");
                assert_eq!(glanced(stream.as_bytes()).usage, folded_once.usage, "{name}");
                let rewritten = folded(read(&written(&events), 4_096, None)).unwrap();
                assert_eq!(told_by(&rewritten), told_by(&folded_once), "{name}");
            } else if response["status"] == 200 {
                let body = response["body"].to_string();
                let answer = decode_response(body.as_bytes()).unwrap();
                assert_eq!(told_by(&answer), told_whole(&response["body"]), "{name}");
                assert_eq!(glance_response(body.as_bytes()).unwrap().usage, answer.usage, "{name}");
                let again = decode_response(&encode_response(&answer, &echo())).unwrap();
                assert_eq!(told_by(&again), told_by(&answer), "{name}");
            } else {
                assert!(decode_response(response["body"].to_string().as_bytes()).is_err(), "{name}");
            }
        }
    }

    /// Who says what, however it is divided into messages.
    fn blocks(messages: &Value) -> Vec<(String, Value)> {
        let mut blocks = Vec::new();
        for message in messages.as_array().unwrap() {
            let mut content = match &message["content"] {
                Value::String(text) => vec![json!({"type": "text", "text": text})],
                content => content.as_array().unwrap().clone(),
            };
            for block in content.iter_mut().filter(|block| block["is_error"] == false) {
                block.as_object_mut().unwrap().remove("is_error");
            }
            blocks.extend(content.into_iter().map(|block| (message["role"].to_string(), block)));
        }
        blocks
    }

    #[test]
    fn requests_are_read_and_written_again() {
        for (name, recording) in recordings() {
            let body = &recording["request"]["body"];
            if recording["response"]["status"] != 200 {
                continue;
            }
            let request = decode_request(body.to_string().as_bytes()).unwrap_or_else(|error| panic!("{name}: {}", error.message));
            let budget = body["thinking"]["type"] == "enabled";
            let thinking = if budget { ThinkingStyle::Budget } else { ThinkingStyle::Effort };
            let mut losses = Losses::default();
            let again = encode_request(&request, true, &Abilities { thinking, ..Abilities::default() }, &mut losses).unwrap();
            let again: Value = serde_json::from_slice(&again).unwrap();
            for field in ["model", "max_tokens", "tools", "tool_choice", "thinking", "output_config"] {
                assert_eq!(again.get(field), body.get(field), "{field} in {name}");
            }
            assert_eq!(blocks(&again["messages"]), blocks(&body["messages"]), "{name}");
        }
    }
}

#[test]
fn an_answer_of_an_imitation_loses_nothing_for_its_odd_fields() {
    let content = json!([
        {"type": "thinking", "thinking": "t", "signature": 7},
        {"type": "text", "text": "a", "citations": {}},
        {"type": "tool_use", "id": 5, "name": "f", "input": "{\"x\":1}"},
        {"type": "tool_use", "id": "b", "name": "g", "input": null},
        {"type": "block_of_tomorrow"},
    ]);
    let body = json!({"id": 1, "type": "message", "content": content, "stop_reason": "tool_use", "stop_sequence": [], "usage": {"input_tokens": 3.0, "output_tokens": "2", "cache_creation": 7}});
    let response = decode_response(body.to_string().as_bytes()).unwrap();
    let calls: Vec<_> = response
        .parts
        .iter()
        .filter_map(|part| if let Part::ToolCall(call) = part { Some((call.name.as_str(), call.arguments.as_str())) } else { None })
        .collect();
    assert_eq!(calls, [("f", "{\"x\":1}"), ("g", "")]);
    assert!(matches!(&response.parts[0], Part::Thinking(thinking) if thinking.text == "t"));
    assert!(matches!(&response.parts[1], Part::Text(text) if text.text == "a"));
    assert_eq!(response.usage.map(|usage| (usage.input, usage.output)), Some((3, 2)));
}

#[test]
fn a_ping_is_read_and_written_and_is_no_part_of_the_answer() {
    let ping = b"event: ping\ndata: {\"type\": \"ping\"}\n\n";
    assert_eq!(written(&[Event::Ping]), ping);
    let pinged: Vec<u8> =
        String::from_utf8(STREAM.to_vec()).unwrap().split_inclusive("\n\n").flat_map(|frame| [ping, frame.as_bytes()].concat()).collect();
    for size in [1, 7, 4_096] {
        let events = read(&pinged, size, None);
        assert!(events.iter().filter(|event| matches!(event, Event::Ping)).count() > 5);
        assert_eq!(format!("{:?}", folded(events)), format!("{:?}", folded(read(STREAM, size, None))));
    }
}
