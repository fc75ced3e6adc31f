//! One request on its way: which route it is, and who may take it.

use super::chance::Chance;
use super::request::{Actor, Answer, Request, Role};
use super::resource::{self, RESOURCES, Resource};
use super::store::Store;
use super::{LONGEST_BODY, audit, change, configs, credentials, look, once, openapi, outbox, usage};
use crate::error::{Error, Kind, Result};
use crate::http::decoded;
use crate::policy::vault::Vault;
use crate::{spelling, time};

/// Where one request is served.
pub struct Desk<'a> {
    pub store: &'a mut dyn Store,
    pub actor: &'a Actor,
    pub vault: &'a Vault,
    pub chance: &'a mut Chance,
    pub now: u64,
    /// What was changed and has to be told elsewhere.
    pub marks: Vec<String>,
    /// Something was taken away.
    pub takes_away: bool,
    /// The answer holds what is shown once.
    pub reveals: bool,
}

impl Desk<'_> {
    pub fn time(&self) -> String {
        time::rfc3339(self.now / 1_000)
    }
}

/// Answers a request. One that is refused has changed nothing.
pub fn answer(store: &mut dyn Store, request: &Request, vault: &Vault, chance: &mut Chance, now: u64) -> Answer {
    let actor = &request.actor;
    let mut desk = Desk { store, actor, vault, chance, now, marks: Vec::new(), takes_away: false, reveals: false };
    let answered = once::answer(&mut desk, request, route);
    let mut answer = answered.unwrap_or_else(|error| Answer::refuse(&error));
    answer.marks.append(&mut desk.marks);
    answer.takes_away = desk.takes_away;
    answer
}

fn route(desk: &mut Desk<'_>, request: &Request) -> Result<Answer> {
    if request.body.len() > LONGEST_BODY {
        return Err(Error::caller(Kind::TooLarge, format!("The body is longer than {} KiB.", LONGEST_BODY >> 10)));
    }
    let method = if request.method == "HEAD" { "GET" } else { request.method.as_str() };
    let path: Vec<String> = request.path.trim_matches('/').split('/').map(decoded).collect();
    let path: Vec<&str> = path.iter().map(String::as_str).collect();
    let query = look::Query::parse(&request.query)?;
    if desk.actor.role == Role::Member && !matches!((method, path.as_slice()), ("GET", ["usage"])) {
        return Err(usage::stranger());
    }
    if let ("POST", ["configs", "validate"]) = (method, path.as_slice()) {
        return configs::validate(&request.body);
    }
    if method != "GET" && desk.actor.role == Role::Viewer {
        return Err(Error::caller(Kind::Forbidden, "You may look at everything here and change nothing."));
    }
    match path.as_slice() {
        ["audit"] => only(method, &["GET"], request).and_then(|()| audit::list(desk, &query)),
        ["openapi.json"] => {
            only(method, &["GET"], request)?;
            Ok(Answer::of(200, openapi::document().to_string()))
        }
        ["usage"] => only(method, &["GET"], request).and_then(|()| usage::holders(desk, query)),
        ["republish"] => only(method, &["POST"], request).map(|()| republish(desk)),
        // Whoever may see it has been shown it before this is asked.
        ["webhook-secret"] => {
            only(method, &["GET"], request).and(Err(Error::caller(Kind::Forbidden, "This is for who may change things here.")))
        }
        ["credentials", "reseal"] => only(method, &["POST"], request).and_then(|()| credentials::reseal(desk)),
        [kind, rest @ ..] => match resource::find(kind) {
            Some(resource) => of_resource(desk, resource, method, rest, request, &query),
            None => Err(no_route(&request.path)),
        },
        [] => Err(no_route(&request.path)),
    }
}

/// Tells the meters and the storage all they should know, for who has lost one of them.
fn republish(desk: &mut Desk<'_>) -> Answer {
    let republished = outbox::mark_all(desk);
    audit::note(desk, &audit::Change { what: "republish", resource: "*", id: "*", before: None, after: None });
    Answer::of(200, format!(r#"{{"republished":{republished}}}"#))
}

fn of_resource(
    desk: &mut Desk<'_>,
    resource: &'static Resource,
    method: &str,
    rest: &[&str],
    request: &Request,
    query: &look::Query,
) -> Result<Answer> {
    match (rest, method) {
        ([], "GET") => look::list(desk, resource, query),
        ([], "POST") => change::create(desk, resource, &request.body),
        ([], _) => only(method, &["GET", "POST"], request).and(Err(no_route(&request.path))),
        ([action], _) if resource.actions.contains(action) => only(method, &["POST"], request).and(Err(no_route(&request.path))),
        ([id], "GET") => look::one(desk, resource, id),
        ([id], "PATCH") => change::patch(desk, resource, id, request),
        ([id], "DELETE") => change::delete(desk, resource, id, request),
        ([_], _) => only(method, &["GET", "PATCH", "DELETE"], request).and(Err(no_route(&request.path))),
        ([id, "rotate"], _) if resource.path == "keys" => {
            only(method, &["POST"], request)?;
            change::rotate(desk, id, request)
        }
        ([slug, "rollback"], _) if resource.has_history => {
            only(method, &["POST"], request)?;
            change::roll_back(desk, slug, request)
        }
        ([slug, "versions"], _) if resource.has_history => {
            only(method, &["GET"], request)?;
            configs::versions(desk, slug, query)
        }
        ([slug, "versions", version], _) if resource.has_history => {
            only(method, &["GET"], request)?;
            configs::version(desk, slug, version)
        }
        _ => Err(no_route(&request.path)),
    }
}

fn only(method: &str, known: &[&str], request: &Request) -> Result<()> {
    if known.contains(&method) {
        return Ok(());
    }
    let message = format!("`{}{}` takes {} only.", super::ROOT, request.path, known.join(", "));
    Err(Error::caller(Kind::MethodNotAllowed, message))
}

fn no_route(path: &str) -> Error {
    let word = path.trim_matches('/').split('/').next().unwrap_or_default();
    let known = || RESOURCES.iter().map(|resource| resource.path).chain(["audit", "usage", "republish", "webhook-secret", "openapi.json"]);
    let all = known().map(|path| format!("`{}/{path}`", super::ROOT)).collect::<Vec<_>>().join(", ");
    let shown: String = path.chars().take(128).collect();
    let message = format!("There is no route `{}{shown}`.{} There are {all}.", super::ROOT, spelling::hint(word, known()));
    Error::caller(Kind::NotFound, message)
}
