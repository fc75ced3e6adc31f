//! Google's own schemas as JSON schemas: types in capitals, `nullable`, counts as strings.

use super::names::snake;
use crate::error::{Error, Result};
use crate::ir::Raw;
use crate::wire::fields::{Fields, is_string, items, plain, wrong};
use crate::wire::json::{Array, Object, value};
use crate::wire::lean;
use serde_json::value::RawValue;

const COUNTS: [&str; 6] = ["minItems", "maxItems", "minLength", "maxLength", "minProperties", "maxProperties"];

/// What JSON schemas have no word for.
const GOOGLES: [&str; 2] = ["nullable", "propertyOrdering"];

pub(super) fn json_schema(raw: &RawValue, path: &str) -> Result<Raw> {
    let mut out = Vec::with_capacity(raw.get().len());
    write_schema(&mut out, raw, path)?;
    let text = String::from_utf8(out).ok();
    text.and_then(|text| RawValue::from_string(text).ok()).ok_or_else(|| Error::invalid(format!("{path}: expected a schema")))
}

fn write_schema(out: &mut Vec<u8>, raw: &RawValue, path: &str) -> Result<()> {
    // `additionalProperties: false`, and the like.
    if !raw.get().starts_with('{') {
        value(out, raw);
        return Ok(());
    }
    let fields = Fields::of(raw, path.to_owned())?.rest();
    let nullable = fields.iter().any(|(name, raw)| name == "nullable" && raw.get() == "true");
    let mut object = Object::open(out);
    for (name, raw) in &fields {
        let name = camel(name);
        let path = format!("{path}.{name}");
        match name {
            name if GOOGLES.contains(&name) => {}
            "type" => write_type(&mut object, raw, nullable, &path)?,
            "properties" | "$defs" | "defs" => {
                let mut properties = Object::open(object.slot(name));
                for (property, raw) in Fields::of(raw, path.clone())?.rest() {
                    write_schema(properties.slot(&property), &raw, &format!("{path}.{property}"))?;
                }
                properties.close();
            }
            "items" | "additionalProperties" => write_schema(object.slot(name), raw, &path)?,
            "anyOf" | "oneOf" | "allOf" | "prefixItems" => {
                let mut choices = Array::open(object.slot(name));
                for (at, raw) in items(raw, &path)?.into_iter().enumerate() {
                    write_schema(choices.slot(), raw, &format!("{path}.{at}"))?;
                }
                if nullable && name == "anyOf" {
                    Object::typed(choices.slot(), "null").close();
                }
                choices.close();
            }
            "enum" if nullable => {
                let mut words = Array::open(object.slot(name));
                items(raw, &path)?.into_iter().for_each(|raw| value(words.slot(), raw));
                words.slot().extend_from_slice(b"null");
                words.close();
            }
            name if COUNTS.contains(&name) && is_string(raw) => {
                let count: String = plain(raw, &path, "a count")?;
                let count: u64 = count.parse().map_err(|_| wrong(&path, "a count"))?;
                value(object.slot(name), &count);
            }
            name => value(object.slot(name), raw),
        }
    }
    object.close();
    Ok(())
}

/// By their numbers in Google's enum, as some clients write them.
const TYPES: [&str; 8] = ["type_unspecified", "string", "number", "integer", "boolean", "array", "object", "null"];

fn write_type(object: &mut Object<'_>, raw: &RawValue, nullable: bool, path: &str) -> Result<()> {
    let number = lean::from_str::<usize>(raw.get()).ok().and_then(|number| TYPES.get(number));
    let mut types: Vec<String> = match number {
        Some(word) => vec![(*word).to_owned()],
        None if is_string(raw) => vec![plain(raw, path, "a type")?],
        None => plain(raw, path, "a type")?,
    };
    types.iter_mut().for_each(|kind| kind.make_ascii_lowercase());
    types.retain(|kind| kind != "type_unspecified");
    if nullable && !types.is_empty() && !types.iter().any(|kind| kind == "null") {
        types.push("null".to_owned());
    }
    match types.as_slice() {
        [] => {}
        [only] => value(object.slot("type"), only),
        several => value(object.slot("type"), several),
    }
    Ok(())
}

/// The one spelling of the names that come in two.
fn camel(name: &str) -> &str {
    const TWICE: [&str; 6] = ["anyOf", "prefixItems", "additionalProperties", "propertyOrdering", "oneOf", "allOf"];
    TWICE.into_iter().chain(COUNTS).find(|known| snake(known) == name).unwrap_or(name)
}
