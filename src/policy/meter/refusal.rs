//! What a meter refuses: by which rule, and when to come back.

use super::Meter;
use crate::catalog::Money;
use crate::policy::ask::{Ask, Broken, Refused};
use crate::policy::lease::Lease;
use crate::policy::purse;
use crate::policy::rules::{Amount, Budget, Limit, Period, Rules};
use crate::policy::window::Window;

impl Meter {
    /// Why not, and when: by the rule that has to be waited for the longest.
    pub(super) fn refusal(&self, rules: &Rules, ask: &Ask, now: u64) -> Option<Refused> {
        let limits = rules.limits.iter().filter_map(|limit| self.over_limit(limit, ask, now));
        let budgets = rules.budgets.iter().filter_map(|budget| self.over_budget(budget, ask, now));
        let broken: Vec<_> = limits.chain(budgets).collect();
        let (by, retry_ms) = broken.into_iter().max_by_key(|(_, retry)| retry.unwrap_or(u64::MAX))?;
        Some(Refused { by, retry_ms, left: self.rest(rules, now) })
    }

    fn over_limit(&self, limit: &Limit, ask: &Ask, now: u64) -> Option<(Broken, Option<u64>)> {
        let Limit { what, per, max, .. } = *limit;
        let asked = ask.of(what);
        let window = self.known_window(what, per);
        if asked == 0 || window.map(Window::used).unwrap_or_default().saturating_add(asked) <= max {
            return None;
        }
        let most = max.checked_sub(asked);
        let retry = most.map(|most| window.map(|window| window.sinks_to(most, per, now)).unwrap_or_default());
        Some((Broken::Limit { what, per, max, asked }, retry))
    }

    fn over_budget(&self, budget: &Budget, ask: &Ask, now: u64) -> Option<(Broken, Option<u64>)> {
        let (spent, held) = (self.spent(budget), self.held);
        let per = budget.per;
        match (budget.amount, spent) {
            _ if !budget.hard => None,
            (Amount::Usd(_), _) if ask.unpriced && !budget.unpriced => Some((Broken::Unpriced, None)),
            (Amount::Tokens(_), _) if ask.uncounted && !budget.unpriced => Some((Broken::Uncounted, None)),
            (Amount::Usd(max), Amount::Usd(spent)) => {
                // What has no price costs something all the same.
                let asked = if ask.unpriced { ask.usd.max(Money::from_pico(1)) } else { ask.usd };
                let room = Room { max: max.pico(), spent: spent.pico(), held: held.usd.pico(), asked: asked.pico() };
                let retry = room.is_short().then(|| self.frees(&room, per, now, |lease| lease.usd.pico()))?;
                Some((Broken::Usd { per, max, spent: spent.saturating_add(held.usd), asked: ask.usd }, retry))
            }
            (Amount::Tokens(max), Amount::Tokens(spent)) => {
                let room = Room { max: max.into(), spent: spent.into(), held: held.tokens.into(), asked: ask.most().into() };
                let retry = room.is_short().then(|| self.frees(&room, per, now, |lease| lease.tokens.into()))?;
                Some((Broken::Tokens { per, max, spent: spent.saturating_add(held.tokens), asked: ask.most() }, retry))
            }
            _ => None,
        }
    }

    /// In how many milliseconds there is room, if nobody settles or asks until then.
    fn frees(&self, room: &Room, per: Period, now: u64, of: impl Fn(&Lease) -> u128) -> Option<u64> {
        let anew = purse::until(per, now);
        let mut held = room.held;
        let ends = self.ends.iter().map(|(at, id)| (*at, self.leases.get(id).map(&of).unwrap_or_default()));
        let mut times: Vec<(u64, u128)> = ends.collect();
        if let Some(anew) = anew {
            times.insert(times.partition_point(|(at, _)| *at < anew), (anew, 0));
        }
        for (at, freed) in times {
            held = held.saturating_sub(freed);
            let spent = if anew.is_some_and(|anew| anew <= at) { 0 } else { room.spent };
            if !(Room { spent, held, ..*room }).is_short() {
                return Some(at.saturating_sub(now));
            }
        }
        None
    }
}

/// Of a budget: whether what is asked fits into it.
#[derive(Clone, Copy)]
struct Room {
    max: u128,
    spent: u128,
    held: u128,
    asked: u128,
}

impl Room {
    /// What asks for nothing fits even where too much was spent.
    fn is_short(&self) -> bool {
        self.asked > 0 && self.spent.saturating_add(self.held).saturating_add(self.asked) > self.max
    }
}
