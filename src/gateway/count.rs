//! How many tokens a conversation begins with: the provider counts, where it speaks the caller's dialect and can; else
//! it is estimated, and said so.

use super::attempt::{accepted, read, send};
use super::lease;
use super::life::Life;
use super::route::{Asked, walk};
use super::talk::{json_string, model, named};
use crate::door::Talk;
use crate::error::Result;
use crate::host::{Answer, Host};
use crate::http::{Headers, Reply};
use crate::lease::Bill;
use crate::routing::config::Terms;
use crate::target::Wish;
use crate::wire::envelope::Envelope;
use crate::wire::pipe::estimate_tokens;
use crate::wire::{Dialect, Glance};

pub async fn count<H: Host>(life: &mut Life<'_, H>, talk: &Talk) -> Result<Reply<H::Answer>> {
    life.dialect = talk.dialect;
    let body = life.receive().await?;
    let envelope = life.look(&body)?;
    let model = model(talk.model.as_deref(), &envelope)?;
    let asked = Asked { envelope, model, once: false, unrouted: false };
    walk(life, &asked, async |life| count_at(life, talk, &asked).await).await
}

async fn count_at<H: Host>(life: &mut Life<'_, H>, talk: &Talk, asked: &Asked<'_>) -> Result<Reply<H::Answer>> {
    let (mut envelope, model) = asked.under(life.caller.terms, talk.model.is_some());
    leave_out_knobs(&mut envelope, asked, life.caller.terms);
    let target = life.aim(Wish::Talk(talk.dialect), &named(model)?)?;
    life.ledger.free = true;
    lease::secure(life, None, Bill::NOTHING).await?;
    let Some(counter) = target.counting(talk.dialect) else {
        let request = (talk.dialect.inbound().decode_request)(&counted(envelope), &mut life.losses)?;
        let tokens = estimate_tokens(request.length());
        life.close(&Glance { finished: true, ..Glance::default() });
        let name = if talk.dialect == Dialect::Gemini { "totalTokens" } else { "input_tokens" };
        let mut reply = Reply::json(200, format!("{{\"{name}\":{tokens}}}").into_bytes());
        reply.headers.add(&format!("x-{}-estimated", life.caller.spelling()), "true");
        return Ok(reply);
    };
    if target.renamed && talk.model.is_none() {
        envelope.set("model", json_string(&target.model));
    }
    counter.fit(&mut envelope, true, &mut life.losses)?;
    let json = |headers: &mut Headers| headers.add("content-type", "application/json");
    let answer = send(life, &counter, &envelope.bytes(), false, json, false).await?;
    let mut answer = accepted(life, &counter, answer).await?;
    let bytes = read(life, target.provider, &mut answer).await?;
    life.close(&Glance { finished: true, ..Glance::default() });
    Ok(Reply::relayed(answer.status(), answer, bytes))
}

/// What a config sets for answers is unknown where tokens are counted, unless it is a part of the conversation.
fn leave_out_knobs(envelope: &mut Envelope<'_>, asked: &Asked<'_>, terms: Option<&Terms>) {
    const PARTS: &[&str] =
        &["model", "messages", "system", "tools", "tool_choice", "thinking", "contents", "systemInstruction", "generateContentRequest"];
    for name in terms.iter().flat_map(|terms| terms.override_params.keys().chain(terms.default_params.keys())) {
        if !PARTS.contains(&name.as_str()) && !asked.envelope.has(name) {
            envelope.remove(name);
        }
    }
}

/// The conversation that is to be counted: Google's may be given whole within the question, and Anthropic's says
/// nothing of the length of an answer.
fn counted(mut envelope: Envelope<'_>) -> Vec<u8> {
    if let Some(whole) = envelope.raw("generateContentRequest") {
        return whole.as_bytes().to_vec();
    }
    if !envelope.has("max_tokens") {
        envelope.set("max_tokens", "1".to_owned());
    }
    envelope.bytes().into_owned()
}
