//! What can be used, in the shape of each dialect.

use std::collections::BTreeMap;

use causeway::catalog::{self, Override};
use causeway::host::Fault;
use causeway::prices::KEY;
use serde_json::{Value, json};

use crate::scripted::{Scene, Scenery};

/// Two providers of the catalog, the sandbox, and a key of this deployment.
fn get(path: &str) -> Scene {
    Scene::get(path)
        .var("OPENAI_API_KEY", "k")
        .var("ANTHROPIC_API_KEY", "k")
        .var("SANDBOX", "true")
        .var("ADMIN_TOKEN", "cw-ours")
        .header("authorization", "Bearer cw-ours")
}

fn anthropics(path: &str) -> Scene {
    get(path).header("anthropic-version", "2023-06-01")
}

fn data(scene: &Scenery) -> Vec<Value> {
    assert_eq!(scene.status, 200, "{}", scene.body);
    scene.json()["data"].as_array().unwrap().clone()
}

fn ids(scene: &Scenery) -> Vec<String> {
    data(scene).iter().map(|model| model["id"].as_str().unwrap().to_owned()).collect()
}

fn find(models: &[Value], id: &str) -> Value {
    models.iter().find(|model| model["id"] == id).unwrap_or_else(|| panic!("{id} is not listed")).clone()
}

fn providers(scene: &Scenery) -> Vec<String> {
    let mut all: Vec<String> = data(scene).iter().map(|model| model["provider"].as_str().unwrap().to_owned()).collect();
    all.dedup();
    all
}

#[test]
fn the_models_of_the_active_providers_are_listed_and_nobody_is_asked() {
    let scene = get("/v1/models").play();
    assert_eq!(scene.json()["object"], "list");
    assert_eq!(providers(&scene), ["openai", "anthropic", "sandbox"]);
    assert_eq!(scene.seen.len(), 0);
    let listed = ids(&scene);
    let known = catalog::of_provider("openai").count() + catalog::of_provider("anthropic").count();
    assert_eq!(listed.len(), known + 5);
    for id in ["openai/gpt-4o", "anthropic/claude-sonnet-4-5", "sandbox/echo", "sandbox/slow-2000"] {
        assert!(listed.iter().any(|listed| listed == id), "{id}");
    }
    // The preferred first, and each by name.
    let scene = get("/v1/models").var("PROVIDER_PRIORITY", "sandbox,anthropic").play();
    assert_eq!(providers(&scene), ["sandbox", "anthropic", "openai"]);
}

#[test]
fn each_model_says_what_it_can_do_and_what_it_costs() {
    let models = data(&get("/v1/models").play());
    assert_eq!(
        find(&models, "openai/gpt-4o"),
        json!({
            "id": "openai/gpt-4o", "object": "model", "created": 0, "owned_by": "openai", "name": "gpt-4o", "provider": "openai",
            "kind": "chat", "context_window": 128_000, "max_output_tokens": 16_384,
            "capabilities": ["chat", "streaming", "vision", "tools", "parallel_tools", "json_schema", "pdf", "prompt_cache"],
            "price": {"input": "2.5", "output": "10", "cache_read": "1.25", "search": "0.01"}, "deprecation_date": null,
        })
    );
    let sonnet = find(&models, "anthropic/claude-sonnet-4-5");
    assert_eq!(
        sonnet["price"],
        json!({
            "input": "3", "output": "15", "cache_read": "0.3", "cache_write": "3.75", "cache_write_1h": "6", "search": "0.01",
            "tiers": [{"above": 200_000, "input": "6", "output": "22.5", "cache_read": "0.6", "cache_write": "7.5", "cache_write_1h": "12"}],
        })
    );
    assert_eq!((&sonnet["context_window"], sonnet["deprecation_date"].as_str().unwrap().len()), (&json!(200_000), 10));
    for (id, words, price) in [
        ("openai/text-embedding-3-small", vec!["embeddings"], json!({"input": "0.02"})),
        ("openai/tts-1", vec!["speech"], json!({"character": "15"})),
        ("openai/whisper-1", vec!["transcription"], json!({"input_hour": "0.36"})),
        ("sandbox/slow-2000", vec!["chat", "streaming", "tools"], json!({"input": "1", "output": "2"})),
    ] {
        let model = find(&models, id);
        assert_eq!(model["price"], price, "{id}");
        for word in words {
            assert!(model["capabilities"].as_array().unwrap().contains(&json!(word)), "{id} {word}");
        }
    }
}

#[test]
fn the_whole_catalog_is_listed_when_asked_for_and_every_price_can_be_sent_back() {
    let scene = Scene::get("/v1/models?all=true").play();
    let models = data(&scene);
    assert_eq!(models.len(), catalog::all().count());
    let by_id: BTreeMap<String, &Value> = models.iter().map(|model| (model["id"].as_str().unwrap().to_owned(), model)).collect();
    let mut unpriced = 0;
    for model in catalog::all() {
        let told = by_id.get(&format!("{}/{}", model.provider, model.id)).unwrap_or_else(|| panic!("{} {}", model.provider, model.id));
        let mut price = told["price"].clone();
        let Some(fields) = price.as_object_mut() else {
            assert_eq!((price.as_str(), &model.prices), (Some("unpriced"), &None), "{}", model.id);
            unpriced += 1;
            continue;
        };
        fields.remove("sizes");
        fields.extend([("provider".to_owned(), model.provider.into()), ("model".to_owned(), model.id.into())]);
        if let Some(prices) = model.prices {
            assert_eq!(Override::parse(price.to_string().as_bytes()).unwrap().prices, prices, "{} {}", model.provider, model.id);
        }
    }
    assert!(unpriced > 0);
    let dalle = find(&models, "azure-openai/dall-e-3");
    assert_eq!(dalle["price"]["sizes"]["hd/1024x1792"], "0.132");
}

#[test]
fn one_providers_models_are_listed_when_it_is_named() {
    for scene in [
        Scene::get("/v1/models?provider=groq"),
        Scene::get("/v1/models").header("x-causeway-provider", "groq"),
        Scene::get("/v1/models").header("x-portkey-provider", "groq").header("authorization", "Bearer k"),
    ] {
        let scene = scene.play();
        assert_eq!((providers(&scene), data(&scene).len()), (vec!["groq".to_owned()], catalog::of_provider("groq").count()));
    }
    assert_eq!(providers(&Scene::get("/v1/models?provider=google").play()), ["gemini"]);
    let unknown = Scene::get("/v1/models?provider=grok").play();
    assert_eq!(unknown.status, 400);
    assert!(unknown.body.contains("Did you mean `groq`?"), "{}", unknown.body);
}

#[test]
fn whoever_runs_there_what_one_likes_is_asked() {
    let ollama = || get("/v1/models").var("OLLAMA_HOST", "http://localhost:11434");
    let scene = ollama().says(r#"{"object":"list","data":[{"id":"llama3.1","created":7},{"id":"mine:7b"},{"no":"id"},7]}"#).play();
    assert_eq!(
        scene.seen.iter().map(|seen| (seen.method.as_str(), seen.url.as_str())).collect::<Vec<_>>(),
        [("GET", "http://localhost:11434/v1/models")]
    );
    let models = data(&scene);
    let own: Vec<&Value> = models.iter().filter(|model| model["provider"] == "ollama").collect();
    assert_eq!(own.len(), 2);
    // What the catalog knows of it is told too.
    assert_eq!((&own[0]["created"], &own[0]["context_window"], &own[0]["price"]["input"]), (&json!(7), &json!(8_192), &json!("0")));
    assert_eq!((&own[1]["id"], &own[1]["kind"], &own[1]["price"]), (&json!("ollama/mine:7b"), &Value::Null, &json!("unpriced")));
    assert!(models.iter().any(|model| model["id"] == "openai/gpt-4o"));
}

#[test]
fn one_that_fails_is_left_out() {
    let ollama = || get("/v1/models").var("OLLAMA_HOST", "http://localhost:11434");
    for scene in [
        ollama().fails(Fault::TimedOut),
        ollama().fails(Fault::Unreachable("refused".to_owned())),
        ollama().answers(500, vec![], "no"),
        ollama().says("<html>"),
    ] {
        let scene = scene.play();
        assert_eq!((scene.seen.len(), providers(&scene)), (1, vec!["openai".to_owned(), "anthropic".to_owned(), "sandbox".to_owned()]));
    }
}

#[test]
fn another_host_of_a_provider_is_asked_and_alone_gets_the_callers_key() {
    let elsewhere =
        || Scene::get("/v1/models").header("x-causeway-custom-host", "https://example.com").header("authorization", "Bearer theirs");
    for (provider, url, answer) in [
        ("openai", "https://example.com/models", r#"{"data":[{"id":"m"}]}"#),
        ("gemini", "https://example.com/v1beta/models?pageSize=1000", r#"{"models":[{"name":"models/m"}]}"#),
        ("cohere", "https://example.com/v1/models?page_size=1000", r#"{"models":[{"name":"m"}]}"#),
        ("together", "https://example.com/v1/models", r#"[{"id":"m"}]"#),
        ("custom", "https://example.com/models", r#"{"data":[{"id":"m"}]}"#),
    ] {
        let scene = elsewhere().header("x-causeway-provider", provider).says(answer).play();
        assert_eq!((scene.seen[0].url.as_str(), ids(&scene)), (url, vec![format!("{provider}/m")]));
        assert!(scene.seen[0].headers.block().contains("theirs"));
    }
    // It tells nothing: then it has what its provider has.
    let scene = elsewhere().header("x-causeway-provider", "openai").answers(404, vec![], "").play();
    assert_eq!(data(&scene).len(), catalog::of_provider("openai").count());
    // Who is not named is asked without the caller's key.
    let scene = Scene::get("/v1/models").var("OLLAMA_HOST", "http://localhost:11434").header("authorization", "Bearer theirs");
    let scene = scene.says(r#"{"data":[]}"#).play();
    assert!(!scene.seen[0].headers.block().contains("theirs"));
}

#[test]
fn a_named_provider_that_cannot_be_asked_says_why() {
    let scene = Scene::get("/v1/models").header("x-causeway-provider", "custom").header("authorization", "Bearer k").play();
    assert_eq!(scene.status, 400);
    assert!(scene.body.contains("x-causeway-custom-host"), "{}", scene.body);
}

#[test]
fn prices_of_ones_own_are_told_and_their_models_listed() {
    let list = r#"[{"provider":"openai","model":"gpt-4o","input":"2","output":"4"},{"provider":"openai","model":"house","input":"1"},
        {"provider":"groq","model":"away","input":"1"}]"#;
    let scene = get("/v1/models").stores(KEY, list).play();
    let models = data(&scene);
    assert_eq!(scene.reads.len(), 1);
    assert_eq!(find(&models, "openai/gpt-4o")["price"], json!({"input": "2", "output": "4"}));
    assert_eq!(find(&models, "openai/gpt-4o-2024-08-06")["price"]["input"], "2");
    assert_eq!(find(&models, "openai/house")["price"], json!({"input": "1"}));
    assert!(models.iter().all(|model| model["name"] != "away"));
    assert_eq!(models.iter().filter(|model| model["id"] == "openai/gpt-4o").count(), 1);
}

#[test]
fn one_model_is_the_one_that_a_request_for_its_name_would_use() {
    for (path, id) in [
        ("/v1/models/openai/gpt-4o", "openai/gpt-4o"),
        ("/v1/models/openai%2Fgpt-4o", "openai/gpt-4o"),
        ("/v1/models/gpt-4o", "openai/gpt-4o"),
        ("/v1/models/claude-sonnet-4-5", "anthropic/claude-sonnet-4-5"),
        ("/v1/models/echo", "sandbox/echo"),
        ("/v1/models/groq/llama-3.3-70b-versatile?all=true", "groq/llama-3.3-70b-versatile"),
        ("/v1/models/llama-3.3-70b-versatile?provider=groq&all=true", "groq/llama-3.3-70b-versatile"),
    ] {
        let scene = get(path).play();
        assert_eq!((scene.status, scene.json()["id"].as_str()), (200, Some(id)), "{path}: {}", scene.body);
        assert_eq!(scene.json()["object"], "model");
    }
    // A key that the caller brings is as good as one of the deployment.
    let scene = Scene::get("/v1/models/openrouter/openai/gpt-4o").header("authorization", "Bearer k").play();
    assert_eq!(scene.json()["id"], "openrouter/openai/gpt-4o");
}

#[test]
fn a_model_that_is_not_there_is_404_with_those_near_it() {
    for (path, hint) in [
        ("/v1/models/gpt-4p", "`openai/gpt-4o`"),
        ("/v1/models/openai/gpt-4o-mimi", "`openai/gpt-4o-mini`"),
        ("/v1/models/claude-sonnet-4-9", "`anthropic/claude-sonnet-4-"),
        ("/v1/models/groq/llama-3.3-70b-versatile", "There is no key for groq here"),
        ("/v1/models/qqqqqqqqqqqqqqqqqq", "There is no model `qqqqqqqqqqqqqqqqqq` here. GET /v1/models lists"),
    ] {
        let scene = get(path).play();
        assert_eq!((scene.status, scene.json()["error"]["code"].as_str()), (404, Some("model_not_found")), "{path}");
        assert!(scene.body.contains(hint), "{path}: {}", scene.body);
    }
    let scene = anthropics("/v1/models/gpt-4p").play();
    assert_eq!((scene.status, scene.json()["error"]["type"].as_str()), (404, Some("not_found_error")));
    let scene = get("/v1beta/models/gpt-4p").play();
    assert_eq!((scene.status, scene.json()["error"]["status"].as_str()), (404, Some("NOT_FOUND")));
}

#[test]
fn anthropics_clients_get_their_shape() {
    let scene = anthropics("/v1/models/claude-sonnet-4-5").play();
    let model = scene.json();
    assert_eq!(
        model,
        json!({
            "type": "model", "id": "anthropic/claude-sonnet-4-5", "display_name": "claude-sonnet-4-5", "created_at": "1970-01-01T00:00:00Z",
            "capabilities": null, "line": null, "lifecycle": "active", "deprecated_at": null, "retires_at": null,
            "max_input_tokens": 200_000, "max_tokens": 64_000, "provider": "anthropic", "kind": "chat", "price": model["price"],
            "deprecation_date": model["deprecation_date"],
        })
    );
    assert_eq!(model["price"]["input"], "3");
    let gone = catalog::of_provider("anthropic").find(|model| model.deprecation.is_some_and(|date| date < "2026-11-21")).unwrap();
    let model = anthropics(&format!("/v1/models/anthropic/{}", gone.id)).play().json();
    assert_eq!(model["lifecycle"], "deprecated");
    assert_eq!(model["retires_at"], format!("{}T00:00:00Z", gone.deprecation.unwrap()));
}

#[test]
fn anthropics_pages_lead_through_the_whole_list_both_ways() {
    let whole = ids(&get("/v1/models").play());
    let page = |query: &str| {
        let scene = anthropics(&format!("/v1/models{query}")).play();
        let (json, ids) = (scene.json(), ids(&scene));
        assert_eq!(
            (json["first_id"].as_str(), json["last_id"].as_str()),
            (ids.first().map(String::as_str), ids.last().map(String::as_str))
        );
        (ids, json["has_more"].as_bool().unwrap())
    };
    assert_eq!(page(""), (whole[..20].to_vec(), true));
    for size in [1_usize, 100, 1_000] {
        let (mut found, mut more) = page(&format!("?limit={size}"));
        while more {
            let (next, again) = page(&format!("?limit={size}&after_id={}", found.last().unwrap().replace('/', "%2F")));
            found.extend(next);
            more = again;
        }
        assert_eq!(found, whole, "pages of {size}");
        if size == 1 {
            continue;
        }
        let mut found = vec![whole.last().unwrap().clone()];
        let mut more = true;
        while more {
            let (before, again) = page(&format!("?limit={size}&before_id={}", found[0]));
            found.splice(0..0, before);
            more = again;
        }
        assert_eq!(found, whole, "pages of {size}, backwards");
    }
    assert_eq!(page(&format!("?after_id={}", whole.last().unwrap())), (vec![], false));
}

#[test]
fn googles_clients_get_their_shape_and_pages() {
    let model = get("/v1beta/models/gpt-4o").play().json();
    assert_eq!(
        model,
        json!({
            "name": "models/openai/gpt-4o", "displayName": "gpt-4o", "supportedGenerationMethods": ["generateContent", "streamGenerateContent", "countTokens"],
            "thinking": false, "inputTokenLimit": 128_000, "outputTokenLimit": 16_384, "provider": "openai", "kind": "chat",
            "price": model["price"], "deprecation_date": null,
        })
    );
    assert_eq!(
        get("/v1beta/models/models%2Fopenai%2Ftext-embedding-3-small").play().json()["supportedGenerationMethods"],
        json!(["embedContent"])
    );
    let whole: Vec<String> = ids(&get("/v1/models").play()).into_iter().map(|id| format!("models/{id}")).collect();
    let page = |query: &str| {
        let json = get(&format!("/v1beta/models{query}")).play().json();
        let names: Vec<String> =
            json["models"].as_array().unwrap().iter().map(|model| model["name"].as_str().unwrap().to_owned()).collect();
        (names, json["nextPageToken"].as_str().map(str::to_owned))
    };
    assert_eq!(page("").0, whole[..50]);
    let (mut found, mut token) = page("?pageSize=99");
    while let Some(last) = token {
        let (next, after) = page(&format!("?pageSize=99&pageToken={last}"));
        found.extend(next);
        token = after;
    }
    assert_eq!(found, whole);
    assert_eq!(page("?pageSize=5000"), (whole, None));
}

#[test]
fn a_page_that_cannot_be_is_refused() {
    for (path, param) in [
        ("/v1/models?limit=0", "limit"),
        ("/v1/models?limit=many", "limit"),
        ("/v1/models?after_id=nobody", "after_id"),
        ("/v1/models?before_id=a&after_id=b", "before_id"),
        ("/v1beta/models?pageSize=-1", "pageSize"),
        ("/v1beta/models?pageToken=x", "pageToken"),
    ] {
        let scene = anthropics(path).play();
        assert_eq!(scene.status, 400, "{path}");
        assert!(scene.body.contains(param), "{path}: {}", scene.body);
    }
}

#[test]
fn who_may_not_come_in_is_told_nothing() {
    for path in ["/v1/models", "/v1/models/gpt-4o", "/v1/models?all=true", "/v1beta/models"] {
        let scene = Scene::get(path).var("REQUIRE_KEY", "true").var("OPENAI_API_KEY", "k").play();
        assert_eq!(scene.status, 401, "{path}");
    }
}
