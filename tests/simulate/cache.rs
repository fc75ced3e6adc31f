//! Answers that are given again: to whom, for how long, and to those who ask at the same moment.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use causeway::gateway;
use causeway::http::{Body, Call, Headers, Method};
use causeway::settings::Settings;
use causeway::wire::Dialect;
use futures_util::future::join_all;

use crate::answers::{self, Worth};
use crate::chance::Chance;
use crate::clock::Clock;
use crate::deployment::{Deployment, Manner};
use crate::invariants::{reading, that};
use crate::meters::Meters;
use crate::play::{Sent, sent, written};
use crate::storage::Storage;
use crate::world::{Circumstances, Try, World};

/// The longest that a request may wait in line.
const LONGEST_WAIT_MS: u64 = 30_000;
/// Marks of tries are told apart by this much from request to request.
const APART: usize = 1_000;

/// What decides whether an answer may be given again.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Question {
    tenant: u64,
    namespace: Option<u64>,
    dialect: Dialect,
    words: u64,
}

struct Asked {
    question: Question,
    refresh: bool,
    about: Circumstances,
    first: usize,
}

struct Outcome {
    cache: String,
    status: u16,
    headers: Headers,
    sent: Sent,
    streamed: bool,
    tries: Vec<Rc<Try>>,
    /// By the clock on the wall, when it came and when it was over.
    began_at: u64,
    ended_at: u64,
    took: u64,
}

/// How often what happened.
#[derive(Debug, Default)]
pub struct Tally {
    pub requests: usize,
    pub happened: BTreeMap<&'static str, usize>,
}

impl Tally {
    fn note(&mut self, what: &'static str, so: bool) {
        *self.happened.entry(what).or_default() += usize::from(so);
    }
}

/// Some requests to a deployment that keeps answers, several of them at a time.
pub fn deployment(seed: u64, told: Option<&RefCell<Vec<String>>>) -> Result<Tally, String> {
    let chance = Chance::seeded(seed);
    let (deployment, max_age_s) = Deployment::cached(&chance);
    if let Some(told) = told {
        told.borrow_mut().push(format!("config: {}", deployment.json));
    }
    let (settings, storage, clock) = (Settings::default(), Storage::default(), Rc::new(Clock::default()));
    let (mut past, mut tally): (Vec<(Asked, Outcome)>, Tally) = (Vec::new(), Tally::default());
    let jumps = chance.one_in(6);
    for _ in 0..chance.within(1, 8) {
        clock.pass(chance.one_of(&[1, 50, 1_000, 20_000, 45_000, 3_600_000]));
        if jumps && chance.one_in(3) {
            clock.jump(clock.passed(), i64::try_from(chance.below(7_200_000)).unwrap() - 3_600_000);
            clock.pass(1);
        }
        let mut crowd: Vec<Asked> = Vec::new();
        for at in 0..chance.within(1, 4) {
            // Many ask the same at the same time.
            let same = crowd.first().filter(|_| chance.one_in(2)).map(|asked| asked.question.clone());
            crowd.push(drawn(&chance, &clock, same, (past.len() + usize::try_from(at).unwrap()) * APART));
        }
        let requests = crowd.iter().map(|asked| request(&clock, &chance, &deployment, &settings, &storage, asked, told));
        let outcomes = clock.run(join_all(requests));
        past.extend(crowd.into_iter().zip(outcomes));
        that(storage.is_quiet(), || "somebody still leads a line".to_owned())?;
    }
    let wholes = RefCell::new(BTreeMap::new());
    for (asked, outcome) in &past {
        check(asked, outcome, &past, &deployment, max_age_s, &wholes)?;
        tally.requests += 1;
        let hit = outcome.cache == "HIT";
        let (head, stream) = (outcome.status == 200, asked.about.stream);
        tally.note("a hit", hit && !stream);
        tally.note("a hit as a stream", hit && stream);
        tally.note("a miss", outcome.cache == "MISS");
        tally.note("a refresh", outcome.cache == "REFRESH" && head);
        tally.note("a failure", !head);
    }
    *tally.happened.entry("an answer in line").or_default() += storage.served.get();
    Ok(tally)
}

fn drawn(chance: &Chance, clock: &Clock, same: Option<Question>, first: usize) -> Asked {
    let dialect = chance.one_of(&[Dialect::Chat, Dialect::Chat, Dialect::Messages, Dialect::Responses, Dialect::Gemini]);
    let namespace = chance.one_in(6).then(|| chance.below(2));
    let question = same.unwrap_or(Question { tenant: chance.below(2), namespace, dialect, words: chance.below(2) });
    let dialect = question.dialect;
    let stream = chance.one_in(2);
    let body = written(dialect, stream, false).1.replace("Go on.", &format!("Question {}.", question.words));
    let about = Circumstances {
        body: body.into_bytes(),
        stream,
        tools: false,
        leaves_at: chance.one_in(12).then(|| clock.passed() + chance.below(1_000)),
        storage_ms: if chance.one_in(10) { chance.below(1_000) } else { chance.below(40) },
        storage_fails: chance.one_in(20),
    };
    Asked { question, refresh: chance.one_in(10), about, first }
}

async fn request(
    clock: &Rc<Clock>,
    chance: &Chance,
    deployment: &Deployment,
    settings: &Settings,
    storage: &Storage,
    asked: &Asked,
    told: Option<&RefCell<Vec<String>>>,
) -> Outcome {
    let Asked { question, refresh, about, first } = asked;
    let own = format!("Bearer key-of-tenant-{}", question.tenant);
    let mut headers = Headers::from_iter([("authorization", own.as_str()), ("x-causeway-config", deployment.json.as_str())]);
    if let Some(namespace) = question.namespace {
        headers.add("x-causeway-cache-namespace", &namespace.to_string());
    }
    if *refresh {
        headers.add("x-causeway-cache-force-refresh", "true");
    }
    let path = written(question.dialect, about.stream, false).0.to_owned();
    let query = if path.contains(":stream") { "?alt=sse" } else { "" }.to_owned();
    let call = Call { method: Method::Post, path, query, headers };
    let (tries, records, config_ms) = (RefCell::default(), RefCell::default(), Cell::new(0));
    let meters = &Meters::default();
    let world = World { clock, chance, deployment, about, storage, meters, told, first: *first, tries, records, config_ms };
    world.tell(|| format!("{first}: {question:?}, stream: {}, refresh: {refresh}, leaves at {:?}", about.stream, about.leaves_at));
    let (began, began_at) = (clock.passed(), clock.wall());
    let reply = gateway::serve(&world, settings, &call).await;
    let (status, headers, streamed) = (reply.status, reply.headers.clone(), matches!(reply.body, Body::Stream { .. }));
    let cache = headers.find("x-causeway-cache").unwrap_or_default().to_owned();
    let sent = sent(&world, settings, reply).await;
    world.tell(|| format!("{first}: {status}, {cache}: {}", String::from_utf8_lossy(&sent.body)));
    let tries = world.tries.into_inner();
    Outcome { cache, status, headers, sent, streamed, tries, began_at, ended_at: clock.wall(), took: clock.passed() - began }
}

fn check(
    asked: &Asked,
    outcome: &Outcome,
    past: &[(Asked, Outcome)],
    deployment: &Deployment,
    max_age_s: u64,
    wholes: &RefCell<BTreeMap<usize, Vec<u8>>>,
) -> Result<(), String> {
    let Outcome { status, headers, sent, streamed, .. } = outcome;
    let read = reading(asked.question.dialect, *status, headers, &sent.body, *streamed, sent.broke)?;
    that(read.finished || read.failed || sent.left, || format!("{}: no answer, and no error", asked.first))?;
    everyone_is_answered(asked, outcome, deployment)?;
    if outcome.cache != "HIT" {
        return that(!read.finished || outcome.tries.last().is_some_and(|tried| tried.answer.worth != Worth::Bad), || {
            format!("{}: what broke off looks finished", asked.first)
        });
    }
    that(outcome.tries.is_empty() || deployment.targets.len() > 1, || "a hit, and yet somebody was asked".to_owned())?;
    that(read.finished && !read.failed, || format!("{}: a hit that is no whole answer", asked.first))?;
    that(!asked.refresh, || "a hit for one who wanted a new one".to_owned())?;
    let given = past
        .iter()
        .flat_map(|(asked, outcome)| outcome.tries.iter().enumerate().map(move |(at, tried)| (asked.first + at, asked, outcome, tried)));
    let own = given.into_iter().find(|(number, ..)| read.text == answers::text(*number));
    let Some((number, first, origin, tried)) = own else { return Err(format!("{}: nobody gave this answer", asked.first)) };
    that(first.question == asked.question, || format!("{:?} got what {:?} was answered", asked.question, first.question))?;
    that(tried.answer.worth == Worth::Good, || format!("{number} was no good answer"))?;
    that(origin.status == 200 && !origin.sent.broke, || format!("{number} was no whole answer"))?;
    let age = outcome.began_at.saturating_sub(origin.ended_at);
    that(age < max_age_s * 1_000, || format!("{number} was {age} ms old"))?;
    if asked.about.stream {
        return Ok(());
    }
    if !first.about.stream {
        that(origin.sent.body == sent.body, || format!("{number} was given otherwise"))?;
    }
    let mut wholes = wholes.borrow_mut();
    that(*wholes.entry(number).or_insert_with(|| sent.body.clone()) == sent.body, || format!("{number} was given in two ways"))
}

/// Whoever does not leave is answered where a target is well, and nobody waits longer than is said.
fn everyone_is_answered(asked: &Asked, outcome: &Outcome, deployment: &Deployment) -> Result<(), String> {
    if asked.about.leaves_at.is_some() || !deployment.targets.iter().all(|target| target.manner == Manner::Healthy) {
        return Ok(());
    }
    that(outcome.status == 200, || format!("{}: {} from a target that is well", asked.first, outcome.status))?;
    let most = LONGEST_WAIT_MS + 2_000;
    that(outcome.took <= most, || format!("{} took {} ms", asked.first, outcome.took))
}
