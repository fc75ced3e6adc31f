//! What the forms of OpenAI's family have in common: how they count tokens and how they tell errors.

use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::answer::write_upstream;
use super::fault;
use super::json::Object;
use super::loose;
pub use super::loose::whole;
use super::skim::Skim;
use crate::error::{Error, Kind, Origin, Result};
use crate::ir::{Losses, Usage};
use crate::wire::lean;

/// Parameters that two of its dialects have in common, by their names in chat and in responses.
const COMMON: [(&str, &str); 4] = [
    ("service_tier", "service_tier"),
    ("verbosity", "text.verbosity"),
    ("prompt_cache_key", "prompt_cache_key"),
    ("safety_identifier", "safety_identifier"),
];

/// A parameter of its dialects that a provider of another lacks: what changes what an answer is is refused, the rest is
/// named as lost.
pub fn refuse_or_name(name: &str, raw: &RawValue, losses: &mut Losses) -> Result<()> {
    let refused = |words: &str| Err(Error::invalid(format!("{name}: {words}")).with_param(name));
    match name {
        "n" if raw.get() == "1" => {}
        "n" => return refused("this provider gives one answer per request; send n=1 or call it n times"),
        "modalities" if !raw.get().contains("\"audio\"") => {}
        "modalities" | "audio" => return refused("this provider does not answer with audio; ask for text"),
        _ => losses.drop(name),
    }
    Ok(())
}

/// What a parameter of a request in responses is called in chat.
pub fn in_chat(name: &str, raw: &RawValue) -> Option<&'static str> {
    COMMON.iter().find(|(_, known)| *known == name && fits(name, raw)).map(|(name, _)| *name)
}

/// What a parameter of a request in chat is called in responses.
pub fn in_responses(name: &str, raw: &RawValue) -> Option<&'static str> {
    COMMON.iter().find(|(known, _)| *known == name && fits(name, raw)).map(|(_, name)| *name)
}

/// Anthropic has tiers too, by other words.
fn fits(name: &str, raw: &RawValue) -> bool {
    name != "service_tier" || matches!(raw.get(), r#""auto""# | r#""default""# | r#""flex""# | r#""priority""#)
}

/// Tokens as the family counts them.
#[derive(Clone, Debug, Default)]
pub struct Counts {
    prompt_tokens: Option<f64>,
    completion_tokens: Option<f64>,
    total_tokens: Option<f64>,
    prompt: Details,
    completion: Details,
    /// DeepSeek's word for what was read from the cache.
    prompt_cache_hit_tokens: Option<f64>,
    /// Moonshot's and Together's.
    cached_tokens: Option<f64>,
    /// Perplexity's and others' place for thinking.
    reasoning_tokens: Option<f64>,
}

#[derive(Clone, Debug, Default)]
struct Details {
    cached_tokens: Option<f64>,
    cache_write_tokens: Option<f64>,
    audio_tokens: Option<f64>,
    reasoning_tokens: Option<f64>,
}

impl<'de> Deserialize<'de> for Counts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        let raw = <&RawValue>::deserialize(deserializer)?.get();
        let mut counts = None;
        Skim::whole(raw, |skim| {
            counts = Self::read(skim);
            Some(())
        });
        Ok(counts.unwrap_or_default())
    }
}

impl Counts {
    pub fn read(skim: &mut Skim<'_>) -> Option<Self> {
        let mut counts = Self::default();
        skim.object(|name, skim| {
            let slot = match name {
                "prompt_tokens" => &mut counts.prompt_tokens,
                "completion_tokens" => &mut counts.completion_tokens,
                "total_tokens" => &mut counts.total_tokens,
                "prompt_cache_hit_tokens" => &mut counts.prompt_cache_hit_tokens,
                "cached_tokens" => &mut counts.cached_tokens,
                "reasoning_tokens" => &mut counts.reasoning_tokens,
                "prompt_tokens_details" => return counts.prompt.read(skim),
                "completion_tokens_details" => return counts.completion.read(skim),
                _ => return skim.pass(),
            };
            *slot = loose::count(skim.raw()?);
            Some(())
        })?;
        Some(counts)
    }

    /// None where nothing was counted.
    pub fn usage(&self) -> Option<Usage> {
        self.prompt_tokens.or(self.completion_tokens).or(self.total_tokens)?;
        let reasoning = self.completion.reasoning_tokens.or(self.reasoning_tokens).map(whole);
        let (hidden, heard) = (self.hidden(reasoning), self.heard_beside());
        let input = self.part(self.prompt_tokens, self.completion_tokens).saturating_add(heard);
        let cached = self.prompt.cached_tokens.or(self.prompt_cache_hit_tokens).or(self.cached_tokens);
        Some(Usage {
            input,
            output: self.part(self.completion_tokens, self.prompt_tokens).saturating_add(hidden),
            // Some count among the cached what they do not count as asked.
            cache_read: cached.map(|count| whole(count).min(input)),
            cache_write: self.prompt.cache_write_tokens.map(whole),
            cache_write_1h: None,
            reasoning: reasoning.or((hidden > 0).then_some(hidden)),
            input_audio: self.prompt.audio_tokens.map(whole),
            output_audio: self.completion.audio_tokens.map(whole),
            estimated: false,
        })
    }

    /// A part of the total; one that is not told is what the other leaves of it.
    fn part(&self, part: Option<f64>, other: Option<f64>) -> u64 {
        let left = || Some(whole(self.total_tokens?).saturating_sub(whole(other?)));
        part.map(whole).or_else(left).unwrap_or(0)
    }

    /// What the total has beyond the prompt and the completion.
    fn beyond(&self) -> u64 {
        let told = self.prompt_tokens.map_or(0, whole).saturating_add(self.completion_tokens.map_or(0, whole));
        self.total_tokens.map_or(0, whole).saturating_sub(told)
    }

    /// Sound that the prompt does not include: where the total is only reached with it.
    fn heard_beside(&self) -> u64 {
        let heard = self.prompt.audio_tokens.map(whole);
        heard.filter(|heard| *heard == self.beyond()).unwrap_or(0)
    }

    /// Thinking that the completion does not include, by the same sign.
    fn hidden(&self, reasoning: Option<u64>) -> u64 {
        match reasoning {
            _ if self.prompt_tokens.is_none() || self.completion_tokens.is_none() => 0,
            Some(reasoning) if self.beyond() == reasoning => reasoning,
            // Some do not tell it even apart.
            None if self.heard_beside() == 0 => self.beyond(),
            _ => 0,
        }
    }
}

impl Details {
    fn read(&mut self, skim: &mut Skim<'_>) -> Option<()> {
        skim.object(|name, skim| {
            let slot = match name {
                "cached_tokens" => &mut self.cached_tokens,
                "cache_write_tokens" => &mut self.cache_write_tokens,
                "audio_tokens" => &mut self.audio_tokens,
                "reasoning_tokens" => &mut self.reasoning_tokens,
                _ => return skim.pass(),
            };
            *slot = loose::count(skim.raw()?);
            Some(())
        })
    }
}

/// Tokens as its newer forms count them.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
pub struct Tokens {
    #[serde(default)]
    input_tokens: Option<f64>,
    #[serde(default)]
    output_tokens: Option<f64>,
    #[serde(default)]
    prompt_tokens: Option<f64>,
    #[serde(default)]
    completion_tokens: Option<f64>,
}

impl Tokens {
    pub fn usage(self) -> Usage {
        let (input, output) = (self.input_tokens.or(self.prompt_tokens), self.output_tokens.or(self.completion_tokens));
        Usage { input: input.map_or(0, whole), output: output.map_or(0, whole), ..Usage::default() }
    }
}

/// An error told inside a 200: its code is the status, where it is one.
pub fn fault_of(raw: &RawValue) -> Error {
    #[derive(Default, Deserialize)]
    struct Coded {
        #[serde(default, deserialize_with = "loose::index")]
        code: Option<u64>,
        #[serde(default, deserialize_with = "loose::index")]
        status_code: Option<u64>,
    }
    let coded: Coded = lean::from_str(raw.get()).unwrap_or_default();
    let status = coded.status_code.or(coded.code).and_then(|code| u16::try_from(code).ok());
    let status = status.filter(|status| (400..600).contains(status)).unwrap_or(Kind::Failed.status());
    fault::decode(fault::Head { status, ..fault::Head::default() }, format!("{{\"error\":{}}}", raw.get()).as_bytes())
}

pub fn write_usage(out: &mut Vec<u8>, usage: &Usage) {
    usage_object(out, usage).close();
}

/// The same, to which more can be added.
pub fn usage_object<'o>(out: &'o mut Vec<u8>, usage: &Usage) -> Object<'o> {
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
    object
}

pub fn encode_error(error: &Error) -> Vec<u8> {
    let (kind, code) = words(error);
    let mut body = Vec::with_capacity(256);
    let mut object = Object::open(&mut body);
    let mut inner = Object::open(object.slot("error"))
        .with("message", &error.message)
        .with("type", error.type_word.as_deref().unwrap_or(kind))
        .with("param", &error.param)
        .with("code", &error.code.as_deref().or(code));
    write_upstream(&mut inner, error);
    inner.close();
    object.close();
    body
}

/// The type and code of an error that brings none of its own.
fn words(error: &Error) -> (&'static str, Option<&'static str>) {
    match error.kind {
        Kind::Invalid | Kind::MethodNotAllowed | Kind::Conflict => ("invalid_request_error", None),
        Kind::Unauthenticated => ("authentication_error", Some("invalid_api_key")),
        Kind::Forbidden => ("permission_error", None),
        Kind::NotFound => ("invalid_request_error", Some("not_found")),
        Kind::TooLarge => ("invalid_request_error", Some("request_too_large")),
        Kind::RateLimited => ("rate_limit_error", Some("rate_limit_exceeded")),
        Kind::Exhausted => ("insufficient_quota", Some("insufficient_quota")),
        Kind::TimedOut => ("timeout_error", None),
        Kind::Overloaded => ("overloaded_error", None),
        Kind::Abandoned => ("request_abandoned", None),
        Kind::Unreachable | Kind::Failed if error.origin == Origin::Upstream => ("upstream_error", None),
        Kind::Unreachable | Kind::Failed => ("api_error", None),
    }
}

/// Whether a failed answer is in this dialect's own shape, so that it may pass as it is.
pub fn is_own_error(body: &[u8]) -> bool {
    #[derive(Deserialize)]
    struct Whole<'a> {
        #[serde(borrow)]
        error: &'a RawValue,
    }
    // Strings where the dialect has strings: some send a number for a code, and others leave it out.
    #[derive(Deserialize)]
    struct Inner {
        message: String,
        #[serde(rename = "type", deserialize_with = "Option::deserialize")]
        _kind: Option<String>,
        #[serde(default, rename = "param")]
        _param: Option<String>,
        #[serde(rename = "code", deserialize_with = "Option::deserialize")]
        _code: Option<String>,
    }
    let Ok(Whole { error }) = crate::wire::json::read(body) else { return false };
    // A list would do for a structure too.
    error.get().starts_with('{') && lean::from_str::<Inner>(error.get()).is_ok_and(|inner| !inner.message.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_passes_as_it_is_only_in_the_whole_shape_of_the_dialect() {
        let own = [
            r#"{"error":{"message":"m","type":"t","param":null,"code":"c"}}"#,
            r#"{"error":{"message":"m","type":null,"code":null,"failed_generation":"x"},"request_id":"r"}"#,
        ];
        let others = [
            r#"{"error":["m","t"]}"#,
            r#"{"error":["m","t",null,"c"]}"#,
            r#"{"error":"m"}"#,
            r#"{"error":{"message":"m","type":"t","code":400}}"#,
            r#"{"error":{"message":"m","code":"c"}}"#,
            r#"{"error":{"message":"m","type":"t"}}"#,
            r#"{"error":{"message":"","type":"t","code":null}}"#,
            r#"[{"error":{"message":"m","type":"t","code":null}}]"#,
            "m",
        ];
        for body in own {
            assert!(is_own_error(body.as_bytes()), "{body}");
        }
        for body in others {
            assert!(!is_own_error(body.as_bytes()), "{body}");
        }
    }

    #[test]
    fn tokens_that_only_the_total_has_were_heard_or_thought_and_no_more_was_cached_than_asked() {
        let table = [
            (r#"{"prompt_tokens":9,"completion_tokens":201,"total_tokens":585,"prompt_tokens_details":{"audio_tokens":375}}"#, (384, 201)),
            (r#"{"prompt_tokens":9,"completion_tokens":2,"total_tokens":11,"prompt_tokens_details":{"audio_tokens":5}}"#, (9, 2)),
            (r#"{"prompt_tokens":9,"completion_tokens":2,"total_tokens":18,"completion_tokens_details":{"reasoning_tokens":7}}"#, (9, 9)),
            (r#"{"prompt_tokens":35,"completion_tokens":12,"total_tokens":109}"#, (35, 74)),
            (r#"{"prompt_tokens":31,"completion_tokens":9,"total_tokens":40,"prompt_tokens_details":{"cached_tokens":161}}"#, (31, 9)),
        ];
        for (json, counted) in table {
            let usage = lean::from_str::<Counts>(json).unwrap().usage().unwrap();
            assert_eq!((usage.input, usage.output), counted, "{json}");
            assert!(usage.cache_read.is_none_or(|cached| cached <= usage.input), "{json}");
        }
    }
}
