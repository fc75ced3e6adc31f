//! What is no conversation: one request of the caller may become several.

use super::attempt::{MAX_ANSWER, failure, passing_failure, send, unanswered};
use super::lease;
use super::life::Life;
use super::route::{Asked, walk};
use super::shelf::{self, Shelf};
use super::sight::worst_of_errand;
use super::talk::{json_string, model, named};
use crate::errand::{self, Returned};
use crate::error::{Error, Result};
use crate::host::{Answer, Host};
use crate::http::{Body, Headers, Reply};
use crate::providers::service::Errand;
use crate::target::Wish;
use crate::wire::Echo;
use crate::wire::envelope::Envelope;

/// Something that is no conversation.
pub async fn run<H: Host>(life: &mut Life<'_, H>, errand: Errand) -> Result<Reply<H::Answer>> {
    let body = life.receive().await?;
    let mut envelope = Envelope::look(&body)?;
    if let Some(usual) = errand.usual_model().filter(|_| matches!(envelope.text("model"), Ok(None))) {
        envelope.set("model", json_string(usual));
    }
    let model = model(None, &envelope)?;
    let asked = Asked { envelope, model, once: false, unrouted: false };
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
    let (serves, passes) = (target.service.serves, errand::passes(target.service.serves));
    let nonce = life.ledger.record.request_id.clone();
    let (letters, reading) = errand::prepare(serves, &target.model, &asked, &nonce, &mut life.losses)?;
    life.refuse_losses(target.provider)?;
    let worst = worst_of_errand(life, errand, &asked);
    if let Some(entry) = lease::secure(life, shelf.as_mut(), worst).await? {
        return Ok(shelf::returned(life, &target, errand, &asked, entry));
    }
    let mut returned = Vec::with_capacity(letters.len());
    for letter in letters {
        let own = |headers: &mut Headers| {
            headers.add("content-type", &letter.content_type);
            if !letter.accept.is_empty() {
                headers.add("accept", letter.accept);
            }
        };
        let mut answer = send(life, &target, &letter.body, false, own, passes).await?;
        if !(200..300).contains(&answer.status()) {
            let failed = if passes { passing_failure(life, &target, &mut answer).await } else { failure(life, &target, &mut answer).await };
            return Err(failed);
        }
        if passes {
            life.close_errand(errand, &asked, &[]);
            return Ok(Reply {
                status: answer.status(),
                headers: Headers::default(),
                body: Body::Passed { answer },
                ledger: None,
                deposit: None,
            });
        }
        let content_type = answer.header("content-type").unwrap_or_default();
        let bytes = answer.bytes(MAX_ANSWER).await;
        let bytes = bytes.map_err(|fault| unanswered(fault, life, target.provider))?;
        if reading.is_none() {
            if let Some(whole) = errand::mended(errand, &asked, &bytes) {
                return Ok(tell(life, errand, &asked, shelf, "application/json", whole));
            }
            life.close_errand(errand, &asked, &bytes);
            // A failure in a success's clothes is not kept.
            let sound = answer.status() == 200 && errand::is_answer(&bytes);
            let deposit = shelf.filter(|_| sound).and_then(|shelf| shelf.keep(life, &content_type, &bytes));
            return Ok(Reply {
                status: answer.status(),
                headers: Headers::default(),
                body: Body::Relayed { answer, bytes },
                ledger: None,
                deposit,
            });
        }
        returned.push(Returned { content_type, body: bytes });
    }
    let echo = Echo { model: target.model.clone(), now: life.host.now() / 1_000, nonce, stream_usage: false };
    let reading = reading.ok_or_else(|| Error::gateway("An answer came that nobody can read."))?;
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
    Reply { status: 200, headers, body: Body::Bytes(body), ledger: None, deposit }
}
