//! Where providers of the chat dialect depart from it, and what a caller's body becomes there.

use serde_json::{Value, json};

use crate::targets::TARGETS;
use crate::{DOORS, play, play_chat};

const NOTHING: Value = Value::Null;

/// A provider, what a caller says besides a model, where to look, and what stands there; the knobs that are named as lost.
type Row = (&'static str, Value, &'static str, Value, &'static str);

fn said(message: Value) -> Value {
    json!({ "messages": [{ "role": "user", "content": "Hi" }, message] })
}

fn knob(name: &str, value: Value) -> Value {
    let mut body = json!({ "messages": [{ "role": "user", "content": "Hi" }] });
    body[name] = value;
    body
}

fn check(rows: Vec<Row>) {
    for (provider, body, place, expected, dropped) in rows {
        let scenery = play_chat(provider, &body);
        let sent = scenery.sent();
        assert_eq!(sent.pointer(place).cloned().unwrap_or_default(), expected, "{provider} {place}: {sent}");
        assert_eq!(scenery.headers.find("x-portkey-dropped").unwrap_or_default(), dropped, "{provider} {place}");
    }
}

#[test]
fn what_only_some_know_of_a_message_reaches_only_those() {
    let thought = || said(json!({ "role": "assistant", "content": "Hello", "reasoning_content": "Hm.", "refusal": null }));
    let refused = || said(json!({ "role": "assistant", "content": null, "refusal": "No." }));
    let named = || json!({ "messages": [{ "role": "user", "name": "ada", "content": "Hi" }] });
    let marked = || json!({ "messages": [{ "role": "user", "content": [{ "type": "text", "text": "Hi", "cache_control": { "type": "ephemeral" } }] }] });
    let developer = || json!({ "messages": [{ "role": "developer", "content": "Be kind." }, { "role": "user", "content": "Hi" }] });
    let prefixed = || said(json!({ "role": "assistant", "content": "Hel", "prefix": true, "annotations": [] }));
    check(vec![
        ("openai", thought(), "/messages/1/reasoning_content", NOTHING, "reasoning_content"),
        ("deepseek", thought(), "/messages/1/reasoning_content", json!("Hm."), ""),
        ("openrouter", thought(), "/messages/1/reasoning_content", json!("Hm."), ""),
        ("groq", thought(), "/messages/1/reasoning", json!("Hm."), ""),
        ("cerebras", thought(), "/messages/1/reasoning", json!("Hm."), ""),
        ("openai", refused(), "/messages/1/refusal", json!("No."), ""),
        ("groq", refused(), "/messages/1", json!({ "role": "assistant", "content": "No." }), ""),
        ("openai", named(), "/messages/0/name", json!("ada"), ""),
        ("mistral", named(), "/messages/0", json!({ "role": "user", "content": "Hi" }), "name"),
        ("openai", marked(), "/messages/0/content/0", json!({ "type": "text", "text": "Hi" }), ""),
        ("openrouter", marked(), "/messages/0/content/0/cache_control/type", json!("ephemeral"), ""),
        ("openai", developer(), "/messages/0/role", json!("developer"), ""),
        ("mistral", developer(), "/messages/0/role", json!("system"), ""),
        ("mistral", prefixed(), "/messages/1", json!({ "role": "assistant", "content": "Hel", "prefix": true }), ""),
    ]);
}

#[test]
fn parts_take_the_form_that_the_provider_knows() {
    let part = |part: Value| json!({ "messages": [{ "role": "user", "content": [{ "type": "text", "text": "Hi" }, part] }] });
    let file = || part(json!({ "type": "file", "file": { "filename": "a.pdf", "file_data": "data:application/pdf;base64,JVBERg==" } }));
    let sound = || part(json!({ "type": "input_audio", "input_audio": { "data": "UklGRg==", "format": "wav" } }));
    let image = || part(json!({ "type": "image_url", "image_url": { "url": "https://a.example/b.png", "detail": "low" } }));
    let texts = || part(json!({ "type": "text", "text": "there" }));
    let at = "/messages/0/content/1";
    check(vec![
        (
            "mistral",
            file(),
            at,
            json!({ "type": "document_url", "document_url": "data:application/pdf;base64,JVBERg==", "document_name": "a.pdf" }),
            "",
        ),
        ("perplexity", file(), at, json!({ "type": "file_url", "file_url": { "url": "JVBERg==" }, "file_name": "a.pdf" }), ""),
        ("together", image(), at, json!({ "type": "image_url", "image_url": { "url": "https://a.example/b.png" } }), ""),
        ("mistral", image(), "/messages/0/content/1/image_url/detail", json!("low"), ""),
        ("deepseek", texts(), "/messages/0/content/1/text", json!("there"), ""),
        ("ai21", texts(), "/messages/0/content", json!("Hi\nthere"), ""),
        ("groq", texts(), "/messages/0/content/1/text", json!("there"), ""),
        // The provider's own dialect: it says itself what it does not take.
        ("deepseek", sound(), "/messages/0/content/1/type", json!("input_audio"), ""),
    ]);
}

#[test]
fn ids_of_calls_are_short_where_they_must_be_and_still_tie_results_to_them() {
    let call = |id: &str| json!({ "id": id, "type": "function", "function": { "name": "f", "arguments": "{}" }, "extra_content": { "google": {} } });
    let body = json!({ "messages": [{ "role": "user", "content": "Hi" },
        { "role": "assistant", "tool_calls": [call("call_abcdefghijkl"), call("call_abcdefghijkm"), call("abcDEF123")] },
        { "role": "tool", "tool_call_id": "call_abcdefghijkl", "content": "1" }, { "role": "tool", "tool_call_id": "call_abcdefghijkm", "content": "2" }, { "role": "tool", "tool_call_id": "abcDEF123", "content": "3" }] });
    let sent = play_chat("mistral", &body).sent();
    let ids: Vec<&str> = (0..3).map(|at| sent["messages"][1]["tool_calls"][at]["id"].as_str().unwrap()).collect();
    for (at, id) in ids.iter().enumerate() {
        assert!(id.len() == 9 && id.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{id}");
        assert_eq!(sent["messages"][at + 2]["tool_call_id"], *id);
    }
    assert_ne!(ids[0], ids[1]);
    assert_eq!(ids[2], "abcDEF123");
    assert_eq!(sent["messages"][1]["tool_calls"][0].get("extra_content"), None);
    assert_eq!(play_chat("groq", &body).sent()["messages"][1]["tool_calls"][0]["id"], "call_abcdefghijkl");
}

#[test]
fn knobs_take_the_form_that_the_provider_and_its_model_know() {
    let effort = |word: &str| knob("reasoning_effort", json!(word));
    let logs = || json!({ "messages": [{ "role": "user", "content": "Hi" }], "logprobs": true, "top_logprobs": 3 });
    check(vec![
        ("groq", effort("max"), "/reasoning_effort", json!("high"), "reasoning_effort=max"),
        ("groq", effort("minimal"), "/reasoning_effort", json!("low"), "reasoning_effort=minimal"),
        ("perplexity", effort("none"), "/reasoning_effort", NOTHING, "reasoning_effort=none"),
        ("deepseek", effort("none"), "/thinking", json!({ "type": "disabled" }), ""),
        ("deepseek", effort("none"), "/reasoning_effort", NOTHING, ""),
        ("together", effort("none"), "/reasoning", json!({ "enabled": false }), ""),
        ("openai", effort("max"), "/reasoning_effort", json!("max"), ""),
        ("together", knob("stop", json!("END")), "/stop", json!(["END"]), ""),
        ("together", logs(), "/logprobs", json!(3), ""),
        ("together", logs(), "/top_logprobs", NOTHING, ""),
        ("mistral", knob("seed", json!(7)), "/random_seed", json!(7), ""),
        ("openai", knob("max_tokens", json!(9)), "/max_tokens", json!(9), ""),
        ("openai-reasoning", knob("max_tokens", json!(9)), "/max_completion_tokens", json!(9), ""),
        ("azure-foundry", knob("max_completion_tokens", json!(9)), "/max_tokens", json!(9), ""),
        ("xai-reasoning", knob("stop", json!("END")), "/stop", NOTHING, "stop"),
        ("xai", knob("stop", json!("END")), "/stop", json!("END"), ""),
        ("mistral", knob("store", json!(false)), "/store", NOTHING, ""),
        ("mistral", knob("store", json!(true)), "/store", NOTHING, "store"),
    ]);
}

#[test]
fn tools_and_formats_take_the_form_that_the_provider_knows() {
    let tool = |name: &str| json!({ "type": "function", "function": { "name": name, "strict": true, "parameters": { "type": "object" } } });
    let tools = |choice: Value| json!({ "messages": [{ "role": "user", "content": "Hi" }], "tools": [tool("a"), tool("b")], "tool_choice": choice });
    let allowed = || {
        tools(
            json!({ "type": "allowed_tools", "allowed_tools": { "mode": "required", "tools": [{ "type": "function", "function": { "name": "b" } }] } }),
        )
    };
    let one = || tools(json!({ "type": "function", "function": { "name": "b" } }));
    let schema = json!({ "type": "object", "properties": { "a": { "type": "string" } } });
    let formed = || json!({ "messages": [{ "role": "system", "content": "Be brief." }, { "role": "user", "content": "Hi" }], "response_format": { "type": "json_schema", "json_schema": { "name": "x", "schema": schema } } });
    let words = "Answer with one JSON object and nothing else. It must be valid by this JSON schema:\n{\"properties\":{\"a\":{\"type\":\"string\"}},\"type\":\"object\"}";
    check(vec![
        ("openai", allowed(), "/tool_choice/type", json!("allowed_tools"), ""),
        ("groq", allowed(), "/tool_choice", json!("required"), ""),
        ("groq", allowed(), "/tools", json!([tool("b")]), ""),
        ("groq", one(), "/tool_choice/function/name", json!("b"), ""),
        ("perplexity", one(), "/tool_choice", json!("required"), ""),
        ("perplexity", one(), "/tools", json!([tool("b")]), ""),
        ("together", one(), "/tools/0/function", json!({ "name": "a", "parameters": { "type": "object" } }), "tools.strict"),
        ("deepseek", formed(), "/response_format", json!({ "type": "json_object" }), "response_format.json_schema"),
        ("deepseek", formed(), "/messages/1", json!({ "role": "system", "content": words }), "response_format.json_schema"),
        (
            "perplexity",
            knob("response_format", json!({ "type": "json_object" })),
            "/response_format/json_schema/schema",
            json!({ "type": "object" }),
            "",
        ),
    ]);
}

#[test]
fn marks_for_caches_and_lists_of_likely_tokens_reach_those_who_know_them() {
    let marked = || json!({ "messages": [{ "role": "system", "content": [{ "type": "text", "text": "Long.", "cache_control": { "type": "ephemeral" } }] }, { "role": "user", "content": "Hi" }] });
    let likely = |name: &str| {
        let target = TARGETS.iter().find(|target| target.name == name).unwrap();
        play(&DOORS[1], target, &json!({ "max_tokens": 9, "top_k": 5, "messages": [{ "role": "user", "content": "Hi" }] })).sent()["top_k"]
            .clone()
    };
    check(vec![
        ("bedrock-claude", marked(), "/system/1/cachePoint/type", json!("default"), ""),
        ("bedrock-llama", marked(), "/system/1", NOTHING, ""),
    ]);
    assert_eq!([likely("together"), likely("mistral"), likely("groq"), likely("openai")], [json!(5), json!(5), NOTHING, NOTHING]);
}

#[test]
fn who_tells_the_usage_unasked_is_not_asked() {
    let stream = || knob("stream", json!(true));
    let asking =
        || json!({ "messages": [{ "role": "user", "content": "Hi" }], "stream": true, "stream_options": { "include_usage": true } });
    let at = "/stream_options/include_usage";
    check(vec![
        ("openai", stream(), at, json!(true), ""),
        ("groq", stream(), at, NOTHING, ""),
        ("groq", asking(), at, json!(true), ""),
        ("mistral", asking(), at, NOTHING, ""),
        ("fireworks", asking(), at, NOTHING, ""),
    ]);
}

#[test]
fn proofs_of_googles_own_endpoint_of_the_dialect_come_back_to_it() {
    let call = |id: &str, proof: Option<&str>| {
        let mut call = json!({ "id": id, "type": "function", "function": { "name": "f", "arguments": "{}" } });
        if let Some(proof) = proof {
            call["extra_content"] = json!({ "google": { "thought_signature": proof } });
        }
        call
    };
    let body = json!({ "messages": [{ "role": "user", "content": "Hi" },
        { "role": "assistant", "content": "Looking.", "tool_calls": [call("a", Some("c2lnbmVk")), call("b", None)] },
        { "role": "tool", "tool_call_id": "a", "content": "1" }, { "role": "tool", "tool_call_id": "b", "content": "2" }] });
    let sent = play_chat("gemini-new", &body).sent();
    let proofs: Vec<&Value> = (0..3).map(|at| &sent["contents"][1]["parts"][at]["thoughtSignature"]).collect();
    assert_eq!(proofs, [&NOTHING, &json!("c2lnbmVk"), &NOTHING], "{sent}");
    assert!(!play_chat("anthropic-new", &body).sent().to_string().contains("c2lnbmVk"));
}

#[test]
fn a_schema_that_is_not_taken_is_told_in_words_and_instructions_alone_are_a_conversation() {
    let schema = json!({ "type": "object", "properties": { "a": { "type": "string" } } });
    let formed = json!({ "messages": [{ "role": "user", "content": "Hi" }], "response_format": { "type": "json_schema", "json_schema": { "name": "x", "schema": schema } } });
    let alone = json!({ "messages": [{ "role": "developer", "content": "Say hi." }] });
    let words = "Answer with one JSON object and nothing else. It must be valid by this JSON schema:\n{\"properties\":{\"a\":{\"type\":\"string\"}},\"type\":\"object\"}";
    check(vec![
        ("anthropic-old", formed.clone(), "/system/0/text", json!(words), "response_format"),
        ("anthropic-budget", formed, "/system", NOTHING, ""),
        ("anthropic-old", alone.clone(), "/messages/0", json!({ "role": "user", "content": "Say hi." }), ""),
        ("bedrock-claude", alone.clone(), "/messages/0", json!({ "role": "user", "content": [{ "text": "Say hi." }] }), ""),
        ("gemini-new", alone, "/contents/0/parts/0/text", json!("Say hi."), ""),
    ]);
}

/// The roles and texts of what was sent, a line each.
fn conversation(sent: &Value) -> Vec<String> {
    let content = |content: &Value| match content {
        Value::Array(parts) => parts.iter().map(|part| part["text"].as_str().unwrap_or("?")).collect::<Vec<_>>().join("|"),
        text => text.as_str().unwrap_or("-").to_owned(),
    };
    let line = |message: &Value| {
        let prefix = if message["prefix"] == true { " (prefix)" } else { "" };
        format!("{}: {}{prefix}", message["role"].as_str().unwrap(), content(&message["content"]))
    };
    sent["messages"].as_array().unwrap().iter().map(line).collect()
}

#[test]
fn messages_follow_each_other_as_the_provider_wants_them() {
    let say = |role: &str, content: Value| json!({ "role": role, "content": content });
    let call = || json!({ "role": "assistant", "content": null, "tool_calls": [{ "id": "abcDEF123", "type": "function", "function": { "name": "f", "arguments": "{}" } }] });
    let given = || json!({ "role": "tool", "tool_call_id": "abcDEF123", "content": "7" });
    let (hi, more) = (|| say("user", json!("Hi")), || say("user", json!("there")));
    let listed = || say("user", json!([{ "type": "text", "text": "and" }, { "type": "text", "text": "you" }]));
    let (hello, system, late) =
        (|| say("assistant", json!("Hello")), || say("system", json!("Be kind.")), || say("developer", json!("Be brief.")));
    for (provider, messages, expected) in [
        ("perplexity", vec![system(), hi(), more()], vec!["system: Be kind.", "user: Hi\n\nthere"]),
        ("perplexity", vec![hi(), listed(), more()], vec!["user: Hi|and|you|there"]),
        ("perplexity", vec![hi(), hello(), hello(), more()], vec!["user: Hi", "assistant: Hello\n\nHello", "user: there"]),
        ("perplexity", vec![hi(), late(), more()], vec!["system: Be brief.", "user: Hi\n\nthere"]),
        (
            "perplexity",
            vec![system(), late(), hi(), hello(), more()],
            vec!["system: Be kind.", "system: Be brief.", "user: Hi", "assistant: Hello", "user: there"],
        ),
        ("mistral", vec![hi(), call(), given(), more()], vec!["user: Hi", "assistant: -", "tool: 7", "assistant: OK.", "user: there"]),
        ("mistral", vec![hi(), call(), given()], vec!["user: Hi", "assistant: -", "tool: 7"]),
        ("mistral", vec![hi(), more(), hello()], vec!["user: Hi", "user: there", "assistant: Hello (prefix)"]),
        ("mistral", vec![hi(), hello(), late(), more()], vec!["system: Be brief.", "user: Hi", "assistant: Hello", "user: there"]),
        ("mistral", vec![hi(), late(), system(), more()], vec!["user: Hi", "system: Be brief.", "system: Be kind.", "user: there"]),
        (
            "mistral",
            vec![system(), hi(), hello(), late(), more(), hello(), system(), more()],
            vec![
                "system: Be kind.",
                "system: Be brief.",
                "system: Be kind.",
                "user: Hi",
                "assistant: Hello",
                "user: there",
                "assistant: Hello",
                "user: there",
            ],
        ),
        ("openai", vec![hi(), more(), late(), hello()], vec!["user: Hi", "user: there", "developer: Be brief.", "assistant: Hello"]),
        ("groq", vec![hi(), call(), given(), more()], vec!["user: Hi", "assistant: -", "tool: 7", "user: there"]),
    ] {
        let sent = play_chat(provider, &json!({ "messages": messages })).sent();
        assert_eq!(conversation(&sent), expected, "{provider}");
    }
}

#[test]
fn callers_of_other_dialects_have_their_messages_in_order_too() {
    let tool = json!({ "name": "f", "input_schema": { "type": "object" } });
    let body = |messages: Value| json!({ "max_tokens": 9, "tools": [tool], "messages": messages });
    let results = body(json!([{ "role": "user", "content": "Hi" },
        { "role": "assistant", "content": [{ "type": "tool_use", "id": "toolu_1", "name": "f", "input": {} }] },
        { "role": "user", "content": [{ "type": "tool_result", "tool_use_id": "toolu_1", "content": "7" }, { "type": "text", "text": "there" }] }]));
    let target = |name: &str| TARGETS.iter().find(|target| target.name == name).unwrap();
    let sent = play(&DOORS[1], target("mistral"), &results).sent();
    assert_eq!(conversation(&sent), ["user: Hi", "assistant: -", "tool: 7", "assistant: OK.", "user: there"]);
    let begun = json!({ "max_tokens": 9, "messages": [{ "role": "user", "content": "Hi" }, { "role": "assistant", "content": "Hel" }] });
    assert_eq!(conversation(&play(&DOORS[1], target("mistral"), &begun).sent()), ["user: Hi", "assistant: Hel (prefix)"]);
    let twice = json!({ "max_tokens": 9, "system": "Be kind.", "messages": [{ "role": "user", "content": "Hi" }, { "role": "user", "content": "there" }] });
    let sent = play(&DOORS[1], target("perplexity"), &twice).sent();
    assert_eq!(conversation(&sent).len(), 2, "{sent}");
}
