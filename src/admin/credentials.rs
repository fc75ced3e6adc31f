//! Providers' credentials. Their secrets are sealed before they are stored and never shown again, but for a hint.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::value::RawValue;

use super::desk::Desk;
use super::record::Record;
use super::request::Answer;
use super::resource::Form::{Count, Name, Of, Slug, Text, Time};
use super::resource::{Copy, Field, Id, Resource, Reveal, fixed, free, in_body, made, note, secret, unguarded};
use super::{audit, change, store};
use crate::error::{Error, Kind, Origin, Result};
use crate::policy::holder::Credential;
use crate::policy::secret::hint;
use crate::policy::vault::Vault;
use crate::section::wrong;
use crate::wire::lean;

pub const CREDENTIALS: Resource = Resource {
    path: "credentials",
    noun: "credential",
    id: Id::Slug,
    fields: FIELDS,
    filters: &["provider"],
    // All of them are one value of the storage.
    most: 1_000,
    longest: 49_152,
    has_meter: true,
    copy: Copy::List,
    has_history: false,
    actions: &["reseal"],
    prepare,
    guard: unguarded,
};

const FIELDS: &[Field] = &[
    fixed("slug", Slug),
    // Else a key would reach another provider than the one it is of.
    fixed("provider", Name),
    secret("secret", Of("secret")),
    note("hint", Text),
    free("settings", Of("texts")),
    free("allow", Of("allow_models")),
    free("limits", Of("limits")),
    free("budgets", Of("budgets")),
    free("priority", Of("priority")),
    made("version", Count),
    note("created_at", Time),
    note("updated_at", Time),
];

const LONGEST_SECRET: usize = 16_384;

fn prepare(desk: &mut Desk<'_>, record: &mut Record, before: Option<&Record>) -> Result<Option<Reveal>> {
    let sent = record.raw("secret").map(|raw| raw.get().to_owned()).ok_or_else(missing)?;
    if before.and_then(|before| before.raw("secret")).is_none_or(|own| own.get() != sent) {
        let (plain, hint) = read(&sent)?;
        let sealed = seal(desk, &CREDENTIALS.id_of(record), &plain)?;
        record.set("secret", &sealed);
        record.set("hint", &hint);
    }
    Credential::parse(&record.definition(&CREDENTIALS)).map_err(|error| in_body(CREDENTIALS.noun, error))?;
    Ok(None)
}

fn missing() -> Error {
    wrong("secret", "the provider's key as a string, or an object of what it consists of")
}

/// A secret as it is sealed, and what may be shown of it: of a string its ends, of an object the names of its fields.
fn read(sent: &str) -> Result<(String, String)> {
    if sent.len() > LONGEST_SECRET {
        return Err(wrong("secret", &format!("at most {LONGEST_SECRET} bytes")));
    }
    if let Ok(text) = lean::from_str::<String>(sent) {
        // A header has one line and no spaces around it; what was copied often has.
        let text = text.trim();
        return if text.is_empty() { Err(missing()) } else { Ok((text.to_owned(), hint(text))) };
    }
    let fields: BTreeMap<String, &RawValue> = lean::from_str(sent).map_err(|_| missing())?;
    if fields.is_empty() || fields.keys().any(|name| name.len() > 64) {
        return Err(missing());
    }
    let names: Vec<&str> = fields.keys().map(String::as_str).collect();
    Ok((sent.to_owned(), names.join(", ")))
}

fn seal(desk: &mut Desk<'_>, slug: &str, plain: &str) -> Result<String> {
    let nonce = desk.chance.bytes();
    desk.vault.seal(slug, plain, nonce).ok_or_else(closed)
}

fn closed() -> Error {
    let message =
        "Credentials are sealed under `MASTER_KEY`, which this gateway has not: set that secret (32 random bytes in base64) first.";
    Error::new(Origin::Gateway, Kind::Overloaded, 503, message).with_code("no_master_key")
}

#[derive(Serialize)]
struct Resealed<'a> {
    /// How many were sealed anew now.
    resealed: usize,
    /// How many are under the newest master key now.
    sealed: usize,
    /// Those that no master key opens: their secrets have to be set again.
    unreadable: &'a [String],
    /// The id of the newest master key.
    master_key: &'a str,
}

/// Seals all that is not under the newest master key anew.
pub fn reseal(desk: &mut Desk<'_>) -> Result<Answer> {
    let newest = desk.vault.id().ok_or_else(closed)?.to_owned();
    let (mut resealed, mut sealed, mut unreadable) = (0, 0, Vec::new());
    for (_, row) in store::all(desk.store, "credentials/") {
        let Some(before) = Record::parse(&row) else { continue };
        let (slug, old) = (CREDENTIALS.id_of(&before), before.text("secret").unwrap_or_default());
        let Some(plain) = desk.vault.open(&slug, &old) else {
            unreadable.push(slug);
            continue;
        };
        sealed += 1;
        if Vault::id_of(&old) != Some(newest.as_str()) {
            let mut record = before.clone();
            record.set("secret", &seal(desk, &slug, &plain)?);
            change::stamp(desk, &mut record, before.version() + 1);
            change::put(desk, &CREDENTIALS, &slug, &record);
            resealed += 1;
        }
    }
    if resealed > 0 {
        audit::note(desk, &audit::Change { what: "reseal", resource: CREDENTIALS.path, id: "*", before: None, after: None });
    }
    let told = Resealed { resealed, sealed, unreadable: &unreadable, master_key: &newest };
    Ok(Answer::of(200, serde_json::to_string(&told).unwrap_or_default()))
}
