mod calls;
mod reader;
mod writer;

pub use reader::StreamReader;
pub use writer::StreamWriter;

use super::answer::{Answer, Said};
use crate::wire::Glance;
use crate::wire::frame::sse;

/// Adds what a passing chunk tells.
pub fn glance_frame(frame: &sse::Frame<'_>, glance: &mut Glance) {
    let Ok(answer) = serde_json::from_slice::<Answer<'_>>(frame.data) else {
        glance.failed |= frame.event == Some("error");
        return;
    };
    glance.usage = answer.counted().or(glance.usage);
    glance.failed |= frame.event == Some("error") || answer.fault().is_some();
    for choice in answer.choices.iter().flatten() {
        glance.finished |= choice.finish_reason.is_some();
        if let Some(said) = &choice.delta {
            glance.produced = glance.produced.saturating_add(produced(said));
        }
    }
}

/// Length of what was said, quotes and escapes not counted exactly: it is an estimate's ground.
pub fn produced(said: &Said<'_>) -> usize {
    let inner = |raw: &serde_json::value::RawValue| if raw.get() == "null" { 0 } else { raw.get().len().saturating_sub(2) };
    let texts = [said.content, said.reasoning_content.or(said.reasoning), said.refusal];
    let calls = said.tool_calls.iter().filter_map(|call| call.function.as_ref()?.arguments);
    texts.into_iter().flatten().chain(calls).map(inner).sum()
}
