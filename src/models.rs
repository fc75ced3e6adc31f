//! What this caller can use: `GET /v1/models`, asked of the active providers themselves.

use futures_util::StreamExt;
use futures_util::stream;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::caller::Caller;
use crate::error::{Error, Kind, Result};
use crate::host::{Answer, Host, Parcel, Payload};
use crate::http::{Call, civil};
use crate::providers::settings::Settings;
use crate::providers::{Provider, sandbox};
use crate::target;

/// Providers asked at the same time; a Worker may wait for six answers at once.
const AT_ONCE: usize = 5;
const PATIENCE_MS: u64 = 5_000;
const MAX_LIST: usize = 8 << 20;

/// A model in words that both OpenAI's and Anthropic's clients read.
#[derive(Debug, Serialize)]
struct Model {
    id: String,
    object: &'static str,
    r#type: &'static str,
    created: u64,
    created_at: String,
    display_name: String,
    owned_by: &'static str,
}

#[derive(Debug, Serialize)]
struct List<'a> {
    object: &'static str,
    data: &'a [Model],
    has_more: bool,
    first_id: Option<&'a str>,
    last_id: Option<&'a str>,
}

pub async fn list<H: Host>(host: &H, settings: &Settings, call: &Call, caller: &Caller<'_>) -> Result<Vec<u8>> {
    let models = usable(host, settings, call, caller).await?;
    let ends = |model: Option<&Model>| model.map(|model| model.id.clone());
    let (first, last) = (ends(models.first()), ends(models.last()));
    let list = List { object: "list", data: &models, has_more: false, first_id: first.as_deref(), last_id: last.as_deref() };
    encoded(&list)
}

pub async fn one<H: Host>(host: &H, settings: &Settings, call: &Call, caller: &Caller<'_>, id: &str) -> Result<Vec<u8>> {
    let models = usable(host, settings, call, caller).await?;
    let same = |model: &&Model| model.id == id || model.id.split_once('/').is_some_and(|(_, bare)| bare == id);
    let found = models.iter().find(same).ok_or_else(|| {
        let shown: String = id.chars().take(128).collect();
        Error::caller(Kind::NotFound, format!("There is no model `{shown}` among the active providers; GET /v1/models lists them."))
    })?;
    encoded(found)
}

fn encoded(value: &impl Serialize) -> Result<Vec<u8>> {
    serde_json::to_vec(value).map_err(|error| Error::gateway(error.to_string()))
}

/// The models of the provider that the caller names, or of all active ones. One that does not answer has none.
async fn usable<H: Host>(host: &H, settings: &Settings, call: &Call, caller: &Caller<'_>) -> Result<Vec<Model>> {
    caller.admit(settings)?;
    let providers = match target::named_provider(call, caller)? {
        // Who asks one provider is told why it cannot be asked.
        Some(provider) => {
            let place = target::place(settings, caller, provider)?;
            target::credential(settings, caller, provider, &place)?;
            vec![provider]
        }
        None if caller.named("custom-host").is_some() => {
            let message = "A custom host needs its provider: name it in `x-causeway-provider`.";
            return Err(Error::invalid(message).with_param("provider"));
        }
        None => settings.active(),
    };
    let asked = providers.into_iter().map(|provider| models_of(host, settings, caller, provider));
    let lists: Vec<Vec<Model>> = stream::iter(asked).buffered(AT_ONCE).collect().await;
    Ok(lists.into_iter().flatten().collect())
}

async fn models_of<H: Host>(host: &H, settings: &Settings, caller: &Caller<'_>, provider: &'static Provider) -> Vec<Model> {
    if provider.slug == sandbox::SLUG {
        return sandbox::MODELS.iter().map(|id| model(provider, id, 0)).collect();
    }
    if provider.models.is_empty() {
        return Vec::new();
    }
    let Ok(place) = target::place(settings, caller, provider) else { return Vec::new() };
    let Ok(credential) = target::credential(settings, caller, provider, &place) else { return Vec::new() };
    let mut headers = target::request_headers(provider, credential);
    for (name, value) in provider.fixed_headers {
        headers.add(name, value);
    }
    let url = format!("{}{}", place.base, provider.models);
    let parcel = Parcel { url: &url, headers: &headers, method: "GET", body: Payload::None, passes: false, timeout_ms: Some(PATIENCE_MS) };
    match host.fetch(parcel).await {
        Ok(mut answer) if answer.status() == 200 => answer.bytes(MAX_LIST).await.map(|bytes| read(provider, &bytes)).unwrap_or_default(),
        _ => Vec::new(),
    }
}

/// Most send `{"data": [...]}`, some the bare list.
fn read(provider: &'static Provider, bytes: &[u8]) -> Vec<Model> {
    #[derive(Deserialize)]
    struct Wrapped<'a> {
        #[serde(borrow)]
        data: Vec<&'a RawValue>,
    }
    #[derive(Deserialize)]
    struct Entry {
        id: String,
        #[serde(default)]
        created: Option<u64>,
    }
    let wrapped = serde_json::from_slice::<Wrapped<'_>>(bytes).map(|list| list.data);
    let entries = wrapped.or_else(|_| serde_json::from_slice::<Vec<&RawValue>>(bytes)).unwrap_or_default();
    let entries = entries.into_iter().filter_map(|raw| serde_json::from_str::<Entry>(raw.get()).ok());
    entries.map(|entry| model(provider, &entry.id, entry.created.unwrap_or(0))).collect()
}

fn model(provider: &'static Provider, id: &str, created: u64) -> Model {
    Model {
        id: format!("{}/{id}", provider.slug),
        object: "model",
        r#type: "model",
        created,
        created_at: rfc3339(created),
        display_name: id.to_owned(),
        owned_by: provider.slug,
    }
}

/// Seconds since 1970 as `2026-11-21T00:00:00Z`.
fn rfc3339(seconds: u64) -> String {
    let second = seconds % 86_400;
    let (year, month, day) = civil(seconds / 86_400);
    format!("{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}Z", second / 3_600, second / 60 % 60, second % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_rfc_3339() {
        for (seconds, text) in [(0, "1970-01-01T00:00:00Z"), (951_827_696, "2000-02-29T12:34:56Z"), (1_795_219_200, "2026-11-21T00:00:00Z")]
        {
            assert_eq!(rfc3339(seconds), text);
        }
    }
}
