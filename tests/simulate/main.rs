//! Whole requests through deployments drawn at random, in a world where whatever can go wrong does: targets refuse,
//! hang, stutter, break off and talk nonsense, the storage is slow or broken, clocks jump, callers leave. Time is
//! virtual, so that hours pass in no time, and all is drawn from a seed: what fails is played again and told.
//!
//! - `SIMULATE=100000`: that many requests
//! - `SIMULATE_SEED=7`: the deployment of this seed alone, told whether or not it fails

#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod answers;
mod cache;
mod chance;
mod clock;
mod deployment;
mod invariants;
#[path = "../meters/mod.rs"]
mod meters;
mod play;
mod storage;
mod world;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::num::NonZero;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use play::Tally;

/// How many requests are made where nobody says.
const USUAL: usize = 5_000;

#[test]
fn every_request_comes_to_one_good_end() {
    let number = |name: &str| std::env::var(name).ok().map(|text| text.parse::<u64>().unwrap());
    if let Some(seed) = number("SIMULATE_SEED") {
        let (told, failed) = played(seed);
        println!("{}", told.join("\n"));
        assert!(failed.is_none(), "seed {seed}: {}", failed.unwrap());
        return;
    }
    let wanted = number("SIMULATE").map_or(USUAL, |wanted| usize::try_from(wanted).unwrap());
    let tally = many(wanted);
    println!("{tally:?}");
    // A world in which nothing happens proves nothing.
    for (what, count) in tally.counts() {
        let made = tally.requests;
        assert!(count * 500 > made, "{what} happened {count} times in {made} requests");
    }
}

#[test]
fn answers_are_given_again_to_whom_they_belong_and_for_as_long_as_they_may() {
    let wanted = std::env::var("SIMULATE").map_or(USUAL, |wanted| wanted.parse().unwrap());
    let (mut made, mut happened) = (0, BTreeMap::<&str, usize>::new());
    for seed in 1.. {
        let tally = catch_unwind(|| cache::deployment(seed, None)).unwrap_or_else(|_| Err("it panicked".to_owned()));
        let tally = tally.unwrap_or_else(|why| {
            let told = RefCell::new(Vec::new());
            let _ = catch_unwind(AssertUnwindSafe(|| cache::deployment(seed, Some(&told))));
            panic!("seed {seed}: {why}\n{}", told.into_inner().join("\n"));
        });
        made += tally.requests;
        tally.happened.into_iter().for_each(|(what, count)| *happened.entry(what).or_default() += count);
        if made >= wanted {
            break;
        }
    }
    println!("{happened:?}");
    for (what, count) in happened {
        assert!(count * 200 > made, "{what} happened {count} times in {made} requests");
    }
}

/// As many requests as are wanted, on all the machine's cores. The first seed that fails is told.
fn many(wanted: usize) -> Tally {
    let (next, made, failures) = (AtomicU64::new(1), AtomicUsize::new(0), Mutex::new(BTreeMap::new()));
    let some = || {
        let mut tally = Tally::default();
        while made.load(Ordering::Relaxed) < wanted && failures.lock().unwrap().is_empty() {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            match catch_unwind(|| play::deployment(seed, None)).unwrap_or_else(|_| Err("it panicked".to_owned())) {
                Ok(more) => {
                    made.fetch_add(more.requests, Ordering::Relaxed);
                    tally.add(&more);
                }
                Err(why) => drop(failures.lock().unwrap().insert(seed, why)),
            }
        }
        tally
    };
    let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
    let mut tally = Tally::default();
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..cores).map(|_| scope.spawn(some)).collect();
        threads.into_iter().for_each(|thread| tally.add(&thread.join().unwrap()));
    });
    if let Some((seed, why)) = failures.into_inner().unwrap().pop_first() {
        panic!("seed {seed} (SIMULATE_SEED={seed}): {why}\n{}", played(seed).0.join("\n"));
    }
    tally
}

#[test]
fn a_seed_always_tells_the_same_story() {
    for seed in [1, 2, 3] {
        assert_eq!(played(seed), played(seed));
    }
}

/// What happened with a seed, and why that was wrong.
fn played(seed: u64) -> (Vec<String>, Option<String>) {
    let told = RefCell::new(Vec::new());
    let outcome = catch_unwind(AssertUnwindSafe(|| play::deployment(seed, Some(&told))));
    let failed = outcome.unwrap_or_else(|_| Err("it panicked".to_owned())).err();
    (told.into_inner(), failed)
}
