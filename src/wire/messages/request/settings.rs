//! What of the caller's settings reaches the provider: decided here, together, because they exclude one another.

use super::turns::Conversation;
use crate::ir::{Effort, Losses, Reasoning, Request, ToolChoice};
use crate::wire::{Abilities, ThinkingStyle};

/// Anthropic's least thinking budget.
const LEAST_BUDGET: u64 = 1_024;
/// What must be left for the answer itself, or thinking is not worth it.
const LEAST_ANSWER: u64 = 256;

pub(super) struct Settings {
    pub max_tokens: u64,
    pub thinking: Thinking,
    pub effort: Option<&'static str>,
    pub temperature: Option<f64>,
    pub top_p: Option<f64>,
    pub top_k: Option<u64>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Thinking {
    Unsaid,
    Disabled,
    Adaptive,
    Enabled { budget: u64 },
}

/// What the decision about thinking looks at.
struct Situation {
    same_dialect: bool,
    /// The caller demands a call, which excludes thinking.
    forced: bool,
    unsigned_loop: bool,
}

impl Settings {
    pub fn of(request: &Request, conversation: &Conversation<'_>, same_dialect: bool, abilities: &Abilities, losses: &mut Losses) -> Self {
        let situation = Situation {
            same_dialect,
            forced: !request.tools.is_empty() && matches!(request.tool_choice, Some(ToolChoice::Required | ToolChoice::Function(_))),
            unsigned_loop: conversation.loops_without_thinking(),
        };
        let mut settings = Settings {
            max_tokens: request.max_tokens.unwrap_or(abilities.default_max_tokens),
            thinking: Thinking::Unsaid,
            effort: None,
            temperature: None,
            top_p: None,
            top_k: None,
        };
        if let Some(reasoning) = request.reasoning
            && !settings.think(reasoning, request.max_tokens, abilities, &situation)
        {
            losses.drop(if same_dialect { "thinking" } else { "reasoning_effort" });
        }
        settings.sample(request, abilities, losses);
        settings
    }

    /// False when the wish cannot be met.
    fn think(&mut self, reasoning: Reasoning, asked_max: Option<u64>, abilities: &Abilities, situation: &Situation) -> bool {
        let unwanted = reasoning.effort == Some(Effort::None) || reasoning.budget == Some(0);
        match abilities.thinking {
            ThinkingStyle::None | ThinkingStyle::Word => unwanted,
            ThinkingStyle::Effort if unwanted => {
                self.thinking = Thinking::Disabled;
                true
            }
            ThinkingStyle::Budget if unwanted => true,
            _ if situation.same_dialect && reasoning.budget.is_some() => {
                self.thinking = Thinking::Enabled { budget: reasoning.budget.unwrap_or(LEAST_BUDGET) };
                self.effort = reasoning.effort.map(effort_word);
                true
            }
            ThinkingStyle::Effort => self.think_adaptively(reasoning, situation),
            ThinkingStyle::Budget => self.think_within(reasoning, asked_max, abilities, situation),
        }
    }

    /// A demanded call excludes thinking, but not effort.
    fn think_adaptively(&mut self, reasoning: Reasoning, situation: &Situation) -> bool {
        let effort = reasoning.effort.or(reasoning.budget.map(Effort::of_budget));
        self.effort = effort.map(effort_word);
        if situation.forced && !situation.same_dialect {
            return self.effort.is_some();
        }
        self.thinking = Thinking::Adaptive;
        true
    }

    fn think_within(&mut self, reasoning: Reasoning, asked_max: Option<u64>, abilities: &Abilities, situation: &Situation) -> bool {
        if situation.forced || situation.unsigned_loop {
            return false;
        }
        let wanted = reasoning.budget.unwrap_or_else(|| reasoning.effort.unwrap_or(Effort::Medium).budget()).max(LEAST_BUDGET);
        let budget = match asked_max {
            Some(max) if max < LEAST_BUDGET + LEAST_ANSWER => return false,
            Some(max) if wanted >= max => (max - max / 4).max(LEAST_BUDGET),
            Some(_) => wanted,
            None => {
                self.max_tokens = wanted.saturating_add(abilities.default_max_tokens);
                wanted
            }
        };
        self.thinking = Thinking::Enabled { budget };
        true
    }

    fn sample(&mut self, request: &Request, abilities: &Abilities, losses: &mut Losses) {
        let thinks = matches!(self.thinking, Thinking::Adaptive | Thinking::Enabled { .. });
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
}

fn effort_word(effort: Effort) -> &'static str {
    match effort {
        Effort::None | Effort::Minimal => Effort::Low.word(),
        effort => effort.word(),
    }
}
