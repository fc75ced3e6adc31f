//! Which targets are tried, in which order, how often, and when a plan gives up: scenarios told in a line each.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;

use causeway::catalog::Money;
use causeway::routing::condition::Fact;
use causeway::routing::config::{Breaker, Config, Node};
use causeway::routing::plan::{Outcome, Plan, Standing, Step, View};

use crate::Chance;

/// A world of one's own: its clock stands still unless it is moved.
pub struct World {
    pub now: Cell<u64>,
    pub chance: Chance,
    pub facts: HashMap<String, String>,
    pub caller: String,
    /// By the targets' names.
    pub standings: RefCell<HashMap<String, Standing>>,
    pub costs: HashMap<String, Money>,
}

impl Default for World {
    fn default() -> Self {
        Self {
            now: Cell::new(1_000_000),
            chance: Chance::seeded(1),
            facts: HashMap::new(),
            caller: "somebody".to_owned(),
            standings: RefCell::default(),
            costs: HashMap::new(),
        }
    }
}

impl View for World {
    fn now(&self) -> u64 {
        self.now.get()
    }

    fn random(&self) -> u64 {
        self.chance.next()
    }

    fn fact(&self, field: &str) -> Option<Fact> {
        self.facts.get(field).cloned().map(Fact::Text)
    }

    fn caller(&self) -> String {
        self.caller.clone()
    }

    fn standing(&self, leaf: &Node, breaker: Option<&Breaker>) -> Standing {
        let standing = self.standings.borrow().get(leaf.name.as_deref().unwrap_or_default()).copied().unwrap_or_default();
        Standing { open_until: standing.open_until.filter(|_| breaker.is_some()), ..standing }
    }

    fn cost(&self, leaf: &Node) -> Option<Money> {
        self.costs.get(leaf.name.as_deref().unwrap_or_default()).copied()
    }
}

impl World {
    fn pass(&self, ms: u64) {
        self.now.set(self.now.get() + ms);
    }

    fn stands(&self, name: &str, standing: Standing) {
        self.standings.borrow_mut().insert(name.to_owned(), standing);
    }
}

/// How a target answers, try by try, the last word for all that follow: `500 429/2000@50 ok` fails, fails after 50 ms
/// asking for 2000 ms of patience, and then answers.
struct Script(HashMap<String, Vec<String>>);

impl Script {
    fn parse(text: &str) -> Self {
        let of = |part: &str| {
            let (name, answers) = part.split_once('=').unwrap();
            (name.trim().to_owned(), answers.split_whitespace().map(str::to_owned).collect())
        };
        Self(text.split(';').filter(|part| !part.trim().is_empty()).map(of).collect())
    }

    /// The outcome, if it is none but an answer, and the time it took.
    fn answer(&self, name: &str, tries: usize) -> (Option<Outcome>, u64) {
        let Some(answers) = self.0.get(name) else { return (None, 0) };
        let word = &answers[tries.min(answers.len() - 1)];
        let (word, took) = word.split_once('@').unwrap_or((word, "0"));
        let (word, after) = word.split_once('/').map_or((word, None), |(word, after)| (word, Some(after.parse().unwrap())));
        let outcome = match word {
            "ok" => None,
            "skip" => Some(Outcome::Skipped),
            status => Some(Outcome::Failed { status: status.parse().unwrap(), after_ms: after }),
        };
        (outcome, took.parse().unwrap())
    }
}

/// All that was tried: `a a (b) c.` is a twice, b skipped, c with an answer; `!` is giving up.
fn told(config: &Config, script: &str, world: &World) -> String {
    let script = Script::parse(script);
    let mut plan = Plan::new(&config.root, world);
    let mut tries: HashMap<String, usize> = HashMap::new();
    let mut trace = Vec::new();
    while let Some(leaf) = plan.leaf() {
        let name = leaf.name.clone().unwrap();
        let count = tries.entry(name.clone()).or_default();
        let (outcome, took) = script.answer(&name, *count);
        *count += 1;
        world.pass(took);
        trace.push(if outcome == Some(Outcome::Skipped) { format!("({name})") } else { name });
        let Some(outcome) = outcome else { return trace.join(" ") + "." };
        match plan.after(outcome, world) {
            Step::Try(next) => assert_eq!(Some(next), plan.leaf()),
            Step::Wait { ms, then } => {
                assert!(then == leaf && plan.deadline().is_none_or(|deadline| world.now() + ms < deadline));
                world.pass(ms);
            }
            Step::GiveUp => assert_eq!(plan.leaf(), None),
        }
    }
    trace.join(" ") + "!"
}

/// `a` is a target of that name, `a{...}` one with fields; `fallback[...]`, or with fields `fallback{...}[...]`, a branch.
fn config(short: &str) -> Config {
    let mut out = String::new();
    let mut rest = short.trim();
    node(&mut rest, &mut out);
    assert_eq!(rest, "", "{short}");
    Config::parse(&out).unwrap_or_else(|error| panic!("{out}: {}", error.message))
}

fn node(rest: &mut &str, out: &mut String) {
    let end = rest.find(['{', '[', ']', ' ']).unwrap_or(rest.len());
    let (word, after) = rest.split_at(end);
    *rest = after;
    let mut fields = String::new();
    if rest.starts_with('{') {
        let mut depth = 0;
        let end = rest.find(|char| {
            depth += i32::from(char == '{') - i32::from(char == '}');
            depth == 0
        });
        let (object, after) = rest.split_at(end.unwrap() + 1);
        fields = object.strip_prefix('{').and_then(|object| object.strip_suffix('}')).unwrap().to_owned();
        *rest = after;
    }
    let Some(after) = rest.strip_prefix('[') else {
        let comma = if fields.is_empty() { "" } else { "," };
        out.push_str(&format!(r#"{{"name":"{word}"{comma}{fields}}}"#));
        return;
    };
    *rest = after;
    // A field above the line stands in the branch's own object, the others in its strategy.
    let (own, strategy) = fields.split_once('|').unwrap_or(("", &fields));
    let comma = |fields: &str| if fields.trim().is_empty() { "" } else { "," };
    out.push_str(&format!(r#"{{{own}{}"strategy":{{"mode":"{word}"{}{strategy}}},"targets":["#, comma(own), comma(strategy)));
    while !rest.starts_with(']') {
        node(rest, out);
        *rest = rest.trim_start();
        out.push_str(if rest.starts_with(']') { "" } else { "," });
    }
    *rest = rest.strip_prefix(']').unwrap();
    out.push_str("]}");
}

const SCENARIOS: &[(&str, &str, &str)] = &[
    // One target.
    ("a", "", "a."),
    ("a", "a=500", "a!"),
    ("a", "a=skip", "(a)!"),
    (r#"a{"retry":{"attempts":2}}"#, "a=500", "a a a!"),
    (r#"a{"retry":{"attempts":2}}"#, "a=500 ok", "a a."),
    (r#"a{"retry":{"attempts":2}}"#, "a=400", "a!"),
    (r#"a{"retry":{"attempts":5}}"#, "a=503", "a a a a a a!"),
    (r#"a{"retry":{"attempts":2}}"#, "a=500 404 ok", "a a!"),
    (r#"a{"retry":{"attempts":2,"on_status_codes":[404]}}"#, "a=404 500", "a a!"),
    (r#"a{"retry":{"attempts":2,"on_status_codes":[]}}"#, "a=500", "a!"),
    (r#"a{"retry":{"attempts":0}}"#, "a=500", "a!"),
    (r#"a{"retry":{"attempts":2}}"#, "a=429/1000 ok", "a a."),
    (r#"a{"retry":{"attempts":2}}"#, "a=429/90000 ok", "a!"),
    (r#"a{"retry":{"attempts":5}}"#, "a=429/20000 429/50000 ok", "a a!"),
    (r#"a{"retry":{"attempts":5}}"#, "a=429/20000 429/40000 ok", "a a a."),
    (r#"fallback[a{"retry":{"attempts":2}} b{"retry":{"attempts":2}}]"#, "a=429/50000;b=429/50000 ok", "a a b b."),
    (r#"a{"retry":{"attempts":2,"use_retry_after_header":false}}"#, "a=429/90000 ok", "a a."),
    (r#"a{"retry":{"attempts":2}}"#, "a=skip", "(a)!"),
    ("single[a b]", "a=500", "a!"),
    ("single[a b]", "a=skip", "(a)!"),
    // Fallback.
    ("fallback[a b]", "", "a."),
    ("fallback[a b]", "a=500", "a b."),
    ("fallback[a b]", "a=400", "a b."),
    ("fallback[a b]", "a=skip", "(a) b."),
    // Too long for one model is not so for all.
    ("loadbalance[a]", "a=2", "a!"),
    ("cost[a b]", "a=2", "a b."),
    ("cost[a b]", "a=400", "a!"),
    (r#"cost{"on_status_codes":[400]}[a b]"#, "a=2", "a b."),
    (r#"cost{"on_status_codes":[500]}[a b]"#, "a=2", "a!"),
    (r#"a{"retry":{"attempts":1}}"#, "a=2", "a!"),
    ("fallback[a b c]", "a=500;b=500;c=500", "a b c!"),
    ("fallback[a b c]", "a=skip;b=skip;c=skip", "(a) (b) (c)!"),
    (r#"fallback{"on_status_codes":[429]}[a b]"#, "a=429", "a b."),
    (r#"fallback{"on_status_codes":["429", 241]}[a b]"#, "a=429", "a b."),
    (r#"fallback{"on_status_codes":[429]|}[a b]"#, "a=429", "a b."),
    (r#"fallback{"on_status_codes":[429]|}[a b]"#, "a=500", "a!"),
    (r#"fallback{"on_status_codes":[429]|"on_status_codes":[500]}[a b]"#, "a=429", "a!"),
    (r#"fallback{"on_status_codes":[429]}[a b]"#, "a=500", "a!"),
    (r#"fallback{"on_status_codes":[429]}[a b]"#, "a=skip", "(a) b."),
    (r#"fallback{"on_status_codes":[]}[a b]"#, "a=500", "a!"),
    (r#"fallback{"on_status_codes":[429]}[a b c]"#, "a=429;b=skip;c=500", "a (b) c!"),
    // Retries, then the next.
    (r#"fallback{"retry":{"attempts":1}|}[a b]"#, "a=500;b=500", "a a b b!"),
    (r#"fallback{"retry":{"attempts":1}|}[a b]"#, "a=404;b=500 ok", "a b b."),
    (r#"fallback[a{"retry":{"attempts":2}} b]"#, "a=500;b=500", "a a a b!"),
    (r#"fallback{"retry":{"attempts":2}|"on_status_codes":[429]}[a b]"#, "a=500 429 500", "a a a!"),
    (r#"fallback{"retry":{"attempts":1}|"on_status_codes":[429]}[a b]"#, "a=500 429", "a a b."),
    (r#"fallback{"retry":{"attempts":2}|}[a b]"#, "a=429/90000", "a b."),
    // Balanced: a failed pick fails over to the rest.
    ("loadbalance[a]", "a=500", "a!"),
    (r#"loadbalance[a{"weight":0} b]"#, "b=500", "b!"),
    (r#"loadbalance[a{"weight":1e9} b{"weight":1e-9}]"#, "a=500", "a b."),
    (r#"loadbalance[a{"weight":1e9} b{"weight":1e-9}]"#, "a=400", "a!"),
    (r#"loadbalance[a{"weight":1e9} b{"weight":1e-9}]"#, "a=422", "a!"),
    (r#"loadbalance[a{"weight":1e9} b{"weight":1e-9}]"#, "a=401", "a b."),
    (r#"loadbalance{"on_status_codes":[500]}[a{"weight":1e9} b{"weight":1e-9}]"#, "a=401", "a!"),
    (r#"loadbalance{"on_status_codes":[400]}[a{"weight":1e9} b{"weight":1e-9}]"#, "a=400", "a b."),
    // Conditions. The request is one with `metadata.plan` paid.
    (r#"conditional{"conditions":[{"query":{"metadata.plan":"paid"},"then":"b"}]}[a b]"#, "", "b."),
    (r#"conditional{"conditions":[{"query":{"metadata.plan":"paid"},"then":"b"}]}[a b]"#, "b=500", "b!"),
    (r#"conditional{"conditions":[{"query":{"metadata.plan":"free"},"then":"b"}],"default":"a"}[a b]"#, "", "a."),
    (r#"conditional{"conditions":[{"query":{"metadata.plan":"free"},"then":"b"}]}[a b]"#, "", "!"),
    (r#"conditional{"conditions":[{"query":{},"then":"a"},{"query":{},"then":"b"}]}[a b]"#, "", "a."),
    (r#"conditional{"conditions":[],"default":"b"}[a b]"#, "", "b."),
    // Where no condition holds, the strategies above go on.
    (r#"fallback[conditional{"conditions":[{"query":{"metadata.plan":"free"},"then":"a"}]}[a] b]"#, "", "b."),
    (r#"fallback[a conditional{"conditions":[{"query":{"metadata.plan":"free"},"then":"b"}]}[b] c]"#, "a=500", "a c."),
    (
        r#"fallback{"on_status_codes":[429]}[a conditional{"conditions":[{"query":{"metadata.plan":"free"},"then":"b"}]}[b] c]"#,
        "a=429",
        "a c.",
    ),
    (r#"single[conditional{"conditions":[{"query":{"metadata.plan":"free"},"then":"b"}]}[b] c]"#, "", "!"),
    (r#"conditional{"conditions":[{"query":{"metadata.plan":"paid"},"then":"x"}]}[fallback{"name":"x"|}[a b] c]"#, "a=500;b=500", "a b!"),
    // Nested: the innermost goes on first, and a branch comes out as the last of it.
    ("fallback[fallback[a b] c]", "a=500;b=500", "a b c."),
    ("fallback[single[a b] c]", "a=500", "a c."),
    ("fallback[fallback[single[a] b] fallback[c d]]", "a=500;b=500;c=500;d=500", "a b c d!"),
    (r#"fallback{"on_status_codes":[429]}[fallback[a b] c]"#, "a=429;b=500", "a b!"),
    (r#"fallback{"on_status_codes":[429]}[fallback[a b] c]"#, "a=500;b=429", "a b c."),
    (r#"fallback{"on_status_codes":[429]}[fallback[a b] c]"#, "a=500;b=skip", "a (b)!"),
    (r#"fallback{"on_status_codes":[429]}[fallback[a b] c]"#, "a=skip;b=skip", "(a) (b) c."),
    (r#"fallback[fallback{"on_status_codes":[429]}[a b] c]"#, "a=500", "a c."),
    (r#"fallback{"on_status_codes":[500]}[fallback{"on_status_codes":[429]}[a b] c]"#, "a=429;b=500", "a b c."),
    (r#"fallback{"on_status_codes":[500]}[fallback{"on_status_codes":[429]}[a b] c]"#, "a=401", "a!"),
    (r#"fallback{"retry":{"attempts":1}|}[fallback[a single[b]] c]"#, "a=500;b=500;c=500 ok", "a a b b c c."),
    // No answer at all (0), or none in time (1).
    ("fallback[a b]", "a=0", "a b."),
    ("loadbalance[a{\"weight\":1e9} b{\"weight\":1e-9}]", "a=1", "a b."),
    (r#"fallback{"on_status_codes":[500]}[a b]"#, "a=0", "a b."),
    (r#"fallback{"on_status_codes":[429]}[a b]"#, "a=0", "a!"),
    (r#"fallback{"on_status_codes":[408]}[a b]"#, "a=1", "a b."),
    (r#"fallback{"on_status_codes":[504]}[a b]"#, "a=1", "a b."),
    (r#"fallback{"on_status_codes":[500]}[a b]"#, "a=1", "a!"),
    (r#"a{"retry":{"attempts":1}}"#, "a=0 1", "a a!"),
    // All the time there is.
    (r#"fallback{"total_timeout":5000|}[a b c]"#, "a=500@3000;b=500@3000", "a b!"),
    (r#"fallback{"total_timeout":5000|}[a b c]"#, "a=500@3000;b=500@1999", "a b c."),
    (r#"fallback{"total_timeout":5000|}[a b c]"#, "a=500@5000", "a!"),
    (r#"fallback{"total_timeout":5000,"retry":{"attempts":1}|}[a b]"#, "a=429/4999 ok", "a a."),
    (r#"fallback{"total_timeout":5000,"retry":{"attempts":1}|}[a b]"#, "a=429/5000 ok", "a b."),
    (r#"fallback{"total_timeout":5000,"retry":{"attempts":1}|}[a b]"#, "a=429/3000@3000 ok", "a b."),
    (r#"a{"total_timeout":5000,"retry":{"attempts":3}}"#, "a=500@2500", "a a!"),
];

fn paid() -> World {
    World { facts: HashMap::from([("metadata.plan".to_owned(), "paid".to_owned())]), ..World::default() }
}

#[test]
fn each_scenario_goes_as_it_is_told() {
    for (short, script, wanted) in SCENARIOS {
        assert_eq!(told(&config(short), script, &paid()), *wanted, "{short} where {script}");
    }
}

const WATCHED: &str = r#"{"cb_config":{}}"#;

/// A config, the targets that are open with the seconds until when, the script, and what is tried.
const OPEN: &[(&str, &str, &str, &str)] = &[
    ("fallback?[a b]", "a=9", "", "b."),
    ("fallback?[a b]", "a=9", "b=500", "b!"),
    ("fallback?[a b c]", "b=9", "a=500", "a c."),
    ("fallback[a b]", "a=9", "", "a."),
    ("single?[a b]", "a=9", "", "a."),
    // The time is up.
    ("fallback?[a b]", "a=0", "", "a."),
    ("fallback?[a b]", "a=-5", "", "a."),
    // All are open: the one whose time is up first, and then the others.
    ("fallback?[a b c]", "a=9;b=3;c=5", "", "b."),
    ("fallback?[a b c]", "a=9;b=3;c=5", "a=500;b=500;c=500", "b c a!"),
    ("loadbalance?[a b c]", "a=9;b=3;c=5", "a=500;b=500;c=500", "b c a!"),
    // Inherited, and seen from above.
    ("fallback?[fallback[a b] c]", "a=9;b=9", "", "c."),
    ("fallback?[fallback[a b] c]", "a=9", "b=500", "b c."),
    ("fallback?[c fallback[a b]]", "a=9;b=9", "c=500", "c!"),
    ("fallback[fallback?[a b] c]", "a=9;b=9", "", "c."),
    ("fallback[fallback?[a b] c]", "a=9;b=5;c=1", "c=500", "c!"),
    ("fallback[single?[a b] c]", "a=9", "", "c."),
    ("fallback?[fallback[a b] fallback[c d]]", "a=9;b=8;c=7;d=6", "a=500;b=500;c=500;d=500", "d c b a!"),
    (r#"fallback?[loadbalance[a{"weight":0} b] c]"#, "b=9", "", "c."),
];

#[test]
fn what_is_open_is_left_alone_while_there_is_something_else() {
    for (short, open, script, wanted) in OPEN {
        let world = paid();
        for part in open.split(';') {
            let (name, seconds) = part.split_once('=').unwrap();
            let until = world.now().saturating_add_signed(seconds.parse::<i64>().unwrap() * 1_000);
            world.stands(name, Standing { open_until: Some(until), ..Standing::default() });
        }
        assert_eq!(told(&config(&short.replace('?', WATCHED)), script, &world), *wanted, "{short} with {open} open, where {script}");
    }
}

#[test]
fn a_target_that_opens_meanwhile_is_passed_over() {
    let world = paid();
    let config = config(&"fallback?[a b c]".replace('?', WATCHED));
    let mut plan = Plan::new(&config.root, &world);
    // Another request probes b while this one waits for a.
    world.stands("b", Standing { open_until: Some(world.now() + 9_000), ..Standing::default() });
    let step = plan.after(Outcome::Failed { status: 500, after_ms: None }, &world);
    assert!(matches!(step, Step::Try(node) if node.name.as_deref() == Some("c")));
}

#[test]
fn the_nearest_breaker_watches() {
    let inner = config(r#"fallback{"cb_config":{"failure_threshold":1}}[fallback{"cb_config":{"failure_threshold":2}}[a] b]"#);
    let world = paid();
    let mut plan = Plan::new(&inner.root, &world);
    assert_eq!(plan.breaker().map(|breaker| breaker.failures), Some(2));
    plan.after(Outcome::Failed { status: 500, after_ms: None }, &world);
    assert_eq!(plan.breaker().map(|breaker| breaker.failures), Some(1));
    assert!(!plan.has_more());
    assert_eq!(Plan::new(&config("fallback[a b]").root, &world).breaker(), None);
    assert!(Plan::new(&config("fallback[a b]").root, &world).has_more());
}

/// How often each of three targets comes first.
fn firsts(mode: &str, standings: [Standing; 3]) -> [usize; 3] {
    let config = config(&format!("{mode}[a b c]"));
    let world = World::default();
    let names = ["a", "b", "c"];
    names.iter().zip(standings).for_each(|(name, standing)| world.stands(name, standing));
    let mut counts = [0; 3];
    for _ in 0..10_000 {
        let first = Plan::new(&config.root, &world).leaf().unwrap().name.clone().unwrap();
        counts[names.iter().position(|name| *name == first).unwrap()] += 1;
    }
    counts
}

fn latency(ms: Option<f64>) -> Standing {
    Standing { latency_ms: ms, ..Standing::default() }
}

fn score(score: Option<f64>) -> Standing {
    Standing { score, ..Standing::default() }
}

#[test]
fn the_fastest_is_tried_first_but_for_a_look_around() {
    let [a, b, c] = firsts("latency", [latency(Some(900.0)), latency(Some(300.0)), latency(Some(600.0))]);
    assert!(b > 9_500 && (100..250).contains(&a) && (100..250).contains(&c), "{a} {b} {c}");
    let [a, b, c] = firsts("latency", [latency(Some(900.0)), latency(Some(300.0)), latency(None)]);
    assert!(c > 9_500 && a > 0 && b > 0, "what is new comes first: {a} {b} {c}");
    let [a, b, c] = firsts("latency", [latency(None); 3]);
    assert!([a, b, c].iter().all(|count| (3_000..3_700).contains(count)), "{a} {b} {c}");
}

#[test]
fn the_best_by_score_is_tried_first_and_what_nobody_judged_stands_between() {
    let [a, b, c] = firsts("quality", [score(Some(0.2)), score(Some(0.9)), score(None)]);
    assert!(b > 9_500 && a > 0 && c > 0, "{a} {b} {c}");
    let [a, b, c] = firsts("quality", [score(Some(0.2)), score(Some(0.3)), score(None)]);
    assert!(c > 9_500, "{a} {b} {c}");
}

#[test]
fn the_cheapest_is_tried_first_and_what_has_no_price_last() {
    let prices = [("a", 3), ("b", 1), ("c", 2), ("d", 0), ("e", 1)].map(|(name, pico)| (name.to_owned(), Money::from_pico(pico)));
    let world = World { costs: HashMap::from(prices), ..World::default() };
    for (short, wanted) in [
        ("cost[a b c]", "b c a!"),
        ("cost[x a y b]", "b a x y!"),
        // What costs the same stays as it stands.
        ("cost[a e b]", "e b a!"),
        // A branch is as cheap as the cheapest of it, and what is never asked does not count.
        ("cost[a fallback[c b]]", "c b a!"),
        ("cost[b single[c d]]", "b c!"),
        (r#"cost[b loadbalance[c d{"weight":0}]]"#, "b c!"),
        ("cost[fallback[x y] a]", "a x y!"),
    ] {
        assert_eq!(told(&config(short), "a=500;b=500;c=500;d=500;e=500;x=500;y=500", &world), wanted, "{short}");
    }
}

/// Why each target is tried, in turn, where all fail but the last.
fn whys(short: &str, world: &World) -> Vec<Option<String>> {
    let config = config(short);
    let mut plan = Plan::new(&config.root, world);
    let mut told = Vec::new();
    while plan.leaf().is_some() {
        told.push(plan.why(world));
        plan.after(Outcome::Failed { status: 500, after_ms: None }, world);
    }
    told
}

#[test]
fn a_choice_that_is_more_than_a_place_says_why() {
    let mut world = World { costs: HashMap::from([("a".to_owned(), Money::from_pico(1_500_000_000))]), ..World::default() };
    world.facts.insert("metadata.plan".to_owned(), "paid".to_owned());
    world.facts.insert("metadata._user".to_owned(), "u1".to_owned());
    world.stands("a", Standing { latency_ms: Some(900.4), score: Some(0.25), ..Standing::default() });
    let some = |text: &str| Some(text.to_owned());
    let conditions =
        r#"{"conditions":[{"query":{"metadata.plan":"free"},"then":"a"},{"query":{"metadata.plan":"paid"},"then":"b"}],"default":"a"}"#;
    let default = conditions.replace("paid", "other");
    for (short, wanted) in [
        ("a".to_owned(), vec![None]),
        ("fallback[a b]".to_owned(), vec![None, None]),
        (format!("conditional{conditions}[a b]"), vec![some("conditions[1]")]),
        (format!("conditional{default}[a b]"), vec![some("default")]),
        ("latency[a single[b]]".to_owned(), vec![some("speed not known yet"), some("900 ms to the first token")]),
        ("cost[b a]".to_owned(), vec![some("about 0.0015 USD"), some("no price is known")]),
        ("quality[a b]".to_owned(), vec![some("not judged yet"), some("score 0.25")]),
        (r#"loadbalance[a{"weight":0.7}]"#.to_owned(), vec![some("weight 0.7 of 0.7")]),
        (r#"loadbalance{"sticky":{}}[a]"#.to_owned(), vec![some("these callers stay here")]),
        (format!(r#"fallback[conditional{conditions}[a cost{{"name":"b"|}}[a]] c]"#), vec![some("conditions[1]; about 0.0015 USD"), None]),
    ] {
        // Now and then another comes first, to stay known.
        let told = (0..20).map(|_| whys(&short, &world)).find(|told| *told == wanted);
        assert!(told.is_some(), "{short}: {:?}", whys(&short, &world));
    }
    world.stands("b", Standing { latency_ms: Some(10.0), score: Some(0.9), ..Standing::default() });
    let explored = |short: &str| (0..400).map(|_| whys(short, &world)).find(|told| told[0].as_ref().unwrap().contains("stay known"));
    assert_eq!(explored("latency[a b]").unwrap()[0], some("900 ms to the first token, asked to stay known"));
    assert_eq!(explored("quality[a b]").unwrap()[0], some("score 0.25, asked to stay known"));
}
