//! Legacy text completions in front of models that hold conversations.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use causeway::error::Error;
use causeway::ir::*;
use causeway::wire::completions::*;
use causeway::wire::frame::sse;
use causeway::wire::{Echo, Glance, Writer};
use serde_json::{Value, json};

fn echo(stream_usage: bool) -> Echo {
    Echo { model: "asked-model".into(), now: 7, nonce: "nonce".into(), stream_usage }
}

fn refused(body: Value) -> Error {
    decode_request(body.to_string().as_bytes(), &mut Losses::default()).unwrap_err()
}

fn answer(parts: Vec<Part>, reason: Reason) -> Response {
    let finish = Finish { reason, ..Finish::default() };
    let usage = Some(Usage { input: 3, output: 2, ..Usage::default() });
    Response { id: "id-1".into(), model: "m".into(), created: Some(5), parts, finish, usage, ..Response::default() }
}

fn written(events: &[Event], stream_usage: bool) -> Vec<String> {
    let mut writer = StreamWriter::new(echo(stream_usage));
    let mut out = Vec::new();
    events.iter().for_each(|event| writer.push(event, &mut out));
    let mut frames = Vec::new();
    let mut sink = |frame: sse::Frame<'_>| frames.push(String::from_utf8(frame.data.to_vec()).unwrap());
    let mut parser = sse::Parser::default();
    parser.push(&out, &mut sink);
    parser.finish(&mut sink);
    frames
}

#[test]
fn a_prompt_becomes_a_turn_of_the_user_and_the_knobs_stay() {
    let body = json!({
        "model": "m", "prompt": ["Say hi"], "max_tokens": 5, "temperature": 0.5, "top_p": 0.9, "frequency_penalty": 1,
        "presence_penalty": -1, "seed": 4, "stop": ".", "user": "u", "stream": true, "stream_options": {"include_usage": true},
        "n": 1, "best_of": 3, "logprobs": 2, "suffix": "", "echo": false, "logit_bias": {"50256": -100}
    });
    let mut losses = Losses::default();
    let request = decode_request(body.to_string().as_bytes(), &mut losses).unwrap();
    assert!(matches!(request.turns.as_slice(), [Turn { role: Role::User, parts, .. }]
        if matches!(parts.as_slice(), [Part::Text(text)] if text.text == "Say hi")));
    assert_eq!((request.max_tokens, request.temperature, request.top_p, request.seed), (Some(5), Some(0.5), Some(0.9), Some(4)));
    assert_eq!((request.frequency_penalty, request.presence_penalty), (Some(1.0), Some(-1.0)));
    assert_eq!((request.stop, request.user.as_deref()), (vec![".".to_owned()], Some("u")));
    assert!(request.stream && request.stream_usage);
    assert_eq!(losses.names(), ["best_of", "logprobs"]);
    assert_eq!(request.extras.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["logit_bias"]);
}

#[test]
fn what_a_conversation_cannot_carry_is_refused_with_its_name() {
    for (body, param, words) in [
        (json!({"model": "m"}), "prompt", "Field required"),
        (json!({"prompt": null}), "prompt", "Field required"),
        (json!({"prompt": ""}), "prompt", "empty"),
        (json!({"prompt": []}), "prompt", "empty"),
        (json!({"prompt": {"text": "a"}}), "prompt", "a string"),
        (json!({"prompt": ["a", "b"]}), "prompt", "one prompt per request"),
        (json!({"prompt": [1, 2, 3]}), "prompt", "token ids"),
        (json!({"prompt": [[1, 2]]}), "prompt", "token ids"),
        (json!({"prompt": "a", "suffix": "b"}), "suffix", "suffix"),
        (json!({"prompt": "a", "echo": true}), "echo", "repeat"),
        (json!({"prompt": "a", "n": 2}), "n", "n times"),
        (json!({"prompt": "a", "n": 0}), "n", "1 or more"),
        (json!({"prompt": "a", "max_tokens": "x"}), "max_tokens", "integer"),
    ] {
        let error = refused(body.clone());
        assert_eq!((error.status, error.param.as_deref()), (400, Some(param)), "{body}: {}", error.message);
        assert!(error.message.contains(words), "{body}: {}", error.message);
    }
}

#[test]
fn an_answer_is_written_as_one_choice_of_text() {
    let thinking = Part::Thinking(Thinking { text: "hm".into(), ..Thinking::default() });
    let whole = answer(vec![thinking, Part::text("Hel"), Part::text("lo")], Reason::Length);
    let body: Value = serde_json::from_slice(&encode_response(&whole, &echo(false))).unwrap();
    assert_eq!(
        body,
        json!({
            "id": "id-1", "object": "text_completion", "created": 5, "model": "m",
            "choices": [{"text": "Hello", "index": 0, "logprobs": null, "finish_reason": "length"}],
            "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
        })
    );
    let nameless = Response { parts: vec![Part::Refusal("No.".into())], ..Response::default() };
    let body: Value = serde_json::from_slice(&encode_response(&nameless, &echo(false))).unwrap();
    assert_eq!((&body["id"], &body["model"], &body["created"]), (&json!("cmpl-nonce"), &json!("asked-model"), &json!(7)));
    assert_eq!((&body["choices"][0]["text"], body.get("usage")), (&json!("No."), None));
}

#[test]
fn every_reason_has_a_word_that_the_form_knows() {
    for (reason, word) in [
        (Reason::Stop, "stop"),
        (Reason::Length, "length"),
        (Reason::Pause, "stop"),
        (Reason::ToolCalls, "stop"),
        (Reason::Filtered, "content_filter"),
        (Reason::Refusal, "content_filter"),
    ] {
        let body: Value = serde_json::from_slice(&encode_response(&answer(Vec::new(), reason), &echo(false))).unwrap();
        assert_eq!(body["choices"][0]["finish_reason"], word);
    }
}

#[test]
fn a_stream_has_text_then_the_reason_then_usage_if_asked_for() {
    let thinking = Part::Thinking(Thinking { text: "hm".into(), ..Thinking::default() });
    let events = answer(vec![thinking, Part::text("Hello")], Reason::Stop).into_events();
    let head = json!({"id": "id-1", "object": "text_completion", "created": 5, "model": "m"});
    let chunk = |choices: Value, usage: Option<Value>| {
        let mut chunk = head.clone();
        chunk["choices"] = choices;
        usage.into_iter().for_each(|usage| chunk["usage"] = usage);
        chunk
    };
    let text = json!([{"text": "Hello", "index": 0, "logprobs": null, "finish_reason": null}]);
    let stop = json!([{"text": "", "index": 0, "logprobs": null, "finish_reason": "stop"}]);
    let usage = json!({"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5});
    let read = |stream_usage: bool| -> Vec<Value> {
        let mut frames = written(&events, stream_usage);
        assert_eq!(frames.pop().as_deref(), Some("[DONE]"));
        frames.iter().map(|frame| serde_json::from_str(frame).unwrap()).collect()
    };
    assert_eq!(read(false), [chunk(text.clone(), None), chunk(stop.clone(), None)]);
    assert_eq!(read(true), [chunk(text, Some(Value::Null)), chunk(stop, Some(Value::Null)), chunk(json!([]), Some(usage))]);
}

#[test]
fn a_stream_that_broke_off_shows_an_error_and_no_reason() {
    let mut events = answer(vec![Part::text("Hel")], Reason::Stop).into_events();
    events.truncate(3);
    events.push(Event::Error(Error::unfinished()));
    let frames = written(&events, true);
    assert!(frames.iter().all(|frame| !frame.contains("\"finish_reason\":\"")), "{frames:?}");
    let error: Value = serde_json::from_str(frames.iter().rev().nth(1).unwrap()).unwrap();
    assert_eq!(error["error"]["type"], "upstream_error");
}

#[test]
fn a_passing_stream_is_counted_in_any_pieces() {
    let stream = concat!(
        "data: {\"choices\":[{\"text\":\"Hel\",\"index\":0,\"finish_reason\":null}],\"usage\":null}\n\n",
        "data: {\"choices\":[{\"text\":\"lo\",\"index\":0,\"finish_reason\":\"stop\"}]}\n\n",
        "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":2,\"total_tokens\":5}}\n\n",
        "data: [DONE]\n\n",
    );
    for size in [1, 7, 4096] {
        let mut glance = Glance::default();
        let mut parser = sse::Parser::default();
        stream.as_bytes().chunks(size).for_each(|piece| parser.push(piece, &mut |frame| glance_frame(&frame, &mut glance)));
        let usage = Some(Usage { input: 3, output: 2, ..Usage::default() });
        assert_eq!(glance, Glance { usage, produced: 5, finished: true, failed: false });
    }
    let mut glance = Glance::default();
    glance_frame(&sse::Frame { event: None, data: br#"{"error":{"message":"x"}}"# }, &mut glance);
    assert!(glance.failed && !glance.finished);
}

#[test]
fn a_passing_answer_is_counted_and_a_hidden_error_is_seen() {
    // Some leave out almost everything.
    let glance = glance_response(br#"{"choices":[{"text":"joke","log_probs":null}],"model":"palmyra-x4"}"#).unwrap();
    assert_eq!(glance, Glance { usage: None, produced: 4, finished: true, failed: false });
    assert_eq!(glance_response(br#"{"error":{"message":"busy","code":429}}"#).unwrap_err().status, 429);
    assert!(glance_response(br#"{"choices":[]}"#).is_err());
    assert!(glance_response(b"<html>").is_err());
}
