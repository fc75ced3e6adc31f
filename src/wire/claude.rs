//! What Claude's settings exclude in each other, through whichever dialect it is asked.

use super::Abilities;
use crate::ir::{Losses, Request};

/// Its least thinking budget.
pub const LEAST_BUDGET: u64 = 1_024;
/// What must be left for the answer itself, or thinking is not worth it.
const LEAST_ANSWER: u64 = 256;

/// The budget that fits into the bound on an answer, and that bound; none where there is no room to think.
pub fn budget(wanted: u64, max_tokens: Option<u64>, abilities: &Abilities) -> Option<(u64, u64)> {
    let wanted = wanted.max(LEAST_BUDGET);
    match max_tokens {
        Some(max) if max < LEAST_BUDGET + LEAST_ANSWER => None,
        Some(max) if wanted >= max => Some(((max - max / 4).max(LEAST_BUDGET), max)),
        Some(max) => Some((wanted, max)),
        None => Some((wanted, wanted.saturating_add(abilities.default_max_tokens))),
    }
}

/// How the next word is drawn.
#[derive(Default)]
pub struct Sampling {
    pub temperature: Option<f64>,
    pub top_p: Option<f64>,
    pub top_k: Option<u64>,
}

impl Sampling {
    pub fn of(request: &Request, thinks: bool, takes_top_k: bool, abilities: &Abilities, losses: &mut Losses) -> Self {
        let mut sampling = Self::default();
        if let Some(temperature) = request.temperature {
            if !abilities.sampling || thinks && temperature != 1.0 {
                losses.drop("temperature");
            } else {
                if temperature > 1.0 {
                    losses.drop("temperature>1");
                }
                sampling.temperature = Some(temperature.min(1.0));
            }
        }
        if let Some(top_p) = request.top_p {
            let crowded = sampling.temperature.is_some() && !abilities.sampling_pair;
            if !abilities.sampling || crowded || thinks && top_p < 0.95 {
                losses.drop("top_p");
            } else {
                sampling.top_p = Some(top_p);
            }
        }
        if let Some(top_k) = request.top_k {
            if !abilities.sampling || thinks || !takes_top_k {
                losses.drop("top_k");
            } else {
                sampling.top_k = Some(top_k);
            }
        }
        sampling
    }
}
