//! What a deployment keeps, and where those who ask the same stand in line: slow, forgetful, and shared by all.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use causeway::host::Line;

use crate::chance::Chance;
use crate::clock::Clock;

#[derive(Default)]
pub struct Storage {
    shelves: RefCell<BTreeMap<String, Vec<Put>>>,
    lines: RefCell<BTreeMap<String, Waiting>>,
    /// How many got something in line.
    pub served: Cell<usize>,
}

/// What was put somewhere, and the time in which it is seen there.
struct Put {
    value: Vec<u8>,
    from: u64,
    until: u64,
}

/// What those in line wait for.
type Waiting = Rc<RefCell<Option<Option<Vec<u8>>>>>;

impl Storage {
    pub fn held(&self, key: &str, now: u64) -> Option<Vec<u8>> {
        let shelves = self.shelves.borrow();
        let seen = shelves.get(key)?.iter().rfind(|put| put.from <= now)?;
        (now < seen.until).then(|| seen.value.clone())
    }

    /// It is seen at once, later, or not at all.
    pub fn put(&self, chance: &Chance, key: &str, value: &[u8], now: u64, ttl_s: u64) {
        if chance.one_in(10) {
            return;
        }
        let from = if chance.one_in(4) { now + chance.below(60_000) } else { now };
        let put = Put { value: value.to_vec(), from, until: now + ttl_s * 1_000 };
        self.shelves.borrow_mut().entry(key.to_owned()).or_default().push(put);
    }

    pub async fn line_up(&self, clock: &Clock, name: &str, timeout_ms: u64, leaves_at: Option<u64>) -> Line {
        let waiting = self.lines.borrow().get(name).cloned();
        let Some(waiting) = waiting else {
            self.lines.borrow_mut().insert(name.to_owned(), Waiting::default());
            return Line::First;
        };
        let end = leaves_at.unwrap_or(u64::MAX).min(clock.passed() + timeout_ms);
        let served = || waiting.borrow().clone();
        clock.until_that(end, || served().is_some()).await;
        let Some(value) = served().flatten() else { return Line::Alone };
        self.served.set(self.served.get() + 1);
        Line::Served(value)
    }

    pub fn serve_line(&self, clock: &Clock, name: &str, value: Option<&[u8]>) {
        if let Some(waiting) = self.lines.borrow_mut().remove(name) {
            *waiting.borrow_mut() = Some(value.map(<[u8]>::to_vec));
            clock.nudge();
        }
    }

    /// Nobody is left who leads a line.
    pub fn is_quiet(&self) -> bool {
        self.lines.borrow().is_empty()
    }
}
