//! Binary search over sorted lines of text, as they lie in the binary: nothing is read before it is asked for.
//!
//! Where the first line of each block begins is reckoned when the program is compiled, so that no step of the search
//! has to look for the beginning of a line; the few lines of the block that is left are gone through one by one. A line
//! is compared by its first bytes, without looking for where its words end: a space is less than anything in them.

use std::cmp::Ordering;

use super::line;

/// Bytes of a block.
const BLOCK: usize = 256;

pub(super) struct Text {
    pub lines: &'static str,
    /// For each block, how far after its beginning the first line begins that does not begin before it.
    pub starts: &'static [u16],
}

/// How many blocks a text has.
pub(super) const fn blocks(text: &str) -> usize {
    text.len().div_ceil(BLOCK)
}

/// The [`Text::starts`] of a text.
pub(super) const fn starts<const BLOCKS: usize>(text: &str) -> [u16; BLOCKS] {
    let mut starts = [0; BLOCKS];
    let (mut block, mut rest) = (0, text.as_bytes());
    // The beginning of a line is behind the break of the one before it.
    let mut behind = 0;
    while block < BLOCKS {
        let mut start = 0;
        let mut ahead = rest;
        if block > 0 && behind != b'\n' {
            while let [byte, after @ ..] = ahead {
                ahead = after;
                start += 1;
                if *byte == b'\n' {
                    break;
                }
            }
        }
        if let Some((slot, _)) = starts.split_at_mut(block).1.split_first_mut() {
            *slot = start;
        }
        if let Some((passed, after)) = rest.split_at_checked(BLOCK) {
            rest = after;
            if let Some(last) = passed.last() {
                behind = *last;
            }
        }
        block += 1;
    }
    starts
}

impl Text {
    /// The line of this model at this provider.
    pub(super) fn find(&self, id: &str, provider: &str) -> Option<&'static str> {
        let rest =
            self.from(|rest| after(rest, id).map_or_else(|order| order, |rest| after(rest, provider).err().unwrap_or(Ordering::Equal)));
        let found = rest.split('\n').next()?;
        (line::key(found) == (id, provider)).then_some(found)
    }

    /// The lines of all models whose id begins so, in their order.
    pub(super) fn beginning(&self, start: &str) -> impl Iterator<Item = &'static str> {
        let rest = self.from(|rest| match rest.get(..start.len()) {
            Some(same) => same.cmp(start.as_bytes()),
            None => rest.cmp(start.as_bytes()),
        });
        rest.lines().take_while(move |line| line.starts_with(start))
    }

    /// From the first line on that is not less; `order` sees the text from a line's beginning on.
    fn from(&self, order: impl Fn(&[u8]) -> Ordering) -> &'static str {
        let rest = |at: usize| self.lines.get(at..).unwrap_or_default();
        let less = |rest: &str| !rest.is_empty() && order(rest.as_bytes()) == Ordering::Less;
        let line_of = |block: usize| {
            let start = self.starts.get(block).map_or(0, |start| usize::from(*start));
            rest(block.saturating_mul(BLOCK).saturating_add(start))
        };
        let (mut low, mut high) = (0, self.starts.len());
        while low < high {
            let middle = low.midpoint(high);
            if less(line_of(middle)) {
                low = middle.saturating_add(1);
            } else {
                high = middle;
            }
        }
        let mut rest = line_of(low.saturating_sub(1));
        while less(rest) {
            rest = rest.split_once('\n').map_or("", |(_, rest)| rest);
        }
        rest
    }
}

/// What follows `word` and a space; else how what is there compares to it.
fn after<'t>(text: &'t [u8], word: &str) -> Result<&'t [u8], Ordering> {
    let Some((same, rest)) = text.split_at_checked(word.len()) else { return Err(text.cmp(word.as_bytes())) };
    match same.cmp(word.as_bytes()) {
        Ordering::Equal => rest.strip_prefix(b" ").ok_or(Ordering::Greater),
        other => Err(other),
    }
}
