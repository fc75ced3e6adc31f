//! What was spent in a day, week or month of the calendar, or ever.

use serde::{Deserialize, Serialize};

use super::rules::{Amount, Budget, Period};
use crate::catalog::Money;
use crate::time;

const DAY_MS: u64 = 86_400_000;
const PERIODS: [Period; 4] = [Period::Day, Period::Week, Period::Month, Period::Total];

/// Counted for every period, whether or not there is a budget: one that comes later knows what was spent before it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Purse(Vec<Spent>);

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Spent {
    #[serde(rename = "p")]
    period: Period,
    #[serde(rename = "s")]
    since: u64,
    #[serde(rename = "u")]
    usd: Money,
    #[serde(rename = "t")]
    tokens: u64,
    /// Of which amounts which shares were told of, in thousandths.
    #[serde(rename = "a", default, skip_serializing_if = "Vec::is_empty")]
    told: Vec<(bool, u128, u16)>,
}

impl Purse {
    /// Begins anew what has begun anew by the calendar.
    pub fn pass(&mut self, now: u64) {
        let of = |period| Spent { period, since: since(period, now), usd: Money::ZERO, tokens: 0, told: Vec::new() };
        if self.0.is_empty() {
            self.0 = PERIODS.into_iter().map(of).collect();
        }
        for spent in &mut self.0 {
            if spent.since != since(spent.period, now) {
                *spent = of(spent.period);
            }
        }
    }

    pub fn spend(&mut self, usd: Money, tokens: u64) {
        for spent in &mut self.0 {
            spent.usd = spent.usd.saturating_add(usd);
            spent.tokens = spent.tokens.saturating_add(tokens);
        }
    }

    pub fn usd(&self, period: Period) -> Money {
        self.of(period).map(|spent| spent.usd).unwrap_or_default()
    }

    pub fn tokens(&self, period: Period) -> u64 {
        self.of(period).map(|spent| spent.tokens).unwrap_or_default()
    }

    /// The shares of a budget that are reached and that nobody was told of in this period.
    pub fn reaches(&mut self, budget: &Budget) -> Vec<u16> {
        let Some(spent) = self.0.iter_mut().find(|spent| spent.period == budget.per) else { return Vec::new() };
        let (amount, told) = match budget.amount {
            Amount::Usd(max) => (Amount::Usd(spent.usd), (true, max.pico())),
            Amount::Tokens(max) => (Amount::Tokens(spent.tokens), (false, u128::from(max))),
        };
        let is_news = |share: &u16| budget.is_reached(*share, amount) && !spent.told.contains(&(told.0, told.1, *share));
        let news: Vec<u16> = budget.alerts.iter().copied().filter(is_news).collect();
        spent.told.extend(news.iter().map(|share| (told.0, told.1, *share)));
        news
    }

    fn of(&self, period: Period) -> Option<&Spent> {
        self.0.iter().find(|spent| spent.period == period)
    }
}

/// When a period began, in milliseconds since 1970.
pub fn since(period: Period, now: u64) -> u64 {
    let days = now / DAY_MS;
    let (year, month, _) = time::civil(days);
    match period {
        Period::Day => days * DAY_MS,
        // 1970 began on a Thursday.
        Period::Week => days.saturating_sub((days + 3) % 7) * DAY_MS,
        Period::Month => time::days_before(year, month) * DAY_MS,
        Period::Total => 0,
    }
}

/// When the next one begins.
pub fn until(period: Period, now: u64) -> Option<u64> {
    let began = since(period, now);
    let (year, month, _) = time::civil(now / DAY_MS);
    match period {
        Period::Day => Some(began + DAY_MS),
        // The week in which 1970 began had but four days of it.
        Period::Week => Some((began / DAY_MS + 7 - if began == 0 { 3 } else { 0 }) * DAY_MS),
        Period::Month if month == 12 => Some(time::days_before(year + 1, 1) * DAY_MS),
        Period::Month => Some(time::days_before(year, month + 1) * DAY_MS),
        Period::Total => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn periods_are_those_of_the_calendar() {
        for (at, period, from, to) in [
            ("2026-11-21T10:00:00Z", Period::Day, "2026-11-21", Some("2026-11-22")),
            ("2026-11-21T10:00:00Z", Period::Week, "2026-11-16", Some("2026-11-23")),
            ("2026-11-16T00:00:00Z", Period::Week, "2026-11-16", Some("2026-11-23")),
            ("2026-11-15T23:59:59.999Z", Period::Week, "2026-11-09", Some("2026-11-16")),
            ("2026-11-21T10:00:00Z", Period::Month, "2026-11-01", Some("2026-12-01")),
            ("2026-12-31T23:59:59Z", Period::Month, "2026-12-01", Some("2027-01-01")),
            ("2028-02-29T00:00:00Z", Period::Month, "2028-02-01", Some("2028-03-01")),
            ("2026-12-31T23:59:59Z", Period::Total, "1970-01-01", None),
            ("1970-01-02T00:00:00Z", Period::Week, "1970-01-01", Some("1970-01-05")),
            ("1970-01-05T00:00:00Z", Period::Week, "1970-01-05", Some("1970-01-12")),
        ] {
            let now = time::parse_ms(at).unwrap();
            assert_eq!(Some(since(period, now)), time::parse_ms(from), "{at} {period:?}");
            assert_eq!(until(period, now), to.map(|to| time::parse_ms(to).unwrap()), "{at} {period:?}");
        }
    }
}
