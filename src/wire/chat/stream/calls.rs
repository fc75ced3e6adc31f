//! Puts the tool calls of a stream in order.
//!
//! The form has one block at a time, while a provider may mix the pieces of parallel calls. The first call passes
//! as it comes; another begins to pass when the arguments before it are whole, and waits until then.

use crate::ir::{Block, Delta, Event};

#[derive(Debug, Default)]
pub struct Calls {
    calls: Vec<Call>,
    /// The call whose block is open, or the next to open.
    current: usize,
}

#[derive(Debug, Default)]
struct Call {
    index: Option<u64>,
    id: String,
    name: String,
    /// Came while another call's block was open.
    waiting: String,
    opened: bool,
    shape: Shape,
}

/// A piece of a call, as a chunk has it.
#[derive(Debug, Default)]
pub struct Piece<'a> {
    pub index: Option<u64>,
    pub id: &'a str,
    pub name: &'a str,
    pub arguments: &'a str,
}

impl Calls {
    pub fn any(&self) -> bool {
        !self.calls.is_empty()
    }

    /// Whether a call's block is open.
    pub fn open(&self) -> bool {
        self.calls.get(self.current).is_some_and(|call| call.opened)
    }

    /// Takes a piece; `next` numbers the blocks.
    pub fn push(&mut self, piece: &Piece<'_>, next: &mut u32, events: &mut Vec<Event>) {
        let at = self.place(piece);
        let Some(call) = self.calls.get_mut(at) else { return };
        if call.id.is_empty() {
            piece.id.clone_into(&mut call.id);
        }
        if call.name.is_empty() {
            piece.name.clone_into(&mut call.name);
        }
        call.shape.feed(piece.arguments);
        if at < self.current {
            return;
        }
        call.waiting.push_str(piece.arguments);
        self.advance(next, events, false);
    }

    /// Closes the open call and lets those that wait pass whole.
    pub fn flush(&mut self, next: &mut u32, events: &mut Vec<Event>) {
        self.advance(next, events, true);
    }

    fn advance(&mut self, next: &mut u32, events: &mut Vec<Event>, last: bool) {
        let count = self.calls.len();
        while let Some(call) = self.calls.get_mut(self.current) {
            if !call.opened {
                call.opened = true;
                let block = Block::ToolCall { id: call.id.clone(), name: call.name.clone() };
                events.push(Event::Start { index: *next, block });
                *next = next.saturating_add(1);
            }
            if !call.waiting.is_empty() {
                events.push(Event::Delta(Delta::Arguments(std::mem::take(&mut call.waiting))));
            }
            let followed = self.current.saturating_add(1) < count;
            if !(last || (followed && call.shape.whole())) {
                return;
            }
            events.push(Event::End);
            self.current = self.current.saturating_add(1);
        }
    }

    /// Which call a piece belongs to: by index, by id, or else the last; a new one where none fits.
    fn place(&mut self, piece: &Piece<'_>) -> usize {
        let same = |call: &Call| match piece.index {
            Some(index) => call.index == Some(index),
            None => piece.id.is_empty() || call.id == piece.id,
        };
        let found = self.calls.iter().rposition(same).filter(|at| {
            self.calls.get(*at).is_some_and(|call| {
                let another = !piece.id.is_empty() && !call.id.is_empty() && piece.id != call.id;
                // Without ids, a name after whole arguments begins the next call.
                let unnamed = piece.id.is_empty() && !piece.name.is_empty() && call.shape.whole();
                !another && !unnamed
            })
        });
        found.unwrap_or_else(|| {
            self.calls.push(Call { index: piece.index, ..Call::default() });
            self.calls.len().saturating_sub(1)
        })
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
