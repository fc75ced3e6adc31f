//! Shares by weight, callers that stay with their target, and pauses between tries.

use std::collections::HashMap;

use causeway::routing::backoff::pause;
use causeway::routing::config::{Config, Retry};
use causeway::routing::pick::{sticky, weighted};
use causeway::routing::plan::Plan;

use crate::Chance;
use crate::plan::World;

const MANY: usize = 100_000;

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

/// That each was chosen as its weight says, within 1% of all.
fn by_weight(weights: &[f64], counts: &[usize]) {
    let total: f64 = weights.iter().sum();
    for (weight, count) in weights.iter().zip(counts) {
        let (wanted, got) = (weight / total, *count as f64 / MANY as f64);
        assert!((wanted - got).abs() < 0.01, "{weights:?}: {counts:?}");
        assert!(*weight > 0.0 || *count == 0);
    }
}

const WEIGHTS: &[&[f64]] =
    &[&[1.0], &[0.5, 0.5], &[0.7, 0.3], &[0.9, 0.1], &[1.0, 0.0, 3.0], &[5.0, 1.0, 1.0, 3.0], &[1e-6, 2e-6], &[1e9, 1e9]];

#[test]
fn shares_are_those_of_the_weights() {
    let chance = Chance::seeded(11);
    for weights in WEIGHTS {
        let mut counts = vec![0; weights.len()];
        (0..MANY).for_each(|_| counts[weighted(weights, || chance.next())[0]] += 1);
        by_weight(weights, &counts);
    }
}

#[test]
fn after_the_first_the_rest_share_by_weight_too() {
    let chance = Chance::seeded(12);
    let weights = [5.0, 1.0, 3.0];
    let orders: Vec<Vec<usize>> = (0..MANY).map(|_| weighted(&weights, || chance.next())).collect();
    let second: Vec<usize> = orders.iter().filter(|order| order[0] == 0).map(|order| order[1]).collect();
    let share = second.iter().filter(|at| **at == 2).count() as f64 / second.len() as f64;
    assert!((share - 0.75).abs() < 0.01, "{share}");
    for order in orders {
        let mut all = order.clone();
        all.sort_unstable();
        assert_eq!(all, [0, 1, 2]);
    }
}

#[test]
fn weights_of_nothing_are_left_out_and_extremes_do_no_harm() {
    assert_eq!(weighted(&[], || 0), Vec::<usize>::new());
    assert_eq!(weighted(&[0.0, 0.0], || 0), Vec::<usize>::new());
    assert_eq!(weighted(&[0.0, 1.0], || u64::MAX), [1]);
    for random in [0, 1, u64::MAX, 1 << 63] {
        assert_eq!(weighted(&[1e-300, 1e9, 1e-300], || random).len(), 3);
    }
    assert_eq!(sticky(&[0.0, 1e-300, 1e9], &names(&["a", "b", "c"]), "k"), [2, 1]);
}

#[test]
fn a_key_stays_with_its_target_and_shares_are_those_of_the_weights() {
    for weights in WEIGHTS {
        let names: Vec<String> = (0..weights.len()).map(|at| format!("config.targets[{at}]")).collect();
        let mut counts = vec![0; weights.len()];
        for key in 0..MANY {
            let order = sticky(weights, &names, &format!("user-{key}"));
            counts[order[0]] += 1;
            if key % 100 == 0 {
                assert_eq!(order, sticky(weights, &names, &format!("user-{key}")));
            }
        }
        by_weight(weights, &counts);
    }
}

#[test]
fn only_the_keys_that_must_move_do() {
    let all = names(&["a", "b", "c", "d"]);
    let first = |weights: &[f64], names: &[String], key: usize| names[sticky(weights, names, &key.to_string())[0]].clone();
    for key in 0..5_000 {
        let before = first(&[1.0, 2.0, 3.0, 4.0], &all, key);
        let without_b = first(&[1.0, 3.0, 4.0], &names(&["a", "c", "d"]), key);
        assert!(before == without_b || before == "b");
        let turned = first(&[4.0, 3.0, 2.0, 1.0], &names(&["d", "c", "b", "a"]), key);
        assert_eq!(before, turned, "the order of targets says nothing");
        let more_c = first(&[1.0, 2.0, 5.0, 4.0], &all, key);
        assert!(before == more_c || more_c == "c", "they move to what grew");
        let less_c = first(&[1.0, 2.0, 2.0, 4.0], &all, key);
        assert!(before == less_c || before == "c", "they move from what shrank");
        let more = first(&[2.0, 4.0, 6.0, 8.0], &all, key);
        assert_eq!(before, more, "only shares matter");
    }
}

/// Which target a caller of a config stays with, by its model.
fn stays(config: &Config, user: usize) -> String {
    let world = World { facts: HashMap::from([("metadata._user".to_owned(), user.to_string())]), ..World::default() };
    let plan = Plan::new(&config.root, &world);
    plan.leaf().unwrap().terms.override_params["model"].clone()
}

fn sticky_config(targets: &[&str]) -> Config {
    let sticky = r#""sticky": {"hash_fields": ["metadata._user"]}"#;
    Config::parse(&format!(r#"{{"strategy": {{"mode": "loadbalance", {sticky}}}, "targets": [{}]}}"#, targets.join(","))).unwrap()
}

#[test]
fn callers_of_targets_without_names_stay_when_another_goes() {
    let target = |model: &str| format!(r#"{{"provider": "openai", "override_params": {{"model": "{model}"}}}}"#);
    let (a, b, c) = (target("a"), target("b"), target("c"));
    let (all, rest) = (sticky_config(&[&a, &b, &c]), sticky_config(&[&b, &c]));
    let mut counts: HashMap<String, usize> = HashMap::new();
    for user in 0..3_000 {
        let (before, after) = (stays(&all, user), stays(&rest, user));
        assert!(before == after || before == "\"a\"");
        *counts.entry(before).or_default() += 1;
    }
    assert!(counts.len() == 3 && counts.values().all(|count| (880..1_120).contains(count)), "{counts:?}");
}

#[test]
fn targets_that_are_alike_share_all_the_same() {
    let twins = |name: &str| {
        let target = |model: &str| format!(r#"{{{name} "provider": "openai", "override_params": {{"model": "{model}"}}}}"#);
        sticky_config(&[&target("a"), &target("b")])
    };
    let config = twins(r#""name": "same","#);
    let share = (0..3_000).filter(|user| stays(&config, *user) == "\"a\"").count();
    assert!((1_380..1_620).contains(&share), "{share}");
}

#[test]
fn who_stays_where_and_for_how_long() {
    const DAY: u64 = 86_400_000;
    let fields = r#""hash_fields": ["metadata.team"]"#;
    // Whether requests that differ in what is named there go to the same target each, now and later.
    let table = [
        (fields.to_owned(), "team", DAY, true),
        (fields.to_owned(), "user", 0, true),
        (fields.to_owned(), "caller", 0, true),
        (format!(r#"{fields}, "ttl": 300"#), "team", 1_000, true),
        (format!(r#"{fields}, "ttl": 300"#), "team", 300_000, false),
        (String::new(), "user", DAY, true),
        (String::new(), "caller", DAY, true),
        (r#""ttl": 60"#.to_owned(), "user", 500, true),
        (r#""ttl": 60"#.to_owned(), "caller", 60_000, false),
    ];
    for (sticky, differ, later, stay) in table {
        let targets = ["a", "b"].map(|name| format!(r#"{{"name": "{name}"}}"#)).join(",");
        let config =
            Config::parse(&format!(r#"{{"strategy": {{"mode": "loadbalance", "sticky": {{{sticky}}}}}, "targets": [{targets}]}}"#))
                .unwrap();
        let side = |number: usize, passed: u64| {
            let mut world = World { chance: Chance::seeded(number as u64 + passed), ..World::default() };
            let of = |name: &str| if name == differ { number.to_string() } else { "same".to_owned() };
            // With the user known, the key does not matter.
            if differ != "caller" {
                world.facts.insert("metadata._user".to_owned(), of("user"));
            }
            world.facts.insert("metadata.team".to_owned(), of("team"));
            world.caller = of("caller");
            world.now.set(world.now.get() + passed);
            Plan::new(&config.root, &world).leaf().unwrap().name.clone().unwrap()
        };
        let before: Vec<String> = (0..400).map(|number| side(number, 0)).collect();
        let moved = (0..400).filter(|number| side(*number, later) != before[*number]).count();
        let left = before.iter().filter(|name| *name == "a").count();
        let told = format!("{{{sticky}}} by {differ} after {later} ms: {left} left, {moved} moved");
        // Where the time is not up, only the few move whose own is.
        assert!(if stay { moved <= 8 } else { (140..260).contains(&moved) }, "{told}");
        let counts = differ == "team" && !sticky.is_empty() || differ != "team" && !sticky.contains("hash_fields");
        assert!(if counts { (140..260).contains(&left) } else { left == 0 || left == 400 }, "{told}");
    }
}

fn retry(attempts: u32, use_retry_after_header: bool) -> Retry {
    Retry { attempts, on_status_codes: vec![429], use_retry_after_header }
}

#[test]
fn pauses_are_spread_over_all_up_to_a_bound_that_doubles() {
    let chance = Chance::seeded(5);
    for (repeat, most) in [(0, 500), (1, 1_000), (2, 2_000), (3, 4_000), (4, 8_000), (5, 10_000), (40, 10_000), (u32::MAX, 10_000)] {
        let mut tenths = [0; 10];
        for _ in 0..20_000 {
            let ms = pause(&retry(5, true), repeat, 0, None, chance.next()).unwrap();
            assert!(ms < most, "{ms} after {repeat}");
            tenths[(ms * 10 / most) as usize] += 1;
        }
        assert!(tenths.iter().all(|count| (1_700..2_300).contains(count)), "{repeat}: {tenths:?}");
    }
}

#[test]
fn what_the_provider_asks_for_is_kept_to_unless_it_is_too_long() {
    for (asked, wanted) in [(0, Some(0)), (1, Some(1)), (2_000, Some(2_000)), (60_000, Some(60_000)), (60_001, None), (u64::MAX, None)] {
        assert_eq!(pause(&retry(1, true), 0, 0, Some(asked), 77), wanted);
        assert_eq!(pause(&retry(1, false), 0, 0, Some(asked), 1 << 63), Some(250), "it is not to be heeded");
    }
    for (waited, asked, wanted) in [(20_000, 40_000, Some(40_000)), (20_000, 40_001, None), (60_000, 0, Some(0)), (u64::MAX, 1, None)] {
        assert_eq!(pause(&retry(1, true), 1, waited, Some(asked), 77), wanted, "after {waited} ms in all");
    }
}
