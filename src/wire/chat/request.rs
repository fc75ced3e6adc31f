use crate::error::{Error, Result};
use crate::ir::{Losses, Request};
use crate::wire::Abilities;
pub fn decode_request(_body: &[u8]) -> Result<Request> {
    Err(Error::gateway("stub"))
}
pub fn encode_request(_r: &Request, _s: bool, _a: &Abilities, _l: &mut Losses) -> Result<Vec<u8>> {
    Err(Error::gateway("stub"))
}
