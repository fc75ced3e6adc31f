//! What passes through without being read: a provider's own API by `/v1/proxy/PROVIDER/...`, its files, batches and
//! stored answers, and forms with files in them. Keys, records and the provider's credentials are as everywhere.

use super::attempt::{MAX_ANSWER, failure, rest, send, unanswered};
use super::life::Life;
use super::route::{Asked, walk};
use crate::door::Passage;
use crate::error::{Error, Result};

use crate::host::{Answer, Host, Parcel, Payload, apart};
use crate::http::{Body, Call, Headers, Method, Reply};
use crate::prices;
use crate::providers::service::Errand;
use crate::providers::{self, Auth, Provider};
use crate::settings::Settings;
use crate::target::{self, Target, Wish};
use crate::token;
use crate::wire::audio::{self, Script, Task};
use crate::wire::envelope::Envelope;
use crate::wire::multipart::{Editor, HEAD_BYTES};
use crate::wire::{Dialect, Glance};

/// Sends the call on as it is, and the answer back as it comes.
pub async fn pass<H: Host>(life: &mut Life<'_, H>, passage: &Passage) -> Result<Reply<H::Answer>> {
    life.inference = true;
    life.caller.admit(life.settings)?;
    // Whoever names the provider in the path wants that one, and no config's key goes there.
    if passage.provider.is_some() {
        return pass_to(life, passage).await;
    }
    let asked = Asked { envelope: Envelope::empty(), model: String::new(), once: true };
    walk(life, &asked, async |life| pass_to(life, passage).await).await
}

async fn pass_to<H: Host>(life: &mut Life<'_, H>, passage: &Passage) -> Result<Reply<H::Answer>> {
    let named = match &passage.provider {
        Some(name) => Some(target::provider(name)?),
        None => target::named_provider(life.call, &life.caller)?,
    };
    let unnamed = || Error::invalid("Name the provider in `x-causeway-provider`.").with_param("provider");
    let provider = named.or_else(|| home_of(life.settings, life.dialect)).ok_or_else(unnamed)?;
    life.ledger.record.provider = provider.slug;
    let place = target::place(life.settings, &life.caller, provider)?;
    let credential = target::credential(life.settings, &life.caller, provider, &place)?;
    let query = target::passed_query(&life.call.query);
    let mark = if query.is_empty() { "" } else { "?" };
    let url = format!("{}{mark}{query}", joined(&place.base, &passage.path));
    let mut headers = target::request_headers(provider, credential);
    if let Some(account) = target::account(life.settings, credential)? {
        headers.add("authorization", &token::authorization(life.host, life.settings, &account, life.timeout_ms(false)?).await?);
    }
    target::pass_headers(life.call, provider, &mut headers);
    let method = life.call.method;
    let bodiless = matches!(method, Method::Get | Method::Head) || life.call.headers.find("content-type").is_none();
    // A signature is over the whole body.
    let signed = if matches!(provider.auth, Auth::Aws(_)) && !bodiless { Some(life.body().await?) } else { None };
    let started = life.host.now();
    if matches!(provider.auth, Auth::Aws(_)) {
        let body = signed.as_deref().unwrap_or_default();
        target::sign(life.settings, &life.caller, provider, credential, method, &mut headers, &url, body, started);
    }
    let body = match &signed {
        Some(bytes) => Payload::Bytes(bytes),
        None if bodiless => Payload::None,
        None => Payload::Callers,
    };
    let timeout_ms = life.timeout_ms(false)?;
    let parcel = Parcel { url: &url, headers: &headers, method: method.word(), body, passes: true, timeout_ms };
    let outcome = life.host.fetch(parcel).await;
    let mut answer = life.tried(provider, started, outcome)?;
    let Some(field) = linked(provider, &passage.path, &answer) else { return Ok(passed(life, answer)) };
    let bytes = apart(rest(life, &mut answer, MAX_ANSWER)).await.map_err(|fault| unanswered(fault, life, provider))?;
    let proxy = passage.provider.as_ref().map(|_| format!("/v1/proxy/{}", provider.slug));
    let here = format!("{}{}", origin(life.call), proxy.as_deref().unwrap_or("/v1"));
    let bytes = homeward(bytes, field, &[&place.base, provider.base], &here);
    let status = answer.status();
    Ok(unread(life, status, Body::Relayed { answer, bytes }))
}

/// The field of the answer that holds an address of the provider's.
fn linked(provider: &Provider, path: &str, answer: &impl Answer) -> Option<&'static str> {
    let is_json = || answer.header("content-type").is_some_and(|kind| kind.starts_with("application/json"));
    let (_, field) = provider.links.iter().find(|(below, _)| path.contains(below))?;
    ((200..300).contains(&answer.status()) && is_json()).then_some(field)
}

/// Where callers find this gateway; nothing where they did not say.
fn origin(call: &Call) -> String {
    let Some(host) = call.headers.find("host") else { return String::new() };
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    let local = name == "localhost" || name == "[::1]" || name.starts_with("127.");
    let scheme = call.headers.find("x-forwarded-proto").filter(|scheme| matches!(*scheme, "http" | "https"));
    format!("{}://{host}", scheme.unwrap_or(if local { "http" } else { "https" }))
}

/// The answer with the addresses in this field leading here instead of past the gateway; every other byte stays.
fn homeward(body: Vec<u8>, field: &str, bases: &[&str], here: &str) -> Vec<u8> {
    let Ok(text) = std::str::from_utf8(&body) else { return body };
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
        out.push_str(if base > 0 { here } else { "" });
        out.push_str(piece.get(lead.saturating_add(base)..).unwrap_or_default());
    }
    out.into_bytes()
}

fn passed<H: Host>(life: &mut Life<'_, H>, answer: H::Answer) -> Reply<H::Answer> {
    unread(life, answer.status(), Body::Passed { answer })
}

/// What it cost, only the provider knows.
fn unread<H: Host>(life: &mut Life<'_, H>, status: u16, body: Body<H::Answer>) -> Reply<H::Answer> {
    life.ledger.tally.uncounted = true;
    life.close(&Glance { finished: true, ..Glance::default() });
    Reply { status, headers: Headers::default(), body, ledger: None, deposit: None }
}

/// The provider whose own dialect it is; an active one before any other.
fn home_of(settings: &Settings, dialect: Dialect) -> Option<&'static Provider> {
    let at_home = |provider: &&'static Provider| provider.services.first().is_some_and(|service| service.serves.dialect() == Some(dialect));
    let active = settings.active().into_iter().find(at_home);
    active.or_else(|| providers::all().iter().find(at_home))
}

/// The path after the base. Clients that were told a base of their own repeat its end: it counts once.
fn joined(base: &str, path: &str) -> String {
    let local = base.split_once("://").map_or("", |(_, rest)| rest.split_once('/').map_or("", |(_, local)| local));
    let mut ends = local.split('/').filter(|part| !part.is_empty()).collect::<Vec<_>>();
    while !ends.is_empty() {
        let end = format!("/{}", ends.join("/"));
        if let Some(rest) = path.strip_prefix(&end)
            && (rest.is_empty() || rest.starts_with('/'))
        {
            return format!("{base}{rest}");
        }
        ends.remove(0);
    }
    format!("{base}{path}")
}

/// A form: what it asks of a model is read in passing, its files are not.
pub async fn form<H: Host>(life: &mut Life<'_, H>, errand: Errand) -> Result<Reply<H::Answer>> {
    life.inference = true;
    life.caller.admit(life.settings)?;
    let content_type = life.call.headers.find("content-type").unwrap_or_default();
    let head = life.host.beginning(HEAD_BYTES).await.map_err(|_| Error::invalid("The body could not be read."))?;
    let mut reader = Editor::new(content_type, &audio::WATCHED)?;
    reader.push(&head, &mut Vec::new())?;
    let asked = match reader.seen("model") {
        Some(model) => model.to_owned(),
        None if target::named_provider(life.call, &life.caller)?.is_some() => String::new(),
        None => return Err(audio::model_unseen()),
    };
    let asked = Asked { envelope: Envelope::empty(), model: asked, once: true };
    walk(life, &asked, async |life| form_to(life, errand, &asked).await).await
}

async fn form_to<H: Host>(life: &mut Life<'_, H>, errand: Errand, asked: &Asked<'_>) -> Result<Reply<H::Answer>> {
    let content_type = life.call.headers.find("content-type").unwrap_or_default();
    let (_, model) = asked.under(life.caller.terms, false);
    let target = target::choose(life.settings, life.call, life.caller, Wish::Errand(errand), &model)?;
    life.ledger.record.provider = target.provider.slug;
    life.ledger.record.model.clone_from(&target.model);
    if let Some(shape) = target.service.serves.sound().filter(|shape| *shape == audio::Shape::WorkersAi) {
        return whole_form(life, &target, shape, errand, content_type).await;
    }
    let renamed = target.model != asked.model && !target.model.is_empty();
    let payload = if renamed {
        Payload::Form(Box::new(Editor::new(content_type, &audio::WATCHED)?.set("model", &target.model)))
    } else {
        Payload::Callers
    };
    let started = life.host.now();
    let url = target.url(false)?;
    let mut headers = target.headers(life.call);
    headers.add("content-type", content_type);
    let timeout_ms = life.timeout_ms(false)?;
    let parcel = Parcel { url: &url, headers: &headers, method: "POST", body: payload, passes: false, timeout_ms };
    let outcome = prices::alongside(life.host, life.settings, timeout_ms, life.host.fetch(parcel)).await;
    let mut answer = life.tried(target.provider, started, outcome)?;
    if !(200..300).contains(&answer.status()) {
        return Err(failure(life, &target, &mut answer).await);
    }
    if answer.is_stream() {
        return Ok(passed(life, answer));
    }
    let bytes = answer.bytes(MAX_ANSWER).await.map_err(|fault| unanswered(fault, life, target.provider))?;
    life.close_errand(errand, &[], &bytes);
    Ok(Reply { status: answer.status(), headers: Headers::default(), body: Body::Relayed { answer, bytes }, ledger: None, deposit: None })
}

/// For a provider that takes no form: it is read and written anew.
async fn whole_form<H: Host>(
    life: &mut Life<'_, H>,
    target: &Target<'_>,
    shape: audio::Shape,
    errand: Errand,
    content_type: &str,
) -> Result<Reply<H::Answer>> {
    debug_assert!(shape == audio::Shape::WorkersAi, "other shapes pass");
    let task = if errand == Errand::Translation { Task::Translate } else { Task::Transcribe };
    let form = life.body().await?;
    let (body, script): (Vec<u8>, Script) = audio::encode_transcription(content_type, &form, task, &mut life.losses)?;
    let json = |headers: &mut Headers| headers.add("content-type", "application/json");
    let mut answer = send(life, target, &body, false, json, false).await?;
    if !(200..300).contains(&answer.status()) {
        return Err(failure(life, target, &mut answer).await);
    }
    let bytes = answer.bytes(MAX_ANSWER).await.map_err(|fault| unanswered(fault, life, target.provider))?;
    let (kind, written) = audio::translate_transcript(&bytes, task, script)?;
    life.close_errand(errand, &[], &written);
    let headers = Headers::from_iter([("content-type", kind)]);
    Ok(Reply { status: 200, headers, body: Body::Bytes(written), ledger: None, deposit: None })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_base_counts_once() {
        for (base, path, expected) in [
            ("https://api.openai.com/v1", "/v1/files", "https://api.openai.com/v1/files"),
            ("https://api.openai.com/v1", "/files", "https://api.openai.com/v1/files"),
            ("https://api.groq.com/openai/v1", "/openai/v1/models", "https://api.groq.com/openai/v1/models"),
            ("https://api.groq.com/openai/v1", "/v1/models", "https://api.groq.com/openai/v1/models"),
            ("https://api.cohere.com", "/v2/chat", "https://api.cohere.com/v2/chat"),
            ("https://api.openai.com/v1", "/v1beta/x", "https://api.openai.com/v1/v1beta/x"),
        ] {
            assert_eq!(joined(base, path), expected);
        }
    }
}
