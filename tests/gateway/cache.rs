//! Answers that were given before.

use std::rc::Rc;

use causeway::host::Line;
use causeway::record::Outcome;
use causeway::settings::Settings;
use serde_json::{Value, json};

use crate::scripted::{Scene, Scenery, Shelves, Store};

const CONFIG: &str = r#"{"provider":"openai","cache":{"mode":"simple","max_age":3600}}"#;
const CLAUDE: &str = r#"{"provider":"anthropic","cache":{"max_age":3600}}"#;

const ANSWER: &str = r#"{"id":"c1","object":"chat.completion","created":1,"model":"gpt-4o","choices":[{"index":0,"message":{"role":"assistant","content":"hello","refusal":null},"logprobs":null,"finish_reason":"stop"}],"usage":{"prompt_tokens":1000,"completion_tokens":1000,"total_tokens":2000},"odd":[1, 2]}"#;

const STREAM: &str = concat!(
    "data: {\"id\":\"c2\",\"object\":\"chat.completion.chunk\",\"created\":2,\"model\":\"gpt-4o\",\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"hel\"},\"finish_reason\":null}]}\n\n",
    "data: {\"id\":\"c2\",\"object\":\"chat.completion.chunk\",\"created\":2,\"model\":\"gpt-4o\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"lo\"},\"finish_reason\":null}]}\n\n",
    "data: {\"id\":\"c2\",\"object\":\"chat.completion.chunk\",\"created\":2,\"model\":\"gpt-4o\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n",
    "data: {\"id\":\"c2\",\"object\":\"chat.completion.chunk\",\"created\":2,\"model\":\"gpt-4o\",\"choices\":[],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":2,\"total_tokens\":5}}\n\n",
    "data: [DONE]\n\n",
);

/// A deployment whose storage lasts from scene to scene.
struct House {
    settings: Settings,
    shelves: Shelves,
}

impl House {
    fn new() -> Self {
        Self { settings: Settings::new([]), shelves: Shelves::default() }
    }

    fn at(&self, now: u64, mut scene: Scene) -> Scenery {
        scene.shelves = Rc::clone(&self.shelves);
        scene.play_in(&self.settings, now)
    }

    fn play(&self, scene: Scene) -> Scenery {
        self.at(0, scene)
    }
}

fn with(config: &str, scene: Scene) -> Scene {
    scene.header("authorization", "Bearer sk-1").header("x-causeway-config", config)
}

fn body(stream: bool) -> Value {
    json!({"model": "gpt-4o", "messages": [{"role": "user", "content": "hi"}], "stream": stream})
}

fn chat(stream: bool) -> Scene {
    with(CONFIG, Scene::chat(body(stream).to_string()))
}

fn cache(scene: &Scenery) -> &str {
    assert_eq!(scene.status, 200, "{}", scene.body);
    scene.header("x-causeway-cache")
}

/// The text of a chat stream, its reason, and its usage.
fn heard(stream: &str) -> (String, String, Option<u64>) {
    assert_eq!(stream.matches("[DONE]").count(), 1, "{stream}");
    let chunks = stream.lines().filter_map(|line| line.strip_prefix("data: ")).filter(|data| *data != "[DONE]");
    let (mut text, mut reason, mut usage) = (String::new(), String::new(), None);
    for chunk in chunks.map(|data| serde_json::from_str::<Value>(data).unwrap()) {
        text.push_str(chunk.pointer("/choices/0/delta/content").and_then(Value::as_str).unwrap_or_default());
        reason.push_str(chunk.pointer("/choices/0/finish_reason").and_then(Value::as_str).unwrap_or_default());
        usage = usage.or(chunk.pointer("/usage/prompt_tokens").and_then(Value::as_u64));
    }
    (text, reason, usage)
}

#[test]
fn what_was_answered_is_answered_again_at_no_cost() {
    let house = House::new();
    let first = house.play(chat(false).says(ANSWER));
    assert_eq!((cache(&first), first.header("x-causeway-attempts"), first.puts.as_slice()), ("MISS", "1", [3_600].as_slice()));
    assert_ne!(first.header("x-causeway-cost"), "0");
    let again = house.play(chat(false));
    assert_eq!(cache(&again), "HIT");
    assert_eq!(again.body, ANSWER);
    assert_eq!(again.header("content-type"), "application/json");
    for (name, value) in
        [("cost", "0"), ("attempts", "0"), ("retries", "0"), ("provider", "openai"), ("model", "gpt-4o"), ("target", "config")]
    {
        assert_eq!(again.header(&format!("x-causeway-{name}")), value, "{name}");
    }
    let record = &again.records[0];
    assert_eq!((record.outcome, record.status), (Outcome::Complete, 200));
    assert_eq!(record.usage.unwrap().input, 1_000);
    let record = serde_json::to_value(record).unwrap();
    assert_eq!((&record["cost"], &record["cache"]), (&json!("0"), &json!("hit")));
    assert!(again.puts.is_empty());
    assert_eq!(again.records.len(), 1);
}

#[test]
fn without_a_config_that_asks_for_it_nothing_is_kept_or_looked_for() {
    for config in ["{\"provider\":\"openai\"}", "{}"] {
        let scene = with(config, Scene::chat(body(false).to_string())).says(ANSWER).play();
        assert_eq!((cache(&scene), scene.puts.len()), ("DISABLED", 0));
        assert!(scene.reads.iter().all(|(key, _)| !key.starts_with("cache:")));
    }
}

#[test]
fn the_storage_holds_nothing_that_can_be_read() {
    let house = House::new();
    house.play(chat(false).says(ANSWER));
    let shelves = house.shelves.borrow();
    let (name, (bytes, _)) = shelves.iter().next().unwrap();
    assert!(name.starts_with("cache:"));
    for word in ["hello", "gpt-4o", "openai", "application", "sk-1"] {
        assert!(!String::from_utf8_lossy(bytes).contains(word), "{word}");
    }
}

#[test]
fn other_tenants_and_namespaces_do_not_meet() {
    let house = House::new();
    house.play(chat(false).says(ANSWER));
    let other_key = Scene::chat(body(false).to_string()).header("authorization", "Bearer sk-2").header("x-causeway-config", CONFIG);
    assert_eq!(cache(&house.play(other_key.says(ANSWER))), "MISS");
    assert_eq!(cache(&house.play(chat(false).header("x-causeway-cache-namespace", "n").says(ANSWER))), "MISS");
    assert_eq!(cache(&house.play(chat(false).header("x-causeway-cache-namespace", "n"))), "HIT");
    assert_eq!(cache(&house.play(chat(false).header("openai-organization", "o").says(ANSWER))), "MISS");
    let elsewhere = chat(false).header("x-causeway-custom-host", "https://example.com/v1");
    assert_eq!(cache(&house.play(elsewhere.says(ANSWER))), "MISS");
    // Nor do those whose target has a key of its own.
    let shared = |key: &str| {
        let config = r#"{"cache": {"max_age": 60}, "provider": "openai", "api_key": "sk-of-the-config"}"#;
        Scene::chat(body(false).to_string()).header("authorization", key).header("x-causeway-config", config)
    };
    assert_eq!(cache(&house.play(shared("Bearer sk-1").says(ANSWER))), "MISS");
    assert_eq!(cache(&house.play(shared("Bearer sk-1"))), "HIT");
    assert_eq!(cache(&house.play(shared("Bearer sk-2").says(ANSWER))), "MISS");
    // A master key of the deployment seals too.
    let sealed = House { settings: Settings::new([("MASTER_KEY".to_owned(), "k".to_owned())]), shelves: Rc::clone(&house.shelves) };
    assert_eq!(cache(&sealed.play(chat(false).says(ANSWER))), "MISS");
    assert_eq!(cache(&sealed.play(chat(false))), "HIT");
}

#[test]
fn a_whole_answer_serves_who_wants_a_stream() {
    let house = House::new();
    house.play(chat(false).says(ANSWER));
    let plain = house.play(chat(true));
    assert_eq!(cache(&plain), "HIT");
    assert!(plain.header("content-type").starts_with("text/event-stream"));
    assert_eq!(heard(&plain.body), ("hello".to_owned(), "stop".to_owned(), None));
    let mut wanted = body(true);
    wanted["stream_options"] = json!({"include_usage": true});
    let counted = house.play(with(CONFIG, Scene::chat(wanted.to_string())));
    assert_eq!(cache(&counted), "HIT");
    assert_eq!(heard(&counted.body), ("hello".to_owned(), "stop".to_owned(), Some(1_000)));
    assert!(counted.records[0].stream);
    assert_eq!(counted.header("x-causeway-cost"), "0");
}

#[test]
fn a_stream_that_came_to_its_end_serves_both() {
    for piece in [1, 7, 4096] {
        let house = House::new();
        let mut first = chat(true).streams(STREAM);
        first.piece = piece;
        let first = house.play(first);
        assert_eq!((cache(&first), first.puts.as_slice()), ("MISS", [3_600].as_slice()));
        let streamed = house.play(chat(true));
        assert_eq!(cache(&streamed), "HIT");
        assert_eq!(heard(&streamed.body), ("hello".to_owned(), "stop".to_owned(), None));
        let whole = house.play(chat(false));
        assert_eq!(cache(&whole), "HIT");
        let answer = whole.json();
        assert_eq!((&answer["id"], &answer["object"]), (&json!("c2"), &json!("chat.completion")));
        assert_eq!(answer["choices"][0]["message"]["content"], "hello");
        assert_eq!(answer["usage"]["prompt_tokens"], 3);
        assert_eq!(whole.records[0].usage.unwrap().output, 2);
    }
}

#[test]
fn what_did_not_come_to_its_end_is_not_kept() {
    let events: Vec<&str> = STREAM.split_inclusive("\n\n").collect();
    let cut = events[..2].concat();
    let mut broken = chat(true).streams(cut.as_str());
    broken.breaks = true;
    let mut left = chat(true).streams(STREAM);
    (left.piece, left.leaves_after) = (16, Some(3));
    let mut after_all = chat(true).streams(STREAM);
    after_all.breaks = true;
    let failed = format!("{cut}data: {{\"error\":{{\"message\":\"overloaded\"}}}}\n\n");
    for (what, scene) in [
        ("cut", chat(true).streams(cut.as_str())),
        ("broken", broken),
        ("left", left),
        ("broken at the end", after_all),
        ("failed", chat(true).streams(failed)),
        ("nothing", chat(true).streams("")),
        ("no reason", chat(false).says(ANSWER.replace("\"stop\"", "null"))),
        (
            "empty",
            chat(false).says(
                ANSWER.replace("\"hello\"", "\"\"").replace("\"completion_tokens\":1000,\"total_tokens\":2000", "\"completion_tokens\":0"),
            ),
        ),
        ("too long", chat(false).says(ANSWER.replace("hello", &"x".repeat(1 << 20)))),
        ("an error", chat(false).says("{\"error\":{\"message\":\"no\"}}")),
        ("a refusal", chat(false).answers(429, vec![], "{\"error\":{\"message\":\"slow down\"}}")),
        ("another success", chat(false).answers(202, vec![("content-type", "application/json")], ANSWER)),
    ] {
        let house = House::new();
        let scene = house.play(scene);
        assert!(scene.puts.is_empty(), "{what}");
        assert_eq!(scene.header("x-causeway-cache"), "MISS", "{what}");
        assert_eq!(cache(&house.play(chat(false).says(ANSWER))), "MISS", "{what}");
    }
}

#[test]
fn a_refresh_asks_anew_and_keeps_what_comes() {
    let house = House::new();
    house.play(chat(false).says(ANSWER));
    let anew = ANSWER.replace("hello", "anew");
    let refreshed = house.play(chat(false).header("x-causeway-cache-force-refresh", "true").says(anew.as_str()));
    assert_eq!((cache(&refreshed), refreshed.body == anew, refreshed.puts.len()), ("REFRESH", true, 1));
    assert!(refreshed.reads.iter().all(|(key, _)| !key.starts_with("cache:")));
    let after = house.play(chat(false).header("x-causeway-cache-force-refresh", "false"));
    assert_eq!((cache(&after), after.body == anew), ("HIT", true));
    // For Portkey the header's being there is enough; its client for Python writes the word so.
    for word in ["True", "1"] {
        assert_eq!(
            house.play(chat(false).header("x-portkey-cache-force-refresh", word).says(ANSWER)).header("x-portkey-cache-status"),
            "REFRESH"
        );
    }
}

#[test]
fn no_answer_is_given_that_is_older_than_was_said() {
    let config = |max_age: u64| format!(r#"{{"provider":"openai","cache":{{"max_age":{max_age}}}}}"#);
    let ask = |max_age: u64| with(&config(max_age), Scene::chat(body(false).to_string()));
    let house = House::new();
    let first = house.play(ask(5).says(ANSWER));
    // The storage keeps nothing for less than a minute.
    assert_eq!(first.puts, [60]);
    assert_eq!(cache(&house.at(4_000, ask(5))), "HIT");
    // It was meant for five seconds, whatever others would take.
    assert_eq!(cache(&house.at(5_100, ask(3_600).says(ANSWER))), "MISS");
    assert_eq!(cache(&house.at(3_000_000, ask(3_600))), "HIT");
    assert_eq!(cache(&house.at(3_000_000, ask(60).says(ANSWER))), "MISS");
}

#[test]
fn storage_that_fails_is_slow_or_holds_rubbish_never_fails_a_request() {
    let mut slow = chat(false).says(ANSWER);
    slow.store = Some(Store::Silent);
    assert_eq!(cache(&slow.play()), "MISS");
    let house = House::new();
    house.play(chat(false).says(ANSWER));
    for rubbish in [Vec::new(), vec![0; 12], vec![7; 28], b"{}".to_vec(), vec![1; 1_000]] {
        house.shelves.borrow_mut().values_mut().for_each(|(bytes, _)| bytes.clone_from(&rubbish));
        assert_eq!(cache(&house.play(chat(false).says(ANSWER))), "MISS");
    }
    assert_eq!(cache(&house.play(chat(false))), "HIT");
}

#[test]
fn portkeys_spelling_works_alike() {
    let house = House::new();
    let ask = || {
        let scene = Scene::chat(body(false).to_string()).header("authorization", "Bearer sk-1");
        scene.header("x-portkey-config", r#"{"provider":"openai","cache":{"mode":"simple","maxAge":60}}"#)
    };
    let status = |scene: &Scenery| scene.header("x-portkey-cache-status").to_owned();
    assert_eq!(status(&house.play(ask().says(ANSWER))), "MISS");
    assert_eq!(status(&house.play(ask())), "HIT");
    assert_eq!(status(&house.play(ask().header("x-portkey-cache-force-refresh", "true").says(ANSWER))), "REFRESH");
    assert_eq!(status(&house.play(ask().header("x-portkey-cache-namespace", "n").says(ANSWER))), "MISS");
    assert_eq!(status(&house.play(ask().header("x-portkey-cache-namespace", "n"))), "HIT");
}

const THOUGHT: &str = r#"{"id":"msg_1","type":"message","role":"assistant","model":"claude-sonnet-4-5","content":[{"type":"thinking","thinking":"Hmm.","signature":"c2lnbmVk"},{"type":"text","text":"Looking."},{"type":"tool_use","id":"toolu_1","name":"weather","input":{"city":"Ulm"}}],"stop_reason":"tool_use","stop_sequence":null,"usage":{"input_tokens":10,"output_tokens":20}}"#;

const THOUGHT_STREAM: &str = concat!(
    "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"msg_1\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"claude-sonnet-4-5\",\"content\":[],\"stop_reason\":null,\"stop_sequence\":null,\"usage\":{\"input_tokens\":10,\"output_tokens\":1}}}\n\n",
    "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"thinking\",\"thinking\":\"\",\"signature\":\"\"}}\n\n",
    "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"thinking_delta\",\"thinking\":\"Hmm.\"}}\n\n",
    "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"signature_delta\",\"signature\":\"c2lnbmVk\"}}\n\n",
    "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\n",
    "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":1,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n",
    "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":1,\"delta\":{\"type\":\"text_delta\",\"text\":\"Looking.\"}}\n\n",
    "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":1}\n\n",
    "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":2,\"content_block\":{\"type\":\"tool_use\",\"id\":\"toolu_1\",\"name\":\"weather\",\"input\":{}}}\n\n",
    "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":2,\"delta\":{\"type\":\"input_json_delta\",\"partial_json\":\"{\\\"city\\\":\\\"Ulm\\\"}\"}}\n\n",
    "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":2}\n\n",
    "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"tool_use\",\"stop_sequence\":null},\"usage\":{\"output_tokens\":20}}\n\n",
    "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n",
);

fn claude(stream: bool) -> Value {
    json!({"model": "claude-sonnet-4-5", "max_tokens": 5000, "messages": [{"role": "user", "content": "hi"}], "stream": stream})
}

fn messages(stream: bool) -> Scene {
    with(CLAUDE, Scene::messages(claude(stream).to_string()))
}

/// The same to a provider of another dialect.
fn translated(stream: bool) -> Scene {
    with(CLAUDE, Scene::chat(claude(stream).to_string()))
}

/// The deltas and the starts of a stream of messages, in order.
fn blocks(stream: &str) -> Vec<Value> {
    let events = stream.lines().filter_map(|line| line.strip_prefix("data: ")).map(|data| serde_json::from_str::<Value>(data).unwrap());
    let kinds = ["content_block_start", "content_block_delta", "message_delta"];
    events.filter(|event| kinds.contains(&event["type"].as_str().unwrap())).collect()
}

#[test]
fn thinking_and_tool_calls_are_told_again_as_they_were() {
    let house = House::new();
    assert_eq!(cache(&house.play(messages(true).streams(THOUGHT_STREAM))), "MISS");
    let whole = house.play(messages(false));
    assert_eq!(cache(&whole), "HIT");
    let expected: Value = serde_json::from_str(THOUGHT).unwrap();
    for name in ["id", "model", "content", "stop_reason"] {
        assert_eq!(whole.json()[name], expected[name], "{name}");
    }
    assert_eq!(whole.records[0].usage.map(|usage| (usage.input, usage.output)), Some((10, 20)));
    let from_stream = house.play(messages(true));
    let house = House::new();
    house.play(messages(false).says(THOUGHT));
    let from_whole = house.play(messages(true));
    for replayed in [from_stream, from_whole] {
        assert_eq!(cache(&replayed), "HIT");
        let told = blocks(&replayed.body);
        let signature = told.iter().find_map(|event| event["delta"]["signature"].as_str());
        assert_eq!(signature, Some("c2lnbmVk"));
        let arguments: String = told.iter().filter_map(|event| event["delta"]["partial_json"].as_str()).collect();
        assert_eq!(arguments, r#"{"city":"Ulm"}"#);
        assert_eq!(told.iter().find(|event| event["content_block"]["type"] == "tool_use").unwrap()["content_block"]["id"], "toolu_1");
        assert_eq!(told.last().unwrap()["delta"]["stop_reason"], "tool_use");
        assert!(replayed.body.trim_end().ends_with(r#"{"type":"message_stop"}"#), "{}", replayed.body);
    }
}

#[test]
fn an_answer_that_was_translated_is_kept_as_the_caller_heard_it() {
    for stream in [false, true] {
        let house = House::new();
        let first = translated(stream);
        let first = house.play(if stream { first.streams(THOUGHT_STREAM) } else { first.says(THOUGHT) });
        assert_eq!((cache(&first), first.puts.len()), ("MISS", 1));
        let whole = house.play(translated(false));
        assert_eq!(cache(&whole), "HIT");
        let message = &whole.json()["choices"][0]["message"];
        assert_eq!((&message["content"], &message["reasoning_content"]), (&json!("Looking."), &json!("Hmm.")));
        assert_eq!(message["tool_calls"][0]["function"], json!({"name": "weather", "arguments": r#"{"city":"Ulm"}"#}));
        let signed = message["reasoning_details"][0]["signature"].as_str().unwrap().to_owned();
        if !stream {
            assert_eq!(whole.body, first.body);
        }
        let replayed = house.play(translated(true));
        assert_eq!(cache(&replayed), "HIT");
        assert_eq!(heard(&replayed.body), ("Looking.".to_owned(), "tool_calls".to_owned(), None));
        for part in [signed.as_str(), "toolu_1", "weather", "Ulm", "Hmm."] {
            assert!(replayed.body.contains(part), "{part}: {}", replayed.body);
        }
    }
    // Another dialect has answers of its own.
    let house = House::new();
    house.play(messages(false).says(THOUGHT));
    assert_eq!(cache(&house.play(translated(false).says(THOUGHT))), "MISS");
}

#[test]
fn a_stream_that_a_fold_would_rob_is_not_kept() {
    let native = THOUGHT_STREAM.replace(
        "{\"type\":\"text\",\"text\":\"\"}",
        "{\"type\":\"web_search_tool_result\",\"tool_use_id\":\"srvtoolu_1\",\"content\":[]}",
    );
    let native = native.replace("{\"type\":\"text_delta\",\"text\":\"Looking.\"}", "{\"type\":\"text_delta\",\"text\":\"\"}");
    let house = House::new();
    assert!(house.play(messages(true).streams(native)).puts.is_empty());
    for extra in [json!({"n": 2}), json!({"logprobs": true})] {
        let mut asked = body(true);
        asked.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        let scene = house.play(with(CONFIG, Scene::chat(asked.to_string())).streams(STREAM));
        assert_eq!((cache(&scene), scene.puts.len()), ("DISABLED", 0));
        // As a whole it is, and it serves none but those who want it so.
        asked["stream"] = json!(false);
        let whole = |asked: &Value| with(CONFIG, Scene::chat(asked.to_string()));
        assert_eq!(cache(&house.play(whole(&asked).says(ANSWER))), "MISS");
        assert_eq!(cache(&house.play(whole(&asked))), "HIT");
        asked["stream"] = json!(true);
        assert_eq!(cache(&house.play(whole(&asked).streams(STREAM))), "DISABLED");
    }
    // A whole answer with a part that has no place in the form is not told as a stream either.
    let searched = THOUGHT.replace(r#"{"type":"text","text":"Looking."}"#, r#"{"type":"odd_block","x":1}"#);
    house.play(messages(false).says(searched.as_str()));
    assert_eq!(cache(&house.play(messages(true).streams(THOUGHT_STREAM))), "MISS");
}

#[test]
fn what_the_provider_keeps_in_mind_has_no_answer_of_its_own() {
    let answer = r#"{"id":"r","object":"response","status":"completed","model":"gpt-4o","output":[{"type":"message","id":"m","role":"assistant","status":"completed","content":[{"type":"output_text","text":"hi","annotations":[]}]}],"usage":{"input_tokens":1,"output_tokens":1,"total_tokens":2}}"#;
    for (extra, expected) in
        [("", "MISS"), (",\"conversation\":\"c\"", "DISABLED"), (",\"background\":true", "DISABLED"), (",\"background\":false", "MISS")]
    {
        let scene = Scene::post("/v1/responses", format!("{{\"model\":\"gpt-4o\",\"input\":\"hi\"{extra}}}"));
        assert_eq!(cache(&with(CONFIG, scene).says(answer).play()), expected, "{extra}");
    }
}

#[test]
fn embeddings_and_other_errands_are_kept_too() {
    let house = House::new();
    let asked = r#"{"model":"text-embedding-3-small","input":"hi"}"#;
    let ask = |body: &str| with(CONFIG, Scene::post("/v1/embeddings", body));
    let answer = r#"{"object":"list","data":[{"object":"embedding","index":0,"embedding":[0.1]}],"model":"text-embedding-3-small","usage":{"prompt_tokens":1,"total_tokens":1}}"#;
    assert_eq!(cache(&house.play(ask(asked).says(answer))), "MISS");
    let again = house.play(ask(asked));
    assert_eq!((cache(&again), again.body.as_str(), again.header("x-causeway-cost")), ("HIT", answer, "0"));
    assert_eq!(again.records[0].usage.unwrap().input, 1);
    assert_eq!(cache(&house.play(ask(&asked.replace("hi", "ho")).says(answer))), "MISS");
    assert_eq!(cache(&house.play(ask(&asked.replace("}", ",\"encoding_format\":\"base64\"}")).says(answer))), "MISS");
    // What is no answer is not kept.
    let house = House::new();
    for broken in ["{}", "", "{\"error\":{\"message\":\"no\"}}", "{\"data\":[]}"] {
        assert!(house.play(ask(asked).says(broken)).puts.is_empty(), "{broken}");
    }
    // What passes unread is not looked for.
    let drawn = with(CONFIG, Scene::post("/v1/images/generations", r#"{"model":"gpt-image-1","prompt":"x"}"#));
    assert_eq!(cache(&house.play(drawn.says(r#"{"data":[{"b64_json":"x"}]}"#))), "DISABLED");
}

#[test]
fn an_errand_that_was_translated_is_kept_as_the_caller_heard_it() {
    let house = House::new();
    let config = r#"{"provider":"cohere","cache":{}}"#;
    let ask = || with(config, Scene::post("/v1/embeddings", r#"{"model":"embed-v4.0","input":"hi","user":"u"}"#));
    let first = house.play(ask().says(r#"{"id":"e","embeddings":{"float":[[0.5]]},"meta":{"billed_units":{"input_tokens":1}}}"#));
    assert_eq!((cache(&first), first.puts.len()), ("MISS", 1));
    let again = house.play(ask());
    assert_eq!((cache(&again), &again.body), ("HIT", &first.body));
    assert_eq!(again.headers.find("x-causeway-dropped"), first.headers.find("x-causeway-dropped"));
}

#[test]
fn each_target_has_answers_of_its_own() {
    let config = r#"{"strategy":{"mode":"fallback"},"cache":{"max_age":60},"targets":[{"provider":"openai","api_key":"a"},{"provider":"groq","api_key":"b","override_params":{"model":"llama-3.3-70b-versatile"}}]}"#;
    let house = House::new();
    let ask = || with(config, Scene::chat(body(false).to_string()));
    let refused = || ask().answers(503, vec![], "{\"error\":{\"message\":\"busy\"}}");
    let first = house.play(refused().says(ANSWER));
    assert_eq!((cache(&first), first.header("x-causeway-target")), ("MISS", "config.targets[1]"));
    // The first target is asked again, because it has not answered; the second need not be.
    let second = house.play(refused());
    assert_eq!(cache(&second), "HIT");
    for (name, value) in [("target", "config.targets[1]"), ("attempts", "1"), ("provider", "groq"), ("cost", "0")] {
        assert_eq!(second.header(&format!("x-causeway-{name}")), value, "{name}");
    }
    let third = house.play(ask().says(ANSWER));
    assert_eq!((cache(&third), third.header("x-causeway-target")), ("MISS", "config.targets[0]"));
    let fourth = house.play(ask());
    assert_eq!((cache(&fourth), fourth.header("x-causeway-target")), ("HIT", "config.targets[0]"));
}

const REPLIED: &str = r#"{"id":"resp_1","object":"response","created_at":1,"status":"completed","model":"gpt-4o","instructions":"Be kind.","output":[{"type":"message","id":"msg_1","role":"assistant","status":"completed","content":[{"type":"output_text","text":"hello","annotations":[]}]},{"type":"function_call","id":"fc_1","call_id":"call_1","name":"weather","arguments":"{\"city\":\"Ulm\"}","status":"completed"}],"usage":{"input_tokens":3,"output_tokens":2,"total_tokens":5},"odd":1}"#;

/// The stream in which a provider tells it.
fn replied_stream() -> String {
    let begun = json!({"type": "response.created", "response": {"id": "resp_1", "model": "gpt-4o", "status": "in_progress", "output": []}});
    let whole: Value = serde_json::from_str(REPLIED).unwrap();
    let mut events = vec![begun];
    for (at, item) in whole["output"].as_array().unwrap().iter().enumerate() {
        let mut opened = item.clone();
        opened["status"] = json!("in_progress");
        if at == 0 {
            opened["content"] = json!([]);
            events.push(json!({"type": "response.output_item.added", "output_index": at, "item": opened}));
            let part = json!({"type": "output_text", "text": "", "annotations": []});
            events.push(
                json!({"type": "response.content_part.added", "output_index": at, "content_index": 0, "item_id": "msg_1", "part": part}),
            );
            for delta in ["hel", "lo"] {
                let place = json!({"type": "response.output_text.delta", "output_index": at, "content_index": 0, "item_id": "msg_1", "delta": delta});
                events.push(place);
            }
        } else {
            opened["arguments"] = json!("");
            events.push(json!({"type": "response.output_item.added", "output_index": at, "item": opened}));
            let delta = item["arguments"].clone();
            events.push(json!({"type": "response.function_call_arguments.delta", "output_index": at, "item_id": "fc_1", "delta": delta}));
        }
        events.push(json!({"type": "response.output_item.done", "output_index": at, "item": item}));
    }
    let told: String = events.iter().map(|event| format!("event: {}\ndata: {event}\n\n", event["type"].as_str().unwrap())).collect();
    format!("{told}event: response.completed\ndata: {{\"type\":\"response.completed\",\"response\":{REPLIED}}}\n\n")
}

#[test]
fn a_responses_stream_is_kept_as_the_whole_that_it_tells_itself() {
    let ask = |stream: bool| with(CONFIG, Scene::post("/v1/responses", format!(r#"{{"model":"gpt-4o","input":"hi","stream":{stream}}}"#)));
    let house = House::new();
    let first = house.play(ask(true).streams(replied_stream()));
    assert_eq!((cache(&first), first.puts.len()), ("MISS", 1));
    let whole = house.play(ask(false));
    assert_eq!((cache(&whole), whole.body.as_str()), ("HIT", REPLIED));
    let replayed = house.play(ask(true));
    assert_eq!(cache(&replayed), "HIT");
    let last = replayed.body.lines().rfind(|line| line.starts_with("data: {")).unwrap();
    let last: Value = serde_json::from_str(last.strip_prefix("data: ").unwrap()).unwrap();
    assert_eq!(last["type"], "response.completed");
    assert_eq!(last.pointer("/response/output/0/content/0/text").unwrap(), "hello");
    assert_eq!(last.pointer("/response/output/1/arguments").unwrap(), "{\"city\":\"Ulm\"}");
    assert_eq!(last.pointer("/response/usage/input_tokens").unwrap(), 3);
}

#[test]
fn gemini_callers_share_answers_between_their_two_paths() {
    let answer = r#"{"candidates":[{"content":{"role":"model","parts":[{"text":"hello"}]},"finishReason":"STOP","index":0}],"usageMetadata":{"promptTokenCount":3,"candidatesTokenCount":2,"totalTokenCount":5},"modelVersion":"gemini-2.5-flash","responseId":"r1"}"#;
    let config = r#"{"provider":"gemini","cache":{"max_age":3600}}"#;
    let ask = |method: &str| {
        let body = r#"{"contents":[{"role":"user","parts":[{"text":"hi"}]}]}"#;
        let scene = Scene::post(&format!("/v1beta/models/gemini-2.5-flash:{method}"), body);
        scene.header("x-goog-api-key", "k").header("x-causeway-config", config)
    };
    for (first, stream) in [("generateContent", false), ("streamGenerateContent?alt=sse", true)] {
        let house = House::new();
        let scene = if stream { ask(first).streams(format!("data: {answer}\n\n")) } else { ask(first).says(answer) };
        assert_eq!(cache(&house.play(scene)), "MISS", "{first}");
        let whole = house.play(ask("generateContent"));
        assert_eq!(cache(&whole), "HIT", "{first}");
        assert_eq!(whole.json().pointer("/candidates/0/content/parts/0/text").unwrap(), "hello");
        let replayed = house.play(ask("streamGenerateContent?alt=sse"));
        assert_eq!(cache(&replayed), "HIT", "{first}");
        for part in ["hello", "\"STOP\"", "\"promptTokenCount\":3"] {
            assert!(replayed.body.contains(part), "{part}: {}", replayed.body);
        }
    }
}

#[test]
fn the_sandbox_is_cached_like_any_other() {
    let ask = || {
        let body = json!({"model": "sandbox/echo", "messages": [{"role": "user", "content": "one two"}], "stream": true});
        Scene::chat(body.to_string()).var("SANDBOX", "true").header("x-causeway-config", r#"{"cache":{"max_age":60}}"#)
    };
    let settings = ask().settings();
    let house = House { settings, shelves: Shelves::default() };
    assert_eq!(cache(&house.play(ask())), "MISS");
    let again = house.play(ask());
    assert_eq!(cache(&again), "HIT");
    assert_eq!(heard(&again.body).0, "one two");
    // Whoever brings a key is another tenant, even where nobody wants one.
    assert_eq!(cache(&house.play(ask().header("authorization", "Bearer sk-own"))), "MISS");
}

const TOGETHER: &str = r#"{"provider":"openai","cache":{"max_age":3600,"coalesce":true}}"#;

fn together(stream: bool) -> Scene {
    with(TOGETHER, Scene::chat(body(stream).to_string()))
}

fn lining_up(scene: Scene, line: Line) -> Scene {
    Scene { line: Some(line), ..scene }
}

#[test]
fn whoever_asks_the_same_at_the_same_time_gets_what_the_first_got() {
    for stream in [false, true] {
        let first = lining_up(together(stream), Line::First);
        let first = House::new().play(if stream { first.streams(STREAM) } else { first.says(ANSWER) });
        assert_eq!((cache(&first), first.lined_up.as_slice()), ("MISS", [30_000].as_slice()));
        let [Some(sealed)] = first.served.as_slice() else { panic!("{:?}", first.served) };
        let second = House::new().play(lining_up(together(!stream), Line::Served(sealed.clone())));
        assert_eq!((cache(&second), second.header("x-causeway-cost"), second.served.len()), ("HIT", "0", 0));
        assert!(second.body.contains("hel"));
    }
}

#[test]
fn nobody_waits_in_vain_for_long() {
    let mut left = together(true).streams(STREAM);
    (left.piece, left.leaves_after) = (16, Some(3));
    for (what, scene) in [
        ("left", left),
        ("cut", together(true).streams("data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"h\"}}]}\n\n")),
        ("refused", together(false).answers(400, vec![], "{\"error\":{\"message\":\"no\"}}")),
        ("no answer", together(false).says("{}")),
        ("not complete", together(false).says(ANSWER.replace("\"stop\"", "null"))),
    ] {
        assert_eq!(House::new().play(lining_up(scene, Line::First)).served, [None], "{what}");
    }
    // Who hears of nothing, or of rubbish, asks by itself, and nobody waits for that one.
    for line in [Line::Alone, Line::Served(Vec::new()), Line::Served(vec![1; 100])] {
        let alone = House::new().play(lining_up(together(false).says(ANSWER), line));
        assert_eq!((cache(&alone), alone.served.len()), ("MISS", 0));
    }
}

#[test]
fn there_is_no_line_where_nobody_asked_for_it_or_the_answer_is_there() {
    assert!(House::new().play(lining_up(chat(false).says(ANSWER), Line::First)).lined_up.is_empty());
    let house = House::new();
    house.play(together(false).says(ANSWER));
    assert!(house.play(together(false)).lined_up.is_empty());
    let refreshed = together(false).header("x-causeway-cache-force-refresh", "true").says(ANSWER);
    assert!(house.play(lining_up(refreshed, Line::First)).lined_up.is_empty());
    // What is left of the time for everything bounds the wait.
    let bounded = TOGETHER.replace("}}", "},\"total_timeout\":5000}");
    let scene = with(&bounded, Scene::chat(body(false).to_string())).says(ANSWER);
    assert_eq!(House::new().play(lining_up(scene, Line::Alone)).lined_up, [5_000]);
}
