//! A conversation: relayed where provider and caller speak the same dialect, else translated.

use std::borrow::Cow;

use super::attempt::{MAX_ANSWER, accepted, empty, opened, send, unanswered, whole};
use super::lease;
use super::life::Life;
use super::route::{Asked, walk};
use super::shelf::{Shelf, replay};
use super::sight::fits;
use super::worst::worst_of_talk;
use crate::cache;
use crate::door::{self, Talk};
use crate::error::{Error, Result};
use crate::host::{Answer, Fault, Host, Payload, apart};
use crate::http::{Body, Call, Headers, Reply};
use crate::ir::{Fold, Losses, Response};
use crate::prices;
use crate::providers::{StreamUsage, sandbox};
use crate::target::{Target, Wish};
use crate::wire::envelope::Envelope;
use crate::wire::frame::list::List;
use crate::wire::pipe::{Listed, Pipe, Strain, Tap, Translate};
use crate::wire::{Dialect, Echo, Glance};

/// How the answer gets from the provider's dialect to the caller's.
struct Draft<'a> {
    body: Cow<'a, [u8]>,
    /// The caller wants a stream.
    stream: bool,
    /// The answer may pass as it is.
    relay: bool,
    /// The caller did not ask for usage.
    strain: bool,
    echo: Echo,
}

impl Draft<'_> {
    fn payload(&self) -> Payload<'_> {
        match &self.body {
            Cow::Borrowed(body) => Payload::Unchanged(body),
            Cow::Owned(body) => Payload::Bytes(body),
        }
    }
}

pub async fn hold<H: Host>(life: &mut Life<'_, H>, talk: &Talk) -> Result<Reply<H::Answer>> {
    life.dialect = talk.dialect;
    let body = life.receive().await?;
    let asked = Asked::by(life.look(&body)?, talk.model.as_deref())?;
    walk(life, &asked, async |life| ask(life, talk, &asked).await).await
}

/// Asks the target whose turn it is.
async fn ask<H: Host>(life: &mut Life<'_, H>, talk: &Talk, asked: &Asked<'_>) -> Result<Reply<H::Answer>> {
    let (envelope, model) = asked.under(life.caller.terms, talk.model.is_some());
    let target = life.aim(Wish::Talk(talk.dialect), &named(model)?)?;
    fits(life, &envelope, target.provider.slug, &target.model)?;
    let shelf = Shelf::of_talk(life, &target, &envelope);
    let turns = shelf.is_some() && cache::turns(life.dialect, &envelope);
    let worst = worst_of_talk(life, &envelope);
    let draft = draft(life, talk, envelope, &target)?;
    let mut shelf = shelf.filter(|_| turns || !draft.stream);
    life.ledger.record.stream = draft.stream;
    life.ledger.prompt_bytes = draft.body.len();
    if let Some(entry) = lease::secure(life, shelf.as_mut(), worst).await?
        && let Some(reply) = replay(life, &target, draft.stream, &draft.echo, entry)
    {
        return Ok(reply);
    }
    let answer = attempt(life, &target, &draft).await?;
    let answer = accepted(life, &target, answer).await?;
    receive(life, &target, draft, answer, shelf).await
}

/// That in the end a model is named.
pub fn named(model: String) -> Result<String> {
    let missing = || Error::invalid("`model` is missing; name one, as `gpt-4o` or `openai/gpt-4o`.").with_param("model");
    Some(model).filter(|model| !model.is_empty()).ok_or_else(missing)
}

/// What is sent to the target: the caller's own body with edits of its top level, or a translation.
fn draft<'a, H: Host>(life: &mut Life<'_, H>, talk: &Talk, envelope: Envelope<'a>, target: &Target<'_>) -> Result<Draft<'a>> {
    let stream = talk.stream.map_or_else(|| Ok(envelope.flag("stream")?.unwrap_or(false)), Ok)?;
    let echo = Echo {
        model: target.model.clone(),
        now: life.host.now() / 1_000,
        nonce: life.ledger.record.request_id.clone(),
        stream_usage: true,
    };
    let draft = if target.dialect == life.dialect {
        edited(life, talk, envelope, stream, target, echo)?
    } else {
        translated(life, talk, &envelope, target, echo)?
    };
    life.refuse_losses(target.provider)?;
    Ok(draft)
}

fn edited<'a, H: Host>(
    life: &mut Life<'_, H>,
    talk: &Talk,
    mut envelope: Envelope<'a>,
    stream: bool,
    target: &Target<'_>,
    mut echo: Echo,
) -> Result<Draft<'a>> {
    let quirks = &target.provider.quirks;
    let chat = target.dialect == Dialect::Chat;
    // Several choices, or one that is spoken, cannot be written anew, only passed on.
    let asks = |name: &str, usual: &str| envelope.raw(name).is_some_and(|value| value != usual && value != "null");
    let relay = quirks.exact || !chat || asks("n", "1") || asks("audio", "null");
    if target.renamed && talk.model.is_none() {
        envelope.set("model", json_string(&target.model));
    }
    echo.stream_usage = asks_for_usage(&envelope);
    let strain = stream && chat && !echo.stream_usage;
    if strain && quirks.stream_usage == StreamUsage::Asked {
        envelope.set("stream_options", with_usage(envelope.raw("stream_options")));
    }
    target.fit(&mut envelope, true, &mut life.losses)?;
    Ok(Draft { body: envelope.bytes(), stream, relay, strain: strain && relay, echo })
}

fn translated<'a, H: Host>(
    life: &mut Life<'_, H>,
    talk: &Talk,
    envelope: &Envelope<'_>,
    target: &Target<'_>,
    mut echo: Echo,
) -> Result<Draft<'a>> {
    let mut request = (life.dialect.inbound().decode_request)(&envelope.bytes(), &mut life.losses)?;
    request.model.clone_from(&target.model);
    request.stream = talk.stream.unwrap_or(request.stream);
    echo.stream_usage = request.stream_usage || life.dialect != Dialect::Chat;
    let abilities = target.provider.abilities(target.dialect, &target.model);
    let encoded = (target.dialect.outbound().encode_request)(&request, false, &abilities, &mut life.losses)?;
    let body = if target.is_fitted() { encoded } else { fitted(target, &encoded, &mut life.losses)? };
    Ok(Draft { body: Cow::Owned(body), stream: request.stream, relay: false, strain: false, echo })
}

fn fitted(target: &Target<'_>, encoded: &[u8], losses: &mut Losses) -> Result<Vec<u8>> {
    let mut envelope = Envelope::look(encoded)?;
    target.fit(&mut envelope, false, losses)?;
    Ok(envelope.bytes().into_owned())
}

fn asks_for_usage(envelope: &Envelope<'_>) -> bool {
    let options =
        envelope.raw("stream_options").and_then(|raw| Envelope::look(raw.as_bytes()).ok().map(|options| options.flag("include_usage")));
    matches!(options, Some(Ok(Some(true))))
}

fn with_usage(options: Option<&str>) -> String {
    let mut options = options.and_then(|raw| Envelope::look(raw.as_bytes()).ok()).unwrap_or_else(Envelope::empty);
    options.set("include_usage", "true".to_owned());
    String::from_utf8_lossy(&options.bytes()).into_owned()
}

/// One try at the target.
async fn attempt<H: Host>(life: &mut Life<'_, H>, target: &Target<'_>, draft: &Draft<'_>) -> Result<H::Answer> {
    if target.provider.slug == sandbox::SLUG {
        let started = life.host.now();
        let script = sandbox::answer(&draft.body, &life.ledger.record.request_id, started / 1_000);
        let timeout_ms = life.timeout_ms(draft.stream)?.unwrap_or(u64::MAX);
        prices::alongside(life.host, life.settings, Some(timeout_ms), life.host.sleep(script.wait_ms.min(timeout_ms))).await;
        let outcome = if script.wait_ms < timeout_ms { Ok(life.host.canned(script)) } else { Err(Fault::TimedOut) };
        return life.tried(target.provider, started, outcome);
    }
    send(life, target, draft.payload(), draft.stream, |headers| headers.add("content-type", "application/json"), false).await
}

/// The provider's answer becomes the reply.
async fn receive<H: Host>(
    life: &mut Life<'_, H>,
    target: &Target<'_>,
    draft: Draft<'_>,
    mut answer: H::Answer,
    shelf: Option<Shelf>,
) -> Result<Reply<H::Answer>> {
    if draft.stream && answer.is_stream() {
        if life.turn.guarded || life.first_token_ms(true).is_some() {
            apart(opened(life, target, &mut answer)).await?;
        }
        return Ok(stream_reply(life, target, draft, answer, shelf));
    }
    let bytes = whole(life, &mut answer, MAX_ANSWER).await;
    let bytes = bytes.map_err(|fault| unanswered(fault, life, target.provider))?;
    let streamed = answer.is_stream() || are_events(&bytes);
    if draft.relay && !draft.stream && !streamed {
        relayed(life, target, answer, bytes, shelf)
    } else {
        written(life, target, &draft, &bytes, streamed, shelf)
    }
}

/// A whole answer that passes as it is.
fn relayed<H: Host>(
    life: &mut Life<'_, H>,
    target: &Target<'_>,
    answer: H::Answer,
    bytes: Vec<u8>,
    shelf: Option<Shelf>,
) -> Result<Reply<H::Answer>> {
    let status = answer.status();
    let glance = (life.dialect.inbound().glance_response)(&bytes)?;
    let is_empty = || (target.dialect.outbound().decode_response)(&bytes).map_or(!glance.finished, |response| response.is_empty());
    if life.turn.goes_on && glance.produced == 0 && is_empty() {
        return Err(empty(target.provider));
    }
    life.close(&glance);
    let deposit = shelf.filter(|_| status == 200).and_then(|shelf| shelf.keep_talk(life, &bytes));
    Ok(Reply { deposit, ..Reply::relayed(status, answer, bytes) })
}

/// A whole answer that is written anew, in the caller's dialect and manner.
fn written<H: Host>(
    life: &mut Life<'_, H>,
    target: &Target<'_>,
    draft: &Draft<'_>,
    bytes: &[u8],
    streamed: bool,
    shelf: Option<Shelf>,
) -> Result<Reply<H::Answer>> {
    let response = if streamed { gathered(target.dialect, bytes)? } else { (target.dialect.outbound().decode_response)(bytes)? };
    if life.turn.goes_on && response.is_empty() {
        return Err(empty(target.provider));
    }
    life.close(&Glance::of(&response));
    let whole = || (life.dialect.inbound().encode_response)(&response, &draft.echo);
    if !draft.stream {
        let whole = whole();
        let deposit = shelf.and_then(|shelf| shelf.keep_talk(life, &whole));
        return Ok(Reply { deposit, ..Reply::json(200, whole) });
    }
    let deposit = shelf.filter(|_| cache::folds(&response)).and_then(|shelf| shelf.keep_talk(life, &whole()));
    Ok(Reply { deposit, ..as_stream(life, response, &draft.echo) })
}

/// A whole answer as the stream that the caller wants.
pub fn as_stream<H: Host>(life: &Life<'_, H>, response: Response, echo: &Echo) -> Reply<H::Answer> {
    let mut writer = (life.dialect.inbound().writer)(echo.clone());
    let mut out = Vec::new();
    for event in response.into_events() {
        writer.push(&event, &mut out);
    }
    if door::wants_list(life.call) {
        out = List::of(&out);
    }
    Reply::of(200, stream_headers(life.call), Body::Bytes(out))
}

fn stream_reply<H: Host>(
    life: &mut Life<'_, H>,
    target: &Target<'_>,
    draft: Draft<'_>,
    answer: H::Answer,
    shelf: Option<Shelf>,
) -> Reply<H::Answer> {
    let deposit = shelf.filter(|_| answer.status() == 200).map(|shelf| shelf.keep_stream(life, target.dialect, &draft.echo));
    let pipe = match (draft.relay, draft.strain) {
        (true, true) => Pipe::Strain(Strain::new(life.dialect)),
        (true, false) => Pipe::Tap(Tap::new(life.dialect)),
        (false, _) => Pipe::Translate(Translate::new(target.dialect, life.dialect, draft.echo)),
    };
    let pipe = if door::wants_list(life.call) { Pipe::Listed(Listed::new(pipe)) } else { pipe };
    life.ledger.record.status = answer.status();
    let ledger = std::mem::take(&mut life.ledger);
    // The reply's own headers still need the names.
    life.ledger.record.clone_from(&ledger.record);
    Reply {
        status: answer.status(),
        headers: stream_headers(life.call),
        body: Body::Stream { answer, pipe: Box::new(pipe), patience: life.patience() },
        ledger: Some(ledger),
        deposit,
    }
}

/// Whether it is a stream that does not say so in its head. JSON begins otherwise.
fn are_events(bytes: &[u8]) -> bool {
    let bytes = bytes.trim_ascii_start();
    [b"data:".as_slice(), b"event:", b":"].iter().any(|start| bytes.starts_with(start))
}

/// A stream that nobody asked for, as the whole answer.
fn gathered(dialect: Dialect, bytes: &[u8]) -> Result<Response> {
    let mut frames = dialect.frames();
    let mut reader = (dialect.outbound().reader)();
    let mut events = Vec::new();
    frames.push(bytes, &mut |frame| reader.push(frame, &mut events));
    frames.finish(&mut |frame| reader.push(frame, &mut events));
    reader.finish(None, &mut events);
    let mut fold = Fold::default();
    events.into_iter().for_each(|event| fold.push(event));
    fold.finish()
}

fn stream_headers(call: &Call) -> Headers {
    let kind = if door::wants_list(call) { "application/json; charset=utf-8" } else { "text/event-stream; charset=utf-8" };
    Headers::from_iter([("content-type", kind), ("cache-control", "no-cache")])
}

pub fn json_string(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
