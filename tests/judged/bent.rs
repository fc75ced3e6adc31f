//! Recorded answers, bent: fields dropped, nulled, of another kind, or beside ones that nobody knows. What is left must
//! be told whole, or the answer be an error; nothing may vanish without a word.

use std::collections::BTreeSet;

use causeway::wire::Dialect;
use serde_json::{Value, json};

use crate::heard::heard;
use crate::recording::Recording;
use crate::said::said;
use crate::tally::Tally;
use crate::whole::{answered, ask, playable, short};

/// Where a recorded body has its JSON: the whole of it, or the data of each event.
fn bend(recording: &Recording, change: &dyn Fn(&mut Value)) -> Vec<u8> {
    let bent = |text: &str| match serde_json::from_str::<Value>(text) {
        Ok(mut value) => {
            change(&mut value);
            value.to_string()
        }
        Err(_) => text.to_owned(),
    };
    let text = String::from_utf8_lossy(&recording.body);
    if !recording.streamed {
        return bent(&text).into_bytes();
    }
    let line = |line: &str| match line.strip_prefix("data:") {
        Some(data) => format!("data: {}\n", bent(data.trim())),
        None => format!("{}\n", line.trim_end()),
    };
    text.lines().map(line).collect::<String>().into_bytes()
}

/// What only the model's own words have for names is left as it is.
const FREE: &[&str] = &["args", "input", "arguments", "parameters", "response", "schema", "executed_tools", "logit_bias"];

fn paths(value: &Value, at: &str, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            for (name, inner) in fields {
                let path = format!("{at}/{name}");
                if !FREE.contains(&name.as_str()) {
                    paths(inner, &path, found);
                }
                found.insert(path);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| paths(item, &format!("{at}/*"), found)),
        _ => {}
    }
}

fn all_paths(recording: &Recording) -> BTreeSet<String> {
    let found = std::cell::RefCell::new(BTreeSet::new());
    bend(recording, &|value| paths(value, "", &mut found.borrow_mut()));
    found.into_inner()
}

fn at(value: &mut Value, path: &[&str], change: &dyn Fn(&mut serde_json::Map<String, Value>, &str)) {
    match (value, path) {
        (Value::Object(fields), [name]) if fields.contains_key(*name) => change(fields, name),
        (Value::Object(fields), [name, rest @ ..]) => {
            if let Some(inner) = fields.get_mut(*name) {
                at(inner, rest, change);
            }
        }
        (Value::Array(items), ["*", rest @ ..]) => items.iter_mut().for_each(|item| at(item, rest, change)),
        _ => {}
    }
}

type Change = fn(&mut serde_json::Map<String, Value>, &str);

const CHANGES: &[(&str, Change)] = &[
    ("dropped", |fields, name| {
        fields.remove(name);
    }),
    ("null", |fields, name| {
        fields.insert(name.to_owned(), Value::Null);
    }),
];

/// Something new in every object.
fn swell(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.iter_mut().filter(|(name, _)| !FREE.contains(&name.as_str()) && *name != "content").for_each(|(_, inner)| swell(inner));
            // There it may itself be the answer.
            for inner in fields.get_mut("content").filter(|content| content.is_array()).into_iter() {
                swell(inner);
            }
            fields.insert("of_tomorrow".to_owned(), json!({"a": [1, null, "x"], "type": "new"}));
        }
        Value::Array(items) => items.iter_mut().for_each(swell),
        _ => {}
    }
}

/// The forms that were bent in a place already.
#[derive(Default)]
pub struct Bent(BTreeSet<(&'static str, bool, String)>);

pub fn judge(recording: &Recording, bent: &mut Bent, tally: &mut Tally) {
    let caller = Dialect::Chat;
    let frames = recording.dialect == Dialect::Converse && recording.streamed;
    // What passes by itself is as the provider has it, and pictures are no words.
    let passes = recording.provider == "openai" || recording.choices > 1 || said(recording).pictures;
    if frames || passes || !playable(recording, caller) || said(recording).failed {
        return;
    }
    let swollen = bend(recording, &swell);
    tell(recording, swollen, "with something new", false, tally);
    for path in all_paths(recording) {
        // A call of nothing is none, and what nobody says what it is of is read in more than one way.
        let nothing = ["functionCall", "unction/name", "functionCall/name", "/input", "/type"].iter().any(|end| path.ends_with(end));
        if nothing || !bent.0.insert((recording.dialect.slug(), recording.streamed, path.clone())) {
            continue;
        }
        let steps: Vec<&str> = path.split('/').skip(1).collect();
        for (word, change) in CHANGES {
            let body = bend(recording, &|value| at(value, &steps, change));
            tell(recording, body, &format!("with {path} {word}"), true, tally);
        }
    }
}

fn tell(recording: &Recording, body: Vec<u8>, how: &str, may_fail: bool, tally: &mut Tally) {
    let scenery = answered(ask(recording, Dialect::Chat, recording.streamed), recording, body.clone()).play();
    let (case, headers, model) = (recording.case.clone(), recording.headers.clone(), recording.model.clone());
    let said = said(&Recording { body, case, headers, model, ..*recording });
    let heard = heard(Dialect::Chat, recording.streamed, &scenery.body);
    let failed = heard.failed || scenery.status >= 400;
    let whole = heard.text == said.text && heard.thought == said.thought && heard.calls == said.calls;
    let tight = heard.breaches.iter().all(|breach| breach.starts_with("more was"));
    tally.check(recording.provider, may_fail && failed || whole && tight && heard.endings.len() == 1, || {
        format!("{} {how}: {} {heard:?}\n  said {said:?}\n  {}", recording.name(), scenery.status, short(&scenery.body))
    });
}
