//! Each fixture through every pair: what the caller said is what the provider is told.

use std::path::Path;

use causeway::ir::{Losses, Request};
use causeway::wire::Dialect;

use super::losses::{Loss, Way, check_all_happened};
use super::meaning::{Facts, OWN, keys, values};
use super::{CALLERS, PROVIDERS, losses, meaning, readers, sections};

/// What a case means, and how callers say it.
struct Case {
    name: String,
    means: Facts,
    said: Vec<(Dialect, String)>,
}

fn cases() -> Vec<Case> {
    let mut paths: Vec<_> = std::fs::read_dir(super::fixtures("requests")).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.iter().map(|path| case(path)).collect()
}

fn case(path: &Path) -> Case {
    let mut sections = sections(path);
    let (first, means) = sections.remove(0);
    assert_eq!(first, "means", "{}", path.display());
    let fact = |line: &str| {
        let (key, value) = line.split_once(" = ").unwrap_or_else(|| panic!("{}: {line}", path.display()));
        (key.to_owned(), value.replace("\\n", "\n"))
    };
    let means = means.lines().filter(|line| !line.trim().is_empty()).map(fact).collect();
    let caller = |slug: &str| [&CALLERS[..], &[Dialect::Completions]].concat().into_iter().find(|dialect| dialect.slug() == slug).unwrap();
    let said = sections.into_iter().map(|(slug, body)| (caller(&slug), body)).collect();
    Case { name: path.file_stem().unwrap().to_string_lossy().into_owned(), means, said }
}

#[test]
fn every_request_means_the_same_to_every_provider_but_for_the_losses_that_are_listed() {
    let losses = losses::read();
    let mut complaints = Vec::new();
    for case in cases() {
        for (caller, body) in &case.said {
            let mut named = Losses::default();
            let request = (caller.inbound().decode_request)(body.as_bytes(), &mut named);
            let request = request.unwrap_or_else(|error| panic!("{} in {}: {}", case.name, caller.slug(), error.message));
            let said = meaning::of(&request);
            let way = Way { caller: *caller, provider: None, case: &case.name };
            compare(way, &case.means, &said, &named, &losses, &mut complaints);
            for provider in PROVIDERS {
                let way = Way { provider: Some(provider), ..way };
                send(way, request.clone(), &said, &losses, &mut complaints);
            }
        }
    }
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
    check_all_happened(&losses);
}

fn send(way: Way<'_>, mut request: Request, said: &Facts, losses: &[Loss], complaints: &mut Vec<String>) {
    let provider = way.provider.unwrap();
    let (model, abilities) = super::model(provider);
    request.model = model.to_owned();
    let mut named = Losses::default();
    let sent = (provider.outbound().encode_request)(&request, way.caller == provider, &abilities, &mut named);
    let refusal = losses.iter().find(|loss| loss.covers(way) && loss.is_of("refused"));
    match (sent, refusal) {
        (Err(error), Some(refusal)) => {
            refusal.happens();
            assert_eq!(error.status, 400, "{}", error.message);
        }
        (Err(error), None) => complaints.push(format!("{} is refused: {}", told(way), error.message)),
        (Ok(_), Some(refusal)) => refusal.survives(way),
        (Ok(body), None) => {
            let read = meaning::of(&readers::read(provider, &body));
            compare(way, said, &read, &named, losses, complaints);
        }
    }
}

fn told(way: Way<'_>) -> String {
    format!("{} -> {} | {}", way.caller.slug(), way.provider.map_or("", Dialect::slug), way.case)
}

/// What was said before and after; each difference must be listed, and told to the caller by the name that is listed.
fn compare(way: Way<'_>, before: &Facts, after: &Facts, named: &Losses, losses: &[Loss], complaints: &mut Vec<String>) {
    let covering: Vec<&Loss> = losses.iter().filter(|loss| loss.covers(way)).collect();
    let mut expected: Vec<&str> = Vec::new();
    for key in compared(way, before, after) {
        let lost = values(before, key) != values(after, key);
        let listed: Vec<&&Loss> = covering.iter().filter(|loss| loss.is_of(key)).collect();
        match (lost, listed.is_empty()) {
            (true, true) => complaints.push(format!("{}: {key}: {:?} became {:?}", told(way), values(before, key), values(after, key))),
            (true, false) => listed.iter().for_each(|loss| loss.happens()),
            (false, _) => listed.iter().for_each(|loss| loss.survives(way)),
        }
        expected.extend(listed.iter().filter(|_| lost).filter_map(|loss| loss.name_of(key)));
    }
    let told_names: Vec<&str> = named.names().iter().map(String::as_str).collect();
    let silent = expected.iter().filter(|name| !told_names.contains(name));
    complaints.extend(silent.map(|name| format!("{}: `{name}` is lost without a word; named are {told_names:?}", told(way))));
    let unlisted = told_names.iter().filter(|name| !expected.contains(name));
    complaints.extend(unlisted.map(|name| format!("{}: says that `{name}` is lost", told(way))));
}

/// All that either side says, but for what a dialect has or demands besides, which no other can say.
fn compared<'f>(way: Way<'_>, before: &'f Facts, after: &'f Facts) -> Vec<&'f str> {
    let said = keys(before);
    let added = keys(after).into_iter().filter(|key| !said.contains(key) && !key.starts_with(OWN)).collect::<Vec<_>>();
    let all = said.into_iter().chain(added);
    all.filter(|key| way.provider.is_some() || !key.starts_with(OWN)).collect()
}
