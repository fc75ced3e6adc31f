//! Inputs that are nearly right: seeds with something wrong in them.

use std::ops::Range;

/// Beyond this an input only costs time.
const LONGEST: usize = 256 << 10;

/// What decoders trip over in place of a value.
const ODD_VALUES: [&str; 34] = [
    "null",
    "true",
    "false",
    "0",
    "-0",
    "-1",
    "1e400",
    "-1e400",
    "1e-400",
    "0.1",
    "1.0",
    "18446744073709551615",
    "18446744073709551616",
    "-9223372036854775808",
    "-9223372036854775809",
    "9007199254740993",
    "123456789012345678901234567890123456789012345678901234567890",
    "\"\"",
    "\"\\u0000\"",
    "\"\\ud800\"",
    "\"\\udc00\\ud800\"",
    "\"\\ud83d\\ude00\"",
    "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"",
    "\"data: x\\n\\nevent: y\"",
    "\"\u{2028}\u{feff}\u{10ffff}\"",
    "\"data:image/png;base64,AAAA\"",
    "\"https://example.com/a.png\"",
    "[]",
    "{}",
    "[null]",
    "[[]]",
    "{\"\":null}",
    "[1,\"a\",{\"type\":\"text\",\"text\":\"b\"}]",
    "{\"type\":\"text\",\"text\":null}",
];

/// What is no JSON, or no text, or ends lines.
const ODD_BYTES: [&[u8]; 20] = [
    b"\0",
    b"\xff",
    b"\xc0\x80",
    b"\xed\xa0\x80",
    b"\xf4\x90\x80\x80",
    b"\xe2\x82",
    b"\xef\xbb\xbf",
    b"\n",
    b"\r",
    b"\r\n",
    b"\n\n",
    b"\r\n\r\n",
    b",",
    b":",
    b"\"",
    b"\\",
    b"{",
    b"}",
    b"--",
    b" ",
];

/// Xorshift, so that a seed tells the whole run.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// The choices that belong to an input, the same whenever it is tried.
    pub fn of(input: &[u8]) -> Self {
        Self::new(input.iter().fold(0xcbf2_9ce4_8422_2325, |sum, byte| (sum ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3)))
    }

    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// Less than `end`, or 0.
    pub fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() >> 16).unwrap() % end.max(1)
    }

    pub fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len())]
    }

    fn range(&mut self, length: usize, longest: usize) -> Range<usize> {
        let start = self.below(length + 1);
        start..(start + self.below(longest) + 1).min(length)
    }
}

/// One of the seeds, changed in a few places.
pub fn input(random: &mut Random, seeds: &[Vec<u8>]) -> Vec<u8> {
    let mut input = random.pick(seeds).clone();
    for _ in 0..=random.below(5) {
        change(random, &mut input, seeds);
        input.truncate(LONGEST);
    }
    input
}

fn change(random: &mut Random, input: &mut Vec<u8>, seeds: &[Vec<u8>]) {
    match random.below(60) {
        0..=19 => change_bytes(random, input, seeds),
        20..=58 => change_value(random, input, seeds),
        _ => grow(random, input),
    }
}

fn change_bytes(random: &mut Random, input: &mut Vec<u8>, seeds: &[Vec<u8>]) {
    let length = input.len();
    let at = random.below(length + 1);
    match random.below(8) {
        0 => {
            if let Some(byte) = input.get_mut(at) {
                *byte ^= 1 << random.below(8);
            }
        }
        1 => drop(input.drain(random.range(length, 40))),
        2 => {
            let piece = input[random.range(length, 200)].to_vec();
            input.splice(at..at, piece);
        }
        3 => drop(input.splice(at..at, random.pick(&ODD_BYTES).iter().copied())),
        4 => {
            let range = random.range(length, 3);
            input.splice(range, random.pick(&ODD_BYTES).iter().copied());
        }
        5 => {
            let other = random.pick(seeds);
            input.truncate(at);
            input.extend_from_slice(&other[random.below(other.len() + 1)..]);
        }
        6 => input.truncate(at),
        _ => drop(input.splice(at..at, std::iter::once(random.next().to_le_bytes()[0]))),
    }
}

/// Changes something that looks like JSON, wherever it lies in the input.
fn change_value(random: &mut Random, input: &mut Vec<u8>, seeds: &[Vec<u8>]) {
    let spans = spans(input);
    if spans.is_empty() {
        return change_bytes(random, input, seeds);
    }
    let span = random.pick(&spans).clone();
    let value = input[span.clone()].to_vec();
    let other = |random: &mut Random| {
        let seed = random.pick(seeds);
        let theirs = self::spans(seed);
        if theirs.is_empty() { Vec::new() } else { seed[random.pick(&theirs).clone()].to_vec() }
    };
    let new = match random.below(12) {
        0..=3 => random.pick(&ODD_VALUES).as_bytes().to_vec(),
        4 | 5 => other(random),
        6 => input[random.pick(&spans).clone()].to_vec(),
        7 => [b"[", value.as_slice(), b"]"].concat(),
        8 => [b"{\"type\":", value.as_slice(), b"}"].concat(),
        9 => return drop(input.splice(without(input, &span), [])),
        10 => {
            // A member, or an element, twice.
            let member = member(input, &span);
            [value.as_slice(), b",", &input[member]].concat()
        }
        _ => {
            let at = 1 + random.below(value.len().saturating_sub(1));
            let (left, right) = value.split_at(at.min(value.len()));
            let escape = random.pick(&["\\ud800", "\\u0000", "\\", "\\n", "\\\"", "\\ud83d\\ude00", "\u{fffd}", "\u{0}"]);
            [left, escape.as_bytes(), right].concat()
        }
    };
    input.splice(span, new);
}

/// Much of something: depth, or length.
fn grow(random: &mut Random, input: &mut Vec<u8>) {
    let spans = spans(input);
    let span = if spans.is_empty() { random.range(input.len(), 20) } else { random.pick(&spans).clone() };
    let value = input[span.clone()].to_vec();
    let many = *random.pick(&[3, 40, 126, 127, 128, 129, 300, 3_000]);
    let few = many.min(16_384 / (value.len() + 1)).max(2);
    let new = match random.below(5) {
        0 => [b"[".repeat(many), value, b"]".repeat(many)].concat(),
        1 => [b"{\"properties\":{\"a\":".repeat(many), value, b"}}".repeat(many)].concat(),
        2 => b"[".repeat(many),
        3 => [b"[".to_vec(), [value.as_slice(), b","].concat().repeat(few), value, b"]".to_vec()].concat(),
        _ => {
            let members: Vec<String> = (0..few).map(|at| format!("\"k{at}\":{}", String::from_utf8_lossy(&value))).collect();
            format!("{{{}}}", members.join(",")).into_bytes()
        }
    };
    input.splice(span, new);
}

/// Where values (and the names of members) lie: strings, numbers, words, and what brackets enclose.
fn spans(input: &[u8]) -> Vec<Range<usize>> {
    let (mut spans, mut open, mut at) = (Vec::new(), Vec::new(), 0);
    while at < input.len() {
        let start = at;
        at += 1;
        match input[start] {
            b'"' => {
                while at < input.len() && !matches!(input[at], b'"' | b'\n') {
                    at += if input[at] == b'\\' { 2 } else { 1 };
                }
                at = (at + 1).min(input.len());
                spans.push(start..at);
            }
            b'{' | b'[' => open.push(start),
            b'}' | b']' => spans.extend(open.pop().map(|start| start..at)),
            byte if byte.is_ascii_alphanumeric() || byte == b'-' => {
                while at < input.len() && (input[at].is_ascii_alphanumeric() || matches!(input[at], b'.' | b'-' | b'+' | b'_')) {
                    at += 1;
                }
                spans.push(start..at);
            }
            _ => {}
        }
    }
    spans
}

/// The span with the name before it.
fn member(input: &[u8], span: &Range<usize>) -> Range<usize> {
    let before = input[..span.start].trim_ascii_end();
    let Some(before) = before.strip_suffix(b":").map(<[u8]>::trim_ascii_end).and_then(|name| name.strip_suffix(b"\"")) else {
        return span.clone();
    };
    let start = before.iter().rposition(|byte| *byte == b'"').unwrap_or(span.start);
    start..span.end
}

/// The member with the comma after or before it.
fn without(input: &[u8], span: &Range<usize>) -> Range<usize> {
    let member = member(input, span);
    if input.get(member.end) == Some(&b',') {
        return member.start..member.end + 1;
    }
    let start = if member.start > 0 && input[member.start - 1] == b',' { member.start - 1 } else { member.start };
    start..member.end
}
