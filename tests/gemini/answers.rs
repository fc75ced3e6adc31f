//! Answers and streams on their way from Google.

use super::*;
use causeway::error::Kind;

#[test]
fn the_parts_of_an_answer_keep_their_order_and_their_proofs() {
    let body = last(
        json!([
            {"text": "hm", "thought": true},
            {"text": "Look: ", "thoughtSignature": "c2ln"},
            {"functionCall": {"name": "f", "args": {"z": 1.0, "a": [1e2]}, "id": "c1"}, "thoughtSignature": "Y2FsbA=="},
            {"functionCall": {"name": "g"}},
            {"inlineData": {"mimeType": "image/png", "data": "AAAA"}},
            {"executableCode": {"language": "PYTHON", "code": "1"}},
            {"somethingNew": {}},
        ]),
        "STOP",
    );
    let expected = [
        "thinking hm|",
        "text Look: ",
        "thinking |gemini:c2ln",
        "thinking |gemini:Y2FsbA==",
        r#"call c1 f {"a":[100.0],"z":1.0}"#,
        "call  g ",
        r#"media Image Inline { media_type: "image/png", data: "AAAA" }"#,
        "native executableCode",
        "native somethingNew",
    ];
    for answer in [answered(&body), streamed(&stream(std::slice::from_ref(&body))).unwrap(), answered(&json!([body]))] {
        assert_eq!(parts(&answer), expected);
        assert_eq!((answer.id.as_str(), answer.model.as_str()), ("r1", "gemini-x"));
        assert_eq!((answer.finish.reason, answer.finish.raw.as_deref()), (Reason::ToolCalls, Some("STOP")));
    }
}

#[test]
fn the_arguments_of_a_call_keep_their_bytes() {
    let body =
        br#"{"candidates":[{"content":{"parts":[{"functionCall":{"name":"f","args":{"z": 1.10, "a": 12345678901234567890123}}}]}}]}"#;
    assert_eq!(parts(&decode_response(body).unwrap()), [r#"call  f {"z": 1.10, "a": 12345678901234567890123}"#]);
}

#[test]
fn pieces_of_a_stream_join_into_blocks_and_a_late_proof_follows_its_text() {
    let bytes = stream(&[
        chunk(json!([{"text": "a", "thought": true}])),
        chunk(json!([{"text": "b", "thought": true}])),
        chunk(json!([{"text": "Grü"}])),
        chunk(json!([{"text": "ße"}])),
        last(json!([{"text": "", "thoughtSignature": "c2ln"}]), "STOP"),
    ]);
    let answer = streamed(&bytes).unwrap();
    assert_eq!(parts(&answer), ["thinking ab|", "text Grüße", "thinking |gemini:c2ln"]);
    assert_eq!(answer.finish.reason, Reason::Stop);
}

#[test]
fn why_an_answer_ended_is_told() {
    let table = [
        (json!("STOP"), Reason::Stop, "STOP"),
        (json!("MAX_TOKENS"), Reason::Length, "MAX_TOKENS"),
        (json!("SAFETY"), Reason::Filtered, "SAFETY"),
        (json!("RECITATION"), Reason::Filtered, "RECITATION"),
        (json!("IMAGE_SAFETY"), Reason::Filtered, "IMAGE_SAFETY"),
        (json!("MODEL_ARMOR"), Reason::Filtered, "MODEL_ARMOR"),
        (json!("MALFORMED_FUNCTION_CALL"), Reason::Stop, "MALFORMED_FUNCTION_CALL"),
        (json!("SOMETHING_NEW"), Reason::Stop, "SOMETHING_NEW"),
        (json!(1), Reason::Stop, "STOP"),
        (json!(2), Reason::Length, "MAX_TOKENS"),
        (json!(3), Reason::Filtered, "SAFETY"),
    ];
    for (word, reason, name) in table {
        let body = json!({"candidates": [{"content": {}, "finishReason": word}]});
        let answer = answered(&body);
        assert_eq!((answer.finish.reason, answer.finish.raw.as_deref()), (reason, Some(name)));
        assert_eq!(streamed(&stream(&[body])).unwrap().finish, answer.finish);
    }
    let calls = last(json!([{"functionCall": {"name": "f"}}]), "UNEXPECTED_TOOL_CALL");
    assert_eq!(answered(&calls).finish.reason, Reason::ToolCalls);
}

#[test]
fn a_blocked_prompt_is_an_answer_that_was_filtered() {
    let body =
        json!({"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}, "usageMetadata": {"promptTokenCount": 4, "totalTokenCount": 4}});
    for answer in [answered(&body), streamed(&stream(&[body])).unwrap()] {
        assert_eq!((answer.finish.reason, answer.finish.raw.as_deref()), (Reason::Filtered, Some("PROHIBITED_CONTENT")));
        assert_eq!(answer.usage.map(|usage| (usage.input, usage.output)), Some((4, 0)));
        assert!(answer.parts.is_empty());
    }
}

#[test]
fn all_tokens_are_counted_and_the_last_count_of_a_stream_holds() {
    let mut first = chunk(json!([{"text": "a"}]));
    first["usageMetadata"] = json!({"promptTokenCount": 20, "candidatesTokenCount": 1, "totalTokenCount": null});
    let mut end = last(json!([{"text": "b"}]), "STOP");
    end["usageMetadata"] = json!({
        "promptTokenCount": 10, "toolUsePromptTokenCount": 5, "candidatesTokenCount": 3.0, "thoughtsTokenCount": 4,
        "cachedContentTokenCount": 8, "totalTokenCount": 22, "trafficType": "ON_DEMAND",
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 7}, {"modality": "AUDIO", "tokenCount": 3}],
        "candidatesTokensDetails": [{"modality": 4, "tokenCount": 2}]
    });
    let mut silent = chunk(json!([]));
    silent["usageMetadata"] = json!({"trafficType": "ON_DEMAND"});
    let expected = Usage {
        input: 15,
        output: 7,
        cache_read: Some(8),
        reasoning: Some(4),
        input_audio: Some(3),
        output_audio: Some(2),
        ..Usage::default()
    };
    assert_eq!(streamed(&stream(&[silent.clone(), first, end.clone(), silent])).unwrap().usage, Some(expected));
    assert_eq!(answered(&end).usage, Some(expected));
}

#[test]
fn sources_are_cited_once_by_characters_of_the_text() {
    let text = "Größe zählt. Ende.";
    let grounding = json!({
        "groundingChunks": [{"web": {"uri": "https://a.example", "title": "a"}}, {"retrievedContext": {"uri": "gs://b", "text": "said"}}],
        "groundingSupports": [
            {"segment": {"endIndex": 15}, "groundingChunkIndices": [0, 1]},
            {"segment": {"startIndex": 16, "endIndex": 21}, "groundingChunkIndices": [0, 9]},
        ]
    });
    let mut body = last(json!([{"text": text}]), "STOP");
    body["candidates"][0]["groundingMetadata"] = grounding;
    let mut again = chunk(json!([]));
    again["candidates"][0]["groundingMetadata"] = body["candidates"][0]["groundingMetadata"].clone();
    for answer in [answered(&body), streamed(&stream(&[body.clone(), again])).unwrap()] {
        let [Part::Text(text)] = answer.parts.as_slice() else { panic!("{:?}", answer.parts) };
        let cited: Vec<_> = text.citations.iter().map(|citation| (citation.url.as_deref().unwrap(), citation.range)).collect();
        assert_eq!(cited, [("https://a.example", Some((0, 12))), ("gs://b", Some((0, 12))), ("https://a.example", Some((13, 18)))]);
        assert_eq!(text.citations[1].quote.as_deref(), Some("said"));
    }
}

#[test]
fn an_error_inside_a_stream_ends_it_with_its_status() {
    let fault = json!({"error": {"code": 503, "message": "The model is overloaded.", "status": "UNAVAILABLE"}});
    for fault in [fault.clone(), json!([fault])] {
        let error = streamed(&stream(&[chunk(json!([{"text": "a"}])), fault])).unwrap_err();
        assert_eq!((error.kind, error.status, error.message.as_str()), (Kind::Overloaded, 503, "The model is overloaded."));
        assert_eq!(error.type_word.as_deref(), Some("UNAVAILABLE"));
    }
    let wordy = json!({"error": {"message": "m", "status": "RESOURCE_EXHAUSTED"}});
    let error = decode_response(wordy.to_string().as_bytes()).unwrap_err();
    assert_eq!((error.kind, error.status), (Kind::RateLimited, 429));
}

#[test]
fn what_broke_off_never_looks_finished() {
    let begun = chunk(json!([{"text": "a"}]));
    let table = [
        stream(&[]),
        stream(std::slice::from_ref(&begun)),
        [stream(std::slice::from_ref(&begun)), b"data: {\"candidates\": [{\"content\": {\"par".to_vec()].concat(),
    ];
    for bytes in table {
        assert_eq!(streamed(&bytes).unwrap_err().message, Error::unfinished().message);
    }
    let reset = Error::upstream(Kind::Unreachable, "reset");
    assert_eq!(folded(read(&stream(std::slice::from_ref(&begun)), 7, Some(reset.clone()))).unwrap_err(), reset);
    assert!(decode_response(json!([begun]).to_string().as_bytes()).is_ok_and(|answer| answer.finish.raw.is_none()));
    assert!(decode_response(json!([begun, begun]).to_string().as_bytes()).is_err());
}

#[test]
fn what_is_no_answer_is_an_error_of_the_provider() {
    for body in ["", "{", "null", "{}", "[]", "<html>", r#"{"models":[]}"#, "7"] {
        assert_eq!(decode_response(body.as_bytes()).unwrap_err().kind, Kind::Failed, "{body}");
    }
    assert!(answered(&json!({"candidates": []})).parts.is_empty());
    assert_eq!(parts(&answered(&chunk(json!([{"text": 7}, {"text": "kept"}, {}, {"functionCall": null}])))), ["text 7kept"]);
}

#[test]
fn callers_of_other_dialects_see_the_whole_answer() {
    let mut body = last(
        json!([
            {"text": "hm", "thought": true},
            {"text": "Both:"},
            {"functionCall": {"name": "f", "args": {"a": 1}}, "thoughtSignature": "c2ln"},
            {"functionCall": {"name": "f"}},
        ]),
        "STOP",
    );
    body["usageMetadata"] = json!({"promptTokenCount": 3, "candidatesTokenCount": 2, "thoughtsTokenCount": 4});
    let answer = answered(&body);
    let seen: Value = serde_json::from_slice(&chat::encode_response(&answer, &echo())).unwrap();
    let message = &seen["choices"][0]["message"];
    assert_eq!((&message["content"], &message["reasoning_content"]), (&json!("Both:"), &json!("hm")));
    assert_eq!(seen["choices"][0]["finish_reason"], "tool_calls");
    assert_eq!(seen["usage"]["completion_tokens"], 6);
    let ids: Vec<&str> = message["tool_calls"].as_array().unwrap().iter().map(|call| call["id"].as_str().unwrap()).collect();
    assert!(ids.len() == 2 && ids[0] != ids[1] && ids.iter().all(|id| !id.is_empty()), "{ids:?}");
    assert_eq!(message["tool_calls"][1]["function"]["arguments"], "{}");
    let seen: Value = serde_json::from_slice(&messages::encode_response(&answer, &echo())).unwrap();
    let kinds: Vec<&str> = seen["content"].as_array().unwrap().iter().map(|block| block["type"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["thinking", "text", "thinking", "tool_use", "tool_use"]);
    assert_eq!((&seen["stop_reason"], &seen["content"][2]["signature"]), (&json!("tool_use"), &json!("gemini:c2ln")));
}

#[test]
fn several_candidates_are_as_many_choices() {
    let candidate =
        |index: Value, text: &str, reason: &str| json!({"content": {"parts": [{"text": text}]}, "finishReason": reason, "index": index});
    let call = json!({"content": {"parts": [{"functionCall": {"name": "f", "args": {"a": 1}}}]}, "finishReason": "STOP", "index": 2});
    let numbered = json!([candidate(json!(1), "two", "MAX_TOKENS"), candidate(json!(0), "one", "STOP"), call]);
    let bare =
        json!([candidate(Value::Null, "one", "STOP"), candidate(Value::Null, "two", "MAX_TOKENS"), candidate(Value::Null, "", "SAFETY")]);
    for (candidates, last) in [(numbered, "tool_calls"), (bare, "content_filter")] {
        let response = answered(&json!({"candidates": candidates, "usageMetadata": {"promptTokenCount": 1, "candidatesTokenCount": 2}}));
        let chat: Value = serde_json::from_slice(&causeway::wire::chat::encode_response(&response, &echo())).unwrap();
        let told = |name: &str| chat["choices"].as_array().unwrap().iter().map(|choice| choice[name].clone()).collect::<Vec<_>>();
        assert_eq!(told("index"), [0, 1, 2]);
        assert_eq!(told("finish_reason"), ["stop", "length", last]);
        assert_eq!((&chat["choices"][0]["message"]["content"], &chat["choices"][1]["message"]["content"]), (&json!("one"), &json!("two")));
        assert_eq!(chat["choices"][2]["message"]["tool_calls"][0]["function"]["name"].is_string(), last == "tool_calls");
        assert_eq!(chat["usage"]["total_tokens"], 3);
    }
}
