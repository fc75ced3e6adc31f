//! The words of an address that the deployment or the caller fills in: `https://bedrock-runtime.{aws-region}...`

use crate::error::{Error, Result};
use crate::wire::images::stability_engine;

pub struct Word {
    /// Its name, which is that of the caller's header too (`x-causeway-aws-region`).
    pub name: &'static str,
    /// The variables that may hold it.
    pub vars: &'static [&'static str],
    /// What it is where nobody says; another word where it is in braces.
    pub default: &'static str,
}

pub const WORDS: &[Word] = &[
    Word { name: "aws-region", vars: &["AWS_REGION", "AWS_DEFAULT_REGION"], default: "us-east-1" },
    Word { name: "azure-resource-name", vars: &["AZURE_OPENAI_RESOURCE"], default: "" },
    Word { name: "azure-deployment-id", vars: &["AZURE_OPENAI_DEPLOYMENT"], default: "{model}" },
    Word { name: "azure-api-version", vars: &["AZURE_OPENAI_API_VERSION"], default: "" },
    Word { name: "azure-foundry-api-version", vars: &["AZURE_FOUNDRY_API_VERSION"], default: "2024-05-01-preview" },
    Word { name: "vertex-project-id", vars: &["VERTEX_AI_PROJECT_ID"], default: "" },
    Word { name: "vertex-region", vars: &["VERTEX_AI_REGION"], default: "us-central1" },
    Word { name: "workers-ai-account-id", vars: &["WORKERS_AI_ACCOUNT_ID", "CLOUDFLARE_ACCOUNT_ID"], default: "" },
];

pub fn word(name: &str) -> Option<&'static Word> {
    WORDS.iter().find(|word| word.name == name)
}

/// The names in braces.
pub fn names(template: &str) -> impl Iterator<Item = &str> {
    template.split('{').skip(1).filter_map(|rest| rest.split_once('}').map(|(name, _)| name))
}

/// A template with its words filled in, each escaped, so that none can reach beyond its place. `{model}` is one
/// segment of a path, `{model-path}` may be several.
pub fn fill(template: &str, model: &str, find: impl Fn(&str) -> Option<String>) -> Result<String> {
    let mut parts = template.split('{');
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (name, rest) = part.split_once('}').unwrap_or((part, ""));
        let value = value(name, model, &find)?;
        let whole = name != "model-path";
        let in_host = out.strip_prefix("https://").is_some_and(|host| !host.contains('/'));
        for (at, segment) in value.split(|char| char == '/' && !whole).enumerate() {
            if matches!(segment, "" | "." | "..") || (in_host && !is_of_host(segment)) {
                let param = if name.starts_with("model") { "model" } else { name };
                return Err(Error::invalid(format!("`{value}` cannot be part of an address.")).with_param(param));
            }
            out.push_str(if at > 0 { "/" } else { "" });
            escape(&mut out, segment);
        }
        out.push_str(rest);
    }
    Ok(out)
}

fn value(name: &str, model: &str, find: &impl Fn(&str) -> Option<String>) -> Result<String> {
    match name {
        "model" | "model-path" => return Ok(model.to_owned()),
        "stability-engine" => return Ok(stability_engine(model).to_owned()),
        "vertex-host" => return value("vertex-region", model, find).map(|region| vertex_host(&region)),
        _ => {}
    }
    let default = word(name).map_or("", |word| word.default);
    match find(name) {
        Some(value) => Ok(value),
        None if default == "{model}" => Ok(model.to_owned()),
        None if default.is_empty() => {
            let var = word(name).and_then(|word| word.vars.first()).unwrap_or(&"its variable");
            Err(Error::invalid(format!("`{name}` is not known: send it in `x-causeway-{name}`, or set {var} for this gateway."))
                .with_param(name))
        }
        None => Ok(default.to_owned()),
    }
}

/// Regions have hosts of their own; what is everywhere has none.
fn vertex_host(region: &str) -> String {
    match region {
        "global" => "aiplatform.googleapis.com".to_owned(),
        "us" | "eu" => format!("aiplatform.{region}.rep.googleapis.com"),
        region => format!("{region}-aiplatform.googleapis.com"),
    }
}

/// Nothing that ends a host's name, or begins it anew.
fn is_of_host(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.'))
}

/// As one segment of a path.
fn escape(out: &mut String, text: &str) {
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'@' => out.push(char::from(byte)),
            _ => {
                let hex = |digit: u8| char::from_digit(u32::from(digit), 16).unwrap_or('0').to_ascii_uppercase();
                out.extend(['%', hex(byte >> 4), hex(byte & 15)]);
            }
        }
    }
}
