//! Cloudflare Access as a way into the admin API.

use causeway::host::Fault;
use causeway::http::Method;
use causeway::settings::Settings;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::scripted::{Scene, Scenery};

const ORIGIN: &str = "https://acme.cloudflareaccess.com";
const AUD: &str = "the-audience-tag";
/// When scenes play.
const NOW: u64 = 1_795_219_200;

/// A modulus of 2048 bits, as a JWK has it.
pub fn modulus(letter: char) -> String {
    letter.to_string().repeat(342)
}

fn jwk(kid: &str, n: &str) -> Value {
    json!({ "kid": kid, "kty": "RSA", "alg": "RS256", "use": "sig", "e": "AQAB", "n": n })
}

pub fn certificates() -> String {
    json!({ "keys": [jwk("one", &modulus('A')), jwk("two", &modulus('B'))], "public_certs": [] }).to_string()
}

fn base64(bytes: impl AsRef<[u8]>) -> String {
    causeway::wire::base64::encode_url(bytes.as_ref())
}

pub fn claims(email: &str) -> Value {
    json!({ "aud": [AUD], "iss": ORIGIN, "email": email, "iat": NOW, "nbf": NOW, "exp": NOW + 600, "type": "app", "sub": "s" })
}

/// A statement, signed as a test's host has it.
pub fn statement(header: &Value, claims: &Value, n: &str) -> String {
    let signed = format!("{}.{}", base64(header.to_string()), base64(claims.to_string()));
    let signature = Sha256::new().chain_update(n).chain_update(&signed).finalize();
    format!("{signed}.{}", base64(signature))
}

pub fn good(claims: &Value) -> String {
    statement(&json!({ "alg": "RS256", "kid": "one", "typ": "JWT" }), claims, &modulus('A'))
}

pub const VARS: &[(&str, &str)] = &[
    ("ACCESS_TEAM_DOMAIN", "acme.cloudflareaccess.com"),
    ("ACCESS_AUD", AUD),
    ("ACCESS_OWNERS", "Owner@Example.com, group:admins"),
    ("ACCESS_EDITORS", "editor@example.com"),
    ("ACCESS_VIEWERS", "@example.com, @"),
];

fn vars(more: &[(&str, &str)]) -> Settings {
    let all = VARS.iter().chain(&[("ADMIN_TOKEN", "the-admin-token")]).chain(more);
    Settings::new(all.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())))
}

fn ask(method: Method, path: &str, body: &str, token: &str) -> Scene {
    let scene = Scene { method, ..Scene::post(&format!("/admin/v1/{path}"), body) };
    scene.header("cf-access-jwt-assertion", token).header("content-type", "application/json")
}

fn lists_keys(token: &str) -> Scene {
    ask(Method::Get, "keys", "", token)
}

fn code(played: &Scenery) -> String {
    played.json()["error"]["code"].as_str().unwrap_or_default().to_owned()
}

#[test]
fn a_statement_can_be_wrong_in_many_ways() {
    let header = json!({ "alg": "RS256", "kid": "one" });
    let owner = || claims("owner@example.com");
    let with = |name: &str, value: Value| {
        let mut claims = owner();
        claims[name] = value;
        good(&claims)
    };
    let without = |name: &str| {
        let mut claims = owner();
        claims.as_object_mut().unwrap().remove(name);
        good(&claims)
    };
    let headed = |header: Value| statement(&header, &owner(), &modulus('A'));
    let whole = good(&owner());
    let parts: Vec<&str> = whole.split('.').collect();
    let other = good(&claims("editor@example.com"));
    let swapped = format!("{}.{}.{}", parts[0], other.split('.').nth(1).unwrap(), parts[2]);
    let twice = format!("{}.{}", base64(header.to_string()), base64(r#"{"aud":"x","aud":"the-audience-tag","iss":"","exp":1}"#));
    for (token, words) in [
        (String::from("x"), "no statement"),
        ("..".to_owned(), "no statement"),
        (parts[..2].join("."), "no statement"),
        (format!("{whole}.x"), "no statement"),
        (format!("{}.{}.", parts[0], parts[1]), "not signed"),
        (format!("{}.{}.!!", parts[0], parts[1]), "not signed"),
        ("x".repeat(20_000), "no statement"),
        (headed(json!({ "alg": "none", "kid": "one" })), "RS256"),
        (headed(json!({ "alg": "HS256", "kid": "one" })), "RS256"),
        (headed(json!({ "alg": "rs256", "kid": "one" })), "RS256"),
        (headed(json!({ "alg": "PS256", "kid": "one" })), "RS256"),
        (headed(json!({ "kid": "one" })), "no statement"),
        (headed(json!({ "alg": "RS256" })), "no statement"),
        (headed(json!({ "alg": "RS256", "kid": "three" })), "no key"),
        (headed(json!({ "alg": "RS256", "kid": "two" })), "signature"),
        (statement(&header, &owner(), &modulus('C')), "signature"),
        (swapped, "signature"),
        (with("exp", json!(NOW - 60)), "expired"),
        (with("exp", json!("soon")), "cannot be read"),
        (without("exp"), "cannot be read"),
        (with("nbf", json!(NOW + 61)), "not valid yet"),
        (with("iat", json!(NOW + 61)), "in the future"),
        (with("iss", json!("https://evil.cloudflareaccess.com")), "another team"),
        (with("iss", json!(format!("{ORIGIN}/"))), "another team"),
        (without("iss"), "cannot be read"),
        (with("aud", json!(["another"])), "another application"),
        (with("aud", json!([])), "another application"),
        (with("aud", json!({ "the-audience-tag": true })), "another application"),
        (without("aud"), "cannot be read"),
        (statement(&header, &json!("claims"), &modulus('A')), "cannot be read"),
        (format!("{twice}.{}", base64(Sha256::new().chain_update(modulus('A')).chain_update(&twice).finalize())), "cannot be read"),
        (without("email"), "e-mail"),
        (with("email", json!("")), "e-mail"),
    ] {
        let played = lists_keys(&token).says(certificates()).play_in(&vars(&[]), 0);
        assert_eq!((played.status, code(&played).as_str()), (401, "access_refused"), "{words}: {}", played.body);
        assert!(played.body.contains(words), "{words}: {}", played.body);
    }
    for token in [
        whole,
        with("exp", json!(NOW - 59)),
        with("nbf", json!(NOW + 60)),
        with("iat", json!(NOW + 60)),
        without("nbf"),
        with("aud", json!(AUD)),
        headed(json!({ "alg": "RS256", "kid": "one", "jku": "https://evil.example" })),
    ] {
        let played = lists_keys(&token).says(certificates()).play_in(&vars(&[]), 0);
        assert_eq!((played.status, played.seen[0].url.as_str()), (200, "https://acme.cloudflareaccess.com/cdn-cgi/access/certs"));
    }
}

#[test]
fn roles_are_given_by_address_by_domain_and_by_group() {
    let team = r#"{"slug":"red"}"#;
    for (email, groups, reads, makes, grants) in [
        ("owner@example.com", json!(null), 200, 201, 201),
        ("OWNER@EXAMPLE.COM", json!(null), 200, 201, 201),
        ("somebody@elsewhere.example", json!(["others", "admins"]), 200, 201, 201),
        ("somebody@elsewhere.example", json!(["Admins"]), 403, 403, 403),
        ("editor@example.com", json!(null), 200, 201, 403),
        ("viewer@example.com", json!(null), 200, 403, 403),
        ("viewer@EXAMPLE.com", json!(null), 200, 403, 403),
        ("viewer@sub.example.com", json!(null), 403, 403, 403),
        ("viewer@notexample.com", json!(null), 403, 403, 403),
        ("owner@example.com@evil.example", json!(null), 403, 403, 403),
        ("editor@example.com.evil.example", json!("editors"), 403, 403, 403),
    ] {
        let mut claims = claims(email);
        claims["groups"] = groups;
        let token = good(&claims);
        let play = |method: Method, path: &str, body: &str| ask(method, path, body, &token).says(certificates()).play_in(&vars(&[]), 0);
        assert_eq!(play(Method::Get, "keys", "").status, reads, "{email}");
        assert_eq!(play(Method::Post, "teams", team).status, makes, "{email}");
        assert_eq!(play(Method::Post, "keys", r#"{"scopes":["admin:read"]}"#).status, grants, "{email}");
        let dry = play(Method::Post, "configs/dry-run", r#"{"request":{"body":{"model":"gpt-4o"}}}"#);
        assert_eq!(dry.status, reads, "{email}: {}", dry.body);
    }
    let mut nested = claims("somebody@elsewhere.example");
    nested["custom"] = json!({ "groups": ["admins"] });
    assert_eq!(lists_keys(&good(&nested)).says(certificates()).play_in(&vars(&[]), 0).status, 200);
}

#[test]
fn members_of_a_team_read_what_it_uses_and_nothing_else() {
    let owner = good(&claims("owner@example.com"));
    let first = ask(Method::Post, "teams", r#"{"slug":"red","members":["Ann@Team.example"]}"#, &owner).says(certificates());
    let (rows, settings) = (std::rc::Rc::clone(&first.rows), vars(&[]));
    let play = |scene: Scene| Scene { rows: std::rc::Rc::clone(&rows), ..scene }.play_in(&settings, 0);
    assert_eq!(play(first).status, 201);
    assert_eq!(play(ask(Method::Post, "teams", r#"{"slug":"blue","members":["bob@team.example"]}"#, &owner)).status, 201);
    let ann = good(&claims("ann@team.example"));
    let read = play(ask(Method::Get, "usage?by=team", "", &ann));
    let slugs: Vec<Value> = read.json()["data"].as_array().unwrap().iter().map(|row| row["team"].clone()).collect();
    assert_eq!((read.status, slugs), (200, vec![json!("red")]));
    for path in ["usage?by=key", "usage?by=model", "usage?by=credential", "teams", "teams/red", "openapi.json", "audit", "nothing"] {
        assert_eq!(play(ask(Method::Get, path, "", &ann)).status, 403, "{path}");
    }
    let validate = ask(Method::Post, "configs/validate", r#"{"config":{}}"#, &ann);
    assert_eq!(play(validate).status, 403);
    let stranger = good(&claims("eve@team.example"));
    assert_eq!(play(ask(Method::Get, "usage?by=team", "", &stranger)).status, 403);
    let log = play(ask(Method::Get, "audit", "", &owner)).json();
    assert_eq!(log["data"][0]["who"], "access:owner@example.com");
}

#[test]
fn keys_are_read_once_an_hour_and_for_an_unknown_one_at_most_once_a_minute() {
    let settings = vars(&[]);
    let one = |at: u64| {
        lists_keys(&good(&{
            let mut claims = claims("owner@example.com");
            claims["exp"] = json!(NOW + 86_400);
            claims
        }))
        .says(certificates())
        .play_in(&settings, at)
    };
    let unknown = statement(&json!({ "alg": "RS256", "kid": "new" }), &claims("owner@example.com"), &modulus('A'));
    let other = |at: u64| lists_keys(&unknown).says(certificates()).play_in(&settings, at);
    let (minute, hour) = (60_000, 3_600_000);
    for (played, status, asked) in [
        (one(0), 200, 1),
        (one(1_000), 200, 0),
        (other(2_000), 401, 0),
        (other(minute + 1_000), 401, 1),
        (other(minute + 2_000), 401, 0),
        (one(minute + 2_000), 200, 0),
        (one(hour + minute + 2_000), 200, 1),
    ] {
        assert_eq!((played.status, played.seen.len()), (status, asked), "{}", played.body);
    }
    let settings = vars(&[]);
    let token = good(&claims("owner@example.com"));
    for (scene, at, status, asked) in [
        (lists_keys(&token).fails(Fault::TimedOut), 0, 503, 1),
        (lists_keys(&token), 1_000, 503, 0),
        (lists_keys(&token).answers(500, vec![], "no"), minute + 1_000, 503, 1),
        (lists_keys(&token).says("{}"), 2 * minute + 2_000, 503, 1),
        (lists_keys(&token).says(certificates()), 3 * minute + 3_000, 200, 1),
    ] {
        let played = scene.play_in(&settings, at);
        assert_eq!((played.status, played.seen.len()), (status, asked), "{at}: {}", played.body);
    }
}

#[test]
fn weak_and_other_keys_are_none() {
    for (name, value) in
        [("kty", json!("EC")), ("alg", json!("HS256")), ("use", json!("enc")), ("n", json!("AQAB")), ("n", json!("A".repeat(300)))]
    {
        let mut key = jwk("one", &modulus('A'));
        key[name] = value;
        let played = lists_keys(&good(&claims("owner@example.com"))).says(json!({ "keys": [key] }).to_string()).play_in(&vars(&[]), 0);
        assert_eq!((played.status, code(&played).as_str()), (401, "access_refused"), "{name}");
    }
}

#[test]
fn only_cloudflares_own_domain_and_trusted_hosts_tell_keys() {
    for (domain, trusted, audience, status, asked) in [
        ("acme", "", AUD, 200, 1),
        ("acme.cloudflareaccess.com", "", AUD, 200, 1),
        ("https://acme.cloudflareaccess.com/", "", AUD, 200, 1),
        ("acme", "", "another,the-audience-tag", 200, 1),
        ("acme", "", "", 503, 0),
        ("acme.cloudflareaccess.com.evil.example", "", AUD, 503, 0),
        ("https://evil.example/?.cloudflareaccess.com", "", AUD, 503, 0),
        ("http://acme.cloudflareaccess.com", "", AUD, 503, 0),
        ("http://127.0.0.1:8787", "", AUD, 503, 0),
        // Whose statements say another issuer.
        ("http://127.0.0.1:8787", "127.0.0.1", AUD, 401, 1),
    ] {
        let settings = vars(&[("ACCESS_TEAM_DOMAIN", domain), ("TRUSTED_CUSTOM_HOSTS", trusted), ("ACCESS_AUD", audience)]);
        let played = lists_keys(&good(&claims("owner@example.com"))).says(certificates()).play_in(&settings, 0);
        assert_eq!((played.status, played.seen.len()), (status, asked), "{domain}: {}", played.body);
    }
}

#[test]
fn only_the_header_counts_and_only_where_access_is_set_up() {
    let token = good(&claims("owner@example.com"));
    let cookie = Scene::get("/admin/v1/keys").header("cookie", &format!("CF_Authorization={token}"));
    let bearer = Scene::get("/admin/v1/keys").header("authorization", &format!("Bearer {token}"));
    for scene in [cookie, bearer] {
        assert_eq!(scene.says(certificates()).play_in(&vars(&[]), 0).status, 401);
    }
    assert_eq!(lists_keys(&token).play_in(&vars(&[("ACCESS_TEAM_DOMAIN", "")]), 0).status, 401);
    let foreign = lists_keys(&token).header("origin", "https://evil.example").header("host", "gateway.example");
    let played = foreign.play_in(&vars(&[]), 0);
    assert_eq!((played.status, played.seen.len()), (403, 0));
    let inference = Scene::chat(r#"{"model":"gpt-4o","messages":[]}"#).header("cf-access-jwt-assertion", &token);
    assert_eq!(inference.play_in(&vars(&[("REQUIRE_KEY", "true")]), 0).status, 401);
}
