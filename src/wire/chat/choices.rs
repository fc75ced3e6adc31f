//! Tools and the choice among them, as one of the dialect's providers takes them.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::error::Result;
use crate::wire::fields::{Fields, items};
use crate::wire::json::{Array, Object, value};
use crate::wire::lean;

/// Which choices among tools a provider knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choices {
    /// All that the dialect has.
    All,
    /// One function by its name, but not some among all.
    Named,
    /// In a word alone.
    Words,
}

#[derive(Deserialize)]
struct Choice<'a> {
    #[serde(default, rename = "type")]
    kind: String,
    #[serde(borrow, default)]
    function: Option<&'a RawValue>,
    #[serde(borrow, default)]
    allowed_tools: Option<Allowed<'a>>,
}

#[derive(Deserialize)]
struct Allowed<'a> {
    #[serde(default)]
    mode: String,
    #[serde(borrow, default)]
    tools: Vec<&'a RawValue>,
}

/// The tools that are left and the choice in a word, where a choice is not known there: it takes the others away.
pub fn narrow(tools: &str, choice: &str, choices: Choices) -> Result<Option<(String, &'static str)>> {
    if choices == Choices::All || !choice.starts_with('{') {
        return Ok(None);
    }
    let (Ok(told), Ok(tools)) = (lean::from_str::<Choice<'_>>(choice), lean::from_str::<&RawValue>(tools)) else {
        return Ok(None);
    };
    let (names, word) = match (&told.allowed_tools, told.function) {
        (Some(allowed), _) => {
            let word = if allowed.mode == "required" { "required" } else { "auto" };
            (allowed.tools.iter().filter_map(|raw| name(raw)).collect::<Vec<_>>(), word)
        }
        (None, Some(function)) if choices == Choices::Words && matches!(told.kind.as_str(), "" | "function") => {
            (field(function, "name").into_iter().collect(), "required")
        }
        _ => return Ok(None),
    };
    let mut out = Vec::new();
    let mut list = Array::open(&mut out);
    for raw in items(tools, "tools")? {
        if name(raw).is_some_and(|name| names.contains(&name)) {
            value(list.slot(), raw);
        }
    }
    list.close();
    Ok(String::from_utf8(out).ok().map(|tools| (tools, word)))
}

fn name(tool: &RawValue) -> Option<String> {
    let mut fields = Fields::of(tool, String::new()).ok()?;
    fields.take("function").and_then(|function| field(function, "name"))
}

fn field(object: &RawValue, name: &str) -> Option<String> {
    Fields::of(object, String::new()).ok()?.text(name).ok()?
}

/// The tools without what says that arguments are to be strictly by their schema.
pub fn loosen(tools: &str) -> Result<Option<String>> {
    let Ok(raw) = lean::from_str::<&RawValue>(tools) else { return Ok(None) };
    let mut out = Vec::with_capacity(tools.len());
    let mut list = Array::open(&mut out);
    for (at, raw) in items(raw, "tools")?.into_iter().enumerate() {
        let mut tool = Object::open(list.slot());
        for (name, raw) in Fields::of(raw, format!("tools.{at}"))?.rest() {
            if name == "function" {
                let inner = Fields::of(&raw, format!("tools.{at}.function"))?.rest();
                let kept = inner.iter().filter(|(name, _)| name != "strict");
                kept.fold(Object::open(tool.slot("function")), |function, (name, raw)| function.with(name, raw)).close();
            } else if name != "cache_control" {
                tool = tool.with(&name, &raw);
            }
        }
        tool.close();
    }
    list.close();
    Ok(String::from_utf8(out).ok())
}
