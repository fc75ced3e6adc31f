//! Every route with every kind of credential, and what each pair is answered with.

use causeway::admin::openapi;
use causeway::http::Method;
use causeway::policy::secret;
use serde_json::json;

use crate::access;
use crate::scripted::Scene;
use crate::usage::{House, TOKEN, shows};

/// When they come: two hours after the beginning.
const LATER_MS: u64 = 2 * 3_600_000;

const CHAT: &str = r#"{"model":"sandbox/echo","max_tokens":5,"messages":[{"role":"user","content":"hi"}]}"#;
const GEMINI: &str = r#"{"contents":[{"role":"user","parts":[{"text":"hi"}]}]}"#;

/// The columns of the table.
const VISITORS: [&str; 14] = [
    "nothing",
    "a provider's key",
    "an unknown key",
    "a typo",
    "inference",
    "admin:read",
    "admin:write",
    "logs",
    "expired",
    "ADMIN_TOKEN",
    "Access owner",
    "Access editor",
    "Access viewer",
    "Access other",
];

/// A route, a body, and a status for each visitor. A key that may write has no scope for inference to give to another:
/// the keys that it may change are those that have none of what it lacks.
#[rustfmt::skip]
const TABLE: &[(&str, &str, &str)] = &[
    ("POST /v1/chat/completions", CHAT,
        "401 401 401 401 200 403 403 403 401 200 401 401 401 401"),
    ("POST /v1/messages", CHAT,
        "401 401 401 401 200 403 403 403 401 200 401 401 401 401"),
    ("POST /v1/responses", r#"{"model":"sandbox/echo","input":"hi"}"#,
        "401 401 401 401 200 403 403 403 401 200 401 401 401 401"),
    ("POST /v1/completions", r#"{"model":"sandbox/echo","prompt":"hi"}"#,
        "401 401 401 401 200 403 403 403 401 200 401 401 401 401"),
    ("POST /v1beta/models/sandbox%2Fecho:generateContent", GEMINI,
        "401 401 401 401 200 403 403 403 401 200 401 401 401 401"),
    ("POST /v1/messages/count_tokens", CHAT,
        "401 401 401 401 200 403 403 403 401 200 401 401 401 401"),
    ("POST /v1/embeddings", r#"{"model":"openai/text-embedding-3-small","input":"hi"}"#,
        "401 401 401 401 200 403 403 403 401 200 401 401 401 401"),
    ("POST /v1/moderations", r#"{"model":"openai/omni-moderation-latest","input":"hi"}"#,
        "401 401 401 401 200 403 403 403 401 200 401 401 401 401"),
    ("POST /v1/rerank", r#"{"model":"cohere/rerank-v3.5","query":"q","documents":["a"]}"#,
        "401 401 401 401 502 403 403 403 401 502 401 401 401 401"),
    ("POST /v1/images/generations", r#"{"model":"openai/gpt-image-1","prompt":"hi"}"#,
        "401 401 401 401 200 403 403 403 401 200 401 401 401 401"),
    ("POST /v1/audio/speech", r#"{"model":"openai/tts-1","input":"hi","voice":"alloy"}"#,
        "401 401 401 401 200 403 403 403 401 200 401 401 401 401"),
    ("POST /v1/audio/transcriptions", r#"{"model":"openai/whisper-1"}"#,
        "401 401 401 401 200 403 403 403 401 200 401 401 401 401"),
    ("GET /v1/files", "",
        "401 401 401 401 200 403 403 403 401 200 401 401 401 401"),
    ("GET /v1/batches", "",
        "401 401 401 401 200 403 403 403 401 200 401 401 401 401"),
    ("GET /v1/responses/resp_1", "",
        "401 401 401 401 200 403 403 403 401 200 401 401 401 401"),
    ("GET /v1/proxy/openai/v1/models", "",
        "401 401 401 401 200 403 403 403 401 200 401 401 401 401"),
    ("POST /v1/proxy/openai/v1/chat/completions", r#"{"model":"gpt-4o","messages":[]}"#,
        "401 401 401 401 200 403 403 403 401 200 401 401 401 401"),
    ("GET /v1/models", "",
        "401 401 401 401 200 403 403 403 401 200 401 401 401 401"),
    ("GET /v1/models/sandbox%2Fecho", "",
        "401 401 401 401 200 403 403 403 401 200 401 401 401 401"),
    ("GET /v1beta/models", "",
        "401 401 401 401 200 403 403 403 401 200 401 401 401 401"),
    ("POST /v1/feedback", r#"{"trace_id":"t","value":1}"#,
        "401 401 401 401 200 403 403 403 401 200 401 401 401 401"),
    ("GET /v1/usage", "",
        "401 401 401 401 200 403 403 200 401 401 401 401 401 401"),
    ("GET /healthz", "",
        "200 200 200 200 200 200 200 200 200 200 200 200 200 200"),
    ("GET /nowhere", "",
        "404 404 404 404 404 404 404 404 404 404 404 404 404 404"),
    ("GET /v1/chat/completions", "",
        "405 405 405 405 405 405 405 405 405 405 405 405 405 405"),
    ("GET /admin/v1/keys", "",
        "401 401 401 401 403 200 200 403 401 200 200 200 200 403"),
    ("POST /admin/v1/keys", r#"{}"#,
        "401 401 401 401 403 403 403 403 401 201 201 201 403 403"),
    ("GET /admin/v1/keys/KEY", "",
        "401 401 401 401 403 200 200 403 401 200 200 200 200 403"),
    ("PATCH /admin/v1/keys/KEY", r#"{"name":"n"}"#,
        "401 401 401 401 403 403 403 403 401 200 200 200 403 403"),
    ("DELETE /admin/v1/keys/KEY", "",
        "401 401 401 401 403 403 403 403 401 204 204 204 403 403"),
    ("GET /admin/v1/teams", "",
        "401 401 401 401 403 200 200 403 401 200 200 200 200 403"),
    ("POST /admin/v1/teams", r#"{"slug":"blue"}"#,
        "401 401 401 401 403 403 201 403 401 201 201 201 403 403"),
    ("GET /admin/v1/teams/red", "",
        "401 401 401 401 403 200 200 403 401 200 200 200 200 403"),
    ("PATCH /admin/v1/teams/red", r#"{"name":"n"}"#,
        "401 401 401 401 403 403 200 403 401 200 200 200 403 403"),
    ("DELETE /admin/v1/teams/red", "",
        "401 401 401 401 403 403 204 403 401 204 204 204 403 403"),
    ("GET /admin/v1/credentials", "",
        "401 401 401 401 403 200 200 403 401 200 200 200 200 403"),
    ("POST /admin/v1/credentials", r#"{"slug":"other","provider":"openai","secret":"sk-a"}"#,
        "401 401 401 401 403 403 201 403 401 201 201 201 403 403"),
    ("GET /admin/v1/credentials/main", "",
        "401 401 401 401 403 200 200 403 401 200 200 200 200 403"),
    ("PATCH /admin/v1/credentials/main", r#"{"priority":1}"#,
        "401 401 401 401 403 403 200 403 401 200 200 200 403 403"),
    ("DELETE /admin/v1/credentials/main", "",
        "401 401 401 401 403 403 204 403 401 204 204 204 403 403"),
    ("GET /admin/v1/configs", "",
        "401 401 401 401 403 200 200 403 401 200 200 200 200 403"),
    ("POST /admin/v1/configs", r#"{"slug":"other","config":{}}"#,
        "401 401 401 401 403 403 201 403 401 201 201 201 403 403"),
    ("GET /admin/v1/configs/mine", "",
        "401 401 401 401 403 200 200 403 401 200 200 200 200 403"),
    ("PATCH /admin/v1/configs/mine", r#"{"name":"n"}"#,
        "401 401 401 401 403 403 200 403 401 200 200 200 403 403"),
    ("DELETE /admin/v1/configs/mine", "",
        "401 401 401 401 403 403 204 403 401 204 204 204 403 403"),
    ("GET /admin/v1/prices", "",
        "401 401 401 401 403 200 200 403 401 200 200 200 200 403"),
    ("POST /admin/v1/prices", r#"{"provider":"openai","model":"gpt-5","input":"1"}"#,
        "401 401 401 401 403 403 201 403 401 201 201 201 403 403"),
    ("GET /admin/v1/prices/PRICE", "",
        "401 401 401 401 403 200 200 403 401 200 200 200 200 403"),
    ("PATCH /admin/v1/prices/PRICE", r#"{"input":"2"}"#,
        "401 401 401 401 403 403 200 403 401 200 200 200 403 403"),
    ("DELETE /admin/v1/prices/PRICE", "",
        "401 401 401 401 403 403 204 403 401 204 204 204 403 403"),
    ("POST /admin/v1/keys", r#"{"scopes":["admin:read"]}"#,
        "401 401 401 401 403 403 403 403 401 201 201 403 403 403"),
    ("POST /admin/v1/keys/KEY/rotate", "",
        "401 401 401 401 403 403 403 403 401 200 200 200 403 403"),
    ("POST /admin/v1/configs/mine/rollback", r#"{"version":1}"#,
        "401 401 401 401 403 403 200 403 401 200 200 200 403 403"),
    ("GET /admin/v1/configs/mine/versions", "",
        "401 401 401 401 403 200 200 403 401 200 200 200 200 403"),
    ("GET /admin/v1/configs/mine/versions/1", "",
        "401 401 401 401 403 200 200 403 401 200 200 200 200 403"),
    ("POST /admin/v1/configs/validate", r#"{"config":{}}"#,
        "401 401 401 401 403 200 200 403 401 200 200 200 200 403"),
    ("POST /admin/v1/configs/dry-run", r#"{"request":{}}"#,
        "401 401 401 401 403 200 200 403 401 200 200 200 200 403"),
    ("POST /admin/v1/credentials/reseal", "",
        "401 401 401 401 403 403 200 403 401 200 200 200 403 403"),
    ("POST /admin/v1/republish", "",
        "401 401 401 401 403 403 200 403 401 200 200 200 403 403"),
    ("GET /admin/v1/webhook-secret", "",
        "401 401 401 401 403 403 200 403 401 200 200 200 403 403"),
    ("GET /admin/v1/audit", "",
        "401 401 401 401 403 200 200 403 401 200 200 200 200 403"),
    ("GET /admin/v1/usage?by=key", "",
        "401 401 401 401 403 200 200 403 401 200 200 200 200 403"),
    ("GET /admin/v1/usage?by=team", "",
        "401 401 401 401 403 200 200 403 401 200 200 200 200 403"),
    ("GET /admin/v1/usage?by=model", "",
        "401 401 401 401 403 200 200 403 401 200 200 200 200 403"),
    ("GET /admin/v1/openapi.json", "",
        "401 401 401 401 403 200 200 403 401 200 200 200 200 403"),
    ("GET /admin/v1/nowhere", "",
        "401 401 401 401 403 404 404 403 401 404 404 404 404 403"),
];

fn method(word: &str) -> Method {
    Method::from_word(word)
}

/// What each visitor brings along.
fn visitors(house: &House) -> Vec<Box<dyn Fn(Scene) -> Scene>> {
    let bearer = |key: String| -> Box<dyn Fn(Scene) -> Scene> { Box::new(move |scene| shows(scene, &key)) };
    let scoped = |scope: &str| bearer(house.key(&json!({ "scopes": [scope] })).1);
    let mut typo = secret::mint("0123456789ab", [5; 32]);
    let last = typo.pop();
    typo.push(if last == Some('0') { '1' } else { '0' });
    let expired =
        house.key(&json!({ "scopes": ["inference", "admin:read", "admin:write", "logs"], "expires_at": "2026-11-21T01:00:00Z" })).1;
    let person = |email: &str| -> Box<dyn Fn(Scene) -> Scene> {
        let mut claims = access::claims(email);
        claims["exp"] = json!(1_795_219_200 + 86_400);
        let token = access::good(&claims);
        Box::new(move |scene| scene.header("cf-access-jwt-assertion", &token))
    };
    vec![
        Box::new(|scene| scene),
        bearer("sk-somebodys".to_owned()),
        bearer(secret::mint("zzzzzzzzzzzz", [5; 32])),
        bearer(typo),
        scoped("inference"),
        scoped("admin:read"),
        scoped("admin:write"),
        scoped("logs"),
        bearer(expired),
        bearer(TOKEN.to_owned()),
        person("owner@example.com"),
        person("editor@example.com"),
        person("viewer@example.com"),
        person("other@elsewhere.example"),
    ]
}

/// A deployment with one of each thing, whose ids are `ID`s of the table.
fn house() -> (House, String, String) {
    let vars: Vec<(&str, &str)> =
        access::VARS.iter().copied().chain([("REQUIRE_KEY", "true"), ("SANDBOX", "true"), ("COHERE_API_KEY", "co")]).collect();
    let house = House::new(&vars);
    for (kind, body) in [
        ("teams", json!({ "slug": "red" })),
        ("configs", json!({ "slug": "mine", "config": { "provider": "sandbox" } })),
        ("credentials", json!({ "slug": "main", "provider": "openai", "secret": "sk-main" })),
    ] {
        assert_eq!(house.admin(Method::Post, kind, &body).status, 201);
    }
    let price = house.admin(Method::Post, "prices", &json!({ "provider": "openai", "model": "gpt-4o", "input": "1" }));
    let (key, _) = house.key(&json!({ "name": "spare" }));
    let price = price.json()["id"].as_str().unwrap().to_owned();
    (house, key, price)
}

#[test]
fn each_visitor_comes_in_where_they_may_and_nowhere_else() {
    let (house, key, price) = house();
    let visitors = visitors(&house);
    // The keys of Access are known from here on.
    let first = visitors[10](Scene::get("/admin/v1/keys")).says(access::certificates());
    assert_eq!(house.play_at(first, LATER_MS).status, 200);
    let before = house.first.rows.borrow().clone();
    let mut wrong = Vec::new();
    for (route, body, expected) in TABLE {
        let (word, path) = route.split_once(' ').unwrap();
        let path = path.replace("KEY", &key).replace("PRICE", &price);
        let got: Vec<String> = visitors
            .iter()
            .map(|brings| {
                let scene = Scene { method: method(word), ..Scene::post(&path, *body) }.header("content-type", "application/json");
                // What is passed on is answered.
                let status = house.play_at(brings(scene).says("{}"), LATER_MS).status.to_string();
                house.first.rows.borrow_mut().clone_from(&before);
                status
            })
            .collect();
        if got.join(" ") != *expected {
            wrong.push(format!("{route}\n  expected {expected}\n  and got  {}", got.join(" ")));
        }
    }
    assert!(wrong.is_empty(), "{VISITORS:?}\n{}", wrong.join("\n"));
}

#[test]
fn the_table_has_every_route_of_the_admin_api() {
    let document = openapi::document();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for word in methods.as_object().unwrap().keys() {
            let known = TABLE.iter().any(|(route, ..)| {
                let (own, place) = route.split_once(' ').unwrap();
                let place = place.trim_start_matches("/admin/v1").split('?').next().unwrap();
                let same = |(own, other): (&str, &str)| own == other || own.starts_with('{');
                let long = path.split('/').count() == place.split('/').count();
                own.eq_ignore_ascii_case(word) && long && path.split('/').zip(place.split('/')).all(same)
            });
            assert!(known, "{word} {path}");
        }
    }
}
