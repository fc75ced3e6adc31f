//! Writes JSON straight into the bytes that are sent: fields in the order they are given, raw parts as they came.

use serde::de::Error as _;
use serde::{Deserialize, Serialize};

use super::scan::line_end;
use crate::wire::lean;

/// Reads a body. What is read from its parts later is text, so it is read as text too: then there is one reader of each
/// form in the binary, and no string of it is checked twice.
pub fn read<'a, T: Deserialize<'a>>(body: &'a [u8]) -> serde_json::Result<T> {
    lean::from_str(std::str::from_utf8(body).map_err(serde_json::Error::custom)?)
}

pub fn value<T: Serialize + ?Sized>(out: &mut Vec<u8>, value: &T) {
    let start = out.len();
    // Strings, numbers and raw JSON written to memory cannot fail.
    let _ = serde_json::to_writer(&mut *out, value);
    put_on_one_line(out, start);
}

/// Raw JSON may have line ends between its tokens. They mean nothing, but would end a stream's event.
fn put_on_one_line(out: &mut Vec<u8>, start: usize) {
    if out.get(start..).is_some_and(|fresh| line_end(fresh).is_some()) {
        let fresh = out.split_off(start);
        out.extend(fresh.into_iter().filter(|byte| !matches!(byte, b'\n' | b'\r')));
    }
}

pub struct Object<'o> {
    out: &'o mut Vec<u8>,
    first: bool,
}

impl<'o> Object<'o> {
    pub fn open(out: &'o mut Vec<u8>) -> Self {
        out.push(b'{');
        Self { out, first: true }
    }

    /// An object that begins with its type.
    pub fn typed(out: &'o mut Vec<u8>, kind: &str) -> Self {
        Self::open(out).with("type", kind)
    }

    pub fn with<T: Serialize + ?Sized>(mut self, name: &str, field: &T) -> Self {
        value(self.slot(name), field);
        self
    }

    pub fn maybe<T: Serialize>(self, name: &str, field: Option<T>) -> Self {
        match field {
            Some(field) => self.with(name, &field),
            None => self,
        }
    }

    /// Where the value of a field is to be written.
    pub fn slot(&mut self, name: &str) -> &mut Vec<u8> {
        if !std::mem::take(&mut self.first) {
            self.out.push(b',');
        }
        // A name is a string, whose line ends are escaped.
        let _ = serde_json::to_writer(&mut *self.out, name);
        self.out.push(b':');
        self.out
    }

    pub fn close(self) {
        self.out.push(b'}');
    }
}

pub struct Array<'o> {
    out: &'o mut Vec<u8>,
    first: bool,
}

impl<'o> Array<'o> {
    pub fn open(out: &'o mut Vec<u8>) -> Self {
        out.push(b'[');
        Self { out, first: true }
    }

    pub fn slot(&mut self) -> &mut Vec<u8> {
        if !std::mem::take(&mut self.first) {
            self.out.push(b',');
        }
        self.out
    }

    pub fn close(self) {
        self.out.push(b']');
    }
}

#[cfg(test)]
mod tests {
    use serde_json::value::RawValue;

    use super::*;

    #[test]
    fn raw_json_is_written_on_one_line_and_the_line_ends_of_texts_stay() {
        let raw: Box<RawValue> = lean::from_str("{\r\n  \"a\": \"b\\nc\",\n  \"d\": [1,\n2]\n}").unwrap();
        let mut out = Vec::new();
        Object::open(&mut out).with("args", &raw).with("text", "one\ntwo").close();
        assert_eq!(String::from_utf8(out).unwrap(), r#"{"args":{  "a": "b\nc",  "d": [1,2]},"text":"one\ntwo"}"#);
    }
}
