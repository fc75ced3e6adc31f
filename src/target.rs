//! Where a request goes: the provider, the model's name there, the address and the key.

use crate::caller::Caller;
use crate::error::{Error, Kind, Result};
use crate::http::{Call, Headers};
use crate::providers::settings::Settings;
use crate::providers::{self, Auth, Provider, custom_host, sandbox};
use crate::wire::envelope::Envelope;

#[derive(Debug)]
pub struct Target<'a> {
    pub provider: &'static Provider,
    /// The model by the name that the provider knows.
    pub model: String,
    /// The body still holds another name.
    pub renamed: bool,
    pub url: String,
    key: Option<&'a str>,
    caller: Caller<'a>,
}

pub fn choose<'a>(settings: &'a Settings, call: &Call, caller: Caller<'a>, envelope: &Envelope<'_>) -> Result<Target<'a>> {
    refuse_what_is_to_come(&caller)?;
    let asked = envelope.text("model")?.filter(|model| !model.is_empty());
    let asked = asked.ok_or_else(|| Error::invalid("`model` is missing; name one, as `gpt-4o` or `openai/gpt-4o`.").with_param("model"))?;
    let (provider, model) = match named_provider(call, &caller)? {
        Some(provider) => (provider, stripped(provider, &asked)),
        None => provider_of_model(settings, &caller, &asked)?,
    };
    if provider.slug == sandbox::SLUG && !settings.sandbox() {
        return Err(Error::caller(Kind::NotFound, "The sandbox is off here; set SANDBOX=\"true\" to have it answer."));
    }
    let place = place(settings, &caller, provider)?;
    let key = key(settings, &caller, provider, &place)?;
    let query = if provider.dialect == crate::door::tongue(call) { call.query.as_str() } else { "" };
    let url = format!("{}{}{query}", place.base, provider.path);
    Ok(Target { provider, renamed: model != asked, model: model.to_owned(), url, key, caller })
}

/// Where a provider's API begins, and whether whoever runs this deployment said so.
pub struct Place {
    pub base: String,
    trusted: bool,
}

pub fn place(settings: &Settings, caller: &Caller<'_>, provider: &Provider) -> Result<Place> {
    let trusted_hosts = settings.trusted_hosts();
    if let Some(text) = caller.named("custom-host") {
        let base = custom_host::base_url(text, &trusted_hosts)?;
        let trusted = custom_host::is_trusted(&base, &trusted_hosts);
        return Ok(Place { base, trusted });
    }
    let own = provider.host_var.and_then(|name| settings.var(name));
    let base = own.unwrap_or(provider.base).trim_end_matches('/').to_owned();
    if base.is_empty() && provider.slug != sandbox::SLUG {
        let message = format!("`{}` needs to know where to go: send its base URL in `x-causeway-custom-host`.", provider.slug);
        return Err(Error::invalid(message).with_param("custom-host"));
    }
    Ok(Place { base, trusted: true })
}

/// The caller's own key, else the deployment's; that one goes only where the deployment itself points.
pub fn key<'a>(settings: &'a Settings, caller: &Caller<'a>, provider: &Provider, place: &Place) -> Result<Option<&'a str>> {
    if provider.auth == Auth::None {
        return Ok(None);
    }
    if let Some(key) = caller.own_key {
        return Ok(Some(key));
    }
    match settings.key_of(provider) {
        Some(key) if place.trusted => Ok(Some(key)),
        _ if provider.host_var.is_some() => Ok(None),
        _ => {
            let name = provider.keys.first().copied().unwrap_or("its key");
            let message = if place.trusted {
                format!(
                    "There is no key for {}: set {name} for this gateway, or send the provider's key in `Authorization`.",
                    provider.slug
                )
            } else {
                "A custom host gets no key of this gateway: send its key in `Authorization`, or add the host to TRUSTED_CUSTOM_HOSTS."
                    .to_owned()
            };
            Err(Error::caller(Kind::Unauthenticated, message).with_code("invalid_api_key"))
        }
    }
}

fn refuse_what_is_to_come(caller: &Caller<'_>) -> Result<()> {
    for name in ["config", "virtual-key"] {
        if caller.named(name).is_some() {
            let message = format!("`x-{}-{name}` is not served yet; name a provider in `x-{0}-provider` instead.", caller.spelling());
            return Err(Error::invalid(message).with_param(name));
        }
    }
    Ok(())
}

/// The provider that a header names.
pub fn named_provider(call: &Call, caller: &Caller<'_>) -> Result<Option<&'static Provider>> {
    let Some(slug) = caller.named("provider").or_else(|| call.headers.find("x-provider")) else { return Ok(None) };
    let unknown = || {
        let hint = providers::nearest(slug).map(|known| format!(" Did you mean `{known}`?")).unwrap_or_default();
        let shown: String = slug.chars().take(64).collect();
        Error::invalid(format!("There is no provider `{shown}`.{hint}")).with_param("provider")
    };
    providers::find(slug).map(Some).ok_or_else(unknown)
}

/// A model named `provider/model`, or one whose maker is known, or else the first active provider's.
fn provider_of_model<'m>(settings: &Settings, caller: &Caller<'_>, asked: &'m str) -> Result<(&'static Provider, &'m str)> {
    let (prefix, model) = providers::split_model(asked);
    if let Some(provider) = prefix {
        return Ok((provider, model));
    }
    let reachable = |provider: &&'static Provider| caller.own_key.is_some() || settings.is_active(provider);
    let owner = providers::owner_of(asked).and_then(providers::find).filter(reachable);
    let first = || settings.active().into_iter().find(|provider| provider.slug != sandbox::SLUG);
    owner.or_else(first).map(|provider| (provider, asked)).ok_or_else(|| {
        let message = format!(
            "No provider is known for `{asked}`: write it as `provider/model`, name a provider in `x-causeway-provider`, or set a provider's key (as OPENAI_API_KEY) for this gateway."
        );
        Error::invalid(message).with_param("model")
    })
}

/// The model less the provider's slug, unless its own models have such a prefix.
fn stripped<'m>(provider: &Provider, asked: &'m str) -> &'m str {
    match providers::split_model(asked) {
        (Some(prefix), model) if prefix.slug == provider.slug && !provider.quirks.slashed_models => model,
        _ => asked,
    }
}

impl Target<'_> {
    /// What is sent along: the key, the vendor's own headers of the caller, and what it asks to forward.
    pub fn headers(&self, call: &Call) -> Headers {
        let mut headers = request_headers(self.provider, self.key);
        headers.add("content-type", "application/json");
        let provider = self.provider;
        for name in provider.vendor_headers {
            let fixed = || provider.fixed_headers.iter().find(|(fixed, _)| fixed == name).map(|(_, value)| *value);
            if let Some(value) = self.caller.named(name).or_else(|| call.headers.find(name)).or_else(fixed) {
                headers.add(name, value);
            }
        }
        let forwarded = self.caller.named("forward-headers").unwrap_or_default().split(',');
        for name in forwarded.map(|name| name.trim().to_ascii_lowercase()) {
            if may_be_forwarded(&name)
                && headers.find(&name).is_none()
                && let Some(value) = call.headers.find(&name)
            {
                headers.add(&name, value);
            }
        }
        headers
    }
}

/// The key and what every request carries.
pub fn request_headers(provider: &Provider, key: Option<&str>) -> Headers {
    let mut headers = Headers::default();
    match (provider.auth, key) {
        (Auth::Bearer, Some(key)) => headers.add("authorization", &format!("Bearer {key}")),
        (Auth::Header(name), Some(key)) => headers.add(name, key),
        _ => {}
    }
    headers.add("accept-encoding", "identity");
    headers.add("user-agent", concat!("causeway/", env!("CARGO_PKG_VERSION")));
    headers
}

/// Not what is ours, what holds a key, or what belongs to the connection.
fn may_be_forwarded(name: &str) -> bool {
    const NEVER: &[&str] = &[
        "authorization",
        "x-api-key",
        "x-goog-api-key",
        "api-key",
        "cookie",
        "host",
        "content-length",
        "content-type",
        "connection",
        "transfer-encoding",
        "upgrade",
        "te",
        "trailer",
        "keep-alive",
        "accept-encoding",
    ];
    !name.is_empty()
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
        && !name.starts_with("x-causeway-")
        && !name.starts_with("x-portkey-")
        && !name.starts_with("proxy-")
        && !name.starts_with("cf-")
        && !NEVER.contains(&name)
}
