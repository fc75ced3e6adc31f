//! How long to wait before the same target is asked again.

use super::config::Retry;
use super::pick::unit;

const FIRST_MS: u64 = 500;
const LONGEST_MS: u64 = 10_000;
/// A target for which all pauses together would take longer than this is not waited for.
const PATIENCE_MS: u64 = 60_000;

/// The pause before a try, the first repeat being number 0, after so much waiting; nothing where it is not worth it.
/// What the provider asks for is kept to, else the pause is drawn from nothing up to twice what the last could have been.
pub fn pause(retry: &Retry, repeat: u32, waited_ms: u64, asked_ms: Option<u64>, random: u64) -> Option<u64> {
    let asked = asked_ms.filter(|_| retry.use_retry_after_header);
    let pause = asked.unwrap_or_else(|| drawn(repeat, random));
    (waited_ms.saturating_add(pause) <= PATIENCE_MS).then_some(pause)
}

fn drawn(repeat: u32, random: u64) -> u64 {
    let most = FIRST_MS.saturating_mul(1_u64 << repeat.min(16)).min(LONGEST_MS);
    #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a few seconds")]
    let pause = (unit(random) * most as f64) as u64;
    pause
}
