//! Prices of one's own, out of the deployment's storage.

use causeway::prices::KEY;
use causeway::settings::Settings;
use serde_json::json;

use crate::scripted::{Scene, Scenery, Store};

const LIST: &str = r#"[
    {"provider": "openai", "model": "gpt-4o", "input": "2", "output": "4"},
    {"provider": "broken"},
    {"provider": "google", "model": "gemini-2.5-flash", "input": "1", "output": "1"},
    {"provider": "openai", "model": "tts-1", "character": "1"},
    {"provider": "custom", "model": "ours", "input": 1, "output": 1},
    {"provider": "sandbox", "model": "echo", "input": "500000", "output": "0"}
]"#;

/// A thousand tokens in, and as many out.
const ANSWER: &str = r#"{"id":"c","object":"chat.completion","created":1,"model":"m",
    "choices":[{"index":0,"message":{"role":"assistant","content":"hi"},"finish_reason":"stop"}],
    "usage":{"prompt_tokens":1000,"completion_tokens":1000,"total_tokens":2000}}"#;

fn ask(model: &str) -> Scene {
    Scene::chat(json!({"model": model, "messages": [{"role": "user", "content": "hi"}]}).to_string())
        .header("authorization", "Bearer k")
        .header("x-causeway-custom-host", "https://example.com")
        .says(ANSWER)
}

fn cost(scene: &Scenery) -> &str {
    assert_eq!(scene.status, 200, "{}", scene.body);
    let told = scene.header("x-causeway-cost");
    assert_eq!(serde_json::to_value(&scene.records[0]).unwrap()["cost"], told);
    told
}

#[test]
fn prices_of_ones_own_win_over_the_catalog_from_the_first_request_on() {
    for (model, expected) in [
        ("openai/gpt-4o", "0.006"),
        ("openai/gpt-4o-2024-08-06", "0.006"),
        ("openai/gpt-4o-mini", "0.00075"),
        ("custom/ours", "0.002"),
        ("custom/others", "unpriced"),
    ] {
        assert_eq!(cost(&ask(model).stores(KEY, LIST).play()), expected, "{model}");
    }
}

#[test]
fn a_providers_other_name_is_as_good() {
    let gemini = r#"{"candidates":[{"content":{"role":"model","parts":[{"text":"hi"}]},"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":1000,"candidatesTokenCount":1000}}"#;
    let mut scene = ask("gemini/gemini-2.5-flash").stores(KEY, LIST);
    scene.acts.clear();
    assert_eq!(cost(&scene.says(gemini).play()), "0.002");
}

#[test]
fn the_sandbox_and_what_is_no_conversation_are_priced_alike() {
    let body = json!({"model": "sandbox/echo", "messages": [{"role": "user", "content": "one two three four five"}]});
    let scene = Scene::chat(body.to_string()).var("SANDBOX", "true").stores(KEY, LIST).play();
    assert_eq!(cost(&scene), "3");
    let speech = Scene::post("/v1/audio/speech", r#"{"model":"openai/tts-1","input":"12345","voice":"alloy"}"#);
    let scene =
        speech.header("authorization", "Bearer k").answers(200, vec![("content-type", "audio/mpeg")], "sound").stores(KEY, LIST).play();
    assert_eq!(cost(&scene), "0.000005");
}

#[test]
fn a_streams_record_has_them_too() {
    let chunk =
        |rest: &str| format!("data: {{\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\",{rest}}}\n\n");
    let said = chunk(r#""choices":[{"index":0,"delta":{"role":"assistant","content":"hi"},"finish_reason":"stop"}]"#);
    let used = chunk(r#""choices":[],"usage":{"prompt_tokens":1000,"completion_tokens":1000,"total_tokens":2000}"#);
    let body = json!({"model": "openai/gpt-4o", "stream": true, "messages": [{"role": "user", "content": "hi"}]});
    let scene = Scene::chat(body.to_string()).header("authorization", "Bearer k").stores(KEY, LIST);
    let scene = scene.streams(format!("{said}{used}data: [DONE]\n\n")).play();
    assert_eq!(serde_json::to_value(&scene.records[0]).unwrap()["cost"], "0.006");
}

#[test]
fn they_are_read_beside_the_upstream_and_once_a_minute() {
    let settings = Settings::default();
    let scene = ask("openai/gpt-4o").stores(KEY, LIST);
    for (now, reads) in [(0, 1), (59_000, 0), (61_000, 1), (61_001, 0), (122_000, 1)] {
        let scene = scene.clone().play_in(&settings, now);
        // The upstream is asked already.
        assert_eq!(scene.reads, vec![(KEY.to_owned(), 1); reads], "after {now} ms");
        assert_eq!(cost(&scene), "0.006");
    }
}

#[test]
fn that_there_are_none_is_known_for_a_minute_too() {
    let settings = Settings::default();
    for (now, reads) in [(0, 1), (30_000, 0), (61_000, 1)] {
        let scene = ask("openai/gpt-4o").play_in(&settings, now);
        assert_eq!((scene.reads.len(), cost(&scene)), (reads, "0.0125"));
    }
}

#[test]
fn storage_that_does_not_tell_leaves_what_was_known() {
    let settings = Settings::default();
    let silent = || Scene { store: Some(Store::Silent), ..ask("openai/gpt-4o") };
    assert_eq!(cost(&silent().play_in(&settings, 0)), "0.0125");
    assert_eq!(cost(&ask("openai/gpt-4o").stores(KEY, LIST).play_in(&settings, 61_000)), "0.006");
    assert_eq!(cost(&silent().play_in(&settings, 122_000)), "0.006");
    assert_eq!(cost(&ask("openai/gpt-4o").stores(KEY, "not even a list").play_in(&settings, 183_000)), "0.0125");
}

#[test]
fn what_was_changed_here_counts_at_once() {
    let settings = Settings::default();
    assert_eq!(cost(&ask("openai/gpt-4o").play_in(&settings, 0)), "0.0125");
    settings.forget_prices();
    assert_eq!(cost(&ask("openai/gpt-4o").stores(KEY, LIST).play_in(&settings, 1)), "0.006");
}

#[test]
fn a_refused_request_reads_nothing() {
    let scene = Scene::chat("{}").stores(KEY, LIST).play();
    assert_eq!((scene.status, scene.reads.len()), (400, 0));
}
