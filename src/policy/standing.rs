//! Where a holder stands, as it is shown: what is left, what was used.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::account::{self, Day, Tallies, Tally};
use super::ask::Left;
use super::meter::Meter;
use super::rules::{Amount, Budget};
use crate::catalog::Money;
use crate::error::Result;
use crate::section::wrong;
use crate::time;

const DAY_MS: u64 = 86_400_000;
/// As many as are shown where nothing is said.
const RECENT: u64 = 31;

#[derive(Serialize)]
pub struct Standing {
    pub limits: Vec<Left>,
    pub budgets: Vec<Stand>,
    pub usage: Usage,
}

/// The same as it is read by whoever asked.
#[derive(Deserialize)]
pub struct Seen {
    pub limits: Box<RawValue>,
    pub budgets: Box<RawValue>,
    pub usage: Usage,
}

#[derive(Serialize)]
pub struct Stand {
    unit: &'static str,
    per: &'static str,
    hard: bool,
    max: Amount,
    spent: Amount,
    /// By requests that are under way.
    held: Amount,
    left: Amount,
    /// Shares of it at which somebody is told.
    alerts: Vec<Share>,
    resets_at: Option<String>,
}

#[derive(Serialize)]
struct Share {
    share: f64,
    reached: bool,
}

/// Of some days, the account.
#[derive(Serialize, Deserialize)]
pub struct Usage {
    pub from: String,
    pub to: String,
    pub total: Row,
    pub days: Vec<OfDay>,
    pub models: BTreeMap<String, Row>,
    pub providers: BTreeMap<String, Row>,
    pub metadata: BTreeMap<String, BTreeMap<String, Row>>,
}

#[derive(Serialize, Deserialize)]
pub struct OfDay {
    pub date: String,
    #[serde(flatten)]
    pub row: Row,
}

#[derive(Clone, Default, Serialize, Deserialize)]
pub struct Row {
    pub requests: u64,
    pub failed: u64,
    pub cached: u64,
    pub input_tokens: u64,
    pub output_tokens: u64,
    pub usd: Money,
    /// Of which nobody knows the price.
    pub unpriced: u64,
    /// What nobody settled in time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    lost: Option<Lapsed>,
}

#[derive(Clone, Serialize, Deserialize)]
pub struct Lapsed {
    leases: u64,
    /// That they had held.
    pub usd: Money,
}

impl Stand {
    pub fn of(budget: &Budget, meter: &mut Meter, now: u64) -> Self {
        let (spent, until) = meter.stands(budget, now);
        let held = meter.held();
        let (held, left) = match (budget.amount, spent) {
            (Amount::Tokens(max), Amount::Tokens(spent)) => {
                (Amount::Tokens(held.tokens), Amount::Tokens(max.saturating_sub(spent).saturating_sub(held.tokens)))
            }
            (Amount::Usd(max), Amount::Usd(spent)) => {
                (Amount::Usd(held.usd), Amount::Usd(max.saturating_sub(spent).saturating_sub(held.usd)))
            }
            (max, _) => (max, max),
        };
        let alerts =
            budget.alerts.iter().map(|share| Share { share: f64::from(*share) / 1_000.0, reached: budget.is_reached(*share, spent) });
        let resets_at = until.map(|at| time::rfc3339(at / 1_000));
        let (unit, per, alerts) = (budget.amount.unit(), budget.per.word(), alerts.collect());
        Self { unit, per, hard: budget.hard, max: budget.amount, spent, held, left, alerts, resets_at }
    }
}

/// The days of a calendar, from one to another, both among them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Days {
    first: u64,
    last: u64,
}

impl Days {
    /// `from=2026-11-01&to=2026-11-21`: the last month, and today, where nothing is said.
    pub fn asked(query: &str, now: u64, most: u64) -> Result<Self> {
        let today = now / DAY_MS;
        let day = |name: &str| {
            let said = query.trim_start_matches('?').split('&').filter_map(|pair| pair.split_once('=')).find(|(known, _)| *known == name);
            said.map(|(_, date)| time::parse_ms(date).map(|ms| ms / DAY_MS).ok_or_else(|| wrong(name, "a date such as 2026-11-21")))
                .transpose()
        };
        let last = day("to")?.unwrap_or(today).min(today);
        let first = day("from")?.unwrap_or((last + 1).saturating_sub(RECENT)).max((today + 1).saturating_sub(most));
        Ok(Self { first, last })
    }

    /// As they are asked for.
    pub fn query(self) -> String {
        format!("from={}&to={}", date(self.first * DAY_MS), date(self.last * DAY_MS))
    }

    pub fn dates(self) -> impl Iterator<Item = String> {
        (self.first..=self.last).map(|day| date(day * DAY_MS))
    }
}

/// `2026-11-21`.
pub fn date(ms: u64) -> String {
    time::rfc3339(ms / 1_000).chars().take(10).collect()
}

/// The accounts of days, summed up.
#[derive(Default)]
pub struct Sum {
    days: Vec<OfDay>,
    all: Day,
    fields: BTreeMap<String, Tallies>,
}

impl Sum {
    pub fn add(&mut self, date: String, day: &Day) {
        self.days.push(OfDay { date, row: Row::of_day(day) });
        self.all.add(day);
    }

    pub fn add_field(&mut self, field: &str, tallies: &Tallies) {
        account::add(self.fields.entry(field.to_owned()).or_default(), tallies);
    }

    pub fn usage(self, days: Days) -> Usage {
        let rows = |tallies: &Tallies| tallies.iter().map(|(name, tally)| (name.clone(), Row::of(tally))).collect();
        Usage {
            from: date(days.first * DAY_MS),
            to: date(days.last * DAY_MS),
            total: Row::of_day(&self.all),
            days: self.days,
            models: rows(&self.all.models),
            providers: rows(&self.all.providers),
            metadata: self.fields.iter().map(|(field, tallies)| (field.clone(), rows(tallies))).collect(),
        }
    }
}

impl Row {
    /// Takes another along.
    pub fn add(&mut self, other: &Self) {
        self.requests += other.requests;
        self.failed += other.failed;
        self.cached += other.cached;
        self.input_tokens = self.input_tokens.saturating_add(other.input_tokens);
        self.output_tokens = self.output_tokens.saturating_add(other.output_tokens);
        self.usd = self.usd.saturating_add(other.usd);
        self.unpriced += other.unpriced;
    }

    fn of(tally: &Tally) -> Self {
        let Tally { requests, failed, cached, input, output, usd, unpriced } = tally.clone();
        Self { requests, failed, cached, input_tokens: input, output_tokens: output, usd, unpriced, lost: None }
    }

    fn of_day(day: &Day) -> Self {
        let lost = (day.lost > 0).then_some(Lapsed { leases: day.lost, usd: day.lost_usd });
        Self { lost, ..Self::of(&day.total) }
    }
}
