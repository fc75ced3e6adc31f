//! What a plan has chosen among, for people who want to know why.

use serde::Serialize;

use super::config::{Branch, Breaker, Mode, Node};
use super::order::{held, is_sticky, standing};
use super::plan::View;
use crate::catalog::Money;
use crate::time;

/// One strategy on the way to a target.
#[derive(Serialize)]
pub struct Choice<'c> {
    strategy: &'static str,
    /// The same callers come to the same target.
    sticky: bool,
    /// The condition that held, by its place among the conditions; `default` where none did.
    #[serde(skip_serializing_if = "Option::is_none")]
    condition: Option<String>,
    targets: Vec<Candidate<'c>>,
}

/// One of those that it chose among.
#[derive(Serialize)]
struct Candidate<'c> {
    target: &'c str,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'c str>,
    /// Of how many requests it is the first, of all that are shared out by weight.
    #[serde(skip_serializing_if = "Option::is_none")]
    share: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    latency_ms: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    score: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cost: Option<Money>,
    #[serde(skip_serializing_if = "Option::is_none")]
    passed_over: Option<String>,
}

pub(super) fn choice<'c>(branch: &'c Branch, breaker: Option<&Breaker>, view: &impl View) -> Choice<'c> {
    let held = held(branch, view);
    let condition = match (&branch.mode, held) {
        (Mode::Conditional { .. }, Some((Some(at), _))) => Some(format!("conditions[{at}]")),
        (Mode::Conditional { .. }, Some((None, _))) => Some("default".to_owned()),
        _ => None,
    };
    let total: f64 = branch.targets.iter().map(|target| target.weight).sum();
    let candidate = |(at, node): (usize, &'c Node)| {
        let known = standing(node, breaker, view);
        let shared = branch.mode == Mode::Loadbalance;
        let until = known.open_until.filter(|until| *until > view.now());
        let passed_over = match &branch.mode {
            Mode::Loadbalance if node.weight <= 0.0 => Some("Its weight is 0.".to_owned()),
            Mode::Conditional { .. } if held.is_none_or(|(_, place)| place != at) => Some("Its conditions do not hold.".to_owned()),
            _ => until.map(|until| format!("It failed so often that it is left alone until {}.", time::rfc3339(until.div_ceil(1_000)))),
        };
        Candidate {
            target: &node.path,
            name: node.name.as_deref(),
            share: shared.then_some(node.weight / total),
            latency_ms: known.latency_ms,
            score: known.score,
            cost: if branch.mode == Mode::Cost && node.branch.is_none() { view.cost(node) } else { None },
            passed_over,
        }
    };
    let targets = branch.targets.iter().enumerate().map(candidate).collect();
    Choice { strategy: branch.mode.word(), sticky: is_sticky(branch, view), condition, targets }
}
