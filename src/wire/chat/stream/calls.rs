//! Puts the tool calls of a stream in order.
//!
//! The form has one block at a time, while a provider may mix the pieces of parallel calls. The first call passes
//! as it comes; another begins to pass when the arguments before it are whole, and waits until then.

use crate::ir::{Block, Delta, Event, Raw};
use crate::wire::chat::beside::{self, EXTRA_CONTENT, Place};
use serde_json::value::RawValue;

#[derive(Debug, Default)]
pub struct Calls {
    calls: Vec<Call>,
    /// The call whose block is open, or the next to open.
    current: usize,
    open: bool,
    /// How many have begun to be told.
    told: usize,
}

#[derive(Debug, Default)]
struct Call {
    index: Option<u64>,
    id: String,
    name: String,
    /// Came while another call's block was open, or before the name.
    waiting: String,
    shape: Shape,
    /// What came beside it and is not told yet.
    extra: Option<Raw>,
}

/// A piece of a call, as a chunk has it.
#[derive(Debug, Default)]
pub struct Piece<'a> {
    pub index: Option<u64>,
    pub id: &'a str,
    pub name: &'a str,
    pub arguments: &'a str,
    pub extra: Option<&'a RawValue>,
}

impl Calls {
    pub fn any(&self) -> bool {
        self.calls.iter().any(|call| !call.name.is_empty())
    }

    /// Whether a call's arguments are still to come, so that no other block may be opened.
    pub fn pending(&self) -> bool {
        self.calls.iter().skip(self.current).any(|call| !call.name.is_empty() && !call.shape.whole())
    }

    /// Whether a call has begun to have arguments that did not come to their end.
    pub fn cut(&self) -> bool {
        self.calls.iter().any(|call| call.shape.begun && !call.shape.whole())
    }

    /// Whether a piece adds anything: some fill the place of a call with one that has no name.
    pub fn heeds(&self, piece: &Piece<'_>) -> bool {
        match self.place(piece) {
            Some(at) => at >= self.current,
            None => !piece.name.is_empty() || !piece.id.is_empty(),
        }
    }

    /// Takes a piece; `next` numbers the blocks.
    pub fn push(&mut self, piece: &Piece<'_>, next: &mut u32, events: &mut Vec<Event>) {
        let at = self.place(piece).unwrap_or_else(|| {
            self.calls.push(Call { index: piece.index, ..Call::default() });
            self.calls.len().saturating_sub(1)
        });
        let Some(call) = self.calls.get_mut(at) else { return };
        if call.id.is_empty() {
            piece.id.clone_into(&mut call.id);
        }
        if call.name.is_empty() {
            piece.name.clone_into(&mut call.name);
        }
        call.shape.feed(piece.arguments);
        call.waiting.push_str(piece.arguments);
        call.extra = piece.extra.map(RawValue::to_owned).or(call.extra.take());
        self.advance(next, events, false);
    }

    /// Closes the open call and lets those that wait pass whole.
    pub fn flush(&mut self, next: &mut u32, events: &mut Vec<Event>) {
        self.advance(next, events, true);
    }

    fn advance(&mut self, next: &mut u32, events: &mut Vec<Event>, last: bool) {
        let count = self.calls.len();
        while let Some(call) = self.calls.get_mut(self.current) {
            if !call.name.is_empty() && !self.open {
                self.open = true;
                let block = Block::ToolCall { id: call.id.clone(), name: call.name.clone() };
                events.push(Event::Start { index: *next, block });
                *next = next.saturating_add(1);
                self.told = self.told.saturating_add(1);
            }
            if let Some(extra) = call.extra.take_if(|_| self.open) {
                let place = Place::Call(self.told.saturating_sub(1));
                events.push(Event::Delta(Delta::Extra(beside::name(place, EXTRA_CONTENT), extra)));
            }
            if self.open && !call.waiting.is_empty() {
                events.push(Event::Delta(Delta::Arguments(std::mem::take(&mut call.waiting))));
            }
            let followed = self.current.saturating_add(1) < count;
            if !(last || (followed && self.open && call.shape.whole())) {
                return;
            }
            if std::mem::take(&mut self.open) {
                events.push(Event::End);
            }
            self.current = self.current.saturating_add(1);
        }
    }

    /// Which call a piece belongs to: by index, by id, or else the last; a new one where none fits.
    fn place(&self, piece: &Piece<'_>) -> Option<usize> {
        let last = self.calls.len().checked_sub(1);
        let found = match piece.index {
            Some(index) => self.calls.iter().rposition(|call| call.index == Some(index)),
            None if piece.id.is_empty() => last,
            // An id of its own makes no call of a piece without a name.
            None => self.calls.iter().rposition(|call| call.id == piece.id).or(last.filter(|_| piece.name.is_empty())),
        };
        found.filter(|at| self.calls.get(*at).is_some_and(|call| !begins_another(piece, call)))
    }
}

/// Whether a piece that might continue this call begins the next one. Only a piece with a name can: there are
/// providers whose ids change from piece to piece, and such as repeat the name, or give all calls one index.
fn begins_another(piece: &Piece<'_>, call: &Call) -> bool {
    if piece.name.is_empty() || call.name.is_empty() {
        return false;
    }
    match piece.index {
        _ if !piece.id.is_empty() && !call.id.is_empty() => piece.id != call.id,
        Some(_) => call.shape.whole() && !piece.arguments.is_empty(),
        None => call.shape.whole() || !call.shape.begun || piece.name != call.name,
    }
}

/// Follows JSON text only so far as to know when its outermost value is whole.
#[derive(Debug, Default)]
struct Shape {
    depth: usize,
    within_string: bool,
    escaped: bool,
    begun: bool,
}

impl Shape {
    fn feed(&mut self, text: &str) {
        for byte in text.bytes() {
            if self.escaped {
                self.escaped = false;
            } else if self.within_string {
                match byte {
                    b'\\' => self.escaped = true,
                    b'"' => self.within_string = false,
                    _ => {}
                }
            } else {
                match byte {
                    b'"' => self.within_string = true,
                    b'{' | b'[' => {
                        self.begun = true;
                        self.depth = self.depth.saturating_add(1);
                    }
                    b'}' | b']' => self.depth = self.depth.saturating_sub(1),
                    _ => {}
                }
            }
        }
    }

    fn whole(&self) -> bool {
        self.begun && self.depth == 0 && !self.within_string
    }
}
