//! Who calls: which key was shown, which spelling of headers is used, what the headers ask for.

use crate::error::{Error, Result};
use crate::http::{Call, Headers};
use crate::policy::secret;
use crate::providers;
use crate::routing::config::Terms;
use crate::settings::Settings;

#[derive(Clone, Copy, Debug)]
pub struct Caller<'a> {
    headers: &'a Headers,
    /// On which it asks the target at hand.
    pub terms: Option<&'a Terms>,
    /// The provider's own key, brought along for this request.
    pub own_key: Option<&'a str>,
    /// The one that it showed itself, whatever the target's terms put in its place.
    pub brought: Option<&'a str>,
    /// The deployment's own key was shown.
    pub admin: bool,
    /// A caller's key was shown. Whether it is right, its meter knows.
    pub shown: Option<&'a str>,
    /// The caller speaks of `x-portkey-`.
    pub portkey: bool,
}

/// What Portkey's clients show where they were given no key.
const STAND_INS: &[&str] = &["DUMMY-KEY", "OPENAI_API_KEY"];

/// Reads the keys that a call shows. A key of this deployment never counts as a provider's, so it is never sent on.
pub fn of<'a>(call: &'a Call, settings: &'a Settings) -> Caller<'a> {
    let headers = &call.headers;
    let bearer = headers.find("authorization").and_then(|value| match value.split_once(' ') {
        Some((scheme, token)) => scheme.eq_ignore_ascii_case("bearer").then(|| token.trim()),
        // Portkey's client sends the key as it was given.
        None => (!value.eq_ignore_ascii_case("bearer")).then_some(value),
    });
    let gateways = headers.find_own("api-key");
    let shown = [gateways, bearer, headers.find("x-api-key"), headers.find("x-goog-api-key")];
    let ours = |key: &str| settings.var("ADMIN_TOKEN").is_some_and(|token| secret::equal(token.as_bytes(), key.as_bytes()));
    let admin = shown.iter().flatten().any(|key| ours(key));
    let shown = shown.into_iter().flatten().find(|key| !admin && secret::is_ours(key));
    let theirs = [bearer, headers.find("x-api-key"), headers.find("x-goog-api-key"), headers.find("api-key")];
    let providers =
        |key: &&str| !key.is_empty() && !ours(key) && !secret::is_ours(key) && Some(*key) != gateways && !STAND_INS.contains(key);
    let own_key = theirs.into_iter().flatten().find(providers);
    let portkey = headers.iter().any(|(name, _)| name.starts_with("x-portkey-"));
    Caller { headers, terms: None, own_key, brought: own_key, admin, shown, portkey }
}

impl<'a> Caller<'a> {
    /// Whether it has to show a key and has not.
    pub fn is_stranger(&self, settings: &Settings) -> bool {
        settings.require_key() && !self.admin && self.shown.is_none()
    }

    /// The caller, less the key that it brought along.
    #[must_use]
    pub fn keyless(self) -> Self {
        Self { own_key: None, ..self }
    }

    /// The same caller on a target's terms. Its own key is for one provider: where a config names several, each has
    /// its own.
    pub fn under(self, terms: &'a Terms, several: bool) -> Self {
        let meant = terms.provider.is_none() || !several || terms.provider == self.named_provider();
        let own_key = terms.api_key.as_deref().or(self.own_key.filter(|_| meant && !terms.vaulted));
        Self { terms: Some(terms), own_key, ..self }
    }

    /// `x-causeway-NAME` in either spelling; before it what the target's terms say, but for what a caller may change
    /// from call to call.
    pub fn named(&self, name: &str) -> Option<&'a str> {
        let shown = self.headers.find_own(name);
        let vaulted = self.terms.filter(|terms| terms.vaulted);
        match name {
            _ if vaulted.is_some() && providers::leads_elsewhere(name) => {
                let own =
                    vaulted.and_then(|terms| if name == "custom-host" { terms.custom_host.as_ref() } else { terms.settings.get(name) });
                own.map(String::as_str)
            }
            "custom-host" => shown.filter(|_| !self.is_bound()).or_else(|| self.terms?.custom_host.as_deref()),
            "provider" => self.terms.and_then(|terms| terms.provider).or(shown),
            _ => self.terms.and_then(|terms| terms.settings.get(name)).map(String::as_str).or(shown),
        }
    }

    /// The target has a key of its own that is not the caller's: it goes nowhere but where the target says.
    fn is_bound(&self) -> bool {
        let has_key = |terms: &Terms| terms.api_key.is_some() || !terms.settings.is_empty();
        let brought = || self.headers.find_own("config").is_some_and(|config| config.trim_start().starts_with('{'));
        self.terms.is_some_and(has_key) && !brought()
    }

    fn named_provider(&self) -> Option<&'static str> {
        Some(providers::find(self.headers.find_own("provider")?)?.slug)
    }

    /// Headers of the caller that are to be passed on.
    pub fn forwarded(&self) -> impl Iterator<Item = String> {
        let told = self.named("forward-headers").map(|names| names.split(',').map(str::to_owned).collect());
        let names: Vec<String> = told.or_else(|| self.terms?.forward_headers.clone()).unwrap_or_default();
        names.into_iter().map(|name| name.trim().to_ascii_lowercase())
    }

    pub fn spelling(&self) -> &'static str {
        if self.portkey { "portkey" } else { "causeway" }
    }

    /// What cannot be translated is to be refused, not dropped.
    pub fn strict(&self) -> bool {
        let told = self.named("strict").or_else(|| self.named("strict-open-ai-compliance"));
        told.map_or_else(|| self.terms.and_then(|terms| terms.strict).unwrap_or(false), |word| word == "true")
    }

    pub fn timeout_ms(&self) -> Result<Option<u64>> {
        let Some(text) = self.named("request-timeout") else { return Ok(self.terms.and_then(|terms| terms.request_timeout_ms)) };
        match text.parse() {
            Ok(ms) if (1..=3_600_000).contains(&ms) => Ok(Some(ms)),
            _ => Err(Error::invalid("`request-timeout` must be milliseconds, from 1 to 3600000.").with_param("request-timeout")),
        }
    }

    /// The caller's own id of what this call is part of; of a `traceparent` its trace.
    pub fn trace_id(&self) -> Option<&'a str> {
        let trace = || self.headers.find("traceparent").and_then(|parent| parent.split('-').nth(1)).filter(|id| id.len() == 32);
        self.named("trace-id").filter(|id| id.len() <= 256).or_else(trace)
    }
}
