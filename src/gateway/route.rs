//! The way of a request through its config's targets: which is asked, and what comes after it failed.

use std::borrow::Cow;

use super::admission;
use super::config;
use super::feedback;
use super::life::{Life, RETRY, Turn};
use super::sight::{Sight, key};
use super::vaulted;
use crate::error::{Error, Kind, Origin, Result, Retry};
use crate::host::{Host, apart};
use crate::http::{Body, Reply};
use crate::record::Attempt;
use crate::routing::config::{Breaker, Terms};
use crate::routing::plan::{Outcome, Plan, Step, TIMED_OUT, TOO_LONG, UNREACHABLE};
use crate::wire::envelope::Envelope;

/// What is asked for: the caller's body, and the model that it names.
pub struct Asked<'a> {
    pub envelope: Envelope<'a>,
    pub model: String,
    /// It can be sent only once, because it passes as it comes.
    pub once: bool,
    /// Where it goes is said already, and no config has a say.
    pub unrouted: bool,
}

impl<'a> Asked<'a> {
    /// By a body at hand. The model is named in the path, or in the body, or nowhere, because a config may name it.
    pub fn by(envelope: Envelope<'a>, in_path: Option<&str>) -> Result<Self> {
        let model = match in_path {
            Some(model) => model.to_owned(),
            None => envelope.text("model")?.map(Cow::into_owned).unwrap_or_default(),
        };
        Ok(Self { envelope, model, once: false, unrouted: false })
    }

    /// By its head alone: the body passes as it comes.
    pub fn unread(model: String, unrouted: bool) -> Self {
        Self { envelope: Envelope::empty(), model, once: true, unrouted }
    }

    /// The same on a target's terms. A dialect whose paths name the model has none in the body.
    pub fn under(&self, terms: Option<&Terms>, in_path: bool) -> (Envelope<'a>, String) {
        let mut envelope = self.envelope.clone();
        let Some(terms) = terms else { return (envelope, self.model.clone()) };
        for (name, json) in &terms.default_params {
            if !envelope.has(name) {
                envelope.set(name, json.clone());
            }
        }
        for name in &terms.drop_params {
            envelope.remove(name);
        }
        for (name, json) in terms.override_params.iter().filter(|(name, _)| !(in_path && *name == "model")) {
            envelope.set(name, json.clone());
        }
        let usual = || envelope.text("model").ok().flatten().map(Cow::into_owned);
        let own = Some(self.model.clone()).filter(|model| !model.is_empty());
        let model = terms.model().or(own).or_else(usual).unwrap_or_default();
        (envelope, model)
    }
}

/// How often that may happen to one request.
const MOST_ROUNDS: u32 = 3;

/// Asks one target after the other, as the config says, until one answers. What went by an old definition of a key, a
/// team or a credential is begun anew.
pub async fn walk<H: Host>(
    life: &mut Life<'_, H>,
    asked: &Asked<'_>,
    ask: impl AsyncFn(&mut Life<'_, H>) -> Result<Reply<H::Answer>>,
) -> Result<Reply<H::Answer>> {
    let mut rounds = 0;
    loop {
        let walked = walk_once(life, asked, &ask).await;
        let Err(error) = &walked else { return walked };
        let old = std::mem::take(&mut life.again) || error.kind == Kind::Forbidden && apart(admission::renew(life)).await?;
        if !old || rounds == MOST_ROUNDS {
            return walked;
        }
        rounds += 1;
    }
}

async fn walk_once<H: Host>(
    life: &mut Life<'_, H>,
    asked: &Asked<'_>,
    ask: &impl AsyncFn(&mut Life<'_, H>) -> Result<Reply<H::Answer>>,
) -> Result<Reply<H::Answer>> {
    let config = if asked.unrouted { life.settings.memory.plain() } else { config::of(life, &asked.model).await? };
    let several = config.providers > 1;
    let mut plan = Plan::new(&config.root, &Sight { life, asked });
    let mut failure = None;
    let mut again = false;
    while let Some(leaf) = plan.leaf() {
        let (turn, health) = (turn(life, asked, &plan, again), Health::of(life, asked, &plan));
        let before = life.ledger.record.attempts.len();
        let tried = match vaulted::terms(life, asked, &leaf.terms, several).await {
            Ok(vaulted) => {
                let terms = vaulted.as_ref().unwrap_or(&leaf.terms);
                life.ledger.record.credential = vaulted.as_ref().and_then(|terms| terms.credential.clone());
                let mut turned = life.under(terms, several, turn.clone());
                let tried = ask(&mut turned).await;
                life.back(turned);
                tried
            }
            Err(error) => Err(error),
        };
        leave_line(life, &tried);
        let was_asked = life.ledger.record.attempts.iter().skip(before).any(|attempt| attempt.asked);
        let error = match tried {
            Ok(reply) => return Ok(answered(life, &plan, &health, reply, was_asked)),
            Err(error) if life.again => return Err(error),
            Err(error) => error,
        };
        let outcome = left(life, &turn, &health, &error, was_asked);
        if error.kind == Kind::Abandoned || life.stop {
            return Err(error);
        }
        // Of what was asked rather than passed over, the last word counts.
        if was_asked || failure.is_none() {
            failure = Some((error, life.own_words.take()));
        }
        if asked.once {
            break;
        }
        match plan.after(outcome, &Sight { life, asked }) {
            Step::Try(_) => again = false,
            Step::Wait { ms, .. } => {
                wait(life, ms).await;
                again = true;
            }
            Step::GiveUp => break,
        }
    }
    Err(given_up(life, failure))
}

/// The turn of the target at hand.
fn turn<'c, H: Host>(life: &Life<'_, H>, asked: &Asked<'_>, plan: &Plan<'c>, again: bool) -> Turn<'c> {
    let path = plan.leaf().map_or("config", |leaf| leaf.path.as_str());
    // Who has heard from another does not depend on this one.
    let others = || life.ledger.record.attempts.iter().any(|attempt| attempt.asked && attempt.target != path);
    Turn {
        path,
        chosen: if again { RETRY } else { plan.chosen_by() },
        why: if again { None } else { plan.why(&Sight { life, asked }) },
        goes_on: !asked.once && plan.may_go_on(),
        elsewhere: !asked.once && (plan.has_more() || others()),
        guarded: plan.is_guarded(),
        deadline: plan.deadline(),
    }
}

/// Who waits for an answer that will not be kept waits in vain.
fn leave_line<H: Host>(life: &mut Life<'_, H>, tried: &Result<Reply<H::Answer>>) {
    if let Some(line) = life.line.take()
        && !tried.as_ref().is_ok_and(|reply| reply.deposit.is_some())
    {
        life.host.serve_line(&line, None);
    }
}

/// The target at hand has answered, which is kept in mind where the config asks for that.
fn answered<H: Host>(
    life: &Life<'_, H>,
    plan: &Plan<'_>,
    health: &Health<'_>,
    mut reply: Reply<H::Answer>,
    was_asked: bool,
) -> Reply<H::Answer> {
    health.answered(life, &mut reply, was_asked);
    if let Some(target) = health.target.filter(|_| plan.is_judged()) {
        life.settings.memory.answered(feedback::trace(life, &life.ledger.record.trace_id), target);
    }
    reply
}

/// The target at hand is left, or was not even asked: the record says why, and what was held for it is given back.
fn left<H: Host>(life: &mut Life<'_, H>, turn: &Turn<'_>, health: &Health<'_>, error: &Error, was_asked: bool) -> Outcome {
    // What it said itself, if it came to that.
    let told = life.ledger.record.attempts.last().map_or(0, |attempt| attempt.status);
    if was_asked {
        health.failed(life, error, told);
    }
    let record = &mut life.ledger.record;
    if !was_asked {
        let row = turn.row(&record.model, Attempt { provider: record.provider, ..Attempt::default() });
        record.attempts.push(row);
    }
    if let Some(attempt) = record.attempts.last_mut() {
        attempt.left = Some(if was_asked { format!("{:?}", error.kind) } else { error.message.clone() });
    }
    let notes = life.ledger.leave_target(was_asked && (200..300).contains(&told));
    if !notes.is_empty() {
        life.host.tell_meters(&notes);
    }
    if was_asked { failed(error, told) } else { Outcome::Skipped }
}

/// Nobody's overhead, but a part of the way.
async fn wait<H: Host>(life: &mut Life<'_, H>, ms: u64) {
    let began = life.host.now();
    life.host.sleep(ms).await;
    life.upstream_ms = life.upstream_ms.saturating_add(life.host.now().saturating_sub(began));
}

/// No target has answered: the caller hears of the one whose word counts.
fn given_up<H: Host>(life: &mut Life<'_, H>, failure: Option<(Error, Option<Vec<u8>>)>) -> Error {
    let unmet = || {
        let message = "No condition of the config holds for this request, and it has no default.";
        (Error::invalid(message).with_param("config"), None)
    };
    let (error, own_words) = failure.unwrap_or_else(unmet);
    life.own_words = own_words;
    let record = &mut life.ledger.record;
    if let Some((provider, model)) = record.told().map(|attempt| (attempt.provider, attempt.model.clone())) {
        (record.provider, record.model) = (provider, model);
    }
    error
}

/// How a plan sees a failure: by the status that the target told, else by what kept it from an answer.
fn failed(error: &Error, told: u16) -> Outcome {
    let status = match (error.origin, error.kind) {
        _ if error.code.as_deref() == Some("context_length_exceeded") => TOO_LONG,
        _ if told >= 400 => error.status,
        (Origin::Upstream, Kind::Unreachable) => UNREACHABLE,
        (Origin::Upstream, Kind::TimedOut) => TIMED_OUT,
        _ => error.status,
    };
    let after_ms = if let Retry::Here { after_ms } = error.retry { after_ms } else { None };
    Outcome::Failed { status, after_ms }
}

/// What is kept in mind of a target, where its config asks for that.
struct Health<'c> {
    target: Option<u64>,
    breaker: Option<&'c Breaker>,
    started: u64,
}

impl<'c> Health<'c> {
    fn of<H: Host>(life: &Life<'_, H>, asked: &Asked<'_>, plan: &Plan<'c>) -> Self {
        let target = plan.leaf().filter(|_| plan.is_watched()).map(|leaf| key(life, asked, leaf));
        let started = life.host.now();
        if let Some(target) = target {
            life.settings.memory.sending(target, started);
        }
        Self { target, breaker: plan.breaker(), started }
    }

    /// Of a stream it is known how soon it began; how it ends will count as well.
    fn answered<H: Host>(&self, life: &Life<'_, H>, reply: &mut Reply<H::Answer>, was_asked: bool) {
        let Some(target) = self.target.filter(|_| was_asked) else { return };
        let (memory, now) = (&life.settings.memory, life.host.now());
        let took = now.saturating_sub(self.started);
        match (&reply.body, &mut reply.ledger) {
            (Body::Stream { .. }, Some(ledger)) => ledger.under_way = Some(memory.begun(target, took, self.breaker, now)),
            _ => memory.note(target, false, Some(took), self.breaker, now),
        }
    }

    fn failed<H: Host>(&self, life: &Life<'_, H>, error: &Error, told: u16) {
        let Some(target) = self.target.filter(|_| error.kind != Kind::Abandoned) else { return };
        if let Outcome::Failed { status, .. } = failed(error, told) {
            life.settings.memory.failed(target, status, self.breaker, life.host.now());
        }
    }
}
