//! Server-sent events, as the WHATWG HTML standard has them and as providers really send them.
//!
//! Surprises
//! - Lines end in LF, CRLF or CR, mixed; a chunk may end between CR and LF.
//! - Comments (`: keep-alive`) may come anywhere, before the first event and between the lines of one too.
//! - Several `data:` lines make one event, joined by LF; exactly one space after the colon is dropped.
//! - The last event may lack its blank line (the standard drops such an event; providers mean it).
//! - A byte order mark may come first.

use crate::wire::scan;

/// One event: its `event:` line, if any, and its data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    pub event: Option<&'a str>,
    pub data: &'a [u8],
}

/// The longest event taken; what exceeds it is an error of the stream.
pub const MAX_FRAME: usize = 16 << 20;

/// Splits bytes, in whatever pieces they come, into events.
#[derive(Debug, Default)]
pub struct Parser {
    /// The line that the last piece left unfinished.
    line: Vec<u8>,
    data: Vec<u8>,
    has_data: bool,
    event: String,
    after_cr: bool,
    started: bool,
    overrun: bool,
}

impl Parser {
    /// Takes the next piece and hands each event that it completes to `sink`.
    pub fn push(&mut self, mut bytes: &[u8], sink: &mut impl FnMut(Frame<'_>)) {
        if self.after_cr && !bytes.is_empty() {
            self.after_cr = false;
            bytes = bytes.strip_prefix(b"\n").unwrap_or(bytes);
        }
        while let Some(end) = scan::line_end(bytes) {
            let (line, rest) = bytes.split_at(end);
            if self.line.is_empty() {
                self.take_line(line, sink);
            } else {
                let mut whole = std::mem::take(&mut self.line);
                whole.extend_from_slice(line);
                self.take_line(&whole, sink);
                whole.clear();
                self.line = whole;
            }
            bytes = match rest {
                [b'\r', b'\n', rest @ ..] => rest,
                [b'\r'] => {
                    self.after_cr = true;
                    &[]
                }
                [_, rest @ ..] => rest,
                [] => &[],
            };
        }
        if self.line.len().saturating_add(bytes.len()) > MAX_FRAME {
            self.overrun = true;
            self.line.clear();
        } else {
            self.line.extend_from_slice(bytes);
        }
    }

    /// The stream has ended: hands over an event that lacks its blank line.
    pub fn finish(&mut self, sink: &mut impl FnMut(Frame<'_>)) {
        let line = std::mem::take(&mut self.line);
        if !line.is_empty() {
            self.take_line(&line, sink);
        }
        self.dispatch(sink);
    }

    /// Whether what came last is a part of an event.
    pub fn is_within(&self) -> bool {
        !self.line.is_empty() || self.has_data || !self.event.is_empty()
    }

    /// Whether an event was longer than `MAX_FRAME` and has been lost.
    pub fn overrun(&self) -> bool {
        self.overrun
    }

    fn take_line(&mut self, mut line: &[u8], sink: &mut impl FnMut(Frame<'_>)) {
        if !self.started {
            self.started = true;
            line = line.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(line);
        }
        if line.is_empty() {
            return self.dispatch(sink);
        }
        let colon = line.iter().position(|byte| *byte == b':').unwrap_or(line.len());
        let (field, value) = line.split_at(colon);
        let value = value.strip_prefix(b":").unwrap_or(value);
        let value = value.strip_prefix(b" ").unwrap_or(value);
        match field {
            b"data" => {
                if self.has_data {
                    self.data.push(b'\n');
                }
                self.has_data = true;
                if self.data.len().saturating_add(value.len()) > MAX_FRAME {
                    self.overrun = true;
                } else {
                    self.data.extend_from_slice(value);
                }
            }
            b"event" => {
                self.event.clear();
                self.event.push_str(std::str::from_utf8(value).unwrap_or_default());
            }
            _ => {}
        }
    }

    fn dispatch(&mut self, sink: &mut impl FnMut(Frame<'_>)) {
        if self.has_data {
            let event = (!self.event.is_empty()).then_some(self.event.as_str());
            sink(Frame { event, data: &self.data });
        }
        self.has_data = false;
        self.data.clear();
        self.event.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frames(pieces: &[&[u8]]) -> Vec<(Option<String>, String)> {
        let mut parser = Parser::default();
        let mut seen = Vec::new();
        let mut sink = |frame: Frame<'_>| {
            seen.push((frame.event.map(str::to_owned), String::from_utf8_lossy(frame.data).into_owned()));
        };
        for piece in pieces {
            parser.push(piece, &mut sink);
        }
        parser.finish(&mut sink);
        seen
    }

    fn data(text: &str) -> (Option<String>, String) {
        (None, text.to_owned())
    }

    #[test]
    fn every_kind_of_line_end_and_comment_is_understood() {
        let table: &[(&[u8], Vec<(Option<String>, String)>)] = &[
            (b"data: a\n\ndata: b\n\n", vec![data("a"), data("b")]),
            (b"data: a\r\n\r\ndata: b\r\n\r\n", vec![data("a"), data("b")]),
            (b"data: a\r\rdata: b\r\r", vec![data("a"), data("b")]),
            (b": hello\n\ndata: a\n: between\ndata: b\n\n", vec![data("a\nb")]),
            (b"event: ping\ndata: {}\n\n", vec![(Some("ping".into()), "{}".into())]),
            (b"event: ping\n\ndata: x\n\n", vec![data("x")]),
            (b"data:no space\n\ndata:  two spaces\n\n", vec![data("no space"), data(" two spaces")]),
            (b"data\n\n", vec![data("")]),
            (b"id: 7\nretry: 10\ndata: a\n\n", vec![data("a")]),
            (b"data: last", vec![data("last")]),
            (b"\xEF\xBB\xBFdata: a\n\n", vec![data("a")]),
            (b"\n\n\n", vec![]),
            ("data: ü€😀\n\n".as_bytes(), vec![data("ü€😀")]),
        ];
        for (bytes, expected) in table {
            assert_eq!(&frames(&[bytes]), expected, "{:?}", String::from_utf8_lossy(bytes));
        }
    }

    #[test]
    fn any_chunking_gives_the_same_events() {
        let stream =
            "\u{feff}: hi\r\nevent: a\r\ndata: {\"x\":\r\ndata:  1}\r\n\r\ndata: ü😀\n\n:c\rdata: z\r\revent: b\ndata: end".as_bytes();
        let whole = frames(&[stream]);
        assert_eq!(whole.len(), 4);
        for size in 1..stream.len() {
            let pieces: Vec<&[u8]> = stream.chunks(size).collect();
            assert_eq!(frames(&pieces), whole, "in pieces of {size}");
        }
        for cut in 0..stream.len() {
            let (left, right) = stream.split_at(cut);
            assert_eq!(frames(&[left, b"", right]), whole, "cut at {cut}");
        }
    }
}
