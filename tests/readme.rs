//! The README's table of providers is what the code says: `UPDATE=1 cargo test --test readme` writes it anew.

use std::path::PathBuf;

use causeway::providers::service::{Serves, Service};
use causeway::providers::{self, Auth, Home, Provider, sandbox, words};

const BEGIN: &str = "<!-- providers -->\n";
const END: &str = "<!-- /providers -->\n";

#[test]
fn the_table_of_providers_is_what_the_code_says() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let readme = std::fs::read_to_string(&path).unwrap();
    let (before, rest) = readme.split_once(BEGIN).unwrap();
    let (shown, after) = rest.split_once(END).unwrap();
    let table = table();
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(path, format!("{before}{BEGIN}{table}{END}{after}")).unwrap();
        return;
    }
    assert_eq!(shown, table, "the table is old: run UPDATE=1 cargo test --test readme");
}

fn table() -> String {
    let head = "| provider | also called | its key | its address | conversations | and |\n|---|---|---|---|---|---|\n";
    let rows = providers::all().iter().map(|provider| {
        let cells =
            [code(provider.slug), codes(provider.aliases, ", "), key(provider), address(provider), dialects(provider), errands(provider)];
        format!("| {} |\n", cells.join(" | "))
    });
    format!("{head}{}", rows.collect::<String>())
}

fn code(word: &str) -> String {
    format!("`{word}`")
}

fn codes(words: &[&str], between: &str) -> String {
    words.iter().map(|word| code(word)).collect::<Vec<_>>().join(between)
}

fn key(provider: &Provider) -> String {
    if provider.slug == sandbox::SLUG {
        return "none; `SANDBOX=true`".to_owned();
    }
    let own = codes(provider.keys, " or ");
    match provider.auth {
        Auth::Aws(_) => format!("`AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY`, or {own}"),
        _ => own,
    }
}

/// The variables that say where it is, and what counts without them.
fn address(provider: &Provider) -> String {
    let paths = provider.services.iter().map(|service| service.path);
    let mut names: Vec<&str> = std::iter::once(provider.base).chain(paths).flat_map(words::names).collect();
    // The host follows from the region.
    names.retain(|name| words::word(name).is_some());
    let mut seen = Vec::new();
    names.retain(|name| {
        !seen.contains(name) && {
            seen.push(name);
            true
        }
    });
    let told = names.into_iter().filter_map(words::word).map(|word| match word.default {
        "" | "{model}" => codes(word.vars, " or "),
        default => format!("{} ({default})", codes(word.vars, " or ")),
    });
    let home = match provider.home {
        Home::Own => None,
        Home::Yours(var) | Home::Tenant { var, .. } => Some(code(var)),
    };
    home.into_iter().chain(told).collect::<Vec<_>>().join(", ")
}

/// The dialects that it speaks itself; callers may speak any.
fn dialects(provider: &Provider) -> String {
    once(provider, |service| service.serves.dialect().map(|dialect| dialect.slug()))
}

fn errands(provider: &Provider) -> String {
    once(provider, |service| match service.serves {
        Serves::Count(_) => Some("counting of tokens"),
        serves => serves.errand().map(|errand| errand.noun()),
    })
}

fn once(provider: &Provider, what: impl Fn(&Service) -> Option<&'static str>) -> String {
    let mut words: Vec<&str> = Vec::new();
    for word in provider.services.iter().filter_map(what) {
        if !words.contains(&word) {
            words.push(word);
        }
    }
    words.join(", ")
}
