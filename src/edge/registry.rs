//! The Durable Object of the admin API, as far as it decides something: the core over the rows of its database. What
//! is told to meters and to the storage, one after the other, is told by `registry.js`.

use std::cell::RefCell;

use wasm_bindgen::prelude::*;
use worker::js_sys::Array;
use worker::wasm_bindgen;

use crate::admin::{self, Answer, Chance, Store, outbox};
use crate::policy::vault::Vault;
use crate::wire::lean;

#[wasm_bindgen]
extern "C" {
    /// The rows of a Durable Object's database.
    pub type Shelf;

    #[wasm_bindgen(method, catch)]
    fn get(this: &Shelf, name: &str) -> Result<Option<String>, JsValue>;
    #[wasm_bindgen(method, catch)]
    fn put(this: &Shelf, name: &str, value: &str) -> Result<(), JsValue>;
    #[wasm_bindgen(method, catch)]
    fn remove(this: &Shelf, name: &str) -> Result<(), JsValue>;
    /// Names and values by turns.
    #[wasm_bindgen(method, catch)]
    fn list(this: &Shelf, prefix: &str, after: &str, limit: f64) -> Result<Array, JsValue>;
}

/// The rows, and what went wrong with them first. Whoever reads on after that reads nothing, and writes nothing that
/// stays: the transaction ends with that error.
struct Rows<'a> {
    shelf: &'a Shelf,
    fault: RefCell<Option<JsValue>>,
}

impl<'a> Rows<'a> {
    fn of(shelf: &'a Shelf) -> Self {
        Self { shelf, fault: RefCell::new(None) }
    }

    fn note<T: Default>(&self, outcome: Result<T, JsValue>) -> T {
        outcome.unwrap_or_else(|fault| {
            self.fault.borrow_mut().get_or_insert(fault);
            T::default()
        })
    }

    fn end<T>(self, value: T) -> Result<T, JsValue> {
        self.fault.into_inner().map_or(Ok(value), Err)
    }
}

impl Store for Rows<'_> {
    fn get(&self, name: &str) -> Option<String> {
        self.note(self.shelf.get(name))
    }

    fn put(&mut self, name: &str, value: &str) {
        self.note(self.shelf.put(name, value));
    }

    fn delete(&mut self, name: &str) {
        self.note(self.shelf.remove(name));
    }

    fn list(&self, prefix: &str, after: &str, limit: usize) -> Vec<(String, String)> {
        let flat = self.note(self.shelf.list(prefix, after, limit as f64));
        let texts: Vec<String> = flat.iter().filter_map(|text| text.as_string()).collect();
        texts.chunks_exact(2).filter_map(|pair| Some((pair.first()?.clone(), pair.get(1)?.clone()))).collect()
    }
}

/// Answers a request, all of whose changes are one transaction. A refusal is thrown, as text, so that nothing of it
/// stays. Of several master keys the first seals.
#[wasm_bindgen]
pub fn register(shelf: &Shelf, request: &str, masters: Vec<String>, seed: Vec<u8>, now: f64) -> Result<String, JsValue> {
    let fault = |what: &str| JsValue::from(worker::js_sys::Error::new(what));
    let request = lean::from_str(request).map_err(|_| fault("this is no request"))?;
    let seed: [u8; 32] = seed.try_into().map_err(|_| fault("the seed is too short"))?;
    let vault = Vault::of(masters.iter().map(|master| master.trim()));
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "milliseconds since 1970")]
    let now = now as u64;
    let mut rows = Rows::of(shelf);
    let answer = admin::answer(&mut rows, &request, &vault, &mut Chance::of(seed), now);
    let refused = answer.status >= 400;
    let json = rows.end(serde_json::to_string(&answer).unwrap_or_default())?;
    if refused { Err(json.into()) } else { Ok(json) }
}

/// What is to be told next, in JSON.
#[wasm_bindgen]
pub fn due(shelf: &Shelf, limit: u32) -> Result<String, JsValue> {
    let rows = Rows::of(shelf);
    let due = outbox::due(&rows, usize::try_from(limit).unwrap_or(1));
    rows.end(serde_json::to_string(&due).unwrap_or_default())
}

/// It was told.
#[wasm_bindgen]
pub fn told(shelf: &Shelf, mark: &str, stamp: &str) -> Result<(), JsValue> {
    let mut rows = Rows::of(shelf);
    outbox::done(&mut rows, mark, stamp);
    rows.end(())
}

/// The answer as it may go now.
#[wasm_bindgen]
pub fn settle(shelf: &Shelf, answer: &str) -> Result<String, JsValue> {
    let rows = Rows::of(shelf);
    let answer: Answer = lean::from_str(answer).unwrap_or_default();
    let settled = outbox::settle(&rows, answer);
    rows.end(serde_json::to_string(&settled).unwrap_or_default())
}
