//! What lies in a locker, and its seal: ChaCha20-Poly1305. (In wasm AES has no instructions of its own, and is
//! several times slower and larger.)

use chacha20poly1305::aead::AeadInPlace;
use chacha20poly1305::{ChaCha20Poly1305, KeyInit, Nonce, Tag};
use serde::{Deserialize, Serialize};

use super::{LONGEST, Locker};

/// An answer as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Milliseconds since 1970.
    pub at: u64,
    /// How old it may become, as whoever put it there wants.
    pub max_age_s: u64,
    pub content_type: String,
    /// Knobs that the target could not take.
    pub dropped: Vec<String>,
    pub body: Vec<u8>,
}

/// What goes before the body.
#[derive(Serialize, Deserialize)]
struct Head {
    at: u64,
    max_age_s: u64,
    content_type: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    dropped: Vec<String>,
}

const NONCE: usize = 12;
const TAG: usize = 16;
const LENGTH: usize = 4;

impl Entry {
    /// The entry as only the locker's key opens it: nonce, sealed bytes, tag. No nonce may come twice under a key; a
    /// key is used only when the same answer is put there anew.
    pub fn seal(&self, locker: &Locker, nonce: [u8; NONCE]) -> Option<Vec<u8>> {
        let Self { at, max_age_s, content_type, dropped, body } = self;
        if body.len() > LONGEST {
            return None;
        }
        let head = Head { at: *at, max_age_s: *max_age_s, content_type: content_type.clone(), dropped: dropped.clone() };
        let head = serde_json::to_vec(&head).ok()?;
        let mut out = Vec::with_capacity(NONCE + LENGTH + head.len() + body.len() + TAG);
        out.extend_from_slice(&nonce);
        out.extend_from_slice(&u32::try_from(head.len()).ok()?.to_le_bytes());
        out.extend_from_slice(&head);
        out.extend_from_slice(body);
        let open = out.get_mut(NONCE..)?;
        let tag = cipher(locker).encrypt_in_place_detached(Nonce::from_slice(&nonce), locker.name.as_bytes(), open).ok()?;
        out.extend_from_slice(&tag);
        Some(out)
    }

    /// Nothing where the bytes are not what this locker's key has sealed.
    pub fn open(mut sealed: Vec<u8>, locker: &Locker) -> Option<Self> {
        let tag = sealed.split_off(sealed.len().checked_sub(TAG).filter(|at| *at >= NONCE)?);
        let (nonce, open) = sealed.split_at_mut_checked(NONCE)?;
        let (nonce, tag) = (Nonce::from_slice(nonce), Tag::from_slice(&tag));
        cipher(locker).decrypt_in_place_detached(nonce, locker.name.as_bytes(), open, tag).ok()?;
        let (length, rest) = open.split_at_checked(LENGTH)?;
        let length = usize::try_from(u32::from_le_bytes(length.try_into().ok()?)).ok()?;
        let (head, body) = rest.split_at_checked(length)?;
        let Head { at, max_age_s, content_type, dropped } = crate::wire::json::read(head).ok()?;
        Some(Self { at, max_age_s, content_type, dropped, body: body.to_vec() })
    }

    /// Whether it is still good for one who takes nothing older than this. Clocks differ a little between isolates.
    pub fn is_fresh(&self, max_age_s: u64, now: u64) -> bool {
        now.saturating_sub(self.at) < max_age_s.min(self.max_age_s).saturating_mul(1_000)
    }
}

fn cipher(locker: &Locker) -> ChaCha20Poly1305 {
    ChaCha20Poly1305::new(&locker.key.into())
}
