//! How a request ends: the reply, or the error as one, and the headers that say what was done.

use super::lease;
use super::life::{Life, RETRY};
use crate::cost::Cost;
use crate::door;
use crate::error::{Error, Kind, Origin, Result, Retry};
use crate::host::Host;
use crate::http::{Body, Headers, Method, Reply};
use crate::policy::ask::Left;
use crate::policy::rules::What;
use crate::record::Attempt;

impl<H: Host> Life<'_, H> {
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

    fn refuse(&mut self, error: &Error) -> Reply<H::Answer> {
        if self.inference {
            let closed = self.ledger.clone().fail(error, self.host.now());
            self.host.conclude(&closed);
            self.ledger.record.cost = closed.record.cost.filter(|cost| *cost != Cost::NOTHING);
        }
        let encoded = || (self.dialect.inbound().encode_error)(error, &self.ledger.record.request_id);
        let body = self.own_words.clone().unwrap_or_else(encoded);
        let mut reply = Reply::json(error.status, body);
        if matches!(error.origin, Origin::Upstream | Origin::Caller)
            && let Retry::Here { after_ms: Some(ms) } = error.retry
        {
            reply.headers.add("retry-after", &ms.div_ceil(1_000).to_string());
            reply.headers.add("retry-after-ms", &ms.to_string());
        }
        if error.kind == Kind::MethodNotAllowed {
            reply.headers.add("allow", door::allowed(self.call));
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
        let mut say = |name: &str, value: &str| headers.add(&format!("x-{}-{name}", self.caller.spelling()), value);
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
