//! The life of a request, from the call to the reply. Start reading here.

mod admission;
mod attempt;
mod config;
mod errands;
mod freight;
mod lease;
mod life;
mod passage;
mod route;
mod shelf;
mod sight;
mod talk;
mod vaulted;

use crate::door::{self, Door};
use crate::error::Result;
use crate::host::{Host, apart};
use crate::http::{Body, Call, Headers, Reply};
use crate::policy::holder::Scope;
use crate::settings::Settings;
use life::{Life, json_reply};

/// Serves one call. Whatever goes wrong becomes an error in the caller's own dialect.
pub async fn serve<H: Host>(host: &H, settings: &Settings, call: &Call) -> Reply<H::Answer> {
    let mut life = Life::begin(host, settings, call);
    let served = match door::door(call) {
        Err(error) => Err(error),
        Ok(Door::Preflight) => Ok(preflight(call)),
        Ok(Door::Health) => {
            let (status, body) = apart(crate::health::report(host, call)).await;
            Ok(json_reply(status, body))
        }
        Ok(Door::Models) => apart(models(&mut life, None)).await,
        Ok(Door::Model(id)) => apart(models(&mut life, Some(&id))).await,
        Ok(Door::Pass(passage)) => apart(passage::pass(&mut life, &passage)).await,
        Ok(Door::Errand(errand)) if errand.is_form() && !is_json(call) => apart(passage::form(&mut life, errand)).await,
        Ok(Door::Errand(errand)) => apart(errands::run(&mut life, errand)).await,
        Ok(Door::Count(talk)) => apart(talk::count(&mut life, &talk)).await,
        Ok(Door::Talk(talk)) => apart(talk::hold(&mut life, &talk)).await,
    };
    life.end(served)
}

/// The models that the caller may use, or one of them.
async fn models<H: Host>(life: &mut Life<'_, H>, id: Option<&str>) -> Result<Reply<H::Answer>> {
    let member = admission::confirm(life, Scope::Inference).await?;
    let allow = member.map(|member| member.key.allow.clone()).unwrap_or_default();
    let (host, settings, call, caller) = (life.host, life.settings, life.call, &life.caller);
    let body = match id {
        Some(id) => crate::models::one(host, settings, call, caller, &allow, life.dialect, id).await,
        None => crate::models::list(host, settings, call, caller, &allow, life.dialect).await,
    };
    body.map(|body| json_reply(200, body))
}

fn is_json(call: &Call) -> bool {
    call.headers.find("content-type").is_some_and(|kind| kind.to_ascii_lowercase().starts_with("application/json"))
}

fn preflight<A>(call: &Call) -> Reply<A> {
    let mut headers = Headers::default();
    headers.add("access-control-allow-methods", "GET, POST, PUT, PATCH, DELETE, OPTIONS");
    headers.add("access-control-allow-headers", call.headers.find("access-control-request-headers").unwrap_or("*"));
    headers.add("access-control-max-age", "86400");
    headers.add("vary", "access-control-request-headers");
    Reply { status: 204, headers, body: Body::Empty, ledger: None, deposit: None }
}
