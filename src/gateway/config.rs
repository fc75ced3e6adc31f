//! The config of a request: the caller's own, a saved one, or what the deployment says.

use std::rc::Rc;

use super::life::Life;
use crate::error::{Error, Kind, Result};
use crate::host::{Fault, Host, apart};
use crate::routing::config::Config;
use crate::routing::memory::Memo;
use crate::target;

/// Where saved configs are: `config:SLUG`.
const SAVED: &str = "config:";
/// How long the storage may take.
const PATIENCE_MS: u64 = 2_000;

/// The config of a request: the caller's, else the deployment's, else one that says nothing.
pub async fn of<H: Host>(life: &Life<'_, H>, model: &str) -> Result<Rc<Config>> {
    let memory = &life.settings.memory;
    let member = life.member.as_ref();
    let usual =
        || member.and_then(|member| member.key.default_config.as_deref().or_else(|| member.team.as_ref()?.default_config.as_deref()));
    let named = life.caller.named("config").map(str::trim);
    if let (Some(member), Some(named)) = (member, named)
        && !member.key.allow.config(named)
    {
        let shown: String = named.chars().take(64).collect();
        return Err(Error::caller(Kind::Forbidden, format!("This key may not use the config `{shown}`.")).with_param("config"));
    }
    // Whoever names a provider so wants that one and no other.
    if life.call.headers.find("x-provider").is_some() {
        return Ok(memory.plain());
    }
    match named.or_else(usual).or_else(|| life.settings.var("DEFAULT_CONFIG")).map(str::trim) {
        Some(json) if json.starts_with('{') => match memory.parsed(json) {
            Some(config) => Ok(config),
            None => {
                let config = Rc::new(Config::parse(json)?);
                memory.keep(json, Some(Rc::clone(&config)), life.host.now());
                Ok(config)
            }
        },
        Some(slug) => apart(saved(life, slug)).await,
        None => Ok(stand_ins(life, model).unwrap_or_else(|| memory.plain())),
    }
}

async fn saved<H: Host>(life: &Life<'_, H>, slug: &str) -> Result<Rc<Config>> {
    let known = match life.settings.memory.saved(slug, life.host.now()) {
        Memo::Fresh(config) => config,
        Memo::Stale(config) => read(life, slug).await.or_else(|error| config.map(Some).ok_or(error))?,
    };
    known.ok_or_else(|| {
        let shown: String = slug.chars().take(64).collect();
        let message = format!("There is no config `{shown}`: save one under this slug, or send the config itself as JSON.");
        Error::invalid(message).with_param("config")
    })
}

async fn read<H: Host>(life: &Life<'_, H>, slug: &str) -> Result<Option<Rc<Config>>> {
    let plain = slug.len() <= 128 && slug.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
    // A name that no config can have is not worth asking for.
    let stored = match plain {
        true => life.host.stored(&format!("{SAVED}{slug}"), PATIENCE_MS).await,
        false => Ok(None),
    };
    let stored = match stored {
        Ok(stored) => stored,
        Err(Fault::Abandoned) => return Err(Error::caller(Kind::Abandoned, "The caller left before there was an answer.")),
        Err(_) => return Err(Error::gateway(format!("The config `{slug}` could not be read; try again."))),
    };
    let config = stored.map(|json| Config::parse(&String::from_utf8_lossy(&json)).map(Rc::new)).transpose()?;
    life.settings.memory.keep(slug, config.clone(), life.host.now());
    Ok(config)
}

/// The model and those that stand in for it, where the deployment names any.
fn stand_ins<H: Host>(life: &Life<'_, H>, model: &str) -> Option<Rc<Config>> {
    let mut models = vec![("", model.to_owned())];
    while let Some(other) = models.last().and_then(|(_, last)| life.settings.stand_in(last)) {
        if models.iter().any(|(_, known)| known == other) {
            break;
        }
        let (provider, _) = target::provider_of_model(life.settings, &life.caller, other).ok()?;
        models.push((provider.slug, other.to_owned()));
    }
    (models.len() > 1).then(|| Rc::new(Config::of_models(&models)))
}
