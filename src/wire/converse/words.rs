//! The dialect's words for why an answer ended, what went wrong, and how much was used.

use serde::Deserialize;

use crate::error::{Error, Kind};
use crate::ir::{Finish, Reason, Usage};

pub(super) fn finish(word: &str, calls: bool) -> Finish {
    let reason = match word {
        "max_tokens" | "model_context_window_exceeded" => Reason::Length,
        "guardrail_intervened" | "content_filtered" => Reason::Filtered,
        "tool_use" => Reason::ToolCalls,
        _ if calls => Reason::ToolCalls,
        _ => Reason::Stop,
    };
    Finish { reason, raw: Some(word.to_owned()), stop_sequence: None }
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Counts {
    input_tokens: Option<u64>,
    output_tokens: Option<u64>,
    cache_read_input_tokens: Option<u64>,
    cache_write_input_tokens: Option<u64>,
}

impl Counts {
    pub fn usage(self) -> Usage {
        let (read, write) = (self.cache_read_input_tokens, self.cache_write_input_tokens);
        let parts = [self.input_tokens, read, write];
        Usage {
            input: parts.into_iter().flatten().fold(0, u64::saturating_add),
            output: self.output_tokens.unwrap_or(0),
            cache_read: read,
            cache_write: write,
            ..Usage::default()
        }
    }
}

/// An exception that comes inside a stream.
pub(super) fn exception(name: &str, payload: &[u8]) -> Error {
    #[derive(Default, Deserialize)]
    struct Told {
        #[serde(alias = "Message")]
        message: Option<String>,
        #[serde(rename = "originalStatusCode")]
        status: Option<u16>,
    }
    let told: Told = serde_json::from_slice(payload).unwrap_or_default();
    let (kind, status) = match name {
        "throttlingException" => (Kind::RateLimited, 429),
        "validationException" => (Kind::Invalid, 400),
        "accessDeniedException" => (Kind::Forbidden, 403),
        "resourceNotFoundException" => (Kind::NotFound, 404),
        "serviceQuotaExceededException" => (Kind::RateLimited, 429),
        "modelTimeoutException" => (Kind::TimedOut, 408),
        "serviceUnavailableException" | "modelNotReadyException" => (Kind::Overloaded, 503),
        _ => (Kind::Failed, told.status.filter(|status| (400..600).contains(status)).unwrap_or(500)),
    };
    let message = told.message.unwrap_or_else(|| format!("The provider's stream broke off: {name}."));
    Error::upstream(kind, message).with_status(status)
}
