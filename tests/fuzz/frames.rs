//! What cuts bytes into frames, forms and fields.

use causeway::wire::frame::{aws, sse};
use causeway::wire::multipart::{Editor, Part, parts};

use crate::corpus::{framed, seeds, summed};
use crate::mutate::Random;
use crate::run::Target;

pub fn targets() -> Vec<Target> {
    let streams: Vec<Vec<u8>> = ["chat", "messages", "gemini"].iter().flat_map(|folder| seeds(folder, "stream")).collect();
    let lines = seeds("converse", "stream");
    let frames: Vec<Vec<u8>> = lines.iter().map(|lines| framed(lines)).collect();
    vec![
        Target::new("frames of events", streams, events),
        Target::new("frames of Amazon's, as they come", frames.clone(), |input| drop(amazons(input))),
        Target::new("frames of Amazon's, their sums right", frames, |input| drop(amazons(&summed(input.to_vec())))),
        Target::new("frames of Amazon's, well formed", lines, well_formed),
        Target::new("forms", forms(), form),
    ]
}

/// In as many pieces as the input itself decides.
pub fn pieces(input: &[u8], mut take: impl FnMut(&[u8])) {
    let mut random = Random::of(input);
    let longest = *random.pick(&[1, 2, 7, 64, 4096]);
    let mut rest = input;
    while !rest.is_empty() {
        let (piece, after) = rest.split_at((1 + random.below(longest)).min(rest.len()));
        take(piece);
        rest = after;
    }
}

pub type Frames = Vec<(Option<String>, Vec<u8>)>;

fn note(seen: &mut Frames) -> impl FnMut(sse::Frame<'_>) {
    |frame| seen.push((frame.event.map(str::to_owned), frame.data.to_vec()))
}

/// The events of a stream that comes in one piece.
pub fn whole_frames(input: &[u8]) -> Frames {
    let mut whole = Vec::new();
    let mut parser = sse::Parser::default();
    parser.push(input, &mut note(&mut whole));
    parser.finish(&mut note(&mut whole));
    whole
}

fn events(input: &[u8]) {
    let (whole, mut pieced) = (whole_frames(input), Vec::new());
    let mut parser = sse::Parser::default();
    pieces(input, |piece| parser.push(piece, &mut note(&mut pieced)));
    parser.finish(&mut note(&mut pieced));
    assert!(whole == pieced, "the pieces make a difference");
    let length: usize = whole.iter().map(|(_, data)| data.len()).sum();
    assert!(length <= input.len(), "more than came");
    assert!(!parser.overrun());
}

fn amazons(input: &[u8]) -> Frames {
    let (mut whole, mut pieced) = (Vec::new(), Vec::new());
    let mut parser = aws::Parser::default();
    parser.push(input, &mut note(&mut whole));
    let fault = parser.fault();
    let mut parser = aws::Parser::default();
    pieces(input, |piece| parser.push(piece, &mut note(&mut pieced)));
    assert!((&whole, fault) == (&pieced, parser.fault()), "the pieces make a difference");
    whole
}

fn well_formed(lines: &[u8]) {
    let frames = amazons(&framed(lines));
    let sent = lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    // A name that is no text is passed over.
    for (line, (event, data)) in sent.zip(&frames) {
        let (kind, payload) = line.split_at(line.iter().position(|byte| *byte == b' ').unwrap_or(line.len()));
        assert!(payload.strip_prefix(b" ").unwrap_or(payload) == data, "another payload");
        if let Some(event) = event.as_ref().filter(|event| *event != "exception") {
            assert!(kind.strip_prefix(b"!").unwrap_or(kind).starts_with(event.as_bytes()), "another kind");
        }
    }
}

pub const FORM: &str = "multipart/form-data; boundary=xYx";

pub fn forms() -> Vec<Vec<u8>> {
    let field = |name: &str, value: &str| format!("--xYx\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
    let file = "--xYx\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.mp3\"\r\nContent-Type: audio/mpeg\r\n\r\nID3\r\n--x\r\n-xYx\r\n";
    [
        format!("{}{file}--xYx--\r\n", field("model", "whisper-1")),
        format!("preamble\r\n{file}{}{}--xYx--", field("stream", "true"), field("model", "openai/whisper-1")),
        format!("{}{}{}--xYx--\r\nepilogue", field("model", "a"), field("model", "b"), field("timestamp_granularities[]", "word")),
        "--xYx\r\nContent-Disposition: form-data; name*=UTF-8''model; name=\"mo\\\"del\"\r\nContent-Transfer-Encoding: base64\r\n\r\nYQ==\r\n--xYx--".to_owned(),
    ]
    .map(String::into_bytes)
    .to_vec()
}

/// What came out, what was seen of the model, whether it was refused.
fn edited(mut editor: Editor, input: &[u8], at_once: bool) -> (Vec<u8>, Option<String>, bool) {
    let (mut out, mut refused) = (Vec::new(), false);
    let mut take = |piece: &[u8]| refused = refused || editor.push(piece, &mut out).is_err();
    if at_once {
        take(input)
    } else {
        pieces(input, take)
    }
    refused |= editor.finish().is_err();
    (out, editor.seen("model").map(str::to_owned), refused)
}

fn form(input: &[u8]) {
    for content_type in [&format!("multipart/form-data; {}", String::from_utf8_lossy(input)), FORM] {
        let _ = parts(content_type, input);
        let _ = Editor::new(content_type, &["model"]);
    }
    let (out, _, refused) = edited(Editor::new(FORM, &[]).unwrap(), input, false);
    assert!(refused || (input.ends_with(&out) && out.starts_with(b"--xYx")), "other bytes than came");
    let kept = || Editor::new(FORM, &["model", "stream"]).unwrap();
    let (out, model, refused) = edited(kept(), input, true);
    let (pieced, seen, also_refused) = edited(kept(), input, false);
    assert_eq!(refused, also_refused, "the pieces make a difference");
    if refused {
        return;
    }
    assert!((&out, &model) == (&pieced, &seen), "the pieces make a difference");
    assert!(out.len() <= input.len(), "more than came");
    let before = parts(FORM, &out).expect("what is sent is a form");
    let set = || kept().set("model", "new-model").remove("stream");
    let (out, was, refused) = edited(set(), input, true);
    assert!(!refused, "refused because it is edited");
    assert_eq!(was, model);
    assert!(edited(set(), input, false) == (out.clone(), was, false), "the pieces make a difference");
    let sent = parts(FORM, &out).expect("what is sent is a form");
    let named = |name: &str| sent.iter().filter(|part| part.name == name).map(|part| part.content).collect::<Vec<_>>();
    assert_eq!(named("model"), [b"new-model"], "another model than was checked");
    assert!(named("stream").is_empty(), "what was removed");
    let others = |part: &&Part<'_>| !matches!(part.name.as_str(), "model" | "stream");
    assert!(sent.iter().filter(others).eq(before.iter().filter(others)), "another field than was edited");
}
