//! The Durable Object whose instances will count for a key, a team or a credential. So far it answers whoever asks
//! whether it is there, so that the first deployment makes its class and shows that it is reached.

use worker::{DurableObject, Env, Request, Response, State, durable_object};

#[durable_object(fetch)]
pub struct Meter;

impl DurableObject for Meter {
    fn new(_state: State, _env: Env) -> Self {
        Self
    }

    async fn fetch(&self, _request: Request) -> worker::Result<Response> {
        Ok(Response::empty()?.with_status(204))
    }
}
