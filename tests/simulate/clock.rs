//! Time that passes only when all wait for it.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::future::Future;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

/// When the world begins.
const EPOCH: u64 = 1_795_219_200_000;

#[derive(Debug, Default)]
pub struct Clock {
    /// Milliseconds since the world began.
    passed: Cell<u64>,
    /// What the clock on the wall is wrong by, and when it will be wrong by something else.
    wrong_by: Cell<i64>,
    /// By how much it was put back in all.
    put_back: Cell<u64>,
    jumps: RefCell<Vec<(u64, i64)>>,
    awaited: RefCell<BTreeSet<u64>>,
}

impl Clock {
    pub fn passed(&self) -> u64 {
        self.passed.get()
    }

    pub fn put_back(&self) -> u64 {
        self.put_back.get()
    }

    pub fn wall(&self) -> u64 {
        (EPOCH + self.passed.get()).saturating_add_signed(self.wrong_by.get())
    }

    /// At this time the clock on the wall will jump by so much.
    pub fn jump(&self, at: u64, by: i64) {
        self.jumps.borrow_mut().push((at, by));
    }

    /// Something has changed that others may wait for.
    pub fn nudge(&self) {
        self.awaited.borrow_mut().insert(self.passed());
    }

    pub fn until(&self, at: u64) -> Until<'_> {
        Until { clock: self, at }
    }

    /// Until this time, or until something holds.
    pub async fn until_that(&self, at: u64, holds: impl Fn() -> bool) {
        std::future::poll_fn(|_| {
            if holds() || self.passed() >= at {
                return Poll::Ready(());
            }
            self.awaited.borrow_mut().insert(at);
            Poll::Pending
        })
        .await;
    }

    pub fn pass(&self, ms: u64) {
        self.go(self.passed() + ms);
    }

    fn go(&self, to: u64) {
        self.passed.set(self.passed.get().max(to));
        self.jumps.borrow_mut().retain(|(at, by)| {
            let due = *at <= to;
            if due {
                self.wrong_by.set(self.wrong_by.get() + by);
                self.put_back.set(self.put_back.get() + u64::try_from(-by).unwrap_or(0));
            }
            !due
        });
    }

    pub fn run<F: Future>(&self, future: F) -> F::Output {
        let mut future = pin!(future);
        loop {
            if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
                self.awaited.borrow_mut().clear();
                return output;
            }
            let next = self.awaited.borrow_mut().pop_first();
            self.go(next.unwrap_or_else(|| panic!("everyone waits for nothing")));
        }
    }
}

pub struct Until<'a> {
    clock: &'a Clock,
    at: u64,
}

impl Future for Until<'_> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        if self.clock.passed() >= self.at {
            return Poll::Ready(());
        }
        self.clock.awaited.borrow_mut().insert(self.at);
        Poll::Pending
    }
}
