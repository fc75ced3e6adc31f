//! The Worker: the only folder that knows Cloudflare. It turns requests into calls, replies into responses, and
//! is the `Host` of the core.

mod glue;
mod host;
mod meter;
mod reply;

use std::cell::OnceCell;
use std::rc::Rc;

use worker::{Context, Env, event};

use crate::error::{Error, Kind};
use crate::gateway;
use crate::http::{Call, Headers, Method};
use crate::providers::settings::Settings;
use crate::wire::envelope::MAX_BODY;
use host::Worker;

thread_local! {
    /// The environment does not change during an isolate's life.
    static SETTINGS: OnceCell<Rc<Settings>> = const { OnceCell::new() };
}

#[event(fetch)]
async fn fetch(request: web_sys::Request, env: Env, context: Context) -> worker::Result<web_sys::Response> {
    let settings = settings(&env);
    let call = call(&request);
    let body = body(&request, &call).await;
    let context: &worker::wasm_bindgen::JsValue = AsRef::<worker::worker_sys::Context>::as_ref(&context).as_ref();
    let worker = Worker::new(request, env, context.clone(), settings.var("LOG_RECORDS") == Some("true"));
    let reply = gateway::serve(&worker, &settings, &call, body).await;
    reply::respond(&worker, reply)
}

fn settings(env: &Env) -> Rc<Settings> {
    SETTINGS.with(|cell| {
        let read = || {
            let block = String::from_utf8_lossy(&glue::variables(env)).into_owned();
            let line = |line: &str| line.split_once('=').map(|(name, value)| (name.to_owned(), value.replace('\u{1}', "\n")));
            Rc::new(Settings::new(block.lines().filter_map(line)))
        };
        Rc::clone(cell.get_or_init(read))
    })
}

fn call(request: &web_sys::Request) -> Call {
    let mut head = String::from_utf8(glue::head(request)).unwrap_or_default();
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

async fn body(request: &web_sys::Request, call: &Call) -> crate::error::Result<Vec<u8>> {
    if call.method != Method::Post {
        return Ok(Vec::new());
    }
    let too_large =
        || Error::caller(Kind::TooLarge, format!("The body is larger than {} MiB; send large files by URL or file id.", MAX_BODY >> 20));
    let told = call.headers.find("content-length").and_then(|length| length.parse::<usize>().ok());
    if told.is_some_and(|length| length > MAX_BODY) {
        return Err(too_large());
    }
    match glue::body(request, MAX_BODY as f64).await {
        Ok(bytes) if bytes.is_null() => Err(too_large()),
        Ok(bytes) => Ok(worker::js_sys::Uint8Array::from(bytes).to_vec()),
        Err(_) => Err(Error::invalid("The body could not be read.")),
    }
}
