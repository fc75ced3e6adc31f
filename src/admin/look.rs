//! What is only looked at: one of a kind, or a list of them.

use serde::Serialize;
use serde_json::value::RawValue;

use super::configs::CONFIGS;
use super::desk::Desk;
use super::mask;
use super::record::Record;
use super::request::Answer;
use super::resource::Resource;
use crate::error::{Error, Kind, Result};
use crate::http::decoded;
use crate::spelling;
use crate::wire::base64;

const MOST: usize = 100;
/// How many rows are read at a time while those that are wanted are looked for.
const BATCH: usize = 500;
/// More than this are not read for one page, which then ends early, and the next goes on from there.
const MOST_READ: usize = 10_000;

/// The fields of a query.
#[derive(Debug, Default)]
pub struct Query {
    pub(super) fields: Vec<(String, String)>,
    pub(super) limit: usize,
    /// The name of the row after which the page begins, without its prefix.
    pub(super) after: String,
}

impl Query {
    pub fn parse(query: &str) -> Result<Self> {
        let pairs = query.trim_start_matches('?').split('&').filter(|pair| !pair.is_empty());
        let pair = |pair: &str| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decoded(name), decoded(&value.replace('+', " ")))
        };
        let mut query = Self { fields: pairs.map(pair).collect(), limit: MOST, after: String::new() };
        if let Some(limit) = query.take("limit") {
            let limit = limit.parse().ok().filter(|limit| (1..=MOST).contains(limit));
            query.limit = limit.ok_or_else(|| wrong("limit", &format!("a whole number from 1 to {MOST}")))?;
        }
        if let Some(cursor) = query.take("cursor") {
            let after = base64::decode(&cursor).and_then(|bytes| String::from_utf8(bytes).ok());
            query.after = after.ok_or_else(|| wrong("cursor", "what an earlier page has as `next`"))?;
        }
        Ok(query)
    }

    pub(super) fn take(&mut self, name: &str) -> Option<String> {
        let at = self.fields.iter().position(|(known, _)| known == name)?;
        Some(self.fields.swap_remove(at).1).filter(|value| !value.is_empty())
    }

    /// What a list is to be narrowed to.
    pub fn filters(&self, known: &[&'static str]) -> Result<Vec<(&str, &str)>> {
        match self.fields.iter().find(|(name, _)| !known.contains(&name.as_str())) {
            None => Ok(self.fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()),
            Some((name, _)) => {
                let hint = spelling::hint(name, known.iter().copied().chain(["limit", "cursor"]));
                let shown: String = name.chars().take(64).collect();
                Err(Error::invalid(format!("A list has no such filter: `{shown}`.{hint}")).with_param(shown))
            }
        }
    }
}

pub(super) fn wrong(name: &str, what: &str) -> Error {
    Error::invalid(format!("{name}: expected {what}.")).with_param(name)
}

#[derive(Serialize)]
struct Page {
    data: Vec<Box<RawValue>>,
    next: Option<String>,
}

/// Those rows of a prefix for which there is something to show.
pub fn page(desk: &Desk<'_>, prefix: &str, query: &Query, shown: impl Fn(&str) -> Option<String>) -> Result<Answer> {
    let mut page = Page { data: Vec::new(), next: None };
    let (mut after, mut read) = (format!("{prefix}{}", query.after), 0);
    'rows: loop {
        let rows = desk.store.list(prefix, if after.len() > prefix.len() { &after } else { "" }, BATCH);
        let last = rows.len() < BATCH;
        for (name, row) in rows {
            let wanted = shown(&row).and_then(|json| RawValue::from_string(json).ok());
            // There is one more than fits: the next page begins with it.
            if wanted.is_some() && page.data.len() == query.limit || read >= MOST_READ {
                page.next = after.strip_prefix(prefix).map(|after| base64::encode_url(after.as_bytes()));
                break 'rows;
            }
            page.data.extend(wanted);
            (after, read) = (name, read + 1);
        }
        if last {
            break;
        }
    }
    Ok(Answer::of(200, serde_json::to_string(&page).unwrap_or_default()))
}

pub fn list(desk: &Desk<'_>, resource: &'static Resource, query: &Query) -> Result<Answer> {
    let filters = query.filters(resource.filters)?;
    let is = |record: &Record| filters.iter().all(|(name, value)| record.text(name).as_deref() == Some(*value));
    page(desk, &resource.row(""), query, |row| Record::parse(row).filter(is).map(|record| shown(resource, &record)))
}

pub fn one(desk: &Desk<'_>, resource: &'static Resource, id: &str) -> Result<Answer> {
    let record = load(desk, resource, id)?;
    Ok(Answer::of(200, shown(resource, &record)).with_version(record.version()))
}

pub fn load(desk: &Desk<'_>, resource: &Resource, id: &str) -> Result<Record> {
    find(desk, resource, id).ok_or_else(|| {
        let shown: String = id.chars().take(64).collect();
        Error::caller(Kind::NotFound, format!("There is no {} `{shown}`.", resource.noun))
    })
}

pub fn find(desk: &Desk<'_>, resource: &Resource, id: &str) -> Option<Record> {
    Record::parse(&desk.store.get(&resource.row(id))?)
}

/// As anybody may see it: what is secret within a config is hidden.
pub fn shown(resource: &Resource, record: &Record) -> String {
    let masked = if resource.path == CONFIGS.path { record.raw("config").and_then(|config| mask::masked(config.get())) } else { None };
    match masked {
        None => record.shown(resource),
        Some(masked) => {
            let mut record = record.clone();
            record.set("config", &masked);
            record.shown(resource)
        }
    }
}
