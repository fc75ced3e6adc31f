//! The JavaScript side of a request (`exchange.js`), as far as it is called from here. Each call is `catch`: an
//! exception that nobody catches would end every request of the isolate.

use wasm_bindgen::prelude::*;
use worker::js_sys::{Array, Uint8Array};
use worker::wasm_bindgen;

use super::task::{Arrival, Slot};

#[wasm_bindgen]
extern "C" {
    /// One request and its answer.
    #[derive(Clone)]
    pub type Exchange;

    #[wasm_bindgen(method, catch)]
    pub fn head(this: &Exchange) -> Result<Vec<u8>, JsValue>;
    #[wasm_bindgen(method, catch)]
    pub fn variables(this: &Exchange) -> Result<Vec<u8>, JsValue>;
    #[wasm_bindgen(method, catch)]
    pub fn seed(this: &Exchange) -> Result<f64, JsValue>;
    #[wasm_bindgen(method, catch)]
    pub fn country(this: &Exchange) -> Result<Option<String>, JsValue>;
    #[wasm_bindgen(method, catch)]
    pub fn canned(this: &Exchange, status: u16, content_type: &str, chunks: Array, cut: bool) -> Result<Upstream, JsValue>;
    #[wasm_bindgen(method, catch)]
    pub fn reply(this: &Exchange, status: u16, headers: &str, body: Option<Uint8Array>, upstream: Option<&Upstream>)
    -> Result<(), JsValue>;
    #[wasm_bindgen(method, catch)]
    pub fn relay(this: &Exchange, status: u16, headers: &str, upstream: &Upstream, pipe: Option<u32>) -> Result<(), JsValue>;
    #[wasm_bindgen(method, catch)]
    pub fn pump(
        this: &Exchange,
        status: u16,
        headers: &str,
        upstream: &Upstream,
        pipe: u32,
        passes: bool,
        idle: f64,
        total: f64,
    ) -> Result<(), JsValue>;

    #[wasm_bindgen(method, catch, js_name = body)]
    fn ask_body(this: &Exchange, slot: Slot, limit: f64) -> Result<(), JsValue>;
    #[wasm_bindgen(method, catch, js_name = beginning)]
    fn ask_beginning(this: &Exchange, slot: Slot, length: f64) -> Result<(), JsValue>;
    #[wasm_bindgen(method, catch, js_name = sleep)]
    fn ask_sleep(this: &Exchange, slot: Slot, ms: f64) -> Result<(), JsValue>;
    #[wasm_bindgen(method, catch, js_name = bindings)]
    fn ask_bindings(this: &Exchange, slot: Slot) -> Result<(), JsValue>;
    #[wasm_bindgen(method, catch, js_name = registry)]
    fn ask_registry(this: &Exchange, slot: Slot, request: &str) -> Result<(), JsValue>;
    #[wasm_bindgen(method, catch, js_name = meet)]
    fn ask_meet(this: &Exchange, slot: Slot, news: &str, timeout: f64) -> Result<(), JsValue>;
    #[wasm_bindgen(method, catch, js_name = stored)]
    fn ask_stored(this: &Exchange, slot: Slot, key: &str, timeout: f64) -> Result<(), JsValue>;
    #[wasm_bindgen(method, catch, js_name = lineUp)]
    fn ask_line(this: &Exchange, slot: Slot, name: &str, timeout: f64) -> Result<(), JsValue>;
    #[wasm_bindgen(method, catch, js_name = serveLine)]
    pub fn serve_line(this: &Exchange, name: &str, value: Option<Uint8Array>) -> Result<(), JsValue>;
    #[wasm_bindgen(method, catch, js_name = askMeters)]
    fn ask_meters_for(this: &Exchange, slot: Slot, notes: &str, timeout: f64) -> Result<(), JsValue>;
    #[wasm_bindgen(method, catch, js_name = tellMeters)]
    pub fn tell_meters(this: &Exchange, notes: &str) -> Result<(), JsValue>;
    #[wasm_bindgen(method, catch, js_name = tallyLater)]
    pub fn tally_later(this: &Exchange) -> Result<(), JsValue>;
    #[wasm_bindgen(method, catch, js_name = send)]
    fn ask_send(
        this: &Exchange,
        slot: Slot,
        method: &str,
        url: &str,
        headers: &str,
        body: JsValue,
        timeout: f64,
        limit: f64,
    ) -> Result<(), JsValue>;

    #[wasm_bindgen(method, catch)]
    pub fn store(this: &Exchange, key: &str, value: Uint8Array, ttl: f64) -> Result<(), JsValue>;
    #[wasm_bindgen(method, catch)]
    pub fn tell(this: &Exchange, url: &str, headers: &str) -> Result<(), JsValue>;
    #[wasm_bindgen(method, catch, js_name = sign)]
    fn ask_sign(this: &Exchange, slot: Slot, key: Uint8Array, message: Uint8Array) -> Result<(), JsValue>;

    #[wasm_bindgen(method, catch, js_name = verify)]
    fn ask_verify(this: &Exchange, slot: Slot, n: &str, e: &str, message: Uint8Array, signature: Uint8Array) -> Result<(), JsValue>;

    /// An upstream's answer.
    pub type Upstream;

    #[wasm_bindgen(method, getter)]
    pub fn status(this: &Upstream) -> u16;
    #[wasm_bindgen(method, getter)]
    pub fn stream(this: &Upstream) -> bool;
    #[wasm_bindgen(method, getter)]
    pub fn body(this: &Upstream) -> Option<Uint8Array>;
    #[wasm_bindgen(method, catch)]
    pub fn header(this: &Upstream, name: &str) -> Result<Option<String>, JsValue>;
    #[wasm_bindgen(method, catch, js_name = gather)]
    fn ask_gather(this: &Upstream, slot: Slot, limit: f64) -> Result<(), JsValue>;
    #[wasm_bindgen(method, catch, js_name = peek)]
    fn ask_peek(this: &Upstream, slot: Slot, timeout: f64) -> Result<(), JsValue>;
    #[wasm_bindgen(method, catch)]
    pub fn cancel(this: &Upstream) -> Result<(), JsValue>;
}

impl Upstream {
    pub fn gather(&self, limit: f64) -> Arrival {
        Arrival::of(|slot| self.ask_gather(slot, limit))
    }

    pub fn piece(&self, timeout: f64) -> Arrival {
        Arrival::of(|slot| self.ask_peek(slot, timeout))
    }
}

impl Exchange {
    pub fn body(&self, limit: f64) -> Arrival {
        Arrival::of(|slot| self.ask_body(slot, limit))
    }

    pub fn beginning(&self, length: f64) -> Arrival {
        Arrival::of(|slot| self.ask_beginning(slot, length))
    }

    pub fn sleep(&self, ms: f64) -> Arrival {
        Arrival::of(|slot| self.ask_sleep(slot, ms))
    }

    pub fn bindings(&self) -> Arrival {
        Arrival::of(|slot| self.ask_bindings(slot))
    }

    pub fn stored(&self, key: &str, timeout: f64) -> Arrival {
        Arrival::of(|slot| self.ask_stored(slot, key, timeout))
    }

    pub fn line_up(&self, name: &str, timeout: f64) -> Arrival {
        Arrival::of(|slot| self.ask_line(slot, name, timeout))
    }

    pub fn ask_meters(&self, notes: &str, timeout: f64) -> Arrival {
        Arrival::of(|slot| self.ask_meters_for(slot, notes, timeout))
    }

    pub fn registry(&self, request: &str) -> Arrival {
        Arrival::of(|slot| self.ask_registry(slot, request))
    }

    pub fn meet(&self, news: &str, timeout: f64) -> Arrival {
        Arrival::of(|slot| self.ask_meet(slot, news, timeout))
    }

    pub fn sign(&self, key: &[u8], message: &[u8]) -> Arrival {
        Arrival::of(|slot| self.ask_sign(slot, Uint8Array::from(key), Uint8Array::from(message)))
    }

    pub fn verify(&self, n: &str, e: &str, message: &[u8], signature: &[u8]) -> Arrival {
        Arrival::of(|slot| self.ask_verify(slot, n, e, Uint8Array::from(message), Uint8Array::from(signature)))
    }

    pub fn send(&self, method: &str, url: &str, headers: &str, body: JsValue, timeout: f64, limit: f64) -> Arrival {
        Arrival::of(|slot| self.ask_send(slot, method, url, headers, body, timeout, limit))
    }
}
