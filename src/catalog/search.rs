//! Binary search over sorted lines of text, as they lie in the binary: nothing is read before it is asked for.
//!
//! A line is compared by its first bytes, without looking for where its words end: a space is less than anything in
//! them.

use std::cmp::Ordering;

use super::line;

/// The line of this model at this provider.
pub(super) fn find(text: &'static str, id: &str, provider: &str) -> Option<&'static str> {
    let at = first(text, |rest| after(rest, id).map_or_else(|order| order, |rest| after(rest, provider).err().unwrap_or(Ordering::Equal)));
    let found = first_line(text.get(at..)?);
    (line::key(found) == (id, provider)).then_some(found)
}

/// The lines of all models whose id begins so, in their order.
pub(super) fn beginning(text: &'static str, start: &str) -> impl Iterator<Item = &'static str> {
    let at = first(text, |rest| match rest.get(..start.len()) {
        Some(same) => same.cmp(start.as_bytes()),
        None => rest.cmp(start.as_bytes()),
    });
    text.get(at..).unwrap_or_default().lines().take_while(move |line| line.starts_with(start))
}

/// What follows `word` and a space; else how what is there compares to it.
fn after<'t>(text: &'t [u8], word: &str) -> Result<&'t [u8], Ordering> {
    let Some((same, rest)) = text.split_at_checked(word.len()) else { return Err(text.cmp(word.as_bytes())) };
    match same.cmp(word.as_bytes()) {
        Ordering::Equal => rest.strip_prefix(b" ").ok_or(Ordering::Greater),
        other => Err(other),
    }
}

/// Where the first line begins that is not less; `order` sees the text from a line's beginning on.
fn first(text: &str, order: impl Fn(&[u8]) -> Ordering) -> usize {
    let text = text.as_bytes();
    // All lines that begin before `low` are less, none that begins at `high` or after it is.
    let (mut low, mut high) = (0_usize, text.len());
    while low < high {
        let middle = low.midpoint(high);
        let begin = text.get(..middle).and_then(|before| before.iter().rposition(is_break)).map_or(0, |at| at.saturating_add(1));
        if begin < low {
            let rest = text.get(middle..).unwrap_or_default();
            low = middle.saturating_add(rest.iter().position(is_break).unwrap_or(rest.len())).saturating_add(1);
        } else if order(text.get(begin..).unwrap_or_default()) == Ordering::Less {
            low = middle.saturating_add(1);
        } else {
            high = begin;
        }
    }
    high
}

fn is_break(byte: &u8) -> bool {
    *byte == b'\n'
}

fn first_line(text: &str) -> &str {
    text.split_once('\n').map_or(text, |(line, _)| line)
}
