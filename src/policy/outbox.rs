//! Alerts on their way: webhooks as <https://www.standardwebhooks.com> has them, sent until they arrive, for a day.

use hmac::{Hmac, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use super::meter::Alert;
use super::rules::Amount;
use crate::providers::custom_host;
use crate::time;
use crate::wire::base64;

/// How long to wait after each try; after the last of these there is one more, and no other.
const WAITS_S: [u64; 9] = [2, 15, 60, 300, 1_200, 3_600, 10_800, 25_200, 43_200];

/// What a deployment sends with.
pub struct Sender<'a> {
    /// The master keys; while a new one is brought in, both sign.
    pub masters: &'a [&'a str],
    pub trusted_hosts: &'a [&'a str],
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mail {
    pub id: String,
    url: String,
    body: String,
    tries: usize,
    pub due: u64,
}

/// A POST.
#[derive(Debug, Serialize)]
pub struct Delivery {
    pub id: String,
    pub url: String,
    pub headers: Vec<(&'static str, String)>,
    pub body: String,
}

#[derive(Serialize)]
struct Letter<'a> {
    r#type: &'static str,
    id: &'a str,
    at: String,
    holder: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    by: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<&'a str>,
    budget: About,
    /// Of the budget.
    share: f64,
    spent: Amount,
    max: Amount,
}

#[derive(Serialize)]
struct About {
    unit: &'static str,
    per: &'static str,
    hard: bool,
}

impl Mail {
    /// Nothing where nobody is to be told. `value` is whose the budget is, where each value of a field has its own.
    pub fn of(holder: &str, value: Option<&str>, alert: &Alert, id: String, now: u64) -> Option<Self> {
        let budget = &alert.budget;
        let url = budget.webhook.clone()?;
        let id = format!("msg_{id}");
        let letter = Letter {
            r#type: "budget.threshold",
            id: &id,
            at: time::rfc3339(now / 1_000),
            holder,
            by: budget.by.as_deref(),
            value,
            budget: About { unit: budget.amount.unit(), per: budget.per.word(), hard: budget.hard },
            share: f64::from(alert.share) / 1_000.0,
            spent: alert.spent,
            max: budget.amount,
        };
        let body = serde_json::to_string(&letter).ok()?;
        Some(Self { id, url, body, tries: 0, due: now })
    }

    /// The next try; nothing where it may not be sent there, or was tried often enough.
    pub fn post(&mut self, sender: &Sender<'_>, now: u64) -> Option<Delivery> {
        if !may_go_to(&self.url, sender.trusted_hosts) {
            return None;
        }
        // After the last try nobody waits any more, but it is only given up when its time has come again.
        let wait = match WAITS_S.get(self.tries) {
            Some(wait) => *wait,
            None if self.tries == WAITS_S.len() => 1,
            None => return None,
        };
        self.tries += 1;
        self.due = now + wait * 1_000;
        let seconds = now / 1_000;
        let mut headers = vec![
            ("content-type", "application/json".to_owned()),
            ("webhook-id", self.id.clone()),
            ("webhook-timestamp", seconds.to_string()),
        ];
        let signed = format!("{}.{seconds}.{}", self.id, self.body);
        let signatures: Vec<String> =
            sender.masters.iter().map(|master| format!("v1,{}", base64::encode(&hmac(&key(master), &signed)))).collect();
        if !signatures.is_empty() {
            headers.push(("webhook-signature", signatures.join(" ")));
        }
        Some(Delivery { id: self.id.clone(), url: self.url.clone(), headers, body: self.body.clone() })
    }
}

/// What receivers verify webhooks with.
pub fn webhook_secret(master: &str) -> String {
    format!("whsec_{}", base64::encode(&key(master)))
}

fn key(master: &str) -> Vec<u8> {
    hmac(master.as_bytes(), "causeway webhooks")
}

fn hmac(key: &[u8], text: &str) -> Vec<u8> {
    // A key of any length is one.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else { return Vec::new() };
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

/// A public host, or one that is trusted. Its path and query may be anything that no parser of URLs reads otherwise.
fn may_go_to(url: &str, trusted: &[&str]) -> bool {
    let Some((scheme, rest)) = url.split_once("://") else { return false };
    let (authority, rest) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
    let plain = rest.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\' && byte != b'#');
    plain && custom_host::base_url(&format!("{scheme}://{authority}"), trusted).is_ok()
}
