//! Answers judged from outside: every recorded answer of every provider, played to callers of every dialect through
//! the whole gateway. What callers heard is compared with what the provider said, as read here with no knowledge of
//! the decoders, and left in `target/judged/` for the clients' own types to check (tests/e2e/python/test_types.py).
//!
//! The recordings lie beside the repository; where they do not, this says so and passes.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a test fails by panicking"
)]

mod bent;
mod cuts;
mod errands;
mod faults;
mod heard;
#[path = "../meters/mod.rs"]
mod meters;
mod recording;
mod said;
#[path = "../gateway/scripted.rs"]
#[expect(dead_code, reason = "another test uses the rest")]
mod scripted;
mod tally;
mod weather;
mod whole;

use recording::recordings;
use tally::Tally;

#[test]
fn every_recorded_answer_reaches_every_caller_as_it_was_meant() {
    let mut tally = Tally::default();
    for recording in recordings().iter().filter(|recording| recording.status < 300) {
        whole::judge(recording, &mut tally);
    }
    tally.close("answers");
}

#[test]
fn a_recorded_stream_that_breaks_off_never_looks_complete() {
    let mut tally = Tally::default();
    for recording in recordings().iter().filter(|recording| recording.status < 300 && recording.streamed) {
        cuts::judge(recording, &mut tally);
    }
    tally.close("cuts");
}

#[test]
fn every_recorded_failure_keeps_its_status_and_words() {
    let mut tally = Tally::default();
    for recording in recordings().iter().filter(|recording| recording.status >= 400) {
        faults::judge(recording, &mut tally);
    }
    tally.close("faults");
}

#[test]
fn a_recorded_stream_says_the_same_in_any_weather_and_shows_errors_in_its_midst() {
    let mut tally = Tally::default();
    for recording in recordings().iter().filter(|recording| recording.status < 300 && recording.streamed) {
        weather::judge(recording, &mut tally);
    }
    tally.close("weather");
}

#[test]
fn a_failure_of_any_shape_keeps_its_status_and_words() {
    let mut tally = Tally::default();
    let mut seen = Vec::new();
    for recording in recordings().iter().filter(|recording| recording.status < 300 && recording.choices == 1) {
        if !seen.contains(&(recording.provider, recording.dialect.slug(), recording.streamed)) {
            seen.push((recording.provider, recording.dialect.slug(), recording.streamed));
            faults::judge_shapes(recording, &mut tally);
        }
    }
    tally.close("shapes");
}

#[test]
fn every_recorded_errand_comes_back_as_openai_would_have_it() {
    let mut tally = Tally::default();
    for (provider, case, recording) in recording::files() {
        errands::judge(provider, &case, &recording, &mut tally);
    }
    tally.close("errands");
}

#[test]
fn a_bent_answer_is_told_whole_or_is_an_error() {
    let mut tally = Tally::default();
    let mut bent = bent::Bent::default();
    for recording in recordings().iter().filter(|recording| recording.status < 300) {
        bent::judge(recording, &mut bent, &mut tally);
    }
    tally.close("bent");
}
