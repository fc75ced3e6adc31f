//! What OpenAI's dialects have in common: the shape of an error.

use serde::Deserialize;

use super::answer::write_upstream;
use super::json::Object;
use crate::error::{Error, Kind, Origin};

pub(in crate::wire) fn encode_error(error: &Error) -> Vec<u8> {
    let (kind, code) = words(error);
    let mut body = Vec::with_capacity(256);
    let mut object = Object::open(&mut body);
    let mut inner = Object::open(object.slot("error"))
        .with("message", &error.message)
        .with("type", error.type_word.as_deref().unwrap_or(kind))
        .with("param", &error.param)
        .with("code", &error.code.as_deref().or(code));
    write_upstream(&mut inner, error);
    inner.close();
    object.close();
    body
}

/// The type and code of an error that brings none of its own.
fn words(error: &Error) -> (&'static str, Option<&'static str>) {
    match error.kind {
        Kind::Invalid | Kind::MethodNotAllowed | Kind::Conflict => ("invalid_request_error", None),
        Kind::Unauthenticated => ("authentication_error", Some("invalid_api_key")),
        Kind::Forbidden => ("permission_error", None),
        Kind::NotFound => ("invalid_request_error", Some("not_found")),
        Kind::TooLarge => ("invalid_request_error", Some("request_too_large")),
        Kind::RateLimited => ("rate_limit_error", Some("rate_limit_exceeded")),
        Kind::Exhausted => ("insufficient_quota", Some("insufficient_quota")),
        Kind::TimedOut => ("timeout_error", None),
        Kind::Overloaded => ("overloaded_error", None),
        Kind::Abandoned => ("request_abandoned", None),
        Kind::Unreachable | Kind::Failed if error.origin == Origin::Upstream => ("upstream_error", None),
        Kind::Unreachable | Kind::Failed => ("api_error", None),
    }
}

/// Whether a failed answer is in this very shape, so that it may pass as it is.
pub(in crate::wire) fn is_own_error(body: &[u8]) -> bool {
    #[derive(Deserialize)]
    struct Whole {
        #[serde(rename = "error")]
        _error: Inner,
    }
    // Strings where the dialect has strings: some send a number for a code.
    #[derive(Deserialize)]
    struct Inner {
        #[serde(rename = "message")]
        _message: String,
        #[serde(rename = "type")]
        _kind: Option<String>,
        #[serde(default, rename = "param")]
        _param: Option<String>,
        #[serde(default, rename = "code")]
        _code: Option<String>,
    }
    serde_json::from_slice::<Whole>(body).is_ok()
}
