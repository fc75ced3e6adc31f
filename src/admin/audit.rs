//! Who changed what, when, from what to what, without secrets. It only grows.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::desk::Desk;
use super::look::{self, Query};
use super::record::Record;
use super::request::Answer;
use super::store::{self, latest_first};
use crate::error::Result;

/// What was done, with the thing as it is shown.
pub struct Change<'a> {
    pub what: &'a str,
    pub resource: &'a str,
    pub id: &'a str,
    pub before: Option<&'a str>,
    pub after: Option<&'a str>,
}

#[derive(Serialize, Deserialize)]
struct Entry<'a> {
    number: u64,
    when: String,
    who: &'a str,
    what: &'a str,
    resource: &'a str,
    id: &'a str,
    before: Option<Box<RawValue>>,
    after: Option<Box<RawValue>>,
}

pub fn note(desk: &mut Desk<'_>, change: &Change<'_>) {
    let number = store::next(desk.store, "audit");
    let raw = |json: Option<&str>| json.and_then(|json| RawValue::from_string(json.to_owned()).ok());
    let entry = Entry {
        number,
        when: desk.time(),
        who: &desk.actor.name,
        what: change.what,
        resource: change.resource,
        id: change.id,
        before: raw(change.before),
        after: raw(change.after),
    };
    desk.store.put(&format!("audit/{}", latest_first(number)), &serde_json::to_string(&entry).unwrap_or_default());
}

/// The latest first.
pub fn list(desk: &Desk<'_>, query: &Query) -> Result<Answer> {
    let filters = query.filters(&["resource", "id", "who", "what"])?;
    let is = |row: &Record| filters.iter().all(|(name, value)| row.text(name).as_deref() == Some(*value));
    let shown = |row: &str| match filters.is_empty() || Record::parse(row).is_some_and(|record| is(&record)) {
        true => Some(row.to_owned()),
        false => None,
    };
    look::page(desk, "audit/", query, shown)
}
