//! The dialect's words for why an answer ended and for what went wrong.

use crate::error::{Error, Kind, Result};
use crate::ir::{Finish, Reason};
use crate::wire::fields::Fields;
use serde_json::value::RawValue;

const REASONS: [(&str, Reason); 7] = [
    ("end_turn", Reason::Stop),
    ("stop_sequence", Reason::Stop),
    ("max_tokens", Reason::Length),
    ("model_context_window_exceeded", Reason::Length),
    ("tool_use", Reason::ToolCalls),
    ("refusal", Reason::Refusal),
    ("pause_turn", Reason::Pause),
];

const ERRORS: [(&str, Kind, u16); 11] = [
    ("invalid_request_error", Kind::Invalid, 400),
    ("authentication_error", Kind::Unauthenticated, 401),
    ("billing_error", Kind::Exhausted, 402),
    ("permission_error", Kind::Forbidden, 403),
    ("not_found_error", Kind::NotFound, 404),
    ("conflict_error", Kind::Conflict, 409),
    ("request_too_large", Kind::TooLarge, 413),
    ("rate_limit_error", Kind::RateLimited, 429),
    ("api_error", Kind::Failed, 500),
    ("timeout_error", Kind::TimedOut, 504),
    ("overloaded_error", Kind::Overloaded, 529),
];

pub(super) fn finish(stop_reason: String, stop_sequence: Option<String>) -> Finish {
    Finish { reason: known_reason(&stop_reason).unwrap_or_default(), raw: Some(stop_reason), stop_sequence }
}

/// The `stop_reason` of an answer; one in which calls were made never says that it merely stopped.
pub(super) fn stop_reason(finish: &Finish, calls: bool) -> &str {
    let own = finish.raw.as_deref().filter(|raw| known_reason(raw) == Some(finish.reason));
    match finish.reason {
        Reason::Stop if calls => "tool_use",
        Reason::Stop if finish.stop_sequence.is_some() => "stop_sequence",
        Reason::Stop => own.unwrap_or("end_turn"),
        Reason::Length => own.unwrap_or("max_tokens"),
        Reason::ToolCalls => "tool_use",
        Reason::Filtered | Reason::Refusal => "refusal",
        Reason::Pause => "pause_turn",
    }
}

fn known_reason(word: &str) -> Option<Reason> {
    REASONS.iter().find(|(known, _)| *known == word).map(|(_, reason)| *reason)
}

/// The `type` of an error.
pub(super) fn error_type(error: &Error) -> &str {
    let own = error.type_word.as_deref().filter(|word| ERRORS.iter().any(|(known, ..)| known == word));
    own.unwrap_or(match error.kind {
        Kind::Exhausted if error.status == 402 => "billing_error",
        Kind::Exhausted => "rate_limit_error",
        Kind::MethodNotAllowed => "invalid_request_error",
        Kind::Unreachable | Kind::Abandoned => "api_error",
        kind => ERRORS.iter().find(|(_, known, _)| *known == kind).map_or("api_error", |(word, ..)| word),
    })
}

/// What the `error` of a provider says, be it this dialect's own or that of a server in between.
pub(super) fn upstream_error(raw: &RawValue) -> Error {
    told(raw).unwrap_or_else(|_| Error::upstream(Kind::Failed, format!("The provider reported an error: {}", raw.get())))
}

fn told(raw: &RawValue) -> Result<Error> {
    let mut fields = Fields::of(raw, "error".to_owned())?;
    let message = fields.required_text("message")?;
    let word = fields.text("type")?;
    let row = ERRORS.iter().find(|(known, ..)| Some(*known) == word.as_deref());
    let mut error = match row {
        Some((_, kind, status)) => Error::upstream(*kind, message).with_status(*status),
        None => Error::upstream(Kind::Failed, message),
    };
    error.type_word = word;
    Ok(error)
}
