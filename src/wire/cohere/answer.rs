//! What whole answers and streams have in common.

use crate::error::{Error, Kind, Result};
use crate::ir::{Citation, Finish, Reason, Usage};
use crate::wire::fields::Fields;
use crate::wire::lean;
use crate::wire::loose;
use serde::Deserialize;
use serde_json::value::RawValue;

/// Why the answer ended. An answer that failed on the way is an error.
pub(super) fn finish(word: Option<&str>, said: Option<&str>) -> Result<Finish> {
    let reason = match word.unwrap_or_default() {
        "MAX_TOKENS" | "ERROR_LIMIT" => Reason::Length,
        "TOOL_CALL" => Reason::ToolCalls,
        "ERROR_TOXIC" => Reason::Filtered,
        "ERROR" => {
            return Err(Error::upstream(Kind::Failed, said.unwrap_or("The provider reports that it failed to complete the answer.")));
        }
        "TIMEOUT" => return Err(Error::upstream(Kind::TimedOut, said.unwrap_or("The provider ran out of time for the answer."))),
        _ => Reason::Stop,
    };
    match said {
        Some(words) => Err(Error::upstream(Kind::Failed, words)),
        None => Ok(Finish { reason, raw: word.map(str::to_owned), stop_sequence: None }),
    }
}

#[derive(Deserialize)]
struct Counts {
    #[serde(default, deserialize_with = "loose::maybe")]
    tokens: Option<Tokens>,
    #[serde(default, deserialize_with = "loose::maybe")]
    billed_units: Option<Tokens>,
    #[serde(default, deserialize_with = "loose::number")]
    cached_tokens: Option<f64>,
}

#[derive(Clone, Copy, Deserialize)]
struct Tokens {
    #[serde(default, deserialize_with = "loose::number")]
    input_tokens: Option<f64>,
    #[serde(default, deserialize_with = "loose::number")]
    output_tokens: Option<f64>,
    #[serde(default, deserialize_with = "loose::number")]
    reasoning_tokens: Option<f64>,
}

pub(super) fn usage(raw: &RawValue) -> Option<Usage> {
    let counts: Counts = lean::from_str(raw.get()).ok()?;
    let real = |pick: fn(&Tokens) -> Option<f64>| {
        let told = |tokens: &Option<Tokens>| tokens.as_ref().and_then(pick).map(whole);
        told(&counts.tokens).or_else(|| told(&counts.billed_units))
    };
    let (input, output) = (real(|tokens| tokens.input_tokens), real(|tokens| tokens.output_tokens));
    input.or(output)?;
    Some(Usage {
        input: input.unwrap_or(0),
        output: output.unwrap_or(0),
        cache_read: counts.cached_tokens.map(whole),
        reasoning: real(|tokens| tokens.reasoning_tokens),
        ..Usage::default()
    })
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a cast of a float saturates")]
fn whole(count: f64) -> u64 {
    count as u64
}

/// A citation as the provider tells it: one for each of its sources.
pub(super) struct Cited {
    /// The block that it stands in.
    pub block: Option<u64>,
    citations: Vec<Citation>,
}

impl Cited {
    /// None where it is not the answer's text that is cited, but a plan or thinking.
    pub fn read(raw: &RawValue) -> Option<Self> {
        let mut fields = Fields::of(raw, String::new()).ok()?;
        if fields.text("type").ok().flatten().is_some_and(|kind| kind != "TEXT_CONTENT") {
            return None;
        }
        let mut number = |name: &str| fields.number(name).ok().flatten().map(whole);
        let (start, end, block) = (number("start"), number("end"), number("content_index"));
        let quote = fields.text("text").ok().flatten();
        let base = Citation { quote, range: start.zip(end), raw: Some(raw.to_owned()), ..Citation::default() };
        let sources = fields.items("sources").ok().flatten().unwrap_or_default();
        let mut citations: Vec<Citation> = sources.into_iter().map(|source| named(base.clone(), source)).collect();
        if citations.is_empty() {
            citations.push(base);
        }
        Some(Self { block, citations })
    }

    /// The citations, in characters of the whole answer, of which `before` stand before the block's.
    pub fn shifted(self, before: u64) -> impl Iterator<Item = Citation> {
        self.citations.into_iter().map(move |mut citation| {
            citation.range = citation.range.map(|(start, end)| (start.saturating_add(before), end.saturating_add(before)));
            citation
        })
    }
}

/// The citation with what its source is called and where it is: a document's own words, or its id.
fn named(mut citation: Citation, source: &RawValue) -> Citation {
    let Ok(mut fields) = Fields::of(source, String::new()) else { return citation };
    let id = fields.text("id").ok().flatten();
    let document = fields.object("document").ok().flatten().or_else(|| fields.object("tool_output").ok().flatten());
    let mut word = document.map(|mut document| move |name: &str| document.text(name).ok().flatten());
    let mut told = |names: &[&str]| word.as_mut().and_then(|word| names.iter().find_map(|name| word(name)));
    citation.url = told(&["url", "link", "uri"]);
    citation.title = told(&["title", "name"]).or(id);
    citation
}

/// Characters, as ranges of citations count them.
pub(super) fn length(text: &str) -> u64 {
    u64::try_from(text.chars().count()).unwrap_or(u64::MAX)
}
