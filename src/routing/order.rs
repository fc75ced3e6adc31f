//! In which order a strategy tries its targets, and how they stand.

use super::condition::Fact;
use super::config::{Branch, Breaker, Mode, Node, Sticky};
use super::pick;
use super::plan::{Standing, View};
use crate::catalog::Money;
use crate::order;

/// How often another is tried first where the best by experience is wanted, so that experience stays fresh.
const EXPLORED: f64 = 0.05;
/// The score of what nobody has judged.
const UNDECIDED: f64 = 0.5;

/// The numbers of a branch's targets in the order in which they are tried.
pub(super) fn ordered(branch: &Branch, breaker: Option<&Breaker>, view: &impl View) -> Vec<usize> {
    let able = able(branch, view);
    let standing = |at: usize| branch.targets.get(at).map(|node| standing(node, breaker, view)).unwrap_or_default();
    match branch.mode {
        Mode::Single | Mode::Fallback | Mode::Conditional { .. } => able,
        Mode::Loadbalance => balanced(branch, view),
        // What is new comes first, to be known.
        Mode::Latency => best(able, view, |at| standing(at).latency_ms.unwrap_or(f64::NEG_INFINITY)),
        // Few callers judge: what is new must not wait for them with all the calls.
        Mode::Quality => best(able, view, |at| -standing(at).score.unwrap_or(UNDECIDED)),
        // What has no price comes last: it may be anything.
        Mode::Cost => sorted(able, |at| {
            let cost = branch.targets.get(at).and_then(|node| cheapest(node, view));
            (cost.is_none(), cost)
        }),
    }
}

/// Those that may be tried at all, in the order in which they stand.
fn able(branch: &Branch, view: &impl View) -> Vec<usize> {
    let targets = branch.targets.iter().enumerate();
    match &branch.mode {
        Mode::Single => vec![0],
        Mode::Conditional { .. } => held(branch, view).map(|(_, place)| place).into_iter().collect(),
        Mode::Loadbalance => targets.filter(|(_, target)| target.weight > 0.0).map(|(at, _)| at).collect(),
        Mode::Fallback | Mode::Latency | Mode::Cost | Mode::Quality => targets.map(|(at, _)| at).collect(),
    }
}

/// Where a branch has conditions: which is the first that holds, none of them where it is the default, and the number
/// of the target that it leads to.
pub(super) fn held(branch: &Branch, view: &impl View) -> Option<(Option<usize>, usize)> {
    let Mode::Conditional { rules, default } = &branch.mode else { return None };
    let fact = |field: &str| view.fact(field);
    let held = rules.iter().enumerate().find(|(_, (condition, _))| condition.holds(&fact));
    held.map(|(at, (_, place))| (Some(at), *place)).or(default.map(|place| (None, place)))
}

/// Whether chance has no say, because these callers stay where they are.
pub(super) fn is_sticky(branch: &Branch, view: &impl View) -> bool {
    branch.mode == Mode::Loadbalance && branch.sticky.as_ref().is_some_and(|sticky| sticky.key(view).is_some())
}

fn balanced(branch: &Branch, view: &impl View) -> Vec<usize> {
    let weights: Vec<f64> = branch.targets.iter().map(|target| target.weight).collect();
    match branch.sticky.as_ref().and_then(|sticky| sticky.key(view)) {
        Some(key) => pick::sticky(&weights, &identities(&branch.targets), &key),
        None => pick::weighted(&weights, || view.random()),
    }
}

/// What tells targets apart wherever they stand, so that callers stay with theirs when another comes or goes.
fn identities(targets: &[Node]) -> Vec<String> {
    let mut known: Vec<String> = Vec::with_capacity(targets.len());
    for identity in targets.iter().map(identity) {
        let twins = known.iter().filter(|other| **other == identity).count();
        known.push(if twins > 0 { format!("{identity} {twins}") } else { identity });
    }
    known
}

fn identity(node: &Node) -> String {
    if let Some(name) = &node.name {
        return name.clone();
    }
    let terms = &node.terms;
    let asked = (terms.provider, &terms.credential, &terms.api_key, &terms.custom_host, &terms.settings, &terms.override_params);
    match &node.branch {
        Some(branch) => format!("{:?}", identities(&branch.targets)),
        None => format!("{asked:?}"),
    }
}

/// The lowest first, and now and then any.
fn best(mut able: Vec<usize>, view: &impl View, figure: impl Fn(usize) -> f64) -> Vec<usize> {
    // Among equals by chance, so that the first does not get all that is new.
    able = pick::weighted(&vec![1.0; able.len()], || view.random()).into_iter().filter_map(|at| able.get(at).copied()).collect();
    let explored = able.first().copied().filter(|_| pick::unit(view.random()) < EXPLORED);
    let mut order = sorted(able, figure);
    if let Some(at) = explored {
        order.retain(|other| *other != at);
        order.insert(0, at);
    }
    order
}

fn sorted<F: PartialOrd>(able: Vec<usize>, figure: impl Fn(usize) -> F) -> Vec<usize> {
    let mut known: Vec<(F, usize)> = able.into_iter().map(|at| (figure(at), at)).collect();
    order::sort(&mut known, |left, right| left.0 < right.0);
    known.into_iter().map(|(_, at)| at).collect()
}

/// How a node stands: a branch as the best of those that it may try.
pub(super) fn standing(node: &Node, breaker: Option<&Breaker>, view: &impl View) -> Standing {
    let Some(branch) = &node.branch else { return view.standing(node, breaker) };
    let breaker = branch.breaker.as_ref().or(breaker);
    let targets = able(branch, view).into_iter().filter_map(|at| branch.targets.get(at));
    let all: Vec<Standing> = targets.map(|target| standing(target, breaker, view)).collect();
    let least = |figure: fn(&Standing) -> Option<f64>| all.iter().filter_map(figure).min_by(f64::total_cmp);
    Standing {
        open_until: all.iter().map(|standing| standing.open_until).min().flatten(),
        latency_ms: least(|standing| standing.latency_ms),
        score: least(|standing| standing.score.map(|score| -score)).map(|score| -score),
    }
}

/// What the request would cost at a node: a branch is as cheap as the cheapest of those that it may try.
pub(super) fn cheapest(node: &Node, view: &impl View) -> Option<Money> {
    let Some(branch) = &node.branch else { return view.cost(node) };
    able(branch, view).into_iter().filter_map(|at| cheapest(branch.targets.get(at)?, view)).min()
}

impl Sticky {
    /// What these callers have in common; nothing where a request has none of the fields.
    fn key(&self, view: &impl View) -> Option<String> {
        let shared = if self.hash_fields.is_empty() { Some(user(view)) } else { self.shared(view) };
        shared.map(|shared| match self.ttl_s {
            Some(ttl_s) => format!("{shared} {}", window(&shared, ttl_s, view.now())),
            None => shared,
        })
    }

    fn shared(&self, view: &impl View) -> Option<String> {
        let parts: Vec<Option<Fact>> = self.hash_fields.iter().map(|field| view.fact(field)).collect();
        parts.iter().any(Option::is_some).then(|| format!("{parts:?}"))
    }
}

fn user(view: &impl View) -> String {
    let user = view.fact("metadata._user");
    user.map_or_else(|| format!("caller {}", view.caller()), |user| format!("user {user:?}"))
}

/// The number of the time in which these callers stay where they are. Not all of them leave at once.
fn window(shared: &str, ttl_s: u64, now: u64) -> u64 {
    let ttl_ms = ttl_s.saturating_mul(1_000).max(1);
    now.saturating_add(pick::hash(&[shared]) % ttl_ms) / ttl_ms
}
