//! Secrets within a config, which it may hold for its targets: shown as hints, and taken back for what they stand for
//! when somebody sends a config as it was shown.

use serde_json::Value;

use crate::error::{Error, Result};
use crate::policy::secret::hint;
use crate::wire::lean;

/// Ends of the names under which there is a secret, without what separates their words.
const SECRET: &[&str] = &[
    "apikey",
    "secretaccesskey",
    "sessiontoken",
    "serviceaccountjson",
    "authorization",
    "password",
    "clientsecret",
    "accesstoken",
    "bearertoken",
];

/// What stands for something in the middle of a secret.
const MARK: char = '…';

/// Where a secret goes.
const PLACES: &[&str] = &["provider", "custom_host", "customHost", "virtual_key", "virtualKey"];

fn is_secret(name: &str) -> bool {
    let plain: String = name.chars().filter(char::is_ascii_alphanumeric).map(|letter| letter.to_ascii_lowercase()).collect();
    SECRET.iter().any(|end| plain.ends_with(end))
}

/// A config as it may be shown; nothing where it is that already.
pub fn masked(config: &str) -> Option<Value> {
    let mut value: Value = lean::from_str(config).ok()?;
    hide(&mut value).then_some(value)
}

fn hide(value: &mut Value) -> bool {
    let mut hidden = false;
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                if is_secret(name) && !value.is_null() {
                    *value = Value::from(masking(value));
                    hidden = true;
                } else {
                    hidden |= hide(value);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| hidden |= hide(item)),
        _ => {}
    }
    hidden
}

/// What is shown in place of a secret.
fn masking(secret: &Value) -> String {
    secret.as_str().map_or_else(|| MARK.to_string(), hint)
}

/// A config in which what was shown is again what it stood for; nothing where nothing of it was.
pub fn restore(config: &str, before: Option<&str>) -> Result<Option<Value>> {
    if !config.contains(MARK) && !config.contains("\\u2026") {
        return Ok(None);
    }
    let Ok(mut value) = lean::from_str::<Value>(config) else { return Ok(None) };
    let before: Value = before.and_then(|before| lean::from_str(before).ok()).unwrap_or_default();
    Ok(put_back(&mut value, &before, "config")?.then_some(value))
}

fn put_back(value: &mut Value, before: &Value, path: &str) -> Result<bool> {
    let mut restored = false;
    match value {
        Value::Object(fields) => {
            // What was meant for one place is not taken along to another.
            let moved = PLACES.iter().any(|place| fields.get(*place) != before.get(*place));
            for (name, value) in fields {
                let (own, path) = (before.get(name).unwrap_or(&Value::Null), format!("{path}.{name}"));
                if is_secret(name) && value.as_str().is_some_and(|text| text.contains(MARK)) {
                    if moved || own.is_null() || value.as_str() != Some(&masking(own)) {
                        let message = format!("{path}: this is how a secret is shown, not the secret: send the secret itself.");
                        return Err(Error::invalid(message).with_param(path));
                    }
                    value.clone_from(own);
                    restored = true;
                } else {
                    restored |= put_back(value, own, &path)?;
                }
            }
        }
        Value::Array(items) => {
            for (at, item) in items.iter_mut().enumerate() {
                restored |= put_back(item, before.get(at).unwrap_or(&Value::Null), &format!("{path}[{at}]"))?;
            }
        }
        _ => {}
    }
    Ok(restored)
}
