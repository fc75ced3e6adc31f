//! Binary search over sorted lines of text, as they lie in the binary: nothing is read before it is asked for.

use std::cmp::Ordering;

use super::line;

/// The line of this model at this provider.
pub(super) fn find(text: &'static str, id: &str, provider: &str) -> Option<&'static str> {
    let found = first_line(text.get(first(text, |line| line::key(line).cmp(&(id, provider)))..)?);
    (line::key(found) == (id, provider)).then_some(found)
}

/// The lines of all models whose id begins so, in their order.
pub(super) fn beginning(text: &'static str, start: &str) -> impl Iterator<Item = &'static str> {
    let at = first(text, |line| line::key(line).0.cmp(start));
    text.get(at..).unwrap_or_default().lines().take_while(move |line| line.starts_with(start))
}

/// Where the first line begins that is not less.
fn first(text: &str, order: impl Fn(&str) -> Ordering) -> usize {
    let (mut low, mut high) = (0, text.len());
    while low < high {
        let middle = low.midpoint(high);
        let begin = text.get(low..middle).and_then(|before| before.rfind('\n')).map_or(low, |at| low.saturating_add(at).saturating_add(1));
        let line = first_line(text.get(begin..).unwrap_or_default());
        if order(line) == Ordering::Less {
            low = begin.saturating_add(line.len()).saturating_add(1).min(high);
        } else {
            high = begin;
        }
    }
    low
}

fn first_line(text: &str) -> &str {
    text.split_once('\n').map_or(text, |(line, _)| line)
}
