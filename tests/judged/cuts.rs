//! Streams that break off before the provider said why the answer ended.

use causeway::wire::Dialect;

use crate::heard::heard;
use crate::recording::Recording;
use crate::said::said;
use crate::tally::Tally;
use crate::whole::{CALLERS, answered, ask, playable, short};

/// Where the native stream first says that it is over.
fn end(recording: &Recording) -> usize {
    let marks: &[&str] = match recording.dialect {
        Dialect::Chat | Dialect::Completions => &["\"finish_reason\":\"", "\"finish_reason\": \""],
        Dialect::Messages => &["\"message_delta\""],
        Dialect::Gemini => &["\"finishReason\":", "\"blockReason\":"],
        Dialect::Converse => &["messageStop"],
        Dialect::Cohere => &["\"message-end\""],
        Dialect::Responses => &["\"response.completed\"", "\"response.incomplete\"", "\"response.failed\""],
        Dialect::Predictions => &["event: done"],
    };
    let find = |mark: &&str| recording.body.windows(mark.len()).position(|window| window == mark.as_bytes());
    marks.iter().filter_map(find).min().unwrap_or(0)
}

pub fn judge(recording: &Recording, tally: &mut Tally) {
    let end = end(recording);
    if said(recording).failed {
        return;
    }
    for caller in CALLERS.into_iter().filter(|caller| playable(recording, *caller)) {
        for tenth in [0, 1, 3, 5, 7, 9, 10] {
            for breaks in [false, true] {
                let cut = recording.body[..end * tenth / 10].to_vec();
                let mut scene = answered(ask(recording, caller, true), recording, cut);
                scene.breaks = breaks;
                scene.piece = 100;
                let scenery = scene.play();
                // What broke off without its blank line is no event for any client.
                let end = if scenery.native {
                    scenery.body.rfind("\n\n").or(scenery.body.rfind("\r\n\r\n")).map_or(0, |at| at + 2)
                } else {
                    scenery.body.len()
                };
                let heard = heard(caller, true, &scenery.body[..end]);
                let name =
                    format!("{} for {} cut at {tenth}/10, {}", recording.name(), caller.slug(), if breaks { "reset" } else { "closed" });
                let mut check = |holds: bool, what: &str| {
                    tally.check(recording.provider, holds, || {
                        format!(
                            "{name}: {what}: ...{}",
                            short(&scenery.body.chars().rev().take(300).collect::<Vec<_>>().into_iter().rev().collect::<String>())
                        )
                    });
                };
                // What passes by itself is cut as the provider's was: there is no end to it.
                check(heard.endings.is_empty(), "it has an ending");
                check(!heard.closed || heard.failed, "it is closed without an error");
                check(heard.failed || scenery.native || scenery.status >= 400, "nothing says that it failed");
                check(heard.breaches.is_empty(), &format!("{:?}", heard.breaches.first()));
            }
        }
    }
}
