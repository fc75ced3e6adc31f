//! Language models behind Replicate's predictions.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "pieces/mod.rs"]
mod pieces;

use std::path::Path;

use causeway::error::Error;
use causeway::ir::*;
use causeway::wire::Dialect;
use causeway::wire::predictions::*;
use serde_json::{Value, json};

use pieces::folded;

fn turn(role: Role, text: &str) -> Turn {
    Turn { role, parts: vec![Part::text(text)], name: None }
}

fn asking(turns: Vec<Turn>) -> Request {
    Request { model: "meta/llama".into(), turns, ..Request::default() }
}

fn encoded(request: &Request) -> (Value, Vec<String>) {
    let mut losses = Losses::default();
    let body = encode_request(request, Bound::MaxTokens, &mut losses).unwrap();
    (serde_json::from_slice(&body).unwrap(), losses.names().to_vec())
}

fn refused(request: &Request) -> Error {
    encode_request(request, Bound::MaxTokens, &mut Losses::default()).unwrap_err()
}

/// The events of a stream that comes in pieces of this size.
fn read(stream: &str, size: usize, fault: Option<Error>) -> Vec<Event> {
    pieces::read(Dialect::Predictions, &mut StreamReader::new("p1".into(), "meta/llama".into()), stream.as_bytes(), size, fault)
}

fn text(response: &Response) -> String {
    response.parts.iter().map(|part| if let Part::Text(text) = part { text.text.clone() } else { panic!("{part:?}") }).collect()
}

fn done(body: Value) -> Response {
    match decode_response(body.to_string().as_bytes()).unwrap() {
        Progress::Done(response) => response,
        Progress::Pending(pending) => panic!("{pending:?}"),
    }
}

#[test]
fn a_single_turn_is_the_prompt_as_it_is() {
    assert_eq!(encoded(&asking(vec![turn(Role::User, "Hi\nthere")])), (json!({"input": {"prompt": "Hi\nthere"}}), vec![]));
}

#[test]
fn a_conversation_is_written_turn_by_turn_and_left_open_for_the_assistant() {
    let turns = vec![
        turn(Role::System, "Be brief."),
        turn(Role::User, "Hi"),
        turn(Role::Assistant, "Hello"),
        turn(Role::User, "Who?"),
        turn(Role::User, "And why?"),
        turn(Role::Developer, "In French."),
    ];
    let (body, _) = encoded(&asking(turns.clone()));
    assert_eq!(body["input"]["system_prompt"], "Be brief.\n\nIn French.");
    assert_eq!(body["input"]["prompt"], "User: Hi\n\nAssistant: Hello\n\nUser: Who?\n\nAnd why?\n\nAssistant:");
    let (body, _) = encoded(&asking(vec![turn(Role::User, "Count"), turn(Role::Assistant, "One, two")]));
    assert_eq!(body["input"]["prompt"], "User: Count\n\nAssistant: One, two");
}

#[test]
fn texts_of_a_turn_are_lines_of_the_users_pieces_of_the_models_and_paragraphs_of_the_systems() {
    let said = |role: Role| Turn { role, parts: vec![Part::text("a"), Part::text("b")], name: None };
    let (body, _) = encoded(&asking(vec![said(Role::System), said(Role::User), said(Role::Assistant)]));
    assert_eq!(body["input"], json!({"system_prompt": "a\n\nb", "prompt": "User: a\nb\n\nAssistant: ab"}));
}

#[test]
fn knobs_go_along_by_the_names_that_models_have_and_the_rest_is_named() {
    let request = Request {
        max_tokens: Some(9),
        temperature: Some(0.5),
        top_p: Some(0.9),
        top_k: Some(5),
        seed: Some(3),
        stop: vec!["END".into(), "a,b".into()],
        stream: true,
        user: Some("u".into()),
        format: Format::JsonObject,
        extras: vec![
            ("logit_bias".into(), serde_json::value::to_raw_value(&json!({})).unwrap()),
            ("n".into(), serde_json::value::to_raw_value(&1).unwrap()),
            ("min_tokens".into(), serde_json::value::to_raw_value(&2).unwrap()),
        ],
        ..asking(vec![turn(Role::User, "Hi")])
    };
    let (body, losses) = encoded(&request);
    let input = json!({
        "prompt": "Hi", "max_tokens": 9, "temperature": 0.5, "top_p": 0.9, "top_k": 5, "seed": 3, "stop_sequences": "END", "min_tokens": 2
    });
    assert_eq!(body, json!({"input": input, "stream": true}));
    assert_eq!(losses, ["stop", "logit_bias", "response_format", "user"]);
    let body = encode_request(&request, Bound::MaxNewTokens, &mut Losses::default()).unwrap();
    let body: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!((&body["input"]["max_new_tokens"], body["input"].get("max_tokens")), (&json!(9), None));
}

#[test]
fn what_a_text_cannot_carry_is_refused() {
    let image =
        Part::Media(Media { kind: MediaKind::Image, source: Source::Url("https://a/b.png".into()), name: None, detail: None, cache: None });
    let result = Part::ToolResult(ToolResult { call_id: "c".into(), parts: vec![], is_error: false, cache: None });
    let tool = Tool::Function { name: "f".into(), description: None, parameters: None, strict: None, cache: None };
    let base = || asking(vec![turn(Role::User, "Hi")]);
    let with_part = |part: Part| asking(vec![Turn { role: Role::User, parts: vec![Part::text("a"), part], name: None }]);
    let several = ("n".to_owned(), serde_json::value::to_raw_value(&2).unwrap());
    for (request, param) in [
        (with_part(image), "messages.0.content.1"),
        (with_part(result), "messages.0.content.1"),
        (Request { tools: vec![tool], ..base() }, "tools"),
        (Request { tool_choice: Some(ToolChoice::Required), ..base() }, "tool_choice"),
        (Request { extras: vec![several], ..base() }, "n"),
        (asking(vec![turn(Role::System, "x")]), "messages"),
    ] {
        let error = refused(&request);
        assert_eq!((error.status, error.param.as_deref()), (400, Some(param)), "{}", error.message);
    }
}

#[test]
fn a_prediction_is_an_answer_or_tells_where_to_wait() {
    let urls = json!({"get": "https://r/p1", "stream": "https://s/p1", "cancel": "https://r/p1/cancel"});
    let whole = done(json!({
        "id": "p1", "model": "meta/llama", "status": "succeeded", "output": ["Hel", "lo"], "error": null, "urls": urls,
        "metrics": {"input_token_count": 4, "output_token_count": 2.0, "predict_time": 0.1}
    }));
    assert_eq!((whole.id.as_str(), text(&whole).as_str()), ("p1", "Hello"));
    assert_eq!(whole.usage, Some(Usage { input: 4, output: 2, ..Usage::default() }));
    for (output, expected) in [(json!("Hi"), "Hi"), (json!({"a": 1}), "{\"a\":1}"), (json!([]), ""), (Value::Null, "")] {
        assert_eq!(text(&done(json!({"id": "p", "status": "succeeded", "output": output}))), expected);
    }
    for status in ["starting", "processing", "new-word"] {
        let body = json!({"id": "p1", "status": status, "output": ["Hel"], "urls": urls}).to_string();
        let Progress::Pending(pending) = decode_response(body.as_bytes()).unwrap() else { panic!("done while {status}") };
        assert_eq!((pending.get.as_deref(), pending.stream.as_deref()), (Some("https://r/p1"), Some("https://s/p1")));
    }
}

#[test]
fn a_prediction_that_failed_is_an_error_with_its_words() {
    for (body, words) in [
        (json!({"status": "failed", "error": "CUDA out of memory"}), "CUDA"),
        (json!({"status": "failed", "error": {"a": 1}}), "\"a\""),
        (json!({"status": "failed", "error": null}), "failed"),
        (json!({"status": "canceled"}), "canceled"),
        (json!({"status": "aborted"}), "canceled"),
        (json!([]), "broken"),
    ] {
        let error = decode_response(body.to_string().as_bytes()).unwrap_err();
        assert!(error.message.contains(words), "{}", error.message);
        assert_eq!(error.status, 502);
    }
}

const STREAM: &str = ": hi\n\nevent: output\nid: 1:0\ndata: \n\nevent: output\nid: 1:1\ndata: Sure\n\nevent: logs\ndata: loading\n\n\
    event: output\ndata: :\ndata: \ndata: \"Why\"\n\nevent: output\ndata:  not ü?\n\nevent: done\ndata: {}\n\n:408: 408 Request Timeout\n\n";

#[test]
fn a_stream_is_bare_text_and_reads_the_same_in_any_pieces() {
    for size in [1, 7, 4096] {
        let whole = folded(read(STREAM, size, None)).unwrap();
        assert_eq!(text(&whole), "Sure:\n\n\"Why\" not ü?", "in pieces of {size}");
        assert_eq!((whole.id.as_str(), whole.model.as_str(), whole.finish.reason), ("p1", "meta/llama", Reason::Stop));
    }
    let empty = folded(read("event: done\ndata: {}\n\n", 1, None)).unwrap();
    assert!(empty.parts.is_empty());
}

#[test]
fn a_stream_that_broke_off_never_looks_finished() {
    let cut = STREAM.split("event: done").next().unwrap();
    for (stream, words) in [
        (cut.to_owned(), "ended before"),
        (String::new(), "ended before"),
        (format!("{cut}event: done\ndata: {{\"reason\": \"canceled\"}}\n\n"), "canceled"),
        (format!("{cut}event: done\ndata: {{\"reason\": \"error\"}}\n\n"), "failed"),
        (format!("{cut}event: error\ndata: {{\"detail\": \"An unexpected error occurred\"}}\n\nevent: done\ndata: {{}}\n\n"), "unexpected"),
        (format!("{cut}event: error\ndata: Out of memory\n\n"), "Out of memory"),
    ] {
        let error = folded(read(&stream, 7, None)).unwrap_err();
        assert!(error.message.contains(words), "{}", error.message);
    }
}

#[test]
fn recorded_predictions_are_read() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folders = ["../shared/recordings/replicate", "../../shared/recordings/replicate"];
    let Some(folder) = folders.iter().map(|folder| root.join(folder)).find(|folder| folder.exists()) else {
        return println!("skipped: there are no recordings beside the repository");
    };
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let recording: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        let response = &recording["response"];
        let name = path.display();
        if let Some(stream) = response["sse"].as_str() {
            assert!(text(&folded(read(stream, 7, None)).unwrap()).ends_with("assist you with?"), "{name}");
            continue;
        }
        let body = &response["body"];
        if response["status"].as_u64().unwrap() >= 400 || body.get("status").is_none() {
            continue;
        }
        let bytes = body.to_string();
        match (Prediction::decode(bytes.as_bytes()).unwrap().status, decode_response(bytes.as_bytes())) {
            (Status::Running, Ok(Progress::Pending(pending))) => assert!(pending.get.is_some(), "{name}"),
            (Status::Succeeded, Ok(Progress::Done(_))) | (Status::Failed | Status::Canceled, Err(_)) => {}
            (status, read) => panic!("{name}: {status:?} {read:?}"),
        }
    }
}
