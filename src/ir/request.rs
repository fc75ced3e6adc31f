use super::{Extras, Part, Raw, Role};

#[derive(Clone, Debug, Default)]
pub struct Request {
    pub model: String,
    /// The conversation, system prompts included, in the caller's order.
    pub turns: Vec<Turn>,
    pub tools: Vec<Tool>,
    pub tool_choice: Option<ToolChoice>,
    /// Whether the model may call several tools in one turn.
    pub parallel_tools: Option<bool>,
    /// Bound of the answer, thinking included.
    pub max_tokens: Option<u64>,
    pub temperature: Option<f64>,
    pub top_p: Option<f64>,
    pub top_k: Option<u64>,
    pub frequency_penalty: Option<f64>,
    pub presence_penalty: Option<f64>,
    pub seed: Option<i64>,
    pub stop: Vec<String>,
    pub format: Format,
    pub reasoning: Option<Reasoning>,
    /// The caller's id of its own user.
    pub user: Option<String>,
    pub stream: bool,
    /// Whether a streaming caller wants to see the usage at the end (a dialect that always tells it says true).
    pub stream_usage: bool,
    /// What only the caller's dialect has; encoded again by the same dialect, named as lost by another.
    pub extras: Extras,
}

#[derive(Clone, Debug)]
pub struct Turn {
    pub role: Role,
    pub parts: Vec<Part>,
    /// The name of the speaker, where several share a role.
    pub name: Option<String>,
}

#[derive(Clone, Debug)]
pub enum Tool {
    Function {
        name: String,
        description: Option<String>,
        /// JSON schema of the arguments; none means that it takes none.
        parameters: Option<Raw>,
        strict: Option<bool>,
        cache: Option<Raw>,
    },
    /// A tool that only its own dialect knows, as it came.
    Native { kind: String, raw: Raw },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ToolChoice {
    Auto,
    Required,
    None,
    Function(String),
}

#[derive(Clone, Debug, Default)]
pub enum Format {
    #[default]
    Text,
    JsonObject,
    JsonSchema {
        name: Option<String>,
        description: Option<String>,
        schema: Raw,
        strict: Option<bool>,
    },
}

/// How much the model is to think.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reasoning {
    pub effort: Option<Effort>,
    /// Tokens it may think for, where the caller counted them.
    pub budget: Option<u64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Effort {
    None,
    Minimal,
    Low,
    Medium,
    High,
    XHigh,
    Max,
}

impl Effort {
    const WORDS: [(Effort, &'static str); 7] = [
        (Effort::None, "none"),
        (Effort::Minimal, "minimal"),
        (Effort::Low, "low"),
        (Effort::Medium, "medium"),
        (Effort::High, "high"),
        (Effort::XHigh, "xhigh"),
        (Effort::Max, "max"),
    ];

    pub fn word(self) -> &'static str {
        Self::WORDS.iter().find(|(effort, _)| *effort == self).map_or("medium", |(_, word)| word)
    }

    pub fn from_word(word: &str) -> Option<Self> {
        Self::WORDS.iter().find(|(_, known)| *known == word).map(|(effort, _)| *effort)
    }

    /// The thinking budget that stands for this effort where a model counts tokens.
    pub fn budget(self) -> u64 {
        match self {
            Effort::None => 0,
            Effort::Minimal | Effort::Low => 1_024,
            Effort::Medium => 4_096,
            Effort::High => 16_384,
            Effort::XHigh | Effort::Max => 32_768,
        }
    }

    /// The effort that stands for a budget where a model knows words only.
    pub fn of_budget(tokens: u64) -> Self {
        match tokens {
            0 => Effort::None,
            1..=2_047 => Effort::Low,
            2_048..=8_191 => Effort::Medium,
            _ => Effort::High,
        }
    }
}

impl Request {
    /// Whether some image is to be looked at in a certain detail.
    pub fn has_detail(&self) -> bool {
        self.turns.iter().flat_map(|turn| &turn.parts).any(super::Part::has_detail)
    }

    /// Length of all text in it, in bytes: what its tokens are estimated by.
    pub fn length(&self) -> usize {
        let parts = self.turns.iter().flat_map(|turn| &turn.parts).map(super::Part::length).sum::<usize>();
        let tool = |tool: &Tool| match tool {
            Tool::Function { name, description, parameters, .. } => {
                name.len() + description.as_ref().map_or(0, String::len) + parameters.as_ref().map_or(0, |schema| schema.get().len())
            }
            Tool::Native { raw, .. } => raw.get().len(),
        };
        parts + self.tools.iter().map(tool).sum::<usize>()
    }
}
