//! The Durable Object. Its instance `health` is where isolates meet to tell each other how targets do; those of holders
//! count for a key, a team or a credential. What they keep is in their storage, read once when they wake.

use std::cell::Cell;
use std::rc::Rc;

use wasm_bindgen::prelude::*;
use worker::js_sys::Array;
use worker::wasm_bindgen;

use crate::policy::desk::Desk;
use crate::policy::outbox::Sender;
use crate::policy::rows::Rows;
use crate::routing::meeting::Meeting;
use crate::settings::Settings;

#[wasm_bindgen]
extern "C" {
    /// The storage of one object.
    #[derive(Clone)]
    pub type Cabinet;

    #[wasm_bindgen(method, catch)]
    fn get(this: &Cabinet, name: &str) -> Result<Option<String>, JsValue>;
    #[wasm_bindgen(method, catch)]
    fn put(this: &Cabinet, name: &str, value: Option<&str>) -> Result<(), JsValue>;
    #[wasm_bindgen(method, catch)]
    fn all(this: &Cabinet, prefix: &str) -> Result<Array, JsValue>;
    #[wasm_bindgen(method, catch)]
    fn forget(this: &Cabinet, from: &str, before: &str) -> Result<(), JsValue>;
    #[wasm_bindgen(method, catch, js_name = wakeAt)]
    fn wake_at(this: &Cabinet, ms: f64) -> Result<(), JsValue>;
}

/// What an object has in mind.
#[wasm_bindgen]
pub struct Counter {
    kept: Kept,
    desk: Option<Desk<Kept>>,
    health: Meeting,
}

/// What fails here is told with the answer.
#[derive(Clone)]
struct Kept {
    cabinet: Cabinet,
    failed: Rc<Cell<bool>>,
}

#[wasm_bindgen]
impl Counter {
    #[wasm_bindgen(constructor)]
    pub fn new(cabinet: Cabinet) -> Self {
        Self { kept: Kept { cabinet, failed: Rc::default() }, desk: None, health: Meeting::default() }
    }

    pub fn meet(&self, news: &str, now: f64) -> String {
        self.health.meet(news, &self.kept, whole(now))
    }

    pub fn say(&mut self, holder: &str, verb: &str, body: &str, now: f64) -> Result<String, JsValue> {
        let now = whole(now);
        let said = self.desk().say(holder, verb, body, now).map_err(|error| JsValue::from_str(&error.message))?;
        self.kept(said)
    }

    /// When the alarm rings: what is to be sent, in JSON.
    pub fn wake(&mut self, masters: &str, trusted_hosts: &str, now: f64) -> Result<String, JsValue> {
        let masters: Vec<&str> = masters.lines().filter(|master| !master.is_empty()).collect();
        let settings = Settings::new([("TRUSTED_CUSTOM_HOSTS".to_owned(), trusted_hosts.to_owned())]);
        let sender = Sender { masters: &masters, trusted_hosts: &settings.trusted_hosts() };
        let deliveries = self.desk().wake(&sender, whole(now));
        self.kept(serde_json::to_string(&deliveries).unwrap_or_default())
    }

    pub fn arrived(&mut self, id: &str) -> Result<(), JsValue> {
        self.desk().arrived(id);
        self.kept(())
    }
}

impl Counter {
    fn desk(&mut self) -> &mut Desk<Kept> {
        self.desk.get_or_insert_with(|| Desk::open(self.kept.clone()))
    }

    /// Says nothing of what could not be kept.
    fn kept<T>(&self, said: T) -> Result<T, JsValue> {
        if self.kept.failed.get() { Err(JsValue::NULL) } else { Ok(said) }
    }
}

impl Kept {
    fn well<T>(&self, outcome: Result<T, JsValue>) -> Option<T> {
        self.failed.set(self.failed.get() || outcome.is_err());
        outcome.ok()
    }
}

impl Rows for Kept {
    fn get(&self, name: &str) -> Option<String> {
        self.well(self.cabinet.get(name)).flatten()
    }

    fn put(&self, name: &str, value: Option<&str>) {
        self.well(self.cabinet.put(name, value));
    }

    fn all(&self, prefix: &str) -> Vec<(String, String)> {
        let found = self.well(self.cabinet.all(prefix)).unwrap_or_default();
        let mut texts = found.iter().map(|text| text.as_string().unwrap_or_default());
        let mut rows = Vec::new();
        while let (Some(name), Some(value)) = (texts.next(), texts.next()) {
            rows.push((name, value));
        }
        rows
    }

    fn forget(&self, from: &str, before: &str) {
        self.well(self.cabinet.forget(from, before));
    }

    fn wake_at(&self, ms: u64) {
        self.well(self.cabinet.wake_at(ms as f64));
    }
}

fn whole(now: f64) -> u64 {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "milliseconds since 1970")]
    let now = now as u64;
    now
}
