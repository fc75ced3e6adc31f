//! Callers of Google's dialect: their requests, and the answers they get from others.

use super::*;
use causeway::error::{Kind, Origin};
use causeway::wire::{Glance, Writer};

fn decoded(body: &Value) -> Request {
    decode_request(body.to_string().as_bytes()).unwrap_or_else(|error| panic!("{}", error.message))
}

fn complaint(body: &Value) -> String {
    decode_request(body.to_string().as_bytes()).unwrap_err().message
}

fn told_turns(request: &Request) -> Vec<String> {
    let line = |turn: &Turn| format!("{:?}: {}", turn.role, turn.parts.iter().map(told).collect::<Vec<_>>().join("; "));
    request.turns.iter().map(line).collect()
}

fn written(events: &[Event]) -> Vec<u8> {
    let mut writer = StreamWriter::new(echo());
    let mut out = Vec::new();
    events.iter().for_each(|event| writer.push(event, &mut out));
    out
}

fn chunks(bytes: &[u8]) -> Vec<Value> {
    let text = std::str::from_utf8(bytes).unwrap();
    text.split_terminator("\r\n\r\n").map(|frame| serde_json::from_str(frame.strip_prefix("data: ").unwrap()).unwrap()).collect()
}

fn encoded(response: &Response) -> Value {
    serde_json::from_slice(&encode_response(response, &echo())).unwrap()
}

fn answer(parts: Vec<Part>) -> Response {
    Response { id: "r".into(), model: "m".into(), parts, ..Response::default() }
}

#[test]
fn both_spellings_of_a_request_are_the_same_request() {
    let camel = json!({
        "systemInstruction": {"parts": [{"text": "Be brief."}]},
        "contents": [
            {"role": "user", "parts": [
                {"text": "Look"}, {"inlineData": {"mimeType": "image/png", "data": "AA"}},
                {"fileData": {"mimeType": "application/pdf", "fileUri": "gs://a"}},
            ]},
            {"role": "model", "parts": [{"functionCall": {"name": "f", "args": {"a": 1}}, "thoughtSignature": "c2ln"}]},
            {"role": "user", "parts": [{"functionResponse": {"name": "f", "response": {"output": "ok"}}}]},
        ],
        "tools": [{"functionDeclarations": [{"name": "f", "description": "d", "parametersJsonSchema": {"type": "object"}}]}, {"googleSearch": {}}],
        "toolConfig": {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["f"]}},
        "generationConfig": {
            "maxOutputTokens": 9, "temperature": 0.5, "topP": 0.9, "topK": 40.0, "seed": 7, "frequencyPenalty": 0.1, "presencePenalty": 0.2,
            "stopSequences": ["x"], "responseMimeType": "application/json", "responseJsonSchema": {"type": "object"}, "candidateCount": 1,
            "thinkingConfig": {"thinkingBudget": 512, "includeThoughts": true}, "responseModalities": ["TEXT"],
        },
        "safetySettings": [{"category": "C"}],
    });
    let snake = camel
        .to_string()
        .replace("systemInstruction", "system_instruction")
        .replace("inlineData", "inline_data")
        .replace("mimeType", "mime_type")
        .replace("fileData", "file_data")
        .replace("fileUri", "file_uri")
        .replace("functionCallingConfig", "function_calling_config")
        .replace("functionCall\"", "function_call\"")
        .replace("thoughtSignature", "thought_signature")
        .replace("functionResponse", "function_response")
        .replace("functionDeclarations", "function_declarations")
        .replace("parametersJsonSchema", "parameters_json_schema")
        .replace("toolConfig", "tool_config")
        .replace("allowedFunctionNames", "allowed_function_names")
        .replace("generationConfig", "generation_config")
        .replace("maxOutputTokens", "max_output_tokens")
        .replace("topP", "top_p")
        .replace("topK", "top_k")
        .replace("frequencyPenalty", "frequency_penalty")
        .replace("presencePenalty", "presence_penalty")
        .replace("stopSequences", "stop_sequences")
        .replace("responseMimeType", "response_mime_type")
        .replace("responseJsonSchema", "response_json_schema")
        .replace("candidateCount", "candidate_count")
        .replace("thinkingConfig", "thinking_config")
        .replace("thinkingBudget", "thinking_budget")
        .replace("includeThoughts", "include_thoughts")
        .replace("responseModalities", "response_modalities");
    let request = decoded(&camel);
    assert_eq!(format!("{:?}", decode_request(snake.as_bytes()).unwrap()), format!("{request:?}"));
    let turns = [
        "System: text Be brief.",
        r#"User: text Look; media Image Inline { media_type: "image/png", data: "AA" }; media Document Url("gs://a")"#,
        r#"Assistant: thinking |gemini:c2ln; call call_0 f {"a":1}"#,
        r#"User: result call_0 false ["text ok"]"#,
    ];
    assert_eq!(told_turns(&request), turns);
    assert_eq!(
        (request.max_tokens, request.top_k, request.seed, request.stop.as_slice()),
        (Some(9), Some(40), Some(7), &["x".to_owned()][..])
    );
    assert_eq!((request.temperature, request.top_p), (Some(0.5), Some(0.9)));
    assert_eq!(request.tool_choice, Some(ToolChoice::Function("f".into())));
    assert_eq!(request.reasoning, Some(Reasoning { effort: None, budget: Some(512) }));
    assert!(matches!(&request.format, Format::JsonSchema { schema, .. } if schema.get() == r#"{"type":"object"}"#));
    assert!(matches!(&request.tools[1], Tool::Native { kind, raw } if kind == "googleSearch" && raw.get() == r#"{"googleSearch":{}}"#));
    let extras: Vec<&str> = request.extras.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(extras, ["safetySettings"]);
    assert!(request.model.is_empty() && !request.stream);
}

#[test]
fn a_request_survives_the_way_in_and_out_of_its_own_dialect() {
    let body = json!({
        "contents": [
            {"role": "user", "parts": [{"text": "x"}, {"fileData": {"mimeType": "image/png", "fileUri": "https://a/b.png"}}]},
            {"role": "model", "parts": [
                {"text": "y", "thoughtSignature": "c2ln"},
                {"executableCode": {"language": "PYTHON", "code": "1"}},
                {"functionCall": {"name": "f", "args": {"a": 1}}, "thoughtSignature": "Y2FsbA=="},
                {"functionCall": {"name": "f", "args": {}}},
            ]},
            {"role": "user", "parts": [
                {"functionResponse": {"name": "f", "response": {"a": [1]}}},
                {"functionResponse": {"name": "f", "response": {"error": "no"}}},
            ]},
        ],
        "systemInstruction": {"parts": [{"text": "s"}]},
        "tools": [{"googleSearch": {}}, {"functionDeclarations": [{"name": "f", "parametersJsonSchema": {"type": "object"}, "behavior": "BLOCKING"}]}],
        "toolConfig": {"functionCallingConfig": {"mode": "AUTO"}, "retrievalConfig": {"languageCode": "de"}},
        "generationConfig": {
            "maxOutputTokens": 100, "stopSequences": ["a"], "mediaResolution": "MEDIA_RESOLUTION_LOW",
            "thinkingConfig": {"thinkingLevel": "low", "includeThoughts": true}, "responseModalities": ["TEXT", "IMAGE"],
        },
        "safetySettings": [{"category": "C", "threshold": "T"}], "cachedContent": "c", "labels": {"a": "b"},
    });
    let mut losses = Losses::default();
    let sent = encode_request(&decoded(&body), true, &Abilities::default(), &mut losses).unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&sent).unwrap(), body);
    assert!(losses.is_empty(), "{losses:?}");
}

#[test]
fn contents_come_in_many_forms() {
    let table = [
        (json!("hi"), vec!["User: text hi"]),
        (json!({"text": "hi"}), vec!["User: text hi"]),
        (json!({"parts": [{"text": "hi"}]}), vec!["User: text hi"]),
        (json!({"role": "user", "parts": {"text": "hi"}}), vec!["User: text hi"]),
        (
            json!(["a", {"text": "b"}, {"role": "model", "parts": [{"text": "c"}]}, "d"]),
            vec!["User: text a; text b", "Assistant: text c", "User: text d"],
        ),
        (
            json!([{"role": "model", "parts": [{"text": "h", "thought": true}, {"text": "m", "thought": true, "thoughtSignature": "c2ln"}, {"text": ""}]}]),
            vec!["Assistant: thinking hm|gemini:c2ln"],
        ),
    ];
    for (contents, expected) in table {
        assert_eq!(told_turns(&decoded(&json!({"contents": contents}))), expected);
    }
    for system in [json!("s"), json!({"text": "s"}), json!({"role": "user", "parts": [{"text": "s"}]}), json!([{"text": "s"}])] {
        assert_eq!(told_turns(&decoded(&json!({"contents": "hi", "systemInstruction": system})))[0], "System: text s");
    }
}

#[test]
fn bytes_in_the_alphabet_for_addresses_are_told_in_the_common_one() {
    let request = decoded(&json!({"contents": {"inlineData": {"mimeType": "image/png", "data": "-_8="}}}));
    assert_eq!(told_turns(&request), [r#"User: media Image Inline { media_type: "image/png", data: "+/8=" }"#]);
}

#[test]
fn results_are_tied_to_their_calls_by_id_or_by_name_and_order() {
    let request = decoded(&json!({"contents": [
        {"parts": [{"text": "x"}]},
        {"role": "model", "parts": [
            {"functionCall": {"name": "f"}}, {"functionCall": {"name": "g", "id": "own"}}, {"functionCall": {"name": "f"}},
        ]},
        {"role": "function", "parts": [
            {"functionResponse": {"name": "f", "response": {"result": "1"}}},
            {"functionResponse": {"name": "f", "id": "unknown", "response": {"a": 1, "result": "2"}}},
            {"functionResponse": {"name": "ignored", "id": "own", "response": {"error": {"code": 1}},
                "parts": [{"inlineData": {"mimeType": "image/png", "data": "AA"}}]}},
        ]},
        {"role": "model", "parts": [{"functionCall": {"name": "f"}}]},
        {"parts": [{"functionResponse": {"name": "f"}}]},
    ]}));
    let turns = told_turns(&request);
    assert_eq!(turns[1], "Assistant: call call_0 f ; call own g ; call call_2 f ");
    let expected = r#"User: result call_0 false ["text 1"]; result call_2 false ["text {\"a\":1,\"result\":\"2\"}"]; "#.to_owned()
        + r#"result own true ["text {\"code\":1}", "media Image Inline { media_type: \"image/png\", data: \"AA\" }"]"#;
    assert_eq!(turns[2], expected);
    assert_eq!(turns[4], r#"User: result call_3 false ["text "]"#);
}

#[test]
fn googles_schemas_become_json_schemas() {
    let own = json!({
        "type": "OBJECT", "description": "d", "propertyOrdering": ["a"], "required": ["a"],
        "properties": {
            "type": {"type": "STRING", "nullable": true, "format": "enum", "enum": ["x"]},
            "nullable": {"type": "ARRAY", "minItems": "1", "max_items": 3, "items": {"type": 3}},
            "c": {"any_of": [{"type": "NUMBER"}, {"type": "BOOLEAN"}], "nullable": true},
        },
        "additionalProperties": false,
    });
    let expected = json!({
        "type": "object", "description": "d", "required": ["a"],
        "properties": {
            "type": {"type": ["string", "null"], "format": "enum", "enum": ["x", null]},
            "nullable": {"type": "array", "minItems": 1, "maxItems": 3, "items": {"type": "integer"}},
            "c": {"anyOf": [{"type": "number"}, {"type": "boolean"}, {"type": "null"}]},
        },
        "additionalProperties": false,
    });
    let request = decoded(&json!({
        "contents": "x", "tools": {"functionDeclarations": [{"name": "f", "parameters": own}]},
        "generationConfig": {"responseMimeType": "application/json", "responseSchema": own},
    }));
    let Tool::Function { parameters: Some(parameters), .. } = &request.tools[0] else { panic!("{:?}", request.tools) };
    let Format::JsonSchema { schema, .. } = &request.format else { panic!("{:?}", request.format) };
    for schema in [parameters, schema] {
        assert_eq!(serde_json::from_str::<Value>(schema.get()).unwrap(), expected);
    }
    let ordered = br#"{"contents":"x","tools":[{"functionDeclarations":[{"name":"f","parameters":{"type":"OBJECT","properties":{"z":{"type":"NUMBER","minimum":1.0},"a":{}}}}]}]}"#;
    let request = decode_request(ordered).unwrap();
    let Tool::Function { parameters: Some(parameters), .. } = &request.tools[0] else { panic!("{:?}", request.tools) };
    assert_eq!(parameters.get(), r#"{"type":"object","properties":{"z":{"type":"number","minimum":1.0},"a":{}}}"#);
}

#[test]
fn choices_and_thinking_are_understood() {
    let function = |name: &str| json!({"name": name});
    let tools = json!([{"functionDeclarations": [function("f"), function("g"), function("h")]}]);
    let table = [
        (json!({"mode": "AUTO"}), Some(ToolChoice::Auto), 3),
        (json!({"mode": "any"}), Some(ToolChoice::Required), 3),
        (json!({"mode": 2}), Some(ToolChoice::Required), 3),
        (json!({"mode": "NONE"}), Some(ToolChoice::None), 3),
        (json!({"mode": "VALIDATED"}), Some(ToolChoice::Auto), 3),
        (json!({"mode": "ANY", "allowedFunctionNames": ["g"]}), Some(ToolChoice::Function("g".into())), 3),
        (json!({"mode": "ANY", "allowedFunctionNames": ["g", "h"]}), Some(ToolChoice::Required), 2),
        (json!({}), None, 3),
    ];
    for (config, choice, count) in table {
        let request = decoded(&json!({"contents": "x", "tools": tools, "toolConfig": {"functionCallingConfig": config}}));
        assert_eq!((request.tool_choice, request.tools.len()), (choice, count));
    }
    let effort = |effort| Some(Reasoning { effort: Some(effort), budget: None });
    let table = [
        (json!({"thinkingBudget": 0}), effort(Effort::None)),
        (json!({"thinkingBudget": -1}), Some(Reasoning::default())),
        (json!({"includeThoughts": true}), Some(Reasoning::default())),
        (json!({"includeThoughts": false}), None),
        (json!({"thinkingLevel": "HIGH"}), effort(Effort::High)),
        (json!({"thinkingLevel": "minimal", "includeThoughts": true}), effort(Effort::Minimal)),
        (json!({}), None),
    ];
    for (config, expected) in table {
        assert_eq!(decoded(&json!({"contents": "x", "generationConfig": {"thinkingConfig": config}})).reasoning, expected);
    }
}

#[test]
fn a_mistaken_request_is_told_what_to_change() {
    let table = [
        (json!({}), "contents: Field required"),
        (json!({"contents": []}), "contents: at least one"),
        (json!({"contents": [{"role": "assistant", "parts": []}]}), "contents.0.role: expected"),
        (json!({"contents": [{"parts": [{"words": null}]}]}), "contents.0.parts.0: expected a part"),
        (
            json!({"contents": [{"parts": [{"functionCall": {"name": "f", "args": []}}]}]}),
            "contents.0.parts.0.functionCall.args: expected an object",
        ),
        (json!({"contents": [{"parts": [{"functionResponse": {"name": "f"}}]}]}), "no call of \"f\""),
        (json!({"contents": [{"parts": [{"inlineData": {"data": "AA"}}]}]}), "contents.0.parts.0.inlineData.mimeType: Field required"),
        (json!({"contents": "x", "generationConfig": {"topP": "much"}}), "generationConfig.topP: expected a number"),
        (json!({"contents": "x", "generationConfig": {"candidateCount": 2}}), "generationConfig.candidateCount"),
        (
            json!({"contents": "x", "generationConfig": {"thinkingConfig": {"thinkingLevel": "deep"}}}),
            "generationConfig.thinkingConfig.thinkingLevel",
        ),
        (json!({"contents": "x", "tools": [{"functionDeclarations": [{}]}]}), "tools.0.functionDeclarations.0.name: Field required"),
        (json!({"contents": "x", "toolConfig": {"functionCallingConfig": {"mode": "MAYBE"}}}), "toolConfig.functionCallingConfig.mode"),
        (json!([]), "expected an object"),
    ];
    for (body, expected) in table {
        let message = complaint(&body);
        assert!(message.contains(expected), "{message} is not about {expected}");
    }
}

#[test]
fn an_answer_of_another_dialect_is_googles_whole_and_streamed() {
    let citation = Citation { url: Some("https://a".into()), title: Some("A".into()), range: Some((0, 2)), ..Citation::default() };
    let response = Response {
        finish: Finish { reason: Reason::ToolCalls, raw: Some("tool_use".into()), stop_sequence: None },
        usage: Some(Usage { input: 10, output: 7, cache_read: Some(3), reasoning: Some(2), ..Usage::default() }),
        ..answer(vec![
            thinking("hm", Some("anthropics")),
            Part::Text(Text { text: "üß ok".into(), citations: vec![citation], cache: None }),
            thinking("", Some("gemini:c2ln")),
            call("c1", "f", r#"{"z": 1.10}"#),
            call("", "g", ""),
            media(MediaKind::Image, inline("image/png", "AA")),
        ])
    };
    let whole = encoded(&response);
    let parts = json!([
        {"text": "hm", "thought": true, "thoughtSignature": "Y2F1c2V3YXk6YW50aHJvcGljcw=="},
        {"text": "üß ok"},
        {"functionCall": {"id": "c1", "name": "f", "args": {"z": 1.10}}, "thoughtSignature": "c2ln"},
        {"functionCall": {"id": "call_nonce_1", "name": "g", "args": {}}},
        {"inlineData": {"mimeType": "image/png", "data": "AA"}},
    ]);
    assert_eq!(whole["candidates"][0]["content"], json!({"role": "model", "parts": parts}));
    assert_eq!((&whole["candidates"][0]["finishReason"], &whole["candidates"][0]["index"]), (&json!("STOP"), &json!(0)));
    let usage = json!({"promptTokenCount": 10, "candidatesTokenCount": 5, "totalTokenCount": 17, "cachedContentTokenCount": 3, "thoughtsTokenCount": 2});
    assert_eq!(whole["usageMetadata"], usage);
    let grounding = json!({
        "groundingChunks": [{"web": {"uri": "https://a", "title": "A"}}],
        "groundingSupports": [{"segment": {"startIndex": 0, "endIndex": 4, "text": "üß"}, "groundingChunkIndices": [0]}],
    });
    assert_eq!(whole["candidates"][0]["groundingMetadata"], grounding);
    assert_eq!((&whole["modelVersion"], &whole["responseId"]), (&json!("m"), &json!("r")));

    let bytes = written(&response.clone().into_events());
    let told = chunks(&bytes);
    let streamed_parts: Vec<Value> =
        told.iter().flat_map(|chunk| chunk["candidates"][0]["content"]["parts"].as_array().unwrap().clone()).collect();
    let mut expected = parts.as_array().unwrap().clone();
    expected[0] = json!({"text": "hm", "thought": true});
    expected.insert(1, json!({"text": "", "thought": true, "thoughtSignature": "Y2F1c2V3YXk6YW50aHJvcGljcw=="}));
    expected.push(json!({"text": ""}));
    assert_eq!(streamed_parts, expected);
    let end = told.last().unwrap();
    assert_eq!((&end["usageMetadata"], &end["candidates"][0]["groundingMetadata"]), (&usage, &grounding));
    assert!(told.iter().all(|chunk| chunk["responseId"] == "r" && chunk["modelVersion"] == "m"));
    assert_eq!(told.iter().filter(|chunk| chunk["candidates"][0].get("finishReason").is_some()).count(), 1);
    assert!(!String::from_utf8(bytes).unwrap().contains("[DONE]"));
}

#[test]
fn thinking_of_any_provider_comes_back_as_it_was() {
    let redacted = Part::Thinking(Thinking { redacted: Some("data".into()), ..Thinking::default() });
    let table = [
        vec![thinking("hm", Some("anthropics+/==")), redacted, Part::text("x"), call("1", "f", "{}")],
        vec![thinking("", Some("anthropics")), call("1", "f", "{}")],
        vec![thinking("", Some("anthropics")), Part::text("x")],
        vec![thinking("hm", Some("gemini:c2ln")), call("1", "f", "{}"), call("2", "f", "{}")],
        vec![thinking("a", Some("responses:x")), thinking("b", Some("responses:y")), Part::text("x")],
    ];
    for parts in table {
        let expected = parts.iter().map(told).collect::<Vec<_>>().join("; ");
        let response = answer(parts);
        let whole = encoded(&response)["candidates"][0]["content"].clone();
        let streamed = chunks(&written(&response.into_events()));
        let pieces: Vec<Value> =
            streamed.iter().flat_map(|chunk| chunk["candidates"][0]["content"]["parts"].as_array().unwrap().clone()).collect();
        for content in [whole, json!({"role": "model", "parts": pieces})] {
            assert_eq!(told_turns(&decoded(&json!({"contents": ["x", content]})))[1], format!("Assistant: {expected}"));
        }
    }
}

#[test]
fn every_reason_and_error_has_googles_word() {
    let table = [
        (Reason::Stop, Some("end_turn"), "STOP"),
        (Reason::ToolCalls, None, "STOP"),
        (Reason::Length, Some("length"), "MAX_TOKENS"),
        (Reason::Filtered, Some("content_filter"), "SAFETY"),
        (Reason::Filtered, Some("RECITATION"), "RECITATION"),
        (Reason::Stop, Some("MALFORMED_FUNCTION_CALL"), "MALFORMED_FUNCTION_CALL"),
        (Reason::Refusal, Some("refusal"), "SAFETY"),
        (Reason::Pause, None, "STOP"),
    ];
    for (reason, raw, expected) in table {
        let finish = Finish { reason, raw: raw.map(str::to_owned), stop_sequence: None };
        assert_eq!(encoded(&Response { finish, ..answer(vec![]) })["candidates"][0]["finishReason"], expected);
    }
    let table = [
        (Kind::Invalid, 400, "INVALID_ARGUMENT"),
        (Kind::Unauthenticated, 401, "UNAUTHENTICATED"),
        (Kind::Forbidden, 403, "PERMISSION_DENIED"),
        (Kind::NotFound, 404, "NOT_FOUND"),
        (Kind::TooLarge, 413, "INVALID_ARGUMENT"),
        (Kind::RateLimited, 429, "RESOURCE_EXHAUSTED"),
        (Kind::Exhausted, 402, "RESOURCE_EXHAUSTED"),
        (Kind::Failed, 500, "INTERNAL"),
        (Kind::Unreachable, 502, "UNAVAILABLE"),
        (Kind::Overloaded, 529, "UNAVAILABLE"),
        (Kind::TimedOut, 504, "DEADLINE_EXCEEDED"),
    ];
    for (kind, status, word) in table {
        let error = Error::new(Origin::Upstream, kind, status, "words");
        let body = encode_error(&error);
        assert_eq!(serde_json::from_slice::<Value>(&body).unwrap(), json!({"error": {"code": status, "message": "words", "status": word}}));
        assert!(is_own_error(&body));
        assert_eq!(written(&[Event::Error(error)]), [b"data: ", body.as_slice(), b"\r\n\r\n"].concat());
    }
    for foreign in [
        r#"{"error":{"message":"m","type":"t","param":null,"code":null}}"#,
        r#"{"type":"error","error":{"type":"t","message":"m"}}"#,
        "no",
        "{}",
    ] {
        assert!(!is_own_error(foreign.as_bytes()), "{foreign}");
    }
}

#[test]
fn a_passing_answer_is_counted() {
    let mut end = last(json!([{"text": "bcd"}, {"functionCall": {"name": "f", "args": {}}}]), "STOP");
    end["usageMetadata"] = json!({"promptTokenCount": 3, "candidatesTokenCount": 2});
    let bytes = stream(&[chunk(json!([{"text": "a", "thought": true}])), end.clone()]);
    let mut glance = Glance::default();
    let mut parser = sse::Parser::default();
    parser.push(&bytes, &mut |frame| glance_frame(&frame, &mut glance));
    let usage = Some(Usage { input: 3, output: 2, ..Usage::default() });
    assert_eq!(glance, Glance { usage, produced: 6, finished: true, failed: false });
    assert_eq!(glance_response(end.to_string().as_bytes()).unwrap(), Glance { usage, produced: 5, finished: true, failed: false });
    let mut glance = Glance::default();
    let fault = json!({"error": {"code": 500, "message": "m"}}).to_string();
    glance_frame(&sse::Frame { event: None, data: fault.as_bytes() }, &mut glance);
    assert!(glance.failed && !glance.finished);
    assert!(glance_response(b"{}").is_err());
}

#[test]
fn a_tool_loop_goes_from_a_google_caller_to_other_dialects_and_back() {
    let body = json!({"contents": [
        {"role": "user", "parts": [{"text": "x"}]},
        {"role": "model", "parts": [{"functionCall": {"name": "f", "args": {"a": 1}}}, {"functionCall": {"name": "f", "args": {"a": 2}}}]},
        {"role": "user", "parts": [
            {"functionResponse": {"name": "f", "response": {"result": "1"}}}, {"functionResponse": {"name": "f", "response": {"result": "2"}}},
        ]},
    ], "tools": [{"functionDeclarations": [{"name": "f", "parameters": {"type": "OBJECT", "properties": {"a": {"type": "INTEGER"}}}}]}]});
    let request = Request { model: "m".into(), max_tokens: Some(100), ..decoded(&body) };
    let sent = chat::encode_request(&request, false, &Abilities::default(), &mut Losses::default()).unwrap();
    let sent: Value = serde_json::from_slice(&sent).unwrap();
    assert_eq!(sent["messages"][1]["tool_calls"][1]["id"], sent["messages"][3]["tool_call_id"]);
    assert_eq!(sent["messages"][3]["content"], "2");
    assert_eq!(sent["tools"][0]["function"]["parameters"]["properties"]["a"]["type"], "integer");
    let sent = messages::encode_request(&request, false, &Abilities::default(), &mut Losses::default()).unwrap();
    let sent: Value = serde_json::from_slice(&sent).unwrap();
    assert_eq!(sent["messages"][1]["content"][1]["id"], sent["messages"][2]["content"][1]["tool_use_id"]);
}
