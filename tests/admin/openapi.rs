//! The description of the admin API: it says what is so. That each answer and each body that is taken are as it says,
//! the `Registry` of these tests sees to.

use std::collections::BTreeSet;

use serde_json::json;

use super::desk::Registry;
use crate::described;

/// Of each kind all that may be said.
fn whole() -> [(&'static str, serde_json::Value); 5] {
    let limits = json!([{ "type": "requests", "per": "minute", "max": 5, "by": "metadata._user" }]);
    let budget = json!({ "usd": "5", "per": "day", "hard": true, "alerts": [0.5], "webhook": "https://a.example", "unpriced": "allow", "by": "_user" });
    let budgets = json!([budget, { "tokens": 5, "per": "total" }]);
    let rates = ["input", "output", "cache_read", "cache_write", "cache_write_1h", "reasoning", "input_audio", "output_audio"];
    let more = ["input_image_tokens", "output_image_tokens", "character", "input_image", "image", "input_hour", "output_hour"];
    let mut price = json!({ "provider": "openai", "model": "gpt-4o", "tiers": [{ "above": 5, "input": "1" }] });
    for rate in rates.iter().chain(&more).chain(&["page", "query", "search"]) {
        price[*rate] = json!("1.5");
    }
    [
        ("configs", json!({ "slug": "mine", "name": "n", "config": { "provider": "openai" } })),
        (
            "teams",
            json!({ "slug": "red", "name": "n", "default_config": "mine", "limits": limits, "budgets": budgets, "members": ["a@b.example"] }),
        ),
        (
            "keys",
            json!({ "name": "n", "team": "red", "scopes": ["inference"], "default_config": "mine", "limits": limits, "budgets": budgets,
            "allow": { "providers": ["openai"], "models": ["*"], "credentials": ["main"], "configs": ["mine"] },
            "metadata": { "default": { "a": "b" }, "required": ["_user"] }, "expires_at": "2030-01-01T00:00:00Z" }),
        ),
        (
            "credentials",
            json!({ "slug": "main", "provider": "openai", "secret": "sk-secret-abcdefgh", "settings": { "openai-project": "p" },
            "allow": { "models": ["*"] }, "limits": limits, "budgets": budgets, "priority": 5 }),
        ),
        ("prices", price),
    ]
}

#[test]
fn what_is_described_is_taken_to_the_last_field() {
    let mut registry = Registry::default();
    for (kind, body) in whole() {
        registry.post(kind, &body.to_string()).expect(201);
        described::with(|described| {
            let schema = &described.operation("POST", kind).unwrap()["requestBody"]["content"]["application/json"]["schema"];
            let mut all = BTreeSet::new();
            described.properties(schema, "body", &mut all);
            let unseen: Vec<String> = all.difference(&described.seen.borrow()).cloned().collect();
            assert!(unseen.is_empty(), "{kind}: {unseen:?}");
        });
    }
}

#[test]
fn all_routes_are_described_and_no_others() {
    let words = [
        "keys",
        "teams",
        "credentials",
        "configs",
        "prices",
        "audit",
        "usage",
        "openapi.json",
        "rotate",
        "rollback",
        "versions",
        "validate",
        "reseal",
        "republish",
        "webhook-secret",
        "1",
        "others",
    ];
    let mut paths: Vec<String> = words.map(str::to_owned).to_vec();
    for depth in 1..4 {
        let longer = paths.iter().filter(|path| path.split('/').count() == depth);
        let longer: Vec<String> = longer.flat_map(|path| words.iter().map(move |word| format!("{path}/{word}"))).collect();
        let likely = |path: &String| path.split('/').skip(1).all(|word| !["keys", "teams", "prices"].contains(&word));
        paths.extend(longer.into_iter().filter(|path| depth < 3 && likely(path) || path.ends_with("/versions/1")));
    }
    let mut registry = Registry { unchecked: true, ..Registry::default() };
    for path in &paths {
        for method in ["GET", "POST", "PATCH", "DELETE", "PUT"] {
            let said = registry.ask(&registry.request(method, path, "{}"));
            let served = said.status != 405 && !said.message().starts_with("There is no route");
            let known = described::with(|described| described.operation(method, path).is_some());
            assert_eq!(served, known, "{method} {path}: {}", said.raw.body);
        }
    }
    described::with(|described| {
        for path in described.document["paths"].as_object().unwrap().keys().filter(|path| !path.ends_with("dry-run")) {
            let example = path.trim_matches('/').split('/').map(|part| if part.starts_with('{') { "1" } else { part });
            assert!(paths.contains(&example.collect::<Vec<_>>().join("/")), "{path} was not tried");
        }
    });
}

#[test]
fn the_document_refers_to_what_it_has_and_is_for_who_may_look() {
    use causeway::admin::{Actor, Role};
    let mut registry = Registry::default();
    let document = registry.as_actor(Actor::of("somebody", Role::Viewer)).get("openapi.json").expect(200).json;
    assert_eq!((&document["openapi"], &document["servers"][0]["url"]), (&json!("3.1.0"), &json!("/admin/v1")));
    let text = document.to_string();
    for reference in text.split("#/components/schemas/").skip(1) {
        let name = reference.split('"').next().unwrap();
        assert!(document["components"]["schemas"][name].is_object(), "{name}");
    }
    assert_eq!(document["components"]["schemas"]["scopes"]["items"]["enum"][0], "inference");
}
