//! Reads JSON objects field by field, so that an error names the very field and what is not known stays raw.

use crate::error::{Error, Result};
use crate::ir::{Extras, Raw};
use crate::wire::lean;
use serde::Deserialize;
use serde::de::{DeserializeOwned, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::borrow::Cow;

/// More fields than any object of this dialect has; bounds the search for duplicates.
const MOST_FIELDS: usize = 256;

/// The fields of an object in their order, without those that are null. Of duplicates, the last counts.
pub(in crate::wire) struct Fields<'a> {
    path: String,
    pairs: Vec<(Cow<'a, str>, &'a RawValue)>,
}

impl<'a> Fields<'a> {
    pub fn of_body(body: &'a [u8]) -> Result<Self> {
        let raw: &RawValue =
            crate::wire::json::read(body).map_err(|error| Error::invalid(format!("The body is not valid JSON: {error}")))?;
        Self::of(raw, String::new())
    }

    pub fn of(raw: &'a RawValue, path: String) -> Result<Self> {
        match lean::from_str::<Pairs<'a>>(raw.get()) {
            Ok(Pairs(pairs)) => Ok(Self { path, pairs }),
            Err(_) => Err(wrong(&path, "an object")),
        }
    }

    pub fn path_of(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) }
    }

    pub fn take(&mut self, name: &str) -> Option<&'a RawValue> {
        let place = self.pairs.iter().position(|(key, _)| key == name)?;
        Some(self.pairs.remove(place).1)
    }

    pub fn has(&self, name: &str) -> bool {
        self.pairs.iter().any(|(key, _)| key == name)
    }

    pub fn take_raw(&mut self, name: &str) -> Option<Raw> {
        self.take(name).map(ToOwned::to_owned)
    }

    /// A field of a plain type; `what` says which in the error.
    pub fn plain<T: DeserializeOwned>(&mut self, name: &str, what: &str) -> Result<Option<T>> {
        self.take(name).map(|raw| plain(raw, &self.path_of(name), what)).transpose()
    }

    pub fn text(&mut self, name: &str) -> Result<Option<String>> {
        self.plain(name, "a string")
    }

    pub fn flag(&mut self, name: &str) -> Result<Option<bool>> {
        self.plain(name, "true or false")
    }

    pub fn count(&mut self, name: &str) -> Result<Option<u64>> {
        self.plain(name, "a non-negative integer")
    }

    pub fn number(&mut self, name: &str) -> Result<Option<f64>> {
        self.plain(name, "a number")
    }

    pub fn object(&mut self, name: &str) -> Result<Option<Fields<'a>>> {
        self.take(name).map(|raw| Fields::of(raw, self.path_of(name))).transpose()
    }

    pub fn items(&mut self, name: &str) -> Result<Option<Vec<&'a RawValue>>> {
        self.take(name).map(|raw| items(raw, &self.path_of(name))).transpose()
    }

    /// A field that has to be there.
    pub fn required<T>(&self, name: &str, value: Option<T>) -> Result<T> {
        value.ok_or_else(|| {
            let path = self.path_of(name);
            Error::invalid(format!("{path}: Field required")).with_param(path)
        })
    }

    pub fn required_text(&mut self, name: &str) -> Result<String> {
        let value = self.text(name)?;
        self.required(name, value)
    }

    /// What nobody took.
    pub fn rest(self) -> Extras {
        self.pairs.into_iter().map(|(key, raw)| (key.into_owned(), raw.to_owned())).collect()
    }
}

pub(in crate::wire) fn plain<T: DeserializeOwned>(raw: &RawValue, path: &str, what: &str) -> Result<T> {
    lean::from_str(raw.get()).map_err(|_| wrong(path, what))
}

pub(in crate::wire) fn items<'a>(raw: &'a RawValue, path: &str) -> Result<Vec<&'a RawValue>> {
    lean::from_str(raw.get()).map_err(|_| wrong(path, "an array"))
}

pub(in crate::wire) fn is_string(raw: &RawValue) -> bool {
    raw.get().starts_with('"')
}

pub(in crate::wire) fn wrong(path: &str, what: &str) -> Error {
    let place = if path.is_empty() { "The body" } else { path };
    let error = Error::invalid(format!("{place}: expected {what}"));
    if path.is_empty() { error } else { error.with_param(path) }
}

struct Pairs<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

#[derive(Deserialize)]
struct Key<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'de> Deserialize<'de> for Pairs<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        deserializer.deserialize_map(PairsVisitor)
    }
}

struct PairsVisitor;

impl<'de> Visitor<'de> for PairsVisitor {
    type Value = Pairs<'de>;

    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> std::result::Result<Self::Value, A::Error> {
        let mut pairs: Vec<(Cow<'de, str>, &'de RawValue)> = Vec::new();
        while let Some((Key(key), value)) = map.next_entry::<Key<'de>, Option<&'de RawValue>>()? {
            pairs.retain(|(known, _)| *known != key);
            pairs.extend(value.map(|raw| (key, raw)));
            if pairs.len() > MOST_FIELDS {
                return Err(serde::de::Error::custom("too many fields"));
            }
        }
        Ok(Pairs(pairs))
    }
}
