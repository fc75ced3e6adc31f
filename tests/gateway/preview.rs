//! Where a request would go, told without going there.

use causeway::http::Method;
use serde_json::{Value, json};

use crate::scripted::{Scene, Scenery};
use crate::usage::{House, shows};

fn try_out(house: &House, body: &Value) -> Scenery {
    house.admin(Method::Post, "configs/dry-run", body)
}

fn told(house: &House, body: &Value) -> Value {
    let tried = try_out(house, body);
    assert_eq!(tried.status, 200, "{body}: {}", tried.body);
    assert!(tried.seen.is_empty());
    tried.json()
}

fn chat() -> Value {
    json!({ "path": "/v1/chat/completions", "body": { "model": "gpt-4o", "messages": [{ "role": "user", "content": "hi" }] } })
}

#[test]
fn a_fallback_tells_the_order_and_who_is_passed_over_and_why() {
    let house = House::new(&[("ANTHROPIC_API_KEY", "sk-ant")]);
    let config = json!({ "strategy": { "mode": "fallback" }, "targets": [
        { "provider": "mistral-ai", "name": "keyless" },
        { "provider": "openai", "retry": { "attempts": 2 } },
        { "provider": "anthropic", "override_params": { "model": "claude-haiku-4-5" } },
    ]});
    let told = told(&house, &json!({ "config": config, "request": chat() }));
    assert_eq!((&told["target"]["target"], &told["target"]["provider"]), (&json!("config.targets[1]"), &json!("openai")));
    assert_eq!((&told["target"]["model"], &told["target"]["retries"]), (&json!("gpt-4o"), &json!(2)));
    let order: Vec<_> = told["order"].as_array().unwrap().iter().map(|stop| stop["target"].as_str().unwrap()).collect();
    assert_eq!(order, ["config.targets[0]", "config.targets[1]", "config.targets[2]"]);
    assert!(told["order"][0]["passed_over"].as_str().unwrap().contains("MISTRAL"), "{told}");
    assert_eq!((&told["order"][2]["model"], &told["order"][2]["chosen_by"]), (&json!("claude-haiku-4-5"), &json!("fallback")));
    assert_eq!(told["choices"][0]["strategy"], "fallback");
    assert!(told.get("refused").is_none());
}

#[test]
fn shares_are_told_and_a_seed_draws_the_same_again() {
    let house = House::new(&[("ANTHROPIC_API_KEY", "sk-ant")]);
    let config = json!({ "strategy": { "mode": "loadbalance" }, "targets": [
        { "provider": "openai", "weight": 3 }, { "provider": "anthropic", "weight": 1 }, { "provider": "openai", "weight": 0 },
    ]});
    let draw = |seed: u64| told(&house, &json!({ "config": config, "request": chat(), "seed": seed }));
    let first = draw(7);
    assert_eq!(first["choices"][0]["targets"][0]["share"], 0.75);
    assert_eq!(first["choices"][0]["targets"][2]["passed_over"], "Its weight is 0.");
    assert_eq!(first["choices"][0]["sticky"], false);
    assert_eq!((draw(7)["target"].clone(), draw(7)["order"].clone()), (first["target"].clone(), first["order"].clone()));
    let drawn: std::collections::BTreeSet<String> = (0..20).map(|seed| draw(seed)["target"]["target"].to_string()).collect();
    assert_eq!(drawn.len(), 2);
}

#[test]
fn the_condition_that_held_is_named() {
    let house = House::new(&[]);
    let config = json!({ "strategy": { "mode": "conditional", "default": "usual", "conditions": [
            { "query": { "metadata.plan": "free" }, "then": "cheap" },
            { "query": { "params.max_tokens": { "$gt": 100 } }, "then": "large" },
        ]}, "targets": [
        { "name": "usual", "provider": "openai" },
        { "name": "cheap", "provider": "openai", "override_params": { "model": "gpt-4o-mini" } },
        { "name": "large", "provider": "openai", "override_params": { "model": "gpt-4.1" } },
    ]});
    for (metadata, max_tokens, condition, model) in
        [("free", 1_000, "conditions[0]", "gpt-4o-mini"), ("paid", 1_000, "conditions[1]", "gpt-4.1"), ("paid", 1, "default", "gpt-4o")]
    {
        let mut request = chat();
        request["metadata"] = json!({ "plan": metadata });
        request["body"]["max_tokens"] = json!(max_tokens);
        let told = told(&house, &json!({ "config": config, "request": request }));
        assert_eq!((&told["choices"][0]["condition"], &told["target"]["model"]), (&json!(condition), &json!(model)), "{told}");
        assert_eq!(told["order"].as_array().unwrap().len(), 1);
    }
    let mut unmet = config;
    unmet["strategy"].as_object_mut().unwrap().remove("default");
    let told = told(&house, &json!({ "config": unmet, "request": chat() }));
    assert_eq!((&told["target"], &told["refused"]["status"]), (&Value::Null, &json!(400)));
}

#[test]
fn it_goes_where_a_request_with_that_key_goes() {
    let house = House::new(&[("REQUIRE_KEY", "true"), ("SANDBOX", "true")]);
    let config = json!({ "slug": "mine", "config": { "provider": "sandbox", "override_params": { "model": "echo" } } });
    assert_eq!(house.admin(Method::Post, "configs", &config).status, 201);
    let (id, key) = house.key(&json!({ "default_config": "mine" }));
    let (narrow, _) = house.key(&json!({ "allow": { "providers": ["openai"] } }));
    let (other, _) = house.key(&json!({ "scopes": ["logs"] }));
    let by_key = told(&house, &json!({ "key": id, "request": chat() }));
    let real = house.play(shows(Scene::chat(chat()["body"].to_string()), &key));
    assert_eq!((by_key["target"]["provider"].as_str(), by_key["target"]["model"].as_str()), (Some("sandbox"), Some("echo")));
    assert_eq!((real.header("x-causeway-provider"), real.header("x-causeway-model")), ("sandbox", "echo"));
    let refused = told(&house, &json!({ "key": narrow, "slug": "mine", "request": chat() }));
    assert!(refused["order"][0]["passed_over"].as_str().unwrap().contains("may not use the provider"), "{refused}");
    assert_eq!(refused["refused"]["status"], 403);
    assert_eq!(told(&house, &json!({ "key": other, "request": chat() }))["refused"]["status"], 403);
}

#[test]
fn what_is_wrong_with_the_description_is_named() {
    let house = House::new(&[]);
    for (body, param) in [
        (json!({}), "request"),
        (json!({ "request": 1 }), "request"),
        (json!({ "request": { "path": "/v1/models" } }), "request.path"),
        (json!({ "request": { "headers": { "a": 1 } } }), "request.headers.a"),
        (json!({ "request": { "headers": { "a": "x\ny" } } }), "request.headers.a"),
        (json!({ "request": { "metadata": 1 } }), "request.metadata"),
        (json!({ "request": {}, "config": {}, "slug": "x" }), "slug"),
        (json!({ "request": {}, "config": { "x": 1 } }), "config.x"),
        (json!({ "request": {}, "slug": "nowhere" }), "config"),
        (json!({ "request": {}, "key": "nobody" }), "key"),
        (json!({ "request": {}, "what": 1 }), "what"),
    ] {
        let tried = try_out(&house, &body);
        assert_eq!((tried.status, tried.json()["error"]["param"].as_str().unwrap_or_default()), (400, param), "{body}: {}", tried.body);
    }
    assert_eq!(house.admin(Method::Get, "configs/dry-run", &Value::Null).status, 405);
}
