//! Moderations: asked in OpenAI's form.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use causeway::error::{Error, Kind, Origin};
use causeway::ir::Losses;
use causeway::wire::moderations::*;
use serde_json::{Value, json};

const NAMES: [&str; 13] = [
    "harassment",
    "harassment/threatening",
    "hate",
    "hate/threatening",
    "illicit",
    "illicit/violent",
    "self-harm",
    "self-harm/instructions",
    "self-harm/intent",
    "sexual",
    "sexual/minors",
    "violence",
    "violence/graphic",
];

fn encoded(body: &Value, shape: Shape) -> Result<(Value, Vec<String>), Error> {
    let mut losses = Losses::default();
    let body = encode_request(&decode_request(body.to_string().as_bytes())?, shape, &mut losses)?;
    Ok((serde_json::from_slice(&body).unwrap(), losses.names().to_vec()))
}

fn answered(body: &str) -> Result<Value, Error> {
    let request = decode_request(br#"{"model":"m","input":"a"}"#)?;
    Ok(serde_json::from_slice(&encode_response(&decode_response(body.as_bytes())?, &request, "nonce")).unwrap())
}

#[test]
fn each_shape_is_asked_in_its_own_words() {
    let parts = json!([{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]);
    let table = [
        (json!({"model": "m", "input": "a"}), Shape::OpenAi, json!({"model": "m", "input": "a"}), vec![]),
        (json!({"input": ["a", "b"], "novel": 1}), Shape::OpenAi, json!({"input": ["a", "b"], "novel": 1}), vec![]),
        (json!({"model": "m", "input": ["a", "b"], "novel": 1}), Shape::Mistral, json!({"model": "m", "input": ["a", "b"]}), vec!["novel"]),
        (json!({"model": "m", "input": parts}), Shape::OpenAi, json!({"model": "m", "input": parts}), vec![]),
        (json!({"model": "m", "input": parts}), Shape::Mistral, json!({"model": "m", "input": "a\nb"}), vec![]),
    ];
    for (body, shape, expected, lost) in table {
        assert_eq!(encoded(&body, shape).unwrap(), (expected, lost.into_iter().map(str::to_owned).collect()), "{body}");
    }
}

#[test]
fn what_cannot_be_asked_is_refused_by_the_field() {
    let image = json!({"model": "m", "input": [{"type": "image_url", "image_url": {"url": "https://a.example"}}]});
    let table = [
        (json!({"model": "m"}), "input"),
        (json!({"input": []}), "input"),
        (json!({"input": ["a", 1]}), "input"),
        (json!({"model": 1, "input": "a"}), "model"),
        (image, "input.0.type"),
    ];
    for (body, param) in table {
        let error = encoded(&body, Shape::Mistral).unwrap_err();
        assert_eq!((error.kind, error.param.as_deref()), (Kind::Invalid, Some(param)), "{body}");
    }
}

#[test]
fn mistral_s_verdict_is_told_under_openai_s_names_too() {
    let answer = answered(
        r#"{"id":"x","model":"n","results":[{"categories":{"sexual":false,"hate_and_discrimination":true,"pii":true},
            "category_scores":{"sexual":1e-7,"hate_and_discrimination":0.90000000000000000001,"pii":0.8}}]}"#,
    )
    .unwrap();
    let result = &answer["results"][0];
    assert_eq!((&answer["id"], &answer["model"], &result["flagged"]), (&json!("x"), &json!("n"), &json!(true)));
    for name in NAMES {
        assert_eq!(result["categories"][name], name == "hate", "{name}");
        assert!(result["category_scores"][name].is_number(), "{name}");
        let applied = if ["hate", "sexual"].contains(&name) { json!(["text"]) } else { json!([]) };
        assert_eq!(result["category_applied_input_types"][name], applied, "{name}");
    }
    assert_eq!((&result["categories"]["pii"], &result["category_scores"]["pii"]), (&json!(true), &json!(0.8)));
    let clean = answered(r#"{"results":[{"categories":{"pii":false},"category_scores":{}}]}"#).unwrap();
    assert_eq!((&clean["id"], &clean["model"]), (&json!("modr-nonce"), &json!("m")));
    assert_eq!(clean["results"][0]["flagged"], false);
}

#[test]
fn openai_s_verdict_stays_what_it_is() {
    let flags: serde_json::Map<String, Value> = NAMES.iter().map(|name| ((*name).to_owned(), json!(*name == "hate"))).collect();
    let scores: serde_json::Map<String, Value> = NAMES.iter().map(|name| ((*name).to_owned(), json!(0.25))).collect();
    let applied: serde_json::Map<String, Value> = NAMES.iter().map(|name| ((*name).to_owned(), json!(["image"]))).collect();
    let answer = json!({"id": "x", "model": "n", "results": [
        {"flagged": true, "categories": flags, "category_scores": scores, "category_applied_input_types": applied}]});
    assert_eq!(answered(&answer.to_string()).unwrap(), answer);
}

#[test]
fn an_answer_without_results_is_the_provider_s_error() {
    for (body, words) in
        [(r#"{"message":"out of luck"}"#, "out of luck"), ("<html>", "could not be read"), (r#"{"results":[7]}"#, "could not be read")]
    {
        let error = answered(body).unwrap_err();
        assert_eq!(error.origin, Origin::Upstream, "{body}");
        assert!(error.message.contains(words), "{} for {body}", error.message);
    }
}
