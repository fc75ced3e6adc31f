//! Isolates that tell each other what they have seen.

use causeway::routing::config::Breaker;
use causeway::routing::meeting::{Judgement, Meeting};
use causeway::routing::memory::Memory;

use crate::meters::Shelf;

const DAY: u64 = 86_400_000;

#[derive(Default)]
struct Place(Meeting, Shelf);

impl Place {
    fn meet(&self, told: &str, now: u64) -> String {
        self.0.meet(told, &self.1, now)
    }

    /// An isolate tells its news, if it has any, and hears the others'.
    fn confer(&self, isolate: &Memory, now: u64) -> bool {
        let news = isolate.news(now);
        if let Some(news) = &news {
            isolate.learn(&self.meet(news, now));
        }
        news.is_some()
    }
}

fn judgement(trace: u64, score: f64) -> Judgement {
    Judgement { trace, score, weight: 1.0 }
}

#[test]
fn isolates_that_meet_know_of_each_others_breakers() {
    let breaker = Breaker { failures: 2, failure_percent: None, least_requests: 10, cooldown_ms: 30_000, statuses: None };
    let (here, there, place) = (Memory::default(), Memory::default(), Place::default());
    there.note(7, false, Some(20), Some(&breaker), 1_000);
    assert!(place.confer(&there, 10_000));
    here.note(7, true, None, Some(&breaker), 10_500);
    assert!(here.news(10_000).is_some(), "the first news are told at once");
    here.note(7, true, None, Some(&breaker), 10_600);
    assert!(place.confer(&here, 10_600), "a breaker that opens is told at once");
    assert!(here.news(20_000).is_none(), "there is nothing new");
    // The next request that is noted there brings the news.
    there.note(7, false, Some(20), Some(&breaker), 12_500);
    assert!(place.confer(&there, 12_500));
    assert!(there.track(7).open_until(&breaker, 13_000).is_some());
    assert_eq!(place.meet("no JSON", 0), "{}");
}

#[test]
fn what_is_scored_in_one_isolate_counts_for_the_target_that_answered_in_another() {
    let (answers, scores, place) = (Memory::default(), Memory::default(), Place::default());
    let now = DAY;
    assert_eq!([7, 8].map(|target| answers.regard(target).score()), [None, None]);
    answers.answered(70, 7);
    assert!(place.confer(&answers, now));
    scores.judged([judgement(70, 1.0), judgement(71, 1.0)]);
    assert!(place.confer(&scores, now + 1), "scores are told at once");
    // Whoever has to choose asks for what is new to it.
    let third = Memory::default();
    assert_eq!([7, 8].map(|target| third.regard(target).score()), [None, None]);
    assert!(place.confer(&third, now + 2));
    let [judged, other] = [7, 8].map(|target| third.track(target).score());
    assert!(judged.is_some_and(|score| score > 0.6) && other.is_none(), "{judged:?}, {other:?}");
}

#[test]
fn scores_and_traces_outlive_the_meeting_place() {
    let mut place = Place::default();
    let score = |place: &Place, now: u64| {
        let isolate = Memory::default();
        isolate.regard(7);
        place.confer(&isolate, now);
        isolate.track(7).score()
    };
    let isolate = Memory::default();
    for trace in 0..10 {
        isolate.answered(trace, 7);
    }
    place.confer(&isolate, DAY);
    place.0 = Meeting::default();
    isolate.judged((0..9).map(|trace| judgement(trace, 0.0)));
    place.confer(&isolate, DAY + 1);
    let known = score(&place, DAY + 1);
    assert!(known.is_some_and(|score| score < 0.1));
    place.0 = Meeting::default();
    assert_eq!(score(&place, DAY + 1), known);
    // A trace cannot be scored for ever.
    isolate.judged([judgement(9, 1.0)]);
    place.confer(&isolate, 9 * DAY);
    let left = score(&place, 9 * DAY).unwrap();
    assert!(left < 0.5, "{left}");
}

#[test]
fn a_trace_is_scored_only_so_often_and_by_its_own_number() {
    let place = Place::default();
    let isolate = Memory::default();
    isolate.regard(7);
    isolate.answered(70, 7);
    // It lies in the same place, and comes later.
    isolate.answered(71 + (1 << 16), 8);
    isolate.judged((0..1_000).map(|_| judgement(70, 1.0)));
    isolate.judged([judgement(71, 0.0), judgement(72, 0.0)]);
    place.confer(&isolate, DAY);
    let score = isolate.track(7).score().unwrap();
    assert!((0.8..0.9).contains(&score), "{score}");
    assert_eq!(isolate.track(8).score(), None);
}
