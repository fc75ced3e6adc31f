//! The environment of the Worker, read once.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

use crate::catalog::{self, Model, Overrides};
use crate::cost::Known;
use crate::policy::access;
use crate::policy::roster::Roster;
use crate::policy::vault::Vault;
use crate::providers::auth::google_jwt::{self, ServiceAccount, Token};
use crate::providers::{Auth, Home, Provider, all, find, sandbox, words};
use crate::routing::memory::Memory;

#[derive(Debug, Default)]
pub struct Settings {
    vars: BTreeMap<String, String>,
    /// Those of service accounts, for as long as these settings live.
    tokens: RefCell<HashMap<ServiceAccount, Token>>,
    own_prices: RefCell<OwnPrices>,
    found: RefCell<Option<Found>>,
    /// Of configs and of how targets did.
    pub memory: Memory,
    /// Of keys, teams and credentials.
    pub roster: Roster,
    /// Keys of Cloudflare Access.
    pub access: RefCell<access::Keys>,
}

/// Prices that win over the catalog's, as they were when they were last read.
#[derive(Debug, Default)]
struct OwnPrices {
    known: Rc<Overrides>,
    /// When they were; never yet, if nothing.
    read: Option<u64>,
}

/// The model that was asked last, as the catalog has it: most often the next request is for it again.
#[derive(Debug)]
struct Found {
    provider: &'static str,
    name: String,
    model: Option<Rc<Model>>,
}

/// For how long prices are not read again.
const PRICES_MS: u64 = 60_000;

/// More accounts than this are not kept in mind: callers may bring as many as they like.
const MOST_TOKENS: usize = 256;

impl Settings {
    pub fn new(vars: impl IntoIterator<Item = (String, String)>) -> Self {
        Self { vars: vars.into_iter().collect(), ..Self::default() }
    }

    /// A variable's value; an empty one counts as absent.
    pub fn var(&self, name: &str) -> Option<&str> {
        self.vars.get(name).map(|value| value.trim()).filter(|value| !value.is_empty())
    }

    /// Hosts that may be custom hosts although they are not public.
    pub fn trusted_hosts(&self) -> Vec<&str> {
        self.list("TRUSTED_CUSTOM_HOSTS")
    }

    pub fn sandbox(&self) -> bool {
        self.var("SANDBOX") == Some("true")
    }

    /// Whether a caller must show a key of this deployment. Only a plain `false` opens it.
    pub fn require_key(&self) -> bool {
        self.var("REQUIRE_KEY").is_some_and(|value| value != "false")
    }

    pub fn key_of(&self, provider: &Provider) -> Option<&str> {
        provider.keys.iter().find_map(|name| self.var(name))
    }

    /// A word of an address, as the deployment has it.
    pub fn word(&self, name: &str) -> Option<&str> {
        words::word(name)?.vars.iter().find_map(|var| self.var(var))
    }

    /// What opens the sealed credentials: the new master key while one is brought in, and the old one.
    pub fn vault(&self) -> Vault {
        Vault::of(self.masters())
    }

    /// The master keys, the newest first.
    pub fn masters(&self) -> impl Iterator<Item = &str> {
        ["MASTER_KEY_NEXT", "MASTER_KEY"].into_iter().filter_map(|name| self.var(name))
    }

    pub fn has_vault(&self) -> bool {
        self.var("MASTER_KEY").or(self.var("MASTER_KEY_NEXT")).is_some()
    }

    /// Whether the environment has what lets one in at the provider.
    pub fn has_key(&self, provider: &Provider) -> bool {
        match provider.auth {
            Auth::None => true,
            Auth::Aws(_) => self.key_of(provider).is_some() || self.var("AWS_ACCESS_KEY_ID").is_some(),
            _ => self.key_of(provider).is_some() || matches!(provider.home, Home::Yours(var) if self.var(var).is_some()),
        }
    }

    /// Whether this deployment can use the provider without a key of the caller.
    pub fn is_active(&self, provider: &Provider) -> bool {
        self.roster.serves(provider.slug) || self.is_set_up(provider)
    }

    fn is_set_up(&self, provider: &Provider) -> bool {
        let keyed = match provider.auth {
            Auth::None => return provider.slug == sandbox::SLUG && self.sandbox(),
            Auth::Aws(_) => self.key_of(provider).is_some() || self.var("AWS_ACCESS_KEY_ID").is_some(),
            _ => self.key_of(provider).is_some(),
        };
        let in_account = |name: &str| {
            provider.auth == Auth::Google && name == google_jwt::PROJECT && self.key_of(provider).and_then(google_jwt::project_of).is_some()
        };
        let known =
            |name: &str| words::word(name).is_none_or(|word| !word.default.is_empty() || self.word(name).is_some() || in_account(name));
        match provider.home {
            Home::Yours(var) => self.var(var).is_some(),
            Home::Tenant { var, .. } if self.var(var).is_some() => keyed,
            _ => {
                let path = provider.services.iter().find(|service| service.given.is_empty()).map_or("", |service| service.path);
                keyed && !provider.base.is_empty() && words::names(provider.base).chain(words::names(path)).all(known)
            }
        }
    }

    /// The providers that whoever runs this deployment puts first.
    pub fn preferred(&self) -> impl Iterator<Item = &'static Provider> {
        self.list("PROVIDER_PRIORITY").into_iter().filter_map(find)
    }

    /// A token of this account that is still good.
    pub fn token_of(&self, account: &ServiceAccount, now_ms: u64) -> Option<Token> {
        self.tokens.borrow().get(account).filter(|token| token.valid(now_ms)).cloned()
    }

    pub fn keep_token(&self, account: &ServiceAccount, token: Token, now_ms: u64) {
        let mut tokens = self.tokens.borrow_mut();
        if tokens.len() >= MOST_TOKENS {
            tokens.retain(|_, token| token.valid(now_ms));
        }
        if tokens.len() >= MOST_TOKENS {
            tokens.clear();
        }
        tokens.insert(account.clone(), token);
    }

    /// Whether prices of one's own are to be read now. Whoever hears that they are old is to read them, the others go
    /// on with the old ones; as long as there are none at all, everyone is.
    pub fn prices_due(&self, now_ms: u64) -> bool {
        let mut prices = self.own_prices.borrow_mut();
        let fresh = prices.read.is_some_and(|read| now_ms.saturating_sub(read) < PRICES_MS);
        if !fresh && prices.read.is_some() {
            prices.read = Some(now_ms);
        }
        !fresh
    }

    /// Keeps what was read; nothing when there was no telling, so that what was known goes on to count.
    pub fn keep_prices(&self, read: Option<Overrides>, now_ms: u64) {
        let mut prices = self.own_prices.borrow_mut();
        prices.read = Some(now_ms);
        if let Some(read) = read {
            prices.known = Rc::new(read);
        }
    }

    /// They were changed: whoever is next reads them.
    pub fn forget_prices(&self) {
        *self.own_prices.borrow_mut() = OwnPrices::default();
    }

    pub fn own_prices(&self) -> Rc<Overrides> {
        Rc::clone(&self.own_prices.borrow().known)
    }

    /// What is known of a model, with the prices that win over the catalog's.
    pub fn known(&self, provider: &'static str, name: &str) -> Known {
        Known { own: self.own_prices().find(provider, name).cloned(), model: self.model(provider, name) }
    }

    /// What the catalog has by this name.
    pub fn model(&self, provider: &'static str, name: &str) -> Option<Rc<Model>> {
        let mut last = self.found.borrow_mut();
        if let Some(found) = last.as_ref().filter(|found| found.provider == provider && found.name == name) {
            return found.model.clone();
        }
        let model = catalog::find(provider, name).map(Rc::new);
        *last = Some(Found { provider, name: name.to_owned(), model: model.clone() });
        model
    }

    /// The model that stands in for one that fails, by `FALLBACK_MODELS`.
    pub fn stand_in(&self, model: &str) -> Option<&str> {
        self.list("FALLBACK_MODELS")
            .into_iter()
            .find_map(|pair| pair.split_once('=').filter(|(of, _)| of.trim() == model))
            .map(|(_, other)| other.trim())
    }

    /// The active providers, the preferred first and in their order.
    pub fn active(&self) -> Vec<&'static Provider> {
        let mut order: Vec<&'static Provider> = self.preferred().collect();
        order.extend(all());
        let mut seen = Vec::new();
        order.retain(|provider| {
            let first = !seen.contains(&provider.slug);
            seen.push(provider.slug);
            first && self.is_active(provider)
        });
        order
    }

    pub fn list(&self, name: &str) -> Vec<&str> {
        self.var(name).unwrap_or_default().split(',').map(str::trim).filter(|item| !item.is_empty()).collect()
    }
}
