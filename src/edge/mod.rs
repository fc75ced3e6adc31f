//! The Worker: the only folder that knows Cloudflare. It turns requests into calls, replies into responses, and
//! is the `Host` of the core. `worker.js`, the Worker's entry, is its other half.

mod exchange;
mod host;
mod meter;
mod registry;
mod reply;
mod task;
mod upload;

use std::cell::OnceCell;
use std::rc::Rc;

use worker::wasm_bindgen::prelude::wasm_bindgen;

use crate::gateway;
use crate::http::{Call, Headers, Method};
use crate::settings::Settings;
use exchange::Exchange;
use host::Worker;

thread_local! {
    /// The environment does not change during an isolate's life.
    static SETTINGS: OnceCell<Rc<Settings>> = const { OnceCell::new() };
}

/// Begins a request; its reply is handed to the exchange.
#[wasm_bindgen]
pub fn serve(exchange: Exchange) {
    task::spawn(async move {
        let settings = settings(&exchange);
        let call = call(&exchange);
        let worker = Worker::new(exchange, settings.var("LOG_RECORDS") == Some("true"));
        let reply = gateway::serve(&worker, &settings, &call).await;
        reply::send(&worker, &settings, reply);
        // Behind the reply's back.
        let _ = gateway::confer(&worker, &settings).await;
    });
}

fn settings(exchange: &Exchange) -> Rc<Settings> {
    SETTINGS.with(|cell| {
        let read = || {
            let block = String::from_utf8(exchange.variables().unwrap_or_default()).unwrap_or_default();
            let line = |line: &str| line.split_once('=').map(|(name, value)| (name.to_owned(), value.replace('\u{1}', "\n")));
            Rc::new(Settings::new(block.lines().filter_map(line)))
        };
        Rc::clone(cell.get_or_init(read))
    })
}

fn call(exchange: &Exchange) -> Call {
    let mut head = String::from_utf8(exchange.head().unwrap_or_default()).unwrap_or_default();
    let mut lines = head.splitn(3, '\n');
    let method = Method::from_word(lines.next().unwrap_or_default());
    let url = lines.next().unwrap_or_default();
    let after_scheme = url.split_once("://").map_or(url, |(_, rest)| rest);
    let local = after_scheme.find(['/', '?']).and_then(|at| after_scheme.get(at..)).unwrap_or("/");
    let query_at = local.find('?').unwrap_or(local.len());
    let (path, query) = local.split_at(query_at);
    let (path, query) = (path.to_owned(), query.to_owned());
    let start = head.len() - lines.next().unwrap_or_default().len();
    head.drain(..start);
    Call { method, path, query, headers: Headers::from_block(head) }
}
