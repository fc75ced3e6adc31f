use super::chunk::{Chunk, chunks};
use super::stream::StreamReader;
use crate::error::{Error, Kind, Result};
use crate::ir::{Fold, Response};
use crate::wire::Reader;

/// An answer, or the array of chunks of which a stream without `alt=sse` consists: read as a stream is.
pub fn decode_response(body: &[u8]) -> Result<Response> {
    let chunks = answer(body)?;
    let mut reader = StreamReader::default();
    let mut events = Vec::new();
    chunks.iter().for_each(|chunk| reader.take(chunk, &mut events));
    match chunks.as_slice() {
        [_] => reader.conclude(&mut events),
        _ => reader.finish(None, &mut events),
    }
    let mut fold = Fold::default();
    events.into_iter().for_each(|event| fold.push(event));
    fold.finish()
}

fn answer(body: &[u8]) -> Result<Vec<Chunk<'_>>> {
    let chunks =
        chunks(body).map_err(|error| Error::upstream(Kind::Failed, format!("The provider's answer could not be read: {error}")))?;
    match chunks.iter().find_map(Chunk::fault) {
        Some(error) => Err(error),
        None if chunks.iter().any(Chunk::answers) => Ok(chunks),
        None => Err(Error::upstream(Kind::Failed, "The provider's answer has no candidates.")),
    }
}
