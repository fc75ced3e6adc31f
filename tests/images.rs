//! Images from text: one form for callers, eleven for providers.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::path::Path;

use causeway::error::Error;
use causeway::ir::{Losses, Usage};
use causeway::wire::images::*;
use causeway::wire::predictions::Progress;
use serde_json::{Value, json};

const SHAPES: [Shape; 11] = [
    Shape::OpenAi,
    Shape::Together,
    Shape::Xai,
    Shape::Imagen,
    Shape::Gemini,
    Shape::Titan,
    Shape::BedrockStability,
    Shape::Stability,
    Shape::Fireworks,
    Shape::Replicate,
    Shape::WorkersAi,
];

fn decoded(body: &Value) -> Request {
    decode_request(body.to_string().as_bytes()).unwrap()
}

fn sent(shape: Shape, body: &Value) -> (Value, Vec<String>) {
    let mut losses = Losses::default();
    let outgoing = encode_request(shape, &decoded(body), 0, "nonce", &mut losses).unwrap();
    assert_eq!(outgoing.content_type, "application/json");
    (serde_json::from_slice(&outgoing.body).unwrap(), losses.names().to_vec())
}

fn answered(shape: Shape, body: &Value) -> Result<Value, Error> {
    let bytes = body.to_string();
    match decode_answer(shape, "application/json", bytes.as_bytes())? {
        Progress::Done(answer) => Ok(serde_json::from_slice(&encode_answer(&answer, None, 7, &mut Losses::default())).unwrap()),
        Progress::Pending(pending) => panic!("{pending:?}"),
    }
}

/// All that OpenAI's form has, but for what some refuse.
fn full() -> Value {
    json!({
        "model": "m", "prompt": "a cat", "n": 1, "size": "1536x1024", "quality": "hd", "style": "vivid", "response_format": "b64_json",
        "background": "opaque", "output_format": "jpeg", "user": "u", "seed": 5, "steps": 4
    })
}

#[test]
fn each_shape_gets_what_it_knows_and_the_rest_is_named() {
    let table: Vec<(Shape, Value, Vec<&str>)> = vec![
        (Shape::OpenAi, full(), vec![]),
        (
            Shape::Together,
            json!({"model": "m", "prompt": "a cat", "n": 1, "width": 1536, "height": 1024, "response_format": "base64",
                "output_format": "jpeg", "seed": 5, "steps": 4}),
            vec!["quality", "style", "background", "user"],
        ),
        (
            Shape::Xai,
            json!({"model": "m", "prompt": "a cat", "n": 1, "response_format": "b64_json", "user": "u", "seed": 5, "steps": 4}),
            vec!["size", "quality", "style", "background", "output_format"],
        ),
        (
            Shape::Imagen,
            json!({"instances": [{"prompt": "a cat"}], "parameters": {"sampleCount": 1, "aspectRatio": "4:3",
                "outputOptions": {"mimeType": "image/jpeg"}, "steps": 4}}),
            vec!["size=1536x1024", "seed", "quality", "style", "background", "user"],
        ),
        (
            Shape::Gemini,
            json!({"contents": [{"role": "user", "parts": [{"text": "a cat"}]}],
                "generationConfig": {"responseModalities": ["TEXT", "IMAGE"], "imageConfig": {"aspectRatio": "3:2"}, "seed": 5}}),
            vec!["quality", "style", "background", "output_format", "user", "steps"],
        ),
        (
            Shape::Titan,
            json!({"taskType": "TEXT_IMAGE", "textToImageParams": {"text": "a cat"},
                "imageGenerationConfig": {"numberOfImages": 1, "width": 1536, "height": 1024, "quality": "premium", "seed": 5}}),
            vec!["style", "background", "output_format", "user", "steps"],
        ),
        (
            Shape::BedrockStability,
            json!({"prompt": "a cat", "aspect_ratio": "3:2", "output_format": "jpeg", "seed": 5, "steps": 4}),
            vec!["quality", "style", "background", "user"],
        ),
        (
            Shape::Fireworks,
            json!({"prompt": "a cat", "aspect_ratio": "3:2", "seed": 5, "steps": 4}),
            vec!["quality", "style", "background", "output_format", "user"],
        ),
        (
            Shape::Replicate,
            json!({"input": {"prompt": "a cat", "aspect_ratio": "3:2", "output_format": "jpg", "seed": 5, "steps": 4}}),
            vec!["quality", "style", "background", "user"],
        ),
        (
            Shape::WorkersAi,
            json!({"prompt": "a cat", "width": 1536, "height": 1024, "seed": 5, "steps": 4}),
            vec!["quality", "style", "background", "output_format", "user"],
        ),
    ];
    for (shape, expected, mut lost) in table {
        let (body, mut losses) = sent(shape, &full());
        lost.sort_unstable();
        losses.sort_unstable();
        assert_eq!(body, expected, "{shape:?}");
        assert_eq!(losses, lost, "{shape:?}");
    }
}

#[test]
fn a_bare_prompt_stays_bare() {
    let bare = json!({"prompt": "a cat", "size": "auto", "n": null});
    for (shape, expected) in [
        (Shape::OpenAi, json!({"prompt": "a cat"})),
        (Shape::Together, json!({"prompt": "a cat"})),
        (Shape::Imagen, json!({"instances": [{"prompt": "a cat"}], "parameters": {"sampleCount": 1}})),
        (Shape::Fireworks, json!({"prompt": "a cat"})),
        (Shape::Replicate, json!({"input": {"prompt": "a cat"}})),
        (Shape::WorkersAi, json!({"prompt": "a cat"})),
    ] {
        assert_eq!(sent(shape, &bare), (expected, vec![]), "{shape:?}");
    }
}

#[test]
fn stability_is_sent_a_form() {
    let mut losses = Losses::default();
    let body = json!({"model": "sd3.5-large", "prompt": "a \"cat\"", "size": "1024x1024", "negative_prompt": "dogs", "output_format": "jpg", "seed": 5});
    let outgoing = encode_request(Shape::Stability, &decoded(&body), 0, "n0n-ce", &mut losses).unwrap();
    assert_eq!(outgoing.content_type, "multipart/form-data; boundary=causeway-form-n0nce");
    assert_eq!(outgoing.accept, "application/json");
    let part =
        |name: &str, value: &str| format!("--causeway-form-n0nce\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
    let expected = [
        part("prompt", "a \"cat\""),
        part("model", "sd3.5-large"),
        part("aspect_ratio", "1:1"),
        part("output_format", "jpeg"),
        part("seed", "5"),
        part("negative_prompt", "dogs"),
        "--causeway-form-n0nce--\r\n".to_owned(),
    ];
    assert_eq!(String::from_utf8(outgoing.body).unwrap(), expected.concat());
    assert_eq!(losses.names(), [""; 0]);
    for (model, engine) in [("stable-image-core", "core"), ("ultra", "ultra"), ("sd3.5-medium", "sd3"), ("sd3", "sd3")] {
        assert_eq!(stability_engine(model), engine);
    }
}

#[test]
fn a_size_becomes_the_nearest_ratio_and_is_named_when_it_is_not_exact() {
    for (shape, size, ratio, lost) in [
        (Shape::Fireworks, "1024x1024", "1:1", None),
        (Shape::Fireworks, "512x512", "1:1", None),
        (Shape::Fireworks, "1792x1024", "16:9", Some("size=1792x1024")),
        (Shape::Fireworks, "1024x1792", "9:16", Some("size=1024x1792")),
        (Shape::Fireworks, "1024x1536", "2:3", None),
        (Shape::Fireworks, "1280x720", "16:9", None),
        (Shape::Fireworks, "16000x1", "21:9", Some("size=16000x1")),
        (Shape::BedrockStability, "1024x768", "5:4", Some("size=1024x768")),
    ] {
        let (body, losses) = sent(shape, &json!({"prompt": "a", "size": size}));
        assert_eq!(body["aspect_ratio"], ratio, "{size}");
        assert_eq!(losses, lost.map(str::to_owned).into_iter().collect::<Vec<_>>(), "{size}");
    }
    let (body, losses) = sent(Shape::Replicate, &json!({"prompt": "a", "size": "512x512", "aspect_ratio": "4:3"}));
    assert_eq!((&body["input"]["aspect_ratio"], losses), (&json!("4:3"), vec!["size".to_owned()]));
}

#[test]
fn several_images_are_several_requests_where_one_makes_one_each_with_its_own_seed() {
    let request = decoded(&json!({"prompt": "a", "n": 4, "seed": 10}));
    for shape in SHAPES {
        let expected = match shape {
            Shape::OpenAi | Shape::Together | Shape::Xai | Shape::Imagen | Shape::Titan => 1,
            _ => 4,
        };
        assert_eq!(requests(shape, &request).unwrap(), expected, "{shape:?}");
    }
    assert_eq!(sent(Shape::Imagen, &json!({"prompt": "a", "n": 4})).0["parameters"]["sampleCount"], 4);
    assert_eq!(sent(Shape::Titan, &json!({"prompt": "a", "n": 4})).0["imageGenerationConfig"]["numberOfImages"], 4);
    let third = encode_request(Shape::Replicate, &request, 2, "", &mut Losses::default()).unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&third.body).unwrap()["input"], json!({"prompt": "a", "seed": 12}));
    let many = decoded(&json!({"prompt": "a", "n": 6}));
    for shape in [Shape::Imagen, Shape::Titan] {
        let error = requests(shape, &many).unwrap_err();
        assert_eq!((error.status, error.param.as_deref()), (400, Some("n")));
    }
}

#[test]
fn what_makes_no_sense_is_refused_with_its_name() {
    for (body, param) in [
        (json!({}), "prompt"),
        (json!({"prompt": " "}), "prompt"),
        (json!({"prompt": ["a"]}), "prompt"),
        (json!({"prompt": "a", "n": 0}), "n"),
        (json!({"prompt": "a", "n": 11}), "n"),
        (json!({"prompt": "a", "n": "2"}), "n"),
        (json!({"prompt": "a", "size": 5}), "size"),
        (json!({"prompt": "a", "response_format": "png"}), "response_format"),
    ] {
        let error = decode_request(body.to_string().as_bytes()).unwrap_err();
        assert_eq!((error.status, error.param.as_deref()), (400, Some(param)), "{body}");
    }
    for (body, shape, param) in [
        (json!({"prompt": "a", "stream": true}), Shape::Gemini, "stream"),
        (json!({"prompt": "a", "size": "huge"}), Shape::Together, "size"),
        (json!({"prompt": "a", "size": "0x4"}), Shape::Imagen, "size"),
        (json!({"prompt": "a", "seed": "x"}), Shape::Titan, "seed"),
    ] {
        let error = encode_request(shape, &decoded(&body), 0, "", &mut Losses::default()).unwrap_err();
        assert_eq!((error.status, error.param.as_deref()), (400, Some(param)), "{body}");
    }
}

#[test]
fn every_shape_answers_in_openais_form() {
    let one = json!([{"b64_json": "QUJD"}]);
    let urls = json!({"get": "https://r/p"});
    for (shape, body, data) in [
        (Shape::OpenAi, json!({"created": 3, "data": [{"url": "https://a/1"}]}), json!([{"url": "https://a/1"}])),
        (Shape::Xai, json!({"data": [{"b64_json": "QUJD", "revised_prompt": "b"}]}), json!([{"b64_json": "QUJD", "revised_prompt": "b"}])),
        (Shape::Together, json!({"id": "x", "object": "list", "data": [{"index": 0, "b64_json": "QUJD", "timings": {}}]}), one.clone()),
        (
            Shape::Imagen,
            json!({"predictions": [{"mimeType": "image/png", "bytesBase64Encoded": "QUJD"}, {"raiFilteredReason": "no"}]}),
            one.clone(),
        ),
        (
            Shape::Gemini,
            json!({"candidates": [{"content": {"role": "model", "parts": [{"text": "Here:"}, {"thought": true, "inlineData": {"data": "RFJB"}},
                {"inlineData": {"mimeType": "image/png", "data": "QUJD"}}]}, "finishReason": "STOP"}]}),
            one.clone(),
        ),
        (Shape::Titan, json!({"images": ["QUJD"], "error": null}), one.clone()),
        (Shape::BedrockStability, json!({"seeds": [1], "finish_reasons": [null], "images": ["QUJD"]}), one.clone()),
        (Shape::BedrockStability, json!({"result": "success", "artifacts": [{"base64": "QUJD", "finishReason": "SUCCESS"}]}), one.clone()),
        (Shape::Stability, json!({"image": "QUJD", "finish_reason": "SUCCESS", "seed": 4}), one.clone()),
        (Shape::Fireworks, json!({"id": "1", "base64": ["data:image/png;base64,QUJD"], "finishReason": "SUCCESS", "seed": 4}), one.clone()),
        (Shape::Fireworks, json!({"base64": "QUJD"}), one.clone()),
        (
            Shape::Replicate,
            json!({"status": "succeeded", "output": ["https://a/1", "https://a/2"]}),
            json!([{"url": "https://a/1"}, {"url": "https://a/2"}]),
        ),
        (Shape::Replicate, json!({"status": "processing", "output": "https://a/1", "urls": urls}), json!([{"url": "https://a/1"}])),
        (Shape::Replicate, json!({"status": "succeeded", "output": "data:image/webp;base64,QUJD"}), one.clone()),
        (Shape::WorkersAi, json!({"result": {"image": "QUJD"}, "success": true, "errors": [], "messages": []}), one.clone()),
    ] {
        let answer = answered(shape, &body).unwrap();
        assert_eq!(answer["data"], data, "{shape:?}");
        assert_eq!(answer["created"], body["created"].as_u64().unwrap_or(7), "{shape:?}");
    }
}

#[test]
fn bare_bytes_become_base64() {
    for shape in [Shape::WorkersAi, Shape::Fireworks, Shape::Stability] {
        let Progress::Done(answer) = decode_answer(shape, "image/png", b"\x89PNG").unwrap() else { panic!() };
        assert_eq!(answer.images[0].picture, Picture::Base64("iVBORw==".into()));
    }
}

#[test]
fn a_filters_refusal_and_an_empty_answer_are_errors() {
    for (shape, body, status, words) in [
        (Shape::Imagen, json!({}), 400, "filter"),
        (Shape::Imagen, json!({"predictions": [{"raiFilteredReason": "violence"}]}), 400, "violence"),
        (Shape::Gemini, json!({"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}}), 400, "PROHIBITED_CONTENT"),
        (Shape::Gemini, json!({"candidates": [{"finishReason": "IMAGE_SAFETY"}]}), 400, "IMAGE_SAFETY"),
        (Shape::Gemini, json!({"candidates": [{"content": {"parts": [{"text": "no"}]}, "finishReason": "STOP"}]}), 502, "no images"),
        (Shape::Titan, json!({"images": [], "error": "blocked by policy"}), 400, "blocked by policy"),
        (Shape::BedrockStability, json!({"finish_reasons": ["Filter reason: prompt"]}), 400, "prompt"),
        (Shape::Stability, json!({"image": "QUJD", "finish_reason": "CONTENT_FILTERED"}), 400, "CONTENT_FILTERED"),
        (Shape::Fireworks, json!({"base64": ["QUJD"], "finishReason": "CONTENT_FILTERED"}), 400, "CONTENT_FILTERED"),
        (Shape::Replicate, json!({"status": "failed", "error": "NSFW content detected"}), 502, "NSFW"),
        (Shape::Replicate, json!({"status": "succeeded", "output": null}), 502, "no images"),
        (Shape::WorkersAi, json!({"result": null, "success": false, "errors": [{"code": 3030, "message": "bad"}]}), 502, "bad"),
        (Shape::OpenAi, json!({"error": {"message": "busy", "code": 503}}), 503, "busy"),
        (Shape::OpenAi, json!({"data": []}), 502, "no images"),
        (Shape::OpenAi, json!("x"), 502, "broken"),
    ] {
        let error = answered(shape, &body).unwrap_err();
        assert_eq!(error.status, status, "{shape:?} {body}: {}", error.message);
        assert!(error.message.contains(words), "{shape:?}: {}", error.message);
    }
}

#[test]
fn an_image_that_is_not_there_yet_tells_where_to_wait() {
    let body = json!({"id": "p", "status": "starting", "urls": {"get": "https://r/p"}}).to_string();
    let Progress::Pending(pending) = decode_answer(Shape::Replicate, "application/json", body.as_bytes()).unwrap() else { panic!() };
    assert_eq!(pending.get.as_deref(), Some("https://r/p"));
}

#[test]
fn usage_and_the_missed_format_are_told_and_answers_join() {
    let drawn = |data: &str| {
        json!({"candidates": [{"content": {"parts": [{"inlineData": {"data": data}}]}}],
            "usageMetadata": {"promptTokenCount": 9, "candidatesTokenCount": 1290, "thoughtsTokenCount": 10}})
        .to_string()
    };
    let (first, second) = (drawn("QUJD"), drawn("REVG"));
    let done = |body| match decode_answer(Shape::Gemini, "application/json", body).unwrap() {
        Progress::Done(answer) => answer,
        Progress::Pending(pending) => panic!("{pending:?}"),
    };
    let mut answer = done(first.as_bytes());
    answer.join(done(second.as_bytes()));
    assert_eq!(answer.usage, Some(Usage { input: 18, output: 2600, ..Usage::default() }));
    for (wanted, lost) in [(Some(Format::Url), vec!["response_format"]), (Some(Format::Base64), vec![]), (None, vec![])] {
        let mut losses = Losses::default();
        let body: Value = serde_json::from_slice(&encode_answer(&answer, wanted, 7, &mut losses)).unwrap();
        assert_eq!(losses.names(), lost);
        assert_eq!(body["data"], json!([{"b64_json": "QUJD"}, {"b64_json": "REVG"}]));
        let details = json!({"text_tokens": 18, "image_tokens": 0});
        let usage = json!({"input_tokens": 18, "output_tokens": 2600, "total_tokens": 2618, "input_tokens_details": details});
        assert_eq!(body["usage"], usage);
    }
}

#[test]
fn recorded_images_are_read() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folders = ["../shared/recordings", "../../shared/recordings"];
    let Some(folder) = folders.iter().map(|folder| root.join(folder)).find(|folder| folder.exists()) else {
        return println!("skipped: there are no recordings beside the repository");
    };
    for (shape, provider, begin) in [
        (Shape::OpenAi, "openai", "images-"),
        (Shape::Together, "together", "images-"),
        (Shape::Xai, "xai", "images-"),
        (Shape::Imagen, "gemini", "predict--imagen"),
        (Shape::Gemini, "vertex-ai", "vision--gemini-2.5-flash-image"),
        (Shape::Replicate, "replicate", "predictions-create--stability"),
    ] {
        let mut seen = 0;
        for entry in std::fs::read_dir(folder.join(provider)).unwrap().map(Result::unwrap) {
            if !entry.file_name().to_string_lossy().starts_with(begin) {
                continue;
            }
            let recording: Value = serde_json::from_slice(&std::fs::read(entry.path()).unwrap()).unwrap();
            if recording["response"]["status"].as_u64().unwrap() < 300 {
                let answer = answered(shape, &recording["response"]["body"]).unwrap();
                let image = &answer["data"][0];
                assert!(image["url"].as_str().or(image["b64_json"].as_str()).is_some_and(|text| text.len() > 20), "{:?}", entry.path());
                seen += 1;
            }
        }
        assert!(seen > 0, "{provider} has no recording");
    }
}
