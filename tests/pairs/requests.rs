//! Each fixture through every pair: what the caller said is what the provider is told.

use std::path::Path;

use causeway::ir::{Losses, Request};
use causeway::wire::{Abilities, Dialect};

use super::facts::{self, Facts};
use super::losses::{Course, Ledger, Way};
use super::{CALLERS, PROVIDERS, meaning, readers};

/// What a case means, and how callers say it.
struct Case {
    name: String,
    means: Facts,
    said: Vec<(Dialect, String)>,
}

fn case(path: &Path) -> Case {
    let mut sections = super::sections(path);
    let (first, means) = sections.remove(0);
    assert_eq!(first, "means", "{}", path.display());
    let caller = |slug: &str| [&CALLERS[..], &[Dialect::Completions]].concat().into_iter().find(|dialect| dialect.slug() == slug).unwrap();
    let said = sections.into_iter().map(|(slug, body)| (caller(&slug), body)).collect();
    Case { name: path.file_stem().unwrap().to_string_lossy().into_owned(), means: facts::read(&means), said }
}

#[test]
fn every_request_means_the_same_to_every_provider_but_for_the_losses_that_are_listed() {
    let mut ledger = Ledger::of(Course::Request);
    for case in super::files("requests").iter().map(|path| case(path)) {
        let says = |caller: Dialect| case.said.iter().any(|(dialect, _)| *dialect == caller);
        let way = |caller| Way { course: Course::Request, caller: Some(caller), provider: None, case: "" };
        ledger.spoken(CALLERS.into_iter().map(|caller| (way(caller), says(caller))), &case.name);
        for (caller, body) in &case.said {
            let mut named = Losses::default();
            let request = (caller.inbound().decode_request)(body.as_bytes(), &mut named);
            let request = request.unwrap_or_else(|error| panic!("{} in {}: {}", case.name, caller.slug(), error.message));
            let said = meaning::of(&request);
            let way = Way { course: Course::Request, caller: Some(*caller), provider: None, case: &case.name };
            ledger.compare(way, &case.means, &said, &named);
            for provider in PROVIDERS {
                send(Way { provider: Some(provider), ..way }, request.clone(), &said, &mut ledger);
            }
        }
    }
    ledger.close();
}

fn send(way: Way<'_>, request: Request, said: &Facts, ledger: &mut Ledger) {
    let provider = way.provider.unwrap();
    let mut named = Losses::default();
    let sent = super::encode(way.caller.unwrap(), provider, request, &Abilities::default(), &mut named);
    if let Err(error) = &sent {
        assert_eq!(error.status, 400, "{}", error.message);
    }
    let refused = ledger.refusal(way, sent.as_ref().err().map(|error| error.message.as_str()));
    if let (Ok(body), false) = (sent, refused) {
        let read = meaning::of(&readers::read(provider, &body));
        ledger.compare(way, said, &read, &named);
    }
}
