use super::super::usage::Counts;
use crate::wire::Glance;
use crate::wire::frame::sse;
use serde::Deserialize;
use serde::de::IgnoredAny;
use std::borrow::Cow;

#[derive(Deserialize)]
struct Glimpse<'a> {
    #[serde(borrow, rename = "type", default)]
    kind: Cow<'a, str>,
    message: Option<Head>,
    usage: Option<Counts>,
    #[serde(borrow)]
    delta: Option<Delta<'a>>,
    error: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct Head {
    usage: Option<Counts>,
}

#[derive(Deserialize)]
struct Delta<'a> {
    #[serde(borrow)]
    text: Option<Cow<'a, str>>,
    #[serde(borrow)]
    thinking: Option<Cow<'a, str>>,
    #[serde(borrow)]
    partial_json: Option<Cow<'a, str>>,
    stop_reason: Option<IgnoredAny>,
}

pub fn glance_frame(frame: &sse::Frame<'_>, glance: &mut Glance) {
    let Ok(glimpse) = crate::wire::json::read::<Glimpse<'_>>(frame.data) else {
        glance.failed |= frame.event == Some("error");
        return;
    };
    if let Some(counts) = glimpse.message.and_then(|head| head.usage).or(glimpse.usage) {
        let mut known = glance.usage.as_ref().map(Counts::of_usage).unwrap_or_default();
        known.merge(counts);
        glance.usage = Some(known.usage());
    }
    if let Some(delta) = glimpse.delta {
        let pieces = [delta.text, delta.thinking, delta.partial_json];
        glance.produced += pieces.iter().flatten().map(|piece| piece.len()).sum::<usize>();
        glance.finished |= delta.stop_reason.is_some();
    }
    glance.finished |= glimpse.kind == "message_stop";
    glance.failed |= glimpse.error.is_some() || glimpse.kind == "error" || frame.event == Some("error");
}
