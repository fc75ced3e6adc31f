//! The Worker as the core's `Host`.

use std::cell::{Cell, RefCell};

use worker::js_sys::{self, Array, Uint8Array};
use worker::wasm_bindgen;
use worker::wasm_bindgen::prelude::wasm_bindgen;
use worker::wasm_bindgen::{JsCast, JsValue};

use super::exchange::{Exchange, Upstream};
use super::{task, upload};
use crate::catalog::Money;
use crate::host::{Answer, Fault, Host, Line, Note, Parcel, Payload, Script};
use crate::http::Headers;
use crate::lease::Used;
use crate::policy::account::Batch;
use crate::record::Record;

/// The longest answer that is read whole.
const MAX_ANSWER: f64 = 33_554_432.0;

#[derive(Clone)]
pub struct Worker {
    pub exchange: Exchange,
    logs: bool,
}

impl Worker {
    pub fn new(exchange: Exchange, logs: bool) -> Self {
        Self { exchange, logs }
    }

    /// Whether records are printed.
    pub fn logs(&self) -> bool {
        self.logs
    }
}

thread_local! {
    static RANDOM: Cell<Option<u64>> = const { Cell::new(None) };
    /// What no key was shown for, and since when somebody is about to tell of it.
    static KEYLESS: RefCell<Batch> = RefCell::default();
    static TALLIES_AT: Cell<u64> = const { Cell::new(0) };
}

const LONGEST_TALLY_MS: u64 = 20_000;

/// What was used without a key since this was last asked, in JSON.
#[wasm_bindgen]
pub fn tallied() -> String {
    TALLIES_AT.set(0);
    serde_json::to_string(&KEYLESS.take()).unwrap_or_default()
}

impl Host for Worker {
    type Answer = Upstream;

    fn now(&self) -> u64 {
        task::now(now)
    }

    /// SplitMix64 from an unpredictable seed, so that an id costs no crossing.
    fn random(&self) -> u64 {
        RANDOM.with(|cell| {
            let state =
                cell.get().unwrap_or_else(|| self.exchange.seed().map_or_else(|_| now(), f64::to_bits)).wrapping_add(0x9e37_79b9_7f4a_7c15);
            cell.set(Some(state));
            let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            mixed ^ (mixed >> 31)
        })
    }

    async fn sleep(&self, ms: u64) {
        if ms > 0 {
            let _ = self.exchange.sleep(ms as f64).await;
        }
    }

    fn country(&self) -> Option<String> {
        self.exchange.country().ok().flatten()
    }

    async fn body(&self, limit: usize) -> Result<Vec<u8>, Fault> {
        match self.exchange.body(limit as f64).await {
            Ok(bytes) if bytes.is_null() => Err(Fault::TooLarge),
            Ok(bytes) => Ok(Uint8Array::from(bytes).to_vec()),
            Err(_) => Err(Fault::Abandoned),
        }
    }

    async fn beginning(&self, length: usize) -> Result<Vec<u8>, Fault> {
        match self.exchange.beginning(length as f64).await {
            Ok(bytes) => Ok(Uint8Array::from(bytes).to_vec()),
            Err(_) => Err(Fault::Abandoned),
        }
    }

    async fn fetch(&self, parcel: Parcel<'_>) -> Result<Upstream, Fault> {
        let body: JsValue = match parcel.body {
            Payload::None => JsValue::UNDEFINED,
            Payload::Bytes(bytes) => Uint8Array::from(bytes).into(),
            Payload::Unchanged(_) => JsValue::NULL,
            Payload::Callers => JsValue::TRUE,
            Payload::Form(editor) => upload::keep(editor).into(),
        };
        let timeout = parcel.timeout_ms.unwrap_or(0) as f64;
        match self
            .exchange
            .send(parcel.method, parcel.url, parcel.headers.block(), body, timeout, if parcel.passes { 0.0 } else { MAX_ANSWER })
            .await
        {
            Ok(upstream) => Ok(upstream.unchecked_into()),
            Err(error) => Err(fault(&error)),
        }
    }

    fn tell(&self, url: &str, headers: &Headers) {
        // Nobody waits for it, so nobody is told that it failed.
        let _ = self.exchange.tell(url, headers.block());
    }

    async fn sign(&self, key: &[u8], message: &[u8]) -> Option<Vec<u8>> {
        let signature = self.exchange.sign(key, message).await.ok()?;
        Some(signature.dyn_into::<Uint8Array>().ok()?.to_vec())
    }

    async fn verify(&self, n: &str, e: &str, message: &[u8], signature: &[u8]) -> bool {
        self.exchange.verify(n, e, message, signature).await.is_ok_and(|good| good.as_bool() == Some(true))
    }

    fn canned(&self, script: Script) -> Upstream {
        let chunks: Array = script.chunks.iter().map(|chunk| Uint8Array::from(chunk.as_slice())).collect();
        match self.exchange.canned(script.status, script.content_type, chunks, script.cut) {
            Ok(upstream) => upstream,
            Err(nothing) => nothing.unchecked_into(),
        }
    }

    async fn stored(&self, key: &str, timeout_ms: u64) -> Result<Option<Vec<u8>>, Fault> {
        match self.exchange.stored(key, timeout_ms as f64).await {
            Ok(bytes) if bytes.is_null() => Ok(None),
            Ok(bytes) => Ok(Some(Uint8Array::from(bytes).to_vec())),
            Err(error) => Err(fault(&error)),
        }
    }

    fn store(&self, key: &str, value: &[u8], ttl_s: u64) {
        // Nobody waits for it, so nobody is told that it failed.
        let _ = self.exchange.store(key, Uint8Array::from(value), ttl_s as f64);
    }

    async fn line_up(&self, name: &str, timeout_ms: u64) -> Line {
        match self.exchange.line_up(name, timeout_ms as f64).await {
            Ok(first) if first.is_truthy() && first.as_bool().is_some() => Line::First,
            Ok(bytes) if bytes.is_object() => Line::Served(Uint8Array::from(bytes).to_vec()),
            _ => Line::Alone,
        }
    }

    fn serve_line(&self, name: &str, value: Option<&[u8]>) {
        let _ = self.exchange.serve_line(name, value.map(Uint8Array::from));
    }

    async fn ask_meters(&self, notes: &[Note], timeout_ms: u64) -> Vec<String> {
        let answers = self.exchange.ask_meters(&block(notes), timeout_ms as f64).await;
        let answers = answers.ok().and_then(|answers| answers.as_string()).unwrap_or_default();
        let mut lines = answers.split('\n').map(str::to_owned);
        notes.iter().map(|_| lines.next().unwrap_or_default()).collect()
    }

    fn tell_meters(&self, notes: &[Note]) {
        let _ = self.exchange.tell_meters(&block(notes));
    }

    fn count_keyless(&self, used: &Used, usd: Money) {
        KEYLESS.with_borrow_mut(|batch| batch.note(used, usd));
        // One request does for all that end meanwhile, unless it came to nothing.
        let now = now();
        if now.saturating_sub(TALLIES_AT.get()) > LONGEST_TALLY_MS {
            TALLIES_AT.set(now);
            let _ = self.exchange.tally_later();
        }
    }

    async fn registry(&self, request: &str) -> Result<String, Fault> {
        match self.exchange.registry(request).await {
            Ok(answer) => Ok(answer.as_string().unwrap_or_default()),
            Err(error) => Err(fault(&error)),
        }
    }

    async fn meet(&self, news: &str, timeout_ms: u64) -> Result<String, Fault> {
        match self.exchange.meet(news, timeout_ms as f64).await {
            Ok(heard) => Ok(heard.as_string().unwrap_or_default()),
            Err(error) => Err(fault(&error)),
        }
    }

    async fn bindings(&self) -> Vec<(&'static str, bool)> {
        let digits = self.exchange.bindings().await.ok().and_then(|digits| digits.as_string()).unwrap_or_default();
        ["KV", "METER", "REGISTRY"].into_iter().zip(digits.chars()).map(|(name, digit)| (name, digit == '1')).collect()
    }

    fn record(&self, record: &Record) {
        if self.logs
            && let Ok(line) = serde_json::to_string(record)
        {
            worker::console_log!("{line}");
        }
    }
}

/// A line for each: the meter, the verb, what is said.
fn block(notes: &[Note]) -> String {
    notes.iter().map(|note| format!("{}\t{}\t{}\n", note.meter, note.verb.word(), note.body)).collect()
}

pub fn now() -> u64 {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "milliseconds since 1970")]
    let now = js_sys::Date::now() as u64;
    now
}

fn fault(error: &JsValue) -> Fault {
    match error.as_string().as_deref() {
        Some("abandoned") => Fault::Abandoned,
        Some("late") => Fault::TimedOut,
        Some("large") => Fault::TooLarge,
        other => Fault::Unreachable(other.unwrap_or("unknown").to_owned()),
    }
}

impl Answer for Upstream {
    fn status(&self) -> u16 {
        Upstream::status(self)
    }

    fn header(&self, name: &str) -> Option<String> {
        Upstream::header(self, name).ok().flatten()
    }

    fn is_stream(&self) -> bool {
        Upstream::stream(self)
    }

    async fn bytes(&mut self, limit: usize) -> Result<Vec<u8>, Fault> {
        let bytes = match Upstream::body(self) {
            Some(bytes) => bytes,
            None => match self.gather(limit as f64).await {
                Ok(bytes) if bytes.is_null() => return Err(Fault::TooLarge),
                Ok(bytes) => bytes.unchecked_into(),
                Err(error) => return Err(fault(&error)),
            },
        };
        let kept = bytes.length().min(u32::try_from(limit).unwrap_or(u32::MAX));
        Ok(bytes.subarray(0, kept).to_vec())
    }

    async fn peek(&mut self, timeout_ms: Option<u64>) -> Result<Option<Vec<u8>>, Fault> {
        match self.piece(timeout_ms.unwrap_or(0) as f64).await {
            Ok(piece) if piece.is_null() => Ok(None),
            Ok(piece) => Ok(Some(Uint8Array::from(piece).to_vec())),
            Err(error) => Err(fault(&error)),
        }
    }

    fn discard(&mut self) {
        let _ = self.cancel();
    }
}
