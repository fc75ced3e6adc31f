use super::super::usage::Counts;
use crate::wire::Glance;
use crate::wire::frame::sse;
use crate::wire::skim::Skim;

pub fn glance_frame(frame: &sse::Frame<'_>, glance: &mut Glance) {
    // Of an event that is cut off nothing counts.
    let mut told = glance.clone();
    if Skim::body(frame.data, |skim| skim.object(|name, skim| take(name, skim, &mut told))).is_some() {
        *glance = told;
    }
    glance.failed |= frame.event == Some("error");
}

fn take(name: &str, skim: &mut Skim<'_>, glance: &mut Glance) -> Option<()> {
    match name {
        "type" => match skim.raw()? {
            "\"message_stop\"" => glance.finished = true,
            "\"error\"" => glance.failed = true,
            _ => {}
        },
        "usage" => {
            if let Some(counts) = skim.read()? {
                let mut known = glance.usage.as_ref().map(Counts::of_usage).unwrap_or_default();
                known.merge(counts);
                glance.usage = Some(known.usage());
            }
        }
        "message" => skim.object(|name, skim| if name == "usage" { take(name, skim, glance) } else { skim.pass() })?,
        "delta" => skim.object(|name, skim| grow(name, skim, glance))?,
        "error" => glance.failed |= skim.raw()? != "null",
        _ => skim.pass()?,
    }
    Some(())
}

fn grow(name: &str, skim: &mut Skim<'_>, glance: &mut Glance) -> Option<()> {
    match name {
        "text" | "thinking" | "partial_json" => glance.produced = glance.produced.saturating_add(skim.text()?.len()),
        "stop_reason" => glance.finished |= skim.raw()? != "null",
        _ => skim.pass()?,
    }
    Some(())
}
