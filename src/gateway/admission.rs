//! Who is let in: callers with a key of this gateway, whoever runs it, and, where no key is asked for, anyone.

use std::collections::BTreeMap;
use std::rc::Rc;

use super::life::Life;
use super::vaulted;
use crate::error::{Error, Kind, Result};
use crate::host::{Host, Note, Verb};
use crate::policy::holder::{Key, Scope, Team};
use crate::policy::roster::Member;
use crate::policy::secret::{self, Shown};
use crate::prices;
use crate::wire::lean;

/// How long the storage may take; what it does not tell in time, the meters are asked.
const PATIENCE_MS: u64 = 1_000;

/// Lets the caller in for inference, as far as can be told without its meter: that one is asked when the request's
/// share is reserved.
pub async fn enter<H: Host>(life: &Life<'_, H>) -> Result<Option<Member>> {
    prepare(life).await?;
    let Some(text) = life.caller.shown else { return Ok(None) };
    let shown = secret::read(text).ok_or_else(misspelt)?;
    let key = match life.settings.roster.key(&shown.id).filter(|key| key.is(&shown, life.host.now())) {
        Some(key) => key,
        None => known(life, &shown).await?,
    };
    let mut member = member(life, key).await?;
    if let Err(error) = admit(life, &member, Scope::Inference) {
        // Perhaps no longer.
        member = confirm(life, Scope::Inference).await?.ok_or(error)?;
    }
    if money_counts(&member) && life.settings.prices_due(life.host.now()) {
        prices::read(life.host, life.settings, PATIENCE_MS).await;
    }
    Ok(Some(member))
}

/// Refuses strangers, and reads what there is in the vault.
async fn prepare<H: Host>(life: &Life<'_, H>) -> Result<()> {
    if life.caller.is_stranger(life.settings) {
        let message = "This gateway wants its own key: send it as `Authorization: Bearer`, `x-api-key` or `x-causeway-api-key`.";
        return Err(Error::caller(Kind::Unauthenticated, message).with_code("invalid_api_key"));
    }
    vault(life).await;
    Ok(())
}

async fn vault<H: Host>(life: &Life<'_, H>) {
    if life.settings.has_vault() && life.settings.roster.credentials_due(life.host.now()) {
        read_credentials(life).await;
    }
}

/// The same as its meter has it at this moment, for what reserves nothing.
pub async fn confirm<H: Host>(life: &Life<'_, H>, scope: Scope) -> Result<Option<Member>> {
    let member = shown(life).await?;
    member.iter().try_for_each(|member| admit(life, member, scope))?;
    Ok(member)
}

/// The same for what asks nothing of a model, where either of these scopes will do.
pub async fn confirm_either<H: Host>(life: &Life<'_, H>, scopes: [Scope; 2]) -> Result<Option<Member>> {
    let member = shown(life).await?;
    member.iter().try_for_each(|member| entitled(life, member, &scopes))?;
    Ok(member)
}

/// Whose key is shown, as its meter has it.
async fn shown<H: Host>(life: &Life<'_, H>) -> Result<Option<Member>> {
    prepare(life).await?;
    let Some(text) = life.caller.shown else { return Ok(None) };
    let shown = secret::read(text).ok_or_else(misspelt)?;
    life.settings.roster.forget_key(&shown.id);
    let key = recalled(life, &shown).await?.ok_or_else(unknown)?;
    member(life, life.settings.roster.keep_key(key)).await.map(Some)
}

/// As if somebody showed the key of this id; as if nobody did, where none is named.
pub async fn impersonate<H: Host>(life: &Life<'_, H>, id: Option<&str>) -> Result<Option<Member>> {
    vault(life).await;
    let Some(id) = id else { return Ok(None) };
    let unknown = || Error::invalid(format!("key: there is no key `{id}`.")).with_param("key");
    let plain = id.len() <= 64 && id.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let told = if plain { recall(life, format!("key:{id}")).await? } else { String::new() };
    let key = Key::parse(&told).map_err(|_| unknown())?;
    member(life, Rc::new(key)).await.map(Some)
}

/// Looks at the caller's key again, where that refused something. Whether it is another by now.
pub async fn renew<H: Host>(life: &mut Life<'_, H>) -> Result<bool> {
    let Some(known) = life.member.as_ref().map(|member| member.key.version) else { return Ok(false) };
    let member = confirm(life, Scope::Inference).await?;
    let is_newer = member.as_ref().is_some_and(|member| member.key.version != known);
    life.member = member;
    Ok(is_newer)
}

/// What is known of a key by the storage, which may be behind, and else by its meter.
async fn known<H: Host>(life: &Life<'_, H>, shown: &Shown) -> Result<Rc<Key>> {
    let stored = life.host.stored(&format!("key:{}", shown.id), PATIENCE_MS).await.ok().flatten();
    let stored = stored.and_then(|json| Key::parse(&String::from_utf8_lossy(&json)).ok());
    let key = match stored.filter(|key| key.is(shown, life.host.now())) {
        Some(key) => Some(key),
        None => recalled(life, shown).await?,
    };
    key.map(|key| life.settings.roster.keep_key(key)).ok_or_else(unknown)
}

async fn recalled<H: Host>(life: &Life<'_, H>, shown: &Shown) -> Result<Option<Key>> {
    let told = recall(life, format!("key:{}", shown.id)).await?;
    Ok(Key::parse(&told).ok().filter(|key| key.is(shown, life.host.now())))
}

async fn recall<H: Host>(life: &Life<'_, H>, meter: String) -> Result<String> {
    let note = Note { meter, verb: Verb::Recall, body: String::new() };
    let told = life.host.ask_meters(&[note], vaulted::PATIENCE_MS).await.into_iter().next();
    told.filter(|told| !told.is_empty()).ok_or_else(|| Error::gateway("The key could not be checked; try again.").with_status(503))
}

/// The key and its team.
async fn member<H: Host>(life: &Life<'_, H>, key: Rc<Key>) -> Result<Member> {
    let Some(slug) = key.team.clone() else { return Ok(Member { key, team: None }) };
    if let Some(team) = life.settings.roster.team(&slug) {
        return Ok(Member { key, team: Some(team) });
    }
    let stored = life.host.stored(&format!("team:{slug}"), PATIENCE_MS).await.ok().flatten();
    let stored = stored.and_then(|json| Team::parse(&String::from_utf8_lossy(&json)).ok());
    let team = match stored {
        Some(team) => Some(team),
        None => Team::parse(&recall(life, format!("team:{slug}")).await?).ok(),
    };
    let gone = || Error::caller(Kind::Forbidden, format!("The team `{slug}` of this key is gone."));
    let team = life.settings.roster.keep_team(team.ok_or_else(gone)?);
    Ok(Member { key, team: Some(team) })
}

/// What can be told of a key by its definition.
pub fn admit<H: Host>(life: &Life<'_, H>, member: &Member, scope: Scope) -> Result<()> {
    entitled(life, member, &[scope])?;
    let key = &member.key;
    if scope == Scope::Inference && !key.metadata.required.is_empty() {
        let metadata = metadata(life, Some(member))?;
        if let Some(missing) = key.metadata.required.iter().find(|name| !metadata.contains_key(*name)) {
            let message = format!(
                "This key wants `{missing}` in the request's metadata: send `x-{}-metadata: {{\"{missing}\": \"...\"}}`.",
                life.caller.spelling()
            );
            return Err(Error::invalid(message).with_param("metadata"));
        }
    }
    Ok(())
}

/// Whether a key is good still, and has one of these scopes.
fn entitled<H: Host>(life: &Life<'_, H>, member: &Member, scopes: &[Scope]) -> Result<()> {
    let key = &member.key;
    if key.is_expired(life.host.now()) {
        return Err(unauthenticated("This key has expired: ask whoever runs this gateway for a new one."));
    }
    if !scopes.iter().any(|scope| key.may(*scope)) {
        let words = scopes.iter().map(|scope| format!("`{}`", scope.word())).collect::<Vec<_>>().join(" or ");
        let message = format!("This key (`{}`) is not for this: it lacks the scope {words}.", key.name);
        return Err(Error::caller(Kind::Forbidden, message));
    }
    Ok(())
}

/// The request's metadata: the caller's, over the key's.
pub fn metadata<H: Host>(life: &Life<'_, H>, member: Option<&Member>) -> Result<BTreeMap<String, String>> {
    let mut metadata = member.map(|member| member.key.metadata.default.clone()).unwrap_or_default();
    let Some(json) = life.caller.named("metadata") else { return Ok(metadata) };
    let told: BTreeMap<String, serde_json::Value> = match lean::from_str(json) {
        Ok(told) => told,
        Err(_) if member.is_none() => return Ok(metadata),
        Err(_) => return Err(Error::invalid("The metadata must be a JSON object of strings.").with_param("metadata")),
    };
    let text = |value: serde_json::Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    metadata.extend(told.into_iter().map(|(name, value)| (name, text(value))));
    Ok(metadata)
}

fn money_counts(member: &Member) -> bool {
    let teams = member.team.iter().map(|team| &team.rules);
    teams.chain([&member.key.rules]).any(|rules| !rules.budgets.is_empty())
}

async fn read_credentials<H: Host>(life: &Life<'_, H>) {
    let read = life.host.stored(vaulted::KEY, PATIENCE_MS).await;
    if let Ok(list) = read {
        life.settings.roster.keep_credentials(&list.unwrap_or_default(), life.host.now());
    }
}

fn misspelt() -> Error {
    unauthenticated("This key has a typo: its letters do not belong together. Copy it anew.")
}

fn unknown() -> Error {
    unauthenticated("This key is not known here, or was revoked: ask whoever runs this gateway for a new one.")
}

pub fn unauthenticated(message: &str) -> Error {
    Error::caller(Kind::Unauthenticated, message).with_code("invalid_api_key")
}
