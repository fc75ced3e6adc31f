//! The world as the core sees it: one small trait. The Worker implements it in `edge/`, the tests with a script.

use crate::http::Headers;
use crate::record::Record;

#[expect(async_fn_in_trait, reason = "one thread; no future ever needs to be Send")]
pub trait Host {
    type Answer: Answer;

    /// Milliseconds since 1970.
    fn now(&self) -> u64;

    /// 64 random bits.
    fn random(&self) -> u64;

    async fn sleep(&self, ms: u64);

    /// Sends a request upstream; comes back with the head of the answer. A caller who leaves ends it.
    async fn fetch(&self, parcel: Parcel<'_>) -> Result<Self::Answer, Fault>;

    /// An answer made here rather than fetched.
    fn canned(&self, script: Script) -> Self::Answer;

    /// The storage that the deployment is bound to, and whether each part of it answers.
    async fn bindings(&self) -> Vec<(&'static str, bool)>;

    /// Keeps the record of a finished request.
    fn record(&self, record: &Record);
}

/// An upstream's answer, its head arrived.
#[expect(async_fn_in_trait, reason = "one thread; no future ever needs to be Send")]
pub trait Answer {
    fn status(&self) -> u16;

    fn header(&self, name: &str) -> Option<String>;

    /// Whether it is an event stream.
    fn is_stream(&self) -> bool;

    /// The whole body, of at most `limit` bytes.
    async fn bytes(&mut self, limit: usize) -> Result<Vec<u8>, Fault>;
}

/// A request to an upstream.
#[derive(Debug)]
pub struct Parcel<'a> {
    pub url: &'a str,
    pub headers: &'a Headers,
    /// What is posted; with none the URL is read.
    pub body: Option<&'a [u8]>,
    /// The answer's body is not read here: it passes to the caller as it comes.
    pub passes: bool,
    /// Until the head of the answer (and the body, where it is not a stream) must be there.
    pub timeout_ms: Option<u64>,
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
