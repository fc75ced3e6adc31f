//! Which models are listed: those of some providers, by the catalog, by prices of one's own, or by the provider's own
//! word.

use std::borrow::Cow;

use futures_util::StreamExt;
use futures_util::stream;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::caller::Caller;
use crate::catalog::{self, Model};
use crate::error::{Error, Result};
use crate::host::{Answer, Host, Parcel, Payload};
use crate::http::Call;
use crate::prices;
use crate::providers::{self, Home, Provider, sandbox};
use crate::settings::Settings;
use crate::target::{self, Credential, Place};
use crate::wire::lean;

/// Providers asked at the same time; a Worker may wait for six answers at once.
const AT_ONCE: usize = 5;
const PATIENCE_MS: u64 = 5_000;
const MAX_LIST: usize = 8 << 20;

#[derive(Debug)]
pub struct Listed {
    pub provider: &'static Provider,
    /// The provider's place in the list.
    rank: usize,
    /// As the provider knows it.
    pub name: Cow<'static, str>,
    /// Seconds since 1970; 0 where nobody tells.
    pub created: u64,
    pub known: Option<Model>,
}

/// Whose models are listed.
pub struct Scope {
    providers: Vec<&'static Provider>,
    /// The caller named the provider, and is told why it cannot be asked.
    named: bool,
    /// The caller named another host of it.
    elsewhere: bool,
    /// The whole catalog, whether or not it can be used.
    all: bool,
}

pub fn wants_all(call: &Call) -> bool {
    call.asked("all").is_some_and(|all| matches!(all.as_str(), "true" | "1"))
}

impl Scope {
    pub fn asked(settings: &Settings, call: &Call, caller: &Caller<'_>) -> Result<Self> {
        if let Some(provider) = Self::named(call, caller)? {
            return Ok(Self { named: true, ..Self::one(caller, provider) });
        }
        if caller.named("custom-host").is_some() {
            let message = "A custom host needs its provider: name it in `x-causeway-provider`.";
            return Err(Error::invalid(message).with_param("provider"));
        }
        let active = Self::active(settings);
        if !wants_all(call) {
            return Ok(active);
        }
        let on = |provider: &&'static Provider| provider.slug != sandbox::SLUG || settings.sandbox();
        Ok(Self { providers: providers::all().iter().filter(on).collect(), all: true, ..active })
    }

    /// The provider that the query or a header names.
    pub fn named(call: &Call, caller: &Caller<'_>) -> Result<Option<&'static Provider>> {
        match call.asked("provider") {
            Some(slug) => target::provider(&slug).map(Some),
            None => target::named_provider(call, caller),
        }
    }

    pub fn active(settings: &Settings) -> Self {
        Self { providers: settings.active(), named: false, elsewhere: false, all: false }
    }

    pub fn one(caller: &Caller<'_>, provider: &'static Provider) -> Self {
        let elsewhere = caller.named("custom-host").is_some();
        Self { providers: vec![provider], named: elsewhere, elsewhere, all: false }
    }

    /// Whether only the provider itself knows what it has: everyone runs their own there, or the host is another.
    fn asks(&self, settings: &Settings, provider: &Provider) -> bool {
        let own = matches!(provider.home, Home::Yours(_)) && (self.named || settings.is_active(provider));
        !provider.models.is_empty() && provider.slug != sandbox::SLUG && (own || self.elsewhere)
    }
}

/// Everything in the scope, by provider and name; who has to be asked is asked.
pub async fn gather<H: Host>(host: &H, settings: &Settings, caller: &Caller<'_>, scope: Scope) -> Result<Vec<Listed>> {
    // A key that the caller brought for one provider is none of the others' business.
    let caller = &if scope.named { *caller } else { caller.keyless() };
    let mut calls = Vec::new();
    for (rank, provider) in scope.providers.iter().enumerate().filter(|(_, provider)| scope.asks(settings, provider)) {
        let way = target::place(settings, caller, provider)
            .and_then(|place| target::credential(settings, caller, provider, &place).map(|credential| (place, credential)));
        match way {
            Ok(way) => calls.push(async move { (rank, ask(host, provider, way).await) }),
            Err(error) if scope.named => return Err(error),
            Err(_) => {}
        }
    }
    let asking = stream::iter(calls).buffer_unordered(AT_ONCE).collect::<Vec<_>>();
    let answers: Vec<(usize, Option<Vec<Entry>>)> = prices::alongside(host, settings, None, asking).await;
    let mut models = Vec::new();
    let mut answered = Vec::new();
    for (rank, entries) in answers {
        let Some((provider, entries)) = scope.providers.get(rank).zip(entries) else { continue };
        answered.push(rank);
        models.extend(entries.into_iter().map(|entry| entry.listed(provider, rank)));
    }
    let tells = |rank: usize, provider: &Provider| scope.all || !answered.contains(&rank) && !unheard(&scope, settings, provider);
    Ok(completed(models, settings, &scope, tells))
}

/// Whoever runs there what one likes, and does not answer, has nothing. Another host of a provider has what it has.
fn unheard(scope: &Scope, settings: &Settings, provider: &Provider) -> bool {
    scope.asks(settings, provider) && matches!(provider.home, Home::Yours(_))
}

/// The same without asking anyone.
pub fn listed(settings: &Settings, scope: &Scope) -> Vec<Listed> {
    completed(Vec::new(), settings, scope, |_, _| true)
}

/// Adds what the catalog tells of the scope's providers, and the models that have prices of one's own.
fn completed(mut models: Vec<Listed>, settings: &Settings, scope: &Scope, tells: impl Fn(usize, &Provider) -> bool) -> Vec<Listed> {
    let place = |slug: &str| scope.providers.iter().enumerate().find(|(_, provider)| provider.slug == slug);
    let told: Vec<&str> = scope
        .providers
        .iter()
        .enumerate()
        .filter(|(rank, provider)| provider.slug != sandbox::SLUG && tells(*rank, provider))
        .map(|(_, provider)| provider.slug)
        .collect();
    models.extend(catalog::of_providers(|slug| told.contains(&slug)).filter_map(|model| {
        let (rank, provider) = place(model.provider)?;
        Some(Listed { provider, rank, name: Cow::Borrowed(model.id), created: 0, known: Some(model) })
    }));
    if let Some((rank, provider)) = place(sandbox::SLUG) {
        models.extend(sandbox::MODELS.iter().map(|name| listing(provider, rank, Cow::Borrowed(*name), 0)));
    }
    for (slug, name, _) in settings.own_prices().iter() {
        if let Some((rank, provider)) = place(slug) {
            models.push(listing(provider, rank, Cow::Owned(name.to_owned()), 0));
        }
    }
    models.sort_by(|one, other| (one.rank, &one.name).cmp(&(other.rank, &other.name)));
    models.dedup_by(|later, first| (later.rank, &later.name) == (first.rank, &first.name));
    models
}

fn listing(provider: &'static Provider, rank: usize, name: Cow<'static, str>, created: u64) -> Listed {
    let known = catalog::find(provider.slug, &name);
    Listed { provider, rank, name, created, known }
}

impl Listed {
    pub fn id(&self) -> String {
        format!("{}/{}", self.provider.slug, self.name)
    }

    /// How many edits another name is away; nothing where it is far.
    pub fn nearness(&self, other: &str) -> Option<usize> {
        let (_, bare) = providers::split_model(other);
        let far = bare.len() / 3;
        if self.name.starts_with(bare) {
            return Some(self.name.len().saturating_sub(bare.len()).min(far.saturating_add(1)));
        }
        let unlike = self.name.len().abs_diff(bare.len()) > far;
        (!unlike).then(|| crate::spelling::distance(bare, &self.name)).filter(|edits| *edits <= far)
    }
}

/// A model in a provider's own list.
#[derive(Deserialize)]
struct Entry {
    #[serde(alias = "name")]
    id: String,
    #[serde(default)]
    created: Option<u64>,
}

impl Entry {
    fn listed(self, provider: &'static Provider, rank: usize) -> Listed {
        let name = self.id.strip_prefix("models/").map(str::to_owned).unwrap_or(self.id);
        listing(provider, rank, Cow::Owned(name), self.created.unwrap_or(0))
    }
}

/// Nothing where there is no list.
async fn ask<H: Host>(host: &H, provider: &Provider, (place, credential): (Place, Credential<'_>)) -> Option<Vec<Entry>> {
    let mut headers = target::request_headers(provider, credential);
    for (name, value) in provider.fixed_headers {
        headers.add(name, value);
    }
    let url = format!("{}{}", place.base, provider.models);
    let parcel = Parcel { url: &url, headers: &headers, method: "GET", body: Payload::None, passes: false, timeout_ms: Some(PATIENCE_MS) };
    let mut answer = host.fetch(parcel).await.ok().filter(|answer| answer.status() == 200)?;
    read(&answer.bytes(MAX_LIST).await.ok()?)
}

/// Most send `{"data": [...]}`, Google and Cohere `{"models": [...]}`, some the bare list.
fn read(bytes: &[u8]) -> Option<Vec<Entry>> {
    #[derive(Deserialize)]
    struct Wrapped<'a> {
        #[serde(borrow, alias = "models")]
        data: Vec<&'a RawValue>,
    }
    let wrapped = crate::wire::json::read::<Wrapped<'_>>(bytes).map(|list| list.data);
    let entries = wrapped.or_else(|_| crate::wire::json::read::<Vec<&RawValue>>(bytes)).ok()?;
    Some(entries.into_iter().filter_map(|raw| lean::from_str(raw.get()).ok()).collect())
}
