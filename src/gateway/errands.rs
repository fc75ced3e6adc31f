//! What is no conversation: one request of the caller may become several.

use super::attempt::{accepted, passing_failure, read, send};
use super::lease;
use super::life::Life;
use super::route::{Asked, walk};
use super::shelf::{self, Shelf};
use super::talk::{json_string, named};
use super::worst::worst_of_errand;
use crate::errand::{self, Letter, Returned};
use crate::error::{Error, Result};
use crate::host::{Answer, Host, Payload, apart};
use crate::http::{Body, Headers, Reply};
use crate::providers::service::Errand;
use crate::target::{Target, Wish};
use crate::wire::Echo;

/// Something that is no conversation.
pub async fn run<H: Host>(life: &mut Life<'_, H>, errand: Errand) -> Result<Reply<H::Answer>> {
    let body = life.receive().await?;
    let mut envelope = life.look(&body)?;
    if let Some(usual) = errand.usual_model().filter(|_| matches!(envelope.text("model"), Ok(None))) {
        envelope.set("model", json_string(usual));
    }
    let asked = Asked::by(envelope, None)?;
    walk(life, &asked, async |life| ask(life, errand, &asked).await).await
}

/// Asks the target whose turn it is.
async fn ask<H: Host>(life: &mut Life<'_, H>, errand: Errand, asked: &Asked<'_>) -> Result<Reply<H::Answer>> {
    let (mut envelope, model) = asked.under(life.caller.terms, false);
    let target = life.aim(Wish::Errand(errand), &named(model)?)?;
    if target.renamed {
        envelope.set("model", json_string(&target.model));
    }
    let mut shelf = Shelf::of_errand(life, &target, errand, &envelope);
    let asked = envelope.bytes();
    life.ledger.prompt_bytes = asked.len();
    let serves = target.service.serves;
    let nonce = life.ledger.record.request_id.clone();
    let (letters, reading) = errand::prepare(serves, &target.model, &asked, &nonce, &mut life.losses)?;
    life.refuse_losses(target.provider)?;
    let worst = worst_of_errand(life, errand, &asked);
    if let Some(entry) = lease::secure(life, shelf.as_mut(), worst).await? {
        return Ok(shelf::returned(life, &target, errand, &asked, entry));
    }
    let Some(reading) = reading else {
        let letter = letters.into_iter().next().ok_or_else(|| Error::gateway("Nothing was written that could be sent."))?;
        let answer = apart(post(life, &target, &letter)).await?;
        return relay(life, &target, errand, &asked, answer, shelf).await;
    };
    let mut returned = Vec::with_capacity(letters.len());
    for letter in letters {
        let mut answer = apart(post(life, &target, &letter)).await?;
        let content_type = answer.header("content-type").unwrap_or_default();
        returned.push(Returned { content_type, body: read(life, target.provider, &mut answer).await? });
    }
    let echo = Echo { model: target.model.clone(), now: life.host.now() / 1_000, nonce, stream_usage: false };
    let (content_type, body) = errand::answer(&reading, &returned, &asked, &echo, &mut life.losses)?;
    Ok(tell(life, errand, &asked, shelf, &content_type, body))
}

/// An answer that was written anew.
fn tell<H: Host>(
    life: &mut Life<'_, H>,
    errand: Errand,
    asked: &[u8],
    shelf: Option<Shelf>,
    content_type: &str,
    body: Vec<u8>,
) -> Reply<H::Answer> {
    life.close_errand(errand, asked, &body);
    let deposit = shelf.and_then(|shelf| shelf.keep(life, content_type, &body));
    let headers = Headers::from_iter([("content-type", content_type)]);
    Reply { deposit, ..Reply::of(200, headers, Body::Bytes(body)) }
}

/// One request of those that the caller's became.
async fn post<H: Host>(life: &mut Life<'_, H>, target: &Target<'_>, letter: &Letter) -> Result<H::Answer> {
    let own = |headers: &mut Headers| {
        headers.add("content-type", &letter.content_type);
        if !letter.accept.is_empty() {
            headers.add("accept", letter.accept);
        }
    };
    let passes = errand::passes(target.service.serves);
    let mut answer = send(life, target, Payload::Bytes(&letter.body), false, own, passes).await?;
    if passes && !(200..300).contains(&answer.status()) {
        return Err(passing_failure(life, target, &mut answer).await);
    }
    accepted(life, target, answer).await
}

/// The provider's answer is in the caller's form: it goes on as it is, or even as it comes.
async fn relay<H: Host>(
    life: &mut Life<'_, H>,
    target: &Target<'_>,
    errand: Errand,
    asked: &[u8],
    mut answer: H::Answer,
    shelf: Option<Shelf>,
) -> Result<Reply<H::Answer>> {
    let status = answer.status();
    if errand::passes(target.service.serves) {
        life.close_errand(errand, asked, &[]);
        return Ok(Reply::of(status, Headers::default(), Body::Passed { answer }));
    }
    let content_type = answer.header("content-type").unwrap_or_default();
    let bytes = read(life, target.provider, &mut answer).await?;
    if let Some(whole) = errand::mended(errand, asked, &bytes) {
        return Ok(tell(life, errand, asked, shelf, "application/json", whole));
    }
    life.close_errand(errand, asked, &bytes);
    // A failure in a success's clothes is not kept.
    let sound = status == 200 && errand::is_answer(&bytes);
    let deposit = shelf.filter(|_| sound).and_then(|shelf| shelf.keep(life, &content_type, &bytes));
    Ok(Reply { deposit, ..Reply::relayed(status, answer, bytes) })
}
