//! What a request holds of limits and budgets while it runs, and what it tells of at its end.

use serde::{Deserialize, Serialize};

use crate::catalog::Money;
use crate::cost::Cost;
use crate::host::{Note, Verb};
use crate::record::{Outcome, Record};

/// What is counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bill {
    /// Most likely.
    pub tokens: u64,
    /// At the very most.
    pub most: u64,
    pub usd: Money,
    /// Nobody has put a price on some of it.
    pub unpriced: bool,
    /// Nobody but the provider counts how much it is.
    pub uncounted: bool,
}

/// The shares that a request holds with the meters of its holders.
#[derive(Clone, Debug, Default)]
pub struct Lease {
    /// How many shares there have been: each has a number of its own, since one that was settled is over.
    pub count: u32,
    pub shares: Vec<Share>,
    /// What tries have cost that were left.
    pub billed: Bill,
    /// Told to each meter for its account.
    pub metadata: Vec<(String, String)>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Share {
    pub meter: String,
    /// What it is settled by.
    pub lease: String,
    /// At the worst.
    pub held: Bill,
    /// Of the credential of the target at hand, which the next one may not have.
    pub of_target: bool,
}

/// What came of a lease.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Settlement {
    pub lease: String,
    /// Of the requests that were reserved so many were made: none where no provider was reached.
    #[serde(default)]
    pub requests: u64,
    #[serde(default)]
    pub tokens: u64,
    #[serde(default)]
    pub usd: Money,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub used: Option<Used>,
}

/// For the holder's own account of what was used; nothing where the request was not made after all.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Used {
    pub provider: String,
    pub model: String,
    pub input: u64,
    pub output: u64,
    /// Something was used that has no price.
    #[serde(default)]
    pub unpriced: bool,
    #[serde(default)]
    pub failed: bool,
    #[serde(default)]
    pub cached: bool,
    /// Of the caller, as far as it is short.
    #[serde(default)]
    pub metadata: Vec<(String, String)>,
}

impl Cost {
    /// Together with what was billed before.
    #[must_use]
    pub fn with(self, billed: Bill) -> Self {
        match self {
            Cost::Usd(usd) if !billed.unpriced => Cost::Usd(usd.saturating_add(billed.usd)),
            _ => Cost::Unpriced,
        }
    }
}

impl Bill {
    pub const NOTHING: Self = Self { tokens: 0, most: 0, usd: Money::ZERO, unpriced: false, uncounted: false };

    pub fn of(tokens: u64, most: u64, cost: Cost) -> Self {
        match cost {
            Cost::Usd(usd) => Self { tokens, most, usd, ..Self::NOTHING },
            Cost::Unpriced => Self { tokens, most, unpriced: true, ..Self::NOTHING },
        }
    }

    /// A bound on both.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            tokens: self.tokens.saturating_add(other.tokens),
            most: self.most.saturating_add(other.most),
            usd: self.usd.saturating_add(other.usd),
            unpriced: self.unpriced || other.unpriced,
            uncounted: self.uncounted || other.uncounted,
        }
    }

    /// What this is more than the other.
    #[must_use]
    pub fn beyond(self, other: Self) -> Self {
        Self {
            tokens: self.tokens.saturating_sub(other.tokens),
            most: self.most.saturating_sub(other.most),
            usd: self.usd.saturating_sub(other.usd),
            unpriced: self.unpriced && !other.unpriced,
            uncounted: self.uncounted && !other.uncounted,
        }
    }

    pub fn is_nothing(self) -> bool {
        self == Self::default()
    }
}

impl Lease {
    pub fn share(&self, meter: &str) -> Option<&Share> {
        self.shares.iter().find(|share| share.meter == meter)
    }

    /// More of what is held already, or something new.
    pub fn add(&mut self, meter: String, lease: String, more: Bill, of_target: bool) {
        match self.shares.iter_mut().find(|share| share.meter == meter) {
            Some(share) => share.held = share.held.plus(more),
            None => self.shares.push(Share { meter, lease, held: more, of_target }),
        }
    }

    /// Gives back what was held with the credential of a target that was left, less what the try has cost.
    pub fn leave_target(&mut self, record: &Record, cost: Bill) -> Vec<Note> {
        self.billed = self.billed.plus(cost);
        let left: Vec<Share> = self.shares.extract_if(.., |share| share.of_target).collect();
        let reached = record.attempts.last().map_or(0, |attempt| u64::from(attempt.reached()));
        left.iter().map(|share| note(share, reached, cost, self.used(record, cost, true))).collect()
    }

    /// The request is over: what it used, to each of those who held something for it.
    pub fn settle(self, record: &Record, answer: Cost) -> Vec<Note> {
        let last = last_bill(record, answer);
        let whole = self.billed.plus(last);
        let (reached, failed) = (reached(record), record.outcome == Outcome::Failed);
        let shares = self.shares.iter();
        let note = |share: &Share| {
            let bill = if share.of_target { last } else { whole };
            note(share, reached, bill, self.used(record, bill, failed))
        };
        shares.map(note).collect()
    }

    /// What no key was shown for, if any provider was asked.
    pub fn keyless(&self, record: &Record, answer: Cost) -> Option<(Used, Money)> {
        if record.key.is_some() || reached(record) == 0 {
            return None;
        }
        let bill = self.billed.plus(last_bill(record, answer));
        Some((self.used(record, bill, record.outcome == Outcome::Failed)?, bill.usd))
    }

    fn used(&self, record: &Record, bill: Bill, failed: bool) -> Option<Used> {
        let usage = record.usage.unwrap_or_default();
        let (provider, model) = (record.provider.to_owned(), record.model.clone());
        let cached = record.cache == crate::cache::Cached::Hit;
        let output = if cached { 0 } else { usage.output.min(bill.tokens) };
        let input = bill.tokens.saturating_sub(output);
        let metadata = self.metadata.clone();
        Some(Used { provider, model, input, output, unpriced: bill.unpriced, failed, cached, metadata })
    }
}

fn note(share: &Share, requests: u64, bill: Bill, used: Option<Used>) -> Note {
    let used = used.filter(|_| requests > 0);
    let settlement = Settlement { lease: share.lease.clone(), requests, tokens: bill.tokens, usd: bill.usd, used };
    Note { meter: share.meter.clone(), verb: Verb::Settle, body: serde_json::to_string(&settlement).unwrap_or_default() }
}

/// The same of a share that was granted in vain.
pub fn give_back(lease: String, meter: String) -> Note {
    let settlement = Settlement { lease, ..Settlement::default() };
    Note { meter, verb: Verb::Settle, body: serde_json::to_string(&settlement).unwrap_or_default() }
}

/// What the answer itself used. One that was given again costs nobody anything.
fn last_bill(record: &Record, answer: Cost) -> Bill {
    if record.cache == crate::cache::Cached::Hit {
        return Bill::default();
    }
    let tokens = record.usage.map_or(0, |usage| usage.input.saturating_add(usage.output));
    Bill::of(tokens, tokens, answer)
}

/// One request, if any provider was reached or had been before.
fn reached(record: &Record) -> u64 {
    let answered = record.attempts.iter().any(|attempt| attempt.asked && attempt.reached());
    u64::from(answered || record.cache == crate::cache::Cached::Hit)
}
