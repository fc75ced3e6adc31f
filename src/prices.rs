//! Prices of one's own, from the deployment's storage: negotiated ones, and those of models that no list knows.
//!
//! All of them are one list under one key: a request needs them rarely to differ and never to be many, and one read a
//! minute and isolate tells of every model. They are read while an upstream is asked, never before it, and what waits
//! for them is at most the end of that: the cost of an answer is reckoned when the answer is there, and by then a
//! storage at the edge has long told. So even the first request of an isolate has the right price. What is known stays
//! good for a minute, that there is nothing too; then one request reads anew, beside its own upstream, while the
//! others go on with what was known.

use std::future::Future;

use futures_util::future::join;

use crate::catalog::{Override, Overrides};
use crate::host::Host;
use crate::providers;
use crate::settings::Settings;

/// Where the list is: `[{"provider": "openai", "model": "gpt-4o", "input": "1.80", "output": "7.20"}]`.
pub const KEY: &str = "prices";

/// How long the storage may take. A price that did not come is read a minute later.
const PATIENCE_MS: u64 = 500;

/// Does some work that takes at most so long, and meanwhile reads the prices if they are due.
pub async fn alongside<H: Host, W: Future>(host: &H, settings: &Settings, most_ms: Option<u64>, work: W) -> W::Output {
    if !settings.prices_due(host.now()) {
        return work.await;
    }
    join(work, read(host, settings, most_ms.unwrap_or(PATIENCE_MS).min(PATIENCE_MS))).await.0
}

pub async fn read<H: Host>(host: &H, settings: &Settings, patience_ms: u64) {
    let read = match host.stored(KEY, patience_ms).await {
        Ok(Some(list)) => Some(parsed(&list)),
        Ok(None) => Some(Overrides::default()),
        Err(_) => None,
    };
    settings.keep_prices(read, host.now());
}

/// By the slugs of the providers, whichever of their names was written.
fn parsed(list: &[u8]) -> Overrides {
    let slugged = |provider: &str| providers::find(provider).map_or(provider, |known| known.slug).to_owned();
    let overrides = Overrides::parse(list);
    let all = overrides.iter().map(|(provider, model, prices)| Override {
        provider: slugged(provider),
        model: model.to_owned(),
        prices: prices.clone(),
    });
    all.collect()
}
