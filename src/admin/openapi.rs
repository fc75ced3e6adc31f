//! The description of the admin API (OpenAPI 3.1), made of what the kinds of things say of themselves. It is for
//! whoever may look at all else here, and not public: what a deployment can do is nobody's business.

use serde_json::{Map, Value, json};

use super::resource::{Field, Form, Id, RESOURCES, Resource, Sent};
use super::{ROOT, configs, credentials, keys};
use crate::policy::holder::SCOPES;
use crate::wire::lean;

const SCHEMAS: &str = include_str!("schemas.json");

/// What may go wrong everywhere, with a thing that is named, and with what is sent.
const ANYWHERE: &[u16] = &[400, 401, 403, 405, 503];
const NAMED: &[u16] = &[404];
const SENT: &[u16] = &[409, 412, 413, 415];

pub fn document() -> Value {
    let mut paths = Map::new();
    for resource in RESOURCES {
        of_resource(&mut paths, resource);
    }
    let mut add = |path: &str, operation: Operation| operation.into_paths(&mut paths, path);
    let (key, config) = (name_of(&keys::KEYS), name_of(&configs::CONFIGS));
    add("/keys/{id}/rotate", Operation::post("Gives a key a new text").takes("rotation", false).gives(200, &format!("{key}Made")));
    add("/configs/{slug}/rollback", Operation::post("Goes back to an earlier version").takes("rollback", true).gives(200, &config));
    add("/configs/{slug}/versions", Operation::get("Lists the versions of a config, the latest first").pages("version", &[]));
    add("/configs/{slug}/versions/{version}", Operation::get("Shows one version").gives(200, "version"));
    add("/configs/validate", Operation::post("Says whether a config could be saved").takes("candidate", true).gives(200, "validity"));
    add("/configs/dry-run", Operation::post("Says where a request would go, and why").takes("trial", true).gives(200, "preview"));
    add("/credentials/reseal", Operation::post("Seals all credentials under the newest master key").gives(200, "resealed"));
    add("/republish", Operation::post("Tells the meters and the storage all they should know, anew").gives(200, "republished"));
    add(
        "/webhook-secret",
        Operation::get("Shows what the receivers of alerts verify them with, the newest first").gives(200, "webhook_secret"),
    );
    add("/audit", Operation::get("Lists who changed what, the latest first").pages("entry", &["resource", "id", "who", "what"]));
    add(
        "/usage",
        Operation::get("Tells what was used and what is left")
            .with_query(&["by", "from", "to", "deleted", "limit", "cursor"])
            .gives(200, "usage"),
    );
    add("/openapi.json", Operation::get("This document").gives_anything());
    json!({
        "openapi": "3.1.0",
        "info": { "title": "Causeway's admin API", "version": env!("CARGO_PKG_VERSION") },
        "servers": [{ "url": ROOT }],
        "security": [{ "bearer": [] }],
        "paths": paths,
        "components": { "securitySchemes": { "bearer": { "type": "http", "scheme": "bearer" } }, "schemas": schemas() },
    })
}

fn of_resource(paths: &mut Map<String, Value>, resource: &Resource) {
    let (noun, shown) = (resource.noun, name_of(resource));
    let all = format!("/{}", resource.path);
    let one = format!("{all}/{{{}}}", resource.id_field());
    Operation::get(&format!("Lists {}", resource.path)).pages(&shown, resource.filters).into_paths(paths, &all);
    let make = Operation::post(&format!("Makes a {noun}")).takes(&format!("{shown}New"), true);
    make.gives(201, &format!("{shown}Made")).into_paths(paths, &all);
    Operation::get(&format!("Shows a {noun}")).gives(200, &shown).into_paths(paths, &one);
    let patch = Operation::of("patch", &format!("Changes a {noun} (RFC 7396: what is null goes)")).takes(&format!("{shown}Patch"), true);
    patch.gives(200, &shown).into_paths(paths, &one);
    Operation::of("delete", &format!("Deletes a {noun}")).gives_nothing().into_paths(paths, &one);
}

fn name_of(resource: &Resource) -> String {
    let (first, rest) = resource.noun.split_at_checked(1).unwrap_or((resource.noun, ""));
    format!("{}{rest}", first.to_ascii_uppercase())
}

/// One method of one path, as it is described.
struct Operation {
    method: &'static str,
    described: Map<String, Value>,
    parameters: Vec<Value>,
    answers: Map<String, Value>,
}

impl Operation {
    fn of(method: &'static str, summary: &str) -> Self {
        let described = Map::from_iter([("summary".to_owned(), json!(summary))]);
        let mut operation = Self { method, described, parameters: Vec::new(), answers: Map::new() };
        if method == "post" {
            operation.header("Idempotency-Key", json!({ "type": "string", "minLength": 1, "maxLength": 255 }));
        }
        if method != "get" {
            operation.header("If-Match", json!({ "type": "string" }));
        }
        operation
    }

    fn get(summary: &str) -> Self {
        Self::of("get", summary)
    }

    fn post(summary: &str) -> Self {
        Self::of("post", summary)
    }

    fn header(&mut self, name: &str, schema: Value) {
        self.parameters.push(json!({ "name": name, "in": "header", "schema": schema }));
    }

    fn takes(mut self, schema: &str, required: bool) -> Self {
        let content = json!({ "application/json": { "schema": reference(schema) } });
        self.described.insert("requestBody".to_owned(), json!({ "required": required, "content": content }));
        self
    }

    fn with_query(mut self, names: &[&str]) -> Self {
        for name in names {
            let schema = match *name {
                "limit" => json!({ "type": "integer", "minimum": 1, "maximum": 100 }),
                "deleted" => {
                    json!({ "type": "boolean", "description": "With `by=key`: the keys that were deleted of late, in place of the others." })
                }
                "from" | "to" => json!({ "type": "string", "format": "date" }),
                _ => json!({ "type": "string" }),
            };
            self.parameters.push(json!({ "name": name, "in": "query", "required": *name == "by", "schema": schema }));
        }
        self
    }

    fn gives(mut self, status: u16, schema: &str) -> Self {
        self.answer(status, &reference(schema));
        self
    }

    fn gives_anything(mut self) -> Self {
        self.answer(200, &json!({ "type": "object" }));
        self
    }

    fn gives_nothing(mut self) -> Self {
        self.answers.insert("204".to_owned(), json!({ "description": "Done" }));
        self
    }

    /// A page of a list.
    fn pages(self, schema: &str, filters: &[&str]) -> Self {
        let mut paged = self.with_query(&["limit", "cursor"]).with_query(filters);
        let properties = json!({ "data": { "type": "array", "items": reference(schema) }, "next": { "type": ["string", "null"] } });
        paged.answer(200, &json!({ "type": "object", "required": ["data", "next"], "properties": properties }));
        paged
    }

    fn answer(&mut self, status: u16, schema: &Value) {
        let description = if status < 300 { "Done" } else { "Refused, in OpenAI's shape" };
        let content = json!({ "application/json": { "schema": schema } });
        self.answers.insert(status.to_string(), json!({ "description": description, "content": content }));
    }

    fn into_paths(mut self, paths: &mut Map<String, Value>, path: &str) {
        let named = path.contains('{');
        for name in path.split('{').skip(1).filter_map(|rest| rest.split('}').next()) {
            let schema = json!({ "type": "string", "minLength": 1 });
            self.parameters.push(json!({ "name": name, "in": "path", "required": true, "schema": schema }));
        }
        let (named, sent) = (if named { NAMED } else { &[] }, if self.method == "get" { &[] } else { SENT });
        for status in ANYWHERE.iter().chain(named).chain(sent) {
            self.answer(*status, &reference("error"));
        }
        self.described.insert("parameters".to_owned(), Value::from(self.parameters));
        self.described.insert("responses".to_owned(), Value::Object(self.answers));
        let methods = paths.entry(path.to_owned()).or_insert_with(|| json!({}));
        if let Some(methods) = methods.as_object_mut() {
            methods.insert(self.method.to_owned(), Value::Object(self.described));
        }
    }
}

fn reference(schema: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{schema}") })
}

fn schemas() -> Value {
    let mut schemas: Value = lean::from_str(SCHEMAS).unwrap_or_default();
    let words: Vec<&str> = SCOPES.iter().map(|(word, _)| *word).collect();
    if let Some(known) = schemas.pointer_mut("/scopes/items/enum") {
        *known = json!(words);
    }
    let Some(all) = schemas.as_object_mut() else { return schemas };
    for resource in RESOURCES {
        let name = name_of(resource);
        let key = (resource.path == keys::KEYS.path).then(|| ("key".to_owned(), json!({ "type": "string" })));
        all.insert(format!("{name}Made"), object(resource, Told::Shown, key));
        all.insert(format!("{name}New"), object(resource, Told::New, None));
        all.insert(format!("{name}Patch"), object(resource, Told::Change, None));
        all.insert(name, object(resource, Told::Shown, None));
    }
    schemas
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Told {
    Shown,
    New,
    Change,
}

fn object(resource: &Resource, told: Told, more: Option<(String, Value)>) -> Value {
    let is_told = |field: &&Field| match told {
        Told::Shown => field.shown,
        Told::New => field.sent != Sent::Never,
        Told::Change => matches!(field.sent, Sent::Freely | Sent::Whole),
    };
    let own = resource.fields.iter().filter(is_told).map(|field| {
        let plain = schema(field.form);
        // What is null is not there, or goes.
        let schema = if told == Told::Shown { plain } else { json!({ "anyOf": [plain, { "type": "null" }] }) };
        (field.name.to_owned(), schema)
    });
    let properties: Map<String, Value> = own.chain(more).collect();
    let required: Vec<&str> = match told {
        Told::Shown => vec![resource.id_field(), "version", "created_at", "updated_at"],
        Told::New => needed(resource),
        Told::Change => Vec::new(),
    };
    // What is sent back as it was shown may be there too, and changes nothing.
    json!({ "type": "object", "required": required, "properties": properties, "additionalProperties": told == Told::Change })
}

/// Without which there is none.
fn needed(resource: &Resource) -> Vec<&'static str> {
    let mut needed: Vec<&str> = match resource.id {
        Id::Made => Vec::new(),
        Id::Slug => vec!["slug"],
        Id::Of(names) => names.to_vec(),
    };
    needed.extend(match resource.path {
        path if path == credentials::CREDENTIALS.path => &["provider", "secret"][..],
        path if path == configs::CONFIGS.path => &["config"],
        _ => &[],
    });
    needed
}

fn schema(form: Form) -> Value {
    match form {
        Form::Text => json!({ "type": "string" }),
        Form::Name => json!({ "type": "string", "maxLength": 256 }),
        Form::Slug => json!({ "type": "string", "pattern": "^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$" }),
        Form::Count => json!({ "type": "integer", "minimum": 0 }),
        Form::Time => json!({ "type": "string", "format": "date-time" }),
        Form::Any => json!({}),
        Form::Of(name) => reference(name),
    }
}
