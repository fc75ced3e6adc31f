//! The Durable Object. Its instance `health` is where isolates meet to tell each other how targets do; the others will
//! count for a key, a team or a credential.

use worker::{DurableObject, Env, Request, Response, State, Storage, durable_object};

use super::host;
use crate::routing::meeting::{Meeting, Notes};

#[durable_object(fetch)]
pub struct Meter {
    state: State,
    health: Meeting,
}

impl DurableObject for Meter {
    fn new(state: State, _env: Env) -> Self {
        Self { state, health: Meeting::default() }
    }

    async fn fetch(&self, mut request: Request) -> worker::Result<Response> {
        match request.path().as_str() {
            "/meet" => Response::ok(self.health.meet(&request.text().await?, &self.state.storage(), host::now()).await),
            _ => Ok(Response::empty()?.with_status(204)),
        }
    }
}

/// What cannot be written or read is not there.
impl Notes for Storage {
    async fn read(&self, name: &str) -> Option<String> {
        self.get(name).await.ok().flatten()
    }

    async fn write(&self, name: &str, value: &str) {
        let _ = self.put(name, value).await;
    }
}
