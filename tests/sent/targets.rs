//! Where the cases go: each provider with the models that are told different things.

pub struct Target {
    pub provider: &'static str,
    /// What the files are called by.
    pub name: &'static str,
    pub model: &'static str,
    pub vars: &'static [(&'static str, &'static str)],
}

const fn at(provider: &'static str, name: &'static str, model: &'static str, vars: &'static [(&'static str, &'static str)]) -> Target {
    Target { provider, name, model, vars }
}

const OPENAI: &[(&str, &str)] = &[("OPENAI_API_KEY", "sk-openai-key")];
const ANTHROPIC: &[(&str, &str)] = &[("ANTHROPIC_API_KEY", "sk-ant-key")];
const GEMINI: &[(&str, &str)] = &[("GEMINI_API_KEY", "AIza-gemini-key")];
const BEDROCK: &[(&str, &str)] =
    &[("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"), ("AWS_SECRET_ACCESS_KEY", "aws-secret-key"), ("AWS_REGION", "us-west-2")];
const BEDROCK_BEARER: &[(&str, &str)] = &[("AWS_BEARER_TOKEN_BEDROCK", "bedrock-bearer-key")];
const AZURE: &[(&str, &str)] = &[("AZURE_OPENAI_API_KEY", "azure-key"), ("AZURE_OPENAI_ENDPOINT", "https://res.openai.azure.com")];
const AZURE_OLD: &[(&str, &str)] = &[
    ("AZURE_OPENAI_API_KEY", "azure-key"),
    ("AZURE_OPENAI_ENDPOINT", "https://res.openai.azure.com"),
    ("AZURE_OPENAI_DEPLOYMENT", "my-deployment"),
    ("AZURE_OPENAI_API_VERSION", "2024-10-21"),
];
const FOUNDRY: &[(&str, &str)] =
    &[("AZURE_FOUNDRY_API_KEY", "foundry-key"), ("AZURE_FOUNDRY_ENDPOINT", "https://res.services.ai.azure.com")];
const COHERE: &[(&str, &str)] = &[("COHERE_API_KEY", "cohere-key")];
/// Of the caller's own token.
pub const VERTEX_TOKEN: &str = "ya29.vertex-key";
const VERTEX: &[(&str, &str)] = &[("VERTEX_AI_PROJECT_ID", "my-project")];

pub const TARGETS: &[Target] = &[
    at("openai", "openai", "gpt-4o", OPENAI),
    at("openai", "openai-reasoning", "gpt-5", OPENAI),
    at("anthropic", "anthropic-old", "claude-3-5-sonnet-20241022", ANTHROPIC),
    at("anthropic", "anthropic-budget", "claude-sonnet-4-5", ANTHROPIC),
    at("anthropic", "anthropic-new", "claude-opus-4-7", ANTHROPIC),
    at("gemini", "gemini-old", "gemini-2.0-flash", GEMINI),
    at("gemini", "gemini-budget", "gemini-2.5-flash", GEMINI),
    at("gemini", "gemini-new", "gemini-3-pro-preview", GEMINI),
    at("vertex-ai", "vertex-gemini", "gemini-2.5-pro", VERTEX),
    at("vertex-ai", "vertex-claude", "claude-sonnet-4-5@20250929", VERTEX),
    at("bedrock", "bedrock-claude", "us.anthropic.claude-sonnet-4-5-20250929-v1:0", BEDROCK),
    at("bedrock", "bedrock-claude-new", "global.anthropic.claude-opus-4-7", BEDROCK_BEARER),
    at("bedrock", "bedrock-nova", "amazon.nova-lite-v1:0", BEDROCK),
    at("bedrock", "bedrock-llama", "us.meta.llama3-3-70b-instruct-v1:0", BEDROCK),
    at("bedrock", "bedrock-mistral", "mistral.mistral-large-2407-v1:0", BEDROCK_BEARER),
    at("cohere", "cohere", "command-a-03-2025", COHERE),
    at("cohere", "cohere-reasoning", "command-a-reasoning-08-2025", COHERE),
    at("mistral", "mistral", "mistral-large-latest", &[("MISTRAL_API_KEY", "mistral-key")]),
    at("groq", "groq", "llama-3.3-70b-versatile", &[("GROQ_API_KEY", "groq-key")]),
    at("deepseek", "deepseek", "deepseek-chat", &[("DEEPSEEK_API_KEY", "deepseek-key")]),
    at("together", "together", "meta-llama/Llama-3.3-70B-Instruct-Turbo", &[("TOGETHER_API_KEY", "together-key")]),
    at("perplexity", "perplexity", "sonar", &[("PERPLEXITY_API_KEY", "pplx-key")]),
    at("fireworks", "fireworks", "accounts/fireworks/models/llama-v3p3-70b-instruct", &[("FIREWORKS_API_KEY", "fireworks-key")]),
    at("ai21", "ai21", "jamba-large", &[("AI21_API_KEY", "ai21-key")]),
    at("xai", "xai", "grok-3", &[("XAI_API_KEY", "xai-key")]),
    at("xai", "xai-reasoning", "grok-4", &[("XAI_API_KEY", "xai-key")]),
    at("azure-openai", "azure-openai", "gpt-4o", AZURE),
    at("azure-openai", "azure-openai-deployment", "gpt-4o", AZURE_OLD),
    at("azure-foundry", "azure-foundry", "Llama-3.3-70B-Instruct", FOUNDRY),
    at("ollama", "ollama", "llama3.2", &[("OLLAMA_HOST", "http://127.0.0.1:11434")]),
    at("hugging-face", "hugging-face", "meta-llama/Llama-3.3-70B-Instruct", &[("HUGGING_FACE_API_KEY", "hf-key")]),
    at("openrouter", "openrouter", "openai/gpt-4o", &[("OPENROUTER_API_KEY", "openrouter-key")]),
    at(
        "workers-ai",
        "workers-ai",
        "@cf/meta/llama-3.3-70b-instruct-fp8-fast",
        &[("CLOUDFLARE_API_TOKEN", "cloudflare-key"), ("CLOUDFLARE_ACCOUNT_ID", "acc")],
    ),
    at("replicate", "replicate", "meta/meta-llama-3-70b-instruct", &[("REPLICATE_API_TOKEN", "replicate-key")]),
    at("cerebras", "cerebras", "llama-3.3-70b", &[("CEREBRAS_API_KEY", "cerebras-key")]),
    at("sambanova", "sambanova", "Meta-Llama-3.3-70B-Instruct", &[("SAMBANOVA_API_KEY", "sambanova-key")]),
    at("nvidia", "nvidia", "meta/llama-3.3-70b-instruct", &[("NVIDIA_API_KEY", "nvidia-key")]),
];

/// All keys, of which only the target's own may be seen.
pub const KEYS: &[&str] = &[
    "sk-openai-key",
    "sk-ant-key",
    "AIza-gemini-key",
    "aws-secret-key",
    "bedrock-bearer-key",
    "azure-key",
    "foundry-key",
    "cohere-key",
    VERTEX_TOKEN,
    "mistral-key",
    "groq-key",
    "deepseek-key",
    "together-key",
    "pplx-key",
    "fireworks-key",
    "ai21-key",
    "xai-key",
    "hf-key",
    "openrouter-key",
    "cloudflare-key",
    "replicate-key",
    "cerebras-key",
    "sambanova-key",
    "nvidia-key",
];

impl Target {
    pub fn keys(&self) -> impl Iterator<Item = &'static str> {
        let token = (self.provider == "vertex-ai").then_some(VERTEX_TOKEN);
        self.vars.iter().map(|(_, value)| *value).chain(token)
    }
}

/// An answer that is good enough for the dialect that is spoken at this address.
pub fn answer(url: &str) -> &'static str {
    let answers: &[(&str, &str)] = &[
        (
            "/converse",
            r#"{"output":{"message":{"role":"assistant","content":[{"text":"ok"}]}},"stopReason":"end_turn","usage":{"inputTokens":1,"outputTokens":1,"totalTokens":2}}"#,
        ),
        (
            "/responses",
            r#"{"id":"resp_1","object":"response","created_at":1,"model":"m","status":"completed","output":[{"type":"message","id":"msg_1","role":"assistant","status":"completed","content":[{"type":"output_text","text":"ok","annotations":[]}]}],"usage":{"input_tokens":1,"output_tokens":1,"total_tokens":2}}"#,
        ),
        ("/messages", MESSAGE),
        ("awPredict", MESSAGE),
        (
            "enerateContent",
            r#"{"candidates":[{"content":{"role":"model","parts":[{"text":"ok"}]},"finishReason":"STOP","index":0}],"usageMetadata":{"promptTokenCount":1,"candidatesTokenCount":1,"totalTokenCount":2}}"#,
        ),
        (
            "/v2/chat",
            r#"{"id":"c","message":{"role":"assistant","content":[{"type":"text","text":"ok"}]},"finish_reason":"COMPLETE","usage":{"tokens":{"input_tokens":1,"output_tokens":1}}}"#,
        ),
        ("/predictions", r#"{"id":"p","status":"succeeded","output":["ok"],"urls":{}}"#),
        (
            "",
            r#"{"id":"c","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"ok"},"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2}}"#,
        ),
    ];
    answers.iter().find(|(mark, _)| url.contains(mark)).unwrap().1
}

const MESSAGE: &str = r#"{"id":"msg_1","type":"message","role":"assistant","model":"m","content":[{"type":"text","text":"ok"}],"stop_reason":"end_turn","stop_sequence":null,"usage":{"input_tokens":1,"output_tokens":1}}"#;
