//! Who speaks a dialect, where, with which credentials and with which quirks. A provider is a row of `table`.

pub mod auth;
mod bend;
pub mod custom_host;
pub mod models;
pub mod sandbox;
pub mod service;
pub mod table;
pub mod words;

use crate::ir::Effort;
use crate::wire::chat::{Choices, Customs, Order};
use crate::wire::{Abilities, Dialect};
use service::{Errand, Serves, Service};

#[derive(Debug)]
pub struct Provider {
    pub slug: &'static str,
    /// Other names it goes by, Portkey's among them.
    pub aliases: &'static [&'static str],
    /// Where a custom host's base ends too; `{words}` in it are filled in.
    pub base: &'static str,
    /// What it serves, its own dialect first.
    pub services: &'static [Service],
    /// What follows the base for the list of its models; nothing where it has none.
    pub models: &'static str,
    pub auth: Auth,
    /// The variables that may hold its key, the first one set wins.
    pub keys: &'static [&'static str],
    pub home: Home,
    /// Beside that of its base, hosts that its answers may point to, and those below them.
    pub hosts: &'static [&'static str],
    /// Which fields of its answers, below which path, hold an address of its own that callers go on to.
    pub links: &'static [(&'static str, &'static str)],
    /// Headers that belong to this vendor and reach no other.
    pub vendor_headers: &'static [&'static str],
    /// What is sent for a vendor header that the caller did not send.
    pub fixed_headers: &'static [(&'static str, &'static str)],
    pub quirks: Quirks,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Auth {
    Bearer,
    Header(&'static str),
    /// A signature of the request for this service, or a bearer key.
    Aws(&'static str),
    /// A token for a service account, or one that the caller brings.
    Google,
    None,
}

/// Where a provider is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Home {
    /// At its base, for everyone.
    Own,
    /// Each customer has a place there: this variable, or this header of the caller, holds its address, and what
    /// follows belongs to it too. Without either, the base.
    Tenant { var: &'static str, header: &'static str, end: &'static str },
    /// Everyone runs their own, at the address in this variable; the key is optional.
    Yours(&'static str),
}

/// Where a provider departs from its dialect.
#[derive(Clone, Copy, Debug)]
pub struct Quirks {
    /// Parameters that go by another name there.
    pub rename: &'static [(&'static str, &'static str)],
    /// Parameters that it answers with an error.
    pub drop: &'static [&'static str],
    /// Parameters that it bounds.
    pub clamp: &'static [(&'static str, f64, f64)],
    /// Its answers are just what the dialect says, so they may pass untouched; else they are read and written anew.
    pub exact: bool,
    pub stream_usage: StreamUsage,
    /// How its messages are to be.
    pub messages: Customs,
    /// How they are to follow each other.
    pub order: Order,
    pub choices: Choices,
    /// Takes `strict` tools.
    pub strict_tools: bool,
    /// Wants the thinking of earlier turns back.
    pub replay_thinking: bool,
    /// Wants its proofs back too, as it hands on those of other makers.
    pub replay_proofs: bool,
    pub json_schema: bool,
    /// Knows the format of any JSON object.
    pub json_object: bool,
    /// Words for effort that it knows; none listed means all.
    pub efforts: &'static [Effort],
    /// Takes `top_k`.
    pub top_k: bool,
    /// What tells it not to think, where no word does.
    pub still: Option<(&'static str, &'static str)>,
    /// Takes stop sequences as a list only.
    pub stop_list: bool,
    /// `logprobs` is their number.
    pub counted_logprobs: bool,
    /// Its bound of an answer goes by `max_completion_tokens`.
    pub completion_bound: bool,
    /// Takes `reasoning_effort`.
    pub effort: bool,
    /// Parameters of the Responses dialect that it answers with an error.
    pub not_in_responses: &'static [&'static str],
    /// Its models' own names begin with something and a slash.
    pub slashed_models: bool,
}

/// How a stream comes to tell its usage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamUsage {
    /// With `stream_options.include_usage`.
    Asked,
    /// Always.
    Volunteered,
    /// Always, in a place of its own; in the usual one too with `stream_options.include_usage`.
    Aside,
}

pub fn all() -> &'static [Provider] {
    table::PROVIDERS
}

/// The provider of a slug or an alias.
pub fn find(name: &str) -> Option<&'static Provider> {
    all().iter().find(|provider| provider.slug == name || provider.aliases.contains(&name))
}

/// `provider/model` in its two halves, if the first is a provider's slug.
pub fn split_model(model: &str) -> (Option<&'static Provider>, &str) {
    match model.split_once('/').map(|(slug, rest)| (find(slug), rest)) {
        Some((Some(provider), rest)) if !rest.is_empty() => (Some(provider), rest),
        _ => (None, model),
    }
}

/// The slug of the provider that makes a model of this name.
pub fn owner_of(model: &str) -> Option<&'static str> {
    models::OWNERS.iter().find(|(prefix, _)| model.starts_with(prefix)).map(|(_, slug)| *slug)
}

/// The slug of a credential and the rest of `@slug/model`. Some models are named so themselves.
pub fn split_credential(model: &str) -> Option<(&str, &str)> {
    model.strip_prefix('@')?.split_once('/').filter(|_| owner_of(model).is_none())
}

impl Provider {
    /// Where a model holds conversations for callers of this dialect. `known` says which settings are.
    pub fn talk(&self, dialect: Dialect, model: &str, known: impl Fn(&str) -> bool) -> Option<(&'static Service, Dialect)> {
        let fitting = self.fitting(model, &known, |serves| matches!(serves, Serves::Talk(_)));
        let spoken = fitting.iter().filter_map(|service| if let Serves::Talk(own) = service.serves { Some((*service, own)) } else { None });
        let mut spoken = spoken.collect::<Vec<_>>();
        // Legacy completions are of few models: only who asks for them gets them.
        spoken.retain(|(_, own)| *own == dialect || *own != Dialect::Completions);
        spoken.iter().find(|(_, own)| *own == dialect).or(spoken.first()).copied()
    }

    /// Where a model runs an errand.
    pub fn errand(&self, errand: Errand, model: &str, known: impl Fn(&str) -> bool) -> Option<&'static Service> {
        self.fitting(model, &known, |serves| serves.errand() == Some(errand)).first().copied()
    }

    /// What counts the tokens of a conversation in this dialect. The model must be meant by its very name: those that
    /// are shared among regions have another, by which Bedrock counts nothing.
    pub fn counter(&self, dialect: Dialect, model: &str) -> Option<&'static Service> {
        let fitting = self.fitting(model, &|_: &str| true, |serves| serves == Serves::Count(dialect));
        fitting.into_iter().find(|service| model.starts_with(service.models))
    }

    /// Services of a kind for a model: those meant for it, or else those for any.
    fn fitting(&self, model: &str, known: &impl Fn(&str) -> bool, kind: impl Fn(Serves) -> bool) -> Vec<&'static Service> {
        let meant = |service: &Service| !service.models.is_empty() && model.contains(service.models);
        let of_kind = self.services.iter().filter(|service| kind(service.serves));
        let special = of_kind.clone().any(meant);
        let fits = |service: &&Service| {
            let model = if special { meant(service) } else { service.models.is_empty() };
            model && (service.given.is_empty() || known(service.given))
        };
        of_kind.filter(fits).collect()
    }

    /// Whether an address is at one of its other hosts.
    pub fn is_at(&self, url: &str) -> bool {
        self.hosts.iter().any(|host| custom_host::is_within(url, host))
    }

    /// What a model of this provider takes in this dialect.
    pub fn abilities(&self, dialect: Dialect, model: &str) -> Abilities {
        let quirks = &self.quirks;
        let mut abilities = models::abilities(dialect, model);
        if dialect == Dialect::Chat && !quirks.effort {
            abilities.thinking = crate::wire::ThinkingStyle::None;
        }
        abilities.top_k = quirks.top_k;
        abilities.completion_bound = quirks.completion_bound;
        abilities.developer_role = quirks.messages.developer;
        abilities.replay_thinking = quirks.replay_thinking;
        abilities.replay_proofs = quirks.replay_proofs;
        abilities.json_schema |= dialect == Dialect::Chat;
        abilities
    }
}

/// Whether a setting of this name decides at whose door a provider's requests arrive.
pub fn leads_elsewhere(name: &str) -> bool {
    let fills = |base: &str| words::names(base.split('/').nth(2).unwrap_or_default()).any(|word| word == name);
    let open = words::word(name).is_some_and(|word| word.default.is_empty());
    let names = |home: &Home| matches!(home, Home::Tenant { header, .. } if *header == name);
    name == "custom-host" || all().iter().any(|provider| names(&provider.home) || open && fills(provider.base))
}
