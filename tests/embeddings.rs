//! Embeddings: asked in OpenAI's form, of providers of every shape.
#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

use causeway::error::{Error, Kind, Origin};
use causeway::ir::Losses;
use causeway::wire::base64;
use causeway::wire::embeddings::*;
use serde_json::{Value, json};
use std::path::Path;

const TEXT_ONLY: [Shape; 15] = [
    Shape::Ollama,
    Shape::Mistral,
    Shape::Voyage,
    Shape::Jina,
    Shape::Nvidia,
    Shape::Cohere,
    Shape::CohereBedrock,
    Shape::Gemini,
    Shape::GeminiSingle,
    Shape::Vertex,
    Shape::Titan,
    Shape::TitanImage,
    Shape::Nova,
    Shape::HuggingFace,
    Shape::WorkersAi,
];

fn decoded(body: &Value) -> Request {
    decode_request(body.to_string().as_bytes()).unwrap()
}

fn encoded(body: &Value, shape: Shape) -> Result<(Vec<Value>, Vec<String>), Error> {
    let mut losses = Losses::default();
    let bodies = encode_requests(&decoded(body), shape, shape.most(), &mut losses)?;
    Ok((bodies.iter().map(|body| serde_json::from_slice(body).unwrap()).collect(), losses.names().to_vec()))
}

/// The caller's answer to two texts.
fn answered(answers: &[&str], encoding: &str) -> Result<Value, Error> {
    let request = decoded(&json!({"model": "m", "input": ["a", "b"], "encoding_format": encoding}));
    let batches = answers.iter().map(|answer| decode_response(answer.as_bytes())).collect::<Result<Vec<_>, _>>()?;
    Ok(serde_json::from_slice(&encode_response(&batches, &request)?).unwrap())
}

#[test]
fn every_shape_is_asked_in_its_own_words() {
    let body = json!({"model": "m", "input": ["a", "b"], "dimensions": 8});
    let part = |text: &str| json!({"parts": [{"text": text}]});
    let table = [
        (Shape::OpenAi, vec![json!({"model": "m", "input": ["a", "b"], "dimensions": 8})]),
        (Shape::Ollama, vec![json!({"model": "m", "input": ["a", "b"], "dimensions": 8})]),
        (Shape::Mistral, vec![json!({"model": "m", "input": ["a", "b"], "output_dimension": 8})]),
        (Shape::Voyage, vec![json!({"model": "m", "input": ["a", "b"], "output_dimension": 8})]),
        (Shape::Jina, vec![json!({"model": "m", "input": ["a", "b"], "dimensions": 8})]),
        (Shape::Nvidia, vec![json!({"model": "m", "input": ["a", "b"], "dimensions": 8, "input_type": "passage"})]),
        (
            Shape::Cohere,
            vec![
                json!({"model": "m", "texts": ["a", "b"], "input_type": "search_document", "embedding_types": ["float"], "output_dimension": 8}),
            ],
        ),
        (
            Shape::CohereBedrock,
            vec![json!({"texts": ["a", "b"], "input_type": "search_document", "embedding_types": ["float"], "output_dimension": 8})],
        ),
        (
            Shape::Gemini,
            vec![json!({"requests": [
                {"model": "models/m", "content": part("a"), "outputDimensionality": 8},
                {"model": "models/m", "content": part("b"), "outputDimensionality": 8}]})],
        ),
        (
            Shape::GeminiSingle,
            vec![json!({"content": part("a"), "outputDimensionality": 8}), json!({"content": part("b"), "outputDimensionality": 8})],
        ),
        (Shape::Vertex, vec![json!({"instances": [{"content": "a"}, {"content": "b"}], "parameters": {"outputDimensionality": 8}})]),
        (Shape::Titan, vec![json!({"inputText": "a", "dimensions": 8}), json!({"inputText": "b", "dimensions": 8})]),
        (
            Shape::TitanImage,
            vec![
                json!({"inputText": "a", "embeddingConfig": {"outputEmbeddingLength": 8}}),
                json!({"inputText": "b", "embeddingConfig": {"outputEmbeddingLength": 8}}),
            ],
        ),
        (
            Shape::Nova,
            ["a", "b"]
                .map(|text| {
                    json!({"taskType": "SINGLE_EMBEDDING", "singleEmbeddingParams":
                        {"embeddingPurpose": "GENERIC_INDEX", "embeddingDimension": 8, "text": {"truncationMode": "END", "value": text}}})
                })
                .to_vec(),
        ),
        (Shape::HuggingFace, vec![json!({"inputs": ["a", "b"]})]),
        (Shape::WorkersAi, vec![json!({"text": ["a", "b"]})]),
    ];
    for (shape, expected) in table {
        let (bodies, losses) = encoded(&body, shape).unwrap();
        assert_eq!(bodies, expected, "{shape:?}");
        let lost = matches!(shape, Shape::HuggingFace | Shape::WorkersAi);
        assert_eq!(losses, if lost { vec!["dimensions"] } else { vec![] }, "{shape:?}");
    }
}

#[test]
fn a_purpose_in_anyone_s_words_is_said_in_the_provider_s() {
    let table = [
        (Shape::Cohere, "input_type", "search_query", "input_type", Some("search_query")),
        (Shape::Cohere, "input_type", "query", "input_type", Some("search_query")),
        (Shape::Cohere, "input_type", "image", "input_type", Some("image")),
        (Shape::Voyage, "input_type", "search_document", "input_type", Some("document")),
        (Shape::Nvidia, "input_type", "document", "input_type", Some("passage")),
        (Shape::Jina, "input_type", "query", "task", Some("retrieval.query")),
        (Shape::Jina, "task", "code.query", "task", Some("code.query")),
        (Shape::Voyage, "task_type", "CLUSTERING", "input_type", None),
        (Shape::Nvidia, "task_type", "CLUSTERING", "input_type", Some("passage")),
    ];
    for (shape, name, said, field, expected) in table {
        let mut body = json!({"model": "m", "input": "a"});
        body[name] = json!(said);
        let (bodies, losses) = encoded(&body, shape).unwrap();
        assert_eq!(bodies[0].get(field).and_then(Value::as_str), expected, "{shape:?} {said}");
        assert_eq!(losses.is_empty(), said != "CLUSTERING", "{shape:?} {said}");
    }
    let body = json!({"model": "m", "input": "a", "task_type": "RETRIEVAL_QUERY", "title": "t", "autoTruncate": false});
    let gemini = &encoded(&json!({"model": "models/m", "input": "a", "input_type": "search_query"}), Shape::Gemini).unwrap().0[0];
    assert_eq!(gemini["requests"][0]["taskType"], "RETRIEVAL_QUERY");
    assert_eq!(gemini["requests"][0]["model"], "models/m");
    let (vertex, losses) = encoded(&body, Shape::Vertex).unwrap();
    let instance = json!({"content": "a", "task_type": "RETRIEVAL_QUERY", "title": "t"});
    assert_eq!(vertex, [json!({"instances": [instance], "parameters": {"autoTruncate": false}})]);
    assert_eq!(losses, [""; 0]);
}

#[test]
fn what_a_provider_does_not_know_is_named() {
    let body = json!({"model": "m", "input": "a", "user": "u", "encoding_format": "base64", "input_type": "query", "novel": 1});
    let (bodies, losses) = encoded(&body, Shape::OpenAi).unwrap();
    let mut expected = body.clone();
    expected["input"] = json!(["a"]);
    assert_eq!((bodies, losses), (vec![expected], vec![]));
    for shape in TEXT_ONLY {
        let (bodies, losses) = encoded(&body, shape).unwrap();
        assert!(losses.contains(&"user".to_owned()) && losses.contains(&"novel".to_owned()), "{shape:?}: {losses:?}");
        let sent = bodies[0].to_string();
        assert!(!["encoding_format", "novel", "user"].iter().any(|name| sent.contains(name)), "{sent}");
    }
}

#[test]
fn token_ids_go_to_openai_s_form_only() {
    for (input, expected) in [(json!([1, 2]), json!([[1, 2]])), (json!([[1], [2, 3]]), json!([[1], [2, 3]]))] {
        let body = json!({"model": "m", "input": input});
        assert_eq!(encoded(&body, Shape::OpenAi).unwrap().0, [json!({"model": "m", "input": expected})]);
        for shape in TEXT_ONLY {
            let error = encoded(&body, shape).unwrap_err();
            assert_eq!((error.status, error.param.as_deref()), (400, Some("input")), "{shape:?}");
            assert!(error.message.contains("token ids"), "{}", error.message);
        }
    }
    let body = json!({"model": "m", "input": [{"image": "https://a.example"}]});
    assert_eq!(encoded(&body, Shape::OpenAi).unwrap().0, std::slice::from_ref(&body));
    assert_eq!(encoded(&body, Shape::Cohere).unwrap_err().status, 400);
}

#[test]
fn a_request_that_makes_no_sense_is_refused_by_the_field() {
    let table = [
        (json!({"input": "a"}), "model"),
        (json!({"model": "m"}), "input"),
        (json!({"model": "m", "input": []}), "input"),
        (json!({"model": "m", "input": 7}), "input"),
        (json!({"model": "m", "input": ["a", 7]}), "input"),
        (json!({"model": "m", "input": [-1]}), "input"),
        (json!({"model": "m", "input": "a", "dimensions": 0}), "dimensions"),
        (json!({"model": "m", "input": "a", "dimensions": "8"}), "dimensions"),
        (json!({"model": "m", "input": "a", "encoding_format": "int8"}), "encoding_format"),
    ];
    for (body, param) in table {
        let error = decode_request(body.to_string().as_bytes()).unwrap_err();
        assert_eq!((error.kind, error.param.as_deref()), (Kind::Invalid, Some(param)), "{body}");
    }
}

#[test]
fn many_inputs_are_asked_for_in_turns_and_joined_in_order() {
    let texts: Vec<String> = (0..100).map(|number| number.to_string()).collect();
    let request = decoded(&json!({"model": "m", "input": texts}));
    let count = |shape: Shape, most| encode_requests(&request, shape, most, &mut Losses::default()).unwrap().len();
    assert_eq!(count(Shape::Cohere, Shape::Cohere.most()), 2);
    assert_eq!(count(Shape::Titan, 1_000), 100);
    assert_eq!(count(Shape::Vertex, 1), 100);
    assert_eq!(count(Shape::OpenAi, Shape::OpenAi.most()), 1);
    let answers = [r#"{"embedding":[1],"inputTextTokenCount":3}"#, r#"{"embedding":[2],"inputTextTokenCount":4}"#];
    let answer = answered(&answers, "float").unwrap();
    assert_eq!(
        answer,
        json!({"object": "list", "model": "m", "usage": {"prompt_tokens": 7, "total_tokens": 7}, "data": [
            {"object": "embedding", "index": 0, "embedding": [1]}, {"object": "embedding", "index": 1, "embedding": [2]}]})
    );
}

#[test]
fn every_provider_s_answer_becomes_openai_s() {
    let table = [
        (
            r#"{"object":"list","data":[{"embedding":[2,0.5],"index":1},{"embedding":[1,0.5],"index":0}],"model":"n","usage":{"prompt_tokens":5,"total_tokens":5}}"#,
            "n",
            5,
        ),
        (
            r#"{"object":"list","data":[{"embedding":"AAAAQAAAAD8=","index":1},{"embedding":"AACAPwAAAD8=","index":0}],"model":"n","usage":{"total_tokens":5}}"#,
            "n",
            5,
        ),
        (r#"{"id":"x","embeddings":{"float":[[1,0.5],[2,0.5]]},"texts":["a","b"],"meta":{"billed_units":{"input_tokens":5.0}}}"#, "m", 5),
        (r#"{"embeddings":[[1,0.5],[2,0.5]],"response_type":"embeddings_floats"}"#, "m", 0),
        (r#"{"embeddings":[{"values":[1,0.5]},{"values":[2,0.5]}],"usageMetadata":{"promptTokenCount":5}}"#, "m", 5),
        (
            r#"{"predictions":[{"embeddings":{"values":[1,0.5],"statistics":{"token_count":2}}},{"embeddings":{"values":[2,0.5],"statistics":{"token_count":3.0}}}]}"#,
            "m",
            5,
        ),
        ("[[1,0.5],[2,0.5]]", "m", 0),
        (r#"{"result":{"shape":[2,2],"data":[[1,0.5],[2,0.5]]},"success":true,"errors":[]}"#, "m", 0),
        (r#"{"model":"n","embeddings":[[1,0.5],[2,0.5]],"prompt_eval_count":5}"#, "n", 5),
    ];
    for (body, model, tokens) in table {
        let answer = answered(&[body], "float").unwrap();
        assert_eq!(answer["model"], model, "{body}");
        assert_eq!(answer["usage"], json!({"prompt_tokens": tokens, "total_tokens": tokens}), "{body}");
        for (index, first) in [(0, 1.0), (1, 2.0)] {
            let entry = &answer["data"][index];
            assert_eq!(entry["index"], index, "{body}");
            assert_eq!((entry["embedding"][0].as_f64(), entry["embedding"][1].as_f64()), (Some(first), Some(0.5)), "{body}");
        }
        let packed = answered(&[body], "base64").unwrap();
        assert_eq!(packed["data"][0]["embedding"], "AACAPwAAAD8=", "{body}");
    }
    let ones = [
        r#"{"embedding":[1,0.5]}"#,
        "[1,0.5]",
        r#"{"embedding":{"values":[1,0.5]},"usageMetadata":{"promptTokenCount":1}}"#,
        r#"{"embeddings":[{"embeddingType":"TEXT","embedding":[1,0.5]}]}"#,
    ];
    for body in ones {
        let answer = answered(&[body, body], "float").unwrap();
        assert_eq!(answer["data"][1], json!({"object": "embedding", "index": 1, "embedding": [1, 0.5]}), "{body}");
    }
}

#[test]
fn floats_keep_the_text_they_came_in() {
    let body = br#"{"embeddings":{"float":[[-0.018445116, 1e-7,3.0000000000000001]]}}"#;
    let request = decoded(&json!({"model": "m", "input": "a"}));
    let answer = encode_response(&[decode_response(body).unwrap()], &request).unwrap();
    assert!(String::from_utf8(answer).unwrap().contains(r#""embedding":[-0.018445116, 1e-7,3.0000000000000001]"#));
}

#[test]
fn an_answer_without_vectors_is_the_provider_s_error() {
    let table = [
        (r#"{"message":"out of luck"}"#, "out of luck"),
        (r#"{"error":{"message":"no such model","code":404}}"#, "no such model"),
        (r#"{"success":false,"errors":[{"message":"bad input"}],"result":null}"#, "bad input"),
        ("<html>", "could not be read"),
        (r#"{"data":[{"index":0}]}"#, "no vector"),
        ("[[[1],[2]],[[1],[2]]]", "for each token"),
        (r#"{"data":[{"embedding":[1]}]}"#, "1 vectors for 2 inputs"),
        (r#"{"data":[{"embedding":"AAA="},{"embedding":"AAA="}]}"#, "32-bit"),
        (r#"{"data":[{"embedding":7},{"embedding":7}]}"#, "no vector"),
    ];
    for (body, words) in table {
        let error = answered(&[body], "float").unwrap_err();
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
            let about = name.contains("embed") && !name.contains("error") && !name.contains("count-tokens");
            if about && check(&path) {
                seen += 1;
            }
        }
    }
    assert!(seen >= 15, "{seen}");
}

fn check(path: &Path) -> bool {
    let case: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    if case["response"]["status"] != 200 {
        return false;
    }
    let body = case["response"]["body"].to_string();
    let batch = decode_response(body.as_bytes()).unwrap_or_else(|error| panic!("{}: {error:?}", path.display()));
    let inputs = vec!["x"; batch.vectors.len()];
    let bytes = |encoding: &str| {
        let request = decoded(&json!({"model": "m", "input": inputs, "encoding_format": encoding}));
        serde_json::from_slice::<Value>(&encode_response(std::slice::from_ref(&batch), &request).unwrap()).unwrap()
    };
    let (plain, packed) = (bytes("float"), bytes("base64"));
    for (plain, packed) in plain["data"].as_array().unwrap().iter().zip(packed["data"].as_array().unwrap()) {
        let length = base64::decode(packed["embedding"].as_str().unwrap()).unwrap().len();
        assert_eq!(plain["embedding"].as_array().unwrap().len() * 4, length, "{}", path.display());
    }
    true
}
