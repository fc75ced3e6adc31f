//! Streams: the order of blocks, the end, and every way to break off.

use super::*;
use causeway::error::{Kind, Retry};
use causeway::wire::Writer;

fn start(index: u64, tool: Value) -> (&'static str, Value) {
    ("contentBlockStart", json!({"contentBlockIndex": index, "start": {"toolUse": tool}, "p": "abc"}))
}

fn delta(index: u64, delta: Value) -> (&'static str, Value) {
    ("contentBlockDelta", json!({"contentBlockIndex": index, "delta": delta, "p": "abcdef"}))
}

fn text(index: u64, text: &str) -> (&'static str, Value) {
    delta(index, json!({"text": text}))
}

fn stop(index: u64) -> (&'static str, Value) {
    ("contentBlockStop", json!({"contentBlockIndex": index, "p": "a"}))
}

fn begin() -> (&'static str, Value) {
    ("messageStart", json!({"role": "assistant", "p": "ab"}))
}

fn end(word: &str) -> [(&'static str, Value); 2] {
    let usage = json!({"inputTokens": 5, "outputTokens": 7, "totalTokens": 22, "cacheReadInputTokens": 10});
    [("messageStop", json!({"stopReason": word})), ("metadata", json!({"usage": usage, "metrics": {"latencyMs": 9}}))]
}

fn bytes(stream: &[(&str, Value)]) -> Vec<u8> {
    stream.iter().flat_map(|(kind, payload)| aws::event(kind, &payload.to_string())).collect()
}

fn lines(response: &Response) -> Vec<String> {
    let line = |part: &Part| match part {
        Part::Text(text) => format!("text {}{}", text.text, "*".repeat(text.citations.len())),
        Part::Thinking(thinking) => format!("thinking {} {:?} {:?}", thinking.text, thinking.signature, thinking.redacted),
        Part::ToolCall(call) => format!("call {} {} {}", call.id, call.name, call.arguments),
        Part::Media(media) => media.link(),
        other => other.noun().to_owned(),
    };
    response.parts.iter().map(line).collect()
}

fn full() -> Vec<(&'static str, Value)> {
    let mut stream = vec![
        begin(),
        delta(0, json!({"reasoningContent": {"text": "Hm, "}})),
        delta(0, json!({"reasoningContent": {"text": "ü😀"}})),
        delta(0, json!({"reasoningContent": {"signature": "c2ln"}})),
        stop(0),
        delta(1, json!({"reasoningContent": {"redactedContent": "ZW5j"}})),
        stop(1),
        text(2, "Let me "),
        text(2, "see."),
        stop(2),
        start(3, json!({"toolUseId": "t1", "name": "f"})),
        delta(3, json!({"toolUse": {"input": ""}})),
        delta(3, json!({"toolUse": {"input": "{\"a\": "}})),
        delta(3, json!({"toolUse": {"input": "1}"}})),
        stop(3),
        start(4, json!({"toolUseId": "t2", "name": "g"})),
        stop(4),
    ];
    stream.extend(end("tool_use"));
    stream
}

#[test]
fn a_whole_stream_is_read_in_whatever_pieces_it_comes() {
    let response = streamed(&full()).unwrap();
    let expected =
        ["thinking Hm, ü😀 Some(\"c2ln\") None", "thinking  None Some(\"ZW5j\")", "text Let me see.", "call t1 f {\"a\": 1}", "call t2 g "];
    assert_eq!(lines(&response), expected);
    assert_eq!(response.usage, Some(Usage { input: 15, output: 7, cache_read: Some(10), ..Usage::default() }));
    assert_eq!(response.finish, Finish { reason: Reason::ToolCalls, raw: Some("tool_use".into()), stop_sequence: None });
}

#[test]
fn a_piece_reaches_the_caller_at_once() {
    let mut parser = Parser::default();
    let mut reader = StreamReader::default();
    let mut events = Vec::new();
    let mut count = |stream: &[(&str, Value)]| {
        parser.push(&bytes(stream), &mut |frame| reader.push(frame, &mut events));
        std::mem::take(&mut events).len()
    };
    assert_eq!(count(&[begin()]), 1);
    assert_eq!(count(&[text(0, "a")]), 2);
    assert_eq!(count(&[text(0, "b")]), 1);
    assert_eq!(count(&[stop(0)]), 1);
    assert_eq!(count(&[start(1, json!({"toolUseId": "t", "name": "f"}))]), 1);
    assert_eq!(count(&[stop(1)]), 1);
    // The usage is still to come.
    assert_eq!(count(&[("messageStop", json!({"stopReason": "tool_use"}))]), 0);
    assert_eq!(count(&[("metadata", json!({}))]), 1);
}

#[test]
fn blocks_that_overlap_are_put_in_order() {
    let mut stream = vec![
        begin(),
        text(0, ""),
        delta(1, json!({"reasoningContent": {"text": "a"}})),
        start(2, json!({"toolUseId": "t2", "name": "f"})),
        delta(1, json!({"reasoningContent": {"text": "b"}})),
        start(3, json!({"toolUseId": "t3", "name": "f"})),
        delta(3, json!({"toolUse": {"input": "{3}"}})),
        delta(2, json!({"toolUse": {"input": "{2}"}})),
        stop(3),
        stop(0),
        stop(1),
        stop(2),
        text(4, ""),
        stop(4),
        text(5, "end"),
    ];
    stream.extend(end("end_turn"));
    let response = streamed(&stream).unwrap();
    assert_eq!(lines(&response), ["thinking ab None None", "call t2 f {2}", "call t3 f {3}", "text end"]);
}

#[test]
fn one_index_may_hold_several_kinds_one_after_the_other() {
    let mut stream = vec![
        begin(),
        delta(0, json!({"reasoningContent": {"text": "a"}})),
        delta(0, json!({"reasoningContent": {"redactedContent": "eA=="}})),
        delta(0, json!({"reasoningContent": {"redactedContent": "eQ=="}})),
        text(0, "b"),
        start(0, json!({"toolUseId": "t1", "name": "f"})),
        start(0, json!({"toolUseId": "t2", "name": "f"})),
        delta(0, json!({"toolUse": {"input": "{}"}})),
    ];
    stream.extend(end("tool_use"));
    let expected =
        ["thinking a None None", "thinking  None Some(\"eA==\")", "thinking  None Some(\"eQ==\")", "text b", "call t1 f ", "call t2 f {}"];
    assert_eq!(lines(&streamed(&stream).unwrap()), expected);
}

#[test]
fn citations_pictures_and_what_the_provider_does_itself() {
    let mut stream = vec![
        begin(),
        start(0, json!({"toolUseId": "s", "name": "nova_grounding", "type": "server_tool_use"})),
        delta(0, json!({"toolUse": {"input": "{\"q\": 1}"}})),
        stop(0),
        ("contentBlockStart", json!({"contentBlockIndex": 1, "start": {"toolResult": {"toolUseId": "s"}}})),
        delta(1, json!({"toolResult": [{"text": "internal"}]})),
        stop(1),
        delta(2, json!({"citation": {"title": "T", "location": {"web": {"url": "https://e.org"}}, "sourceContent": [{"text": "q"}]}})),
        text(2, "So."),
        stop(2),
        ("contentBlockStart", json!({"contentBlockIndex": 3, "start": {"image": {"format": "webp"}}})),
        delta(3, json!({"image": {"source": {"bytes": "QUJD"}}})),
        stop(3),
        delta(4, json!({"hologram": {}})),
        ("contentBlockHologram", json!({"message": "of the future"})),
        text(0, "Again."),
        stop(0),
    ];
    stream.extend(end("end_turn"));
    let response = streamed(&stream).unwrap();
    assert_eq!(lines(&response), ["text So.*", "![media](data:image/webp;base64,QUJD)", "text Again."]);
    assert_eq!(response.finish.reason, Reason::Stop);
}

#[test]
fn a_met_stop_sequence_is_told() {
    let mut stream = vec![text(0, "x"), stop(0)];
    stream.push((
        "messageStop",
        json!({"stopReason": "stop_sequence", "additionalModelResponseFields": {"delta": {"stop_sequence": "END"}}}),
    ));
    stream.push(("metadata", json!({"usage": {"inputTokens": 1, "outputTokens": 1}})));
    assert_eq!(streamed(&stream).unwrap().finish.stop_sequence.as_deref(), Some("END"));
}

#[test]
fn a_stream_that_broke_off_never_looks_finished() {
    let stream = full();
    let stopped = stream.iter().position(|(kind, _)| *kind == "messageStop").unwrap();
    for cut in 0..stopped {
        let error = folded(read(&bytes(&stream[..=cut])[..], 64, None).clone()).map(|_| ());
        let expected = if cut < stopped { Err(Error::unfinished()) } else { Ok(()) };
        assert_eq!(error, expected, "after {cut}");
    }
    // Said to be over and closed without its usage, it is whole; torn off, it is not.
    let until_stop = bytes(&stream[..=stopped]);
    let response = folded(read(&until_stop, 7, None)).unwrap();
    assert_eq!((response.usage, response.finish.reason), (None, Reason::ToolCalls));
    let torn = Error::upstream(Kind::Unreachable, "reset");
    assert_eq!(folded(read(&until_stop, 7, Some(torn.clone()))).unwrap_err(), torn);
    // After the usage nothing is missing.
    assert!(folded(read(&bytes(&stream), 7, Some(torn))).is_ok());
    assert_eq!(folded(read(b"", 7, None)).unwrap_err(), Error::unfinished());
}

#[test]
fn exceptions_end_the_stream_with_their_status_and_words() {
    let table = [
        ("throttlingException", Kind::RateLimited, 429),
        ("validationException", Kind::Invalid, 400),
        ("internalServerException", Kind::Failed, 500),
        ("serviceUnavailableException", Kind::Overloaded, 503),
        ("modelStreamErrorException", Kind::Failed, 424),
        ("modelTimeoutException", Kind::TimedOut, 408),
        ("accessDeniedException", Kind::Forbidden, 403),
        ("resourceNotFoundException", Kind::NotFound, 404),
        ("unheardOfException", Kind::Failed, 500),
    ];
    for (name, kind, status) in table {
        for before in [vec![], vec![begin()], vec![begin(), text(0, "So")]] {
            let mut stream = bytes(&before);
            stream.extend(aws::exception(name, "{\"message\":\"Too much.\",\"originalStatusCode\":500}"));
            stream.extend(bytes(&end("end_turn")));
            for size in [1, 7, 4_096] {
                let error = folded(read(&stream, size, None)).unwrap_err();
                assert_eq!((error.kind, error.status, error.message.as_str()), (kind, status, "Too much."), "{name}");
                assert_eq!(error.code.as_deref(), Some(name));
            }
        }
    }
    let slow = folded(read(&aws::exception("throttlingException", "{}"), 7, None)).unwrap_err();
    assert_eq!(slow.retry, Retry::Here { after_ms: None });
    assert!(slow.message.contains("throttlingException"));
}

#[test]
fn errors_of_the_protocol_and_unreadable_events_end_the_stream() {
    let headers = [
        aws::Header::Text(":message-type", "error"),
        aws::Header::Text(":error-code", "InternalError"),
        aws::Header::Text(":error-message", "Sorry"),
    ];
    let error = folded(read(&aws::message(&headers, b""), 7, None)).unwrap_err();
    assert_eq!((error.kind, error.status, error.message.as_str()), (Kind::Failed, 500, "Sorry"));
    for payload in ["{\"delta\":", "\"x\"", "7"] {
        let error = folded(read(&aws::event("contentBlockDelta", payload), 7, None)).unwrap_err();
        assert!(error.message.contains("cannot be read"), "{payload}: {}", error.message);
    }
}

#[test]
fn callers_of_both_dialects_see_the_same_streamed_and_whole() {
    let events = read(&bytes(&full()), 7, None);
    let mut chat_bytes = Vec::new();
    let mut messages_bytes = Vec::new();
    let mut chat_writer = chat::StreamWriter::new(echo());
    let mut messages_writer = messages::StreamWriter::new(echo());
    for event in &events {
        chat_writer.push(event, &mut chat_bytes);
        messages_writer.push(event, &mut messages_bytes);
    }
    let (chat_text, messages_text) = (String::from_utf8(chat_bytes).unwrap(), String::from_utf8(messages_bytes).unwrap());
    assert_eq!(chat_text.matches("\"finish_reason\":\"tool_calls\"").count(), 1);
    assert_eq!(chat_text.matches("[DONE]").count(), 1);
    assert!(chat_text.contains("\"prompt_tokens\":15"), "{chat_text}");
    assert!(messages_text.contains("\"type\":\"signature_delta\",\"signature\":\"c2ln\""), "{messages_text}");
    assert!(messages_text.contains("\"stop_reason\":\"tool_use\""), "{messages_text}");
    let whole = decoded(json!({
        "output": {"message": {"role": "assistant", "content": [
            {"reasoningContent": {"reasoningText": {"text": "Hm, ü😀", "signature": "c2ln"}}},
            {"reasoningContent": {"redactedContent": "ZW5j"}},
            {"text": "Let me see."},
            {"toolUse": {"toolUseId": "t1", "name": "f", "input": {"a": 1}}},
            {"toolUse": {"toolUseId": "t2", "name": "g", "input": {}}},
        ]}},
        "stopReason": "tool_use",
        "usage": {"inputTokens": 5, "outputTokens": 7, "totalTokens": 22, "cacheReadInputTokens": 10},
    }));
    let folded = folded(events).unwrap();
    assert_eq!(messages_answer(&folded), messages_answer(&whole));
    assert_eq!((folded.usage, &folded.finish), (whole.usage, &whole.finish));
}
