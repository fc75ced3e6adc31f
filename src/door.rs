//! Which door a call came through: its path and method to what is wanted and in which dialect.

use crate::error::{Error, Kind, Result};
use crate::http::{Call, Method, decoded};
use crate::providers::service::Errand;
use crate::spelling;
use crate::wire::Dialect;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Door {
    /// A conversation.
    Talk(Talk),
    /// Something that is no conversation.
    Errand(Errand),
    /// The tokens of a conversation.
    Count(Talk),
    /// Something that passes unread.
    Pass(Passage),
    Models,
    Model(String),
    /// What a caller thought of an answer.
    Feedback,
    /// What the caller's key has used.
    Usage,
    Health,
    /// Whoever runs the gateway.
    Admin,
    /// A browser asks whether it may call.
    Preflight,
}

/// A dialect, and what its path already says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Talk {
    pub dialect: Dialect,
    pub model: Option<String>,
    pub stream: Option<bool>,
}

/// Where a passage leads: to a path of a provider, or of whichever provider the caller's dialect is of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passage {
    pub provider: Option<String>,
    pub path: String,
}

const fn talk(dialect: Dialect) -> Door {
    Door::Talk(Talk { dialect, model: None, stream: None })
}

/// Paths without the `/v1` that SDKs add, the method each takes, and where it leads.
const DOORS: &[(&str, Method, Door)] = &[
    ("/chat/completions", Method::Post, talk(Dialect::Chat)),
    ("/responses", Method::Post, talk(Dialect::Responses)),
    ("/messages", Method::Post, talk(Dialect::Messages)),
    ("/completions", Method::Post, talk(Dialect::Completions)),
    ("/embeddings", Method::Post, Door::Errand(Errand::Embeddings)),
    ("/images/generations", Method::Post, Door::Errand(Errand::Images)),
    ("/audio/speech", Method::Post, Door::Errand(Errand::Speech)),
    ("/moderations", Method::Post, Door::Errand(Errand::Moderations)),
    ("/rerank", Method::Post, Door::Errand(Errand::Rerank)),
    ("/images/edits", Method::Post, Door::Errand(Errand::ImageEdits)),
    ("/images/variations", Method::Post, Door::Errand(Errand::ImageVariations)),
    ("/audio/transcriptions", Method::Post, Door::Errand(Errand::Transcription)),
    ("/audio/translations", Method::Post, Door::Errand(Errand::Translation)),
    ("/messages/count_tokens", Method::Post, Door::Count(Talk { dialect: Dialect::Messages, model: None, stream: None })),
    ("/feedback", Method::Post, Door::Feedback),
    ("/models", Method::Get, Door::Models),
    ("/usage", Method::Get, Door::Usage),
    ("/healthz", Method::Get, Door::Health),
];

/// Where only whoever runs the gateway has business: nothing there is for pages of other sites.
pub fn is_admin(path: &str) -> bool {
    path.strip_prefix(ADMIN).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Where the admin API is.
pub const ADMIN: &str = "/admin/v1";

pub fn door(call: &Call) -> Result<Door> {
    if is_admin(&call.path) {
        return Ok(Door::Admin);
    }
    if call.method == Method::Options && call.headers.find("access-control-request-method").is_some() {
        return Ok(Door::Preflight);
    }
    let path = bare(&call.path);
    let method = if call.method == Method::Head { Method::Get } else { call.method };
    match at(call, path) {
        Some((takes, door)) if takes.is_none_or(|takes| takes == method) && method != Method::Other => Ok(door),
        Some((takes, _)) => Err(wrong_method(&call.path, takes)),
        None => Err(no_route(&call.path)),
    }
}

/// The door at a path, and the method that it takes, unless it takes any.
fn at(call: &Call, path: &str) -> Option<(Option<Method>, Door)> {
    let fixed = || DOORS.iter().find(|(known, ..)| *known == path).map(|(_, takes, door)| (Some(*takes), door.clone()));
    let gemini = || gemini(path).map(|door| (Some(Method::Post), door));
    let passage = || passage(call, path).map(|passage| (None, Door::Pass(passage)));
    // What is asked of a model by a word that nobody knows is no name of a model.
    let asks = || call.method == Method::Post && path.contains(':');
    let models = || models(path).filter(|_| !asks()).map(|door| (Some(Method::Get), door));
    fixed().or_else(gemini).or_else(passage).or_else(models)
}

/// The methods that the path of a call takes.
pub fn allowed(call: &Call) -> &'static str {
    match at(call, bare(&call.path)) {
        _ if is_admin(&call.path) => "GET, POST, PATCH, DELETE",
        Some((Some(Method::Post), _)) => "POST, OPTIONS",
        Some((Some(_), _)) => "GET, HEAD, OPTIONS",
        _ => "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS",
    }
}

fn no_route(path: &str) -> Error {
    let whole = |path: &str| if path == "/healthz" { path.to_owned() } else { format!("/v1{path}") };
    let known: Vec<String> = DOORS.iter().map(|(path, ..)| whole(path)).collect();
    let hint = match spelling::hint(path, known.iter().map(String::as_str)) {
        hint if hint.is_empty() => format!(" There are {}.", known.join(", ")),
        hint => hint,
    };
    Error::caller(Kind::NotFound, format!("There is no route `{path}`.{hint}"))
}

fn wrong_method(path: &str, takes: Option<Method>) -> Error {
    let words = takes.map_or("GET, HEAD, POST, PUT, PATCH, DELETE and OPTIONS", Method::word);
    Error::caller(Kind::MethodNotAllowed, format!("`{path}` takes {words} only."))
}

/// The door at the end of a provider's own path, which may begin in any way.
pub fn at_the_end(path: &str) -> Option<Door> {
    let of_model = path.find("/models/").and_then(|at| path.get(at..)).and_then(gemini);
    of_model.or_else(|| DOORS.iter().find(|(known, ..)| path.ends_with(known)).map(|(.., door)| door.clone()))
}

/// The list of models and each of them; Google's are at `/v1beta`.
fn models(path: &str) -> Option<Door> {
    let rest = path.strip_prefix("/v1beta").unwrap_or(path).strip_prefix("/models")?;
    match rest.strip_prefix('/') {
        Some(id) if !id.is_empty() => Some(Door::Model(decoded(id))),
        _ if rest.is_empty() => Some(Door::Models),
        _ => None,
    }
}

/// Google's paths, which name the model and what is wanted of it: `/v1beta/models/gemini-3-pro:generateContent`.
fn gemini(path: &str) -> Option<Door> {
    let path = path.strip_prefix("/v1beta").unwrap_or(path);
    let (model, verb) = path.strip_prefix("/models/")?.rsplit_once(':')?;
    let talk = |stream| Talk { dialect: Dialect::Gemini, model: Some(decoded(model)), stream };
    match verb {
        "generateContent" => Some(Door::Talk(talk(Some(false)))),
        "streamGenerateContent" => Some(Door::Talk(talk(Some(true)))),
        "countTokens" => Some(Door::Count(talk(Some(false)))),
        "embedContent" | "batchEmbedContents" => Some(Door::Pass(Passage { provider: None, path: format!("/v1beta{path}") })),
        _ => None,
    }
}

/// Whether a stream is to be one JSON array, as Google's are unless events are asked for.
pub fn wants_list(call: &Call) -> bool {
    let asked = call.asked("alt").or_else(|| call.asked("$alt"));
    call.path.ends_with(":streamGenerateContent") && asked.as_deref() != Some("sse")
}

/// What a provider keeps for its callers: only it can tell of it.
const KEPT: &[&str] = &[
    "/responses/",
    "/files",
    "/batches",
    "/uploads",
    "/fine_tuning",
    "/vector_stores",
    "/assistants",
    "/threads",
    "/conversations",
    "/containers",
    "/evals",
    "/messages/batches",
];

fn passage(call: &Call, path: &str) -> Option<Passage> {
    if let Some(rest) = path.strip_prefix("/proxy/") {
        let (provider, rest) = rest.split_once('/')?;
        // The path goes on as it came, a slash at its end included.
        let end = if call.path.ends_with('/') { "/" } else { "" };
        return Some(Passage { provider: Some(decoded(provider)), path: format!("/{rest}{end}") });
    }
    let kept = KEPT.iter().any(|root| {
        let rest = path.strip_prefix(root);
        rest.is_some_and(|rest| root.ends_with('/') || rest.is_empty() || rest.starts_with('/'))
    });
    kept.then(|| Passage { provider: None, path: format!("/v1{path}") })
}

/// The dialect in which a caller expects errors, even where there is no route.
pub fn tongue(call: &Call) -> Dialect {
    if is_admin(&call.path) {
        Dialect::Chat
    } else if call.path.starts_with("/v1beta/") {
        Dialect::Gemini
    } else if bare(&call.path).starts_with("/messages") || call.headers.find("anthropic-version").is_some() {
        Dialect::Messages
    } else {
        Dialect::Chat
    }
}

/// The path less `/v1` and a slash at the end.
fn bare(path: &str) -> &str {
    let path = path.strip_suffix('/').unwrap_or(path);
    match path.strip_prefix("/v1") {
        Some(rest) if rest.starts_with('/') => rest,
        _ => path,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::Headers;

    fn call(method: Method, path: &str) -> Call {
        Call { method, path: path.to_owned(), query: String::new(), headers: Headers::default() }
    }

    #[test]
    fn each_path_leads_through_its_door_with_and_without_v1() {
        let chat = talk(Dialect::Chat);
        for (method, path, expected) in [
            (Method::Post, "/v1/chat/completions", chat.clone()),
            (Method::Post, "/chat/completions", chat.clone()),
            (Method::Post, "/v1/chat/completions/", chat),
            (Method::Post, "/v1/messages", talk(Dialect::Messages)),
            (Method::Get, "/v1/models", Door::Models),
            (Method::Head, "/healthz", Door::Health),
            (Method::Post, "/v1/feedback", Door::Feedback),
            (Method::Other, "/admin/v1/keys", Door::Admin),
            (Method::Options, "/admin/v1", Door::Admin),
            (Method::Get, "/v1/models/sandbox%2Fecho", Door::Model("sandbox/echo".to_owned())),
            (Method::Get, "/v1/models/sandbox/echo", Door::Model("sandbox/echo".to_owned())),
            (Method::Get, "/v1/models/100%", Door::Model("100%".to_owned())),
            (Method::Get, "/v1beta/models", Door::Models),
            (Method::Get, "/v1beta/models/gemini-2.5-pro", Door::Model("gemini-2.5-pro".to_owned())),
            (Method::Get, "/v1beta/models/ollama/llama3:8b", Door::Model("ollama/llama3:8b".to_owned())),
        ] {
            assert_eq!(door(&call(method, path)).unwrap(), expected, "{path}");
        }
    }

    #[test]
    fn what_is_no_door_is_404_and_a_wrong_method_405() {
        for (method, path, status) in [
            (Method::Get, "/", 404),
            (Method::Post, "/v1", 404),
            (Method::Post, "/v1/nothing", 404),
            (Method::Post, "/v1chat/completions", 404),
            (Method::Get, "/v1/chat/completions", 405),
            (Method::Other, "/v1/messages", 405),
            (Method::Post, "/v1/models/x", 405),
            (Method::Post, "/v1beta/models", 405),
            (Method::Post, "/v1beta/models/g:predict", 404),
            (Method::Get, "/v1/modelsx", 404),
            (Method::Options, "/v1/messages", 405),
            (Method::Other, "/v1/proxy/openai/models", 405),
            (Method::Other, "/v1/files", 405),
        ] {
            assert_eq!(door(&call(method, path)).unwrap_err().status, status, "{path}");
        }
    }
}
