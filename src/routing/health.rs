//! How a target has done of late: when it failed so often that it is left alone for a while, and how fast it was.

use serde::{Deserialize, Serialize};

use super::config::Breaker;

/// After this time a request counts for a third of what it did.
const MEMORY_MS: f64 = 60_000.0;
/// What the newest request weighs in the average.
const FRESH: f64 = 0.2;
/// How long a probe may take before another is let through.
const PROBE_MS: u64 = 30_000;

/// What is known of one target. Small, and written anew with each request; isolates join theirs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Track {
    /// Failures since the last success.
    pub consecutive: u64,
    good: f64,
    bad: f64,
    /// When `good` and `bad` were last reckoned.
    at: u64,
    /// Since when it is left alone.
    opened: Option<u64>,
    /// When the last probe was sent.
    probed: Option<u64>,
    latency_ms: Option<f64>,
    latency_at: u64,
    score: f64,
    score_weight: f64,
}

impl Track {
    /// A request came out so. `Some` opening is news that others should hear of at once.
    pub fn note(&mut self, failed: bool, latency_ms: Option<u64>, breaker: Option<&Breaker>, now: u64) {
        self.fade(now);
        if failed {
            self.bad += 1.0;
            self.consecutive += 1;
        } else {
            self.good += 1.0;
            self.consecutive = 0;
            (self.opened, self.probed) = (None, None);
        }
        if failed && breaker.is_some_and(|breaker| self.opened.is_some() || self.is_too_bad(breaker)) {
            (self.opened, self.probed) = (Some(now), None);
        }
        if let Some(ms) = latency_ms {
            #[expect(clippy::cast_precision_loss, reason = "milliseconds of a request")]
            let ms = ms as f64;
            self.latency_ms = Some(self.latency_ms.map_or(ms, |known| known + FRESH * (ms - known)));
            self.latency_at = now;
        }
    }

    fn is_too_bad(&self, breaker: &Breaker) -> bool {
        #[expect(clippy::cast_precision_loss, reason = "a count of requests")]
        let enough = self.good + self.bad + 0.5 >= breaker.least_requests as f64;
        let share = 100.0 * self.bad / (self.good + self.bad).max(1.0);
        self.consecutive >= breaker.failures || (enough && breaker.failure_percent.is_some_and(|percent| share >= percent))
    }

    #[expect(clippy::cast_precision_loss, reason = "milliseconds between requests")]
    fn fade(&mut self, now: u64) {
        let kept = (-(now.saturating_sub(self.at) as f64) / MEMORY_MS).exp();
        self.good *= kept;
        self.bad *= kept;
        self.at = self.at.max(now);
    }

    /// Until when it is left alone. After the time is up one request may try; others wait for how that comes out.
    pub fn open_until(&self, breaker: &Breaker, now: u64) -> Option<u64> {
        let until = self.opened?.saturating_add(breaker.cooldown_ms);
        let probing = self.probed.map(|probed| probed.saturating_add(PROBE_MS));
        Some(probing.map_or(until, |probing| until.max(probing))).filter(|until| *until > now)
    }

    /// A request is about to be sent there; if it was left alone, this is the probe.
    pub fn sending(&mut self, now: u64) {
        if self.opened.is_some() {
            self.probed = Some(now);
        }
    }

    pub fn latency_ms(&self) -> Option<f64> {
        self.latency_ms
    }

    /// A caller's judgement, from 0 to 1.
    pub fn judge(&mut self, score: f64, weight: f64) {
        let (score, weight) = (score.clamp(0.0, 1.0), weight.clamp(0.0, 1.0));
        self.score += score * weight;
        self.score_weight += weight;
    }

    /// The mean of the judgements, with two of an undecided caller, so that one alone says little.
    pub fn score(&self) -> Option<f64> {
        (self.score_weight > 0.0).then(|| (self.score + 1.0) / (self.score_weight + 2.0))
    }

    /// Together with what another isolate knows: each fact by the newer word.
    pub fn join(&mut self, other: &Track) {
        if other.at > self.at {
            let (good, bad) = (self.good, self.bad);
            let (latency_ms, latency_at) =
                if self.latency_at > other.latency_at { (self.latency_ms, self.latency_at) } else { (other.latency_ms, other.latency_at) };
            let probed = self.probed.max(other.probed).filter(|_| other.opened.is_some());
            *self = Track { good: good.max(other.good), bad: bad.max(other.bad), probed, latency_ms, latency_at, ..*other };
        }
    }
}
