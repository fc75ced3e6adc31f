//! Whose meters are to be asked for what was used. The meters themselves are out of reach here: whoever asked goes to
//! them with this list.

use std::cell::Cell;

use super::configs::CONFIGS;
use super::desk::Desk;
use super::look::{self, Query, wrong};
use super::record::Record;
use super::request::{Answer, Role};
use super::resource::Resource;
use super::{credentials, keys, store, teams};
use crate::error::{Error, Kind, Result};
use crate::policy::standing::Days;
use crate::wire::json::Object;

/// Sums go over so many keys at most.
const MOST_KEYS: usize = 1_000;
/// So many days are kept.
const DAYS: u64 = 92;

const DAY_MS: u64 = 86_400_000;
/// The meter of what no key was shown for.
pub const KEYLESS: &str = "keyless";
/// Keys that are gone, by the day: what they used still counts.
const GONE: &str = "gone/";
const MOST_GONE: usize = 10_000;

/// What is asked for.
pub struct Asked {
    pub by: By,
    pub days: Days,
    /// Those who are gone, in place of the others.
    deleted: bool,
    pub limit: usize,
    /// The name after which the page begins.
    pub after: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum By {
    Key,
    Team,
    Credential,
    Model,
    Provider,
    /// A field of the metadata.
    Metadata(String),
}

impl Asked {
    pub fn parse(query: &str, now: u64) -> Result<Self> {
        Self::of(Query::parse(query)?, now)
    }

    fn of(mut query: Query, now: u64) -> Result<Self> {
        let said = ["from", "to"].map(|name| query.take(name).map(|day| format!("{name}={day}")));
        let days = Days::asked(&said.into_iter().flatten().collect::<Vec<_>>().join("&"), now, DAYS)?;
        let by = By::of(&query.take("by").unwrap_or_default())?;
        let deleted = match query.take("deleted").as_deref() {
            None | Some("false") => false,
            Some("true") if by == By::Key => true,
            Some(_) => return Err(wrong("deleted", "`true` or `false`, with `by=key`")),
        };
        query.filters(&["by", "from", "to", "deleted"])?;
        Ok(Self { by, days, deleted, limit: query.limit, after: query.after })
    }
}

impl By {
    fn of(word: &str) -> Result<Self> {
        Ok(match word {
            "key" => By::Key,
            "team" => By::Team,
            "credential" => By::Credential,
            "model" => By::Model,
            "provider" => By::Provider,
            _ => match word.strip_prefix("metadata.").filter(|field| !field.is_empty()) {
                Some(field) => By::Metadata(field.to_owned()),
                None => return Err(wrong("by", "`key`, `team`, `credential`, `model`, `provider` or `metadata.` and a field's name")),
            },
        })
    }

    /// Who has a meter of its own; nothing where all keys are summed up.
    fn holders(&self) -> Option<&'static Resource> {
        match self {
            By::Key => Some(&keys::KEYS),
            By::Team => Some(&teams::TEAMS),
            By::Credential => Some(&credentials::CREDENTIALS),
            By::Model | By::Provider | By::Metadata(_) => None,
        }
    }

    pub fn is_sum(&self) -> bool {
        self.holders().is_none()
    }

    /// What a row of a sum is called.
    pub fn word(&self) -> &'static str {
        match self {
            By::Model => "model",
            By::Provider => "provider",
            By::Metadata(_) => "value",
            By::Key | By::Team | By::Credential => self.holders().unwrap_or(&CONFIGS).noun,
        }
    }
}

/// A page of holders with the names of their `meter`s; for a sum all keys, as many as are summed up, and how many
/// `keys` there are.
pub fn holders(desk: &Desk<'_>, query: Query) -> Result<Answer> {
    let (limit, after) = (query.limit, query.after.clone());
    let asked = Asked::of(query, desk.now)?;
    if desk.actor.role == Role::Member && asked.by != By::Team {
        return Err(stranger());
    }
    let Some(resource) = asked.by.holders() else { return Ok(all_keys(desk)) };
    let begins = after.is_empty();
    let page = Query { limit, after, ..Query::default() };
    if asked.deleted {
        return look::page(desk, GONE, &page, |row| Some(row.to_owned()));
    }
    if desk.actor.role > Role::Member {
        return look::page(desk, &resource.row(""), &page, |row| Record::parse(row).map(|record| holder(resource, &record)));
    }
    let theirs = Cell::new(!begins);
    let own = |record: &Record| {
        let own = is_member(desk, record);
        theirs.set(theirs.get() || own);
        own
    };
    let answer = look::page(desk, &resource.row(""), &page, |row| Record::parse(row).filter(own).map(|record| holder(resource, &record)))?;
    if theirs.get() { Ok(answer) } else { Err(stranger()) }
}

/// Whether the actor is one of the team's people.
fn is_member(desk: &Desk<'_>, record: &Record) -> bool {
    let members: Vec<String> = record.read("members").unwrap_or_default();
    desk.actor.email().is_some_and(|email| members.iter().any(|member| member.trim().eq_ignore_ascii_case(email)))
}

/// Of somebody who is signed in.
pub fn stranger() -> Error {
    let message = "You have no role here. Members of a team may read `/admin/v1/usage?by=team`; all else is for who is in \
         `ACCESS_OWNERS`, `ACCESS_EDITORS` or `ACCESS_VIEWERS`.";
    Error::caller(Kind::Forbidden, message)
}

fn holder(resource: &Resource, record: &Record) -> String {
    let (mut out, id) = (Vec::new(), resource.id_of(record));
    let mut object = Object::open(&mut out).with("meter", &format!("{}:{id}", resource.noun)).with(resource.noun, &id);
    for name in ["name", "provider", "team"] {
        if let Some(raw) = record.raw(name).filter(|_| name != resource.noun) {
            object = object.with(name, raw);
        }
    }
    object.close();
    String::from_utf8(out).unwrap_or_default()
}

/// Keeps in mind whose meter there was, for as long as that keeps its account.
pub fn bury(desk: &mut Desk<'_>, resource: &Resource, record: &Record) {
    if resource.path != keys::KEYS.path {
        return;
    }
    let day = |ms: u64| format!("{GONE}{:08}", ms / DAY_MS);
    let too_old = day(desk.now.saturating_sub(DAYS * DAY_MS));
    for (name, _) in desk.store.list(GONE, "", 100).into_iter().take_while(|(name, _)| *name < too_old) {
        desk.store.delete(&name);
    }
    let row = holder(resource, record);
    let row = format!("{},\"deleted_at\":\"{}\"}}", row.strip_suffix('}').unwrap_or_default(), desk.time());
    desk.store.put(&format!("{}/{}", day(desk.now), resource.id_of(record)), &row);
}

/// The meters of all keys that are or were of late, and of what no key was shown for.
fn all_keys(desk: &Desk<'_>) -> Answer {
    let living = desk.store.list("keys/", "", MOST_KEYS).into_iter().map(|(name, _)| name.replacen("keys/", "key:", 1));
    let gone = desk.store.list(GONE, "", MOST_GONE);
    let keys = store::count(desk.store, "count/keys") + gone.len() as u64;
    let gone = gone.iter().filter_map(|(name, _)| Some(format!("key:{}", name.rsplit_once('/')?.1)));
    let meters: Vec<String> = [KEYLESS.to_owned()].into_iter().chain(living).chain(gone).take(MOST_KEYS + 1).collect();
    let mut out = Vec::new();
    Object::open(&mut out).with("meters", &meters).with("keys", &keys).close();
    Answer::of(200, String::from_utf8(out).unwrap_or_default())
}
