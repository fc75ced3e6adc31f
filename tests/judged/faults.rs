//! Failed answers: the status and the provider's words, in the caller's shape.

use causeway::wire::Dialect;
use serde_json::Value;

use crate::recording::Recording;
use crate::tally::Tally;
use crate::whole::{CALLERS, answered, ask, short};

/// The provider's words, wherever it has them.
fn words(recording: &Recording) -> String {
    let text = String::from_utf8_lossy(&recording.body).into_owned();
    let Ok(body) = serde_json::from_str::<Value>(&text) else { return text.trim().to_owned() };
    let places = ["/error/message", "/0/error/message", "/message", "/detail", "/error/0", "/errors/0/message", "/error"];
    let found = places.iter().find_map(|place| body.pointer(place).and_then(Value::as_str));
    found.unwrap_or_default().to_owned()
}

pub fn judge(recording: &Recording, tally: &mut Tally) {
    for caller in CALLERS.into_iter().filter(|caller| recording.answers(*caller)) {
        for streamed in [false, true] {
            let scenery = answered_once(recording, caller, streamed);
            let name = format!("{} for {}", recording.name(), caller.slug());
            let mut check = |holds: bool, what: &str| tally.check(recording.provider, holds, || format!("{name}: {what}: {} {}", scenery.status, short(&scenery.body)));
            check(scenery.status == recording.status, "status");
            let body: Value = serde_json::from_str(&scenery.body).unwrap_or_default();
            let error = &body["error"];
            let own = words(recording);
            check(error["message"].as_str().is_some_and(|message| !own.is_empty() && message.contains(&own)), "words");
            match caller {
                Dialect::Gemini => check(error["code"].as_u64() == Some(u64::from(recording.status)) && error["status"].is_string(), "code or status"),
                Dialect::Messages => check(body["type"] == "error" && error["type"].is_string(), "type"),
                _ => {
                    for field in ["type", "code", "param"] {
                        check(error[field].is_string() || error[field].is_null(), field);
                    }
                }
            }
            let waits = recording.headers.iter().find(|(name, _)| *name == "retry-after").map(|(_, value)| *value);
            check(waits.is_none() || scenery.headers.find("retry-after").is_some(), "retry-after");
        }
    }
}

fn answered_once(recording: &Recording, caller: Dialect, streamed: bool) -> crate::scripted::Scenery {
    let scene = ask(recording, caller, streamed);
    if recording.dialect == Dialect::Predictions {
        return scene.answers(recording.status, recording.headers.clone(), recording.body.clone()).play();
    }
    answered(scene, recording, recording.body.clone()).play()
}
