//! Where isolates meet: each tells what it has seen of targets, and hears what all know of the same.
//!
//! What callers thought of answers is reckoned here alone, since whoever scores an answer seldom comes to the isolate
//! that gave it. It is written down, for the meeting place itself is forgotten when nobody comes for a while.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::health::Track;
use crate::policy::rows::Rows;
use crate::wire::lean;

/// More targets than this are not kept in mind.
pub(super) const MOST_TRACKS: usize = 4_096;
/// Places for traces, and for scores: what comes to a place that is taken is put over what was there.
const TRACES: u64 = 1 << 16;
const SCORES: u64 = 1 << 12;
/// For so long a trace can be scored.
const SCORED_MS: u64 = 7 * 86_400_000;
/// And so much is made of it, however often that is done.
const MOST_WEIGHT: f64 = 5.0;

/// What an isolate tells.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct News {
    pub tracks: BTreeMap<u64, Track>,
    /// In which trace which target answered.
    pub answered: Vec<(u64, u64)>,
    pub judged: Vec<Judgement>,
}

/// What a caller thought of the answer in a trace.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Judgement {
    pub trace: u64,
    /// From 0 to 1.
    pub score: f64,
    pub weight: f64,
}

#[derive(Debug, Default)]
pub struct Meeting {
    tracks: RefCell<HashMap<u64, Track>>,
}

/// Which target answered in a trace, and how much has been made of it.
#[derive(Serialize, Deserialize)]
struct Answered {
    trace: u64,
    target: u64,
    at: u64,
    weight: f64,
}

#[derive(Serialize, Deserialize)]
struct Scored {
    target: u64,
    track: Track,
}

impl Meeting {
    /// What one tells is joined to what is known, and it hears of the same targets.
    pub fn meet(&self, told: &str, rows: &impl Rows, now: u64) -> String {
        let News { tracks, answered, judged } = lean::from_str(told).unwrap_or_default();
        for (trace, target) in answered {
            note(rows, &trace_place(trace), &Answered { trace, target, at: now, weight: 0.0 });
        }
        let mut asked: BTreeSet<u64> = BTreeSet::new();
        for judgement in judged {
            asked.extend(self.judge(judgement, rows, now));
        }
        for (target, theirs) in tracks.into_iter().take(MOST_TRACKS) {
            self.change(target, rows, |track| track.join(&theirs));
            asked.insert(target);
        }
        let tracks = self.tracks.borrow();
        let heard: BTreeMap<u64, Track> = asked.into_iter().filter_map(|target| Some((target, *tracks.get(&target)?))).collect();
        serde_json::to_string(&heard).unwrap_or_default()
    }

    /// The target whose answer it was, if that is known.
    fn judge(&self, judgement: Judgement, rows: &impl Rows, now: u64) -> Option<u64> {
        let place = trace_place(judgement.trace);
        let mut answered: Answered = noted(rows, &place)?;
        if answered.trace != judgement.trace || now.saturating_sub(answered.at) > SCORED_MS {
            return None;
        }
        let target = answered.target;
        let weight = judgement.weight.min(MOST_WEIGHT - answered.weight);
        if weight > 0.0 {
            answered.weight += weight;
            note(rows, &place, &answered);
            let track = self.change(target, rows, |track| track.judge(judgement.score, weight, now));
            note(rows, &score_place(target), &Scored { target, track: track.scored() });
        }
        Some(target)
    }

    /// Changes what is known of a target; of one that has been forgotten, its score is read again.
    fn change(&self, target: u64, rows: &impl Rows, change: impl FnOnce(&mut Track)) -> Track {
        let known = self.tracks.borrow().contains_key(&target);
        let scored: Option<Scored> = if known { None } else { noted(rows, &score_place(target)) };
        let mut tracks = self.tracks.borrow_mut();
        make_room(&mut tracks, target);
        let track = tracks.entry(target).or_default();
        if let Some(scored) = scored.filter(|scored| scored.target == target) {
            track.join(&scored.track);
        }
        change(track);
        *track
    }
}

/// Rather forget everything than grow for ever.
pub(super) fn make_room(tracks: &mut HashMap<u64, Track>, target: u64) {
    if tracks.len() >= MOST_TRACKS && !tracks.contains_key(&target) {
        tracks.clear();
    }
}

fn trace_place(trace: u64) -> String {
    format!("trace-{}", trace % TRACES)
}

fn score_place(target: u64) -> String {
    format!("score-{}", target % SCORES)
}

fn note(rows: &impl Rows, place: &str, what: &impl Serialize) {
    if let Ok(json) = serde_json::to_string(what) {
        rows.put(place, Some(&json));
    }
}

fn noted<T: DeserializeOwned>(rows: &impl Rows, place: &str) -> Option<T> {
    lean::from_str(&rows.get(place)?).ok()
}
