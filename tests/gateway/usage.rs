//! What was used and what is left, for the holder of a key and for whoever runs the gateway.

use causeway::http::Method;
use causeway::settings::Settings;
use serde_json::{Value, json};

use crate::described;
use crate::scripted::{Scene, Scenery};

pub const TOKEN: &str = "the-admin-token";
const ANSWER: &str = r#"{"id":"c","object":"chat.completion","created":1,"model":"m",
    "choices":[{"index":0,"message":{"role":"assistant","content":"hi"},"finish_reason":"stop"}],
    "usage":{"prompt_tokens":10,"completion_tokens":5,"total_tokens":15}}"#;

/// A deployment with an admin API, whose parts all scenes share.
pub struct House {
    pub settings: Settings,
    pub first: Scene,
    drawn: std::cell::Cell<u64>,
}

impl House {
    pub fn new(vars: &[(&str, &str)]) -> Self {
        let usual = [("ADMIN_TOKEN", TOKEN), ("MASTER_KEY", "a master key of this test"), ("OPENAI_API_KEY", "sk-env")];
        let all = usual.iter().chain(vars).map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Self { settings: Settings::new(all), first: Scene::get("/"), drawn: 0.into() }
    }

    pub fn play(&self, scene: Scene) -> Scenery {
        self.play_at(scene, 0)
    }

    /// So many milliseconds after the beginning.
    pub fn play_at(&self, scene: Scene, now: u64) -> Scenery {
        self.drawn.set(self.drawn.get() + 40);
        let first = self.first.clone();
        Scene { rows: first.rows, meters: first.meters, shelves: first.shelves, chance: self.drawn.get(), ..scene }
            .play_in(&self.settings, now)
    }

    pub fn admin(&self, method: Method, path: &str, body: &Value) -> Scenery {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let scene = Scene { method, ..Scene::post(&format!("/admin/v1/{path}"), body.clone()) };
        let played = self.play(scene.header("authorization", &format!("Bearer {TOKEN}")).header("content-type", "application/json"));
        let (said, path) = (serde_json::from_str(&played.body).unwrap_or_default(), path.split('?').next().unwrap());
        described::check(method.word(), path, &body, played.status, &said);
        played
    }

    /// A new key, its id and its text.
    pub fn key(&self, fields: &Value) -> (String, String) {
        let made = self.admin(Method::Post, "keys", fields);
        assert_eq!(made.status, 201, "{}", made.body);
        let text = |name: &str| made.json()[name].as_str().unwrap().to_owned();
        (text("id"), text("key"))
    }

    fn chats(&self, key: &str, user: &str) {
        let body = json!({"model": "gpt-4o", "messages": [{"role": "user", "content": "hi"}], "max_tokens": 100});
        let scene = shows(Scene::chat(body.to_string()), key).header("x-causeway-metadata", &format!(r#"{{"_user":"{user}"}}"#));
        assert_eq!(self.play(scene.says(ANSWER)).status, 200);
    }
}

pub fn shows(scene: Scene, key: &str) -> Scene {
    scene.header("authorization", &format!("Bearer {key}"))
}

#[test]
fn the_holder_of_a_key_reads_what_it_used_and_what_is_left_of_it_and_of_its_team() {
    let house = House::new(&[("REQUIRE_KEY", "true")]);
    let limits = json!([{ "type": "requests", "per": "day", "max": 10 }]);
    house.admin(Method::Post, "teams", &json!({ "slug": "red", "limits": limits, "budgets": [{ "usd": "1", "per": "day" }] }));
    let (id, key) = house.key(&json!({ "name": "app", "team": "red", "limits": limits, "metadata": { "required": ["_user"] } }));
    let (_, other) = house.key(&json!({ "team": "red", "scopes": ["logs"] }));
    house.chats(&key, "alice");
    house.chats(&key, "bob");
    let read = house.play(shows(Scene::get("/v1/usage"), &key));
    assert_eq!(read.status, 200, "{}", read.body);
    let usage = read.json();
    assert_eq!((&usage["key"], &usage["name"]), (&json!(id), &json!("app")));
    assert_eq!((&usage["requests"], &usage["tokens"], &usage["cost"]), (&json!(2), &json!({"input": 20, "output": 10}), &json!("0.00015")));
    assert_eq!((&usage["from"], &usage["to"]), (&json!("2026-10-22"), &json!("2026-11-21")));
    assert_eq!((&usage["days"][0]["date"], &usage["days"][0]["requests"]), (&json!("2026-11-21"), &json!(2)));
    assert_eq!((&usage["models"][0]["model"], &usage["providers"][0]["provider"]), (&json!("openai/gpt-4o"), &json!("openai")));
    assert_eq!(usage["remaining"]["limits"][0]["left"], 8);
    let team = &usage["team"];
    assert_eq!((&team["team"], &team["remaining"]["limits"][0]["left"]), (&json!("red"), &json!(8)));
    assert_eq!(team["remaining"]["budgets"][0]["spent"], "0.00015");
    let read = house.play(shows(Scene::get("/v1/usage?from=2026-11-20&to=2026-11-20"), &key));
    assert_eq!((read.json()["requests"].clone(), read.json()["from"].clone()), (json!(0), json!("2026-11-20")));
    assert_eq!(house.play(shows(Scene::get("/v1/usage"), &other)).json()["requests"], 0);
}

#[test]
fn who_shows_no_key_or_one_for_something_else_reads_nothing() {
    let house = House::new(&[]);
    let (_, admin) = house.key(&json!({ "scopes": ["admin:read"] }));
    for (scene, status) in [
        (Scene::get("/v1/usage"), 401),
        (shows(Scene::get("/v1/usage"), TOKEN), 401),
        (shows(Scene::get("/v1/usage"), &admin), 403),
        (Scene::post("/v1/usage", "{}"), 405),
    ] {
        assert_eq!(house.play(scene).status, status);
    }
    let (_, key) = house.key(&json!({}));
    let wrong = house.play(shows(Scene::get("/v1/usage?from=yesterday"), &key));
    assert_eq!((wrong.status, &wrong.json()["error"]["param"]), (400, &json!("from")));
}

#[test]
fn whoever_runs_the_gateway_reads_it_by_whom_and_of_what() {
    let house = House::new(&[]);
    house.admin(Method::Post, "teams", &json!({ "slug": "red", "name": "Red" }));
    house.admin(Method::Post, "credentials", &json!({ "slug": "main", "provider": "openai", "secret": "sk-a" }));
    let (_, one) = house.key(&json!({ "name": "one", "team": "red" }));
    let (_, two) = house.key(&json!({ "name": "two", "limits": [{ "type": "requests", "per": "minute", "max": 5 }] }));
    house.chats(&one, "alice");
    house.chats(&two, "alice");
    house.chats(&two, "bob");
    let of = |query: &str| {
        let read = house.admin(Method::Get, &format!("usage?{query}"), &Value::Null);
        assert_eq!(read.status, 200, "{query}: {}", read.body);
        read.json()
    };
    let keys = of("by=key");
    let row = |name: &str| keys["data"].as_array().unwrap().iter().find(|row| row["name"] == name).unwrap().clone();
    assert_eq!((&row("one")["requests"], &row("one")["team"]), (&json!(1), &json!("red")));
    assert_eq!((&row("two")["requests"], &row("two")["remaining"]["limits"][0]["left"]), (&json!(2), &json!(3)));
    assert!(row("two").get("meter").is_none());
    let first = of("by=key&limit=1");
    let second = of(&format!("by=key&limit=1&cursor={}", first["next"].as_str().unwrap()));
    assert!(second["next"].is_null() && first["data"][0]["key"] != second["data"][0]["key"]);
    let teams = of("by=team");
    assert_eq!((&teams["data"][0]["team"], &teams["data"][0]["requests"]), (&json!("red"), &json!(1)));
    let credentials = of("by=credential");
    assert_eq!((&credentials["data"][0]["credential"], &credentials["data"][0]["provider"]), (&json!("main"), &json!("openai")));
    let models = of("by=model");
    assert_eq!((&models["data"][0]["model"], &models["data"][0]["requests"]), (&json!("openai/gpt-4o"), &json!(3)));
    assert_eq!(models["data"][0]["cost"], "0.000225");
    assert_eq!(models["keys"], json!({ "all": 2, "counted": 2, "partial": false }));
    assert_eq!(of("by=model&from=2026-11-01&to=2026-11-20")["data"], json!([]));
    assert_eq!(of("by=provider")["data"][0]["provider"], "openai");
    let users = of("by=metadata._user&limit=1");
    assert_eq!((&users["data"][0]["value"], &users["data"][0]["requests"]), (&json!("alice"), &json!(2)));
    let users = of(&format!("by=metadata._user&limit=1&cursor={}", users["next"].as_str().unwrap()));
    assert_eq!((&users["data"][0]["value"], &users["next"]), (&json!("bob"), &Value::Null));
    assert_eq!(of("by=metadata.nothing")["data"], json!([]));
    assert_eq!(of("by=key&from=2026-11-01&to=2026-11-20")["data"][0]["requests"], 0);
    for (query, param) in [("", "by"), ("by=x", "by"), ("by=metadata.", "by"), ("by=key&to=x", "to"), ("by=key&limit=0", "limit")] {
        let wrong = house.admin(Method::Get, &format!("usage?{query}"), &Value::Null);
        assert_eq!((wrong.status, wrong.json()["error"]["param"].as_str().unwrap()), (400, param));
    }
    assert_eq!(house.admin(Method::Post, "usage", &json!({})).status, 405);
}

#[test]
fn what_deleted_keys_have_used_still_counts_and_what_no_key_was_shown_for() {
    let house = House::new(&[("REQUIRE_KEY", "false")]);
    let (id, key) = house.key(&json!({ "name": "one" }));
    house.key(&json!({ "name": "two" }));
    house.chats(&key, "alice");
    house.admin(Method::Delete, &format!("keys/{id}"), &Value::Null);
    let body = json!({"model": "gpt-4o", "messages": [{"role": "user", "content": "hi"}], "max_tokens": 100}).to_string();
    let keyless = || Scene::chat(body.clone()).header("x-causeway-metadata", r#"{"_user":"bob"}"#);
    assert_eq!(house.play(keyless().says(ANSWER)).status, 200);
    // Nothing was asked of a provider.
    assert_eq!(house.play(shows(Scene::chat(body.clone()), &key)).status, 401);
    let of = |query: &str| house.admin(Method::Get, &format!("usage?{query}"), &Value::Null).json();
    let models = of("by=model");
    assert_eq!((&models["data"][0]["requests"], &models["data"][0]["cost"]), (&json!(2), &json!("0.00015")), "{models}");
    assert_eq!(models["keys"], json!({ "all": 2, "counted": 2, "partial": false }));
    assert_eq!(of("by=provider")["data"][0]["requests"], 2);
    let users = of("by=metadata._user");
    assert_eq!((&users["data"][0]["value"], &users["data"][1]["value"]), (&json!("alice"), &json!("bob")));
    let names =
        |rows: Value| rows["data"].as_array().unwrap().iter().map(|row| row["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>();
    assert_eq!((names(of("by=key")), names(of("by=key&deleted=false"))), (vec!["two".to_owned()], vec!["two".to_owned()]));
    let gone = of("by=key&deleted=true");
    assert_eq!((&gone["data"][0]["key"], &gone["data"][0]["requests"]), (&json!(id), &json!(1)));
    assert!(gone["data"][0]["deleted_at"].as_str().unwrap().starts_with("2026-11-21T"));
    for query in ["by=team&deleted=true", "by=key&deleted=x"] {
        assert_eq!(of(query)["error"]["param"], "deleted");
    }
}

#[test]
fn what_a_meter_does_not_tell_in_time_is_said_to_be_missing() {
    let house = House::new(&[]);
    let (_, key) = house.key(&json!({}));
    house.first.meters.fall_silent();
    assert_eq!(house.admin(Method::Get, "usage?by=key", &Value::Null).json()["data"][0]["unavailable"], true);
    assert_eq!(house.admin(Method::Get, "usage?by=model", &Value::Null).json()["keys"], json!({ "all": 1, "counted": 0, "partial": true }));
    assert_eq!(house.play(shows(Scene::get("/v1/usage"), &key)).status, 503);
}
