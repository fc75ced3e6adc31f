//! From what is asked to the locker that its answer has.

use hmac::{Hmac, Mac};
use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use sha2::Sha256;
use std::fmt;

use crate::http::Headers;
use crate::spelling::hex;

/// All that makes an answer what it is.
#[derive(Debug)]
pub struct Question<'a> {
    /// A secret of the deployment, if it has one.
    pub secret: &'a str,
    /// Whose answers are shared: callers of other tenants never meet.
    pub tenant: &'a str,
    /// The caller's own division.
    pub namespace: &'a str,
    /// The caller's dialect, or what else it asks for.
    pub kind: &'a str,
    pub provider: &'a str,
    pub model: &'a str,
    pub url: &'a str,
    /// What goes along, the key among it.
    pub headers: &'a Headers,
    /// Of credentials that are no header: what signs the request, what a token is fetched by.
    pub credential: &'a [&'a str],
    /// The caller's body on the target's terms.
    pub body: &'a [u8],
}

/// Where an answer lies, and what opens it.
#[derive(Clone, PartialEq, Eq)]
pub struct Locker {
    /// Its key in the deployment's storage.
    pub name: String,
    pub(super) key: [u8; 32],
}

/// Fields of the body by which no answer differs. A stream's answer is that of a request without one. The model's
/// name is told in the question as the provider knows it. Marks of the end user, labels, and hints for the provider's
/// own cache are no part of what the model sees: whoever wants to keep its users apart has namespaces.
const BESIDES: &[&str] =
    &["model", "stream", "stream_options", "user", "metadata", "safety_identifier", "prompt_cache_key", "prompt_cache_retention"];

/// It differs from try to try by design.
const ONCE: &str = "idempotency-key";

/// Changed when what is stored is no longer understood as before.
const EDITION: &str = "causeway cache 1";

impl Question<'_> {
    /// Nothing where the body cannot be told from others.
    pub fn locker(&self) -> Option<Locker> {
        let mut all = Vec::with_capacity(self.body.len().saturating_add(512));
        let words = [EDITION, self.tenant, self.namespace, self.kind, self.provider, self.model, self.url];
        words.into_iter().chain(self.credential.iter().copied()).for_each(|word| write_text(&mut all, word));
        let headers = self.headers.iter().filter(|(name, _)| *name != ONCE);
        let text = |value: &str| {
            let mut out = Vec::new();
            write_text(&mut out, value);
            out
        };
        write_fields(&mut all, headers.map(|(name, value)| (name.to_owned(), text(value))).collect())?;
        let mut body = serde_json::Deserializer::from_str(std::str::from_utf8(self.body).ok()?);
        Canonical { out: &mut all, besides: BESIDES }.deserialize(&mut body).ok()?;
        body.end().ok()?;
        let root = derived(self.secret.as_bytes(), &all)?;
        let name = hex(derived(&root, b"name")?.get(..16)?);
        Some(Locker { name: format!("cache:{name}"), key: derived(&root, b"seal")? })
    }
}

/// The key is nobody's business.
impl fmt::Debug for Locker {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.name)
    }
}

fn derived(key: &[u8], words: &[u8]) -> Option<[u8; 32]> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).ok()?;
    mac.update(words);
    Some(mac.finalize().into_bytes().into())
}

/// A mark, the length and the bytes: no two texts in a row read like two others.
fn write_text(out: &mut Vec<u8>, text: &str) {
    out.push(b's');
    out.extend_from_slice(&u64::try_from(text.len()).unwrap_or(u64::MAX).to_le_bytes());
    out.extend_from_slice(text.as_bytes());
}

/// Fields in the order of their names; nothing if a name comes twice.
fn write_fields(out: &mut Vec<u8>, mut fields: Vec<(String, Vec<u8>)>) -> Option<()> {
    fields.sort_unstable();
    out.push(b'{');
    let mut last = None;
    for (name, value) in &fields {
        if last.replace(name) == Some(name) {
            return None;
        }
        write_text(out, name);
        out.extend_from_slice(value);
    }
    out.push(b'}');
    Some(())
}

/// Writes JSON so that what means the same becomes the same: objects by the order of their keys, texts without
/// escapes, numbers by their value. Of an object on top, some fields and those that are null do not count.
struct Canonical<'o> {
    out: &'o mut Vec<u8>,
    besides: &'static [&'static str],
}

impl<'de> DeserializeSeed<'de> for Canonical<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

/// Whole numbers beyond this are not exact as floats, and so may be taken for others.
const EXACT: f64 = 9_007_199_254_740_992.0;

impl<'de> Visitor<'de> for Canonical<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        self.out.push(b'n');
        Ok(())
    }

    fn visit_bool<E>(self, value: bool) -> Result<(), E> {
        self.out.push(if value { b't' } else { b'f' });
        Ok(())
    }

    fn visit_i64<E>(self, value: i64) -> Result<(), E> {
        self.out.push(b'i');
        self.out.extend_from_slice(&i128::from(value).to_le_bytes());
        Ok(())
    }

    fn visit_u64<E>(self, value: u64) -> Result<(), E> {
        self.out.push(b'i');
        self.out.extend_from_slice(&i128::from(value).to_le_bytes());
        Ok(())
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<(), E> {
        if value.abs() >= EXACT {
            return Err(E::custom("a number that cannot be told from others"));
        }
        if value.fract() == 0.0 {
            #[expect(clippy::cast_possible_truncation, reason = "it is whole and small")]
            return self.visit_i64(value as i64);
        }
        self.out.push(b'd');
        self.out.extend_from_slice(&value.to_bits().to_le_bytes());
        Ok(())
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        write_text(self.out, text);
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        self.out.push(b'[');
        while items.next_element_seed(Canonical { out: self.out, besides: &[] })?.is_some() {}
        self.out.push(b']');
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let top = !self.besides.is_empty();
        let mut fields: Vec<(String, Vec<u8>)> = Vec::new();
        while let Some(name) = map.next_key::<String>()? {
            let mut value = Vec::new();
            map.next_value_seed(Canonical { out: &mut value, besides: &[] })?;
            if !(top && (value == b"n" || self.besides.contains(&name.as_str()))) {
                fields.push((name, value));
            }
        }
        write_fields(self.out, fields).ok_or_else(|| A::Error::custom("a field that comes twice"))
    }
}
