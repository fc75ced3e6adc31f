//! The AWS event stream in every shape and condition.

use super::aws::{Header, crc, event, exception, message};
use causeway::wire::frame::aws::Parser;
use causeway::wire::frame::sse::{Frame, MAX_FRAME};

type Seen = Vec<(String, String)>;

fn frames<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> (Seen, Option<&'static str>) {
    let mut parser = Parser::default();
    let mut seen = Vec::new();
    for piece in pieces {
        parser.push(piece, &mut |frame: Frame<'_>| {
            seen.push((frame.event.unwrap_or("-").to_owned(), String::from_utf8_lossy(frame.data).into_owned()));
        });
    }
    (seen, parser.fault())
}

fn pair(event: &str, data: &str) -> (String, String) {
    (event.to_owned(), data.to_owned())
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
        (message(&[Header::Text(":message-type", "error")], b""), pair("error", r#"{"message":""}"#)),
        (message(&[], b""), pair("-", "")),
        (message(&[], b"{}"), pair("-", "{}")),
        (ornate(), pair("chunk", "{\"text\":\"ü😀\"}")),
    ];
    for (bytes, expected) in table {
        let (seen, outcome) = frames([bytes.as_slice()]);
        assert_eq!(outcome, None);
        assert_eq!(seen, [expected]);
    }
}

#[test]
fn any_chunking_gives_the_same_frames() {
    let stream = [event("a", "{\"x\":\"ü😀\"}"), ornate(), event("b", ""), exception("c", "{}"), event("d", "{\"long\":1}")].concat();
    let (whole, outcome) = frames([stream.as_slice()]);
    assert_eq!(outcome, None);
    assert_eq!(whole.len(), 5);
    for size in 1..stream.len() {
        let (seen, outcome) = frames(stream.chunks(size));
        assert_eq!(outcome, None);
        assert_eq!(seen, whole, "in pieces of {size}");
    }
    for cut in 0..stream.len() {
        let (left, right) = stream.split_at(cut);
        let (seen, outcome) = frames([left, b"", right]);
        assert_eq!(outcome, None);
        assert_eq!(seen, whole, "cut at {cut}");
    }
}

#[test]
fn a_message_that_broke_off_is_not_delivered() {
    let stream = [event("a", "{}"), event("b", "{}")].concat();
    let first = event("a", "{}").len();
    for cut in 0..=stream.len() {
        let (seen, outcome) = frames([&stream[..cut]]);
        assert_eq!((seen.len(), outcome), (cut / first, None), "cut at {cut}");
    }
}

#[test]
fn every_flipped_bit_is_noticed() {
    let sound = event("a", "{\"x\":1}");
    for place in 0..sound.len() * 8 {
        let mut bytes = sound.clone();
        bytes[place / 8] ^= 1 << (place % 8);
        let (seen, outcome) = frames([bytes.as_slice()]);
        assert!(seen.is_empty(), "bit {place}");
        assert!(outcome.is_some(), "bit {place}");
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
        bad_prelude,
        bad_message,
        too_long,
        prelude(u32::MAX, u32::MAX),
        prelude(0, 0),
        prelude(15, 0),
        prelude(20, 5),
        prelude(20, u32::MAX),
        message(&[Header::Raw("short", 7, b"\0\x09ab")], b""),
        message(&[Header::Raw("unknown", 10, b"")], b""),
        message(&[Header::Raw("cut", 5, b"1234")], b""),
    ];
    for (row, bytes) in table.iter().enumerate() {
        let (seen, outcome) = frames([bytes.as_slice()]);
        assert!(seen.is_empty() && outcome.is_some(), "row {row}");
    }
}

#[test]
fn nothing_is_read_after_an_error() {
    let mut bad = event("a", "{}");
    *bad.last_mut().unwrap() ^= 1;
    let mut parser = Parser::default();
    let mut count = 0;
    parser.push(&bad, &mut |_| count += 1);
    parser.push(&event("b", "{}"), &mut |_| count += 1);
    assert!(parser.fault().is_some());
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
