//! Amazon's event stream (`application/vnd.amazon.eventstream`):
//! <https://docs.aws.amazon.com/transcribe/latest/dg/event-stream.html>
//!
//! `[total length][headers length][CRC of these][headers][payload][CRC of all before]`, big-endian.
//!
//! Surprises
//! - Both sums are checked: a frame whose length is wrong would else swallow all that follows it.
//! - The kind of an event is in its headers only; an exception's in another header than an event's.
//! - An error frame has no payload: its code and message are headers.

use super::sse::Frame;
use crate::wire::json::Object;

/// The longest frame taken; Amazon's own limit is 24 MiB, of which a model's event needs a small part.
const MAX_FRAME: usize = 16 << 20;
const PRELUDE: usize = 12;
const SUM: usize = 4;

#[derive(Debug, Default)]
pub struct Parser {
    held: Vec<u8>,
    fault: Option<&'static str>,
}

impl Parser {
    /// Takes the next piece and hands each frame that it completes to `sink`.
    pub fn push(&mut self, bytes: &[u8], sink: &mut impl FnMut(Frame<'_>)) {
        if self.fault.is_some() {
            return;
        }
        self.held.extend_from_slice(bytes);
        let mut rest = self.held.as_slice();
        while let Some(length) = length(rest) {
            match length {
                Err(fault) => {
                    self.fault = Some(fault);
                    break;
                }
                Ok(length) => {
                    let Some((frame, after)) = rest.split_at_checked(length) else { break };
                    if let Err(fault) = deliver(frame, sink) {
                        self.fault = Some(fault);
                        break;
                    }
                    rest = after;
                }
            }
        }
        let taken = self.held.len().saturating_sub(rest.len());
        self.held.drain(..taken);
    }

    /// Why nothing more can be read.
    pub fn fault(&self) -> Option<&'static str> {
        self.fault
    }
}

/// The length of the frame that begins here, once its prelude is there.
fn length(bytes: &[u8]) -> Option<Result<usize, &'static str>> {
    let (prelude, sum) = bytes.get(..PRELUDE)?.split_at_checked(PRELUDE - SUM)?;
    if number(sum) != crc32(prelude) {
        return Some(Err("The provider's stream is damaged: the sum of a frame's beginning is wrong."));
    }
    let (total, headers) = prelude.split_at_checked(4)?;
    let (total, headers) = (number(total) as usize, number(headers) as usize);
    let fits = total <= MAX_FRAME && headers.saturating_add(PRELUDE + SUM) <= total;
    Some(if fits { Ok(total) } else { Err("The provider sent a frame of an impossible length.") })
}

fn deliver(frame: &[u8], sink: &mut impl FnMut(Frame<'_>)) -> Result<(), &'static str> {
    const DAMAGED: &str = "The provider's stream is damaged: the sum of a frame is wrong.";
    let (body, sum) = frame.split_at_checked(frame.len().saturating_sub(SUM)).ok_or(DAMAGED)?;
    if number(sum) != crc32(body) {
        return Err(DAMAGED);
    }
    let length = body.get(4..8).map_or(0, |bytes| number(bytes) as usize);
    let (headers, payload) = body.get(PRELUDE..).and_then(|rest| rest.split_at_checked(length)).ok_or(DAMAGED)?;
    let headers = Headers::read(headers).ok_or("The provider sent a frame whose headers cannot be read.")?;
    let mut told = Vec::new();
    let (event, data) = match (headers.kind, headers.exception, headers.code) {
        ("error", _, code) => {
            Object::open(&mut told).with("message", headers.message.unwrap_or("")).close();
            (code.or(Some("error")), told.as_slice())
        }
        ("exception", exception, _) => (exception.or(Some("exception")), payload),
        _ => (headers.event, payload),
    };
    sink(Frame { event, data });
    Ok(())
}

#[derive(Default)]
struct Headers<'a> {
    kind: &'a str,
    event: Option<&'a str>,
    exception: Option<&'a str>,
    code: Option<&'a str>,
    message: Option<&'a str>,
}

impl<'a> Headers<'a> {
    /// Nothing when they break off or are of no known type.
    fn read(mut bytes: &'a [u8]) -> Option<Self> {
        let mut headers = Headers::default();
        while let Some((length, rest)) = bytes.split_first() {
            let (name, rest) = rest.split_at_checked(usize::from(*length))?;
            let (kind, rest) = rest.split_first()?;
            let (length, rest) = match kind {
                0 | 1 => (0, rest),
                2 => (1, rest),
                3 => (2, rest),
                4 => (4, rest),
                5 | 8 => (8, rest),
                6 | 7 => {
                    let (length, rest) = rest.split_at_checked(2)?;
                    (number(length) as usize, rest)
                }
                9 => (16, rest),
                _ => return None,
            };
            let (value, rest) = rest.split_at_checked(length)?;
            bytes = rest;
            let text = || std::str::from_utf8(value).ok();
            match (name, kind) {
                (b":message-type", 7) => headers.kind = text()?,
                (b":event-type", 7) => headers.event = text(),
                (b":exception-type", 7) => headers.exception = text(),
                (b":error-code", 7) => headers.code = text(),
                (b":error-message", 7) => headers.message = text(),
                _ => {}
            }
        }
        Some(headers)
    }
}

fn number(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0, |number, byte| (number << 8) | u32::from(*byte))
}

/// CRC-32 as zlib has it.
pub fn crc32(bytes: &[u8]) -> u32 {
    const TABLE: [u32; 256] = table();
    let next = |sum: u32, byte: &u8| (sum >> 8) ^ TABLE.get(usize::from(sum.to_le_bytes()[0] ^ byte)).copied().unwrap_or_default();
    !bytes.iter().fold(!0, next)
}

#[expect(clippy::indexing_slicing, reason = "worked out by the compiler, which would refuse a place that is not there")]
const fn table() -> [u32; 256] {
    let mut table = [0; 256];
    let mut at = 0;
    while at < 256 {
        let mut entry = at as u32;
        let mut bit = 0;
        while bit < 8 {
            entry = if entry & 1 == 1 { (entry >> 1) ^ 0xedb8_8320 } else { entry >> 1 };
            bit += 1;
        }
        table[at] = entry;
        at += 1;
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(headers: &[(&str, &str)], payload: &[u8]) -> Vec<u8> {
        let mut block = Vec::new();
        for (name, value) in headers {
            block.push(u8::try_from(name.len()).unwrap());
            block.extend_from_slice(name.as_bytes());
            block.push(7);
            block.extend_from_slice(&u16::try_from(value.len()).unwrap().to_be_bytes());
            block.extend_from_slice(value.as_bytes());
        }
        // Types that nobody asks for are passed over.
        block.extend_from_slice(&[2, b':', b'x', 5, 0, 0, 0, 0, 0, 0, 0, 9, 1, b'y', 0]);
        let total = u32::try_from(block.len() + payload.len() + PRELUDE + SUM).unwrap();
        let mut bytes = [total.to_be_bytes(), u32::try_from(block.len()).unwrap().to_be_bytes()].concat();
        bytes.extend_from_slice(&crc32(&bytes).to_be_bytes());
        bytes.extend_from_slice(&block);
        bytes.extend_from_slice(payload);
        bytes.extend_from_slice(&crc32(&bytes).to_be_bytes());
        bytes
    }

    fn read(bytes: &[u8], size: usize) -> (Vec<String>, Option<&'static str>) {
        let mut parser = Parser::default();
        let mut seen = Vec::new();
        for piece in bytes.chunks(size) {
            parser.push(piece, &mut |frame| seen.push(format!("{:?} {}", frame.event, String::from_utf8_lossy(frame.data))));
        }
        (seen, parser.fault())
    }

    fn stream() -> Vec<u8> {
        [
            frame(&[(":message-type", "event"), (":event-type", "messageStart")], b"{\"role\":\"assistant\"}"),
            frame(&[(":event-type", "empty"), (":message-type", "event")], b""),
            frame(&[(":message-type", "exception"), (":exception-type", "throttlingException")], b"{\"message\":\"slow down\"}"),
            frame(&[(":message-type", "error"), (":error-code", "InternalError"), (":error-message", "a \"bad\" day")], b""),
        ]
        .concat()
    }

    #[test]
    fn the_sum_is_that_of_zlib() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
    }

    #[test]
    fn frames_are_the_same_in_whatever_pieces_they_come() {
        for size in [1, 2, 7, 64, 4096] {
            let (seen, fault) = read(&stream(), size);
            let expected = [
                "Some(\"messageStart\") {\"role\":\"assistant\"}",
                "Some(\"empty\") ",
                "Some(\"throttlingException\") {\"message\":\"slow down\"}",
                "Some(\"InternalError\") {\"message\":\"a \\\"bad\\\" day\"}",
            ];
            assert_eq!(seen, expected, "in pieces of {size}");
            assert_eq!(fault, None);
        }
    }

    #[test]
    fn a_bit_that_fell_over_anywhere_ends_the_stream_and_delivers_nothing_wrong() {
        let whole = stream();
        let (all, _) = read(&whole, 4096);
        for at in 0..whole.len() {
            let mut damaged = whole.clone();
            damaged[at] ^= 0x10;
            let (seen, fault) = read(&damaged, 64);
            assert!(all.starts_with(&seen), "byte {at}");
            assert!(fault.is_some(), "byte {at}");
        }
    }

    #[test]
    fn impossible_lengths_are_refused_at_once() {
        for (total, headers) in [(u32::MAX, 0), (8, 0), (100, 99), (15, 0)] {
            let mut bytes = [u32::to_be_bytes(total), u32::to_be_bytes(headers)].concat();
            bytes.extend_from_slice(&crc32(&bytes).to_be_bytes());
            assert!(read(&bytes, 4096).1.is_some(), "{total} {headers}");
        }
    }
}
