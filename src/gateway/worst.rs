//! What a request may use at the most: so much is reserved before it runs.

use serde_json::Value;
use serde_json::value::RawValue;

use super::lease;
use super::life::Life;
use crate::catalog::Prices;
use crate::cost::{Cost, Known, Tally};
use crate::errand;
use crate::host::Host;
use crate::ir::Usage;
use crate::lease::Bill;
use crate::providers::service::Errand;
use crate::wire::envelope::Envelope;
use crate::wire::estimate_tokens;
use crate::wire::lean;

/// What an answer is reckoned with where its length is left open.
pub const LIKELY_OUTPUT: u64 = 500;

/// What a conversation may use at the most: its prompt, and the longest answer that it allows or the model gives.
pub fn worst_of_talk<H: Host>(life: &Life<'_, H>, envelope: &Envelope<'_>) -> Bill {
    // What is answered behind the caller's back, nobody here hears of.
    let unheard = envelope.raw("background") == Some("true");
    if !lease::counts(life) {
        return Bill { uncounted: unheard, ..Bill::NOTHING };
    }
    let known = known(life);
    let model = known.model.as_ref();
    let (likely, most) = prompt(envelope);
    let most = model.and_then(|model| model.context).map_or(most, |window| most.min(window)).max(likely);
    let bound = bound(envelope);
    let longest = model.and_then(|model| model.max_output.or(model.context)).unwrap_or(LONGEST_OUTPUT);
    let choices = choices(envelope);
    let output = bound.unwrap_or(longest).saturating_mul(choices);
    let likely_output = bound.map_or(LIKELY_OUTPUT.min(longest), |bound| bound.min(longest.max(LIKELY_OUTPUT))).saturating_mul(choices);
    let cost = known.cost(&dearest(envelope, known.prices(), most, output), &Tally::default());
    let bill = Bill::of(likely.saturating_add(likely_output), most.saturating_add(output), cost);
    Bill { uncounted: unheard, unpriced: bill.unpriced || unheard, ..bill }
}

/// So many tokens, of the dearest kinds that a body may lead to.
fn dearest(envelope: &Envelope<'_>, prices: Option<&Prices>, input: u64, output: u64) -> Usage {
    let holds = |mark: &str| envelope.values().any(|raw| raw.contains(mark));
    let rates = prices.map(|prices| prices.tokens).unwrap_or_default();
    let kept = rates.cache_write > rates.input && holds("\"cache_control\"");
    let heard = rates.input_audio > rates.input && holds("\"input_audio\"");
    let spoken = rates.output_audio > rates.output && envelope.raw("modalities").is_some_and(|kinds| kinds.contains("\"audio\""));
    Usage {
        input,
        output,
        cache_write: kept.then_some(input),
        cache_write_1h: (kept && holds("\"1h\"")).then_some(input),
        input_audio: heard.then_some(input),
        output_audio: spoken.then_some(output),
        reasoning: (rates.reasoning > rates.output).then_some(output),
        ..Usage::default()
    }
}

/// How many answers a body asks for.
fn choices(envelope: &Envelope<'_>) -> u64 {
    let told = ["n", "best_of"].into_iter().filter_map(|name| envelope.raw(name)?.parse().ok()).max();
    let candidates = || setting(envelope, ["candidateCount", "candidate_count"]);
    let each = told.or_else(candidates).unwrap_or(1).clamp(1, 128);
    // Of the old completions, each text of a list is a prompt of its own; a list of numbers is one.
    let prompts: Vec<&RawValue> = envelope.raw("prompt").and_then(|raw| lean::from_str(raw).ok()).unwrap_or_default();
    let several = prompts.iter().filter(|prompt| prompt.get().starts_with(['"', '['])).count();
    each.saturating_mul(u64::try_from(several).unwrap_or(u64::MAX).max(1))
}

/// The same of what is no conversation.
pub fn worst_of_errand<H: Host>(life: &Life<'_, H>, errand: Errand, asked: &[u8]) -> Bill {
    if !lease::counts(life) {
        return Bill::default();
    }
    let (_, tally) = errand::used(errand, asked, &[]);
    let (likely, most) = (estimate_tokens(asked.len()), tokens_at_most(asked.len()));
    if tally.units.images > 0 {
        return worst_of_images(life, likely, most, tally);
    }
    // Of what cannot be counted by the length of the request, no more is known afterwards.
    let usage = Usage { input: most, estimated: tally.opaque, ..Usage::default() };
    Bill::of(likely, most, price(life, &usage, &tally))
}

/// Of images: by the tokens that they become, or by the piece, whichever is dearer.
fn worst_of_images<H: Host>(life: &Life<'_, H>, likely: u64, most: u64, mut tally: Tally) -> Bill {
    let by_piece = price(life, &Usage { input: most, estimated: true, ..Usage::default() }, &tally);
    let drawn = tally.units.images.saturating_mul(LARGEST_IMAGE);
    tally.units.output_image_tokens = drawn;
    let by_tokens = price(life, &Usage { input: most, output: drawn, ..Usage::default() }, &tally);
    let cost = match (by_tokens, by_piece) {
        (Cost::Usd(one), Cost::Usd(other)) => Cost::Usd(one.max(other)),
        (Cost::Unpriced, only) | (only, Cost::Unpriced) => only,
    };
    Bill::of(likely, most.saturating_add(drawn), cost)
}

fn price<H: Host>(life: &Life<'_, H>, usage: &Usage, tally: &Tally) -> Cost {
    known(life).cost(usage, tally)
}

/// The model that is to be asked. Its own prices may come to be known only while it is.
fn known<H: Host>(life: &Life<'_, H>) -> Known {
    life.settings.known(life.ledger.record.provider, &life.ledger.record.model)
}

/// The same of what nobody here can read: it is paid for, but how much that is the provider alone knows.
pub fn worst_of_unknown(body: &[u8]) -> Bill {
    let tokens = estimate_tokens(body.len()).saturating_add(LIKELY_OUTPUT);
    Bill { tokens, most: tokens_at_most(body.len()).max(tokens), unpriced: true, uncounted: true, ..Bill::NOTHING }
}

/// The same of a form, of whose files only the length is known.
pub fn worst_of_form<H: Host>(life: &Life<'_, H>, errand: Errand) -> Bill {
    if !lease::counts(life) {
        return Bill::default();
    }
    let (_, mut tally) = errand::used(errand, b"{}", &[]);
    let told = life.call.headers.find("content-length").and_then(|length| length.parse::<u64>().ok());
    match errand {
        Errand::Transcription | Errand::Translation => {
            // Sixteen kilobits a second are the least in which anybody can be understood.
            tally.units.input_ms = told.unwrap_or(LARGEST_FORM) / 2;
            tally.uncounted = false;
        }
        _ => {
            tally.units.images = MOST_IMAGES;
            return worst_of_images(life, 0, MOST_IMAGES * LARGEST_IMAGE, tally);
        }
    }
    Bill::of(0, 0, price(life, &Usage::default(), &tally))
}

/// Where the length of a form is not told.
const LARGEST_FORM: u64 = 25 << 20;
/// So many an image model gives at once.
const MOST_IMAGES: u64 = 10;
/// As many tokens as a large one of the best quality becomes.
const LARGEST_IMAGE: u64 = 8_192;
/// The longest answer where nobody tells.
const LONGEST_OUTPUT: u64 = 32_768;
/// What a picture or a page takes, whatever its size.
const LEAST_OF_FILE: u64 = 2_000;
/// From here on a string without a space is a file.
const FILE_BYTES: usize = 2_048;

/// The length of the answer that a body allows, in whichever dialect.
pub fn bound(envelope: &Envelope<'_>) -> Option<u64> {
    // Which of them a provider goes by is its own business.
    let names = ["max_completion_tokens", "max_tokens", "max_output_tokens"];
    let top = names.into_iter().filter_map(|name| envelope.raw(name)?.parse().ok()).max();
    top.or_else(|| setting(envelope, ["maxOutputTokens", "max_output_tokens"]))
}

/// Of what Google's dialect has apart.
fn setting(envelope: &Envelope<'_>, names: [&str; 2]) -> Option<u64> {
    let settings = envelope.raw("generationConfig").or(envelope.raw("generation_config"))?;
    let settings: Value = lean::from_str(settings).ok()?;
    names.into_iter().find_map(|name| settings.get(name)?.as_u64())
}

/// The tokens of a prompt: most likely, and at the most.
fn prompt(envelope: &Envelope<'_>) -> (u64, u64) {
    let (mut text, mut files) = (0_usize, 0_u64);
    for raw in envelope.values() {
        for string in raw.split('"') {
            let is_file = string.len() > FILE_BYTES && !string.bytes().any(|byte| byte == b' ');
            if is_file {
                files = files.saturating_add(LEAST_OF_FILE.max(u64::try_from(string.len() / 32).unwrap_or(u64::MAX)));
            } else {
                text = text.saturating_add(string.len());
            }
        }
    }
    (estimate_tokens(text).saturating_add(files), tokens_at_most(text).saturating_add(files))
}

/// What so many bytes of text take in the worst of scripts.
fn tokens_at_most(bytes: usize) -> u64 {
    u64::try_from(bytes.div_ceil(2)).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog;

    #[test]
    fn as_many_answers_are_reckoned_with_as_a_body_may_lead_to() {
        for (body, expected) in [
            (r#"{"max_tokens":5}"#, (Some(5), 1)),
            (r#"{"max_completion_tokens":1,"max_tokens":5,"n":3}"#, (Some(5), 3)),
            (r#"{"n":1,"best_of":4,"prompt":["a","b"]}"#, (None, 8)),
            (r#"{"prompt":[1,2,3]}"#, (None, 1)),
            (r#"{"prompt":[[1],[2]]}"#, (None, 2)),
            (r#"{"n":-1,"max_tokens":1e9}"#, (None, 1)),
            (r#"{"generationConfig":{"maxOutputTokens":7,"candidateCount":2}}"#, (Some(7), 2)),
        ] {
            let envelope = Envelope::look(body.as_bytes()).unwrap();
            assert_eq!((bound(&envelope), choices(&envelope)), expected, "{body}");
        }
    }

    #[test]
    fn tokens_are_reckoned_with_as_the_dearest_kind_that_a_body_may_lead_to() {
        let model = catalog::find("anthropic", "claude-sonnet-4-5").unwrap();
        let dearest = |body: &str| dearest(&Envelope::look(body.as_bytes()).unwrap(), model.prices.as_ref(), 10, 5);
        let usage = dearest(r#"{"messages":[]}"#);
        assert_eq!((usage.cache_write, usage.cache_write_1h), (None, None));
        let usage = dearest(r#"{"messages":[{"cache_control":{"type":"ephemeral"}}]}"#);
        assert_eq!((usage.cache_write, usage.cache_write_1h), (Some(10), None));
        let usage = dearest(r#"{"messages":[{"cache_control":{"type":"ephemeral","ttl":"1h"}}]}"#);
        assert_eq!((usage.cache_write, usage.cache_write_1h), (Some(10), Some(10)));
    }
}
