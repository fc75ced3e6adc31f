//! Whole requests through deployments drawn at random, in a world where whatever can go wrong does: targets refuse,
//! hang, stutter, break off and talk nonsense, the storage is slow or broken, clocks jump, callers leave. Time is
//! virtual, so that hours pass in no time, and all is drawn from a seed: what fails is played again and told.
//!
//! - `SIMULATE=100000`: that many requests
//! - `SIMULATE_SEED=7`: the deployment of this seed alone, told whether or not it fails

#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod answers;
mod chance;
mod clock;
mod deployment;
mod invariants;
mod play;
mod world;

use std::panic::{AssertUnwindSafe, catch_unwind};

/// How many requests are made where nobody says.
const USUAL: usize = 5_000;

#[test]
fn every_request_comes_to_one_good_end() {
    let number = |name: &str| std::env::var(name).ok().map(|text| text.parse::<u64>().unwrap());
    if let Some(seed) = number("SIMULATE_SEED") {
        let (told, failed) = played(seed, true);
        println!("{}", told.join("\n"));
        assert!(failed.is_none(), "seed {seed}: {}", failed.unwrap());
        return;
    }
    let wanted = number("SIMULATE").map_or(USUAL, |wanted| usize::try_from(wanted).unwrap());
    let (mut made, mut tally) = (0, play::Tally::default());
    for seed in 1.. {
        if made >= wanted {
            break;
        }
        let outcome = catch_unwind(|| play::deployment(seed, None)).unwrap_or_else(|_| Err("it panicked".to_owned()));
        match outcome {
            Ok(more) => {
                made += more.requests;
                tally.add(&more);
            }
            Err(why) => {
                let (told, _) = played(seed, true);
                panic!("seed {seed} (SIMULATE_SEED={seed}): {why}\n{}", told.join("\n"));
            }
        }
    }
    println!("{tally:?}");
    // A world in which nothing happens proves nothing.
    for (what, count) in tally.counts() {
        assert!(count * 500 > made, "{what} happened {count} times in {made} requests");
    }
}

#[test]
fn a_seed_always_tells_the_same_story() {
    for seed in [1, 2, 3] {
        assert_eq!(played(seed, true), played(seed, true));
    }
}

/// What happened with a seed, and why that was wrong.
fn played(seed: u64, telling: bool) -> (Vec<String>, Option<String>) {
    let told = std::cell::RefCell::new(Vec::new());
    let outcome = catch_unwind(AssertUnwindSafe(|| play::deployment(seed, telling.then_some(&told))));
    let failed = outcome.unwrap_or_else(|_| Err("it panicked".to_owned())).err();
    (told.into_inner(), failed)
}
