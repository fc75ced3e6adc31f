//! A call as it came, and the reply as it goes.

use crate::cache::Deposit;
use crate::error::Error;
use crate::record::Ledger;
use crate::wire::Glance;
use crate::wire::pipe::Pipe;

#[derive(Clone, Debug)]
pub struct Call {
    pub method: Method,
    /// The path without query.
    pub path: String,
    /// The query with its question mark, or nothing.
    pub query: String,
    pub headers: Headers,
}

impl Call {
    /// A field of the query; an empty one counts as absent.
    pub fn asked(&self, name: &str) -> Option<String> {
        let fields = self.query.trim_start_matches('?').split('&').filter_map(|field| field.split_once('='));
        let value = fields.filter(|(key, _)| *key == name).map(|(_, value)| value).next_back()?;
        Some(decoded(&value.replace('+', " "))).filter(|value| !value.is_empty())
    }
}

/// What is written in a path or a query, its percent-escapes undone.
pub fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        rest = after;
        let escape = after.split_at_checked(2).filter(|_| *first == b'%');
        let byte = escape.and_then(|(hex, _)| u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok());
        if let (Some(byte), Some((_, after))) = (byte, escape) {
            bytes.push(byte);
            rest = after;
        } else {
            bytes.push(*first);
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    Get,
    Head,
    Post,
    Put,
    Patch,
    Delete,
    Options,
    Other,
}

/// Headers in one block of `name:value` lines, names in lower case: it crosses into wasm in one piece.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Headers {
    block: String,
    /// Where each line has its colon and its end, so that a header is found without reading the lines before it.
    lines: Vec<Line>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Line {
    start: usize,
    colon: usize,
    end: usize,
}

/// What the caller gets.
pub struct Reply<A> {
    pub status: u16,
    pub headers: Headers,
    pub body: Body<A>,
    /// Written when the reply is complete, or was left.
    pub ledger: Option<Ledger>,
    /// What is to be kept of it for whoever asks the same.
    pub deposit: Option<Deposit>,
}

impl<A> Reply<A> {
    pub fn of(status: u16, headers: Headers, body: Body<A>) -> Self {
        Self { status, headers, body, ledger: None, deposit: None }
    }

    pub fn json(status: u16, body: Vec<u8>) -> Self {
        Self::of(status, Headers::from_iter([("content-type", "application/json")]), Body::Bytes(body))
    }

    /// An upstream's whole answer as it is.
    pub fn relayed(status: u16, answer: A, bytes: Vec<u8>) -> Self {
        Self::of(status, Headers::default(), Body::Relayed { answer, bytes })
    }
}

pub enum Body<A> {
    Empty,
    Bytes(Vec<u8>),
    /// An upstream's whole answer that passes as it is, its headers along.
    Relayed {
        answer: A,
        bytes: Vec<u8>,
    },
    /// An upstream's answer that passes as it comes, unread, its headers along.
    Passed {
        answer: A,
    },
    /// An upstream's stream on its way to the caller, through a pipe.
    Stream {
        answer: A,
        pipe: Box<Pipe>,
        patience: Patience,
    },
}

/// How long a stream may take; for ever where nothing is said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Patience {
    /// From one piece to the next.
    pub idle_ms: Option<u64>,
    /// To its end.
    pub total_ms: Option<u64>,
}

impl Method {
    pub fn from_word(word: &str) -> Self {
        match word {
            "GET" => Method::Get,
            "HEAD" => Method::Head,
            "POST" => Method::Post,
            "PUT" => Method::Put,
            "PATCH" => Method::Patch,
            "DELETE" => Method::Delete,
            "OPTIONS" => Method::Options,
            _ => Method::Other,
        }
    }

    pub fn word(self) -> &'static str {
        match self {
            Method::Get | Method::Other => "GET",
            Method::Head => "HEAD",
            Method::Post => "POST",
            Method::Put => "PUT",
            Method::Patch => "PATCH",
            Method::Delete => "DELETE",
            Method::Options => "OPTIONS",
        }
    }
}

impl Headers {
    /// Takes a block as it is: lines of `name:value`, each ended by a line feed.
    pub fn from_block(block: String) -> Self {
        let mut lines = Vec::with_capacity(16);
        let (mut start, mut colon) = (0, None);
        for (at, byte) in block.bytes().enumerate() {
            match byte {
                b':' if colon.is_none() => colon = Some(at),
                b'\n' => {
                    lines.extend(colon.take().map(|colon| Line { start, colon, end: at }));
                    start = at + 1;
                }
                _ => {}
            }
        }
        Self { block, lines }
    }

    pub fn block(&self) -> &str {
        &self.block
    }

    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        let text = |from: usize, to: usize| self.block.get(from..to).unwrap_or_default();
        self.lines.iter().map(move |line| (text(line.start, line.colon), text(line.colon + 1, line.end)))
    }

    /// A header's value; an empty one counts as absent.
    pub fn find(&self, name: &str) -> Option<&str> {
        let of_length = self.lines.iter().filter(|line| line.colon - line.start == name.len());
        let mut named = of_length.filter(|line| self.block.get(line.start..line.colon) == Some(name));
        named.find_map(|line| self.block.get(line.colon + 1..line.end).filter(|value| !value.is_empty()))
    }

    /// A header of the gateway's own in either spelling, `x-causeway-NAME` or `x-portkey-NAME`: whichever comes first.
    pub fn find_own(&self, name: &str) -> Option<&str> {
        self.lines.iter().find_map(|line| {
            // Of most headers their length tells that it is another.
            let spelling = (line.colon - line.start).checked_sub(name.len()).filter(|length| matches!(length, 10 | 11))?;
            let (spelling, key) = self.block.get(line.start..line.colon)?.split_at_checked(spelling)?;
            let value = self.block.get(line.colon + 1..line.end).filter(|value| !value.is_empty())?;
            (key == name && matches!(spelling, "x-causeway-" | "x-portkey-")).then_some(value)
        })
    }

    /// Adds a header. What could break out of its line (a value from outside may hold anything) becomes a space.
    pub fn add(&mut self, name: &str, value: &str) {
        self.add_joined(&[name], value);
    }

    /// Adds a header whose name is told in parts.
    pub fn add_joined(&mut self, name: &[&str], value: &str) {
        if self.lines.is_empty() {
            self.lines.reserve(16);
            self.block.reserve(512);
        }
        let start = self.block.len();
        name.iter().for_each(|part| self.block.push_str(part));
        let colon = self.block.len();
        self.block.push(':');
        if value.bytes().all(|byte| (0x20..0x7f).contains(&byte)) {
            self.block.push_str(value);
        } else {
            self.block.extend(value.chars().map(|char| if char.is_control() || !char.is_ascii() { ' ' } else { char }));
        }
        self.lines.push(Line { start, colon, end: self.block.len() });
        self.block.push('\n');
    }
}

impl<'a> FromIterator<(&'a str, &'a str)> for Headers {
    fn from_iter<I: IntoIterator<Item = (&'a str, &'a str)>>(pairs: I) -> Self {
        let mut headers = Headers::default();
        for (name, value) in pairs {
            headers.add(name, value);
        }
        headers
    }
}

/// How a reply's body came to its end.
#[derive(Clone, Debug, PartialEq)]
pub enum Ending {
    /// The upstream closed its stream as it should.
    Closed,
    /// The upstream's stream broke.
    Broken(Error),
    /// The caller left.
    Abandoned,
}

impl Ending {
    /// Whether the answer of which so much was seen came to its own end.
    pub fn is_whole(&self, glance: &Glance) -> bool {
        !matches!(self, Ending::Broken(_)) && glance.finished && !glance.failed
    }
}
