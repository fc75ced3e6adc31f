//! The world of one request: its upstreams, its storage and its time.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use causeway::catalog::Money;
use causeway::host::{Answer, Fault, Host, Line, Note, Parcel, Script};
use causeway::http::Headers;
use causeway::lease::Used;
use causeway::record::Record;

use crate::answers::{self, Asked, End, Head};
use crate::chance::Chance;
use crate::clock::Clock;
use crate::deployment::{Deployment, spoken_at};
use crate::meters::Meters;
use crate::storage::Storage;

/// After this time the network gives up on what hangs.
const DEAD_MS: u64 = 300_000;

/// The caller of one request, and what befalls it from outside.
#[derive(Debug)]
pub struct Circumstances {
    pub body: Vec<u8>,
    pub stream: bool,
    /// It asks for a model that takes tools.
    pub tools: bool,
    /// Since the world began.
    pub leaves_at: Option<u64>,
    /// How long the storage takes, and whether it fails then.
    pub storage_ms: u64,
    pub storage_fails: bool,
}

pub struct World<'a> {
    pub clock: &'a Rc<Clock>,
    pub chance: &'a Chance,
    pub deployment: &'a Deployment,
    pub about: &'a Circumstances,
    pub storage: &'a Storage,
    pub meters: &'a Meters,
    pub told: Option<&'a RefCell<Vec<String>>>,
    /// The number of its first try among all.
    pub first: usize,
    pub tries: RefCell<Vec<Rc<Try>>>,
    pub records: RefCell<Vec<Record>>,
    /// Time spent waiting for the config.
    pub config_ms: Cell<u64>,
}

/// One try at a target, as the world saw it.
#[derive(Debug)]
pub struct Try {
    pub target: usize,
    pub answer: answers::Answer,
    pub url: String,
    pub headers: Headers,
    pub body: String,
    pub timeout_ms: Option<u64>,
    pub began: u64,
    /// When its head was there, or was not waited for any more.
    pub headed: Cell<u64>,
    /// What the gateway heard.
    pub status: Cell<Option<u16>>,
    /// When the gateway last heard of it.
    pub ended: Cell<u64>,
    /// Bytes of its stream that were looked at.
    pub looked: Cell<usize>,
    /// The longest wait for a piece of it.
    pub longest: Cell<u64>,
    pub fault: RefCell<Option<Fault>>,
}

impl World<'_> {
    pub fn tell(&self, story: impl FnOnce() -> String) {
        if let Some(told) = self.told {
            told.borrow_mut().push(format!("  {:>8} ms  {}", self.clock.passed(), story()));
        }
    }

    async fn heard(&self, tried: Rc<Try>, parcel: &Parcel<'_>) -> Result<Heard, Fault> {
        let Head::Says { status, stream, .. } = tried.answer.head else {
            let (at, fault) = match tried.answer.head {
                Head::Hangs => (DEAD_MS, "hung"),
                _ => (tried.answer.after_ms, "refused"),
            };
            waited(self.clock, self.about, tried.began + at, parcel.timeout_ms, tried.began).await?;
            return Err(Fault::Unreachable(fault.to_owned()));
        };
        let head_at = tried.began + tried.answer.after_ms;
        waited(self.clock, self.about, head_at, parcel.timeout_ms, tried.began).await?;
        let leaves_at = self.about.leaves_at;
        let mut heard = Heard {
            clock: Rc::clone(self.clock),
            leaves_at,
            tried: Rc::clone(&tried),
            next: 0,
            kept: Vec::new(),
            body: None,
            due: head_at,
        };
        if !stream {
            let mut body = Vec::new();
            // The whole has to be there in the same time.
            while let Some(piece) = heard.next(parcel.timeout_ms, tried.began).await? {
                body.extend(piece);
            }
            heard.body = Some(body);
        }
        tried.status.set(Some(status));
        Ok(heard)
    }
}

/// Waits until then; a shorter patience, and the caller's leaving, come first.
async fn waited(clock: &Clock, about: &Circumstances, until: u64, timeout_ms: Option<u64>, began: u64) -> Result<(), Fault> {
    wait(clock, about.leaves_at, until, timeout_ms, began).await
}

async fn wait(clock: &Clock, leaves_at: Option<u64>, until: u64, timeout_ms: Option<u64>, began: u64) -> Result<(), Fault> {
    let late_at = timeout_ms.filter(|ms| *ms > 0).map(|ms| began + ms);
    let first = [Some(until), late_at, leaves_at].into_iter().flatten().min().unwrap();
    clock.until(first).await;
    match first {
        _ if leaves_at.is_some_and(|at| at <= clock.passed()) => Err(Fault::Abandoned),
        _ if until <= first => Ok(()),
        _ => Err(Fault::TimedOut),
    }
}

impl Host for World<'_> {
    type Answer = Heard;

    fn now(&self) -> u64 {
        self.clock.wall()
    }

    fn random(&self) -> u64 {
        self.chance.next()
    }

    async fn sleep(&self, ms: u64) {
        self.tell(|| format!("the gateway waits {ms} ms"));
        let _ = waited(self.clock, self.about, self.clock.passed() + ms, None, 0).await;
    }

    async fn body(&self, _: usize) -> Result<Vec<u8>, Fault> {
        Ok(self.about.body.clone())
    }

    async fn beginning(&self, _: usize) -> Result<Vec<u8>, Fault> {
        panic!("a conversation is read whole")
    }

    async fn fetch(&self, parcel: Parcel<'_>) -> Result<Heard, Fault> {
        let target = self.deployment.target_at(parcel.url).unwrap_or_else(|| panic!("nobody is at {}", parcel.url));
        let body = parcel.body.bytes();
        let (number, dialect) = (self.first + self.tries.borrow().len(), spoken_at(parcel.url));
        let Self { chance, about, deployment, .. } = self;
        let asked = Asked { chance, dialect, stream: about.stream, blames: deployment.blames, number };
        let answer = asked.answer(deployment.targets[target].manner);
        let now = self.clock.passed();
        let tried = Rc::new(Try {
            target,
            url: parcel.url.to_owned(),
            headers: parcel.headers.clone(),
            body: String::from_utf8(body.to_vec()).unwrap(),
            timeout_ms: parcel.timeout_ms,
            began: now,
            headed: Cell::new(now),
            status: Cell::new(None),
            ended: Cell::new(now),
            looked: Cell::new(0),
            longest: Cell::new(0),
            fault: RefCell::new(None),
            answer,
        });
        self.tell(|| {
            let answers::Answer { called, after_ms, head, end, .. } = &tried.answer;
            let Try { url, timeout_ms, .. } = &*tried;
            format!(
                "try {number} of {url} ({:?}, timeout {timeout_ms:?}): {called} after {after_ms} ms: {head:?}, {end:?}",
                deployment.targets[target].manner
            )
        });
        self.tries.borrow_mut().push(Rc::clone(&tried));
        let outcome = self.heard(Rc::clone(&tried), &parcel).await;
        tried.headed.set(self.clock.passed());
        tried.ended.set(self.clock.passed());
        if let Err(fault) = &outcome {
            self.tell(|| format!("try {number}: {fault:?}"));
            *tried.fault.borrow_mut() = Some(fault.clone());
        }
        outcome
    }

    fn tell(&self, _: &str, _: &Headers) {}

    async fn sign(&self, _: &[u8], _: &[u8]) -> Option<Vec<u8>> {
        None
    }

    async fn verify(&self, _: &str, _: &str, _: &[u8], _: &[u8]) -> bool {
        false
    }

    fn canned(&self, _: Script) -> Heard {
        panic!("the sandbox is off")
    }

    async fn stored(&self, key: &str, timeout_ms: u64) -> Result<Option<Vec<u8>>, Fault> {
        let began = self.clock.passed();
        let took = self.about.storage_ms.min(timeout_ms);
        self.clock.until(began + took).await;
        self.tell(|| format!("the storage was asked for {key}"));
        let of_config = key.starts_with("config:");
        if of_config {
            self.config_ms.set(self.config_ms.get() + took);
        }
        match self.about.storage_ms > timeout_ms || self.about.storage_fails {
            true => Err(Fault::TimedOut),
            false if of_config => Ok((key == "config:saved").then(|| self.deployment.json.clone().into_bytes())),
            false => Ok(self.storage.held(key, self.clock.passed())),
        }
    }

    /// As slow as the rest of the storage; what is late is counted all the same.
    async fn ask_meters(&self, notes: &[Note], timeout_ms: u64) -> Vec<String> {
        let late = self.about.storage_ms > timeout_ms;
        self.clock.until(self.clock.passed() + self.about.storage_ms.min(timeout_ms)).await;
        let answers = self.meters.ask(notes, self.clock.wall());
        if late { vec![String::new(); notes.len()] } else { answers }
    }

    fn tell_meters(&self, notes: &[Note]) {
        self.meters.tell(notes, self.clock.wall());
    }

    /// One that nobody has written to.
    fn count_keyless(&self, _used: &Used, _usd: Money) {}

    async fn registry(&self, request: &str) -> Result<String, Fault> {
        let (mut rows, mut chance) = (std::collections::BTreeMap::new(), causeway::admin::Chance::of([0; 32]));
        let request = serde_json::from_str(request).map_err(|error| Fault::Unreachable(format!("{error}")))?;
        let answer = causeway::admin::answer(&mut rows, &request, &causeway::policy::vault::Vault::default(), &mut chance, self.now());
        serde_json::to_string(&answer).map_err(|error| Fault::Unreachable(format!("{error}")))
    }

    async fn line_up(&self, name: &str, timeout_ms: u64) -> Line {
        self.tell(|| format!("lines up for {name}"));
        let line = self.storage.line_up(self.clock, name, timeout_ms, self.about.leaves_at).await;
        self.tell(|| format!("and came to {}", if line == Line::First { "be first" } else { "an end" }));
        line
    }

    fn serve_line(&self, name: &str, value: Option<&[u8]>) {
        self.tell(|| format!("those in line for {name} get {:?} bytes", value.map(<[u8]>::len)));
        self.storage.serve_line(self.clock, name, value);
    }

    fn store(&self, key: &str, value: &[u8], ttl_s: u64) {
        self.tell(|| format!("{} bytes go to {key} for {ttl_s} s", value.len()));
        self.storage.put(self.chance, key, value, self.clock.passed(), ttl_s);
    }

    async fn meet(&self, _news: &str, _timeout_ms: u64) -> Result<String, Fault> {
        Err(Fault::TimedOut)
    }

    async fn bindings(&self) -> Vec<(&'static str, bool)> {
        Vec::new()
    }

    fn record(&self, record: &Record) {
        self.records.borrow_mut().push(record.clone());
    }
}

/// An answer whose head was heard.
pub struct Heard {
    clock: Rc<Clock>,
    leaves_at: Option<u64>,
    pub tried: Rc<Try>,
    /// The next piece of it to come.
    next: usize,
    /// What was looked at.
    kept: Vec<Vec<u8>>,
    body: Option<Vec<u8>>,
    /// When the last piece came.
    due: u64,
}

impl Heard {
    /// The next piece, waited for so long.
    pub async fn next(&mut self, timeout_ms: Option<u64>, began: u64) -> Result<Option<Vec<u8>>, Fault> {
        let answer = &self.tried.answer;
        let piece = answer.pieces.get(self.next);
        let due = match (piece, answer.end) {
            (Some((ms, _)), _) => self.due + ms,
            (None, End::Hangs) => self.due + DEAD_MS,
            (None, _) => self.due,
        };
        let now = self.clock.passed();
        let outcome = wait(&self.clock, self.leaves_at, due.max(self.clock.passed()), timeout_ms, began).await;
        self.tried.ended.set(self.clock.passed());
        self.tried.longest.set(self.tried.longest.get().max(self.clock.passed() - now));
        outcome?;
        let Some((_, bytes)) = piece else {
            return if answer.end == End::Closes { Ok(None) } else { Err(Fault::Unreachable("broke off".to_owned())) };
        };
        (self.due, self.next) = (due, self.next + 1);
        Ok(Some(bytes.clone()))
    }

    /// A piece on its way to the caller: what was looked at comes again.
    pub async fn passed(&mut self, timeout_ms: Option<u64>) -> Result<Option<Vec<u8>>, Fault> {
        if !self.kept.is_empty() {
            return Ok(Some(self.kept.remove(0)));
        }
        let now = self.clock.passed();
        self.next(timeout_ms, now).await
    }
}

impl Answer for Heard {
    fn status(&self) -> u16 {
        match self.tried.answer.head {
            Head::Says { status, .. } => status,
            _ => panic!("what hangs has no status"),
        }
    }

    fn header(&self, name: &str) -> Option<String> {
        let Head::Says { retry_after, .. } = &self.tried.answer.head else { return None };
        retry_after.as_ref().filter(|(known, ..)| *known == name).map(|(_, value, _)| value.clone())
    }

    fn is_stream(&self) -> bool {
        matches!(self.tried.answer.head, Head::Says { stream: true, .. })
    }

    async fn bytes(&mut self, limit: usize) -> Result<Vec<u8>, Fault> {
        if let Some(body) = &self.body {
            return Ok(body.iter().copied().take(limit).collect());
        }
        let mut body = Vec::new();
        while let Some(piece) = self.passed(None).await? {
            body.extend(piece);
        }
        if body.len() > limit { Err(Fault::TooLarge) } else { Ok(body) }
    }

    async fn peek(&mut self, timeout_ms: Option<u64>) -> Result<Option<Vec<u8>>, Fault> {
        let now = self.clock.passed();
        let outcome = self.next(timeout_ms, now).await;
        match &outcome {
            Ok(Some(piece)) => {
                self.kept.push(piece.clone());
                self.tried.looked.set(self.tried.looked.get() + piece.len());
            }
            Ok(None) => {}
            Err(fault) => *self.tried.fault.borrow_mut() = Some(fault.clone()),
        }
        outcome
    }

    fn discard(&mut self) {
        self.kept.clear();
    }
}
