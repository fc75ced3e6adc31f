//! The table of providers: what each row must hold, and that each costs little.

#![expect(clippy::panic, reason = "a test fails by panicking")]

use std::collections::HashSet;
use std::path::Path;

use causeway::providers::service::{Errand, Serves};
use causeway::providers::{Auth, Home, Provider, all, find, words};
use causeway::settings::Settings;

fn row(slug: &str) -> &'static Provider {
    find(slug).unwrap_or_else(|| panic!("there is no {slug}"))
}

fn with(vars: &[(&str, &str)]) -> Settings {
    Settings::new(vars.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())))
}

#[test]
fn every_provider_that_is_promised_has_a_row() {
    let promised = "openai anthropic gemini mistral groq cohere deepseek together perplexity fireworks ai21 xai azure-openai \
        azure-foundry ollama bedrock vertex-ai hugging-face openrouter workers-ai voyage jina stability cerebras sambanova \
        nvidia replicate deepinfra moonshot zhipu qwen nebius hyperbolic novita lambda siliconflow minimax venice github anyscale custom sandbox";
    promised.split_whitespace().for_each(|slug| {
        row(slug);
    });
    let vendors = all().iter().filter(|provider| provider.slug != "sandbox").count();
    assert!(vendors >= 40, "{vendors}");
}

#[test]
fn portkeys_names_are_aliases() {
    for (alias, slug) in [
        ("google", "gemini"),
        ("mistral-ai", "mistral"),
        ("together-ai", "together"),
        ("perplexity-ai", "perplexity"),
        ("fireworks-ai", "fireworks"),
        ("x-ai", "xai"),
        ("azure-ai", "azure-foundry"),
        ("huggingface", "hugging-face"),
        ("stability-ai", "stability"),
        ("novita-ai", "novita"),
    ] {
        assert_eq!(row(alias).slug, slug);
    }
}

#[test]
fn names_are_unique_and_in_lower_case() {
    let mut seen = HashSet::new();
    for name in all().iter().flat_map(|provider| provider.aliases.iter().chain([&provider.slug])) {
        assert!(seen.insert(*name), "{name} comes twice");
        assert!(name.chars().all(|char| char.is_ascii_lowercase() || char.is_ascii_digit() || char == '-'), "{name}");
    }
}

#[test]
fn a_row_has_at_most_eight_lines_of_its_own() {
    let table = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/providers/table.rs")).unwrap();
    let rows = table.split("pub const PROVIDERS").nth(1).unwrap().split("\n];").next().unwrap();
    for text in rows.split("\n    Provider {").skip(1) {
        let own = text
            .lines()
            .take_while(|line| !line.starts_with("    }"))
            .filter(|line| !line.trim().is_empty() && !line.trim().starts_with("//"));
        let lines = own.filter(|line| !line.trim().starts_with("..")).count();
        assert!(lines <= 8, "{lines} lines:{text}");
    }
}

#[test]
fn addresses_are_whole_and_their_words_known() {
    for provider in all().iter().filter(|provider| provider.slug != "sandbox") {
        let slug = provider.slug;
        let local = provider.base.starts_with("http://localhost");
        assert!(provider.base.is_empty() || provider.base.starts_with("https://") || local, "{slug}");
        assert!(!provider.base.ends_with('/'), "{slug}");
        assert!(!provider.base.is_empty() || provider.home != Home::Own, "{slug} is nowhere");
        let paths = provider.services.iter().flat_map(|service| [Some(service.path), service.stream]).flatten();
        for path in paths.chain([provider.models]).filter(|path| !path.is_empty()) {
            assert!(path.starts_with('/') || path.starts_with("https://"), "{slug}: {path}");
        }
        for text in provider.services.iter().map(|service| service.path).chain([provider.base]) {
            for name in words::names(text) {
                let own = ["model", "model-path", "vertex-host", "stability-engine"].contains(&name);
                assert!(own || words::word(name).is_some(), "{slug} knows no {name}");
            }
        }
        assert!(!provider.services.is_empty(), "{slug} serves nothing");
        assert!(!provider.keys.is_empty() || provider.auth == Auth::None, "{slug} has no key");
    }
}

#[test]
fn what_is_promised_is_served() {
    let table = [
        (
            Errand::Embeddings,
            "openai azure-openai bedrock gemini vertex-ai cohere mistral together fireworks ollama hugging-face voyage jina nvidia workers-ai",
        ),
        (Errand::Images, "openai azure-openai bedrock gemini replicate fireworks together stability xai workers-ai"),
        (Errand::Rerank, "cohere voyage jina together bedrock"),
        (Errand::Moderations, "openai mistral"),
        (Errand::Speech, "openai azure-openai groq workers-ai"),
        (Errand::Transcription, "openai azure-openai groq fireworks workers-ai mistral together"),
        (Errand::Translation, "openai azure-openai groq fireworks workers-ai"),
        (Errand::ImageEdits, "openai azure-openai"),
        (Errand::ImageVariations, "openai"),
    ];
    for (errand, slugs) in table {
        for slug in slugs.split_whitespace() {
            let served = row(slug).services.iter().any(|service| service.serves.errand() == Some(errand));
            assert!(served, "{slug} serves no {}", errand.noun());
        }
    }
    let silent = ["voyage", "jina", "stability"];
    for provider in all() {
        let talks = provider.services.iter().any(|service| matches!(service.serves, Serves::Talk(_)));
        assert_eq!(talks, !silent.contains(&provider.slug), "{}", provider.slug);
    }
}

#[test]
fn a_provider_is_active_when_its_variables_are_set() {
    for (vars, active) in [
        (vec![("OPENAI_API_KEY", "k")], vec!["openai"]),
        (vec![("AZURE_OPENAI_API_KEY", "k")], vec![]),
        (vec![("AZURE_OPENAI_API_KEY", "k"), ("AZURE_OPENAI_ENDPOINT", "https://a.openai.azure.com")], vec!["azure-openai"]),
        (vec![("AWS_ACCESS_KEY_ID", "k"), ("AWS_SECRET_ACCESS_KEY", "s")], vec!["bedrock"]),
        (vec![("AWS_BEARER_TOKEN_BEDROCK", "k")], vec!["bedrock"]),
        (vec![("VERTEX_AI_SERVICE_ACCOUNT_JSON", "{}")], vec![]),
        (vec![("VERTEX_AI_SERVICE_ACCOUNT_JSON", "{}"), ("VERTEX_AI_PROJECT_ID", "p")], vec!["vertex-ai"]),
        (vec![("OLLAMA_HOST", "http://localhost:11434")], vec!["ollama"]),
        (vec![("OLLAMA_API_KEY", "k")], vec![]),
        (vec![("WORKERS_AI_API_KEY", "k"), ("WORKERS_AI_ACCOUNT_ID", "a")], vec!["workers-ai"]),
        (vec![("SANDBOX", "true")], vec!["sandbox"]),
    ] {
        let slugs: Vec<&str> = with(&vars).active().iter().map(|provider| provider.slug).collect();
        assert_eq!(slugs, active, "{vars:?}");
    }
}

#[test]
fn words_are_escaped_and_cannot_leave_their_place() {
    let filled = |region: &str| {
        let known = |name: &str| (name == "aws-region").then(|| region.to_owned());
        words::fill("https://h.{aws-region}.example/model/{model}/converse", "arn:aws:bedrock::1:p/a b", known)
    };
    assert_eq!(filled("eu-1").unwrap(), "https://h.eu-1.example/model/arn%3Aaws%3Abedrock%3A%3A1%3Ap%2Fa%20b/converse");
    for region in ["eu/../x", "a@b", "a:80", "a%2Fb", "a#", "a?", "a\\b", "é", ""] {
        assert_eq!(filled(region).unwrap_err().param.as_deref(), Some("aws-region"), "{region}");
    }
    for model in ["..", ".", "a/../b", "a//b"] {
        assert!(words::fill("/models/{model-path}/predictions", model, |_| None).is_err(), "{model}");
    }
    assert_eq!(words::fill("/run/{model-path}", "@cf/meta/m", |_| None).unwrap(), "/run/@cf/meta/m");
    assert!(words::fill("{vertex-project-id}", "m", |_| None).unwrap_err().message.contains("VERTEX_AI_PROJECT_ID"));
    for (region, host) in [
        (None, "us-central1-aiplatform.googleapis.com"),
        (Some("global"), "aiplatform.googleapis.com"),
        (Some("eu"), "aiplatform.eu.rep.googleapis.com"),
    ] {
        assert_eq!(words::fill("{vertex-host}", "", |_| region.map(str::to_owned)).unwrap(), host);
    }
}
