//! Calls that cannot be served: each has a clear error in the caller's dialect.

use causeway::http::Method;

use crate::scripted::Scene;

const HELLO: &str = r#"{"model":"gpt-4o","max_tokens":5,"messages":[{"role":"user","content":"hi"}]}"#;

#[test]
fn bad_bodies_are_400_in_the_callers_dialect() {
    for (body, words) in [
        ("", "empty"),
        ("[]", "JSON object"),
        ("{", "not valid JSON"),
        (r#"{"messages":[]}"#, "`model` is missing"),
        (r#"{"model":7,"messages":[]}"#, "`model` must be a string"),
        (r#"{"model":"openai/gpt-4o","stream":"yes","messages":[]}"#, "`stream` must be true or false"),
    ] {
        let chat = Scene::chat(body).header("authorization", "Bearer k").play();
        assert_eq!(chat.status, 400, "{body}");
        assert!(chat.json()["error"]["message"].as_str().unwrap().contains(words), "{body}: {}", chat.body);
        assert_eq!(chat.json()["error"]["type"], "invalid_request_error");
        let messages = Scene::messages(body).header("x-api-key", "k").play();
        assert_eq!(messages.status, 400);
        assert_eq!(messages.json()["type"], "error");
        assert!(messages.json()["error"]["message"].as_str().unwrap().contains(words));
    }
}

#[test]
fn unknown_routes_and_wrong_methods_are_told() {
    let scene = Scene::post("/v1/nonsense", "{}").play();
    assert_eq!(scene.status, 404);
    assert!(scene.json()["error"]["message"].as_str().unwrap().contains("/v1/nonsense"));
    let scene = Scene::get("/v1/chat/completions").play();
    assert_eq!((scene.status, scene.header("allow")), (405, "GET, POST, OPTIONS"));
    let scene = Scene::get("/v1/messages").play();
    assert_eq!(scene.json()["type"], "error");
}

#[test]
fn an_unknown_provider_is_named_with_the_nearest_known() {
    let scene = Scene::chat(HELLO).header("x-causeway-provider", "opnai").play();
    assert_eq!(scene.status, 400);
    assert!(scene.json()["error"]["message"].as_str().unwrap().contains("Did you mean `openai`?"), "{}", scene.body);
}

#[test]
fn a_missing_key_is_401_and_says_what_to_set() {
    let scene = Scene::chat(HELLO).header("x-causeway-provider", "openai").play();
    assert_eq!(scene.status, 401);
    assert!(scene.json()["error"]["message"].as_str().unwrap().contains("OPENAI_API_KEY"));
}

#[test]
fn where_a_key_is_required_only_a_known_one_is_served_and_it_goes_nowhere() {
    let deployment = |scene: Scene| scene.var("REQUIRE_KEY", "true").var("ADMIN_TOKEN", "top-secret").var("OPENAI_API_KEY", "sk-ours");
    let answer = r#"{"id":"1","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"x"},"finish_reason":"stop"}]}"#;
    for headers in
        [vec![], vec![("authorization", "Bearer sk-other")], vec![("x-api-key", "top-secre")], vec![("x-causeway-api-key", "cw-forged")]]
    {
        let scene = headers.iter().fold(deployment(Scene::chat(HELLO)), |scene, (name, value)| scene.header(name, value)).play();
        assert_eq!(scene.status, 401, "{headers:?}");
        assert!(scene.seen.is_empty());
    }
    for name in ["authorization", "x-api-key", "x-causeway-api-key", "x-portkey-api-key"] {
        let value = if name == "authorization" { "Bearer top-secret" } else { "top-secret" };
        let scene = deployment(Scene::chat(HELLO)).header(name, value).says(answer).play();
        assert_eq!(scene.status, 200, "{name}: {}", scene.body);
        assert_eq!(scene.seen[0].headers.find("authorization"), Some("Bearer sk-ours"));
        assert!(!scene.seen[0].headers.block().contains("top-secret"));
    }
    let scene = Scene::chat(HELLO).header("authorization", "Bearer cw-unknown").header("x-causeway-provider", "openai").play();
    assert_eq!(scene.status, 401);
}

#[test]
fn a_custom_host_must_be_public_and_never_gets_the_deployments_key() {
    for host in [
        "http://127.0.0.1:9/v1",
        "http://2130706433/v1",
        "http://0x7f.1/v1",
        "http://[::1]/v1",
        "http://localhost/v1",
        "file:///etc",
        "http://a@b/v1",
    ] {
        let scene = Scene::chat(HELLO)
            .header("authorization", "Bearer k")
            .header("x-causeway-provider", "openai")
            .header("x-causeway-custom-host", host)
            .play();
        assert_eq!(scene.status, 400, "{host}");
        assert!(scene.seen.is_empty());
    }
    let scene = Scene::chat(HELLO)
        .var("OPENAI_API_KEY", "sk-ours")
        .header("x-causeway-provider", "openai")
        .header("x-causeway-custom-host", "https://evil.example/v1")
        .play();
    assert_eq!(scene.status, 401, "{}", scene.body);
    assert!(scene.seen.is_empty());
}

#[test]
fn a_redirect_is_not_followed() {
    let scene = Scene::chat(HELLO)
        .header("authorization", "Bearer k")
        .header("x-causeway-provider", "openai")
        .answers(302, vec![("location", "http://127.0.0.1/")], "")
        .play();
    assert_eq!((scene.status, scene.seen.len()), (502, 1));
}

#[test]
fn what_is_not_served_yet_is_refused_rather_than_ignored() {
    for name in ["x-causeway-config", "x-portkey-virtual-key"] {
        let scene = Scene::chat(HELLO).header("authorization", "Bearer k").header(name, "x").play();
        assert_eq!(scene.status, 400);
    }
}

#[test]
fn a_browser_may_call() {
    let mut scene = Scene::get("/v1/chat/completions")
        .header("origin", "https://app.example")
        .header("access-control-request-method", "POST")
        .header("access-control-request-headers", "authorization, x-stainless-os");
    scene.method = Method::Options;
    let scene = scene.play();
    assert_eq!((scene.status, scene.header("access-control-allow-origin")), (204, "*"));
    assert_eq!(scene.header("access-control-allow-headers"), "authorization, x-stainless-os");
    let scene = Scene::get("/healthz").header("origin", "https://app.example").play();
    assert_eq!(scene.header("access-control-allow-origin"), "*");
    assert_eq!(scene.json()["status"], "ok");
}

#[test]
fn the_providers_words_status_and_wait_reach_the_caller() {
    let body = r#"{"error":{"message":"slow down","type":"requests","param":null,"code":"rate_limit_exceeded"}}"#;
    for (scene, kind) in [
        (Scene::chat(HELLO).header("x-causeway-provider", "openai"), "requests"),
        (Scene::messages(HELLO).header("x-causeway-provider", "openai"), "rate_limit_error"),
    ] {
        let scene = scene
            .header("authorization", "Bearer k")
            .answers(429, vec![("content-type", "application/json"), ("retry-after", "7")], body)
            .play();
        assert_eq!((scene.status, scene.header("retry-after")), (429, "7"));
        assert_eq!(scene.json()["error"]["message"], "slow down");
        assert_eq!(scene.json()["error"]["type"], kind);
    }
}

#[test]
fn headers_answer_in_the_spelling_that_was_used() {
    let scene = Scene::chat(HELLO).header("x-portkey-provider", "nobody").header("x-portkey-trace-id", "t-1").play();
    assert_eq!(scene.header("x-portkey-trace-id"), "t-1");
    assert!(!scene.headers.block().contains("x-causeway-"));
    let scene = Scene::get("/healthz").play();
    assert!(scene.headers.block().contains("x-causeway-request-id"));
}
