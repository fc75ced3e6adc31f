//! What is known of models by the beginning of their names.

use crate::ir::Effort;
use crate::wire::predictions::Bound;
use crate::wire::{Abilities, Dialect, ThinkingStyle};

/// Which provider makes the models whose names begin so.
pub const OWNERS: &[(&str, &str)] = &[
    ("@cf/", "workers-ai"),
    ("@hf/", "workers-ai"),
    ("gpt-", "openai"),
    ("chatgpt-", "openai"),
    ("o1", "openai"),
    ("o3", "openai"),
    ("o4", "openai"),
    ("text-embedding-", "openai"),
    ("claude", "anthropic"),
    ("mistral", "mistral"),
    ("ministral", "mistral"),
    ("magistral", "mistral"),
    ("codestral", "mistral"),
    ("devstral", "mistral"),
    ("pixtral", "mistral"),
    ("open-mistral", "mistral"),
    ("open-mixtral", "mistral"),
    ("deepseek-", "deepseek"),
    ("grok-", "xai"),
    ("sonar", "perplexity"),
    ("jamba", "ai21"),
    ("kimi-", "moonshot"),
    ("moonshot-", "moonshot"),
    ("glm-", "zhipu"),
    ("qwen", "qwen"),
];

/// Models that take the same things.
struct Family {
    dialect: Dialect,
    /// Any of these in the name.
    holds: &'static [&'static str],
    /// But none of these.
    except: &'static [&'static str],
    abilities: Abilities,
}

/// What a model takes in a dialect.
pub fn abilities(dialect: Dialect, model: &str) -> Abilities {
    // A model is the same wherever it is hosted.
    let home = match dialect {
        Dialect::Converse if model.contains("claude") => Dialect::Messages,
        Dialect::Responses => Dialect::Chat,
        dialect => dialect,
    };
    let family = FAMILIES.iter().find(|family| family.dialect == home && family.holds(model));
    family.map_or_else(Abilities::default, |family| family.abilities)
}

/// Whether a model counts its thinking too, and so refuses the bound of an answer by its older name.
pub fn wants_completion_bound(model: &str) -> bool {
    let name = model.rsplit('/').next().unwrap_or(model);
    ["gpt-5", "o1", "o3", "o4-"].iter().any(|start| name.starts_with(start))
}

/// Where a model departs from its provider.
struct Habit {
    provider: &'static str,
    holds: &'static [&'static str],
    refuses: &'static [&'static str],
    /// Words for effort that it knows; none where it is as its provider.
    efforts: Option<&'static [Effort]>,
}

/// The first that holds a model tells.
const HABITS: &[Habit] = &[
    Habit {
        provider: "xai",
        holds: &["grok-3-mini"],
        refuses: &["presence_penalty", "frequency_penalty", "stop"],
        efforts: Some(&[Effort::Low, Effort::High]),
    },
    Habit {
        provider: "xai",
        holds: &["grok-4.3"],
        refuses: &["presence_penalty", "frequency_penalty", "stop"],
        efforts: Some(&[Effort::None, Effort::Low, Effort::Medium, Effort::High]),
    },
    Habit { provider: "xai", holds: &["non-reasoning"], refuses: &["reasoning_effort"], efforts: None },
    Habit {
        provider: "xai",
        holds: &["grok-4", "grok-code"],
        refuses: &["presence_penalty", "frequency_penalty", "stop", "reasoning_effort"],
        efforts: None,
    },
    Habit { provider: "groq", holds: &["qwen3", "qwen-qwq"], refuses: &[], efforts: Some(&[Effort::None]) },
    Habit { provider: "groq", holds: &["gpt-oss"], refuses: &[], efforts: Some(&[Effort::Low, Effort::Medium, Effort::High]) },
];

fn habit(provider: &str, model: &str) -> Option<&'static Habit> {
    HABITS.iter().find(|habit| habit.provider == provider && habit.holds.iter().any(|mark| model.contains(mark)))
}

/// Parameters that a model of this provider answers with an error.
pub fn refused(provider: &str, model: &str) -> &'static [&'static str] {
    habit(provider, model).map_or(&[], |habit| habit.refuses)
}

/// Words for effort that a model knows, where they are others than its provider's.
pub fn efforts(provider: &str, model: &str) -> Option<&'static [Effort]> {
    habit(provider, model)?.efforts
}

impl Family {
    fn holds(&self, model: &str) -> bool {
        let any = |marks: &[&str]| marks.iter().any(|mark| model.contains(mark));
        any(self.holds) && !any(self.except)
    }
}

const OPENAI: Abilities = Abilities {
    thinking: ThinkingStyle::None,
    least_effort: Effort::None,
    sampling: true,
    top_k: false,
    sampling_pair: true,
    default_max_tokens: 4_096,
    completion_bound: true,
    developer_role: true,
    replay_thinking: false,
    replay_proofs: false,
    json_schema: true,
    bound: Bound::MaxTokens,
};
const CLAUDE: Abilities = Abilities { sampling_pair: false, default_max_tokens: 8_192, thinking: ThinkingStyle::Effort, ..OPENAI };

/// The first that holds a model tells; a model in none takes everything.
const FAMILIES: &[Family] = &[
    Family {
        dialect: Dialect::Messages,
        holds: &["claude-3-7"],
        except: &[],
        abilities: Abilities { thinking: ThinkingStyle::Budget, sampling_pair: true, json_schema: false, ..CLAUDE },
    },
    Family {
        dialect: Dialect::Messages,
        holds: &["claude-3", "claude-2", "claude-instant"],
        except: &[],
        abilities: Abilities {
            thinking: ThinkingStyle::None,
            sampling_pair: true,
            default_max_tokens: 4_096,
            json_schema: false,
            ..CLAUDE
        },
    },
    Family {
        dialect: Dialect::Messages,
        holds: &["opus-4-5", "sonnet-4-5", "haiku-4-5", "opus-4-1"],
        except: &[],
        abilities: Abilities { thinking: ThinkingStyle::Budget, ..CLAUDE },
    },
    Family { dialect: Dialect::Messages, holds: &["opus-4-6", "sonnet-4-6"], except: &[], abilities: CLAUDE },
    Family {
        dialect: Dialect::Messages,
        holds: &["opus-4-7", "opus-4-8"],
        except: &[],
        abilities: Abilities { sampling: false, ..CLAUDE },
    },
    Family {
        dialect: Dialect::Messages,
        holds: &["sonnet-4", "opus-4"],
        except: &[],
        abilities: Abilities { thinking: ThinkingStyle::Budget, sampling_pair: true, json_schema: false, ..CLAUDE },
    },
    // The fifth generation and what follows it.
    Family { dialect: Dialect::Messages, holds: &["claude-"], except: &[], abilities: Abilities { sampling: false, ..CLAUDE } },
    Family {
        dialect: Dialect::Chat,
        holds: &["gpt-5", "o1", "o3", "o4-"],
        except: &["chat-latest", "-chat"],
        abilities: Abilities { thinking: ThinkingStyle::Effort, sampling: false, ..OPENAI },
    },
    Family {
        dialect: Dialect::Converse,
        holds: &["gpt-oss", "nova-2", "deepseek"],
        except: &[],
        abilities: Abilities { thinking: ThinkingStyle::Word, ..OPENAI },
    },
    Family { dialect: Dialect::Converse, holds: &[""], except: &[], abilities: OPENAI },
    Family {
        dialect: Dialect::Gemini,
        holds: &["gemini-2.5-pro"],
        except: &["image", "tts"],
        abilities: Abilities { thinking: ThinkingStyle::Budget, least_effort: Effort::Low, ..OPENAI },
    },
    Family {
        dialect: Dialect::Gemini,
        holds: &["gemini-2.5", "robotics-er"],
        except: &["image", "tts"],
        abilities: Abilities { thinking: ThinkingStyle::Budget, ..OPENAI },
    },
    Family {
        dialect: Dialect::Gemini,
        holds: &["gemini-1", "gemini-2.", "gemma", "learnlm", "image", "tts"],
        except: &[],
        abilities: OPENAI,
    },
    // From the third generation on, none can be told not to think.
    Family {
        dialect: Dialect::Gemini,
        holds: &["pro"],
        except: &[],
        abilities: Abilities { thinking: ThinkingStyle::Effort, least_effort: Effort::Low, ..OPENAI },
    },
    Family {
        dialect: Dialect::Gemini,
        holds: &["gemini-"],
        except: &[],
        abilities: Abilities { thinking: ThinkingStyle::Effort, least_effort: Effort::Minimal, ..OPENAI },
    },
    Family {
        dialect: Dialect::Cohere,
        holds: &["reasoning", "north-"],
        except: &[],
        abilities: Abilities { thinking: ThinkingStyle::Budget, ..OPENAI },
    },
    Family { dialect: Dialect::Cohere, holds: &[""], except: &[], abilities: OPENAI },
    Family {
        dialect: Dialect::Predictions,
        holds: &["llama-2", "mistral-7b", "mixtral"],
        except: &[],
        abilities: Abilities { bound: Bound::MaxNewTokens, ..OPENAI },
    },
    Family {
        dialect: Dialect::Predictions,
        holds: &["openai/"],
        except: &["gpt-oss"],
        abilities: Abilities { bound: Bound::MaxCompletionTokens, ..OPENAI },
    },
    Family {
        dialect: Dialect::Predictions,
        holds: &["google/gemini"],
        except: &[],
        abilities: Abilities { bound: Bound::MaxOutputTokens, ..OPENAI },
    },
    Family { dialect: Dialect::Chat, holds: &["gpt-4", "gpt-3.5", "chatgpt-", "chat-latest"], except: &[], abilities: OPENAI },
];
