//! Answers of providers, whole and streamed.

use super::*;
use causeway::error::Kind;
use serde_json::json;

fn answer(status: &str, output: &Value) -> Value {
    json!({
        "id": "resp_1", "object": "response", "created_at": 1_700_000_000, "status": status, "error": null, "incomplete_details": null,
        "model": "gpt-x", "output": output, "service_tier": "default",
        "usage": {"input_tokens": 20, "input_tokens_details": {"cached_tokens": 5, "cache_write_tokens": 2}, "output_tokens": 9,
            "output_tokens_details": {"reasoning_tokens": 4}, "total_tokens": 29}
    })
}

fn message(text: &str) -> Value {
    json!({"type": "message", "id": "msg_1", "role": "assistant", "status": "completed",
        "content": [{"type": "output_text", "text": text, "annotations": [], "logprobs": []}]})
}

fn call(id: &str, name: &str, arguments: &str) -> Value {
    json!({"type": "function_call", "id": format!("fc_{id}"), "call_id": id, "name": name, "arguments": arguments, "status": "completed"})
}

fn decoded(body: &Value) -> Response {
    decode_response(body.to_string().as_bytes()).unwrap()
}

#[test]
fn a_whole_answer_is_understood() {
    let source = json!({"type": "url_citation", "url": "https://a.example", "title": "A", "start_index": 0, "end_index": 5});
    let mut said = message("Hello");
    said["content"][0]["annotations"] = json!([source]);
    let output = json!([
        {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "one"}, {"type": "summary_text", "text": "two"}],
            "encrypted_content": "gAAA=="},
        {"type": "reasoning", "id": "rs_2", "summary": [], "encrypted_content": "gBBB"},
        {"type": "reasoning", "id": "rs_3", "summary": []},
        {"type": "web_search_call", "id": "ws_1", "status": "completed"},
        said,
        call("call_1", "f", "{\"a\":1}"),
    ]);
    let response = decoded(&answer("completed", &output));
    assert_eq!((response.id.as_str(), response.model.as_str(), response.created), ("resp_1", "gpt-x", Some(1_700_000_000)));
    let nouns: Vec<&str> = response.parts.iter().map(Part::noun).collect();
    assert_eq!(nouns, ["thinking", "thinking", "web_search_call", "text", "tool call"]);
    let Part::Thinking(first) = &response.parts[0] else { panic!() };
    assert_eq!((first.text.as_str(), first.signature.as_deref()), ("one\n\ntwo", Some("responses:rs_1:gAAA==")));
    let Part::Thinking(second) = &response.parts[1] else { panic!() };
    assert_eq!((second.text.as_str(), second.redacted.as_deref()), ("", Some("responses:rs_2:gBBB")));
    let Part::Text(text) = &response.parts[3] else { panic!() };
    assert_eq!((text.citations[0].url.as_deref(), text.citations[0].range), (Some("https://a.example"), Some((0, 5))));
    let Part::ToolCall(made) = &response.parts[4] else { panic!() };
    assert_eq!((made.id.as_str(), made.name.as_str(), made.arguments.as_str()), ("call_1", "f", "{\"a\":1}"));
    assert_eq!(response.finish.reason, Reason::ToolCalls);
    let usage = Usage { input: 20, output: 9, cache_read: Some(5), cache_write: Some(2), reasoning: Some(4), ..Usage::default() };
    assert_eq!(response.usage, Some(usage));
}

#[test]
fn why_an_answer_ended_is_told_by_its_status_and_its_items() {
    let refusal = json!({"type": "message", "content": [{"type": "refusal", "refusal": "No."}]});
    let table = [
        ("completed", json!(null), json!([message("x")]), Reason::Stop),
        ("completed", json!(null), json!([call("c", "f", "{}")]), Reason::ToolCalls),
        ("completed", json!(null), json!([refusal]), Reason::Refusal),
        ("incomplete", json!({"reason": "max_output_tokens"}), json!([message("x")]), Reason::Length),
        ("incomplete", json!({"reason": "max_output_tokens"}), json!([call("c", "f", "{")]), Reason::Length),
        ("incomplete", json!({"reason": "content_filter"}), json!([]), Reason::Filtered),
        ("incomplete", json!(null), json!([]), Reason::Length),
    ];
    for (status, details, output, expected) in table {
        let mut body = answer(status, &output);
        body["incomplete_details"] = details;
        assert_eq!(decoded(&body).finish.reason, expected, "{body}");
        let kind = format!("response.{status}");
        let streamed = heard(&[json!({"type": kind, "response": body})]).unwrap();
        assert_eq!(streamed.finish.reason, expected, "{body}");
        assert_eq!(format!("{:?}", streamed.parts), format!("{:?}", decoded(&body).parts));
    }
}

#[test]
fn what_is_no_answer_is_an_error() {
    let table = [
        (
            json!({"status": "failed", "error": {"code": "server_error", "message": "It broke."}, "output": []}),
            Kind::Failed,
            500,
            "It broke.",
        ),
        (json!({"status": "failed", "error": {"code": "rate_limit_exceeded", "message": "Slow."}}), Kind::RateLimited, 429, "Slow."),
        (json!({"error": {"message": "bad", "type": "invalid_request_error", "code": null}}), Kind::Invalid, 400, "bad"),
        (json!({"status": "cancelled", "output": []}), Kind::Failed, 502, "cancelled"),
        (json!({"status": "in_progress", "output": []}), Kind::Failed, 502, "background"),
        (json!({"choices": []}), Kind::Failed, 502, "no output"),
        (json!("x"), Kind::Failed, 502, "broken"),
    ];
    for (body, kind, status, words) in table {
        let error = decode_response(body.to_string().as_bytes()).unwrap_err();
        assert_eq!((error.kind, error.status), (kind, status), "{body}");
        assert!(error.message.contains(words), "{}", error.message);
    }
}

fn created() -> Value {
    json!({"type": "response.created", "response": {"id": "resp_1", "model": "gpt-x", "created_at": 3.0, "status": "in_progress", "output": []}})
}

fn delta(kind: &str, at: u64, text: &str) -> Value {
    json!({"type": format!("response.{kind}.delta"), "output_index": at, "content_index": 0, "summary_index": 0, "delta": text})
}

fn added(at: u64, item: &Value) -> Value {
    let mut item = item.clone();
    item["arguments"] = json!("");
    json!({"type": "response.output_item.added", "output_index": at, "item": item})
}

fn done(at: u64, item: &Value) -> Value {
    json!({"type": "response.output_item.done", "output_index": at, "item": item})
}

fn completed(output: &Value) -> Value {
    json!({"type": "response.completed", "response": answer("completed", output)})
}

#[test]
fn items_that_are_mixed_come_one_after_the_other() {
    let (one, two, said) = (call("a", "f", "{\"x\":1}"), call("b", "g", "{\"y\":2}"), message("Hi there"));
    let response = heard(&[
        created(),
        added(0, &one),
        added(1, &two),
        added(2, &said),
        delta("function_call_arguments", 1, "{\"y\":"),
        delta("output_text", 2, "Hi "),
        delta("function_call_arguments", 0, "{\"x\":"),
        delta("function_call_arguments", 1, "2}"),
        done(1, &two),
        delta("output_text", 2, "there"),
        delta("function_call_arguments", 0, "1}"),
        done(0, &one),
        done(2, &said),
        completed(&json!([one, two, said])),
    ])
    .unwrap();
    assert_eq!(format!("{:?}", response.parts), format!("{:?}", decoded(&answer("completed", &json!([one, two, said]))).parts));
    assert_eq!((response.id.as_str(), response.model.as_str(), response.created), ("resp_1", "gpt-x", Some(3)));
    assert_eq!(response.finish.reason, Reason::ToolCalls);
    assert_eq!(response.usage.unwrap().total(), 29);
}

#[test]
fn thinking_is_read_with_the_proof_that_came_last() {
    let early = json!({"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "early"});
    let whole = json!({"type": "reasoning", "id": "rs_1", "encrypted_content": "late",
        "summary": [{"type": "summary_text", "text": "one"}, {"type": "summary_text", "text": "two"}]});
    let second = json!({"type": "response.reasoning_summary_text.delta", "output_index": 0, "summary_index": 1, "delta": "two"});
    let told = [
        created(),
        added(0, &early),
        delta("reasoning_summary_text", 0, "o"),
        delta("reasoning_summary_text", 0, "ne"),
        second,
        done(0, &whole),
    ];
    let silent = [created(), added(0, &early), done(0, &whole)];
    for events in [told.as_slice(), silent.as_slice()] {
        let response = heard(&[events, &[completed(&json!([whole]))]].concat()).unwrap();
        assert_eq!(format!("{:?}", response.parts), format!("{:?}", decoded(&answer("completed", &json!([whole]))).parts));
    }
}

#[test]
fn what_was_not_streamed_is_taken_from_the_whole() {
    let (said, made) = (message("Hello"), call("a", "f", "{\"x\":1}"));
    let all = json!([said, made]);
    let expected = format!("{:?}", decoded(&answer("completed", &all)).parts);
    let text_done = json!({"type": "response.output_text.done", "output_index": 0, "content_index": 0, "text": "Hello"});
    let call_done = json!({"type": "response.function_call_arguments.done", "output_index": 1, "arguments": "{\"x\":1}"});
    let table = [
        vec![created(), added(0, &said), done(0, &said), added(1, &made), done(1, &made), completed(&all)],
        vec![created(), text_done.clone(), done(0, &said), added(1, &made), call_done.clone(), done(1, &made), completed(&all)],
        vec![created(), delta("output_text", 0, "Hello"), text_done, done(0, &said), done(1, &made), completed(&all)],
        vec![created(), delta("output_text", 0, "Hello"), added(1, &made), call_done, completed(&all)],
        vec![completed(&all)],
    ];
    for events in table {
        assert_eq!(format!("{:?}", heard(&events).unwrap().parts), expected, "{events:?}");
    }
}

#[test]
fn sources_and_refusals_are_read_in_a_stream() {
    let source = json!({"type": "url_citation", "url": "https://a.example", "title": "A", "start_index": 0, "end_index": 2});
    let mut said = message("Hi");
    said["content"][0]["annotations"] = json!([source]);
    let marked = json!({"type": "response.output_text.annotation.added", "output_index": 0, "content_index": 0, "annotation": source});
    for marks in [vec![marked], vec![]] {
        let events =
            [vec![created(), added(0, &said), delta("output_text", 0, "Hi")], marks, vec![done(0, &said), completed(&json!([said]))]];
        let response = heard(&events.concat()).unwrap();
        assert_eq!(format!("{:?}", response.parts), format!("{:?}", decoded(&answer("completed", &json!([said]))).parts));
    }
    let response = heard(&[created(), delta("refusal", 0, "I "), delta("refusal", 0, "won't"), completed(&json!([]))]).unwrap();
    let Part::Refusal(words) = &response.parts[0] else { panic!() };
    assert_eq!((words.as_str(), response.finish.reason), ("I won't", Reason::Refusal));
}

#[test]
fn a_stream_that_fails_or_breaks_off_never_finishes() {
    let flat = json!({"type": "error", "code": "server_error", "message": "It broke.", "param": null, "sequence_number": 3});
    let deep = json!({"type": "error", "error": {"type": "server_error", "code": null, "message": "It broke."}});
    let failed =
        json!({"type": "response.failed", "response": {"status": "failed", "error": {"code": "server_error", "message": "It broke."}}});
    for last in [flat, deep, failed] {
        let error = heard(&[created(), delta("output_text", 0, "Hi"), last, completed(&json!([]))]).unwrap_err();
        assert_eq!((error.message.as_str(), error.status), ("It broke.", 500));
    }
    let cut = [created(), added(0, &message("")), delta("output_text", 0, "Hi"), done(0, &message("Hi"))];
    assert_eq!(heard(&cut).unwrap_err(), Error::unfinished());
    let broken = b"data: {\"type\":\"response.output_text.delta\",\"del\n\n";
    assert!(folded(read(broken, 9, None)).is_err());
    assert!(folded(read(b"", 9, None)).is_err());
}
