//! The AWS event stream (`application/vnd.amazon.eventstream`):
//! <https://docs.aws.amazon.com/transcribe/latest/dg/streaming-setting-up.html#streaming-event-stream>
//!
//! A message is `total length, length of the headers, CRC of these two, headers, payload, CRC of all before it`,
//! numbers big-endian. It is handed over as the same frame that server-sent events make: the event's type and its
//! data, so that one reader serves both.
//!
//! Surprises
//! - A failure in the middle is no event but an exception, its type in another header.
//! - An error of the protocol itself has no payload: its code and words are headers.

use super::sse::{Frame, MAX_FRAME};
use crate::error::{Error, Kind, Result};
use crate::wire::json::Object;

/// The two lengths and their CRC.
const PRELUDE: usize = 12;
/// The prelude and the CRC at the end.
const LEAST: usize = PRELUDE + 4;

/// Splits bytes, in whatever pieces they come, into messages.
#[derive(Debug, Default)]
pub struct Parser {
    /// What has come of a message.
    held: Vec<u8>,
    /// Length of the message whose prelude is held whole.
    length: Option<usize>,
    /// A message could not be read: where the next one begins nobody knows.
    broken: bool,
}

impl Parser {
    /// Takes the next piece and hands each message that it completes to `sink`. After an error, nothing more is read.
    pub fn push(&mut self, mut bytes: &[u8], sink: &mut impl FnMut(Frame<'_>)) -> Result<()> {
        while !bytes.is_empty() && !self.broken {
            let wanted = self.length.unwrap_or(PRELUDE).saturating_sub(self.held.len());
            let (piece, rest) = bytes.split_at(wanted.min(bytes.len()));
            self.held.extend_from_slice(piece);
            bytes = rest;
            if piece.len() == wanted {
                self.advance(sink).inspect_err(|_| self.broken = true)?;
            }
        }
        Ok(())
    }

    /// The stream has ended; inside a message, that is an error.
    pub fn finish(&mut self) -> Result<()> {
        let cut = !self.held.is_empty() && !self.broken;
        self.held.clear();
        if cut { Err(Error::unfinished()) } else { Ok(()) }
    }

    /// The prelude has come, or the whole message.
    fn advance(&mut self, sink: &mut impl FnMut(Frame<'_>)) -> Result<()> {
        if self.length.is_none() {
            self.length = Some(message_length(&self.held)?);
            return Ok(());
        }
        let frame = Message::of(&self.held)?;
        frame.deliver(sink)?;
        self.held.clear();
        self.length = None;
        Ok(())
    }
}

fn message_length(prelude: &[u8]) -> Result<usize> {
    let mut rest = prelude;
    let (Some(lengths), Some(total)) = (prelude.get(..8), number(&mut rest)) else { return Err(unreadable("is cut short")) };
    let (headers, told) = (number(&mut rest), number(&mut rest));
    if told != Some(crc32(lengths)) {
        return Err(unreadable("has lengths that do not match their checksum"));
    }
    match (usize::try_from(total), headers.and_then(|length| usize::try_from(length).ok())) {
        (Ok(total), _) if total > MAX_FRAME => Err(unreadable("is too long")),
        (Ok(total), Some(headers)) if total >= LEAST && headers <= total - LEAST => Ok(total),
        _ => Err(unreadable("has lengths that contradict each other")),
    }
}

/// A message whose checksums are right.
struct Message<'a> {
    event_type: Option<&'a str>,
    exception_type: Option<&'a str>,
    error_code: Option<&'a str>,
    error_message: Option<&'a str>,
    failed: bool,
    payload: &'a [u8],
}

impl<'a> Message<'a> {
    fn of(bytes: &'a [u8]) -> Result<Self> {
        let short = || unreadable("is cut short");
        let (body, mut checksum) = bytes.split_at(bytes.len().saturating_sub(4));
        if number(&mut checksum) != Some(crc32(body)) {
            return Err(unreadable("does not match its checksum"));
        }
        let mut lengths = body.get(4..).ok_or_else(short)?;
        let headers_length = number(&mut lengths).and_then(|length| usize::try_from(length).ok()).ok_or_else(short)?;
        let content = body.get(PRELUDE..).ok_or_else(short)?;
        let (headers, payload) = content.split_at_checked(headers_length).ok_or_else(short)?;
        let mut message = Message { event_type: None, exception_type: None, error_code: None, error_message: None, failed: false, payload };
        message.read_headers(headers).ok_or_else(|| unreadable("has headers that cannot be read"))?;
        Ok(message)
    }

    fn read_headers(&mut self, mut rest: &'a [u8]) -> Option<()> {
        while let Some((length, after)) = rest.split_first() {
            let (name, after) = after.split_at_checked(usize::from(*length))?;
            rest = after;
            let Some(value) = header_value(&mut rest)? else { continue };
            let text = || std::str::from_utf8(value).ok();
            match name {
                b":event-type" => self.event_type = Some(text()?),
                b":exception-type" => self.exception_type = Some(text()?),
                b":error-code" => self.error_code = Some(text()?),
                b":error-message" => self.error_message = Some(text()?),
                b":message-type" => self.failed = text()? == "error",
                _ => {}
            }
        }
        Some(())
    }

    fn deliver(&self, sink: &mut impl FnMut(Frame<'_>)) -> Result<()> {
        if std::str::from_utf8(self.payload).is_err() {
            return Err(unreadable("is not UTF-8 text"));
        }
        if self.failed || self.error_code.is_some() {
            let mut data = Vec::new();
            Object::open(&mut data).with("message", self.error_message.or(self.error_code).unwrap_or_default()).close();
            sink(Frame { event: Some(self.error_code.unwrap_or("error")), data: &data });
        } else {
            sink(Frame { event: self.exception_type.or(self.event_type), data: self.payload });
        }
        Ok(())
    }
}

/// The value of a header, if it is text; all other types are passed over.
fn header_value<'a>(rest: &mut &'a [u8]) -> Option<Option<&'a [u8]>> {
    let (kind, after) = rest.split_first()?;
    let (length, after) = match kind {
        0 | 1 => (0, after),
        2 => (1, after),
        3 => (2, after),
        4 => (4, after),
        5 | 8 => (8, after),
        6 | 7 => {
            let (length, after) = after.split_first_chunk::<2>()?;
            (usize::from(u16::from_be_bytes(*length)), after)
        }
        9 => (16, after),
        _ => return None,
    };
    let (value, after) = after.split_at_checked(length)?;
    *rest = after;
    Some((*kind == 7).then_some(value))
}

fn number(rest: &mut &[u8]) -> Option<u32> {
    let (bytes, after) = rest.split_first_chunk::<4>()?;
    *rest = after;
    Some(u32::from_be_bytes(*bytes))
}

fn unreadable(why: &str) -> Error {
    Error::upstream(Kind::Failed, format!("The provider's stream could not be read: a message {why}."))
}

/// The CRC that zlib has too.
fn crc32(bytes: &[u8]) -> u32 {
    let step = |crc: u32, byte: &u8| {
        let place = usize::from(crc.to_le_bytes()[0] ^ byte);
        crc >> 8 ^ CRCS.get(place).copied().unwrap_or_default()
    };
    !bytes.iter().fold(!0, step)
}

/// The CRC of every byte.
static CRCS: [u32; 256] = crcs();

#[expect(clippy::indexing_slicing, clippy::cast_possible_truncation, reason = "runs at compile time; 256 fits")]
const fn crcs() -> [u32; 256] {
    let mut table = [0; 256];
    let mut place = 0;
    while place < 256 {
        let mut crc = place as u32;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 1 == 1 { crc >> 1 ^ 0xEDB8_8320 } else { crc >> 1 };
            bit += 1;
        }
        table[place] = crc;
        place += 1;
    }
    table
}
