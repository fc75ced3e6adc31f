//! Random interleavings of all that can happen to a meter. Each episode has a seed, and says it when it fails.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use causeway::catalog::Money;
use causeway::policy::ask::{Ask, Settlement, Verdict};
use causeway::policy::meter::Meter;
use causeway::policy::rules::{Amount, Budget, Limit, Period, Rules, Span, What};

use crate::model::Model;

/// Steps in all; a build for speed takes millions.
const STEPS: u64 = if cfg!(debug_assertions) { 200_000 } else { 4_000_000 };
const EPISODE: u64 = 100;
const SPANS: [Span; 4] = [Span::Second, Span::Minute, Span::Hour, Span::Day];
const PERIODS: [Period; 4] = [Period::Day, Period::Week, Period::Month, Period::Total];
const YEARS: u64 = 10 * 366 * 86_400_000;

/// SplitMix64.
struct Chance(u64);

impl Chance {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % end
    }

    fn once_in(&mut self, times: u64) -> bool {
        self.below(times) == 0
    }

    fn one<T: Copy>(&mut self, all: &[T]) -> T {
        let at = self.below(all.len() as u64);
        all[usize::try_from(at).unwrap()]
    }

    fn rules(&mut self) -> Rules {
        let limits = (0..self.below(4)).map(|_| {
            let what = self.one(&[What::Requests, What::Tokens]);
            let most = if what == What::Requests { 12 } else { 200 };
            Limit { what, per: self.one(&SPANS), max: self.below(most), by: None }
        });
        let limits = limits.collect();
        let budgets = (0..self.below(4)).map(|_| {
            let amount = if self.once_in(2) { Amount::Usd(usd(self.below(2_000))) } else { Amount::Tokens(self.below(1_500)) };
            let (hard, unpriced) = (!self.once_in(4), self.once_in(2));
            Budget { amount, per: self.one(&PERIODS), hard, alerts: vec![500, 1_000], webhook: None, unpriced, by: None }
        });
        Rules { limits, budgets: budgets.collect() }
    }

    /// Mostly nearly no time, now and then a good part of a span, seldom days, and seldom it goes back.
    fn step(&mut self, now: u64) -> u64 {
        match self.below(40) {
            0 => now.saturating_sub(self.below(100_000)),
            1 => now + self.below(40 * 86_400_000),
            2..5 => now + self.below(3_600_000),
            5..10 => now + self.below(60_000),
            10..20 => now + self.below(1_000),
            20..30 => now + self.below(30),
            _ => now,
        }
    }

    fn lease(&mut self) -> String {
        format!("lease{}", self.below(12))
    }

    fn ask(&mut self) -> Ask {
        let unpriced = self.once_in(12);
        Ask {
            lease: self.lease(),
            requests: self.one(&[1, 1, 1, 0, 2]),
            tokens: self.below(40),
            most: self.below(60),
            usd: if unpriced { Money::ZERO } else { usd(self.below(100)) },
            unpriced,
            lasts_ms: self.once_in(3).then(|| self.below(100_000)),
            ..Ask::default()
        }
    }

    /// Aborted before it began, less than asked, as asked, or more.
    fn settlement(&mut self) -> Settlement {
        let share = self.one(&[0, 10, 40, 60]);
        Settlement {
            lease: self.lease(),
            requests: self.one(&[1, 1, 0, 3]),
            tokens: self.below(share + 1),
            usd: usd(self.below(2 * share + 1)),
            used: None,
        }
    }
}

fn usd(thousandths: u64) -> Money {
    Money::from_pico(u128::from(thousandths) * 1_000_000_007)
}

/// What a storage keeps.
#[derive(Default)]
struct Shelf {
    counters: String,
    leases: BTreeMap<String, String>,
}

impl Shelf {
    fn keep(&mut self, meter: &mut Meter) {
        self.counters = meter.counters();
        for (id, lease) in meter.changes() {
            match lease {
                Some(lease) => self.leases.insert(id, lease),
                None => self.leases.remove(&id),
            };
        }
    }

    fn wake(&self) -> Meter {
        Meter::read(Some(&self.counters), self.leases.clone())
    }
}

struct Episode {
    chance: Chance,
    rules: Rules,
    /// The rules stay as they are, so that the whole of it can be looked at in the end.
    steady: bool,
    now: u64,
    meter: Meter,
    model: Model,
    shelf: Shelf,
}

impl Episode {
    fn new(seed: u64) -> Self {
        let mut chance = Chance(seed);
        let rules = chance.rules();
        let steady = chance.once_in(2);
        let now = 1_795_219_200_000 + chance.below(100 * 86_400_000);
        Self { chance, rules, steady, now, meter: Meter::default(), model: Model::default(), shelf: Shelf::default() }
    }

    fn step(&mut self) {
        self.now = self.chance.step(self.now);
        self.model.pass(self.now);
        match self.chance.below(20) {
            0..9 => self.ask(),
            9..17 => self.settle(),
            17 if !self.steady => self.rules = self.chance.rules(),
            18 => self.meter = self.woken(),
            _ => {
                self.meter.lost(self.now);
            }
        }
        self.compare();
    }

    fn ask(&mut self) {
        let ask = self.chance.ask();
        self.model.is_over(&ask.lease);
        let before = self.meter.clone();
        match self.meter.ask(&self.rules, &ask, self.now) {
            Verdict::Granted(left) => {
                assert!(self.model.lets(&self.rules, &ask, |_| 0), "over: {ask:?}");
                assert_eq!(left.len(), self.rules.limits.len());
                self.model.grant(&self.rules, &ask);
            }
            Verdict::Refused(refused) => {
                assert!(!self.model.lets(&self.rules, &ask, cell), "refused for nothing: {ask:?} {refused:?}");
                let lets_at = |at: u64| matches!(before.clone().ask(&self.rules, &ask, at), Verdict::Granted(_));
                let now = self.model.now;
                match refused.retry_ms {
                    Some(ms) => assert!(lets_at(now + ms) && !lets_at(now + ms - 1), "not in {ms} ms: {ask:?} {refused:?}"),
                    None => assert!(!lets_at(now + YEARS), "refused for ever: {ask:?} {refused:?}"),
                }
            }
            verdict => panic!("{verdict:?}"),
        }
    }

    fn settle(&mut self) {
        let mut settlement = self.chance.settlement();
        let open = self.model.open();
        if !open.is_empty() && !self.chance.once_in(4) {
            settlement.lease = open[usize::try_from(self.chance.below(open.len() as u64)).unwrap()].clone();
        }
        let expected = self.model.settle(&self.rules, &settlement);
        assert_eq!(self.meter.settle(&self.rules, &settlement, self.now).counts, expected, "{settlement:?}");
        if self.chance.once_in(4) {
            assert!(!self.meter.settle(&self.rules, &settlement, self.now).counts, "settled twice: {settlement:?}");
        }
    }

    fn woken(&mut self) -> Meter {
        self.shelf.keep(&mut self.meter);
        let woken = self.shelf.wake();
        assert_eq!(woken.counters(), self.meter.counters());
        assert_eq!(woken.next_end(), self.meter.next_end());
        woken
    }

    fn compare(&mut self) {
        // A lease may last for no time at all.
        self.model.pass(self.now);
        self.meter.lost(self.now);
        let held = self.meter.held();
        assert_eq!((held.usd, held.tokens), self.model.held());
        for budget in &self.rules.budgets {
            let (usd, tokens) = self.model.spent(budget);
            let expected = if matches!(budget.amount, Amount::Usd(_)) { Amount::Usd(usd) } else { Amount::Tokens(tokens) };
            assert_eq!(self.meter.stands(budget, self.now).0, expected, "{budget:?}");
        }
    }

    /// In the end nothing is held, and all that was taken is free again.
    fn end(mut self) {
        if self.steady {
            for limit in &self.rules.limits {
                let most = self.model.most(limit);
                let least =
                    self.rules.limits.iter().filter(|other| (other.what, other.per) == (limit.what, limit.per)).map(|other| other.max);
                assert!(most <= least.min().unwrap(), "{most} within a span: {limit:?}");
            }
        }
        let later = self.model.now + 2 * 86_400_000;
        for limit in self.meter.left(&self.rules, later) {
            assert_eq!((limit.left, limit.reset_ms), (limit.max, 0));
        }
        assert_eq!((self.meter.held().usd, self.meter.held().tokens), (Money::ZERO, 0));
        assert_eq!(self.meter.next_end().filter(|at| *at <= later), None);
        self.meter.left(&self.rules, later + 2 * 86_400_000);
        self.shelf.keep(&mut self.meter);
        assert_eq!(self.shelf.leases, BTreeMap::new());
        assert!(self.shelf.counters.contains("\"w\":[]"), "{}", self.shelf.counters);
    }
}

/// By how much later than it could a limit may forget.
fn cell(span: Span) -> u64 {
    if span == Span::Second { 20 } else { span.ms() / 60 }
}

#[test]
fn whatever_happens_nothing_is_over_and_nothing_leaks() {
    for seed in 0..STEPS / EPISODE {
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            let mut episode = Episode::new(seed);
            for _ in 0..EPISODE {
                episode.step();
            }
            episode.end();
        }));
        if let Err(panic) = outcome {
            println!("in the episode of seed {seed}");
            resume_unwind(panic);
        }
    }
}
