//! The Durable Object. Its instance `health` is where isolates meet to tell each other how targets do; the others will
//! count for a key, a team or a credential.

use worker::{DurableObject, Env, Request, Response, State, durable_object};

use crate::routing::memory::Memory;

#[durable_object(fetch)]
pub struct Meter {
    health: Memory,
}

impl DurableObject for Meter {
    fn new(_state: State, _env: Env) -> Self {
        Self { health: Memory::default() }
    }

    async fn fetch(&self, mut request: Request) -> worker::Result<Response> {
        match request.path().as_str() {
            "/meet" => Response::ok(self.health.meet(&request.text().await?)),
            _ => Ok(Response::empty()?.with_status(204)),
        }
    }
}
