//! When targets are left alone, when they are tried again, and how isolates agree on it.

use causeway::routing::config::Breaker;
use causeway::routing::health::Track;

use crate::Chance;

const NOW: u64 = 1_700_000_000_000;

fn breaker() -> Breaker {
    Breaker { failures: 3, failure_percent: None, least_requests: 10, cooldown_ms: 30_000, statuses: None }
}

fn by_share() -> Breaker {
    Breaker { failures: u64::MAX, failure_percent: Some(50.0), ..breaker() }
}

fn opened(at: u64) -> Track {
    let mut track = Track::default();
    let turns = (0..3).map(|_| track.note(true, None, Some(&breaker()), at)).collect::<Vec<_>>();
    assert_eq!(turns, [false, false, true]);
    track
}

#[test]
fn failures_in_a_row_open_it_and_a_success_between_begins_anew() {
    let mut track = Track::default();
    for failed in [true, true, false, true, true] {
        assert!(!track.note(failed, None, Some(&breaker()), NOW));
        assert_eq!(track.open_until(&breaker(), NOW), None);
    }
    assert!(track.note(true, None, Some(&breaker()), NOW));
    assert_eq!(track.open_until(&breaker(), NOW), Some(NOW + 30_000));
    assert_eq!(track.open_until(&breaker(), NOW + 29_999), Some(NOW + 30_000));
    assert_eq!(track.open_until(&breaker(), NOW + 30_000), None);
}

#[test]
fn a_share_of_failures_opens_it_once_there_are_enough_requests() {
    // Every second request fails, ten in all, a tenth of a second apart.
    let mut track = Track::default();
    for at in 0..10 {
        let turned = track.note(at % 2 == 1, None, Some(&by_share()), NOW + at * 100);
        assert_eq!(turned, at == 9, "{at}");
    }
    assert!(track.open_until(&by_share(), NOW + 1_000).is_some());
}

#[test]
fn a_lower_share_does_not_open_it_and_old_failures_are_forgotten() {
    let mut track = Track::default();
    (0..1_000).for_each(|at| assert!(!track.note(at % 5 > 2, None, Some(&by_share()), NOW + at * 10)));
    // Nine failures, an hour of silence, and then the tenth.
    let mut track = Track::default();
    (0..9).for_each(|at| assert!(!track.note(true, None, Some(&by_share()), NOW + at)));
    assert!(!track.note(true, None, Some(&by_share()), NOW + 3_600_000));
}

#[test]
fn without_a_breaker_nothing_opens() {
    let mut track = Track::default();
    (0..100).for_each(|_| assert!(!track.note(true, None, None, NOW)));
    assert_eq!((track.consecutive, track.open_until(&breaker(), NOW)), (100, None));
}

#[test]
fn one_probe_at_a_time_goes_through() {
    let mut track = opened(NOW);
    let later = NOW + 30_000;
    assert_eq!(track.open_until(&breaker(), later), None);
    track.sending(later);
    assert!(track.open_until(&breaker(), later).is_some());
    assert!(track.open_until(&breaker(), later + 29_999).is_some());
    // What never came back does not hold it for ever.
    assert_eq!(track.open_until(&breaker(), later + 30_000), None);
    track.sending(later + 30_000);
    assert!(track.open_until(&breaker(), later + 30_001).is_some());
}

#[test]
fn a_probe_that_succeeds_closes_it_and_one_that_fails_opens_it_anew() {
    let mut track = opened(NOW);
    track.sending(NOW + 30_000);
    let mut other = track;
    assert!(track.note(false, None, Some(&breaker()), NOW + 31_000));
    assert_eq!(track.open_until(&breaker(), NOW + 31_000), None);
    assert!(!track.note(true, None, Some(&breaker()), NOW + 31_001), "the count began anew");

    assert!(other.note(true, None, Some(&breaker()), NOW + 31_000));
    assert_eq!(other.open_until(&breaker(), NOW + 31_000), Some(NOW + 61_000));
    assert_eq!(other.open_until(&breaker(), NOW + 61_000), None);
}

#[test]
fn what_was_sent_before_it_opened_neither_closes_it_nor_holds_it_open() {
    let mut track = opened(NOW);
    assert!(!track.note(false, None, Some(&breaker()), NOW + 5));
    assert!(!track.note(true, None, Some(&breaker()), NOW + 20_000));
    assert_eq!(track.open_until(&breaker(), NOW + 20_000), Some(NOW + 30_000));
}

#[test]
fn a_share_does_not_open_it_again_right_after_it_closed() {
    let mut track = Track::default();
    (0..100).for_each(|_| {
        track.note(true, None, Some(&by_share()), NOW);
    });
    track.sending(NOW + 30_000);
    track.note(false, None, Some(&by_share()), NOW + 30_100);
    assert!(!track.note(true, None, Some(&by_share()), NOW + 30_200));
    assert_eq!(track.open_until(&by_share(), NOW + 30_200), None);
}

#[test]
fn a_clock_that_is_put_back_leaves_nothing_alone_for_long() {
    let mut track = opened(NOW + 3_600_000);
    track.sending(NOW + 3_600_000);
    assert_eq!(track.open_until(&breaker(), NOW), None);
    track.sending(NOW);
    assert!(track.note(false, None, Some(&breaker()), NOW + 1), "and it closes");
    let mut late = opened(NOW + 3_600_000);
    late.join(&track);
    assert_eq!(late.open_until(&breaker(), NOW + 3_600_001), None, "for all");
}

#[test]
fn the_average_follows_what_is_new_and_lets_go_of_what_is_old() {
    let mut track = Track::default();
    assert_eq!(track.latency_ms(), None);
    track.note(false, Some(100), None, NOW);
    assert_eq!(track.latency_ms(), Some(100.0));
    for at in 0..1_000 {
        track.note(false, Some(100), None, NOW + at);
    }
    for at in 0..20 {
        track.note(false, Some(1_000), None, NOW + 1_000 + at);
    }
    let quick = track.latency_ms().unwrap();
    assert!((980.0..1_000.0).contains(&quick), "{quick}");
    // After half an hour the next request says nearly all.
    track.note(false, Some(50), None, NOW + 1_800_000);
    let fresh = track.latency_ms().unwrap();
    assert!((50.0..60.0).contains(&fresh), "{fresh}");
    track.note(false, None, None, NOW + 1_800_001);
    assert_eq!(track.latency_ms(), Some(fresh));
}

#[test]
fn the_fastest_to_fail_is_not_the_fastest() {
    let (mut failing, mut slow) = (Track::default(), Track::default());
    failing.note(true, Some(3), None, NOW);
    slow.note(false, Some(4_000), None, NOW);
    assert!(failing.latency_ms() > slow.latency_ms());
    // What refuses is not new for ever, and its first answer counts alone.
    let mut refusing = Track::default();
    refusing.note(false, None, None, NOW);
    assert!(refusing.latency_ms() > slow.latency_ms());
    refusing.note(false, Some(70), None, NOW + 1);
    assert_eq!(refusing.latency_ms(), Some(70.0));
}

#[test]
fn judgements_make_a_mean_in_which_one_says_little() {
    let mut track = Track::default();
    assert_eq!(track.score(), None);
    track.judge(1.0, 1.0, NOW);
    assert!(track.score().is_some_and(|score| (0.6..0.7).contains(&score)));
    (0..98).for_each(|_| track.judge(2.0, 5.0, NOW));
    assert!(track.score().is_some_and(|score| score > 0.98));
    let before = track;
    [(f64::NAN, 1.0), (1.0, f64::NAN)].into_iter().for_each(|(score, weight)| track.judge(score, weight, NOW));
    assert_eq!(track, before);
    // What was thought of it yesterday counts for less than what is thought today.
    (0..60).for_each(|_| track.judge(0.0, 1.0, NOW + 86_400_000));
    assert!(track.score().is_some_and(|score| score < 0.45), "{:?}", track.score());
}

#[test]
fn what_one_isolate_leaves_alone_all_do_until_a_later_probe_succeeds() {
    let (mut one, mut other) = (opened(NOW), Track::default());
    (0..50).for_each(|at| {
        other.note(false, Some(80), Some(&breaker()), NOW + at);
    });
    let before = one;
    other.join(&one);
    assert_eq!(other.open_until(&breaker(), NOW + 60), Some(NOW + 30_000));

    // The other probes, which the first hears of and waits for.
    other.sending(NOW + 30_000);
    one.join(&other);
    assert!(one.open_until(&breaker(), NOW + 30_001).is_some());
    other.note(false, None, Some(&breaker()), NOW + 31_000);
    one.join(&other);
    assert_eq!(one.open_until(&breaker(), NOW + 31_000), None);
    // Old news changes nothing.
    one.join(&before);
    assert_eq!(one.open_until(&breaker(), NOW + 31_000), None);
    assert!(!one.note(true, None, Some(&breaker()), NOW + 31_001));
}

#[test]
fn of_two_probes_the_later_decides() {
    for (fails_at, succeeds_at) in [(31_000, 32_000), (32_000, 31_000)] {
        let (mut one, mut other) = (opened(NOW), opened(NOW));
        one.sending(NOW + 30_000);
        other.sending(NOW + 30_000);
        one.note(true, None, Some(&breaker()), NOW + fails_at);
        other.note(false, None, Some(&breaker()), NOW + succeeds_at);
        let mut joined = one;
        joined.join(&other);
        assert_eq!(joined.open_until(&breaker(), NOW + 33_000).is_some(), fails_at > succeeds_at);
        other.join(&one);
        assert_eq!(joined, other);
    }
}

/// What isolates come to by themselves.
fn drawn(chance: &Chance) -> Track {
    let mut track = Track::default();
    let mut now = NOW + chance.below(3) as u64;
    for _ in 0..chance.below(30) {
        now += chance.one_of(&[0, 1, 50, 5_000, 40_000]);
        if track.open_until(&breaker(), now).is_none() {
            track.sending(now);
        }
        let latency = chance.one_in(2).then(|| chance.below(2_000) as u64);
        track.note(chance.one_in(2), latency, chance.one_in(4).then_some(&by_share()).or(Some(&breaker())), now);
        if chance.one_in(5) {
            track.judge(chance.below(2) as f64, 1.0, now);
        }
    }
    track
}

/// Tracks as they are but for the last bits of what fades.
fn alike(one: &Track, other: &Track) -> bool {
    let figures = |track: &Track| {
        let mut json = serde_json::to_value(track).unwrap();
        let counts = ["good", "bad", "latency_ms", "latency_weight", "score", "score_weight"].map(|name| json[name].take().as_f64());
        (json, counts)
    };
    let ((json, counts), (other_json, other_counts)) = (figures(one), figures(other));
    let near = |(one, other): (&Option<f64>, &Option<f64>)| match (one, other) {
        (Some(one), Some(other)) => (one - other).abs() <= 1e-9 * one.abs().max(1.0),
        _ => one == other,
    };
    json == other_json && counts.iter().zip(&other_counts).all(near)
}

#[test]
fn it_does_not_matter_in_which_order_or_how_often_tracks_are_joined() {
    let chance = Chance::seeded(21);
    let joined = |one: &Track, other: &Track| {
        let mut track = *one;
        track.join(other);
        track
    };
    for _ in 0..5_000 {
        let (a, b, c) = (drawn(&chance), drawn(&chance), drawn(&chance));
        let ab = joined(&a, &b);
        assert!(alike(&joined(&a, &a), &a), "{a:?}");
        assert!(alike(&ab, &joined(&b, &a)), "{a:?} {b:?}");
        assert!(alike(&joined(&ab, &b), &ab) && alike(&joined(&ab, &a), &ab), "{a:?} {b:?}");
        assert!(alike(&joined(&ab, &c), &joined(&a, &joined(&b, &c))), "{a:?} {b:?} {c:?}");
    }
}

#[test]
fn nothing_is_counted_twice() {
    // Three isolates and the place where they meet, at random: what is known is never more than what happened.
    let chance = Chance::seeded(22);
    let never = Breaker { failures: u64::MAX, failure_percent: Some(100.0), least_requests: 100_000, ..breaker() };
    for _ in 0..500 {
        let (mut all, mut isolates, mut failed) = (Track::default(), [Track::default(); 3], 0_u64);
        for step in 0..60 {
            let isolate = &mut isolates[chance.below(3)];
            match chance.below(3) {
                0 => all.join(isolate),
                1 => isolate.join(&all),
                _ => {
                    isolate.note(true, None, Some(&never), NOW + step);
                    failed += 1;
                }
            }
        }
        isolates.iter().for_each(|isolate| all.join(isolate));
        assert!(all.consecutive <= failed && all.consecutive > 0 || failed == 0);
        let bad = serde_json::to_value(all).unwrap()["bad"].as_f64().unwrap();
        assert!(bad <= failed as f64 + 1e-6);
    }
}

#[test]
fn isolates_that_share_what_they_know_open_sooner_than_alone() {
    let mut all = Track::default();
    let mut isolates = [Track::default(); 4];
    let turned = (0..12).find(|at| {
        let isolate = &mut isolates[at % 4];
        isolate.join(&all);
        let turned = isolate.note(true, None, Some(&Breaker { failures: 5, ..breaker() }), NOW + *at as u64);
        all.join(isolate);
        turned
    });
    assert_eq!(turned, Some(4));
}

#[test]
fn a_track_is_kept_as_json() {
    let chance = Chance::seeded(23);
    for _ in 0..1_000 {
        let track = drawn(&chance);
        let kept: Track = serde_json::from_str(&serde_json::to_string(&track).unwrap()).unwrap();
        assert!(alike(&track, &kept));
    }
    assert_eq!(serde_json::from_str::<Track>(r#"{"a_field_of_tomorrow": 1}"#).unwrap(), Track::default());
}
