//! One try at a target: what is sent, and what is made of a refusal.

use super::bounds::Bound;
use super::life::Life;
use crate::error::{Error, Kind, Result};
use crate::host::{Answer, Fault, Host, Parcel, Payload, apart};
use crate::http::Headers;
use crate::predict;
use crate::prices;
use crate::providers::Provider;
use crate::target::Target;
use crate::token;
use crate::wire::fault;
use crate::wire::gate::{Gate, Opening};

/// The longest body of an answer that is no stream.
pub const MAX_ANSWER: usize = 32 << 20;
/// The longest body of a failed answer that is read for its words.
const MAX_FAILURE: usize = 64 << 10;

/// Sends a body to the target, with headers of its own.
pub async fn send<H: Host>(
    life: &mut Life<'_, H>,
    target: &Target<'_>,
    body: Payload<'_>,
    stream: bool,
    own: impl FnOnce(&mut Headers),
    passes: bool,
) -> Result<H::Answer> {
    let started = life.host.now();
    let url = target.url(stream)?;
    let mut headers = target.headers(life.call);
    own(&mut headers);
    if target.service.serves.is_predicted() && !stream {
        headers.add("prefer", "wait");
    }
    if let Some(account) = &target.account {
        let most_ms = life.timeout_ms(stream)?;
        headers.add("authorization", &apart(token::authorization(life.host, life.settings, account, most_ms)).await?);
    }
    target.sign(&mut headers, &url, body.bytes(), started);
    let timeout_ms = life.timeout_ms(stream)?;
    let parcel = Parcel { url: &url, headers: &headers, method: "POST", body, passes, timeout_ms };
    let mut outcome = prices::alongside(life.host, life.settings, timeout_ms, life.host.fetch(parcel)).await;
    if target.service.serves.is_predicted()
        && let Ok(answer) = outcome
    {
        outcome = apart(predict::follow(life.host, target, stream, timeout_ms.map(|ms| started.saturating_add(ms)), answer)).await;
    }
    life.tried(target.provider, started, outcome)
}

pub fn unanswered<H: Host>(fault: Fault, life: &Life<'_, H>, provider: &Provider) -> Error {
    let slug = provider.slug;
    match fault {
        Fault::Unreachable(_) => {
            Error::upstream(Kind::Unreachable, format!("{slug} could not be reached, or broke off before it answered."))
        }
        Fault::TimedOut => too_slow(slug, life.bound).with_status(if life.caller.portkey { 408 } else { 504 }),
        Fault::Abandoned => Error::caller(Kind::Abandoned, "The caller left before there was an answer."),
        Fault::TooLarge => Error::upstream(Kind::Failed, format!("{slug} sent an answer of more than {} MiB.", MAX_ANSWER >> 20)),
    }
}

fn too_slow(slug: &str, bound: Bound) -> Error {
    let message = match bound {
        Bound::Request => format!("{slug} did not answer within the request's timeout (`request_timeout`)."),
        Bound::FirstToken => format!("{slug} sent no first token in time (`first_token_timeout`)."),
        Bound::Idle => format!("{slug} began an answer and stood still for too long (`idle_timeout`)."),
        Bound::Total => format!("The request was not answered in the time that it has in all (`total_timeout`); {slug} was asked last."),
    };
    Error::upstream(Kind::TimedOut, message)
}

/// Waits for a stream's first real event. Until then it has not failed the caller, only us.
pub async fn opened<H: Host>(life: &mut Life<'_, H>, target: &Target<'_>, answer: &mut H::Answer) -> Result<()> {
    let started = life.host.now();
    let patience = life.first_token_left_ms();
    let mut gate = Gate::new(target.dialect);
    let opening = loop {
        let opening = match next_piece(life, answer, started, patience).await {
            Ok(Some(piece)) => gate.push(&piece),
            Ok(None) => gate.finish(),
            Err(fault) => Opening::Failed(unanswered(fault, life, target.provider)),
        };
        if opening != Opening::Unknown {
            break opening;
        }
    };
    life.upstream_ms = life.upstream_ms.saturating_add(life.host.now().saturating_sub(started));
    match opening {
        Opening::Failed(error) => {
            answer.discard();
            Err(error)
        }
        Opening::Empty if life.turn.goes_on => {
            answer.discard();
            Err(empty(target.provider))
        }
        Opening::Empty | Opening::Begun | Opening::Unknown => Ok(()),
    }
}

/// Where another may answer, nothing at all is no answer.
pub fn empty(provider: &Provider) -> Error {
    Error::upstream(Kind::Failed, format!("{} sent an answer with nothing in it.", provider.slug))
}

/// The next piece of a stream that may take so long in all since it was started.
async fn next_piece<H: Host>(
    life: &mut Life<'_, H>,
    answer: &mut H::Answer,
    started: u64,
    most_ms: Option<u64>,
) -> std::result::Result<Option<Vec<u8>>, Fault> {
    let left = most_ms.map(|ms| ms.saturating_sub(life.host.now().saturating_sub(started)).max(1));
    let idle = life.patience().idle_ms.filter(|idle| left.is_none_or(|left| *idle < left));
    let piece = answer.peek(idle.or(left)).await;
    if idle.is_some() && piece == Err(Fault::TimedOut) {
        life.bound = Bound::Idle;
    }
    piece
}

/// The body of an answer, whole.
pub async fn whole<H: Host>(life: &mut Life<'_, H>, answer: &mut H::Answer, limit: usize) -> std::result::Result<Vec<u8>, Fault> {
    if answer.is_stream() {
        return rest(life, answer, limit).await;
    }
    let started = life.host.now();
    let body = answer.bytes(limit).await;
    life.upstream_ms = life.upstream_ms.saturating_add(life.host.now().saturating_sub(started));
    body
}

/// The body of a stream, or of an answer that was to pass, whole: only the head had to be there in time, and it has the
/// rest of the time.
pub async fn rest<H: Host>(life: &mut Life<'_, H>, answer: &mut H::Answer, limit: usize) -> std::result::Result<Vec<u8>, Fault> {
    let started = life.host.now();
    let body = gathered(life, answer, limit).await;
    life.upstream_ms = life.upstream_ms.saturating_add(life.host.now().saturating_sub(started));
    body
}

async fn gathered<H: Host>(life: &mut Life<'_, H>, answer: &mut H::Answer, limit: usize) -> std::result::Result<Vec<u8>, Fault> {
    let (started, patience) = (life.host.now(), life.rest_ms());
    let mut body = Vec::new();
    let fault = loop {
        match next_piece(life, answer, started, patience).await {
            Ok(Some(piece)) => body.extend(piece),
            Ok(None) => return Ok(body),
            Err(fault) => break fault,
        }
        if body.len() > limit {
            break Fault::TooLarge;
        }
    };
    answer.discard();
    Err(fault)
}

/// The provider's answer, unless it is a refusal.
pub async fn accepted<H: Host>(life: &mut Life<'_, H>, target: &Target<'_>, mut answer: H::Answer) -> Result<H::Answer> {
    if (200..300).contains(&answer.status()) {
        return Ok(answer);
    }
    Err(apart(failure(life, target, &mut answer)).await)
}

/// The body of an answer that came with it.
pub async fn read<H: Host>(life: &Life<'_, H>, provider: &Provider, answer: &mut H::Answer) -> Result<Vec<u8>> {
    answer.bytes(MAX_ANSWER).await.map_err(|fault| unanswered(fault, life, provider))
}

/// Reads why the provider refused.
async fn failure<H: Host>(life: &mut Life<'_, H>, target: &Target<'_>, answer: &mut H::Answer) -> Error {
    let body = whole(life, answer, MAX_FAILURE).await;
    refusal(life, target, answer, body)
}

/// The same of an answer that was to pass.
pub async fn passing_failure<H: Host>(life: &mut Life<'_, H>, target: &Target<'_>, answer: &mut H::Answer) -> Error {
    let body = rest(life, answer, MAX_FAILURE).await;
    refusal(life, target, answer, body)
}

/// What the provider said in the caller's own dialect is passed on word for word.
fn refusal<H: Host>(life: &mut Life<'_, H>, target: &Target<'_>, answer: &H::Answer, body: std::result::Result<Vec<u8>, Fault>) -> Error {
    let body = match body {
        Err(Fault::Abandoned) => return unanswered(Fault::Abandoned, life, target.provider),
        body => target.concealed(body.unwrap_or_default()),
    };
    if target.dialect == life.dialect && (life.dialect.inbound().is_own_error)(&body) {
        life.own_words = Some(body.clone());
    }
    let retry_after = answer.header("retry-after");
    // Azure's own spelling is the second.
    let retry_after_ms = answer.header("retry-after-ms").or_else(|| answer.header("x-ms-retry-after-ms"));
    let status = answer.status();
    // A redirect is not followed: it may lead where the caller's key must not go.
    let status = if (300..400).contains(&status) { 502 } else { status };
    let head =
        fault::Head { status, retry_after: retry_after.as_deref(), retry_after_ms: retry_after_ms.as_deref(), now_ms: life.host.now() };
    fault::decode(head, &body)
}
