//! Predictions: a provider may answer before it is done. Then it is asked again until it is, or its stream is read
//! where the answer says that it is.

use crate::host::{Answer, Fault, Host, Parcel, Payload};
use crate::http::Headers;
use crate::providers::service::Serves;
use crate::target::{Credential, Target, request_headers};
use crate::wire::images;
use crate::wire::predictions::{self, Pending, Progress};

const FIRST_PAUSE_MS: u64 = 250;
const LONGEST_PAUSE_MS: u64 = 2_000;
/// How long it is asked for again where the caller sets no bound.
const PATIENCE_MS: u64 = 60_000;
/// The longest answer that is read.
const MAX_ANSWER: usize = 32 << 20;

/// From the first answer to the one to be read: a finished prediction, its stream, or a refusal. A prediction that
/// nobody waits for any more is ended.
pub async fn follow<H: Host>(
    host: &H,
    target: &Target<'_>,
    stream: bool,
    deadline: Option<u64>,
    mut answer: H::Answer,
) -> Result<H::Answer, Fault> {
    let Some(pending) = pending(target, &mut answer).await? else { return Ok(answer) };
    let outcome = match pending.stream.as_deref().filter(|_| stream) {
        Some(url) => streamed(host, target, url, deadline).await,
        None => Ok(None),
    };
    let outcome = match outcome {
        Ok(Some(stream)) => Ok(stream),
        Ok(None) => match pending.get.as_deref().and_then(|url| target.own_address(url)) {
            Some(url) => finished(host, target, &url, deadline).await,
            None => Ok(answer),
        },
        Err(fault) => Err(fault),
    };
    if outcome.is_err()
        && let Some(url) = pending.cancel.as_deref().and_then(|url| target.own_address(url))
    {
        host.tell(&url, &target.key_headers());
    }
    outcome
}

/// Where to go on, if the answer is not the last one.
async fn pending<A: Answer>(target: &Target<'_>, answer: &mut A) -> Result<Option<Pending>, Fault> {
    if answer.is_stream() || !(200..300).contains(&answer.status()) {
        return Ok(None);
    }
    let content_type = answer.header("content-type").unwrap_or_default();
    let bytes = answer.bytes(MAX_ANSWER).await?;
    let pending = match target.service.serves {
        Serves::Images(shape) => images::decode_answer(shape, &content_type, &bytes).map(of),
        _ => predictions::decode_response(&bytes).map(of),
    };
    // What is wrong with it is told when it is read.
    Ok(pending.unwrap_or_default())
}

fn of<T>(progress: Progress<T>) -> Option<Pending> {
    match progress {
        Progress::Pending(pending) => Some(pending),
        Progress::Done(_) => None,
    }
}

/// The stream, where it is one; else there is still the whole answer to wait for.
async fn streamed<H: Host>(host: &H, target: &Target<'_>, url: &str, deadline: Option<u64>) -> Result<Option<H::Answer>, Fault> {
    let (url, mut headers) = match target.own_address(url) {
        Some(url) => (url, target.key_headers()),
        // The address itself is what lets one in there.
        None if target.provider.is_at(url) => (url.to_owned(), request_headers(target.provider, Credential::None)),
        None => return Ok(None),
    };
    headers.add("accept", "text/event-stream");
    headers.add("cache-control", "no-store");
    match ask(host, &url, &headers, deadline).await {
        Ok(answer) if answer.is_stream() && (200..300).contains(&answer.status()) => Ok(Some(answer)),
        Ok(_) | Err(Fault::Unreachable(_) | Fault::TooLarge) => Ok(None),
        Err(fault) => Err(fault),
    }
}

/// Asks until it is done.
async fn finished<H: Host>(host: &H, target: &Target<'_>, url: &str, deadline: Option<u64>) -> Result<H::Answer, Fault> {
    let deadline = deadline.unwrap_or_else(|| host.now().saturating_add(PATIENCE_MS));
    let headers = target.key_headers();
    let mut pause = FIRST_PAUSE_MS;
    loop {
        host.sleep(pause.min(deadline.saturating_sub(host.now()))).await;
        pause = pause.saturating_mul(2).min(LONGEST_PAUSE_MS);
        let mut answer = ask(host, url, &headers, Some(deadline)).await?;
        // What passes by itself is no answer to whether it is done.
        let passing = answer.status() == 429 || answer.status() >= 500;
        if !passing && pending(target, &mut answer).await?.is_none() {
            return Ok(answer);
        }
    }
}

async fn ask<H: Host>(host: &H, url: &str, headers: &Headers, deadline: Option<u64>) -> Result<H::Answer, Fault> {
    let left = deadline.map(|at| at.saturating_sub(host.now()));
    if left == Some(0) {
        return Err(Fault::TimedOut);
    }
    host.fetch(Parcel { url, headers, method: "GET", body: Payload::None, passes: false, timeout_ms: left }).await
}
