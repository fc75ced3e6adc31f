//! Fields whose names come in camelCase or in snake_case.

use crate::error::Result;
use crate::wire::fields::{Fields, items, plain};
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

pub(super) fn take<'a>(fields: &mut Fields<'a>, camel: &str) -> Option<&'a RawValue> {
    fields.take(camel).or_else(|| fields.take(&snake(camel)))
}

pub(super) fn get<T: DeserializeOwned>(fields: &mut Fields<'_>, camel: &str, what: &str) -> Result<Option<T>> {
    take(fields, camel).map(|raw| plain(raw, &fields.path_of(camel), what)).transpose()
}

pub(super) fn text(fields: &mut Fields<'_>, camel: &str) -> Result<Option<String>> {
    get(fields, camel, "a string")
}

pub(super) fn object<'a>(fields: &mut Fields<'a>, camel: &str) -> Result<Option<Fields<'a>>> {
    take(fields, camel).map(|raw| Fields::of(raw, fields.path_of(camel))).transpose()
}

/// An array, or the one thing that could stand in it.
pub(super) fn list<'a>(raw: &'a RawValue, path: &str) -> Result<Vec<&'a RawValue>> {
    if raw.get().starts_with('[') { items(raw, path) } else { Ok(vec![raw]) }
}

pub(super) fn snake(camel: &str) -> String {
    let mut snake = String::with_capacity(camel.len() + 4);
    for letter in camel.chars() {
        if letter.is_ascii_uppercase() {
            snake.push('_');
        }
        snake.push(letter.to_ascii_lowercase());
    }
    snake
}
