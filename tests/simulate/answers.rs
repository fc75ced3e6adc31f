//! What targets answer: good and bad, in every dialect that they speak.

use causeway::error::{Error, Kind};
use causeway::ir::{Block, Delta, Event, Finish, Part, Reason, Response, Text, Usage};
use causeway::wire::{Dialect, Echo};
use serde_json::json;

use crate::chance::Chance;
use crate::deployment::Manner;

/// What one try at a target comes to.
#[derive(Clone, Debug)]
pub struct Answer {
    /// In a word, for the story.
    pub called: &'static str,
    /// Until its head is there.
    pub after_ms: u64,
    pub head: Head,
    /// The body in pieces, and how long each is in coming.
    pub pieces: Vec<(u64, Vec<u8>)>,
    pub end: End,
    /// Whether it is one, whole and right.
    pub worth: Worth,
    /// In a stream: so many bytes hold its first real event.
    pub real_at: Option<usize>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Head {
    Refuses,
    Hangs,
    Says { status: u16, stream: bool, retry_after: Option<(&'static str, String, u64)> },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    Closes,
    Breaks,
    Hangs,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Worth {
    Good,
    /// Well-formed, with nothing in it.
    Empty,
    Bad,
}

/// The statuses of failures, and those that say that the request itself is wrong.
const FAILURES: &[u16] = &[401, 403, 404, 408, 409, 429, 429, 500, 500, 502, 503, 503, 504, 529, 302];
const BLAMES: &[u16] = &[400, 413, 422];

pub struct Asked<'a> {
    pub chance: &'a Chance,
    pub dialect: Dialect,
    pub stream: bool,
    pub blames: bool,
    /// Which try in this request it is: it stands in each of its words.
    pub number: usize,
}

/// A word that tells whose it is.
pub fn mark(number: usize) -> String {
    format!("[try-{number}]")
}

/// The text of a good answer.
pub fn text(number: usize) -> String {
    (0..WORDS).map(|at| word(number, at)).collect()
}

const WORDS: usize = 4;

fn word(number: usize, at: usize) -> String {
    format!("{}w{at} ", mark(number))
}

impl Asked<'_> {
    pub fn answer(&self, manner: Manner) -> Answer {
        let good = match manner {
            Manner::Healthy => true,
            Manner::Flaky => self.chance.one_in(3),
            Manner::Dead => false,
        };
        if good {
            return self.good(manner);
        }
        match self.chance.below(10) {
            0 => Answer { head: Head::Refuses, ..self.plain("refuses") },
            1 => Answer { head: Head::Hangs, ..self.plain("hangs") },
            2..5 => self.failure(),
            5..7 => self.nonsense(),
            _ if self.stream => self.bad_stream(),
            _ => self.broken_whole(),
        }
    }

    fn plain(&self, called: &'static str) -> Answer {
        let head = Head::Says { status: 200, stream: false, retry_after: None };
        let after_ms = if self.chance.one_in(4) { self.chance.within(1, 30_000) } else { self.chance.within(1, 50) };
        Answer { called, after_ms, head, pieces: Vec::new(), end: End::Closes, worth: Worth::Bad, real_at: None }
    }

    fn good(&self, manner: Manner) -> Answer {
        let slow = manner != Manner::Healthy && self.chance.one_in(4);
        // Some stream though nobody asked for it, and some do not though one did.
        let streams = if self.chance.one_in(12) { !self.stream } else { self.stream };
        let mut answer = if streams { self.stream() } else { self.whole(&self.body(&text(self.number)), "answers") };
        answer.worth = Worth::Good;
        answer.after_ms = if slow { self.chance.within(1, 30_000) } else { self.chance.within(1, 50) };
        for (ms, _) in &mut answer.pieces {
            *ms = if slow && self.chance.one_in(3) { self.chance.within(1, 8_000) } else { self.chance.below(2) };
        }
        answer
    }

    fn whole(&self, body: &[u8], called: &'static str) -> Answer {
        Answer { pieces: vec![(self.chance.below(10), body.to_vec())], ..self.plain(called) }
    }

    fn failure(&self) -> Answer {
        let blames = self.blames && self.chance.one_in(4);
        let status = self.chance.one_of(if blames { BLAMES } else { FAILURES });
        let retry_after = match self.chance.below(6) {
            0 => Some(("retry-after", self.chance.within(0, 4))).map(|(name, s)| (name, s.to_string(), s * 1_000)),
            1 => Some(("retry-after-ms", self.chance.within(0, 4_000))).map(|(name, ms)| (name, ms.to_string(), ms)),
            2 => Some(("retry-after", "100000".to_owned(), 100_000_000)),
            _ => None,
        };
        let words = format!("{} says no", mark(self.number));
        let error = Error::upstream(Kind::of_status(status), words).with_status(status);
        let body = match self.chance.below(4) {
            0 => format!("<html><body>{} is down</body></html>", mark(self.number)).into_bytes(),
            1 => Vec::new(),
            _ => (self.caller_side().inbound().encode_error)(&error, "request"),
        };
        let stream = self.chance.one_in(10);
        let end = if self.chance.one_in(10) { self.chance.one_of(&[End::Breaks, End::Hangs]) } else { End::Closes };
        let head = Head::Says { status, stream, retry_after };
        Answer { head, end, ..self.whole(&body, "fails") }
    }

    /// An answer that is none, whatever was asked for.
    fn nonsense(&self) -> Answer {
        let body = self.body(&text(self.number));
        match self.chance.below(6) {
            0 => self.whole(body.get(..self.chance.at(body.len())).unwrap(), "cuts its JSON"),
            1 => self.whole(b"", "says nothing"),
            2 => self.whole(format!("<html>{} is not for you</html>", mark(self.number)).as_bytes(), "answers a page"),
            3 => self.whole(&(self.caller_side().inbound().encode_error)(&self.error(), "request"), "answers an error as 200"),
            4 => Answer { worth: Worth::Empty, ..self.whole(&self.body(""), "answers nothing") },
            _ => {
                let end = self.chance.one_of(&[End::Breaks, End::Hangs]);
                Answer { end, ..self.whole(body.get(..self.chance.at(body.len())).unwrap(), "never ends its JSON") }
            }
        }
    }

    fn broken_whole(&self) -> Answer {
        let body: Vec<u8> = (0..self.chance.within(1, 200)).map(|_| self.chance.next().to_le_bytes()[0]).collect();
        self.whole(&body, "answers noise")
    }

    fn bad_stream(&self) -> Answer {
        let whole = self.stream();
        let real_at = whole.real_at.unwrap();
        let bytes: Vec<u8> = whole.pieces.iter().flat_map(|(_, piece)| piece.clone()).collect();
        let end_of_text = self.last_word_at(&bytes);
        let (called, cut, end, tail): (_, _, _, Vec<u8>) = match self.chance.below(9) {
            0 => ("ends its stream at once", 0, End::Closes, Vec::new()),
            1 => ("breaks off before a word", self.chance.at(real_at - 8), self.chance.one_of(&[End::Closes, End::Breaks]), Vec::new()),
            2 => ("hangs before a word", self.chance.at(real_at - 8), End::Hangs, Vec::new()),
            3 => ("errs before a word", 0, End::Closes, self.error_event()),
            4 => ("streams noise", 0, End::Closes, self.noise()),
            5 => ("breaks off within", self.within(real_at, end_of_text), self.chance.one_of(&[End::Closes, End::Breaks]), Vec::new()),
            6 => ("hangs within", self.within(real_at, end_of_text), End::Hangs, Vec::new()),
            7 => ("errs within", real_at, End::Closes, self.error_event()),
            _ => ("streams noise within", real_at, End::Breaks, self.noise()),
        };
        let mut bytes = bytes.get(..cut).unwrap().to_vec();
        bytes.extend(tail);
        let real_at = Some(real_at).filter(|at| bytes.len() >= *at && cut >= *at);
        Answer { called, pieces: self.pieces(&bytes), end, worth: Worth::Bad, real_at, ..whole }
    }

    fn within(&self, least: usize, most: usize) -> usize {
        least + self.chance.at(most - least)
    }

    fn noise(&self) -> Vec<u8> {
        let kinds = [
            "data: {\"nobody\": \"knows\"}\n\n",
            "data: {\"choices\": [{\n\n",
            "<html><body>Bad gateway</body></html>",
            "event: what\ndata: \u{fffd}\u{1}\n\n",
            "\u{0}\u{1}\u{2}",
        ];
        self.chance.one_of(&kinds).repeat(self.chance.at(3) + 1).into_bytes()
    }

    fn error(&self) -> Error {
        Error::upstream(Kind::Overloaded, format!("{} is overloaded", mark(self.number)))
    }

    fn error_event(&self) -> Vec<u8> {
        if self.dialect == Dialect::Cohere {
            return format!("event: error\ndata: {{\"message\":\"{} is overloaded\"}}\n\n", mark(self.number)).into_bytes();
        }
        let mut out = Vec::new();
        (self.dialect.inbound().writer)(self.echo()).push(&Event::Error(self.error()), &mut out);
        out
    }

    fn echo(&self) -> Echo {
        Echo { model: "model".to_owned(), now: 1, nonce: "nonce".to_owned(), stream_usage: self.chance.one_in(2) }
    }

    /// The dialect in whose shapes a provider's errors are written.
    fn caller_side(&self) -> Dialect {
        if self.dialect == Dialect::Cohere { Dialect::Chat } else { self.dialect }
    }

    fn body(&self, text: &str) -> Vec<u8> {
        let usage = Usage { input: 7, output: text.len() as u64, ..Usage::default() };
        if self.dialect == Dialect::Cohere {
            let message = json!({"role": "assistant", "content": [{"type": "text", "text": text}]});
            let tokens = json!({"tokens": {"input_tokens": usage.input, "output_tokens": usage.output}});
            return json!({"id": "c", "finish_reason": "COMPLETE", "message": message, "usage": tokens}).to_string().into_bytes();
        }
        let parts = if text.is_empty() { Vec::new() } else { vec![Part::Text(Text { text: text.to_owned(), ..Text::default() })] };
        let response = Response { id: "id".to_owned(), model: "model".to_owned(), parts, usage: Some(usage), ..Response::default() };
        (self.dialect.inbound().encode_response)(&response, &self.echo())
    }

    /// A whole good stream.
    fn stream(&self) -> Answer {
        let (mut bytes, mut real_at) = (Vec::new(), None);
        for _ in 0..self.chance.below(3) {
            bytes.extend_from_slice(if self.dialect == Dialect::Messages {
                b"event: ping\ndata: {\"type\": \"ping\"}\n\n"
            } else {
                b": wait\n\n"
            });
        }
        let mut write = self.writer();
        for (is_word, piece) in std::iter::from_fn(&mut write) {
            bytes.extend(piece);
            real_at = real_at.or(is_word.then_some(bytes.len()));
        }
        let head = Head::Says { status: 200, stream: true, retry_after: None };
        Answer { head, pieces: self.pieces(&bytes), real_at, worth: Worth::Good, ..self.plain("streams") }
    }

    /// What a stream is written with, piece by piece; whether it is a word of the text.
    fn writer(&self) -> Box<dyn FnMut() -> Option<(bool, Vec<u8>)> + '_> {
        if self.dialect == Dialect::Cohere {
            let mut frames = self.coheres().into_iter();
            return Box::new(move || frames.next());
        }
        let mut writer = (self.dialect.inbound().writer)(self.echo());
        let mut events = self.events().into_iter();
        Box::new(move || {
            let (event, mut out) = (events.next()?, Vec::new());
            writer.push(&event, &mut out);
            Some((matches!(event, Event::Delta(_)), out))
        })
    }

    fn events(&self) -> Vec<Event> {
        let usage = Some(Usage { input: 7, output: 9, ..Usage::default() });
        let begin = Event::Begin { id: "id".to_owned(), model: "model".to_owned(), created: Some(1), usage: None, extras: Vec::default() };
        let words = (0..WORDS).map(|at| Event::Delta(Delta::Text(word(self.number, at))));
        let finish = Finish { reason: Reason::Stop, raw: None, stop_sequence: None };
        let last = [Event::End, Event::Finish { finish, usage, extras: Vec::default() }];
        [begin, Event::Start { index: 0, block: Block::Text }].into_iter().chain(words).chain(last).collect()
    }

    fn coheres(&self) -> Vec<(bool, Vec<u8>)> {
        let frame = |word: bool, kind: &str, rest: serde_json::Value| {
            let mut data = rest;
            data["type"] = json!(kind);
            (word, format!("event: {kind}\ndata: {data}\n\n").into_bytes())
        };
        let content = |value: serde_json::Value| json!({"index": 0, "delta": {"message": {"content": value}}});
        let mut frames = vec![
            frame(false, "message-start", json!({"id": "c", "delta": {"message": {"role": "assistant"}}})),
            frame(false, "content-start", content(json!({"type": "text", "text": ""}))),
        ];
        frames.extend((0..WORDS).map(|at| frame(true, "content-delta", content(json!({"text": word(self.number, at)})))));
        frames.push(frame(false, "content-end", json!({"index": 0})));
        let usage = json!({"tokens": {"input_tokens": 7, "output_tokens": 9}});
        frames.push(frame(false, "message-end", json!({"delta": {"finish_reason": "COMPLETE", "usage": usage}})));
        frames
    }

    /// Where in a stream the last word of its text begins.
    fn last_word_at(&self, bytes: &[u8]) -> usize {
        let last = word(self.number, WORDS - 1);
        bytes.windows(last.len()).position(|window| window == last.as_bytes()).unwrap()
    }

    /// In whatever pieces the network brings.
    fn pieces(&self, bytes: &[u8]) -> Vec<(u64, Vec<u8>)> {
        let mut pieces = Vec::new();
        let mut rest = bytes;
        while !rest.is_empty() {
            let length = if self.chance.one_in(2) { rest.len() } else { self.chance.at(rest.len()) + 1 };
            let (piece, more) = rest.split_at(length);
            let ms = if self.chance.one_in(12) { self.chance.within(1, 8_000) } else { self.chance.below(4) };
            pieces.push((ms, piece.to_vec()));
            rest = more;
        }
        pieces
    }
}
