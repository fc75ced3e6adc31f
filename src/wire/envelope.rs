//! The cheap look at a body: its top-level fields as raw JSON, in order, without decoding what lies below.
//!
//! A relayed request is edited here and nowhere else, so unknown fields survive and nothing is re-ordered
//! (providers' prompt caches depend on both). Of a key that comes twice the last value counts, as it would for
//! the provider, and only that one is sent on: what was checked is what arrives.

use std::borrow::Cow;

use serde::de::IgnoredAny;

use super::skim::Skim;
use crate::error::{Error, Kind, Result};
use crate::wire::lean;

#[derive(Clone, Debug)]
pub struct Envelope<'a> {
    body: &'a [u8],
    fields: Vec<(Cow<'a, str>, Cow<'a, str>)>,
    /// The fields no longer say what `body` says.
    edited: bool,
}

/// The largest body taken. An isolate has 128 MiB, and a body is held more than once on its way.
pub const MAX_BODY: usize = 20 << 20;

/// More fields than any request has; bounds the search for those that come twice.
const MOST_FIELDS: usize = 1_024;

impl<'a> Envelope<'a> {
    /// An object with nothing in it yet.
    pub fn empty() -> Self {
        Self { body: b"{}", fields: Vec::new(), edited: false }
    }

    pub fn look(body: &'a [u8]) -> Result<Self> {
        if body.len() > MAX_BODY {
            return Err(Error::caller(
                Kind::TooLarge,
                format!("The body is larger than {} MiB; send large files by URL or file id.", MAX_BODY >> 20),
            ));
        }
        if body.iter().all(u8::is_ascii_whitespace) {
            return Err(Error::invalid("The body is empty; send a JSON object."));
        }
        let text = std::str::from_utf8(body).map_err(|error| Error::invalid(format!("The body is not valid JSON: {error}.")))?;
        let mut look = Self { body, fields: Vec::with_capacity(16), edited: false };
        let taken = Skim::whole(text, |skim| if skim.is_object() { skim.object(|name, skim| look.take(name, skim)) } else { None });
        match taken {
            Some(()) if look.fields.len() > MOST_FIELDS => {
                Err(Error::invalid(format!("The body has more than {MOST_FIELDS} fields; send what belongs to a request only.")))
            }
            Some(()) => Ok(look),
            None => Err(Error::invalid(match lean::from_str::<IgnoredAny>(text) {
                Ok(_) => "The body must be a JSON object.".to_owned(),
                Err(error) => format!("The body is not valid JSON: {error}."),
            })),
        }
    }

    /// Takes the next field.
    fn take(&mut self, name: &'a str, skim: &mut Skim<'a>) -> Option<()> {
        let value = Cow::Borrowed(skim.raw()?);
        if self.fields.len() > MOST_FIELDS {
            return Some(());
        }
        let name = if name.contains('\\') { Cow::Owned(unescaped(name)?) } else { Cow::Borrowed(name) };
        match self.fields.iter_mut().find(|(known, _)| *known == name) {
            Some((_, earlier)) => {
                *earlier = value;
                self.edited = true;
            }
            None => self.fields.push((name, value)),
        }
        Some(())
    }

    /// A field's raw JSON; `null` counts as absent.
    pub fn raw(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_ref()).filter(|value| *value != "null")
    }

    /// All that is in it, as raw JSON.
    pub fn values(&self) -> impl Iterator<Item = &str> {
        self.fields.iter().map(|(_, value)| value.as_ref())
    }

    /// A field that must be a string if it is there.
    pub fn text(&self, name: &str) -> Result<Option<Cow<'_, str>>> {
        let Some(raw) = self.raw(name) else { return Ok(None) };
        let plain = raw.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).filter(|text| !text.contains('\\'));
        if let Some(text) = plain {
            return Ok(Some(Cow::Borrowed(text)));
        }
        let text: String = lean::from_str(raw).map_err(|_| mistyped(name, "a string"))?;
        Ok(Some(Cow::Owned(text)))
    }

    /// A field that must be a boolean if it is there.
    pub fn flag(&self, name: &str) -> Result<Option<bool>> {
        match self.raw(name) {
            None => Ok(None),
            Some("true") => Ok(Some(true)),
            Some("false") => Ok(Some(false)),
            Some(_) => Err(mistyped(name, "true or false")),
        }
    }

    /// Whether the field is in the body at all, even as `null`.
    pub fn has(&self, name: &str) -> bool {
        self.fields.iter().any(|(key, _)| key == name)
    }

    /// Puts a value where the field stands, or at the end.
    pub fn set(&mut self, name: &str, json: String) {
        self.edited = true;
        match self.fields.iter_mut().find(|(key, _)| key == name) {
            Some((_, value)) => *value = Cow::Owned(json),
            None => self.fields.push((Cow::Owned(name.to_owned()), Cow::Owned(json))),
        }
    }

    pub fn remove(&mut self, name: &str) -> bool {
        let before = self.fields.len();
        self.fields.retain(|(key, _)| key != name);
        let removed = self.fields.len() != before;
        self.edited |= removed;
        removed
    }

    /// Gives a field another name, unless one of that name is there already: then the old one goes.
    pub fn rename(&mut self, from: &str, to: &str) {
        if self.has(to) {
            self.remove(from);
        } else if let Some((key, _)) = self.fields.iter_mut().find(|(key, _)| key == from) {
            *key = Cow::Owned(to.to_owned());
            self.edited = true;
        }
    }

    /// The body as it is to be sent: the very bytes that came, unless something was edited.
    pub fn bytes(&self) -> Cow<'a, [u8]> {
        if !self.edited {
            return Cow::Borrowed(self.body);
        }
        let mut out = Vec::with_capacity(self.body.len().saturating_add(64));
        for (key, value) in &self.fields {
            out.extend_from_slice(if out.is_empty() { b"{" } else { b"," });
            // Writing to a Vec does not fail.
            let _ = serde_json::to_writer(&mut out, key);
            out.push(b':');
            out.extend_from_slice(value.as_bytes());
        }
        if out.is_empty() {
            out.push(b'{');
        }
        out.push(b'}');
        Cow::Owned(out)
    }
}

fn unescaped(name: &str) -> Option<String> {
    lean::from_str(&format!("\"{name}\"")).ok()
}

fn mistyped(name: &str, expected: &str) -> Error {
    Error::invalid(format!("`{name}` must be {expected}.")).with_param(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(bytes: &[u8]) -> &str {
        std::str::from_utf8(bytes).unwrap()
    }

    #[test]
    fn an_untouched_body_is_sent_as_the_very_bytes_that_came() {
        let body = b" { \"model\" : \"m\",\n\"x\":[1, 2 ,{\"a\" :null}] } ";
        let envelope = Envelope::look(body).unwrap();
        assert!(matches!(envelope.bytes(), Cow::Borrowed(bytes) if std::ptr::eq(bytes, body.as_slice())));
    }

    #[test]
    fn of_a_key_that_comes_twice_the_last_counts_and_only_that_is_sent() {
        for body in [r#"{"model":"cheap","a":1,"model":"dear"}"#, r#"{"model":"cheap","a":1,"mod\u0065l":"dear"}"#] {
            let envelope = Envelope::look(body.as_bytes()).unwrap();
            assert_eq!(envelope.text("model").unwrap().unwrap(), "dear");
            assert_eq!(text(&envelope.bytes()), r#"{"model":"dear","a":1}"#);
        }
    }

    #[test]
    fn edits_keep_the_order_and_all_else_as_it_was() {
        let body = br#"{"model":"p/m","messages":[{"role":"user", "content":"\u00fc"}],"max_completion_tokens":5,"n":1e2}"#;
        let mut envelope = Envelope::look(body).unwrap();
        envelope.set("model", "\"m\"".to_owned());
        envelope.rename("max_completion_tokens", "max_tokens");
        envelope.remove("absent");
        envelope.set("stream", "true".to_owned());
        assert_eq!(
            text(&envelope.bytes()),
            r#"{"model":"m","messages":[{"role":"user", "content":"\u00fc"}],"max_tokens":5,"n":1e2,"stream":true}"#
        );
    }

    #[test]
    fn renaming_onto_a_field_that_is_there_keeps_that_one() {
        let mut envelope = Envelope::look(br#"{"a":1,"b":2}"#).unwrap();
        envelope.rename("a", "b");
        assert_eq!(text(&envelope.bytes()), r#"{"b":2}"#);
        envelope.remove("b");
        assert_eq!(text(&envelope.bytes()), "{}");
    }

    #[test]
    fn more_fields_than_any_request_has_are_refused() {
        let body = |count: usize| format!("{{{}}}", (0..count).map(|at| format!("\"k{at}\":1")).collect::<Vec<_>>().join(","));
        assert!(Envelope::look(body(1_000).as_bytes()).is_ok());
        let error = Envelope::look(body(300_000).as_bytes()).unwrap_err();
        assert!(error.status == 400 && error.message.contains("more than 1024 fields"), "{}", error.message);
    }

    #[test]
    fn what_is_no_object_is_refused_with_words() {
        for (body, words) in [
            ("", "empty"),
            (" \n", "empty"),
            ("[1]", "JSON object"),
            ("\"x\"", "JSON object"),
            ("{\"a\":1", "not valid JSON"),
            ("{\"a\":1} x", "not valid JSON"),
            ("{'a':1}", "not valid JSON"),
            ("{\"a\":01}", "not valid JSON"),
            ("{\"a\":\"\u{1}\"}", "not valid JSON"),
        ] {
            let error = Envelope::look(body.as_bytes()).unwrap_err();
            assert!(error.message.contains(words), "{body}: {}", error.message);
            assert_eq!(error.status, 400);
        }
        assert_eq!(Envelope::look(b"{\"a\":\"\xff\"}").unwrap_err().status, 400);
    }

    #[test]
    fn fields_have_types_and_null_is_absent() {
        let envelope = Envelope::look(br#"{"model":"a\"b","stream":true,"n":null,"x":1}"#).unwrap();
        assert_eq!(envelope.text("model").unwrap().unwrap(), "a\"b");
        assert_eq!(envelope.flag("stream").unwrap(), Some(true));
        assert_eq!(envelope.text("n").unwrap(), None);
        assert!(envelope.has("n"));
        assert!(envelope.text("x").unwrap_err().message.contains("`x` must be a string"));
        assert!(envelope.flag("x").unwrap_err().message.contains("`x` must be true or false"));
    }
}
