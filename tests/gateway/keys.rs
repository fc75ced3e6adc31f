//! Callers' keys, credentials of the vault, limits and budgets, in whole requests against the meters as they are.

use causeway::policy::secret;
use causeway::policy::vault::Vault;
use causeway::settings::Settings;
use serde_json::{Value, json};

use crate::meters::Meters;
use crate::scripted::{Scene, Scenery, Shelves};

const MASTER: &str = "a master key that is long enough";
const ID: &str = "0123456789ab";
const ANSWER: &str = r#"{"id":"c","object":"chat.completion","created":1,"model":"m",
    "choices":[{"index":0,"message":{"role":"assistant","content":"hi"},"finish_reason":"stop"}],
    "usage":{"prompt_tokens":10,"completion_tokens":5,"total_tokens":15}}"#;
const STREAM: &str = concat!(
    "data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"one two three four\"},\"finish_reason\":null}]}\n\n",
    "data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\" five six seven eight\"},\"finish_reason\":null}]}\n\n",
    "data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n",
    "data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\",\"choices\":[],\"usage\":{\"prompt_tokens\":10,\"completion_tokens\":8,\"total_tokens\":18}}\n\n",
    "data: [DONE]\n\n",
);

/// A deployment with one key and its meters.
struct House {
    settings: Settings,
    meters: Meters,
    shelves: Shelves,
    key: String,
}

impl House {
    /// A key with these fields of its definition.
    fn new(fields: &Value) -> Self {
        let vars = [("REQUIRE_KEY", "true"), ("MASTER_KEY", MASTER), ("OPENAI_API_KEY", "sk-env"), ("ADMIN_TOKEN", "the admin's")];
        let house = Self {
            settings: Settings::new(vars.map(|(name, value)| (name.to_owned(), value.to_owned()))),
            meters: Meters::default(),
            shelves: Shelves::default(),
            key: secret::mint(ID, [7; 32]),
        };
        house.define_key(1, fields);
        house
    }

    fn define_key(&self, version: u64, fields: &Value) {
        let mut definition = json!({ "id": ID, "name": "app", "version": version, "secrets": [{ "hash": secret::hash(&self.key) }] });
        merge(&mut definition, fields);
        self.meters.define(&format!("key:{ID}"), &definition.to_string());
    }

    fn define_credential(&self, slug: &str, version: u64, key: &str, fields: &Value) {
        let sealed = Vault::of([MASTER]).seal(slug, key, [3; 12]).unwrap();
        let mut definition = json!({ "slug": slug, "provider": "openai", "version": version, "secret": sealed });
        merge(&mut definition, fields);
        self.meters.define(&format!("credential:{slug}"), &definition.to_string());
    }

    fn scene(&self, body: &Value) -> Scene {
        let scene = Scene { meters: self.meters.clone(), shelves: Shelves::clone(&self.shelves), ..Scene::chat(body.to_string()) };
        scene.header("authorization", &format!("Bearer {}", self.key))
    }

    fn ask(&self) -> Scene {
        self.scene(&json!({"model": "gpt-4o", "messages": [{"role": "user", "content": "hi"}], "max_tokens": 100}))
    }

    fn play(&self, scene: Scene) -> Scenery {
        self.play_at(scene, 0)
    }

    fn play_at(&self, scene: Scene, now: u64) -> Scenery {
        scene.play_in(&self.settings, now)
    }

    fn standing(&self, meter: &str) -> Value {
        self.meters.standing(meter, 1_795_219_200_000)
    }
}

fn merge(definition: &mut Value, fields: &Value) {
    for (name, value) in fields.as_object().unwrap() {
        definition[name] = value.clone();
    }
}

#[test]
fn a_key_opens_the_gateway_in_each_of_the_four_headers_and_never_reaches_a_provider() {
    let house = House::new(&json!({}));
    for (name, value) in [
        ("authorization", format!("Bearer {}", house.key)),
        ("x-api-key", house.key.clone()),
        ("x-goog-api-key", house.key.clone()),
        ("x-causeway-api-key", house.key.clone()),
        ("x-portkey-api-key", house.key.clone()),
    ] {
        let scene = Scene { headers: vec![(name.to_owned(), value)], ..house.ask() };
        let scenery = house.play(scene.says(ANSWER));
        assert_eq!(scenery.status, 200, "{name}: {}", scenery.body);
        assert_eq!(scenery.seen[0].headers.find("authorization"), Some("Bearer sk-env"));
        assert!(!scenery.seen[0].headers.block().contains(&house.key));
    }
}

#[test]
fn a_wrong_key_is_told_from_a_typo_an_expired_one_and_one_for_something_else() {
    let typo = House::new(&json!({})).key.replace('0', "1");
    let unknown = secret::mint("zzzzzzzzzzzz", [1; 32]);
    let forged = secret::mint(ID, [1; 32]);
    for (key, fields, status, words) in [
        (Some(&typo), json!({}), 401, "typo"),
        (Some(&unknown), json!({}), 401, "not known"),
        (Some(&forged), json!({}), 401, "not known"),
        (None, json!({ "expires_at": "2026-11-20T00:00:00Z" }), 401, "expired"),
        (None, json!({ "scopes": ["logs"] }), 403, "scope `inference`"),
        (None, json!({ "metadata": { "required": ["_user"] } }), 400, "_user"),
        (None, json!({ "allow": { "models": ["gpt-4o-mini"] } }), 403, "openai/gpt-4o"),
        (None, json!({ "allow": { "providers": ["anthropic"] } }), 403, "openai"),
        (None, json!({ "allow": { "credentials": [] } }), 403, "credentials"),
    ] {
        let house = House::new(&fields);
        let mut scene = house.ask();
        if let Some(key) = key {
            scene.headers = vec![("authorization".to_owned(), format!("Bearer {key}"))];
        }
        let scenery = house.play(scene);
        assert_eq!(scenery.status, status, "{words}: {}", scenery.body);
        assert!(scenery.body.contains(words), "{words}: {}", scenery.body);
        assert!(scenery.seen.is_empty());
    }
}

#[test]
fn a_limit_lets_so_many_pass_and_says_whose_it_is_and_when_to_come_back() {
    let house = House::new(&json!({ "limits": [{ "type": "requests", "per": "minute", "max": 2 }] }));
    for left in ["1", "0"] {
        let scenery = house.play(house.ask().says(ANSWER));
        assert_eq!(scenery.status, 200, "{}", scenery.body);
        assert_eq!(scenery.header("x-ratelimit-limit-requests"), "2");
        assert_eq!(scenery.header("x-ratelimit-remaining-requests"), left);
    }
    let refused = house.play(house.ask());
    assert_eq!(refused.status, 429);
    assert_eq!(refused.json()["error"]["code"], "rate_limit_exceeded");
    assert!(refused.body.contains("key `app`") && refused.body.contains("2 requests per minute"), "{}", refused.body);
    let seconds: u64 = refused.header("retry-after").parse().unwrap();
    assert!((60..=61).contains(&seconds), "{seconds}");
    assert_eq!(house.play_at(house.ask().says(ANSWER), 61_001).status, 200);
}

#[test]
fn a_request_that_reached_nobody_gives_its_share_back() {
    let house = House::new(&json!({ "limits": [{ "type": "requests", "per": "minute", "max": 1 }] }));
    let unreachable = causeway::host::Fault::Unreachable("no".to_owned());
    assert_eq!(house.play(house.ask().fails(unreachable)).status, 502);
    assert_eq!(house.play(house.ask().says(ANSWER)).status, 200);
    assert_eq!(house.play(house.ask()).status, 429);
}

#[test]
fn tokens_are_reserved_by_the_estimate_and_settled_by_the_count() {
    let house = House::new(&json!({ "limits": [{ "type": "tokens", "per": "minute", "max": 150 }] }));
    // Each asks for some hundred and takes fifteen.
    for _ in 0..3 {
        assert_eq!(house.play(house.ask().says(ANSWER)).status, 200);
    }
    assert_eq!(house.standing(&format!("key:{ID}"))["limits"][0]["left"], 150 - 45);
    let large = house.scene(&json!({"model": "gpt-4o", "messages": [{"role": "user", "content": "hi"}], "max_tokens": 200}));
    let refused = house.play(large);
    assert_eq!(refused.status, 429);
    assert!(refused.body.contains("smaller `max_tokens`"), "{}", refused.body);
}

#[test]
fn a_budget_is_charged_what_an_answer_a_stream_and_the_beginning_of_one_have_cost() {
    // gpt-4o costs 2.5 and 10 USD per million.
    let house = House::new(&json!({ "budgets": [{ "usd": "0.01", "per": "day" }] }));
    let spent = |house: &House| house.standing(&format!("key:{ID}"))["budgets"][0]["spent"].as_str().unwrap().to_owned();
    assert_eq!(house.play(house.ask().says(ANSWER)).status, 200);
    assert_eq!(spent(&house), "0.000075");
    let stream = || {
        let body = json!({"model": "gpt-4o", "messages": [{"role": "user", "content": "hi"}], "max_tokens": 100, "stream": true});
        house.scene(&body).streams(STREAM)
    };
    assert_eq!(house.play(stream()).status, 200);
    assert_eq!(spent(&house), "0.00018");
    let left = house.play(Scene { leaves_after: Some(1), piece: 250, ..stream() });
    let cost = serde_json::to_value(&left.records[0]).unwrap()["cost"].as_str().unwrap().to_owned();
    assert!(cost.parse::<f64>().unwrap() > 0.0, "{cost}");
    let sum = 0.00018 + cost.parse::<f64>().unwrap();
    assert!((spent(&house).parse::<f64>().unwrap() - sum).abs() < 1e-9);
    let dear = house.scene(&json!({"model": "gpt-4o", "messages": [{"role": "user", "content": "hi"}], "max_tokens": 1000}));
    let refused = house.play(dear);
    assert_eq!((refused.status, refused.json()["error"]["code"].as_str()), (429, Some("insufficient_quota")), "{}", refused.body);
    assert!(refused.body.contains("may cost") && refused.body.contains("max_tokens"), "{}", refused.body);
}

#[test]
fn what_has_no_price_is_refused_under_a_budget_unless_that_allows_it() {
    for (unpriced, status) in [("refuse", 429), ("allow", 200)] {
        let house = House::new(&json!({ "budgets": [{ "usd": "1", "per": "total", "unpriced": unpriced }] }));
        let scene = house.scene(&json!({"model": "openai/nobody-knows", "messages": [{"role": "user", "content": "hi"}]}));
        let scene = if status == 200 { scene.says(ANSWER) } else { scene };
        let scenery = house.play(scene);
        assert_eq!(scenery.status, status, "{unpriced}: {}", scenery.body);
    }
}

#[test]
fn a_revoked_key_and_changed_limits_hold_from_the_next_request_on() {
    let house = House::new(&json!({}));
    assert_eq!(house.play(house.ask().says(ANSWER)).status, 200);
    house.define_key(2, &json!({ "allow": { "models": ["o3"] } }));
    let refused = house.play(house.ask());
    assert_eq!(refused.status, 403, "{}", refused.body);
    house.define_key(3, &json!({ "limits": [{ "type": "requests", "per": "day", "max": 1 }] }));
    assert_eq!(house.play(house.ask().says(ANSWER)).status, 200);
    assert_eq!(house.play(house.ask()).status, 429);
    house.meters.define(&format!("key:{ID}"), "null");
    let revoked = house.play(house.ask());
    assert_eq!(revoked.status, 401, "{}", revoked.body);
    assert!(revoked.body.contains("revoked"), "{}", revoked.body);
}

#[test]
fn each_value_of_the_metadata_has_its_own_share_and_the_others_get_theirs_back() {
    let limits = json!({ "limits": [
        { "type": "requests", "per": "minute", "max": 1, "by": "metadata._user" },
        { "type": "requests", "per": "minute", "max": 3 },
    ] });
    let house = House::new(&limits);
    let of = |user: &str| house.ask().header("x-causeway-metadata", &json!({ "_user": user }).to_string());
    assert_eq!(house.play(of("a").says(ANSWER)).status, 200);
    let refused = house.play(of("a"));
    assert_eq!(refused.status, 429);
    assert!(refused.body.contains("`_user` `a`"), "{}", refused.body);
    assert_eq!(house.play(of("b").says(ANSWER)).status, 200);
    assert_eq!(house.play(of("c").says(ANSWER)).status, 200);
    assert!(house.play(of("d")).body.contains("3 requests per minute"));
}

#[test]
fn a_team_counts_for_all_its_keys() {
    let house = House::new(&json!({ "team": "red" }));
    house.meters.define("team:red", r#"{"slug":"red","name":"Red","version":4,"limits":[{"type":"requests","per":"hour","max":1}]}"#);
    assert_eq!(house.play(house.ask().says(ANSWER)).status, 200);
    let refused = house.play(house.ask());
    assert!(refused.body.contains("team `red`"), "{}", refused.body);
}

#[test]
fn a_key_or_its_team_has_a_config_for_who_names_none_and_may_be_for_some_configs_only() {
    let house = House::new(&json!({ "team": "red", "allow": { "configs": ["of-key", "of-team"] } }));
    house.meters.define("team:red", r#"{"slug":"red","version":1,"default_config":"of-team"}"#);
    for (slug, model) in [("of-key", "gpt-4o-mini"), ("of-team", "o3"), ("other", "gpt-4o")] {
        let config = json!({ "provider": "openai", "override_params": { "model": model } }).to_string();
        house.shelves.borrow_mut().insert(format!("config:{slug}"), (config.into_bytes(), u64::MAX));
    }
    let model = |scene: Scene| house.play(scene.says(ANSWER)).header("x-causeway-model").to_owned();
    assert_eq!(model(house.ask()), "o3");
    assert_eq!(model(house.ask().header("x-causeway-config", "of-key")), "gpt-4o-mini");
    for other in ["other", r#"{"provider":"openai"}"#] {
        assert_eq!(house.play(house.ask().header("x-causeway-config", other)).status, 403, "{other}");
    }
    house.define_key(2, &json!({ "team": "red", "default_config": "of-key" }));
    // The key is known as it was; its meter tells of the change, and the next request goes by it.
    model(house.ask());
    assert_eq!(model(house.ask()), "gpt-4o-mini");
    assert_eq!(model(house.ask().header("x-causeway-config", "other")), "gpt-4o");
}

#[test]
fn a_credential_of_the_vault_is_used_by_header_prefix_and_config_and_rotated_at_once() {
    let house = House::new(&json!({}));
    house.define_credential("prod", 1, "sk-one", &json!({}));
    let body = |model: &str| json!({"model": model, "messages": [{"role": "user", "content": "hi"}]});
    let scenes = || {
        [
            house.scene(&body("gpt-4o")).header("x-portkey-virtual-key", "prod"),
            house.scene(&body("gpt-4o")).header("x-causeway-provider", "@prod"),
            house.scene(&body("@prod/gpt-4o")),
            house.scene(&body("gpt-4o")).header("x-causeway-config", r#"{"virtual_key":"prod"}"#),
        ]
    };
    for key in ["sk-one", "sk-two"] {
        for (at, scene) in scenes().into_iter().enumerate() {
            let scenery = house.play(scene.says(ANSWER));
            assert_eq!(scenery.status, 200, "{at}: {}", scenery.body);
            assert_eq!(scenery.seen[0].headers.find("authorization"), Some(format!("Bearer {key}").as_str()), "{at}");
            assert_eq!(scenery.sent()["model"], "gpt-4o");
            let record = serde_json::to_value(&scenery.records[0]).unwrap();
            assert_eq!((&record["key"], &record["credential"]), (&json!(ID), &json!("prod")));
        }
        house.define_credential("prod", 2, "sk-two", &json!({}));
    }
    house.meters.define("credential:prod", "null");
    for scene in scenes() {
        let scenery = house.play(scene);
        assert_eq!(scenery.status, 400, "{}", scenery.body);
    }
}

#[test]
fn a_credential_goes_nowhere_that_the_caller_says() {
    let house = House::new(&json!({}));
    house.define_credential("prod", 1, "sk-one", &json!({}));
    let body = json!({"model": "@prod/gpt-4o", "messages": [{"role": "user", "content": "hi"}]});
    for (name, value) in [
        ("x-causeway-custom-host", "https://evil.example/v1"),
        ("x-causeway-config", r#"{"virtual_key":"prod","custom_host":"https://evil.example/v1"}"#),
        ("x-causeway-config", r#"{"custom_host":"https://evil.example/v1"}"#),
    ] {
        let scenery = house.play(house.scene(&body).header(name, value).says(ANSWER));
        assert_eq!(scenery.status, 200, "{}", scenery.body);
        assert!(scenery.seen[0].url.starts_with("https://api.openai.com/"), "{}", scenery.seen[0].url);
    }
}

#[test]
fn a_credential_that_is_used_up_is_left_for_the_next_target() {
    let house = House::new(&json!({}));
    house.define_credential("small", 1, "sk-small", &json!({ "limits": [{ "type": "requests", "per": "day", "max": 1 }] }));
    let config = r#"{"strategy":{"mode":"fallback"},"targets":[{"virtual_key":"small"},{"provider":"openai"}]}"#;
    for key in ["Bearer sk-small", "Bearer sk-env"] {
        let scenery = house.play(house.ask().header("x-causeway-config", config).says(ANSWER));
        assert_eq!(scenery.status, 200, "{}", scenery.body);
        assert_eq!(scenery.seen[0].headers.find("authorization"), Some(key));
    }
}

#[test]
fn a_request_asks_all_meters_at_once_and_one_without_a_key_asks_none() {
    let limits = json!({ "team": "red", "limits": [{ "type": "requests", "per": "minute", "max": 9, "by": "_user" }] });
    let house = House::new(&limits);
    house.meters.define("team:red", r#"{"slug":"red","name":"Red","version":4}"#);
    house.define_credential("prod", 1, "sk-one", &json!({}));
    let of = || house.ask().header("x-causeway-metadata", r#"{"_user":"a"}"#).header("x-causeway-virtual-key", "prod").says(ANSWER);
    assert_eq!(house.play(of()).status, 200);
    house.meters.rounds.set(0);
    assert_eq!(house.play(of()).status, 200);
    assert_eq!(house.meters.rounds.get(), 1);
    let admin = Scene { headers: vec![("authorization".to_owned(), "Bearer the admin's".to_owned())], ..house.ask() };
    assert_eq!(house.play(admin.says(ANSWER)).status, 200);
    assert_eq!(house.meters.rounds.get(), 1);
}

#[test]
fn without_the_meters_word_nothing_passes() {
    let house = House::new(&json!({}));
    assert_eq!(house.play(house.ask().says(ANSWER)).status, 200);
    house.meters.fall_silent();
    let scenery = house.play(house.ask());
    assert_eq!(scenery.status, 503, "{}", scenery.body);
}

#[test]
fn a_fallback_is_charged_for_each_answer_that_began() {
    let house = House::new(&json!({ "budgets": [{ "usd": "1", "per": "day" }] }));
    let config = r#"{"strategy":{"mode":"fallback"},"targets":[{"provider":"openai"},{"provider":"openai","override_params":{"model":"gpt-4o-mini"}}]}"#;
    // The first is a success with nothing in it, which is a failure that is paid for.
    let empty = r#"{"id":"c","object":"chat.completion","created":1,"model":"m","choices":[],"usage":{"prompt_tokens":10,"completion_tokens":0,"total_tokens":10}}"#;
    let scenery = house.play(house.ask().header("x-causeway-config", config).says(empty).says(ANSWER));
    assert_eq!(scenery.status, 200, "{}", scenery.body);
    let spent = house.standing(&format!("key:{ID}"))["budgets"][0]["spent"].as_str().unwrap().parse::<f64>().unwrap();
    // 10 and 5 tokens of gpt-4o-mini, and the prompt of the first.
    assert!(spent > 0.000_004_5 + 0.000_02, "{spent}");
}

#[test]
fn a_hit_costs_nothing_and_no_key_sees_anothers() {
    let house = House::new(&json!({ "budgets": [{ "usd": "1", "per": "day" }] }));
    let other = secret::mint("bbbbbbbbbbbb", [9; 32]);
    let definition = json!({ "id": "bbbbbbbbbbbb", "name": "other", "version": 1, "secrets": [{ "hash": secret::hash(&other) }] });
    house.meters.define("key:bbbbbbbbbbbb", &definition.to_string());
    let ask = || house.ask().header("x-causeway-config", r#"{"cache":{"mode":"simple"}}"#);
    assert_eq!(house.play(ask().says(ANSWER)).header("x-causeway-cache"), "MISS");
    let hit = house.play(ask());
    assert_eq!((hit.status, hit.header("x-causeway-cache"), hit.header("x-causeway-cost")), (200, "HIT", "0"));
    assert_eq!(house.standing(&format!("key:{ID}"))["budgets"][0]["spent"], "0.000075");
    let headers = ask().headers.into_iter().filter(|(name, _)| name != "authorization");
    let theirs = Scene { headers: headers.chain([("x-api-key".to_owned(), other)]).collect(), ..ask() };
    assert_eq!(house.play(theirs.says(ANSWER)).header("x-causeway-cache"), "MISS");
}

#[test]
fn what_passes_unread_is_counted_and_kept_to_the_models_of_the_key() {
    let house = House::new(&json!({ "budgets": [{ "usd": "0.01", "per": "day" }], "allow": { "models": ["gpt-4o"] } }));
    let pass = |path: &str, body: &Value| Scene { path: path.to_owned(), ..house.scene(body) }.header("content-type", "application/json");
    let body = |model: &str| json!({"model": model, "messages": [{"role": "user", "content": "hi"}], "max_tokens": 100});
    let scenery = house.play(pass("/v1/proxy/openai/v1/chat/completions", &body("gpt-4o")).says(ANSWER));
    assert_eq!(scenery.status, 200, "{}", scenery.body);
    assert_eq!(house.standing(&format!("key:{ID}"))["budgets"][0]["spent"], "0.000075");
    let streamed = pass("/v1/proxy/openai/v1/chat/completions", &body("gpt-4o")).streams(STREAM);
    assert_eq!(house.play(streamed).status, 200);
    assert_eq!(house.standing(&format!("key:{ID}"))["budgets"][0]["spent"], "0.00018");
    for (path, model, status) in [
        ("/v1/proxy/openai/v1/chat/completions", "o3", 403),
        ("/v1/proxy/openai/v1/batches", "", 403),
        ("/v1/proxy/openai/v1/fine_tuning/jobs", "gpt-4o", 429),
    ] {
        let scenery = house.play(pass(path, &body(model)));
        assert_eq!(scenery.status, status, "{path} {model}: {}", scenery.body);
    }
    assert_eq!(house.play(pass("/v1/proxy/openai/v1/files", &json!({})).says("{}")).status, 200);
}

#[test]
fn no_body_is_reckoned_with_less_than_it_may_lead_to() {
    let house = House::new(&json!({ "budgets": [{ "usd": "0.01", "per": "day" }] }));
    let chat = |more: &Value| {
        let mut body = json!({"model": "gpt-4o", "messages": [{"role": "user", "content": "hi"}], "max_tokens": 100});
        merge(&mut body, more);
        house.scene(&body)
    };
    let completions = |prompt: Value| {
        let body = json!({"model": "gpt-3.5-turbo-instruct", "prompt": prompt, "max_tokens": 100});
        Scene { path: "/v1/completions".to_owned(), ..house.scene(&body) }
    };
    let background = json!({"model": "gpt-4o", "input": "hi", "max_output_tokens": 20, "background": true});
    for (name, scene, words) in [
        ("two bounds", chat(&json!({"max_completion_tokens": 1, "max_tokens": 5_000})), "may cost"),
        ("many answers", chat(&json!({"n": 20})), "may cost"),
        ("many prompts", completions(json!(vec!["hi"; 100])), "may cost"),
        ("an answer that comes later", Scene { path: "/v1/responses".to_owned(), ..house.scene(&background) }, "price"),
    ] {
        let refused = house.play(scene);
        assert_eq!((refused.status, refused.seen.len()), (429, 0), "{name}: {}", refused.body);
        assert!(refused.body.contains(words), "{name}: {}", refused.body);
    }
    assert_eq!(house.play(chat(&json!({})).says(ANSWER)).status, 200);
}

#[test]
fn images_and_speech_are_reckoned_with_by_what_they_may_become() {
    let drawn =
        json!({"created": 1, "data": [{"b64_json": "AA=="}], "usage": {"input_tokens": 10, "output_tokens": 4_160, "total_tokens": 4_170}});
    let image = json!({"model": "gpt-image-1", "prompt": "a bridge", "quality": "high"});
    let speech = |model: &str| json!({"model": model, "input": "hi", "voice": "alloy"});
    for (budget, path, body, status) in [
        ("0.05", "/v1/images/generations", image.clone(), 429),
        ("1", "/v1/images/generations", image, 200),
        ("0.05", "/v1/audio/speech", speech("tts-1"), 200),
        ("0.05", "/v1/audio/speech", speech("gpt-4o-mini-tts"), 429),
    ] {
        let house = House::new(&json!({ "budgets": [{ "usd": budget, "per": "day" }] }));
        let scene = Scene { path: path.to_owned(), ..house.scene(&body) };
        let played = house.play(if status == 200 { scene.says(drawn.to_string()) } else { scene });
        assert_eq!(played.status, status, "{body} {budget}: {}", played.body);
        let spent = house.standing(&format!("key:{ID}"))["budgets"][0]["spent"].as_str().unwrap().parse::<f64>().unwrap();
        assert_eq!(spent > 0.0, status == 200, "{body} {spent}");
    }
}

#[test]
fn what_nobody_counts_does_not_slip_past_limits_and_budgets_of_tokens() {
    let pass = |house: &House| {
        let body = json!({"messages": [{"role": "user", "content": "hi"}]});
        let scene = Scene { path: "/v1/proxy/openai/v1/something/new".to_owned(), ..house.scene(&body) };
        house.play(scene.header("content-type", "application/json").says("{}"))
    };
    let house = House::new(&json!({ "budgets": [{ "tokens": 1_000_000, "per": "day" }] }));
    let refused = pass(&house);
    assert_eq!((refused.status, refused.json()["error"]["code"].as_str()), (429, Some("insufficient_quota")), "{}", refused.body);
    let house = House::new(&json!({ "budgets": [{ "tokens": 600, "per": "day", "unpriced": "allow" }] }));
    assert_eq!(pass(&house).status, 200);
    assert!(house.standing(&format!("key:{ID}"))["budgets"][0]["spent"].as_u64().unwrap() > 0);
    let house = House::new(&json!({ "limits": [{ "type": "tokens", "per": "minute", "max": 500 }] }));
    assert_eq!(pass(&house).status, 429);
}

#[test]
fn a_provider_that_sends_the_key_back_tells_nobody() {
    let house = House::new(&json!({}));
    house.define_credential("prod", 1, "sk-secret-of-the-vault", &json!({}));
    let echo = r#"{"error":{"message":"Incorrect API key provided: sk-secret-of-the-vault.","type":"invalid_request_error","param":null,"code":"invalid_api_key"}}"#;
    let refused = |scene: Scene| scene.answers(401, vec![("content-type", "application/json")], echo);
    let ask = house.ask().header("x-causeway-virtual-key", "prod");
    let pass = Scene { path: "/v1/proxy/@prod/v1/anything".to_owned(), ..house.ask() }.header("content-type", "application/json");
    for scene in [ask, pass] {
        let scenery = house.play(refused(scene));
        assert_eq!(scenery.status, 401, "{}", scenery.body);
        assert!(scenery.body.contains("Incorrect") && !scenery.body.contains("sk-secret-of-the-vault"), "{}", scenery.body);
    }
}
