//! A request's way through the targets of its config.

use causeway::host::Fault;
use causeway::record::Outcome;
use serde_json::{Value, json};

use causeway::http::Method;

use crate::scripted::{Scene, Scenery, Store};
use crate::usage::House;

const ASK: &str = r#"{"model":"gpt-4o","messages":[{"role":"user","content":"hi"}]}"#;
const ASK_STREAM: &str = r#"{"model":"gpt-4o","messages":[{"role":"user","content":"hi"}],"stream":true}"#;
const ROLE: &str = "data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"},\"finish_reason\":null}]}\n\n";
const WORD: &str = "data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"hello\"},\"finish_reason\":null}]}\n\n";
const END: &str = "data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n";
const SORRY: &str = r#"{"error":{"message":"sorry","type":"server_error","param":null,"code":null}}"#;

fn said(text: &str) -> String {
    json!({"id": "c", "object": "chat.completion", "created": 1, "model": "m",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}})
    .to_string()
}

/// Targets a, b, c ... at hosts of their own.
fn targets(count: usize) -> Vec<Value> {
    ["a", "b", "c", "d"].iter().take(count).map(|name| target(name)).collect()
}

fn target(name: &str) -> Value {
    json!({"name": name, "provider": "openai", "api_key": format!("key-{name}"), "custom_host": format!("https://{name}.example.com/v1")})
}

fn fallback(count: usize) -> Value {
    json!({"strategy": {"mode": "fallback"}, "targets": targets(count)})
}

fn with(mut config: Value, name: &str, value: Value) -> Value {
    config[name] = value;
    config
}

fn scene(body: &str, config: &Value) -> Scene {
    Scene::chat(body).header("x-causeway-config", &config.to_string())
}

trait Fares {
    fn fares(self, how: &[u16]) -> Self;
}

impl Fares for Scene {
    /// The upstream answers with these statuses, one after the other.
    fn fares(self, how: &[u16]) -> Self {
        how.iter().fold(self, |scene, status| match status {
            200 => scene.says(said("hello")),
            0 => scene.fails(Fault::Unreachable("gone".to_owned())),
            1 => scene.fails(Fault::TimedOut),
            status => scene.answers(*status, vec![("content-type", "application/json")], SORRY),
        })
    }
}

/// The hosts that were asked, by their first letters.
fn asked(scene: &Scenery) -> String {
    scene.seen.iter().map(|seen| seen.url.strip_prefix("https://").unwrap().split('.').next().unwrap()).collect()
}

#[test]
fn each_strategy_asks_whom_it_should() {
    let mode = |mode: &str| json!({"strategy": {"mode": mode}, "targets": targets(2)});
    let codes = |codes: Value| json!({"strategy": {"mode": "fallback", "on_status_codes": codes}, "targets": targets(2)});
    let weights = |left: f64, right: f64| {
        let targets = vec![with(target("a"), "weight", json!(left)), with(target("b"), "weight", json!(right))];
        json!({"strategy": {"mode": "loadbalance"}, "targets": targets})
    };
    let priced = |left: &str, right: &str| {
        let model = |name: &str, model: &str| with(target(name), "override_params", json!({"model": model}));
        json!({"strategy": {"mode": "cost"}, "targets": [model("a", left), model("b", right)]})
    };
    let when = |query: Value| {
        let strategy = json!({"mode": "conditional", "conditions": [{"query": query, "then": "b"}], "default": "a"});
        json!({"strategy": strategy, "targets": targets(2)})
    };
    let deep = json!({"strategy": {"mode": "fallback"}, "targets": [
        {"strategy": {"mode": "single"}, "targets": [{"strategy": {"mode": "fallback"}, "targets": [target("a"), target("b")]}]},
        target("c")]});
    let table: &[(Value, &[u16], &str, u16, &str)] = &[
        (target("a"), &[200], "a", 200, "config"),
        (mode("single"), &[500], "a", 500, "config.targets[0]"),
        (mode("fallback"), &[200], "a", 200, "config.targets[0]"),
        (mode("fallback"), &[400, 200], "ab", 200, "config.targets[1]"),
        (mode("fallback"), &[0, 200], "ab", 200, "config.targets[1]"),
        (mode("fallback"), &[1, 503], "ab", 503, "config.targets[1]"),
        (codes(json!([429])), &[429, 200], "ab", 200, "config.targets[1]"),
        (codes(json!([429])), &[500], "a", 500, "config.targets[0]"),
        (codes(json!([504])), &[1, 200], "ab", 200, "config.targets[1]"),
        // The provider's own words are taken for what they are.
        (codes(json!([504])), &[408], "a", 408, "config.targets[0]"),
        (codes(json!([408])), &[504], "a", 504, "config.targets[0]"),
        (weights(0.0, 1.0), &[200], "b", 200, "config.targets[1]"),
        (weights(1.0, 1e-9), &[500, 200], "ab", 200, "config.targets[1]"),
        (priced("gpt-4o", "gpt-4o-mini"), &[200], "b", 200, "config.targets[1]"),
        (priced("gpt-4o-mini", "gpt-4o"), &[500, 200], "ab", 200, "config.targets[1]"),
        (when(json!({"metadata.plan": "paid"})), &[200], "b", 200, "config.targets[1]"),
        (when(json!({"metadata.plan": "free"})), &[200], "a", 200, "config.targets[0]"),
        (when(json!({"model": {"$regex": "^gpt"}, "params.stream": {"$ne": true}})), &[200], "b", 200, "config.targets[1]"),
        (when(json!({"headers.x-side": "right"})), &[500], "b", 500, "config.targets[1]"),
        (deep.clone(), &[200], "a", 200, "config.targets[0].targets[0].targets[0]"),
        (deep.clone(), &[500, 200], "ab", 200, "config.targets[0].targets[0].targets[1]"),
        (deep, &[500, 500, 200], "abc", 200, "config.targets[1]"),
    ];
    for (config, how, hosts, status, place) in table {
        let scene = scene(ASK, config).header("x-causeway-metadata", r#"{"plan":"paid"}"#).header("x-side", "right").fares(how).play();
        let got = (asked(&scene), scene.status, scene.header("x-causeway-target"), scene.header("x-causeway-attempts"));
        assert_eq!(got, ((*hosts).to_owned(), *status, *place, how.len().to_string().as_str()), "{config}");
        for seen in &scene.seen {
            let letter = seen.url.get(8..9).unwrap();
            assert_eq!(seen.headers.find("authorization"), Some(format!("Bearer key-{letter}").as_str()));
        }
    }
}

#[test]
fn callers_stay_with_a_target_that_is_sticky() {
    let config =
        json!({"strategy": {"mode": "loadbalance", "sticky": {"enabled": true, "hash_fields": ["metadata._user"]}}, "targets": targets(2)});
    let side = |user: &str| {
        let metadata = json!({"_user": user}).to_string();
        asked(&scene(ASK, &config).header("x-causeway-metadata", &metadata).fares(&[200]).play())
    };
    let sides: Vec<String> = (0..20).map(|user| side(&format!("u{user}"))).collect();
    assert!(sides.iter().any(|side| side == "a") && sides.iter().any(|side| side == "b"));
    for (user, known) in sides.iter().enumerate() {
        assert_eq!(side(&format!("u{user}")), *known);
    }
}

#[test]
fn the_fastest_so_far_and_what_is_not_left_alone_are_asked_first() {
    let watched =
        json!({"strategy": {"mode": "fallback", "cb_config": {"failure_threshold": 2, "cooldown_interval": 30000}}, "targets": targets(2)});
    let settings = scene(ASK, &watched).settings();
    let at = |now: u64, how: &[u16]| asked(&scene(ASK, &watched).fares(how).play_in(&settings, now));
    assert_eq!(at(0, &[500, 200]), "ab");
    assert_eq!(at(1_000, &[500, 200]), "ab");
    assert_eq!(at(2_000, &[200]), "b");
    assert_eq!(at(32_000, &[200]), "a");
    assert_eq!(at(33_000, &[200]), "a");

    let fastest = json!({"strategy": {"mode": "latency"}, "targets": targets(2)});
    let settings = scene(ASK, &fastest).settings();
    let first = asked(&scene(ASK, &fastest).fares(&[1, 200]).play_in(&settings, 0));
    let later = (1..=20).map(|now| asked(&scene(ASK, &fastest).draws(now * 1_000).fares(&[200]).play_in(&settings, now)));
    let fast = later.filter(|host| first.ends_with(host.as_str())).count();
    assert!(fast > 15, "{fast}");
}

#[test]
fn an_error_dressed_as_a_stream_is_told_with_a_status_wherever_there_is_a_choice() {
    let error = "data: {\"error\":{\"message\":\"overloaded\",\"type\":\"server_error\",\"param\":null,\"code\":null}}\n\n";
    let retried = with(target("a"), "retry", json!({"attempts": 1}));
    let latency = json!({"strategy": {"mode": "latency"}, "targets": targets(1)});
    // The config, how often it is asked, and whether the last of it is told as an error.
    for (config, tries, told) in
        [(fallback(2), 2, true), (retried, 2, true), (latency, 1, true), (target("a"), 1, false), (fallback(1), 1, false)]
    {
        let scene = (0..tries).fold(scene(ASK_STREAM, &config), |scene, _| scene.streams([ROLE, error].concat())).play();
        assert_eq!((scene.status >= 500, scene.seen.len()), (told, tries), "{config}: {}", scene.body);
        assert_eq!(scene.header("content-type").starts_with("application/json"), told, "{config}");
        assert!(scene.body.contains("overloaded"), "{}", scene.body);
    }
}

#[test]
fn tokens_are_counted_as_the_config_says() {
    let claude = |name: &str| {
        let host = format!("https://{name}.example.com/v1");
        let params = json!({"model": "claude-sonnet-4-5", "max_tokens": 64, "temperature": 0, "system": "Be brief."});
        json!({"provider": "anthropic", "api_key": format!("key-{name}"), "custom_host": host, "override_params": params})
    };
    let config = json!({"strategy": {"mode": "fallback"}, "targets": [claude("a"), claude("b"), target("c")]});
    let count = r#"{"model":"claude-x","messages":[{"role":"user","content":"hi"}]}"#;
    let counted = |config: &Value| Scene::post("/v1/messages/count_tokens", count).header("x-causeway-config", &config.to_string());
    let scene = counted(&config).fares(&[500]).says(r#"{"input_tokens":9}"#).play();
    assert_eq!((asked(&scene).as_str(), scene.status, scene.header("x-causeway-target")), ("ab", 200, "config.targets[1]"));
    assert_eq!(scene.json(), json!({"input_tokens": 9}));
    assert_eq!(scene.seen[1].url, "https://b.example.com/v1/messages/count_tokens");
    assert_eq!(scene.seen[1].headers.find("x-api-key"), Some("key-b"));
    let sent = json!({"model": "claude-sonnet-4-5", "messages": [{"role": "user", "content": "hi"}], "system": "Be brief."});
    assert_eq!(serde_json::from_str::<Value>(&scene.seen[1].body).unwrap(), sent);
    // Where nobody else can, it is estimated.
    let scene = counted(&config).fares(&[500, 529]).play();
    assert_eq!((scene.status, scene.header("x-causeway-estimated"), scene.header("x-causeway-provider")), (200, "true", "openai"));
    // Whoever names the provider so wants that one.
    let scene = counted(&config).header("x-provider", "anthropic").header("x-api-key", "k").says(r#"{"input_tokens":3}"#).play();
    assert_eq!(scene.seen[0].url, "https://api.anthropic.com/v1/messages/count_tokens");
}

#[test]
fn a_breaker_counts_what_says_that_a_target_is_not_well() {
    let breaker = |codes: Value| {
        let rules = with(json!({"failure_threshold": 2, "cooldown_interval": 30000}), "failure_status_codes", codes);
        json!({"strategy": {"mode": "fallback", "cb_config": rules}, "targets": targets(2)})
    };
    let usual = breaker(Value::Null);
    let told = breaker(json!([401, 500]));
    // After two of these, is it left alone?
    for (config, status, alone) in [
        (&usual, 500, true),
        (&usual, 529, true),
        (&usual, 429, true),
        (&usual, 0, true),
        (&usual, 1, true),
        (&usual, 400, false),
        (&usual, 401, false),
        (&usual, 403, false),
        (&usual, 404, false),
        (&told, 401, true),
        (&told, 500, true),
        (&told, 503, false),
        (&told, 429, false),
        (&told, 0, true),
        (&told, 1, false),
    ] {
        let settings = scene(ASK, config).settings();
        let at = |now: u64, how: &[u16]| asked(&scene(ASK, config).fares(how).play_in(&settings, now));
        assert_eq!([at(0, &[status, 200]), at(1_000, &[status, 200])], ["ab", "ab"]);
        let (how, hosts) = if alone { (vec![200], "b") } else { (vec![status, 200], "ab") };
        assert_eq!(at(2_000, &how), hosts, "{status}: {config}");
        // What says nothing is no success either: failures before and after it are in a row.
        let settings = scene(ASK, config).settings();
        let at = |now: u64, how: &[u16]| asked(&scene(ASK, config).fares(how).play_in(&settings, now));
        let rows = [500, status, 500].into_iter().enumerate().map(|(now, how)| at(now as u64, &[how, 200]));
        let rows: Vec<String> = rows.take(if alone { 2 } else { 3 }).collect();
        assert!(rows.iter().all(|row| row == "ab"), "{rows:?}");
        assert_eq!(at(10, &[200]), "b", "{status}: {config}");
    }
}

/// One in a stream at a target of its own, which breaks off after a word or does not.
fn streamed(config: &Value, breaks: bool) -> Scene {
    let scene = scene(ASK_STREAM, config);
    if breaks { Scene { breaks: true, ..scene.streams([ROLE, WORD].concat()) } } else { scene.streams([ROLE, WORD, END].concat()) }
}

#[test]
fn a_stream_that_breaks_off_counts_against_its_target() {
    let breaker = json!({"mode": "fallback", "cb_config": {"failure_threshold": 2, "cooldown_interval": 30000}});
    let watched = json!({"strategy": breaker, "targets": targets(2)});
    let settings = scene(ASK, &watched).settings();
    let at = |now: u64, scene: Scene| asked(&scene.play_in(&settings, now));
    assert_eq!(at(0, streamed(&watched, true)), "a");
    // One that is whole makes up for it, one that its caller left says nothing.
    assert_eq!(at(100, streamed(&watched, false)), "a");
    assert_eq!(at(200, streamed(&watched, true)), "a");
    assert_eq!(at(300, Scene { piece: 10, leaves_after: Some(30), ..streamed(&watched, false) }), "a");
    assert_eq!(at(400, streamed(&watched, true)), "a");
    assert_eq!(at(500, streamed(&watched, false)), "b");
    // The probe is only good when it is over.
    assert_eq!(at(30_500, streamed(&watched, true)), "a");
    assert_eq!(at(31_000, streamed(&watched, false)), "b");
    assert_eq!(at(60_600, streamed(&watched, false)), "a");
    assert_eq!(at(60_700, streamed(&watched, false)), "a");
}

#[test]
fn the_fastest_is_whose_first_token_comes_first() {
    let fastest = json!({"strategy": {"mode": "latency"}, "targets": targets(2)});
    let settings = scene(ASK, &fastest).settings();
    let whole = || [ROLE, WORD, END].concat();
    let play = |now: u64, slow: &'static str| {
        let headers = vec![("content-type", "text/event-stream"), ("x-ms-a-piece", slow)];
        asked(&scene(ASK_STREAM, &fastest).draws(now * 1_000).answers(200, headers, whole()).play_in(&settings, now * 1_000))
    };
    // Both heads come at once.
    let slow = play(1, "50");
    assert_ne!(play(2, "1"), slow, "what is new comes first");
    let fast = (3..=40).filter(|now| play(*now, "1") != slow).count();
    assert!(fast > 32, "{fast}");
}

#[test]
fn the_same_target_is_asked_again_as_often_and_as_late_as_told() {
    let retry = |retry: Value| with(fallback(2), "retry", retry);
    let table = [
        (retry(json!({"attempts": 2})), vec![500, 503, 200], "aaa", "2"),
        (retry(json!({"attempts": 1})), vec![500, 503, 200], "aab", "1"),
        (retry(json!({"attempts": 3})), vec![401, 200], "ab", "0"),
        (retry(json!({"attempts": 3, "on_status_codes": [401]})), vec![401, 401, 500, 200], "aaab", "2"),
        (retry(json!({"attempts": 1, "on_status_codes": [504]})), vec![1, 200], "aa", "1"),
        (retry(json!({"attempts": 1, "on_status_codes": [504]})), vec![408, 200], "ab", "0"),
    ];
    for (config, how, hosts, retries) in table {
        let scene = scene(ASK, &config).fares(&how).play();
        assert_eq!((asked(&scene).as_str(), scene.header("x-causeway-retries")), (hosts, retries), "{config}");
    }
    let config = retry(json!({"attempts": 1}));
    for (header, value, wait) in [("retry-after", "7", 7_000), ("retry-after-ms", "1234", 1_234), ("retry-after", "90", 0)] {
        let scene = scene(ASK, &config).answers(429, vec![(header, value)], SORRY).says(said("hello")).play();
        let took = scene.records[0].duration_ms;
        // Who asks for more than a minute is not waited for.
        assert_eq!((asked(&scene).as_str(), took), (if wait > 0 { "aa" } else { "ab" }, wait + 20), "{header}: {value}");
        // Pauses are no overhead of ours.
        assert_eq!(scene.records[0].overhead_ms, 0);
    }
    let hasty = retry(json!({"attempts": 1, "use_retry_after_header": false}));
    let scene = scene(ASK, &hasty).answers(429, vec![("retry-after", "7")], SORRY).says(said("hello")).play();
    assert!(scene.records[0].duration_ms < 600);
}

#[test]
fn the_record_and_the_headers_tell_the_whole_way() {
    let config = with(fallback(2), "retry", json!({"attempts": 1}));
    let scene = scene(ASK, &config).fares(&[500, 0, 200]).play();
    let attempts = &scene.records[0].attempts;
    let told: Vec<_> =
        attempts.iter().map(|attempt| (attempt.target.as_str(), attempt.chosen, attempt.status, attempt.left.as_deref())).collect();
    assert_eq!(
        told,
        [
            ("config.targets[0]", "fallback", 500, Some("Failed")),
            ("config.targets[0]", "retry", 0, Some("Unreachable")),
            ("config.targets[1]", "fallback", 200, None)
        ]
    );
    assert_eq!(scene.records[0].outcome, Outcome::Complete);
    assert!(attempts.iter().all(|attempt| attempt.why.is_none()));

    // A choice that is more than a place says why; a retry is its own reason.
    let weighed = json!({"strategy": {"mode": "conditional", "conditions": [], "default": "b"}, "retry": {"attempts": 1}, "targets": [
        target("a"), with(with(json!({"name": "b", "strategy": {"mode": "loadbalance"}}), "targets", json!([target("c")])), "weight", json!(3))]});
    let weighed = self::scene(ASK, &weighed).fares(&[500, 200]).play();
    let told: Vec<_> = weighed.records[0].attempts.iter().map(|attempt| (attempt.chosen, attempt.why.as_deref())).collect();
    assert_eq!(told, [("loadbalance", Some("default; weight 1 of 1")), ("retry", None)]);

    let portkeys = Scene::chat(ASK).header("x-portkey-config", &config.to_string()).fares(&[500, 0, 200]).play();
    for (name, value) in [
        ("last-used-option-index", "config.targets[1]"),
        ("retry-attempt-count", "0"),
        ("retries", "1"),
        ("attempts", "3"),
        ("provider", "openai"),
    ] {
        assert_eq!(portkeys.header(&format!("x-portkey-{name}")), value);
    }
    assert!(portkeys.headers.iter().all(|(name, _)| !name.starts_with("x-causeway-")));
}

#[test]
fn configs_are_read_from_the_storage_by_their_slug() {
    let named = |scene: Scene| scene.header("x-causeway-config", "main");
    let saved = fallback(2).to_string();
    let scene = named(Scene::chat(ASK)).stores("config:main", &saved).fares(&[500, 200]).play();
    assert_eq!((asked(&scene).as_str(), scene.status), ("ab", 200));
    assert_eq!(scene.reads[0], ("config:main".to_owned(), 0));

    let usual = Scene::chat(ASK).var("DEFAULT_CONFIG", "main").stores("config:main", &saved).fares(&[200]).play();
    assert_eq!(asked(&usual), "a");

    let missing = named(Scene::chat(ASK)).play();
    assert_eq!((missing.status, missing.json()["error"]["param"].as_str()), (400, Some("config")));
    assert!(missing.json()["error"]["message"].as_str().unwrap().contains("`main`"));
    let silent = Scene { store: Some(Store::Silent), ..named(Scene::chat(ASK)) }.play();
    assert_eq!((silent.status, silent.records[0].attempts.len()), (500, 0));

    // What was read once does when it cannot be read again.
    let scene = named(Scene::chat(ASK)).stores("config:main", &saved).fares(&[200]);
    let settings = scene.settings();
    scene.play_in(&settings, 0);
    let later = Scene { store: Some(Store::Silent), ..named(Scene::chat(ASK)) }.fares(&[200]).play_in(&settings, 60_000);
    assert_eq!((asked(&later).as_str(), later.status), ("a", 200));
}

#[test]
fn a_config_that_is_wrong_is_refused_with_its_place() {
    let table = [
        (r#"{"strategy":{"mode":"fallbak"},"targets":[{"provider":"openai"}]}"#, "config.strategy.mode", "fallback"),
        (r#"{"strategy":{"mode":"fallback"},"targets":[{"provider":"opnai"}]}"#, "config.targets[0].provider", "openai"),
        (r#"{"strategy":{"mode":"fallback"},"targets":[{"retry":{"atempts":1}}]}"#, "config.targets[0].retry.atempts", "attempts"),
        (r#"{"retry":{"attempts":9}}"#, "config.retry.attempts", "from 0 to 5"),
        (r#"{"strategy":"#, "config", "JSON"),
    ];
    for (config, place, words) in table {
        for scene in [Scene::chat(ASK).header("x-causeway-config", config), Scene::chat(ASK).header("x-portkey-config", config)] {
            let scene = scene.play();
            let error = scene.json()["error"].clone();
            assert_eq!((scene.status, error["param"].as_str()), (400, Some(place)), "{config}");
            let message = error["message"].as_str().unwrap();
            assert!(message.contains(place) && message.contains(words), "{message}");
        }
    }
}

#[test]
fn whoever_names_a_provider_outright_goes_past_the_config() {
    let scene = scene(ASK, &fallback(2)).header("x-provider", "groq").header("authorization", "Bearer own").fares(&[500]).play();
    assert_eq!((scene.seen.len(), scene.header("x-causeway-target")), (1, "config"));
    assert_eq!(scene.seen[0].url, "https://api.groq.com/openai/v1/chat/completions");
    assert_eq!(scene.seen[0].headers.find("authorization"), Some("Bearer own"));
}

#[test]
fn the_callers_own_key_goes_to_no_other_provider() {
    let two = json!({"strategy": {"mode": "fallback"}, "targets": [{"provider": "openai"}, {"provider": "groq"}]});
    let call = |config: &Value| scene(ASK, config).header("authorization", "Bearer own");
    // Whose it is nobody knows: neither gets it.
    let none = call(&two).play();
    assert_eq!((none.seen.len(), none.status), (0, 401));
    let named = call(&two).header("x-causeway-provider", "openai").var("GROQ_API_KEY", "house").fares(&[500, 200]).play();
    let keys: Vec<_> = named.seen.iter().map(|seen| seen.headers.find("authorization").unwrap()).collect();
    assert_eq!(keys, ["Bearer own", "Bearer house"]);
    let one = json!({"strategy": {"mode": "fallback"}, "targets": [{"provider": "openai"}, {"provider": "openai", "override_params": {"model": "gpt-4o-mini"}}]});
    let one = call(&one).fares(&[500, 200]).play();
    assert!(one.seen.iter().all(|seen| seen.headers.find("authorization") == Some("Bearer own")));
}

#[test]
fn models_stand_in_for_one_another_without_any_config() {
    let call = |body: &str| {
        let scene = Scene::chat(body).var("OPENAI_API_KEY", "o").var("ANTHROPIC_API_KEY", "a").var("AZURE_FOUNDRY_API_KEY", "");
        scene.var("FALLBACK_MODELS", "gpt-4o=claude-3-5-haiku, claude-3-5-haiku = gpt-4o-mini")
    };
    let scene = call(ASK).fares(&[500, 529, 200]).play();
    let models: Vec<Value> = scene.seen.iter().map(|seen| serde_json::from_str::<Value>(&seen.body).unwrap()["model"].clone()).collect();
    assert_eq!(models, ["gpt-4o", "claude-3-5-haiku", "gpt-4o-mini"]);
    assert_eq!((scene.header("x-causeway-model"), scene.header("x-causeway-target")), ("gpt-4o-mini", "config.targets[2]"));
    let other = call(&ASK.replace("gpt-4o", "gpt-4.1")).fares(&[500]).play();
    assert_eq!(other.seen.len(), 1);
}

#[test]
fn the_deployments_order_of_providers_counts() {
    let body = ASK.replace("gpt-4o", "llama-3.3-70b-versatile");
    let call = |order: &str| Scene::chat(&body).var("GROQ_API_KEY", "g").var("OPENAI_API_KEY", "o").var("PROVIDER_PRIORITY", order);
    assert!(call("groq,openai").fares(&[200]).play().seen[0].url.contains("groq"));
    let unknown = ASK.replace("gpt-4o", "nobody-knows-it");
    for (order, host) in [("groq,openai", "api.groq.com"), ("openai,groq", "api.openai.com")] {
        let scene = Scene { body: unknown.clone(), ..call(order) }.fares(&[200]).play();
        assert!(scene.seen[0].url.contains(host), "{order}: {}", scene.seen[0].url);
    }
}

#[test]
fn parameters_are_put_over_under_and_out_in_each_dialect() {
    let terms = json!({"provider": "openai", "api_key": "k", "override_params": {"temperature": 0.5}, "default_params": {"top_p": 0.9, "user": "nobody"}, "drop_params": ["seed"]});
    let chat = r#"{"model":"gpt-4o","messages":[{"role":"user","content":"hi"}],"temperature":1,"seed":7,"user":"me"}"#;
    let sent = scene(chat, &terms).fares(&[200]).play().sent();
    assert_eq!(
        (&sent["temperature"], &sent["top_p"], &sent["user"], &sent["seed"]),
        (&json!(0.5), &json!(0.9), &json!("me"), &Value::Null)
    );

    let gemini = json!({"provider": "gemini", "api_key": "k", "override_params": {"model": "gemini-2.5-pro", "labels": {"a": "b"}}, "drop_params": ["safetySettings"]});
    let body = r#"{"contents":[{"role":"user","parts":[{"text":"hi"}]}],"safetySettings":[]}"#;
    let scene = Scene::post("/v1beta/models/gemini-2.5-flash:generateContent", body).header("x-causeway-config", &gemini.to_string());
    let scene = scene.says(r#"{"candidates":[{"content":{"parts":[{"text":"hi"}],"role":"model"},"finishReason":"STOP"}]}"#).play();
    assert_eq!((scene.status, scene.header("x-causeway-model")), (200, "gemini-2.5-pro"));
    assert!(scene.seen[0].url.ends_with("/v1beta/models/gemini-2.5-pro:generateContent"), "{}", scene.seen[0].url);
    assert_eq!(
        (&scene.sent()["labels"], &scene.sent()["model"], &scene.sent()["safetySettings"]),
        (&json!({"a": "b"}), &Value::Null, &Value::Null)
    );

    let messages = r#"{"model":"claude-sonnet-4-5","max_tokens":9,"messages":[{"role":"user","content":"hi"}],"top_k":5}"#;
    let terms =
        json!({"provider": "openai", "api_key": "k", "override_params": {"model": "gpt-4o", "temperature": 0.5}, "drop_params": ["top_k"]});
    let scene = Scene::messages(messages).header("x-causeway-config", &terms.to_string()).says(said("hello")).play();
    assert_eq!((&scene.sent()["model"], &scene.sent()["temperature"]), (&json!("gpt-4o"), &json!(0.5)));
    assert!(scene.headers.find("x-causeway-dropped").is_none());

    let terms =
        json!({"provider": "openai", "api_key": "k", "default_params": {"max_output_tokens": 77}, "override_params": {"store": false}});
    let scene = Scene::post("/v1/responses", r#"{"model":"gpt-4o","input":"hi"}"#).header("x-causeway-config", &terms.to_string());
    let scene = scene.says(r#"{"id":"r","object":"response","status":"completed","output":[{"type":"message","role":"assistant","content":[{"type":"output_text","text":"hi"}]}]}"#).play();
    assert_eq!((&scene.sent()["max_output_tokens"], &scene.sent()["store"]), (&json!(77), &json!(false)));
}

#[test]
fn each_target_has_headers_of_the_caller_as_it_says() {
    let mut all = targets(2);
    all[0]["forward_headers"] = json!(["X-Tenant", "authorization", "x-causeway-config"]);
    let config = json!({"strategy": {"mode": "fallback"}, "targets": all});
    let scene = scene(ASK, &config).header("x-tenant", "t1").fares(&[500, 200]).play();
    let tenants: Vec<_> = scene.seen.iter().map(|seen| seen.headers.find("x-tenant")).collect();
    assert_eq!(tenants, [Some("t1"), None]);
    assert!(scene.seen.iter().all(|seen| seen.headers.find("x-causeway-config").is_none()));
}

#[test]
fn a_target_that_cannot_serve_the_request_is_passed_over_and_the_record_says_why() {
    let config = |model: &str| {
        let able = with(target("b"), "override_params", json!({"model": "gpt-4o"}));
        json!({"strategy": {"mode": "fallback"}, "targets": [with(target("a"), "override_params", json!({"model": model})), able]})
    };
    let picture = json!({"model": "x", "messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}]}]});
    let tools =
        json!({"model": "x", "messages": [{"role": "user", "content": "hi"}], "tools": [{"type": "function", "function": {"name": "f"}}]});
    let schema = json!({"model": "x", "messages": [{"role": "user", "content": "hi"}], "response_format": {"type": "json_schema", "json_schema": {"name": "s", "schema": {"type": "object"}}}});
    let long = json!({"model": "x", "messages": [{"role": "user", "content": "word ".repeat(20_000)}]});
    let table = [
        (&picture, "gpt-3.5-turbo", "openai/gpt-3.5-turbo takes no pictures."),
        (&tools, "o4-mini-deep-research", "openai/o4-mini-deep-research takes no tools."),
        (&schema, "gpt-4", "openai/gpt-4 takes no JSON schema."),
        (&long, "gpt-3.5-turbo-16k", "tokens, and openai/gpt-3.5-turbo-16k takes 16385."),
    ];
    for (body, model, why) in table {
        let scene = scene(&body.to_string(), &config(model)).fares(&[200]).play();
        assert_eq!((asked(&scene).as_str(), scene.status, scene.header("x-causeway-attempts")), ("b", 200, "1"), "{model}");
        let passed_over = &scene.records[0].attempts[0];
        assert!(!passed_over.asked && passed_over.left.as_ref().unwrap().contains(why), "{passed_over:?}");
        // With nobody else, the provider itself may say so.
        let alone = config(model)["targets"][0].clone();
        assert_eq!(asked(&crate::routing::scene(&body.to_string(), &alone).fares(&[200]).play()), "a");
    }
    // Nor is it asked after another has failed.
    let backwards = json!({"strategy": {"mode": "fallback"}, "targets": [target("b"), config("gpt-3.5-turbo")["targets"][0]]});
    let last = scene(&picture.to_string().replace("\"x\"", "\"gpt-4o\""), &backwards).fares(&[503]).play();
    assert_eq!((asked(&last).as_str(), last.status, last.body.as_str()), ("b", 503, SORRY));
    assert!(!last.records[0].attempts[1].asked, "{:?}", last.records[0].attempts);
    // Words of the one that was asked are told with its name, not with that of one passed over after it.
    let mut config = json!({"strategy": {"mode": "fallback"}, "targets": targets(3)});
    config["targets"][1] = json!({"provider": "groq", "name": "no key"});
    config["targets"][2] = config["targets"][1].clone();
    let scene = scene(ASK, &config).fares(&[500]).play();
    assert_eq!(
        (scene.status, scene.header("x-causeway-target"), scene.header("x-causeway-provider")),
        (500, "config.targets[0]", "openai")
    );
    assert_eq!((scene.body.as_str(), scene.records[0].provider), (SORRY, "openai"));
}

/// What conditions ask for is what came: the path, the country, the key, what lies deep in the body.
#[test]
fn conditions_see_the_request_as_it_came() {
    let house = House::new(&[]);
    assert_eq!(house.admin(Method::Post, "teams", &json!({"slug": "red", "name": "Red"})).status, 201);
    let (id, key) = house.key(&json!({"name": "batch", "team": "red", "metadata": {"default": {"app": "ci"}}}));
    let body = json!({"model": "gpt-4o", "messages": [{"role": "user", "content": "hi"}], "response_format": {"type": "json_object"}, "seed": null});
    for (query, wanted) in [
        (json!({"url.pathname": "/v1/chat/completions"}), true),
        (json!({"url.pathname": {"$regex": "^/v1/messages"}}), false),
        (json!({"geo.country": "NZ"}), true),
        (json!({"geo.country": "AU"}), false),
        (json!({"key.name": "batch", "key.team": "red"}), true),
        (json!({"key.id": id}), true),
        (json!({"key.name": "live"}), false),
        (json!({"metadata.app": "ci"}), true),
        (json!({"key.metadata.app": "ci"}), true),
        (json!({"params.response_format.type": "json_object"}), true),
        (json!({"params.messages": {"$exists": true}, "params.seed": {"$exists": false}, "params.none.such": {"$exists": false}}), true),
        (json!({"headers.X-Tier": "gold"}), true),
        (json!({"model": "gpt-4o", "provider": {"$exists": false}}), true),
    ] {
        let conditions = json!([{"query": query, "then": "b"}]);
        let config = json!({"strategy": {"mode": "conditional", "conditions": conditions, "default": "a"}, "targets": targets(2)});
        // A header that anybody may send does not stand against what the platform knows.
        let asks = Scene { country: Some("NZ"), ..scene(&body.to_string(), &config) }.header("cf-ipcountry", "AU").header("x-tier", "gold");
        let played = house.play(asks.header("x-causeway-api-key", &key).fares(&[200]));
        assert_eq!(asked(&played), if wanted { "b" } else { "a" }, "{query}: {}", played.body);
    }
}

#[test]
fn a_config_is_the_callers_else_the_keys_else_the_teams_else_the_deployments() {
    let house = House::new(&[("DEFAULT_CONFIG", "of-all"), ("SANDBOX", "true")]);
    for slug in ["of-all", "of-team", "of-key", "own"] {
        let config = json!({"provider": "sandbox", "name": slug, "override_params": {"model": format!("echo-{slug}")}});
        assert_eq!(house.admin(Method::Post, "configs", &json!({"slug": slug, "config": config})).status, 201);
    }
    assert_eq!(house.admin(Method::Post, "teams", &json!({"slug": "red", "name": "Red", "default_config": "of-team"})).status, 201);
    let (_, plain) = house.key(&json!({}));
    let (_, of_team) = house.key(&json!({"team": "red"}));
    let (_, of_key) = house.key(&json!({"team": "red", "default_config": "of-key"}));
    let model = |key: &str, own: Option<&str>| {
        let asks = Scene::chat(ASK).header("x-causeway-api-key", key);
        let asks = own.into_iter().fold(asks, |asks, slug| asks.header("x-causeway-config", slug));
        house.play(asks).header("x-causeway-model").to_owned()
    };
    assert_eq!([model(&plain, None), model(&of_team, None), model(&of_key, None)], ["echo-of-all", "echo-of-team", "echo-of-key"]);
    assert_eq!(model(&of_key, Some("own")), "echo-own");
}

/// By the marks that pictures, tools and schemas have in each dialect; what only speaks of them asks for nothing.
#[test]
fn what_a_request_needs_is_seen_in_every_dialect() {
    let schema = json!({"type": "object"});
    let gemini = |more: Value| (format!("/v1beta/models/{}:generateContent", "gemini-2.5-flash"), more);
    let at = |path: &str, body: Value| (path.to_owned(), body);
    let hi = json!([{"role": "user", "content": "hi"}]);
    let speaks = r#"What is {"type":"image_url"}, {"mimeType":"image/png"} or "json_schema"?"#;
    let image = json!({"type": "base64", "media_type": "image/png", "data": "AA=="});
    let table = [
        (
            at(
                "/v1/responses",
                json!({"input": [{"role": "user", "content": [{"type": "input_image", "image_url": "https://x.example/a.png"}]}]}),
            ),
            "pictures",
        ),
        (
            at("/v1/responses", json!({"input": "hi", "text": {"format": {"type": "json_schema", "name": "s", "schema": schema}}})),
            "JSON schema",
        ),
        (
            at("/v1/messages", json!({"max_tokens": 9, "messages": [{"role": "user", "content": [{"type": "image", "source": image}]}]})),
            "pictures",
        ),
        (
            at(
                "/v1/messages",
                json!({"max_tokens": 9, "messages": hi, "output_config": {"format": {"type": "json_schema", "schema": schema}}}),
            ),
            "JSON schema",
        ),
        (gemini(json!({"contents": [{"parts": [{"inlineData": {"mimeType": "image/webp", "data": "AA=="}}]}]})), "pictures"),
        (gemini(json!({"contents": [{"parts": [{"text": "hi"}]}], "generationConfig": {"responseSchema": schema}})), "JSON schema"),
        (at("/v1/chat/completions", json!({"messages": hi, "tools": [], "functions": null})), ""),
        (at("/v1/chat/completions", json!({"messages": hi, "tools": null, "response_format": {"type": "json_object"}})), ""),
        (at("/v1/chat/completions", json!({"messages": [{"role": "user", "content": speaks}]})), ""),
        (gemini(json!({"contents": [{"parts": [{"text": speaks}]}]})), ""),
    ];
    for ((path, mut body), what) in table {
        body["model"] = json!("x");
        // A model that takes none of it, at a provider that speaks the caller's dialect or not.
        let config = json!({"strategy": {"mode": "fallback"}, "targets": [with(target("a"), "override_params", json!({"model": "gpt-4"})), target("b")]});
        let scene = Scene::post(&path, body.to_string()).header("x-causeway-config", &config.to_string()).fares(&[503, 503]).play();
        let first = &scene.records[0].attempts[0];
        let passed_over = format!("openai/gpt-4 takes no {what}.");
        assert_eq!(first.left.as_ref().unwrap() == &passed_over, !what.is_empty(), "{path} {body}: {first:?}");
    }
}

/// The provider says so where its catalog does not: another may have more room.
#[test]
fn a_request_that_is_too_long_for_one_goes_to_another() {
    let config = json!({"strategy": {"mode": "cost"}, "targets": targets(2)});
    let refusal =
        |code: &str| json!({"error": {"message": "no", "type": "invalid_request_error", "param": "messages", "code": code}}).to_string();
    for (code, wanted) in [("context_length_exceeded", "ab"), ("invalid_value", "a")] {
        let scene = scene(ASK, &config).answers(400, vec![("content-type", "application/json")], refusal(code)).fares(&[200]).play();
        assert_eq!(asked(&scene), wanted, "{code}");
    }
}

#[test]
fn a_target_of_which_little_is_told_is_asked_all_the_same() {
    let picture = json!([{"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}]);
    let body = json!({"model": "x", "messages": [{"role": "user", "content": picture}], "tools": [{"type": "function", "function": {"name": "f"}}],
        "response_format": {"type": "json_schema", "json_schema": {"name": "s", "schema": {"type": "object"}}}});
    let models = [
        "gpt-5.1-chat",
        "chatgpt-4o-latest",
        "gpt-3.5-turbo-16k",
        "anthropic/claude-3-7-sonnet-latest",
        "gemini/gemini-3-pro-preview",
        "xai/grok-4",
    ];
    for model in models {
        let (provider, name) = model.split_once('/').unwrap_or(("openai", model));
        let first = json!({"provider": provider, "api_key": "a", "override_params": {"model": name}});
        let config = json!({"strategy": {"mode": "fallback"}, "targets": [first, target("b")]});
        let scene = scene(&body.to_string(), &config).fares(&[500, 200]).play();
        assert!(scene.records[0].attempts[0].asked, "{model}: {:?}", scene.records[0].attempts[0]);
    }
}

#[test]
fn a_stream_fails_over_until_its_first_real_event() {
    let whole = [ROLE, WORD, END].concat();
    let error = "data: {\"error\":{\"message\":\"overloaded\",\"type\":\"server_error\",\"code\":null}}\n\n";
    let silent = [ROLE, END].concat();
    let early = ["", silent.as_str(), ": ping\n\n", ROLE, error, "data: {\"choices\": [", "<html></html>"];
    for begin in early.into_iter().chain([[": ping\n\n", error].concat().as_str(), [ROLE, error].concat().as_str()]) {
        let scene = scene(ASK_STREAM, &fallback(2)).streams(begin).streams(whole.as_str()).play();
        assert_eq!((asked(&scene).as_str(), scene.body.as_str()), ("ab", whole.as_str()), "{begin}");
        assert_eq!((scene.records.len(), scene.records[0].outcome), (1, Outcome::Complete));
        assert!(scene.records[0].attempts[0].left.is_some());
    }
    for rest in ["", error] {
        let scene = scene(ASK_STREAM, &fallback(2)).streams([ROLE, WORD, rest].concat()).play();
        assert_eq!((asked(&scene).as_str(), scene.status), ("a", 200));
        assert!(scene.body.starts_with(&[ROLE, WORD].concat()) && scene.body.contains("\"error\""), "{}", scene.body);
        assert!(!scene.body.contains("finish_reason\":\"stop"));
        assert_eq!((scene.records.len(), scene.records[0].outcome), (1, Outcome::Failed));
    }
}

#[test]
fn an_answer_that_is_none_fails_over_although_it_says_200() {
    let empty = said("").replace("\"completion_tokens\":1", "\"completion_tokens\":0").replace(":2}", ":1}");
    let error = json!({"error": {"message": "overloaded", "type": "server_error"}}).to_string();
    for body in ["", "{", "{\"choices\": [{", "<html></html>", "{}", "null", "[]", empty.as_str(), error.as_str()] {
        let first = scene(ASK, &fallback(2)).says(body).says(said("hello")).play();
        assert_eq!((asked(&first).as_str(), first.status), ("ab", 200), "{body}");
        assert_eq!(first.json()["choices"][0]["message"]["content"], "hello");
        // Whoever asked for a stream gets none of it either.
        let stream = scene(ASK_STREAM, &fallback(2)).says(body).streams([ROLE, WORD, END].concat()).play();
        assert_eq!((asked(&stream).as_str(), stream.status), ("ab", 200), "{body}");
    }
}

#[test]
fn each_timeout_says_which_it_is() {
    let table = [
        (ASK, json!({"request_timeout": 50}), "request_timeout"),
        (ASK_STREAM, json!({"request_timeout": 5000, "first_token_timeout": 50}), "first_token_timeout"),
        (ASK, json!({"request_timeout": 5000, "first_token_timeout": 50}), "request_timeout"),
        (ASK, json!({"total_timeout": 50, "request_timeout": 5000}), "total_timeout"),
    ];
    for (body, terms, word) in table {
        let mut config = target("a");
        config.as_object_mut().unwrap().extend(terms.as_object().unwrap().clone());
        let scenes = [("causeway", 504), ("portkey", 408)].map(|(spelling, status)| {
            let scene = Scene::chat(body).header(&format!("x-{spelling}-config"), &config.to_string()).fares(&[1]).play();
            (scene, status)
        });
        for (scene, status) in scenes {
            let message = scene.json()["error"]["message"].clone();
            assert_eq!(scene.status, status);
            assert!(message.as_str().unwrap().contains(&format!("`{word}`")), "{message}");
        }
    }
    let both = with(fallback(2), "request_timeout", json!(50));
    assert_eq!(asked(&scene(ASK, &both).fares(&[1, 200]).play()), "ab");
}

#[test]
fn the_sandbox_is_too_slow_as_any_other() {
    let config = json!({"strategy": {"mode": "fallback"}, "targets": [
        {"provider": "sandbox", "override_params": {"model": "slow-2000"}, "request_timeout": 100},
        {"provider": "sandbox", "override_params": {"model": "echo"}}]});
    let scene = scene(ASK, &config).var("SANDBOX", "true").play();
    assert_eq!((scene.status, scene.header("x-causeway-target")), (200, "config.targets[1]"));
    assert_eq!((scene.records[0].attempts[0].left.as_deref(), scene.records[0].duration_ms), (Some("TimedOut"), 100));
}
