//! What passes through without being read: a provider's own API by `/v1/proxy/PROVIDER/...`, its files, batches and
//! stored answers, and forms with files in them. Keys, records and the provider's credentials are as everywhere.

use super::attempt::{MAX_ANSWER, accepted, read, rest, send, unanswered, whole};
use super::freight::{self, Freight, Freighted};
use super::lease;
use super::life::Life;
use super::links;
use super::route::{Asked, walk};
use super::worst::worst_of_form;
use crate::door::Passage;
use crate::error::{Error, Result};
use crate::host::{Answer, Host, Parcel, Payload, apart};
use crate::http::{Body, Call, Headers, Method, Reply};
use crate::lease::Bill;
use crate::prices;
use crate::providers::service::Errand;
use crate::providers::{self, Auth, Provider, sandbox};
use crate::settings::Settings;
use crate::target::{self, Credential, Target, Wish};
use crate::token;
use crate::wire::audio::{self, Script, Task};
use crate::wire::multipart::{Editor, HEAD_BYTES};
use crate::wire::pipe::{Pipe, Tap};
use crate::wire::{Dialect, Glance};

/// Sends the call on as it is, and the answer back as it comes.
pub async fn pass<H: Host>(life: &mut Life<'_, H>, passage: &Passage) -> Result<Reply<H::Answer>> {
    life.enter().await?;
    // Whoever names the provider in the path wants that one, and no config's key goes there.
    let unrouted = passage.provider.is_some();
    let provider = passage.provider.as_deref().or_else(|| home_of(life.settings, life.dialect).map(|provider| provider.slug));
    // As if for a model of the provider, so that its credential is found.
    let model = provider.map(|slug| format!("{slug}/")).unwrap_or_default();
    let asked = Asked::unread(model, unrouted);
    walk(life, &asked, async |life| pass_to(life, passage).await).await
}

async fn pass_to<H: Host>(life: &mut Life<'_, H>, passage: &Passage) -> Result<Reply<H::Answer>> {
    let provider = provider_of(life, passage)?;
    life.ledger.record.provider = provider.slug;
    let mut freight = admitted(life, passage, provider).await?;
    let place = target::place(life.settings, &life.caller, provider)?;
    let credential = target::credential(life.settings, &life.caller, provider, &place)?;
    // A signature is over the whole body.
    if matches!(provider.auth, Auth::Aws(_)) && freight.body.is_none() && !is_bodiless(life.call) {
        freight.body = Some(life.body().await?);
    }
    let mut answer = forward(life, provider, credential, &place.base, passage, &freight).await?;
    if answer.status() >= 400 {
        return refused(life, provider, credential, freight.is_counted(), answer).await;
    }
    if freight.is_counted() {
        return told(life, provider, &freight, answer).await;
    }
    let free = freight.kind == Freighted::Free;
    let Some(field) = links::linked(provider, &passage.path, &answer) else { return Ok(passed(life, answer, free)) };
    let bytes = apart(rest(life, &mut answer, MAX_ANSWER)).await.map_err(|fault| unanswered(fault, life, provider))?;
    let bytes = links::homeward(bytes, field, &[&place.base, provider.base], life.call, passage);
    let status = answer.status();
    Ok(unread(life, status, Body::Relayed { answer, bytes }, free))
}

/// The one in the path, else the one that the call names, else whose own dialect it is.
fn provider_of<H: Host>(life: &Life<'_, H>, passage: &Passage) -> Result<&'static Provider> {
    let named = match &passage.provider {
        Some(name) if !name.starts_with('@') => Some(target::provider(name)?),
        _ => target::named_provider(life.call, &life.caller)?,
    };
    let unnamed = || Error::invalid("Name the provider in `x-causeway-provider`.").with_param("provider");
    let provider = named.or_else(|| home_of(life.settings, life.dialect)).ok_or_else(unnamed)?;
    if provider.slug == sandbox::SLUG {
        return Err(Error::invalid("The sandbox has nothing but models: name another provider.").with_param("provider"));
    }
    Ok(provider)
}

/// What is to pass, if the caller may and its limits and budgets allow it.
async fn admitted<H: Host>(life: &mut Life<'_, H>, passage: &Passage, provider: &Provider) -> Result<Freight> {
    let weighed = freight::weigh(life, &passage.path).await?;
    let model = weighed.as_ref().and_then(|freight| freight.model.as_deref());
    life.ledger.record.model = model.unwrap_or_default().to_owned();
    life.permit_any(provider.slug, model)?;
    life.ledger.prompt_bytes = weighed.as_ref().and_then(|freight| freight.body.as_ref()).map_or(0, Vec::len);
    let worst = weighed.as_ref().map_or(Bill::NOTHING, |freight| freight::worst(life, freight));
    lease::secure(life, None, worst).await?;
    Ok(weighed.unwrap_or_default())
}

fn is_bodiless(call: &Call) -> bool {
    matches!(call.method, Method::Get | Method::Head) || call.headers.find("content-type").is_none()
}

/// Sends it with the provider's credential in place of the caller's.
async fn forward<H: Host>(
    life: &mut Life<'_, H>,
    provider: &Provider,
    credential: Credential<'_>,
    base: &str,
    passage: &Passage,
    freight: &Freight,
) -> Result<H::Answer> {
    let query = target::passed_query(&life.call.query);
    let mark = if query.is_empty() { "" } else { "?" };
    let url = format!("{}{mark}{query}", joined(base, &passage.path));
    let mut headers = target::request_headers(provider, credential);
    if let Some(account) = target::account(life.settings, credential)? {
        headers.add("authorization", &token::authorization(life.host, life.settings, &account, life.timeout_ms(false)?).await?);
    }
    target::pass_headers(life.call, provider, &mut headers);
    let (method, started) = (life.call.method, life.host.now());
    let signed = freight.body.as_deref().unwrap_or_default();
    target::sign(life.settings, &life.caller, provider, credential, method, &mut headers, &url, signed, started);
    let body = match &freight.body {
        Some(bytes) => Payload::Bytes(bytes),
        None if is_bodiless(life.call) => Payload::None,
        None => Payload::Callers,
    };
    let timeout_ms = life.timeout_ms(false)?;
    let parcel = Parcel { url: &url, headers: &headers, method: method.word(), body, passes: !freight.is_counted(), timeout_ms };
    let outcome = life.host.fetch(parcel).await;
    life.tried(provider, started, outcome)
}

/// Passes a refusal on, less what must not be told.
async fn refused<H: Host>(
    life: &mut Life<'_, H>,
    provider: &Provider,
    credential: Credential<'_>,
    is_read: bool,
    mut answer: H::Answer,
) -> Result<Reply<H::Answer>> {
    let bytes = if is_read { whole(life, &mut answer, MAX_ANSWER).await } else { rest(life, &mut answer, MAX_ANSWER).await };
    let bytes = bytes.map_err(|fault| unanswered(fault, life, provider))?;
    let (status, content_type) = (answer.status(), answer.header("content-type").unwrap_or_default());
    let concealed = target::concealed(credential, bytes.clone());
    if concealed == bytes {
        return Ok(unread(life, status, Body::Relayed { answer, bytes }, true));
    }
    let mut reply = unread(life, status, Body::Bytes(concealed), true);
    reply.headers.add("content-type", &content_type);
    Ok(reply)
}

/// Passes an answer on that tells what was used.
async fn told<H: Host>(life: &mut Life<'_, H>, provider: &Provider, freight: &Freight, mut answer: H::Answer) -> Result<Reply<H::Answer>> {
    let status = answer.status();
    if let Freighted::Talk(dialect) = freight.kind
        && answer.is_stream()
    {
        return Ok(tapped(life, dialect, answer));
    }
    let bytes = whole(life, &mut answer, MAX_ANSWER).await.map_err(|fault| unanswered(fault, life, provider))?;
    match freight.kind {
        Freighted::Talk(dialect) => {
            let glance = (dialect.inbound().glance_response)(&bytes).unwrap_or_default();
            life.close(&glance);
        }
        Freighted::Errand(errand) => life.close_errand(errand, freight.body.as_deref().unwrap_or_default(), &bytes),
        Freighted::Free | Freighted::Unknown => {}
    }
    Ok(Reply::relayed(status, answer, bytes))
}

/// A stream passes, and a tap keeps count.
fn tapped<H: Host>(life: &mut Life<'_, H>, dialect: Dialect, answer: H::Answer) -> Reply<H::Answer> {
    life.ledger.record.status = answer.status();
    let ledger = std::mem::take(&mut life.ledger);
    life.ledger.record.clone_from(&ledger.record);
    let pipe = Box::new(Pipe::Tap(Tap::new(dialect)));
    let body = Body::Stream { answer, pipe, patience: life.patience() };
    Reply { status: ledger.record.status, headers: Headers::default(), body, ledger: Some(ledger), deposit: None }
}

fn passed<H: Host>(life: &mut Life<'_, H>, answer: H::Answer, free: bool) -> Reply<H::Answer> {
    unread(life, answer.status(), Body::Passed { answer }, free)
}

/// What it cost, only the provider knows, unless it is free.
fn unread<H: Host>(life: &mut Life<'_, H>, status: u16, body: Body<H::Answer>, free: bool) -> Reply<H::Answer> {
    let failed = status >= 400;
    life.ledger.tally.uncounted = !free && !failed;
    life.ledger.free = free || failed;
    life.close(&Glance { finished: true, ..Glance::default() });
    Reply::of(status, Headers::default(), body)
}

/// The provider whose own dialect it is; an active one before any other.
fn home_of(settings: &Settings, dialect: Dialect) -> Option<&'static Provider> {
    let speaks = |provider: &Provider| provider.services.first().is_some_and(|service| service.serves.dialect() == Some(dialect));
    let at_home = |provider: &&'static Provider| provider.slug != sandbox::SLUG && speaks(provider);
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
    life.enter().await?;
    let content_type = life.call.headers.find("content-type").unwrap_or_default();
    let head = life.host.beginning(HEAD_BYTES).await.map_err(|_| Error::invalid("The body could not be read."))?;
    let mut reader = Editor::new(content_type, &audio::WATCHED)?;
    reader.push(&head, &mut Vec::new())?;
    let asked = match reader.seen("model") {
        Some(model) => model.to_owned(),
        None if target::named_provider(life.call, &life.caller)?.is_some() => String::new(),
        None => return Err(audio::model_unseen()),
    };
    let asked = Asked::unread(asked, false);
    walk(life, &asked, async |life| form_to(life, errand, &asked).await).await
}

async fn form_to<H: Host>(life: &mut Life<'_, H>, errand: Errand, asked: &Asked<'_>) -> Result<Reply<H::Answer>> {
    let content_type = life.call.headers.find("content-type").unwrap_or_default();
    let (_, model) = asked.under(life.caller.terms, false);
    let target = life.aim(Wish::Errand(errand), &model)?;
    let worst = worst_of_form(life, errand);
    lease::secure(life, None, worst).await?;
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
    let answer = life.tried(target.provider, started, outcome)?;
    let mut answer = accepted(life, &target, answer).await?;
    if answer.is_stream() {
        return Ok(passed(life, answer, false));
    }
    let bytes = read(life, target.provider, &mut answer).await?;
    life.close_errand(errand, &[], &bytes);
    Ok(Reply::relayed(answer.status(), answer, bytes))
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
    let answer = send(life, target, Payload::Bytes(&body), false, json, false).await?;
    let mut answer = accepted(life, target, answer).await?;
    let bytes = read(life, target.provider, &mut answer).await?;
    let (kind, written) = audio::translate_transcript(&bytes, task, script)?;
    life.close_errand(errand, &[], &written);
    let headers = Headers::from_iter([("content-type", kind)]);
    Ok(Reply::of(200, headers, Body::Bytes(written)))
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
