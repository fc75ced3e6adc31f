//! What an isolate keeps in mind between requests: configs it has parsed, and how targets did.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::rc::Rc;

use super::config::{Breaker, Config};
use super::health::Track;
use super::meeting::{self, Judgement, make_room};
use super::plan::counts;
use crate::wire::lean;

/// A saved config is read anew after this time.
const FRESH_MS: u64 = 10_000;
const MOST_CONFIGS: usize = 512;
/// More than this is not kept for the next meeting.
const MOST_NEWS: usize = 1_024;
/// Of so many streams on their way it is kept in mind whose they are.
const MOST_UNDER_WAY: usize = 4_096;
/// How often isolates tell each other how targets do, as long as there are requests.
const TOLD_MS: u64 = 2_000;

#[derive(Debug, Default)]
pub struct Memory {
    /// By the config's own text, or the slug it is saved under.
    configs: RefCell<HashMap<String, Known>>,
    tracks: RefCell<HashMap<u64, Track>>,
    news: RefCell<News>,
    under_way: RefCell<BTreeMap<u64, UnderWay>>,
    begun: Cell<u64>,
    plain: Rc<Config>,
}

/// A stream on its way from a target.
#[derive(Debug)]
struct UnderWay {
    target: u64,
    breaker: Option<Breaker>,
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

/// How a stream ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    Well,
    /// With a status, or one of those below it.
    Failed(u16),
    /// The caller left first.
    Unknown,
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
        let told: BTreeMap<u64, Track> = lean::from_str(told).unwrap_or_default();
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

    /// A stream of a target has begun after so long. How it ends counts as well: that is told by this number.
    pub fn begun(&self, target: u64, latency_ms: u64, breaker: Option<&Breaker>, now: u64) -> u64 {
        self.change(target, |track| {
            track.began(latency_ms, now);
            false
        });
        let number = self.begun.get().wrapping_add(1);
        self.begun.set(number);
        let mut under_way = self.under_way.borrow_mut();
        if under_way.len() >= MOST_UNDER_WAY {
            under_way.pop_first();
        }
        under_way.insert(number, UnderWay { target, breaker: breaker.cloned() });
        number
    }

    /// It has ended: well, or with one of the statuses of failures, or so that nothing can be said.
    pub fn ended(&self, number: u64, how: End, now: u64) {
        let Some(UnderWay { target, breaker }) = self.under_way.borrow_mut().remove(&number) else { return };
        match how {
            End::Well => self.note(target, false, None, breaker.as_ref(), now),
            End::Failed(status) => self.failed(target, status, breaker.as_ref(), now),
            End::Unknown => {}
        }
    }

    /// A request to a target failed with this status.
    pub fn failed(&self, target: u64, status: u16, breaker: Option<&Breaker>, now: u64) {
        if counts(breaker, status) {
            self.note(target, true, None, breaker, now);
        } else {
            self.change(target, |track| {
                track.refused();
                false
            });
        }
    }

    /// How a request to a target came out.
    pub fn note(&self, target: u64, failed: bool, latency_ms: Option<u64>, breaker: Option<&Breaker>, now: u64) {
        self.change(target, |track| track.note(failed, latency_ms, breaker, now));
    }

    /// Changes what is known of a target, which others should hear of at once if it says so.
    fn change(&self, target: u64, change: impl FnOnce(&mut Track) -> bool) {
        let mut tracks = self.tracks.borrow_mut();
        make_room(&mut tracks, target);
        let turned = change(tracks.entry(target).or_default());
        let mut news = self.news.borrow_mut();
        news.targets.insert(target);
        news.urgent |= turned;
    }
}
