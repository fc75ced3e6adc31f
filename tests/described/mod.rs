//! Whether what goes in and out of the admin API is as its description says.

use std::cell::RefCell;
use std::collections::BTreeSet;

use causeway::admin::openapi;
use serde_json::Value;

/// The description, and which properties of which schemas were seen.
pub struct Described {
    pub document: Value,
    pub seen: RefCell<BTreeSet<String>>,
}

thread_local! {
    static DESCRIBED: Described = Described { document: openapi::document(), seen: RefCell::default() };
}

/// What an answer, and the body that was taken for it, must be.
#[track_caller]
pub fn check(method: &str, path: &str, sent: &str, status: u16, said: &Value) {
    DESCRIBED.with(|described| {
        let shown = format!("{method} {path} {status}: {said}");
        let Some(operation) = described.operation(method, path) else {
            return assert!(status >= 400, "it is not described: {shown}");
        };
        let answer = &operation["responses"][status.to_string()];
        assert!(answer.is_object(), "this status is not described: {shown}");
        match answer.pointer("/content/application~1json/schema") {
            Some(schema) => described.fits(schema, said, "answer").unwrap_or_else(|wrong| panic!("{wrong}: {shown}")),
            None => assert!(said.is_null(), "{shown}"),
        }
        if status < 300 && !sent.is_empty() {
            let schema = operation.pointer("/requestBody/content/application~1json/schema");
            let mut sent: Value = serde_json::from_str(sent).unwrap_or_default();
            // Null removes whatever it is of.
            without_null(&mut sent);
            let taken = schema.map_or(Ok(()), |schema| described.fits(schema, &sent, "body"));
            taken.unwrap_or_else(|wrong| panic!("{wrong}, and was taken: {sent} {shown}"));
        }
    });
}

/// With the description.
pub fn with<T>(f: impl FnOnce(&Described) -> T) -> T {
    DESCRIBED.with(f)
}

impl Described {
    /// What is said of a method of a path: names are told before what may be any name.
    pub fn operation(&self, method: &str, path: &str) -> Option<&Value> {
        let method = if method == "HEAD" { "get".to_owned() } else { method.to_lowercase() };
        let segments: Vec<&str> = path.trim_matches('/').split('/').collect();
        let paths = self.document["paths"].as_object().unwrap();
        let fits = |template: &&String| {
            let own: Vec<&str> = template.trim_matches('/').split('/').collect();
            own.len() == segments.len() && own.iter().zip(&segments).all(|(own, segment)| own.starts_with('{') || own == segment)
        };
        let mut found: Vec<&String> = paths.keys().filter(fits).collect();
        found.sort_by_key(|template| template.matches('{').count());
        paths[found.first()?.as_str()].get(&method)
    }

    pub fn resolved<'s>(&'s self, schema: &'s Value) -> &'s Value {
        match schema["$ref"].as_str() {
            Some(place) => self.document.pointer(place.trim_start_matches('#')).unwrap_or_else(|| panic!("there is no {place}")),
            None => schema,
        }
    }

    pub fn fits(&self, schema: &Value, value: &Value, at: &str) -> Result<(), String> {
        let name = schema["$ref"].as_str().unwrap_or(at).to_owned();
        let schema = self.resolved(schema);
        if let Some(any) = schema["anyOf"].as_array() {
            let wrongs: Vec<String> = any.iter().filter_map(|one| self.fits(one, value, at).err()).collect();
            return if wrongs.len() < any.len() { Ok(()) } else { Err(wrongs.join(" and ")) };
        }
        let one_of = |types: &Value| match types {
            Value::String(word) => is(word, value),
            Value::Array(words) => words.iter().any(|word| is(word.as_str().unwrap(), value)),
            _ => true,
        };
        if !one_of(&schema["type"]) || schema["enum"].as_array().is_some_and(|known| !known.contains(value)) {
            return Err(format!("{at} is not {schema}: {value}"));
        }
        let number = |bound: &str| schema[bound].as_f64().zip(value.as_f64());
        if number("minimum").is_some_and(|(least, own)| own < least) || number("maximum").is_some_and(|(most, own)| own > most) {
            return Err(format!("{at} is out of bounds: {value}"));
        }
        for item in value.as_array().into_iter().flatten().filter(|_| schema["items"].is_object()) {
            self.fits(&schema["items"], item, &format!("{at}[]"))?;
        }
        let Some(fields) = value.as_object() else { return Ok(()) };
        for required in schema["required"].as_array().into_iter().flatten() {
            if !fields.contains_key(required.as_str().unwrap()) {
                return Err(format!("{at} has no {required}"));
            }
        }
        for (field, value) in fields {
            let place = format!("{at}.{field}");
            match (&schema["properties"][field], &schema["additionalProperties"]) {
                (Value::Null, Value::Bool(false)) => return Err(format!("{place} is not described")),
                (Value::Null, more @ Value::Object(_)) => self.fits(more, value, &place)?,
                (Value::Null, _) => {}
                (known, _) => {
                    self.seen.borrow_mut().insert(format!("{name} {field}"));
                    self.fits(known, value, &place)?;
                }
            }
        }
        Ok(())
    }

    /// The properties of a schema and of all below it, as they are noted when they are seen.
    pub fn properties(&self, schema: &Value, at: &str, all: &mut BTreeSet<String>) {
        let name = schema["$ref"].as_str().unwrap_or(at).to_owned();
        let schema = self.resolved(schema);
        for one in schema["anyOf"].as_array().into_iter().flatten() {
            self.properties(one, at, all);
        }
        if schema["items"].is_object() {
            self.properties(&schema["items"], &format!("{at}[]"), all);
        }
        for (field, known) in schema["properties"].as_object().into_iter().flatten() {
            if all.insert(format!("{name} {field}")) {
                self.properties(known, &format!("{at}.{field}"), all);
            }
        }
    }
}

fn is(word: &str, value: &Value) -> bool {
    match word {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        "number" => value.is_number(),
        "integer" => value.as_f64().is_some_and(|number| number.fract() == 0.0),
        _ => panic!("what is {word}?"),
    }
}

fn without_null(value: &mut Value) {
    if let Some(fields) = value.as_object_mut() {
        fields.retain(|_, value| !value.is_null());
        fields.values_mut().for_each(without_null);
    }
}

#[test]
fn a_description_tells_right_from_wrong() {
    with(|described| {
        let schema = serde_json::json!({ "$ref": "#/components/schemas/limits" });
        let mut all = BTreeSet::new();
        described.properties(&schema, "body", &mut all);
        assert!(all.contains("#/components/schemas/limit max"), "{all:?}");
        for (limits, fits) in [
            (r#"[{"type":"requests","per":"day","max":1}]"#, true),
            (r#"[{"type":"requests","per":"day"}]"#, false),
            (r#"[{"type":"requests","per":"year","max":1}]"#, false),
            (r#"[{"type":"requests","per":"day","max":-1}]"#, false),
            (r#"[{"type":"requests","per":"day","max":1,"x":1}]"#, false),
            (r#"{}"#, false),
        ] {
            assert_eq!(described.fits(&schema, &serde_json::from_str(limits).unwrap(), "body").is_ok(), fits, "{limits}");
        }
    });
}
