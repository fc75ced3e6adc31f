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
mod dialects;
mod errands;
mod frames;
mod mutate;
mod run;
mod streams;
mod words;

#[test]
fn frames_and_forms_are_the_same_in_whatever_pieces_they_come() {
    run::run(frames::targets(), 1_000);
}

#[test]
fn requests_are_refused_or_sent_on_as_they_were_meant() {
    run::run(dialects::requests(), 200);
}

#[test]
fn answers_are_errors_or_the_same_in_every_dialect() {
    run::run(dialects::answers(), 200);
}

#[test]
fn streams_keep_the_grammar_and_are_the_same_in_whatever_pieces_they_come() {
    run::run(streams::targets(), 100);
}

#[test]
fn errors_of_any_shape_have_words_in_every_dialect() {
    run::run(dialects::errors(), 1_000);
}

#[test]
fn words_of_any_bytes_are_refused_or_read() {
    run::run(words::targets(), 300);
}

#[test]
fn errands_are_refused_or_done_in_the_shape_of_every_provider() {
    run::run(errands::targets(), 200);
}
