//! A config: which targets to try for a request, in which order, how often, and on which terms. It is parsed into
//! types and checked once; what is wrong is told with its place (`config.targets[1].retry`).
//!
//! The shape is Portkey's, in snake or camel case, with additions. Targets nest, and inherit what they do not set;
//! a provider and its key are inherited together or not at all, so that no key reaches another provider.

use std::collections::BTreeMap;

use super::condition::Condition;
use super::section::{Section, plain, wrong};
use crate::error::{Error, Result};
use crate::providers::{self, words};
use crate::spelling;

/// The longest config, in bytes of JSON.
pub const LONGEST: usize = 128 << 10;
const MOST_TARGETS: usize = 500;
const DEEPEST: usize = 16;
const MOST_ATTEMPTS: u64 = 5;
const LONGEST_MS: u64 = 3_600_000;
const LONGEST_AGE: u64 = 90 * 86_400;
/// What is worth another try where nobody says otherwise.
const RETRIED: &[u16] = &[429, 500, 502, 503, 504];

#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    pub root: Node,
    /// Its targets that are no branches name so many providers.
    pub providers: usize,
}

/// A target: one to be asked, or a branch of others.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// Where it stands: `config.targets[1]`.
    pub path: String,
    pub name: Option<String>,
    pub weight: f64,
    pub terms: Terms,
    pub branch: Option<Branch>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Branch {
    pub mode: Mode,
    /// The only statuses on which the next target is tried; else any failure.
    pub on_status_codes: Option<Vec<u16>>,
    pub sticky: Option<Sticky>,
    pub breaker: Option<Breaker>,
    pub targets: Vec<Node>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Mode {
    Single,
    Fallback,
    Loadbalance,
    /// Conditions with the number of the target that each leads to.
    Conditional {
        rules: Vec<(Condition, usize)>,
        default: Option<usize>,
    },
    Latency,
    Cost,
    Quality,
}

/// Whoever has these fields in common stays with one target.
#[derive(Clone, Debug, PartialEq)]
pub struct Sticky {
    pub hash_fields: Vec<String>,
    pub ttl_s: u64,
}

/// When a target is left alone for a while.
#[derive(Clone, Debug, PartialEq)]
pub struct Breaker {
    pub failures: u64,
    pub failure_percent: Option<f64>,
    pub least_requests: u64,
    pub cooldown_ms: u64,
    pub statuses: Option<Vec<u16>>,
}

/// On which terms a target is asked. What is not set is as if there were no config.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Terms {
    /// Its slug.
    pub provider: Option<&'static str>,
    /// The slug of a credential of the vault.
    pub credential: Option<String>,
    pub api_key: Option<String>,
    pub custom_host: Option<String>,
    /// What the provider needs to know besides, by the names of the headers: `aws-region`.
    pub settings: BTreeMap<String, String>,
    /// Fields of the body, as JSON.
    pub override_params: BTreeMap<String, String>,
    pub default_params: BTreeMap<String, String>,
    pub drop_params: Vec<String>,
    pub forward_headers: Option<Vec<String>>,
    pub metadata: BTreeMap<String, String>,
    pub retry: Option<Retry>,
    pub cache: Option<Cache>,
    /// Until the head of the answer, and all of it where it is no stream.
    pub request_timeout_ms: Option<u64>,
    pub first_token_timeout_ms: Option<u64>,
    /// Between the pieces of a stream.
    pub idle_timeout_ms: Option<u64>,
    /// For everything, tries and pauses and all.
    pub total_timeout_ms: Option<u64>,
    pub strict: Option<bool>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Retry {
    /// Tries after the first.
    pub attempts: u32,
    pub on_status_codes: Vec<u16>,
    pub use_retry_after_header: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Cache {
    pub mode: CacheMode,
    pub max_age_s: u64,
    pub similarity_threshold: Option<f64>,
    /// Requests that are the same wait for the first of them.
    pub coalesce: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CacheMode {
    Simple,
    Semantic,
}

/// One target, on nobody's terms.
impl Default for Config {
    fn default() -> Self {
        let root = Node { path: "config".to_owned(), name: None, weight: 1.0, terms: Terms::default(), branch: None };
        Self { root, providers: 0 }
    }
}

impl Config {
    /// Models of which each stands in for the one before it.
    pub fn of_models(models: &[(&'static str, String)]) -> Self {
        let target = |(at, (provider, model)): (usize, &(&'static str, String))| {
            let mut terms = Terms { provider: (at > 0).then_some(*provider), ..Terms::default() };
            if at > 0 {
                terms.override_params.insert("model".to_owned(), serde_json::Value::from(model.as_str()).to_string());
            }
            Node { path: format!("config.targets[{at}]"), name: Some(model.clone()), weight: 1.0, terms, branch: None }
        };
        let targets = models.iter().enumerate().map(target).collect();
        let branch = Branch { mode: Mode::Fallback, on_status_codes: None, sticky: None, breaker: None, targets };
        Self { root: Node { branch: Some(branch), ..Self::default().root }, providers: models.len() }
    }

    pub fn parse(json: &str) -> Result<Self> {
        if json.len() > LONGEST {
            return Err(Error::invalid(format!("The config is longer than {} KiB.", LONGEST >> 10)).with_param("config"));
        }
        let mut reading = Reading { targets: 0, providers: Vec::new() };
        let root = reading.node(Section::parse(json, "config")?, &Terms::default(), 0)?;
        Ok(Self { root, providers: reading.providers.len() })
    }
}

impl Mode {
    pub fn word(&self) -> &'static str {
        match self {
            Mode::Single => "single",
            Mode::Fallback => "fallback",
            Mode::Loadbalance => "loadbalance",
            Mode::Conditional { .. } => "conditional",
            Mode::Latency => "latency",
            Mode::Cost => "cost",
            Mode::Quality => "quality",
        }
    }
}

impl Terms {
    /// The model that is asked for in place of the caller's.
    pub fn model(&self) -> Option<String> {
        serde_json::from_str(self.override_params.get("model")?).ok()
    }
}

impl Node {
    /// The targets that are no branches, in the order in which they stand.
    pub fn leaves(&self) -> Vec<&Node> {
        match &self.branch {
            None => vec![self],
            Some(branch) => branch.targets.iter().flat_map(Node::leaves).collect(),
        }
    }
}

struct Reading {
    targets: usize,
    providers: Vec<&'static str>,
}

impl Reading {
    fn node(&mut self, mut section: Section<'_>, inherited: &Terms, depth: usize) -> Result<Node> {
        self.targets += 1;
        if self.targets > MOST_TARGETS || depth > DEEPEST {
            let message = format!("A config has at most {MOST_TARGETS} targets, nested at most {DEEPEST} deep.");
            return Err(Error::invalid(message).with_param(section.path));
        }
        let (path, name) = (section.path.clone(), section.text("name")?);
        let weight = section.number("weight", 0.0, 1e9)?.unwrap_or(1.0);
        let (strategy, targets) = (section.section("strategy")?, section.items("targets")?);
        let terms = terms(&mut section, inherited)?;
        // What Portkey's own clients add, and what says nothing here.
        for name in ["id", "version", "type"] {
            section.take(name);
        }
        section.end()?;
        let branch = match (strategy, targets) {
            (None, None) => None,
            (strategy, targets) => Some(self.branch(&path, strategy, targets.unwrap_or_default(), &terms, depth)?),
        };
        if let (None, Some(provider)) = (&branch, terms.provider)
            && !self.providers.contains(&provider)
        {
            self.providers.push(provider);
        }
        Ok(Node { path, name, weight, terms, branch })
    }

    fn branch(
        &mut self,
        path: &str,
        strategy: Option<Section<'_>>,
        targets: Vec<Section<'_>>,
        terms: &Terms,
        depth: usize,
    ) -> Result<Branch> {
        let targets = targets.into_iter().map(|target| self.node(target, terms, depth + 1)).collect::<Result<Vec<_>>>()?;
        if targets.is_empty() {
            return Err(wrong(&format!("{path}.targets"), "at least one target"));
        }
        let Some(mut strategy) = strategy else {
            let single = Branch { mode: Mode::Single, on_status_codes: None, sticky: None, breaker: None, targets };
            return if single.targets.len() == 1 { Ok(single) } else { Err(wrong(&format!("{path}.strategy"), MODES)) };
        };
        let mode = mode(&mut strategy, &targets)?;
        if mode == Mode::Loadbalance && targets.iter().all(|target| target.weight == 0.0) {
            return Err(wrong(&format!("{path}.targets"), "at least one target with a weight above 0"));
        }
        let on_status_codes = strategy.statuses("on_status_codes")?;
        let sticky = strategy.section("sticky")?.map(sticky).transpose()?.flatten();
        let breaker = strategy.section("cb_config")?.map(breaker).transpose()?;
        strategy.end()?;
        Ok(Branch { mode, on_status_codes, sticky, breaker, targets })
    }
}

const MODES: &str = "an object with `mode`: single, fallback, loadbalance, conditional, latency, cost or quality";

fn mode(strategy: &mut Section<'_>, targets: &[Node]) -> Result<Mode> {
    let place = strategy.path_of("mode");
    let word = strategy.text("mode")?.ok_or_else(|| wrong(&strategy.path, MODES))?;
    Ok(match word.as_str() {
        "single" => Mode::Single,
        "fallback" => Mode::Fallback,
        "loadbalance" | "load_balance" => Mode::Loadbalance,
        "conditional" => conditional(strategy, targets)?,
        "latency" => Mode::Latency,
        "cost" => Mode::Cost,
        "quality" => Mode::Quality,
        _ => {
            let known = ["single", "fallback", "loadbalance", "conditional", "latency", "cost", "quality"];
            let hint = spelling::hint(&word, known.into_iter());
            return Err(Error::invalid(format!("{place}: there is no mode `{word}`.{hint}")).with_param(place));
        }
    })
}

fn conditional(strategy: &mut Section<'_>, targets: &[Node]) -> Result<Mode> {
    let place = |name: &str, path: String| {
        let number = targets.iter().position(|target| target.name.as_deref() == Some(name));
        number.ok_or_else(|| {
            let hint = spelling::hint(name, targets.iter().filter_map(|target| target.name.as_deref()));
            Error::invalid(format!("{path}: no target is named `{name}`.{hint}")).with_param(path)
        })
    };
    let mut rules = Vec::new();
    for mut rule in strategy.items("conditions")?.unwrap_or_default() {
        let query = rule.take("query").ok_or_else(|| wrong(&rule.path_of("query"), "an object"))?;
        let condition = Condition::parse(query, &rule.path_of("query"))?;
        let then = rule.text("then")?.ok_or_else(|| wrong(&rule.path_of("then"), "the name of a target"))?;
        rules.push((condition, place(&then, rule.path_of("then"))?));
        rule.end()?;
    }
    let default = strategy.text("default")?.map(|name| place(&name, strategy.path_of("default"))).transpose()?;
    if rules.is_empty() {
        return Err(wrong(&strategy.path_of("conditions"), "at least one condition"));
    }
    Ok(Mode::Conditional { rules, default })
}

fn sticky(mut section: Section<'_>) -> Result<Option<Sticky>> {
    let enabled = section.flag("enabled")?.unwrap_or(true);
    let hash_fields = section.texts("hash_fields")?.unwrap_or_default();
    let ttl_s = section.count("ttl", 1, 30 * 86_400)?.unwrap_or(300);
    section.end()?;
    Ok(enabled.then_some(Sticky { hash_fields, ttl_s }))
}

fn breaker(mut section: Section<'_>) -> Result<Breaker> {
    let breaker = Breaker {
        failures: section.count("failure_threshold", 1, 10_000)?.unwrap_or(5),
        failure_percent: section.number("failure_threshold_percentage", 1.0, 100.0)?,
        least_requests: section.count("minimum_requests", 1, 100_000)?.unwrap_or(10),
        cooldown_ms: section.count("cooldown_interval", 1, LONGEST_MS)?.unwrap_or(30_000),
        statuses: section.statuses("failure_status_codes")?,
    };
    section.end()?;
    Ok(breaker)
}

/// What a target says of itself, over what it inherits.
fn terms(section: &mut Section<'_>, inherited: &Terms) -> Result<Terms> {
    let mut terms = inherited.clone();
    credentials(section, &mut terms)?;
    for (name, raw) in section.object("override_params")? {
        terms.override_params.insert(name, raw);
    }
    for (name, raw) in section.object("default_params")? {
        terms.default_params.insert(name, raw);
    }
    for (name, raw) in section.object("metadata")? {
        let place = format!("{}.metadata.{name}", section.path);
        terms.metadata.insert(name, plain(&raw, &place, "a string")?);
    }
    if let Some(names) = section.texts("drop_params")? {
        terms.drop_params.extend(names);
    }
    terms.forward_headers = section.texts("forward_headers")?.or(terms.forward_headers);
    terms.retry = section.section("retry")?.map(retry).transpose()?.or(terms.retry);
    let coalesce = section.flag("coalesce")?;
    terms.cache = section.section("cache")?.map(cache).transpose()?.or(terms.cache);
    if let (Some(cache), Some(coalesce)) = (&mut terms.cache, coalesce) {
        cache.coalesce = coalesce;
    }
    terms.request_timeout_ms = section.count("request_timeout", 1, LONGEST_MS)?.or(terms.request_timeout_ms);
    terms.first_token_timeout_ms = section.count("first_token_timeout", 1, LONGEST_MS)?.or(terms.first_token_timeout_ms);
    terms.idle_timeout_ms = section.count("idle_timeout", 1, LONGEST_MS)?.or(terms.idle_timeout_ms);
    terms.total_timeout_ms = section.count("total_timeout", 1, LONGEST_MS)?.or(terms.total_timeout_ms);
    let strict = [section.flag("strict")?, section.flag("strict_open_ai_compliance")?];
    terms.strict = strict.into_iter().flatten().next().or(terms.strict);
    no_guardrails(section)?;
    Ok(terms)
}

/// The provider, its key, and what it needs to know besides.
fn credentials(section: &mut Section<'_>, terms: &mut Terms) -> Result<()> {
    let named = section.text("provider")?;
    let credential = section.text("virtual_key")?.or_else(|| named.as_deref()?.strip_prefix('@').map(str::to_owned));
    let provider = named.filter(|name| !name.starts_with('@')).map(|name| provider(&name, section.path_of("provider"))).transpose()?;
    let api_key = section.text("api_key")?;
    let host = section.text("custom_host")?;
    if provider.is_some() || credential.is_some() || api_key.is_some() {
        // Neither the key nor the host of another goes along.
        let same = credential.is_none() && provider.is_none_or(|provider| terms.provider == Some(provider));
        if !same {
            terms.custom_host = None;
            terms.settings.clear();
            terms.provider = None;
        }
        terms.provider = provider.or(terms.provider);
        terms.credential = credential;
        terms.api_key = if same { api_key.or_else(|| terms.api_key.take()) } else { api_key };
    }
    terms.custom_host = host.or_else(|| terms.custom_host.take());
    for (name, header) in settings() {
        let Some(raw) = section.take(&name) else { continue };
        // A service account may be written as it is, or as text.
        let value = if raw.get().starts_with('{') { raw.get().to_owned() } else { plain(raw.get(), &section.path_of(&name), "a string")? };
        terms.settings.insert(header, value);
    }
    Ok(())
}

fn provider(name: &str, path: String) -> Result<&'static str> {
    providers::find(name).map(|provider| provider.slug).ok_or_else(|| {
        let hint = spelling::hint(name, providers::all().iter().map(|provider| provider.slug));
        Error::invalid(format!("{path}: there is no provider `{name}`.{hint}")).with_param(path)
    })
}

/// The names of a provider's settings in a config, and those of their headers.
fn settings() -> impl Iterator<Item = (String, String)> {
    let own = words::WORDS.iter().map(|word| word.name);
    let vendors = providers::all().iter().flat_map(|provider| provider.vendor_headers.iter().copied());
    let secrets = [
        "aws-access-key-id",
        "aws-secret-access-key",
        "aws-session-token",
        "vertex-service-account-json",
        "azure-endpoint",
        "azure-foundry-url",
    ];
    let short = [("resource_name", "azure-resource-name"), ("deployment_id", "azure-deployment-id"), ("api_version", "azure-api-version")];
    let named = own.chain(vendors).chain(secrets).map(|name| (name.replace('-', "_"), name.to_owned()));
    named.chain(short.map(|(name, header)| (name.to_owned(), header.to_owned())))
}

fn retry(mut section: Section<'_>) -> Result<Retry> {
    let attempts = section.count("attempts", 0, MOST_ATTEMPTS)?.unwrap_or(0);
    let retry = Retry {
        attempts: u32::try_from(attempts).unwrap_or_default(),
        on_status_codes: section.statuses("on_status_codes")?.unwrap_or_else(|| RETRIED.to_vec()),
        use_retry_after_header: section.flag("use_retry_after_header")?.unwrap_or(true),
    };
    section.end()?;
    Ok(retry)
}

fn cache(mut section: Section<'_>) -> Result<Cache> {
    let place = section.path_of("mode");
    let mode = match section.text("mode")?.as_deref() {
        None | Some("simple") => CacheMode::Simple,
        Some("semantic") => CacheMode::Semantic,
        Some(_) => return Err(wrong(&place, "simple or semantic")),
    };
    let cache = Cache {
        mode,
        max_age_s: section.count("max_age", 1, LONGEST_AGE)?.unwrap_or(7 * 86_400),
        similarity_threshold: section.number("similarity_threshold", 0.0, 1.0)?,
        coalesce: section.flag("coalesce")?.unwrap_or(false),
    };
    section.end()?;
    Ok(cache)
}

/// A guard that is not there would let everything through.
fn no_guardrails(section: &mut Section<'_>) -> Result<()> {
    for name in ["input_guardrails", "output_guardrails", "before_request_hooks", "after_request_hooks"] {
        if section.take(name).is_some_and(|raw| raw.get() != "[]") {
            let path = section.path_of(name);
            return Err(Error::invalid(format!("{path}: guardrails do not exist here yet; leave them out.")).with_param(path));
        }
    }
    Ok(())
}
