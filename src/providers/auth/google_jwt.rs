//! Google's service accounts: <https://developers.google.com/identity/protocols/oauth2/service-account>
//!
//! The account signs a statement (a JWT, RS256) with its private key and is given a token for it:
//!
//! ```text
//! ServiceAccount::parse -> key_der (for the host to import) -> claim(now) -> [the host signs] -> assertion
//!   -> token_body -> POST token_uri -> Token::decode -> valid(now)? -> authorization
//! ```
//!
//! Surprises
//! - The audience is the very address that the statement is sent to. It stands in the account's file, which a
//!   caller may have written: only Google's own addresses are taken and those at hosts that the deployment trusts, else
//!   the gateway would carry signed statements to anyone.
//! - Files that went through an environment variable often have `\n` written out in their key.
//! - A token must be kept per account as a whole, its key included: whoever only knows the address of an account must
//!   not get what another has signed for. `ServiceAccount` is its own key for a cache.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Kind, Result};
use crate::providers::custom_host;
use crate::wire::base64;
use crate::wire::lean;
use crate::wire::loose::whole;

pub const CONTENT_TYPE: &str = "application/x-www-form-urlencoded";

/// The word of an address that an account's own project stands in for.
pub const PROJECT: &str = "vertex-project-id";

const SCOPE: &str = "https://www.googleapis.com/auth/cloud-platform";
const TOKEN_URI: &str = "https://oauth2.googleapis.com/token";
const GRANT: &str = "urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer";

/// The longest that Google allows.
const LIFETIME_S: u64 = 3_600;
/// A token this near to its end is not used any more.
const MARGIN_MS: u64 = 60_000;

#[derive(Clone, PartialEq, Eq, Hash)]
pub struct ServiceAccount {
    pub client_email: String,
    /// Where a token is to be had.
    pub token_uri: String,
    pub project_id: Option<String>,
    private_key: String,
    private_key_id: Option<String>,
}

impl fmt::Debug for ServiceAccount {
    /// Without the key.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("ServiceAccount").field("client_email", &self.client_email).finish_non_exhaustive()
    }
}

#[derive(Deserialize)]
struct File {
    #[serde(rename = "type")]
    kind: Option<String>,
    client_email: Option<String>,
    private_key: Option<String>,
    private_key_id: Option<String>,
    token_uri: Option<String>,
    project_id: Option<String>,
}

impl ServiceAccount {
    /// From the file that Google's console gives. Beside Google itself, these hosts may give its tokens.
    pub fn parse(json: &str, trusted_hosts: &[&str]) -> Result<Self> {
        let file: File = lean::from_str(json).map_err(|_| refused("it is not valid JSON; paste the whole key file"))?;
        if let Some(kind) = file.kind.filter(|kind| kind != "service_account") {
            return Err(refused(&format!("it is of type {kind}; a key file of a service account is needed")));
        }
        let given = |field: Option<String>, name: &str| {
            field.filter(|text| !text.trim().is_empty()).ok_or_else(|| refused(&format!("it has no {name}; paste the whole key file")))
        };
        let account = Self {
            client_email: given(file.client_email, "client_email")?,
            private_key: given(file.private_key, "private_key")?.replace("\\n", "\n"),
            token_uri: file.token_uri.unwrap_or_else(|| TOKEN_URI.to_owned()),
            project_id: file.project_id.filter(|id| !id.is_empty()),
            private_key_id: file.private_key_id,
        };
        if !custom_host::is_within(&account.token_uri, "googleapis.com") && !custom_host::is_trusted_url(&account.token_uri, trusted_hosts)
        {
            return Err(refused("its token_uri is not an https address of googleapis.com"));
        }
        account.key_der()?;
        Ok(account)
    }

    /// The private key as PKCS#8 DER, for the host to import.
    pub fn key_der(&self) -> Result<Vec<u8>> {
        const BEGIN: &str = "-----BEGIN PRIVATE KEY-----";
        const END: &str = "-----END PRIVATE KEY-----";
        let inner = self.private_key.split_once(BEGIN).and_then(|(_, rest)| rest.split_once(END)).map(|(inner, _)| inner);
        let inner = inner.ok_or_else(|| refused("its private_key is not a PKCS#8 key in PEM (-----BEGIN PRIVATE KEY-----)"))?;
        // DER of a key is a sequence.
        let der = base64::decode(inner.trim()).filter(|der| der.first() == Some(&0x30));
        der.ok_or_else(|| refused("its private_key is damaged; paste the whole key file"))
    }

    /// What is to be signed.
    pub fn claim(&self, now_ms: u64) -> Claim {
        #[derive(Serialize)]
        struct Header<'a> {
            alg: &'a str,
            typ: &'a str,
            #[serde(skip_serializing_if = "Option::is_none")]
            kid: Option<&'a str>,
        }
        #[derive(Serialize)]
        struct Claims<'a> {
            iss: &'a str,
            scope: &'a str,
            aud: &'a str,
            iat: u64,
            exp: u64,
        }
        let iat = now_ms / 1_000;
        let header = Header { alg: "RS256", typ: "JWT", kid: self.private_key_id.as_deref() };
        let claims = Claims { iss: &self.client_email, scope: SCOPE, aud: &self.token_uri, iat, exp: iat.saturating_add(LIFETIME_S) };
        Claim { input: format!("{}.{}", encoded(&header), encoded(&claims)) }
    }
}

/// The project of an account's file, whatever else is in it.
pub fn project_of(json: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Project {
        project_id: String,
    }
    lean::from_str::<Project>(json).ok().map(|project| project.project_id).filter(|id| !id.is_empty())
}

/// An account whose key looked right and signs nothing.
pub fn unsigned() -> Error {
    refused("its private_key is no RSA key; paste the whole key file")
}

fn refused(words: &str) -> Error {
    Error::invalid(format!("The service account cannot be used: {words}.")).with_param("vertex-service-account-json")
}

fn encoded<T: Serialize>(part: &T) -> String {
    // Strings and numbers written to memory cannot fail.
    base64::encode_url(&serde_json::to_vec(part).unwrap_or_default())
}

/// A statement that still has to be signed (RSASSA-PKCS1-v1_5 with SHA-256).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    input: String,
}

impl Claim {
    /// The bytes to sign.
    pub fn signing_input(&self) -> &[u8] {
        self.input.as_bytes()
    }

    /// The signed statement.
    pub fn assertion(&self, signature: &[u8]) -> String {
        format!("{}.{}", self.input, base64::encode_url(signature))
    }
}

/// The body of the request for a token.
pub fn token_body(assertion: &str) -> String {
    // What stands in a JWT needs no escapes.
    format!("grant_type={GRANT}&assertion={assertion}")
}

#[derive(Clone, PartialEq, Eq)]
pub struct Token {
    secret: String,
    expires_ms: u64,
}

impl fmt::Debug for Token {
    /// Without the secret.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Token").field("expires_ms", &self.expires_ms).finish_non_exhaustive()
    }
}

impl Token {
    /// From the answer to the request for a token.
    pub fn decode(status: u16, body: &[u8], now_ms: u64) -> Result<Self> {
        #[derive(Default, Deserialize)]
        struct Wire {
            #[serde(default)]
            access_token: Option<String>,
            #[serde(default)]
            expires_in: Option<f64>,
            #[serde(default)]
            error: Option<serde_json::Value>,
            #[serde(default)]
            error_description: Option<String>,
        }
        let wire: Wire = crate::wire::json::read(body).unwrap_or_default();
        match wire.access_token.filter(|secret| !secret.is_empty()) {
            Some(secret) if status < 300 => {
                let lifetime = wire.expires_in.map_or(LIFETIME_S, |seconds| whole(seconds).min(LIFETIME_S));
                Ok(Self { secret, expires_ms: now_ms.saturating_add(lifetime.saturating_mul(1_000)) })
            }
            _ => {
                let word = wire.error.as_ref().and_then(serde_json::Value::as_str).map(str::to_owned);
                let why = wire.error_description.or(word).unwrap_or_else(|| format!("it answered with status {status}"));
                let kind = if matches!(status, 400 | 401 | 403) { Kind::Unauthenticated } else { Kind::of_status(status.max(500)) };
                Err(Error::upstream(kind, format!("Google gave no token for the service account: {why}")))
            }
        }
    }

    /// Whether it will still be good when it arrives.
    pub fn valid(&self, now_ms: u64) -> bool {
        now_ms.saturating_add(MARGIN_MS) < self.expires_ms
    }

    /// The value of the `authorization` header.
    pub fn authorization(&self) -> String {
        format!("Bearer {}", self.secret)
    }
}
