//! The token of a service account: the one that is still good, or a new one for a statement that the account signs.

use crate::error::{Error, Kind, Result};
use crate::host::{Answer, Fault, Host, Parcel, Payload};
use crate::http::Headers;
use crate::providers::auth::google_jwt::{self, ServiceAccount, Token};
use crate::settings::Settings;

/// How long Google may take.
const PATIENCE_MS: u64 = 10_000;
/// The longest answer that is read.
const MAX_ANSWER: usize = 64 << 10;

/// The value of the `authorization` header.
pub async fn authorization<H: Host>(host: &H, settings: &Settings, account: &ServiceAccount, most_ms: Option<u64>) -> Result<String> {
    if let Some(token) = settings.token_of(account, host.now()) {
        return Ok(token.authorization());
    }
    let token = asked_for(host, account, most_ms.unwrap_or(PATIENCE_MS).min(PATIENCE_MS)).await?;
    let authorization = token.authorization();
    settings.keep_token(account, token, host.now());
    Ok(authorization)
}

async fn asked_for<H: Host>(host: &H, account: &ServiceAccount, patience_ms: u64) -> Result<Token> {
    let at = host.now();
    let claim = account.claim(at);
    let signature = host.sign(&account.key_der()?, claim.signing_input()).await.ok_or_else(google_jwt::unsigned)?;
    let body = google_jwt::token_body(&claim.assertion(&signature));
    let headers = Headers::from_iter([("content-type", google_jwt::CONTENT_TYPE), ("accept-encoding", "identity")]);
    let (url, body) = (account.token_uri.as_str(), Payload::Bytes(body.as_bytes()));
    let parcel = Parcel { url, headers: &headers, method: "POST", body, passes: false, timeout_ms: Some(patience_ms) };
    let mut answer = host.fetch(parcel).await.map_err(unanswered)?;
    let bytes = answer.bytes(MAX_ANSWER).await.map_err(unanswered)?;
    Token::decode(answer.status(), &bytes, at)
}

fn unanswered(fault: Fault) -> Error {
    match fault {
        Fault::Abandoned => Error::caller(Kind::Abandoned, "The caller left before there was an answer."),
        Fault::TimedOut => Error::upstream(Kind::TimedOut, "Google gave no token for the service account in time."),
        Fault::Unreachable(_) | Fault::TooLarge => {
            Error::upstream(Kind::Unreachable, "Google could not be asked for a token of the service account.")
        }
    }
}
