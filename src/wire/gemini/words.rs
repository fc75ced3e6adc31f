//! The dialect's words for why an answer ended and for what went wrong.

use crate::error::{Error, Kind};
use crate::ir::{Finish, Reason};
use crate::wire::lean;
use serde_json::Value;
use serde_json::value::RawValue;

/// By their numbers in Google's enum, as some clients ask to have them.
const REASONS: [(&str, Reason); 18] = [
    ("FINISH_REASON_UNSPECIFIED", Reason::Stop),
    ("STOP", Reason::Stop),
    ("MAX_TOKENS", Reason::Length),
    ("SAFETY", Reason::Filtered),
    ("RECITATION", Reason::Filtered),
    ("OTHER", Reason::Stop),
    ("LANGUAGE", Reason::Stop),
    ("BLOCKLIST", Reason::Filtered),
    ("PROHIBITED_CONTENT", Reason::Filtered),
    ("SPII", Reason::Filtered),
    ("MALFORMED_FUNCTION_CALL", Reason::Stop),
    ("IMAGE_SAFETY", Reason::Filtered),
    ("UNEXPECTED_TOOL_CALL", Reason::Stop),
    ("TOO_MANY_TOOL_CALLS", Reason::Stop),
    ("IMAGE_PROHIBITED_CONTENT", Reason::Filtered),
    ("NO_IMAGE", Reason::Stop),
    ("IMAGE_RECITATION", Reason::Filtered),
    ("MODEL_ARMOR", Reason::Filtered),
];

/// Of words for the same kind, the first is ours.
const STATUSES: [(&str, Kind, u16); 16] = [
    ("INVALID_ARGUMENT", Kind::Invalid, 400),
    ("FAILED_PRECONDITION", Kind::Invalid, 400),
    ("OUT_OF_RANGE", Kind::Invalid, 400),
    ("UNAUTHENTICATED", Kind::Unauthenticated, 401),
    ("PERMISSION_DENIED", Kind::Forbidden, 403),
    ("NOT_FOUND", Kind::NotFound, 404),
    ("ABORTED", Kind::Conflict, 409),
    ("ALREADY_EXISTS", Kind::Conflict, 409),
    ("RESOURCE_EXHAUSTED", Kind::RateLimited, 429),
    ("CANCELLED", Kind::Abandoned, 499),
    ("INTERNAL", Kind::Failed, 500),
    ("UNKNOWN", Kind::Failed, 500),
    ("DATA_LOSS", Kind::Failed, 500),
    ("UNIMPLEMENTED", Kind::Failed, 501),
    ("UNAVAILABLE", Kind::Overloaded, 503),
    ("DEADLINE_EXCEEDED", Kind::TimedOut, 504),
];

/// Why the answer ended, told by a word or its number; nothing when it has not.
pub(super) fn finish(raw: &RawValue, calls: bool) -> Option<Finish> {
    let word = match lean::from_str(raw.get()).ok()? {
        Value::String(word) => word,
        Value::Number(number) => {
            let place = usize::try_from(number.as_u64()?).ok()?;
            REASONS.get(place).map_or_else(|| number.to_string(), |(word, _)| (*word).to_owned())
        }
        _ => return None,
    };
    if word.is_empty() || word == "FINISH_REASON_UNSPECIFIED" {
        return None;
    }
    let reason = match known_reason(&word) {
        Reason::Stop if calls => Reason::ToolCalls,
        reason => reason,
    };
    Some(Finish { reason, raw: Some(word), stop_sequence: None })
}

/// The answer to a prompt that was blocked.
pub(super) fn blocked(raw: &RawValue) -> Option<Finish> {
    let word = lean::from_str::<String>(raw.get()).unwrap_or_else(|_| raw.get().to_owned());
    let told = !matches!(word.as_str(), "" | "null" | "0" | "BLOCK_REASON_UNSPECIFIED" | "BLOCKED_REASON_UNSPECIFIED");
    told.then_some(Finish { reason: Reason::Filtered, raw: Some(word), stop_sequence: None })
}

/// The `finishReason` of an answer, which does not tell whether calls were made.
pub(super) fn finish_word(finish: &Finish) -> &str {
    let (fits, ours): (fn(Reason) -> bool, &str) = match finish.reason {
        Reason::Stop | Reason::ToolCalls | Reason::Pause => (|reason| reason == Reason::Stop, "STOP"),
        Reason::Length => (|reason| reason == Reason::Length, "MAX_TOKENS"),
        Reason::Filtered | Reason::Refusal => (|reason| reason == Reason::Filtered, "SAFETY"),
    };
    let known = REASONS.iter().find(|(known, reason)| finish.raw.as_deref() == Some(*known) && fits(*reason));
    known.map_or(ours, |(word, _)| word)
}

fn known_reason(word: &str) -> Reason {
    REASONS.iter().find(|(known, _)| *known == word).map(|(_, reason)| *reason).unwrap_or_default()
}

/// What an `error` object inside an answer says.
pub(super) fn upstream_error(raw: &RawValue) -> Error {
    let told: Value = lean::from_str(raw.get()).unwrap_or_default();
    let word = told.get("status").and_then(Value::as_str);
    let row = STATUSES.iter().find(|(known, ..)| Some(*known) == word);
    let code = told.get("code").and_then(Value::as_u64).and_then(|code| u16::try_from(code).ok()).filter(|code| *code >= 400);
    let (kind, status) = match (code, row) {
        (Some(code), _) => (Kind::of_status(code), code),
        (None, Some((_, kind, status))) => (*kind, *status),
        (None, None) => (Kind::Failed, Kind::Failed.status()),
    };
    let message = told.get("message").and_then(Value::as_str).or(told.as_str()).filter(|message| !message.is_empty());
    let message = message.map_or_else(|| format!("The provider reported an error: {}", raw.get()), str::to_owned);
    let mut error = Error::upstream(kind, message).with_status(status);
    error.type_word = word.map(str::to_owned);
    error
}

/// The `status` of an error.
pub(super) fn status_word(error: &Error) -> &str {
    let own = |(known, kind, _): &&(&str, Kind, u16)| error.type_word.as_deref() == Some(*known) && *kind == error.kind;
    let kind = match error.kind {
        Kind::TooLarge | Kind::MethodNotAllowed => Kind::Invalid,
        Kind::Exhausted => Kind::RateLimited,
        Kind::Unreachable => Kind::Overloaded,
        kind => kind,
    };
    let row = STATUSES.iter().find(own).or_else(|| STATUSES.iter().find(|(_, known, _)| *known == kind));
    row.map_or("UNKNOWN", |(word, ..)| word)
}
