//! The `generationConfig`.

use super::encode::with_marks;
use crate::error::{Error, Result};
use crate::ir::{Effort, Format, Losses, Reasoning, Request};
use crate::wire::json::{Object, value};
use crate::wire::lean;
use crate::wire::{Abilities, ThinkingStyle};

const MOST_STOPS: usize = 5;
/// The largest thinking budget that all models with budgets take.
const MOST_BUDGET: u64 = 24_576;
/// The smallest that a model takes that cannot be told not to think.
const LEAST_BUDGET: u64 = 128;

pub(super) struct Situation<'s> {
    pub same_dialect: bool,
    pub abilities: &'s Abilities,
}

impl Situation<'_> {
    /// The name that the caller knows a knob by.
    fn name(&self, own: &'static str, chat: &'static str) -> &'static str {
        if self.same_dialect { own } else { chat }
    }
}

pub(super) fn write_settings(out: &mut Vec<u8>, request: &Request, situation: &Situation<'_>, losses: &mut Losses) -> Result<()> {
    let mut config = Object::open(out).maybe("maxOutputTokens", request.max_tokens);
    if situation.abilities.sampling {
        config = config.maybe("temperature", request.temperature).maybe("topP", request.top_p).maybe("topK", request.top_k);
    } else {
        let knobs = [
            (situation.name("generationConfig.temperature", "temperature"), request.temperature.is_some()),
            (situation.name("generationConfig.topP", "top_p"), request.top_p.is_some()),
            (situation.name("generationConfig.topK", "top_k"), request.top_k.is_some()),
        ];
        knobs.into_iter().filter(|(_, given)| *given).for_each(|(name, _)| losses.drop(name));
    }
    write_stop(&mut config, request, situation, losses);
    config = config
        .maybe("seed", seed(request, situation, losses))
        .maybe("frequencyPenalty", request.frequency_penalty)
        .maybe("presencePenalty", request.presence_penalty);
    config = write_format(config, &request.format, situation, losses);
    if let Some(reasoning) = request.reasoning {
        write_thinking(&mut config, reasoning, request, situation, losses);
    }
    let several = request.extras.iter().find(|(name, _)| name == "n" && !situation.same_dialect).map(|(_, raw)| raw);
    let config = with_marks(config.maybe("candidateCount", several), request, situation.same_dialect, "generationConfig.");
    config.maybe("responseModalities", modalities(request)?).close();
    Ok(())
}

/// A seed has 32 bits here.
fn seed(request: &Request, situation: &Situation<'_>, losses: &mut Losses) -> Option<i32> {
    let seed = request.seed?;
    let fitting = i32::try_from(seed).ok();
    if fitting.is_none() {
        losses.drop(situation.name("generationConfig.seed", "seed"));
    }
    fitting
}

fn write_stop(config: &mut Object<'_>, request: &Request, situation: &Situation<'_>, losses: &mut Losses) {
    let stops: Vec<&String> = request.stop.iter().filter(|stop| !stop.is_empty()).collect();
    if stops.len() > MOST_STOPS || stops.len() < request.stop.len() {
        losses.drop(situation.name("generationConfig.stopSequences", "stop"));
    }
    if !stops.is_empty() {
        value(config.slot("stopSequences"), &stops.into_iter().take(MOST_STOPS).collect::<Vec<_>>());
    }
}

fn write_format<'o>(config: Object<'o>, format: &Format, situation: &Situation<'_>, losses: &mut Losses) -> Object<'o> {
    let json = |config: Object<'o>| config.with("responseMimeType", "application/json");
    match format {
        Format::Text => config,
        Format::JsonObject => json(config),
        Format::JsonSchema { schema, .. } if situation.abilities.json_schema => json(config).with("responseJsonSchema", schema),
        Format::JsonSchema { .. } => {
            losses.drop(situation.name("generationConfig.responseJsonSchema", "response_format"));
            json(config)
        }
    }
}

fn write_thinking(config: &mut Object<'_>, asked: Reasoning, request: &Request, situation: &Situation<'_>, losses: &mut Losses) {
    let unwanted = asked.effort == Some(Effort::None) || asked.budget == Some(0);
    let style = situation.abilities.thinking;
    if style == ThinkingStyle::None {
        if !unwanted {
            losses.drop(situation.name("generationConfig.thinkingConfig", "reasoning_effort"));
        }
        return;
    }
    let thinking = Object::open(config.slot("thinkingConfig"));
    let least = situation.abilities.least_effort;
    if unwanted && least != Effort::None {
        losses.drop(situation.name("generationConfig.thinkingConfig", "reasoning_effort"));
        return match style {
            ThinkingStyle::Effort => thinking.with("thinkingLevel", level(least)).close(),
            _ => thinking.with("thinkingBudget", &LEAST_BUDGET).close(),
        };
    }
    let thinking = match style {
        _ if unwanted => return thinking.with("thinkingBudget", &0).close(),
        ThinkingStyle::Effort => thinking.maybe("thinkingLevel", wanted(asked, least).map(level)),
        _ => match asked.budget.or(asked.effort.map(Effort::budget)) {
            Some(budget) => thinking.with("thinkingBudget", &within(budget, request.max_tokens)),
            // As much as the model sees fit.
            None => thinking.with("thinkingBudget", &-1),
        },
    };
    thinking.with("includeThoughts", &true).close();
}

fn wanted(asked: Reasoning, least: Effort) -> Option<Effort> {
    asked.effort.or(asked.budget.map(Effort::of_budget)).map(|effort| effort.max(least))
}

/// The answer's bound counts thoughts too: some of it must be left for the answer.
fn within(budget: u64, max_tokens: Option<u64>) -> u64 {
    match max_tokens {
        Some(max) if budget >= max => max - max / 4,
        _ => budget,
    }
    .min(MOST_BUDGET)
}

fn level(effort: Effort) -> &'static str {
    match effort {
        Effort::None | Effort::Minimal => Effort::Minimal.word(),
        Effort::Low | Effort::Medium => effort.word(),
        Effort::High | Effort::XHigh | Effort::Max => Effort::High.word(),
    }
}

/// What the caller wants besides text.
fn modalities(request: &Request) -> Result<Option<Vec<String>>> {
    let Some((_, raw)) = request.extras.iter().find(|(name, _)| name == "modalities") else { return Ok(None) };
    let asked: Vec<String> =
        lean::from_str(raw.get()).map_err(|_| Error::invalid("modalities: expected an array of strings").with_param("modalities"))?;
    let more = asked.iter().any(|modality| modality != "text");
    Ok(more.then(|| asked.iter().map(|modality| modality.to_ascii_uppercase()).collect()))
}
