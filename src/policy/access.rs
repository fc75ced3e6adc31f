//! Cloudflare Access: <https://developers.cloudflare.com/cloudflare-one/access-controls/applications/http-apps/authorization-cookie/validating-json/>
//!
//! Whoever comes through Access brings a statement (a JWT, RS256) that Cloudflare has signed for this application.
//!
//! ```text
//! Team::of(vars) -> Statement::read(header) -> Keys::find(kid), else they are fetched -> [the host verifies]
//!   -> Statement::person(team, now)
//! ```
//!
//! Only the header counts, never the cookie of the same statement: a browser sends that for whichever page asks.

use std::collections::HashMap;

use serde::Deserialize;
use serde_json::Value;

use crate::providers::custom_host;
use crate::wire::{base64, json};

pub const HEADER: &str = "cf-access-jwt-assertion";

const DOMAIN: &str = "cloudflareaccess.com";
const LONGEST: usize = 16 << 10;
/// By which clocks may differ.
const LEEWAY_S: f64 = 60.0;
/// Keys are good for so long.
const FRESH_MS: u64 = 3_600_000;
/// Asked for again at most so often.
const PAUSE_MS: u64 = 60_000;
/// Shorter keys than this nobody signs with.
const SHORTEST_KEY: usize = 256;
const MOST_KEYS: usize = 16;

/// Whose Access it is, and for which application its statements are.
#[derive(Debug)]
pub struct Team<'v> {
    /// `https://TEAM.cloudflareaccess.com`.
    pub origin: String,
    audiences: Vec<&'v str>,
}

impl<'v> Team<'v> {
    /// The team by its name, its domain or its address; none where that is not Cloudflare's or a trusted host.
    pub fn of(domain: &str, audiences: Vec<&'v str>, trusted_hosts: &[&str]) -> Option<Self> {
        let domain = domain.trim_end_matches('/');
        let origin = match (domain.contains("://"), domain.contains('.')) {
            (true, _) => domain.to_owned(),
            (false, true) => format!("https://{domain}"),
            (false, false) => format!("https://{domain}.{DOMAIN}"),
        };
        let bare = origin.split("://").nth(1).is_some_and(|host| !host.contains('/'));
        let own = custom_host::is_within(&origin, DOMAIN) || custom_host::is_trusted_url(&origin, trusted_hosts);
        (bare && own && !audiences.is_empty()).then_some(Self { origin, audiences })
    }

    /// Where its keys are.
    pub fn certificates(&self) -> String {
        format!("{}/cdn-cgi/access/certs", self.origin)
    }
}

/// Who somebody is, by their identity provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// In small letters.
    pub email: String,
    pub groups: Vec<String>,
}

/// Whether they are on a list of addresses, `@domain`s and `group:NAME`s.
impl Person {
    pub fn is_on(&self, list: &[&str]) -> bool {
        list.iter().any(|entry| match (entry.strip_prefix("group:"), entry.strip_prefix('@')) {
            (Some(""), _) | (_, Some("")) => false,
            (Some(group), _) => self.groups.iter().any(|own| own == group),
            (None, Some(domain)) => self.email.rsplit_once('@').is_some_and(|(_, own)| own.eq_ignore_ascii_case(domain)),
            (None, None) => self.email.eq_ignore_ascii_case(entry),
        })
    }
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: String,
}

#[derive(Deserialize)]
struct Claims {
    aud: Value,
    iss: String,
    exp: f64,
    nbf: Option<f64>,
    iat: Option<f64>,
    #[serde(default)]
    email: String,
    #[serde(default)]
    groups: Value,
    #[serde(default)]
    custom: Value,
}

/// A statement that nobody has verified yet.
pub struct Statement<'t> {
    /// Which key is to have signed it.
    pub kid: String,
    pub signed: &'t str,
    pub signature: Vec<u8>,
    claims: &'t str,
}

type Wrong = &'static str;

impl<'t> Statement<'t> {
    pub fn read(text: &'t str) -> Result<Self, Wrong> {
        const SHAPE: Wrong = "it is no statement of Access";
        let (signed, signature) = text.rsplit_once('.').filter(|_| text.len() <= LONGEST).ok_or(SHAPE)?;
        let (header, claims) = signed.split_once('.').filter(|(_, claims)| !claims.contains('.')).ok_or(SHAPE)?;
        let header: Header = decoded(header).ok_or(SHAPE)?;
        if header.alg != "RS256" {
            return Err("it is not signed with RS256");
        }
        let signature = base64::decode(signature).filter(|bytes| !bytes.is_empty()).ok_or("it is not signed")?;
        Ok(Self { kid: header.kid, signed, signature, claims })
    }

    /// Whom it speaks of, once it is verified.
    #[expect(clippy::cast_precision_loss, reason = "seconds since 1970")]
    pub fn person(&self, team: &Team<'_>, now_ms: u64) -> Result<Person, Wrong> {
        let claims: Claims = decoded(self.claims).ok_or("its claims cannot be read")?;
        let now = (now_ms / 1_000) as f64;
        let listed = texts(&claims.aud);
        match () {
            () if claims.iss != team.origin => Err("another team has issued it"),
            () if !listed.iter().any(|own| team.audiences.contains(&own.as_str())) => Err("it is for another application"),
            () if claims.exp + LEEWAY_S <= now => Err("it has expired"),
            () if claims.nbf.is_some_and(|from| from - LEEWAY_S > now) => Err("it is not valid yet"),
            () if claims.iat.is_some_and(|issued| issued - LEEWAY_S > now) => Err("it was issued in the future"),
            () if !claims.email.contains('@') => Err("it names nobody's e-mail address"),
            () => {
                let custom = claims.custom.get("groups").map(texts).unwrap_or_default();
                let groups = texts(&claims.groups).into_iter().chain(custom).collect();
                Ok(Person { email: claims.email.to_ascii_lowercase(), groups })
            }
        }
    }
}

fn decoded<T: for<'d> Deserialize<'d>>(part: &str) -> Option<T> {
    json::read(&base64::decode(part)?).ok()
}

/// One text, or a list of them.
fn texts(value: &Value) -> Vec<String> {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    value.as_array().map_or_else(|| text(value).into_iter().collect(), |list| list.iter().filter_map(text).collect())
}

/// A public key: its modulus and its exponent, as a JWK has them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKey {
    pub n: String,
    pub e: String,
}

/// What an isolate has in mind of a team's keys.
#[derive(Debug, Default)]
pub struct Keys {
    /// Of whom.
    origin: String,
    known: HashMap<String, PublicKey>,
    read_at: Option<u64>,
    asked_at: Option<u64>,
}

/// What is known of a key.
#[derive(Debug, PartialEq, Eq)]
pub enum Found {
    Known(PublicKey),
    /// It is to be asked for now.
    Ask,
    /// There is none, as far as anybody knows.
    Unknown,
    /// They could not be read a moment ago.
    Unreadable,
}

#[derive(Deserialize)]
struct Certificates {
    keys: Vec<Value>,
}

impl Keys {
    pub fn find(&mut self, origin: &str, kid: &str, now: u64) -> Found {
        if self.origin != origin {
            *self = Self { origin: origin.to_owned(), ..Self::default() };
        }
        let fresh = self.read_at.is_some_and(|at| now.saturating_sub(at) < FRESH_MS);
        match self.known.get(kid).filter(|_| fresh) {
            Some(key) => return Found::Known(key.clone()),
            None if self.asked_at.is_some_and(|at| now.saturating_sub(at) < PAUSE_MS) => {
                return if fresh { Found::Unknown } else { Found::Unreadable };
            }
            None => {}
        }
        // As long as nothing is known, everybody asks who comes meanwhile.
        if fresh {
            self.asked_at = Some(now);
        }
        Found::Ask
    }

    /// Keeps what was read; nothing where it could not be.
    pub fn keep(&mut self, read: Option<&[u8]>, now: u64) {
        self.asked_at = Some(now);
        let Some(read) = read.and_then(|body| json::read::<Certificates>(body).ok()) else { return };
        self.known = read.keys.iter().filter_map(key).take(MOST_KEYS).collect();
        self.read_at = Some(now);
    }
}

fn key(jwk: &Value) -> Option<(String, PublicKey)> {
    let text = |name: &str| jwk.get(name).and_then(Value::as_str);
    let is = |name: &str, wanted: &str| text(name).is_none_or(|own| own == wanted);
    let (kid, n, e) = (text("kid")?, text("n")?, text("e")?);
    let long = base64::decode(n).is_some_and(|n| n.len() >= SHORTEST_KEY);
    let good = text("kty") == Some("RSA") && is("alg", "RS256") && is("use", "sig") && long;
    good.then(|| (kid.to_owned(), PublicKey { n: n.to_owned(), e: e.to_owned() }))
}
