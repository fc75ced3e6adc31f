//! The way of a request through its config's targets: which is asked, and what comes after it failed.

use std::rc::Rc;

use serde_json::Value;

use super::life::{Life, RETRY, Turn};
use crate::catalog::Money;
use crate::cost::{self, Cost, Tally};
use crate::error::{Error, Kind, Origin, Result, Retry};
use crate::host::{Fault, Host};
use crate::http::Reply;
use crate::ir::Usage;
use crate::providers;
use crate::routing::condition::Fact;
use crate::routing::config::{Breaker, Config, Node, Terms};
use crate::routing::memory::Memo;
use crate::routing::pick;
use crate::routing::plan::{Outcome, Plan, Standing, Step, TIMED_OUT, UNREACHABLE, View, lists};
use crate::target;
use crate::wire::envelope::Envelope;
use crate::wire::pipe::estimate_tokens;

/// Where saved configs are: `config:SLUG`.
const SAVED: &str = "config:";
/// How long the storage may take.
const PATIENCE_MS: u64 = 2_000;
/// What an answer is reckoned with where its length is left open.
const LIKELY_OUTPUT: u64 = 500;

/// The config of a request: the caller's, else the deployment's, else one that says nothing.
pub async fn config<H: Host>(life: &Life<'_, H>, model: &str) -> Result<Rc<Config>> {
    let memory = &life.settings.memory;
    // Whoever names a provider so wants that one and no other.
    if life.call.headers.find("x-provider").is_some() {
        return Ok(memory.plain());
    }
    match life.caller.named("config").or_else(|| life.settings.var("DEFAULT_CONFIG")).map(str::trim) {
        Some(json) if json.starts_with('{') => match memory.parsed(json) {
            Some(config) => Ok(config),
            None => {
                let config = Rc::new(Config::parse(json)?);
                memory.keep(json, Some(Rc::clone(&config)), life.host.now());
                Ok(config)
            }
        },
        Some(slug) => saved(life, slug).await,
        None => Ok(stand_ins(life, model).unwrap_or_else(|| memory.plain())),
    }
}

async fn saved<H: Host>(life: &Life<'_, H>, slug: &str) -> Result<Rc<Config>> {
    let known = match life.settings.memory.saved(slug, life.host.now()) {
        Memo::Fresh(config) => config,
        Memo::Stale(config) => read(life, slug).await.or_else(|error| config.map(Some).ok_or(error))?,
    };
    known.ok_or_else(|| {
        let shown: String = slug.chars().take(64).collect();
        let message = format!("There is no config `{shown}`: save one under this slug, or send the config itself as JSON.");
        Error::invalid(message).with_param("config")
    })
}

async fn read<H: Host>(life: &Life<'_, H>, slug: &str) -> Result<Option<Rc<Config>>> {
    let plain = slug.len() <= 128 && slug.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
    let stored = match life.host.stored(&format!("{SAVED}{slug}"), PATIENCE_MS).await {
        _ if !plain => None,
        Ok(stored) => stored,
        Err(Fault::Abandoned) => return Err(Error::caller(Kind::Abandoned, "The caller left before there was an answer.")),
        Err(_) => return Err(Error::gateway(format!("The config `{slug}` could not be read; try again."))),
    };
    let config = stored.map(|json| Config::parse(&String::from_utf8_lossy(&json)).map(Rc::new)).transpose()?;
    life.settings.memory.keep(slug, config.clone(), life.host.now());
    Ok(config)
}

/// The model and those that stand in for it, where the deployment names any.
fn stand_ins<H: Host>(life: &Life<'_, H>, model: &str) -> Option<Rc<Config>> {
    let mut models = vec![("", model.to_owned())];
    while let Some(other) = models.last().and_then(|(_, last)| life.settings.stand_in(last)) {
        if models.iter().any(|(_, known)| known == other) {
            break;
        }
        let (provider, _) = target::provider_of_model(life.settings, &life.caller, other).ok()?;
        models.push((provider.slug, other.to_owned()));
    }
    (models.len() > 1).then(|| Rc::new(Config::of_models(&models)))
}

/// What is asked for: the caller's body, and the model that it names.
pub struct Asked<'a> {
    pub envelope: Envelope<'a>,
    pub model: String,
}

impl<'a> Asked<'a> {
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
        (envelope, terms.model().unwrap_or_else(|| self.model.clone()))
    }
}

/// Asks one target after the other, as the config says, until one answers.
pub async fn walk<H: Host>(
    life: &mut Life<'_, H>,
    asked: &Asked<'_>,
    ask: impl AsyncFn(&mut Life<'_, H>) -> Result<Reply<H::Answer>>,
) -> Result<Reply<H::Answer>> {
    let config = config(life, &asked.model).await?;
    let mut plan = Plan::new(&config.root, &Sight { life, asked });
    let mut failure = None;
    let mut chosen = plan.chosen_by();
    while let Some(leaf) = plan.leaf() {
        let (health, before) = (Health::of(life, asked, &plan), life.ledger.record.attempts.len());
        let turn = Turn { path: &leaf.path, chosen, goes_on: plan.may_go_on(), elsewhere: plan.has_more(), deadline: plan.deadline() };
        let mut turned = life.under(&leaf.terms, config.providers > 1, turn);
        let tried = ask(&mut turned).await;
        life.back(turned);
        let was_asked = life.ledger.record.attempts.len() > before;
        if was_asked {
            health.note(life, tried.as_ref().err());
        }
        let error = match tried {
            Ok(reply) => return Ok(reply),
            Err(error) => error,
        };
        if error.kind == Kind::Abandoned {
            return Err(error);
        }
        let outcome = if was_asked { failed(&error) } else { Outcome::Skipped };
        life.leave(turn, &error, was_asked);
        // Of what was asked rather than passed over, the last word counts.
        if was_asked || failure.is_none() {
            failure = Some((error, life.own_words.take()));
        }
        match plan.after(outcome, &Sight { life, asked }) {
            Step::Try(_) => chosen = plan.chosen_by(),
            Step::Wait { ms, .. } => {
                life.host.sleep(ms).await;
                chosen = RETRY;
            }
            Step::GiveUp => break,
        }
    }
    let unmet = || {
        let message = "No condition of the config holds for this request, and it has no default.";
        (Error::invalid(message).with_param("config"), None)
    };
    let (error, own_words) = failure.unwrap_or_else(unmet);
    life.own_words = own_words;
    Err(error)
}

/// How a plan sees a failure.
fn failed(error: &Error) -> Outcome {
    let status = match (error.origin, error.kind) {
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

    fn note<H: Host>(&self, life: &Life<'_, H>, error: Option<&Error>) {
        let Some(target) = self.target else { return };
        let now = life.host.now();
        let counted = |error: &Error| {
            let Outcome::Failed { status, .. } = failed(error) else { return false };
            let codes = self.breaker.and_then(|breaker| breaker.statuses.as_deref());
            codes.map_or(status >= 500 || matches!(status, UNREACHABLE | TIMED_OUT), |codes| lists(codes, status))
        };
        match error {
            Some(error) if error.kind == Kind::Abandoned => {}
            Some(error) => life.settings.memory.note(target, counted(error), None, self.breaker, now),
            None => life.settings.memory.note(target, false, Some(now.saturating_sub(self.started)), self.breaker, now),
        }
    }
}

/// A target by which it is remembered: whoever uses another key may fare otherwise there.
fn key<H: Host>(life: &Life<'_, H>, asked: &Asked<'_>, leaf: &Node) -> u64 {
    let caller = life.caller.under(&leaf.terms, true);
    let word = |name: &str| caller.named(name).unwrap_or_default();
    let model = leaf.terms.model();
    let model = model.as_deref().unwrap_or(&asked.model);
    pick::hash(&[word("provider"), "\n", word("custom-host"), "\n", caller.own_key.unwrap_or_default(), "\n", model])
}

/// What a plan may see of a request.
struct Sight<'a, 'b, H> {
    life: &'a Life<'b, H>,
    asked: &'a Asked<'a>,
}

impl<H: Host> View for Sight<'_, '_, H> {
    fn now(&self) -> u64 {
        self.life.host.now()
    }

    fn random(&self) -> u64 {
        self.life.host.random()
    }

    fn fact(&self, field: &str) -> Option<Fact> {
        let Self { life, asked } = self;
        let text = |text: &str| Some(Fact::Text(text.to_owned()));
        let (place, name) = field.split_once('.').unwrap_or((field, ""));
        match place {
            "model" => text(&asked.model),
            "provider" => text(life.caller.named("provider")?),
            "url" => text(&life.call.path),
            "headers" => text(life.call.headers.find(&name.to_ascii_lowercase())?),
            "geo" => text(life.call.headers.find("cf-ipcountry")?),
            "metadata" => {
                let metadata: Value = serde_json::from_str(life.caller.named("metadata")?).ok()?;
                Fact::of(metadata.get(name)?)
            }
            "params" => {
                let (first, rest) = name.split_once('.').map_or((name, None), |(first, rest)| (first, Some(rest)));
                let value: Value = serde_json::from_str(asked.envelope.raw(first)?).ok()?;
                let within = rest.into_iter().flat_map(|rest| rest.split('.'));
                Fact::of(within.fold(&value, |value, name| value.get(name).unwrap_or(&Value::Null)))
            }
            _ => None,
        }
    }

    fn standing(&self, leaf: &Node, breaker: Option<&Breaker>) -> Standing {
        let (life, now) = (self.life, self.now());
        let track = life.settings.memory.track(key(life, self.asked, leaf));
        let open_until = breaker.and_then(|breaker| track.open_until(breaker, now));
        Standing { open_until, latency_ms: track.latency_ms(), score: track.score() }
    }

    fn cost(&self, leaf: &Node) -> Option<Money> {
        let (envelope, model) = self.asked.under(Some(&leaf.terms), false);
        let bound =
            ["max_completion_tokens", "max_tokens", "max_output_tokens"].into_iter().find_map(|name| envelope.raw(name)?.parse().ok());
        let input = estimate_tokens(envelope.bytes().len());
        let usage = Usage { input, output: bound.unwrap_or(LIKELY_OUTPUT), ..Usage::default() };
        let caller = self.life.caller.under(&leaf.terms, true);
        let named = caller.named("provider").and_then(providers::find);
        let (provider, model) = match named {
            Some(provider) => (provider, model.as_str()),
            None => target::provider_of_model(self.life.settings, &caller, &model).ok()?,
        };
        let own = self.life.settings.own_prices().find(provider.slug, model).cloned();
        match cost::of(own.as_ref(), provider.slug, model, &usage, &Tally::default()) {
            Cost::Usd(money) => Some(money),
            Cost::Unpriced => None,
        }
    }
}
