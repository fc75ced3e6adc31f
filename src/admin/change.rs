//! What is changed: created, patched, deleted. All that may be refused is looked at before anything is written.

use std::collections::BTreeMap;

use serde_json::Value;
use serde_json::value::RawValue;

use super::desk::Desk;
use super::keys::{self, KEYS};
use super::record::Record;
use super::request::{Answer, Request, etag};
use super::resource::{Act, Id, Resource, Reveal, Sent};
use super::{audit, configs, look, outbox, store, usage};
use crate::error::{Error, Kind, Result};
use crate::policy::secret;
use crate::spelling::{self, hex};
use crate::wire::lean;
use sha2::{Digest, Sha256};

const LONGEST_SLUG: usize = 64;
const LONGEST_NAME: usize = 256;

type Fields = BTreeMap<String, Box<RawValue>>;

pub fn create(desk: &mut Desk<'_>, resource: &'static Resource, body: &str) -> Result<Answer> {
    let mut record = Record::default();
    for (name, sent) in fields(resource, body, None)? {
        merge(resource, &mut record, &name, &sent, true);
    }
    let id = identify(desk, resource, &mut record)?;
    if desk.store.get(&resource.row(&id)).is_some() {
        let message = format!("There is a {} `{id}` already: change it with PATCH, or choose another.", resource.noun);
        return Err(Error::caller(Kind::Conflict, message).with_param(resource.id_field()).with_code("already_exists"));
    }
    let (counter, last) = (format!("count/{}", resource.path), format!("last/{}", resource.row(&id)));
    let count = store::count(desk.store, &counter);
    if count >= resource.most as u64 {
        let message = format!("There are {count} {} already, and there cannot be more: delete some first.", resource.path);
        return Err(Error::caller(Kind::Conflict, message).with_code("too_many"));
    }
    record.set("created_at", &desk.time());
    // One of the same name may have been here before, and somebody may still believe in it.
    let version = store::count(desk.store, &last) + 1;
    stamp(desk, &mut record, version);
    let reveal = (resource.prepare)(desk, &mut record, None)?;
    fits(resource, &record)?;
    desk.store.put(&counter, &(count + 1).to_string());
    desk.store.delete(&last);
    write(desk, resource, &id, None, &record, "create");
    Ok(told(desk, resource, 201, &record, reveal))
}

pub fn patch(desk: &mut Desk<'_>, resource: &'static Resource, id: &str, request: &Request) -> Result<Answer> {
    let before = held(desk, resource, id, request, Act::Change)?;
    let mut record = before.clone();
    for (name, sent) in fields(resource, &request.body, Some(&before))? {
        merge(resource, &mut record, &name, &sent, false);
    }
    if record == before {
        return Ok(told(desk, resource, 200, &before, None));
    }
    let reveal = (resource.prepare)(desk, &mut record, Some(&before))?;
    change(desk, resource, id, &before, record, "change", reveal)
}

/// A value that is one is taken as it is.
fn merge(resource: &Resource, record: &mut Record, name: &str, sent: &RawValue, anew: bool) {
    let whole = resource.field(name).is_some_and(|field| field.sent == Sent::Whole);
    record.merge(name, sent, whole || anew);
    if !whole {
        record.tidy(name);
    }
}

/// A new text for a key.
pub fn rotate(desk: &mut Desk<'_>, id: &str, request: &Request) -> Result<Answer> {
    let before = held(desk, &KEYS, id, request, Act::Change)?;
    let (record, reveal) = keys::rotated(desk, &before, &request.body)?;
    change(desk, &KEYS, id, &before, record, "rotate", Some(reveal))
}

/// A config as it was in an earlier version, as a new version.
pub fn roll_back(desk: &mut Desk<'_>, slug: &str, request: &Request) -> Result<Answer> {
    let before = held(desk, &configs::CONFIGS, slug, request, Act::Change)?;
    let mut record = configs::rolled_back(desk, &before, &request.body)?;
    let reveal = (configs::CONFIGS.prepare)(desk, &mut record, Some(&before))?;
    change(desk, &configs::CONFIGS, slug, &before, record, "rollback", reveal)
}

fn change(
    desk: &mut Desk<'_>,
    resource: &'static Resource,
    id: &str,
    before: &Record,
    mut record: Record,
    what: &'static str,
    reveal: Option<Reveal>,
) -> Result<Answer> {
    stamp(desk, &mut record, before.version() + 1);
    fits(resource, &record)?;
    // What a meter does not know yet is not so: a change that was meant to take something away has not, then.
    desk.takes_away = true;
    write(desk, resource, id, Some(before), &record, what);
    Ok(told(desk, resource, 200, &record, reveal))
}

pub fn delete(desk: &mut Desk<'_>, resource: &'static Resource, id: &str, request: &Request) -> Result<Answer> {
    desk.takes_away = true;
    // It is gone already, but not everybody has heard of it: whoever asks again waits for that again.
    if look::find(desk, resource, id).is_none() && outbox::outstanding(desk, resource, id) {
        return Ok(Answer::of(204, String::new()));
    }
    let before = held(desk, resource, id, request, Act::Delete)?;
    let counter = format!("count/{}", resource.path);
    let count = store::count(desk.store, &counter).saturating_sub(1);
    desk.store.put(&counter, &count.to_string());
    if !matches!(resource.id, Id::Made) {
        desk.store.put(&format!("last/{}", resource.row(id)), &before.version().to_string());
    }
    desk.store.delete(&resource.row(id));
    usage::bury(desk, resource, &before);
    let shown = look::shown(resource, &before);
    audit::note(desk, &audit::Change { what: "delete", resource: resource.path, id, before: Some(&shown), after: None });
    outbox::mark(desk, resource, id);
    Ok(Answer::of(204, String::new()))
}

/// What is there and may be changed by this request.
fn held(desk: &Desk<'_>, resource: &'static Resource, id: &str, request: &Request, act: Act) -> Result<Record> {
    let record = look::load(desk, resource, id)?;
    let version = record.version();
    if let Some(wanted) = &request.if_match {
        let is = |tag: &str| tag == "*" || tag.trim_start_matches("W/") == etag(version);
        if !wanted.split(',').any(|tag| is(tag.trim())) {
            let message = format!("The {} `{id}` has changed: its ETag is {} by now. Read it again first.", resource.noun, etag(version));
            return Err(Error::caller(Kind::Conflict, message).with_status(412).with_code("version_mismatch"));
        }
    }
    (resource.guard)(desk, &record, act)?;
    Ok(record)
}

/// What was sent, by the names of fields that may be sent now.
fn fields(resource: &Resource, body: &str, before: Option<&Record>) -> Result<Fields> {
    // Bounds how deep it is too.
    let valid = lean::from_str::<Value>(body).map_err(|error| Error::invalid(format!("The body is not valid JSON: {error}.")))?;
    let mut sent: Fields = match valid {
        Value::Object(_) => lean::from_str(body).unwrap_or_default(),
        _ => return Err(Error::invalid("The body must be a JSON object.")),
    };
    // What is sent back as it was shown changes nothing.
    sent.retain(|name, raw| {
        let own = before.and_then(|before| before.raw(name));
        !resource.field(name).is_some_and(|field| is_kept(field.sent, before) && own.is_some_and(|own| own.get() == raw.get()))
    });
    for (name, raw) in &sent {
        let refuse = |message: String| Err(Error::invalid(format!("{name}: {message}")).with_param(name.clone()));
        match resource.field(name) {
            Some(field) if !is_kept(field.sent, before) => {}
            Some(field) if field.shown && field.sent == Sent::Once => {
                return refuse("it cannot be changed: make another in its place.".to_owned());
            }
            Some(field) if field.shown => return refuse("it is made here, and not to be sent.".to_owned()),
            _ => {
                let known = resource.fields.iter().filter(|field| field.sent != Sent::Never).map(|field| field.name);
                return refuse(format!("there is no such field.{}", spelling::hint(name, known)));
            }
        }
        if name == "name" && lean::from_str::<String>(raw.get()).is_ok_and(|text| text.chars().count() > LONGEST_NAME) {
            return refuse(format!("expected at most {LONGEST_NAME} letters."));
        }
    }
    Ok(sent)
}

fn is_kept(sent: Sent, before: Option<&Record>) -> bool {
    sent == Sent::Never || sent == Sent::Once && before.is_some()
}

fn identify(desk: &mut Desk<'_>, resource: &Resource, record: &mut Record) -> Result<String> {
    let id = match resource.id {
        Id::Made => secret::id(u128::from_be_bytes(desk.chance.bytes())),
        Id::Slug => slug(resource, record)?,
        Id::Of(names) => {
            let mut hash = Sha256::new();
            for name in names {
                let text = record.text(name).ok_or_else(|| Error::invalid(format!("{name}: expected a string.")).with_param(*name))?;
                hash.update(text.len().to_be_bytes());
                hash.update(text);
            }
            hex(hash.finalize().get(..8).unwrap_or_default())
        }
    };
    record.set(resource.id_field(), &id);
    Ok(id)
}

fn slug(resource: &Resource, record: &Record) -> Result<String> {
    let slug = record.text("slug").unwrap_or_default();
    let plain = slug.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
    let begins = slug.bytes().next().is_some_and(|first| first.is_ascii_alphanumeric());
    if !plain || !begins || slug.len() > LONGEST_SLUG || resource.actions.contains(&slug.as_str()) {
        let message = format!(
            "slug: expected 1 to {LONGEST_SLUG} letters, digits, `-`, `_` or `.`, a letter or digit first, and no word of a route."
        );
        return Err(Error::invalid(message).with_param("slug"));
    }
    Ok(slug)
}

fn fits(resource: &Resource, record: &Record) -> Result<()> {
    if record.json().len() <= resource.longest {
        return Ok(());
    }
    let message = format!("This {} is too long: at most {} bytes are kept of one.", resource.noun, resource.longest);
    Err(Error::caller(Kind::TooLarge, message))
}

pub fn stamp(desk: &Desk<'_>, record: &mut Record, version: u64) {
    record.set("version", &version);
    record.set("updated_at", &desk.time());
}

/// Stores it, with all that goes along.
fn write(desk: &mut Desk<'_>, resource: &'static Resource, id: &str, before: Option<&Record>, record: &Record, what: &'static str) {
    let (before, after) = (before.map(|before| look::shown(resource, before)), look::shown(resource, record));
    put(desk, resource, id, record);
    if resource.has_history {
        configs::keep(desk, record, what);
    }
    audit::note(desk, &audit::Change { what, resource: resource.path, id, before: before.as_deref(), after: Some(&after) });
}

pub fn put(desk: &mut Desk<'_>, resource: &'static Resource, id: &str, record: &Record) {
    desk.store.put(&resource.row(id), &record.json());
    outbox::mark(desk, resource, id);
}

/// As it is shown, and what is shown only now.
fn told(desk: &mut Desk<'_>, resource: &Resource, status: u16, record: &Record, reveal: Option<Reveal>) -> Answer {
    let mut body = look::shown(resource, record);
    if let Some((name, text)) = reveal
        && body.pop() == Some('}')
    {
        desk.reveals = true;
        body.push_str(&format!(",{}:{}}}", Value::from(name), Value::from(text)));
    }
    Answer::of(status, body).with_version(record.version())
}
