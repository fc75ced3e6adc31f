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
            let mut check = |holds: bool, what: &str| {
                tally.check(recording.provider, holds, || format!("{name}: {what}: {} {}", scenery.status, short(&scenery.body)))
            };
            check(scenery.status == recording.status, "status");
            let body: Value = serde_json::from_str(&scenery.body).unwrap_or_default();
            let error = &body["error"];
            let own = words(recording);
            check(error["message"].as_str().is_some_and(|message| !own.is_empty() && message.contains(&own)), "words");
            match caller {
                Dialect::Gemini => {
                    check(error["code"].as_u64() == Some(u64::from(recording.status)) && error["status"].is_string(), "code or status")
                }
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

/// What a failed answer may look like, and the words that must be told of it.
const SHAPES: &[(&str, &str, &[&str])] = &[
    ("text/plain", "upstream connect error", &["upstream connect error"]),
    (
        "text/html",
        "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n<center><h1>502 Bad Gateway</h1></center><hr><center>nginx</center></body></html>",
        &["502 Bad Gateway"],
    ),
    (
        "text/html",
        "<!DOCTYPE html><html><head><style>p { color: red }</style></head><body><h1>Service Unavailable</h1><p>Try again &amp; again</p></body></html>",
        &["Service Unavailable", "Try again & again"],
    ),
    ("text/plain", "", &["status"]),
    ("application/json", r#"{"error":{"message":"no such thing","type":null,"param":null,"code":null}}"#, &["no such thing"]),
    ("application/json", r#"{"error":{"message":"no such thing","type":"bad","code":1234}}"#, &["no such thing"]),
    ("application/json", r#"{"error":{"message":"no such thing","type":"bad","param":["a"],"code":{"x":1}}}"#, &["no such thing"]),
    (
        "application/json",
        r#"{"type":"error","error":{"type":"overloaded_error","message":"no such thing"},"request_id":"r"}"#,
        &["no such thing"],
    ),
    ("application/json", r#"[{"error":{"code":400,"message":"no such thing","status":"INVALID_ARGUMENT"}}]"#, &["no such thing"]),
    ("application/json", r#"{"message":"no such thing"}"#, &["no such thing"]),
    ("application/json", r#"{"Message":"no such thing"}"#, &["no such thing"]),
    ("application/json", r#"{"message":null,"Message":"no such thing"}"#, &["no such thing"]),
    ("application/json", r#"{"__type":"ThrottlingException","message":"no such thing"}"#, &["no such thing"]),
    (
        "application/json",
        r#"{"object":"error","message":"no such thing","type":"BadRequestError","param":null,"code":400}"#,
        &["no such thing"],
    ),
    (
        "application/json",
        r#"{"object":"error","message":{"detail":[{"type":"missing","loc":["body","model"],"msg":"Field \"model\" required"}]},"type":"invalid_request_error"}"#,
        &["Field \"model\" required"],
    ),
    (
        "application/json",
        r#"{"detail":[{"type":"missing","loc":["body","model"],"msg":"Field \"model\" required","input":null}]}"#,
        &["Field \"model\" required"],
    ),
    ("application/json", r#"{"detail":"no such thing"}"#, &["no such thing"]),
    ("application/json", r#"{"detail":{"message":"no \"such\" thing"}}"#, &["no \"such\" thing"]),
    ("application/json", r#"{"code":"invalid-argument","error":"no such thing"}"#, &["no such thing"]),
    ("application/json", r#"{"error":"no such thing"}"#, &["no such thing"]),
    ("application/json", r#"{"error":["no such thing","nor another"],"warnings":[]}"#, &["no such thing", "nor another"]),
    (
        "application/json",
        r#"{"errors":[{"code":7003,"message":"no such thing"}],"success":false,"result":null,"messages":[]}"#,
        &["no such thing"],
    ),
    ("application/json", r#"{"errors":["no such thing"],"id":"1","name":"bad_request"}"#, &["no such thing"]),
    ("application/json", r#"{"success":false,"error":{"code":"x","msg":"no such thing"}}"#, &["no such thing"]),
    ("application/json", r#"{"code":1211,"msg":"no such thing","success":false}"#, &["no such thing"]),
    ("application/json", r#"{"error":{"error":"no such thing"}}"#, &["no such thing"]),
    (
        "application/json",
        r#"{"error":{"message":"Provider returned error","code":429,"metadata":{"raw":"too much at once"}}}"#,
        &["Provider returned error", "too much at once"],
    ),
    ("application/problem+json", r#"{"title":"Invalid","detail":"no such thing","status":422}"#, &["no such thing"]),
    ("application/json", r#""no such thing""#, &["no such thing"]),
    ("application/json", r#"{"reason":"no such thing"}"#, &["no such thing"]),
];

/// Failures of every shape, of whoever the recording is of.
pub fn judge_shapes(recording: &Recording, tally: &mut Tally) {
    for caller in CALLERS.into_iter().filter(|caller| recording.answers(*caller)) {
        for (content_type, body, words) in SHAPES {
            for status in [400, 429, 503] {
                let headers = vec![("content-type", *content_type), ("retry-after", "7")];
                let scenery = ask(recording, caller, recording.streamed).answers(status, headers, body.as_bytes()).play();
                let name = format!("{} for {} with {status} {body}", recording.provider, caller.slug());
                let told: Value = serde_json::from_str(&scenery.body).unwrap_or_default();
                let error = &told["error"];
                let mut check = |holds: bool, what: &str| {
                    tally.check(recording.provider, holds, || format!("{name}: {what}: {} {}", scenery.status, short(&scenery.body)))
                };
                check(scenery.status == status, "status");
                let message = error["message"].as_str().unwrap_or_default();
                check(words.iter().all(|word| message.contains(word)), "words");
                check(status != 429 || scenery.headers.find("retry-after") == Some("7"), "retry-after");
                let string = |value: &Value| value.is_string() || value.is_null();
                check(
                    caller == Dialect::Gemini || ["type", "code", "param"].iter().all(|field| string(&error[*field])),
                    "type, code or param",
                );
            }
        }
    }
}
