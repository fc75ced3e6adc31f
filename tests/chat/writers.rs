//! What callers get: chunks and answers as the clients of this dialect expect them.

use super::answers::cases;
use super::told::told;
use super::*;
use causeway::error::Kind;
use causeway::wire::Writer;

fn written(events: &[Event], echo: Echo) -> Vec<u8> {
    let mut writer = StreamWriter::new(echo);
    let mut out = Vec::new();
    events.iter().for_each(|event| writer.push(event, &mut out));
    out
}

/// The data of each event; there is nothing else on its lines.
fn data(bytes: &[u8]) -> Vec<String> {
    let text = std::str::from_utf8(bytes).unwrap();
    assert!(text.is_empty() || text.ends_with("\n\n"));
    let events = text.split("\n\n").filter(|event| !event.is_empty() && !event.starts_with(':'));
    events.map(|event| event.strip_prefix("data: ").unwrap().to_owned()).inspect(|line| assert!(!line.contains('\n'))).collect()
}

fn extend(text: &mut Value, more: &Value) {
    if let Some(more) = more.as_str() {
        *text = json!(text.as_str().unwrap_or_default().to_owned() + more);
    }
}

fn append(list: &mut Value, more: &Value) {
    let mut all = list.as_array().cloned().unwrap_or_default();
    all.extend(more.as_array().cloned().unwrap_or_default());
    *list = json!(all);
}

/// Gathers chunks as a client does, and sees that they are what it expects.
fn gathered(bytes: &[u8], asked_usage: bool) -> Value {
    let mut lines = data(bytes);
    assert_eq!(lines.pop().as_deref(), Some("[DONE]"));
    let chunks: Vec<Value> = lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    let mut whole = json!({"message": {"role": "assistant"}});
    let mut counted = 0;
    for (at, chunk) in chunks.iter().enumerate() {
        for name in ["id", "object", "created", "model"] {
            assert_eq!(chunk[name], chunks[0][name], "{chunk}");
        }
        assert!(chunk["id"].as_str().is_some_and(|id| !id.is_empty()) && chunk["created"].is_u64() && chunk["model"].is_string());
        assert_eq!(chunk["object"], "chat.completion.chunk");
        let [choice] = chunk["choices"].as_array().unwrap().as_slice() else {
            assert!(asked_usage && at + 1 == chunks.len() && chunk["choices"] == json!([]), "{chunk}");
            whole["usage"] = chunk["usage"].clone();
            continue;
        };
        assert_eq!(chunk.get("usage"), asked_usage.then_some(&Value::Null), "{chunk}");
        assert_eq!((&choice["index"], &choice["logprobs"]), (&json!(0), &Value::Null));
        let delta = &choice["delta"];
        assert_eq!(delta["role"] == "assistant", at == 0, "{chunk}");
        assert!(whole["finish_reason"].is_null(), "{chunk} after the finish");
        whole["finish_reason"] = choice["finish_reason"].clone();
        for name in ["content", "refusal", "reasoning_content"] {
            extend(&mut whole["message"][name], &delta[name]);
        }
        for name in ["annotations", "reasoning_details"].into_iter().filter(|name| delta[name].is_array()) {
            append(&mut whole["message"][name], &delta[name]);
        }
        let known = ["role", "content", "refusal", "reasoning_content", "annotations", "reasoning_details", "tool_calls"];
        for (name, beside) in delta.as_object().unwrap().iter().filter(|(name, _)| !known.contains(&name.as_str())) {
            whole["message"][name] = beside.clone();
        }
        for piece in delta["tool_calls"].as_array().into_iter().flatten() {
            let index = usize::try_from(piece["index"].as_u64().unwrap()).unwrap();
            if piece.get("id").is_some() {
                assert_eq!((index, &piece["type"]), (counted, &json!("function")), "{chunk}");
                assert!(piece["function"]["name"].as_str().is_some_and(|name| !name.is_empty()));
                counted += 1;
                let call = json!({"id": piece["id"], "type": "function", "function": piece["function"]});
                append(&mut whole["message"]["tool_calls"], &json!([call]));
            } else {
                assert_eq!(index + 1, counted, "{chunk}");
                extend(&mut whole["message"]["tool_calls"][index]["function"]["arguments"], &piece["function"]["arguments"]);
            }
        }
    }
    let words = ["stop", "length", "tool_calls", "content_filter"];
    assert!(words.iter().any(|word| whole["finish_reason"] == **word), "{whole}");
    let mut ids: Vec<&str> =
        whole["message"]["tool_calls"].as_array().into_iter().flatten().map(|call| call["id"].as_str().unwrap()).collect();
    ids.sort_unstable();
    let count = ids.len();
    ids.dedup();
    assert!(ids.len() == count && !ids.contains(&""), "{ids:?}");
    whole
}

/// Fields by which an answer and its stream may differ: nothing said is null in one and empty in the other, and a
/// proof comes apart from its text.
fn alike(mut message: Value) -> Value {
    for name in ["content", "refusal", "reasoning_content"] {
        if message[name] == "" || message[name].is_null() {
            message.as_object_mut().unwrap().remove(name);
        }
    }
    if let Some(details) = message["reasoning_details"].as_array() {
        let proofs = details.iter().filter(|detail| detail["signature"].is_string() || detail["data"].is_string());
        message["reasoning_details"] = proofs.map(|detail| json!([detail["signature"], detail["data"], detail["format"]])).collect();
    } else {
        message.as_object_mut().unwrap().remove("reasoning_details");
    }
    message
}

#[test]
fn a_stream_gathers_to_the_whole_answer() {
    for (name, case) in cases() {
        let Some(stream) = case.stream else { continue };
        let events = read(stream.as_bytes(), usize::MAX, None);
        let Ok(response) = folded(events.clone()) else { continue };
        let whole: Value = serde_json::from_slice(&encode_response(&response, &echo())).unwrap();
        for asked in [true, false] {
            let bytes = written(&events, Echo { stream_usage: asked, ..echo() });
            let seen = gathered(&bytes, asked);
            assert_eq!(alike(seen["message"].clone()), alike(whole["choices"][0]["message"].clone()), "{name}");
            assert_eq!(seen["finish_reason"], whole["choices"][0]["finish_reason"], "{name}");
            assert_eq!(seen.get("usage"), whole.get("usage").filter(|_| asked), "{name}");
        }
    }
}

/// What is known again of an answer that was written and read: the ids that were made up and the words of the
/// provider are not.
fn essence(outcome: &Result<Response, Error>) -> String {
    let text = told(outcome);
    let kept = text.lines().skip(1).map(|line| match line.strip_prefix("call call_nonce_").and_then(|rest| rest.split_once(' ')) {
        Some((_, rest)) => format!("call - {rest}"),
        None => line.to_owned(),
    });
    let kept = kept.map(|line| match line.split_once(" (") {
        Some((finish, _)) if line.starts_with("finish ") => finish.to_owned(),
        _ => line.split(" saying ").next().unwrap().to_owned(),
    });
    // Tiers that are one provider's own are left out.
    kept.filter(|line| line != "service_tier \"on_demand\"").collect::<Vec<_>>().join("\n")
}

#[test]
fn a_tier_or_fingerprint_that_clients_do_not_know_is_left_out() {
    let whole =
        r#"{"id":"1","service_tier":"on_demand","system_fingerprint":7,"choices":[{"message":{"content":"hi"},"finish_reason":"stop"}]}"#;
    let response = decode_response(whole.as_bytes()).unwrap();
    let text = String::from_utf8(encode_response(&response, &echo())).unwrap();
    assert!(!text.contains("service_tier") && !text.contains("system_fingerprint"), "{text}");
    let text = String::from_utf8(written(&response.into_events(), echo())).unwrap();
    assert!(!text.contains("service_tier") && !text.contains("system_fingerprint"), "{text}");
}

#[test]
fn what_is_written_reads_back_as_it_was() {
    // Where nothing was said of a range, the writer says one; silent calls get the empty object; the text is one, with
    // pictures as links in it.
    let changed = ["annotations", "sources", "sources-last", "calls-bare", "calls-interrupted", "pictures"];
    for (name, case) in cases().into_iter().filter(|(name, _)| !changed.contains(&name.as_str())) {
        let Some(stream) = case.stream else { continue };
        let events = read(stream.as_bytes(), usize::MAX, None);
        let Ok(response) = folded(events.clone()) else { continue };
        let expected = essence(&Ok(response.clone()));
        let streamed = essence(&folded(read(&written(&events, echo()), usize::MAX, None)));
        assert_eq!(streamed, expected, "{name}");
        assert_eq!(essence(&decode_response(&encode_response(&response, &echo()))), expected, "{name}");
    }
}

#[test]
fn an_error_ends_a_stream_without_its_being_done() {
    for (name, case) in cases() {
        let Some(stream) = case.stream else { continue };
        let events = read(stream.as_bytes(), usize::MAX, None);
        let Some(Event::Error(error)) = events.last() else { continue };
        let lines = data(&written(&events, echo()));
        let (last, before) = lines.split_last().unwrap();
        let told: Value = serde_json::from_str(last).unwrap();
        assert!(told["error"]["message"].as_str().unwrap().contains(&error.message), "{name}");
        for field in ["type", "code", "param"] {
            assert!(told["error"][field].is_string() || told["error"][field].is_null(), "{name}: {told}");
        }
        for line in before {
            let chunk: Value = serde_json::from_str(line).unwrap();
            assert!(chunk["choices"][0]["finish_reason"].is_null(), "{name}: {chunk}");
        }
    }
}

fn begin() -> Event {
    Event::Begin { id: String::new(), model: String::new(), created: None, usage: None, extras: Extras::new() }
}

fn finish(reason: Reason) -> Event {
    Event::Finish { finish: Finish { reason, raw: None, stop_sequence: None }, usage: Some(Usage::default()), extras: Extras::new() }
}

/// A stream of these blocks, numbered, between its beginning and its end.
fn stream_of(blocks: Vec<(Block, Vec<Delta>)>, reason: Reason) -> Vec<Event> {
    let mut events = vec![begin()];
    for (index, (block, deltas)) in (0..).zip(blocks) {
        events.push(Event::Start { index, block });
        events.extend(deltas.into_iter().map(Event::Delta));
        events.push(Event::End);
    }
    events.push(finish(reason));
    events
}

fn tool(id: &str, arguments: &[&str]) -> (Block, Vec<Delta>) {
    let deltas = arguments.iter().map(|text| Delta::Arguments((*text).into())).collect();
    (Block::ToolCall { id: id.into(), name: "f".into() }, deltas)
}

#[test]
fn calls_are_numbered_named_and_never_without_arguments() {
    let events = stream_of(
        vec![
            (Block::Text, vec![Delta::Text("x".into())]),
            tool("", &[]),
            (Block::Thinking, vec![Delta::Text("hm".into())]),
            tool("same", &["{\"a\":", "1}"]),
            tool("same", &[""]),
            tool("last", &[" "]),
        ],
        Reason::Stop,
    );
    let seen = gathered(&written(&events, echo()), true);
    let calls = seen["message"]["tool_calls"].as_array().unwrap();
    let told: Vec<String> = calls.iter().map(|call| format!("{} {}", call["id"], call["function"]["arguments"])).collect();
    let expected = [r#""call_nonce_0" "{}""#, r#""same" "{\"a\":1}""#, r#""call_nonce_2" "{}""#, r#""last" " {}""#];
    assert_eq!(told, expected);
    assert_eq!(seen["finish_reason"], "tool_calls");
    let whole: Value = serde_json::from_slice(&encode_response(&folded(events).unwrap(), &echo())).unwrap();
    assert_eq!(whole["choices"][0]["finish_reason"], "tool_calls");
}

#[test]
fn every_reason_finds_its_word() {
    let text = || (Block::Text, vec![Delta::Text("x".into())]);
    let refusal = || (Block::Refusal, vec![Delta::Text("no".into())]);
    let table = [
        (vec![text()], Reason::Stop, "stop"),
        (vec![text()], Reason::Pause, "stop"),
        (vec![text()], Reason::ToolCalls, "stop"),
        (vec![text()], Reason::Length, "length"),
        (vec![text()], Reason::Filtered, "content_filter"),
        (vec![text()], Reason::Refusal, "content_filter"),
        (vec![refusal()], Reason::Refusal, "stop"),
        (vec![tool("c", &[])], Reason::Stop, "tool_calls"),
        (vec![tool("c", &[])], Reason::Pause, "tool_calls"),
        (vec![tool("c", &[])], Reason::ToolCalls, "tool_calls"),
        (vec![tool("c", &[])], Reason::Length, "length"),
        (vec![], Reason::Stop, "stop"),
    ];
    for (blocks, reason, word) in table {
        let events = stream_of(blocks, reason);
        assert_eq!(gathered(&written(&events, echo()), true)["finish_reason"], word, "{reason:?}");
        let whole: Value = serde_json::from_slice(&encode_response(&folded(events).unwrap(), &echo())).unwrap();
        assert_eq!(whole["choices"][0]["finish_reason"], word, "{reason:?}");
    }
}

#[test]
fn what_other_dialects_say_finds_a_place() {
    let source = Source::Inline { media_type: "image/png".into(), data: "AA==".into() };
    let picture = Media { kind: MediaKind::Image, source, name: None, detail: None, cache: None };
    let cited = Citation { url: Some("https://a.org".into()), ..Citation::default() };
    let quoted = Citation { quote: Some("a page of a file".into()), ..Citation::default() };
    let raw = serde_json::value::to_raw_value(&json!({"type": "server_tool_use"})).unwrap();
    let events = stream_of(
        vec![
            (Block::Thinking, vec![Delta::Text("hm".into()), Delta::Signature("c2ln".into())]),
            (Block::Redacted("b3BhcXVl".into()), vec![]),
            (Block::Media(picture), vec![]),
            (Block::Native(Native { kind: "server_tool_use".into(), raw }), vec![]),
            (Block::Text, vec![Delta::Text(" ü😀".into()), Delta::Citation(cited), Delta::Citation(quoted)]),
            (Block::Refusal, vec![Delta::Text("I ".into())]),
            (Block::Refusal, vec![Delta::Text("won't.".into())]),
        ],
        Reason::Stop,
    );
    let seen = gathered(&written(&events, echo()), true)["message"].clone();
    let picture = "![media](data:image/png;base64,AA==)";
    assert_eq!(seen["content"], format!("{picture} ü😀"));
    assert_eq!((&seen["reasoning_content"], &seen["refusal"]), (&json!("hm"), &json!("I won't.")));
    let range = (picture.len(), picture.len() + 3);
    let url = json!({"start_index": range.0, "end_index": range.1, "url": "https://a.org", "title": ""});
    assert_eq!(seen["annotations"], json!([{"type": "url_citation", "url_citation": url}]));
    let whole: Value = serde_json::from_slice(&encode_response(&folded(events).unwrap(), &echo())).unwrap();
    assert_eq!(alike(whole["choices"][0]["message"].clone()), alike(seen));
    assert_eq!((&whole["id"], &whole["model"], &whole["created"]), (&json!("chatcmpl-nonce"), &json!("asked-model"), &json!(1)));
}

#[test]
fn usage_tells_the_details_that_are_known() {
    let plain = Usage { input: 5, output: 7, ..Usage::default() };
    let table = [
        (plain, json!({"prompt_tokens": 5, "completion_tokens": 7, "total_tokens": 12})),
        (
            Usage { cache_read: Some(1), cache_write: Some(2), reasoning: Some(3), ..plain },
            json!({"prompt_tokens": 5, "completion_tokens": 7, "total_tokens": 12,
                "prompt_tokens_details": {"cached_tokens": 1, "cache_write_tokens": 2},
                "completion_tokens_details": {"reasoning_tokens": 3}}),
        ),
        (
            Usage { input_audio: Some(4), output_audio: Some(6), ..plain },
            json!({"prompt_tokens": 5, "completion_tokens": 7, "total_tokens": 12,
                "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 4},
                "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 6}}),
        ),
    ];
    for (usage, expected) in table {
        let response = Response { usage: Some(usage), ..Response::default() };
        let whole: Value = serde_json::from_slice(&encode_response(&response, &echo())).unwrap();
        assert_eq!(whole["usage"], expected);
        assert_eq!(gathered(&written(&response.into_events(), echo()), true)["usage"], expected);
    }
}

#[test]
fn a_ping_is_a_comment() {
    assert_eq!(written(&[Event::Ping], echo()), b": ping\n\n");
}

#[test]
fn errors_take_the_words_of_the_dialect() {
    let table = [
        (
            Error::invalid("m").with_param("messages"),
            json!({"message": "m", "type": "invalid_request_error", "param": "messages", "code": null}),
        ),
        (
            Error::caller(Kind::Unauthenticated, "m"),
            json!({"message": "m", "type": "authentication_error", "param": null, "code": "invalid_api_key"}),
        ),
        (
            Error::upstream(Kind::RateLimited, "m").with_code("slow_down"),
            json!({"message": "m", "type": "rate_limit_error", "param": null, "code": "slow_down"}),
        ),
        (Error::unfinished(), json!({"message": Error::unfinished().message, "type": "upstream_error", "param": null, "code": null})),
        (Error::gateway("m"), json!({"message": "m", "type": "api_error", "param": null, "code": null})),
    ];
    for (error, expected) in table {
        let told: Value = serde_json::from_slice(&encode_error(&error)).unwrap();
        assert_eq!(told["error"], expected);
        assert!(is_own_error(&encode_error(&error)));
    }
    let foreign = [r#"{"error":"m"}"#, r#"{"error":{"message":"m","type":"t","code":400}}"#, r#"{"message":"m"}"#, "m", ""];
    for body in foreign {
        assert!(!is_own_error(body.as_bytes()), "{body}");
    }
}
