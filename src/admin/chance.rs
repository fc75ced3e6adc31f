//! Random bytes, drawn from a seed of 256 unpredictable bits that no other request has.

use sha2::{Digest, Sha256};

pub struct Chance {
    seed: [u8; 32],
    drawn: u64,
}

impl Chance {
    pub fn of(seed: [u8; 32]) -> Self {
        Self { seed, drawn: 0 }
    }

    pub fn block(&mut self) -> [u8; 32] {
        self.drawn += 1;
        Sha256::new().chain_update(self.seed).chain_update(self.drawn.to_be_bytes()).finalize().into()
    }

    /// Of a block so many; no more than 32.
    pub fn bytes<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        for (byte, random) in bytes.iter_mut().zip(self.block()) {
            *byte = random;
        }
        bytes
    }
}
