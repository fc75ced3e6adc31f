//! Caller and provider speak different dialects.

use causeway::record::Outcome;
use serde_json::{Value, json};

use crate::scripted::Scene;

const CLAUDE: &str = r#"{"id":"msg_1","type":"message","role":"assistant","model":"claude-sonnet-4-6","content":[{"type":"thinking","thinking":"hm","signature":"sig=="},{"type":"text","text":"hi"},{"type":"tool_use","id":"toolu_1","name":"look","input":{"at":"sky"}}],"stop_reason":"tool_use","stop_sequence":null,"usage":{"input_tokens":9,"cache_read_input_tokens":5,"cache_creation_input_tokens":1,"output_tokens":7}}"#;

fn to_anthropic(body: Value) -> Scene {
    Scene::chat(body.to_string()).header("authorization", "Bearer sk-ant").header("x-causeway-provider", "anthropic")
}

#[test]
fn a_chat_request_becomes_a_messages_request_and_its_answer_a_completion() {
    let scene = to_anthropic(json!({
        "model": "claude-sonnet-4-6", "max_completion_tokens": 50, "stop": "end", "seed": 7,
        "messages": [{"role": "developer", "content": "be brief"}, {"role": "user", "content": "hello"}],
        "tools": [{"type": "function", "function": {"name": "look", "parameters": {"type": "object", "properties": {"b": {}, "a": {}}}}}],
    }))
    .says(CLAUDE)
    .play();
    let sent = scene.sent();
    assert_eq!(sent["system"], "be brief");
    assert_eq!(sent["max_tokens"], 50);
    assert_eq!(sent["stop_sequences"], json!(["end"]));
    assert!(scene.seen[0].body.contains(r#""input_schema":{"properties":{"a":{},"b":{}},"type":"object"}"#), "{}", scene.seen[0].body);
    assert_eq!(scene.seen[0].headers.find("x-api-key"), Some("sk-ant"));
    assert_eq!(scene.seen[0].headers.find("authorization"), None);
    assert_eq!(scene.seen[0].headers.find("anthropic-version"), Some("2023-06-01"));
    assert_eq!(scene.header("x-causeway-dropped"), "seed");
    let answer = scene.json();
    let message = &answer["choices"][0]["message"];
    assert_eq!(message["content"], "hi");
    assert_eq!(message["reasoning_content"], "hm");
    assert_eq!(message["reasoning_details"][0]["signature"], "sig==");
    assert_eq!(message["tool_calls"][0]["function"]["arguments"], r#"{"at":"sky"}"#);
    assert_eq!(answer["choices"][0]["finish_reason"], "tool_calls");
    assert_eq!(answer["usage"]["prompt_tokens"], 15);
    assert_eq!(answer["usage"]["prompt_tokens_details"]["cached_tokens"], 5);
    assert_eq!(scene.records[0].usage.unwrap().input, 15);
}

#[test]
fn a_tool_loop_with_signed_thinking_comes_back_whole() {
    let first = to_anthropic(json!({"model": "claude-sonnet-4-6", "messages": [{"role": "user", "content": "look"}]})).says(CLAUDE).play();
    let said = first.json()["choices"][0]["message"].clone();
    let again = to_anthropic(json!({
        "model": "claude-sonnet-4-6",
        "messages": [{"role": "user", "content": "look"}, said, {"role": "tool", "tool_call_id": "toolu_1", "content": "blue"}],
        "tools": [{"type": "function", "function": {"name": "look"}}],
    }))
    .says(CLAUDE)
    .play();
    let messages = again.sent()["messages"].clone();
    assert_eq!(
        messages[1]["content"],
        json!([
            {"type": "thinking", "thinking": "hm", "signature": "sig=="},
            {"type": "text", "text": "hi"},
            {"type": "tool_use", "id": "toolu_1", "name": "look", "input": {"at": "sky"}},
        ])
    );
    assert_eq!(messages[2]["content"][0]["type"], "tool_result");
    assert_eq!(messages[2]["content"][0]["tool_use_id"], "toolu_1");
}

#[test]
fn strict_mode_refuses_what_would_be_dropped() {
    let body = json!({"model": "claude-sonnet-4-6", "seed": 7, "logit_bias": {"1": 2}, "messages": [{"role": "user", "content": "x"}]});
    let scene = to_anthropic(body).header("x-causeway-strict", "true").play();
    assert_eq!((scene.status, scene.seen.len()), (400, 0));
    let message = scene.json()["error"]["message"].as_str().unwrap().to_owned();
    assert!(message.contains("seed") && message.contains("logit_bias"), "{message}");
}

#[test]
fn what_cannot_be_carried_is_an_error_that_says_so() {
    let audio = json!([{"type": "input_audio", "input_audio": {"data": "AA==", "format": "wav"}}]);
    for (body, words) in [
        (json!({"model": "claude-sonnet-4-6", "messages": [{"role": "user", "content": audio}]}), "audio"),
        (json!({"model": "claude-sonnet-4-6", "n": 2, "messages": [{"role": "user", "content": "x"}]}), "n"),
        (
            json!({"model": "claude-sonnet-4-6", "messages": [{"role": "user", "content": "x"}], "tools": [{"type": "web_search"}]}),
            "web_search",
        ),
    ] {
        let scene = to_anthropic(body).play();
        assert_eq!((scene.status, scene.seen.len()), (400, 0));
        assert!(scene.json()["error"]["message"].as_str().unwrap().contains(words), "{}", scene.body);
    }
}

#[test]
fn a_stream_is_translated_in_any_pieces_and_a_cut_one_ends_in_an_error() {
    let stream = concat!(
        "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"msg_1\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"c\",\"content\":[],\"stop_reason\":null,\"stop_sequence\":null,\"usage\":{\"input_tokens\":9,\"output_tokens\":1}}}\n\n",
        "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n",
        "event: ping\ndata: {\"type\":\"ping\"}\n\n",
        "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"grüß dich\"}}\n\n",
        "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\n",
        "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\",\"stop_sequence\":null},\"usage\":{\"output_tokens\":4}}\n\n",
        "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n",
    );
    let body = json!({"model": "claude-sonnet-4-6", "stream": true, "stream_options": {"include_usage": true}, "messages": [{"role": "user", "content": "x"}]});
    let mut whole = None;
    for piece in [1, 7, 4096] {
        let mut scene = to_anthropic(body.clone()).streams(stream);
        scene.piece = piece;
        let scene = scene.play();
        assert!(scene.body.contains("grüß dich"));
        assert!(scene.body.ends_with("data: [DONE]\n\n"));
        assert_eq!(scene.body.matches(": ping\n\n").count(), 1, "what keeps the connection alive goes on");
        assert_eq!(scene.body.matches("\"finish_reason\":\"stop\"").count(), 1);
        assert!(scene.body.contains(r#""choices":[],"usage":{"prompt_tokens":9,"completion_tokens":4,"total_tokens":13}"#));
        assert_eq!(scene.records[0].outcome, Outcome::Complete);
        assert_eq!(whole.get_or_insert_with(|| scene.body.clone()), &scene.body, "in pieces of {piece}");
    }
    let cut = stream.split("event: message_delta").next().unwrap();
    let scene = to_anthropic(body).streams(cut).play();
    assert!(scene.body.contains("\"error\""));
    assert!(!scene.body.contains("\"finish_reason\":\"stop\""));
    assert_eq!(scene.records[0].outcome, Outcome::Failed);
}

#[test]
fn messages_reach_a_chat_provider_and_come_back() {
    let answer = r#"{"id":"c","object":"chat.completion","created":1,"model":"gpt-4o","choices":[{"index":0,"message":{"role":"assistant","content":null,"tool_calls":[{"id":"call_1","type":"function","function":{"name":"look","arguments":"{\"at\":1}"}}]},"finish_reason":"tool_calls"}],"usage":{"prompt_tokens":9,"completion_tokens":2,"total_tokens":11,"prompt_tokens_details":{"cached_tokens":4}}}"#;
    let body = json!({
        "model": "gpt-4o", "max_tokens": 50, "system": [{"type": "text", "text": "be brief", "cache_control": {"type": "ephemeral"}}],
        "stop_sequences": ["end"], "top_k": 5,
        "messages": [{"role": "user", "content": [{"type": "text", "text": "what is it"}, {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}}]}],
        "tools": [{"name": "look", "input_schema": {"type": "object"}}], "tool_choice": {"type": "any"},
    });
    let scene = Scene::messages(body.to_string()).header("x-api-key", "sk").header("x-causeway-provider", "openai").says(answer).play();
    let sent = scene.sent();
    assert_eq!(sent["messages"][0], json!({"role": "system", "content": "be brief"}));
    assert_eq!(sent["messages"][1]["content"][1]["image_url"]["url"], "data:image/png;base64,AAAA");
    assert_eq!((sent["max_completion_tokens"].clone(), sent["tool_choice"].clone()), (json!(50), json!("required")));
    assert_eq!(scene.seen[0].headers.find("authorization"), Some("Bearer sk"));
    assert_eq!(scene.header("x-causeway-dropped"), "top_k");
    let answer = scene.json();
    assert_eq!(answer["content"], json!([{"type": "tool_use", "id": "call_1", "name": "look", "input": {"at": 1}}]));
    assert_eq!(answer["stop_reason"], "tool_use");
    assert_eq!((answer["usage"]["input_tokens"].clone(), answer["usage"]["cache_read_input_tokens"].clone()), (json!(5), json!(4)));
}

#[test]
fn an_inexact_provider_is_written_anew_in_its_own_dialect() {
    let answer = r#"{"id":"1","choices":[{"index":0,"message":{"role":"assistant","content":{"a":1}},"finish_reason":"eos"}]}"#;
    let body = json!({"model": "m", "store": true, "max_completion_tokens": 5, "messages": [{"role": "developer", "content": "x"}, {"role": "user", "content": "y"}]});
    let scene =
        Scene::chat(body.to_string()).header("authorization", "Bearer k").header("x-causeway-provider", "together").says(answer).play();
    let sent = scene.sent();
    assert_eq!(sent["messages"][0]["role"], "system");
    assert_eq!((sent["max_tokens"].clone(), sent.get("store")), (json!(5), None));
    assert_eq!(scene.header("x-causeway-dropped"), "store");
    assert_eq!(scene.json()["choices"][0]["message"]["content"], r#"{"a":1}"#);
    assert_eq!(scene.json()["object"], "chat.completion");
}

#[test]
fn how_likely_tokens_were_is_told_by_who_is_written_anew_too() {
    let ask = |stream: bool| {
        let body = json!({"model": "m", "stream": stream, "logprobs": true, "messages": [{"role": "user", "content": "y"}]});
        Scene::chat(body.to_string()).header("authorization", "Bearer k").header("x-causeway-provider", "xai")
    };
    let odds = |token: &str| json!({"content": [{"token": token, "logprob": -0.5, "bytes": null, "top_logprobs": []}], "refusal": null});
    let choice = json!({"index": 0, "message": {"role": "assistant", "content": "a b"}, "logprobs": odds("a b"), "finish_reason": "stop"});
    let scene = ask(false).says(json!({"id": "1", "choices": [choice]}).to_string()).play();
    assert_eq!(scene.json()["choices"][0]["logprobs"], odds("a b"));
    let chunk = |text: &str| json!({"id": "1", "choices": [{"index": 0, "delta": {"content": text}, "logprobs": odds(text), "finish_reason": null}]});
    let end = json!({"id": "1", "choices": [{"index": 0, "delta": {}, "logprobs": null, "finish_reason": "stop"}]});
    let scene = ask(true).streams(format!("data: {}\n\ndata: {}\n\ndata: {end}\n\ndata: [DONE]\n\n", chunk("a"), chunk(" b"))).play();
    let told = scene.body.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line.strip_prefix("data: ")?).ok());
    let told = told.filter(|chunk| chunk["choices"][0]["delta"]["content"].as_str().is_some_and(|text| !text.is_empty()));
    let told: Vec<_> =
        told.map(|chunk| (chunk["choices"][0]["delta"]["content"].clone(), chunk["choices"][0]["logprobs"].clone())).collect();
    assert_eq!(told, [(json!("a"), odds("a")), (json!(" b"), odds(" b"))]);
}

#[test]
fn a_stream_that_does_not_say_so_in_its_head_is_read_as_one() {
    let stream =
        "data: {\"id\":\"1\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"hi\"},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n";
    for (stream_asked, provider) in [(true, "xai"), (false, "xai"), (true, "openai"), (false, "openai")] {
        let body = json!({"model": "m", "stream": stream_asked, "messages": [{"role": "user", "content": "y"}]});
        let scene = Scene::chat(body.to_string()).header("authorization", "Bearer k").header("x-causeway-provider", provider);
        let scene = scene.answers(200, vec![("content-type", "text/plain")], format!(": hello\n\n{stream}")).play();
        assert_eq!(scene.status, 200, "{}", scene.body);
        assert!(scene.body.contains("\"content\":\"hi\"") && scene.body.contains("\"finish_reason\":\"stop\""), "{}", scene.body);
        assert_eq!(scene.body.ends_with("data: [DONE]\n\n"), stream_asked, "{}", scene.body);
    }
}

#[test]
fn a_spoken_answer_passes_as_it_is() {
    let answer = r#"{"id":"1","choices":[{"index":0,"message":{"role":"assistant","content":null,"audio":{"id":"a","data":"AAAA","transcript":"hi"}},"finish_reason":"stop"}]}"#;
    let body = json!({"model": "m", "modalities": ["text", "audio"], "audio": {"voice": "alloy", "format": "wav"}, "messages": [{"role": "user", "content": "y"}]});
    let scene = Scene::chat(body.to_string()).header("authorization", "Bearer k").header("x-causeway-provider", "azure-openai");
    let scene = scene.header("x-causeway-azure-resource-name", "r").says(answer).play();
    assert_eq!(scene.body, answer);
}

#[test]
fn what_a_compatible_provider_leaves_out_of_a_list_is_put_in() {
    let play = |path: &str, body: Value, told: Value| {
        let scene = Scene::post(path, body.to_string()).header("authorization", "Bearer k").header("content-type", "application/json");
        scene.says(told.to_string()).play()
    };
    let body = json!({"model": "together/m2-bert", "input": ["a", "b"]});
    let bare =
        json!({"object": "list", "data": [{"embedding": [0.10, 2e-3], "index": 1}, {"embedding": [1], "index": 0}], "request_id": "r"});
    let vectors = play("/v1/embeddings", body.clone(), bare).json();
    assert_eq!(vectors["data"][0], json!({"object": "embedding", "index": 0, "embedding": [1]}));
    assert_eq!((&vectors["model"], &vectors["usage"]), (&json!("m2-bert"), &json!({"prompt_tokens": 0, "total_tokens": 0})));
    let usage = json!({"prompt_tokens": 3, "total_tokens": 3, "cost": 0.1});
    let entry = |index: u64| json!({"object": "embedding", "embedding": [1], "index": index});
    let whole = json!({"object": "list", "data": [entry(0), entry(1)], "model": "x", "usage": usage});
    assert_eq!(play("/v1/embeddings", body, whole.clone()).json(), whole);

    let body = json!({"model": "fireworks/rerank", "query": "q", "documents": ["a", "b"], "return_documents": true});
    let ranked = json!({"object": "list", "data": [{"index": 1, "relevance_score": 0.5}, {"index": 0, "relevance_score": 0.25}]});
    let told = play("/v1/rerank", body, ranked).json();
    assert_eq!((&told["results"][0]["index"], &told["results"][0]["relevance_score"]), (&json!(1), &json!(0.5)));
    assert_eq!(told["results"].as_array().map(Vec::len), Some(2));
}
