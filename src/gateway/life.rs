//! One request on its way, and what is noted of it.

use futures_util::future::join;

use super::admission;
use super::attempt::unanswered;
use super::bounds::Bound;
use crate::caller::{self, Caller};
use crate::door;
use crate::errand;
use crate::error::{Error, Kind, Result};
use crate::host::{Answer, Fault, Host};
use crate::http::{Call, Ending};
use crate::ir::Losses;
use crate::policy::ask::Left;
use crate::policy::holder::lists_model;
use crate::policy::roster::Member;
use crate::providers::Provider;
use crate::providers::service::Errand;
use crate::record::{Attempt, Ledger, Record};
use crate::routing::config::Terms;
use crate::settings::Settings;
use crate::spelling::hex;
use crate::target::{self, Target, Wish};
use crate::wire::envelope::{Envelope, MAX_BODY};
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

/// Whose turn it is among the targets of the config.
#[derive(Clone, Debug)]
pub struct Turn<'a> {
    /// The target's place in the config.
    pub path: &'a str,
    /// The strategy that chose it, or `retry`.
    pub chosen: &'static str,
    /// And why, where it says.
    pub why: Option<String>,
    /// When this fails there may be another try.
    pub goes_on: bool,
    /// Another target may be asked, or was.
    pub elsewhere: bool,
    /// The caller is not to hear of a stream before an answer has begun.
    pub guarded: bool,
    /// Until when all has to be done.
    pub deadline: Option<u64>,
}

impl Turn<'_> {
    /// The row of the record of a try, or of none.
    pub fn row(&self, model: &str, attempt: Attempt) -> Attempt {
        Attempt { target: self.path.to_owned(), chosen: self.chosen, why: self.why.clone(), model: model.to_owned(), ..attempt }
    }
}

/// What chose a target that is tried again.
pub const RETRY: &str = "retry";

/// Without a config.
pub const ONLY: Turn<'static> =
    Turn { path: "config", chosen: "single", why: None, goes_on: false, elsewhere: false, guarded: false, deadline: None };

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

    /// A cheap look at the caller's body. One that came as something else than JSON may be no mistake of writing.
    pub fn look<'b>(&self, body: &'b [u8]) -> Result<Envelope<'b>> {
        Envelope::look(body).map_err(|mut error| {
            let kind = self.call.headers.find("content-type").and_then(|kind| kind.split(';').next()).unwrap_or("application/json");
            if error.kind == Kind::Invalid && !kind.to_ascii_lowercase().contains("json") {
                let shown: String = kind.chars().take(64).collect();
                error.message.push_str(&format!(" It came as `{shown}`; send JSON, as `application/json`."));
            }
            error
        })
    }

    /// Notes a try and how it came out.
    pub fn tried(&mut self, provider: &Provider, started: u64, outcome: std::result::Result<H::Answer, Fault>) -> Result<H::Answer> {
        let ms = self.host.now().saturating_sub(started);
        self.upstream_ms = self.upstream_ms.saturating_add(ms);
        let status = outcome.as_ref().map_or(0, Answer::status);
        let unreachable = matches!(outcome, Err(Fault::Unreachable(_)));
        self.ledger.known = self.settings.known(provider.slug, &self.ledger.record.model);
        self.note(Attempt { provider: provider.slug, status, ms, asked: true, unreachable, ..Attempt::default() });
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

    /// A row of the record, of the target at hand.
    pub fn note(&mut self, attempt: Attempt) {
        let row = self.turn.row(&self.ledger.record.model, attempt);
        self.ledger.record.attempts.push(row);
    }

    pub fn note_overhead(&mut self) {
        let spent = self.host.now().saturating_sub(self.ledger.record.at);
        self.ledger.record.overhead_ms = spent.saturating_sub(self.upstream_ms);
    }
}
