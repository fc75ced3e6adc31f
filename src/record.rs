//! One request as one value for the log. It holds counts and names, never content and never a secret.

use serde::Serialize;

use crate::cache::Cached;
use crate::catalog::Money;
use crate::cost::{Cost, Known, Tally};
use crate::error::{Error, Kind};
use crate::host::Note;
use crate::http::Ending;
use crate::ir::Usage;
use crate::lease::{Bill, Lease, Used};
use crate::wire::Glance;
use crate::wire::estimate_tokens;

#[derive(Clone, Debug, Default, Serialize)]
pub struct Record {
    pub request_id: String,
    pub trace_id: String,
    /// Milliseconds since 1970.
    pub at: u64,
    /// The caller's dialect.
    pub dialect: &'static str,
    /// The id of the caller's key, and its team.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub team: Option<String>,
    /// The slug of the vault's credential that the last target was asked with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credential: Option<String>,
    pub provider: &'static str,
    pub model: String,
    pub stream: bool,
    pub status: u16,
    pub cache: Cached,
    pub outcome: Outcome,
    /// What went wrong, in one word.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usage: Option<Tokens>,
    /// Of all its tries. Told once the request is over.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost: Option<Cost>,
    pub duration_ms: u64,
    pub overhead_ms: u64,
    pub attempts: Vec<Attempt>,
}

/// How a request ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    #[default]
    Complete,
    /// The caller left before the end.
    Abandoned,
    /// There was an error in place of an answer, or in its middle.
    Failed,
}

/// One try at one target.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Attempt {
    /// Its place in the config.
    pub target: String,
    /// The strategy that chose it, or `retry`.
    pub chosen: &'static str,
    /// And why it chose this one, where that is not its place.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    pub provider: &'static str,
    pub model: String,
    /// 0 when no answer came.
    pub status: u16,
    pub ms: u64,
    /// Something was sent; else it was passed over.
    pub asked: bool,
    /// Nobody was there to take it.
    #[serde(skip)]
    pub unreachable: bool,
    /// Why it was left, or not even asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub left: Option<String>,
    /// What is paid for it all the same: an answer had begun.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost: Option<Cost>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Tokens {
    pub input: u64,
    pub output: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache_read: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache_write: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reasoning: Option<u64>,
    /// Counted by us because the provider did not come to tell.
    pub estimated: bool,
}

/// A request that is over: what is kept of it, and what those hear who hold limits and budgets.
#[derive(Clone, Debug)]
pub struct Closed {
    pub record: Record,
    pub notes: Vec<Note>,
    /// What was used of it, where no key was shown.
    pub keyless: Option<(Used, Money)>,
}

impl Attempt {
    /// Whether a provider may have worked on it.
    pub fn reached(&self) -> bool {
        self.asked && !self.unreachable
    }
}

impl Record {
    /// The try whose outcome the caller hears of: the last that was made, if any was.
    pub fn told(&self) -> Option<&Attempt> {
        let asked = self.attempts.iter().rfind(|attempt| attempt.asked && self.cache != Cached::Hit);
        asked.or(self.attempts.last())
    }
}

/// A record in the making, until the reply has been sent or left.
#[derive(Clone, Debug, Default)]
pub struct Ledger {
    pub record: Record,
    /// Length of what the provider was sent: what an untold input is counted by.
    pub prompt_bytes: usize,
    /// What is paid for besides tokens.
    pub tally: Tally,
    /// The stream at hand, where it is kept in mind how it ends.
    pub under_way: Option<u64>,
    /// The model that is asked, and what it costs.
    pub known: Known,
    /// What it holds of limits and budgets.
    pub lease: Lease,
    /// No provider takes money for it.
    pub free: bool,
}

impl Ledger {
    /// The answer is over: how, and what it used.
    pub fn close(mut self, glance: &Glance, ending: &Ending, now: u64) -> Closed {
        self.record.outcome = match ending {
            Ending::Abandoned if !glance.finished => Outcome::Abandoned,
            // What ends after the answer did, however it ends, takes nothing away from it.
            _ if glance.finished && !glance.failed => Outcome::Complete,
            _ => Outcome::Failed,
        };
        if let (Ending::Broken(error), Outcome::Failed) = (ending, self.record.outcome) {
            self.record.error = Some(format!("{:?}", error.kind));
        }
        let usage = glance.settled(ending, self.prompt_bytes);
        // What is given again has been paid for.
        let cost = if self.free || self.record.cache == Cached::Hit { Cost::NOTHING } else { self.cost(&usage) };
        self.record.usage = Some(usage.into());
        self.ended(cost, now)
    }

    /// There was no answer, and so nothing to pay but for tries that had begun well.
    pub fn fail(mut self, error: &Error, now: u64) -> Closed {
        self.record.outcome = if error.kind == Kind::Abandoned { Outcome::Abandoned } else { Outcome::Failed };
        self.record.status = error.status;
        self.record.error = Some(format!("{:?}", error.kind));
        self.ended(Cost::NOTHING, now)
    }

    /// What so much use of the model at hand costs.
    pub fn cost(&self, usage: &Usage) -> Cost {
        self.known.cost(usage, &self.tally)
    }

    /// The target at hand is left. Where its answer had begun well, what it was asked is paid for.
    pub fn leave_target(&mut self, begun: bool) -> Vec<Note> {
        let bill = if begun && !self.free { self.begun() } else { Bill::default() };
        self.lease.leave_target(&self.record, bill)
    }

    /// What a try is billed whose answer began and was not to be used.
    fn begun(&mut self) -> Bill {
        let usage = Usage { input: estimate_tokens(self.prompt_bytes), estimated: true, ..Usage::default() };
        let cost = self.cost(&usage);
        if let Some(attempt) = self.record.attempts.last_mut() {
            attempt.cost = Some(cost);
        }
        Bill::of(usage.input, usage.input, cost)
    }

    /// The answer itself cost so much.
    fn ended(mut self, answer: Cost, now: u64) -> Closed {
        self.record.duration_ms = now.saturating_sub(self.record.at);
        self.record.cost = Some(answer.with(self.lease.billed));
        let lease = std::mem::take(&mut self.lease);
        let keyless = lease.keyless(&self.record, answer);
        let notes = lease.settle(&self.record, answer);
        Closed { record: self.record, notes, keyless }
    }
}

impl From<Usage> for Tokens {
    fn from(usage: Usage) -> Self {
        Self {
            input: usage.input,
            output: usage.output,
            cache_read: usage.cache_read,
            cache_write: usage.cache_write,
            reasoning: usage.reasoning,
            estimated: usage.estimated,
        }
    }
}
