//! An object that people write (a config, a key's definition), its names in snake case, read field by field; what nobody
//! takes is refused with the nearest known name.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use crate::catalog::Money;
use crate::error::{Error, Result};
use crate::wire::lean;
use crate::{spelling, time};

pub struct Section<'a> {
    pub path: String,
    fields: BTreeMap<String, &'a RawValue>,
    /// The names that are written otherwise: `on_status_codes` as `onStatusCodes`.
    written: BTreeMap<String, String>,
    /// What was asked for: the names that are known here.
    known: Vec<&'static str>,
}

impl<'a> Section<'a> {
    pub fn parse(json: &'a str, path: &str) -> Result<Self> {
        let raw: &RawValue =
            lean::from_str(json).map_err(|error| Error::invalid(format!("The {path} is not valid JSON: {error}.")).with_param(path))?;
        Self::of(raw, path.to_owned())
    }

    pub fn of(raw: &'a RawValue, path: String) -> Result<Self> {
        let all: BTreeMap<String, &RawValue> = lean::from_str(raw.get()).map_err(|_| wrong(&path, "an object"))?;
        let mut section = Self { path, fields: BTreeMap::new(), written: BTreeMap::new(), known: Vec::new() };
        for (name, raw) in all.into_iter().filter(|(_, raw)| raw.get() != "null") {
            let snake = snake(&name);
            if section.fields.insert(snake.clone(), raw).is_some() {
                let path = section.path_of(&name);
                return Err(Error::invalid(format!("{path}: this field is there twice, also as `{snake}`.")).with_param(path));
            }
            if snake != name {
                section.written.insert(snake, name);
            }
        }
        Ok(section)
    }

    /// Where a field stands, by the name that it has there.
    pub fn path_of(&self, name: &str) -> String {
        format!("{}.{}", self.path, self.written.get(name).map_or(name, String::as_str))
    }

    pub fn has(&self, name: &str) -> bool {
        self.fields.contains_key(name)
    }

    pub fn take(&mut self, name: &'static str) -> Option<&'a RawValue> {
        self.known.push(name);
        self.fields.remove(name)
    }

    /// Lets a field be written by another name too.
    pub fn also(&mut self, other: &'static str, name: &'static str) -> Result<()> {
        let Some(raw) = self.fields.remove(other) else { return Ok(()) };
        if self.fields.contains_key(name) {
            let path = self.path_of(other);
            return Err(Error::invalid(format!("{path}: this field is there twice, also as `{name}`.")).with_param(path));
        }
        let written = self.written.remove(other).unwrap_or_else(|| other.to_owned());
        self.written.insert(name.to_owned(), written);
        self.fields.insert(name.to_owned(), raw);
        Ok(())
    }

    /// Takes the fields whose names mean something.
    pub fn take_all<T>(&mut self, meaning: impl Fn(&str) -> Option<T>) -> Vec<(String, T, &'a RawValue)> {
        let found: Vec<(String, T)> = self.fields.keys().filter_map(|name| Some((name.clone(), meaning(name)?))).collect();
        found.into_iter().filter_map(|(name, what)| self.fields.remove(&name).map(|raw| (name, what, raw))).collect()
    }

    /// A field of a plain type; `what` says which in the error.
    fn plain<T: DeserializeOwned>(&mut self, name: &'static str, what: &str) -> Result<Option<T>> {
        self.take(name).map(|raw| plain(raw.get(), &self.path_of(name), what)).transpose()
    }

    pub fn text(&mut self, name: &'static str) -> Result<Option<String>> {
        let text: Option<String> = self.plain(name, "a string")?;
        Ok(text.filter(|text| !text.is_empty()))
    }

    pub fn flag(&mut self, name: &'static str) -> Result<Option<bool>> {
        self.plain(name, "true or false")
    }

    /// A whole number, which some write as `60.0`.
    pub fn count(&mut self, name: &'static str, least: u64, most: u64) -> Result<Option<u64>> {
        let what = format!("a whole number from {least} to {most}");
        let count: Option<f64> = self.plain(name, &what)?;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is then out of bounds")]
        let whole = count.filter(|count| count.fract() == 0.0 && *count >= 0.0).map(|count| count as u64);
        let valid = count.is_none() || whole.is_some_and(|count| (least..=most).contains(&count));
        if valid { Ok(whole) } else { Err(wrong(&self.path_of(name), &what)) }
    }

    pub fn number(&mut self, name: &'static str, least: f64, most: f64) -> Result<Option<f64>> {
        let what = format!("a number from {least} to {most}");
        let number: Option<f64> = self.plain(name, &what)?;
        if number.is_none_or(|number| (least..=most).contains(&number)) { Ok(number) } else { Err(wrong(&self.path_of(name), &what)) }
    }

    /// One of a few words, and what it means.
    pub fn choice<T: Copy>(&mut self, name: &'static str, words: &[(&str, T)]) -> Result<Option<T>> {
        let Some(text) = self.text(name)? else { return Ok(None) };
        let chosen = words.iter().find(|(word, _)| *word == text).map(|(_, meaning)| *meaning);
        chosen.map(Some).ok_or_else(|| {
            let known = words.iter().map(|(word, _)| format!("`{word}`")).collect::<Vec<_>>().join(", ");
            wrong(&self.path_of(name), &format!("one of {known}"))
        })
    }

    /// US dollars, as a decimal string.
    pub fn money(&mut self, name: &'static str) -> Result<Option<Money>> {
        self.plain(name, "US dollars as a decimal string, such as \"12.50\"")
    }

    /// A point in time, as milliseconds since 1970.
    pub fn time(&mut self, name: &'static str) -> Result<Option<u64>> {
        let Some(text) = self.text(name)? else { return Ok(None) };
        time::parse_ms(&text).map(Some).ok_or_else(|| wrong(&self.path_of(name), "a time such as \"2026-11-21T10:00:00Z\""))
    }

    pub fn numbers(&mut self, name: &'static str, least: f64, most: f64) -> Result<Option<Vec<f64>>> {
        let what = format!("a list of numbers from {least} to {most}");
        let numbers: Option<Vec<f64>> = self.plain(name, &what)?;
        let valid = numbers.iter().flatten().all(|number| (least..=most).contains(number));
        if valid { Ok(numbers) } else { Err(wrong(&self.path_of(name), &what)) }
    }

    pub fn statuses(&mut self, name: &'static str) -> Result<Option<Vec<u16>>> {
        let what = "a list of statuses, from 100 to 599";
        // Some write them as strings.
        let numbers = self.take(name).map(|raw| raw.get().replace('"', ""));
        let statuses: Option<Vec<u16>> = numbers.map(|numbers| plain(&numbers, &self.path_of(name), what)).transpose()?;
        let valid = statuses.iter().flatten().all(|status| (100..600).contains(status));
        if valid { Ok(statuses) } else { Err(wrong(&self.path_of(name), what)) }
    }

    pub fn texts(&mut self, name: &'static str) -> Result<Option<Vec<String>>> {
        self.plain(name, "a list of strings")
    }

    pub fn section(&mut self, name: &'static str) -> Result<Option<Section<'a>>> {
        self.take(name).map(|raw| Section::of(raw, self.path_of(name))).transpose()
    }

    /// A list of objects.
    pub fn items(&mut self, name: &'static str) -> Result<Option<Vec<Section<'a>>>> {
        let Some(raw) = self.take(name) else { return Ok(None) };
        let items: Vec<&RawValue> = lean::from_str(raw.get()).map_err(|_| wrong(&self.path_of(name), "a list"))?;
        let list = self.path_of(name);
        let items = items.into_iter().enumerate().map(|(at, raw)| Section::of(raw, format!("{list}[{at}]")));
        items.collect::<Result<_>>().map(Some)
    }

    /// An object whose names are not ours: they stay as they are, their values as JSON.
    pub fn object(&mut self, name: &'static str) -> Result<BTreeMap<String, String>> {
        let Some(raw) = self.take(name) else { return Ok(BTreeMap::new()) };
        let fields: BTreeMap<String, &RawValue> = lean::from_str(raw.get()).map_err(|_| wrong(&self.path_of(name), "an object"))?;
        let mut texts = BTreeMap::new();
        texts.extend(fields.into_iter().map(|(name, raw)| (name, raw.get().to_owned())));
        Ok(texts)
    }

    pub fn end(self) -> Result<()> {
        self.end_knowing(std::iter::empty)
    }

    /// Refuses what nobody took, though these might have been meant as well.
    pub fn end_knowing<N: Iterator<Item = String>>(self, more: impl Fn() -> N) -> Result<()> {
        let Some(name) = self.fields.keys().next() else { return Ok(()) };
        let known: Vec<String> = self.known.iter().map(|name| (*name).to_owned()).chain(more()).collect();
        let (path, hint) = (self.path_of(name), spelling::hint(name, known.iter().map(String::as_str)));
        Err(Error::invalid(format!("{path}: there is no such field.{hint}")).with_param(path))
    }
}

pub fn plain<T: DeserializeOwned>(json: &str, path: &str, what: &str) -> Result<T> {
    lean::from_str(json).map_err(|_| wrong(path, what))
}

pub fn wrong(path: &str, what: &str) -> Error {
    Error::invalid(format!("{path}: expected {what}.")).with_param(path)
}

/// `onStatusCodes` as `on_status_codes`.
fn snake(name: &str) -> String {
    let mut out = String::with_capacity(name.len() + 4);
    for char in name.chars() {
        if char.is_ascii_uppercase() && !out.is_empty() {
            out.push('_');
        }
        out.push(char.to_ascii_lowercase());
    }
    out
}
