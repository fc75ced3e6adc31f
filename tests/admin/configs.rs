//! Saved configs and their versions.

use serde_json::json;

use super::desk::Registry;

fn three_versions() -> Registry {
    let mut registry = Registry::default();
    registry.post("configs", r#"{"slug":"main","name":"one","config":{"provider":"openai"}}"#).expect(201);
    registry.now += 1_000;
    registry.actor.name = "e@example.com".to_owned();
    registry.patch("configs/main", r#"{"name":"two","config":{"provider":"groq"}}"#).expect(200);
    registry.patch("configs/main", r#"{"config":{"provider":"mistral"}}"#).expect(200);
    registry
}

#[test]
fn each_change_is_a_version_with_who_and_when() {
    let mut registry = three_versions();
    let versions = registry.get("configs/main/versions").expect(200);
    let told: Vec<_> = versions.data().iter().map(|one| (one["version"].clone(), one["who"].clone(), one["what"].clone())).collect();
    assert_eq!(
        told,
        [
            (json!(3), json!("e@example.com"), json!("change")),
            (json!(2), json!("e@example.com"), json!("change")),
            (json!(1), json!("admin"), json!("create"))
        ]
    );
    assert_ne!(versions.data()[0]["when"], versions.data()[2]["when"]);
    assert_eq!(registry.get("configs/main/versions/1").expect(200).json["config"], json!({"provider": "openai"}));
    assert!(registry.get("configs/main/versions?limit=1").json["next"].is_string());
    for none in ["configs/main/versions/4", "configs/main/versions/x", "configs/other/versions"] {
        registry.get(none).expect(404);
    }
}

#[test]
fn an_earlier_version_comes_back_as_a_new_one() {
    let mut registry = three_versions();
    assert_eq!(registry.stored("config:main").as_deref(), Some(r#"{"provider":"mistral"}"#));
    let back = registry.post("configs/main/rollback", r#"{"version":1}"#).expect(200);
    assert_eq!((back.etag.as_str(), back.text("name"), &back.json["config"]), ("\"4\"", "one", &json!({"provider": "openai"})));
    assert_eq!(registry.stored("config:main").as_deref(), Some(r#"{"provider":"openai"}"#));
    assert_eq!(registry.get("configs/main/versions").data()[0]["what"], "rollback");
    assert_eq!(registry.get("configs/main/versions").data().len(), 4);
    registry.post("configs/main/rollback", r#"{"version":9}"#).expect(404);
    registry.post("configs/main/rollback", r#"{"version":0}"#).expect(400);
    assert!(registry.post("configs/main/rollback", r#"{"versoin":1}"#).expect(400).message().contains("version"));
    let mut late = registry.request("POST", "configs/main/rollback", r#"{"version":1}"#);
    late.if_match = Some("\"3\"".to_owned());
    registry.ask(&late).expect(412);
}

#[test]
fn a_config_is_replaced_whole_and_keeps_its_bytes() {
    let mut registry = Registry::default();
    registry
        .post("configs", "{\"slug\":\"a\",\"config\":{\"strategy\":{\"mode\":\"single\"},\n \"targets\":[{\"provider\":\"openai\"}]}}")
        .expect(201);
    registry.patch("configs/a", r#"{"config":{"override_params":{"z":1.50,"a":18446744073709551615},"provider":"groq"}}"#).expect(200);
    let stored = registry.stored("config:a").unwrap();
    assert_eq!(stored, r#"{"override_params":{"z":1.50,"a":18446744073709551615},"provider":"groq"}"#);
    registry.delete("configs/a").expect(204);
    assert!(registry.tell().iter().any(|effect| format!("{effect:?}").contains("Remove { key: \"config:a\" }")));
}

#[test]
fn a_config_is_tried_without_being_saved() {
    let mut registry = Registry::default();
    assert_eq!(registry.post("configs/validate", r#"{"config":{"provider":"openai"}}"#).expect(200).json, json!({"valid": true}));
    let told = registry.post("configs/validate", r#"{"config":{"retry":{"attempts":99}}}"#).expect(200).json;
    assert_eq!((&told["valid"], &told["error"]["param"]), (&json!(false), &json!("config.retry.attempts")));
    registry.post("configs/validate", "{}").expect(400);
    assert!(registry.rows.is_empty());
}

#[test]
fn a_secret_within_a_config_is_not_shown_and_comes_back_from_what_is() {
    let mut registry = Registry::default();
    let secret = "sk-inline-abcdefghijkl-9876";
    let config = json!({"strategy": {"mode": "fallback"}, "targets": [{"provider": "openai", "api_key": secret}, {"provider": "groq", "apiKey": "tiny"}]});
    let made = registry.post("configs", &json!({"slug": "a", "config": config}).to_string()).expect(201);
    let shown = made.json["config"].clone();
    assert_eq!((&shown["targets"][0]["api_key"], &shown["targets"][1]["apiKey"]), (&json!("sk-inli…9876"), &json!("…")));
    // Sent as it was shown, with another change.
    let mut edited = shown.clone();
    edited["targets"][0]["weight"] = json!(2);
    registry.patch("configs/a", &json!({"config": edited}).to_string()).expect(200);
    let stored: serde_json::Value = serde_json::from_str(&registry.stored("config:a").unwrap()).unwrap();
    assert_eq!((&stored["targets"][0]["api_key"], &stored["targets"][1]["apiKey"]), (&json!(secret), &json!("tiny")));
    for path in ["configs/a", "configs", "configs/a/versions", "configs/a/versions/1", "audit"] {
        assert!(!registry.get(path).expect(200).raw.body.contains(secret), "{path}");
    }
    // It does not go anywhere else than where it was meant to.
    for (place, value) in [("provider", "mistral"), ("custom_host", "https://example.com")] {
        let mut moved = shown.clone();
        moved["targets"][0][place] = json!(value);
        let refused = registry.patch("configs/a", &json!({"config": moved}).to_string()).expect(400);
        assert_eq!(refused.param(), "config.targets[0].api_key");
    }
    registry.post("configs/a/rollback", r#"{"version":1}"#).expect(200);
    assert!(registry.stored("config:a").unwrap().contains(secret));
}
