//! Tries inputs on targets and tells of the first that fails: by its seed, and as shortly as it can.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Arc, Once};
use std::time::{Duration, Instant};

use crate::mutate::{self, Random};

/// As much as a Worker has.
const STACK: usize = 1 << 20;
/// An input that takes longer, on a busy machine and without optimisation, is taken for one that never ends.
const LONGEST: Duration = Duration::from_secs(20);
const ENDLESS: &str = "it does not end";
const QUIET: &str = "fuzz: ";

/// What is tried: panics when something is wrong with what became of the input.
pub struct Target {
    name: String,
    seeds: Vec<Vec<u8>>,
    check: Box<dyn Fn(&[u8]) + Send + Sync>,
}

impl Target {
    pub fn new(name: impl Into<String>, seeds: Vec<Vec<u8>>, check: impl Fn(&[u8]) + Send + Sync + 'static) -> Self {
        let name = name.into();
        assert!(!seeds.is_empty(), "{name}: there are no seeds");
        Self { name, seeds, check: Box::new(check) }
    }

    /// The seeds themselves come first, then what is made of them.
    fn input(&self, case: u64) -> Vec<u8> {
        let own = usize::try_from(case).ok().and_then(|case| self.seeds.get(case)).cloned();
        own.unwrap_or_else(|| mutate::input(&mut Random::new(case), &self.seeds))
    }

    fn outcome(&self, input: &[u8]) -> Result<(), String> {
        catch_unwind(AssertUnwindSafe(|| (self.check)(input))).map_err(|panic| {
            let text = panic.downcast_ref::<String>().cloned().or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
            text.unwrap_or_else(|| "a panic without words".to_owned())
        })
    }
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// Tries each of the targets this often, or as the environment says.
pub fn run(targets: Vec<Target>, runs: u64) {
    quiet();
    let only = std::env::var("FUZZ_TARGET").unwrap_or_default();
    let mut failures = Vec::new();
    for target in targets.into_iter().filter(|target| target.name.contains(&only)) {
        let seeds = u64::try_from(target.seeds.len()).unwrap();
        let cases = match (number("FUZZ_SEED"), number("FUZZ_RUNS")) {
            (Some(seed), runs) => seed..seed + runs.unwrap_or(1),
            (None, told) => 0..seeds + told.unwrap_or(runs),
        };
        let target = Arc::new(target);
        if let Err((case, why)) = watched(&target, cases) {
            let told = told(&target, case, &why);
            failures.push(format!("{told}\nOnce more: FUZZ_TARGET='{}' FUZZ_SEED={case} cargo test --test fuzz", target.name));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}

/// Panics are told of once, when their input has been shortened.
fn quiet() {
    static QUIETED: Once = Once::new();
    QUIETED.call_once(|| {
        let hook = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if !std::thread::current().name().is_some_and(|name| name.starts_with(QUIET)) {
                hook(info);
            }
        }));
    });
}

/// Tries the cases on a thread with a small stack. A case that never ends is a failure too.
fn watched(target: &Arc<Target>, cases: std::ops::Range<u64>) -> Result<(), (u64, String)> {
    let (sender, receiver) = channel();
    let at = Arc::new(AtomicU64::new(cases.start));
    let (theirs, shown) = (Arc::clone(target), Arc::clone(&at));
    // An overflow of the stack ends the process; what remains of it is the thread's name.
    let thread = std::thread::Builder::new().name(format!("{QUIET}{}", target.name)).stack_size(STACK);
    let job = move || {
        let failed = cases.into_iter().find_map(|case| {
            shown.store(case, Ordering::Relaxed);
            let why = theirs.outcome(&theirs.input(case)).err()?;
            Some((case, why))
        });
        let _ = sender.send(failed.map_or(Ok(()), Err));
    };
    drop(thread.spawn(job).unwrap());
    let mut before = u64::MAX;
    loop {
        match receiver.recv_timeout(LONGEST) {
            Ok(outcome) => return outcome,
            Err(RecvTimeoutError::Timeout) => {
                let now = at.load(Ordering::Relaxed);
                if now == before {
                    return Err((now, ENDLESS.to_owned()));
                }
                before = now;
            }
            Err(RecvTimeoutError::Disconnected) => return Err((at.load(Ordering::Relaxed), "its thread is gone".to_owned())),
        }
    }
}

/// The failure, with the shortest input found that still fails.
fn told(target: &Arc<Target>, case: u64, why: &str) -> String {
    let (mut input, mut why) = (target.input(case), why.to_owned());
    // Asked for alone, it is shown whole.
    if why != ENDLESS && number("FUZZ_SEED").is_none() {
        let (theirs, whole) = (Arc::clone(target), input.clone());
        let thread = std::thread::Builder::new().name(format!("{QUIET}shorter")).stack_size(STACK);
        if let Ok(Some(shorter)) = thread.spawn(move || shortened(&theirs, whole)).unwrap().join() {
            (input, why) = shorter;
        }
    }
    let clipped = |text: &str| text.chars().take(6_000).collect::<String>();
    let shown = clipped(&input.escape_ascii().to_string());
    format!("{}: {}\nwith {} bytes, which may become a seed:\n{shown}", target.name, clipped(&why), input.len())
}

fn shortened(target: &Target, input: Vec<u8>) -> Option<(Vec<u8>, String)> {
    let begin = Instant::now();
    let mut found = None;
    let mut input = input;
    let mut piece = input.len() / 2;
    while piece > 0 {
        let mut at = 0;
        while at < input.len() && begin.elapsed() < LONGEST {
            let mut shorter = input.clone();
            shorter.drain(at..(at + piece).min(input.len()));
            match target.outcome(&shorter) {
                Err(why) => {
                    input.clone_from(&shorter);
                    found = Some((shorter, why));
                }
                Ok(()) => at += piece,
            }
        }
        piece /= 2;
    }
    found
}
