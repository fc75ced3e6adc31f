//! Every dialect of callers with every dialect of providers.
//!
//! - `requests`: each fixture, in each dialect of callers, through each dialect of providers.
//! - `answers`: each fixture of each dialect of providers, for callers of each dialect, whole and streamed.
//! - `loops`: a tool loop of three turns through every pair, whole and streamed; and one that goes on elsewhere.
//!
//! What is lost on the way stands in `fixtures/pairs/losses.txt` with its reason.

#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod answers;
mod aws;
mod clients;
mod completions;
mod facts;
mod loops;
mod losses;
mod meaning;
mod readers;
mod requests;
mod said;

use std::path::PathBuf;

use causeway::error::Result;
use causeway::ir::{Losses, Request};
use causeway::wire::{Abilities, Dialect};

/// The dialects that hold conversations with callers.
const CALLERS: [Dialect; 4] = [Dialect::Chat, Dialect::Responses, Dialect::Messages, Dialect::Gemini];
const PROVIDERS: [Dialect; 7] =
    [Dialect::Chat, Dialect::Responses, Dialect::Messages, Dialect::Gemini, Dialect::Converse, Dialect::Cohere, Dialect::Predictions];

/// The request as it is sent to a model of the provider that takes whatever the dialect can say.
fn encode(caller: Dialect, provider: Dialect, request: Request, abilities: &Abilities, losses: &mut Losses) -> Result<Vec<u8>> {
    let model = match provider {
        Dialect::Chat | Dialect::Responses | Dialect::Completions => "gpt-next",
        Dialect::Messages => "claude-next",
        Dialect::Gemini => "gemini-next",
        Dialect::Converse => "anthropic.claude-next",
        Dialect::Cohere => "command-next",
        Dialect::Predictions => "meta/next",
    };
    let request = Request { model: model.to_owned(), ..request };
    (provider.outbound().encode_request)(&request, caller == provider, abilities, losses)
}

fn fixtures(folder: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/pairs").join(folder)
}

fn files(folder: &str) -> Vec<PathBuf> {
    let mut paths: Vec<_> = std::fs::read_dir(fixtures(folder)).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

/// The sections of a fixture, each under a line `== name`.
fn sections(path: &std::path::Path) -> Vec<(String, String)> {
    let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut sections: Vec<(String, String)> = Vec::new();
    for line in text.split_inclusive('\n') {
        match (line.strip_prefix("== "), sections.last_mut()) {
            (Some(name), _) => sections.push((name.trim().to_owned(), String::new())),
            (None, Some((_, section))) => section.push_str(line),
            (None, None) => {}
        }
    }
    sections
}
