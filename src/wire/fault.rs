//! A failed answer of any provider, read into an `Error`.
//!
//! Surprises
//! - The words sit in `error.message`, `error` itself, `message`, `Message`, `detail`, `title`, an array of errors, or
//!   in plain text or HTML from something on the way.
//! - `code` is a number with some; a type may be `null`.
//! - `retry-after` is seconds or a date; `retry-after-ms` is more exact; Google says it in the body.

use serde_json::Value;

use crate::error::{Error, Kind, Origin, Retry};

/// What of the head matters here.
#[derive(Clone, Copy, Debug, Default)]
pub struct Head<'a> {
    pub status: u16,
    pub retry_after: Option<&'a str>,
    pub retry_after_ms: Option<&'a str>,
    /// Now, in milliseconds since 1970, for a `retry-after` that is a date.
    pub now_ms: u64,
}

/// The longest stretch of a foreign text that is passed on.
const MAX_WORDS: usize = 2_000;

pub fn decode(head: Head<'_>, body: &[u8]) -> Error {
    let parsed: Option<Value> = crate::wire::json::read(body).ok();
    let said = parsed.as_ref().map(said).unwrap_or_default();
    let message = said.message.clone().unwrap_or_else(|| plain_words(head.status, body));
    let mut kind = Kind::of_status(head.status);
    if said.is("insufficient_quota") {
        kind = Kind::Exhausted;
    }
    let mut error = Error::new(Origin::Upstream, kind, head.status, message);
    if let Retry::Here { .. } = error.retry {
        error.retry = Retry::Here { after_ms: wait(head).or_else(|| parsed.as_ref().and_then(wait_inside)) };
    }
    error.code = said.code.map(Into::into);
    error.type_word = said.type_word;
    error.param = said.param;
    if !said.familiar {
        error.upstream = parsed.map(|value| value.to_string().into_boxed_str());
    }
    error
}

#[derive(Default)]
struct Said {
    message: Option<String>,
    type_word: Option<String>,
    code: Option<String>,
    param: Option<String>,
    /// Nothing of the body is lost by keeping just these fields.
    familiar: bool,
}

impl Said {
    fn is(&self, word: &str) -> bool {
        self.code.as_deref() == Some(word) || self.type_word.as_deref() == Some(word)
    }
}

fn said(body: &Value) -> Said {
    let body = body.as_array().and_then(|errors| errors.first()).unwrap_or(body);
    let error = match body.get("error").or_else(|| body.get("errors")) {
        Some(Value::Array(errors)) => errors.first().filter(|error| error.is_object()).unwrap_or(body),
        Some(error @ Value::Object(_)) => error,
        _ => body,
    };
    let message = words_of(error).or_else(|| words_of(body)).map(|words| clipped(&words));
    let word = |name: &str| match error.get(name)? {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    };
    let type_word = word("type").or_else(|| word("status"));
    let familiar = std::ptr::eq(error, body).then_some(()).is_none()
        && error.as_object().is_some_and(|fields| fields.keys().all(|key| matches!(key.as_str(), "message" | "type" | "param" | "code")))
        && body.as_object().is_some_and(|fields| fields.keys().all(|key| matches!(key.as_str(), "error" | "type" | "request_id")));
    Said { message, type_word, code: word("code"), param: word("param"), familiar }
}

/// The words of an error, however deep; of a list all of them.
fn words_of(value: &Value) -> Option<String> {
    const PLACES: [&str; 13] = [
        "message",
        "Message",
        "detail",
        "error",
        "errors",
        "msg",
        "title",
        "description",
        "error_message",
        "errorMessage",
        "error_description",
        "reason",
        "raw",
    ];
    match value {
        Value::String(text) => Some(text.clone()).filter(|text| !text.trim().is_empty()),
        Value::Array(list) => {
            let all: Vec<String> = list.iter().filter_map(words_of).collect();
            Some(all.join("; ")).filter(|all| !all.is_empty())
        }
        Value::Object(fields) => {
            let words = PLACES.iter().find_map(|name| words_of(fields.get(*name)?))?;
            // A gateway before us has the provider's own words aside.
            let cause = fields.get("metadata").and_then(|aside| aside.get("raw")).and_then(words_of);
            Some(cause.filter(|cause| !words.contains(cause.as_str())).map_or(words.clone(), |cause| format!("{words}: {cause}")))
        }
        _ => None,
    }
}

/// What to say when the body is not JSON.
fn plain_words(status: u16, body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let text = text.trim();
    let markup = text.starts_with('<');
    if text.is_empty() {
        return format!("The provider answered with status {status} and no words.");
    }
    if markup {
        let shown = shown(text);
        let colon = if shown.is_empty() { "." } else { ": " };
        return clipped(&format!("The provider answered with status {status} and a web page{colon}{shown}"));
    }
    clipped(text)
}

/// What a web page shows, each line once.
fn shown(page: &str) -> String {
    let mut lines: Vec<String> = Vec::new();
    let mut silent = false;
    for piece in page.split('<') {
        let (tag, text) = piece.split_once('>').unwrap_or((piece, ""));
        let tag = tag.trim_start_matches('/').to_ascii_lowercase();
        if tag.starts_with("style") || tag.starts_with("script") {
            silent = !piece.starts_with('/');
        }
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        if !silent && !text.is_empty() && !lines.iter().any(|line| line.contains(&text)) {
            lines.push(text);
        }
    }
    let signs = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#39;", "'"), ("&nbsp;", " "), ("&amp;", "&")];
    signs.iter().fold(lines.join(" "), |text, (name, sign)| text.replace(name, sign))
}

fn clipped(text: &str) -> String {
    text.chars().take(MAX_WORDS).collect()
}

/// Milliseconds to wait, where the provider says so.
fn wait(head: Head<'_>) -> Option<u64> {
    if let Some(ms) = head.retry_after_ms.and_then(|text| text.trim().parse::<f64>().ok()) {
        return whole(ms);
    }
    let text = head.retry_after?.trim();
    match text.parse::<f64>() {
        Ok(seconds) => whole(seconds * 1_000.0),
        Err(_) => http_date_ms(text).map(|at| at.saturating_sub(head.now_ms)),
    }
}

/// Google's way of saying it: `{"retryDelay": "34.5s"}` among the details.
fn wait_inside(body: &Value) -> Option<u64> {
    let body = body.as_array().and_then(|errors| errors.first()).unwrap_or(body);
    let details = body.get("error")?.get("details")?.as_array()?;
    let delay = details.iter().find_map(|detail| detail.get("retryDelay")?.as_str())?;
    whole(delay.strip_suffix('s')?.parse::<f64>().ok()? * 1_000.0)
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked to be a small positive number")]
fn whole(ms: f64) -> Option<u64> {
    (ms.is_finite() && (0.0..1e12).contains(&ms)).then_some(ms as u64)
}

/// `Sun, 06 Nov 1994 08:49:37 GMT` as milliseconds since 1970.
fn http_date_ms(text: &str) -> Option<u64> {
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let mut words = text.split_once(", ")?.1.split(' ');
    let day: u64 = words.next()?.parse().ok()?;
    let month_word = words.next()?;
    let month = MONTHS.iter().position(|month| *month == month_word)?;
    let year: u64 = words.next()?.parse().ok()?;
    let mut clock = words.next()?.split(':').map(|part| part.parse::<u64>().ok());
    let (hour, minute, second) = (clock.next()??, clock.next()??, clock.next()??);
    if !(1970..=9999).contains(&year) || !(1..=31).contains(&day) || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let leap = |year: u64| year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let lengths = [31, if leap(year) { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let years: u64 = (1970..year).map(|year| if leap(year) { 366 } else { 365 }).sum();
    let days = years + lengths.iter().take(month).sum::<u64>() + day - 1;
    Some((((days * 24 + hour) * 60 + minute) * 60 + second) * 1_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shape_in_the_wild_gives_its_words_type_and_code() {
        let table: &[(u16, &str, &str, Option<&str>, Option<&str>)] = &[
            (
                401,
                r#"{"error":{"message":"bad key","type":"invalid_request_error","param":null,"code":"invalid_api_key"}}"#,
                "bad key",
                Some("invalid_request_error"),
                Some("invalid_api_key"),
            ),
            (
                529,
                r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"},"request_id":"r"}"#,
                "Overloaded",
                Some("overloaded_error"),
                None,
            ),
            (
                400,
                r#"[{"error":{"code":400,"message":"API key not valid","status":"INVALID_ARGUMENT"}}]"#,
                "API key not valid",
                Some("INVALID_ARGUMENT"),
                Some("400"),
            ),
            (403, r#"{"message":"The security token is invalid"}"#, "The security token is invalid", None, None),
            (
                422,
                r#"{"detail":[{"loc":["body"],"msg":"field required"},{"msg":"and \"so\" on"}]}"#,
                "field required; and \"so\" on",
                None,
                None,
            ),
            (422, r#"{"object":"error","message":{"detail":[{"msg":"field required"}]},"type":"t"}"#, "field required", Some("t"), None),
            (403, r#"{"Message":"not authorized","message":null}"#, "not authorized", None, None),
            (400, r#"{"error":["first","second"],"warnings":[]}"#, "first; second", None, None),
            (500, r#"{"error":{"error":"deep"}}"#, "deep", None, None),
            (
                429,
                r#"{"error":{"message":"Provider returned error","code":429,"metadata":{"raw":"slow down"}}}"#,
                "Provider returned error: slow down",
                None,
                Some("429"),
            ),
            (
                503,
                "<!DOCTYPE html><html><head><style>p { color: red }</style></head><body><h1>Busy</h1><p>Try &quot;again&quot;\nlater</p></body></html>",
                "The provider answered with status 503 and a web page: Busy Try \"again\" later",
                None,
                None,
            ),
            (400, r#"{"code":"invalid-argument","error":"Model not found"}"#, "Model not found", None, Some("invalid-argument")),
            (
                400,
                r#"{"object":"error","message":"too long","type":"BadRequestError","param":null,"code":400}"#,
                "too long",
                Some("BadRequestError"),
                Some("400"),
            ),
            (404, r#"{"error":"model 'x' not found"}"#, "model 'x' not found", None, None),
            (
                422,
                r#"{"title":"Input validation failed","detail":"input: prompt is required","status":422}"#,
                "input: prompt is required",
                Some("422"),
                None,
            ),
            (400, r#"{"id":"1","name":"bad_request","errors":["no prompt"]}"#, "no prompt", None, None),
            (503, "upstream connect error", "upstream connect error", None, None),
            (
                502,
                "<html><head><title>Bad gateway</title></head></html>",
                "The provider answered with status 502 and a web page: Bad gateway",
                None,
                None,
            ),
            (500, "", "The provider answered with status 500 and no words.", None, None),
        ];
        for (status, body, message, type_word, code) in table {
            let error = decode(Head { status: *status, ..Head::default() }, body.as_bytes());
            assert_eq!(error.message, *message);
            assert_eq!(error.type_word.as_deref(), *type_word, "{body}");
            assert_eq!(error.code.as_deref(), *code, "{body}");
            assert_eq!(error.status, *status);
        }
    }

    #[test]
    fn a_familiar_shape_is_not_repeated_and_any_other_is_kept_whole() {
        let familiar = decode(Head { status: 400, ..Head::default() }, br#"{"error":{"message":"m","type":"t","param":null,"code":null}}"#);
        assert_eq!(familiar.upstream, None);
        let other = decode(Head { status: 400, ..Head::default() }, br#"{"error":{"message":"m","failed_generation":"x"}}"#);
        assert_eq!(other.upstream.as_deref(), Some(r#"{"error":{"failed_generation":"x","message":"m"}}"#));
    }

    #[test]
    fn a_spent_quota_is_told_from_a_rate_limit() {
        let body = br#"{"error":{"message":"m","type":"insufficient_quota","param":null,"code":"insufficient_quota"}}"#;
        let head = Head { status: 429, retry_after: Some("7"), ..Head::default() };
        let spent = decode(head, body);
        assert_eq!((spent.kind, spent.retry), (Kind::Exhausted, Retry::Elsewhere));
        let limited = decode(head, b"{}");
        assert_eq!((limited.kind, limited.retry), (Kind::RateLimited, Retry::Here { after_ms: Some(7_000) }));
    }

    #[test]
    fn a_wait_that_only_the_body_tells_is_heeded() {
        let body = |delay: &str| {
            format!(
                r#"{{"error":{{"code":429,"message":"m","details":[{{"@type":"type.googleapis.com/google.rpc.QuotaFailure"}},{{"retryDelay":{delay}}}]}}}}"#
            )
        };
        let head = Head { status: 429, ..Head::default() };
        let after = |head, body: &str| if let Retry::Here { after_ms } = decode(head, body.as_bytes()).retry { after_ms } else { None };
        assert_eq!(after(head, &body(r#""34.5s""#)), Some(34_500));
        assert_eq!(after(head, &format!("[{}]", body(r#""2s""#))), Some(2_000));
        assert_eq!(after(Head { retry_after: Some("7"), ..head }, &body(r#""34.5s""#)), Some(7_000));
        for odd in [r#""soon""#, r#""-1s""#, "34", "null", r#""s""#] {
            assert_eq!(after(head, &body(odd)), None, "{odd}");
        }
    }

    #[test]
    fn a_wait_may_be_seconds_milliseconds_or_a_date() {
        let now_ms = 784_111_777_000;
        let table = [
            (Some("2"), None, Some(2_000)),
            (Some("0.5"), None, Some(500)),
            (Some("2"), Some("150"), Some(150)),
            (Some("Sun, 06 Nov 1994 08:49:47 GMT"), None, Some(10_000)),
            (Some("Sun, 06 Nov 1994 08:49:27 GMT"), None, Some(0)),
            (Some("soon"), None, None),
            (Some("-1"), None, None),
            (None, None, None),
        ];
        for (retry_after, retry_after_ms, expected) in table {
            assert_eq!(wait(Head { status: 429, retry_after, retry_after_ms, now_ms }), expected, "{retry_after:?}");
        }
        assert_eq!(http_date_ms("Thu, 29 Feb 2024 00:00:00 GMT"), Some(1_709_164_800_000));
    }
}
