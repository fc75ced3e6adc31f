//! Google's streams where events were not asked for: one JSON array.

use causeway::record::Outcome;
use serde_json::{Value, json};

use crate::scripted::{Scene, Scenery};

const ASKED: &str = r#"{"contents":[{"role":"user","parts":[{"text":"hi"}]}]}"#;
const CHUNKS: [&str; 2] = [
    r#"{"candidates":[{"content":{"parts":[{"text":"hel"}],"role":"model"},"index":0}],"modelVersion":"g","odd":{"kept":1}}"#,
    r#"{"candidates":[{"content":{"parts":[{"text":"lo \u20ac"}],"role":"model"},"finishReason":"STOP","index":0}],"usageMetadata":{"promptTokenCount":3,"candidatesTokenCount":2,"totalTokenCount":5},"modelVersion":"g"}"#,
];
const CHAT: &str = "data: {\"id\":\"c\",\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"hel\"}}]}\n\ndata: {\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"lo €\"},\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":2,\"total_tokens\":5}}\n\ndata: [DONE]\n\n";

fn ask(provider: &str, query: &str) -> Scene {
    let scene = Scene::post(&format!("/v1beta/models/m:streamGenerateContent{query}"), ASKED);
    scene.header("x-goog-api-key", "k").header("x-causeway-provider", provider)
}

fn events() -> String {
    CHUNKS.iter().map(|chunk| format!("data: {chunk}\r\n\r\n")).collect()
}

/// The elements of a whole array.
fn elements(scene: &Scenery) -> Vec<Value> {
    assert_eq!(scene.header("content-type"), "application/json; charset=utf-8");
    serde_json::from_str(&scene.body).unwrap_or_else(|error| panic!("{error}: {}", scene.body))
}

fn text(chunks: &[Value]) -> String {
    chunks.iter().filter_map(|chunk| chunk.pointer("/candidates/0/content/parts/0/text")?.as_str()).collect()
}

#[test]
fn a_relayed_stream_comes_as_an_array_of_the_very_chunks() {
    for (query, piece) in [("", 1), ("", 7), ("?alt=json&key=mine", 4096)] {
        let scene = Scene { piece, ..ask("gemini", query).streams(events()) }.play();
        assert_eq!(scene.body, format!("[{}\n,\r\n{}\n]\n", CHUNKS[0], CHUNKS[1]), "in pieces of {piece}");
        elements(&scene);
        assert!(scene.seen[0].url.ends_with(":streamGenerateContent?alt=sse"), "{}", scene.seen[0].url);
        assert_eq!((scene.records[0].outcome, scene.records[0].usage.unwrap().output), (Outcome::Complete, 2));
    }
}

#[test]
fn a_translated_stream_comes_as_an_array_too() {
    for piece in [1, 7, 4096] {
        let scene = Scene { piece, ..ask("openai", "").streams(CHAT) }.play();
        let chunks = elements(&scene);
        assert_eq!(text(&chunks), "hello €", "in pieces of {piece}");
        let last = chunks.last().unwrap();
        assert_eq!(last.pointer("/candidates/0/finishReason"), Some(&json!("STOP")));
        assert_eq!(last.pointer("/usageMetadata/totalTokenCount"), Some(&json!(5)));
    }
}

#[test]
fn a_whole_answer_to_one_who_streams_is_an_array() {
    let whole = r#"{"candidates":[{"content":{"parts":[{"text":"hello €"}],"role":"model"},"finishReason":"STOP","index":0}]}"#;
    for said in [whole.to_owned(), format!("[{}]", CHUNKS.join(","))] {
        assert_eq!(text(&elements(&ask("gemini", "").says(said).play())), "hello €");
    }
}

#[test]
fn who_asks_for_events_gets_them() {
    let scene = ask("gemini", "?alt=sse").streams(events()).play();
    assert_eq!((scene.body, scene.native), (events(), true));
}

#[test]
fn an_error_of_the_provider_is_an_element() {
    let error = r#"{"error":{"code":503,"message":"Too busy.","status":"UNAVAILABLE"}}"#;
    let chat = CHAT.split_once("\n\n").unwrap().0;
    let failed = [("gemini", format!("data: {}\n\ndata: {error}\n\n", CHUNKS[0])), ("openai", format!("{chat}\n\ndata: {error}\n\n"))];
    for (provider, stream) in failed {
        for piece in [1, 4096] {
            let scene = Scene { piece, ..ask(provider, "").streams(stream.clone()) }.play();
            let chunks = elements(&scene);
            let message = chunks.last().unwrap().pointer("/error/message").and_then(Value::as_str);
            assert_eq!((text(&chunks).as_str(), message), ("hel", Some("Too busy.")), "{provider}");
            assert_eq!(scene.records[0].outcome, Outcome::Failed, "{provider}");
        }
    }
}

#[test]
fn a_stream_that_was_cut_never_closes_its_array() {
    let cut = |whole: &str, at: usize| whole.split_at(at).0.to_owned();
    let begun = CHUNKS[0].len() + 10;
    let cuts = [
        ("gemini", String::new(), ""),
        ("gemini", cut(&events(), begun), "hel"),
        ("gemini", cut(&events(), begun + 30), "hel"),
        ("openai", cut(CHAT, CHAT.find("\n\n").unwrap() + 2), "hel"),
        ("openai", cut(CHAT, CHAT.find("\n\n").unwrap() + 20), "hel"),
    ];
    for (provider, stream, expected) in cuts {
        for (piece, breaks) in [(1, false), (7, true), (4096, false)] {
            let scene = Scene { piece, breaks, ..ask(provider, "").streams(stream.clone()) }.play();
            assert!(serde_json::from_str::<Value>(&scene.body).is_err(), "{provider}: {}", scene.body);
            // What lacks is the end alone: whoever reads element by element hears why.
            let chunks: Vec<Value> =
                serde_json::from_str(&format!("{}]", scene.body)).unwrap_or_else(|error| panic!("{error}: {}", scene.body));
            assert_eq!(text(&chunks), expected, "{provider}");
            assert!(chunks.last().unwrap().pointer("/error/message").is_some(), "{provider}: {}", scene.body);
        }
    }
}

#[test]
fn what_cannot_be_an_element_leaves_the_array_open() {
    let stream = format!("data: {}\n\ndata: {{\"broken\n\ndata: {}\n\n", CHUNKS[0], CHUNKS[1]);
    let scene = ask("gemini", "").streams(stream).play();
    assert_eq!(scene.body, format!("[{}\n,\r\n{}", CHUNKS[0], CHUNKS[1]));
}
