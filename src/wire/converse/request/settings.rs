//! What of the caller's settings reaches the model, and in whose words.

use crate::ir::{Effort, Losses, Reasoning, Request, ToolChoice};
use crate::wire::json::Object;
use crate::wire::{Abilities, ThinkingStyle};

/// Claude's least thinking budget.
const LEAST_BUDGET: u64 = 1_024;

pub(super) struct Settings {
    max_tokens: Option<u64>,
    temperature: Option<f64>,
    top_p: Option<f64>,
    top_k: Option<u64>,
    thinking: Thinking,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Thinking {
    Unsaid,
    Disabled,
    Adaptive(Option<&'static str>),
    Enabled(u64),
    Word(&'static str),
}

impl Settings {
    pub fn of(request: &Request, abilities: &Abilities, losses: &mut Losses) -> Self {
        let mut settings =
            Settings { max_tokens: request.max_tokens, temperature: None, top_p: None, top_k: None, thinking: Thinking::Unsaid };
        if let Some(reasoning) = request.reasoning
            && !settings.think(reasoning, request, abilities)
        {
            losses.drop("reasoning_effort");
        }
        settings.sample(request, abilities, losses);
        settings
    }

    /// False when the wish cannot be met.
    fn think(&mut self, reasoning: Reasoning, request: &Request, abilities: &Abilities) -> bool {
        let unwanted = reasoning.effort == Some(Effort::None) || reasoning.budget == Some(0);
        let forced = !request.tools.is_empty() && matches!(request.tool_choice, Some(ToolChoice::Required | ToolChoice::Function(_)));
        let effort = reasoning.effort.or(reasoning.budget.map(Effort::of_budget));
        self.thinking = match abilities.thinking {
            ThinkingStyle::None => return unwanted,
            ThinkingStyle::Word => Thinking::Word(effort.unwrap_or(Effort::Medium).clamp(Effort::Low, Effort::High).word()),
            ThinkingStyle::Effort if unwanted => Thinking::Disabled,
            ThinkingStyle::Budget if unwanted => Thinking::Unsaid,
            _ if forced => return false,
            ThinkingStyle::Effort => Thinking::Adaptive(effort.map(|effort| effort.max(Effort::Low).word())),
            ThinkingStyle::Budget => {
                let wanted = reasoning.budget.unwrap_or_else(|| effort.unwrap_or(Effort::Medium).budget()).max(LEAST_BUDGET);
                match request.max_tokens {
                    Some(max) if max <= LEAST_BUDGET => return false,
                    Some(max) => Thinking::Enabled(wanted.min((max - max / 4).max(LEAST_BUDGET))),
                    None => {
                        self.max_tokens = Some(wanted.saturating_add(abilities.default_max_tokens));
                        Thinking::Enabled(wanted)
                    }
                }
            }
        };
        true
    }

    fn sample(&mut self, request: &Request, abilities: &Abilities, losses: &mut Losses) {
        let thinks = matches!(self.thinking, Thinking::Adaptive(_) | Thinking::Enabled(_));
        if let Some(temperature) = request.temperature {
            if !abilities.sampling || thinks && temperature != 1.0 {
                losses.drop("temperature");
            } else {
                if temperature > 1.0 {
                    losses.drop("temperature>1");
                }
                self.temperature = Some(temperature.min(1.0));
            }
        }
        if let Some(top_p) = request.top_p {
            let crowded = self.temperature.is_some() && !abilities.sampling_pair;
            if !abilities.sampling || crowded || thinks && top_p < 0.95 {
                losses.drop("top_p");
            } else {
                self.top_p = Some(top_p);
            }
        }
        if let Some(top_k) = request.top_k {
            if !abilities.sampling || thinks {
                losses.drop("top_k");
            } else {
                self.top_k = Some(top_k);
            }
        }
    }

    pub fn write(&self, object: &mut Object<'_>, stop: &[String]) {
        let stop: Vec<&String> = stop.iter().filter(|stop| !stop.is_empty()).collect();
        if self.max_tokens.is_some() || self.temperature.is_some() || self.top_p.is_some() || !stop.is_empty() {
            let config = Object::open(object.slot("inferenceConfig")).maybe("maxTokens", self.max_tokens);
            let config = config.maybe("temperature", self.temperature).maybe("topP", self.top_p);
            config.maybe("stopSequences", (!stop.is_empty()).then_some(stop)).close();
        }
        if self.top_k.is_some() || self.thinking != Thinking::Unsaid {
            let mut fields = Object::open(object.slot("additionalModelRequestFields")).maybe("top_k", self.top_k);
            match self.thinking {
                Thinking::Unsaid => {}
                Thinking::Disabled => Object::typed(fields.slot("thinking"), "disabled").close(),
                Thinking::Enabled(budget) => Object::typed(fields.slot("thinking"), "enabled").with("budget_tokens", &budget).close(),
                Thinking::Word(word) => fields = fields.with("reasoning_effort", word),
                Thinking::Adaptive(effort) => {
                    Object::typed(fields.slot("thinking"), "adaptive").close();
                    if let Some(effort) = effort {
                        Object::open(fields.slot("output_config")).with("effort", effort).close();
                    }
                }
            }
            fields.close();
        }
    }
}
