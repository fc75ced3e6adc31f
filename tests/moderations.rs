//! Moderation in OpenAI's form, judged by Mistral.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use causeway::ir::Losses;
use causeway::wire::Echo;
use causeway::wire::moderations::*;
use serde_json::{Value, json};

fn echo() -> Echo {
    Echo { model: "asked-model".into(), now: 7, nonce: "nonce".into(), stream_usage: false }
}

fn translated(answer: &Value) -> Value {
    serde_json::from_slice(&translate_answer(answer.to_string().as_bytes(), &echo()).unwrap()).unwrap()
}

#[test]
fn texts_are_sent_as_a_list() {
    for (input, texts) in [
        (json!("a"), json!(["a"])),
        (json!(["a", "b"]), json!(["a", "b"])),
        (json!([{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]), json!(["a\nb"])),
    ] {
        let request = decode_request(json!({"model": "m", "input": input}).to_string().as_bytes()).unwrap();
        let body: Value = serde_json::from_slice(&encode_request(&request, &mut Losses::default())).unwrap();
        assert_eq!(body, json!({"model": "m", "input": texts}));
    }
    let request = decode_request(br#"{"input":"a","extra":1}"#).unwrap();
    let mut losses = Losses::default();
    assert_eq!(encode_request(&request, &mut losses), br#"{"input":["a"]}"#);
    assert_eq!(losses.names(), ["extra"]);
}

#[test]
fn what_is_no_text_is_refused_with_its_place() {
    for (body, param) in [
        (json!({}), "input"),
        (json!({"input": []}), "input"),
        (json!({"input": 1}), "input"),
        (json!({"input": [1]}), "input.0"),
        (json!({"input": ["a", {"type": "text", "text": "b"}]}), "input.0"),
        (json!({"input": [{"type": "text"}]}), "input.0.text"),
        (json!({"input": [{"type": "text", "text": "a"}, {"type": "image_url", "image_url": {"url": "https://a"}}]}), "input.1"),
    ] {
        let error = decode_request(body.to_string().as_bytes()).unwrap_err();
        assert_eq!((error.status, error.param.as_deref()), (400, Some(param)), "{body}: {}", error.message);
    }
}

#[test]
fn a_verdict_has_every_category_of_openai_and_keeps_the_others() {
    let answer = translated(&json!({
        "id": "x", "model": "mistral-moderation-2411",
        "results": [{
            "categories": {"sexual": false, "hate_and_discrimination": true, "dangerous": false, "criminal": true, "selfharm": false, "pii": false},
            "category_scores": {"sexual": 0.1, "hate_and_discrimination": 0.9, "dangerous": 0.2, "criminal": 0.7, "selfharm": 1e-5, "pii": 0.3}
        }]
    }));
    let result = &answer["results"][0];
    assert_eq!((&answer["id"], &answer["model"], &result["flagged"]), (&json!("x"), &json!("mistral-moderation-2411"), &json!(true)));
    let (flags, scores, inputs) = (&result["categories"], &result["category_scores"], &result["category_applied_input_types"]);
    for (name, flag, score, judged) in [
        ("sexual", false, 0.1, true),
        ("hate", true, 0.9, true),
        ("illicit", true, 0.7, true),
        ("self-harm", false, 1e-5, true),
        ("pii", false, 0.3, true),
        ("violence", false, 0.0, false),
        ("harassment/threatening", false, 0.0, false),
    ] {
        let expected = if judged { json!(["text"]) } else { json!([]) };
        assert_eq!((&flags[name], &scores[name], &inputs[name]), (&json!(flag), &json!(score), &expected), "{name}");
    }
    assert_eq!(flags.as_object().unwrap().len(), 14);
}

#[test]
fn an_answer_is_read_leniently_and_what_is_none_is_an_error() {
    let bare = translated(&json!({"results": [{"categories": {"health": true}}, {"categories": {}, "category_scores": null}]}));
    assert_eq!((&bare["id"], &bare["model"]), (&json!("modr-nonce"), &json!("asked-model")));
    assert_eq!((&bare["results"][0]["flagged"], &bare["results"][1]["flagged"]), (&json!(true), &json!(false)));
    for wrong in ["", "[]", "{}", r#"{"results":{}}"#, r#"{"results":[1]}"#, r#"{"results":[{}]}"#] {
        assert_eq!(translate_answer(wrong.as_bytes(), &echo()).unwrap_err().status, 502, "{wrong}");
    }
}
