//! The world as the core sees it: one small trait. The Worker implements it in `edge/`, the tests with a script.

use std::future::Future;
use std::pin::Pin;

use crate::catalog::Money;
use crate::http::Headers;
use crate::lease::Used;
use crate::record::{Closed, Record};
use crate::wire::multipart::Editor;

/// A future of its own, for what few requests need. Without this the compiler makes one function of all that a request
/// may become, and the runtime has to compile it whole before the first answer.
pub fn apart<'f, T>(future: impl Future<Output = T> + 'f) -> Pin<Box<dyn Future<Output = T> + 'f>> {
    Box::pin(future)
}

#[expect(async_fn_in_trait, reason = "one thread; no future ever needs to be Send")]
pub trait Host {
    type Answer: Answer;

    /// Milliseconds since 1970.
    fn now(&self) -> u64;

    /// 64 random bits.
    fn random(&self) -> u64;

    async fn sleep(&self, ms: u64);

    /// The country that the caller is in, if the platform knows.
    fn country(&self) -> Option<String> {
        None
    }

    /// The caller's body, whole; `Fault::TooLarge` where it is longer than the limit.
    async fn body(&self, limit: usize) -> Result<Vec<u8>, Fault>;

    /// The beginning of the caller's body: at least so many bytes, where there are as many. They come again when the
    /// body is passed on.
    async fn beginning(&self, length: usize) -> Result<Vec<u8>, Fault>;

    /// Sends a request upstream; comes back with the head of the answer. A caller who leaves ends it.
    async fn fetch(&self, parcel: Parcel<'_>) -> Result<Self::Answer, Fault>;

    /// Posts to an address and waits for nothing. It goes out even when the caller has left.
    fn tell(&self, url: &str, headers: &Headers);

    /// Signs a message (RSASSA-PKCS1-v1_5 with SHA-256) by a private key in PKCS#8; nothing where that is no such key.
    async fn sign(&self, key: &[u8], message: &[u8]) -> Option<Vec<u8>>;

    /// Whether a message was signed so (RSASSA-PKCS1-v1_5 with SHA-256) by the private key of this public one, whose modulus
    /// and exponent are as a JWK has them.
    async fn verify(&self, n: &str, e: &str, message: &[u8], signature: &[u8]) -> bool;

    /// An answer made here rather than fetched.
    fn canned(&self, script: Script) -> Self::Answer;

    /// What is stored under a key. That there is nothing, or no storage, is known; a fault is that it did not tell in
    /// time.
    async fn stored(&self, key: &str, timeout_ms: u64) -> Result<Option<Vec<u8>>, Fault>;

    /// Stores something under a key for so many seconds (at least 60) and waits for nothing.
    fn store(&self, key: &str, value: &[u8], ttl_s: u64);

    /// Lines up behind whoever asks the same at this moment, anywhere, for so long at most.
    async fn line_up(&self, name: &str, timeout_ms: u64) -> Line;

    /// Gives those who lined up what there is now, or tells them that there is nothing. Nobody waits for it.
    fn serve_line(&self, name: &str, value: Option<&[u8]>);

    /// Tells the other isolates what was seen of targets, and hears what they know.
    async fn meet(&self, news: &str, timeout_ms: u64) -> Result<String, Fault>;

    /// Asks meters, all at the same time. Each answers for itself, in JSON; empty is what did not come in time.
    async fn ask_meters(&self, notes: &[Note], timeout_ms: u64) -> Vec<String>;

    /// Tells meters something and waits for nothing. It goes out even when the caller has left.
    fn tell_meters(&self, notes: &[Note]);

    /// Asks the registry of keys, teams, credentials, configs and prices: an `admin::Request` and its `Answer`, in JSON.
    async fn registry(&self, request: &str) -> Result<String, Fault>;

    /// The storage that the deployment is bound to, and whether each part of it answers.
    async fn bindings(&self) -> Vec<(&'static str, bool)>;

    /// Keeps the record of a finished request.
    fn record(&self, record: &Record);

    /// Counts what no key was shown for; a meter of its own is told of that in a while.
    fn count_keyless(&self, used: &Used, usd: Money);

    /// A request is over.
    fn conclude(&self, closed: &Closed) {
        self.record(&closed.record);
        if let Some((used, usd)) = &closed.keyless {
            self.count_keyless(used, *usd);
        }
        if !closed.notes.is_empty() {
            self.tell_meters(&closed.notes);
        }
    }
}

/// An upstream's answer, its head arrived.
#[expect(async_fn_in_trait, reason = "one thread; no future ever needs to be Send")]
pub trait Answer {
    fn status(&self) -> u16;

    fn header(&self, name: &str) -> Option<String>;

    /// Whether it is an event stream.
    fn is_stream(&self) -> bool;

    /// The whole body, of at most `limit` bytes. One that is no stream may be read more than once.
    async fn bytes(&mut self, limit: usize) -> Result<Vec<u8>, Fault>;

    /// The next piece of a stream, or its end. What was looked at comes again when the stream is passed on.
    async fn peek(&mut self, timeout_ms: Option<u64>) -> Result<Option<Vec<u8>>, Fault>;

    /// Nobody wants the rest.
    fn discard(&mut self);
}

/// What is sent along with a request.
#[derive(Debug)]
pub enum Payload<'a> {
    None,
    Bytes(&'a [u8]),
    /// The caller's own body, as [`Host::body`] gave it.
    Unchanged(&'a [u8]),
    /// The caller's own body, passed on as it comes.
    Callers,
    /// The caller's form, edited as it passes.
    Form(Box<Editor>),
}

impl Payload<'_> {
    /// What is known of it.
    pub fn bytes(&self) -> &[u8] {
        match self {
            Self::Bytes(bytes) | Self::Unchanged(bytes) => bytes,
            Self::None | Self::Callers | Self::Form(_) => &[],
        }
    }
}

/// A request to an upstream.
#[derive(Debug)]
pub struct Parcel<'a> {
    pub url: &'a str,
    pub headers: &'a Headers,
    pub method: &'a str,
    pub body: Payload<'a>,
    /// The answer's body is not read here: it passes to the caller as it comes.
    pub passes: bool,
    /// Until the head of the answer (and the body, where it is not a stream) must be there.
    pub timeout_ms: Option<u64>,
}

/// What came of lining up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Line {
    /// Nobody is there yet: others will wait for this one.
    First,
    Served(Vec<u8>),
    /// Nothing came, or not in time.
    Alone,
}

/// What is said to the meter of a holder, in one line of JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// `key:ID`, `team:SLUG`, `credential:SLUG`.
    pub meter: String,
    pub verb: Verb,
    pub body: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// An `Ask` for a share: a `Verdict`.
    Ask,
    /// A `Settlement`.
    Settle,
    /// What the holder's definition is: the definition, or `null`.
    Recall,
    /// Where the holder stands, and what it used from one day `to` another, as a query says it: a `Standing`.
    Standing,
    /// What was used without a lease: a `Batch`.
    Tally,
}

impl Verb {
    pub fn word(self) -> &'static str {
        match self {
            Verb::Ask => "ask",
            Verb::Settle => "settle",
            Verb::Recall => "recall",
            Verb::Standing => "standing",
            Verb::Tally => "tally",
        }
    }
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    Unreachable(String),
    TimedOut,
    /// The caller left first.
    Abandoned,
    /// The answer is larger than allowed.
    TooLarge,
}

/// A made-up answer: the sandbox's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Script {
    pub wait_ms: u64,
    pub status: u16,
    pub content_type: &'static str,
    pub chunks: Vec<Vec<u8>>,
    /// Breaks off after the chunks.
    pub cut: bool,
}
