//! What reaches the providers, judged as from outside: callers of four dialects ask many things of many providers; what
//! each provider saw must mean the same and hold nothing that is not its own. All of it is written to `target/sent/`,
//! where `tests/e2e/python/test_sent.py` holds it against the providers' own types.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod bent;
mod cases;
mod meaning;
#[path = "../meters/mod.rs"]
mod meters;
mod recorded;
#[path = "../gateway/scripted.rs"]
#[expect(dead_code, reason = "it is shared")]
mod scripted;
mod targets;

use cases::Case;
use meaning::Meaning;
use scripted::{Scene, Scenery, Seen};
use serde_json::{Value, json};
use targets::{KEYS, TARGETS, Target, VERTEX_TOKEN, answer};

/// How a dialect of callers is spoken.
struct Door {
    dialect: &'static str,
    /// `{model}` stands for the model, which else is in the body.
    path: &'static str,
    cases: fn() -> Vec<Case>,
}

const DOORS: [Door; 4] = [
    Door { dialect: "chat", path: "/v1/chat/completions", cases: cases::chat::cases },
    Door { dialect: "messages", path: "/v1/messages", cases: cases::messages::cases },
    Door { dialect: "responses", path: "/v1/responses", cases: cases::responses::cases },
    Door { dialect: "gemini", path: "/v1beta/models/{model}:generateContent", cases: cases::gemini::cases },
];

/// Headers of a caller that are nobody's business but the gateway's, the caller's, or another vendor's.
const PRIVATE: [(&str, &str); 8] = [
    ("x-causeway-trace-id", "trace-of-mine"),
    ("x-portkey-metadata", "{\"_user\":\"metadata-of-mine\"}"),
    ("cookie", "session=cookie-of-mine"),
    ("cf-connecting-ip", "203.0.113.77"),
    ("openai-organization", "org-of-mine"),
    ("anthropic-beta", "beta-of-mine"),
    ("http-referer", "https://referer-of-mine.example"),
    ("x-custom-thing", "custom-of-mine"),
];

fn play(door: &Door, target: &Target, body: &Value) -> Scenery {
    let mut body = body.clone();
    if !door.path.contains("{model}") {
        body["model"] = json!(target.model);
    }
    let path = door.path.replace("{model}", &target.model.replace('/', "%2F"));
    let scene = |answer: &str| {
        let mut scene =
            Scene::post(&path, body.to_string()).header("x-causeway-provider", target.provider).header("content-type", "application/json");
        scene = PRIVATE.iter().fold(scene, |scene, (name, value)| scene.header(name, value));
        scene = TARGETS
            .iter()
            .flat_map(|other| other.vars)
            .filter(|(name, _)| name.ends_with("_KEY") && !name.starts_with("AWS"))
            .fold(scene, |scene, (name, value)| scene.var(name, value));
        scene = target.vars.iter().fold(scene, |scene, (name, value)| scene.var(name, value));
        if target.provider == "vertex-ai" {
            scene = scene.header("authorization", &format!("Bearer {VERTEX_TOKEN}"));
        }
        scene.says(answer)
    };
    // What is spoken there is known once it was asked; most speak chat.
    let first = scene(answer("")).play();
    match first.seen.first().filter(|seen| tongue(&seen.url) != "chat") {
        Some(seen) => scene(answer(&seen.url)).play(),
        None => first,
    }
}

/// A chat caller's body at a target of this name.
fn play_chat(name: &str, body: &Value) -> Scenery {
    let target = TARGETS.iter().find(|target| target.name == name).unwrap_or_else(|| panic!("no target {name}"));
    let scenery = play(&DOORS[0], target, body);
    assert_eq!((scenery.status, scenery.seen.len()), (200, 1), "{name}: {}", scenery.body);
    scenery
}

/// The dialect that is spoken at an address.
fn tongue(url: &str) -> &'static str {
    let marks = [
        ("/converse", "converse"),
        ("/responses", "responses"),
        ("/messages", "messages"),
        ("awPredict", "messages"),
        ("enerateContent", "gemini"),
        ("/v2/chat", "cohere"),
        ("/predictions", "predictions"),
    ];
    marks.iter().find(|(mark, _)| url.contains(mark)).map_or("chat", |(_, dialect)| *dialect)
}

fn write(door: &Door, target: &Target, case: &str, seen: &Seen, dropped: &str) {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("target/sent").join(door.dialect);
    std::fs::create_dir_all(&folder).unwrap();
    let headers: serde_json::Map<String, Value> = seen.headers.iter().map(|(name, value)| (name.to_owned(), json!(value))).collect();
    let body: Value = serde_json::from_str(&seen.body).unwrap();
    let file = json!({ "provider": target.provider, "model": target.model, "case": case, "dialect": tongue(&seen.url), "method": seen.method, "url": seen.url, "headers": headers, "dropped": dropped, "body": body });
    std::fs::write(folder.join(format!("{}-{case}.json", target.name)), serde_json::to_vec_pretty(&file).unwrap()).unwrap();
}

/// What is wrong with the headers and the address.
fn leaks(target: &Target, seen: &Seen) -> Vec<String> {
    let all = format!("{}\n{}\n{}", seen.url, seen.headers.block(), seen.body);
    let mut wrong: Vec<String> = KEYS
        .iter()
        .filter(|key| all.contains(**key) && !target.keys().any(|own| own == **key))
        .map(|key| format!("holds the key {key}"))
        .collect();
    if all.contains("aws-secret-key") {
        wrong.push("holds the secret itself".to_owned());
    }
    for (name, value) in PRIVATE {
        let own = matches!(
            (name, target.provider),
            ("openai-organization", "openai") | ("anthropic-beta", "anthropic") | ("http-referer", "openrouter")
        );
        let value = value.split(['=', '"']).find(|word| word.contains("of-mine") || word.contains("203")).unwrap();
        if all.contains(value) && !own {
            wrong.push(format!("holds {name}"));
        }
    }
    for (name, _) in seen.headers.iter() {
        if name.starts_with("x-causeway") || name.starts_with("x-portkey") {
            wrong.push(format!("holds {name}"));
        }
    }
    let keys = ["authorization", "x-api-key", "api-key", "x-goog-api-key"].iter().filter(|name| seen.headers.find(name).is_some()).count();
    if keys != 1 && target.provider != "ollama" {
        wrong.push(format!("{keys} headers with a key"));
    }
    if seen.headers.find("content-type") != Some("application/json") {
        wrong.push("no content type".to_owned());
    }
    wrong
}

#[test]
fn what_callers_ask_reaches_every_provider_and_nothing_else_does() {
    let mut wrong = Vec::new();
    let mut refused = Vec::new();
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("target/sent");
    let _ = std::fs::remove_dir_all(&folder);
    for door in &DOORS {
        for (case, body) in (door.cases)() {
            let asked = Meaning::of(door.dialect, &body);
            for target in TARGETS {
                let place = format!("{} {} {}", door.dialect, target.name, case);
                let scenery = play(door, target, &body);
                let Some(seen) = scenery.seen.first() else {
                    let message = scenery.json()["error"]["message"].as_str().unwrap_or(&scenery.body).to_owned();
                    refused.push(format!("{place}: {message}"));
                    continue;
                };
                if scenery.status != 200 {
                    wrong.push(format!("{place}: answered {} {}", scenery.status, scenery.body));
                }
                let dropped = scenery.headers.find("x-causeway-dropped").or(scenery.headers.find("x-portkey-dropped")).unwrap_or_default();
                write(door, target, case, seen, dropped);
                let dialect = tongue(&seen.url);
                let body: Value = serde_json::from_str(&seen.body).unwrap();
                wrong.extend(leaks(target, seen).into_iter().map(|words| format!("{place}: {words}")));
                if dialect != "predictions" {
                    let told = Meaning::of(dialect, &body);
                    wrong.extend(asked.differences(&told, dropped).into_iter().map(|words| format!("{place}: {words}")));
                }
            }
        }
    }
    std::fs::write(folder.join("refused.txt"), refused.join("\n")).unwrap();
    std::fs::write(folder.join("wrong.txt"), wrong.join("\n")).unwrap();
    assert!(wrong.is_empty(), "{} of them:\n{}", wrong.len(), wrong.iter().take(60).cloned().collect::<Vec<_>>().join("\n"));
}
