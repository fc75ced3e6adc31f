//! What a plan has chosen among, and why, for people who want to know.

use std::collections::VecDeque;

use serde::Serialize;

use super::config::{Branch, Breaker, Mode, Node};
use super::order::{cheapest, held, is_sticky, standing};
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
    let total = total(branch);
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
    Choice { strategy: branch.mode.word(), sticky: is_sticky(branch, view), condition: condition(branch, view), targets }
}

fn total(branch: &Branch) -> f64 {
    branch.targets.iter().map(|target| target.weight).sum()
}

/// The condition that held.
fn condition(branch: &Branch, view: &impl View) -> Option<String> {
    held(branch, view).map(|(at, _)| at.map_or_else(|| "default".to_owned(), |at| format!("conditions[{at}]")))
}

/// Why one of a branch's targets comes before those that are left. Those of a fallback come in their order.
pub(super) fn reason(branch: &Branch, breaker: Option<&Breaker>, node: &Node, left: &VecDeque<&Node>, view: &impl View) -> Option<String> {
    let figure = |node: &Node| match branch.mode {
        Mode::Latency => standing(node, breaker, view).latency_ms,
        _ => standing(node, breaker, view).score.map(|score| -score),
    };
    // Now and then another than the best is asked, so that it stays known.
    let explored = || left.iter().any(|other| figure(other) < figure(node) && figure(other).is_some());
    let by_experience = |known: Option<String>, unknown: &str| match known {
        Some(known) if explored() => format!("{known}, asked to stay known"),
        Some(known) => known,
        None => unknown.to_owned(),
    };
    Some(match &branch.mode {
        Mode::Single | Mode::Fallback => return None,
        Mode::Conditional { .. } => condition(branch, view)?,
        Mode::Loadbalance if is_sticky(branch, view) => "these callers stay here".to_owned(),
        Mode::Loadbalance => format!("weight {} of {}", node.weight, total(branch)),
        Mode::Latency => by_experience(figure(node).map(|ms| format!("{ms:.0} ms to the first token")), "speed not known yet"),
        Mode::Quality => by_experience(figure(node).map(|score| format!("score {:.2}", -score)), "not judged yet"),
        Mode::Cost => cheapest(node, view).map_or_else(|| "no price is known".to_owned(), |usd| format!("about {usd} USD")),
    })
}
