//! What was taken within a sliding span of time. Nothing is forgotten before it is out of the span, so no span of that
//! length, wherever it begins, sees more than the limit: there is no edge at which twice as much could pass.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::rules::Span;

/// What was taken at nearly the same time is forgotten together, with the last of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Vec<u64>", into = "Vec<u64>")]
pub struct Window {
    cells: VecDeque<Cell>,
    used: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Cell {
    last: u64,
    count: u64,
}

impl Window {
    /// Forgets what is out of the span by now.
    pub fn pass(&mut self, span: Span, now: u64) {
        while let Some(cell) = self.cells.front().filter(|cell| cell.last + span.ms() <= now) {
            self.used = self.used.saturating_sub(cell.count);
            self.cells.pop_front();
        }
    }

    pub fn used(&self) -> u64 {
        self.used
    }

    pub fn is_empty(&self) -> bool {
        self.cells.is_empty()
    }

    pub fn take(&mut self, span: Span, now: u64, count: u64) {
        if count == 0 {
            return;
        }
        self.used = self.used.saturating_add(count);
        match self.cells.back_mut().filter(|cell| cell.last / cell_ms(span) == now / cell_ms(span)) {
            Some(cell) => *cell = Cell { last: cell.last.max(now), count: cell.count.saturating_add(count) },
            None => self.cells.push_back(Cell { last: now, count }),
        }
    }

    /// Gives back what was taken at a time, unless that is out of the span already.
    pub fn give(&mut self, span: Span, taken_at: u64, count: u64) {
        let Some(at) = self.cells.iter().position(|cell| cell.last / cell_ms(span) == taken_at / cell_ms(span)) else { return };
        let Some(cell) = self.cells.get_mut(at) else { return };
        let count = count.min(cell.count);
        cell.count -= count;
        self.used = self.used.saturating_sub(count);
        if cell.count == 0 {
            self.cells.remove(at);
        }
    }

    /// In how many milliseconds no more than this is in use, if nothing else is taken.
    pub fn sinks_to(&self, most: u64, span: Span, now: u64) -> u64 {
        let mut used = self.used;
        let mut cells = self.cells.iter();
        let mut wait = 0;
        while used > most {
            let Some(cell) = cells.next() else { break };
            used = used.saturating_sub(cell.count);
            wait = (cell.last + span.ms()).saturating_sub(now);
        }
        wait
    }
}

/// A whole part of the span, a fiftieth or sixtieth.
fn cell_ms(span: Span) -> u64 {
    match span {
        Span::Second => 20,
        Span::Minute | Span::Hour | Span::Day => span.ms() / 60,
    }
}

/// Each time as what it is later than the one before.
impl From<Window> for Vec<u64> {
    fn from(window: Window) -> Self {
        let mut before = 0;
        let mut numbers = Vec::with_capacity(window.cells.len() * 2);
        for cell in window.cells {
            numbers.extend([cell.last.saturating_sub(before), cell.count]);
            before = cell.last;
        }
        numbers
    }
}

impl From<Vec<u64>> for Window {
    fn from(numbers: Vec<u64>) -> Self {
        let mut window = Self::default();
        let mut last = 0_u64;
        for pair in numbers.chunks_exact(2) {
            let [later, count] = pair else { continue };
            last = last.saturating_add(*later);
            window.cells.push_back(Cell { last, count: *count });
            window.used = window.used.saturating_add(*count);
        }
        window
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_of_a_cell_is_free_a_span_after_the_last_of_it() {
        let mut window = Window::default();
        window.take(Span::Minute, 1_000_100, 2);
        window.take(Span::Minute, 1_000_900, 3);
        window.take(Span::Minute, 1_001_000, 5);
        assert_eq!((window.used(), window.sinks_to(9, Span::Minute, 1_001_000)), (10, 59_900));
        window.pass(Span::Minute, 1_060_899);
        assert_eq!(window.used(), 10);
        window.pass(Span::Minute, 1_060_900);
        assert_eq!((window.used(), window.sinks_to(0, Span::Minute, 1_060_900)), (5, 100));
    }

    #[test]
    fn what_is_given_back_is_free_where_it_was_taken() {
        let mut window = Window::default();
        window.take(Span::Second, 100, 4);
        window.take(Span::Second, 300, 4);
        window.give(Span::Second, 100, 3);
        assert_eq!((window.used(), window.sinks_to(4, Span::Second, 300)), (5, 800));
        window.give(Span::Second, 300, 9);
        assert_eq!((window.used(), window.sinks_to(0, Span::Second, 300)), (1, 800));
        window.give(Span::Second, 700, 1);
        assert_eq!(window.used(), 1);
    }

    #[test]
    fn a_window_is_read_back_as_it_was() {
        let mut window = Window::default();
        window.take(Span::Hour, 1_795_255_200_000, 2);
        window.take(Span::Hour, 1_795_255_900_000, 7);
        let json = serde_json::to_string(&window).unwrap();
        assert_eq!(json, "[1795255200000,2,700000,7]");
        assert_eq!(serde_json::from_str::<Window>(&json).unwrap(), window);
    }
}
