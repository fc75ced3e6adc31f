//! What a request costs, in the header and in the record.

use causeway::record::Outcome;
use serde_json::{Value, json};

use crate::scripted::{Scene, Scenery};

fn chat(provider: &str, model: &str) -> Scene {
    let body = json!({"model": model, "messages": [{"role": "user", "content": "hi"}]});
    Scene::chat(body.to_string()).header("authorization", "Bearer k").header("x-causeway-provider", provider)
}

fn messages(provider: &str, model: &str) -> Scene {
    let body = json!({"model": model, "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]});
    Scene::messages(body.to_string()).header("x-api-key", "k").header("x-causeway-provider", provider)
}

fn errand(path: &str, provider: &str, body: &Value) -> Scene {
    Scene::post(path, body.to_string()).header("authorization", "Bearer k").header("x-causeway-provider", provider)
}

fn openai(usage: Value) -> String {
    json!({
        "id": "c", "object": "chat.completion", "created": 1, "model": "m", "usage": usage,
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "hi"}, "finish_reason": "stop"}],
    })
    .to_string()
}

fn anthropic(usage: Value) -> String {
    json!({
        "id": "msg", "type": "message", "role": "assistant", "model": "m", "content": [{"type": "text", "text": "hi"}],
        "stop_reason": "end_turn", "stop_sequence": null, "usage": usage,
    })
    .to_string()
}

fn gemini(usage: Value) -> String {
    json!({"candidates": [{"content": {"role": "model", "parts": [{"text": "hi"}]}, "finishReason": "STOP"}], "usageMetadata": usage})
        .to_string()
}

/// The header says it, and the record the same.
fn assert_costs(scene: &Scenery, expected: &str, name: &str) {
    assert_eq!(scene.status, 200, "{name}: {}", scene.body);
    assert_eq!(scene.header("x-causeway-cost"), expected, "{name}");
    assert_eq!(recorded(scene), expected, "{name}");
}

fn recorded(scene: &Scenery) -> String {
    serde_json::to_value(&scene.records[0]).unwrap()["cost"].as_str().unwrap().to_owned()
}

#[test]
fn a_conversation_costs_its_tokens() {
    let cached =
        json!({"prompt_tokens": 1_000, "completion_tokens": 100, "total_tokens": 1_100, "prompt_tokens_details": {"cached_tokens": 400}});
    let thought =
        json!({"prompt_tokens": 10, "completion_tokens": 300, "total_tokens": 310, "completion_tokens_details": {"reasoning_tokens": 200}});
    let written = json!({"input_tokens": 100, "cache_read_input_tokens": 1_000, "cache_creation_input_tokens": 200, "output_tokens": 50});
    let for_an_hour = json!({
        "input_tokens": 100, "cache_read_input_tokens": 1_000, "cache_creation_input_tokens": 200, "output_tokens": 50,
        "cache_creation": {"ephemeral_5m_input_tokens": 150, "ephemeral_1h_input_tokens": 50},
    });
    let at_the_tier = json!({"input_tokens": 200_000, "output_tokens": 100});
    let above = json!({"input_tokens": 1, "cache_read_input_tokens": 200_000, "output_tokens": 100});
    let google =
        json!({"promptTokenCount": 300_000, "candidatesTokenCount": 50, "thoughtsTokenCount": 50, "cachedContentTokenCount": 100_000});
    for (name, scene, answer, expected) in [
        ("600 new, 400 cached, 100 out", chat("openai", "gpt-4o"), openai(cached.clone()), "0.003"),
        ("a dated name", chat("openai", "gpt-4o-2024-08-06"), openai(cached.clone()), "0.003"),
        ("a prefixed name", chat("openai", "openai/gpt-4o"), openai(cached.clone()), "0.003"),
        ("thinking counts as output", chat("openai", "gpt-5"), openai(thought), "0.0030125"),
        ("read and written", messages("anthropic", "claude-sonnet-4-5"), anthropic(written.clone()), "0.0021"),
        ("written for an hour", messages("anthropic", "claude-sonnet-4-5"), anthropic(for_an_hour), "0.0022125"),
        ("to another dialect", chat("anthropic", "claude-sonnet-4-5"), anthropic(written), "0.0021"),
        ("from another dialect", messages("openai", "gpt-4o"), openai(cached.clone()), "0.003"),
        ("200k input", messages("anthropic", "claude-sonnet-4-5"), anthropic(at_the_tier), "0.6015"),
        ("more than 200k input", messages("anthropic", "claude-sonnet-4-5"), anthropic(above), "0.122256"),
        ("more than 200k, cached in part", chat("gemini", "gemini-2.5-pro"), gemini(google), "0.5265"),
        ("nobody knows the price", chat("openai", "gpt-secret"), openai(cached), "unpriced"),
    ] {
        assert_costs(&scene.says(answer).play(), expected, name);
    }
}

#[test]
fn the_sandbox_is_priced_whatever_its_model_is_called() {
    for model in ["sandbox/echo", "sandbox/slow-5", "sandbox/slow-20"] {
        let body = json!({"model": model, "messages": [{"role": "user", "content": "one two three four five"}]});
        let scene = Scene::chat(body.to_string()).var("SANDBOX", "true").play();
        assert_eq!((&scene.json()["usage"]["prompt_tokens"], &scene.json()["usage"]["completion_tokens"]), (&json!(6), &json!(5)));
        assert_costs(&scene, "0.000016", model);
    }
}

#[test]
fn the_callers_spelling_is_kept() {
    let usage = json!({"prompt_tokens": 4, "completion_tokens": 0, "total_tokens": 4});
    let body = json!({"model": "gpt-4o", "messages": [{"role": "user", "content": "hi"}]});
    let scene = Scene::chat(body.to_string()).header("authorization", "Bearer k").header("x-portkey-provider", "openai");
    assert_eq!(scene.says(openai(usage)).play().header("x-portkey-cost"), "0.00001");
}

#[test]
fn a_count_that_nobody_told_is_estimated_and_priced() {
    let scene = chat("openai", "gpt-4o").says(openai(Value::Null)).play();
    let usage = scene.records[0].usage.unwrap();
    assert_eq!((usage.input, usage.output, usage.estimated), (16, 1, true));
    assert_costs(&scene, "0.00005", "16 in, 1 out");
}

const STREAM: &str = concat!(
    "data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"hello there\"},\"finish_reason\":null}]}\n\n",
    "data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n",
    "data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\",\"choices\":[],\"usage\":{\"prompt_tokens\":1000,\"completion_tokens\":100,\"total_tokens\":1100,\"prompt_tokens_details\":{\"cached_tokens\":400}}}\n\n",
    "data: [DONE]\n\n",
);

fn streamed(model: &str) -> Scene {
    let body = json!({"model": model, "stream": true, "messages": [{"role": "user", "content": "hi"}]});
    let mut scene =
        Scene::chat(body.to_string()).header("authorization", "Bearer k").header("x-causeway-provider", "openai").streams(STREAM);
    scene.piece = STREAM.find("data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{},").unwrap();
    scene
}

#[test]
fn a_streams_cost_is_in_its_record_alone() {
    for (model, expected) in [("gpt-4o", "0.003"), ("gpt-secret", "unpriced")] {
        let scene = streamed(model).play();
        assert_eq!(scene.headers.find("x-causeway-cost"), None);
        assert_eq!((recorded(&scene).as_str(), scene.records[0].outcome), (expected, Outcome::Complete));
    }
}

#[test]
fn a_stream_that_was_left_costs_what_was_produced() {
    let mut scene = streamed("gpt-4o");
    scene.leaves_after = Some(1);
    let scene = scene.play();
    let usage = scene.records[0].usage.unwrap();
    assert_eq!((usage.input, usage.output, usage.estimated), (29, 3, true));
    assert_eq!((recorded(&scene).as_str(), scene.records[0].outcome), ("0.0001025", Outcome::Abandoned));
}

#[test]
fn what_failed_costs_nothing() {
    let scene = chat("openai", "gpt-4o").answers(429, vec![], r#"{"error":{"message":"m","type":"t","param":null,"code":null}}"#).play();
    assert_eq!((scene.status, scene.headers.find("x-causeway-cost")), (429, None));
    assert_eq!(recorded(&scene), "0");
}

/// Nobody has told what it used: its input is billed, by its length.
#[test]
fn what_had_begun_and_was_left_costs_its_input() {
    let target = |key: &str, model: &str| json!({"provider": "openai", "api_key": key, "override_params": {"model": model}});
    let config =
        |model: &str| json!({"strategy": {"mode": "fallback"}, "targets": [target("a", model), target("b", "gpt-4o")]}).to_string();
    let ask = |model: &str| {
        let body = json!({"model": "gpt-4o", "messages": [{"role": "user", "content": "x".repeat(3_938)}]}).to_string();
        Scene::chat(body).header("x-causeway-config", &config(model))
    };
    let answer = || openai(json!({"prompt_tokens": 1_000, "completion_tokens": 100, "total_tokens": 1_100}));
    let costs = |scene: &Scenery| {
        let attempts = serde_json::to_value(&scene.records[0]).unwrap()["attempts"].clone();
        attempts.as_array().unwrap().iter().map(|attempt| attempt["cost"].as_str().map(str::to_owned)).collect::<Vec<_>>()
    };
    let nothing = openai(json!({"prompt_tokens": 1_000, "completion_tokens": 0, "total_tokens": 1_000})).replace("hi", "");

    // A refusal is free; what says 200 is not, whatever came of it.
    let refused = ask("gpt-4o").answers(503, vec![], "{}").says(answer()).play();
    assert_costs(&refused, "0.0035", "after a refusal");
    assert_eq!(costs(&refused), [None, None]);
    for (name, first) in [("empty", nothing.as_str()), ("broken", "{\"choices\": [")] {
        let left = ask("gpt-4o").says(first.to_owned()).says(answer()).play();
        assert_costs(&left, "0.006", name);
        assert_eq!(costs(&left), [Some("0.0025".to_owned()), None], "{name}");
    }
    let unpriced = ask("gpt-secret").says(nothing.clone()).says(answer()).play();
    assert_costs(&unpriced, "unpriced", "what has no price is not free");

    // It is paid for even where nobody answers in the end.
    let failed = ask("gpt-4o").says(nothing.clone()).answers(503, vec![], "{}").play();
    assert_eq!((failed.status, failed.header("x-causeway-cost"), recorded(&failed).as_str()), (503, "0.0025", "0.0025"));
}

#[test]
fn vectors_cost_their_input() {
    let body = |model: &str| json!({"model": model, "input": ["one", "two"]});
    let vectors = json!([{"object": "embedding", "index": 0, "embedding": [0.5]}, {"object": "embedding", "index": 1, "embedding": [0.5]}]);
    let counted = |usage: Value| json!({"object": "list", "model": "m", "data": vectors, "usage": usage}).to_string();
    let cohere =
        |meta: Value| json!({"id": "e", "embeddings": {"float": [[0.5], [0.5]]}, "texts": ["one", "two"], "meta": meta}).to_string();
    for (provider, model, answer, expected) in [
        ("openai", "text-embedding-3-small", counted(json!({"prompt_tokens": 1_000, "total_tokens": 1_000})), "0.00002"),
        ("voyage", "voyage-3.5", counted(json!({"total_tokens": 1_000})), "0.00006"),
        ("cohere", "embed-english-v3.0", cohere(json!({"billed_units": {"input_tokens": 1_000}})), "0.0001"),
        // 14 tokens by the length of the body.
        ("openai", "text-embedding-3-small", counted(Value::Null), "0.00000028"),
        ("openai", "embed-secret", counted(json!({"prompt_tokens": 1_000, "total_tokens": 1_000})), "unpriced"),
    ] {
        assert_costs(&errand("/v1/embeddings", provider, &body(model)).says(answer).play(), expected, model);
    }
}

#[test]
fn images_cost_by_the_piece_and_size_or_by_tokens() {
    let url = json!({"created": 1, "data": [{"url": "https://x.example/1"}, {"url": "https://x.example/2"}]}).to_string();
    let imagen = json!({"predictions": [{"bytesBase64Encoded": "AA=="}, {"bytesBase64Encoded": "AA=="}, {"bytesBase64Encoded": "AA=="}]})
        .to_string();
    let drawn = json!({
        "candidates": [{"content": {"role": "model", "parts": [{"inlineData": {"mimeType": "image/png", "data": "AA=="}}]}, "finishReason": "STOP"}],
        "usageMetadata": {"promptTokenCount": 10, "candidatesTokenCount": 1_290, "totalTokenCount": 1_300},
    })
    .to_string();
    for (name, provider, body, answer, expected) in [
        ("three by the piece", "gemini", json!({"model": "imagen-3.0-generate-001", "n": 3}), &imagen, "0.12"),
        ("by tokens", "gemini", json!({"model": "gemini-2.5-flash-image"}), &drawn, "0.038703"),
        ("by size and quality", "azure-openai", json!({"model": "dall-e-3", "n": 2, "size": "1024x1792", "quality": "hd"}), &url, "0.264"),
        ("by the usual size and quality", "azure-openai", json!({"model": "dall-e-3"}), &url, "0.044"),
        ("of a chosen quality", "openai", json!({"model": "gpt-image-1", "n": 2, "size": "1024x1024", "quality": "high"}), &url, "0.334"),
        ("of the model's own choice", "openai", json!({"model": "gpt-image-1.5", "quality": "auto"}), &url, "unpriced"),
        ("by tokens that nobody told", "openai", json!({"model": "gpt-image-2"}), &url, "unpriced"),
    ] {
        let mut body = body;
        body["prompt"] = json!("a bridge");
        let scene = errand("/v1/images/generations", provider, &body).header("x-causeway-azure-resource-name", "ours");
        assert_costs(&scene.says(answer.as_str()).play(), expected, name);
    }
}

#[test]
fn a_ranking_costs_its_searches_or_tokens() {
    let results = json!([{"index": 0, "relevance_score": 0.5}]);
    for (provider, model, told, expected) in [
        ("cohere", "rerank-v3.5", json!({"results": results, "meta": {"billed_units": {"search_units": 3}}}), "0.006"),
        ("cohere", "rerank-v3.5", json!({"results": results}), "0.002"),
        ("voyage", "rerank-2.5", json!({"data": results, "usage": {"total_tokens": 1_000}}), "0.00005"),
    ] {
        let body = json!({"model": model, "query": "q", "documents": ["d"]});
        assert_costs(&errand("/v1/rerank", provider, &body).says(told.to_string()).play(), expected, model);
    }
}

#[test]
fn speech_costs_its_letters_where_they_are_priced() {
    for (model, expected) in [("tts-1", "0.000075"), ("gpt-4o-mini-tts", "unpriced")] {
        let body = json!({"model": model, "input": "Gr\u{fc}\u{df}e", "voice": "alloy"});
        let scene = errand("/v1/audio/speech", "openai", &body).answers(200, vec![("content-type", "audio/mpeg")], "sound").play();
        assert_costs(&scene, expected, model);
    }
}

#[test]
fn moderation_is_free_where_the_list_says_so() {
    let body = json!({"model": "omni-moderation-latest", "input": "x"});
    let scene = errand("/v1/moderations", "openai", &body).says(r#"{"id":"m","model":"m","results":[]}"#).play();
    assert_costs(&scene, "0", "omni-moderation");
}
