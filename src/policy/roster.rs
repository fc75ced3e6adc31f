//! What an isolate has in mind of the holders: it may be old, and the meters say so when they are asked.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt;
use std::rc::Rc;

use serde_json::value::RawValue;

use super::holder::{Credential, Key, Team};
use crate::order;

/// Credentials are read anew after this time.
const FRESH_MS: u64 = 10_000;
const MOST: usize = 4_096;

/// The key that a caller has shown, and its team.
#[derive(Clone, Debug)]
pub struct Member {
    pub key: Rc<Key>,
    pub team: Option<Rc<Team>>,
}

#[derive(Debug, Default)]
pub struct Roster {
    keys: RefCell<HashMap<String, Rc<Key>>>,
    teams: RefCell<HashMap<String, Rc<Team>>>,
    vault: RefCell<Vaulted>,
}

#[derive(Default)]
struct Vaulted {
    /// The one to be taken first comes first.
    credentials: Vec<Rc<Credential>>,
    read_at: Option<u64>,
    /// Opened ones, by slug and version.
    opened: HashMap<(String, u64), Rc<str>>,
}

/// What it holds is nobody's business.
impl fmt::Debug for Vaulted {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Vaulted").field("credentials", &self.credentials.len()).finish_non_exhaustive()
    }
}

impl Roster {
    pub fn key(&self, id: &str) -> Option<Rc<Key>> {
        self.keys.borrow().get(id).cloned()
    }

    pub fn keep_key(&self, key: Key) -> Rc<Key> {
        keep(&self.keys, key.id.clone(), key)
    }

    pub fn forget_key(&self, id: &str) {
        self.keys.borrow_mut().remove(id);
    }

    pub fn team(&self, slug: &str) -> Option<Rc<Team>> {
        self.teams.borrow().get(slug).cloned()
    }

    pub fn keep_team(&self, team: Team) -> Rc<Team> {
        keep(&self.teams, team.slug.clone(), team)
    }

    pub fn forget_team(&self, slug: &str) {
        self.teams.borrow_mut().remove(slug);
    }

    /// Whether the list of credentials is to be read now. Whoever hears so reads it; the others go on with the old one.
    pub fn credentials_due(&self, now: u64) -> bool {
        let mut vault = self.vault.borrow_mut();
        let fresh = vault.read_at.is_some_and(|at| now.saturating_sub(at) < FRESH_MS);
        if !fresh && vault.read_at.is_some() {
            vault.read_at = Some(now);
        }
        !fresh
    }

    /// The list as it was read. A credential of which a newer version is known stays as it is.
    pub fn keep_credentials(&self, list: &[u8], now: u64) {
        let definitions: Vec<&RawValue> = crate::wire::json::read(list).unwrap_or_default();
        let mut vault = self.vault.borrow_mut();
        let read = definitions.iter().filter_map(|definition| Credential::parse(definition.get()).ok()).map(Rc::new);
        let newest = |read: Rc<Credential>| {
            let known = vault.credentials.iter().find(|known| known.slug == read.slug && known.version > read.version);
            known.map_or(read, Rc::clone)
        };
        let mut credentials: Vec<Rc<Credential>> = read.map(newest).collect();
        put_in_order(&mut credentials);
        let lives = |slug: &str, version: u64| credentials.iter().any(|known| known.slug == slug && known.version == version);
        vault.opened.retain(|(slug, version), _| lives(slug, *version));
        (vault.credentials, vault.read_at) = (credentials, Some(now));
    }

    pub fn credential(&self, slug: &str) -> Option<Rc<Credential>> {
        self.vault.borrow().credentials.iter().find(|known| known.slug == slug).cloned()
    }

    /// All of them, the one to be taken first before the others.
    pub fn credentials(&self) -> Vec<Rc<Credential>> {
        self.vault.borrow().credentials.clone()
    }

    pub fn has_credentials(&self) -> bool {
        !self.vault.borrow().credentials.is_empty()
    }

    /// Whether there is one of this provider.
    pub fn serves(&self, provider: &str) -> bool {
        self.vault.borrow().credentials.iter().any(|known| known.provider.slug == provider)
    }

    pub fn keep_credential(&self, credential: Credential) {
        let mut vault = self.vault.borrow_mut();
        vault.credentials.retain(|known| known.slug != credential.slug);
        vault.credentials.push(Rc::new(credential));
        put_in_order(&mut vault.credentials);
    }

    pub fn forget_credential(&self, slug: &str) {
        let mut vault = self.vault.borrow_mut();
        vault.credentials.retain(|known| known.slug != slug);
        vault.opened.retain(|(opened, _), _| opened != slug);
    }

    pub fn opened(&self, credential: &Credential, open: impl FnOnce() -> Option<String>) -> Option<Rc<str>> {
        let name = (credential.slug.clone(), credential.version);
        if let Some(secret) = self.vault.borrow().opened.get(&name) {
            return Some(Rc::clone(secret));
        }
        let secret: Rc<str> = open()?.into();
        self.vault.borrow_mut().opened.insert(name, Rc::clone(&secret));
        Some(secret)
    }

    /// Everything was changed at once, or may have been.
    pub fn forget(&self) {
        self.keys.borrow_mut().clear();
        self.teams.borrow_mut().clear();
        *self.vault.borrow_mut() = Vaulted::default();
    }
}

/// The one to be taken first before the others.
fn put_in_order(credentials: &mut [Rc<Credential>]) {
    order::sort(credentials, |one, other| (one.priority, &one.slug) < (other.priority, &other.slug));
}

/// Rather forget everything than grow for ever.
fn keep<T>(known: &RefCell<HashMap<String, Rc<T>>>, name: String, value: T) -> Rc<T> {
    let mut known = known.borrow_mut();
    if known.len() >= MOST && !known.contains_key(&name) {
        known.clear();
    }
    let value = Rc::new(value);
    known.insert(name, Rc::clone(&value));
    value
}
