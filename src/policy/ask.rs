//! What a request asks of the meters of its holders before it runs, what they say, and what it tells them afterwards.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::rules::{Period, Span, What};
use crate::catalog::Money;
pub use crate::lease::{Settlement, Used};

/// A share of what there is. The same lease may be asked more of: then this is what comes on top.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Ask {
    /// What it is settled by.
    pub lease: String,
    /// Of the holder's definition, as far as the asker knows. Nothing of the counters of a value of the metadata: those
    /// have no definition, and go by the rules that come along.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rules: Option<Box<RawValue>>,
    #[serde(default)]
    pub requests: u64,
    /// As limits count them: most likely.
    #[serde(default)]
    pub tokens: u64,
    /// As budgets count them: at the very most.
    #[serde(default)]
    pub most: u64,
    /// At the worst.
    #[serde(default)]
    pub usd: Money,
    /// Nobody has put a price on it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unpriced: bool,
    /// Nobody here will hear how many tokens it took.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub uncounted: bool,
    /// For how long it is held if nobody settles it: half an hour where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lasts_ms: Option<u64>,
}

impl Ask {
    /// As limits count it.
    pub fn of(&self, what: What) -> u64 {
        match what {
            What::Requests => self.requests,
            What::Tokens => self.tokens,
        }
    }

    pub fn most(&self) -> u64 {
        self.most.max(self.tokens)
    }
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    Granted(Vec<Left>),
    Refused(Refused),
    /// Nothing was granted, because the holder's definition is this by now.
    Stale(Box<RawValue>),
    /// There is no such holder, or no longer.
    Gone,
}

/// What is left of a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Left {
    pub what: What,
    pub per: Span,
    pub max: u64,
    pub left: u64,
    /// Until all of it is free again.
    pub reset_ms: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    pub by: Broken,
    /// When to come back; nothing where that helps nobody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_ms: Option<u64>,
    /// What is left of the limits.
    #[serde(default)]
    pub left: Vec<Left>,
}

/// The rule that would have been broken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Broken {
    /// `asked` is more than there is now, or than there ever is.
    Limit {
        what: What,
        per: Span,
        max: u64,
        asked: u64,
    },
    /// `spent` or reserved by others.
    Usd {
        per: Period,
        max: Money,
        spent: Money,
        asked: Money,
    },
    Tokens {
        per: Period,
        max: u64,
        spent: u64,
        asked: u64,
    },
    /// A budget of money holds, and nobody knows the price.
    Unpriced,
    /// A budget of tokens holds, and nobody will know how many they are.
    Uncounted,
}
