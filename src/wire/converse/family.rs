//! Models that take more than the common set, each family in words of its own.

use crate::wire::json::Object;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Family {
    Claude,
    Nova,
    Gpt,
    Other,
}

/// What a model's id holds, be it behind a region or inside the name of a resource.
const MARKS: &[(&str, Family)] = &[("claude", Family::Claude), ("nova-", Family::Nova), ("openai.", Family::Gpt), ("gpt-", Family::Gpt)];

impl Family {
    pub fn of(model: &str) -> Self {
        MARKS.iter().find(|(mark, _)| model.contains(mark)).map_or(Family::Other, |(_, family)| *family)
    }

    /// Knows how many of the likeliest tokens to choose from.
    pub fn takes_top_k(self) -> bool {
        self != Family::Gpt
    }

    /// Refuses a stop sequence of nothing but spaces.
    pub fn wants_visible_stops(self) -> bool {
        self == Family::Claude
    }

    /// Lets a caller say what is to be cached; any other model refuses such a mark.
    pub fn caches(self) -> bool {
        matches!(self, Family::Claude | Family::Nova)
    }

    /// Can be told to call one tool at a time.
    pub fn takes_single_calls(self) -> bool {
        self == Family::Claude
    }

    /// Can show which stop sequence was met, if asked to.
    pub fn tells_stop(self) -> bool {
        self == Family::Claude
    }

    /// Thinks its hardest only where nothing bounds the answer.
    pub fn thinks_hard_unbounded_only(self) -> bool {
        self == Family::Nova
    }

    pub fn write_top_k(self, fields: &mut Object<'_>, top_k: u64) {
        match self {
            Family::Nova => Object::open(fields.slot("inferenceConfig")).with("topK", &top_k).close(),
            _ => crate::wire::json::value(fields.slot("top_k"), &top_k),
        }
    }

    /// How hard to think, in a word.
    pub fn write_word(self, fields: &mut Object<'_>, word: &str) {
        match self {
            Family::Nova => Object::typed(fields.slot("reasoningConfig"), "enabled").with("maxReasoningEffort", word).close(),
            _ => crate::wire::json::value(fields.slot("reasoning_effort"), word),
        }
    }
}
