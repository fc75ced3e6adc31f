//! What an isolate keeps in mind between requests: configs it has parsed, and how targets did.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::rc::Rc;

use super::config::{Breaker, Config};
use super::health::Track;
use super::meeting::{self, Judgement, make_room};

/// A saved config is read anew after this time.
const FRESH_MS: u64 = 10_000;
const MOST_CONFIGS: usize = 512;
/// More than this is not kept for the next meeting.
const MOST_NEWS: usize = 1_024;
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
    answered: Vec<(u64, u64)>,
    judged: Vec<Judgement>,
    /// A breaker turned, or somebody may be about to score an answer, which they should hear of at once.
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

    pub fn track(&self, target: u64) -> Track {
        self.tracks.borrow().get(&target).copied().unwrap_or_default()
    }

    /// The same of a target that may be chosen: of one that is new here, others are asked.
    pub fn regard(&self, target: u64) -> Track {
        let mut tracks = self.tracks.borrow_mut();
        if !tracks.contains_key(&target) {
            make_room(&mut tracks, target);
            self.news.borrow_mut().targets.insert(target);
        }
        *tracks.entry(target).or_default()
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
        if !(news.urgent || due && !news.targets.is_empty()) {
            return None;
        }
        let News { targets, answered, judged, .. } = std::mem::replace(&mut *news, News { told_at: now, ..News::default() });
        let tracks = targets.into_iter().map(|target| (target, self.track(target))).collect();
        serde_json::to_string(&meeting::News { tracks, answered, judged }).ok()
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

    /// A target answered in a trace that may be scored.
    pub fn answered(&self, trace: u64, target: u64) {
        let mut news = self.news.borrow_mut();
        if news.answered.len() < MOST_NEWS {
            news.answered.push((trace, target));
        }
        news.urgent = true;
    }

    /// What callers thought of answers is for the meeting to reckon.
    pub fn judged(&self, judgements: impl IntoIterator<Item = Judgement>) {
        let mut news = self.news.borrow_mut();
        news.judged.extend(judgements);
        news.urgent = true;
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
