//! The life of a request, from the call to the reply. Start reading here.

use std::borrow::Cow;

use crate::caller::{self, Caller};
use crate::door::{self, Door, Talk};
use crate::errand::{self, Returned};
use crate::error::{Error, Kind, Origin, Result};
use crate::host::{Answer, Fault, Host, Parcel, Payload};
use crate::http::{Body, Call, Ending, Headers, Method, Reply};
use crate::ir::{Fold, Losses};
use crate::passage;
use crate::predict;
use crate::providers::service::Errand;
use crate::providers::settings::Settings;
use crate::providers::{Provider, StreamUsage, sandbox};
use crate::record::{Attempt, Ledger, Record};
use crate::target::{self, Target, Wish};
use crate::token;
use crate::wire::envelope::{Envelope, MAX_BODY};
use crate::wire::pipe::{Pipe, Strain, Tap, Translate, estimate_tokens};
use crate::wire::{Dialect, Echo, Glance, fault};

/// The longest body of an answer that is no stream.
pub const MAX_ANSWER: usize = 32 << 20;
/// The longest body of a failed answer that is read for its words.
const MAX_FAILURE: usize = 64 << 10;

/// Serves one call. Whatever goes wrong becomes an error in the caller's own dialect.
pub async fn serve<H: Host>(host: &H, settings: &Settings, call: &Call) -> Reply<H::Answer> {
    let mut life = Life::begin(host, settings, call);
    let served = match door::door(call) {
        Err(error) => Err(error),
        Ok(Door::Preflight) => Ok(preflight(call)),
        Ok(Door::Health) => {
            let (status, body) = crate::health::report(host, call).await;
            Ok(json_reply(status, body))
        }
        Ok(Door::Models) => crate::models::list(host, settings, call, &life.caller).await.map(|body| json_reply(200, body)),
        Ok(Door::Model(id)) => crate::models::one(host, settings, call, &life.caller, &id).await.map(|body| json_reply(200, body)),
        Ok(Door::Pass(passage)) => passage::pass(&mut life, &passage).await,
        Ok(Door::Errand(errand)) if errand.is_form() && !is_json(call) => passage::form(&mut life, errand).await,
        Ok(Door::Count(talk)) => match life.body().await {
            Ok(body) => count(&mut life, &talk, &body).await,
            Err(error) => Err(error),
        },
        Ok(Door::Errand(errand)) => match life.body().await {
            Ok(body) => run(&mut life, errand, &body).await,
            Err(error) => Err(error),
        },
        Ok(Door::Talk(talk)) => match life.body().await {
            Ok(body) => infer(&mut life, &talk, &body).await,
            Err(error) => Err(error),
        },
    };
    life.end(served)
}

fn is_json(call: &Call) -> bool {
    call.headers.find("content-type").is_some_and(|kind| kind.to_ascii_lowercase().starts_with("application/json"))
}

/// One request on its way, and what is noted of it.
pub struct Life<'a, H> {
    pub host: &'a H,
    pub settings: &'a Settings,
    pub call: &'a Call,
    pub caller: Caller<'a>,
    pub dialect: Dialect,
    pub ledger: Ledger,
    pub losses: Losses,
    /// Time spent waiting for upstreams.
    upstream_ms: u64,
    /// The provider's refusal, where it is in the caller's dialect.
    own_words: Option<Vec<u8>>,
    /// Something was asked of a provider, so the reply says of which.
    pub inference: bool,
}

/// How the answer gets from the provider's dialect to the caller's.
struct Plan<'a> {
    body: Cow<'a, [u8]>,
    /// The caller wants a stream.
    stream: bool,
    /// The answer may pass as it is.
    relay: bool,
    /// The usage chunk was asked for by us, not by the caller.
    strain: bool,
    echo: Echo,
}

async fn infer<'a, H: Host>(life: &mut Life<'a, H>, talk: &Talk, body: &[u8]) -> Result<Reply<H::Answer>> {
    life.inference = true;
    life.dialect = talk.dialect;
    life.caller.admit(life.settings)?;
    let envelope = Envelope::look(body)?;
    let model = model(talk.model.as_deref(), &envelope)?;
    let target = target::choose(life.settings, life.call, life.caller, Wish::Talk(talk.dialect), &model)?;
    life.ledger.record.provider = target.provider.slug;
    life.ledger.record.model.clone_from(&target.model);
    let plan = plan(life, talk, envelope, &target)?;
    life.ledger.record.stream = plan.stream;
    life.ledger.prompt_bytes = plan.body.len();
    let mut answer = attempt(life, &target, &plan).await?;
    if !(200..300).contains(&answer.status()) {
        return Err(failure(life, &target, &mut answer).await);
    }
    receive(life, &target, plan, answer).await
}

/// The model that is asked for: in the path, or in the body.
fn model(in_path: Option<&str>, envelope: &Envelope<'_>) -> Result<String> {
    let told = match in_path {
        Some(model) => Some(model.to_owned()),
        None => envelope.text("model")?.map(Cow::into_owned),
    };
    let missing = || Error::invalid("`model` is missing; name one, as `gpt-4o` or `openai/gpt-4o`.").with_param("model");
    told.filter(|model| !model.is_empty()).ok_or_else(missing)
}

/// What is sent to the target: the caller's own body with edits of its top level, or a translation.
fn plan<'a, H: Host>(life: &mut Life<'_, H>, talk: &Talk, mut envelope: Envelope<'a>, target: &Target<'_>) -> Result<Plan<'a>> {
    let (provider, dialect) = (target.provider, target.dialect);
    let same = dialect == life.dialect;
    let chat = dialect == Dialect::Chat;
    let mut stream = talk.stream.map_or_else(|| Ok(envelope.flag("stream")?.unwrap_or(false)), Ok)?;
    let mut echo = Echo {
        model: target.model.clone(),
        now: life.host.now() / 1_000,
        nonce: life.ledger.record.request_id.clone(),
        stream_usage: true,
    };
    let mut strain = false;
    // Several choices cannot be written anew, only passed on.
    let several = chat && envelope.raw("n").is_some_and(|n| n != "1");
    let body = if same {
        if target.renamed && talk.model.is_none() {
            envelope.set("model", json_string(&target.model));
        }
        echo.stream_usage = asks_for_usage(&envelope);
        if stream && provider.quirks.stream_usage == StreamUsage::Asked && chat && !echo.stream_usage {
            envelope.set("stream_options", with_usage(envelope.raw("stream_options")));
            strain = true;
        }
        target.fit(&mut envelope, true, &mut life.losses)?;
        envelope.bytes()
    } else {
        let mut request = (life.dialect.inbound().decode_request)(&envelope.bytes(), &mut life.losses)?;
        request.model.clone_from(&target.model);
        request.stream = talk.stream.unwrap_or(request.stream);
        stream = request.stream;
        echo.stream_usage = request.stream_usage || life.dialect != Dialect::Chat;
        let abilities = provider.abilities(dialect, &target.model);
        let encoded = (dialect.outbound().encode_request)(&request, false, &abilities, &mut life.losses)?;
        Cow::Owned(if target.is_fitted() { encoded } else { fitted(target, &encoded, &mut life.losses)? })
    };
    life.refuse_losses(provider)?;
    let relay = same && (provider.quirks.exact || several || !chat);
    Ok(Plan { body, stream, relay, strain: strain && relay, echo })
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
async fn attempt<H: Host>(life: &mut Life<'_, H>, target: &Target<'_>, plan: &Plan<'_>) -> Result<H::Answer> {
    if target.provider.slug == sandbox::SLUG {
        let started = life.host.now();
        let script = sandbox::answer(&plan.body, &life.ledger.record.request_id, started / 1_000);
        life.host.sleep(script.wait_ms).await;
        return life.tried(target.provider, started, Ok(life.host.canned(script)));
    }
    send(life, target, &plan.body, plan.stream, |headers| headers.add("content-type", "application/json"), false).await
}

/// Sends a body to the target, with headers of its own.
pub async fn send<H: Host>(
    life: &mut Life<'_, H>,
    target: &Target<'_>,
    body: &[u8],
    stream: bool,
    own: impl FnOnce(&mut Headers),
    passes: bool,
) -> Result<H::Answer> {
    let started = life.host.now();
    let url = target.url(stream)?;
    let mut headers = target.headers(life.call);
    own(&mut headers);
    if target.service.serves.is_predicted() && !stream {
        headers.add("prefer", "wait");
    }
    if let Some(account) = &target.account {
        headers.add("authorization", &token::authorization(life.host, life.settings, account).await?);
    }
    target.sign(&mut headers, &url, body, started);
    let timeout_ms = life.caller.timeout_ms()?;
    let parcel = Parcel { url: &url, headers: &headers, method: "POST", body: Payload::Bytes(body), passes, timeout_ms };
    let mut outcome = life.host.fetch(parcel).await;
    if target.service.serves.is_predicted()
        && let Ok(answer) = outcome
    {
        outcome = predict::follow(life.host, target, stream, timeout_ms.map(|ms| started.saturating_add(ms)), answer).await;
    }
    life.tried(target.provider, started, outcome)
}

/// How many tokens a conversation begins with: the provider counts, where it speaks the caller's dialect and can; else
/// it is estimated, and said so.
async fn count<'a, H: Host>(life: &mut Life<'a, H>, talk: &Talk, body: &[u8]) -> Result<Reply<H::Answer>> {
    life.inference = true;
    life.dialect = talk.dialect;
    life.caller.admit(life.settings)?;
    let mut envelope = Envelope::look(body)?;
    let model = model(talk.model.as_deref(), &envelope)?;
    let target = target::choose(life.settings, life.call, life.caller, Wish::Talk(talk.dialect), &model)?;
    life.ledger.record.provider = target.provider.slug;
    life.ledger.record.model.clone_from(&target.model);
    let Some(counter) = target.counting() else {
        let request = (talk.dialect.inbound().decode_request)(body, &mut life.losses)?;
        let tokens = estimate_tokens(request.length());
        life.close(&Glance { finished: true, ..Glance::default() });
        let name = if talk.dialect == Dialect::Gemini { "totalTokens" } else { "input_tokens" };
        let mut reply = json_reply(200, format!("{{\"{name}\":{tokens}}}").into_bytes());
        reply.headers.add(&format!("x-{}-estimated", life.caller.spelling()), "true");
        return Ok(reply);
    };
    if target.renamed && talk.model.is_none() {
        envelope.set("model", json_string(&target.model));
    }
    counter.fit(&mut envelope, true, &mut life.losses)?;
    let json = |headers: &mut Headers| headers.add("content-type", "application/json");
    let mut answer = send(life, &counter, &envelope.bytes(), false, json, false).await?;
    if !(200..300).contains(&answer.status()) {
        return Err(failure(life, &counter, &mut answer).await);
    }
    let bytes = answer.bytes(MAX_ANSWER).await.map_err(|fault| unanswered(fault, life, target.provider))?;
    life.close(&Glance { finished: true, ..Glance::default() });
    Ok(Reply { status: answer.status(), headers: Headers::default(), body: Body::Relayed { answer, bytes }, ledger: None })
}

/// Something that is no conversation.
async fn run<'a, H: Host>(life: &mut Life<'a, H>, errand: Errand, body: &[u8]) -> Result<Reply<H::Answer>> {
    life.inference = true;
    life.caller.admit(life.settings)?;
    let mut envelope = Envelope::look(body)?;
    let model = model(None, &envelope)?;
    let target = target::choose(life.settings, life.call, life.caller, Wish::Errand(errand), &model)?;
    life.ledger.record.provider = target.provider.slug;
    life.ledger.record.model.clone_from(&target.model);
    if target.renamed {
        envelope.set("model", json_string(&target.model));
    }
    let asked = envelope.bytes();
    life.ledger.prompt_bytes = asked.len();
    let (serves, passes) = (target.service.serves, errand::passes(target.service.serves));
    let nonce = life.ledger.record.request_id.clone();
    let (letters, reading) = errand::prepare(serves, &target.model, &asked, &nonce, &mut life.losses)?;
    life.refuse_losses(target.provider)?;
    let mut returned = Vec::with_capacity(letters.len());
    for letter in letters {
        let own = |headers: &mut Headers| {
            headers.add("content-type", &letter.content_type);
            if !letter.accept.is_empty() {
                headers.add("accept", letter.accept);
            }
        };
        let mut answer = send(life, &target, &letter.body, false, own, passes).await?;
        if !(200..300).contains(&answer.status()) {
            return Err(failure(life, &target, &mut answer).await);
        }
        if passes {
            life.close_errand(errand, &asked, &[]);
            return Ok(Reply { status: answer.status(), headers: Headers::default(), body: Body::Passed { answer }, ledger: None });
        }
        let content_type = answer.header("content-type").unwrap_or_default();
        let bytes = answer.bytes(MAX_ANSWER).await;
        let bytes = bytes.map_err(|fault| unanswered(fault, life, target.provider))?;
        if reading.is_none() {
            life.close_errand(errand, &asked, &bytes);
            return Ok(Reply { status: answer.status(), headers: Headers::default(), body: Body::Relayed { answer, bytes }, ledger: None });
        }
        returned.push(Returned { content_type, body: bytes });
    }
    let echo = Echo { model: target.model.clone(), now: life.host.now() / 1_000, nonce, stream_usage: false };
    let reading = reading.ok_or_else(|| Error::gateway("An answer came that nobody can read."))?;
    let (content_type, body) = errand::answer(&reading, &returned, &asked, &echo, &mut life.losses)?;
    life.close_errand(errand, &asked, &body);
    let headers = Headers::from_iter([("content-type", content_type.as_str())]);
    Ok(Reply { status: 200, headers, body: Body::Bytes(body), ledger: None })
}

pub fn unanswered<H: Host>(fault: Fault, life: &Life<'_, H>, provider: &Provider) -> Error {
    let slug = provider.slug;
    match fault {
        Fault::Unreachable(_) => {
            Error::upstream(Kind::Unreachable, format!("{slug} could not be reached, or broke off before it answered."))
        }
        Fault::TimedOut => Error::upstream(Kind::TimedOut, format!("{slug} did not answer within the request's timeout."))
            .with_status(if life.caller.portkey { 408 } else { 504 }),
        Fault::Abandoned => Error::caller(Kind::Abandoned, "The caller left before there was an answer."),
        Fault::TooLarge => Error::upstream(Kind::Failed, format!("{slug} sent an answer of more than {} MiB.", MAX_ANSWER >> 20)),
    }
}

/// Reads why the provider refused. What it said in the caller's own dialect is passed on word for word.
pub async fn failure<H: Host>(life: &mut Life<'_, H>, target: &Target<'_>, answer: &mut H::Answer) -> Error {
    let body = answer.bytes(MAX_FAILURE).await.unwrap_or_default();
    if target.dialect == life.dialect && (life.dialect.inbound().is_own_error)(&body) {
        life.own_words = Some(body.clone());
    }
    let (retry_after, retry_after_ms) = (answer.header("retry-after"), answer.header("retry-after-ms"));
    let status = answer.status();
    // A redirect is not followed: it may lead where the caller's key must not go.
    let status = if (300..400).contains(&status) { 502 } else { status };
    let head =
        fault::Head { status, retry_after: retry_after.as_deref(), retry_after_ms: retry_after_ms.as_deref(), now_ms: life.host.now() };
    fault::decode(head, &body)
}

/// The provider's answer becomes the reply.
async fn receive<H: Host>(life: &mut Life<'_, H>, target: &Target<'_>, plan: Plan<'_>, mut answer: H::Answer) -> Result<Reply<H::Answer>> {
    if plan.stream && answer.is_stream() {
        return Ok(stream_reply(life, target, plan, answer));
    }
    let outbound = target.dialect.outbound();
    let started = life.host.now();
    let bytes = answer.bytes(MAX_ANSWER).await;
    life.upstream_ms = life.upstream_ms.saturating_add(life.host.now().saturating_sub(started));
    let bytes = bytes.map_err(|fault| unanswered(fault, life, target.provider))?;
    let status = answer.status();
    if !plan.stream && !answer.is_stream() && plan.relay {
        let glance = (life.dialect.inbound().glance_response)(&bytes)?;
        life.close(&glance);
        return Ok(Reply { status, headers: Headers::default(), body: Body::Relayed { answer, bytes }, ledger: None });
    }
    let response = if answer.is_stream() { gathered(target.dialect, &bytes)? } else { (outbound.decode_response)(&bytes)? };
    life.close(&Glance::of(&response));
    if !plan.stream {
        return Ok(json_reply(200, (life.dialect.inbound().encode_response)(&response, &plan.echo)));
    }
    let mut writer = (life.dialect.inbound().writer)(plan.echo);
    let mut out = Vec::new();
    for event in response.into_events() {
        writer.push(&event, &mut out);
    }
    Ok(Reply { status: 200, headers: stream_headers(), body: Body::Bytes(out), ledger: None })
}

fn stream_reply<H: Host>(life: &mut Life<'_, H>, target: &Target<'_>, plan: Plan<'_>, answer: H::Answer) -> Reply<H::Answer> {
    let pipe = match (plan.relay, plan.strain) {
        (true, true) => Pipe::Strain(Strain::new(life.dialect)),
        (true, false) => Pipe::Tap(Tap::new(life.dialect)),
        (false, _) => Pipe::Translate(Translate::new(target.dialect, life.dialect, plan.echo)),
    };
    life.ledger.record.status = answer.status();
    let ledger = std::mem::take(&mut life.ledger);
    // The reply's own headers still need the names.
    life.ledger.record.clone_from(&ledger.record);
    Reply { status: answer.status(), headers: stream_headers(), body: Body::Stream { answer, pipe: Box::new(pipe) }, ledger: Some(ledger) }
}

/// A stream that nobody asked for, as the whole answer.
fn gathered(dialect: Dialect, bytes: &[u8]) -> Result<crate::ir::Response> {
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

impl<'a, H: Host> Life<'a, H> {
    fn begin(host: &'a H, settings: &'a Settings, call: &'a Call) -> Self {
        let caller = caller::of(call, settings);
        let request_id = format!("{:016x}{:016x}", host.random(), host.random());
        let trace_id = caller.trace_id().map_or_else(|| request_id.clone(), str::to_owned);
        let dialect = door::tongue(call);
        let record = Record { request_id, trace_id, at: host.now(), ..Record::default() };
        let ledger = Ledger { record, ..Ledger::default() };
        Self { host, settings, call, caller, dialect, ledger, losses: Losses::default(), upstream_ms: 0, own_words: None, inference: false }
    }

    /// The answer is known whole before the reply is sent.
    pub fn close(&mut self, glance: &Glance) {
        self.ledger.record.status = 200;
        self.ledger.record.dialect = self.dialect.slug();
        self.note_overhead();
        let record = self.ledger.clone().close(glance, &Ending::Closed, self.host.now());
        self.ledger.record.cost = record.cost;
        self.host.record(&record);
    }

    /// The same of what is no conversation.
    pub fn close_errand(&mut self, errand: Errand, asked: &[u8], answer: &[u8]) {
        let (usage, tally) = errand::used(errand, asked, answer);
        self.ledger.tally = tally;
        self.close(&Glance { usage, finished: true, ..Glance::default() });
    }

    /// The caller's body, whole.
    pub async fn body(&self) -> Result<Vec<u8>> {
        let too_large = || {
            Error::caller(Kind::TooLarge, format!("The body is larger than {} MiB; send large files by URL or file id.", MAX_BODY >> 20))
        };
        let told = self.call.headers.find("content-length").and_then(|length| length.parse::<usize>().ok());
        if told.is_some_and(|length| length > MAX_BODY) {
            return Err(too_large());
        }
        self.host.body(MAX_BODY).await.map_err(|fault| match fault {
            Fault::TooLarge => too_large(),
            _ => Error::invalid("The body could not be read."),
        })
    }

    /// Notes a try and how it came out.
    pub fn tried(&mut self, provider: &Provider, started: u64, outcome: std::result::Result<H::Answer, Fault>) -> Result<H::Answer> {
        let ms = self.host.now().saturating_sub(started);
        self.upstream_ms = self.upstream_ms.saturating_add(ms);
        let status = outcome.as_ref().map_or(0, Answer::status);
        self.ledger.record.attempts.push(Attempt { target: "config", provider: provider.slug, status, ms });
        outcome.map_err(|fault| unanswered(fault, self, provider))
    }

    /// A strict caller would rather have no answer than one to less than it asked.
    fn refuse_losses(&self, provider: &Provider) -> Result<()> {
        if !self.caller.strict() || self.losses.is_empty() {
            return Ok(());
        }
        let names = self.losses.names().join(", ");
        Err(Error::invalid(format!("{} cannot take: {names}. Leave them out, or do not ask for strict mode.", provider.slug)))
    }

    fn note_overhead(&mut self) {
        let spent = self.host.now().saturating_sub(self.ledger.record.at);
        self.ledger.record.overhead_ms = spent.saturating_sub(self.upstream_ms);
    }

    /// Puts the last touch to a reply, or makes one of the error.
    fn end(mut self, served: Result<Reply<H::Answer>>) -> Reply<H::Answer> {
        self.note_overhead();
        self.ledger.record.dialect = self.dialect.slug();
        let mut reply = served.unwrap_or_else(|error| self.refuse(&error));
        if let Some(ledger) = &mut reply.ledger {
            ledger.record.dialect = self.dialect.slug();
            ledger.record.overhead_ms = self.ledger.record.overhead_ms;
        }
        self.explain(&mut reply.headers);
        if self.call.headers.find("origin").is_some() {
            reply.headers.add("access-control-allow-origin", "*");
            reply.headers.add("access-control-expose-headers", "*");
        }
        if self.call.method == Method::Head {
            reply.body = Body::Empty;
        }
        reply
    }

    fn refuse(&self, error: &Error) -> Reply<H::Answer> {
        if self.inference {
            self.host.record(&self.ledger.clone().fail(error, self.host.now()));
        }
        let encoded = || (self.dialect.inbound().encode_error)(error, &self.ledger.record.request_id);
        let body = self.own_words.clone().unwrap_or_else(encoded);
        let mut reply = json_reply(error.status, body);
        if error.origin == Origin::Upstream
            && let crate::error::Retry::Here { after_ms: Some(ms) } = error.retry
        {
            reply.headers.add("retry-after", &ms.div_ceil(1_000).to_string());
            reply.headers.add("retry-after-ms", &ms.to_string());
        }
        if error.kind == Kind::MethodNotAllowed {
            reply.headers.add("allow", "GET, POST, OPTIONS");
        }
        reply
    }

    /// The headers that say what was done, in the spelling that the caller used.
    fn explain(&self, headers: &mut Headers) {
        let record = &self.ledger.record;
        let mut say = |name: &str, value: &str| headers.add(&format!("x-{}-{name}", self.caller.spelling()), value);
        say("trace-id", &record.trace_id);
        if self.inference {
            if !record.provider.is_empty() {
                say("provider", record.provider);
            }
            say("retries", "0");
            if self.caller.portkey {
                say("cache-status", "DISABLED");
                say("retry-attempt-count", "0");
                say("last-used-option-index", "config");
            }
            say("cache", "DISABLED");
            say("model", &record.model);
            say("target", "config");
            say("attempts", &record.attempts.len().to_string());
            if let Some(cost) = record.cost {
                say("cost", &cost.to_string());
            }
            say("overhead-ms", &record.overhead_ms.to_string());
        }
        if !self.losses.is_empty() {
            say("dropped", &self.losses.names().join(", "));
        }
        say("request-id", &record.request_id);
    }
}

fn preflight<A>(call: &Call) -> Reply<A> {
    let mut headers = Headers::default();
    headers.add("access-control-allow-methods", "GET, POST, PUT, PATCH, DELETE, OPTIONS");
    headers.add("access-control-allow-headers", call.headers.find("access-control-request-headers").unwrap_or("*"));
    headers.add("access-control-max-age", "86400");
    headers.add("vary", "access-control-request-headers");
    Reply { status: 204, headers, body: Body::Empty, ledger: None }
}

fn json_reply<A>(status: u16, body: Vec<u8>) -> Reply<A> {
    let headers = Headers::from_iter([("content-type", "application/json")]);
    Reply { status, headers, body: Body::Bytes(body), ledger: None }
}

fn stream_headers() -> Headers {
    Headers::from_iter([("content-type", "text/event-stream; charset=utf-8"), ("cache-control", "no-cache")])
}

fn json_string(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
