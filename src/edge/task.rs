//! Runs the futures of requests. What a future waits for has a slot; when it has come, JavaScript calls `arrive`,
//! and the future goes on at once, with no promise and no queue of ours in between.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use worker::wasm_bindgen::JsValue;
use worker::wasm_bindgen::prelude::wasm_bindgen;

pub type Slot = u32;

type Outcome = Result<JsValue, JsValue>;

thread_local! {
    static TASKS: RefCell<BTreeMap<u32, Task>> = const { RefCell::new(BTreeMap::new()) };
    static SLOTS: RefCell<BTreeMap<Slot, Waiting>> = const { RefCell::new(BTreeMap::new()) };
    static NUMBER: Cell<u32> = const { Cell::new(0) };
    /// While a future runs, the time, or 0 until it is asked for.
    static NOW: Cell<Option<u64>> = const { Cell::new(None) };
}

#[derive(Default)]
struct Waiting {
    outcome: Option<Outcome>,
    waker: Option<Waker>,
}

/// What JavaScript was asked for and will hand in.
pub struct Arrival(Slot);

impl Arrival {
    /// Asks for it; what cannot even be asked has failed.
    pub fn of(ask: impl FnOnce(Slot) -> Result<(), JsValue>) -> Self {
        let slot = number();
        SLOTS.with_borrow_mut(|slots| slots.insert(slot, Waiting::default()));
        if let Err(error) = ask(slot) {
            land(slot, Err(error));
        }
        Self(slot)
    }
}

impl Future for Arrival {
    type Output = Outcome;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Outcome> {
        SLOTS.with_borrow_mut(|slots| {
            let Some(waiting) = slots.get_mut(&self.0) else { return Poll::Ready(Err(JsValue::UNDEFINED)) };
            match waiting.outcome.take() {
                Some(outcome) => Poll::Ready(outcome),
                None => {
                    waiting.waker = Some(context.waker().clone());
                    Poll::Pending
                }
            }
        })
    }
}

impl Drop for Arrival {
    fn drop(&mut self) {
        SLOTS.with_borrow_mut(|slots| slots.remove(&self.0));
    }
}

/// What a slot waits for has come, or has failed.
#[wasm_bindgen]
pub fn arrive(slot: Slot, well: bool, value: JsValue) {
    land(slot, if well { Ok(value) } else { Err(value) });
}

fn land(slot: Slot, outcome: Outcome) {
    let waker = SLOTS.with_borrow_mut(|slots| {
        let waiting = slots.get_mut(&slot)?;
        waiting.outcome = Some(outcome);
        waiting.waker.take()
    });
    if let Some(waker) = waker {
        waker.wake();
    }
}

struct Task {
    future: Pin<Box<dyn Future<Output = ()>>>,
    handle: Arc<Handle>,
}

struct Handle {
    id: u32,
    /// Was woken while it ran.
    woken: AtomicBool,
}

/// Runs a future until it waits for something; from then on, it is woken.
pub fn spawn(future: impl Future<Output = ()> + 'static) {
    let handle = Handle { id: number(), woken: AtomicBool::new(false) };
    Task { future: Box::pin(future), handle: Arc::new(handle) }.run();
}

impl Task {
    fn run(mut self) {
        let waker = Waker::from(Arc::clone(&self.handle));
        let mut context = Context::from_waker(&waker);
        while self.poll(&mut context).is_pending() {
            if !self.handle.woken.swap(false, Ordering::Relaxed) {
                TASKS.with_borrow_mut(|tasks| tasks.insert(self.handle.id, self));
                return;
            }
        }
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        NOW.set(Some(0));
        let poll = self.future.as_mut().poll(context);
        NOW.set(None);
        poll
    }
}

impl Wake for Handle {
    fn wake(self: Arc<Self>) {
        match TASKS.with_borrow_mut(|tasks| tasks.remove(&self.id)) {
            Some(task) => task.run(),
            None => self.woken.store(true, Ordering::Relaxed),
        }
    }
}

/// The time. While a future runs it is asked for once: the platform's clock stands still meanwhile, and each look at it
/// is a crossing.
pub fn now(ask: impl FnOnce() -> u64) -> u64 {
    match NOW.get() {
        Some(0) => {
            let now = ask();
            NOW.set(Some(now));
            now
        }
        Some(now) => now,
        None => ask(),
    }
}

/// A number that nothing else has.
pub fn number() -> u32 {
    NUMBER.replace(NUMBER.get().wrapping_add(1))
}
