//! What the answers of all dialects have in common.

use std::collections::HashSet;

use serde_json::value::RawValue;

use super::Echo;
use super::json::{Object, value};
use crate::error::Error;
use crate::wire::lean;

/// Sees to it that no call goes without an id of its own.
#[derive(Debug)]
pub(in crate::wire) struct CallIds {
    prefix: &'static str,
    nonce: String,
    seen: HashSet<String>,
}

impl CallIds {
    pub fn new(prefix: &'static str, echo: &Echo) -> Self {
        Self { prefix, nonce: echo.nonce.clone(), seen: HashSet::new() }
    }

    pub fn unique(&mut self, id: &str) -> String {
        let fresh = !id.is_empty() && !self.seen.contains(id);
        let id = if fresh { id.to_owned() } else { format!("{}_{}_{}", self.prefix, self.nonce, self.seen.len()) };
        self.seen.insert(id.clone());
        id
    }
}

/// What the provider itself said of an error, inside the dialect's own.
pub(in crate::wire) fn write_upstream(error_object: &mut Object<'_>, error: &Error) {
    if let Some(upstream) = &error.upstream {
        match lean::from_str::<&RawValue>(upstream) {
            Ok(raw) => value(error_object.slot("upstream"), raw),
            Err(_) => value(error_object.slot("upstream"), &**upstream),
        }
    }
}
