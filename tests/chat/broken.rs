//! Streams that break off, and bytes that are no answer at all.

use super::answers::cases;
use super::told::told;
use super::*;
use causeway::error::Kind;

/// Where the stream says why it ended.
fn word_at(stream: &str) -> usize {
    let words = ["\"finish_reason\":\"", "\"finish_reason\": \""];
    let told = words.iter().flat_map(|word| stream.match_indices(word).map(move |(at, _)| at + word.len()));
    told.filter(|at| stream.as_bytes()[*at] != b'"').min().or_else(|| stream.find("[DONE]")).unwrap_or(stream.len())
}

#[test]
fn a_stream_cut_anywhere_looks_complete_only_after_it_said_why_it_ended() {
    for (name, case) in cases() {
        let Some(stream) = case.stream else { continue };
        let word = word_at(&stream);
        for cut in (0..stream.len()).filter(|cut| cut % 5 == 0 || stream.as_bytes()[cut - 1] == b'\n') {
            let bytes = &stream.as_bytes()[..cut];
            for fault in [None, Some(Error::upstream(Kind::Unreachable, "reset"))] {
                let outcome = folded(read(bytes, usize::MAX, fault));
                assert!(outcome.is_err() || cut > word, "{name} cut at {cut}: {}", told(&outcome));
            }
        }
    }
}

#[test]
fn a_stream_that_broke_off_ends_with_the_reason() {
    let begun = "data: {\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"},\"finish_reason\":null}]}\n\n";
    let reset = || Some(Error::upstream(Kind::Unreachable, "The connection was reset."));
    let table = [
        ("", None, "The provider's stream ended before the answer was complete."),
        ("", reset(), "The connection was reset."),
        (begun, None, "The provider's stream ended before the answer was complete."),
        (begun, reset(), "The connection was reset."),
        ("data: {\"id\":\"c\",\"cho", None, "The provider sent a broken piece of its answer."),
        ("data: <html>\n\n", None, "The provider sent a broken piece of its answer."),
    ];
    for (stream, fault, message) in table {
        let events = read(stream.as_bytes(), 7, fault);
        let Some(Event::Error(error)) = events.last() else { panic!("{stream} has no error") };
        assert_eq!(error.message, message, "{stream}");
    }
}

#[test]
fn a_stream_that_said_why_it_ended_is_complete_without_its_last_words() {
    let stream = "data: {\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"},\"finish_reason\":\"stop\"}]}\n\n";
    for fault in [None, Some(Error::unfinished())] {
        assert!(matches!(read(stream.as_bytes(), 7, fault).last(), Some(Event::Finish { usage: None, .. })));
    }
}

#[test]
fn what_is_no_answer_is_an_error_of_the_provider() {
    let bodies =
        ["", "<html>", "[]", "7", "{}", "{\"choices\":[]}", "{\"choices\":null}", "{\"choices\":[{\"index\":0}]}", "{\"id\":\"c\""];
    for body in bodies {
        let error = decode_response(body.as_bytes()).unwrap_err();
        assert_eq!((error.status, error.kind, error.origin), (502, Kind::Failed, causeway::error::Origin::Upstream), "{body}");
    }
}

#[test]
fn the_words_for_why_an_answer_ended_are_those_of_many_providers() {
    use Reason::*;
    let table = [
        ("stop", Stop, ToolCalls),
        ("eos", Stop, ToolCalls),
        ("end_turn", Stop, ToolCalls),
        ("STOP", Stop, ToolCalls),
        ("tool_calls", Stop, ToolCalls),
        ("function_call", Stop, ToolCalls),
        ("word_of_tomorrow", Stop, ToolCalls),
        ("length", Length, Length),
        ("model_length", Length, Length),
        ("max_tokens", Length, Length),
        ("MAX_TOKENS", Length, Length),
        ("content_filter", Filtered, Filtered),
        ("SAFETY", Filtered, Filtered),
    ];
    for (word, silent, calling) in table {
        let calls = json!([{"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}]);
        for (calls, expected) in [(json!([]), silent), (calls, calling)] {
            let message = json!({"role": "assistant", "content": "x", "tool_calls": calls});
            let body = json!({"choices": [{"index": 0, "message": message, "finish_reason": word}]});
            assert_eq!(decode_response(body.to_string().as_bytes()).unwrap().finish.reason, expected, "{word} {calls}");
        }
    }
}

#[test]
fn half_a_sign_is_no_reason_to_lose_the_words_around_it() {
    let body = r#"{"choices":[{"message":{"content":"so far \ud83d","reasoning":"\udc4d well"},"finish_reason":"length"}]}"#;
    let response = decode_response(body.as_bytes()).unwrap();
    let [Part::Thinking(thought), Part::Text(text)] = response.parts.as_slice() else { panic!("{response:?}") };
    assert!(text.text.starts_with("so far ") && thought.text.ends_with(" well"), "{response:?}");
}

#[test]
fn a_count_that_is_missing_is_what_the_total_leaves() {
    let table = [
        (r#"{"prompt_tokens":5,"total_tokens":12}"#, (5, 7)),
        (r#"{"completion_tokens":5,"total_tokens":12}"#, (7, 5)),
        (r#"{"total_tokens":12}"#, (0, 0)),
        (r#"{"prompt_tokens":5,"total_tokens":12,"completion_tokens_details":{"reasoning_tokens":7}}"#, (5, 7)),
    ];
    for (usage, counted) in table {
        let body = format!(r#"{{"choices":[{{"message":{{"content":"a"}},"finish_reason":"stop"}}],"usage":{usage}}}"#);
        let told = decode_response(body.as_bytes()).unwrap().usage.unwrap();
        assert_eq!((told.input, told.output), counted, "{usage}");
    }
}
