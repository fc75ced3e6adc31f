//! The form that an answer is to have, and how to tell it in words.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::wire::fields::items;
use crate::wire::json::{Array, Object, value};
use crate::wire::lean;

pub enum Asked<'a> {
    /// Any JSON object.
    Object,
    Schema(&'a str),
}

/// Which JSON a `response_format` asks for.
pub fn format_of(raw: &str) -> Option<Asked<'_>> {
    #[derive(Deserialize)]
    struct Told<'a> {
        #[serde(rename = "type", default)]
        kind: String,
        #[serde(borrow, default)]
        json_schema: Option<Inner<'a>>,
        #[serde(borrow, default)]
        schema: Option<&'a RawValue>,
    }
    #[derive(Deserialize)]
    struct Inner<'a> {
        #[serde(borrow, default)]
        schema: Option<&'a RawValue>,
    }
    let told: Told<'_> = lean::from_str(raw).ok()?;
    let schema = told.json_schema.and_then(|inner| inner.schema).or(told.schema);
    match (told.kind.as_str(), schema) {
        ("json_schema" | "json_object", Some(schema)) => Some(Asked::Schema(schema.get())),
        ("json_object", None) => Some(Asked::Object),
        _ => None,
    }
}

/// The messages with one more instruction, after those that they begin with.
pub fn instructed(messages: &str, words: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Role {
        role: String,
    }
    let messages = items(lean::from_str(messages).ok()?, "messages").ok()?;
    let instructs =
        |raw: &&&RawValue| lean::from_str::<Role>(raw.get()).is_ok_and(|message| matches!(message.role.as_str(), "system" | "developer"));
    let leading = messages.iter().take_while(instructs).count();
    let mut out = Vec::new();
    let mut list = Array::open(&mut out);
    for (at, raw) in messages.iter().enumerate() {
        if at == leading {
            Object::open(list.slot()).with("role", "system").with("content", words).close();
        }
        value(list.slot(), raw);
    }
    list.close();
    String::from_utf8(out).ok()
}
