//! What of the caller's settings reaches the provider: decided here, together, because they exclude one another.

use super::turns::Conversation;
use crate::ir::{Effort, Losses, Reasoning, Request, ToolChoice};
use crate::wire::claude::{self, Sampling};
use crate::wire::{Abilities, ThinkingStyle};

pub(super) struct Settings {
    pub max_tokens: u64,
    pub thinking: Thinking,
    pub effort: Option<&'static str>,
    pub sampling: Sampling,
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
            sampling: Sampling::default(),
        };
        if let Some(reasoning) = request.reasoning
            && !settings.think(reasoning, request.max_tokens, abilities, &situation)
        {
            losses.drop(if same_dialect { "thinking" } else { "reasoning_effort" });
        }
        settings.sampling = Sampling::of(request, settings.thinks(), true, abilities, losses);
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
                self.thinking = Thinking::Enabled { budget: reasoning.budget.unwrap_or(claude::LEAST_BUDGET) };
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
        let wanted = reasoning.budget.unwrap_or_else(|| reasoning.effort.unwrap_or(Effort::Medium).budget());
        let Some((budget, max_tokens)) = claude::budget(wanted, asked_max, abilities) else { return false };
        self.max_tokens = max_tokens;
        self.thinking = Thinking::Enabled { budget };
        true
    }

    fn thinks(&self) -> bool {
        matches!(self.thinking, Thinking::Adaptive | Thinking::Enabled { .. })
    }
}

fn effort_word(effort: Effort) -> &'static str {
    match effort {
        Effort::None | Effort::Minimal => Effort::Low.word(),
        effort => effort.word(),
    }
}
