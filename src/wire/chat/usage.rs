//! Tokens as this dialect counts them.

use serde::Deserialize;

use super::loose::{self, whole};
use crate::ir::Usage;
use crate::wire::json::Object;

#[derive(Clone, Debug, Default, Deserialize)]
pub struct Counts {
    #[serde(default, deserialize_with = "loose::number")]
    prompt_tokens: Option<f64>,
    #[serde(default, deserialize_with = "loose::number")]
    completion_tokens: Option<f64>,
    #[serde(default, deserialize_with = "loose::number")]
    total_tokens: Option<f64>,
    #[serde(default, deserialize_with = "loose::maybe")]
    prompt_tokens_details: Option<Details>,
    #[serde(default, deserialize_with = "loose::maybe")]
    completion_tokens_details: Option<Details>,
    /// DeepSeek's word for what was read from the cache.
    #[serde(default, deserialize_with = "loose::number")]
    prompt_cache_hit_tokens: Option<f64>,
    /// Moonshot's and Together's.
    #[serde(default, deserialize_with = "loose::number")]
    cached_tokens: Option<f64>,
    /// Perplexity's and others' place for thinking.
    #[serde(default, deserialize_with = "loose::number")]
    reasoning_tokens: Option<f64>,
}

#[derive(Clone, Debug, Default, Deserialize)]
struct Details {
    #[serde(default, deserialize_with = "loose::number")]
    cached_tokens: Option<f64>,
    #[serde(default, deserialize_with = "loose::number")]
    cache_write_tokens: Option<f64>,
    #[serde(default, deserialize_with = "loose::number")]
    audio_tokens: Option<f64>,
    #[serde(default, deserialize_with = "loose::number")]
    reasoning_tokens: Option<f64>,
}

impl Counts {
    /// None where nothing was counted.
    pub fn usage(&self) -> Option<Usage> {
        self.prompt_tokens.or(self.completion_tokens).or(self.total_tokens)?;
        let (prompt, completion) = (self.prompt_tokens_details.as_ref(), self.completion_tokens_details.as_ref());
        let reasoning = completion.and_then(|details| details.reasoning_tokens).or(self.reasoning_tokens).map(whole);
        let hidden = self.hidden(reasoning);
        Some(Usage {
            input: self.prompt_tokens.map_or(0, whole),
            output: self.completion_tokens.map_or(0, whole).saturating_add(hidden),
            cache_read: prompt.and_then(|details| details.cached_tokens).or(self.prompt_cache_hit_tokens).or(self.cached_tokens).map(whole),
            cache_write: prompt.and_then(|details| details.cache_write_tokens).map(whole),
            cache_write_1h: None,
            reasoning: reasoning.or((hidden > 0).then_some(hidden)),
            input_audio: prompt.and_then(|details| details.audio_tokens).map(whole),
            output_audio: completion.and_then(|details| details.audio_tokens).map(whole),
            estimated: false,
        })
    }

    /// Thinking that the completion does not include: where the total is only reached with it.
    fn hidden(&self, reasoning: Option<u64>) -> u64 {
        let told = self.prompt_tokens.map_or(0, whole).saturating_add(self.completion_tokens.map_or(0, whole));
        let beyond = self.total_tokens.map_or(0, whole).saturating_sub(told);
        let heard = self.prompt_tokens_details.as_ref().and_then(|details| details.audio_tokens).map(whole);
        match reasoning {
            Some(reasoning) if beyond == reasoning => beyond,
            // Some do not tell it even apart; but what was heard is no thinking.
            None if heard != Some(beyond) && self.completion_tokens.is_some() => beyond,
            _ => 0,
        }
    }
}

pub fn write_usage(out: &mut Vec<u8>, usage: &Usage) {
    let mut object =
        Object::open(out).with("prompt_tokens", &usage.input).with("completion_tokens", &usage.output).with("total_tokens", &usage.total());
    if usage.cache_read.is_some() || usage.cache_write.is_some() || usage.input_audio.is_some() {
        Object::open(object.slot("prompt_tokens_details"))
            .with("cached_tokens", &usage.cache_read.unwrap_or(0))
            .maybe("cache_write_tokens", usage.cache_write)
            .maybe("audio_tokens", usage.input_audio)
            .close();
    }
    if usage.reasoning.is_some() || usage.output_audio.is_some() {
        Object::open(object.slot("completion_tokens_details"))
            .with("reasoning_tokens", &usage.reasoning.unwrap_or(0))
            .maybe("audio_tokens", usage.output_audio)
            .close();
    }
    object.close();
}
