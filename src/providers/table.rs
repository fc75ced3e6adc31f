//! The providers. A compatible vendor is a row of a few lines; what it leaves out is as `OPENAI_LIKE` says.

use super::{Auth, Provider, Quirks, StreamUsage};
use crate::wire::Dialect;

/// A vendor that took over OpenAI's Chat Completions as it was.
const OPENAI_LIKE: Provider = Provider {
    slug: "",
    aliases: &[],
    dialect: Dialect::Chat,
    base: "",
    path: "/chat/completions",
    models: "/models",
    auth: Auth::Bearer,
    keys: &[],
    host_var: None,
    vendor_headers: &[],
    fixed_headers: &[],
    quirks: PLAIN,
};

/// Took over the dialect before its newer parts.
const PLAIN: Quirks = Quirks {
    rename: &[("max_completion_tokens", "max_tokens")],
    drop: &[],
    clamp: &[],
    exact: true,
    stream_usage: StreamUsage::Asked,
    developer_role: false,
    replay_thinking: false,
    json_schema: true,
    completion_bound: false,
    effort: true,
    slashed_models: false,
};

/// The dialect as its owner has it.
const ORIGINAL: Quirks = Quirks { rename: &[], developer_role: true, completion_bound: true, ..PLAIN };

/// Parameters of OpenAI's that most others answer with an error, and clients send unasked.
const OPENAI_ONLY: &[&str] =
    &["store", "service_tier", "prediction", "modalities", "metadata", "prompt_cache_key", "safety_identifier", "verbosity"];

pub const PROVIDERS: &[Provider] = &[
    Provider {
        slug: "openai",
        base: "https://api.openai.com/v1",
        keys: &["OPENAI_API_KEY"],
        vendor_headers: &["openai-organization", "openai-project", "openai-beta", "idempotency-key"],
        quirks: ORIGINAL,
        ..OPENAI_LIKE
    },
    Provider {
        slug: "anthropic",
        dialect: Dialect::Messages,
        base: "https://api.anthropic.com/v1",
        path: "/messages",
        auth: Auth::Header("x-api-key"),
        keys: &["ANTHROPIC_API_KEY"],
        vendor_headers: &["anthropic-version", "anthropic-beta"],
        fixed_headers: &[("anthropic-version", "2023-06-01")],
        quirks: Quirks { stream_usage: StreamUsage::Volunteered, ..ORIGINAL },
        ..OPENAI_LIKE
    },
    Provider {
        slug: "mistral",
        aliases: &["mistral-ai"],
        base: "https://api.mistral.ai/v1",
        keys: &["MISTRAL_API_KEY"],
        // Content may be a list, the bound of a context is a finish reason of its own.
        quirks: Quirks {
            rename: &[("max_completion_tokens", "max_tokens"), ("seed", "random_seed")],
            drop: &["stream_options", "user", "logit_bias", "logprobs", "top_logprobs", "store", "service_tier", "modalities", "verbosity"],
            clamp: &[("temperature", 0.0, 1.5)],
            exact: false,
            stream_usage: StreamUsage::Volunteered,
            ..PLAIN
        },
        ..OPENAI_LIKE
    },
    Provider {
        slug: "groq",
        base: "https://api.groq.com/openai/v1",
        keys: &["GROQ_API_KEY"],
        quirks: Quirks {
            rename: &[],
            drop: &["logprobs", "top_logprobs", "logit_bias", "store", "metadata"],
            completion_bound: true,
            ..PLAIN
        },
        ..OPENAI_LIKE
    },
    Provider {
        slug: "deepseek",
        base: "https://api.deepseek.com",
        keys: &["DEEPSEEK_API_KEY"],
        // With tools, the thinking of earlier turns must come back; there is no JSON schema.
        quirks: Quirks {
            drop: &["logit_bias", "seed", "n", "user", "parallel_tool_calls", "store"],
            replay_thinking: true,
            json_schema: false,
            ..PLAIN
        },
        ..AT_V1
    },
    Provider {
        slug: "together",
        aliases: &["together-ai"],
        base: "https://api.together.xyz",
        keys: &["TOGETHER_API_KEY"],
        // Old models end with `eos`.
        quirks: Quirks { drop: &["parallel_tool_calls", "user", "store", "metadata"], exact: false, slashed_models: true, ..PLAIN },
        ..AT_V1
    },
    Provider {
        slug: "perplexity",
        aliases: &["perplexity-ai"],
        base: "https://api.perplexity.ai",
        models: "/v1/models",
        keys: &["PERPLEXITY_API_KEY", "PPLX_API_KEY"],
        // No `[DONE]`, usage on every chunk.
        quirks: Quirks {
            drop: &["stream_options", "seed", "logit_bias", "logprobs", "store"],
            exact: false,
            stream_usage: StreamUsage::Volunteered,
            ..PLAIN
        },
        ..OPENAI_LIKE
    },
    Provider {
        slug: "fireworks",
        aliases: &["fireworks-ai"],
        base: "https://api.fireworks.ai/inference/v1",
        keys: &["FIREWORKS_API_KEY"],
        quirks: Quirks { stream_usage: StreamUsage::Volunteered, ..PLAIN },
        ..OPENAI_LIKE
    },
    Provider {
        slug: "ai21",
        base: "https://api.ai21.com/studio/v1",
        keys: &["AI21_API_KEY"],
        // Answers lack object, created and model.
        quirks: Quirks {
            drop: &["stream_options", "user", "store"],
            exact: false,
            stream_usage: StreamUsage::Volunteered,
            json_schema: false,
            ..PLAIN
        },
        ..OPENAI_LIKE
    },
    Provider {
        slug: "xai",
        aliases: &["x-ai"],
        base: "https://api.x.ai/v1",
        keys: &["XAI_API_KEY"],
        // Completion tokens exclude reasoning.
        quirks: Quirks { rename: &[], exact: false, completion_bound: true, ..PLAIN },
        ..OPENAI_LIKE
    },
    Provider {
        slug: "openrouter",
        base: "https://openrouter.ai/api",
        path: "/v1/chat/completions",
        models: "/v1/models",
        keys: &["OPENROUTER_API_KEY"],
        vendor_headers: &["http-referer", "x-title"],
        // Says twice why it ended, and errors with status 200.
        quirks: Quirks { exact: false, slashed_models: true, ..ORIGINAL },
        ..OPENAI_LIKE
    },
    Provider {
        slug: "ollama",
        base: "http://localhost:11434",
        keys: &["OLLAMA_API_KEY"],
        host_var: Some("OLLAMA_HOST"),
        quirks: Quirks { drop: &["logit_bias", "n", "user", "parallel_tool_calls", "store"], exact: false, ..PLAIN },
        ..AT_V1
    },
    Provider {
        slug: "cerebras",
        base: "https://api.cerebras.ai/v1",
        keys: &["CEREBRAS_API_KEY"],
        quirks: Quirks {
            rename: &[],
            drop: &["frequency_penalty", "presence_penalty", "logit_bias", "store"],
            completion_bound: true,
            ..PLAIN
        },
        ..OPENAI_LIKE
    },
    Provider { slug: "sambanova", base: "https://api.sambanova.ai", keys: &["SAMBANOVA_API_KEY"], ..AT_V1 },
    Provider {
        slug: "nvidia",
        aliases: &["nvidia-nim"],
        base: "https://integrate.api.nvidia.com/v1",
        keys: &["NVIDIA_API_KEY", "NVIDIA_NIM_API_KEY"],
        quirks: Quirks { drop: OPENAI_ONLY, slashed_models: true, ..PLAIN },
        ..OPENAI_LIKE
    },
    Provider { slug: "deepinfra", base: "https://api.deepinfra.com/v1/openai", keys: &["DEEPINFRA_API_KEY"], ..OPENAI_LIKE },
    Provider {
        slug: "moonshot",
        base: "https://api.moonshot.ai/v1",
        keys: &["MOONSHOT_API_KEY"],
        quirks: Quirks { replay_thinking: true, ..PLAIN },
        ..OPENAI_LIKE
    },
    Provider {
        slug: "zhipu",
        aliases: &["z-ai", "zai"],
        base: "https://api.z.ai/api/paas/v4",
        keys: &["ZHIPU_API_KEY", "ZAI_API_KEY"],
        ..OPENAI_LIKE
    },
    Provider {
        slug: "qwen",
        aliases: &["dashscope"],
        base: "https://dashscope-intl.aliyuncs.com/compatible-mode/v1",
        keys: &["QWEN_API_KEY", "DASHSCOPE_API_KEY"],
        ..OPENAI_LIKE
    },
    Provider { slug: "nebius", base: "https://api.studio.nebius.com/v1", keys: &["NEBIUS_API_KEY"], ..OPENAI_LIKE },
    Provider { slug: "hyperbolic", base: "https://api.hyperbolic.xyz/v1", keys: &["HYPERBOLIC_API_KEY"], ..OPENAI_LIKE },
    Provider { slug: "novita", aliases: &["novita-ai"], base: "https://api.novita.ai/v3/openai", keys: &["NOVITA_API_KEY"], ..OPENAI_LIKE },
    Provider { slug: "lambda", base: "https://api.lambda.ai/v1", keys: &["LAMBDA_API_KEY"], ..OPENAI_LIKE },
    Provider { slug: "anyscale", base: "https://api.endpoints.anyscale.com/v1", keys: &["ANYSCALE_API_KEY"], ..OPENAI_LIKE },
    Provider {
        slug: "hugging-face",
        aliases: &["huggingface"],
        base: "https://router.huggingface.co",
        keys: &["HUGGING_FACE_API_KEY", "HF_TOKEN"],
        // A router: whichever backend answers has its own habits.
        quirks: Quirks { exact: false, slashed_models: true, ..PLAIN },
        ..AT_V1
    },
    // Any host that speaks the dialect, vLLM first: what it takes is not known, so nothing is changed.
    Provider {
        slug: "custom",
        aliases: &["vllm"],
        keys: &["CUSTOM_API_KEY"],
        host_var: Some("CUSTOM_HOST"),
        quirks: Quirks { rename: &[], ..PLAIN },
        ..OPENAI_LIKE
    },
    // Answers without any provider, for a first try and for tests.
    Provider { slug: "sandbox", auth: Auth::None, quirks: ORIGINAL, ..OPENAI_LIKE },
];

/// A vendor whose base ends before `/v1`.
const AT_V1: Provider = Provider { path: "/v1/chat/completions", models: "/v1/models", ..OPENAI_LIKE };
