use super::answer::{Answer, Made};
use super::item;
use crate::error::{Error, Kind, Result};
use crate::ir::{Part, Response};

pub fn decode_response(body: &[u8]) -> Result<Response> {
    let answer = answer(body)?;
    let parts: Vec<Part> = answer.output.iter().flatten().flat_map(|raw| item::parts(raw)).collect();
    let mut made = Made::default();
    parts.iter().for_each(|part| made.note(part));
    Ok(Response {
        id: answer.id(),
        model: answer.model(),
        created: answer.created(),
        parts,
        finish: answer.finish(made),
        others: Vec::new(),
        usage: answer.counted(),
        extras: answer.extras(),
    })
}

/// The answer, if it is one and has ended well.
pub(super) fn answer(body: &[u8]) -> Result<Answer<'_>> {
    let broken = |why| Error::upstream(Kind::Failed, why);
    let answer: Answer<'_> =
        crate::wire::json::read(body).map_err(|_| broken("The provider's answer is empty, broken, or of another kind than asked for."))?;
    match answer.fault() {
        Some(error) => Err(error),
        None if !answer.ended() => Err(broken("The provider answers in the background; ask it without `background`.")),
        None if answer.output.is_none() => Err(broken("The provider's answer has no output.")),
        None => Ok(answer),
    }
}
