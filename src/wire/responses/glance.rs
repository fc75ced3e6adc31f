use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use super::answer::{Answer, text};
use super::response::answer;
use crate::error::Result;
use crate::wire::Glance;
use crate::wire::frame::sse;
use crate::wire::lean;

#[derive(Deserialize)]
struct Glimpse<'a> {
    #[serde(borrow, rename = "type", default)]
    kind: Option<&'a RawValue>,
    #[serde(borrow, default)]
    delta: Option<&'a RawValue>,
    #[serde(borrow, default)]
    response: Option<&'a RawValue>,
    #[serde(default)]
    error: Option<IgnoredAny>,
}

/// Adds what one frame of a passing stream tells.
pub fn glance_frame(frame: &sse::Frame<'_>, glance: &mut Glance) {
    let Ok(glimpse) = crate::wire::json::read::<Glimpse<'_>>(frame.data) else {
        glance.failed |= frame.event == Some("error");
        return;
    };
    let kind = text(glimpse.kind);
    let kind = if kind.is_empty() { frame.event.unwrap_or_default() } else { &kind };
    glance.failed |= glimpse.error.is_some();
    match kind {
        "error" => glance.failed = true,
        "response.completed" | "response.incomplete" | "response.failed" | "response.cancelled" => {
            let last = glimpse.response.and_then(|raw| lean::from_str::<Answer<'_>>(raw.get()).ok()).unwrap_or_default();
            glance.usage = last.counted().or(glance.usage);
            let failed = matches!(kind, "response.failed" | "response.cancelled") || last.fault().is_some();
            glance.failed |= failed;
            glance.finished |= !failed;
        }
        kind if kind.ends_with(".delta") => glance.produced = glance.produced.saturating_add(inner(glimpse.delta)),
        _ => {}
    }
}

/// The whole answer, as the last event of a stream tells it.
pub fn whole(frame: &sse::Frame<'_>) -> Option<Vec<u8>> {
    let glimpse: Glimpse<'_> = crate::wire::json::read(frame.data).ok()?;
    let kind = text(glimpse.kind);
    let kind = if kind.is_empty() { frame.event.unwrap_or_default() } else { &kind };
    let last = matches!(kind, "response.completed" | "response.incomplete");
    glimpse.response.filter(|_| last).map(|raw| raw.get().as_bytes().to_vec())
}

/// What a whole passing answer tells; an error when it is no answer of this dialect at all.
pub fn glance_response(body: &[u8]) -> Result<Glance> {
    #[derive(Default, Deserialize)]
    struct Item<'a> {
        #[serde(borrow, default)]
        content: Option<Vec<&'a RawValue>>,
        #[serde(borrow, default)]
        summary: Option<Vec<&'a RawValue>>,
        #[serde(borrow, default)]
        arguments: Option<&'a RawValue>,
    }
    #[derive(Default, Deserialize)]
    struct Piece<'a> {
        #[serde(borrow, default)]
        text: Option<&'a RawValue>,
        #[serde(borrow, default)]
        refusal: Option<&'a RawValue>,
    }
    let answer = answer(body)?;
    let mut glance = Glance { usage: answer.counted(), finished: true, ..Glance::default() };
    for raw in answer.output.iter().flatten() {
        let item: Item<'_> = lean::from_str(raw.get()).unwrap_or_default();
        let pieces = item.content.iter().chain(&item.summary).flatten();
        let pieces = pieces.filter_map(|raw| lean::from_str::<Piece<'_>>(raw.get()).ok());
        let said: usize = pieces.map(|piece| inner(piece.text).saturating_add(inner(piece.refusal))).sum();
        glance.produced = glance.produced.saturating_add(said).saturating_add(inner(item.arguments));
    }
    Ok(glance)
}

/// Length of a string, escapes not counted exactly: it is an estimate's ground.
fn inner(raw: Option<&RawValue>) -> usize {
    raw.map_or(0, |raw| raw.get().len().saturating_sub(2))
}
