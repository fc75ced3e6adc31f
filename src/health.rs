//! `GET /healthz`: alive, and which version. With `?bindings`, whether the deployment's storage answers too.

use serde_json::{Map, Value, json};

use crate::host::Host;
use crate::http::Call;

/// A status and a body.
pub async fn report<H: Host>(host: &H, call: &Call) -> (u16, Vec<u8>) {
    let mut report = json!({ "status": "ok", "version": env!("CARGO_PKG_VERSION") });
    if call.query.trim_start_matches('?').split('&').all(|field| field.split('=').next() != Some("bindings")) {
        return (200, report.to_string().into_bytes());
    }
    let bindings = host.bindings().await;
    let healthy = bindings.iter().all(|(_, answers)| *answers);
    let told: Map<String, Value> = bindings.into_iter().map(|(name, answers)| (name.to_owned(), answers.into())).collect();
    if let Some(fields) = report.as_object_mut() {
        fields.insert("bindings".to_owned(), told.into());
        fields.insert("status".to_owned(), if healthy { "ok" } else { "degraded" }.into());
    }
    (if healthy { 200 } else { 503 }, report.to_string().into_bytes())
}
