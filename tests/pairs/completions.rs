//! Reads legacy text completions, which no provider gives: the text, why it ended, and what was used.

use causeway::error::{Error, Result};
use causeway::ir::{Finish, Part, Reason, Response, Usage};
use serde_json::Value;

pub fn whole(body: &[u8]) -> Response {
    gathered(&[serde_json::from_slice(body).unwrap()]).unwrap()
}

pub fn streamed(stream: &[u8]) -> Result<Response> {
    let lines = std::str::from_utf8(stream).unwrap().lines().filter_map(|line| line.strip_prefix("data: "));
    let chunks: Vec<Value> = lines.filter(|data| *data != "[DONE]").map(|data| serde_json::from_str(data).unwrap()).collect();
    gathered(&chunks)
}

fn gathered(chunks: &[Value]) -> Result<Response> {
    let texts = chunks.iter().filter_map(|chunk| chunk["choices"][0]["text"].as_str());
    let ends: Vec<&str> = chunks.iter().filter_map(|chunk| chunk["choices"][0]["finish_reason"].as_str()).collect();
    let reason = match ends.as_slice() {
        ["stop"] => Reason::Stop,
        ["length"] => Reason::Length,
        ["content_filter"] => Reason::Filtered,
        [] => return Err(Error::unfinished()),
        other => panic!("it ended {other:?}"),
    };
    Ok(Response {
        parts: vec![Part::text(texts.collect::<String>())],
        finish: Finish { reason, ..Finish::default() },
        usage: chunks.iter().map(|chunk| &chunk["usage"]).find(|usage| usage.is_object()).map(usage),
        ..Response::default()
    })
}

fn usage(told: &Value) -> Usage {
    let (input, output) = (&told["prompt_tokens_details"], &told["completion_tokens_details"]);
    Usage {
        input: told["prompt_tokens"].as_u64().unwrap(),
        output: told["completion_tokens"].as_u64().unwrap(),
        cache_read: input["cached_tokens"].as_u64(),
        cache_write: input["cache_write_tokens"].as_u64(),
        reasoning: output["reasoning_tokens"].as_u64(),
        ..Usage::default()
    }
}
