//! Reads the fields of answers, whose types some providers mix up: a number in quotes counts as the number, a number
//! in a string's place as the string, and what makes no sense as missing.

use std::borrow::Cow;
use std::fmt;

use crate::wire::lean;
use serde::de::{Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

/// A string, borrowed unless it is written with escapes.
#[derive(Debug)]
pub struct Str<'a>(pub Cow<'a, str>);

pub fn word<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Str<'de>>, D::Error> {
    Ok(match deserializer.deserialize_any(Scalar)? {
        Told::Word(word) => Some(Str(word)),
        Told::Number(number) => Some(Str(Cow::Owned(number.to_string()))),
        Told::Nothing => None,
    })
}

/// The same, owned.
pub fn words<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Ok(word(deserializer)?.map(|word| word.0.into_owned()))
}

pub fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<f64>, D::Error> {
    Ok(match deserializer.deserialize_any(Scalar)? {
        Told::Word(word) => word.trim().parse().ok(),
        Told::Number(number) => Some(number),
        Told::Nothing => None,
    })
}

pub fn index<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    Ok(number(deserializer)?.map(whole))
}

/// A count as it is written, with quotes or without.
pub fn count(raw: &str) -> Option<f64> {
    let word = raw.trim_matches('"').trim();
    // Nearly all are whole, and those are read in no time.
    let small = word.parse::<u32>().map(f64::from);
    small.or_else(|_| word.parse()).ok().filter(|count| *count >= 0.0)
}

/// An object that some fill with something else.
pub fn maybe<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    let raw = Option::<&RawValue>::deserialize(deserializer)?;
    Ok(raw.and_then(|raw| lean::from_str(raw.get()).ok()))
}

/// A list, without what in it is of another kind.
pub fn list<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Vec<T>, D::Error> {
    Ok(Option::<&RawValue>::deserialize(deserializer)?.map(items).unwrap_or_default())
}

pub fn items<'a, T: Deserialize<'a>>(raw: &'a RawValue) -> Vec<T> {
    let items: Vec<&RawValue> = lean::from_str(raw.get()).unwrap_or_default();
    items.into_iter().filter_map(|raw| lean::from_str(raw.get()).ok()).collect()
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a float cast saturates, and counts are small")]
pub fn whole(count: f64) -> u64 {
    count as u64
}

/// The text of a JSON string. Half of a sign, which a bound may leave of it, is no reason to lose the rest.
pub fn text(json: &str) -> Option<String> {
    lean::from_str(json).ok().or_else(|| lean::from_str(json).ok().map(|Halves(text)| text))
}

struct Halves(String);

impl<'de> Deserialize<'de> for Halves {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_bytes(HalvesVisitor)
    }
}

struct HalvesVisitor;

impl Visitor<'_> for HalvesVisitor {
    type Value = Halves;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a string")
    }

    fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Halves, E> {
        Ok(Halves(String::from_utf8_lossy(bytes).into_owned()))
    }
}

enum Told<'a> {
    Word(Cow<'a, str>),
    Number(f64),
    Nothing,
}

struct Scalar;

impl<'de> Visitor<'de> for Scalar {
    type Value = Told<'de>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a string or a number")
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Told::Word(Cow::Borrowed(text)))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Told::Word(Cow::Owned(text.to_owned())))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Self::Value, E> {
        Ok(Told::Number(number))
    }

    #[expect(clippy::cast_precision_loss, reason = "counts and times are small")]
    fn visit_u64<E: Error>(self, number: u64) -> Result<Self::Value, E> {
        Ok(Told::Number(number as f64))
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Self::Value, E> {
        Ok(Told::Nothing)
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Self::Value, E> {
        Ok(Told::Nothing)
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(Told::Nothing)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Told::Nothing)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Told::Nothing)
    }
}
