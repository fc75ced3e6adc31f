//! Requests from beginning to end, as a caller sees them.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use causeway::cache::Deposit;
use causeway::error::{Error, Kind};
use causeway::gateway;
use causeway::host::Fault;
use causeway::http::{Body, Call, Ending, Headers, Method, Patience, Reply};
use causeway::record::Record;
use causeway::settings::Settings;
use causeway::wire::Dialect;
use causeway::wire::pipe::Passed;
use serde_json::json;

use crate::answers::Head;
use crate::chance::Chance;
use crate::clock::Clock;
use crate::deployment::Deployment;
use crate::invariants;
use crate::meters::Meters;
use crate::storage::Storage;
use crate::world::{Circumstances, Heard, Try, World};

/// What came out of one request.
pub struct Outcome {
    pub dialect: Dialect,
    pub portkey: bool,
    pub request_ms: Option<u64>,
    pub about: Circumstances,
    pub status: u16,
    pub headers: Headers,
    pub body: Vec<u8>,
    /// The reply is a stream.
    pub streamed: bool,
    /// The caller left before the end.
    pub left: bool,
    /// The connection to the caller broke with the upstream's.
    pub broke: bool,
    pub began: u64,
    /// When the reply's head was there, and its last byte.
    pub replied: u64,
    pub ended: u64,
    pub config_ms: u64,
    pub tries: Vec<Rc<Try>>,
    /// Tries when the reply began.
    pub tries_before: usize,
    pub records: Vec<Record>,
    /// The clock on the wall has jumped in this deployment, by so much backwards.
    pub jumped: bool,
    pub put_back: u64,
}

/// How often what happened.
#[derive(Debug, Default)]
pub struct Tally {
    pub requests: usize,
    answered: usize,
    refused: usize,
    streamed: usize,
    cut: usize,
    retried: usize,
    failed_over: usize,
    failed_over_in_stream: usize,
    passed_over: usize,
    timed_out: usize,
    abandoned: usize,
    certain: usize,
    unconfigured: usize,
}

impl Tally {
    pub fn add(&mut self, more: &Tally) {
        self.requests += more.requests;
        for ((_, sum), (_, count)) in self.fields().into_iter().zip(more.counts()) {
            *sum += count;
        }
    }

    pub fn counts(&self) -> Vec<(&'static str, usize)> {
        let mut copy = Tally { ..*self };
        copy.fields().into_iter().map(|(what, count)| (what, *count)).collect()
    }

    fn fields(&mut self) -> Vec<(&'static str, &mut usize)> {
        vec![
            ("an answer", &mut self.answered),
            ("a refusal", &mut self.refused),
            ("a stream", &mut self.streamed),
            ("a stream cut short", &mut self.cut),
            ("a retry", &mut self.retried),
            ("a failover", &mut self.failed_over),
            ("a failover from a stream", &mut self.failed_over_in_stream),
            ("a target passed over", &mut self.passed_over),
            ("a timeout", &mut self.timed_out),
            ("a caller's leaving", &mut self.abandoned),
            ("a certain answer", &mut self.certain),
            ("a config that could not be read", &mut self.unconfigured),
        ]
    }

    fn note(&mut self, outcome: &Outcome, deployment: &Deployment) {
        let tries = &outcome.tries;
        let count = |so: bool| usize::from(so);
        let moved = tries.windows(2).any(|pair| pair[0].target != pair[1].target);
        let record = outcome.records.first();
        self.requests += 1;
        self.answered += count(outcome.status == 200);
        self.refused += count(outcome.status != 200);
        self.streamed += count(outcome.streamed);
        self.cut += count(outcome.streamed && record.is_some_and(|record| record.outcome == causeway::record::Outcome::Failed));
        self.retried += count(outcome.headers.find("x-causeway-retries").is_some_and(|retries| retries != "0"));
        self.failed_over += count(moved);
        self.failed_over_in_stream += count(tries.iter().rev().skip(1).any(|tried| tried.looked.get() > 0));
        self.passed_over += count(record.is_some_and(|record| record.attempts.iter().any(|attempt| !attempt.asked)));
        self.timed_out += count(tries.iter().any(|tried| *tried.fault.borrow() == Some(Fault::TimedOut)));
        self.abandoned += count(outcome.left || outcome.status == 499);
        self.certain += count(invariants::is_certain(outcome, deployment));
        self.unconfigured += count(tries.is_empty() && outcome.status == 500);
    }
}

/// Some requests to a deployment drawn from a seed.
pub fn deployment(seed: u64, told: Option<&RefCell<Vec<String>>>) -> Result<Tally, String> {
    let chance = Chance::seeded(seed);
    let deployment = Deployment::drawn(&chance);
    if let Some(told) = told {
        told.borrow_mut().push(format!("config: {}", deployment.json));
    }
    let settings = Settings::new([("DEFAULT_CONFIG".to_owned(), if deployment.saved { "saved" } else { "" }.to_owned())]);
    let (clock, mut tally) = (Rc::new(Clock::default()), Tally::default());
    // No holder is defined there yet.
    let meters = Meters::default();
    let (mut jumped, jumps) = (false, chance.one_in(8));
    for _ in 0..chance.within(1, 8) {
        clock.pass(if chance.one_in(2) { chance.below(50) } else { chance.below(60_000) });
        if jumps && chance.one_in(2) {
            let by = i64::try_from(chance.below(7_200_000)).unwrap() - 3_600_000;
            clock.jump(clock.passed() + chance.below(1_000), by);
            jumped = true;
        }
        let mut outcome = request(&clock, &chance, &deployment, &meters, &settings, told);
        outcome.jumped = jumped;
        tally.note(&outcome, &deployment);
        invariants::check(&outcome, &deployment)?;
    }
    Ok(tally)
}

fn request(
    clock: &Rc<Clock>,
    chance: &Chance,
    deployment: &Deployment,
    meters: &Meters,
    settings: &Settings,
    told: Option<&RefCell<Vec<String>>>,
) -> Outcome {
    let dialect = chance.one_of(&[Dialect::Chat, Dialect::Chat, Dialect::Messages, Dialect::Responses, Dialect::Gemini]);
    let stream = chance.one_in(2);
    let portkey = chance.one_in(6);
    let request_ms = chance.one_in(10).then(|| chance.within(crate::deployment::AMPLE_MS, 9_000));
    let (storage_ms, storage_fails) = (if chance.one_in(8) { chance.below(4_000) } else { chance.below(30) }, chance.one_in(20));
    let (began, put_back) = (clock.passed(), clock.put_back());
    let leaves_at = chance.one_in(12).then(|| began + chance.below(if chance.one_in(2) { 100 } else { 10_000 }));
    let tools = chance.one_in(4);
    let (path, body) = written(dialect, stream, tools);
    let about = Circumstances { body: body.into_bytes(), stream, tools, leaves_at, storage_ms, storage_fails };
    let mut headers = Headers::from_iter([("content-type", "application/json"), ("authorization", "Bearer key-of-the-caller-only")]);
    let own = |name: &str| format!("x-{}-{name}", if portkey { "portkey" } else { "causeway" });
    headers.add(&own("metadata"), &json!({"plan": "paid", "user": chance.below(9).to_string()}).to_string());
    if !deployment.saved {
        headers.add(&own("config"), &deployment.json);
    }
    if let Some(ms) = request_ms {
        headers.add(&own("request-timeout"), &ms.to_string());
    }
    let call = Call {
        method: Method::Post,
        path: path.to_owned(),
        query: if path.contains(":stream") { "?alt=sse" } else { "" }.to_owned(),
        headers,
    };
    let storage = Storage::default();
    let world = World {
        clock,
        chance,
        deployment,
        about: &about,
        storage: &storage,
        meters,
        told,
        first: 0,
        tries: RefCell::default(),
        records: RefCell::default(),
        config_ms: Cell::new(0),
    };
    world.tell(|| format!("{path}, stream: {stream}, leaves at {leaves_at:?}, own timeout: {request_ms:?}"));
    let reply = clock.run(gateway::serve(&world, settings, &call));
    let jumped = false;
    let (replied, tries_before) = (clock.passed(), world.tries.borrow().len());
    let (status, headers) = (reply.status, reply.headers.clone());
    let streamed = matches!(reply.body, Body::Stream { .. });
    let Sent { body, left, broke } = clock.run(sent(&world, settings, reply));
    world.tell(|| format!("the caller got {status}: {}", String::from_utf8_lossy(&body)));
    world.tell(|| format!("headers: {}", headers.block().replace('\n', "; ")));
    world.tell(|| format!("records: {}", serde_json::to_string(&*world.records.borrow()).unwrap()));
    let World { tries, records, config_ms, .. } = world;
    let (tries, records, config_ms) = (tries.into_inner(), records.into_inner(), config_ms.get());
    let (put_back, ended) = (clock.put_back() - put_back, clock.passed());
    Outcome {
        dialect,
        portkey,
        request_ms,
        about,
        status,
        headers,
        body,
        streamed,
        left,
        broke,
        began,
        replied,
        ended,
        config_ms,
        tries,
        tries_before,
        records,
        jumped,
        put_back,
    }
}

pub fn written(dialect: Dialect, stream: bool, tools: bool) -> (&'static str, String) {
    let (path, mut body) = match dialect {
        Dialect::Messages => {
            ("/v1/messages", json!({"model": "asked", "max_tokens": 50, "messages": [{"role": "user", "content": "Go on."}]}))
        }
        Dialect::Responses => ("/v1/responses", json!({"model": "asked", "input": "Go on."})),
        Dialect::Gemini => {
            let path = if stream { "/v1beta/models/asked:streamGenerateContent" } else { "/v1beta/models/asked:generateContent" };
            (path, json!({"contents": [{"role": "user", "parts": [{"text": "Go on."}]}]}))
        }
        _ => ("/v1/chat/completions", json!({"model": "asked", "messages": [{"role": "user", "content": "Go on."}]})),
    };
    if tools {
        let schema = json!({"type": "object", "properties": {"city": {"type": "string"}}});
        body["tools"] = match dialect {
            Dialect::Messages => json!([{"name": "weather", "input_schema": schema}]),
            Dialect::Responses => json!([{"type": "function", "name": "weather", "parameters": schema}]),
            Dialect::Gemini => json!([{"functionDeclarations": [{"name": "weather", "parameters": schema}]}]),
            _ => json!([{"type": "function", "function": {"name": "weather", "parameters": schema}}]),
        };
    }
    if stream && dialect != Dialect::Gemini {
        body["stream"] = json!(true);
    }
    (path, body.to_string())
}

/// What reached the caller, and whether it left or was left.
#[derive(Default)]
pub struct Sent {
    pub body: Vec<u8>,
    pub left: bool,
    pub broke: bool,
}

/// Sends a reply to its caller, as the edge does.
pub async fn sent(world: &World<'_>, settings: &Settings, reply: Reply<Heard>) -> Sent {
    let mut deposit = reply.deposit;
    let sent = match reply.body {
        Body::Empty => Sent::default(),
        Body::Bytes(bytes) | Body::Relayed { bytes, .. } => Sent { body: bytes, ..Sent::default() },
        Body::Passed { .. } => panic!("a conversation never passes unread"),
        Body::Stream { mut answer, mut pipe, patience } => {
            let mut out = Vec::new();
            let (began, ending) = (world.clock.passed(), loop_of(world, &mut answer, &mut pipe, deposit.as_mut(), patience, &mut out));
            let ending = ending.await;
            world.tell(|| format!("the stream took {} ms: {ending:?}", world.clock.passed() - began));
            let fault = if let Ending::Broken(error) = &ending { Some(error.clone()) } else { None };
            let rest = pipe.finish(fault);
            if ending != Ending::Abandoned {
                out.extend(rest);
            }
            let ledger = reply.ledger.unwrap_or_else(|| panic!("a stream has a ledger"));
            let record = gateway::over(settings, ledger, pipe.glance(), &ending, causeway::host::Host::now(world));
            causeway::host::Host::conclude(world, &record);
            if let Some(deposit) = deposit.take() {
                deposit.put(world, ending.is_whole(pipe.glance()));
            }
            Sent { body: out, left: ending == Ending::Abandoned, broke: pipe.broke_within() }
        }
    };
    if let Some(deposit) = deposit {
        deposit.put(world, true);
    }
    sent
}

async fn loop_of(
    world: &World<'_>,
    answer: &mut Heard,
    pipe: &mut causeway::wire::pipe::Pipe,
    mut deposit: Option<&mut Deposit>,
    patience: Patience,
    out: &mut Vec<u8>,
) -> Ending {
    let end = patience.total_ms.map(|ms| world.clock.passed() + ms);
    loop {
        let left = end.map(|end| end.saturating_sub(world.clock.passed()).max(1));
        let idle = patience.idle_ms.filter(|idle| left.is_none_or(|left| *idle < left));
        let broken = |kind, words: &str| Ending::Broken(Error::upstream(kind, words));
        match answer.passed(idle.or(left)).await {
            Ok(Some(piece)) => {
                deposit.iter_mut().for_each(|deposit| deposit.look(&piece));
                match pipe.push(&piece) {
                    Passed::Same => out.extend(piece),
                    Passed::Bytes(bytes) => out.extend(bytes),
                }
            }
            Ok(None) => return Ending::Closed,
            Err(Fault::Abandoned) => return Ending::Abandoned,
            Err(Fault::TimedOut) => return broken(Kind::TimedOut, "too slow"),
            Err(_) => return broken(Kind::Failed, "broke off"),
        }
    }
}

/// Whether a try was answered with a stream.
pub fn is_stream(tried: &Try) -> bool {
    matches!(tried.answer.head, Head::Says { stream: true, .. })
}
