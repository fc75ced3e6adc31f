//! Why an answer ended: the words of many providers, and the errors they tell inside a 200.

use crate::error::{Error, Kind};
use crate::ir::{Finish, Reason};
use crate::wire::family::fault_of;
use crate::wire::fault;

/// An error that came in an event of that name, in whatever words.
pub fn fault_in(data: &[u8]) -> Error {
    match crate::wire::json::read(data) {
        Ok(raw) => fault_of(raw),
        Err(_) => fault::decode(fault::Head { status: Kind::Failed.status(), ..fault::Head::default() }, data),
    }
}

/// What a provider's word for why it ended says of a failure.
pub fn failure(word: &str) -> Option<Error> {
    match word {
        "error" | "abort" => Some(Error::upstream(Kind::Failed, "The provider failed while it answered.")),
        "insufficient_system_resource" => {
            Some(Error::upstream(Kind::Overloaded, "The provider had no resources left to finish its answer."))
        }
        _ => None,
    }
}

/// Why it ended, by the provider's word and what it said.
pub fn finish(word: Option<&str>, called: bool, refused: bool) -> Finish {
    let word = word.filter(|word| !word.is_empty());
    let reason = match word.unwrap_or_default().to_ascii_lowercase().as_str() {
        "length" | "model_length" | "max_tokens" | "max_output_tokens" | "model_context_window_exceeded" => Reason::Length,
        "content_filter" | "content_filtered" | "safety" | "prohibited_content" | "recitation" => Reason::Filtered,
        _ if called => Reason::ToolCalls,
        "refusal" => Reason::Refusal,
        _ if refused => Reason::Refusal,
        _ => Reason::Stop,
    };
    Finish { reason, raw: word.map(str::to_owned), stop_sequence: None }
}

/// This dialect's word for why an answer ended in which there were calls, or a refusal.
pub fn finish_word(reason: Reason, called: bool, refused: bool) -> &'static str {
    match reason {
        Reason::Length => "length",
        Reason::Filtered => "content_filter",
        Reason::Stop | Reason::ToolCalls | Reason::Pause if called => "tool_calls",
        // Words of refusal have a place of their own here.
        Reason::Refusal if !refused => "content_filter",
        Reason::Stop | Reason::ToolCalls | Reason::Pause | Reason::Refusal => "stop",
    }
}
