//! What an isolate keeps in mind between requests: configs it has parsed, and how targets did.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::rc::Rc;

use super::config::{Breaker, Config};
use super::health::Track;

/// A saved config is read anew after this time.
const FRESH_MS: u64 = 10_000;
const MOST_CONFIGS: usize = 512;
const MOST_TRACKS: usize = 4_096;
/// How often isolates tell each other how targets do, as long as there are requests.
const TOLD_MS: u64 = 2_000;

#[derive(Debug, Default)]
pub struct Memory {
    /// By the config's own text, or the slug it is saved under.
    configs: RefCell<HashMap<String, Known>>,
    tracks: RefCell<HashMap<u64, Track>>,
    news: RefCell<News>,
    plain: Rc<Config>,
}

/// What other isolates have not heard of yet.
#[derive(Debug, Default)]
struct News {
    targets: BTreeSet<u64>,
    /// A breaker turned, which they should hear of at once.
    urgent: bool,
    told_at: u64,
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

    /// Saved configs were changed: whoever is next reads them.
    pub fn forget_saved(&self) {
        self.configs.borrow_mut().retain(|name, _| name.trim_start().starts_with('{'));
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

    /// What there is to tell the other isolates, if it is time; they answer with what they know.
    pub fn news(&self, now: u64) -> Option<String> {
        let mut news = self.news.borrow_mut();
        let due = now.saturating_sub(news.told_at) >= TOLD_MS;
        if news.targets.is_empty() || !(due || news.urgent) {
            return None;
        }
        let targets = std::mem::take(&mut news.targets);
        *news = News { told_at: now, ..News::default() };
        let told: BTreeMap<u64, Track> = targets.into_iter().map(|target| (target, self.track(target))).collect();
        serde_json::to_string(&told).ok()
    }

    /// What others know of the targets that are known here.
    pub fn learn(&self, told: &str) {
        let told: BTreeMap<u64, Track> = serde_json::from_str(told).unwrap_or_default();
        let mut tracks = self.tracks.borrow_mut();
        for (target, theirs) in told {
            if let Some(track) = tracks.get_mut(&target) {
                track.join(&theirs);
            }
        }
    }

    /// Where the isolates meet: what one tells is joined to what is known, and it hears of the same targets.
    pub fn meet(&self, told: &str) -> String {
        let told: BTreeMap<u64, Track> = serde_json::from_str(told).unwrap_or_default();
        let mut tracks = self.tracks.borrow_mut();
        let mut heard = BTreeMap::new();
        for (target, theirs) in told.into_iter().take(MOST_TRACKS) {
            make_room(&mut tracks, target);
            let track = tracks.entry(target).or_default();
            track.join(&theirs);
            heard.insert(target, *track);
        }
        serde_json::to_string(&heard).unwrap_or_default()
    }

    /// How a request to a target came out.
    pub fn note(&self, target: u64, failed: bool, latency_ms: Option<u64>, breaker: Option<&Breaker>, now: u64) {
        let mut tracks = self.tracks.borrow_mut();
        make_room(&mut tracks, target);
        let turned = tracks.entry(target).or_default().note(failed, latency_ms, breaker, now);
        let mut news = self.news.borrow_mut();
        news.targets.insert(target);
        news.urgent |= turned;
    }
}

/// Rather forget everything than grow for ever.
fn make_room(tracks: &mut HashMap<u64, Track>, target: u64) {
    if tracks.len() >= MOST_TRACKS && !tracks.contains_key(&target) {
        tracks.clear();
    }
}
