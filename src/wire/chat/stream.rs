mod calls;
mod reader;
mod writer;

pub use reader::StreamReader;
pub use writer::StreamWriter;

use super::answer::{Answer, Said};
use super::ending::failure;
use crate::wire::Glance;
use crate::wire::frame::sse;

/// Adds what a passing chunk tells.
pub fn glance_frame(frame: &sse::Frame<'_>, glance: &mut Glance) {
    if frame.data.trim_ascii() == b"[DONE]" {
        // Some never say why they ended.
        glance.finished |= glance.produced > 0 || glance.usage.is_some();
        return;
    }
    glance.failed |= frame.event == Some("error");
    let Ok(answer) = crate::wire::json::read::<Answer<'_>>(frame.data) else { return };
    glance.usage = answer.counted().or(glance.usage);
    glance.failed |= answer.fault(frame.data).is_some();
    for choice in answer.choices.iter().flatten() {
        if let Some(word) = choice.finish_reason.as_ref().filter(|word| !word.0.is_empty()) {
            glance.failed |= failure(&word.0).is_some();
            glance.finished = true;
        }
        if let Some(said) = &choice.delta {
            glance.produced = glance.produced.saturating_add(produced(said));
        }
    }
}

/// Length of what was said, quotes and escapes not counted exactly: it is an estimate's ground.
pub fn produced(said: &Said<'_>) -> usize {
    let inner = |raw: &serde_json::value::RawValue| if raw.get() == "null" { 0 } else { raw.get().len().saturating_sub(2) };
    let texts = [said.content, said.reasoning_content.or(said.reasoning), said.refusal];
    let functions = said.tool_calls.iter().filter_map(|call| call.function.as_ref().or(call.custom.as_ref()));
    let calls = functions.chain(&said.function_call).filter_map(|function| function.arguments.or(function.input));
    texts.into_iter().flatten().chain(calls).map(inner).sum()
}
