//! How a target has done of late: when it failed so often that it is left alone for a while, and how fast it was.

use serde::{Deserialize, Serialize};

use super::config::Breaker;

/// After this time a request counts for a third of what it did.
const MEMORY_MS: f64 = 60_000.0;
/// The same of a caller's judgement: those are few.
const JUDGED_MS: f64 = 86_400_000.0;
/// What the newest request weighs in the average, at least.
const FRESH: f64 = 0.2;
/// A failure is as if an answer had come this late, lest the fastest to fail be taken for the fastest.
const FAILED_MS: f64 = 10_000.0;
/// How long a probe may take before another is let through.
const PROBE_MS: u64 = 30_000;

/// What is known of one target. Small, and written anew with each request; isolates join theirs.
///
/// A breaker opens and closes, and each time the counts begin anew. Joined tracks agree on the latest such turn; of
/// counts since the same turn the greater holds. Each isolate counts on from what it knows, so nothing is counted
/// twice, and it does no harm to join late, again, or in another order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Track {
    /// When the breaker last opened or closed; always later than the turn before, whatever the clock says.
    turned: u64,
    /// Since when it is left alone.
    opened: Option<u64>,
    /// When the last probe was sent.
    probed: Option<u64>,
    /// The last success since the turn, and the failures since.
    succeeded: u64,
    pub consecutive: u64,
    /// Answers and failures of late, and when they were last reckoned.
    good: f64,
    bad: f64,
    at: u64,
    /// The average of late, and how many requests it rests on.
    latency_ms: Option<f64>,
    latency_weight: f64,
    score: f64,
    score_weight: f64,
}

impl Track {
    /// An answer began after so long; how it ends is not known yet.
    pub fn began(&mut self, latency_ms: u64, now: u64) {
        self.fade(now);
        #[expect(clippy::cast_precision_loss, reason = "milliseconds of a request")]
        self.average(latency_ms as f64);
    }

    /// It refused for a reason that says nothing of its health. It is not new any more, and the first answer will say
    /// how fast it is.
    pub fn refused(&mut self) {
        self.latency_ms = self.latency_ms.or(Some(FAILED_MS));
    }

    /// A request came out so. Whether the breaker opened or closed by it, which others should hear of at once.
    pub fn note(&mut self, failed: bool, latency_ms: Option<u64>, breaker: Option<&Breaker>, now: u64) -> bool {
        self.fade(now);
        #[expect(clippy::cast_precision_loss, reason = "milliseconds of a request")]
        let latency = latency_ms.map(|ms| ms as f64);
        match latency {
            _ if failed => self.average(latency.unwrap_or_default().max(FAILED_MS)),
            Some(ms) => self.average(ms),
            None => self.refused(),
        }
        if failed {
            self.bad += 1.0;
            self.consecutive += 1;
        } else {
            self.good += 1.0;
            (self.succeeded, self.consecutive) = (now.max(self.succeeded), 0);
        }
        let turns = match (self.opened, breaker) {
            // What was sent before it opened says nothing of the time since.
            (Some(_), _) => self.probed.is_some() && (breaker.is_some() || !failed),
            (None, breaker) => failed && breaker.is_some_and(|breaker| self.is_too_bad(breaker)),
        };
        if turns {
            self.turn(failed.then_some(now), now);
        }
        turns
    }

    fn turn(&mut self, opened: Option<u64>, now: u64) {
        let turned = now.max(self.turned + 1);
        let (at, latency_ms, latency_weight, score, score_weight) =
            (self.at, self.latency_ms, self.latency_weight, self.score, self.score_weight);
        *self = Track { turned, opened, at, latency_ms, latency_weight, score, score_weight, ..Track::default() };
    }

    fn average(&mut self, ms: f64) {
        self.latency_weight += 1.0;
        let share = FRESH.max(1.0 / self.latency_weight);
        self.latency_ms = Some(self.latency_ms.map_or(ms, |known| known + share * (ms - known)));
    }

    fn is_too_bad(&self, breaker: &Breaker) -> bool {
        // What has faded by less than half a request is not missed.
        #[expect(clippy::cast_precision_loss, reason = "a count of requests")]
        let enough = self.good + self.bad + 0.5 >= breaker.least_requests as f64;
        let share = 100.0 * self.bad / (self.good + self.bad);
        self.consecutive >= breaker.failures || (enough && breaker.failure_percent.is_some_and(|percent| share >= percent))
    }

    #[expect(clippy::cast_precision_loss, reason = "milliseconds between requests")]
    fn fade(&mut self, now: u64) {
        let passed = now.saturating_sub(self.at) as f64;
        let (kept, judged) = ((-passed / MEMORY_MS).exp(), (-passed / JUDGED_MS).exp());
        for count in [&mut self.good, &mut self.bad, &mut self.latency_weight] {
            *count *= kept;
        }
        for sum in [&mut self.score, &mut self.score_weight] {
            *sum *= judged;
        }
        self.at = self.at.max(now);
    }

    /// Until when it is left alone. After the time is up one request may try; others wait for how that comes out.
    pub fn open_until(&self, breaker: &Breaker, now: u64) -> Option<u64> {
        let cooled = until(self.opened?, breaker.cooldown_ms, now);
        let probing = self.probed.and_then(|probed| until(probed, PROBE_MS, now));
        cooled.max(probing)
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
    pub fn judge(&mut self, score: f64, weight: f64, now: u64) {
        if score.is_nan() || weight.is_nan() {
            return;
        }
        self.fade(now);
        let (score, weight) = (score.clamp(0.0, 1.0), weight.clamp(0.0, 1.0));
        self.score += score * weight;
        self.score_weight += weight;
    }

    /// The mean of the judgements, with two of an undecided caller, so that one alone says little.
    pub fn score(&self) -> Option<f64> {
        (self.score_weight > 0.0).then(|| (self.score + 1.0) / (self.score_weight + 2.0))
    }

    /// What callers thought of it, and nothing else.
    pub(super) fn scored(&self) -> Track {
        Track { at: self.at, score: self.score, score_weight: self.score_weight, ..Track::default() }
    }

    /// Together with what another isolate knows.
    pub fn join(&mut self, other: &Track) {
        let mut other = *other;
        other.fade(self.at);
        self.fade(other.at);
        self.join_breaker(&other);
        // The average that rests on more.
        if (other.latency_weight, other.latency_ms) > (self.latency_weight, self.latency_ms) {
            (self.latency_weight, self.latency_ms) = (other.latency_weight, other.latency_ms);
        }
        if (other.score_weight, other.score) > (self.score_weight, self.score) {
            (self.score_weight, self.score) = (other.score_weight, other.score);
        }
    }

    fn join_breaker(&mut self, other: &Track) {
        if other.turned < self.turned {
            return;
        }
        if other.turned > self.turned {
            let Track { turned, opened, probed, succeeded, consecutive, good, bad, .. } = *other;
            *self = Track { turned, opened, probed, succeeded, consecutive, good, bad, ..*self };
            return;
        }
        self.opened = self.opened.max(other.opened);
        self.probed = self.probed.max(other.probed);
        (self.succeeded, self.consecutive) = (self.succeeded, self.consecutive).max((other.succeeded, other.consecutive));
        (self.good, self.bad) = (self.good.max(other.good), self.bad.max(other.bad));
    }
}

/// The end of a time that began then. A beginning that lies farther ahead than the time lasts comes of a clock that
/// was put back: it is not waited for.
fn until(began: u64, lasts: u64, now: u64) -> Option<u64> {
    let end = began.saturating_add(lasts);
    (end > now && began <= now.saturating_add(lasts)).then_some(end)
}
