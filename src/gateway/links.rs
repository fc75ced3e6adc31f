//! Addresses in a provider's answers that lead past the gateway, and where they lead through it.

use crate::door::Passage;
use crate::host::Answer;
use crate::http::Call;
use crate::providers::Provider;

/// The field of an answer that holds an address of the provider's own.
pub fn linked(provider: &Provider, path: &str, answer: &impl Answer) -> Option<&'static str> {
    let is_json = || answer.header("content-type").is_some_and(|kind| kind.starts_with("application/json"));
    let (_, field) = provider.links.iter().find(|(below, _)| path.contains(below))?;
    ((200..300).contains(&answer.status()) && is_json()).then_some(field)
}

/// The answer with the addresses in this field leading where its passage led, instead of past the gateway; every other
/// byte stays.
pub fn homeward(body: Vec<u8>, field: &str, bases: &[&str], call: &Call, passage: &Passage) -> Vec<u8> {
    let Ok(text) = std::str::from_utf8(&body) else { return body };
    let here = match &passage.provider {
        Some(name) => format!("{}/v1/proxy/{name}", origin(call)),
        None => format!("{}/v1", origin(call)),
    };
    let name = format!("\"{field}\"");
    let mut out = String::with_capacity(text.len());
    let mut pieces = text.split(name.as_str());
    out.push_str(pieces.next().unwrap_or_default());
    for piece in pieces {
        out.push_str(&name);
        let value = piece.trim_start_matches([' ', '\t', '\r', '\n', ':']).strip_prefix('"').unwrap_or_default();
        let below = |base: &&&str| !base.is_empty() && value.strip_prefix(**base).is_some_and(|rest| rest.starts_with('/'));
        let (lead, base) = (piece.len().saturating_sub(value.len()), bases.iter().find(below).map_or(0, |base| base.len()));
        out.push_str(piece.get(..lead).unwrap_or_default());
        out.push_str(if base > 0 { &here } else { "" });
        out.push_str(piece.get(lead.saturating_add(base)..).unwrap_or_default());
    }
    out.into_bytes()
}

/// Where callers find this gateway; nothing where they did not say.
fn origin(call: &Call) -> String {
    let Some(host) = call.headers.find("host") else { return String::new() };
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    let local = name == "localhost" || name == "[::1]" || name.starts_with("127.");
    let scheme = call.headers.find("x-forwarded-proto").filter(|scheme| matches!(*scheme, "http" | "https"));
    format!("{}://{host}", scheme.unwrap_or(if local { "http" } else { "https" }))
}
