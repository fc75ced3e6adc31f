//! A meter as it is spoken to, and what it keeps.

use causeway::policy::account::Batch;
use causeway::policy::desk::Desk;
use causeway::policy::outbox::{Delivery, Sender, webhook_secret};
use causeway::time;
use causeway::wire::base64;
use hmac::{Hmac, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::meters::Shelf;

const MASTER: &str = "a master key that is long enough";

fn noon() -> u64 {
    time::parse_ms("2026-11-21T12:00:00Z").unwrap()
}

struct Scene {
    shelf: Shelf,
    desk: Desk<Shelf>,
    now: u64,
}

impl Scene {
    fn new(definition: &Value) -> Self {
        Self::new_at(noon(), definition)
    }

    fn new_at(now: u64, definition: &Value) -> Self {
        let shelf = Shelf::default();
        let mut scene = Self { desk: Desk::open(shelf.clone()), shelf, now };
        scene.say("define", definition);
        scene
    }

    fn say(&mut self, verb: &str, body: &Value) -> Value {
        let body = if let Value::String(text) = body { text.clone() } else { body.to_string() };
        serde_json::from_str(&self.desk.say("key:k", verb, &body, self.now).unwrap()).unwrap()
    }

    /// A request from its beginning to its end.
    fn spend(&mut self, lease: &str, usd: &str, used: &Value) {
        let verdict = self.say("ask", &json!({"lease": lease, "version": 1, "requests": 1, "usd": usd}));
        assert!(verdict.get("granted").is_some(), "{verdict}");
        self.say("settle", &json!({"lease": lease, "requests": 1, "usd": usd, "used": used}));
    }

    fn restart(&mut self) {
        self.desk = Desk::open(self.shelf.clone());
    }

    fn wake(&mut self) -> Vec<Delivery> {
        self.desk.wake(&Sender { masters: &[MASTER], trusted_hosts: &["hook.test"] }, self.now)
    }
}

fn used(model: &str, user: &str) -> Value {
    json!({"provider": "openai", "model": model, "input": 10, "output": 5, "metadata": [["_user", user]]})
}

#[test]
fn only_who_knows_the_definition_as_it_is_is_granted_anything() {
    let definition = json!({"id": "k", "version": 7, "limits": [{"type": "requests", "per": "minute", "max": 1}]});
    let mut scene = Scene::new(&definition);
    assert_eq!(scene.say("recall", &json!("")), definition);
    for version in [json!(6), json!(8), json!(null)] {
        assert_eq!(scene.say("ask", &json!({"lease": "a", "version": version, "requests": 1})), json!({"stale": definition}));
    }
    let left = json!([{"what": "requests", "per": "minute", "max": 1, "left": 0, "reset_ms": 60_000}]);
    assert_eq!(scene.say("ask", &json!({"lease": "a", "version": 7, "requests": 1})), json!({"granted": left}));
    scene.restart();
    let by = json!({"limit": {"what": "requests", "per": "minute", "max": 1, "asked": 1}});
    let refused = json!({"refused": {"by": by, "retry_ms": 60_000, "left": left}});
    assert_eq!(scene.say("ask", &json!({"lease": "b", "version": 7, "requests": 1})), refused);
    scene.say("define", &json!("null"));
    assert_eq!(scene.say("recall", &json!("")), Value::Null);
    assert_eq!(scene.say("ask", &json!({"lease": "b", "version": 7, "requests": 1})), json!("gone"));
    scene.restart();
    assert_eq!(scene.say("ask", &json!({"lease": "b", "version": 7, "requests": 1})), json!("gone"));
}

#[test]
fn a_definition_is_told_in_one_line_and_nonsense_is_none() {
    let mut scene = Scene::new(&json!("{\n \"version\": 1,\r\n \"name\": \"a\\nb\" }"));
    let told = scene.desk.say("key:k", "recall", "", 0).unwrap();
    assert!(!told.contains('\n') && told.contains(r"a\nb"), "{told}");
    for nonsense in ["", "[]", "{", r#"{"limits":[{"type":"smiles"}]}"#] {
        assert!(scene.desk.say("key:k", "define", nonsense, 0).is_err(), "{nonsense}");
    }
    assert_eq!(scene.desk.say("key:k", "recall", "", 0).unwrap(), told);
    assert!(scene.desk.say("key:k", "dance", "", 0).is_err());
}

#[test]
fn a_definition_that_arrives_after_a_later_one_is_nothing() {
    let mut scene = Scene::new(&json!("1000\n{\"version\":1}"));
    let told = |scene: &mut Scene, at: u64, definition: &str| {
        scene.say("define", &json!(format!("{at}\n{definition}")));
        scene.restart();
        scene.say("recall", &json!(""))
    };
    assert_eq!(told(&mut scene, 3_000, r#"{"version":3}"#), json!({"version": 3}));
    assert_eq!(told(&mut scene, 2_000, r#"{"version":2}"#), json!({"version": 3}));
    assert_eq!(told(&mut scene, 2_000, "null"), json!({"version": 3}));
    assert_eq!(told(&mut scene, 5_000, "null"), Value::Null);
    assert_eq!(told(&mut scene, 4_000, r#"{"version":4}"#), Value::Null);
    // One of the same name that is made later begins again.
    assert_eq!(told(&mut scene, 6_000, r#"{"version":1}"#), json!({"version": 1}));
}

#[test]
fn what_was_counted_elsewhere_is_added_to_the_account() {
    let mut scene = Scene::new(&json!({"id": "k", "version": 1}));
    scene.spend("a", "0.1", &used("gpt", "anna"));
    let mut batch = Batch::default();
    for (model, usd) in [("gpt", "0.2"), ("o3", "0.3")] {
        batch.note(&serde_json::from_value(used(model, "bob")).unwrap(), serde_json::from_value(json!(usd)).unwrap());
    }
    scene.say("tally", &serde_json::to_value(&batch).unwrap());
    scene.restart();
    let usage = scene.say("standing", &json!(""))["usage"].clone();
    assert_eq!((&usage["total"]["requests"], &usage["total"]["usd"]), (&json!(3), &json!("0.6")));
    assert_eq!((&usage["models"]["openai/gpt"]["usd"], &usage["providers"]["openai"]["requests"]), (&json!("0.3"), &json!(3)));
    assert_eq!((&usage["metadata"]["_user"]["anna"]["requests"], &usage["metadata"]["_user"]["bob"]["requests"]), (&json!(1), &json!(2)));
}

#[test]
fn counters_of_a_value_go_by_the_rules_that_come_along() {
    let mut scene = Scene { desk: Desk::open(Shelf::default()), shelf: Shelf::default(), now: noon() };
    assert_eq!(scene.say("ask", &json!({"lease": "a", "requests": 1})), json!("gone"));
    let ask = |lease: &str, max: u64| {
        let limit = json!({"type": "requests", "per": "hour", "max": max, "by": "_user"});
        json!({"lease": lease, "requests": 1, "rules": {"limits": [limit]}})
    };
    assert!(scene.say("ask", &ask("a", 1)).get("granted").is_some());
    assert!(scene.say("ask", &ask("b", 1)).get("refused").is_some());
    assert!(scene.say("ask", &ask("b", 2)).get("granted").is_some());
    scene.say("settle", &json!({"lease": "b", "requests": 0}));
    assert!(scene.say("ask", &ask("c", 2)).get("granted").is_some());
    assert_eq!(scene.say("standing", &json!(""))["limits"][0]["left"], 0);
}

#[test]
fn who_is_not_counted_or_refused_has_nothing_written() {
    let shelf = Shelf::default();
    let mut scene = Scene { desk: Desk::open(shelf.clone()), shelf, now: noon() };
    for (verb, body) in
        [("ask", json!({"lease": "a", "version": 1, "requests": 1})), ("recall", json!("")), ("settle", json!({"lease": "a"}))]
    {
        scene.say(verb, &body);
    }
    assert_eq!(scene.shelf.names(), [""; 0]);
    scene.say("define", &json!({"id": "k", "version": 1, "limits": [{"type": "requests", "per": "minute", "max": 0}]}));
    scene.say("ask", &json!({"lease": "a", "version": 1, "requests": 1}));
    scene.say("ask", &json!({"lease": "a", "version": 0, "requests": 1}));
    assert_eq!(scene.shelf.names(), ["definition", "name"]);
}

#[test]
fn an_alert_of_a_value_says_whose_it_is() {
    let shelf = Shelf::default();
    let mut scene = Scene { desk: Desk::open(shelf.clone()), shelf, now: noon() };
    let budget = json!({"tokens": 10, "per": "day", "alerts": [1], "webhook": "https://example.com", "by": "_user"});
    scene.say("ask", &json!({"lease": "a", "tokens": 10, "rules": {"budgets": [budget]}}));
    scene.say("settle", &json!({"lease": "a", "tokens": 10, "used": used("gpt", "anna")}));
    let letter: Value = serde_json::from_str(&scene.wake().remove(0).body).unwrap();
    assert_eq!((&letter["by"], &letter["value"]), (&json!("_user"), &json!("anna")));
}

#[test]
fn where_a_holder_stands_is_told_with_its_account_by_the_day() {
    let budgets = json!([{"usd": "10", "per": "day"}, {"tokens": 100, "per": "total", "hard": false}]);
    let mut scene = Scene::new_at(
        noon() - 86_400_000,
        &json!({"id": "k", "version": 1, "budgets": budgets, "limits": [{"type": "requests", "per": "day", "max": 9}]}),
    );
    scene.spend("a", "1", &used("gpt", "anna"));
    scene.now += 86_400_000;
    scene.spend("b", "0.25", &used("gpt", "anna"));
    scene.spend("c", "0.5", &used("gpt-mini", "bert"));
    scene.spend("d", "0", &json!({"provider": "openai", "model": "gpt", "input": 0, "output": 0, "failed": true}));
    scene.say("ask", &json!({"lease": "e", "version": 1, "usd": "2"}));
    scene.restart();
    let standing = scene.say("standing", &json!(""));
    let day = json!({"unit": "usd", "per": "day", "hard": true, "max": "10", "spent": "0.75", "held": "2", "alerts": [], "left": "7.25", "resets_at": "2026-11-22T00:00:00Z"});
    assert_eq!(standing["budgets"][0], day);
    assert_eq!(standing["limits"][0]["left"], 6);
    let usage = &standing["usage"];
    let row = |requests: u64, usd: &str, failed: u64, tokens: u64| json!({"requests": requests, "failed": failed, "cached": 0, "input_tokens": 10 * tokens, "output_tokens": 5 * tokens, "usd": usd, "unpriced": 0});
    assert_eq!(usage["total"], row(4, "1.75", 1, 3));
    assert_eq!(usage["models"], json!({"openai/gpt": row(3, "1.25", 1, 2), "openai/gpt-mini": row(1, "0.5", 0, 1)}));
    assert_eq!(usage["metadata"], json!({"_user": {"anna": row(2, "1.25", 0, 2), "bert": row(1, "0.5", 0, 1)}}));
    assert_eq!(usage["days"].as_array().unwrap().iter().map(|day| day["date"].clone()).collect::<Vec<_>>(), ["2026-11-20", "2026-11-21"]);
    let usage = &scene.say("standing", &json!("from=2026-11-21&to=2026-11-30"))["usage"];
    assert_eq!((&usage["from"], &usage["to"], &usage["total"]["usd"]), (&json!("2026-11-21"), &json!("2026-11-21"), &json!("0.75")));
    assert!(scene.desk.say("key:k", "standing", "from=yesterday", scene.now).is_err());
}

#[test]
fn the_account_is_bounded_in_names_and_days() {
    let mut scene = Scene::new(&json!({"id": "k", "version": 1}));
    for number in 0..300 {
        scene.spend("a", "0.001", &used("gpt", &format!("user{number:03}")));
    }
    let users = &scene.say("standing", &json!(""))["usage"]["metadata"]["_user"];
    assert_eq!(users.as_object().unwrap().len(), 201);
    assert_eq!((&users["(other)"]["requests"], &users["(other)"]["usd"]), (&json!(100), &json!("0.1")));
    scene.now += 91 * 86_400_000;
    scene.spend("a", "1", &used("gpt", "anna"));
    assert_eq!(scene.say("standing", &json!("from=2020-01-01"))["usage"]["total"]["requests"], 301);
    scene.now += 86_400_000;
    scene.spend("a", "1", &used("gpt", "anna"));
    assert_eq!(scene.say("standing", &json!("from=2020-01-01"))["usage"]["total"]["requests"], 2);
    assert_eq!(scene.shelf.names().iter().filter(|name| name.starts_with("day:2026-11")).count(), 0);
}

#[test]
fn a_settled_request_leaves_nothing_behind_but_numbers() {
    let mut scene = Scene::new(&json!({"id": "k", "version": 1, "limits": [{"type": "tokens", "per": "day", "max": 1_000_000}]}));
    for _ in 0..1_000 {
        scene.now += 50_000;
        scene.spend("a", "0.001", &used("gpt", "anna"));
    }
    let days = ["day:2026-11-21", "day:2026-11-21/_user", "day:2026-11-22", "day:2026-11-22/_user"];
    assert_eq!(scene.shelf.names(), [&["counters"][..], &days, &["definition", "name"]].concat());
    assert!(scene.shelf.size("counters") < 3_000, "{}", scene.shelf.size("counters"));
    assert!(scene.shelf.size(days[0]) < 500);
}

#[test]
fn the_alarm_lets_go_what_nobody_settled_and_the_account_says_so() {
    let mut scene = Scene::new(&json!({"id": "k", "version": 1, "budgets": [{"usd": "1", "per": "total"}]}));
    scene.say("ask", &json!({"lease": "a", "version": 1, "usd": "1"}));
    assert_eq!(scene.shelf.wakes_at(), Some(scene.now + 1_800_000));
    scene.restart();
    scene.now += 1_800_000;
    assert_eq!(scene.wake().len(), 0);
    let standing = scene.say("standing", &json!(""));
    assert_eq!((&standing["budgets"][0]["held"], &standing["budgets"][0]["left"]), (&json!("0"), &json!("1")));
    assert_eq!(standing["usage"]["total"]["lost"], json!({"leases": 1, "usd": "1"}));
    // And once more when it is forgotten that it was.
    assert_eq!(scene.shelf.wakes_at(), Some(scene.now + 86_400_000));
    scene.now += 86_400_000;
    scene.wake();
    assert!(!scene.shelf.names().iter().any(|name| name.starts_with("lease:")));
}

fn alerting(url: &str) -> Scene {
    let budget = json!({"usd": "1", "per": "month", "alerts": [0.5, 0.8], "webhook": url});
    let mut scene = Scene::new(&json!({"id": "k", "version": 1, "budgets": [budget]}));
    scene.spend("l", "0.6", &used("gpt", "anna"));
    scene
}

#[test]
fn an_alert_is_a_signed_webhook() {
    let mut scene = alerting("https://example.com/hooks/a?b=%20c");
    assert_eq!(scene.shelf.wakes_at(), Some(scene.now));
    assert_eq!(
        scene.say("standing", &json!(""))["budgets"][0]["alerts"],
        json!([{"share": 0.5, "reached": true}, {"share": 0.8, "reached": false}])
    );
    let deliveries = scene.wake();
    let [delivery] = deliveries.as_slice() else { panic!("{deliveries:?}") };
    assert_eq!(delivery.url, "https://example.com/hooks/a?b=%20c");
    let expected = json!({
        "type": "budget.threshold", "id": "msg_l-0", "at": "2026-11-21T12:00:00Z", "holder": "key:k",
        "budget": {"unit": "usd", "per": "month", "hard": true}, "share": 0.5, "spent": "0.6", "max": "1",
    });
    assert_eq!(serde_json::from_str::<Value>(&delivery.body).unwrap(), expected);
    let header = |name: &str| delivery.headers.iter().find(|(known, _)| *known == name).unwrap().1.clone();
    assert_eq!((header("webhook-id"), header("webhook-timestamp")), ("msg_l-0".to_owned(), "1795262400".to_owned()));
    let secret = base64::decode(webhook_secret(MASTER).strip_prefix("whsec_").unwrap()).unwrap();
    let mut mac = Hmac::<Sha256>::new_from_slice(&secret).unwrap();
    mac.update(format!("msg_l-0.1795262400.{}", delivery.body).as_bytes());
    assert_eq!(header("webhook-signature"), format!("v1,{}", base64::encode(&mac.finalize().into_bytes())));
}

#[test]
fn an_alert_is_sent_until_it_arrives_for_a_day() {
    let mut scene = alerting("https://example.com");
    let mut tries = 0;
    let began = scene.now;
    while let Some(at) = scene.shelf.take_wake() {
        scene.now = at;
        scene.restart();
        let deliveries = scene.wake();
        tries += deliveries.len();
        assert!(deliveries.iter().all(|delivery| delivery.id == "msg_l-0"));
    }
    assert_eq!(tries, 10);
    assert!((23..=26).contains(&((scene.now - began) / 3_600_000)), "{}", scene.now - began);
    assert!(!scene.shelf.names().iter().any(|name| name.starts_with("mail:")));

    let mut scene = alerting("https://example.com");
    let delivery = scene.wake().remove(0);
    scene.desk.arrived(&delivery.id);
    scene.restart();
    scene.now += 86_400_000;
    assert_eq!(scene.wake().len(), 0);
}

#[test]
fn no_alert_goes_where_it_may_not() {
    for (url, goes) in [
        ("https://example.com:8443/a", true),
        ("http://hook.test/a", true),
        ("http://other.test/a", false),
        ("http://127.0.0.1/", false),
        ("http://[::1]/", false),
        ("http://169.254.169.254/latest", false),
        ("http://2130706433/", false),
        ("https://user@example.com/", false),
        ("https://example.com\\@127.0.0.1/", false),
        ("https://example.com/a b", false),
        ("https://127.0.0.1?@example.com", false),
        ("https://example.com#@127.0.0.1", false),
    ] {
        assert_eq!(alerting(url).wake().len(), usize::from(goes), "{url}");
    }
}

#[test]
fn settlements_come_along_with_what_is_asked_and_once_is_enough() {
    let mut scene = Scene::new(&json!({"id": "k", "version": 1, "budgets": [{"usd": "1", "per": "total"}]}));
    let ask = |lease: &str| json!({"lease": lease, "version": 1, "requests": 1, "usd": "0.6"}).to_string();
    let settle = json!({"lease": "a", "requests": 1, "usd": "0.1"}).to_string();
    let granted = |scene: &mut Scene, body: String| scene.say("ask", &Value::String(body)).get("granted").is_some();
    assert!(granted(&mut scene, ask("a")));
    assert!(!granted(&mut scene, ask("b")));
    // What is broken, and what is told twice, is nothing to the others.
    assert!(granted(&mut scene, format!("{}\n{settle}\n{{broken\n{settle}", ask("b"))));
    scene.say("recall", &Value::String(format!("\n{}", json!({"lease": "b", "requests": 1, "usd": "0.5"}))));
    assert_eq!(scene.say("standing", &Value::String(String::new()))["budgets"][0]["spent"], "0.6");
}
