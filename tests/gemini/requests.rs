//! Requests on their way to Google.

use super::*;

/// A chat caller's request as Google gets it.
fn of_chat(body: &Value, abilities: Abilities) -> (Value, Vec<String>) {
    translated(&chat::decode_request(body.to_string().as_bytes()).unwrap(), abilities)
}

fn contents(turns: Vec<Turn>) -> Value {
    translated(&asking(turns), budgeted()).0["contents"].clone()
}

fn user(text: &str) -> Turn {
    turn(Role::User, vec![Part::text(text)])
}

#[test]
fn a_chat_conversation_with_all_its_knobs_is_told_in_googles_words() {
    let body = json!({
        "model": "m", "stream": true,
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": [
                {"type": "text", "text": "Look"},
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
                {"type": "input_audio", "input_audio": {"format": "wav", "data": "BBBB"}},
            ]},
            {"role": "developer", "content": "Be kind."},
            {"role": "assistant", "content": "I see"},
            {"role": "user", "content": "Go"},
            {"role": "user", "content": "on"},
        ],
        "tools": [
            {"type": "function", "function": {"name": "f", "description": "d", "parameters": {"type": "object", "$defs": {"a": {}}}, "strict": true}},
            {"type": "function", "function": {"name": "g"}},
        ],
        "max_tokens": 100, "temperature": 0.5, "top_p": 0.9, "top_k": 3, "seed": 7, "frequency_penalty": 0.1, "presence_penalty": 0.2,
        "stop": ["1", "2", "3", "4", "5", "6"], "user": "u", "parallel_tool_calls": false, "logit_bias": {"1": 2}, "n": 1,
        "response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "object"}}},
    });
    let (sent, lost) = of_chat(&body, budgeted());
    let expected = json!({
        "contents": [
            {"role": "user", "parts": [
                {"text": "Look"},
                {"inlineData": {"mimeType": "image/png", "data": "AAAA"}},
                {"inlineData": {"mimeType": "audio/wav", "data": "BBBB"}},
            ]},
            {"role": "model", "parts": [{"text": "I see"}]},
            {"role": "user", "parts": [{"text": "Go"}, {"text": "on"}]},
        ],
        "systemInstruction": {"parts": [{"text": "Be brief."}, {"text": "Be kind."}]},
        "tools": [{"functionDeclarations": [
            {"name": "f", "description": "d", "parametersJsonSchema": {"type": "object", "$defs": {"a": {}}}},
            {"name": "g"},
        ]}],
        "generationConfig": {
            "maxOutputTokens": 100, "temperature": 0.5, "topP": 0.9, "topK": 3, "stopSequences": ["1", "2", "3", "4", "5"],
            "seed": 7, "frequencyPenalty": 0.1, "presencePenalty": 0.2,
            "responseMimeType": "application/json", "responseJsonSchema": {"type": "object"},
        },
    });
    assert_eq!(sent, expected);
    assert_eq!(lost, ["strict", "stop", "parallel_tool_calls", "user", "logit_bias"]);
}

#[test]
fn schemas_and_arguments_keep_their_bytes() {
    let body = br#"{"messages":[{"role":"user","content":"x"},
        {"role":"assistant","tool_calls":[{"id":"1","type":"function","function":{"name":"f","arguments":"{\"z\": 1.10, \"a\": [1e2]}"}}]}],
        "tools":[{"type":"function","function":{"name":"f","parameters":{"z": 1.0, "a": {"$ref": "b"}}}}],
        "response_format":{"type":"json_schema","json_schema":{"name":"n","schema":{"y": {}, "x": 1e1}}}}"#;
    let request = chat::decode_request(body).unwrap();
    let sent = String::from_utf8(encode_request(&request, false, &budgeted(), &mut Losses::default()).unwrap()).unwrap();
    for exact in [
        r#""args":{"z": 1.10, "a": [1e2]}"#,
        r#""parametersJsonSchema":{"z": 1.0, "a": {"$ref": "b"}}"#,
        r#""responseJsonSchema":{"y": {}, "x": 1e1}"#,
    ] {
        assert!(sent.contains(exact), "{exact} is not in {sent}");
    }
}

#[test]
fn instructions_alone_are_asked_as_a_question() {
    let (sent, _) = of_chat(&json!({"messages": [{"role": "developer", "content": "Hello"}]}), budgeted());
    assert_eq!(sent, json!({"contents": [{"role": "user", "parts": [{"text": "Hello"}]}]}));
}

#[test]
fn every_choice_of_tools_has_its_mode() {
    let table = [
        (json!("auto"), json!({"mode": "AUTO"})),
        (json!("required"), json!({"mode": "ANY"})),
        (json!("none"), json!({"mode": "NONE"})),
        (json!({"type": "function", "function": {"name": "f"}}), json!({"mode": "ANY", "allowedFunctionNames": ["f"]})),
    ];
    for (choice, expected) in table {
        let body = json!({"messages": [{"role": "user", "content": "x"}], "tool_choice": choice,
            "tools": [{"type": "function", "function": {"name": "f"}}]});
        assert_eq!(of_chat(&body, budgeted()).0["toolConfig"]["functionCallingConfig"], expected);
    }
}

#[test]
fn thinking_is_asked_for_as_the_model_takes_it() {
    let effort = |effort| Reasoning { effort: Some(effort), budget: None };
    let budget = |tokens| Reasoning { effort: None, budget: Some(tokens) };
    let table = [
        (ThinkingStyle::Effort, effort(Effort::Minimal), json!({"thinkingLevel": "minimal", "includeThoughts": true})),
        (ThinkingStyle::Effort, effort(Effort::Medium), json!({"thinkingLevel": "medium", "includeThoughts": true})),
        (ThinkingStyle::Effort, effort(Effort::XHigh), json!({"thinkingLevel": "high", "includeThoughts": true})),
        (ThinkingStyle::Effort, budget(1_500), json!({"thinkingLevel": "low", "includeThoughts": true})),
        (ThinkingStyle::Effort, Reasoning::default(), json!({"includeThoughts": true})),
        (ThinkingStyle::Effort, effort(Effort::None), json!({"thinkingBudget": 0})),
        (ThinkingStyle::Budget, effort(Effort::None), json!({"thinkingBudget": 0})),
        (ThinkingStyle::Budget, effort(Effort::Low), json!({"thinkingBudget": 1_024, "includeThoughts": true})),
        (ThinkingStyle::Budget, effort(Effort::Max), json!({"thinkingBudget": 7_500, "includeThoughts": true})),
        (ThinkingStyle::Budget, budget(777), json!({"thinkingBudget": 777, "includeThoughts": true})),
        (ThinkingStyle::Budget, Reasoning::default(), json!({"thinkingBudget": -1, "includeThoughts": true})),
        (ThinkingStyle::None, effort(Effort::High), Value::Null),
    ];
    for (style, reasoning, expected) in table {
        let request = Request { reasoning: Some(reasoning), max_tokens: Some(10_000), ..asking(vec![user("x")]) };
        let (sent, lost) = translated(&request, Abilities { thinking: style, ..Abilities::default() });
        assert_eq!(sent["generationConfig"]["thinkingConfig"], expected, "{style:?} {reasoning:?}");
        assert_eq!(lost.is_empty(), style != ThinkingStyle::None);
    }
}

#[test]
fn a_model_that_cannot_stop_thinking_thinks_the_least_it_can_and_the_loss_is_named() {
    let table = [
        ("gemini-2.5-pro", Effort::None, json!({"thinkingBudget": 128}), true),
        ("gemini-2.5-flash", Effort::None, json!({"thinkingBudget": 0}), false),
        ("gemini-3-pro-preview", Effort::None, json!({"thinkingLevel": "low"}), true),
        ("gemini-3-pro-preview", Effort::Minimal, json!({"thinkingLevel": "low", "includeThoughts": true}), false),
        ("gemini-3-flash-preview", Effort::None, json!({"thinkingLevel": "minimal"}), true),
        ("gemini-2.0-flash", Effort::None, Value::Null, false),
    ];
    for (model, effort, expected, lossy) in table {
        let reasoning = Some(Reasoning { effort: Some(effort), budget: None });
        let request = Request { reasoning, ..asking(vec![user("x")]) };
        let (sent, lost) = translated(&request, causeway::providers::models::abilities(causeway::wire::Dialect::Gemini, model));
        assert_eq!(sent["generationConfig"]["thinkingConfig"], expected, "{model}");
        assert_eq!(lost, if lossy { vec!["reasoning_effort"] } else { vec![] }, "{model}");
    }
}

#[test]
fn results_stand_together_in_the_order_of_their_calls_under_their_names() {
    let image = media(MediaKind::Image, inline("image/png", "AAAA"));
    let turns = vec![
        user("x"),
        turn(Role::Assistant, vec![call("1", "f", ""), call("2", "g", r#"{"a":1}"#), call("3", "f", "{}"), call("4", "h", "{}")]),
        turn(Role::User, vec![result("3", vec![Part::text("third"), image], false)]),
        turn(Role::User, vec![Part::text("and?"), result("1", vec![Part::text(r#"{"b": 1.0}"#)], false)]),
        turn(Role::User, vec![result("2", vec![Part::text("no")], true), result("4", vec![Part::text("[1]")], false)]),
    ];
    let calls = json!([
        {"functionCall": {"name": "f", "args": {}}}, {"functionCall": {"name": "g", "args": {"a": 1}}},
        {"functionCall": {"name": "f", "args": {}}}, {"functionCall": {"name": "h", "args": {}}},
    ]);
    let sent = contents(turns.clone());
    assert_eq!(sent[1], json!({"role": "model", "parts": calls}));
    let results = json!({"role": "user", "parts": [
        {"functionResponse": {"name": "f", "response": {"b": 1.0}}},
        {"functionResponse": {"name": "g", "response": {"error": "no"}}},
        {"functionResponse": {"name": "f", "response": {"result": "third"}}},
        {"functionResponse": {"name": "h", "response": {"result": [1]}}},
        {"inlineData": {"mimeType": "image/png", "data": "AAAA"}},
        {"text": "and?"},
    ]});
    assert_eq!(sent[2], results);
    let nested = translated(&asking(turns), Abilities::default()).0["contents"][2]["parts"][2]["functionResponse"]["parts"].clone();
    assert_eq!(nested, json!([{"inlineData": {"mimeType": "image/png", "data": "AAAA"}}]));
}

#[test]
fn proofs_return_to_the_parts_they_prove() {
    let text = || Part::text("said");
    let proof = |letter: &str| thinking("", Some(&format!("gemini:{letter}")));
    let f = || call("1", "f", "{}");
    let table = [
        (vec![text(), proof("a")], "text:a"),
        (vec![proof("a"), f(), f()], "call:a call"),
        (vec![text(), proof("a"), f()], "text call:a"),
        (vec![text(), proof("a"), proof("b"), f()], "text:a call:b"),
        (vec![proof("a"), proof("b"), text(), f()], "text:a call:b"),
        (vec![proof("a"), text(), f()], "text call:a"),
        (vec![proof("a"), f(), proof("b"), f()], "call:a call:b"),
        (vec![proof("a"), proof("b"), f(), f()], "call:a call:b"),
        (vec![thinking("hm", Some("gemini:a")), text()], "text:a"),
        (vec![thinking("hm", Some("anthropics")), thinking("hm", None), text(), f()], "text call"),
        (vec![thinking("hm", Some("responses:x")), text()], "text"),
        (vec![Part::text(""), text(), Part::text(""), proof("a")], "text text:a"),
    ];
    for (parts, expected) in table {
        let sent = contents(vec![user("x"), turn(Role::Assistant, parts)]);
        let told = sent[1]["parts"].as_array().unwrap().iter().map(|part| {
            let kind = if part.get("functionCall").is_some() { "call" } else { "text" };
            part["thoughtSignature"].as_str().map_or_else(|| kind.to_owned(), |proof| format!("{kind}:{proof}"))
        });
        assert_eq!(told.collect::<Vec<_>>().join(" "), expected);
    }
}

#[test]
fn calls_of_the_loop_that_goes_on_are_excused_where_a_proof_is_demanded() {
    let round = |id: &str, proof: Option<&str>| {
        let proof = proof.map(|proof| thinking("", Some(proof)));
        let calls = proof.into_iter().chain([call(id, "f", ""), call("other", "f", "")]).collect();
        [turn(Role::Assistant, calls), turn(Role::User, vec![result(id, vec![], false), result("other", vec![], false)])]
    };
    let turns: Vec<Turn> = [user("x")]
        .into_iter()
        .chain(round("1", None))
        .chain([turn(Role::Assistant, vec![Part::text("done")]), user("y")])
        .chain(round("2", None))
        .chain(round("3", Some("gemini:p")))
        .collect();
    let proofs = |abilities| -> Vec<Vec<Option<String>>> {
        let sent = translated(&asking(turns.clone()), abilities).0;
        let calls = |content: &Value| -> Vec<Option<String>> {
            let calls = content["parts"].as_array().unwrap().iter().filter(|part| part.get("functionCall").is_some());
            calls.map(|part| part["thoughtSignature"].as_str().map(str::to_owned)).collect()
        };
        sent["contents"].as_array().unwrap().iter().map(calls).filter(|calls| !calls.is_empty()).collect()
    };
    let skip = Some("skip_thought_signature_validator".to_owned());
    let own = Some("p".to_owned());
    assert_eq!(proofs(Abilities::default()), [[None, None], [skip, None], [own.clone(), None]]);
    assert_eq!(proofs(budgeted()), [[None, None], [None, None], [own, None]]);
}

#[test]
fn media_is_sent_as_bytes_or_by_its_address() {
    let table = [
        (MediaKind::Image, inline("image/jpg", "AA"), json!({"inlineData": {"mimeType": "image/jpeg", "data": "AA"}})),
        (MediaKind::Document, inline("application/pdf", "AA"), json!({"inlineData": {"mimeType": "application/pdf", "data": "AA"}})),
        (
            MediaKind::Image,
            Source::Url("https://a.b/c.PNG?d=e.gif".into()),
            json!({"fileData": {"mimeType": "image/png", "fileUri": "https://a.b/c.PNG?d=e.gif"}}),
        ),
        (
            MediaKind::Image,
            Source::Url("https://a.b/c".into()),
            json!({"fileData": {"mimeType": "image/jpeg", "fileUri": "https://a.b/c"}}),
        ),
        (MediaKind::Document, Source::Url("gs://a/b.csv".into()), json!({"fileData": {"mimeType": "text/csv", "fileUri": "gs://a/b.csv"}})),
        (
            MediaKind::Document,
            Source::Url("https://a.b".into()),
            json!({"fileData": {"mimeType": "application/pdf", "fileUri": "https://a.b"}}),
        ),
        (
            MediaKind::Document,
            Source::File("files/x".into()),
            json!({"fileData": {"mimeType": "application/pdf", "fileUri": "https://generativelanguage.googleapis.com/v1beta/files/x"}}),
        ),
        (MediaKind::Document, Source::Text("plain".into()), json!({"text": "plain"})),
    ];
    for (kind, source, expected) in table {
        assert_eq!(contents(vec![turn(Role::User, vec![media(kind, source)])])[0]["parts"][0], expected);
    }
}

#[test]
fn content_that_cannot_be_sent_is_refused_with_its_reason() {
    let native = Part::Native(Native { kind: "server_tool_use".into(), raw: serde_json::value::to_raw_value(&json!({})).unwrap() });
    let table = [
        (vec![], "at least one message"),
        (vec![user("")], "at least one message"),
        (vec![turn(Role::System, vec![media(MediaKind::Image, inline("image/png", "A"))])], "text only"),
        (vec![turn(Role::User, vec![native.clone()])], "server_tool_use"),
        (vec![turn(Role::User, vec![media(MediaKind::Document, Source::File("file-1".into()))])], "file-1"),
        (vec![turn(Role::User, vec![result("9", vec![], false)])], "the call \"9\""),
        (vec![turn(Role::User, vec![call("1", "f", "")])], "cannot hold a tool call"),
        (vec![turn(Role::Assistant, vec![call("1", "f", "[]")])], "not a JSON object"),
        (
            vec![turn(Role::Assistant, vec![call("1", "f", "")]), turn(Role::User, vec![result("1", vec![native], false)])],
            "server_tool_use",
        ),
    ];
    for (turns, expected) in table {
        let message = refused(&asking(turns));
        assert!(message.contains(expected), "{message}");
    }
    let raw = |value: Value| serde_json::value::to_raw_value(&value).unwrap();
    for (name, value) in [("n", json!(2)), ("modalities", json!(["text", "audio"])), ("audio", json!({}))] {
        let request = Request { extras: vec![(name.into(), raw(value))], stream: true, ..asking(vec![user("x")]) };
        assert!(refused(&request).starts_with(name));
    }
    let several = Request { extras: vec![("n".into(), raw(json!(2)))], ..asking(vec![user("x")]) };
    assert_eq!(translated(&several, Abilities::default()).0["generationConfig"]["candidateCount"], 2);
    let tool = Tool::Native { kind: "web_search".into(), raw: raw(json!({})) };
    assert!(refused(&Request { tools: vec![tool], ..asking(vec![user("x")]) }).contains("web_search"));
}

#[test]
fn a_turn_of_which_nothing_is_left_parts_its_neighbours_no_more() {
    let sent = contents(vec![user("x"), turn(Role::Assistant, vec![thinking("hm", None), Part::text("")]), user("y")]);
    assert_eq!(sent, json!([{"role": "user", "parts": [{"text": "x"}, {"text": "y"}]}]));
}

#[test]
fn a_seed_that_does_not_fit_is_named() {
    for (seed, expected, lost) in [(7, json!(7), vec![]), (1 << 40, Value::Null, vec!["seed"])] {
        let (sent, losses) = translated(&Request { seed: Some(seed), ..asking(vec![user("x")]) }, budgeted());
        assert_eq!((&sent["generationConfig"]["seed"], losses), (&expected, lost.into_iter().map(str::to_owned).collect()));
    }
}

/// Google's answer to a call, streamed: a thought, some text, two calls of which the first is proven.
fn proven_answer() -> Response {
    let chunks = [
        chunk(json!([{"text": "hm", "thought": true}])),
        chunk(json!([{"text": "Both:"}])),
        chunk(json!([{"functionCall": {"name": "f", "args": {"a": 1}}, "thoughtSignature": "c2ln"}])),
        last(json!([{"functionCall": {"name": "f", "args": {"a": 2}}}]), "STOP"),
    ];
    streamed(&stream(&chunks)).unwrap()
}

fn expected_loop() -> Value {
    json!([
        {"role": "user", "parts": [{"text": "x"}]},
        {"role": "model", "parts": [
            {"text": "Both:"},
            {"functionCall": {"name": "f", "args": {"a": 1}}, "thoughtSignature": "c2ln"},
            {"functionCall": {"name": "f", "args": {"a": 2}}},
        ]},
        {"role": "user", "parts": [
            {"functionResponse": {"name": "f", "response": {"result": "1"}}},
            {"functionResponse": {"name": "f", "response": {"result": "2"}}},
        ]},
    ])
}

#[test]
fn a_chat_caller_can_go_on_with_a_tool_loop() {
    let seen: Value = serde_json::from_slice(&chat::encode_response(&proven_answer(), &echo())).unwrap();
    let message = &seen["choices"][0]["message"];
    let result = |at: usize| json!({"role": "tool", "tool_call_id": message["tool_calls"][at]["id"], "content": (at + 1).to_string()});
    let body = json!({"messages": [{"role": "user", "content": "x"}, message, result(1), result(0)]});
    assert_eq!(of_chat(&body, Abilities::default()).0["contents"], expected_loop());
}

#[test]
fn a_messages_caller_can_go_on_with_a_tool_loop() {
    let seen: Value = serde_json::from_slice(&messages::encode_response(&proven_answer(), &echo())).unwrap();
    let calls = seen["content"].as_array().unwrap().iter().filter(|block| block["type"] == "tool_use");
    let result = |(at, call): (usize, &Value)| json!({"type": "tool_result", "tool_use_id": call["id"], "content": (at + 1).to_string()});
    let results: Vec<Value> = calls.enumerate().map(result).collect();
    let body = json!({"model": "m", "max_tokens": 9, "messages": [
        {"role": "user", "content": "x"}, {"role": "assistant", "content": seen["content"]}, {"role": "user", "content": results},
    ]});
    let request = messages::decode_request(body.to_string().as_bytes()).unwrap();
    assert_eq!(translated(&request, Abilities::default()).0["contents"], expected_loop());
}

#[test]
fn a_messages_request_is_told_in_googles_words() {
    let body = json!({
        "model": "m", "max_tokens": 9000, "system": [{"type": "text", "text": "s", "cache_control": {"type": "ephemeral"}}],
        "messages": [
            {"role": "user", "content": [
                {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": "AA"}, "title": "t"},
                {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "plain"}},
                {"type": "image", "source": {"type": "url", "url": "https://a/b.webp"}},
                {"type": "text", "text": "x"},
            ]},
            {"role": "assistant", "content": [
                {"type": "thinking", "thinking": "hm", "signature": "anthropics"},
                {"type": "tool_use", "id": "1", "name": "f", "input": {}},
            ]},
            {"role": "user", "content": [
                {"type": "tool_result", "tool_use_id": "1", "is_error": true, "content": [{"type": "text", "text": "no"}]}, {"type": "text", "text": "y"},
            ]},
        ],
        "tools": [{"name": "f", "input_schema": {"type": "object", "properties": {}}}],
        "tool_choice": {"type": "any", "disable_parallel_tool_use": true}, "stop_sequences": ["z"], "metadata": {"user_id": "u"},
        "thinking": {"type": "enabled", "budget_tokens": 2000},
    });
    let request = messages::decode_request(body.to_string().as_bytes()).unwrap();
    let (sent, lost) = translated(&request, budgeted());
    let expected = json!({
        "contents": [
            {"role": "user", "parts": [
                {"inlineData": {"mimeType": "application/pdf", "data": "AA"}}, {"text": "plain"},
                {"fileData": {"mimeType": "image/webp", "fileUri": "https://a/b.webp"}}, {"text": "x"},
            ]},
            {"role": "model", "parts": [{"functionCall": {"name": "f", "args": {}}}]},
            {"role": "user", "parts": [{"functionResponse": {"name": "f", "response": {"error": "no"}}}, {"text": "y"}]},
        ],
        "systemInstruction": {"parts": [{"text": "s"}]},
        "tools": [{"functionDeclarations": [{"name": "f", "parametersJsonSchema": {"type": "object", "properties": {}}}]}],
        "toolConfig": {"functionCallingConfig": {"mode": "ANY"}},
        "generationConfig": {"maxOutputTokens": 9000, "stopSequences": ["z"], "thinkingConfig": {"thinkingBudget": 2000, "includeThoughts": true}},
    });
    assert_eq!(sent, expected);
    assert_eq!(lost, ["parallel_tool_calls", "user"]);
}
