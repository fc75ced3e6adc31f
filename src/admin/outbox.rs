//! What has changed and has yet to be told to the meters, which have the last word, and to the storage that requests
//! read. A row says only that there is something to tell; what, is read when it is told. So whatever was told last is
//! how things are, in whichever order they changed, as long as one at a time is told.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::desk::Desk;
use super::record::Record;
use super::request::Answer;
use super::resource::{Copy, RESOURCES, Resource};
use super::store::{self, Store};
use crate::error::{Error, Kind, Origin};

/// Meters first: what the storage has, a meter knows.
const METERS: &str = "outbox/define/";
const STORAGE: &str = "outbox/kv/";

/// Something to tell.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Due {
    /// Its row.
    pub mark: String,
    /// Another stands there when it has changed again meanwhile.
    pub stamp: String,
    #[serde(flatten)]
    pub effect: Effect,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub enum Effect {
    /// The meter's holder has this definition, or is no more.
    Define {
        meter: String,
        definition: Option<String>,
    },
    Put {
        key: String,
        value: String,
    },
    Remove {
        key: String,
    },
}

/// Notes that one has changed, or is gone.
pub fn mark(desk: &mut Desk<'_>, resource: &Resource, id: &str) {
    let stamp = store::next(desk.store, "outbox").to_string();
    for mark in marks(resource, id) {
        desk.store.put(&mark, &stamp);
        if !desk.marks.contains(&mark) {
            desk.marks.push(mark);
        }
    }
}

/// Notes all there is, as if all of it had changed; how much that is.
pub fn mark_all(desk: &mut Desk<'_>) -> usize {
    let stamp = store::next(desk.store, "outbox").to_string();
    let mut all = Vec::new();
    for resource in RESOURCES {
        let prefix = resource.row("");
        let ids = store::all(desk.store, &prefix).into_iter().map(|(name, _)| name.get(prefix.len()..).unwrap_or_default().to_owned());
        all.extend(ids.map(|id| (*resource, id)));
    }
    // A list is told even where nothing is on it.
    let lists = RESOURCES.iter().filter(|resource| resource.copy == Copy::List).map(|resource| list_mark(resource));
    let told: BTreeSet<String> = lists.chain(all.iter().flat_map(|(resource, id)| marks(resource, id))).collect();
    desk.marks = told.into_iter().collect();
    desk.marks.iter().for_each(|mark| desk.store.put(mark, &stamp));
    all.len()
}

/// Whether not everybody has heard of its last change. What is yet to be told is then told with this answer.
pub fn outstanding(desk: &mut Desk<'_>, resource: &Resource, id: &str) -> bool {
    let own: Vec<String> = marks(resource, id).filter(|mark| *mark != list_mark(resource)).collect();
    let waiting: Vec<String> = own.into_iter().filter(|mark| desk.store.get(mark).is_some()).collect();
    desk.marks.extend(waiting.iter().cloned());
    !waiting.is_empty()
}

fn marks(resource: &Resource, id: &str) -> impl Iterator<Item = String> {
    let meter = resource.has_meter.then(|| format!("{METERS}{}:{id}", resource.noun));
    let copy = match resource.copy {
        Copy::Each => format!("{STORAGE}{}:{id}", resource.noun),
        Copy::List => list_mark(resource),
    };
    meter.into_iter().chain([copy])
}

fn list_mark(resource: &Resource) -> String {
    format!("{STORAGE}{}", resource.path)
}

/// The next things to tell, those to meters first.
pub fn due(store: &dyn Store, limit: usize) -> Vec<Due> {
    let rows = store.list("outbox/", "", limit);
    rows.into_iter().filter_map(|(mark, stamp)| Some(Due { effect: effect(store, &mark)?, mark, stamp })).collect()
}

/// It was told. What has changed meanwhile is to be told again.
pub fn done(store: &mut dyn Store, mark: &str, stamp: &str) {
    if store.get(mark).as_deref() == Some(stamp) {
        store.delete(mark);
    }
}

/// The answer as it may go, when all was told that could be. What takes something away holds only when the meters
/// know: where they do not it is an error, to be asked again.
pub fn settle(store: &dyn Store, mut answer: Answer) -> Answer {
    answer.marks.retain(|mark| store.get(mark).is_some());
    let waits = |prefix: &str| answer.marks.iter().any(|mark| mark.starts_with(prefix));
    if answer.takes_away && waits(METERS) {
        let message = "This is saved, but could not be told everywhere yet, so that the old state may still hold. It is tried again from here; \
             ask again to wait for it.";
        let error = Error::new(Origin::Gateway, Kind::Overloaded, 503, message).with_code("not_told_yet");
        return Answer { marks: answer.marks, ..Answer::refuse(&error) };
    }
    let waiting = [("meter", METERS), ("kv", STORAGE)].into_iter().filter(|(_, prefix)| waits(prefix)).map(|(word, _)| word);
    answer.pending = waiting.collect::<Vec<_>>().join(", ");
    answer
}

fn effect(store: &dyn Store, mark: &str) -> Option<Effect> {
    if let Some(meter) = mark.strip_prefix(METERS) {
        return Some(Effect::Define { meter: meter.to_owned(), definition: definition(store, meter) });
    }
    let key = mark.strip_prefix(STORAGE)?.to_owned();
    let value = match RESOURCES.iter().find(|resource| resource.copy == Copy::List && resource.path == key) {
        Some(resource) => Some(list(store, resource)),
        None => definition(store, &key),
    };
    Some(match value {
        Some(value) => Effect::Put { key, value },
        None => Effect::Remove { key },
    })
}

/// Of `noun:id`; of a config the config alone.
fn definition(store: &dyn Store, name: &str) -> Option<String> {
    let (noun, id) = name.split_once(':')?;
    let resource = RESOURCES.iter().find(|resource| resource.noun == noun)?;
    let record = Record::parse(&store.get(&resource.row(id))?)?;
    match resource.has_history {
        true => record.raw("config").map(|config| config.get().to_owned()),
        false => Some(record.definition(resource)),
    }
}

fn list(store: &dyn Store, resource: &Resource) -> String {
    let rows = store::all(store, &resource.row(""));
    let all: Vec<String> = rows.iter().filter_map(|(_, row)| Some(Record::parse(row)?.definition(resource))).collect();
    format!("[{}]", all.join(","))
}
