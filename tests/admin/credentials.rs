//! Providers' credentials.

use causeway::policy::holder::Credential;
use causeway::policy::vault::Vault;
use serde_json::Value;

use super::desk::{MASTER, Registry};

const MADE: &str = r#"{"slug":"main","provider":"openai","secret":"sk-proj-abcdefghijkl1234","settings":{"openai_organization":"org"},
    "allow":{"models":["gpt-*"]},"priority":5}"#;

/// What requests read: all credentials.
fn published(registry: &mut Registry) -> Vec<Credential> {
    let list: Vec<Value> = serde_json::from_str(&registry.stored("credentials").unwrap()).unwrap();
    list.iter().map(|one| Credential::parse(&one.to_string()).unwrap()).collect()
}

#[test]
fn a_secret_is_sealed_and_a_hint_is_all_that_is_ever_shown() {
    let mut registry = Registry::default();
    let made = registry.post("credentials", MADE).expect(201);
    assert_eq!((made.text("hint"), made.json.get("secret")), ("sk-proj…1234", None));
    let [credential] = published(&mut registry).try_into().unwrap();
    let vault = Vault::of([MASTER]);
    assert_eq!(vault.open("main", &credential.secret).as_deref(), Some("sk-proj-abcdefghijkl1234"));
    assert_eq!((credential.priority, credential.models.unwrap().len()), (5, 1));
    let changed = registry.patch("credentials/main", r#"{"secret":"sk-proj-mnopqrstuvwx5678","priority":null}"#).expect(200);
    assert_eq!(changed.text("hint"), "sk-proj…5678");
    let [credential] = published(&mut registry).try_into().unwrap();
    assert_eq!(vault.open("main", &credential.secret).as_deref(), Some("sk-proj-mnopqrstuvwx5678"));
    assert_eq!((credential.version, credential.priority), (2, 100));
    let log = registry.get("audit").raw.body;
    assert!(log.contains("sk-proj…5678") && !log.contains("v1."));
    registry.patch("credentials/main", r#"{"secret":null}"#).expect(400);
    assert_eq!(registry.patch("credentials/main", r#"{"provider":"groq"}"#).expect(400).param(), "provider");
    registry.delete("credentials/main").expect(204);
    assert!(published(&mut registry).is_empty());
}

#[test]
fn a_secret_of_several_parts_is_sealed_whole_and_hinted_at_by_their_names() {
    let mut registry = Registry::default();
    let body = r#"{"slug":"aws","provider":"bedrock","secret":{"access_key_id":"AKIA","secret_access_key":"wJalr"},"settings":{"aws_region":"eu-west-1"}}"#;
    assert_eq!(registry.post("credentials", body).expect(201).text("hint"), "access_key_id, secret_access_key");
    let [credential] = published(&mut registry).try_into().unwrap();
    let opened: Value = serde_json::from_str(&Vault::of([MASTER]).open("aws", &credential.secret).unwrap()).unwrap();
    assert_eq!(opened["secret_access_key"], "wJalr");
    for wrong in ["{}", "\"\"", "\"  \"", "[]", "true"] {
        let body = format!(r#"{{"slug":"b","provider":"openai","secret":{wrong}}}"#);
        assert_eq!(registry.post("credentials", &body).expect(400).param(), "secret", "{wrong}");
    }
}

#[test]
fn without_a_master_key_no_credential_is_taken() {
    let mut registry = Registry { masters: Vec::new(), ..Registry::default() };
    assert!(registry.post("credentials", MADE).expect(503).message().contains("MASTER_KEY"));
    registry.post("credentials/reseal", "").expect(503);
}

#[test]
fn the_master_key_is_changed_and_nothing_is_lost_wherever_that_stops() {
    const NEXT: &str = "the next master key of these tests";
    let masters = |all: &[&str]| all.iter().map(|key| (*key).to_owned()).collect::<Vec<_>>();
    let mut registry = Registry::default();
    for slug in ["a", "b", "c"] {
        registry
            .post("credentials", &format!(r#"{{"slug":"{slug}","provider":"openai","secret":"sk-secret-of-{slug}-0000"}}"#))
            .expect(201);
    }
    registry.rows.insert(
        "credentials/lost".to_owned(),
        r#"{"slug":"lost","provider":"openai","secret":"v1.00000000.AA.AA","version":1}"#.to_owned(),
    );
    registry.masters = masters(&[NEXT, MASTER]);
    let told = registry.post("credentials/reseal", "").expect(200);
    assert_eq!(
        (&told.json["resealed"], &told.json["sealed"], &told.json["unreadable"]),
        (&3.into(), &3.into(), &serde_json::json!(["lost"]))
    );
    assert_eq!(told.text("master_key"), Vault::of([NEXT]).id().unwrap());
    assert_eq!(registry.post("credentials/reseal", "").expect(200).json["resealed"], 0);
    registry.masters = masters(&[NEXT]);
    let vault = Vault::of([NEXT]);
    for credential in published(&mut registry).iter().filter(|credential| credential.slug != "lost") {
        let slug = &credential.slug;
        assert_eq!(vault.open(slug, &credential.secret), Some(format!("sk-secret-of-{slug}-0000")));
        assert_eq!(credential.version, 2);
    }
}
