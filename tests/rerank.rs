//! Reranking: asked in the form of Cohere and Jina, of providers of every shape.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use causeway::error::{Error, Kind, Origin};
use causeway::ir::Losses;
use causeway::wire::rerank::*;
use serde_json::{Value, json};

fn decoded(body: &Value) -> Request {
    decode_request(body.to_string().as_bytes()).unwrap()
}

fn encoded(body: &Value, shape: Shape) -> Result<(Value, Vec<String>), Error> {
    let mut losses = Losses::default();
    let body = encode_request(&decoded(body), shape, &mut losses)?;
    Ok((serde_json::from_slice(&body).unwrap(), losses.names().to_vec()))
}

fn answered(answer: &str, more: &Value) -> Result<Value, Error> {
    let mut body = json!({"model": "m", "query": "q", "documents": ["a", {"text": "b"}, "c"]});
    for (name, field) in more.as_object().unwrap() {
        body[name] = field.clone();
    }
    let bytes = encode_response(&decode_response(answer.as_bytes())?, &decoded(&body))?;
    Ok(serde_json::from_slice(&bytes).unwrap())
}

#[test]
fn every_shape_is_asked_in_its_own_words() {
    let body = json!({"model": "m", "query": "q", "documents": ["a", {"text": "b"}], "top_n": 1, "return_documents": true});
    let mixed = json!(["a", {"text": "b"}]);
    let wrapped = json!([{"text": "a"}, {"text": "b"}]);
    let table = [
        (Shape::Plain, json!({"model": "m", "query": "q", "documents": mixed, "top_n": 1})),
        (Shape::Cohere, json!({"model": "m", "query": "q", "documents": ["a", "b"], "top_n": 1})),
        (Shape::CohereBedrock, json!({"query": "q", "documents": ["a", "b"], "top_n": 1, "api_version": 2})),
        (Shape::Amazon, json!({"query": "q", "documents": ["a", "b"], "top_n": 1})),
        (Shape::Voyage, json!({"model": "m", "query": "q", "documents": ["a", "b"], "top_k": 1})),
        (Shape::Jina, json!({"model": "m", "query": "q", "documents": mixed, "top_n": 1, "return_documents": false})),
        (Shape::Together, json!({"model": "m", "query": "q", "documents": mixed, "top_n": 1})),
        (Shape::Nvidia, json!({"model": "m", "query": {"text": "q"}, "passages": wrapped})),
        (Shape::HuggingFace, json!({"query": "q", "texts": ["a", "b"]})),
        (Shape::WorkersAi, json!({"query": "q", "contexts": wrapped, "top_k": 1})),
    ];
    for (shape, expected) in table {
        assert_eq!(encoded(&body, shape).unwrap(), (expected, vec![]), "{shape:?}");
    }
}

#[test]
fn what_a_provider_knows_goes_along_and_the_rest_is_named() {
    let body = json!({"model": "m", "query": "q", "documents": ["a"], "top_k": 2, "max_tokens_per_doc": 5, "rank_fields": ["text"]});
    let table = [
        (Shape::Plain, json!({"max_tokens_per_doc": 5, "rank_fields": ["text"], "top_n": 2}), vec![]),
        (Shape::Cohere, json!({"max_tokens_per_doc": 5, "top_n": 2}), vec!["rank_fields"]),
        (Shape::Together, json!({"rank_fields": ["text"], "top_n": 2}), vec!["max_tokens_per_doc"]),
        (Shape::Voyage, json!({"top_k": 2}), vec!["max_tokens_per_doc", "rank_fields"]),
    ];
    for (shape, more, lost) in table {
        let (sent, losses) = encoded(&body, shape).unwrap();
        let mut expected = json!({"model": "m", "query": "q", "documents": ["a"]});
        more.as_object().unwrap().iter().for_each(|(name, field)| expected[name] = field.clone());
        assert_eq!((sent, losses), (expected, lost.into_iter().map(str::to_owned).collect()), "{shape:?}");
    }
}

#[test]
fn documents_with_fields_go_only_to_those_who_take_them() {
    let body = json!({"model": "m", "query": "q", "documents": ["a", {"title": "t", "text": "b"}]});
    assert_eq!(encoded(&body, Shape::Together).unwrap().0["documents"], body["documents"]);
    for shape in [Shape::Cohere, Shape::CohereBedrock, Shape::Amazon, Shape::Voyage, Shape::Nvidia, Shape::HuggingFace, Shape::WorkersAi] {
        let error = encoded(&body, shape).unwrap_err();
        assert_eq!((error.status, error.param.as_deref()), (400, Some("documents.1")), "{shape:?}");
    }
}

#[test]
fn a_request_that_makes_no_sense_is_refused_by_the_field() {
    let table = [
        (json!({"query": "q", "documents": ["a"]}), "model"),
        (json!({"model": "m", "documents": ["a"]}), "query"),
        (json!({"model": "m", "query": "q"}), "documents"),
        (json!({"model": "m", "query": "q", "documents": []}), "documents"),
        (json!({"model": "m", "query": "q", "documents": ["a", 7]}), "documents.1"),
        (json!({"model": "m", "query": "q", "documents": ["a"], "top_n": 0}), "top_n"),
        (json!({"model": "m", "query": "q", "documents": ["a"], "top_k": "1"}), "top_k"),
        (json!({"model": "m", "query": "q", "documents": ["a"], "return_documents": 1}), "return_documents"),
    ];
    for (body, param) in table {
        let error = decode_request(body.to_string().as_bytes()).unwrap_err();
        assert_eq!((error.kind, error.param.as_deref()), (Kind::Invalid, Some(param)), "{body}");
    }
}

#[test]
fn every_provider_s_answer_is_told_alike() {
    let table = [
        r#"{"id":"i","results":[{"index":2,"relevance_score":0.9},{"index":0,"relevance_score":0.1}],"meta":{"billed_units":{"search_units":1}}}"#,
        r#"{"object":"list","data":[{"relevance_score":0.9,"index":2},{"relevance_score":0.1,"index":0}],"model":"n","usage":{"total_tokens":5}}"#,
        r#"{"model":"n","results":[{"index":2,"relevance_score":0.9,"document":{"text":"c"}},{"index":0,"relevance_score":0.1}],"usage":{"total_tokens":5}}"#,
        r#"{"rankings":[{"index":2,"logit":0.9},{"index":0,"logit":0.1}]}"#,
        r#"[{"index":0,"score":0.1},{"index":2,"score":0.9}]"#,
        r#"{"result":{"response":[{"id":2,"score":0.9},{"id":0,"score":0.1}]},"success":true}"#,
    ];
    for body in table {
        let answer = answered(body, &json!({})).unwrap();
        let results = json!([{"index": 2, "relevance_score": 0.9}, {"index": 0, "relevance_score": 0.1}]);
        assert_eq!(answer["results"], results, "{body}");
        let told: Value = serde_json::from_str(body).unwrap();
        assert_eq!(answer["model"], told.get("model").unwrap_or(&json!("m")).clone(), "{body}");
        for name in ["id", "usage", "meta"] {
            assert_eq!(answer.get(name), told.get(name), "{body}");
        }
        let cut = answered(body, &json!({"top_n": 1, "return_documents": true})).unwrap();
        assert_eq!(cut["results"], json!([{"index": 2, "relevance_score": 0.9, "document": {"text": "c"}}]), "{body}");
    }
    let counted = |body: &str| decode_response(body.as_bytes()).map(|answer| (answer.tokens, answer.searches)).unwrap();
    assert_eq!(counted(table[0]), (None, Some(1)));
    assert_eq!(counted(table[1]), (Some(5), None));
}

#[test]
fn scores_keep_the_text_they_came_in() {
    let body = r#"{"results":[{"index":0,"relevance_score":0.69140625000000000001}]}"#;
    let request = decoded(&json!({"model": "m", "query": "q", "documents": ["a"]}));
    let bytes = encode_response(&decode_response(body.as_bytes()).unwrap(), &request).unwrap();
    assert!(String::from_utf8(bytes).unwrap().contains("0.69140625000000000001"));
}

#[test]
fn an_answer_without_results_is_the_provider_s_error() {
    let table = [
        (r#"{"message":"out of luck"}"#, "out of luck"),
        (r#"{"error":{"message":"no such model"}}"#, "no such model"),
        (r#"{"results":[{"index":0}]}"#, "no score"),
        (r#"{"results":[{"index":7,"relevance_score":1}]}"#, "document 7"),
        ("<html>", "could not be read"),
    ];
    for (body, words) in table {
        let error = answered(body, &json!({})).unwrap_err();
        assert_eq!(error.origin, Origin::Upstream, "{body}");
        assert!(error.message.contains(words), "{} for {body}", error.message);
    }
}

#[test]
fn recorded_answers_are_read_whole() {
    let Ok(folders) = std::fs::read_dir("/work/shared/recordings") else {
        eprintln!("skipped: there are no recordings here");
        return;
    };
    let mut seen = 0;
    for folder in folders.map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()) {
        for path in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if !name.contains("rerank") || name.contains("error") {
                continue;
            }
            let case: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
            let body = case["response"]["body"].to_string();
            let answer = decode_response(body.as_bytes()).unwrap_or_else(|error| panic!("{name}: {error:?}"));
            assert!(!answer.results.is_empty() && answer.tokens.or(answer.searches).is_some(), "{name}");
            let listed = case["response"]["body"].get("results").or(case["response"]["body"].get("data")).unwrap();
            let order: Vec<u64> = listed.as_array().unwrap().iter().map(|result| result["index"].as_u64().unwrap()).collect();
            assert_eq!(answer.results.iter().map(|ranked| ranked.index).collect::<Vec<_>>(), order, "{name}");
            seen += 1;
        }
    }
    assert!(seen >= 5, "{seen}");
}
