//! A config: which targets to try for a request, in which order, how often, and on which terms. It is parsed into
//! types and checked once; what is wrong is told with its place (`config.targets[1].retry`).
//!
//! The shape is Portkey's, in snake or camel case, with additions. Targets nest, and inherit what they do not set;
//! a provider and its key are inherited together or not at all, so that no key reaches another provider.

use super::condition::{self, Condition};
use super::terms::{self, LONGEST_MS};
pub use super::terms::{Cache, CacheMode, Retry, Terms};
use crate::error::{Error, Result};
use crate::section::{Section, wrong};
use crate::spelling;

/// The longest config, in bytes of JSON.
pub const LONGEST: usize = 128 << 10;
const MOST_TARGETS: usize = 500;
const DEEPEST: usize = 48;
/// What targets inherit, counted for each: long terms above many targets would be kept many times over.
const MOST_INHERITED: usize = 4 << 20;

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

/// Whoever has these fields in common stays with one target; where none are named, each user or caller does.
#[derive(Clone, Debug, PartialEq)]
pub struct Sticky {
    pub hash_fields: Vec<String>,
    /// For so long; else for ever.
    pub ttl_s: Option<u64>,
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
        let mut reading = Reading::default();
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

impl Node {
    /// The targets that are no branches, in the order in which they stand.
    pub fn leaves(&self) -> Vec<&Node> {
        match &self.branch {
            None => vec![self],
            Some(branch) => branch.targets.iter().flat_map(Node::leaves).collect(),
        }
    }
}

/// What may stand beside a strategy as well as in it.
struct Usual {
    on_status_codes: Option<Vec<u16>>,
    breaker: Option<Breaker>,
}

impl Usual {
    fn of(section: &mut Section<'_>, beside_targets: bool) -> Result<Self> {
        let names = ["on_status_codes", "cb_config"];
        if !beside_targets && let Some(name) = names.into_iter().find(|name| section.has(name)) {
            return Err(wrong(&section.path_of(name), "in the `strategy` of several targets, or beside it"));
        }
        let on_status_codes = section.statuses("on_status_codes")?;
        Ok(Self { on_status_codes, breaker: section.section("cb_config")?.map(breaker).transpose()? })
    }
}

impl Branch {
    fn or(self, usual: Usual) -> Self {
        let on_status_codes = self.on_status_codes.or(usual.on_status_codes);
        Self { on_status_codes, breaker: self.breaker.or(usual.breaker), ..self }
    }
}

#[derive(Default)]
struct Reading {
    targets: usize,
    inherited: usize,
    conditions: condition::Reading,
    providers: Vec<&'static str>,
}

impl Reading {
    fn node(&mut self, mut section: Section<'_>, inherited: &Terms, depth: usize) -> Result<Node> {
        self.targets += 1;
        self.inherited += inherited.bytes();
        if self.targets > MOST_TARGETS || depth > DEEPEST {
            let message = format!("{}: a config has at most {MOST_TARGETS} targets, nested at most {DEEPEST} deep.", section.path);
            return Err(Error::invalid(message).with_param(section.path));
        }
        if self.inherited > MOST_INHERITED {
            let message = format!("{}: the targets inherit too much; move long parameters to those that need them.", section.path);
            return Err(Error::invalid(message).with_param(section.path));
        }
        let (path, name) = (section.path.clone(), section.text("name")?);
        let weight = section.number("weight", 0.0, 1e9)?.unwrap_or(1.0);
        let (strategy, targets) = (section.section("strategy")?, section.items("targets")?);
        let usual = Usual::of(&mut section, targets.is_some())?;
        let mut terms = terms::terms(&mut section, inherited)?;
        if depth == 0 {
            terms.total_timeout_ms = section.count("total_timeout", 1, LONGEST_MS)?;
        } else if section.take("total_timeout").is_some() {
            return Err(wrong(
                &section.path_of("total_timeout"),
                "at the top of the config, for all targets together; here it is `request_timeout`",
            ));
        }
        section.end_knowing(terms::settings_known)?;
        let branch = self.branch(&path, strategy, targets, &terms, depth)?.map(|branch| branch.or(usual));
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
        targets: Option<Vec<Section<'_>>>,
        terms: &Terms,
        depth: usize,
    ) -> Result<Option<Branch>> {
        let missing = || wrong(&format!("{path}.targets"), "a list of at least one target");
        let Some(targets) = targets else {
            return match strategy.map(|strategy| self.strategy(strategy, Vec::new())).transpose()? {
                Some(branch) if branch.mode != Mode::Single => Err(missing()),
                // With nothing to choose from, this is the target itself.
                _ => Ok(None),
            };
        };
        let targets = targets.into_iter().map(|target| self.node(target, terms, depth + 1)).collect::<Result<Vec<_>>>()?;
        match strategy {
            _ if targets.is_empty() => Err(missing()),
            _ if targets.iter().all(|target| target.weight == 0.0) => {
                Err(wrong(&format!("{path}.targets"), "at least one target with a weight above 0"))
            }
            Some(strategy) => self.strategy(strategy, targets).map(Some),
            None if targets.len() == 1 => {
                Ok(Some(Branch { mode: Mode::Single, on_status_codes: None, sticky: None, breaker: None, targets }))
            }
            None => Err(wrong(&format!("{path}.strategy"), MODES)),
        }
    }

    fn strategy(&mut self, mut strategy: Section<'_>, targets: Vec<Node>) -> Result<Branch> {
        let mode = self.mode(&mut strategy, &targets)?;
        let on_status_codes = strategy.statuses("on_status_codes")?;
        strategy.also("sticky_session", "sticky")?;
        let sticky = strategy.section("sticky")?.map(sticky).transpose()?.flatten();
        let breaker = strategy.section("cb_config")?.map(breaker).transpose()?;
        for name in ["conditions", "default"] {
            if strategy.take(name).is_some_and(|raw| raw.get() != "[]") {
                return Err(wrong(&strategy.path_of(name), "nothing: only the mode `conditional` has it"));
            }
        }
        strategy.end()?;
        Ok(Branch { mode, on_status_codes, sticky, breaker, targets })
    }

    fn mode(&mut self, strategy: &mut Section<'_>, targets: &[Node]) -> Result<Mode> {
        let word = strategy.text("mode")?.ok_or_else(|| wrong(&strategy.path, MODES))?;
        Ok(match word.as_str() {
            "single" => Mode::Single,
            "fallback" => Mode::Fallback,
            "loadbalance" | "load_balance" => Mode::Loadbalance,
            "conditional" => self.conditional(strategy, targets)?,
            "latency" => Mode::Latency,
            "cost" => Mode::Cost,
            "quality" => Mode::Quality,
            _ => {
                let known = ["single", "fallback", "loadbalance", "conditional", "latency", "cost", "quality"];
                let (place, hint) = (strategy.path_of("mode"), spelling::hint(&word, known.into_iter()));
                return Err(Error::invalid(format!("{place}: there is no mode `{word}`.{hint}")).with_param(place));
            }
        })
    }

    fn conditional(&mut self, strategy: &mut Section<'_>, targets: &[Node]) -> Result<Mode> {
        let mut rules = Vec::new();
        for mut rule in strategy.items("conditions")?.unwrap_or_default() {
            let query = rule.take("query").ok_or_else(|| wrong(&rule.path_of("query"), "an object"))?;
            let condition = self.conditions.condition(query, &rule.path_of("query"))?;
            let then = rule.text("then")?.ok_or_else(|| wrong(&rule.path_of("then"), "the name of a target"))?;
            rules.push((condition, named(&then, targets, rule.path_of("then"))?));
            rule.end()?;
        }
        let default = strategy.text("default")?.map(|name| named(&name, targets, strategy.path_of("default"))).transpose()?;
        if rules.is_empty() && default.is_none() {
            return Err(wrong(&strategy.path_of("conditions"), "at least one condition"));
        }
        Ok(Mode::Conditional { rules, default })
    }
}

const MODES: &str = "an object with `mode`: single, fallback, loadbalance, conditional, latency, cost or quality";

/// The number of the target of this name.
fn named(name: &str, targets: &[Node], path: String) -> Result<usize> {
    let names = || targets.iter().filter_map(|target| target.name.as_deref());
    match names().filter(|other| *other == name).count() {
        1 => {}
        0 => {
            let hint = spelling::hint(name, names());
            return Err(Error::invalid(format!("{path}: no target is named `{name}`.{hint}")).with_param(path));
        }
        _ => return Err(Error::invalid(format!("{path}: several targets are named `{name}`.")).with_param(path)),
    }
    Ok(targets.iter().position(|target| target.name.as_deref() == Some(name)).unwrap_or_default())
}

fn sticky(mut section: Section<'_>) -> Result<Option<Sticky>> {
    let enabled = section.flag("enabled")?.unwrap_or(true);
    let hash_fields = section.texts("hash_fields")?.unwrap_or_default();
    for (at, field) in hash_fields.iter().enumerate() {
        condition::known(field, &format!("{}[{at}]", section.path_of("hash_fields")), &[])?;
    }
    let ttl_s = section.count("ttl", 1, 30 * 86_400)?;
    section.end()?;
    Ok(enabled.then_some(Sticky { hash_fields, ttl_s }))
}

fn breaker(mut section: Section<'_>) -> Result<Breaker> {
    let failures = section.count("failure_threshold", 1, 10_000)?;
    let failure_percent = section.number("failure_threshold_percentage", 1.0, 100.0)?;
    let breaker = Breaker {
        // Who asks for a share alone means no failures in a row.
        failures: failures.unwrap_or(if failure_percent.is_some() { u64::MAX } else { 5 }),
        failure_percent,
        least_requests: section.count("minimum_requests", 1, 100_000)?.unwrap_or(10),
        cooldown_ms: section.count("cooldown_interval", 1, LONGEST_MS)?.unwrap_or(30_000),
        statuses: section.statuses("failure_status_codes")?,
    };
    section.end()?;
    Ok(breaker)
}
