//! What a caller can use, and what it can do: `GET /v1/models`, `GET /v1/models/:id`, in OpenAI's shape, Anthropic's
//! (told by its `anthropic-version` header) and Google's (below `/v1beta`).
//!
//! The list is the catalog's, so it asks nobody and is there at once; only who runs there what one likes is asked.

mod gather;
mod page;
mod shape;

use crate::caller::Caller;
use crate::error::{Error, Kind, Result};
use crate::host::Host;
use crate::http::Call;
use crate::policy::holder::Allow;
use crate::providers::{self, Provider};
use crate::settings::Settings;
use crate::target;
use crate::wire::Dialect;
use gather::{Listed, Scope};
use page::Page;
use shape::Writer;

/// So many names are told that come near one that is unknown.
const HINTS: usize = 3;

pub async fn list<H: Host>(
    host: &H,
    settings: &Settings,
    call: &Call,
    caller: &Caller<'_>,
    allow: &Allow,
    dialect: Dialect,
) -> Result<Vec<u8>> {
    let mut models = gather::gather(host, settings, caller, Scope::asked(settings, call, caller)?).await?;
    models.retain(|model| allow.provider(model.provider.slug) && allow.model(model.provider.slug, &model.name));
    let prices = settings.own_prices();
    let writer = Writer { prices: &prices, now: host.now() / 1_000 };
    Ok(match dialect {
        Dialect::Messages => writer.messages(&Page::of_messages(&models, call)?),
        Dialect::Gemini => writer.gemini(&Page::of_gemini(&models, call)?),
        _ => writer.openai(&models),
    })
}

pub async fn one<H: Host>(
    host: &H,
    settings: &Settings,
    call: &Call,
    caller: &Caller<'_>,
    allow: &Allow,
    dialect: Dialect,
    id: &str,
) -> Result<Vec<u8>> {
    let id = id.strip_prefix("models/").unwrap_or(id);
    let (provider, name) = owner(settings, call, caller, id)?;
    let allowed = |provider: &&'static Provider| allow.provider(provider.slug) && allow.model(provider.slug, name);
    let usable = provider.filter(|provider| is_usable(settings, call, caller, provider)).filter(allowed);
    if let Some(provider) = usable {
        let models = gather::gather(host, settings, caller, Scope::one(caller, provider)).await?;
        if let Some(model) = models.iter().find(|model| model.name == name || model.id() == id) {
            let prices = settings.own_prices();
            return Ok(Writer { prices: &prices, now: host.now() / 1_000 }.one(dialect, model));
        }
    }
    let known = gather::listed(settings, &Scope::active(settings));
    Err(unknown(id, provider.filter(|_| usable.is_none()), &known))
}

/// The provider that a request for this model would go to, and the model's name there.
fn owner<'i>(settings: &Settings, call: &Call, caller: &Caller<'_>, id: &'i str) -> Result<(Option<&'static Provider>, &'i str)> {
    if let Some(provider) = Scope::named(call, caller)? {
        let own = providers::split_model(id);
        return Ok((Some(provider), if own.0.is_some_and(|prefix| prefix.slug == provider.slug) { own.1 } else { id }));
    }
    Ok(target::provider_of_model(settings, caller, id).map_or((None, id), |(provider, name)| (Some(provider), name)))
}

/// With a key of this deployment, or with one that the caller brings.
fn is_usable(settings: &Settings, call: &Call, caller: &Caller<'_>, provider: &Provider) -> bool {
    let brought = caller.own_key.is_some() && !matches!(provider.auth, providers::Auth::None);
    settings.is_active(provider) || brought || gather::wants_all(call)
}

fn unknown(id: &str, keyless: Option<&Provider>, known: &[Listed]) -> Error {
    let shown: String = id.chars().take(128).collect();
    let why = match keyless {
        Some(provider) => format!("There is no key for {} here, so `{shown}` cannot be used.", provider.slug),
        None => format!("There is no model `{shown}` here."),
    };
    let mut near: Vec<(usize, String)> = known.iter().filter_map(|model| Some((model.nearness(&shown)?, model.id()))).collect();
    near.sort();
    let near: Vec<String> = near.into_iter().take(HINTS).map(|(_, id)| format!("`{id}`")).collect();
    let hint = if near.is_empty() { String::new() } else { format!(" Near it: {}.", near.join(", ")) };
    Error::caller(Kind::NotFound, format!("{why}{hint} GET /v1/models lists what there is."))
        .with_param("model")
        .with_code("model_not_found")
}
