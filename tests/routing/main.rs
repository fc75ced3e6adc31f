//! Routing: what a config may say, and which targets are tried for a request, when, and how often. All of it is pure:
//! clock, chance and the targets' health are the tests' own.

#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod condition;
mod config;
mod health;
mod meeting;
#[path = "../meters/mod.rs"]
mod meters;
mod mistakes;
mod model;
mod pick;
mod plan;
mod portkey;

/// Chance that repeats itself: xorshift with a seed.
pub struct Chance(std::cell::Cell<u64>);

impl Chance {
    pub fn seeded(seed: u64) -> Self {
        let chance = Self(std::cell::Cell::new(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1));
        (0..8).for_each(|_| {
            chance.next();
        });
        chance
    }

    pub fn next(&self) -> u64 {
        let mut state = self.0.get();
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        self.0.set(state);
        state.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    pub fn below(&self, bound: usize) -> usize {
        (self.next() >> 33) as usize % bound
    }

    pub fn one_in(&self, bound: usize) -> bool {
        self.below(bound) == 0
    }

    pub fn one_of<T: Copy>(&self, list: &[T]) -> T {
        list[self.below(list.len())]
    }
}
