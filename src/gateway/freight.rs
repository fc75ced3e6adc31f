//! What passes unread, as far as limits, budgets and rights have to know: what it asks of which model, and what came
//! of it. Callers who are not counted are not looked at.

use super::lease;
use super::life::Life;
use super::worst::{worst_of_errand, worst_of_form, worst_of_talk, worst_of_unknown};
use crate::door::{self, Door};
use crate::error::{Error, Kind, Result};
use crate::host::Host;
use crate::http::Method;
use crate::lease::Bill;
use crate::providers::service::Errand;
use crate::wire::Dialect;
use crate::wire::audio;
use crate::wire::envelope::Envelope;
use crate::wire::multipart::{Editor, HEAD_BYTES};

/// What passes.
#[derive(Debug, Default)]
pub struct Freight {
    pub kind: Freighted,
    pub model: Option<String>,
    /// The body, where it had to be read.
    pub body: Option<Vec<u8>>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Freighted {
    /// Nothing that a provider takes money for.
    Free,
    Talk(Dialect),
    Errand(Errand),
    #[default]
    Unknown,
}

impl Freight {
    /// Whether its answer tells what was used.
    pub fn is_counted(&self) -> bool {
        matches!(self.kind, Freighted::Talk(_) | Freighted::Errand(_))
    }
}

/// Looks at what is to pass, where the caller is counted or may not go everywhere.
pub async fn weigh<H: Host>(life: &Life<'_, H>, path: &str) -> Result<Option<Freight>> {
    let listed = life.member.as_ref().is_some_and(|member| member.key.allow.models.is_some()) || is_listed(life);
    if !listed && !lease::counts(life) {
        return Ok(None);
    }
    let kind = kind(life.call.method, path);
    let mut freight = Freight { kind, model: model_in(path), body: None };
    if kind != Freighted::Free && freight.model.is_none() {
        let content_type = life.call.headers.find("content-type").unwrap_or_default();
        if content_type.to_ascii_lowercase().starts_with("multipart/") {
            let head = life.host.beginning(HEAD_BYTES).await.map_err(|_| Error::invalid("The body could not be read."))?;
            let mut reader = Editor::new(content_type, &audio::WATCHED)?;
            reader.push(&head, &mut Vec::new())?;
            freight.model = reader.seen("model").map(str::to_owned);
        } else {
            let body = life.body().await?;
            freight.model = Envelope::look(&body).ok().and_then(|envelope| envelope.text("model").ok().flatten().map(Into::into));
            freight.body = Some(body);
        }
    } else if matches!(kind, Freighted::Talk(_)) {
        freight.body = Some(life.body().await?);
    }
    if listed && freight.model.is_none() && kind != Freighted::Free {
        let message = "This key is for some models only, and this request does not say which it is for.";
        return Err(Error::caller(Kind::Forbidden, message).with_param("model"));
    }
    Ok(Some(freight))
}

/// Whether the credential at hand is for some models only.
fn is_listed<H: Host>(life: &Life<'_, H>) -> bool {
    lease::credential(life).is_some_and(|credential| credential.models.is_some())
}

/// What it may use at the most.
pub fn worst<H: Host>(life: &Life<'_, H>, freight: &Freight) -> Bill {
    let body = freight.body.as_deref().unwrap_or_default();
    match freight.kind {
        Freighted::Free => Bill::default(),
        Freighted::Talk(_) => match Envelope::look(body) {
            Ok(envelope) => worst_of_talk(life, &envelope),
            Err(_) => worst_of_unknown(body),
        },
        Freighted::Errand(errand) if errand.is_form() => worst_of_form(life, errand),
        Freighted::Errand(errand) => worst_of_errand(life, errand, body),
        Freighted::Unknown => worst_of_unknown(body),
    }
}

/// What a path is for, by how it ends.
fn kind(method: Method, path: &str) -> Freighted {
    if !matches!(method, Method::Post | Method::Put | Method::Patch) {
        return Freighted::Free;
    }
    match door::at_the_end(path) {
        Some(Door::Talk(talk)) => Freighted::Talk(talk.dialect),
        Some(Door::Errand(errand)) => Freighted::Errand(errand),
        Some(Door::Count(_)) => Freighted::Free,
        _ if path.ends_with("/files") || path.ends_with("/cancel") => Freighted::Free,
        _ => Freighted::Unknown,
    }
}

/// The model that a path names, as Google's, Amazon's and Azure's do.
fn model_in(path: &str) -> Option<String> {
    let after = |mark: &str| path.split_once(mark).map(|(_, rest)| rest);
    let verb = after("/models/").and_then(|rest| rest.rsplit_once(':')).map(|(model, _)| model);
    let segment = || after("/model/").or_else(|| after("/deployments/")).and_then(|rest| rest.split('/').next());
    verb.or_else(segment).filter(|model| !model.is_empty()).map(crate::http::decoded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_tells_what_it_is_for() {
        for (path, expected, model) in [
            ("/v1/chat/completions", Freighted::Talk(Dialect::Chat), None),
            ("/openai/v1/chat/completions", Freighted::Talk(Dialect::Chat), None),
            ("/openai/deployments/mine/chat/completions", Freighted::Talk(Dialect::Chat), Some("mine")),
            ("/v1/messages", Freighted::Talk(Dialect::Messages), None),
            ("/v1/messages/count_tokens", Freighted::Free, None),
            ("/v1beta/models/gemini-2.5-pro:streamGenerateContent", Freighted::Talk(Dialect::Gemini), Some("gemini-2.5-pro")),
            ("/model/anthropic.claude%3A0/converse", Freighted::Unknown, Some("anthropic.claude:0")),
            ("/v1/embeddings", Freighted::Errand(Errand::Embeddings), None),
            ("/v1/files", Freighted::Free, None),
            ("/v1/batches/b/cancel", Freighted::Free, None),
            ("/v1/batches", Freighted::Unknown, None),
        ] {
            assert_eq!(kind(Method::Post, path), expected, "{path}");
            assert_eq!(model_in(path).as_deref(), model, "{path}");
            assert_eq!(kind(Method::Get, path), Freighted::Free, "{path}");
        }
    }
}
