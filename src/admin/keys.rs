//! Callers' keys. What is kept of them is their hash and a hint; the key itself is in the answer that made it and
//! nowhere else.

use serde::{Deserialize, Serialize};

use super::desk::Desk;
use super::record::Record;
use super::resource::Form::{Any, Count, Name, Of, Text, Time};
use super::resource::{Act, Copy, Field, Id, Resource, Reveal, free, hidden, in_body, made, note};
use super::{configs, store, teams};
use crate::error::{Error, Kind, Result};
use crate::policy::holder::{Key, SCOPES};
use crate::policy::secret;
use crate::section::Section;
use crate::{spelling, time};

pub const KEYS: Resource = Resource {
    path: "keys",
    noun: "key",
    id: Id::Made,
    fields: FIELDS,
    filters: &["team", "name"],
    most: 10_000,
    longest: 65_536,
    has_meter: true,
    copy: Copy::Each,
    has_history: false,
    actions: &[],
    prepare,
    guard,
};

const FIELDS: &[Field] = &[
    made("id", Text),
    free("name", Name),
    note("hint", Text),
    free("team", Name),
    free("scopes", Of("scopes")),
    free("allow", Of("allow")),
    free("default_config", Name),
    free("metadata", Of("key_metadata")),
    free("limits", Of("limits")),
    free("budgets", Of("budgets")),
    free("expires_at", Time),
    hidden("secrets", Any),
    made("version", Count),
    note("created_at", Time),
    note("updated_at", Time),
];

/// The longest time for which a key that was replaced goes on to be good.
const LONGEST_OVERLAP_S: u64 = 30 * 86_400;

#[derive(Clone, Serialize, Deserialize)]
struct Secret {
    hash: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    until: Option<String>,
}

fn prepare(desk: &mut Desk<'_>, record: &mut Record, before: Option<&Record>) -> Result<Option<Reveal>> {
    let key = check(desk, record)?;
    grants(desk, record, before)?;
    if let Some(team) = key.team.filter(|team| desk.store.get(&teams::TEAMS.row(team)).is_none()) {
        let slugs: Vec<String> = store::all(desk.store, "teams/").into_iter().map(|(name, _)| name.replacen("teams/", "", 1)).collect();
        let hint = spelling::hint(&team, slugs.iter().map(String::as_str));
        return Err(Error::invalid(format!("team: there is no team `{team}`.{hint}")).with_param("team"));
    }
    configs::exists(desk, key.default_config.as_deref(), "default_config")?;
    let expired = key.expires_at.is_some_and(|at| at <= desk.now);
    if expired && before.and_then(|before| before.text("expires_at")) != record.text("expires_at") {
        return Err(Error::invalid("expires_at: expected a time that is still to come.").with_param("expires_at"));
    }
    Ok(if before.is_none() { Some(mint(desk, record, None)) } else { None })
}

fn check(_: &Desk<'_>, record: &Record) -> Result<Key> {
    Key::parse(&record.definition(&KEYS)).map_err(|error| in_body(KEYS.noun, error))
}

/// Nobody gives a key rights that they do not have.
fn grants(desk: &Desk<'_>, record: &Record, before: Option<&Record>) -> Result<()> {
    let same = |before: &Record| before.raw("scopes").map(|raw| raw.get()) == record.raw("scopes").map(|raw| raw.get());
    if before.is_some_and(same) {
        return Ok(());
    }
    match beyond(desk, record) {
        None => Ok(()),
        Some(scope) => {
            let message = format!("scopes: you cannot give a key the scope `{scope}`, which you do not have to give.");
            Err(Error::caller(Kind::Forbidden, message).with_param("scopes"))
        }
    }
}

/// A scope of the key that is not the actor's to give.
fn beyond(desk: &Desk<'_>, record: &Record) -> Option<&'static str> {
    let key = Key::parse(&record.definition(&KEYS)).ok()?;
    let may = |word: &str| desk.actor.scopes.iter().any(|own| own == word);
    SCOPES.iter().find(|(word, scope)| key.may(*scope) && !may(word)).map(|(word, _)| *word)
}

/// A key that may do more than whoever is here is not theirs to change.
fn guard(desk: &Desk<'_>, record: &Record, _: Act) -> Result<()> {
    match beyond(desk, record) {
        None => Ok(()),
        Some(scope) => {
            let message = format!("This key has the scope `{scope}`, which is not yours to give: ask an owner to change it.");
            Err(Error::caller(Kind::Forbidden, message))
        }
    }
}

/// Makes a key text. The one before it goes on to be good until then, if there is a then.
fn mint(desk: &mut Desk<'_>, record: &mut Record, until_ms: Option<u64>) -> Reveal {
    let key = secret::mint(&KEYS.id_of(record), desk.chance.block());
    let mut secrets = vec![Secret { hash: secret::hash(&key), until: None }];
    if let (Some(until), Some(old)) = (until_ms, record.read::<Vec<Secret>>("secrets").and_then(|old| old.into_iter().next())) {
        secrets.push(Secret { until: Some(time::rfc3339(until.div_ceil(1_000))), ..old });
    }
    record.set("secrets", &secrets);
    record.set("hint", &secret::hint(&key));
    ("key", key)
}

/// What is to be stored with a new key text, and the text.
pub fn rotated(desk: &mut Desk<'_>, before: &Record, body: &str) -> Result<(Record, Reveal)> {
    let mut section = Section::parse(if body.is_empty() { "{}" } else { body }, "body")?;
    let overlap = section.count("overlap_seconds", 0, LONGEST_OVERLAP_S).map_err(|error| in_body("body", error))?.unwrap_or(0);
    section.end().map_err(|error| in_body("body", error))?;
    let mut record = before.clone();
    let reveal = mint(desk, &mut record, (overlap > 0).then(|| desk.now + overlap * 1_000));
    Ok((record, reveal))
}
