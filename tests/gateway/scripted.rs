//! The scripted `Host`: a whole request is a deterministic, instant test.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;

use causeway::admin::outbox::{self, Effect};
use causeway::admin::{self, Chance};
use causeway::catalog::Money;
use causeway::error::{Error, Kind};
use causeway::gateway;
use causeway::host::{Answer, Fault, Host, Line, Note, Parcel, Payload, Script, Verb};
use causeway::http::{Body, Call, Ending, Headers, Method};
use causeway::lease::Used;
use causeway::policy::account::Batch;
use causeway::policy::vault::Vault;
use causeway::record::Record;
use causeway::routing::meeting::Meeting;
use causeway::settings::Settings;
use causeway::wire::pipe::Passed;
use sha2::{Digest, Sha256};

use crate::meters::{Meters, Shelf};

/// What an upstream does next.
#[derive(Clone)]
pub enum Act {
    Says { status: u16, headers: Vec<(&'static str, &'static str)>, body: Vec<u8> },
    Fails(Fault),
}

/// A request as the upstream saw it.
#[derive(Clone, Debug)]
pub struct Seen {
    pub method: String,
    pub url: String,
    pub headers: Headers,
    pub body: String,
}

#[derive(Default)]
pub struct Scripted {
    /// Where was posted to without waiting for it.
    pub told: RefCell<Vec<Seen>>,
    /// What was signed, by which key.
    pub signed: RefCell<Vec<(Vec<u8>, String)>>,
    pub acts: RefCell<VecDeque<Act>>,
    pub seen: RefCell<Vec<Seen>>,
    pub records: RefCell<Vec<Record>>,
    pub now: Rc<Cell<u64>>,
    pub random: Cell<u64>,
    /// The caller's.
    pub body: Vec<u8>,
    pub store: Option<Store>,
    /// What requests put into the storage, for how many seconds.
    pub shelves: Shelves,
    /// The rows of the registry, and the master key that seals in it.
    pub rows: Rows,
    pub master: String,
    pub meters: Meters,
    /// Which keys were asked for, and after how many requests upstream.
    pub reads: RefCell<Vec<(String, usize)>>,
    /// For how many seconds something was stored.
    pub puts: RefCell<Vec<u64>>,
    /// Where isolates meet; nowhere, where it does not answer.
    pub place: Option<Rc<Place>>,
    /// Where the platform says that the caller is.
    pub country: Option<&'static str>,
    /// What comes of lining up.
    pub line: Option<Line>,
    /// For how long somebody would have waited in line.
    pub lined_up: RefCell<Vec<u64>>,
    /// What was given to those who waited.
    pub served: RefCell<Vec<Option<Vec<u8>>>>,
}

/// What the deployment keeps, in one place for all its requests.
#[derive(Clone)]
pub enum Store {
    Holds(&'static str, String),
    Silent,
}

/// What requests have stored, in one place for all that share it: bytes, and until when.
pub type Shelves = Rc<RefCell<BTreeMap<String, (Vec<u8>, u64)>>>;

/// What the registry holds, in one place for all that share it.
pub type Rows = Rc<RefCell<BTreeMap<String, String>>>;

/// Where the isolates of a deployment meet.
#[derive(Default)]
pub struct Place {
    meeting: Meeting,
    rows: Shelf,
}

/// With the header `x-stalls`, a body that never comes to its end.
pub struct Said {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
    pub cut: bool,
    peeked: usize,
    clock: Rc<Cell<u64>>,
}

impl Host for Scripted {
    type Answer = Said;

    fn now(&self) -> u64 {
        1_795_219_200_000 + self.now.get()
    }

    fn random(&self) -> u64 {
        self.random.set(self.random.get() + 1);
        self.random.get().wrapping_mul(0x9e37_79b9_7f4a_7c15)
    }

    fn country(&self) -> Option<String> {
        self.country.map(str::to_owned)
    }

    async fn sleep(&self, ms: u64) {
        self.now.set(self.now.get() + ms);
    }

    async fn body(&self, limit: usize) -> Result<Vec<u8>, Fault> {
        if self.body.len() > limit { Err(Fault::TooLarge) } else { Ok(self.body.clone()) }
    }

    async fn beginning(&self, length: usize) -> Result<Vec<u8>, Fault> {
        Ok(self.body.iter().copied().take(length).collect())
    }

    async fn fetch(&self, parcel: Parcel<'_>) -> Result<Said, Fault> {
        let body = match parcel.body {
            Payload::None => Vec::new(),
            Payload::Bytes(bytes) => bytes.to_vec(),
            // What was changed does not get by as unchanged.
            Payload::Unchanged(bytes) => {
                assert_eq!(bytes, self.body);
                bytes.to_vec()
            }
            Payload::Callers => self.body.clone(),
            Payload::Form(mut editor) => {
                let mut out = Vec::new();
                editor.push(&self.body, &mut out).unwrap();
                editor.finish().unwrap();
                out
            }
        };
        self.seen.borrow_mut().push(Seen {
            method: parcel.method.to_owned(),
            url: parcel.url.to_owned(),
            headers: parcel.headers.clone(),
            body: String::from_utf8(body).unwrap(),
        });
        self.now.set(self.now.get() + 10);
        match self.acts.borrow_mut().pop_front().expect("the upstream is asked more often than it has acts") {
            Act::Fails(fault) => Err(fault),
            Act::Says { status, headers, body } => {
                let headers = headers.into_iter().map(|(name, value)| (name, value.to_owned())).collect();
                Ok(Said { status, headers, body, cut: false, peeked: 0, clock: Rc::clone(&self.now) })
            }
        }
    }

    fn tell(&self, url: &str, headers: &Headers) {
        self.told.borrow_mut().push(Seen { method: "POST".to_owned(), url: url.to_owned(), headers: headers.clone(), body: String::new() });
    }

    async fn sign(&self, key: &[u8], message: &[u8]) -> Option<Vec<u8>> {
        self.signed.borrow_mut().push((key.to_vec(), String::from_utf8(message.to_vec()).unwrap()));
        // Shorter ones are none.
        (key.len() > 3).then(|| b"signed".to_vec())
    }

    /// As a test signs: with the hash of the key and the message.
    async fn verify(&self, n: &str, _e: &str, message: &[u8], signature: &[u8]) -> bool {
        signature == Sha256::new().chain_update(n).chain_update(message).finalize().as_slice()
    }

    fn canned(&self, script: Script) -> Said {
        let headers = vec![("content-type", script.content_type.to_owned())];
        Said { status: script.status, headers, body: script.chunks.concat(), cut: script.cut, peeked: 0, clock: Rc::clone(&self.now) }
    }

    async fn stored(&self, key: &str, _timeout_ms: u64) -> Result<Option<Vec<u8>>, Fault> {
        self.reads.borrow_mut().push((key.to_owned(), self.seen.borrow().len()));
        match &self.store {
            Some(Store::Holds(own, value)) if *own == key => Ok(Some(value.clone().into_bytes())),
            Some(Store::Silent) => Err(Fault::TimedOut),
            _ => Ok(self.shelves.borrow().get(key).filter(|(_, until)| self.now() < *until).map(|(value, _)| value.clone())),
        }
    }

    async fn ask_meters(&self, notes: &[Note], _: u64) -> Vec<String> {
        self.meters.ask(notes, self.now())
    }

    fn tell_meters(&self, notes: &[Note]) {
        self.meters.tell(notes, self.now());
    }

    fn count_keyless(&self, used: &Used, usd: Money) {
        let mut batch = Batch::default();
        batch.note(used, usd);
        self.meters
            .tell(&[Note { meter: "keyless".to_owned(), verb: Verb::Tally, body: serde_json::to_string(&batch).unwrap() }], self.now());
    }

    async fn registry(&self, request: &str) -> Result<String, Fault> {
        let mut rows = self.rows.borrow_mut();
        let request = serde_json::from_str(request).unwrap();
        let mut chance = Chance::of([u8::try_from(self.random() % 251).unwrap(); 32]);
        let answer = admin::answer(&mut *rows, &request, &Vault::of([self.master.as_str()]), &mut chance, self.now());
        for due in outbox::due(&*rows, usize::MAX) {
            match due.effect {
                Effect::Define { meter, definition } => self.meters.define(&meter, definition.as_deref().unwrap_or("null")),
                Effect::Put { key, value } => drop(self.shelves.borrow_mut().insert(key, (value.into_bytes(), u64::MAX))),
                Effect::Remove { key } => drop(self.shelves.borrow_mut().remove(&key)),
            }
            outbox::done(&mut *rows, &due.mark, &due.stamp);
        }
        Ok(serde_json::to_string(&outbox::settle(&*rows, answer)).unwrap())
    }

    async fn line_up(&self, _name: &str, timeout_ms: u64) -> Line {
        self.lined_up.borrow_mut().push(timeout_ms);
        self.line.clone().unwrap_or(Line::Alone)
    }

    fn serve_line(&self, _name: &str, value: Option<&[u8]>) {
        self.served.borrow_mut().push(value.map(<[u8]>::to_vec));
    }

    fn store(&self, key: &str, value: &[u8], ttl_s: u64) {
        self.puts.borrow_mut().push(ttl_s);
        self.shelves.borrow_mut().insert(key.to_owned(), (value.to_vec(), self.now() + ttl_s * 1_000));
    }

    async fn meet(&self, news: &str, _timeout_ms: u64) -> Result<String, Fault> {
        let place = self.place.as_deref().ok_or(Fault::TimedOut)?;
        Ok(place.meeting.meet(news, &place.rows, self.now()))
    }

    async fn bindings(&self) -> Vec<(&'static str, bool)> {
        vec![("KV", true), ("METER", false)]
    }

    fn record(&self, record: &Record) {
        self.records.borrow_mut().push(record.clone());
    }
}

impl Answer for Said {
    fn status(&self) -> u16 {
        self.status
    }

    fn header(&self, name: &str) -> Option<String> {
        self.headers.iter().find(|(key, _)| *key == name).map(|(_, value)| value.clone())
    }

    fn is_stream(&self) -> bool {
        self.header("content-type")
            .is_some_and(|kind| kind.starts_with("text/event-stream") || kind.starts_with("application/vnd.amazon.eventstream"))
    }

    async fn bytes(&mut self, limit: usize) -> Result<Vec<u8>, Fault> {
        assert!(self.header("x-stalls").is_none(), "it waits for ever");
        Ok(self.body.iter().copied().take(limit).collect())
    }

    async fn peek(&mut self, timeout_ms: Option<u64>) -> Result<Option<Vec<u8>>, Fault> {
        if self.peeked >= self.body.len() && self.header("x-stalls").is_some() {
            timeout_ms.expect("it waits for ever");
            return Err(Fault::TimedOut);
        }
        let piece: Vec<u8> = self.body.iter().copied().skip(self.peeked).take(7).collect();
        self.peeked += piece.len();
        // A slow one says so.
        let ms: u64 = self.header("x-ms-a-piece").map_or(0, |ms| ms.parse().unwrap());
        self.clock.set(self.clock.get() + ms);
        match piece.is_empty() {
            true if self.cut => Err(Fault::Unreachable("cut".to_owned())),
            true => Ok(None),
            false => Ok(Some(piece)),
        }
    }

    fn discard(&mut self) {
        self.body.clear();
    }
}

/// A call, its deployment, and what its upstream does.
#[derive(Clone)]
pub struct Scene {
    pub method: Method,
    pub path: String,
    pub headers: Vec<(String, String)>,
    pub body: String,
    pub vars: Vec<(String, String)>,
    pub acts: Vec<Act>,
    /// Bytes of a stream that reach the caller at once.
    pub piece: usize,
    /// The caller leaves after this many pieces.
    pub leaves_after: Option<usize>,
    /// The upstream's stream breaks after its last byte.
    pub breaks: bool,
    pub store: Option<Store>,
    pub shelves: Shelves,
    pub rows: Rows,
    /// Holders are defined there, for all scenes that share them.
    pub meters: Meters,
    pub place: Option<Rc<Place>>,
    /// Where the platform says that the caller is.
    pub country: Option<&'static str>,
    /// What comes of lining up.
    pub line: Option<Line>,
    /// Where chance begins.
    pub chance: u64,
}

/// What came out.
pub struct Scenery {
    pub status: u16,
    pub headers: Headers,
    pub body: String,
    pub seen: Vec<Seen>,
    /// Where was posted to without waiting for it.
    pub told: Vec<Seen>,
    /// What was signed, by which key.
    pub signed: Vec<(Vec<u8>, String)>,
    pub records: Vec<Record>,
    /// Which keys of the storage were asked for, and after how many requests upstream.
    pub reads: Vec<(String, usize)>,
    /// For how many seconds something was stored.
    pub puts: Vec<u64>,
    /// For how long it would have waited in line, and what it gave to those who did.
    pub lined_up: Vec<u64>,
    pub served: Vec<Option<Vec<u8>>>,
    /// The bytes passed by themselves.
    pub native: bool,
}

impl Scene {
    pub fn post(path: &str, body: impl Into<String>) -> Self {
        Self {
            method: Method::Post,
            path: path.to_owned(),
            headers: Vec::new(),
            body: body.into(),
            vars: Vec::new(),
            acts: Vec::new(),
            piece: 4096,
            leaves_after: None,
            breaks: false,
            store: None,
            shelves: Shelves::default(),
            rows: Rows::default(),
            meters: Meters::default(),
            place: Some(Rc::default()),
            country: None,
            line: None,
            chance: 0,
        }
    }

    pub fn chat(body: impl Into<String>) -> Self {
        Self::post("/v1/chat/completions", body)
    }

    pub fn messages(body: impl Into<String>) -> Self {
        Self::post("/v1/messages", body)
    }

    pub fn get(path: &str) -> Self {
        Self { method: Method::Get, ..Self::post(path, "") }
    }

    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn var(mut self, name: &str, value: &str) -> Self {
        self.vars.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn says(self, body: impl Into<Vec<u8>>) -> Self {
        self.answers(200, vec![("content-type", "application/json")], body)
    }

    pub fn streams(self, body: impl Into<Vec<u8>>) -> Self {
        self.answers(200, vec![("content-type", "text/event-stream")], body)
    }

    pub fn answers(mut self, status: u16, headers: Vec<(&'static str, &'static str)>, body: impl Into<Vec<u8>>) -> Self {
        self.acts.push(Act::Says { status, headers, body: body.into() });
        self
    }

    pub fn fails(mut self, fault: Fault) -> Self {
        self.acts.push(Act::Fails(fault));
        self
    }

    /// The deployment's storage has this under this key.
    pub fn stores(mut self, key: &'static str, value: &str) -> Self {
        self.store = Some(Store::Holds(key, value.to_owned()));
        self
    }

    pub fn draws(self, chance: u64) -> Self {
        Self { chance, ..self }
    }

    /// The deployment, for a scene that is played more than once in it.
    pub fn settings(&self) -> Settings {
        Settings::new(self.vars.clone())
    }

    pub fn play(self) -> Scenery {
        let settings = self.settings();
        self.play_in(&settings, 0)
    }

    /// Plays in a deployment that lives on, so many milliseconds after its beginning.
    pub fn play_in(self, settings: &Settings, now: u64) -> Scenery {
        let (store, shelves, place) = (self.store.clone(), Rc::clone(&self.shelves), self.place.clone());
        let (rows, meters, line) = (Rc::clone(&self.rows), self.meters.clone(), self.line.clone());
        let master = settings.var("MASTER_KEY").unwrap_or_default().to_owned();
        let body = self.body.clone().into_bytes();
        let country = self.country;
        let host = Scripted { body, store, shelves, place, rows, master, meters, country, line, ..Scripted::default() };
        host.now.set(now);
        host.random.set(self.chance);
        host.acts.borrow_mut().extend(self.acts.iter().cloned());
        let headers = self.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let (path, query) = self.path.split_at(self.path.find('?').unwrap_or(self.path.len()));
        let call = Call { method: self.method, path: path.to_owned(), query: query.to_owned(), headers };
        let reply = futures_executor::block_on(gateway::serve(&host, settings, &call));
        let mut native = false;
        let (mut deposit, mut whole) = (reply.deposit, true);
        let body = match reply.body {
            Body::Empty => Vec::new(),
            Body::Bytes(bytes) => bytes,
            Body::Passed { answer } => {
                native = true;
                answer.body
            }
            Body::Relayed { bytes, .. } => {
                native = true;
                bytes
            }
            Body::Stream { answer, mut pipe, .. } => {
                native = pipe.is_tap();
                let mut out = Vec::new();
                let mut ending = if self.breaks || answer.cut { broken() } else { Ending::Closed };
                for (at, piece) in answer.body.chunks(self.piece).enumerate() {
                    if self.leaves_after == Some(at) {
                        ending = Ending::Abandoned;
                        break;
                    }
                    deposit.iter_mut().for_each(|deposit| deposit.look(piece));
                    match pipe.push(piece) {
                        Passed::Same => out.extend_from_slice(piece),
                        Passed::Bytes(bytes) => out.extend(bytes),
                    }
                }
                let fault = if let Ending::Broken(error) = &ending { Some(error.clone()) } else { None };
                out.extend(pipe.finish(fault));
                whole = ending.is_whole(pipe.glance());
                let ledger = reply.ledger.expect("a stream has a ledger");
                host.conclude(&gateway::over(settings, ledger, pipe.glance(), &ending, host.now()));
                out
            }
        };
        if let Some(deposit) = deposit {
            deposit.put(&host, whole);
        }
        let _ = futures_executor::block_on(gateway::confer(&host, settings));
        Scenery {
            status: reply.status,
            headers: reply.headers,
            body: String::from_utf8(body).unwrap(),
            seen: host.seen.into_inner(),
            told: host.told.into_inner(),
            signed: host.signed.into_inner(),
            records: host.records.into_inner(),
            reads: host.reads.into_inner(),
            puts: host.puts.into_inner(),
            lined_up: host.lined_up.into_inner(),
            served: host.served.into_inner(),
            native,
        }
    }
}

fn broken() -> Ending {
    Ending::Broken(Error::upstream(Kind::Failed, "The provider's stream broke off before the answer was complete."))
}

impl Scenery {
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.find(name).unwrap_or_else(|| panic!("no header {name} in {}", self.headers.block()))
    }

    pub fn sent(&self) -> serde_json::Value {
        serde_json::from_str(&self.seen[0].body).unwrap()
    }
}
