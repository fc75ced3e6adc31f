//! What holds for every request, whatever happens.

use std::collections::BTreeSet;

use causeway::host::Fault;
use causeway::http::Headers;
use causeway::ir::{Delta, Event, Grammar, Part};
use causeway::record::Outcome as Recorded;
use causeway::wire::Dialect;

use crate::answers::{self, Head, Worth};
use crate::deployment::{Deployment, Manner, Target, key};
use crate::play::{Outcome, is_stream};
use crate::world::Try;

type Checked = Result<(), String>;

/// What retries are made on where the config does not say.
const RETRIED: &[u16] = &[429, 500, 502, 503, 504];

pub fn check(outcome: &Outcome, deployment: &Deployment) -> Checked {
    one_answer(outcome)?;
    never_mixed(outcome)?;
    never_after_commit(outcome)?;
    in_time(outcome, deployment)?;
    retries_as_told(outcome, deployment)?;
    health_is_reached(outcome, deployment)?;
    keys_stay(outcome, deployment)?;
    recorded(outcome, deployment)
}

pub fn that(holds: bool, otherwise: impl FnOnce() -> String) -> Checked {
    if holds { Ok(()) } else { Err(otherwise()) }
}

/// What the caller makes of the body.
pub struct Read {
    pub text: String,
    pub finished: bool,
    pub failed: bool,
}

fn read(outcome: &Outcome) -> Result<Read, String> {
    let Outcome { dialect, status, headers, body, streamed, broke, .. } = outcome;
    reading(*dialect, *status, headers, body, *streamed, *broke)
}

pub fn reading(dialect: Dialect, status: u16, headers: &Headers, body: &[u8], streamed: bool, broke: bool) -> Result<Read, String> {
    let events = headers.find("content-type").is_some_and(|kind| kind.starts_with("text/event-stream"));
    if status != 200 {
        let body: serde_json::Value = serde_json::from_slice(body).map_err(|error| format!("the error is no JSON: {error}"))?;
        that(body["error"]["message"].is_string(), || "the error has no message".to_owned())?;
        return Ok(Read { text: String::new(), finished: false, failed: true });
    }
    if !streamed && !events {
        let whole = (dialect.outbound().decode_response)(body);
        let whole = whole.map_err(|error| format!("the answer cannot be read: {}", error.message))?;
        let text = whole.parts.iter().map(|part| if let Part::Text(text) = part { text.text.as_str() } else { "" }).collect();
        return Ok(Read { text, finished: true, failed: false });
    }
    let (mut frames, mut reader, mut events) = (dialect.frames(), (dialect.outbound().reader)(), Vec::new());
    frames.push(body, &mut |frame| reader.push(frame, &mut events));
    frames.finish(&mut |frame| reader.push(frame, &mut events));
    let told = events.len();
    reader.finish(None, &mut events);
    // That there was no end is no error that the caller was told.
    let untold = events.get(told..).into_iter().flatten().position(|event| matches!(event, Event::Error(_)));
    events.truncate(untold.map_or(events.len(), |at| told + at));
    let mut read = Read { text: String::new(), finished: false, failed: broke };
    let mut grammar = Grammar::default();
    for event in events {
        grammar = grammar.step(&event).map_err(|why| format!("the stream is out of order: {why}"))?;
        match event {
            Event::Delta(Delta::Text(text)) => read.text.push_str(&text),
            Event::Finish { .. } => read.finished = true,
            Event::Error(_) => read.failed = true,
            _ => {}
        }
    }
    Ok(read)
}

/// A whole answer of one target, or an error: never something between.
fn one_answer(outcome: &Outcome) -> Checked {
    that(outcome.records.len() == 1, || format!("{} records", outcome.records.len()))?;
    let read = read(outcome)?;
    let Some((number, last)) = outcome.tries.iter().enumerate().next_back() else {
        return that(read.failed, || "an answer without a try".to_owned());
    };
    that(!(read.finished && read.failed), || "the answer both ended and failed".to_owned())?;
    if read.finished {
        return match last.answer.worth {
            Worth::Good => that(read.text == answers::text(number), || "the text is another".to_owned()),
            Worth::Empty => that(read.text.is_empty(), || "the text is not empty".to_owned()),
            Worth::Bad => Err("what broke off looks finished".to_owned()),
        };
    }
    that(read.failed || outcome.left, || "the answer neither ended nor failed".to_owned())?;
    let whole = answers::text(number);
    that(whole.starts_with(&read.text), || "the text before the break is another".to_owned())
}

/// Words of one try alone reach the caller: those of the last.
fn never_mixed(outcome: &Outcome) -> Checked {
    let body = String::from_utf8_lossy(&outcome.body);
    let heard: BTreeSet<&str> = body.split("[try-").skip(1).filter_map(|rest| Some(rest.split_once(']')?.0)).collect();
    let last = outcome.tries.len().checked_sub(1).map(|last| last.to_string());
    that(heard.iter().all(|number| Some(*number) == last.as_deref()), || format!("words of {heard:?}"))
}

fn never_after_commit(outcome: &Outcome) -> Checked {
    that(outcome.tries.len() == outcome.tries_before, || "a try after the reply".to_owned())?;
    let earlier = outcome.tries.iter().rev().skip(1);
    for tried in earlier.filter(|_| outcome.about.stream) {
        let real = tried.answer.real_at.is_some_and(|at| tried.looked.get() >= at);
        that(!real, || format!("{} had begun to answer and was left", tried.url))?;
        that(*tried.fault.borrow() != Some(Fault::Abandoned), || "a try for nobody".to_owned())?;
    }
    Ok(())
}

fn in_time(outcome: &Outcome, deployment: &Deployment) -> Checked {
    let Outcome { began, config_ms, put_back, .. } = outcome;
    if let Some(total) = deployment.total_ms {
        // Where the time is up already, a moment is left.
        let end = began + config_ms + total + put_back + 1;
        that(outcome.replied <= end, || format!("the reply came at {}, not by {end}", outcome.replied))?;
        that(outcome.ended <= end + 1, || format!("the answer ended at {}, not by {end}", outcome.ended))?;
    }
    for tried in &outcome.tries {
        let terms = &deployment.targets[tried.target].terms;
        let first = terms.first_token_ms.filter(|_| outcome.about.stream);
        let request = outcome.request_ms.or(terms.request_ms);
        let bound = [first, request].into_iter().flatten().min();
        let took = tried.headed.get() - tried.began;
        that(bound.is_none_or(|ms| took <= ms), || format!("{} took {took} ms, not {bound:?}", tried.url))?;
        let given_up = outcome.tries.iter().find(|next| next.began > tried.began).map_or(outcome.replied, |next| next.began);
        let took = tried.ended.get().min(given_up) - tried.began;
        let slack = if outcome.jumped { u64::MAX } else { 1 };
        let looks = is_stream(tried) && outcome.about.stream && tried.status.get() == Some(200);
        let longest = tried.longest.get();
        // Without another target or a bound on the first token, the reply begins with the head of the stream.
        if let Some(ms) = terms.idle_ms.filter(|_| looks) {
            that(longest <= ms, || format!("{} stood still for {longest} ms, not {ms}", tried.url))?;
        }
        if let Some(ms) = first.filter(|_| looks) {
            that(took <= ms.saturating_add(slack), || format!("{} gave no first token for {took} ms, not {ms}", tried.url))?;
        }
    }
    Ok(())
}

fn retries_as_told(outcome: &Outcome, deployment: &Deployment) -> Checked {
    let mut repeats = 0;
    for pair in outcome.tries.windows(2) {
        if pair[0].target != pair[1].target {
            repeats = 0;
            continue;
        }
        repeats += 1;
        let Target { terms, path, .. } = &deployment.targets[pair[0].target];
        that(repeats <= terms.retries, || format!("{path} was asked {repeats} times again"))?;
        let Head::Says { status, retry_after, .. } = &pair[0].answer.head else { continue };
        // A caller that leaves ends the pause.
        let left = *pair[1].fault.borrow() == Some(Fault::Abandoned);
        if pair[0].status.get().is_none() || left {
            continue;
        }
        // What does not pass by itself is not waited for.
        let may_pass = matches!(status, 408 | 429 | 500..);
        let pause = pair[1].began - pair[0].ended.get();
        if let Some((_, _, ms)) = retry_after.as_ref().filter(|_| terms.keeps_to_retry_after && may_pass) {
            that(pause >= *ms, || format!("{path} asked for {ms} ms and got {pause}"))?;
        }
        let codes = terms.retry_codes.as_deref().unwrap_or(RETRIED);
        that(*status < 400 || codes.contains(status), || format!("{path} was asked again on {status}"))?;
    }
    Ok(())
}

/// Whether nothing can keep the answer of a healthy target from the caller.
pub fn is_certain(outcome: &Outcome, deployment: &Deployment) -> bool {
    let undisturbed = !outcome.jumped && outcome.about.leaves_at.is_none() && deployment.total_ms.is_none();
    let configured = !outcome.tries.is_empty() || !deployment.saved;
    let able = !outcome.about.tools || !deployment.lacks_tools();
    undisturbed && configured && able && deployment.must_answer(&deployment.root)
}

fn health_is_reached(outcome: &Outcome, deployment: &Deployment) -> Checked {
    let healthy_failed = |tried: &&std::rc::Rc<Try>| {
        deployment.targets[tried.target].manner == Manner::Healthy && *tried.fault.borrow() == Some(Fault::TimedOut)
    };
    if deployment.total_ms.is_none() && !outcome.jumped {
        that(!outcome.tries.iter().any(|tried| healthy_failed(&tried)), || "a healthy target was not waited for".to_owned())?;
    }
    if !is_certain(outcome, deployment) {
        return Ok(());
    }
    that(outcome.status == 200, || "there was a healthy target".to_owned())?;
    let Some(last) = outcome.tries.last() else { return Err("nobody was asked".to_owned()) };
    // What broke off after its first real event was past all help.
    let begun = outcome.about.stream && last.answer.real_at.is_some();
    that(last.answer.worth == Worth::Good || begun, || "what is no answer was taken for one".to_owned())
}

/// A target gets its own key and no other.
fn keys_stay(outcome: &Outcome, deployment: &Deployment) -> Checked {
    for tried in &outcome.tries {
        let sent = [tried.url.as_str(), tried.headers.block(), &tried.body].concat();
        let own = key(tried.target);
        that(sent.contains(&own), || format!("{} got no key", tried.url))?;
        that(!sent.replace(&own, "").contains("key-of-"), || format!("{} got another's key", tried.url))?;
        let model = &deployment.targets[tried.target].model;
        that(sent.contains(model), || format!("{} was not asked for {model}", tried.url))?;
    }
    Ok(())
}

fn recorded(outcome: &Outcome, deployment: &Deployment) -> Checked {
    let record = &outcome.records[0];
    let asked: Vec<_> = record.attempts.iter().filter(|attempt| attempt.asked).collect();
    that(asked.len() == outcome.tries.len(), || format!("{} tries, {} recorded", outcome.tries.len(), asked.len()))?;
    let mut last = None;
    let mut retries = 0;
    for (at, (tried, attempt)) in outcome.tries.iter().zip(&asked).enumerate() {
        let Target { path, provider, model, .. } = &deployment.targets[tried.target];
        let same = (attempt.target.as_str(), attempt.provider, attempt.model.as_str()) == (path, *provider, model);
        that(same, || format!("{attempt:?} is of {path}"))?;
        that(attempt.status == tried.status.get().unwrap_or(0), || format!("{attempt:?} had {:?}", tried.status))?;
        let again = last == Some(tried.target);
        that((attempt.chosen == "retry") == again, || format!("{attempt:?} was chosen otherwise"))?;
        let answered = at + 1 == asked.len() && outcome.status == 200;
        that(attempt.left.is_none() == answered, || format!("{attempt:?} was left, or not"))?;
        retries += usize::from(again);
        last = Some(tried.target);
    }
    that(record.attempts.iter().all(|attempt| attempt.asked || attempt.left.is_some()), || "passed over, and why?".to_owned())?;
    for attempt in &record.attempts {
        // What had begun well and was left is paid for, and nothing else that was left.
        let begun = attempt.asked && attempt.left.is_some() && (200..300).contains(&attempt.status);
        that(attempt.cost.is_some() == begun, || format!("{attempt:?} cost something, or not"))?;
    }
    told_of(outcome, deployment, retries)?;
    let read = read(outcome)?;
    let ended = match record.outcome {
        // Who leaves between the last word and the end has it all.
        Recorded::Complete => read.finished || outcome.left && read.text == answers::text(outcome.tries.len() - 1),
        Recorded::Failed => read.failed,
        Recorded::Abandoned => outcome.left || outcome.about.leaves_at.is_some_and(|at| at <= outcome.ended),
    };
    that(ended, || format!("recorded as {:?}", record.outcome))?;
    that(record.status == outcome.status, || format!("recorded with status {}", record.status))?;
    that(record.error.is_some() == (record.outcome != Recorded::Complete) || outcome.streamed, || {
        format!("recorded with {:?}", record.error)
    })?;
    let took = outcome.ended - outcome.began;
    that(outcome.jumped || record.duration_ms == took, || format!("recorded as {} ms, not {took}", record.duration_ms))?;
    let own = outcome.config_ms;
    that(outcome.jumped || record.overhead_ms == own, || format!("recorded with {} ms of overhead", record.overhead_ms))
}

/// The headers say the same.
fn told_of(outcome: &Outcome, deployment: &Deployment, retries: usize) -> Checked {
    let spelling = if outcome.portkey { "portkey" } else { "causeway" };
    let header = |name: &str| outcome.headers.find(&format!("x-{spelling}-{name}"));
    let tells = |name: &str, value: &str| that(header(name) == Some(value), || format!("{name}: {:?}, not {value}", header(name)));
    tells("attempts", &outcome.tries.len().to_string())?;
    tells("retries", &retries.to_string())?;
    let Some(last) = outcome.tries.last() else { return Ok(()) };
    let Target { path, provider, model, .. } = &deployment.targets[last.target];
    tells("target", path)?;
    tells("provider", provider)?;
    tells("model", model)
}
