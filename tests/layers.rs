//! The layers of the house: each file knows only those below it, and no dialect knows another.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::path::Path;

/// From the bottom up. What shares a rung may know each other.
const RUNGS: &[&[&str]] = &[
    &["error", "order", "spelling", "time"],
    &["ir"],
    &["wire", "http", "record", "host", "catalog", "cost", "cache", "lease", "section"],
    &["providers"],
    &["policy", "routing"],
    &["settings"],
    &["caller"],
    &["door", "target", "token", "prices", "errand"],
    &["models", "health", "predict", "admin"],
    &["gateway"],
    &["edge"],
];

fn rung(module: &str) -> usize {
    RUNGS.iter().position(|rung| rung.contains(&module)).unwrap_or_else(|| panic!("`{module}` stands on no rung: give it one"))
}

fn files(folder: &Path, found: &mut Vec<(String, String)>) {
    for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let path = entry.path();
        if path.is_dir() {
            files(&path, found);
        } else if path.extension().is_some_and(|kind| kind == "rs") {
            let name = path.strip_prefix(Path::new(env!("CARGO_MANIFEST_DIR")).join("src")).unwrap();
            found.push((name.to_string_lossy().into_owned(), std::fs::read_to_string(&path).unwrap()));
        }
    }
}

fn sources() -> Vec<(String, String)> {
    let mut found = Vec::new();
    files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut found);
    assert!(found.len() > 30);
    found.retain(|(name, _)| name != "lib.rs");
    // What tests of a file use is no dependency of the file.
    found.into_iter().map(|(name, text)| (name, text.split("#[cfg(test)]").next().unwrap().to_owned())).collect()
}

/// The first words of every path that begins with `start`, those in braces included.
fn known<'a>(text: &'a str, start: &str) -> Vec<&'a str> {
    let first = |path: &'a str| path.trim_start().split(|char: char| !(char.is_alphanumeric() || char == '_')).next().unwrap();
    text.split(start)
        .skip(1)
        .flat_map(|rest| match rest.strip_prefix('{') {
            Some(list) => at_top(list.split("};").next().unwrap()).map(first).collect(),
            None => vec![first(rest)],
        })
        .filter(|word| !word.is_empty())
        .collect()
}

/// The members of a list that are not within braces of their own.
fn at_top(list: &str) -> impl Iterator<Item = &str> {
    let mut depth = 0;
    list.split(move |char| {
        depth += i32::from(char == '{') - i32::from(char == '}');
        char == ',' && depth == 0
    })
}

#[test]
fn paths_in_braces_are_read_too() {
    let text = "use crate::error::Error;\nuse crate::{providers, wire::{chat, json}, spelling};\nfn f() { crate::ir::fold() }";
    assert_eq!(known(text, "crate::"), ["error", "providers", "wire", "spelling", "ir"]);
    assert_eq!(known("use crate::wire::{Echo, chat::decode};", "crate::wire::"), ["Echo", "chat"]);
}

#[test]
fn the_map_shows_these_rungs() {
    let map = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lib.rs")).unwrap();
    let rungs: Vec<String> = RUNGS.iter().map(|rung| rung.join(", ")).collect();
    assert!(map.contains(&format!("//! `{}`.\n", rungs.join(" -> "))), "{}", rungs.join(" -> "));
}

#[test]
fn the_map_names_every_room_of_the_gateway() {
    let map = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lib.rs")).unwrap();
    for (name, _) in sources() {
        let Some(room) = name.strip_prefix("gateway/").and_then(|file| file.strip_suffix(".rs")) else { continue };
        assert!(map.contains(&format!("`{room}`")), "the map has no room `{room}`");
    }
}

#[test]
fn dependencies_point_one_way() {
    for (name, text) in sources() {
        let own = name.split(['/', '.']).next().unwrap();
        for module in known(&text, "crate::") {
            assert!(rung(module) <= rung(own), "{name} knows `{module}`, which stands above it");
        }
    }
}

#[test]
fn no_dialect_knows_another() {
    let dialects = ["chat", "messages", "completions", "responses", "gemini", "converse", "cohere", "predictions"];
    for (name, text) in sources() {
        let own = name.strip_prefix("wire/").and_then(|rest| rest.split(['/', '.']).next()).unwrap_or_default();
        if !dialects.contains(&own) {
            continue;
        }
        let steps = name.matches('/').count() - usize::from(name.ends_with("/mod.rs"));
        let above = format!("{}::", vec!["super"; steps].join("::"));
        for module in known(&text, "crate::wire::").into_iter().chain(known(&text, &above)) {
            assert!(module == own || !dialects.contains(&module), "{name} knows {module}");
        }
    }
}

#[test]
fn only_the_edge_knows_the_platform() {
    for (name, text) in sources().into_iter().filter(|(name, _)| !name.starts_with("edge/")) {
        for word in ["worker::", "js_sys", "wasm_bindgen", "web_sys"] {
            assert!(!text.contains(word), "{name} knows {word}");
        }
    }
}

#[test]
fn only_the_providers_know_a_vendor_by_name() {
    for (name, text) in sources().into_iter().filter(|(name, _)| !name.starts_with("providers/")) {
        for provider in causeway::providers::all().iter().filter(|provider| !["sandbox", "custom"].contains(&provider.slug)) {
            let compared = [format!("== \"{}\"", provider.slug), format!("!= \"{}\"", provider.slug)];
            assert!(!compared.iter().any(|word| text.contains(word)), "{name} compares with {}", provider.slug);
        }
    }
}
