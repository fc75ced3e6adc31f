//! What of the caller's settings reaches the model: decided here, together, because they exclude one another.

use crate::ir::{Effort, Losses, Reasoning, Request, ToolChoice};
use crate::wire::converse::family::Family;
use crate::wire::json::Object;
use crate::wire::{Abilities, ThinkingStyle};

/// Claude's least thinking budget.
const LEAST_BUDGET: u64 = 1_024;
/// What must be left for the answer itself, or thinking is not worth it.
const LEAST_ANSWER: u64 = 256;

pub(super) struct Settings {
    family: Family,
    max_tokens: Option<u64>,
    temperature: Option<f64>,
    top_p: Option<f64>,
    top_k: Option<u64>,
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
            temperature: None,
            top_p: None,
            top_k: None,
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
        settings.sample(request, abilities, losses);
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
                return !demands_call(request) && !unsigned_loop && self.think_within(wanted.max(LEAST_BUDGET), abilities);
            }
        }
        true
    }

    fn think_within(&mut self, wanted: u64, abilities: &Abilities) -> bool {
        let budget = match self.max_tokens {
            Some(max) if max < LEAST_BUDGET + LEAST_ANSWER => return false,
            Some(max) if wanted >= max => (max - max / 4).max(LEAST_BUDGET),
            Some(_) => wanted,
            None => {
                self.max_tokens = Some(wanted.saturating_add(abilities.default_max_tokens));
                wanted
            }
        };
        self.thinking = Thinking::Enabled(budget);
        true
    }

    fn sample(&mut self, request: &Request, abilities: &Abilities, losses: &mut Losses) {
        let thinks = matches!(self.thinking, Thinking::Adaptive | Thinking::Enabled(_));
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
            if !abilities.sampling || thinks || !self.family.takes_top_k() {
                losses.drop("top_k");
            } else {
                self.top_k = Some(top_k);
            }
        }
    }

    /// The caller's bounds go before the hardest thinking, where the two exclude each other.
    fn calm(&mut self, losses: &mut Losses) {
        let bounded = self.max_tokens.is_some() || self.temperature.is_some() || self.top_p.is_some();
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
        if self.max_tokens.is_some() || self.temperature.is_some() || self.top_p.is_some() || !self.stop.is_empty() {
            let config = Object::open(object.slot("inferenceConfig")).maybe("maxTokens", self.max_tokens);
            let config = config.maybe("temperature", self.temperature).maybe("topP", self.top_p);
            config.maybe("stopSequences", (!self.stop.is_empty()).then_some(&self.stop)).close();
        }
        if !self.stop.is_empty() && self.family.tells_stop() {
            let path = if stream { "/delta/stop_sequence" } else { "/stop_sequence" };
            crate::wire::json::value(object.slot("additionalModelResponseFieldPaths"), &[path]);
        }
    }

    /// Whether the model is told anything in its own words.
    pub fn has_own_words(&self) -> bool {
        self.top_k.is_some() || self.thinking != Thinking::Unsaid || self.effort.is_some() || self.single_calls
    }

    pub fn write_own_words(&self, fields: &mut Object<'_>) {
        if let Some(top_k) = self.top_k {
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
