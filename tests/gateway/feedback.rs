//! What callers think of answers, and what the gateway makes of it.

use std::rc::Rc;

use causeway::settings::Settings;
use serde_json::{Value, json};

use crate::scripted::{Place, Scene, Scenery};

const KEY: &str = "Bearer sk-one";

fn config() -> String {
    let target = |name: &str| json!({"provider": "openai", "api_key": format!("key-{name}"), "custom_host": format!("https://{name}.example.com/v1")});
    json!({"strategy": {"mode": "quality"}, "targets": [target("a"), target("b")]}).to_string()
}

/// A deployment of several isolates.
struct Deployment {
    place: Rc<Place>,
    isolates: Vec<Settings>,
    asked: u64,
}

impl Deployment {
    fn of(isolates: usize) -> Self {
        Self { place: Rc::default(), isolates: (0..isolates).map(|_| Settings::default()).collect(), asked: 0 }
    }

    /// A conversation in a trace, in one isolate; comes back with the host that answered.
    fn ask(&mut self, isolate: usize, trace: &str, key: &str) -> String {
        self.asked += 1;
        let ask = Scene::chat(r#"{"model":"gpt-4o","messages":[{"role":"user","content":"hi"}]}"#);
        let said = json!({"id": "c", "object": "chat.completion", "created": 1, "model": "m",
            "choices": [{"index": 0, "message": {"role": "assistant", "content": "hello"}, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}});
        let scene = ask.header("x-causeway-config", &config()).header("x-causeway-trace-id", trace).header("authorization", key);
        let scene = Scene { place: Some(Rc::clone(&self.place)), ..scene.says(said.to_string()).draws(self.asked * 1_000) };
        let scene = scene.play_in(&self.isolates[isolate], self.asked * 2_500);
        assert_eq!(scene.status, 200, "{}", scene.body);
        scene.seen[0].url.get(8..9).unwrap().to_owned()
    }

    fn score(&self, isolate: usize, key: &str, body: &Value) -> Scenery {
        let scene = Scene::post("/v1/feedback", body.to_string()).header("authorization", key);
        Scene { place: Some(Rc::clone(&self.place)), ..scene }.play_in(&self.isolates[isolate], self.asked * 2_500)
    }

    /// How many of 40 conversations go to a host, in one isolate.
    fn share(&mut self, isolate: usize, host: &str) -> usize {
        (0..40).filter(|_| self.ask(isolate, "later", KEY) == host).count()
    }
}

#[test]
fn the_better_judged_is_asked_in_every_isolate() {
    let mut deployment = Deployment::of(3);
    for at in 0..12 {
        let trace = format!("trace-{at}");
        let value = if deployment.ask(0, &trace, KEY) == "b" { 10 } else { -10 };
        let told = deployment.score(1, KEY, &json!({"trace_id": trace, "value": value, "weight": 1, "metadata": {"by": "us"}}));
        assert_eq!(
            (told.status, &told.json()["status"], &told.json()["message"]),
            (200, &json!("success"), &json!("Feedback successfully saved"))
        );
        assert_eq!(told.json()["feedback_ids"].as_array().unwrap().len(), 1);
    }
    // One that has never asked anyone has to look around first.
    deployment.ask(2, "first", KEY);
    let shares = [0, 2].map(|isolate| deployment.share(isolate, "b"));
    assert!(shares.iter().all(|share| *share > 33), "{shares:?}");
}

#[test]
fn several_are_scored_at_once_in_a_list_or_by_number() {
    for list in [true, false] {
        let mut deployment = Deployment::of(1);
        let hosts: Vec<String> = (0..12).map(|at| deployment.ask(0, &format!("t{at}"), KEY)).collect();
        let entries: Vec<Value> =
            (0..12).map(|at| json!({"trace_id": format!("t{at}"), "value": if hosts[at] == "a" { 10 } else { -10 }})).collect();
        let numbered: Value = entries.iter().enumerate().map(|(at, entry)| (at.to_string(), entry.clone())).collect();
        let told = deployment.score(0, KEY, &if list { json!(entries) } else { numbered });
        assert_eq!(told.json()["feedback_ids"].as_array().map(Vec::len), Some(12), "{}", told.body);
        let share = deployment.share(0, "a");
        assert!(share > 33, "{share}");
    }
}

#[test]
fn nobody_scores_the_traces_of_others() {
    let mut deployment = Deployment::of(1);
    for at in 0..30 {
        let trace = format!("trace-{at}");
        let value = if deployment.ask(0, &trace, KEY) == "a" { -10 } else { 10 };
        // Another's key, and no key at all.
        for key in ["Bearer sk-two", ""] {
            assert_eq!(deployment.score(0, key, &json!({"trace_id": trace, "value": value})).status, 200);
        }
    }
    let share = deployment.share(0, "a");
    assert!((8..=32).contains(&share), "{share}");
    let strangers = Scene::post("/v1/feedback", r#"{"trace_id":"t","value":1}"#).var("REQUIRE_KEY", "true").play();
    assert_eq!(strangers.status, 401);
}

#[test]
fn what_is_no_feedback_is_told_where() {
    let deployment = Deployment::of(1);
    for (body, words) in [
        (json!({"value": 1}), "`trace_id` must be"),
        (json!({"trace_id": "", "value": 1}), "`trace_id` must be"),
        (json!({"trace_id": "t"}), "`value` must be a whole number from -10 to 10"),
        (json!({"trace_id": "t", "value": 11}), "`value` must be"),
        (json!({"trace_id": "t", "value": 0.5}), "`value` must be"),
        (json!({"trace_id": "t", "value": 1, "weight": 1.5}), "`weight` must be a number from 0 to 1"),
        (json!({"trace_id": "t", "value": 1, "metadata": "m"}), "`metadata` must be an object"),
        (json!([{"trace_id": "t", "value": 1}, {"trace_id": "t", "value": "1"}]), "`[1].value` must be"),
        (json!([]), "at least one"),
        (json!("good"), "`trace_id` must be"),
    ] {
        let told = deployment.score(0, KEY, &body);
        assert_eq!(told.status, 400, "{body}");
        assert!(told.json()["error"]["message"].as_str().unwrap().contains(words), "{body}: {}", told.body);
    }
}

#[test]
fn feedback_that_cannot_be_kept_is_not_called_a_success() {
    let scene = Scene { place: None, ..Scene::post("/v1/feedback", r#"{"trace_id":"t","value":1}"#) };
    assert_eq!(scene.play().status, 500);
}
