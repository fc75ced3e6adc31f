//! Limits and budgets, as they are written: what may be used in which time.

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::catalog::Money;
use crate::error::Result;
use crate::order;
use crate::section::{Section, wrong};

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rules {
    pub limits: Vec<Limit>,
    pub budgets: Vec<Budget>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    Requests,
    Tokens,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Span {
    Second,
    Minute,
    Hour,
    Day,
}

/// At most so many within any such span of time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limit {
    pub what: What,
    pub per: Span,
    pub max: u64,
    /// Each value of this field of the metadata has a limit of its own.
    pub by: Option<String>,
}

/// A day, week (from Monday) or month of the calendar, in UTC, or for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Period {
    Day,
    Week,
    Month,
    Total,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(untagged)]
pub enum Amount {
    Usd(Money),
    Tokens(u64),
}

#[derive(Clone, Debug, PartialEq)]
pub struct Budget {
    pub amount: Amount,
    pub per: Period,
    /// What would exceed it is refused; else it is only told of.
    pub hard: bool,
    /// Shares of it, in thousandths, at which somebody is told.
    pub alerts: Vec<u16>,
    /// Who.
    pub webhook: Option<String>,
    /// Models on which nobody has put a price may be used all the same.
    pub unpriced: bool,
    pub by: Option<String>,
}

const WHATS: &[(&str, What)] = &[("requests", What::Requests), ("tokens", What::Tokens)];
const SPANS: &[(&str, Span)] = &[("second", Span::Second), ("minute", Span::Minute), ("hour", Span::Hour), ("day", Span::Day)];
const PERIODS: &[(&str, Period)] = &[("day", Period::Day), ("week", Period::Week), ("month", Period::Month), ("total", Period::Total)];

/// More rules than this are a mistake.
const MOST: usize = 16;
/// Large enough for any purpose, small enough that sums do not overflow.
const LARGEST: u64 = 1_000_000_000_000;

impl Rules {
    /// Reads `limits` and `budgets`.
    pub fn read(section: &mut Section<'_>) -> Result<Self> {
        let most = |name: &'static str, path: String| {
            move |count: usize| if count <= MOST { Ok(()) } else { Err(wrong(&path, &format!("at most {MOST} {name}"))) }
        };
        let limits = section.items("limits")?.unwrap_or_default();
        most("limits", section.path_of("limits"))(limits.len())?;
        let budgets = section.items("budgets")?.unwrap_or_default();
        most("budgets", section.path_of("budgets"))(budgets.len())?;
        let limits = limits.into_iter().map(Limit::read).collect::<Result<Vec<_>>>()?;
        let budgets = budgets.into_iter().map(Budget::read).collect::<Result<Vec<_>>>()?;
        Ok(Self { limits, budgets })
    }

    pub fn is_empty(&self) -> bool {
        self.limits.is_empty() && self.budgets.is_empty()
    }

    /// What holds for the holder as a whole.
    pub fn own(&self) -> Self {
        self.of(None)
    }

    /// What holds for each value of a field of the metadata.
    pub fn of(&self, by: Option<&str>) -> Self {
        let limits = self.limits.iter().filter(|limit| limit.by.as_deref() == by).cloned().collect();
        let budgets = self.budgets.iter().filter(|budget| budget.by.as_deref() == by).cloned().collect();
        Self { limits, budgets }
    }

    /// As they are written.
    pub fn json(&self) -> String {
        let limits = self.limits.iter().map(|Limit { what, per, max, .. }| json!({ "type": what, "per": per, "max": max }));
        let budgets = self.budgets.iter().map(|budget| {
            let mut fields = json!({ "per": budget.per, "hard": budget.hard, "webhook": budget.webhook });
            let shares: Vec<f64> = budget.alerts.iter().map(|share| f64::from(*share) / 1_000.0).collect();
            let (name, amount) = match budget.amount {
                Amount::Usd(money) => ("usd", json!(money)),
                Amount::Tokens(tokens) => ("tokens", json!(tokens)),
            };
            if let Some(fields) = fields.as_object_mut() {
                fields.insert(name.to_owned(), amount);
                fields.insert("alerts".to_owned(), json!(shares));
                fields.insert("unpriced".to_owned(), if budget.unpriced { "allow" } else { "refuse" }.into());
            }
            fields
        });
        json!({ "limits": limits.collect::<Vec<_>>(), "budgets": budgets.collect::<Vec<_>>() }).to_string()
    }

    /// The fields of the metadata by whose values something is counted.
    pub fn fields(&self) -> Vec<&str> {
        let limits = self.limits.iter().filter_map(|limit| limit.by.as_deref());
        let mut fields: Vec<&str> = limits.chain(self.budgets.iter().filter_map(|budget| budget.by.as_deref())).collect();
        order::sort(&mut fields, |one, other| one < other);
        fields.dedup();
        fields
    }
}

impl Limit {
    fn read(mut section: Section<'_>) -> Result<Self> {
        let what = required(section.choice("type", WHATS)?, &section.path_of("type"), &names(WHATS))?;
        let per = required(section.choice("per", SPANS)?, &section.path_of("per"), &names(SPANS))?;
        let max = required(section.count("max", 0, LARGEST)?, &section.path_of("max"), "a whole number")?;
        let by = by(&mut section)?;
        section.end()?;
        Ok(Self { what, per, max, by })
    }
}

impl Budget {
    fn read(mut section: Section<'_>) -> Result<Self> {
        let usd = section.money("usd")?.map(Amount::Usd);
        let tokens = section.count("tokens", 0, LARGEST)?.map(Amount::Tokens);
        let path = section.path.clone();
        let amount = match (usd, tokens) {
            (Some(amount), None) | (None, Some(amount)) => amount,
            _ => return Err(wrong(&path, "either `usd`, as a decimal string, or `tokens`")),
        };
        let per = required(section.choice("per", PERIODS)?, &section.path_of("per"), &names(PERIODS))?;
        let hard = section.flag("hard")?.unwrap_or(true);
        let alerts = section.numbers("alerts", 0.001, 1.0)?.unwrap_or_default();
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 1 and 1000")]
        let mut alerts: Vec<u16> = alerts.into_iter().map(|share| (share * 1_000.0).round() as u16).collect();
        order::sort(&mut alerts, |one, other| one < other);
        alerts.dedup();
        let webhook = section.text("webhook")?;
        let is_address = |url: &str| (url.starts_with("https://") || url.starts_with("http://")) && url.len() <= 2_048;
        if webhook.as_deref().is_some_and(|url| !is_address(url)) {
            return Err(wrong(&section.path_of("webhook"), "an address that begins with `https://`"));
        }
        let unpriced = section.choice("unpriced", &[("refuse", false), ("allow", true)])?.unwrap_or(false);
        let by = by(&mut section)?;
        section.end()?;
        Ok(Self { amount, per, hard, alerts, webhook, unpriced, by })
    }
}

impl Budget {
    /// Whether a share of it, in thousandths, is spent.
    pub fn is_reached(&self, share: u16, spent: Amount) -> bool {
        let whole = |amount: Amount| match amount {
            Amount::Usd(money) => money.pico(),
            Amount::Tokens(tokens) => tokens.into(),
        };
        whole(spent).saturating_mul(1_000) >= whole(self.amount).saturating_mul(share.into())
    }
}

/// `metadata._user`, or `_user` for short.
fn by(section: &mut Section<'_>) -> Result<Option<String>> {
    let field = section.text("by")?;
    let field = field.map(|field| field.strip_prefix("metadata.").unwrap_or(&field).to_owned());
    match field {
        Some(field) if field.is_empty() || field.len() > 64 => {
            Err(wrong(&section.path_of("by"), "a field of the metadata, such as `metadata._user`"))
        }
        field => Ok(field),
    }
}

fn required<T>(value: Option<T>, path: &str, what: &str) -> Result<T> {
    value.ok_or_else(|| wrong(path, what))
}

fn names<T>(words: &[(&str, T)]) -> String {
    words.iter().map(|(word, _)| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}

impl What {
    pub fn word(self) -> &'static str {
        word(WHATS, self)
    }
}

impl Span {
    pub fn word(self) -> &'static str {
        word(SPANS, self)
    }

    pub fn ms(self) -> u64 {
        match self {
            Span::Second => 1_000,
            Span::Minute => 60_000,
            Span::Hour => 3_600_000,
            Span::Day => 86_400_000,
        }
    }
}

impl Amount {
    pub fn unit(self) -> &'static str {
        match self {
            Amount::Usd(_) => "usd",
            Amount::Tokens(_) => "tokens",
        }
    }
}

impl Period {
    pub fn word(self) -> &'static str {
        word(PERIODS, self)
    }
}

fn word<T: PartialEq>(words: &[(&'static str, T)], value: T) -> &'static str {
    words.iter().find(|(_, known)| *known == value).map_or("", |(word, _)| word)
}
