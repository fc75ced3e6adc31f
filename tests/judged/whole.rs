//! Whole answers and whole streams, in pieces of any length.

use std::path::Path;

use causeway::wire::Dialect;
use serde_json::{Value, json};

use crate::heard::{Heard, heard};
use crate::recording::Recording;
use crate::said::{Said, said};
use crate::scripted::{Scene, Scenery};
use crate::tally::Tally;

pub const CALLERS: [Dialect; 4] = [Dialect::Chat, Dialect::Messages, Dialect::Responses, Dialect::Gemini];

/// The call that this answer answers.
pub fn ask(recording: &Recording, caller: Dialect, streamed: bool) -> Scene {
    let model = &recording.model;
    let hi = json!([{"role": "user", "content": "hi"}]);
    let mut body = match caller {
        Dialect::Chat => json!({"model": model, "messages": hi}),
        Dialect::Messages => json!({"model": model, "max_tokens": 100, "messages": hi}),
        Dialect::Responses => json!({"model": model, "input": "hi"}),
        _ => json!({"contents": [{"role": "user", "parts": [{"text": "hi"}]}]}),
    };
    if caller == Dialect::Chat && recording.choices > 1 {
        body["n"] = json!(recording.choices);
    }
    if streamed && caller != Dialect::Gemini {
        body["stream"] = json!(true);
    }
    let path = match (caller, streamed) {
        (Dialect::Chat, _) => "/v1/chat/completions".to_owned(),
        (Dialect::Messages, _) => "/v1/messages".to_owned(),
        (Dialect::Responses, _) => "/v1/responses".to_owned(),
        (_, true) => format!("/v1beta/models/{model}:streamGenerateContent?alt=sse"),
        (_, false) => format!("/v1beta/models/{model}:generateContent"),
    };
    let mut scene = Scene::post(&path, body.to_string())
        .header("content-type", "application/json")
        .header("authorization", "Bearer key")
        .header("x-causeway-provider", recording.provider)
        .header("x-causeway-vertex-project-id", "project")
        .header("x-causeway-workers-ai-account-id", "account")
        .header("x-causeway-azure-resource-name", "resource")
        .header("x-causeway-azure-foundry-url", "https://resource.services.ai.azure.com");
    if recording.versioned {
        scene = scene.header("x-causeway-azure-api-version", "2024-10-21");
    }
    if matches!(recording.provider, "custom" | "ollama") {
        scene = scene.header("x-causeway-custom-host", "https://models.example.com/v1");
    }
    scene
}

/// The answer, and what must come before it.
pub fn answered(mut scene: Scene, recording: &Recording, body: Vec<u8>) -> Scene {
    if recording.dialect == Dialect::Predictions {
        let urls = json!({"get": "https://api.replicate.com/v1/predictions/p1", "stream": "https://stream.replicate.com/v1/streams/x"});
        let created = json!({"id": "p1", "model": "m", "status": "starting", "output": null, "error": null, "urls": urls});
        let first = if recording.streamed { created.to_string().into_bytes() } else { body.clone() };
        scene = scene.answers(201, vec![("content-type", "application/json")], first);
        if !recording.streamed {
            return scene;
        }
    }
    scene.answers(recording.status, recording.headers.clone(), body)
}

fn with_usage(mut scene: Scene) -> Scene {
    let mut body: Value = serde_json::from_str(&scene.body).unwrap();
    body["stream_options"] = json!({"include_usage": true});
    scene.body = body.to_string();
    scene
}

pub fn playable(recording: &Recording, caller: Dialect) -> bool {
    let several = recording.choices > 1 && (caller != Dialect::Chat);
    let unfinished = recording.dialect == Dialect::Predictions && matches!(recording.status, 200..300) && said(recording).failed;
    // Pictures of Replicate are no conversations.
    recording.answers(caller) && !several && !unfinished && !recording.case.contains("stability")
}

pub fn judge(recording: &Recording, tally: &mut Tally) {
    let said = said(recording);
    for caller in CALLERS.into_iter().filter(|caller| playable(recording, *caller)) {
        // A whole answer to a streaming caller is written as a stream, and a stream to any other as a whole answer.
        let mut both: Vec<Heard> = Vec::new();
        for streamed in [recording.streamed, !recording.streamed] {
            if recording.choices > 1 && streamed != recording.streamed {
                continue;
            }
            let asks = || {
                if streamed && caller == Dialect::Chat {
                    with_usage(ask(recording, caller, streamed))
                } else {
                    ask(recording, caller, streamed)
                }
            };
            let mut first: Option<(String, u16)> = None;
            for piece in [usize::MAX, 7, 1] {
                let mut scene = answered(asks(), recording, recording.body.clone());
                scene.piece = piece.min(recording.body.len().max(1));
                let scenery = scene.play();
                let name = format!("{} for {} {}", recording.name(), caller.slug(), if streamed { "streamed" } else { "whole" });
                match &first {
                    None => {
                        keep(recording, caller, streamed, &scenery);
                        both.push(one(recording, &said, caller, streamed, &name, &scenery, tally));
                        first = Some((scenery.body.clone(), scenery.status));
                    }
                    Some((body, status)) => {
                        tally.check(recording.provider, *body == scenery.body && *status == scenery.status, || {
                            format!("{name}: pieces of {piece} differ")
                        });
                    }
                }
            }
        }
        if let [one, other] = both.as_slice()
            && !said.failed
        {
            let same = (&one.text, &one.thought, &one.calls, &one.usage, &one.endings)
                == (&other.text, &other.thought, &other.calls, &other.usage, &other.endings);
            tally.check(recording.provider, same, || {
                format!("{} for {}: streamed and whole differ:\n  {one:?}\n  {other:?}", recording.name(), caller.slug())
            });
        }
        // Several choices are passed on as they are.
        if recording.streamed && caller == Dialect::Chat && recording.choices == 1 {
            let silent = answered(ask(recording, caller, true), recording, recording.body.clone()).play();
            let told = heard(caller, true, &silent.body).usage;
            tally.check(recording.provider, told.is_none(), || format!("{}: usage that nobody asked for", recording.name()));
        }
    }
}

/// Leaves the answer for the clients' types.
fn keep(recording: &Recording, caller: Dialect, streamed: bool, scenery: &Scenery) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/judged").join(caller.slug());
    std::fs::create_dir_all(&folder).unwrap();
    let form = if streamed { "sse" } else { "json" };
    let native = if streamed == recording.streamed { "" } else { "-turned" };
    if scenery.status == 200 || scenery.status == 201 {
        std::fs::write(folder.join(format!("{}-{}{native}.{form}", recording.provider, recording.case)), &scenery.body).unwrap();
    }
}

fn one(recording: &Recording, said: &Said, caller: Dialect, streamed: bool, name: &str, scenery: &Scenery, tally: &mut Tally) -> Heard {
    let heard = heard(caller, streamed, &scenery.body);
    let mut check = |holds: bool, what: String| tally.check(recording.provider, holds, || format!("{name}: {what}"));
    if said.failed {
        let shown = heard.failed || scenery.status >= 400;
        check(shown && heard.endings.is_empty(), format!("an error inside is not shown: {} {}", scenery.status, short(&scenery.body)));
        return heard;
    }
    check(scenery.status == recording.status || scenery.status == 200, format!("status {}: {}", scenery.status, short(&scenery.body)));
    if scenery.status >= 300 {
        return heard;
    }
    // Several choices are passed on as they are, with usage where the provider has it.
    let breaches = heard.breaches.iter().filter(|breach| recording.choices == 1 || *breach != "usage beside choices").count();
    check(breaches == 0, format!("{:?}", heard.breaches.iter().take(3).collect::<Vec<_>>()));
    let text = if said.pictures { heard.text.starts_with(&said.text) || heard.text.contains(&said.text) } else { heard.text == said.text };
    check(text, format!("text\n  said  {:?}\n  heard {:?}", short(&said.text), short(&heard.text)));
    check(heard.thought == said.thought, format!("thought\n  said  {:?}\n  heard {:?}", short(&said.thought), short(&heard.thought)));
    check(heard.calls == said.calls, format!("calls\n  said  {:?}\n  heard {:?}", said.calls, heard.calls));
    if let Some(usage) = said.usage {
        check(heard.usage == Some(usage), format!("usage said {usage:?} heard {:?}", heard.usage));
    }
    check(heard.endings.len() == 1, format!("endings {:?}", heard.endings));
    let ending = heard.endings.first().map(String::as_str).unwrap_or_default();
    let expected = expected_ending(caller, said);
    check(expected.is_none_or(|word| word == ending), format!("ended {ending:?}, not {expected:?}, of {:?}", said.ending));
    check(!streamed || heard.closed, "the stream is not closed".to_owned());
    heard
}

/// The caller's word for the native one, where there is just one.
fn expected_ending(caller: Dialect, said: &Said) -> Option<&'static str> {
    let calls = !said.calls.is_empty();
    let sort = match said.ending.to_ascii_lowercase().as_str() {
        "unexpected_tool_call" => return None,
        _ if calls && !matches!(&*said.ending, "length" | "max_tokens" | "MAX_TOKENS") => 1,
        "length" | "max_tokens" | "max_output_tokens" | "model_length" => 2,
        "content_filter" | "safety" | "guardrail_intervened" | "content_filtered" | "recitation" | "prohibited_content" => 3,
        "stop" | "end_turn" | "complete" | "eos" => 0,
        _ => return None,
    };
    let words = match caller {
        Dialect::Chat => ["stop", "tool_calls", "length", "content_filter"],
        Dialect::Messages => ["end_turn", "tool_use", "max_tokens", "refusal"],
        Dialect::Responses => ["stop", "stop", "max_output_tokens", "content_filter"],
        _ => return [Some("STOP"), Some("STOP"), Some("MAX_TOKENS"), None][sort],
    };
    Some(words[sort])
}

pub fn short(text: &str) -> String {
    text.chars().take(300).collect()
}
