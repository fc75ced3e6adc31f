//! What of the caller's settings reaches the model: decided here, together, because they exclude one another.

use crate::ir::{Effort, Losses, Reasoning, Request, ToolChoice};
use crate::wire::claude::{self, Sampling};
use crate::wire::converse::family::Family;
use crate::wire::json::Object;
use crate::wire::{Abilities, ThinkingStyle};

pub(super) struct Settings {
    family: Family,
    max_tokens: Option<u64>,
    sampling: Sampling,
    stop: Vec<String>,
    thinking: Thinking,
    effort: Option<&'static str>,
    /// One call at a time, which has no place in the common set.
    pub single_calls: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Thinking {
    Unsaid,
    Disabled,
    Adaptive,
    Enabled(u64),
    Word(&'static str),
}

impl Settings {
    /// `unsigned_loop` says that the last calls came without the thinking before them.
    pub fn of(request: &Request, unsigned_loop: bool, abilities: &Abilities, losses: &mut Losses) -> Self {
        let family = Family::of(&request.model);
        let mut settings = Settings {
            family,
            max_tokens: request.max_tokens,
            sampling: Sampling::default(),
            stop: stops(request, family, losses),
            thinking: Thinking::Unsaid,
            effort: None,
            single_calls: false,
        };
        if let Some(reasoning) = request.reasoning
            && !settings.think(reasoning, request, unsigned_loop, abilities)
        {
            losses.drop("reasoning_effort");
        }
        settings.sampling = Sampling::of(request, settings.thinks(), family.takes_top_k(), abilities, losses);
        settings.calm(losses);
        settings.bound_calls(request, losses);
        settings
    }

    /// False when the wish cannot be met.
    fn think(&mut self, reasoning: Reasoning, request: &Request, unsigned_loop: bool, abilities: &Abilities) -> bool {
        let unwanted = reasoning.effort == Some(Effort::None) || reasoning.budget == Some(0);
        let effort = reasoning.effort.or(reasoning.budget.map(Effort::of_budget));
        match abilities.thinking {
            ThinkingStyle::None => return unwanted,
            ThinkingStyle::Word if unwanted && self.family == Family::Nova => {}
            ThinkingStyle::Word => {
                self.thinking = Thinking::Word(effort.unwrap_or(Effort::Medium).clamp(Effort::Low, Effort::High).word());
            }
            ThinkingStyle::Effort if unwanted => self.thinking = Thinking::Disabled,
            ThinkingStyle::Effort => {
                self.effort = effort.map(|effort| effort.max(Effort::Low).word());
                if demands_call(request) {
                    // That excludes thinking, but not effort.
                    return self.effort.is_some();
                }
                self.thinking = Thinking::Adaptive;
            }
            ThinkingStyle::Budget if unwanted => {}
            ThinkingStyle::Budget => {
                let wanted = reasoning.budget.unwrap_or_else(|| effort.unwrap_or(Effort::Medium).budget());
                return !demands_call(request) && !unsigned_loop && self.think_within(wanted, abilities);
            }
        }
        true
    }

    fn think_within(&mut self, wanted: u64, abilities: &Abilities) -> bool {
        let Some((budget, max_tokens)) = claude::budget(wanted, self.max_tokens, abilities) else { return false };
        self.max_tokens = Some(max_tokens);
        self.thinking = Thinking::Enabled(budget);
        true
    }

    fn thinks(&self) -> bool {
        matches!(self.thinking, Thinking::Adaptive | Thinking::Enabled(_))
    }

    /// The caller's bounds go before the hardest thinking, where the two exclude each other.
    fn calm(&mut self, losses: &mut Losses) {
        let bounded = self.max_tokens.is_some() || self.sampling.temperature.is_some() || self.sampling.top_p.is_some();
        if bounded && self.family.thinks_hard_unbounded_only() && self.thinking == Thinking::Word(Effort::High.word()) {
            self.thinking = Thinking::Word(Effort::Medium.word());
            losses.drop("reasoning_effort>medium");
        }
    }

    fn bound_calls(&mut self, request: &Request, losses: &mut Losses) {
        if request.parallel_tools != Some(false) || request.tools.is_empty() {
            return;
        }
        match request.tool_choice {
            Some(ToolChoice::None) => {}
            None | Some(ToolChoice::Auto) if self.family.takes_single_calls() => self.single_calls = true,
            _ => losses.drop("parallel_tool_calls"),
        }
    }

    pub fn write(&self, object: &mut Object<'_>, stream: bool) {
        if self.max_tokens.is_some() || self.sampling.temperature.is_some() || self.sampling.top_p.is_some() || !self.stop.is_empty() {
            let config = Object::open(object.slot("inferenceConfig")).maybe("maxTokens", self.max_tokens);
            let config = config.maybe("temperature", self.sampling.temperature).maybe("topP", self.sampling.top_p);
            config.maybe("stopSequences", (!self.stop.is_empty()).then_some(&self.stop)).close();
        }
        if !self.stop.is_empty() && self.family.tells_stop() {
            let path = if stream { "/delta/stop_sequence" } else { "/stop_sequence" };
            crate::wire::json::value(object.slot("additionalModelResponseFieldPaths"), &[path]);
        }
    }

    /// Whether the model is told anything in its own words.
    pub fn has_own_words(&self) -> bool {
        self.sampling.top_k.is_some() || self.thinking != Thinking::Unsaid || self.effort.is_some() || self.single_calls
    }

    pub fn write_own_words(&self, fields: &mut Object<'_>) {
        if let Some(top_k) = self.sampling.top_k {
            self.family.write_top_k(fields, top_k);
        }
        match self.thinking {
            Thinking::Unsaid => {}
            Thinking::Disabled => Object::typed(fields.slot("thinking"), "disabled").close(),
            Thinking::Adaptive => Object::typed(fields.slot("thinking"), "adaptive").close(),
            Thinking::Enabled(budget) => Object::typed(fields.slot("thinking"), "enabled").with("budget_tokens", &budget).close(),
            Thinking::Word(word) => self.family.write_word(fields, word),
        }
        if let Some(effort) = self.effort {
            Object::open(fields.slot("output_config")).with("effort", effort).close();
        }
        if self.single_calls {
            Object::typed(fields.slot("tool_choice"), "auto").with("disable_parallel_tool_use", &true).close();
        }
    }
}

fn demands_call(request: &Request) -> bool {
    !request.tools.is_empty() && matches!(request.tool_choice, Some(ToolChoice::Required | ToolChoice::Function(_)))
}

fn stops(request: &Request, family: Family, losses: &mut Losses) -> Vec<String> {
    let blank = |stop: &str| if family.wants_visible_stops() { stop.trim().is_empty() } else { stop.is_empty() };
    let taken: Vec<String> = request.stop.iter().filter(|stop| !blank(stop)).cloned().collect();
    if taken.len() < request.stop.len() {
        losses.drop("stop");
    }
    taken
}
