//! Where a request goes: the provider, the model's name there, the address and the key.

use crate::caller::Caller;
use crate::catalog;
use crate::error::{Error, Kind, Result};
use crate::http::{Call, Headers, Method};
use crate::ir::Losses;
use crate::policy::secret;
use crate::providers::auth::google_jwt::{self, ServiceAccount};
use crate::providers::auth::sigv4;
use crate::providers::service::{Errand, Service};
use crate::providers::{self, Auth, Home, Provider, custom_host, sandbox, words};
use crate::settings::Settings;
use crate::spelling;
use crate::wire::Dialect;
use crate::wire::envelope::Envelope;

#[derive(Clone, Debug)]
pub struct Target<'a> {
    pub provider: &'static Provider,
    pub service: &'static Service,
    /// In which its body is written.
    pub dialect: Dialect,
    /// The model by the name that the provider knows.
    pub model: String,
    /// The body still holds another name.
    pub renamed: bool,
    /// Whose token lets the request in.
    pub account: Option<ServiceAccount>,
    base: String,
    query: String,
    credential: Credential<'a>,
    caller: Caller<'a>,
    settings: &'a Settings,
}

/// What is asked of a model.
#[derive(Clone, Copy, Debug)]
pub enum Wish {
    /// A conversation, by a caller of this dialect.
    Talk(Dialect),
    Errand(Errand),
}

/// What lets a request in at the provider.
#[derive(Clone, Copy, Debug)]
pub enum Credential<'a> {
    None,
    Key(&'a str),
    Aws {
        access_key: &'a str,
        secret_key: &'a str,
        session_token: Option<&'a str>,
    },
    /// A service account, whose token is fetched.
    Account(&'a str),
}

pub fn choose<'a>(settings: &'a Settings, call: &Call, caller: Caller<'a>, wish: Wish, asked: &str) -> Result<Target<'a>> {
    let (provider, model) = match named_provider(call, &caller)? {
        Some(provider) => (provider, stripped(provider, asked)),
        None => provider_of_model(settings, &caller, asked)?,
    };
    if provider.slug == sandbox::SLUG && !settings.sandbox() {
        return Err(Error::caller(Kind::NotFound, "The sandbox is off here; set SANDBOX=\"true\" to have it answer."));
    }
    let place = place(settings, &caller, provider)?;
    let credential = credential(settings, &caller, provider, &place)?;
    let account = account(settings, credential)?;
    let known = |name: &str| word(settings, &caller, name).is_some();
    let (service, dialect) = match wish {
        Wish::Talk(dialect) => provider.talk(dialect, model, known).ok_or_else(|| unserved(provider, "conversations"))?,
        Wish::Errand(errand) => {
            let service = provider.errand(errand, model, known).ok_or_else(|| unserved(provider, errand.noun()))?;
            (service, Dialect::Chat)
        }
    };
    let same = matches!(wish, Wish::Talk(own) if own == dialect) || matches!(wish, Wish::Errand(_));
    let query = if same { passed_query(&call.query) } else { String::new() };
    let (renamed, model) = (model != asked, model.to_owned());
    Ok(Target { provider, service, dialect, model, renamed, account, base: place.base, query, credential, caller, settings })
}

/// The service account, where that is what lets a request in.
pub fn account(settings: &Settings, credential: Credential<'_>) -> Result<Option<ServiceAccount>> {
    let Credential::Account(json) = credential else { return Ok(None) };
    ServiceAccount::parse(json, &settings.trusted_hosts()).map(Some)
}

fn unserved(provider: &Provider, what: &str) -> Error {
    let serves = providers::all().iter().filter(|known| known.services.iter().any(|service| service.serves.noun() == what));
    let names = serves.map(|known| known.slug).take(12).collect::<Vec<_>>().join(", ");
    let message = format!("{} serves no {what} here; these do: {names}.", provider.slug);
    Error::invalid(message).with_param("model")
}

/// What of the caller's query goes along: not its key, nor what the path says itself.
pub fn passed_query(query: &str) -> String {
    let fields = query.trim_start_matches('?').split('&');
    let passes = |field: &&str| !field.is_empty() && !matches!(field.split('=').next(), Some("key" | "alt" | "$alt" | "api-version"));
    fields.filter(passes).collect::<Vec<_>>().join("&")
}

/// A word of an address: as the caller says, else as the deployment does.
fn word(settings: &Settings, caller: &Caller<'_>, name: &str) -> Option<String> {
    let value = caller.named(name).or_else(|| settings.word(name))?;
    // A version that says that there is none.
    (!(name == "azure-api-version" && matches!(value, "v1" | "preview" | "latest"))).then(|| value.to_owned())
}

/// Where a provider's API begins, and whether whoever runs this deployment said so.
pub struct Place {
    pub base: String,
    trusted: bool,
}

pub fn place(settings: &Settings, caller: &Caller<'_>, provider: &Provider) -> Result<Place> {
    let trusted_hosts = settings.trusted_hosts();
    let (var, header, end) = match provider.home {
        Home::Own => (None, None, ""),
        Home::Yours(var) => (Some(var), None, ""),
        Home::Tenant { var, header, end } => (Some(var), Some(header), end),
    };
    let ended = |base: String| if base.ends_with(end) { base } else { base + end };
    let tenant = header.and_then(|header| caller.named(header)).map(|text| (text, end));
    if let Some((text, end)) = caller.named("custom-host").map(|text| (text, "")).or(tenant) {
        let base = custom_host::base_url(text, &trusted_hosts)?;
        let trusted = custom_host::is_trusted(&base, &trusted_hosts);
        let base = if end.is_empty() { base } else { ended(base) };
        return Ok(Place { base, trusted });
    }
    if let Some(base) = var.and_then(|name| settings.var(name)) {
        return Ok(Place { base: ended(base.trim_end_matches('/').to_owned()), trusted: true });
    }
    if provider.base.is_empty() && provider.slug != sandbox::SLUG {
        let message = format!("`{}` needs to know where to go: send its base URL in `x-causeway-custom-host`.", provider.slug);
        return Err(Error::invalid(message).with_param("custom-host"));
    }
    let base = words::fill(provider.base, "", |name| word(settings, caller, name))?;
    // Where the caller says at whose door it is, the deployment's own key stays at home.
    let strays = words::names(provider.base).any(|name| providers::leads_elsewhere(name) && caller.named(name).is_some());
    Ok(Place { base, trusted: !strays })
}

/// The caller's own key, else the deployment's; that one goes only where the deployment itself points.
pub fn credential<'a>(settings: &'a Settings, caller: &Caller<'a>, provider: &Provider, place: &Place) -> Result<Credential<'a>> {
    let brought = match provider.auth {
        Auth::None => return Ok(Credential::None),
        Auth::Aws(_) => aws(|name| caller.named(name)),
        Auth::Google => caller.named("vertex-service-account-json").map(Credential::Account),
        Auth::Bearer | Auth::Header(_) => None,
    };
    if let Some(credential) = brought.or(caller.own_key.map(Credential::Key)) {
        return Ok(credential);
    }
    let own = || match (provider.auth, settings.key_of(provider)) {
        (Auth::Google, Some(account)) => Some(Credential::Account(account)),
        (_, Some(key)) => Some(Credential::Key(key)),
        (Auth::Aws(_), None) => aws(|name| settings.var(&name.replace('-', "_").to_ascii_uppercase())),
        (_, None) => None,
    };
    match own().filter(|_| place.trusted) {
        Some(credential) => Ok(credential),
        None if matches!(provider.home, Home::Yours(_)) => Ok(Credential::None),
        None => Err(no_key(provider, place)),
    }
}

fn aws<'a>(find: impl Fn(&str) -> Option<&'a str>) -> Option<Credential<'a>> {
    let (access_key, secret_key) = (find("aws-access-key-id")?, find("aws-secret-access-key")?);
    Some(Credential::Aws { access_key, secret_key, session_token: find("aws-session-token") })
}

fn no_key(provider: &Provider, place: &Place) -> Error {
    let name = provider.keys.first().copied().unwrap_or("its key");
    let message = if place.trusted {
        format!("There is no key for {}: set {name} for this gateway, or send the provider's key in `Authorization`.", provider.slug)
    } else {
        "A custom host gets no key of this gateway: send its key in `Authorization`, or add the host to TRUSTED_CUSTOM_HOSTS.".to_owned()
    };
    Error::caller(Kind::Unauthenticated, message).with_code("invalid_api_key")
}

/// The provider that a header names.
pub fn named_provider(call: &Call, caller: &Caller<'_>) -> Result<Option<&'static Provider>> {
    caller.named("provider").or_else(|| call.headers.find("x-provider")).map(provider).transpose()
}

/// The provider of this name.
pub fn provider(slug: &str) -> Result<&'static Provider> {
    let unknown = || {
        let hint = spelling::hint(slug, providers::all().iter().map(|provider| provider.slug));
        let shown: String = slug.chars().take(64).collect();
        Error::invalid(format!("There is no provider `{shown}`.{hint}")).with_param("provider")
    };
    providers::find(slug).ok_or_else(unknown)
}

/// The provider of a model that is named `provider/model`; else one that has a model of this name, else the first
/// active one, else its maker, for which there is no key, so that the caller hears of that.
pub fn provider_of_model<'m>(settings: &Settings, caller: &Caller<'_>, asked: &'m str) -> Result<(&'static Provider, &'m str)> {
    let (prefix, model) = providers::split_model(asked);
    if let Some(provider) = prefix {
        return Ok((provider, model));
    }
    let first = || settings.active().into_iter().find(|provider| provider.slug != sandbox::SLUG);
    let maker = || providers::owner_of(asked).and_then(providers::find);
    having(settings, caller, asked).or_else(first).or_else(maker).map(|provider| (provider, asked)).ok_or_else(|| {
        let message = format!(
            "No provider is known for `{asked}`: write it as `provider/model`, name a provider in `x-causeway-provider`, or set a provider's key (as OPENAI_API_KEY) for this gateway."
        );
        Error::invalid(message).with_param("model")
    })
}

/// Who has a model of this name. A caller with a key of its own is most likely the customer of the model's maker;
/// else the deployment's preference counts, and the maker comes before those who resell it.
fn having(settings: &Settings, caller: &Caller<'_>, model: &str) -> Option<&'static Provider> {
    let maker = providers::owner_of(model).and_then(providers::find);
    if caller.own_key.is_some() && maker.is_some() {
        return maker;
    }
    let reachable =
        |provider: &&'static Provider| settings.is_active(provider) || caller.own_key.is_some() && !matches!(provider.auth, Auth::None);
    let listed: Vec<&str> = catalog::find_any(model).map(|model| model.provider).collect();
    let lists = |provider: &&'static Provider| listed.contains(&provider.slug);
    let preferred = || settings.preferred().filter(reachable).find(lists);
    let maker = || maker.filter(reachable);
    let any = || providers::all().iter().filter(reachable).find(lists);
    // A name of which the catalog knows another version.
    let near = || settings.active().into_iter().find(|provider| catalog::find(provider.slug, model).is_some());
    preferred().or_else(maker).or_else(any).or_else(near)
}

/// The model less the slugs of its credential and its provider, unless the provider's own models have such a prefix.
fn stripped<'m>(provider: &Provider, asked: &'m str) -> &'m str {
    let asked = providers::split_credential(asked).map_or(asked, |(_, model)| model);
    match providers::split_model(asked) {
        (Some(prefix), model) if prefix.slug == provider.slug && !provider.quirks.slashed_models => model,
        _ => asked,
    }
}

impl Target<'_> {
    /// Whether a body in the service's dialect can go there as it is.
    pub fn is_fitted(&self) -> bool {
        !matches!(self.dialect, Dialect::Chat | Dialect::Responses) && !self.service.names_model() && self.service.fields.is_empty()
    }

    /// Makes a body in the service's dialect fit this provider, naming what is lost by it.
    /// `own` says that it is the caller's own body.
    pub fn fit(&self, envelope: &mut Envelope<'_>, own: bool, losses: &mut Losses) -> Result<()> {
        match self.dialect {
            Dialect::Chat => self.provider.bend(envelope, &self.model, own, losses)?,
            Dialect::Responses => self.provider.bend_responses(envelope, losses),
            _ => {}
        }
        if self.service.names_model() {
            envelope.remove("model");
        }
        for (name, value) in self.service.fields {
            envelope.set(name, (*value).to_owned());
        }
        Ok(())
    }

    /// Where a request for a whole answer or a stream goes.
    pub fn url(&self, stream: bool) -> Result<String> {
        let path = self.service.stream.filter(|_| stream).unwrap_or(self.service.path);
        let path = words::fill(path, &self.model, |name| word(self.settings, &self.caller, name).or_else(|| self.in_account(name)))?;
        let mark = if path.contains('?') { "&" } else { "?" };
        let mark = if self.query.is_empty() { "" } else { mark };
        Ok(format!("{}{mark}{}", self.placed(&path), self.query))
    }

    /// At the base; what has a host of its own is there, unless the caller named another.
    fn placed(&self, path: &str) -> String {
        let Some((_, rest)) = path.split_once("://") else { return format!("{}{path}", self.base) };
        if self.base == self.provider.base {
            return path.to_owned();
        }
        let local = rest.find('/').map_or("", |at| rest.split_at(at).1);
        format!("{}{local}", self.base)
    }

    /// A word that only the account knows.
    fn in_account(&self, name: &str) -> Option<String> {
        self.account.as_ref().filter(|_| name == google_jwt::PROJECT)?.project_id.clone()
    }

    /// What is sent along: the key, the vendor's own headers of the caller, and what it asks to forward.
    pub fn headers(&self, call: &Call) -> Headers {
        let mut headers = request_headers(self.provider, self.credential);
        let provider = self.provider;
        for name in provider.vendor_headers {
            let fixed = || provider.fixed_headers.iter().find(|(fixed, _)| fixed == name).map(|(_, value)| *value);
            if let Some(value) = self.caller.named(name).or_else(|| call.headers.find(name)).or_else(fixed) {
                headers.add(name, value);
            }
        }
        for name in self.caller.forwarded() {
            if may_be_forwarded(&name)
                && headers.find(&name).is_none()
                && let Some(value) = call.headers.find(&name)
            {
                headers.add(&name, value);
            }
        }
        headers
    }

    /// An address that the provider's answer names, if the key may go there: one at the host that was asked, or, since
    /// whoever stands in between passes answers on as they are, the same one there.
    pub fn own_address(&self, url: &str) -> Option<String> {
        let origin = self.base.match_indices('/').nth(2).and_then(|(at, _)| self.base.get(..at)).unwrap_or(&self.base);
        let below = |start: &str| url.strip_prefix(start).filter(|rest| rest.starts_with('/'));
        match below(origin) {
            Some(_) => Some(url.to_owned()),
            None => below(self.provider.base).map(|rest| format!("{}{rest}", self.base)),
        }
    }

    /// What lets a request in, where that is no header.
    pub fn credential_words(&self) -> [&str; 3] {
        match self.credential {
            Credential::None | Credential::Key(_) => [""; 3],
            Credential::Aws { access_key, secret_key, session_token } => [access_key, secret_key, session_token.unwrap_or_default()],
            Credential::Account(json) => [json, "", ""],
        }
    }

    /// A body less the secrets that were sent with the request, should the other side have sent them back.
    pub fn concealed(&self, body: Vec<u8>) -> Vec<u8> {
        concealed(self.credential, body)
    }

    /// The key and nothing of the caller's.
    pub fn key_headers(&self) -> Headers {
        request_headers(self.provider, self.credential)
    }

    /// Signs what is about to be sent, where that is what lets it in.
    pub fn sign(&self, headers: &mut Headers, url: &str, body: &[u8], now_ms: u64) {
        let Self { settings, caller, provider, credential, .. } = self;
        sign(settings, caller, provider, *credential, Method::Post, headers, url, body, now_ms);
    }

    /// Where the tokens of a conversation in this dialect are counted.
    pub fn counting(&self, dialect: Dialect) -> Option<Target<'_>> {
        let service = self.provider.counter(dialect, &self.model)?;
        Some(Target { service, dialect, ..self.clone() })
    }
}

/// Signs what is about to be sent, where that is what lets it in.
#[expect(clippy::too_many_arguments, reason = "all of it is signed")]
pub fn sign(
    settings: &Settings,
    caller: &Caller<'_>,
    provider: &Provider,
    credential: Credential<'_>,
    method: Method,
    headers: &mut Headers,
    url: &str,
    body: &[u8],
    now_ms: u64,
) {
    let (Auth::Aws(service), Credential::Aws { access_key, secret_key, session_token }) = (provider.auth, credential) else { return };
    let region = word(settings, caller, "aws-region").unwrap_or_else(|| "us-east-1".to_owned());
    let (host, local) = url.split_once("://").map_or(("", url), |(_, rest)| rest.split_at(rest.find('/').unwrap_or(rest.len())));
    let (path, query) = local.split_once('?').unwrap_or((local, ""));
    let signer = sigv4::Signer { access_key, secret_key, session_token, region: &region, service };
    let message = sigv4::Message { method: method.word(), path, query, headers: &[("host", host)], body };
    for (name, value) in sigv4::sign(&signer, &message, now_ms / 1_000) {
        headers.add(name, &value);
    }
}

/// The caller's headers that go along when all passes: not the gateway's, nor keys, nor the connection's.
pub fn pass_headers(call: &Call, provider: &Provider, headers: &mut Headers) {
    for (name, value) in call.headers.iter() {
        if (may_be_forwarded(name) || name == "content-type") && headers.find(name).is_none() && !is_of_another(name, provider) {
            headers.add(name, value);
        }
    }
    for (name, value) in provider.fixed_headers {
        if headers.find(name).is_none() {
            headers.add(name, value);
        }
    }
}

/// A vendor's header that is not this vendor's.
fn is_of_another(name: &str, provider: &Provider) -> bool {
    !provider.vendor_headers.contains(&name) && providers::all().iter().any(|other| other.vendor_headers.contains(&name))
}

/// A failure's body less the secrets that let the request in.
pub fn concealed(credential: Credential<'_>, body: Vec<u8>) -> Vec<u8> {
    let secrets = match credential {
        Credential::None | Credential::Account(_) => ["", ""],
        Credential::Key(key) => [key, ""],
        Credential::Aws { secret_key, session_token, .. } => [secret_key, session_token.unwrap_or_default()],
    };
    let Ok(text) = std::str::from_utf8(&body) else { return body };
    let told = secrets.into_iter().filter(|secret| secret.len() >= SHORTEST_SECRET && text.contains(*secret));
    let hide = |text: String, secret: &str| text.replace(secret, &secret::hint(secret));
    told.fold(None, |hidden, secret| Some(hide(hidden.unwrap_or_else(|| text.to_owned()), secret))).map_or(body, String::into_bytes)
}

/// A shorter one is found in what has nothing to do with it.
const SHORTEST_SECRET: usize = 8;

/// The key and what every request carries.
pub fn request_headers(provider: &Provider, credential: Credential<'_>) -> Headers {
    let mut headers = Headers::default();
    match (provider.auth, credential) {
        // A JSON Web Token is no key, wherever keys have a header of their own.
        (Auth::Header(name), Credential::Key(key)) if !key.starts_with("eyJ") => headers.add(name, key),
        (_, Credential::Key(key)) => headers.add("authorization", &format!("Bearer {key}")),
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
