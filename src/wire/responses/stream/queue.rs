//! Puts the items of a stream in order.
//!
//! The form has one block at a time, while a provider may mix the pieces of several items. The first item passes as
//! it comes; another begins to pass when those before it are done, and waits until then.

use crate::ir::Event;

#[derive(Debug, Default)]
pub(super) struct Queue {
    places: Vec<Place>,
    /// The item that passes now.
    current: usize,
    /// Number of the next block.
    next: u32,
}

#[derive(Debug, Default)]
struct Place {
    waiting: Vec<Event>,
    done: bool,
}

impl Queue {
    /// A place for one more item.
    pub fn join(&mut self) -> usize {
        self.places.push(Place::default());
        self.places.len().saturating_sub(1)
    }

    /// An event of the item at this place; the number of a block is given when it passes.
    pub fn push(&mut self, at: usize, event: Event, events: &mut Vec<Event>) {
        if at == self.current {
            self.pass(event, events);
        } else if let Some(place) = self.places.get_mut(at).filter(|place| !place.done) {
            place.waiting.push(event);
        }
    }

    pub fn done(&mut self, at: usize, events: &mut Vec<Event>) {
        if let Some(place) = self.places.get_mut(at) {
            place.done = true;
        }
        while self.places.get(self.current).is_some_and(|place| place.done) {
            self.current = self.current.saturating_add(1);
            let waiting = self.places.get_mut(self.current).map(|place| std::mem::take(&mut place.waiting));
            waiting.into_iter().flatten().for_each(|event| self.pass(event, events));
        }
    }

    fn pass(&mut self, event: Event, events: &mut Vec<Event>) {
        events.push(match event {
            Event::Start { block, .. } => {
                let index = self.next;
                self.next = self.next.saturating_add(1);
                Event::Start { index, block }
            }
            other => other,
        });
    }
}
