//! How long things may take: the bounds of a config, and which of them is the nearest.

use super::life::Life;
use crate::error::Result;
use crate::host::Host;
use crate::http::Patience;

/// A bound on time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    Request,
    FirstToken,
    Idle,
    Total,
}

impl<H: Host> Life<'_, H> {
    /// How long an upstream may take until the head of its answer is there; a stream, until its first token is.
    pub fn timeout_ms(&mut self, stream: bool) -> Result<Option<u64>> {
        let request = self.caller.timeout_ms()?;
        Ok(self.least([(request, Bound::Request), (self.first_token_ms(stream), Bound::FirstToken), (self.left_ms(), Bound::Total)]))
    }

    /// How long a stream whose head has come may take until it is there, whole.
    pub fn rest_ms(&mut self) -> Option<u64> {
        let request = self.caller.timeout_ms().ok().flatten().map(|ms| ms.saturating_sub(self.spent_ms()).max(1));
        self.least([(request, Bound::Request), (self.left_ms(), Bound::Total)])
    }

    /// How long the head of the answer at hand was in coming.
    fn spent_ms(&self) -> u64 {
        self.ledger.record.attempts.last().map_or(0, |attempt| attempt.ms)
    }

    /// How long a stream whose head has come may take until its first token is there.
    pub fn first_token_left_ms(&mut self) -> Option<u64> {
        let left = self.first_token_ms(true).map(|ms| ms.saturating_sub(self.spent_ms()).max(1));
        self.least([(left, Bound::FirstToken), (self.left_ms(), Bound::Total)])
    }

    pub fn first_token_ms(&self, stream: bool) -> Option<u64> {
        self.caller.terms.and_then(|terms| terms.first_token_timeout_ms).filter(|_| stream)
    }

    fn least<const N: usize>(&mut self, bounds: [(Option<u64>, Bound); N]) -> Option<u64> {
        let (ms, bound) = bounds.into_iter().filter_map(|(ms, bound)| Some((ms?, bound))).min_by_key(|(ms, _)| *ms)?;
        self.bound = bound;
        Some(ms)
    }

    /// What is left of the time for everything.
    pub fn left_ms(&self) -> Option<u64> {
        self.turn.deadline.map(|deadline| deadline.saturating_sub(self.host.now()).max(1))
    }

    /// How long the stream of an answer may take.
    pub fn patience(&self) -> Patience {
        let idle_ms = self.caller.terms.and_then(|terms| terms.idle_timeout_ms);
        Patience { idle_ms, total_ms: self.left_ms() }
    }
}
