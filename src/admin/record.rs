//! One thing as it is stored: an object of JSON whose values keep the bytes that were sent.

use std::collections::BTreeMap;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_json::value::RawValue;

use super::resource::Resource;
use crate::wire::json::{self, Object};
use crate::wire::lean;

#[derive(Clone, Debug, Default)]
pub struct Record(BTreeMap<String, Box<RawValue>>);

impl PartialEq for Record {
    fn eq(&self, other: &Self) -> bool {
        let texts = |record: &Self| record.0.iter().map(|(name, raw)| (name.clone(), raw.get().to_owned())).collect::<Vec<_>>();
        texts(self) == texts(other)
    }
}

impl Record {
    pub fn parse(json: &str) -> Option<Self> {
        lean::from_str(json).ok().map(Self)
    }

    pub fn raw(&self, name: &str) -> Option<&RawValue> {
        self.0.get(name).map(|raw| &**raw)
    }

    pub fn read<T: DeserializeOwned>(&self, name: &str) -> Option<T> {
        lean::from_str(self.raw(name)?.get()).ok()
    }

    pub fn text(&self, name: &str) -> Option<String> {
        self.read(name)
    }

    pub fn version(&self) -> u64 {
        self.read("version").unwrap_or_default()
    }

    pub fn set<T: Serialize + ?Sized>(&mut self, name: &str, value: &T) {
        let mut out = Vec::new();
        json::value(&mut out, value);
        if let Some(raw) = String::from_utf8(out).ok().and_then(|json| RawValue::from_string(json).ok()) {
            self.0.insert(name.to_owned(), raw);
        }
    }

    pub fn remove(&mut self, name: &str) {
        self.0.remove(name);
    }

    /// Takes what was sent in place of what is there: objects are merged, null removes (RFC 7396).
    pub fn merge(&mut self, name: &str, sent: &RawValue, whole: bool) {
        if sent.get() == "null" {
            return self.remove(name);
        }
        let object = |json: &str| lean::from_str(json).ok().filter(Value::is_object);
        match (self.raw(name).and_then(|own| object(own.get())), object(sent.get())) {
            (Some(mut own), Some(sent)) if !whole => {
                merge(&mut own, sent);
                self.set(name, &own);
            }
            _ => self.set(name, sent),
        }
    }

    /// What is empty or null, however deep, is not there.
    pub fn tidy(&mut self, name: &str) {
        let Some(raw) = self.raw(name).map(RawValue::get) else { return };
        if raw == "\"\"" {
            return self.remove(name);
        }
        if raw.contains("null")
            && let Ok(mut value) = lean::from_str(raw)
        {
            without_null(&mut value);
            self.set(name, &value);
        }
    }

    pub fn json(&self) -> String {
        serde_json::to_string(&self.0).unwrap_or_default()
    }

    /// As anybody may see it.
    pub fn shown(&self, resource: &Resource) -> String {
        self.some(resource, |name| resource.fields.iter().any(|field| field.name == name && field.shown))
    }

    /// As requests and meters need it.
    pub fn definition(&self, resource: &Resource) -> String {
        self.some(resource, |name| resource.fields.iter().any(|field| field.name == name && field.published))
    }

    /// In the order in which the kind has its fields.
    fn some(&self, resource: &Resource, wanted: impl Fn(&str) -> bool) -> String {
        let mut out = Vec::new();
        let mut object = Object::open(&mut out);
        for field in resource.fields.iter().filter(|field| wanted(field.name)) {
            if let Some(raw) = self.raw(field.name) {
                object = object.with(field.name, raw);
            }
        }
        object.close();
        String::from_utf8(out).unwrap_or_default()
    }
}

fn without_null(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|_, value| !value.is_null());
            fields.values_mut().for_each(without_null);
        }
        Value::Array(items) => items.iter_mut().for_each(without_null),
        _ => {}
    }
}

fn merge(own: &mut Value, sent: Value) {
    let Value::Object(sent) = sent else {
        *own = sent;
        return;
    };
    if !own.is_object() {
        *own = Value::Object(serde_json::Map::new());
    }
    let Some(own) = own.as_object_mut() else { return };
    for (name, value) in sent {
        match value {
            Value::Null => drop(own.remove(&name)),
            value => merge(own.entry(name).or_insert(Value::Null), value),
        }
    }
}
