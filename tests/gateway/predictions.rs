//! Replicate: an answer may be there later, and a stream elsewhere.

use causeway::host::Fault;
use causeway::record::Outcome;
use serde_json::{Value, json};

use crate::scripted::{Scene, Scenery};

const API: &str = "https://api.replicate.com/v1";
const MODEL: &str = "meta/meta-llama-3-8b-instruct";
const STREAM: &str =
    ": hi\n\nevent: output\nid: 1:0\ndata: Hello\n\nevent: output\nid: 1:1\ndata:  there\n\nevent: done\nid: 1:2\ndata: {}\n\n";

fn prediction(base: &str, status: &str, output: Value) -> Value {
    json!({
        "id": "p1", "model": MODEL, "status": status, "output": output, "error": null,
        "metrics": {"input_token_count": 4, "output_token_count": 2},
        "urls": {"get": format!("{base}/predictions/p1"), "cancel": format!("{base}/predictions/p1/cancel")},
    })
}

fn starting() -> String {
    prediction(API, "starting", Value::Null).to_string()
}

fn done() -> String {
    prediction(API, "succeeded", json!(["Hello", " there"])).to_string()
}

fn streaming(url: &str) -> String {
    let mut prediction = prediction(API, "starting", Value::Null);
    prediction["urls"]["stream"] = json!(url);
    prediction.to_string()
}

fn asked(model: &str, more: &Value) -> Scene {
    let mut body = json!({"model": model, "messages": [{"role": "user", "content": "hi"}], "max_tokens": 9});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    Scene::chat(body.to_string()).header("authorization", "Bearer r8_caller").header("x-causeway-provider", "replicate")
}

fn ask() -> Scene {
    asked(MODEL, &json!({}))
}

fn stream() -> Scene {
    asked(MODEL, &json!({"stream": true}))
}

fn created(scene: Scene, body: impl Into<Vec<u8>>) -> Scene {
    scene.answers(201, vec![("content-type", "application/json")], body)
}

fn urls(scene: &Scenery) -> Vec<&str> {
    scene.seen.iter().map(|seen| seen.url.as_str()).collect()
}

fn text(scene: &Scenery) -> String {
    scene.json()["choices"][0]["message"]["content"].as_str().unwrap().to_owned()
}

#[test]
fn a_conversation_becomes_a_prediction_that_is_waited_for() {
    let scene = created(ask(), done()).play();
    assert_eq!((scene.status, text(&scene).as_str()), (200, "Hello there"), "{}", scene.body);
    assert_eq!(scene.json()["usage"]["total_tokens"], 6);
    assert_eq!(urls(&scene), [format!("{API}/models/{MODEL}/predictions")]);
    assert_eq!(scene.sent(), json!({"input": {"prompt": "hi", "max_tokens": 9}}));
    let headers = &scene.seen[0].headers;
    assert_eq!((headers.find("prefer"), headers.find("authorization")), (Some("wait"), Some("Bearer r8_caller")));
}

#[test]
fn a_prediction_that_is_not_done_is_asked_for_again_until_it_is() {
    let scene = created(ask(), starting()).says(starting()).answers(503, vec![], "").says(done()).play();
    assert_eq!((scene.status, text(&scene).as_str()), (200, "Hello there"), "{}", scene.body);
    assert_eq!(urls(&scene)[1..], [const { "https://api.replicate.com/v1/predictions/p1" }; 3]);
    for seen in &scene.seen[1..] {
        assert_eq!((seen.body.as_str(), seen.headers.find("authorization")), ("", Some("Bearer r8_caller")));
    }
    assert_eq!((scene.header("x-causeway-attempts"), scene.told.len()), ("1", 0));
    // Pauses of 250, 500 and 1000 ms, and four answers after 10 ms each.
    assert_eq!(scene.records[0].attempts[0].ms, 1_790);
}

#[test]
fn a_prediction_that_fails_is_an_error_in_the_models_words() {
    let mut failed = prediction(API, "failed", Value::Null);
    failed["error"] = json!("out of memory");
    for scene in
        [created(ask(), starting()).says(failed.to_string()), created(ask(), failed.to_string()), created(stream(), failed.to_string())]
    {
        let scene = scene.play();
        assert_eq!((scene.status, scene.json()["error"]["message"].as_str()), (502, Some("out of memory")), "{}", scene.body);
        assert!(scene.told.is_empty());
    }
    let detail = r#"{"title":"Unauthenticated","detail":"No token.","status":401}"#;
    for scene in [ask(), created(ask(), starting())] {
        let scene = scene.answers(401, vec![("content-type", "application/problem+json")], detail).play();
        assert_eq!((scene.status, scene.json()["error"]["message"].as_str()), (401, Some("No token.")));
    }
}

#[test]
fn a_prediction_that_nobody_waits_for_any_more_is_ended() {
    let patient = (0..60).fold(created(ask(), starting()), |scene, _| scene.says(starting()));
    let bounded =
        |ms: &str| (0..9).fold(created(ask(), starting()), |scene, _| scene.says(starting())).header("x-causeway-request-timeout", ms);
    for (scene, status, within) in [
        (patient, 504, 59_000..61_000),
        (bounded("3000"), 504, 2_900..3_100),
        (created(ask(), starting()).says(starting()).fails(Fault::Abandoned), 499, 0..1_000),
        (created(ask(), starting()).fails(Fault::Unreachable("reset".to_owned())), 502, 0..1_000),
        (created(stream(), streaming("https://stream.replicate.com/v1/s")).fails(Fault::Abandoned), 499, 0..1_000),
    ] {
        let scene = scene.play();
        assert_eq!(scene.status, status, "{}", scene.body);
        assert!(within.contains(&scene.records[0].attempts[0].ms), "{:?}", scene.records[0].attempts);
        assert_eq!(scene.told.len(), 1);
        assert_eq!(scene.told[0].url, format!("{API}/predictions/p1/cancel"));
        assert_eq!(scene.told[0].headers.find("authorization"), Some("Bearer r8_caller"));
    }
}

#[test]
fn the_key_goes_to_the_host_that_was_asked_and_to_no_other() {
    for base in [
        "https://evil.example/v1",
        "https://api.replicate.com.evil.example/v1",
        "https://api.replicate.com@evil.example/v1",
        "http://api.replicate.com/v1",
    ] {
        let scene = created(ask(), prediction(base, "starting", Value::Null).to_string()).play();
        assert_eq!((scene.status, scene.seen.len(), scene.told.len()), (502, 1, 0), "{base}");
        assert!(scene.json()["error"]["message"].as_str().unwrap().contains("not finished"), "{}", scene.body);
    }
}

#[test]
fn behind_a_custom_host_it_is_asked_for_there() {
    for named in ["https://proxy.example", API] {
        let scene = ask().header("x-causeway-custom-host", "https://proxy.example/replicate/v1");
        let named = if named == API { API.to_owned() } else { format!("{named}/replicate/v1") };
        let scene = created(scene, prediction(&named, "processing", Value::Null).to_string()).says(done()).play();
        assert_eq!((scene.status, urls(&scene)[1]), (200, "https://proxy.example/replicate/v1/predictions/p1"));
    }
}

#[test]
fn a_stream_is_read_where_the_prediction_says() {
    for (url, key) in [
        ("https://stream.replicate.com/v1/files/x", None),
        ("https://stream-b.svc.ric1.c.replicate.net/v1/files/x", None),
        ("https://api.replicate.com/v1/streams/x", Some("Bearer r8_caller")),
    ] {
        for piece in [1, 7, 4096] {
            let scene = Scene { piece, ..created(stream(), streaming(url)).streams(STREAM) }.play();
            assert_eq!(scene.status, 200);
            assert_eq!(urls(&scene), [format!("{API}/models/{MODEL}/predictions").as_str(), url]);
            assert_eq!(scene.sent(), json!({"input": {"prompt": "hi", "max_tokens": 9}, "stream": true}));
            let (first, second) = (&scene.seen[0].headers, &scene.seen[1].headers);
            assert_eq!((first.find("prefer"), second.find("accept"), second.find("authorization")), (None, Some("text/event-stream"), key));
            assert!(
                scene.body.contains("\"Hello\"") && scene.body.contains("\" there\"") && scene.body.ends_with("data: [DONE]\n\n"),
                "{}",
                scene.body
            );
            assert_eq!((scene.records[0].outcome, scene.told.len()), (Outcome::Complete, 0));
        }
    }
}

#[test]
fn without_a_stream_that_can_be_read_the_whole_answer_is_waited_for() {
    for scene in [
        created(stream(), starting()),
        created(stream(), streaming("https://evil.example/s")),
        created(stream(), streaming("https://replicate.com.evil.example/s")),
        created(stream(), streaming("https://evil.example\\.replicate.com/s")),
        created(stream(), streaming("https://stream.replicate.com/v1/s")).answers(404, vec![], "gone"),
        created(stream(), streaming("https://stream.replicate.com/v1/s")).fails(Fault::Unreachable("dns".to_owned())),
    ] {
        let scene = scene.says(done()).play();
        assert_eq!(scene.status, 200, "{}", scene.body);
        assert!(!urls(&scene).iter().any(|url| url.contains("evil")), "{:?}", urls(&scene));
        assert!(scene.body.contains("Hello there") && scene.body.ends_with("data: [DONE]\n\n"), "{}", scene.body);
    }
}

#[test]
fn a_stream_that_breaks_off_never_looks_finished() {
    let half = STREAM.split("event: done").next().unwrap();
    for breaks in [false, true] {
        let scene = Scene { breaks, ..created(stream(), streaming("https://stream.replicate.com/v1/s")).streams(half) }.play();
        assert!(!scene.body.contains("\"stop\""), "{}", scene.body);
        assert_eq!(scene.records[0].outcome, Outcome::Failed);
    }
}

#[test]
fn callers_of_any_dialect_are_answered() {
    let body = json!({"model": format!("replicate/{MODEL}"), "max_tokens": 5, "messages": [{"role": "user", "content": "hi"}]});
    let scene = created(Scene::messages(body.to_string()).header("x-api-key", "r8_caller"), done()).play();
    assert_eq!(scene.json()["content"][0]["text"], "Hello there", "{}", scene.body);
    assert_eq!(scene.seen[0].headers.find("authorization"), Some("Bearer r8_caller"));
}

#[test]
fn a_model_with_a_version_is_asked_for_by_it_and_each_has_its_own_name_for_the_bound() {
    for (model, path, bound, version) in [
        ("meta/llama-2-70b-chat", "/models/meta/llama-2-70b-chat/predictions", "max_new_tokens", Value::Null),
        ("openai/gpt-4o", "/models/openai/gpt-4o/predictions", "max_completion_tokens", Value::Null),
        ("google/gemini-2.5-flash", "/models/google/gemini-2.5-flash/predictions", "max_output_tokens", Value::Null),
        ("someone/model:0f1e2d", "/predictions", "max_tokens", json!("0f1e2d")),
    ] {
        let scene = created(asked(model, &json!({})), done()).play();
        assert_eq!(urls(&scene), [format!("{API}{path}")]);
        assert_eq!((&scene.sent()["input"][bound], &scene.sent()["version"]), (&json!(9), &version));
    }
}

#[test]
fn images_are_waited_for_too() {
    for (model, path) in
        [("black-forest-labs/flux-schnell", "/models/black-forest-labs/flux-schnell/predictions"), ("a/b:0f1e", "/predictions")]
    {
        let body = json!({"model": model, "prompt": "a llama"}).to_string();
        let scene =
            Scene::post("/v1/images/generations", body).header("authorization", "Bearer k").header("x-causeway-provider", "replicate");
        let picture = prediction(API, "succeeded", json!(["https://replicate.delivery/x/out-0.webp"])).to_string();
        let scene = created(scene, starting()).says(starting()).says(picture).play();
        assert_eq!(
            (scene.status, &scene.json()["data"]),
            (200, &json!([{"url": "https://replicate.delivery/x/out-0.webp"}])),
            "{}",
            scene.body
        );
        assert_eq!((urls(&scene)[0], scene.seen[0].headers.find("prefer")), (format!("{API}{path}").as_str(), Some("wait")));
        assert_eq!(urls(&scene)[2], "https://api.replicate.com/v1/predictions/p1");
    }
}
