//! The same streams as other servers and networks would send them, and errors in the midst of them.

use causeway::wire::Dialect;

use crate::heard::heard;
use crate::recording::Recording;
use crate::said::said;
use crate::tally::Tally;
use crate::whole::{CALLERS, answered, ask, playable, short};

const CHANGES: &[(&str, fn(&str) -> String)] = &[
    ("CRLF", |stream| stream.replace("\r\n", "\n").replace('\n', "\r\n")),
    ("LF", |stream| stream.replace("\r\n", "\n")),
    ("comments", |stream| format!(": hello\n\n{}", stream.replace("\r\n", "\n").replace("\n\n", "\n\n: keep-alive\n\n:\n"))),
    ("blank lines", |stream| format!("\n\n{}", stream.replace("\r\n", "\n").replace("\n\n", "\n\n\n\n"))),
    ("no space after the colon", |stream| stream.replace("\ndata: ", "\ndata:")),
    ("no last blank line", |stream| stream.trim_end().to_owned()),
];

pub fn judge(recording: &Recording, tally: &mut Tally) {
    // Frames of AWS have no lines, and a space is a word to Replicate.
    if matches!(recording.dialect, Dialect::Converse | Dialect::Predictions) || said(recording).failed {
        return;
    }
    let stream = String::from_utf8(recording.body.clone()).unwrap();
    for caller in CALLERS.into_iter().filter(|caller| playable(recording, *caller)) {
        let play = |body: Vec<u8>| {
            let mut scene = answered(ask(recording, caller, true), recording, body);
            scene.piece = 50;
            scene.play()
        };
        let calm = heard(caller, true, &play(recording.body.clone()).body);
        for (change, apply) in CHANGES {
            let seen = heard(caller, true, &play(apply(&stream).into_bytes()).body);
            tally.check(recording.provider, seen == calm, || {
                format!("{} for {} with {change}:\n  {calm:?}\n  {seen:?}", recording.name(), caller.slug())
            });
        }
        let half = stream.replace("\r\n", "\n");
        let at = (0..=half.len() / 2).rev().filter(|at| half.is_char_boundary(*at)).find(|at| half[..*at].ends_with("\n\n")).unwrap_or(0);
        // Who sends just what the dialect says has no errors of other shapes.
        let exact = recording.provider == "openai" || recording.choices > 1;
        for error in errors(recording).into_iter().take(if exact { 3 } else { 9 }) {
            let scenery = play(format!("{}{error}", &half[..at]).into_bytes());
            let seen = heard(caller, true, &scenery.body);
            let told = scenery.body.contains("too much at once");
            let holds = seen.failed && seen.endings.is_empty() && told;
            let tail: String = scenery.body.chars().skip(scenery.body.chars().count().saturating_sub(300)).collect();
            tally.check(recording.provider, holds, || format!("{} for {} with {error}: {}", recording.name(), caller.slug(), short(&tail)));
        }
    }
}

/// Errors inside a stream, as the dialect's providers send them.
fn errors(recording: &Recording) -> Vec<&'static str> {
    match recording.dialect {
        Dialect::Chat | Dialect::Completions => vec![
            "data: {\"error\":{\"message\":\"too much at once\",\"type\":\"server_error\",\"param\":null,\"code\":null}}\n\n",
            "event: error\ndata: {\"error\":{\"message\":\"too much at once\",\"code\":502}}\n\ndata: [DONE]\n\n",
            "data: {\"id\":\"x\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\",\"error\":{\"code\":429,\"message\":\"too much at once\"},\"choices\":[{\"index\":0,\"delta\":{\"content\":\"\"},\"finish_reason\":\"error\"}]}\n\ndata: [DONE]\n\n",
            "data: {\"error\":\"too much at once\",\"error_type\":\"overloaded\"}\n\n",
            "data: {\"object\":\"error\",\"message\":\"too much at once\",\"code\":500}\n\n",
        ],
        Dialect::Messages => {
            vec!["event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"too much at once\"}}\n\n"]
        }
        Dialect::Gemini => vec!["data: {\"error\":{\"code\":503,\"message\":\"too much at once\",\"status\":\"UNAVAILABLE\"}}\r\n\r\n"],
        Dialect::Responses => vec![
            "event: error\ndata: {\"type\":\"error\",\"sequence_number\":9,\"code\":\"server_error\",\"message\":\"too much at once\",\"param\":null}\n\n",
            "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"server_error\",\"code\":\"server_error\",\"message\":\"too much at once\",\"param\":null}}\n\n",
        ],
        Dialect::Cohere => vec![
            "event: message-end\ndata: {\"type\":\"message-end\",\"delta\":{\"error\":\"too much at once\",\"finish_reason\":\"ERROR\"}}\n\n",
        ],
        Dialect::Converse | Dialect::Predictions => Vec::new(),
    }
}
