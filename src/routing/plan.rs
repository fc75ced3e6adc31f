//! What to try next. A plan walks through a config's targets as their strategies say: it is told how each try came
//! out, and says whether to wait, to try another, or to give up.

use super::backoff;
use super::condition::Fact;
use super::config::{Branch, Breaker, Mode, Node, Sticky};
use super::pick;
use crate::catalog::Money;

/// What a plan asks of the world.
pub trait View {
    fn now(&self) -> u64;

    fn random(&self) -> u64;

    /// A field of the request, as conditions name them.
    fn fact(&self, field: &str) -> Option<Fact>;

    /// What is known of a target that is to be asked itself.
    fn standing(&self, leaf: &Node, breaker: Option<&Breaker>) -> Standing;

    /// What this request would cost at such a target.
    fn cost(&self, leaf: &Node) -> Option<Money>;
}

/// How a target stands.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Standing {
    /// It failed so often that it is left alone until then.
    pub open_until: Option<u64>,
    /// To the first token.
    pub latency_ms: Option<f64>,
    /// What callers thought of its answers.
    pub score: Option<f64>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Step<'c> {
    Try(&'c Node),
    /// Ask the same target again after a pause.
    Wait {
        ms: u64,
        then: &'c Node,
    },
    GiveUp,
}

/// How a try came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was not asked: it could not have served the request.
    Skipped,
    /// It failed with this status (or one of those below), and asked to be left alone for so long.
    Failed { status: u16, after_ms: Option<u64> },
}

/// In place of a status: no answer came, because it could not be reached, or not in time.
pub const UNREACHABLE: u16 = 0;
pub const TIMED_OUT: u16 = 1;

/// Whether a list of statuses means this one.
pub fn lists(codes: &[u16], status: u16) -> bool {
    match status {
        UNREACHABLE => codes.iter().any(|code| *code >= 500),
        TIMED_OUT => codes.contains(&408) || codes.contains(&504),
        _ => codes.contains(&status),
    }
}

/// How often another is tried first where the best by experience is wanted, so that experience stays fresh.
const EXPLORED: f64 = 0.05;

#[derive(Debug)]
pub struct Plan<'c> {
    /// The branches that lead to the target at hand, the root first.
    way: Vec<Fork<'c>>,
    leaf: Option<&'c Node>,
    repeats: u32,
    deadline: Option<u64>,
}

#[derive(Debug)]
struct Fork<'c> {
    branch: &'c Branch,
    /// What is left to try, the next at the end.
    left: Vec<&'c Node>,
}

impl<'c> Plan<'c> {
    /// A plan, ready at its first target. There is none where no condition holds.
    pub fn new(root: &'c Node, view: &impl View) -> Self {
        let deadline = root.terms.total_timeout_ms.map(|ms| view.now().saturating_add(ms));
        let mut plan = Self { way: Vec::new(), leaf: None, repeats: 0, deadline };
        plan.descend(root, view);
        plan
    }

    /// The target at hand.
    pub fn leaf(&self) -> Option<&'c Node> {
        self.leaf
    }

    /// Until when all has to be done.
    pub fn deadline(&self) -> Option<u64> {
        self.deadline
    }

    /// Whether there is another target after this one, whatever comes.
    pub fn has_more(&self) -> bool {
        self.way.iter().any(|fork| !fork.left.is_empty())
    }

    /// Tries of the target at hand after its first.
    pub fn repeats(&self) -> u32 {
        self.repeats
    }

    /// The strategy that chose the target at hand.
    pub fn chosen_by(&self) -> &'static str {
        self.way.last().map_or("single", |fork| fork.branch.mode.word())
    }

    /// Whether what fails now may be tried again, there or elsewhere.
    pub fn may_go_on(&self) -> bool {
        self.has_more() || self.leaf.and_then(|leaf| leaf.terms.retry.as_ref()).is_some_and(|retry| self.repeats < retry.attempts)
    }

    /// Whether it matters to any strategy on the way how the target at hand does.
    pub fn is_watched(&self) -> bool {
        self.way.iter().any(|fork| fork.branch.breaker.is_some() || matches!(fork.branch.mode, Mode::Latency | Mode::Quality))
    }

    /// The breaker that watches the target at hand.
    pub fn breaker(&self) -> Option<&'c Breaker> {
        self.way.iter().rev().find_map(|fork| fork.branch.breaker.as_ref())
    }

    pub fn after(&mut self, outcome: Outcome, view: &impl View) -> Step<'c> {
        if let Some(ms) = self.pause(outcome, view)
            && let Some(then) = self.leaf
        {
            self.repeats += 1;
            return Step::Wait { ms, then };
        }
        if self.deadline.is_some_and(|deadline| view.now() >= deadline) {
            self.leaf = None;
            return Step::GiveUp;
        }
        self.climb(outcome, view);
        self.leaf.map_or(Step::GiveUp, Step::Try)
    }

    /// The pause before the same target is asked again, if it is to be.
    fn pause(&self, outcome: Outcome, view: &impl View) -> Option<u64> {
        let Outcome::Failed { status, after_ms } = outcome else { return None };
        let retry = self.leaf?.terms.retry.as_ref()?;
        if self.repeats >= retry.attempts || !lists(&retry.on_status_codes, status) {
            return None;
        }
        let ms = backoff::pause(retry, self.repeats, after_ms, view.random())?;
        let in_time = self.deadline.is_none_or(|deadline| view.now().saturating_add(ms) < deadline);
        in_time.then_some(ms)
    }

    /// To the next target that a strategy on the way has left, the innermost first.
    fn climb(&mut self, outcome: Outcome, view: &impl View) {
        self.leaf = None;
        while let Some(fork) = self.way.last_mut() {
            if fork.branch.moves_on(outcome)
                && let Some(next) = fork.left.pop()
            {
                self.descend(next, view);
                if self.leaf.is_some() {
                    return;
                }
                continue;
            }
            self.way.pop();
        }
    }

    /// Down to the first target of a node.
    fn descend(&mut self, mut node: &'c Node, view: &impl View) {
        self.repeats = 0;
        loop {
            let Some(branch) = &node.branch else {
                self.leaf = Some(node);
                return;
            };
            let breaker = branch.breaker.as_ref().or_else(|| self.breaker());
            let mut left = ordered(branch, breaker, view);
            left.reverse();
            let first = left.pop();
            self.way.push(Fork { branch, left });
            match first {
                Some(first) => node = first,
                None => return,
            }
        }
    }
}

impl Branch {
    /// Whether the next target is tried after such an outcome of one.
    fn moves_on(&self, outcome: Outcome) -> bool {
        let Outcome::Failed { status, .. } = outcome else {
            return !matches!(self.mode, Mode::Single | Mode::Conditional { .. });
        };
        match (&self.mode, &self.on_status_codes) {
            (Mode::Single | Mode::Conditional { .. }, _) => false,
            (_, Some(codes)) => lists(codes, status),
            (Mode::Fallback, None) => true,
            // The same request would be wrong everywhere.
            (_, None) => !matches!(status, 400 | 413 | 422),
        }
    }
}

/// The targets of a branch in the order in which they are tried.
fn ordered<'c>(branch: &'c Branch, breaker: Option<&Breaker>, view: &impl View) -> Vec<&'c Node> {
    let targets = &branch.targets;
    let order: Vec<usize> = match &branch.mode {
        Mode::Single => vec![0],
        Mode::Fallback => (0..targets.len()).collect(),
        Mode::Conditional { rules, default } => {
            let fact = |field: &str| view.fact(field);
            let held = rules.iter().find(|(condition, _)| condition.holds(&fact)).map(|(_, place)| *place);
            held.or(*default).into_iter().collect()
        }
        Mode::Loadbalance => balanced(branch, view),
        Mode::Latency => best(targets, view, |node| standing(node, breaker, view).latency_ms),
        Mode::Quality => best(targets, view, |node| standing(node, breaker, view).score.map(|score| -score)),
        Mode::Cost => {
            // What has no price comes last: it may be anything.
            let mut order: Vec<usize> = (0..targets.len()).collect();
            order.sort_by_key(|at| {
                let cost = targets.get(*at).and_then(|node| cheapest(node, view));
                (cost.is_none(), cost)
            });
            order
        }
    };
    let mut nodes: Vec<&Node> = order.into_iter().filter_map(|at| targets.get(at)).collect();
    if breaker.is_some() && nodes.len() > 1 {
        nodes = closed_first(nodes, breaker, view);
    }
    nodes
}

/// Without those that are left alone for now; if that is all of them, the one whose time is up first goes first.
fn closed_first<'c>(nodes: Vec<&'c Node>, breaker: Option<&Breaker>, view: &impl View) -> Vec<&'c Node> {
    let open = |node: &&Node| standing(node, breaker, view).open_until.filter(|until| *until > view.now());
    if nodes.iter().any(|node| open(node).is_none()) {
        return nodes.into_iter().filter(|node| open(node).is_none()).collect();
    }
    let mut nodes = nodes;
    nodes.sort_by_key(|node| open(node));
    nodes
}

fn balanced(branch: &Branch, view: &impl View) -> Vec<usize> {
    let weights: Vec<f64> = branch.targets.iter().map(|target| target.weight).collect();
    if let Some(key) = branch.sticky.as_ref().and_then(|sticky| sticky.key(view)) {
        let names: Vec<&str> = branch.targets.iter().map(|target| target.name.as_deref().unwrap_or(&target.path)).collect();
        return pick::sticky(&weights, &names, &key);
    }
    pick::weighted(&weights, || view.random())
}

/// The lowest first; those of which nothing is known before all, and now and then any.
fn best(targets: &[Node], view: &impl View, figure: impl Fn(&Node) -> Option<f64>) -> Vec<usize> {
    let figure = |at: &usize| targets.get(*at).and_then(&figure).unwrap_or(f64::NEG_INFINITY);
    // Among equals by chance, so that the first does not get all that is new.
    let drawn = pick::weighted(&vec![1.0; targets.len()], || view.random());
    let explored = (pick::unit(view.random()) < EXPLORED).then(|| drawn.first().copied()).flatten();
    let mut order = sorted(drawn, figure);
    if let Some(at) = explored {
        order.retain(|other| *other != at);
        order.insert(0, at);
    }
    order
}

fn sorted(mut order: Vec<usize>, figure: impl Fn(&usize) -> f64) -> Vec<usize> {
    order.sort_by(|left, right| figure(left).total_cmp(&figure(right)));
    order
}

/// How a node stands: a branch as the best of its targets.
fn standing(node: &Node, breaker: Option<&Breaker>, view: &impl View) -> Standing {
    let Some(branch) = &node.branch else { return view.standing(node, breaker) };
    let breaker = branch.breaker.as_ref().or(breaker);
    let all: Vec<Standing> = branch.targets.iter().map(|target| standing(target, breaker, view)).collect();
    let least = |figure: fn(&Standing) -> Option<f64>| all.iter().filter_map(figure).min_by(f64::total_cmp);
    let open = all.iter().map(|standing| standing.open_until).min().flatten();
    Standing {
        open_until: open,
        latency_ms: least(|standing| standing.latency_ms),
        score: least(|standing| standing.score.map(|score| -score)).map(|score| -score),
    }
}

/// What the request would cost at a node: a branch is as cheap as its cheapest.
fn cheapest(node: &Node, view: &impl View) -> Option<Money> {
    let Some(branch) = &node.branch else { return view.cost(node) };
    branch.targets.iter().filter_map(|target| cheapest(target, view)).min()
}

impl Sticky {
    /// What these callers have in common; nothing where a request has none of the fields.
    fn key(&self, view: &impl View) -> Option<String> {
        let parts: Vec<Option<Fact>> = self.hash_fields.iter().map(|field| view.fact(field)).collect();
        parts.iter().any(Option::is_some).then(|| format!("{parts:?}"))
    }
}
