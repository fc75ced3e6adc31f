//! Token counts as they are on this wire.

use crate::ir::Usage;
use crate::wire::json::{Array, Object};
use crate::wire::loose::{self, whole};
use serde::Deserialize;
use serde_json::Value;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Counts {
    #[serde(default, deserialize_with = "loose::number")]
    prompt_token_count: Option<f64>,
    #[serde(default, deserialize_with = "loose::number")]
    tool_use_prompt_token_count: Option<f64>,
    #[serde(default, deserialize_with = "loose::number")]
    candidates_token_count: Option<f64>,
    #[serde(default, deserialize_with = "loose::number")]
    thoughts_token_count: Option<f64>,
    #[serde(default, deserialize_with = "loose::number")]
    cached_content_token_count: Option<f64>,
    #[serde(default, deserialize_with = "loose::list")]
    prompt_tokens_details: Vec<Share>,
    #[serde(default, deserialize_with = "loose::list")]
    candidates_tokens_details: Vec<Share>,
}

/// How many tokens are of one kind.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Share {
    modality: Option<Value>,
    #[serde(default, deserialize_with = "loose::number")]
    token_count: Option<f64>,
}

impl Counts {
    /// Nothing when it counts nothing: Vertex tells the kind of traffic in the same place, long before the counts.
    pub fn usage(&self) -> Option<Usage> {
        let prompt = self.prompt_token_count.map(whole);
        let answer = self.candidates_token_count.map(whole);
        let thoughts = self.thoughts_token_count.map(whole);
        if prompt.is_none() && answer.is_none() && thoughts.is_none() {
            return None;
        }
        let tools = self.tool_use_prompt_token_count.map(whole).unwrap_or(0);
        Some(Usage {
            input: prompt.unwrap_or(0).saturating_add(tools),
            output: answer.unwrap_or(0).saturating_add(thoughts.unwrap_or(0)),
            cache_read: self.cached_content_token_count.map(whole),
            reasoning: thoughts,
            input_audio: audio(&self.prompt_tokens_details),
            output_audio: audio(&self.candidates_tokens_details),
            ..Usage::default()
        })
    }
}

fn audio(shares: &[Share]) -> Option<u64> {
    let is_audio = |share: &&Share| match &share.modality {
        Some(Value::String(word)) => word == "AUDIO",
        Some(Value::Number(number)) => number.as_u64() == Some(4),
        _ => false,
    };
    shares.iter().find(is_audio)?.token_count.map(whole)
}

pub(super) fn write_usage(out: &mut Vec<u8>, usage: &Usage) {
    let thoughts = usage.reasoning.unwrap_or(0);
    let mut object = Object::open(out)
        .with("promptTokenCount", &usage.input)
        .with("candidatesTokenCount", &usage.output.saturating_sub(thoughts))
        .with("totalTokenCount", &usage.total())
        .maybe("cachedContentTokenCount", usage.cache_read)
        .maybe("thoughtsTokenCount", usage.reasoning);
    write_shares(&mut object, "promptTokensDetails", usage.input, usage.input_audio);
    write_shares(&mut object, "candidatesTokensDetails", usage.output.saturating_sub(thoughts), usage.output_audio);
    object.close();
}

fn write_shares(object: &mut Object<'_>, name: &str, all: u64, audio: Option<u64>) {
    let Some(audio) = audio.filter(|audio| *audio > 0) else { return };
    let mut shares = Array::open(object.slot(name));
    for (modality, count) in [("TEXT", all.saturating_sub(audio)), ("AUDIO", audio)] {
        Object::open(shares.slot()).with("modality", modality).with("tokenCount", &count).close();
    }
    shares.close();
}
