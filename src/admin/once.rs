//! A request that creates something and comes again with the same `Idempotency-Key` gets the first answer again.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::desk::Desk;
use super::request::{Answer, Request};
use super::store::Store;
use crate::error::{Error, Kind, Result};
use crate::spelling::hex;
use crate::wire::lean;

const KEPT_MS: u64 = 86_400_000;
const LONGEST: usize = 255;
/// So many old answers are forgotten with each new one.
const SWEPT: usize = 16;

/// What is kept of an answer.
#[derive(Serialize, Deserialize)]
struct Kept {
    until: u64,
    /// The hash of the body that was sent.
    asked: String,
    status: u16,
    etag: Option<String>,
    said: Said,
    /// What it changed and had to be told elsewhere.
    marks: Vec<String>,
    takes_away: bool,
}

#[derive(Serialize, Deserialize)]
enum Said {
    Plain(String),
    /// It holds what is shown once.
    Sealed(String),
    /// It held that, and there was nothing to seal it under.
    Lost,
}

type Route = fn(&mut Desk<'_>, &Request) -> Result<Answer>;

pub fn answer(desk: &mut Desk<'_>, request: &Request, route: Route) -> Result<Answer> {
    let Some(key) = request.idempotency_key.as_deref().filter(|_| request.method == "POST") else { return route(desk, request) };
    if key.is_empty() || key.len() > LONGEST {
        return Err(Error::invalid(format!("`Idempotency-Key` must have 1 to {LONGEST} letters.")).with_param("Idempotency-Key"));
    }
    let name = hashed(&[&desk.actor.name, &request.path, key]);
    let asked = hashed(&[&request.body]);
    let kept = desk.store.get(&row(&name)).and_then(|kept| lean::from_str::<Kept>(&kept).ok());
    if let Some(kept) = kept.filter(|kept| desk.now < kept.until) {
        return again(desk, &name, kept, &asked);
    }
    let answer = route(desk, request)?;
    keep(desk, &name, asked, &answer);
    Ok(answer)
}

fn again(desk: &mut Desk<'_>, name: &str, kept: Kept, asked: &str) -> Result<Answer> {
    if kept.asked != asked {
        let message = "This `Idempotency-Key` came with another body before: use another key for another request.";
        return Err(Error::caller(Kind::Conflict, message).with_code("idempotency_key_reused").with_param("Idempotency-Key"));
    }
    let body = match kept.said {
        Said::Plain(body) => Some(body),
        Said::Sealed(sealed) => desk.vault.open(name, &sealed),
        Said::Lost => None,
    };
    let lost = || {
        let message = "This was done before, but what was shown then cannot be shown again: rotate the key to have a new one.";
        Error::caller(Kind::Conflict, message).with_code("shown_once")
    };
    desk.takes_away = kept.takes_away;
    desk.marks = kept.marks.into_iter().filter(|mark| desk.store.get(mark).is_some()).collect();
    Ok(Answer { status: kept.status, etag: kept.etag, body: body.ok_or_else(lost)?, repeated: true, ..Answer::default() })
}

fn keep(desk: &mut Desk<'_>, name: &str, asked: String, answer: &Answer) {
    sweep(desk.store, desk.now);
    let nonce = desk.chance.bytes();
    let said = match desk.reveals {
        true => desk.vault.seal(name, &answer.body, nonce).map_or(Said::Lost, Said::Sealed),
        false => Said::Plain(answer.body.clone()),
    };
    let until = desk.now + KEPT_MS;
    let kept = Kept {
        until,
        asked,
        status: answer.status,
        etag: answer.etag.clone(),
        said,
        marks: desk.marks.clone(),
        takes_away: desk.takes_away,
    };
    desk.store.put(&row(name), &serde_json::to_string(&kept).unwrap_or_default());
    desk.store.put(&format!("once-until/{until:020}/{name}"), "");
}

/// Forgets what is too old.
fn sweep(store: &mut dyn Store, now: u64) {
    let (prefix, now) = ("once-until/", format!("once-until/{now:020}"));
    for (due, _) in store.list(prefix, "", SWEPT).into_iter().take_while(|(due, _)| *due < now) {
        let name = due.rsplit('/').next().unwrap_or_default();
        store.delete(&row(name));
        store.delete(&due);
    }
}

fn row(name: &str) -> String {
    format!("once/{name}")
}

fn hashed(parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part.len().to_be_bytes());
        hash.update(part);
    }
    hex(&hash.finalize())
}
