//! `POST /v1/feedback`: what a caller thought of an answer, by the trace that it was part of. The strategy `quality`
//! goes by it. One object, or several in a list (or, as Portkey's client for Node writes a list, by their numbers).

use std::collections::BTreeMap;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::confer;
use super::life::Life;
use crate::error::{Error, Result};
use crate::host::Host;
use crate::http::Reply;
use crate::routing::meeting::Judgement;

/// In one call.
const MOST: usize = 1_000;

pub async fn take<H: Host>(life: &mut Life<'_, H>) -> Result<Reply<H::Answer>> {
    let body = life.receive().await?;
    life.inference = false;
    let body: Value = crate::wire::json::read(&body).map_err(|error| Error::invalid(format!("The body is not valid JSON: {error}.")))?;
    let judgements = entries(&body)?.into_iter().map(|(path, entry)| judgement(life, &path, entry)).collect::<Result<Vec<_>>>()?;
    let ids: Vec<String> = judgements.iter().map(|_| format!("{:016x}{:016x}", life.host.random(), life.host.random())).collect();
    life.settings.memory.judged(judgements);
    let met = confer(life.host, life.settings).await;
    met.map_err(|_| Error::gateway("The feedback could not be kept; try again."))?;
    let reply = json!({"status": "success", "message": "Feedback successfully saved", "feedback_ids": ids});
    Ok(Reply::json(200, reply.to_string().into_bytes()))
}

/// What a trace is remembered by. Nobody can score the traces of another tenant, nor make up one that is taken for
/// theirs.
pub fn trace<H: Host>(life: &Life<'_, H>, id: &str) -> u64 {
    let tenant = life.tenant();
    let digest = Sha256::new().chain_update(tenant.len().to_le_bytes()).chain_update(&tenant).chain_update(id).finalize();
    digest.iter().take(8).fold(0, |number, byte| number << 8 | u64::from(*byte))
}

/// Each with the place at which it stands.
fn entries(body: &Value) -> Result<Vec<(String, &Value)>> {
    let numbered = |object: &serde_json::Map<String, Value>| !object.is_empty() && object.keys().all(|name| name.parse::<u32>().is_ok());
    let entries: Vec<(String, &Value)> = match body {
        Value::Array(list) => list.iter().enumerate().map(|(at, entry)| (format!("[{at}]."), entry)).collect(),
        Value::Object(object) if numbered(object) => {
            let ordered: BTreeMap<u32, &Value> = object.iter().filter_map(|(name, entry)| Some((name.parse().ok()?, entry))).collect();
            ordered.into_iter().map(|(at, entry)| (format!("[{at}]."), entry)).collect()
        }
        body => vec![(String::new(), body)],
    };
    match entries.len() {
        1..=MOST => Ok(entries),
        _ => Err(Error::invalid(format!("Send at least one feedback, and at most {MOST} at once."))),
    }
}

fn judgement<H: Host>(life: &Life<'_, H>, path: &str, entry: &Value) -> Result<Judgement> {
    let wrong = |name: &str, what: &str| Error::invalid(format!("`{path}{name}` must be {what}.")).with_param(format!("{path}{name}"));
    let field = |names: &[&str]| names.iter().find_map(|name| entry.get(name)).filter(|value| !value.is_null());
    let id = field(&["trace_id", "traceId", "traceID"]).and_then(Value::as_str).filter(|id| !id.is_empty());
    let id = id.ok_or_else(|| wrong("trace_id", "the id of a trace, as the header `trace-id` of an answer tells it"))?;
    let value = field(&["value"]).and_then(Value::as_f64).filter(|value| value.fract() == 0.0 && (-10.0..=10.0).contains(value));
    let value = value.ok_or_else(|| wrong("value", "a whole number from -10 to 10"))?;
    let weight = match field(&["weight"]) {
        None => 1.0,
        Some(weight) => {
            weight.as_f64().filter(|weight| (0.0..=1.0).contains(weight)).ok_or_else(|| wrong("weight", "a number from 0 to 1"))?
        }
    };
    if field(&["metadata"]).is_some_and(|metadata| !metadata.is_object()) {
        return Err(wrong("metadata", "an object"));
    }
    Ok(Judgement { trace: trace(life, id), score: (value + 10.0) / 20.0, weight })
}
