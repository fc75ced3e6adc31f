//! The life of a request, from the call to the reply. Start reading here.

mod access;
mod admin;
mod admission;
mod attempt;
mod bounds;
mod config;
mod count;
mod end;
mod errands;
mod feedback;
mod freight;
mod lease;
mod life;
mod links;
mod passage;
mod preview;
mod route;
mod shelf;
mod sight;
mod talk;
mod usage;
mod vaulted;
mod worst;

use crate::door::{self, Door};
use crate::error::{Kind, Result};
use crate::host::{Fault, Host, apart};
use crate::http::{Body, Call, Ending, Headers, Reply};
use crate::policy::holder::Scope;
use crate::record::{Closed, Ledger, Outcome};
use crate::routing::memory::End;
use crate::routing::plan::{TIMED_OUT, UNREACHABLE};
use crate::settings::Settings;
use crate::wire::Glance;
use life::Life;

/// Serves one call. Whatever goes wrong becomes an error in the caller's own dialect.
pub async fn serve<H: Host>(host: &H, settings: &Settings, call: &Call) -> Reply<H::Answer> {
    let mut life = Life::begin(host, settings, call);
    let served = match door::door(call) {
        Err(error) => Err(error),
        Ok(Door::Preflight) => Ok(preflight(call)),
        Ok(Door::Admin) => apart(admin::answer(&life)).await,
        Ok(Door::Health) => {
            let (status, body) = apart(crate::health::report(host, call)).await;
            Ok(Reply::json(status, body))
        }
        Ok(Door::Models) => apart(models(&mut life, None)).await,
        Ok(Door::Model(id)) => apart(models(&mut life, Some(&id))).await,
        Ok(Door::Feedback) => apart(feedback::take(&mut life)).await,
        Ok(Door::Usage) => apart(usage::own(&life)).await,
        Ok(Door::Pass(passage)) => apart(passage::pass(&mut life, &passage)).await,
        Ok(Door::Errand(errand)) if errand.is_form() && !is_json(call) => apart(passage::form(&mut life, errand)).await,
        Ok(Door::Errand(errand)) => apart(errands::run(&mut life, errand)).await,
        Ok(Door::Count(talk)) => apart(count::count(&mut life, &talk)).await,
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
    body.map(|body| Reply::json(200, body))
}

/// How long the meeting place may take.
const PATIENCE_MS: u64 = 5_000;

/// Tells the other isolates how targets do, if it is time, and hears what they know. No answer waits for it.
pub async fn confer<H: Host>(host: &H, settings: &Settings) -> std::result::Result<(), Fault> {
    if let Some(news) = settings.memory.news(host.now()) {
        settings.memory.learn(&host.meet(&news, PATIENCE_MS).await?);
    }
    Ok(())
}

/// A stream is over, in one way or the other: that counts for its target, and the record is complete.
pub fn over(settings: &Settings, ledger: Ledger, glance: &Glance, ending: &Ending, now: u64) -> Closed {
    let under_way = ledger.under_way;
    let closed = ledger.close(glance, ending, now);
    if let Some(number) = under_way {
        let end = match (closed.record.outcome, ending) {
            (Outcome::Complete, _) => End::Well,
            (Outcome::Abandoned, _) => End::Unknown,
            (Outcome::Failed, Ending::Broken(error)) if error.kind == Kind::TimedOut => End::Failed(TIMED_OUT),
            (Outcome::Failed, _) => End::Failed(UNREACHABLE),
        };
        settings.memory.ended(number, end, now);
    }
    closed
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
    Reply::of(204, headers, Body::Empty)
}
