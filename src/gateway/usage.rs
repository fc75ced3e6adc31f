//! What was used, and what is left: of the caller's own key, and of all holders for whoever runs the gateway.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::admin::registered;
use super::admission;
use super::life::Life;
use super::vaulted::PATIENCE_MS;
use crate::admin::usage::{Asked, By, KEYLESS};
use crate::admin::{Answer, Request};
use crate::error::{Error, Kind, Result};
use crate::host::{Host, Note, Verb};
use crate::http::Reply;
use crate::policy::holder::Scope;
use crate::policy::standing::{Days, Row, Seen};
use crate::wire::base64;
use crate::wire::lean;

/// So many meters are asked at once.
const AT_ONCE: usize = 100;
/// As many days as meters keep.
const DAYS: u64 = 92;

/// Of what something was used, and how much.
#[derive(Serialize)]
struct Tally {
    requests: u64,
    failed: u64,
    cached: u64,
    tokens: Tokens,
    cost: crate::catalog::Money,
    /// Requests of which nobody knows the price: they are not in the cost.
    unpriced: u64,
}

#[derive(Serialize)]
struct Tokens {
    input: u64,
    output: u64,
}

#[derive(Serialize)]
struct Remaining<'a> {
    limits: &'a RawValue,
    budgets: &'a RawValue,
}

/// What one holder used, and what is left.
#[derive(Serialize)]
struct Account<'a> {
    #[serde(flatten)]
    tally: Tally,
    remaining: Remaining<'a>,
}

#[derive(Serialize)]
struct Named<'a> {
    #[serde(flatten)]
    name: BTreeMap<&'static str, &'a str>,
    #[serde(flatten)]
    tally: Tally,
}

#[derive(Serialize)]
struct Own<'a> {
    key: &'a str,
    name: &'a str,
    from: &'a str,
    to: &'a str,
    #[serde(flatten)]
    account: Account<'a>,
    days: Vec<Named<'a>>,
    models: Vec<Named<'a>>,
    providers: Vec<Named<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    team: Option<OwnTeam<'a>>,
}

#[derive(Serialize)]
struct OwnTeam<'a> {
    team: &'a str,
    remaining: Remaining<'a>,
}

impl Tally {
    fn of(row: &Row) -> Self {
        let Row { requests, failed, cached, unpriced, .. } = *row;
        Self { requests, failed, cached, tokens: Tokens { input: row.input_tokens, output: row.output_tokens }, cost: row.usd, unpriced }
    }
}

impl Seen {
    fn remaining(&self) -> Remaining<'_> {
        Remaining { limits: &self.limits, budgets: &self.budgets }
    }
}

/// What the caller's own key used, and what is left of its limits and of its team's.
pub async fn own<H: Host>(life: &Life<'_, H>) -> Result<Reply<H::Answer>> {
    let member = admission::confirm_either(life, [Scope::Inference, Scope::Logs]).await?;
    let member = member.ok_or_else(|| {
        let message = "This is what a key has used: show one. What all of them have is at `/admin/v1/usage`.";
        Error::caller(Kind::Unauthenticated, message)
    })?;
    let asked = |name: &str| life.call.asked(name).filter(|day| !day.is_empty()).map(|day| format!("{name}={day}"));
    let query = ["from", "to"].into_iter().filter_map(asked).collect::<Vec<_>>().join("&");
    let days = Days::asked(&query, life.host.now(), DAYS)?;
    let key = &member.key;
    let meters = [Some(format!("key:{}", key.id)), key.team.as_ref().map(|slug| format!("team:{slug}"))];
    let mut seen = standings(life, meters.into_iter().flatten(), days).await.into_iter();
    let silent = || Error::gateway("What was used could not be read; try again.").with_status(503);
    let own = seen.next().flatten().ok_or_else(silent)?;
    let of_team = seen.next().flatten();
    let body = Own {
        key: &key.id,
        name: &key.name,
        from: &own.usage.from,
        to: &own.usage.to,
        account: Account { tally: Tally::of(&own.usage.total), remaining: own.remaining() },
        days: own.usage.days.iter().map(|day| named("date", &day.date, &day.row)).collect(),
        models: own.usage.models.iter().map(|(name, row)| named("model", name, row)).collect(),
        providers: own.usage.providers.iter().map(|(name, row)| named("provider", name, row)).collect(),
        team: key.team.as_deref().zip(of_team.as_ref()).map(|(team, seen)| OwnTeam { team, remaining: seen.remaining() }),
    };
    Ok(Reply::json(200, serde_json::to_vec(&body).unwrap_or_default()))
}

fn named<'a>(word: &'static str, name: &'a str, row: &Row) -> Named<'a> {
    Named { name: BTreeMap::from([(word, name)]), tally: Tally::of(row) }
}

/// Where holders stand; nothing of those that do not say so in time.
async fn standings<H: Host>(life: &Life<'_, H>, meters: impl Iterator<Item = String>, days: Days) -> Vec<Option<Seen>> {
    let query = days.query();
    let notes: Vec<Note> = meters.map(|meter| Note { meter, verb: Verb::Standing, body: query.clone() }).collect();
    let mut seen = Vec::with_capacity(notes.len());
    for some in notes.chunks(AT_ONCE) {
        let told = life.host.ask_meters(some, PATIENCE_MS).await;
        seen.extend(told.iter().map(|told| lean::from_str(told).ok()));
    }
    seen
}

/// What all of them used, by whatever is asked for.
pub async fn of_all<H: Host>(life: &Life<'_, H>, request: &Request) -> Result<Answer> {
    let answer = registered(life, request).await?;
    if answer.status != 200 {
        return Ok(answer);
    }
    let asked = Asked::parse(&request.query, life.host.now())?;
    let body = if asked.by.is_sum() { summed(life, &asked, &answer.body).await } else { listed(life, &asked, &answer.body).await };
    Ok(Answer::of(200, body))
}

#[derive(Default, Serialize, Deserialize)]
struct Page {
    data: Vec<Map<String, Value>>,
    next: Option<String>,
}

/// A row for each of a page of holders.
async fn listed<H: Host>(life: &Life<'_, H>, asked: &Asked, holders: &str) -> String {
    let mut page: Page = lean::from_str(holders).unwrap_or_default();
    let meter = |row: &mut Map<String, Value>| row.remove("meter").and_then(|name| name.as_str().map(str::to_owned)).unwrap_or_default();
    let meters: Vec<String> = page.data.iter_mut().map(meter).collect();
    let seen = standings(life, meters.into_iter(), asked.days).await;
    for (row, seen) in page.data.iter_mut().zip(seen) {
        let account = seen.as_ref().map(|seen| Account { tally: Tally::of(&seen.usage.total), remaining: seen.remaining() });
        match account.and_then(|account| serde_json::to_value(account).ok()) {
            Some(Value::Object(fields)) => row.extend(fields),
            _ => drop(row.insert("unavailable".to_owned(), Value::Bool(true))),
        }
    }
    serde_json::to_string(&page).unwrap_or_default()
}

#[derive(Default, Deserialize)]
struct Keys {
    meters: Vec<String>,
    keys: u64,
}

#[derive(Serialize)]
struct Sums<'a> {
    data: Vec<Named<'a>>,
    next: Option<String>,
    keys: Counted,
}

/// Over how many keys a sum goes.
#[derive(Serialize)]
struct Counted {
    all: u64,
    counted: usize,
    /// More than are summed up, or some that did not answer in time.
    partial: bool,
}

/// A row for each name, over all keys.
async fn summed<H: Host>(life: &Life<'_, H>, asked: &Asked, keys: &str) -> String {
    let keys: Keys = lean::from_str(keys).unwrap_or_default();
    let keyless = keys.meters.iter().position(|meter| meter == KEYLESS);
    let seen = standings(life, keys.meters.into_iter(), asked.days).await;
    let mut sums: BTreeMap<String, Row> = BTreeMap::new();
    for seen in seen.iter().flatten() {
        let rows = match &asked.by {
            By::Model => Some(&seen.usage.models),
            By::Provider => Some(&seen.usage.providers),
            By::Metadata(field) => seen.usage.metadata.get(field),
            By::Key | By::Team | By::Credential => None,
        };
        for (name, row) in rows.into_iter().flatten() {
            sums.entry(name.clone()).or_default().add(row);
        }
    }
    let mut rows = sums.iter().filter(|(name, _)| **name > asked.after);
    let data: Vec<Named<'_>> = rows.by_ref().take(asked.limit).map(|(name, row)| named(asked.by.word(), name, row)).collect();
    let last = data.last().and_then(|row| row.name.values().next());
    let next = rows.next().and(last).map(|last| base64::encode_url(last.as_bytes()));
    let counted = seen.iter().enumerate().filter(|(at, seen)| seen.is_some() && Some(*at) != keyless).count();
    let keys = Counted { all: keys.keys, counted, partial: u64::try_from(counted).is_ok_and(|counted| counted < keys.keys) };
    serde_json::to_string(&Sums { data, next, keys }).unwrap_or_default()
}
