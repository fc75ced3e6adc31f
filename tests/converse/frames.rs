//! The AWS event stream in every shape and condition.

use super::aws::{Header, crc, event, exception, message};
use causeway::error::{Error, Kind};
use causeway::wire::frame::aws::Parser;
use causeway::wire::frame::sse::{Frame, MAX_FRAME};

type Seen = Vec<(String, String)>;

fn frames<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> (Seen, Result<(), Error>) {
    let mut parser = Parser::default();
    let mut seen = Vec::new();
    let mut sink = |frame: Frame<'_>| {
        seen.push((frame.event.unwrap_or("-").to_owned(), String::from_utf8(frame.data.to_vec()).unwrap()));
    };
    let mut outcome = Ok(());
    for piece in pieces {
        outcome = outcome.and(parser.push(piece, &mut sink));
    }
    let end = parser.finish();
    (seen, outcome.and(end))
}

fn pair(event: &str, data: &str) -> (String, String) {
    (event.to_owned(), data.to_owned())
}

fn refused(bytes: &[u8]) -> String {
    let (_, outcome) = frames([bytes]);
    let error = outcome.unwrap_err();
    assert_eq!(error.kind, Kind::Failed);
    error.message
}

/// Every type of header in one message.
fn ornate() -> Vec<u8> {
    let headers = [
        Header::Raw("true", 0, &[]),
        Header::Raw("false", 1, &[]),
        Header::Raw("byte", 2, &[7]),
        Header::Raw("short", 3, &[0, 7]),
        Header::Raw("int", 4, &[0; 4]),
        Header::Raw("long", 5, &[0; 8]),
        Header::Raw("bytes", 6, &[0, 3, 0xff, 0xfe, 0xfd]),
        Header::Raw("time", 8, &[0; 8]),
        Header::Raw("uuid", 9, &[0; 16]),
        Header::Text("", "nameless"),
        Header::Text(":event-type", "chunk"),
        Header::Text("later", "ü"),
    ];
    message(&headers, "{\"text\":\"ü😀\"}".as_bytes())
}

#[test]
fn events_exceptions_and_errors_become_frames() {
    let headers =
        [Header::Text(":message-type", "error"), Header::Text(":error-code", "InternalError"), Header::Text(":error-message", "a \"b\"\n")];
    let table = [
        (event("messageStart", "{\"role\":\"assistant\"}"), pair("messageStart", "{\"role\":\"assistant\"}")),
        (exception("throttlingException", "{\"message\":\"slow\"}"), pair("throttlingException", "{\"message\":\"slow\"}")),
        (message(&headers, b""), pair("InternalError", r#"{"message":"a \"b\"\n"}"#)),
        (message(&[Header::Text(":error-code", "Bare")], b""), pair("Bare", r#"{"message":"Bare"}"#)),
        (message(&[Header::Text(":message-type", "error")], b""), pair("error", r#"{"message":""}"#)),
        (message(&[], b""), pair("-", "")),
        (message(&[], b"{}"), pair("-", "{}")),
        (ornate(), pair("chunk", "{\"text\":\"ü😀\"}")),
    ];
    for (bytes, expected) in table {
        let (seen, outcome) = frames([bytes.as_slice()]);
        outcome.unwrap();
        assert_eq!(seen, [expected]);
    }
}

#[test]
fn any_chunking_gives_the_same_frames() {
    let stream = [event("a", "{\"x\":\"ü😀\"}"), ornate(), event("b", ""), exception("c", "{}"), event("d", "{\"long\":1}")].concat();
    let (whole, outcome) = frames([stream.as_slice()]);
    outcome.unwrap();
    assert_eq!(whole.len(), 5);
    for size in 1..stream.len() {
        let (seen, outcome) = frames(stream.chunks(size));
        outcome.unwrap();
        assert_eq!(seen, whole, "in pieces of {size}");
    }
    for cut in 0..stream.len() {
        let (left, right) = stream.split_at(cut);
        let (seen, outcome) = frames([left, b"", right]);
        outcome.unwrap();
        assert_eq!(seen, whole, "cut at {cut}");
    }
}

#[test]
fn a_stream_cut_inside_a_message_is_unfinished() {
    let stream = [event("a", "{}"), event("b", "{}")].concat();
    let first = event("a", "{}").len();
    for cut in 0..=stream.len() {
        let (seen, outcome) = frames([&stream[..cut]]);
        assert_eq!(seen.len(), cut / first, "cut at {cut}");
        assert_eq!(outcome.is_err(), cut % first != 0, "cut at {cut}");
    }
}

#[test]
fn every_flipped_bit_is_noticed() {
    let sound = event("a", "{\"x\":1}");
    for place in 0..sound.len() * 8 {
        let mut bytes = sound.clone();
        bytes[place / 8] ^= 1 << (place % 8);
        let (seen, outcome) = frames([bytes.as_slice()]);
        assert!(seen.is_empty() && outcome.is_err(), "bit {place}");
    }
}

/// A prelude with a right checksum.
fn prelude(total: u32, headers: u32) -> Vec<u8> {
    let mut bytes = [total.to_be_bytes(), headers.to_be_bytes()].concat();
    bytes.extend(crc(&bytes).to_be_bytes());
    bytes
}

#[test]
fn what_cannot_be_a_message_is_refused() {
    let mut bad_prelude = prelude(100, 4);
    bad_prelude[11] ^= 1;
    let mut bad_message = event("a", "{}");
    *bad_message.last_mut().unwrap() ^= 1;
    let too_long = prelude(MAX_FRAME as u32 + 1, 0);
    let table = [
        (bad_prelude, "lengths that do not match their checksum"),
        (bad_message, "does not match its checksum"),
        (too_long, "is too long"),
        (prelude(u32::MAX, u32::MAX), "is too long"),
        (prelude(0, 0), "contradict each other"),
        (prelude(15, 0), "contradict each other"),
        (prelude(20, 5), "contradict each other"),
        (prelude(20, u32::MAX), "contradict each other"),
        (message(&[Header::Text(":event-type", "a")], b"\xff"), "is not UTF-8 text"),
        (message(&[Header::Raw(":event-type", 7, b"\0\x01\xff")], b""), "headers that cannot be read"),
        (message(&[Header::Raw("short", 7, b"\0\x09ab")], b""), "headers that cannot be read"),
        (message(&[Header::Raw("unknown", 10, b"")], b""), "headers that cannot be read"),
        (message(&[Header::Raw("cut", 5, b"1234")], b""), "headers that cannot be read"),
    ];
    for (bytes, expected) in table {
        assert!(refused(&bytes).contains(expected), "{expected}: {}", refused(&bytes));
    }
}

#[test]
fn nothing_is_read_after_an_error() {
    let mut bad = event("a", "{}");
    *bad.last_mut().unwrap() ^= 1;
    let mut parser = Parser::default();
    let mut count = 0;
    assert!(parser.push(&bad, &mut |_| count += 1).is_err());
    assert!(parser.push(&event("b", "{}"), &mut |_| count += 1).is_ok());
    assert!(parser.finish().is_ok());
    assert_eq!(count, 0);
}

/// A small generator of numbers: the tests need no surprise, only variety.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % sides
    }
}

#[test]
fn random_bytes_never_panic() {
    let mut dice = Dice(1);
    for _ in 0..20_000 {
        // Half of them get past the prelude.
        let mut bytes = if dice.roll(2) == 0 { prelude(dice.roll(80) as u32, dice.roll(40) as u32) } else { Vec::new() };
        bytes.extend((0..dice.roll(120)).map(|_| dice.0 as u8 ^ 0x5a).collect::<Vec<_>>());
        bytes.iter_mut().skip(12).for_each(|byte| *byte = dice.roll(256) as u8);
        let length = bytes.len();
        if length >= 16 && dice.roll(2) == 0 {
            let end = crc(&bytes[..length - 4]).to_be_bytes();
            bytes[length - 4..].copy_from_slice(&end);
        }
        let size = dice.roll(40) + 1;
        let _ = frames(bytes.chunks(size));
    }
}
