//! The counters of one holder. Time never goes back here: an earlier one counts as the last one seen.
//!
//! A lease is what a request has reserved, at the worst: its share of the limits, and of the budgets. When it is settled,
//! limits get back what was not used, where it had been taken from; budgets are charged what was. One that nobody settles
//! in time gives back what it held of the budgets; when it is settled after all, it is charged as if in time.

mod refusal;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::ask::{Ask, Left, Settlement, Verdict};
use super::lease::{Lease, Taken};
use super::purse::{self, Purse};
use super::rules::{Amount, Budget, Limit, Rules, Span, What};
use super::window::Window;
use crate::catalog::Money;
use crate::order;
use crate::wire::lean;

/// Until a lease is lost that says nothing else.
const LEASE_MS: u64 = 30 * 60_000;
const LONGEST_LEASE_MS: u64 = 24 * 3_600_000;
/// For how long a lost lease may still be settled, and how many are remembered.
const LOST_MS: u64 = 24 * 3_600_000;
const MOST_LOST: usize = 1_024;

#[derive(Clone, Debug, Default)]
pub struct Meter {
    counters: Counters,
    leases: BTreeMap<String, Lease>,
    /// When each is lost, and when each of the lost is forgotten.
    ends: BTreeSet<(u64, String)>,
    forgets: BTreeSet<(u64, String)>,
    /// What all leases hold of the budgets.
    held: Held,
    /// Of late.
    lost: Lost,
    /// Leases that are not what was last read or written.
    changed: BTreeSet<String>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Counters {
    #[serde(rename = "t")]
    now: u64,
    #[serde(rename = "w", default)]
    windows: Vec<(What, Span, Window)>,
    #[serde(rename = "b", default)]
    purse: Purse,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Held {
    pub usd: Money,
    pub tokens: u64,
}

/// What was held by leases that nobody settled in time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lost {
    pub leases: u64,
    pub held: Held,
}

/// Somebody is to be told that a share of a budget is spent.
#[derive(Clone, Debug, PartialEq)]
pub struct Alert {
    pub budget: Budget,
    /// In thousandths.
    pub share: u16,
    pub spent: Amount,
}

/// What came of a settlement.
#[derive(Debug, Default, PartialEq)]
pub struct Settled {
    /// There was such a lease: it is settled now, and never again.
    pub counts: bool,
    pub alerts: Vec<Alert>,
}

impl Meter {
    /// All of it, or nothing. More for the same lease comes on top.
    pub fn ask(&mut self, rules: &Rules, ask: &Ask, now: u64) -> Verdict {
        let now = self.pass(now);
        if let Some(refused) = self.refusal(rules, ask, now) {
            return Verdict::Refused(refused);
        }
        let mut counted = Vec::new();
        for limit in &rules.limits {
            let key = (limit.what, limit.per);
            if !counted.contains(&key) {
                counted.push(key);
                self.take(limit.what, limit.per, now, ask.of(limit.what));
            }
        }
        self.hold(ask, Taken::new(now, ask.requests, ask.tokens, &counted), now);
        Verdict::Granted(self.rest(rules, now))
    }

    fn hold(&mut self, ask: &Ask, taken: Taken, now: u64) {
        let mut lease = self.drop_lease(&ask.lease).unwrap_or_default();
        // A lost one would have been remembered for longer than it lasts now.
        let known_ends = if lease.lost { 0 } else { lease.ends };
        lease.lost = false;
        lease.ends = known_ends.max(now + ask.lasts_ms.unwrap_or(LEASE_MS).min(LONGEST_LEASE_MS));
        lease.usd = lease.usd.saturating_add(ask.usd);
        lease.tokens = lease.tokens.saturating_add(ask.most());
        lease.take(taken);
        self.keep_lease(ask.lease.clone(), lease);
    }

    /// Charges what was used and gives back what was not. What is settled already changes nothing.
    pub fn settle(&mut self, rules: &Rules, settlement: &Settlement, now: u64) -> Settled {
        let now = self.pass(now);
        let Some(lease) = self.drop_lease(&settlement.lease) else { return Settled::default() };
        for (what, used) in [(What::Requests, settlement.requests), (What::Tokens, settlement.tokens)] {
            self.correct(rules, what, &lease, used, now);
        }
        self.counters.purse.spend(settlement.usd, settlement.tokens);
        let mut alerts = Vec::new();
        for budget in &rules.budgets {
            let spent = self.spent(budget);
            let told = |share| Alert { budget: budget.clone(), share, spent };
            alerts.extend(self.counters.purse.reaches(budget).into_iter().map(told));
        }
        Settled { counts: true, alerts }
    }

    /// What was reserved too much goes back, the last first; what was reserved too little is taken now, whether or not
    /// there is as much.
    fn correct(&mut self, rules: &Rules, what: What, lease: &Lease, used: u64, now: u64) {
        let reserved: u64 = lease.taken.iter().map(|taken| taken.of(what)).sum();
        let mut back = reserved.saturating_sub(used);
        for taken in lease.taken.iter().rev() {
            let share = back.min(taken.of(what));
            back -= share;
            for (_, span, window) in self.counters.windows.iter_mut().filter(|(of, span, _)| *of == what && taken.counted(what, *span)) {
                window.give(*span, taken.at, share);
            }
        }
        let debt = used.saturating_sub(reserved);
        let mut spans: Vec<Span> = rules.limits.iter().filter(|limit| limit.what == what).map(|limit| limit.per).collect();
        order::sort(&mut spans, |one, other| one < other);
        spans.dedup();
        for span in spans {
            self.take(what, span, now, debt);
        }
    }

    /// What is left of each limit.
    pub fn left(&mut self, rules: &Rules, now: u64) -> Vec<Left> {
        let now = self.pass(now);
        self.rest(rules, now)
    }

    fn rest(&self, rules: &Rules, now: u64) -> Vec<Left> {
        let left = |limit: &Limit| {
            let Limit { what, per, max, .. } = *limit;
            let window = self.known_window(what, per);
            let (used, reset_ms) = window.map(|window| (window.used(), window.sinks_to(0, per, now))).unwrap_or_default();
            Left { what, per, max, left: max.saturating_sub(used), reset_ms }
        };
        rules.limits.iter().map(left).collect()
    }

    /// What was spent of a budget in its period.
    fn spent(&self, budget: &Budget) -> Amount {
        match budget.amount {
            Amount::Usd(_) => Amount::Usd(self.counters.purse.usd(budget.per)),
            Amount::Tokens(_) => Amount::Tokens(self.counters.purse.tokens(budget.per)),
        }
    }

    /// What was spent of a budget in its period, and when the next one begins.
    pub fn stands(&mut self, budget: &Budget, now: u64) -> (Amount, Option<u64>) {
        let now = self.pass(now);
        (self.spent(budget), purse::until(budget.per, now))
    }

    pub fn held(&self) -> Held {
        self.held
    }

    /// The last time seen, or this one: what ends by then is over.
    fn pass(&mut self, now: u64) -> u64 {
        let now = now.max(self.counters.now);
        self.counters.now = now;
        for (_, span, window) in &mut self.counters.windows {
            window.pass(*span, now);
        }
        self.counters.windows.retain(|(.., window)| !window.is_empty());
        self.counters.purse.pass(now);
        self.lose(now);
        now
    }

    /// What nobody settled in time is free again. Too long after that it is forgotten.
    fn lose(&mut self, now: u64) {
        while let Some((_, id)) = self.ends.first().filter(|(at, _)| *at <= now).cloned() {
            let Some(lease) = self.drop_lease(&id) else { break };
            self.lost.leases += 1;
            self.lost.held = self.lost.held.and(Held { usd: lease.usd, tokens: lease.tokens });
            self.keep_lease(id, Lease { usd: Money::ZERO, tokens: 0, lost: true, ends: now + LOST_MS, ..lease });
        }
        while let Some((_, id)) = self.forgets.first().filter(|(at, _)| *at <= now || self.forgets.len() > MOST_LOST).cloned() {
            if self.drop_lease(&id).is_none() {
                break;
            }
        }
    }

    /// Lets time pass, and tells what was lost since this was last asked.
    pub fn lost(&mut self, now: u64) -> Lost {
        self.pass(now);
        std::mem::take(&mut self.lost)
    }

    /// When something ends by itself.
    pub fn next_end(&self) -> Option<u64> {
        [&self.ends, &self.forgets].into_iter().filter_map(|ends| ends.first()).map(|(at, _)| *at).min()
    }

    /// Counts anew. What is still held is held on.
    pub fn reset(&mut self) {
        self.counters = Counters { now: self.counters.now, ..Counters::default() };
    }

    fn take(&mut self, what: What, per: Span, now: u64, count: u64) {
        let windows = &mut self.counters.windows;
        match windows.iter_mut().find(|(of, span, _)| (*of, *span) == (what, per)) {
            Some((.., window)) => window.take(per, now, count),
            None => {
                let mut window = Window::default();
                window.take(per, now, count);
                windows.push((what, per, window));
            }
        }
    }

    fn known_window(&self, what: What, per: Span) -> Option<&Window> {
        self.counters.windows.iter().find(|(of, span, _)| (*of, *span) == (what, per)).map(|(.., window)| window)
    }

    fn keep_lease(&mut self, id: String, lease: Lease) {
        let (ends, held) = (if lease.lost { &mut self.forgets } else { &mut self.ends }, Held { usd: lease.usd, tokens: lease.tokens });
        ends.insert((lease.ends, id.clone()));
        self.held = self.held.and(held);
        self.changed.insert(id.clone());
        self.leases.insert(id, lease);
    }

    fn drop_lease(&mut self, id: &str) -> Option<Lease> {
        let (id, lease) = self.leases.remove_entry(id)?;
        let key = (lease.ends, id);
        self.ends.remove(&key);
        self.forgets.remove(&key);
        self.held = self.held.without(Held { usd: lease.usd, tokens: lease.tokens });
        self.changed.insert(key.1);
        Some(lease)
    }
}

/// As it is kept: the counters in one row, each lease in one of its own, so that what many hold is not written anew with
/// each of them.
impl Meter {
    pub fn read(counters: Option<&str>, leases: impl IntoIterator<Item = (String, String)>) -> Self {
        let counters = counters.and_then(|json| lean::from_str(json).ok()).unwrap_or_default();
        let mut meter = Self { counters, ..Self::default() };
        for (id, json) in leases {
            if let Ok(lease) = lean::from_str(&json) {
                meter.keep_lease(id, lease);
            }
        }
        meter.changed.clear();
        meter
    }

    pub fn counters(&self) -> String {
        serde_json::to_string(&self.counters).unwrap_or_default()
    }

    /// The leases that changed since this was last asked; nothing for those that are no more.
    pub fn changes(&mut self) -> Vec<(String, Option<String>)> {
        let changed = std::mem::take(&mut self.changed);
        let row = |id: String| {
            let json = self.leases.get(&id).and_then(|lease| serde_json::to_string(lease).ok());
            (id, json)
        };
        changed.into_iter().map(row).collect()
    }
}

impl Held {
    fn and(self, other: Self) -> Self {
        Self { usd: self.usd.saturating_add(other.usd), tokens: self.tokens.saturating_add(other.tokens) }
    }

    fn without(self, other: Self) -> Self {
        Self { usd: self.usd.saturating_sub(other.usd), tokens: self.tokens.saturating_sub(other.tokens) }
    }
}
