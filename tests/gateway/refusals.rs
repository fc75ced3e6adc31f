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
fn a_form_where_json_is_wanted_is_told_so() {
    for path in ["/v1/chat/completions", "/v1/messages", "/v1/embeddings", "/v1/messages/count_tokens"] {
        for (kind, told) in [
            ("multipart/form-data; boundary=x", Some("came as `multipart/form-data`; send JSON")),
            ("application/x-www-form-urlencoded", Some("came as `application/x-www-form-urlencoded`; send JSON")),
            ("application/json; charset=utf-8", None),
            ("application/vnd.api+json", None),
        ] {
            let scene = Scene::post(path, "--x\r\nmodel=a").header("content-type", kind).play();
            let message = scene.json()["error"]["message"].as_str().unwrap().to_owned();
            assert_eq!(scene.status, 400);
            assert!(message.starts_with("The body is not valid JSON"), "{message}");
            assert_eq!(message.contains("came as"), told.is_some(), "{message}");
            assert!(told.is_none_or(|told| message.contains(told)), "{message}");
        }
        // What is JSON is taken, whatever it is called.
        let scene = Scene::post(path, HELLO).header("content-type", "text/plain").play();
        assert_ne!(scene.status, 200);
        assert!(!scene.body.contains("JSON"), "{}", scene.body);
    }
}

#[test]
fn unknown_routes_and_wrong_methods_are_told() {
    for (path, words) in [
        ("/v1/nonsense", "There are /v1/chat/completions, /v1/responses, "),
        ("/v1/chat/completion", "Did you mean `/v1/chat/completions`?"),
        ("/v1/v1/chat/completions", "Did you mean `/v1/chat/completions`?"),
        ("/v1/v1/messages", "Did you mean `/v1/messages`?"),
    ] {
        let scene = Scene::post(path, "{}").play();
        let message = scene.json()["error"]["message"].as_str().unwrap().to_owned();
        assert_eq!(scene.status, 404, "{message}");
        assert!(message.contains(&format!("no route `{path}`")) && message.contains(words), "{message}");
    }
    for (method, path, allow) in [
        (Method::Get, "/v1/chat/completions", "POST, OPTIONS"),
        (Method::Delete, "/v1/models", "GET, HEAD, OPTIONS"),
        (Method::Get, "/v1beta/models/m:generateContent", "POST, OPTIONS"),
        (Method::Other, "/v1/proxy/openai/models", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"),
    ] {
        let mut scene = Scene::get(path).header("authorization", "Bearer k");
        scene.method = method;
        let scene = scene.play();
        assert_eq!((scene.status, scene.header("allow")), (405, allow), "{path}");
        let shown = allow.split(',').next().unwrap();
        assert!(scene.json()["error"]["message"].as_str().unwrap().contains(&format!("`{path}` takes {shown}")), "{}", scene.body);
        assert!(scene.seen.is_empty());
    }
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
fn where_no_provider_is_active_a_known_model_asks_for_its_makers_key_and_an_unknown_one_for_its_provider() {
    for (model, status, words) in
        [("gpt-4o", 401, "OPENAI_API_KEY"), ("claude-sonnet-4-5", 401, "ANTHROPIC_API_KEY"), ("my-own-model", 400, "`provider/model`")]
    {
        let scene = Scene::chat(HELLO.replace("gpt-4o", model)).var("SANDBOX", "true").play();
        let message = scene.json()["error"]["message"].as_str().unwrap().to_owned();
        assert_eq!(scene.status, status, "{model}: {message}");
        assert!(message.contains(words), "{model}: {message}");
    }
}

#[test]
fn a_provider_that_is_off_or_serves_something_else_is_told() {
    let vectors = r#"{"model":"anthropic/claude-sonnet-4-5","input":"a"}"#;
    for (scene, status, words) in [
        (Scene::chat(HELLO.replace("gpt-4o", "sandbox/echo")), 404, "SANDBOX=\"true\""),
        (Scene::chat(HELLO.replace("gpt-4o", "custom/m")), 400, "x-causeway-custom-host"),
        (Scene::post("/v1/embeddings", vectors).header("authorization", "Bearer k"), 400, "serves no embeddings here; these do: openai"),
        (
            Scene::chat(HELLO).header("x-causeway-provider", "voyage").header("authorization", "Bearer k"),
            400,
            "serves no conversations here",
        ),
        (Scene::chat(HELLO.replace("gpt-4o", "bedrock/m")), 401, "AWS"),
        (Scene::chat(HELLO.replace("gpt-4o", "azure-openai/m")).header("api-key", "k"), 400, "azure-resource-name"),
    ] {
        let scene = scene.play();
        let message = scene.json()["error"]["message"].as_str().unwrap().to_owned();
        assert_eq!(scene.status, status, "{message}");
        assert!(message.contains(words), "{words}: {message}");
        assert!(scene.seen.is_empty());
    }
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

#[test]
fn a_refusal_in_the_callers_own_dialect_passes_word_for_word() {
    let body = r#"{"type":"error","error":{"type":"invalid_request_error","message":"m","details":{"error_code":"e"}},"request_id":"r"}"#;
    let scene =
        Scene::messages(HELLO).header("x-api-key", "k").header("x-causeway-provider", "anthropic").answers(400, vec![], body).play();
    assert_eq!((scene.status, scene.body.as_str()), (400, body));
    let numbered = r#"{"error":{"message":"m","type":null,"code":429}}"#;
    let scene = Scene::chat(HELLO)
        .header("authorization", "Bearer k")
        .header("x-causeway-provider", "openai")
        .answers(429, vec![], numbered)
        .play();
    assert_eq!(scene.json()["error"]["code"], "429");
}

#[test]
fn a_status_keeps_its_meaning_in_the_other_dialect() {
    for (status, kind) in
        [(401, "authentication_error"), (404, "not_found_error"), (400, "invalid_request_error"), (529, "overloaded_error")]
    {
        let body = r#"{"error":{"message":"m","type":"invalid_request_error","param":null,"code":null}}"#;
        let scene =
            Scene::messages(HELLO).header("x-api-key", "k").header("x-causeway-provider", "openai").answers(status, vec![], body).play();
        assert_eq!((scene.status, scene.json()["error"]["type"].as_str()), (status, Some(kind)));
    }
}

#[test]
fn a_thread_that_only_its_provider_has_is_refused_so_that_clients_send_all() {
    let body = HELLO.replace("\"max_tokens\"", "\"thread\":{\"type\":\"create\"},\"max_tokens\"");
    let scene = Scene::messages(body).header("x-api-key", "k").header("x-causeway-provider", "openai").play();
    assert_eq!((scene.status, scene.seen.len()), (400, 0));
    assert_eq!(scene.json()["error"]["details"]["error_code"], "thread_unsupported_request");
}

#[test]
fn models_of_a_refused_host_are_refused_too() {
    for provider in [Some("openai"), None] {
        let scene = Scene::get("/v1/models").header("x-causeway-custom-host", "http://127.0.0.2/v1").header("authorization", "Bearer k");
        let scene = provider.iter().fold(scene, |scene, slug| scene.header("x-causeway-provider", slug)).play();
        assert_eq!(scene.status, 400, "{provider:?}");
    }
}
