//! The door of the admin API: who comes in, and from where. What is asked is answered by the registry, whose core is
//! [`crate::admin`].

use sha2::{Digest, Sha256};

use super::access;
use super::admission;
use super::life::Life;
use super::{preview, usage};
use crate::admin::{Actor, Answer, LONGEST_BODY, ROOT, Request, Role};
use crate::error::{Error, Kind, Origin, Result};
use crate::host::{Fault, Host};
use crate::http::{Body, Headers, Method, Reply};
use crate::policy::holder::Scope;
use crate::policy::{outbox, secret};
use crate::wire::lean;

pub async fn answer<H: Host>(life: &Life<'_, H>) -> Result<Reply<H::Answer>> {
    of_this_site(&life.call.headers)?;
    let request = Request {
        actor: actor(life).await?,
        method: word(life.call.method)?.to_owned(),
        path: life.call.path.strip_prefix(ROOT).unwrap_or_default().to_owned(),
        query: life.call.query.trim_start_matches('?').to_owned(),
        if_match: life.call.headers.find("if-match").map(str::to_owned),
        idempotency_key: life.call.headers.find("idempotency-key").map(str::to_owned),
        body: body(life).await?,
    };
    let answer = match (request.method.as_str(), request.path.trim_matches('/')) {
        ("POST", "configs/dry-run") if request.actor.role >= Role::Viewer => preview::dry_run(life, &request.body).await?,
        ("GET", "webhook-secret") if request.actor.role >= Role::Editor => webhook_secret(life)?,
        ("GET", "usage") => usage::of_all(life, &request).await?,
        _ => registered(life, &request).await?,
    };
    if request.method != "GET" {
        life.settings.forget_prices();
        life.settings.memory.forget_saved();
        life.settings.roster.forget();
    }
    Ok(reply(answer))
}

/// What the receivers of alerts verify them with. While a new master key is brought in there are two.
fn webhook_secret<H: Host>(life: &Life<'_, H>) -> Result<Answer> {
    let secrets: Vec<String> = life.settings.masters().map(outbox::webhook_secret).collect();
    if secrets.is_empty() {
        let message = "Alerts are signed by `MASTER_KEY`, which this gateway has not: set that secret (32 random bytes in base64) first.";
        return Err(Error::new(Origin::Gateway, Kind::Overloaded, 503, message).with_code("no_master_key"));
    }
    Ok(Answer::of(200, serde_json::json!({ "secrets": secrets }).to_string()))
}

/// What the registry answers.
pub async fn registered<H: Host>(life: &Life<'_, H>, request: &Request) -> Result<Answer> {
    let asked = serde_json::to_string(request).unwrap_or_default();
    let answer = life.host.registry(&asked).await.ok().and_then(|answer| lean::from_str(&answer).ok());
    answer.ok_or_else(|| {
        let message = "The registry did not answer. A change may or may not be made: look, or send it again with an `Idempotency-Key`.";
        Error::new(Origin::Gateway, Kind::Overloaded, 503, message).with_code("registry_unavailable")
    })
}

/// Refuses pages of other sites, whatever they bring along: a browser would send it for them.
fn of_this_site(headers: &Headers) -> Result<()> {
    let host = headers.find("host").unwrap_or_default();
    let own = |origin: &str| origin.split_once("://").is_some_and(|(_, site)| !host.is_empty() && site.eq_ignore_ascii_case(host));
    let foreign = headers.find("sec-fetch-site").is_some_and(|site| !matches!(site, "same-origin" | "none"));
    if foreign || headers.find("origin").is_some_and(|origin| !own(origin)) {
        let message = "The admin API is not for pages of other sites: call it from a server, or from the gateway's own dashboard.";
        return Err(Error::caller(Kind::Forbidden, message).with_code("cross_site"));
    }
    Ok(())
}

/// Who it is. The ways in which somebody may show that stand here one after the other.
async fn actor<H: Host>(life: &Life<'_, H>) -> Result<Actor> {
    if let Some(actor) = by_token(life) {
        return Ok(actor);
    }
    if let Some(actor) = by_key(life).await? {
        return Ok(actor);
    }
    if let Some(actor) = access::actor(life).await? {
        return Ok(actor);
    }
    let message = match life.settings.var("ADMIN_TOKEN") {
        Some(_) => {
            "The admin API wants the deployment's `ADMIN_TOKEN`, or a key with the scope `admin:read` or `admin:write`: send it as `Authorization: Bearer`."
        }
        None => "This deployment has no `ADMIN_TOKEN`, so that nobody can show it: set that secret first.",
    };
    Err(Error::caller(Kind::Unauthenticated, message))
}

/// Whoever shows a caller's key that has a right to it, as the key's meter has it at this moment.
async fn by_key<H: Host>(life: &Life<'_, H>) -> Result<Option<Actor>> {
    if life.caller.shown.is_none() {
        return Ok(None);
    }
    let member = admission::confirm_either(life, [Scope::AdminRead, Scope::AdminWrite]).await?;
    Ok(member.and_then(|member| Actor::of_key(&member.key)))
}

/// Whoever shows the deployment's own token.
fn by_token<H: Host>(life: &Life<'_, H>) -> Option<Actor> {
    let token = life.settings.var("ADMIN_TOKEN")?;
    let headers = &life.call.headers;
    let bearer = headers.find("authorization").and_then(|value| value.split_once(' '));
    let bearer = bearer.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer")).map(|(_, shown)| shown.trim());
    let shown = [bearer, headers.find("x-causeway-api-key")];
    // Of hashes, so that the time it takes tells no length either.
    let same = |shown: &&str| secret::equal(&Sha256::digest(shown), &Sha256::digest(token));
    shown.iter().flatten().any(same).then(|| Actor::of("admin", Role::Owner))
}

fn word(method: Method) -> Result<&'static str> {
    match method {
        Method::Other => Err(Error::caller(Kind::MethodNotAllowed, "The admin API takes GET, POST, PATCH and DELETE.")),
        Method::Head => Ok("GET"),
        method => Ok(method.word()),
    }
}

async fn body<H: Host>(life: &Life<'_, H>) -> Result<String> {
    if matches!(life.call.method, Method::Get | Method::Head) {
        return Ok(String::new());
    }
    let bytes = life.host.body(LONGEST_BODY).await.map_err(|fault| match fault {
        Fault::TooLarge => Error::caller(Kind::TooLarge, format!("The body is longer than {} KiB.", LONGEST_BODY >> 10)),
        _ => Error::invalid("The body could not be read."),
    })?;
    if !bytes.is_empty() && !is_json(&life.call.headers) {
        return Err(Error::invalid("The body must be JSON: send it with `Content-Type: application/json`.").with_status(415));
    }
    String::from_utf8(bytes).map_err(|_| Error::invalid("The body is not valid UTF-8."))
}

fn is_json(headers: &Headers) -> bool {
    let kind = headers.find("content-type").unwrap_or_default().split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    matches!(kind.as_str(), "application/json" | "application/merge-patch+json")
}

fn reply<A>(answer: Answer) -> Reply<A> {
    let mut headers = Headers::from_iter([("cache-control", "no-store")]);
    let mut say = |name: &str, value: &str| {
        if !value.is_empty() {
            headers.add(name, value);
        }
    };
    say("etag", answer.etag.as_deref().unwrap_or_default());
    say("x-causeway-pending", &answer.pending);
    say("idempotent-replayed", if answer.repeated { "true" } else { "" });
    say("content-type", if answer.body.is_empty() { "" } else { "application/json" });
    let body = if answer.body.is_empty() { Body::Empty } else { Body::Bytes(answer.body.into_bytes()) };
    Reply::of(answer.status, headers, body)
}
