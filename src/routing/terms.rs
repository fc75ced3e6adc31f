//! The terms on which a target is asked: what a config says of a target besides its place among others.

use std::collections::BTreeMap;

use serde::de::IgnoredAny;

use crate::error::{Error, Result};
use crate::providers::{self, words};
use crate::section::{Section, plain, wrong};
use crate::spelling;
use crate::wire::lean;

const MOST_ATTEMPTS: u64 = 5;
pub(super) const LONGEST_MS: u64 = 3_600_000;
const LONGEST_AGE: u64 = 90 * 86_400;
/// What is worth another try where nobody says otherwise.
const RETRIED: &[u16] = &[429, 500, 502, 503, 504];

/// Settings that are neither words of an address nor headers of a vendor.
const SETTINGS: &[&str] = &[
    "aws-access-key-id",
    "aws-secret-access-key",
    "aws-session-token",
    "vertex-service-account-json",
    "azure-endpoint",
    "azure-foundry-url",
    "vertex-storage-bucket-name",
    "aws-s3-bucket",
    "aws-s3-object-key",
];
/// A string takes so much besides its text.
const ENTRY: usize = 64;

/// What is not set is as if there were no config.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Terms {
    /// Its slug.
    pub provider: Option<&'static str>,
    /// The slug of a credential of the vault.
    pub credential: Option<String>,
    pub api_key: Option<String>,
    /// The key is the vault's: it goes where these terms say, and nowhere that the caller does.
    pub vaulted: bool,
    pub custom_host: Option<String>,
    /// What the provider needs to know besides, by the names of the headers: `aws-region`.
    pub settings: BTreeMap<String, String>,
    /// Fields of the body, as JSON.
    pub override_params: BTreeMap<String, String>,
    pub default_params: BTreeMap<String, String>,
    pub drop_params: Vec<String>,
    pub forward_headers: Option<Vec<String>>,
    pub metadata: BTreeMap<String, String>,
    pub retry: Option<Retry>,
    pub cache: Option<Cache>,
    /// Until the head of the answer, and all of it where it is no stream.
    pub request_timeout_ms: Option<u64>,
    pub first_token_timeout_ms: Option<u64>,
    /// Between the pieces of a stream.
    pub idle_timeout_ms: Option<u64>,
    /// For everything, tries and pauses and all.
    pub total_timeout_ms: Option<u64>,
    pub strict: Option<bool>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Retry {
    /// Tries after the first.
    pub attempts: u32,
    pub on_status_codes: Vec<u16>,
    pub use_retry_after_header: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Cache {
    pub mode: CacheMode,
    pub max_age_s: u64,
    pub similarity_threshold: Option<f64>,
    /// Requests that are the same wait for the first of them.
    pub coalesce: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CacheMode {
    Simple,
    Semantic,
}

impl Terms {
    /// The model that is asked for in place of the caller's.
    pub fn model(&self) -> Option<String> {
        lean::from_str(self.override_params.get("model")?).ok()
    }

    /// What it takes to keep them, about.
    pub(super) fn bytes(&self) -> usize {
        let maps = [&self.settings, &self.override_params, &self.default_params, &self.metadata];
        let entries = maps.into_iter().flatten().map(|(name, value)| name.len() + value.len() + ENTRY);
        let names = self.drop_params.iter().chain(self.forward_headers.iter().flatten()).map(|name| name.len() + ENTRY);
        entries.chain(names).sum()
    }
}

/// What a target says of itself, over what it inherits.
pub(super) fn terms(section: &mut Section<'_>, inherited: &Terms) -> Result<Terms> {
    let mut terms = inherited.clone();
    credentials(section, &mut terms)?;
    for (name, raw) in section.object("override_params")? {
        terms.override_params.insert(name, raw);
    }
    for (name, raw) in section.object("default_params")? {
        terms.default_params.insert(name, raw);
    }
    for (name, raw) in section.object("metadata")? {
        let place = format!("{}.metadata.{name}", section.path);
        terms.metadata.insert(name, plain(&raw, &place, "a string")?);
    }
    if let Some(names) = section.texts("drop_params")? {
        terms.drop_params.extend(names);
    }
    terms.forward_headers = section.texts("forward_headers")?.or(terms.forward_headers);
    terms.retry = section.section("retry")?.map(retry).transpose()?.or(terms.retry);
    let coalesce = section.flag("coalesce")?;
    terms.cache = section.section("cache")?.map(cache).transpose()?.or(terms.cache);
    if let (Some(cache), Some(coalesce)) = (&mut terms.cache, coalesce) {
        cache.coalesce = coalesce;
    }
    terms.request_timeout_ms = section.count("request_timeout", 1, LONGEST_MS)?.or(terms.request_timeout_ms);
    terms.first_token_timeout_ms = section.count("first_token_timeout", 1, LONGEST_MS)?.or(terms.first_token_timeout_ms);
    terms.idle_timeout_ms = section.count("idle_timeout", 1, LONGEST_MS)?.or(terms.idle_timeout_ms);
    let strict = [section.flag("strict")?, section.flag("strict_open_ai_compliance")?];
    terms.strict = strict.into_iter().flatten().next().or(terms.strict);
    no_guardrails(section)?;
    idle(section)?;
    Ok(terms)
}

/// The provider, its key, and what it needs to know besides: inherited together or, where another is named, not at all.
fn credentials(section: &mut Section<'_>, terms: &mut Terms) -> Result<()> {
    let named = section.text("provider")?;
    let (slug, model) = named.as_deref().and_then(|name| name.strip_prefix('@')).map_or((None, None), with_model);
    if let Some(model) = model {
        terms.override_params.insert("model".to_owned(), serde_json::Value::from(model).to_string());
    }
    let credential = section.text("virtual_key")?.map(|name| name.trim_start_matches('@').to_owned()).or(slug);
    let provider = named.filter(|name| !name.starts_with('@')).map(|name| provider(&name, section.path_of("provider"))).transpose()?;
    let other_provider = provider.is_some() && provider != terms.provider;
    let other_credential = credential.is_some() && credential != terms.credential;
    if other_provider || other_credential {
        // What stands above, before anyone is named, is meant for all; but a key is one provider's.
        if terms.provider.is_some() || terms.credential.is_some() {
            terms.custom_host = None;
            terms.settings.clear();
        }
        (terms.provider, terms.credential, terms.api_key) = (provider, credential, None);
    }
    if let Some(key) = section.text("api_key")? {
        // In place of the one in the vault, unless that is named beside it.
        if !other_credential {
            terms.credential = None;
        }
        terms.api_key = Some(key);
    }
    terms.custom_host = section.text("custom_host")?.or_else(|| terms.custom_host.take());
    settings(section, terms)
}

/// `@slug/model` names a credential and a model at once.
fn with_model(named: &str) -> (Option<String>, Option<&str>) {
    let (slug, model) = named.split_once('/').map_or((named, None), |(slug, model)| (slug, Some(model)));
    (Some(slug.to_owned()), model)
}

fn settings(section: &mut Section<'_>, terms: &mut Terms) -> Result<()> {
    let mut own = BTreeMap::new();
    for (name, header, raw) in section.take_all(setting) {
        // A service account may be written as it is, or as text.
        let as_it_is = name == "vertex_service_account_json" && raw.get().starts_with('{');
        let value = if as_it_is { raw.get().to_owned() } else { plain(raw.get(), &section.path_of(&name), "a string")? };
        own.insert(header.to_owned(), value);
    }
    if own.contains_key("aws-access-key-id") {
        // These belong to the key that is replaced.
        terms.settings.retain(|name, _| !matches!(name.as_str(), "aws-secret-access-key" | "aws-session-token"));
    }
    terms.settings.extend(own);
    Ok(())
}

fn provider(name: &str, path: String) -> Result<&'static str> {
    providers::find(name).map(|provider| provider.slug).ok_or_else(|| {
        let hint = spelling::hint(name, providers::all().iter().map(|provider| provider.slug));
        Error::invalid(format!("{path}: there is no provider `{name}`.{hint}")).with_param(path)
    })
}

/// What a provider may need to know besides, by the names of the headers that say it too.
fn headers() -> impl Iterator<Item = &'static str> {
    let own = words::WORDS.iter().map(|word| word.name);
    let vendors = providers::all().iter().flat_map(|provider| provider.vendor_headers.iter().copied());
    own.chain(vendors).chain(SETTINGS.iter().copied())
}

/// The header of a setting: `aws_region` is `aws-region`.
fn setting(name: &str) -> Option<&'static str> {
    match name {
        "resource_name" => Some("azure-resource-name"),
        "deployment_id" => Some("azure-deployment-id"),
        "api_version" => Some("azure-api-version"),
        _ => headers().find(|header| header.len() == name.len() && header.replace('-', "_") == name),
    }
}

/// The names of all settings, as configs have them.
pub(super) fn settings_known() -> impl Iterator<Item = String> {
    let short = ["resource_name", "deployment_id", "api_version"].into_iter().map(str::to_owned);
    headers().map(|header| header.replace('-', "_")).chain(short)
}

fn retry(mut section: Section<'_>) -> Result<Retry> {
    section.also("use_retry_after_headers", "use_retry_after_header")?;
    let attempts = section.count("attempts", 0, MOST_ATTEMPTS)?.unwrap_or(0);
    let retry = Retry {
        attempts: u32::try_from(attempts).unwrap_or_default(),
        on_status_codes: section.statuses("on_status_codes")?.unwrap_or_else(|| RETRIED.to_vec()),
        use_retry_after_header: section.flag("use_retry_after_header")?.unwrap_or(true),
    };
    section.end()?;
    Ok(retry)
}

fn cache(mut section: Section<'_>) -> Result<Cache> {
    let place = section.path_of("mode");
    let mode = match section.text("mode")?.as_deref() {
        None | Some("simple") => CacheMode::Simple,
        Some("semantic") => CacheMode::Semantic,
        Some(_) => return Err(wrong(&place, "simple or semantic")),
    };
    let cache = Cache {
        mode,
        max_age_s: section.count("max_age", 1, LONGEST_AGE)?.unwrap_or(7 * 86_400),
        similarity_threshold: section.number("similarity_threshold", 0.0, 1.0)?,
        coalesce: section.flag("coalesce")?.unwrap_or(false),
    };
    section.end()?;
    Ok(cache)
}

/// What says nothing here, or only what is so anyway.
fn idle(section: &mut Section<'_>) -> Result<()> {
    for name in ["id", "version", "type", "azure_model_name"] {
        section.take(name);
    }
    for (name, usual) in [("azure_auth_mode", ["apiKey", "default"]), ("aws_auth_type", ["accessKey", "apiKey"])] {
        if let Some(other) = section.text(name)?.filter(|value| !usual.contains(&value.as_str())) {
            let path = section.path_of(name);
            let message = format!("{path}: `{other}` is not known here; the key is taken as it is given. Leave it out.");
            return Err(Error::invalid(message).with_param(path));
        }
    }
    Ok(())
}

/// A guard that is not there would let everything through.
fn no_guardrails(section: &mut Section<'_>) -> Result<()> {
    let hooks = ["before_request_hooks", "after_request_hooks"];
    for name in ["input_guardrails", "output_guardrails", "input_mutators", "output_mutators"].into_iter().chain(hooks) {
        let path = section.path_of(name);
        let Some(raw) = section.take(name) else { continue };
        let list: Vec<IgnoredAny> = plain(raw.get(), &path, "a list")?;
        if !list.is_empty() {
            return Err(Error::invalid(format!("{path}: guardrails do not exist here yet; leave them out.")).with_param(path));
        }
    }
    Ok(())
}
