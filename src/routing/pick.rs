//! Picks among targets by weight, by chance or so that the same callers stay with the same target.

/// A number from 0 up to but not including 1.
#[expect(clippy::cast_precision_loss, reason = "53 bits are what a float holds")]
pub fn unit(random: u64) -> f64 {
    (random >> 11) as f64 / (1_u64 << 53) as f64
}

/// All that have a weight, each place drawn by weight among those that are left.
pub fn weighted(weights: &[f64], mut random: impl FnMut() -> u64) -> Vec<usize> {
    let mut left: Vec<(usize, f64)> = weights.iter().copied().enumerate().filter(|(_, weight)| *weight > 0.0).collect();
    let mut order = Vec::with_capacity(left.len());
    while !left.is_empty() {
        let total: f64 = left.iter().map(|(_, weight)| weight).sum();
        let mut point = unit(random()) * total;
        let drawn = left.iter().position(|(_, weight)| {
            point -= weight;
            point < 0.0
        });
        // Rounding may leave the point just behind the last.
        let drawn = drawn.unwrap_or(left.len() - 1);
        order.push(left.remove(drawn).0);
    }
    order
}

/// All that have a weight, in an order that depends on nothing but the key and the targets' names: each key has its
/// own, and if a weight changes or a target goes, only the keys that have to move do.
pub fn sticky(weights: &[f64], names: &[String], key: &str) -> Vec<usize> {
    let mut scored: Vec<(f64, usize)> = weights
        .iter()
        .zip(names)
        .enumerate()
        .filter(|(_, (weight, _))| **weight > 0.0)
        .map(|(at, (weight, name))| {
            // From just above 0 to 1, so that the logarithm is finite.
            let drawn = 1.0 - unit(hash(&[key, "\u{0}", name]));
            (-drawn.ln() / weight, at)
        })
        .collect();
    crate::order::sort(&mut scored, |left, right| left.0.total_cmp(&right.0).is_lt());
    scored.into_iter().map(|(_, at)| at).collect()
}

/// A hash that is the same everywhere and for ever.
pub fn hash(parts: &[&str]) -> u64 {
    let mut state = 0xcbf2_9ce4_8422_2325_u64;
    for byte in parts.iter().flat_map(|part| part.bytes()) {
        state = (state ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    // Without this the high bits of short texts hardly differ.
    state = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    state = (state ^ (state >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    state ^ (state >> 31)
}
