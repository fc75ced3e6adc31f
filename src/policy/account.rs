//! A holder's account of what it used, by the day: in all, by model and provider, and by the values of its metadata.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::ask::Used;
use super::meter::Lost;
use crate::catalog::Money;

/// More names than these are counted together: a value of the metadata may be anything.
const MOST_NAMES: usize = 200;
const MOST_FIELDS: usize = 16;
const LONGEST_NAME: usize = 128;
pub const OTHER: &str = "(other)";

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Tally {
    #[serde(rename = "n", skip_serializing_if = "is_none")]
    pub requests: u64,
    #[serde(rename = "f", skip_serializing_if = "is_none")]
    pub failed: u64,
    #[serde(rename = "c", skip_serializing_if = "is_none")]
    pub cached: u64,
    #[serde(rename = "i", skip_serializing_if = "is_none")]
    pub input: u64,
    #[serde(rename = "o", skip_serializing_if = "is_none")]
    pub output: u64,
    #[serde(rename = "u")]
    pub usd: Money,
    #[serde(rename = "x", skip_serializing_if = "is_none")]
    pub unpriced: u64,
}

pub type Tallies = BTreeMap<String, Tally>;

/// Of one day, without the metadata: each field has a row of its own.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Day {
    #[serde(rename = "t")]
    pub total: Tally,
    /// `provider/model`.
    #[serde(rename = "m")]
    pub models: Tallies,
    #[serde(rename = "p")]
    pub providers: Tallies,
    /// The fields of the metadata.
    #[serde(rename = "f", skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<String>,
    /// Leases that nobody settled in time, and what they had held.
    #[serde(rename = "l", skip_serializing_if = "is_none")]
    pub lost: u64,
    #[serde(rename = "lu", skip_serializing_if = "is_nothing")]
    pub lost_usd: Money,
}

/// What was counted on behalf of a meter that is told of it later.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Batch {
    pub day: Day,
    pub fields: BTreeMap<String, Tallies>,
}

impl Batch {
    pub fn note(&mut self, used: &Used, usd: Money) {
        self.day.note(used, usd);
        for (field, value) in &used.metadata {
            if self.day.counts(field) {
                note(self.fields.entry(field.clone()).or_default(), value, used, usd);
            }
        }
    }
}

fn is_none(count: &u64) -> bool {
    *count == 0
}

fn is_nothing(usd: &Money) -> bool {
    *usd == Money::ZERO
}

impl Day {
    pub fn note(&mut self, used: &Used, usd: Money) {
        self.total.note(used, usd);
        note(&mut self.models, &format!("{}/{}", used.provider, used.model), used, usd);
        note(&mut self.providers, &used.provider, used, usd);
    }

    /// Adds what was counted elsewhere.
    pub fn take(&mut self, other: &Self) {
        self.total.add(&other.total);
        take(&mut self.models, &other.models);
        take(&mut self.providers, &other.providers);
    }

    pub fn lose(&mut self, lost: Lost) {
        self.lost += lost.leases;
        self.lost_usd = self.lost_usd.saturating_add(lost.held.usd);
    }

    /// Whether a field is counted by: the first that come are, as many as there may be.
    pub fn counts(&mut self, field: &str) -> bool {
        let known = self.fields.iter().any(|known| known == field);
        let room = self.fields.len() < MOST_FIELDS && !field.is_empty() && field.len() <= LONGEST_NAME;
        if !known && room {
            self.fields.push(field.to_owned());
        }
        known || room
    }

    pub fn add(&mut self, other: &Self) {
        self.total.add(&other.total);
        add(&mut self.models, &other.models);
        add(&mut self.providers, &other.providers);
        self.lost += other.lost;
        self.lost_usd = self.lost_usd.saturating_add(other.lost_usd);
    }
}

impl Tally {
    fn note(&mut self, used: &Used, usd: Money) {
        self.add(&Self {
            requests: 1,
            failed: used.failed.into(),
            cached: used.cached.into(),
            input: used.input,
            output: used.output,
            usd,
            unpriced: used.unpriced.into(),
        });
    }

    fn add(&mut self, other: &Self) {
        self.requests += other.requests;
        self.failed += other.failed;
        self.cached += other.cached;
        self.input = self.input.saturating_add(other.input);
        self.output = self.output.saturating_add(other.output);
        self.usd = self.usd.saturating_add(other.usd);
        self.unpriced += other.unpriced;
    }
}

pub fn note(tallies: &mut Tallies, name: &str, used: &Used, usd: Money) {
    place(tallies, name).note(used, usd);
}

/// As [`add`], for what is kept.
pub fn take(tallies: &mut Tallies, others: &Tallies) {
    for (name, other) in others {
        place(tallies, name).add(other);
    }
}

/// Under its name, or with the rest where there are too many.
fn place<'t>(tallies: &'t mut Tallies, name: &str) -> &'t mut Tally {
    let name: String = name.chars().take(LONGEST_NAME).collect();
    let room = tallies.len() < MOST_NAMES || tallies.contains_key(&name);
    tallies.entry(if room { name } else { OTHER.to_owned() }).or_default()
}

pub fn add(tallies: &mut Tallies, others: &Tallies) {
    for (name, other) in others {
        tallies.entry(name.clone()).or_default().add(other);
    }
}
