//! How long to wait before the same target is asked again.

use super::config::Retry;
use super::pick::unit;

const FIRST_MS: u64 = 500;
const LONGEST_MS: u64 = 10_000;
/// A provider that asks for more patience than this is not waited for.
const PATIENCE_MS: u64 = 60_000;

/// The pause before a try, the first repeat being number 0; nothing where it is not worth it. What the provider asks
/// for is kept to, else the pause is drawn from nothing up to twice what the last could have been.
pub fn pause(retry: &Retry, repeat: u32, asked_ms: Option<u64>, random: u64) -> Option<u64> {
    if let Some(asked) = asked_ms.filter(|_| retry.use_retry_after_header) {
        return (asked <= PATIENCE_MS).then_some(asked);
    }
    let most = FIRST_MS.saturating_mul(1_u64 << repeat.min(16)).min(LONGEST_MS);
    #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a few seconds")]
    let pause = (unit(random) * most as f64) as u64;
    Some(pause)
}
