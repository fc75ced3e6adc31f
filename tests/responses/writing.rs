//! Answers for callers of this dialect, whole and streamed.

use super::*;
use causeway::error::Kind;
use causeway::wire::{Echo, Glance, Writer, chat, messages};
use serde_json::json;

fn echo() -> Echo {
    Echo { model: "asked-model".into(), now: 7, nonce: "nonce".into(), stream_usage: true }
}

fn thinking(text: &str, signature: Option<&str>, redacted: Option<&str>) -> Part {
    Part::Thinking(Thinking { text: text.into(), signature: signature.map(str::to_owned), redacted: redacted.map(str::to_owned) })
}

fn call(id: &str, arguments: &str) -> Part {
    Part::ToolCall(ToolCall { id: id.into(), name: "f".into(), arguments: arguments.into(), cache: None })
}

fn cited() -> Part {
    let source = Citation { url: Some("https://a.example".into()), title: Some("A".into()), ..Citation::default() };
    let unplaced = Citation { quote: Some("q".into()), ..Citation::default() };
    Part::Text(Text { text: "Grüße".into(), citations: vec![source, unplaced], cache: None })
}

fn foreign() -> Part {
    let raw = serde_json::value::RawValue::from_string(r#"{"type":"server_tool_use","id":"s"}"#.into()).unwrap();
    Part::Native(Native { kind: "server_tool_use".into(), raw })
}

fn answer(parts: Vec<Part>, reason: Reason) -> Response {
    let usage = Usage { input: 20, output: 9, cache_read: Some(5), reasoning: Some(4), ..Usage::default() };
    let finish = Finish { reason, ..Finish::default() };
    Response { id: "up-1".into(), model: "gpt-x".into(), created: Some(3), parts, finish, usage: Some(usage), ..Response::default() }
}

fn rich() -> Response {
    answer(
        vec![
            thinking("hm", Some("c2ln"), None),
            thinking("", None, Some("responses:rs_7:enc")),
            cited(),
            foreign(),
            Part::text("More."),
            call("c1", "{\"a\":1}"),
            call("c1", ""),
            call("", "{}"),
            Part::Refusal("But no.".into()),
        ],
        Reason::ToolCalls,
    )
}

fn written(events: &[Event]) -> Vec<(String, Value)> {
    let mut writer = StreamWriter::new(echo());
    let mut out = Vec::new();
    events.iter().for_each(|event| writer.push(event, &mut out));
    let mut frames = Vec::new();
    let mut parser = sse::Parser::default();
    let mut sink = |frame: sse::Frame<'_>| {
        frames.push((frame.event.unwrap().to_owned(), serde_json::from_slice::<Value>(frame.data).unwrap()));
    };
    parser.push(&out, &mut sink);
    parser.finish(&mut sink);
    frames
}

fn whole(response: &Response) -> Value {
    serde_json::from_slice(&encode_response(response, &echo())).unwrap()
}

/// Ids that are made differ between a whole answer and a streamed one; everything else does not.
fn without_ids(mut answer: Value) -> Value {
    answer["output"].as_array_mut().unwrap().iter_mut().for_each(|item| item["id"] = json!("*"));
    answer
}

#[test]
fn a_whole_answer_has_everything_its_clients_ask_for() {
    let body = whole(&rich());
    let expected = json!({
        "id": "resp_up-1", "object": "response", "created_at": 3, "status": "completed", "background": false, "error": null,
        "incomplete_details": null, "instructions": null, "max_output_tokens": null, "metadata": {}, "model": "gpt-x",
        "output": [
            {"type": "reasoning", "id": "rs_signed_nonce_1", "summary": [{"type": "summary_text", "text": "hm"}], "encrypted_content": "c2ln"},
            {"type": "reasoning", "id": "rs_7", "summary": [], "encrypted_content": "enc"},
            {"type": "message", "id": "msg_nonce_3", "status": "completed", "role": "assistant", "content": [
                {"type": "output_text", "text": "Grüße", "logprobs": [], "annotations": [
                    {"type": "url_citation", "start_index": 0, "end_index": 5, "title": "A", "url": "https://a.example"}]},
                {"type": "output_text", "text": "More.", "annotations": [], "logprobs": []}]},
            {"type": "function_call", "id": "fc_nonce_2", "status": "completed", "arguments": "{\"a\":1}", "call_id": "c1", "name": "f"},
            {"type": "function_call", "id": "fc_nonce_4", "status": "completed", "arguments": "{}", "call_id": "call_nonce_1", "name": "f"},
            {"type": "function_call", "id": "fc_nonce_5", "status": "completed", "arguments": "{}", "call_id": "call_nonce_2", "name": "f"},
            {"type": "message", "id": "msg_nonce_6", "status": "completed", "role": "assistant", "content": [
                {"type": "refusal", "refusal": "But no."}]}],
        "parallel_tool_calls": true, "previous_response_id": null, "reasoning": {"effort": null, "summary": null},
        "temperature": null, "text": {"format": {"type": "text"}}, "tool_choice": "auto", "tools": [], "top_p": null,
        "truncation": "disabled",
        "usage": {"input_tokens": 20, "input_tokens_details": {"cached_tokens": 5, "cache_write_tokens": 0}, "output_tokens": 9,
            "output_tokens_details": {"reasoning_tokens": 4}, "total_tokens": 29},
        "user": null
    });
    assert_eq!(body, expected);
    let nameless = whole(&Response::default());
    assert_eq!((&nameless["id"], &nameless["model"], &nameless["created_at"]), (&json!("resp_nonce"), &json!("asked-model"), &json!(7)));
}

#[test]
fn why_an_answer_ended_is_shown_by_its_status() {
    let refusal = || vec![Part::Refusal("No.".into())];
    let table = [
        (Reason::Stop, vec![Part::text("x")], "completed", json!(null)),
        (Reason::ToolCalls, vec![call("c", "{}")], "completed", json!(null)),
        (Reason::Pause, vec![Part::text("x")], "completed", json!(null)),
        (Reason::Refusal, refusal(), "completed", json!(null)),
        (Reason::Refusal, vec![], "incomplete", json!({"reason": "content_filter"})),
        (Reason::Filtered, vec![Part::text("x")], "incomplete", json!({"reason": "content_filter"})),
        (Reason::Length, vec![Part::text("x")], "incomplete", json!({"reason": "max_output_tokens"})),
    ];
    for (reason, parts, status, details) in table {
        let response = answer(parts, reason);
        let body = whole(&response);
        assert_eq!((&body["status"], &body["incomplete_details"]), (&json!(status), &details), "{reason:?}");
        let frames = written(&response.into_events());
        let (kind, last) = frames.last().unwrap();
        assert_eq!(*kind, format!("response.{status}"), "{reason:?}");
        assert_eq!(without_ids(last["response"].clone()), without_ids(body), "{reason:?}");
    }
}

#[test]
fn a_stream_tells_every_step_in_order() {
    let frames = written(&rich().into_events());
    for (number, (kind, event)) in frames.iter().enumerate() {
        assert_eq!((&event["type"], &event["sequence_number"]), (&json!(kind), &json!(number)));
    }
    let kinds: Vec<&str> = frames.iter().map(|(kind, _)| kind.strip_prefix("response.").unwrap()).collect();
    let text = ["content_part.added", "output_text.delta", "output_text.done", "content_part.done"];
    let cited = ["content_part.added", "output_text.delta", "output_text.annotation.added", "output_text.done", "content_part.done"];
    let made = ["output_item.added", "function_call_arguments.delta", "function_call_arguments.done", "output_item.done"];
    let thought =
        ["reasoning_summary_part.added", "reasoning_summary_text.delta", "reasoning_summary_text.done", "reasoning_summary_part.done"];
    let refused = ["content_part.added", "refusal.delta", "refusal.done", "content_part.done"];
    let (added, done) = (["output_item.added"].as_slice(), ["output_item.done"].as_slice());
    let expected = [
        ["created", "in_progress"].as_slice(),
        added,
        &thought,
        done,
        added,
        done,
        added,
        &cited,
        &text,
        done,
        &made,
        &made,
        &made,
        added,
        &refused,
        done,
        &["completed"],
    ];
    assert_eq!(kinds, expected.concat());
    let last = &frames.last().unwrap().1["response"];
    assert_eq!(without_ids(last.clone()), without_ids(whole(&rich())));
    let items: Vec<&Value> =
        frames.iter().filter(|(kind, _)| kind == "response.output_item.done").map(|(_, event)| &event["item"]).collect();
    assert_eq!(json!(items), last["output"]);
    for (at, (_, event)) in frames.iter().filter(|(kind, _)| kind == "response.output_item.added").enumerate() {
        assert_eq!((&event["output_index"], &event["item"]["id"]), (&json!(at), &last["output"][at]["id"]));
    }
    for (_, event) in frames.iter().filter(|(_, event)| event["item_id"].is_string()) {
        let at = usize::try_from(event["output_index"].as_u64().unwrap()).unwrap();
        assert_eq!(event["item_id"], last["output"][at]["id"], "{event}");
    }
    let second = frames.iter().filter(|(kind, _)| kind == "response.content_part.added").nth(1).unwrap();
    assert_eq!(second.1["content_index"], json!(1));
}

#[test]
fn what_is_written_is_read_the_same() {
    let response = rich();
    let read_whole = decode_response(&encode_response(&response, &echo())).unwrap();
    let mut out = Vec::new();
    let mut writer = StreamWriter::new(echo());
    response.clone().into_events().iter().for_each(|event| writer.push(event, &mut out));
    for size in [1, 7, 4_096] {
        let streamed = folded(read(&out, size, None)).unwrap();
        assert_eq!(format!("{streamed:?}"), format!("{read_whole:?}"), "in pieces of {size}");
    }
    let nouns: Vec<&str> = read_whole.parts.iter().map(Part::noun).collect();
    assert_eq!(nouns, ["thinking", "thinking", "text", "text", "tool call", "tool call", "tool call", "refusal"]);
    assert_eq!(
        (read_whole.usage, read_whole.finish.reason),
        (response.usage.map(|usage| Usage { cache_write: Some(0), ..usage }), Reason::ToolCalls)
    );
}

#[test]
fn proofs_of_any_provider_survive_a_turn_of_the_caller() {
    let thoughts = [
        thinking("hm", Some("c2ln"), None),
        thinking("", Some("c2ln"), None),
        thinking("", None, Some("cmVk")),
        thinking("hm", Some("gemini:c2ln"), None),
        thinking("", Some("gemini:c2ln"), None),
        thinking("hm", Some("responses:rs_1:enc"), None),
        thinking("", None, Some("responses:rs_1:enc")),
        thinking("hm", None, None),
    ];
    for thought in thoughts {
        let response = answer(vec![thought.clone(), call("c", "{}")], Reason::ToolCalls);
        let streamed = written(&response.clone().into_events()).pop().unwrap().1["response"].clone();
        for shown in [whole(&response), streamed] {
            let body = json!({"model": "m", "input": shown["output"]});
            let request = decode_request(body.to_string().as_bytes()).unwrap();
            assert_eq!(format!("{:?}", request.turns[0].parts[0]), format!("{thought:?}"), "{shown}");
        }
    }
}

#[test]
fn an_error_in_a_stream_is_told_twice() {
    let error = Error::upstream(Kind::RateLimited, "Slow down.").with_code("slow");
    let begin = Event::Begin { id: "resp_1".into(), model: "m".into(), created: None, usage: None, extras: Extras::new() };
    let events = [begin, Event::Start { index: 0, block: Block::Text }, Event::Delta(Delta::Text("Hi".into())), Event::Error(error)];
    for events in [&events[..], &events[3..]] {
        let frames = written(events);
        let [.., (first, told), (second, failed)] = frames.as_slice() else { panic!() };
        assert_eq!((first.as_str(), second.as_str()), ("error", "response.failed"));
        assert_eq!((&told["code"], &told["message"], &told["param"]), (&json!("slow"), &json!("Slow down."), &Value::Null));
        assert_eq!(failed["response"]["status"], json!("failed"));
        assert_eq!(failed["response"]["error"], json!({"code": "rate_limit_exceeded", "message": "Slow down."}));
        assert!(!frames.iter().any(|(kind, _)| kind == "response.completed"));
    }
}

#[test]
fn an_error_has_the_shape_of_the_dialect() {
    let body: Value = serde_json::from_slice(&encode_error(&Error::invalid("no").with_param("input"))).unwrap();
    assert_eq!(body, json!({"error": {"message": "no", "type": "invalid_request_error", "param": "input", "code": null}}));
    assert!(is_own_error(body.to_string().as_bytes()));
    assert!(!is_own_error(br#"{"type":"error","error":{"type":"x","message":"m","code":5}}"#));
}

#[test]
fn a_glance_sees_usage_length_and_end() {
    let response = rich();
    let glance = glance_response(&encode_response(&response, &echo())).unwrap();
    assert_eq!((glance.usage.unwrap().total(), glance.finished, glance.failed), (29, true, false));
    assert_eq!(glance.produced, 2 + "Grüße".len() + 5 + 9 + 2 + 2 + 7);
    let mut streamed = Glance::default();
    let mut out = Vec::new();
    let mut writer = StreamWriter::new(echo());
    response.into_events().iter().for_each(|event| writer.push(event, &mut out));
    let mut parser = sse::Parser::default();
    parser.push(&out, &mut |frame| glance_frame(&frame, &mut streamed));
    assert_eq!(streamed, glance);
    assert!(glance_response(b"{\"choices\":[]}").is_err());
    let table =
        [r#"{"type":"error","message":"x"}"#, r#"{"type":"response.failed","response":{"error":{"code":"x","message":"y"}}}"#, "nonsense"];
    for data in table {
        let mut glance = Glance::default();
        glance_frame(&sse::Frame { event: Some("error"), data: data.as_bytes() }, &mut glance);
        assert_eq!((glance.failed, glance.finished), (true, false), "{data}");
    }
}

#[test]
fn answers_of_this_dialect_reach_callers_of_the_others() {
    let response = decode_response(&encode_response(&rich(), &echo())).unwrap();
    let body: Value = serde_json::from_slice(&chat::encode_response(&response, &echo())).unwrap();
    let message = &body["choices"][0]["message"];
    assert_eq!((&message["content"], &message["refusal"]), (&json!("GrüßeMore."), &json!("But no.")));
    assert_eq!((&message["reasoning_content"], &body["choices"][0]["finish_reason"]), (&json!("hm"), &json!("tool_calls")));
    assert_eq!(message["annotations"][0]["url_citation"]["url"], json!("https://a.example"));
    assert_eq!(body["usage"]["total_tokens"], json!(29));
    let body: Value = serde_json::from_slice(&messages::encode_response(&response, &echo())).unwrap();
    let kinds: Vec<&str> = body["content"].as_array().unwrap().iter().map(|block| block["type"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["thinking", "redacted_thinking", "text", "text", "tool_use", "tool_use", "tool_use", "text"]);
    assert_eq!((&body["content"][1]["data"], &body["stop_reason"]), (&json!("responses:rs_7:enc"), &json!("tool_use")));
}
