//! The credential of the vault with which a target is asked: the one that is named, or the first that there is where
//! the deployment has no other key.

use std::collections::BTreeMap;
use std::rc::Rc;

use super::life::Life;
use super::route::Asked;
use crate::error::{Error, Kind, Result};
use crate::host::{Host, Note, Verb};
use crate::policy::holder::{Credential, lists_model};
use crate::prices;
use crate::providers;
use crate::routing::config::Terms;
use crate::target;
use crate::wire::lean;

/// Where the list of them is.
pub const KEY: &str = "credentials";
/// How long a meter may take.
pub const PATIENCE_MS: u64 = 5_000;

/// The terms on which a target is asked, if its key is the vault's.
pub async fn terms<H: Host>(life: &Life<'_, H>, asked: &Asked<'_>, leaf: &Terms, several: bool) -> Result<Option<Terms>> {
    let own_model = leaf.model();
    let model = own_model.as_deref().unwrap_or(&asked.model);
    let credential = match named(life, leaf, model) {
        Some(slug) => found(life, slug).await?,
        None => match first(life, leaf, model, several)? {
            Some(credential) => credential,
            None => return Ok(None),
        },
    };
    permitted(life, &credential)?;
    if !credential.rules.budgets.is_empty() && life.settings.prices_due(life.host.now()) {
        prices::read(life.host, life.settings, PATIENCE_MS).await;
    }
    let vault = life.settings.vault();
    let secret = life.settings.roster.opened(&credential, || vault.open(&credential.slug, &credential.secret));
    let secret = secret.ok_or_else(|| {
        Error::gateway(format!("The credential `{}` cannot be opened: MASTER_KEY is not the one it was sealed under.", credential.slug))
    })?;
    Ok(Some(with(leaf, &credential, &secret)))
}

/// The slug that the config, the model's prefix or a header names.
fn named<'n, H: Host>(life: &Life<'n, H>, leaf: &'n Terms, model: &'n str) -> Option<&'n str> {
    if leaf.api_key.is_some() {
        return None;
    }
    let header = || {
        let provider = || life.caller.named("provider").or_else(|| life.call.headers.find("x-provider"));
        let virtual_key = life.caller.named("virtual-key").map(|slug| slug.trim_start_matches('@'));
        virtual_key.or_else(|| provider()?.strip_prefix('@')).filter(|_| leaf.provider.is_none())
    };
    leaf.credential.as_deref().or_else(|| providers::split_credential(model).map(|(slug, _)| slug)).or_else(header)
}

/// One that was made a moment ago may not be in the list yet: its meter knows it.
async fn found<H: Host>(life: &Life<'_, H>, slug: &str) -> Result<Rc<Credential>> {
    let roster = &life.settings.roster;
    if let Some(credential) = roster.credential(slug) {
        return Ok(credential);
    }
    let plain = slug.len() <= 64 && slug.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
    if plain && life.settings.vault().is_open() {
        let note = Note { meter: format!("credential:{slug}"), verb: Verb::Recall, body: String::new() };
        let told = life.host.ask_meters(&[note], PATIENCE_MS).await;
        if let Some(credential) = told.first().and_then(|told| Credential::parse(told).ok()) {
            roster.keep_credential(credential);
        }
    }
    roster.credential(slug).ok_or_else(|| {
        let shown: String = slug.chars().take(64).collect();
        let message = format!("There is no credential `{shown}` in the vault: check the slug, or make it with POST /admin/v1/credentials.");
        Error::invalid(message).with_param("virtual-key")
    })
}

/// Of those of the target's provider the first that serves the model, where there is no other key for it.
fn first<H: Host>(life: &Life<'_, H>, leaf: &Terms, model: &str, several: bool) -> Result<Option<Rc<Credential>>> {
    let (settings, roster) = (life.settings, &life.settings.roster);
    let listed = life.member.as_ref().and_then(|member| member.key.allow.credentials.as_ref());
    if leaf.api_key.is_some() || life.caller.under(leaf, several).own_key.is_some() || (listed.is_none() && !roster.has_credentials()) {
        return Ok(None);
    }
    let named = || target::named_provider(life.call, &life.caller).ok().flatten();
    let provider = match leaf.provider.and_then(providers::find).or_else(named) {
        Some(provider) => provider,
        None => match target::provider_of_model(settings, &life.caller, model) {
            Ok((provider, _)) => provider,
            Err(_) => return Ok(None),
        },
    };
    if listed.is_none() && settings.has_key(provider) {
        return Ok(None);
    }
    let (_, bare) = providers::split_model(model);
    let allowed = |credential: &&Rc<Credential>| listed.is_none_or(|slugs| slugs.contains(&credential.slug));
    let serves = |credential: &&Rc<Credential>| {
        credential.provider.slug == provider.slug && lists_model(credential.models.as_ref(), provider.slug, bare)
    };
    let credential = roster.credentials().iter().filter(allowed).find(serves).cloned();
    if credential.is_none() && listed.is_some() && !matches!(provider.auth, providers::Auth::None) {
        let message = format!("None of the credentials that this key may use is for {}.", provider.slug);
        return Err(Error::caller(Kind::Forbidden, message));
    }
    Ok(credential)
}

fn permitted<H: Host>(life: &Life<'_, H>, credential: &Credential) -> Result<()> {
    match &life.member {
        Some(member) if !member.key.allow.credential(&credential.slug) => {
            Err(Error::caller(Kind::Forbidden, format!("This key may not use the credential `{}`.", credential.slug)))
        }
        _ => Ok(()),
    }
}

/// The target's terms with the credential's key in place of any other. It goes where the credential says, and nowhere
/// that the caller or the config does.
fn with(leaf: &Terms, credential: &Credential, secret: &str) -> Terms {
    let mut terms = leaf.clone();
    terms.settings.retain(|name, _| credential.provider.vendor_headers.contains(&name.as_str()));
    terms.settings.extend(credential.settings.iter().map(|(name, value)| (name.clone(), value.clone())));
    terms.custom_host = terms.settings.remove("custom-host");
    terms.provider = Some(credential.provider.slug);
    terms.credential = Some(credential.slug.clone());
    terms.vaulted = true;
    terms.api_key = None;
    match lean::from_str::<BTreeMap<String, serde_json::Value>>(secret) {
        Ok(fields) if fields.contains_key("private_key") => {
            terms.settings.insert("vertex-service-account-json".to_owned(), secret.to_owned());
        }
        Ok(fields) => {
            for (name, value) in fields {
                let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                match name.as_str() {
                    "api_key" | "key" | "token" => terms.api_key = Some(value),
                    "access_key_id" | "secret_access_key" | "session_token" | "region" => {
                        terms.settings.insert(format!("aws-{}", name.replace('_', "-")), value);
                    }
                    _ => {
                        terms.settings.insert(name.replace('_', "-"), value);
                    }
                }
            }
        }
        Err(_) => terms.api_key = Some(secret.to_owned()),
    }
    terms
}
