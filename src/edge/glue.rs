//! The functions of `glue.js`. Each is `catch`: an exception that nobody catches would end every request of the isolate.

use wasm_bindgen::prelude::*;
use worker::js_sys::futures::JsFuture;
use worker::js_sys::{Array, Function, Promise, Uint8Array};
use worker::{js_sys, wasm_bindgen};

#[wasm_bindgen(module = "/src/edge/glue.js")]
extern "C" {
    /// An upstream's answer.
    #[derive(Clone)]
    pub type Upstream;

    #[wasm_bindgen(method, getter)]
    pub fn status(this: &Upstream) -> u16;
    #[wasm_bindgen(method, getter)]
    pub fn stream(this: &Upstream) -> bool;
    #[wasm_bindgen(method, getter)]
    pub fn body(this: &Upstream) -> Option<Uint8Array>;
    #[wasm_bindgen(method, catch)]
    pub fn header(this: &Upstream, name: &str) -> Result<Option<String>, JsValue>;

    #[wasm_bindgen(catch, js_name = head)]
    fn head_of(request: &web_sys::Request) -> Result<Vec<u8>, JsValue>;
    #[wasm_bindgen(catch, js_name = body)]
    fn body_of(request: &web_sys::Request, limit: f64) -> Result<Promise, JsValue>;
    #[wasm_bindgen(catch, js_name = variables)]
    fn variables_of(env: &JsValue) -> Result<Vec<u8>, JsValue>;
    #[wasm_bindgen(catch, js_name = seed)]
    fn seed_of() -> Result<f64, JsValue>;
    #[wasm_bindgen(catch, js_name = sleep)]
    fn sleep_for(ms: f64) -> Result<Promise, JsValue>;
    #[wasm_bindgen(catch, js_name = send)]
    fn send_to(
        request: &web_sys::Request,
        url: &str,
        headers: &str,
        body: Option<Uint8Array>,
        timeout: f64,
        limit: f64,
    ) -> Result<Promise, JsValue>;
    #[wasm_bindgen(catch, js_name = gather)]
    fn gather_of(upstream: &Upstream, limit: f64) -> Result<Promise, JsValue>;
    #[wasm_bindgen(catch)]
    pub fn canned(status: u16, content_type: &str, chunks: Array, cut: bool) -> Result<Upstream, JsValue>;
    #[wasm_bindgen(catch)]
    pub fn reply(status: u16, headers: &str, body: Option<Uint8Array>, upstream: Option<Upstream>) -> Result<web_sys::Response, JsValue>;
    #[wasm_bindgen(catch)]
    pub fn relay(
        context: &JsValue,
        upstream: &Upstream,
        status: u16,
        headers: &str,
        look: &Function,
        done: &Function,
    ) -> Result<web_sys::Response, JsValue>;
    #[wasm_bindgen(catch)]
    pub fn pump(
        context: &JsValue,
        upstream: &Upstream,
        status: u16,
        headers: &str,
        passes: bool,
        change: &Function,
        finish: &Function,
    ) -> Result<web_sys::Response, JsValue>;
}

pub async fn body(request: &web_sys::Request, limit: f64) -> Result<JsValue, JsValue> {
    JsFuture::from(body_of(request, limit)?).await
}

pub async fn sleep(ms: f64) -> Result<JsValue, JsValue> {
    JsFuture::from(sleep_for(ms)?).await
}

pub async fn send(
    request: &web_sys::Request,
    url: &str,
    headers: &str,
    body: Option<Uint8Array>,
    timeout: f64,
    limit: f64,
) -> Result<JsValue, JsValue> {
    JsFuture::from(send_to(request, url, headers, body, timeout, limit)?).await
}

pub async fn gather(upstream: &Upstream, limit: f64) -> Result<JsValue, JsValue> {
    JsFuture::from(gather_of(upstream, limit)?).await
}

pub fn head(request: &web_sys::Request) -> Vec<u8> {
    head_of(request).unwrap_or_default()
}

pub fn variables(env: &JsValue) -> Vec<u8> {
    variables_of(env).unwrap_or_default()
}

pub fn seed() -> u64 {
    seed_of().map_or_else(|_| js_sys::Date::now().to_bits(), f64::to_bits)
}
