//! Saved configs, each version of which is kept.

use serde::Serialize;
use serde_json::value::RawValue;

use super::desk::Desk;
use super::record::Record;
use super::request::Answer;
use super::resource::Form::{Count, Name, Of, Slug, Text, Time};
use super::resource::{Copy, Field, Id, Resource, Reveal, fixed, free, in_body, note, unguarded, whole};
use super::store::{self, latest_first};
use super::{look, mask};
use crate::error::{Error, Kind, Result};
use crate::routing::config::{self, Config};
use crate::section::{Section, wrong};
use crate::spelling;
use crate::wire::Dialect;
use crate::wire::json::Object;

pub const CONFIGS: Resource = Resource {
    path: "configs",
    noun: "config",
    id: Id::Slug,
    fields: FIELDS,
    filters: &[],
    most: 10_000,
    longest: config::LONGEST + 4_096,
    has_meter: false,
    copy: Copy::Each,
    has_history: true,
    actions: &["validate", "dry-run"],
    prepare,
    guard: unguarded,
};

const FIELDS: &[Field] = &[
    fixed("slug", Slug),
    free("name", Name),
    whole("config", Of("config")),
    note("version", Count),
    note("created_at", Time),
    note("updated_at", Time),
    note("updated_by", Text),
];

/// Of each config so many versions are kept.
const MOST_VERSIONS: u64 = 1_000;

fn prepare(desk: &mut Desk<'_>, record: &mut Record, before: Option<&Record>) -> Result<Option<Reveal>> {
    let config = record.raw("config").ok_or_else(|| wrong("config", "an object"))?;
    if let Some(restored) = mask::restore(config.get(), before.and_then(|before| before.raw("config")).map(RawValue::get))? {
        record.set("config", &restored);
    }
    Config::parse(record.raw("config").map_or("null", RawValue::get))?;
    record.set("updated_by", &desk.actor.name);
    Ok(None)
}

/// Refuses the name of a config that there is not.
pub fn exists(desk: &Desk<'_>, slug: Option<&str>, param: &str) -> Result<()> {
    let Some(slug) = slug else { return Ok(()) };
    if desk.store.get(&CONFIGS.row(slug)).is_some() {
        return Ok(());
    }
    let known: Vec<String> =
        store::all(desk.store, "configs/").into_iter().filter_map(|(name, _)| Some(name.strip_prefix("configs/")?.to_owned())).collect();
    let hint = spelling::hint(slug, known.iter().map(String::as_str));
    Err(Error::invalid(format!("{param}: there is no config `{slug}`.{hint}")).with_param(param))
}

/// One version, as it is kept.
pub fn keep(desk: &mut Desk<'_>, record: &Record, what: &str) {
    let (slug, version) = (CONFIGS.id_of(record), record.version());
    let mut kept = Record::default();
    kept.set("version", &version);
    kept.set("when", &desk.time());
    kept.set("who", &desk.actor.name);
    kept.set("what", what);
    for name in ["name", "config"] {
        if let Some(raw) = record.raw(name) {
            kept.set(name, raw);
        }
    }
    desk.store.put(&version_row(&slug, version), &kept.json());
    if let Some(old) = version.checked_sub(MOST_VERSIONS) {
        desk.store.delete(&version_row(&slug, old));
    }
}

fn version_row(slug: &str, version: u64) -> String {
    format!("versions/{slug}/{}", latest_first(version))
}

/// The latest first, without what they say.
pub fn versions(desk: &Desk<'_>, slug: &str, query: &look::Query) -> Result<Answer> {
    look::load(desk, &CONFIGS, slug)?;
    let shown = |row: &str| Record::parse(row).map(|kept| version_shown(&kept, false));
    look::page(desk, &format!("versions/{slug}/"), query, shown)
}

pub fn version(desk: &Desk<'_>, slug: &str, version: &str) -> Result<Answer> {
    look::load(desk, &CONFIGS, slug)?;
    let kept = kept(desk, slug, version.parse().ok())?;
    Ok(Answer::of(200, version_shown(&kept, true)))
}

fn kept(desk: &Desk<'_>, slug: &str, version: Option<u64>) -> Result<Record> {
    let row = version.and_then(|version| desk.store.get(&version_row(slug, version)));
    row.and_then(|row| Record::parse(&row))
        .ok_or_else(|| Error::caller(Kind::NotFound, format!("There is no such version of the config `{slug}`.")).with_param("version"))
}

fn version_shown(kept: &Record, whole: bool) -> String {
    let mut out = Vec::new();
    let mut object = Object::open(&mut out);
    for name in ["version", "when", "who", "what", "name"] {
        if let Some(raw) = kept.raw(name) {
            object = object.with(name, raw);
        }
    }
    if let Some(config) = kept.raw("config").filter(|_| whole) {
        match mask::masked(config.get()) {
            Some(masked) => object = object.with("config", &masked),
            None => object = object.with("config", config),
        }
    }
    object.close();
    String::from_utf8(out).unwrap_or_default()
}

/// What is to be stored so that it is as it was in the version that the body names.
pub fn rolled_back(desk: &Desk<'_>, before: &Record, body: &str) -> Result<Record> {
    let version = version_named(body).map_err(|error| in_body("body", error))?;
    let kept = kept(desk, &CONFIGS.id_of(before), Some(version))?;
    let mut record = before.clone();
    for name in ["name", "config"] {
        match kept.raw(name) {
            Some(raw) => record.set(name, raw),
            None => record.remove(name),
        }
    }
    Ok(record)
}

fn version_named(body: &str) -> Result<u64> {
    let mut section = Section::parse(body, "body")?;
    let version = section.count("version", 1, u64::MAX)?.ok_or_else(|| wrong("version", "the number of a version"))?;
    section.end().map(|()| version)
}

#[derive(Serialize)]
struct Valid<'a> {
    valid: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a RawValue>,
}

/// Whether a config could be saved, and what would be wrong with it.
pub fn validate(body: &str) -> Result<Answer> {
    let mut section = Section::parse(body, "body")?;
    let config = section.take("config").ok_or_else(|| wrong("config", "an object"))?;
    section.end().map_err(|error| in_body("body", error))?;
    let error = Config::parse(config.get()).err().map(|error| (Dialect::Chat.inbound().encode_error)(&error, ""));
    let error = error.and_then(|error| Record::parse(&String::from_utf8(error).ok()?));
    let valid = Valid { valid: error.is_none(), error: error.as_ref().and_then(|error| error.raw("error")) };
    Ok(Answer::of(200, serde_json::to_string(&valid).unwrap_or_default()))
}
