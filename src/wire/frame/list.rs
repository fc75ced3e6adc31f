//! A stream of events as one JSON array, as Google sends it to callers who do not ask for events: `[{..}`, then
//! `,\r\n{..}` for each further one, and `]` when the answer is whole. What broke off never has its end.

use serde_json::value::RawValue;

use super::sse;

/// Events in, an array out.
#[derive(Debug, Default)]
pub struct List {
    frames: sse::Parser,
    begun: bool,
    /// Something in it cannot be an element.
    broken: bool,
}

impl List {
    /// The whole of an answer's events.
    pub fn of(events: &[u8]) -> Vec<u8> {
        let (mut list, mut out) = (Self::default(), Vec::with_capacity(events.len()));
        list.push(events, &mut out);
        list.finish(&mut out);
        list.close(&mut out);
        out
    }

    pub fn push(&mut self, events: &[u8], out: &mut Vec<u8>) {
        let Self { frames, begun, broken } = self;
        frames.push(events, &mut |frame| *broken |= !element(frame.data, begun, out));
    }

    /// The stream is over. Its last event may lack its blank line; one that broke off within is left out.
    pub fn finish(&mut self, out: &mut Vec<u8>) {
        let Self { frames, begun, broken } = self;
        frames.finish(&mut |frame| *broken |= !element(frame.data, begun, out));
        self.broken |= self.frames.overrun();
        self.frames = sse::Parser::default();
    }

    /// What a whole answer ends with.
    pub fn close(&mut self, out: &mut Vec<u8>) {
        if !self.broken {
            out.extend_from_slice(if self.begun { b"\n]\n" } else { b"[]\n" });
        }
    }
}

/// Adds an element; `false` where it is none.
fn element(data: &[u8], begun: &mut bool, out: &mut Vec<u8>) -> bool {
    let data = data.trim_ascii();
    if data.is_empty() || data == b"[DONE]" {
        return true;
    }
    if crate::wire::json::read::<&RawValue>(data).is_err() {
        return false;
    }
    out.extend_from_slice(if std::mem::replace(begun, true) { b"\n,\r\n" } else { b"[" });
    out.extend_from_slice(data);
    true
}
