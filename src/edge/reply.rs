//! A reply of the core as a response of the platform.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use worker::js_sys::Uint8Array;
use worker::wasm_bindgen::prelude::wasm_bindgen;

use super::exchange::Upstream;
use super::host::{self, Worker};
use super::task;
use crate::cache::Deposit;
use crate::error::{Error, Kind};
use crate::gateway;
use crate::host::Host;
use crate::http::{Body, Ending, Patience, Reply};
use crate::record::Ledger;
use crate::settings::Settings;
use crate::wire::pipe::{Passed, Pipe};

/// A stream on its way.
struct Flow {
    pipe: Box<Pipe>,
    ledger: Ledger,
    /// What is to be kept of it.
    deposit: Option<Deposit>,
    worker: Worker,
    settings: Rc<Settings>,
}

thread_local! {
    static FLOWS: RefCell<BTreeMap<u32, Flow>> = const { RefCell::new(BTreeMap::new()) };
}

pub fn send(worker: &Worker, settings: &Rc<Settings>, reply: Reply<Upstream>) {
    let exchange = &worker.exchange;
    let (status, headers) = (reply.status, reply.headers.block());
    let mut deposit = reply.deposit;
    let ledger = reply.ledger.unwrap_or_default();
    let counts = worker.logs() || !ledger.lease.shares.is_empty() || ledger.under_way.is_some();
    let sent = match reply.body {
        Body::Empty => exchange.reply(status, headers, None, None),
        Body::Bytes(bytes) => exchange.reply(status, headers, Some(Uint8Array::from(bytes.as_slice())), None),
        Body::Relayed { answer, bytes } => {
            let body = answer.body().unwrap_or_else(|| Uint8Array::from(bytes.as_slice()));
            exchange.reply(status, headers, Some(body), Some(&answer))
        }
        Body::Passed { answer } => exchange.relay(status, headers, &answer, None),
        // Where nobody keeps the record, the answer or how it ended, nobody needs to look at what passes.
        Body::Stream { answer, pipe, patience } if pipe.is_tap() && !counts && deposit.is_none() && patience == Patience::default() => {
            exchange.relay(status, headers, &answer, None)
        }
        Body::Stream { answer, pipe, patience } => {
            let (native, passes) = (pipe.is_tap() && patience == Patience::default(), !pipe.translates());
            let (idle, total) = (patience.idle_ms.unwrap_or(0) as f64, patience.total_ms.unwrap_or(0) as f64);
            let (worker, settings) = (worker.clone(), Rc::clone(settings));
            let flow = Flow { pipe, ledger, deposit: deposit.take(), worker, settings };
            let number = task::number();
            FLOWS.with_borrow_mut(|flows| flows.insert(number, flow));
            match native {
                true => exchange.relay(status, headers, &answer, Some(number)),
                false => exchange.pump(status, headers, &answer, number, passes, idle, total),
            }
        }
    };
    if sent.is_err() {
        let _ = exchange.reply(500, "", None, None);
    }
    if let Some(deposit) = deposit {
        deposit.put(worker, true);
    }
}

/// Shows a piece of the upstream's stream to its pipe; comes back with what to send in its place, or nothing for the
/// same.
#[wasm_bindgen]
pub fn look(flow: u32, piece: Vec<u8>) -> Option<Uint8Array> {
    FLOWS.with_borrow_mut(|flows| {
        let flow = flows.get_mut(&flow)?;
        if let Some(deposit) = &mut flow.deposit {
            deposit.look(&piece);
        }
        match flow.pipe.push(&piece) {
            Passed::Same => None,
            Passed::Bytes(bytes) => Some(Uint8Array::from(bytes.as_slice())),
        }
    })
}

/// The upstream's stream is over: "closed", "abandoned", or what broke. Comes back with what remains to be sent, or
/// nothing if the caller's connection is to break too.
#[wasm_bindgen]
pub fn finish(flow: u32, how: &str) -> Option<Uint8Array> {
    let mut flow = FLOWS.with_borrow_mut(|flows| flows.remove(&flow))?;
    let ending = ending(how);
    let rest = flow.pipe.finish(match &ending {
        Ending::Broken(error) => Some(error.clone()),
        Ending::Closed | Ending::Abandoned => None,
    });
    let Flow { pipe, ledger, deposit, worker, settings } = flow;
    if let Some(deposit) = deposit {
        deposit.put(&worker, ending.is_whole(pipe.glance()));
    }
    let watched = ledger.under_way.is_some();
    worker.conclude(&gateway::over(&settings, ledger, pipe.glance(), &ending, host::now()));
    if watched {
        task::spawn(async move { drop(gateway::confer(&worker, &settings).await) });
    }
    (!pipe.broke_within()).then(|| Uint8Array::from(rest.as_slice()))
}

fn ending(how: &str) -> Ending {
    match how {
        "closed" => Ending::Closed,
        "abandoned" => Ending::Abandoned,
        "idle" => Ending::Broken(Error::upstream(Kind::TimedOut, "The provider's stream stood still for too long (`idle_timeout`).")),
        "late" => {
            Ending::Broken(Error::upstream(Kind::TimedOut, "The answer was not complete in the time it has in all (`total_timeout`)."))
        }
        _ => Ending::Broken(Error::upstream(Kind::Failed, "The provider's stream broke off before the answer was complete.")),
    }
}
