//! The providers. A compatible vendor is a row of a few lines; what it leaves out is as `OPENAI_LIKE` says, and
//! where it departs from the dialect is a constant of its name below.

use super::service::{
    Service, count, embeddings, image_edits, image_variations, images, moderations, rerank, speech, talk, transcription, translation,
};
use super::{Auth, Home, Provider, Quirks, StreamUsage};
use crate::ir::Effort;
use crate::wire::Dialect::{Chat, Cohere, Completions, Converse, Gemini, Messages, Predictions, Responses};
use crate::wire::audio::Shape as Sound;
use crate::wire::chat::{Choices, Customs, Files, Instructions, Order, Sounds, Thoughts};
use crate::wire::embeddings::Shape as Vectors;
use crate::wire::images::Shape as Picture;
use crate::wire::moderations::Shape as Verdict;
use crate::wire::rerank::Shape as Ranking;

/// A vendor that took over OpenAI's Chat Completions as it was.
const OPENAI_LIKE: Provider = Provider {
    slug: "",
    aliases: &[],
    base: "",
    services: &[talk(Chat, "/chat/completions")],
    models: "/models",
    auth: Auth::Bearer,
    keys: &[],
    home: Home::Own,
    hosts: &[],
    links: &[],
    vendor_headers: &[],
    fixed_headers: &[],
    quirks: PLAIN,
};

/// A vendor whose base ends before `/v1`.
const AT_V1: Provider = Provider { services: &[talk(Chat, "/v1/chat/completions")], models: "/v1/models", ..OPENAI_LIKE };

pub const PROVIDERS: &[Provider] = &[
    Provider {
        slug: "openai",
        services: OPENAI,
        base: "https://api.openai.com/v1",
        keys: &["OPENAI_API_KEY"],
        vendor_headers: &["openai-organization", "openai-project", "openai-beta", "idempotency-key"],
        quirks: ORIGINAL,
        ..OPENAI_LIKE
    },
    Provider {
        slug: "anthropic",
        base: "https://api.anthropic.com/v1",
        services: &[talk(Messages, "/messages"), count(Messages, "/messages/count_tokens")],
        auth: Auth::Header("x-api-key"),
        keys: &["ANTHROPIC_API_KEY"],
        links: &[("/messages/batches", "results_url")],
        vendor_headers: ANTHROPIC_HEADERS,
        fixed_headers: &[("anthropic-version", "2023-06-01")],
        ..OPENAI_LIKE
    },
    Provider {
        slug: "gemini",
        services: GEMINI,
        aliases: &["google"],
        base: "https://generativelanguage.googleapis.com",
        models: "/v1beta/models?pageSize=1000",
        auth: Auth::Header("x-goog-api-key"),
        keys: &["GEMINI_API_KEY", "GOOGLE_API_KEY"],
        ..OPENAI_LIKE
    },
    Provider {
        slug: "vertex-ai",
        aliases: &["vertex"],
        base: "https://{vertex-host}",
        services: VERTEX,
        models: "",
        auth: Auth::Google,
        keys: &["VERTEX_AI_SERVICE_ACCOUNT_JSON"],
        ..OPENAI_LIKE
    },
    Provider {
        slug: "bedrock",
        services: BEDROCK,
        aliases: &["aws-bedrock"],
        base: "https://bedrock-runtime.{aws-region}.amazonaws.com",
        models: "",
        auth: Auth::Aws("bedrock"),
        keys: &["AWS_BEARER_TOKEN_BEDROCK"],
        ..OPENAI_LIKE
    },
    Provider {
        slug: "azure-openai",
        aliases: &["azure"],
        base: "https://{azure-resource-name}.openai.azure.com/openai",
        services: AZURE,
        auth: Auth::Header("api-key"),
        keys: &["AZURE_OPENAI_API_KEY"],
        home: Home::Tenant { var: "AZURE_OPENAI_ENDPOINT", header: "azure-endpoint", end: "/openai" },
        ..AZURE_LIKE
    },
    Provider {
        slug: "azure-foundry",
        services: AZURE_FOUNDRY,
        aliases: &["azure-ai"],
        auth: Auth::Header("api-key"),
        keys: &["AZURE_FOUNDRY_API_KEY"],
        home: Home::Tenant { var: "AZURE_FOUNDRY_ENDPOINT", header: "azure-foundry-url", end: "/models" },
        ..FOUNDRY_LIKE
    },
    Provider {
        slug: "cohere",
        services: COHERE,
        base: "https://api.cohere.com",
        models: "/v1/models?page_size=1000",
        keys: &["COHERE_API_KEY", "CO_API_KEY"],
        ..OPENAI_LIKE
    },
    Provider {
        slug: "mistral",
        services: MISTRAL_SERVICES,
        aliases: &["mistral-ai"],
        base: "https://api.mistral.ai/v1",
        keys: &["MISTRAL_API_KEY"],
        quirks: MISTRAL,
        ..OPENAI_LIKE
    },
    Provider {
        slug: "groq",
        services: GROQ_SERVICES,
        base: "https://api.groq.com/openai/v1",
        keys: &["GROQ_API_KEY"],
        quirks: GROQ,
        ..OPENAI_LIKE
    },
    Provider { slug: "deepseek", base: "https://api.deepseek.com", keys: &["DEEPSEEK_API_KEY"], quirks: DEEPSEEK, ..AT_V1 },
    Provider {
        slug: "together",
        services: TOGETHER_SERVICES,
        aliases: &["together-ai"],
        base: "https://api.together.xyz",
        keys: &["TOGETHER_API_KEY"],
        quirks: TOGETHER,
        ..AT_V1
    },
    Provider {
        slug: "perplexity",
        services: PERPLEXITY_SERVICES,
        aliases: &["perplexity-ai"],
        base: "https://api.perplexity.ai",
        models: "/v1/models",
        keys: &["PERPLEXITY_API_KEY", "PPLX_API_KEY"],
        quirks: PERPLEXITY,
        ..OPENAI_LIKE
    },
    Provider {
        slug: "fireworks",
        services: FIREWORKS,
        aliases: &["fireworks-ai"],
        base: "https://api.fireworks.ai/inference/v1",
        keys: &["FIREWORKS_API_KEY"],
        quirks: FIREWORKS_AI,
        ..OPENAI_LIKE
    },
    Provider { slug: "ai21", base: "https://api.ai21.com/studio/v1", models: "", keys: &["AI21_API_KEY"], quirks: AI21, ..OPENAI_LIKE },
    Provider {
        slug: "xai",
        services: XAI_SERVICES,
        aliases: &["x-ai"],
        base: "https://api.x.ai/v1",
        keys: &["XAI_API_KEY"],
        quirks: XAI,
        ..OPENAI_LIKE
    },
    Provider {
        slug: "openrouter",
        services: OPENROUTER_SERVICES,
        base: "https://openrouter.ai/api",
        keys: &["OPENROUTER_API_KEY"],
        vendor_headers: &["http-referer", "x-title"],
        quirks: OPENROUTER,
        ..AT_V1
    },
    Provider {
        slug: "ollama",
        services: OLLAMA_SERVICES,
        base: "http://localhost:11434",
        keys: &["OLLAMA_API_KEY"],
        home: Home::Yours("OLLAMA_HOST"),
        quirks: OLLAMA,
        ..AT_V1
    },
    Provider {
        slug: "cerebras",
        services: CHAT_AND_COMPLETIONS,
        base: "https://api.cerebras.ai/v1",
        keys: &["CEREBRAS_API_KEY"],
        quirks: CEREBRAS,
        ..OPENAI_LIKE
    },
    Provider {
        slug: "sambanova",
        services: SAMBANOVA_SERVICES,
        base: "https://api.sambanova.ai",
        keys: &["SAMBANOVA_API_KEY"],
        quirks: SAMBANOVA,
        ..AT_V1
    },
    Provider {
        slug: "nvidia",
        services: NVIDIA,
        aliases: &["nvidia-nim"],
        base: "https://integrate.api.nvidia.com/v1",
        keys: &["NVIDIA_API_KEY", "NVIDIA_NIM_API_KEY"],
        quirks: NIM,
        ..OPENAI_LIKE
    },
    Provider {
        slug: "deepinfra",
        services: CHAT_AND_EMBEDDINGS,
        base: "https://api.deepinfra.com/v1/openai",
        keys: &["DEEPINFRA_API_KEY"],
        ..OPENAI_LIKE
    },
    Provider {
        slug: "moonshot",
        base: "https://api.moonshot.ai/v1",
        keys: &["MOONSHOT_API_KEY"],
        quirks: Quirks { replay_thinking: true, ..PLAIN },
        ..OPENAI_LIKE
    },
    Provider {
        slug: "zhipu",
        services: CHAT_AND_EMBEDDINGS,
        aliases: &["z-ai", "zai"],
        base: "https://api.z.ai/api/paas/v4",
        keys: &["ZHIPU_API_KEY", "ZAI_API_KEY"],
        ..OPENAI_LIKE
    },
    Provider {
        slug: "qwen",
        services: CHAT_AND_EMBEDDINGS,
        aliases: &["dashscope"],
        base: "https://dashscope-intl.aliyuncs.com/compatible-mode/v1",
        keys: &["QWEN_API_KEY", "DASHSCOPE_API_KEY"],
        ..OPENAI_LIKE
    },
    Provider { slug: "nebius", services: NEBIUS, base: "https://api.studio.nebius.com/v1", keys: &["NEBIUS_API_KEY"], ..OPENAI_LIKE },
    Provider { slug: "hyperbolic", base: "https://api.hyperbolic.xyz/v1", keys: &["HYPERBOLIC_API_KEY"], ..OPENAI_LIKE },
    Provider {
        slug: "novita",
        services: CHAT_AND_EMBEDDINGS,
        aliases: &["novita-ai"],
        base: "https://api.novita.ai/v3/openai",
        keys: &["NOVITA_API_KEY"],
        ..OPENAI_LIKE
    },
    Provider { slug: "lambda", base: "https://api.lambda.ai/v1", keys: &["LAMBDA_API_KEY"], ..OPENAI_LIKE },
    Provider {
        slug: "siliconflow",
        services: CHAT_EMBEDDINGS_AND_RERANK,
        base: "https://api.siliconflow.com/v1",
        keys: &["SILICONFLOW_API_KEY"],
        ..OPENAI_LIKE
    },
    Provider { slug: "minimax", base: "https://api.minimax.io/v1", keys: &["MINIMAX_API_KEY"], ..OPENAI_LIKE },
    Provider {
        slug: "venice",
        services: CHAT_AND_EMBEDDINGS,
        base: "https://api.venice.ai/api/v1",
        keys: &["VENICE_API_KEY"],
        ..OPENAI_LIKE
    },
    Provider {
        slug: "github",
        services: CHAT_AND_EMBEDDINGS,
        aliases: &["github-models"],
        base: "https://models.github.ai/inference",
        models: "",
        keys: &["GITHUB_MODELS_API_KEY"],
        ..OPENAI_LIKE
    },
    Provider { slug: "anyscale", base: "https://api.endpoints.anyscale.com/v1", keys: &["ANYSCALE_API_KEY"], ..OPENAI_LIKE },
    Provider {
        slug: "hugging-face",
        services: HUGGING_FACE,
        aliases: &["huggingface"],
        base: "https://router.huggingface.co",
        keys: &["HUGGING_FACE_API_KEY", "HF_TOKEN"],
        quirks: ROUTER,
        ..AT_V1
    },
    Provider {
        slug: "workers-ai",
        services: WORKERS_AI_SERVICES,
        aliases: &["cloudflare"],
        base: "https://api.cloudflare.com/client/v4/accounts/{workers-ai-account-id}/ai",
        models: "",
        keys: &["WORKERS_AI_API_KEY", "CLOUDFLARE_API_TOKEN"],
        quirks: WORKERS_AI,
        ..AT_V1
    },
    Provider {
        slug: "replicate",
        aliases: &["replicate-ai"],
        services: REPLICATE,
        base: "https://api.replicate.com/v1",
        models: "",
        keys: &["REPLICATE_API_TOKEN", "REPLICATE_API_KEY"],
        hosts: &["replicate.com", "replicate.net", "replicate.delivery"],
        ..OPENAI_LIKE
    },
    Provider {
        slug: "voyage",
        services: &[embeddings(Vectors::Voyage, "/embeddings"), rerank(Ranking::Voyage, "/rerank")],
        base: "https://api.voyageai.com/v1",
        models: "",
        keys: &["VOYAGE_API_KEY"],
        ..OPENAI_LIKE
    },
    Provider {
        slug: "jina",
        services: &[embeddings(Vectors::Jina, "/embeddings"), rerank(Ranking::Jina, "/rerank")],
        base: "https://api.jina.ai/v1",
        models: "",
        keys: &["JINA_API_KEY"],
        ..OPENAI_LIKE
    },
    Provider {
        slug: "stability",
        aliases: &["stability-ai"],
        services: &[images(Picture::Stability, "/v2beta/stable-image/generate/{stability-engine}")],
        base: "https://api.stability.ai",
        models: "",
        keys: &["STABILITY_API_KEY"],
        ..OPENAI_LIKE
    },
    // Any host that speaks the dialect, vLLM first: what it takes is not known, so nothing is changed.
    Provider {
        slug: "custom",
        services: ANYTHING,
        aliases: &["vllm"],
        keys: &["CUSTOM_API_KEY"],
        home: Home::Yours("CUSTOM_HOST"),
        quirks: Quirks { rename: &[], ..PLAIN },
        ..OPENAI_LIKE
    },
    // Answers without any provider, for a first try and for tests.
    Provider { slug: "sandbox", auth: Auth::None, quirks: ORIGINAL, ..OPENAI_LIKE },
];

const ANTHROPIC_HEADERS: &[&str] = &["anthropic-version", "anthropic-beta"];

const OPENAI: &[Service] = &[
    talk(Chat, "/chat/completions"),
    talk(Responses, "/responses"),
    talk(Completions, "/completions"),
    embeddings(Vectors::OpenAi, "/embeddings"),
    images(Picture::OpenAi, "/images/generations"),
    moderations(Verdict::OpenAi, "/moderations"),
    speech(Sound::OpenAi, "/audio/speech"),
    transcription(Sound::OpenAi, "/audio/transcriptions"),
    translation(Sound::OpenAi, "/audio/translations"),
    image_edits("/images/edits"),
    image_variations("/images/variations"),
];

const GEMINI: &[Service] = &[
    talk(Gemini, "/v1beta/models/{model}:generateContent").streamed("/v1beta/models/{model}:streamGenerateContent?alt=sse"),
    embeddings(Vectors::Gemini, "/v1beta/models/{model}:batchEmbedContents"),
    images(Picture::Imagen, "/v1beta/models/{model}:predict").of("imagen"),
    images(Picture::Gemini, "/v1beta/models/{model}:generateContent"),
    count(Gemini, "/v1beta/models/{model}:countTokens"),
];

const BEDROCK: &[Service] = &[
    talk(Converse, "/model/{model}/converse").streamed("/model/{model}/converse-stream"),
    embeddings(Vectors::Titan, "/model/{model}/invoke").of("titan-embed-text"),
    embeddings(Vectors::TitanImage, "/model/{model}/invoke").of("titan-embed-image"),
    embeddings(Vectors::CohereBedrock, "/model/{model}/invoke").of("cohere.embed"),
    embeddings(Vectors::Nova, "/model/{model}/invoke").of("multimodal-embeddings"),
    images(Picture::Titan, "/model/{model}/invoke").of("titan-image"),
    images(Picture::Titan, "/model/{model}/invoke").of("nova-canvas"),
    images(Picture::BedrockStability, "/model/{model}/invoke").of("stability."),
    count(Converse, "/model/{model}/count-tokens").of("anthropic.claude"),
    rerank(Ranking::CohereBedrock, "/model/{model}/invoke").of("cohere.rerank"),
    rerank(Ranking::Amazon, "/model/{model}/invoke").of("amazon.rerank"),
];

const AZURE_FOUNDRY: &[Service] = &[
    talk(Chat, "/chat/completions?api-version={azure-foundry-api-version}"),
    embeddings(Vectors::OpenAi, "/embeddings?api-version={azure-foundry-api-version}"),
];

const COHERE: &[Service] = &[talk(Cohere, "/v2/chat"), embeddings(Vectors::Cohere, "/v2/embed"), rerank(Ranking::Cohere, "/v2/rerank")];

const MISTRAL_SERVICES: &[Service] = &[
    talk(Chat, "/chat/completions"),
    embeddings(Vectors::Mistral, "/embeddings"),
    moderations(Verdict::Mistral, "/moderations"),
    speech(Sound::Mistral, "/audio/speech"),
    transcription(Sound::OpenAi, "/audio/transcriptions"),
];

const GROQ_SERVICES: &[Service] = &[
    talk(Chat, "/chat/completions"),
    talk(Responses, "/responses"),
    speech(Sound::OpenAi, "/audio/speech"),
    transcription(Sound::OpenAi, "/audio/transcriptions"),
    translation(Sound::OpenAi, "/audio/translations"),
];

const TOGETHER_SERVICES: &[Service] = &[
    talk(Chat, "/v1/chat/completions"),
    talk(Completions, "/v1/completions"),
    embeddings(Vectors::OpenAi, "/v1/embeddings"),
    images(Picture::Together, "/v1/images/generations"),
    rerank(Ranking::Together, "/v1/rerank"),
    speech(Sound::OpenAi, "/v1/audio/speech"),
    transcription(Sound::OpenAi, "/v1/audio/transcriptions"),
    translation(Sound::OpenAi, "/v1/audio/translations"),
];

/// Models of other makers are served by its agents alone.
const PERPLEXITY_SERVICES: &[Service] =
    &[talk(Chat, "/chat/completions"), talk(Responses, "/v1/responses").of("/"), embeddings(Vectors::OpenAi, "/v1/embeddings")];

const FIREWORKS: &[Service] = &[
    talk(Chat, "/chat/completions"),
    talk(Completions, "/completions"),
    embeddings(Vectors::OpenAi, "/embeddings"),
    images(Picture::Fireworks, "/workflows/{model-path}/text_to_image"),
    rerank(Ranking::Plain, "/rerank"),
    // Speech is heard at hosts of its own, one for each model.
    transcription(Sound::OpenAi, "https://audio-prod.api.fireworks.ai/v1/audio/transcriptions"),
    transcription(Sound::OpenAi, "https://audio-turbo.api.fireworks.ai/v1/audio/transcriptions").of("turbo"),
    translation(Sound::OpenAi, "https://audio-prod.api.fireworks.ai/v1/audio/translations"),
    translation(Sound::OpenAi, "https://audio-turbo.api.fireworks.ai/v1/audio/translations").of("turbo"),
];

const XAI_SERVICES: &[Service] =
    &[talk(Chat, "/chat/completions"), talk(Responses, "/responses"), images(Picture::Xai, "/images/generations")];

const OPENROUTER_SERVICES: &[Service] = &[
    talk(Chat, "/v1/chat/completions"),
    talk(Responses, "/v1/responses"),
    talk(Messages, "/v1/messages"),
    talk(Completions, "/v1/completions"),
    embeddings(Vectors::OpenAi, "/v1/embeddings"),
    rerank(Ranking::Plain, "/v1/rerank"),
    speech(Sound::OpenAi, "/v1/audio/speech"),
    transcription(Sound::OpenAi, "/v1/audio/transcriptions"),
];

const OLLAMA_SERVICES: &[Service] =
    &[talk(Chat, "/v1/chat/completions"), talk(Completions, "/v1/completions"), embeddings(Vectors::Ollama, "/v1/embeddings")];

const CHAT_AND_COMPLETIONS: &[Service] = &[talk(Chat, "/chat/completions"), talk(Completions, "/completions")];

const SAMBANOVA_SERVICES: &[Service] = &[
    talk(Chat, "/v1/chat/completions"),
    embeddings(Vectors::OpenAi, "/v1/embeddings"),
    transcription(Sound::OpenAi, "/v1/audio/transcriptions"),
    translation(Sound::OpenAi, "/v1/audio/translations"),
];

const NVIDIA: &[Service] =
    &[talk(Chat, "/chat/completions"), talk(Completions, "/completions"), embeddings(Vectors::Nvidia, "/embeddings")];

const CHAT_AND_EMBEDDINGS: &[Service] = &[talk(Chat, "/chat/completions"), embeddings(Vectors::OpenAi, "/embeddings")];

const CHAT_EMBEDDINGS_AND_RERANK: &[Service] =
    &[talk(Chat, "/chat/completions"), embeddings(Vectors::OpenAi, "/embeddings"), rerank(Ranking::Plain, "/rerank")];

const NEBIUS: &[Service] = &[
    talk(Chat, "/chat/completions"),
    talk(Completions, "/completions"),
    embeddings(Vectors::OpenAi, "/embeddings"),
    images(Picture::OpenAi, "/images/generations"),
];

const HUGGING_FACE: &[Service] = &[
    talk(Chat, "/v1/chat/completions"),
    embeddings(Vectors::HuggingFace, "/hf-inference/models/{model-path}/pipeline/feature-extraction"),
];

const WORKERS_AI_SERVICES: &[Service] = &[
    talk(Chat, "/v1/chat/completions"),
    embeddings(Vectors::Ollama, "/v1/embeddings"),
    images(Picture::WorkersAi, "/run/{model-path}"),
    rerank(Ranking::WorkersAi, "/run/{model-path}"),
    speech(Sound::WorkersAi, "/run/{model-path}"),
    transcription(Sound::WorkersAi, "/run/{model-path}"),
    translation(Sound::WorkersAi, "/run/{model-path}"),
];

/// What has a version in its name is asked for by that.
const REPLICATE: &[Service] = &[
    talk(Predictions, "/models/{model-path}/predictions"),
    talk(Predictions, "/predictions").of(":"),
    images(Picture::Replicate, "/models/{model-path}/predictions"),
    images(Picture::Replicate, "/predictions").of(":"),
];

const ANYTHING: &[Service] = &[
    talk(Chat, "/chat/completions"),
    talk(Completions, "/completions"),
    embeddings(Vectors::OpenAi, "/embeddings"),
    images(Picture::OpenAi, "/images/generations"),
    rerank(Ranking::Plain, "/rerank"),
    moderations(Verdict::OpenAi, "/moderations"),
    speech(Sound::OpenAi, "/audio/speech"),
    transcription(Sound::OpenAi, "/audio/transcriptions"),
    translation(Sound::OpenAi, "/audio/translations"),
    image_edits("/images/edits"),
    image_variations("/images/variations"),
];

/// What a deployment does.
macro_rules! azure {
    ($what:literal) => {
        concat!("/deployments/{azure-deployment-id}/", $what, "?api-version={azure-api-version}")
    };
}

/// The API as it was, with a deployment's name and a version in the address, and as it is.
const AZURE: &[Service] = &[
    talk(Chat, azure!("chat/completions")).given("azure-api-version"),
    talk(Completions, azure!("completions")).given("azure-api-version"),
    embeddings(Vectors::OpenAi, azure!("embeddings")).given("azure-api-version"),
    images(Picture::OpenAi, azure!("images/generations")).given("azure-api-version"),
    speech(Sound::OpenAi, azure!("audio/speech")).given("azure-api-version"),
    transcription(Sound::OpenAi, azure!("audio/transcriptions")).given("azure-api-version"),
    translation(Sound::OpenAi, azure!("audio/translations")).given("azure-api-version"),
    image_edits(azure!("images/edits")).given("azure-api-version"),
    talk(Chat, "/v1/chat/completions"),
    talk(Responses, "/v1/responses"),
    embeddings(Vectors::OpenAi, "/v1/embeddings"),
    images(Picture::OpenAi, "/v1/images/generations"),
    speech(Sound::OpenAi, "/v1/audio/speech"),
    transcription(Sound::OpenAi, "/v1/audio/transcriptions"),
    translation(Sound::OpenAi, "/v1/audio/translations"),
    image_edits("/v1/images/edits"),
];

const AZURE_LIKE: Provider = Provider { models: "", quirks: Quirks { exact: false, ..ORIGINAL }, ..OPENAI_LIKE };

/// Unless it is told to pass them on, a field that it does not know is an error, though the model may know it.
const FOUNDRY_LIKE: Provider = Provider {
    vendor_headers: &["extra-parameters"],
    fixed_headers: &[("extra-parameters", "pass-through")],
    quirks: FOUNDRY,
    ..AZURE_LIKE
};

/// A path below the project and its region.
macro_rules! vertex {
    ($path:literal) => {
        concat!("/v1/projects/{vertex-project-id}/locations/{vertex-region}", $path)
    };
}

/// Claude in its own dialect, others than Google's by a compatible route.
const VERTEX: &[Service] = &[
    talk(Messages, vertex!("/publishers/anthropic/models/{model}:rawPredict"))
        .streamed(vertex!("/publishers/anthropic/models/{model}:streamRawPredict"))
        .with(&[("anthropic_version", "\"vertex-2023-10-16\"")])
        .of("claude"),
    talk(Chat, vertex!("/endpoints/openapi/chat/completions")).of("/"),
    talk(Gemini, vertex!("/publishers/google/models/{model}:generateContent"))
        .streamed(vertex!("/publishers/google/models/{model}:streamGenerateContent?alt=sse")),
    embeddings(Vectors::Vertex, vertex!("/publishers/google/models/{model}:predict")),
    images(Picture::Imagen, vertex!("/publishers/google/models/{model}:predict")).of("imagen"),
    images(Picture::Gemini, vertex!("/publishers/google/models/{model}:generateContent")),
    count(Messages, vertex!("/publishers/anthropic/models/count-tokens:rawPredict"))
        .with(&[("anthropic_version", "\"vertex-2023-10-16\"")])
        .of("claude"),
    count(Gemini, vertex!("/publishers/google/models/{model}:countTokens")),
];

/// Took over the dialect before its newer parts.
const PLAIN: Quirks = Quirks {
    rename: &[("max_completion_tokens", "max_tokens")],
    drop: &[],
    clamp: &[],
    exact: false,
    stream_usage: StreamUsage::Asked,
    messages: LENIENT,
    order: Order::ANY,
    choices: Choices::All,
    strict_tools: true,
    replay_thinking: false,
    replay_proofs: false,
    json_schema: true,
    json_object: true,
    efforts: &[],
    top_k: false,
    still: None,
    stop_list: false,
    counted_logprobs: false,
    completion_bound: false,
    effort: true,
    not_in_responses: &[],
    slashed_models: false,
};

/// The dialect as its owner has it.
const ORIGINAL: Quirks = Quirks { rename: &[], messages: OWNERS, completion_bound: true, exact: true, ..PLAIN };

/// Takes or ignores whatever a message may hold, but does not know the newest role.
const LENIENT: Customs = Customs {
    signs: &["\"developer\""],
    developer: false,
    names: true,
    refusals: true,
    thoughts: Thoughts::Kept,
    marks: true,
    detail: true,
    images: true,
    files: Files::Kept,
    sounds: Sounds::Kept,
    plain_text: false,
    short_ids: false,
};

/// Knows what the dialect's owner made, and nothing that others added.
const OWNERS: Customs = Customs {
    signs: &["\"cache_control\"", "\"reasoning_content\"", "\"extra_content\"", "\"reasoning_details\"", "\"thinking_blocks\""],
    developer: true,
    thoughts: Thoughts::Unwanted,
    marks: false,
    ..LENIENT
};

/// Refuses what it does not know.
const PICKY: Customs = Customs {
    signs: &[
        "\"developer\"",
        "_cont",
        "reasoning",
        "thinking_blocks",
        "refusal",
        "annotations",
        "provider_specific_fields",
        "\"file\"",
        "input_audio",
        "\"name\"",
        "detail",
        "image_url",
        "tool_call_id",
    ],
    refusals: false,
    thoughts: Thoughts::Unwanted,
    marks: false,
    ..LENIENT
};

/// All messages are looked at.
const EVERY: &[&str] = &[""];

/// Takes text and images, of speakers without a name.
const SEEING: Customs = Customs { names: false, files: Files::Refused, sounds: Sounds::Refused, ..PICKY };

/// Parameters of OpenAI's that most others answer with an error, and clients send unasked.
const OPENAI_ONLY: &[&str] =
    &["store", "service_tier", "prediction", "modalities", "metadata", "prompt_cache_key", "safety_identifier", "verbosity"];

const UP_TO_HIGH: &[Effort] = &[Effort::None, Effort::Low, Effort::Medium, Effort::High];

/// Content may be a list, the bound of a context is a finish reason of its own.
const MISTRAL: Quirks = Quirks {
    rename: &[("max_completion_tokens", "max_tokens"), ("seed", "random_seed")],
    drop: &["user", "logit_bias", "store", "service_tier", "modalities", "verbosity", "safety_identifier"],
    clamp: &[("temperature", 0.0, 1.5)],
    stream_usage: StreamUsage::Volunteered,
    messages: Customs { names: false, files: Files::Documents, sounds: Sounds::Bare, short_ids: true, ..PICKY },
    order: Order { instructions: Instructions::AfterUser, answers_tools: true, marks_prefix: true, ..Order::ANY },
    choices: Choices::Named,
    top_k: true,
    ..PLAIN
};

const GROQ: Quirks = Quirks {
    rename: &[],
    drop: &[
        "logprobs",
        "top_logprobs",
        "logit_bias",
        "store",
        "metadata",
        "modalities",
        "prediction",
        "prompt_cache_key",
        "safety_identifier",
        "verbosity",
        "web_search_options",
    ],
    stream_usage: StreamUsage::Aside,
    messages: Customs { thoughts: Thoughts::In("reasoning"), ..SEEING },
    choices: Choices::Named,
    efforts: UP_TO_HIGH,
    completion_bound: true,
    not_in_responses: &["store", "include", "truncation", "safety_identifier", "prompt_cache_key"],
    ..PLAIN
};

/// With tools, the thinking of earlier turns must come back; there is no JSON schema.
const DEEPSEEK: Quirks = Quirks {
    drop: &[
        "logit_bias",
        "parallel_tool_calls",
        "store",
        "service_tier",
        "prediction",
        "modalities",
        "metadata",
        "prompt_cache_key",
        "safety_identifier",
        "verbosity",
    ],
    messages: Customs { images: false, names: true, thoughts: Thoughts::In("reasoning_content"), ..SEEING },
    choices: Choices::Named,
    still: Some(("thinking", "{\"type\":\"disabled\"}")),
    replay_thinking: true,
    json_schema: false,
    ..PLAIN
};

/// Old models end with `eos`.
const TOGETHER: Quirks = Quirks {
    drop: &[
        "parallel_tool_calls",
        "user",
        "store",
        "metadata",
        "service_tier",
        "prediction",
        "modalities",
        "prompt_cache_key",
        "safety_identifier",
        "verbosity",
    ],
    exact: false,
    stream_usage: StreamUsage::Volunteered,
    messages: Customs {
        thoughts: Thoughts::In("reasoning_content"),
        detail: false,
        files: Files::Refused,
        signs: EVERY,
        plain_text: true,
        ..PICKY
    },
    choices: Choices::Named,
    strict_tools: false,
    efforts: &[Effort::Low, Effort::Medium, Effort::High],
    still: Some(("reasoning", "{\"enabled\":false}")),
    stop_list: true,
    counted_logprobs: true,
    slashed_models: true,
    top_k: true,
    ..PLAIN
};

/// No `[DONE]`, usage on every chunk.
const PERPLEXITY: Quirks = Quirks {
    drop: &[
        "seed",
        "logit_bias",
        "logprobs",
        "top_logprobs",
        "store",
        "user",
        "service_tier",
        "prediction",
        "modalities",
        "metadata",
        "prompt_cache_key",
        "safety_identifier",
        "verbosity",
    ],
    exact: false,
    stream_usage: StreamUsage::Aside,
    messages: Customs { detail: false, files: Files::Urls, ..SEEING },
    order: Order { instructions: Instructions::First, alternates: true, ..Order::ANY },
    choices: Choices::Words,
    json_object: false,
    efforts: &[Effort::Minimal, Effort::Low, Effort::Medium, Effort::High],
    top_k: true,
    ..PLAIN
};

const FIREWORKS_AI: Quirks = Quirks {
    drop: &["modalities", "safety_identifier", "store", "verbosity", "prediction"],
    stream_usage: StreamUsage::Volunteered,
    messages: Customs { thoughts: Thoughts::In("reasoning_content"), ..SEEING },
    choices: Choices::Named,
    efforts: UP_TO_HIGH,
    top_k: true,
    ..PLAIN
};

/// Answers lack object, created and model.
const AI21: Quirks = Quirks {
    drop: &[
        "user",
        "store",
        "metadata",
        "service_tier",
        "prediction",
        "modalities",
        "prompt_cache_key",
        "safety_identifier",
        "verbosity",
        "parallel_tool_calls",
        "logit_bias",
        "logprobs",
        "top_logprobs",
        "reasoning_effort",
    ],
    exact: false,
    stream_usage: StreamUsage::Volunteered,
    messages: Customs { images: false, signs: EVERY, plain_text: true, ..SEEING },
    choices: Choices::Named,
    json_schema: false,
    ..PLAIN
};

/// Completion tokens exclude reasoning.
const XAI: Quirks = Quirks {
    rename: &[],
    drop: &["store", "prediction", "modalities", "metadata", "prompt_cache_key", "safety_identifier", "verbosity"],
    exact: false,
    messages: Customs { names: false, thoughts: Thoughts::In("reasoning_content"), ..PICKY },
    choices: Choices::Named,
    completion_bound: true,
    ..PLAIN
};

/// Says twice why it ended, and errors with status 200.
const OPENROUTER: Quirks = Quirks {
    exact: false,
    messages: Customs { developer: true, ..LENIENT },
    slashed_models: true,
    top_k: true,
    replay_proofs: true,
    ..ORIGINAL
};

const OLLAMA: Quirks = Quirks {
    drop: &[
        "logit_bias",
        "n",
        "user",
        "parallel_tool_calls",
        "store",
        "metadata",
        "service_tier",
        "prediction",
        "modalities",
        "prompt_cache_key",
        "safety_identifier",
        "verbosity",
    ],
    exact: false,
    messages: Customs { names: true, thoughts: Thoughts::In("reasoning"), ..SEEING },
    choices: Choices::Named,
    efforts: UP_TO_HIGH,
    ..PLAIN
};

const CEREBRAS: Quirks = Quirks {
    rename: &[],
    drop: &["frequency_penalty", "presence_penalty", "logit_bias", "store", "metadata", "modalities", "safety_identifier", "verbosity"],
    messages: Customs { names: true, thoughts: Thoughts::In("reasoning"), ..SEEING },
    choices: Choices::Named,
    efforts: UP_TO_HIGH,
    completion_bound: true,
    ..PLAIN
};

const SAMBANOVA: Quirks = Quirks {
    drop: &["store", "service_tier", "prediction", "modalities", "metadata", "prompt_cache_key", "safety_identifier", "verbosity", "user"],
    messages: Customs { detail: false, ..SEEING },
    choices: Choices::Named,
    strict_tools: false,
    efforts: &[Effort::Low, Effort::Medium, Effort::High],
    top_k: true,
    ..PLAIN
};

const NIM: Quirks = Quirks { drop: OPENAI_ONLY, messages: PICKY, choices: Choices::Named, slashed_models: true, ..PLAIN };

/// A router: whichever backend answers has its own habits.
const ROUTER: Quirks = Quirks {
    drop: OPENAI_ONLY,
    exact: false,
    messages: Customs { thoughts: Thoughts::In("reasoning_content"), ..PICKY },
    choices: Choices::Named,
    slashed_models: true,
    ..PLAIN
};

/// Deltas without a role, an object for content where a schema was asked for.
const WORKERS_AI: Quirks = Quirks {
    exact: false,
    slashed_models: true,
    stream_usage: StreamUsage::Aside,
    messages: PICKY,
    choices: Choices::Named,
    drop: OPENAI_ONLY,
    ..PLAIN
};

/// Models of many makers, told apart by nothing but their names.
const FOUNDRY: Quirks = Quirks {
    rename: &[("max_completion_tokens", "max_tokens")],
    exact: false,
    messages: Customs { developer: true, ..PICKY },
    completion_bound: false,
    ..ORIGINAL
};
