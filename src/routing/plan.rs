//! What to try next. A plan walks through a config's targets as their strategies say: it is told how each try came
//! out, and says whether to wait, to try another, or to give up.

use std::collections::VecDeque;

use super::backoff;
use super::condition::Fact;
use super::config::{Branch, Breaker, Mode, Node};
use super::explain::{self, Choice};
use super::order::{ordered, standing};
use crate::catalog::Money;

/// What a plan asks of the world.
pub trait View {
    fn now(&self) -> u64;

    fn random(&self) -> u64;

    /// A field of the request, as conditions name them.
    fn fact(&self, field: &str) -> Option<Fact>;

    /// Whoever calls, by the key that it shows.
    fn caller(&self) -> String;

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

/// In place of a status: no answer came, because it could not be reached, or not in time; or the request was too long
/// for this model, which it need not be for others.
pub const UNREACHABLE: u16 = 0;
pub const TIMED_OUT: u16 = 1;
pub const TOO_LONG: u16 = 2;

/// Whether a list of statuses means this one.
pub fn lists(codes: &[u16], status: u16) -> bool {
    match status {
        UNREACHABLE => codes.iter().any(|code| *code >= 500),
        TIMED_OUT => codes.contains(&408) || codes.contains(&504),
        TOO_LONG => codes.contains(&400) || codes.contains(&413),
        _ => codes.contains(&status),
    }
}

/// Whether a failure with this status says that the target is not well: where nobody says otherwise, that it cannot
/// serve now, whoever asks. What is wrong with a request, or with the key that it came with, says nothing of it.
pub fn counts(breaker: Option<&Breaker>, status: u16) -> bool {
    match breaker.and_then(|breaker| breaker.statuses.as_deref()) {
        Some(codes) => lists(codes, status),
        None => status >= 500 || matches!(status, 429 | UNREACHABLE | TIMED_OUT),
    }
}

#[derive(Debug)]
pub struct Plan<'c> {
    /// The branches that lead to the target at hand, the root first.
    way: Vec<Fork<'c>>,
    leaf: Option<&'c Node>,
    repeats: u32,
    /// How long the target at hand has been waited for.
    waited_ms: u64,
    deadline: Option<u64>,
}

#[derive(Debug)]
struct Fork<'c> {
    branch: &'c Branch,
    breaker: Option<&'c Breaker>,
    /// Whether a breaker watches here or below.
    watched: bool,
    /// Which of its targets is at hand.
    at: Option<&'c Node>,
    /// What is left to try, the next first.
    left: VecDeque<&'c Node>,
    /// Whether one was chosen that was not to be left alone.
    chosen: bool,
    /// How the last came out that was asked.
    outcome: Outcome,
}

impl<'c> Plan<'c> {
    /// A plan, ready at its first target. There is none if no condition holds.
    pub fn new(root: &'c Node, view: &impl View) -> Self {
        let deadline = root.terms.total_timeout_ms.map(|ms| view.now().saturating_add(ms));
        let mut plan = Self { way: Vec::new(), leaf: None, repeats: 0, waited_ms: 0, deadline };
        plan.descend(root, view);
        if plan.leaf.is_none() {
            plan.climb(Outcome::Skipped, view);
        }
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

    /// Why they chose it, the outermost first, where that is not its place alone.
    pub fn why(&self, view: &impl View) -> Option<String> {
        let reasons: Vec<String> =
            self.way.iter().filter_map(|fork| explain::reason(fork.branch, fork.breaker, fork.at?, &fork.left, view)).collect();
        (!reasons.is_empty()).then(|| reasons.join("; "))
    }

    /// What the strategies on the way to the target at hand chose among, the outermost first.
    pub fn choices(&self, view: &impl View) -> Vec<Choice<'c>> {
        self.way.iter().map(|fork| explain::choice(fork.branch, fork.breaker, view)).collect()
    }

    /// Whether what fails now may be tried again, there or elsewhere.
    pub fn may_go_on(&self) -> bool {
        self.has_more() || self.leaf.and_then(|leaf| leaf.terms.retry.as_ref()).is_some_and(|retry| self.repeats < retry.attempts)
    }

    /// Whether the config gives the request more than one try, or keeps in mind how the target at hand does. Then it is
    /// seen to that an answer has begun before the caller hears of it.
    pub fn is_guarded(&self) -> bool {
        let several = self.way.iter().any(|fork| fork.branch.targets.len() > 1);
        let retries = || self.leaf.and_then(|leaf| leaf.terms.retry.as_ref()).is_some_and(|retry| retry.attempts > 0);
        several || self.is_watched() || retries()
    }

    /// Whether it matters to any strategy on the way how the target at hand does.
    pub fn is_watched(&self) -> bool {
        self.way.iter().any(|fork| fork.branch.breaker.is_some() || matches!(fork.branch.mode, Mode::Latency | Mode::Quality))
    }

    /// Whether a strategy on the way goes by what callers thought of answers.
    pub fn is_judged(&self) -> bool {
        self.way.iter().any(|fork| fork.branch.mode == Mode::Quality)
    }

    /// The breaker that watches the target at hand.
    pub fn breaker(&self) -> Option<&'c Breaker> {
        self.way.last().and_then(|fork| fork.breaker)
    }

    pub fn after(&mut self, outcome: Outcome, view: &impl View) -> Step<'c> {
        if let Some(ms) = self.pause(outcome, view)
            && let Some(then) = self.leaf
        {
            self.repeats += 1;
            self.waited_ms = self.waited_ms.saturating_add(ms);
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
        let ms = backoff::pause(retry, self.repeats, self.waited_ms, after_ms, view.random())?;
        let in_time = self.deadline.is_none_or(|deadline| view.now().saturating_add(ms) < deadline);
        in_time.then_some(ms)
    }

    /// To the next target that a strategy on the way has left, the innermost first.
    fn climb(&mut self, mut outcome: Outcome, view: &impl View) {
        self.leaf = None;
        while let Some(fork) = self.way.last_mut() {
            // A branch came out as the last of it that was asked.
            match outcome {
                Outcome::Skipped => outcome = fork.outcome,
                Outcome::Failed { .. } => fork.outcome = outcome,
            }
            let next = if fork.branch.moves_on(outcome) { fork.next(view) } else { None };
            let Some(next) = next else {
                self.way.pop();
                continue;
            };
            self.descend(next, view);
            if self.leaf.is_some() {
                return;
            }
            outcome = Outcome::Skipped;
        }
    }

    /// Down to the first target of a node, if its conditions lead to one.
    fn descend(&mut self, mut node: &'c Node, view: &impl View) {
        (self.repeats, self.waited_ms) = (0, 0);
        while let Some(branch) = &node.branch {
            let mut fork = Fork::new(branch, self.breaker(), view);
            let first = fork.next(view);
            self.way.push(fork);
            match first {
                Some(first) => node = first,
                None => return,
            }
        }
        self.leaf = Some(node);
    }
}

impl<'c> Fork<'c> {
    fn new(branch: &'c Branch, above: Option<&'c Breaker>, view: &impl View) -> Self {
        let breaker = branch.breaker.as_ref().or(above);
        let left = ordered(branch, breaker, view).into_iter().filter_map(|at| branch.targets.get(at)).collect();
        let watched = breaker.is_some() || branch.targets.iter().any(is_watched);
        Self { branch, breaker, watched, at: None, left, chosen: false, outcome: Outcome::Skipped }
    }

    fn next(&mut self, view: &impl View) -> Option<&'c Node> {
        self.at = self.drawn(view);
        self.at
    }

    /// The next that is not to be left alone now. If that was none of them, the one whose time is up first.
    fn drawn(&mut self, view: &impl View) -> Option<&'c Node> {
        if !self.watched {
            return self.left.pop_front();
        }
        let (breaker, now) = (self.breaker, view.now());
        let open = |node: &Node| standing(node, breaker, view).open_until.filter(|until| *until > now);
        if let Some(at) = self.left.iter().position(|node| open(node).is_none()) {
            self.chosen = true;
            return self.left.drain(..=at).next_back();
        }
        if self.chosen {
            self.left.clear();
        }
        let soonest = self.left.iter().enumerate().min_by_key(|(_, node)| open(node)).map(|(at, _)| at)?;
        self.left.remove(soonest)
    }
}

/// Whether a breaker watches something below.
fn is_watched(node: &Node) -> bool {
    node.branch.as_ref().is_some_and(|branch| branch.breaker.is_some() || branch.targets.iter().any(is_watched))
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
