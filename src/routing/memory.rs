//! What an isolate keeps in mind between requests: configs it has parsed, and how targets did.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use super::config::{Breaker, Config};
use super::health::Track;

/// A saved config is read anew after this time.
const FRESH_MS: u64 = 10_000;
const MOST_CONFIGS: usize = 512;
const MOST_TRACKS: usize = 4_096;

#[derive(Debug, Default)]
pub struct Memory {
    /// By the config's own text, or the slug it is saved under.
    configs: RefCell<HashMap<String, Known>>,
    tracks: RefCell<HashMap<u64, Track>>,
    plain: Rc<Config>,
}

#[derive(Clone, Debug)]
struct Known {
    /// Nothing where nothing is saved under the slug.
    config: Option<Rc<Config>>,
    read_at: u64,
}

/// What is known of a saved config.
#[derive(Debug)]
pub enum Memo {
    Fresh(Option<Rc<Config>>),
    /// To be read anew; this one will do if that fails.
    Stale(Option<Rc<Config>>),
}

impl Memory {
    /// The config that says nothing: one target, on nobody's terms.
    pub fn plain(&self) -> Rc<Config> {
        Rc::clone(&self.plain)
    }

    /// A config that came as its own text: what it says never changes.
    pub fn parsed(&self, text: &str) -> Option<Rc<Config>> {
        self.configs.borrow().get(text).and_then(|known| known.config.clone())
    }

    pub fn saved(&self, slug: &str, now: u64) -> Memo {
        match self.configs.borrow().get(slug) {
            Some(known) if now.saturating_sub(known.read_at) < FRESH_MS => Memo::Fresh(known.config.clone()),
            known => Memo::Stale(known.and_then(|known| known.config.clone())),
        }
    }

    pub fn keep(&self, name: &str, config: Option<Rc<Config>>, now: u64) {
        let mut configs = self.configs.borrow_mut();
        if configs.len() >= MOST_CONFIGS && !configs.contains_key(name) {
            configs.clear();
        }
        configs.insert(name.to_owned(), Known { config, read_at: now });
    }

    pub fn track(&self, target: u64) -> Track {
        self.tracks.borrow().get(&target).copied().unwrap_or_default()
    }

    /// A request is on its way to a target.
    pub fn sending(&self, target: u64, now: u64) {
        if let Some(track) = self.tracks.borrow_mut().get_mut(&target) {
            track.sending(now);
        }
    }

    /// How a request to a target came out.
    pub fn note(&self, target: u64, failed: bool, latency_ms: Option<u64>, breaker: Option<&Breaker>, now: u64) {
        let mut tracks = self.tracks.borrow_mut();
        if tracks.len() >= MOST_TRACKS && !tracks.contains_key(&target) {
            tracks.clear();
        }
        tracks.entry(target).or_default().note(failed, latency_ms, breaker, now);
    }
}
