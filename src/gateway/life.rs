//! One request on its way: what is noted of it, and how it ends.

use futures_util::future::join;

use super::admission;
use super::attempt::unanswered;
use super::lease;
use crate::caller::{self, Caller};
use crate::door;
use crate::errand;
use crate::error::{Error, Kind, Origin, Result, Retry};
use crate::host::{Answer, Fault, Host};
use crate::http::{Body, Call, Ending, Headers, Method, Patience, Reply};
use crate::ir::Losses;
use crate::policy::ask::Left;
use crate::policy::holder::lists_model;
use crate::policy::roster::Member;
use crate::policy::rules::What;
use crate::providers::Provider;
use crate::providers::service::Errand;
use crate::record::{Attempt, Ledger, Record};
use crate::routing::config::Terms;
use crate::settings::Settings;
use crate::spelling::hex;
use crate::target::{self, Target, Wish};
use crate::wire::envelope::MAX_BODY;
use crate::wire::{Dialect, Glance};

/// One request on its way, and what is noted of it.
pub struct Life<'a, H> {
    pub host: &'a H,
    pub settings: &'a Settings,
    pub call: &'a Call,
    pub caller: Caller<'a>,
    pub dialect: Dialect,
    pub ledger: Ledger,
    pub losses: Losses,
    /// Time spent waiting for upstreams, and between tries.
    pub upstream_ms: u64,
    /// The provider's refusal, where it is in the caller's dialect.
    pub own_words: Option<Vec<u8>>,
    /// Something was asked of a provider, so the reply says of which.
    pub inference: bool,
    pub turn: Turn<'a>,
    /// What an upstream that was too slow was measured by.
    pub bound: Bound,
    /// The line of those who wait for this request's answer.
    pub line: Option<String>,
    /// Whose key was shown.
    pub member: Option<Member>,
    /// What is left of limits.
    pub left: Vec<Left>,
    /// What was known of a holder was old: the target at hand is to be weighed again.
    pub again: bool,
    /// Refused wherever it goes.
    pub stop: bool,
}

/// A bound on time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    Request,
    FirstToken,
    Idle,
    Total,
}

/// Whose turn it is among the targets of the config.
#[derive(Clone, Copy, Debug)]
pub struct Turn<'a> {
    /// The target's place in the config.
    pub path: &'a str,
    /// The strategy that chose it, or `retry`.
    pub chosen: &'static str,
    /// When this fails there may be another try.
    pub goes_on: bool,
    /// And that may be of another target.
    pub elsewhere: bool,
    /// The caller is not to hear of a stream before an answer has begun.
    pub guarded: bool,
    /// Until when all has to be done.
    pub deadline: Option<u64>,
}

/// What chose a target that is tried again.
pub const RETRY: &str = "retry";

/// Without a config.
const ONLY: Turn<'static> = Turn { path: "config", chosen: "single", goes_on: false, elsewhere: false, guarded: false, deadline: None };

impl<'a, H: Host> Life<'a, H> {
    pub fn begin(host: &'a H, settings: &'a Settings, call: &'a Call) -> Self {
        let caller = caller::of(call, settings);
        let request_id = hex(&[host.random(), host.random()].map(u64::to_be_bytes).concat());
        let trace_id = caller.trace_id().map_or_else(|| request_id.clone(), str::to_owned);
        let dialect = door::tongue(call);
        let record = Record { request_id, trace_id, at: host.now(), ..Record::default() };
        let ledger = Ledger { record, ..Ledger::default() };
        let (losses, own_words) = (Losses::default(), None);
        Self {
            host,
            settings,
            call,
            caller,
            dialect,
            ledger,
            losses,
            upstream_ms: 0,
            own_words,
            inference: false,
            turn: ONLY,
            bound: Bound::Request,
            line: None,
            member: None,
            left: Vec::new(),
            again: false,
            stop: false,
        }
    }

    /// Lets the caller in.
    pub async fn enter(&mut self) -> Result<()> {
        self.inference = true;
        let member = admission::enter(self).await?;
        self.entered(member);
        Ok(())
    }

    fn entered(&mut self, member: Option<Member>) {
        if let Some(member) = &member {
            let record = &mut self.ledger.record;
            (record.key, record.team) = (Some(member.key.id.clone()), member.key.team.clone());
        }
        self.member = member;
    }

    /// Lets the caller in, and reads its body meanwhile.
    pub async fn receive(&mut self) -> Result<Vec<u8>> {
        self.inference = true;
        let (member, body) = join(admission::enter(self), self.body()).await;
        self.entered(member?);
        body
    }

    /// The target of a request for a model, if the caller may go there.
    pub fn aim(&mut self, wish: Wish, asked: &str) -> Result<Target<'a>> {
        let target = target::choose(self.settings, self.call, self.caller, wish, asked)?;
        self.ledger.record.provider = target.provider.slug;
        self.ledger.record.model.clone_from(&target.model);
        self.permit(target.provider.slug, &target.model)?;
        Ok(target)
    }

    /// The same where perhaps no model is named.
    pub fn permit_any(&self, provider: &str, model: Option<&str>) -> Result<()> {
        match (model, &self.member) {
            (Some(model), _) => self.permit(provider, model),
            (None, Some(member)) if !member.key.allow.provider(provider) => self.permit(provider, ""),
            (None, _) => Ok(()),
        }
    }

    /// Whether the caller's key and the credential are for this.
    pub fn permit(&self, provider: &str, model: &str) -> Result<()> {
        if let Some(allow) = self.member.as_ref().map(|member| &member.key.allow) {
            let refuse =
                |what: String| Err(Error::caller(Kind::Forbidden, format!("This key may not use {what}.")).with_code("not_allowed"));
            if !allow.provider(provider) {
                return refuse(format!("the provider `{provider}`"));
            }
            if !allow.model(provider, model) {
                return refuse(format!("the model `{provider}/{model}`"));
            }
        }
        let credential =
            self.caller.terms.filter(|terms| terms.vaulted).and_then(|terms| self.settings.roster.credential(terms.credential.as_deref()?));
        match credential {
            Some(credential) if !lists_model(credential.models.as_ref(), provider, model) => {
                Err(Error::invalid(format!("The credential `{}` is not for the model `{model}`.", credential.slug)).with_param("model"))
            }
            _ => Ok(()),
        }
    }

    /// With whom its answers are shared: with whoever shows the same key, or with all who use the deployment's.
    pub fn tenant(&self) -> String {
        match (&self.member, self.caller.brought) {
            (Some(member), _) => format!("member {}", member.key.id),
            (None, Some(key)) => format!("key {key}"),
            (None, None) => "deployment".to_owned(),
        }
    }

    /// The same request in a target's turn and on its terms. What was noted goes along, and comes back with `back`.
    pub fn under<'b>(&mut self, terms: &'b Terms, several: bool, turn: Turn<'b>) -> Life<'b, H>
    where
        'a: 'b,
    {
        Life {
            host: self.host,
            settings: self.settings,
            call: self.call,
            caller: self.caller.under(terms, several),
            dialect: self.dialect,
            ledger: std::mem::take(&mut self.ledger),
            losses: Losses::default(),
            upstream_ms: self.upstream_ms,
            own_words: None,
            inference: self.inference,
            turn,
            bound: Bound::Request,
            line: None,
            member: self.member.clone(),
            left: Vec::new(),
            again: false,
            stop: false,
        }
    }

    pub fn back(&mut self, life: Life<'_, H>) {
        (self.ledger, self.losses, self.upstream_ms, self.own_words) = (life.ledger, life.losses, life.upstream_ms, life.own_words);
        (self.line, self.member, self.again, self.stop) = (life.line, life.member, life.again, life.stop);
        if !life.left.is_empty() {
            self.left = life.left;
        }
    }

    /// How long an upstream may take until the head of its answer is there; a stream, until its first token is.
    pub fn timeout_ms(&mut self, stream: bool) -> Result<Option<u64>> {
        let request = self.caller.timeout_ms()?;
        Ok(self.least([(request, Bound::Request), (self.first_token_ms(stream), Bound::FirstToken), (self.left_ms(), Bound::Total)]))
    }

    /// How long a stream whose head has come may take until it is there, whole.
    pub fn rest_ms(&mut self) -> Option<u64> {
        let request = self.caller.timeout_ms().ok().flatten().map(|ms| ms.saturating_sub(self.spent_ms()).max(1));
        self.least([(request, Bound::Request), (self.left_ms(), Bound::Total)])
    }

    /// How long the head of the answer at hand was in coming.
    fn spent_ms(&self) -> u64 {
        self.ledger.record.attempts.last().map_or(0, |attempt| attempt.ms)
    }

    /// How long a stream whose head has come may take until its first token is there.
    pub fn first_token_left_ms(&mut self) -> Option<u64> {
        let left = self.first_token_ms(true).map(|ms| ms.saturating_sub(self.spent_ms()).max(1));
        self.least([(left, Bound::FirstToken), (self.left_ms(), Bound::Total)])
    }

    pub fn first_token_ms(&self, stream: bool) -> Option<u64> {
        self.caller.terms.and_then(|terms| terms.first_token_timeout_ms).filter(|_| stream)
    }

    fn least<const N: usize>(&mut self, bounds: [(Option<u64>, Bound); N]) -> Option<u64> {
        let (ms, bound) = bounds.into_iter().filter_map(|(ms, bound)| Some((ms?, bound))).min_by_key(|(ms, _)| *ms)?;
        self.bound = bound;
        Some(ms)
    }

    /// What is left of the time for everything.
    pub fn left_ms(&self) -> Option<u64> {
        self.turn.deadline.map(|deadline| deadline.saturating_sub(self.host.now()).max(1))
    }

    /// How long the stream of an answer may take.
    pub fn patience(&self) -> Patience {
        let idle_ms = self.caller.terms.and_then(|terms| terms.idle_timeout_ms);
        Patience { idle_ms, total_ms: self.left_ms() }
    }

    /// The answer is known whole before the reply is sent.
    pub fn close(&mut self, glance: &Glance) {
        self.ledger.record.status = 200;
        self.ledger.record.dialect = self.dialect.slug();
        self.note_overhead();
        let closed = std::mem::take(&mut self.ledger).close(glance, &Ending::Closed, self.host.now());
        self.host.conclude(&closed);
        self.ledger.record = closed.record;
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
        let unreachable = matches!(outcome, Err(Fault::Unreachable(_)));
        self.ledger.own = self.settings.own_prices().find(provider.slug, &self.ledger.record.model).cloned();
        self.ledger.found = self.settings.model(provider.slug, &self.ledger.record.model);
        let Turn { path, chosen, .. } = self.turn;
        let model = self.ledger.record.model.clone();
        let attempt =
            Attempt { target: path.to_owned(), chosen, provider: provider.slug, model, status, ms, asked: true, unreachable, left: None };
        self.ledger.record.attempts.push(attempt);
        outcome.map_err(|fault| unanswered(fault, self, provider))
    }

    /// A strict caller would rather have no answer than one to less than it asked.
    pub fn refuse_losses(&self, provider: &Provider) -> Result<()> {
        if self.losses.is_empty() || !self.caller.strict() {
            return Ok(());
        }
        let names = self.losses.names().join(", ");
        Err(Error::invalid(format!("{} cannot take: {names}. Leave them out, or do not ask for strict mode.", provider.slug)))
    }

    /// Notes why the target at hand is left; one that was not even asked is noted now.
    pub fn leave(&mut self, turn: Turn<'_>, error: &Error, asked: bool) {
        let record = &mut self.ledger.record;
        if !asked {
            let (target, model) = (turn.path.to_owned(), record.model.clone());
            let attempt = Attempt {
                target,
                chosen: turn.chosen,
                provider: record.provider,
                model,
                status: 0,
                ms: 0,
                asked,
                unreachable: false,
                left: None,
            };
            record.attempts.push(attempt);
        }
        if let Some(attempt) = record.attempts.last_mut() {
            attempt.left = Some(if asked { format!("{:?}", error.kind) } else { error.message.clone() });
        }
    }

    fn note_overhead(&mut self) {
        let spent = self.host.now().saturating_sub(self.ledger.record.at);
        self.ledger.record.overhead_ms = spent.saturating_sub(self.upstream_ms);
    }

    /// Puts the last touch to a reply, or makes one of the error.
    pub fn end(mut self, served: Result<Reply<H::Answer>>) -> Reply<H::Answer> {
        self.note_overhead();
        self.ledger.record.dialect = self.dialect.slug();
        let mut reply = served.unwrap_or_else(|error| self.refuse(&error));
        if let Some(ledger) = &mut reply.ledger {
            ledger.record.dialect = self.dialect.slug();
            ledger.record.overhead_ms = self.ledger.record.overhead_ms;
        }
        self.explain(reply.status < 400, &mut reply.headers);
        if self.call.headers.find("origin").is_some() && !door::is_admin(&self.call.path) {
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
            self.host.conclude(&self.ledger.clone().fail(error, self.host.now()));
        }
        let encoded = || (self.dialect.inbound().encode_error)(error, &self.ledger.record.request_id);
        let body = self.own_words.clone().unwrap_or_else(encoded);
        let mut reply = json_reply(error.status, body);
        if matches!(error.origin, Origin::Upstream | Origin::Caller)
            && let Retry::Here { after_ms: Some(ms) } = error.retry
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
    fn explain(&self, went_well: bool, headers: &mut Headers) {
        let record = &self.ledger.record;
        let spelling = self.caller.spelling();
        let mut say = |name: &str, value: &str| headers.add_joined(&["x-", spelling, "-", name], value);
        say("trace-id", &record.trace_id);
        if self.inference {
            if !record.provider.is_empty() {
                say("provider", record.provider);
            }
            let asked = record.attempts.iter().filter(|attempt| attempt.asked);
            let retries = asked.clone().filter(|attempt| attempt.chosen == RETRY).count().to_string();
            let target = record.told().map_or("config", |attempt| attempt.target.as_str());
            say("retries", &retries);
            if self.caller.portkey {
                say("cache-status", record.cache.word());
                say("retry-attempt-count", &retried(went_well, &record.attempts));
                say("last-used-option-index", target);
            }
            say("cache", record.cache.word());
            say("model", &record.model);
            say("target", target);
            say("attempts", &asked.count().to_string());
            if let Some(cost) = record.cost {
                say("cost", &cost.to_string());
            }
            say("overhead-ms", &record.overhead_ms.to_string());
        }
        limits(&self.left, headers);
        let mut say = |name: &str, value: &str| headers.add_joined(&["x-", spelling, "-", name], value);
        if !self.losses.is_empty() {
            say("dropped", &self.losses.names().join(", "));
        }
        say("request-id", &record.request_id);
    }
}

/// Of the limits that hold, as OpenAI tells of its own.
fn limits(left: &[Left], headers: &mut Headers) {
    for what in [What::Requests, What::Tokens] {
        if let Some(left) = lease::tightest(left, what) {
            let mut say = |name: &str, value: String| headers.add(&format!("x-ratelimit-{name}-{}", what.word()), &value);
            say("limit", left.max.to_string());
            say("remaining", left.left.to_string());
            say("reset", span(left.reset_ms));
        }
    }
}

/// `1s`, `6m0s`, `20ms`, as OpenAI writes it.
fn span(ms: u64) -> String {
    let (hours, minutes, seconds) = (ms / 3_600_000, ms / 60_000 % 60, ms / 1_000 % 60);
    match (hours, minutes) {
        _ if ms < 1_000 => format!("{ms}ms"),
        (0, 0) => format!("{seconds}s"),
        (0, _) => format!("{minutes}m{seconds}s"),
        _ => format!("{hours}h{minutes}m{seconds}s"),
    }
}

/// The retries of the target at which it ended, as Portkey counts them: -1 where they were in vain.
fn retried(went_well: bool, attempts: &[Attempt]) -> String {
    let asked = attempts.iter().rev().filter(|attempt| attempt.asked);
    let retries = asked.take_while(|attempt| attempt.chosen == RETRY).count();
    if went_well || retries == 0 { retries.to_string() } else { "-1".to_owned() }
}

pub fn json_reply<A>(status: u16, body: Vec<u8>) -> Reply<A> {
    let headers = Headers::from_iter([("content-type", "application/json")]);
    Reply { status, headers, body: Body::Bytes(body), ledger: None, deposit: None }
}
