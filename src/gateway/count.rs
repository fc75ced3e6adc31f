//! How many tokens a conversation begins with: the provider counts where it can, in the caller's dialect or in its own;
//! else it is estimated, and said so.

use super::attempt::{accepted, read, send};
use super::lease;
use super::life::Life;
use super::route::{Asked, walk};
use super::talk::{json_string, named};
use crate::door::Talk;
use crate::error::{Error, Kind, Result};
use crate::host::{Answer, Host, Payload};
use crate::http::{Headers, Reply};
use crate::ir::Losses;
use crate::lease::Bill;
use crate::routing::config::Terms;
use crate::target::{Target, Wish};
use crate::wire::envelope::Envelope;
use crate::wire::estimate_tokens;
use crate::wire::{Dialect, Glance};

pub async fn count<H: Host>(life: &mut Life<'_, H>, talk: &Talk) -> Result<Reply<H::Answer>> {
    life.dialect = talk.dialect;
    let body = life.receive().await?;
    let asked = Asked::by(life.look(&body)?, talk.model.as_deref())?;
    walk(life, &asked, async |life| count_at(life, talk, &asked).await).await
}

async fn count_at<H: Host>(life: &mut Life<'_, H>, talk: &Talk, asked: &Asked<'_>) -> Result<Reply<H::Answer>> {
    let (mut envelope, model) = asked.under(life.caller.terms, talk.model.is_some());
    leave_out_knobs(&mut envelope, asked, life.caller.terms);
    let target = life.aim(Wish::Talk(talk.dialect), &named(model)?)?;
    life.ledger.free = true;
    lease::secure(life, None, Bill::NOTHING).await?;
    let Some(counter) = target.counting(talk.dialect) else {
        let mut request = (talk.dialect.inbound().decode_request)(&counted(envelope), &mut life.losses)?;
        let Some(counter) = target.counting(target.dialect) else {
            let mut reply = told(talk.dialect, estimate_tokens(request.length()));
            life.close(&Glance { finished: true, ..Glance::default() });
            reply.headers.add(&format!("x-{}-estimated", life.caller.spelling()), "true");
            return Ok(reply);
        };
        request.model.clone_from(&target.model);
        // What is lost of an answer's knobs says nothing here.
        let abilities = target.provider.abilities(target.dialect, &target.model);
        let encoded = (target.dialect.outbound().encode_request)(&request, false, &abilities, &mut Losses::default())?;
        let tokens = number(&ask(life, &counter, &question(&counter, &encoded)?).await?.1)?;
        return Ok(told(talk.dialect, tokens));
    };
    if target.renamed && talk.model.is_none() {
        envelope.set("model", json_string(&target.model));
    }
    counter.fit(&mut envelope, true, &mut life.losses)?;
    let (answer, bytes) = ask(life, &counter, &envelope.bytes()).await?;
    Ok(Reply::relayed(answer.status(), answer, bytes))
}

async fn ask<H: Host>(life: &mut Life<'_, H>, counter: &Target<'_>, body: &[u8]) -> Result<(H::Answer, Vec<u8>)> {
    let json = |headers: &mut Headers| headers.add("content-type", "application/json");
    let answer = send(life, counter, Payload::Bytes(body), false, json, false).await?;
    let mut answer = accepted(life, counter, answer).await?;
    let bytes = read(life, counter.provider, &mut answer).await?;
    life.close(&Glance { finished: true, ..Glance::default() });
    Ok((answer, bytes))
}

fn told<A>(dialect: Dialect, tokens: u64) -> Reply<A> {
    let name = if dialect == Dialect::Gemini { "totalTokens" } else { "input_tokens" };
    Reply::json(200, format!("{{\"{name}\":{tokens}}}").into_bytes())
}

/// The question in the provider's words: the conversation, less what only bounds the answer.
fn question(counter: &Target<'_>, encoded: &[u8]) -> Result<Vec<u8>> {
    let parts: &[&str] = match counter.dialect {
        Dialect::Gemini => &["contents", "systemInstruction", "tools"],
        Dialect::Converse => &["messages", "system", "toolConfig"],
        _ => &["model", "messages", "system", "tools", "tool_choice", "thinking"],
    };
    let mut envelope = Envelope::look(encoded)?;
    counter.fit(&mut envelope, false, &mut Losses::default())?;
    let kept = parts.iter().filter_map(|name| Some(format!("\"{name}\":{}", envelope.raw(name)?))).collect::<Vec<_>>().join(",");
    let fixed = counter.service.fields.iter().map(|(name, raw)| format!(",\"{name}\":{raw}")).collect::<String>();
    let body = match counter.dialect {
        Dialect::Converse => format!("{{\"input\":{{\"converse\":{{{kept}}}}}}}"),
        Dialect::Gemini if counter.service.counts_whole() => {
            let model = json_string(&format!("models/{}", counter.model));
            format!("{{\"generateContentRequest\":{{\"model\":{model},{kept}}}}}")
        }
        _ => format!("{{{kept}{fixed}}}"),
    };
    Ok(body.into_bytes())
}

/// What was counted, by the provider's name for it.
fn number(answer: &[u8]) -> Result<u64> {
    let unread = || Error::upstream(Kind::Failed, "The provider's count of tokens could not be read.");
    let envelope = Envelope::look(answer).map_err(|_| unread())?;
    let told = ["totalTokens", "inputTokens", "input_tokens"].iter().find_map(|name| envelope.raw(name)?.parse().ok());
    told.ok_or_else(unread)
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
