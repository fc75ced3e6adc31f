//! What all kinds have in common.

use causeway::admin::{Actor, Role};
use causeway::policy::holder::Key;

use super::desk::Registry;

/// A kind, one that can be made, its id where it is known, a change, and what the change shows.
const KINDS: &[(&str, &str, &str, &str, &str)] = &[
    ("keys", r#"{"name":"a"}"#, "", r#"{"name":"b","limits":[{"type":"requests","per":"minute","max":5}]}"#, "b"),
    ("teams", r#"{"slug":"red","name":"a"}"#, "red", r#"{"name":"b"}"#, "b"),
    ("credentials", r#"{"slug":"main","provider":"openai","secret":"sk-secret-abcdefgh"}"#, "main", r#"{"priority":7}"#, "7"),
    ("configs", r#"{"slug":"plain","config":{"provider":"openai"}}"#, "plain", r#"{"config":{"provider":"groq"}}"#, "groq"),
    ("prices", r#"{"provider":"openai","model":"gpt-4o","input":"1.5"}"#, "", r#"{"input":2.5}"#, "2.5"),
];

#[test]
fn every_kind_is_made_read_listed_changed_and_deleted() {
    for (kind, made, id, change, shows) in KINDS {
        let mut registry = Registry::default();
        let first = registry.post(kind, made).expect(201);
        assert_eq!(first.etag, "\"1\"", "{kind}");
        let id = if id.is_empty() { first.text("id").to_owned() } else { (*id).to_owned() };
        let path = format!("{kind}/{id}");
        let mut shown = first.json.clone();
        shown.as_object_mut().unwrap().remove("key");
        assert_eq!(registry.get(&path).expect(200).json, shown);
        assert_eq!(registry.get(kind).expect(200).data(), [shown]);
        registry.now += 60_000;
        let changed = registry.patch(&path, change).expect(200);
        assert!(changed.raw.body.contains(shows), "{}", changed.raw.body);
        assert_eq!((changed.etag.as_str(), &changed.json["version"]), ("\"2\"", &2.into()));
        assert_ne!(changed.json["updated_at"], changed.json["created_at"]);
        assert_eq!(registry.get(&path).expect(200).json, changed.json);
        let log = registry.get("audit").expect(200);
        assert_eq!(log.data().len(), 2);
        let latest = &log.data()[0];
        assert_eq!((&latest["who"], &latest["what"], &latest["resource"]), (&"admin".into(), &"change".into(), &(*kind).into()));
        assert_eq!(latest["after"], changed.json);
        registry.delete(&path).expect(204);
        registry.get(&path).expect(404);
        assert_eq!(registry.get(kind).expect(200).data().len(), 0);
        assert_eq!(registry.get("audit").data()[0]["before"], changed.json);
        registry.tell();
        registry.delete(&path).expect(404);
    }
}

#[test]
fn a_change_of_nothing_is_none() {
    let mut registry = Registry::default();
    let made = registry.post("teams", r#"{"slug":"red","name":"a"}"#).expect(201);
    registry.tell();
    let same = registry.patch("teams/red", &made.raw.body).expect(200);
    assert_eq!((same.etag.as_str(), same.raw.marks.len()), ("\"1\"", 0));
    assert_eq!(registry.get("audit").data().len(), 1);
}

#[test]
fn who_says_what_was_seen_never_overwrites_what_was_not() {
    for (kind, made, _, change, _) in KINDS {
        let mut registry = Registry::default();
        let first = registry.post(kind, made).expect(201);
        let id = first.json.get("id").or(first.json.get("slug")).unwrap().as_str().unwrap().to_owned();
        let path = format!("{kind}/{id}");
        let mut one = registry.request("PATCH", &path, change);
        one.if_match = Some(first.etag.clone());
        registry.ask(&one).expect(200);
        let late = registry.ask(&one).expect(412);
        assert!(late.message().contains("\"2\""), "{}", late.message());
        one.if_match = Some("\"7\", W/\"2\"".to_owned());
        one.method = "DELETE".to_owned();
        registry.ask(&one).expect(204);
    }
}

#[test]
fn a_name_that_is_used_again_goes_on_with_its_versions() {
    let mut registry = Registry::default();
    registry.post("teams", r#"{"slug":"red"}"#).expect(201);
    registry.patch("teams/red", r#"{"name":"a"}"#).expect(200);
    registry.delete("teams/red").expect(204);
    assert_eq!(registry.post("teams", r#"{"slug":"red"}"#).expect(201).etag, "\"3\"");
}

#[test]
fn what_is_wrong_is_named_with_its_place() {
    for (kind, body, param, says) in [
        ("keys", r#"{"nam":"a"}"#, "nam", "Did you mean `name`?"),
        ("keys", r#"{"limits":[{"type":"requests","per":"year","max":1}]}"#, "limits[0].per", "one of `second`"),
        ("keys", r#"{"allow":{"model":["x"]}}"#, "allow.model", "Did you mean `models`?"),
        ("keys", r#"{"team":"nobody"}"#, "team", "there is no team `nobody`"),
        ("keys", r#"{"default_config":"nothing"}"#, "default_config", "there is no config `nothing`"),
        ("keys", r#"{"expires_at":"2001-01-01T00:00:00Z"}"#, "expires_at", "still to come"),
        ("keys", r#"{"scopes":["all"]}"#, "scopes", "`inference`"),
        ("keys", r#"{"id":"mine"}"#, "id", "made here"),
        ("keys", r#"{"secrets":[]}"#, "secrets", "no such field"),
        ("keys", "[]", "", "object"),
        ("keys", "{", "", "not valid JSON"),
        ("teams", r#"{"name":"a"}"#, "slug", "letters, digits"),
        ("teams", r#"{"slug":"a/b"}"#, "slug", "letters, digits"),
        ("teams", r#"{"slug":"a","budgets":[{"usd":"x","per":"day"}]}"#, "budgets[0].usd", "US dollars"),
        ("credentials", r#"{"slug":"a","provider":"opena","secret":"s"}"#, "provider", "provider"),
        ("credentials", r#"{"slug":"a","provider":"openai"}"#, "secret", "string"),
        ("credentials", r#"{"slug":"a","provider":"openai","secret":7}"#, "secret", "string"),
        ("credentials", r#"{"slug":"reseal","provider":"openai","secret":"s"}"#, "slug", "route"),
        ("configs", r#"{"slug":"a"}"#, "config", "object"),
        (
            "configs",
            r#"{"slug":"a","config":{"targets":[{"provider":"openai","retri":{}}],"strategy":{"mode":"single"}}}"#,
            "config.targets[0].retri",
            "`retry`",
        ),
        ("configs", r#"{"slug":"validate","config":{}}"#, "slug", "route"),
        ("prices", r#"{"provider":"openai","model":"gpt","inpt":"1"}"#, "inpt", "`input`"),
        ("prices", r#"{"provider":"openai","model":"gpt","input":"-1"}"#, "input", "US dollars"),
        ("prices", r#"{"provider":"openaai","model":"gpt","input":"1"}"#, "provider", "`openai`"),
        ("prices", r#"{"model":"gpt","input":"1"}"#, "provider", "string"),
    ] {
        let said = Registry::default().post(kind, body).expect(400);
        assert_eq!(said.param(), param, "{kind} {body}: {}", said.message());
        assert!(said.message().contains(says), "{kind} {body}: {}", said.message());
    }
}

#[test]
fn what_is_too_long_or_too_deep_is_refused() {
    let long = |bytes: usize| "x".repeat(bytes);
    let deep = format!("{{\"metadata\":{}1{}}}", "{\"a\":".repeat(50_000), "}".repeat(50_000));
    for (kind, body, status) in [
        ("keys", format!(r#"{{"name":"{}"}}"#, long(300)), 400),
        ("keys", format!(r#"{{"metadata":{{"default":{{"a":"{}"}}}}}}"#, long(100_000)), 413),
        ("keys", format!(r#"{{"name":"{}"}}"#, long(1 << 20)), 413),
        ("keys", deep, 400),
        ("teams", format!(r#"{{"slug":"{}"}}"#, long(129)), 400),
        ("credentials", format!(r#"{{"slug":"a","provider":"openai","secret":"{}"}}"#, long(20_000)), 400),
        ("configs", format!(r#"{{"slug":"a","config":{{"provider":"openai","metadata":{{"a":"{}"}}}}}}"#, long(200_000)), 400),
    ] {
        Registry::default().post(kind, &body).expect(status);
    }
}

#[test]
fn there_cannot_be_more_than_so_many() {
    let mut registry = Registry::default();
    registry.rows.insert("count/credentials".to_owned(), "1000".to_owned());
    let said = registry.post("credentials", r#"{"slug":"a","provider":"openai","secret":"sk-secret-abcdefgh"}"#).expect(409);
    assert!(said.message().contains("1000"), "{}", said.message());
}

#[test]
fn a_list_has_pages_and_filters() {
    let mut registry = Registry::default();
    registry.post("teams", r#"{"slug":"red"}"#).expect(201);
    for number in 0..25 {
        let team = if number % 5 == 0 { r#","team":"red""# } else { "" };
        registry.post("keys", &format!(r#"{{"name":"k{number}"{team}}}"#)).expect(201);
    }
    let (mut seen, mut cursor, mut pages) = (Vec::new(), String::new(), 0);
    loop {
        let page = registry.get(&format!("keys?limit=10{cursor}")).expect(200);
        seen.extend(page.data().iter().map(|key| key["id"].as_str().unwrap().to_owned()));
        pages += 1;
        let Some(next) = page.json["next"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    let unique: std::collections::BTreeSet<&String> = seen.iter().collect();
    assert_eq!((pages, seen.len(), unique.len()), (3, 25, 25));
    assert_eq!(registry.get("keys?limit=5&team=red").json["next"], serde_json::Value::Null);
    assert_eq!(registry.get("keys?team=red").data().len(), 5);
    assert_eq!(registry.get("keys?name=k3").data().len(), 1);
    for wrong in ["limit=0", "limit=101", "limit=x", "cursor=%20%21", "tem=red"] {
        registry.get(&format!("keys?{wrong}")).expect(400);
    }
    assert_eq!(registry.get("audit?resource=teams").data().len(), 1);
    assert_eq!(registry.get("audit?who=nobody").data().len(), 0);
    let numbers: Vec<u64> = registry.get("audit").data().iter().map(|entry| entry["number"].as_u64().unwrap()).collect();
    assert_eq!(numbers, (1..=26).rev().collect::<Vec<u64>>());
    for method in ["DELETE", "POST", "PATCH", "PUT"] {
        let request = registry.request(method, "audit", "{}");
        registry.ask(&request).expect(405);
    }
}

#[test]
fn a_route_that_is_none_is_404_and_a_wrong_method_405() {
    for (method, path, status) in [
        ("GET", "", 404),
        ("GET", "key", 404),
        ("PUT", "keys", 405),
        ("DELETE", "keys", 405),
        ("POST", "keys/x", 405),
        ("GET", "keys/x/rotate", 405),
        ("POST", "teams/x/rotate", 404),
        ("POST", "keys/x/rotate", 404),
        ("GET", "teams/x/versions", 404),
        ("GET", "configs/x/versions", 404),
        ("GET", "keys/x/y/z", 404),
        ("HEAD", "keys", 200),
    ] {
        let mut registry = Registry::default();
        let request = registry.request(method, path, "{}");
        registry.ask(&request).expect(status);
    }
    assert!(Registry::default().get("key").message().contains("Did you mean `keys`?"));
}

#[test]
fn the_same_request_that_comes_again_is_answered_as_before() {
    for (kind, made, ..) in KINDS {
        let mut registry = Registry::default();
        let mut request = registry.request("POST", kind, made);
        request.idempotency_key = Some("again".to_owned());
        let first = registry.ask(&request).expect(201);
        let again = registry.ask(&request).expect(201);
        assert_eq!((&first.raw.body, first.etag), (&again.raw.body, again.etag), "{kind}");
        assert!(again.raw.repeated);
        assert_eq!(registry.get(kind).data().len(), 1);
        let mut other = registry.request("POST", kind, r#"{"name":"other"}"#);
        other.idempotency_key = Some("again".to_owned());
        assert_eq!(registry.ask(&other).expect(409).json["error"]["code"], "idempotency_key_reused");
        // Another's key of the same name is another.
        registry.actor.name = "somebody".to_owned();
        let theirs = super::desk::Registry::request(&registry, "POST", kind, made);
        let theirs = causeway::admin::Request { idempotency_key: Some("again".to_owned()), ..theirs };
        let said = registry.ask(&theirs);
        assert!(!said.raw.repeated);
        // And after a day it is forgotten.
        registry.actor.name = "admin".to_owned();
        registry.now += 86_400_001;
        assert!(!registry.ask(&request).raw.repeated);
    }
}

#[test]
fn what_was_refused_may_be_tried_again_under_the_same_key() {
    let mut registry = Registry::default();
    let mut request = registry.request("POST", "keys", r#"{"team":"red"}"#);
    request.idempotency_key = Some("again".to_owned());
    registry.ask(&request).expect(400);
    registry.post("teams", r#"{"slug":"red"}"#).expect(201);
    registry.ask(&request).expect(201);
}

#[test]
fn each_role_may_do_what_it_may() {
    let reader = Key::parse(r#"{"id":"reader","scopes":["admin:read"]}"#).unwrap();
    let writer = Key::parse(r#"{"id":"writer","scopes":["admin:write","inference"]}"#).unwrap();
    let caller = Key::parse(r#"{"id":"caller"}"#).unwrap();
    assert_eq!(Actor::of_key(&caller), None);
    let actors = [
        (Actor::of("o@example.com", Role::Owner), [200, 201, 201, 201]),
        (Actor::of("e@example.com", Role::Editor), [200, 201, 201, 403]),
        (Actor::of_key(&writer).unwrap(), [200, 201, 403, 403]),
        (Actor::of("v@example.com", Role::Viewer), [200, 403, 403, 403]),
        (Actor::of_key(&reader).unwrap(), [200, 403, 403, 403]),
    ];
    for (actor, [read, team, logs, admin]) in actors {
        let mut registry = Registry::default();
        let writes = team == 201;
        registry.as_actor(actor.clone());
        registry.get("teams").expect(read);
        registry.post("teams", r#"{"slug":"red"}"#).expect(team);
        registry.post("keys", r#"{"name":"plain"}"#).expect(team);
        registry.post("keys", r#"{"scopes":["logs"]}"#).expect(logs);
        registry.post("keys", r#"{"scopes":["admin:write"]}"#).expect(admin);
        registry.post("configs/validate", r#"{"config":{}}"#).expect(200);
        if writes {
            assert_eq!(registry.get("audit").data()[0]["who"], actor.name);
        }
    }
}

#[test]
fn a_team_that_has_keys_stays() {
    let mut registry = Registry::default();
    registry.post("teams", r#"{"slug":"red"}"#).expect(201);
    let key = registry.post("keys", r#"{"team":"red"}"#).expect(201);
    assert!(registry.delete("teams/red").expect(409).message().contains("has keys (1)"));
    registry.patch(&format!("keys/{}", key.text("id")), r#"{"team":null}"#).expect(200);
    registry.delete("teams/red").expect(204);
}
