//! Each case of `fixtures/chat/answers` is what a provider sends, whole (`.json`), streamed (`.sse`) or both, and what
//! must be read from it (`.txt`). A new case needs no line here.

use super::told::told;
use super::*;
use std::collections::BTreeMap;
use std::path::Path;

#[derive(Default)]
pub struct Case {
    pub whole: Option<Vec<u8>>,
    pub stream: Option<String>,
    pub expected: String,
}

pub fn cases() -> BTreeMap<String, Case> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/chat/answers");
    let mut cases: BTreeMap<String, Case> = BTreeMap::new();
    for path in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        let case = cases.entry(path.file_stem().unwrap().to_string_lossy().into_owned()).or_default();
        let bytes = std::fs::read(&path).unwrap();
        match path.extension().unwrap().to_str().unwrap() {
            "json" => case.whole = Some(bytes),
            "sse" => case.stream = Some(String::from_utf8(bytes).unwrap()),
            _ => case.expected = String::from_utf8(bytes).unwrap(),
        }
    }
    assert!(cases.len() > 20);
    cases
}

/// All the cases that are read otherwise than they say, at once.
fn compare(told: impl Fn(Case) -> Option<String>) {
    let wrong = cases().into_iter().filter_map(|(name, case)| {
        let expected = case.expected.clone();
        let seen = told(case)?;
        (seen != expected).then(|| format!("{name}\n{seen}instead of\n{expected}"))
    });
    let wrong: Vec<String> = wrong.collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_answer_tells_what_it_says() {
    compare(|case| case.whole.map(|whole| told(&decode_response(&whole))));
}

#[test]
fn every_stream_tells_what_its_whole_answer_says() {
    compare(|case| case.stream.map(|stream| told(&folded(read(stream.as_bytes(), usize::MAX, None)))));
}

#[test]
fn a_stream_reads_the_same_in_any_pieces() {
    for (name, case) in cases() {
        let Some(stream) = case.stream else { continue };
        let events = format!("{:?}", read(stream.as_bytes(), usize::MAX, None));
        for size in [1, 7, 4096] {
            assert_eq!(format!("{:?}", read(stream.as_bytes(), size, None)), events, "{name} in pieces of {size}");
        }
    }
}

#[test]
fn a_stream_reads_the_same_with_other_line_ends_comments_and_blank_lines() {
    let changes: &[(&str, fn(&str) -> String)] = &[
        ("CRLF", |stream| stream.replace('\n', "\r\n")),
        ("CR", |stream| stream.replace('\n', "\r")),
        ("comments", |stream| format!(": hello\n\n{}", stream.replace("\n\n", "\n\n: keep-alive\n\n:\n"))),
        ("blank lines", |stream| format!("\n\n{}", stream.replace("\n\n", "\n\n\n\n"))),
        ("no space after the colon", |stream| stream.replace("\ndata: ", "\ndata:")),
        ("spaces after the data", |stream| stream.replace("\n\n", "  \n\n")),
        ("ids and times", |stream| stream.replace("\ndata: ", "\nid: 7\nretry: 10\ndata: ")),
        ("empty data", |stream| stream.replace("\n\n", "\n\ndata:\n\n")),
        ("a byte order mark", |stream| format!("\u{feff}{stream}")),
        ("no last blank line", |stream| stream.trim_end().to_owned()),
        ("words after its end", |stream| stream.replace("data: [DONE]\n\n", "data: [DONE]\n\ndata: {\"choices\":[]}\n\ndata: x\n\n")),
    ];
    for (name, case) in cases() {
        let Some(stream) = case.stream else { continue };
        let events = format!("{:?}", read(stream.as_bytes(), usize::MAX, None));
        for (change, apply) in changes {
            let changed = apply(&stream);
            for size in [1, 4096] {
                assert_eq!(format!("{:?}", read(changed.as_bytes(), size, None)), events, "{name} with {change} in pieces of {size}");
            }
        }
    }
}

#[test]
fn a_glance_sees_what_a_reading_sees() {
    for (name, case) in cases() {
        if let Some(whole) = &case.whole {
            match (decode_response(whole), glance_response(whole)) {
                (Ok(read), Ok(seen)) => assert_eq!((seen.usage, seen.finished, seen.failed), (read.usage, true, false), "{name}.json"),
                (Err(read), Err(seen)) => assert_eq!(read, seen, "{name}.json"),
                (read, seen) => panic!("{name}.json: read as {read:?}, seen as {seen:?}"),
            }
        }
        let Some(stream) = &case.stream else { continue };
        let seen = glanced(stream.as_bytes());
        match folded(read(stream.as_bytes(), usize::MAX, None)) {
            Ok(read) => assert_eq!((seen.usage, seen.finished, seen.failed), (read.usage, true, false), "{name}.sse"),
            Err(_) => assert!(seen.failed || !seen.finished, "{name}.sse"),
        }
    }
}

#[test]
fn several_choices_are_told_in_their_order() {
    let choice = |index: u64, text: &str, word: &str| json!({"index": index, "message": {"role": "assistant", "content": text}, "finish_reason": word});
    let call =
        json!({"index": 2, "message": {"tool_calls": [{"id": "", "function": {"name": "f", "arguments": {}}}]}, "finish_reason": "stop"});
    let body = json!({"id": "x", "model": "m", "choices": [choice(1, "two", "length"), call, choice(0, "one", "stop")]});
    let response = decode_response(body.to_string().as_bytes()).unwrap();
    let told: Value = serde_json::from_slice(&encode_response(&response, &echo())).unwrap();
    let all = |pointer: &str| told["choices"].as_array().unwrap().iter().map(|choice| choice.pointer(pointer).cloned()).collect::<Vec<_>>();
    assert_eq!(all("/index"), [Some(json!(0)), Some(json!(1)), Some(json!(2))]);
    assert_eq!(all("/message/content"), [Some(json!("one")), Some(json!("two")), Some(json!(null))]);
    assert_eq!(all("/finish_reason"), [Some(json!("stop")), Some(json!("length")), Some(json!("tool_calls"))]);
}
