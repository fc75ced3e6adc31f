//! An object of a config, its names in snake case, read field by field; what nobody takes is refused with the nearest
//! known name.

use std::cell::RefCell;
use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use crate::error::{Error, Result};
use crate::spelling;

pub struct Section<'a> {
    pub path: String,
    fields: BTreeMap<String, &'a RawValue>,
    /// What was asked for: the names that are known here.
    known: RefCell<Vec<String>>,
}

impl<'a> Section<'a> {
    pub fn parse(json: &'a str, path: &str) -> Result<Self> {
        let raw: &RawValue = serde_json::from_str(json).map_err(|error| {
            Error::invalid(format!("The {path} is not valid JSON: {error}. Saved ones are named by their slug.")).with_param(path)
        })?;
        Self::of(raw, path.to_owned())
    }

    pub fn of(raw: &'a RawValue, path: String) -> Result<Self> {
        let fields: BTreeMap<String, &RawValue> = serde_json::from_str(raw.get()).map_err(|_| wrong(&path, "an object"))?;
        let fields = fields.into_iter().filter(|(_, raw)| raw.get() != "null").map(|(name, raw)| (snake(&name), raw)).collect();
        Ok(Self { path, fields, known: RefCell::default() })
    }

    pub fn path_of(&self, name: &str) -> String {
        format!("{}.{name}", self.path)
    }

    pub fn take(&mut self, name: &str) -> Option<&'a RawValue> {
        self.known.borrow_mut().push(name.to_owned());
        self.fields.remove(name)
    }

    /// A field of a plain type; `what` says which in the error.
    fn plain<T: DeserializeOwned>(&mut self, name: &str, what: &str) -> Result<Option<T>> {
        self.take(name).map(|raw| plain(raw.get(), &self.path_of(name), what)).transpose()
    }

    pub fn text(&mut self, name: &str) -> Result<Option<String>> {
        let text: Option<String> = self.plain(name, "a string")?;
        Ok(text.filter(|text| !text.is_empty()))
    }

    pub fn flag(&mut self, name: &str) -> Result<Option<bool>> {
        self.plain(name, "true or false")
    }

    pub fn count(&mut self, name: &str, least: u64, most: u64) -> Result<Option<u64>> {
        let what = format!("a whole number from {least} to {most}");
        let count: Option<u64> = self.plain(name, &what)?;
        if count.is_none_or(|count| (least..=most).contains(&count)) { Ok(count) } else { Err(wrong(&self.path_of(name), &what)) }
    }

    pub fn number(&mut self, name: &str, least: f64, most: f64) -> Result<Option<f64>> {
        let what = format!("a number from {least} to {most}");
        let number: Option<f64> = self.plain(name, &what)?;
        if number.is_none_or(|number| (least..=most).contains(&number)) { Ok(number) } else { Err(wrong(&self.path_of(name), &what)) }
    }

    pub fn statuses(&mut self, name: &str) -> Result<Option<Vec<u16>>> {
        let what = "a list of statuses, from 100 to 599";
        let statuses: Option<Vec<u16>> = self.plain(name, what)?;
        let valid = statuses.iter().flatten().all(|status| (100..600).contains(status));
        if valid { Ok(statuses) } else { Err(wrong(&self.path_of(name), what)) }
    }

    pub fn texts(&mut self, name: &str) -> Result<Option<Vec<String>>> {
        self.plain(name, "a list of strings")
    }

    pub fn section(&mut self, name: &str) -> Result<Option<Section<'a>>> {
        self.take(name).map(|raw| Section::of(raw, self.path_of(name))).transpose()
    }

    /// A list of objects.
    pub fn items(&mut self, name: &str) -> Result<Option<Vec<Section<'a>>>> {
        let Some(raw) = self.take(name) else { return Ok(None) };
        let items: Vec<&RawValue> = serde_json::from_str(raw.get()).map_err(|_| wrong(&self.path_of(name), "a list"))?;
        let items = items.into_iter().enumerate().map(|(at, raw)| Section::of(raw, format!("{}.{name}[{at}]", self.path)));
        items.collect::<Result<_>>().map(Some)
    }

    /// An object whose names are not ours: they stay as they are, their values as JSON.
    pub fn object(&mut self, name: &str) -> Result<BTreeMap<String, String>> {
        let Some(raw) = self.take(name) else { return Ok(BTreeMap::new()) };
        let fields: BTreeMap<String, &RawValue> = serde_json::from_str(raw.get()).map_err(|_| wrong(&self.path_of(name), "an object"))?;
        Ok(fields.into_iter().map(|(name, raw)| (name, raw.get().to_owned())).collect())
    }

    /// Refuses what nobody took.
    pub fn end(self) -> Result<()> {
        let Some(name) = self.fields.keys().next() else { return Ok(()) };
        let known = self.known.borrow();
        let (path, hint) = (self.path_of(name), spelling::hint(name, known.iter().map(String::as_str)));
        Err(Error::invalid(format!("{path}: there is no such field.{hint}")).with_param(path))
    }
}

pub fn plain<T: DeserializeOwned>(json: &str, path: &str, what: &str) -> Result<T> {
    serde_json::from_str(json).map_err(|_| wrong(path, what))
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
