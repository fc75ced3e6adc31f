//! The recordings, each with how it is asked for.

use std::path::{Path, PathBuf};

use causeway::providers;
use causeway::wire::Dialect;
use causeway::wire::base64;
use serde_json::Value;

pub struct Recording {
    /// The provider's slug.
    pub provider: &'static str,
    pub case: String,
    pub dialect: Dialect,
    pub model: String,
    /// Asked for as a stream, and answered so.
    pub streamed: bool,
    pub status: u16,
    pub headers: Vec<(&'static str, &'static str)>,
    pub body: Vec<u8>,
    /// How many choices were asked for.
    pub choices: u64,
    /// The address knows an API version.
    pub versioned: bool,
}

const FOLDERS: &[(&str, &str)] = &[
    ("ai21", "ai21"),
    ("anthropic", "anthropic"),
    ("azure-foundry", "azure-foundry"),
    ("azure-openai", "azure-openai"),
    ("bedrock", "bedrock"),
    ("cerebras", "cerebras"),
    ("cohere", "cohere"),
    ("deepseek", "deepseek"),
    ("fireworks", "fireworks"),
    ("gemini", "gemini"),
    ("groq", "groq"),
    ("huggingface", "hugging-face"),
    ("mistral", "mistral"),
    ("ollama", "ollama"),
    ("openai", "openai"),
    ("openai-compatible", "custom"),
    ("openrouter", "openrouter"),
    ("perplexity", "perplexity"),
    ("replicate", "replicate"),
    ("sambanova", "sambanova"),
    ("together", "together"),
    ("vertex-ai", "vertex-ai"),
    ("workers-ai", "workers-ai"),
    ("xai", "xai"),
    ("voyage", "voyage"),
];

/// The conversations.
pub fn recordings() -> Vec<Recording> {
    files().into_iter().filter_map(|(provider, case, all)| read(provider, case, &all)).collect()
}

/// Every recording: its provider, its name, all that it holds.
pub fn files() -> Vec<(&'static str, String, Value)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().map(|folder| folder.join("shared/recordings")).find(|root| root.exists());
    let Some(root) = root else {
        println!("skipped: there are no recordings beside the repository");
        return Vec::new();
    };
    let mut found = Vec::new();
    for (folder, provider) in FOLDERS {
        let mut files: Vec<PathBuf> = std::fs::read_dir(root.join(folder)).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.sort();
        for file in files {
            let all: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
            let case = file.file_stem().unwrap().to_string_lossy().into_owned();
            if all.is_object() {
                found.push((*provider, case, all));
            }
        }
    }
    found
}

fn read(provider: &'static str, case: String, all: &Value) -> Option<Recording> {
    let url = all["request"]["url"].as_str()?;
    let path = url.split('?').next().unwrap_or_default();
    let provider = if path.contains("googleapis.com/v1beta/openai") || path.contains("/compatibility/") { "custom" } else { provider };
    let dialect = dialect(provider, path)?;
    let (request, response) = (&all["request"]["body"], &all["response"]);
    let last = path.rsplit('/').next().unwrap_or_default();
    let named = match dialect {
        Dialect::Converse => path.rsplit('/').nth(1).map(|model| model.replace("%3A", ":").replace("%2F", "/")),
        Dialect::Gemini | Dialect::Messages if last.contains(':') => last.split(':').next().map(str::to_owned),
        Dialect::Predictions => Some("meta/meta-llama-3-8b-instruct".to_owned()),
        _ => request["model"].as_str().map(str::to_owned),
    };
    let status = u16::try_from(response["status"].as_u64()?).unwrap();
    let kept = |name: &str| matches!(name, "content-type" | "retry-after" | "retry-after-ms" | "x-amzn-errortype" | "x-should-retry");
    let mut headers = Vec::new();
    for (name, value) in response["headers"].as_object()? {
        let name = name.to_ascii_lowercase();
        if kept(&name) {
            let value = value.as_str().unwrap_or_default().to_owned();
            headers.push((&*String::leak(name), &*String::leak(value)));
        }
    }
    let (body, streamed) = match (&response["sse"], &response["base64"], &response["body"]) {
        (Value::String(stream), _, _) => (stream.clone().into_bytes(), true),
        (_, Value::String(bytes), _) => (base64::decode(bytes)?, true),
        (_, _, Value::String(text)) => (text.clone().into_bytes(), false),
        // A list of chunks, as it comes where events were not asked for.
        (_, _, Value::Array(chunks)) if path.ends_with("streamGenerateContent") => {
            (chunks.iter().map(|chunk| format!("data: {chunk}\r\n\r\n")).collect::<String>().into_bytes(), true)
        }
        (_, _, body) => (body.to_string().into_bytes(), false),
    };
    if streamed {
        headers.retain(|(name, value)| *name != "content-type" || value.starts_with("text/event") || value.contains("eventstream"));
    }
    if !headers.iter().any(|(name, _)| *name == "content-type") {
        headers.push(("content-type", if streamed { "text/event-stream" } else { "application/json" }));
    }
    let choices = request["n"].as_u64().unwrap_or(1);
    let versioned = url.contains("api-version=") && path.contains("/deployments/");
    let model = named.unwrap_or_else(|| "m".to_owned());
    Some(Recording { provider, case, dialect, model, streamed, status, headers, body, choices, versioned })
}

fn dialect(provider: &str, path: &str) -> Option<Dialect> {
    let ends = |end: &str| path.ends_with(end);
    Some(match provider {
        "cohere" if ends("/v2/chat") => Dialect::Cohere,
        "replicate" if ends("/predictions") => Dialect::Predictions,
        "replicate" if path.contains("/v1/predictions/") || path.contains("/streams/") => Dialect::Predictions,
        "custom" if ends("/v1/chat") => Dialect::Chat,
        _ if ends("/chat/completions") => Dialect::Chat,
        _ if ends("/responses") && !path.contains("mantle") => Dialect::Responses,
        _ if ends("/v1/messages") || ends(":rawPredict") || ends(":streamRawPredict") => Dialect::Messages,
        _ if ends(":generateContent") || ends(":streamGenerateContent") => Dialect::Gemini,
        _ if ends("/converse") || ends("/converse-stream") => Dialect::Converse,
        _ => return None,
    })
}

impl Recording {
    pub fn name(&self) -> String {
        format!("{}/{}", self.provider, self.case)
    }

    /// Whether a caller of this dialect is answered by this recording's service.
    pub fn answers(&self, caller: Dialect) -> bool {
        let known = |name: &str| name == "azure-api-version" && self.versioned;
        let provider = providers::find(self.provider).unwrap();
        provider.talk(caller, &self.model, known).is_some_and(|(_, own)| own == self.dialect)
    }
}
