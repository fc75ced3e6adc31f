//! Thousands of configs and of fates drawn at random: what a plan does is what a slow and obvious model says, and
//! whatever happens, it ends in time and tries nothing that it has given up.

use std::cell::Cell;
use std::collections::HashMap;

use causeway::catalog::Money;
use causeway::routing::condition::Fact;
use causeway::routing::config::{Breaker, Config, Mode, Node};
use causeway::routing::pick::hash;
use causeway::routing::plan::{Outcome, Plan, Standing, Step, View};

use crate::Chance;

const MANY: u64 = 6_000;
/// What befalls targets: the last two are no answer, and none in time.
const FATES: &[u16] = &[400, 401, 404, 429, 500, 503, 0, 1];
const STATUSES: &[u16] = &[400, 401, 404, 429, 500, 503];

/// What configs may hold.
#[derive(Clone, Copy)]
struct Drawn<'a> {
    chance: &'a Chance,
    modes: &'a [&'a str],
    codes: bool,
    time: bool,
}

impl Drawn<'_> {
    fn config(self) -> Config {
        let json = self.node(0, &Cell::new(0));
        Config::parse(&json).unwrap_or_else(|error| panic!("{json}: {}", error.message))
    }

    fn node(self, depth: usize, count: &Cell<usize>) -> String {
        let chance = self.chance;
        count.set(count.get() + 1);
        let mut fields = vec![format!(r#""name": "n{}""#, count.get()), format!(r#""weight": {}"#, 1 + chance.below(5))];
        if self.time && depth == 0 && chance.one_in(2) {
            fields.push(format!(r#""total_timeout": {}"#, 1 + chance.below(20_000)));
        }
        if chance.one_in(3) {
            let codes = if chance.one_in(2) { format!(r#", "on_status_codes": {}"#, self.statuses()) } else { String::new() };
            fields.push(format!(r#""retry": {{"attempts": {}{codes}}}"#, chance.below(6)));
        }
        if depth < 3 && (depth == 0 || chance.one_in(3)) {
            let first = count.get() + 1;
            let targets: Vec<String> = (0..=chance.below(4)).map(|_| self.node(depth + 1, count)).collect();
            fields.push(format!(r#""strategy": {}"#, self.strategy(first)));
            fields.push(format!(r#""targets": [{}]"#, targets.join(",")));
        }
        format!("{{{}}}", fields.join(","))
    }

    fn strategy(self, first: usize) -> String {
        let chance = self.chance;
        let mode = chance.one_of(self.modes);
        let mut fields = vec![format!(r#""mode": "{mode}""#)];
        if mode == "conditional" {
            let rule = |field: &str| format!(r#"{{"query": {{"metadata.{field}": "yes"}}, "then": "n{first}"}}"#);
            fields.push(format!(r#""conditions": [{}]"#, rule(chance.one_of(&["yes", "no"]))));
        }
        if self.codes && chance.one_in(3) {
            fields.push(format!(r#""on_status_codes": {}"#, self.statuses()));
        }
        if chance.one_in(3) {
            fields.push(r#""cb_config": {}"#.to_owned());
        }
        format!("{{{}}}", fields.join(","))
    }

    fn statuses(self) -> String {
        let statuses: Vec<u16> = STATUSES.iter().copied().filter(|_| self.chance.one_in(2)).collect();
        format!("{statuses:?}")
    }
}

/// A world whose fate is written: what a target answers depends on its place and how often it was asked alone.
struct Fate {
    seed: u64,
    chance: Chance,
    now: Cell<u64>,
    /// Standings change while one looks at them.
    restless: bool,
    statuses: &'static [u16],
}

impl View for Fate {
    fn now(&self) -> u64 {
        self.now.get()
    }

    fn random(&self) -> u64 {
        self.chance.next()
    }

    fn fact(&self, field: &str) -> Option<Fact> {
        (field == "metadata.yes").then(|| Fact::Text("yes".to_owned()))
    }

    fn caller(&self) -> String {
        self.seed.to_string()
    }

    fn standing(&self, leaf: &Node, breaker: Option<&Breaker>) -> Standing {
        let drawn = if self.restless { self.chance.next() } else { hash(&[&leaf.path, &self.seed.to_string()]) };
        let figure = |shift: u32| Some((drawn >> shift & 7) as f64).filter(|figure| *figure > 0.0);
        let open_until = (drawn & 1 == 0 && breaker.is_some()).then(|| 50_000_000 + (drawn >> 8 & 3));
        Standing { open_until, latency_ms: figure(16), score: figure(24) }
    }

    fn cost(&self, leaf: &Node) -> Option<Money> {
        let drawn = hash(&[&leaf.path, "costs", &self.seed.to_string()]) & 7;
        (drawn > 0).then(|| Money::from_pico(drawn.into()))
    }
}

impl Fate {
    fn new(seed: u64, statuses: &'static [u16]) -> Self {
        Self { seed, chance: Chance::seeded(seed), now: Cell::new(1_000_000), restless: false, statuses }
    }

    /// Some never fail, some always do.
    fn answer(&self, leaf: &Node, tries: usize) -> Option<Outcome> {
        let target = hash(&[&leaf.path, "answers", &self.seed.to_string()]);
        let drawn = hash(&[&leaf.path, &tries.to_string(), &self.seed.to_string()]);
        let good = match target % 8 {
            0 => self.is_healthy(leaf),
            1 => drawn.is_multiple_of(3),
            _ => false,
        };
        let after_ms = (drawn >> 8 & 3 == 0).then_some([0, 700, 5_000, 100_000][(drawn >> 16 & 3) as usize]);
        match drawn >> 32 & 7 {
            _ if good => None,
            0 => Some(Outcome::Skipped),
            _ => Some(Outcome::Failed { status: self.statuses[(drawn >> 40) as usize % self.statuses.len()], after_ms }),
        }
    }

    fn is_healthy(&self, leaf: &Node) -> bool {
        hash(&[&leaf.path, "answers", &self.seed.to_string()]).is_multiple_of(8)
    }
}

/// What was tried, and whether there was an answer.
type Story = (Vec<String>, bool);

/// What a plan does, checked on the way.
fn played(config: &Config, fate: &Fate) -> Story {
    let mut plan = Plan::new(&config.root, fate);
    let mut tries: HashMap<String, usize> = HashMap::new();
    let mut story: Vec<String> = Vec::new();
    while let Some(leaf) = plan.leaf() {
        assert!(plan.deadline().is_none_or(|deadline| fate.now() < deadline), "tried after the deadline");
        let count = tries.entry(leaf.path.clone()).or_default();
        let again = story.last() == Some(&leaf.path);
        assert!(*count == 0 || again, "{} is tried after it was given up: {story:?}", leaf.path);
        story.push(leaf.path.clone());
        let Some(outcome) = fate.answer(leaf, *count) else { return (story, true) };
        *count += 1;
        assert!(*count <= 1 + leaf.terms.retry.as_ref().map_or(0, |retry| retry.attempts as usize));
        fate.now.set(fate.now() + fate.chance.next() % 3_000);
        match plan.after(outcome, fate) {
            Step::Wait { ms, then } => {
                assert_eq!(then.path, leaf.path);
                assert!(ms <= 60_000 && plan.deadline().is_none_or(|deadline| fate.now() + ms < deadline), "waits beyond the deadline");
                fate.now.set(fate.now() + ms);
            }
            Step::Try(next) => assert_ne!(next.path, leaf.path, "a repeat without a pause"),
            Step::GiveUp => assert_eq!(plan.leaf(), None),
        }
    }
    (story, false)
}

/// How a node comes out: with an answer, with a status, or without having been asked.
#[derive(Clone, Copy, PartialEq)]
enum End {
    Answer,
    Status(u16),
    Nothing,
}

/// The model: no plan, no stack, no time; a node is tried to its end, and then the next.
fn modelled(node: &Node, breaker: Option<&Breaker>, fate: &Fate, story: &mut Vec<String>) -> End {
    let Some(branch) = &node.branch else { return asked(node, fate, story) };
    let breaker = branch.breaker.as_ref().or(breaker);
    let mut end = End::Nothing;
    for target in candidates(node, breaker, fate) {
        let came_out = modelled(target, breaker, fate, story);
        let goes_on = match (came_out, &branch.mode, &branch.on_status_codes) {
            (End::Answer, ..) | (_, Mode::Single | Mode::Conditional { .. }, _) => false,
            (End::Nothing, ..) | (_, Mode::Fallback, None) => true,
            (End::Status(status), _, Some(codes)) => means(codes, status),
            (End::Status(status), _, None) => status != 400,
        };
        if came_out != End::Nothing {
            end = came_out;
        }
        if !goes_on {
            break;
        }
    }
    end
}

fn asked(leaf: &Node, fate: &Fate, story: &mut Vec<String>) -> End {
    let mut tries = 0;
    loop {
        story.push(leaf.path.clone());
        match fate.answer(leaf, tries) {
            None => return End::Answer,
            Some(Outcome::Skipped) => return End::Nothing,
            Some(Outcome::Failed { status, after_ms }) => {
                let Some(retry) = &leaf.terms.retry else { return End::Status(status) };
                let patient = after_ms.is_none_or(|ms| ms <= 60_000);
                if tries == retry.attempts as usize || !means(&retry.on_status_codes, status) || !patient {
                    return End::Status(status);
                }
                tries += 1;
            }
        }
    }
}

fn means(codes: &[u16], status: u16) -> bool {
    match status {
        0 => codes.iter().any(|code| (500..600).contains(code)),
        1 => codes.iter().any(|code| [408, 504].contains(code)),
        _ => codes.contains(&status),
    }
}

/// The targets that a branch would try, without those that are left alone.
fn candidates<'c>(node: &'c Node, breaker: Option<&Breaker>, fate: &Fate) -> Vec<&'c Node> {
    let branch = node.branch.as_ref().unwrap();
    let mut nodes: Vec<&Node> = match &branch.mode {
        Mode::Single => branch.targets.iter().take(1).collect(),
        Mode::Conditional { rules, .. } => {
            let holds = rules[0].0.holds(&|field| fate.fact(field));
            branch.targets.iter().take(usize::from(holds)).collect()
        }
        _ => branch.targets.iter().collect(),
    };
    if branch.mode == Mode::Cost {
        nodes.sort_by_key(|node| cost(node, fate));
    }
    let open = |node: &Node| open_until(node, breaker, fate);
    if nodes.iter().any(|node| open(node).is_none()) {
        nodes.retain(|node| open(node).is_none());
    } else {
        nodes.sort_by_key(|node| open(node));
    }
    nodes
}

/// Every target that may be asked is open: until when the first of them is.
fn open_until(node: &Node, breaker: Option<&Breaker>, fate: &Fate) -> Option<u64> {
    let Some(branch) = &node.branch else { return fate.standing(node, breaker).open_until };
    let breaker = branch.breaker.as_ref().or(breaker);
    let untils: Vec<Option<u64>> = able(node, fate).into_iter().map(|target| open_until(target, breaker, fate)).collect();
    untils.iter().copied().collect::<Option<Vec<u64>>>().and_then(|untils| untils.into_iter().min())
}

/// What has no price costs most.
fn cost(node: &Node, fate: &Fate) -> Money {
    if node.branch.is_none() {
        return fate.cost(node).unwrap_or(Money::MAX);
    }
    able(node, fate).into_iter().map(|target| cost(target, fate)).min().unwrap_or(Money::MAX)
}

fn able<'c>(node: &'c Node, fate: &Fate) -> Vec<&'c Node> {
    let branch = node.branch.as_ref().unwrap();
    match &branch.mode {
        Mode::Single => branch.targets.iter().take(1).collect(),
        Mode::Conditional { rules, .. } => branch.targets.iter().take(usize::from(rules[0].0.holds(&|field| fate.fact(field)))).collect(),
        _ => branch.targets.iter().collect(),
    }
}

#[test]
fn a_plan_does_what_the_model_says() {
    let mut lengths = 0;
    for seed in 0..MANY {
        let chance = Chance::seeded(seed);
        let modes = ["single", "fallback", "fallback", "fallback", "conditional", "cost"];
        let config = Drawn { chance: &chance, modes: &modes, codes: true, time: false }.config();
        let fate = Fate::new(seed, FATES);
        let mut wanted = Vec::new();
        let end = modelled(&config.root, None, &fate, &mut wanted);
        lengths += wanted.len();
        assert_eq!(played(&config, &fate), (wanted, end == End::Answer), "seed {seed}: {config:#?}");
    }
    assert!(lengths > 10_000, "the stories are too short to say much: {lengths}");
}

const MODES: &[&str] = &["single", "fallback", "loadbalance", "conditional", "latency", "cost", "quality"];

#[test]
fn a_plan_ends_in_time_whatever_happens() {
    for seed in 0..MANY {
        let chance = Chance::seeded(seed);
        let config = Drawn { chance: &chance, modes: MODES, codes: true, time: true }.config();
        let fate = Fate { restless: seed % 2 == 0, ..Fate::new(seed, FATES) };
        let (story, _) = played(&config, &fate);
        let most: usize =
            config.root.leaves().iter().map(|leaf| 1 + leaf.terms.retry.as_ref().map_or(0, |retry| retry.attempts as usize)).sum();
        assert!(story.len() <= most, "seed {seed}");
    }
}

#[test]
fn a_healthy_target_that_the_strategies_allow_is_reached() {
    let mut reached = 0;
    for seed in 0..MANY {
        let chance = Chance::seeded(seed);
        let config = Drawn { chance: &chance, modes: MODES, codes: false, time: false }.config();
        let fate = Fate::new(seed, &[429, 500, 503]);
        if allowed(&config.root, None, &fate) {
            assert!(played(&config, &fate).1, "seed {seed}: {config:#?}");
            reached += 1;
        }
    }
    assert!(reached > 1_000, "{reached}");
}

/// Whether a healthy target that is not left alone may be asked.
fn allowed(node: &Node, breaker: Option<&Breaker>, fate: &Fate) -> bool {
    let Some(branch) = &node.branch else {
        return fate.is_healthy(node) && fate.standing(node, breaker).open_until.is_none();
    };
    let breaker = branch.breaker.as_ref().or(breaker);
    able(node, fate).into_iter().any(|target| allowed(target, breaker, fate))
}
