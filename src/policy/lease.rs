//! What a request has reserved.

use serde::{Deserialize, Serialize};

use super::rules::{Span, What};
use crate::catalog::Money;

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// When it is lost, unless it is settled; of a lost one, when it is forgotten.
    #[serde(rename = "e")]
    pub ends: u64,
    /// Nobody settled it in time.
    #[serde(rename = "x", default, skip_serializing_if = "std::ops::Not::not")]
    pub lost: bool,
    /// Held of the budgets.
    #[serde(rename = "u", default)]
    pub usd: Money,
    #[serde(rename = "t", default)]
    pub tokens: u64,
    /// From the limits.
    #[serde(rename = "k", default)]
    pub taken: Vec<Taken>,
}

/// What was taken at one time: when, requests, tokens, and the windows that it was counted in, a bit each. A limit that
/// came later gives nothing back of what it never counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Taken {
    pub at: u64,
    requests: u64,
    tokens: u64,
    windows: u8,
}

impl Lease {
    pub fn take(&mut self, taken: Taken) {
        if taken.requests == 0 && taken.tokens == 0 {
            return;
        }
        match self.taken.last_mut().filter(|last| last.at == taken.at && last.windows == taken.windows) {
            Some(last) => {
                last.requests = last.requests.saturating_add(taken.requests);
                last.tokens = last.tokens.saturating_add(taken.tokens);
            }
            None => self.taken.push(taken),
        }
    }
}

impl Taken {
    pub fn new(at: u64, requests: u64, tokens: u64, windows: &[(What, Span)]) -> Self {
        Self { at, requests, tokens, windows: windows.iter().fold(0, |bits, (what, span)| bits | bit(*what, *span)) }
    }

    pub fn of(&self, what: What) -> u64 {
        match what {
            What::Requests => self.requests,
            What::Tokens => self.tokens,
        }
    }

    pub fn counted(&self, what: What, span: Span) -> bool {
        self.windows & bit(what, span) != 0
    }
}

fn bit(what: What, span: Span) -> u8 {
    let bit = match span {
        Span::Second => 1,
        Span::Minute => 2,
        Span::Hour => 4,
        Span::Day => 8,
    };
    match what {
        What::Requests => bit,
        What::Tokens => bit << 4,
    }
}
