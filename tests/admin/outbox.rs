//! What is told to the meters and to the storage that requests read.

use causeway::admin::outbox::{self, Effect};

use super::desk::Registry;

fn words(effects: Vec<Effect>) -> Vec<String> {
    let word = |effect: Effect| match effect {
        Effect::Define { meter, definition } => format!("define {meter} {}", definition.map_or("gone", |_| "so")),
        Effect::Put { key, .. } => format!("put {key}"),
        Effect::Remove { key } => format!("remove {key}"),
    };
    effects.into_iter().map(word).collect()
}

#[test]
fn a_meter_hears_of_a_holder_before_the_storage_does() {
    let mut registry = Registry::default();
    let key = registry.post("keys", "{}").expect(201);
    let id = key.text("id").to_owned();
    assert_eq!(key.raw.marks, [format!("outbox/define/key:{id}"), format!("outbox/kv/key:{id}")]);
    assert!(!key.raw.takes_away);
    registry.post("teams", r#"{"slug":"red"}"#).expect(201);
    registry.post("credentials", r#"{"slug":"main","provider":"openai","secret":"sk-secret-abcdefgh"}"#).expect(201);
    registry.post("configs", r#"{"slug":"c","config":{}}"#).expect(201);
    registry.post("prices", r#"{"provider":"openai","model":"gpt-4o","input":"1.5"}"#).expect(201);
    let expected = [
        "define credential:main so".to_owned(),
        format!("define key:{id} so"),
        "define team:red so".to_owned(),
        "put config:c".to_owned(),
        "put credentials".to_owned(),
        format!("put key:{id}"),
        "put prices".to_owned(),
        "put team:red".to_owned(),
    ];
    assert_eq!(words(registry.tell()), expected);
    assert!(registry.tell().is_empty());
    let gone = registry.delete(&format!("keys/{id}")).expect(204);
    assert!(gone.raw.takes_away);
    assert_eq!(words(registry.tell()), [format!("define key:{id} gone"), format!("remove key:{id}")]);
}

#[test]
fn all_there_is_can_be_told_anew() {
    let mut registry = Registry::default();
    let id = registry.post("keys", "{}").expect(201).text("id").to_owned();
    registry.post("configs", r#"{"slug":"c","config":{}}"#).expect(201);
    registry.post("prices", r#"{"provider":"openai","model":"gpt-4o","input":"1.5"}"#).expect(201);
    registry.tell();
    let again = registry.post("republish", "").expect(200);
    assert_eq!((&again.json["republished"], again.raw.marks.len()), (&serde_json::json!(3), 5));
    let expected = [
        format!("define key:{id} so"),
        "put config:c".to_owned(),
        "put credentials".to_owned(),
        format!("put key:{id}"),
        "put prices".to_owned(),
    ];
    assert_eq!(words(registry.tell()), expected);
    assert_eq!(registry.get("audit").expect(200).json["data"][0]["what"], "republish");
    registry.as_actor(causeway::admin::Actor::of("somebody", causeway::admin::Role::Viewer)).post("republish", "").expect(403);
}

#[test]
fn what_changed_while_it_was_told_is_told_again() {
    let mut registry = Registry::default();
    registry.post("teams", r#"{"slug":"red","name":"one"}"#).expect(201);
    let early = outbox::due(&registry.rows, 10);
    registry.patch("teams/red", r#"{"name":"two"}"#).expect(200);
    for due in &early {
        outbox::done(&mut registry.rows, &due.mark, &due.stamp);
    }
    assert!(registry.stored("team:red").unwrap().contains("two"));
}

#[test]
fn a_revocation_that_was_not_heard_of_can_be_asked_for_again() {
    let mut registry = Registry::default();
    let id = registry.post("keys", "{}").expect(201).text("id").to_owned();
    registry.tell();
    let first = registry.delete(&format!("keys/{id}")).expect(204);
    let again = registry.delete(&format!("keys/{id}")).expect(204);
    assert_eq!((&again.raw.marks, again.raw.takes_away), (&first.raw.marks, true));
    registry.tell();
    registry.delete(&format!("keys/{id}")).expect(404);
}

#[test]
fn an_answer_that_is_given_again_tells_what_is_still_to_be_told() {
    let mut registry = Registry::default();
    let mut request = registry.request("POST", "teams", r#"{"slug":"red"}"#);
    request.idempotency_key = Some("a".to_owned());
    let first = registry.ask(&request).expect(201);
    assert_eq!(registry.ask(&request).raw.marks, first.raw.marks);
    registry.tell();
    assert!(registry.ask(&request).raw.marks.is_empty());
}

#[test]
fn prices_are_told_as_requests_read_them() {
    let mut registry = Registry::default();
    registry.post("prices", r#"{"provider":"openai","model":"gpt-4o","input":1.80,"tiers":[{"above":1000,"input":"3"}]}"#).expect(201);
    registry.post("prices", r#"{"provider":"openai","model":"gpt-4o","input":"2"}"#).expect(409);
    let list = registry.stored("prices").unwrap();
    let read = causeway::catalog::Overrides::parse(list.as_bytes());
    assert!(read.find("openai", "gpt-4o").is_some(), "{list}");
}

#[test]
fn an_answer_says_what_has_not_been_told_and_a_revocation_is_none_before_the_meter_knows() {
    let mut registry = Registry::default();
    let made = registry.post("keys", "{}").expect(201);
    let id = made.text("id").to_owned();
    let settled = outbox::settle(&registry.rows, made.raw.clone());
    assert_eq!((settled.status, settled.pending.as_str()), (201, "meter, kv"));
    let hears = |registry: &mut Registry, mark: &str| registry.rows.remove(mark).unwrap();
    hears(&mut registry, &format!("outbox/define/key:{id}"));
    assert_eq!(outbox::settle(&registry.rows, made.raw.clone()).pending, "kv");
    registry.tell();
    assert_eq!(outbox::settle(&registry.rows, made.raw).pending, "");
    let gone = registry.delete(&format!("keys/{id}")).expect(204);
    let settled = outbox::settle(&registry.rows, gone.raw.clone());
    assert_eq!(settled.status, 503);
    assert!(settled.body.contains("not_told_yet"));
    hears(&mut registry, &format!("outbox/define/key:{id}"));
    let settled = outbox::settle(&registry.rows, gone.raw);
    assert_eq!((settled.status, settled.pending.as_str()), (204, "kv"));
}
