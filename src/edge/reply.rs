//! A reply of the core as a response of the platform.

use std::cell::RefCell;
use std::rc::Rc;

use worker::js_sys::Uint8Array;
use worker::wasm_bindgen::closure::Closure;
use worker::wasm_bindgen::{JsCast, JsValue};

use super::glue::{self, Upstream};
use super::host::{self, Worker};
use crate::error::{Error, Kind};
use crate::http::{Body, Ending, Reply};
use crate::record::Ledger;
use crate::wire::pipe::{Passed, Pipe};

pub fn respond(worker: &Worker, reply: Reply<Upstream>) -> worker::Result<web_sys::Response> {
    let headers = reply.headers.block();
    let response = match reply.body {
        Body::Empty => glue::reply(reply.status, headers, None, None),
        Body::Bytes(bytes) => glue::reply(reply.status, headers, Some(Uint8Array::from(bytes.as_slice())), None),
        Body::Relayed { answer, bytes } => {
            let body = answer.body().unwrap_or_else(|| Uint8Array::from(bytes.as_slice()));
            let body = Some(body);
            glue::reply(reply.status, headers, body, Some(answer))
        }
        Body::Stream { answer, pipe } => stream(worker, reply.status, headers, &answer, pipe, reply.ledger.unwrap_or_default()),
    };
    response.map_err(|_| worker::Error::RustError("The reply could not be built.".to_owned()))
}

/// What the two callbacks of a stream share.
struct Flow {
    pipe: Box<Pipe>,
    ledger: Option<Ledger>,
}

/// Starts the stream. The closures free themselves: the last call to `finish` is the end of both.
fn stream(
    worker: &Worker,
    status: u16,
    headers: &str,
    answer: &Upstream,
    pipe: Box<Pipe>,
    ledger: Ledger,
) -> Result<web_sys::Response, JsValue> {
    let native = pipe.is_tap();
    let passes = !matches!(*pipe, Pipe::Translate(_));
    let logs = worker.logs();
    let flow = Rc::new(RefCell::new(Flow { pipe, ledger: Some(ledger) }));
    let change = {
        let flow = Rc::clone(&flow);
        Closure::<dyn FnMut(Uint8Array) -> JsValue>::new(move |piece: Uint8Array| match flow.try_borrow_mut() {
            Ok(mut flow) => match flow.pipe.push(&piece.to_vec()) {
                Passed::Same => JsValue::UNDEFINED,
                Passed::Bytes(bytes) => Uint8Array::from(bytes.as_slice()).into(),
            },
            Err(_) => JsValue::UNDEFINED,
        })
    };
    let change = change.into_js_value();
    let finish = Closure::once_into_js(move |how: JsValue| -> Uint8Array {
        let Ok(mut flow) = flow.try_borrow_mut() else { return Uint8Array::new_with_length(0) };
        let ending = ending(&how);
        let rest = flow.pipe.finish(match &ending {
            Ending::Broken(error) => Some(error.clone()),
            Ending::Closed | Ending::Abandoned => None,
        });
        if let Some(ledger) = flow.ledger.take() {
            let record = ledger.close(flow.pipe.glance(), &ending, host::now());
            if logs {
                host::log(&record);
            }
        }
        Uint8Array::from(rest.as_slice())
    });
    let (change, finish) = (change.unchecked_ref(), finish.unchecked_ref());
    if native {
        glue::relay(&worker.context, answer, status, headers, change, finish)
    } else {
        glue::pump(&worker.context, answer, status, headers, passes, change, finish)
    }
}

fn ending(how: &JsValue) -> Ending {
    match how.as_string().as_deref() {
        Some("closed") => Ending::Closed,
        Some("abandoned") => Ending::Abandoned,
        _ => Ending::Broken(Error::upstream(Kind::Failed, "The provider's stream broke off before the answer was complete.")),
    }
}
