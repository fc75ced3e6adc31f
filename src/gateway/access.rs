//! Who comes through Cloudflare Access, and what they may do here.

use super::life::Life;
use crate::admin::{Actor, Role};
use crate::error::{Error, Kind, Origin, Result};
use crate::host::{Answer, Host, Parcel, Payload};
use crate::http::Headers;
use crate::policy::access::{Found, HEADER, Person, PublicKey, Statement, Team};

/// How long Cloudflare may take to tell its keys.
const PATIENCE_MS: u64 = 5_000;
const MAX_ANSWER: usize = 256 << 10;

/// The first of these lists that they are on counts.
const ROLES: &[(&str, Role)] = &[("ACCESS_OWNERS", Role::Owner), ("ACCESS_EDITORS", Role::Editor), ("ACCESS_VIEWERS", Role::Viewer)];

/// Whoever brings a statement of Access, if this deployment has one.
pub async fn actor<H: Host>(life: &Life<'_, H>) -> Result<Option<Actor>> {
    let Some(text) = life.call.headers.find(HEADER) else { return Ok(None) };
    let Some(domain) = life.settings.var("ACCESS_TEAM_DOMAIN") else { return Ok(None) };
    let team = Team::of(domain, life.settings.list("ACCESS_AUD"), &life.settings.trusted_hosts()).ok_or_else(misconfigured)?;
    let statement = Statement::read(text).map_err(refused)?;
    let key = key(life, &team, &statement.kid).await?;
    if !life.host.verify(&key.n, &key.e, statement.signed.as_bytes(), &statement.signature).await {
        return Err(refused("its signature is wrong"));
    }
    let person = statement.person(&team, life.host.now()).map_err(refused)?;
    let name = format!("access:{}", person.email);
    Ok(Some(Actor::of(&name, role(life, &person))))
}

fn role<H: Host>(life: &Life<'_, H>, person: &Person) -> Role {
    let on = ROLES.iter().find(|(var, _)| person.is_on(&life.settings.list(var)));
    on.map_or(Role::Member, |(_, role)| *role)
}

/// The key of this name, asked for where it is not known.
async fn key<H: Host>(life: &Life<'_, H>, team: &Team<'_>, kid: &str) -> Result<PublicKey> {
    let keys = &life.settings.access;
    let found = || keys.borrow_mut().find(&team.origin, kid, life.host.now());
    let mut known = found();
    if known == Found::Ask {
        let read = read(life, &team.certificates()).await;
        keys.borrow_mut().keep(read.as_deref(), life.host.now());
        known = found();
    }
    match known {
        Found::Known(key) => Ok(key),
        Found::Unknown => Err(refused("no key of the team has signed it")),
        Found::Ask | Found::Unreadable => {
            let message = "The keys of Cloudflare Access could not be read; try again in a minute.";
            Err(Error::new(Origin::Gateway, Kind::Overloaded, 503, message).with_code("access_unavailable"))
        }
    }
}

async fn read<H: Host>(life: &Life<'_, H>, url: &str) -> Option<Vec<u8>> {
    let headers = Headers::from_iter([("accept", "application/json"), ("accept-encoding", "identity")]);
    let parcel = Parcel { url, headers: &headers, method: "GET", body: Payload::None, passes: false, timeout_ms: Some(PATIENCE_MS) };
    let mut answer = life.host.fetch(parcel).await.ok()?;
    if answer.status() != 200 {
        answer.discard();
        return None;
    }
    answer.bytes(MAX_ANSWER).await.ok()
}

fn refused(what: &str) -> Error {
    let message = format!("The statement of Cloudflare Access is refused: {what}. Sign in again.");
    Error::caller(Kind::Unauthenticated, message).with_code("access_refused")
}

fn misconfigured() -> Error {
    let message = "Cloudflare Access is set up by halves: `ACCESS_TEAM_DOMAIN` is the team's domain, and `ACCESS_AUD` the application's audience tag.";
    Error::new(Origin::Gateway, Kind::Overloaded, 503, message).with_code("access_misconfigured")
}
