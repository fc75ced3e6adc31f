//! Nothing that comes from outside makes a parser or a decoder panic, run away, or say what was not said.
//!
//! Seeds (`fixtures/fuzz`, and those in the code) are changed at random, as bytes and as JSON. Inputs made from real
//! ones get far deeper into decoders than generated ones would, need no generator per dialect, and what fails is
//! shortened and kept as one more seed. The same inputs are tried every time:
//!
//! - `FUZZ_RUNS=100000`: that many of each target
//! - `FUZZ_SEED=7`: from this one on, alone unless `FUZZ_RUNS` says how many
//! - `FUZZ_TARGET=chat`: only targets with this in their name

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod corpus;
mod frames;
mod mutate;
mod run;

#[test]
fn frames_and_forms_are_the_same_in_whatever_pieces_they_come() {
    run::run(frames::targets(), 1_000);
}
