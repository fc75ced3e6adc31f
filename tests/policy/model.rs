//! What a meter should do, slow and obvious: a log of all that happened, added up each time.

use std::collections::BTreeMap;

use causeway::catalog::Money;
use causeway::policy::ask::{Ask, Settlement};
use causeway::policy::rules::{Amount, Budget, Limit, Period, Rules, Span, What};
use causeway::time;

const DAY_MS: u64 = 86_400_000;
const LEASE_MS: u64 = 1_800_000;

#[derive(Clone, Debug, Default)]
pub struct Model {
    pub now: u64,
    taken: Vec<Taken>,
    spent: Vec<(u64, Money, u64)>,
    leases: BTreeMap<String, Lease>,
}

#[derive(Clone, Debug)]
struct Taken {
    at: u64,
    lease: String,
    /// Settled; later takings of a lease of the same name are others.
    over: bool,
    debt: bool,
    what: What,
    spans: Vec<Span>,
    count: u64,
}

#[derive(Clone, Debug, Default)]
struct Lease {
    usd: Money,
    tokens: u64,
    ends: u64,
    lost: bool,
}

impl Model {
    pub fn pass(&mut self, now: u64) {
        self.now = self.now.max(now);
        let now = self.now;
        self.leases.retain(|_, lease| !(lease.lost && lease.ends <= now));
        for lease in self.leases.values_mut().filter(|lease| lease.ends <= now) {
            *lease = Lease { ends: now + DAY_MS, lost: true, ..Lease::default() };
        }
    }

    /// What is in use of a limit, where all is remembered for so much longer than its span.
    fn used(&self, limit: &Limit, longer: u64) -> u64 {
        let within = |taken: &&Taken| taken.at + limit.per.ms() + longer > self.now;
        let of = |taken: &&Taken| taken.what == limit.what && taken.spans.contains(&limit.per);
        self.taken.iter().filter(of).filter(within).map(|taken| taken.count).sum()
    }

    pub fn spent(&self, budget: &Budget) -> (Money, u64) {
        let spent = || self.spent.iter().filter(|(at, ..)| same(budget.per, *at, self.now));
        (spent().map(|(_, usd, _)| *usd).sum(), spent().map(|(.., tokens)| tokens).sum())
    }

    pub fn held(&self) -> (Money, u64) {
        (self.leases.values().map(|lease| lease.usd).sum(), self.leases.values().map(|lease| lease.tokens).sum())
    }

    /// Whether every rule lets this through; `longer` is how much later limits may forget than they could.
    pub fn lets(&self, rules: &Rules, ask: &Ask, longer: impl Fn(Span) -> u64) -> bool {
        let (held_usd, held_tokens) = self.held();
        let limits = rules.limits.iter().all(|limit| {
            let asked = asked(limit.what, ask);
            asked == 0 || self.used(limit, longer(limit.per)) + asked <= limit.max
        });
        let budgets = rules.budgets.iter().filter(|budget| budget.hard).all(|budget| match (budget.amount, self.spent(budget)) {
            (Amount::Usd(_), _) if ask.unpriced && !budget.unpriced => false,
            (Amount::Usd(max), (spent, _)) if ask.unpriced && ask.usd == Money::ZERO => spent.saturating_add(held_usd) < max,
            (Amount::Usd(max), (spent, _)) => ask.usd == Money::ZERO || spent.saturating_add(held_usd).saturating_add(ask.usd) <= max,
            (Amount::Tokens(max), (_, spent)) => ask.most() == 0 || spent + held_tokens + ask.most() <= max,
        });
        limits && budgets
    }

    pub fn grant(&mut self, rules: &Rules, ask: &Ask) {
        for what in [What::Requests, What::Tokens] {
            self.take(rules, &ask.lease, what, asked(what, ask), false);
        }
        let lease = self.leases.entry(ask.lease.clone()).or_default();
        // The time of a lost one was until it is forgotten.
        let ends = self.now + ask.lasts_ms.unwrap_or(LEASE_MS);
        lease.ends = if lease.lost { ends } else { lease.ends.max(ends) };
        lease.lost = false;
        lease.usd = lease.usd.saturating_add(ask.usd);
        lease.tokens += ask.most();
    }

    fn take(&mut self, rules: &Rules, lease: &str, what: What, count: u64, debt: bool) {
        let spans = rules.limits.iter().filter(|limit| limit.what == what).map(|limit| limit.per).collect();
        self.taken.push(Taken { at: self.now, lease: lease.to_owned(), over: debt, debt, what, spans, count });
    }

    /// Whether that changes anything.
    pub fn settle(&mut self, rules: &Rules, settlement: &Settlement) -> bool {
        if self.leases.remove(&settlement.lease).is_none() {
            return false;
        }
        for (what, used) in [(What::Requests, settlement.requests), (What::Tokens, settlement.tokens)] {
            let of_lease = |taken: &&mut Taken| taken.lease == settlement.lease && taken.what == what && !taken.over;
            let reserved: u64 = self.taken.iter_mut().filter(of_lease).map(|taken| taken.count).sum();
            let mut back = reserved.saturating_sub(used);
            for taken in self.taken.iter_mut().rev().filter(of_lease) {
                let share = back.min(taken.count);
                taken.count -= share;
                back -= share;
                taken.over = true;
            }
            self.take(rules, &settlement.lease, what, used.saturating_sub(reserved), true);
        }
        // What was forgotten is not taken for that of a later lease of the same name.
        self.spent.push((self.now, settlement.usd, settlement.tokens));
        true
    }

    /// A lease of that name would be a new one.
    pub fn is_over(&mut self, id: &str) -> bool {
        let over = !self.leases.contains_key(id);
        if over {
            self.taken.iter_mut().filter(|taken| taken.lease == id).for_each(|taken| taken.over = true);
        }
        over
    }

    /// The most that was ever taken of a limit within any span of its length, but for debts.
    pub fn most(&self, limit: &Limit) -> u64 {
        let mut most = 0;
        let (mut sum, mut first) = (0, 0);
        let taken: Vec<&Taken> =
            self.taken.iter().filter(|taken| !taken.debt && taken.what == limit.what && taken.spans.contains(&limit.per)).collect();
        for last in &taken {
            sum += last.count;
            while taken[first].at + limit.per.ms() <= last.at {
                sum -= taken[first].count;
                first += 1;
            }
            most = most.max(sum);
        }
        most
    }

    pub fn open(&self) -> Vec<String> {
        self.leases.keys().cloned().collect()
    }
}

fn asked(what: What, ask: &Ask) -> u64 {
    if what == What::Requests { ask.requests } else { ask.tokens }
}

/// Whether two times are in the same period of the calendar.
fn same(period: Period, one: u64, other: u64) -> bool {
    let (one, other) = (one / DAY_MS, other / DAY_MS);
    match period {
        Period::Day => one == other,
        Period::Week => (one + 3) / 7 == (other + 3) / 7,
        Period::Month => (time::civil(one).0, time::civil(one).1) == (time::civil(other).0, time::civil(other).1),
        Period::Total => true,
    }
}
