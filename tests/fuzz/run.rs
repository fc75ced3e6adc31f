//! Tries inputs on targets for as long as there is time, and tells of the first that fails as shortly as it can.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use peak_alloc::PeakAlloc;

use crate::mutate::{self, Random};

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// As much as a Worker has.
const STACK: usize = 1 << 20;
/// Bytes that may be held at once for each byte that came, and for none.
const MEMORY_PER_BYTE: usize = 512;
const MEMORY_AT_LEAST: usize = 2 << 20;
/// The time that one input may take on a slow machine without optimisation.
const SLOWEST: Duration = Duration::from_secs(3);
/// All targets together, where `FUZZ_SECONDS` says nothing else.
const SECONDS: f64 = 6.0;

/// What is tried: panics when something is wrong with what became of the input.
pub struct Target {
    pub name: String,
    pub seeds: Vec<Vec<u8>>,
    pub check: Box<dyn Fn(&[u8]) + Send>,
}

impl Target {
    pub fn new(name: impl Into<String>, seeds: Vec<Vec<u8>>, check: impl Fn(&[u8]) + Send + 'static) -> Self {
        Self { name: name.into(), seeds, check: Box::new(check) }
    }
}

/// One group at a time: memory is counted for the whole process.
static TURN: Mutex<()> = Mutex::new(());

/// Tries each of the targets, which together take this share of the time.
pub fn run(targets: Vec<Target>, share: f64) {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    // The failure is told once, when it has been shortened.
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let outcome = run_all(targets, share);
    std::panic::set_hook(hook);
    if let Err(failure) = outcome {
        panic!("{failure}");
    }
}

fn run_all(targets: Vec<Target>, share: f64) -> Result<(), String> {
    let seconds = std::env::var("FUZZ_SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(SECONDS);
    let only = std::env::var("FUZZ_TARGET").ok();
    let seed = std::env::var("FUZZ_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(1);
    let each = seconds * share / targets.len() as f64;
    for target in targets {
        if only.as_ref().is_some_and(|only| !target.name.contains(only.as_str())) {
            continue;
        }
        let time = if only.is_some() { seconds } else { each };
        let name = target.name.clone();
        let job = move || try_inputs(&target, seed, Duration::from_secs_f64(time));
        let thread = std::thread::Builder::new().stack_size(STACK).spawn(job).unwrap();
        match thread.join() {
            Ok(Ok(rounds)) => println!("{name}: {rounds} inputs"),
            Ok(Err(failure)) => return Err(format!("{name}, seed {seed}: {failure}")),
            Err(_) => return Err(format!("{name}, seed {seed}: the harness itself failed")),
        }
    }
    Ok(())
}

fn try_inputs(target: &Target, seed: u64, time: Duration) -> Result<usize, String> {
    assert!(!target.seeds.is_empty(), "{} has no seeds", target.name);
    for input in &target.seeds {
        attempt(target, input).map_err(|why| shortened(target, input, why))?;
    }
    let mut random = Random::new(seed);
    let begin = Instant::now();
    let mut rounds = target.seeds.len();
    while begin.elapsed() < time {
        let input = mutate::input(&mut random, &target.seeds);
        attempt(target, &input).map_err(|why| shortened(target, &input, why))?;
        rounds += 1;
    }
    Ok(rounds)
}

/// Why the input is none that may fail so, if it is not.
fn attempt(target: &Target, input: &[u8]) -> Result<(), String> {
    let begin = Instant::now();
    MEMORY.reset_peak_usage();
    let before = MEMORY.current_usage();
    let outcome = catch_unwind(AssertUnwindSafe(|| (target.check)(input)));
    let held = MEMORY.peak_usage().saturating_sub(before);
    outcome.map_err(|panic| {
        let text = panic.downcast_ref::<String>().cloned().or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        text.unwrap_or_else(|| "a panic without words".to_owned())
    })?;
    if held > MEMORY_AT_LEAST + input.len() * MEMORY_PER_BYTE {
        return Err(format!("{held} bytes are held for an input of {}", input.len()));
    }
    if begin.elapsed() > SLOWEST {
        return Err(format!("{:?} for an input of {} bytes", begin.elapsed(), input.len()));
    }
    Ok(())
}

/// The failure with the shortest input found that still fails.
fn shortened(target: &Target, input: &[u8], why: String) -> String {
    let (mut input, mut why) = (input.to_vec(), why);
    let begin = Instant::now();
    let mut piece = input.len() / 2;
    while piece > 0 && begin.elapsed() < Duration::from_secs(20) {
        let mut at = 0;
        while at < input.len() {
            let mut shorter = input.clone();
            shorter.drain(at..(at + piece).min(input.len()));
            match attempt(target, &shorter) {
                Err(still) => (input, why) = (shorter, still),
                Ok(()) => at += piece,
            }
        }
        piece /= 2;
    }
    let clipped = |text: &str| text.chars().take(2_000).collect::<String>();
    let shown = clipped(&input.escape_ascii().to_string());
    format!("{}\nwith this input of {} bytes, which may become a seed:\n{shown}", clipped(&why), input.len())
}
