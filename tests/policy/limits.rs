//! What limits and budgets do, case by case.

use causeway::catalog::Money;
use causeway::policy::ask::{Ask, Broken, Refused, Settlement, Verdict};
use causeway::policy::meter::Meter;
use causeway::policy::rules::{Amount, Rules};
use causeway::section::Section;
use causeway::time;

/// A Saturday.
const NOON: &str = "2026-11-21T12:00:00Z";

fn at(text: &str) -> u64 {
    time::parse_ms(text).unwrap()
}

fn rules(json: &str) -> Rules {
    Rules::read(&mut Section::parse(json, "rules").unwrap()).unwrap()
}

fn usd(text: &str) -> Money {
    Money::parse(text).unwrap()
}

fn ask(lease: &str) -> Ask {
    Ask { lease: lease.to_owned(), ..Ask::default() }
}

fn request(lease: &str) -> Ask {
    Ask { requests: 1, ..ask(lease) }
}

fn tokens(lease: &str, tokens: u64) -> Ask {
    Ask { tokens, ..request(lease) }
}

fn money(lease: &str, amount: &str) -> Ask {
    Ask { usd: usd(amount), ..request(lease) }
}

fn settled(lease: &str) -> Settlement {
    Settlement { lease: lease.to_owned(), requests: 1, ..Settlement::default() }
}

#[track_caller]
fn granted(verdict: &Verdict) {
    assert!(matches!(verdict, Verdict::Granted(_)), "{verdict:?}");
}

#[track_caller]
fn refused(verdict: Verdict) -> Refused {
    match verdict {
        Verdict::Refused(refused) => refused,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_hundred_at_once_are_exactly_a_hundred() {
    let (rules, now) = (rules(r#"{"limits":[{"type":"requests","per":"minute","max":100}]}"#), at(NOON));
    let mut meter = Meter::default();
    let passed = |meter: &mut Meter, now| {
        (0..200).filter(|number| matches!(meter.ask(&rules, &request(&format!("{now}.{number}")), now), Verdict::Granted(_))).count()
    };
    assert_eq!(passed(&mut meter, now), 100);
    // No edge of a minute at which as many pass again.
    for ms in [1, 1_000, 30_000, 59_999] {
        assert_eq!(passed(&mut meter, now + ms), 0);
    }
    assert_eq!(passed(&mut meter, now + 60_000), 100);
}

#[test]
fn a_refusal_says_when_to_come_back_and_is_right() {
    let (rules, now) =
        (rules(r#"{"limits":[{"type":"tokens","per":"minute","max":100},{"type":"requests","per":"second","max":3}]}"#), at(NOON));
    let mut meter = Meter::default();
    granted(&meter.ask(&rules, &tokens("a", 60), now));
    granted(&meter.ask(&rules, &tokens("b", 30), now + 5_000));
    let no = refused(meter.ask(&rules, &tokens("c", 50), now + 10_000));
    assert_eq!(no.retry_ms, Some(50_000));
    assert_eq!(no.left.iter().map(|left| (left.left, left.reset_ms)).collect::<Vec<_>>(), [(10, 55_000), (3, 0)]);
    // What never fits is not to be waited for.
    assert_eq!(refused(meter.ask(&rules, &tokens("c", 101), now + 10_000)).retry_ms, None);
    assert!(meter.clone().ask(&rules, &tokens("c", 50), now + 59_999).is_refused());
    granted(&meter.ask(&rules, &tokens("c", 50), now + 60_000));
}

trait Is {
    fn is_refused(&self) -> bool;
}

impl Is for Verdict {
    fn is_refused(&self) -> bool {
        matches!(self, Verdict::Refused(_))
    }
}

#[test]
fn what_was_not_used_is_given_back_and_what_was_used_besides_is_owed() {
    let (rules, now) =
        (rules(r#"{"limits":[{"type":"tokens","per":"minute","max":100},{"type":"requests","per":"minute","max":2}]}"#), at(NOON));
    let mut meter = Meter::default();
    let left = |meter: &mut Meter| meter.left(&rules, now).iter().map(|left| left.left).collect::<Vec<_>>();
    granted(&meter.ask(&rules, &tokens("a", 80), now));
    assert_eq!(left(&mut meter), [20, 1]);
    meter.settle(&rules, &Settlement { tokens: 30, ..settled("a") }, now);
    assert_eq!(left(&mut meter), [70, 1]);
    // More for the same lease is no further request.
    granted(&meter.ask(&rules, &tokens("b", 20), now));
    granted(&meter.ask(&rules, &Ask { tokens: 50, ..ask("b") }, now));
    assert_eq!(left(&mut meter), [0, 0]);
    // It was not even sent.
    meter.settle(&rules, &Settlement { requests: 0, ..settled("b") }, now);
    assert_eq!(left(&mut meter), [70, 1]);
    granted(&meter.ask(&rules, &tokens("c", 10), now));
    meter.settle(&rules, &Settlement { tokens: 500, ..settled("c") }, now);
    assert_eq!(left(&mut meter), [0, 0]);
    assert_eq!(refused(meter.ask(&rules, &tokens("d", 1), now)).retry_ms, Some(60_000));
}

#[test]
fn a_limit_that_came_later_gives_nothing_back_of_what_it_never_counted() {
    let (none, some, now) = (Rules::default(), rules(r#"{"limits":[{"type":"requests","per":"minute","max":5}]}"#), at(NOON));
    let mut meter = Meter::default();
    granted(&meter.ask(&none, &request("before"), now));
    granted(&meter.ask(&some, &request("after"), now));
    meter.settle(&some, &Settlement { requests: 0, ..settled("before") }, now);
    assert_eq!(meter.left(&some, now)[0].left, 4);
}

#[test]
fn a_raised_limit_holds_at_once_and_counting_goes_on() {
    let now = at(NOON);
    let of = |max: u64| {
        rules(&format!(r#"{{"limits":[{{"type":"requests","per":"minute","max":{max}}}],"budgets":[{{"usd":"{max}","per":"month"}}]}}"#))
    };
    let mut meter = Meter::default();
    granted(&meter.ask(&of(1), &money("a", "0.5"), now));
    meter.settle(&of(1), &Settlement { usd: usd("0.5"), ..settled("a") }, now);
    assert!(meter.ask(&of(1), &request("b"), now).is_refused());
    granted(&meter.ask(&of(3), &money("b", "2"), now));
    assert_eq!(meter.left(&of(3), now)[0].left, 1);
    assert!(meter.ask(&of(3), &money("c", "0.51"), now).is_refused());
    granted(&meter.ask(&of(3), &money("c", "0.5"), now));
    assert_eq!(meter.left(&of(1), now)[0].left, 0);
}

#[test]
fn a_budget_is_spent_to_the_last_of_it_and_no_further() {
    let (rules, now) = (rules(r#"{"budgets":[{"usd":"1","per":"day"}]}"#), at(NOON));
    let mut meter = Meter::default();
    granted(&meter.ask(&rules, &money("a", "0.4"), now));
    meter.settle(&rules, &Settlement { usd: usd("0.3"), ..settled("a") }, now);
    granted(&meter.ask(&rules, &money("b", "0.5"), now));
    let no = refused(meter.ask(&rules, &money("c", "0.200000000001"), now));
    assert!(matches!(no.by, Broken::Usd { spent, .. } if spent == usd("0.8")), "{no:?}");
    granted(&meter.ask(&rules, &money("c", "0.2"), now));
    // What costs nothing needs nothing.
    granted(&meter.ask(&rules, &request("free"), now));
    // Both are lost after half an hour, long before the day is over.
    assert_eq!(refused(meter.ask(&rules, &money("d", "0.1"), now)).retry_ms, Some(30 * 60_000));
    assert_eq!(refused(meter.ask(&rules, &money("d", "0.8"), now)).retry_ms, Some(12 * 3_600_000));
    assert_eq!(refused(meter.ask(&rules, &money("d", "1.1"), now)).retry_ms, None);
}

#[test]
fn a_budget_begins_anew_with_its_day_week_or_month() {
    for (per, until) in [("day", Some("2026-11-22")), ("week", Some("2026-11-23")), ("month", Some("2026-12-01")), ("total", None)] {
        let (rules, now) = (rules(&format!(r#"{{"budgets":[{{"tokens":10,"per":"{per}"}}]}}"#)), at(NOON));
        let mut meter = Meter::default();
        granted(&meter.ask(&rules, &tokens("a", 10), now));
        meter.settle(&rules, &Settlement { tokens: 9, ..settled("a") }, now);
        let no = refused(meter.ask(&rules, &tokens("b", 2), now));
        assert_eq!(no.retry_ms, until.map(|until| at(until) - now), "{per}");
        let later = until.map_or(now + 3_000 * 86_400_000, at);
        assert!(meter.ask(&rules, &tokens("b", 2), later - 1).is_refused(), "{per}");
        assert_eq!(meter.ask(&rules, &tokens("b", 2), later).is_refused(), until.is_none(), "{per}");
    }
}

#[test]
fn the_longest_wait_is_told_where_several_rules_say_no() {
    let rules = rules(
        r#"{"limits":[{"type":"requests","per":"second","max":1},{"type":"requests","per":"hour","max":1}],"budgets":[{"tokens":5,"per":"day"}]}"#,
    );
    let (mut meter, now) = (Meter::default(), at(NOON));
    granted(&meter.ask(&rules, &tokens("a", 5), now));
    meter.settle(&rules, &Settlement { tokens: 5, ..settled("a") }, now);
    let no = refused(meter.ask(&rules, &tokens("b", 5), now));
    assert!(matches!(no.by, Broken::Tokens { .. }) && no.retry_ms == Some(12 * 3_600_000), "{no:?}");
    let no = refused(meter.ask(&rules, &request("b"), now));
    assert!(matches!(no.by, Broken::Limit { .. }) && no.retry_ms == Some(3_600_000), "{no:?}");
}

#[test]
fn nothing_is_taken_where_one_rule_says_no() {
    let rules = rules(r#"{"limits":[{"type":"requests","per":"minute","max":10}],"budgets":[{"usd":"1","per":"total"}]}"#);
    let (mut meter, now) = (Meter::default(), at(NOON));
    assert!(meter.ask(&rules, &money("a", "2"), now).is_refused());
    assert_eq!((meter.left(&rules, now)[0].left, meter.held().usd), (10, Money::ZERO));
}

#[test]
fn what_has_no_price_is_refused_where_money_is_short_unless_it_is_allowed() {
    let unpriced = Ask { unpriced: true, ..request("a") };
    for (budget, passes) in [
        (r#"{"usd":"1","per":"day"}"#, false),
        (r#"{"usd":"1","per":"day","unpriced":"allow"}"#, true),
        (r#"{"usd":"0","per":"day","unpriced":"allow"}"#, false),
        (r#"{"usd":"1","per":"day","hard":false}"#, true),
        (r#"{"tokens":1,"per":"day"}"#, true),
    ] {
        let rules = rules(&format!(r#"{{"budgets":[{budget}]}}"#));
        assert_eq!(!Meter::default().ask(&rules, &unpriced, at(NOON)).is_refused(), passes, "{budget}");
    }
}

#[test]
fn soft_budgets_stop_nobody_and_tell_each_share_once_a_period() {
    let (rules, now) = (rules(r#"{"budgets":[{"usd":"10","per":"day","hard":false,"alerts":[0.5,0.8,1]}]}"#), at(NOON));
    let mut meter = Meter::default();
    let told = |meter: &mut Meter, amount: &str, now| {
        granted(&meter.ask(&rules, &money("a", "100"), now));
        let settled = meter.settle(&rules, &Settlement { usd: usd(amount), ..settled("a") }, now);
        settled.alerts.iter().map(|alert| (alert.share, alert.spent)).collect::<Vec<_>>()
    };
    assert_eq!(told(&mut meter, "4.999999999999", now), []);
    assert_eq!(told(&mut meter, "0.000000000001", now), [(500, Amount::Usd(usd("5")))]);
    assert_eq!(told(&mut meter, "1", now), []);
    assert_eq!(told(&mut meter, "6", now), [(800, Amount::Usd(usd("12"))), (1_000, Amount::Usd(usd("12")))]);
    assert_eq!(told(&mut meter, "6", now), []);
    assert_eq!(told(&mut meter, "5", at("2026-11-22")), [(500, Amount::Usd(usd("5")))]);
}

#[test]
fn what_nobody_settles_is_free_after_a_while_and_charged_if_it_is_settled_after_all() {
    let (rules, now) = (rules(r#"{"budgets":[{"usd":"1","per":"total"}]}"#), at(NOON));
    let mut meter = Meter::default();
    granted(&meter.ask(&rules, &money("a", "1"), now));
    granted(&meter.ask(&rules, &Ask { lasts_ms: Some(1_000), ..request("b") }, now));
    assert_eq!(meter.next_end(), Some(now + 1_000));
    assert_eq!(meter.lost(now + 1_000).leases, 1);
    let lost = meter.lost(now + 1_800_000);
    assert_eq!((lost.leases, lost.held.usd, meter.held().usd), (1, usd("1"), Money::ZERO));
    granted(&meter.ask(&rules, &money("c", "1"), now + 1_800_000));
    assert!(meter.settle(&rules, &Settlement { usd: usd("0.7"), ..settled("a") }, now + 3_000_000).counts);
    assert!(!meter.settle(&rules, &Settlement { usd: usd("0.7"), ..settled("a") }, now + 3_000_000).counts);
    let (spent, _) = meter.stands(&rules.budgets[0], now + 3_000_000);
    assert_eq!(spent, Amount::Usd(usd("0.7")));
    // A day later nobody remembers.
    granted(&meter.ask(&rules, &money("d", "0.3"), now + 4_000_000));
    meter.lost(now + 6_000_000);
    assert!(!meter.settle(&rules, &settled("d"), now + 6_000_000 + 86_400_000).counts);
}

#[test]
fn a_clock_that_is_put_back_frees_nothing_and_breaks_nothing() {
    let (rules, now) = (rules(r#"{"limits":[{"type":"requests","per":"minute","max":1}],"budgets":[{"tokens":1,"per":"day"}]}"#), at(NOON));
    let mut meter = Meter::default();
    granted(&meter.ask(&rules, &tokens("a", 1), now));
    meter.settle(&rules, &Settlement { tokens: 1, ..settled("a") }, now - 86_400_000);
    assert!(meter.ask(&rules, &request("b"), now - 86_400_000).is_refused());
    assert!(meter.ask(&rules, &tokens("b", 1), now + 60_000).is_refused());
    granted(&meter.ask(&rules, &request("b"), now + 60_000));
}
