//! Goes through JSON once and builds nothing of it: for what wants to know a few fields of a long text. All of it is
//! checked to be JSON on the way; `None` says that it is not.
//!
//! Names are compared as they are written; nobody writes those of an API with escapes.

use std::borrow::Cow;

use serde::Deserialize;

use super::{loose, scan};
use crate::wire::lean;

/// A place in a JSON text, before a value. Whoever is given one takes just that value: by [`Skim::object`],
/// [`Skim::list`] or [`Skim::raw`].
pub struct Skim<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Skim<'a> {
    /// Takes the one value that a text is.
    pub fn whole(text: &'a str, take: impl FnOnce(&mut Self) -> Option<()>) -> Option<()> {
        let mut skim = Self { text, at: 0 };
        take(&mut skim)?;
        skim.peek().is_none().then_some(())
    }

    /// The same of a body.
    pub fn body(body: &'a [u8], take: impl FnOnce(&mut Self) -> Option<()>) -> Option<()> {
        Self::whole(std::str::from_utf8(body).ok()?, take)
    }

    pub fn is_object(&mut self) -> bool {
        self.peek() == Some(b'{')
    }

    /// Takes an object: `field` is told the name of each field, and takes its value. Anything else is passed over.
    pub fn object(&mut self, mut field: impl FnMut(&'a str, &mut Self) -> Option<()>) -> Option<()> {
        if self.peek()? != b'{' {
            return self.pass();
        }
        self.at += 1;
        if self.peek()? == b'}' {
            self.at += 1;
            return Some(());
        }
        loop {
            let name = self.name()?;
            field(name, self)?;
            match self.next()? {
                b',' => {}
                b'}' => return Some(()),
                _ => return None,
            }
        }
    }

    /// Takes a list, of which `item` takes each item. Anything else is passed over.
    pub fn list(&mut self, mut item: impl FnMut(&mut Self) -> Option<()>) -> Option<()> {
        if self.peek()? != b'[' {
            return self.pass();
        }
        self.at += 1;
        if self.peek()? == b']' {
            self.at += 1;
            return Some(());
        }
        loop {
            item(self)?;
            match self.next()? {
                b',' => {}
                b']' => return Some(()),
                _ => return None,
            }
        }
    }

    /// Takes a value as the text it is.
    pub fn raw(&mut self) -> Option<&'a str> {
        self.peek()?;
        let start = self.at;
        self.pass()?;
        self.text.get(start..self.at)
    }

    /// Takes a string as its text; anything else is passed over and is none.
    pub fn text(&mut self) -> Option<Cow<'a, str>> {
        let raw = self.raw()?;
        Some(match inner(raw) {
            Some(plain) if !plain.contains('\\') => Cow::Borrowed(plain),
            Some(_) => Cow::Owned(loose::text(raw).unwrap_or_default()),
            None => Cow::Borrowed(""),
        })
    }

    /// Takes a value as what it is to be read as; nothing where it is of another kind.
    pub fn read<T: Deserialize<'a>>(&mut self) -> Option<Option<T>> {
        Some(lean::from_str(self.raw()?).ok())
    }

    pub fn pass(&mut self) -> Option<()> {
        // What closes the objects and lists that are open here, the outermost first.
        let mut open = Vec::new();
        loop {
            let byte = self.next()?;
            match byte {
                b'"' => self.string()?,
                b'{' if self.peek()? == b'}' => self.at += 1,
                b'[' if self.peek()? == b']' => self.at += 1,
                b'{' => {
                    self.name()?;
                    open.push(b'}');
                    continue;
                }
                b'[' => {
                    open.push(b']');
                    continue;
                }
                b't' => self.word("rue")?,
                b'f' => self.word("alse")?,
                b'n' => self.word("ull")?,
                b'-' | b'0'..=b'9' => self.number(byte)?,
                _ => return None,
            }
            loop {
                let Some(closer) = open.last().copied() else { return Some(()) };
                match self.next()? {
                    b',' if closer == b'}' => self.name().map(drop)?,
                    b',' => {}
                    byte if byte == closer => {
                        open.pop();
                        continue;
                    }
                    _ => return None,
                }
                break;
            }
        }
    }

    /// The next byte that is no space.
    fn peek(&mut self) -> Option<u8> {
        loop {
            match self.byte()? {
                b' ' | b'\n' | b'\r' | b'\t' => self.at += 1,
                byte => return Some(byte),
            }
        }
    }

    fn next(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.at += 1;
        Some(byte)
    }

    fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// A name and its colon.
    fn name(&mut self) -> Option<&'a str> {
        if self.next()? != b'"' {
            return None;
        }
        let start = self.at;
        self.string()?;
        let name = self.text.get(start..self.at.checked_sub(1)?);
        if self.next()? == b':' { name } else { None }
    }

    /// The rest of a string.
    fn string(&mut self) -> Option<()> {
        loop {
            self.at += scan::plain_text_end(self.text.as_bytes().get(self.at..)?);
            let byte = self.byte()?;
            self.at += 1;
            match byte {
                b'"' => return Some(()),
                b'\\' => self.escaped()?,
                _ => return None,
            }
        }
    }

    fn escaped(&mut self) -> Option<()> {
        let length = match self.byte()? {
            b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => 1,
            b'u' => {
                let digits = self.text.as_bytes().get(self.at + 1..self.at + 5)?;
                digits.iter().all(u8::is_ascii_hexdigit).then_some(5)?
            }
            _ => return None,
        };
        self.at += length;
        Some(())
    }

    fn word(&mut self, rest: &str) -> Option<()> {
        let found = self.text.as_bytes().get(self.at..)?.starts_with(rest.as_bytes());
        self.at += rest.len();
        found.then_some(())
    }

    /// The rest of a number.
    fn number(&mut self, first: u8) -> Option<()> {
        let first = if first == b'-' { self.digit()? } else { first };
        if first != b'0' {
            self.digits();
        }
        if self.byte() == Some(b'.') {
            self.at += 1;
            self.digit()?;
            self.digits();
        }
        if let Some(b'e' | b'E') = self.byte() {
            self.at += 1;
            if let Some(b'+' | b'-') = self.byte() {
                self.at += 1;
            }
            self.digit()?;
            self.digits();
        }
        Some(())
    }

    fn digit(&mut self) -> Option<u8> {
        let digit = self.byte().filter(u8::is_ascii_digit)?;
        self.at += 1;
        Some(digit)
    }

    fn digits(&mut self) {
        while self.digit().is_some() {}
    }
}

/// What stands in a JSON string, as it is written; of anything else nothing.
pub fn inner(raw: &str) -> Option<&str> {
    raw.strip_prefix('"')?.strip_suffix('"')
}

#[cfg(test)]
mod tests {
    use serde::de::IgnoredAny;

    use super::*;

    fn fields(text: &str) -> Option<Vec<(&str, &str)>> {
        let mut fields = Vec::new();
        Skim::whole(text, |skim| {
            skim.object(|name, skim| {
                fields.push((name, skim.raw()?));
                Some(())
            })
        })?;
        Some(fields)
    }

    #[test]
    fn the_fields_of_an_object_come_as_they_are_written() {
        let text = " {\"a\" : [1, {\"x\":[]} ,{}] ,\n\"b\":\"\\u00fc\\\"\",\"\":null,\"ü\":{\"\":-0.5e+7}} ";
        let expected = vec![("a", "[1, {\"x\":[]} ,{}]"), ("b", "\"\\u00fc\\\"\""), ("", "null"), ("ü", "{\"\":-0.5e+7}")];
        assert_eq!(fields(text), Some(expected));
        for none in ["{}", " { } ", "[1]", "\"a\"", "7"] {
            assert_eq!(fields(none), Some(Vec::new()), "{none}");
        }
    }

    #[test]
    fn the_items_of_a_list_come_one_by_one() {
        let mut count = 0;
        let take = |skim: &mut Skim<'_>| {
            skim.list(|skim| {
                count += 1;
                skim.pass()
            })
        };
        assert_eq!(Skim::body(b"[1 , [2,3],\"4\"]", take), Some(()));
        assert_eq!(count, 3);
    }

    /// Every way of cutting, doubling or exchanging a byte of these.
    #[test]
    fn what_is_taken_for_json_is_json() {
        let texts = [
            r#"{"a":[1,-2.50e-3,{"b":"\u00e4\n\"x\\"}],"c":null,"d":true,"e":false,"f":{},"g":[],"h":[[0],[]]}"#,
            r#" [ "long enough for several words at once" , 10 , 0.1E5 , { "x" : { } } ] "#,
            "-0",
            "\"\"",
        ];
        let same = |text: &str| {
            let known = lean::from_str::<IgnoredAny>(text).is_ok();
            assert_eq!(Skim::whole(text, Skim::pass).is_some(), known, "{text}");
            let each = |skim: &mut Skim<'_>| skim.object(|_, skim| skim.list(|skim| skim.object(|_, skim| skim.pass())));
            assert_eq!(Skim::whole(text, each).is_some(), known, "{text}");
        };
        for text in texts {
            same(text);
            for at in 0..text.len() {
                let (head, rest) = text.split_at(at);
                let (byte, tail) = rest.split_at(1);
                same(head);
                for other in ["", " ", ",", ":", "\"", "\\", "{", "}", "[", "]", "0", "-", ".", "e", "u", "\t", "\u{1}", byte] {
                    same(&[head, other, tail].concat());
                    same(&[head, other, byte, tail].concat());
                }
            }
        }
    }
}
