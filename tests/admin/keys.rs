//! Callers' keys.

use causeway::admin::{Actor, Role};
use causeway::policy::holder::{Key, Scope};
use causeway::policy::secret;

use super::desk::Registry;

/// What requests read of a key.
fn published(registry: &mut Registry, id: &str) -> Key {
    Key::parse(&registry.stored(&format!("key:{id}")).unwrap()).unwrap()
}

#[test]
fn a_key_is_shown_once_and_known_by_its_hash() {
    let mut registry = Registry::default();
    registry.post("teams", r#"{"slug":"red"}"#).expect(201);
    registry.post("configs", r#"{"slug":"plain","config":{}}"#).expect(201);
    let made = registry
        .post(
            "keys",
            r#"{"name":"CI","team":"red","scopes":["inference","logs"],"allow":{"providers":["openai"],"models":["gpt-*"]},
               "default_config":"plain","metadata":{"default":{"app":"ci"},"required":["_user"]},
               "limits":[{"type":"requests","per":"minute","max":100}],"budgets":[{"usd":"12.50","per":"month","by":"_user"}],
               "expires_at":"2030-01-01T00:00:00Z"}"#,
        )
        .expect(201);
    let (id, text) = (made.text("id").to_owned(), made.text("key").to_owned());
    let shown = secret::read(&text).unwrap();
    assert_eq!(shown.id, id);
    assert_eq!(made.text("hint"), secret::hint(&text));
    let key = published(&mut registry, &id);
    assert!(key.is(&shown, registry.now) && key.may(Scope::Logs));
    assert_eq!((key.version, key.team.as_deref(), key.rules.budgets.len()), (1, Some("red"), 1));
    let again = registry.get(&format!("keys/{id}"));
    assert_eq!(again.json.get("key").or(again.json.get("secrets")), None);
    assert_eq!(registry.get("keys?team=red").data(), [again.json]);
}

#[test]
fn a_key_that_is_rotated_is_good_in_its_old_form_for_as_long_as_was_said() {
    let mut registry = Registry::default();
    let made = registry.post("keys", "{}").expect(201);
    let (id, first) = (made.text("id").to_owned(), secret::read(made.text("key")).unwrap());
    let route = format!("keys/{id}/rotate");
    let second = registry.post(&route, r#"{"overlap_seconds":60}"#).expect(200);
    let second = secret::read(second.text("key")).unwrap();
    let key = published(&mut registry, &id);
    assert!(key.is(&first, registry.now + 59_999) && !key.is(&first, registry.now + 60_000) && key.is(&second, u64::MAX));
    let third = registry.post(&route, "").expect(200);
    let third = secret::read(third.text("key")).unwrap();
    let key = published(&mut registry, &id);
    assert!(!key.is(&first, registry.now) && !key.is(&second, registry.now) && key.is(&third, registry.now));
    assert_eq!(key.version, 3);
    registry.post(&route, r#"{"overlap":1}"#).expect(400);
    assert_eq!(registry.post(&route, r#"{"overlap_seconds":-1}"#).expect(400).param(), "overlap_seconds");
    assert_eq!(registry.get("audit?what=rotate").data().len(), 2);
}

#[test]
fn nobody_touches_a_key_that_may_more_than_they() {
    let mut registry = Registry::default();
    let admin = registry.post("keys", r#"{"scopes":["admin:write"]}"#).expect(201).text("id").to_owned();
    let plain = registry.post("keys", "{}").expect(201).text("id").to_owned();
    registry.as_actor(Actor::of("e@example.com", Role::Editor));
    registry.post(&format!("keys/{admin}/rotate"), "{}").expect(403);
    registry.patch(&format!("keys/{admin}"), r#"{"name":"mine"}"#).expect(403);
    registry.delete(&format!("keys/{admin}")).expect(403);
    assert_eq!(registry.patch(&format!("keys/{plain}"), r#"{"scopes":["admin:read"]}"#).expect(403).param(), "scopes");
    registry.post(&format!("keys/{plain}/rotate"), "{}").expect(200);
    registry.delete(&format!("keys/{plain}")).expect(204);
}

#[test]
fn objects_are_merged_and_null_removes() {
    let mut registry = Registry::default();
    let made = registry.post("keys", r#"{"name":"a","allow":{"providers":["openai"],"models":["a"]}}"#).expect(201);
    let path = format!("keys/{}", made.text("id"));
    let changed = registry.patch(&path, r#"{"name":null,"allow":{"models":null,"configs":["c"]}}"#).expect(200);
    assert_eq!(changed.json["allow"], serde_json::json!({"providers": ["openai"], "configs": ["c"]}));
    assert_eq!(changed.json.get("name"), None);
    assert_eq!(registry.patch(&path, r#"{"allow":null}"#).expect(200).json.get("allow"), None);
}

#[test]
fn a_key_made_twice_by_accident_is_one_and_is_shown_again_only_if_it_could_be_sealed() {
    for sealed in [true, false] {
        let mut registry = Registry::default();
        if !sealed {
            registry.masters.clear();
        }
        let mut request = registry.request("POST", "keys", "{}");
        request.idempotency_key = Some("0123".to_owned());
        let made = registry.ask(&request).expect(201);
        assert!(registry.rows.values().all(|row| !row.contains(made.text("key"))));
        match sealed {
            true => assert_eq!(registry.ask(&request).expect(201).text("key"), made.text("key")),
            false => assert_eq!(registry.ask(&request).expect(409).json["error"]["code"], "shown_once"),
        }
    }
}

#[test]
fn what_is_empty_or_null_is_not_there() {
    let mut registry = Registry::default();
    let sent = r#"{"name":"","expires_at":"","limits":[{"type":"tokens","per":"day","max":0,"by":null}],"allow":{"models":null}}"#;
    let made = registry.post("keys", sent).expect(201);
    assert!(made.json.get("expires_at").is_none() && made.json.get("name").is_none(), "{}", made.raw.body);
    assert_eq!((made.json["limits"][0].get("by"), &made.json["allow"]), (None, &serde_json::json!({})));
    let changed = registry.patch(&format!("keys/{}", made.text("id")), r#"{"name":"n","budgets":[{"usd":"1","per":"day","by":null}]}"#);
    assert!(changed.expect(200).json["budgets"][0].get("by").is_none());
}
